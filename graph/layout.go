package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opPad, opPadMode, opReverse, opRoll, opTile, opRepeat, opDiag, opDiagPart, opTril, opTriu *Op

var (
	lowAttr      = AttrSpec{Key: "low", Kind: attr.Ints, Doc: "elements added before each dimension, ≥ 0"}
	highAttr     = AttrSpec{Key: "high", Kind: attr.Ints, Doc: "elements added after each dimension, ≥ 0"}
	diagonalAttr = AttrSpec{Key: "k", Kind: attr.Int, Doc: "the diagonal: 0 the main one, positive above it"}
)

func init() {
	opPad = Register(&Op{
		Name: "pad", OfNothing: func(n *Node, _ int) *Node {
			return Full(n.g, n.typ.DType, n.extra.attrs.Float("value"), n.typ.Shape...)
		}, Pattern: Moves, Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: "pad", Part: partOfPad, Batch: batchPad,
		Attrs: []AttrSpec{lowAttr, highAttr, {Key: "value", Kind: attr.Float, Doc: "the added elements, converted to the dtype"}},
		Doc:   "The operand with elements of a constant value around it.", Formula: "the adjoint without the added elements",
		Infer: func(in []*Node, a attr.List) (Type, error) { return paddedType(in[0], a) },
		VJP: func(n *Node, ct []*Node) []*Node {
			ranges := make([]Range, n.typ.Shape.Rank())
			for d, l := range n.extra.attrs.Ints("low") {
				ranges[d] = Range{l, l + n.Input(0).typ.Shape[d], 1}
			}
			return []*Node{Slice(ct[0], ranges...)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			a := n.extra.attrs
			return []*Node{applyAll(opPad, dot, attr.L("low", a.Ints("low")), attr.L("high", a.Ints("high")), attr.F("value", 0))}
		},
		Samples: []Sample{shapeSample(Shape{3, 2}, attr.L("low", []int{1, 0}), attr.L("high", []int{2, 3}), attr.F("value", 1.5))},
	})
	opPadMode = Register(&Op{
		Name: "pad_mode", Family: FamilyShape, MinArity: 1, MaxArity: 1,
		Attrs: []AttrSpec{lowAttr, highAttr, {Key: "mode", Kind: attr.String, Doc: "edge, reflect, symmetric or wrap, as in NumPy"}},
		Doc: "The operand with copies of its own elements around it: the outermost one (edge), mirrored without (reflect) or with (symmetric) the outermost one, " +
			"or periodic (wrap).",
		Formula: "the adjoint, added up where elements were copied", ThroughExpand: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			switch m := a.Str("mode"); m {
			case "edge", "reflect", "symmetric", "wrap":
			default:
				return Type{}, fmt.Errorf("no padding mode is named %q", m)
			}
			t, err := paddedType(in[0], a)
			if err == nil && isEmpty(in[0]) && !t.Shape.Empty() {
				err = fmt.Errorf("the operand is %v: has no elements to copy", in[0].typ)
			}
			return t, err
		},
		Expand: func(n *Node) *Node {
			x, a := n.Input(0), n.extra.attrs
			for d, e := range x.typ.Shape {
				low, high := a.Ints("low")[d], a.Ints("high")[d]
				if low == 0 && high == 0 {
					continue
				}
				from := make([]int64, low+e+high)
				for i := range from {
					from[i] = int64(paddedFrom(i-low, e, a.Str("mode")))
				}
				pieces := append(runsOf(x, d, from[:low]), x)
				if pieces = append(pieces, runsOf(x, d, from[low+e:])...); len(pieces) <= mostRuns {
					x = Concat(d, pieces...)
				} else {
					x = Gather(x, Constant(n.g, from, len(from)), d)
				}
			}
			return x
		},
		Samples: []Sample{
			padSample("edge"), padSample("reflect"), padSample("symmetric"), padSample("wrap"),
			shapeSample(Shape{1, 2}, attr.L("low", []int{1, 5}), attr.L("high", []int{1, 0}), attr.S("mode", "reflect")),
		},
	})
	opReverse = Register(&Op{
		Name: "reverse", Pattern: Moves, AlongAxis: true, Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: "reverse", Attrs: []AttrSpec{{Key: "axes", Kind: attr.Ints, Doc: "the dimensions, ascending"}},
		Doc: "The operand with the order of its elements reversed along dimensions.", Formula: "the adjoint, reversed", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			return *in[0].typ, normalAxes(a.Ints("axes"), in[0].typ.Shape.Rank())
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node { return n.g.Apply(opReverse, []*Node{ct}, n.extra.attrs) },
		Samples:   []Sample{shapeSample(Shape{2, 3, 5}, attr.L("axes", []int{0, 2}))},
	})
	Register(&Op{
		Name: "overlay", Commutative: true, Family: FamilyShape, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Numbers, Micro: "bitwise_or",
		Doc:          "Element by element the operand that is not 0 there; the bits of both where neither is. The compiler makes it of concat: of parts of arrays with zeros around them, which loops read where they lie.",
		NoDerivative: "the compiler makes it of operators that are differentiated already",
		Samples: []Sample{{In: []SampleInput{
			{Type: Type{Float64, Shape{6}}, Values: []float64{1.5, 0, -2, 0, 0, math.Inf(1)}, Constant: true}, {Type: Type{Float64, Shape{6}}, Values: []float64{0, 3, 0, -1e-300, 0, 0}, Constant: true}}}},
	})
	opRoll = Register(&Op{
		Name: "roll", Pattern: AsExpansion, AlongAxis: true, Family: FamilyShape, MinArity: 1, MaxArity: 1,
		Attrs: []AttrSpec{axisAttr, {Key: "shift", Kind: attr.Int, Doc: "by how many places towards the end, from 0 to the extent less 1"}},
		Doc:   "The operand with its elements moved along an axis; those that leave at the end come back at the beginning (NumPy).", Formula: "the adjoint, moved back", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, axis := in[0].typ.Shape, a.Int("axis")
			if axis < 0 || axis >= len(s) {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, len(s))
			}
			if k := a.Int("shift"); k < 0 || k >= max(s[axis], 1) {
				return Type{}, fmt.Errorf("shift %d is outside of [0, %d)", k, s[axis])
			}
			return *in[0].typ, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			return Roll(ct, -n.extra.attrs.Int("shift"), n.extra.attrs.Int("axis"))
		},
		Expand: func(n *Node) *Node {
			x, axis := n.Input(0), n.extra.attrs.Int("axis")
			e := x.typ.Shape[axis]
			if k := n.extra.attrs.Int("shift"); k > 0 {
				return Concat(axis, sliceAxis(x, axis, e-k, e), sliceAxis(x, axis, 0, e-k))
			}
			return x
		},
		Samples: []Sample{shapeSample(Shape{2, 5}, attr.I("axis", 1), attr.I("shift", 2)), shapeSample(Shape{3, 2}, attr.I("axis", 0), attr.I("shift", 0))},
	})
	opTile = Register(&Op{
		Name: "tile", Pattern: AsExpansion, Family: FamilyShape, MinArity: 1, MaxArity: 1, Batch: batchTile, Attrs: []AttrSpec{{Key: "reps", Kind: attr.Ints, Doc: "how often along each dimension, ≥ 0"}},
		Doc: "The whole operand repeated along each dimension (NumPy).", Formula: "the adjoint, summed over the repetitions", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, reps := in[0].typ.Shape, a.Ints("reps")
			if len(reps) != len(s) {
				return Type{}, fmt.Errorf("reps %v has %d entries for rank %d", reps, len(reps), len(s))
			}
			out := append(Shape{}, s...)
			for d, r := range reps {
				if r < 0 || r > MaxElements/max(out[d], 1) {
					return Type{}, fmt.Errorf("%d repetitions of dimension %d", r, d)
				}
				out[d] *= r
			}
			return Type{in[0].typ.DType, out}, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			s, reps := n.Input(0).typ.Shape, n.extra.attrs.Ints("reps")
			wide, axes := Shape{}, []int{}
			for d, r := range reps {
				axes = append(axes, len(wide))
				wide = append(wide, r, s[d])
			}
			return Reshape(ReduceSum(Reshape(ct, wide...), axes), s...)
		},
		Expand: func(n *Node) *Node {
			x, reps := n.Input(0), n.extra.attrs.Ints("reps")
			narrow, wide := Shape{}, Shape{}
			for d, e := range x.typ.Shape {
				narrow, wide = append(narrow, 1, e), append(wide, reps[d], e)
			}
			return Reshape(BroadcastTo(Reshape(x, narrow...), wide...), n.typ.Shape...)
		},
		Samples: []Sample{shapeSample(Shape{2, 3}, attr.L("reps", []int{3, 2}))},
	})
	opRepeat = Register(&Op{
		Name: "repeat", Pattern: AsExpansion, AlongAxis: true, Family: FamilyShape, MinArity: 1, MaxArity: 1, Attrs: []AttrSpec{axisAttr, {Key: "repeats", Kind: attr.Int, Doc: "how often, ≥ 0"}},
		Doc: "Each element along an axis repeated in place (NumPy).", Formula: "the adjoint, summed over the repetitions", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, axis, r := in[0].typ.Shape, a.Int("axis"), a.Int("repeats")
			if axis < 0 || axis >= len(s) {
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, len(s))
			}
			if r < 0 || r > MaxElements/max(s[axis], 1) {
				return Type{}, fmt.Errorf("%d repetitions", r)
			}
			out := append(Shape{}, s...)
			out[axis] *= r
			return Type{in[0].typ.DType, out}, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			s, axis := n.Input(0).typ.Shape, n.extra.attrs.Int("axis")
			return ReduceSum(Reshape(ct, inserted(s, axis+1, n.extra.attrs.Int("repeats"))...), []int{axis + 1})
		},
		Expand: func(n *Node) *Node {
			x, axis, r := n.Input(0), n.extra.attrs.Int("axis"), n.extra.attrs.Int("repeats")
			s := x.typ.Shape
			return Reshape(BroadcastTo(Reshape(x, inserted(s, axis+1, 1)...), inserted(s, axis+1, r)...), n.typ.Shape...)
		},
		Samples: []Sample{shapeSample(Shape{2, 3}, attr.I("axis", 1), attr.I("repeats", 3)), shapeSample(Shape{2, 3}, attr.I("axis", 0), attr.I("repeats", 2))},
	})
	opDiag = Register(&Op{
		Name: "diag", OfNothing: ofNothing(0), Pattern: Moves, LeadingBatch: true, Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: "diag", Attrs: []AttrSpec{diagonalAttr},
		Doc: "Square matrices with the operand's last dimension on a diagonal and 0 elsewhere.", Formula: "the adjoint's diagonal", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, k := in[0].typ.Shape, a.Int("k")
			if len(s) < 1 || k < -MaxElements || k > MaxElements {
				return Type{}, fmt.Errorf("the operand is %v, the diagonal %d: needs rank 1 or more", in[0].typ, k)
			}
			n := s[len(s)-1] + max(k, -k)
			return Type{in[0].typ.DType, append(append(Shape{}, s[:len(s)-1]...), n, n)}, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node { return DiagPart(ct, n.extra.attrs.Int("k")) },
		Samples:   []Sample{shapeSample(Shape{3}, attr.I("k", 0)), shapeSample(Shape{2, 3}, attr.I("k", -1)), shapeSample(Shape{2}, attr.I("k", 2))},
	})
	opDiagPart = Register(&Op{
		Name: "diag_part", Pattern: Moves, LeadingBatch: true, Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: "diag_part", Attrs: []AttrSpec{diagonalAttr},
		Doc: "A diagonal of the matrices in the last two dimensions; one that lies outside of them has no elements.", Formula: "the adjoint on that diagonal, 0 elsewhere", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			s, k := in[0].typ.Shape, a.Int("k")
			if len(s) < 2 {
				return Type{}, fmt.Errorf("the operand is %v: needs rank 2 or more", in[0].typ)
			}
			m, n := s[len(s)-2], s[len(s)-1]
			return Type{in[0].typ.DType, append(append(Shape{}, s[:len(s)-2]...), max(min(m+min(k, 0), n-max(k, 0), m, n), 0))}, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			d, s := Diag(ct, n.extra.attrs.Int("k")), n.Input(0).typ.Shape
			r := len(s)
			low, high := make([]int, r), make([]int, r)
			for _, axis := range []int{r - 2, r - 1} {
				if d.Valid() {
					d = sliceAxis(d, axis, 0, min(d.typ.Shape[axis], s[axis]))
					high[axis] = s[axis] - d.typ.Shape[axis]
				}
			}
			return Pad(d, low, high, 0)
		},
		Samples: []Sample{shapeSample(Shape{3, 3}, attr.I("k", 0)), shapeSample(Shape{2, 3, 5}, attr.I("k", 1)), shapeSample(Shape{5, 2}, attr.I("k", -2))},
	})
	opTril = Register(triangleOp("tril", "above"))
	opTriu = Register(triangleOp("triu", "below"))
	opOneHot = Register(&Op{
		Name: "one_hot", AlongAxis: true, Family: FamilyIndex, MinArity: 1, MaxArity: 1, Kernel: "one_hot",
		Attrs: []AttrSpec{{Key: "depth", Kind: attr.Int, Doc: "extent of the new dimension"}, {Key: "axis", Kind: attr.Int, Doc: "place of the new dimension in the result, ≥ 0"},
			{Key: "dtype", Kind: attr.String, Doc: "the result's dtype"}},
		Doc:          "A new dimension with 1 (true) at the operand's index (int32 or int64) and 0 elsewhere; an index outside of [0, depth) gives zeros only (JAX).",
		NoDerivative: "the operand is an index",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			d, ok := parseDType(a.Str("dtype"))
			s, axis, depth := in[0].typ.Shape, a.Int("axis"), a.Int("depth")
			switch {
			case !ok:
				return Type{}, fmt.Errorf("no dtype is named %q", a.Str("dtype"))
			case !in[0].typ.DType.IsInt():
				return Type{}, fmt.Errorf("the indices are %v: need int32 or int64", in[0].typ.DType)
			case axis < 0 || axis > len(s):
				return Type{}, fmt.Errorf("axis %d is out of range for rank %d", axis, len(s)+1)
			}
			return Type{d, inserted(s, axis, depth)}, nil
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("depth", 4), attr.I("axis", 0), attr.S("dtype", "float64")),
			In: []SampleInput{{Type: Type{Int64, Shape{2, 3}}, Values: []float64{0, 3, -1, 4, 2, 2}, Constant: true}}},
			{Attrs: attr.Make(attr.I("depth", 3), attr.I("axis", 1), attr.S("dtype", "bool")),
				In: []SampleInput{{Type: Type{Int32, Shape{3}}, Values: []float64{0, 2, 1}, Constant: true}}}},
	})
}

// paddedType checks low and high and returns the padded type.
func paddedType(x *Node, a attr.List) (Type, error) {
	s, low, high := x.typ.Shape, a.Ints("low"), a.Ints("high")
	if len(low) != len(s) || len(high) != len(s) {
		return Type{}, fmt.Errorf("low %v and high %v need %d entries each", low, high, len(s))
	}
	out := append(Shape{}, s...)
	for d := range out {
		if low[d] < 0 || low[d] > MaxElements || high[d] < 0 || high[d] > MaxElements {
			return Type{}, fmt.Errorf("dimension %d is padded by %d and %d: needs 0 or more", d, low[d], high[d])
		}
		out[d] += low[d] + high[d]
	}
	return Type{x.typ.DType, out}, nil
}

// paddedFrom is the index within [0, n) that position i shows.
func paddedFrom(i, n int, mode string) int {
	mod := func(period int) int { return ((i % period) + period) % period }
	switch mode {
	case "edge":
		return min(max(i, 0), n-1)
	case "wrap":
		return mod(n)
	case "symmetric":
		k := mod(2 * n)
		return min(k, 2*n-1-k)
	}
	if n == 1 {
		return 0
	}
	k := mod(2 * (n - 1))
	return min(k, 2*(n-1)-k)
}

func padSample(mode string) Sample {
	return shapeSample(Shape{3, 2}, attr.L("low", []int{2, 0}), attr.L("high", []int{1, 3}), attr.S("mode", mode))
}

// inserted is the shape with an extent put in front of dimension axis.
func inserted(s Shape, axis, extent int) Shape {
	return slices.Insert(slices.Clone(s), axis, extent)
}

func triangleOp(name, side string) *Op {
	return &Op{
		Name: name, Pattern: Moves, LeadingBatch: true, Family: FamilyShape, MinArity: 1, MaxArity: 1, Kernel: name, Attrs: []AttrSpec{diagonalAttr},
		Doc:     "The matrices in the last two dimensions with the elements " + side + " a diagonal set to 0.",
		Formula: "the adjoint with the same elements set to 0", JointlyLinear: true,
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			if in[0].typ.Shape.Rank() < 2 {
				return Type{}, fmt.Errorf("the operand is %v: needs rank 2 or more", in[0].typ)
			}
			return *in[0].typ, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node { return n.g.Apply(n.op, []*Node{ct}, n.extra.attrs) },
		Samples:   []Sample{shapeSample(Shape{3, 4}, attr.I("k", 0)), shapeSample(Shape{2, 3, 3}, attr.I("k", -1)), shapeSample(Shape{3, 2}, attr.I("k", 1))},
	}
}

// mostRuns is the number of pieces up to which pad_mode is a concat; an axis is rarely padded by more than its extent.
const mostRuns = 5

// runsOf returns the parts of x, one after another along the axis, whose elements are those at the indices: an ascending or descending part, or one element repeated, for each run of such indices.
func runsOf(x *Node, axis int, indices []int64) []*Node {
	var parts []*Node
	for len(indices) > 0 {
		n, step := 1, int64(0)
		for n < len(indices) && (n == 1 || indices[n]-indices[n-1] == step) {
			if step = indices[n] - indices[n-1]; step < -1 || step > 1 {
				break
			}
			n++
		}
		first, last := int(indices[0]), int(indices[n-1])
		part := sliceAxis(x, axis, min(first, last), max(first, last)+1)
		switch {
		case n > 1 && step == 0:
			s := slices.Clone(x.typ.Shape)
			s[axis] = n
			part = BroadcastTo(part, s...)
		case n > 1 && step < 0:
			part = Flip(part, axis)
		}
		parts, indices = append(parts, part), indices[n:]
	}
	return parts
}

// Pad returns x with low[d] elements of the value before and high[d] after dimension d; negative ones take away as many.
func Pad(x *Node, low, high []int, value float64) *Node {
	x, low, high = cropped(x, low, high)
	return applyAll(opPad, []*Node{x}, attr.L("low", low), attr.L("high", high), attr.F("value", value))
}

// PadMode returns x with low[d] copies of its own elements before and high[d] after dimension d; the mode is "edge", "reflect",
// "symmetric" or "wrap", as in NumPy. Negative numbers take away as many elements first.
func PadMode(x *Node, low, high []int, mode string) *Node {
	x, low, high = cropped(x, low, high)
	return applyAll(opPadMode, []*Node{x}, attr.L("low", low), attr.L("high", high), attr.S("mode", mode))
}

// cropped is x without the elements that a negative padding takes away, and the padding that is left.
func cropped(x *Node, low, high []int) (*Node, []int, []int) {
	negative := func(n int) bool { return n < 0 }
	if !x.Valid() || len(low) != x.typ.Shape.Rank() || len(high) != len(low) || !slices.ContainsFunc(low, negative) && !slices.ContainsFunc(high, negative) {
		return x, low, high
	}
	low, high = slices.Clone(low), slices.Clone(high)
	ranges := make([]Range, len(low))
	for d, e := range x.typ.Shape {
		if cut := min(low[d], 0) + min(high[d], 0); low[d] < -e || high[d] < -e || e+cut < 0 {
			return x.g.Fail("pad", fmt.Errorf("%d and %d take more away from dimension %d than its extent %d", low[d], high[d], d, e)), low, high
		}
		ranges[d] = Range{Start: max(-low[d], 0), Limit: e + min(high[d], 0)}
		low[d], high[d] = max(low[d], 0), max(high[d], 0)
	}
	return Slice(x, ranges...), low, high
}

// Flip returns x with the order of its elements reversed along the axes, all if there are none; negative axes count from the end.
func Flip(x *Node, axes ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	norm, err := axesOf(axes, x.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail("reverse", err)
	}
	return applyAll(opReverse, []*Node{x}, attr.L("axes", norm))
}

// Roll returns x with its elements moved by shift places along the axis; those that leave come back at the other side.
func Roll(x *Node, shift, axis int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	if x.typ.IsScalar() && ofScalar(axis) {
		return x
	}
	a, err := axisOf(axis, x.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail("roll", err)
	}
	e := max(x.typ.Shape[a], 1)
	return applyAll(opRoll, []*Node{x}, attr.I("axis", a), attr.I("shift", ((shift%e)+e)%e))
}

// Tile returns x repeated as a whole, reps[d] times along dimension d; fewer reps than dimensions go to the last ones, more
// add dimensions in front.
func Tile(x *Node, reps ...int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	s, r := x.typ.Shape, append([]int{}, reps...)
	for len(r) < len(s) {
		r = append([]int{1}, r...)
	}
	for len(s) < len(r) {
		s = append(Shape{1}, s...)
	}
	return applyAll(opTile, []*Node{Reshape(x, s...)}, attr.L("reps", r))
}

// Repeat returns x with each element along the axis repeated in place.
func Repeat(x *Node, repeats, axis int) *Node {
	return alongAxis(opRepeat, withOneAxis(x, axis), axis, attr.I("repeats", repeats))
}

// Diag returns square matrices with the last dimension of x on diagonal k (0 the main one, positive above it) and 0 elsewhere.
func Diag(x *Node, k int) *Node { return applyAll(opDiag, []*Node{x}, attr.I("k", k)) }

// DiagPart returns diagonal k of the matrices in the last two dimensions of x, nothing of one that lies outside of them (numpy.diagonal).
func DiagPart(x *Node, k int) *Node { return applyAll(opDiagPart, []*Node{x}, attr.I("k", k)) }

// Tril returns the matrices in the last two dimensions of x with the elements above diagonal k set to 0.
func Tril(x *Node, k int) *Node { return applyAll(opTril, []*Node{x}, attr.I("k", k)) }

// Triu returns the matrices in the last two dimensions of x with the elements below diagonal k set to 0.
func Triu(x *Node, k int) *Node { return applyAll(opTriu, []*Node{x}, attr.I("k", k)) }

// OneHot returns a new dimension of extent depth at axis of the result, with 1 at the index that x holds; a negative axis counts from the end
// of the result.
func OneHot(x *Node, d DType, depth, axis int) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	a, err := axisOf(axis, x.typ.Shape.Rank()+1)
	if err != nil {
		return x.g.Fail("one_hot", err)
	}
	return applyAll(opOneHot, []*Node{x}, attr.I("depth", depth), attr.I("axis", a), attr.S("dtype", d.String()))
}

func batchTile(b *Batch, n *Node) *Node {
	return b.Graph.Apply(n.op, []*Node{b.Of(n.Input(0))}, attr.Make(attr.L("reps", withLeading(n.extra.attrs.Ints("reps"), 1))))
}

func batchPad(b *Batch, n *Node) *Node {
	a := n.extra.attrs
	return b.Graph.Apply(n.op, []*Node{b.Of(n.Input(0))}, attr.Make(attr.L("low", withLeading(a.Ints("low"), 0)),
		attr.L("high", withLeading(a.Ints("high"), 0)), attr.F("value", a.Float("value"))))
}
