package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Bounds of the derivatives of the incomplete gamma and beta functions, by parameters and by x.
const (
	MaxParameterOrder = 7
	MaxDensityOrder   = 30
)

func init() {
	Register(&Kernel{
		Name: "igamma_derivative",
		Doc: "The derivative of orders order by a and order_x (0 if left out) by x of the regularised lower incomplete gamma function P(a, x): operands a, x of one float type. " +
			"In float64, by recurrence and quadrature on Taylor polynomials in a.",
		Check:   func(in, out []Type, a attr.List) error { return checkJetCall(in, out, a, 2, "order") },
		Work:    timesElements(jetWork),
		Prepare: func(in, out []Type, a attr.List) any { return newJetRing(a.Int("order"), 0) },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, runIGammaDerivative[float64], runIGammaDerivative[float32])(c)
		},
	})
	Register(&Kernel{
		Name: "betainc_derivative",
		Doc: "The mixed derivative of orders order_a by a, order_b by b and order_x (0 if left out) by x of the regularised incomplete beta function I_x(a, b): operands a, b, x of one float type. " +
			"In float64, by recurrence and quadrature on Taylor polynomials in a and b.",
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
	rules = append(rules, option("order_x", attr.Int))
	if err := checkCall(in, out, a, arity, 1, rules...); err != nil {
		return err
	}
	for _, key := range orders {
		if k := a.Int(key); k < 0 || k > MaxParameterOrder {
			return fmt.Errorf("%s is %d, needs 0 to %d", key, k, MaxParameterOrder)
		}
	}
	if k := a.Int("order_x"); k < 0 || k > MaxDensityOrder {
		return fmt.Errorf("order_x is %d, needs 0 to %d", k, MaxDensityOrder)
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
	as, xs, m := data[T](&c.In[0]), data[T](&c.In[1]), c.Attrs.Int("order_x")
	for i := range data[T](&c.Out[0]) {
		c.Poll(jetWork)
		data[T](&c.Out[0])[i] = T(r.iGamma(float64(as[i]), float64(xs[i]), m))
	}
	return nil
}

func runBetaIncDerivative[T float](c *Call) error {
	r := c.State.(*jetRing)
	as, bs, xs, m := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.In[2]), c.Attrs.Int("order_x")
	for i := range data[T](&c.Out[0]) {
		c.Poll(jetWork)
		data[T](&c.Out[0])[i] = T(r.betaInc(float64(as[i]), float64(bs[i]), float64(xs[i]), m))
	}
	return nil
}

// jet is a polynomial in ε and δ, coefficient of εⁱδʲ at i·jetWidth + j, cut off beyond the orders of its ring.
type jet [jetWidth * jetWidth]float64

const jetWidth = MaxParameterOrder + 1

// jetRing is the arithmetic of jets of orders p in ε and q in δ.
type jetRing struct {
	p, q    int
	swapped *jetRing // with the orders exchanged
}

func newJetRing(p, q int) *jetRing {
	r := &jetRing{p: p, q: q, swapped: &jetRing{p: q, q: p}}
	r.swapped.swapped = r
	return r
}

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
	if r.p+r.q == 0 {
		z[0] = x[0] * y[0]
		return
	}
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

// timesExp sets z = z·e^x for x without constant term: Σ z·xᵏ/k!.
func (r *jetRing) timesExp(z, x *jet) {
	term := *z
	for k := 1; k <= r.p+r.q; k++ {
		r.mul(&term, &term, x)
		r.scale(&term, 1/float64(k))
		r.add(z, z, &term)
	}
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

// derivative returns p!·q! times the coefficient of the highest order.
func (r *jetRing) derivative(x *jet) float64 {
	return math.Gamma(float64(r.p+1)) * math.Gamma(float64(r.q+1)) * x[r.p*jetWidth+r.q]
}
