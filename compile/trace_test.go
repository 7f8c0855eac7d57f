package compile_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// Where a NaN begins, and what went into it.
func ExampleTraceValues() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	inside := x.Sub(1)
	y := graph.Sum(graph.Sqrt(inside))
	t, err := compile.TraceValues(map[string]any{"x": []float64{2, 0.5, 5}}, y)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range t.NonFinite() {
		value, _ := t.Value(n)
		operand, _ := t.Value(n.Input(0))
		fmt.Println(n.Op().Name, value, "of", operand)
	}
	// Output: sqrt [1 NaN 2] of [1 -0.5 4]
}

func TestTrace(t *testing.T) {
	g := graph.New()
	a, x := g.Input("a", graph.Float64, 2, 2), g.Input("x", graph.Float64, 2)
	before := graph.Sin(x)
	solved := graph.Solve(a, before)
	after := graph.Exp(solved)
	values, vectors := graph.Eigh(a)
	outputs := []*graph.Node{graph.Sum(after), graph.Cast(graph.Argmax(x, 0), graph.Float64), values, vectors}
	trace, err := compile.TraceValues(map[string]any{"a": [][]float64{{1, 0}, {0, 2}}, "x": []float64{1, 2}}, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := trace.Value(after); !ok || math.Abs(v.Float64s()[1]-math.Exp(math.Sin(2)/2)) > 1e-15 {
		t.Error(v, ok)
	}
	if v, ok := trace.Value(values); !ok || v.Float64s()[1] != 2 {
		t.Error(v, ok)
	}
	if s := trace.String(); !strings.Contains(s, "solve") || !strings.Contains(s, "trace_test.go:") || len(trace.NonFinite()) != 0 {
		t.Errorf("%s", s)
	}
	// A singular matrix: what comes before it is there.
	trace, err = compile.TraceValues(map[string]any{"a": [][]float64{{1, 1}, {1, 1}}, "x": []float64{1, 2}}, outputs[0])
	if err == nil || !strings.Contains(err.Error(), "trace_test.go:") {
		t.Errorf("a singular matrix: %v", err)
	}
	if v, ok := trace.Value(before); !ok || v.Float64s()[0] != math.Sin(1) {
		t.Error(v, ok)
	}
	if _, ok := trace.Value(solved); ok {
		t.Error("what failed has a value")
	}
	for name, err := range map[string]error{
		"input":   func() error { _, err := compile.TraceValues(nil, outputs...); return err }(),
		"nothing": func() error { _, err := compile.TraceValues(nil); return err }(),
		"cancelled": func() error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err := compile.Config{}.Trace(ctx, map[string]any{"a": [][]float64{{1, 0}, {0, 2}}, "x": []float64{1, 2}}, outputs...)
			return err
		}(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	var none *compile.Trace
	if _, ok := none.Value(x); ok || none.Nodes() != nil || none.NonFinite() != nil || none.String() != "" {
		t.Error("no trace has values")
	}
}
