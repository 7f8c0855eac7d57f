package def

import (
	"math"
	"math/big"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// buildCbrt writes |x| = 2^(3q+j)·m with m in [1, 2), takes w ≈ (2^j·m)^(−1/3) from a
// polynomial and one step of third order, and corrects c = 2^j·m·w² by the exact residual of c³.
func buildCbrt(b *Builder) *Func {
	x := b.Arg(0)
	a := b.Abs(x)
	_, bias, mantissa := b.formatBits()
	n := b.mantissaBits()
	rare := b.Rare(b.MaskNot(b.Within(a, 1<<n, b.BitsOf(math.Inf(1))-1)))
	factor, shift := b.K(1<<54), b.K(54)
	if !b.wide() {
		factor, shift = b.K(1<<27), b.K(27)
	}
	small := b.MaskAnd(rare, b.Lt(a, b.Bits(1<<n)))
	as := b.Select(small, b.Mul(a, factor), a)
	k := b.exponentField(as)
	k = b.Select(small, b.Sub(k, shift), k)
	q := b.RoundEven(b.Mul(k, b.K(1./3)))
	j := b.FNMA(q, b.K(3), k) // −1, 0 or 1
	m := b.Or(b.And(as, b.Bits(mantissa)), b.Bits(bias<<n))
	y := b.Mul(m, b.pow2(j, 0))
	w := b.Poly(m, b.Coefficients(rcbrtP64, rcbrtP32))
	c := b.Select(b.Lt(j, b.K(0)), b.K(math.Cbrt(2)), b.Select(b.Lt(b.K(0), j), b.K(math.Cbrt(0.5)), b.K(1)))
	w = b.Mul(w, c)
	e := b.FNMA(b.Mul(b.Mul(w, w), w), y, b.K(1))
	w = b.FMA(b.Mul(w, e), b.FMA(e, b.K(2./9), b.K(1./3)), w)
	w2 := b.Mul(w, w)
	r := b.Mul(y, w2)
	p, pe := b.twoProd(r, r)
	res := b.FMA(pe, r, b.FMS(p, r, y))
	r = b.FNMA(b.Mul(res, b.K(1./3)), w2, r)
	r = b.Mul(r, b.pow2(q, 0))
	r = b.Select(b.MaskAnd(rare, b.MaskNot(b.MaskAnd(b.Lt(b.K(0), a), b.Lt(a, b.Inf())))), a, r)
	return b.Finish(b.orSign(x, r))
}

// buildHypot scales by a power of two only where squares could overflow or lose bits.
func buildHypot(b *Builder) *Func {
	x, y := b.Abs(b.Arg(0)), b.Abs(b.Arg(1))
	big, small := b.Max(x, y), b.Min(x, y)
	lo, hi := math.Ldexp(1, -450), math.Ldexp(1, 500)
	up, down := math.Ldexp(1, 600), math.Ldexp(1, -600)
	if !b.wide() {
		lo, hi = math.Ldexp(1, -45), math.Ldexp(1, 60)
		up, down = math.Ldexp(1, 80), math.Ldexp(1, -80)
	}
	rare := b.Rare(b.MaskNot(b.MaskAnd(b.Lt(b.K(lo), big), b.Lt(b.Add(x, y), b.K(hi)))))
	low := b.MaskAnd(rare, b.Le(big, b.K(lo)))
	high := b.MaskAnd(rare, b.Le(b.K(hi), b.Add(x, y)))
	scale := b.Select(low, b.K(up), b.Select(high, b.K(down), b.K(1)))
	back := b.Select(low, b.K(down), b.Select(high, b.K(up), b.K(1)))
	scaled := func(v Ref) Ref { return b.Select(rare, b.Mul(v, scale), v) }
	bs, ss := scaled(big), scaled(small)
	r := b.Sqrt(b.FMA(bs, bs, b.Mul(ss, ss)))
	r = b.Select(rare, b.Mul(r, back), r)
	infinite := b.MaskOr(b.Eq(x, b.Inf()), b.Eq(y, b.Inf()))
	nan := b.MaskOr(b.IsNaN(x), b.IsNaN(y))
	special := b.Select(infinite, b.Inf(), b.Select(nan, b.NaN(), r))
	return b.Finish(b.Select(rare, special, r))
}

// buildPow is 2^(y·log2 |x|) with the logarithm in two parts (relative error about 2^−66,
// 2^−36 for float32), the sign and the special values of Go's math.Pow.
func buildPow(b *Builder) *Func {
	x, y := b.Arg(0), b.Arg(1)
	a := b.Abs(x)
	n := b.mantissaBits()
	least, factor, shift := b.Bits(1<<n), b.K(1<<54), b.K(54)
	if !b.wide() {
		factor, shift = b.K(1<<25), b.K(25)
	}
	rare := b.Rare(b.MaskNot(b.normal(x)))
	small := b.MaskAnd(rare, b.Lt(a, least))
	as := b.Select(rare, b.Select(small, b.Mul(a, factor), a), x)
	k, m := b.splitExponent(as)
	k = b.Select(small, b.Sub(k, shift), k)
	lh, ll := b.log2Sum(k, m)

	p := b.Mul(y, lh)
	plo := b.FMA(y, ll, b.FMS(y, lh, p))
	limit := b.K2(1100, 160)
	far := b.Rare(b.MaskNot(b.Lt(b.Abs(p), limit)))
	p = b.Select(far, b.Select(b.Eq(lh, b.K(0)), b.K(0), b.Max(b.Neg(limit), b.Min(limit, p))), p) // 1^∞ and 1^NaN are 1
	plo = b.Select(far, b.K(0), plo)
	e := b.RoundEven(p)
	c := b.Coefficients(exp2Q64, exp2Q32)
	f := b.Add(b.Sub(p, e), plo)
	r := b.Scale(b.FMA(f, b.FMA(f, b.Estrin(f, c[1:]), c[0]), b.K(1)), e)

	// Special values of x; those of y with other x are right already.
	negative := b.Bit(x, b.f.Width()-1)
	whole := b.Eq(y, b.Trunc(y))
	halfY := b.Mul(y, b.K(0.5))
	odd := b.MaskAnd(whole, b.Ne(halfY, b.Trunc(halfY)))
	yneg := b.Bit(y, b.f.Width()-1)
	edge := b.MaskOr(b.Eq(a, b.K(0)), b.Eq(a, b.Inf()))
	v := b.Select(b.MaskAnd(negative, b.MaskNot(whole)), b.NaN(), r)
	// |x| is 0 or infinite
	v = b.Select(edge, b.Select(b.MaskXor(b.Eq(a, b.K(0)), yneg), b.K(0), b.Inf()), v)
	infY := b.Eq(b.Abs(y), b.Inf())
	vInf := b.Select(b.MaskXor(b.Lt(b.K(1), a), yneg), b.Inf(), b.K(0))
	v = b.Select(infY, b.Select(b.Eq(a, b.K(1)), b.K(1), vInf), v)
	v = b.Xor(v, b.Select(b.MaskAnd(negative, odd), b.signMask(), b.K(0)))
	v = b.Select(b.MaskOr(b.IsNaN(x), b.IsNaN(y)), b.NaN(), v)
	v = b.Select(b.MaskOr(b.Eq(y, b.K(0)), b.Eq(x, b.K(1))), b.K(1), v)
	return b.Finish(b.Select(rare, v, r))
}

// log2Sum returns k + log2 m in two parts, the second below two units in the last place of the first, with s = (m−1)/(m+1) in two parts
// and log2 m = s·(C0 + z·(C1 + z·Q(z))), z = s². The parts of s are not made to overlap less: all that follows would wait for it.
func (b *Builder) log2Sum(k, m Ref) (hi, lo Ref) {
	one := b.K(1)
	num := b.Sub(m, one)
	den, dlo := b.fastTwoSum(one, m) // m < 2, so the error is exact
	inv := b.Div(one, den)
	s := b.Mul(num, inv)
	slo := b.Mul(b.FNMA(s, dlo, b.FNMA(s, den, num)), inv)

	ln2 := bigLn(2)
	c0 := b.split(new(big.Float).SetPrec(300).Quo(big.NewFloat(2), ln2), 2)
	c1 := b.split(new(big.Float).SetPrec(300).Quo(big.NewFloat(2), new(big.Float).SetPrec(300).Mul(ln2, big.NewFloat(3))), 2)
	z, zlo := b.twoProd(s, s)
	zlo = b.FMA(b.Add(s, s), slo, zlo)
	u := b.FMA(z, b.Estrin(z, b.Coefficients(powQ64, powQ32)), c1[1])
	q, qlo := b.fastTwoSum(c1[0], u)
	p, plo := b.twoProd(z, q)
	plo = b.FMA(z, qlo, b.FMA(zlo, b.Add(q, u), plo)) // C1 + 2·z·Q is the derivative of z·(C1 + z·Q) but for Q's own
	t, tlo := b.fastTwoSum(c0[0], p)
	tlo = b.Add(b.Add(tlo, c0[1]), plo)
	l, llo := b.twoProd(s, t)
	h, hlo := b.fastTwoSum(k, l)
	return h, b.Add(hlo, b.FMA(s, tlo, b.FMA(slo, t, llo)))
}

func init() {
	register(micro.Cbrt, 1, buildCbrt)
	register(micro.Hypot, 2, buildHypot)
	register(micro.Pow, 2, buildPow)
}
