package testkit

import (
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

// GradientOfOutputs returns the gradient of the sum of the sines of all floats among the outputs, so that adjoints differ; nil if there is nothing to differentiate, or no derivative.
func GradientOfOutputs(outputs, wrt []*graph.Node) []*graph.Node {
	var sum *graph.Node
	for _, n := range outputs {
		if !n.DType().IsFloat() {
			continue
		}
		s := graph.Sum(graph.Sin(n))
		if sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, graph.Cast(s, sum.DType()))
		}
	}
	if sum == nil || len(wrt) == 0 {
		return nil
	}
	d, err := compile.Gradient(sum, wrt...)
	if err != nil {
		return nil
	}
	return d
}

// ArrayOf returns a value of the reference interpreter as one that machines take.
func ArrayOf(v ref.Value) vm.Array {
	a := vm.Array{Shape: v.Type.Shape}
	switch v.Type.DType {
	case graph.Float64:
		a.Data = v.F
	case graph.Float32:
		f := make([]float32, len(v.F))
		for i, x := range v.F {
			f[i] = float32(x)
		}
		a.Data = f
	case graph.Int64:
		a.Data = v.I
	case graph.Int32:
		f := make([]int32, len(v.I))
		for i, x := range v.I {
			f[i] = int32(x)
		}
		a.Data = f
	default:
		a.Data = v.B
	}
	return a
}
