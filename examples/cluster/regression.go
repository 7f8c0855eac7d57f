package main

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// The logistic regression: rows of features, the last of which is 1, and a label of ±1 drawn by the model's probability.
const (
	features = 20
	block    = 4096
)

func init() {
	err := shard.Register("logistic", func(rows string) (shard.Source, error) {
		n, err := strconv.Atoi(rows)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of rows", rows)
		}
		return shard.Generator(n, generate), nil
	})
	if err != nil {
		panic(err)
	}
}

// truth is the coefficient of a feature in the model that labels are drawn from.
func truth(k int) float64 { return math.Cos(float64(3*k)) / 2 }

// generate makes rows: what is in one depends on its number alone.
func generate(_ context.Context, from int, into map[string]vm.Array) error {
	x, y := into["x"].Data.([]float64), into["y"].Data.([]float64)
	for i := range y {
		state := uint64(from+i) * 0x9e3779b97f4a7c15
		next := func() float64 { // SplitMix64 (Steele, Lea & Flood 2014), as a number of [0, 1)
			state += 0x9e3779b97f4a7c15
			z := state
			z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
			z = (z ^ z>>27) * 0x94d049bb133111eb
			return float64((z^z>>31)>>11) * 0x1p-53
		}
		row := x[i*features : (i+1)*features]
		at := 0.0
		for k := range row {
			if row[k] = 1; k < features-1 {
				row[k] = math.Sqrt(12) * (next() - 0.5) // of variance 1
			}
			at += row[k] * truth(k)
		}
		if y[i] = -1; next() < 1/(1+math.Exp(-at)) {
			y[i] = 1
		}
	}
	return nil
}

// regression is the job: the negative logarithm of the likelihood, and its gradient.
func regression() (shard.Job, error) {
	g := graph.New()
	x, y, w := g.Input("x", graph.Float64, block, features), g.Input("y", graph.Float64, block), g.Input("weight", graph.Float64, block)
	b := g.Input("b", graph.Float64, features)
	cost := graph.Sum(graph.Mul(w, graph.Softplus(graph.Neg(graph.Mul(y, graph.MatMul(x, b))))))
	d, err := compile.Gradient(cost, b)
	if err != nil {
		return shard.Job{}, err
	}
	p, err := compile.Compile(cost, d[0])
	return shard.Job{Program: p, Rows: []string{"x", "y"}, Weight: "weight"}, err
}

// fit minimises the mean over all rows, each sum by the given function.
func fit(ctx context.Context, rows int, sum func(ctx context.Context, b map[string]any) (*shard.Partial, error)) (*optimize.Result, error) {
	total := shard.ValueAndGradient(sum, "b")
	mean := func(ctx context.Context, x map[string][]float64) (float64, map[string][]float64, error) {
		v, d, err := total(ctx, x)
		for _, of := range d {
			for i := range of {
				of[i] /= float64(rows)
			}
		}
		return v / float64(rows), d, err
	}
	return optimize.Minimize(ctx, optimize.Function{Evaluate: mean}, optimize.Values{"b": make([]float64, features)}, optimize.Options{GradientTolerance: 1e-8})
}

// off is the largest difference of a coefficient from that of the model, in standard errors: about 1/√(rows·p(1−p)), with p(1−p) at least that of 0.2.
func off(b []float64, rows int) float64 {
	worst := 0.0
	for k, v := range b {
		worst = max(worst, math.Abs(v-truth(k))*math.Sqrt(0.16*float64(rows)))
	}
	return worst
}
