package compile_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// In products of matrices too the branch that is not taken contributes 0: rows of ln(x) that are infinite or NaN do not reach the
// adjoints of the matrix that they are multiplied with, nor their own.
func TestWhereGuaranteeOfProducts(t *testing.T) {
	for name, product := range map[string]func(u, w *graph.Node) *graph.Node{
		"matmul": graph.MatMul,
		"transposed": func(u, w *graph.Node) *graph.Node {
			return graph.Transpose(graph.MatMul(graph.Transpose(w), graph.Transpose(u)))
		},
		"einsum":      func(u, w *graph.Node) *graph.Node { return graph.Einsum("ij,jk->ik", u, w) },
		"dot_general": func(u, w *graph.Node) *graph.Node { return graph.DotGeneral(u, w, []int{1}, []int{0}, nil, nil) },
		"of itself": func(u, w *graph.Node) *graph.Node {
			return graph.MatMul(graph.MatMul(u, graph.Transpose(u)), graph.MatMul(u, w))
		},
		"of a function": func(u, w *graph.Node) *graph.Node { return graph.Tanh(graph.MatMul(u, graph.Exp(w))) },
	} {
		t.Run(name, func(t *testing.T) {
			build := func(rows int) (x, w *graph.Node, outputs []*graph.Node) {
				g := graph.New()
				x, w = g.Input("x", graph.Float64, rows, 2), g.Input("w", graph.Float64, 2, 3)
				u := graph.Log(x)
				if name == "of itself" {
					u = graph.Where(graph.Greater(x, graph.Like(x, 0)), u, graph.Like(x, 0)) // products of rows meet every row
				}
				y := product(u, w)
				ok := graph.Greater(graph.Slice(x, graph.Range{Limit: graph.All}, graph.Range{Limit: 1}), graph.Like(x, 0))
				y = graph.Where(ok, y, graph.Like(y, 0))
				cost := graph.Sum(graph.Sin(y))
				list := []*graph.Node{x, w}
				first := grad(t, cost, list...)
				forward := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{cost, first[0], first[1]}, list, nil))
				sum := graph.Add(graph.Sum(graph.Sin(first[0])), graph.Sum(graph.Sin(first[1])))
				outputs = append(append(append(outputs, cost), first...), forward...)
				outputs = append(append(outputs, grad(t, sum, list...)...), grad(t, forward[0], list...)...)
				return x, w, outputs
			}
			weights := []float64{0.5, -1, 2, 0.25, 1, -0.75}
			x, w, masked := build(3)
			px, pw, plain := build(2)
			want := must[[][]float64](t)(runOutputs(compile.Config{}, point(px, []float64{0.5, 2, 1.5, 0.75}, pw, weights), plain...))
			for config, c := range configs {
				for _, row := range [][]float64{{0, 0}, {-1, -1}, {0, -2}} {
					got := must[[][]float64](t)(runOutputs(c, point(x, []float64{0.5, 2, row[0], row[1], 1.5, 0.75}, w, weights), masked...))
					for o := range got {
						at := 0
						for i, v := range got[o] {
							expected := 0.0
							if len(got[o]) != 6 || masked[o].Shape()[0] != 3 || i/2 != 1 {
								expected, at = want[o][at], at+1
							}
							if !(math.Abs(v-expected) <= 1e-13*(1+math.Abs(expected))) {
								t.Errorf("%s, row %v, output %d[%d] = %v, want %v", config, row, o, i, v, expected)
							}
						}
					}
				}
			}
		})
	}
}

// Keys behind the mask of attention do not count, whatever they hold: values and derivatives are those without them.
func TestAttentionOfMaskedKeys(t *testing.T) {
	build := func(keys int, mask []bool) (q, k, v *graph.Node, outputs []*graph.Node) {
		g := graph.New()
		q, k, v = g.Input("q", graph.Float64, 2, 2), g.Input("k", graph.Float64, keys, 2), g.Input("v", graph.Float64, keys, 1)
		y := graph.Attention(q, k, v, graph.AttentionOptions{Mask: graph.Constant(g, mask, keys)})
		list := []*graph.Node{q, k, v}
		first := grad(t, graph.Sum(graph.Sin(y)), list...)
		second := grad(t, graph.Add(graph.Sum(graph.Square(first[0])), graph.Add(graph.Sum(graph.Sin(first[1])), graph.Sum(graph.Square(first[2])))), list...)
		outputs = append(append(append(outputs, y), first...), second...)
		return q, k, v, append(outputs, must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y, first[0]}, list, nil))...)
	}
	queries := []float64{0.5, -1, 2, 0.25}
	q, k, v, plain := build(2, []bool{true, true})
	want := must[[][]float64](t)(runOutputs(compile.Config{}, point(q, queries, k, []float64{1, -0.5, 0.75, 2}, v, []float64{3, -1}), plain...))
	q, k, v, masked := build(3, []bool{true, false, true})
	for name, c := range configs {
		for _, bad := range []float64{nan, inf, -inf} {
			got := must[[][]float64](t)(runOutputs(c, point(q, queries, k, []float64{1, -0.5, bad, bad, 0.75, 2}, v, []float64{3, bad, -1}), masked...))
			for o := range got {
				row := len(got[o]) / 3
				for i, at := 0, 0; i < len(got[o]); i++ {
					expected := 0.0
					if masked[o].Shape()[0] != 3 || i/row != 1 {
						expected, at = want[o][at], at+1
					}
					if !(math.Abs(got[o][i]-expected) <= 1e-13) {
						t.Errorf("%s, key of %v, output %d[%d] = %v, want %v", name, bad, o, i, got[o][i], expected)
					}
				}
			}
		}
	}
}

// Where the guarantee ends: products in operators that solve, convolve, or recur with infinite operands, and mistakes that a run finds in
// the branch that is not taken. The first give NaN or infinities, never wrong
// numbers, the second are errors.
func TestWhereGuaranteeEnds(t *testing.T) {
	g := graph.New()
	x, a := g.Input("x", graph.Float64, 2), g.Input("a", graph.Float64, 2, 2)
	mask := graph.Constant(g, []bool{true, false}, 2)
	solved := graph.Where(mask, graph.Solve(a, graph.Log(x)), graph.Like(x, 0))
	d := grad(t, graph.Sum(solved), a)[0]
	got := must[[][]float64](t)(runOutputs(compile.Config{}, point(x, []float64{1, 0}, a, []float64{2, 0, 0, 1}), d))
	if !math.IsNaN(got[0][3]) {
		t.Errorf("the gradient %v holds no NaN: the guarantee reaches further than is documented", got[0])
	}
	inverse := graph.Where(graph.Greater(graph.Index(x, 0), g.Const(5)), graph.Index(graph.Inv(a), 0, 0), g.Const(0))
	_, err := testkit.CompileAndRun(compile.Config{}, point(x, []float64{1, 0}, a, []float64{1, 1, 1, 1}), inverse)
	if err == nil || !strings.Contains(err.Error(), "singular") {
		t.Errorf("error %v", err)
	}
}
