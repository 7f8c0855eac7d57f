// Package stablehlo reads and writes StableHLO, the text by which JAX and PyTorch hand programs to XLA.
//
// What jax.jit(f).lower(x).as_text() or jax.export print becomes nodes of a graph like any other, to be differentiated, compiled and drawn:
//
//	m, err := stablehlo.ReadFile("model.mlir")
//	r, err := m.Build(graph.New(), stablehlo.Options{})
//	p, err := compile.Compile(r.Outputs...)
//
// And a graph, gradients included, becomes a module that jaxlib compiles:
//
//	err := stablehlo.WriteFile("model.mlir", outputs, stablehlo.WriteOptions{})
//
// Elements of f64, f32, i64, i32 and i1 are those of graphs, and all that is written. Narrower and unsigned integers are read as int32 and int64 that hold them, and wrap as their type does; ui64 as its bits in int64, which operations that would show the
// difference refuse. f16 and bf16 are computed in float32. Shapes are static. docs/STABLEHLO.md lists all operations and operators with what is supported.
//
//go:generate go run ./internal/docs ../../docs/STABLEHLO.md
package stablehlo
