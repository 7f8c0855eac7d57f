package compile

import (
	"github.com/adjoint-go/adjoint/graph"
)

// maxInlined bounds the nodes of functions that are put in the place of each of their calls.
const maxInlined = 64

// inlineCalls is the pass that puts small functions, and those with one call, in the place of the call. What calls them in turn follows.
func inlineCalls(u *unit) error {
	if u.blocks.calls == nil {
		u.blocks.calls = map[[32]byte]int{}
		if u.g.Has((*graph.Op).HasBodies) {
			u.blocks.count(u.g, u.g.Needed(u.outputs...), map[[32]byte]bool{})
		}
	}
	isCall := func(op *graph.Op) bool { return op == opCall || op == opBatchedCall }
	for found := u.g.Has(isCall); found; {
		found = false
		values := map[*graph.Node][]*graph.Node{} // by call: the function's results
		needed := u.g.Needed(u.outputs...)
		for id := range u.g.Len() {
			if n := u.g.Node(id); needed[id] && (n.Op() == opCall && u.blocks.inlines(graph.Bodies(n)[0]) || n.Op() == opBatchedCall) {
				values[n] = nil
				found = true
			}
		}
		if !found {
			return nil
		}
		u.g, u.outputs = u.g.Rebuild(u.outputs, func(_ *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
			if of, k, ok := graph.ResultOf(n); ok && values[of] != nil {
				return values[of][k]
			}
			if _, ok := values[n]; !ok {
				return nil
			}
			values[n] = inlined(calledBody(n), in)
			if n.Op() == opCall {
				u.fired["inline"]++
			}
			return in[0] // stands for a node that nobody reads
		})
		if err := u.g.Err(); err != nil {
			return err
		}
	}
	return nil
}

// count counts the calls among nodes and in their bodies, by function. A body that several nodes have is looked at once.
func (b *blocks) count(g *graph.Graph, needed []bool, seen map[[32]byte]bool) {
	for id := range g.Len() {
		n := g.Node(id)
		if needed != nil && !needed[id] {
			continue
		}
		for _, body := range graph.Bodies(n) {
			if n.Op() == opCall {
				b.calls[body.Hash()]++
			}
			if !seen[body.Hash()] {
				seen[body.Hash()] = true
				b.count(body.Graph(), nil, seen)
			}
		}
	}
}

// inlines reports whether a function is put in the place of its calls.
func (b *blocks) inlines(body *graph.Body) bool {
	return b.calls[body.Hash()] <= 1 || nodesWithin(body, maxInlined) <= maxInlined
}

// nodesWithin counts the nodes of a body, those of bodies within it included, up to the first ones beyond most.
func nodesWithin(b *graph.Body, most int) int {
	count := b.Graph().Len()
	for id := 0; id < b.Graph().Len() && count <= most; id++ {
		for _, inner := range graph.Bodies(b.Graph().Node(id)) {
			count += nodesWithin(inner, most-count)
		}
	}
	return count
}
