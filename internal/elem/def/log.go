package def

import (
	"math"
	"math/big"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// The logarithms write x = 2^k·m with m in [√½, √2), f = m − 1, s = f/(2+f) and
// log m = f − f²/2 + s·(f²/2 + z·R(z)), z = s² (the scheme of FreeBSD's e_log.c).

// formatBits returns the bits of √½, the exponent bias, and the mantissa mask.
func (b *Builder) formatBits() (half, bias, mantissa uint64) {
	if b.wide() {
		return math.Float64bits(math.Sqrt2 / 2), 1023, 1<<52 - 1
	}
	return uint64(math.Float32bits(math.Sqrt2 / 2)), 127, 1<<23 - 1
}

// withExponent returns a lane whose exponent field is k plus the bias for a positive normal x, and whose sign is set.
func (b *Builder) withExponent(x Ref) Ref {
	half, bias, _ := b.formatBits()
	return b.IAdd(x, b.Bits(1<<(b.f.Width()-1)+bias<<b.mantissaBits()-half))
}

// splitExponent returns k as a float and m for a positive normal x.
func (b *Builder) splitExponent(x Ref) (k, m Ref) {
	half, _, mantissa := b.formatBits()
	t := b.withExponent(x)
	return b.signedExponentField(t, 1), b.IAdd(b.And(t, b.Bits(mantissa)), b.Bits(half))
}

// normal is true where x is positive, normal, finite and at most √½ times the first power of two that is not, by a comparison of what withExponent returns.
// Rare forms thus take some great numbers too, with the same value.
func (b *Builder) normal(x Ref) Ref {
	half, bias, _ := b.formatBits()
	n := b.mantissaBits()
	return b.Within(x, 1<<n, half+(bias+1)<<n)
}

// exponentField returns the exponent field of a lane with a clear sign, less the bias, as a float.
func (b *Builder) exponentField(t Ref) Ref { return b.signedExponentField(t, 0) }

// signedExponentField is exponentField of a lane with the given sign.
func (b *Builder) signedExponentField(t Ref, sign float64) Ref {
	if b.wide() {
		return b.Sub(b.Or(b.Shr(t, 52), b.K(1<<52)), b.K(1<<52+float64(2048*sign)+1023))
	}
	return b.Sub(b.Or(b.Shr(t, 23), b.K(1<<23)), b.K(1<<23+float64(256*sign)+127))
}

// normalOrRare prepares the argument of a logarithm: rare is true unless x is normal, as that says; in those lanes xs is x times 2^shift if x is subnormal.
func (b *Builder) normalOrRare(x Ref) (rare, subnormal, xs, shift Ref) {
	least, shift := b.Bits(1<<52), b.K(54)
	factor := b.K(1 << 54)
	if !b.wide() {
		least, shift, factor = b.Bits(1<<23), b.K(25), b.K(1<<25)
	}
	rare = b.Rare(b.MaskNot(b.normal(x)))
	subnormal = b.MaskAnd(rare, b.Lt(x, least))
	return rare, subnormal, b.Select(subnormal, b.Mul(x, factor), x), shift
}

// logSpecials puts the values of a logarithm at 0, +Inf, NaN and negative numbers in place.
func (b *Builder) logSpecials(x, y, rare Ref) Ref {
	special := b.Select(b.Eq(x, b.Inf()), x, b.Select(b.Lt(b.K(0), x), y, b.NaN()))
	special = b.Select(b.Eq(x, b.K(0)), b.K(math.Inf(-1)), special)
	return b.Select(rare, special, y)
}

// logTail returns f²/2 and s·(f²/2 + z·R(z)).
func (b *Builder) logTail(f Ref) (hfsq, tail Ref) {
	s := b.Div(f, b.Add(f, b.K(2)))
	z := b.Mul(s, s)
	hfsq = b.Mul(b.Mul(f, f), b.K(0.5))
	return hfsq, b.Mul(s, b.FMA(z, b.Poly(z, b.Coefficients(logR64, logR32)), hfsq))
}

// log is log x of a positive finite x; rare is true unless x is one that is normal.
func (b *Builder) log(x Ref) (y, rare Ref) {
	rare, subnormal, xs, shift := b.normalOrRare(x)
	k, m := b.splitExponent(xs)
	k = b.Select(subnormal, b.Sub(k, shift), k)
	hi, lo := b.ln2()
	f := b.Sub(m, b.K(1))
	hfsq, tail := b.logTail(f)
	return b.FMA(k, hi, b.Sub(f, b.Sub(hfsq, b.FMA(k, lo, tail)))), rare
}

func buildLog(b *Builder) *Func {
	x := b.Arg(0)
	y, rare := b.log(x)
	return b.Finish(b.logSpecials(x, y, rare))
}

// buildLogBase is log x·scale + k·step, where both constants are carried in two parts.
func buildLogBase(b *Builder, scale, step *big.Float) *Func {
	x := b.Arg(0)
	rare, subnormal, xs, shift := b.normalOrRare(x)
	k, m := b.splitExponent(xs)
	k = b.Select(subnormal, b.Sub(k, shift), k)
	f := b.Sub(m, b.K(1))
	hfsq, tail := b.logTail(f)
	ferr := b.Mul(b.FMS(f, f, b.Mul(f, f)), b.K(0.5))
	hi := b.Sub(f, hfsq)
	lo := b.Add(b.Sub(b.Sub(b.Sub(f, hi), hfsq), ferr), tail)
	c := b.split(scale, 2)
	p := b.Mul(hi, c[0])
	plo := b.FMA(lo, c[0], b.FMA(hi, c[1], b.FMS(hi, c[0], p)))
	q := k
	if step != nil {
		d := b.split(step, 2)
		q = b.Mul(k, d[0])
		plo = b.Add(plo, b.FMA(k, d[1], b.FMS(k, d[0], q)))
	}
	w, e := b.fastTwoSum(q, p)
	return b.Finish(b.logSpecials(x, b.Add(w, b.Add(e, plo)), rare))
}

func bigLn(n float64) *big.Float {
	// 2·atanh((n−1)/(n+1)) = 2·Σ v^(2j+1)/(2j+1)
	const prec = 300
	nn := big.NewFloat(n).SetPrec(prec)
	one := big.NewFloat(1).SetPrec(prec)
	v := new(big.Float).Quo(new(big.Float).Sub(nn, one), new(big.Float).Add(nn, one))
	v2 := new(big.Float).Mul(v, v)
	sum, t := new(big.Float).SetPrec(prec), new(big.Float).Copy(v)
	for j := int64(1); j < 2000; j += 2 {
		sum.Add(sum, new(big.Float).Quo(t, new(big.Float).SetInt64(j)))
		t.Mul(t, v2)
	}
	return sum.Mul(sum, big.NewFloat(2))
}

// log1pCore is log(1 + f + flo) for f > −1 finite, |flo| below the last bit of f (None:
// 0); extra (None: 0) whole powers of two are added to the exponent.
func (b *Builder) log1pCore(f, flo, extra Ref) Ref {
	_, bias, mantissa := b.formatBits()
	n := b.mantissaBits()
	u, c := b.twoSum(b.K(1), f)
	if flo != None {
		c = b.Add(c, flo)
	}
	k, m := b.splitExponent(u)
	t := b.withExponent(u)
	// 2^−k: its exponent field is 2·bias less that of t, and its sign is clear.
	down := b.ISub(b.Bits(2*bias<<n+1<<(b.f.Width()-1)), b.And(t, b.Bits(^mantissa)))
	g, glo := b.fastTwoSum(b.Sub(m, b.K(1)), b.Mul(c, down))
	if extra != None {
		k = b.Add(k, extra)
	}
	hi, lo := b.ln2()
	hfsq, tail := b.logTail(g)
	if flo != None {
		glo = b.FNMA(glo, g, glo) // glo/(1+g)
	}
	y := b.Sub(g, b.Sub(hfsq, b.Add(glo, b.FMA(k, lo, tail))))
	return b.FMA(k, hi, y)
}

func buildLog1p(b *Builder) *Func {
	x := b.Arg(0)
	rare := b.Rare(b.MaskNot(b.normal(b.Add(b.K(1), x))))
	// Far out log(1+x) = log(x/2) + log 2.
	far := b.MaskAnd(rare, b.Lt(b.K(0), x))
	xs := b.Select(far, b.Mul(x, b.K(0.5)), b.Select(rare, b.K(0), x))
	y := b.log1pCore(xs, None, b.Select(far, b.K(1), b.K(0)))
	special := b.Select(b.Lt(b.K(-1), x), y, b.Select(b.Eq(x, b.K(-1)), b.K(math.Inf(-1)), b.NaN()))
	special = b.Select(b.Eq(x, b.Inf()), x, special)
	return b.Finish(b.orSign(x, b.Select(rare, special, y)))
}

// sqrtSum returns √(v + vlo) in two parts; v must be positive.
func (b *Builder) sqrtSum(v, vlo Ref) (s, slo Ref) {
	s = b.Sqrt(v)
	r := b.Add(b.FNMA(s, s, v), vlo)
	return s, b.Mul(r, b.Div(b.K(0.5), s))
}

// buildAsinh is log1p(t + (√(1+t²) − 1)) of t = |x| in two parts.
func buildAsinh(b *Builder) *Func {
	x := b.Arg(0)
	t := b.Abs(x)
	top := b.K2(1<<55, 1<<26)
	rare := b.Rare(b.MaskNot(b.Lt(t, top)))
	h, l := b.twoProd(t, t)
	v, vlo := b.twoSum(b.K(1), h)
	s, slo := b.sqrtSum(v, b.Add(vlo, l))
	f, e := b.fastTwoSum(t, b.Sub(s, b.K(1)))
	flo := b.Add(e, slo)
	f = b.Select(rare, b.Mul(t, b.K(0.5)), f)
	flo = b.Select(rare, b.K(0), flo)
	y := b.log1pCore(f, flo, b.Select(rare, b.K(2), b.K(0)))
	y = b.Select(rare, b.Select(b.Lt(t, b.Inf()), y, t), y)
	return b.Finish(b.orSign(x, y))
}

// buildAcosh is log1p(t + √(2t + t²)) of t = x − 1 in two parts.
func buildAcosh(b *Builder) *Func {
	x := b.Arg(0)
	top := b.K2(1<<55, 1<<26)
	rare := b.Rare(b.MaskNot(b.Within(x, b.BitsOf(1)+1, b.f.Nodes[top].Imm-1)))
	far := b.MaskAnd(rare, b.Le(top, x))
	t := b.Sub(x, b.K(1))
	h, l := b.twoProd(t, t)
	v, vlo := b.twoSum(b.Add(t, t), h)
	s, slo := b.sqrtSum(v, b.Add(vlo, l))
	f, e := b.fastTwoSum(s, t)
	flo := b.Add(e, slo)
	f = b.Select(far, b.Mul(x, b.K(0.5)), f)
	flo = b.Select(far, b.K(0), flo)
	y := b.log1pCore(f, flo, b.Select(far, b.K(2), b.K(0)))
	special := b.Select(b.Lt(x, b.Inf()), y, x)
	special = b.Select(b.MaskAnd(b.Le(b.K(1), x), b.Le(x, b.K(1))), b.K(0), special)
	special = b.Select(b.Le(b.K(1), x), special, b.NaN())
	return b.Finish(b.Select(rare, special, y))
}

// buildAtanh is ½·log((1+t)/(1−t)) of t = |x|. With the whole number k nearest to the
// logarithm to base 2 of the quotient (estimated from the bits), K = 2^k, the reduced
// argument of atanh is ((1+K)·t + (1−K))/((1−K)·t + (1+K)): t itself for k = 0.
func buildAtanh(b *Builder) *Func {
	x := b.Arg(0)
	t := b.Abs(x)
	_, bias, mantissa := b.formatBits()
	n := b.mantissaBits()
	// From 1 − 2^−20 on, 1 ± K no longer fit the format, but 1 ± t do well enough.
	rare := b.Rare(b.MaskNot(b.Le(t, b.K2(1-1./(1<<20), 1-1./(1<<10)))))
	ts := b.Select(b.MaskAnd(rare, b.MaskNot(b.Lt(t, b.K(1)))), b.K(0), t)
	d := b.ISub(b.Add(b.K(1), ts), b.Sub(b.K(1), ts))
	d = b.IAdd(d, b.Bits(bias<<n+1<<(n-1)))
	k := b.exponentField(d)
	scale := b.And(d, b.Bits(^mantissa))
	plus, minus := b.Add(b.K(1), scale), b.Sub(b.K(1), scale)
	above, below := b.Add(b.K(1), ts), b.Sub(b.K(1), ts)
	num := b.Select(rare, b.FNMA(scale, below, above), b.FMA(plus, ts, minus))
	den := b.Select(rare, b.FMA(scale, below, above), b.FMA(minus, ts, plus))
	s := b.Div(num, den)
	z := b.Mul(s, s)
	tail := b.Mul(b.Mul(s, z), b.Poly(z, b.Coefficients(atanhA64, atanhA32)))
	hi, lo := b.ln2()
	h := b.Mul(k, b.K(0.5))
	y := b.FMA(h, hi, b.Add(s, b.FMA(h, lo, tail)))
	special := b.Select(b.Eq(t, b.K(1)), b.Inf(), b.Select(b.Lt(t, b.K(1)), y, b.NaN()))
	return b.Finish(b.orSign(x, b.Select(rare, special, y)))
}

func init() {
	register(micro.Log, 1, buildLog)
	register(micro.Log2, 1, func(b *Builder) *Func {
		return buildLogBase(b, new(big.Float).SetPrec(300).Quo(big.NewFloat(1), bigLn(2)), nil)
	})
	register(micro.Log10, 1, func(b *Builder) *Func {
		inv := new(big.Float).SetPrec(300).Quo(big.NewFloat(1), bigLn(10))
		return buildLogBase(b, inv, new(big.Float).SetPrec(300).Mul(inv, bigLn(2)))
	})
	register(micro.Log1p, 1, buildLog1p)
	register(micro.Asinh, 1, buildAsinh)
	register(micro.Acosh, 1, buildAcosh)
	register(micro.Atanh, 1, buildAtanh)
}
