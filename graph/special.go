package graph

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opErfinv, opLgamma, opDigamma, opPolygamma, opSinc, opBesselI0e, opBesselI1e, opBesselI0eDerivative, opXlogy, opXlog1py, opLogAddExp, opIGamma, opIGammaDerivative, opBetaInc, opBetaIncDerivative *Op

func init() {
	opErfinv = Register(singular(unary("erfinv", "", "The inverse of erf on (−1, 1); ±Inf at ±1, NaN beyond.", "√π/2·e^(y²)", FamilySpecial,
		func(x, y *Node) *Node { return Mul(Like(x, math.Sqrt(math.Pi)/2), Exp(Square(y))) }, over(-0.9, 0.9))))
	opLgamma = Register(singular(unary("lgamma", "", "ln |Γ(x)|; +Inf at 0, −1, −2, … and at ±Inf. The derivative is digamma, with its values at the poles and at −Inf: NaN there but ∓Inf at ±0.", "ψ(x)", FamilySpecial,
		func(x, _ *Node) *Node { return Digamma(x) }, over(0.3, 5), over(-0.9, -0.1))))
	opLgamma.Source = "NIST Digital Library of Mathematical Functions, 5.2.2"
	opDigamma = Register(singular(unary("digamma", "", "ψ(x) = d/dx ln Γ(x); ∓Inf at ±0, NaN at −1, −2, … and at −Inf.", "ψ′(x)", FamilySpecial,
		func(x, _ *Node) *Node { return Polygamma(1, x) }, over(0.3, 5), over(-0.9, -0.1))))
	opDigamma.Source = "NIST Digital Library of Mathematical Functions, 5.15"
	opPolygamma = Register(&Op{
		Name: "polygamma", Symbol: "ψ", OperandNames: []string{"n", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "polygamma", SingularPartials: true,
		Doc: "ψ⁽ⁿ⁾(x), the derivative of order n of digamma: operands n, x. NaN unless n is a whole number in [0, 10⁶]. " +
			"At the poles 0, −1, … +Inf for odd n, else NaN. It has no derivative by n.",
		Formula: "–, ψ⁽ⁿ⁺¹⁾(x)", Source: "NIST Digital Library of Mathematical Functions, 5.15",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return nil
			}
			return apply2(opPolygamma, Add(n.Input(0), Like(n, 1)), n.Input(1))
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Values: []float64{1, 2, 3}, Constant: true}, {Type: Type{Float64, Shape{5}}, Lo: 0.8, Hi: 4}}}},
	})
	opSinc = Register(&Op{
		Name: "sinc", Family: FamilySpecial, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Attrs: []AttrSpec{{Key: "order", Kind: attr.Int, Optional: true, Doc: "which derivative, 0 by default"}},
		Doc: "sin(πx)/(πx), 1 at 0 (NumPy), or its derivative of the given order. Derivatives of every order are exact at 0. " +
			"NaN at ±Inf.",
		Formula: "the derivative of the next order: u·g_k + k·g_(k−1) = sin(u + kπ/2), u = πx, near 0 by the power series",
		Operands: func(in []*Node, a attr.List) (DType, error) {
			if k := a.Int("order"); k < 0 || k > maxSincOrder {
				return 0, fmt.Errorf("order %d is outside of [0, %d]", k, maxSincOrder)
			}
			if d := in[0].typ.DType; !d.IsFloat() {
				return d, fmt.Errorf("the operand is %v: needs one of %v", d, Floats)
			}
			return in[0].typ.DType, nil
		},
		Partial: func(n *Node, _ int) *Node {
			return applyAll(opSinc, n.Inputs(), attr.I("order", n.extra.attrs.Int("order")+1))
		},
		Expand: expandSinc,
		Samples: []Sample{over(-3, 3), at("", 0, 1e-9, -1e-3), {Attrs: attr.Make(attr.I("order", 1)),
			In: []SampleInput{{Type: Type{Float64, Shape{5}}, Values: []float64{0, 0.25, -0.4, 1.5, -3}}}}},
	})
	opBesselI0e = Register(unary("bessel_i0e", "", "e^(−|x|)·I₀(x), the scaled modified Bessel function of order 0. "+besselKink, "i0e′(x) (bessel_i0e_derivative)", FamilySpecial,
		func(x, _ *Node) *Node { return besselI0eDerivative(1, x) }, over(-9, -0.3), over(0.3, 12), at("kink at 0", 0)))
	opBesselI0e.Source = "NIST Digital Library of Mathematical Functions, 10.29"
	opBesselI1e = Register(unary("bessel_i1e", "", "e^(−|x|)·I₁(x), the scaled modified Bessel function of order 1. "+besselKink, "i0e″(x) + sign(x)·i0e′(x)", FamilySpecial,
		func(x, _ *Node) *Node { // I₁ = I₀′, so that i1e = i0e′ + sign(x)·i0e
			return Add(besselI0eDerivative(2, x), Mul(Sign(x), besselI0eDerivative(1, x)))
		}, over(-9, -0.3), over(0.3, 12), at("kink at 0", 0)))
	opBesselI1e.Source = "NIST Digital Library of Mathematical Functions, 10.29"
	opBesselI0eDerivative = Register(&Op{
		Name: "bessel_i0e_derivative", OperandNames: []string{"n", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "bessel_i0e_derivative", SingularPartials: true,
		Doc: "The derivative of order n of e^(−|x|)·I₀(x): operands n, x. NaN unless n is a whole number in [0, 30]. " + besselKink +
			" It has no derivative by n.",
		Formula: "–, the derivative of the next order", Source: "NIST Digital Library of Mathematical Functions, 10.32.1",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return nil
			}
			return apply2(opBesselI0eDerivative, Add(n.Input(0), Like(n, 1)), n.Input(1))
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Values: []float64{1, 2, 3}, Constant: true}, {Type: Type{Float64, Shape{5}}, Lo: 0.8, Hi: 4}}}},
	})

	opXlogy = Register(&Op{
		Name: "xlogy", Partials: []string{"ln b", "a/b"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc: "x·ln y, but 0 where x is 0 and y is not NaN (SciPy). There, where y ≤ 0, its derivatives are 0, but at (0, 0) the mixed one of order 2 is +Inf, its limit.", Formula: "ln y, x/y",
		Partial: func(n *Node, i int) *Node {
			x, y := n.Input(0), n.Input(1)
			if i == 0 {
				return flatAt0(x, y, Log(y), Sqrt(y))
			}
			return flatAt0(x, y, Div(x, y), MulNoNan(x, Reciprocal(y)))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			zero := Like(x, 0)
			return Where(LogicalAnd(Equal(x, zero), LogicalNot(IsNaN(y))), zero, Mul(x, Log(y)))
		},
		Samples: []Sample{pair(-2, 2, 0.3, 3), {NoDifferences: "at zeros", In: []SampleInput{
			{Type: Type{Float64, Shape{3}}, Values: []float64{0, 0, 2}}, {Type: Type{Float64, Shape{3}}, Values: []float64{0, 2, 1}}}}},
	})
	opXlog1py = Register(&Op{
		Name: "xlog1py", Partials: []string{"ln(1 + b)", "a/(1 + b)"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, SingularPartials: true,
		Doc: "x·ln(1 + y), but 0 where x is 0 and y is not NaN (SciPy). There, where y ≤ −1, its derivatives are 0, but at (0, −1) the mixed one of order 2 is +Inf, its limit.", Formula: "ln(1+y), x/(1+y)",
		Partial: func(n *Node, i int) *Node {
			x, y := n.Input(0), n.Input(1)
			z := Add(y, Like(y, 1))
			if i == 0 {
				return flatAt0(x, z, Log1p(y), Sqrt(z))
			}
			return flatAt0(x, z, Div(x, z), MulNoNan(x, Reciprocal(z)))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			zero := Like(x, 0)
			return Where(LogicalAnd(Equal(x, zero), LogicalNot(IsNaN(y))), zero, Mul(x, Log1p(y)))
		},
		Samples: []Sample{pair(-2, 2, -0.6, 3), {NoDifferences: "at zeros", In: []SampleInput{
			{Type: Type{Float64, Shape{3}}, Values: []float64{0, 0, 2}}, {Type: Type{Float64, Shape{3}}, Values: []float64{-1, 2, 1}}}}},
	})
	opLogAddExp = Register(&Op{
		Name: "logaddexp", Commutative: true, Partials: []string{"σ(a − b)", "σ(b − a)"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats,
		Doc: "ln(eˣ + eʸ) without overflow. Both −Inf gives −Inf with derivative 0.", Formula: "σ(x − y), σ(y − x)",
		Partial: func(n *Node, i int) *Node {
			x, y := n.Input(i), n.Input(1-i)
			infinite := LogicalAnd(Equal(x, y), LogicalNot(IsFinite(x)))
			atInfinity := Where(Less(x, Like(x, 0)), Like(x, 0), Like(x, 0.5))
			return Where(infinite, atInfinity, Sigmoid(Sub(x, y)))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			tail := Log1p(Exp(Neg(Abs(Sub(x, y)))))
			// Where the operands are equal their difference may be Inf − Inf.
			return Add(Max(x, y), Where(Equal(x, y), Like(x, math.Ln2), tail))
		},
		Samples: []Sample{pair(-3, 3, -3, 3), {NoDifferences: "infinite operands", In: []SampleInput{
			{Type: Type{Float64, Shape{4}}, Values: []float64{-posInf, 2, posInf, 1}}, {Type: Type{Float64, Shape{4}}, Values: []float64{-posInf, -posInf, 0, 1}}}}},
	})
	initIncomplete()
}

// flatAt0 is a partial of x·ln y that is 0 where x is 0 and y ≤ 0: the value is 0 there by convention. At (0, 0) origin stands for
// the partial: it is 0 there and its derivatives have the partial's limits.
func flatAt0(x, y, partial, origin *Node) *Node {
	zero := Like(x, 0)
	flat := LogicalAnd(Equal(x, zero), Less(y, zero))
	return Where(LogicalAnd(Equal(x, zero), Equal(y, zero)), origin, Where(flat, zero, partial))
}

// maxSincOrder bounds the derivatives of sinc: the recurrence loses about a digit for each order.
const maxSincOrder = 12

// expandSinc gives the derivative of order k of sin u/u: the power series for |u| < max(1, k), where the recurrence would cancel.
func expandSinc(n *Node) *Node {
	x, order := n.Input(0), n.extra.attrs.Int("order")
	u := Mul(x, Like(x, math.Pi))
	// x = whole + r: sin πx = (−1)^whole·sin πr without the rounding of a large u.
	whole := Round(x)
	r := Mul(Sub(x, whole), Like(x, math.Pi))
	sign := Sub(Like(x, 1), Mul(Like(x, 2), Mod(whole, Like(x, 2))))
	sin := Add(Mul(sign, Sin(r)), Like(x, 0)) // no −0
	if order == 0 {
		zero := Equal(x, Like(x, 0))
		return Where(zero, Like(x, 1), Div(sin, Where(zero, Like(x, 1), u)))
	}
	cos := Mul(sign, Cos(r))
	limit := math.Max(1, float64(order))
	near := Less(Abs(u), Like(x, limit))
	far := Where(near, Like(x, limit), u)
	// g_k = (sin(u + kπ/2) − k·g_(k−1))/u
	quarter := [4]*Node{sin, cos, Neg(sin), Neg(cos)}
	g := Div(quarter[0], far)
	for k := 1; k <= order; k++ {
		g = Div(Sub(quarter[k%4], Mul(Like(x, float64(k)), g)), far)
	}
	// Σ_j (−1)ʲ u^(2j−k)/((2j+1)·(2j−k)!) in powers of u²
	first := (order + 1) / 2
	var coefficients []float64
	for j := first; ; j++ {
		lg, _ := math.Lgamma(float64(2*j - order + 1))
		c := math.Exp(-lg) / float64(2*j+1)
		coefficients = append(coefficients, math.Copysign(c, 1-2*float64(j%2)))
		if float64(float64(2*j-order)*math.Log(limit))-lg < math.Log(1e-19) {
			break
		}
	}
	small := Where(near, u, Like(x, 0))
	square := Square(small)
	s := Like(x, coefficients[len(coefficients)-1])
	for i := len(coefficients) - 2; i >= 0; i-- {
		s = Add(Mul(s, square), Like(x, coefficients[i]))
	}
	if order%2 == 1 {
		s = Mul(s, small)
	}
	return Mul(Where(near, s, g), Like(x, math.Pow(math.Pi, float64(order))))
}

// Erfinv returns the inverse of erf, elementwise.
func Erfinv(x *Node) *Node { return apply1(opErfinv, x) }

// Lgamma returns ln |Γ(x)|, elementwise.
func Lgamma(x *Node) *Node { return apply1(opLgamma, x) }

// Digamma returns ψ(x), the logarithmic derivative of Γ, elementwise.
func Digamma(x *Node) *Node { return apply1(opDigamma, x) }

// Polygamma returns the derivative of order n of Digamma, elementwise.
func Polygamma(n int, x *Node) *Node { return apply2(opPolygamma, Like(x, float64(n)), x) }

// Sinc returns sin(πx)/(πx), 1 at 0, elementwise.
func Sinc(x *Node) *Node { return apply1(opSinc, x) }

// BesselI0e returns e^(−|x|)·I₀(x), elementwise.
func BesselI0e(x *Node) *Node { return apply1(opBesselI0e, x) }

// BesselI1e returns e^(−|x|)·I₁(x), elementwise.
func BesselI1e(x *Node) *Node { return apply1(opBesselI1e, x) }

// besselKink is what bessel functions say of 0; sign(0) = 0 there makes every order consistent.
const besselKink = "Derivatives at 0, the kink of |x|, take sign(0) = 0: those of the unscaled function."

func besselI0eDerivative(n int, x *Node) *Node {
	return apply2(opBesselI0eDerivative, Like(x, float64(n)), x)
}

// Xlogy returns x·ln y, 0 where x is 0, elementwise.
func Xlogy(x, y *Node) *Node { return apply2(opXlogy, x, y) }

// Xlog1py returns x·ln(1 + y), 0 where x is 0, elementwise.
func Xlog1py(x, y *Node) *Node { return apply2(opXlog1py, x, y) }

// LogAddExp returns ln(eˣ + eʸ) without overflow, elementwise.
func LogAddExp(x, y *Node) *Node { return apply2(opLogAddExp, x, y) }
