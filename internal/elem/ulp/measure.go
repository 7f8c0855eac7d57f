package ulp

import (
	"math"
	"math/big"
	"math/rand"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Result is the error of one function over Samples arguments, in units in the last
// place of the exact value.
type Result struct {
	Op      micro.Op
	Type    dtype.DType
	Samples int
	Worst   float64
	Mean    float64
	At      [2]float64 // arguments of the worst case
}

// Ops lists the functions that can be measured, in ascending order.
func Ops() []micro.Op {
	var ops []micro.Op
	for op := micro.Op(1); int(op) < micro.Count; op++ {
		if unary[op] != nil || binary[op] != nil {
			ops = append(ops, op)
		}
	}
	return ops
}

// Measure compares n random arguments of op with the exact function (float64) or with our
// float64 function (float32). A quarter of the arguments have random bits, so that all exponents
// occur; the others lie where the function bends. Overflowing results are left out.
func Measure(op micro.Op, t dtype.DType, n int, seed int64) Result {
	rng := rand.New(rand.NewSource(seed))
	r := Result{Op: op, Type: t}
	sum := 0.0
	for range n {
		x, y := argument(rng, op, t, 0), argument(rng, op, t, 1)
		var e float64
		var ok bool
		if t == dtype.Float64 {
			e, ok = error64(op, x, y)
		} else {
			e, ok = error32(op, float32(x), float32(y))
		}
		if !ok {
			continue
		}
		r.Samples++
		sum += e
		if e > r.Worst {
			r.Worst, r.At = e, [2]float64{x, y}
		}
	}
	if r.Samples > 0 {
		r.Mean = sum / float64(r.Samples)
	}
	return r
}

func call64(op micro.Op, x, y float64) float64 {
	if f := elem.Unary64(op); f != nil {
		return f(x)
	}
	return elem.Binary64(op)(x, y)
}

func call32(op micro.Op, x, y float32) float32 {
	if f := elem.Unary32(op); f != nil {
		return f(x)
	}
	return elem.Binary32(op)(x, y)
}

func finite(v float64) bool { return v-v == 0 }

func error64(op micro.Op, x, y float64) (e float64, ok bool) {
	got := call64(op, x, y)
	if !finite(got) || !finite(x) || !finite(y) {
		return 0, false
	}
	var want *big.Float
	if f := unary[op]; f != nil {
		want = f(num(x))
	} else {
		want = binary[op](num(x), num(y))
	}
	last := -1074
	if want.Sign() != 0 {
		last = max(last, exponent(want)-53)
	}
	return math.Abs(approx(shift(sub(num(got), want), -last))), true
}

func error32(op micro.Op, x, y float32) (e float64, ok bool) {
	got, want := float64(call32(op, x, y)), call64(op, float64(x), float64(y))
	if !finite(got) || !finite(want) || math.Abs(want) > math.MaxFloat32 {
		return 0, false
	}
	last := -149
	if want != 0 {
		_, e := math.Frexp(want)
		last = max(last, e-24)
	}
	return math.Abs(math.Ldexp(got-want, -last)), true
}

// argument draws operand k of op.
func argument(rng *rand.Rand, op micro.Op, t dtype.DType, k int) float64 {
	var v float64
	switch kind := rng.Intn(12); {
	case kind < 3:
		if v = math.Float64frombits(rng.Uint64()); t == dtype.Float32 {
			v = float64(math.Float32frombits(rng.Uint32()))
		}
	case kind < 5:
		v = rng.NormFloat64()
	case kind < 6:
		v = rng.Float64()*2 - 1
	case kind < 8:
		v = rng.NormFloat64() * math.Exp(3*rng.NormFloat64())
	case kind < 9:
		v = (rng.Float64()*2 - 1) * 30
	case kind < 10:
		if v = (rng.Float64()*2 - 1) * 750; t == dtype.Float32 {
			v /= 7
		}
	case kind < 11:
		v = 1 + rng.NormFloat64()*math.Exp(-20*rng.Float64())
	default:
		v = math.Round((rng.Float64()*2-1)*1e6) * (math.Pi / 4) // near a multiple of π/4
	}
	switch op {
	case micro.Log, micro.Log2, micro.Log10:
		v = math.Abs(v)
	case micro.Pow:
		if k == 0 {
			v = math.Abs(v)
		}
	case micro.Acosh:
		if v = math.Abs(v); v < 1 {
			v = 1 + v
		}
	case micro.Asin, micro.Acos, micro.Atanh:
		for math.Abs(v) > 1 && finite(v) {
			v = math.Sqrt(math.Abs(v)) - 1
		}
	case micro.Log1p:
		if v < -1 {
			v = -v
		}
	}
	if t == dtype.Float32 {
		v = float64(float32(v))
	}
	return v
}
