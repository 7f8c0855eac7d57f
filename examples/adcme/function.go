package main

import (
	"context"
	"math"
	"math/rand/v2"
	"os"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/compile/optimize/progress"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// A coefficient that is a function of x, −(b(x)·u′)′ + u = 8 + 4x − 4x² with u(0) = u(1) = 0, is found from u at all points of the grid. Nothing is known of the function: it is a network's.

// hidden is the number of the network's hidden units.
const hidden = 10

// function is one that was found, at the middles between the points of the grid.
type function struct {
	x, found, truth []float64
	iterations      int
}

// worst is the largest error.
func (f *function) worst() float64 {
	worst := 0.0
	for i, b := range f.found {
		worst = max(worst, math.Abs(b-f.truth[i]))
	}
	return worst
}

// field is u at the inner points, where b is given at the n − 1 middles.
func field(b *graph.Node) *graph.Node {
	n := b.Shape()[0] + 1
	h := 1 / float64(n-1)
	f := make([]float64, n-2)
	for i := range f {
		x := float64(i+1) * h
		f[i] = 8 + 4*x - 4*x*x
	}
	b = graph.Mul(b, graph.Like(b, 1/(h*h)))
	left, right := graph.Slice(b, graph.Range{Limit: n - 2}), graph.Slice(b, graph.Range{Start: 1, Limit: n - 1})
	return graph.TridiagonalSolve(graph.Neg(left), graph.Add(graph.Add(left, right), graph.Like(left, 1)), graph.Neg(right), graph.Constant(b.Graph(), f, n-2))
}

// network is b at x: softplus of a network with one hidden layer, which is positive.
func network(x, in, shift, out *graph.Node) *graph.Node {
	layer := graph.Tanh(graph.Add(graph.Mul(graph.ExpandDims(x, 1), in), shift))
	return graph.Softplus(graph.MatMul(layer, out))
}

// fitFunction finds b = 1 + ½·sin 2πx on n points.
func fitFunction(ctx context.Context, n int) (*function, error) {
	f := &function{x: make([]float64, n-1), truth: make([]float64, n-1)}
	for i := range f.x {
		f.x[i] = (float64(i) + 0.5) / float64(n-1)
		f.truth[i] = 1 + 0.5*math.Sin(2*math.Pi*f.x[i])
	}
	g := graph.New()
	x := graph.Constant(g, f.x, n-1)
	weights := []*graph.Node{g.Input("in", graph.Float64, hidden), g.Input("shift", graph.Float64, hidden), g.Input("out", graph.Float64, hidden)}
	b := network(x, weights[0], weights[1], weights[2])
	residual := graph.Sub(field(b), field(graph.Constant(g, f.truth, n-1)))
	residuals := []*graph.Node{residual}
	for _, w := range weights { // of many networks that explain u, one with small weights
		residuals = append(residuals, graph.Mul(graph.Like(w, 1e-5), w))
	}
	r := rand.New(rand.NewPCG(1, 1))
	start := optimize.Values{}
	for k, name := range []string{"in", "shift", "out"} {
		start[name] = make([]float64, hidden)
		for i := range start[name] {
			start[name][i] = []float64{6, 3, 0.5}[k] * r.NormFloat64()
		}
	}
	fit, err := optimize.Problem{Residuals: residuals, Parameters: weights}.Solve(ctx, start, optimize.Options{StepTolerance: 1e-3, Callback: progress.Bar(os.Stderr)})
	if err != nil {
		return nil, err
	}
	p, err := compile.Compile(b)
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p)
	for name, v := range fit.X {
		copy(m.Float64(name), v)
	}
	f.found, f.iterations = m.OutputFloat64(0), fit.Iterations
	return f, m.Step()
}
