package onnx

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// controls are branches and loops.
var controls = []operator{
	{name: "If", in: branch},
	{name: "Loop", in: loop, why: "where results are stacked, or carried arrays grow, the number of steps has to be constant"},
	{name: "Scan", in: scan},
}

// within converts a subgraph while the body of a loop or branch is built; params are nodes of the body, or there are none.
func (c *call) within(p *pb.GraphProto, in []value, params []*graph.Node) ([]value, bool) {
	outer := c.b.g
	if len(params) > 0 && params[0].Valid() {
		c.b.g = params[0].Graph()
	}
	defer func() { c.b.g = outer }()
	v, err := c.b.block(c.s, p, in)
	if err != nil && err != errBefore && len(c.b.errs) < maxErrors {
		c.b.errs = append(c.b.errs, &Error{c.b.m.name + c.s.in, c.pos.Line - 1, c.p.GetName(), c.op.name, c.version, err})
	}
	return v, err == nil
}

// inline converts a subgraph into the graph around it.
func (c *call) inline(p *pb.GraphProto, in []value) []value {
	v, err := c.b.block(c.s, p, in)
	if err != nil {
		panic(mistake{err})
	}
	return v
}

// arrays returns the nodes of values; ok is false if one is none.
func arrays(vs []value) (nodes []*graph.Node, ok bool) {
	for _, v := range vs {
		if v.node == nil {
			return nil, false
		}
		nodes = append(nodes, v.node)
	}
	return nodes, true
}

func branch(c *call) []value {
	p := c.x(0)
	if p.Shape().Size() != 1 || p.DType() != graph.Bool {
		c.fail("the condition is %v: needs one boolean", p.Type())
	}
	then, otherwise := c.graph("then_branch"), c.graph("else_branch")
	if l := c.b.maybe(p); l != nil {
		if l.Bits(0) != 0 {
			return c.inline(then, nil)
		}
		return c.inline(otherwise, nil)
	}
	if p.Shape().Rank() > 0 {
		p = graph.Reshape(p)
	}
	// The first operand tells the branches which graph they are built in.
	var kinds []kind
	bad := false
	build := func(b *pb.GraphProto) func(args []*graph.Node) []*graph.Node {
		return func(args []*graph.Node) []*graph.Node {
			v, ok := c.within(b, nil, args)
			nodes, have := arrays(v)
			if !ok || !have || len(v) != len(c.p.GetOutput()) {
				bad = true
				return args
			}
			kinds = nil
			for _, v := range v {
				kinds = append(kinds, v.kind)
			}
			return nodes
		}
	}
	before := len(c.b.errs)
	results := graph.Cond(p, []*graph.Node{p}, build(then), build(otherwise))
	if len(c.b.errs) > before {
		panic(mistake{errBefore})
	}
	if bad || len(results) != len(kinds) {
		c.fail("a branch has results that are no arrays, or not %d", len(c.p.GetOutput()))
	}
	all := make([]value, len(results))
	for i, n := range results {
		all[i] = value{node: n, kind: kinds[i]}
	}
	return all
}

// maybe returns the value of a node that is known while the graph is built, else nil.
func (b *builder) maybe(n *graph.Node) *graph.Literal {
	if n.IsConst() {
		return n.Literal()
	}
	return nil
}

// unrollLimit bounds the steps of loops that are unrolled, because their arrays grow or their lists do.
const unrollLimit = 4096

func loop(c *call) []value {
	body := c.graph("body")
	carried := c.in[min(2, len(c.in)):]
	if len(body.GetInput()) != 2+len(carried) || len(body.GetOutput()) < 1+len(carried) {
		c.fail("the body takes %d values and returns %d, with %d carried", len(body.GetInput()), len(body.GetOutput()), len(carried))
	}
	stacked := len(body.GetOutput()) - 1 - len(carried)
	yes := value{node: graph.Constant(c.g(), []bool{true}), kind: kindBool}
	condition := yes
	if c.has(1) {
		condition = value{node: c.scalar(1), kind: kindBool}
	}
	trips, counted := 0, false
	var trip *graph.Node
	if c.has(0) {
		trip = c.scalar(0)
		if l := c.b.maybe(trip); l != nil {
			trips, counted = int(min(integerAt(l, 0), 1<<40)), true
			trips = max(trips, 0)
		}
	}
	if l := c.b.maybe(condition.node); l != nil && l.Bits(0) == 0 {
		trips, counted = 0, true
	}
	// What the body does is found by building it once, on its own.
	always, alike := c.probe(body, carried, yes)
	if counted && always && alike && trips > 0 {
		if l := c.b.maybe(condition.node); l != nil {
			return c.counted(body, trips, carried, yes)
		}
	}
	if counted && (trips <= unrollLimit) || !alike || stacked > 0 {
		if results, ok := c.unrolled(body, trips, counted, condition, carried); ok {
			return results
		}
	}
	if stacked > 0 || !alike {
		const needs = "what decides the number of steps of a loop that stacks values or whose arrays grow"
		if trip != nil {
			c.b.known(c, trip, needs)
		}
		c.b.known(c, condition.node, needs)
		c.fail("a loop whose number of steps depends on values, and whose results depend on that in shape")
	}
	return c.while(body, trip, condition, carried)
}

// probe builds a body once, to learn whether its condition is always true and whether its carries keep their types.
func (c *call) probe(body *pb.GraphProto, carried []value, yes value) (always, alike bool) {
	nodes, ok := arrays(carried)
	if !ok {
		return false, false
	}
	for i := range nodes {
		nodes[i] = c.b.here(nodes[i])
	}
	errs, steps := c.b.errs, c.b.steps
	defer func() { c.b.errs, c.b.steps = errs, steps }()
	like := append([]*graph.Node{graph.Constant(c.g(), []int{0})}, nodes...)
	graph.Closure(like, func(params []*graph.Node) []*graph.Node {
		v, ok := c.within(body, loopValues(params, yes, carried), params)
		if !ok {
			return params
		}
		l := v[0].node
		always = l != nil && (l.IsConst() && l.Literal().Bits(0) != 0)
		alike = true
		for i, n := range nodes {
			alike = alike && v[1+i].node != nil && v[1+i].node.Type().Equal(n.Type())
		}
		return params
	})
	return always, alike
}

// loopValues are the values of a body's inputs: step, condition, carries.
func loopValues(params []*graph.Node, condition value, carried []value) []value {
	in := []value{{node: params[0], kind: kindInt64}, condition}
	for i, p := range params[1:] {
		in = append(in, value{node: p, kind: carried[i].kind})
	}
	return in
}

// counted is a loop of a known number of steps.
func (c *call) counted(body *pb.GraphProto, trips int, carried []value, yes value) []value {
	init, _ := arrays(carried)
	for i := range init {
		init[i] = c.b.here(init[i])
	}
	var kinds []kind
	before := len(c.b.errs)
	final, ys := graph.Scan(trips, init, []*graph.Node{graph.Iota(c.g(), graph.Int64, 0, trips)}, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
		v, ok := c.within(body, loopValues(append([]*graph.Node{x[0]}, carry...), yes, carried), x)
		nodes, have := arrays(v)
		if !ok || !have {
			return carry, nil
		}
		for _, v := range v[1:] {
			kinds = append(kinds, v.kind)
		}
		return nodes[1 : 1+len(carry)], nodes[1+len(carry):]
	})
	return c.loopResults(slices.Concat(final, ys), kinds, before)
}

// loopResults are nodes with their element types, unless there were mistakes.
func (c *call) loopResults(nodes []*graph.Node, kinds []kind, before int) []value {
	if len(c.b.errs) > before {
		panic(mistake{errBefore})
	}
	if len(kinds) != len(nodes) {
		c.fail("the body returns what is no array")
	}
	all := make([]value, len(nodes))
	for i, n := range nodes {
		all[i] = value{node: n, kind: kinds[i]}
	}
	return all
}

// unrolled writes all steps of a loop one behind the other, as long as the condition is known.
func (c *call) unrolled(body *pb.GraphProto, trips int, counted bool, condition value, carried []value) ([]value, bool) {
	state := slices.Clone(carried)
	for i := range state {
		if state[i].node != nil {
			state[i].node = c.b.here(state[i].node)
		}
	}
	stacked := len(body.GetOutput()) - 1 - len(carried)
	rows := make([][]*graph.Node, stacked)
	kinds := make([]kind, stacked)
	errs := len(c.b.errs)
	for step := 0; !counted || step < trips; step++ {
		l := c.b.maybe(condition.node)
		if l == nil || step >= unrollLimit {
			c.b.errs = c.b.errs[:errs]
			return nil, false
		}
		if l.Bits(0) == 0 {
			break
		}
		in := append([]value{{node: graph.Constant(c.g(), []int{step}), kind: kindInt64}, condition}, state...)
		v := c.inline(body, in)
		condition = v[0]
		if condition.node == nil || condition.node.Shape().Size() != 1 {
			c.fail("the condition is no boolean")
		}
		copy(state, v[1:1+len(carried)])
		for k, r := range v[1+len(carried):] {
			if r.node == nil {
				c.fail("a body that stacks what is no array")
			}
			rows[k], kinds[k] = append(rows[k], r.node), r.kind
		}
	}
	for k, r := range rows {
		if len(r) == 0 {
			t := graph.Type{DType: graph.Float32, Shape: graph.Shape{0}}
			x := infoOf(body.GetOutput()[1+len(carried)+k])
			if x.DType != 0 {
				t.DType = x.DType
			}
			for _, d := range x.Dims {
				t.Shape = append(t.Shape, d.Size)
			}
			state = append(state, none(c.g(), kindOf(t.DType), t.Shape))
			continue
		}
		state = append(state, value{node: graph.Stack(0, r...), kind: kinds[k]})
	}
	return state, true
}

// while is a loop whose number of steps is found by running it.
func (c *call) while(body *pb.GraphProto, trip *graph.Node, condition value, carried []value) []value {
	init, ok := arrays(carried)
	if !ok {
		c.fail("carries what is no array")
	}
	for i := range init {
		init[i] = c.b.here(init[i])
	}
	limit := c.b.o.LoopLimit
	if trip != nil {
		if l := c.b.maybe(trip); l != nil && integerAt(l, 0) < 1<<31-1 && (limit == graph.NoLimit || integerAt(l, 0) < int64(limit)) {
			limit = int(max(1, integerAt(l, 0)))
		}
	}
	all := append([]*graph.Node{graph.Constant(c.g(), []int{0}), condition.node}, init...)
	var kinds []kind
	before := len(c.b.errs)
	final, _ := graph.While(limit, all, func(carry []*graph.Node) *graph.Node {
		if trip == nil {
			return carry[1]
		}
		return graph.LogicalAnd(carry[1], graph.Less(carry[0], graph.Cast(trip, graph.Int64)))
	}, func(carry []*graph.Node) []*graph.Node {
		in := []value{{node: carry[0], kind: kindInt64}, {node: carry[1], kind: kindBool}}
		for i, p := range carry[2:] {
			in = append(in, value{node: p, kind: carried[i].kind})
		}
		v, ok := c.within(body, in, carry)
		nodes, have := arrays(v)
		if !ok || !have {
			return carry
		}
		for _, v := range v[1:] {
			kinds = append(kinds, v.kind)
		}
		if nodes[0].Shape().Rank() > 0 {
			nodes[0] = graph.Reshape(nodes[0])
		}
		return append([]*graph.Node{graph.Add(carry[0], graph.Like(carry[0], 1))}, nodes...)
	})
	return c.loopResults(final[2:], kinds, before)
}

func scan(c *call) []value {
	body := c.graph("body")
	n := c.int("num_scan_inputs", 0)
	in := c.in
	if c.version < 9 {
		if len(in) == 0 {
			c.fail("has no operands")
		}
		if c.has(0) {
			c.fail("lengths of sequences (opset 8)")
		}
		in = in[1:]
	}
	m := len(in) - n
	if n < 1 || m < 0 || len(body.GetInput()) != len(in) || len(body.GetOutput()) < m {
		c.fail("%d scanned of %d operands, the body takes %d and returns %d", n, len(in), len(body.GetInput()), len(body.GetOutput()))
	}
	ys := len(body.GetOutput()) - m
	list := func(name string, n int) []int {
		v := c.ints(name)
		if v == nil {
			v = make([]int, n)
		}
		if len(v) != n {
			c.fail("%d %s for %d", len(v), name, n)
		}
		return v
	}
	nodes, ok := arrays(in)
	if !ok {
		c.fail("operands that are no arrays")
	}
	for i := range nodes {
		nodes[i] = c.b.here(nodes[i])
	}
	init, xs := nodes[:m:m], slices.Clone(nodes[m:])
	if c.version < 9 { // a batch in front, one scan for each
		return c.batchedScan(body, nodes, m, list("directions", n))
	}
	axes, reversed := list("scan_input_axes", n), list("scan_input_directions", n)
	outAxes, outReversed := list("scan_output_axes", ys), list("scan_output_directions", ys)
	for i, x := range xs {
		c.need(x, 1)
		a := c.axis(axes[i], x.Shape().Rank())
		xs[i] = moved(x, a, 0)
		if reversed[i] != 0 {
			xs[i] = graph.Flip(xs[i], 0)
		}
	}
	final, stacked, kinds, before := c.scanBody(body, init, xs, in)
	for i, y := range stacked {
		if !y.Valid() {
			continue
		}
		if outReversed[i] != 0 {
			y = graph.Flip(y, 0)
		}
		stacked[i] = moved(y, 0, c.axis(outAxes[i], y.Shape().Rank()))
	}
	return c.loopResults(slices.Concat(final, stacked), kinds, before)
}

func (c *call) scanBody(body *pb.GraphProto, init, xs []*graph.Node, in []value) (final, stacked []*graph.Node, kinds []kind, before int) {
	length := xs[0].Shape()[0]
	for _, x := range xs {
		if x.Shape()[0] != length {
			c.fail("scans %d and %d elements", length, x.Shape()[0])
		}
	}
	before = len(c.b.errs)
	final, stacked = graph.Scan(length, init, xs, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
		var vs []value
		for i, p := range slices.Concat(carry, x) {
			vs = append(vs, value{node: p, kind: in[i].kind})
		}
		v, ok := c.within(body, vs, x)
		nodes, have := arrays(v)
		if !ok || !have {
			return carry, nil
		}
		for _, v := range v {
			kinds = append(kinds, v.kind)
		}
		return nodes[:len(carry)], nodes[len(carry):]
	})
	return final, stacked, kinds, before
}

// batchedScan is that of opset 8: all operands have a batch in front of what is scanned.
func (c *call) batchedScan(body *pb.GraphProto, nodes []*graph.Node, m int, reversed []int) []value {
	batch := 1
	for i, n := range nodes {
		c.need(n, 1)
		if i > 0 && n.Shape()[0] != batch {
			c.fail("batches of %d and %d", batch, n.Shape()[0])
		}
		batch = n.Shape()[0]
	}
	if batch > unrollLimit {
		c.fail("a batch of %d", batch)
	}
	var rows [][]*graph.Node
	var all []kind
	for b := range batch {
		init, xs := make([]*graph.Node, m), make([]*graph.Node, len(nodes)-m)
		for i := range init {
			init[i] = graph.Index(nodes[i], b)
		}
		for i := range xs {
			if xs[i] = graph.Index(nodes[m+i], b); reversed[i] != 0 {
				xs[i] = graph.Flip(xs[i], 0)
			}
		}
		final, stacked, kinds, before := c.scanBody(body, init, xs, c.in[1:])
		for i, v := range c.loopResults(slices.Concat(final, stacked), kinds, before) {
			if b == 0 {
				rows = append(rows, nil)
			}
			rows[i] = append(rows[i], v.node)
		}
		all = kinds
	}
	results := make([]value, len(rows))
	for i, r := range rows {
		results[i] = value{node: graph.Stack(0, r...), kind: all[i]}
	}
	return results
}

// moved returns x with a dimension moved to another place.
func moved(x *graph.Node, from, to int) *graph.Node {
	if from == to || !x.Valid() {
		return x
	}
	var perm []int
	for i := range x.Shape() {
		if i != from {
			perm = append(perm, i)
		}
	}
	return graph.Transpose(x, slices.Insert(perm, to, from)...)
}
