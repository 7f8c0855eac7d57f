package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// contract is the pass that joins a product that is used once and a sum or difference into one micro-operation, which rounds once:
// x·y + z, x·y − z or z − x·y. It changes rounding only. A product that is used elsewhere too stays, so that x·y − x·y remains 0.
//
// Sums of many scalars one after the other stay sums: each waits for the one before, and an addition takes two to three
// cycles where the fused form takes four. Those that are computed at the same time as others (see weave) need not wait.
//
// The product gives its operands to the sum and is no longer run, nor are negations of scalars that only such products read: x·y + z becomes
// z − x·y for (−x)·y, which rounds the same.
func contract(l *lowering) error {
	facts := make([]sumFacts, l.g.Len())
	count := func(id int32) {
		if facts[id]&useMask < 2 {
			facts[id]++
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
		switch {
		case l.isSum(i):
			facts[i] |= sumFact
			sums++
		case l.op[i] == micro.Mul:
			facts[i] |= productFact
		case l.op[i] == micro.Neg:
			facts[i] |= negationFact
		}
		if l.class[i] == classScalar {
			facts[i] |= scalarFact
		}
	}
	for _, o := range l.outputs {
		count(int32(o.ID()))
	}
	if sums == 0 {
		return nil
	}
	product := func(id, of int32) bool {
		return facts[id]&(useMask|productFact) == 1|productFact && l.class[id] == l.class[of] &&
			(l.class[of] == classScalar || l.g.Node(int(id)).Shape().Equal(l.g.Node(int(of)).Shape()))
	}
	negation := func(id int32) bool { return facts[id]&(negationFact|scalarFact) == negationFact|scalarFact }
	links := l.sumChains(facts)
	l.weave(facts, links)
	joins := func(a, of, b int32) bool {
		return product(a, of) && !(links[of] >= longChain && !l.isWoven(of) && l.linkOf(of, facts, links) == b)
	}
	operands, first := prefetch.Pages(make([]int32, 0, len(l.operands)+sums)), prefetch.Pages(make([]int32, len(l.first)))
	joined, negations := 0, 0
	for i := range int32(l.g.Len()) {
		in := l.in(i)
		if l.isSum(i) && in[0] != in[1] {
			a, b, difference := in[0], in[1], micro.FMS
			ok := joins(a, i, b)
			if !ok || l.op[i] == micro.Add && joins(b, i, a) && slices.ContainsFunc(l.in(b), negation) {
				a, b, difference = b, a, micro.FNMA
				ok = joins(a, i, b)
			}
			if ok {
				l.op[i], l.class[a] = fused(l.op[i], difference), classNone
				operands = append(append(operands, l.in(a)...), b)
				factors := operands[len(operands)-3:][:2]
				for k, x := range factors {
					if l.op[i] != micro.FMS && negation(x) {
						factors[k] = l.in(x)[0]
						l.op[i] = micro.FMA + micro.FNMA - l.op[i]
						negations++
					}
				}
				first[i+1] = int32(len(operands))
				joined++
				continue
			}
		}
		operands = append(operands, in...)
		first[i+1] = int32(len(operands))
	}
	l.operands, l.first = operands, first
	if negations > 0 {
		l.dropNegations()
	}
	if joined > 0 {
		l.fired["contract"] += joined
	}
	return nil
}

// sumFacts is what the pass asks about nodes that lie anywhere, in one byte: the number of uses, of which 2 stands for more, and what they are.
type sumFacts uint8

const (
	useMask     sumFacts = 3
	productFact sumFacts = 1 << (iota + 1) // run by a multiplication
	negationFact
	sumFact    // see isSum
	scalarFact // of scalar code
)

// longChain is the number of sums from which a chain of them is not contracted.
const longChain = 16

// sumChains returns the length of the chain that each sum of scalars belongs to: sums of which each has the
// one before as an operand, which is used nowhere else.
func (l *lowering) sumChains(facts []sumFacts) []int32 {
	links := prefetch.Pages(make([]int32, len(l.op)))
	for i := range int32(len(l.op)) {
		if facts[i]&(sumFact|scalarFact) == sumFact|scalarFact {
			links[i] = 1
			if p := l.linkOf(i, facts, links); p >= 0 {
				links[i] += links[p]
			}
		}
	}
	for i := int32(len(l.op)) - 1; i >= 0; i-- {
		if links[i] > 1 {
			if p := l.linkOf(i, facts, links); p >= 0 {
				links[p] = links[i]
			}
		}
	}
	return links
}

// weave finds the long chains of scalars that go on at the same time: those with products of which a factor, computed by scalar code, is one in another such
// chain too, as in the adjoints of parameters that are used together. In woven, links of them have 1 plus the number of their product, which is the place in
// the reverse sweep that made it; in this order the scheduler takes them. A factor is then at hand for all its products, and no link waits for the one before.
func (l *lowering) weave(facts []sumFacts, links []int32) {
	long, longest := int32(0), int32(0) // links of long chains
	for _, n := range links {
		if n >= longChain {
			long, longest = long+1, max(longest, n)
		}
	}
	if long == longest { // of one chain, or of none
		return
	}
	chain, reader := prefetch.Pages(make([]int32, len(links))), prefetch.Pages(make([]int32, len(links))) // the last link of a link's chain, and of the one that reads a factor, plus 1
	shares := map[int32]bool{}                                                                            // by last link
	product := func(link int32) int32 {                                                                   // the later one
		latest := int32(-1)
		for _, a := range l.in(link) {
			if facts[a]&(useMask|productFact|scalarFact) == 1|productFact|scalarFact {
				latest = max(latest, a)
			}
		}
		return latest
	}
	for i := int32(len(links)) - 1; i >= 0; i-- {
		if links[i] < longChain {
			continue
		}
		if chain[i] == 0 {
			chain[i] = i + 1
		}
		if p := l.linkOf(i, facts, links); p >= 0 {
			chain[p] = chain[i]
		}
		a := product(i)
		if a < 0 {
			continue
		}
		for _, x := range l.in(a) {
			switch {
			case l.class[x] != classScalar:
			case reader[x] == 0:
				reader[x] = chain[i]
			case reader[x] != chain[i]:
				shares[reader[x]], shares[chain[i]] = true, true
			}
		}
	}
	if len(shares) == 0 {
		return
	}
	l.woven = make([]int32, len(links))
	for i := range int32(len(links)) {
		if links[i] >= longChain && shares[chain[i]] {
			l.woven[i] = max(product(i), 0) + 1
		}
	}
}

// isWoven reports whether a sum goes on at the same time as others.
func (l *lowering) isWoven(sum int32) bool { return l.woven != nil && l.woven[sum] > 0 }

// linkOf returns the operand by which a sum goes on with a chain, the one with the longer chain behind it; −1 for none.
func (l *lowering) linkOf(id int32, facts []sumFacts, links []int32) int32 {
	best := int32(-1)
	for _, p := range l.in(id) {
		if facts[p]&(useMask|sumFact|scalarFact) == 1|sumFact|scalarFact && (best < 0 || links[p] > links[best]) {
			best = p
		}
	}
	return best
}

// isNegation reports whether the node is the negative of a scalar.
func (l *lowering) isNegation(id int32) bool {
	return l.op[id] == micro.Neg && l.class[id] == classScalar
}

// dropNegations leaves out negations of scalars that nothing reads any more.
func (l *lowering) dropNegations() {
	read := make([]bool, len(l.op))
	for i := range int32(len(l.op)) {
		if l.class[i] != classNone {
			for _, in := range l.in(i) {
				read[in] = true
			}
		}
	}
	for _, o := range l.outputs {
		read[o.ID()] = true
	}
	for i := range int32(len(l.op)) {
		if !read[i] && l.isNegation(i) {
			l.class[i] = classNone
		}
	}
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
