package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

const incompleteSource = "NIST Digital Library of Mathematical Functions, "

// maxParameterOrder bounds derivatives by parameters: the kernels carry that many Taylor coefficients.
const maxParameterOrder = 7

// initIncomplete registers the incomplete gamma and beta functions and their derivatives by the parameters.
func initIncomplete() {
	opIGamma = Register(&Op{
		Name: "igamma", Symbol: "P", OperandNames: []string{"a", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats, Micro: "igamma", SingularPartials: true,
		Doc:     "The regularised lower incomplete gamma function P(a, x) = 1/Γ(a) ∫₀ˣ t^(a−1) e^(−t) dt, a > 0, x ≥ 0; NaN elsewhere.",
		Formula: "∂P/∂a (igamma_derivative), x^(a−1) e^(−x)/Γ(a)", Source: incompleteSource + "8.2.4, 8.8.13",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				return iGammaDerivative(n.inputs[0], n.inputs[1], 1)
			}
			return gammaDensity(n.inputs[0], n.inputs[1], 0)
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Values: []float64{0.5, 1.7, 12}}, {Type: Type{Float64, Shape{5}}, Values: []float64{0.3, 1, 2.2, 6, 15}}}}},
	})
	opIGammaDerivative = Register(&Op{
		Name: "igamma_derivative", LeadingBatch: true, OperandNames: []string{"a", "x"}, Family: FamilySpecial, MinArity: 2, MaxArity: 2, Kernel: "igamma_derivative",
		Attrs:   []AttrSpec{{Key: "order", Kind: attr.Int, Doc: fmt.Sprintf("which derivative, 0 to %d", maxParameterOrder)}},
		Doc:     "The derivative of the given order of igamma P(a, x) by its parameter a; the operands have the same shape.",
		Formula: "the derivative of the next order, ∂ᵏ/∂aᵏ of x^(a−1) e^(−x)/Γ(a)", Source: incompleteSource + "8.2.4",
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
			{Type: Type{Float64, Shape{7}}, Lo: 0.5, Hi: 4}, {Type: Type{Float64, Shape{7}}, Lo: 0.3, Hi: 6}}}},
	})
	opBetaInc = Register(&Op{
		Name: "betainc", Symbol: "I", OperandNames: []string{"a", "b", "x"}, Family: FamilySpecial, MinArity: 3, MaxArity: 3, Elementwise: true, DTypes: Floats, Micro: "betainc", SingularPartials: true,
		Doc:     "The regularised incomplete beta function I_x(a, b) = 1/B(a, b) ∫₀ˣ t^(a−1) (1−t)^(b−1) dt: operands a, b > 0 and x in [0, 1]; NaN elsewhere.",
		Formula: "∂I/∂a, ∂I/∂b (betainc_derivative), x^(a−1) (1−x)^(b−1)/B(a, b)", Source: incompleteSource + "8.17",
		Partial: func(n *Node, i int) *Node {
			a, b, x := n.inputs[0], n.inputs[1], n.inputs[2]
			switch i {
			case 0:
				return betaIncDerivative(a, b, x, 1, 0)
			case 1:
				return betaIncDerivative(a, b, x, 0, 1)
			}
			return betaDensity(a, b, x, 0, 0)
		},
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{3, 1}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{5}}, Lo: 1.2, Hi: 3}, {Type: Type{Float64, Shape{3, 5}}, Lo: 0.1, Hi: 0.9}}}},
	})
	opBetaIncDerivative = Register(&Op{
		Name: "betainc_derivative", LeadingBatch: true, OperandNames: []string{"a", "b", "x"}, Family: FamilySpecial, MinArity: 3, MaxArity: 3, Kernel: "betainc_derivative",
		Attrs: []AttrSpec{{Key: "order_a", Kind: attr.Int, Doc: fmt.Sprintf("which derivative by a, 0 to %d", maxParameterOrder)},
			{Key: "order_b", Kind: attr.Int, Doc: fmt.Sprintf("which derivative by b, 0 to %d", maxParameterOrder)}},
		Doc:     "The mixed derivative of betainc I_x(a, b) by its parameters a and b; the operands a, b, x have the same shape.",
		Formula: "the derivatives of the next order; that of the density by x", Source: incompleteSource + "8.17",
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

func iGammaDerivative(a, x *Node, order int) *Node {
	in, err := together(a, x)
	if err != nil {
		return graphOf(a, x).Fail("igamma_derivative", err)
	}
	return applyAll(opIGammaDerivative, in, attr.I("order", order))
}

func iGammaPartials(n *Node) (da, dx *Node) {
	a, x, k := n.inputs[0], n.inputs[1], n.extra.attrs.Int("order")
	return iGammaDerivative(a, x, k+1), gammaDensity(a, x, k)
}

// gammaDensity is ∂ᵏ/∂aᵏ of exp(L), L = (a−1)·ln x − x − ln Γ(a): D_k = Σ_j C(k−1, j)·D_j·L⁽ᵏ⁻ʲ⁾.
func gammaDensity(a, x *Node, order int) *Node {
	one := Like(a, 1)
	d := []*Node{Exp(Sub(Sub(Xlogy(Sub(a, one), x), x), Lgamma(a)))}
	for k := 1; k <= order; k++ {
		var sum *Node
		for j := range k {
			l := Neg(Polygamma(k-j-1, a))
			if k-j == 1 {
				l = Sub(Log(x), Digamma(a))
			}
			term := Mul(Like(a, binomial(k-1, j)), MulNoNan(l, d[j]))
			if sum == nil {
				sum = term
			} else {
				sum = Add(sum, term)
			}
		}
		d = append(d, sum)
	}
	return d[order]
}

func binomial(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}

func betaIncDerivative(a, b, x *Node, orderA, orderB int) *Node {
	in, err := together(a, b, x)
	if err != nil {
		return graphOf(a, b, x).Fail("betainc_derivative", err)
	}
	return applyAll(opBetaIncDerivative, in, attr.I("order_a", orderA), attr.I("order_b", orderB))
}

func betaIncPartials(n *Node) []*Node {
	a, b, x := n.inputs[0], n.inputs[1], n.inputs[2]
	i, j := n.extra.attrs.Int("order_a"), n.extra.attrs.Int("order_b")
	return []*Node{betaIncDerivative(a, b, x, i+1, j), betaIncDerivative(a, b, x, i, j+1), betaDensity(a, b, x, i, j)}
}

// betaDensity is the mixed derivative by a and b of exp(L), L = (a−1)·ln x + (b−1)·ln(1−x) − ln B(a, b), by the product rule
// on exp(L)·∂L.
func betaDensity(a, b, x *Node, orderA, orderB int) *Node {
	one := Like(a, 1)
	logBeta := Sub(Add(Lgamma(a), Lgamma(b)), Lgamma(Add(a, b)))
	partial := func(i, j int) *Node { // ∂^(i+j) L / ∂aⁱ ∂bʲ
		l := Polygamma(i+j-1, Add(a, b))
		if j == 0 {
			l = Sub(l, Polygamma(i-1, a))
		}
		if i == 0 {
			l = Sub(l, Polygamma(j-1, b))
		}
		switch {
		case i == 1 && j == 0:
			l = Add(l, Log(x))
		case i == 0 && j == 1:
			l = Add(l, Log1p(Neg(x)))
		}
		return l
	}
	density := Exp(Sub(Add(Xlogy(Sub(a, one), x), Xlog1py(Sub(b, one), Neg(x))), logBeta))
	done := map[[2]int]*Node{{0, 0}: density}
	var derive func(i, j int) *Node
	derive = func(i, j int) *Node {
		if d := done[[2]int{i, j}]; d != nil {
			return d
		}
		// One derivative falls on L, the others are shared out.
		di, dj := 1, 0
		if i == 0 {
			di, dj = 0, 1
		}
		var sum *Node
		for p := 0; p <= i-di; p++ {
			for q := 0; q <= j-dj; q++ {
				c := binomial(i-di, p) * binomial(j-dj, q)
				term := Mul(Like(a, c), MulNoNan(partial(i-p, j-q), derive(p, q)))
				if sum == nil {
					sum = term
				} else {
					sum = Add(sum, term)
				}
			}
		}
		done[[2]int{i, j}] = sum
		return sum
	}
	return derive(orderA, orderB)
}

// IGamma returns the regularised lower incomplete gamma function P(a, x), elementwise.
func IGamma(a, x *Node) *Node { return apply2(opIGamma, a, x) }

// BetaInc returns the regularised incomplete beta function I_x(a, b), elementwise.
func BetaInc(a, b, x *Node) *Node { return apply3(opBetaInc, a, b, x) }
