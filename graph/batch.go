package graph

import (
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Batch is a transformation that gives nodes a new leading dimension, as the rules of operators see it (Op.Batch): a node that depends on what is
// batched has an image with that dimension. compile.Batch makes it.
type Batch struct {
	Graph *Graph
	Size  int // extent of the new dimension
	Image map[*Node]*Node
}

// Has reports whether a node has an image.
func (b *Batch) Has(n *Node) bool { return b.Image[n] != nil }

// Of returns the image of a node, or the node itself.
func (b *Batch) Of(n *Node) *Node {
	if m := b.Image[n]; m != nil {
		return m
	}
	return n
}

// Lift returns the image of a node, or the node repeated along a new leading dimension.
func (b *Batch) Lift(n *Node) *Node {
	if m := b.Image[n]; m != nil {
		return m
	}
	return BroadcastTo(ExpandDims(n, 0), b.Shape(n)...)
}

// Lifted lifts all operands of a node.
func (b *Batch) Lifted(n *Node) []*Node {
	in := slices.Clone(n.Inputs())
	for i, o := range in {
		in[i] = b.Lift(o)
	}
	return in
}

// Aligned returns the image of n with dimensions of extent 1 behind the batch dimension, so that it broadcasts with operands of the given rank;
// n itself if it has no image.
func (b *Batch) Aligned(n *Node, rank int) *Node {
	m := b.Image[n]
	switch {
	case m == nil:
		return n
	case n.Shape().Rank() >= rank:
		return m
	}
	shape := append([]int{b.Size}, slices.Repeat([]int{1}, rank-n.Shape().Rank())...)
	return Reshape(m, append(shape, n.Shape()...)...)
}

// Shape is the shape of n's image.
func (b *Batch) Shape(n *Node) []int { return withLeading(n.Shape(), b.Size) }

func withLeading(v []int, first int) []int { return append([]int{first}, v...) }

// fold joins the batch dimension with the first dimension, for operators that treat what lies along that one alike.
func (b *Batch) fold(n *Node) *Node {
	s := slices.Clone(n.typ.Shape)
	s[0] *= b.Size
	return Reshape(b.Of(n), s...)
}

// foldShape multiplies the first extent of the attribute shape, if there is one, as fold does.
func (b *Batch) foldShape(a attr.List) attr.List {
	out := slices.Clone(a)
	for i := range out {
		if out[i].Key == "shape" {
			s := slices.Clone(out[i].Value.Ints)
			s[0] *= b.Size
			out[i].Value.Ints = s
		}
	}
	return out
}

// unfold undoes fold for the result that stands for n.
func (b *Batch) unfold(n, folded *Node) *Node { return Reshape(folded, b.Shape(n)...) }

// batchFolded is the rule of operators with one batched operand whose first dimension numbers independent items, here images; the others have no batch of their own.
func batchFolded(b *Batch, n *Node) *Node {
	in := slices.Clone(n.Inputs())
	for _, other := range in[1:] {
		if b.Has(other) {
			return nil
		}
	}
	in[0] = b.fold(in[0])
	return b.unfold(n, b.Graph.Apply(n.op, in, b.foldShape(n.extra.attrs)))
}

// ShiftAxes moves the axes of an AlongAxis operator behind a leading dimension.
func ShiftAxes(a attr.List) attr.List {
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
