package vm

import (
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// blockStep is what a block executor does next: a call, and with a kernel for both a division that it does beside it.
type blockStep struct {
	call, division int32
	kernel         elem.DivisionBlock // nil if there is no division
}

// maxBeside bounds the code that is reordered.
const maxBeside = 256

// callSet is a set of calls.
type callSet [maxBeside / 64]uint64

func (s *callSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *callSet) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }

func (s *callSet) include(t *callSet) {
	for k, w := range t {
		s[k] |= w
	}
}

// intersects reports whether a call is in both sets.
func (s *callSet) intersects(t *callSet) bool {
	for k, w := range t {
		if s[k]&w != 0 {
			return true
		}
	}
	return false
}

// orderCalls puts the calls in an order in which divisions are done beside exponentials, logarithms, and sines with their cosines where none needs the other. A processor
// has one unit for divisions, which is idle meanwhile, so they take a quarter of their time there.
func (x *loop) orderCalls(level cpu.Level) {
	n := len(x.calls)
	x.steps = make([]blockStep, 0, n)
	var functions, divisions callSet
	if n <= maxBeside && !x.l.Flush {
		for i, c := range x.l.Code {
			switch {
			case c.Op == micro.Div && c.Type.IsFloat():
				divisions.add(i)
			case x.calls[i].pair != nil || c.Op == micro.Exp || c.Op == micro.Log:
				functions.add(i)
			}
		}
	}
	if functions == (callSet{}) || divisions == (callSet{}) {
		for i := range n {
			x.steps = append(x.steps, blockStep{call: int32(i)})
		}
		return
	}
	before := x.before()
	var done callSet
	// run appends the calls of a set that are not done, in their order.
	run := func(s callSet) {
		for k := range s {
			for w := s[k] &^ done[k]; w != 0; w &= w - 1 {
				x.steps = append(x.steps, blockStep{call: int32(64*k + bits.TrailingZeros64(w))})
			}
		}
		done.include(&s)
	}
	var all callSet
	for f := range n {
		all.add(f)
		if !functions.has(f) || done.has(f) {
			continue
		}
		op := x.l.Code[f].Op
		if x.calls[f].pair != nil {
			op = micro.Sin
		}
		kernel := elem.BesideDivision(op, x.l.Code[f].Type, level)
		for d := 0; d < n && kernel != nil; d++ {
			first := before[d]
			first.include(&before[f])
			waiting := functions
			for k := range waiting {
				waiting[k] &^= done[k]
			}
			if !divisions.has(d) || done.has(d) || x.l.Code[d].Type != x.l.Code[f].Type || first.has(f) || first.has(d) || before[d].intersects(&waiting) {
				continue
			}
			run(first)
			x.steps = append(x.steps, blockStep{int32(f), int32(d), kernel})
			done.add(f)
			done.add(d)
			break
		}
	}
	run(all)
}

// before returns of each call all those that must come before it.
func (x *loop) before() []callSet {
	before := make([]callSet, len(x.calls))
	registers := len(x.l.In) + len(x.l.Consts) + x.l.Temps
	writer, readers := make([]int, registers), make([]callSet, registers)
	for r := range writer {
		writer[r] = -1
	}
	for i := range x.calls {
		c := &x.l.Code[i]
		after := func(j int) {
			if j >= 0 {
				before[i].add(j)
				before[i].include(&before[j])
			}
		}
		operands := c.Operands()
		for _, r := range operands[:c.Op.Arity()] {
			after(writer[r])
		}
		after(writer[c.Dst])
		for j := range i {
			if readers[c.Dst].has(j) {
				after(j)
			}
		}
		for _, r := range operands[:c.Op.Arity()] {
			readers[r].add(i)
		}
		writer[c.Dst], readers[c.Dst] = i, callSet{}
	}
	// The other of a pair takes what the first has computed.
	for _, pair := range x.pairs {
		for i := range before {
			if i == pair[1] || before[i].has(pair[1]) {
				before[i].add(pair[0])
				before[i].include(&before[pair[0]])
			}
		}
	}
	return before
}
