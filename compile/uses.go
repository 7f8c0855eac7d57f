package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// useCounts says how the nodes of a graph are used by what its outputs depend on.
type useCounts struct {
	count []int32               // by ID: as operands and as outputs
	reads map[*graph.Node][]int // by node with several values: those that are used, see graph.ResultOf, ascending
	made  map[*graph.Node]*graph.Node
	loops []bool // by ID: an elementwise operator or a reduction reads it, see inLoop
	g     *graph.Graph
	// laid says by ID what becomes an overlay, see overlaid.
	laid    []bool
	outputs []*graph.Node
	// solved counts, by the matrix, the systems that are solved with it or its transpose; see systems.
	solved map[*graph.Node]int
	// tanhs is what besideTanh returns.
	tanhs map[*graph.Node]bool
}

// systems is the number of systems that are solved with a matrix or its transpose.
func (u *useCounts) systems(a *graph.Node) int {
	if u.solved == nil {
		u.solved = map[*graph.Node]int{}
		for i := range u.g.Len() {
			if n := u.g.Node(i); n.Op().Name == "solve" && u.count[i] > 0 {
				of, _ := untransposed(n.Input(0))
				u.solved[of]++
			}
		}
	}
	return u.solved[a]
}

// untransposed is the matrix whose transpose a is, or a itself.
func untransposed(a *graph.Node) (of *graph.Node, transposed bool) {
	if a.Op().Name == "transpose" && a.Shape().Rank() == 2 && swapsLastTwo(a.Attrs().Ints("perm")) {
		return a.Input(0), true
	}
	return a, false
}

// inLoop reports whether a loop may read a node, or a view of it, besides other instructions.
func (u *useCounts) inLoop(n *graph.Node) bool {
	if u.loops == nil {
		u.loops = make([]bool, u.g.Len())
		for i := u.g.Len() - 1; i >= 0; i-- {
			if u.count[i] == 0 {
				continue
			}
			n := u.g.Node(i)
			if op := n.Op(); op.Micro != "" || op.Reduction != "" || op.Broadcasts || op.View != nil && u.loops[i] {
				for k := range n.Inputs() {
					u.loops[n.InputID(k)] = true
				}
			}
		}
	}
	return u.loops[n.ID()]
}

func usesIn(g *graph.Graph, outputs []*graph.Node) *useCounts {
	u := &useCounts{g: g, outputs: outputs, count: make([]int32, g.Len()), reads: map[*graph.Node][]int{}, made: map[*graph.Node]*graph.Node{}}
	for _, o := range outputs {
		u.count[o.ID()]++
	}
	for i, needed := range g.Needed(outputs...) {
		if !needed {
			continue
		}
		n := g.Node(i)
		for k := range n.Inputs() {
			u.count[n.InputID(k)]++
		}
		if of, k, ok := graph.ResultOf(n); ok {
			if at, twice := slices.BinarySearch(u.reads[of], k); !twice {
				u.reads[of] = slices.Insert(u.reads[of], at, k)
			}
		}
	}
	return u
}

// once reports whether a node has a single use.
func (u *useCounts) once(n *graph.Node) bool { return u.count[n.ID()] == 1 }

// applyUses is the pass that applies the rules which see uses. These are known only when the graph is as it will be run, so it does not change while the rules look at it.
func applyUses(u *unit) error {
	rulesOf := u.rulesFor(func(r *rule) bool { return r.when != nil })
	var uses *useCounts
	found := map[*graph.Node]*rule{}
	for i := range u.g.Len() {
		n := u.g.Node(i)
		for _, r := range rulesOf(n.Op()) {
			if r.least > 0 && n.Shape().Size() < r.least {
				continue
			}
			if uses == nil {
				uses = usesIn(u.g, u.outputs)
			}
			if found[n] == nil && uses.count[i] > 0 && r.when(n, uses) {
				found[n] = r
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		r := found[n]
		if r == nil {
			return nil
		}
		u.fired[r.name]++
		return r.apply(term{g: to, op: n.Op(), in: in, attrs: n.Attrs(), typ: n.Type(), of: n, uses: uses})
	})
	return u.g.Err()
}

// withResults returns a switch with the results that are read alone, and with the operands alone that these need.
func withResults(n *graph.Node, read []int) *graph.Node {
	first := branchFirst(n)
	needed := make([]bool, len(n.Inputs())-first)
	bodies := graph.Bodies(n)
	results := make([][]*graph.Node, len(bodies))
	for b, body := range bodies {
		for _, k := range read {
			results[b] = append(results[b], body.Results()[k])
		}
		used := body.Graph().Needed(results[b]...)
		for i, p := range body.Params() {
			needed[i] = needed[i] || used[p.ID()]
		}
	}
	keep := func(nodes []*graph.Node) (kept []*graph.Node) {
		for i, n := range nodes {
			if needed[i] {
				kept = append(kept, n)
			}
		}
		return kept
	}
	var smaller []attr.Function
	for b, body := range bodies {
		smaller = append(smaller, mustBody(body.Graph(), keep(body.Params()), results[b]))
	}
	return n.Graph().Apply(n.Op(), slices.Concat(n.Inputs()[:first], keep(n.Inputs()[first:])), attr.Make(attr.Fn("bodies", smaller...)))
}
