package continuous_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/continuous"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

var tight = ode.Options{RTol: 1e-10, ATol: 1e-12, Limit: 300}

// growth is logistic growth and an oscillation of a vector, with a rate that depends on time: a solution in closed form, whose parameters, initial values and times are unknowns.
func growth(o continuous.Options, count int) (got, want, wrt nodes, at testkit.Point, err error) {
	g := graph.New()
	r, k, start, t0, rate := g.Input("r", graph.Float64), g.Input("k", graph.Float64), g.Input("start", graph.Float64), g.Input("t0", graph.Float64), g.Input("rate", graph.Float64)
	times := g.Input("times", graph.Float64)
	list := []float64{2.5}
	if count > 0 {
		times = g.Input("list", graph.Float64, count)
		list = []float64{1, 2.5, 2.5, 2, 3}[:count]
	}
	f := func(t *node, y []*node) []*node {
		turn := graph.Mul(rate, graph.Mul(g.Const(2), t))
		return nodes{graph.Mul(graph.Mul(r, y[0]), graph.Sub(g.Const(1), graph.Div(y[0], k))),
			graph.Mul(turn, graph.Stack(0, graph.Index(y[1], 1), graph.Neg(graph.Index(y[1], 0))))}
	}
	s, err := continuous.Solve(f, t0, times, nodes{start, graph.Stack(0, start, k)}, o)
	passed := graph.Sub(times, t0)
	logistic := graph.Div(k, graph.Add(g.Const(1), graph.Mul(graph.Sub(graph.Div(k, start), g.Const(1)), graph.Exp(graph.Neg(graph.Mul(r, passed))))))
	angle := graph.Mul(rate, graph.Sub(graph.Square(times), graph.Square(t0)))
	sin, cos := graph.Sin(angle), graph.Cos(angle)
	wave := graph.Stack(times.Shape().Rank(), graph.Add(graph.Mul(start, cos), graph.Mul(k, sin)), graph.Sub(graph.Mul(k, cos), graph.Mul(start, sin)))
	return s.Y, nodes{logistic, wave}, nodes{r, k, start, t0, times, rate}, testkit.Point{r: ref.Of(r.Type(), 0.8), k: ref.Of(k.Type(), 3), start: ref.Of(start.Type(), 0.4),
		t0: ref.Of(t0.Type(), 0.5), times: ref.Of(times.Type(), list...), rate: ref.Of(rate.Type(), 0.7)}, err
}

// derivatives are a gradient, and the products of the Hessian with a direction in all nestings of two modes.
func derivatives(t *testing.T, second bool, y, wrt nodes) nodes {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	g := wrt[0].Graph()
	cost := g.Const(0)
	for i, x := range y {
		cost = graph.Add(cost, graph.Sum(graph.Add(graph.Sin(x), graph.Mul(g.Const(float64(i+1)), graph.Square(x)))))
	}
	var dots nodes
	for _, w := range wrt {
		dots = append(dots, graph.StopGradient(graph.Cos(w)))
	}
	d, err := compile.Gradient(cost, wrt...)
	check(err)
	jvp, err := compile.JVP(nodes{cost}, wrt, dots)
	check(err)
	out := slices.Concat(y, d, jvp)
	if !second {
		return out
	}
	forwardOverReverse, err := compile.JVP(d, wrt, dots)
	check(err)
	reverseOverForward, err := compile.Gradient(jvp[0], wrt...)
	check(err)
	forwardOverForward, err := compile.JVP(jvp, wrt, dots)
	check(err)
	along := g.Const(0)
	for i := range d {
		along = graph.Add(along, graph.Sum(graph.Mul(d[i], dots[i])))
	}
	reverseOverReverse, err := compile.Gradient(along, wrt...)
	check(err)
	return slices.Concat(out, forwardOverReverse, reverseOverForward, forwardOverForward, reverseOverReverse)
}

func same(t *testing.T, what string, c compile.Config, at testkit.Point, tol float64, got, want nodes) {
	t.Helper()
	values, err := testkit.CompileAndRun(c, at, slices.Concat(got, want)...)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i := range got {
		if err := testkit.CloseTo(values[i], values[len(got)+i], tol, tol); err != nil {
			t.Errorf("%s: value %d of %d: %v", what, i, len(got), err)
		}
	}
}

// Values, gradients by parameters, initial values, the first time and all times, and second derivatives, against the solution in closed form.
func TestClosedForms(t *testing.T) {
	for _, c := range []struct {
		method    ode.Method
		count     int
		backsolve bool
		second    bool
	}{{ode.DormandPrince5, 4, false, true}, {ode.DormandPrince5, 0, true, true}, {ode.Tsit5, 0, false, false}, {ode.Tsit5, 4, true, false}, {ode.DOP853, 5, false, false}, {ode.DOP853, 0, true, false}} {
		o := continuous.Options{Options: tight, Backsolve: c.backsolve}
		o.Method = c.method
		got, want, wrt, at, err := growth(o, c.count)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint(c), compile.Config{}, at, 1e-5, derivatives(t, c.second, got, wrt), derivatives(t, c.second, want, wrt))
	}
}

// The discrete adjoint agrees as the tolerance falls, and by a checkpointed loop; whatever the scale of the cost.
func TestAgainstDiscrete(t *testing.T) {
	for _, scale := range []float64{1, 1e-12, 1e12} {
		g := graph.New()
		p := g.Input("p", graph.Float64, 3)
		given := g.Input("data", graph.Float64, 3)
		data := graph.StopGradient(given)
		f := func(t *node, y []*node) []*node { // the Lorenz system, with a force
			at := func(i int) *node { return graph.Index(y[0], i) }
			c := func(i int) *node { return graph.Index(p, i) }
			return nodes{graph.Add(graph.Stack(0, graph.Mul(c(0), graph.Sub(at(1), at(0))), graph.Sub(graph.Mul(at(0), graph.Sub(c(1), at(2))), at(1)), graph.Sub(graph.Mul(at(0), at(1)), graph.Mul(c(2), at(2)))),
				graph.Mul(data, graph.Sin(t)))}
		}
		times := graph.Constant(g, []float64{0.2, 0.5, 0.9}, 3)
		y0 := graph.Mul(p, g.Const(0.1))
		at := testkit.Point{p: ref.Of(p.Type(), 10, 28, 8.0/3), given: ref.Of(data.Type(), 1, -2, 0.5)}
		discrete := ode.Solve(f, g.Const(0), times, nodes{y0}, tight)
		s, err := continuous.Solve(f, g.Const(0), times, nodes{y0}, continuous.Options{Options: tight})
		if err != nil {
			t.Fatal(err)
		}
		gradient := func(y *node) *node {
			d, err := compile.Gradient(graph.Mul(g.Const(scale), graph.Sum(graph.Square(y))), p)
			if err != nil {
				t.Fatal(err)
			}
			return graph.Mul(d[0], g.Const(1/scale))
		}
		same(t, fmt.Sprint("scale ", scale), compile.Config{Checkpoints: compile.Checkpoints{States: 4}}, at, 1e-5, nodes{s.Y[0], gradient(s.Y[0])}, nodes{discrete.Y[0], gradient(discrete.Y[0])})
	}
}

// A gradient in a batch, a batch's gradient, and a solution in a loop.
func TestBatchAndLoop(t *testing.T) {
	g := graph.New()
	rate := g.Input("rate", graph.Float64)
	solve := func(y0 *node) *node {
		s, err := continuous.Solve(func(t *node, y []*node) []*node { return nodes{graph.Mul(rate, graph.Mul(y[0], graph.Cos(t)))} }, g.Const(0), g.Const(1.5), nodes{y0}, continuous.Options{Options: tight})
		if err != nil {
			t.Fatal(err)
		}
		return s.Y[0]
	}
	exact := func(rate *node) *node { return graph.Exp(graph.Mul(rate, g.Const(math.Sin(1.5)))) }
	y := solve(g.Const(1))
	d, err := compile.Gradient(y, rate)
	if err != nil {
		t.Fatal(err)
	}
	rates := graph.Mul(rate, graph.Constant(g, []float64{0.2, 1, 3}, 3))
	batched, err := compile.Batch(nodes{y, d[0]}, nodes{rate}, nodes{rates})
	if err != nil {
		t.Fatal(err)
	}
	gradient := func(cost *node) *node {
		d, err := compile.Gradient(graph.Sum(graph.Square(cost)), rate)
		if err != nil {
			t.Fatal(err)
		}
		return d[0]
	}
	final, _ := graph.Scan(3, nodes{g.Const(1)}, nil, func(c, _ []*node) (next, ys []*node) { return nodes{solve(c[0])}, nil })
	cube := exact(graph.Mul(g.Const(3), rate))
	at := testkit.Point{rate: ref.Of(rate.Type(), 0.9)}
	same(t, "batch and loop", compile.Config{}, at, 1e-5,
		nodes{batched[0], batched[1], gradient(batched[0]), final[0], gradient(final[0])},
		nodes{exact(rates), graph.Mul(g.Const(math.Sin(1.5)), exact(rates)), gradient(exact(rates)), cube, gradient(cube)})
}

func TestMistakes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	decay := func(_ *node, y []*node) []*node { return nodes{graph.Neg(y[0])} }
	for want, o := range map[string]continuous.Options{
		"needs a method that chooses them": {Options: ode.Options{Steps: 3}},
		"is not explicit":                  {Options: ode.Options{Method: ode.Rodas4}},
		"are not interpolated":             {Options: ode.Options{Interpolate: true}},
		"tolerances of -1":                 {Options: ode.Options{RTol: -1}},
	} {
		if _, err := continuous.Solve(decay, x, x, nodes{x}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	// No times are no mistake: a solution without elements, which nothing changes.
	g = graph.New()
	x = g.Input("x", graph.Float64)
	times := g.Input("times", graph.Float64, 0)
	none, err := continuous.Solve(decay, g.Const(0), times, nodes{x}, continuous.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := compile.Gradient(graph.Sum(none.Y[0]), x)
	if err != nil {
		t.Fatal(err)
	}
	out, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1), times: ref.New(times.Type())}, none.Y[0], d[0])
	if err != nil || out[0].Len() != 0 || out[1].F[0] != 0 {
		t.Errorf("without times: %v, %v", out, err)
	}
	// An adjoint that the method cannot follow: the run of the gradient fails with the method, the time and the steps.
	fast := func(t *node, y []*node) []*node {
		return nodes{graph.Mul(g.Const(-1e5), graph.Sub(y[0], graph.Mul(x, graph.Cos(t))))}
	}
	s, err := continuous.Solve(fast, g.Const(0), g.Const(1), nodes{x}, continuous.Options{Options: ode.Options{Limit: 50}})
	if err != nil {
		t.Fatal(err)
	}
	if d, err = compile.Gradient(s.Y[0], x); err != nil {
		t.Fatal(err)
	}
	if _, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1)}, d...); err == nil || !strings.Contains(err.Error(), "does not get to the next time in 50 steps") || !strings.Contains(err.Error(), "continuous_test.go:") {
		t.Errorf("the error is %v", err)
	}
}
