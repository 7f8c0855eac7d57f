package kernel

import "math"

// The regularised incomplete gamma and beta functions and their derivatives in the
// parameters: series and continued fractions (DLMF 8.7.1, 8.9.2, 8.17.22) run on dual
// numbers, so value and derivative converge together.

// dual is v + d·ε with ε² = 0.
type dual struct{ v, d float64 }

func (x dual) add(y dual) dual { return dual{x.v + y.v, x.d + y.d} }
func (x dual) mul(y dual) dual { return dual{x.v * y.v, x.v*y.d + x.d*y.v} }
func (x dual) div(y dual) dual {
	q := x.v / y.v
	return dual{q, (x.d - q*y.d) / y.v}
}

// small reports whether x changes neither part of sum.
func (x dual) small(sum dual) bool {
	const eps = 1e-17
	return math.Abs(x.v) <= eps*math.Abs(sum.v) && math.Abs(x.d) <= eps*(math.Abs(sum.d)+math.Abs(sum.v)*1e-3)
}

const maxTerms = 2_000_000

// lentz evaluates b0 + a1/(b1 + a2/(b2 + …)) by the modified Lentz algorithm.
func lentz(b0 dual, term func(k int) (a, b dual)) dual {
	const tiny = 1e-300
	f := b0
	if f.v == 0 {
		f.v = tiny
	}
	c, d := f, dual{}
	for k := 1; k < maxTerms; k++ {
		a, b := term(k)
		d = b.add(a.mul(d))
		if d.v == 0 {
			d.v = tiny
		}
		c = b.add(a.div(c))
		if c.v == 0 {
			c.v = tiny
		}
		d = dual{1, 0}.div(d)
		delta := c.mul(d)
		f = f.mul(delta)
		if math.Abs(delta.v-1) < 3e-16 && math.Abs(delta.d) < 1e-17*(1+math.Abs(f.d/f.v)) {
			break
		}
	}
	return f
}

// stirlingError is log Γ(a+1) − (a+½)·log a + a − ½·log 2π for a ≥ 10 (DLMF 5.11.1).
func stirlingError(a float64) float64 {
	z := 1 / (a * a)
	return (1./12 - z*(1./360-z*(1./1260-z*(1./1680-z*(1./1188-z*(691./360360-z/156)))))) / a
}

// deviance is a·log(a/x) + x − a without cancellation.
func deviance(a, x float64) float64 {
	u := (x - a) / a
	if math.Abs(u) < 0.1 {
		// u − log(1+u) by v = u/(2+u): log(1+u) = 2·atanh(v).
		v := u / (2 + u)
		z, s, p := v*v, 0.0, 1.0
		for k := 3; k < 40; k += 2 {
			p *= z
			t := p / float64(k)
			s += t
			if t < 1e-18*s {
				break
			}
		}
		return a * (u*v - 2*v*s) // u − 2v = u·v
	}
	return x - a - a*math.Log(x/a)
}

// gammaFactor is x^a·e^(−x)/Γ(a+1).
func gammaFactor(a, x float64) float64 {
	if a < 10 {
		return math.Exp(a*math.Log(x)-x) / math.Gamma(a+1)
	}
	return math.Exp(-deviance(a, x)-stirlingError(a)) / math.Sqrt(2*math.Pi*a)
}

// iGammaDual is P(a, x) and ∂P/∂a.
func iGammaDual(a, x float64) dual {
	nan := math.NaN()
	switch {
	case a != a || x != x || a < 0 || x < 0 || math.IsInf(a, 1) && math.IsInf(x, 1):
		return dual{nan, nan}
	case x == 0 && a == 0:
		return dual{nan, nan}
	case x == 0 || math.IsInf(a, 1):
		return dual{0, 0}
	case a == 0 || math.IsInf(x, 1):
		d := 0.0
		if a == 0 {
			d = nan
		}
		return dual{1, d}
	}
	f := gammaFactor(a, x)
	factor := dual{f, f * (math.Log(x/a) + (math.Log(a) - digamma(a+1)))}
	if f == 0 {
		factor.d = 0
	}
	if x < a+1 {
		sum, t := dual{1, 0}, dual{1, 0}
		for k := 1; k < maxTerms; k++ {
			t = t.mul(dual{x, 0}).div(dual{a + float64(k), 1})
			sum = sum.add(t)
			if t.small(sum) {
				break
			}
		}
		return factor.mul(sum)
	}
	if f == 0 {
		return dual{1, 0}
	}
	cf := lentz(dual{x + 1 - a, -1}, func(k int) (dual, dual) {
		n := float64(k)
		return dual{-n * (n - a), n}, dual{x + 2*n + 1 - a, -1}
	})
	q := factor.mul(dual{a, 1}).div(cf)
	return dual{1 - q.v, -q.d}
}

func iGamma(a, x float64) float64      { return iGammaDual(a, x).v }
func iGammaGradA(a, x float64) float64 { return iGammaDual(a, x).d }

// logBeta is log B(a, b).
func logBeta(a, b float64) float64 {
	if a > b {
		a, b = b, a
	}
	if a < 10 {
		if b < 10 {
			return math.Log(math.Gamma(a) / math.Gamma(a+b) * math.Gamma(b))
		}
		// log Γ(b) − log Γ(a+b) by Stirling, without the cancellation of large terms.
		return lgamma(a) + stirlingError(b) - stirlingError(a+b) - (b-0.5)*math.Log1p(a/b) - a*math.Log(a+b) + a
	}
	return 0.5*math.Log(2*math.Pi) + stirlingError(a) + stirlingError(b) - stirlingError(a+b) -
		0.5*math.Log(b) + (a-0.5)*math.Log(a/(a+b)) - b*math.Log1p(a/b)
}

// betaIncDual is I_x(a, b) and its derivative in a (wrtA) or in b.
func betaIncDual(a, b, x float64, wrtA bool) dual {
	nan := math.NaN()
	switch {
	case !(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1) || math.IsInf(a, 1) || math.IsInf(b, 1):
		return dual{nan, nan}
	case x == 0:
		return dual{0, 0}
	case x == 1:
		return dual{1, 0}
	}
	if x > (a+1)/(a+b+2) {
		r := betaIncSide(b, a, 1-x, math.Log1p(-x), math.Log(x), !wrtA)
		return dual{1 - r.v, -r.d}
	}
	return betaIncSide(a, b, x, math.Log(x), math.Log1p(-x), wrtA)
}

// betaIncSide is betaIncDual for x below the mean, given log x and log(1−x).
func betaIncSide(a, b, x, lx, l1x float64, wrtA bool) dual {
	A, B := dual{a, 1}, dual{b, 0}
	dlog := lx - digamma(a) + digamma(a+b) - 1/a
	if !wrtA {
		A, B = dual{a, 0}, dual{b, 1}
		dlog = l1x - digamma(b) + digamma(a+b)
	}
	f := math.Exp(a*lx+b*l1x-logBeta(a, b)) / a
	if f == 0 {
		return dual{0, 0}
	}
	X := dual{x, 0}
	cf := lentz(dual{1, 0}, func(k int) (dual, dual) {
		m := float64(k / 2)
		M := dual{m, 0}
		A2 := A.add(dual{2 * m, 0})
		var n, d dual
		if k%2 == 0 { // m(b−m)x / ((a+2m−1)(a+2m))
			n = M.mul(dual{b - m, B.d}).mul(X)
			d = A2.add(dual{-1, 0}).mul(A2)
		} else { // −(a+m)(a+b+m)x / ((a+2m)(a+2m+1))
			n = A.add(M).mul(A.add(B).add(M)).mul(dual{-x, 0})
			d = A2.mul(A2.add(dual{1, 0}))
		}
		return n.div(d), dual{1, 0}
	})
	return dual{f, f * dlog}.div(cf)
}

func betaInc(a, b, x float64) float64      { return betaIncDual(a, b, x, true).v }
func betaIncGradA(a, b, x float64) float64 { return betaIncDual(a, b, x, true).d }
func betaIncGradB(a, b, x float64) float64 { return betaIncDual(a, b, x, false).d }
