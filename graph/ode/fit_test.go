package ode_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/vm"
)

// fit is a least-squares fit of parameters and initial values to observations: its cost, and what it is a function of.
type fit struct {
	cost     *node
	solution ode.Solution
	wrt      nodes
	values   [][]float64 // of wrt
}

// lotkaVolterra is x′ = ax − bxy, y′ = dxy − cy with observations at 100 times.
func lotkaVolterra(o ode.Options) fit {
	g := graph.New()
	p := nodes{g.Input("a", graph.Float64), g.Input("b", graph.Float64), g.Input("c", graph.Float64), g.Input("d", graph.Float64)}
	y0 := nodes{g.Input("x0", graph.Float64), g.Input("y0", graph.Float64)}
	const n = 100
	times, x, y := make([]float64, n), make([]float64, n), make([]float64, n)
	for k := range times {
		t := 0.1 * float64(k+1)
		times[k], x[k], y[k] = t, 2+1.5*math.Sin(1.9*t), 1.5+math.Cos(t)
	}
	s := ode.Solve(func(_ *node, y []*node) []*node {
		xy := graph.Mul(y[0], y[1])
		return nodes{graph.Sub(graph.Mul(p[0], y[0]), graph.Mul(p[1], xy)), graph.Sub(graph.Mul(p[3], xy), graph.Mul(p[2], y[1]))}
	}, g.Const(0), graph.Constant(g, times, n), y0, o)
	var cost *node = g.Const(0)
	for i, obs := range [][]float64{x, y} {
		cost = graph.Add(cost, graph.Mul(g.Const(0.5), graph.Sum(graph.Square(graph.Sub(s.Y[i], graph.Constant(g, obs, n))))))
	}
	return fit{cost, s, append(p, y0...), [][]float64{{1.6}, {1.05}, {2.9}, {0.95}, {1.1}, {0.9}}}
}

// lorenz96 is yᵢ′ = (yᵢ₊₁ − yᵢ₋₂)·yᵢ₋₁ − yᵢ + Fᵢ with observations at 20 times, as a state of 40 elements.
func lorenz96(o ode.Options) fit { return lorenz96By(o, false) }

// lorenz96Scalars is the same with 40 states.
func lorenz96Scalars(o ode.Options) fit { return lorenz96By(o, true) }

func lorenz96By(o ode.Options, scalars bool) fit {
	g := graph.New()
	const n, m = 40, 20
	force, y0 := g.Input("f", graph.Float64, n), g.Input("y", graph.Float64, n)
	times, obs := make([]float64, m), make([]float64, m*n)
	values := [][]float64{make([]float64, n), make([]float64, n)}
	for i := range n {
		values[0][i], values[1][i] = 8+0.5*math.Sin(float64(i)), 8+math.Sin(1+0.7*float64(i))
	}
	for k := range times {
		times[k] = 0.1 * float64(k+1)
		for i := range n {
			obs[k*n+i] = 8 * math.Cos(0.3*float64(i)+times[k])
		}
	}
	change := func(after, before2, before, y, force *node) *node {
		return graph.Add(graph.Sub(graph.Mul(graph.Sub(after, before2), before), y), force)
	}
	states := nodes{y0}
	f := func(_ *node, y []*node) []*node {
		return nodes{change(graph.Roll(y[0], -1, 0), graph.Roll(y[0], 2, 0), graph.Roll(y[0], 1, 0), y[0], force)}
	}
	if scalars {
		states = nil
		var forces nodes
		for i := range n {
			states, forces = append(states, graph.Index(y0, i)), append(forces, graph.Index(force, i))
		}
		f = func(_ *node, y []*node) []*node {
			out := make(nodes, n)
			for i := range out {
				out[i] = change(y[(i+1)%n], y[(i+n-2)%n], y[(i+n-1)%n], y[i], forces[i])
			}
			return out
		}
	}
	s := ode.Solve(f, g.Const(0), graph.Constant(g, times, m), states, o)
	y := s.Y[0]
	if scalars {
		y = graph.Stack(1, s.Y...)
	}
	cost := graph.Mul(g.Const(0.5), graph.Sum(graph.Square(graph.Sub(y, graph.Constant(g, obs, m, n)))))
	return fit{cost, s, nodes{force, y0}, values}
}

func (f fit) machine(tb testing.TB, more ...*node) *vm.Machine {
	d, err := compile.Gradient(f.cost, f.wrt...)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := compile.Compile(append(append(nodes{f.cost}, d...), more...)...)
	if err != nil {
		tb.Fatal(err)
	}
	m := vm.NewMachine(p, vm.WithThreads(1), vm.WithNativeAhead())
	for i, x := range f.wrt {
		copy(m.Float64(x.Name()), f.values[i])
	}
	return m
}

// Costs and gradients of the fits: of Lotka–Volterra by Taylor series of 30 terms in 34 digits and central differences; of Lorenz-96 by a solver in C (Dormand–Prince with a discrete adjoint) at
// rtol = atol = 1e-13, of whose gradient the product with cos 0, cos 1, … agrees with Taylor series to 1e-10.
var references = []struct {
	name     string
	build    func(o ode.Options) fit
	cost     float64
	gradient []float64
	bound    float64 // of the gradient's relative error at 1e-8
}{
	{"Lotka–Volterra", lotkaVolterra, 382.53801547204698, []float64{
		-622.39939593782535, -269.49908449365073, 218.92596913935445, -1506.7739272559094, -719.82372819327252, -89.340866084259912,
	}, 3e-7},
	{"Lorenz-96", lorenz96, lorenz96Cost, lorenz96Gradient, 1e-5},
	{"Lorenz-96 in scalars", lorenz96Scalars, lorenz96Cost, lorenz96Gradient, 1e-5},
}

const lorenz96Cost = 29913.400085888999

var lorenz96Gradient = []float64{
	408.40754422923209, 552.2264254688879, -694.07099148524685, -1230.0452932004771, -1022.6167129133404, 107.74603222147671,
	568.91258448255132, 947.32792900125878, 483.88916913985003, 37.064398892934236, -402.10880188398909, 534.28314319920798,
	1542.3064476667321, 335.07841866163221, -1949.495754343493, -1386.0254391659416, 1216.4900234453032, 1239.0980391134774,
	-938.90748672940492, -761.8433126559047, 1277.2283232945649, 959.73105694962851, -627.18417367947461, -470.41925326457198,
	-3.0320553698756951, -113.82735876414979, 101.69461477581774, -60.433368915346549, 120.61449787940968, 644.90885774010042,
	-24.322244629061501, -1189.1369043864283, 57.659835752242842, 2679.4285335642389, 1110.441214628092, -2899.5126805391878,
	-1295.0624227534911, 2595.5656529225848, 1159.8222203574487, -1067.6595899289036, -11319.9530129256, -1579.2393584462018,
	8443.6933049111976, 1046.268330490012, -10254.946115569743, -8937.9878590509943, 1224.4059095775804, 10092.773364282595,
	11695.907290049316, 1652.3204998973836, -13084.817576009611, -10284.943930141102, 12433.507210363889, 17538.982629218637,
	-9224.216113854287, -22912.581637714036, 176.89839954664234, 20359.813101120908, 6642.1932619914005, -13603.616403371905,
	-6243.2447613557979, 9712.0032342034629, 5102.1937535048328, -5242.6857568511123, -3187.3579227644977, 2849.6145761841221,
	1655.7932040756812, -4481.1847418367952, -2731.7401732988214, 8558.8297523500587, 5512.472415502134, -16279.748355674852,
	-11648.417228680557, 25471.827748662123, 29731.863107691192, -13266.300888742226, -34562.405153087311, -3886.7459666002869,
	20627.564819394986, 3924.9356597690717,
}

func TestFits(t *testing.T) {
	for _, c := range references {
		for _, method := range adaptive {
			f := c.build(ode.Options{Method: method, RTol: 1e-8, ATol: 1e-8, Limit: 64})
			out, err := f.machine(t, f.solution.Accepted, f.solution.Rejected).Run()
			if err != nil {
				t.Fatal(err)
			}
			var off, size float64
			i := 0
			for _, d := range out[1 : len(out)-2] {
				v, ok := d.Data().([]float64)
				if !ok {
					v = []float64{d.Data().(float64)}
				}
				for _, x := range v {
					off, size = math.Hypot(off, x-c.gradient[i]), math.Hypot(size, c.gradient[i])
					i++
				}
			}
			cost := out[0].Data().(float64)
			t.Logf("%s, %s: cost %.12g, off by %.1e; gradient off by %.1e; %v + %v steps", c.name, method, cost, math.Abs(cost/c.cost-1), off/size, out[len(out)-2].Data(), out[len(out)-1].Data())
			if i != len(c.gradient) || !(off/size <= c.bound) || !(math.Abs(cost/c.cost-1) < 1e-7) {
				t.Errorf("%s, %s: cost %v, the gradient is off by %v", c.name, method, cost, off/size)
			}
		}
	}
}

func benchmarkFit(b *testing.B, f fit) {
	m := f.machine(b)
	for b.Loop() {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLotkaVolterra(b *testing.B) {
	for _, method := range adaptive {
		b.Run(string(method), func(b *testing.B) {
			benchmarkFit(b, lotkaVolterra(ode.Options{Method: method, RTol: 1e-8, ATol: 1e-8, Limit: 64}))
		})
	}
}

func BenchmarkLorenz96(b *testing.B) { benchmarkLorenz96(b, lorenz96) }

func BenchmarkLorenz96Scalars(b *testing.B) { benchmarkLorenz96(b, lorenz96Scalars) }

func benchmarkLorenz96(b *testing.B, build func(o ode.Options) fit) {
	for _, method := range adaptive {
		b.Run(string(method), func(b *testing.B) {
			benchmarkFit(b, build(ode.Options{Method: method, RTol: 1e-8, ATol: 1e-8, Limit: 64}))
		})
	}
}
