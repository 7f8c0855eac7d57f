package nn

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// RecurrentOptions change RNN, GRU and LSTM. The zero value is one layer, forwards in time.
type RecurrentOptions struct {
	// Layers is the number of layers, of which each reads the outputs of the one before; 0 is 1.
	Layers int
	// Bidirectional runs each layer in both directions; outputs are joined, those forwards in time first.
	Bidirectional bool
	// NoBias leaves out the biases.
	NoBias bool
	// Dropout sets outputs of all layers but the last to 0 with this probability in training.
	Dropout float64
	// Hidden and Cell are the states before the first step, [layers·directions, B, hidden]; nil means zeros. Cell is of an LSTM.
	Hidden, Cell *graph.Node
	// Relu takes relu instead of tanh, in an RNN.
	Relu bool
}

// cell is a kind of recurrent layer.
type cell struct {
	name   string
	gates  int
	states int
	// step returns the next states of [B, hidden], the output first, from the products of the input and of the output before with the weights, each [B, hidden] by gate.
	step func(x, h nodes, states nodes) nodes
}

// RNN returns the outputs hₜ = tanh(W_ih·xₜ + b_ih + W_hh·hₜ₋₁ + b_hh) for x [T, B, I]: y [T, B, hidden·directions] of the last layer, and the last hidden states of all [layers·directions, B, hidden]. x may lack B, and then the states and results do.
//
// Parameters, uniform between ∓1/√hidden, of layer k, with _reverse behind their names for the direction backwards in time: weight_ih_lk [hidden, inputs], weight_hh_lk [hidden, hidden], bias_ih_lk, bias_hh_lk [hidden].
func RNN(s *Scope, x *graph.Node, hidden int, o RecurrentOptions) (y, h *graph.Node) {
	activation := graph.Tanh
	if o.Relu {
		activation = graph.Relu
	}
	out := recurrent(s, x, hidden, o, cell{"rnn", 1, 1, func(x, h, _ nodes) nodes { return nodes{activation(graph.Add(x[0], h[0]))} }})
	return out[0], out[1]
}

// GRU is RNN with gated units (Cho et al. 2014, in PyTorch's form): r = σ(W_ir·x + b_ir + W_hr·h + b_hr), z = σ(W_iz·x + b_iz + W_hz·h + b_hz), n = tanh(W_in·x + b_in + r·(W_hn·h + b_hn)), h ← (1 − z)·n + z·h.
// The gates r, z, n lie one behind the other in the first dimension of the parameters, which has 3·hidden elements.
func GRU(s *Scope, x *graph.Node, hidden int, o RecurrentOptions) (y, h *graph.Node) {
	out := recurrent(s, x, hidden, o, cell{"gru", 3, 1, func(x, h, states nodes) nodes {
		r, z := graph.Sigmoid(graph.Add(x[0], h[0])), graph.Sigmoid(graph.Add(x[1], h[1]))
		n := graph.Tanh(graph.Add(x[2], graph.Mul(r, h[2])))
		return nodes{graph.Add(n, graph.Mul(z, graph.Sub(states[0], n)))}
	}})
	return out[0], out[1]
}

// LSTM is RNN with long short-term memory (Hochreiter and Schmidhuber 1997, in PyTorch's form): i, f, o = σ(W·x + b + W·h + b), g = tanh(likewise), c ← f·c + i·g, h = o·tanh c. The gates i, f, g, o lie one behind the other in
// the first dimension of the parameters, which has 4·hidden elements. It returns the last cell states too.
func LSTM(s *Scope, x *graph.Node, hidden int, o RecurrentOptions) (y, h, c *graph.Node) {
	out := recurrent(s, x, hidden, o, cell{"lstm", 4, 2, func(x, h, states nodes) nodes {
		gate := func(k int) *node { return graph.Add(x[k], h[k]) }
		c := graph.Add(graph.Mul(graph.Sigmoid(gate(1)), states[1]), graph.Mul(graph.Sigmoid(gate(0)), graph.Tanh(gate(2))))
		return nodes{graph.Mul(graph.Sigmoid(gate(3)), graph.Tanh(c)), c}
	}})
	return out[0], out[1], out[2]
}

// recurrent returns the outputs and the last states of all layers.
func recurrent(s *Scope, x *node, hidden int, o RecurrentOptions, c cell) nodes {
	s = s.ready()
	failed := func(bad *node) nodes {
		out := make(nodes, 1+c.states)
		for i := range out {
			out[i] = bad
		}
		return out
	}
	if !x.Valid() {
		return failed(x)
	}
	if x.Shape().Rank() == 2 {
		of := func(v *node) *node {
			if v.Valid() && v.Shape().Rank() == 2 {
				v = graph.ExpandDims(v, 1)
			}
			return v
		}
		o.Hidden, o.Cell = of(o.Hidden), of(o.Cell)
		out := recurrent(s, of(x), hidden, o, c)
		for i, y := range out {
			out[i] = withoutBatch(y, 1)
		}
		return out
	}
	if x.Shape().Rank() != 3 || hidden < 1 || o.Layers < 0 || o.Layers > 1000 {
		return failed(s.fail(c.name, "%v, %d units in %d layers: needs [T, B, I] and a unit", x.Type(), hidden, max(o.Layers, 1)))
	}
	layers, directions := max(o.Layers, 1), 1
	if o.Bidirectional {
		directions = 2
	}
	batch := x.Shape()[1]
	initial := nodes{o.Hidden, o.Cell}[:c.states]
	for i, v := range initial {
		if v == nil {
			initial[i] = graph.BroadcastTo(s.scalar(0), layers*directions, batch, hidden)
		} else if v.Valid() && !v.Shape().Equal([]int{layers * directions, batch, hidden}) {
			return failed(s.fail(c.name, "the first state is %v: needs %v", v.Type(), graph.Shape{layers * directions, batch, hidden}))
		}
	}
	last := make([]nodes, c.states) // by state: by layer and direction
	for layer := range layers {
		if layer > 0 {
			x = Dropout(s, x, o.Dropout)
		}
		var ys nodes
		for d := range directions {
			var first nodes
			for _, v := range initial {
				first = append(first, graph.Index(v, layer*directions+d))
			}
			name := fmt.Sprintf("_l%d", layer)
			if d == 1 {
				name += "_reverse"
			}
			y, final := s.runCell(c, x, hidden, first, name, d == 1, o.NoBias)
			ys = append(ys, y)
			for i := range final {
				last[i] = append(last[i], final[i])
			}
		}
		if x = ys[0]; directions == 2 {
			x = graph.Concat(2, ys...)
		}
	}
	out := nodes{x}
	for _, list := range last {
		out = append(out, graph.Stack(0, list...))
	}
	return out
}

// runCell runs one layer in one direction over x [T, B, I].
func (s *Scope) runCell(c cell, x *node, hidden int, first nodes, name string, reverse, noBias bool) (y *node, final nodes) {
	init := fanUniform(hidden)
	rows := c.gates * hidden
	s.group(func() *node {
		wx, wh := s.Parameter("weight_ih"+name, init, rows, x.Shape()[2]), s.Parameter("weight_hh"+name, init, rows, hidden)
		px := product(x, wx) // of all steps at once
		var bh *node
		if !noBias {
			px = graph.Add(px, s.Parameter("bias_ih"+name, init, rows))
			bh = s.Parameter("bias_hh"+name, init, rows)
		}
		extents := make([]int, c.gates)
		for i := range extents {
			extents[i] = hidden
		}
		var options []graph.ScanOption
		if reverse {
			options = append(options, graph.Reverse)
		}
		finals, ys := graph.Scan(x.Shape()[0], first, nodes{px}, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
			ph := product(carry[0], wh)
			if bh != nil {
				ph = graph.Add(ph, bh)
			}
			next = c.step(graph.Split(x[0], 1, extents...), graph.Split(ph, 1, extents...), carry)
			return next, next[:1]
		}, options...)
		final, y = finals, ys[0]
		return y
	})
	return y, final
}
