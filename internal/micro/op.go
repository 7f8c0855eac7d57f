package micro

// Op is an elementwise operation. Its semantics below are the definition that
// every executor reproduces bit for bit.
type Op uint8

// The operations. Float operations follow IEEE 754 with round to nearest even;
// each transcendental function is defined by the algorithm in internal/kernel
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
	MulNoNan // 0 where B == 0 even if A is Inf or NaN, else A · B
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
	BesselI0e    // exp(−|A|)·I₀(A)
	BesselI1e    // exp(−|A|)·I₁(A)
	Polygamma    // ψ⁽ᴬ⁾(B), A a non-negative whole number
	IGamma       // regularised lower incomplete gamma P(A, B)
	IGammaGradA  // ∂P(A, B)/∂A
	BetaInc      // regularised incomplete beta I_C(A, B)
	BetaIncGradA // ∂I_C(A, B)/∂A
	BetaIncGradB // ∂I_C(A, B)/∂B

	opCount
)

// Count is the number of operations, Invalid included.
const Count = int(opCount)

// Info describes an operation for verifiers, listings and the generated reference.
type Info struct {
	Name  string
	Arity int
	Bool  bool // the result is Bool whatever Type is
	Float bool // defined for float32 and float64
	Int   bool // defined for int32 and int64
	Logic bool // defined for bool
}

var infos = [opCount]Info{
	Mov: {"mov", 1, false, true, true, true},
	Add: {"add", 2, false, true, true, false}, Sub: {"sub", 2, false, true, true, false},
	Mul: {"mul", 2, false, true, true, false}, Div: {"div", 2, false, true, true, false},
	FMA: {"fma", 3, false, true, false, false}, FMS: {"fms", 3, false, true, false, false},
	FNMA: {"fnma", 3, false, true, false, false}, Neg: {"neg", 1, false, true, true, false},
	Abs: {"abs", 1, false, true, true, false}, Min: {"min", 2, false, true, true, false},
	Max: {"max", 2, false, true, true, false}, Mod: {"mod", 2, false, true, true, false},
	Rem: {"rem", 2, false, true, true, false}, Sign: {"sign", 1, false, true, true, false},
	MulNoNan: {"mul_no_nan", 2, false, true, false, false}, Copysign: {"copysign", 2, false, true, false, false},
	Floor: {"floor", 1, false, true, false, false}, Ceil: {"ceil", 1, false, true, false, false},
	Trunc: {"trunc", 1, false, true, false, false}, Round: {"round", 1, false, true, false, false},
	Sqrt: {"sqrt", 1, false, true, false, false}, Cbrt: {"cbrt", 1, false, true, false, false},
	Exp: {"exp", 1, false, true, false, false}, Exp2: {"exp2", 1, false, true, false, false},
	Expm1: {"expm1", 1, false, true, false, false}, Log: {"log", 1, false, true, false, false},
	Log2: {"log2", 1, false, true, false, false}, Log10: {"log10", 1, false, true, false, false},
	Log1p: {"log1p", 1, false, true, false, false}, Sin: {"sin", 1, false, true, false, false},
	Cos: {"cos", 1, false, true, false, false}, Tan: {"tan", 1, false, true, false, false},
	Asin: {"asin", 1, false, true, false, false}, Acos: {"acos", 1, false, true, false, false},
	Atan: {"atan", 1, false, true, false, false}, Sinh: {"sinh", 1, false, true, false, false},
	Cosh: {"cosh", 1, false, true, false, false}, Tanh: {"tanh", 1, false, true, false, false},
	Asinh: {"asinh", 1, false, true, false, false}, Acosh: {"acosh", 1, false, true, false, false},
	Atanh: {"atanh", 1, false, true, false, false}, Sigmoid: {"sigmoid", 1, false, true, false, false},
	Softplus: {"softplus", 1, false, true, false, false}, Erf: {"erf", 1, false, true, false, false},
	Erfc: {"erfc", 1, false, true, false, false}, Erfinv: {"erfinv", 1, false, true, false, false},
	Lgamma: {"lgamma", 1, false, true, false, false}, Digamma: {"digamma", 1, false, true, false, false},
	Pow: {"pow", 2, false, true, true, false}, Atan2: {"atan2", 2, false, true, false, false},
	Hypot: {"hypot", 2, false, true, false, false},
	Eq:    {"eq", 2, true, true, true, true}, Ne: {"ne", 2, true, true, true, true},
	Lt: {"lt", 2, true, true, true, false}, Le: {"le", 2, true, true, true, false},
	Gt: {"gt", 2, true, true, true, false}, Ge: {"ge", 2, true, true, true, false},
	IsNaN: {"is_nan", 1, true, true, false, false}, IsFinite: {"is_finite", 1, true, true, false, false},
	And: {"and", 2, true, false, false, true}, Or: {"or", 2, true, false, false, true},
	Xor: {"xor", 2, true, false, false, true}, Not: {"not", 1, true, false, false, true},
	Select: {"select", 3, false, true, true, true}, Cast: {"cast", 1, false, true, true, true},
	BesselI0e: {"bessel_i0e", 1, false, true, false, false}, BesselI1e: {"bessel_i1e", 1, false, true, false, false},
	Polygamma: {"polygamma", 2, false, true, false, false}, IGamma: {"igamma", 2, false, true, false, false},
	IGammaGradA: {"igamma_grad_a", 2, false, true, false, false}, BetaInc: {"betainc", 3, false, true, false, false},
	BetaIncGradA: {"betainc_grad_a", 3, false, true, false, false}, BetaIncGradB: {"betainc_grad_b", 3, false, true, false, false},
}

func init() {
	for op := Mov; op < opCount; op++ {
		if infos[op].Name == "" {
			panic("BUG: micro operation without Info")
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
