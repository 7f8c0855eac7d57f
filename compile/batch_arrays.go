package compile

import (
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// Rules of scans, scatters, segments and layouts. Without a rule these would be unrolled, which is right too but makes a copy for each element of the
// batch.
func init() {
	// All operands have the batch dimension in front.
	for _, name := range []string{"linear_recurrence", "take_along_axis"} {
		batchRules[name] = func(b *batcher, n *graph.Node) *graph.Node {
			return b.g.Apply(n.Op(), b.lifted(n), shiftAxes(n.Attrs()))
		}
	}
	batchRules["scatter_along_axis_add"] = func(b *batcher, n *graph.Node) *graph.Node {
		in := b.lifted(n)
		return graph.ScatterAlongAxisAdd(in[0], in[1], n.Attrs().Int("axis")+1, withLeading(n.Shape(), b.n)...)
	}
	// Indices that all elements of the batch share apply behind the batch dimension.
	for _, name := range []string{"scatter_set", "scatter_mul", "scatter_max", "scatter_min"} {
		batchRules[name] = func(b *batcher, n *graph.Node) *graph.Node {
			if b.has(n.Input(1)) {
				return nil
			}
			return b.g.Apply(n.Op(), []*graph.Node{b.lift(n.Input(0)), n.Input(1), b.lift(n.Input(2))}, shiftAxes(n.Attrs()))
		}
	}
	for _, name := range []string{"segment_sum", "segment_prod", "segment_max", "segment_min"} {
		batchRules[name] = func(b *batcher, n *graph.Node) *graph.Node {
			if b.has(n.Input(1)) {
				return nil
			}
			x := b.of(n.Input(0))
			swap := []int{1, 0}
			for d := 2; d < x.Shape().Rank(); d++ {
				swap = append(swap, d)
			}
			y := b.g.Apply(n.Op(), []*graph.Node{graph.Transpose(x, swap...), n.Input(1)}, n.Attrs())
			return graph.Transpose(y, swap...)
		}
	}
	from := func(begin *graph.Node) *graph.Node {
		return graph.Concat(0, graph.BroadcastTo(graph.Like(begin, 0), 1), begin)
	}
	batchRules["dynamic_slice"] = func(b *batcher, n *graph.Node) *graph.Node {
		if b.has(n.Input(1)) {
			return nil
		}
		return graph.DynamicSlice(b.of(n.Input(0)), from(n.Input(1)), withLeading(n.Shape(), b.n)...)
	}
	batchRules["dynamic_update_slice"] = func(b *batcher, n *graph.Node) *graph.Node {
		if b.has(n.Input(2)) {
			return nil
		}
		return graph.DynamicUpdateSlice(b.lift(n.Input(0)), b.lift(n.Input(1)), from(n.Input(2)))
	}
	batchRules["pad"] = func(b *batcher, n *graph.Node) *graph.Node {
		a := n.Attrs()
		return b.g.Apply(n.Op(), []*graph.Node{b.of(n.Input(0))}, attr.Make(attr.L("low", withLeading(a.Ints("low"), 0)),
			attr.L("high", withLeading(a.Ints("high"), 0)), attr.F("value", a.Float("value"))))
	}
	batchRules["searchsorted"] = func(b *batcher, n *graph.Node) *graph.Node {
		sequence, values := n.Input(0), n.Input(1)
		switch {
		case !b.has(sequence) && sequence.Shape().Rank() == 1:
			return graph.Searchsorted(sequence, b.of(values), n.Attrs().Bool("right"))
		case sequence.Shape().Rank() == values.Shape().Rank():
			return graph.Searchsorted(b.lift(sequence), b.lift(values), n.Attrs().Bool("right"))
		}
		return nil
	}
}
