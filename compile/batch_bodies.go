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
	w := b.within(body, batched, nil)
	if len(in) == 0 { // a body is inlined into the graph of its operands
		in = append(in, b.Graph.Scalar(graph.Int32, 0))
		w.params = append(w.params, w.input(in[0].Type()))
	}
	return inlined(w.lifted(), in)
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
