package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opMaxPool, opAvgPool, opAvgPoolGrad, opResize *Op

var poolAttrs = []AttrSpec{
	{Key: "window", Kind: attr.Ints, Doc: "extent of the window in each spatial dimension"},
	{Key: "strides", Kind: attr.Ints, Doc: "step of the window in each spatial dimension, at least 1"},
	{Key: "padding", Kind: attr.Ints, Doc: "elements before and after each spatial dimension in turn, of which each window leaves at least one element"},
}

var countPadAttr = AttrSpec{Key: "count_include_pad", Kind: attr.Bool, Doc: "elements of the padding count in the mean"}

const poolLayout = " Operand [N, C, spatial], 1 to 3 spatial dimensions."

func init() {
	opMaxPool = Register(&Op{
		Name: "max_pool", Pattern: OfResults{underWindows, nil}, Family: FamilyConvolution, MinArity: 1, MaxArity: 1, Kernel: "max_pool", Batch: batchMaxPool,
		Attrs: append([]AttrSpec{{Key: "dilation", Kind: attr.Ints, Doc: "distance of the window's elements"}}, poolAttrs...),
		Doc: "The largest element under each position of a window (result 0; NaN wins; padding is never taken) and its row-major index within the spatial dimensions " +
			"(result 1, int64). Of equal elements the first is taken, and it alone gets the adjoint." + poolLayout,
		Formula:     "the adjoint at the indices",
		ResultNames: []string{"max", "index"},
		InferMany: func(in []*Node, a attr.List) ([]Type, error) {
			t, err := inferPool(in[0].typ, Numbers, a)
			return []Type{t, {Int64, t.Shape}}, err
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			if ct[0] == nil {
				return []*Node{nil}
			}
			s := n.Input(0).typ.Shape
			flat := Shape{s[0], s[1], s[2:].Size()}
			sum := ScatterAlongAxisAdd(flatSpatial(Result(n, 1)), flatSpatial(ct[0]), 2, flat...)
			return []*Node{Reshape(sum, s...)}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			taken := TakeAlongAxis(flatSpatial(dot[0]), flatSpatial(Result(n, 1)), 2)
			return []*Node{Reshape(taken, n.extra.results[0].Shape...), nil}
		},
		Samples: []Sample{
			poolSample(Shape{2, 2, 7}, []int{3}, []int{2}, []int{1, 0}, attr.L("dilation", []int{1})), poolSample(Shape{1, 2, 4, 5}, []int{2, 2}, []int{1, 2}, []int{0, 0, 0, 1}, attr.L("dilation", []int{1, 1})),
			poolSample(Shape{1, 1, 5, 3}, []int{2, 3}, []int{1, 1}, []int{0, 0, 0, 0}, attr.L("dilation", []int{2, 1})), poolSample(Shape{1, 2, 5, 4}, []int{3, 2}, []int{2, 1}, []int{2, 1, 0, 1}, attr.L("dilation", []int{2, 3})), poolSample(Shape{1, 1, 2, 3, 2}, []int{2, 1, 2}, []int{1, 1, 1}, []int{0, 0, 0, 0, 0, 0}, attr.L("dilation", []int{1, 1, 1})),
		},
	})
	opAvgPool = Register(&Op{
		Name: "avg_pool", Accuracy: accuracyInOrder + ", over the count", Pattern: ElementPattern(underWindows), Family: FamilyConvolution, MinArity: 1, MaxArity: 1, Kernel: "avg_pool", Batch: batchFolded, Attrs: append([]AttrSpec{countPadAttr}, poolAttrs...),
		Doc:     "The mean under each position of a window." + poolLayout,
		Formula: "the adjoint over the count, added under its window",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			return inferPool(in[0].typ, Floats, a)
		},
		JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			return applyAll(opAvgPoolGrad, []*Node{ct}, append(without(n.extra.attrs, "shape"), attr.L("shape", n.Input(0).typ.Shape))...)
		},
		Samples: []Sample{
			poolSample(Shape{2, 2, 7}, []int{3}, []int{2}, []int{1, 0}, attr.B("count_include_pad", false)), poolSample(Shape{1, 2, 4, 5}, []int{2, 2}, []int{1, 2}, []int{0, 0, 0, 1}, attr.B("count_include_pad", true)),
			poolSample(Shape{1, 1, 2, 3, 2}, []int{2, 1, 2}, []int{1, 1, 1}, []int{0, 0, 0, 0, 0, 0}, attr.B("count_include_pad", false)),
		},
	})
	opAvgPoolGrad = Register(&Op{
		Name: "avg_pool_grad", Accuracy: accuracyInOrder, Pattern: ElementPattern(underWindows), Family: FamilyConvolution, MinArity: 1, MaxArity: 1, Kernel: "avg_pool_grad", Batch: batchFolded,
		Attrs:   append([]AttrSpec{countPadAttr, {Key: "shape", Kind: attr.Ints, Doc: "shape of avg_pool's operand, which is the result's"}}, poolAttrs...),
		Doc:     "The linear transpose of avg_pool: each element over the count of its window, added to the elements under it." + poolLayout,
		Formula: "avg_pool(ct)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t := Type{in[0].typ.DType, a.Ints("shape")}
			if err := t.Shape.check(); err != nil {
				return t, err
			}
			y, err := inferPool(&t, Floats, a)
			if err == nil && !y.Equal(*in[0].typ) {
				err = fmt.Errorf("the means of %v are %v, not %v", t, y, in[0].typ)
			}
			return t, err
		},
		JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			return applyAll(opAvgPool, []*Node{ct}, without(n.extra.attrs, "shape")...)
		},
		Samples: []Sample{
			poolSample(Shape{2, 2, 3}, []int{3}, []int{2}, []int{1, 0}, attr.B("count_include_pad", false), attr.L("shape", []int{2, 2, 7})),
			poolSample(Shape{1, 2, 3, 3}, []int{2, 2}, []int{1, 2}, []int{0, 0, 0, 1}, attr.B("count_include_pad", true), attr.L("shape", []int{1, 2, 4, 5})),
		},
	})
	opResize = Register(&Op{
		Name: "resize", Family: FamilyConvolution, MinArity: 1, MaxArity: 1,
		Attrs: []AttrSpec{
			{Key: "align_corners", Kind: attr.Bool, Doc: "the centres of the first and of the last elements coincide, else the edges do"},
			{Key: "mode", Kind: attr.String, Doc: "nearest or linear"},
			{Key: "size", Kind: attr.Ints, Doc: "extents of the result's spatial dimensions"},
		},
		Doc: "Interpolation of the spatial dimensions to other extents. Result element i lies at (i + ½)·in/out − ½ of the operand, or at i·(in − 1)/(out − 1) with " +
			"align_corners. nearest takes the element at that place rounded (half up); linear weights the two (in each dimension) around it; beyond the edge is the edge. " +
			"Operand [N, C, spatial], any number of spatial dimensions.",
		Formula: "the adjoint, spread with the same weights", ThroughExpand: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, size := in[0].typ, a.Ints("size")
			if !t.DType.IsFloat() || len(t.Shape) < 3 || len(size) != len(t.Shape)-2 {
				return Type{}, fmt.Errorf("the operand is %v, the size %v: need [N, C, spatial] of %v and as many entries as spatial dimensions", t, size, Floats)
			}
			if m := a.Str("mode"); m != "nearest" && m != "linear" {
				return Type{}, fmt.Errorf("the mode is %q: need nearest or linear", m)
			}
			if slices.Contains(t.Shape[2:], 0) {
				return Type{}, fmt.Errorf("the operand is %v: has no elements to take", t)
			}
			return Type{t.DType, append(slices.Clone(t.Shape[:2]), size...)}, nil
		},
		Expand: expandResize,
		Samples: []Sample{
			resizeSample(Shape{1, 2, 3}, "nearest", false, 5), resizeSample(Shape{1, 2, 5}, "linear", false, 3), resizeSample(Shape{1, 1, 2, 3}, "linear", false, 5, 4),
			resizeSample(Shape{1, 1, 2, 3}, "linear", true, 3, 1), resizeSample(Shape{2, 1, 4, 3}, "nearest", true, 3, 6), resizeSample(Shape{1, 1, 1, 2}, "linear", true, 3, 2),
		},
	})
}

func poolSample(x Shape, window, strides, padding []int, more ...attr.Named) Sample {
	return shapeSample(x, append(more, attr.L("window", window), attr.L("strides", strides), attr.L("padding", padding))...)
}

func resizeSample(x Shape, mode string, corners bool, size ...int) Sample {
	return shapeSample(x, attr.S("mode", mode), attr.B("align_corners", corners), attr.L("size", size))
}

// inferPool is the type rule of a pooling.
func inferPool(x *Type, dtypes DTypeSet, a attr.List) (Type, error) {
	if !dtypes.Has(x.DType) || len(x.Shape) < 3 || len(x.Shape) > 5 {
		return Type{}, fmt.Errorf("the operand is %v: needs rank 3 to 5 and one of %v", x, dtypes)
	}
	window, dilation, padding := a.Ints("window"), slices.Repeat([]int{1}, len(x.Shape)-2), a.Ints("padding")
	if a.Has("dilation") {
		dilation = a.Ints("dilation")
	}
	out, err := windows(x.Shape[2:], window, a.Ints("strides"), dilation, padding)
	if err != nil {
		return Type{}, err
	}
	for d, n := range out {
		if k := shape.WithoutElement(x.Shape[2+d], window[d], n, a.Ints("strides")[d], dilation[d], padding[2*d]); k >= 0 {
			return Type{}, fmt.Errorf("window %d of spatial dimension %d has no element but padding (%d, %d)", k, d, padding[2*d], padding[2*d+1])
		}
	}
	return Type{x.DType, append(slices.Clone(x.Shape[:2]), out...)}, nil
}

// underWindows is the pattern of pools, whose elements come from the operand's elements under a window, and of the transpose of one.
func underWindows(n *Node, t Terms) func(i int) {
	in, a := n.Input(0).typ.Shape, n.extra.attrs
	out := n.typ.Shape
	if n.extra.results != nil {
		out = n.extra.results[0].Shape
	}
	places := make([][][]int, len(in)) // for each index in a dimension of the result, those in the operand's
	for d := range in {
		places[d] = make([][]int, out[d])
		add := func(o, i int) { places[d][o] = append(places[d][o], i) }
		full, windows := in[d], out[d]
		if n.op == opAvgPoolGrad {
			full, windows = windows, full
			add = func(o, i int) { places[d][i] = append(places[d][i], o) }
		}
		for o := range windows {
			if d < 2 {
				add(o, o)
				continue
			}
			step := 1
			if a.Has("dilation") {
				step = a.Ints("dilation")[d-2]
			}
			for k := range a.Ints("window")[d-2] {
				if i := o*a.Ints("strides")[d-2] + k*step - a.Ints("padding")[2*(d-2)]; i >= 0 && i < full {
					add(o, i)
				}
			}
		}
	}
	var at []int
	return func(i int) {
		at = append(at[:0], 0)
		step := 1
		for d := len(out) - 1; d >= 0; d-- {
			first := at
			at = nil
			for _, k := range places[d][i%out[d]] {
				for _, j := range first {
					at = append(at, j+k*step)
				}
			}
			i /= out[d]
			step *= in[d]
		}
		for _, j := range at {
			t.Add(0, j)
		}
	}
}

// flatSpatial joins the spatial dimensions.
func flatSpatial(x *Node) *Node {
	s := x.typ.Shape
	return Reshape(x, s[0], s[1], s[2:].Size())
}

// expandResize gathers along one dimension after another.
func expandResize(n *Node) *Node {
	x, a := n.Input(0), n.extra.attrs
	for i, size := range a.Ints("size") {
		axis := i + 2
		extent := x.typ.Shape[axis]
		if size == extent {
			continue
		}
		below, above, weights := make([]int64, size), make([]int64, size), make([]float64, size)
		for k := range size {
			// Twice the denominator and the numerator of the place, so that halves are exact.
			num, den := (2*k+1)*extent-size, 2*size
			if a.Bool("align_corners") {
				num, den = 2*k*(extent-1), 2*max(size-1, 1)
			}
			if a.Str("mode") == "nearest" {
				below[k] = int64(min(max((2*num+den)/(2*den), 0), extent-1))
				continue
			}
			num = min(max(num, 0), den*(extent-1))
			below[k] = int64(num / den)
			above[k] = min(below[k]+1, int64(extent-1))
			weights[k] = float64(num%den) / float64(den)
		}
		lower := Gather(x, Constant(x.g, below, size), axis)
		if a.Str("mode") == "nearest" {
			x = lower
			continue
		}
		shape := slices.Repeat([]int{1}, x.typ.Shape.Rank()-axis)
		shape[0] = size
		w := Cast(Reshape(Constant(x.g, weights, size), shape...), x.typ.DType)
		upper := Gather(x, Constant(x.g, above, size), axis)
		x = Add(lower, Mul(w, Sub(upper, lower)))
	}
	return x
}

// MaxPool returns the largest elements under a window that moves over x [N, C, spatial] (1 to 3 spatial dimensions, as many as the window has; N may be lacking), and their int64 row-major
// indices within the spatial dimensions. Padding is never taken, and every window has to have an element. Strides that are nil are the window's extents.
func MaxPool(x *Node, size []int, window Window) (values, indices *Node) {
	if !x.Valid() {
		return x, x
	}
	if lacksBatch(x, size) {
		values, indices = MaxPool(ExpandDims(x, 0), size, window)
		return withoutBatch(values), withoutBatch(indices)
	}
	window = window.forPool(size, x)
	n := applyAll(opMaxPool, []*Node{x}, attr.L("window", size), attr.L("strides", window.Strides), attr.L("dilation", window.Dilation), attr.L("padding", window.Padding))
	return Result(n, 0), Result(n, 1)
}

// AvgPool returns the means under a window that moves over x [N, C, spatial] (1 to 3 spatial dimensions, as many as the window has; N may be lacking). Elements of the padding count,
// as zeros, if countPadding. Strides that are nil are the window's extents; Dilation may only be 1.
func AvgPool(x *Node, size []int, window Window, countPadding bool) *Node {
	if !x.Valid() {
		return x
	}
	x = orCast(x, Floats, Float64)
	if lacksBatch(x, size) {
		return withoutBatch(AvgPool(ExpandDims(x, 0), size, window, countPadding))
	}
	if slices.ContainsFunc(window.Dilation, func(d int) bool { return d != 1 }) {
		return x.g.Fail("avg_pool", fmt.Errorf("means are taken without dilation"))
	}
	padding := window.fill(spatial(x)).Padding
	window = window.forPool(size, x)
	if d := spatial(x); window.Ceil && countPadding && len(padding) == 2*d { // which counts, and what Ceil adds does not
		low, high := make([]int, d+2), make([]int, d+2)
		for i := range d {
			low[i+2], high[i+2] = padding[2*i], padding[2*i+1]
			window.Padding[2*i], window.Padding[2*i+1] = 0, window.Padding[2*i+1]-padding[2*i+1]
		}
		x, countPadding = Pad(x, low, high, 0), false
	}
	return applyAll(opAvgPool, []*Node{x}, attr.L("window", size), attr.L("strides", window.Strides), attr.L("padding", window.Padding), attr.B("count_include_pad", countPadding))
}

// lacksBatch reports whether x has a dimension less than a window's and those of images and channels.
func lacksBatch(x *Node, size []int) bool {
	return len(size) >= 1 && len(size) <= 3 && x.typ.Shape.Rank() == len(size)+1
}

// forPool replaces what is left out, and with Ceil pads for the last window.
func (w Window) forPool(size []int, x *Node) Window {
	if w.Strides == nil {
		w.Strides = size
	}
	d := spatial(x)
	w = w.fill(d)
	if !w.Ceil || d == 0 || len(w.Strides) != d || len(w.Dilation) != d || len(w.Padding) != 2*d || len(size) != d {
		return w
	}
	w.Padding = slices.Clone(w.Padding)
	for i, n := range x.typ.Shape[2:] {
		s, low, high := w.Strides[i], w.Padding[2*i], w.Padding[2*i+1]
		reach := (size[i]-1)*w.Dilation[i] + 1
		if rest := n + low + high - reach; s > 0 && rest >= 0 && rest%s > 0 && (rest/s+1)*s < n+low {
			w.Padding[2*i+1] += s - rest%s
		}
	}
	return w
}

// ResizeOption changes how Resize places or weights elements.
type ResizeOption int

// AlignCorners makes the centres of the first and of the last elements coincide; without it the edges do. Antialias widens the filter of linear and cubic where the result has fewer elements, so that all of the operand's count.
const (
	AlignCorners ResizeOption = iota + 1
	Antialias
)

// Resize interpolates the spatial dimensions of x [N, C, spatial] to the extents in size. The mode is "nearest" (PyTorch's nearest-exact), "nearest_floor" (its nearest: element ⌊i·in/out⌋), "linear", "cubic" (Keys' with the slope −¾, −½ with Antialias, as in PyTorch), or "area" (means of the
// elements that each element of the result touches, as AdaptiveAvgPool). ResizeWith has further transformations of coordinates, scales that are not ratios of extents, and axes.
func Resize(x *Node, mode string, size []int, opts ...ResizeOption) *Node {
	corners, antialias := slices.Contains(opts, AlignCorners), slices.Contains(opts, Antialias)
	if x.Valid() && (antialias || mode != "nearest" && mode != "linear") {
		return resizeBySums(x, mode, size, corners, antialias)
	}
	return applyAll(opResize, []*Node{x}, attr.S("mode", mode), attr.L("size", size), attr.B("align_corners", corners))
}

func batchMaxPool(b *Batch, n *Node) *Node {
	pool := n.Input(0)
	folded := b.Graph.Apply(opMaxPool, []*Node{b.fold(pool.Input(0))}, pool.extra.attrs)
	return b.unfold(n, Result(folded, n.extra.attrs.Int("index")))
}
