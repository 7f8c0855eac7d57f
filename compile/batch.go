package compile

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
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
	g, err := commonGraph("batch", slices.Concat(outputs, from, to))
	if err != nil {
		return nil, err
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
	b := &batcher{g: g, n: n, image: map[*graph.Node]*graph.Node{}}
	for i, f := range from {
		b.image[f] = to[i]
	}
	for _, node := range dependents(outputs, from) {
		if b.image[node] != nil {
			continue
		}
		restore := g.AtNode(node)
		b.image[node] = b.apply(node)
		restore()
		if err := g.Err(); err != nil {
			return nil, err
		}
	}
	for _, o := range outputs {
		if m := b.image[o]; m != nil {
			batched = append(batched, m)
		} else {
			batched = append(batched, b.lift(o))
		}
	}
	return batched, g.Err()
}

// dependents lists, in ascending order, the nodes on the way from any of from to the outputs, whatever their dtype.
func dependents(outputs, from []*graph.Node) []*graph.Node {
	depends := map[*graph.Node]bool{}
	first := math.MaxInt
	for _, f := range from {
		depends[f] = true
		first = min(first, f.ID())
	}
	seen := map[*graph.Node]bool{}
	var reach, stack []*graph.Node
	push := func(nodes []*graph.Node) {
		for _, n := range nodes {
			if n.ID() >= first && !seen[n] { // no earlier node depends on from
				seen[n] = true
				reach, stack = append(reach, n), append(stack, n)
			}
		}
	}
	push(outputs)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		push(n.Inputs())
	}
	slices.SortFunc(reach, func(a, b *graph.Node) int { return a.ID() - b.ID() })
	var list []*graph.Node
	for _, n := range reach {
		d := depends[n]
		for _, in := range n.Inputs() {
			d = d || depends[in]
		}
		if d {
			depends[n] = true
			list = append(list, n)
		}
	}
	return list
}

// batcher holds the images of nodes that have the batch dimension.
type batcher struct {
	g     *graph.Graph
	n     int
	image map[*graph.Node]*graph.Node
}

// has reports whether a node has an image with the batch dimension.
func (b *batcher) has(n *graph.Node) bool { return b.image[n] != nil }

// of returns the image of a node, or the node itself.
func (b *batcher) of(n *graph.Node) *graph.Node {
	if m := b.image[n]; m != nil {
		return m
	}
	return n
}

// lift repeats a node along a new leading dimension, if it has no image.
func (b *batcher) lift(n *graph.Node) *graph.Node {
	if m := b.image[n]; m != nil {
		return m
	}
	return graph.BroadcastTo(graph.ExpandDims(n, 0), append([]int{b.n}, n.Shape()...)...)
}

// aligned returns the image of n with dimensions of extent 1 behind the batch dimension, so that it broadcasts with
// operands of the given rank.
func (b *batcher) aligned(n *graph.Node, rank int) *graph.Node {
	if !b.has(n) {
		return n
	}
	m := b.image[n]
	s := n.Shape()
	if len(s) == rank {
		return m
	}
	shape := append([]int{b.n}, slices.Repeat([]int{1}, rank-len(s))...)
	return graph.Reshape(m, append(shape, s...)...)
}

// apply returns the image of a node whose operands' images exist.
func (b *batcher) apply(n *graph.Node) *graph.Node {
	op := n.Op()
	if rule := batchRules[op.Name]; rule != nil {
		if m := rule(b, n); m != nil {
			return m
		}
	}
	switch {
	case op.Elementwise:
		in := make([]*graph.Node, len(n.Inputs()))
		for i, o := range n.Inputs() {
			in[i] = b.aligned(o, n.Shape().Rank())
		}
		return b.g.Apply(op, in, n.Attrs())
	case op.Name == "result":
		if m := b.image[n.Input(0)]; m != nil && m != n.Input(0) {
			return b.g.Apply(op, []*graph.Node{m}, n.Attrs())
		}
		return b.unrollResult(n)
	case n.Results() != nil:
		switch {
		case op.LeadingBatch:
			return b.g.Apply(op, b.lifted(n), n.Attrs())
		case op.AlongAxis:
			return b.g.Apply(op, []*graph.Node{b.of(n.Input(0))}, shiftAxes(n.Attrs()))
		}
		// The results are made one by one from the unrolled applications.
		return n
	case op.LeadingBatch:
		return b.g.Apply(op, b.lifted(n), n.Attrs())
	case op.AlongAxis:
		return b.g.Apply(op, []*graph.Node{b.of(n.Input(0))}, shiftAxes(n.Attrs()))
	case keepsDerivative(op):
		return b.batchedCall(n)
	case op.Expand != nil:
		return b.expand(n)
	}
	return b.unroll(n)
}

func (b *batcher) lifted(n *graph.Node) []*graph.Node {
	in := make([]*graph.Node, len(n.Inputs()))
	for i, o := range n.Inputs() {
		in[i] = b.lift(o)
	}
	return in
}

// expand batches a composite operator through its expansion.
func (b *batcher) expand(n *graph.Node) *graph.Node {
	e := n.Op().Expand(n)
	var from []*graph.Node
	for _, in := range n.Inputs() {
		if b.has(in) {
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
	return b.stack(n, func(in []*graph.Node) *graph.Node { return b.g.Apply(n.Op(), in, n.Attrs()) }, n.Inputs())
}

func (b *batcher) unrollResult(n *graph.Node) *graph.Node {
	tuple := n.Input(0)
	return b.stack(tuple, func(in []*graph.Node) *graph.Node {
		return graph.Result(b.g.Apply(tuple.Op(), in, tuple.Attrs()), n.Attrs().Int("index"))
	}, tuple.Inputs())
}

func (b *batcher) stack(n *graph.Node, apply func([]*graph.Node) *graph.Node, inputs []*graph.Node) *graph.Node {
	if b.n > maxUnroll {
		return b.g.Fail("batch", fmt.Errorf("%s has no rule for batching, and %d copies are too many", n.Op().Name, b.n))
	}
	parts := make([]*graph.Node, b.n)
	for i := range parts {
		in := make([]*graph.Node, len(inputs))
		for k, o := range inputs {
			in[k] = o
			if b.has(o) {
				in[k] = graph.Index(b.image[o], i)
			}
		}
		parts[i] = apply(in)
	}
	return graph.Stack(0, parts...)
}

// shiftAxes moves axes behind the batch dimension.
func shiftAxes(a attr.List) attr.List {
	out := slices.Clone(a)
	for i := range out {
		switch out[i].Key {
		case "axis":
			out[i].Value.Int++
		case "axes":
			axes := slices.Clone(out[i].Value.Ints)
			for k := range axes {
				axes[k]++
			}
			out[i].Value.Ints = axes
		}
	}
	return out
}

// oneProduct makes one product of the products of many matrices on the left, or many columns on the right, with the same matrix: their rows,
// or the columns as rows, are those of one matrix. It returns nil for others.
func (b *batcher) oneProduct(n *graph.Node) *graph.Node {
	x, y := n.Input(0), n.Input(1)
	if b.has(x) == b.has(y) || x.Shape().Rank() != 2 || y.Shape().Rank() != 2 {
		return nil
	}
	rows, columns := n.Shape()[0], n.Shape()[1]
	ta, tb := n.Attrs().Bool("transpose_a"), n.Attrs().Bool("transpose_b")
	switch {
	case b.has(x) && (rows == 1 || !ta):
		ta = false
	case b.has(y) && columns == 1:
		x, y, ta, tb = y, x, false, !ta
		rows = 1
	default:
		return nil
	}
	inner := x.Shape().Size() / rows
	flags := slices.Clone(n.Attrs())
	for i := range flags {
		switch flags[i].Key {
		case "transpose_a":
			flags[i] = attr.B("transpose_a", ta)
		case "transpose_b":
			flags[i] = attr.B("transpose_b", tb)
		}
	}
	product := b.g.Apply(n.Op(), []*graph.Node{graph.Reshape(b.of(x), b.n*rows, inner), y}, flags)
	return graph.Reshape(product, withLeading(n.Shape(), b.n)...)
}

func withLeading(v []int, first int) []int { return append([]int{first}, v...) }

// batchRules are the rules of operators whose attributes or operands change with a leading dimension.
// A rule may return nil for operands that it does not cover.
var batchRules = map[string]func(b *batcher, n *graph.Node) *graph.Node{
	"reshape": func(b *batcher, n *graph.Node) *graph.Node {
		return graph.Reshape(b.of(n.Input(0)), withLeading(n.Shape(), b.n)...)
	},
	"broadcast_to": func(b *batcher, n *graph.Node) *graph.Node {
		return graph.BroadcastTo(b.aligned(n.Input(0), n.Shape().Rank()), withLeading(n.Shape(), b.n)...)
	},
	"transpose": func(b *batcher, n *graph.Node) *graph.Node {
		perm := []int{0}
		for _, p := range n.Attrs().Ints("perm") {
			perm = append(perm, p+1)
		}
		return graph.Transpose(b.of(n.Input(0)), perm...)
	},
	"concat": func(b *batcher, n *graph.Node) *graph.Node {
		return graph.Concat(n.Attrs().Int("axis")+1, b.lifted(n)...)
	},
	"slice": func(b *batcher, n *graph.Node) *graph.Node {
		a := n.Attrs()
		return b.g.Apply(n.Op(), []*graph.Node{b.of(n.Input(0))}, attr.Make(attr.L("starts", withLeading(a.Ints("starts"), 0)),
			attr.L("limits", withLeading(a.Ints("limits"), b.n)), attr.L("strides", withLeading(a.Ints("strides"), 1))))
	},
	"slice_transpose": func(b *batcher, n *graph.Node) *graph.Node {
		r := n.Shape().Rank()
		var starts, strides []int
		for k := range n.Inputs() {
			starts = append(append(starts, 0), n.Attrs().Ints("starts")[k*r:(k+1)*r]...)
			strides = append(append(strides, 1), n.Attrs().Ints("strides")[k*r:(k+1)*r]...)
		}
		return graph.SliceTranspose(withLeading(n.Shape(), b.n), starts, strides, b.lifted(n)...)
	},
	"index": func(b *batcher, n *graph.Node) *graph.Node {
		x := b.of(n.Input(0))
		ranges := []graph.Range{{Limit: graph.All}}
		for _, i := range n.Attrs().Ints("indices") {
			ranges = append(ranges, graph.Range{Start: i, Limit: i + 1})
		}
		return graph.Reshape(graph.Slice(x, ranges...), withLeading(n.Shape(), b.n)...)
	},
	"index_transpose": func(b *batcher, n *graph.Node) *graph.Node {
		r := n.Shape().Rank()
		indices := n.Attrs().Ints("indices")
		m := len(indices) / len(n.Inputs())
		var starts, strides []int
		pieces := make([]*graph.Node, len(n.Inputs()))
		for k, in := range n.Inputs() {
			shape := append(slices.Repeat([]int{1}, m), in.Shape()...)
			pieces[k] = graph.Reshape(b.lift(in), withLeading(shape, b.n)...)
			starts = append(append(append(starts, 0), indices[k*m:(k+1)*m]...), make([]int, r-m)...)
			strides = append(strides, slices.Repeat([]int{1}, r+1)...)
		}
		return graph.SliceTranspose(withLeading(n.Shape(), b.n), starts, strides, pieces...)
	},
	"matmul": func(b *batcher, n *graph.Node) *graph.Node {
		rank := n.Shape().Rank()
		if m := b.oneProduct(n); m != nil {
			return m
		}
		return b.g.Apply(n.Op(), []*graph.Node{b.aligned(n.Input(0), rank), b.aligned(n.Input(1), rank)}, n.Attrs())
	},
	"gather": func(b *batcher, n *graph.Node) *graph.Node {
		x, idx, axis := n.Input(0), n.Input(1), n.Attrs().Int("axis")
		switch {
		case !b.has(idx):
			return graph.Gather(b.of(x), idx, axis+1)
		case !b.has(x):
			// The batch dimension comes out where the indices stand: move it to the front.
			y := graph.Gather(x, b.of(idx), axis)
			perm := []int{axis}
			for d := range y.Shape() {
				if d != axis {
					perm = append(perm, d)
				}
			}
			return graph.Transpose(y, perm...)
		}
		return nil
	},
	"scatter_add": func(b *batcher, n *graph.Node) *graph.Node {
		idx, updates, axis := n.Input(0), n.Input(1), n.Attrs().Int("axis")
		if b.has(idx) {
			return nil
		}
		return graph.ScatterAdd(idx, b.of(updates), axis+1, withLeading(n.Shape(), b.n)...)
	},
}
