package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// maxUnrolled bounds the nodes that a short loop over scalars becomes.
const maxUnrolled = 512

// simplifyLoops is the pass that changes loops as a whole: it unrolls short ones over scalars and those of one step, leaves out carries that nothing depends on, and
// computes what is the same at every step once, in front of the loop. What lies within bodies follows when they are compiled.
func simplifyLoops(u *unit) error {
	s := &loopSimplifier{u: u, values: map[*graph.Node][]*graph.Node{}, reads: readsOfLoops(u)}
	if len(s.reads) == 0 {
		return nil
	}
	u.g, u.outputs = u.g.Rebuild(u.outputs, s.replace)
	return u.g.Err()
}

type loopSimplifier struct {
	u      *unit
	reads  map[*graph.Node][]*graph.Node // by loop: the nodes that are its values
	values map[*graph.Node][]*graph.Node // by loop that was replaced: its values in the new graph, see graph.ResultOf
}

func (s *loopSimplifier) replace(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
	if of, k, ok := graph.ResultOf(n); ok {
		if values := s.values[of]; values != nil {
			return values[k]
		}
		return nil
	}
	kept := slices.ContainsFunc(s.reads[n], func(r *graph.Node) bool { return r.Op() == opSnapshots }) // by the number of the carry
	if n.Op() != opScan || len(s.reads[n]) == 0 || kept {
		return nil
	}
	steps := readAtSteps(n, s.reads[n])
	if shortLoop(n) && !slices.Contains(s.u.config.Disable, "unroll") {
		s.values[n] = unrolled(n, in, steps)
		s.u.fired["unroll"]++
		return in[0] // stands for a node that nobody reads
	}
	values := s.reduced(to, n, in, steps)
	if values == nil {
		return nil
	}
	s.values[n] = values
	return in[0]
}

// shortLoop reports whether a loop had better be unrolled.
func shortLoop(n *graph.Node) bool {
	if n.Attrs().Bool("counted") || len(n.Inputs()) == 0 { // operands without elements, which joined loops leave out; a body without parameters cannot be inlined
		return false
	}
	l := loopOf(n)
	g := l.body.Graph()
	if l.length == 1 {
		return true
	}
	if l.length > maxUnrolled/g.Len() {
		return false
	}
	for i := range g.Len() {
		if m := g.Node(i); m.Results() != nil || !m.Type().IsScalar() && !m.IsInput() || mayTrap(m) {
			return false
		}
	}
	return true
}

// mayTrap reports whether a node may end the run; in a loop, the error names the step.
func mayTrap(n *graph.Node) bool {
	return n.Op().Micro != "" && micro.Instr{Op: micro.ByName(n.Op().Micro), Type: n.DType()}.Traps()
}

// reduced makes a scan without needless carries, and with what does not change from step to step in front of it; nil if there is nothing to do.
func (s *loopSimplifier) reduced(to *graph.Graph, n *graph.Node, in []*graph.Node, steps []int) []*graph.Node {
	l := loopOf(n)
	depends := dependence(l.body, false)
	needed := newParamSet(len(l.operands))
	for _, r := range s.reads[n] {
		if _, k, _ := graph.ResultOf(r); k < l.carries {
			needed.add(l.captured + k)
		}
	}
	for _, v := range steps {
		needed.unite(depends[v])
	}
	for changed := true; changed; {
		changed = false
		for i := l.captured; i < l.captured+l.carries; i++ {
			if d := depends[l.next(i).ID()]; needed.has(i) && !needed.covers(d) {
				needed.unite(d)
				changed = true
			}
		}
	}
	sums := s.summedProducts(&l, steps, needed)
	var outputs []*graph.Node // of the body
	dead := 0
	for i := l.captured; i < l.captured+l.carries; i++ {
		switch {
		case !needed.has(i):
			dead++
		case !slices.ContainsFunc(sums, func(p summedProduct) bool { return p.carry == i }):
			outputs = append(outputs, l.next(i))
		}
	}
	kept := len(outputs)
	hoisted := s.invariants(&l, depends, steps, needed)
	if kept == l.carries && len(hoisted) == 0 {
		return nil
	}
	for _, v := range steps {
		outputs = append(outputs, l.body.Graph().Node(v))
	}
	for _, p := range sums {
		outputs = append(outputs, p.product.Inputs()...)
		needed.remove(p.carry)
	}
	var count *graph.Node
	if l.count != nil {
		count, in = in[0], in[1:]
	}
	outside := s.outside(to, &l, in, hoisted)
	b := &bodyBuilder{}
	images := b.substituted(&l, outputs, hoisted, func(i int, p *graph.Node) { b.captured.add(p, outside[i]) })
	b.out, b.more = images[:kept:kept], images[kept:kept+len(steps):kept+len(steps)]
	for k, p := range sums {
		rows := p.factors(images[kept+len(steps)+2*k], images[kept+len(steps)+2*k+1])
		b.more = append(b.more, rows[:]...)
	}
	for i, p := range b.params {
		if !l.isCarry(i) || needed.has(i) {
			b.part(&l, i).add(p, in[i])
		}
	}
	s.u.fired["dead_carry"] += dead
	s.u.fired["hoist"] += len(hoisted)
	s.u.fired["hoist_sum"] += len(sums)
	m, body := b.scan(to, l.length, n.Attrs().Bool("reverse"), count)
	values := make([]*graph.Node, len(n.Results())+l.body.Graph().Len())
	k := 0
	for i := l.captured; i < l.captured+l.carries; i++ {
		if needed.has(i) {
			values[i-l.captured] = graph.Result(m, k)
			k++
		}
	}
	for i, v := range steps {
		values[len(n.Results())+v] = graph.EachStep(m, body.Results()[kept+i])
	}
	for i, p := range sums {
		var rows [2]*graph.Node
		for k := range rows {
			rows[k] = graph.EachStep(m, body.Results()[kept+len(steps)+2*i+k])
		}
		values[p.carry-l.captured] = p.sum(in[p.carry], rows)
	}
	return values
}

// invariants lists, in order, the nodes of a scan's body that are computed from captured values alone and that something else reads. The body of a counted scan
// may not run at all, and what it would do in vain may be an error.
func (s *loopSimplifier) invariants(l *loop, depends []paramSet, steps []int, needed paramSet) []*graph.Node {
	if l.count != nil || slices.Contains(s.u.config.Disable, "hoist") {
		return nil
	}
	reached := make([]bool, l.body.Graph().Len())
	for i := l.captured; i < l.captured+l.carries; i++ {
		if needed.has(i) {
			reached[l.next(i).ID()] = true
		}
	}
	for _, v := range steps {
		reached[v] = true
	}
	return l.invariants(depends, reached)
}

// invariants lists, in order, the nodes of the body that are computed from captured values alone and that something else reads, of those behind the nodes that are reached.
func (l *loop) invariants(depends []paramSet, reached []bool) []*graph.Node {
	g := l.body.Graph()
	captured := newParamSet(len(l.operands))
	for i := range l.captured {
		captured.add(i)
	}
	var list []*graph.Node
	// Nodes whose users are all invariant themselves lie behind those that are taken; what only gives another shape is done again in the body.
	taken := make([]bool, g.Len())
	for id := g.Len() - 1; id >= 0; id-- {
		n := g.Node(id)
		if !reached[id] || n.IsInput() || n.IsConst() {
			continue
		}
		d := depends[id]
		if captured.covers(d) && d.meets(captured) && computes(n) {
			taken[id] = true
			continue // nothing behind it is reached through it
		}
		for k := range n.Inputs() {
			reached[n.InputID(k)] = true
		}
	}
	for id, t := range taken {
		if t {
			list = append(list, g.Node(id))
		}
	}
	return list
}

// computes reports whether a node does more than to arrange the elements of its operands.
func computes(n *graph.Node) bool {
	op := n.Op()
	if n.Results() != nil || op.View != nil {
		return false
	}
	_, _, part := graph.ResultOf(n)
	return !part && !mayTrap(n) && (op.Micro != "" || op.Kernel != "" || op.Expand != nil)
}

// outside computes nodes of the body of a scan that depend on captured values alone in front of it, from the operands' images.
func (s *loopSimplifier) outside(to *graph.Graph, l *loop, in []*graph.Node, nodes []*graph.Node) []*graph.Node {
	image := map[*graph.Node]*graph.Node{}
	for i, p := range l.body.Params() {
		image[p] = in[i]
	}
	var make func(n *graph.Node) *graph.Node
	make = func(n *graph.Node) *graph.Node {
		if m := image[n]; m != nil {
			return m
		}
		if n.IsConst() {
			image[n] = to.Literal(n.Literal())
			return image[n]
		}
		var operands []*graph.Node
		for _, o := range n.Inputs() {
			operands = append(operands, make(o))
		}
		image[n] = to.Apply(n.Op(), operands, n.Attrs())
		return image[n]
	}
	var out []*graph.Node
	for _, n := range nodes {
		out = append(out, make(n))
	}
	return out
}
