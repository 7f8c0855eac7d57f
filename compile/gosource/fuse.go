package gosource

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// follower is a loop whose elements are computed in the loop before it, right after those that they read: what lies between the two is held in variables.
type follower struct {
	in    *vm.Instr
	st    *step
	space *space
	reads map[int]between // by input
}

// between is an output of the first loop as the second one reads it.
type between struct {
	out    int
	before bool // the element before
}

// follower returns the loop after instruction i if it can be computed along with that one, nil if it cannot: both go through one dimension, and whatever the second one reads of the first one is the same element or the one before.
func (g *generator) follower(x *instance, i int) *follower {
	if i+1 >= len(x.instrs) || x.instrs[i].Op != vm.OpLoop || x.instrs[i+1].Op != vm.OpLoop {
		return nil
	}
	a, b := x.instrs[i].Loop, x.instrs[i+1].Loop
	traps := func(c micro.Instr) bool { return c.Traps() }
	if a.Reduce != micro.NoReduce && a.Reduce != micro.ReduceSum || b.Reduce != micro.NoReduce || slices.ContainsFunc(a.Code, traps) || slices.ContainsFunc(b.Code, traps) {
		return nil
	}
	windowed := func(a micro.Access) bool { return a.Window != nil }
	sa, sb := joined(a), joined(b)
	if len(sa.dims) != 1 || len(sb.dims) != 1 || sb.dims[0] < sa.dims[0] || slices.ContainsFunc(a.In, windowed) || a.Reduce != micro.NoReduce && sa.reduced != 1 {
		return nil
	}
	f := &follower{in: &x.instrs[i+1], st: &x.steps[i+1], space: sb, reads: map[int]between{}}
	first, second := &x.steps[i], &x.steps[i+1]
	elements := len(a.Out)
	if a.Reduce != micro.NoReduce {
		elements--
	}
	n := sa.dims[0]
	for k, in := range b.In {
		_, number, e := x.root(second.in[k])
		out := slices.IndexFunc(first.out, func(r ref) bool { _, root, _ := x.root(r); return root == number })
		if out >= elements || out < 0 && windowed(in) {
			return nil
		}
		if out < 0 {
			continue
		}
		v, _, e0 := x.root(first.out[out])
		whole := v.kind == temporary && !v.slice && v.reader == i+1 && v.writers == 1 && v.elements() == n && sa.strides[len(a.In)+out][0] == 1
		if !whole || sb.strides[k][0] != 1 {
			return nil
		}
		shift, lo, hi := e-e0, 0, sb.dims[0]
		if in.Window != nil {
			shift, lo, hi = shift+in.Window.Offset, sb.lo[k][0], sb.hi[k][0]
		}
		if shift != 0 && shift != -1 || lo != -shift || hi < n || hi > n-shift {
			return nil
		}
		f.reads[k] = between{out, shift == -1}
	}
	if len(f.reads) == 0 {
		return nil
	}
	// What the second loop writes must not lie where either of them still reads, and the first one must not write what the second one reads otherwise.
	overlaps := func(r, other ref) bool {
		s, v, e := x.at(r)
		t, w, k := x.at(other)
		return s.array && t.array && (s.variable == t.variable || g.memory(s).meets(g.memory(t)) || v == w && e == k)
	}
	for _, to := range second.out {
		for _, r := range slices.Concat(first.in, first.out, second.in) {
			if overlaps(to, r) {
				return nil
			}
		}
	}
	for k, r := range second.in {
		for _, to := range first.out {
			if _, ok := f.reads[k]; !ok && overlaps(to, r) {
				return nil
			}
		}
	}
	return f
}

// memory returns the part of the function's memory that an array is, one without elements for an argument or a constant.
func (g *generator) memory(s *storage) array {
	k := slices.IndexFunc(g.arrays, func(a array) bool { return a.name == s.variable })
	if k < 0 {
		return array{}
	}
	return g.arrays[k]
}

// meets reports whether two arrays share elements.
func (a array) meets(b array) bool {
	return a.typ == b.typ && a.offset < b.offset+b.length && b.offset < a.offset+a.length
}

// maxTurns bounds the operations of a loop, times accumulators, whose turns are written one after the other.
const maxTurns = 256

// pass writes a loop over one dimension that is a sum, has a follower or both.
type pass struct {
	g       *generator
	x       *instance
	in      *vm.Instr
	st      *step
	space   *space
	sum     *reduction // nil if nothing is summed
	next    *follower  // nil if there is none
	outs    []int      // which the follower reads
	befores map[int]string
	last    map[int]expression // what the element before has, by output; befores are the variables that keep those which the follower reads from one turn of the loop to the next
}

// flat writes such a loop.
func (g *generator) flat(x *instance, in *vm.Instr, st *step, s *space, next *follower) error {
	l, n := in.Loop, s.dims[0]
	p := &pass{g: g, x: x, in: in, st: st, space: s, next: next, befores: map[int]string{}, last: map[int]expression{}}
	size, turns := len(l.Code), 1
	if next != nil {
		size += len(next.in.Loop.Code)
	}
	if l.Reduce != micro.NoReduce {
		p.sum = g.reduction(l.Reduce, l.Out[len(l.Out)-1].Type, n, true)
		p.sum.begin()
		// The terms of a sum whose accumulators take turns are written one turn after the other, which leaves a processor little else to do.
		if w := accumulators(p.sum.typ); p.sum.turns() && n >= 4*w && w*size <= maxTurns {
			turns = w
		}
	}
	if next != nil {
		for k := range len(next.in.Loop.In) {
			b, ok := next.reads[k]
			if ok && !slices.Contains(p.outs, b.out) {
				p.outs = append(p.outs, b.out)
			}
			if ok && b.before && p.befores[b.out] == "" {
				p.befores[b.out] = g.fresh("t")
				g.put("%s := %s", p.befores[b.out], g.literal(l.Out[b.out].Type, 0).typed(l.Out[b.out].Type))
			}
		}
		slices.Sort(p.outs)
	}
	for from := 0; from < n; {
		to := from + (n-from)/turns*turns
		if err := p.loop(from, to, turns); err != nil {
			return err
		}
		from, turns = to, 1
	}
	if p.sum != nil {
		g.total(x, in, st, s, p.sum, nil)
	}
	if next == nil || next.space.dims[0] == n {
		return nil
	}
	p.begin()
	err := p.instead(func(b between) bool { return b.before }, func() error { return g.pieces(x, next.in, next.st, next.space, n) })
	if err != nil {
		return &instrError{next.in, err}
	}
	return nil
}

// loop writes the elements from one on, up to another, several in one turn.
func (p *pass) loop(from, to, turns int) error {
	g := p.g
	i := g.index(g.depth)
	switch {
	case turns > 1:
		g.put("for %[1]s := %[2]d; %[1]s < %[3]d; %[1]s += %[4]d {%[5]s", i, from, to, turns, g.comment(p.in, 0))
		g.loaded = map[string]string{}
	case from > 0:
		g.put("for %[1]s := %[2]d; %[1]s < %[3]d; %[1]s++ {", i, from, to)
	default:
		g.put("for %s := range %d {%s", i, to, g.comment(p.in, 0))
	}
	g.depth++
	p.begin()
	for k := range turns {
		index, accumulator := i, ""
		if k > 0 {
			index = fmt.Sprintf("%s+%d", i, k)
		}
		if turns > 1 {
			accumulator = strconv.Itoa(k)
		}
		if err := p.element(index, accumulator); err != nil {
			return err
		}
	}
	g.loaded = nil
	for _, o := range p.outs {
		if v := p.befores[o]; v != "" {
			g.put("%s = %s", v, p.last[o].text)
		}
	}
	if p.sum != nil && from == 0 {
		p.sum.endBlock(i, turns)
	}
	g.depth--
	g.put("}")
	return nil
}

// begin reads what the element before has from its variables.
func (p *pass) begin() {
	for o, v := range p.befores {
		p.last[o] = name(v)
	}
}

// element writes what is done for one element, whose accumulator is "" if it follows from the index.
func (p *pass) element(index, accumulator string) error {
	g, x, next := p.g, p.x, p.next
	for _, o := range p.outs {
		_, number, _ := x.root(p.st.out[o])
		x.store[number] = &storage{alias: true}
	}
	result, err := g.body(x, p.in, p.st, p.space, []string{index})
	if err != nil {
		return err
	}
	if p.sum != nil {
		p.sum.add(result, index, accumulator)
	}
	if next == nil {
		return nil
	}
	m := len(next.in.Loop.In)
	s := &space{dims: p.space.dims, strides: next.space.strides, lo: make([][]int, m), hi: make([][]int, m)}
	err = p.instead(func(between) bool { return true }, func() error {
		_, err := g.body(x, next.in, next.st, s, []string{index})
		return err
	})
	if err != nil {
		return &instrError{next.in, err}
	}
	for _, o := range p.outs {
		p.last[o] = x.read(p.st.out[o])
	}
	return nil
}

// instead has the follower's reads of some outputs go to variables while it is written.
func (p *pass) instead(which func(b between) bool, write func() error) error {
	p.g.instead = map[int]expression{}
	for k, b := range p.next.reads {
		if !which(b) {
			continue
		}
		if b.before {
			p.g.instead[k] = p.last[b.out]
		} else {
			p.g.instead[k] = p.x.read(p.st.out[b.out])
		}
	}
	err := write()
	p.g.instead = nil
	return err
}
