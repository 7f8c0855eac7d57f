package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/examples/internal/surface"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// Stations on a crust over a mantle: at each, phase velocities of the fundamental Rayleigh wave were measured at periods, and S velocities of layers are looked for.
const (
	layers     = 5
	iterations = 12
	noise      = 0.005 // of a velocity
)

var (
	thickness = []float64{5, 10, 15, 20, 0}            // km
	reference = []float64{2.9, 3.3, 3.6, 4.2, 4.5}     // km/s
	periods   = []float64{4, 6, 9, 13, 18, 25, 35, 50} // s
)

func init() {
	if err := shard.Register("stations", openStations); err != nil {
		panic(err)
	}
}

// model is layers with S velocities, P velocities of a Poisson solid and Berteussen's densities.
func model(vs *graph.Node) surface.Model {
	g := vs.Graph()
	vp := graph.Mul(graph.Like(vs, math.Sqrt(3)), vs)
	density := graph.Add(graph.Mul(graph.Like(vs, 0.32), vp), graph.Like(vs, 0.77))
	return surface.Model{Thickness: graph.Constant(g, thickness, layers), Vp: vp, Vs: vs, Density: density}
}

func velocities(vs *graph.Node) (*graph.Node, error) {
	g := vs.Graph()
	return surface.PhaseVelocity(surface.RayleighWave, graph.Constant(g, make([]float64, len(periods)), len(periods)), graph.Constant(g, periods, len(periods)), model(vs))
}

// trueModel has the S velocities below a station: the reference's, changed by up to 6 %.
func trueModel(station int) []float64 {
	r := rand.New(rand.NewPCG(1, uint64(station)))
	vs := make([]float64, layers)
	for i, v := range reference {
		vs[i] = v * (1 + 0.06*(2*r.Float64()-1))
	}
	return vs
}

// openStations makes what was measured at so many stations: computed, with noise.
func openStations(count string) (shard.Source, error) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%q is no number of stations", count)
	}
	c, err := velocities(graph.New().Input("vs", graph.Float64, layers))
	if err != nil {
		return nil, err
	}
	p, err := compile.Compile(c)
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p, vm.WithThreads(1))
	var one sync.Mutex
	return shard.Generator(n, func(ctx context.Context, from int, into map[string]vm.Array) error {
		one.Lock()
		defer one.Unlock()
		to := into["measured"].Data.([]float64)
		for i := range len(to) / len(periods) {
			out, err := m.CallContext(ctx, trueModel(from+i))
			if err != nil {
				return err
			}
			r := rand.New(rand.NewPCG(2, uint64(from+i)))
			for k, v := range out[0].Float64s() {
				to[i*len(periods)+k] = v * (1 + noise*r.NormFloat64())
			}
		}
		return nil
	}), nil
}

// inversion is one program that inverts a station: Gauss–Newton steps, damped, from a start near the reference that the station's number is the seed of. Its outputs are S velocities, and the root mean square of residuals in units of the noise.
func inversion() (shard.MapJob, error) {
	g := graph.New()
	measured, station := g.Input("measured", graph.Float64, len(periods)), g.Input("station", graph.Int64)
	key := graph.RandomFoldIn(graph.RandomKey(g, 7), station)
	prior := graph.Constant(g, reference, layers)
	start := graph.Mul(prior, graph.Add(graph.Like(prior, 1), graph.Mul(graph.Like(prior, 0.02), graph.RandomNormal(key, graph.Float64, layers))))
	scale := graph.Mul(measured, graph.Like(measured, noise))
	var mistake error
	residuals := func(vs *graph.Node) *graph.Node {
		c, err := velocities(vs)
		if err != nil {
			mistake = err
			return vs
		}
		return graph.Div(graph.Sub(c, measured), scale)
	}
	width := graph.Mul(graph.Like(prior, 0.1), prior) // of what is believed beforehand
	final, _ := graph.Scan(iterations, []*graph.Node{start}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		vs := c[0]
		r := residuals(vs)
		j, err := compile.Jacobian(r, vs)
		if err != nil {
			mistake = err
			return c, nil
		}
		jt := graph.Transpose(j)
		weight := graph.Reciprocal(graph.Square(width))
		products := graph.Add(graph.MatMul(jt, j), graph.Diag(weight, 0))
		gradient := graph.Add(graph.MatMul(jt, r), graph.Mul(weight, graph.Sub(vs, prior)))
		return []*graph.Node{graph.Sub(vs, graph.Solve(products, gradient))}, nil
	})
	if mistake != nil {
		return shard.MapJob{}, mistake
	}
	rms := graph.Sqrt(graph.Mean(graph.Square(residuals(final[0]))))
	if mistake != nil {
		return shard.MapJob{}, mistake
	}
	p, err := compile.Compile(final[0], rms)
	return shard.MapJob{Program: p, Rows: []string{"measured"}, Index: "station"}, err
}
