package elem

import (
	"math"
	"runtime"
	"testing"

	"github.com/adjoint-go/adjoint/internal/micro"
)

var edgeValues = []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, 1e-300, -1e-300, 5e-324, -5e-324, 2.2250738585072014e-308,
	1e300, -1e300, math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 0.7, -0.7, 20, -20, 700, -700, 710, -745, 1e-5, -1e-5,
	1e-20, 4503599627370497, -9007199254740993, 1 - 1.0/(1<<53), 1 + 1.0/(1<<52), 33, 1e10, -1e22}

// mathUnary are the functions whose special values ours follow.
var mathUnary = map[micro.Op]func(float64) float64{
	micro.Cbrt: math.Cbrt, micro.Exp: math.Exp, micro.Exp2: math.Exp2, micro.Expm1: math.Expm1, micro.Log: math.Log,
	micro.Log2: math.Log2, micro.Log10: math.Log10, micro.Log1p: math.Log1p, micro.Sin: math.Sin, micro.Cos: math.Cos, micro.Tan: math.Tan,
	micro.Asin: math.Asin, micro.Acos: math.Acos, micro.Atan: math.Atan, micro.Sinh: math.Sinh,
	micro.Cosh: math.Cosh, micro.Tanh: math.Tanh, micro.Asinh: math.Asinh, micro.Acosh: math.Acosh,
	micro.Atanh: math.Atanh, micro.Erf: math.Erf, micro.Erfc: math.Erfc, micro.Erfinv: math.Erfinv,
	micro.Sqrt: math.Sqrt, micro.Floor: math.Floor, micro.Ceil: math.Ceil, micro.Trunc: math.Trunc, micro.Round: math.RoundToEven, micro.Abs: math.Abs,
	micro.Sigmoid: func(x float64) float64 {
		if e := math.Exp(x); x < 0 {
			return e / (1 + e)
		}
		return 1 / (1 + math.Exp(-x))
	},
	micro.Softplus: func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
}

var mathBinary = map[micro.Op]func(x, y float64) float64{
	micro.Pow: math.Pow, micro.Atan2: math.Atan2, micro.Hypot: math.Hypot, micro.Rem: math.Mod, micro.Copysign: math.Copysign,
}

// mathIsOff lists arguments at which Go 1.26's math is itself wrong: subnormals in log
// and pow, and on arm64 from exp, the last binade of sinh and cosh, log2 near 1, and atan2 with a quotient that underflows.
func mathIsOff(op micro.Op, x, y float64) bool {
	subnormal := func(v float64) bool { return v != 0 && math.Abs(v) < 0x1p-1022 }
	switch op {
	case micro.Log, micro.Log10, micro.Pow:
		return subnormal(x)
	case micro.Exp, micro.Sigmoid, micro.Softplus:
		return runtime.GOARCH == "arm64" && x == -745
	case micro.Sinh, micro.Cosh:
		return math.Abs(x) == 710
	case micro.Log2:
		return x == 1+1.0/(1<<52)
	case micro.Atan2:
		return y < 0 && math.Abs(x/y) < 0x1p-1022
	}
	return false
}

// same reports equality for specials (with the sign of zero) and closeness otherwise; tiny is the least normal number.
func same(got, want, rel, tiny float64) bool {
	switch {
	case want != want:
		return got != got
	case want == 0 || math.IsInf(want, 0):
		return got == want && math.Signbit(got) == math.Signbit(want)
	}
	return math.Abs(got-want) <= rel*math.Abs(want)+4*rel*tiny
}

// TestSpecialValuesFollowMath holds that special values (signs of zero included) are those of Go's math.
func TestSpecialValuesFollowMath(t *testing.T) {
	const tiny64, tiny32 = 2.2250738585072014e-308, 1.1754943508222875e-38
	for op, want := range mathUnary {
		for _, x := range edgeValues {
			if got, w := Unary64(op)(x), want(x); !same(got, w, 1e-7, tiny64) && !mathIsOff(op, x, 0) {
				t.Errorf("%s(%v) = %v, want %v", op, x, got, w)
			}
			// The float32 result is the float64 one rounded, up to 2 ulp.
			x32 := float32(x)
			w := float64(float32(want(float64(x32))))
			if got := float64(Unary32(op)(x32)); !same(got, w, 3e-7, tiny32) {
				t.Errorf("%s(float32 %v) = %v, want %v", op, x32, got, w)
			}
		}
	}
	for op, want := range mathBinary {
		for _, x := range edgeValues {
			for _, y := range edgeValues {
				if got, w := Binary64(op)(x, y), want(x, y); !same(got, w, 1e-7, tiny64) && !mathIsOff(op, x, y) {
					t.Errorf("%s(%v, %v) = %v, want %v", op, x, y, got, w)
				}
				x32, y32 := float32(x), float32(y)
				w := float64(float32(want(float64(x32), float64(y32))))
				if got := float64(Binary32(op)(x32, y32)); !same(got, w, 3e-7, tiny32) {
					t.Errorf("%s(float32 %v, %v) = %v, want %v", op, x32, y32, got, w)
				}
			}
		}
	}
}
