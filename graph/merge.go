package graph

import (
	"slices"

	"github.com/adjoint-go/adjoint/internal/shape"
)

// Rules for Op.Merge: they get two nodes or more.

// mergeIndexed joins index_transpose nodes, per number of indices; pieces at the same place are added.
func mergeIndexed(nodes []*Node) []*Node {
	type place struct{ depth, flat int }
	at := map[place]*Node{}
	extents := nodes[0].Shape()
	byDepth := make([][]int, len(extents)+1)
	for _, n := range nodes {
		all := n.Attrs().Ints("indices")
		m := len(all) / len(n.Inputs())
		for k, piece := range n.Inputs() {
			flat := shape.Index(all[k*m:(k+1)*m], extents)
			p := place{m, flat}
			if old := at[p]; old != nil {
				at[p] = Add(old, piece)
			} else {
				at[p] = piece
				byDepth[m] = append(byDepth[m], flat)
			}
		}
	}
	var out []*Node
	for m, flats := range byDepth {
		if len(flats) == 0 {
			continue
		}
		slices.Sort(flats)
		pieces := make([]*Node, len(flats))
		indices := make([]int, 0, m*len(flats))
		for k, flat := range flats {
			pieces[k] = at[place{m, flat}]
			indices = append(indices, shape.At(flat, extents[:m])...)
		}
		out = append(out, IndexTranspose(extents, indices, pieces...))
	}
	return out
}

// mergeSliced joins slice_transpose nodes.
func mergeSliced(nodes []*Node) []*Node {
	var pieces []*Node
	var starts, strides []int
	for _, n := range nodes {
		pieces = append(pieces, n.Inputs()...)
		starts = append(starts, n.Attrs().Ints("starts")...)
		strides = append(strides, n.Attrs().Ints("strides")...)
	}
	return []*Node{SliceTranspose(nodes[0].Shape(), starts, strides, pieces...)}
}

// updateKind tells which nodes of an operator that adds updates into zeros, or writes them there, at places that the run finds, can be joined: those of the same kind. It is
// the zero value for a node that stays.
type updateKind struct {
	axis  int
	index DType
}

// mergeScattered joins such nodes, of which kind and join say which and how, unless sums of arrays are less work.
func mergeScattered(nodes []*Node, kind func(n *Node) updateKind, join func(axis int, nodes []*Node) *Node) []*Node {
	var order []updateKind
	groups := map[updateKind][]*Node{}
	updates, size := 0, nodes[0].Shape().Size()
	for _, n := range nodes {
		k := kind(n)
		if k == (updateKind{}) {
			updates += size
		} else {
			updates += n.Input(1).Shape().Size()
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], n)
	}
	if updates > (len(nodes)-1)*size {
		return nodes
	}
	var out []*Node
	for _, k := range order {
		group := groups[k]
		if len(group) < 2 || k == (updateKind{}) {
			out = append(out, group...)
			continue
		}
		restore := group[0].g.AtNode(group[0])
		out = append(out, join(k.axis, group))
		restore()
	}
	return out
}

func indexedAlong(n *Node) updateKind { return updateKind{axisOfNode(n), n.Input(0).DType()} }

func mergeScatterAdd(nodes []*Node) []*Node {
	return mergeScattered(nodes, indexedAlong, func(axis int, nodes []*Node) *Node {
		s, indices, updates := nodes[0].Shape(), make([]*Node, len(nodes)), make([]*Node, len(nodes))
		for i, n := range nodes {
			size := n.Input(0).Shape().Size()
			indices[i] = Reshape(n.Input(0), size)
			updates[i] = Reshape(n.Input(1), slices.Concat(s[:axis], Shape{size}, s[axis+1:])...)
		}
		return ScatterAdd(Concat(0, indices...), Concat(axis, updates...), axis, s...)
	})
}

func mergeScatterAlongAxisAdd(nodes []*Node) []*Node {
	return mergeScattered(nodes, indexedAlong, func(axis int, nodes []*Node) *Node {
		indices, updates := make([]*Node, len(nodes)), make([]*Node, len(nodes))
		for i, n := range nodes {
			indices[i], updates[i] = n.Input(0), n.Input(1)
		}
		return ScatterAlongAxisAdd(Concat(axis, indices...), Concat(axis, updates...), axis, nodes[0].Shape()...)
	})
}

// mergeUpdatedParts joins parts that dynamic_update_slice writes into zeros; what is written into something else stays.
func mergeUpdatedParts(nodes []*Node) []*Node {
	kind := func(n *Node) updateKind {
		if bits, uniform := n.Input(0).ShownLiteral().Uniform(); !uniform || bits != 0 {
			return updateKind{}
		}
		return updateKind{index: Int64}
	}
	return mergeScattered(nodes, kind, func(_ int, nodes []*Node) *Node {
		s, indices, updates := nodes[0].Shape(), make([]*Node, len(nodes)), make([]*Node, len(nodes))
		for i, n := range nodes {
			indices[i] = placesOfPart(n)
			updates[i] = Reshape(n.Input(1), n.Input(1).Shape().Size())
		}
		return Reshape(ScatterAdd(Concat(0, indices...), Concat(0, updates...), 0, s.Size()), s...)
	})
}

// placesOfPart returns the flat places that a dynamic_update_slice writes to.
func placesOfPart(n *Node) *Node {
	s, part := n.Shape(), n.Input(1).Shape()
	g, strides := n.Graph(), shape.Strides(s)
	last, step, within := make([]int64, len(s)), make([]int64, len(s)), make([]int64, part.Size())
	for d := range s {
		last[d], step[d] = int64(s[d]-part[d]), int64(strides[d])
	}
	for i := range within {
		within[i] = int64(shape.StridedIndex(i, part, s, make([]int, len(s)), slices.Repeat([]int{1}, len(s))))
	}
	begin := Cast(n.Input(2), Int64)
	begin = Max(Min(begin, Constant(g, last, len(last))), Like(begin, 0))
	first := ReduceSum(Mul(begin, Constant(g, step, len(step))), nil)
	return Add(first, Constant(g, within, len(within)))
}
