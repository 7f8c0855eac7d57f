package optimize_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

// chain is Rosenbrock's function of n numbers, Σ 100·(x[i+1] − x[i]²)² + (1 − x[i])², as residuals.
func chain(n int) (x *graph.Node, residuals []*graph.Node) {
	g := graph.New()
	x = g.Input("x", graph.Float64, n)
	a, b := graph.Slice(x, graph.Range{Limit: -1}), graph.Slice(x, graph.Range{Start: 1, Limit: graph.All})
	return x, []*graph.Node{graph.Mul(g.Const(10), graph.Sub(b, graph.Square(a))), graph.Sub(g.Const(1), a)}
}

func rosenbrock(n int) optimize.Problem {
	x, r := chain(n)
	return optimize.Problem{Objective: graph.Add(graph.Sum(graph.Square(r[0])), graph.Sum(graph.Square(r[1]))), Parameters: []*graph.Node{x}}
}

func chainStart(n int) optimize.Values {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
		if i%2 == 0 {
			x[i] = -1.2
		}
	}
	return optimize.Values{"x": x}
}

func TestRosenbrock(t *testing.T) {
	x10, residuals10 := chain(10)
	x300, residuals300 := chain(300)
	for _, c := range []struct {
		name    string
		problem optimize.Problem
		n       int
		calls   int // at most, of the value and of the Jacobian or Hessian
	}{
		{"L-BFGS-B 2", rosenbrock(2), 2, 60},
		{"L-BFGS-B 100", rosenbrock(100), 100, 750},
		{"L-BFGS-B 1000", rosenbrock(1000), 1000, 6000},
		{"Newton-CG", with(rosenbrock(100), func(p *optimize.Problem) { p.Method = optimize.NewtonCG }), 100, 400},
		{"Newton-CG, sparse", with(rosenbrock(300), func(p *optimize.Problem) { p.Method, p.Sparse = optimize.NewtonCG, true }), 300, 2000},
		{"SQP", with(rosenbrock(10), func(p *optimize.Problem) { p.Method = optimize.SQP }), 10, 200},
		{"Levenberg–Marquardt", optimize.Problem{Residuals: residuals10, Parameters: []*graph.Node{x10}}, 10, 1000},
		{"Levenberg–Marquardt, sparse", optimize.Problem{Residuals: residuals300, Parameters: []*graph.Node{x300}, Sparse: true}, 300, 3000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.problem.Solve(context.Background(), chainStart(c.n), optimize.Options{Memory: 4})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v: %d iterations, %+v, value %v, gradient %v", r.Status, r.Iterations, r.Evaluations, r.Value, r.Optimality)
			worst := 0.0
			for _, v := range r.X["x"] {
				worst = max(worst, math.Abs(v-1))
			}
			// The chain has a second minimum, of about 3.99, at x[0] ≈ −1.
			if local := math.Abs(r.Value-3.986) < 0.01 && r.X["x"][0] < 0; worst > 1e-5 && !local {
				t.Errorf("ends %v from the minimum, at %v", worst, r.Value)
			}
			if n := r.Evaluations.Values + r.Evaluations.Jacobians; n > c.calls {
				t.Errorf("%d calls, at most %d", n, c.calls)
			}
			if r.Optimality > 1e-6 && c.problem.Residuals == nil {
				t.Errorf("gradient %v", r.Optimality)
			}
		})
	}
}

func with(p optimize.Problem, change func(*optimize.Problem)) optimize.Problem {
	change(&p)
	return p
}

func BenchmarkRosenbrock(b *testing.B) {
	for _, n := range []int{100, 1000} {
		for _, memory := range []int{4, 5, 10} {
			b.Run(fmt.Sprintf("n=%d,memory=%d", n, memory), func(b *testing.B) {
				s, err := rosenbrock(n).Compile()
				if err != nil {
					b.Fatal(err)
				}
				start := chainStart(n)
				var r *optimize.Result
				for b.Loop() {
					if r, err = s.Solve(context.Background(), start, optimize.Options{Memory: memory}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(r.Evaluations.Values), "calls")
			})
		}
	}
}
