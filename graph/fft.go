package graph

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opFFT, opIFFT, opRFFT, opIRFFT *Op

const complexPairs = " Complex numbers are pairs (real, imaginary) in a trailing dimension of extent 2."

const accuracyOfFFT = "8·log₂(2n)·u·Σ|xᵢ| for n elements along the axis, for ifft and irfft over n"

func init() {
	axes := []AttrSpec{{Key: "axes", Kind: attr.Ints, Doc: "the transformed dimensions, ascending, not the trailing one"}}
	opFFT = Register(&Op{
		Name: "fft", Accuracy: accuracyOfFFT, Pattern: mixedAlong(complexAxes), AlongAxis: true, Family: FamilyFourier, MinArity: 1, MaxArity: 1, Kernel: "fft", Attrs: append([]AttrSpec{}, axes...),
		Doc:     "The discrete Fourier transform Σ xⱼ·exp(−2πi·jk/n) along each of the axes, of any lengths." + complexPairs,
		Formula: "n·ifft(ct), n the product of the extents", Infer: inferFFT, JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			y := n.g.Apply(opIFFT, []*Node{ct}, n.extra.attrs)
			return Mul(y, Like(y, transformed(n)))
		},
		Samples: fftSamples(),
	})
	opIFFT = Register(&Op{
		Name: "ifft", Accuracy: accuracyOfFFT, Pattern: mixedAlong(complexAxes), AlongAxis: true, Family: FamilyFourier, MinArity: 1, MaxArity: 1, Kernel: "ifft", Attrs: append([]AttrSpec{}, axes...),
		Doc:     "The inverse discrete Fourier transform Σ xₖ·exp(2πi·jk/n)/n along each of the axes." + complexPairs,
		Formula: "fft(ct)/n, n the product of the extents", Infer: inferFFT, JointlyLinear: true,
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			y := n.g.Apply(opFFT, []*Node{ct}, n.extra.attrs)
			return Mul(y, Like(y, 1/transformed(n)))
		},
		Samples: fftSamples(),
	})
	opRFFT = Register(&Op{
		Name: "rfft", Accuracy: accuracyOfFFT, Pattern: mixedAlong(func(n *Node) []int { return []int{axisOfNode(n)} }), AlongAxis: true, Family: FamilyFourier, MinArity: 1, MaxArity: 1, Kernel: "rfft", Attrs: []AttrSpec{axisAttr},
		Doc:     "The discrete Fourier transform of real numbers along an axis: the first ⌊n/2⌋ + 1 coefficients, the others are conjugates of these." + complexPairs,
		Formula: "n·irfft(ct/m), m = 2 for coefficients that stand for two, else 1", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, axis := in[0].typ, a.Int("axis")
			if err := checkFourierAxis(t, axis, len(t.Shape)); err != nil {
				return Type{}, err
			}
			s := append(append(Shape{}, t.Shape...), 2)
			s[axis] = s[axis]/2 + 1
			return Type{t.DType, s}, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			axis := n.extra.attrs.Int("axis")
			extent := n.Input(0).typ.Shape[axis]
			y := applyAll(opIRFFT, []*Node{Mul(ct, halfSpectrumWeights(ct, axis, extent, 0.5))}, attr.I("axis", axis), attr.I("n", extent))
			return Mul(y, Like(y, float64(extent)))
		},
		Samples: []Sample{shapeSample(Shape{2, 6}, attr.I("axis", 1)), shapeSample(Shape{5, 2}, attr.I("axis", 0)), shapeSample(Shape{2}, attr.I("axis", 0)), shapeSample(Shape{1, 2}, attr.I("axis", 0))},
	})
	opIRFFT = Register(&Op{
		Name: "irfft", Accuracy: accuracyOfFFT, Pattern: mixedAlong(func(n *Node) []int { return []int{axisOfNode(n), n.typ.Shape.Rank()} }), AlongAxis: true, Family: FamilyFourier, MinArity: 1, MaxArity: 1, Kernel: "irfft",
		Attrs: []AttrSpec{axisAttr, {Key: "n", Kind: attr.Int, Doc: "length of the result along the axis: twice the operand's less 2 or 1"}},
		Doc: "The n real numbers along an axis whose first ⌊n/2⌋ + 1 Fourier coefficients are given. The imaginary parts of the first coefficient and, for even n, of the last " +
			"are not read." + complexPairs,
		Formula: "m·rfft(ct)/n, m = 2 for coefficients that stand for two, else 1", JointlyLinear: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, axis, n := in[0].typ, a.Int("axis"), a.Int("n")
			r := len(t.Shape) - 1
			if r < 0 || t.Shape[r] != 2 {
				return Type{}, fmt.Errorf("the operand is %v: needs a trailing dimension of extent 2", t)
			}
			if err := checkFourierAxis(t, axis, r); err != nil {
				return Type{}, err
			}
			if n < 1 || n > maxFourier || n/2+1 != t.Shape[axis] {
				return Type{}, fmt.Errorf("%d coefficients do not belong to the length %d", t.Shape[axis], n)
			}
			s := append(Shape{}, t.Shape[:r]...)
			s[axis] = n
			return Type{t.DType, s}, nil
		},
		Transpose: func(n *Node, _ int, ct *Node) *Node {
			axis, extent := n.extra.attrs.Int("axis"), n.extra.attrs.Int("n")
			y := applyAll(opRFFT, []*Node{ct}, attr.I("axis", axis))
			return Mul(Mul(y, halfSpectrumWeights(y, axis, extent, 2)), Like(y, 1/float64(extent)))
		},
		Samples: []Sample{
			shapeSample(Shape{2, 4, 2}, attr.I("axis", 1), attr.I("n", 6)), shapeSample(Shape{3, 2, 2}, attr.I("axis", 0), attr.I("n", 5)), shapeSample(Shape{1, 2}, attr.I("axis", 0), attr.I("n", 1)),
			shapeSample(Shape{2, 2}, attr.I("axis", 0), attr.I("n", 2)),
		},
	})
}

// complexAxes are the dimensions of the operand that a transform of complex numbers mixes: its axes, and that of the pairs.
func complexAxes(n *Node) []int {
	return append(append([]int{}, n.extra.attrs.Ints("axes")...), n.typ.Shape.Rank()-1)
}

// maxFourier is the longest transform.
const maxFourier = 1 << 28

func fftSamples() []Sample {
	return []Sample{
		shapeSample(Shape{3, 4, 2}, attr.L("axes", []int{1})), shapeSample(Shape{3, 5, 2}, attr.L("axes", []int{0, 1})), shapeSample(Shape{1, 2}, attr.L("axes", []int{0})),
		shapeSample(Shape{53, 2}, attr.L("axes", []int{0})),
	}
}

func checkFourierAxis(t *Type, axis, rank int) error {
	switch {
	case !t.DType.IsFloat():
		return fmt.Errorf("the operand is %v: needs one of %v", t.DType, Floats)
	case axis < 0 || axis >= rank:
		return fmt.Errorf("axis %d is out of range for %d dimensions to transform", axis, rank)
	case t.Shape[axis] > maxFourier:
		return fmt.Errorf("the length %d is above the longest transform, %d", t.Shape[axis], maxFourier)
	}
	return nil
}

func inferFFT(in []*Node, a attr.List) (Type, error) {
	t := in[0].typ
	r := len(t.Shape) - 1
	if r < 0 || t.Shape[r] != 2 {
		return Type{}, fmt.Errorf("the operand is %v: needs a trailing dimension of extent 2", t)
	}
	if err := normalAxes(a.Ints("axes"), r); err != nil {
		return Type{}, err
	}
	if !t.DType.IsFloat() {
		return Type{}, fmt.Errorf("the operand is %v: needs one of %v", t.DType, Floats)
	}
	for _, axis := range a.Ints("axes") {
		if err := checkFourierAxis(t, axis, r); err != nil {
			return Type{}, err
		}
	}
	return *t, nil
}

// transformed is the product of the transformed extents.
func transformed(n *Node) float64 {
	p := 1.0
	for _, axis := range n.extra.attrs.Ints("axes") {
		p *= float64(n.typ.Shape[axis])
	}
	return p
}

// halfSpectrumWeights are, along the axis of a half spectrum x of n real numbers, v for coefficients that stand for their conjugate too, else 1.
func halfSpectrumWeights(x *Node, axis, n int, v float64) *Node {
	s := x.typ.Shape
	weights := make([]float64, s[axis])
	for k := range weights {
		weights[k] = v
		if k == 0 || 2*k == n {
			weights[k] = 1
		}
	}
	shape := make([]int, len(s)-axis)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = s[axis]
	return Cast(Constant(x.g, weights, shape...), x.typ.DType)
}

func fourier(op *Op, x *Node, axes []int) *Node {
	if !x.Valid() {
		return apply1(op, x)
	}
	norm, err := axesOf(axes, max(x.typ.Shape.Rank()-1, 0))
	if err != nil {
		return x.g.Fail(op.Name, err)
	}
	return applyAll(op, []*Node{x}, attr.L("axes", norm))
}

// FFT returns the discrete Fourier transform of x [… 2], pairs of real and imaginary parts, along the axes, all but the last without
// any; negative axes count from the last but one.
func FFT(x *Node, axes ...int) *Node { return fourier(opFFT, x, axes) }

// IFFT returns the inverse of FFT.
func IFFT(x *Node, axes ...int) *Node { return fourier(opIFFT, x, axes) }

// RFFT returns the first ⌊n/2⌋ + 1 Fourier coefficients of real numbers along an axis, as pairs of real and imaginary parts in a
// new last dimension.
func RFFT(x *Node, axis int) *Node { return alongAxis(opRFFT, x, axis) }

// IRFFT returns the n real numbers along an axis of which x [… 2] holds the first ⌊n/2⌋ + 1 Fourier coefficients: the inverse of RFFT.
// A negative axis counts from the last but one.
func IRFFT(x *Node, n, axis int) *Node {
	if !x.Valid() {
		return apply1(opIRFFT, x)
	}
	a, err := axisOf(axis, max(x.typ.Shape.Rank()-1, 0))
	if err != nil {
		return x.g.Fail("irfft", err)
	}
	return applyAll(opIRFFT, []*Node{x}, attr.I("axis", a), attr.I("n", n))
}
