package vm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/handover"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Type is the dtype and shape of a slot or operand.
type Type = kernel.Type

// Ref is a place in memory: a byte offset into a space. Space 0 is the arena; space k > 0 is the tensor that input
// k−1 is bound to.
type Ref struct {
	Space  uint32
	Offset int64
}

// Operand is a contiguous row-major array that an instruction reads or writes.
type Operand struct {
	Type
	Ref
}

// Instr is one machine instruction. Straight, Loop, Kernel or Call is set as Op says, of OpEpilogue both Kernel and Loop.
type Instr struct {
	Op       Opcode
	Straight *micro.Straight
	Loop     *micro.Loop
	Kernel   string
	Attrs    attr.List
	Call     *Call
	In       []Operand
	Out      []Operand
	// Nodes are indices into Debug.Nodes: for Straight and Loop one for each micro-instruction (and one more for
	// the reduction), for Kernel and Call one, of OpEpilogue the kernel's and then the loop's. Empty if the program has no debug information.
	Nodes []int32
}

// Slot is an input or output of a program or block.
type Slot struct {
	Name string   // of the input or of the output's node; may be empty for outputs, and in blocks that are called
	Also []string // more names
	Type
	Ref // where the value lies; an input in its own space k is bound to the caller's tensor or operand
	// Used is false for an input that no output depends on.
	Used bool
	// Update is, for an input of the program, 1 + the index of the output whose value it has after each run that succeeds; 0 for none. Such an input lies in
	// the arena, and the program may overwrite it: after a run that fails it holds anything. If the output lies in its place the new value is there already, else it is copied.
	Update int
}

// Block is a piece of a program with memory of its own: an arena in which its inputs, outputs, constants and temporaries lie. A program is
// a block that is run by a machine; the others are run by calls.
type Block struct {
	Inputs  []Slot
	Outputs []Slot
	Instrs  []Instr
	// ArenaBytes is the size of the arena, in which all but large inputs lies.
	ArenaBytes int64
	// Const is copied to ConstOffset of a fresh arena.
	Const       []byte
	ConstOffset int64
}

// Code is a program as data: what compilers write and tools look at. Machines do not run it; NewProgram makes a Program of it. The embedded Block is
// where a run begins.
type Code struct {
	Block
	// Blocks are what calls run. Blocks[k] calls only blocks of smaller numbers.
	Blocks []Block
	Debug  Debug
}

// named reports whether the slot has the name.
func (s *Slot) named(name string) bool { return s.Name == name || slices.Contains(s.Also, name) }

// Program is a verified program. It does not change, and any number of machines may run it at once. The zero Program does nothing. Of a nil
// one, which Compile and Decode return beside an error, the methods say what they say of the zero Program.
type Program struct {
	code   Code // nobody else has its memory
	native *nativeCode
}

// NewProgram verifies a copy of the code and makes a program of it. A program that passes can touch no memory outside of its arena
// and inputs, depends on nothing that an earlier run left behind, and calls kernels only as they allow; the error says what is wrong
// otherwise. Time and memory grow with the length of the code, whatever sizes it states.
func NewProgram(c *Code) (*Program, error) {
	if c == nil {
		return nil, errors.New("program: no code")
	}
	return seal(c.clone())
}

func init() {
	handover.NewProgram = func(code any) (any, error) { return seal(*code.(*Code)) }
}

// seal makes a program of code that nobody else has.
func seal(c Code) (*Program, error) {
	if err := c.verify(); err != nil {
		return nil, err
	}
	return &Program{code: c, native: &nativeCode{}}, nil
}

// data returns the program's code.
func (p *Program) data() *Code {
	if p == nil {
		return &Code{}
	}
	return &p.code
}

// Code returns a copy of the program as data.
func (p *Program) Code() *Code {
	c := p.data().clone()
	return &c
}

// Inputs returns a copy of the inputs' descriptions, in the order in which Run takes values.
func (p *Program) Inputs() []Slot { return cloneEach(p.data().Inputs, Slot.clone) }

// Outputs returns a copy of the outputs' descriptions, in the order in which Run returns them.
func (p *Program) Outputs() []Slot { return cloneEach(p.data().Outputs, Slot.clone) }

// ArenaBytes returns the size of a machine's arena, in which all but large inputs lies.
func (p *Program) ArenaBytes() int64 { return p.data().ArenaBytes }

// ScratchBytes returns the size of the scratch that the program's kernels share, those of its blocks among them.
func (p *Program) ScratchBytes() int64 {
	n := int64(0)
	for b := range p.data().blocks() {
		for i := range b.Instrs {
			n = max(n, b.Instrs[i].op().workspace(&b.Instrs[i]))
		}
	}
	return n
}

// blocks yields all blocks, each behind those that it calls; the last is the entry.
func (c *Code) blocks() func(yield func(*Block) bool) {
	return func(yield func(*Block) bool) {
		for k := range c.Blocks {
			if !yield(&c.Blocks[k]) {
				return
			}
		}
		yield(&c.Block)
	}
}

// block returns the block of the number, which may be entryBlock.
func (c *Code) block(number int) *Block {
	if number == entryBlock {
		return &c.Block
	}
	return &c.Blocks[number]
}

// hasCalls reports whether a run may run other blocks.
func (c *Code) hasCalls() bool {
	return slices.ContainsFunc(c.Instrs, func(in Instr) bool { return in.Call != nil })
}

// Len returns the number of instructions, those of blocks that are called not counted.
func (p *Program) Len() int { return len(p.data().Instrs) }

// Node returns what the program says about node i of its debug information, to which instructions, shares and profiles refer; nothing if there is
// no such node.
func (p *Program) Node(i int32) NodeInfo {
	nodes := p.data().Debug.Nodes
	if i < 0 || int(i) >= len(nodes) {
		return NodeInfo{}
	}
	return nodes[i]
}

// Debug maps instructions to the user's graph and source.
type Debug struct {
	Strings []string
	Nodes   []NodeInfo
}

// NodeInfo describes a node of the user's graph; Op, Name and File are indices into Debug.Strings, of which 0 is "".
type NodeInfo struct {
	ID, Op, Name, File, Line int32
}

// Where returns "op name (file:line)" for a node index, or "" if it is not known.
func (d *Debug) Where(i int32) string {
	if i < 0 || int(i) >= len(d.Nodes) {
		return ""
	}
	n := d.Nodes[i]
	s := d.Strings[n.Op]
	if n.Name > 0 {
		s += " " + d.Strings[n.Name]
	} else {
		s += fmt.Sprintf(" %%%d", n.ID)
	}
	if n.File > 0 {
		s += fmt.Sprintf(" (%s:%d)", d.Strings[n.File], n.Line)
	}
	return s
}

// bytesOf returns the bytes of a contiguous array.
func bytesOf(t Type) int64 { return int64(t.Size()) * int64(t.DType.Size()) }

// typeText returns f64 or f32[8×16].
func typeText(t Type) string {
	s := t.DType.Short()
	for i, d := range t.Shape {
		if i == 0 {
			s += "["
		} else {
			s += "×"
		}
		s += fmt.Sprint(d)
	}
	if len(t.Shape) > 0 {
		s += "]"
	}
	return s
}

// dtypeOf is the dtype that a Go element type stores.
func dtypeOf[T float64 | float32 | int64 | int32 | bool]() dtype.DType {
	switch any(*new(T)).(type) {
	case float64:
		return dtype.Float64
	case float32:
		return dtype.Float32
	case int64:
		return dtype.Int64
	case int32:
		return dtype.Int32
	}
	return dtype.Bool
}
