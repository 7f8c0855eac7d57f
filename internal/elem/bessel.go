package elem

import "math"

// MaxBesselIndex bounds the orders n of Bessel functions, whose time grows with n.
const MaxBesselIndex = 1000

// besselIndex returns |n| and (−1)ⁿ for n < 0, else 1; ok if n is a whole number in range.
func besselIndex(n float64) (k int, sign float64, ok bool) {
	if n != math.Trunc(n) || !(math.Abs(n) <= MaxBesselIndex) {
		return 0, 0, false
	}
	if k = int(n); k < 0 {
		return -k, alternate(k), true
	}
	return k, 1, true
}

// besselFar returns the modulus and phase functions of the Hankel expansion (DLMF 10.17.3, 10.17.4) for x ≥ 8: √(2/πx)·(P·cos χ − Q·sin χ) and so on, as
// p = P/√(πx), q = Q/√(πx), and the sum and difference √2·cos(x−π/4), √2·sin(x−π/4).
func besselFar(x float64, cp, cq []float64) (p, q, sum, difference float64) {
	t := float64(128/x/x) - 1
	root := 1 / math.Sqrt(math.Pi) / math.Sqrt(x)
	s, c := sincos64(x)
	return chebyshev(t, cp) * root, chebyshev(t, cq) / x * root, s + c, s - c
}

// besselJ0 is J₀(x), x ≥ 0.
func besselJ0(x float64) float64 {
	if x <= 8 {
		return chebyshev(float64(x*x/32)-1, besselJ0Near[:])
	}
	p, q, sum, difference := besselFar(x, besselP0[:], besselQ0[:])
	return float64(p*sum) - float64(q*difference)
}

// besselJ1 is J₁(x), x ≥ 0.
func besselJ1(x float64) float64 {
	if x <= 8 {
		return x * chebyshev(float64(x*x/32)-1, besselJ1Near[:])
	}
	p, q, sum, difference := besselFar(x, besselP1[:], besselQ1[:])
	return float64(p*difference) + float64(q*sum)
}

// besselY0 is Y₀(x), x > 0.
func besselY0(x float64) float64 {
	if x <= 8 {
		return chebyshev(float64(x*x/32)-1, besselY0Near[:]) + float64(2/math.Pi*log64(x)*besselJ0(x))
	}
	p, q, sum, difference := besselFar(x, besselP0[:], besselQ0[:])
	return float64(p*difference) + float64(q*sum)
}

// besselY1 is Y₁(x), x > 0.
func besselY1(x float64) float64 {
	if x <= 8 {
		return float64(x*chebyshev(float64(x*x/32)-1, besselY1Near[:])) + float64(2/math.Pi*log64(x)*besselJ1(x)) - float64(2/math.Pi/x)
	}
	p, q, sum, difference := besselFar(x, besselP1[:], besselQ1[:])
	return float64(q*difference) - float64(p*sum)
}

// besselJ is Jₙ(x), NaN unless n is a whole number in [−MaxBesselIndex, MaxBesselIndex]: the recurrence (DLMF 10.6.1) upwards for n ≤ x, where it is stable,
// else its continued fraction (10.10.1).
func besselJ(n, x float64) float64 {
	k, sign, ok := besselIndex(n)
	if !ok || x != x {
		return math.NaN()
	}
	if math.Signbit(x) {
		x, sign = -x, sign*alternate(k)
	}
	switch {
	case x == 0 && k == 0:
		return 1
	case x == 0 || math.IsInf(x, 1):
		return sign * 0
	case k == 0:
		return besselJ0(x)
	case k == 1:
		return sign * besselJ1(x)
	}
	j0, j1 := besselJ0(x), besselJ1(x)
	if float64(k) <= x {
		for i := 1; i < k; i++ {
			j0, j1 = j1, float64(2*float64(i)/x*j1)-j0
		}
		return sign * j1
	}
	last := k
	for bound := 1.0; bound > 1e-18; last++ {
		m := float64(last + 1)
		bound *= x / (m + math.Sqrt(float64((m-x)*(m+x))))
	}
	first, value := 2, j1 // from the larger of the two
	if math.Abs(j0) > math.Abs(j1) {
		first, value = 1, j0
	}
	ratio := 0.0
	for i := last; i >= first; i-- { // ratio is Jᵢ/Jᵢ₋₁
		d := float64(2*float64(i)) - float64(x*ratio)
		if d == 0 {
			d = 1e-300
		}
		if ratio = x / d; i <= k {
			value *= ratio
		}
	}
	return sign * value
}

// besselY is Yₙ(x), NaN unless n is a whole number in [−MaxBesselIndex, MaxBesselIndex] and x ≥ 0, by the recurrence upwards, which is stable.
func besselY(n, x float64) float64 {
	k, sign, ok := besselIndex(n)
	switch {
	case !ok || x != x || x < 0:
		return math.NaN()
	case x == 0:
		return sign * math.Inf(-1)
	case math.IsInf(x, 1):
		return 0
	case k == 0:
		return besselY0(x)
	}
	y0, y1 := besselY0(x), besselY1(x)
	for i := 1; i < k && !math.IsInf(y1, 0); i++ {
		y0, y1 = y1, float64(2*float64(i)/x*y1)-y0
	}
	return sign * y1
}

// besselI is Iₙ(x), NaN unless n is a whole number in [−MaxBesselIndex, MaxBesselIndex].
func besselI(n, x float64) float64 {
	k, _, ok := besselIndex(n)
	if !ok || x != x {
		return math.NaN()
	}
	sign := 1.0
	if math.Signbit(x) {
		x, sign = -x, alternate(k)
	}
	switch {
	case math.IsInf(x, 1):
		return sign * x
	case x == 0 && k == 0:
		return 1
	case x == 0:
		return sign * 0
	}
	half := exp64(x / 2)
	return sign * half * besselIScaled(k, x) * half
}

// besselIScaled is e^(−x)·Iₖ(x), x > 0: far out the asymptotic series (DLMF 10.40.1), else the continued fraction of the recurrence (10.33.1), which starts where by
// Amos' bound of the ratios no more counts.
func besselIScaled(k int, x float64) float64 {
	switch order := float64(k); {
	case k == 0:
		return besselI0e(x)
	case k == 1:
		return besselI1e(x)
	case x > float64(order*order)+30:
		term, sum := 1.0, 0.0
		for j := 1.0; math.Abs(term) > 1e-18*math.Abs(sum); j++ {
			sum += term
			odd := float64(2*j) - 1
			term *= (odd - 2*order) * (odd + 2*order) / (8 * j * x)
		}
		return sum / (math.Sqrt(2*math.Pi) * math.Sqrt(x))
	}
	last := k
	for bound := 1.0; bound > 1e-18; last++ {
		m := float64(last) + 0.5
		bound *= x / (m + math.Sqrt(float64(m*m)+float64(x*x)))
	}
	ratio, value := 0.0, besselI0e(x)
	for i := last; i >= 1; i-- { // ratio is Iᵢ/Iᵢ₋₁
		if ratio = x / (float64(2*float64(i)) + float64(x*ratio)); i <= k {
			value *= ratio
		}
	}
	return value
}

// besselK is Kₙ(x), NaN unless n is a whole number in [−MaxBesselIndex, MaxBesselIndex] and x ≥ 0.
func besselK(n, x float64) float64 {
	if x > 700 {
		half := exp64(-x / 2)
		return half * besselKScaled(n, x, 1) * half
	}
	return besselKScaled(n, x, exp64(-x))
}

// besselKe is eˣ·Kₙ(x), with the domain of besselK.
func besselKe(n, x float64) float64 { return besselKScaled(n, x, 1) }

// besselKScaled is scale·eˣ·Kₙ(x) by the recurrence upwards, whose terms have one sign.
func besselKScaled(n, x, scale float64) float64 {
	k, _, ok := besselIndex(n)
	switch {
	case !ok || x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(1)
	case math.IsInf(x, 1):
		return 0
	}
	var k0, k1 float64
	if x <= 1 {
		t, l, e := float64(2*x*x)-1, log64(x), exp64(x)
		k0 = e * (chebyshev(t, besselK0Near[:]) - float64(l*e*besselI0e(x)))
		k1 = e * (float64(x*chebyshev(t, besselK1Near[:])) + float64(l*e*besselI1e(x)) + 1/x)
	} else {
		t, root := 2/x-1, math.Sqrt(x)
		k0, k1 = chebyshev(t, besselK0Far[:])/root, chebyshev(t, besselK1Far[:])/root
	}
	k0, k1 = k0*scale, k1*scale
	if k == 0 {
		return k0
	}
	for i := 1; i < k; i++ {
		k0, k1 = k1, float64(2*float64(i)/x*k1)+k0
	}
	return k1
}
