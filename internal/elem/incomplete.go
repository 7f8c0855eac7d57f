package elem

import "math"

// The regularised incomplete gamma and beta functions, P(a, x) and I_x(a, b), with their derivatives in all arguments.
//
// Below the mean the lower tail is summed, above it the upper one. A small parameter of the tail is raised step by step by
// P(a, x) = P(a+1, x) + x^a·e^(−x)/Γ(a+1) (DLMF 8.8.5) and I_x(a, b) = I_x(a+1, b) + x^a·(1−x)^b/(a·B(a, b)) (8.17.20): where
// that converges it is the power series. What is left is the integral of a density that, over log t or log t/(1−t), is smooth
// and log-concave for every parameter: Gauss–Legendre quadrature of fixed order from x out to where the density has fallen
// by e^(−tailDrop). So the cost is bounded, and no digit is lost at any size: densities are written by Stirling errors and deviances
// (C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000), differences near the mode in compensated arithmetic.

// stirlingError is log Γ(a+1) − (a+½)·log a + a − ½·log 2π for a ≥ 10 (DLMF 5.11.1).
func stirlingError(a float64) float64 {
	z := 1 / (a * a)
	return alternating(z, stirlingSeries[:]) / a
}

var stirlingSeries = [...]float64{1. / 12, 1. / 360, 1. / 1260, 1. / 1680, 1. / 1188, 691. / 360360, 1. / 156}

// alternating is c₀ − z·(c₁ − z·(c₂ − …)).
func alternating(z float64, c []float64) float64 {
	s := 0.0
	for i := len(c) - 1; i >= 0; i-- {
		s = c[i] - float64(z*s)
	}
	return s
}

// lessLog1p is z − log(1+z) without cancellation.
func lessLog1p(z float64) float64 {
	if !(math.Abs(z) <= 0.5) {
		return z - log1p64(z)
	}
	// By v = z/(2+z): log(1+z) = 2·atanh(v) and z − 2v = z·v.
	v := z / (2 + z)
	square, s, p := v*v, 0.0, 1.0
	for _, c := range inverseOdds {
		p *= square
		s += float64(c * p)
		if p < 1e-18 {
			break
		}
	}
	return float64(z*v) - float64(2*v*s)
}

// expm1Less is e^z − 1 − z without cancellation.
func expm1Less(z float64) float64 {
	if math.Abs(z) > 0.5 {
		return expm1x64(z) - z
	}
	s := 0.0
	for k := len(inverseFactorials) - 1; k >= 2; k-- {
		s = float64(s*z) + inverseFactorials[k]
	}
	return s * z * z
}

// deviance is a·log(a/p) + p − a, given gap = a − p, which may be known better than p.
func deviance(a, p, gap float64) float64 {
	if math.Abs(gap) <= a/2 {
		return a * lessLog1p(-gap/a)
	}
	return float64(-a*logQuotient(a, p, gap)) - gap
}

// logQuotient is log(p/a), given gap = a − p.
func logQuotient(a, p, gap float64) float64 {
	if math.Abs(gap) <= a/2 {
		return log1p64(-gap / a)
	}
	if q := p / a; q > 1e-300 && q < 1e300 {
		return log64(q)
	}
	return log64(p) - log64(a)
}

// gammaFactor is x^a·e^(−x)/Γ(a+1), given gap = a − x.
func gammaFactor(a, x, gap float64) float64 {
	switch {
	case a >= 10:
		return exp64(-deviance(a, x, gap)-stirlingError(a)) / (math.Sqrt(2*math.Pi) * math.Sqrt(a))
	case x > 700:
		return exp64(float64(a*log64(x))-x) / gamma(a+1)
	}
	return pow64(x, a) * exp64(-x) / gamma(a+1)
}

// betaFactor is x^a·y^b/(a·B(a, b)), y = 1−x, n = a+b, gap = a − n·x.
func betaFactor(a, b, n, x, y, gap float64) float64 {
	switch {
	case b >= 10:
		return gammaFactor(a, n*x, gap) * exp64(stirlingError(n)-stirlingError(b)-deviance(b, n*y, -gap)) * math.Sqrt(b/n)
	case a >= 10:
		return betaFactor(b, a, n, y, x, -gap) * (b / a)
	}
	return pow64(x, a) * pow64(y, b) * gamma(n+1) / (gamma(a+1) * gamma(b+1)) * (b / n)
}

// meanGap returns n = a+b and a − n·x, the latter with an error far below a rounding of a.
func meanGap(a, b, x float64) (n, gap float64) {
	n = a + b
	t := n - a
	low := (a - (n - t)) + (b - t)
	p := float64(n * x)
	return n, (a - p) - math.FMA(n, x, -p) - float64(low*x)
}

// logLessDigamma is log x − ψ(x).
func logLessDigamma(x float64) float64 {
	if x < 10 {
		return log64(x) - digamma(x)
	}
	z := 1 / (x * x)
	return 0.5/x + float64(z*alternating(z, digammaSeries[:]))
}

// logBetaSlope is the derivative of order k+1 by a of log x^a·Γ(n+1)/Γ(a+1), n = a+b, given p = n·x and gap = a − p.
func logBetaSlope(k int, a, b, n, x, p, gap float64) float64 {
	if a < 30 {
		switch {
		case k > 0:
			return polygamma(float64(k), n+1) - polygamma(float64(k), a+1)
		case n < 10:
			return log64(x) + digamma(n+1) - digamma(a+1)
		}
		return log64(p) - logLessDigamma(n) + 1/n - digamma(a+1)
	}
	// The difference of the terms of the asymptotic series for ψ⁽ᵏ⁾(z+1) (DLMF 5.11.2 and its derivatives), which stays exact where b is small.
	l := log1p64(b / a)
	power := func(m int) float64 { return pow64(a, -float64(m)) * expm1x64(-float64(m)*l) }
	factorial := gamma(float64(k + 1)) // of k
	s := float64(-factorial / 2 * power(k+1))
	if k > 0 {
		s += float64(factorial / float64(k) * power(k))
	}
	c := factorial * float64(k+1) / 2 // (2j+k−1)!/(2j)!
	for j, b := range [...]float64{1. / 6, -1. / 30, 1. / 42, -1. / 30, 5. / 66, -691. / 2730, 7. / 6, -3617. / 510} {
		m := 2*j + 2
		s += float64(b * c * power(m+k))
		c *= float64((m+k)*(m+k+1)) / float64((m+1)*(m+2))
	}
	s = float64(s * -alternate(k))
	if k == 0 {
		s += logQuotient(a, p, gap)
	}
	return s
}

// alternate is (−1)ᵏ.
func alternate(k int) float64 { return 1 - 2*float64(k&1) }

const (
	raiseTo    = 40 // parameters below are raised to it
	tailDrop   = 44 // the quadrature ends at e^(−tailDrop) of the density at its begin
	tailPoints = 20 // of the rule on one of two panels
)

// inverseOdds are 1/3, 1/5, ….
var inverseOdds = func() (c [18]float64) {
	for k := range c {
		c[k] = 1 / float64(2*k+3)
	}
	return c
}()

var inverseFactorials, tailNodes, tailWeights = func() (f [18]float64, x, w [tailPoints]float64) {
	f[0] = 1
	for k := 1; k < len(f); k++ {
		f[k] = f[k-1] / float64(k)
	}
	// Nodes and weights on [0, 1]: Newton's method on the Legendre polynomial.
	for i := range x {
		z := cos64(math.Pi * (float64(i) + 0.75) / (tailPoints + 0.5))
		var slope float64
		for range 8 {
			p, before := 1.0, 0.0
			for k := range tailPoints {
				p, before = (float64(float64(2*k+1)*z*p)-float64(float64(k)*before))/float64(k+1), p
			}
			slope = tailPoints * (float64(z*p) - before) / (float64(z*z) - 1)
			z -= p / slope
		}
		x[i], w[i] = (1-z)/2, 1/((1-float64(z*z))*slope*slope)
	}
	return f, x, w
}()

// A tail is the integral of e^(−drop(σ)) over σ from 0 to ±∞ (direction), where drop(σ) = scale·g(σ) − gap·σ is the fall of a log
// density at σ = log(t/x) for gamma, g = e^σ − 1 − σ; at σ = log t/(1−t) less its value at x ≤ ½ for beta, g = log(1 + x(e^σ−1)) − xσ.
type tail struct {
	gap, scale, x, direction float64
	beta                     bool
}

// drop returns the fall at σ, its derivative and, for beta, log (1−x)/(1−t).
func (t *tail) drop(sigma float64) (fall, slope, c float64) {
	g := expm1Less(sigma)
	slope = g + sigma
	if t.beta {
		w := float64(t.x * slope)
		l := lessLog1p(w)
		c = w - l
		g = float64(t.x*g) - l
		slope *= t.x * (1 - t.x) / (1 + w)
	}
	return float64(t.scale*g) - float64(t.gap*sigma), float64(t.scale*slope) - t.gap, c
}

// length returns the length over which the density falls by e^(−tailDrop) or little more: from the parabola at 0, Newton steps on a convex function.
func (t *tail) length() float64 {
	curvature := t.scale
	if t.beta {
		curvature *= t.x * (1 - t.x)
	}
	s := 2 * tailDrop / (math.Abs(t.gap) + hypot64(t.gap, math.Sqrt(2*tailDrop)*math.Sqrt(curvature)))
	for range 16 {
		fall, slope, _ := t.drop(t.direction * s)
		if fall >= tailDrop && fall < 1.2*tailDrop {
			break
		}
		s += (1.05*tailDrop - fall) / math.Abs(slope)
	}
	return s
}

// tailMoments returns the integrals of e^(−drop)·uⁱ/i!·vʲ/j!, u = log t/x, v = log (1−t)/(1−x) for beta, as a jet. If mirrored
// the tail's t and x are 1−t and 1−x here.
func (r *JetRing) tailMoments(t *tail, mirrored bool) (m jet) {
	half := t.length() / 2
	for panel := range 2 {
		for i, node := range tailNodes {
			sigma := float64(t.direction * half * (float64(panel) + node))
			fall, _, c := t.drop(sigma)
			e := float64(tailWeights[i] * exp64(-fall))
			u, v := sigma-c, -c
			if mirrored {
				u, v = v, u
			}
			for i := 0; i <= r.p; i++ {
				for j, q := 0, e; j <= r.q; j++ {
					m[i*jetWidth+j] += q
					q = float64(q * (v / float64(j+1)))
				}
				e = float64(e * (u / float64(i+1)))
			}
		}
	}
	r.scale(&m, half)
	return m
}

// IGamma is the derivative of P(a, x) by a of order r.p and by x of order m.
func (r *JetRing) IGamma(a, x float64, m int) float64 {
	value := r.p == 0 && m == 0
	switch {
	case !(a >= 0) || !(x >= 0) || math.IsInf(a, 1) && math.IsInf(x, 1) || a == 0 && (r.p > 0 || x == 0 && m == 0):
		return math.NaN()
	case m > 0 && x == 0 && !math.IsInf(a, 1):
		return r.gammaAtZero(a, m-1)
	case value && x > 0 && (a == 0 || math.IsInf(x, 1)):
		return 1
	case x == 0 || a == 0 || math.IsInf(a, 1) || math.IsInf(x, 1):
		return 0
	}
	upper := x >= a && (x >= a+1 || a >= raiseTo)
	f := r.of(gammaFactor(a, x, a-x), 0, 0)
	if f[0] == 0 {
		if value && upper {
			return 1
		}
		return 0
	}
	if r.p > 0 {
		l := r.of(0, log64(x)-digamma(a+1), 0)
		if a >= 10 {
			l[jetWidth] = logQuotient(a, x, a-x) + logLessDigamma(a) - 1/a
		}
		for k := 2; k <= r.p; k++ {
			l[k*jetWidth] = -polygamma(float64(k-1), a+1) / gamma(float64(k+1))
		}
		r.timesExp(&f, &l)
	}
	switch {
	case m > 0:
		first := r.of(a, 1, 0)
		r.mul(&f, &f, &first)
		p, unit := r.gammaDensityRatio(a, x, m-1)
		r.mul(&f, &f, &p)
		return divide(r.derivative(&f)/x, unit, m-1)
	case upper:
		sum := r.upperTail(a, x, &f)
		if value {
			return max(0, 1-sum[0])
		}
		return -r.derivative(&sum)
	}
	sum, a, done := r.raise(a, -1, x, &f)
	if !done {
		rest := r.tailMoments(&tail{gap: a - x, scale: x, direction: -1}, false)
		r.addTail(&sum, a, &f, &rest)
	}
	return r.derivative(&sum)
}

// upperTail is Q(a, x) by the upper tail, f the density's factor.
func (r *JetRing) upperTail(a, x float64, f *jet) (sum jet) {
	rest := r.tailMoments(&tail{gap: a - x, scale: x, direction: 1}, false)
	r.addTail(&sum, a, f, &rest)
	return sum
}

// iGammaUpper is Q(a, x) = 1 − P(a, x) without cancellation.
func iGammaUpper(a, x float64) float64 {
	switch {
	case !(a > 0 && x > 0) || math.IsInf(a, 1) || math.IsInf(x, 1):
		return 1 - iGamma(a, x)
	case x >= a && (x >= a+1 || a >= raiseTo):
		f := values.of(gammaFactor(a, x, a-x), 0, 0)
		if f[0] == 0 {
			return 0
		}
		return values.upperTail(a, x, &f)[0]
	case a >= 1:
		return 1 - iGamma(a, x)
	}
	// 1 − x^a/Γ(a+1)·(1 + a·Σ (−x)ᵏ/(k!·(a+k))) (DLMF 8.7.1), each part of order a
	logGamma := lgamma(1 + a)
	if a < 0.5 {
		logGamma = lgammaNear2(a) - log1p64(a)
	}
	l := float64(a*log64(x)) - logGamma
	sum, term := 0.0, 1.0
	for k := 1.0; math.Abs(term) > 1e-18*math.Abs(sum); k++ {
		term *= -x / k
		sum += term / (a + k)
	}
	return -expm1x64(l) - float64(exp64(l)*a*sum)
}

// raise adds f, the first term of the recurrence that raises a, and those after it until they no longer count or a is large; the next term is
// x/(a+1) times that before, for beta x·(a+b)/(a+1), for gamma b < 0. It returns the sum, a and whether that is all.
func (r *JetRing) raise(a, b, x float64, f *jet) (sum jet, raised float64, done bool) {
	for ; a < raiseTo; a++ {
		r.add(&sum, &sum, f)
		next := x / (a + 1)
		if b >= 0 {
			next *= a + b
		}
		if r.p+r.q == 0 {
			f[0] *= next
		} else {
			over, under := r.of(1, 0, 0), r.of(1, 1/(a+1), 0)
			if b >= 0 {
				over = r.of(1, 1/(a+b), 1/(a+b))
			}
			r.mul(f, f, &over)
			r.div(f, f, &under)
			r.scale(f, next)
		}
		if r.small(f, &sum) {
			return sum, a, true
		}
	}
	return sum, a, false
}

// addTail adds the rest of the integral: the density f·(a+ε) at its begin times the tail's moments.
func (r *JetRing) addTail(sum *jet, a float64, f, moments *jet) {
	first := r.of(a, 1, 0)
	r.mul(&first, &first, f)
	r.mul(&first, &first, moments)
	r.add(sum, sum, &first)
}

// BetaInc is the derivative of I_x(a, b) of orders r.p by a, r.q by b and m by x.
func (r *JetRing) BetaInc(a, b, x float64, m int) float64 {
	value := r.p+r.q+m == 0
	switch {
	case !(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1) || math.IsInf(a, 1) || math.IsInf(b, 1):
		return math.NaN()
	case x == 0 && m > 0:
		return r.betaAtZero(a, b, m-1)
	case x == 1 && m > 0:
		return alternate(m-1) * r.swapped.betaAtZero(b, a, m-1)
	case x == 0 || x == 1:
		if value {
			return x + 0 // not −0
		}
		return 0
	}
	y := 1 - x
	n, gap := meanGap(a, b, x)
	upper := x > (a+1)/(n+2)
	if math.IsInf(n, 1) { // a step
		switch gap = float64(a/2) - float64((float64(a/2)+float64(b/2))*x); {
		case gap == 0:
			return map[bool]float64{true: 0.5, false: math.NaN()}[value]
		case value && gap < 0:
			return 1
		}
		return 0
	}
	if m > 0 {
		f := r.betaFactorJet(a, b, n, x, y, gap)
		first := r.of(a, 1, 0)
		if f[0] == 0 {
			return 0
		}
		r.mul(&f, &f, &first)
		p, unit := r.betaDensityRatio(a, b, n, x, y, gap, m-1)
		r.mul(&f, &f, &p)
		return divide(r.derivative(&f)/x/y, unit, m-1)
	}
	if upper {
		v := -r.swapped.betaLower(b, a, n, y, x, -gap)
		if value {
			return max(0, 1+v)
		}
		return v
	}
	v := r.betaLower(a, b, n, x, y, gap)
	if value {
		v = min(v, 1)
	}
	return v
}

// betaFactorJet is betaFactor in powers of ε and δ.
func (r *JetRing) betaFactorJet(a, b, n, x, y, gap float64) jet {
	f := r.of(betaFactor(a, b, n, x, y, gap), 0, 0)
	if f[0] == 0 || r.p+r.q == 0 {
		return f
	}
	var l jet
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			k := i + j - 1
			var v float64
			switch {
			case k < 0:
				continue
			case j == 0:
				v = logBetaSlope(k, a, b, n, x, n*x, gap)
			case i == 0:
				v = logBetaSlope(k, b, a, n, y, n*y, -gap)
			default:
				v = polygamma(float64(k), n+1)
			}
			l[i*jetWidth+j] = v / (gamma(float64(i+1)) * gamma(float64(j+1)))
		}
	}
	r.timesExp(&f, &l)
	// Γ(b+1) and Γ(n+1) are b·Γ(b) and n·Γ(n).
	second, both := r.of(b, 0, 1), r.of(n, 1, 1)
	r.mul(&f, &f, &second)
	r.div(&f, &f, &both)
	r.scale(&f, n/b)
	return f
}

// betaLower is BetaInc for m = 0 by the lower tail.
func (r *JetRing) betaLower(a, b, n, x, y, gap float64) float64 {
	f := r.betaFactorJet(a, b, n, x, y, gap)
	if f[0] == 0 {
		return 0
	}
	sum, a, done := r.raise(a, b, x, &f)
	if done {
		return r.derivative(&sum)
	}
	t := tail{x: x, direction: -1, beta: true}
	if x > 0.5 { // y is exact
		t.x, t.direction = y, 1
		t.scale, t.gap = meanGap(b, a, y)
	} else {
		t.scale, t.gap = meanGap(a, b, x)
	}
	rest := r.tailMoments(&t, x > 0.5)
	r.addTail(&sum, a, &f, &rest)
	return r.derivative(&sum)
}

// gammaDensityRatio is the derivative of order m by x of x^(a−1)·e^(−x), over that and times a power m of unit: by Leibniz' rule where x is
// small, else by the recurrence from x·D′ = (a−1−x)·D, which keeps its digits near the mode.
func (r *JetRing) gammaDensityRatio(a, x float64, m int) (p jet, unit float64) {
	if x < float64(max(1, m)) {
		return r.leibniz(a-1, m, func(j int) jet { return r.of(pow64(-x, float64(m-j)), 0, 0) }), x
	}
	before, p := r.of(0, 0, 0), r.of(1, 0, 0)
	for k := range m {
		s := float64(k)
		before, p = p, r.recur(&before, &p, r.of(a-x-1-s, 1, 0), r.of(-s, 0, 0), x)
	}
	return p, 1
}

// betaDensityRatio is the derivative of order m by x of x^(a−1)·(1−x)^(b−1), over that and times a power m of unit, in the same ways.
func (r *JetRing) betaDensityRatio(a, b, n, x, y, gap float64, m int) (p jet, unit float64) {
	if n*min(x, y) < float64(max(1, m)) {
		unit, u, v := x, 1.0, -x/y
		if y < x {
			unit, u, v = -y, -y/x, 1
		}
		return r.leibniz(a-1, m, func(j int) jet {
			g := r.falling(b-1, m-j, false)
			r.scale(&g, pow64(u, float64(j))*pow64(v, float64(m-j)))
			return g
		}), unit
	}
	before, p := r.of(0, 0, 0), r.of(1, 0, 0)
	for k := range m {
		s := float64(k)
		before, p = p, r.recur(&before, &p, r.of(gap-float64((s+1)*(y-x)), y, -x), r.of(-s*(n-1-s), -s, -s), x*y)
	}
	return p, 1
}

// divide returns v/unitᵐ, step by step, so that only the result overflows.
func divide(v, unit float64, m int) float64 {
	for range m {
		v /= unit
	}
	return v
}

// recur returns (now·p + then·before)/scale.
func (r *JetRing) recur(before, p *jet, now, then jet, scale float64) jet {
	r.mul(&now, &now, p)
	r.mul(&then, &then, before)
	r.add(&now, &now, &then)
	r.scale(&now, 1/scale)
	return now
}

// falling is the falling factorial z(z−1)…(z−j+1) in powers of ε (first) or δ.
func (r *JetRing) falling(z float64, j int, first bool) jet {
	f := r.of(1, 0, 0)
	for k := range j {
		t := r.of(z-float64(k), 0, 1)
		if first {
			t = r.of(z-float64(k), 1, 0)
		}
		r.mul(&f, &f, &t)
	}
	return f
}

// leibniz is Σ_j C(m, j)·α(α−1)…(α−j+1)·rest(j), the derivative of order m of x^α times another factor.
func (r *JetRing) leibniz(alpha float64, m int, rest func(j int) jet) (sum jet) {
	choose := 1.0
	for j := 0; j <= m; j++ {
		f, t := r.falling(alpha, j, true), rest(j)
		r.mul(&f, &f, &t)
		r.scale(&f, choose)
		r.add(&sum, &sum, &f)
		choose *= float64(m-j) / float64(j+1)
	}
	return sum
}

// gammaAtZero is the limit for x → 0 of the derivative of order m by x of x^(a−1)·e^(−x)/Γ(a).
func (r *JetRing) gammaAtZero(a float64, m int) float64 {
	f := r.of(a, 1, 0)
	var l jet
	for k := 1; k <= r.p; k++ {
		l[k*jetWidth] = -polygamma(float64(k-1), a+1) / gamma(float64(k+1))
	}
	r.timesExp(&f, &l)
	r.scale(&f, 1/gamma(a+1))
	return r.atZero(a-1, m, func(j int) jet {
		t := f
		r.scale(&t, alternate(m-j))
		return t
	})
}

// betaAtZero is the limit for x → 0 of the derivative of order m by x of x^(a−1)·(1−x)^(b−1)/B(a, b).
func (r *JetRing) betaAtZero(a, b float64, m int) float64 {
	if a-1 > float64(m) {
		return 0
	}
	// x^a·(1−x)^b/(a·B(a, b)) at some x, less what belongs to x
	x := min(0.5, 1/(a+b))
	n, gap := meanGap(a, b, x)
	f := r.betaFactorJet(a, b, n, x, 1-x, gap)
	lx, ly := -log64(x), -log1p64(-x)
	first, l := r.of(a, 1, 0), r.of(0, lx, ly)
	r.mul(&f, &f, &first)
	r.timesExp(&f, &l)
	r.scale(&f, exp64(float64(a*lx)+float64(b*ly)))
	return r.atZero(a-1, m, func(j int) jet {
		t := r.falling(b-1, m-j, false)
		r.mul(&t, &t, &f)
		r.scale(&t, alternate(m-j))
		return t
	})
}

// atZero is the limit for x → 0 of Σ_j C(m, j)·α(α−1)…(α−j+1)·x^(α−j)·rest(j): where a power is negative, or comes with a logarithm, and its
// coefficient is not 0, it is infinite.
func (r *JetRing) atZero(alpha float64, m int, rest func(j int) jet) float64 {
	sum := 0.0
	for j := m; j >= 0 && alpha <= float64(j); j-- {
		f, t := r.falling(alpha, j, true), rest(j)
		r.mul(&f, &f, &t)
		for i := 0; i <= r.p; i++ {
			c := f[i*jetWidth+r.q]
			switch {
			case c == 0:
			case i < r.p || alpha < float64(j):
				return math.Copysign(math.Inf(1), c*alternate(r.p-i))
			default:
				sum += c * gamma(float64(m+1)) / (gamma(float64(j+1)) * gamma(float64(m-j+1)))
			}
		}
	}
	return sum * gamma(float64(r.p+1)) * gamma(float64(r.q+1))
}

// values is the ring of plain numbers.
var values = NewJetRing(0, 0)

func iGamma(a, x float64) float64     { return values.IGamma(a, x, 0) }
func betaInc(a, b, x float64) float64 { return values.BetaInc(a, b, x, 0) }
