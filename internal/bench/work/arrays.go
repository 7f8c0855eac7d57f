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
	register("conv", "float32", func() (*protocol.Item, error) { return convolution(graph.Window{Padding: padding}, 0.05) })
	register("conv.winograd", "float32", func() (*protocol.Item, error) {
		return convolution(graph.Window{Padding: padding, Winograd: true}, 0.05)
	})
	register("conv.depthwise", "float32", func() (*protocol.Item, error) { return convolution(graph.Window{Padding: padding, Groups: 64}, 0.5) })
	register("attention2048", "float32", attention)
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

// convolution is the gradients of ½|y|² of a convolution, without the value; scale is that of the filters.
func convolution(window graph.Window, scale float64) (*protocol.Item, error) {
	g := graph.New()
	channels := 64 / max(1, window.Groups)
	x, w := g.Input("x", graph.Float32, 8, 64, 56, 56), g.Input("w", graph.Float32, 64, channels, 3, 3)
	return gradientsOfSquares(graph.Conv(x, w, window), []float64{1, scale}, []float64{0.13, 0.29}, x, w)
}

// attention is the gradients of ½|y|² of causal attention.
func attention() (*protocol.Item, error) {
	g := graph.New()
	var in []*graph.Node
	for _, name := range []string{"q", "k", "v"} {
		in = append(in, g.Input(name, graph.Float32, 4, 2048, 64))
	}
	return gradientsOfSquares(graph.Attention(in[0], in[1], in[2], graph.AttentionOptions{Causal: true}), []float64{1, 1, 1}, []float64{0.37, 0.11, 0.23}, in...)
}

// gradientsOfSquares is the gradients of ½|y|² for float32 inputs, which are waves, without the value: their squared norms.
func gradientsOfSquares(y *graph.Node, scales, frequencies []float64, in ...*graph.Node) (*protocol.Item, error) {
	gradients, err := compile.Gradient(graph.Div(graph.Sum(graph.Square(y)), graph.Like(graph.Sum(y), 2)), in...)
	if err != nil {
		return nil, err
	}
	for i, x := range in {
		gradients[i] = gradients[i].Named(gradientName(x.Name()))
	}
	m, err := machine(map[string]float64{}, gradients...)
	if err != nil {
		return nil, err
	}
	for i, x := range in {
		if err := fill(m, x.Name(), inputs.Wave[float32](x.Shape().Size(), scales[i], frequencies[i], 0.1)); err != nil {
			return nil, err
		}
	}
	return item(m, nil, func() (norms []float64) {
		for _, x := range in {
			norms = append(norms, inputs.SumOfSquares(view[float32](m, gradientName(x.Name()))))
		}
		return norms
	})
}
