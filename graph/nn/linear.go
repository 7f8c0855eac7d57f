package nn

import (
	"errors"

	"github.com/adjoint-go/adjoint/graph"
)

var errRank = errors.New("needs two dimensions or more")

// Option changes a layer.
type Option func(*options)

type options struct {
	noBias       bool
	weight, bias Initializer
	epsilon      float64
	momentum     float64
	plain        bool
}

func optionsOf(list []Option, weight, bias Initializer) options {
	o := options{weight: weight, bias: bias, epsilon: 1e-5, momentum: 0.1}
	for _, f := range list {
		if f != nil {
			f(&o)
		}
	}
	return o
}

// NoBias leaves out the bias.
func NoBias() Option { return func(o *options) { o.noBias = true } }

// WeightInit changes the initial values of weights.
func WeightInit(i Initializer) Option { return func(o *options) { o.weight = i } }

// BiasInit changes the initial values of biases.
func BiasInit(i Initializer) Option { return func(o *options) { o.bias = i } }

// Epsilon is what normalisations add to the variance, 1e-5 without it.
func Epsilon(v float64) Option { return func(o *options) { o.epsilon = v } }

// Momentum is the part of a batch's statistics in the running ones of BatchNorm, 0.1 without it.
func Momentum(v float64) Option { return func(o *options) { o.momentum = v } }

// NoScale leaves weight and bias of a normalisation out.
func NoScale() Option { return func(o *options) { o.plain = true } }

// Linear returns x·Wᵀ + b for x […, in] with the parameters weight [out, in] and bias [out], uniform between ∓1/√in: […, out].
func Linear(s *Scope, x *graph.Node, out int, opts ...Option) *graph.Node {
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() == 0 || out < 1 {
		return s.fail("linear", "%v to %d: needs a vector at least, and outputs", x.Type(), out)
	}
	in := x.Shape()[x.Shape().Rank()-1]
	o := optionsOf(opts, fanUniform(in), fanUniform(in))
	return s.group(func() *node {
		y := product(x, s.Parameter("weight", o.weight, out, in))
		if !o.noBias {
			y = graph.Add(y, s.Parameter("bias", o.bias, out))
		}
		return y
	})
}

// product is x·Wᵀ over the last dimension of x: one product of matrices.
func product(x, w *node) *node {
	if !x.Valid() || !w.Valid() {
		return graph.MatMul(x, w)
	}
	shape := x.Shape()
	if shape.Rank() <= 2 {
		return graph.MatMul(x, graph.Transpose(w, 1, 0))
	}
	rows := graph.Reshape(x, shape[:shape.Rank()-1].Size(), shape[shape.Rank()-1])
	y := graph.MatMul(rows, graph.Transpose(w, 1, 0))
	return graph.Reshape(y, append(append([]int{}, shape[:shape.Rank()-1]...), w.Shape()[0])...)
}

// Embedding returns rows of the parameter weight [n, width], from the standard normal distribution, at the indices (int32 or int64): the indices' shape and width. An index outside of 0 to n − 1 is a runtime error.
func Embedding(s *Scope, indices *graph.Node, n, width int, opts ...Option) *graph.Node {
	s = s.ready()
	o := optionsOf(opts, Normal(0, 1), nil)
	return s.group(func() *node { return graph.Gather(s.Parameter("weight", o.weight, n, width), indices, 0) })
}

// Flatten returns x [N, …] as [N, rest].
func Flatten(x *graph.Node) *graph.Node {
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() == 0 {
		return x.Graph().Fail("flatten", errors.New("the operand is a scalar: needs a dimension of the batch"))
	}
	return graph.Reshape(x, x.Shape()[0], x.Shape()[1:].Size())
}

// Dropout returns x with elements set to 0 with the given probability and the others divided by 1 − rate in training, and x in evaluation.
func Dropout(s *Scope, x *graph.Node, rate float64) *graph.Node {
	if !s.IsTraining() || rate == 0 {
		return x
	}
	return s.group(func() *node { return graph.Dropout(s.NextKey(), x, rate) })
}
