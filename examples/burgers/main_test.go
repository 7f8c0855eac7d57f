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

// The steepest slope in the middle is −152.00516, at the time 1.6037/π (C. Basdevant et al., Spectral and finite difference solutions of the Burgers equation, Computers & Fluids 14, 1986).
func TestExact(t *testing.T) {
	slope := func(t float64) float64 { return exact(1e-6, t, viscosity) / 1e-6 }
	at := 1.6037 / math.Pi
	if s := slope(at); math.Abs(s+152.00516) > 1e-4 {
		t.Errorf("the slope is %v", s)
	}
	for _, other := range []float64{at - 1e-3, at + 1e-3} {
		if slope(other) < slope(at) {
			t.Errorf("it is steeper at %v", other)
		}
	}
}

// The states on the grid against the exact solution; beside the shock they are much nearer.
func TestStates(t *testing.T) {
	g := graph.New()
	p, err := compile.Compile(states(g.Input("a", graph.Float64), g.Input("nu", graph.Float64)))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	m.Float64("a")[0], m.Float64("nu")[0] = speed, viscosity
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	for k, at := range times {
		worst, smooth := 0.0, 0.0
		for i := range points {
			e := math.Abs(m.OutputFloat64(0)[k*points+i] - exact(place(i), at, viscosity))
			if worst = max(worst, e); math.Abs(place(i)) > 0.1 {
				smooth = max(smooth, e)
			}
		}
		t.Logf("t = %v: largest error %.2g, beside the shock %.2g", at, worst, smooth)
		if worst > 1e-3 || smooth > 1e-7 {
			t.Errorf("t = %v: the largest error is %v, beside the shock %v", at, worst, smooth)
		}
	}
}

func TestRun(t *testing.T) {
	var b strings.Builder
	out := t.TempDir()
	found, err := run(context.Background(), &b, out)
	if err != nil {
		t.Fatal(err)
	}
	for k, tol := range []float64{1e-3, 3e-2} {
		if a, nu := found[k]["a"][0], found[k]["nu"][0]; math.Abs(a-speed) > tol || math.Abs(nu-viscosity) > tol*viscosity {
			t.Errorf("fit %d: a = %v, ν = %v", k, a, nu)
		}
	}
	if lines := strings.Count(b.String(), "\n"); lines != 3 {
		t.Errorf("%d lines", lines)
	}
	for _, name := range []string{"snapshots.png", "graph.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
