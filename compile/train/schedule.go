package train

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// Schedule returns the learning rate of a step, a float64 scalar, from the number of steps done before, 0 for the first, a float64 scalar too.
type Schedule func(done *graph.Node) *graph.Node

// Constant is the same rate at all steps.
func Constant(rate float64) Schedule {
	return func(done *graph.Node) *graph.Node { return graph.Like(done, rate) }
}

// Staircase multiplies the rate by factor at each every-th step (PyTorch's StepLR).
func Staircase(rate float64, every int, factor float64) Schedule {
	return func(done *graph.Node) *graph.Node {
		n := graph.Floor(graph.Div(done, graph.Like(done, float64(max(every, 1)))))
		return graph.Mul(graph.Like(done, rate), graph.Pow(graph.Like(done, factor), n))
	}
}

// Exponential multiplies the rate by factor at each step (PyTorch's ExponentialLR).
func Exponential(rate, factor float64) Schedule { return Staircase(rate, 1, factor) }

// part is how much of the steps from begin on, that many, is done: from 0 to 1.
func part(done *node, begin, steps float64) *node {
	like := func(v float64) *node { return graph.Like(done, v) }
	return graph.Clip(graph.Div(graph.Sub(done, like(begin)), like(math.Max(steps, 1e-300))), like(0), like(1))
}

// Linear goes from one rate to another in the given number of steps, and stays there (PyTorch's LinearLR).
func Linear(from, to float64, steps int) Schedule {
	return func(done *graph.Node) *graph.Node {
		return graph.Lerp(graph.Like(done, from), graph.Like(done, to), part(done, 0, float64(steps)))
	}
}

// cosine goes from one rate to another along half a period.
func cosine(from, to float64, x *node) *node {
	like := func(v float64) *node { return graph.Like(x, v) }
	half := graph.Mul(like(0.5), graph.Add(like(1), graph.Cos(graph.Mul(like(math.Pi), x))))
	return graph.Add(like(to), graph.Mul(like(from-to), half))
}

// Cosine rises from rate/warmup to rate in warmup steps, and falls to least along half a period of the cosine until step number steps, where it stays (Loshchilov and Hutter 2017; PyTorch's CosineAnnealingLR behind a LinearLR).
func Cosine(rate, least float64, warmup, steps int) Schedule {
	return func(done *graph.Node) *graph.Node {
		like := func(v float64) *node { return graph.Like(done, v) }
		down := cosine(rate, least, part(done, float64(warmup), float64(steps-warmup)))
		if warmup == 0 {
			return down
		}
		up := graph.Mul(like(rate/float64(warmup)), graph.Add(done, like(1)))
		return graph.Where(graph.Less(done, like(float64(warmup))), up, down)
	}
}

// OneCycle rises from most/25 to most in the first three tenths of the steps, and falls to most/250000 in the others, both along half a period of the cosine (Smith and Topin 2018; PyTorch's OneCycleLR with its defaults).
func OneCycle(most float64, steps int) Schedule {
	return func(done *graph.Node) *graph.Node {
		like := func(v float64) *node { return graph.Like(done, v) }
		top, end := 0.3*float64(steps)-1, float64(steps-1)
		up := cosine(most/25, most, part(done, 0, top))
		down := cosine(most, most/25/1e4, part(done, top, end-top))
		return graph.Where(graph.LessEqual(done, like(top)), up, down)
	}
}
