package onnx

import (
	"github.com/adjoint-go/adjoint/graph"
)

// normalisations.
var normalisations = []operator{
	{name: "BatchNormalization", in: batchNormalization},
	{name: "GroupNormalization", in: func(c *call) []value {
		x := c.x(0)
		c.need(x, 3)
		s := x.Shape()
		n := c.int("num_groups", 0)
		if n < 1 || s[1]%n != 0 {
			c.fail("%d groups of %v", n, x.Type())
		}
		y := normalised(graph.Reshape(x, s[0], n, s.Size()/s[0]/n), []int{2}, c.float("epsilon", 1e-5))
		scale, bias := c.x(1), c.x(2)
		if c.version < 21 { // one for each group
			spread := func(v *graph.Node) *graph.Node { return graph.Reshape(v, n, 1) }
			y = graph.Reshape(graph.Add(graph.Mul(y, spread(scale)), spread(bias)), s...)
			return c.out(y)
		}
		return c.out(graph.Add(graph.Mul(graph.Reshape(y, s...), channels(scale, len(s))), channels(bias, len(s))))
	}},
	{name: "InstanceNormalization", in: func(c *call) []value {
		x := c.x(0)
		c.need(x, 3)
		var axes []int
		for i := 2; i < x.Shape().Rank(); i++ {
			axes = append(axes, i)
		}
		y := normalised(x, axes, c.float("epsilon", 1e-5))
		return c.out(graph.Add(graph.Mul(y, channels(c.x(1), x.Shape().Rank())), channels(c.x(2), x.Shape().Rank())))
	}},
	{name: "LRN", in: func(c *call) []value {
		x := c.x(0)
		c.need(x, 3)
		size := c.int("size", 0)
		if size < 1 {
			c.fail("a size of %d", size)
		}
		return c.out(graph.LocalResponseNorm(x, size, (size-1)/2, 1, c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1)))
	}},
	{name: "LayerNormalization", in: func(c *call) []value {
		x := c.x(0)
		axes := c.trailing(x)
		epsilon := c.float("epsilon", 1e-5)
		mean := graph.ReduceMean(x, axes, graph.KeepDims)
		d := graph.Sub(x, mean)
		inverse := graph.Rsqrt(graph.Add(graph.ReduceMean(graph.Square(d), axes, graph.KeepDims), graph.Like(x, epsilon)))
		var y *graph.Node
		if bias := c.has(2); bias && c.x(1).Shape().Equal(x.Shape()[axes[0]:]) && c.x(2).Shape().Equal(c.x(1).Shape()) {
			y = graph.LayerNorm(x, c.x(1), c.x(2), axes, epsilon)
		} else {
			if y = graph.Mul(graph.Mul(d, inverse), c.x(1)); bias {
				y = graph.Add(y, c.x(2))
			}
		}
		return c.out(y, mean, inverse)
	}},
	{name: "LpNormalization", in: func(c *call) []value {
		x := c.x(0)
		axis := c.axis(c.int("axis", -1), x.Shape().Rank())
		n := norm(x, c.int("p", 2), []int{axis}, graph.KeepDims)
		zero := graph.Equal(n, graph.Like(n, 0))
		return c.out(graph.Where(zero, graph.FullLike(x, 0), graph.Div(x, graph.Where(zero, graph.FullLike(n, 1), n))))
	}},
	{name: "MeanVarianceNormalization", in: func(c *call) []value {
		x := c.x(0)
		axes := c.ints("axes")
		if axes == nil {
			axes = []int{0, 2, 3}
		}
		axes = c.axes(axes, x.Shape().Rank())
		d := graph.Sub(x, graph.ReduceMean(x, axes, graph.KeepDims))
		std := graph.Sqrt(graph.ReduceMean(graph.Square(d), axes, graph.KeepDims))
		return c.out(graph.Div(d, graph.Add(std, graph.Like(x, 1e-9))))
	}},
	{name: "RMSNormalization", in: func(c *call) []value {
		x := c.x(0)
		axes := c.trailing(x)
		epsilon := c.float("epsilon", 1e-5)
		if scale := c.x(1); scale.Shape().Equal(x.Shape()[axes[0]:]) && scale.DType() == x.DType() {
			return c.out(graph.RMSNorm(x, scale, axes, epsilon))
		}
		inverse := graph.Rsqrt(graph.Add(graph.ReduceMean(graph.Square(x), axes, graph.KeepDims), graph.Like(x, epsilon)))
		return c.out(graph.Mul(graph.Mul(x, inverse), graph.Cast(c.x(1), x.DType())))
	}},
}

// trailing returns the axes from the attribute axis on.
func (c *call) trailing(x *graph.Node) []int {
	rank := x.Shape().Rank()
	var axes []int
	for a := c.axis(c.int("axis", -1), rank); a < rank; a++ {
		axes = append(axes, a)
	}
	return axes
}

// normalised is x with mean 0 and variance 1 along the axes.
func normalised(x *graph.Node, axes []int, epsilon float64) *graph.Node {
	d := graph.Sub(x, graph.ReduceMean(x, axes, graph.KeepDims))
	return graph.Mul(d, graph.Rsqrt(graph.Add(graph.ReduceMean(graph.Square(d), axes, graph.KeepDims), graph.Like(x, epsilon))))
}

func batchNormalization(c *call) []value {
	x := c.x(0)
	c.need(x, 2)
	epsilon := c.float("epsilon", 1e-5)
	if c.version < 14 && len(c.p.GetOutput()) > 1 {
		c.fail("training by opset %d: opset 14 says what it does", c.version)
	}
	if c.version < 9 && !c.bool("spatial", true) {
		c.fail("statistics of each place (spatial = 0)")
	}
	vec := func(i int) *graph.Node { return graph.Cast(c.x(i), x.DType()) }
	if !c.bool("training_mode", false) {
		return c.out(graph.BatchNorm(x, vec(1), vec(2), vec(3), vec(4), 1, epsilon))
	}
	y, mean, variance := graph.BatchNormTraining(x, vec(1), vec(2), 1, epsilon)
	m := c.float("momentum", 0.9)
	running := func(old, now *graph.Node) *graph.Node {
		return graph.Add(graph.Mul(old, graph.Like(old, m)), graph.Mul(now, graph.Like(now, 1-m)))
	}
	return c.out(y, running(vec(3), mean), running(vec(4), variance))
}
