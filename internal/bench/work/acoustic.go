package work

import (
	"math"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
	"github.com/adjoint-go/adjoint/vm"
)

func init() {
	register("acoustic", "float32", func() (*protocol.Item, error) { return acoustic(false) })
	register("acoustic.gradient", "float32", func() (*protocol.Item, error) { return acoustic(true) })
}

// acoustic is 500 steps of waves from one source on 200×200 points, with layers of 20 around them that damp, recorded at 8 places: the misfit to what another model gives, or its gradient by the velocities too.
func acoustic(gradient bool) (*protocol.Item, error) {
	const inner, layer, steps, receivers = 200, 20, 500, 8
	const n = inner + 2*layer
	const spacing, step = 10.0, 1e-3
	begin := time.Now()
	g := graph.New()
	velocity, observed := g.Input("v", graph.Float32, inner, inner), g.Input("observed", graph.Float32, steps, receivers)
	// The layer belongs to the definition of the work, as peers write it: graph.AbsorbingLayer may get other defaults or another profile, and this may not.
	damping := func(i int) float64 {
		d := float64(max(layer-i, i-(n-1-layer), 0)) / layer
		return step * 3 * 3000 * math.Log(1000) / (2 * layer * spacing) * d * d
	}
	fixed := func(f func(s float64) float64) *graph.Node {
		v := make([]float32, n*n)
		for i := range v {
			v[i] = float32(f(damping(i/n) + damping(i%n)))
		}
		return graph.Constant(g, v, n, n)
	}
	after, before := fixed(func(s float64) float64 { return 1 / (1 + s) }), fixed(func(s float64) float64 { return (1 - s) / (1 + s) })
	wide := graph.PadMode(velocity, []int{layer, layer}, []int{layer, layer}, "edge")
	scale, twice := graph.Mul(after, graph.Square(graph.Mul(wide, graph.Like(wide, step/spacing)))), graph.Mul(after, graph.Like(after, 2))
	wavelet := make([]float32, steps)
	for k := range wavelet {
		a := math.Pow(math.Pi*10*(float64(k)*step-0.15), 2)
		wavelet[k] = float32((1 - 2*a) * math.Exp(-a))
	}
	at := func(z, x int) int64 { return int64((z+layer)*n + x + layer) }
	source, places := graph.Constant(g, []int64{at(2, inner/2)}, 1), make([]int64, receivers)
	for r := range places {
		places[r] = at(2, 12+25*r)
	}
	recorded := graph.Constant(g, places, receivers)
	atSource := graph.Gather(graph.Reshape(scale, n*n), source, 0)
	still := graph.BroadcastTo(graph.Like(wide, 0), n, n)
	_, traces := graph.Scan(steps, []*graph.Node{still, still}, []*graph.Node{graph.Constant(g, wavelet, steps)}, func(u, w []*graph.Node) (next, ys []*graph.Node) {
		wave := graph.Add(graph.Sub(graph.Mul(twice, u[0]), graph.Mul(before, u[1])), graph.Mul(scale, graph.Differences{Accuracy: 4}.Laplacian(u[0])))
		flat := graph.ScatterAddTo(graph.Reshape(wave, n*n), source, graph.Mul(atSource, w[0]), 0)
		return []*graph.Node{graph.Reshape(flat, n, n), u[0]}, []*graph.Node{graph.Gather(flat, recorded, 0)}
	})
	model := func(disturbed bool) []float32 {
		v := make([]float32, inner*inner)
		for k := range v {
			i, j := float64(k/inner), float64(k%inner)
			x := 1500 + 5*i
			if disturbed {
				x += 20 + 150*math.Exp(-((i-30)*(i-30)+(j-100)*(j-100))/288)
			}
			v[k] = float32(x)
		}
		return v
	}
	// In front of the waves are subnormal numbers, which fast-math takes for 0, as the peer does.
	c := compile.Config{FastMath: true}
	other, err := machineBy(c, map[string]float64{}, traces[0].Named("traces"))
	if err != nil {
		return nil, err
	}
	if err := fill(other, "v", model(true)); err != nil {
		return nil, err
	}
	if err := other.Step(); err != nil {
		return nil, err
	}
	misfit := graph.Mul(graph.Like(velocity, 0.5), graph.Sum(graph.Square(graph.Sub(traces[0], observed))))
	info := map[string]float64{"build": time.Since(begin).Seconds()}
	var m *vm.Machine
	if gradient {
		m, info, err = valueAndGradientBy(c, begin, misfit, velocity)
	} else {
		m, err = machineBy(c, info, misfit.Named(valueName))
	}
	if err != nil {
		return nil, err
	}
	if err := fill(m, "v", model(false)); err != nil {
		return nil, err
	}
	if err := fill(m, "observed", other.Float32("traces")); err != nil {
		return nil, err
	}
	return item(m, info, func() []float64 {
		check := []float64{float64(m.Float32(valueName)[0])}
		if !gradient {
			return check
		}
		var product, squares float64
		for k, d := range m.Float32(gradientName("v")) {
			d := float64(d)
			product, squares = product+d*math.Sin(0.1*float64(k/inner))*math.Cos(0.07*float64(k%inner)), squares+d*d
		}
		return append(check, product, math.Sqrt(squares))
	})
}
