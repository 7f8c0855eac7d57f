// Package onnx reads and writes models in the format of the Open Neural Network Exchange.
//
// A model becomes nodes of a graph like any other: it is differentiated, compiled, trained further and drawn as a graph that was built by hand.
//
//	m, err := onnx.ReadFile("mnist.onnx")
//	g := graph.New()
//	x := g.Input("x", graph.Float32, 1, 1, 28, 28)
//	r, err := m.Build(g, onnx.Options{Inputs: map[string]*graph.Node{"x": x}})
//	p, err := compile.Compile(r.Outputs...)
//
// Shapes are static here and need not be there: extents that a model leaves open are bound by Options.Dims, or by the shapes of Options.Inputs. What decides shapes, such as the
// second operand of Reshape, must follow from constants and shapes; it is computed while the graph is built.
//
// And a graph, gradients included, becomes a model that onnxruntime and others run:
//
//	err := onnx.WriteFile("model.onnx", outputs, onnx.WriteOptions{})
//
// docs/ONNX.md lists all operators of the standard with what is supported.
//
//go:generate go run ./internal/docs ../../docs/ONNX.md
package onnx
