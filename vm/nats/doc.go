// Package nats sums programs over shards, and runs them for rows on their own, by workers that pull them from a stream of NATS JetStream: for many short evaluations, where starting a pipeline for each (package vm/beam) would take longer than it.
//
//	c, err := nats.Open(ctx, nats.Options{})         // a server in this process; or URL: that of another one
//	go nats.Work(ctx, c.URL(), nats.WorkerOptions{}) // here, or in any number of other processes that know the sources
//	sum, err := c.Sum(ctx, job, "npy:x=/data/x.npy", parameters, 64)
//	rows, err := c.Map(ctx, mapJob, "npy:measured=/data/stations.npy", 64) // inversions that have nothing to do with each other
//
// Jobs, sources and sums are those of package vm/shard, and so are the results, bit for bit; shard.ValueAndGradient makes of Sum a function for optimize.Minimize.
//
// A shard is delivered again if its worker does not say for a while that it is at work, so what a worker that crashed had taken is not lost. Then it may happen that two workers return a shard. Results have the shard's name, and each is taken once:
// the stream drops a second one, and the caller would.
//
// AllReduce adds the sums of ranks that work in step, for training on several machines. The server keeps no more of them than the last steps' (Group.Keep).
package nats
