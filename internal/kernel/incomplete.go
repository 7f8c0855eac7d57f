package kernel

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/elem"
)

func init() {
	Register(&Kernel{
		Name:  "igamma_derivative",
		Plain: true,
		Doc: "The derivative of orders order by a and order_x (0 if left out) by x of the regularised lower incomplete gamma function P(a, x): operands a, x of one float type. " +
			"In float64, by recurrence and quadrature on Taylor polynomials in a.",
		Check:   func(in, out []Type, a attr.List) error { return checkJetCall(in, out, a, 2, "order") },
		Work:    timesElements(jetWork),
		Prepare: func(in, out []Type, a attr.List) any { return elem.NewJetRing(a.Int("order"), 0) },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, runIGammaDerivative[float64], runIGammaDerivative[float32])(c)
		},
	})
	Register(&Kernel{
		Name:  "betainc_derivative",
		Plain: true,
		Doc: "The mixed derivative of orders order_a by a, order_b by b and order_x (0 if left out) by x of the regularised incomplete beta function I_x(a, b): operands a, b, x of one float type. " +
			"In float64, by recurrence and quadrature on Taylor polynomials in a and b.",
		Check:   func(in, out []Type, a attr.List) error { return checkJetCall(in, out, a, 3, "order_a", "order_b") },
		Work:    timesElements(jetWork),
		Prepare: func(in, out []Type, a attr.List) any { return elem.NewJetRing(a.Int("order_a"), a.Int("order_b")) },
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
		if k := a.Int(key); k < 0 || k > elem.MaxParameterOrder {
			return fmt.Errorf("%s is %d, needs 0 to %d", key, k, elem.MaxParameterOrder)
		}
	}
	if k := a.Int("order_x"); k < 0 || k > elem.MaxDensityOrder {
		return fmt.Errorf("order_x is %d, needs 0 to %d", k, elem.MaxDensityOrder)
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
	r := c.State.(*elem.JetRing)
	as, xs, m := data[T](&c.In[0]), data[T](&c.In[1]), c.Attrs.Int("order_x")
	for i := range data[T](&c.Out[0]) {
		c.Poll(jetWork)
		data[T](&c.Out[0])[i] = T(r.IGamma(float64(as[i]), float64(xs[i]), m))
	}
	return nil
}

func runBetaIncDerivative[T float](c *Call) error {
	r := c.State.(*elem.JetRing)
	as, bs, xs, m := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.In[2]), c.Attrs.Int("order_x")
	for i := range data[T](&c.Out[0]) {
		c.Poll(jetWork)
		data[T](&c.Out[0])[i] = T(r.BetaInc(float64(as[i]), float64(bs[i]), float64(xs[i]), m))
	}
	return nil
}
