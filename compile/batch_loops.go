package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// batchedLoop batches a loop. Where elements do different numbers of steps, it goes on for all of them until the last one is done, and those that are done before keep
// their carries.
type batchedLoop struct {
	*batcher
	l         *loop
	values    []int    // of the body, which are read at each step
	batched   paramSet // parameters with the batch dimension
	w         *within
	count     *graph.Node // of a scan: how many steps are done
	own       bool        // elements do numbers of steps of their own
	going     *graph.Node // by element, where they do: whether it does this step
	condition *within     // of a while loop, where they do
	// counter is the number of the step, and behind the next one, of a scan where they do.
	counter list
	behind  *graph.Node
	xs      map[*graph.Node]*graph.Node // by image of an operand to go through: the same with the batch dimension behind that of steps
}

// loop returns the images of a loop's results and of the values of its body.
func (b *batcher) loop(l *loop) []*graph.Node {
	x := &batchedLoop{batcher: b, l: l, values: b.steps[l.n], xs: map[*graph.Node]*graph.Node{}}
	x.findBatched()
	var of []*graph.Node
	for _, v := range x.values {
		of = append(of, l.body.Graph().Node(v))
	}
	x.w = b.enter(l.body, x.batched)
	switch {
	case x.own && l.n.Op() == opWhile:
		x.condition = b.within(graph.Bodies(l.n)[0], x.batched, nil)
		x.going = inlined(x.condition.lifted(), x.w.params)[0]
	case x.own:
		x.countSteps()
	}
	x.w.batch(of)
	x.setOperands()
	for _, v := range of {
		value := x.w.g.Node(v.ID())
		if x.own || x.w.Has(value) {
			value = x.w.Lift(value)
			value = x.keep(value, graph.Like(value, 0))
		}
		x.w.more = append(x.w.more, value)
	}
	if l.n.Op() == opWhile {
		return x.results(b.while(l, x.w, x.condition))
	}
	batch := *l
	batch.count = x.count
	return x.results(batch.scan(x.w.bodyBuilder, l.n.Attrs().Bool("reverse")))
}

// findBatched finds the parameters that have the batch dimension, and whether elements do numbers of steps of their own.
func (x *batchedLoop) findBatched() {
	l := x.l
	depends := dependence(l.body, false)
	x.batched = newParamSet(len(l.operands))
	for i, o := range l.operands {
		if x.Has(o) && x.same[x.Image[o]] == nil {
			x.batched.add(i)
		}
	}
	l.spread(x.batched, depends)
	if l.n.Op() == opWhile {
		c := graph.Bodies(l.n)[0]
		x.own = dependence(c, false)[c.Results()[0].ID()].meets(x.batched)
	}
	if l.count != nil {
		if x.count = x.shared(l.count); x.count.Op().View != nil && x.count.Shape().Rank() > 0 && x.count.Input(0).Shape().Size() == 1 {
			x.count = graph.Reshape(x.count.Input(0)) // the same number of steps for all
		}
		x.own = x.own || !x.count.Type().IsScalar()
	}
	if x.own { // then every carry stops at a step of the element's own
		for i := l.captured; i < l.captured+l.carries; i++ {
			x.batched.add(i)
		}
		l.spread(x.batched, depends)
	}
}

// countSteps has a scan count its steps, of which each element does a number of its own.
func (x *batchedLoop) countSteps() {
	w, l, lanes := x.w, x.l, x.lanes()
	steps := w.input(lanes)
	w.captured.add(steps, x.count)
	ours := x.count
	if x.ragged[ours] != nil {
		x.count = x.ragged[ours].most
	} else {
		x.count = graph.ReduceMax(ours, nil)
	}
	first, change := x.Graph.Scalar(graph.Int64, 0), 1.0
	if l.n.Attrs().Bool("reverse") {
		first, change = graph.Sub(x.count, graph.Like(x.count, 1)), -1
	}
	t := w.input(first.Type())
	x.counter.add(t, first)
	x.behind = graph.Add(t, graph.Like(t, change))
	x.going = graph.Less(t, steps)
	for i, o := range l.operands {
		for done, loop := range x.ragged {
			raw := loop.raw[x.Image[o]]
			if raw == nil || l.isCaptured(i) || l.isCarry(i) {
				continue
			}
			x.xs[x.Image[o]] = raw
			if done != ours { // beyond the elements' steps in that loop, it is 0
				theirs := w.input(lanes)
				w.captured.add(theirs, done)
				p := w.bodyBuilder.params[i]
				w.Image[p] = graph.Where(alignedTo(graph.Less(t, theirs), w.params[i]), w.params[i], graph.Like(w.params[i], 0))
			}
		}
	}
}

// lanes is the type of a number of steps of each element.
func (b *batcher) lanes() graph.Type {
	return graph.Type{DType: graph.Int64, Shape: graph.Shape{b.Size}}
}

// keep is value for the elements that do this step, otherwise for the others.
func (x *batchedLoop) keep(value, otherwise *graph.Node) *graph.Node {
	if x.going == nil {
		return value
	}
	return graph.Where(alignedTo(x.going, value), value, otherwise)
}

// setOperands gives the batched body its operands, and the results that become carries.
func (x *batchedLoop) setOperands() {
	w, l := x.w, x.l
	for i, p := range w.params {
		image := x.Of(l.operands[i])
		if !x.batched.has(i) {
			image = x.shared(l.operands[i])
		}
		switch {
		case l.isCaptured(i):
			w.captured.add(p, image)
		case l.isCarry(i):
			next := w.results[i-l.captured]
			if x.batched.has(i) {
				image, next = x.Lift(l.operands[i]), x.keep(w.Lift(next), p)
			}
			w.carries.add(p, image)
			w.out = append(w.out, next)
		case x.xs[image] != nil:
			w.xs.add(p, x.xs[image])
		case x.inner[image] != nil:
			w.xs.add(p, x.inner[image])
		case x.batched.has(i):
			w.xs.add(p, exchanged(image))
		default:
			w.xs.add(p, image)
		}
	}
	if x.behind != nil {
		w.carries.add(x.counter.params[0], x.counter.operands[0])
		w.out = append(w.out, x.behind)
	}
	if x.condition != nil { // each element's own number of steps
		steps := w.input(x.lanes())
		w.carries.add(steps, graph.BroadcastTo(x.Graph.Scalar(graph.Int64, 0), x.Size))
		w.out = append(w.out, graph.Add(steps, graph.Cast(x.going, graph.Int64)))
	}
}

// results returns the images of the results, and behind them those of the body's values, by number: those of the batched loop m.
func (x *batchedLoop) results(m *graph.Node, body *graph.Body) []*graph.Node {
	l, n := x.l, x.l.n
	var left *ragged
	out := make([]*graph.Node, len(n.Results())+l.body.Graph().Len())
	// What is the same for all elements is repeated: the loop as it was may depend on what the batch replaces.
	for i := l.captured; i < l.captured+l.carries; i++ {
		if out[i-l.captured] = graph.Result(m, i-l.captured); !x.batched.has(i) {
			out[i-l.captured] = x.repeated(out[i-l.captured])
		}
	}
	if n.Op() == opWhile {
		if out[l.carries] = graph.Result(m, l.carries); x.condition == nil {
			out[l.carries] = x.repeated(out[l.carries])
		} else {
			left = &ragged{most: graph.Result(m, l.carries+1), raw: map[*graph.Node]*graph.Node{}}
			if x.ragged == nil {
				x.ragged = map[*graph.Node]*ragged{}
			}
			x.ragged[out[l.carries]] = left
		}
	}
	for k, v := range x.values {
		step := graph.EachStep(m, body.Results()[len(x.w.out)+k])
		if !x.own && !x.w.Has(x.w.g.Node(v)) {
			out[len(n.Results())+v] = x.repeated(step)
			continue
		}
		image := exchanged(step)
		out[len(n.Results())+v] = image
		if x.inner == nil {
			x.inner = map[*graph.Node]*graph.Node{}
		}
		x.inner[image] = step
		if p := slices.Index(l.body.Params(), l.body.Graph().Node(v)); left != nil && p >= l.captured {
			left.raw[image] = graph.EachStep(m, body.Params()[len(body.Params())-l.carries-1+p-l.captured])
		}
	}
	return out
}

// while makes the batched while loop; condition is nil where all elements do the same steps.
func (b *batcher) while(l *loop, w, condition *within) (*graph.Node, *graph.Body) {
	if condition == nil {
		// Carries with a batch dimension are no operands of the condition.
		test, batched := graph.Bodies(l.n)[0], newParamSet(len(l.operands))
		for i, p := range w.params {
			if p.Shape().Rank() != test.Params()[i].Shape().Rank() {
				batched.add(i)
			}
		}
		condition = b.within(test, batched, nil)
	}
	result := condition.results[0]
	if condition.Has(result) {
		result = graph.ReduceMax(graph.Cast(condition.Image[result], graph.Int32), nil)
		result = graph.Greater(result, graph.Like(result, 0))
	}
	return w.bodyBuilder.while(l.n.Graph(), l.most(), condition.g, standIns(w.params, condition.params), result)
}

// ragged is a while loop that elements leave at steps of their own.
type ragged struct {
	most *graph.Node // the number of steps of the last one
	// raw holds, by the image of a carry at each step, the carry with the batch dimension behind that of steps. Beyond an element's own steps it is not 0: it is for loops that do as many
	// steps for each element, which leave it out themselves.
	raw map[*graph.Node]*graph.Node
}

// exchanged exchanges the first two dimensions: of a batch and of steps.
func exchanged(n *graph.Node) *graph.Node {
	perm := make([]int, n.Shape().Rank())
	for i := range perm {
		perm[i] = i
	}
	perm[0], perm[1] = 1, 0
	return graph.Transpose(n, perm...)
}
