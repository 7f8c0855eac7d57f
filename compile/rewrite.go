package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// safety says what a rewrite may change.
type safety uint8

const (
	// exact: the same bits for all operands.
	exact safety = iota + 1
	// rounding: the same value up to rounding; infinities, NaN and zeros stay what they are.
	rounding
	// fastMath: other values for infinite, NaN or zero operands, or other roundings throughout; only with Config.FastMath.
	fastMath
)

func (s safety) String() string {
	return [...]string{"", "exact", "rounding", "fast-math"}[s]
}

// term is a node about to be made: what rules match.
type term struct {
	g     *graph.Graph
	op    *graph.Op
	in    []*graph.Node
	attrs attr.List
	typ   graph.Type
}

// rule is a rewrite. apply returns the node to use instead of the term, of the same type, or nil.
type rule struct {
	name          string
	doc           string
	class         safety
	ops           []string // operators it looks at
	onElementwise bool     // it looks at all elementwise operators
	apply         func(t term) *graph.Node
}

// rewriteAll is the pass that expands operators without a kernel, folds constants and applies the rules. The graph is made anew through
// constructors that look at every term, so operands are in normal form already, whatever a rule or an expansion
// makes is rewritten too, and equal nodes are shared.
func rewriteAll(u *unit) error {
	byOp := map[*graph.Op][]*rule{}
	for i := range rules {
		r := &rules[i]
		if slices.Contains(u.config.Disable, r.name) || r.class == fastMath && !u.config.FastMath {
			continue
		}
		for _, name := range r.ops {
			op := graph.LookupOp(name)
			if op == nil {
				panic("BUG: rewrite " + r.name + " looks at the unknown operator " + name)
			}
			byOp[op] = append(byOp[op], r)
		}
	}
	counts := map[*rule]int{}
	folded, expanded := 0, 0
	fold := !slices.Contains(u.config.Disable, "fold")
	u.g, u.outputs = u.g.Rewrite(u.outputs, func(to *graph.Graph, t graph.Term) *graph.Node {
		x := term{to, t.Op, t.Inputs, t.Attrs, t.Type}
		for _, r := range byOp[t.Op] {
			if m := r.apply(x); m != nil {
				counts[r]++
				return m
			}
		}
		if fold {
			if m := foldTerm(x); m != nil {
				folded++
				return m
			}
		}
		if t.Op.Expand != nil {
			expanded++
			return to.Expand(t)
		}
		return nil
	})
	for r, n := range counts {
		u.fired[r.name] += n
	}
	u.fired["fold"] += folded
	u.fired["expand"] += expanded
	return u.g.Err()
}

// contract is the pass that joins a product that is used once and a sum into a fused multiply-add. It
// changes rounding only. A product that is used elsewhere too stays, so that x·y − x·y remains 0.
func contract(u *unit) error {
	add, sub, mul := graph.LookupOp("add"), graph.LookupOp("sub"), graph.LookupOp("mul")
	uses := make([]int32, u.g.Len())
	candidates := false
	for i := range u.g.Len() {
		n := u.g.Node(i)
		for _, in := range n.Inputs() {
			uses[in.ID()]++
		}
		candidates = candidates || (n.Op() == add || n.Op() == sub) && n.DType().IsFloat()
	}
	for _, o := range u.outputs {
		uses[o.ID()]++
	}
	if !candidates {
		return nil
	}
	product := func(n *graph.Node, shape graph.Shape) bool {
		return n.Op() == mul && uses[n.ID()] == 1 && n.Shape().Equal(shape)
	}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		if n.Op() != add && n.Op() != sub || !n.DType().IsFloat() {
			return nil
		}
		a, b := n.Input(0), n.Input(1)
		switch {
		case a != b && product(a, n.Shape()) && n.Op() == add:
			u.fired["contract"]++
			return graph.FMA(in[0].Input(0), in[0].Input(1), in[1])
		case a != b && product(b, n.Shape()) && n.Op() == add:
			u.fired["contract"]++
			return graph.FMA(in[1].Input(0), in[1].Input(1), in[0])
		case a != b && product(a, n.Shape()):
			u.fired["contract"]++
			return graph.FMA(in[0].Input(0), in[0].Input(1), graph.Neg(in[1]))
		case a != b && product(b, n.Shape()):
			u.fired["contract"]++
			return graph.FMA(graph.Neg(in[1].Input(0)), in[1].Input(1), in[0])
		}
		return nil
	})
	return u.g.Err()
}
