// Package shard evaluates a program on rows of data that are cut into shards, and adds up what it returns: the value of a cost and its gradient, the Gauss–Newton products JᵀJ and Jᵀr, counts. Whatever the program's outputs are, they are sums
// over rows.
//
//	x, y := g.Input("x", graph.Float64, 1024, 20), g.Input("y", graph.Float64, 1024) // blocks of 1024 rows
//	w, b := g.Input("weight", graph.Float64, 1024), g.Input("b", graph.Float64, 20)
//	cost := graph.Sum(graph.Mul(w, graph.Softplus(graph.Mul(y, graph.MatMul(x, b)))))
//	d, err := compile.Gradient(cost, b)
//	p, err := compile.Compile(cost, d[0])
//	job := shard.Job{Program: p, Rows: []string{"x", "y"}, Weight: "weight"}
//	pool, err := shard.NewPool(job, source, shard.Options{Shards: 64})
//	sum, err := pool.Sum(ctx, map[string]any{"b": b0})
//	v, err := sum.Values() // the cost and its gradient over all rows
//
// The results of blocks are added exactly, in accumulators as wide as the range of float64 needs (Kulisch; the digits of 32 bits in words of 64 after Neal, Fast exact summation using small and large superaccumulators, arXiv:1505.05571, 2015), and
// a sum is rounded once, by Values. So neither the number of shards, nor the order in which they come in, nor the number of workers changes a bit of a result, or of the encoded form of a sum. What does is the number of rows of a block, within which the
// program itself adds.
//
// A Partial knows the rows that are in it, and two that have a row in common do not merge: nothing is counted twice.
//
// Package shard runs shards on the goroutines of one process. The modules vm/beam and vm/nats do so on other machines, with the same jobs, sources and sums.
package shard
