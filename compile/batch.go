package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Batch appends the outputs computed for many values at once (JAX's vmap): each node of from is replaced by the
// node of to at the same place, whose shape is that of from with a new leading dimension of extent n, and every output gets that dimension too. What does not depend
// on from is computed once. An output that does not depend on from is repeated n times.
//
// Operators without a rule of their own are applied n times (up to 4096) and stacked. A user's operator keeps its own derivative.
// Batches may be batched again, and derivatives taken before or after. from may be of any dtype, and inputs or intermediate nodes.
func Batch(outputs, from, to []*graph.Node) (batched []*graph.Node, err error) {
	if len(from) == 0 || len(from) != len(to) {
		return nil, fmt.Errorf("batch: %d nodes to replace by %d", len(from), len(to))
	}
	replaced := from
	g, leave, err := commonGraph("batch", &outputs, &from, &to)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := g.Closed(); err != nil {
		return nil, userError(from[0], "batch", err)
	}
	if len(outputs) > 0 {
		if err := hiddenDependence("batch", outputs, replaced, func(_ *graph.Graph, output, w *graph.Node) bool {
			return slices.Contains(dependents([]*graph.Node{output}, []*graph.Node{w}), output)
		}); err != nil {
			return nil, err
		}
	}
	n := 0
	for i, t := range to {
		s := t.Shape()
		if len(s) == 0 || !s[1:].Equal(from[i].Shape()) || t.DType() != from[i].DType() || n > 0 && s[0] != n {
			return nil, userError(t, "batch", fmt.Errorf("the replacement is %v for a node of type %v: needs one new leading dimension, the same for all", t.Type(), from[i].Type()))
		}
		n = s[0]
	}
	defer recoverBug("batch", &err)
	b := newBatcher(g, n)
	for i, f := range from {
		b.Image[f] = to[i]
	}
	b.all(dependents(outputs, from))
	if err := g.Err(); err != nil {
		return nil, err
	}
	for _, o := range outputs {
		if m := b.Image[o]; m != nil {
			batched = append(batched, m)
		} else {
			batched = append(batched, b.Lift(o))
		}
	}
	return batched, g.Err()
}

// batcher makes the images of nodes.
type batcher struct {
	graph.Batch
	values map[*graph.Node][]*graph.Node // the images of the values of nodes with bodies: see graph.ResultOf
	steps  map[*graph.Node][]int         // the values of loops' bodies that are read at each step
	inner  map[*graph.Node]*graph.Node   // by image of a value at each step: the same with the batch dimension behind that of steps
	same   map[*graph.Node]*graph.Node   // by image of a value that loops repeat for all elements: the value
	ragged map[*graph.Node]*ragged       // while loops that elements leave at steps of their own, by these
	last   bool                          // nothing is differentiated any more
}

func newBatcher(g *graph.Graph, n int) *batcher {
	return &batcher{Batch: graph.Batch{Graph: g, Size: n, Image: map[*graph.Node]*graph.Node{}}, values: map[*graph.Node][]*graph.Node{}}
}

// all makes the images of the nodes of a list, operands before their users, but for those that turn out to be the same for all elements. It ends where there is a mistake.
func (b *batcher) all(list []*graph.Node) {
	outer := b.steps // the list may be an expansion of a node of another one
	defer func() { b.steps = outer }()
	b.steps = stepValues(list)
	for _, n := range list {
		if b.Has(n) || !slices.ContainsFunc(n.Inputs(), b.Has) {
			continue
		}
		restore := b.Graph.AtNode(n)
		if m := b.apply(n); m != nil {
			b.Image[n] = m
		}
		restore()
		if b.Graph.Err() != nil {
			return
		}
	}
}

// apply returns the image of a node whose operands' images exist.
func (b *batcher) apply(n *graph.Node) *graph.Node {
	op := n.Op()
	if _, _, ok := graph.ResultOf(n); ok {
		return b.result(n)
	}
	if op == opImplicit {
		return b.implicit(n)
	}
	if op == opWithVJP {
		return b.withVJP(n)
	}
	if op.OfBodies {
		b.values[n] = b.bodies(n)
		return n // its values get their images one by one
	}
	if n.Results() != nil && !op.LeadingBatch && !op.AlongAxis {
		return n // its results get their images one by one
	}
	if op.Batch != nil {
		if m := op.Batch(&b.Batch, n); m != nil {
			return m
		}
	}
	switch {
	case op.Elementwise:
		in := make([]*graph.Node, len(n.Inputs()))
		for i, o := range n.Inputs() {
			in[i] = b.Aligned(o, n.Shape().Rank())
		}
		return b.Graph.Apply(op, in, n.Attrs())
	case op.LeadingBatch:
		return b.Graph.Apply(op, b.Lifted(n), n.Attrs())
	case op.AlongAxis:
		return b.Graph.Apply(op, b.Lifted(n), graph.ShiftAxes(n.Attrs()))
	case keepsDerivative(op):
		return b.batchedCall(n)
	case op.Expand != nil:
		return b.expand(n)
	}
	return b.unroll(n)
}

// expand batches a composite operator through its expansion.
func (b *batcher) expand(n *graph.Node) *graph.Node {
	e := n.Op().Expand(n)
	var from []*graph.Node
	for _, in := range n.Inputs() {
		if b.Has(in) {
			from = append(from, in)
		}
	}
	e = b.imageOf(e, from)
	if !n.Op().Differentiable() && n.DType().IsFloat() {
		e = graph.StopGradient(e)
	}
	return e
}

// maxUnroll bounds the copies of an operator without a rule.
const maxUnroll = 4096

// unroll applies the operator once for each element of the batch and stacks the results.
func (b *batcher) unroll(n *graph.Node) *graph.Node {
	return b.stack(n, func(in []*graph.Node) *graph.Node { return b.Graph.Apply(n.Op(), in, n.Attrs()) }, n.Inputs())
}

// result returns the image of one of several results.
func (b *batcher) result(n *graph.Node) *graph.Node {
	tuple, k, _ := graph.ResultOf(n)
	if values := b.values[tuple]; values != nil {
		if k < len(values) && values[k] != nil {
			return values[k]
		}
		return nil
	}
	if m := b.Image[tuple]; m != tuple {
		return b.Graph.Apply(n.Op(), []*graph.Node{m}, n.Attrs())
	}
	if rule := tuple.Op().Batch; rule != nil {
		if m := rule(&b.Batch, n); m != nil {
			return m
		}
	}
	return b.stack(tuple, func(in []*graph.Node) *graph.Node {
		return graph.Result(b.Graph.Apply(tuple.Op(), in, tuple.Attrs()), k)
	}, tuple.Inputs())
}

func (b *batcher) stack(n *graph.Node, apply func([]*graph.Node) *graph.Node, inputs []*graph.Node) *graph.Node {
	if b.Size > maxUnroll {
		return b.Graph.Fail("batch", fmt.Errorf("%s has no rule for batching, and %d copies are too many", n.Op().Name, b.Size))
	}
	parts := make([]*graph.Node, b.Size)
	for i := range parts {
		in := make([]*graph.Node, len(inputs))
		for k, o := range inputs {
			in[k] = o
			if b.Has(o) {
				in[k] = graph.Index(b.Image[o], i)
			}
		}
		parts[i] = apply(in)
	}
	return graph.Stack(0, parts...)
}
