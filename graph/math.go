package graph

import "math"

var posInf = math.Inf(1)

func singular(op *Op) *Op {
	op.SingularPartials = true
	return op
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opSqrt, opRsqrt, opCbrt, opExp, opExp2, opExpm1, opLog, opLog2, opLog10, opLog1p, opSin, opCos, opTan, opAsin, opAcos, opAtan, opAtanDerivative, opSinh, opCosh, opTanh, opAsinh, opAcosh, opAtanh, opSigmoid, opSigmoidDerivative, opSoftplus, opErf, opErfc, opFloor, opCeil, opTrunc, opRound, opRelu, opAtan2, opAtan2Derivative, opHypot, opHypotDerivative, opHypotSecondDerivative, opHypotMixedDerivative *Op

func init() {
	opSqrt = Register(singular(unary("sqrt", "1/(2v)", "√x; NaN for x < 0. The derivative at 0 is +Inf, but a zero adjoint wins.", "1/(2√x)", FamilyMath,
		func(x, y *Node) *Node { return Div(Like(x, 0.5), y) }, over(0.2, 4))))
	opSqrt.Symbol = "√( · )"
	opRsqrt = Register(&Op{
		Name: "rsqrt", Symbol: "1/√( · )", Partials: []string{"−v/(2a)"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc: "1/√x; +Inf at 0, NaN for x < 0. The derivative at 0 is −Inf, but a zero adjoint wins.", Formula: "−1/(2x√x)",
		Partial: func(n *Node, _ int) *Node { return Mul(Like(n, -0.5), Div(n, n.Input(0))) },
		Expand:  func(n *Node) *Node { return Div(Like(n, 1), Sqrt(n.Input(0))) },
		Samples: []Sample{over(0.2, 4)},
	})
	opCbrt = Register(singular(unary("cbrt", "1/(3v^2)", "The real cube root; odd. The derivative at 0 is +Inf, but a zero adjoint wins.", "1/(3∛x²)", FamilyMath,
		func(x, y *Node) *Node { return Mul(Like(x, 1./3), Square(Reciprocal(y))) }, over(0.2, 4), over(-4, -0.2))))
	opExp = Register(unary("exp", "v", "eˣ.", "eˣ", FamilyMath,
		func(_, y *Node) *Node { return y }, over(-2, 2)))
	opExp2 = Register(unary("exp2", "v ln 2", "2ˣ.", "2ˣ·ln 2", FamilyMath,
		// 2ˣ may overflow where 2ˣ·ln 2 does not.
		func(x, _ *Node) *Node { return Mul(Exp2(Sub(x, Like(x, 1))), Like(x, 2*math.Ln2)) }, over(-2, 2)))
	opExpm1 = Register(unary("expm1", "exp a", "eˣ − 1, accurate near 0.", "eˣ", FamilyMath,
		func(x, _ *Node) *Node { return Exp(x) }, over(-2, 2)))
	opLog = Register(singular(unary("log", "1/a", "ln x; −Inf at 0, NaN for x < 0. The derivative is 1/x everywhere: +Inf at 0, but a zero adjoint wins, and defined where x < 0.", "1/x", FamilyMath,
		func(x, _ *Node) *Node { return Reciprocal(x) }, over(0.2, 4))))
	opLog2 = Register(singular(unary("log2", "1/(a ln 2)", "The logarithm to base 2, at 0 and below as log.", "1/(x·ln 2)", FamilyMath,
		func(x, _ *Node) *Node { return Div(Like(x, 1/math.Ln2), x) }, over(0.2, 4))))
	opLog10 = Register(singular(unary("log10", "1/(a ln 10)", "The logarithm to base 10, at 0 and below as log.", "1/(x·ln 10)", FamilyMath,
		func(x, _ *Node) *Node { return Div(Like(x, 1/math.Ln10), x) }, over(0.2, 4))))
	opLog1p = Register(singular(unary("log1p", "1/(1 + a)", "ln(1 + x), accurate near 0; −Inf at −1 with derivative +Inf, NaN below.", "1/(1+x)", FamilyMath,
		func(x, _ *Node) *Node { return Reciprocal(Add(x, Like(x, 1))) }, over(-0.6, 3))))
	opSin = Register(unary("sin", "cos a", "sin x, x in radians; NaN for ±Inf.", "cos x", FamilyMath,
		func(x, _ *Node) *Node { return Cos(x) }, over(-4, 4)))
	opCos = Register(unary("cos", "−sin a", "cos x, x in radians; NaN for ±Inf.", "−sin x", FamilyMath,
		func(x, _ *Node) *Node { return Neg(Sin(x)) }, over(-4, 4)))
	opTan = Register(singular(unary("tan", "1 + v^2", "tan x, x in radians; NaN for ±Inf.", "1 + tan² x", FamilyMath,
		func(x, y *Node) *Node { return Add(Like(x, 1), Square(y)) }, over(-1.2, 1.2))))
	opAsin = Register(singular(unary("asin", "1/√(1 − a^2)", "The angle in [−π/2, π/2]; NaN for |x| > 1. The derivative at ±1 is +Inf, but a zero adjoint wins.", "1/√(1−x²)", FamilyMath,
		func(x, _ *Node) *Node { return Rsqrt(oneMinusSquare(x)) }, over(-0.9, 0.9))))
	opAcos = Register(singular(unary("acos", "−1/√(1 − a^2)", "The angle in [0, π]; NaN for |x| > 1. The derivative at ±1 is −Inf, but a zero adjoint wins.", "−1/√(1−x²)", FamilyMath,
		func(x, _ *Node) *Node { return Neg(Rsqrt(oneMinusSquare(x))) }, over(-0.9, 0.9))))
	opAtan = Register(unary("atan", "1/(1 + a^2)", "The angle in [−π/2, π/2]; ±π/2 at ±Inf with derivatives 0.", "1/(1+x²)", FamilyMath,
		func(x, _ *Node) *Node { return atanDerivative(x) }, over(-3, 3)))
	opAtanDerivative = Register(&Op{
		Name: "atan_derivative", Partials: []string{"−2a v^2"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Doc:     "1/(1 + x²), the derivative of atan, whose derivatives do not underflow before they have to; 0 at ±Inf.",
		Formula: "−2x/(1 + x²)²",
		Partial: func(n *Node, _ int) *Node { return Mul(Like(n, -2), Mul(MulNoNan(n.Input(0), n), n)) },
		Expand:  func(n *Node) *Node { return Reciprocal(FMA(n.Input(0), n.Input(0), Like(n, 1))) },
		Samples: []Sample{over(-3, 3)},
	})
	opSinh = Register(unary("sinh", "cosh a", "(eˣ − e⁻ˣ)/2.", "cosh x", FamilyMath,
		func(x, _ *Node) *Node { return Cosh(x) }, over(-2, 2)))
	opCosh = Register(unary("cosh", "sinh a", "(eˣ + e⁻ˣ)/2.", "sinh x", FamilyMath,
		func(x, _ *Node) *Node { return Sinh(x) }, over(-2, 2)))
	opTanh = Register(unary("tanh", "1 − v^2", "The hyperbolic tangent.", "1 − tanh² x = 4σ(2x)·σ(−2x)", FamilyMath,
		func(x, _ *Node) *Node { return Mul(Like(x, 4), sigmoidDerivative(Mul(Like(x, 2), x))) }, over(-2, 2)))
	opAsinh = Register(unary("asinh", "1/√(1 + a^2)", "The inverse hyperbolic sine.", "1/√(1+x²)", FamilyMath,
		func(x, _ *Node) *Node { return overHypot1(x) }, over(-3, 3)))
	opAcosh = Register(singular(unary("acosh", "1/√(a^2 − 1)", "The inverse hyperbolic cosine; NaN for x < 1. The derivative at 1 is +Inf, but a zero adjoint wins.", "1/√((x−1)(x+1))", FamilyMath,
		func(x, _ *Node) *Node { return Mul(Rsqrt(Sub(x, Like(x, 1))), Rsqrt(Add(x, Like(x, 1)))) }, over(1.2, 4))))
	opAtanh = Register(singular(unary("atanh", "1/(1 − a^2)", "The inverse hyperbolic tangent; ±Inf at ±1 with derivative +Inf, NaN beyond.", "1/(1−x²)", FamilyMath,
		func(x, _ *Node) *Node { return Reciprocal(oneMinusSquare(x)) }, over(-0.9, 0.9))))
	opSigmoid = Register(unary("sigmoid", "v(1 − v)", "1/(1 + e⁻ˣ), without overflow.", "σ(x)·σ(−x)", FamilyMath,
		func(x, _ *Node) *Node { return sigmoidDerivative(x) }, over(-4, 4)))
	opSigmoid.Symbol = "σ"
	opSigmoidDerivative = Register(&Op{
		Name: "sigmoid_derivative", Symbol: "σ′", Partials: []string{"−v tanh(a/2)"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Doc:     "σ(x)·σ(−x), the derivative of sigmoid and the density of the logistic distribution, accurate for large |x|.",
		Formula: "−σ(x)·σ(−x)·tanh(x/2)",
		Partial: func(n *Node, _ int) *Node { return Neg(Mul(n, Tanh(Mul(Like(n, 0.5), n.Input(0))))) },
		Expand: func(n *Node) *Node {
			e := Exp(Neg(Abs(n.Input(0))))
			return Div(e, Square(Add(e, Like(n, 1))))
		},
		Samples: []Sample{over(-4, 4)},
	})
	opSoftplus = Register(unary("softplus", "σ(a)", "ln(1 + eˣ), without overflow.", "σ(x)", FamilyMath,
		func(x, _ *Node) *Node { return Sigmoid(x) }, over(-4, 4)))
	opErf = Register(unary("erf", "", "2/√π ∫₀ˣ e^(−t²) dt.", "2/√π·e^(−x²)", FamilyMath,
		func(x, _ *Node) *Node { return gauss(x, 2/math.Sqrt(math.Pi)) }, over(-2, 2)))
	opErfc = Register(unary("erfc", "", "1 − erf x, accurate for large x.", "−2/√π·e^(−x²)", FamilyMath,
		func(x, _ *Node) *Node { return gauss(x, -2/math.Sqrt(math.Pi)) }, over(-2, 2)))
	opFloor = Register(step("floor", "The largest whole number ≤ x."))
	opCeil = Register(step("ceil", "The smallest whole number ≥ x."))
	opTrunc = Register(step("trunc", "The whole number next to x toward 0."))
	opRound = Register(step("round", "The nearest whole number; ties go to the even one (NumPy)."))
	opRelu = Register(&Op{
		Name: "relu", Symbol: "relu", Partials: []string{"[a > 0]"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Numbers,
		Doc: "max(x, 0); NaN for NaN. The derivative at 0 is 0.", Formula: "1 where x > 0, else 0",
		Partial: func(n *Node, _ int) *Node { return Cast(Greater(n.Input(0), Like(n, 0)), n.typ.DType) },
		Expand:  func(n *Node) *Node { return Max(n.Input(0), Like(n, 0)) },
		Samples: []Sample{over(-2, 2), at("kink at 0", -1, 0, 1)},
	})
	opAtan2 = Register(&Op{
		Name: "atan2", OperandNames: []string{"y", "x"}, Partials: []string{"b/(a^2 + b^2)", "−a/(a^2 + b^2)"}, Family: FamilyMath, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "atan2", SingularPartials: true,
		Doc: "The angle of the point (x, y) in [−π, π]: operands y, x as in C, with its values at zeros and infinities: 0 at (0, 0). The derivatives at the origin are 0.", Formula: "x/(x²+y²), −y/(x²+y²)",
		Partial: func(n *Node, i int) *Node {
			y, x := n.Input(0), n.Input(1)
			if i == 0 {
				return atan2Derivative(x, y)
			}
			return Neg(atan2Derivative(y, x))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2), pair(-2, -0.5, -2, 2)},
	})
	opAtan2Derivative = Register(&Op{
		Name: "atan2_derivative", OperandNames: []string{"x", "y"}, Family: FamilyMath, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc:     "x/(x² + y²), the derivative of atan2(y, x) by y, whose derivatives are products of its own values, without powers of the radius that leave the range; 0 at the origin with derivatives 0, and where an operand is infinite.",
		Formula: "(y² − x²)/r⁴, −2x·y/r⁴",
		Partial: func(n *Node, i int) *Node {
			other := atan2Derivative(n.Input(1), n.Input(0))
			if i == 0 {
				return Sub(Square(other), Square(n))
			}
			return Mul(Like(n, -2), Mul(n, other))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			r := Hypot(x, y)
			return Div(hypotDerivative(x, y), Where(Equal(r, Like(r, 0)), Like(r, posInf), r))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2), pair(-2, -0.5, -2, 2)},
	})
	opHypotDerivative = Register(&Op{
		Name: "hypot_derivative", OperandNames: []string{"x", "y"}, Family: FamilyMath, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc:     "x/√(x² + y²), the derivative of hypot by x and the cosine of the angle of the point (x, y); 0 at the origin with derivatives 0. Where x is infinite it is ±1, also for infinite y.",
		Formula: "y²/r³, −x·y/r³",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return apply2(opHypotSecondDerivative, n.Input(0), n.Input(1))
			}
			return Neg(apply2(opHypotMixedDerivative, n.Input(0), n.Input(1)))
		},
		Expand: func(n *Node) *Node {
			x, r := n.Input(0), Hypot(n.Input(0), n.Input(1))
			edge := LogicalOr(Equal(r, Like(r, 0)), Equal(r, Like(r, posInf)))
			// Where |x| = r the quotient is the sign of x.
			return Where(LogicalAnd(edge, Equal(Abs(x), r)), Sign(x), Div(x, r))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2), {NoDifferences: "the origin", In: []SampleInput{
			{Type: Type{Float64, Shape{2}}, Values: []float64{0, 3}}, {Type: Type{Float64, Shape{2}}, Values: []float64{0, 4}}}}},
	})
	// The second derivatives are operators of their own, whose derivatives are products in which no factor is larger than all of it.
	opHypotSecondDerivative = Register(&Op{
		Name: "hypot_second_derivative", OperandNames: []string{"x", "y"}, Family: FamilyMath, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc:     "y²/r³, r = √(x² + y²), the second derivative of hypot by x; 0 at the origin with derivatives 0.",
		Formula: "−3x·y²/r⁵, y·(2x² − y²)/r⁵",
		Partial: func(n *Node, i int) *Node {
			x, y := n.Input(0), n.Input(1)
			along := atan2Derivative(y, x) // the sine over the radius
			if i == 0 {
				return Mul(Like(n, -3), Mul(apply2(opHypotMixedDerivative, x, y), along))
			}
			return Mul(along, Sub(Mul(Like(n, 2), apply2(opHypotSecondDerivative, y, x)), n))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			return Mul(hypotDerivative(y, x), atan2Derivative(y, x))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2)},
	})
	opHypotMixedDerivative = Register(&Op{
		Name: "hypot_mixed_derivative", OperandNames: []string{"x", "y"}, Family: FamilyMath, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc:     "x·y/r³, r = √(x² + y²), the second derivative of hypot by x and y but for its sign; 0 at the origin with derivatives 0.",
		Formula: "y·(y² − 2x²)/r⁵, x·(x² − 2y²)/r⁵",
		Partial: func(n *Node, i int) *Node {
			x, y := n.Input(i), n.Input(1-i)
			return Mul(atan2Derivative(y, x), Sub(apply2(opHypotSecondDerivative, x, y), Mul(Like(n, 2), apply2(opHypotSecondDerivative, y, x))))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			return Mul(hypotDerivative(x, y), atan2Derivative(y, x))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2)},
	})
	opHypot = Register(&Op{
		Name: "hypot", Commutative: true, Partials: []string{"a/v", "b/v"}, Family: FamilyMath, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "hypot", SingularPartials: true,
		Doc: "√(x² + y²) without undue overflow. The derivatives at the origin are 0; that by an infinite operand is ±1.", Formula: "x/r, y/r",
		Partial: func(n *Node, i int) *Node {
			return hypotDerivative(n.Input(i), n.Input(1-i))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2), {NoDifferences: "kink at the origin", In: []SampleInput{
			{Type: Type{Float64, Shape{2}}, Values: []float64{0, 3}}, {Type: Type{Float64, Shape{2}}, Values: []float64{0, 4}}}}},
	})
}

func hypotDerivative(x, y *Node) *Node { return apply2(opHypotDerivative, x, y) }

func atan2Derivative(x, y *Node) *Node { return apply2(opAtan2Derivative, x, y) }

// oneMinusSquare is 1 − x², rounded once.
func oneMinusSquare(x *Node) *Node { return FMA(Neg(x), x, Like(x, 1)) }

func atanDerivative(x *Node) *Node { return apply1(opAtanDerivative, x) }

// overHypot1 is 1/√(1+x²), which with its derivatives neither overflows nor underflows before it has to.
func overHypot1(x *Node) *Node { return Reciprocal(Hypot(x, Like(x, 1))) }

// gauss is scale·e^(−x²).
func gauss(x *Node, scale float64) *Node {
	return Mul(Like(x, scale), Exp(Neg(Square(limited(x, 40)))))
}

// limited limits x to [−bound, bound], beyond which a function that multiplies it is exactly 0 in both float dtypes: derivatives multiply that 0
// by powers of x, which must not be infinite. e^(−x²/2) is 0 from 40 on, e^(−x) from 800 on.
func limited(x *Node, bound float64) *Node { return Clip(x, Like(x, -bound), Like(x, bound)) }

func sigmoidDerivative(x *Node) *Node { return apply1(opSigmoidDerivative, x) }

// step is a piecewise constant function.
func step(name, doc string) *Op {
	return &Op{
		Name: name, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats, Micro: name, Doc: doc,
		NoDerivative: "piecewise constant: the derivative is 0 by convention everywhere",
		Samples:      []Sample{over(-3, 3), at("steps", -2.5, -0.5, 0.5, 1.5, 2.5)},
	}
}

// Sqrt returns √x; NaN for x < 0, elementwise.
func Sqrt(x *Node) *Node { return apply1(opSqrt, x) }

// Rsqrt returns 1/√x, elementwise.
func Rsqrt(x *Node) *Node { return apply1(opRsqrt, x) }

// Cbrt returns the real cube root of x, elementwise.
func Cbrt(x *Node) *Node { return apply1(opCbrt, x) }

// Exp returns eˣ, elementwise.
func Exp(x *Node) *Node { return apply1(opExp, x) }

// Exp2 returns 2ˣ, elementwise.
func Exp2(x *Node) *Node { return apply1(opExp2, x) }

// Expm1 returns eˣ − 1, accurate near 0, elementwise.
func Expm1(x *Node) *Node { return apply1(opExpm1, x) }

// Log returns ln x, elementwise.
func Log(x *Node) *Node { return apply1(opLog, x) }

// Log2 returns the logarithm of x to base 2, elementwise.
func Log2(x *Node) *Node { return apply1(opLog2, x) }

// Log10 returns the logarithm of x to base 10, elementwise.
func Log10(x *Node) *Node { return apply1(opLog10, x) }

// Log1p returns ln(1 + x), accurate near 0, elementwise.
func Log1p(x *Node) *Node { return apply1(opLog1p, x) }

// Sin returns sin x, x in radians, elementwise.
func Sin(x *Node) *Node { return apply1(opSin, x) }

// Cos returns cos x, x in radians, elementwise.
func Cos(x *Node) *Node { return apply1(opCos, x) }

// Tan returns tan x, x in radians, elementwise.
func Tan(x *Node) *Node { return apply1(opTan, x) }

// Asin returns arcsin x in [−π/2, π/2], elementwise.
func Asin(x *Node) *Node { return apply1(opAsin, x) }

// Acos returns arccos x in [0, π], elementwise.
func Acos(x *Node) *Node { return apply1(opAcos, x) }

// Atan returns arctan x in [−π/2, π/2], elementwise.
func Atan(x *Node) *Node { return apply1(opAtan, x) }

// Sinh returns sinh x, elementwise.
func Sinh(x *Node) *Node { return apply1(opSinh, x) }

// Cosh returns cosh x, elementwise.
func Cosh(x *Node) *Node { return apply1(opCosh, x) }

// Tanh returns tanh x, elementwise.
func Tanh(x *Node) *Node { return apply1(opTanh, x) }

// Asinh returns arsinh x, elementwise.
func Asinh(x *Node) *Node { return apply1(opAsinh, x) }

// Acosh returns arcosh x; NaN for x < 1, elementwise.
func Acosh(x *Node) *Node { return apply1(opAcosh, x) }

// Atanh returns artanh x, elementwise.
func Atanh(x *Node) *Node { return apply1(opAtanh, x) }

// Sigmoid returns 1/(1 + e⁻ˣ), elementwise.
func Sigmoid(x *Node) *Node { return apply1(opSigmoid, x) }

// Softplus returns ln(1 + eˣ), elementwise.
func Softplus(x *Node) *Node { return apply1(opSoftplus, x) }

// Erf returns erf x, elementwise.
func Erf(x *Node) *Node { return apply1(opErf, x) }

// Erfc returns 1 − erf x, elementwise.
func Erfc(x *Node) *Node { return apply1(opErfc, x) }

// Floor returns ⌊x⌋, elementwise.
func Floor(x *Node) *Node { return apply1(opFloor, x) }

// Ceil returns ⌈x⌉, elementwise.
func Ceil(x *Node) *Node { return apply1(opCeil, x) }

// Trunc returns x rounded toward 0, elementwise.
func Trunc(x *Node) *Node { return apply1(opTrunc, x) }

// Round returns x rounded to the nearest whole number, ties to even, elementwise.
func Round(x *Node) *Node { return apply1(opRound, x) }

// Relu returns max(x, 0); the derivative at 0 is 0, elementwise.
func Relu(x *Node) *Node { return apply1(opRelu, x) }

// Atan2 returns the angle of the point (x, y), elementwise; the first operand is y.
func Atan2(y, x *Node) *Node { return apply2(opAtan2, y, x) }

// Hypot returns √(x² + y²), elementwise.
func Hypot(x, y *Node) *Node { return apply2(opHypot, x, y) }
