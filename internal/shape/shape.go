// Package shape is arithmetic on the extents of arrays in row-major order, outermost first; a scalar has none.
package shape

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Size returns the number of elements, 1 for a scalar.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Check reports an extent below 0, or more than dtype.MaxElements elements where extents of 0 count as 1.
func Check(shape []int) error {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return fmt.Errorf("shape %v has an extent below 0", shape)
		}
		d = max(d, 1)
		if d > dtype.MaxElements/n {
			return fmt.Errorf("shape %v has more than %d elements", shape, dtype.MaxElements)
		}
		n *= d
	}
	return nil
}

// Strides returns by how much the flat index grows with each dimension's index.
func Strides(shape []int) []int {
	strides, k := make([]int, len(shape)), 1
	for d := len(shape) - 1; d >= 0; d-- {
		strides[d] = k
		k *= shape[d]
	}
	return strides
}

// BroadcastStrides returns the strides under which an array of the shape is read as one of the given rank, not less than its own: 0 along
// extents of 1 and along new leading dimensions.
func BroadcastStrides(shape []int, rank int) []int {
	strides := make([]int, rank)
	lead := rank - len(shape)
	for d, k := range Strides(shape) {
		if shape[d] != 1 {
			strides[lead+d] = k
		}
	}
	return strides
}

// Index returns the flat index of an element.
func Index(at, shape []int) int {
	flat := 0
	for d, i := range at {
		flat = flat*shape[d] + i
	}
	return flat
}

// At returns the indices of the element at flat index i.
func At(i int, shape []int) []int {
	at := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		at[d] = i % shape[d]
		i /= shape[d]
	}
	return at
}

// Split returns the number of elements before, along and after an axis.
func Split(shape []int, axis int) (outer, n, inner int) {
	return Size(shape[:axis]), shape[axis], Size(shape[axis+1:])
}

// Replaced returns the shape with dimension axis replaced by the dimensions of with.
func Replaced[S ~[]int](shape S, axis int, with ...int) S {
	out := append(make(S, 0, len(shape)-1+len(with)), shape[:axis]...)
	return append(append(out, with...), shape[axis+1:]...)
}

// Reduced returns the shape without the axes, or with keep with an extent of 1 there.
func Reduced[S ~[]int](shape S, axes []int, keep bool) S {
	out := make(S, 0, len(shape))
	for d, n := range shape {
		switch {
		case !slices.Contains(axes, d):
			out = append(out, n)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

// Broadcast returns the NumPy broadcast of the shapes: aligned at the last dimension, extents must be equal or 1. It reports the first pair
// that is not. The result may be one of the shapes.
func Broadcast[S ~[]int](shapes ...S) (S, error) {
	rank, at := 0, -1
	same := true
	for i, s := range shapes {
		rank = max(rank, len(s))
		if i > 0 && !slices.Equal(s, shapes[0]) {
			same = false
		}
	}
	if same && len(shapes) > 0 {
		return shapes[0], nil
	}
	out := make(S, rank)
	for i := range out {
		out[i] = 1
	}
	for i, s := range shapes {
		off := rank - len(s)
		for j, d := range s {
			switch {
			case d == out[off+j] || d == 1:
			case out[off+j] == 1:
				out[off+j] = d
				at = i
			default:
				other := shapes[0]
				if at >= 0 {
					other = shapes[at]
				}
				return nil, fmt.Errorf("shapes %v and %v do not broadcast: extents %d and %d in dimension %d from the end",
					other, s, out[off+j], d, rank-off-j)
			}
		}
	}
	return out, nil
}

// BroadcastIndex is the flat index into an operand that is broadcast to the shape, for flat index i of the result.
func BroadcastIndex(i int, shape, operand []int) int {
	flat, stride := 0, 1
	for d := len(operand) - 1; d >= 0; d-- {
		e := shape[len(shape)-len(operand)+d]
		if operand[d] != 1 {
			flat += i % e * stride
		}
		i /= e
		stride *= operand[d]
	}
	return flat
}

// StridedIndex is the flat index into an array of which a strided part has the extents out, for flat index i of the part.
func StridedIndex(i int, out, in, starts, strides []int) int {
	flat, k := 0, 1
	for d := len(in) - 1; d >= 0; d-- {
		flat += (starts[d] + i%out[d]*strides[d]) * k
		i /= out[d]
		k *= in[d]
	}
	return flat
}

// StackedSteps returns the extent along which values are stacked at each step of a loop that does limit steps at the most: 0 if they cannot be, since there is no limit (0) or one
// above 2³¹−1.
func StackedSteps(limit int) int {
	if limit > math.MaxInt32 {
		return 0
	}
	return limit
}

// StepsExtent returns the extent along which values at each of length steps are stacked. Steps without a bound (0) have none: what stands for such values is never made, since
// only a reverse sweep that keeps few states may read them, and its extent only has to agree with itself.
func StepsExtent(length int) int {
	if length == 0 {
		return 1 << 10
	}
	return length
}

// WithoutElement returns one of count windows along a dimension of n elements, with padding before and behind them, under which there is none of them, −1 if all have one.
func WithoutElement(n, window, count, stride, dilation, padding int) int {
	for k := 0; k < count && k*stride < padding; k++ {
		before := padding - k*stride
		taps := (before + dilation - 1) / dilation // that lie in the padding
		if taps >= window || taps*dilation-before >= n {
			return k
		}
		if stride%dilation == 0 {
			break // the elements under the next ones are these too
		}
	}
	if count > 0 && (count-1)*stride-padding >= n {
		return count - 1
	}
	return -1
}
