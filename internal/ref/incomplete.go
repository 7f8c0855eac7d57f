package ref

import (
	"math"
	"math/cmplx"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	floatOps["igamma"] = of2(func(a, x float64) float64 { return incompleteGamma(a, x, 0) })
	floatOps["betainc"] = func(a []float64) float64 { return incompleteBeta(a[0], a[1], a[2], 0, 0) }
	withAttrs("igamma_derivative", func(n *graph.Node, a []float64) float64 {
		return incompleteGamma(a[0], a[1], n.Attrs().Int("order"))
	})
	withAttrs("betainc_derivative", func(n *graph.Node, a []float64) float64 {
		return incompleteBeta(a[0], a[1], a[2], n.Attrs().Int("order_a"), n.Attrs().Int("order_b"))
	})
}

// logGamma is ln Γ(z), Re z > 0, by the recurrence and Stirling's series (DLMF 5.11.1).
func logGamma(z complex128) complex128 {
	var s complex128
	for ; real(z) < 20; z++ {
		s -= cmplx.Log(z)
	}
	s += (z-0.5)*cmplx.Log(z) - z + complex(math.Log(2*math.Pi)/2, 0)
	power, square := 1/z, 1/(z*z)
	for _, c := range []float64{1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188, -691. / 360360} {
		s += complex(c, 0) * power
		power *= square
	}
	return s
}

// around returns the derivative of order k of f by Cauchy's formula on a circle of radius r.
func around(k int, at, r float64, f func(z complex128) complex128) complex128 {
	if k == 0 {
		return f(complex(at, 0))
	}
	const points = 32
	var s complex128
	for p := range points {
		e := cmplx.Rect(1, 2*math.Pi*float64(p)/points)
		s += f(complex(at, 0)+complex(r, 0)*e) / cmplx.Pow(e, complex(float64(k), 0))
	}
	return s * complex(math.Gamma(float64(k+1))/(points*math.Pow(r, float64(k))), 0)
}

// incompleteGamma is ∂ᵏP(a, x)/∂aᵏ from the series Σ xᵃ⁺ⁿ e^(−x)/Γ(a+n+1) (DLMF 8.7.1), in which a may be complex.
func incompleteGamma(a, x float64, k int) float64 {
	switch {
	case a != a || x != x || a < 0 || x < 0 || math.IsInf(a, 1) && math.IsInf(x, 1) || a == 0 && (x == 0 || k > 0):
		return math.NaN()
	case x == 0 || math.IsInf(a, 1):
		return 0
	case math.IsInf(x, 1) || a == 0:
		if k > 0 {
			return 0
		}
		return 1
	}
	return real(around(k, a, 0.9, func(a complex128) complex128 {
		var s complex128
		t := cmplx.Exp(a*complex(math.Log(x), 0) - complex(x, 0) - logGamma(a+1))
		for n := 1; cmplx.Abs(t) > 1e-18*cmplx.Abs(s); n++ {
			s += t
			t *= complex(x, 0) / (a + complex(float64(n), 0))
		}
		return s
	}))
}

// incompleteBeta is the mixed derivative of I_x(a, b) of orders i and j, from the series
// xᵃ(1−x)ᵇ/(a·B(a, b))·Σ (a+b)ₙ/(a+1)ₙ·xⁿ (DLMF 8.17.8), in which a and b may be complex.
func incompleteBeta(a, b, x float64, i, j int) float64 {
	switch {
	case !(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1) || math.IsInf(a, 1) || math.IsInf(b, 1):
		return math.NaN()
	case x == 0 || x == 1:
		if i+j > 0 {
			return 0
		}
		return x + 0 // not −0
	case x > 0.6:
		v := -incompleteBeta(b, a, 1-x, j, i)
		if i+j == 0 {
			v++
		}
		return v
	}
	return real(around(i, a, 0.4*a, func(a complex128) complex128 {
		return around(j, b, 0.4*b, func(b complex128) complex128 {
			t := cmplx.Exp(a*complex(math.Log(x), 0) + b*complex(math.Log1p(-x), 0) + logGamma(a+b) - logGamma(a+1) - logGamma(b))
			var s complex128
			for n := 0; cmplx.Abs(t) > 1e-18*cmplx.Abs(s); n++ {
				s += t
				m := complex(float64(n), 0)
				t *= complex(x, 0) * (a + b + m) / (a + 1 + m)
			}
			return s
		})
	}))
}

// IncompleteGamma is the regularised lower incomplete gamma function P(a, x), for tests.
func IncompleteGamma(a, x float64) float64 { return incompleteGamma(a, x, 0) }
