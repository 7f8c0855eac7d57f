package def

import (
	"math"
	"math/big"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// magic returns 1.5·2^52 (1.5·2^23): adding it to |v| < 2^51 (2^22) rounds v to a
// whole number, which stands in the low bits of the sum.
func (b *Builder) magic() Ref { return b.K2(3<<51, 3<<22) }

// twoSum returns x + y and its rounding error (Knuth).
func (b *Builder) twoSum(x, y Ref) (s, e Ref) {
	s = b.Add(x, y)
	t := b.Sub(s, x)
	return s, b.Add(b.Sub(x, b.Sub(s, t)), b.Sub(y, t))
}

// fastTwoSum returns x + y and its rounding error when |x| ≥ |y| or x is 0 (Dekker).
func (b *Builder) fastTwoSum(x, y Ref) (s, e Ref) {
	s = b.Add(x, y)
	return s, b.Sub(y, b.Sub(s, x))
}

// fastTwoDiff is fastTwoSum of x and −y.
func (b *Builder) fastTwoDiff(x, y Ref) (d, e Ref) {
	d = b.Sub(x, y)
	return d, b.Sub(b.Sub(x, d), y)
}

// twoProd returns x·y and its rounding error.
func (b *Builder) twoProd(x, y Ref) (p, e Ref) {
	p = b.Mul(x, y)
	return p, b.FMS(x, y, p)
}

// split returns v as a sum of n numbers of the lane's format, each the rounding of what is left.
func (b *Builder) split(v *big.Float, n int) []Ref {
	rest := new(big.Float).Copy(v)
	var parts []Ref
	for i := 0; i < n; i++ {
		var p float64
		if b.wide() {
			p, _ = rest.Float64()
		} else {
			p32, _ := rest.Float32()
			p = float64(p32)
		}
		parts = append(parts, b.K(p))
		rest.Sub(rest, big.NewFloat(p))
	}
	return parts
}

// halfPiTable returns, for every exponent group j, chunk i of (2/π)·2^(step·j − shift)
// modulo 4: bits of weight 2^(1−bits·i) down to 2^(2−bits·(i+1)), so that each chunk is exact in the format.
func (b *Builder) halfPiTables(groups, step, shift, bits, chunks int) []int {
	twoOverPi := new(big.Float).SetPrec(4096).Quo(big.NewFloat(2).SetPrec(4096), bigPi(4096))
	data := make([][]uint64, chunks)
	for j := 0; j < groups; j++ {
		// whole = ⌊2/π · 2^(step·j − shift + bits·chunks − 2)⌋, of which the low bits·chunks bits are kept.
		v := new(big.Float).SetPrec(4096).SetMantExp(twoOverPi, step*j-shift+bits*chunks-2)
		whole, _ := v.Int(nil)
		for i := 0; i < chunks; i++ {
			low := bits * (chunks - 1 - i)
			part := new(big.Int).Rsh(whole, uint(low))
			part.And(part, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(bits)), big.NewInt(1)))
			f := math.Ldexp(float64(part.Uint64()), 2-bits*(i+1))
			if b.wide() {
				data[i] = append(data[i], math.Float64bits(f))
			} else {
				data[i] = append(data[i], uint64(math.Float32bits(float32(f))))
			}
		}
	}
	var tables []int
	for i := range data {
		tables = append(tables, b.Table("two_over_pi_"+string(rune('0'+i)), data[i]))
	}
	return tables
}

// reducePi returns x − k·π/2, x ≥ 0, as a sum r + rlo, and lanes whose two low bits are k mod 4.
//
// Up to 2^28 (2^14 for float32) by three parts of π/2 and FMA (Cody and Waite): the
// first difference is exact. Beyond (and for NaN and infinities), by multiplying with
// those bits of 2/π that matter for the exponent (Payne and Hanek, "Radian reduction
// for trigonometric functions", 1983). rlo is exact enough for tan; sin and cos use r alone
// unless low is true.
func (b *Builder) reducePi(x Ref, low bool) (r, rlo, k Ref) {
	pi2 := new(big.Float).SetPrec(4096).Quo(bigPi(4096), big.NewFloat(2))
	parts := b.split(pi2, 3)
	inv, _ := new(big.Float).SetPrec(4096).Quo(big.NewFloat(1), pi2).Float64()

	t := b.FMA(x, b.K(inv), b.magic())
	kf := b.Sub(t, b.magic())
	r = b.FNMA(kf, parts[0], x)
	rlo = b.K(0)
	if low {
		p, pe := b.twoProd(kf, parts[1])
		var e Ref
		r, e = b.twoSum(r, b.Neg(p))
		rlo = b.FNMA(kf, parts[2], b.Sub(e, pe))
		r, rlo = b.fastTwoSum(r, rlo)
	} else {
		r = b.FNMA(kf, parts[1], r)
		r = b.FNMA(kf, parts[2], r)
	}

	huge := b.Rare(b.MaskNot(b.Lt(x, b.K2(1<<28, 1<<14))))
	hr, hlo, hk := b.paynehanek(b.Select(huge, x, b.K2(1<<28, 1<<14)))
	nan := b.Sub(x, x) // 0, but NaN for NaN and infinities
	if low {
		rlo = b.Select(huge, hlo, rlo)
		hr = b.Add(hr, nan)
	} else {
		hr = b.Add(b.Add(hr, hlo), nan)
	}
	return b.Select(huge, hr, r), rlo, b.Select(huge, hk, t)
}

// paynehanek is reducePi for x ≥ 2^28 (2^14); the result for infinities and NaN is arbitrary.
func (b *Builder) paynehanek(x Ref) (r, rlo, k Ref) {
	// The exponent field e is cut into groups of 2^step from base on; within
	// group j, x·2^(shift − (2^step)·j) is a multiple of 1, hence multiples of 4 in
	// (2/π)·2^((2^step)·j − shift) change the product by multiples of 4 only.
	mantissa, step, base, shift, chunks, groups := 52, 4, 1040, 35, 4, 63
	exponents := uint64(0x7ff)
	if !b.wide() {
		mantissa, step, base, shift, chunks, groups = 23, 3, 136, 14, 5, 15
		exponents = 0xff
	}
	tables := b.halfPiTables(groups, 1<<step, shift, mantissa+1, chunks)
	e := b.ISub(b.And(x, b.Bits(exponents<<mantissa)), b.Bits(uint64(base)<<mantissa))
	group := b.And(e, b.Bits((exponents>>step<<step)<<mantissa))
	xs := b.IAdd(b.ISub(x, group), b.Bits(uint64(shift)<<mantissa))
	j := b.Shr(group, mantissa+step)
	var h, l []Ref
	for _, table := range tables {
		p, pe := b.twoProd(xs, b.Gather(table, j))
		h, l = append(h, p), append(l, pe)
	}
	mod4 := func(v Ref) Ref {
		return b.FNMA(b.RoundEven(b.Mul(v, b.K(0.25))), b.K(4), v)
	}
	s, e1 := b.twoSum(mod4(h[0]), mod4(l[0]))
	s, e2 := b.twoSum(s, mod4(h[1]))
	n := b.RoundEven(s)
	s = b.Sub(s, n)
	u, ulo := b.twoSum(l[1], h[2])
	s, s1 := b.twoSum(s, u)
	v, vlo := b.twoSum(e1, e2)
	s, s2 := b.twoSum(s, v)
	low := b.Add(l[2], h[3])
	if chunks == 5 {
		low = b.Add(low, b.Add(l[3], h[4]))
	}
	low = b.Add(b.Add(s1, s2), b.Add(b.Add(ulo, vlo), low))
	s, low = b.fastTwoSum(s, low)
	half := b.split(new(big.Float).SetPrec(4096).Quo(bigPi(4096), big.NewFloat(2)), 2)
	r, rlo = b.twoProd(s, half[0])
	rlo = b.Add(rlo, b.FMA(s, half[1], b.Mul(low, half[0])))
	r, rlo = b.fastTwoSum(r, rlo)
	return r, rlo, b.Add(n, b.magic())
}

// sineCosine returns sin r and cos r for |r| ≤ π/4.
func (b *Builder) sineCosine(r Ref) (s, c Ref) {
	z := b.Mul(r, r)
	s = b.FMA(b.Mul(r, z), b.Poly(z, b.Coefficients(sinS64, sinS32)), r)
	c = b.FMA(z, b.Poly(z, b.Coefficients(cosC64, cosC32)), b.K(1))
	return s, c
}

// quadrant turns sin r and cos r into the sine and cosine of |x| = r + k·π/2, and gives
// the sine the sign of x. Working on |x| keeps −0.
func (b *Builder) quadrant(x, k, s, c Ref) (sine, cosine Ref) {
	top := b.f.Width() - 1
	odd := b.Bit(k, 0)
	sineSign := b.SignOf(b.Xor(b.Shl(k, top-1), x))
	cosineSign := b.SignOf(b.Shl(b.IAdd(k, b.Bits(1)), top-1))
	return b.Xor(b.Select(odd, c, s), sineSign), b.Xor(b.Select(odd, s, c), cosineSign)
}

func buildSinCos(b *Builder, sine, cosine bool) *Func {
	x := b.Arg(0)
	r, _, k := b.reducePi(b.Abs(x), false)
	s, c := b.sineCosine(r)
	s, c = b.quadrant(x, k, s, c)
	switch {
	case sine && cosine:
		return b.Finish(s, c)
	case sine:
		return b.Finish(s)
	}
	return b.Finish(c)
}

// buildTan divides sine by cosine of the reduced argument. Its low part counts here
// (tan amplifies relative errors of the argument by up to π/2), and the quotient is corrected
// by its remainder with the rounding errors of sine and cosine.
func buildTan(b *Builder) *Func {
	x := b.Arg(0)
	r, rlo, k := b.reducePi(b.Abs(x), true)
	z := b.Mul(r, r)
	s, se := b.fastTwoSum(r, b.FMA(b.Mul(r, z), b.Poly(z, b.Coefficients(sinS64, sinS32)), rlo))
	c, ce := b.fastTwoSum(b.K(1), b.FNMA(r, rlo, b.Mul(z, b.Poly(z, b.Coefficients(cosC64, cosC32)))))
	odd := b.Bit(k, 0)
	num, nlo := b.Select(odd, c, s), b.Select(odd, ce, se)
	den, dlo := b.Select(odd, s, c), b.Select(odd, se, ce)
	inv := b.Div(b.K(1), den)
	q := b.Mul(num, inv)
	q = b.FMA(b.Add(b.FNMA(q, den, num), b.FNMA(q, dlo, nlo)), inv, q)
	sign := b.SignOf(b.Xor(b.Shl(k, b.f.Width()-1), x))
	return b.Finish(b.Xor(q, sign))
}

func init() {
	register(micro.Sin, 1, func(b *Builder) *Func { return buildSinCos(b, true, false) })
	register(micro.Cos, 1, func(b *Builder) *Func { return buildSinCos(b, false, true) })
	register(micro.Tan, 1, buildTan)
}
