package ode_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// A body that is thrown up comes down at 2v/g with the velocity −v, from the ground or from a height, forwards or backwards in time; with derivatives to second order.
func TestEvents(t *testing.T) {
	for _, method := range adaptive {
		for _, height := range []float64{0, 3} {
			for _, end := range []float64{100, -100} {
				g := graph.New()
				v, a, h := g.Input("v", graph.Float64), g.Input("a", graph.Float64), g.Input("h", graph.Float64)
				x0 := h
				if height == 0 {
					x0 = g.Const(0)
				}
				at, y := ode.SolveUntil(func(_ *node, y []*node) []*node { return nodes{y[1], graph.Neg(a)} }, func(_ *node, y []*node) *node { return y[0] },
					g.Const(2), g.Const(end), nodes{x0, v}, ode.Options{Method: method, Limit: 60})
				sign := math.Copysign(1, end)
				root := graph.Mul(g.Const(sign), graph.Sqrt(graph.Add(graph.Square(v), graph.Mul(g.Const(2), graph.Mul(a, x0)))))
				want := nodes{graph.Add(g.Const(2), graph.Div(graph.Add(v, root), a)), graph.Neg(root)}
				throw := 1.7 * sign // backwards, a body that comes from below
				point := testkit.Point{v: ref.Of(v.Type(), throw), a: ref.Of(a.Type(), 9.81), h: ref.Of(h.Type(), height)}
				wrt := nodes{v, a, h}
				if height == 0 {
					wrt = wrt[:2]
				}
				close(t, string(method), compile.Config{}, point, 1e-9, secondOrder(t, true, nodes{at, y[1]}, wrt), secondOrder(t, true, want, wrt))
			}
		}
	}
}

// The event of e^sin t passing a level that depends on a parameter, at a tolerance; and each lane of a batch has its own time.
func TestEventOfTime(t *testing.T) {
	for _, method := range adaptive {
		g := graph.New()
		level := g.Input("level", graph.Float64)
		at, y := ode.SolveUntil(func(t *node, y []*node) []*node { return nodes{graph.Mul(y[0], graph.Cos(t))} },
			func(t *node, y []*node) *node { return graph.Sub(y[0], level) }, g.Const(0), g.Const(10), nodes{g.Const(1)}, ode.Options{Method: method, RTol: 1e-11, ATol: 1e-12, Limit: 300})
		want := graph.Asin(graph.Log(level))
		point := testkit.Point{level: ref.Of(level.Type(), 1.9)}
		close(t, string(method), compile.Config{}, point, 1e-8, secondOrder(t, false, nodes{at, y[0]}, nodes{level}), secondOrder(t, false, nodes{want, level}, nodes{level}))
		levels := graph.Constant(g, []float64{1.1, 2.5, 1.5}, 3)
		many, err := compile.Batch(nodes{at, y[0]}, nodes{level}, nodes{levels})
		if err != nil {
			t.Fatal(err)
		}
		close(t, "a batch by "+string(method), compile.Config{}, point, 1e-9, many, nodes{graph.Asin(graph.Log(levels)), levels})
	}
}

func TestEventFailures(t *testing.T) {
	decay := func(_ *node, y []*node) []*node { return nodes{graph.Neg(y[0])} }
	g := graph.New()
	x := g.Input("x", graph.Float64)
	for name, c := range map[string]struct {
		f     ode.System
		event func(t, y *node) *node
		end   float64
		want  string
	}{
		"never":           {decay, func(_, y *node) *node { return y }, 5, "does not happen before the end"},
		"always 0":        {decay, func(_, y *node) *node { return graph.Mul(y, graph.Like(y, 0)) }, 5, "does not happen before the end"},
		"a pole before":   {func(_ *node, y []*node) []*node { return nodes{graph.Square(y[0])} }, func(t, _ *node) *node { return graph.Sub(t, graph.Like(t, 3)) }, 5, "steps below the resolution"},
		"an event of NaN": {decay, func(_, y *node) *node { return graph.Log(graph.Neg(y)) }, 5, "does not happen before the end"},
		"an end of NaN":   {decay, func(_, y *node) *node { return graph.Sub(y, graph.Like(y, 0.5)) }, math.NaN(), "needs finite times"},
	} {
		at, y := ode.SolveUntil(c.f, func(t *node, y []*node) *node { return c.event(t, y[0]) }, g.Const(0), g.Const(c.end), nodes{x}, ode.Options{})
		for _, out := range []*node{at, y[0]} {
			_, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1)}, out)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "event_test.go:") {
				t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
			}
		}
	}
	zero := func(_ *node, y []*node) *node { return y[0] }
	mistakes := map[string]func(x, v *node) (*node, nodes){
		"needs a state":  func(x, _ *node) (*node, nodes) { return ode.SolveUntil(decay, zero, x, x, nil, ode.Options{}) },
		"needs an event": func(x, _ *node) (*node, nodes) { return ode.SolveUntil(decay, nil, x, x, nodes{x}, ode.Options{}) },
		"the event is nil": func(x, _ *node) (*node, nodes) {
			return ode.SolveUntil(decay, func(*node, []*node) *node { return nil }, x, x, nodes{x}, ode.Options{})
		},
		"the event is f64[2]": func(x, v *node) (*node, nodes) { return ode.SolveUntil(decay, zero, x, x, nodes{v}, ode.Options{}) },
		"the end is f64[2]":   func(x, v *node) (*node, nodes) { return ode.SolveUntil(decay, zero, x, v, nodes{x}, ode.Options{}) },
		"a method that chooses them": func(x, _ *node) (*node, nodes) {
			return ode.SolveUntil(decay, zero, x, x, nodes{x}, ode.Options{Steps: 5})
		},
	}
	for want, build := range mistakes {
		g := graph.New()
		at, y := build(g.Input("x", graph.Float64), g.Input("v", graph.Float64, 2))
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "event_test.go:") {
			t.Errorf("the error is %v, want one with %q and the line", err, want)
		}
		for _, n := range append(y, at) {
			if n.Valid() {
				t.Errorf("%s: a valid node", want)
			}
		}
	}
}
