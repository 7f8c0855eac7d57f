package vm

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
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

// Instr is one machine instruction. Straight, Loop or Kernel is set as Op says.
type Instr struct {
	Op       Opcode
	Straight *micro.Straight
	Loop     *micro.Loop
	Kernel   string
	Attrs    attr.List
	In       []Operand
	Out      []Operand
	// Nodes are indices into Debug.Nodes: for Straight and Loop one for each micro-instruction (and one more for
	// the reduction), for Kernel one. Empty if the program has no debug information.
	Nodes []int32
}

// Slot is an input or output of a program.
type Slot struct {
	Name string // of the input or of the output's node; may be empty for outputs
	Type
	Ref // where the value lies; an input in its own space k is bound to the caller's tensor
	// Used is false for an input that no output depends on.
	Used bool
}

// Program is a compiled graph. Its fields are read-only: change none after verification.
type Program struct {
	Inputs  []Slot
	Outputs []Slot
	Instrs  []Instr
	// ArenaBytes is the memory that a machine allocates.
	ArenaBytes int64
	// Const is copied to ConstOffset of a fresh arena.
	Const       []byte
	ConstOffset int64
	Debug       Debug

	native nativeCode
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

// MemoryBytes returns the bytes that a machine allocates to run the program: the arena and the scratch of kernels, apart
// from bookkeeping of a few hundred bytes for each instruction, and 4 KiB for each register of a loop that runs block by block, on
// each thread. The program must be verified.
func (p *Program) MemoryBytes() int64 { return p.ArenaBytes + p.scratchBytes() }

// scratchBytes returns the most scratch that a kernel needs; the kernels of a machine share it.
func (p *Program) scratchBytes() int64 {
	most := int64(0)
	for i := range p.Instrs {
		most = max(most, p.Instrs[i].scratchBytes())
	}
	return most
}

// scratchBytes returns the scratch that the instruction needs.
func (in *Instr) scratchBytes() int64 {
	if in.Op == OpKernel {
		if k := kernel.Lookup(in.Kernel); k.Workspace != nil {
			return int64(k.Workspace(operandTypes(in.In), operandTypes(in.Out), in.Attrs))
		}
	}
	return 0
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
