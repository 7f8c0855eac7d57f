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
// Element types are f64, f32, i64, i32 and i1; others are errors, since no type here holds them with their own arithmetic. Shapes are static.
package stablehlo
