package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var b strings.Builder
	out := t.TempDir()
	if err := run(context.Background(), &b, out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x = 0.50: b = 1.00000000", "x = 0.51: b = 0.99955823", "κ = 0.0400000000, 0.1000000000"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, b.String())
		}
	}
	for _, name := range []string{"function.png", "graph.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The differences are exact for the solution 4x(1−x), so the coefficient is 1; 0.9995582304494 is printed by ADCME's page.
func TestCoefficient(t *testing.T) {
	for at, want := range map[int]float64{50: 1, 51: 0.9995582304494} {
		for _, start := range []float64{10, 0.3} {
			b, _, err := fitCoefficient(context.Background(), 101, at, start)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(b-want) > 1e-9 {
				t.Errorf("at point %d from %v: %.14f, want %.14f", at, start, b, want)
			}
		}
	}
}

// One conductivity: an eigenvector of the differences, which falls by one factor at each step.
func TestPlate(t *testing.T) {
	const n, steps, kappa = 15, 8, 0.3
	seen, err := measured(n, steps, []float64{kappa, kappa})
	if err != nil {
		t.Fatal(err)
	}
	h := 1.0 / (n + 1)
	factor := 1 / (1 + duration/steps*kappa*8/(h*h)*math.Pow(math.Sin(math.Pi*h/2), 2))
	sine := func(i int) float64 { return math.Sin(math.Pi * float64(i+1) * h) }
	for k := range steps {
		for s, at := range []float64{sine(n/2) * sine(n/4), sine(n/2) * sine(n/2), sine(n/4) * sine(3*n/4)} {
			if want := at * math.Pow(factor, float64(k+1)); math.Abs(seen[3*k+s]-want) > 1e-14 {
				t.Errorf("sensor %d after step %d shows %v, want %v", s, k+1, seen[3*k+s], want)
			}
		}
	}
}

func TestFunction(t *testing.T) {
	f, err := fitFunction(context.Background(), 101)
	if err != nil {
		t.Fatal(err)
	}
	if f.worst() > 2e-3 {
		t.Errorf("the largest error is %v", f.worst())
	}
}

func TestRoots(t *testing.T) {
	x := []float64{8, 27, 64}
	for name, root := range map[string]func() ([]float64, []float64, error){
		"Newton": func() ([]float64, []float64, error) { return slopes(newton, x) },
		"kernel": func() ([]float64, []float64, error) { return slopes(custom, x) },
	} {
		y, slope, err := root()
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range x {
			if want := 1 / (3 * math.Pow(at, 2./3)); math.Abs(y[i]-math.Cbrt(at)) > 1e-14*y[i] || math.Abs(slope[i]-want) > 1e-14*want {
				t.Errorf("%s: root of %v is %v with the derivative %v", name, at, y[i], slope[i])
			}
		}
	}
}
