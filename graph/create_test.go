package graph_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// Values are NumPy's and SciPy's.
func TestCreation(t *testing.T) {
	g := graph.New()
	f64, i32 := graph.Float64, graph.Int32
	vector := func(v ...float64) *graph.Node { return graph.Constant(g, v, len(v)) }
	matrix := graph.Constant(g, []float64{1, 2, 3, 4}, 2, 2)
	many := graph.Constant(g, []float64{3, 1, 2, 7, 5, 9, 4, 4}, 2, 4)
	for _, c := range []struct {
		name  string
		n     *graph.Node
		shape []int
		want  []float64
		loose float64
	}{
		{"zeros", graph.Zeros(g, f64, 2, 1), []int{2, 1}, []float64{0, 0}, 0},
		{"ones", graph.Ones(g, i32, 2), []int{2}, []float64{1, 1}, 0},
		{"full", graph.Full(g, graph.Float32, 2.5), nil, []float64{2.5}, 0},
		{"eye", graph.Eye(g, f64, 2), []int{2, 2}, []float64{1, 0, 0, 1}, 0},
		{"arange", graph.Arange(g, f64, 1, 2, 0.25), []int{4}, []float64{1, 1.25, 1.5, 1.75}, 0},
		{"arange down", graph.Arange(g, i32, 5, 0, -2), []int{3}, []float64{5, 3, 1}, 0},
		{"linspace", graph.Linspace(g, f64, 0, 0.3, 4), []int{4}, []float64{0, 0.09999999999999999, 0.19999999999999998, 0.3}, 0},
		{"linspace of one", graph.Linspace(g, f64, 7, 9, 1), []int{1}, []float64{7}, 0},
		{"dot", graph.Dot(vector(1, 2, 3), vector(4, 5, 6)), nil, []float64{32}, 0},
		{"dot of matrix and vector", graph.Dot(matrix, vector(1, 10)), []int{2}, []float64{21, 43}, 0},
		{"dot of vector and matrix", graph.Dot(vector(1, 10), matrix), []int{2}, []float64{31, 42}, 0},
		{"dot of a scalar", graph.Dot(g.Const(3), matrix), []int{2, 2}, []float64{3, 6, 9, 12}, 0},
		{"cross", graph.Cross(vector(1, 2, 3), vector(4, 5, 7)), []int{3}, []float64{-1, 5, -3}, 0},
		{"normcdf", graph.NormCDF(vector(0, 1.96, -30)), []int{3}, []float64{0.5, 0.9750021048517795, 4.906713927148187e-198}, 1e-13},
		{"cholesky solve", graph.CholeskySolve(graph.Constant(g, []float64{2, 0, 1, 3}, 2, 2), vector(8, 14)), []int{2}, []float64{13. / 9, 10. / 9}, 0},
		{"median", graph.Median(many, 1), []int{2}, []float64{2.5, 4.5}, 0},
		{"median, kept", graph.Median(many, 0, graph.KeepDims), []int{1, 4}, []float64{4, 5, 3, 5.5}, 0},
		{"quantile", graph.Quantile(many, 0.3, -1), []int{2}, []float64{1.9, 4}, 0},
		{"least", graph.Quantile(many, 0, 1), []int{2}, []float64{1, 4}, 0},
		{"greatest", graph.Quantile(many, 1, 1), []int{2}, []float64{7, 9}, 0},
		{"quantile beside NaN", graph.Quantile(vector(1, math.NaN(), 2), 0, 0), nil, []float64{math.NaN()}, 0},
		{"ints", graph.Gather(many, graph.Constant(g, []int{3, 0}, 2), 1), []int{2, 2}, []float64{7, 3, 4, 5}, 0},
		{"numbers", matrix.Mul(2).Add(0.5).Sub(1).Div(int32(2)).Pow(2).Neg(), []int{2, 2}, []float64{-0.5625, -3.0625, -7.5625, -14.0625}, 0},
		{"numbers beside integers", graph.Ones(g, graph.Int64, 1).Mul(int64(1 << 60)).Add(3.0), []int{1}, []float64{1<<60 + 3}, 0},
		{"comparisons", graph.Cast(graph.LogicalAnd(matrix.Greater(1), matrix.LessEqual(float32(3))), f64), []int{2, 2}, []float64{0, 1, 1, 0}, 0},
		{"other comparisons", graph.Cast(graph.LogicalOr(matrix.Less(2), matrix.GreaterEqual(g.Const(4))), f64), []int{2, 2}, []float64{1, 0, 0, 1}, 0},
		{"equal", graph.Cast(graph.LogicalXor(matrix.Equal(2), matrix.NotEqual(matrix)), f64), []int{2, 2}, []float64{0, 1, 0, 0}, 0},
		{"bounds", matrix.Max(2).Min(3.0).Mod(2), []int{2, 2}, []float64{0, 0, 1, 1}, 0},
		{"clip", matrix.Clip(2, nil).Clip(nil, 3).Clip(0, g.Const(2.5)), []int{2, 2}, []float64{2, 2, 2.5, 2.5}, 0},
		{"where", matrix.Greater(2).Where(matrix, 0).Add(matrix.Less(2).Where(-1, matrix)), []int{2, 2}, []float64{-1, 2, 6, 8}, 0},
	} {
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		got, err := ref.Eval(nil, c.n)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		values := got[0].F
		for _, i := range got[0].I {
			values = append(values, float64(i))
		}
		if !slices.Equal([]int(c.n.Shape()), c.shape) || !slices.EqualFunc(values, c.want, func(a, b float64) bool {
			return math.Abs(a-b) <= (4e-16+c.loose)*math.Abs(b) || a != a && b != b
		}) {
			t.Errorf("%s: %v of shape %v, want %v of shape %v", c.name, values, c.n.Shape(), c.want, c.shape)
		}
	}
}

func TestMistakesOfCreation(t *testing.T) {
	for _, c := range []struct {
		want string
		f    func(g *graph.Graph, x, i, b *graph.Node)
	}{
		{"extent", func(g *graph.Graph, x, i, b *graph.Node) { graph.Zeros(g, graph.Float64, -1) }},
		{"extent", func(g *graph.Graph, x, i, b *graph.Node) { graph.Eye(g, graph.Float64, -1) }},
		{"elements", func(g *graph.Graph, x, i, b *graph.Node) { graph.Arange(g, graph.Float64, 1, 1, 0) }},
		{"elements", func(g *graph.Graph, x, i, b *graph.Node) { graph.Arange(g, graph.Float64, 0, 1, 0) }},
		{"elements", func(g *graph.Graph, x, i, b *graph.Node) { graph.Arange(g, graph.Float64, 0, math.NaN(), 1) }},
		{"0.5", func(g *graph.Graph, x, i, b *graph.Node) { graph.Arange(g, graph.Int64, 0, 4, 0.5) }},
		{"bool", func(g *graph.Graph, x, i, b *graph.Node) { graph.Arange(g, graph.Bool, 0, 4, 1) }},
		{"-1 elements", func(g *graph.Graph, x, i, b *graph.Node) { graph.Linspace(g, graph.Float64, 0, 1, -1) }},
		{"floating point", func(g *graph.Graph, x, i, b *graph.Node) { graph.Linspace(g, graph.Int64, 0, 1, 3) }},
		{"last dimension of 3", func(g *graph.Graph, x, i, b *graph.Node) { graph.Cross(x, x) }},
		{"needs 0 to 1", func(g *graph.Graph, x, i, b *graph.Node) { graph.Quantile(x, 1.5, 0) }},
		{"needs 0 to 1", func(g *graph.Graph, x, i, b *graph.Node) { graph.Quantile(x, math.NaN(), 0) }},
		{"axis 1", func(g *graph.Graph, x, i, b *graph.Node) { graph.Median(x, 1) }},
		{"got string", func(g *graph.Graph, x, i, b *graph.Node) { x.Add("one") }},
		{"got <nil>", func(g *graph.Graph, x, i, b *graph.Node) { x.Add(nil) }},
		{"nil", func(g *graph.Graph, x, i, b *graph.Node) { x.Add((*graph.Node)(nil)) }},
		{"0.5 is no int64", func(g *graph.Graph, x, i, b *graph.Node) { i.Mul(0.5) }},
		{"is no int32", func(g *graph.Graph, x, i, b *graph.Node) { graph.Cast(i, graph.Int32).Add(int64(1 << 31)) }},
		{"9007199254740993 is no float64", func(g *graph.Graph, x, i, b *graph.Node) { x.Add(int64(1<<53 + 1)) }},
		{"bool", func(g *graph.Graph, x, i, b *graph.Node) { b.Add(1) }},
	} {
		g := graph.New()
		c.f(g, g.Input("x", graph.Float64, 4), g.Input("i", graph.Int64, 4), g.Input("b", graph.Bool, 4))
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "create_test.go:") {
			t.Errorf("want an error with %q and the line, got %v", c.want, err)
		}
	}
}
