package stablehlo_test

import (
	"fmt"
	"os"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/stablehlo"
)

func ExampleWrite() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	if err := stablehlo.Write(os.Stdout, []*graph.Node{graph.Sin(x.Mul(2))}, stablehlo.WriteOptions{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// module @adjoint {
	//   func.func public @main(%x: tensor<3xf64>) -> (tensor<3xf64>) {
	//     %0 = stablehlo.constant dense<2.0e+00> : tensor<f64>
	//     %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f64>) -> tensor<3xf64>
	//     %2 = stablehlo.multiply %x, %1 : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
	//     %3 = stablehlo.sine %2 : (tensor<3xf64>) -> tensor<3xf64>
	//     return %3 : tensor<3xf64>
	//   }
	// }
}
