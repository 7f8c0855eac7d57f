package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// Rules of operators that have a dimension into which a batch folds: the images of convolutions and poolings, the columns beside a sparse
// matrix. Filters and entries with a batch of their own are unrolled.
func init() {
	for _, name := range []string{"conv", "conv_input_grad"} {
		batchRules[name] = func(b *batcher, n *graph.Node) *graph.Node {
			if b.has(n.Input(1)) {
				return nil
			}
			return b.unfold(n, b.g.Apply(n.Op(), []*graph.Node{b.fold(n.Input(0)), n.Input(1)}, b.foldShape(n.Attrs())))
		}
	}
	for _, name := range []string{"avg_pool", "avg_pool_grad"} {
		batchRules[name] = func(b *batcher, n *graph.Node) *graph.Node {
			return b.unfold(n, b.g.Apply(n.Op(), []*graph.Node{b.fold(n.Input(0))}, b.foldShape(n.Attrs())))
		}
	}
	batchRules["result"] = func(b *batcher, n *graph.Node) *graph.Node {
		tuple := n.Input(0)
		if tuple.Op().Name != "max_pool" {
			return nil
		}
		folded := b.g.Apply(tuple.Op(), []*graph.Node{b.fold(tuple.Input(0))}, tuple.Attrs())
		return b.unfold(n, graph.Result(folded, n.Attrs().Int("index")))
	}
	for _, name := range []string{"csr_matmul", "csr_solve"} {
		batchRules[name] = func(b *batcher, n *graph.Node) *graph.Node {
			x := n.Input(3)
			if b.has(n.Input(0)) || b.has(n.Input(1)) || b.has(n.Input(2)) {
				return nil
			}
			// [b, rows] or [b, rows, k] becomes [rows, b·k].
			k := x.Shape()[1:].Size()
			columns := graph.Reshape(graph.Transpose(graph.Reshape(b.of(x), b.n, x.Shape()[0], k), 1, 0, 2), x.Shape()[0], b.n*k)
			y := b.g.Apply(n.Op(), []*graph.Node{n.Input(0), n.Input(1), n.Input(2), columns}, n.Attrs())
			y = graph.Transpose(graph.Reshape(y, n.Shape()[0], b.n, k), 1, 0, 2)
			return graph.Reshape(y, withLeading(n.Shape(), b.n)...)
		}
	}
}

// fold joins the batch dimension with the first dimension.
func (b *batcher) fold(n *graph.Node) *graph.Node {
	s := slices.Clone(n.Shape())
	s[0] *= b.n
	return graph.Reshape(b.of(n), s...)
}

// foldShape multiplies the first extent of the attribute shape, if there is one, as fold does.
func (b *batcher) foldShape(a attr.List) attr.List {
	out := slices.Clone(a)
	for i := range out {
		if out[i].Key == "shape" {
			s := slices.Clone(out[i].Value.Ints)
			s[0] *= b.n
			out[i].Value.Ints = s
		}
	}
	return out
}

// unfold undoes fold for the result that stands for n.
func (b *batcher) unfold(n, folded *graph.Node) *graph.Node {
	return graph.Reshape(folded, withLeading(n.Shape(), b.n)...)
}
