package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// bodies returns the images of the values of a node with bodies whose operands' images exist (see graph.ResultOf): the same loop or branch, of batched bodies. Of
// a loop's values at each step those that nodes of the list being batched read.
func (b *batcher) bodies(n *graph.Node) []*graph.Node {
	switch n.Op() {
	case opScan, opWhile:
		if values := b.sweep(n); values != nil {
			return values
		}
		l := loopOf(n)
		return b.loop(&l)
	case opBatchedCall:
		return b.batchOfBatch(n)
	case opSwitch:
		if b.Has(n.Input(0)) {
			return b.choice(n)
		}
	}
	return b.branches(n)
}

// within batches a body: parameters that are to have the batch dimension are replaced by new ones.
type within struct {
	*bodyBuilder
	*batcher
	params []*graph.Node // those of the new body
	from   []*graph.Node // those of the old one that have an image
}

func (b *batcher) within(body *graph.Body, batched paramSet, values []*graph.Node) *within {
	w := b.enter(body, batched)
	w.batch(values)
	return w
}

// enter makes the parameters' images, and batch those of the results and of values.
func (b *batcher) enter(body *graph.Body, batched paramSet) *within {
	w := &within{bodyBuilder: open(body)}
	w.batcher = newBatcher(w.g, b.Size)
	w.batcher.last = b.last
	for i, p := range w.bodyBuilder.params {
		if !batched.has(i) {
			w.params = append(w.params, p)
			continue
		}
		q := w.input(graph.Type{DType: p.DType(), Shape: w.Shape(p)})
		w.Image[p] = q
		w.params = append(w.params, q)
		w.from = append(w.from, p)
	}
	return w
}

func (w *within) batch(values []*graph.Node) {
	outputs := slices.Clone(w.results)
	for _, v := range values {
		outputs = append(outputs, w.g.Node(v.ID()))
	}
	if len(w.from) > 0 {
		w.all(dependents(outputs, w.from))
	}
}

// lifted makes the batched body, all of whose results have the batch dimension.
func (w *within) lifted() *graph.Body {
	results := make([]*graph.Node, len(w.results))
	for k, r := range w.results {
		results[k] = w.Lift(r)
	}
	return mustBody(w.g, w.params, results)
}

// branches batches a switch whose choice is the same for all elements, a checkpoint or a call.
func (b *batcher) branches(n *graph.Node) []*graph.Node {
	first := branchFirst(n)
	operands := slices.Clone(n.Inputs())
	batched := newParamSet(len(operands))
	for i, o := range n.Inputs()[first:] {
		if b.Has(o) {
			operands[first+i] = b.Image[o]
			batched.add(i)
		}
	}
	var bodies []attr.Function
	for _, body := range graph.Bodies(n) {
		bodies = append(bodies, b.within(body, batched, nil).lifted())
	}
	m := b.Graph.Apply(n.Op(), operands, attr.Make(attr.Fn("bodies", bodies...)))
	return resultsOf(m, len(n.Results()))
}

func resultsOf(n *graph.Node, count int) []*graph.Node {
	out := make([]*graph.Node, count)
	for k := range out {
		out[k] = graph.Result(n, k)
	}
	return out
}

// choice batches a switch each of whose elements chooses for itself: all bodies are run, and where takes the chosen ones.
func (b *batcher) choice(n *graph.Node) []*graph.Node {
	bodies := graph.Bodies(n)
	index := b.Image[n.Input(0)]
	out := make([]*graph.Node, len(n.Results()))
	for k := len(bodies) - 1; k >= 0; k-- {
		chosen := index // a bool: the second body
		switch {
		case index.DType() != graph.Bool && k == 0:
			chosen = graph.LessEqual(index, graph.Like(index, 0))
		case index.DType() != graph.Bool:
			chosen = graph.Equal(index, graph.Like(index, float64(k)))
		case k == 0:
			chosen = graph.LogicalNot(index)
		}
		for i, r := range b.function(bodies[k], n.Inputs()[1:]) {
			if out[i] == nil {
				out[i] = r // the last one, and all above it
			} else {
				out[i] = graph.Where(alignedTo(chosen, r), r, out[i])
			}
		}
	}
	return out
}

// alignedTo gives a vector over the batch dimensions of extent 1 behind it, up to the rank of like.
func alignedTo(v, like *graph.Node) *graph.Node {
	return graph.Reshape(v, append([]int{v.Shape()[0]}, slices.Repeat([]int{1}, like.Shape().Rank()-1)...)...)
}

// function returns the images of a body's results for arguments, some of which have images.
func (b *batcher) function(body *graph.Body, args []*graph.Node) []*graph.Node {
	batched := newParamSet(len(args))
	in := make([]*graph.Node, len(args))
	for i, a := range args {
		if in[i] = b.Of(a); b.Has(a) {
			batched.add(i)
		}
	}
	return inlined(b.within(body, batched, nil).lifted(), in)
}

// inlined returns the results of a body for arguments.
func inlined(body *graph.Body, in []*graph.Node) []*graph.Node {
	all, err := body.InlineAll(in)
	if err != nil {
		panic(refusal{err})
	}
	out := make([]*graph.Node, len(body.Results()))
	for k, r := range body.Results() {
		out[k] = all[r.ID()]
	}
	return out
}

// loop batches a loop. Where elements do different numbers of steps, it goes on for all of them until the last one is done, and those that are done before keep
// their carries.
func (b *batcher) loop(l *loop) []*graph.Node {
	n := l.n
	depends := dependence(l.body, false)
	batched := newParamSet(len(l.operands))
	for i, o := range l.operands {
		if b.Has(o) && b.same[b.Image[o]] == nil {
			batched.add(i)
		}
	}
	l.spread(batched, depends)
	values := b.steps[n]
	var test paramSet // what the condition of a while loop depends on
	if n.Op() == opWhile {
		c := graph.Bodies(n)[0]
		test = dependence(c, false)[c.Results()[0].ID()]
	}
	count := l.count
	if count != nil {
		if count = b.shared(count); count.Op().View != nil && count.Shape().Rank() > 0 && count.Input(0).Shape().Size() == 1 {
			count = graph.Reshape(count.Input(0)) // the same number of steps for all
		}
	}
	own := count != nil && !count.Type().IsScalar() || test != nil && test.meets(batched)
	if own { // then every carry stops at a step of the element's own
		for i := l.captured; i < l.captured+l.carries; i++ {
			batched.add(i)
		}
		l.spread(batched, depends)
	}
	var of []*graph.Node
	for _, v := range values {
		of = append(of, l.body.Graph().Node(v))
	}
	w := b.enter(l.body, batched)
	var going *graph.Node // by element: whether it does this step
	lanes := graph.Type{DType: graph.Int64, Shape: graph.Shape{b.Size}}
	var condition *within
	xs := map[*graph.Node]*graph.Node{} // by image of an operand to go through: the same with the batch dimension behind that of steps
	var counter list                    // the number of the step, if elements do numbers of their own
	var behind *graph.Node              // the next one
	if own && n.Op() == opWhile {
		condition = b.within(graph.Bodies(n)[0], batched, nil)
		going = inlined(condition.lifted(), w.params)[0]
	} else if own {
		steps := w.input(lanes)
		w.captured.add(steps, count)
		ours := count
		if b.ragged[ours] != nil {
			count = b.ragged[ours].most
		} else {
			count = graph.ReduceMax(ours, nil)
		}
		first, change := b.Graph.Scalar(graph.Int64, 0), 1.0
		if n.Attrs().Bool("reverse") {
			first, change = graph.Sub(count, graph.Like(count, 1)), -1
		}
		t := w.input(first.Type())
		counter.add(t, first)
		behind = graph.Add(t, graph.Like(t, change))
		going = graph.Less(t, steps)
		for i, o := range l.operands {
			for done, loop := range b.ragged {
				raw := loop.raw[b.Image[o]]
				if raw == nil || l.isCaptured(i) || l.isCarry(i) {
					continue
				}
				xs[b.Image[o]] = raw
				if done != ours { // beyond the elements' steps in that loop, it is 0
					theirs := w.input(lanes)
					w.captured.add(theirs, done)
					p := w.bodyBuilder.params[i]
					w.Image[p] = graph.Where(alignedTo(graph.Less(t, theirs), w.params[i]), w.params[i], graph.Like(w.params[i], 0))
				}
			}
		}
	}
	w.batch(of)
	keep := func(value, otherwise *graph.Node) *graph.Node {
		if going == nil {
			return value
		}
		return graph.Where(alignedTo(going, value), value, otherwise)
	}
	for i, p := range w.params {
		image := b.Of(l.operands[i])
		if !batched.has(i) {
			image = b.shared(l.operands[i])
		}
		switch {
		case l.isCaptured(i):
			w.captured.add(p, image)
		case l.isCarry(i):
			next := w.results[i-l.captured]
			if batched.has(i) {
				image, next = b.Lift(l.operands[i]), keep(w.Lift(next), p)
			}
			w.carries.add(p, image)
			w.out = append(w.out, next)
		case xs[image] != nil:
			w.xs.add(p, xs[image])
		case b.inner[image] != nil:
			w.xs.add(p, b.inner[image])
		case batched.has(i):
			w.xs.add(p, exchanged(image))
		default:
			w.xs.add(p, image)
		}
	}
	if behind != nil {
		w.carries.add(counter.params[0], counter.operands[0])
		w.out = append(w.out, behind)
	}
	if condition != nil { // each element's own number of steps
		steps := w.input(lanes)
		w.carries.add(steps, graph.BroadcastTo(b.Graph.Scalar(graph.Int64, 0), b.Size))
		w.out = append(w.out, graph.Add(steps, graph.Cast(going, graph.Int64)))
	}
	for _, v := range of {
		value := w.g.Node(v.ID())
		if going != nil || w.Has(value) {
			value = w.Lift(value)
			value = keep(value, graph.Like(value, 0))
		}
		w.more = append(w.more, value)
	}
	var m *graph.Node
	var body *graph.Body
	if n.Op() == opWhile {
		m, body = b.while(l, w, condition)
	} else {
		batch := *l
		batch.count = count
		m, body = batch.scan(w.bodyBuilder, n.Attrs().Bool("reverse"))
	}
	var left *ragged
	out := make([]*graph.Node, len(n.Results())+l.body.Graph().Len())
	// What is the same for all elements is repeated: the loop as it was may depend on what the batch replaces.
	for i := l.captured; i < l.captured+l.carries; i++ {
		if out[i-l.captured] = graph.Result(m, i-l.captured); !batched.has(i) {
			out[i-l.captured] = b.repeated(out[i-l.captured])
		}
	}
	if n.Op() == opWhile {
		if out[l.carries] = graph.Result(m, l.carries); condition == nil {
			out[l.carries] = b.repeated(out[l.carries])
		} else {
			left = &ragged{most: graph.Result(m, l.carries+1), raw: map[*graph.Node]*graph.Node{}}
			if b.ragged == nil {
				b.ragged = map[*graph.Node]*ragged{}
			}
			b.ragged[out[l.carries]] = left
		}
	}
	for k, v := range values {
		if step := graph.EachStep(m, body.Results()[len(w.out)+k]); going != nil || w.Has(w.g.Node(v)) {
			out[len(n.Results())+v] = exchanged(step)
			if b.inner == nil {
				b.inner = map[*graph.Node]*graph.Node{}
			}
			b.inner[out[len(n.Results())+v]] = step
			if p := slices.Index(l.body.Params(), l.body.Graph().Node(v)); left != nil && p >= l.captured {
				left.raw[out[len(n.Results())+v]] = graph.EachStep(m, body.Params()[len(body.Params())-l.carries-1+p-l.captured])
			}
		} else {
			out[len(n.Results())+v] = b.repeated(step)
		}
	}
	return out
}

// repeated repeats a value along a new leading dimension.
func (b *batcher) repeated(n *graph.Node) *graph.Node {
	image := graph.BroadcastTo(graph.ExpandDims(n, 0), append([]int{b.Size}, n.Shape()...)...)
	if b.same == nil {
		b.same = map[*graph.Node]*graph.Node{}
	}
	b.same[image] = n
	return image
}

// shared returns the image of a node, or the value that it repeats.
func (b *batcher) shared(n *graph.Node) *graph.Node {
	image := b.Of(n)
	if value := b.same[image]; value != nil {
		return value
	}
	return image
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
