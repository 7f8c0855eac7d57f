package onnx_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
	"github.com/adjoint-go/adjoint/vm"
)

// A model is written, read back with its weight as an input, and differentiated by it.
func Example() {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 3), g.Input("w", graph.Float64, 3)
	y := graph.Square(graph.Sum(graph.Mul(x, w))).Named("y")
	weights, err := graph.NewLiteral(w.Type(), make([]byte, 24)) // zeros
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := onnx.Write(&file, []*graph.Node{y}, onnx.WriteOptions{Values: map[string]*graph.Literal{"w": weights}}); err != nil {
		log.Fatal(err)
	}

	m, err := onnx.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Inputs(), m.Outputs(), m.Operators())
	g = graph.New()
	r, err := m.Build(g, onnx.Options{Trainable: onnx.Floats})
	if err != nil {
		log.Fatal(err)
	}
	d, err := compile.Gradient(r.Outputs[0], r.Parameters...)
	if err != nil {
		log.Fatal(err)
	}
	p, err := compile.Compile(r.Outputs[0], d[0])
	if err != nil {
		log.Fatal(err)
	}
	out, err := vm.NewMachine(p).Call(map[string]any{"x": []float64{1, 2, 3}, "w": []float64{1, 0, 1}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0], out[1])
	// Output:
	// [DOUBLE[3]] [DOUBLE[]] [Identity Mul ReduceSum]
	// 16 [8 16 24]
}
