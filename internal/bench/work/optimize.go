package work

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/examples/nist/strd"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("minimum100", "float64", func() (*protocol.Item, error) { return minimum(100) })
	register("minimum1000", "float64", func() (*protocol.Item, error) { return minimum(1000) })
	register("nist", "float64", nist)
}

// minimum is that of Rosenbrock's chain of n numbers by L-BFGS-B.
func minimum(n int) (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	a, b := graph.Slice(x, graph.Range{Limit: -1}), graph.Slice(x, graph.Range{Start: 1, Limit: graph.All})
	cost := graph.Sum(graph.Add(graph.Mul(g.Const(100), graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(g.Const(1), a))))
	info := map[string]float64{"build": time.Since(start).Seconds()}
	start = time.Now()
	s, err := optimize.Problem{Objective: cost, Parameters: []*graph.Node{x}}.Compile()
	if err != nil {
		return nil, err
	}
	info["compile"] = time.Since(start).Seconds()
	from := make([]float64, n)
	for i := range from {
		from[i] = 1
		if i%2 == 0 {
			from[i] = -1.2
		}
	}
	solve := func() (*optimize.Result, error) {
		return s.Solve(context.Background(), optimize.Values{"x": from}, optimize.Options{Memory: 4})
	}
	r, err := solve()
	if err != nil {
		return nil, err
	}
	info["calls"] = float64(r.Evaluations.Values)
	// How far from 1 the numbers are, in units of 1e-5, and the gradient, of 1e-6, if that is more than 1.
	check := []float64{1, max(1, r.Optimality/1e-6)}
	for _, v := range r.X["x"] {
		check[0] = max(check[0], math.Abs(v-1)/1e-5)
	}
	return &protocol.Item{Run: func(n int) error {
		for range n {
			if _, err := solve(); err != nil {
				return err
			}
		}
		return nil
	}, Check: check, Info: info}, nil
}

// nist is all reference problems of nonlinear least squares, each from both of its starts.
func nist() (*protocol.Item, error) {
	start := time.Now()
	problems, err := strd.Problems()
	if err != nil {
		return nil, err
	}
	var solvers []*optimize.Solver
	for _, p := range problems {
		s, err := p.Problem().Compile()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		solvers = append(solvers, s)
	}
	info := map[string]float64{"compile": time.Since(start).Seconds()}
	six, eight := 0.0, 0.0
	each := func(use func(p *strd.Problem, r *optimize.Result)) error {
		for i, p := range problems {
			for _, from := range p.Starts {
				r, err := solvers[i].Solve(context.Background(), optimize.Values{"b": from}, optimize.Options{})
				if err != nil {
					return fmt.Errorf("%s: %w", p.Name, err)
				}
				use(p, r)
			}
		}
		return nil
	}
	err = each(func(p *strd.Problem, r *optimize.Result) {
		info["calls"] += float64(r.Evaluations.Values + r.Evaluations.Jacobians)
		if d := strd.Digits(r.X["b"], p.Certified); d >= 8 {
			six, eight = six+1, eight+1
		} else if d >= 6 {
			six++
		}
	})
	if err != nil {
		return nil, err
	}
	return &protocol.Item{Run: func(n int) error {
		for range n {
			if err := each(func(*strd.Problem, *optimize.Result) {}); err != nil {
				return err
			}
		}
		return nil
	}, Check: []float64{six, eight}, Info: info}, nil
}
