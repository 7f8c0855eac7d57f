package compile_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// nested is dᵏ/dtᵏ of the outputs for k = 1 to order by nested forward mode.
func nested(t *testing.T, order int, outputs, wrt, v []*graph.Node) (all [][]*graph.Node) {
	t.Helper()
	for range order {
		outputs = must[[]*graph.Node](t)(compile.JVP(outputs, wrt, v))
		all = append(all, outputs)
	}
	return all
}

// Derivatives along a direction by Taylor coefficients are those by nested forward mode, for every operator at its samples, where
// the operands move along curves with quadratic terms.
func TestTaylorOfEveryOperator(t *testing.T) {
	const order = 4
	checked := 0
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || !op.Differentiable() || op.Builtin && op.MinArity == 0 || op.Name == "result" {
			continue
		}
		for k, s := range op.Samples {
			if s.NoDifferences != "" {
				continue
			}
			if taylorSample(t, fmt.Sprintf("%s, sample %d", op.Name, k), op, s, order) {
				checked++
			}
		}
	}
	t.Logf("%d samples", checked)
	if checked < 150 {
		t.Errorf("only %d samples were checked", checked)
	}
}

func taylorSample(t *testing.T, what string, op *graph.Op, s graph.Sample, order int) bool {
	t.Helper()
	g, at := graph.New(), testkit.Point{}
	time := g.Input("t", graph.Float64)
	at[time] = ref.New(time.Type())
	var in, wrt, line, bend, moved []*graph.Node
	for i, si := range s.In {
		v := testkit.SampleValue(si, i, graph.Float64)
		x := g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
		at[x] = v
		in, moved = append(in, x), append(moved, x)
		if si.Type.DType == graph.Float64 && !si.Constant {
			a, b := testkit.Literal(g, testkit.Spread(v.Type, -0.5, 0.5, i)), testkit.Literal(g, testkit.Spread(v.Type, -0.3, 0.4, i+7))
			wrt, line, bend = append(wrt, x), append(line, a), append(bend, b)
			// The curve, written out for nested forward mode.
			moved[i] = graph.Add(x, graph.Add(graph.Mul(time, a), graph.Mul(graph.Square(time), b)))
		}
	}
	if len(wrt) == 0 {
		return false
	}
	apply := func(in []*graph.Node) []*graph.Node {
		y := testkit.Build(g, op, s, in)
		var outputs []*graph.Node
		for i := range max(1, len(y.Results())) {
			if r := graph.Result(y, i); r.DType().IsFloat() {
				outputs = append(outputs, r)
			}
		}
		return outputs
	}
	outputs := apply(in)
	if len(outputs) == 0 {
		return false
	}
	// Gradients and coefficients taken before leave nodes that are found again: they must not matter.
	for range 2 {
		must[[]*graph.Node](t)(compile.VJP(outputs, wrt, nil))
		must[[][]*graph.Node](t)(compile.Taylor(order, outputs, wrt, [][]*graph.Node{line}))
	}
	taylor, err := compile.Taylor(order, outputs, wrt, [][]*graph.Node{line, bend})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	want := nested(t, order, apply(moved), []*graph.Node{time}, nil)
	var all []*graph.Node
	for k := 1; k <= order; k++ {
		all = append(append(all, taylor[k]...), want[k-1]...)
	}
	values, err := testkit.CompileAndRun(compile.Config{}, at, all...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	m, factorial := len(outputs), 1.0
	for k := range order {
		factorial *= float64(k + 1)
		for i := range m {
			got, want := values[2*k*m+i], values[(2*k+1)*m+i]
			scale := 0.0
			for _, w := range want.F {
				scale = max(scale, math.Abs(w))
			}
			for e, w := range want.F {
				if math.Abs(got.F[e]*factorial-w) > 1e-9*(1+scale) || math.IsNaN(w) {
					t.Errorf("%s: derivative %d of output %d at %d is %v, and %v by nested forward mode", what, k+1, i, e, got.F[e]*factorial, w)
					return true
				}
			}
		}
	}
	return true
}

// Series that are known in closed form, to a high order.
func TestTaylorSeries(t *testing.T) {
	const order = 20
	for _, c := range []struct {
		name string
		x0   float64
		f    func(x *graph.Node) *graph.Node
		want func(k int) float64 // the coefficient of tᵏ of f(x0 + t)
	}{
		{"exp", 0, graph.Exp, func(k int) float64 { return 1 / math.Gamma(float64(k+1)) }},
		{"log", 2, graph.Log, func(k int) float64 { return -math.Pow(-0.5, float64(k)) / float64(k) }},
		{"1/(1-x)", 0, func(x *graph.Node) *graph.Node { return graph.Reciprocal(graph.Sub(graph.Like(x, 1), x)) }, func(int) float64 { return 1 }},
		{"atan", 0, graph.Atan, func(k int) float64 { return []float64{0, 1, 0, -1}[k%4] / float64(max(k, 1)) }},
		{"sqrt", 1, graph.Sqrt, binomialSeries(0.5)},
		{"x^-1.5", 1, func(x *graph.Node) *graph.Node { return graph.Pow(x, graph.Like(x, -1.5)) }, binomialSeries(-1.5)},
		{"x^3 at 0", 0, func(x *graph.Node) *graph.Node { return graph.Pow(x, graph.Like(x, 3)) }, func(k int) float64 {
			if k == 3 {
				return 1
			}
			return 0
		}},
		{"sin", 0, graph.Sin, func(k int) float64 { return []float64{0, 1, 0, -1}[k%4] / math.Gamma(float64(k+1)) }},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		coefficients, err := compile.Taylor(order, []*graph.Node{c.f(x)}, []*graph.Node{x}, [][]*graph.Node{{g.Const(1)}})
		if err != nil {
			t.Fatal(err)
		}
		var outputs []*graph.Node
		for _, row := range coefficients {
			outputs = append(outputs, row[0])
		}
		at := testkit.Point{x: ref.New(x.Type())}
		at[x].F[0] = c.x0
		got := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, outputs...))
		for k := 1; k <= order; k++ {
			if w := c.want(k); math.Abs(got[k].F[0]-w) > 1e-13*math.Max(math.Abs(w), 1e-12) {
				t.Errorf("%s: coefficient %d is %v, want %v", c.name, k, got[k].F[0], w)
			}
		}
	}
}

// Powers whose derivatives are within range where they are not themselves, or begin with zeros and become infinite.
func TestTaylorOfPowersAtExtremes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 5)
	for _, c := range []struct {
		exponent float64
		order    int
		want     []float64 // the derivative at 0, 1e-300, 1e-160, 1e160 and 1e300
	}{
		{0.5, 1, []float64{math.Inf(1), 5e149, 5e79, 5e-81, 5e-151}}, {1.5, 1, []float64{0, 1.5e-150, 1.5e-80, 1.5e80, 1.5e150}}, {1.5, 2, []float64{math.Inf(1), 7.5e149, 7.5e79, 7.5e-81, 7.5e-151}},
		{2.5, 2, []float64{0, 3.75e-150, 3.75e-80, 3.75e80, 3.75e150}}, {2.5, 3, []float64{math.Inf(1), 1.875e150, 1.875e80, 1.875e-80, 1.875e-150}}, {-0.5, 1, []float64{math.Inf(-1), math.Inf(-1), -5e239, -5e-241, 0}},
	} {
		d, err := compile.Directional(c.order, []*graph.Node{x.Pow(c.exponent)}, []*graph.Node{x}, []*graph.Node{nil})
		if err != nil {
			t.Fatal(err)
		}
		p, err := compile.Compile(d[c.order-1][0])
		if err != nil {
			t.Fatal(err)
		}
		out, err := vm.NewMachine(p).Call([]float64{0, 1e-300, 1e-160, 1e160, 1e300})
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range out[0].Float64s() {
			if w := c.want[i]; got != w && !(math.Abs(got-w) <= 1e-13*math.Abs(w)) {
				t.Errorf("derivative %d of x^%v at %v is %v, want %v", c.order, c.exponent, []float64{0, 1e-300, 1e-160, 1e160, 1e300}[i], got, w)
			}
		}
	}
}

// binomialSeries gives the coefficients of (1 + t)^a.
func binomialSeries(a float64) func(k int) float64 {
	return func(k int) float64 {
		c := 1.0
		for i := range k {
			c *= (a - float64(i)) / float64(i+1)
		}
		return c
	}
}

// composite is a chain of elementwise functions.
func composite(x *graph.Node) *graph.Node {
	y := x
	for range 4 {
		y = graph.Mul(graph.Sin(y), graph.Exp(graph.Tanh(y)))
	}
	return y
}

// highestDerivative appends the derivative of composite of the given order.
func highestDerivative(t testing.TB, order int, taylor bool, shape ...int) (x, d *graph.Node) {
	x = graph.New().Input("x", graph.Float64, shape...)
	y := []*graph.Node{composite(x)}
	if taylor {
		all, err := compile.Directional(order, y, []*graph.Node{x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return x, all[order-1][0]
	}
	for range order {
		var err error
		if y, err = compile.JVP(y, []*graph.Node{x}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return x, y[0]
}

// The graph of Taylor coefficients grows with the square of the order, that of nested forward mode faster.
func TestTaylorGrowth(t *testing.T) {
	nodes := func(order int, taylor bool) int {
		x, _ := highestDerivative(t, order, taylor)
		return x.Graph().Len()
	}
	t.Logf("nodes at order 4, 6, 8: %d, %d, %d", nodes(4, true), nodes(6, true), nodes(8, true))
	t.Logf("nested forward mode: %d, %d, %d", nodes(4, false), nodes(6, false), nodes(8, false))
	if a, b := nodes(4, true), nodes(8, true); b > 5*a {
		t.Errorf("from order 4 to 8 the nodes grow from %d to %d", a, b)
	}
}

// BenchmarkDirectional takes the tenth derivative of a chain of elementwise functions at many points.
func BenchmarkDirectional(b *testing.B) {
	for name, taylor := range map[string]bool{"Taylor": true, "Nested": false} {
		b.Run(name, func(b *testing.B) {
			_, d := highestDerivative(b, 10, taylor, 4096)
			p, err := compile.Compile(d)
			if err != nil {
				b.Fatal(err)
			}
			m := vm.NewMachine(p, vm.WithNativeAhead())
			for i, x := 0, m.Float64("x"); i < len(x); i++ {
				x[i] = 0.7 + 1e-4*float64(i)
			}
			for b.Loop() {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTaylorMistakes(t *testing.T) {
	g := graph.New()
	x, i := g.Input("x", graph.Float64, 3), g.Input("i", graph.Int64)
	y := graph.Sum(graph.Sin(x))
	one := [][]*graph.Node{{x}}
	for name, err := range map[string]error{
		"order 0":          second(compile.Taylor(0, []*graph.Node{y}, []*graph.Node{x}, one)),
		"order 65":         second(compile.Taylor(65, []*graph.Node{y}, []*graph.Node{x}, one)),
		"no curve":         second(compile.Taylor(2, []*graph.Node{y}, []*graph.Node{x}, nil)),
		"curve of order 2": second(compile.Taylor(1, []*graph.Node{y}, []*graph.Node{x}, [][]*graph.Node{{x}, {x}})),
		"two parts":        second(compile.Taylor(1, []*graph.Node{y}, []*graph.Node{x}, [][]*graph.Node{{x, x}})),
		"wrong shape":      second(compile.Taylor(1, []*graph.Node{y}, []*graph.Node{x}, [][]*graph.Node{{y}})),
		"an integer":       second(compile.Taylor(1, []*graph.Node{y}, []*graph.Node{i}, [][]*graph.Node{{i}})),
		"direction of 0":   second(compile.Directional(0, []*graph.Node{y}, []*graph.Node{x}, nil)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
