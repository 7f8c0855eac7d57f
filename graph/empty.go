package graph

import (
	"fmt"
	"slices"
)

// Arrays without elements are inputs and constants, and nothing else: a node whose type has none is the constant of that type, and one that is made of such operands is made of what its operator
// says (Op.OfNothing), or of its expansion. So derivatives, batches, patterns, passes and kernels never meet one; programs have them as inputs and outputs.

// Empty reports whether an array of the shape has no elements: an extent is 0.
func (s Shape) Empty() bool { return slices.Contains(s, 0) }

// nothing is the constant of a type without elements.
func (g *Graph) nothing(t Type) *Node {
	return g.Literal(&Literal{typ: Type{t.DType, slices.Clone(t.Shape)}, data: []byte{}})
}

func isEmpty(n *Node) bool { return n.typ.Shape.Empty() }

// reduced returns what a node of the operator is that has nothing to compute: its result has no elements, or an operand has none. It returns nil for others.
func (g *Graph) reduced(op *Op, inputs []*Node, k *kind) *Node {
	if k.extra.results == nil && k.typ.Shape.Empty() {
		return g.nothing(*k.typ)
	}
	n := &Node{kind: k, many: &inputs, id: -1} // which is in no graph
	if op == opResult {
		n, op = inputs[0], inputs[0].op
	}
	first := slices.IndexFunc(n.Inputs(), isEmpty)
	switch {
	case first < 0:
		return nil
	case k.extra.results != nil:
		if op.OfNothing == nil && slices.ContainsFunc(k.extra.results, func(t Type) bool { return !t.Shape.Empty() }) {
			break
		}
		return nil // its results are not read
	case op.OfNothing != nil:
		return op.OfNothing(n, k.extra.attrs.Int("index"))
	case op.Expand != nil:
		return op.Expand(n)
	}
	return g.Fail(op.Name, fmt.Errorf("operand %d is %v: needs an element", first, n.Input(first).typ))
}

// ofNothing makes a rule for operators that give the same number wherever they have nothing to work on.
func ofNothing(v float64) func(n *Node, _ int) *Node {
	return func(n *Node, _ int) *Node { return Full(n.g, n.typ.DType, v, n.typ.Shape...) }
}

// firstOperand is the rule of operators that change nothing in their first operand if there is nothing to change it by.
func firstOperand(n *Node, _ int) *Node { return n.Input(0) }

// withElements are the nodes of a list that have elements.
func withElements(list []*Node) []*Node {
	return slices.DeleteFunc(slices.Clone(list), isEmpty)
}

// besideNothing makes a list of the given types of nodes that have elements, in order, and constants for the others.
func (g *Graph) besideNothing(types []Type, solid []*Node) []*Node {
	all := make([]*Node, len(types))
	for i, t := range types {
		if t.Shape.Empty() {
			all[i] = g.nothing(t)
		} else {
			all[i], solid = solid[0], solid[1:]
		}
	}
	return all
}
