package ref

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	evaluators["const"] = constant
	evaluators["result"] = func(n *graph.Node, in []Value) (Value, error) {
		return in[0].Results[n.Attrs().Int("index")], nil
	}
	evaluators["reshape"] = func(n *graph.Node, in []Value) (Value, error) {
		return move(n, in[0], func(idx []int) []int { return unflat(flat(idx, n.Shape()), in[0].Type.Shape) }), nil
	}
	evaluators["broadcast_to"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.Len() {
			out.copyElement(i, in[0], broadcastAt(i, n.Shape(), in[0].Type.Shape))
		}
		return out, nil
	}
	evaluators["transpose"] = func(n *graph.Node, in []Value) (Value, error) {
		perm := n.Attrs().Ints("perm")
		return move(n, in[0], func(idx []int) []int {
			from := make([]int, len(idx))
			for i, p := range perm {
				from[p] = idx[i]
			}
			return from
		}), nil
	}
	evaluators["slice"] = func(n *graph.Node, in []Value) (Value, error) {
		starts, strides := n.Attrs().Ints("starts"), n.Attrs().Ints("strides")
		return move(n, in[0], func(idx []int) []int {
			from := make([]int, len(idx))
			for d, i := range idx {
				from[d] = starts[d] + i*strides[d]
			}
			return from
		}), nil
	}
	evaluators["slice_transpose"] = sliceTranspose
	evaluators["concat"] = concat
	evaluators["index"] = func(n *graph.Node, in []Value) (Value, error) {
		at := n.Attrs().Ints("indices")
		return move(n, in[0], func(idx []int) []int { return append(slices.Clone(at), idx...) }), nil
	}
	evaluators["index_transpose"] = func(n *graph.Node, in []Value) (Value, error) {
		out, all := New(n.Type()), n.Attrs().Ints("indices")
		m := len(all) / len(in)
		for k, piece := range in {
			for i := range piece.Len() {
				out.copyElement(flat(append(slices.Clone(all[k*m:(k+1)*m]), unflat(i, piece.Type.Shape)...), n.Shape()), piece, i)
			}
		}
		return out, nil
	}
	evaluators["gather"] = func(n *graph.Node, in []Value) (Value, error) {
		axis, rank, s := n.Attrs().Int("axis"), in[1].Type.Shape.Rank(), in[0].Type.Shape
		var err error
		out := move(n, in[0], func(idx []int) []int {
			k, e := wrapIndex(in[1].I[flat(idx[axis:axis+rank], in[1].Type.Shape)], s[axis])
			if e != nil {
				err = e
			}
			return slices.Concat(idx[:axis], []int{k}, idx[axis+rank:])
		})
		return out, err
	}
	evaluators["scatter_add"] = func(n *graph.Node, in []Value) (Value, error) {
		axis, rank, s := n.Attrs().Int("axis"), in[0].Type.Shape.Rank(), n.Shape()
		out := New(n.Type())
		for i := range in[1].Len() {
			idx := unflat(i, in[1].Type.Shape)
			k, err := wrapIndex(in[0].I[flat(idx[axis:axis+rank], in[0].Type.Shape)], s[axis])
			if err != nil {
				return Value{}, err
			}
			out.accumulate(flat(slices.Concat(idx[:axis], []int{k}, idx[axis+rank:]), s), in[1], i)
		}
		return out, nil
	}
	evaluators["iota"] = func(n *graph.Node, _ []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.Len() {
			out.setNumber(i, float64(unflat(i, n.Shape())[n.Attrs().Int("axis")]))
		}
		return out, nil
	}
	evaluators["matmul"] = matmul
}

func constant(n *graph.Node, _ []Value) (Value, error) {
	out, l := New(n.Type()), n.Literal()
	for i := range out.Len() {
		switch {
		case out.I != nil && n.DType() == graph.Int64:
			out.I[i] = int64(l.Bits(i))
		default:
			out.setNumber(i, l.Float(i))
		}
	}
	return out, nil
}

// flat is the row-major position of an index; unflat is its inverse.
func flat(idx []int, shape graph.Shape) int {
	f := 0
	for d, i := range idx {
		f = f*shape[d] + i
	}
	return f
}

func unflat(f int, shape graph.Shape) []int {
	idx := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		idx[d] = f % shape[d]
		f /= shape[d]
	}
	return idx
}

// move makes a value whose element at idx is x's element at from(idx).
func move(n *graph.Node, x Value, from func(idx []int) []int) Value {
	out := New(n.Type())
	for i := range out.Len() {
		idx := from(unflat(i, n.Shape()))
		f := flat(idx, x.Type.Shape)
		if f >= x.Len() {
			f = 0 // an index out of range, which the caller reports
		}
		out.copyElement(i, x, f)
	}
	return out
}

func (v Value) accumulate(i int, w Value, j int) {
	switch {
	case v.F != nil:
		v.F[i] += w.F[j]
	case v.I != nil:
		v.setInt(i, v.I[i]+w.I[j])
	default:
		v.B[i] = v.B[i] || w.B[j]
	}
}

func wrapIndex(i int64, extent int) (int, error) {
	k := i
	if k < 0 {
		k += int64(extent)
	}
	if k < 0 || k >= int64(extent) {
		return 0, fmt.Errorf("index %d is out of range for the extent %d", i, extent)
	}
	return int(k), nil
}

func sliceTranspose(n *graph.Node, in []Value) (Value, error) {
	out, r := New(n.Type()), n.Shape().Rank()
	starts, strides := n.Attrs().Ints("starts"), n.Attrs().Ints("strides")
	for k, piece := range in {
		for i := range piece.Len() {
			idx := unflat(i, piece.Type.Shape)
			for d := range idx {
				idx[d] = starts[k*r+d] + idx[d]*strides[k*r+d]
			}
			out.accumulate(flat(idx, n.Shape()), piece, i)
		}
	}
	return out, nil
}

func concat(n *graph.Node, in []Value) (Value, error) {
	out, axis, at := New(n.Type()), n.Attrs().Int("axis"), 0
	for _, x := range in {
		for i := range x.Len() {
			idx := unflat(i, x.Type.Shape)
			idx[axis] += at
			out.copyElement(flat(idx, n.Shape()), x, i)
		}
		at += x.Type.Shape[axis]
	}
	return out, nil
}

func matmul(n *graph.Node, in []Value) (Value, error) {
	out := New(n.Type())
	a, b := in[0], in[1]
	ta, tb, noNaN := n.Attrs().Bool("transpose_a"), n.Attrs().Bool("transpose_b"), n.Attrs().Bool("no_nan")
	at := func(x Value, transposed bool, batch []int, i, j int) int {
		s := x.Type.Shape
		r := len(s) - 2
		if transposed {
			i, j = j, i
		}
		idx := make([]int, 0, len(s))
		for d := range r {
			v := batch[len(batch)-r+d]
			if s[d] == 1 {
				v = 0
			}
			idx = append(idx, v)
		}
		return flat(append(idx, i, j), s)
	}
	inner := a.Type.Shape[len(a.Type.Shape)-1]
	if ta {
		inner = a.Type.Shape[len(a.Type.Shape)-2]
	}
	for f := range out.Len() {
		idx := unflat(f, n.Shape())
		r := len(idx) - 2
		for k := range inner {
			i, j := at(a, ta, idx[:r], idx[r], k), at(b, tb, idx[:r], k, idx[r+1])
			if out.I != nil {
				out.setInt(f, out.I[f]+a.I[i]*b.I[j])
			} else if x, y := a.F[i], b.F[j]; !noNaN || x != 0 && y != 0 {
				out.F[f] += x * y
			}
		}
	}
	return out, nil
}

// reducers fold the elements of one run.
var reducers = map[string]func(run []float64) float64{
	"reduce_sum": sum,
	"reduce_mean": func(run []float64) float64 {
		return sum(run) / float64(len(run))
	},
	"reduce_prod": func(run []float64) float64 {
		p := 1.0
		for _, v := range run {
			p *= v
		}
		return p
	},
	"reduce_max": func(run []float64) float64 {
		m := run[0]
		for _, v := range run[1:] {
			m = larger(m, v)
		}
		return m
	},
	"reduce_min": func(run []float64) float64 {
		m := -run[0]
		for _, v := range run[1:] {
			m = larger(m, -v)
		}
		return -m
	},
	"logsumexp": logSumExp,
	"reduce_any": func(run []float64) float64 {
		return larger(0, slices.Max(run))
	},
	"reduce_all": func(run []float64) float64 {
		return slices.Min(run)
	},
}

func sum(run []float64) float64 {
	s := 0.0
	for _, v := range run {
		s += v
	}
	return s
}

func logSumExp(run []float64) float64 {
	m := slices.Max(run)
	if math.IsInf(m, 0) || m != m {
		return m
	}
	s := 0.0
	for _, v := range run {
		s += math.Exp(v - m)
	}
	return m + math.Log(s)
}

// wrapping reductions of integers.
var intReducers = map[string]func(a, b int64) int64{
	"reduce_sum":  func(a, b int64) int64 { return a + b },
	"reduce_prod": func(a, b int64) int64 { return a * b },
	"reduce_max":  func(a, b int64) int64 { return max(a, b) },
	"reduce_min":  func(a, b int64) int64 { return min(a, b) },
}

// runs lists, for each result element, the operand's elements that it comes from.
func runs(shape graph.Shape, axes []int) [][]int {
	size := shape.Size()
	kept := graph.Shape{}
	for d, e := range shape {
		if !slices.Contains(axes, d) {
			kept = append(kept, e)
		}
	}
	out := make([][]int, kept.Size())
	for i := range size {
		idx := unflat(i, shape)
		var k []int
		for d, v := range idx {
			if !slices.Contains(axes, d) {
				k = append(k, v)
			}
		}
		f := flat(k, kept)
		out[f] = append(out[f], i)
	}
	return out
}

func reduction(n *graph.Node, in []Value) (Value, error) {
	out, x, name := New(n.Type()), in[0], n.Op().Name
	for f, run := range runs(x.Type.Shape, n.Attrs().Ints("axes")) {
		if x.I != nil {
			join := intReducers[name]
			acc := x.I[run[0]]
			for _, i := range run[1:] {
				acc = join(acc, x.I[i])
			}
			out.setInt(f, acc)
			continue
		}
		elems := make([]float64, len(run))
		for k, i := range run {
			elems[k] = x.Number(i)
		}
		out.setNumber(f, reducers[name](elems))
	}
	return out, nil
}

func init() {
	for name := range reducers {
		evaluators[name] = reduction
	}
	extremum := func(sign float64) func(n *graph.Node, in []Value) (Value, error) {
		return func(n *graph.Node, in []Value) (Value, error) {
			out := New(n.Type())
			for f, run := range runs(in[0].Type.Shape, []int{n.Attrs().Int("axis")}) {
				best := 0
				for k, i := range run {
					v, b := sign*in[0].Number(i), sign*in[0].Number(run[best])
					if b == b && (v != v || v > b) {
						best = k
					}
				}
				out.I[f] = int64(best)
			}
			return out, nil
		}
	}
	evaluators["argmax"], evaluators["argmin"] = extremum(1), extremum(-1)
	evaluators["softmax"] = func(n *graph.Node, in []Value) (Value, error) {
		return alongAxis(n, in[0], func(v, lse float64) float64 {
			if math.IsInf(lse, 1) {
				return math.NaN() // the shift is ∞ − ∞ at the maximum, and so is the sum
			}
			if math.IsInf(lse, -1) {
				return 0
			}
			return math.Exp(v - lse)
		}), nil
	}
	evaluators["logsumexp_derivative"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), n.Attrs().Ints("axes")) {
			elems := make([]float64, len(run))
			for k, i := range run {
				elems[k] = in[0].Number(i)
			}
			if lse := logSumExp(elems); !math.IsInf(lse, -1) {
				for k, i := range run {
					out.setNumber(i, math.Exp(elems[k]-lse))
				}
			}
		}
		return out, nil
	}
	evaluators["log_softmax"] = func(n *graph.Node, in []Value) (Value, error) {
		return alongAxis(n, in[0], logSoftmax), nil
	}
}

// logSoftmax is v − lse for an element v of a row and its logsumexp.
func logSoftmax(v, lse float64) float64 {
	switch {
	case math.IsInf(lse, 1):
		return math.NaN()
	case math.IsInf(lse, -1):
		return lse
	}
	return v - lse
}

func alongAxis(n *graph.Node, x Value, f func(v, lse float64) float64) Value {
	out := New(n.Type())
	for _, run := range runs(x.Type.Shape, []int{n.Attrs().Int("axis")}) {
		elems := make([]float64, len(run))
		for k, i := range run {
			elems[k] = x.F[i]
		}
		lse := logSumExp(elems)
		for _, i := range run {
			out.F[i] = f(x.F[i], lse)
		}
	}
	return out
}
