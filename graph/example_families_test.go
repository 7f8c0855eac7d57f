package graph_test

import (
	"fmt"
	"os"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// A graph is built once; mistakes are collected with their lines, and reported together.
func ExampleGraph() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := graph.Sum(x.Mul(2).Add(1)).Named("y")
	fmt.Println(y, y.Type(), g.Lookup("y") == y, g.Err())

	z := graph.MatMul(x, g.Input("w", graph.Float64, 4, 2))
	fmt.Println(z.Valid(), g.Err() != nil)
	// Output:
	// %5(y) f64 true <nil>
	// false true
}

// Scopes name parts of a graph, in messages and in drawings.
func ExampleGraph_Scope() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	var y *graph.Node
	g.Scope("layer", func() { y = graph.Tanh(x) })
	fmt.Println(y.ScopePath())
	// Output: layer
}

// Operands are broadcast as in NumPy, and numbers take the dtype of the node.
func ExampleAdd() {
	f := compile.Function(func(matrix, row *graph.Node) *graph.Node { return graph.Add(matrix, row).Mul(10) })
	y, err := f.Call([][]float64{{1, 2, 3}, {4, 5, 6}}, []float64{0, 1, 2})
	fmt.Println(y[0], err)
	// Output:
	// [[10 30 50]
	//  [40 60 80]] <nil>
}

// Where chooses elementwise; the derivative goes to the chosen one alone, so that a root of a negative number on the other side does no harm.
func ExampleWhere() {
	f := compile.Function(func(x *graph.Node) *graph.Node {
		positive := x.Greater(0)
		return graph.Sum(positive.Where(graph.Sqrt(positive.Where(x, 1)), 0))
	})
	y, err := f.ValueAndGrad(0).Call([]float64{4, -1})
	fmt.Println(y[0], y[1], err)
	// Output: 2 [0.25 0] <nil>
}

// Axes count from the end where they are negative; KeepDims leaves extents of 1, which broadcast.
func ExampleReduceMean() {
	f := compile.Function(func(x *graph.Node) *graph.Node { return x.Sub(graph.ReduceMean(x, []int{-1}, graph.KeepDims)) })
	y, err := f.Call([][]float64{{1, 3}, {10, 20}})
	fmt.Println(y[0], err)
	// Output:
	// [[-1 1]
	//  [-5 5]] <nil>
}

func ExampleMatMul() {
	f := compile.Function(graph.MatMul)
	y, err := f.Call([][]float64{{1, 2}, {3, 4}}, []float64{1, 10})
	fmt.Println(y[0], err)
	// Output: [21 43] <nil>
}

// Einsum sums over the letters that the result does not have.
func ExampleEinsum() {
	f := compile.Function(func(a, b *graph.Node) *graph.Node { return graph.Einsum("bi,bj->bij", a, b) })
	y, err := f.Call([][]float64{{1, 2}}, [][]float64{{10, 20}})
	fmt.Println(y[0], err)
	// Output:
	// [[[10 20]
	//   [20 40]]] <nil>
}

// A Range selects indices of a dimension; the zero Range with Limit All is all of them.
func ExampleSlice() {
	f := compile.Function(func(x *graph.Node) []*graph.Node {
		last := graph.Slice(x, graph.Range{Start: -1, Limit: graph.All})
		odd := graph.Slice(x, graph.Range{Limit: graph.All}, graph.Range{Start: 1, Limit: graph.All, Step: 2})
		return []*graph.Node{last, odd, graph.Index(x, 0, 2)}
	})
	y, err := f.Call([][]float64{{1, 2, 3, 4}, {5, 6, 7, 8}})
	fmt.Println(y[0], y[1], y[2], err)
	// Output:
	// [[5 6 7 8]] [[2 4]
	//  [6 8]] 3 <nil>
}

// Gather takes rows by index, and its derivative adds what comes back to each of them.
func ExampleGather() {
	f := compile.Function(func(table, rows *graph.Node) *graph.Node { return graph.Sum(graph.Gather(table, rows, 0)) })
	y, err := f.ValueAndGrad(0).Call([]float64{10, 20, 30}, []int64{2, 0, 2})
	fmt.Println(y[0], y[1], err)
	// Output: 70 [1 0 2] <nil>
}

// Images are [batch, channels, height, width], filters [outputs, channels, height, width].
func ExampleConv() {
	f := compile.Function(func(x, w *graph.Node) *graph.Node { return graph.Conv(x, w, graph.Window{Padding: []int{1, 1}}) })
	y, err := f.Call([][][]float64{{{1, 2, 3}}}, [][][]float64{{{1, 1, 1}}})
	fmt.Println(y[0], err)
	// Output: [[[3 6 5]]] <nil>
}

// Labels are whole numbers; the loss is the mean over the batch.
func ExampleCrossEntropy() {
	f := compile.Function(func(logits, labels *graph.Node) *graph.Node {
		return graph.Mean(graph.CrossEntropy(logits, labels, -1))
	})
	y, err := f.ValueAndGrad(0).Call([][]float64{{0, 0}, {1, 1}}, []int64{0, 1})
	fmt.Printf("%.4f\n%v %v\n", y[0].Item(), y[1], err)
	// Output:
	// 0.6931
	// [[-0.25 0.25]
	//  [0.25 -0.25]] <nil>
}

func ExampleTopK() {
	f := compile.Function(func(x *graph.Node) []*graph.Node {
		values, indices := graph.TopK(x, 2, -1)
		return []*graph.Node{values, indices}
	})
	y, err := f.Call([]float64{3, 9, 4, 7})
	fmt.Println(y[0], y[1], err)
	// Output: [9 7] [1 3] <nil>
}

// Decompositions have derivatives like all else, and take batches of matrices.
func ExampleSolve() {
	f := compile.Function(func(a, b *graph.Node) *graph.Node { return graph.Sum(graph.Solve(a, b)) })
	y, err := f.ValueAndGrad(1).Call([][]float64{{2, 0}, {0, 4}}, []float64{1, 1})
	fmt.Println(y[0], y[1], err)
	// Output: 0.75 [0.5 0.25] <nil>
}

// The last dimension of a transform holds real and imaginary parts.
func ExampleRFFT() {
	f := compile.Function(func(x *graph.Node) *graph.Node { return graph.RFFT(x, 0) })
	y, err := f.Call([]float64{1, 1, 1, 1})
	fmt.Println(y[0], err)
	// Output:
	// [[4 0]
	//  [0 0]
	//  [0 0]] <nil>
}

// Random numbers are functions of a key, so that a run with the same key has the same ones, in any batch and on any number of threads.
func ExampleRandomNormal() {
	g := graph.New()
	keys := graph.RandomSplit(graph.RandomKey(g, 1), 2)
	same := graph.Sub(graph.RandomNormal(keys[0], graph.Float64, 3), graph.RandomNormal(keys[0], graph.Float64, 3))
	t, err := compile.TraceValues(nil, same)
	a, _ := t.Value(same)
	fmt.Println(a, err)
	// Output: [0 0 0] <nil>
}

func ExampleSegmentSum() {
	f := compile.Function(func(x, groups *graph.Node) *graph.Node { return graph.SegmentSum(x, groups, 3) })
	y, err := f.Call([]float64{1, 2, 3, 4}, []int64{0, 2, 0, 2})
	fmt.Println(y[0], err)
	// Output: [4 0 6] <nil>
}

// The text form is what .cg files hold.
func ExampleFormat() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	if err := graph.Format(os.Stdout, graph.Sin(x).Named("y")); err != nil {
		fmt.Println(err)
	}
	// Output:
	// adjoint graph 1
	// %0 "x" = input : f64
	// %1 "y" = sin %0 : f64
	// output %1
}
