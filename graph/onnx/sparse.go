package onnx

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// sparseLimit bounds the elements of a sparse constant, which is held with its zeros.
const sparseLimit = 1 << 26

// sparseOf places values at indices, [n] of the flat array or [n, rank], into zeros.
func sparseOf(g *graph.Graph, values, at value, s graph.Shape, size int) (value, error) {
	d := values.Type().DType
	if size > sparseLimit {
		return value{}, fmt.Errorf("a sparse tensor of %d elements: %d are the most", size, sparseLimit)
	}
	data := make([]byte, size*d.Size())
	n, rank := values.shape().Size(), len(s)
	wide := len(at.shape()) == 2
	if n > 0 && (at.Type().DType != graph.Int64 || !wide && (len(at.shape()) != 1 || at.shape()[0] != n) || wide && (at.shape()[0] != n || at.shape()[1] != rank)) {
		return value{}, fmt.Errorf("indices %v for %d values of the shape %v", at.Type(), n, s)
	}
	for i := range n {
		flat := int64(0)
		if wide {
			for k, e := range s {
				j := integerAt(at.node.Literal(), i*rank+k)
				if j < 0 || j >= int64(e) {
					return value{}, fmt.Errorf("index %d of the extent %d", j, e)
				}
				flat = flat*int64(e) + j
			}
		} else if flat = integerAt(at.node.Literal(), i); flat < 0 || flat >= int64(size) {
			return value{}, fmt.Errorf("index %d of %d elements", flat, size)
		}
		w := d.Size()
		copy(data[int(flat)*w:][:w], values.node.Literal().Bytes()[i*w:])
	}
	l, err := graph.NewLiteral(graph.Type{DType: d, Shape: s}, data)
	if err != nil {
		return value{}, err
	}
	return value{node: g.Literal(l), kind: values.kind}, nil
}
