package compile

import (
	"github.com/adjoint-go/adjoint/internal/micro"
)

// contract is the pass that joins a product that is used once and a sum or difference into one micro-operation, which rounds once:
// x·y + z, x·y − z or z − x·y. It changes rounding only. A product that is used elsewhere too stays, so that x·y − x·y remains 0.
//
// Sums of many scalars one after the other stay sums: each waits for the one before, and an addition takes two to three
// cycles where the fused form takes four.
//
// The product gives its operands to the sum and is no longer run.
func contract(l *lowering) error {
	uses := make([]uint8, l.g.Len()) // 2 stands for more
	count := func(id int32) {
		if uses[id] < 2 {
			uses[id]++
		}
	}
	sums := 0
	for i := range int32(l.g.Len()) {
		if l.class[i] == classNone {
			continue
		}
		for _, in := range l.in(i) {
			count(in)
		}
		if l.isSum(i) {
			sums++
		}
	}
	for _, o := range l.outputs {
		count(int32(o.ID()))
	}
	if sums == 0 {
		return nil
	}
	product := func(id, of int32) bool {
		return uses[id] == 1 && l.op[id] == micro.Mul && l.class[id] == l.class[of] &&
			(l.class[of] == classScalar || l.g.Node(int(id)).Shape().Equal(l.g.Node(int(of)).Shape()))
	}
	links := l.sumChains(uses)
	joins := func(a, of, b int32) bool {
		return product(a, of) && !(links[of] >= longChain && l.linkOf(of, uses, links) == b)
	}
	operands, first := make([]int32, 0, len(l.operands)+sums), make([]int32, len(l.first))
	joined := 0
	for i := range int32(l.g.Len()) {
		in := l.in(i)
		if l.isSum(i) && in[0] != in[1] {
			a, b, difference := in[0], in[1], micro.FMS
			ok := joins(a, i, b)
			if !ok {
				a, b, difference = b, a, micro.FNMA
				ok = joins(a, i, b)
			}
			if ok {
				l.op[i], l.class[a] = fused(l.op[i], difference), classNone
				operands = append(append(operands, l.in(a)...), b)
				first[i+1] = int32(len(operands))
				joined++
				continue
			}
		}
		operands = append(operands, in...)
		first[i+1] = int32(len(operands))
	}
	l.operands, l.first = operands, first
	if joined > 0 {
		l.fired["contract"] += joined
	}
	return nil
}

// longChain is the number of sums from which a chain of them is not contracted.
const longChain = 16

// sumChains returns the length of the chain that each sum of scalars belongs to: sums of which each has the
// one before as an operand, which is used nowhere else.
func (l *lowering) sumChains(uses []uint8) []int32 {
	links := make([]int32, len(l.op))
	for i := range int32(len(l.op)) {
		if l.class[i] == classScalar && l.isSum(i) {
			links[i] = 1
			if p := l.linkOf(i, uses, links); p >= 0 {
				links[i] += links[p]
			}
		}
	}
	for i := int32(len(l.op)) - 1; i >= 0; i-- {
		if links[i] > 1 {
			if p := l.linkOf(i, uses, links); p >= 0 {
				links[p] = links[i]
			}
		}
	}
	return links
}

// linkOf returns the operand by which a sum goes on with a chain, the one with the longer chain behind it; −1 for none.
func (l *lowering) linkOf(id int32, uses []uint8, links []int32) int32 {
	best := int32(-1)
	for _, p := range l.in(id) {
		if uses[p] == 1 && links[p] > 0 && (best < 0 || links[p] > links[best]) {
			best = p
		}
	}
	return best
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
