package graph

// The operators of this file; init fills them in because their derivatives refer to one another.
var opBesselJ, opBesselY, opBesselI, opBesselK, opBesselKe *Op

// bessel describes a Bessel function of whole order n, which is the first operand; derivative is that by x of the node.
func bessel(name, symbol, doc, formula, source string, lo float64, derivative func(n, x, y *Node) *Node) *Op {
	return &Op{
		Name: name, Symbol: symbol, OperandNames: []string{"n", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: name, SingularPartials: true,
		Doc: doc + " Operands n, x. NaN unless n is a whole number in [−1000, 1000]. It has no derivative by n.", Formula: "–, " + formula, Source: "NIST Digital Library of Mathematical Functions, " + source,
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return nil
			}
			return derivative(n.Input(0), n.Input(1), n)
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{4, 1}}, Values: []float64{0, 1, 2, 5}, Constant: true}, {Type: Type{Float64, Shape{5}}, Lo: lo, Hi: 11}}}},
	}
}

// neighbours returns a·f(n−1, x) + b·f(n+1, x); for n = 0, where the first is c times the second, one of them.
func neighbours(op *Op, n, x *Node, a, b, c float64) *Node {
	above := apply2(op, Add(n, Like(n, 1)), x)
	if v, ok := uniform(n); ok && v == 0 {
		return Mul(Like(above, float64(a*c)+b), above)
	}
	below := apply2(op, Sub(n, Like(n, 1)), x)
	return Add(Mul(Like(below, a), below), Mul(Like(above, b), above))
}

func init() {
	const envelope = " The error is some 2⁻⁵² times the larger of the value and, for x > n, √(2/πx)."
	opBesselJ = Register(bessel("bessel_j", "J", "Jₙ(x), the Bessel function of the first kind; 0 at ±Inf."+envelope, "(Jₙ₋₁ − Jₙ₊₁)/2", "10.6.1", -11,
		func(n, x, _ *Node) *Node { return neighbours(opBesselJ, n, x, 0.5, -0.5, -1) }))
	opBesselY = Register(bessel("bessel_y", "Y", "Yₙ(x), the Bessel function of the second kind; −Inf at 0 (+Inf for odd n < 0), 0 at +Inf, NaN for x < 0."+envelope, "(Yₙ₋₁ − Yₙ₊₁)/2", "10.6.1", 0.4,
		func(n, x, _ *Node) *Node { return neighbours(opBesselY, n, x, 0.5, -0.5, -1) }))
	opBesselI = Register(bessel("bessel_i", "I", "Iₙ(x), the modified Bessel function of the first kind; ±Inf at ±Inf.", "(Iₙ₋₁ + Iₙ₊₁)/2", "10.29.1", -11,
		func(n, x, _ *Node) *Node { return neighbours(opBesselI, n, x, 0.5, 0.5, 1) }))
	opBesselK = Register(bessel("bessel_k", "K", "Kₙ(x), the modified Bessel function of the second kind; +Inf at 0, 0 at +Inf, NaN for x < 0.", "−(Kₙ₋₁ + Kₙ₊₁)/2", "10.29.1", 0.4,
		func(n, x, _ *Node) *Node { return neighbours(opBesselK, n, x, -0.5, -0.5, 1) }))
	opBesselKe = Register(bessel("bessel_ke", "", "eˣ·Kₙ(x), the scaled modified Bessel function of the second kind; +Inf at 0, 0 at +Inf, NaN for x < 0. "+
		"Each derivative is a difference that loses log₁₀ x digits.", "eˣKₙ − eˣ(Kₙ₋₁ + Kₙ₊₁)/2", "10.29.1", 0.4,
		func(n, x, y *Node) *Node { return Add(y, neighbours(opBesselKe, n, x, -0.5, -0.5, 1)) }))
}

// BesselJ returns Jₙ(x), the Bessel function of the first kind, elementwise; |n| ≤ 1000.
func BesselJ(n int, x *Node) *Node { return apply2(opBesselJ, Like(x, float64(n)), x) }

// BesselY returns Yₙ(x), the Bessel function of the second kind, elementwise; |n| ≤ 1000.
func BesselY(n int, x *Node) *Node { return apply2(opBesselY, Like(x, float64(n)), x) }

// BesselI returns Iₙ(x), the modified Bessel function of the first kind, elementwise; |n| ≤ 1000. Where it overflows, BesselI0e and BesselI1e do not.
func BesselI(n int, x *Node) *Node { return apply2(opBesselI, Like(x, float64(n)), x) }

// BesselK returns Kₙ(x), the modified Bessel function of the second kind, elementwise; |n| ≤ 1000.
func BesselK(n int, x *Node) *Node { return apply2(opBesselK, Like(x, float64(n)), x) }

// BesselKe returns eˣ·Kₙ(x), elementwise, which does not underflow; |n| ≤ 1000.
func BesselKe(n int, x *Node) *Node { return apply2(opBesselKe, Like(x, float64(n)), x) }
