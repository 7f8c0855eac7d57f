package onnx_test

import (
	"bytes"
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
)

// What is written can be read by other systems, and is a graph like any other when it is read back.
func ExampleWrite() {
	g := graph.New()
	x := g.Input("x", graph.Float32, 2)
	var file bytes.Buffer
	err := onnx.Write(&file, []*graph.Node{graph.Sum(graph.Square(x)).Named("y")}, onnx.WriteOptions{})
	fmt.Println(err)

	m, err := onnx.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := m.Build(graph.New(), onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := compile.TraceValues(map[string]any{"x": []float32{3, 4}}, r.Outputs...)
	v, _ := y.Value(r.Outputs[0])
	fmt.Println(v, err)
	// Output:
	// <nil>
	// 25 <nil>
}
