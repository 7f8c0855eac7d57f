package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/prefetch"
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
	return &adjoints{g: g, of: prefetch.Pages(make([]adjoint, n)), contributions: prefetch.Pages(make([]contribution, 1, n+n/2+2)), results: map[int][]*graph.Node{}}
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

// sum adds the contributions in the order of their arrival. Those of operators that say how (graph.Op.Merge) become one node, so that n elements used one by
// one cost O(n) and not O(n²). It is nil if there are none.
func (a *adjoints) sum(i int) *graph.Node {
	var total *graph.Node
	var merged [][]*graph.Node // by operator
	for k := a.of[i].first; k != 0; k = a.contributions[k].next {
		t := a.node(k)
		if t.Op().Merge == nil {
			total = plus(total, t)
			continue
		}
		m := slices.IndexFunc(merged, func(of []*graph.Node) bool { return of[0].Op() == t.Op() })
		if m < 0 {
			merged = append(merged, []*graph.Node{t})
		} else {
			merged[m] = append(merged[m], t)
		}
	}
	for _, nodes := range merged {
		if len(nodes) > 1 {
			nodes = nodes[0].Op().Merge(nodes)
		}
		for _, t := range nodes {
			total = plus(total, t)
		}
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
