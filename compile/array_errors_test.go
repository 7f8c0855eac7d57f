package compile_test

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// Indices that are out of range stop the run with an error that names the operator and the user's line.
func TestIndicesOutOfRange(t *testing.T) {
	for name, build := range map[string]func(x, i *graph.Node) *graph.Node{
		"gather":                 func(x, i *graph.Node) *graph.Node { return graph.Gather(x, i, 0) },
		"take_along_axis":        func(x, i *graph.Node) *graph.Node { return graph.TakeAlongAxis(x, i, 0) },
		"scatter_add":            func(x, i *graph.Node) *graph.Node { return graph.ScatterAddTo(x, i, x, 0) },
		"scatter_along_axis_add": func(x, i *graph.Node) *graph.Node { return graph.ScatterAlongAxisAdd(i, x, 0, 3) },
		"scatter_set":            func(x, i *graph.Node) *graph.Node { return graph.ScatterSet(x, i, x, 0) },
		"scatter_mul":            func(x, i *graph.Node) *graph.Node { return graph.ScatterMul(x, i, x, 0) },
		"scatter_max":            func(x, i *graph.Node) *graph.Node { return graph.ScatterMax(x, i, x, 0) },
		"segment_sum":            func(x, i *graph.Node) *graph.Node { return graph.SegmentSum(x, i, 3) },
		"segment_prod":           func(x, i *graph.Node) *graph.Node { return graph.SegmentProd(x, i, 3) },
		"segment_min":            func(x, i *graph.Node) *graph.Node { return graph.SegmentMin(x, i, 3) },
	} {
		g := graph.New()
		x, i := g.Input("x", graph.Float64, 3), g.Input("i", graph.Int64, 3)
		y := build(x, i)
		d := grad(t, graph.Sum(y), x)[0]
		for _, outputs := range [][]*graph.Node{{y}, {d}} {
			at := point(x, []float64{1, 2, 3}, i, []float64{0, 1, 2})
			if _, err := testkit.CompileAndRun(compile.Config{}, at, outputs...); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, bad := range []float64{3, -4} {
			_, err := testkit.CompileAndRun(compile.Config{}, point(x, []float64{1, 2, 3}, i, []float64{0, bad, 2}), y)
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "array_errors_test.go:") {
				t.Errorf("%s at %v: error %v", name, bad, err)
			}
		}
	}
	// Segments do not count from the end, one_hot forgives.
	g := graph.New()
	x, i := g.Input("x", graph.Float64, 3), g.Input("i", graph.Int64, 3)
	at := point(x, []float64{1, 2, 3}, i, []float64{0, -1, 5})
	if _, err := testkit.CompileAndRun(compile.Config{}, at, graph.SegmentSum(x, i, 6)); err == nil || !strings.Contains(err.Error(), "segment -1") {
		t.Errorf("error %v", err)
	}
	expect(t, at, 0, [][]float64{{1, 0, 0, 0, 0, 0}}, graph.OneHot(i, graph.Float64, 2, 1))
}
