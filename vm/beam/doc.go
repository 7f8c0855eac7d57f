// Package beam runs programs on engines that Apache Beam has runners for: prism within the process, which needs nothing else, and Flink, Spark or Dataflow through their job servers, chosen by Beam's own flags (--runner, --endpoint, --environment_type …).
//
//	func main() {
//		flag.Parse()
//		beam.Init() // in a worker of a remote engine it does not return
//		…
//		sum, err := beam.Sum(ctx, job, "npy:x=/data/x.npy,y=/data/y.npy", b, beam.Options{Shards: 64})
//
// Jobs, sources and sums are those of package vm/shard, and so are the results, bit for bit. ValueAndGrad and MapPrograms are the transforms for pipelines of one's own; Sum and Map run a pipeline of one of them and return its result, and
// shard.ValueAndGradient makes of Sum a function for optimize.Minimize.
//
// The bytes of the program are the state of the functions that workers are sent. The machines are made once in each process, as many as it has processors, and kept for the next pipeline with the same program. The shards of a bundle are computed by all of them at once, and their sums merged before they are sent. An error has the rows,
// the operator and the line of the graph that the program was compiled from.
//
// Sources are opened by name where they are read (shard.Open): all workers need to see the files, and have the schemes registered in an init function. This package has those of package vm/arrow registered beside npy.
package beam

import _ "github.com/adjoint-go/adjoint/vm/arrow" // registers its schemes
