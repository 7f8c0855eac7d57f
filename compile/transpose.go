package compile

import "github.com/adjoint-go/adjoint/graph"

// adjointsOf returns the adjoints of the operands of n (nil for zero) from those of its results. Where the operator has
// only a JVP, they are the adjoints of the tangents, in which the JVP is linear.
func adjointsOf(g *graph.Graph, n *graph.Node, ct []*graph.Node) []*graph.Node {
	op := n.Op()
	if op.VJP != nil {
		return op.VJP(n, ct)
	}
	dots := make([]*graph.Node, len(n.Inputs()))
	for i, x := range n.Inputs() {
		if x.DType().IsFloat() {
			dots[i] = g.Placeholder(x.DType(), x.Shape()...)
		}
	}
	return transposed(g, dots, op.JVP(n, dots), ct)
}

// tangentsOf returns the tangents of the results of n (nil for zero) from those of its operands. Where the operator has
// only a VJP, they are the adjoints of the adjoints, in which the VJP is linear.
func tangentsOf(g *graph.Graph, n *graph.Node, dots []*graph.Node) []*graph.Node {
	op := n.Op()
	if op.JVP != nil {
		return op.JVP(n, dots)
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
	return transposed(g, ct, op.VJP(n, ct), dots)
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
