package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

var axisAttr = AttrSpec{Key: "axis", Kind: attr.Int, Doc: "the dimension, ≥ 0"}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opIndex, opIndexTranspose, opGather, opScatterAdd, opIota *Op

func init() {
	opIndex = Register(&Op{
		Name: "index", Pattern: Moves, Symbol: "[ · ]", Family: FamilyIndex, MinArity: 1, MaxArity: 1, Builtin: true, View: viewOfIndex, Batch: batchIndex,
		Attrs: []AttrSpec{{Key: "indices", Kind: attr.Ints, Doc: "one index for each leading dimension, ≥ 0"}},
		Doc:   "x[i, j, …]: the part of the operand at fixed leading indices. It shares the operand's memory.", Formula: "the adjoint, placed into zeros",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, idx := in[0].typ.Shape, a.Ints("indices")
			if err := checkIndices(s, idx); err != nil {
				return Type{}, err
			}
			return Type{in[0].typ.DType, s[len(idx):]}, nil
		},
		JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			return applyAll(opIndexTranspose, []*Node{ct}, attr.L("shape", n.Input(0).typ.Shape), attr.L("indices", n.extra.attrs.Ints("indices")))
		},
		Samples: []Sample{shapeSample(Shape{3, 5}, attr.L("indices", []int{2})), shapeSample(Shape{3, 5}, attr.L("indices", []int{1, 4}))},
	})
	opIndexTranspose = Register(&Op{
		Name: "index_transpose", OfNothing: ofNothing(0), Pattern: SumPattern(indexTransposePattern), Family: FamilyIndex, MinArity: 1, MaxArity: -1, Merge: mergeIndexed, Places: placesOfPieces, Kernel: "index_transpose", Batch: batchIndexTranspose,
		Attrs: []AttrSpec{shapeAttr, {Key: "indices", Kind: attr.Ints, Doc: "the leading indices of each operand in turn; no two operands have the same"}},
		Doc:   "Its operands placed at distinct leading indices into zeros of the given shape: the linear transpose of index.", Formula: "the adjoint at the operand's indices",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, idx := Shape(a.Ints("shape")), a.Ints("indices")
			if err := s.check(); err != nil {
				return Type{}, err
			}
			if err := numeric(in[0]); err != nil {
				return Type{}, err
			}
			m := len(s) - in[0].typ.Shape.Rank()
			if m < 1 || len(idx) != m*len(in) {
				return Type{}, fmt.Errorf("%d indices do not suit %d operands of rank %d in shape %v", len(idx), len(in), in[0].typ.Shape.Rank(), s)
			}
			seen := map[int]bool{}
			distinct := func(flat int) bool {
				if len(in) == 1 {
					return true
				}
				old := seen[flat]
				seen[flat] = true
				return !old
			}
			if places := s[:m].Size(); places <= 8*len(in) {
				taken := make([]bool, places)
				distinct = func(flat int) bool {
					old := taken[flat]
					taken[flat] = true
					return !old
				}
			}
			for k, n := range in {
				if n.typ.DType != in[0].typ.DType || !n.typ.Shape.Equal(s[m:]) {
					return Type{}, fmt.Errorf("operand %d is %v: needs %v", k, n.typ, Type{in[0].typ.DType, s[m:]})
				}
				if err := checkIndices(s, idx[k*m:(k+1)*m]); err != nil {
					return Type{}, err
				}
				flat := 0
				for d, i := range idx[k*m : (k+1)*m] {
					flat = flat*s[d] + i
				}
				if !distinct(flat) {
					return Type{}, fmt.Errorf("two operands have the indices %v", idx[k*m:(k+1)*m])
				}
			}
			return Type{in[0].typ.DType, s}, nil
		},
		JointlyLinear: true,
		Transpose: func(n *Node, i int, ct *Node) *Node {
			m := len(n.extra.attrs.Ints("indices")) / len(n.Inputs())
			return applyAll(opIndex, []*Node{ct}, attr.L("indices", n.extra.attrs.Ints("indices")[i*m:(i+1)*m]))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.L("shape", []int{3, 5}), attr.L("indices", []int{2, 0})),
			In: []SampleInput{{Type: Type{Float64, Shape{5}}}, {Type: Type{Float64, Shape{5}}}}}},
	})
	opGather = Register(&Op{
		Name: "gather", Pattern: Moves, OperandNames: []string{"x", "indices"}, Family: FamilyIndex, MinArity: 2, MaxArity: 2, Kernel: "gather", Batch: batchGather, Attrs: []AttrSpec{axisAttr},
		Doc: "The parts of the first operand along an axis at the indices (int32 or int64, any shape), which replace the axis (NumPy take). " +
			"Negative indices count from the end; an index out of range is a runtime error.",
		Formula: "the adjoint, added into zeros at the indices; –",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, axis := in[0].typ.Shape, a.Int("axis")
			if !in[1].typ.DType.IsInt() {
				return Type{}, fmt.Errorf("the indices are %v: need int32 or int64", in[1].typ.DType)
			}
			if axis < 0 || axis >= len(s) {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, len(s))
			}
			out := shape.Replaced(s, axis, in[1].typ.Shape...)
			return Type{in[0].typ.DType, out}, nil
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 1 {
				return nil
			}
			return ScatterAdd(n.Input(1), ct, n.extra.attrs.Int("axis"), n.Input(0).typ.Shape...)
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1)), In: []SampleInput{
			{Type: Type{Float64, Shape{3, 5, 2}}}, {Type: Type{Int64, Shape{2, 3}}, Values: []float64{0, 4, 4, 1, -1, 2}, Constant: true}}}},
	})
	opScatterAdd = Register(&Op{
		Name: "scatter_add", OfNothing: ofNothing(0), Accuracy: accuracyOfRepeats, Pattern: combinesAlong(0, 1, axisOfNode), OperandNames: []string{"indices", "updates"}, Family: FamilyIndex, MinArity: 2, MaxArity: 2, Merge: mergeScatterAdd, Kernel: "scatter_add", Batch: batchScatterAdd, Attrs: []AttrSpec{axisAttr, shapeAttr},
		Doc: "The updates (second operand) added into zeros of the given shape at the indices (first operand) along an axis: " +
			"the linear transpose of gather. Repeated indices add up in ascending order; an index out of range is a runtime error.",
		Formula: "–; the adjoint gathered at the indices",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, axis := Shape(a.Ints("shape")), a.Int("axis")
			if err := s.check(); err != nil {
				return Type{}, err
			}
			if !in[0].typ.DType.IsInt() {
				return Type{}, fmt.Errorf("the indices are %v: need int32 or int64", in[0].typ.DType)
			}
			if err := numeric(in[1]); err != nil {
				return Type{}, err
			}
			if axis < 0 || axis >= len(s) {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, len(s))
			}
			want := shape.Replaced(s, axis, in[0].typ.Shape...)
			if !in[1].typ.Shape.Equal(want) {
				return Type{}, fmt.Errorf("the updates are %v: need the shape %v", in[1].typ, want)
			}
			return Type{in[1].typ.DType, s}, intoNothing(s, axis, in[0].typ)
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 0 {
				return nil
			}
			return Gather(ct, n.Input(0), n.extra.attrs.Int("axis"))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1), attr.L("shape", []int{3, 5, 2})), In: []SampleInput{
			{Type: Type{Int64, Shape{2, 2}}, Values: []float64{0, 4, 4, -5}, Constant: true}, {Type: Type{Float64, Shape{3, 2, 2, 2}}}}}},
	})
	opIota = Register(&Op{
		Name: "iota", Family: FamilySource, MinArity: 0, MaxArity: 0, Kernel: "iota",
		Attrs: []AttrSpec{shapeAttr, {Key: "axis", Kind: attr.Int, Doc: "the dimension along which the values count"},
			{Key: "dtype", Kind: attr.String, Doc: "the result's dtype, not bool"}},
		Doc: "0, 1, 2, … along an axis, repeated along the others.", NoDerivative: "it has no operands",
		Infer: func(_ []*Node, a attr.List) (Type, error) {
			d, ok := parseDType(a.Str("dtype"))
			if !ok || d == Bool {
				return Type{}, fmt.Errorf("dtype %q does not count", a.Str("dtype"))
			}
			s := Shape(a.Ints("shape"))
			if ax := a.Int("axis"); ax < 0 || ax >= len(s) {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", ax, len(s))
			}
			return Type{d, s}, nil
		},
	})
}

// numeric reports bools, which do not add up.
func numeric(n *Node) error {
	if !Numbers.Has(n.typ.DType) {
		return fmt.Errorf("the operand is %v: needs one of %v", n.typ.DType, Numbers)
	}
	return nil
}

func checkIndices(s Shape, idx []int) error {
	if len(idx) < 1 || len(idx) > len(s) {
		return fmt.Errorf("%d indices for shape %v", len(idx), s)
	}
	for d, i := range idx {
		if i < 0 || i >= s[d] {
			return fmt.Errorf("index %d is out of range for the extent %d of dimension %d", i, s[d], d)
		}
	}
	return nil
}

// Index returns x[i, j, …] at fixed leading indices; negative ones count from the end.
func Index(x *Node, indices ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	if len(indices) == 0 {
		return x
	}
	for d, i := range indices {
		if i < 0 && d < x.typ.Shape.Rank() {
			indices = append([]int{}, indices...)
			indices[d] += x.typ.Shape[d]
		}
	}
	return applyAll(opIndex, []*Node{x}, attr.L("indices", indices))
}

// IndexTranspose places pieces at distinct leading indices into zeros of the shape: piece k at
// indices[k·m : (k+1)·m], m = rank of the shape − rank of the pieces. It is the linear transpose of Index.
func IndexTranspose(shape Shape, indices []int, pieces ...*Node) *Node {
	return applyAll(opIndexTranspose, pieces, attr.L("shape", shape), attr.L("indices", indices))
}

// Gather takes the parts of x along an axis at the indices (NumPy take); a negative axis counts from the end.
func Gather(x, indices *Node, axis int) *Node {
	x = withOneAxis(x, axis)
	if x.Valid() {
		a, err := axisOf(axis, x.typ.Shape.Rank())
		if err != nil {
			return x.g.Fail("gather", err)
		}
		axis = a
	}
	return applyAll(opGather, []*Node{x, indices}, attr.I("axis", axis))
}

// ScatterAdd adds updates into zeros of the shape at the indices along an axis; a negative one counts from the end.
func ScatterAdd(indices, updates *Node, axis int, shape ...int) *Node {
	return applyAll(opScatterAdd, []*Node{indices, updates}, attr.I("axis", fromFront(axis, shape)), attr.L("shape", shape))
}

// fromFront is an axis of the shape that may count from the end as one that does not.
func fromFront(axis int, shape []int) int {
	if axis < 0 && axis >= -len(shape) {
		return axis + len(shape)
	}
	return axis
}

// Iota returns 0, 1, 2, … along an axis of the shape; a negative one counts from the end.
func Iota(g *Graph, d DType, axis int, shape ...int) *Node {
	axis = fromFront(axis, shape)
	return g.Apply(opIota, nil, attr.Make(attr.S("dtype", d.String()), attr.I("axis", axis), attr.L("shape", shape)))
}

func batchIndex(b *Batch, n *Node) *Node {
	ranges := []Range{{Limit: All}}
	for _, i := range n.extra.attrs.Ints("indices") {
		ranges = append(ranges, Range{Start: i, Limit: i + 1})
	}
	return Reshape(Slice(b.Of(n.Input(0)), ranges...), b.Shape(n)...)
}

func batchIndexTranspose(b *Batch, n *Node) *Node {
	r := n.typ.Shape.Rank()
	indices := n.extra.attrs.Ints("indices")
	m := len(indices) / len(n.Inputs())
	var starts, strides []int
	pieces := make([]*Node, len(n.Inputs()))
	for k, in := range n.Inputs() {
		shape := append(slices.Repeat([]int{1}, m), in.typ.Shape...)
		pieces[k] = Reshape(b.Lift(in), withLeading(shape, b.Size)...)
		starts = append(append(append(starts, 0), indices[k*m:(k+1)*m]...), make([]int, r-m)...)
		strides = append(strides, slices.Repeat([]int{1}, r+1)...)
	}
	return SliceTranspose(b.Shape(n), starts, strides, pieces...)
}

// placesOfPieces: operands that are single elements go where their indices say.
func placesOfPieces(n *Node) func(operand int) (element int) {
	s, indices := n.typ.Shape, n.extra.attrs.Ints("indices")
	return func(k int) int { return shape.Index(indices[k*len(s):(k+1)*len(s)], s) }
}

func batchGather(b *Batch, n *Node) *Node {
	x, idx, axis := n.Input(0), n.Input(1), n.extra.attrs.Int("axis")
	switch {
	case !b.Has(idx):
		return Gather(b.Of(x), idx, axis+1)
	case !b.Has(x):
		// The batch dimension comes out where the indices stand: move it to the front.
		y := Gather(x, b.Of(idx), axis)
		perm := []int{axis}
		for d := range y.typ.Shape {
			if d != axis {
				perm = append(perm, d)
			}
		}
		return Transpose(y, perm...)
	}
	return nil
}

func batchScatterAdd(b *Batch, n *Node) *Node {
	idx, updates, axis := n.Input(0), n.Input(1), n.extra.attrs.Int("axis")
	if b.Has(idx) {
		return nil
	}
	return ScatterAdd(idx, b.Of(updates), axis+1, b.Shape(n)...)
}
