package ref

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	floatOps["sigmoid_cross_entropy"] = func(a []float64) float64 {
		softplus := floatOps["softplus"]
		return timesOrZero(softplus([]float64{-a[0]}), a[1]) + timesOrZero(softplus(a[:1]), 1-a[1])
	}
	withAttrs("huber", func(n *graph.Node, a []float64) float64 {
		d, delta := math.Abs(a[0]-a[1]), n.Attrs().Float("delta")
		if d <= delta {
			return d * d / 2
		}
		return delta * (d - delta/2)
	})
	evaluators["layer_norm"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), n.Attrs().Ints("axes")) {
			mean, v := 0.0, 0.0
			for _, i := range run {
				mean += in[0].F[i] / float64(len(run))
			}
			for _, i := range run {
				v += (in[0].F[i] - mean) * (in[0].F[i] - mean) / float64(len(run))
			}
			for _, i := range run {
				s, b := in[1].F[broadcastAt(i, n.Shape(), in[1].Type.Shape)], in[2].F[broadcastAt(i, n.Shape(), in[2].Type.Shape)]
				out.F[i] = (in[0].F[i]-mean)/math.Sqrt(v+n.Attrs().Float("epsilon"))*s + b
			}
		}
		return out, nil
	}
	evaluators["rms_norm"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), n.Attrs().Ints("axes")) {
			v := 0.0
			for _, i := range run {
				v += in[0].F[i] * in[0].F[i] / float64(len(run))
			}
			for _, i := range run {
				out.F[i] = in[0].F[i] / math.Sqrt(v+n.Attrs().Float("epsilon")) * in[1].F[broadcastAt(i, n.Shape(), in[1].Type.Shape)]
			}
		}
		return out, nil
	}
	evaluators["batch_norm"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.Len() {
			c := unflat(i, n.Shape())[n.Attrs().Int("axis")]
			out.F[i] = (in[0].F[i]-in[3].F[c])/math.Sqrt(in[4].F[c]+n.Attrs().Float("epsilon"))*in[1].F[c] + in[2].F[c]
		}
		return out, nil
	}
	evaluators["cross_entropy"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for f, run := range runs(in[0].Type.Shape, []int{n.Attrs().Int("axis")}) {
			k := in[1].I[f]
			if k < 0 || k >= int64(len(run)) {
				return Value{}, fmt.Errorf("index %d is out of range", k)
			}
			out.F[f] = -logSoftmax(in[0].F[run[k]], logSumExp(pick(in[0], run)))
		}
		return out, nil
	}
	evaluators["softmax_cross_entropy"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for f, run := range runs(in[0].Type.Shape, []int{n.Attrs().Int("axis")}) {
			lse := logSumExp(pick(in[0], run))
			for _, i := range run {
				if in[1].F[i] != 0 {
					out.F[f] -= in[1].F[i] * logSoftmax(in[0].F[i], lse)
				}
			}
		}
		return out, nil
	}
	evaluators["mse"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		s, err := graph.BroadcastShapes(in[0].Type.Shape, in[1].Type.Shape)
		for i := range s.Size() {
			d := in[0].F[broadcastAt(i, s, in[0].Type.Shape)] - in[1].F[broadcastAt(i, s, in[1].Type.Shape)]
			out.F[0] += d * d / float64(s.Size())
		}
		return out, err
	}
	evaluators["attention"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		// wide repeats an operand along the leading dimensions.
		wide := func(x Value) Value {
			t, r := x.Type, len(x.Type.Shape)
			t.Shape = append(slices.Clone(n.Shape()[:len(n.Shape())-2]), x.Type.Shape[r-2:]...)
			y := New(t)
			for i := range y.Len() {
				y.copyElement(i, x, broadcastAt(i, t.Shape, x.Type.Shape))
			}
			return y
		}
		q, k, v := wide(in[0]), wide(in[1]), wide(in[2])
		qs, vs := q.Type.Shape, v.Type.Shape
		r := len(qs)
		l, d, s, e := qs[r-2], qs[r-1], vs[r-2], vs[r-1]
		full := append(append(graph.Shape{}, qs[:r-1]...), s)
		for row := range qs[:r-1].Size() { // a query
			batch, i := row/l, row%l
			var weights, values []float64
			var keys []int
			for j := range s {
				seen, bias := !n.Attrs().Bool("causal") || j <= i+s-l, 0.0
				if len(in) == 4 {
					at := broadcastAt(row*s+j, full, in[3].Type.Shape)
					if in[3].B != nil {
						seen = seen && in[3].B[at]
					} else if bias = in[3].F[at]; math.IsInf(bias, -1) {
						seen = false
					}
				}
				if !seen {
					continue
				}
				dot := 0.0
				for m := range d {
					dot += q.F[row*d+m] * k.F[(batch*s+j)*d+m]
				}
				weights, keys = append(weights, dot*n.Attrs().Float("scale")+bias), append(keys, j)
			}
			if len(keys) == 0 {
				continue
			}
			lse := logSumExp(weights)
			values = out.F[row*e : (row+1)*e]
			for m, j := range keys {
				for c := range e {
					values[c] += math.Exp(weights[m]-lse) * v.F[(batch*s+j)*e+c]
				}
			}
		}
		return out, nil
	}
}

func pick(x Value, run []int) []float64 {
	elems := make([]float64, len(run))
	for k, i := range run {
		elems[k] = x.F[i]
	}
	return elems
}
