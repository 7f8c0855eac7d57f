package main

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// A misfit says how far computed traces are from observed ones, f[steps, receivers] both. step is the time step.
type misfit func(d, o *graph.Node, step float64) *graph.Node

// misfits by name.
var misfits = map[string]misfit{
	"l2": func(d, o *graph.Node, _ float64) *graph.Node { return half(graph.Sum(graph.Square(graph.Sub(d, o)))) },
	"l1": func(d, o *graph.Node, _ float64) *graph.Node { return graph.Sum(graph.Abs(graph.Sub(d, o))) },
	// Huber's: half the square of residuals below a tenth of the largest observed amplitude, linear beyond.
	"huber": func(d, o *graph.Node, _ float64) *graph.Node {
		at := graph.Mul(graph.ReduceMax(graph.Abs(o), nil), graph.Like(o, 0.1))
		r := graph.Abs(graph.Sub(d, o))
		return graph.Sum(graph.Where(graph.Less(r, at), half(graph.Square(r)), graph.Mul(at, graph.Sub(r, half(at)))))
	},
	// Envelopes, |d + i·H(d)| by the Hilbert transform, do not skip cycles (Wu, Luo and Wu, Geophysics 79, 2014). The power is 0.
	"envelope": func(d, o *graph.Node, _ float64) *graph.Node {
		return half(graph.Sum(graph.Square(graph.Sub(envelope(d, o), envelope(o, o)))))
	},
	// Global correlation: 1 − the cosine of the angle between traces, which does not see amplitudes (Choi and Alkhalifah, Geophys. Prosp. 60, 2012).
	"correlation": func(d, o *graph.Node, _ float64) *graph.Node {
		norm := func(x *graph.Node) *graph.Node {
			tiny := graph.Mul(graph.ReduceMax(graph.Square(o), nil), graph.Like(o, 1e-6))
			return graph.Sqrt(graph.Add(graph.ReduceSum(graph.Square(x), []int{0}), tiny))
		}
		cosine := graph.Div(graph.ReduceSum(graph.Mul(d, o), []int{0}), graph.Mul(norm(d), norm(o)))
		return graph.Sum(graph.Sub(graph.Like(cosine, 1), cosine))
	},
	// Optimal transport along each trace: the distance W₁ = ∫|F − G|dt between traces that are made distributions by adding a constant and dividing by the integral.
	"transport": func(d, o *graph.Node, step float64) *graph.Node {
		low := graph.Mul(graph.ReduceMax(graph.Abs(o), nil), graph.Like(o, 1.5))
		distribution := func(x *graph.Node) *graph.Node {
			x = graph.Softplus(graph.Div(x, low))
			sum := graph.ReduceSum(x, []int{0}, graph.KeepDims)
			return graph.Cumsum(graph.Div(x, sum), 0)
		}
		return graph.Mul(graph.Sum(graph.Abs(graph.Sub(distribution(d), distribution(o)))), graph.Like(d, step))
	},
}

func half(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Like(x, 0.5)) }

// envelope is the modulus of the analytic signal of each trace of x, smoothed where it is far below the largest amplitude of o.
func envelope(x, o *graph.Node) *graph.Node {
	n := x.Shape()[0]
	f := graph.RFFT(x, 0) // [⌊n/2⌋+1, receivers, 2]
	half := f.Shape()[0]
	last := half - 1 // of n real numbers that are even, the last coefficient is its own conjugate
	if n%2 == 1 {
		last = half
	}
	whole := graph.Range{Limit: graph.All}
	part := func(k int) *graph.Node {
		return graph.Slice(f, graph.Range{Start: 1, Limit: last}, whole, graph.Range{Start: k, Limit: k + 1})
	}
	turned := graph.Concat(2, part(1), graph.Neg(part(0))) // times −i
	turned = graph.Pad(turned, []int{1, 0, 0}, []int{half - last, 0, 0}, 0)
	h := graph.IRFFT(turned, n, 0)
	tiny := graph.Mul(graph.ReduceMax(graph.Square(o), nil), graph.Like(o, 1e-8))
	return graph.Sqrt(graph.Add(graph.Add(graph.Square(x), graph.Square(h)), tiny))
}

// misfitOf returns a misfit by its name.
func misfitOf(name string) (misfit, error) {
	if m := misfits[name]; m != nil {
		return m, nil
	}
	var names []string
	for n := range misfits {
		names = append(names, n)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("no misfit is named %q: there are %q", name, names)
}

// roughness is a regularisation of the model v f[NZ, NX]: Σ½(∇v)² (Tikhonov), or with a scale Σ√((∇v)² + scale²) − scale (total variation, smooth near 0), by differences between neighbours, in the unit of v.
func roughness(v *graph.Node, scale float64) *graph.Node {
	s := v.Shape()
	along := func(axis int) *graph.Node {
		from, to := make([]graph.Range, 2), make([]graph.Range, 2)
		for d := range from {
			from[d], to[d] = graph.Range{Limit: s[d] - 1}, graph.Range{Limit: s[d] - 1}
		}
		to[axis] = graph.Range{Start: 1, Limit: s[axis]}
		return graph.Square(graph.Sub(graph.Slice(v, to...), graph.Slice(v, from...)))
	}
	square := graph.Add(along(0), along(1))
	if scale == 0 {
		return half(graph.Sum(square))
	}
	return graph.Sum(graph.Sub(graph.Sqrt(graph.Add(square, graph.Like(v, scale*scale))), graph.Like(v, scale)))
}
