package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opSegmentSum, opSegmentProd, opSegmentMax, opSegmentMin *Op

func segmentOp(op Op) *Op {
	op.Family, op.MinArity, op.MaxArity, op.Kernel, op.Batch = FamilyReduce, 2, 2, op.Name, batchSegment
	op.OperandNames, op.Pattern = []string{"x", "segments"}, combinesAlong(1, 0, func(*Node) int { return 0 })
	op.Attrs = []AttrSpec{{Key: "num_segments", Kind: attr.Int, Doc: "extent of the result's first dimension"}}
	op.Infer = func(in []*Node, a attr.List) (Type, error) {
		x, seg, n := in[0].typ, in[1].typ, a.Int("num_segments")
		switch {
		case !Numbers.Has(x.DType) || len(x.Shape) < 1:
			return Type{}, fmt.Errorf("the data are %v: need rank 1 or more and one of %v", x, Numbers)
		case !seg.DType.IsInt() || !seg.Shape.Equal(x.Shape[:1]):
			return Type{}, fmt.Errorf("the segments are %v: need int32 or int64 of shape %v", seg, x.Shape[:1])
		case n < 0:
			return Type{}, fmt.Errorf("%d segments", n)
		}
		return Type{x.DType, append(Shape{n}, x.Shape[1:]...)}, nil
	}
	segments := SampleInput{Type: Type{Int64, Shape{7}}, Values: []float64{2, 0, 0, 2, 4, 2, 0}, Constant: true}
	op.Samples = append(op.Samples, Sample{Attrs: attr.Make(attr.I("num_segments", 5)), In: []SampleInput{{Type: Type{Float64, Shape{7, 2}}}, segments}})
	return &op
}

func init() {
	opSegmentSum = Register(segmentOp(Op{
		Name: "segment_sum", OfNothing: ofNothing(0), Symbol: "Σ", Accuracy: accuracyOfRepeats,
		Doc: "Sums of the parts of the first operand (along its first dimension) that have the same segment in the second (int32 or int64, in any order). " +
			"An empty segment gives 0; a segment out of range is a runtime error. Integers wrap.",
		Formula: "the adjoint gathered at the segments; –",
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 1 {
				return nil
			}
			return Gather(ct, n.Input(1), 0)
		},
	}))
	opSegmentProd = Register(segmentOp(Op{
		Name: "segment_prod", OfNothing: ofNothing(1), Symbol: "Π", Accuracy: "n·u·|Π xᵢ| for n factors",
		Doc: "Products of the parts of the first operand (along its first dimension) that have the same segment in the second (int32 or int64, in any order). " +
			"An empty segment gives 1; a segment out of range is a runtime error. Derivatives of every order are exact at zeros.",
		Formula: "the adjoint gathered at the segments times the product of the segment's other elements; –",
		VJP: func(n *Node, ct []*Node) []*Node {
			return []*Node{Mul(Gather(ct[0], n.Input(1), 0), productOfOthers(n.Input(0), n.Input(1), 0)), nil}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			others := productOfOthers(n.Input(0), n.Input(1), 0)
			return []*Node{n.g.Apply(opSegmentSum, []*Node{Mul(dot[0], others), n.Input(1)}, n.extra.attrs)}
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("num_segments", 3)), In: []SampleInput{
			{Type: Type{Float64, Shape{7}}, Values: []float64{2, 0, 3, 0, 0, -1, 1.5}},
			{Type: Type{Int32, Shape{7}}, Values: []float64{1, 1, 0, 0, 1, 0, 1}, Constant: true}}}},
	}))
	tied := Sample{NoDifferences: "kink at a tie", Attrs: attr.Make(attr.I("num_segments", 2)), In: []SampleInput{
		{Type: Type{Float64, Shape{5}}, Values: []float64{2, 1, 2, 1, 3}}, {Type: Type{Int32, Shape{5}}, Values: []float64{0, 0, 0, 0, 1}, Constant: true}}}
	opSegmentMax = Register(segmentOp(Op{
		Name: "segment_max", OfNothing: ofNothing(-posInf), Symbol: "max",
		Doc: "Largest elements (NaN wins) of the parts of the first operand (along its first dimension) that have the same segment in the second (int32 or int64). " +
			"An empty segment gives −Inf or the smallest integer; a segment out of range is a runtime error. Equal largest elements share the adjoint.",
		Formula: "the adjoint over the number of ties, where largest; –",
		VJP:     segmentExtremumVJP, JVP: segmentExtremumJVP, Samples: []Sample{tied},
	}))
	opSegmentMin = Register(segmentOp(Op{
		Name: "segment_min", OfNothing: ofNothing(posInf), Symbol: "min",
		Doc: "Smallest elements (NaN wins) of the parts of the first operand (along its first dimension) that have the same segment in the second (int32 or int64). " +
			"An empty segment gives +Inf or the largest integer; a segment out of range is a runtime error. Equal smallest elements share the adjoint.",
		Formula: "the adjoint over the number of ties, where smallest; –",
		VJP:     segmentExtremumVJP, JVP: segmentExtremumJVP, Samples: []Sample{tied},
	}))
}

// productOfOthers gives for each part of x along the axis the product of the other parts with the same segment. The parts are
// sorted by segment; the products before and after each part of its segment are linear recurrences, so that nothing is divided by.
func productOfOthers(x, segments *Node, axis int) *Node {
	order := Argsort(segments, 0)
	inverse := Argsort(order, 0)
	sorted, seg := Gather(x, order, axis), Gather(segments, order, 0)
	wide := func(mask *Node) *Node { // along the axis of x
		s := make(Shape, x.typ.Shape.Rank())
		for i := range s {
			s[i] = 1
		}
		s[axis] = mask.typ.Shape[0]
		return Reshape(mask, s...)
	}
	one, zero := Like(x, 1), Like(x, 0)
	product := func(reverse bool) *Node {
		s := scanAttributes{axis: axis, reverse: reverse}
		line := scanAttributes{reverse: reverse}
		same := wide(Equal(line.forward(seg, -1), seg)) // segments are not negative
		factor := Where(same, s.forward(sorted, 1), zero)
		return linearRecurrence(factor, Where(same, zero, one), axis, reverse)
	}
	return Gather(Mul(product(false), product(true)), inverse, axis)
}

// segmentExtremum is 1 where an element is its segment's extremum, and the number of these in each segment.
func segmentExtremum(n *Node) (mask, count *Node) {
	x := n.Input(0)
	mask = Cast(Equal(x, Gather(n, n.Input(1), 0)), x.typ.DType)
	count = n.g.Apply(opSegmentSum, []*Node{mask, n.Input(1)}, n.extra.attrs)
	return mask, Max(count, Like(count, 1)) // empty segments
}

func segmentExtremumVJP(n *Node, ct []*Node) []*Node {
	mask, count := segmentExtremum(n)
	return []*Node{MulNoNan(Gather(Div(ct[0], count), n.Input(1), 0), mask), nil}
}

func segmentExtremumJVP(n *Node, dot []*Node) []*Node {
	mask, count := segmentExtremum(n)
	return []*Node{Div(n.g.Apply(opSegmentSum, []*Node{Mul(mask, dot[0]), n.Input(1)}, n.extra.attrs), count)}
}

func segment(op *Op, x, segments *Node, n int) *Node {
	return applyAll(op, []*Node{x, segments}, attr.I("num_segments", n))
}

// SegmentSum returns the n sums of the parts of x along its first dimension that have the same segment.
func SegmentSum(x, segments *Node, n int) *Node { return segment(opSegmentSum, x, segments, n) }

// SegmentProd returns the n products of the parts of x along its first dimension that have the same segment.
func SegmentProd(x, segments *Node, n int) *Node { return segment(opSegmentProd, x, segments, n) }

// SegmentMax returns the n largest elements of the parts of x along its first dimension that have the same segment.
func SegmentMax(x, segments *Node, n int) *Node { return segment(opSegmentMax, x, segments, n) }

// SegmentMin returns the n smallest elements of the parts of x along its first dimension that have the same segment.
func SegmentMin(x, segments *Node, n int) *Node { return segment(opSegmentMin, x, segments, n) }

// Bincount returns how often each of the numbers 0 to n − 1 occurs in x, integers, as int64, or with weights, of x's shape, the sum of those where it does (numpy.bincount). A number out of range is an error of the run.
func Bincount(x, weights *Node, n int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	if weights == nil {
		weights = Ones(x.g, Int64, x.typ.Shape...)
	}
	if !weights.Valid() {
		return weights
	}
	if !weights.typ.Shape.Equal(x.typ.Shape) {
		return x.g.Fail("bincount", fmt.Errorf("the weights are %v: need the shape %v", weights.typ, x.typ.Shape))
	}
	return SegmentSum(Reshape(weights, x.typ.Shape.Size()), Reshape(x, x.typ.Shape.Size()), n)
}

// batchSegment moves the batch dimension behind that of the segments, which all elements of the batch share.
func batchSegment(b *Batch, n *Node) *Node {
	if b.Has(n.Input(1)) {
		return nil
	}
	x := b.Of(n.Input(0))
	swap := []int{1, 0}
	for d := 2; d < x.typ.Shape.Rank(); d++ {
		swap = append(swap, d)
	}
	y := b.Graph.Apply(n.op, []*Node{Transpose(x, swap...), n.Input(1)}, n.extra.attrs)
	return Transpose(y, swap...)
}
