package compile

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// What depends on what: graph.Needed walks over a whole graph, reach over few nodes of a large one.

// nodeIndex numbers some nodes of a graph. It is dense for sweeps over the whole graph and sparse for
// those over the expansion of one node.
type nodeIndex struct {
	dense  []int32 // by ID, number+1
	sparse map[*graph.Node]int32
}

func newNodeIndex(g *graph.Graph, stop bool) nodeIndex {
	if stop {
		return nodeIndex{sparse: map[*graph.Node]int32{}}
	}
	return nodeIndex{dense: prefetch.Pages(make([]int32, g.Len()))}
}

func (x *nodeIndex) set(n *graph.Node, i int) {
	if x.sparse != nil {
		x.sparse[n] = int32(i) + 1
	} else {
		x.dense[n.ID()] = int32(i) + 1
	}
}

func (x *nodeIndex) get(n *graph.Node) (int, bool) {
	if x.sparse != nil {
		i := x.sparse[n]
		return int(i) - 1, i > 0
	}
	if n.ID() >= len(x.dense) {
		return -1, false
	}
	i := x.dense[n.ID()]
	return int(i) - 1, i > 0
}

// ofInput is get for operand k of the node.
func (x *nodeIndex) ofInput(n *graph.Node, k int) (int, bool) {
	if x.sparse != nil {
		return x.get(n.Input(k))
	}
	id := n.InputID(k)
	if id >= len(x.dense) {
		return -1, false
	}
	i := x.dense[id]
	return int(i) - 1, i > 0
}

// between lists, in ascending order, the nodes that the outputs depend on and that depend on wrt,
// differentiably, wrt included, and numbers them. With stop, nothing behind wrt is looked at.
func between(g *graph.Graph, outputs, wrt []*graph.Node, stop bool) ([]*graph.Node, nodeIndex) {
	var list []*graph.Node
	if stop {
		list = reach(outputs, func(n *graph.Node) bool { return !slices.Contains(wrt, n) })
	} else {
		list = neededFrom(g, outputs, first(wrt))
	}
	index := newNodeIndex(g, stop)
	return dependOn(list, wrt, &index, func(n *graph.Node) bool {
		return n.Op().Differentiable() && (n.DType().IsFloat() || n.Results() != nil)
	}), index
}

// dependents lists, in ascending order, the nodes on the way from any of from to the outputs, whatever their dtype.
func dependents(outputs, from []*graph.Node) []*graph.Node {
	least := first(from) // no earlier node depends on from
	index := newNodeIndex(nil, true)
	return dependOn(reach(outputs, func(n *graph.Node) bool { return n.ID() > least }), from, &index, func(*graph.Node) bool { return true })
}

// dependOn returns those of an ascending list of nodes that depend on from, through nodes that pass it on, and numbers them. It takes the memory of the list.
func dependOn(list, from []*graph.Node, index *nodeIndex, passes func(n *graph.Node) bool) []*graph.Node {
	isFrom := map[*graph.Node]bool{}
	for _, f := range from {
		isFrom[f] = true
	}
	kept := list[:0]
	for _, n := range list {
		d := isFrom[n]
		if !d && passes(n) {
			for k := range n.Inputs() {
				if _, d = index.ofInput(n, k); d {
					break
				}
			}
		}
		if d {
			index.set(n, len(kept))
			kept = append(kept, n)
		}
	}
	return kept
}

// first returns the least ID of the nodes.
func first(nodes []*graph.Node) int {
	least := math.MaxInt
	for _, n := range nodes {
		least = min(least, n.ID())
	}
	return least
}

// reach lists, in ascending order, the nodes that others depend on, with these; nothing is looked at behind nodes that are not open.
func reach(from []*graph.Node, open func(n *graph.Node) bool) []*graph.Node {
	seen := map[*graph.Node]bool{}
	var list, stack []*graph.Node
	push := func(nodes []*graph.Node) {
		for _, n := range nodes {
			if !seen[n] {
				seen[n] = true
				list, stack = append(list, n), append(stack, n)
			}
		}
	}
	push(from)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if open(n) {
			push(n.Inputs())
		}
	}
	slices.SortFunc(list, func(a, b *graph.Node) int { return a.ID() - b.ID() })
	return list
}

// neededFrom lists, in ascending order, the nodes from an ID on that the outputs depend on.
func neededFrom(g *graph.Graph, outputs []*graph.Node, least int) []*graph.Node {
	need := g.Needed(outputs...)
	count := 0
	for i := least; i < len(need); i++ {
		if need[i] {
			count++
		}
	}
	list := prefetch.Pages(make([]*graph.Node, 0, count))
	for i := least; i < len(need); i++ {
		if need[i] {
			list = append(list, g.Node(i))
		}
	}
	return list
}
