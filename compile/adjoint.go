package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// adjoints collects the contributions to the adjoints of numbered nodes.
type adjoints struct {
	of            []adjoint
	contributions []contribution
	results       map[int][]*graph.Node // of nodes with several results
}

// adjoint is the list of the contributions to one node's adjoint, by their indices; 0 is none.
type adjoint struct {
	first, last int32
	masked      bool // some come from behind a mask
}

type contribution struct {
	node *graph.Node
	next int32
}

func newAdjoints(n int) *adjoints {
	return &adjoints{of: make([]adjoint, n), contributions: make([]contribution, 1, n+n/2+2), results: map[int][]*graph.Node{}}
}

func (a *adjoints) add(i int, ct *graph.Node, masked bool) {
	x := &a.of[i]
	k := int32(len(a.contributions))
	a.contributions = append(a.contributions, contribution{node: ct})
	if x.first == 0 {
		x.first = k
	} else {
		a.contributions[x.last].next = k
	}
	x.last = k
	x.masked = x.masked || masked
}

func (a *adjoints) addResult(i, result int, ct *graph.Node, masked bool) {
	for len(a.results[i]) <= result {
		a.results[i] = append(a.results[i], nil)
	}
	a.results[i][result] = ct
	a.of[i].masked = a.of[i].masked || masked
}

var (
	opIndex          = graph.LookupOp("index")
	opIndexTranspose = graph.LookupOp("index_transpose")
	opSliceTranspose = graph.LookupOp("slice_transpose")
	opPlaceholder    = graph.LookupOp("placeholder")
)

// sum adds the contributions in the order of their arrival. Those that place pieces into zeros become one
// node, so that n elements used one by one cost O(n) and not O(n²). It is nil if there are none.
func (a *adjoints) sum(i int) *graph.Node {
	var total *graph.Node
	var indexed, sliced []*graph.Node
	for k := a.of[i].first; k != 0; k = a.contributions[k].next {
		switch t := a.contributions[k].node; t.Op() {
		case opIndexTranspose:
			indexed = append(indexed, t)
		case opSliceTranspose:
			sliced = append(sliced, t)
		default:
			total = plus(total, t)
		}
	}
	for _, t := range mergeIndexed(indexed) {
		total = plus(total, t)
	}
	for _, t := range mergeSliced(sliced) {
		total = plus(total, t)
	}
	return total
}

// plus is a + b, where nil is zero.
func plus(a, b *graph.Node) *graph.Node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return graph.Add(a, b)
}

// fullLike returns an array of the node's type whose elements are all v.
func fullLike(n *graph.Node, v float64) *graph.Node {
	return graph.BroadcastTo(graph.Like(n, v), n.Shape()...)
}

// mergeIndexed joins index_transpose nodes of one shape, per number of indices; pieces at the same place are added.
func mergeIndexed(nodes []*graph.Node) []*graph.Node {
	if len(nodes) < 2 {
		return nodes
	}
	type place struct{ depth, flat int }
	at := map[place]*graph.Node{}
	shape := nodes[0].Shape()
	byDepth := make([][]int, len(shape)+1)
	for _, n := range nodes {
		all := n.Attrs().Ints("indices")
		m := len(all) / len(n.Inputs())
		for k, piece := range n.Inputs() {
			flat := 0
			for d, i := range all[k*m : (k+1)*m] {
				flat = flat*shape[d] + i
			}
			p := place{m, flat}
			if old := at[p]; old != nil {
				at[p] = graph.Add(old, piece)
			} else {
				at[p] = piece
				byDepth[m] = append(byDepth[m], flat)
			}
		}
	}
	var out []*graph.Node
	for m, flats := range byDepth {
		if len(flats) == 0 {
			continue
		}
		slices.Sort(flats)
		pieces := make([]*graph.Node, len(flats))
		indices := make([]int, 0, m*len(flats))
		for k, flat := range flats {
			pieces[k] = at[place{m, flat}]
			idx := make([]int, m)
			for d := m - 1; d >= 0; d-- {
				idx[d] = flat % shape[d]
				flat /= shape[d]
			}
			indices = append(indices, idx...)
		}
		out = append(out, graph.IndexTranspose(shape, indices, pieces...))
	}
	return out
}

// mergeSliced joins slice_transpose nodes of one shape.
func mergeSliced(nodes []*graph.Node) []*graph.Node {
	if len(nodes) < 2 {
		return nodes
	}
	var pieces []*graph.Node
	var starts, strides []int
	for _, n := range nodes {
		pieces = append(pieces, n.Inputs()...)
		starts = append(starts, n.Attrs().Ints("starts")...)
		strides = append(strides, n.Attrs().Ints("strides")...)
	}
	return []*graph.Node{graph.SliceTranspose(nodes[0].Shape(), starts, strides, pieces...)}
}
