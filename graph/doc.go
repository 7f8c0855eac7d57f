// Package graph builds static computation graphs of scalars and tensors.
//
// A Graph is append-only. Nodes have dense IDs in topological order by
// construction, structurally equal nodes are shared, and every node remembers the
// file and line of the user's code that made it. User mistakes do not panic: they
// are collected in the graph (Graph.Err), the constructor returns a node that
// later operators accept silently, and compile.Compile and compile.Gradient
// report all of them together.
//
//	g := graph.New()
//	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
//	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
//
// Arithmetic, comparisons, Max, Min, Mod, Clip and Where are methods as well, and as such take Go numbers, which become constants of the node's dtype:
// x.Mul(2).Add(y), mask.Where(x, 0). Functions take nodes alone, so that graph.Add and its like are values of one type; Like(x, 1) is a number for them.
//
// Loops and branches (Scan, While, Cond, Switch, Map, Checkpoint, Function) are operators too. Their bodies are built by functions that may use any node around
// them; while such a function runs, all nodes that are made belong to the body.
//
//	final, ys := graph.Scan(1000, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
//		y := graph.Sin(graph.Mul(c[0], w))
//		return []*graph.Node{y}, []*graph.Node{y}
//	})
//
// A Graph and its nodes are not safe for concurrent modification.
//
//go:generate go run ../internal/docgen/operators ..
package graph
