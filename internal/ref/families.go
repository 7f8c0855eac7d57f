package ref

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	perRun := func(f func(n *graph.Node, run []float64) float64) func(n *graph.Node, in []Value) (Value, error) {
		return func(n *graph.Node, in []Value) (Value, error) {
			out := New(n.Type())
			for f0, run := range runs(in[0].Type.Shape, n.Attrs().Ints("axes")) {
				elems := make([]float64, len(run))
				for k, i := range run {
					elems[k] = in[0].Number(i)
				}
				out.setNumber(f0, f(n, elems))
			}
			return out, nil
		}
	}
	variance := func(n *graph.Node, run []float64) float64 {
		mean, s := sum(run)/float64(len(run)), 0.0
		for _, v := range run {
			s += (v - mean) * (v - mean)
		}
		if n.Attrs().Int("ddof") >= len(run) {
			return math.NaN()
		}
		return s / float64(len(run)-n.Attrs().Int("ddof"))
	}
	evaluators["reduce_var"] = perRun(variance)
	evaluators["reduce_std"] = perRun(func(n *graph.Node, run []float64) float64 { return math.Sqrt(variance(n, run)) })
	fold := func(f func(acc, v float64) float64, end func(float64) float64) func(n *graph.Node, in []Value) (Value, error) {
		return perRun(func(_ *graph.Node, run []float64) float64 {
			acc := 0.0
			for _, v := range run {
				acc = f(acc, v)
			}
			return end(acc)
		})
	}
	same := func(x float64) float64 { return x }
	evaluators["reduce_l1"] = fold(func(a, v float64) float64 { return a + math.Abs(v) }, same)
	evaluators["reduce_l2"] = fold(math.Hypot, func(a float64) float64 { return a })
	inverse := func(n *graph.Node, run []float64) float64 {
		norm := 0.0
		for _, v := range run {
			norm = math.Hypot(norm, v)
		}
		return 1 / math.Hypot(norm/math.Sqrt(float64(len(run))), math.Sqrt(n.Attrs().Float("epsilon")))
	}
	evaluators["reduce_inverse_rms"] = perRun(inverse)
	evaluators["unit_rms"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), n.Attrs().Ints("axes")) {
			x := make([]float64, len(run))
			for k, i := range run {
				x[k] = in[0].F[i]
			}
			scale := inverse(n, x)
			for k, i := range run {
				out.F[i] = x[k] * scale
			}
		}
		return out, nil
	}
	evaluators["norm_of_squares"] = func(n *graph.Node, in []Value) (Value, error) {
		out, err := evaluators["reduce_l2"](n, in[:1])
		for i, s := range in[1].F {
			if s != 0 && !math.IsInf(s, 1) {
				out.F[i] = math.Sqrt(s)
			}
		}
		return out, err
	}
	evaluators["reduce_linf"] = fold(func(a, v float64) float64 { return larger(a, math.Abs(v)) }, same)
	evaluators["count_nonzero"] = fold(func(a, v float64) float64 {
		if v != 0 {
			a++
		}
		return a
	}, same)

	segment := func(start float64, join func(a, b float64) float64) func(n *graph.Node, in []Value) (Value, error) {
		return func(n *graph.Node, in []Value) (Value, error) {
			out := New(n.Type())
			for i := range out.Len() {
				out.setNumber(i, start)
			}
			for i := range in[0].Len() {
				idx := unflat(i, in[0].Type.Shape)
				k := in[1].I[idx[0]]
				if k < 0 || k >= int64(n.Shape()[0]) {
					return Value{}, fmt.Errorf("segment %d of %d", k, n.Shape()[0])
				}
				idx[0] = int(k)
				f := flat(idx, n.Shape())
				out.setNumber(f, join(out.Number(f), in[0].Number(i)))
			}
			return out, nil
		}
	}
	add := func(a, b float64) float64 { return a + b }
	times := func(a, b float64) float64 { return a * b }
	smaller := func(a, b float64) float64 { return -larger(-a, -b) }
	evaluators["segment_sum"] = segment(0, add)
	evaluators["segment_prod"] = segment(1, times)
	evaluators["segment_max"] = segment(math.Inf(-1), larger)
	evaluators["segment_min"] = segment(math.Inf(1), smaller)

	evaluators["sort"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), []int{n.Attrs().Int("axis")}) {
			for k, from := range order(in[0], run, n.Attrs().Bool("descending")) {
				out.copyElement(run[k], in[0], run[from])
			}
		}
		return out, nil
	}
	evaluators["argsort"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), []int{n.Attrs().Int("axis")}) {
			for k, from := range order(in[0], run, n.Attrs().Bool("descending")) {
				out.I[run[k]] = int64(from)
			}
		}
		return out, nil
	}
	evaluators["top_k"] = func(n *graph.Node, in []Value) (Value, error) {
		axis := []int{n.Attrs().Int("axis")}
		values, indices := New(n.Results()[0]), New(n.Results()[1])
		to := runs(values.Type.Shape, axis)
		for l, run := range runs(in[0].Type.Shape, axis) {
			for k, from := range order(in[0], run, !n.Attrs().Bool("smallest"))[:n.Attrs().Int("k")] {
				values.copyElement(to[l][k], in[0], run[from])
				indices.I[to[l][k]] = int64(from)
			}
		}
		return Value{Results: []Value{values, indices}}, nil
	}
	evaluators["searchsorted"] = func(n *graph.Node, in []Value) (Value, error) {
		out, s := New(n.Type()), in[0].Type.Shape
		e := s[len(s)-1]
		for i := range out.Len() {
			line := 0
			if len(s) > 1 {
				line = i / n.Shape()[len(s)-1]
			}
			for k := range e {
				v, x := in[0].Number(line*e+k), in[1].Number(i)
				if v < x || n.Attrs().Bool("right") && v == x {
					out.I[i] = int64(k + 1)
				}
			}
		}
		return out, nil
	}

	evaluators["take_along_axis"] = func(n *graph.Node, in []Value) (Value, error) {
		out, axis := New(n.Type()), n.Attrs().Int("axis")
		for i := range out.Len() {
			idx := unflat(i, n.Shape())
			k, err := wrapIndex(in[1].I[i], in[0].Type.Shape[axis])
			if err == nil && n.Attrs().Bool("from_start") && in[1].I[i] < 0 {
				err = fmt.Errorf("index %d is out of range", in[1].I[i])
			}
			if err != nil {
				return Value{}, err
			}
			idx[axis] = k
			out.copyElement(i, in[0], flat(idx, in[0].Type.Shape))
		}
		return out, nil
	}
	evaluators["scatter_along_axis_add"] = func(n *graph.Node, in []Value) (Value, error) {
		out, axis := New(n.Type()), n.Attrs().Int("axis")
		for i := range in[1].Len() {
			idx := unflat(i, in[1].Type.Shape)
			k, err := wrapIndex(in[0].I[i], n.Shape()[axis])
			if err != nil {
				return Value{}, err
			}
			idx[axis] = k
			out.accumulate(flat(idx, n.Shape()), in[1], i)
		}
		return out, nil
	}
	begin := func(at Value, whole, part graph.Shape) []int {
		b := make([]int, len(whole))
		for d := range b {
			b[d] = int(max(0, min(at.I[d], int64(whole[d]-part[d]))))
		}
		return b
	}
	plus := func(a, b []int) []int {
		c := slices.Clone(a)
		for d := range c {
			c[d] += b[d]
		}
		return c
	}
	evaluators["dynamic_slice"] = func(n *graph.Node, in []Value) (Value, error) {
		b := begin(in[1], in[0].Type.Shape, n.Shape())
		return move(n, in[0], func(idx []int) []int { return plus(idx, b) }), nil
	}
	evaluators["dynamic_update_slice"] = func(n *graph.Node, in []Value) (Value, error) {
		b := begin(in[2], n.Shape(), in[1].Type.Shape)
		out := move(n, in[0], func(idx []int) []int { return idx })
		for i := range in[1].Len() {
			out.copyElement(flat(plus(unflat(i, in[1].Type.Shape), b), n.Shape()), in[1], i)
		}
		return out, nil
	}
	scatter := func(join func(a, b float64) float64) func(n *graph.Node, in []Value) (Value, error) {
		return func(n *graph.Node, in []Value) (Value, error) {
			axis, rank := n.Attrs().Int("axis"), in[1].Type.Shape.Rank()
			out := move(n, in[0], func(idx []int) []int { return idx })
			for i := range in[2].Len() {
				idx := unflat(i, in[2].Type.Shape)
				k, err := wrapIndex(in[1].I[flat(idx[axis:axis+rank], in[1].Type.Shape)], n.Shape()[axis])
				if err != nil {
					return Value{}, err
				}
				f := flat(slices.Concat(idx[:axis], []int{k}, idx[axis+rank:]), n.Shape())
				out.setNumber(f, join(out.Number(f), in[2].Number(i)))
			}
			return out, nil
		}
	}
	evaluators["scatter_set"] = scatter(func(_, b float64) float64 { return b })
	evaluators["scatter_add_to"] = scatter(func(a, b float64) float64 { return a + b })
	evaluators["scatter_mul"] = scatter(times)
	evaluators["scatter_max"] = scatter(larger)
	evaluators["scatter_min"] = scatter(smaller)
}

// order gives the positions within the run that sort it; NaN counts as the largest.
func order(x Value, run []int, descending bool) []int {
	at := make([]int, len(run))
	for k := range at {
		at[k] = k
	}
	less := func(a, b float64) bool { return a < b || b != b && a == a }
	sort.SliceStable(at, func(i, j int) bool {
		a, b := x.Number(run[at[i]]), x.Number(run[at[j]])
		if descending {
			a, b = b, a
		}
		return less(a, b)
	})
	return at
}
