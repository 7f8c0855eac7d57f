package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/prefetch"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// adjoints collects the contributions to the adjoints of numbered nodes.
type adjoints struct {
	g             *graph.Graph
	of            []adjoint
	contributions []contribution
	results       map[int][]*graph.Node // of nodes with several results
}

// adjoint is the list of the contributions to one node's adjoint, by their indices; 0 is none.
type adjoint struct {
	first, last int32
	masked      bool // some come from behind a mask
}

type contribution struct{ node, next int32 } // a node's ID, and the index of the next one

func newAdjoints(g *graph.Graph, n int) *adjoints {
	return &adjoints{g: g, of: make([]adjoint, n), contributions: make([]contribution, 1, n+n/2+2), results: map[int][]*graph.Node{}}
}

// node returns contribution k.
func (a *adjoints) node(k int32) *graph.Node { return a.g.Node(int(a.contributions[k].node)) }

func (a *adjoints) add(i int, ct *graph.Node, masked bool) {
	x := &a.of[i]
	k := int32(len(a.contributions))
	a.contributions = append(a.contributions, contribution{node: int32(ct.ID())})
	if x.first == 0 {
		x.first = k
	} else {
		a.contributions[x.last].next = k
	}
	x.last = k
	x.masked = x.masked || masked
}

// ahead asks for what a sweep that goes down the list of numbered nodes comes to soon.
func (a *adjoints) ahead(list []*graph.Node, index *nodeIndex, i int) {
	const step = 8
	if i < 3*step {
		return
	}
	prefetch.At(a.contributions, a.of[i-3*step].first)
	for k := a.of[i-2*step].first; k != 0; k = a.contributions[k].next {
		prefetch.To(a.node(k))
	}
	n := list[i-2*step]
	for k, in := range n.Inputs() {
		prefetch.To(in)
		if index.dense != nil {
			prefetch.At(index.dense, n.InputID(k))
		}
	}
	n = list[i-step]
	for k := range n.Inputs() {
		if j, ok := index.ofInput(n, k); ok {
			prefetch.At(a.of, j)
		}
	}
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
	opReshape        = graph.LookupOp("reshape")
	opBroadcastTo    = graph.LookupOp("broadcast_to")
	opSlice          = graph.LookupOp("slice")
	opConcat         = graph.LookupOp("concat")

	opScatterAdd          = graph.LookupOp("scatter_add")
	opScatterAlongAxisAdd = graph.LookupOp("scatter_along_axis_add")
	opDynamicUpdateSlice  = graph.LookupOp("dynamic_update_slice")
)

// sum adds the contributions in the order of their arrival. Those that place pieces into zeros become one
// node, so that n elements used one by one cost O(n) and not O(n²). It is nil if there are none.
func (a *adjoints) sum(i int) *graph.Node {
	var total *graph.Node
	var indexed, sliced, scattered []*graph.Node
	for k := a.of[i].first; k != 0; k = a.contributions[k].next {
		switch t := a.node(k); t.Op() {
		case opIndexTranspose:
			indexed = append(indexed, t)
		case opSliceTranspose:
			sliced = append(sliced, t)
		case opScatterAdd, opScatterAlongAxisAdd, opDynamicUpdateSlice:
			scattered = append(scattered, t)
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
	for _, t := range mergeScattered(scattered) {
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
	extents := nodes[0].Shape()
	byDepth := make([][]int, len(extents)+1)
	for _, n := range nodes {
		all := n.Attrs().Ints("indices")
		m := len(all) / len(n.Inputs())
		for k, piece := range n.Inputs() {
			flat := shape.Index(all[k*m:(k+1)*m], extents)
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
			indices = append(indices, shape.At(flat, extents[:m])...)
		}
		out = append(out, graph.IndexTranspose(extents, indices, pieces...))
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

// mergeScattered joins nodes of one shape that add updates into zeros, or write them there, at places that the run finds.
func mergeScattered(nodes []*graph.Node) []*graph.Node {
	if len(nodes) < 2 {
		return nodes
	}
	type kind struct {
		op    *graph.Op
		axis  int
		index graph.DType
	}
	var order []kind
	groups := map[kind][]*graph.Node{}
	updates := 0
	for _, n := range nodes {
		k := kind{op: n.Op()}
		switch {
		case k.op != opDynamicUpdateSlice:
			k.axis, k.index = n.Attrs().Int("axis"), n.Input(0).DType()
			updates += n.Input(1).Shape().Size()
		case !isConst(n.Input(0), 0):
			k.index = graph.Bool // written into something else
			updates += n.Shape().Size()
		default:
			updates += n.Input(1).Shape().Size()
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], n)
	}
	if updates > (len(nodes)-1)*nodes[0].Shape().Size() {
		return nodes // sums of arrays are less work
	}
	var out []*graph.Node
	for _, k := range order {
		group := groups[k]
		if len(group) < 2 || k.index == graph.Bool {
			out = append(out, group...)
			continue
		}
		restore := group[0].Graph().AtNode(group[0])
		out = append(out, joinScattered(k.op, k.axis, group))
		restore()
	}
	return out
}

func joinScattered(op *graph.Op, axis int, nodes []*graph.Node) *graph.Node {
	indices, updates := make([]*graph.Node, len(nodes)), make([]*graph.Node, len(nodes))
	shape := nodes[0].Shape()
	for i, n := range nodes {
		switch op {
		case opScatterAlongAxisAdd:
			indices[i], updates[i] = n.Input(0), n.Input(1)
		case opScatterAdd:
			size := n.Input(0).Shape().Size()
			indices[i] = graph.Reshape(n.Input(0), size)
			updates[i] = graph.Reshape(n.Input(1), slices.Concat(shape[:axis], graph.Shape{size}, shape[axis+1:])...)
		default:
			indices[i] = placesOfPart(n)
			updates[i] = graph.Reshape(n.Input(1), n.Input(1).Shape().Size())
		}
	}
	switch op {
	case opScatterAlongAxisAdd:
		return graph.ScatterAlongAxisAdd(graph.Concat(axis, indices...), graph.Concat(axis, updates...), axis, shape...)
	case opScatterAdd:
		return graph.ScatterAdd(graph.Concat(0, indices...), graph.Concat(axis, updates...), axis, shape...)
	}
	return graph.Reshape(graph.ScatterAdd(graph.Concat(0, indices...), graph.Concat(0, updates...), 0, shape.Size()), shape...)
}

// placesOfPart returns the flat places that a dynamic_update_slice writes to.
func placesOfPart(n *graph.Node) *graph.Node {
	s, part := n.Shape(), n.Input(1).Shape()
	g, strides := n.Graph(), shape.Strides(s)
	last, step, within := make([]int64, len(s)), make([]int64, len(s)), make([]int64, part.Size())
	for d := range s {
		last[d], step[d] = int64(s[d]-part[d]), int64(strides[d])
	}
	for i := range within {
		within[i] = int64(shape.StridedIndex(i, part, s, make([]int, len(s)), slices.Repeat([]int{1}, len(s))))
	}
	begin := graph.Cast(n.Input(2), graph.Int64)
	begin = graph.Max(graph.Min(begin, graph.Constant(g, last, len(last))), graph.Like(begin, 0))
	first := graph.ReduceSum(graph.Mul(begin, graph.Constant(g, step, len(step))), nil)
	return graph.Add(first, graph.Constant(g, within, len(within)))
}
