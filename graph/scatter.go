package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opTakeAlongAxis, opScatterAlongAxisAdd, opDynamicSlice, opDynamicUpdateSlice, opScatterSet, opScatterAddTo, opScatterMul, opScatterMax, opScatterMin, opOneHot *Op

func init() {
	along := []float64{0, 4, 4, 1, -1, 2, 3, 3, 0}
	opTakeAlongAxis = Register(&Op{
		Name: "take_along_axis", Pattern: Moves, OperandNames: []string{"x", "indices"}, Family: FamilyIndex, MinArity: 2, MaxArity: 2, Kernel: "take_along_axis", AlongAxis: true, Attrs: []AttrSpec{axisAttr, {Key: "from_start", Kind: attr.Bool, Optional: true, Doc: "negative indices are out of range"}},
		Doc: "Element i of a line along an axis is element indices[i] of the first operand's line (NumPy); the second operand holds the indices (int32 or int64) and " +
			"has the first one's extents but for the axis. Negative indices count from the end; an index out of range is a runtime error.",
		Formula: "the adjoint, added into zeros at the indices; –",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			if !in[1].typ.DType.IsInt() {
				return Type{}, fmt.Errorf("the indices are %v: need int32 or int64", in[1].typ.DType)
			}
			if err := sameBut(in[0].typ.Shape, in[1].typ.Shape, a.Int("axis")); err != nil {
				return Type{}, err
			}
			return Type{in[0].typ.DType, in[1].typ.Shape}, nil
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 1 {
				return nil
			}
			return scatterAlongAxisAdd(n.Input(1), ct, n.extra.attrs.Int("axis"), n.Input(0).typ.Shape)
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1)), In: []SampleInput{
			{Type: Type{Float64, Shape{3, 5}}}, {Type: Type{Int64, Shape{3, 3}}, Values: along, Constant: true}}}},
	})
	opScatterAlongAxisAdd = Register(&Op{
		Name: "scatter_along_axis_add", OfNothing: ofNothing(0), Accuracy: accuracyInOrder, Pattern: Combines{1, func(n, result *Node) *Node { return TakeAlongAxis(result, n.Input(0), axisOfNode(n)) }}, OperandNames: []string{"indices", "updates"}, Family: FamilyIndex, MinArity: 2, MaxArity: 2, Merge: mergeScatterAlongAxisAdd, Kernel: "scatter_along_axis_add", Batch: batchScatterAlong, Attrs: []AttrSpec{axisAttr, shapeAttr},
		Doc: "Zeros of the given shape to whose lines along an axis each update (second operand) is added at its index (first operand): the linear transpose of " +
			"take_along_axis. Repeated indices add up in ascending order; an index out of range is a runtime error.",
		Formula: "–; the adjoint taken at the indices",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s := Shape(a.Ints("shape"))
			switch {
			case !in[0].typ.DType.IsInt():
				return Type{}, fmt.Errorf("the indices are %v: need int32 or int64", in[0].typ.DType)
			case !in[0].typ.Shape.Equal(in[1].typ.Shape):
				return Type{}, fmt.Errorf("the updates are %v: need the shape %v of the indices", in[1].typ, in[0].typ.Shape)
			case !Numbers.Has(in[1].typ.DType):
				return Type{}, fmt.Errorf("the updates are %v: need one of %v", in[1].typ.DType, Numbers)
			}
			if err := s.check(); err != nil {
				return Type{}, err
			}
			err := sameBut(s, in[0].typ.Shape, a.Int("axis"))
			if err == nil {
				err = intoNothing(s, a.Int("axis"), in[0].typ)
			}
			return Type{in[1].typ.DType, s}, err
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 0 {
				return nil
			}
			return TakeAlongAxis(ct, n.Input(0), n.extra.attrs.Int("axis"))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1), attr.L("shape", []int{3, 5})), In: []SampleInput{
			{Type: Type{Int64, Shape{3, 3}}, Values: along, Constant: true}, {Type: Type{Float64, Shape{3, 3}}}}}},
	})
	begin := SampleInput{Type: Type{Int64, Shape{2}}, Values: []float64{1, 6}, Constant: true} // the second is moved into range
	opDynamicSlice = Register(&Op{
		Name: "dynamic_slice", Pattern: Moves, OperandNames: []string{"x", "begin"}, Family: FamilyIndex, MinArity: 2, MaxArity: 2, Kernel: "dynamic_slice", Batch: batchDynamicSlice,
		Attrs: []AttrSpec{{Key: "sizes", Kind: attr.Ints, Doc: "the part's extents"}},
		Doc: "The part of the first operand of the given extents that begins at the indices in the second (int32 or int64, one for each dimension), " +
			"which are moved into range so that the part fits (JAX).",
		Formula: "the adjoint, written into zeros at the same place; –",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s := Shape(a.Ints("sizes"))
			if err := s.check(); err != nil {
				return Type{}, err
			}
			return Type{in[0].typ.DType, s}, checkPart(in[0].typ.Shape, s, *in[1].typ)
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 1 {
				return nil
			}
			return DynamicUpdateSlice(zerosLike(n.Input(0)), ct, n.Input(1))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.L("sizes", []int{2, 3})), In: []SampleInput{{Type: Type{Float64, Shape{3, 7}}}, begin}}},
	})
	opDynamicUpdateSlice = Register(&Op{
		Name: "dynamic_update_slice", OfNothing: firstOperand, Pattern: Moves, OperandNames: []string{"x", "update", "begin"}, Family: FamilyIndex, MinArity: 3, MaxArity: 3, Merge: mergeUpdatedParts, Kernel: "dynamic_update_slice", Batch: batchDynamicUpdateSlice,
		Doc: "The first operand with the second written over the part that begins at the indices in the third (int32 or int64, one for each dimension), " +
			"which are moved into range so that the part fits (JAX).",
		Formula: "the adjoint with zeros over the part; the adjoint's part; –",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			x, u := in[0].typ, in[1].typ
			if x.DType != u.DType {
				return Type{}, fmt.Errorf("the operand is %v, the update %v", x.DType, u.DType)
			}
			return *x, checkPart(x.Shape, u.Shape, *in[2].typ)
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{DynamicUpdateSlice(ct[0], zerosLike(n.Input(1)), n.Input(2)),
				DynamicSlice(ct[0], n.Input(2), n.Input(1).typ.Shape...), nil}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{DynamicUpdateSlice(orZeros(dot[0], n.Input(0)), orZeros(dot[1], n.Input(1)), n.Input(2))}
		},
		Samples: []Sample{{In: []SampleInput{{Type: Type{Float64, Shape{3, 7}}}, {Type: Type{Float64, Shape{2, 3}}}, begin}}},
	})
	opScatterSet = Register(scatterOp(Op{
		Name: "scatter_set", Pattern: Moves, Doc: "replaced by the updates, the last one where an index is repeated",
		Formula: "the adjoint with zeros at the indices; –; the adjoint at the indices, 0 for updates that were replaced",
		VJP: func(n *Node, ct []*Node) []*Node {
			x := scatterAxis(n)
			mask := x.lastOnly(n.typ.DType)
			return []*Node{ScatterSet(ct[0], x.idx, zerosLike(x.updates), x.axis), nil, Mul(mask, Gather(ct[0], x.idx, x.axis))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			x := scatterAxis(n)
			return []*Node{ScatterSet(orZeros(dot[0], n), x.idx, orZeros(dot[2], x.updates), x.axis)}
		},
	}, AnyDType))
	opScatterAddTo = Register(scatterOp(Op{
		Name: "scatter_add_to", Accuracy: accuracyOfUpdates, Pattern: combinesAlong(1, 2, axisOfNode), Doc: "with the updates added, in ascending order",
		Formula: "the adjoint; –; the adjoint gathered at the indices",
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{ct[0], nil, Gather(ct[0], n.Input(1), axisOfNode(n))}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			switch {
			case dot[2] == nil:
				return []*Node{dot[0]}
			case dot[0] == nil:
				return []*Node{ScatterAdd(n.Input(1), dot[2], axisOfNode(n), n.typ.Shape...)}
			}
			return []*Node{n.g.Apply(opScatterAddTo, []*Node{dot[0], n.Input(1), dot[2]}, n.extra.attrs)}
		},
	}, Numbers))
	opScatterMul = Register(scatterOp(Op{
		Name: "scatter_mul", Pattern: combinesAlong(1, 2, axisOfNode), Doc: "multiplied by the updates, in ascending order",
		Formula: "the adjoint times the updates; –; the adjoint times the operand and the other updates at the index, exact at zeros",
		VJP: func(n *Node, ct []*Node) []*Node {
			x := scatterAxis(n)
			factor := ScatterMul(onesLike(n), x.idx, x.updates, x.axis)
			return []*Node{Mul(ct[0], factor), nil, Mul(Gather(Mul(ct[0], n.Input(0)), x.idx, x.axis), x.otherUpdates())}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			x := scatterAxis(n)
			var sum *Node
			if dot[0] != nil {
				sum = Mul(dot[0], ScatterMul(onesLike(n), x.idx, x.updates, x.axis))
			}
			if dot[2] != nil {
				t := Mul(n.Input(0), ScatterAdd(x.idx, Mul(dot[2], x.otherUpdates()), x.axis, n.typ.Shape...))
				if sum == nil {
					sum = t
				} else {
					sum = Add(sum, t)
				}
			}
			return []*Node{sum}
		},
	}, Numbers))
	opScatterMax = Register(scatterOp(Op{
		Name: "scatter_max", Pattern: combinesAlong(1, 2, axisOfNode), Doc: "replaced by updates that are larger (NaN wins); equal ones share the adjoint",
		Formula: "the adjoint over the number of ties, where largest; –; the same at the indices",
		VJP:     scatterExtremumVJP, JVP: scatterExtremumJVP,
	}, Numbers))
	opScatterMin = Register(scatterOp(Op{
		Name: "scatter_min", Pattern: combinesAlong(1, 2, axisOfNode), Doc: "replaced by updates that are smaller (NaN wins); equal ones share the adjoint",
		Formula: "the adjoint over the number of ties, where smallest; –; the same at the indices",
		VJP:     scatterExtremumVJP, JVP: scatterExtremumJVP,
	}, Numbers))
}

// sameBut reports shapes that differ in more than the axis.
func sameBut(s, t Shape, axis int) error {
	if axis < 0 || axis >= len(s) {
		return fmt.Errorf("axis %d is out of range for rank %d", axis, len(s))
	}
	if len(t) != len(s) || !s[:axis].Equal(t[:axis]) || !s[axis+1:].Equal(t[axis+1:]) {
		return fmt.Errorf("the shapes %v and %v differ in more than axis %d", s, t, axis)
	}
	return nil
}

// checkPart reports a part that does not fit into the shape, or beginnings that are not one integer for each dimension.
func checkPart(shape, part Shape, begin Type) error {
	if len(shape) < 1 || len(part) != len(shape) {
		return fmt.Errorf("a part %v of the shape %v", part, shape)
	}
	for d, e := range part {
		if e > shape[d] {
			return fmt.Errorf("the part %v does not fit into the shape %v", part, shape)
		}
	}
	if !begin.DType.IsInt() || !begin.Shape.Equal(Shape{len(shape)}) {
		return fmt.Errorf("the beginnings are %v: need int32 or int64 of shape %v", begin, Shape{len(shape)})
	}
	return nil
}

func zerosLike(x *Node) *Node { return FullLike(x, 0) }
func onesLike(x *Node) *Node  { return FullLike(x, 1) }

// orZeros is dot, or zeros of the type of x for nil.
func orZeros(dot, x *Node) *Node {
	if dot == nil {
		return zerosLike(x)
	}
	return dot
}

// intoNothing reports indices of an axis without elements.
func intoNothing(s Shape, axis int, indices *Type) error {
	if s[axis] == 0 && !indices.Shape.Empty() {
		return fmt.Errorf("the indices %v are out of range for axis %d of %v", indices, axis, s)
	}
	return nil
}

// scatterOp describes an operator that combines updates with the parts of an operand at indices.
func scatterOp(op Op, dtypes DTypeSet) *Op {
	op.Batch, op.OfNothing = batchScatter, firstOperand
	op.OperandNames = []string{"x", "indices", "updates"}
	op.Doc = "The first operand with its parts along an axis at the indices (second operand, int32 or int64, any shape) " + op.Doc +
		" (third operand, shaped as gather's result). Negative indices count from the end; an index out of range is a runtime error."
	op.Family, op.MinArity, op.MaxArity, op.Kernel, op.Attrs = FamilyIndex, 3, 3, op.Name, []AttrSpec{axisAttr}
	op.Infer = func(in []*Node, a attr.List) (Type, error) {
		x, idx, u, axis := in[0].typ, in[1].typ, in[2].typ, a.Int("axis")
		switch {
		case !dtypes.Has(x.DType) || u.DType != x.DType:
			return Type{}, fmt.Errorf("the operand is %v, the updates %v: need the same dtype, one of %v", x.DType, u.DType, dtypes)
		case !idx.DType.IsInt():
			return Type{}, fmt.Errorf("the indices are %v: need int32 or int64", idx.DType)
		case axis < 0 || axis >= len(x.Shape):
			return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, len(x.Shape))
		}
		want := shape.Replaced(x.Shape, axis, idx.Shape...)
		if !u.Shape.Equal(want) {
			return Type{}, fmt.Errorf("the updates are %v: need the shape %v", u, want)
		}
		return *x, intoNothing(x.Shape, axis, idx)
	}
	op.Samples = []Sample{
		{Attrs: attr.Make(attr.I("axis", 1)), In: []SampleInput{
			{Type: Type{Float64, Shape{2, 5, 2}}}, {Type: Type{Int64, Shape{2, 2}}, Values: []float64{0, 3, 1, -5}, Constant: true}, {Type: Type{Float64, Shape{2, 2, 2, 2}}}}},
		{NoDifferences: "kinks at ties", Attrs: attr.Make(attr.I("axis", 0)), In: []SampleInput{
			{Type: Type{Float64, Shape{3}}, Values: []float64{1, 0, 2}}, {Type: Type{Int32, Shape{5}}, Values: []float64{0, 0, 1, 1, 0}, Constant: true},
			{Type: Type{Float64, Shape{5}}, Values: []float64{1, 0.5, 0, 0, 1}}}},
	}
	return &op
}

// scattered are the parts of a node made by a scatter.
type scattered struct {
	idx, updates *Node
	axis, extent int
}

func scatterAxis(n *Node) scattered {
	axis := n.extra.attrs.Int("axis")
	return scattered{n.Input(1), n.Input(2), axis, n.typ.Shape[axis]}
}

// flatIndices are the indices as a vector, ≥ 0.
func (x scattered) flatIndices() *Node {
	i := Reshape(x.idx, x.idx.typ.Shape.Size())
	return Where(Less(i, Like(i, 0)), Add(i, Like(i, float64(x.extent))), i)
}

// lastOnly is 1 for updates whose index no later one has, else 0; it broadcasts to the updates.
func (x scattered) lastOnly(d DType) *Node {
	i := x.flatIndices()
	m := i.typ.Shape[0]
	number := Iota(i.g, Int64, 0, m)
	last := ScatterSet(BroadcastTo(Like(number, 0), x.extent), i, number, 0)
	mask := Cast(Equal(Gather(last, i, 0), number), d)
	s := append(Shape{}, x.idx.typ.Shape...)
	for range x.updates.typ.Shape[x.axis+len(s):] {
		s = append(s, 1)
	}
	return Reshape(mask, s...)
}

// otherUpdates gives for each update the product of the others with its index.
func (x scattered) otherUpdates() *Node {
	s, i := x.updates.typ.Shape, x.flatIndices()
	r := len(x.idx.typ.Shape)
	flat := append(append(append(Shape{}, s[:x.axis]...), i.typ.Shape[0]), s[x.axis+r:]...)
	return Reshape(productOfOthers(Reshape(x.updates, flat...), i, x.axis), s...)
}

// extremum is 1 where the operand is the result, where an update is, and the number of both for each element of the result.
func (x scattered) extremum(n *Node) (operand, update, count *Node) {
	d := n.typ.DType
	operand = Cast(Equal(n.Input(0), n), d)
	update = Cast(Equal(x.updates, Gather(n, x.idx, x.axis)), d)
	return operand, update, Add(operand, ScatterAdd(x.idx, update, x.axis, n.typ.Shape...))
}

func scatterExtremumVJP(n *Node, ct []*Node) []*Node {
	x := scatterAxis(n)
	operand, update, count := x.extremum(n)
	share := Div(ct[0], count)
	return []*Node{MulNoNan(share, operand), nil, MulNoNan(Gather(share, x.idx, x.axis), update)}
}

func scatterExtremumJVP(n *Node, dot []*Node) []*Node {
	x := scatterAxis(n)
	operand, update, count := x.extremum(n)
	sum := Mul(operand, orZeros(dot[0], n))
	if dot[2] != nil {
		sum = Add(sum, ScatterAdd(x.idx, Mul(update, dot[2]), x.axis, n.typ.Shape...))
	}
	return []*Node{Div(sum, count)}
}

// TakeAlongAxis returns for each line of x along the axis its elements at the indices of the same line (NumPy). In the other dimensions x and the indices are broadcast.
func TakeAlongAxis(x, indices *Node, axis int) *Node {
	if x.Valid() && indices.Valid() && x.typ.Shape.Rank() == indices.typ.Shape.Rank() {
		if x.typ.IsScalar() && ofScalar(axis) {
			return Reshape(TakeAlongAxis(Reshape(x, 1), Reshape(indices, 1), axis))
		}
		if a, err := axisOf(axis, x.typ.Shape.Rank()); err == nil {
			x, indices = besideAxis(x, indices, a)
		}
	}
	return withAxis(opTakeAlongAxis, x, []*Node{x, indices}, axis)
}

// besideAxis broadcasts two operands of one rank in all dimensions but the axis, if they can be.
func besideAxis(x, y *Node, axis int) (*Node, *Node) {
	s, t := slices.Clone(x.typ.Shape), slices.Clone(y.typ.Shape)
	s[axis], t[axis] = 1, 1
	both, err := BroadcastShapes(s, t)
	if err != nil {
		return x, y // a mistake of the operator's
	}
	wide := func(n *Node) *Node {
		s := slices.Clone(both)
		s[axis] = n.typ.Shape[axis]
		return BroadcastTo(n, s...)
	}
	return wide(x), wide(y)
}

// ontoAxis applies a scatter, whose first operand may be a scalar with an axis.
func ontoAxis(op *Op, x, indices, updates *Node, axis int) *Node {
	line := withOneAxis(x, axis)
	n := withAxis(op, line, []*Node{line, indices, updates}, axis)
	if n.Valid() {
		n = Reshape(n, x.typ.Shape...)
	}
	return n
}

// withAxis applies an operator with the attribute axis, normalised by the rank of x.
func withAxis(op *Op, x *Node, in []*Node, axis int) *Node {
	if x.Valid() {
		a, err := axisOf(axis, x.typ.Shape.Rank())
		if err != nil {
			return x.g.Fail(op.Name, err)
		}
		axis = a
	}
	return applyAll(op, in, attr.I("axis", axis))
}

func scatterAlongAxisAdd(indices, updates *Node, axis int, shape Shape) *Node {
	return applyAll(opScatterAlongAxisAdd, []*Node{indices, updates}, attr.I("axis", axis), attr.L("shape", shape))
}

// ScatterAlongAxisAdd adds each update into zeros of the shape at its index in its line along the axis, of which a negative one counts from the end: the transpose of TakeAlongAxis.
func ScatterAlongAxisAdd(indices, updates *Node, axis int, shape ...int) *Node {
	return scatterAlongAxisAdd(indices, updates, fromFront(axis, shape), shape)
}

// DynamicSlice returns the part of x of the given extents that begins at the indices in begin, an integer vector; they are
// moved into range so that the part fits.
func DynamicSlice(x, begin *Node, sizes ...int) *Node {
	return applyAll(opDynamicSlice, []*Node{x, begin}, attr.L("sizes", sizes))
}

// DynamicUpdateSlice returns x with update written over the part that begins at the indices in begin, an integer vector; they are
// moved into range so that the part fits.
func DynamicUpdateSlice(x, update, begin *Node) *Node {
	return apply3(opDynamicUpdateSlice, x, update, begin)
}

// ScatterSet returns x with its parts along the axis at the indices replaced by the updates, which are shaped as Gather's result.
func ScatterSet(x, indices, updates *Node, axis int) *Node {
	return ontoAxis(opScatterSet, x, indices, updates, axis)
}

// ScatterAddTo returns x with the updates added to its parts along the axis at the indices.
func ScatterAddTo(x, indices, updates *Node, axis int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	line := withOneAxis(x, axis)
	a, err := axisOf(axis, line.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail("scatter_add", err)
	}
	y := Add(line, ScatterAdd(indices, updates, a, line.typ.Shape...))
	if y.Valid() {
		y = Reshape(y, x.typ.Shape...)
	}
	return y
}

// ScatterMul returns x with its parts along the axis at the indices multiplied by the updates.
func ScatterMul(x, indices, updates *Node, axis int) *Node {
	return ontoAxis(opScatterMul, x, indices, updates, axis)
}

// ScatterMax returns x with its parts along the axis at the indices replaced by updates that are larger.
func ScatterMax(x, indices, updates *Node, axis int) *Node {
	return ontoAxis(opScatterMax, x, indices, updates, axis)
}

// ScatterMin returns x with its parts along the axis at the indices replaced by updates that are smaller.
func ScatterMin(x, indices, updates *Node, axis int) *Node {
	return ontoAxis(opScatterMin, x, indices, updates, axis)
}

func batchScatterAlong(b *Batch, n *Node) *Node {
	in := b.Lifted(n)
	return ScatterAlongAxisAdd(in[0], in[1], n.extra.attrs.Int("axis")+1, b.Shape(n)...)
}

// batchScatter: indices that all elements of the batch share apply behind the batch dimension.
func batchScatter(b *Batch, n *Node) *Node {
	if b.Has(n.Input(1)) {
		return nil
	}
	return b.Graph.Apply(n.op, []*Node{b.Lift(n.Input(0)), n.Input(1), b.Lift(n.Input(2))}, ShiftAxes(n.extra.attrs))
}

func batchDynamicSlice(b *Batch, n *Node) *Node {
	if b.Has(n.Input(1)) {
		return nil
	}
	return DynamicSlice(b.Of(n.Input(0)), zeroBefore(n.Input(1)), b.Shape(n)...)
}

func batchDynamicUpdateSlice(b *Batch, n *Node) *Node {
	if b.Has(n.Input(2)) {
		return nil
	}
	return DynamicUpdateSlice(b.Lift(n.Input(0)), b.Lift(n.Input(1)), zeroBefore(n.Input(2)))
}

// zeroBefore is a vector of indices with a leading 0.
func zeroBefore(begin *Node) *Node {
	return Concat(0, BroadcastTo(Like(begin, 0), 1), begin)
}
