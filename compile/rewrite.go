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

// term is a node about to be made: what rules match.
type term struct {
	g     *graph.Graph
	op    *graph.Op
	in    []*graph.Node
	attrs attr.List
	typ   graph.Type
	// For rules that see uses: the node, of a graph that is final otherwise, in whose place the term stands, and the uses in that graph.
	of   *graph.Node
	uses *useCounts
}

// rule is a rewrite. apply returns the node to use instead of the term, of the same type, or nil.
type rule struct {
	name  string
	doc   string
	class safety
	// needs is what there must be among a term's operands for the rule to apply: it is not asked about other terms, as most of a large graph are.
	needs operandKinds
	// It looks at the operators named, or at those for which on says so.
	ops []string
	on  func(op *graph.Op) bool
	// when says of rules that see uses, and are applied to a graph that is final otherwise, whether they apply to a node. They do not return nil.
	when func(n *graph.Node, u *useCounts) bool
	// least is the number of elements of a node from which on such a rule can apply to it: smaller ones are not asked about.
	least int
	apply func(t term) *graph.Node
}

// looksAt reports whether the rule looks at terms of the operator.
func (r *rule) looksAt(op *graph.Op) bool {
	return slices.Contains(r.ops, op.Name) || r.on != nil && r.on(op)
}

// rulesFor returns the rules that the configuration allows, those that fulfil is alone, by the operator that they look at. A graph has few of all operators, so they are asked for as they come.
func (u *unit) rulesFor(is func(r *rule) bool) func(op *graph.Op) []*rule {
	var allowed []*rule
	for i := range rules {
		if r := &rules[i]; is(r) && !slices.Contains(u.config.Disable, r.name) && (r.class != fastMath || u.config.FastMath) {
			allowed = append(allowed, r)
		}
	}
	byOp := map[*graph.Op][]*rule{}
	return func(op *graph.Op) []*rule {
		list, known := byOp[op]
		if !known {
			for _, r := range allowed {
				if r.looksAt(op) {
					list = append(list, r)
				}
			}
			byOp[op] = list
		}
		return list
	}
}

// rewriteAll is the pass that expands operators without a kernel, folds constants and applies the rules. The graph is made anew through
// constructors that look at every term, so operands are in normal form already, whatever a rule or an expansion
// makes is rewritten too, and equal nodes are shared.
func rewriteAll(u *unit) error {
	rulesOf := u.rulesFor(func(r *rule) bool { return r.when == nil })
	counts := map[*rule]int{}
	folded, expanded := 0, 0
	fold := !slices.Contains(u.config.Disable, "fold")
	u.g, u.outputs = u.g.Rewrite(u.outputs, func(to *graph.Graph, t graph.Term) *graph.Node {
		x := term{g: to, op: t.Op, in: t.Inputs, attrs: t.Attrs, typ: t.Type}
		kinds := kindsOf(t.Inputs)
		for _, r := range rulesOf(t.Op) {
			if r.needs&^kinds != 0 {
				continue
			}
			if m := r.apply(x); m != nil {
				counts[r]++
				return m
			}
		}
		if fold && kinds&constantOperand != 0 {
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
