package optimize_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

func dense(v ...float64) *tensor.Dense {
	return tensor.New(tensor.WithBacking(v), tensor.WithShape(len(v)))
}

func TestMistakes(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("v", graph.Float64, 3)
	small := g.Input("small", graph.Float32)
	f := graph.Add(graph.Square(x), graph.Sum(graph.Square(y)))
	other := graph.New().Input("x", graph.Float64)
	broken := graph.New()
	bad := graph.Add(broken.Input("a", graph.Float64, 2), broken.Input("b", graph.Float64, 3))
	parameters := []*graph.Node{x, y}
	start := optimize.Values{"x": {1}, "v": {1, 2, 3}}
	nan := math.NaN()
	for _, c := range []struct {
		name    string
		problem optimize.Problem
		start   optimize.Values
		options optimize.Options
		want    []string // parts of the error
	}{
		{"nothing", optimize.Problem{}, start, optimize.Options{}, []string{"no parameters", "either an objective or residuals"}},
		{"both", optimize.Problem{Objective: f, Residuals: []*graph.Node{f}, Parameters: parameters}, start, optimize.Options{}, []string{"either an objective or residuals"}},
		{"nil parameter", optimize.Problem{Objective: f, Parameters: []*graph.Node{nil}}, start, optimize.Options{}, []string{"parameter 0 is nil"}},
		{"zero parameter", optimize.Problem{Objective: f, Parameters: []*graph.Node{{}}}, start, optimize.Options{}, []string{"parameter 0"}},
		{"no input", optimize.Problem{Objective: f, Parameters: []*graph.Node{graph.Square(x)}}, start, optimize.Options{}, []string{"needs an input", "mistakes_test.go"}},
		{"twice", optimize.Problem{Objective: f, Parameters: []*graph.Node{x, x}}, start, optimize.Options{}, []string{`"x" is given twice`}},
		{"float32", optimize.Problem{Objective: f, Parameters: []*graph.Node{small}}, start, optimize.Options{}, []string{"f32", "needs float64", "mistakes_test.go"}},
		{"float32 objective", optimize.Problem{Objective: graph.Square(small), Parameters: parameters}, start, optimize.Options{}, []string{"the objective", "needs float64"}},
		{"vector", optimize.Problem{Objective: y, Parameters: parameters}, start, optimize.Options{}, []string{"needs a scalar", "mistakes_test.go"}},
		{"other graph", optimize.Problem{Objective: f, Parameters: []*graph.Node{x, other}}, start, optimize.Options{}, []string{"another graph"}},
		{"mistakes of the graph", optimize.Problem{Objective: graph.Sum(bad), Parameters: parameters}, start, optimize.Options{}, []string{"mistakes_test.go", "add"}},
		{"method", optimize.Problem{Objective: f, Parameters: parameters, Method: "simplex"}, start, optimize.Options{}, []string{`no method "simplex"`}},
		{"no residuals", optimize.Problem{Objective: f, Parameters: parameters, Method: optimize.LevenbergMarquardt}, start, optimize.Options{}, []string{"needs residuals"}},
		{"constraints", optimize.Problem{Objective: f, Parameters: parameters, Zero: []*graph.Node{x}, Method: optimize.LBFGSB}, start, optimize.Options{}, []string{"no constraints"}},
		{"bounds of Newton's method", optimize.Problem{Objective: f, Parameters: parameters, Lower: optimize.Values{"x": {0}}, Method: optimize.NewtonCG}, start, optimize.Options{}, []string{"no bounds"}},
		{"unknown bound", optimize.Problem{Objective: f, Parameters: parameters, Lower: optimize.Values{"small": {0}}}, start, optimize.Options{}, []string{`lower bound is given for "small", which is no parameter`}},
		{"length of a bound", optimize.Problem{Objective: f, Parameters: parameters, Upper: optimize.Values{"v": {1, 2}}}, start, optimize.Options{}, []string{"an upper bound of 2 numbers", "needs 3"}},
		{"crossed bounds", optimize.Problem{Objective: f, Parameters: parameters, Lower: optimize.Values{"v": {0, 5, 0}}, Upper: optimize.Values{"v": {4}}}, start, optimize.Options{}, []string{"lower bound 5 of v[1] is above the upper bound 4"}},
		{"NaN bound", optimize.Problem{Objective: f, Parameters: parameters, Lower: optimize.Values{"x": {nan}}}, start, optimize.Options{}, []string{"bound of x is NaN"}},
		{"infinite bound", optimize.Problem{Objective: f, Parameters: parameters, Lower: optimize.Values{"x": {math.Inf(1)}}}, start, optimize.Options{}, []string{"leave no value"}},
		{"input that is a parameter", optimize.Problem{Objective: f, Parameters: parameters, Inputs: map[string]any{"x": 1.0}}, start, optimize.Options{}, []string{`input "x" is a parameter`}},
		{"unknown input", optimize.Problem{Objective: f, Parameters: parameters, Inputs: map[string]any{"z": 1.0}}, start, optimize.Options{}, []string{`"z"`}},
		{"no start", optimize.Problem{Objective: f, Parameters: parameters}, nil, optimize.Options{}, []string{`"x" has no start`, `"v" has no start`}},
		{"length of the start", optimize.Problem{Objective: f, Parameters: parameters}, optimize.Values{"x": {1, 2}, "v": {1}}, optimize.Options{}, []string{`"x"`, "a start of 2 numbers"}},
		{"unknown start", optimize.Problem{Objective: f, Parameters: parameters}, optimize.Values{"x": {1}, "v": {1}, "w": {1}}, optimize.Options{}, []string{`"w", which is no parameter`}},
		{"start out of bounds", optimize.Problem{Objective: f, Parameters: parameters, Upper: optimize.Values{"v": {2}}}, start, optimize.Options{}, []string{"the start 3 of v[2] is not within the bounds -Inf and 2"}},
		{"NaN start", optimize.Problem{Objective: f, Parameters: parameters}, optimize.Values{"x": {nan}, "v": {1}}, optimize.Options{}, []string{"the start of x is NaN"}},
		{"NaN objective", optimize.Problem{Objective: graph.Log(graph.Neg(f)), Parameters: parameters}, start, optimize.Options{}, []string{"not finite at the start"}},
		{"NaN residual", optimize.Problem{Residuals: []*graph.Node{graph.Log(graph.Neg(y))}, Parameters: parameters}, start, optimize.Options{}, []string{"sum of squares", "not finite at the start"}},
		{"NaN constraint", optimize.Problem{Objective: f, Zero: []*graph.Node{graph.Log(graph.Neg(y))}, Parameters: parameters}, start, optimize.Options{}, []string{"not finite at the start"}},
		{"infinite derivative", optimize.Problem{Objective: graph.Sqrt(x), Parameters: parameters}, optimize.Values{"x": {0}, "v": {1}}, optimize.Options{}, []string{"derivatives are not finite at the start"}},
		{"failure at the start", optimize.Problem{Objective: graph.Sum(graph.Solve(graph.Mul(graph.Reshape(x, 1, 1), graph.Constant(g, []float64{0}, 1, 1)), graph.Reshape(x, 1))), Parameters: parameters}, start, optimize.Options{}, []string{"at the start", "mistakes_test.go"}},
		{"tolerance", optimize.Problem{Objective: f, Parameters: parameters}, start, optimize.Options{GradientTolerance: nan}, []string{"tolerances NaN"}},
		{"limit", optimize.Problem{Objective: f, Parameters: parameters}, start, optimize.Options{Limit: -1}, []string{"negative"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.problem.Solve(context.Background(), c.start, c.options)
			if err == nil || r != nil {
				t.Fatalf("no error: %+v", r)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\nlacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "BUG") {
				t.Error(err)
			}
		})
	}
	if _, err := new(optimize.Solver).Solve(context.Background(), start, optimize.Options{}); err == nil {
		t.Error("a solver that Compile did not make")
	}
	if _, err := new(optimize.Result).Covariance(); err == nil {
		t.Error("covariance of nothing")
	}
}

// Where trials are not finite or cannot be computed, steps are shortened.
func TestHoles(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	// x − log x has its minimum at 1; from 0.01 on first steps lead below 0.
	f := graph.Sub(x, graph.Log(x))
	root := graph.Reshape(graph.Cholesky(graph.Reshape(x, 1, 1)))
	for _, p := range []optimize.Problem{
		{Objective: f}, {Objective: f, Method: optimize.NewtonCG}, {Objective: f, Method: optimize.SQP},
		{Objective: graph.Add(root, graph.Reciprocal(root))}, {Objective: graph.Add(root, graph.Reciprocal(root)), Method: optimize.SQP},
		{Residuals: []*graph.Node{graph.Log(root)}},
	} {
		p.Parameters = []*graph.Node{x}
		for _, start := range []float64{0.01, 0.3, 20} {
			r, err := p.Solve(context.Background(), optimize.Values{"x": {start}}, optimize.Options{})
			if err != nil || math.Abs(r.X["x"][0]-1) > 1e-5 {
				t.Errorf("%s from %v: %v, %+v", p.Method, start, err, r)
			}
		}
	}
}
