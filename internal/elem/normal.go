package elem

import "math"

const sqrtPi = 1.772453850905516027298167

// MaxErfcxOrder bounds the derivatives of erfcx.
const MaxErfcxOrder = 30

// erfcx is the derivative of order n of e^(x²)·erfc(x), NaN unless n is a whole number in [0, MaxErfcxOrder]. These D_n are (−2)ⁿ·n! times e^(x²) times the repeated integrals of erfc,
// so that D_(n+1) = 2x·D_n + 2n·D_(n−1) (DLMF 7.18.7): forwards where that is stable, else by its continued fraction. Neither cancels, as 2x·erfcx − 2/√π would.
func erfcx(n, x float64) float64 {
	switch {
	case !(n >= 0 && n <= MaxErfcxOrder) || n != math.Trunc(n) || x != x:
		return math.NaN()
	case math.IsInf(x, 1):
		return 0
	}
	k, value := int(n), erfcxValue(x)
	if k == 0 {
		return value
	}
	const slope = 2 / sqrtPi
	if x < 0.25 {
		d0, d1 := value, float64(2*x*value)-slope
		for i := 1; i < k; i++ {
			d0, d1 = d1, float64(2*x*d1)+float64(2*float64(i)*d0)
		}
		return d1
	}
	// With E_n = D_n/((−2)ⁿ·n!): E_(n−1) = 2x·E_n + 2(n+1)·E_(n+1), which forgets where it started as e^(−2x√(2n)).
	reach := math.Sqrt(2*float64(k)) + 18.5/x
	last := k + 8 + int(float64(reach*reach)/2)
	ratio := 1 / math.Sqrt(2*float64(last))
	for i := last; i >= 1; i-- { // ratio is Eᵢ/Eᵢ₋₁
		if ratio = 1 / (float64(2*x) + float64(2*float64(i+1)*ratio)); i <= k {
			value *= -2 * float64(i) * ratio
		}
	}
	return value
}

// erfcxValue is e^(x²)·erfc(x): the expansion of M. Shepherd and J. Laframboise (1981), whose coefficients are our own, and the reflection.
func erfcxValue(x float64) float64 {
	switch {
	case x > 1e9:
		return 1 / sqrtPi / x
	case x >= 0:
		return chebyshev((x-3.75)/(x+3.75), erfcxCoefficients[:]) / (1 + float64(2*x))
	}
	square := float64(x * x)
	e := exp64(square)
	if !math.IsInf(e, 1) {
		e += float64(e * math.FMA(x, x, -square))
	}
	return float64(2*e) - erfcxValue(-x)
}
