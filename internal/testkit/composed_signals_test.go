package testkit

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

type (
	checker func(name string, tol float64, f func(x []*graph.Node) *graph.Node, operands ...ref.Value)
	waves   func(scale, shift float64, shape ...int) ref.Value
)

// composedSignals compares windows, short-time transforms, counts and what else works on signals.
func composedSignals(check checker, wave waves, vector func(v ...float64) ref.Value) {
	type node = *graph.Node
	windows := map[string]func(g *graph.Graph, d graph.DType, n int, periodic bool) node{
		"hann": graph.HannWindow, "hamming": graph.HammingWindow, "blackman": graph.BlackmanWindow, "bartlett": graph.BartlettWindow}
	zero := vector(0) // the graph's only input, from which windows take nothing
	for name, f := range windows {
		check("periodic "+name, 1e-15, func(x []node) node { return f(x[0].Graph(), graph.Float64, 8, true) }, zero)
		if name == "hann" {
			name = "hanning"
		}
		for _, n := range []int{1, 8, 9} {
			check(fmt.Sprintf("%s %d", name, n), 1e-15, func(x []node) node { return f(x[0].Graph(), graph.Float64, n, false) }, zero)
		}
	}
	kaiser := func(beta float64, n int, periodic bool) func(x []node) node {
		return func(x []node) node { return graph.KaiserWindow(x[0].Graph().Const(beta), n, periodic) }
	}
	for _, n := range []int{1, 8, 9} {
		check(fmt.Sprintf("kaiser %d", n), 1e-14, kaiser(8.5, n, false), zero)
	}
	check("periodic kaiser", 1e-14, kaiser(12, 8, true), zero)

	sound, window := wave(2, 0, 2, 23), func(x node) node { return graph.HannWindow(x.Graph(), graph.Float64, 8, true) }
	hann := vector(0, 0, 0, 0, 0, 0, 0, 0)
	for k := range hann.F {
		hann.F[k] = 0.6 - 0.5*math.Cos(math.Pi/4*float64(k))
	}
	check("stft", 1e-13, func(x []node) node { return graph.STFT(x[0], x[1], 3, false) }, sound, hann)
	check("stft centered", 1e-13, func(x []node) node { return graph.STFT(x[0], window(x[0]), 3, true) }, sound)
	check("istft centered", 1e-13, func(x []node) node { return graph.ISTFT(x[0], window(x[0]), 3, 20, true) }, wave(2, 0, 8, 5, 2))

	ends := []float64{-1.5, -0.5, 0, 0.7, 1.25}
	sample := append(wave(2, 0, 40).F, ends[0], ends[4], ends[2], math.NaN(), math.Inf(1), math.Inf(-1))
	edges := func(x node) node { return graph.Constant(x.Graph(), ends, 5) }
	check("histogram", 0, func(x []node) node { return graph.Cast(graph.Histogram(x[0], edges(x[0]), nil), graph.Float64) }, vector(sample...))
	weights := make([]float64, len(sample))
	for i := range weights {
		weights[i] = math.Sin(float64(i))
	}
	check("histogram of weights", 1e-14, func(x []node) node { return graph.Histogram(x[0], edges(x[0]), x[1]) }, vector(sample...), vector(weights...))
	often := wave(2.4, 0, 5, 9)
	for i, v := range often.F {
		often.F[i] = math.RoundToEven(v)
	}
	for axis := range 2 {
		check(fmt.Sprintf("mode %d", axis), 0, func(x []node) node {
			v, n := graph.Mode(x[0], axis)
			return graph.Stack(0, v, graph.Cast(n, graph.Float64))
		}, often)
	}
	for _, size := range []int{3, 4} {
		check(fmt.Sprintf("local_response_norm %d", size), 1e-14, func(x []node) node {
			return graph.LocalResponseNorm(x[0], size, size/2, 1, 0.3, 0.6, 1.5)
		}, wave(2, 0, 2, 5, 3))
	}
	table := wave(2, 0, 6, 3)
	bag := func(mode string) func(x []node) node {
		return func(x []node) node {
			g := x[0].Graph()
			var weights node
			if len(x) > 1 {
				weights = x[1]
			}
			return graph.EmbeddingBag(x[0], graph.Constant(g, []int64{1, 4, 4, 0, 5, 2}, 6), graph.Constant(g, []int64{0, 0, 2, 2, 2, 3}, 6), weights, 4, mode)
		}
	}
	for _, mode := range []string{"sum", "mean", "max"} {
		check("embedding_bag "+mode, 1e-15, bag(mode), table)
	}
	check("embedding_bag weights", 1e-14, bag("sum"), table, wave(2, 0, 6))
}

// composedComplex compares complex numbers, and the gradient's convention with JAX's.
func composedComplex(check checker, wave waves, vector func(v ...float64) ref.Value) {
	type (
		node    = *graph.Node
		complex = graph.Complex
	)
	a, b, c, d := wave(2, 0, 2, 3), wave(2, 1, 2, 3), wave(2, 2, 2, 3), wave(2, 3, 2, 3)
	for name, f := range map[string]func(z, w complex) complex{
		"mul": complex.Mul, "div": complex.Div, "add": complex.Add, "sub": complex.Sub,
		"matmul": func(z, w complex) complex {
			return z.MatMul(complex{Re: graph.Transpose(w.Re), Im: graph.Transpose(w.Im)}.Conj())
		},
	} {
		check("complex "+name, 1e-14, func(x []node) node { return f(complex{Re: x[0], Im: x[1]}, complex{Re: x[2], Im: x[3]}).Pairs() }, a, b, c, d)
	}
	for name, f := range map[string]func(z complex) complex{
		"conj": complex.Conj, "neg": complex.Neg, "exp": complex.Exp, "log": complex.Log, "sqrt": complex.Sqrt,
		"fft": func(z complex) complex { return z.FFT() }, "ifft2": func(z complex) complex { return z.IFFT(0, 1) },
		"scale": func(z complex) complex { return z.Scale(graph.Like(z.Re, 2.5)) },
	} {
		check("complex "+name, 2e-14, func(x []node) node { return f(complex{Re: x[0], Im: x[1]}).Pairs() }, a, b)
	}
	check("complex abs", 1e-14, func(x []node) node { return complex{Re: x[0], Im: x[1]}.Abs() }, a, b)
	check("complex angle", 1e-14, func(x []node) node { return complex{Re: x[0], Im: x[1]}.Angle() }, a, b)
	r := wave(2, 0, 2, 3)
	for i, v := range r.F {
		r.F[i] = math.Abs(v)
	}
	check("complex polar", 1e-14, func(x []node) node { return graph.Polar(x[0], x[1]).Pairs() }, r, b)
	re := vector(3e-300, -3e200, 1e-9, 1, -1, -4, 0.5)
	im := vector(4e-300, 1e200, 1, 1e-9, math.Copysign(0, -1), 0, -0.8660254037844386)
	check("complex log of extremes", 3e-16, func(x []node) node { return complex{Re: x[0], Im: x[1]}.Log().Pairs() }, re, im)
	check("complex sqrt of extremes", 1e-15, func(x []node) node { return complex{Re: x[0], Im: x[1]}.Sqrt().Pairs() }, re, im)
	check("complex square over of extremes", 1e-15, func(x []node) node {
		z := complex{Re: x[0], Im: x[1]}
		return z.Scale(graph.Like(x[0], 0.5)).Div(z).Pairs()
	}, re, im)
	check("complex gradient of JAX", 1e-14, func(x []node) node {
		z := graph.ComplexPairs(graph.Stack(-1, x[0], x[1]))
		l := graph.Sum(z.Exp().Mul(graph.RealNumbers(z.Abs())).Re)
		d, err := compile.Gradient(l, x...)
		if err != nil {
			return l
		}
		return complex{Re: d[0], Im: graph.Neg(d[1])}.Pairs()
	}, vector(1, -0.5), vector(2, 0.3))
}
