package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opConv, opConvInputGrad, opConvFilterGrad *Op

var convAttrs = []AttrSpec{
	{Key: "strides", Kind: attr.Ints, Doc: "step of the window in each spatial dimension, at least 1"},
	{Key: "dilation", Kind: attr.Ints, Doc: "distance of the filter's elements in each spatial dimension, at least 1"},
	{Key: "padding", Kind: attr.Ints, Doc: "zeros before and after each spatial dimension in turn"},
	{Key: "groups", Kind: attr.Int, Doc: "number of groups of channels that are convolved apart"},
	{Key: "winograd", Kind: attr.Bool, Optional: true, Doc: "float32 convolutions with 3×3 filters, strides and dilation 1 may go by Winograd's F(4×4, 3×3): see Window.Winograd"},
}

const convLayout = " 1 to 3 spatial dimensions; input [N, C, spatial], filters [O, C/groups, spatial], result [N, O, spatial]."

func init() {
	opConv = Register(&Op{
		Name: "conv", OfNothing: ofNothing(0), Accuracy: accuracyOfProducts, Pattern: convPattern(convInput, convFilters, convOutput), Symbol: "∗", Infix: true, OperandNames: []string{"x", "w"}, Family: FamilyConvolution, MinArity: 2, MaxArity: 2, Kernel: "conv", Batch: batchFolded, Attrs: append([]AttrSpec{}, convAttrs...),
		Doc:     "Convolution as in neural networks (cross-correlation: the filters are not reversed)." + convLayout,
		Formula: "conv_input_grad(ct, w), conv_filter_grad(x, ct)", Source: "Dumoulin & Visin, A guide to convolution arithmetic for deep learning (2016)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			return inferConv(in[0].typ, in[1].typ, a)
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 0 {
				return withShape(opConvInputGrad, n, ct, n.Input(1), n.Input(0).typ.Shape)
			}
			return withShape(opConvFilterGrad, n, n.Input(0), ct, n.Input(1).typ.Shape)
		},
		Samples: []Sample{
			convSample(nil, Shape{2, 3, 5}, Shape{4, 3, 3}, []int{1}, []int{1}, []int{0, 0}, 1), convSample(nil, Shape{1, 2, 5, 4}, Shape{2, 1, 2, 3}, []int{2, 1}, []int{1, 1}, []int{1, 0, 1, 2}, 2),
			convSample(nil, Shape{1, 1, 7, 3}, Shape{2, 1, 3, 2}, []int{1, 3}, []int{2, 1}, []int{2, 1, 0, 1}, 1), convSample(nil, Shape{1, 2, 4, 3}, Shape{1, 2, 3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1, 1, 1}, 1, attr.B("winograd", true)),
			convSample(nil, Shape{1, 2, 2, 3, 2}, Shape{1, 2, 2, 2, 1}, []int{1, 1, 2}, []int{1, 1, 1}, []int{0, 0, 1, 0, 0, 0}, 1),
		},
	})
	opConvInputGrad = Register(&Op{
		Name: "conv_input_grad", OfNothing: ofNothing(0), Accuracy: accuracyOfProducts, Pattern: convPattern(convOutput, convFilters, convInput), Symbol: "∗ᵀ", OperandNames: []string{"y", "w"}, Family: FamilyConvolution, MinArity: 2, MaxArity: 2, Kernel: "conv_input_grad", Batch: batchFolded,
		Attrs:   append([]AttrSpec{{Key: "shape", Kind: attr.Ints, Doc: "shape of conv's input, which is the result's"}}, convAttrs...),
		Doc:     "The linear transpose of conv in its input, from the result's adjoint and the filters; also called transposed convolution." + convLayout,
		Formula: "conv(ct, w), conv_filter_grad(ct, y)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t := Type{in[0].typ.DType, a.Ints("shape")}
			return t, wantConv(&t, in[1].typ, in[0].typ, a)
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 0 {
				return withoutShape(opConv, n, ct, n.Input(1))
			}
			return withShape(opConvFilterGrad, n, ct, n.Input(0), n.Input(1).typ.Shape)
		},
		Samples: []Sample{
			convSample(Shape{2, 3, 5}, Shape{2, 4, 3}, Shape{4, 3, 3}, []int{1}, []int{1}, []int{0, 0}, 1), convSample(Shape{1, 2, 5, 4}, Shape{1, 2, 3, 5}, Shape{2, 1, 2, 3}, []int{2, 1}, []int{1, 1}, []int{1, 0, 1, 2}, 2),
			convSample(Shape{1, 1, 7, 3}, Shape{1, 2, 6, 1}, Shape{2, 1, 3, 2}, []int{1, 3}, []int{2, 1}, []int{2, 1, 0, 1}, 1),
		},
	})
	opConvFilterGrad = Register(&Op{
		Name: "conv_filter_grad", OfNothing: ofNothing(0), Accuracy: "(257 + k/w)·u·Σ|aᵢbᵢ| for k products, where w is 16 or the positions of an image if they are fewer, for float32 322·u·Σ|aᵢbᵢ| at most: chains of w to 256 products are added up, those of float32 in float64 after 64 at most", Pattern: convPattern(convInput, convOutput, convFilters), Symbol: "∗ᵀ", OperandNames: []string{"x", "y"}, Family: FamilyConvolution, MinArity: 2, MaxArity: 2, Kernel: "conv_filter_grad",
		Attrs:   append([]AttrSpec{{Key: "shape", Kind: attr.Ints, Doc: "shape of conv's filters, which is the result's"}}, convAttrs...),
		Doc:     "The linear transpose of conv in its filters, from the input and the result's adjoint." + convLayout,
		Formula: "conv_input_grad(y, ct), conv(x, ct)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t := Type{in[0].typ.DType, a.Ints("shape")}
			return t, wantConv(in[0].typ, &t, in[1].typ, a)
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			if i == 0 {
				return withShape(opConvInputGrad, n, n.Input(1), ct, n.Input(0).typ.Shape)
			}
			return withoutShape(opConv, n, n.Input(0), ct)
		},
		Samples: []Sample{
			convSample(Shape{4, 3, 3}, Shape{2, 3, 5}, Shape{2, 4, 3}, []int{1}, []int{1}, []int{0, 0}, 1), convSample(Shape{2, 1, 2, 3}, Shape{1, 2, 5, 4}, Shape{1, 2, 3, 5}, []int{2, 1}, []int{1, 1}, []int{1, 0, 1, 2}, 2),
		},
	})
}

// convSample is a sample of conv or, with a shape, of one of its transposes.
func convSample(shape, a, b Shape, strides, dilation, padding []int, groups int, more ...attr.Named) Sample {
	s := operands(a, b)
	attrs := append(more, attr.L("strides", strides), attr.L("dilation", dilation), attr.L("padding", padding), attr.I("groups", groups))
	if shape != nil {
		attrs = append(attrs, attr.L("shape", shape))
	}
	s.Attrs = attr.Make(attrs...)
	return s
}

// withShape and withoutShape apply an operator with the attributes of n, but for the shape.
func withShape(op *Op, n, a, b *Node, shape Shape) *Node {
	return applyAll(op, []*Node{a, b}, append(without(n.extra.attrs, "shape"), attr.L("shape", shape))...)
}

func withoutShape(op *Op, n, a, b *Node) *Node {
	return applyAll(op, []*Node{a, b}, without(n.extra.attrs, "shape")...)
}

func without(a attr.List, key string) attr.List {
	var out attr.List
	for _, n := range a {
		if n.Key != key {
			out = append(out, n)
		}
	}
	return out
}

// inferConv is the type rule of a convolution.
func inferConv(x, w *Type, a attr.List) (Type, error) {
	r := len(x.Shape)
	if x.DType != w.DType || !x.DType.IsFloat() {
		return Type{}, fmt.Errorf("input and filters are %v and %v: need the same of %v", x.DType, w.DType, Floats)
	}
	if r < 3 || r > 5 || len(w.Shape) != r {
		return Type{}, fmt.Errorf("input and filters are %v and %v: need the same rank, 3 to 5", x, w)
	}
	g := a.Int("groups")
	if g < 1 || x.Shape[1]%g != 0 || w.Shape[0]%g != 0 || w.Shape[1] != x.Shape[1]/g {
		return Type{}, fmt.Errorf("the filters %v do not suit an input of %d channels in %d groups", w.Shape, x.Shape[1], g)
	}
	spatial, err := windows(x.Shape[2:], w.Shape[2:], a.Ints("strides"), a.Ints("dilation"), a.Ints("padding"))
	return Type{x.DType, append(Shape{x.Shape[0], w.Shape[0]}, spatial...)}, err
}

// wantConv checks that a convolution of x with w has the type y.
func wantConv(x, w, y *Type, a attr.List) error {
	for _, t := range []*Type{x, w} {
		if err := t.Shape.check(); err != nil {
			return err
		}
	}
	t, err := inferConv(x, w, a)
	if err == nil && !t.Equal(*y) {
		err = fmt.Errorf("the convolution of %v with %v is %v, not %v", x, w, t, y)
	}
	return err
}

// windows checks the geometry of windows over spatial dimensions and returns how many fit along each.
func windows(in, window, strides, dilation, padding []int) (Shape, error) {
	d := len(in)
	if len(window) != d || len(strides) != d || len(dilation) != d || len(padding) != 2*d {
		return nil, fmt.Errorf("window %v, strides %v and dilation %v need %d entries each, padding %v needs %d", window, strides, dilation, d, padding, 2*d)
	}
	out := make(Shape, d)
	for i, n := range in {
		k, s, l, lo, hi := window[i], strides[i], dilation[i], padding[2*i], padding[2*i+1]
		for _, v := range []int{k, s, l} {
			if v < 1 || v > MaxElements {
				return nil, fmt.Errorf("window %d, stride %d and dilation %d of spatial dimension %d need to be at least 1", k, s, l, i)
			}
		}
		if lo < 0 || lo > MaxElements || hi < 0 || hi > MaxElements {
			return nil, fmt.Errorf("padding %d, %d of spatial dimension %d is out of range", lo, hi, i)
		}
		padded := n + lo + hi
		if k > 1 && l > (padded-1)/(k-1) {
			return nil, fmt.Errorf("a window of %d with dilation %d does not fit into the extent %d (with padding) of spatial dimension %d", k, l, padded, i)
		}
		out[i] = (padded-(k-1)*l-1)/s + 1
	}
	return out, nil
}

// Window describes how windows move over spatial dimensions. Strides and Dilation have one entry for each of them (nil: ones), Padding two,
// before and after each dimension in turn (nil: zeros). Groups (0: 1) is for convolutions.
type Window struct {
	Strides, Dilation, Padding []int
	Groups                     int
	// Ceil has pools go on to a last window that reaches beyond the padding, if it begins before the end of the elements and the padding before them (PyTorch's ceil_mode). What lies
	// beyond does not count in a mean.
	Ceil bool
	// Winograd allows convolutions of float32, and their gradients, to go by Winograd's F(4×4, 3×3), which multiplies a fourth as often (Lavin and Gray 2016): those with 3×3
	// filters, strides and dilation 1, and 16 channels and filters of a group at least. Its sums of transformed elements cancel, so errors are not relative to an element
	// but to the largest: of 64 channels of normally distributed numbers 1e-5 to 2e-5 of the largest result, where it is 1e-6 without. An infinity or NaN
	// reaches all 16 elements of a tile.
	Winograd bool
}

// fill replaces what is left out for d spatial dimensions.
func (w Window) fill(d int) Window {
	ones := func(v []int) []int {
		if v == nil {
			v = slices.Repeat([]int{1}, d)
		}
		return v
	}
	w.Strides, w.Dilation = ones(w.Strides), ones(w.Dilation)
	if w.Padding == nil {
		w.Padding = make([]int, 2*d)
	}
	if w.Groups == 0 {
		w.Groups = 1
	}
	return w
}

func (w Window) attrs() []attr.Named {
	attrs := []attr.Named{attr.L("strides", w.Strides), attr.L("dilation", w.Dilation), attr.L("padding", w.Padding), attr.I("groups", w.Groups)}
	if w.Winograd {
		attrs = append(attrs, attr.B("winograd", true))
	}
	return attrs
}

// spatial is the number of spatial dimensions of x.
func spatial(x *Node) int { return max(x.typ.Shape.Rank()-2, 0) }

// withoutBatch is the one image of a batch.
func withoutBatch(x *Node) *Node {
	if !x.Valid() {
		return x
	}
	return Reshape(x, x.typ.Shape[1:]...)
}

// Conv returns the convolution (cross-correlation, as in neural networks) of x [N, C, spatial] with filters w [O, C/groups, spatial], for 1 to
// 3 spatial dimensions: [N, O, spatial], ⌊(extent + padding − dilation·(window − 1) − 1)/stride⌋ + 1 along each. x may lack N, and then the result does. Negative padding takes
// elements away. Both may be integers of one dtype, whose sums wrap.
func Conv(x, w *Node, window Window) *Node {
	if !x.Valid() || !w.Valid() {
		return apply2(opConv, x, w)
	}
	if r := x.typ.Shape.Rank(); r > 1 && r == w.typ.Shape.Rank()-1 {
		return withoutBatch(Conv(ExpandDims(x, 0), w, window))
	}
	window = window.fill(spatial(x))
	if p := window.Padding; len(p) > 0 && slices.Min(p) < 0 && len(p) == 2*spatial(x) {
		fewer, more := slices.Clone(p), slices.Clone(p)
		for i, v := range p {
			fewer[i], more[i] = min(v, 0), max(v, 0)
		}
		low, high := paddingOf(Window{Padding: fewer})
		window.Padding = more
		return Conv(Pad(x, low, high, 0), w, window)
	}
	if x.typ.DType.IsInt() && w.typ.DType == x.typ.DType {
		return integerConv(x, w, window)
	}
	return applyAll(opConv, []*Node{x, w}, window.attrs()...)
}

// integerConv is a convolution of integers: the product of the filters with the elements under each window.
func integerConv(x, w *Node, window Window) *Node {
	float := func(t *Type) *Type { return &Type{Float64, t.Shape} }
	out, err := inferConv(float(x.typ), float(w.typ), attr.Make(window.attrs()...))
	if err != nil {
		return x.g.Fail(opConv.Name, err)
	}
	g, s, under := window.Groups, w.typ.Shape, Unfold(x, w.typ.Shape[2:], window)
	if !under.Valid() {
		return under
	}
	n, k, l := x.typ.Shape[0], s[1:].Size(), out.Shape[2:].Size()
	return Reshape(MatMul(Reshape(w, g, s[0]/g, k), Reshape(under, n, g, k, l)), out.Shape...)
}

// ConvTranspose returns the transposed convolution of y [N, O, spatial] with filters w [O, C/groups, spatial]: the linear transpose of
// Conv in its input, [N, C, spatial] with (extent − 1)·stride + dilation·(window − 1) + 1 − padding + outputPadding along each dimension.
// outputPadding (nil: zeros) chooses among the inputs that Conv takes to the same extents; it is smaller than the stride. y may lack N, and then the result does.
func ConvTranspose(y, w *Node, window Window, outputPadding ...int) *Node {
	if !y.Valid() || !w.Valid() {
		return apply2(opConvInputGrad, y, w)
	}
	if r := y.typ.Shape.Rank(); r > 1 && r == w.typ.Shape.Rank()-1 {
		return withoutBatch(ConvTranspose(ExpandDims(y, 0), w, window, outputPadding...))
	}
	d := spatial(y)
	window = window.fill(d)
	fail := func(format string, args ...any) *Node {
		return y.g.Fail("conv_input_grad", fmt.Errorf(format, args...))
	}
	if w.typ.Shape.Rank() != d+2 || d < 1 {
		return fail("input and filters are %v and %v: need the same rank, 3 to 5", y.typ, w.typ)
	}
	if len(outputPadding) == 0 {
		outputPadding = make([]int, d)
	}
	if len(window.Strides) != d || len(window.Dilation) != d || len(window.Padding) != 2*d || len(outputPadding) != d {
		return fail("strides, dilation and output padding need %d entries, padding %d", d, 2*d)
	}
	shape := Shape{y.typ.Shape[0], w.typ.Shape[1] * window.Groups}
	for i, n := range y.typ.Shape[2:] {
		if outputPadding[i] < 0 || outputPadding[i] >= max(window.Strides[i], 1) {
			return fail("output padding %d of a stride of %d", outputPadding[i], window.Strides[i])
		}
		shape = append(shape, (n-1)*window.Strides[i]+window.Dilation[i]*(w.typ.Shape[2+i]-1)+1-window.Padding[2*i]-window.Padding[2*i+1]+outputPadding[i])
	}
	return applyAll(opConvInputGrad, []*Node{y, w}, append(window.attrs(), attr.L("shape", shape))...)
}
