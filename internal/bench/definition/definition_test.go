package definition

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/internal/bench/dag"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
)

func TestAgrees(t *testing.T) {
	w := Work{Check: []float64{100, 0}, Relative: both(1e-6, 1e-3), Absolute: both(1e-9, 0.1)}
	for _, c := range []struct {
		dtype string
		check []float64
		want  bool
	}{
		{"float64", []float64{100, 0}, true},
		{"float64", []float64{100.00005, 5e-10}, true},
		{"float64", []float64{100.001, 0}, false},
		{"float64", []float64{100, 1e-6}, false},
		{"float32", []float64{100.05, 0.05}, true},
		{"float32", []float64{101, 0}, false},
		{"float16", []float64{100, 0}, false},
		{"float64", []float64{100}, false},
		{"float64", []float64{100, math.NaN()}, false},
	} {
		if got := w.Agrees(c.dtype, c.check); got != c.want {
			t.Errorf("%s %v: %v", c.dtype, c.check, got)
		}
	}
}

func TestWorks(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range Works {
		if seen[w.Name] || w.Doc == "" || len(w.Check) == 0 || len(w.DTypes()) == 0 {
			t.Errorf("%s: incomplete, or twice", w.Name)
		}
		seen[w.Name] = true
	}
	for _, s := range dag.Sizes {
		for _, w := range Works {
			if w.Name != s.Work || s.Nodes > 100_000 {
				continue
			}
			g := dag.Random(s.Nodes)
			value, gradient := g.Evaluate(g.InputValues())
			if check := []float64{value, inputs.SumOfSquares(gradient)}; !w.Agrees("float64", check) {
				t.Errorf("%s: checksum %v, want %v", w.Name, check, w.Check)
			}
		}
	}
}
