package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// The derivatives of loops and branches. All are loops and branches again, of bodies made from copies of the given ones, so that every order follows.

var (
	opScan   = graph.LookupOp("scan")
	opWhile  = graph.LookupOp("while")
	opSwitch = graph.LookupOp("switch")
	opCall   = graph.LookupOp("call")
)

// paramSet is a set of parameters of a body.
type paramSet []uint64

func newParamSet(n int) paramSet  { return make(paramSet, (n+63)/64) }
func (s paramSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s paramSet) remove(i int)   { s[i/64] &^= 1 << (i % 64) }
func (s paramSet) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s paramSet) unite(t paramSet) {
	for k := range t {
		s[k] |= t[k]
	}
}
func (s paramSet) covers(t paramSet) bool {
	for k := range t {
		if t[k]&^s[k] != 0 {
			return false
		}
	}
	return true
}
func (s paramSet) meets(t paramSet) bool {
	for k := range t {
		if s[k]&t[k] != 0 {
			return true
		}
	}
	return false
}

// dependence returns for each node of a body the parameters that it depends on; with smooth those alone that it has a derivative by.
func dependence(b *graph.Body, smooth bool) []paramSet {
	g := b.Graph()
	sets := make([]paramSet, g.Len())
	for i := range sets {
		n := g.Node(i)
		sets[i] = newParamSet(len(b.Params()))
		switch {
		case n.IsInput():
			if !smooth || n.DType().IsFloat() {
				sets[i].add(slices.Index(b.Params(), n))
			}
		case !smooth || n.Op().Differentiable() && (n.DType().IsFloat() || n.Results() != nil):
			for k := range n.Inputs() {
				sets[i].unite(sets[n.InputID(k)])
			}
		}
	}
	return sets
}

// mayMask reports whether an operator of the body, or within, lets a zero win: see zeroMayWin.
func mayMask(b *graph.Body) bool {
	for i := range b.Graph().Len() {
		n := b.Graph().Node(i)
		if zeroMayWin(n) || slices.ContainsFunc(graph.Bodies(n), mayMask) {
			return true
		}
	}
	return false
}

// bodyBuilder makes a body from a copy of another one's graph. Values that are added as parameters have the operands that they get at once.
type bodyBuilder struct {
	g        *graph.Graph
	params   []*graph.Node // of the copy
	results  []*graph.Node
	added    int
	captured list
	carries  list
	xs       list
	out      []*graph.Node // next carries
	more     []*graph.Node // further results
}

// list holds parameters and their operands.
type list struct{ params, operands []*graph.Node }

func (l *list) add(param, operand *graph.Node) {
	l.params, l.operands = append(l.params, param), append(l.operands, operand)
}

// part returns the list in which parameter i of a loop's body belongs.
func (b *bodyBuilder) part(l *loop, i int) *list {
	switch {
	case l.isCaptured(i):
		return &b.captured
	case l.isCarry(i):
		return &b.carries
	}
	return &b.xs
}

func open(b *graph.Body) *bodyBuilder {
	g, params, results := b.Open()
	g.AtNode(results[0]) // what no node of the body stands for
	return &bodyBuilder{g: g, params: params, results: results}
}

// input adds a parameter of a type to the body's graph.
func (b *bodyBuilder) input(t graph.Type) *graph.Node {
	b.added++
	return b.g.Input(fmt.Sprintf("@new%d", b.added), t.DType, t.Shape...)
}

// seal makes the body of the results that were collected, without the parameters among captured and xs that they do not depend on, and returns all operands.
func (b *bodyBuilder) seal() (body *graph.Body, operands []*graph.Node) {
	results := slices.Concat(b.out, b.more)
	used := b.g.Needed(results...)
	for _, l := range []*list{&b.captured, &b.xs} {
		var kept list
		for i, p := range l.params {
			if used[p.ID()] {
				kept.add(p, l.operands[i])
			}
		}
		*l = kept
	}
	return mustBody(b.g, slices.Concat(b.captured.params, b.carries.params, b.xs.params), results), slices.Concat(b.captured.operands, b.carries.operands, b.xs.operands)
}

// mustBody makes a body of a graph in which users may have made mistakes.
func mustBody(g *graph.Graph, params, results []*graph.Node) *graph.Body {
	if err := g.Err(); err != nil {
		panic(refusal{err})
	}
	body, err := graph.NewBody(params, results)
	if err != nil {
		panic(fmt.Sprintf("BUG: derived body: %v", err))
	}
	return body
}

// loop is a scan or while loop by its parts.
type loop struct {
	n        *graph.Node
	body     *graph.Body
	count    *graph.Node // operand of a counted scan: how many steps are done
	operands []*graph.Node
	captured int
	carries  int
	length   int // the most steps, 0 if they have no bound and values at each of them cannot be stacked
}

func loopOf(n *graph.Node) loop {
	a, bodies := n.Attrs(), graph.Bodies(n)
	l := loop{n: n, body: bodies[len(bodies)-1], operands: n.Inputs(), captured: a.Int("captured"), carries: a.Int("carries"), length: a.Int("length")}
	if n.Op() == opWhile {
		l.length = shape.StackedSteps(a.Int("limit"))
	} else if a.Bool("counted") {
		l.count, l.operands = l.operands[0], l.operands[1:]
		if n.Op() == opReverseSweep {
			l.length = shape.StackedSteps(l.length)
		}
	}
	return l
}

// first is the number of operands in front of those that are the body's parameters.
func (l *loop) first() int { return len(l.n.Inputs()) - len(l.operands) }

func (l *loop) isCaptured(i int) bool { return i < l.captured }
func (l *loop) isCarry(i int) bool    { return i >= l.captured && i < l.captured+l.carries }

// next returns the result of the body that becomes carry i, by number of the parameter.
func (l *loop) next(i int) *graph.Node { return l.body.Results()[i-l.captured] }

// spread adds to a set of parameters the carries that come to depend on it through the steps.
func (l *loop) spread(set paramSet, depends []paramSet) {
	for changed := true; changed; {
		changed = false
		for i := l.captured; i < l.captured+l.carries; i++ {
			if !set.has(i) && depends[l.next(i).ID()].meets(set) {
				set.add(i)
				changed = true
			}
		}
	}
}

// scan makes the node of a scan with the builder's body. Its steps are as many as those of l, in the given order.
func (l *loop) scan(b *bodyBuilder, reverse bool, more ...attr.Named) (*graph.Node, *graph.Body) {
	count := l.count
	if l.n.Op() == opWhile {
		count = graph.Result(l.n, l.carries)
	}
	return b.scan(l.n.Graph(), l.length, reverse, count, more...)
}

// scan makes the node of a scan with the builder's body in g; count is nil for all of length steps.
func (b *bodyBuilder) scan(g *graph.Graph, length int, reverse bool, count *graph.Node, more ...attr.Named) (*graph.Node, *graph.Body) {
	body, operands := b.seal()
	attrs := append([]attr.Named{attr.Fn("bodies", body), attr.I("captured", len(b.captured.params)), attr.I("carries", len(b.carries.params)),
		attr.I("length", length), attr.B("reverse", reverse)}, more...)
	if count != nil {
		attrs = append(attrs, attr.B("counted", true))
		operands = append([]*graph.Node{count}, operands...)
	}
	return valid(g.Apply(opScan, operands, attr.Make(attrs...)))
}

// valid returns a loop and its body, which is that of an equal loop if there is one already.
func valid(n *graph.Node) (*graph.Node, *graph.Body) {
	if !n.Valid() {
		panic(refusal{n.Graph().Err()})
	}
	bodies := graph.Bodies(n)
	return n, bodies[len(bodies)-1]
}

// adjoints returns the adjoints of the operands (nil for zero) that are wanted, from those of the values that the loop has (see graph.ResultOf; nil for zero): a scan in
// the opposite order, whose step is the reverse sweep of a step, computed from the carries that came into it.
func (l *loop) adjoints(ct []*graph.Node, wanted []bool, masked bool) []*graph.Node {
	g, first := l.n.Graph(), l.first()
	depends := dependence(l.body, true)
	active := newParamSet(len(l.operands))
	for i, p := range l.body.Params() {
		if wanted[first+i] && p.DType().IsFloat() {
			active.add(i)
		}
	}
	l.spread(active, depends)
	b := open(l.body)
	masked = masked || mayMask(l.body)
	results := len(l.n.Results())
	steps := []int{} // values of the body whose adjoints are given at each step
	for k := results; k < len(ct); k++ {
		if ct[k] != nil && depends[k-results].meets(active) {
			steps = append(steps, k-results)
		}
	}
	// Carries whose adjoints are not all zero, and which depend on what is wanted.
	live := newParamSet(len(l.operands))
	for i := l.captured; i < l.captured+l.carries; i++ {
		if i-l.captured < len(ct) && ct[i-l.captured] != nil && active.has(i) {
			live.add(i)
		}
	}
	for changed := true; changed; {
		changed = false
		for i := l.captured; i < l.captured+l.carries; i++ {
			if live.has(i) || !active.has(i) {
				continue
			}
			reaches := slices.ContainsFunc(steps, func(v int) bool { return depends[v].has(i) })
			for j := l.captured; j < l.captured+l.carries && !reaches; j++ {
				reaches = live.has(j) && depends[l.next(j).ID()].has(i)
			}
			if reaches {
				live.add(i)
				changed = true
			}
		}
	}
	var outputs, cts []*graph.Node
	var liveCarries, summed []int
	for i := l.captured; i < l.captured+l.carries; i++ {
		if !live.has(i) {
			continue
		}
		var end *graph.Node
		if i-l.captured < len(ct) {
			end = ct[i-l.captured]
		}
		p := b.input(l.operands[i].Type())
		b.carries.add(p, orZeros(end, l.operands[i]))
		outputs, cts = append(outputs, b.results[i-l.captured]), append(cts, p)
		liveCarries = append(liveCarries, i)
	}
	for _, v := range steps {
		p := b.input(l.body.Graph().Node(v).Type())
		b.xs.add(p, ct[results+v])
		outputs, cts = append(outputs, b.g.Node(v)), append(cts, p)
	}
	adjoints := make([]*graph.Node, len(l.n.Inputs()))
	if len(outputs) == 0 {
		return adjoints
	}
	var wrt []*graph.Node
	at := make([]int, len(l.operands))
	for i, p := range b.params {
		if at[i] = -1; live.has(i) || !l.isCarry(i) && active.has(i) {
			at[i] = len(wrt)
			wrt = append(wrt, p)
		}
	}
	found := reverse(b.g, outputs, cts, wrt, masked, false)
	for _, i := range liveCarries {
		b.out = append(b.out, orZeros(found[at[i]], b.params[i]))
	}
	var elements []int
	for i, p := range b.params {
		switch {
		case l.isCaptured(i):
			b.captured.add(p, l.operands[i])
			if at[i] >= 0 && found[at[i]] != nil {
				sum := b.input(p.Type())
				b.carries.add(sum, graph.FullLike(l.operands[i], 0))
				b.out = append(b.out, graph.Add(sum, found[at[i]]))
				summed = append(summed, i)
			}
		case l.isCarry(i):
			b.xs.add(p, graph.EachStep(l.n, l.body.Params()[i]))
		default:
			b.xs.add(p, l.operands[i])
			if at[i] >= 0 && found[at[i]] != nil {
				b.more = append(b.more, found[at[i]])
				elements = append(elements, i)
			}
		}
	}
	if len(b.out)+len(b.more) == 0 {
		return adjoints
	}
	var of []attr.Named
	if l.n.Op() == opWhile && len(steps) == 0 {
		of = append(of, attr.L("adjoints", slices.Concat(liveCarries, summed)))
	}
	back, body := l.scan(b, !l.n.Attrs().Bool("reverse"), of...)
	for k, i := range append(liveCarries, summed...) {
		if wanted[first+i] {
			adjoints[first+i] = graph.Result(back, k)
		}
	}
	for k, i := range elements {
		adjoints[first+i] = graph.EachStep(back, body.Results()[len(b.out)+k])
	}
	if err := g.Err(); err != nil {
		panic(refusal{err})
	}
	return adjoints
}

// movedLoop is what a loop with tangents has.
type movedLoop struct {
	tangents    []*graph.Node // of the first loop's values (see graph.ResultOf), nil for zero
	n           *graph.Node   // the loop that has them, nil if all are zero
	primal, dot []int         // by operand of the first loop, without the number of its steps: that of n which is the same, and which is its tangent; −1 for none
}

// tangents returns the tangents of the loop's values, among those of the body at each step those of the given ones, from the operands' tangents: the loop with a
// second set of carries. of says what a carry's tangent is the adjoint of, if the loop has adjoints of a while loop: see adjointScan; else it is nil.
func (l *loop) tangents(dots []*graph.Node, values []int, masked bool, of *adjointScan) *movedLoop {
	first := l.first()
	depends := dependence(l.body, true)
	active := newParamSet(len(l.operands))
	for i := range l.operands {
		if dots[first+i] != nil {
			active.add(i)
		}
	}
	l.spread(active, depends)
	b := open(l.body)
	var wrt, seeds, outputs []*graph.Node
	var moving []int // carries with a tangent
	var carryDots, otherDots list
	dotOf := make([]*graph.Node, len(b.params))
	for i, p := range b.params {
		if !active.has(i) {
			continue
		}
		dot := orZeros(dots[first+i], l.operands[i])
		in := b.input(p.Type())
		wrt, seeds = append(wrt, p), append(seeds, in)
		dotOf[i] = in
		switch {
		case l.isCarry(i):
			moving = append(moving, i)
			carryDots.add(in, dot)
			outputs = append(outputs, b.results[i-l.captured])
		case l.isCaptured(i):
			b.captured.add(in, dot)
		default:
			otherDots.add(in, dot)
		}
	}
	m := &movedLoop{tangents: make([]*graph.Node, len(l.n.Results())+l.body.Graph().Len())}
	for _, v := range values {
		outputs = append(outputs, b.g.Node(v))
	}
	if len(wrt) == 0 || len(outputs) == 0 {
		return m
	}
	found := forward(b.g, outputs, wrt, seeds, masked || mayMask(l.body), false)
	for i, p := range b.params {
		if b.part(l, i).add(p, l.operands[i]); l.isCarry(i) {
			b.out = append(b.out, b.results[i-l.captured])
		}
	}
	b.carries.params, b.carries.operands = append(b.carries.params, carryDots.params...), append(b.carries.operands, carryDots.operands...)
	b.xs.params, b.xs.operands = append(b.xs.params, otherDots.params...), append(b.xs.operands, otherDots.operands...)
	for k, i := range moving {
		b.out = append(b.out, orZeros(found[k], b.params[i]))
	}
	var kept []int
	for k, v := range values {
		if d := found[len(moving)+k]; d != nil {
			b.more = append(b.more, d)
			kept = append(kept, v)
		}
	}
	if len(b.out)+len(b.more) == 0 {
		return m
	}
	n, body := l.with(b, of.tangentAttr(l, moving)...)
	for k, i := range moving {
		m.tangents[i-l.captured] = graph.Result(n, l.carries+k)
	}
	for k, v := range kept {
		m.tangents[len(l.n.Results())+v] = graph.EachStep(n, body.Results()[len(b.out)+k])
	}
	params := slices.Concat(b.captured.params, b.carries.params, b.xs.params)
	m.n = n
	for i, p := range b.params {
		m.primal, m.dot = append(m.primal, slices.Index(params, p)), append(m.dot, slices.Index(params, dotOf[i]))
	}
	return m
}

// with makes a loop of the same kind and steps as l with the builder's body, whose first carries are those of l.
func (l *loop) with(b *bodyBuilder, more ...attr.Named) (*graph.Node, *graph.Body) {
	if l.n.Op() == opScan {
		return l.scan(b, l.n.Attrs().Bool("reverse"), more...)
	}
	c := open(graph.Bodies(l.n)[0])
	return b.while(l.n.Graph(), l.most(), c.g, standIns(b.params, c.params), c.results[0])
}

// standIns maps each of nodes to the node at its place among by.
func standIns(nodes, by []*graph.Node) map[*graph.Node]*graph.Node {
	m := map[*graph.Node]*graph.Node{}
	for i, n := range by {
		m[nodes[i]] = n
	}
	return m
}

// while makes the node of a while loop in g with the builder's body, and with the condition that test, a node of the graph c, is; inputs are what stands in c for
// parameters of the body. What the condition takes from outside stays among the operands, whether the body needs it or not.
func (b *bodyBuilder) while(g *graph.Graph, limit int, c *graph.Graph, inputs map[*graph.Node]*graph.Node, test *graph.Node) (*graph.Node, *graph.Body) {
	captured := b.captured
	b.seal()
	needed := c.Needed(test)
	for i, p := range captured.params {
		if in := inputs[p]; in != nil && needed[in.ID()] && !slices.Contains(b.captured.params, p) {
			b.captured.add(p, captured.operands[i])
		}
	}
	both := slices.Concat(b.captured.params, b.carries.params)
	body := mustBody(b.g, both, slices.Concat(b.out, b.more))
	var of []*graph.Node
	for i, p := range both {
		in := inputs[p]
		if in == nil {
			in = c.Input(fmt.Sprintf("@other%d", i), p.DType(), p.Shape()...)
		}
		of = append(of, in)
	}
	cond := mustBody(c, of, []*graph.Node{test})
	return valid(g.Apply(opWhile, slices.Concat(b.captured.operands, b.carries.operands), attr.Make(attr.Fn("bodies", cond, body),
		attr.I("captured", len(b.captured.params)), attr.I("carries", len(b.carries.params)), attr.I("limit", limit))))
}

// branchAdjoints returns the adjoints of the operands of a switch, checkpoint or call that are wanted from those of the results (nil for zero): the same operator
// over the reverse sweeps of the bodies, computed from the operands.
func branchAdjoints(n *graph.Node, ct []*graph.Node, wanted []bool, masked bool, derived derivedBodies) []*graph.Node {
	first := branchFirst(n)
	operands := slices.Clone(n.Inputs()[first:])
	var results []int // those with an adjoint
	for k, c := range ct {
		if c != nil {
			results = append(results, k)
			operands = append(operands, c)
		}
	}
	batched := lanes(n, operands, nil)
	adjoints := make([]*graph.Node, len(n.Inputs()))
	var wrt []int
	for i, in := range n.Inputs()[first:] {
		if wanted[first+i] && in.DType().IsFloat() {
			wrt = append(wrt, i)
		}
	}
	if len(results) == 0 || len(wrt) == 0 {
		return adjoints
	}
	back := derived.branches(n, operands, batched, fmt.Sprint("adjoints of ", results, " by ", wrt, masked), func(b *bodyBuilder, extra []*graph.Node) []*graph.Node {
		var outputs, from []*graph.Node
		for _, k := range results {
			outputs = append(outputs, b.results[k])
		}
		for _, i := range wrt {
			from = append(from, b.params[i])
		}
		found := reverse(b.g, outputs, extra, from, masked, false)
		for k, d := range found {
			found[k] = orZeros(d, from[k])
		}
		return found
	})
	for k, i := range wrt {
		if adjoints[first+i] = graph.Result(back, k); n.Op() == opBatchedCall && !batched.has(i) {
			adjoints[first+i] = graph.ReduceSum(adjoints[first+i], []int{0})
		}
	}
	return adjoints
}

// branchTangents returns the tangents of the results of a switch, checkpoint or call (nil for zero) from those of the operands.
func branchTangents(n *graph.Node, dots []*graph.Node, masked bool, derived derivedBodies) []*graph.Node {
	first := branchFirst(n)
	operands := slices.Clone(n.Inputs()[first:])
	var from []int
	for i := range n.Inputs()[first:] {
		if d := dots[first+i]; d != nil {
			from = append(from, i)
			operands = append(operands, d)
		}
	}
	tangents := make([]*graph.Node, len(n.Results()))
	var results []int
	for k, t := range n.Results() {
		if t.DType.IsFloat() {
			results = append(results, k)
		}
	}
	if len(results) == 0 || len(from) == 0 {
		return tangents
	}
	m := derived.branches(n, operands, lanes(n, operands, from), fmt.Sprint("tangents along ", from, masked), func(b *bodyBuilder, extra []*graph.Node) []*graph.Node {
		var outputs, wrt []*graph.Node
		for _, k := range results {
			outputs = append(outputs, b.results[k])
		}
		for _, i := range from {
			wrt = append(wrt, b.params[i])
		}
		found := forward(b.g, outputs, wrt, extra, masked, false)
		for k, d := range found {
			found[k] = orZeros(d, outputs[k])
		}
		return found
	})
	for i, k := range results {
		tangents[k] = graph.Result(m, i)
	}
	return tangents
}

// branchFirst is the number of operands of a switch, checkpoint or call in front of those of its bodies.
func branchFirst(n *graph.Node) int {
	if n.Op() == opSwitch {
		return 1
	}
	return 0
}

// derivedBodies holds the bodies that a sweep has made, by the bodies that they come from and what they compute, so that a function is differentiated once for all of its calls.
type derivedBodies map[string][]attr.Function

// branches makes a node of n's operator whose bodies, made by transform from copies of those of n, take more operands, of which transform gets the parameters. What they compute
// of those of n, what says; batched are the operands of a batched call with the batch dimension.
func (d derivedBodies) branches(n *graph.Node, operands []*graph.Node, batched paramSet, what string, transform func(b *bodyBuilder, extra []*graph.Node) []*graph.Node) *graph.Node {
	first := branchFirst(n)
	for _, body := range graph.Bodies(n) {
		hash := body.Hash()
		what += string(hash[:])
	}
	bodies, ok := d[what]
	if !ok {
		for _, body := range graph.Bodies(n) {
			b := open(body)
			var extra []*graph.Node
			for i, o := range operands[len(b.params):] {
				t := o.Type()
				if batched.has(len(b.params) + i) {
					t.Shape = t.Shape[1:]
				}
				extra = append(extra, b.input(t))
			}
			results := transform(b, extra)
			bodies = append(bodies, mustBody(b.g, slices.Concat(b.params, extra), results))
		}
		d[what] = bodies
	}
	if n.Op() == opBatchedCall {
		return batchedCallOf(n.Graph(), bodies[0].(*graph.Body), operands, batched)
	}
	return n.Graph().Apply(n.Op(), slices.Concat(n.Inputs()[:first], operands), attr.Make(attr.Fn("bodies", bodies...)))
}

// adjointsOfBodies returns the adjoints of the operands that are wanted (nil for zero) from those of the node's values (see graph.ResultOf), of which a node
// without results has one.
func adjointsOfBodies(n *graph.Node, ct []*graph.Node, wanted []bool, masked bool, derived derivedBodies) []*graph.Node {
	if n.Op() == opScan || n.Op() == opWhile {
		l := loopOf(n)
		return l.adjoints(ct, wanted, masked)
	}
	if n.Op() == opImplicit {
		return implicitOf(n, masked).adjoints(ct[0], wanted)
	}
	return branchAdjoints(n, ct, wanted, masked, derived)
}

// tangentsOfBodies returns the tangents of the node's values (nil for zero) from those of the operands. values are those of a loop's body that are asked for
// at each step.
func tangentsOfBodies(n *graph.Node, dots []*graph.Node, values []int, masked bool, derived derivedBodies) []*graph.Node {
	if n.Op() == opScan || n.Op() == opWhile {
		l := loopOf(n)
		return l.tangents(dots, values, masked, nil).tangents
	}
	if n.Op() == opImplicit {
		return []*graph.Node{implicitOf(n, masked).tangent(dots)}
	}
	return branchTangents(n, dots, masked, derived)
}

// stepValues lists the values of a loop's body that nodes of the list read at each step.
func stepValues(list []*graph.Node) map[*graph.Node][]int {
	var values map[*graph.Node][]int
	for _, n := range list {
		if of, k, ok := graph.ResultOf(n); ok && k >= len(of.Results()) {
			if values == nil {
				values = map[*graph.Node][]int{}
			}
			values[of] = append(values[of], k-len(of.Results()))
		}
	}
	return values
}
