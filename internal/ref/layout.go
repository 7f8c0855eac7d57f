package ref

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	evaluators["pad"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.Len() {
			out.setNumber(i, n.Attrs().Float("value"))
		}
		for i := range in[0].Len() {
			idx := unflat(i, in[0].Type.Shape)
			for d := range idx {
				idx[d] += n.Attrs().Ints("low")[d]
			}
			out.copyElement(flat(idx, n.Shape()), in[0], i)
		}
		return out, nil
	}
	evaluators["pad_mode"] = func(n *graph.Node, in []Value) (Value, error) {
		return move(n, in[0], func(idx []int) []int {
			from := slices.Clone(idx)
			for d, e := range in[0].Type.Shape {
				from[d] = walk(idx[d]-n.Attrs().Ints("low")[d], e, n.Attrs().Str("mode"))
			}
			return from
		}), nil
	}
	evaluators["reverse"] = func(n *graph.Node, in []Value) (Value, error) {
		return move(n, in[0], func(idx []int) []int {
			from := slices.Clone(idx)
			for _, d := range n.Attrs().Ints("axes") {
				from[d] = n.Shape()[d] - 1 - idx[d]
			}
			return from
		}), nil
	}
	evaluators["roll"] = func(n *graph.Node, in []Value) (Value, error) {
		axis := n.Attrs().Int("axis")
		return move(n, in[0], func(idx []int) []int {
			from := slices.Clone(idx)
			from[axis] = (idx[axis] + n.Shape()[axis] - n.Attrs().Int("shift")) % n.Shape()[axis]
			return from
		}), nil
	}
	evaluators["tile"] = func(n *graph.Node, in []Value) (Value, error) {
		return move(n, in[0], func(idx []int) []int {
			from := slices.Clone(idx)
			for d, e := range in[0].Type.Shape {
				from[d] %= e
			}
			return from
		}), nil
	}
	evaluators["repeat"] = func(n *graph.Node, in []Value) (Value, error) {
		return move(n, in[0], func(idx []int) []int {
			from := slices.Clone(idx)
			from[n.Attrs().Int("axis")] /= n.Attrs().Int("repeats")
			return from
		}), nil
	}
	evaluators["diag"] = func(n *graph.Node, in []Value) (Value, error) {
		out, k := New(n.Type()), n.Attrs().Int("k")
		for i := range in[0].Len() {
			idx := unflat(i, in[0].Type.Shape)
			last := idx[len(idx)-1]
			out.copyElement(flat(append(idx[:len(idx)-1], last+max(-k, 0), last+max(k, 0)), n.Shape()), in[0], i)
		}
		return out, nil
	}
	evaluators["diag_part"] = func(n *graph.Node, in []Value) (Value, error) {
		k := n.Attrs().Int("k")
		return move(n, in[0], func(idx []int) []int {
			last := idx[len(idx)-1]
			return append(slices.Clone(idx[:len(idx)-1]), last+max(-k, 0), last+max(k, 0))
		}), nil
	}
	triangle := func(keep func(i, j, k int) bool) func(n *graph.Node, in []Value) (Value, error) {
		return func(n *graph.Node, in []Value) (Value, error) {
			out := New(n.Type())
			for f := range out.Len() {
				idx := unflat(f, n.Shape())
				if keep(idx[len(idx)-2], idx[len(idx)-1], n.Attrs().Int("k")) {
					out.copyElement(f, in[0], f)
				}
			}
			return out, nil
		}
	}
	evaluators["tril"] = triangle(func(i, j, k int) bool { return j-i <= k })
	evaluators["triu"] = triangle(func(i, j, k int) bool { return j-i >= k })
	evaluators["one_hot"] = func(n *graph.Node, in []Value) (Value, error) {
		out, axis := New(n.Type()), n.Attrs().Int("axis")
		for f := range out.Len() {
			idx := unflat(f, n.Shape())
			if in[0].I[flat(slices.Delete(slices.Clone(idx), axis, axis+1), in[0].Type.Shape)] == int64(idx[axis]) {
				out.setNumber(f, 1)
			}
		}
		return out, nil
	}
}

// walk finds what position i outside of [0, n) shows by steps from the nearest element.
func walk(i, n int, mode string) int {
	if mode == "edge" {
		return min(max(i, 0), n-1)
	}
	at, step := 0, 1
	if i < 0 {
		step = -1
	}
	for range int(math.Abs(float64(i))) {
		at += step
		if at >= 0 && at < n {
			continue
		}
		switch {
		case mode == "wrap":
			at -= step * n
		case mode == "symmetric" || n == 1:
			at -= step
			step = -step
		default:
			at -= 2 * step
			step = -step
		}
	}
	return at
}
