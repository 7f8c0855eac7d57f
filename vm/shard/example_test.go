package shard_test

import (
	"context"
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// A sum of squares and its gradient over five rows, in blocks of two; it has the same bits for any number of shards and workers.
func ExampleNewPool() {
	g := graph.New()
	x, weight, w := g.Input("x", graph.Float64, 2), g.Input("weight", graph.Float64, 2), g.Input("w", graph.Float64)
	loss := graph.Sum(graph.Square(x.Mul(w).Sub(1)).Mul(weight))
	d, err := compile.Gradient(loss, w)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := compile.Compile(loss, d[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	source, err := shard.Arrays(map[string]any{"x": []float64{1, 2, 3, 4, 5}})
	if err != nil {
		fmt.Println(err)
		return
	}
	pool, err := shard.NewPool(shard.Job{Program: p, Rows: []string{"x"}, Weight: "weight"}, source, shard.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := pool.Sum(context.Background(), map[string]any{"w": 1.0})
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := sum.Values()
	fmt.Println(sum.Rows(), values[0], values[1], err)
	// Output: 5 30 80 <nil>
}
