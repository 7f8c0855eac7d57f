package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

const incompleteSource = "NIST Digital Library of Mathematical Functions, "

// Bounds of the derivatives by parameters, of which the kernels carry that many Taylor coefficients, and by x.
const (
	maxParameterOrder = 7
	maxDensityOrder   = 30
)

const incompleteAccuracy = " The relative error is below 1e-13 for values above 1e-100 and grows with their logarithm below (near a change of sign of a derivative it is one of its scale), " +
	"for parameters from 1e-300 to 1e300; the time is bounded."

// initIncomplete registers the incomplete gamma and beta functions and their derivatives by the parameters.
func initIncomplete() {
	opIGamma = Register(&Op{
		Name: "igamma", Symbol: "P", OperandNames: []string{"a", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "igamma", SingularPartials: true,
		Doc:     "The regularised lower incomplete gamma function P(a, x) = 1/Γ(a) ∫₀ˣ t^(a−1) e^(−t) dt, a > 0, x ≥ 0; NaN elsewhere." + incompleteAccuracy,
		Formula: "∂P/∂a (igamma_derivative), x^(a−1) e^(−x)/Γ(a)", Source: incompleteSource + "8.2.4, 8.8.13",
		Partial: func(n *Node, i int) *Node {
			return iGammaDerivative(n.Input(0), n.Input(1), 1-i, i)
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Values: []float64{0.5, 1.7, 12}}, {Type: Type{Float64, Shape{5}}, Values: []float64{0.3, 1, 2.2, 6, 15}}}}},
	})
	opIGammaDerivative = Register(&Op{
		Name: "igamma_derivative", Pattern: ElementPattern(sameElement), LeadingBatch: true, OperandNames: []string{"a", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Kernel: "igamma_derivative",
		Attrs: []AttrSpec{{Key: "order", Kind: attr.Int, Doc: fmt.Sprintf("which derivative by a, 0 to %d", maxParameterOrder)},
			{Key: "order_x", Kind: attr.Int, Optional: true, Doc: fmt.Sprintf("which derivative by x, 0 (by default) to %d", maxDensityOrder)}},
		Doc: "The mixed derivative of igamma P(a, x) by a and x, at x = 0 the limit; the operands have the same shape." +
			incompleteAccuracy,
		Formula: "the derivatives of the next order", Source: incompleteSource + "8.2.4",
		Infer: func(in []*Node, a attr.List) (Type, error) { return sameFloats(in, a, "order") },
		VJP: func(n *Node, ct []*Node) []*Node {
			da, dx := iGammaPartials(n)
			return []*Node{MulNoNan(da, ct[0]), MulNoNan(dx, ct[0])}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			da, dx := iGammaPartials(n)
			return []*Node{combination(n, []*Node{da, dx}, dot)}
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("order", 1)), In: []SampleInput{
			{Type: Type{Float64, Shape{7}}, Lo: 0.5, Hi: 4}, {Type: Type{Float64, Shape{7}}, Lo: 0.3, Hi: 6}}},
			{Attrs: attr.Make(attr.I("order", 1), attr.I("order_x", 2)), In: []SampleInput{
				{Type: Type{Float64, Shape{7}}, Lo: 0.5, Hi: 4}, {Type: Type{Float64, Shape{7}}, Lo: 0.3, Hi: 6}}}},
	})
	opBetaInc = Register(&Op{
		Name: "betainc", Symbol: "I", OperandNames: []string{"a", "b", "x"}, Family: FamilySpecial, MinArity: 3, MaxArity: 3, Elementwise: true, DTypes: Floats, Micro: "betainc", SingularPartials: true,
		Doc:     "The regularised incomplete beta function I_x(a, b) = 1/B(a, b) ∫₀ˣ t^(a−1) (1−t)^(b−1) dt: operands a, b > 0 and x in [0, 1]; NaN elsewhere." + incompleteAccuracy,
		Formula: "∂I/∂a, ∂I/∂b (betainc_derivative), x^(a−1) (1−x)^(b−1)/B(a, b)", Source: incompleteSource + "8.17",
		Partial: func(n *Node, i int) *Node {
			var orders [3]int
			orders[i] = 1
			return betaIncDerivative(n, orders)
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{5}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{3, 5}}, Lo: 0.1, Hi: 0.9}}}},
	})
	opBetaIncDerivative = Register(&Op{
		Name: "betainc_derivative", Pattern: ElementPattern(sameElement), LeadingBatch: true, OperandNames: []string{"a", "b", "x"}, Family: FamilySpecial, MinArity: 3, MaxArity: 3, Kernel: "betainc_derivative",
		Attrs: []AttrSpec{{Key: "order_a", Kind: attr.Int, Doc: fmt.Sprintf("which derivative by a, 0 to %d", maxParameterOrder)},
			{Key: "order_b", Kind: attr.Int, Doc: fmt.Sprintf("which derivative by b, 0 to %d", maxParameterOrder)},
			{Key: "order_x", Kind: attr.Int, Optional: true, Doc: fmt.Sprintf("which derivative by x, 0 (by default) to %d", maxDensityOrder)}},
		Doc: "The mixed derivative of betainc I_x(a, b) by a, b and x, at x = 0 and 1 the limit; the operands a, b, x have the same shape." +
			incompleteAccuracy,
		Formula: "the derivatives of the next order", Source: incompleteSource + "8.17",
		Infer: func(in []*Node, a attr.List) (Type, error) { return sameFloats(in, a, "order_a", "order_b") },
		VJP: func(n *Node, ct []*Node) []*Node {
			p := betaIncPartials(n)
			for i := range p {
				p[i] = MulNoNan(p[i], ct[0])
			}
			return p
		},
		JVP: func(n *Node, dot []*Node) []*Node { return []*Node{combination(n, betaIncPartials(n), dot)} },
		Samples: []Sample{{Attrs: attr.Make(attr.I("order_a", 1), attr.I("order_b", 0)), In: []SampleInput{
			{Type: Type{Float64, Shape{5}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{5}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{5}}, Lo: 0.1, Hi: 0.9}}},
			{Attrs: attr.Make(attr.I("order_a", 0), attr.I("order_b", 1), attr.I("order_x", 2)), In: []SampleInput{
				{Type: Type{Float64, Shape{5}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{5}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{5}}, Lo: 0.1, Hi: 0.9}}}},
	})
}

// sameFloats checks float operands of one type and the orders of derivatives.
func sameFloats(in []*Node, a attr.List, orders ...string) (Type, error) {
	t := *in[0].typ
	for _, n := range in {
		if !n.typ.DType.IsFloat() || !n.typ.Equal(t) {
			return Type{}, fmt.Errorf("operands are %v and %v: need the same type, with one of %v", t, n.typ, Floats)
		}
	}
	for _, key := range orders {
		if k := a.Int(key); k < 0 || k > maxParameterOrder {
			return Type{}, fmt.Errorf("%s %d is outside of [0, %d]", key, k, maxParameterOrder)
		}
	}
	if k := a.Int("order_x"); k < 0 || k > maxDensityOrder {
		return Type{}, fmt.Errorf("order_x %d is outside of [0, %d]", k, maxDensityOrder)
	}
	return t, nil
}

// combination is Σ partials·dots over the dots that are not nil.
func combination(n *Node, partials, dot []*Node) *Node {
	var sum *Node
	for i, d := range dot {
		if d == nil {
			continue
		}
		term := MulNoNan(partials[i], d)
		if sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
		}
	}
	return BroadcastTo(sum, n.typ.Shape...)
}

// together broadcasts nodes to their common shape.
func together(xs ...*Node) ([]*Node, error) {
	shapes := make([]Shape, len(xs))
	for i, x := range xs {
		if !x.Valid() {
			return xs, nil
		}
		shapes[i] = x.typ.Shape
	}
	s, err := BroadcastShapes(shapes...)
	if err != nil {
		return nil, err
	}
	out := make([]*Node, len(xs))
	for i, x := range xs {
		out[i] = BroadcastTo(x, s...)
	}
	return out, nil
}

func iGammaDerivative(a, x *Node, orderA, orderX int) *Node {
	in, err := together(a, x)
	if err != nil {
		return graphOf(a, x).Fail("igamma_derivative", err)
	}
	return applyAll(opIGammaDerivative, in, attr.I("order", orderA), attr.I("order_x", orderX))
}

func iGammaPartials(n *Node) (da, dx *Node) {
	a, x, i, j := n.Input(0), n.Input(1), n.extra.attrs.Int("order"), n.extra.attrs.Int("order_x")
	return iGammaDerivative(a, x, i+1, j), iGammaDerivative(a, x, i, j+1)
}

// betaIncDerivative is the derivative of I_x(a, b) for the operands of n.
func betaIncDerivative(n *Node, orders [3]int) *Node {
	in, err := together(n.Inputs()...)
	if err != nil {
		return graphOf(n.Inputs()...).Fail("betainc_derivative", err)
	}
	return applyAll(opBetaIncDerivative, in, attr.I("order_a", orders[0]), attr.I("order_b", orders[1]), attr.I("order_x", orders[2]))
}

func betaIncPartials(n *Node) []*Node {
	partials := make([]*Node, 3)
	for i := range partials {
		orders := [3]int{n.extra.attrs.Int("order_a"), n.extra.attrs.Int("order_b"), n.extra.attrs.Int("order_x")}
		orders[i]++
		partials[i] = betaIncDerivative(n, orders)
	}
	return partials
}

// IGamma returns the regularised lower incomplete gamma function P(a, x), elementwise.
func IGamma(a, x *Node) *Node { return apply2(opIGamma, a, x) }

// BetaInc returns the regularised incomplete beta function I_x(a, b), elementwise.
func BetaInc(a, b, x *Node) *Node { return apply3(opBetaInc, a, b, x) }
