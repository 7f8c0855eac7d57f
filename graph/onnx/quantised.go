package onnx

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// quantised arithmetic: integers that stand for numbers.
var quantised = []operator{
	{name: "DequantizeLinear", in: func(c *call) []value {
		x, scale := c.x(0), c.x(1)
		y := graph.Cast(x, scale.DType())
		if c.has(2) {
			y = graph.Sub(y, c.spread(graph.Cast(c.x(2), scale.DType()), x))
		}
		y = graph.Mul(y, c.spread(scale, x))
		k := c.kindAttr("output_dtype", c.in[1].kind)
		return c.as(k, graph.Cast(y, k.dtype()))
	}},
	{name: "DynamicQuantizeLinear", in: func(c *call) []value {
		x := c.x(0)
		zero := graph.Like(x, 0)
		var axes []int
		for i := range x.Shape() {
			axes = append(axes, i)
		}
		low, high := graph.Min(graph.ReduceMin(x, axes), zero), graph.Max(graph.ReduceMax(x, axes), zero)
		scale := graph.Div(graph.Sub(high, low), graph.Like(x, 255))
		point := graph.Round(graph.Clip(graph.Div(graph.Neg(low), scale), zero, graph.Like(x, 255)))
		y := graph.Clip(graph.Add(graph.Round(graph.Div(x, scale)), point), zero, graph.Like(x, 255))
		return []value{{node: graph.Cast(y, graph.Int32), kind: kindUint8}, {node: scale, kind: kindFloat}, {node: graph.Cast(point, graph.Int32), kind: kindUint8}}
	}},
	{name: "QLinearConv", in: func(c *call) []value {
		y := c.conv(c.lessZero(0, 2, 1), c.lessZero(3, 5, 0))
		if c.has(8) {
			y = graph.Add(y, graph.Cast(channels(c.x(8), y.Shape().Rank()), graph.Float64))
		}
		rank := y.Shape().Rank()
		scale := graph.Mul(graph.Cast(c.scalar(1), graph.Float64), graph.Cast(c.x(4), graph.Float64))
		if scale.Shape().Size() > 1 {
			scale = channels(scale, rank)
		} else if scale.Shape().Rank() > 0 {
			scale = graph.Reshape(scale)
		}
		return c.requantised(graph.Mul(y, scale), 6, 7)
	}},
	{name: "QLinearMatMul", in: func(c *call) []value {
		y := graph.MatMul(c.lessZero(0, 2, -2), c.lessZero(3, 5, -1))
		row, column := graph.Cast(c.x(1), graph.Float64), graph.Cast(c.x(4), graph.Float64)
		if row.Shape().Rank() == 1 && row.Shape().Size() > 1 {
			row = graph.ExpandDims(row, 1)
		}
		return c.requantised(graph.Mul(y, graph.Mul(row, column)), 6, 7)
	}},
	{name: "QuantizeLinear", in: func(c *call) []value {
		x, scale := c.x(0), c.x(1)
		k := kindUint8
		if c.has(2) {
			k = c.in[2].kind
		} else if c.hasAttr("output_dtype") && c.int("output_dtype", 0) != 0 {
			k = c.kindAttr("output_dtype", k)
		}
		small := smallFloats[k]
		if small == nil && !k.dtype().IsInt() {
			c.fail("quantised to %v, which has no counterpart here", k)
		}
		if !x.DType().IsFloat() {
			x = graph.Cast(x, scale.DType())
		}
		scale = graph.Cast(scale, x.DType())
		y := graph.Div(x, c.spread(scale, x))
		if small != nil { // whose zero point is 0
			return c.as(k, small.hold(graph.Cast(y, k.dtype()), c.bool("saturate", true)))
		}
		y = graph.Round(y)
		var point *graph.Node
		if c.has(2) {
			point = c.spread(graph.Cast(c.x(2), x.DType()), x)
		}
		return c.saturated(y, point, k)
	}},
}

// spread brings a vector along the attribute axis, or one number for each block along it, to the shape of x.
func (c *call) spread(v, x *graph.Node) *graph.Node {
	s := x.Shape()
	switch {
	case v.Shape().Size() == 1 && v.Shape().Rank() <= 1:
		return graph.Reshape(v)
	case v.Shape().Rank() == 1 && len(s) > 1 || len(s) == 1 && c.int("block_size", 0) == 0:
		axis := c.axis(c.int("axis", 1), len(s))
		if len(s) == 1 {
			axis = 0
		}
		if v.Shape()[0] != s[axis] {
			c.fail("%v along axis %d of %v", v.Type(), axis, x.Type())
		}
		t := make([]int, len(s))
		for i := range t {
			t[i] = 1
		}
		t[axis] = s[axis]
		return graph.Reshape(v, t...)
	}
	axis := c.axis(c.int("axis", 1), len(s))
	block := c.int("block_size", 0)
	if v.Shape().Rank() != len(s) || block < 1 {
		c.fail("%v for %v with blocks of %d", v.Type(), x.Type(), block)
	}
	r := graph.Repeat(v, block, axis)
	if r.Valid() && r.Shape()[axis] > s[axis] {
		r = along(r, axis, 0, s[axis])
	}
	return r
}

// bounds returns the range of a narrow integer.
func (c *call) bounds(k kind) (low, high float64) {
	width, signed := k.bits()
	if k == kindInt32 {
		width, signed = 32, true
	}
	if width == 0 {
		c.fail("quantised to %v", k)
	}
	if signed {
		return -math.Ldexp(1, width-1), math.Ldexp(1, width-1) - 1
	}
	return 0, math.Ldexp(1, width) - 1
}

// saturated adds the zero point and limits numbers to what the integer holds.
func (c *call) saturated(y, point *graph.Node, k kind) []value {
	if point != nil {
		y = graph.Add(y, point)
	}
	low, high := c.bounds(k)
	return c.as(k, graph.Cast(graph.Clip(y, graph.Like(y, low), graph.Like(y, high)), k.dtype()))
}

// requantised divides by the scale of the result, operand s, and adds its zero point, operand z.
func (c *call) requantised(y *graph.Node, s, z int) []value {
	y = graph.Round(graph.Div(y, graph.Cast(c.scalar(s), graph.Float64)))
	return c.saturated(y, graph.Cast(c.scalar(z), graph.Float64), c.arg(z).kind)
}

// lessZero returns operand i as float64, which holds sums of products of its integers, less the zero point, operand z, which may be one for each index of the given dimension.
func (c *call) lessZero(i, z, axis int) *graph.Node {
	x := graph.Cast(c.x(i), graph.Float64)
	if !c.has(z) {
		return x
	}
	p := graph.Cast(c.x(z), graph.Float64)
	switch {
	case p.Shape().Size() == 1:
		p = graph.Reshape(p)
	case p.Shape().Rank() == 1:
		s := make([]int, x.Shape().Rank())
		for k := range s {
			s[k] = 1
		}
		s[c.axis(axis, len(s))] = p.Shape()[0]
		p = graph.Reshape(p, s...)
	}
	return graph.Sub(x, p)
}
