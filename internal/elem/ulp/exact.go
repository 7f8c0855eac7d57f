// Package ulp measures the accuracy of the elementwise functions in units in the last
// place. Its reference for float64 are the series and Newton iterations of this package
// on big.Float; for float32 it is our float64 function.
package ulp

import (
	"math"
	"math/big"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// precision is the working precision in bits: results are good to at least 100 bits.
const precision = 220

func num(v float64) *big.Float             { return new(big.Float).SetPrec(precision).SetFloat64(v) }
func add(x, y *big.Float) *big.Float       { return new(big.Float).SetPrec(precision).Add(x, y) }
func sub(x, y *big.Float) *big.Float       { return new(big.Float).SetPrec(precision).Sub(x, y) }
func mul(x, y *big.Float) *big.Float       { return new(big.Float).SetPrec(precision).Mul(x, y) }
func quo(x, y *big.Float) *big.Float       { return new(big.Float).SetPrec(precision).Quo(x, y) }
func sqrt(x *big.Float) *big.Float         { return new(big.Float).SetPrec(precision).Sqrt(x) }
func shift(x *big.Float, n int) *big.Float { return new(big.Float).SetPrec(precision).SetMantExp(x, n) }
func neg(x *big.Float) *big.Float          { return new(big.Float).SetPrec(precision).Neg(x) }
func div(x *big.Float, n int64) *big.Float { return quo(x, new(big.Float).SetInt64(n)) }
func exponent(x *big.Float) int            { return x.MantExp(nil) }
func small(x *big.Float, exp int) bool     { return x.Sign() == 0 || exponent(x) < exp }
func approx(x *big.Float) float64          { v, _ := x.Float64(); return v }

// pi is computed by Machin's formula.
func piTo(prec uint) *big.Float {
	inverse := func(n int64) *big.Int {
		term := new(big.Int).Quo(new(big.Int).Lsh(big.NewInt(1), prec+32), big.NewInt(n))
		sum := new(big.Int).Set(term)
		for k := int64(3); term.Sign() != 0; k += 2 {
			term.Quo(term, big.NewInt(n*n))
			part := new(big.Int).Quo(term, big.NewInt(k))
			if k%4 == 3 {
				part.Neg(part)
			}
			sum.Add(sum, part)
		}
		return sum
	}
	v := new(big.Int).Mul(inverse(5), big.NewInt(16))
	v.Sub(v, new(big.Int).Mul(inverse(239), big.NewInt(4)))
	f := new(big.Float).SetPrec(prec).SetInt(v)
	return f.SetMantExp(f, -int(prec+32))
}

var (
	pi     = piTo(precision)
	piLong = piTo(1400)
	ln2    = func() *big.Float { // 2·atanh(1/3)
		sum, t := num(0), quo(num(1), num(3))
		for k := int64(1); !small(t, -precision-10); k += 2 {
			sum = add(sum, div(t, k))
			t = div(t, 9)
		}
		return shift(sum, 1)
	}()
)

// taylor sums Σ x^k/k! from k = from in steps, with alternating signs if alternate.
func taylor(x *big.Float, from, step int, alternate bool) *big.Float {
	t := num(1)
	for k := 1; k <= from; k++ {
		t = div(mul(t, x), int64(k))
	}
	sum, first := num(0), t
	for k := from; t.Sign() != 0 && exponent(t) > exponent(first)-precision-8; k += step {
		sum = add(sum, t)
		for j := 1; j <= step; j++ {
			t = div(mul(t, x), int64(k+j))
		}
		if alternate {
			t = neg(t)
		}
	}
	return sum
}

func expm1(x *big.Float) *big.Float {
	if small(x, -6) {
		if x.Sign() == 0 {
			return x
		}
		return taylor(x, 1, 1, false)
	}
	return sub(exp(x), num(1))
}

func exp(x *big.Float) *big.Float {
	k := math.RoundToEven(approx(quo(x, ln2)))
	if math.Abs(k) > 1e6 {
		if k < 0 {
			return shift(num(1), -1_000_000)
		}
		return shift(num(1), 1_000_000)
	}
	r := shift(sub(x, mul(num(k), ln2)), -8)
	v := num(1)
	if r.Sign() != 0 {
		v = add(v, taylor(r, 1, 1, false))
	}
	for range 8 {
		v = mul(v, v)
	}
	return shift(v, int(k))
}

// log1p by series near 0, else by log.
func log1p(x *big.Float) *big.Float {
	if small(x, -30) {
		sum, t := num(0), x
		for k := int64(1); t.Sign() != 0 && k < 12; k++ {
			sum = add(sum, div(t, k))
			t = neg(mul(t, x))
		}
		return sum
	}
	return log(add(num(1), x))
}

// log by Halley's iteration on the exponential of the mantissa.
func log(x *big.Float) *big.Float {
	m := new(big.Float)
	e := x.MantExp(m)
	if approx(m) < math.Sqrt2/2 {
		m = shift(m, 1)
		e--
	}
	y := num(math.Log(approx(m)))
	for range 2 {
		v := exp(y)
		y = add(y, shift(quo(sub(m, v), add(m, v)), 1))
	}
	return add(y, mul(num(float64(e)), ln2))
}

// sinCos reduces with 1400 bits of π.
func sinCos(x *big.Float) (s, c *big.Float) {
	half := new(big.Float).SetPrec(1400).SetMantExp(piLong, -1)
	q := new(big.Float).SetPrec(1400).Quo(x, half)
	if q.Sign() < 0 {
		q.Sub(q, big.NewFloat(0.5))
	} else {
		q.Add(q, big.NewFloat(0.5))
	}
	k, _ := q.Int(nil)
	r := new(big.Float).SetPrec(1400).Sub(new(big.Float).SetPrec(1400).Set(x), new(big.Float).SetPrec(1400).Mul(half, new(big.Float).SetPrec(1400).SetInt(k)))
	r.SetPrec(precision)
	s, c = num(0), num(1)
	if r.Sign() != 0 {
		s, c = taylor(r, 1, 2, true), taylor(r, 0, 2, true)
	}
	switch new(big.Int).And(k, big.NewInt(3)).Int64() {
	case 1:
		return c, neg(s)
	case 2:
		return neg(s), neg(c)
	case 3:
		return neg(c), s
	}
	return s, c
}

// atan corrects Go's value by the arc tangent of a tiny rest.
func atan(x *big.Float) *big.Float {
	if small(x, -60) {
		return sub(x, div(mul(x, mul(x, x)), 3))
	}
	if x.IsInf() {
		return shift(pi, -1)
	}
	y := num(math.Atan(approx(x)))
	s, c := sinCos(y)
	d := quo(sub(mul(x, c), s), add(c, mul(x, s)))
	d2 := mul(d, d)
	return add(y, mul(d, sub(num(1), sub(div(d2, 3), div(mul(d2, d2), 5)))))
}

func asin(x *big.Float) *big.Float {
	c := sqrt(mul(sub(num(1), x), add(num(1), x)))
	if c.Sign() == 0 {
		return mul(x, shift(pi, -1))
	}
	return atan(quo(x, c))
}

func acos(x *big.Float) *big.Float {
	d := add(num(1), x)
	if d.Sign() == 0 {
		return pi
	}
	return shift(atan(sqrt(quo(sub(num(1), x), d))), 1)
}

func atan2(y, x *big.Float) *big.Float {
	switch {
	case x.Sign() == 0:
		return mul(num(float64(y.Sign())), shift(pi, -1))
	case y.Sign() == 0:
		if x.Sign() < 0 {
			return pi
		}
		return num(0)
	}
	a := atan(quo(y, x))
	if x.Sign() < 0 {
		if y.Sign() < 0 {
			return sub(a, pi)
		}
		return add(a, pi)
	}
	return a
}

func sinh(x *big.Float) *big.Float {
	if small(x, -4) {
		if x.Sign() == 0 {
			return x
		}
		return taylor(x, 1, 2, false)
	}
	return shift(sub(exp(x), exp(neg(x))), -1)
}

func tanh(x *big.Float) *big.Float {
	e := expm1(shift(x, 1))
	return quo(e, add(e, num(2)))
}

func asinh(x *big.Float) *big.Float {
	t := new(big.Float).Abs(x)
	t2 := mul(t, t)
	v := log1p(add(t, quo(t2, add(num(1), sqrt(add(num(1), t2))))))
	if x.Sign() < 0 {
		return neg(v)
	}
	return v
}

func acosh(x *big.Float) *big.Float {
	t := sub(x, num(1))
	return log1p(add(t, sqrt(add(shift(t, 1), mul(t, t)))))
}

func atanh(x *big.Float) *big.Float {
	return shift(log1p(quo(shift(x, 1), sub(num(1), x))), -1)
}

// erf is 2/√π·exp(−x²)·Σ 2^n·x^(2n+1)/(2n+1)!! (DLMF 7.6.2): all terms have one sign.
func erf(x *big.Float) *big.Float {
	if v := approx(x); math.Abs(v) > 6 {
		return mul(num(math.Copysign(1, v)), sub(num(1), erfc(new(big.Float).Abs(x))))
	}
	x2 := mul(x, x)
	sum, t := num(0), x
	for k := int64(1); t.Sign() != 0 && exponent(t) > exponent(x)-precision-10 || k < 60; k++ {
		sum = add(sum, t)
		t = div(mul(t, shift(x2, 1)), 2*k+1)
	}
	return mul(mul(quo(num(2), sqrt(pi)), exp(neg(x2))), sum)
}

// erfc is 1 − erf below 3, else exp(−x²)/√π times the continued fraction DLMF 7.9.1.
func erfc(x *big.Float) *big.Float {
	v := approx(x)
	if v < 3 {
		if v < -20 {
			return num(2)
		}
		return sub(num(1), erf(x))
	}
	f := num(0)
	for k := 80 + int(12000/(v*v)); k > 0; k-- {
		f = quo(shift(num(float64(k)), -1), add(x, f))
	}
	return quo(exp(neg(mul(x, x))), mul(sqrt(pi), add(x, f)))
}

func cbrt(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return x
	}
	y := num(math.Cbrt(approx(x)))
	for range 3 {
		y3 := mul(y, mul(y, y)) // Halley
		y = mul(y, quo(add(y3, shift(x, 1)), add(shift(y3, 1), x)))
	}
	return y
}

// unary holds the exact functions of one argument.
var unary = map[micro.Op]func(*big.Float) *big.Float{
	micro.Exp: exp, micro.Exp2: func(x *big.Float) *big.Float { return exp(mul(x, ln2)) }, micro.Expm1: expm1,
	micro.Log: log, micro.Log2: func(x *big.Float) *big.Float { return quo(log(x), ln2) },
	micro.Log10: func(x *big.Float) *big.Float { return quo(log(x), log(num(10))) }, micro.Log1p: log1p,
	micro.Sin:  func(x *big.Float) *big.Float { s, _ := sinCos(x); return s },
	micro.Cos:  func(x *big.Float) *big.Float { _, c := sinCos(x); return c },
	micro.Tan:  func(x *big.Float) *big.Float { s, c := sinCos(x); return quo(s, c) },
	micro.Asin: asin, micro.Acos: acos, micro.Atan: atan, micro.Sinh: sinh,
	micro.Cosh: func(x *big.Float) *big.Float { return shift(add(exp(x), exp(neg(x))), -1) },
	micro.Tanh: tanh, micro.Asinh: asinh, micro.Acosh: acosh, micro.Atanh: atanh,
	micro.Sigmoid: func(x *big.Float) *big.Float { return quo(num(1), add(num(1), exp(neg(x)))) },
	micro.Softplus: func(x *big.Float) *big.Float {
		if x.Sign() > 0 {
			return add(x, log1p(exp(neg(x))))
		}
		return log1p(exp(x))
	},
	micro.Erf: erf, micro.Erfc: erfc, micro.Cbrt: cbrt,
}

// binary holds the exact functions of two arguments.
var binary = map[micro.Op]func(x, y *big.Float) *big.Float{
	micro.Pow:   func(x, y *big.Float) *big.Float { return exp(mul(y, log(x))) },
	micro.Atan2: atan2,
	micro.Hypot: func(x, y *big.Float) *big.Float { return sqrt(add(mul(x, x), mul(y, y))) },
}
