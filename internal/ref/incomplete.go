package ref

import (
	"math"
	"math/cmplx"

	"github.com/adjoint-go/adjoint/graph"
)

// The incomplete gamma and beta functions are summed from series that converge for complex parameters; their
// derivatives by the parameters follow from Cauchy's integral formula, the trapezoidal rule on a circle.

func init() {
	floatOps["igamma"] = func(a []float64) float64 { return igamma(a[0], a[1], 0) }
	floatOps["betainc"] = func(a []float64) float64 { return betainc(a[0], a[1], a[2], 0, 0) }
	evaluators["igamma_derivative"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.F {
			out.F[i] = igamma(in[0].F[i], in[1].F[i], n.Attrs().Int("order"))
		}
		return out, nil
	}
	evaluators["betainc_derivative"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.F {
			out.F[i] = betainc(in[0].F[i], in[1].F[i], in[2].F[i], n.Attrs().Int("order_a"), n.Attrs().Int("order_b"))
		}
		return out, nil
	}
}

// onCircle is the derivative of order k of f at x.
func onCircle(k int, x float64, f func(z complex128) complex128) complex128 {
	if k == 0 {
		return f(complex(x, 0))
	}
	const points = 24
	r := min(0.75, x/2)
	sum := complex128(0)
	for j := range points {
		e := cmplx.Rect(1, 2*math.Pi*(float64(j)+0.5)/points)
		sum += f(complex(x, 0)+complex(r, 0)*e) * cmplx.Pow(e, complex(-float64(k), 0))
	}
	return sum * complex(math.Gamma(float64(k)+1)/(points*math.Pow(r, float64(k))), 0)
}

// lnGamma is ln Γ(z) for Re z > 0, up to multiples of 2πi: the recurrence up to Re z ≥ 15, then Stirling's series (DLMF
// 5.11.1).
func lnGamma(z complex128) complex128 {
	shift := complex128(1)
	for real(z) < 15 {
		shift *= z
		z++
	}
	w := 1 / (z * z)
	series := (1./12 - w*(1./360-w*(1./1260-w*(1./1680-w*(1./1188-w*691/360360))))) / z
	return (z-0.5)*cmplx.Log(z) - z + complex(0.5*math.Log(2*math.Pi), 0) + series - cmplx.Log(shift)
}

// igamma is the derivative of order k by a of P(a, x) = x^a e^(−x) Σ xⁿ/Γ(a+n+1) (DLMF 8.7.1).
func igamma(a, x float64, k int) float64 {
	switch {
	case !(a > 0) || !(x >= 0):
		return math.NaN()
	case x == 0:
		return 0
	}
	return real(onCircle(k, a, func(a complex128) complex128 {
		sum, term := complex128(0), complex128(1)
		for n := 1; n < 10000; n++ {
			sum += term
			term *= complex(x, 0) / (a + complex(float64(n), 0))
			if cmplx.Abs(term) < 1e-18*cmplx.Abs(sum) {
				break
			}
		}
		return sum * cmplx.Exp(a*complex(math.Log(x), 0)-complex(x, 0)-lnGamma(a+1))
	}))
}

// betainc is the mixed derivative by a and b of I_x(a, b) = x^a (1−x)^b / (a B(a, b)) Σ (a+b)ₙ/(a+1)ₙ xⁿ (DLMF 8.17.8).
func betainc(a, b, x float64, ka, kb int) float64 {
	switch {
	case !(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1):
		return math.NaN()
	case x == 0 || x == 1:
		if ka+kb == 0 {
			return x
		}
		return 0
	case x > 0.5:
		v := -betainc(b, a, 1-x, kb, ka)
		if ka+kb == 0 {
			v++
		}
		return v
	}
	return real(onCircle(ka, a, func(a complex128) complex128 {
		return onCircle(kb, b, func(b complex128) complex128 {
			sum, term := complex128(0), complex128(1)
			for n := 0; n < 10000; n++ {
				sum += term
				m := complex(float64(n), 0)
				term *= (a + b + m) / (a + 1 + m) * complex(x, 0)
				if cmplx.Abs(term) < 1e-18*cmplx.Abs(sum) {
					break
				}
			}
			return sum * cmplx.Exp(a*complex(math.Log(x), 0)+b*complex(math.Log1p(-x), 0)-lnGamma(a+1)-lnGamma(b)+lnGamma(a+b))
		})
	}))
}
