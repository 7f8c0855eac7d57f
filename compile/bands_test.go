package compile

import (
	"math"
	"runtime"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Products go by bands if what is made of their rows is small, with the bits of the whole product.
func TestBands(t *testing.T) {
	type inputs struct{ a, b, row, col, left *graph.Node }
	distances := func(x inputs) *graph.Node { return graph.Sub(x.row, graph.MatMul(x.a, x.b).Mul(2)) }
	for name, c := range map[string]struct {
		rows  int
		build func(x inputs) nodes
		want  int
	}{
		"nearest":        {1024, func(x inputs) nodes { return nodes{graph.Argmin(distances(x), 1)} }, 1},
		"rows left over": {1031, func(x inputs) nodes { return nodes{graph.Argmin(distances(x), 1)} }, 1},
		"transposed": {1024, func(x inputs) nodes {
			return nodes{graph.Argmax(graph.MatMul(x.a, graph.Transpose(graph.Transpose(x.b))), 1)}
		}, 1},
		"several results": {1030, func(x inputs) nodes {
			d := distances(x)
			return nodes{graph.ReduceMin(d, []int{1}), graph.Argmin(d, 1), graph.Sum(d)}
		}, 0}, // the sum is over rows too
		"two row results": {1030, func(x inputs) nodes {
			d := distances(x)
			return nodes{graph.ReduceMin(d, []int{1}), graph.Argmin(d, 1)}
		}, 1},
		"of each row": {1024, func(x inputs) nodes {
			return nodes{graph.ReduceMax(graph.Sub(graph.Exp(distances(x)), x.col), []int{1}, graph.KeepDims)}
		}, 1},
		"sums":              {1030, func(x inputs) nodes { return nodes{graph.ReduceSum(graph.Tanh(distances(x)), []int{1})} }, 1},
		"softmax's largest": {1030, func(x inputs) nodes { return nodes{graph.ReduceMax(graph.Softmax(distances(x), 1), []int{1})} }, 1},
		"read on": {1024, func(x inputs) nodes {
			return nodes{graph.Gather(x.left, graph.Argmin(distances(x), 1), 0), graph.Exp(x.a)}
		}, 1},
		"both products": {1024, func(x inputs) nodes {
			return nodes{graph.Argmin(distances(x), 1), graph.ReduceMax(graph.MatMul(graph.Exp(x.a), x.b), []int{1})}
		}, 2},
		"needed whole":  {1024, func(x inputs) nodes { d := distances(x); return nodes{d, graph.Argmin(d, 1)} }, 0},
		"columns":       {1024, func(x inputs) nodes { return nodes{graph.Argmin(distances(x), 0)} }, 0},
		"its transpose": {1024, func(x inputs) nodes { return nodes{graph.Argmin(graph.Transpose(distances(x)), 1)} }, 0},
		"small":         {512, func(x inputs) nodes { return nodes{graph.Argmin(distances(x), 1)} }, 0},
		"of its own result": {1024, func(x inputs) nodes {
			d := distances(x)
			return nodes{graph.Argmin(graph.Sub(d, graph.ExpandDims(graph.ReduceSum(graph.MatMul(graph.Transpose(x.a), d), nil), 0)), 1)}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x := inputs{g.Input("a", graph.Float64, c.rows, 3), g.Input("b", graph.Float64, 3, 1027), g.Input("row", graph.Float64, 1027),
				g.Input("col", graph.Float64, c.rows, 1), g.Input("left", graph.Float64, 1027, 2)}
			out := c.build(x)
			bandsHaveTheBits(t, c.want, out)
		})
	}
}

// Batches of products go by their matrices, with what is made before and behind them, if something large is read in a band; with the bits of whole arrays for any number of threads.
func TestBandsOfBatches(t *testing.T) {
	type inputs struct{ x, mu, l, s *graph.Node } // [points, d], [k, d], [k, d, d], [k, points]
	differences := func(x inputs) *graph.Node {
		return graph.Sub(graph.ExpandDims(x.x, 0), graph.ExpandDims(x.mu, 1))
	}
	product := func(x inputs) *graph.Node { return graph.MatMul(differences(x), graph.Transpose(x.l, 0, 2, 1)) }
	squares := func(x inputs) *graph.Node { return graph.ReduceSum(graph.Square(product(x)), []int{2}) }
	for name, c := range map[string]struct {
		k     int
		build func(x inputs) (nodes, error)
		want  int
	}{
		"squares of differences": {20, func(x inputs) (nodes, error) { return nodes{squares(x)}, nil }, 1},
		"gradient": {20, func(x inputs) (nodes, error) {
			d, err := Gradient(graph.Sum(graph.Mul(squares(x), x.s)), x.mu, x.l)
			return d, err
		}, 1}, // the value is not asked for
		"gradient of a mixture": {20, func(x inputs) (nodes, error) {
			return Gradient(graph.Sum(graph.LogSumExp(graph.Sub(x.s, squares(x).Mul(.5)), []int{0})), x.mu, x.l)
		}, 2},
		"softmax between products": {20, func(x inputs) (nodes, error) {
			return nodes{graph.MatMul(graph.Softmax(product(x), 2), x.l)}, nil
		}, 1},
		"differences that others read": {20, func(x inputs) (nodes, error) {
			return nodes{squares(x), graph.ReduceMax(differences(x), []int{0, 1})}, nil
		}, 1},
		"product and its rows' sums": {20, func(x inputs) (nodes, error) { p := product(x); return nodes{p, graph.ReduceSum(p, []int{2})}, nil }, 1},
		"product alone": {20, func(x inputs) (nodes, error) {
			return nodes{graph.Tanh(graph.MatMul(graph.BroadcastTo(x.x, 20, 400, 80), x.l))}, nil
		}, 0},
		"sum over the batch": {20, func(x inputs) (nodes, error) {
			return nodes{graph.ReduceSum(graph.MatMul(graph.ExpandDims(x.x, 0), x.l), []int{0})}, nil
		}, 0},
		"small": {4, func(x inputs) (nodes, error) { return nodes{squares(x)}, nil }, 0},
		"prime": {19, func(x inputs) (nodes, error) { return nodes{squares(x)}, nil }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x := inputs{g.Input("x", graph.Float64, 400, 80), g.Input("mu", graph.Float64, c.k, 80), g.Input("l", graph.Float64, c.k, 80, 80), g.Input("s", graph.Float64, c.k, 400)}
			out, err := c.build(x)
			if err != nil {
				t.Fatal(err)
			}
			bandsHaveTheBits(t, c.want, out)
		})
	}
}

// Rows that are reduced and read again go one by one, with the bits of whole arrays for any number of threads.
func TestBandsOfRows(t *testing.T) {
	type inputs struct{ x, w *graph.Node } // [rows, n]
	gradient := func(x inputs, y *graph.Node) nodes {
		y = graph.Sum(graph.Mul(x.w, y))
		d, err := Gradient(y, x.x)
		if err != nil {
			t.Fatal(err)
		}
		return nodes{y, d[0]}
	}
	for name, c := range map[string]struct {
		rows, n int
		build   func(x inputs) nodes
		want    int
	}{
		"softmax":             {67, 4001, func(x inputs) nodes { return nodes{graph.Softmax(x.x, 1)} }, 0},
		"softmax twice":       {67, 4001, func(x inputs) nodes { return nodes{graph.Softmax(graph.Softmax(x.x, 1), 1)} }, 1},
		"gradient of softmax": {131, 1003, func(x inputs) nodes { return gradient(x, graph.Softmax(x.x, 1)) }, 1},
		"of log-softmax":      {131, 1003, func(x inputs) nodes { return gradient(x, graph.LogSoftmax(x.x, 1)) }, 1},
		"of cross entropy":    {131, 1003, func(x inputs) nodes { return gradient(x, graph.ExpandDims(graph.SoftmaxCrossEntropy(x.x, x.w, 1), 1)) }, 1},
		"divided by its norm": {67, 20001, func(x inputs) nodes { return nodes{graph.Div(x.x, graph.ReduceL1(x.x, []int{1}, graph.KeepDims))} }, 0},
		"short rows":          {2048, 128, func(x inputs) nodes { return gradient(x, graph.Softmax(x.x, 1)) }, 0},
		"few rows":            {16, 20000, func(x inputs) nodes { return gradient(x, graph.Softmax(x.x, 1)) }, 0},
		"long rows":           {64, 40000, func(x inputs) nodes { return gradient(x, graph.Softmax(x.x, 1)) }, 0},
		"in a cache as it is": {70, 1003, func(x inputs) nodes { return gradient(x, graph.Softmax(x.x, 1)) }, 0},
		"columns":             {1003, 131, func(x inputs) nodes { return gradient(x, graph.Softmax(x.x, 0)) }, 0},
		"sums alone":          {67, 20001, func(x inputs) nodes { return nodes{graph.ReduceSum(graph.Exp(x.x), []int{1})} }, 0},
		"beside a product": {67, 8001, func(x inputs) nodes {
			return nodes{graph.Add(graph.Mul(x.w, x.x), graph.Softmax(graph.Softmax(x.x, 1), 1))}
		}, 1},
		"product of its total": {67, 8001, func(x inputs) nodes {
			y := graph.Softmax(graph.Softmax(x.x, 1), 1)
			return nodes{graph.Add(graph.Mul(y, x.w), graph.Sum(y))}
		}, 0}, // the product is joined with the sum
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x := inputs{g.Input("x", graph.Float64, c.rows, c.n), g.Input("w", graph.Float64, c.rows, c.n)}
			out := c.build(x)
			bandsHaveTheBits(t, c.want, out)
		})
	}
}

// bandsHaveTheBits counts the bands of a program, and compares its outputs for any number of threads with those of whole arrays.
func bandsHaveTheBits(t *testing.T, bands int, out nodes) {
	t.Helper()
	fired, want := loopRewrites(t, Config{Disable: []string{"bands"}}, out...)
	if fired["bands"] != 0 {
		t.Error("bands that are disabled")
	}
	for _, threads := range []int{1, 2, 3} {
		before := runtime.GOMAXPROCS(threads)
		fired, got := loopRewrites(t, Config{Verify: true}, out...)
		runtime.GOMAXPROCS(before)
		if fired["bands"] != bands {
			t.Errorf("%d bands, want %d", fired["bands"], bands)
		}
		for i := range want {
			if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
				t.Fatalf("%d threads, element %d: %v, want %v", threads, i, got[i], want[i])
			}
		}
	}
}

// BenchmarkNearest finds the nearest of 1000 points of 16 coordinates for 10000 others.
func BenchmarkNearest(b *testing.B) {
	for _, c := range []struct {
		name string
		Config
	}{{"bands", Config{}}, {"whole", Config{Disable: []string{"bands"}}}} {
		b.Run(c.name, func(b *testing.B) {
			g := graph.New()
			x, y := g.Input("x", graph.Float64, 10000, 16), g.Input("y", graph.Float64, 1000, 16)
			p, err := c.Compile(graph.Argmin(graph.Sub(graph.ReduceSum(graph.Square(y), []int{1}), graph.MatMul(x, graph.Transpose(y)).Mul(2)), 1))
			if err != nil {
				b.Fatal(err)
			}
			m := vm.NewMachine(p)
			for _, name := range []string{"x", "y"} {
				for i, v := 0, m.Float64(name); i < len(v); i++ {
					v[i] = math.Sin(float64(i))
				}
			}
			for b.Loop() {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
