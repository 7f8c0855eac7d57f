package onnx

import (
	"github.com/adjoint-go/adjoint/graph"
)

// activations of neural networks.
var activations = []operator{
	{name: "Celu", in: func(c *call) []value {
		x, a := c.x(0), c.float("alpha", 1)
		return c.out(scaledElu(x, a, 1, 1/a))
	}},
	{name: "Elu", in: func(c *call) []value { return c.out(graph.Elu(c.x(0), c.float("alpha", 1))) }},
	{name: "Gelu", in: func(c *call) []value {
		if c.string("approximate", "none") == "tanh" {
			return c.out(graph.GeluTanh(c.x(0)))
		}
		return c.out(graph.Gelu(c.x(0)))
	}},
	{name: "HardSigmoid", in: func(c *call) []value {
		return c.out(hardSigmoid(c.x(0), c.float("alpha", float64(float32(0.2))), c.float("beta", 0.5)))
	}},
	{name: "HardSwish", in: func(c *call) []value {
		x := c.x(0)
		return c.out(graph.Mul(x, hardSigmoid(x, 1.0/6, 0.5)))
	}},
	{name: "Hardmax", in: func(c *call) []value {
		return c.flattened(-1, func(x *graph.Node, axis int) *graph.Node {
			return graph.OneHot(graph.Argmax(x, axis), x.DType(), x.Shape()[axis], axis)
		})
	}},
	{name: "LeakyRelu", in: func(c *call) []value {
		return c.out(graph.LeakyRelu(c.x(0), c.float("alpha", float64(float32(0.01)))))
	}},
	{name: "LogSoftmax", in: func(c *call) []value { return c.flattened(-1, graph.LogSoftmax) }},
	{name: "Mish", in: func(c *call) []value {
		x := c.x(0)
		return c.out(graph.Mul(x, graph.Tanh(graph.Softplus(x))))
	}},
	{name: "PRelu", in: func(c *call) []value {
		x, slope := c.x(0), c.x(1)
		return c.out(graph.Where(graph.Less(x, graph.Like(x, 0)), graph.Mul(x, slope), x))
	}},
	{name: "Relu", in: unary(graph.Relu), out: "relu"},
	{name: "Selu", in: func(c *call) []value {
		a, gamma := c.float("alpha", float64(float32(1.67326319217681884765625))), c.float("gamma", float64(float32(1.05070102214813232421875)))
		return c.out(scaledElu(c.x(0), a*gamma, gamma, 1))
	}},
	{name: "Shrink", in: func(c *call) []value {
		x := c.x(0)
		bias, l := graph.Like(x, c.float("bias", 0)), c.float("lambd", 0.5)
		low, high := graph.Cast(graph.Less(x, graph.Like(x, -l)), x.DType()), graph.Cast(graph.Greater(x, graph.Like(x, l)), x.DType())
		if x.DType().IsInt() { // a bound between whole numbers
			f := graph.Cast(x, graph.Float64)
			low, high = graph.Cast(graph.Less(f, graph.Like(f, -l)), x.DType()), graph.Cast(graph.Greater(f, graph.Like(f, l)), x.DType())
		}
		zero := graph.Like(x, 0)
		return c.wrapped(graph.Where(graph.NotEqual(low, zero), graph.Add(x, bias), graph.Where(graph.NotEqual(high, zero), graph.Sub(x, bias), zero)))
	}},
	{name: "Sigmoid", in: unary(graph.Sigmoid), out: "sigmoid"},
	{name: "Softmax", in: func(c *call) []value { return c.flattened(-1, graph.Softmax) }},
	{name: "Softplus", in: unary(graph.Softplus), out: "softplus"},
	{name: "Softsign", in: unary(graph.Softsign)},
	{name: "Swish", in: func(c *call) []value {
		x, a := c.x(0), c.float("alpha", 1)
		if a == 1 {
			return c.out(graph.Silu(x))
		}
		return c.out(graph.Mul(x, graph.Sigmoid(graph.Mul(x, graph.Like(x, a)))))
	}},
	{name: "ThresholdedRelu", in: func(c *call) []value {
		x := c.x(0)
		return c.out(graph.Where(graph.Greater(x, graph.Like(x, c.float("alpha", 1))), x, graph.Like(x, 0)))
	}},
}

// scaledElu is below·(exp(x·rate) − 1) for x < 0 and above·x else.
func scaledElu(x *graph.Node, below, above, rate float64) *graph.Node {
	low := graph.Mul(graph.Like(x, below), graph.Expm1(graph.Mul(graph.Min(x, graph.Like(x, 0)), graph.Like(x, rate))))
	return graph.Where(graph.Less(x, graph.Like(x, 0)), low, graph.Mul(x, graph.Like(x, above)))
}

func hardSigmoid(x *graph.Node, alpha, beta float64) *graph.Node {
	return graph.Clip(graph.Add(graph.Mul(x, graph.Like(x, alpha)), graph.Like(x, beta)), graph.Like(x, 0), graph.Like(x, 1))
}

// flattened applies f along an axis; before version 13, to all dimensions from the axis on as one.
func (c *call) flattened(otherwise int, f func(x *graph.Node, axis int) *graph.Node) []value {
	x := c.x(0)
	s := x.Shape()
	if c.version >= 13 {
		if len(s) == 0 {
			return c.out(graph.Reshape(f(graph.Reshape(x, 1), 0)))
		}
		return c.out(f(x, c.axis(c.int("axis", otherwise), len(s))))
	}
	return c.out(graph.Reshape(f(c.matrix(x), 1), s...))
}
