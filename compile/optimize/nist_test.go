package optimize_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/examples/nist/strd"
)

// Both starts of all 27 problems lead to the certified parameters and standard deviations, from the default options.
func TestNIST(t *testing.T) {
	problems, err := strd.Problems()
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 27 {
		t.Fatalf("%d problems", len(problems))
	}
	for _, p := range problems {
		s, err := p.Problem().Compile()
		if err != nil {
			t.Fatal(p.Name, err)
		}
		for k, start := range p.Starts {
			r, err := s.Solve(context.Background(), optimize.Values{"b": start}, optimize.Options{})
			if err != nil {
				t.Errorf("%s from start %d: %v", p.Name, k+1, err)
				continue
			}
			deviations, err := r.StandardErrors()
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			digits, squares, errors := strd.Digits(r.X["b"], p.Certified), strd.Digits([]float64{r.Value}, []float64{p.Square}), strd.Digits(deviations["b"], p.Deviations)
			t.Logf("%-9s %d: %4.1f digits, sum of squares %4.1f, deviations %4.1f; %v, %d iterations", p.Name, k+1, digits, squares, errors, r.Status, r.Iterations)
			if digits < 8 {
				t.Errorf("%s from start %d: %.1f digits", p.Name, k+1, digits)
			}
			if p.Name == "Lanczos1" {
				continue // its residuals are rounding: the sum of squares is 1e-25 of observations about 1, in numbers of 16 digits
			}
			if squares < 8 || errors < 8 {
				t.Errorf("%s from start %d: sum of squares %.1f digits, standard deviations %.1f", p.Name, k+1, squares, errors)
			}
		}
	}
}

// Whether a fit converges does not hang on the last bits of its start.
func TestNISTNearby(t *testing.T) {
	problems, err := strd.Problems()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, p := range problems {
		s, err := p.Problem().Compile()
		if err != nil {
			t.Fatal(p.Name, err)
		}
		for k, start := range p.Starts {
			for range 5 {
				b := slices.Clone(start)
				for i := range b {
					b[i] *= 1 + 1e-12*rng.NormFloat64()
				}
				r, err := s.Solve(context.Background(), optimize.Values{"b": b}, optimize.Options{})
				if err != nil {
					t.Errorf("%s from start %d: %v", p.Name, k+1, err)
				} else if digits := strd.Digits(r.X["b"], p.Certified); digits < 8 {
					t.Errorf("%s from start %d: %.1f digits", p.Name, k+1, digits)
				}
			}
		}
	}
}

func BenchmarkNIST(b *testing.B) {
	problems, err := strd.Problems()
	if err != nil {
		b.Fatal(err)
	}
	var solvers []*optimize.Solver
	for _, p := range problems {
		s, err := p.Problem().Compile()
		if err != nil {
			b.Fatal(p.Name, err)
		}
		solvers = append(solvers, s)
	}
	for b.Loop() {
		for i, p := range problems {
			for _, start := range p.Starts {
				if _, err := solvers[i].Solve(context.Background(), optimize.Values{"b": start}, optimize.Options{}); err != nil {
					b.Fatal(p.Name, err)
				}
			}
		}
	}
}
