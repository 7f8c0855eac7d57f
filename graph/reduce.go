package graph

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

var reduceAttrs = []AttrSpec{
	{Key: "axes", Kind: attr.Ints, Doc: "the reduced dimensions, ascending"},
	{Key: "keepdims", Kind: attr.Bool, Doc: "keep them with extent 1"},
}

// reducedShape checks axes and returns the result's shape.
func reducedShape(s Shape, a attr.List) (Shape, error) {
	axes := a.Ints("axes")
	if err := normalAxes(axes, len(s)); err != nil {
		return nil, err
	}
	return shape.Reduced(s, axes, a.Bool("keepdims")), nil
}

func reduction(op Op) *Op {
	op.Family, op.MinArity, op.MaxArity, op.Attrs = FamilyReduce, 1, 1, append([]AttrSpec{}, reduceAttrs...)
	if op.Expand == nil {
		op.Kernel = op.Name
	}
	op.AlongAxis = true
	if op.Differentiable() {
		op.Pattern = Lines
	}
	dtypes := op.DTypes
	op.Infer = func(in []*Node, a attr.List) (Type, error) {
		if !dtypes.Has(in[0].typ.DType) {
			return Type{}, fmt.Errorf("the operand is %v: needs one of %v", in[0].typ.DType, dtypes)
		}
		s, err := reducedShape(in[0].typ.Shape, a)
		return Type{in[0].typ.DType, s}, err
	}
	if op.Samples == nil {
		op.Samples = reduceSamples()
	}
	return &op
}

func reduceSamples() []Sample {
	return []Sample{
		shapeSample(Shape{3, 5}, attr.L("axes", []int{0, 1}), attr.B("keepdims", false)),
		shapeSample(Shape{3, 5, 7}, attr.L("axes", []int{1}), attr.B("keepdims", true)),
		shapeSample(Shape{3, 5}, attr.L("axes", []int{1}), attr.B("keepdims", false)),
	}
}

// spread brings a reduction's result (or its adjoint) back to the operand's shape.
func spread(n, v *Node) *Node {
	return BroadcastTo(keepDims(n, v), n.Input(0).typ.Shape...)
}

// keepDims gives v, which has the shape of the reduction n, the reduced dimensions with extent 1.
func keepDims(n, v *Node) *Node {
	s := append(Shape{}, n.Input(0).typ.Shape...)
	for _, a := range n.extra.attrs.Ints("axes") {
		s[a] = 1
	}
	return Reshape(v, s...)
}

// reduceLike applies a reduction with n's attributes.
func reduceLike(op *Op, n, x *Node) *Node { return n.g.Apply(op, []*Node{x}, n.extra.attrs) }

// reducedCount is the number of elements that each result of a reduction comes from.
func reducedCount(n *Node) float64 {
	return float64(n.Input(0).typ.Shape.Size() / n.typ.Shape.Size())
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opReduceSum, opReduceMean, opReduceProd, opReduceMax, opReduceMin, opLogSumExp, opLogSumExpDerivative, opReduceAny, opReduceAll, opArgmax, opArgmin, opSoftmax, opLogSoftmax *Op

func init() {
	opReduceSum = Register(reduction(Op{
		Name: "reduce_sum", OfNothing: ofNothing(0), Reduction: "add", Symbol: "Σ", Partials: []string{"1"}, DTypes: Numbers,
		Doc:      "The sum over dimensions, in an order that the shape alone decides. Integers wrap.",
		Accuracy: "(72 + log₂ n)·u·Σ|xᵢ| for n elements",
		Formula:  "the adjoint, repeated", JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node { return spread(n, ct) },
	}))
	opReduceMean = Register(reduction(Op{
		Name: "reduce_mean", OfNothing: ofNothing(posInf - posInf), Symbol: "mean", DTypes: Floats,
		Doc: "The mean over dimensions, also where the sum overflows. Where elements are below the smallest normal number times their count, digits of them are lost.", Formula: "the adjoint over the count, repeated", JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node { return spread(n, Mul(ct, Like(ct, 1/reducedCount(n)))) },
		Expand: func(n *Node) *Node {
			// The power of two is exact, so the quotient is that of the sum.
			fraction, e := math.Frexp(reducedCount(n))
			return Div(reduceLike(opReduceSum, n, Mul(n.Input(0), Like(n, math.Ldexp(1, -e)))), Like(n, fraction))
		},
	}))
	opReduceProd = Register(reduction(Op{
		Name: "reduce_prod", OfNothing: ofNothing(1), Reduction: "mul", Symbol: "Π", DTypes: Numbers,
		Doc:           "The product over dimensions, in a tree of halves. Derivatives are exact at zeros. Integers wrap.",
		Accuracy:      "n·u·|Π xᵢ| for n elements",
		Formula:       "the product of the other elements",
		ThroughExpand: true,
		Expand:        expandProd,
		Samples: append(reduceSamples(), Sample{Attrs: attr.Make(attr.L("axes", []int{1}), attr.B("keepdims", false)),
			In: []SampleInput{{Type: Type{Float64, Shape{3, 3}}, Values: []float64{2, 0, 3, 0, 0, 5, 1, 2, 3}}}}),
	}))
	opReduceMax = Register(reduction(Op{
		Name: "reduce_max", Reduction: "max", Symbol: "max", DTypes: Numbers,
		Doc: "The largest element over dimensions; NaN wins. Equal largest elements share the adjoint.", Formula: "the adjoint over the number of ties, where largest",
		VJP: extremumVJP, JVP: extremumJVP,
		Samples: append(reduceSamples(), Sample{NoDifferences: "kink at a tie", Attrs: attr.Make(attr.L("axes", []int{0}), attr.B("keepdims", false)),
			In: []SampleInput{{Type: Type{Float64, Shape{4}}, Values: []float64{2, 1, 2, 0}}}}),
	}))
	opReduceMin = Register(reduction(Op{
		Name: "reduce_min", Reduction: "min", Symbol: "min", DTypes: Numbers,
		Doc: "The smallest element over dimensions; NaN wins. Equal smallest elements share the adjoint.", Formula: "the adjoint over the number of ties, where smallest",
		VJP: extremumVJP, JVP: extremumJVP,
	}))
	opLogSumExp = Register(reduction(Op{
		Name: "logsumexp", OfNothing: ofNothing(-posInf), DTypes: Floats,
		Doc: "ln Σ eˣ over dimensions, shifted by the maximum. All −Inf gives −Inf with gradient 0.", Formula: "softmax(x)",
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{MulNoNan(shares(n), spread(n, ct[0]))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{reduceLike(opReduceSum, n, MulNoNan(shares(n), dot[0]))}
		},
		Expand: func(n *Node) *Node {
			e, m := expShifted(n)
			return Add(Log(reduceLike(opReduceSum, n, e)), m)
		},
		Samples: append(reduceSamples(), Sample{NoDifferences: "all −Inf", Attrs: attr.Make(attr.L("axes", []int{1}), attr.B("keepdims", false)),
			In: []SampleInput{{Type: Type{Float64, Shape{2, 2}}, Values: []float64{-posInf, -posInf, -posInf, 1}}}}),
	}))
	opLogSumExpDerivative = Register(&Op{
		Name: "logsumexp_derivative", Pattern: Lines, AlongAxis: true, Family: FamilyReduce, MinArity: 1, MaxArity: 1,
		Attrs:   append([]AttrSpec{}, reduceAttrs...),
		Doc:     "eˣ / Σ eˣ over dimensions, the derivative of the logsumexp with the same attributes, with which it shares the exponentials. All −Inf gives 0 with derivative 0.",
		Formula: "y ⊙ (adjoint − Σ adjoint ⊙ y)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t := in[0].typ
			if !t.DType.IsFloat() {
				return Type{}, fmt.Errorf("the operand is %v: needs one of %v", t.DType, Floats)
			}
			return *t, normalAxes(a.Ints("axes"), t.Shape.Rank())
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{softmaxAlong(n, ct[0], n.extra.attrs.Ints("axes")...)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{softmaxAlong(n, dot[0], n.extra.attrs.Ints("axes")...)}
		},
		Expand: func(n *Node) *Node {
			e, _ := expShifted(n)
			sum := reduceLike(opReduceSum, n, e)
			return Div(e, keepDims(n, Where(Equal(sum, Like(sum, 0)), Like(sum, 1), sum)))
		},
		Samples: reduceSamples(),
	})
	opReduceAny = Register(reduction(Op{
		Name: "reduce_any", OfNothing: ofNothing(0), DTypes: BoolOnly, Doc: "Whether any element over dimensions is true.", NoDerivative: "the result is bool", Samples: boolSamples(),
	}))
	opReduceAll = Register(reduction(Op{
		Name: "reduce_all", OfNothing: ofNothing(1), DTypes: BoolOnly, Doc: "Whether all elements over dimensions are true.", NoDerivative: "the result is bool", Samples: boolSamples(),
	}))
	opArgmax = Register(arg("argmax", "largest"))
	opArgmin = Register(arg("argmin", "smallest"))

	opSoftmax = Register(&Op{
		Name: "softmax", Pattern: Lines, AlongAxis: true, Family: FamilyReduce, MinArity: 1, MaxArity: 1, Attrs: []AttrSpec{axisAttr},
		Doc:     "eˣ / Σ eˣ along an axis, shifted by the maximum. Derivatives keep the digits of 1 − p. All −Inf gives 0 with derivative 0; an element +Inf gives NaN.",
		Formula: "y ⊙ (adjoint − Σ adjoint ⊙ y)",
		Infer:   floatAlongAxis,
		VJP:     func(n *Node, ct []*Node) []*Node { return []*Node{softmaxAlong(n, ct[0], n.extra.attrs.Int("axis"))} },
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{softmaxAlong(n, dot[0], n.extra.attrs.Int("axis"))}
		},
		Expand: func(n *Node) *Node {
			axis := n.extra.attrs.Int("axis")
			x, none := shiftedRows(n.Input(0), axis)
			e := Exp(x)
			sum := sumKept(e, axis)
			return Div(e, Where(none, Like(sum, 1), sum))
		},
		Samples: []Sample{shapeSample(Shape{3, 5}, attr.I("axis", 1)), shapeSample(Shape{3, 5}, attr.I("axis", 0))},
	})
	opLogSoftmax = Register(&Op{
		Name: "log_softmax", Pattern: Lines, AlongAxis: true, Family: FamilyReduce, MinArity: 1, MaxArity: 1, Attrs: []AttrSpec{axisAttr},
		Doc:     "x − logsumexp(x) along an axis. All −Inf gives −Inf with derivative 0; an element +Inf gives NaN.",
		Formula: "adjoint − softmax(x)·Σ adjoint",
		Infer:   floatAlongAxis,
		VJP: func(n *Node, ct []*Node) []*Node {
			axis := n.extra.attrs.Int("axis")
			_, none := shiftedRows(n.Input(0), axis)
			c := Where(none, Like(n, 0), ct[0])
			y := Softmax(n.Input(0), axis)
			c = Sub(c, MulNoNan(y, sumKept(c, axis)))
			// All elements add up to 0.
			return []*Node{Where(likely(y), Neg(sumKept(Where(likely(y), Like(n, 0), c), axis)), c)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			axis := n.extra.attrs.Int("axis")
			_, none := shiftedRows(n.Input(0), axis)
			d := Where(none, Like(n, 0), dot[0])
			y := Softmax(n.Input(0), axis)
			d = lessLikely(y, d, axis)
			return []*Node{Sub(d, sumKept(MulNoNan(y, d), axis))}
		},
		Expand: func(n *Node) *Node {
			axis := n.extra.attrs.Int("axis")
			x, none := shiftedRows(n.Input(0), axis)
			e := Exp(x)
			sum := sumKept(e, axis)
			// A sum below 2 has one term of 1, without which it keeps the digits of the others.
			others := sumKept(Where(Equal(x, Like(x, 0)), Like(x, 0), e), axis)
			return Sub(x, Where(none, Like(sum, 0), Where(Less(sum, Like(sum, 1.5)), Log1p(others), Log(sum))))
		},
		Samples: []Sample{shapeSample(Shape{3, 5}, attr.I("axis", 1)), shapeSample(Shape{3, 5}, attr.I("axis", 0))},
	})
}

func floatAlongAxis(in []*Node, a attr.List) (Type, error) {
	t := in[0].typ
	if !t.DType.IsFloat() {
		return Type{}, fmt.Errorf("the operand is %v: needs one of %v", t.DType, Floats)
	}
	if ax := a.Int("axis"); ax < 0 || ax >= t.Shape.Rank() {
		return Type{}, fmt.Errorf("axis %d is out of range for rank %d", ax, t.Shape.Rank())
	}
	return *t, nil
}

// sumKept is the sum over axes, none if there are none.
func sumKept(x *Node, axes ...int) *Node {
	return applyAll(opReduceSum, []*Node{x}, attr.L("axes", axes), attr.B("keepdims", true))
}

// shiftedRows is x less its maximum along the axis, and where all of it is −Inf, which is not shifted.
func shiftedRows(x *Node, axis int) (shifted, none *Node) {
	top := ReduceMax(x, []int{axis}, KeepDims)
	none = Equal(top, Like(top, -posInf))
	return Sub(x, Where(none, Like(top, 0), top)), none
}

// softmaxAlong is the derivative of a softmax y along v. It is symmetric.
func softmaxAlong(y, v *Node, axes ...int) *Node {
	v = lessLikely(y, v, axes...)
	return MulNoNan(y, Sub(v, sumKept(MulNoNan(y, v), axes...)))
}

// lessLikely is v less its element of the class that has most of the probability, if there is one. The derivative of a softmax y along v is the same for every number that is taken from v, and with
// this one it has 1 − p of that class as the sum of the other classes' probabilities, without the difference.
func lessLikely(y, v *Node, axes ...int) *Node {
	return Sub(v, sumKept(Where(likely(y), v, Like(v, 0)), axes...))
}

// likely is where a softmax has more than half of the probability, in one place at most.
func likely(y *Node) *Node { return Greater(y, Like(y, 0.5)) }

// finiteOrZero is x where it is finite, else 0.
func finiteOrZero(x *Node) *Node { return Where(IsFinite(x), x, Like(x, 0)) }

// expShifted is exp(x − m) for the operand of a logsumexp, m its maximum or 0 where that is not finite. No derivative
// passes through m, on which the results do not depend.
func expShifted(n *Node) (e, m *Node) {
	m = StopGradient(finiteOrZero(reduceLike(opReduceMax, n, n.Input(0))))
	return Exp(Sub(n.Input(0), keepDims(n, m))), m
}

// shares is the softmax that is the derivative of a logsumexp.
func shares(n *Node) *Node { return n.g.Apply(opLogSumExpDerivative, n.Inputs(), n.extra.attrs) }

func boolSamples() []Sample {
	return []Sample{{Attrs: attr.Make(attr.L("axes", []int{1}), attr.B("keepdims", false)), In: []SampleInput{
		{Type: Type{Bool, Shape{3, 2}}, Values: []float64{0, 1, 0, 0, 1, 1}, Constant: true}}}}
}

func arg(name, which string) *Op {
	return &Op{
		Name: name, Family: FamilyReduce, MinArity: 1, MaxArity: 1, Kernel: name, AlongAxis: true,
		Attrs:        []AttrSpec{axisAttr, {Key: "keepdims", Kind: attr.Bool, Doc: "keep the dimension with extent 1"}},
		Doc:          "The index of the " + which + " element along an axis, as int64; the first one at a tie. NaN counts as " + which + ".",
		NoDerivative: "the result is an index",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, ax := in[0].typ.Shape, a.Int("axis")
			if !Numbers.Has(in[0].typ.DType) {
				return Type{}, fmt.Errorf("the operand is %v: needs one of %v", in[0].typ.DType, Numbers)
			}
			if ax < 0 || ax >= len(s) {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", ax, len(s))
			}
			out := append(Shape{}, s[:ax]...)
			if a.Bool("keepdims") {
				out = append(out, 1)
			}
			return Type{Int64, append(out, s[ax+1:]...)}, nil
		},
		Samples: []Sample{shapeSample(Shape{3, 5}, attr.I("axis", 1), attr.B("keepdims", false)), shapeSample(Shape{3, 5, 2}, attr.I("axis", 1), attr.B("keepdims", true))},
	}
}

// extremumMask is 1 where the operand equals the extremum, and the number of such elements.
func extremumMask(n *Node) (mask, count *Node) {
	x := n.Input(0)
	mask = Cast(Equal(x, keepDims(n, n)), x.typ.DType)
	return mask, reduceLike(opReduceSum, n, mask)
}

func extremumVJP(n *Node, ct []*Node) []*Node {
	mask, count := extremumMask(n)
	return []*Node{MulNoNan(spread(n, Div(ct[0], count)), mask)}
}

func extremumJVP(n *Node, dot []*Node) []*Node {
	mask, count := extremumMask(n)
	return []*Node{Div(reduceLike(opReduceSum, n, MulNoNan(mask, dot[0])), count)}
}

// expandProd multiplies in a tree of halves, so that derivatives of every order are exact at zeros.
func expandProd(n *Node) *Node {
	x := n.Input(0)
	for _, a := range n.extra.attrs.Ints("axes") {
		for x.typ.Shape[a] > 1 {
			e := x.typ.Shape[a]
			half := e / 2
			y := Mul(sliceAxis(x, a, 0, half), sliceAxis(x, a, half, 2*half))
			if e%2 == 1 {
				y = Concat(a, y, sliceAxis(x, a, e-1, e))
			}
			x = y
		}
	}
	return Reshape(x, n.typ.Shape...)
}

// ReduceOption changes a reduction.
type ReduceOption int

// KeepDims keeps the reduced dimensions with extent 1.
const KeepDims ReduceOption = 1

func reduce(op *Op, x *Node, axes []int, keep bool) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	norm, err := axesOf(axes, x.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail(op.Name, err)
	}
	return applyAll(op, []*Node{x}, attr.L("axes", norm), attr.B("keepdims", keep))
}

// orCast is x where its dtype is among those of an operator, else x cast to d, as NumPy does.
func orCast(x *Node, taken DTypeSet, d DType) *Node {
	if !x.Valid() || taken.Has(x.typ.DType) {
		return x
	}
	return Cast(x, d)
}

func keeps(opts []ReduceOption) bool { return len(opts) > 0 && opts[0] == KeepDims }

// ReduceSum returns the sum of x over the axes, all if there are none; negative axes count from the end. Bools are added up as int64.
func ReduceSum(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceSum, orCast(x, Numbers, Int64), axes, keeps(opts))
}

// ReduceMean returns the mean of x over the axes, all if there are none; that of integers and bools is a float64.
func ReduceMean(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceMean, orCast(x, Floats, Float64), axes, keeps(opts))
}

// ReduceProd returns the product of x over the axes, all if there are none. Bools are multiplied as int64.
func ReduceProd(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceProd, orCast(x, Numbers, Int64), axes, keeps(opts))
}

// ReduceMax returns the largest element of x over the axes, all if there are none; true is the larger one of bools.
func ReduceMax(x *Node, axes []int, opts ...ReduceOption) *Node {
	if x.Valid() && x.typ.DType == Bool {
		return reduce(opReduceAny, x, axes, keeps(opts))
	}
	return reduce(opReduceMax, x, axes, keeps(opts))
}

// ReduceMin returns the smallest element of x over the axes, all if there are none; false is the smaller one of bools.
func ReduceMin(x *Node, axes []int, opts ...ReduceOption) *Node {
	if x.Valid() && x.typ.DType == Bool {
		return reduce(opReduceAll, x, axes, keeps(opts))
	}
	return reduce(opReduceMin, x, axes, keeps(opts))
}

// LogSumExp returns ln Σ eˣ over the axes, all if there are none; that of integers and bools is a float64.
func LogSumExp(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opLogSumExp, orCast(x, Floats, Float64), axes, keeps(opts))
}

// ReduceAny returns whether any element of x over the axes is true; a number is if it is not 0.
func ReduceAny(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceAny, truth(x), axes, keeps(opts))
}

// ReduceAll returns whether all elements of x over the axes are true; a number is if it is not 0.
func ReduceAll(x *Node, axes []int, opts ...ReduceOption) *Node {
	return reduce(opReduceAll, truth(x), axes, keeps(opts))
}

// Sum returns the sum of all elements.
func Sum(x *Node) *Node { return ReduceSum(x, nil) }

// Mean returns the mean of all elements.
func Mean(x *Node) *Node { return ReduceMean(x, nil) }

func alongAxis(op *Op, x *Node, axis int, more ...attr.Named) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	line := withOneAxis(x, axis)
	a, err := axisOf(axis, line.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail(op.Name, err)
	}
	n := applyAll(op, []*Node{line}, append(more, attr.I("axis", a))...)
	if line != x && n.Valid() && n.extra.results == nil {
		n = Reshape(n)
	}
	return n
}

// Argmax returns the index of the largest element along the axis, as int64.
func Argmax(x *Node, axis int, opts ...ReduceOption) *Node {
	return alongAxis(opArgmax, orCast(x, Numbers, Int32), axis, attr.B("keepdims", keeps(opts)))
}

// Argmin returns the index of the smallest element along the axis, as int64.
func Argmin(x *Node, axis int, opts ...ReduceOption) *Node {
	return alongAxis(opArgmin, orCast(x, Numbers, Int32), axis, attr.B("keepdims", keeps(opts)))
}

// Softmax returns eˣ / Σ eˣ along the axis.
func Softmax(x *Node, axis int) *Node { return alongAxis(opSoftmax, x, axis) }

// LogSoftmax returns x − logsumexp(x) along the axis.
func LogSoftmax(x *Node, axis int) *Node { return alongAxis(opLogSoftmax, x, axis) }
