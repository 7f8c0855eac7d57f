package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// Derivatives of log_ndtr to order 6, by reverse mode, by forward mode and as Taylor coefficients, are those of φ/Φ = h with h′ = −h·(x + h) in 120 digits (mpmath).
func TestLogNdtrOfHigherOrders(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want []float64
	}{
		{-40, []float64{-804.608442013753788, 40.0249688472072637, -0.999377331621408611, 0.0000310174403964862483, 2.31477004389180667e-6, 2.30043678776295972e-7, 2.854201104982973e-8}},
		{-5, []float64{-15.0649983939887257, 5.18650396712584212, -0.967303565382887775, 0.0108257645063566997, 0.00508783697388744643, 0.0030165216820196939, 0.0021095368696592831}},
		{-1, []float64{-1.84102164500926351, 1.52513527616098121, -0.800902334429651208, 0.116931195406048832, 0.0791749836807456295, 0.0487790804707741004, 0.00854376033063026791}},
		{0, []float64{-0.693147180559945309, 0.797884560802865356, -0.636619772367581343, 0.218013614144990161, 0.114770682054218858, -0.00443768846261782099, -0.15265853384165693}},
		{1, []float64{-0.17275377902344989, 0.287599970939178361, -0.370313714223394599, 0.295718170182271212, 0.000547690079449655553, -0.230966268146873577, -0.161445588032172259}},
		{5, []float64{-2.86651612963763593e-7, 1.48671994090490571e-6, -7.43360191486071125e-6, 0.0000356813117367670497, -0.000163539571467224036, 0.000710655999844906595, -0.00289914119088914547}},
		{40, make([]float64, 7)},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		y := graph.LogNdtr(x)
		one := g.Const(1)
		series := must[[][]*graph.Node](t)(compile.Taylor(6, []*graph.Node{y}, []*graph.Node{x}, [][]*graph.Node{{one}}))
		reverse, forward, factorial := y, y, 1.0
		for k, want := range c.want {
			if k > 0 {
				reverse = must[[]*graph.Node](t)(compile.Gradient(reverse, x))[0]
				forward = must[[]*graph.Node](t)(compile.JVP([]*graph.Node{forward}, []*graph.Node{x}, []*graph.Node{one}))[0]
				factorial *= float64(k)
			}
			got, err := testkit.CompileAndRun(compile.Config{}, point(x, []float64{c.x}), reverse, forward, graph.Mul(series[k][0], g.Const(factorial)))
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if d := math.Abs(v.F[0] - want); !(d <= 2e-12*math.Abs(want)) {
					t.Errorf("x = %v, order %d, way %d: %v, want %v", c.x, k, i, v.F[0], want)
				}
			}
		}
	}
}

// Derivatives of softsign are ±k!/(1 + |x|)^(k+1), at large x too.
func TestSoftsignOfHigherOrders(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 9)
	at := []float64{0.3, -0.3, 1, -1, 7, -1e8, 1e20, math.Inf(1), math.Inf(-1)}
	y := graph.Softsign(x)
	outputs := []*graph.Node{y}
	for range 3 {
		y = grad(t, graph.Sum(y), x)[0]
		outputs = append(outputs, y)
	}
	got, err := testkit.CompileAndRun(compile.Config{}, point(x, at), outputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range at {
		d, s := 1+math.Abs(v), math.Copysign(1, v)
		for k, want := range []float64{s * (1 - 1/d), 1 / d / d, -2 * s / d / d / d, 6 / d / d / d / d} {
			if e := math.Abs(got[k].F[i] - want); !(e <= 4e-15*math.Abs(want)) {
				t.Errorf("order %d at %v: %v, want %v", k, v, got[k].F[i], want)
			}
		}
	}
}
