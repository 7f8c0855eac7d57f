package ode_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/stiff"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// oscillator is x″ = −w²x from (1, 0) at 0: x = cos wt, by interpolation or not, forwards or backwards, at n times up to end.
func oscillator(method ode.Method, n int, end float64, o ode.Options) (g *graph.Graph, s ode.Solution, w, times *node, err error) {
	g = graph.New()
	w, times = g.Input("w", graph.Float64), g.Input("times", graph.Float64, n)
	o.Method = method
	if method == ode.Rodas4 {
		matrix := graph.Reshape(graph.Stack(0, g.Const(0), g.Const(1), graph.Neg(graph.Square(w)), g.Const(0)), 2, 2)
		s, err = stiff.Solve(func(_, y *node) *node { return graph.MatMul(matrix, y) }, g.Const(0), times, graph.Constant(g, []float64{1, 0}, 2), o)
		if err == nil {
			s.Y = nodes{graph.Reshape(graph.Slice(s.Y[0], graph.Range{Limit: graph.All}, graph.Range{Limit: 1}), n)}
		}
		return g, s, w, times, err
	}
	s = ode.Solve(func(_ *node, y []*node) []*node { return nodes{y[1], graph.Neg(graph.Mul(graph.Square(w), y[0]))} }, g.Const(0), times, nodes{g.Const(1), g.Const(0)}, o)
	return g, s, w, times, g.Err()
}

// States between steps: the error falls with the power of the step that the interpolant's order asks for, no step is cut, and derivatives by a parameter and by the times are those of the solution.
func TestInterpolation(t *testing.T) {
	for method, order := range map[ode.Method]float64{ode.DormandPrince5: 4, ode.Tsit5: 4, ode.Rodas4: 3, ode.DOP853: 7} {
		lengths := []float64{0.1, 0.05}
		if method == ode.DOP853 {
			lengths = []float64{0.5, 0.25}
		}
		for _, end := range []float64{3, -3} {
			const n = 57
			var errors [2]float64
			for k, step := range lengths {
				// Equal steps, by tolerances that allow for them.
				g, s, w, times, err := oscillator(method, n, end, ode.Options{Interpolate: true, RTol: 1, ATol: 1, FirstStep: step, MaxStep: step})
				if err != nil {
					t.Fatal(err)
				}
				weights := graph.Cos(graph.Iota(g, graph.Float64, 0, n))
				d, err := compile.Gradient(graph.Sum(graph.Mul(weights, s.Y[0])), w, times)
				if err != nil {
					t.Fatal(err)
				}
				dots, err := compile.JVP(nodes{graph.Sum(graph.Mul(weights, s.Y[0]))}, nodes{w, times}, nodes{g.Const(1), graph.Copy(weights)})
				if err != nil {
					t.Fatal(err)
				}
				p, err := compile.Compile(s.Y[0], d[0], d[1], dots[0], s.Accepted)
				if err != nil {
					t.Fatal(err)
				}
				m := vm.NewMachine(p)
				const w0 = 1.7
				m.Float64("w")[0] = w0
				at := m.Float64("times")
				for i := range at {
					at[i] = end * (float64(i) + 0.5*math.Sin(float64(i))*math.Sin(float64(i))) / (n - 1)
				}
				at[n-1] = end
				at[0] = 0
				out, err := m.Run()
				if err != nil {
					t.Fatal(err)
				}
				y, byTimes := out[0].Data().([]float64), out[2].Data().([]float64)
				byW, along := 0.0, 0.0
				for i, x := range at {
					weight := math.Cos(float64(i))
					errors[k] = max(errors[k], math.Abs(y[i]-math.Cos(w0*x)))
					byW -= weight * x * math.Sin(w0*x)
					if rate := -weight * w0 * math.Sin(w0*x); math.Abs(byTimes[i]-rate) > 300*math.Pow(step, order) {
						t.Errorf("%s: the derivative by time %d is %v, want %v", method, i, byTimes[i], rate)
					}
					along += weight * byTimes[i]
				}
				if got := out[1].Data().(float64); math.Abs(got-byW) > 100*math.Pow(step, order) {
					t.Errorf("%s: the derivative by the frequency is %v, want %v", method, got, byW)
				}
				if got, want := out[3].Data().(float64), out[1].Data().(float64)+along; math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
					t.Errorf("%s: forwards the derivative is %v, in reverse %v", method, got, want)
				}
				if steps, want := out[4].Data().(float64), math.Abs(end)/step; math.Abs(steps-want) > 2 {
					t.Errorf("%s: %v steps for %d times, want about %v", method, steps, n, want)
				}
			}
			// Errors of an interpolant of order p are of the order p+1 within a step, and of order p at least in all.
			if rate := math.Log2(errors[0] / errors[1]); rate < order-0.3 || rate > order+1.7 {
				t.Errorf("%s to %v: errors %v fall with the power %.2f, the order is %v", method, end, errors, rate, order)
			}
			t.Logf("%s to %v: errors %v", method, end, errors)
		}
	}
}

func TestInterpolationMistakes(t *testing.T) {
	g := graph.New()
	if s := ode.Solve(func(_ *node, y []*node) []*node { return y }, g.Const(0), g.Input("t", graph.Float64, 3), nodes{g.Const(1)}, ode.Options{Method: ode.DOP853, Interpolate: true, Steps: 4}); s.Y[0].Valid() || !strings.Contains(g.Err().Error(), "dop853 with 4 steps has no interpolant") {
		t.Errorf("the error is %v", g.Err())
	}
	for _, at := range [][]float64{{1, 3, 2}, {-1, 1, 2}} {
		_, s, _, _, err := oscillator(ode.Tsit5, 3, 0, ode.Options{Interpolate: true})
		if err != nil {
			t.Fatal(err)
		}
		p, err := compile.Compile(s.Y[0])
		if err != nil {
			t.Fatal(err)
		}
		m := vm.NewMachine(p)
		m.Float64("w")[0] = 1
		copy(m.Float64("times"), at)
		if _, err := m.Run(); err == nil || !strings.Contains(err.Error(), "times that go one way") || !strings.Contains(err.Error(), "dense_test.go:") {
			t.Errorf("%v: the error is %v", at, err)
		}
	}
}

// slopes are y and the gradient of its sum.
func slopes(t *testing.T, y *node, wrt nodes) nodes {
	t.Helper()
	d, err := compile.Gradient(graph.Sum(y), wrt...)
	if err != nil {
		t.Fatal(err)
	}
	return append(d, y)
}

// A solution as a function of time, looked up in any order and in a loop, with derivatives by the time, the frequency and the ends, forwards and backwards; none at all.
func TestInterpolant(t *testing.T) {
	for _, method := range adaptive {
		for _, end := range []float64{3, -3} {
			g := graph.New()
			w, from, to := g.Input("w", graph.Float64), g.Input("from", graph.Float64), g.Input("to", graph.Float64)
			f := func(_ *node, y []*node) []*node { return nodes{y[1], graph.Neg(graph.Mul(graph.Square(w), y[0]))} }
			y := ode.Interpolant(f, from, to, nodes{graph.Cos(graph.Mul(w, from)), graph.Neg(graph.Mul(w, graph.Sin(graph.Mul(w, from))))}, ode.Options{Method: method, RTol: 1e-9, ATol: 1e-9, Limit: 150})
			parts := graph.Constant(g, []float64{0.7, 0, 0.2, 1, 0.2}, 5)
			times := graph.Add(from, graph.Mul(graph.Sub(to, from), parts))
			_, ys := graph.Scan(5, nil, nodes{times}, func(_, x []*node) (next, out []*node) { return nil, y(x[0])[:1] })
			one := y(to)
			wrt := nodes{w, from, to}
			at := testkit.Point{w: ref.Of(w.Type(), 1.7), from: ref.Of(from.Type(), 0.25), to: ref.Of(to.Type(), end)}
			cos := func(x *node) *node { return graph.Cos(graph.Mul(w, x)) }
			close(t, string(method), compile.Config{}, at, 1e-4, secondOrder(t, true, nodes{ys[0], one[0]}, wrt), secondOrder(t, true, nodes{cos(times), cos(to)}, wrt))
			at[to] = at[from]
			close(t, string(method)+" at once", compile.Config{}, at, 1e-12, slopes(t, ys[0], wrt), slopes(t, cos(times), wrt))
		}
	}
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := ode.Interpolant(func(_ *node, y []*node) []*node { return nodes{graph.Square(y[0])} }, g.Const(0), g.Const(2), nodes{x}, ode.Options{})
	if _, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1)}, y(g.Const(0.5))...); err == nil || !strings.Contains(err.Error(), "steps below the resolution") || !strings.Contains(err.Error(), "dense_test.go:") {
		t.Errorf("the error is %v", err)
	}
	y = ode.Interpolant(func(_ *node, y []*node) []*node { return nodes{graph.Neg(y[0])} }, g.Const(0), g.Const(math.NaN()), nodes{x}, ode.Options{})
	if _, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1)}, y(g.Const(0.5))...); err == nil || !strings.Contains(err.Error(), "needs finite times") || !strings.Contains(err.Error(), "dense_test.go:") {
		t.Errorf("the error is %v", err)
	}
	if bad := ode.Interpolant(func(_ *node, y []*node) []*node { return y }, x, g.Input("v", graph.Float64, 2), nodes{x}, ode.Options{})(x); bad[0].Valid() || !strings.Contains(g.Err().Error(), "needs one time") {
		t.Errorf("the error is %v", g.Err())
	}
}

// Each lane of a batch has steps of its own, and the states between them that it has alone.
func TestInterpolationBatch(t *testing.T) {
	_, s, w, _, err := oscillator(ode.Tsit5, 5, 1, ode.Options{Interpolate: true, RTol: 1e-7, ATol: 1e-7})
	if err != nil {
		t.Fatal(err)
	}
	rates := []float64{0.3, 2, 25}
	batched, err := compile.Batch(nodes{s.Y[0], s.Accepted}, nodes{w}, nodes{graph.Constant(w.Graph(), rates, len(rates))})
	if err != nil {
		t.Fatal(err)
	}
	run := func(w float64, outputs ...*node) (y, steps []float64) {
		p, err := compile.Compile(outputs...)
		if err != nil {
			t.Fatal(err)
		}
		m := vm.NewMachine(p)
		copy(m.Float64("times"), []float64{0.1, 0.2, 0.2, 0.7, 1})
		if v := m.Float64("w"); v != nil {
			v[0] = w
		}
		out, err := m.Run()
		if err != nil {
			t.Fatal(err)
		}
		if y, ok := out[1].Data().(float64); ok {
			return out[0].Data().([]float64), []float64{y}
		}
		return out[0].Data().([]float64), out[1].Data().([]float64)
	}
	y, steps := run(0, batched...)
	for lane, w := range rates {
		alone, count := run(w, s.Y[0], s.Accepted)
		for i, v := range alone {
			if math.Abs(v-y[lane*5+i]) > 1e-12 || count[0] != steps[lane] {
				t.Errorf("lane %d, time %d: %v in %v steps, alone %v in %v", lane, i, y[lane*5+i], steps[lane], v, count[0])
			}
		}
	}
	if steps[0] == steps[2] {
		t.Errorf("all lanes take %v steps", steps)
	}
}
