package def

import (
	"math/big"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// piParts returns multiple·π in two parts.
func (b *Builder) piParts(multiple float64) (hi, lo Ref) {
	p := b.split(new(big.Float).SetPrec(300).Mul(bigPi(400), big.NewFloat(multiple)), 2)
	return p[0], p[1]
}

// asinArgument returns s and s·z·A(z) with asin s = s + s·z·A(z): s = |x|, or √((1−|x|)/2)
// where |x| ≥ ½ (big), since asin |x| = π/2 − 2·asin √((1−|x|)/2).
func (b *Builder) asinArgument(x Ref) (big, s, tail Ref) {
	a := b.Abs(x)
	big = b.MaskNot(b.Lt(a, b.K(0.5)))
	z := b.Select(big, b.FNMA(a, b.K(0.5), b.K(0.5)), b.Mul(a, a))
	s = b.Select(big, b.Sqrt(z), a)
	return big, s, b.Mul(b.Mul(s, z), b.Poly(z, b.Coefficients(asinA64, asinA32)))
}

func buildAsin(b *Builder) *Func {
	x := b.Arg(0)
	big, s, tail := b.asinArgument(x)
	hi, lo := b.piParts(0.5)
	h, l := b.fastTwoSum(hi, b.Mul(s, b.K(-2)))
	upper := b.Add(h, b.Sub(l, b.FMS(b.K(2), tail, lo)))
	return b.Finish(b.orSign(x, b.Select(big, upper, b.Add(s, tail))))
}

// buildAcos is base − (v + (tail − base's low part)): base π/2 and v = x for |x| < ½,
// base 0 and v = −2s for x ≥ ½, base π and v = 2s for x ≤ −½.
func buildAcos(b *Builder) *Func {
	x := b.Arg(0)
	big, s, tail := b.asinArgument(x)
	negative := b.Lt(x, b.K(0))
	hi, lo := b.piParts(0.5)
	hi2, lo2 := b.piParts(1)
	base := b.Select(big, b.Select(negative, hi2, b.K(0)), hi)
	baseLo := b.Select(big, b.Select(negative, lo2, b.K(0)), lo)
	factor := b.Select(big, b.K(2), b.K(1))
	flip := b.Select(big, b.Xor(b.SignOf(x), b.signMask()), b.SignOf(x))
	v := b.Xor(b.Mul(factor, s), flip)
	w := b.Xor(b.Mul(factor, tail), flip)
	return b.Finish(b.Sub(base, b.Add(v, b.Sub(w, baseLo))))
}

// atanSum returns base + atan q for |q| ≤ 1, base 0 or above 1.
func (b *Builder) atanSum(q, base, baseLo Ref) Ref {
	z := b.Mul(q, q)
	// Horner for the large alternating coefficients: even and odd parts would cancel.
	c := b.Coefficients(atanA64, atanA32)
	p := b.Horner(z, append(c[:4:4], b.Poly(z, c[4:])))
	tail := b.FMA(b.Mul(q, z), p, baseLo)
	h, l := b.fastTwoSum(base, q)
	return b.Add(h, b.Add(l, tail))
}

func buildAtan(b *Builder) *Func {
	x := b.Arg(0)
	a := b.Abs(x)
	inverse := b.Lt(b.K(1), a)
	q := b.Select(inverse, b.Div(b.K(-1), a), a)
	hi, lo := b.piParts(0.5)
	y := b.atanSum(q, b.Select(inverse, hi, b.K(0)), b.Select(inverse, lo, b.K(0)))
	return b.Finish(b.orSign(x, y))
}

func buildAtan2(b *Builder) *Func {
	y, x := b.Arg(0), b.Arg(1)
	ay, ax := b.Abs(y), b.Abs(x)
	sum := b.Add(ay, ax)
	rare := b.Rare(b.MaskNot(b.MaskAnd(b.Lt(b.K(0), sum), b.Lt(sum, b.Inf()))))
	swap := b.Lt(ax, ay)
	num, den := b.Select(swap, ax, ay), b.Select(swap, ay, ax)
	// 0/0 counts as 0/1 and Inf/Inf as 1/1.
	den = b.Select(b.MaskAnd(rare, b.Eq(den, b.K(0))), b.K(1), den)
	both := b.MaskAnd(rare, b.Eq(num, b.Inf()))
	num, den = b.Select(both, b.K(1), num), b.Select(both, b.K(1), den)
	q := b.Div(num, den)
	// swap: π/2 − q (x ≥ 0) or π/2 + q; else q or π − q.
	left := b.SignOf(x) // as sign bit
	hi, lo := b.piParts(0.5)
	hi2, lo2 := b.piParts(1)
	isLeft := b.Bit(x, b.f.Width()-1)
	base := b.Select(swap, hi, b.Select(isLeft, hi2, b.K(0)))
	baseLo := b.Select(swap, lo, b.Select(isLeft, lo2, b.K(0)))
	flip := b.Select(swap, b.Xor(left, b.signMask()), left)
	r := b.atanSum(b.Xor(q, flip), base, baseLo)
	r = b.Select(b.MaskAnd(rare, b.IsNaN(sum)), b.NaN(), r)
	return b.Finish(b.orSign(y, r))
}

func init() {
	register(micro.Asin, 1, buildAsin)
	register(micro.Acos, 1, buildAcos)
	register(micro.Atan, 1, buildAtan)
	register(micro.Atan2, 2, buildAtan2)
}
