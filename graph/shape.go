package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

func parseDType(s string) (DType, bool) { return dtype.Parse(s) }

// axisOf normalises an axis of a rank: negative counts from the end.
func axisOf(axis, rank int) (int, error) {
	a := axis
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, fmt.Errorf("axis %d is out of range for rank %d", axis, rank)
	}
	return a, nil
}

// ofScalar reports whether an axis is one that NumPy lets scalars have.
func ofScalar(axis int) bool { return axis == 0 || axis == -1 }

// withOneAxis gives a scalar the axis along which it is one element, if that is asked for.
func withOneAxis(x *Node, axis int) *Node {
	if x.Valid() && x.typ.IsScalar() && ofScalar(axis) {
		return Reshape(x, 1)
	}
	return x
}

// axesOf normalises a list of distinct axes; an empty list means all. The result ascends. A scalar has the axes 0 and −1, as NumPy lets it have them, along which it is one element.
func axesOf(axes []int, rank int) ([]int, error) {
	if len(axes) == 0 {
		out := make([]int, rank)
		for i := range out {
			out[i] = i
		}
		return out, nil
	}
	seen := make([]bool, rank)
	for _, ax := range axes {
		if rank == 0 && ofScalar(ax) {
			continue
		}
		a, err := axisOf(ax, rank)
		if err != nil {
			return nil, err
		}
		if seen[a] {
			return nil, fmt.Errorf("axis %d is given twice", ax)
		}
		seen[a] = true
	}
	var out []int
	for i, s := range seen {
		if s {
			out = append(out, i)
		}
	}
	return out, nil
}

func normalAxes(axes []int, rank int) error {
	for i, a := range axes {
		if a < 0 || a >= rank || i > 0 && a <= axes[i-1] {
			return fmt.Errorf("axes %v do not ascend within rank %d", axes, rank)
		}
	}
	return nil
}

var shapeAttr = AttrSpec{Key: "shape", Kind: attr.Ints, Doc: "the result's extents"}

func shapeSample(shape Shape, attrs ...attr.Named) Sample {
	return Sample{Attrs: attr.Make(attrs...), In: []SampleInput{{Type: Type{Float64, shape}}}}
}

// The operators of this file; init fills them in because their derivatives refer to one another.
var opReshape, opBroadcastTo, opTranspose, opConcat, opSlice, opSliceTranspose *Op

func init() {
	opReshape = Register(&Op{
		Name: "reshape", Pattern: Moves, Family: FamilyShape, MinArity: 1, MaxArity: 1, Builtin: true, View: whole, Batch: batchReshape, Attrs: []AttrSpec{shapeAttr},
		Doc: "The same elements in row-major order under another shape of the same size.", Formula: "the adjoint, reshaped back",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s := Shape(a.Ints("shape"))
			if err := s.check(); err != nil {
				return Type{}, err
			}
			if s.Size() != in[0].typ.Shape.Size() {
				return Type{}, fmt.Errorf("shape %v holds %d elements, not the %d of %v", s, s.Size(), in[0].typ.Shape.Size(), in[0].typ.Shape)
			}
			return Type{in[0].typ.DType, s}, nil
		},
		JointlyLinear: true,
		Transpose:     func(n *Node, _ int, ct *Node) *Node { return Reshape(ct, n.Input(0).typ.Shape...) },
		Samples:       []Sample{shapeSample(Shape{3, 4}, attr.L("shape", []int{2, 6}))},
	})
	opBroadcastTo = Register(&Op{
		Name: "broadcast_to", Pattern: SumPattern(broadcastPattern), Family: FamilyShape, MinArity: 1, MaxArity: 1, Builtin: true, Broadcasts: true, View: viewOfBroadcast, Batch: batchBroadcast, Attrs: []AttrSpec{shapeAttr},
		Doc: "The operand repeated along dimensions of extent 1 and along new leading dimensions.", Formula: "the adjoint, summed over the repeated dimensions",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s := Shape(a.Ints("shape"))
			if err := s.check(); err != nil {
				return Type{}, err
			}
			b, err := BroadcastShapes(in[0].typ.Shape, s)
			if err == nil && !b.Equal(s) {
				err = fmt.Errorf("shape %v does not broadcast to %v", in[0].typ.Shape, s)
			}
			return Type{in[0].typ.DType, s}, err
		},
		JointlyLinear: true,
		Transpose:     func(n *Node, _ int, ct *Node) *Node { return SumTo(ct, n.Input(0).typ.Shape) },
		Samples:       []Sample{shapeSample(Shape{3, 1}, attr.L("shape", []int{2, 3, 5})), shapeSample(nil, attr.L("shape", []int{3}))},
	})
	opTranspose = Register(&Op{
		Name: "transpose", Pattern: Moves, Symbol: "( · )ᵀ", Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: "transpose", View: viewOfTranspose, Batch: batchTranspose,
		Attrs: []AttrSpec{{Key: "perm", Kind: attr.Ints, Doc: "result dimension i is operand dimension perm[i]"}},
		Doc:   "The operand with its dimensions permuted.", Formula: "the adjoint, permuted back",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			perm, s := a.Ints("perm"), in[0].typ.Shape
			if len(perm) != len(s) {
				return Type{}, fmt.Errorf("perm %v has %d entries for rank %d", perm, len(perm), len(s))
			}
			seen, out := make([]bool, len(s)), make(Shape, len(s))
			for i, p := range perm {
				if p < 0 || p >= len(s) || seen[p] {
					return Type{}, fmt.Errorf("perm %v is not a permutation of 0…%d", perm, len(s)-1)
				}
				seen[p], out[i] = true, s[p]
			}
			return Type{in[0].typ.DType, out}, nil
		},
		JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			perm := n.extra.attrs.Ints("perm")
			inv := make([]int, len(perm))
			for i, p := range perm {
				inv[p] = i
			}
			return Transpose(ct, inv...)
		},
		Samples: []Sample{shapeSample(Shape{3, 5}, attr.L("perm", []int{1, 0})), shapeSample(Shape{2, 3, 5}, attr.L("perm", []int{2, 0, 1}))},
	})
	opConcat = Register(&Op{
		Name: "concat", OfNothing: func(n *Node, _ int) *Node { return Concat(n.extra.attrs.Int("axis"), withElements(n.Inputs())...) }, Pattern: SumPattern(concatPattern), AlongAxis: true, Family: FamilyShape, MinArity: 1, MaxArity: -1, Kernel: "concat",
		Attrs: []AttrSpec{{Key: "axis", Kind: attr.Int, Doc: "the dimension along which the operands follow one another, ≥ 0"}},
		Doc:   "The operands, one after another along an axis; their other extents are equal.", Formula: "the operand's part of the adjoint",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			first, axis := in[0].typ, a.Int("axis")
			if axis < 0 || axis >= first.Shape.Rank() {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, first.Shape.Rank())
			}
			out := append(Shape(nil), first.Shape...)
			for i, n := range in[1:] {
				if n.typ.DType != first.DType || n.typ.Shape.Rank() != first.Shape.Rank() {
					return Type{}, fmt.Errorf("operand %d is %v beside %v", i+1, n.typ, first)
				}
				for d, e := range n.typ.Shape {
					if d == axis {
						out[d] += e
					} else if e != first.Shape[d] {
						return Type{}, fmt.Errorf("operand %d is %v beside %v: only the extents of axis %d may differ", i+1, n.typ, first, axis)
					}
				}
			}
			return Type{first.DType, out}, nil
		},
		JointlyLinear: true,
		Transpose: func(n *Node, i int, ct *Node) *Node {
			axis := n.extra.attrs.Int("axis")
			if n.g.parts.of != n {
				n.g.parts = partsOfConcat(n, axis)
			}
			return sliceAxis(ct, axis, n.g.parts.start[i], n.g.parts.start[i+1])
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1)), In: []SampleInput{
			{Type: Type{Float64, Shape{3, 2}}}, {Type: Type{Float64, Shape{3, 4}}}, {Type: Type{Float64, Shape{3, 1}}}}}},
	})
	opSlice = Register(&Op{
		Name: "slice", Pattern: SumPattern(slicePattern), Symbol: "[ : ]", Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: "slice", View: viewOfSlice, Part: partOfSlice, Batch: batchSlice,
		Attrs: []AttrSpec{
			{Key: "starts", Kind: attr.Ints, Doc: "first index of each dimension"},
			{Key: "limits", Kind: attr.Ints, Doc: "index after the last one (before it for a negative stride, −1 at the least)"},
			{Key: "strides", Kind: attr.Ints, Doc: "step of each dimension, not 0; negative reverses"},
		},
		Doc: "A strided part of the operand.", Formula: "the adjoint, placed into zeros",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, starts, limits, strides := in[0].typ.Shape, a.Ints("starts"), a.Ints("limits"), a.Ints("strides")
			if len(starts) != len(s) || len(limits) != len(s) || len(strides) != len(s) {
				return Type{}, fmt.Errorf("starts, limits and strides need %d entries each", len(s))
			}
			out := make(Shape, len(s))
			for i, e := range s {
				n := 0
				switch st := strides[i]; {
				case st == 0:
					return Type{}, fmt.Errorf("the stride of dimension %d is 0", i)
				case starts[i] < 0 || starts[i] >= e || limits[i] < -1 || limits[i] > e:
					return Type{}, fmt.Errorf("%d:%d is out of range for the extent %d of dimension %d", starts[i], limits[i], e, i)
				case st > 0:
					n = (limits[i] - starts[i] + st - 1) / st
				default:
					n = (starts[i] - limits[i] - st - 1) / -st
				}
				if n < 1 {
					return Type{}, fmt.Errorf("%d:%d:%d of dimension %d is empty", starts[i], limits[i], strides[i], i)
				}
				out[i] = n
			}
			return Type{in[0].typ.DType, out}, nil
		},
		JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			return applyAll(opSliceTranspose, []*Node{ct}, attr.L("shape", n.Input(0).typ.Shape),
				attr.L("starts", n.extra.attrs.Ints("starts")), attr.L("strides", n.extra.attrs.Ints("strides")))
		},
		Samples: []Sample{
			shapeSample(Shape{5, 7}, attr.L("starts", []int{1, 0}), attr.L("limits", []int{4, 7}), attr.L("strides", []int{1, 2})),
			shapeSample(Shape{5, 7}, attr.L("starts", []int{4, 6}), attr.L("limits", []int{-1, 1}), attr.L("strides", []int{-1, -2})),
		},
	})
	opSliceTranspose = Register(&Op{
		Name: "slice_transpose", OfNothing: ofNothing(0), Accuracy: accuracyOfPieces, Pattern: SumPattern(sliceTransposePattern), Family: FamilyShape, MinArity: 1, MaxArity: -1, Merge: mergeSliced, Kernel: "slice_transpose", Part: partOfSliceTranspose, Batch: batchSliceTranspose,
		Attrs: []AttrSpec{shapeAttr,
			{Key: "starts", Kind: attr.Ints, Doc: "first index of each dimension, for each operand in turn"},
			{Key: "strides", Kind: attr.Ints, Doc: "step of each dimension, for each operand in turn"}},
		Doc:     "The sum of its operands, each placed into zeros of the given shape: the linear transpose of slice.",
		Formula: "the operand's slice of the adjoint",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, starts, strides := Shape(a.Ints("shape")), a.Ints("starts"), a.Ints("strides")
			if err := s.check(); err != nil {
				return Type{}, err
			}
			if err := numeric(in[0]); err != nil {
				return Type{}, err
			}
			r := len(s)
			if len(starts) != r*len(in) || len(strides) != r*len(in) {
				return Type{}, fmt.Errorf("starts and strides need %d entries each", r*len(in))
			}
			for k, n := range in {
				if n.typ.DType != in[0].typ.DType || n.typ.Shape.Rank() != r {
					return Type{}, fmt.Errorf("operand %d is %v: needs dtype %v and rank %d", k, n.typ, in[0].typ.DType, r)
				}
				for d, e := range n.typ.Shape {
					st, step := starts[k*r+d], strides[k*r+d]
					if step == 0 || st < 0 || st >= s[d] {
						return Type{}, fmt.Errorf("operand %d: start %d or stride %d is out of range in dimension %d", k, st, step, d)
					}
					room := s[d] - 1 - st
					if step < 0 {
						room, step = st, -step
					}
					if step <= 0 || e-1 > room/step {
						return Type{}, fmt.Errorf("operand %d leaves the shape in dimension %d", k, d)
					}
				}
			}
			return Type{in[0].typ.DType, s}, nil
		},
		JointlyLinear: true,
		Transpose: func(n *Node, i int, ct *Node) *Node {
			r := n.typ.Shape.Rank()
			starts, strides := n.extra.attrs.Ints("starts")[i*r:(i+1)*r], n.extra.attrs.Ints("strides")[i*r:(i+1)*r]
			limits := make([]int, r)
			for d, e := range n.Input(i).typ.Shape {
				limits[d] = starts[d] + (e-1)*strides[d] + 1
				if strides[d] < 0 {
					limits[d] -= 2
				}
			}
			return applyAll(opSlice, []*Node{ct}, attr.L("starts", starts), attr.L("limits", limits), attr.L("strides", strides))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.L("shape", []int{5, 7}), attr.L("starts", []int{1, 0, 0, 6}), attr.L("strides", []int{1, 2, 2, -1})),
			In: []SampleInput{{Type: Type{Float64, Shape{3, 4}}}, {Type: Type{Float64, Shape{2, 7}}}}}},
	})
}

// partsOf tells where the operands of a concat begin, so that the derivative by all of them takes linear time.
type partsOf struct {
	of    *Node
	start []int // one more for the end
}

func partsOfConcat(n *Node, axis int) partsOf {
	p := partsOf{of: n, start: make([]int, 1, len(n.Inputs())+1)}
	for i, in := range n.Inputs() {
		p.start = append(p.start, p.start[i]+in.typ.Shape[axis])
	}
	return p
}

// Reshape returns the same elements under another shape of the same size; x itself if it has that shape.
// One extent may be −1: it follows from the others.
func Reshape(x *Node, shape ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	s, err := fillShape(shape, x.typ.Shape.Size())
	if err != nil {
		return x.g.Fail("reshape", err)
	}
	if x.typ.Shape.Equal(s) {
		return x
	}
	return applyAll(opReshape, []*Node{x}, attr.L("shape", s))
}

func fillShape(shape []int, size int) (Shape, error) {
	s, at, rest := append(Shape{}, shape...), -1, 1
	for i, d := range s {
		switch {
		case d == -1 && at < 0:
			at = i
		case d < 0:
			return nil, fmt.Errorf("shape %v has an extent below 0", shape)
		case rest > 0 && d > MaxElements/rest:
			return nil, fmt.Errorf("shape %v is too large", shape)
		default:
			rest *= d
		}
	}
	if at >= 0 {
		if rest == 0 || size%rest != 0 {
			return nil, fmt.Errorf("%d elements do not fill the shape %v", size, shape)
		}
		s[at] = size / rest
	}
	return s, nil
}

// BroadcastTo repeats x to the shape by NumPy's rules; x itself if it has that shape.
func BroadcastTo(x *Node, shape ...int) *Node {
	if x.Valid() && x.typ.Shape.Equal(shape) {
		return x
	}
	return applyAll(opBroadcastTo, []*Node{x}, attr.L("shape", shape))
}

// ExpandDims inserts a dimension of extent 1 at axis; negative counts from the end of the result.
func ExpandDims(x *Node, axis int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	s := x.typ.Shape
	a, err := axisOf(axis, len(s)+1)
	if err != nil {
		return x.g.Fail("expand_dims", err)
	}
	out := append(append(append(Shape{}, s[:a]...), 1), s[a:]...)
	return Reshape(x, out...)
}

// Squeeze removes the given dimensions of extent 1; without axes, all of them.
func Squeeze(x *Node, axes ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	s := x.typ.Shape
	out := Shape{}
	norm, err := axesOf(axes, len(s))
	if err != nil {
		return x.g.Fail("squeeze", err)
	}
	drop := map[int]bool{}
	for _, a := range norm {
		if s[a] == 1 {
			drop[a] = true
		} else if len(axes) > 0 {
			return x.g.Fail("squeeze", fmt.Errorf("dimension %d has extent %d", a, s[a]))
		}
	}
	for i, d := range s {
		if !drop[i] {
			out = append(out, d)
		}
	}
	return Reshape(x, out...)
}

// Transpose permutes the dimensions: result dimension i is x's dimension perm[i]. Without perm
// it reverses them.
func Transpose(x *Node, perm ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	r := x.typ.Shape.Rank()
	p, same := make([]int, 0, r), true
	for i := range r {
		switch {
		case len(perm) == 0:
			p = append(p, r-1-i)
		case i < len(perm) && perm[i] < 0:
			p = append(p, perm[i]+r)
		case i < len(perm):
			p = append(p, perm[i])
		}
		same = same && i < len(p) && p[i] == i
	}
	if len(perm) > r {
		return x.g.Fail("transpose", fmt.Errorf("perm %v has %d entries for rank %d", perm, len(perm), r))
	}
	if same {
		return x
	}
	return applyAll(opTranspose, []*Node{x}, attr.L("perm", p))
}

// Concat joins the operands along an axis; negative counts from the end.
func Concat(axis int, xs ...*Node) *Node {
	if len(xs) > 0 && xs[0].Valid() {
		a, err := axisOf(axis, xs[0].typ.Shape.Rank())
		if err != nil {
			return xs[0].g.Fail("concat", err)
		}
		axis = a
	}
	return applyAll(opConcat, xs, attr.I("axis", axis))
}

// Stack joins operands of equal shape along a new dimension.
func Stack(axis int, xs ...*Node) *Node {
	wide := make([]*Node, len(xs))
	for i, x := range xs {
		if !x.Valid() {
			return Concat(0, xs...)
		}
		wide[i] = ExpandDims(x, axis)
	}
	return Concat(axis, wide...)
}

// Range selects indices of one dimension for Slice: from Start up to but not including Limit by Step. Negative
// Start and Limit count from the end; Step 0 means 1; Limit All means to the end.
type Range struct{ Start, Limit, Step int }

// All as Range.Limit means up to the end (down to the beginning for a negative step).
const All = math.MaxInt / 2

// Slice selects a range of each leading dimension; the others are taken whole. Starts and limits beyond an end mean the end, as in NumPy, and a range may have no elements.
func Slice(x *Node, ranges ...Range) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	s := x.typ.Shape
	if len(ranges) > len(s) {
		return x.g.Fail("slice", fmt.Errorf("%d ranges for rank %d", len(ranges), len(s)))
	}
	starts, limits, strides := make([]int, len(s)), make([]int, len(s)), make([]int, len(s))
	same, empty := true, false
	for i, e := range s {
		starts[i], limits[i], strides[i] = 0, e, 1
		if i >= len(ranges) {
			continue
		}
		r := ranges[i]
		if r.Step != 0 {
			strides[i] = r.Step
		}
		low, high := 0, e // of what starts and limits are moved to
		if strides[i] < 0 {
			low, high = -1, e-1
		}
		within := func(k int) int {
			if k < 0 {
				k += e
			}
			return min(max(k, low), high)
		}
		starts[i] = within(r.Start)
		switch {
		case r.Limit == All && strides[i] > 0:
		case r.Limit == All:
			limits[i] = -1
		default:
			limits[i] = within(r.Limit)
		}
		if n := (limits[i] - starts[i]) * sign(strides[i]); n <= 0 {
			empty = true
			limits[i] = starts[i]
		}
		same = same && starts[i] == 0 && limits[i] == e && strides[i] == 1
	}
	if empty || isEmpty(x) {
		out := make(Shape, len(s))
		for i := range out {
			step := strides[i] * sign(strides[i])
			out[i] = (abs(limits[i]-starts[i]) + step - 1) / step
		}
		return graphOf(x).nothing(Type{x.typ.DType, out})
	}
	if same {
		return x
	}
	return applyAll(opSlice, []*Node{x}, attr.L("starts", starts), attr.L("limits", limits), attr.L("strides", strides))
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

func abs(n int) int { return n * sign(n) }

// sliceAxis selects [start, limit) of one axis.
func sliceAxis(x *Node, axis, start, limit int) *Node {
	ranges := make([]Range, axis+1)
	for i := range axis {
		ranges[i] = Range{0, All, 1}
	}
	ranges[axis] = Range{start, limit, 1}
	return Slice(x, ranges...)
}

// Split cuts x along an axis into parts of the given extents, which add up to the axis's.
func Split(x *Node, axis int, extents ...int) []*Node {
	parts := make([]*Node, len(extents))
	if !x.Valid() {
		for i := range parts {
			parts[i] = x
		}
		return parts
	}
	a, err := axisOf(axis, x.typ.Shape.Rank())
	at := 0
	if err == nil {
		least := 0
		for _, e := range extents {
			at += e
			least = min(least, e)
		}
		if at != x.typ.Shape[a] || least < 0 {
			err = fmt.Errorf("the parts %v do not add up to the extent %d", extents, x.typ.Shape[a])
		}
	}
	if err != nil {
		bad := x.g.Fail("split", err)
		for i := range parts {
			parts[i] = bad
		}
		return parts
	}
	at = 0
	for i, e := range extents {
		parts[i] = sliceAxis(x, a, at, at+e)
		at += e
	}
	return parts
}

// SumTo sums x over the dimensions that broadcasting from the shape to x's would repeat: the linear
// transpose of BroadcastTo.
func SumTo(x *Node, shape Shape) *Node {
	if !x.Valid() || x.typ.Shape.Equal(shape) {
		return x
	}
	s := x.typ.Shape
	if b, err := BroadcastShapes(s, shape); err != nil {
		return x.g.Fail("sum_to", err)
	} else if !b.Equal(s) {
		// x itself is a broadcast scalar or smaller: bring it to the full shape first.
		return SumTo(BroadcastTo(x, b...), shape)
	}
	var axes []int
	off := len(s) - len(shape)
	for i := range s {
		if i < off || shape[i-off] == 1 && s[i] != 1 {
			axes = append(axes, i)
		}
	}
	switch {
	case len(axes) == 0:
	case x.op == opNeg:
		return Neg(SumTo(x.Input(0), shape))
	default:
		x = reduce(opReduceSum, sumsOfProduct(x, axes), axes, false)
	}
	return Reshape(x, shape...)
}

// sumsOfProduct returns x, or where its rows or columns are to be summed and it is a product of matrices, the product of the operands' sums, which has one row or column: Σᵢ Σₖ aᵢₖ·bₖⱼ = Σₖ (Σᵢ aᵢₖ)·bₖⱼ.
// Should the product be wanted beside its sums, that must not take much longer than to add it up.
func sumsOfProduct(x *Node, axes []int) *Node {
	if x.op != opMatMul || x.extra.attrs.Bool("no_nan") {
		return x
	}
	operands := [2]*Node{x.Input(0), x.Input(1)}
	transposed := [2]bool{x.extra.attrs.Bool("transpose_a"), x.extra.attrs.Bool("transpose_b")}
	for i, a := range operands {
		free, inner := a.typ.Shape.Rank()-2, a.typ.Shape.Rank()-1
		if transposed[i] != (i == 1) {
			free, inner = inner, free
		}
		rows, columns := a.typ.Shape[free], x.typ.Shape[x.typ.Shape.Rank()-1-i]
		if slices.Contains(axes, x.typ.Shape.Rank()-2+i) && rows > 1 && a.typ.Shape[inner]*(rows+columns) <= 2*rows*columns {
			operands[i] = reduce(opReduceSum, a, []int{free}, true)
		}
	}
	if operands[0] == x.Input(0) && operands[1] == x.Input(1) {
		return x
	}
	return matmul(operands[0], operands[1], transposed[0], transposed[1])
}

// SliceTranspose adds pieces into zeros of the shape, piece k at starts[k·r : (k+1)·r] with those strides, r = rank of the
// shape: the linear transpose of Slice, for several slices at once.
func SliceTranspose(shape Shape, starts, strides []int, pieces ...*Node) *Node {
	return applyAll(opSliceTranspose, pieces, attr.L("shape", shape), attr.L("starts", starts), attr.L("strides", strides))
}

func batchReshape(b *Batch, n *Node) *Node { return Reshape(b.Of(n.Input(0)), b.Shape(n)...) }

func batchBroadcast(b *Batch, n *Node) *Node {
	return BroadcastTo(b.Aligned(n.Input(0), n.typ.Shape.Rank()), b.Shape(n)...)
}

func batchTranspose(b *Batch, n *Node) *Node {
	perm := []int{0}
	for _, p := range n.extra.attrs.Ints("perm") {
		perm = append(perm, p+1)
	}
	return Transpose(b.Of(n.Input(0)), perm...)
}

func batchSlice(b *Batch, n *Node) *Node {
	a := n.extra.attrs
	return b.Graph.Apply(n.op, []*Node{b.Of(n.Input(0))}, attr.Make(attr.L("starts", withLeading(a.Ints("starts"), 0)),
		attr.L("limits", withLeading(a.Ints("limits"), b.Size)), attr.L("strides", withLeading(a.Ints("strides"), 1))))
}

func batchSliceTranspose(b *Batch, n *Node) *Node {
	r := n.typ.Shape.Rank()
	var starts, strides []int
	for k := range n.Inputs() {
		starts = append(append(starts, 0), n.extra.attrs.Ints("starts")[k*r:(k+1)*r]...)
		strides = append(append(strides, 1), n.extra.attrs.Ints("strides")[k*r:(k+1)*r]...)
	}
	return SliceTranspose(b.Shape(n), starts, strides, b.Lifted(n)...)
}
