package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

var scanAttrs = []AttrSpec{
	axisAttr,
	{Key: "reverse", Kind: attr.Bool, Doc: "run from the end of the axis"},
	{Key: "exclusive", Kind: attr.Bool, Doc: "element i covers the elements before i, without i itself"},
}

// scanOp describes a scan along an axis that a kernel of its name runs.
func scanOp(op Op) *Op {
	op.Family, op.MinArity, op.MaxArity, op.Kernel, op.Attrs = FamilyScan, 1, 1, op.Name, append([]AttrSpec{}, scanAttrs...)
	op.AlongAxis, op.Pattern = true, Lines
	dtypes := op.DTypes
	op.Infer = func(in []*Node, a attr.List) (Type, error) { return numberAlongAxis(dtypes, in, a) }
	for _, s := range []struct {
		axis               int
		reverse, exclusive bool
	}{{0, false, false}, {1, false, true}, {1, true, false}, {0, true, true}} {
		op.Samples = append(op.Samples, shapeSample(Shape{3, 5, 2}, attr.I("axis", s.axis), attr.B("reverse", s.reverse), attr.B("exclusive", s.exclusive)))
	}
	return &op
}

func numberAlongAxis(dtypes DTypeSet, in []*Node, a attr.List) (Type, error) {
	t := in[0].typ
	if !dtypes.Has(t.DType) {
		return Type{}, fmt.Errorf("the operand is %v: needs one of %v", t.DType, dtypes)
	}
	if ax := a.Int("axis"); ax < 0 || ax >= t.Shape.Rank() {
		return Type{}, fmt.Errorf("axis %d is out of range for rank %d", ax, t.Shape.Rank())
	}
	return *t, nil
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opCumsum, opCumprod, opCummax, opCummin, opCumLogSumExp, opLinearRecurrence *Op

func init() {
	opCumsum = Register(scanOp(Op{
		Name: "cumsum", DTypes: Numbers, Accuracy: "(257 + n/256)·u·Σ|xᵢ| for the n terms of an element, for float32 (1 + n·2⁻³⁷)·u·Σ|xᵢ|",
		Doc:     "Running sums along an axis; exclusive starts with 0. Integers wrap.",
		Formula: "the running sum of the adjoint in the other direction", JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			s := scanOf(n)
			return scan(opCumsum, ct, s.axis, !s.reverse, s.exclusive)
		},
	}))
	opCumprod = Register(scanOp(Op{
		Name: "cumprod", DTypes: Numbers, Accuracy: "n·u·|Π xᵢ| for the n factors of an element, for float32 (1 + n·2⁻²⁹)·u·|Π xᵢ|",
		Doc:     "Running products along an axis; exclusive starts with 1. Derivatives of every order are exact at zeros. Integers wrap.",
		Formula: "x̄ⱼ = Pⱼ₋₁·Rⱼ with P the products and the recurrence Rⱼ = ȳⱼ + xⱼ₊₁·Rⱼ₊₁",
		VJP: func(n *Node, ct []*Node) []*Node {
			s, x := scanOf(n), n.Input(0)
			before := scan(opCumprod, x, s.axis, s.reverse, true)
			back := linearRecurrence(s.backward(x, 0), s.inclusive(ct[0]), s.axis, !s.reverse)
			return []*Node{Mul(before, back)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			s, x := scanOf(n), n.Input(0)
			before := scan(opCumprod, x, s.axis, s.reverse, true)
			return []*Node{s.result(linearRecurrence(x, Mul(before, dot[0]), s.axis, s.reverse))}
		},
		Samples: []Sample{zeroScan()},
	}))
	opCummax = Register(scanOp(Op{
		Name: "cummax", DTypes: Numbers,
		Doc: "Running largest elements along an axis, NaN from the first NaN on; exclusive starts with −Inf or the smallest integer. " +
			"Equal largest elements share the adjoint.",
		Formula: "each adjoint, over the number of largest elements so far, to each of them",
		VJP:     cumExtremumVJP, JVP: cumExtremumJVP,
		Samples: []Sample{tiedScan()},
	}))
	opCummin = Register(scanOp(Op{
		Name: "cummin", DTypes: Numbers,
		Doc: "Running smallest elements along an axis, NaN from the first NaN on; exclusive starts with +Inf or the largest integer. " +
			"Equal smallest elements share the adjoint.",
		Formula: "each adjoint, over the number of smallest elements so far, to each of them",
		VJP:     cumExtremumVJP, JVP: cumExtremumJVP,
		Samples: []Sample{tiedScan()},
	}))
	opCumLogSumExp = Register(scanOp(Op{
		Name: "cumlogsumexp", DTypes: Floats, Accuracy: "(4 + n)·u, for float32 (1 + n·2⁻²⁹)·u, for the n terms of an element, and one rounding of the result",
		Doc:     "Running ln Σ eˣ along an axis, without overflow; exclusive starts with −Inf. All −Inf gives −Inf with gradient 0.",
		Formula: "x̄ⱼ = e^(xⱼ−yⱼ)·Rⱼ with the recurrence Rⱼ = ȳⱼ + e^(yⱼ−yⱼ₊₁)·Rⱼ₊₁, whose factors are at most 1",
		VJP: func(n *Node, ct []*Node) []*Node {
			s, x := scanOf(n), n.Input(0)
			y := scan(opCumLogSumExp, x, s.axis, s.reverse, false)
			decay := expOver(s.forward(y, 0), y) // e^(y before − y)
			back := linearRecurrence(s.backward(decay, 0), s.inclusive(ct[0]), s.axis, !s.reverse)
			return []*Node{MulNoNan(expOver(x, y), back)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			s, x := scanOf(n), n.Input(0)
			y := scan(opCumLogSumExp, x, s.axis, s.reverse, false)
			decay := expOver(s.forward(y, 0), y)
			return []*Node{s.result(linearRecurrence(decay, MulNoNan(dot[0], expOver(x, y)), s.axis, s.reverse))}
		},
		Samples: []Sample{{NoDifferences: "−Inf", Attrs: attr.Make(attr.I("axis", 0), attr.B("reverse", false), attr.B("exclusive", false)),
			In: []SampleInput{{Type: Type{Float64, Shape{4}}, Values: []float64{-posInf, -posInf, 1, 2}}}}},
	}))
	opLinearRecurrence = Register(&Op{
		Name: "linear_recurrence", Accuracy: "2n·u·Σ|products of a and b|, of the n steps to an element, for float32 (1 + n·2⁻²⁸)·u·Σ|products|", Pattern: ElementPattern(recurrencePattern), OperandNames: []string{"a", "b"}, Family: FamilyScan, MinArity: 2, MaxArity: 2, Kernel: "linear_recurrence", AlongAxis: true,
		Attrs: []AttrSpec{axisAttr, {Key: "reverse", Kind: attr.Bool, Doc: "run from the end of the axis"}},
		Doc: "y_i = a_i·y_(i−1) + b_i along an axis, y = b at its beginning: operands a, b of the same type; the first a counts for nothing. " +
			"Integers wrap.",
		Formula: "b̄ is the recurrence of the adjoint in the other direction with the factors a_(i+1); ā_i = b̄_i·y_(i−1)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			if !in[0].typ.Equal(*in[1].typ) {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same type", in[0].typ, in[1].typ)
			}
			return numberAlongAxis(Numbers, in, a)
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			s := scanOf(n)
			b := linearRecurrence(s.backward(n.Input(0), 0), ct[0], s.axis, !s.reverse)
			return []*Node{Mul(b, s.forward(n, 0)), b}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			s := scanOf(n)
			b := dot[1]
			if dot[0] != nil {
				b = Mul(dot[0], s.forward(n, 0))
				if dot[1] != nil {
					b = Add(b, dot[1])
				}
			}
			return []*Node{linearRecurrence(n.Input(0), b, s.axis, s.reverse)}
		},
		Samples: []Sample{
			{Attrs: attr.Make(attr.I("axis", 1), attr.B("reverse", false)), In: []SampleInput{{Type: Type{Float64, Shape{2, 5, 3}}}, {Type: Type{Float64, Shape{2, 5, 3}}}}},
			{Attrs: attr.Make(attr.I("axis", 0), attr.B("reverse", true)), In: []SampleInput{{Type: Type{Float64, Shape{7}}}, {Type: Type{Float64, Shape{7}}}}},
		},
	})
}

func zeroScan() Sample {
	return Sample{Attrs: attr.Make(attr.I("axis", 0), attr.B("reverse", false), attr.B("exclusive", false)),
		In: []SampleInput{{Type: Type{Float64, Shape{5, 2}}, Values: []float64{2, 0, 0, 3, 3, 1, 0, -2, 1, 2}}}}
}

func tiedScan() Sample {
	return Sample{NoDifferences: "kinks at ties", Attrs: attr.Make(attr.I("axis", 0), attr.B("reverse", false), attr.B("exclusive", false)),
		In: []SampleInput{{Type: Type{Float64, Shape{7}}, Values: []float64{1, 1, 0, 2, 2, -3, -3}}}}
}

// scanAttributes are those of a scan.
type scanAttributes struct {
	axis               int
	reverse, exclusive bool
}

func scanOf(n *Node) scanAttributes {
	a := n.extra.attrs
	return scanAttributes{a.Int("axis"), a.Bool("reverse"), a.Bool("exclusive")}
}

// forward moves x by one in the direction of the scan: element i holds element i−1, the first one the fill.
func (s scanAttributes) forward(x *Node, fill float64) *Node {
	return movedByOne(x, s.axis, s.reverse, fill)
}

// backward moves x by one against the direction of the scan.
func (s scanAttributes) backward(x *Node, fill float64) *Node {
	return movedByOne(x, s.axis, !s.reverse, fill)
}

// inclusive turns the adjoint of the scan's result into that of the inclusive scan.
func (s scanAttributes) inclusive(ct *Node) *Node {
	if s.exclusive {
		return s.backward(ct, 0)
	}
	return ct
}

// result turns the tangent of the inclusive scan into that of the scan.
func (s scanAttributes) result(dot *Node) *Node {
	if s.exclusive {
		return s.forward(dot, 0)
	}
	return dot
}

// movedByOne moves x by one along an axis, toward the end or (down) toward the beginning.
func movedByOne(x *Node, axis int, down bool, fill float64) *Node {
	e := x.typ.Shape[axis]
	edge := append(Shape{}, x.typ.Shape...)
	edge[axis] = 1
	f := BroadcastTo(Like(x, fill), edge...)
	switch {
	case e == 1:
		return f
	case down:
		return Concat(axis, sliceAxis(x, axis, 1, e), f)
	}
	return Concat(axis, f, sliceAxis(x, axis, 0, e-1))
}

// runs finds the runs of equal elements of the inclusive running extremum y: keep is 1 where an element continues
// its run, mask is 1 where x is the extremum, count is how many of these there are in the run so far.
func (s scanAttributes) runs(op *Op, x *Node) (keep, mask, count *Node) {
	y := scan(op, x, s.axis, s.reverse, false)
	first := posInf
	if op == opCummax {
		first = -posInf
	}
	keep = Cast(Equal(s.forward(y, first), y), x.typ.DType)
	mask = Cast(Equal(x, y), x.typ.DType)
	return keep, mask, linearRecurrence(keep, mask, s.axis, s.reverse)
}

func cumExtremumVJP(n *Node, ct []*Node) []*Node {
	s := scanOf(n)
	keep, mask, count := s.runs(n.op, n.Input(0))
	share := linearRecurrence(s.backward(keep, 0), Div(s.inclusive(ct[0]), count), s.axis, !s.reverse)
	return []*Node{MulNoNan(share, mask)}
}

func cumExtremumJVP(n *Node, dot []*Node) []*Node {
	s := scanOf(n)
	keep, mask, count := s.runs(n.op, n.Input(0))
	return []*Node{s.result(Div(linearRecurrence(keep, MulNoNan(dot[0], mask), s.axis, s.reverse), count))}
}

func scan(op *Op, x *Node, axis int, reverse, exclusive bool) *Node {
	return alongAxis(op, x, axis, attr.B("reverse", reverse), attr.B("exclusive", exclusive))
}

func linearRecurrence(a, b *Node, axis int, reverse bool) *Node {
	in, err := together(a, b)
	if err != nil {
		return graphOf(a, b).Fail("linear_recurrence", err)
	}
	if in[0].Valid() {
		if in[0].typ.IsScalar() && ofScalar(axis) && in[1].Valid() {
			return Reshape(linearRecurrence(Reshape(in[0], 1), Reshape(in[1], 1), axis, reverse))
		}
		if axis, err = axisOf(axis, in[0].typ.Shape.Rank()); err != nil {
			return in[0].g.Fail("linear_recurrence", err)
		}
	}
	return applyAll(opLinearRecurrence, in, attr.I("axis", axis), attr.B("reverse", reverse))
}

// ScanOption changes a scan along an axis, or the loop Scan.
type ScanOption int

// Reverse runs a scan, or the loop Scan, from the end of the axis; Exclusive leaves element i out of result i.
const (
	Reverse ScanOption = iota + 1
	Exclusive
)

func userScan(op *Op, x *Node, axis int, opts []ScanOption) *Node {
	if (op == opCummax || op == opCummin) && x.Valid() && x.typ.DType == Bool {
		y := userScan(op, Cast(x, Int32), axis, opts)
		return Greater(y, Like(y, 0))
	}
	x = orCast(x, Numbers, Int64)
	reverse, exclusive := false, false
	for _, o := range opts {
		reverse, exclusive = reverse || o == Reverse, exclusive || o == Exclusive
	}
	return scan(op, x, axis, reverse, exclusive)
}

// Cumsum returns the running sums of x along the axis; a negative axis counts from the end, and bools are taken as int64, as by Cumprod.
func Cumsum(x *Node, axis int, opts ...ScanOption) *Node { return userScan(opCumsum, x, axis, opts) }

// Cumprod returns the running products of x along the axis.
func Cumprod(x *Node, axis int, opts ...ScanOption) *Node { return userScan(opCumprod, x, axis, opts) }

// Cummax returns the running largest elements of x along the axis.
func Cummax(x *Node, axis int, opts ...ScanOption) *Node { return userScan(opCummax, x, axis, opts) }

// Cummin returns the running smallest elements of x along the axis.
func Cummin(x *Node, axis int, opts ...ScanOption) *Node { return userScan(opCummin, x, axis, opts) }

// CumLogSumExp returns the running ln Σ eˣ along the axis.
func CumLogSumExp(x *Node, axis int, opts ...ScanOption) *Node {
	return userScan(opCumLogSumExp, x, axis, opts)
}

// LinearRecurrence returns y with y_i = a_i·y_(i−1) + b_i along the axis, y = b at its beginning (at its end with Reverse). a and b are broadcast.
func LinearRecurrence(a, b *Node, axis int, opts ...ScanOption) *Node {
	return linearRecurrence(a, b, axis, len(opts) > 0 && opts[0] == Reverse)
}

// expOver is exp(x − y), exp(x) where y is not finite.
func expOver(x, y *Node) *Node { return Exp(Sub(x, finiteOrZero(y))) }
