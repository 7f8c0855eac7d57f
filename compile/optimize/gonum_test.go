package optimize_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	gonum "gonum.org/v1/gonum/optimize"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

// Rosenbrock's function by gonum's Newton method, with the exact Hessian.
func ExampleProblem_Gonum() {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	f := graph.Add(y.Sub(x.Mul(x)).Pow(2).Mul(100), x.Sub(1).Pow(2))
	p, err := optimize.Problem{Objective: f, Parameters: []*graph.Node{x, y}}.Gonum()
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := gonum.Minimize(p.Problem, []float64{-1.2, 1}, nil, &gonum.Newton{})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := p.Unpack(r.X)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("x = %.6f, y = %.6f\n", v["x"][0], v["y"][0])
	// Output: x = 1.000000, y = 1.000000
}

// A fit of a matrix and a vector, beside an input that does not vary, by every local method of gonum and by a global one.
func TestGonum(t *testing.T) {
	g := graph.New()
	w, b, parameters := g.Input("w", graph.Float64, 2, 2), g.Input("b", graph.Float64, 2), g.Input("parameters", graph.Float64, 2)
	r := graph.Sub(graph.Add(graph.Dot(w, parameters), b), graph.Constant(g, []float64{3, 5}, 2))
	problem := optimize.Problem{
		Residuals:  []*graph.Node{r, graph.Reshape(w.Mul(0.1), 4), b.Mul(0.1)},
		Parameters: []*graph.Node{w, b}, Inputs: map[string]any{"parameters": []float64{1, 2}},
	}
	p, err := problem.Gonum()
	if err != nil {
		t.Fatal(err)
	}
	want, err := problem.Solve(t.Context(), optimize.Values{"w": {0}, "b": {0}}, optimize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	start, err := p.Pack(optimize.Values{"w": {1, 0, 0, 1}, "b": {0}})
	if err != nil || len(start) != 6 {
		t.Fatal(start, err)
	}
	for _, m := range []gonum.Method{&gonum.Newton{}, &gonum.BFGS{}, &gonum.LBFGS{}, &gonum.CG{}, &gonum.NelderMead{}, &gonum.CmaEsChol{}} {
		got, err := gonum.Minimize(p.Problem, start, &gonum.Settings{Concurrent: 3, MajorIterations: 20000, FuncEvaluations: 20000}, m)
		if got == nil {
			t.Errorf("%T: %v", m, err)
			continue
		}
		tolerance := 1e-6
		if _, global := m.(*gonum.CmaEsChol); global {
			tolerance = 0.2 // it stops early, and is here for its goroutines
		}
		if math.Abs(got.F-want.Value) > tolerance {
			t.Errorf("%T: %v (%v), want %v", m, got.F, err, want.Value)
		}
	}
}

func TestMistakesOfGonum(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	f := graph.Sum(graph.Square(x))
	for _, c := range []struct {
		want string
		p    optimize.Problem
	}{
		{"bounds", optimize.Problem{Objective: f, Parameters: []*graph.Node{x}, Lower: optimize.Values{"x": {0}}}},
		{"constraints", optimize.Problem{Objective: f, Parameters: []*graph.Node{x}, Zero: []*graph.Node{f}}},
		{"no parameters", optimize.Problem{Objective: f}},
	} {
		if _, err := c.p.Gonum(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, got %v", c.want, err)
		}
	}
	p, err := optimize.Problem{Objective: f, Parameters: []*graph.Node{x}}.Gonum()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Pack(nil); err == nil {
		t.Error("nothing was packed")
	}
	if _, err := p.Unpack([]float64{1}); err == nil {
		t.Error("a vector of another length was unpacked")
	}
	if v := p.Problem.Func([]float64{1}); !math.IsNaN(v) {
		t.Errorf("the value of too few parameters is %v", v)
	}
	if s, err := p.Problem.Status(); s != gonum.Failure || err == nil {
		t.Errorf("the status is %v, %v", s, err)
	}
}
