package ref

import "math"

// wholeOrder reports whether n is an order of a Bessel function.
func wholeOrder(n float64) bool { return n == math.Trunc(n) && math.Abs(n) <= 1000 }

// besselI is Iₙ(x) = 1/π ∫₀^π e^(x·cos θ)·cos nθ dθ (DLMF 10.32.3) by the trapezoidal rule, which converges geometrically.
func besselI(n, x float64) float64 {
	if !wholeOrder(n) || x != x {
		return math.NaN()
	}
	n = math.Abs(n)
	sign := 1.0
	if math.Signbit(x) && math.Mod(n, 2) == 1 {
		sign = -1
	}
	switch x = math.Abs(x); {
	case math.IsInf(x, 0):
		return sign * x
	case x == 0 && n == 0:
		return 1
	case x == 0:
		return sign * 0
	case x < 5: // Σ (x/2)^(n+2k)/(k!·(n+k)!)
		term := 1.0
		for j := 1.0; j <= n; j++ {
			term *= x / 2 / j
		}
		sum := 0.0
		for k := 1.0; k < 40; k++ {
			sum += term
			term *= x * x / 4 / (k * (n + k))
		}
		return sign * sum
	}
	const points = 4000
	sum := 0.0
	for i := range points {
		theta := math.Pi * (float64(i) + 0.5) / points
		sum += math.Exp(x*(math.Cos(theta)-1)) * math.Cos(n*theta)
	}
	return sign * sum / points * math.Exp(x)
}

// besselKe is eˣ·Kₙ(x) = ∫₀^∞ e^(−x(cosh t − 1))·cosh nt dt (DLMF 10.32.9) by the trapezoidal rule.
func besselKe(n, x float64) float64 {
	switch {
	case !wholeOrder(n) || x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(1)
	case math.IsInf(x, 1):
		return 0
	}
	step := math.Min(1./64, 0.05/math.Sqrt(x))
	sum := 0.5
	for i := 1; ; i++ {
		t := float64(i) * step
		h := math.Sinh(t / 2)
		v := math.Exp(-2*x*h*h) * math.Cosh(n*t)
		if sum += v; v < 1e-20*sum && x*math.Sinh(t) > math.Abs(n) {
			return sum * step
		}
	}
}

// besselJ is Go's, whose zeros lack the sign that the function has by its symmetries in n and x.
func besselJ(n, x float64) float64 {
	switch {
	case !wholeOrder(n) || x != x:
		return math.NaN()
	case n == 0 || x != 0 && !math.IsInf(x, 0):
		return math.Jn(int(n), x)
	case math.Mod(n, 2) != 0 && (n < 0) != math.Signbit(x):
		return math.Copysign(0, -1)
	}
	return 0
}

func besselY(n, x float64) float64 {
	if !wholeOrder(n) || x != x {
		return math.NaN()
	}
	return math.Yn(int(n), x)
}

// erfcx is the derivative of order n of e^(x²)·erfc(x): for x ≥ 0 2/√π ∫₀^∞ (−2t)ⁿ·e^(−t²−2xt) dt (DLMF 7.7.1).
func erfcx(n, x float64) float64 {
	switch {
	case !(n >= 0 && n <= 30) || n != math.Trunc(n) || x != x:
		return math.NaN()
	case math.IsInf(x, 1):
		return 0
	case x < 0:
		square := x * x
		d0 := 2*math.Exp(square)*(1+math.FMA(x, x, -square)) - erfcx(0, -x)
		if math.Exp(square) > math.MaxFloat64 {
			d0 = math.Inf(1)
		}
		d1 := 2*x*d0 - 2/math.Sqrt(math.Pi)
		if n == 0 {
			return d0
		}
		for i := 1.0; i < n; i++ {
			d0, d1 = d1, 2*x*d1+2*i*d0
		}
		return d1
	}
	return 2 / math.Sqrt(math.Pi) * real(halfLine(1/(1+x), func(t float64) complex128 {
		return complex(math.Pow(-2*t, n)*math.Exp(-t*t-2*x*t), 0)
	}))
}

// ndtri inverts the normal distribution's function by Newton steps on its logarithm, that of the upper half by symmetry.
func ndtri(p float64) float64 {
	switch {
	case !(p >= 0 && p <= 1):
		return math.NaN()
	case p == 0:
		return math.Inf(-1)
	case p > 0.5:
		return -ndtri(1 - p)
	case p == 0.5:
		return 0
	case p > 0.1:
		return math.Sqrt2 * math.Erfinv(2*p-1)
	}
	y := -math.Sqrt(-2 * math.Log(p))
	for range 50 {
		tail := erfcx(0, -y/math.Sqrt2)
		y -= (math.Log(tail/2) - y*y/2 - log(p)) * tail * math.Sqrt(math.Pi/2)
	}
	return y
}

// hurwitzZeta is the operator zeta.
func hurwitzZeta(s, x float64) float64 {
	whole := x == math.Trunc(x)
	switch {
	case s != s || x != x || s < 1:
		return math.NaN()
	case s == 1:
		return math.Inf(1)
	case math.IsInf(x, 1):
		return 0
	case x <= 0 && whole && !math.IsInf(x, -1):
		return math.Inf(1)
	case x < 0 && (math.IsInf(x, -1) || s != math.Trunc(s) || math.IsInf(s, 1)):
		return math.NaN()
	case math.IsInf(s, 1):
		return math.Pow(x, -s)
	}
	return zeta(s, x)
}

// upperGamma is Q(a, x): 1 − P where that does not cancel, else the integral of the density from x on.
func upperGamma(a, x float64) float64 {
	p := incompleteGamma(a, x, 0, 0)
	if !(p > 0.5) || math.IsInf(x, 1) || a == 0 {
		return 1 - p
	}
	lg, _ := math.Lgamma(a)
	return real(halfLine(math.Sqrt(a)+0.5, func(s float64) complex128 {
		return complex(math.Exp((a-1)*math.Log(x+s)-x-s-lg), 0)
	}))
}

func init() {
	floatOps["bessel_j"], floatOps["bessel_y"] = of2(besselJ), of2(besselY)
	floatOps["bessel_i"], floatOps["bessel_ke"] = of2(besselI), of2(besselKe)
	floatOps["bessel_k"] = of2(func(n, x float64) float64 { return besselKe(n, x) * math.Exp(-x) })
	floatOps["erfcx"], floatOps["ndtri"], floatOps["zeta"] = of2(erfcx), of1(ndtri), of2(hurwitzZeta)
	floatOps["igammac"] = of2(upperGamma)
}
