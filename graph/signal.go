package graph

import (
	"fmt"
	"math"
	"slices"
)

// windowPhase returns t = (2k − m)/m for k = 0 … n − 1, where m is n for a periodic window, which continues itself, and n − 1 for one that ends as it begins. A single element is 0.
func windowPhase(g *Graph, d DType, n int, periodic bool) *Node {
	m := n - 1
	if periodic {
		m = n
	}
	k := Iota(g, d, 0, n)
	if n == 1 || !k.Valid() {
		return Mul(k, Like(k, 0))
	}
	return Div(Sub(Mul(Like(k, 2), k), Like(k, float64(m))), Like(k, float64(m)))
}

// cosineWindow is Σ cⱼ·cos jπt.
func cosineWindow(t *Node, c ...float64) *Node {
	if !t.Valid() {
		return t
	}
	sum := Like(t, c[0])
	for j := 1; j < len(c); j++ {
		sum = Add(sum, Mul(Like(t, c[j]), Cos(Mul(t, Like(t, float64(j)*math.Pi)))))
	}
	return sum
}

// HannWindow returns a window of n elements, ½ + ½·cos πt for t from −1 to 1: as numpy.hanning, or with periodic as torch.hann_window.
func HannWindow(g *Graph, d DType, n int, periodic bool) *Node {
	return cosineWindow(windowPhase(g, d, n, periodic), 0.5, 0.5)
}

// HammingWindow returns a window of n elements, 0.54 + 0.46·cos πt for t from −1 to 1: as numpy.hamming, or with periodic as torch.hamming_window.
func HammingWindow(g *Graph, d DType, n int, periodic bool) *Node {
	return cosineWindow(windowPhase(g, d, n, periodic), 0.54, 0.46)
}

// BlackmanWindow returns a window of n elements, 0.42 + 0.5·cos πt + 0.08·cos 2πt for t from −1 to 1: as numpy.blackman, or with periodic as torch.blackman_window.
func BlackmanWindow(g *Graph, d DType, n int, periodic bool) *Node {
	return cosineWindow(windowPhase(g, d, n, periodic), 0.42, 0.5, 0.08)
}

// BartlettWindow returns a window of n elements, 1 − |t| for t from −1 to 1: as numpy.bartlett, or with periodic as torch.bartlett_window.
func BartlettWindow(g *Graph, d DType, n int, periodic bool) *Node {
	t := windowPhase(g, d, n, periodic)
	if !t.Valid() {
		return t
	}
	return Sub(Like(t, 1), Abs(t))
}

// KaiserWindow returns a window of n elements, I₀(β·√(1−t²))/I₀(β) for t from −1 to 1 and a scalar β ≥ 0: as numpy.kaiser, or with periodic as torch.kaiser_window.
func KaiserWindow(beta *Node, n int, periodic bool) *Node {
	if !beta.Valid() {
		return beta
	}
	if beta.typ.Shape.Rank() != 0 {
		return beta.g.Fail("kaiser_window", fmt.Errorf("β is %v: needs a scalar", beta.typ))
	}
	t := windowPhase(beta.g, beta.typ.DType, n, periodic)
	if !t.Valid() {
		return t
	}
	a := Mul(beta, Sqrt(Sub(Like(t, 1), Square(t))))
	return Mul(Div(BesselI0e(a), BesselI0e(beta)), Exp(Sub(a, beta))) // I₀ itself may overflow
}

// frames returns the positions in a signal of n samples of the frames of so many samples, hop apart, that lie within it.
func frames(x, window *Node, n, hop int) (positions *Node, count int, err error) {
	switch {
	case window.typ.Shape.Rank() != 1 || window.typ.Shape[0] == 0:
		return nil, 0, fmt.Errorf("the window is %v: needs one dimension, with elements", window.typ)
	case window.typ.DType != x.typ.DType:
		return nil, 0, fmt.Errorf("the window is %v and the signal %v", window.typ, x.typ)
	case hop < 1:
		return nil, 0, fmt.Errorf("the frames are %d samples apart: needs 1 or more", hop)
	}
	size := window.typ.Shape[0]
	if n < size {
		return nil, 0, fmt.Errorf("%d samples are less than a frame, of %d", n, size)
	}
	count = 1 + (n-size)/hop
	at := make([]int64, 0, count*size)
	for f := range count {
		for k := range size {
			at = append(at, int64(f*hop+k))
		}
	}
	return Constant(x.g, at, count, size), count, nil
}

// STFT returns the short-time Fourier transform of the real signals along the last dimension of x: their frames of as many samples as the window has, hop apart, times the window,
// transformed: [… frames, size/2 + 1, 2], pairs of real and imaginary parts. With centered, frame k has its middle at sample k·hop of the signal, which is reflected at its ends
// (torch.stft, which has frames last); without, it begins there (ONNX).
func STFT(x, window *Node, hop int, centered bool) *Node {
	if !x.Valid() || !window.Valid() {
		return apply2(opMul, x, window)
	}
	rank := x.typ.Shape.Rank()
	if rank == 0 {
		return x.g.Fail("stft", fmt.Errorf("the signal is %v: needs a dimension", x.typ))
	}
	if centered && window.typ.Shape.Rank() == 1 {
		ends := make([]int, rank)
		ends[rank-1] = window.typ.Shape[0] / 2
		if x = PadMode(x, ends, ends, "reflect"); !x.Valid() {
			return x
		}
	}
	positions, _, err := frames(x, window, x.typ.Shape[rank-1], hop)
	if err != nil {
		return x.g.Fail("stft", err)
	}
	return RFFT(Mul(Gather(x, positions, -1), window), rank)
}

// ISTFT returns the n samples of the signals whose STFT y is: what the frames, transformed back and weighted by the window, add up to, divided by what the squares of the windows do.
// Samples under no window, or only under zeros of it, are 0.
func ISTFT(y, window *Node, hop, n int, centered bool) *Node {
	if !y.Valid() || !window.Valid() {
		return apply2(opMul, y, window)
	}
	rank := y.typ.Shape.Rank()
	if rank < 3 || window.typ.Shape.Rank() != 1 {
		return y.g.Fail("istft", fmt.Errorf("the operands are %v and %v: needs [… frames, size/2 + 1, 2] and [size]", y.typ, window.typ))
	}
	size, count := window.typ.Shape[0], y.typ.Shape[rank-3]
	total := size + (count-1)*max(hop, 0)
	begin := 0
	if centered {
		begin = size / 2
	}
	positions, made, err := frames(y, window, max(total, 0), hop)
	switch {
	case err != nil:
		return y.g.Fail("istft", err)
	case made != count || y.typ.Shape[rank-2] != size/2+1:
		return y.g.Fail("istft", fmt.Errorf("the transforms are %v: need [… frames, %d, 2]", y.typ, size/2+1))
	case n < 0 || begin+n > total:
		return y.g.Fail("istft", fmt.Errorf("%d samples: the frames have %d", n, total-begin))
	}
	shape := append(slices.Clone(y.typ.Shape[:rank-3]), total)
	sum := ScatterAdd(positions, Mul(IRFFT(y, size, rank-2), window), rank-3, shape...)
	weight := ScatterAdd(positions, BroadcastTo(Square(window), count, size), 0, total)
	weight = Where(Equal(weight, Like(weight, 0)), Like(weight, 1), weight)
	return sliceAxis(Div(sum, weight), rank-3, begin, begin+n)
}
