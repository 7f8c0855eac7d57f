package train

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// Optimizer computes new values of parameters. Its methods are called for each parameter, to build a step.
type Optimizer interface {
	// States are what the optimiser keeps for each element of a parameter from step to step.
	States() []State
	// Update returns the parameter's next value and the next states.
	Update(u Update) (value *graph.Node, states []*graph.Node)
}

// State is a value of an optimiser for each element of a parameter.
type State struct {
	Name  string
	Start float64
}

// Update is what an Optimizer computes from.
type Update struct {
	Parameter, Gradient *graph.Node
	States              []*graph.Node
	// Rate is the learning rate and Count the number of this step, 1 for the first: float64 scalars.
	Rate, Count *graph.Node
}

// state is state i, or an invalid node on whose graph the mistake is if there is none.
func (u Update) state(i int) *node {
	if i < len(u.States) {
		return u.States[i]
	}
	return u.Parameter.Graph().Fail("update", fmt.Errorf("%d states for an optimizer that keeps at least %d", len(u.States), i+1))
}

// of is a constant of the parameter's dtype.
func (u Update) of(v float64) *node { return graph.Like(u.Parameter, v) }

// cast is a float64 scalar in the parameter's dtype.
func (u Update) cast(v *node) *node { return graph.Cast(v, u.Parameter.DType()) }

// less is the parameter less the rate times a step.
func (u Update) less(rate, step *node) *node {
	return graph.Sub(u.Parameter, graph.Mul(u.cast(rate), step))
}

// decayed is the gradient with that of ½·decay·|p|² added.
func (u Update) decayed(decay float64) *node {
	if decay == 0 {
		return u.Gradient
	}
	return graph.Add(u.Gradient, graph.Mul(u.of(decay), u.Parameter))
}

// shrunk is u whose parameter is multiplied by 1 − rate·decay.
func (u Update) shrunk(decay float64) Update {
	if decay != 0 {
		factor := graph.Sub(graph.Like(u.Rate, 1), graph.Mul(u.Rate, graph.Like(u.Rate, decay)))
		u.Parameter = graph.Mul(u.Parameter, u.cast(factor))
	}
	return u
}

// average is decay·old + (1 − decay)·new.
func (u Update) average(decay float64, old, new *node) *node {
	return graph.Add(old, graph.Mul(u.of(1-decay), graph.Sub(new, old)))
}

// correction is 1 − decayᶜᵒᵘⁿᵗ, a float64 scalar.
func (u Update) correction(decay float64) *node {
	return graph.Sub(graph.Like(u.Count, 1), graph.Pow(graph.Like(u.Count, decay), u.Count))
}

// or is v, and otherwise for 0.
func or(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// SGD is gradient descent, p ← p − rate·g; with momentum p ← p − rate·b, where b ← momentum·b + (1 − dampening)·g and b = g in the first step; with Nesterov p ← p − rate·(g + momentum·b). WeightDecay·p is added to g.
// It is torch.optim.SGD.
type SGD struct {
	Momentum, Dampening, WeightDecay float64
	Nesterov                         bool
}

// States implements Optimizer.
func (o SGD) States() []State {
	if o.Momentum == 0 {
		return nil
	}
	return []State{{Name: "momentum"}}
}

// Update implements Optimizer.
func (o SGD) Update(u Update) (*graph.Node, []*graph.Node) {
	g := u.decayed(o.WeightDecay)
	if o.Momentum == 0 {
		return u.less(u.Rate, g), nil
	}
	part := u.of(1 - o.Dampening)
	if o.Dampening != 0 {
		first := graph.Equal(u.Count, graph.Like(u.Count, 1))
		part = graph.Where(first, u.of(1), part)
	}
	b := graph.Add(graph.Mul(u.of(o.Momentum), u.state(0)), graph.Mul(part, g))
	step := b
	if o.Nesterov {
		step = graph.Add(g, graph.Mul(u.of(o.Momentum), b))
	}
	return u.less(u.Rate, step), nodes{b}
}

// Adam divides averages of gradients by the roots of averages of their squares (Kingma and Ba 2015): m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², p ← p − rate/(1 − β₁ᵗ)·m/(√(v/(1 − β₂ᵗ)) + ε). WeightDecay·p is added to g. With AMSGrad
// the largest v so far takes the place of v (Reddi et al. 2018). It is torch.optim.Adam.
type Adam struct {
	Beta1, Beta2, Epsilon float64 // 0 is 0.9, 0.999 and 1e-8
	WeightDecay           float64
	AMSGrad               bool
}

// States implements Optimizer.
func (o Adam) States() []State {
	s := []State{{Name: "mean"}, {Name: "square"}}
	if o.AMSGrad {
		s = append(s, State{Name: "largest_square"})
	}
	return s
}

// Update implements Optimizer.
func (o Adam) Update(u Update) (*graph.Node, []*graph.Node) {
	b1, b2 := or(o.Beta1, 0.9), or(o.Beta2, 0.999)
	g := u.decayed(o.WeightDecay)
	m := u.average(b1, u.state(0), g)
	v := graph.Add(graph.Mul(u.of(b2), u.state(1)), graph.Mul(u.of(1-b2), graph.Square(g)))
	states, square := nodes{m, v}, v
	if o.AMSGrad {
		square = graph.Max(u.state(2), v)
		states = append(states, square)
	}
	root := graph.Reciprocal(graph.Sqrt(u.correction(b2)))
	divisor := graph.Add(graph.Mul(graph.Sqrt(square), u.cast(root)), u.of(or(o.Epsilon, 1e-8)))
	return u.less(graph.Div(u.Rate, u.correction(b1)), graph.Div(m, divisor)), states
}

// AdamW is Adam whose decay is apart from the gradients: first p ← p·(1 − rate·WeightDecay) (Loshchilov and Hutter 2019). It is torch.optim.AdamW, whose decay is 0.01 where nothing else is said; here it is 0.
type AdamW Adam

// States implements Optimizer.
func (o AdamW) States() []State { return Adam(o).States() }

// Update implements Optimizer.
func (o AdamW) Update(u Update) (*graph.Node, []*graph.Node) {
	decay := o.WeightDecay
	o.WeightDecay = 0
	return Adam(o).Update(u.shrunk(decay))
}

// RMSProp divides gradients by roots of averages of their squares (Hinton 2012): v ← α·v + (1 − α)·g², p ← p − rate·g/(√v + ε); Centered takes the square of an average of g off v (Graves 2013), Momentum sums the steps as SGD does. WeightDecay·p is
// added to g. It is torch.optim.RMSprop.
type RMSProp struct {
	Alpha, Epsilon        float64 // 0 is 0.99 and 1e-8
	Momentum, WeightDecay float64
	Centered              bool
}

// States implements Optimizer.
func (o RMSProp) States() []State {
	s := []State{{Name: "square"}}
	if o.Centered {
		s = append(s, State{Name: "mean"})
	}
	if o.Momentum != 0 {
		s = append(s, State{Name: "momentum"})
	}
	return s
}

// Update implements Optimizer.
func (o RMSProp) Update(u Update) (*graph.Node, []*graph.Node) {
	alpha := or(o.Alpha, 0.99)
	g := u.decayed(o.WeightDecay)
	v := graph.Add(graph.Mul(u.of(alpha), u.state(0)), graph.Mul(u.of(1-alpha), graph.Square(g)))
	states, square := nodes{v}, v
	if o.Centered {
		m := u.average(alpha, u.state(1), g)
		states, square = append(states, m), graph.Sub(v, graph.Square(m))
	}
	step := graph.Div(g, graph.Add(graph.Sqrt(square), u.of(or(o.Epsilon, 1e-8))))
	if o.Momentum != 0 {
		step = graph.Add(graph.Mul(u.of(o.Momentum), u.state(len(states))), step)
		states = append(states, step)
	}
	return u.less(u.Rate, step), states
}

// Adagrad divides gradients by roots of the sums of their squares (Duchi, Hazan and Singer 2011): v ← v + g², p ← p − rate/(1 + (t − 1)·RateDecay)·g/(√v + ε), where v begins with Start. WeightDecay·p is added to g. It is torch.optim.Adagrad.
type Adagrad struct {
	Epsilon                       float64 // 0 is 1e-10
	RateDecay, WeightDecay, Start float64
}

// States implements Optimizer.
func (o Adagrad) States() []State { return []State{{Name: "square", Start: o.Start}} }

// Update implements Optimizer.
func (o Adagrad) Update(u Update) (*graph.Node, []*graph.Node) {
	g := u.decayed(o.WeightDecay)
	v := graph.Add(u.state(0), graph.Square(g))
	rate := u.Rate
	if o.RateDecay != 0 {
		one := graph.Like(rate, 1)
		rate = graph.Div(rate, graph.Add(one, graph.Mul(graph.Sub(u.Count, one), graph.Like(rate, o.RateDecay))))
	}
	return u.less(rate, graph.Div(g, graph.Add(graph.Sqrt(v), u.of(or(o.Epsilon, 1e-10))))), nodes{v}
}

// Lion goes by the sign of an average of gradients (Chen et al., Symbolic discovery of optimization algorithms, 2023, program 1): p ← p·(1 − rate·WeightDecay) − rate·sign(β₁·m + (1 − β₁)·g), m ← β₂·m + (1 − β₂)·g.
type Lion struct {
	Beta1, Beta2 float64 // 0 is 0.9 and 0.99
	WeightDecay  float64
}

// States implements Optimizer.
func (o Lion) States() []State { return []State{{Name: "mean"}} }

// Update implements Optimizer.
func (o Lion) Update(u Update) (*graph.Node, []*graph.Node) {
	step := graph.Sign(u.average(or(o.Beta1, 0.9), u.state(0), u.Gradient))
	m := u.average(or(o.Beta2, 0.99), u.state(0), u.Gradient)
	return u.shrunk(o.WeightDecay).less(u.Rate, step), nodes{m}
}

// Average returns the next average of a parameter from the average before, the parameter's next value, and the number of this step (a float64 scalar, 1 for the first). Averages begin with the initial values.
type Average func(average, value, count *graph.Node) *graph.Node

// ExponentialAverage is decay·average + (1 − decay)·value (PyTorch's get_ema_multi_avg_fn).
func ExponentialAverage(decay float64) Average {
	return func(average, value, _ *graph.Node) *graph.Node {
		return graph.Add(average, graph.Mul(graph.Like(average, 1-decay), graph.Sub(value, average)))
	}
}

// MeanOf is the mean of the values behind step number start, and each every-th step from there on: stochastic weight averaging (Izmailov et al. 2018). Until then it is the value.
func MeanOf(start, every int) Average {
	every = max(every, 1)
	return func(average, value, count *graph.Node) *graph.Node {
		like := func(v float64) *node { return graph.Like(count, v) }
		since := graph.Sub(count, like(float64(start)))
		n := graph.Div(since, like(float64(every))) // of values in the mean
		part := graph.Where(graph.Equal(n, graph.Floor(n)), graph.Div(like(1), graph.Add(n, like(1))), like(0))
		part = graph.Cast(graph.Where(graph.LessEqual(since, like(0)), like(1), part), average.DType())
		return graph.Add(average, graph.Mul(part, graph.Sub(value, average)))
	}
}
