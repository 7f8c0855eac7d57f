package work

import (
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	shape("pairwise", []int{512, 3}, func(g *graph.Graph, x *graph.Node) *graph.Node {
		d := graph.Sub(graph.Reshape(x, 512, 1, 3), graph.Reshape(x, 1, 512, 3))
		return graph.Exp(graph.Neg(graph.ReduceSum(graph.Square(d), []int{-1})))
	})
	shape("rows3", []int{100_000, 3}, func(g *graph.Graph, x *graph.Node) *graph.Node {
		return graph.Sqrt(graph.Add(g.Scalar(x.DType(), 1), graph.ReduceSum(graph.Square(x), []int{-1})))
	})
	shape("middle", []int{2048, 4, 64}, func(g *graph.Graph, x *graph.Node) *graph.Node {
		return graph.Square(graph.ReduceSum(x, []int{1}))
	})
	shape("softmax_rows", []int{2048, 100}, func(g *graph.Graph, x *graph.Node) *graph.Node {
		w := graph.Constant(g, inputs.Wave[float64](2048*100, 1, 0.11, 0.1), 2048, 100)
		return graph.Mul(graph.Softmax(x, -1), graph.Cast(w, x.DType()))
	})
	shape("logsumexp_rows", []int{2048, 100}, func(g *graph.Graph, x *graph.Node) *graph.Node {
		return graph.LogSumExp(x, []int{-1})
	})
	shape("gather_scalars", []int{8192}, func(g *graph.Graph, x *graph.Node) *graph.Node {
		index := make([]int32, 8192)
		for i := range index {
			index[i] = int32(i * 4099 % 8192 / 2)
		}
		return graph.Square(graph.Gather(x, graph.Constant(g, index, len(index)), 0))
	})
	shapeOf("small_matrices", 2.5, []int{32, 8, 8}, func(g *graph.Graph, a *graph.Node) *graph.Node {
		p := graph.Index(a, 0)
		for k := 1; k < 32; k++ {
			p = graph.MatMul(p, graph.Index(a, k))
		}
		return p
	})
}

// shape registers the sum of f's elements with its gradient, in both dtypes.
func shape(work string, dims []int, f func(g *graph.Graph, x *graph.Node) *graph.Node) {
	shapeOf(work, 1, dims, f)
}

// shapeOf is shape with inputs up to scale.
func shapeOf(work string, scale float64, dims []int, f func(g *graph.Graph, x *graph.Node) *graph.Node) {
	register(work, "float64", func() (*protocol.Item, error) { return shapeItem[float64](scale, dims, f) })
	register(work, "float32", func() (*protocol.Item, error) { return shapeItem[float32](scale, dims, f) })
}

func shapeItem[T inputs.Float](scale float64, dims []int, f func(g *graph.Graph, x *graph.Node) *graph.Node) (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	x := g.Input("x", dtypeOf[T](), dims...)
	m, info, err := valueAndGradient(start, graph.Sum(f(g, x)), x)
	if err != nil {
		return nil, err
	}
	if err := fill(m, "x", inputs.Wave[T](x.Shape().Size(), scale, 0.37, 0.1)); err != nil {
		return nil, err
	}
	return item(m, info, func() []float64 {
		return []float64{float64(view[T](m, valueName)[0]), inputs.SumOfSquares(view[T](m, gradientName("x")))}
	})
}
