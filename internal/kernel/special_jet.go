package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// MaxParameterOrder bounds the derivatives by parameters of the incomplete gamma and beta functions.
const MaxParameterOrder = 7

func init() {
	Register(&Kernel{
		Name: "igamma_derivative",
		Doc: "The derivative of attribute order by a of the regularised lower incomplete gamma function P(a, x): operands a, x of one float type. " +
			"Series and continued fraction (DLMF 8.7.1, 8.9.2) on Taylor polynomials in a, in float64.",
		Check:   func(in, out []Type, a attr.List) error { return checkJetCall(in, out, a, 2, "order") },
		Work:    timesElements(jetWork),
		Prepare: func(in, out []Type, a attr.List) any { return newJetRing(a.Int("order"), 0) },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, runIGammaDerivative[float64], runIGammaDerivative[float32])(c)
		},
	})
	Register(&Kernel{
		Name: "betainc_derivative",
		Doc: "The mixed derivative of orders order_a, order_b by a and b of the regularised incomplete beta function I_x(a, b): operands a, b, x of one float type. " +
			"Continued fraction (DLMF 8.17.22) on Taylor polynomials in a and b, in float64.",
		Check:   func(in, out []Type, a attr.List) error { return checkJetCall(in, out, a, 3, "order_a", "order_b") },
		Work:    timesElements(jetWork),
		Prepare: func(in, out []Type, a attr.List) any { return newJetRing(a.Int("order_a"), a.Int("order_b")) },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, runBetaIncDerivative[float64], runBetaIncDerivative[float32])(c)
		},
	})
}

func checkJetCall(in, out []Type, a attr.List, arity int, orders ...string) error {
	var rules []attrRule
	for _, key := range orders {
		rules = append(rules, need(key, attr.Int))
	}
	if err := checkCall(in, out, a, arity, 1, rules...); err != nil {
		return err
	}
	for _, key := range orders {
		if k := a.Int(key); k < 0 || k > MaxParameterOrder {
			return fmt.Errorf("%s is %d, needs 0 to %d", key, k, MaxParameterOrder)
		}
	}
	for _, t := range append(slices.Clone(in), out...) {
		if err := firstOf(checkAmong(floatSet, t), checkDType(in[0].DType, t), wantShape("operand or result", t.Shape, in[0].Shape)); err != nil {
			return err
		}
	}
	return nil
}

// jetWork is about the number of operations for an element.
const jetWork = 10000

func runIGammaDerivative[T float](c *Call) error {
	r := c.State.(*jetRing)
	as, xs := data[T](&c.In[0]), data[T](&c.In[1])
	for i := range data[T](&c.Out[0]) {
		c.Poll(jetWork)
		data[T](&c.Out[0])[i] = T(r.iGamma(float64(as[i]), float64(xs[i])))
	}
	return nil
}

func runBetaIncDerivative[T float](c *Call) error {
	r := c.State.(*jetRing)
	as, bs, xs := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.In[2])
	for i := range data[T](&c.Out[0]) {
		c.Poll(jetWork)
		data[T](&c.Out[0])[i] = T(r.betaInc(float64(as[i]), float64(bs[i]), float64(xs[i])))
	}
	return nil
}

// jet is a polynomial in ε and δ, coefficient of εⁱδʲ at i·jetWidth + j, cut off beyond the orders of its ring.
type jet [jetWidth * jetWidth]float64

const jetWidth = MaxParameterOrder + 1

// jetRing is the arithmetic of jets of orders p in ε and q in δ.
type jetRing struct {
	p, q     int
	swapped  *jetRing // with the orders exchanged
	num, den jet      // of a term of a continued fraction; here, so that they are allocated once
}

func newJetRing(p, q int) *jetRing { return &jetRing{p: p, q: q, swapped: &jetRing{p: q, q: p}} }

// of returns v + e·ε + d·δ.
func (r *jetRing) of(v, e, d float64) (x jet) {
	x[0] = v
	if r.p > 0 {
		x[jetWidth] = e
	}
	if r.q > 0 {
		x[1] = d
	}
	return x
}

func (r *jetRing) add(z, x, y *jet) {
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			z[i*jetWidth+j] = x[i*jetWidth+j] + y[i*jetWidth+j]
		}
	}
}

func (r *jetRing) scale(x *jet, s float64) {
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			x[i*jetWidth+j] *= s
		}
	}
}

// mul sets z = x·y; z may be x or y.
func (r *jetRing) mul(z, x, y *jet) {
	var t jet
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			s := 0.0
			for k := 0; k <= i; k++ {
				for l := 0; l <= j; l++ {
					s += x[k*jetWidth+l] * y[(i-k)*jetWidth+j-l]
				}
			}
			t[i*jetWidth+j] = s
		}
	}
	*z = t
}

// div sets z = x/y; z may be x or y.
func (r *jetRing) div(z, x, y *jet) {
	var t jet
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			s := x[i*jetWidth+j]
			for k := 0; k <= i; k++ {
				for l := 0; l <= j; l++ {
					if k+l > 0 {
						s -= y[k*jetWidth+l] * t[(i-k)*jetWidth+j-l]
					}
				}
			}
			t[i*jetWidth+j] = s / y[0]
		}
	}
	*z = t
}

// exp sets z = e^x for x without constant term: Σ xᵏ/k!.
func (r *jetRing) exp(z, x *jet) {
	sum, term := r.of(1, 0, 0), r.of(1, 0, 0)
	for k := 1; k <= r.p+r.q; k++ {
		r.mul(&term, &term, x)
		r.scale(&term, 1/float64(k))
		r.add(&sum, &sum, &term)
	}
	*z = sum
}

// small reports whether x changes no coefficient of sum.
func (r *jetRing) small(x, sum *jet) bool {
	largest := 0.0
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			largest = max(largest, math.Abs(sum[i*jetWidth+j]))
			if math.Abs(x[i*jetWidth+j]) > 1e-17*(math.Abs(sum[i*jetWidth+j])+1e-3*largest) {
				return false
			}
		}
	}
	return true
}

// lentz evaluates b0 + a1/(b1 + a2/(b2 + …)) by the modified Lentz algorithm.
// term sets num and den to a and b.
func (r *jetRing) lentz(b0 jet, term func(k int)) jet {
	const tiny = 1e-300
	one, f := r.of(1, 0, 0), b0
	if f[0] == 0 {
		f[0] = tiny
	}
	c, d := f, jet{}
	var t, delta jet
	for k := 1; k < maxTerms; k++ {
		term(k)
		r.mul(&t, &r.num, &d)
		r.add(&d, &r.den, &t)
		if d[0] == 0 {
			d[0] = tiny
		}
		r.div(&t, &r.num, &c)
		r.add(&c, &r.den, &t)
		if c[0] == 0 {
			c[0] = tiny
		}
		r.div(&d, &one, &d)
		r.mul(&delta, &c, &d)
		old := f
		r.mul(&f, &f, &delta)
		change := old
		r.scale(&change, -1)
		r.add(&change, &change, &f)
		r.scale(&change, 1./16) // the fraction cannot settle below the rounding of one step
		if r.small(&change, &f) {
			break
		}
	}
	return f
}

// derivative returns p!·q! times the coefficient of the highest order.
func (r *jetRing) derivative(x *jet) float64 {
	return math.Gamma(float64(r.p+1)) * math.Gamma(float64(r.q+1)) * x[r.p*jetWidth+r.q]
}

// iGamma is the derivative of P(a, x) by a of order r.p.
func (r *jetRing) iGamma(a, x float64) float64 {
	if r.p == 0 {
		return iGamma(a, x)
	}
	nan := math.NaN()
	switch {
	case a != a || x != x || !(a > 0) || x < 0 || math.IsInf(a, 1) && math.IsInf(x, 1):
		return nan
	case x == 0 || math.IsInf(a, 1) || math.IsInf(x, 1):
		return 0
	}
	f := gammaFactor(a, x)
	if f == 0 {
		return 0
	}
	// x^a·e^(−x)/Γ(a+1) in powers of ε
	var factor jet
	l := r.of(0, math.Log(x)-digamma(a+1), 0)
	for k := 2; k <= r.p; k++ {
		l[k*jetWidth] = -polygamma(float64(k-1), a+1) / math.Gamma(float64(k+1))
	}
	r.exp(&factor, &l)
	r.scale(&factor, f)
	if x < a+1 {
		sum, t := r.of(1, 0, 0), r.of(1, 0, 0)
		for k := 1; k < maxTerms; k++ {
			d := r.of(a+float64(k), 1, 0)
			r.div(&t, &t, &d)
			r.scale(&t, x)
			r.add(&sum, &sum, &t)
			if r.small(&t, &sum) {
				break
			}
		}
		r.mul(&sum, &sum, &factor)
		return r.derivative(&sum)
	}
	cf := r.lentz(r.of(x+1-a, -1, 0), func(k int) {
		n := float64(k)
		r.num, r.den = r.of(-n*(n-a), n, 0), r.of(x+2*n+1-a, -1, 0)
	})
	first := r.of(a, 1, 0)
	r.mul(&factor, &factor, &first)
	r.div(&factor, &factor, &cf)
	return -r.derivative(&factor)
}

// betaInc is the derivative of I_x(a, b) of orders r.p by a and r.q by b.
func (r *jetRing) betaInc(a, b, x float64) float64 {
	if r.p == 0 && r.q == 0 {
		return betaInc(a, b, x)
	}
	switch {
	case !(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1) || math.IsInf(a, 1) || math.IsInf(b, 1):
		return math.NaN()
	case x == 0 || x == 1:
		return 0
	}
	if x > (a+1)/(a+b+2) {
		return -r.swapped.betaSide(b, a, 1-x, math.Log1p(-x), math.Log(x))
	}
	return r.betaSide(a, b, x, math.Log(x), math.Log1p(-x))
}

// betaSide is betaInc for x below the mean, given log x and log(1−x).
func (r *jetRing) betaSide(a, b, x, lx, l1x float64) float64 {
	f := math.Exp(a*lx+b*l1x-logBeta(a, b)) / a
	if f == 0 {
		return 0
	}
	// log of x^a·(1−x)^b/(a·B(a, b)) in powers of ε and δ, without its constant term
	var l, factor jet
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			n := float64(i + j)
			if n == 0 {
				continue
			}
			v := polygamma(n-1, a+b)
			if j == 0 {
				v -= polygamma(n-1, a+1) // of a·Γ(a)
			}
			if i == 0 {
				v -= polygamma(n-1, b)
			}
			switch {
			case i == 1 && j == 0:
				v += lx
			case i == 0 && j == 1:
				v += l1x
			}
			l[i*jetWidth+j] = v / (math.Gamma(float64(i+1)) * math.Gamma(float64(j+1)))
		}
	}
	r.exp(&factor, &l)
	r.scale(&factor, f)
	cf := r.lentz(r.of(1, 0, 0), func(k int) {
		m := float64(k / 2)
		var d jet
		if k%2 == 0 { // m(b−m)x / ((a+2m−1)(a+2m))
			r.num = r.of(m*(b-m)*x, 0, m*x)
			e, g := r.of(a+2*m-1, 1, 0), r.of(a+2*m, 1, 0)
			r.mul(&d, &e, &g)
		} else { // −(a+m)(a+b+m)x / ((a+2m)(a+2m+1))
			e, g := r.of(a+m, 1, 0), r.of(a+b+m, 1, 1)
			r.mul(&r.num, &e, &g)
			r.scale(&r.num, -x)
			e, g = r.of(a+2*m, 1, 0), r.of(a+2*m+1, 1, 0)
			r.mul(&d, &e, &g)
		}
		r.div(&r.num, &r.num, &d)
		r.den = r.of(1, 0, 0)
	})
	r.div(&factor, &factor, &cf)
	return r.derivative(&factor)
}
