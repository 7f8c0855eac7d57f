package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Half of the square of the state after ten steps, and its gradient by the state before them, by complex steps with NumPy.
func TestGradient(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, places)
	states := trajectory(x, 10)
	cost := graph.Mul(g.Const(0.5), graph.Sum(graph.Square(graph.Index(states, 9))))
	d, err := compile.Gradient(cost, x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(cost, d[0])
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for i := range places {
		m.Float64("x")[i] = 8 + math.Sin(2*math.Pi*float64(i)/places)
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	got, squares := m.OutputFloat64(1), 0.0
	for _, v := range got {
		squares += v * v
	}
	if v := m.OutputFloat64(0)[0]; math.Abs(v-1283.3233495448) > 1e-9 || math.Abs(math.Sqrt(squares)-30.723589864879) > 1e-11 {
		t.Errorf("the value is %v and the norm of the gradient %v", v, math.Sqrt(squares))
	}
	for i, want := range []float64{4.85471836, 4.90344985, 4.9510439, 4.99689005} {
		if math.Abs(got[i]-want) > 1e-8 {
			t.Errorf("element %d of the gradient is %v, want %v", i, got[i], want)
		}
	}
}

// Errors of the analysis stay below those of observations, though only half of the places are observed; without observations they grow to those of any two states.
func TestRun(t *testing.T) {
	var b strings.Builder
	out := t.TempDir()
	e, err := run(context.Background(), &b, out)
	if err != nil {
		t.Fatal(err)
	}
	assimilated, free := 0.0, 0.0
	for _, v := range e.assimilated[window:] {
		assimilated += v / float64(len(e.assimilated)-window)
	}
	for _, v := range e.free[len(e.free)-window:] {
		free += v / window
	}
	if assimilated > 0.6*observationError || free < 3 {
		t.Errorf("mean errors: %v, and %v without observations", assimilated, free)
	}
	if lines := strings.Count(b.String(), "\n"); lines != windows {
		t.Errorf("%d lines", lines)
	}
	for _, name := range []string{"states.png", "errors.png", "graph.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
