package kernel

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// Functions of Go's math for operations whose definition is not written yet.
func init() {
	for op, f := range map[micro.Op]func(float64) float64{
		micro.Cbrt: math.Cbrt, micro.Exp2: math.Exp2, micro.Expm1: math.Expm1, micro.Log: math.Log,
		micro.Log2: math.Log2, micro.Log10: math.Log10, micro.Log1p: math.Log1p, micro.Tan: math.Tan,
		micro.Asin: math.Asin, micro.Acos: math.Acos, micro.Atan: math.Atan, micro.Sinh: math.Sinh,
		micro.Cosh: math.Cosh, micro.Tanh: math.Tanh, micro.Asinh: math.Asinh, micro.Acosh: math.Acosh,
		micro.Atanh: math.Atanh, micro.Erf: math.Erf, micro.Erfc: math.Erfc,
		micro.Sigmoid:  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		micro.Softplus: func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
	} {
		if unary64[op] == nil {
			unary64[op] = f
			unary32[op] = narrow(f)
		}
	}
	for op, f := range map[micro.Op]func(x, y float64) float64{
		micro.Pow: math.Pow, micro.Atan2: math.Atan2, micro.Hypot: math.Hypot,
	} {
		if binary64[op] == nil {
			binary64[op] = f
			binary32[op] = narrow2(f)
		}
	}
}
