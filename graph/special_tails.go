package graph

import "math"

// The operators of this file; init fills them in because their derivatives refer to one another.
var opErfcx, opLogNdtr, opNdtri, opZeta, opIGammaUpper *Op

func init() {
	opErfcx = Register(&Op{
		Name: "erfcx", OperandNames: []string{"n", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "erfcx", SingularPartials: true,
		Doc: "The derivative of order n of e^(x²)·erfc(x), which neither under- nor overflows for x > 0: operands n, x. NaN unless n is a whole number in [0, 30]. " +
			"It has no derivative by n.",
		Formula: "–, the derivative of the next order", Source: "NIST Digital Library of Mathematical Functions, 7.18.7",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return nil
			}
			return erfcx(Add(n.Input(0), Like(n, 1)), n.Input(1))
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Values: []float64{0, 1, 3}, Constant: true}, {Type: Type{Float64, Shape{7}}, Lo: -1.5, Hi: 6}}}},
	})
	opLogNdtr = Register(&Op{
		Name: "log_ndtr", SingularPartials: true, Family: FamilySpecial, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Doc: "ln Φ(x), the logarithm of the normal distribution's function, without under- or overflow; −0 at +Inf, the limit from below (SciPy). Derivatives of order 3 and more lose about 2·log₁₀|x| digits for x < −1.", Formula: "φ(x)/Φ(x)",
		Partial: func(n *Node, _ int) *Node {
			x := n.Input(0)
			zero := Like(x, 0)
			left := Div(Like(x, math.Sqrt(2/math.Pi)), erfcx(zero, Mul(Min(x, zero), Like(x, -math.Sqrt2/2))))
			right := Div(gauss(Mul(x, Like(x, math.Sqrt2/2)), 1/math.Sqrt(2*math.Pi)), NormCDF(Where(Less(x, zero), zero, x)))
			return Where(Less(x, zero), left, right)
		},
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			zero, bound := Like(x, 0), Less(x, Like(x, -1))
			t := Mul(x, Like(x, math.Sqrt2/2))
			left := Sub(Log(Mul(Like(x, 0.5), erfcx(zero, Neg(Min(t, zero))))), Mul(Like(x, 0.5), Square(x)))
			return Where(bound, left, Log1p(Mul(Like(x, -0.5), Erfc(t))))
		},
		Samples: []Sample{over(-6, 4), over(-40, -2)},
	})
	opNdtri = Register(singular(unary("ndtri", "", "The inverse of the normal distribution's function Φ on (0, 1); −Inf at 0, +Inf at 1, NaN beyond.", "1/φ(y)", FamilySpecial,
		ndtriPartial, over(0.02, 0.98), at("near the end", 1e-9, 1e-4))))
	opNdtri.Source = "M. Wichura, Algorithm AS 241, 1988"
	opZeta = Register(&Op{
		Name: "zeta", Symbol: "ζ", OperandNames: []string{"s", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "zeta", SingularPartials: true,
		Doc:     "The Hurwitz zeta function ζ(s, x) = Σ (x+k)^(−s) over k ≥ 0: +Inf at s = 1 and at x = 0, −1, …, NaN for s < 1 and, unless s is a whole number, for other x < 0. It has no derivative by s, −Σ ln(x+k)·(x+k)^(−s), a function that neither SciPy nor PyTorch has.",
		Formula: "–, −s·ζ(s+1, x)", Source: "NIST Digital Library of Mathematical Functions, 25.11",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return nil
			}
			s, x := n.Input(0), n.Input(1)
			return Mul(Neg(s), Zeta(Add(s, Like(s, 1)), x))
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{4, 1}}, Values: []float64{1.2, 2, 3.5, 9}, Constant: true}, {Type: Type{Float64, Shape{5}}, Lo: 0.8, Hi: 6}}}},
	})
	opIGammaUpper = Register(&Op{
		Name: "igammac", Symbol: "Q", OperandNames: []string{"a", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "igammac", SingularPartials: true,
		Doc:     "The regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x) without cancellation, a > 0, x ≥ 0; NaN elsewhere." + incompleteAccuracy,
		Formula: "−∂P/∂a (igamma_derivative), −x^(a−1) e^(−x)/Γ(a)", Source: incompleteSource + "8.2.4, 8.8.13",
		Partial: func(n *Node, i int) *Node {
			return Neg(iGammaDerivative(n.Input(0), n.Input(1), 1-i, i))
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Values: []float64{0.5, 1.7, 12}}, {Type: Type{Float64, Shape{5}}, Values: []float64{0.3, 1, 2.2, 6, 15}}}}},
	})
}

// ndtriPartial is the derivative of y = ndtri(p), 1/φ(y): in the tails Φ(−|y|)/φ(y)/min(p, 1−p), since e^(y²/2) multiplies the rounding of y by its square, but not where derivatives of
// higher orders overflow, whose terms then would have both signs.
func ndtriPartial(p, y *Node) *Node {
	zero, one := Like(p, 0), Like(p, 1)
	lower := Less(p, Like(p, 0.5))
	rest, distance := Where(lower, p, Sub(one, p)), Where(lower, Neg(y), y)
	least := 1e-100
	if p.typ.DType == Float32 {
		least = 1e-12
	}
	tail := LogicalAnd(Greater(rest, Like(p, least)), Less(rest, Like(p, 0.075)))
	scaled := Mul(Like(p, math.Sqrt(math.Pi/2)), erfcx(zero, Mul(distance, Like(p, math.Sqrt2/2))))
	centre := Mul(Like(p, math.Sqrt(2*math.Pi)), Exp(Mul(Like(p, 0.5), Square(y))))
	return Where(tail, Div(scaled, rest), centre)
}

func erfcx(n, x *Node) *Node { return apply2(opErfcx, n, x) }

// Erfcx returns e^(x²)·erfc(x), elementwise.
func Erfcx(x *Node) *Node { return erfcx(Like(x, 0), x) }

// LogNdtr returns the logarithm of the normal distribution's function, elementwise.
func LogNdtr(x *Node) *Node { return apply1(opLogNdtr, x) }

// Ndtri returns the inverse of the normal distribution's function, elementwise.
func Ndtri(p *Node) *Node { return apply1(opNdtri, p) }

// Zeta returns the Hurwitz zeta function ζ(s, x), elementwise and broadcast; ζ(s, 1) is Riemann's. It has no derivative by s.
func Zeta(s, x *Node) *Node { return apply2(opZeta, s, x) }

// IGammaC returns the regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x), elementwise and broadcast, without cancellation.
func IGammaC(a, x *Node) *Node { return apply2(opIGammaUpper, a, x) }

// BetaIncC returns 1 − I_x(a, b), elementwise and broadcast, by the symmetry I_(1−x)(b, a): the cancellation of 1 − I_x is not in it, and 1 − x is exact for x ≥ ½.
func BetaIncC(a, b, x *Node) *Node {
	if !x.Valid() {
		return BetaInc(b, a, x)
	}
	return BetaInc(b, a, Sub(Like(x, 1), x))
}
