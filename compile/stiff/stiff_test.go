package stiff_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
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

type (
	node  = graph.Node
	nodes = []*graph.Node
)

func run(t *testing.T, at testkit.Point, outputs ...*node) []ref.Value {
	t.Helper()
	values, err := testkit.CompileAndRun(compile.Config{}, at, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func robertson(k *node) func(t, y *node) *node {
	return func(_, y *node) *node {
		a, b, c := graph.Index(y, 0), graph.Index(y, 1), graph.Index(y, 2)
		first := graph.Mul(graph.Index(k, 0), a)
		second, third := graph.Mul(graph.Index(k, 1), graph.Square(b)), graph.Mul(graph.Index(k, 2), graph.Mul(b, c))
		return graph.Stack(0, graph.Sub(third, first), graph.Sub(graph.Sub(first, third), second), second)
	}
}

// Robertson's chemical reactions to t = 1e11, with the solution of the Test Set for IVP Solvers (Mazzia & Magherini, release 2.4), and mass conservation.
func TestRobertson(t *testing.T) {
	g := graph.New()
	k := g.Input("k", graph.Float64, 3)
	times := graph.Constant(g, []float64{0.4, 1e4, 1e11}, 3)
	s, err := stiff.Solve(robertson(k), g.Const(0), times, graph.Constant(g, []float64{1, 0, 0}, 3), ode.Options{RTol: 1e-8, ATol: 1e-14, Limit: 2000})
	if err != nil {
		t.Fatal(err)
	}
	at := testkit.Point{k: ref.Of(k.Type(), 0.04, 3e7, 1e4)}
	out := run(t, at, s.Y[0], s.Accepted, s.Rejected)
	t.Logf("%v + %v steps", out[1].F, out[2].F)
	y := out[0].F
	for i, want := range []float64{0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050} {
		if math.Abs(y[6+i]/want-1) > 1e-5 {
			t.Errorf("component %d is %v at 1e11, want %v", i, y[6+i], want)
		}
	}
	for k := range 3 {
		if math.Abs(y[3*k]+y[3*k+1]+y[3*k+2]-1) > 1e-10 {
			t.Errorf("the mass is %v", y[3*k]+y[3*k+1]+y[3*k+2])
		}
	}
	if out[1].F[0] > 1900 {
		t.Errorf("%v steps", out[1].F)
	}
}

// y′ = −λ(y − cos ωt) − ω·sin ωt has the solution cos ωt from 1 on, for λ = 1e6 too, and u′ = −y·u in its company: derivatives to second order by what the solution depends on.
func TestClosedForm(t *testing.T) {
	g := graph.New()
	omega, u0, end := g.Input("omega", graph.Float64), g.Input("u0", graph.Float64), g.Input("end", graph.Float64)
	wrt := nodes{omega, u0, end}
	s, err := stiff.Solve(func(t, y *node) *node {
		a, u := graph.Index(y, 0), graph.Index(y, 1)
		angle := graph.Mul(omega, t)
		fast := graph.Sub(graph.Mul(g.Const(-1e6), graph.Sub(a, graph.Cos(angle))), graph.Mul(omega, graph.Sin(angle)))
		return graph.Stack(0, fast, graph.Neg(graph.Mul(a, u)))
	}, g.Const(0), end, graph.Stack(0, g.Const(1), u0), ode.Options{RTol: 1e-10, ATol: 1e-10, Limit: 3000})
	if err != nil {
		t.Fatal(err)
	}
	angle := graph.Mul(omega, end)
	truth := graph.Stack(0, graph.Cos(angle), graph.Mul(u0, graph.Exp(graph.Neg(graph.Div(graph.Sin(angle), omega)))))
	all := func(y *node) nodes {
		d, err := compile.Gradient(graph.Add(graph.Sum(graph.Square(y)), graph.Index(y, 1)), wrt...)
		if err != nil {
			t.Fatal(err)
		}
		dd, err := compile.JVP(d, wrt, nodes{g.Const(1), g.Const(-0.5), g.Const(0.7)})
		if err != nil {
			t.Fatal(err)
		}
		return append(append(nodes{y}, d...), dd...)
	}
	got, want := all(s.Y[0]), all(truth)
	out := run(t, testkit.Point{omega: ref.Of(omega.Type(), 1.3), u0: ref.Of(u0.Type(), 0.8), end: ref.Of(end.Type(), 2.5)}, append(append(got, want...), s.Accepted)...)
	t.Logf("%v steps", out[len(out)-1].F)
	for i := range got {
		if err := testkit.CloseTo(out[i], out[len(got)+i], 2e-6, 2e-6); err != nil {
			t.Errorf("value %d: %v", i, err)
		}
	}
}

// Derivatives by times that repeat, and the first time among them: of e^(sin t − sin t0).
func TestRepeatedTimes(t *testing.T) {
	g := graph.New()
	t0, times := g.Input("t0", graph.Float64), g.Input("times", graph.Float64, 3)
	wrt := nodes{t0, times}
	s, err := stiff.Solve(func(t, y *node) *node { return graph.Mul(y, graph.Cos(t)) }, t0, times, graph.Constant(g, []float64{1, 1}, 2), ode.Options{RTol: 1e-8, ATol: 1e-8})
	if err != nil {
		t.Fatal(err)
	}
	all := func(y *node) nodes {
		d, err := compile.Gradient(graph.Sum(graph.Square(y)), wrt...)
		if err != nil {
			t.Fatal(err)
		}
		dd, err := compile.JVP(d, wrt, nodes{g.Const(1), graph.Constant(g, []float64{-0.5, 0.7, 2}, 3)})
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(nodes{y}, d, dd)
	}
	truth := graph.ExpandDims(graph.Exp(graph.Sub(graph.Sin(times), graph.Sin(t0))), 1)
	got, want := all(s.Y[0]), all(graph.BroadcastTo(truth, 3, 2))
	out := run(t, testkit.Point{t0: ref.Of(t0.Type(), 0.5), times: ref.Of(times.Type(), 0.5, 1.5, 1.5)}, append(got, want...)...)
	for i := range got {
		if err := testkit.CloseTo(out[i], out[len(got)+i], 1e-5, 1e-5); err != nil {
			t.Errorf("value %d: %v", i, err)
		}
	}
}

// Errors of equal steps fall with the fourth power, of a system that depends on the time and of one that does not.
func TestOrder(t *testing.T) {
	for name, f := range map[string]func(g *graph.Graph, t, y *node) *node{
		"e^sin t": func(_ *graph.Graph, t, y *node) *node { return graph.Mul(y, graph.Cos(t)) },
		"1/(1+t)": func(_ *graph.Graph, _, y *node) *node { return graph.Neg(graph.Square(y)) },
	} {
		const end = 2.0
		truth := map[string]float64{"e^sin t": math.Exp(math.Sin(end)), "1/(1+t)": 1 / (1 + end)}[name]
		var errs [2]float64
		for k := range errs {
			g := graph.New()
			s, err := stiff.Solve(func(t, y *node) *node { return f(g, t, y) }, g.Const(0), g.Const(end), graph.Constant(g, []float64{1}, 1), ode.Options{Steps: 160 << k})
			if err != nil {
				t.Fatal(err)
			}
			errs[k] = math.Abs(run(t, nil, s.Y[0])[0].F[0] - truth)
		}
		if slope := math.Log2(errs[0] / errs[1]); math.Abs(slope-4) > 0.1 {
			t.Errorf("%s: errors %v: order %v", name, errs, slope)
		}
	}
}

// The gradient of |y|² at t = 1e4 by the rates, against CVODES with its adjoint by CasADi at rtol 1e-9.
func TestRobertsonGradient(t *testing.T) {
	g := graph.New()
	k := g.Input("k", graph.Float64, 3)
	s, err := stiff.Solve(robertson(k), g.Const(0), g.Const(1e4), graph.Constant(g, []float64{1, 0, 0}, 3), ode.Options{RTol: 1e-6, ATol: 1e-10})
	if err != nil {
		t.Fatal(err)
	}
	cost := graph.Sum(graph.Square(s.Y[0]))
	d, err := compile.Gradient(cost, k)
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, testkit.Point{k: ref.Of(k.Type(), 0.04, 3e7, 1e4)}, cost, d[0])
	t.Log(out[0].F, out[1].F)
	for i, want := range []float64{0.808425046968, 5.40012242, 3.58083198e-09, -2.1484872e-05} {
		if got := append(out[0].F, out[1].F...)[i]; math.Abs(got/want-1) > 1e-5 {
			t.Errorf("value %d is %v, want %v", i, got, want)
		}
	}
}

// Each lane of a batch has steps of its own, to the same solution and gradient as alone; checkpoints and executors change no bit.
func TestBatch(t *testing.T) {
	g := graph.New()
	k := g.Input("k", graph.Float64, 3)
	s, err := stiff.Solve(robertson(k), g.Const(0), g.Const(40), graph.Constant(g, []float64{1, 0, 0}, 3), ode.Options{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	d, err := compile.Gradient(graph.Index(s.Y[0], 2), k)
	if err != nil {
		t.Fatal(err)
	}
	outputs := nodes{s.Y[0], d[0], s.Accepted}
	rates := [][]float64{{0.04, 3e7, 1e4}, {0.4, 3e7, 1e4}, {4, 3e5, 1e3}, {0, 3e7, 1e4}}
	var all []float64
	for _, r := range rates {
		all = append(all, r...)
	}
	batched, err := compile.Batch(outputs, nodes{k}, nodes{graph.Constant(g, all, len(rates), 3)})
	if err != nil {
		t.Fatal(err)
	}
	many := run(t, testkit.Point{k: ref.Of(k.Type(), rates[0]...)}, batched...)
	steps := map[float64]bool{}
	for lane, r := range rates {
		for _, c := range []compile.Config{{}, {Checkpoints: compile.Checkpoints{States: 3}}} {
			alone, err := testkit.CompileAndRun(c, testkit.Point{k: ref.Of(k.Type(), r...)}, outputs...)
			if err != nil {
				t.Fatal(err)
			}
			steps[alone[2].F[0]] = true
			for i := range alone {
				size := len(alone[i].F)
				for e, want := range alone[i].F {
					if got := many[i].F[lane*size+e]; math.Abs(got-want) > 1e-7*(math.Abs(want)+1e-9) {
						t.Errorf("rates %v: output %d, element %d is %v in the batch and %v alone", r, i, e, got, want)
					}
				}
			}
		}
	}
	if len(steps) < 3 {
		t.Errorf("numbers of steps %v", steps)
	}
}

// A stiff solution until an event: y′ = −1e5·(y − t) follows t and reaches 2 a little later, at 2 + 1e-5.
func TestUntil(t *testing.T) {
	g := graph.New()
	level := g.Input("level", graph.Float64)
	rate := g.Const(-1e5)
	o := ode.Options{Method: ode.Rodas4, RTol: 1e-10, ATol: 1e-10, Jacobian: func(_, _ *node) (*node, *node) {
		return graph.Reshape(rate, 1, 1), graph.Reshape(graph.Neg(rate), 1)
	}}
	at, _ := ode.SolveUntil(func(t *node, y []*node) []*node { return nodes{graph.Mul(rate, graph.Sub(y[0], t))} },
		func(_ *node, y []*node) *node { return graph.Sub(graph.Index(y[0], 0), level) }, g.Const(0), g.Const(10), nodes{graph.Constant(g, []float64{0}, 1)}, o)
	d, err := compile.Gradient(at, level)
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, testkit.Point{level: ref.Of(level.Type(), 2)}, at, d[0])
	if math.Abs(out[0].F[0]-2.00001) > 1e-8 || math.Abs(out[1].F[0]-1) > 1e-6 {
		t.Errorf("the event is at %v with the derivative %v", out[0].F, out[1].F)
	}
}

// What is no equation at all is integrated.
func TestIntegral(t *testing.T) {
	g := graph.New()
	times := graph.Constant(g, []float64{1, -2}, 2)
	s, err := stiff.Solve(func(t, y *node) *node { return graph.BroadcastTo(graph.Cos(t), 2) }, g.Const(0), times, graph.Constant(g, []float64{0, 1}, 2), ode.Options{RTol: 1e-10, ATol: 1e-10})
	if err != nil {
		t.Fatal(err)
	}
	y := run(t, nil, s.Y[0])[0].F
	for i, want := range []float64{math.Sin(1), 1 + math.Sin(1), math.Sin(-2), 1 + math.Sin(-2)} {
		if math.Abs(y[i]-want) > 1e-9 {
			t.Errorf("value %d is %v, want %v", i, y[i], want)
		}
	}
}

func TestMistakes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	identity := func(_, y *node) *node { return y }
	for want, build := range map[string]func() (ode.Solution, error){
		"needs a function":    func() (ode.Solution, error) { return stiff.Solve(nil, x, x, x, ode.Options{}) },
		"one state, a vector": func() (ode.Solution, error) { return stiff.Solve(identity, x, x, x, ode.Options{}) },
		"the state f64[2]: needs one type": func() (ode.Solution, error) {
			return stiff.Solve(func(_, y *node) *node { return graph.Sum(y) }, x, x, graph.Stack(0, x, x), ode.Options{})
		},
	} {
		if _, err := build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
}

// BenchmarkRobertson is the value at t = 1e4 at a relative tolerance of 1e-6, with its gradient by the rates.
func BenchmarkRobertson(b *testing.B) {
	g := graph.New()
	k := g.Input("k", graph.Float64, 3)
	s, err := stiff.Solve(robertson(k), g.Const(0), g.Const(1e4), graph.Constant(g, []float64{1, 0, 0}, 3), ode.Options{RTol: 1e-6, ATol: 1e-10, Limit: 512})
	if err != nil {
		b.Fatal(err)
	}
	cost := graph.Sum(graph.Square(s.Y[0]))
	d, err := compile.Gradient(cost, k)
	if err != nil {
		b.Fatal(err)
	}
	p, err := compile.Compile(cost, d[0], s.Accepted)
	if err != nil {
		b.Fatal(err)
	}
	m := vm.NewMachine(p, vm.WithThreads(1), vm.WithNativeAhead())
	copy(m.Float64("k"), []float64{0.04, 3e7, 1e4})
	for b.Loop() {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
}

// A relaxation oscillator, which is stiff: where it is, and how that changes with its parameter.
func ExampleSolve() {
	g := graph.New()
	mu := g.Input("mu", graph.Float64)
	s, err := stiff.Solve(func(_, y *graph.Node) *graph.Node {
		x, v := graph.Index(y, 0), graph.Index(y, 1)
		return graph.Stack(0, v, graph.Sub(graph.Mul(mu, graph.Mul(graph.Sub(g.Const(1), graph.Square(x)), v)), x))
	}, g.Const(0), g.Const(100), graph.Constant(g, []float64{2, 0}, 2), ode.Options{RTol: 1e-8, ATol: 1e-8})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := compile.Gradient(graph.Index(s.Y[0], 0), mu)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := compile.Compile(s.Y[0], d[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := vm.NewMachine(p).Run(map[string]any{"mu": 1000.0})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.5f %.3e\n", out[0].Data(), out[1].Data())
	// Output:
	// [1.93136 -0.00071] 7.074e-05
}

// Systems of few unknowns are scalars, of many a matrix with one decomposition a step: decays yᵢ′ = −λᵢ(yᵢ − yᵢ₊₁) from last to first, against the matrix's exponential, with derivatives by the rates; one of them starts with a
// pivot that is not on the diagonal.
func TestSizes(t *testing.T) {
	for _, n := range []int{1, 2, 5, 6, 20} {
		g := graph.New()
		rates := g.Input("rates", graph.Float64, n)
		values := make([]float64, n)
		for i := range values {
			values[i] = 0.5 + 9*float64(i*i%7)
		}
		next := graph.Cast(graph.Equal(graph.Add(graph.Iota(g, graph.Int64, 0, n, 1), g.Scalar(graph.Int64, 1)), graph.Iota(g, graph.Int64, 1, 1, n)), graph.Float64)
		matrix := graph.Mul(graph.Reshape(rates, n, 1), graph.Sub(next, graph.Diag(graph.FullLike(rates, 1), 0)))
		start := graph.Constant(g, values, n)
		s, err := stiff.Solve(func(_, y *node) *node { return graph.MatMul(matrix, y) }, g.Const(0), g.Const(0.3), start, ode.Options{RTol: 1e-9, ATol: 1e-9, Limit: 3000})
		if err != nil {
			t.Fatal(err)
		}
		truth := graph.MatMul(graph.Expm(graph.Mul(g.Const(0.3), matrix)), start)
		var outputs nodes
		for _, y := range []*node{s.Y[0], truth} {
			d, err := compile.Gradient(graph.Sum(graph.Mul(y, graph.Cos(graph.Iota(g, graph.Float64, 0, n)))), rates)
			if err != nil {
				t.Fatal(err)
			}
			outputs = append(outputs, y, d[0])
		}
		out := run(t, testkit.Point{rates: ref.Of(rates.Type(), values...)}, outputs...)
		for k := range 2 {
			if err := testkit.CloseTo(out[k], out[2+k], 1e-6, 1e-6); err != nil {
				t.Errorf("%d unknowns, output %d: %v", n, k, err)
			}
		}
		p, err := compile.Compile(outputs[:2]...)
		if err != nil {
			t.Fatal(err)
		}
		text := p.String()
		if got, want := regexp.MustCompile(`KERNEL +solve\b`).MatchString(text), n > 5 && n < 16; got != want {
			t.Errorf("%d unknowns: solved by matrices is %v", n, got)
		}
		if got, want := len(regexp.MustCompile(`KERNEL +lu\b`).FindAllString(text, -1)), 0; n < 16 && got != want || n >= 16 && (got < 1 || got > 2) {
			t.Errorf("%d unknowns: %d decompositions", n, got)
		}
	}
}
