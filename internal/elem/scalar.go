package elem

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// The scalar functions of the machine operations and of the functions without a
// definition in def.

// Float is the floating-point types.
type Float interface{ float32 | float64 }

// Integer is the integer types.
type Integer interface{ int32 | int64 }

// Number is the numeric types.
type Number interface{ Float | Integer }

// minimum is NaN if either is NaN; −0 is below +0.
func minimum[T Number](x, y T) T { return min(x, y) }

// maximum is NaN if either is NaN; −0 is below +0.
func maximum[T Number](x, y T) T { return max(x, y) }

func abs[T Float](x T) T { return T(math.Abs(float64(x))) }

func sign[T Number](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		z := T(0)
		return z - 1
	}
	return x
}

// or64 returns the bits that x or y has.
func or64(x, y float64) float64 {
	return math.Float64frombits(math.Float64bits(x) | math.Float64bits(y))
}

// or32 is or64 of float32.
func or32(x, y float32) float32 {
	return math.Float32frombits(math.Float32bits(x) | math.Float32bits(y))
}

func copysign[T Float](x, y T) T { return T(math.Copysign(float64(x), float64(y))) }

func mulNoNan[T Float](x, y T) T {
	p := x * y
	if p != p && (x == 0 || y == 0) {
		return 0
	}
	return p
}

// rem is C's fmod, exact.
func rem[T Float](x, y T) T { return T(math.Mod(float64(x), float64(y))) }

// mod is Python's float %: fmod, moved by one y into y's sign; a zero has y's sign.
func mod[T Float](x, y T) T {
	r := rem(x, y)
	switch {
	case r == 0:
		return copysign(0, y)
	case (r < 0) != (y < 0):
		return r + y
	}
	return r
}

func divInt[T Integer](x, y T) T {
	if y == 0 {
		return 0
	}
	return x / y
}

func remInt[T Integer](x, y T) T {
	if y == 0 {
		return 0
	}
	return x % y
}

func modInt[T Integer](x, y T) T {
	if y == 0 {
		return 0
	}
	r := x % y
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r
}

func absInt[T Integer](x T) T {
	if x < 0 {
		return -x
	}
	return x
}

// powInt is x^y, wrapping; 0 for y < 0 unless x is ±1.
func powInt[T Integer](x, y T) T {
	if y < 0 {
		switch {
		case x == 1, x == -1 && y&1 == 0:
			return 1
		case x == -1:
			return -1
		}
		return 0
	}
	r := T(1)
	for ; y > 0; y >>= 1 {
		if y&1 != 0 {
			r *= x
		}
		x *= x
	}
	return r
}

// shiftLeft is x·2ⁿ without the bits beyond; 0 unless 0 ≤ n < the number of bits.
func shiftLeft[T Integer](x, n T) T {
	if n < 0 {
		return 0
	}
	return x << n
}

// shiftRight is ⌊x/2ⁿ⌋; a negative n shifts all bits out.
func shiftRight[T Integer](x, n T) T {
	if n < 0 {
		n = 64
	}
	return x >> n
}

// gcd is the greatest common divisor of |x| and |y|, wrapping.
func gcd[T Integer](x, y T) T {
	a, b := uint64(absInt(int64(x))), uint64(absInt(int64(y)))
	for b != 0 {
		a, b = b, a%b
	}
	return T(a)
}

func isFinite[T Float](x T) bool { return x-x == 0 }

func floor[T Float](x T) T { return T(math.Floor(float64(x))) }
func ceil[T Float](x T) T  { return T(math.Ceil(float64(x))) }
func trunc[T Float](x T) T { return T(math.Trunc(float64(x))) }
func round[T Float](x T) T { return T(math.RoundToEven(float64(x))) }
func sqrt[T Float](x T) T  { return T(math.Sqrt(float64(x))) } // exact for float32 too: 53 ≥ 2·24 + 2

// Unary64 returns the function that defines a float64 operation of one argument, or nil.
func Unary64(op micro.Op) func(float64) float64 {
	if int(op) >= micro.Count {
		return nil
	}
	if f := unary64[op]; f != nil {
		return f
	}
	return plainUnary64[op]
}

// Unary32 returns the function that defines a float32 operation of one argument, or nil.
func Unary32(op micro.Op) func(float32) float32 {
	if int(op) >= micro.Count {
		return nil
	}
	if f := unary32[op]; f != nil {
		return f
	}
	return plainUnary32[op]
}

// Binary64 returns the function that defines a float64 operation of two arguments, or nil.
func Binary64(op micro.Op) func(x, y float64) float64 {
	if int(op) >= micro.Count {
		return nil
	}
	if f := binary64[op]; f != nil {
		return f
	}
	return plainBinary64[op]
}

// Binary32 returns the function that defines a float32 operation of two arguments, or nil.
func Binary32(op micro.Op) func(x, y float32) float32 {
	if int(op) >= micro.Count {
		return nil
	}
	if f := binary32[op]; f != nil {
		return f
	}
	return plainBinary32[op]
}

// Ternary64 returns the function that defines a float64 operation of three float arguments, or nil.
func Ternary64(op micro.Op) func(x, y, z float64) float64 {
	switch op {
	case micro.FMA:
		// Not math.FMA itself: as a function value it is the one in software.
		return func(x, y, z float64) float64 { return math.FMA(x, y, z) }
	case micro.FMS:
		return func(x, y, z float64) float64 { return math.FMA(x, y, -z) }
	case micro.FNMA:
		return func(x, y, z float64) float64 { return math.FMA(-x, y, z) }
	case micro.BetaInc:
		return betaInc
	}
	return nil
}

// Ternary32 returns the function that defines a float32 operation of three float arguments, or nil.
func Ternary32(op micro.Op) func(x, y, z float32) float32 {
	switch op {
	case micro.FMA:
		return fma32
	case micro.FMS:
		return func(x, y, z float32) float32 { return fma32(x, y, -z) }
	case micro.FNMA:
		return func(x, y, z float32) float32 { return fma32(-x, y, z) }
	}
	if f := Ternary64(op); f != nil {
		return func(x, y, z float32) float32 { return float32(f(float64(x), float64(y), float64(z))) }
	}
	return nil
}

func narrow(f func(float64) float64) func(float32) float32 {
	return func(x float32) float32 { return float32(f(float64(x))) }
}

func narrow2(f func(x, y float64) float64) func(x, y float32) float32 {
	return func(x, y float32) float32 { return float32(f(float64(x), float64(y))) }
}

var plainUnary64 = [micro.Count]func(float64) float64{
	micro.Mov: func(x float64) float64 { return x }, micro.Neg: func(x float64) float64 { return -x },
	micro.Abs: math.Abs, micro.Sign: sign[float64],
	micro.Floor: math.Floor, micro.Ceil: math.Ceil, micro.Trunc: math.Trunc, micro.Round: math.RoundToEven,
	micro.Sqrt:   math.Sqrt,
	micro.Erfinv: erfinv, micro.Lgamma: lgamma, micro.Digamma: digamma,
	micro.BesselI0e: besselI0e, micro.BesselI1e: besselI1e,
}

var plainUnary32 = [micro.Count]func(float32) float32{
	micro.Mov: func(x float32) float32 { return x }, micro.Neg: func(x float32) float32 { return -x },
	micro.Abs: abs[float32], micro.Sign: sign[float32],
	micro.Floor: floor[float32], micro.Ceil: ceil[float32], micro.Trunc: trunc[float32], micro.Round: round[float32],
	micro.Sqrt:   sqrt[float32],
	micro.Erfinv: narrow(erfinv), micro.Lgamma: narrow(lgamma), micro.Digamma: narrow(digamma),
	micro.BesselI0e: narrow(besselI0e), micro.BesselI1e: narrow(besselI1e),
}

var plainBinary64 = [micro.Count]func(x, y float64) float64{
	micro.Add: func(x, y float64) float64 { return x + y }, micro.Sub: func(x, y float64) float64 { return x - y },
	micro.Mul: func(x, y float64) float64 { return x * y }, micro.Div: func(x, y float64) float64 { return x / y },
	micro.Min: minimum[float64], micro.Max: maximum[float64], micro.Mod: mod[float64], micro.Rem: rem[float64],
	micro.MulNoNan: mulNoNan[float64], micro.Copysign: math.Copysign, micro.BitwiseOr: or64,
	micro.Polygamma: polygamma, micro.IGamma: iGamma, micro.BesselI0eDerivative: besselI0eDerivative,
	micro.Zeta: zeta, micro.Igammac: iGammaUpper, micro.BesselJ: besselJ, micro.BesselY: besselY, micro.BesselI: besselI, micro.BesselK: besselK, micro.BesselKe: besselKe, micro.Erfcx: erfcx,
}

var plainBinary32 = [micro.Count]func(x, y float32) float32{
	micro.Add: func(x, y float32) float32 { return x + y }, micro.Sub: func(x, y float32) float32 { return x - y },
	micro.Mul: func(x, y float32) float32 { return x * y }, micro.Div: func(x, y float32) float32 { return x / y },
	micro.Min: minimum[float32], micro.Max: maximum[float32], micro.Mod: mod[float32], micro.Rem: rem[float32],
	micro.MulNoNan: mulNoNan[float32], micro.Copysign: copysign[float32], micro.BitwiseOr: or32,
	micro.Polygamma: narrow2(polygamma), micro.IGamma: narrow2(iGamma), micro.BesselI0eDerivative: narrow2(besselI0eDerivative),
	micro.Zeta: narrow2(zeta), micro.Igammac: narrow2(iGammaUpper), micro.BesselJ: narrow2(besselJ), micro.BesselY: narrow2(besselY), micro.BesselI: narrow2(besselI), micro.BesselK: narrow2(besselK), micro.BesselKe: narrow2(besselKe), micro.Erfcx: narrow2(erfcx),
}
