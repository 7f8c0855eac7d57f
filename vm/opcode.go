package vm

import "github.com/adjoint-go/adjoint/internal/dtype"

// Opcode is the kind of a machine instruction. The comments are the reference; docs/BYTECODE.md is generated from them.
type Opcode uint8

// The machine instructions.
const (
	// OpInvalid is no instruction.
	OpInvalid Opcode = iota
	// OpStraight runs straight-line micro-code once over scalar cells of the arena.
	OpStraight
	// OpLoop applies micro-code to every element of an iteration space, optionally ending in a reduction:
	// In and Out are the arrays in the order of the loop's accesses.
	OpLoop
	// OpKernel calls the whole-tensor kernel that Kernel names with the attributes Attrs.
	OpKernel
	// OpCall runs blocks of the program as Call says: a loop or a branch.
	OpCall
	// OpEpilogue calls the kernel that Kernel names, as OpKernel, and applies the micro-code of Loop, as OpLoop without a reduction, to each part of its result as soon as
	// that is complete. In are the kernel's operands, and behind them the arrays of the loop's inputs but the first, which is the kernel's result; Out are the
	// kernel's result and the loop's. A result of the loop may lie in the place of the kernel's, which then is not kept.
	OpEpilogue
	opcodeCount
)

// operations holds what the package knows of each opcode. A new opcode is a row here and a file that implements operation and executor.
var operations = [opcodeCount]operation{OpStraight: straightOp{}, OpLoop: loopOp{}, OpKernel: kernelOp{}, OpCall: callOp{}, OpEpilogue: epilogueOp{}}

// operation is all that the package knows of an opcode.
type operation interface {
	name() string // in listings and files
	// set reports whether the instruction has the opcode's payload.
	set(in *Instr) bool
	// clone gives the instruction a payload that shares no memory with the one it had.
	clone(in *Instr)
	executor(p *Program, b *Block, in *Instr, threads int) executor
	// verify checks the payload, which is set, and records what it does to memory besides its operands, which are verified. It returns the number of
	// debug nodes that it may have.
	verify(v *verifier, in *Instr) (nodes int, err error)
	// scalars calls read for each scalar of the arena that it reads besides its operands.
	scalars(in *Instr, read func(offset int64, d dtype.DType))
	// fixed calls touch for the memory of the arena that it reads or writes in other ways than through operands that can be bound to other memory.
	fixed(c *Code, in *Instr, touch func(lo, hi int64, write bool))
	// workspace returns the bytes of the scratch that it shares with others.
	workspace(in *Instr) int64
	// work bounds the operations of a run, given those of the blocks before.
	work(in *Instr, blocks []float64) float64
	// parts calls f with the flops of each part, given those of the blocks before.
	parts(in *Instr, blocks []int64, f func(index int, flops int64))
	// bytes counts what it reads and writes besides its operands and results.
	bytes(in *Instr) int64
	// describe says in a word or a name what the instruction is, and with which attributes.
	describe(in *Instr) (what, attributes string)
	// list appends its lines to a listing, behind number and name.
	list(l *lister, in *Instr)

	// The text form: its lines, the words that begin them, and what reads the rest of a line that begins with one of them.
	appendText(in *Instr, b []byte) []byte
	keywords() []string
	parse(t *textParser, keyword string) error

	// The binary form of the payload.
	encode(e *encoder, in *Instr)
	decode(d *decoder, in *Instr)
}

// known returns the operation of the opcode, nil if there is none.
func (o Opcode) known() operation {
	if o >= opcodeCount {
		return nil
	}
	return operations[o]
}

// op returns the operation of a verified instruction.
func (in *Instr) op() operation { return operations[in.Op] }

// Describe returns in a word or a name what the instruction is, such as loop, scan or the name of a kernel, and its attributes as text; nothing for
// an instruction that lacks the payload of its opcode.
func (in *Instr) Describe() (what, attributes string) {
	if in == nil {
		return "", ""
	}
	if op := in.Op.known(); op != nil && op.set(in) {
		return op.describe(in)
	}
	return "", ""
}

// String returns the name in listings.
func (o Opcode) String() string {
	if op := o.known(); op != nil {
		return op.name()
	}
	return "INVALID"
}
