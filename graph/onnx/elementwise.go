package onnx

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// elementwise are arithmetic, functions, comparisons, logic and casts.
var elementwise = []operator{
	{name: "Abs", in: unary(graph.Abs), out: "abs"},
	{name: "Acos", in: unary(graph.Acos), out: "acos"},
	{name: "Acosh", in: unary(graph.Acosh), out: "acosh"},
	{name: "Add", in: arithmetic(graph.Add), out: "add"},
	{name: "And", in: two(graph.LogicalAnd), out: "logical_and"},
	{name: "Asin", in: unary(graph.Asin), out: "asin"},
	{name: "Asinh", in: unary(graph.Asinh), out: "asinh"},
	{name: "Atan", in: unary(graph.Atan), out: "atan"},
	{name: "Atanh", in: unary(graph.Atanh), out: "atanh"},
	{name: "BitCast", in: bitCast, why: "between integers and floating-point numbers: of constants"},
	{name: "BitShift", in: bitShift},
	{name: "BitwiseAnd", in: bitwise(graph.BitwiseAnd), out: "bitwise_and"},
	{name: "BitwiseNot", in: func(c *call) []value {
		x := c.x(0)
		return c.wrapped(graph.Sub(graph.Like(x, -1), x))
	}},
	{name: "BitwiseOr", in: bitwise(graph.BitwiseOr), out: "bitwise_or"},
	{name: "BitwiseXor", in: bitwise(graph.BitwiseXor), out: "bitwise_xor"},
	{name: "Cast", in: func(c *call) []value {
		if !c.hasAttr("to") {
			c.fail("attribute to is missing")
		}
		return c.cast(c.x(0), c.in[0].kind, c.kindAttr("to", 0))
	}},
	{name: "CastLike", in: func(c *call) []value { return c.cast(c.x(0), c.in[0].kind, c.arg(1).kind) }},
	{name: "Ceil", in: unary(graph.Ceil), out: "ceil"},
	{name: "Clip", in: clip},
	{name: "Cos", in: unary(graph.Cos), out: "cos"},
	{name: "Cosh", in: unary(graph.Cosh), out: "cosh"},
	{name: "Div", in: func(c *call) []value { return c.wrapped(graph.Div(c.x(0), c.x(1))) }, out: "div"},
	{name: "Equal", in: two(graph.Equal), out: "eq"},
	{name: "Erf", in: unary(graph.Erf), out: "erf"},
	{name: "Exp", in: unary(graph.Exp), out: "exp"},
	{name: "Floor", in: unary(graph.Floor), out: "floor"},
	{name: "Greater", in: two(graph.Greater), out: "gt"},
	{name: "GreaterOrEqual", in: two(graph.GreaterEqual), out: "ge"},
	{name: "Identity", in: func(c *call) []value { return []value{c.arg(0)} }, out: "identity"},
	{name: "IsInf", in: func(c *call) []value {
		x := c.x(0)
		neg, pos := graph.Like(x, math.Inf(-1)), graph.Like(x, math.Inf(1))
		switch n, p := c.bool("detect_negative", true), c.bool("detect_positive", true); {
		case n && p:
			return c.as(kindBool, graph.LogicalOr(graph.Equal(x, neg), graph.Equal(x, pos)))
		case n:
			return c.as(kindBool, graph.Equal(x, neg))
		case p:
			return c.as(kindBool, graph.Equal(x, pos))
		}
		return c.as(kindBool, graph.NotEqual(graph.Like(x, 0), graph.FullLike(x, 0)))
	}},
	{name: "IsNaN", in: unary(graph.IsNaN), out: "is_nan"},
	{name: "Less", in: two(graph.Less), out: "lt"},
	{name: "LessOrEqual", in: two(graph.LessEqual), out: "le"},
	{name: "Log", in: unary(graph.Log), out: "log"},
	{name: "Max", in: variadic(graph.Max), out: "max"},
	{name: "Mean", in: func(c *call) []value {
		s := variadic(graph.Add)(c)
		s[0].node = graph.Div(s[0].node, graph.Like(s[0].node, float64(len(c.in))))
		return s
	}},
	{name: "Min", in: variadic(graph.Min), out: "min"},
	{name: "Mod", in: func(c *call) []value {
		if c.bool("fmod", false) {
			return c.out(graph.Remainder(c.x(0), c.x(1)))
		}
		return c.out(graph.Mod(c.x(0), c.x(1)))
	}},
	{name: "Mul", in: arithmetic(graph.Mul), out: "mul"},
	{name: "Neg", in: func(c *call) []value { return c.wrapped(graph.Neg(c.x(0))) }, out: "neg"},
	{name: "Not", in: unary(graph.LogicalNot), out: "logical_not"},
	{name: "Or", in: two(graph.LogicalOr), out: "logical_or"},
	{name: "Pow", in: pow, out: "pow"},
	{name: "Reciprocal", in: unary(graph.Reciprocal), out: "reciprocal"},
	{name: "Round", in: unary(graph.Round), out: "round"},
	{name: "Sign", in: unary(graph.Sign), out: "sign"},
	{name: "Sin", in: unary(graph.Sin), out: "sin"},
	{name: "Sinh", in: unary(graph.Sinh), out: "sinh"},
	{name: "Sqrt", in: unary(graph.Sqrt), out: "sqrt"},
	{name: "Sub", in: arithmetic(graph.Sub), out: "sub"},
	{name: "Sum", in: variadic(graph.Add)},
	{name: "Tan", in: unary(graph.Tan), out: "tan"},
	{name: "Tanh", in: unary(graph.Tanh), out: "tanh"},
	{name: "Where", in: func(c *call) []value {
		r := c.out(graph.Where(c.x(0), c.x(1), c.x(2)))
		r[0].kind = c.in[1].kind
		return r
	}, out: "where"},
	{name: "Xor", in: two(graph.LogicalXor), out: "logical_xor"},
}

// cast converts between element types.
func (c *call) cast(x *graph.Node, from, to kind) []value {
	d := to.dtype()
	if d == 0 {
		c.fail("elements of type %v have no counterpart here", to)
	}
	if from == to {
		return c.as(to, x)
	}
	if width, _ := to.bits(); width > 0 && x.DType().IsFloat() {
		// to an integer that holds all of the range, then its low bits; where the value is beyond the range, the standard leaves the result open
		wide := graph.Cast(x, graph.Int64)
		return c.as(to, graph.Cast(wrap(to, wide), d))
	}
	if to == kindFloat16 {
		return c.as(to, rounded(graph.Cast(x, d), 11, -14, 65520))
	}
	if to == kindBfloat16 {
		return c.as(to, rounded(graph.Cast(x, d), 8, -126, math.Inf(1)))
	}
	if f := smallFloats[to]; f != nil {
		return c.as(to, f.hold(graph.Cast(x, d), c.bool("saturate", true)))
	}
	if d == graph.Int32 && x.DType() == graph.Int64 {
		x = wrap(kindUint32, x) // the low bits, where a cast may saturate
		x = graph.Where(graph.GreaterEqual(x, graph.Like(x, 1<<31)), graph.Sub(x, graph.Like(x, 1<<32)), x)
	}
	return c.as(to, wrap(to, graph.Cast(x, d)))
}

// rounded returns what a format of fewer digits holds of float32, ties to even: numbers below 2^least are multiples of what the least one is rounded to, those from infinite on are ±Inf.
func rounded(x *graph.Node, digits, least int, infinite float64) *graph.Node {
	a := graph.Abs(x)
	e := graph.Floor(graph.Log2(graph.Max(a, graph.Like(x, math.Ldexp(1, least)))))
	down := graph.Exp2(graph.Sub(graph.Like(x, float64(digits-1)), e)) // 1/unit: no subnormal number
	r := graph.Div(graph.Round(graph.Mul(x, down)), down)
	r = graph.Where(graph.GreaterEqual(graph.Abs(r), graph.Like(x, infinite)), graph.Mul(graph.Sign(x), graph.Like(x, math.Inf(1))), r)
	return graph.Where(graph.LogicalOr(graph.Equal(x, graph.Like(x, 0)), graph.LogicalNot(graph.IsFinite(x))), x, r)
}

func clip(c *call) []value {
	x := c.x(0)
	if c.version < 11 {
		low, high := c.float("min", math.Inf(-1)), c.float("max", math.Inf(1))
		return c.out(graph.Clip(x, graph.Like(x, low), graph.Like(x, high)))
	}
	switch low, high := c.has(1), c.has(2); {
	case low && high:
		return c.out(graph.Clip(x, c.scalar(1), c.scalar(2)))
	case low:
		return c.out(graph.Max(x, c.scalar(1)))
	case high:
		return c.out(graph.Min(x, c.scalar(2)))
	}
	return c.out(x)
}

// scalar returns operand i without dimensions; models write one number as a vector too.
func (c *call) scalar(i int) *graph.Node {
	x := c.x(i)
	if x.Shape().Rank() > 0 && x.Shape().Size() == 1 {
		return graph.Reshape(x)
	}
	return x
}

func pow(c *call) []value {
	x, y := c.x(0), c.x(1)
	d := x.DType()
	if y.DType() != d { // the result has the type of the base
		if d.IsFloat() {
			return c.wrapped(graph.Pow(x, graph.Cast(y, d)))
		}
		if y.DType().IsFloat() {
			return c.wrapped(graph.Cast(graph.Pow(graph.Cast(x, graph.Float64), graph.Cast(y, graph.Float64)), d))
		}
		y = graph.Cast(y, d)
	}
	r := c.wrapped(graph.Pow(x, y))
	r[0].kind = c.in[0].kind
	return r
}

// bitsOf returns how many bits an integer has.
func (c *call) bitsOf(k kind) int {
	switch width, _ := k.bits(); {
	case width > 0:
		return width
	case k == kindInt32:
		return 32
	case k == kindInt64, k == kindUint64:
		return 64
	}
	c.fail("elements of type %v have no bits", k)
	return 0
}

// bitwise combines the bits of integers, which are held in more bits with zeros or the sign before them.
func bitwise(f func(x, y *graph.Node) *graph.Node) func(c *call) []value {
	return func(c *call) []value {
		c.bitsOf(c.in[0].kind)
		return c.out(f(c.x(0), c.x(1)))
	}
}

// bitShift shifts integers without sign, those of 64 bits held with one.
func bitShift(c *call) []value {
	x, n := c.x(0), c.x(1)
	k := c.in[0].kind
	c.bitsOf(k)
	if c.string("direction", "") == "LEFT" {
		return c.as(k, wrap(k, graph.ShiftLeft(x, n)))
	}
	if k != kindUint64 {
		return c.as(k, graph.ShiftRight(x, n))
	}
	// The sign is a bit like the others: those that come in on the left are taken away.
	bits := graph.Like(n, 64)
	n = graph.Where(graph.LogicalOr(graph.Less(n, graph.Like(n, 0)), graph.Greater(n, bits)), bits, n)
	return c.as(k, graph.BitwiseAnd(graph.ShiftRight(x, n), graph.BitwiseNot(graph.ShiftLeft(graph.Like(x, -1), graph.Sub(bits, n)))))
}

// bitCast reads the bits of known numbers as another type.
func bitCast(c *call) []value {
	from, to := c.arg(0).kind, c.kindAttr("to", 0)
	if from.width() != to.width() {
		c.fail("from %v to %v: the elements have %d and %d bits", from, to, from.width(), to.width())
	}
	x := c.x(0)
	if from == kindBool || to == kindBool || x.DType().IsInt() && to.dtype().IsInt() {
		return c.as(to, wrap(to, graph.Cast(x, to.dtype())))
	}
	l := c.b.known(c, x, "the operand, where integers and floating-point numbers change into one another,")
	var data []byte
	for i := range l.Type().Shape.Size() {
		bits := l.Bits(i)
		if from.dtype() == graph.Float32 && from != kindFloat || to.dtype() == graph.Float32 && to != kindFloat {
			c.fail("from %v to %v", from, to)
		}
		data = appendElement(data, to, bits)
	}
	lit, err := graph.NewLiteral(graph.Type{DType: to.dtype(), Shape: x.Shape()}, data)
	if err != nil {
		panic("BUG: bits of a constant: " + err.Error())
	}
	return c.as(to, c.g().Literal(lit))
}
