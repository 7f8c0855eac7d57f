package def

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// ln2 in two parts per format; with FMA the first difference x − k·hi is exact.
const (
	ln2Hi64 = 0x1.62e42fefa39efp-1
	ln2Lo64 = 0x1.abc9e3b39803fp-56
	ln2Hi32 = 0x1.62e43p-1
	ln2Lo32 = -0x1.05c61p-29
)

func (b *Builder) ln2() (hi, lo Ref) {
	return b.K2(ln2Hi64, ln2Hi32), b.K2(ln2Lo64, ln2Lo32)
}

// clampExp keeps an exponent between bounds beyond which the result is 0 or infinite; NaN stays.
func (b *Builder) clampExp(x Ref, lo, hi float64) Ref {
	return b.Max(b.K(lo), b.Min(b.K(hi), x))
}

// reduceLn2 returns a whole number k and r = x − k·ln 2 with |r| ≤ ½·ln 2 and a rounding bit.
func (b *Builder) reduceLn2(x Ref) (k, r Ref) {
	hi, lo := b.ln2()
	k = b.RoundEven(b.Mul(x, b.K(math.Log2E)))
	r = b.FNMA(k, hi, x)
	return k, b.FNMA(k, lo, r)
}

func buildExp(b *Builder) *Func {
	x := b.Arg(0)
	low, high := -746., 710.
	if !b.wide() {
		low, high = -104, 89
	}
	zero := b.Underflow(b.Lt(x, b.K(low))) // masked scores of attention are −Inf
	x = b.clampExp(x, low, high)
	k, r := b.reduceLn2(x)
	q := b.Poly(r, b.Coefficients(expQ64, expQ32))
	p := b.Add(b.FMA(b.Mul(r, r), q, r), b.K(1))
	p = b.Select(zero, b.K(0), p)
	return b.Finish(b.Scale(p, k))
}

// scaledMagic returns magic plus the exponent bias plus d: adding it to a whole number k and
// shifting the sum left by the mantissa's width gives 2^(k+d).
func (b *Builder) scaledMagic(d float64) Ref {
	return b.K2(3<<51+1023+d, float32(3<<22+127+d))
}

func (b *Builder) mantissaBits() int {
	if b.wide() {
		return 52
	}
	return 23
}

// pow2 returns 2^(k+d) for a whole number k with k+d in the normal range.
func (b *Builder) pow2(k Ref, d float64) Ref {
	return b.Shl(b.Add(k, b.scaledMagic(d)), b.mantissaBits())
}

// orSign gives y the sign of x where y ≥ +0 or has that sign already; it keeps −0.
func (b *Builder) orSign(x, y Ref) Ref { return b.Or(y, b.SignOf(x)) }

func buildExp2(b *Builder) *Func {
	x := b.Arg(0)
	if b.wide() {
		x = b.clampExp(x, -1080, 1030)
	} else {
		x = b.clampExp(x, -155, 130)
	}
	k := b.RoundEven(x)
	r := b.Sub(x, k)
	return b.Finish(b.Scale(b.FMA(r, b.Poly(r, b.Coefficients(exp2Q64, exp2Q32)), b.K(1)), k))
}

// buildExpm1 is 2^k·(e^r − 1) + (2^k − 1), summed from the largest part down.
func buildExpm1(b *Builder) *Func {
	x := b.Arg(0)
	clamped, top := b.clampExp(x, -40, 710), b.K(709)
	if !b.wide() {
		clamped, top = b.clampExp(x, -20, 89), b.K(88)
	}
	k, r, w := b.expm1Parts(clamped, b.Coefficients(expm1Q64, expm1Q32))
	s := b.pow2(k, 0)
	y := b.FMA(s, w, b.FMA(s, r, b.Sub(s, b.K(1))))
	// 2^k overflows before the result does; −1 no longer matters there.
	huge := b.Rare(b.Lt(top, x))
	quarter := b.pow2(k, -2)
	y = b.Select(huge, b.Mul(b.FMA(quarter, b.Add(r, w), quarter), b.K(4)), y)
	return b.Finish(b.orSign(x, y))
}

// expm1Parts returns k, r and w with x = k·ln 2 + r + … and e^(x − k·ln 2) − 1 = r + w, of which q are the coefficients behind r;
// w carries the rounding error of r.
func (b *Builder) expm1Parts(x Ref, q []Ref) (k, r, w Ref) {
	hi, lo := b.ln2()
	k = b.RoundEven(b.Mul(x, b.K(math.Log2E)))
	r1 := b.FNMA(k, hi, x)
	r = b.FNMA(k, lo, r1)
	rlo := b.FNMA(k, lo, b.Sub(r1, r))
	return k, r, b.FMA(b.Mul(r, r), b.Poly(r, q), rlo)
}

// sinhCosh returns sinh |x| and cosh |x|. With k and r from |x| = k·ln 2 + r,
// sinh |x| = (2^(k−1) − 2^(−k−1))·cosh r + (2^(k−1) + 2^(−k−1))·sinh r, and cosh with the signs
// changed: no division, and no cancellation for k = 0.
func (b *Builder) sinhCosh(x Ref) (sinh, cosh Ref) {
	large, clamp := b.K(700), 720.
	if !b.wide() {
		large, clamp = b.K(85), 95.
	}
	rare := b.Rare(b.MaskNot(b.Le(x, large)))
	k, r := b.reduceLn2(b.Min(b.K(clamp), x))
	z := b.Mul(r, r)
	s := b.Mul(z, b.Poly(z, b.Coefficients(sinhS64, sinhS32))) // sinh r = r + r·s
	c := b.Mul(z, b.Poly(z, b.Coefficients(coshC64, coshC32))) // cosh r = 1 + c
	up := b.pow2(k, -1)
	bias := uint64(1023)
	if !b.wide() {
		bias = 127
	}
	down := b.ISub(b.Bits((2*bias-2)<<b.mantissaBits()), up)
	plus, minus := b.Add(up, down), b.Sub(up, down)
	pr := b.Mul(plus, r)
	sinh = b.Add(b.FMA(plus, r, minus), b.FMA(pr, s, b.Mul(minus, c)))
	mr := b.Mul(minus, r)
	cosh = b.Add(plus, b.FMA(plus, c, b.FMA(mr, s, mr)))
	// Far out both are ½·e^x, and 2^(k−1) may overflow.
	far := b.Scale(b.Add(b.K(1), b.Add(r, b.FMA(r, s, c))), b.Sub(k, b.K(1)))
	far = b.Select(b.IsNaN(x), x, far)
	return b.Select(rare, far, sinh), b.Select(rare, far, cosh)
}

// buildTanh is n/(2 − n) with n = 1 − e^−2|x| in two parts; the quotient q is corrected by its remainder, for which 1/(2 − n) = (1+q)/2 is at hand. The exponential is taken
// as exp and sigmoid take it: the derivative, which is sigmoid's at 2x, then shares it.
func buildTanh(b *Builder) *Func {
	x := b.Arg(0)
	k, r, w := b.expm1Parts(b.Max(b.lowestExp(), b.Or(b.Mul(b.K(2), x), b.signMask())), b.Coefficients(expQ64, expQ32))
	s := b.scaleBeside1(k)
	n, l := b.fastTwoDiff(b.Sub(b.K(1), s), b.Mul(s, r))
	n, l2 := b.fastTwoDiff(n, b.Mul(s, w))
	nlo := b.Add(l, l2)
	d, dlo := b.fastTwoDiff(b.K(2), n)
	q := b.Div(n, d)
	rest := b.Add(b.FNMA(q, d, n), b.FNMA(q, b.Sub(dlo, nlo), nlo))
	return b.Finish(b.orSign(x, b.FMA(rest, b.FMA(q, b.K(0.5), b.K(0.5)), q)))
}

// lowestExp is the argument below which an exponential is 0.
func (b *Builder) lowestExp() Ref { return b.K2(-746, -104) }

// scaleBeside1 is 2^k for k ≤ 0 where it is added to 1: below 2^−1000 (2^−120) it no longer matters there.
func (b *Builder) scaleBeside1(k Ref) Ref { return b.pow2(b.Max(b.K2(-1000, -120), k), 0) }

// expNegAbsParts returns k, p and plo with e^−|x| = 2^k·(p + plo).
func (b *Builder) expNegAbsParts(x Ref) (k, p, plo Ref) {
	k, r := b.reduceLn2(b.Max(b.lowestExp(), b.Or(x, b.signMask())))
	q := b.Poly(r, b.Coefficients(expQ64, expQ32))
	p, plo = b.fastTwoSum(b.K(1), b.FMA(b.Mul(r, r), q, r))
	return k, p, plo
}

// buildSigmoid is 1/(1+e) or, for negative x, e/(1+e) with e = e^−|x|. The latter's
// numerator stays unscaled until the end, and the quotient is corrected by its remainder
// with the rounding errors of e and of 1+e.
func buildSigmoid(b *Builder) *Func {
	x := b.Arg(0)
	k, p, plo := b.expNegAbsParts(x)
	s := b.scaleBeside1(k)
	d, dlo := b.fastTwoSum(b.K(1), b.Mul(p, s))
	dlo = b.FMA(plo, s, dlo)
	negative := b.Lt(x, b.K(0))
	num, nlo := b.Select(negative, p, b.K(1)), b.Select(negative, plo, b.K(0))
	inv := b.Div(b.K(1), d)
	q := b.Mul(num, inv)
	q = b.FMA(b.Add(b.FNMA(q, d, num), b.FNMA(q, dlo, nlo)), inv, q)
	return b.Finish(b.Scale(q, b.Select(negative, k, b.K(0))))
}

func buildSoftplus(b *Builder) *Func {
	x := b.Arg(0)
	k, p, _ := b.expNegAbsParts(x)
	l := b.log1pCore(b.Scale(p, k), None, None)
	return b.Finish(b.Add(b.Max(b.K(0), x), l))
}

func init() {
	register(micro.Exp, 1, buildExp)
	register(micro.Exp2, 1, buildExp2)
	register(micro.Expm1, 1, buildExpm1)
	register(micro.Sinh, 1, func(b *Builder) *Func {
		s, _ := b.sinhCosh(b.Abs(b.Arg(0)))
		return b.Finish(b.orSign(b.Arg(0), s))
	})
	register(micro.Cosh, 1, func(b *Builder) *Func {
		_, c := b.sinhCosh(b.Abs(b.Arg(0)))
		return b.Finish(c)
	})
	register(micro.Tanh, 1, buildTanh)
	register(micro.Sigmoid, 1, buildSigmoid)
	register(micro.Softplus, 1, buildSoftplus)
}
