package vm_test

import (
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// powerSum is Σ xᵖ of a vector, computed by a Go function.
var powerSum *graph.Op

func init() {
	err := vm.RegisterKernel(vm.Kernel{
		Name: "user_power_sum",
		Check: func(in, out []vm.Type, a vm.Attrs) error {
			if len(in) != 1 || len(out) != 1 || len(in[0].Shape) != 1 || len(out[0].Shape) != 0 || in[0].DType != graph.Float64 || out[0].DType != graph.Float64 || a.Int("p") < 1 {
				return errors.New("needs a vector of float64 and a power of 1 or more")
			}
			return nil
		},
		Run: func(in, out []vm.Tensor, a vm.Attrs) error {
			sum := 0.0
			for _, x := range in[0].F64 {
				power := 1.0
				for range a.Int("p") {
					power *= x
				}
				sum += power
			}
			out[0].F64[0] = sum
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	powerSum, err = graph.RegisterUser(graph.Op{
		Name: "user_power_sum", MinArity: 1, MaxArity: 1, Kernel: "user_power_sum",
		Attrs: []graph.AttrSpec{{Key: "p", Kind: graph.AttrInt, Doc: "the power"}},
		Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) {
			if in[0].DType() != graph.Float64 || in[0].Shape().Rank() != 1 {
				return graph.Type{}, fmt.Errorf("the operand is %v: needs a vector of float64", in[0].Type())
			}
			return graph.Type{DType: graph.Float64}, nil
		},
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			x, p := n.Input(0), float64(n.Attrs().Int("p"))
			return []*graph.Node{graph.Mul(ct[0], graph.Mul(graph.Like(x, p), graph.Pow(x, graph.Like(x, p-1))))}
		},
	})
	if err != nil {
		panic(err)
	}
}

func ExampleRegisterKernel() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := graph.CallWith(powerSum, []graph.Attr{graph.IntAttr("p", 3)}, x)
	dy, _ := compile.Gradient(y, x)
	p, err := compile.Compile(y, dy[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := vm.NewMachine(p).Run(tensor.New(tensor.WithShape(3), tensor.WithBacking([]float64{1, 2, 3})))
	fmt.Println(out[0].Data(), out[1].Data(), err)
	// Output: 36 [3 12 27] <nil>
}
