package main

import (
	"context"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Heat in a square plate, whose left and right halves conduct differently, with temperature 0 around it:
//
//	∂u/∂t = div(κ·grad u)  on (0, 1)²,  u = sin πx·sin πy at the beginning.
//
// Each implicit step of Euler's solves a sparse system. Where the two conductivities are one, the solution of the differences has a closed form: a factor 1/(1 + dt·κ·λ) a step, λ = 8/h²·sin²(πh/2).

// duration is how long sensors measure.
const duration = 0.5

// plate builds the temperatures at three sensors after each of so many steps on n×n inner points, [steps×3], for the conductivities kappa [2].
func plate(n, steps int, kappa *graph.Node) *graph.Node {
	g := kappa.Graph()
	h, dt := 1/float64(n+1), duration/float64(steps)
	rows, cols := []int{}, []int{}
	var fixed []float64     // entries that do not depend on conductivities
	var factor [2][]float64 // what the others are multiples of
	add := func(i, j int, one float64, of [2]float64) {
		rows, cols, fixed = append(rows, i), append(cols, j), append(fixed, one)
		for k, v := range of {
			factor[k] = append(factor[k], v*dt/(h*h))
		}
	}
	start := make([]float64, n*n)
	half := func(column int) int { return min(1, 2*(column+1)/(n+1)) }
	for y := range n {
		for x := range n {
			p := y*n + x
			start[p] = math.Sin(math.Pi*float64(x+1)*h) * math.Sin(math.Pi*float64(y+1)*h)
			var diagonal [2]float64
			for _, d := range [][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				q, r := x+d[0], y+d[1]
				var face [2]float64 // the mean of the conductivities on both sides
				face[half(x)] += 0.5
				face[half(min(max(q, 0), n-1))] += 0.5
				diagonal[0], diagonal[1] = diagonal[0]+face[0], diagonal[1]+face[1]
				if q >= 0 && q < n && r >= 0 && r < n {
					add(p, r*n+q, 0, [2]float64{-face[0], -face[1]})
				}
			}
			add(p, p, 1, diagonal)
		}
	}
	values := graph.Constant(g, fixed, len(fixed))
	for k, f := range factor {
		values = graph.Add(values, graph.Mul(graph.Index(kappa, k), graph.Constant(g, f, len(f))))
	}
	sensors := graph.Constant(g, []int64{int64(n/2*n + n/4), int64(n/2*n + n/2), int64(n/4*n + 3*n/4)}, 3)
	_, seen := graph.Scan(steps, []*graph.Node{graph.Constant(g, start, n*n)}, nil, func(u, _ []*graph.Node) (next, ys []*graph.Node) {
		after := graph.CSRFromCOO(n*n, n*n, rows, cols, values).Solve(u[0])
		return []*graph.Node{after}, []*graph.Node{graph.Gather(after, sensors, 0)}
	})
	return seen[0]
}

// measured is what the sensors show with given conductivities.
func measured(n, steps int, kappa []float64) ([]float64, error) {
	g := graph.New()
	p, err := compile.Compile(plate(n, steps, g.Input("kappa", graph.Float64, 2)))
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p)
	copy(m.Float64("kappa"), kappa)
	return m.OutputFloat64(0), m.Step()
}

// fitHeat finds the conductivities from what sensors showed with the true ones.
func fitHeat(ctx context.Context, n, steps int, truth, from []float64) (kappa []float64, evaluations int, err error) {
	seen, err := measured(n, steps, truth)
	if err != nil {
		return nil, 0, err
	}
	g := graph.New()
	k := g.Input("kappa", graph.Float64, 2)
	residual := graph.Sub(plate(n, steps, k), graph.Constant(g, seen, steps, 3))
	r, err := optimize.Problem{Residuals: []*graph.Node{residual}, Parameters: []*graph.Node{k}, Lower: optimize.Values{"kappa": {1e-6, 1e-6}}}.Solve(ctx, optimize.Values{"kappa": from}, optimize.Options{})
	if err != nil {
		return nil, 0, err
	}
	return r.X["kappa"], r.Evaluations.Values + r.Evaluations.Jacobians, nil
}
