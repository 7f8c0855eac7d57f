package compile

import (
	"github.com/adjoint-go/adjoint/internal/micro"
)

// contract is the pass that joins a product that is used once and a sum or difference into one micro-operation, which rounds once:
// x·y + z, x·y − z or z − x·y. It changes rounding only. A product that is used elsewhere too stays, so that x·y − x·y remains 0.
//
// The product gives its operands to the sum and is no longer run.
func contract(u *unit) error {
	l := u.low
	uses := make([]uint8, u.g.Len()) // 2 stands for more
	count := func(id int32) {
		if uses[id] < 2 {
			uses[id]++
		}
	}
	candidates := false
	for i := range int32(u.g.Len()) {
		if l.class[i] == classNone {
			continue
		}
		for _, in := range l.in(i) {
			count(in)
		}
		candidates = candidates || l.isSum(i)
	}
	for _, o := range u.outputs {
		count(int32(o.ID()))
	}
	if !candidates {
		return nil
	}
	product := func(id, of int32) bool {
		return uses[id] == 1 && l.op[id] == micro.Mul && l.class[id] == l.class[of] &&
			(l.class[of] == classScalar || u.g.Node(int(id)).Shape().Equal(u.g.Node(int(of)).Shape()))
	}
	operands, first := make([]int32, 0, len(l.operands)), make([]int32, len(l.first))
	for i := range int32(u.g.Len()) {
		in := l.in(i)
		if l.isSum(i) && in[0] != in[1] {
			switch a, b := in[0], in[1]; {
			case product(a, i):
				l.op[i], in = fused(l.op[i], micro.FMS), []int32{l.in(a)[0], l.in(a)[1], b}
				l.class[a] = classNone
				u.fired["contract"]++
			case product(b, i):
				l.op[i], in = fused(l.op[i], micro.FNMA), []int32{l.in(b)[0], l.in(b)[1], a}
				l.class[b] = classNone
				u.fired["contract"]++
			}
		}
		operands = append(operands, in...)
		first[i+1] = int32(len(operands))
	}
	l.operands, l.first = operands, first
	return nil
}

// isSum reports whether the node is a sum or difference of floats that a micro-operation runs.
func (l *lowering) isSum(id int32) bool {
	return (l.op[id] == micro.Add || l.op[id] == micro.Sub) && l.dtype[id].IsFloat() && (l.class[id] == classScalar || l.class[id] == classLoop)
}

// fused returns the operation with a product for a sum, and difference for a difference.
func fused(op, difference micro.Op) micro.Op {
	if op == micro.Add {
		return micro.FMA
	}
	return difference
}
