package onnx

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// randoms make random numbers, and leave some out. The numbers are those of this system's generator: a model names a distribution and a seed, not the numbers.
var randoms = []operator{
	{name: "Bernoulli", random: true, in: func(c *call) []value {
		x := c.x(0)
		k := c.kindAttr("dtype", c.in[0].kind)
		return c.as(k, graph.Cast(graph.RandomBernoulli(c.key(), x), k.dtype()))
	}},
	{name: "Dropout", random: true, in: dropout, why: "ratio and training_mode have to be constant"},
	{name: "Multinomial", random: true, in: func(c *call) []value {
		x := c.x(0)
		n := c.int("sample_size", 1)
		if x.Shape().Rank() != 2 || n < 1 || n > 1<<20 {
			c.fail("%d samples of %v", n, x.Type())
		}
		s := x.Shape()
		many := graph.BroadcastTo(graph.ExpandDims(x, 1), s[0], n, s[1])
		k := c.kindAttr("dtype", kindInt32)
		return c.as(k, graph.Cast(graph.RandomCategorical(c.key(), many, 2), k.dtype()))
	}},
	{name: "RandomNormal", random: true, in: func(c *call) []value { return c.normal(c.ints("shape"), kindFloat) }},
	{name: "RandomNormalLike", random: true, in: func(c *call) []value { return c.normal(c.arg(0).shape(), c.likeKind()) }},
	{name: "RandomUniform", random: true, in: func(c *call) []value { return c.uniform(c.ints("shape"), kindFloat) }},
	{name: "RandomUniformLike", random: true, in: func(c *call) []value { return c.uniform(c.arg(0).shape(), c.likeKind()) }},
}

func (c *call) likeKind() kind {
	if k := c.arg(0).kind; k.dtype().IsFloat() {
		return k
	}
	return kindFloat
}

// key is the key of a node's random numbers: its seed, or its place in the model.
func (c *call) key() *graph.Node {
	if a := c.attributes["seed"]; a != nil {
		return graph.RandomKey(c.b.root, a.GetI()^int64(math.Float32bits(a.GetF())))
	}
	return graph.RandomFoldIn(graph.RandomKey(c.b.root, 0), graph.Constant(c.b.root, []int{c.b.steps}))
}

func (c *call) normal(s []int, k kind) []value {
	k = c.kindAttr("dtype", k)
	x := graph.RandomNormal(c.key(), k.dtype(), c.positive(s)...)
	return c.as(k, graph.Add(graph.Mul(x, graph.Like(x, c.float("scale", 1))), graph.Like(x, c.float("mean", 0))))
}

func (c *call) uniform(s []int, k kind) []value {
	k = c.kindAttr("dtype", k)
	x := graph.RandomUniform(c.key(), k.dtype(), c.positive(s)...)
	low, high := c.float("low", 0), c.float("high", 1)
	return c.as(k, graph.Add(graph.Mul(x, graph.Like(x, high-low)), graph.Like(x, low)))
}

func dropout(c *call) []value {
	x := c.x(0)
	training, rate := false, 0.5
	if c.version < 12 {
		rate = c.float("ratio", 0.5)
	} else {
		rate = c.scalarOf(1, "the ratio", 0.5)
		training = c.scalarOf(2, "the training mode", 0) != 0
	}
	yes := graph.BroadcastTo(graph.Constant(c.g(), []bool{true}), x.Shape()...)
	if !training || rate == 0 {
		return []value{{node: x, kind: c.in[0].kind}, {node: yes, kind: kindBool}}
	}
	if !(rate > 0 && rate < 1) {
		c.fail("a ratio of %v", rate)
	}
	keep := graph.RandomBernoulli(c.key(), graph.BroadcastTo(graph.Like(x, 1-rate), x.Shape()...))
	y := graph.Where(keep, graph.Div(x, graph.Like(x, 1-rate)), graph.Like(x, 0))
	return []value{{node: y, kind: c.in[0].kind}, {node: keep, kind: kindBool}}
}
