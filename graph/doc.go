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
// # Families
//
// docs/OPERATORS.md describes every operator, with an index by the names of NumPy, PyTorch, JAX and ONNX. What there is:
//
//   - values: Graph.Input, Graph.Const, Constant, Zeros, Ones, Full, Eye, Arange, Linspace, Iota, Like, Cast
//   - arithmetic: Add, Sub, Mul, Div, Pow, Mod, Max, Min, FMA, Abs, Sign, Square, Reciprocal, Clip; bits of integers: BitwiseAnd, ShiftLeft, Gcd
//   - functions: Exp, Log, Sin, Tanh, Sqrt, Cbrt, Hypot, Atan2; special ones: Erf, Lgamma, Digamma, IGamma, BetaInc, BesselJ, Zeta
//   - comparisons: Less, Equal, LogicalAnd, IsNaN, Where
//   - reductions: ReduceSum, ReduceMean, ReduceMax, ReduceVar, LogSumExp, Argmax, NanMean, Quantile, Median; running ones: Cumsum, Cummax
//   - shapes: Reshape, Transpose, ExpandDims, BroadcastTo, Concat, Stack, Split, Slice, Index, Pad, Tile, Roll, Flip
//   - indices: Gather, TakeAlongAxis, ScatterAdd, SegmentSum, DynamicSlice, Sort, TopK, Searchsorted, OneHot, Histogram
//   - products: MatMul, Dot, Outer, Einsum, DotGeneral; CSR for sparse matrices
//   - linear algebra: Solve, Cholesky, LU, QR, SVD, Eigh, Inv, Det, Expm, LstSq, TriangularSolve, TridiagonalSolve
//   - networks: Conv, MaxPool, Relu, Gelu, Softmax, LayerNorm, Attention, Dropout, CrossEntropy, MSE; layers are in package graph/nn
//   - signals and grids: FFT, RFFT, STFT, Interp, BSpline, Resize, GridSample, Diff, CentralDifferences, Complex
//   - random numbers: RandomKey, RandomSplit, RandomNormal, RandomUniform, RandomCategorical
//   - control flow: Scan, While, Cond, Switch, Map, Checkpoint, Function
//   - equations: Implicit, LinearSolve; solvers are in compile/implicit, and differential equations in graph/ode
//   - derivatives of one's own: StopGradient, WithVJP, CustomVJP, CustomJVP, CustomOp, RegisterUser
//
// Operands come first, then what is counted or asked for, then the axis, and last what only refines (epsilon, ddof, options), as in NumPy: TopK(x, k, axis), Roll(x, shift, axis),
// LayerNorm(x, scale, bias, axes, epsilon). A single axis is an int; several are variadic where nothing follows and a slice where something does; negative ones count from the end. Flags are
// options (KeepDims); what takes values is a struct (Window, AttentionOptions), whose zero value is the usual case.
//
// # For compilers
//
// Op and what its fields hold (Type rules, derivative forms, Pattern, Series, Batch, Sample), Graph.Apply, Rewrite, Rebuild, Expand, At, Enter, Local and Placeholder, Body, Literal and Term serve package compile
// and whoever registers operators. A program that builds graphs has no use for them.
//
// A Graph and its nodes are not safe for concurrent modification.
//
//go:generate go run ../internal/docgen/operators ..
package graph
