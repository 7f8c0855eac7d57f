package ref

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// eachTap calls f for every element of a window at every position: the indices of position, tap and input element, which may lie
// outside of the input.
func eachTap(in, window, out, strides, dilation, padding []int, f func(position, tap, at []int, inside bool)) {
	for p := range graph.Shape(out).Size() {
		position := unflat(p, out)
		for t := range graph.Shape(window).Size() {
			tap, at := unflat(t, window), make([]int, len(in))
			inside := true
			for d := range in {
				at[d] = position[d]*strides[d] + tap[d]*dilation[d] - padding[2*d]
				inside = inside && at[d] >= 0 && at[d] < in[d]
			}
			f(position, tap, at, inside)
		}
	}
}

// convolve calls f for every product of a convolution with the places of input, filter and result elements.
func convolve(n *graph.Node, x, w, y graph.Shape, f func(i, j, k int)) {
	a := n.Attrs()
	groups := a.Int("groups")
	eachTap(x[2:], w[2:], y[2:], a.Ints("strides"), a.Ints("dilation"), a.Ints("padding"), func(position, tap, at []int, inside bool) {
		if !inside {
			return
		}
		for image := range x[0] {
			for filter := range w[0] {
				for c := range w[1] {
					channel := filter/(w[0]/groups)*w[1] + c
					f(flat(append([]int{image, channel}, at...), x), flat(append([]int{filter, c}, tap...), w), flat(append([]int{image, filter}, position...), y))
				}
			}
		}
	})
}

func init() {
	evaluators["conv"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		convolve(n, in[0].Type.Shape, in[1].Type.Shape, n.Shape(), func(i, j, k int) { out.F[k] += in[0].F[i] * in[1].F[j] })
		return out, nil
	}
	evaluators["conv_input_grad"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		convolve(n, n.Shape(), in[1].Type.Shape, in[0].Type.Shape, func(i, j, k int) { out.F[i] += in[0].F[k] * in[1].F[j] })
		return out, nil
	}
	evaluators["conv_filter_grad"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		convolve(n, in[0].Type.Shape, n.Shape(), in[1].Type.Shape, func(i, j, k int) { out.F[j] += in[0].F[i] * in[1].F[k] })
		return out, nil
	}
	evaluators["max_pool"] = func(n *graph.Node, in []Value) (Value, error) {
		values, indices := New(n.Results()[0]), New(n.Results()[1])
		for k := range values.Len() {
			indices.I[k] = -1
		}
		pool(n, in[0].Type.Shape, values.Type.Shape, func(i, k int, inside bool) {
			if !inside {
				return
			}
			s := in[0].Type.Shape
			v, best := in[0].Number(i), values.Number(k)
			if indices.I[k] < 0 || v > best || v != v && best == best {
				values.copyElement(k, in[0], i)
				indices.I[k] = int64(i % s[2:].Size())
			}
		})
		return Value{Results: []Value{values, indices}}, nil
	}
	evaluators["avg_pool"] = func(n *graph.Node, in []Value) (Value, error) {
		out, counts := New(n.Type()), windowCounts(n, in[0].Type.Shape, n.Shape())
		pool(n, in[0].Type.Shape, n.Shape(), func(i, k int, inside bool) {
			if inside {
				out.F[k] += in[0].F[i] / counts[k]
			}
		})
		return out, nil
	}
	evaluators["avg_pool_grad"] = func(n *graph.Node, in []Value) (Value, error) {
		out, counts := New(n.Type()), windowCounts(n, n.Shape(), in[0].Type.Shape)
		pool(n, n.Shape(), in[0].Type.Shape, func(i, k int, inside bool) {
			if inside {
				out.F[i] += in[0].F[k] / counts[k]
			}
		})
		return out, nil
	}
	evaluators["resize"] = func(n *graph.Node, in []Value) (Value, error) {
		out, s, corners := New(n.Type()), in[0].Type.Shape, n.Attrs().Bool("align_corners")
		place := func(i, from, to int) float64 {
			switch {
			case from == to:
				return float64(i)
			case corners && to == 1:
				return 0
			case corners:
				return float64(i*(from-1)) / float64(to-1)
			}
			return (float64(i)+0.5)*float64(from)/float64(to) - 0.5
		}
		for f := range out.Len() {
			idx := unflat(f, n.Shape())
			for corner := range 1 << (len(s) - 2) {
				at, weight := []int{idx[0], idx[1]}, 1.0
				for d := 2; d < len(s); d++ {
					x := place(idx[d], s[d], n.Shape()[d])
					up := corner >> (d - 2) & 1
					if n.Attrs().Str("mode") == "nearest" {
						x = math.Floor(x + 0.5)
					}
					x = min(max(x, 0), float64(s[d]-1))
					low := math.Floor(x)
					if up == 1 {
						weight *= x - low
					} else {
						weight *= 1 - (x - low)
					}
					at = append(at, min(int(low)+up, s[d]-1))
				}
				out.F[f] += weight * in[0].F[flat(at, s)]
			}
		}
		return out, nil
	}
}

// pool calls f for every element under every window with the places of operand and result elements.
func pool(n *graph.Node, x, y graph.Shape, f func(i, k int, inside bool)) {
	a := n.Attrs()
	dilation := a.Ints("dilation")
	for len(dilation) < len(x)-2 {
		dilation = append(dilation, 1)
	}
	eachTap(x[2:], a.Ints("window"), y[2:], a.Ints("strides"), dilation, a.Ints("padding"), func(position, _, at []int, inside bool) {
		for image := range x[0] {
			for channel := range x[1] {
				f(flat(append([]int{image, channel}, at...), x), flat(append([]int{image, channel}, position...), y), inside)
			}
		}
	})
}

// windowCounts is the number of elements of each window that count in a mean.
func windowCounts(n *graph.Node, x, y graph.Shape) []float64 {
	counts := make([]float64, y.Size())
	pool(n, x, y, func(_, k int, inside bool) {
		if inside || n.Attrs().Bool("count_include_pad") {
			counts[k]++
		}
	})
	return counts
}
