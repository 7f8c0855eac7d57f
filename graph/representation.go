package graph

import "math"

// The operators of this file.
var opNextAfter, opLdexp, opExponent *Op

func init() {
	values := []float64{0, 1, -1, 3.5, -1e-30, 1e30}
	opNextAfter = Register(&Op{
		Name: "nextafter", Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "nextafter",
		Doc:          "The number of the dtype next to x in the direction of y, y where they are equal (C).",
		NoDerivative: "the neighbour of a number depends on its representation",
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{len(values), 1}}, Values: values}, {Type: Type{Float64, Shape{len(values)}}, Values: values}}}},
	})
	opLdexp = Register(&Op{
		Name: "ldexp", OperandNames: []string{"x", "n"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "ldexp",
		Doc:     "x·2ⁿ, rounded once, n a whole number in a float dtype, which is truncated if it is none. NaN where n is. It has no derivative by n.",
		Formula: "2ⁿ, –",
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{SumTo(apply2(opLdexp, ct[0], n.Input(1)), n.Input(0).typ.Shape), nil}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			if dot[0] == nil {
				return []*Node{nil}
			}
			return []*Node{apply2(opLdexp, dot[0], n.Input(1))}
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Lo: -2, Hi: 2}, {Type: Type{Float64, Shape{5}}, Values: []float64{-3, 0, 1, 2.9, -1.5}, Constant: true}}}},
	})
	opExponent = Register(&Op{
		Name: "exponent", Family: FamilyArithmetic, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats, Micro: "exponent",
		Doc:          "The whole number e with ½ ≤ |x|/2ᵉ < 1, in the dtype of x; 0 for 0, ±Inf and NaN (C's frexp).",
		NoDerivative: "piecewise constant: the derivative is 0 by convention everywhere",
		Samples:      []Sample{over(-3, 3), at("steps", 0.5, 1, 2, -4, 0, 1e-30, math.Inf(1))},
	})
}

// NextAfter returns the number of the dtype next to x in the direction of y, elementwise and broadcast; y where they are equal.
func NextAfter(x, y *Node) *Node { return apply2(opNextAfter, x, y) }

// Ldexp returns x·2ⁿ, rounded once, for integers n, elementwise and broadcast.
func Ldexp(x, n *Node) *Node {
	if x.Valid() && n.Valid() && x.typ.DType.IsFloat() && n.typ.DType.IsInt() {
		n = Cast(n, x.typ.DType)
	}
	return apply2(opLdexp, x, n)
}

// Frexp returns x = mantissa·2^exponent with ½ ≤ |mantissa| < 1, elementwise; the exponent is int32. Those of 0, ±Inf and NaN are the number itself and 0. The derivative of
// the mantissa is 2^−exponent.
func Frexp(x *Node) (mantissa, exponent *Node) {
	e := apply1(opExponent, x)
	if !e.Valid() {
		return e, e
	}
	return apply2(opLdexp, x, Neg(e)), Cast(e, Int32)
}
