package graph

import "fmt"

// Unfold returns the elements under each position of a window over x [N, C, spatial]: [N, C·K, L] for the K elements of the window and its L positions, both in row-major order (PyTorch's unfold, im2col). Padding is zeros. x may lack N, and then the result does.
func Unfold(x *Node, size []int, window Window) *Node {
	const op = "unfold"
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	if x.typ.Shape.Rank() == len(size)+1 {
		return withoutBatch(Unfold(ExpandDims(x, 0), size, window))
	}
	s := x.typ.Shape
	window = window.fill(spatial(x))
	out, err := unfolded(s, size, window)
	if err != nil {
		return x.g.Fail(op, err)
	}
	low, high := paddingOf(window)
	x = Pad(x, low, high, 0)
	var parts []*Node
	eachOffset(size, func(offset []int) {
		ranges := []Range{{Limit: All}, {Limit: All}}
		for d, o := range offset {
			first := o * window.Dilation[d]
			ranges = append(ranges, Range{first, first + (out[d]-1)*window.Strides[d] + 1, window.Strides[d]})
		}
		parts = append(parts, Reshape(Slice(x, ranges...), s[0], s[1], 1, out.Size()))
	})
	return Reshape(Concat(2, parts...), s[0], s[1]*len(parts), out.Size())
}

// Fold adds up the elements of y [N, C·K, L] in an image [N, C, spatial] of the given extents, where Unfold takes them from: its linear transpose (PyTorch's fold, col2im). y may lack N, and then the result does.
func Fold(y *Node, extents, size []int, window Window) *Node {
	const op = "fold"
	if !y.Valid() {
		return apply1(opIdentity, y)
	}
	if y.typ.Shape.Rank() == 2 {
		return withoutBatch(Fold(ExpandDims(y, 0), extents, size, window))
	}
	t, taps := y.typ.Shape, Shape(size).Size()
	if len(t) != 3 || taps < 1 || t[1]%taps != 0 {
		return y.g.Fail(op, fmt.Errorf("the operand is %v: needs [N, C·%d, positions]", y.typ, taps))
	}
	window = window.fill(len(extents))
	s := append(Shape{t[0], t[1] / taps}, extents...)
	err := s.check()
	var out Shape
	if err == nil {
		out, err = unfolded(s, size, window)
	}
	if err == nil && out.Size() != t[2] {
		err = fmt.Errorf("the operand is %v: the windows have %d positions", y.typ, out.Size())
	}
	if err != nil {
		return y.g.Fail(op, err)
	}
	low, high := paddingOf(window)
	padded, minus := append(Shape{}, s...), make([]int, len(s))
	for d := range padded {
		padded[d] += low[d] + high[d]
		low[d], minus[d] = -low[d], -high[d]
	}
	y = Reshape(y, append(Shape{s[0], s[1], taps}, out...)...)
	var starts, strides []int
	var parts []*Node
	eachOffset(size, func(offset []int) {
		starts, strides = append(starts, 0, 0), append(strides, 1, 1)
		for d, o := range offset {
			starts, strides = append(starts, o*window.Dilation[d]), append(strides, window.Strides[d])
		}
		k := len(parts)
		parts = append(parts, Reshape(sliceAxis(y, 2, k, k+1), append(Shape{s[0], s[1]}, out...)...))
	})
	return Pad(SliceTranspose(padded, starts, strides, parts...), low, minus, 0)
}

// maxOffsets bounds the elements of a window, of which each is a node.
const maxOffsets = 1 << 12

// unfolded checks a window over images and returns the number of its positions in each dimension.
func unfolded(s Shape, size []int, window Window) (Shape, error) {
	if len(s) < 3 || len(size) != len(s)-2 {
		return nil, fmt.Errorf("images %v and a window %v: need [N, C, spatial] and an extent for each spatial dimension", s, size)
	}
	for _, k := range size {
		if k > maxOffsets {
			return nil, fmt.Errorf("the window %v has more than %d elements", size, maxOffsets)
		}
	}
	out, err := windows(s[2:], size, window.Strides, window.Dilation, window.Padding)
	if err == nil && Shape(size).Size() > maxOffsets {
		err = fmt.Errorf("the window %v has more than %d elements", size, maxOffsets)
	}
	return out, err
}

// paddingOf returns a window's padding of all dimensions of an image.
func paddingOf(w Window) (low, high []int) {
	low, high = make([]int, 2), make([]int, 2)
	for d := 0; d < len(w.Padding); d += 2 {
		low, high = append(low, w.Padding[d]), append(high, w.Padding[d+1])
	}
	return low, high
}

// eachOffset calls do with the places within a window, in row-major order.
func eachOffset(size []int, do func(offset []int)) {
	for k := range Shape(size).Size() {
		offset := make([]int, len(size))
		for d := len(size) - 1; d >= 0; d-- {
			offset[d] = k % size[d]
			k /= size[d]
		}
		do(offset)
	}
}
