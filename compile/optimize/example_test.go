package optimize_test

import (
	"context"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

// The minimum of a function within bounds.
func ExampleProblem() {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	f := graph.Add(graph.Square(graph.Sub(x, g.Const(3))), graph.Exp(graph.Mul(x, y)))
	r, err := optimize.Problem{
		Objective:  f,
		Parameters: []*graph.Node{x, y},
		Lower:      optimize.Values{"y": {-0.5}},
	}.Solve(context.Background(), optimize.Values{"x": {1}, "y": {1}}, optimize.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("x = %.5f, y = %.5f: %.5f (%v)\n", r.X["x"][0], r.X["y"][0], r.Value, r.Status)
	// Output: x = 3.05429, y = -0.50000: 0.22010 (the gradient is within the tolerance)
}

// A curve through observations of known precision, with standard errors of its parameters.
func ExampleResult_StandardErrors() {
	times := []float64{0, 1, 2, 3, 4, 5, 6, 7}
	counts := []float64{1003, 722, 541, 391, 290, 214, 160, 121}
	g := graph.New()
	amount, rate := g.Input("amount", graph.Float64), g.Input("rate", graph.Float64)
	t, n := graph.Constant(g, times, len(times)), graph.Constant(g, counts, len(counts))
	model := graph.Mul(amount, graph.Exp(graph.Neg(graph.Mul(rate, t))))
	fit, err := optimize.Problem{
		Residuals:   []*graph.Node{graph.Div(graph.Sub(n, model), graph.Sqrt(n))}, // Poisson: the variance is the mean
		Parameters:  []*graph.Node{amount, rate},
		KnownErrors: true,
	}.Solve(context.Background(), optimize.Values{"amount": {500}, "rate": {1}}, optimize.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	errors, err := fit.StandardErrors()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"amount", "rate"} {
		fmt.Printf("%s = %.4g ± %.2g\n", name, fit.X[name][0], errors[name][0])
	}
	fmt.Printf("χ² = %.2f for %d degrees of freedom\n", fit.Value, fit.DegreesOfFreedom())
	// Output:
	// amount = 992.4 ± 24
	// rate = 0.3057 ± 0.0086
	// χ² = 0.50 for 6 degrees of freedom
}

// The largest rectangle in an ellipse, by constraints; their multiplier is how much the minimum changes with the size of the ellipse.
func ExampleProblem_constraints() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	a, b := graph.Index(x, 0), graph.Index(x, 1)
	ellipse := graph.Sub(g.Const(1), graph.Add(graph.Square(graph.Div(a, g.Const(3))), graph.Square(graph.Div(b, g.Const(2)))))
	r, err := optimize.Problem{
		Objective:   graph.Mul(g.Const(-4), graph.Mul(a, b)),
		Parameters:  []*graph.Node{x},
		NonNegative: []*graph.Node{ellipse},
		Lower:       optimize.Values{"x": {0}},
	}.Solve(context.Background(), optimize.Values{"x": {1}}, optimize.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("area %.6f with sides %.6f and %.6f, multiplier %.4f\n", -r.Value, 2*r.X["x"][0], 2*r.X["x"][1], r.NonNegative[0])
	fmt.Println(math.Abs(r.Value+12) < 1e-9, r.Optimality < 1e-8)
	// Output:
	// area 12.000000 with sides 4.242641 and 2.828427, multiplier 12.0000
	// true true
}

// The same problem from several starts, and with a callback that sees every iteration.
func ExampleSolver() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	s, err := optimize.Problem{Objective: graph.Add(graph.Sin(x), graph.Mul(g.Const(0.1), x)), Parameters: []*graph.Node{x}}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, start := range []float64{-2, 4, 10} {
		iterations := 0
		r, err := s.Solve(context.Background(), optimize.Values{"x": {start}}, optimize.Options{Callback: func(optimize.Iteration) error {
			iterations++
			return nil
		}})
		fmt.Printf("from %v: %.4f at %.4f, %v, %v\n", start, r.Value, r.X["x"][0], iterations == r.Iterations, err)
	}
	// Output:
	// from -2: -1.1621 at -1.6710, true, <nil>
	// from 4: -0.5338 at 4.6122, true, <nil>
	// from 10: 0.0946 at 10.8954, true, <nil>
}
