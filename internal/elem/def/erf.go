package def

import "github.com/adjoint-go/adjoint/internal/micro"

// erfSmall is erf a for 0 ≤ a ≤ 1.
func (b *Builder) erfSmall(a Ref) Ref {
	z := b.Mul(a, a)
	return b.FMA(a, b.Poly(z, b.Coefficients(erfE64, erfE32)), a)
}

// buildErf is a polynomial below 1, else 1 − exp(−L(|x|)) with the logarithm of erfc as L.
func buildErf(b *Builder) *Func {
	x := b.Arg(0)
	a := b.Abs(x)
	t := b.Sub(b.Min(b.K2(6, 4), a), b.K(1))
	l := b.Poly(t, b.Coefficients(erfL64, erfL32))
	k, r := b.reduceLn2(b.Neg(l))
	q := b.Poly(r, b.Coefficients(expQ64, expQ32))
	// k ≥ −55, so 2^k is normal.
	s := b.pow2(k, 0)
	e := b.FMA(s, b.FMA(b.Mul(r, r), q, r), s)
	y := b.Select(b.Lt(a, b.K(1)), b.erfSmall(a), b.Sub(b.K(1), e))
	return b.Finish(b.orSign(x, y))
}

// buildErfc is exp(−a²)·g(t)/(1+2a), a = |x|, t = (a−K)/(a+K) (after Shepherd and Laframboise,
// "Chebyshev approximation of (1+2x)exp(x²)erfc x", 1981), and 2 minus that for negative x.
// The rounding errors of a², of the product and of 1+2a are carried along.
func buildErfc(b *Builder) *Func {
	x := b.Arg(0)
	a := b.Min(b.K2(27.4, 10.2), b.Abs(x))
	K := b.K2(4, 2)
	t := b.Div(b.Sub(a, K), b.Add(a, K))
	c := b.Coefficients(erfcG64, erfcG32)
	g, glo := b.fastTwoSum(c[0], b.Mul(t, b.Poly(t, c[1:])))

	h, hlo := b.twoProd(a, a)
	hi, lo := b.ln2()
	k := b.RoundEven(b.Mul(h, b.K(-1.4426950408889634)))
	r := b.FNMA(k, hi, b.Neg(h))
	r2 := b.FNMA(k, lo, r)
	rlo := b.Sub(b.FNMA(k, lo, b.Sub(r, r2)), hlo)
	w := b.Mul(b.Mul(r2, r2), b.Poly(r2, b.Coefficients(expQ64, expQ32)))
	w = b.Add(w, b.FMA(rlo, b.Add(r2, w), rlo))
	e, elo := b.fastTwoSum(b.K(1), r2)
	e, elo2 := b.fastTwoSum(e, w)
	elo = b.Add(elo, elo2)

	p, plo := b.twoProd(e, g)
	plo = b.FMA(e, glo, b.FMA(elo, g, plo))
	a2 := b.Add(a, a)
	d, dlo := b.twoSum(b.K(1), a2)
	inv := b.Div(b.K(1), d)
	q := b.Mul(p, inv)
	q = b.FMA(b.Add(b.FNMA(q, d, p), b.FNMA(q, dlo, plo)), inv, q)
	// Near 0, g is steep in t; erf is small there.
	y := b.Select(b.Lt(a, b.K(0.5)), b.Sub(b.K(1), b.erfSmall(a)), b.Scale(q, k))
	return b.Finish(b.Select(b.Lt(x, b.K(0)), b.Sub(b.K(2), y), y))
}

func init() {
	register(micro.Erf, 1, buildErf)
	register(micro.Erfc, 1, buildErfc)
}
