package ref

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	evaluators["interp"] = func(n *graph.Node, in []Value) (Value, error) {
		out, xp, fp := New(n.Type()), in[1].F, in[2].F
		for i, x := range in[0].F {
			k := 0
			for k < len(xp)-2 && x >= xp[k+1] {
				k++
			}
			switch {
			case x < xp[0]:
				out.F[i] = fp[0]
			case x > xp[len(xp)-1]:
				out.F[i] = fp[len(fp)-1]
			default:
				out.F[i] = fp[k] + (x-xp[k])*(fp[k+1]-fp[k])/(xp[k+1]-xp[k])
			}
		}
		return out, nil
	}
	evaluators["bspline"] = func(n *graph.Node, in []Value) (Value, error) {
		out, c := New(n.Type()), in[1].F
		last := len(c) - 1
		at := func(k int) float64 {
			switch k {
			case -1:
				return 2*c[0] - c[1]
			case last + 1:
				return 2*c[last] - c[last-1]
			}
			return c[k]
		}
		low, high := n.Attrs().Float("low"), n.Attrs().Float("high")
		for i, x := range in[0].F {
			t := (x - low) / (high - low) * float64(last)
			if t != t {
				out.F[i] = t
				continue
			}
			k := int(max(0, min(math.Floor(t), float64(last-1))))
			// The cubic through the values and slopes of the spline at both ends of the piece.
			f0, f1 := (at(k-1)+4*at(k)+at(k+1))/6, (at(k)+4*at(k+1)+at(k+2))/6
			m0, m1 := (at(k+1)-at(k-1))/2, (at(k+2)-at(k))/2
			u := t - float64(k)
			out.F[i] = f0 + u*(m0+u*((3*(f1-f0)-2*m0-m1)+u*(2*(f0-f1)+m0+m1)))
		}
		return out, nil
	}
	evaluators["bspline_coefficients"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for _, run := range runs(n.Shape(), []int{n.Attrs().Int("axis")}) {
			for _, i := range run {
				out.F[i] = in[0].F[i]
			}
			// Gauss and Seidel's iteration halves the error at least.
			for range 200 {
				for k := 1; k < len(run)-1; k++ {
					out.F[run[k]] = (6*in[0].F[run[k]] - out.F[run[k-1]] - out.F[run[k+1]]) / 4
				}
			}
		}
		return out, nil
	}
}
