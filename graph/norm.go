package graph

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opReduceVar, opReduceStd, opReduceL1, opReduceL2, opReduceInverseRMS, opNormOfSquares, opReduceLInf, opCountNonzero *Op

var ddofAttr = AttrSpec{Key: "ddof", Kind: attr.Int, Doc: "delta degrees of freedom: the divisor is the number of elements less ddof"}

func init() {
	opReduceVar = Register(momentOp("reduce_var", "variance", "The variance over dimensions: Σ (x − mean)²/(count − ddof). NaN if ddof is the count or more.",
		"2(x − mean)/(count − ddof)·adjoint",
		func(n *Node) *Node {
			return Div(reduceLike2(opReduceSum, n, Square(centred(n))), Like(n, divisorOf(n)))
		}))
	opReduceStd = Register(momentOp("reduce_std", "σ", "The standard deviation over dimensions: √(Σ (x − mean)²/(count − ddof)). The derivative where it is 0 is 0. NaN if ddof is the count or more.",
		"(x − mean)/((count − ddof)·σ)·adjoint, 0 where σ = 0",
		func(n *Node) *Node {
			return Div(reduceLike2(opReduceL2, n, centred(n)), Like(n, math.Sqrt(divisorOf(n))))
		}))
	opReduceL1 = Register(reduction(Op{
		Name: "reduce_l1", Symbol: "‖ · ‖₁", DTypes: Numbers,
		Doc: "The sum of absolute values over dimensions. Integers wrap.", Formula: "sign(x)·adjoint", ThroughExpand: true,
		Expand: func(n *Node) *Node { return reduceLike(opReduceSum, n, Abs(n.Input(0))) },
	}))
	opReduceL2 = Register(reduction(Op{
		Name: "reduce_l2", OfNothing: ofNothing(0), Symbol: "‖ · ‖₂", DTypes: Floats,
		Doc:     "The Euclidean norm over dimensions, √Σ x², also where the squares overflow or underflow. The derivative where it is 0 is 0.",
		Formula: "x/‖x‖·adjoint, 0 where ‖x‖ = 0",
		VJP: func(n *Node, ct []*Node) []*Node {
			x, norm := scaledByNorm(n)
			// As x/‖x‖ times the adjoint, whose derivatives have no cubes of the norm.
			return []*Node{Mul(Mul(x, spread(n, overNorm(norm, Like(norm, 1)))), spread(n, ct[0]))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			x, norm := scaledByNorm(n)
			return []*Node{overNorm(norm, reduceLike(opReduceSum, n, Mul(x, dot[0])))}
		},
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			return n.g.Apply(opNormOfSquares, []*Node{x, reduceLike(opReduceSum, n, Square(x))}, n.extra.attrs)
		},
		Samples: append(reduceSamples(), Sample{NoDifferences: "a norm of 0", Attrs: attr.Make(attr.L("axes", []int{1}), attr.B("keepdims", false)),
			In: []SampleInput{{Type: Type{Float64, Shape{2, 2}}, Values: []float64{0, 0, 3, 4}}}}),
	}))
	opReduceInverseRMS = Register(inverseRMSOp())
	opNormOfSquares = Register(&Op{
		Name: "norm_of_squares", Pattern: ElementPattern(sameElement), Family: FamilyReduce, MinArity: 2, MaxArity: 2, Attrs: append([]AttrSpec{}, reduceAttrs...), Kernel: "norm_of_squares",
		Doc:     "√s for s = Σ x² over dimensions: operands x, s. Where s has overflowed or underflowed the norm is found from x.",
		Formula: "–, adjoint/(2·norm), 0 where it is 0",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			if d := in[0].typ.DType; !d.IsFloat() {
				return Type{}, fmt.Errorf("the operand is %v: needs one of %v", d, Floats)
			}
			s, err := reducedShape(in[0].typ.Shape, a)
			t := Type{in[0].typ.DType, s}
			if err == nil && !in[1].typ.Equal(t) {
				err = fmt.Errorf("the sum is %v: needs %v", in[1].typ, t)
			}
			return t, err
		},
		VJP: func(n *Node, ct []*Node) []*Node { return []*Node{nil, overNorm(n, Mul(ct[0], Like(n, 0.5)))} },
		JVP: func(n *Node, dot []*Node) []*Node {
			if dot[1] == nil {
				return []*Node{nil}
			}
			return []*Node{overNorm(n, Mul(dot[1], Like(n, 0.5)))}
		},
		Samples: []Sample{{Attrs: attr.Make(attr.L("axes", []int{1}), attr.B("keepdims", false)), In: []SampleInput{
			{Type: Type{Float64, Shape{3, 5}}, Constant: true}, {Type: Type{Float64, Shape{3}}, Lo: 0.5, Hi: 3}}}},
	})
	opReduceLInf = Register(reduction(Op{
		Name: "reduce_linf", Symbol: "‖ · ‖∞", DTypes: Floats,
		Doc: "The largest absolute value over dimensions. Equal largest ones share the adjoint.", Formula: "sign(x)·adjoint over the number of ties, where largest",
		ThroughExpand: true,
		Expand:        func(n *Node) *Node { return reduceLike(opReduceMax, n, Abs(n.Input(0))) },
	}))
	opCountNonzero = Register(&Op{
		Name: "count_nonzero", AlongAxis: true, Family: FamilyReduce, MinArity: 1, MaxArity: 1, Attrs: append([]AttrSpec{}, reduceAttrs...),
		Doc: "The number of elements that are not 0 (that are true) over dimensions, as int64. NaN counts.", NoDerivative: "the result is an integer",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, err := reducedShape(in[0].typ.Shape, a)
			return Type{Int64, s}, err
		},
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			if x.typ.DType != Bool {
				x = NotEqual(x, Like(x, 0))
			}
			return reduceLike(opReduceSum, n, Cast(x, Int64))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.L("axes", []int{1}), attr.B("keepdims", false)),
			In: []SampleInput{{Type: Type{Float64, Shape{2, 3}}, Values: []float64{0, 1, -2, 0, 0, posInf - posInf}}}}, boolSamples()[0]},
	})
}

// momentOp describes a reduction with the attribute ddof.
func momentOp(name, symbol, doc, formula string, expand func(n *Node) *Node) *Op {
	op := reduction(Op{Name: name, Symbol: symbol, DTypes: Floats, Doc: doc, Formula: formula, ThroughExpand: true, Expand: expand})
	op.Attrs = append(op.Attrs, ddofAttr)
	infer := op.Infer
	op.Infer = func(in []*Node, a attr.List) (Type, error) {
		t, err := infer(in, a)
		if err == nil {
			if a.Int("ddof") < 0 {
				err = fmt.Errorf("ddof %d is below 0", a.Int("ddof"))
			}
		}
		return t, err
	}
	for i, s := range op.Samples {
		op.Samples[i].Attrs = attr.Make(append(append([]attr.Named{}, s.Attrs...), attr.I("ddof", i%2))...)
	}
	return op
}

// inverseRMSOp describes the reciprocal of the root mean square with ε. With its own derivative it is smooth where x is 0, unlike the norm that it is computed from, and
// neither overflows nor underflows with the cubes that the chain rule makes.
func inverseRMSOp() *Op {
	// share is ρ·v/count.
	share := func(n, v *Node) *Node { return Mul(n, Mul(v, Like(n, -1/reducedCount(n)))) }
	op := reduction(Op{
		Name: "reduce_inverse_rms", Symbol: "1/rms", DTypes: Floats,
		Doc:     "The reciprocal ρ of the root mean square over dimensions, 1/√(mean of x² + ε), also where the squares overflow.",
		Formula: "−x·ρ³/count·adjoint",
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{Mul(Mul(n.Input(0), spread(n, n)), spread(n, share(n, Mul(n, ct[0]))))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{share(n, reduceLike2(opReduceSum, n, Mul(Mul(n.Input(0), spread(n, n)), Mul(dot[0], spread(n, n)))))}
		},
		Expand: func(n *Node) *Node {
			root := Mul(reduceLike2(opReduceL2, n, n.Input(0)), Like(n, 1/math.Sqrt(reducedCount(n))))
			return Reciprocal(Hypot(root, Like(n, math.Sqrt(n.extra.attrs.Float("epsilon")))))
		},
	})
	op.Attrs = append(op.Attrs, AttrSpec{Key: "epsilon", Kind: attr.Float, Doc: "added to the mean, > 0"})
	infer := op.Infer
	op.Infer = func(in []*Node, a attr.List) (Type, error) {
		t, err := infer(in, a)
		return t, firstError(err, checkEpsilon(a))
	}
	for i, s := range op.Samples {
		op.Samples[i].Attrs = attr.Make(append(append([]attr.Named{}, s.Attrs...), attr.F("epsilon", 1e-3))...)
	}
	return op
}

// reduceLike2 applies a plain reduction over the dimensions of n, which has more attributes.
func reduceLike2(op *Op, n, x *Node) *Node {
	return applyAll(op, []*Node{x}, attr.L("axes", n.extra.attrs.Ints("axes")), attr.B("keepdims", n.extra.attrs.Bool("keepdims")))
}

// centred is the operand of a reduction less its mean.
func centred(n *Node) *Node {
	x := n.Input(0)
	return Sub(x, applyAll(opReduceMean, []*Node{x}, attr.L("axes", n.extra.attrs.Ints("axes")), attr.B("keepdims", true)))
}

// divisorOf is the number of elements less ddof, NaN if that is not above 0 (JAX).
func divisorOf(n *Node) float64 {
	if d := reducedCount(n) - float64(n.extra.attrs.Int("ddof")); d > 0 {
		return d
	}
	return math.NaN()
}

// scaledByNorm is the operand of a norm and the norm, both times a power of two that brings the norm near 1 where it is far from it, so that quotients by it and by its
// powers, of derivatives of higher orders, neither overflow nor underflow before they have to.
func scaledByNorm(n *Node) (x, norm *Node) {
	// Beyond 2^b, away from 1, times 2^s.
	bands := [][2]int{{100, -250}, {400, -460}, {600, -760}, {-100, 250}, {-400, 505}, {-600, 700}, {-800, 1000}}
	if n.typ.DType == Float32 {
		bands = [][2]int{{20, -40}, {50, -58}, {75, -100}, {-20, 40}, {-50, 60}, {-75, 90}, {-95, 125}}
	}
	power := func(e int) *Node { return Like(n, math.Ldexp(1, e)) }
	s := power(0)
	for _, b := range bands {
		beyond := Less
		if b[0] > 0 {
			beyond = Greater
		}
		s = Where(beyond(n, power(b[0])), power(b[1]), s)
	}
	return Mul(n.Input(0), keepDims(n, s)), Mul(n, s)
}

// overNorm is v/n, 0 where the norm n is 0.
func overNorm(n, v *Node) *Node {
	zero := Equal(n, Like(n, 0))
	return Where(zero, Like(n, 0), Div(v, n))
}

func moment(op *Op, x *Node, axes []int, ddof int, opts []ReduceOption) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	norm, err := axesOf(axes, x.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail(op.Name, err)
	}
	return applyAll(op, []*Node{x}, attr.L("axes", norm), attr.B("keepdims", keeps(opts)), attr.I("ddof", ddof))
}

// ReduceVar returns the variance of x over the axes, all if there are none, with the divisor count − ddof, NaN where that is not above 0. That of integers and bools is a float64.
func ReduceVar(x *Node, axes []int, ddof int, opts ...ReduceOption) *Node {
	return moment(opReduceVar, orCast(x, Floats, Float64), axes, ddof, opts)
}

// ReduceStd returns the standard deviation of x over the axes, all if there are none, with the divisor count − ddof, NaN where that is not above 0. That of integers and bools is a float64.
func ReduceStd(x *Node, axes []int, ddof int, opts ...ReduceOption) *Node {
	return moment(opReduceStd, orCast(x, Floats, Float64), axes, ddof, opts)
}

// ReduceL1 returns the sum of absolute values of x over the axes, all if there are none. Bools are added up as int64.
func ReduceL1(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceL1, orCast(x, Numbers, Int64), axes, keeps(opts))
}

// ReduceL2 returns the Euclidean norm of x over the axes, all if there are none; its derivative at 0 is 0.
func ReduceL2(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceL2, orCast(x, Floats, Float64), axes, keeps(opts))
}

// ReduceLInf returns the largest absolute value of x over the axes, all if there are none.
func ReduceLInf(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceLInf, orCast(x, Floats, Float64), axes, keeps(opts))
}

// CountNonzero returns the number of elements of x over the axes that are not 0, as int64.
func CountNonzero(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opCountNonzero, x, axes, keeps(opts))
}

// ReduceLp returns the p-norm of x over the axes, all if there are none: (Σ |x|ᵖ)^(1/p) for p ≥ 1, also where the powers overflow or underflow; for p = ∞ the largest absolute value. The derivative where it is 0 is 0.
func ReduceLp(x *Node, p float64, axes []int, opts ...ReduceOption) *Node {
	x = orCast(x, Floats, Float64)
	switch {
	case !x.Valid():
		return apply1(opIdentity, x)
	case !(p >= 1):
		return x.g.Fail("reduce_lp", fmt.Errorf("the norm of order %v: needs 1 or more", p))
	case p == 1:
		return ReduceL1(x, axes, opts...)
	case p == 2:
		return ReduceL2(x, axes, opts...)
	case math.IsInf(p, 1):
		return ReduceLInf(x, axes, opts...)
	}
	if isEmpty(x) {
		return ReduceL1(x, axes, opts...)
	}
	// No derivative passes through the largest element, by which the others are divided and their norm multiplied.
	top := StopGradient(ReduceLInf(x, axes, KeepDims))
	if !top.Valid() {
		return top
	}
	plain := LogicalOr(Equal(top, Like(x, 0)), LogicalNot(IsFinite(top)))
	scale := Where(plain, Like(x, 1), top)
	sum := ReduceSum(Pow(Div(Abs(x), scale), Like(x, p)), axes, opts...)
	if !sum.Valid() {
		return sum
	}
	zero := Equal(sum, Like(sum, 0))
	root := Where(zero, Like(sum, 0), Pow(Where(zero, Like(sum, 1), sum), Like(sum, 1/p)))
	return Mul(root, Reshape(scale, sum.typ.Shape...))
}

// Pdist returns the distances in the p-norm, p ≥ 1, of all pairs of points in the rows of x [… n×d], [… n·(n − 1)/2]: of the first from those behind it, then of the second (SciPy's and PyTorch's pdist). The derivative where a distance is 0 is 0.
func Pdist(x *Node, p float64) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	r := x.typ.Shape.Rank()
	if r < 2 {
		return x.g.Fail("pdist", fmt.Errorf("the operand is %v: needs rank 2 or more", x.typ))
	}
	var first, second []int64
	for i := range x.typ.Shape[r-2] {
		for j := i + 1; j < x.typ.Shape[r-2]; j++ {
			first, second = append(first, int64(i)), append(second, int64(j))
		}
	}
	rows := func(at []int64) *Node { return Gather(x, Constant(x.g, at, len(at)), r-2) }
	return ReduceLp(Sub(rows(first), rows(second)), p, []int{-1})
}

// Cdist returns the distances [… m×n] in the p-norm, p ≥ 1, of points in the rows of a [… m×d] from those of b [… n×d] (PyTorch's cdist, SciPy's). The derivative where a distance is 0 is 0.
func Cdist(a, b *Node, p float64) *Node {
	if !a.Valid() || !b.Valid() {
		return Sub(a, b)
	}
	if a.typ.Shape.Rank() < 2 || b.typ.Shape.Rank() < 2 {
		return a.g.Fail("cdist", fmt.Errorf("operands are %v and %v: need rank 2 or more", a.typ, b.typ))
	}
	return ReduceLp(Sub(ExpandDims(a, -2), ExpandDims(b, -3)), p, []int{-1})
}
