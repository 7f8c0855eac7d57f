package elem

import "math"

// Special functions without a vector form. Accuracy is about 1e-14 relative for
// moderate arguments, except near zeros of the function unless stated.

// digamma is ψ(x) = d/dx log Γ(x): Taylor series about the positive root, else the
// recurrence up to 10 and the asymptotic series (DLMF 5.5.2, 5.11.2), and the reflection 5.5.4
// for negative arguments. ±0 gives ∓Inf, negative whole numbers and −Inf give NaN.
func digamma(x float64) float64 {
	switch {
	case x != x || math.IsInf(x, 1):
		return x
	case x == 0:
		return math.Copysign(math.Inf(1), -x)
	case math.IsInf(x, -1) || x < 0 && x == math.Trunc(x):
		return math.NaN()
	case x < 0:
		// x and its distance to the nearest whole number have the same cotangent.
		d := x - math.RoundToEven(x)
		return digamma(1-x) - math.Pi/tan64(math.Pi*d)
	}
	if d := (x - digammaRootHi) - digammaRootLo; math.Abs(d) < 0.25 {
		r := 0.0
		for i := len(digammaRootTaylor) - 1; i >= 0; i-- {
			r = float64(r*d) + digammaRootTaylor[i]
		}
		return r * d
	}
	shift := 0.0
	for ; x < 10; x++ {
		shift += 1 / x
	}
	z := 1 / (x * x)
	s := z * alternating(z, digammaSeries[:])
	return log64(x) - 0.5/x - float64(s) - shift
}

// digammaSeries are |B_2k|/(2k).
var digammaSeries = [...]float64{1. / 12, 1. / 120, 1. / 252, 1. / 240, 1. / 132, 691. / 32760, 1. / 12}

// polygamma is ψ⁽ⁿ⁾(x) = (−1)^(n+1)·n!·ζ(n+1, x) for n ≥ 1, ψ for n = 0; NaN for
// other n. The Hurwitz zeta function comes from the recurrence and the
// Euler–Maclaurin formula (DLMF 25.11.5). Poles (x = 0, −1, …) give +Inf for odd n, else NaN.
func polygamma(n, x float64) float64 {
	switch {
	case n == 0:
		return digamma(x)
	case !(n > 0) || n != math.Trunc(n) || x != x || math.IsInf(n, 0) || math.IsInf(x, -1):
		return math.NaN()
	case math.IsInf(x, 1):
		return 0
	}
	sign := 1.0
	odd := math.Mod(n, 2) == 1
	if !odd {
		sign = -1
	}
	if x <= 0 && x == math.Trunc(x) {
		if odd {
			return math.Inf(1)
		}
		return math.NaN()
	}
	if n > 1e6 {
		return math.NaN() // n! has no digits left
	}
	// Everything is scaled by a power s of lead, and n! joins in the logarithm where either is out of range.
	s := n + 1
	unscale := func(v, lead float64) float64 { // v·n!/leadˢ
		if p := pow64(lead, s); n <= 20 && p > 0x1p-1022 && p <= math.MaxFloat64 {
			return sign * (v * gamma(s)) / p
		}
		return sign * math.Copysign(exp64(log64(math.Abs(v))+lgamma(s)-float64(s*log64(lead))), v)
	}
	if x > 0 {
		return unscale(hurwitz(s, x, x), x)
	}
	v, f := hurwitzNegative(s, x)
	return unscale(v, f)
}

// hurwitzNegative is v = ζ(s, x)·fˢ for whole s ≥ 2 and x < 0 that is not whole, f its distance to the nearest whole number: the sum of (x+k)^(−s) over all whole k, which depends on
// that distance only, less that over k < 0.
func hurwitzNegative(s, x float64) (v, f float64) {
	d := x - math.RoundToEven(x)
	f = math.Abs(d)
	mirrored := 1.0 // (−1)^s
	if math.Mod(s, 2) == 1 {
		mirrored = -1
	}
	v = 1 + float64(mirrored*hurwitz(s, 1-f, f)) + hurwitz(s, 1+f, f)
	if d < 0 {
		v *= mirrored
	}
	return v - float64(mirrored*hurwitz(s, 1-x, f)), f
}

// zeta is the Hurwitz zeta function Σ (x+k)^(−s) over k ≥ 0: +Inf at s = 1 and at the poles x = 0, −1, …; NaN for s < 1, and for other x < 0 unless s is whole.
func zeta(s, x float64) float64 {
	switch {
	case s != s || x != x || s < 1:
		return math.NaN()
	case s == 1:
		return math.Inf(1)
	case math.IsInf(x, 1):
		return 0
	case x <= 0 && x == math.Trunc(x) && !math.IsInf(x, -1):
		return math.Inf(1)
	case x < 0 && (math.IsInf(x, -1) || s != math.Trunc(s) || math.IsInf(s, 1)):
		return math.NaN()
	case math.IsInf(s, 1):
		if x == 1 {
			return 1
		}
		return pow64(x, -s)
	}
	v, lead := 0.0, x
	if x > 0 {
		v = hurwitz(s, x, x)
	} else {
		v, lead = hurwitzNegative(s, x)
	}
	if p := pow64(lead, s); p > 0x1p-1022 && p <= math.MaxFloat64 {
		return v / p
	}
	return math.Copysign(exp64(log64(math.Abs(v))-float64(s*log64(lead))), v)
}

// hurwitz is Σ (scale/(x+k))^s over k ≥ 0, for s > 1 and x > 0, in some thirty terms.
func hurwitz(s, x, scale float64) float64 {
	sum := 0.0
	bound := 12 + float64(s/2)
	for ; x < bound; x++ {
		t := pow64(scale/x, s)
		if t <= 1e-18*sum {
			return sum
		}
		sum += t
	}
	t := pow64(scale/x, s)
	sum += t*x/(s-1) + float64(0.5*t)
	// B_2k/(2k)! · s(s+1)…(s+2k−2) · x^(−s−2k+1)
	c := [...]float64{1. / 12, -1. / 720, 1. / 30240, -1. / 1209600, 1. / 47900160, -691. / 1307674368000,
		1. / 74724249600, -3617. / 10670622842880000, 43867. / 5109094217170944000}
	f := s * t / x
	for k, b := range c {
		term := float64(b * f)
		sum += term
		if math.Abs(term) < 1e-18*math.Abs(sum) {
			break
		}
		j := float64(2 * k)
		f *= (s + j + 1) * (s + j + 2) / (x * x)
	}
	return sum
}

// chebyshev sums c[0]/2 + Σ c[k]·T_k(t) by Clenshaw's recurrence.
func chebyshev(t float64, c []float64) float64 {
	var b1, b2 float64
	for i := len(c) - 1; i > 0; i-- {
		b1, b2 = float64(2*t*b1)-b2+c[i], b1
	}
	return float64(t*b1) - b2 + float64(0.5*c[0])
}

// besselI0e is exp(−|x|)·I₀(x).
func besselI0e(x float64) float64 {
	switch x = math.Abs(x); {
	case x <= 8:
		return chebyshev(float64(x/4)-1, besselI0Small[:])
	case math.IsInf(x, 1):
		return 0
	}
	return chebyshev(16/x-1, besselI0Large[:]) / math.Sqrt(x)
}

// besselI1e is exp(−|x|)·I₁(x).
func besselI1e(x float64) float64 {
	a := math.Abs(x)
	var r float64
	switch {
	case a <= 8:
		return x * chebyshev(float64(a/4)-1, besselI1Small[:])
	case math.IsInf(a, 1):
		r = 0
	default:
		r = chebyshev(16/a-1, besselI1Large[:]) / math.Sqrt(a)
	}
	return math.Copysign(r, x)
}

// besselI0eDerivative is the derivative of order n of exp(−|x|)·I₀(x), NaN unless n is a whole number in [0, MaxBesselOrder]. For x > 0 it is
// (−1)ⁿ/π ∫₀^π (1−cos θ)ⁿ·e^(−x(1−cos θ)) dθ (from DLMF 10.32.1): the trapezoidal rule, which converges geometrically, or far out the
// asymptotic series (10.40.1) of that integral; neither cancels. At the kink 0 it is that of I₀.
func besselI0eDerivative(n, x float64) float64 {
	if !(n >= 0 && n <= MaxBesselOrder) || n != math.Trunc(n) || x != x {
		return math.NaN()
	}
	sign := 1.0
	if x > 0 && math.Mod(n, 2) == 1 {
		sign = -1
	}
	switch x = math.Abs(x); {
	case x == 0 && math.Mod(n, 2) == 1, math.IsInf(x, 1):
		return 0
	case x == 0:
		return gamma(n+1) / (pow64(2, n) * gamma(float64(n/2)+1) * gamma(float64(n/2)+1))
	case x < 30+2*n:
		sum := float64(pow64(2, n) * exp64(-2*x) / 2) // half the end at π, nothing at 0
		if n == 0 {
			sum += 0.5
		}
		for _, v := range besselNodes {
			sum += float64(pow64(v, n) * exp64(-x*v))
		}
		return sign * sum / float64(len(besselNodes)+1)
	}
	// 1/(π√2)·Σ_j (½)_j/(j!·2ʲ)·Γ(n+j+½)/x^(n+j+½)
	term, sum := 1.0, 0.0
	for j := 0.0; term > 1e-17*sum; j++ {
		sum += term
		term *= (j + 0.5) * (n + j + 0.5) / (2 * x * (j + 1))
	}
	return sign * sum * gamma(n+0.5) / (math.Pi * math.Sqrt2) / math.Sqrt(x) / pow64(x, n)
}

// MaxBesselOrder bounds the derivatives of Bessel functions: beyond, the trapezoidal rule would need more points.
const MaxBesselOrder = 30

// besselNodes are 1 − cos θ at θ = kπ/64, k = 1 … 63.
var besselNodes = func() (v [63]float64) {
	for k := range v {
		s := sin64(math.Pi * float64(k+1) / 128)
		v[k] = 2 * s * s
	}
	return v
}()
