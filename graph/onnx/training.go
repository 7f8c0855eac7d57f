package onnx

import (
	"github.com/adjoint-go/adjoint/graph"
)

const trainingDomain = "ai.onnx.preview.training"

// training are steps of optimisers.
var training = []operator{
	{name: "Adagrad", domain: trainingDomain, in: func(c *call) []value {
		return c.optimiser(2, func(rate, t *graph.Node, x, g *graph.Node, s []*graph.Node) (*graph.Node, []*graph.Node) {
			one := graph.Like(rate, 1)
			rate = graph.Div(rate, graph.Add(one, graph.Mul(graph.Cast(t, rate.DType()), graph.Like(rate, c.float("decay_factor", 0)))))
			g = graph.Add(graph.Mul(x, graph.Like(x, c.float("norm_coefficient", 0))), g)
			h := graph.Add(s[0], graph.Square(g))
			step := graph.Div(graph.Mul(g, rate), graph.Add(graph.Sqrt(h), graph.Like(h, c.float("epsilon", 1e-6))))
			return graph.Sub(x, step), []*graph.Node{h}
		})
	}},
	{name: "Adam", domain: trainingDomain, in: func(c *call) []value {
		alpha, beta := c.float("alpha", float64(float32(0.9))), c.float("beta", float64(float32(0.999)))
		return c.optimiser(3, func(rate, t *graph.Node, x, g *graph.Node, s []*graph.Node) (*graph.Node, []*graph.Node) {
			like := func(v float64) *graph.Node { return graph.Like(x, v) }
			g = graph.Add(graph.Mul(x, like(c.float("norm_coefficient", 0))), g)
			v := graph.Add(graph.Mul(s[0], like(alpha)), graph.Mul(g, like(1-alpha)))
			h := graph.Add(graph.Mul(s[1], like(beta)), graph.Mul(graph.Square(g), like(1-beta)))
			n := graph.Cast(t, rate.DType())
			one := graph.Like(rate, 1)
			adjusted := graph.Mul(rate, graph.Div(graph.Sqrt(graph.Sub(one, graph.Pow(graph.Like(rate, beta), n))), graph.Sub(one, graph.Pow(graph.Like(rate, alpha), n))))
			rate = graph.Where(graph.Greater(n, graph.Like(n, 0)), adjusted, rate)
			y := graph.Sub(x, graph.Div(graph.Mul(v, rate), graph.Add(graph.Sqrt(h), like(c.float("epsilon", 1e-6)))))
			return graph.Mul(y, like(1-c.float("norm_coefficient_post", 0))), []*graph.Node{v, h}
		})
	}},
	{name: "Gradient", domain: trainingDomain, why: "gradients are compile.Gradient of the imported nodes"},
	{name: "Momentum", domain: trainingDomain, in: func(c *call) []value {
		mode := c.string("mode", "standard")
		if mode != "standard" && mode != "nesterov" {
			c.fail("the mode %q", mode)
		}
		return c.optimiser(2, func(rate, t *graph.Node, x, g *graph.Node, s []*graph.Node) (*graph.Node, []*graph.Node) {
			like := func(v float64) *graph.Node { return graph.Like(x, v) }
			g = graph.Add(graph.Mul(x, like(c.float("norm_coefficient", 0))), g)
			beta := graph.Where(graph.Greater(t, graph.Like(t, 0)), like(c.float("beta", 1)), like(1))
			v := graph.Add(graph.Mul(s[0], like(c.float("alpha", 0))), graph.Mul(g, beta))
			step := v
			if mode == "nesterov" {
				step = graph.Add(g, graph.Mul(v, like(c.float("alpha", 0))))
			}
			return graph.Sub(x, graph.Mul(step, rate)), []*graph.Node{v}
		})
	}},
}

// optimiser applies a step to each tensor. Operands are the rate, the count, the tensors, their gradients, and their states, each kind for all tensors; results the tensors and the states.
func (c *call) optimiser(kinds int, step func(rate, t *graph.Node, x, g *graph.Node, states []*graph.Node) (*graph.Node, []*graph.Node)) []value {
	rate, t := c.scalar(0), c.scalar(1)
	n := (len(c.in) - 2) / (kinds + 1)
	if n < 1 || len(c.in) != 2+n*(kinds+1) {
		c.fail("%d operands", len(c.in))
	}
	results := make([]*graph.Node, n*kinds)
	for i := range n {
		var states []*graph.Node
		for k := 2; k < kinds+1; k++ {
			states = append(states, c.x(2+k*n+i))
		}
		y, next := step(rate, t, c.x(2+i), c.x(2+n+i), states)
		results[i] = y
		for k, s := range next {
			results[(1+k)*n+i] = s
		}
	}
	return c.out(results...)
}
