package graph

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// Rebuild copies what outputs depend on, and all inputs, into a new graph and returns it with the images of the outputs. For each
// node that is neither input nor constant, replace may return the node that stands for it in the new graph, made from the images of its inputs;
// nil (or a nil function) copies the node. Copies keep names, scopes and positions; nodes that replace
// makes carry those of the node that they stand for. The old graph is not changed. An output that is no valid node of the graph is a
// mistake in the new one.
//
// Nodes that are copied are not looked up: equal nodes that only arise in the new graph are shared
// if replace makes them through constructors or Apply.
func (g *Graph) Rebuild(outputs []*Node, replace func(to *Graph, n *Node, inputs []*Node) *Node) (*Graph, []*Node) {
	return g.rebuild(New(), outputs, nil, replace)
}

// RebuildInStages is Rebuild that takes the nodes in the order of their stages, which are given by ID, and those of one stage in the order of their IDs. The stage of a node is
// at least that of each operand; it panics otherwise.
func (g *Graph) RebuildInStages(outputs []*Node, stages []int32, replace func(to *Graph, n *Node, inputs []*Node) *Node) (*Graph, []*Node) {
	g = g.ready()
	order := make([]int32, g.Len())
	for i := range order {
		order[i] = int32(i)
		n := g.nodes.at(i)
		for k := range n.Inputs() {
			if stages[n.InputID(k)] > stages[i] {
				panic(fmt.Sprintf("BUG: node %d is of stage %d, and its operand of %d", i, stages[i], stages[n.InputID(k)]))
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(stages[a], stages[b]) })
	return g.rebuild(New(), outputs, order, replace)
}

// Term is a node about to be made: a valid application of an operator whose result has the type Type.
type Term struct {
	Op     *Op
	Inputs []*Node // not to be modified or kept
	Attrs  attr.List
	Type   Type
}

// Expand returns the expansion of a term of the graph whose operator has one.
func (g *Graph) Expand(t Term) *Node {
	g = g.ready()
	if t.Op == nil || t.Op.Expand == nil {
		return g.Fail("expand", errors.New("the term's operator has no expansion"))
	}
	// Expansions read the node but do not use it as an operand, so it need not be part of the graph.
	n := &Node{
		kind: &kind{g: g, op: t.Op, typ: &t.Type, extra: extra{attrs: t.Attrs}, own: true}, many: &t.Inputs,
		id: -1, pos: max(g.fixedPosition, 0), scope: g.scope, origin: g.origin,
	}
	return t.Op.Expand(n)
}

// maxRewriteDepth bounds rewrites within rewrites, so that two rules cannot undo each other for ever.
const maxRewriteDepth = 64

// Rewrite copies what outputs depend on into a new graph as Rebuild does, but through Apply, so that equal nodes
// are shared, and lets rewrite stand in for every node about to be made, those that rewrite itself makes included: it
// returns a node of the new graph with the same type, or nil to leave the term as it is. It panics if rewrite returns a node of another
// type or graph.
func (g *Graph) Rewrite(outputs []*Node, rewrite func(to *Graph, t Term) *Node) (*Graph, []*Node) {
	to := New()
	if rewrite != nil {
		to.rewrite = func(t Term) *Node { return rewrite(to, t) }
	}
	defer func() { to.rewrite = nil }()
	return g.rebuild(to, outputs, nil, func(to *Graph, n *Node, inputs []*Node) *Node {
		return to.Apply(n.op, inputs, n.extra.attrs)
	})
}

// Needed reports for each node of the graph, by ID, whether it is one of the outputs or one of them depends on it. Outputs that are no valid nodes of the
// graph do not count.
func (g *Graph) Needed(outputs ...*Node) []bool {
	need := make([]bool, g.Len())
	top := -1
	for _, o := range outputs {
		if o.Valid() && o.g == g {
			need[o.id] = true
			top = max(top, int(o.id))
		}
	}
	for i := top; i >= 0; i-- {
		if !need[i] {
			continue
		}
		n := g.nodes.at(i)
		for k := range n.Inputs() {
			need[n.InputID(k)] = true
		}
	}
	return need
}

// rebuild takes the nodes in the given order, nil for that of their IDs.
func (g *Graph) rebuild(to *Graph, outputs []*Node, order []int32, replace func(to *Graph, n *Node, inputs []*Node) *Node) (*Graph, []*Node) {
	g = g.ready()
	to.positions = slices.Clone(g.positions)
	to.scopes = slices.Clone(g.scopes)
	to.callers, to.posIndex = nil, nil // positions come from g alone

	top := len(order) - 1
	if order == nil { // to the last node that is needed
		for _, n := range slices.Concat(g.inputs, outputs) {
			if n.Valid() && n.g == g {
				top = max(top, int(n.id))
			}
		}
	}
	images := prefetch.Soon[*Node](top + 1)
	need := g.Needed(outputs...)
	for _, in := range g.inputs {
		need[in.id] = true
	}
	image := images()
	var buf []*Node
	for i := range image {
		if order != nil {
			i = int(order[i])
		}
		n := g.nodes.at(i)
		const ahead = 16
		if i+2*ahead < len(image) {
			for _, in := range g.nodes.at(i + 2*ahead).firstOperands() {
				prefetch.At(image, in)
			}
			for _, in := range g.nodes.at(i + ahead).firstOperands() {
				prefetch.To(image[in])
			}
		}
		if !need[i] {
			continue
		}
		to.fixedPosition, to.scope = n.pos, n.scope
		if to.origin = n.origin; to.origin < 0 {
			to.origin = n.id
		}
		var m *Node
		switch {
		case n.op == opInput:
			m = to.newNode(to.kindOf(opInput, n.typ), nil)
			m.addName(n.extra.name)
			to.inputs = append(to.inputs, m)
		case n.op == opConst:
			m = to.literal(n.extra.lit.as(false))
		default:
			buf = buf[:0]
			for k := range n.Inputs() {
				buf = append(buf, image[n.InputID(k)])
			}
			if replace != nil {
				m = replace(to, n, buf)
			}
			if m == nil {
				m = to.adopt(n, buf)
			}
		}
		if n.extra.name != "" && m.op != nil {
			for _, name := range n.Names() {
				if to.names[name] == nil && (m.op != opInput || n.op == opInput) {
					m.addName(name)
				}
			}
		}
		image[i] = m
	}
	to.fixedPosition, to.scope, to.origin = 0, 0, -1
	out := make([]*Node, len(outputs))
	for i, o := range outputs {
		if o.Valid() && o.g == g {
			out[i] = image[o.id]
		} else {
			out[i] = to.Fail("rebuild", fmt.Errorf("output %d is invalid or belongs to another graph", i))
		}
	}
	return to, out
}

// adopt copies a node of another graph onto new inputs of the same types, whose type therefore is known.
func (g *Graph) adopt(n *Node, inputs []*Node) *Node {
	k := g.kindOf(n.op, n.typ)
	if e := &n.extra; e.attrs != nil || e.results != nil {
		k = k.with(extra{attrs: e.attrs, results: e.results})
	}
	return g.newNode(k, inputs)
}

// CheckType verifies that the node's type is what its operator gives for its operands: for verifiers.
func (n *Node) CheckType() error {
	if !n.Valid() {
		return errors.New("the node is invalid")
	}
	if n.op == opInput || n.op == opConst {
		return n.typ.Shape.check()
	}
	t, results, err := n.op.infer(n.Inputs(), n.extra.attrs)
	if err != nil {
		return err
	}
	if !t.Equal(*n.typ) || !slices.EqualFunc(results, n.extra.results, Type.Equal) {
		return fmt.Errorf("type %v, but the operator gives %v", *n.typ, t)
	}
	return nil
}
