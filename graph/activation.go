package graph

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// floatOperands types an elementwise operator with attributes: operands of one float dtype.
func floatOperands(in []*Node, _ attr.List) (DType, error) {
	d := in[0].typ.DType
	for _, n := range in {
		if n.typ.DType != d || !d.IsFloat() {
			return d, fmt.Errorf("operands are %v and %v: need the same dtype, one of %v", d, n.typ.DType, Floats)
		}
	}
	return d, nil
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opLogSigmoid, opElu, opLeakyRelu, opGelu, opSilu, opLogit, opClip, opLerp *Op

func init() {
	opLogSigmoid = Register(&Op{
		Name: "log_sigmoid", Partials: []string{"σ(−a)"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Doc: "ln σ(x) = −softplus(−x), without overflow.", Formula: "σ(−x)",
		Partial: func(n *Node, _ int) *Node { return Sigmoid(Neg(n.Input(0))) },
		Expand:  func(n *Node) *Node { return Neg(Softplus(Neg(n.Input(0)))) },
		Samples: []Sample{over(-4, 4)},
	})
	opElu = Register(&Op{
		Name: "elu", Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, Operands: floatOperands,
		Attrs: []AttrSpec{{Key: "alpha", Kind: attr.Float, Doc: "α"}},
		Doc:   "x for x > 0, else α·(eˣ − 1). The derivative at 0 is α.", Formula: "1 where x > 0, else α·eˣ",
		Source: "Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by exponential linear units, ICLR 2016",
		Partial: func(n *Node, _ int) *Node {
			x := n.Input(0)
			return Where(Greater(x, Like(x, 0)), Like(x, 1), Mul(Like(x, n.extra.attrs.Float("alpha")), Exp(x)))
		},
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			return Where(Greater(x, Like(x, 0)), x, Mul(Like(x, n.extra.attrs.Float("alpha")), Expm1(x)))
		},
		Samples: []Sample{with(over(-2, 2), attr.F("alpha", 1)), with(at("kink at 0", -1, 0, 1), attr.F("alpha", 0.5))},
	})
	opLeakyRelu = Register(&Op{
		Name: "leaky_relu", Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, Operands: floatOperands,
		Attrs: []AttrSpec{{Key: "alpha", Kind: attr.Float, Doc: "the slope for x ≤ 0"}},
		Doc:   "x for x > 0, else α·x. The derivative at 0 is α.", Formula: "1 where x > 0, else α",
		Partial: func(n *Node, _ int) *Node {
			x := n.Input(0)
			return Where(Greater(x, Like(x, 0)), Like(x, 1), Like(x, n.extra.attrs.Float("alpha")))
		},
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			return Where(Greater(x, Like(x, 0)), x, Mul(Like(x, n.extra.attrs.Float("alpha")), x))
		},
		Samples: []Sample{with(over(-2, 2), attr.F("alpha", 0.1)), with(at("kink at 0", -1, 0, 1), attr.F("alpha", 0.1))},
	})
	opGelu = Register(&Op{
		Name: "gelu", Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, Operands: floatOperands,
		Attrs: []AttrSpec{{Key: "tanh", Kind: attr.Bool, Doc: "the approximation x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) instead of x·Φ(x)"}},
		Doc:   "x·Φ(x), Φ the distribution function of the standard normal distribution; 0 at −Inf.", Formula: "Φ(x) + x·φ(x)",
		Source:  "Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415",
		Partial: geluPartial,
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			if n.extra.attrs.Bool("tanh") {
				return MulNoNan(x, Sigmoid(geluTanhArgument(x)))
			}
			return MulNoNan(x, normalCDF(x))
		},
		Samples: []Sample{with(over(-3, 3), attr.B("tanh", false)), with(over(-3, 3), attr.B("tanh", true))},
	})
	opSilu = Register(&Op{
		Name: "silu", Partials: []string{"σ(a)(1 + a − v)"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Doc: "x·σ(x) (swish); 0 at −Inf.", Formula: "σ(x) + x·σ(x)(1 − σ(x))",
		Source: "Elfwing, Uchibe and Doya, Sigmoid-weighted linear units, Neural Networks 107, 2018",
		Partial: func(n *Node, _ int) *Node {
			x := n.Input(0)
			return Add(Sigmoid(x), Mul(limited(x, 800), sigmoidDerivative(x)))
		},
		Expand:  func(n *Node) *Node { return MulNoNan(n.Input(0), Sigmoid(n.Input(0))) },
		Samples: []Sample{over(-4, 4)},
	})
	opLogit = Register(&Op{
		Name: "logit", Partials: []string{"1/(a(1 − a))"}, Family: FamilyMath, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc: "ln(p/(1 − p)), the inverse of sigmoid; ∓Inf at 0 and 1, NaN outside.", Formula: "1/(p(1 − p))",
		Partial: func(n *Node, _ int) *Node {
			p := n.Input(0)
			return Add(Reciprocal(p), Reciprocal(Sub(Like(p, 1), p)))
		},
		Expand:  func(n *Node) *Node { return Sub(Log(n.Input(0)), Log1p(Neg(n.Input(0)))) },
		Samples: []Sample{over(0.1, 0.9)},
	})
	opClip = Register(&Op{
		Name: "clip", OperandNames: []string{"x", "low", "high"}, Family: FamilyArithmetic, MinArity: 3, MaxArity: 3, Elementwise: true, DTypes: Numbers,
		Doc: "min(max(x, low), high), broadcast: operands x, low, high. NaN stays NaN; where low > high the result is high. " +
			"The derivative by x is 1 at the bounds.",
		Formula: "1 where low ≤ x ≤ high; 1 where x < low ≤ high; 1 where high is the result and x > high or low > high; else 0",
		Partial: func(n *Node, i int) *Node {
			x, low, high := n.Input(0), n.Input(1), n.Input(2)
			var here *Node
			switch i {
			case 0:
				here = LogicalAnd(LessEqual(low, x), LessEqual(x, high))
			case 1:
				here = LogicalAnd(Less(x, low), LessEqual(low, high))
			default:
				here = Greater(Max(x, low), high)
			}
			return Cast(here, n.typ.DType)
		},
		Expand: func(n *Node) *Node { return Min(Max(n.Input(0), n.Input(1)), n.Input(2)) },
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 5}}, Lo: -2, Hi: 2}, {Type: Type{Float64, nil}, Values: []float64{-1}}, {Type: Type{Float64, Shape{5}}, Lo: 0.5, Hi: 1}}},
			{NoDifferences: "kinks at the bounds", In: []SampleInput{
				{Type: Type{Float64, Shape{5}}, Values: []float64{-2, -1, 0, 1, 2}}, {Type: Type{Float64, nil}, Values: []float64{-1}}, {Type: Type{Float64, nil}, Values: []float64{1}}}}},
	})
	opLerp = Register(&Op{
		Name: "lerp", OperandNames: []string{"a", "b", "t"}, Partials: []string{"1 − c", "c", "b − a"}, Family: FamilyArithmetic, MinArity: 3, MaxArity: 3, Elementwise: true, DTypes: Floats,
		Doc: "(1 − t)·a + t·b, exactly a at t = 0 and b at t = 1, broadcast: operands a, b, t.", Formula: "1 − t, t, b − a",
		Partial: func(n *Node, i int) *Node {
			a, b, t := n.Input(0), n.Input(1), n.Input(2)
			switch i {
			case 0:
				return Sub(Like(t, 1), t)
			case 1:
				return t
			}
			return Sub(b, a)
		},
		Expand: func(n *Node) *Node {
			a, b, t := n.Input(0), n.Input(1), n.Input(2)
			return FMA(t, b, FMA(Neg(t), a, a))
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 5}}}, {Type: Type{Float64, Shape{5}}}, {Type: Type{Float64, Shape{3, 1}}, Lo: -0.5, Hi: 1.5}}}},
	})
}

// with gives a sample attributes.
func with(s Sample, attrs ...attr.Named) Sample {
	s.Attrs = attr.Make(attrs...)
	return s
}

// normalCDF is Φ(x) = erfc(−x/√2)/2.
func normalCDF(x *Node) *Node {
	return Mul(Like(x, 0.5), Erfc(Mul(x, Like(x, -math.Sqrt2/2))))
}

// geluTanhArgument is 2·√(2/π)·(x + 0.044715·x³): (1 + tanh u)/2 = σ(2u).
func geluTanhArgument(x *Node) *Node {
	const scale = 2 * 0.7978845608028654
	x = limited(x, 40) // where σ is 0 or 1
	return Mul(x, FMA(Like(x, scale*0.044715), Square(x), Like(x, scale)))
}

func geluPartial(n *Node, _ int) *Node {
	x := n.Input(0)
	if !n.extra.attrs.Bool("tanh") {
		return Add(normalCDF(x), Mul(limited(x, 40), gauss2(x)))
	}
	const scale = 2 * 0.7978845608028654
	u := geluTanhArgument(x)
	x = limited(x, 40)
	inner := Mul(x, FMA(Like(x, 3*scale*0.044715), Square(x), Like(x, scale)))
	return Add(Sigmoid(u), Mul(inner, sigmoidDerivative(u)))
}

// gauss2 is the density of the standard normal distribution.
func gauss2(x *Node) *Node {
	return Mul(Like(x, 1/math.Sqrt(2*math.Pi)), Exp(Mul(Like(x, -0.5), Square(limited(x, 40)))))
}

// LogSigmoid returns ln σ(x) without overflow, elementwise.
func LogSigmoid(x *Node) *Node { return apply1(opLogSigmoid, x) }

// Elu returns x for x > 0 and alpha·(eˣ − 1) elsewhere, elementwise.
func Elu(x *Node, alpha float64) *Node { return applyAll(opElu, []*Node{x}, attr.F("alpha", alpha)) }

// Selu returns Klambauer's self-normalising unit λ·elu(x, α), elementwise.
func Selu(x *Node) *Node {
	const alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	return Mul(Like(x, scale), Elu(x, alpha))
}

// LeakyRelu returns x for x > 0 and alpha·x elsewhere, elementwise.
func LeakyRelu(x *Node, alpha float64) *Node {
	return applyAll(opLeakyRelu, []*Node{x}, attr.F("alpha", alpha))
}

// Gelu returns x·Φ(x), elementwise.
func Gelu(x *Node) *Node { return applyAll(opGelu, []*Node{x}, attr.B("tanh", false)) }

// GeluTanh returns the approximation of Gelu by tanh, elementwise.
func GeluTanh(x *Node) *Node { return applyAll(opGelu, []*Node{x}, attr.B("tanh", true)) }

// Silu returns x·σ(x), elementwise.
func Silu(x *Node) *Node { return apply1(opSilu, x) }

// Logit returns ln(p/(1 − p)), elementwise.
func Logit(p *Node) *Node { return apply1(opLogit, p) }

// Clip returns x limited to [low, high], elementwise and broadcast; the derivative by x is 1 at the bounds. A bound that is nil is none.
func Clip(x, low, high *Node) *Node {
	switch {
	case low == nil && high == nil:
		return x
	case low == nil:
		low = Like(x, -posInf) // of an integer the least one
	case high == nil:
		high = Like(x, posInf)
	}
	return apply3(opClip, x, low, high)
}

// Lerp returns (1 − t)·a + t·b, exactly a at t = 0 and b at t = 1, elementwise and broadcast.
func Lerp(a, b, t *Node) *Node { return apply3(opLerp, a, b, t) }

// Mish returns x·tanh(softplus(x)), 0 at −Inf, elementwise (Misra 2019).
func Mish(x *Node) *Node { return MulNoNan(x, Tanh(Softplus(x))) }

// HardSigmoid returns x/6 + ½ limited to [0, 1], elementwise. The derivative at ±3 is 1/6.
func HardSigmoid(x *Node) *Node {
	return Clip(FMA(x, Like(x, 1./6), Like(x, 0.5)), Like(x, 0), Like(x, 1))
}

// HardSwish returns x·HardSigmoid(x), 0 at −Inf, elementwise (Howard et al. 2019).
func HardSwish(x *Node) *Node { return MulNoNan(x, HardSigmoid(x)) }

// HardTanh returns x limited to [low, high], elementwise; ReLU6 is HardTanh from 0 to 6. The derivative is 1 at the bounds.
func HardTanh(x *Node, low, high float64) *Node { return Clip(x, Like(x, low), Like(x, high)) }

// SoftShrink returns x nearer to 0 by lambda, 0 where that is beyond it, elementwise. The derivative at ±lambda is 0.
func SoftShrink(x *Node, lambda float64) *Node {
	l := Like(x, lambda)
	return Where(Greater(x, l), Sub(x, l), Where(Less(x, Neg(l)), Add(x, l), Mul(x, Like(x, 0))))
}

// HardShrink returns x where |x| > lambda and 0 elsewhere, elementwise. The derivative at ±lambda is 0.
func HardShrink(x *Node, lambda float64) *Node {
	return Where(LessEqual(Abs(x), Like(x, lambda)), Like(x, 0), x)
}

// TanhShrink returns x − tanh x, elementwise.
func TanhShrink(x *Node) *Node { return Sub(x, Tanh(x)) }

// Softsign returns x/(1 + |x|), elementwise; ±1 at ±Inf.
func Softsign(x *Node) *Node {
	a, s := Abs(x), Sign(x)
	d := Add(a, Like(x, 1))
	// Derivatives of x/d are differences, of which nothing is left at large x.
	return Where(Less(a, Like(x, 1)), Div(x, d), Sub(s, Div(s, d)))
}

// Celu returns x for x > 0 and alpha·(e^(x/alpha) − 1) elsewhere, elementwise (Barron 2017).
func Celu(x *Node, alpha float64) *Node {
	a := Like(x, alpha)
	return Where(Greater(x, Like(x, 0)), x, Mul(a, Expm1(Div(x, a))))
}

// PRelu returns x for x > 0 and slope·x elsewhere, elementwise and broadcast (He et al. 2015). The derivative by x at 0 is slope.
func PRelu(x, slope *Node) *Node { return Where(Greater(x, Like(x, 0)), x, Mul(slope, x)) }

// GLU returns a·σ(b) for the halves a and b of x along the axis (Dauphin et al. 2017).
func GLU(x *Node, axis int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	a, err := axisOf(axis, x.typ.Shape.Rank())
	if err == nil && x.typ.Shape[a]%2 != 0 {
		err = fmt.Errorf("the extent %d of axis %d has no halves", x.typ.Shape[a], a)
	}
	if err != nil {
		return x.g.Fail("glu", err)
	}
	half := x.typ.Shape[a] / 2
	return Mul(sliceAxis(x, a, 0, half), Sigmoid(sliceAxis(x, a, half, 2*half)))
}
