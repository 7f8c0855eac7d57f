package main

import (
	"errors"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// newton is y with y³ = x for each element, by Newton's method; its derivative is that of the equation.
func newton(x *graph.Node) (*graph.Node, error) {
	return implicit.Root(func(y *graph.Node) *graph.Node { return graph.Sub(graph.Mul(y, graph.Square(y)), x) }, graph.FullLike(x, 1), implicit.Options{Lanes: x.Shape().Rank()})
}

// custom is the same by an operator of the example's own.
func custom(x *graph.Node) (*graph.Node, error) { return graph.Call(cubeRoot, x), nil }

// cubeRoot runs a kernel written in Go, and has the derivative 1/3y² in reverse, from which that in forward mode follows.
var cubeRoot = registered()

func registered() *graph.Op {
	err := vm.RegisterKernel(vm.Kernel{
		Name: "user_cube_root",
		Check: func(in, out []vm.Type, _ vm.Attrs) error {
			if len(in) != 1 || len(out) != 1 || in[0].DType != graph.Float64 || out[0].DType != graph.Float64 || in[0].Size() != out[0].Size() {
				return errors.New("needs an array of float64")
			}
			return nil
		},
		Run: func(in, out []vm.Tensor, _ vm.Attrs) error {
			for i, x := range in[0].F64 {
				out[0].F64[i] = math.Cbrt(x)
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	op, err := graph.RegisterUser(graph.Op{
		Name: "user_cube_root", Doc: "The cube root of each element.", MinArity: 1, MaxArity: 1, Kernel: "user_cube_root",
		Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) {
			if in[0].DType() != graph.Float64 {
				return graph.Type{}, errors.New("needs float64")
			}
			return in[0].Type(), nil
		},
		VJP: func(y *graph.Node, ct []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Div(ct[0], graph.Mul(graph.Like(y, 3), graph.Square(y)))}
		},
	})
	if err != nil {
		panic(err)
	}
	return op
}

// slopes are the roots of x and their derivatives.
func slopes(root func(x *graph.Node) (*graph.Node, error), x []float64) (y, slope []float64, err error) {
	g := graph.New()
	in := g.Input("x", graph.Float64, len(x))
	out, err := root(in)
	if err != nil {
		return nil, nil, err
	}
	d, err := compile.Gradient(graph.Sum(out), in)
	if err != nil {
		return nil, nil, err
	}
	p, err := compile.Compile(out, d[0])
	if err != nil {
		return nil, nil, err
	}
	m := vm.NewMachine(p)
	copy(m.Float64("x"), x)
	return m.OutputFloat64(0), m.OutputFloat64(1), m.Step()
}
