package onnx

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// spectral are Fourier transforms and windows.
var spectral = []operator{
	{name: "BlackmanWindow", in: windowOf(0.42, 0.5, 0.08)},
	{name: "DFT", in: dft},
	{name: "HammingWindow", in: windowOf(25.0/46, 21.0/46, 0)},
	{name: "HannWindow", in: windowOf(0.5, 0.5, 0)},
	{name: "MelWeightMatrix", in: melWeights},
	{name: "STFT", in: stft},
}

// windowOf makes a − b·cos(2πi/n) + c·cos(4πi/n).
func windowOf(a, b, e float64) func(c *call) []value {
	return func(c *call) []value {
		n := int(c.scalarOf(0, "the size", 0))
		if n < 1 || n > 1<<24 {
			c.fail("a size of %d", n)
		}
		k := c.kindAttr("output_datatype", kindFloat)
		period := float64(n)
		if !c.bool("periodic", true) {
			period = float64(n - 1)
		}
		v := make([]float64, n)
		for i := range v {
			t := 2 * math.Pi * float64(i) / period
			v[i] = a - b*math.Cos(t) + e*math.Cos(2*t)
		}
		return c.as(k, graph.Cast(graph.Constant(c.g(), v, n), k.dtype()))
	}
}

// fit cuts or pads with zeros to an extent along an axis.
func fit(x *graph.Node, axis, extent int) *graph.Node {
	if n := x.Shape()[axis]; extent < n {
		return along(x, axis, 0, extent)
	} else if extent > n {
		low, high := make([]int, x.Shape().Rank()), make([]int, x.Shape().Rank())
		high[axis] = extent - n
		return graph.Pad(x, low, high, 0)
	}
	return x
}

// complexOf returns x [… 1] or [… 2] as pairs.
func complexOf(x *graph.Node) *graph.Node {
	last := x.Shape().Rank() - 1
	if x.Shape()[last] == 2 {
		return x
	}
	return fit(x, last, 2)
}

func dft(c *call) []value {
	x := c.x(0)
	s := x.Shape()
	c.need(x, 2)
	if e := s[len(s)-1]; e != 1 && e != 2 {
		c.fail("the last dimension of %v has neither real numbers nor pairs", x.Type())
	}
	axis := c.int("axis", 1)
	if c.version >= 20 {
		axis = int(c.scalarOf(2, "the axis", -2))
	}
	axis = c.axis(axis, len(s))
	if axis == len(s)-1 {
		c.fail("along the dimension of pairs")
	}
	onesided, inverse := c.bool("onesided", false), c.bool("inverse", false)
	n := s[axis]
	if c.has(1) {
		n = int(c.scalarOf(1, "the length", 0))
	} else if onesided && inverse {
		n = 2 * (s[axis] - 1)
	}
	if n < 1 || n > graph.MaxElements/2 {
		c.fail("a length of %d", n)
	}
	switch {
	case onesided && inverse:
		x = fit(complexOf(x), axis, n/2+1)
		return c.out(graph.ExpandDims(graph.IRFFT(x, n, axis), len(s)-1))
	case onesided:
		if s[len(s)-1] != 1 {
			c.fail("one side of the spectrum of complex numbers")
		}
		return c.out(graph.RFFT(graph.Squeeze(fit(x, axis, n), len(s)-1), axis))
	}
	x = fit(complexOf(x), axis, n)
	if inverse {
		return c.out(graph.IFFT(x, axis))
	}
	return c.out(graph.FFT(x, axis))
}

func stft(c *call) []value {
	x := c.x(0) // [batch, length] with 1 or 2 behind
	s := x.Shape()
	if len(s) == 2 {
		x, s = graph.ExpandDims(x, 2), append(slices.Clone(s), 1)
	}
	if len(s) != 3 || s[2] > 2 {
		c.fail("a signal %v", x.Type())
	}
	step := int(c.scalarOf(1, "the step", 0))
	n := 0
	if c.has(2) {
		n = c.x(2).Shape().Size()
	}
	if c.has(3) {
		n = int(c.scalarOf(3, "the length of frames", 0))
	}
	if step < 1 || n < 1 || n > s[1] {
		c.fail("frames of %d with steps of %d in %v", n, step, x.Type())
	}
	frames := (s[1]-n)/step + 1
	at := make([]int, 0, frames*n)
	for f := range frames {
		for i := range n {
			at = append(at, f*step+i)
		}
	}
	y := graph.Gather(x, graph.Constant(c.g(), at, frames, n), 1) // [batch, frames, n, 1 or 2]
	if c.has(2) {
		y = graph.Mul(y, graph.Reshape(c.x(2), n, 1))
	}
	if c.bool("onesided", true) && s[2] == 1 {
		return c.out(graph.RFFT(graph.Squeeze(y, 3), 2))
	}
	return c.out(graph.FFT(complexOf(y), 2))
}

func melWeights(c *call) []value {
	bins, length, rate := int(c.scalarOf(0, "the number of bins", 0)), int(c.scalarOf(1, "the length", 0)), int(c.scalarOf(2, "the rate", 0))
	low, high := c.scalarOf(3, "the lower edge", 0), c.scalarOf(4, "the upper edge", 0)
	rows := length/2 + 1
	if bins < 1 || bins > 1<<20 || length < 0 || rate < 1 || rows > (1<<26)/bins {
		c.fail("%d bins of a length of %d", bins, length)
	}
	mel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	from, step := mel(low), (mel(high)-mel(low))/float64(bins+2)
	edges := make([]int, bins+2)
	for i := range edges {
		hertz := 700 * (math.Pow(10, (float64(i)*step+from)/2595) - 1)
		edges[i] = int(math.Floor(float64(length+1) * hertz / float64(rate)))
		if edges[i] < 0 || edges[i] > 1<<26 {
			c.fail("edges at %v and %v", low, high)
		}
	}
	v := make([]float64, rows*bins)
	set := func(i, j int, x float64) {
		if i < rows {
			v[i*bins+j] = x
		}
	}
	for j := range bins {
		a, b, e := edges[j], edges[j+1], edges[j+2]
		if a == b {
			set(b, j, 1)
		} else {
			for i := a; i <= b; i++ {
				set(i, j, float64(i-a)/float64(b-a))
			}
		}
		if e != b {
			for i := b; i < e; i++ {
				set(i, j, float64(e-i)/float64(e-b))
			}
		}
	}
	k := c.kindAttr("output_datatype", kindFloat)
	return c.as(k, graph.Cast(graph.Constant(c.g(), v, rows, bins), k.dtype()))
}
