package nn

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Conv returns the convolution of x [N, C, spatial], of 1 to 3 spatial dimensions, with out filters of the given size: graph.Conv with the parameters weight [out, C/groups, size] and bias [out], uniform between ∓1/√n for
// the n inputs of a filter. x may lack N, and then the result does.
func Conv(s *Scope, x *graph.Node, out int, size []int, window graph.Window, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() == len(size)+1 {
		return withoutBatch(Conv(s, graph.ExpandDims(x, 0), out, size, window, opts...), 0)
	}
	groups := max(window.Groups, 1)
	if x.Shape().Rank() != len(size)+2 || out < 1 {
		return s.fail("conv", "%v, %d filters of size %v: needs [N, C, spatial] and a filter", x.Type(), out, size)
	}
	if x.Shape()[1]%groups != 0 || out%groups != 0 {
		return s.fail("conv", "%d channels and %d filters in %d groups", x.Shape()[1], out, groups)
	}
	shape := append([]int{out, x.Shape()[1] / groups}, size...)
	in, _ := Fans(shape)
	o := optionsOf(opts, fanUniform(max(in, 1)), fanUniform(max(in, 1)))
	return s.group(func() *node {
		return s.withChannelBias(graph.Conv(x, s.Parameter("weight", o.weight, shape...), window), out, o)
	})
}

// ConvTranspose returns the transposed convolution of x [N, C, spatial] to out channels: graph.ConvTranspose with the parameters weight [C, out/groups, size] and bias [out], uniform between ∓1/√n for the n = out/groups·size
// elements of a filter. x may lack N, and then the result does.
func ConvTranspose(s *Scope, x *graph.Node, out int, size []int, window graph.Window, outputPadding []int, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() == len(size)+1 {
		return withoutBatch(ConvTranspose(s, graph.ExpandDims(x, 0), out, size, window, outputPadding, opts...), 0)
	}
	groups := max(window.Groups, 1)
	if x.Shape().Rank() != len(size)+2 || out < 1 {
		return s.fail("conv_transpose", "%v, %d filters of size %v: needs [N, C, spatial] and a filter", x.Type(), out, size)
	}
	if out%groups != 0 {
		return s.fail("conv_transpose", "%d channels in %d groups", out, groups)
	}
	shape := append([]int{x.Shape()[1], out / groups}, size...)
	in, _ := Fans(shape)
	o := optionsOf(opts, fanUniform(max(in, 1)), fanUniform(max(in, 1)))
	return s.group(func() *node {
		return s.withChannelBias(graph.ConvTranspose(x, s.Parameter("weight", o.weight, shape...), window, outputPadding...), out, o)
	})
}

// withoutBatch is the one element of a batch, whose dimension is the axis.
func withoutBatch(x *node, axis int) *node {
	if !x.Valid() {
		return x
	}
	return graph.Squeeze(x, axis)
}

// withChannelBias adds the parameter bias to y [N, out, spatial].
func (s *Scope) withChannelBias(y *node, out int, o options) *node {
	if o.noBias || !y.Valid() {
		return y
	}
	return graph.Add(y, alongChannels(y, s.Parameter("bias", o.bias, out)))
}

// alongChannels gives a vector the shape that broadcasts along dimension 1 of x.
func alongChannels(x, v *node) *node {
	shape := slices.Repeat([]int{1}, x.Shape().Rank()-1)
	if shape[0] = -1; !v.Valid() {
		return v
	}
	return graph.Reshape(v, shape...)
}

// spatialAxes are the dimensions of x behind the first two; none, with a mistake on record, if there are none.
func spatialAxes(layer string, x *node) (axes []int, bad *node) {
	if !x.Valid() {
		return nil, x
	}
	for d := 2; d < x.Shape().Rank(); d++ {
		axes = append(axes, d)
	}
	if axes == nil {
		return nil, failOf(x, layer, "%v: needs [N, C, spatial]", x.Type())
	}
	return axes, nil
}

// GlobalAvgPool returns the means of x [N, C, spatial] over the spatial dimensions: [N, C]. graph.AvgPool and graph.MaxPool go by windows.
func GlobalAvgPool(x *graph.Node) *graph.Node {
	axes, bad := spatialAxes("global_avg_pool", x)
	if bad != nil {
		return bad
	}
	return graph.ReduceMean(x, axes)
}

// GlobalMaxPool returns the largest elements of x [N, C, spatial] over the spatial dimensions: [N, C].
func GlobalMaxPool(x *graph.Node) *graph.Node {
	axes, bad := spatialAxes("global_max_pool", x)
	if bad != nil {
		return bad
	}
	return graph.ReduceMax(x, axes)
}
