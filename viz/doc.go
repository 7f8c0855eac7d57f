// Package viz draws computational graphs: forward values, adjoints and
// gradients, as DOT, SVG, PNG, PDF, HTML, JSON, Mermaid, TikZ and plain text. It needs no Graphviz,
// no browser and no TeX; it reads graphs and executes nothing, so values at a point
// come from the caller.
//
//	err := viz.SVG(w, []*graph.Node{z}, viz.WithTitle("z = x1^2 + x1*x2 + x2^2"))
//
// The grammar of the drawings: an input is a blue circle with an italic name, a
// constant a small dark circle at each use, an operator a rounded box with its
// symbol and value, an output a green double circle. Adjoints are vermillion
// and carry a bar; reverse edges are dashed and carry the local partial
// derivative. Chains of + and × are drawn as one operator with many operands.
// Where the order of operands matters, they stand from top to bottom, or from
// left to right; where that would make edges cross, each carries its number or
// its name inside of the operator's box. What an operator looks like is said
// where it is registered: see graph.Op.
package viz
