package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// newtonStep is the gradient over the diagonal of a Hessian that has no other elements: its product with ones.
func newtonStep(cost, x *graph.Node) ([]*graph.Node, error) {
	by := []*graph.Node{x}
	grad, err := compile.Gradient(cost, x)
	if err != nil {
		return nil, err
	}
	diagonal, err := compile.HVP(cost, by, []*graph.Node{graph.Ones(x.Graph(), graph.Float64, x.Shape()...)})
	if err != nil {
		return nil, err
	}
	return []*graph.Node{graph.Div(grad[0], diagonal[0])}, nil
}

// mixtureInput are the parameters, data and prior of a Gaussian mixture.
type mixtureInput struct {
	D, K, N, M int
	Gamma      float64
	Alpha      []float64
	Mu, Q, L   [][]float64
	X          [][]float64
}

// mixture is the logarithm of the posterior probability of a Gaussian mixture with a Wishart prior on the precision matrices, Qᵀ·Q, by the formulas of the eval's text.
func mixture(w what) function {
	type input = mixtureInput
	s := spec[input]{
		check: func(in *input) error {
			if in.D < 1 || in.K < 1 || in.N < 1 || in.M < 0 || !(in.Gamma > 0) || len(in.Mu) != in.K || len(in.Q) != in.K || len(in.L) != in.K || len(in.X) != in.N {
				return fmt.Errorf("%d×%d parameters and %d points do not go with arrays of %d, %d, %d and %d rows, m = %d and gamma = %v", in.K, in.D, in.N, len(in.Mu), len(in.Q), len(in.L), len(in.X), in.M, in.Gamma)
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(in.D, in.K, in.N) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			d, k, n := in.D, in.K, in.N
			alpha, mu, q := g.Input("alpha", graph.Float64, k), g.Input("mu", graph.Float64, k, d), g.Input("q", graph.Float64, k, d)
			l, x := g.Input("l", graph.Float64, k, d*(d-1)/2), g.Input("x", graph.Float64, n, d)
			gamma, m, constant := g.Input("gamma", graph.Float64), g.Input("m", graph.Float64), g.Input("constant", graph.Float64)

			diagonal := graph.Exp(q)
			z := graph.MatMul(graph.Sub(graph.ExpandDims(x, 0), graph.ExpandDims(mu, 1)), graph.Transpose(lowerTriangular(diagonal, l, d, k), 0, 2, 1))
			sums := graph.ReduceSum(q, []int{1})
			beta := graph.Sub(graph.ExpandDims(graph.Add(alpha, sums), 1), graph.ReduceSum(graph.Square(z), []int{2}).Mul(0.5))
			likelihood := graph.Sub(graph.Sum(graph.LogSumExp(beta, []int{0})), graph.LogSumExp(alpha, nil).Mul(n))
			norm := graph.Add(graph.Sum(graph.Square(diagonal)), graph.Sum(graph.Square(l)))
			prior := graph.Sub(graph.Mul(m, graph.Sum(sums)), graph.Mul(graph.Square(gamma), norm).Mul(0.5))
			return w.of(graph.Add(graph.Add(likelihood, prior), constant), alpha, mu, q, l)
		},
		fill: func(m *vm.Machine, in *input) error {
			mu, err1 := flat(in.Mu, in.D)
			q, err2 := flat(in.Q, in.D)
			l, err3 := flat(in.L, in.D*(in.D-1)/2)
			x, err4 := flat(in.X, in.D)
			return firstError(err1, err2, err3, err4, set(m, "alpha", in.Alpha), set(m, "mu", mu), set(m, "q", q), set(m, "l", l), set(m, "x", x),
				set(m, "gamma", []float64{in.Gamma}), set(m, "m", []float64{float64(in.M)}), set(m, "constant", []float64{mixtureConstant(in)}))
		},
		output: number[input],
	}
	if w == gradient {
		s.output = func(m *vm.Machine, in *input) any {
			return map[string]any{"alpha": slices.Clone(m.OutputFloat64(0)), "mu": rows(m.OutputFloat64(1), in.K), "q": rows(m.OutputFloat64(2), in.K), "l": rows(m.OutputFloat64(3), in.K)}
		}
	}
	return s.function()
}

// lowerTriangular are k matrices with the given diagonals, and below them l column by column.
func lowerTriangular(diagonal, l *graph.Node, d, k int) *graph.Node {
	var on, below []int64
	for column := range d {
		on = append(on, int64(column*d+column))
		for row := column + 1; row < d; row++ {
			below = append(below, int64(row*d+column))
		}
	}
	g := diagonal.Graph()
	flat := graph.ScatterAdd(graph.Constant(g, on, len(on)), diagonal, 1, k, d*d)
	if len(below) > 0 {
		flat = graph.Add(flat, graph.ScatterAdd(graph.Constant(g, below, len(below)), l, 1, k, d*d))
	}
	return graph.Reshape(flat, k, d, d)
}

// mixtureConstant is what depends on no parameter: −N·D/2·log 2π, and of the prior K·(n′·D·log(γ/√2) − log Γ_D(n′/2)) with n′ = D + m + 1.
func mixtureConstant(in *mixtureInput) float64 {
	d := float64(in.D)
	freedom := d + float64(in.M) + 1
	gamma := 0.25 * d * (d - 1) * math.Log(math.Pi)
	for j := 1; j <= in.D; j++ {
		v, _ := math.Lgamma(0.5*freedom + 0.5*float64(1-j))
		gamma += v
	}
	return -float64(in.N)*d/2*math.Log(2*math.Pi) + float64(in.K)*(freedom*d*math.Log(in.Gamma/math.Sqrt2)-gamma)
}

// lstm is the loss of a recurrent network with diagonal weights, ADBench's.
func lstm(w what) function {
	type input struct {
		Main     [][]float64 `json:"main_params"`
		Extra    [][]float64 `json:"extra_params"`
		State    [][]float64
		Sequence [][]float64
	}
	s := spec[input]{
		check: func(in *input) error {
			if layers := len(in.Main) / 2; layers == 0 || len(in.Main) != 2*layers || len(in.State) != 2*layers || len(in.State[0]) == 0 || len(in.Extra) != 3 || len(in.Sequence) < 2 {
				return fmt.Errorf("arrays of %d, %d, %d and %d rows", len(in.Main), len(in.Extra), len(in.State), len(in.Sequence))
			}
			return nil
		},
		shape: func(in *input) string { return fmt.Sprint(len(in.Main), len(in.Sequence), len(in.State[0])) },
		build: func(g *graph.Graph, in *input) ([]*graph.Node, error) {
			layers, steps, b := len(in.Main)/2, len(in.Sequence)-1, len(in.State[0])
			main, extra := g.Input("main", graph.Float64, 2*layers, 4, b), g.Input("extra", graph.Float64, 3, b)
			state, sequence := g.Input("state", graph.Float64, 2*layers, b), g.Input("sequence", graph.Float64, steps+1, b)

			init := []*graph.Node{g.Const(0)}
			for i := range 2 * layers {
				init = append(init, graph.Index(state, i)) // hidden and cell of each layer
			}
			final, _ := graph.Scan(steps, init, []*graph.Node{graph.Slice(sequence, graph.Range{Limit: steps}), graph.Slice(sequence, graph.Range{Start: 1, Limit: steps + 1})},
				func(c, x []*graph.Node) (next, ys []*graph.Node) {
					y := graph.Mul(x[0], graph.Index(extra, 0))
					var states []*graph.Node
					for i := range layers {
						hidden, cell := c[1+2*i], c[2+2*i]
						gate := func(k int, x *graph.Node) *graph.Node {
							return graph.Add(graph.Mul(x, graph.Index(main, 2*i, k)), graph.Index(main, 2*i+1, k))
						}
						forget, ingate := graph.Sigmoid(gate(0, y)), graph.Sigmoid(gate(1, hidden))
						outgate, change := graph.Sigmoid(gate(2, y)), graph.Tanh(gate(3, hidden))
						cell = graph.Add(graph.Mul(cell, forget), graph.Mul(ingate, change))
						hidden = graph.Mul(outgate, graph.Tanh(cell))
						states, y = append(states, hidden, cell), hidden
					}
					y = graph.Add(graph.Mul(y, graph.Index(extra, 1)), graph.Index(extra, 2))
					normal := graph.Sub(y, graph.Log(graph.Sum(graph.Exp(y)).Add(2)))
					return append([]*graph.Node{graph.Add(c[0], graph.Sum(graph.Mul(x[1], normal)))}, states...), nil
				})
			return w.of(final[0].Div(-float64(steps*b)), main, extra)
		},
		fill: func(m *vm.Machine, in *input) error {
			b := len(in.State[0])
			main, err1 := flat(in.Main, 4*b)
			extra, err2 := flat(in.Extra, b)
			state, err3 := flat(in.State, b)
			sequence, err4 := flat(in.Sequence, b)
			return firstError(err1, err2, err3, err4, set(m, "main", main), set(m, "extra", extra), set(m, "state", state), set(m, "sequence", sequence))
		},
		output: number[input],
	}
	if w == gradient {
		s.output = func(m *vm.Machine, _ *input) any { return slices.Concat(m.OutputFloat64(0), m.OutputFloat64(1)) }
	}
	return s.function()
}
