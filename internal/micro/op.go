package micro

// Op is an elementwise operation. Its semantics below are the definition that
// every executor reproduces bit for bit.
type Op uint8

// The operations. Float operations follow IEEE 754 with round to nearest even;
// each transcendental function is defined by the algorithm in internal/elem
// (the same on every path), with special values as in Go's math package.
const (
	Invalid Op = iota

	Mov // A

	// Arithmetic (floats and integers; integers wrap).
	Add      // A + B
	Sub      // A − B
	Mul      // A · B
	Div      // A / B; integers truncate toward zero, division by zero gives 0 and raises the trap DivideByZero
	FMA      // A·B + C rounded once (floats)
	FMS      // A·B − C rounded once (floats)
	FNMA     // C − A·B rounded once (floats)
	Neg      // −A
	Abs      // |A|
	Min      // the smaller; NaN if either is NaN; min(−0,+0) = −0
	Max      // the larger; NaN if either is NaN; max(−0,+0) = +0
	Mod      // floor modulus: A − B·⌊A/B⌋, sign of B (Python %); integer B = 0 gives 0 and the trap
	Rem      // truncated remainder, sign of A (C fmod); integer B = 0 gives 0 and the trap
	Sign     // −1, 0 or 1; ±0 → ±0, NaN → NaN
	MulNoNan // A · B, but +0 where one is ±0 and the other Inf or NaN
	Copysign // |A| with the sign of B

	// Rounding (floats).
	Floor
	Ceil
	Trunc
	Round // to nearest, ties to even (NumPy rint)

	// Roots and transcendental functions (floats).
	Sqrt
	Cbrt
	Exp
	Exp2
	Expm1
	Log
	Log2
	Log10
	Log1p
	Sin
	Cos
	Tan
	Asin
	Acos
	Atan
	Sinh
	Cosh
	Tanh
	Asinh
	Acosh
	Atanh
	Sigmoid  // 1/(1+exp(−A)), no overflow
	Softplus // log(1+exp(A)), no overflow
	Erf
	Erfc
	Erfinv
	Lgamma // log|Γ(A)|
	Digamma
	Pow   // A^B as Go's math.Pow; integers: B < 0 gives 0 unless A is ±1
	Atan2 // angle of the point (B, A)
	Hypot

	// Comparison: result Bool. Comparisons with NaN are false, but Ne is true.
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	IsNaN
	IsFinite

	// Logic on Bool.
	And
	Or
	Xor
	Not

	// Select: B where A is true, else C. A is Bool, B and C have Type.
	Select

	// Cast converts A from Type to To: float → integer truncates and saturates, NaN → 0; anything → Bool is A ≠ 0.
	Cast

	// Special functions without a vector form.
	BesselI0e           // exp(−|A|)·I₀(A)
	BesselI1e           // exp(−|A|)·I₁(A)
	Polygamma           // ψ⁽ᴬ⁾(B), A a non-negative whole number
	IGamma              // regularised lower incomplete gamma P(A, B)
	BetaInc             // regularised incomplete beta I_C(A, B)
	BesselI0eDerivative // the derivative of order A of BesselI0e at B

	Zeta     // Hurwitz zeta function Σ (B+k)^(−A) over k ≥ 0
	Igammac  // regularised upper incomplete gamma Q(A, B)
	BesselJ  // J of whole order A at B
	BesselY  // Y of whole order A at B
	BesselI  // I of whole order A at B
	BesselK  // K of whole order A at B
	BesselKe // exp(B)·K of whole order A at B
	Erfcx    // the derivative of order A of exp(B²)·erfc(B)
	Ndtri    // inverse of the normal distribution's function

	// Integers in two's complement.
	BitwiseAnd
	BitwiseOr
	BitwiseXor
	ShiftLeft  // A·2^B, the bits beyond dropped; 0 unless 0 ≤ B < the number of bits
	ShiftRight // ⌊A/2^B⌋; −1 or 0 by the sign of A unless 0 ≤ B < the number of bits
	Gcd        // greatest common divisor of |A| and |B|, wrapping; 0 of two zeros

	// Representation (floats).
	Nextafter // the number next to A towards B, B if they are equal
	Ldexp     // A·2^trunc(B), rounded once
	Exponent  // e with ½ ≤ |A|/2^e < 1; 0 for 0, ±Inf and NaN

	opCount
)

// Count is the number of operations, Invalid included.
const Count = int(opCount)

// Info is all that verifiers, compilers, executors, profiles and listings know of an operation, apart from its kernels.
type Info struct {
	Name  string
	Arity int
	Bool  bool // the result is Bool whatever Type is
	Float bool // defined for float32 and float64
	Int   bool // defined for int32 and int64
	Logic bool // defined for bool
	// Traps: integers raise the trap DivideByZero where operand B is 0.
	Traps bool
	// Commutes: operands A and B may be exchanged, to the bit, a NaN being like any other.
	Commutes bool
	// Flops is what profiles count for one element: 20 for a transcendental function, as a convention.
	Flops int
	// Cost is the rough time of one float64 element in nanoseconds, by the block kernel of AVX-512 on one processor of 2024 in its
	// first-level cache. It decides from which size on threads are worth waking.
	Cost float64
}

// domain and flag are sets for row.
type domain uint8

const (
	floats domain = 1 << iota
	ints
	bools
)

type flag uint8

const (
	toBool flag = 1 << iota
	traps
	commutes
)

func row(name string, arity int, d domain, flops int, cost float64, f flag) Info {
	return Info{
		Name: name, Arity: arity, Float: d&floats != 0, Int: d&ints != 0, Logic: d&bools != 0,
		Bool: f&toBool != 0, Traps: f&traps != 0, Commutes: f&commutes != 0, Flops: flops, Cost: cost,
	}
}

var infos = [opCount]Info{
	// name, operands, domain, flops, cost, flags
	Mov:                 row("mov", 1, floats|ints|bools, 0, .08, 0),
	Add:                 row("add", 2, floats|ints, 1, .08, commutes),
	Sub:                 row("sub", 2, floats|ints, 1, .08, 0),
	Mul:                 row("mul", 2, floats|ints, 1, .08, commutes),
	Div:                 row("div", 2, floats|ints, 1, .16, traps),
	FMA:                 row("fma", 3, floats, 2, .1, commutes),
	FMS:                 row("fms", 3, floats, 2, .1, commutes),
	FNMA:                row("fnma", 3, floats, 2, .1, commutes),
	Neg:                 row("neg", 1, floats|ints, 1, .08, 0),
	Abs:                 row("abs", 1, floats|ints, 1, .08, 0),
	Min:                 row("min", 2, floats|ints, 1, .12, commutes),
	Max:                 row("max", 2, floats|ints, 1, .12, commutes),
	Mod:                 row("mod", 2, floats|ints, 1, 11, traps),
	Rem:                 row("rem", 2, floats|ints, 1, 9.5, traps),
	Sign:                row("sign", 1, floats|ints, 1, .12, 0),
	MulNoNan:            row("mul_no_nan", 2, floats, 1, .1, commutes),
	Copysign:            row("copysign", 2, floats, 1, .08, 0),
	Floor:               row("floor", 1, floats, 1, .08, 0),
	Ceil:                row("ceil", 1, floats, 1, .08, 0),
	Trunc:               row("trunc", 1, floats, 1, .08, 0),
	Round:               row("round", 1, floats, 1, .08, 0),
	Sqrt:                row("sqrt", 1, floats, 1, .27, 0),
	Cbrt:                row("cbrt", 1, floats, 20, .6, 0),
	Exp:                 row("exp", 1, floats, 20, .35, 0),
	Exp2:                row("exp2", 1, floats, 20, .3, 0),
	Expm1:               row("expm1", 1, floats, 20, .45, 0),
	Log:                 row("log", 1, floats, 20, .45, 0),
	Log2:                row("log2", 1, floats, 20, .55, 0),
	Log10:               row("log10", 1, floats, 20, .6, 0),
	Log1p:               row("log1p", 1, floats, 20, .65, 0),
	Sin:                 row("sin", 1, floats, 20, .45, 0),
	Cos:                 row("cos", 1, floats, 20, .45, 0),
	Tan:                 row("tan", 1, floats, 20, 1, 0),
	Asin:                row("asin", 1, floats, 20, .5, 0),
	Acos:                row("acos", 1, floats, 20, .5, 0),
	Atan:                row("atan", 1, floats, 20, .6, 0),
	Sinh:                row("sinh", 1, floats, 20, .5, 0),
	Cosh:                row("cosh", 1, floats, 20, .45, 0),
	Tanh:                row("tanh", 1, floats, 20, .75, 0),
	Asinh:               row("asinh", 1, floats, 20, 1.1, 0),
	Acosh:               row("acosh", 1, floats, 20, 1.6, 0),
	Atanh:               row("atanh", 1, floats, 20, .5, 0),
	Sigmoid:             row("sigmoid", 1, floats, 20, .65, 0),
	Softplus:            row("softplus", 1, floats, 20, 1.3, 0),
	Erf:                 row("erf", 1, floats, 20, 1, 0),
	Erfc:                row("erfc", 1, floats, 20, 1.6, 0),
	Erfinv:              row("erfinv", 1, floats, 20, 6, 0),
	Lgamma:              row("lgamma", 1, floats, 20, 13, 0),
	Digamma:             row("digamma", 1, floats, 20, 17, 0),
	Pow:                 row("pow", 2, floats|ints, 20, 1.8, 0),
	Atan2:               row("atan2", 2, floats, 20, .7, 0),
	Hypot:               row("hypot", 2, floats, 20, .3, commutes),
	Eq:                  row("eq", 2, floats|ints|bools, 1, .1, toBool|commutes),
	Ne:                  row("ne", 2, floats|ints|bools, 1, .1, toBool|commutes),
	Lt:                  row("lt", 2, floats|ints, 1, .1, toBool),
	Le:                  row("le", 2, floats|ints, 1, .1, toBool),
	Gt:                  row("gt", 2, floats|ints, 1, .1, toBool),
	Ge:                  row("ge", 2, floats|ints, 1, .1, toBool),
	IsNaN:               row("is_nan", 1, floats, 1, .1, toBool),
	IsFinite:            row("is_finite", 1, floats, 1, .1, toBool),
	And:                 row("and", 2, bools, 1, 1.3, toBool|commutes),
	Or:                  row("or", 2, bools, 1, 1.3, toBool|commutes),
	Xor:                 row("xor", 2, bools, 1, .35, toBool|commutes),
	Not:                 row("not", 1, bools, 1, 1.3, toBool),
	Select:              row("select", 3, floats|ints|bools, 1, .1, 0),
	Cast:                row("cast", 1, floats|ints|bools, 0, 1.5, 0),
	BesselI0e:           row("bessel_i0e", 1, floats, 20, 30, 0),
	BesselI1e:           row("bessel_i1e", 1, floats, 20, 30, 0),
	Polygamma:           row("polygamma", 2, floats, 20, 18, 0),
	IGamma:              row("igamma", 2, floats, 20, 600, 0),
	BetaInc:             row("betainc", 3, floats, 20, 800, 0),
	BesselI0eDerivative: row("bessel_i0e_derivative", 2, floats, 20, 700, 0),
	Zeta:                row("zeta", 2, floats, 20, 100, 0),
	Igammac:             row("igammac", 2, floats, 20, 600, 0),
	BesselJ:             row("bessel_j", 2, floats, 20, 40, 0),
	BesselY:             row("bessel_y", 2, floats, 20, 60, 0),
	BesselI:             row("bessel_i", 2, floats, 20, 50, 0),
	BesselK:             row("bessel_k", 2, floats, 20, 60, 0),
	BesselKe:            row("bessel_ke", 2, floats, 20, 60, 0),
	Erfcx:               row("erfcx", 2, floats, 20, 30, 0),
	Ndtri:               row("ndtri", 1, floats, 20, 5, 0),
	BitwiseAnd:          row("bitwise_and", 2, ints, 1, .08, commutes),
	BitwiseOr:           row("bitwise_or", 2, floats|ints, 1, .08, commutes),
	BitwiseXor:          row("bitwise_xor", 2, ints, 1, .08, commutes),
	ShiftLeft:           row("shift_left", 2, ints, 1, .4, 0),
	ShiftRight:          row("shift_right", 2, ints, 1, .4, 0),
	Gcd:                 row("gcd", 2, ints, 1, 50, commutes),
	Nextafter:           row("nextafter", 2, floats, 1, .2, 0),
	Ldexp:               row("ldexp", 2, floats, 1, .6, 0),
	Exponent:            row("exponent", 1, floats, 1, .3, 0),
}

func init() {
	for op := Mov; op < opCount; op++ {
		if infos[op].Name == "" || infos[op].Cost <= 0 {
			panic("BUG: micro operation without name or cost")
		}
	}
}

// Info returns the operation's description; the zero Info if op is not defined.
func (op Op) Info() Info {
	if op >= opCount {
		return Info{}
	}
	return infos[op]
}

// String returns the operation's name.
func (op Op) String() string {
	if n := op.Info().Name; n != "" {
		return n
	}
	return "invalid"
}

// Arity returns the number of operands, 0 if op is not defined.
func (op Op) Arity() int { return op.Info().Arity }

var byName = func() map[string]Op {
	m := make(map[string]Op, opCount)
	for op := Mov; op < opCount; op++ {
		m[infos[op].Name] = op
	}
	return m
}()

// ByName returns the operation with the given name, or Invalid.
func ByName(name string) Op { return byName[name] }

// Symbol returns how drawings show an operation that no operator of the graph has, "" for others.
func (op Op) Symbol() string {
	switch op {
	case FMS:
		return "×−"
	case FNMA:
		return "−×+"
	}
	return ""
}
