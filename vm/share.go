package vm

import "github.com/adjoint-go/adjoint/internal/micro"

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
	for i := range p.Instrs {
		in := &p.Instrs[i]
		add := func(k int, flops int64) {
			s := Share{Instr: i, Index: k, Node: -1, Flops: flops}
			if k < len(in.Nodes) {
				s.Node = in.Nodes[k]
			}
			list = append(list, s)
		}
		switch in.Op {
		case OpStraight:
			for k, c := range in.Straight.Code {
				add(k, opFlops(c))
			}
		case OpLoop:
			n := int64(1)
			for _, d := range in.Loop.Dims {
				n *= int64(d)
			}
			for k, c := range in.Loop.Code {
				add(k, opFlops(c)*n)
			}
			if in.Loop.Reduce != micro.NoReduce {
				add(len(in.Loop.Code), n)
			}
		default:
			_, flops := cost(in)
			add(0, flops)
		}
	}
	return list
}
