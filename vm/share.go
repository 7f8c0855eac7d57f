package vm

import (
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Share is what a part of an instruction does: a micro-instruction, the reduction at a loop's tail, or a whole kernel call.
type Share struct {
	Instr int   // the instruction
	Index int   // of the part, as in Instr.Nodes
	Node  int32 // the user's node, an index into Debug.Nodes; −1 if it is not known
	Flops int64 // as Profile counts them
}

// Shares lists the parts of all instructions in their order. Their flops add up to those of the profile.
func (p *Program) Shares() []Share {
	var list []Share
	for i := range p.data().Instrs {
		in := &p.code.Instrs[i]
		in.parts(func(k int, flops int64) {
			s := Share{Instr: i, Index: k, Node: -1, Flops: flops}
			if k < len(in.Nodes) {
				s.Node = in.Nodes[k]
			}
			list = append(list, s)
		})
	}
	return list
}

// Work bounds the operations of a run: one for each micro-instruction of each element, and for whole-tensor kernels what their definition takes
// at most (two for each term of a matrix product, n³ for a sparse solve of n rows, whose factors may fill in). It says how long a run takes within some
// orders of magnitude, and does not count what a user's kernel does.
func (p *Program) Work() float64 {
	total := 0.0
	var blocks []float64
	for b := range p.data().blocks() {
		total = 0
		for i := range b.Instrs {
			total += b.Instrs[i].work(blocks)
		}
		blocks = append(blocks, total)
	}
	return total
}

// work is given that of the blocks before.
func (in *Instr) work(blocks []float64) float64 {
	switch in.Op {
	case OpStraight:
		return float64(len(in.Straight.Code))
	case OpLoop:
		elements := 1.0
		for _, d := range in.Loop.Dims {
			elements *= float64(d)
		}
		return elements * float64(1+len(in.Loop.Code))
	case OpCall:
		return in.Call.work(blocks) + float64(len(in.In)+len(in.Out))
	}
	return kernel.Lookup(in.Kernel).Operations(operandTypes(in.In), operandTypes(in.Out), in.Attrs)
}

// parts calls f with the flops of each part of the instruction.
func (in *Instr) parts(f func(index int, flops int64)) {
	switch in.Op {
	case OpStraight:
		for k, c := range in.Straight.Code {
			f(k, int64(c.Op.Info().Flops))
		}
	case OpLoop:
		n := int64(shape.Size(in.Loop.Dims))
		for k, c := range in.Loop.Code {
			f(k, int64(c.Op.Info().Flops)*n)
		}
		if in.Loop.Reduce != micro.NoReduce {
			f(len(in.Loop.Code), n)
		}
	case OpKernel:
		f(0, in.kernelFlops())
	case OpCall:
		f(0, 0)
	}
}

// kernelFlops counts one for each element that a kernel reads, and two for each term of a matrix product.
func (in *Instr) kernelFlops() int64 {
	if in.Kernel == "matmul" && len(in.In) == 2 && len(in.Out) == 1 {
		a := in.In[0].Shape
		inner := a[len(a)-1]
		if in.Attrs.Bool("transpose_a") {
			inner = a[len(a)-2]
		}
		return 2 * int64(in.Out[0].Size()) * int64(inner)
	}
	flops := int64(0)
	for _, o := range in.In {
		flops += int64(o.Size())
	}
	return flops
}
