package onnx

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// recurrent networks become loops.
var recurrent = []operator{
	{name: "GRU", in: gru},
	{name: "LSTM", in: lstm},
	{name: "RNN", in: func(c *call) []value {
		return c.recurrent(1, 1, []string{"Tanh"}, func(r *cell, x *graph.Node, state []*graph.Node) []*graph.Node {
			y := graph.Add(graph.MatMul(x, r.w), graph.MatMul(state[0], r.r))
			if r.b != nil {
				y = graph.Add(y, r.b)
			}
			return []*graph.Node{r.f[0](r.clipped(y))}
		})
	}},
}

// cell is one direction of a recurrent network.
type cell struct {
	c      *call
	hidden int
	w, r   *graph.Node // transposed: [input, gates·hidden], [hidden, gates·hidden]
	b      *graph.Node // the sum of both biases, nil without
	wb, rb *graph.Node // the biases
	peep   []*graph.Node
	f      []func(x *graph.Node) *graph.Node
	clip   float64
}

func (r *cell) clipped(x *graph.Node) *graph.Node {
	if r.clip <= 0 {
		return x
	}
	return graph.Clip(x, graph.Like(x, -r.clip), graph.Like(x, r.clip))
}

// gate returns part k of [batch, gates·hidden].
func (r *cell) gate(x *graph.Node, k int) *graph.Node {
	return along(x, x.Shape().Rank()-1, k*r.hidden, (k+1)*r.hidden)
}

// activation returns a function by name.
func (c *call) activation(name string, alpha, beta func(otherwise float64) float64) func(x *graph.Node) *graph.Node {
	switch name {
	case "Relu":
		return graph.Relu
	case "Tanh":
		return graph.Tanh
	case "Sigmoid":
		return graph.Sigmoid
	case "Softplus":
		return graph.Softplus
	case "Softsign":
		return graph.Softsign
	case "Affine":
		a, b := alpha(1), beta(0)
		return func(x *graph.Node) *graph.Node {
			return graph.Add(graph.Mul(x, graph.Like(x, a)), graph.Like(x, b))
		}
	case "LeakyRelu":
		a := alpha(0.01)
		return func(x *graph.Node) *graph.Node { return graph.LeakyRelu(x, a) }
	case "ThresholdedRelu":
		a := alpha(1)
		return func(x *graph.Node) *graph.Node {
			return graph.Where(graph.GreaterEqual(x, graph.Like(x, a)), x, graph.Like(x, 0))
		}
	case "ScaledTanh":
		a, b := alpha(1), beta(1)
		return func(x *graph.Node) *graph.Node {
			return graph.Mul(graph.Tanh(graph.Mul(x, graph.Like(x, b))), graph.Like(x, a))
		}
	case "HardSigmoid":
		a, b := alpha(0.2), beta(0.5)
		return func(x *graph.Node) *graph.Node { return hardSigmoid(x, a, b) }
	case "Elu":
		a := alpha(1)
		return func(x *graph.Node) *graph.Node { return graph.Elu(x, a) }
	}
	c.fail("the activation %q", name)
	return nil
}

// reversals says of each direction whether it goes from the end of the sequence to its beginning.
func (c *call) reversals() []bool {
	switch direction := c.string("direction", "forward"); direction {
	case "forward":
		return []bool{false}
	case "reverse":
		return []bool{true}
	case "bidirectional":
		return []bool{false, true}
	default:
		c.fail("the direction %q", direction)
		return nil
	}
}

// cell is that of direction d, without its activations.
func (c *call) cell(d, gates, hidden int) *cell {
	r := &cell{c: c, hidden: hidden, clip: c.float("clip", 0)}
	r.w, r.r = graph.Transpose(graph.Index(c.x(1), d)), graph.Transpose(graph.Index(c.x(2), d))
	if c.has(3) {
		b := graph.Index(c.x(3), d)
		if !b.Valid() || b.Shape().Rank() != 1 || b.Shape()[0] != 2*gates*hidden {
			c.fail("a bias %v", c.x(3).Type())
		}
		r.wb, r.rb = along(b, 0, 0, gates*hidden), along(b, 0, gates*hidden, 2*gates*hidden)
		r.b = graph.Add(r.wb, r.rb)
	}
	if gates == 4 && c.has(7) {
		for k := range 3 {
			r.peep = append(r.peep, r.gate(graph.Index(c.x(7), d), k))
		}
	}
	return r
}

// run goes through a sequence, and returns the last states and the outputs of all steps. Behind the end of a sequence that lengths give, states stay and outputs are 0.
func (r *cell) run(x, lengths *graph.Node, init []*graph.Node, reverse bool, step func(r *cell, x *graph.Node, state []*graph.Node) []*graph.Node) (final []*graph.Node, y *graph.Node) {
	var opts []graph.ScanOption
	if reverse {
		opts = append(opts, graph.Reverse)
	}
	length, outer := x.Shape()[0], r.c.b.g
	times := graph.Iota(r.c.g(), graph.Int64, 0, length)
	if lengths != nil {
		times = graph.Cast(times, lengths.DType())
	}
	final, ys := graph.Scan(length, init, []*graph.Node{x, times}, func(carry, in []*graph.Node) (next, ys []*graph.Node) {
		r.c.b.g = in[0].Graph()
		defer func() { r.c.b.g = outer }()
		next = step(r, in[0], carry)
		y := next[0]
		if lengths != nil {
			inside := graph.Less(in[1], lengths)
			for k := range next {
				next[k] = graph.Where(inside, next[k], carry[k])
			}
			y = graph.Where(inside, y, graph.Like(y, 0))
		}
		return next, []*graph.Node{y}
	}, opts...)
	return final, ys[0]
}

// recurrent runs a cell over a sequence. Operands are X, W, R, B, lengths, and the initial states; results Y and the last states.
func (c *call) recurrent(gates, states int, activations []string, step func(r *cell, x *graph.Node, state []*graph.Node) []*graph.Node) []value {
	x, w, rec := c.x(0), c.x(1), c.x(2)
	layout := c.int("layout", 0)
	if x.Shape().Rank() != 3 || w.Shape().Rank() != 3 || rec.Shape().Rank() != 3 {
		c.fail("operands %v, %v, %v: need three dimensions", x.Type(), w.Type(), rec.Type())
	}
	if layout == 1 {
		x = graph.Transpose(x, 1, 0, 2)
	}
	batch, hidden := x.Shape()[1], rec.Shape()[2]
	if h := c.int("hidden_size", hidden); h != hidden {
		c.fail("hidden_size %d, R is %v", h, rec.Type())
	}
	reverse := c.reversals()
	directions := len(reverse)
	if w.Shape()[0] != directions || rec.Shape()[0] != directions || w.Shape()[1] != gates*hidden || rec.Shape()[1] != gates*hidden || w.Shape()[2] != x.Shape()[2] {
		c.fail("weights %v and %v for %v in %d directions", w.Type(), rec.Type(), x.Type(), directions)
	}
	names := c.strings("activations")
	if names == nil {
		names = slices.Repeat(activations, directions)
	}
	if len(names) != directions*len(activations) {
		c.fail("%d activations", len(names))
	}
	// Parameters of activations are listed for those that have some, in order.
	alphas, betas := c.floats("activation_alpha"), c.floats("activation_beta")
	next := func(list *[]float64) func(otherwise float64) float64 {
		return func(otherwise float64) float64 {
			if len(*list) == 0 {
				return otherwise
			}
			v := (*list)[0]
			*list = (*list)[1:]
			return v
		}
	}
	alpha, beta := next(&alphas), next(&betas)
	lengths := (*graph.Node)(nil)
	if c.has(4) {
		lengths = graph.ExpandDims(c.x(4), 1) // [batch, 1]
	}
	var outs []*graph.Node
	last := make([][]*graph.Node, states)
	for d := range directions {
		r := c.cell(d, gates, hidden)
		for k := range activations {
			r.f = append(r.f, c.activation(names[d*len(activations)+k], alpha, beta))
		}
		init := make([]*graph.Node, states)
		for k := range init {
			if init[k] = graph.BroadcastTo(graph.Like(x, 0), batch, hidden); c.has(5 + k) {
				s := c.x(5 + k)
				if layout == 1 {
					s = graph.Transpose(s, 1, 0, 2)
				}
				init[k] = graph.Index(s, d)
			}
		}
		final, y := r.run(x, lengths, init, reverse[d], step)
		outs = append(outs, y)
		for k := range last {
			last[k] = append(last[k], final[k])
		}
	}
	y := graph.Stack(1, outs...) // [length, directions, batch, hidden]
	results := []*graph.Node{y}
	for k := range last {
		results = append(results, graph.Stack(0, last[k]...))
	}
	if layout == 1 {
		results[0] = graph.Transpose(y, 2, 0, 1, 3)
		for k := range results[1:] {
			results[1+k] = graph.Transpose(results[1+k], 1, 0, 2)
		}
	}
	return c.out(results...)
}

func lstm(c *call) []value {
	coupled := c.bool("input_forget", false)
	return c.recurrent(4, 2, []string{"Sigmoid", "Tanh", "Tanh"}, func(r *cell, x *graph.Node, state []*graph.Node) []*graph.Node {
		h, m := state[0], state[1]
		all := graph.Add(graph.MatMul(x, r.w), graph.MatMul(h, r.r))
		if r.b != nil {
			all = graph.Add(all, r.b)
		}
		i, o, f, n := r.gate(all, 0), r.gate(all, 1), r.gate(all, 2), r.gate(all, 3)
		if r.peep != nil {
			i, f = graph.Add(i, graph.Mul(r.peep[0], m)), graph.Add(f, graph.Mul(r.peep[2], m))
		}
		i, n = r.f[0](r.clipped(i)), r.f[1](r.clipped(n))
		if coupled {
			f = graph.Sub(graph.Like(i, 1), i)
		} else {
			f = r.f[0](r.clipped(f))
		}
		m = graph.Add(graph.Mul(f, m), graph.Mul(i, n))
		if r.peep != nil {
			o = graph.Add(o, graph.Mul(r.peep[1], m))
		}
		o = r.f[0](r.clipped(o))
		return []*graph.Node{graph.Mul(o, r.f[2](m)), m}
	})
}

func gru(c *call) []value {
	before := c.bool("linear_before_reset", false)
	return c.recurrent(3, 1, []string{"Sigmoid", "Tanh"}, func(r *cell, x *graph.Node, state []*graph.Node) []*graph.Node {
		h := state[0]
		in := graph.MatMul(x, r.w)
		if r.wb != nil {
			in = graph.Add(in, r.wb)
		}
		out := func(k int, h *graph.Node) *graph.Node {
			y := graph.MatMul(h, r.gate(r.r, k))
			if r.rb != nil {
				y = graph.Add(y, r.gate(r.rb, k))
			}
			return y
		}
		z := r.f[0](r.clipped(graph.Add(r.gate(in, 0), out(0, h))))
		reset := r.f[0](r.clipped(graph.Add(r.gate(in, 1), out(1, h))))
		var n *graph.Node
		if before {
			n = graph.Mul(reset, out(2, h))
		} else {
			n = out(2, graph.Mul(reset, h))
		}
		n = r.f[1](r.clipped(graph.Add(r.gate(in, 2), n)))
		one := graph.Like(z, 1)
		return []*graph.Node{graph.Add(graph.Mul(graph.Sub(one, z), n), graph.Mul(z, h))}
	})
}
