package onnx

import (
	"github.com/adjoint-go/adjoint/graph"
)

// losses.
var losses = []operator{
	{name: "NegativeLogLikelihoodLoss", in: func(c *call) []value { return c.out(c.likelihood(c.x(0))) }},
	{name: "SoftmaxCrossEntropyLoss", in: func(c *call) []value {
		x := c.x(0)
		c.need(x, 2)
		p := graph.LogSoftmax(x, 1)
		return c.out(c.likelihood(p), p)
	}},
}

// likelihood is the negative of what p [N, C, …] has at the labels, weighted by class, and reduced.
func (c *call) likelihood(p *graph.Node) *graph.Node {
	c.need(p, 2)
	labels := c.x(1)
	s := p.Shape()
	if labels.Shape().Rank() != len(s)-1 {
		c.fail("labels %v for %v", labels.Type(), p.Type())
	}
	var ignored *graph.Node
	if c.hasAttr("ignore_index") {
		ignored = graph.Equal(labels, graph.Like(labels, float64(c.int("ignore_index", 0))))
		labels = graph.Where(ignored, graph.Like(labels, 0), labels)
	}
	at := graph.ExpandDims(labels, 1)
	loss := graph.Neg(graph.Squeeze(graph.TakeAlongAxis(p, at, 1), 1))
	weight := graph.FullLike(loss, 1)
	if c.has(2) {
		weight = graph.Gather(c.x(2), labels, 0)
	}
	if ignored != nil {
		weight = graph.Where(ignored, graph.Like(loss, 0), weight)
	}
	loss = graph.Mul(loss, weight)
	if ignored != nil { // an ignored label may lie where p is −Inf
		loss = graph.Where(ignored, graph.Like(loss, 0), loss)
	}
	switch r := c.string("reduction", "mean"); r {
	case "none":
		return loss
	case "sum":
		return graph.Sum(loss)
	case "mean":
		return graph.Div(graph.Sum(loss), graph.Sum(weight))
	default:
		c.fail("the reduction %q", r)
	}
	return nil
}
