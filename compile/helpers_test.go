package compile_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// must returns its first argument or ends the test.
func must[T any](t testing.TB) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func grad(t testing.TB, cost *graph.Node, wrt ...*graph.Node) []*graph.Node {
	t.Helper()
	return must[[]*graph.Node](t)(compile.Gradient(cost, wrt...))
}

// point gives inputs their values.
func point(pairs ...any) testkit.Point {
	p := testkit.Point{}
	for i := 0; i < len(pairs); i += 2 {
		n := pairs[i].(*graph.Node)
		switch v := pairs[i+1].(type) {
		case float64:
			p[n] = ref.Of(n.Type(), v)
		case int:
			p[n] = ref.Of(n.Type(), float64(v))
		case []float64:
			p[n] = ref.Of(n.Type(), v...)
		default:
			panic(fmt.Sprintf("BUG: %T", v))
		}
	}
	return p
}

// configs are the ways to compile in which a fact must hold.
var configs = map[string]compile.Config{"optimised": {}, "unoptimised": {Unoptimized: true}}

// expect compiles the outputs in every way and compares elements with want, relative to tol; with tol 0, exactly.
func expect(t *testing.T, at testkit.Point, tol float64, want [][]float64, outputs ...*graph.Node) {
	t.Helper()
	for name, c := range configs {
		got, err := testkit.CompileAndRun(c, at, outputs...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, w := range want {
			if got[i].Len() != len(w) {
				t.Errorf("%s: output %d has %d elements, want %d", name, i, got[i].Len(), len(w))
				continue
			}
			for k, v := range w {
				g := got[i].Number(k)
				if !(g == v || v != v && g != g || math.Abs(g-v) <= tol*math.Abs(v)) {
					t.Errorf("%s: output %d[%d] = %v, want %v", name, i, k, g, v)
				}
			}
		}
	}
}

func one(v ...float64) [][]float64 {
	var out [][]float64
	for _, x := range v {
		out = append(out, []float64{x})
	}
	return out
}

func runOutputs(c compile.Config, at testkit.Point, outputs ...*graph.Node) ([][]float64, error) {
	vs, err := testkit.CompileAndRun(c, at, outputs...)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(vs))
	for i, v := range vs {
		for k := range v.Len() {
			out[i] = append(out[i], v.Number(k))
		}
	}
	return out, nil
}
