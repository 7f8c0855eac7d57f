package graph

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// apply1, apply2 and apply3 add a node without attributes. They find the graph and keep going after mistakes. The operands
// lie on a stack of the graph, so that the call allocates nothing.
func apply1(op *Op, x *Node) *Node {
	return graphOf(x).applyTop(op, x)
}

func apply2(op *Op, x, y *Node) *Node {
	return graphOf(x, y).applyTop(op, x, y)
}

func apply3(op *Op, x, y, z *Node) *Node {
	return graphOf(x, y, z).applyTop(op, x, y, z)
}

func (g *Graph) applyTop(op *Op, in ...*Node) *Node {
	k := len(g.operands)
	g.operands = append(g.operands, in...)
	n := g.Apply(op, g.operands[k:len(g.operands):len(g.operands)], nil)
	g.operands = g.operands[:k]
	return n
}

// graphOf returns the graph that a node with the operands is added to: the body under construction, if there is one within the graph of the operands, or else the
// innermost of their graphs. Operands without get a graph of their own, in which the mistake is then recorded.
func graphOf(in ...*Node) *Graph {
	var g *Graph
	for _, n := range in {
		if n != nil && n.kind != nil && (g == nil || n.g.level > g.level) {
			g = n.g
		}
	}
	switch {
	case g == nil:
		g = New()
	case g.inner != nil:
		g = g.inner
	}
	return g
}

// applyAll adds a node with any operands and attributes.
func applyAll(op *Op, in []*Node, attrs ...attr.Named) *Node {
	return graphOf(in...).Apply(op, in, attr.Make(attrs...))
}

// unary describes an elementwise operator with one float operand that a micro-operation runs; drawn is its Partials, "" for none.
func unary(name, drawn, doc, formula string, family Family, partial func(x, y *Node) *Node, samples ...Sample) *Op {
	op := &Op{
		Name: name, Doc: doc, Formula: formula, Family: family, MinArity: 1, MaxArity: 1,
		Elementwise: true, DTypes: Floats, Micro: name,
		Partial: func(n *Node, _ int) *Node { return partial(n.Input(0), n) },
		Samples: samples,
	}
	if drawn != "" {
		op.Partials = []string{drawn}
	}
	return op
}

// over makes a sample of float operands of the given range: a scalar, and odd lengths.
func over(lo, hi float64) Sample {
	return Sample{In: []SampleInput{{Type: Type{Float64, Shape{3, 5}}, Lo: lo, Hi: hi}}}
}

// pair makes a sample of two broadcast float operands.
func pair(lo1, hi1, lo2, hi2 float64) Sample {
	return Sample{In: []SampleInput{
		{Type: Type{Float64, Shape{3, 1, 5}}, Lo: lo1, Hi: hi1},
		{Type: Type{Float64, Shape{7, 5}}, Lo: lo2, Hi: hi2},
	}}
}

// at makes a sample of one operand with exactly the given values, at which no differences are taken.
func at(reason string, values ...float64) Sample {
	return Sample{NoDifferences: reason, In: []SampleInput{{Type: Type{Float64, Shape{len(values)}}, Values: values}}}
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opIdentity, opCopy, opNeg, opAbs, opSign, opSquare, opReciprocal, opAdd, opSub, opMul, opDiv, opMod, opRemainder, opPow, opPowDerivative, opMax, opMin, opFMA, opMulNoNan, opCopysign *Op

func init() {
	opIdentity = Register(&Op{
		Name: "identity", Symbol: "=", Partials: []string{"1"}, Family: FamilyControl, MinArity: 1, MaxArity: 1, Builtin: true, View: whole, Elementwise: true, DTypes: AnyDType,
		Doc: "The operand itself, under another name.", Formula: "1",
		Partial: func(n *Node, _ int) *Node { return Like(n, 1) },
		Samples: []Sample{over(-2, 2)},
	})
	opCopy = Register(&Op{
		Name: "copy", Partials: []string{"1"}, Family: FamilyControl, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: AnyDType, Micro: "mov",
		Doc: "The operand in memory of its own.", Formula: "1",
		Partial: func(n *Node, _ int) *Node { return Like(n, 1) },
		Samples: []Sample{over(-2, 2)},
	})
	opNeg = Register(&Op{
		Name: "neg", Symbol: "−( · )", Partials: []string{"−1"}, Family: FamilyArithmetic, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Numbers, Micro: "neg",
		Doc: "−x. Integers wrap.", Formula: "−1",
		Partial: func(n *Node, _ int) *Node { return Like(n, -1) },
		Samples: []Sample{over(-2, 2)},
	})
	opAbs = Register(&Op{
		Name: "abs", Symbol: "|·|", Partials: []string{"sign a"}, Family: FamilyArithmetic, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Numbers, Micro: "abs",
		Doc: "|x|. The derivative at 0 is 0.", Formula: "sign(x)",
		Partial: func(n *Node, _ int) *Node { return Sign(n.Input(0)) },
		Samples: []Sample{over(-2, 2), at("kink at 0", -1, 0, 1)},
	})
	opSign = Register(&Op{
		Name: "sign", Family: FamilyArithmetic, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Numbers, Micro: "sign",
		Doc:          "−1, 0 or 1 by the sign of x; NaN for NaN.",
		NoDerivative: "piecewise constant: the derivative is 0 by convention everywhere",
		Samples:      []Sample{over(-2, 2)},
	})
	opSquare = Register(&Op{
		Name: "square", Symbol: "( · )²", Partials: []string{"2a"}, Family: FamilyArithmetic, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Numbers, Taylor: taylorOfSquare,
		Doc: "x·x.", Formula: "2x",
		Partial: func(n *Node, _ int) *Node { return Mul(Like(n, 2), n.Input(0)) },
		Expand:  func(n *Node) *Node { return Mul(n.Input(0), n.Input(0)) },
		Samples: []Sample{over(-2, 2)},
	})
	opReciprocal = Register(&Op{
		Name: "reciprocal", Symbol: "1/( · )", Partials: []string{"−v^2"}, Family: FamilyArithmetic, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: Floats,
		Doc: "1/x; ±Inf at ±0.", Formula: "−1/x²", SingularPartials: true,
		Partial: func(n *Node, _ int) *Node { return Neg(Square(n)) },
		Expand:  func(n *Node) *Node { return Div(Like(n, 1), n.Input(0)) },
		Samples: []Sample{over(0.5, 3), over(-3, -0.5)},
	})
	opAdd = Register(&Op{
		Name: "add", Symbol: "+", Commutative: true, Infix: true, Partials: []string{"1", "1"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "add",
		Doc: "x + y. Integers wrap.", Formula: "1, 1",
		Partial: func(n *Node, _ int) *Node { return Like(n, 1) },
		Samples: []Sample{pair(-2, 2, -2, 2)},
	})
	opSub = Register(&Op{
		Name: "sub", Symbol: "−", Infix: true, Partials: []string{"1", "−1"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "sub",
		Doc: "x − y. Integers wrap.", Formula: "1, −1",
		Partial: func(n *Node, i int) *Node { return Like(n, float64(1-2*i)) },
		Samples: []Sample{pair(-2, 2, -2, 2)},
	})
	opMul = Register(&Op{
		Name: "mul", Symbol: "×", Commutative: true, Infix: true, Partials: []string{"b", "a"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "mul", Taylor: taylorOfProduct,
		Doc: "x · y. Integers wrap.", Formula: "y, x",
		Partial: func(n *Node, i int) *Node { return n.Input(1 - i) },
		Samples: []Sample{pair(-2, 2, -2, 2)},
	})
	opDiv = Register(&Op{
		Name: "div", Symbol: "÷", Infix: true, Partials: []string{"1/b", "−v/b"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "div", Taylor: taylorOfQuotient,
		Doc: "x / y. Integers truncate toward zero; an integer division by zero is a runtime error. " +
			"A zero adjoint wins over an infinite partial.",
		Formula: "1/y, −x/y²", SingularPartials: true,
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return Reciprocal(n.Input(1))
			}
			return Neg(Div(n, n.Input(1)))
		},
		Samples: []Sample{pair(-2, 2, 0.5, 3), pair(-2, 2, -3, -0.5)},
	})
	opMod = Register(&Op{
		Name: "mod", Partials: []string{"1", "(v − a)/b"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "mod",
		Doc:     "x − y·⌊x/y⌋, ⌊x/y⌋ of the exact quotient: the floor modulus, with the sign of y. The derivatives hold on either side of the jumps and at them take the quotient of the value. An integer y = 0 is a runtime error.",
		Formula: "1, −⌊x/y⌋", SingularPartials: true,
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return Like(n, 1)
			}
			return Neg(wholeQuotient(n))
		},
		Samples: []Sample{pair(0.1, 0.9, 1.1, 1.7), pair(2.1, 2.4, -0.7, -0.6)},
	})
	opRemainder = Register(&Op{
		Name: "remainder", Partials: []string{"1", "(v − a)/b"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "rem",
		Doc:     "x − y·trunc(x/y), exact: the truncated remainder, with the sign of x (C's fmod). The derivatives hold on either side of the jumps and at them take the quotient of the value. An integer y = 0 is a runtime error.",
		Formula: "1, −trunc(x/y)", SingularPartials: true,
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return Like(n, 1)
			}
			return Neg(wholeQuotient(n))
		},
		Samples: []Sample{pair(0.1, 0.9, 1.1, 1.7), pair(-2.4, -2.1, 0.6, 0.7)},
	})
	opPow = Register(&Op{
		Name: "pow", Symbol: "^", Infix: true, OperandNames: []string{"a", "b"}, Partials: []string{"b a^(b − 1)", "v ln a"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "pow", Taylor: taylorOfPower,
		Doc:     "x^y, 1 for y = 0. ∂/∂x is 0 for y = 0; ∂/∂y is 0 at x = 0 for y ≥ 0. At (0, 0) ∂²/∂x∂y is +Inf, its limit, and derivatives of higher order are not defined. Integers: y < 0 gives 0 unless x is ±1; products wrap.",
		Formula: "y·x^(y−1), x^y·ln x", SingularPartials: true,
		Partial: powPartial,
		Samples: []Sample{pair(0.3, 3, -2, 2), {NoDifferences: "conventions at 0", In: []SampleInput{
			{Type: Type{Float64, Shape{6}}, Values: []float64{0, 0, 0, 0, -2, -2}},
			{Type: Type{Float64, Shape{6}}, Values: []float64{0, 1, 2, 3, 2, 3}, Constant: true},
		}}},
	})
	opPowDerivative = Register(&Op{
		Name: "pow_derivative", OperandNames: []string{"a", "b"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, SingularPartials: true,
		Attrs:   []AttrSpec{{Key: "order", Kind: attr.Int, Doc: "k, from 1 to 1000"}},
		Doc:     "x^y·lnᵏ x, the derivative of order k of x^y by y, whose derivatives need no 1/x; 0 where x^y is 0 and at (0, 0).",
		Formula: "y·x^(y−1)·lnᵏ x + k·x^(y−1)·lnᵏ⁻¹ x, x^y·lnᵏ⁺¹ x",
		Operands: func(in []*Node, a attr.List) (DType, error) {
			if k := a.Int("order"); k < 1 || k > 1000 {
				return 0, fmt.Errorf("order %d is outside of [1, 1000]", k)
			}
			return floatOperands(in, a)
		},
		Partial: func(n *Node, i int) *Node {
			x, y, k := n.Input(0), n.Input(1), n.extra.attrs.Int("order")
			if i == 1 {
				return powDerivative(x, y, k+1)
			}
			less, zero := Sub(y, Like(n, 1)), Like(n, 0)
			// At x = 0 the first term, the larger one, is infinite or both are 0, but for y = 0.
			larger := LogicalAnd(Equal(x, zero), NotEqual(y, zero))
			return Add(MulNoNan(powDerivative(x, less, k), y), Where(larger, zero, multiple(powDerivative(x, less, k-1), float64(k))))
		},
		Expand: func(n *Node) *Node {
			x, y := n.Input(0), n.Input(1)
			zero := Like(n, 0)
			log := Where(LogicalAnd(Equal(x, zero), Equal(y, zero)), zero, Log(x))
			v := Pow(x, y)
			for range n.extra.attrs.Int("order") {
				v = MulNoNan(v, log)
			}
			return v
		},
		Samples: []Sample{with(pair(0.3, 3, -2, 2), attr.I("order", 1)), with(pair(0.3, 3, -2, 2), attr.I("order", 3))},
	})
	opMax = Register(&Op{
		Name: "max", Commutative: true, Partials: []string{"H(a − b)", "H(b − a)"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "max",
		Doc: "The larger of x and y; NaN if either is NaN. At a tie each operand gets half of the adjoint.", Formula: "1 where larger, ½ at a tie, else 0",
		Partial: func(n *Node, i int) *Node { return tieShare(n, Greater(n.Input(i), n.Input(1-i))) },
		Samples: []Sample{pair(-2, 2, -2, 2), tie()},
	})
	opMin = Register(&Op{
		Name: "min", Commutative: true, Partials: []string{"H(b − a)", "H(a − b)"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "min",
		Doc: "The smaller of x and y; NaN if either is NaN. At a tie each operand gets half of the adjoint.", Formula: "1 where smaller, ½ at a tie, else 0",
		Partial: func(n *Node, i int) *Node { return tieShare(n, Less(n.Input(i), n.Input(1-i))) },
		Samples: []Sample{pair(-2, 2, -2, 2), tie()},
	})
	opFMA = Register(&Op{
		Name: "fma", Symbol: "×+", Partials: []string{"b", "a", "1"}, Family: FamilyArithmetic, MinArity: 3, MaxArity: 3, Elementwise: true, DTypes: Floats, Micro: "fma",
		Doc: "x·y + z, rounded once.", Formula: "y, x, 1",
		Partial: func(n *Node, i int) *Node {
			if i == 2 {
				return Like(n, 1)
			}
			return n.Input(1 - i)
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 5}}}, {Type: Type{Float64, Shape{5}}}, {Type: Type{Float64, Shape{3, 1}}}}}},
	})
	opMulNoNan = Register(&Op{
		Name: "mul_no_nan", Symbol: "×₀", Commutative: true, Infix: true, Partials: []string{"b", "a"}, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "mul_no_nan", Taylor: taylorOfProduct,
		Doc: "x · y, but 0 where either operand is exactly 0, even if the other one is infinite or NaN; a zero of a finite product keeps its sign. " +
			"Adjoints and tangents of operators with singular partials and behind masks are made of it, so that a zero wins. " +
			"It closes: its derivative by each operand is the same product, with the tangent in that operand's place, at every order.",
		Formula: "y, x", SingularPartials: true,
		Partial: func(n *Node, i int) *Node { return n.Input(1 - i) },
		Samples: []Sample{pair(-2, 2, -2, 2), {NoDifferences: "an infinite factor", In: []SampleInput{
			{Type: Type{Float64, Shape{6}}, Values: []float64{posInf, -posInf, 1, posInf, 0, 0}},
			{Type: Type{Float64, Shape{6}}, Values: []float64{0, 0, 0, 2, -posInf, posInf - posInf}},
		}}},
	})
	opCopysign = Register(&Op{
		Name: "copysign", Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "copysign",
		Doc: "|x| with the sign of y. The derivative by x at 0 is 0.", Formula: "sign(x)·sign(y), 0",
		Partial: func(n *Node, i int) *Node {
			if i == 1 {
				return nil
			}
			return Mul(Sign(n.Input(0)), Copysign(Like(n, 1), n.Input(1)))
		},
		Samples: []Sample{pair(0.5, 2, -2, 2)},
	})
}

// wholeQuotient is the whole number q of the value n = x − q·y of a modulus: x/y itself may round up to the next one.
func wholeQuotient(n *Node) *Node {
	x, y := n.Input(0), n.Input(1)
	return Round(Sub(Div(x, y), Div(n, y)))
}

// tie is a sample of equal operands.
func tie() Sample {
	v := []float64{-1, 0, 2}
	return Sample{NoDifferences: "kink at a tie", In: []SampleInput{
		{Type: Type{Float64, Shape{3}}, Values: v}, {Type: Type{Float64, Shape{3}}, Values: v}}}
}

// tieShare is 1 where wins, ½ where the operands are equal, else 0.
func tieShare(n, wins *Node) *Node {
	half := Where(Equal(n.Input(0), n.Input(1)), Like(n, 0.5), Like(n, 0))
	return Where(wins, Like(n, 1), half)
}

func powPartial(n *Node, i int) *Node {
	x, y := n.Input(0), n.Input(1)
	if i == 0 {
		c, ok := uniform(y)
		switch {
		case ok && y.IsNumber() && c == 0:
			return nil
		case ok && y.IsNumber() && c == 1:
			return Like(n, 1)
		case ok && y.IsNumber() && c == 2:
			return Mul(y, x)
		case ok && c != 0:
			return Mul(y, Pow(x, Sub(y, Like(n, 1))))
		}
		return MulNoNan(Pow(x, Sub(y, Like(n, 1))), y)
	}
	if c, ok := uniform(x); ok && c > 0 && c < posInf {
		return Mul(n, Log(x))
	}
	return powDerivative(x, y, 1)
}

// powDerivative is the derivative of order k of x^y by y.
func powDerivative(x, y *Node, k int) *Node {
	if k == 0 {
		return Pow(x, y)
	}
	return graphOf(x, y).Apply(opPowDerivative, []*Node{x, y}, attr.Make(attr.I("order", k)))
}

// taylorOfSquare is the recurrence of x²: 2·Σ_(j<k/2) x_j·x_(k−j), and x_(k/2)² where k is even.
func taylorOfSquare(n *Node, s Series, k int) (*Node, bool) {
	x := n.Input(0)
	var sum *Node
	for j := 0; 2*j < k; j++ {
		if a, b := s.Coefficient(x, j), s.Coefficient(x, k-j); a != nil && b != nil {
			sum = addTerm(sum, s.Product(n, a, b))
		}
	}
	sum = multiple(sum, 2)
	if k%2 == 0 {
		if a := s.Coefficient(x, k/2); a != nil {
			sum = addTerm(sum, Square(a))
		}
	}
	return sum, true
}

// taylorOfQuotient is the recurrence of v = x/y: v_k = (x_k − Σ_(j≥1) y_j·v_(k−j))/y.
func taylorOfQuotient(n *Node, s Series, k int) (*Node, bool) {
	sum := s.Coefficient(n.Input(0), k)
	if sum != nil {
		sum = BroadcastTo(sum, n.typ.Shape...)
	}
	for j := 1; j <= k; j++ {
		y, v := s.Coefficient(n.Input(1), j), s.Coefficient(n, k-j)
		switch {
		case y == nil || v == nil:
		case sum == nil:
			sum = Neg(MulNoNan(v, y))
		default:
			sum = Sub(sum, MulNoNan(v, y))
		}
	}
	if sum == nil {
		return nil, true
	}
	return MulNoNan(Reciprocal(n.Input(1)), sum), true
}

// taylorOfPower is the recurrence of v = x^c for a constant c < 0 that is no whole number, whose powers never become constant:
// k·x·v_k = Σ_(j≥1) (c·j − (k−j))·x_j·v_(k−j). With c > 0 it would divide a v that is 0, or that under- or overflows, by x,
// where the derivatives do not: these are powers with smaller exponents, and at last with one below 0.
func taylorOfPower(n *Node, s Series, k int) (*Node, bool) {
	x, y := n.Input(0), n.Input(1)
	bits, uniform := y.ShownLiteral().Uniform()
	if c := FloatOfBits(y.typ.DType, bits); s.Changes(y) || !uniform || c > 0 || c == math.Trunc(c) {
		return nil, false
	}
	var sum *Node
	for j := 1; j <= k; j++ {
		if a, v := s.Coefficient(x, j), s.Coefficient(n, k-j); a != nil && v != nil {
			sum = addTerm(sum, Mul(MulNoNan(v, a), Sub(multiple(y, float64(j)), Like(y, float64(k-j)))))
		}
	}
	if sum == nil {
		return nil, true
	}
	return MulNoNan(Reciprocal(Mul(Like(x, float64(k)), x)), sum), true
}

// uniform returns the value of a constant whose elements are all equal.
func uniform(n *Node) (float64, bool) {
	bits, ok := n.extra.lit.Uniform()
	return FloatOfBits(n.typ.DType, bits), ok
}

// Identity returns x under another name.
func Identity(x *Node) *Node { return apply1(opIdentity, x) }

// Neg returns −x.
func Neg(x *Node) *Node { return apply1(opNeg, x) }

// Abs returns |x|; the derivative at 0 is 0.
func Abs(x *Node) *Node { return apply1(opAbs, x) }

// Sign returns −1, 0 or 1 by the sign of x, NaN for NaN; its derivative is 0.
func Sign(x *Node) *Node { return apply1(opSign, x) }

// Square returns x·x.
func Square(x *Node) *Node { return apply1(opSquare, x) }

// Reciprocal returns 1/x.
func Reciprocal(x *Node) *Node { return apply1(opReciprocal, x) }

// Add returns x + y, broadcast.
func Add(x, y *Node) *Node { return apply2(opAdd, x, y) }

// AddN returns the sum of its operands, added from the left.
func AddN(x *Node, more ...*Node) *Node {
	for _, m := range more {
		x = Add(x, m)
	}
	return x
}

// Sub returns x − y, broadcast.
func Sub(x, y *Node) *Node { return apply2(opSub, x, y) }

// Mul returns x · y elementwise, broadcast.
func Mul(x, y *Node) *Node { return apply2(opMul, x, y) }

// Div returns x / y elementwise, broadcast; integers truncate, and an integer division by zero is a runtime error.
func Div(x, y *Node) *Node { return apply2(opDiv, x, y) }

// FloorDivide returns the largest whole number that is not above x/y, elementwise and broadcast, as Python's //: what remains is Mod(x, y), so that 1 // 0.1 is 9. Of floating point it is x/y where y is 0; integers by 0 are an error of the run. The derivative is 0.
func FloorDivide(x, y *Node) *Node {
	if !x.Valid() || !y.Valid() {
		return Div(x, y)
	}
	x, y = StopGradient(x), StopGradient(y)
	zero, rest := Like(x, 0), Remainder(x, y)
	q := Div(Sub(x, rest), y)
	if !q.Valid() {
		return q
	}
	if q.typ.DType.IsFloat() {
		q = Where(Equal(y, zero), Div(x, y), Round(q))
	}
	below := LogicalAnd(NotEqual(rest, zero), LogicalXor(Less(y, zero), Less(rest, zero)))
	return Where(LogicalAnd(below, NotEqual(y, zero)), Sub(q, Like(q, 1)), q)
}

// Mod returns the floor modulus of x by y: Python's %.
func Mod(x, y *Node) *Node { return apply2(opMod, x, y) }

// Remainder returns the truncated remainder of x by y: C's fmod.
func Remainder(x, y *Node) *Node { return apply2(opRemainder, x, y) }

// Pow returns x^y elementwise, broadcast.
func Pow(x, y *Node) *Node { return apply2(opPow, x, y) }

// Max returns the larger of x and y elementwise; a tie shares the adjoint. true is the larger one of bools.
func Max(x, y *Node) *Node { return ordered(opMax, x, y) }

// Min returns the smaller of x and y elementwise; a tie shares the adjoint. false is the smaller one of bools.
func Min(x, y *Node) *Node { return ordered(opMin, x, y) }

// FMA returns x·y + z rounded once.
func FMA(x, y, z *Node) *Node { return apply3(opFMA, x, y, z) }

// MulNoNan returns x · y elementwise, broadcast, but 0 where either operand is exactly 0, even if the other one is infinite or NaN.
func MulNoNan(x, y *Node) *Node { return apply2(opMulNoNan, x, y) }

// Copysign returns |x| with the sign of y.
func Copysign(x, y *Node) *Node { return apply2(opCopysign, x, y) }

// Copy returns x as a value of its own: compilers use it for outputs that are inputs or constants.
func Copy(x *Node) *Node { return apply1(opCopy, x) }
