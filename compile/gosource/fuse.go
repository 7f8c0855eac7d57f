package gosource

import (
	"fmt"
	"slices"

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

// flat writes a loop over one dimension that is a sum, has a follower or both. The terms of a sum whose accumulators take turns are written one turn after the other, which leaves a processor little else to do.
func (g *generator) flat(x *instance, in *vm.Instr, st *step, s *space, next *follower) error {
	l, n := in.Loop, s.dims[0]
	var r *reduction
	turns, blocks := 1, false
	if l.Reduce != micro.NoReduce {
		r = g.reduction(l.Reduce, l.Out[len(l.Out)-1].Type, n)
		r.begin()
		if blocks = r.blocks(); blocks {
			r.block()
		}
		size := len(l.Code)
		if next != nil {
			size += len(next.in.Loop.Code)
		}
		if w := accumulators(r.typ); (blocks || !r.plain && r.turns()) && n >= 4*w && w*size <= maxTurns {
			turns = w
		}
	}
	befores := map[int]string{} // variables by output
	var outs []int
	if next != nil {
		for _, b := range next.reads {
			if !slices.Contains(outs, b.out) {
				outs = append(outs, b.out)
			}
		}
		slices.Sort(outs)
		for k := range len(next.in.Loop.In) {
			if b, ok := next.reads[k]; ok && b.before && befores[b.out] == "" {
				befores[b.out] = g.fresh("t")
				g.put("%s := %s", befores[b.out], g.literal(l.Out[b.out].Type, 0).typed(l.Out[b.out].Type))
			}
		}
	}
	last := map[int]expression{} // what the element before has for each output
	begin := func() {
		for o, v := range befores {
			last[o] = name(v)
		}
	}
	one := func(index string, turn int) error {
		for _, o := range outs {
			_, number, _ := x.root(st.out[o])
			x.store[number] = &storage{alias: true}
		}
		result, err := g.body(x, in, st, s, []string{index})
		if err != nil {
			return err
		}
		switch {
		case r == nil:
		case turn >= 0:
			g.put("%s[%d] += %s", r.accumulator(), turn, result.text)
		case blocks:
			r.addTurn(result, index)
		default:
			r.add(result, index)
		}
		if next == nil {
			return nil
		}
		g.instead = map[int]expression{}
		for k, b := range next.reads {
			if b.before {
				g.instead[k] = last[b.out]
			} else {
				g.instead[k] = x.read(st.out[b.out])
			}
		}
		m := len(next.in.Loop.In)
		if _, err := g.body(x, next.in, next.st, &space{dims: []int{n}, strides: next.space.strides, lo: make([][]int, m), hi: make([][]int, m)}, []string{index}); err != nil {
			return &instrError{next.in, err}
		}
		g.instead = nil
		for _, o := range outs {
			last[o] = x.read(st.out[o])
		}
		return nil
	}
	end := func() {
		for _, o := range outs {
			if v := befores[o]; v != "" {
				g.put("%s = %s", v, last[o].text)
			}
		}
	}
	i := g.index(g.depth)
	endBlock := func() {
		if blocks {
			r.endBlock(i, turns)
		}
	}
	comment := g.comment(in, 0)
	g.depth++
	from := n / turns * turns
	if turns > 1 {
		g.put("for %[1]s := 0; %[1]s < %[2]d; %[1]s += %[3]d {%[4]s", i, from, turns, comment)
		begin()
		g.loaded = map[string]string{}
		for k := range turns {
			index := i
			if k > 0 {
				index = fmt.Sprintf("%s+%d", i, k)
			}
			if err := one(index, k); err != nil {
				return err
			}
		}
		g.loaded = nil
		end()
		endBlock()
		g.put("}")
	}
	if turns == 1 || from < n {
		if turns == 1 {
			g.put("for %s := range %d {%s", i, n, comment)
		} else {
			g.put("for %[1]s := %[2]d; %[1]s < %[3]d; %[1]s++ {", i, from, n)
		}
		begin()
		if err := one(i, -1); err != nil {
			return err
		}
		end()
		if turns == 1 {
			endBlock()
		}
		g.put("}")
	}
	g.depth--
	if r != nil {
		if blocks && n%micro.BlockLanes != 0 {
			r.join()
		}
		g.total(x, in, st, s, r, nil)
	}
	if next == nil || next.space.dims[0] == n {
		return nil
	}
	begin()
	g.instead = map[int]expression{}
	for k, b := range next.reads {
		if b.before {
			g.instead[k] = last[b.out]
		}
	}
	err := g.pieces(x, next.in, next.st, next.space, n)
	g.instead = nil
	if err != nil {
		return &instrError{next.in, err}
	}
	return nil
}
