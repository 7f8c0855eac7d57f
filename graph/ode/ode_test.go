package ode_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

var (
	adaptive   = []ode.Method{ode.DormandPrince5, ode.Tsit5, ode.DOP853}
	symplectic = []ode.Method{ode.SymplecticEuler, ode.Leapfrog, ode.ForestRuth}
)

func run(t *testing.T, at testkit.Point, outputs ...*node) []ref.Value {
	t.Helper()
	return runWith(t, compile.Config{}, at, outputs...)
}

func runWith(t *testing.T, c compile.Config, at testkit.Point, outputs ...*node) []ref.Value {
	t.Helper()
	values, err := testkit.CompileAndRun(c, at, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// Errors fall with the power of the step that the method's order says: of y′ = y·cos t and y′ = −2ty², whose solutions are e^sin t and 1/(1+t²), and of an oscillator with a force of period 2π.
func TestOrders(t *testing.T) {
	for _, c := range []struct {
		method ode.Method
		order  float64
		steps  int
	}{
		{ode.Euler, 1, 2000}, {ode.Midpoint, 2, 200}, {ode.Heun, 2, 200}, {ode.RK4, 4, 40}, {ode.DormandPrince5, 5, 56}, {ode.Tsit5, 5, 40}, {ode.DOP853, 8, 8},
		{ode.SymplecticEuler, 1, 4000}, {ode.Leapfrog, 2, 200}, {ode.ForestRuth, 4, 100},
	} {
		g := graph.New()
		var values, truths nodes
		const end = 3
		for _, factor := range []int{1, 2} {
			o := ode.Options{Method: c.method, Steps: c.steps * factor}
			if slices.Contains(symplectic, c.method) {
				// q″ = −q + 3·sin 2t has the solution 2·cos t + sin t − sin 2t with q(0) = 2, q′(0) = −1.
				q, p := ode.SolveSeparable(func(_ *node, p []*node) []*node { return p }, func(t *node, q []*node) []*node {
					return nodes{graph.Sub(graph.Mul(g.Const(3), graph.Sin(graph.Mul(g.Const(2), t))), q[0])}
				}, g.Const(0), g.Const(end), nodes{g.Const(2)}, nodes{g.Const(-1)}, o)
				values = append(values, q[0], p[0])
				truths = append(truths, g.Const(2*math.Cos(end)+math.Sin(end)-math.Sin(2*end)), g.Const(-2*math.Sin(end)+math.Cos(end)-2*math.Cos(2*end)))
				continue
			}
			list := []float64{1, 2, end}
			var e, w []float64
			for _, x := range list {
				e, w = append(e, math.Exp(math.Sin(x))), append(w, 1/(1+x*x))
			}
			s := ode.Solve(func(t *node, y []*node) []*node {
				return nodes{graph.Mul(y[0], graph.Cos(t)), graph.Mul(graph.Mul(g.Const(-2), t), graph.Square(y[1]))}
			}, g.Const(0), graph.Constant(g, list, 3), nodes{g.Const(1), g.Const(1)}, o)
			values, truths = append(values, s.Y...), append(truths, graph.Constant(g, e, 3), graph.Constant(g, w, 3))
		}
		var errs nodes
		for i := range values {
			errs = append(errs, graph.Sum(graph.Abs(graph.Sub(values[i], truths[i]))))
		}
		e := run(t, nil, errs...)
		half := len(e) / 2
		coarse, fine := 0.0, 0.0
		for i := range half {
			coarse, fine = coarse+e[i].F[0], fine+e[half+i].F[0]
		}
		slope := math.Log2(coarse / fine)
		t.Logf("%-16s %6d steps: errors %.2e, %.2e: order %.3f", c.method, c.steps, coarse, fine, slope)
		if math.Abs(slope-c.order) > 0.1 {
			t.Errorf("%s: errors %v and %v with half the step: order %v instead of %v", c.method, coarse, fine, slope, c.order)
		}
	}
}

// secondOrder are values and their derivatives by wrt in all nestings of two modes, the last one in reverse twice.
func secondOrder(t *testing.T, twice bool, y, wrt nodes) nodes {
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
		dots = append(dots, graph.Cos(w))
	}
	d, err := compile.Gradient(cost, wrt...)
	check(err)
	jvp, err := compile.JVP(nodes{cost}, wrt, dots)
	check(err)
	a, err := compile.JVP(d, wrt, dots)
	check(err)
	b, err := compile.Gradient(jvp[0], wrt...)
	check(err)
	c, err := compile.JVP(jvp, wrt, dots)
	check(err)
	out := slices.Concat(y, d, jvp, a, b, c)
	if twice {
		along := g.Const(0)
		for i := range d {
			along = graph.Add(along, graph.Sum(graph.Mul(d[i], graph.StopGradient(dots[i]))))
		}
		e, err := compile.Gradient(along, wrt...)
		check(err)
		out = append(out, e...)
	}
	return out
}

func close(t *testing.T, what string, c compile.Config, at testkit.Point, tol float64, got, want nodes) {
	t.Helper()
	values := runWith(t, c, at, slices.Concat(got, want)...)
	for i := range got {
		if err := testkit.CloseTo(values[i], values[len(got)+i], tol, tol); err != nil {
			t.Errorf("%s: value %d of %d: %v", what, i, len(got), err)
		}
	}
}

// Solutions with closed forms, in which parameters, initial values and times are unknowns: logistic growth and a damped oscillator, at several times.
func TestClosedForms(t *testing.T) {
	build := func(o ode.Options) (got, want, wrt nodes, at testkit.Point) {
		g := graph.New()
		r, k, start, t0, times := g.Input("r", graph.Float64), g.Input("k", graph.Float64), g.Input("start", graph.Float64), g.Input("t0", graph.Float64), g.Input("times", graph.Float64, 3)
		rate := g.Input("rate", graph.Float64)
		f := func(_ *node, y []*node) []*node {
			return nodes{graph.Mul(graph.Mul(r, y[0]), graph.Sub(g.Const(1), graph.Div(y[0], k))),
				graph.Mul(rate, graph.Stack(0, graph.Index(y[1], 1), graph.Neg(graph.Index(y[1], 0))))}
		}
		s := ode.Solve(f, t0, times, nodes{start, graph.Stack(0, start, k)}, o)
		passed := graph.Sub(times, t0)
		logistic := graph.Div(k, graph.Add(g.Const(1), graph.Mul(graph.Sub(graph.Div(k, start), g.Const(1)), graph.Exp(graph.Neg(graph.Mul(r, passed))))))
		angle := graph.Mul(rate, passed)
		sin, cos := graph.Sin(angle), graph.Cos(angle)
		wave := graph.Stack(1, graph.Add(graph.Mul(start, cos), graph.Mul(k, sin)), graph.Sub(graph.Mul(k, cos), graph.Mul(start, sin)))
		return s.Y, nodes{logistic, wave}, nodes{r, k, start, t0, times, rate}, testkit.Point{r: ref.Of(r.Type(), 0.8), k: ref.Of(k.Type(), 3), start: ref.Of(start.Type(), 0.4),
			t0: ref.Of(t0.Type(), 0.5), times: ref.Of(times.Type(), 1, 2.5, 2), rate: ref.Of(rate.Type(), 1.3)}
	}
	for _, method := range adaptive {
		got, want, wrt, at := build(ode.Options{Method: method, RTol: 1e-11, ATol: 1e-12, Limit: 150})
		close(t, string(method), compile.Config{}, at, 2e-8, secondOrder(t, true, got, wrt), secondOrder(t, true, want, wrt))
		at[wrt[4]] = ref.Of(wrt[4].Type(), 0.5, 2.5, 2.5)
		close(t, string(method)+", times repeat", compile.Config{}, at, 2e-8, secondOrder(t, true, got, wrt), secondOrder(t, true, want, wrt))
		// Without memory for the limit.
		got, want, wrt, at = build(ode.Options{Method: method, RTol: 1e-11, ATol: 1e-12, Limit: 1 << 20})
		close(t, string(method)+" with checkpoints", compile.Config{Checkpoints: compile.Checkpoints{States: 5}}, at, 2e-8, secondOrder(t, false, got, wrt), secondOrder(t, false, want, wrt))
	}
	got, want, wrt, at := build(ode.Options{Method: ode.RK4, Steps: 400})
	close(t, "rk4", compile.Config{}, at, 1e-8, secondOrder(t, true, got, wrt), secondOrder(t, true, want, wrt))
}

// What is not an interval forwards: no time at all, backwards, there and back; and one time without an axis.
func TestTimes(t *testing.T) {
	for _, o := range []ode.Options{{RTol: 1e-11, ATol: 1e-12}, {Method: ode.Tsit5, RTol: 1e-11, ATol: 1e-12}, {Method: ode.DOP853, RTol: 1e-11, ATol: 1e-12}, {Method: ode.RK4, Steps: 500},
		{RTol: 1e-11, ATol: 1e-12, MaxStep: 0.01}, {RTol: 1e-11, ATol: 1e-12, FirstStep: 100}} {
		g := graph.New()
		f := func(t *node, y []*node) []*node { return nodes{graph.Mul(y[0], graph.Cos(t))} } // e^sin t
		list := []float64{0, 0, -2, -2, 1, 0.5, -3}
		var truth []float64
		for _, x := range list {
			truth = append(truth, math.Exp(math.Sin(x)))
		}
		s := ode.Solve(f, g.Const(0), graph.Constant(g, list, len(list)), nodes{g.Const(1)}, o)
		close(t, fmt.Sprint(o), compile.Config{}, nil, 1e-9, s.Y, nodes{graph.Constant(g, truth, len(list))})
		for _, x := range []float64{0, -1, 2} {
			s := ode.Solve(f, g.Const(0), g.Const(x), nodes{g.Const(1)}, o)
			close(t, fmt.Sprint(o, x), compile.Config{}, nil, 1e-9, s.Y, nodes{g.Const(math.Exp(math.Sin(x)))})
		}
	}
}

// Errors follow tolerances, and steps are what the method needs: orbits of eccentricity 0.6 over a period, whose solution is periodic; in float32 too.
// No times are a solution without elements, and have derivatives, however the method steps.
func TestNoTimes(t *testing.T) {
	options := []ode.Options{{Method: ode.RK4, Steps: 3}}
	for _, method := range adaptive {
		options = append(options, ode.Options{Method: method}, ode.Options{Method: method, Interpolate: true})
	}
	for _, o := range options {
		g := graph.New()
		y0, times := g.Input("y0", graph.Float64, 2), g.Input("times", graph.Float64, 0)
		s := ode.Solve(func(_ *node, y []*node) []*node { return nodes{graph.Neg(y[0])} }, g.Const(0), times, nodes{y0}, o)
		d, err := compile.Gradient(graph.Sum(s.Y[0]), y0)
		if err != nil {
			t.Fatalf("%s: %v", o.Method, err)
		}
		out, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{y0: ref.Of(y0.Type(), 1, 2), times: ref.New(times.Type())}, s.Y[0], d[0])
		if err != nil {
			t.Fatalf("%s: %v", o.Method, err)
		}
		if !out[0].Type.Shape.Equal(graph.Shape{0, 2}) || out[1].F[0] != 0 || out[1].F[1] != 0 {
			t.Errorf("%s, interpolated %v: a solution of %v, gradient %v", o.Method, o.Interpolate, out[0].Type, out[1].F)
		}
	}
}

func TestTolerances(t *testing.T) {
	for _, method := range adaptive {
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			for _, rtol := range []float64{1e-3, 1e-5, 1e-7, 1e-10} {
				if d == graph.Float32 && rtol < 1e-5 {
					continue
				}
				g := graph.New()
				one := func(v float64) *node { return g.Scalar(d, v) }
				start := nodes{one(0.4), one(0), one(0), one(2)} // perihelion, with a half axis of 1 and a period of 2π
				s := ode.Solve(func(_ *node, y []*node) []*node {
					r := graph.Hypot(y[0], y[1])
					cube := graph.Mul(r, graph.Square(r))
					return nodes{y[2], y[3], graph.Neg(graph.Div(y[0], cube)), graph.Neg(graph.Div(y[1], cube))}
				}, one(0), one(2*math.Pi), start, ode.Options{Method: method, RTol: rtol, ATol: rtol})
				out := run(t, nil, append(slices.Clone(s.Y), s.Accepted, s.Rejected)...)
				worst := 0.0
				for i, want := range []float64{0.4, 0, 0, 2} {
					worst = max(worst, math.Abs(out[i].F[0]-want))
				}
				steps := out[4].F[0] + out[5].F[0]
				t.Logf("%-16s %v rtol %.0e: error %.1e, %v + %v steps", method, d, rtol, worst, out[4].F[0], out[5].F[0])
				if !(worst < 600*rtol) || steps > 200*math.Pow(1e-5/rtol, 0.2)+60 || steps < 8 {
					t.Errorf("%s, %v, rtol %v: error %v with %v steps", method, d, rtol, worst, steps)
				}
			}
		}
	}
}

// Solutions within loops, of right-hand sides that contain loops and branches: y′ = ry in stretches of 1/2, r as a sum by a scan, with a branch that is never taken.
func TestNested(t *testing.T) {
	for _, o := range []ode.Options{{RTol: 1e-11, ATol: 1e-11, Limit: 60}, {Method: ode.DOP853, RTol: 1e-11, ATol: 1e-11, Limit: 60}, {Method: ode.RK4, Steps: 50}} {
		g := graph.New()
		r, y0 := g.Input("r", graph.Float64, 3), g.Input("y", graph.Float64)
		f := func(t *node, y []*node) []*node {
			rate, _ := graph.Scan(3, nodes{graph.Mul(t, g.Const(0))}, nodes{r}, func(c, x []*node) (next, ys []*node) { return nodes{graph.Add(c[0], x[0])}, nil })
			return graph.Cond(graph.Less(y[0], g.Const(1e6)), nodes{y[0]}, func(a []*node) []*node { return nodes{graph.Mul(rate[0], a[0])} }, func(a []*node) []*node { return nodes{graph.Sqrt(graph.Neg(a[0]))} })
		}
		final, ys := graph.Scan(4, nodes{y0, g.Const(0)}, nil, func(c, _ []*node) (next, ys []*node) {
			end := graph.Add(c[1], g.Const(0.5))
			s := ode.Solve(f, c[1], end, c[:1], o)
			return nodes{s.Y[0], end}, s.Y
		})
		sum := graph.Sum(r)
		at := graph.Constant(g, []float64{0.5, 1, 1.5, 2}, 4)
		want := nodes{graph.Mul(y0, graph.Exp(graph.Mul(g.Const(2), sum))), graph.Mul(y0, graph.Exp(graph.Mul(sum, at)))}
		wrt := nodes{r, y0}
		point := testkit.Point{r: ref.Of(r.Type(), 0.1, 0.5, -0.2), y0: ref.Of(y0.Type(), 0.7)}
		close(t, fmt.Sprint(o.Method), compile.Config{}, point, 1e-8, secondOrder(t, true, nodes{final[0], ys[0]}, wrt), secondOrder(t, true, want, wrt))
	}
}

// Where nothing happens, steps grow at once.
func TestRest(t *testing.T) {
	for _, method := range adaptive {
		g := graph.New()
		y0 := g.Input("y", graph.Float64, 3)
		s := ode.Solve(func(_ *node, y []*node) []*node { return nodes{graph.Mul(y[0], g.Const(0))} }, g.Const(0), g.Const(1e9), nodes{y0}, ode.Options{Method: method})
		d, err := compile.Gradient(graph.Sum(graph.Square(s.Y[0])), y0)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []float64{0, 2} {
			out := run(t, testkit.Point{y0: ref.Of(y0.Type(), v, v, v)}, s.Y[0], d[0], s.Accepted, s.Rejected)
			if !slices.Equal(out[0].F, []float64{v, v, v}) || !slices.Equal(out[1].F, []float64{2 * v, 2 * v, 2 * v}) || out[2].F[0] > 25 || out[3].F[0] > 0 {
				t.Errorf("%s from %v: %v, gradient %v, %v + %v steps", method, v, out[0].F, out[1].F, out[2].F, out[3].F)
			}
		}
	}
}

// The bits of solutions and gradients depend on no executor, number of threads or checkpoints.
func TestSameBits(t *testing.T) {
	for _, build := range []func(o ode.Options) fit{lotkaVolterra, lorenz96} {
		for _, method := range adaptive {
			f := build(ode.Options{Method: method, RTol: 1e-6, ATol: 1e-6, Limit: 50})
			d, err := compile.Gradient(f.cost, f.wrt...)
			if err != nil {
				t.Fatal(err)
			}
			var want []uint64
			for _, c := range []compile.Config{{}, {Checkpoints: compile.Checkpoints{States: 2}}, {Checkpoints: compile.Checkpoints{States: 7}}} {
				p, err := c.Compile(append(nodes{f.cost, f.solution.Accepted}, d...)...)
				if err != nil {
					t.Fatal(err)
				}
				for _, opts := range [][]vm.Option{{vm.WithNativeAhead()}, {vm.WithoutNative(), vm.WithThreads(1)}, {vm.WithThreads(3)}} {
					m := vm.NewMachine(p, opts...)
					for i, x := range f.wrt {
						copy(m.Float64(x.Name()), f.values[i])
					}
					out, err := m.Run()
					if err != nil {
						t.Fatal(err)
					}
					var bits []uint64
					for _, v := range out {
						list, ok := v.Data().([]float64)
						if !ok {
							list = []float64{v.Data().(float64)}
						}
						for _, x := range list {
							bits = append(bits, math.Float64bits(x))
						}
					}
					if want == nil {
						want = bits
					}
					if len(bits) < 8 || !slices.Equal(bits, want) {
						t.Errorf("%s, %+v: other bits", method, c.Checkpoints)
					}
				}
			}
		}
	}
}

// Each lane of a batch has steps of its own: as many as alone, with the same solution and gradient.
func TestBatch(t *testing.T) {
	for _, method := range adaptive {
		g := graph.New()
		rate := g.Input("rate", graph.Float64)
		times := graph.Constant(g, []float64{0.5, 1.5, 4}, 3)
		s := ode.Solve(func(t *node, y []*node) []*node {
			return nodes{graph.Mul(rate, graph.Mul(y[1], graph.Cos(t))), graph.Neg(graph.Mul(rate, y[0]))}
		}, g.Const(0), times, nodes{g.Const(1), rate}, ode.Options{Method: method, Limit: 300})
		d, err := compile.Gradient(graph.Add(graph.Sum(s.Y[0]), graph.Sum(graph.Square(s.Y[1]))), rate)
		if err != nil {
			t.Fatal(err)
		}
		outputs := append(slices.Clone(s.Y), s.Accepted, s.Rejected, d[0])
		rates := []float64{0.1, 3, 20, 1, 7}
		batched, err := compile.Batch(outputs, nodes{rate}, nodes{graph.Constant(g, rates, len(rates))})
		if err != nil {
			t.Fatal(err)
		}
		many := run(t, testkit.Point{rate: ref.Of(rate.Type(), 0)}, batched...)
		counts := map[float64]bool{}
		for lane, r := range rates {
			alone := run(t, testkit.Point{rate: ref.Of(rate.Type(), r)}, outputs...)
			counts[alone[2].F[0]] = true
			for i := range alone {
				size := len(alone[i].F)
				for k, want := range alone[i].F {
					if got := many[i].F[lane*size+k]; math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
						t.Errorf("%s, rate %v: output %d, element %d is %v in the batch and %v alone", method, r, i, k, got, want)
					}
				}
			}
		}
		if len(counts) < 4 {
			t.Errorf("%s: the lanes take %v steps, and should take different numbers", method, counts)
		}
	}
}

// The Jacobian M of a symplectic step has MᵀΩM = Ω, and energies of an orbit of eccentricity 0.6 stay within bounds over 300 periods where those of RK4 drift.
func TestSymplectic(t *testing.T) {
	for _, c := range []struct {
		method ode.Method
		bound  float64
	}{{ode.SymplecticEuler, 0.2}, {ode.Leapfrog, 0.02}, {ode.ForestRuth, 2e-3}} {
		g := graph.New()
		z0 := g.Input("z", graph.Float64, 4)
		part := func(x *node, from int) *node { return graph.Slice(x, graph.Range{Start: from, Limit: from + 2}) }
		force := func(_ *node, q []*node) []*node {
			r := graph.ReduceL2(q[0], nil)
			return nodes{graph.Neg(graph.Div(q[0], graph.Mul(r, graph.Square(r))))}
		}
		velocity := func(_ *node, p []*node) []*node { return p }
		at := testkit.Point{z0: ref.Of(z0.Type(), 0.4, 0, 0, 2)}
		q, p := ode.SolveSeparable(velocity, force, g.Const(0), g.Const(1.5), nodes{part(z0, 0)}, nodes{part(z0, 2)}, ode.Options{Method: c.method, Steps: 20})
		jacobian, err := compile.Jacobian(graph.Concat(0, q[0], p[0]), z0)
		if err != nil {
			t.Fatal(err)
		}
		omega := graph.Constant(g, []float64{0, 0, 1, 0, 0, 0, 0, 1, -1, 0, 0, 0, 0, -1, 0, 0}, 4, 4)
		close(t, string(c.method), compile.Config{}, at, 1e-11, nodes{graph.MatMul(graph.MatMul(graph.Transpose(jacobian), omega), jacobian)}, nodes{omega})

		const periods, steps = 300, 400
		times := make([]float64, periods*4)
		for k := range times {
			times[k] = 2 * math.Pi * float64(k+1) / 4
		}
		q, p = ode.SolveSeparable(velocity, force, g.Const(0), graph.Constant(g, times, len(times)), nodes{part(z0, 0)}, nodes{part(z0, 2)}, ode.Options{Method: c.method, Steps: steps / 4})
		energy := func(q, p *node) *node {
			return graph.Sub(graph.Mul(g.Const(0.5), graph.ReduceSum(graph.Square(p), []int{1})), graph.Reciprocal(graph.ReduceL2(q, []int{1})))
		}
		e := run(t, at, energy(q[0], p[0]))[0].F // −½ at the start
		worst := func(e []float64) (w float64) {
			for _, v := range e {
				w = max(w, math.Abs(v+0.5))
			}
			return w
		}
		early, late := worst(e[:len(e)/10]), worst(e[len(e)*9/10:])
		t.Logf("%s: energy errors %.2e early, %.2e late", c.method, early, late)
		if late > c.bound || late > 1.5*early {
			t.Errorf("%s: the energy is off by %v in the first tenth and %v in the last one", c.method, early, late)
		}
	}
}

// Runs fail with what is wrong, the user's line, the time and the number of steps.
func TestFailures(t *testing.T) {
	one := func(f func(t, y *node) *node) ode.System {
		return func(t *node, y []*node) []*node { return nodes{f(t, y[0])} }
	}
	for name, c := range map[string]struct {
		f     ode.System
		start float64
		end   float64
		limit int
		want  []string
	}{
		"stiff": {one(func(t, y *node) *node { // Prothero & Robinson
			return graph.Sub(graph.Mul(graph.Like(y, -1e6), graph.Sub(y, graph.Cos(t))), graph.Sin(t))
		}), 1, 10, 1000, []string{"does not get to the next time in 1000 steps", "stiff", "t, steps: 0.00", ", 1000"}},
		"pole":                        {one(func(_, y *node) *node { return graph.Square(y) }), 1, 2, 0, []string{"steps below the resolution", "beyond t", ": 1, "}},
		"NaN from a time on":          {one(func(t, y *node) *node { return graph.Sqrt(graph.Sub(graph.Like(t, 0.5), t)) }), 1, 2, 0, []string{"steps below the resolution", ": 0.5, "}},
		"NaN at once":                 {one(func(_, y *node) *node { return graph.Log(y) }), -1, 2, 0, []string{"starts where the derivatives are not finite", ": 0, 0"}},
		"infinite at once":            {one(func(_, y *node) *node { return graph.Reciprocal(y) }), 0, 2, 0, []string{"starts where the derivatives are not finite"}},
		"NaN as initial value":        {one(func(_, y *node) *node { return graph.Neg(y) }), math.NaN(), 2, 0, []string{"starts where the derivatives are not finite"}},
		"time that is NaN":            {one(func(_, y *node) *node { return graph.Neg(y) }), 1, math.NaN(), 0, []string{"needs finite times", ": 0, 0"}},
		"time that is infinite":       {one(func(_, y *node) *node { return graph.Neg(y) }), 1, math.Inf(1), 0, []string{"needs finite times", ": 0, 0"}},
		"backwards to the other pole": {one(func(_, y *node) *node { return graph.Neg(graph.Square(y)) }), 1, -2, 0, []string{"steps below the resolution", ": -1, "}},
	} {
		for _, method := range adaptive {
			for _, vector := range []bool{false, true} {
				g := graph.New()
				start := g.Input("start", graph.Float64)
				times := g.Const(c.end)
				if vector {
					times = graph.Constant(g, []float64{c.end / 1e3, c.end, c.end * 2}, 3)
				}
				s := ode.Solve(c.f, g.Const(0), times, nodes{start}, ode.Options{Method: method, Limit: c.limit})
				d, err := compile.Gradient(graph.Sum(s.Y[0]), start)
				if err != nil {
					t.Fatal(err)
				}
				_, err = testkit.CompileAndRun(compile.Config{}, testkit.Point{start: ref.Of(start.Type(), c.start)}, s.Y[0], d[0])
				for _, w := range append(c.want, "ode_test.go:", string(method)) {
					if err == nil || !strings.Contains(err.Error(), w) {
						t.Errorf("%s, %s, vector %v: the error is %v, want one with %q", name, method, vector, err, w)
					}
				}
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	decay := func(_ *node, y []*node) []*node { return nodes{graph.Neg(y[0])} }
	for name, c := range map[string]struct {
		build func(g *graph.Graph, x, v *node) nodes
		want  string
	}{
		"no state": {func(g *graph.Graph, x, v *node) nodes {
			return nodes{ode.Solve(decay, x, x, nil, ode.Options{}).Accepted}
		}, "needs a state"},
		"no function": {func(g *graph.Graph, x, v *node) nodes { return ode.Solve(nil, x, x, nodes{x}, ode.Options{}).Y }, "needs a function"},
		"method": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{x}, ode.Options{Method: "rk5"}).Y
		}, `no method "rk5"`},
		"no error to go by": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{x}, ode.Options{Method: ode.RK4}).Y
		}, "rk4 has no error estimate"},
		"symplectic": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{x}, ode.Options{Method: ode.Leapfrog, Steps: 3}).Y
		}, `no method "leapfrog" for any system`},
		"steps": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{x}, ode.Options{Steps: -1}).Y
		}, "-1 steps"},
		"tolerance": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{x}, ode.Options{RTol: math.NaN()}).Y
		}, "tolerances of NaN"},
		"first time": {func(g *graph.Graph, x, v *node) nodes { return ode.Solve(decay, v, x, nodes{x}, ode.Options{}).Y }, "the first time is f64[2]"},
		"times": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, graph.Stack(0, v, v), nodes{x}, ode.Options{}).Y
		}, "the times are f64[2×2]"},
		"dtype": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{x, g.Scalar(graph.Float32, 1)}, ode.Options{}).Y
		}, "state 1 is f32 and state 0 f64"},
		"integers": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{g.Scalar(graph.Int64, 1)}, ode.Options{}).Y
		}, "the state is i64: needs floats"},
		"count": {func(g *graph.Graph, x, v *node) nodes { return ode.Solve(decay, x, x, nodes{x, v}, ode.Options{}).Y }, "1 derivatives of 2 states"},
		"shape": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(func(_ *node, y []*node) []*node { return nodes{graph.Sum(y[0])} }, x, x, nodes{v}, ode.Options{Steps: 3}).Y
		}, "derivative 0 is f64 and the state f64[2]"},
		"nil derivative": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(func(_ *node, y []*node) []*node { return nodes{nil} }, x, x, nodes{v}, ode.Options{}).Y
		}, "derivative 0 is nil"},
		"nil state": {func(g *graph.Graph, x, v *node) nodes { return ode.Solve(decay, x, x, nodes{nil}, ode.Options{}).Y }, "nil"},
		"inner mistake": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(func(_ *node, y []*node) []*node { return nodes{graph.MatMul(y[0], y[0])} }, x, x, nodes{x}, ode.Options{}).Y
		}, "matmul"},
		"no Jacobian": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{v}, ode.Options{Method: ode.Rodas4}).Y
		}, "rodas4 needs one state, a vector, or scalars, and the Jacobian"},
		"Jacobian": {func(g *graph.Graph, x, v *node) nodes {
			return ode.Solve(decay, x, x, nodes{v}, ode.Options{Method: ode.Rodas4, Jacobian: func(_, y *node) (*node, *node) { return y, y }}).Y
		}, "the Jacobian gives f64[2] and f64[2] for a state f64[2]"},
		"momenta": {func(g *graph.Graph, x, v *node) nodes {
			q, _ := ode.SolveSeparable(decay, decay, x, x, nodes{x}, nil, ode.Options{Steps: 1})
			return q
		}, "1 positions and 0 momenta"},
		"momenta of other types": {func(g *graph.Graph, x, v *node) nodes {
			q, _ := ode.SolveSeparable(decay, decay, x, x, nodes{x}, nodes{v}, ode.Options{Steps: 1})
			return q
		}, "position 0 is f64 and momentum f64[2]"},
		"separable without steps": {func(g *graph.Graph, x, v *node) nodes {
			q, _ := ode.SolveSeparable(decay, decay, x, x, nodes{x}, nodes{x}, ode.Options{})
			return q
		}, "needs a number of steps"},
	} {
		g := graph.New()
		x, v := g.Input("x", graph.Float64), g.Input("v", graph.Float64, 2)
		y := c.build(g, x, v)
		err := g.Err()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "ode_test.go:") {
			t.Errorf("%s: the error is %v, want one with %q and the line", name, err, c.want)
		}
		for _, n := range y {
			if n.Valid() {
				t.Errorf("%s: a valid node", name)
			}
		}
	}
}
