package compile

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// adjointsOf returns the adjoints of the operands of n (nil for zero) from those of its results. Where the operator has
// only a JVP, they are the adjoints of the tangents, in which the JVP is linear.
func adjointsOf(g *graph.Graph, n *graph.Node, ct []*graph.Node) []*graph.Node {
	op := n.Op()
	switch {
	case op.VJP != nil:
		return op.VJP(n, ct)
	case op.Transpose != nil:
		adjoints := make([]*graph.Node, len(n.Inputs()))
		for i, x := range n.Inputs() {
			if x.DType().IsFloat() {
				adjoints[i] = op.Transpose(n, i, ct[0])
			}
		}
		return adjoints
	}
	dots := make([]*graph.Node, len(n.Inputs()))
	for i, x := range n.Inputs() {
		if x.DType().IsFloat() {
			dots[i] = g.Placeholder(x.DType(), x.Shape()...)
		}
	}
	back := transposed(g, dots, op.JVP(n, dots), ct)
	checkLinear(g, op.Name, "JVP", "tangents", "reverse mode", "VJP", back, dots)
	return back
}

// tangentsOf returns the tangents of the results of n (nil for zero) from those of its operands. Where the operator has
// only a VJP, they are the adjoints of the adjoints, in which the VJP is linear.
func tangentsOf(g *graph.Graph, n *graph.Node, dots []*graph.Node) []*graph.Node {
	op := n.Op()
	switch {
	case op.JVP != nil:
		return op.JVP(n, dots)
	case op.Transpose != nil:
		return []*graph.Node{linearTangent(g, n, dots)}
	}
	types := n.Results()
	if types == nil {
		types = []graph.Type{n.Type()}
	}
	ct := make([]*graph.Node, len(types))
	for i, t := range types {
		if t.DType.IsFloat() {
			ct[i] = g.Placeholder(t.DType, t.Shape...)
		}
	}
	tangents := transposed(g, ct, op.VJP(n, ct), dots)
	checkLinear(g, op.Name, "VJP", "adjoint", "forward mode", "JVP", tangents, ct)
	return tangents
}

// transposed applies the transpose of a linear function, given by its operands and results (some nil), to seeds of the results.
func transposed(g *graph.Graph, in, out, seeds []*graph.Node) []*graph.Node {
	var wrt, outputs, cts []*graph.Node
	for _, x := range in {
		if x != nil {
			wrt = append(wrt, x)
		}
	}
	for i, y := range out {
		if y.Valid() && i < len(seeds) && seeds[i] != nil {
			outputs, cts = append(outputs, y), append(cts, seeds[i])
		}
	}
	back := make([]*graph.Node, len(in))
	if len(outputs) == 0 || len(wrt) == 0 {
		return back
	}
	adjoints := reverse(g, outputs, cts, wrt, false, true)
	k := 0
	for i, x := range in {
		if x != nil {
			back[i] = adjoints[k]
			k++
		}
	}
	return back
}

// checkLinear reports a JVP or VJP whose transpose depends on the arguments in which it has to be linear.
func checkLinear(g *graph.Graph, op, given, argument, mode, missing string, transposed, arguments []*graph.Node) {
	var results, from []*graph.Node
	for _, n := range transposed {
		if n != nil {
			results = append(results, n)
		}
	}
	for _, n := range arguments {
		if n != nil {
			from = append(from, n)
		}
	}
	if len(dependents(results, from)) > 0 {
		g.Fail(op, fmt.Errorf("its %s is not linear in the %s, so %s cannot be derived from it: give a %s too", given, argument, mode, missing))
	}
}
