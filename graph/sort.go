package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

var descendingAttr = AttrSpec{Key: "descending", Kind: attr.Bool, Doc: "largest first"}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opSort, opArgsort, opTopK, opSearchsorted *Op

func init() {
	opSort = Register(&Op{
		Name: "sort", Pattern: Lines, AlongAxis: true, Family: FamilyScan, MinArity: 1, MaxArity: 1, Kernel: "sort", Attrs: []AttrSpec{axisAttr, descendingAttr},
		Doc: "The elements sorted along an axis; NaN counts as the largest. Equal elements keep their order, and each its own adjoint.", Formula: "the adjoint, put back in order",
		Infer: func(in []*Node, a attr.List) (Type, error) { return numberAlongAxis(Numbers, in, a) },
		VJP: func(n *Node, ct []*Node) []*Node {
			order := n.g.Apply(opArgsort, n.Inputs(), n.extra.attrs)
			return []*Node{scatterAlongAxisAdd(order, ct[0], n.extra.attrs.Int("axis"), n.typ.Shape)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			order := n.g.Apply(opArgsort, n.Inputs(), n.extra.attrs)
			return []*Node{TakeAlongAxis(dot[0], order, n.extra.attrs.Int("axis"))}
		},
		Samples: sortSamples(),
	})
	opArgsort = Register(&Op{
		Name: "argsort", AlongAxis: true, Family: FamilyScan, MinArity: 1, MaxArity: 1, Kernel: "argsort", Attrs: []AttrSpec{axisAttr, descendingAttr},
		Doc:          "The int64 indices that sort along an axis; NaN counts as the largest. Equal elements keep their order.",
		NoDerivative: "the result is an index",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, err := numberAlongAxis(Numbers, in, a)
			return Type{Int64, t.Shape}, err
		},
		Samples: sortSamples(),
	})
	opTopK = Register(&Op{
		Name: "top_k", Pattern: OfResults{selectedPattern, nil}, AlongAxis: true, Family: FamilyScan, MinArity: 1, MaxArity: 1, Kernel: "top_k",
		Attrs: []AttrSpec{axisAttr, {Key: "k", Kind: attr.Int, Doc: "how many"}, {Key: "smallest", Kind: attr.Bool, Doc: "the smallest ones, in ascending order"}},
		Doc: "Two results: the k largest elements along an axis in descending order, and their int64 indices. NaN counts as the largest; " +
			"of equal elements the first come first.",
		Formula:     "the adjoint of the values at their indices",
		ResultNames: []string{"values", "indices"},
		InferMany: func(in []*Node, a attr.List) ([]Type, error) {
			t, err := numberAlongAxis(Numbers, in, a)
			if err != nil {
				return nil, err
			}
			axis, k := a.Int("axis"), a.Int("k")
			if k < 0 || k > t.Shape[axis] {
				return nil, fmt.Errorf("k = %d is outside of [0, %d], the extent of axis %d", k, t.Shape[axis], axis)
			}
			s := append(Shape{}, t.Shape...)
			s[axis] = k
			return []Type{{t.DType, s}, {Int64, s}}, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			if ct[0] == nil {
				return []*Node{nil}
			}
			return []*Node{scatterAlongAxisAdd(Result(n, 1), ct[0], n.extra.attrs.Int("axis"), n.Input(0).typ.Shape)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			return []*Node{TakeAlongAxis(dot[0], Result(n, 1), n.extra.attrs.Int("axis")), nil}
		},
		Samples: []Sample{shapeSample(Shape{3, 7}, attr.I("axis", 1), attr.I("k", 3), attr.B("smallest", false)),
			shapeSample(Shape{5, 3}, attr.I("axis", 0), attr.I("k", 2), attr.B("smallest", true))},
	})
	opSearchsorted = Register(&Op{
		Name: "searchsorted", OfNothing: ofNothing(0), OperandNames: []string{"sorted", "x"}, Family: FamilyScan, MinArity: 2, MaxArity: 2, Kernel: "searchsorted", Batch: batchSearchsorted,
		Attrs: []AttrSpec{{Key: "right", Kind: attr.Bool, Doc: "after equal elements instead of before"}},
		Doc: "For each element of the second operand the int64 position at which it would be inserted into the first, which ascends along its last dimension: " +
			"a vector, or of the same leading extents. NaN counts as the largest.",
		NoDerivative: "the result is an index",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, q := in[0].typ, in[1].typ
			if s.DType != q.DType || !Numbers.Has(s.DType) {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same dtype, one of %v", s, q, Numbers)
			}
			r := len(s.Shape)
			if r < 1 || r > 1 && (len(q.Shape) != r || !s.Shape[:r-1].Equal(q.Shape[:r-1])) {
				return Type{}, fmt.Errorf("the sequences %v do not suit the elements %v", s.Shape, q.Shape)
			}
			return Type{Int64, q.Shape}, nil
		},
		Samples: []Sample{{Attrs: attr.Make(attr.B("right", false)), In: []SampleInput{
			{Type: Type{Float64, Shape{4}}, Values: []float64{-1, 0, 0, 2}, Constant: true}, {Type: Type{Float64, Shape{2, 3}}, Values: []float64{-2, -1, 0, 1, 2, 3}, Constant: true}}},
			{Attrs: attr.Make(attr.B("right", true)), In: []SampleInput{
				{Type: Type{Float64, Shape{2, 3}}, Values: []float64{-1, 0, 0, 1, 2, 3}, Constant: true}, {Type: Type{Float64, Shape{2, 2}}, Values: []float64{-1, 0, 3, 4}, Constant: true}}}},
	})
}

func sortSamples() []Sample {
	return []Sample{
		shapeSample(Shape{3, 7}, attr.I("axis", 1), attr.B("descending", false)),
		shapeSample(Shape{5, 2, 3}, attr.I("axis", 0), attr.B("descending", true)),
		{NoDifferences: "kinks at ties", Attrs: attr.Make(attr.I("axis", 0), attr.B("descending", true)),
			In: []SampleInput{{Type: Type{Float64, Shape{6}}, Values: []float64{1, 2, 1, posInf - posInf, 2, -posInf}}}},
	}
}

// SortOption changes Sort, Argsort and TopK.
type SortOption int

// Descending sorts the largest first; Smallest makes TopK take the smallest.
const (
	Descending SortOption = iota + 1
	Smallest
)

func hasOption(opts []SortOption, o SortOption) bool { return len(opts) > 0 && opts[0] == o }

// Sort returns the elements of x sorted along the axis, ascending unless Descending is given; negative axes count from the end. false comes before true.
func Sort(x *Node, axis int, opts ...SortOption) *Node {
	if x.Valid() && x.typ.DType == Bool {
		return Cast(Sort(Cast(x, Int32), axis, opts...), Bool)
	}
	return alongAxis(opSort, x, axis, attr.B("descending", hasOption(opts, Descending)))
}

// Argsort returns the int64 indices that sort x along the axis; equal elements keep their order.
func Argsort(x *Node, axis int, opts ...SortOption) *Node {
	return alongAxis(opArgsort, orCast(x, Numbers, Int32), axis, attr.B("descending", hasOption(opts, Descending)))
}

// TopK returns the k largest elements of x along the axis in descending order (with Smallest the smallest in ascending
// order) and their int64 indices.
func TopK(x *Node, k, axis int, opts ...SortOption) (values, indices *Node) {
	if x.Valid() && x.typ.DType == Bool {
		values, indices = TopK(Cast(x, Int32), k, axis, opts...)
		return Cast(values, Bool), indices
	}
	both := alongAxis(opTopK, x, axis, attr.I("k", k), attr.B("smallest", hasOption(opts, Smallest)))
	if !both.Valid() {
		return both, both
	}
	values, indices = Result(both, 0), Result(both, 1)
	if x.typ.IsScalar() {
		values, indices = Reshape(values), Reshape(indices)
	}
	return values, indices
}

// KthValue returns the k-th smallest element of x along the axis, 1 for the smallest, and its int64 index, without the axis (PyTorch's kthvalue). NaN counts as the largest.
func KthValue(x *Node, k, axis int) (value, index *Node) {
	if k < 1 && x.Valid() {
		bad := x.g.Fail("kth_value", fmt.Errorf("element %d in order: the first is 1", k))
		return bad, bad
	}
	values, indices := TopK(x, k, axis, Smallest)
	if !values.Valid() || values.typ.IsScalar() {
		return values, indices
	}
	a, _ := axisOf(axis, values.typ.Shape.Rank()) // which TopK has looked at
	last := func(n *Node) *Node { return Squeeze(sliceAxis(n, a, k-1, k), a) }
	return last(values), last(indices)
}

// Searchsorted returns for each element of values the int64 position at which it would be inserted into the ascending sequence, before equal
// elements, or after them with right.
func Searchsorted(sequence, values *Node, right bool) *Node {
	return applyAll(opSearchsorted, []*Node{sequence, values}, attr.B("right", right))
}

func batchSearchsorted(b *Batch, n *Node) *Node {
	sequence, values, right := n.Input(0), n.Input(1), n.extra.attrs.Bool("right")
	switch {
	case !b.Has(sequence) && sequence.typ.Shape.Rank() == 1:
		return Searchsorted(sequence, b.Of(values), right)
	case sequence.typ.Shape.Rank() == values.typ.Shape.Rank():
		return Searchsorted(b.Lift(sequence), b.Lift(values), right)
	}
	return nil
}
