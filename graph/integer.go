package graph

// The operators of this file.
var opBitwiseAnd, opBitwiseOr, opBitwiseXor, opShiftLeft, opShiftRight, opGcd *Op

// integer describes an elementwise operator of two integers.
func integer(name, symbol, doc string, commutative bool, a, b []float64) *Op {
	in := func(d DType) Sample {
		return Sample{In: []SampleInput{
			{Type: Type{d, Shape{len(a), 1}}, Values: a, Constant: true}, {Type: Type{d, Shape{len(b)}}, Values: b, Constant: true}}}
	}
	return &Op{
		Name: name, Symbol: symbol, Infix: symbol != "", Commutative: commutative, Family: FamilyArithmetic, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Integers, Micro: name,
		Doc: doc, NoDerivative: "the operands are integers",
		Samples: []Sample{in(Int32), in(Int64)},
	}
}

func init() {
	bits := []float64{0, 1, -1, 5, -6, 1 << 30, 0x55555555, -1 << 31}
	opBitwiseAnd = Register(integer("bitwise_and", "&", "The bits that both operands have, of integers in two's complement.", true, bits, bits))
	opBitwiseOr = Register(integer("bitwise_or", "|", "The bits that an operand has, of integers in two's complement.", true, bits, bits))
	opBitwiseXor = Register(integer("bitwise_xor", "⊕", "The bits that exactly one operand has, of integers in two's complement.", true, bits, bits))
	counts := []float64{0, 1, 5, 31, 32, 63, 64, -1}
	opShiftLeft = Register(integer("shift_left", "<<", "x·2ⁿ, the bits that go out on the left dropped; 0 where n is negative or not below the number of bits (NumPy).", false, bits, counts))
	opShiftRight = Register(integer("shift_right", ">>", "⌊x/2ⁿ⌋; 0 or, for a negative x, −1 where n is negative or not below the number of bits (NumPy).", false, bits, counts))
	divisors := []float64{0, 1, -1, 12, -18, 35, 1 << 30, -1 << 31}
	opGcd = Register(integer("gcd", "", "The greatest common divisor of |x| and |y|; 0 of two zeros. It wraps where it is 2³¹ or 2⁶³.", true, divisors, divisors))
}

// BitwiseAnd returns the bits that both integers have, elementwise and broadcast; of bools it is LogicalAnd.
func BitwiseAnd(x, y *Node) *Node {
	if isBool(x) && isBool(y) {
		return LogicalAnd(x, y)
	}
	return apply2(opBitwiseAnd, x, y)
}

// BitwiseOr returns the bits that an integer has of two, elementwise and broadcast; of bools it is LogicalOr.
func BitwiseOr(x, y *Node) *Node {
	if isBool(x) && isBool(y) {
		return LogicalOr(x, y)
	}
	return apply2(opBitwiseOr, x, y)
}

// BitwiseXor returns the bits that exactly one of two integers has, elementwise and broadcast; of bools it is LogicalXor.
func BitwiseXor(x, y *Node) *Node {
	if isBool(x) && isBool(y) {
		return LogicalXor(x, y)
	}
	return apply2(opBitwiseXor, x, y)
}

// BitwiseNot returns the bits that the integer does not have, −1 − x, elementwise; of bools it is LogicalNot.
func BitwiseNot(x *Node) *Node {
	if isBool(x) {
		return LogicalNot(x)
	}
	if !x.Valid() {
		return apply2(opBitwiseXor, x, x)
	}
	return BitwiseXor(x, Like(x, -1))
}

// ShiftLeft returns x·2ⁿ for integers, elementwise and broadcast, without the bits that go out on the left: 0 where n is negative or not below the number of bits.
func ShiftLeft(x, n *Node) *Node { return apply2(opShiftLeft, x, n) }

// ShiftRight returns ⌊x/2ⁿ⌋ for integers, elementwise and broadcast: 0 or, for a negative x, −1 where n is negative or not below the number of bits.
func ShiftRight(x, n *Node) *Node { return apply2(opShiftRight, x, n) }

// Gcd returns the greatest common divisor of integers, elementwise and broadcast; 0 of two zeros.
func Gcd(x, y *Node) *Node { return apply2(opGcd, x, y) }

// Lcm returns the least common multiple of integers that is not negative, elementwise and broadcast; 0 if one is 0. It wraps.
func Lcm(x, y *Node) *Node {
	g := Gcd(x, y)
	if !g.Valid() {
		return g
	}
	zero := Like(g, 0)
	return Mul(Div(Abs(x), Where(Equal(g, zero), Like(g, 1), g)), Abs(y))
}

func isBool(x *Node) bool { return x.Valid() && x.typ.DType == Bool }
