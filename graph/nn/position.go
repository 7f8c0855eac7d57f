package nn

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// maxTable bounds the elements of constants that layers make.
const maxTable = 1 << 26

// Sinusoidal returns the constant positional encodings [length, width] of Vaswani et al. 2017: sin(p/10000^(2i/width)) in column 2i of row p, and the cosine of the same angle in column 2i + 1. They are added to embeddings.
func Sinusoidal(s *Scope, length, width int) *graph.Node {
	s = s.ready()
	if length < 1 || width < 1 || length > graph.MaxElements/width {
		return s.fail("sinusoidal", "%d positions of the width %d", length, width)
	}
	if length > maxTable/width {
		return s.fail("sinusoidal", "%d positions of the width %d are more than %d elements", length, width, maxTable)
	}
	v := make([]float64, length*width)
	for p := range length {
		for i := range width {
			angle := float64(p) * math.Pow(10000, -float64(i/2*2)/float64(width))
			if i%2 == 0 {
				v[p*width+i] = math.Sin(angle)
			} else {
				v[p*width+i] = math.Cos(angle)
			}
		}
	}
	return graph.Cast(graph.Constant(s.all.g, v, length, width), s.all.dtype)
}

// Positions returns the first length rows of the parameter weight [capacity, width], learned positional encodings from the normal distribution of deviation 0.02: [length, width].
func Positions(s *Scope, length, capacity, width int, opts ...Option) *graph.Node {
	s = s.ready()
	if length < 1 || length > capacity {
		return s.fail("positions", "%d of %d positions", length, capacity)
	}
	o := optionsOf(opts, Normal(0, 0.02), nil)
	return s.group(func() *node {
		return graph.Slice(s.Parameter("weight", o.weight, capacity, width), graph.Range{Limit: length})
	})
}

// Rotary turns the pairs of elements i and i + D/2 of x […, L, D], D even, by the angle p·base^(−2i/D) for the positions p, an integer vector [L] (Su et al. 2021, with halves as pairs, as GPT-NeoX and LLaMA have them): products of queries
// and keys then depend on differences of positions.
func Rotary(x, positions *graph.Node, base float64) *graph.Node {
	if !x.Valid() {
		return x
	}
	if !positions.Valid() {
		return positions
	}
	shape := x.Shape()
	rank := shape.Rank()
	if rank < 2 || shape[rank-1]%2 != 0 || !positions.Shape().Equal(shape[rank-2:rank-1]) || !(base > 0) {
		return failOf(x, "rotary", "%v at positions %v, base %v: needs […, L, D] with D even, and L positions", x.Type(), positions.Type(), base)
	}
	half := shape[rank-1] / 2
	if half > maxTable {
		return failOf(x, "rotary", "%v has more than %d pairs of elements", x.Type(), maxTable)
	}
	rate := make([]float64, half)
	for i := range rate {
		rate[i] = math.Pow(base, -float64(i)/float64(half))
	}
	angle := graph.Mul(graph.Reshape(graph.Cast(positions, graph.Float64), -1, 1), graph.Constant(x.Graph(), rate, half))
	cos, sin := graph.Cast(graph.Cos(angle), x.DType()), graph.Cast(graph.Sin(angle), x.DType())
	parts := graph.Split(x, rank-1, half, half)
	a, b := parts[0], parts[1]
	return graph.Concat(rank-1, graph.Sub(graph.Mul(a, cos), graph.Mul(b, sin)), graph.Add(graph.Mul(b, cos), graph.Mul(a, sin)))
}
