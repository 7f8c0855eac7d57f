package ref

import (
	"math"
	"math/big"
	"math/cmplx"
	"sync"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	floatOps["igamma"] = of2(func(a, x float64) float64 { return incompleteGamma(a, x, 0, 0) })
	floatOps["betainc"] = func(a []float64) float64 { return incompleteBeta(a[0], a[1], a[2], 0, 0, 0) }
	withAttrs("igamma_derivative", func(n *graph.Node, a []float64) float64 {
		i, j := n.Attrs().Int("order"), n.Attrs().Int("order_x")
		return remembered([6]float64{a[0], a[1], -1, float64(i), float64(j)}, func() float64 { return incompleteGamma(a[0], a[1], i, j) })
	})
	withAttrs("betainc_derivative", func(n *graph.Node, a []float64) float64 {
		i, j, k := n.Attrs().Int("order_a"), n.Attrs().Int("order_b"), n.Attrs().Int("order_x")
		return remembered([6]float64{a[0], a[1], a[2], float64(i), float64(j), float64(k)}, func() float64 { return incompleteBeta(a[0], a[1], a[2], i, j, k) })
	})
}

// derivatives are values that took long and are asked for again, as samples are taken in every nesting of modes; a derivative by a and b is up to 160 000 values of an integrand.
var derivatives sync.Map // [6]float64 → float64

// remembered returns f(), which depends on the key alone. A key with a NaN is never found again.
func remembered(key [6]float64, f func() float64) float64 {
	if v, ok := derivatives.Load(key); ok {
		return v.(float64)
	}
	v := f()
	derivatives.Store(key, v)
	return v
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
	const points = 20
	var s complex128
	for p := range points {
		e := cmplx.Rect(1, 2*math.Pi*float64(p)/points)
		s += f(complex(at, 0)+complex(r, 0)*e) * cmplx.Rect(1, -2*math.Pi*float64(p*k)/points)
	}
	return s * complex(math.Gamma(float64(k+1))/(points*math.Pow(r, float64(k))), 0)
}

// stirlingRest is ln Γ(z) − (z−½)·ln z + z − ½·ln 2π.
func stirlingRest(z complex128) complex128 {
	if cmplx.Abs(z) < 30 {
		return logGamma(z) - (z-0.5)*cmplx.Log(z) + z - complex(math.Log(2*math.Pi)/2, 0)
	}
	q := 1 / (z * z)
	return (1./12 - q*(1./360-q*(1./1260-q/1680))) / z
}

// bend is z − ln(1+z), near 0 by its power series.
func bend(z complex128) complex128 {
	if cmplx.Abs(z) > 0.2 {
		return z - cmplx.Log(1+z)
	}
	var s complex128
	for k, p := 2, z*z; k < 30; k++ {
		s += p / complex(float64(k), 0)
		p *= -z
	}
	return s
}

// logPower is a·ln(p/a) − (p − a), given gap = p − a.
func logPower(a, p, gap complex128) complex128 {
	if cmplx.Abs(gap/a) > 0.2 {
		return a*cmplx.Log(p/a) - gap
	}
	return -a * bend(gap/a)
}

// halfLine integrates a function that decays at least exponentially, about on the given scale, over [0, ∞): the trapezoidal rule
// after the substitution s = scale·exp(v − e^(−v)) (Takahasi and Mori, Double exponential formulas for numerical integration, 1974).
func halfLine(scale float64, f func(s float64) complex128) (sum complex128) {
	const step = 1. / 16
	for v := -4.5; v < 6; v += step {
		e := math.Exp(-v)
		s := scale * math.Exp(v-e)
		if y := f(s); !cmplx.IsNaN(y) { // Inf − Inf in an exponent is far out
			sum += y * complex(s*(1+e)*step, 0)
		}
	}
	return sum
}

// incompleteGamma is the derivative of P(a, x) of orders i by a and j by x, by Cauchy's formula from functions of complex arguments: for values at small ones the series
// Σ xᵃ⁺ⁿ e^(−x)/Γ(a+n+1) (DLMF 8.7.1), else the integral of the density over ln t; the density itself for j > 0.
func incompleteGamma(a, x float64, i, j int) float64 {
	m := j - 1
	switch {
	case a != a || x != x || a < 0 || x < 0 || math.IsInf(a, 1) && math.IsInf(x, 1) || a == 0 && (x == 0 && j == 0 || i > 0):
		return math.NaN()
	case x == 0 && j > 0 && !math.IsInf(a, 1):
		if i > 0 && a-1 <= float64(m) {
			return math.NaN() // logarithms: not here
		}
		return atZero(a-1, m, func(k int) float64 { return alternating(m-k) / math.Gamma(a) })
	case x == 0 || math.IsInf(a, 1):
		return 0
	case math.IsInf(x, 1) || a == 0:
		if i+j > 0 {
			return 0
		}
		return 1
	}
	if a < 50 && x < 50 && i+j == 0 {
		s, t := 0.0, real(cmplx.Exp(complex(a*math.Log(x)-x, 0)-logGamma(complex(a+1, 0))))
		for n := 1; t > 1e-18*s; n++ {
			s += t
			t *= x / (a + float64(n))
		}
		return s
	}
	gap := x - a
	// t·density at t
	density := func(da complex128) func(t, dt complex128) complex128 {
		a := complex(a, 0) + da
		factor := cmplx.Exp(-stirlingRest(a)) * cmplx.Sqrt(a) / complex(math.Sqrt(2*math.Pi), 0)
		return func(t, dt complex128) complex128 {
			return cmplx.Exp(logPower(a, t, complex(gap, 0)-da+dt)) * factor
		}
	}
	// Circles on which the functions change by few powers of e.
	radius := math.Min(math.Min(a, math.Sqrt(a))/4, 2/math.Abs(math.Log(x/a)))
	if j > 0 {
		return real(around(i, 0, radius, func(da complex128) complex128 {
			density := density(da)
			return around(m, 0, math.Min(math.Min(x, math.Sqrt(x))/4, 2*x/math.Abs(gap)), func(dx complex128) complex128 {
				t := complex(x, 0) + dx
				return density(t, dx) / t
			})
		}))
	}
	v := real(around(i, 0, radius, func(da complex128) complex128 {
		density := density(da)
		return halfLine(1/math.Hypot(gap, math.Sqrt(x)), func(s float64) complex128 {
			if gap < 0 {
				s = -s
			}
			return density(complex(x*math.Exp(s), 0), complex(x*math.Expm1(s), 0))
		})
	}))
	if gap < 0 {
		return v
	}
	if i == 0 {
		return 1 - v
	}
	return -v
}

// alternating is (−1)ᵏ.
func alternating(k int) float64 { return 1 - 2*float64(k&1) }

// atZero is the limit for x → 0 of the derivative of order m of x^α times a function whose derivative of order m−k at 0 is rest(k).
func atZero(alpha float64, m int, rest func(k int) float64) float64 {
	if alpha > float64(m) {
		return 0
	}
	falling := 1.0
	for k := range m {
		if alpha == float64(k) { // a whole power
			choose := math.Gamma(float64(m+1)) / math.Gamma(float64(m-k+1)) // times k!
			return choose * rest(k)
		}
		falling *= alpha - float64(k)
	}
	if alpha == float64(m) {
		return falling * rest(m)
	}
	return math.Inf(1) * falling * rest(m)
}

// incompleteBeta is the derivative of I_x(a, b) of orders i by a, j by b and k by x, by Cauchy's formula from functions of complex arguments: for values at small ones the series
// xᵃ(1−x)ᵇ/(a·B(a, b))·Σ (a+b)ₙ/(a+1)ₙ·xⁿ (DLMF 8.17.8), else the integral of the density over ln t/(1−t); the density itself for k > 0.
func incompleteBeta(a, b, x float64, i, j, k int) float64 {
	switch {
	case !(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1) || math.IsInf(a, 1) || math.IsInf(b, 1):
		return math.NaN()
	case x == 0 && k > 0:
		if (i > 0 || j > 0) && a-1 <= float64(k-1) {
			return math.NaN() // logarithms: not here
		}
		beta := math.Gamma(a) * math.Gamma(b) / math.Gamma(a+b)
		return atZero(a-1, k-1, func(p int) float64 {
			f := alternating(k-1-p) / beta
			for q := range k - 1 - p {
				f *= b - 1 - float64(q)
			}
			return f
		})
	case x == 1 && k > 0:
		return alternating(k-1) * incompleteBeta(b, a, 0, j, i, k)
	case x == 0 || x == 1:
		if i+j > 0 {
			return 0
		}
		return x + 0 // not −0
	}
	if math.Max(a, b) < 50 && i+j+k == 0 {
		if x > 0.6 {
			return 1 - incompleteBeta(b, a, 1-x, 0, 0, 0)
		}
		g := logGamma(complex(a+b, 0)) - logGamma(complex(a+1, 0)) - logGamma(complex(b, 0))
		s, t := 0.0, math.Exp(a*math.Log(x)+b*math.Log1p(-x)+real(g))
		for n := 0.0; t > 1e-18*s; n++ {
			s += t
			t *= x * (a + b + n) / (a + 1 + n)
		}
		return s
	}
	// gap = (a+b)·x − a, exactly rounded
	exact := func(v float64) *big.Float { return new(big.Float).SetPrec(2200).SetFloat64(v) }
	product := exact(0).Add(exact(a), exact(b))
	product.Mul(product, exact(x)).Sub(product, exact(a))
	gap, _ := product.Float64()
	y, n := 1-x, a+b
	// t·u·density at t = x + dt, u = 1 − t
	density := func(da, db complex128) func(dt, t, u complex128) complex128 {
		a, b := complex(a, 0)+da, complex(b, 0)+db
		n := a + b
		factor := cmplx.Exp(stirlingRest(n)-stirlingRest(a)-stirlingRest(b)) * cmplx.Sqrt(a/n) * cmplx.Sqrt(b) / complex(math.Sqrt(2*math.Pi), 0)
		g0 := complex(gap, 0) - da*complex(y, 0) + db*complex(x, 0)
		return func(dt, t, u complex128) complex128 {
			g := g0 + n*dt
			return cmplx.Exp(logPower(a, n*t, g)+logPower(b, n*u, -g)) * factor
		}
	}
	curvature := math.Sqrt(n * x * y)
	by := func(f func(da, db complex128) complex128) float64 {
		ra := math.Min(0.2*math.Min(a, math.Sqrt(n*a/b)), 2/math.Abs(math.Log(n*x/a)))
		rb := math.Min(0.2*math.Min(b, math.Sqrt(n*b/a)), 2/math.Abs(math.Log(n*y/b)))
		return real(around(i, 0, ra, func(da complex128) complex128 {
			return around(j, 0, rb, func(db complex128) complex128 { return f(da, db) })
		}))
	}
	if k > 0 {
		return by(func(da, db complex128) complex128 {
			density := density(da, db)
			return around(k-1, 0, math.Min(math.Min(math.Min(x, y), curvature/n)/4, 2*x*y/math.Abs(gap)), func(dt complex128) complex128 {
				t, u := complex(x, 0)+dt, complex(y, 0)-dt
				return density(dt, t, u) / (t * u)
			})
		})
	}
	v := by(func(da, db complex128) complex128 {
		density := density(da, db)
		return halfLine(1/math.Hypot(gap, curvature), func(s float64) complex128 {
			if gap < 0 {
				s = -s
			}
			// t − x where the logit of t is s above that of x
			e := math.Expm1(s)
			d := 1 + x*e
			return density(complex(x*y*e/d, 0), complex(x*math.Exp(s)/d, 0), complex(y/d, 0))
		})
	})
	switch {
	case gap < 0:
		return v
	case i+j == 0:
		return 1 - v
	}
	return -v
}

// IncompleteGamma is the regularised lower incomplete gamma function P(a, x), for tests.
func IncompleteGamma(a, x float64) float64 { return incompleteGamma(a, x, 0, 0) }
