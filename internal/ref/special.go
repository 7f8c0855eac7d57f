package ref

import "math"

// digamma is ψ(x): the recurrence ψ(x) = ψ(x+1) − 1/x up to 40, then the asymptotic series (NIST DLMF 5.11.2), and the
// reflection formula (5.5.4) for x < 0.
func digamma(x float64) float64 {
	switch {
	case x != x || math.IsInf(x, 1):
		return x
	case x == 0:
		return math.Copysign(math.Inf(1), -x)
	case x < 0:
		f := x - math.RoundToEven(x)
		if f == 0 || math.IsInf(x, -1) {
			return math.NaN()
		}
		return digamma(1-x) - math.Pi/math.Tan(math.Pi*f)
	}
	shift := 0.0
	for ; x < 40; x++ {
		shift += 1 / x
	}
	z := 1 / (x * x)
	return math.Log(x) - 1/(2*x) - z*(1./12-z*(1./120-z/252)) - shift
}

// polygamma is ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹ n! Σ_k 1/(x+k)ⁿ⁺¹ (DLMF 5.15.1), the tail by the Euler–Maclaurin formula.
func polygamma(n, x float64) float64 {
	switch {
	case n == 0:
		return digamma(x)
	case !(n > 0) || n != math.Trunc(n) || x != x || n > 1e6 || x < -1e7: // beyond what the operator promises
		return math.NaN()
	case math.IsInf(x, 1):
		return 0
	}
	sign := -1.0
	if math.Mod(n, 2) == 1 {
		sign = 1
	}
	if x <= 0 && x == math.Trunc(x) {
		if sign > 0 {
			return math.Inf(1)
		}
		return math.NaN()
	}
	s := n + 1
	sum := 0.0
	if x < -40 { // the sum over all whole numbers, less that on the other side
		d := x - math.RoundToEven(x)
		for k := -40; k < 40; k++ {
			sum += math.Pow(d+float64(k), -s)
		}
		sum += zeta(s, d+40) + sign*(zeta(s, 41-d)-zeta(s, 1-x)) // sign is (−1)^s
	} else {
		sum = zeta(s, x)
	}
	return sign * math.Gamma(s) * sum
}

// zeta is Σ 1/(x+k)^s, the tail by the Euler–Maclaurin formula.
func zeta(s, x float64) (sum float64) {
	for ; x < 40; x++ {
		sum += math.Pow(x, -s)
	}
	p := math.Pow(x, -s)
	return sum + x*p/(s-1) + p/2 + s*p/(12*x) - s*(s+1)*(s+2)*p/(720*x*x*x) + s*(s+1)*(s+2)*(s+3)*(s+4)*p/(30240*math.Pow(x, 5))
}

// besselIe is e^(−|x|)·Iₖ(x) = 1/π ∫₀^π e^(x·cos θ − |x|) cos kθ dθ (DLMF 10.32.3). The trapezoidal rule converges
// geometrically on periodic functions; far out the asymptotic series (10.40.1) serves.
func besselIe(k int, x float64) float64 {
	if math.IsInf(x, 0) {
		if k == 0 {
			x = 1
		}
		return math.Copysign(0, x)
	}
	a := math.Abs(x)
	var v float64
	if a > 500 {
		mu, term := float64(4*k*k), 1.0
		for j := 1.0; j <= 6; j++ {
			v += term
			term *= -(mu - (2*j-1)*(2*j-1)) / (j * 8 * a)
		}
		v /= math.Sqrt(2*math.Pi) * math.Sqrt(a)
	} else {
		const n = 400
		for i := range n + 1 {
			theta := math.Pi * float64(i) / n
			w := 1.0
			if i == 0 || i == n {
				w = 0.5
			}
			v += w * math.Exp(a*(math.Cos(theta)-1)) * math.Cos(float64(k)*theta)
		}
		v /= n
		if k == 1 && a < 1e-3 {
			v = a / 2 * math.Exp(-a) * (1 + a*a/8)
		}
	}
	if k == 1 && math.Signbit(x) {
		return -v
	}
	return v
}

// besselI0eDerivative is the derivative of order n of e^(−|x|)·I₀(x): (−1)ⁿ/π ∫₀^π (1−cos θ)ⁿ e^(−x(1−cos θ)) dθ for x > 0 (from DLMF 10.32.1), far out
// over w = 1 − cos θ by the substitution w = s².
func besselI0eDerivative(n, x float64) float64 {
	switch {
	case !(n >= 0 && n <= 30) || n != math.Trunc(n) || x != x:
		return math.NaN()
	case math.IsInf(x, 0):
		return 0
	case x == 0: // of I₀ = Σ (x/2)^2k/k!²
		if math.Mod(n, 2) == 1 {
			return 0
		}
		h := math.Gamma(n/2 + 1)
		return math.Gamma(n+1) / (h * h * math.Pow(2, n))
	}
	a, v := math.Abs(x), 0.0
	if a < 100 {
		const points = 2000
		for i := range points {
			w := 1 - math.Cos(math.Pi*(float64(i)+0.5)/points)
			v += math.Pow(w, n) * math.Exp(-a*w)
		}
		v /= points
	} else {
		scale := 1 / math.Sqrt(a)
		v = 2 / math.Pi * real(halfLine(scale, func(s float64) complex128 {
			if s*s >= 2 {
				return 0
			}
			return complex(math.Pow(s, 2*n)*math.Exp(-a*s*s)/math.Sqrt(2-s*s), 0)
		}))
	}
	if x > 0 && math.Mod(n, 2) == 1 {
		return -v
	}
	return v
}
