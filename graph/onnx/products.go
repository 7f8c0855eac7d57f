package onnx

import (
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// products are matrix products and what belongs to them.
var products = []operator{
	{name: "Det", in: unary(graph.Det), out: "det"},
	{name: "Einsum", in: func(c *call) []value {
		equation := strings.ReplaceAll(c.string("equation", ""), " ", "")
		xs := c.xs()
		if d := xs[0].DType(); d.IsInt() {
			for i := range xs {
				xs[i] = graph.Cast(xs[i], graph.Float64)
			}
			return c.wrapped(graph.Cast(graph.Einsum(equation, xs...), d))
		}
		return c.out(graph.Einsum(equation, xs...))
	}},
	{name: "Gemm", in: gemm},
	{name: "MatMul", in: func(c *call) []value { return c.wrapped(matMul(c.x(0), c.x(1))) }, out: "matmul"},
	{name: "MatMulInteger", in: func(c *call) []value {
		a := c.lessZero(0, 2, -2)
		b := c.lessZero(1, 3, -1)
		return c.as(kindInt32, graph.Cast(matMul(a, b), graph.Int32))
	}},
}

// matMul is the matrix product; that of integers goes through float64, which is exact below 2⁵³.
func matMul(a, b *graph.Node) *graph.Node {
	if d := a.DType(); d.IsInt() && b.DType() == d {
		return graph.Cast(graph.MatMul(graph.Cast(a, graph.Float64), graph.Cast(b, graph.Float64)), d)
	}
	return graph.MatMul(a, b)
}

func gemm(c *call) []value {
	a, b := c.x(0), c.x(1)
	if a.Shape().Rank() != 2 || b.Shape().Rank() != 2 {
		c.fail("operands %v and %v: needs matrices", a.Type(), b.Type())
	}
	if c.bool("transA", false) {
		a = graph.Transpose(a)
	}
	if c.bool("transB", false) {
		b = graph.Transpose(b)
	}
	y := matMul(a, b)
	scale := func(x *graph.Node, by float64) *graph.Node {
		if by == 1 {
			return x
		}
		if !x.DType().IsFloat() && by != float64(int(by)) {
			c.fail("integers times %v", by)
		}
		return graph.Mul(x, graph.Like(x, by))
	}
	y = scale(y, c.float("alpha", 1))
	if c.has(2) {
		if beta := c.float("beta", 1); beta != 0 {
			y = graph.Add(y, scale(c.x(2), beta))
		}
	}
	return c.out(y)
}
