package optimize_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

func solve(t *testing.T, p optimize.Problem, start optimize.Values, o optimize.Options) *optimize.Result {
	t.Helper()
	r, err := p.Solve(context.Background(), start, o)
	if err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	return r
}

// logistic is the loss of a logistic regression whose features have scales from 1 to 2^columns.
func logistic(rows, columns int) optimize.Problem {
	rng := rand.New(rand.NewPCG(1, 2))
	features, labels := make([]float64, rows*columns), make([]float64, rows)
	for i := range labels {
		s := 0.0
		for j := range columns {
			v := rng.NormFloat64()
			features[i*columns+j] = v * float64(int(1)<<j)
			s += v / float64(j+1)
		}
		if labels[i] = 0; s+rng.NormFloat64() > 0 {
			labels[i] = 1
		}
	}
	g := graph.New()
	w := g.Input("w", graph.Float64, columns)
	x, y := graph.Constant(g, features, rows, columns), graph.Constant(g, labels, rows)
	return optimize.Problem{Objective: graph.Sum(graph.SigmoidCrossEntropy(graph.MatMul(x, w), y)), Parameters: []*graph.Node{w}}
}

// At the optimum the objective is flat to its rounding: line searches that compare values alone fail there.
func TestFlatOptimum(t *testing.T) {
	for _, method := range []optimize.Method{optimize.LBFGSB, optimize.NewtonCG, optimize.SQP} {
		p := logistic(500, 8)
		p.Method = method
		s, err := p.Compile()
		if err != nil {
			t.Fatal(err)
		}
		for _, tolerance := range []float64{1e-6, 1e-10, 1e-13, 1e-16, 1e-30} { // the last ones cannot be reached
			r, err := s.Solve(context.Background(), optimize.Values{"w": {0}}, optimize.Options{GradientTolerance: tolerance})
			if err != nil {
				t.Errorf("%s, tolerance %v: %v", method, tolerance, err)
				continue
			}
			t.Logf("%s, tolerance %v: %v, gradient %.1e, %d iterations, %d evaluations", method, tolerance, r.Status, r.Optimality, r.Iterations, r.Evaluations.Values)
			if r.Optimality > max(tolerance, 1e-11) {
				t.Errorf("%s, tolerance %v: gradient %v", method, tolerance, r.Optimality)
			}
			if r.Evaluations.Values > 1000 {
				t.Errorf("%s, tolerance %v: %d evaluations", method, tolerance, r.Evaluations.Values)
			}
			again, err := s.Solve(context.Background(), r.X, optimize.Options{GradientTolerance: tolerance})
			if err != nil || again.Evaluations.Values > 2000 {
				t.Errorf("%s, tolerance %v, from the optimum: %v, %+v", method, tolerance, err, again)
			}
		}
	}
}

// Convex quadratic functions within random bounds have one minimum, where the gradient points out of the bounds that are met.
func TestBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for trial := range 60 {
		n := 1 + rng.IntN(30)
		m := n + rng.IntN(10)
		matrix, target := make([]float64, m*n), make([]float64, m)
		for i := range matrix {
			matrix[i] = rng.NormFloat64()
		}
		for i := range target {
			target[i] = 5 * rng.NormFloat64()
		}
		lower, upper, start := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range lower {
			lower[i], upper[i] = -rng.Float64(), rng.Float64()
			switch rng.IntN(6) {
			case 0:
				lower[i] = math.Inf(-1)
			case 1:
				upper[i] = math.Inf(1)
			case 2:
				upper[i] = lower[i]
				start[i] = lower[i]
			}
		}
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		r := graph.Sub(graph.MatMul(graph.Constant(g, matrix, m, n), x), graph.Constant(g, target, m))
		base := optimize.Problem{Parameters: []*graph.Node{x}, Lower: optimize.Values{"x": lower}, Upper: optimize.Values{"x": upper}}
		var values []float64
		for _, method := range []optimize.Method{optimize.LBFGSB, optimize.SQP, optimize.LevenbergMarquardt} {
			p := base
			p.Method = method
			p.Residuals = []*graph.Node{r}
			s := solve(t, p, optimize.Values{"x": start}, optimize.Options{})
			values = append(values, s.Value)
			t.Logf("%d, %d of %d: %s: %v, %d iterations, %d evaluations, gradient %.1e", trial, n, m, method, s.Status, s.Iterations, s.Evaluations.Values, s.Optimality)
			for i, v := range s.X["x"] {
				d := s.Gradient["x"][i]
				if v < lower[i] || v > upper[i] {
					t.Errorf("%d, %s: x[%d] = %v outside of %v, %v", trial, method, i, v, lower[i], upper[i])
				}
				if v > lower[i] && v < upper[i] && math.Abs(d) > 1e-5 || v == lower[i] && v < upper[i] && d < -1e-5 || v == upper[i] && v > lower[i] && d > 1e-5 {
					t.Errorf("%d, %s: x[%d] = %v in %v, %v has gradient %v (%v)", trial, method, i, v, lower[i], upper[i], d, s.Status)
				}
			}
		}
		for _, v := range values {
			if math.Abs(v-values[0]) > 1e-8*(1+values[0]) {
				t.Errorf("%d: values %v", trial, values)
			}
		}
	}
}

// A curve whose best parameters are out of bounds: methods agree with each other.
func TestBoundsOfCurve(t *testing.T) {
	var xs, ys []float64
	for i := range 40 {
		v := float64(i) / 10
		xs, ys = append(xs, v), append(ys, 2*math.Exp(-0.7*v)+0.5+0.05*math.Sin(9*v))
	}
	g := graph.New()
	a, k, c := g.Input("a", graph.Float64), g.Input("k", graph.Float64), g.Input("c", graph.Float64)
	x, y := graph.Constant(g, xs, len(xs)), graph.Constant(g, ys, len(ys))
	model := graph.Add(graph.Mul(a, graph.Exp(graph.Neg(graph.Mul(k, x)))), c)
	p := optimize.Problem{Residuals: []*graph.Node{graph.Sub(y, model)}, Parameters: []*graph.Node{a, k, c},
		Lower: optimize.Values{"a": {0}, "k": {0.9}, "c": {0}}, Upper: optimize.Values{"a": {1.8}, "k": {5}}}
	start := optimize.Values{"a": {1}, "k": {3}, "c": {0}}
	fit := solve(t, p, start, optimize.Options{})
	if fit.X["a"][0] != 1.8 && fit.X["k"][0] != 0.9 {
		t.Errorf("no bound is met: %v", fit.X)
	}
	e, err := fit.StandardErrors()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range fit.X {
		if held := v[0] == p.Lower[name][0] || p.Upper[name] != nil && v[0] == p.Upper[name][0]; held != (e[name][0] == 0) {
			t.Errorf("%s = %v has the standard error %v", name, v, e[name])
		}
	}
	for _, method := range []optimize.Method{optimize.LBFGSB, optimize.SQP} {
		p.Method = method
		if r := solve(t, p, start, optimize.Options{GradientTolerance: 1e-9}); math.Abs(r.Value-fit.Value) > 1e-10*fit.Value {
			t.Errorf("%s: %v at %v, want %v at %v", method, r.Value, r.X, fit.Value, fit.X)
		}
	}
}

// Straight lines: parameters and covariance have formulas, with weights too.
func TestCovariance(t *testing.T) {
	xs, ys, sigma := []float64{1, 2, 3, 4, 5, 7}, []float64{1.1, 1.9, 3.2, 3.9, 5.3, 6.8}, []float64{0.1, 0.2, 0.1, 0.3, 0.2, 0.1}
	for _, known := range []bool{false, true} {
		var s, sx, sy, sxx, sxy float64
		for i, x := range xs {
			w := 1.0
			if known {
				w = 1 / (sigma[i] * sigma[i])
			}
			s, sx, sy, sxx, sxy = s+w, sx+w*x, sy+w*ys[i], sxx+w*x*x, sxy+w*x*ys[i]
		}
		determinant := s*sxx - sx*sx
		intercept, slope := (sxx*sy-sx*sxy)/determinant, (s*sxy-sx*sy)/determinant
		variance := 1.0
		if !known {
			variance = 0
			for i, x := range xs {
				d := ys[i] - intercept - slope*x
				variance += d * d / float64(len(xs)-2)
			}
		}
		g := graph.New()
		a, b := g.Input("intercept", graph.Float64), g.Input("slope", graph.Float64)
		r := graph.Sub(graph.Constant(g, ys, len(ys)), graph.Add(a, graph.Mul(b, graph.Constant(g, xs, len(xs)))))
		if known {
			r = graph.Div(r, graph.Constant(g, sigma, len(sigma)))
		}
		for _, sparse := range []bool{false, true} {
			p := optimize.Problem{Residuals: []*graph.Node{r}, Parameters: []*graph.Node{a, b}, KnownErrors: known, Sparse: sparse}
			fit := solve(t, p, optimize.Values{"intercept": {0}, "slope": {0}}, optimize.Options{})
			c, err := fit.Covariance()
			if err != nil {
				t.Fatal(err)
			}
			if fit.DegreesOfFreedom() != len(xs)-2 {
				t.Errorf("%d degrees of freedom", fit.DegreesOfFreedom())
			}
			for _, v := range [][2]float64{{fit.X["intercept"][0], intercept}, {fit.X["slope"][0], slope}, {c[0][0], variance * sxx / determinant}, {c[1][1], variance * s / determinant}, {c[0][1], -variance * sx / determinant}, {c[1][0], c[0][1]}} {
				if math.Abs(v[0]-v[1]) > 1e-12*math.Abs(v[1]) {
					t.Errorf("known %v, sparse %v: %v, want %v", known, sparse, v[0], v[1])
				}
			}
		}
	}
}

// Multipliers are the derivatives of the minimum by the right sides of constraints.
func TestMultipliers(t *testing.T) {
	value := func(circle, line float64) *optimize.Result {
		g := graph.New()
		x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
		f := graph.Add(graph.Exp(x), graph.Square(graph.Sub(y, g.Const(2))))
		return solve(t, optimize.Problem{Objective: f, Parameters: []*graph.Node{x, y},
			Zero:        []*graph.Node{graph.Sub(graph.Add(graph.Square(x), graph.Square(y)), g.Const(circle))},
			NonNegative: []*graph.Node{graph.Sub(graph.Sub(x, y), g.Const(line))}}, optimize.Values{"x": {1}, "y": {0}}, optimize.Options{GradientTolerance: 1e-10})
	}
	r := value(4, 0.5)
	const h = 1e-4
	byCircle, byLine := (value(4+h, 0.5).Value-value(4-h, 0.5).Value)/(2*h), (value(4, 0.5+h).Value-value(4, 0.5-h).Value)/(2*h)
	if math.Abs(r.Zero[0]-byCircle) > 1e-6 || math.Abs(r.NonNegative[0]-byLine) > 1e-6 || r.NonNegative[0] <= 0 {
		t.Errorf("multipliers %v and %v, derivatives %v and %v", r.Zero, r.NonNegative, byCircle, byLine)
	}
}

func TestEndings(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	a, b := graph.Index(x, 0), graph.Index(x, 1)
	one := g.Const(1)
	start := optimize.Values{"x": {0.5}}
	for _, c := range []struct {
		name    string
		problem optimize.Problem
		options optimize.Options
		status  optimize.Status
	}{
		{"unbounded line", optimize.Problem{Objective: graph.Sub(a, b)}, optimize.Options{}, optimize.Unbounded},
		{"unbounded line, Newton", optimize.Problem{Objective: graph.Sub(a, b), Method: optimize.NewtonCG}, optimize.Options{}, optimize.Unbounded},
		{"unbounded line, SQP", optimize.Problem{Objective: graph.Sub(a, b), Method: optimize.SQP}, optimize.Options{}, optimize.Unbounded},
		{"unbounded cubic", optimize.Problem{Objective: graph.Sum(graph.Pow(x, g.Const(3)))}, optimize.Options{}, optimize.Unbounded},
		{"unbounded saddle", optimize.Problem{Objective: graph.Sub(graph.Square(a), graph.Square(b))}, optimize.Options{}, optimize.Unbounded},
		{"infeasible", optimize.Problem{Objective: graph.Sum(x), Zero: []*graph.Node{graph.Add(graph.Sum(graph.Square(x)), one)}}, optimize.Options{}, optimize.Infeasible},
		{"contradiction", optimize.Problem{Objective: graph.Sum(graph.Square(x)), Zero: []*graph.Node{graph.Sub(a, one), graph.Add(a, one)}}, optimize.Options{}, optimize.Infeasible},
		{"contradicting inequalities", optimize.Problem{Objective: graph.Sum(graph.Square(x)), NonNegative: []*graph.Node{graph.Sub(a, one), graph.Neg(graph.Add(a, one))}}, optimize.Options{}, optimize.Infeasible},
		{"limit", with(rosenbrock(2), func(*optimize.Problem) {}), optimize.Options{Limit: 3}, optimize.Limit},
		{"constant", optimize.Problem{Objective: graph.Mul(graph.Sum(x), g.Const(0))}, optimize.Options{}, optimize.Converged},
		{"kink", optimize.Problem{Objective: graph.Add(graph.Abs(a), graph.Abs(graph.Sub(b, a)))}, optimize.Options{Limit: 100}, 0},
		{"singular Jacobian", optimize.Problem{Residuals: []*graph.Node{graph.Sub(graph.Add(a, b), one), graph.Sub(graph.Add(a, b), g.Const(2))}}, optimize.Options{}, 0},
		{"fewer residuals than parameters", optimize.Problem{Residuals: []*graph.Node{graph.Sub(graph.Mul(a, b), one)}}, optimize.Options{}, optimize.Converged},
		{"sparse singular", optimize.Problem{Residuals: []*graph.Node{graph.Sub(graph.Add(a, b), one)}, Sparse: true}, optimize.Options{}, 0},
		{"redundant constraints", optimize.Problem{Objective: graph.Sum(graph.Square(x)), Zero: []*graph.Node{graph.Sub(a, one), graph.Sub(graph.Add(a, a), g.Const(2))}}, optimize.Options{}, optimize.Converged},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := start
			if c.problem.Parameters == nil {
				c.problem.Parameters = []*graph.Node{x}
			}
			r, err := c.problem.Solve(context.Background(), at, c.options)
			if r == nil {
				t.Fatal(err)
			}
			t.Logf("%v at %v, value %v, %d iterations, %d evaluations: %v", r.Status, r.X, r.Value, r.Iterations, r.Evaluations.Values, err)
			if c.status != 0 && r.Status != c.status {
				t.Errorf("%v, want %v", r.Status, c.status)
			}
			if r.Status.OK() != (err == nil) || !r.Status.OK() && !errors.Is(err, r.Status) {
				t.Errorf("%v with the error %v", r.Status, err)
			}
			if r.Evaluations.Values > 3000 {
				t.Errorf("%d evaluations", r.Evaluations.Values)
			}
		})
	}
}

func TestUndetermined(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	s := graph.Add(x, y)
	r := solve(t, optimize.Problem{Residuals: []*graph.Node{graph.Sub(s, g.Const(1)), graph.Sub(s, g.Const(2)), s}, Parameters: []*graph.Node{x, y}}, optimize.Values{"x": {0}, "y": {0}}, optimize.Options{})
	if _, err := r.Covariance(); err == nil || math.Abs(r.X["x"][0]+r.X["y"][0]-1) > 1e-12 {
		t.Errorf("covariance %v at %v", err, r.X)
	}
	r = solve(t, optimize.Problem{Residuals: []*graph.Node{graph.Sub(x, g.Const(1)), x}, Parameters: []*graph.Node{x, y}}, optimize.Values{"x": {0}, "y": {0}}, optimize.Options{})
	if _, err := r.StandardErrors(); err == nil || !strings.Contains(err.Error(), "do not depend on y") && !strings.Contains(err.Error(), "leave none") {
		t.Errorf("covariance of what nothing depends on: %v", err)
	}
}

func TestCallback(t *testing.T) {
	enough := errors.New("enough")
	for _, method := range []optimize.Method{optimize.LBFGSB, optimize.NewtonCG, optimize.SQP, optimize.LevenbergMarquardt} {
		x, residuals := chain(10)
		p := optimize.Problem{Residuals: residuals, Parameters: []*graph.Node{x}, Method: method}
		var values []float64
		r, err := p.Solve(context.Background(), chainStart(10), optimize.Options{Callback: func(i optimize.Iteration) error {
			if values = append(values, i.Value); i.Number != len(values) || len(i.X) != 10 || !(i.Step > 0) || !(i.Tolerance > 0) {
				t.Errorf("%s: %+v", method, i)
			}
			if len(values) == 5 {
				return enough
			}
			return nil
		}})
		if !errors.Is(err, enough) || !errors.Is(err, optimize.Stopped) || r == nil || r.Status != optimize.Stopped || r.Iterations != 5 || r.Value != values[4] {
			t.Errorf("%s: %v, %+v", method, err, r)
		}
		if method != optimize.SQP && !slices.IsSortedFunc(values, func(a, b float64) int { return -cmp(a, b) }) {
			t.Errorf("%s: values %v", method, values)
		}
		ctx, cancel := context.WithCancel(context.Background())
		r, err = p.Solve(ctx, chainStart(10), optimize.Options{Callback: func(i optimize.Iteration) error {
			if i.Number == 3 {
				cancel()
			}
			return nil
		}})
		if !errors.Is(err, context.Canceled) || r == nil || r.Status != optimize.Stopped || r.Iterations > 4 {
			t.Errorf("%s cancelled: %v, %+v", method, err, r)
		}
		if r, err := p.Solve(ctx, chainStart(10), optimize.Options{}); !errors.Is(err, context.Canceled) || r != nil {
			t.Errorf("%s cancelled before: %v, %+v", method, err, r)
		}
	}
}

func cmp(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Results do not change when a solver is used again, and other inputs take the values of the problem.
func TestAgain(t *testing.T) {
	g := graph.New()
	x, target := g.Input("x", graph.Float64, 3), g.Input("target", graph.Float64, 3)
	p := optimize.Problem{Objective: graph.Sum(graph.Square(graph.Sub(graph.Exp(x), target))), Parameters: []*graph.Node{x}, Inputs: map[string]any{}}
	if _, err := p.Solve(context.Background(), optimize.Values{"x": {0}}, optimize.Options{}); err == nil || !strings.Contains(err.Error(), "target") {
		t.Errorf("without a value: %v", err)
	}
	q, err := optimize.Problem{Objective: p.Objective, Parameters: p.Parameters, Inputs: map[string]any{"target": dense(1, 2, 3)}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	nodes := g.Len()
	first, err := q.Solve(context.Background(), optimize.Values{"x": {0}}, optimize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if g.Len() != nodes {
		t.Errorf("the graph has %d nodes, had %d", g.Len(), nodes)
	}
	for i, v := range first.X["x"] {
		if math.Abs(v-math.Log(float64(i+1))) > 1e-6 {
			t.Errorf("x = %v", first.X)
		}
	}
	if _, err := q.Solve(context.Background(), optimize.Values{"x": {3}}, optimize.Options{}); err != nil {
		t.Error(err)
	}
	again, err := q.Solve(context.Background(), optimize.Values{"x": {0}}, optimize.Options{})
	if err != nil || !slices.Equal(again.X["x"], first.X["x"]) || again.Evaluations != first.Evaluations {
		t.Errorf("%v: %+v, first %+v", err, again, first)
	}
}

// From starts whose squares overflow all methods come to an end, and say which.
func TestFarStarts(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	for _, method := range []optimize.Method{optimize.LBFGSB, optimize.NewtonCG, optimize.SQP} {
		for _, at := range []float64{1e160, -1e200, 1e300} {
			for name, c := range map[string]struct {
				objective *graph.Node
				status    optimize.Status // 0 for any
			}{
				"line":            {graph.Sum(x), optimize.Unbounded},
				"cone":            {graph.Sum(graph.Abs(x)), 0},
				"steep line":      {graph.Mul(graph.Sum(x), g.Const(1e200)), 0},
				"sum of softplus": {graph.Sum(graph.Softplus(x)), 0},
			} {
				r, err := optimize.Problem{Objective: c.objective, Parameters: []*graph.Node{x}, Method: method}.Solve(context.Background(), optimize.Values{"x": {at, at}}, optimize.Options{Limit: 100})
				switch {
				case r == nil:
					if !strings.Contains(err.Error(), "not finite at the start") {
						t.Errorf("%s, %s from %g: %v", method, name, at, err)
					}
				case c.status != 0 && r.Status != c.status || r.Status.OK() != (err == nil):
					t.Errorf("%s, %s from %g: %v, %v", method, name, at, r.Status, err)
				}
			}
		}
	}
}
