package onnx

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// reductions combine elements along axes.
var reductions = []operator{
	{name: "CumProd", in: cumulative(graph.Cumprod)},
	{name: "CumSum", in: cumulative(graph.Cumsum)},
	{name: "GlobalAveragePool", in: global(func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		return graph.ReduceMean(x, axes, opts...)
	})},
	{name: "GlobalLpPool", in: func(c *call) []value {
		p := c.int("p", 2)
		return global(func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
			return norm(x, p, axes, opts...)
		})(c)
	}},
	{name: "GlobalMaxPool", in: global(graph.ReduceMax)},
	{name: "ReduceL1", in: reduce(0, graph.ReduceL1)},
	{name: "ReduceL2", in: reduce(0, func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		return inFloats(x, func(x *graph.Node) *graph.Node { return graph.ReduceL2(x, axes, opts...) })
	})},
	{name: "ReduceLogSum", in: reduce(math.Inf(-1), func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		return graph.Log(graph.ReduceSum(x, axes, opts...))
	})},
	{name: "ReduceLogSumExp", in: reduce(math.Inf(-1), graph.LogSumExp)},
	{name: "ReduceMax", in: reduce(math.Inf(-1), func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		if x.DType() == graph.Bool {
			return graph.ReduceAny(x, axes, opts...)
		}
		return graph.ReduceMax(x, axes, opts...)
	})},
	{name: "ReduceMean", in: reduce(math.NaN(), func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		return inFloats(x, func(x *graph.Node) *graph.Node { return graph.ReduceMean(x, axes, opts...) })
	})},
	{name: "ReduceMin", in: reduce(math.Inf(1), func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		if x.DType() == graph.Bool {
			return graph.ReduceAll(x, axes, opts...)
		}
		return graph.ReduceMin(x, axes, opts...)
	})},
	{name: "ReduceProd", in: reduce(1, graph.ReduceProd)},
	{name: "ReduceSum", in: reduce(0, graph.ReduceSum)},
	{name: "ReduceSumSquare", in: reduce(0, func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node {
		return graph.ReduceSum(graph.Square(x), axes, opts...)
	})},
}

// inFloats applies f to integers as floating-point numbers; the result is an integer again.
func inFloats(x *graph.Node, f func(x *graph.Node) *graph.Node) *graph.Node {
	if x.DType().IsFloat() {
		return f(x)
	}
	return graph.Cast(f(graph.Cast(x, graph.Float64)), x.DType())
}

// norm is the p-norm along axes.
func norm(x *graph.Node, p int, axes []int, opts ...graph.ReduceOption) *graph.Node {
	switch p {
	case 1:
		return graph.ReduceL1(x, axes, opts...)
	case 2:
		return graph.ReduceL2(x, axes, opts...)
	}
	s := graph.ReduceSum(graph.Pow(graph.Abs(x), graph.Like(x, float64(p))), axes, opts...)
	return graph.Pow(s, graph.Like(x, 1/float64(p)))
}

// reductionsByOperand are those whose axes are an operand since version 13, the others since 18.
const sumOfVersion13 = "ReduceSum"

func reduce(ofNothing float64, f func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node) func(c *call) []value {
	return func(c *call) []value {
		v := c.arg(0)
		s := v.shape()
		since := 18
		if c.op.name == sumOfVersion13 {
			since = 13
		}
		axes, given := c.axesOf(1, since)
		keep := c.bool("keepdims", true)
		if !given || len(axes) == 0 {
			if c.bool("noop_with_empty_axes", false) {
				switch c.op.name { // the operator of single elements remains
				case "ReduceL1", "ReduceL2":
					return c.wrapped(graph.Abs(c.x(0)))
				case "ReduceLogSum":
					return c.out(graph.Log(c.x(0)))
				case "ReduceSumSquare":
					return c.wrapped(graph.Square(c.x(0)))
				}
				return []value{v}
			}
			axes = nil
			for i := range s {
				axes = append(axes, i)
			}
		}
		axes = c.axes(axes, len(s))
		var to []int
		for i, e := range s {
			if !slices.Contains(axes, i) {
				to = append(to, e)
			} else if keep {
				to = append(to, 1)
			}
		}
		if s.Empty() {
			if slices.Contains(to, 0) {
				return []value{none(c.g(), v.kind, to)}
			}
			fill := graph.Like(c.x(0), ofNothing)
			if v.Type().DType.IsInt() && math.IsInf(ofNothing, 0) {
				c.fail("the extremum of no integers")
			}
			return c.filled(v.kind, fill, to)
		}
		x := c.x(0)
		if len(s) == 0 { // of one element without dimensions
			x = graph.Reshape(x, 1)
			return c.wrapped(graph.Reshape(f(x, []int{0})))
		}
		if len(axes) == 0 {
			return []value{v}
		}
		r := c.wrapped(graph.Reshape(f(x, axes), to...))
		if v.kind.dtype() == r[0].node.DType() {
			r[0].kind = v.kind
		}
		return r
	}
}

func cumulative(f func(x *graph.Node, axis int, opts ...graph.ScanOption) *graph.Node) func(c *call) []value {
	return func(c *call) []value {
		x := c.x(0)
		axis := c.axis(int(c.scalarOf(1, "the axis", 0)), x.Shape().Rank())
		var opts []graph.ScanOption
		if c.bool("exclusive", false) {
			opts = append(opts, graph.Exclusive)
		}
		if c.bool("reverse", false) {
			opts = append(opts, graph.Reverse)
		}
		return c.wrapped(f(x, axis, opts...))
	}
}

// global pools over all spatial dimensions.
func global(f func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node) func(c *call) []value {
	return func(c *call) []value {
		x := c.x(0)
		c.need(x, 3)
		var axes []int
		for i := 2; i < x.Shape().Rank(); i++ {
			axes = append(axes, i)
		}
		return c.out(f(x, axes, graph.KeepDims))
	}
}
