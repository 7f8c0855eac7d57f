package ref

import (
	"errors"
	"math"
	"math/big"

	"github.com/adjoint-go/adjoint/graph"
)

// floatOps are the elementwise operators from floats to floats.
var floatOps = map[string]func(a []float64) float64{
	"identity": first, "copy": first, "stop_gradient": first,
	"neg": func(a []float64) float64 { return -a[0] },
	"abs": of1(math.Abs),
	"sign": func(a []float64) float64 {
		switch {
		case a[0] > 0:
			return 1
		case a[0] < 0:
			return -1
		}
		return a[0]
	},
	"square":     func(a []float64) float64 { return a[0] * a[0] },
	"reciprocal": func(a []float64) float64 { return 1 / a[0] },
	"add":        func(a []float64) float64 { return a[0] + a[1] },
	"sub":        func(a []float64) float64 { return a[0] - a[1] },
	"mul":        func(a []float64) float64 { return a[0] * a[1] },
	"div":        func(a []float64) float64 { return a[0] / a[1] },
	"mod":        func(a []float64) float64 { return floorMod(a[0], a[1]) },
	"remainder":  of2(math.Mod),
	"pow":        of2(math.Pow),
	"max":        of2(larger),
	"min":        func(a []float64) float64 { return -larger(-a[0], -a[1]) },
	"fma":        func(a []float64) float64 { return math.FMA(a[0], a[1], a[2]) },
	"mul_no_nan": of2(timesOrZero),
	"copysign":   of2(math.Copysign),
	"overlay":    of2(func(x, y float64) float64 { return math.Float64frombits(math.Float64bits(x) | math.Float64bits(y)) }),
	"sqrt":       of1(math.Sqrt), "rsqrt": func(a []float64) float64 { return 1 / math.Sqrt(a[0]) }, "cbrt": of1(math.Cbrt),
	"exp": of1(math.Exp), "exp2": of1(math.Exp2), "expm1": of1(math.Expm1),
	"log": of1(log), "log2": of1(math.Log2), "log10": func(a []float64) float64 { return log(a[0]) / math.Ln10 }, "log1p": of1(math.Log1p),
	"sin": of1(math.Sin), "cos": of1(math.Cos), "tan": of1(math.Tan),
	"asin": of1(math.Asin), "acos": of1(math.Acos), "atan": of1(math.Atan),
	"sinh": of1(math.Sinh), "cosh": of1(math.Cosh), "tanh": of1(math.Tanh),
	"asinh": of1(math.Asinh), "acosh": of1(math.Acosh), "atanh": of1(math.Atanh),
	"sigmoid": func(a []float64) float64 {
		if a[0] < 0 {
			e := math.Exp(a[0])
			return e / (1 + e)
		}
		return 1 / (1 + math.Exp(-a[0]))
	},
	"softplus": func(a []float64) float64 {
		if a[0] > 0 {
			return a[0] + math.Log1p(math.Exp(-a[0]))
		}
		return math.Log1p(math.Exp(a[0]))
	},
	"erf": of1(math.Erf), "erfc": of1(math.Erfc),
	"floor": of1(math.Floor), "ceil": of1(math.Ceil), "trunc": of1(math.Trunc), "round": of1(math.RoundToEven),
	"relu":   func(a []float64) float64 { return larger(a[0], 0) },
	"erfinv": of1(math.Erfinv),
	"lgamma": func(a []float64) float64 {
		if math.Abs(a[0]) < 0x1p-60 {
			return -log(math.Abs(a[0]))
		}
		v, _ := math.Lgamma(a[0])
		return v
	},
	"digamma":               of1(digamma),
	"polygamma":             of2(polygamma),
	"bessel_i0e_derivative": of2(besselI0eDerivative),
	"bessel_i0e":            of1(func(x float64) float64 { return besselIe(0, x) }),
	"bessel_i1e":            of1(func(x float64) float64 { return besselIe(1, x) }),
	"atan2": func(a []float64) float64 {
		// Odd in y; Go's Atan2 loses the sign when y/x underflows.
		return math.Copysign(math.Atan2(math.Abs(a[0]), a[1]), a[0])
	},
	"hypot": of2(math.Hypot),
	"nextafter": func(a []float64) float64 {
		if a[0] == a[1] {
			return a[1]
		}
		return math.Nextafter(a[0], a[1])
	},
	"ldexp": func(a []float64) float64 {
		switch {
		case math.IsNaN(a[1]):
			return a[1]
		case math.IsNaN(a[0]) || math.IsInf(a[0], 0):
			return a[0]
		}
		v, _ := new(big.Float).SetMantExp(big.NewFloat(a[0]), int(max(-1e4, min(a[1], 1e4)))).Float64()
		return v
	},
	"exponent": func(a []float64) float64 {
		if a[0] == 0 || math.IsNaN(a[0]) || math.IsInf(a[0], 0) {
			return 0
		}
		return float64(big.NewFloat(a[0]).MantExp(nil))
	},
}

var errDivision = errors.New("integer division by zero")

// intOps are the same operators on integers, which the caller wraps.
var intOps = map[string]func(a []int64) (int64, error){
	"identity": firstInt, "copy": firstInt, "stop_gradient": firstInt,
	"neg": func(a []int64) (int64, error) { return -a[0], nil },
	"abs": func(a []int64) (int64, error) { return max(a[0], -a[0]), nil },
	"sign": func(a []int64) (int64, error) {
		return int64(new(big.Int).SetInt64(a[0]).Sign()), nil
	},
	"square": func(a []int64) (int64, error) { return a[0] * a[0], nil },
	"add":    func(a []int64) (int64, error) { return a[0] + a[1], nil },
	"sub":    func(a []int64) (int64, error) { return a[0] - a[1], nil },
	"mul":    func(a []int64) (int64, error) { return a[0] * a[1], nil },
	"div": func(a []int64) (int64, error) {
		if a[1] == 0 {
			return 0, errDivision
		}
		return a[0] / a[1], nil
	},
	"remainder": func(a []int64) (int64, error) {
		if a[1] == 0 {
			return 0, errDivision
		}
		return a[0] % a[1], nil
	},
	"mod": func(a []int64) (int64, error) {
		if a[1] == 0 {
			return 0, errDivision
		}
		r := a[0] % a[1]
		if r != 0 && (r < 0) != (a[1] < 0) {
			r += a[1]
		}
		return r, nil
	},
	"pow": func(a []int64) (int64, error) {
		x, y := a[0], a[1]
		if y < 0 {
			switch {
			case x == 1 || x == -1 && y%2 == 0:
				return 1, nil
			case x == -1:
				return -1, nil
			}
			return 0, nil
		}
		r := int64(1)
		for range y {
			r *= x
		}
		return r, nil
	},
	"max":  func(a []int64) (int64, error) { return max(a[0], a[1]), nil },
	"min":  func(a []int64) (int64, error) { return min(a[0], a[1]), nil },
	"relu": func(a []int64) (int64, error) { return max(a[0], 0), nil },

	"bitwise_and": func(a []int64) (int64, error) { return bits(a, (*big.Int).And), nil },
	"bitwise_or":  func(a []int64) (int64, error) { return bits(a, (*big.Int).Or), nil },
	"overlay":     func(a []int64) (int64, error) { return bits(a, (*big.Int).Or), nil },
	"bitwise_xor": func(a []int64) (int64, error) { return bits(a, (*big.Int).Xor), nil },
	"gcd": func(a []int64) (int64, error) {
		x, y := new(big.Int).Abs(big.NewInt(a[0])), new(big.Int).Abs(big.NewInt(a[1]))
		return int64(new(big.Int).GCD(nil, nil, x, y).Uint64()), nil
	},
}

func bits(a []int64, f func(z, x, y *big.Int) *big.Int) int64 {
	return f(new(big.Int), big.NewInt(a[0]), big.NewInt(a[1])).Int64()
}

// shifted is x·2ⁿ or ⌊x/2ⁿ⌋ of an integer with so many bits, before it is wrapped.
func shifted(left bool, x, n int64, width int) int64 {
	switch {
	case (n < 0 || n >= int64(width)) && (left || x >= 0):
		return 0
	case n < 0 || n >= int64(width):
		return -1
	case left:
		return int64(new(big.Int).Lsh(new(big.Int).SetUint64(uint64(x)), uint(n)).Uint64())
	}
	return new(big.Int).Rsh(big.NewInt(x), uint(n)).Int64()
}

// predicates are the elementwise operators to bool, on numbers.
var predicates = map[string]func(a []float64) bool{
	"eq":        func(a []float64) bool { return a[0] == a[1] },
	"ne":        func(a []float64) bool { return a[0] != a[1] },
	"lt":        func(a []float64) bool { return a[0] < a[1] },
	"le":        func(a []float64) bool { return a[0] <= a[1] },
	"gt":        func(a []float64) bool { return a[0] > a[1] },
	"ge":        func(a []float64) bool { return a[0] >= a[1] },
	"is_nan":    func(a []float64) bool { return math.IsNaN(a[0]) },
	"is_finite": func(a []float64) bool { return !math.IsNaN(a[0]) && !math.IsInf(a[0], 0) },
	"logical_and": func(a []float64) bool {
		return a[0] != 0 && a[1] != 0
	},
	"logical_or":  func(a []float64) bool { return a[0] != 0 || a[1] != 0 },
	"logical_xor": func(a []float64) bool { return a[0] != a[1] },
	"logical_not": func(a []float64) bool { return a[0] == 0 },
}

// intPredicates are comparisons of integers, which are not all exact as floats.
var intPredicates = map[string]func(x, y int64) bool{
	"eq": func(x, y int64) bool { return x == y },
	"ne": func(x, y int64) bool { return x != y },
	"lt": func(x, y int64) bool { return x < y },
	"le": func(x, y int64) bool { return x <= y },
	"gt": func(x, y int64) bool { return x > y },
	"ge": func(x, y int64) bool { return x >= y },
}

func first(a []float64) float64         { return a[0] }
func firstInt(a []int64) (int64, error) { return a[0], nil }
func of1(f func(float64) float64) func([]float64) float64 {
	return func(a []float64) float64 { return f(a[0]) }
}
func of2(f func(x, y float64) float64) func([]float64) float64 {
	return func(a []float64) float64 { return f(a[0], a[1]) }
}

// log is math.Log, whose amd64 assembly is wrong for subnormals.
func log(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return math.Log(x*0x1p54) - 54*math.Ln2
	}
	return math.Log(x)
}

// larger is the maximum: NaN wins, and 0 is above −0.
func larger(x, y float64) float64 {
	switch {
	case x != x || y != y:
		return math.NaN()
	case x == 0 && y == 0 && math.Signbit(x):
		return y
	case x < y:
		return y
	}
	return x
}

// floorMod has the sign of y, as Python's %.
func floorMod(x, y float64) float64 {
	r := math.Mod(x, y)
	if r == 0 {
		return math.Copysign(0, y)
	}
	if (r < 0) != (y < 0) {
		r += y
	}
	return r
}

// broadcastAt returns the flat index into an operand for flat index i of the result.
func broadcastAt(i int, shape, operand graph.Shape) int {
	flat, stride := 0, 1
	for d := len(operand) - 1; d >= 0; d-- {
		e := shape[len(shape)-len(operand)+d]
		if operand[d] != 1 {
			flat += i % e * stride
		}
		i /= e
		stride *= operand[d]
	}
	return flat
}

func elementwise(n *graph.Node, in []Value) (Value, error) {
	out := New(n.Type())
	name, shape := n.Op().Name, n.Shape()
	same := make([]bool, len(in))
	for k, o := range in {
		same[k] = o.Type.Shape.Equal(shape)
	}
	at := func(k, i int) int {
		if same[k] {
			return i
		}
		return broadcastAt(i, shape, in[k].Type.Shape)
	}
	switch name {
	case "where":
		for i := range out.Len() {
			k := 2
			if in[0].B[at(0, i)] {
				k = 1
			}
			out.copyElement(i, in[k], at(k, i))
		}
		return out, nil
	case "cast":
		for i := range out.Len() {
			switch {
			case in[0].I != nil && out.I != nil:
				out.setInt(i, in[0].I[i])
			case in[0].I != nil && out.B != nil:
				out.B[i] = in[0].I[i] != 0
			default:
				out.setNumber(i, in[0].Number(i))
			}
		}
		return out, nil
	}
	switch {
	case name == "overlay" && out.Type.DType == graph.Float32:
		for i := range out.Len() {
			x, y := float32(in[0].F[at(0, i)]), float32(in[1].F[at(1, i)])
			out.F[i] = float64(math.Float32frombits(math.Float32bits(x) | math.Float32bits(y)))
		}
		return out, nil
	case name == "nextafter" && out.Type.DType == graph.Float32:
		for i := range out.Len() {
			x, y := float32(in[0].F[at(0, i)]), float32(in[1].F[at(1, i)])
			if out.F[i] = float64(math.Nextafter32(x, y)); x == y {
				out.F[i] = float64(y)
			}
		}
		return out, nil
	case name == "shift_left", name == "shift_right":
		for i := range out.Len() {
			out.setInt(i, shifted(name == "shift_left", in[0].I[at(0, i)], in[1].I[at(1, i)], 8*out.Type.DType.Size()))
		}
		return out, nil
	}
	if f := intPredicates[name]; f != nil && in[0].I != nil && in[1].I != nil {
		for i := range out.Len() {
			out.B[i] = f(in[0].I[at(0, i)], in[1].I[at(1, i)])
		}
		return out, nil
	}
	if f := predicates[name]; f != nil {
		a := make([]float64, len(in))
		for i := range out.Len() {
			for k := range in {
				a[k] = in[k].Number(at(k, i))
			}
			out.B[i] = f(a)
		}
		return out, nil
	}
	switch {
	case out.F != nil && floatOps[name] != nil:
		f, a := floatOps[name], make([]float64, len(in))
		for i := range out.Len() {
			for k := range in {
				a[k] = in[k].F[at(k, i)]
			}
			out.F[i] = f(a)
		}
		return out, nil
	case out.I != nil && intOps[name] != nil:
		f, a := intOps[name], make([]int64, len(in))
		for i := range out.Len() {
			for k := range in {
				a[k] = in[k].I[at(k, i)]
			}
			r, err := f(a)
			if err != nil {
				return Value{}, err
			}
			out.setInt(i, r)
		}
		return out, nil
	case out.B != nil && (name == "identity" || name == "copy" || name == "stop_gradient"):
		copy(out.B, in[0].B)
		return out, nil
	}
	return Value{}, errors.New("no definition for " + n.DType().String())
}

func init() {
	// where and cast are elementwise with rules of their own.
	for _, name := range []string{"where", "cast", "shift_left", "shift_right"} {
		evaluators[name] = elementwise
	}
}
