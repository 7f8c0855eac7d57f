package work

import (
	"fmt"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("chain", "float64", chain[float64])
	register("chain", "float32", chain[float32])
	for name, op := range map[string]func(x, y *graph.Node) *graph.Node{"add1e7": graph.Add, "mul1e7": graph.Mul} {
		register(name, "float64", func() (*protocol.Item, error) { return binary[float64](op) })
		register(name, "float32", func() (*protocol.Item, error) { return binary[float32](op) })
	}
	for _, n := range []int{64, 256, 1024, 2048} {
		register(fmt.Sprintf("gemm%d", n), "float64", func() (*protocol.Item, error) { return gemm[float64](n) })
		register(fmt.Sprintf("gemm%d", n), "float32", func() (*protocol.Item, error) { return gemm[float32](n) })
	}
}

// products are shapes of other matrix products.
var products = map[string][2][]int{
	"product_row":   {{1, 4096}, {4096, 4096}},
	"product_odd":   {{7, 13}, {13, 5}},
	"product_outer": {{1000, 3}, {3, 1000}},
	"product_batch": {{512, 128, 64}, {512, 64, 32}},
}

func init() {
	for name, shapes := range products {
		register(name, "float64", func() (*protocol.Item, error) { return product[float64](shapes) })
		register(name, "float32", func() (*protocol.Item, error) { return product[float32](shapes) })
	}
	padding := []int{1, 1, 1, 1}
	register("conv", "float32", func() (*protocol.Item, error) { return convolution(graph.Window{Padding: padding}) })
	register("conv.winograd", "float32", func() (*protocol.Item, error) { return convolution(graph.Window{Padding: padding, Winograd: true}) })
}

// gradientOfSum returns the gradients of the sum of y's elements.
func gradientOfSum(y *graph.Node, wrt ...*graph.Node) ([]*graph.Node, error) {
	return compile.Gradient(graph.Sum(y), wrt...)
}

// chain is Σ exp(−x²)·sin x + x/(1+x²).
func chain[T inputs.Float]() (*protocol.Item, error) {
	const n = 1_000_000
	start := time.Now()
	g := graph.New()
	x := g.Input("x", dtypeOf[T](), n)
	one := g.Scalar(dtypeOf[T](), 1)
	square := graph.Mul(x, x)
	y := graph.Sum(graph.Add(
		graph.Mul(graph.Exp(graph.Neg(square)), graph.Sin(x)),
		graph.Div(x, graph.Add(one, square))))
	m, info, err := valueAndGradient(start, y, x)
	if err != nil {
		return nil, err
	}
	if err := fill(m, "x", inputs.Linspace[T](-4, 4, n)); err != nil {
		return nil, err
	}
	return item(m, info, func() []float64 {
		return []float64{float64(view[T](m, valueName)[0]), inputs.SumOfSquares(view[T](m, gradientName("x")))}
	})
}

// binary is one operation on two large arrays.
func binary[T inputs.Float](op func(x, y *graph.Node) *graph.Node) (*protocol.Item, error) {
	const n = 10_000_000
	g := graph.New()
	a, b := g.Input("a", dtypeOf[T](), n), g.Input("b", dtypeOf[T](), n)
	m, err := machine(map[string]float64{}, op(a, b).Named("c"))
	if err != nil {
		return nil, err
	}
	if err := fill(m, "a", inputs.Wave[T](n, 1, 0.37, 0.1)); err != nil {
		return nil, err
	}
	if err := fill(m, "b", inputs.Wave[T](n, 1, 0.11, 0.2)); err != nil {
		return nil, err
	}
	return item(m, nil, func() []float64 { return []float64{inputs.SumOfSquares(view[T](m, "c"))} })
}

// gemm is a product of square matrices.
func gemm[T inputs.Float](n int) (*protocol.Item, error) {
	g := graph.New()
	a, b := g.Input("a", dtypeOf[T](), n, n), g.Input("b", dtypeOf[T](), n, n)
	m, err := machine(map[string]float64{}, graph.MatMul(a, b).Named("c"))
	if err != nil {
		return nil, err
	}
	if err := fill(m, "a", inputs.Wave[T](n*n, 1, 0.37, 0.1)); err != nil {
		return nil, err
	}
	if err := fill(m, "b", inputs.Wave[T](n*n, 1, 0.11, 0.1)); err != nil {
		return nil, err
	}
	return item(m, nil, func() []float64 { return []float64{inputs.Trace(view[T](m, "c"), n)} })
}

// product is a matrix product.
func product[T inputs.Float](shapes [2][]int) (*protocol.Item, error) {
	g := graph.New()
	a, b := g.Input("a", dtypeOf[T](), shapes[0]...), g.Input("b", dtypeOf[T](), shapes[1]...)
	m, err := machine(map[string]float64{}, graph.MatMul(a, b).Named("c"))
	if err != nil {
		return nil, err
	}
	for i, x := range []*graph.Node{a, b} {
		if err := fill(m, x.Name(), inputs.Wave[T](x.Shape().Size(), 1, []float64{0.37, 0.11}[i], 0.1)); err != nil {
			return nil, err
		}
	}
	return item(m, nil, func() []float64 { return []float64{inputs.SumOfSquares(view[T](m, "c"))} })
}

// convolution is the gradients of ½|y|² of a convolution, without the value.
func convolution(window graph.Window) (*protocol.Item, error) {
	g := graph.New()
	x, w := g.Input("x", graph.Float32, 8, 64, 56, 56), g.Input("w", graph.Float32, 64, 64, 3, 3)
	y := graph.Conv(x, w, window)
	gradients, err := compile.Gradient(graph.Div(graph.Sum(graph.Square(y)), graph.Like(graph.Sum(y), 2)), x, w)
	if err != nil {
		return nil, err
	}
	m, err := machine(map[string]float64{}, gradients[0].Named("gx"), gradients[1].Named("gw"))
	if err != nil {
		return nil, err
	}
	if err := fill(m, "x", inputs.Wave[float32](8*64*56*56, 1, 0.13, 0.1)); err != nil {
		return nil, err
	}
	if err := fill(m, "w", inputs.Wave[float32](64*64*9, 0.05, 0.29, 0.1)); err != nil {
		return nil, err
	}
	return item(m, nil, func() []float64 {
		return []float64{inputs.SumOfSquares(view[float32](m, "gx")), inputs.SumOfSquares(view[float32](m, "gw"))}
	})
}
