package nn

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// failOf records a mistake against the graph of x.
func failOf(x *node, layer, format string, args ...any) *node {
	return x.Graph().Fail(layer, fmt.Errorf(format, args...))
}

// lastAxes are the last n dimensions of x, and their extents.
func lastAxes(x *node, n int) (axes, shape []int) {
	rank := x.Shape().Rank()
	for d := rank - n; d < rank; d++ {
		axes, shape = append(axes, d), append(shape, x.Shape()[d])
	}
	return axes, shape
}

// LayerNorm normalises x over its last dims dimensions (graph.LayerNorm), with the parameters weight, ones, and bias, zeros, of these dimensions.
func LayerNorm(s *Scope, x *graph.Node, dims int, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if dims < 1 || dims > x.Shape().Rank() {
		return s.fail("layer_norm", "the last %d dimensions of %v", dims, x.Type())
	}
	o := optionsOf(opts, Ones(), Zeros())
	axes, shape := lastAxes(x, dims)
	return s.group(func() *node {
		w, b := s.scaleAndBias(o, shape)
		return graph.LayerNorm(x, w, b, axes, o.epsilon)
	})
}

// scaleAndBias are the parameters of a normalisation, ones and zeros without them.
func (s *Scope) scaleAndBias(o options, shape []int) (w, b *node) {
	one, zero := graph.BroadcastTo(s.scalar(1), shape...), graph.BroadcastTo(s.scalar(0), shape...)
	if o.plain {
		return one, zero
	}
	if w, b = s.Parameter("weight", o.weight, shape...), zero; !o.noBias {
		b = s.Parameter("bias", o.bias, shape...)
	}
	return w, b
}

// RMSNorm divides x by its root mean square over the last dims dimensions (graph.RMSNorm), with the parameter weight, ones, of these dimensions.
func RMSNorm(s *Scope, x *graph.Node, dims int, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if dims < 1 || dims > x.Shape().Rank() {
		return s.fail("rms_norm", "the last %d dimensions of %v", dims, x.Type())
	}
	o := optionsOf(append([]Option{NoBias()}, opts...), Ones(), nil)
	axes, shape := lastAxes(x, dims)
	return s.group(func() *node {
		w, _ := s.scaleAndBias(o, shape)
		return graph.RMSNorm(x, w, axes, o.epsilon)
	})
}

// BatchNorm normalises x [N, C, …] over all dimensions but that of the channels, with the parameters weight, ones, and bias, zeros, of C elements. In training it does so by the batch's mean and variance, and the states
// running_mean and running_var become (1 − momentum)·old + momentum·new, with the variance of n elements over n − 1; in evaluation by the states.
func BatchNorm(s *Scope, x *graph.Node, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() < 2 {
		return s.fail("batch_norm", "%v: needs [N, C, …]", x.Type())
	}
	o := optionsOf(opts, Ones(), Zeros())
	channels := x.Shape()[1]
	n := x.Shape()[:1].Size() * x.Shape()[2:].Size()
	if s.training && n < 2 {
		return s.fail("batch_norm", "%v: a channel has one element, which has no variance", x.Type())
	}
	return s.group(func() *node {
		w, b := s.scaleAndBias(o, []int{channels})
		mean, variance := s.State("running_mean", Zeros(), channels), s.State("running_var", Ones(), channels)
		if !s.training {
			return graph.BatchNorm(x, w, b, mean, variance, 1, o.epsilon)
		}
		y, m, v := graph.BatchNormTraining(x, w, b, 1, o.epsilon)
		part := s.scalar(o.momentum)
		s.Update(mean, graph.Lerp(mean, m, part))
		s.Update(variance, graph.Lerp(variance, graph.Mul(v, s.scalar(float64(n)/float64(n-1))), part))
		return y
	})
}

// GroupNorm normalises each of the given number of groups of channels of x [N, C, …] by itself, in each element of the batch, with the parameters weight, ones, and bias, zeros, of C elements (Wu and He 2018).
func GroupNorm(s *Scope, x *graph.Node, groups int, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() < 2 || groups < 1 || x.Shape()[1]%groups != 0 {
		return s.fail("group_norm", "%v in %d groups", x.Type(), groups)
	}
	o := optionsOf(opts, Ones(), Zeros())
	shape := x.Shape()
	return s.group(func() *node {
		size := shape[1:].Size() / groups
		one, zero := graph.BroadcastTo(s.scalar(1), size), graph.BroadcastTo(s.scalar(0), size)
		y := graph.Reshape(graph.LayerNorm(graph.Reshape(x, shape[0], groups, size), one, zero, []int{2}, o.epsilon), shape...)
		if o.plain {
			return y
		}
		w, b := s.scaleAndBias(o, shape[1:2])
		return graph.Add(graph.Mul(y, alongChannels(x, w)), alongChannels(x, b))
	})
}

// InstanceNorm is GroupNorm with a group for each channel, and without parameters, as PyTorch's is unless it is told otherwise.
func InstanceNorm(s *Scope, x *graph.Node, opts ...Option) *graph.Node {
	if !x.Valid() || x.Shape().Rank() < 3 {
		return GroupNorm(s, x, 0)
	}
	return GroupNorm(s, x, x.Shape()[1], append([]Option{NoScale()}, opts...)...)
}
