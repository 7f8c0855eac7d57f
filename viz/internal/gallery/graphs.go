package main

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// source is the place that all nodes of the gallery carry, so that moving code here does not change the pictures.
var source = graph.Position{File: "model.go", Line: 1}

// build returns what f makes on a fresh graph.
func build(f func(g *graph.Graph) []*graph.Node) []*graph.Node {
	g := graph.New()
	var outputs []*graph.Node
	g.At(source, func() { outputs = f(g) })
	return outputs
}

// seed is z = x1² + x1·x2 + x2² with values, adjoints and local partials at (2, 3).
func seed(mode viz.GradientMode) ([]*graph.Node, []viz.Option) {
	var x1, x2, a, m, c, s, z, d1, d2 *graph.Node
	outputs := build(func(g *graph.Graph) []*graph.Node {
		x1, x2 = g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
		a, m, c = graph.Square(x1), graph.Mul(x1, x2), graph.Square(x2)
		s = graph.Add(a, m)
		z = graph.Add(s, c).Named("z")
		two := g.Const(2)
		d1 = graph.Add(graph.Mul(two, x1), x2)
		d2 = graph.Add(graph.Mul(two, x2), x1)
		return []*graph.Node{z}
	})
	options := []viz.Option{viz.WithTitle("z = x1^2 + x1*x2 + x2^2"), viz.WithGradients(mode)}
	if mode == viz.Split {
		return outputs, append(options, viz.WithRespectTo(x1, x2), viz.WithGradientOutputs(d1, d2))
	}
	number := viz.Scalar
	options = append(options, viz.WithValues(map[*graph.Node]*viz.Value{
		x1: number(2), x2: number(3), a: number(4), m: number(6), c: number(9), s: number(10), z: number(19)}))
	if mode == viz.Overlay {
		one := number(1)
		options = append(options,
			viz.WithAdjoints(map[*graph.Node]*viz.Value{x1: number(7), x2: number(8), a: one, m: one, c: one, s: one, z: one}),
			viz.WithPartials(map[viz.Edge]*viz.Value{
				{Node: a}: number(4), {Node: m}: number(3), {Node: m, Operand: 1}: number(2), {Node: c}: number(6),
				{Node: s}: one, {Node: s, Operand: 1}: one, {Node: z}: one, {Node: z, Operand: 1}: one}))
	}
	return outputs, options
}

// recurrent is y = Σ h², h ← tanh(w·h + x) for ten x, and its derivatives by w, h and x.
func recurrent() (outputs, wrt, derivatives []*graph.Node, err error) {
	outputs = build(func(g *graph.Graph) []*graph.Node {
		w, h, x := g.Input("w", graph.Float64), g.Input("h", graph.Float64), g.Input("x", graph.Float64, 10)
		wrt = []*graph.Node{w, h, x}
		_, all := graph.Scan(10, []*graph.Node{h}, []*graph.Node{x}, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
			next = []*graph.Node{graph.Tanh(graph.Add(graph.Mul(w, carry[0]), x[0]))}
			return next, next
		})
		y := []*graph.Node{graph.ReduceSum(graph.Square(all[0]), nil).Named("y")}
		derivatives, err = compile.VJP(y, wrt, nil)
		return y
	})
	return outputs, wrt, derivatives, err
}

// newton is the square root of a, and the number of steps that it took.
func newton() []*graph.Node {
	return build(func(g *graph.Graph) []*graph.Node {
		a := g.Input("a", graph.Float64)
		root, steps := graph.While(50, []*graph.Node{a}, func(x []*graph.Node) *graph.Node {
			return graph.Greater(graph.Abs(graph.Sub(graph.Square(x[0]), a)), graph.Mul(graph.Like(a, 1e-12), a))
		}, func(x []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Add(x[0], graph.Div(a, x[0])), graph.Like(a, 0.5))}
		})
		return []*graph.Node{root[0].Named("root"), steps.Named("n")}
	})
}

// huber is r²/2 for small r and δ(|r| − δ/2) for others.
func huber() []*graph.Node {
	return build(func(g *graph.Graph) []*graph.Node {
		r, delta := g.Input("r", graph.Float64), g.Input("delta", graph.Float64)
		half := g.Const(0.5)
		loss := graph.Cond(graph.LessEqual(graph.Abs(r), delta), []*graph.Node{r}, func(r []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(half, graph.Square(r[0]))}
		}, func(r []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(delta, graph.Sub(graph.Abs(r[0]), graph.Mul(half, delta)))}
		})
		return []*graph.Node{loss[0].Named("loss")}
	})
}

// perceptron is a classifier with one hidden layer and its loss.
func perceptron() []*graph.Node {
	return build(func(g *graph.Graph) []*graph.Node {
		x, t := g.Input("x", graph.Float32, 64, 784), g.Input("t", graph.Float32, 64, 10)
		h := x
		sizes := []int{784, 128, 10}
		for l := 1; l < len(sizes); l++ {
			g.Scope("layer"+strconv.Itoa(l), func() {
				w, b := g.Input("W"+strconv.Itoa(l), graph.Float32, sizes[l-1], sizes[l]), g.Input("b"+strconv.Itoa(l), graph.Float32, sizes[l])
				h = graph.Add(graph.MatMul(h, w), b)
				if l+1 < len(sizes) {
					h = graph.Relu(h).Named("h" + strconv.Itoa(l))
				}
			})
		}
		var loss *graph.Node
		g.Scope("loss", func() {
			loss = graph.Neg(graph.Mean(graph.Mul(graph.LogSoftmax(h, 1), t))).Named("loss")
		})
		return []*graph.Node{loss}
	})
}

// cell is one step of a long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates).
func cell() []*graph.Node {
	return build(func(g *graph.Graph) []*graph.Node {
		x, h, c := g.Input("x_t", graph.Float32, 8, 32), g.Input("h_p", graph.Float32, 8, 16), g.Input("c_p", graph.Float32, 8, 16)
		gate := func(title, name string, f func(*graph.Node) *graph.Node) (out *graph.Node) {
			g.Scope(title, func() {
				w, u := g.Input("W_"+name, graph.Float32, 32, 16), g.Input("U_"+name, graph.Float32, 16, 16)
				b := g.Input("b_"+name, graph.Float32, 16)
				out = f(graph.Add(graph.Add(graph.MatMul(x, w), graph.MatMul(h, u)), b)).Named(name)
			})
			return out
		}
		f, i := gate("forget", "f", graph.Sigmoid), gate("input", "i", graph.Sigmoid)
		n, o := gate("candidate", "g", graph.Tanh), gate("output", "o", graph.Sigmoid)
		next := graph.Add(graph.Mul(f, c), graph.Mul(i, n)).Named("c_t")
		return []*graph.Node{next, graph.Mul(o, graph.Tanh(next)).Named("h_t")}
	})
}

// attention is scaled dot-product attention of one head with its projections (Vaswani et al. 2017, equation 1), a
// residual connection and a layer of two matrices behind it.
func attention() []*graph.Node {
	return build(func(g *graph.Graph) []*graph.Node {
		const words, width = 128, 64
		x := g.Input("X", graph.Float32, words, width)
		project := func(name string) (out *graph.Node) {
			return graph.MatMul(x, g.Input("W_"+name, graph.Float32, width, width)).Named(name)
		}
		var mixed, y *graph.Node
		g.Scope("attention", func() {
			var q, k, v *graph.Node
			g.Scope("projections", func() { q, k, v = project("Q"), project("K"), project("V") })
			scores := graph.MatMul(q, graph.Transpose(k))
			scores = graph.Mul(scores, g.Scalar(graph.Float32, 0.125))
			mixed = graph.MatMul(graph.Softmax(scores, 1).Named("A"), v)
		})
		r := graph.Add(x, mixed).Named("R")
		g.Scope("feedforward", func() {
			w1, w2 := g.Input("W_1", graph.Float32, width, 4*width), g.Input("W_2", graph.Float32, 4*width, width)
			y = graph.MatMul(graph.Relu(graph.MatMul(r, w1)), w2)
		})
		return []*graph.Node{graph.Add(r, y).Named("Y")}
	})
}

// lattice is a coupled map lattice (Kaneko 1984): every step, each cell becomes a function of itself and its two
// neighbours. It has three operators for each cell and step.
func lattice(cells, steps int) []*graph.Node {
	return build(func(g *graph.Graph) []*graph.Node {
		var u []*graph.Node
		for i := range cells {
			u = append(u, g.Input("u"+strconv.Itoa(i+1), graph.Float64))
		}
		for range steps {
			next := make([]*graph.Node, cells)
			for i := range u {
				next[i] = graph.Tanh(graph.Add(graph.Add(u[max(i-1, 0)], u[i]), u[min(i+1, cells-1)]))
			}
			u = next
		}
		for i := range u {
			u[i] = u[i].Named("w" + strconv.Itoa(i+1))
		}
		return u
	})
}

// density is the logarithm of the normal density at x and its derivatives by mean and deviation, as differentiation
// makes them.
func density() ([]*graph.Node, error) {
	var x, mu, sigma, cost *graph.Node
	build(func(g *graph.Graph) []*graph.Node {
		x, mu, sigma = g.Input("x", graph.Float64), g.Input("mu", graph.Float64), g.Input("sigma", graph.Float64)
		t := graph.Div(graph.Sub(x, mu), sigma)
		half, twoPi := g.Const(0.5), graph.Mul(g.Const(2), g.Const(math.Pi))
		cost = graph.Neg(graph.Mul(half, graph.Square(t)))
		cost = graph.Sub(graph.Sub(cost, graph.Log(sigma)), graph.Mul(half, graph.Log(twoPi))).Named("l")
		return nil
	})
	gradient, err := compile.Gradient(cost, mu, sigma)
	if err != nil {
		return nil, err
	}
	return append([]*graph.Node{cost}, gradient...), nil
}

func densityProgram() (*vm.Program, error) {
	outputs, err := density()
	if err != nil {
		return nil, err
	}
	return compile.Compile(outputs...)
}

// perceptronProgram is the program of perceptron's loss and its derivatives by weights and biases.
func perceptronProgram() (*vm.Program, error) {
	loss := perceptron()[0]
	var parameters []*graph.Node
	for _, in := range loss.Graph().Inputs() {
		if name := in.Name()[:1]; name == "W" || name == "b" {
			parameters = append(parameters, in)
		}
	}
	gradient, err := compile.Gradient(loss, parameters...)
	if err != nil {
		return nil, err
	}
	return compile.Compile(append([]*graph.Node{loss}, gradient...)...)
}

// densityModel describes what density returns, or what the compiler made of it.
func densityModel(outputs []*graph.Node) (*viz.Model, error) {
	m, err := viz.Describe(outputs)
	if err != nil {
		return nil, err
	}
	for k, by := range []string{"mu", "sigma"} {
		m.Outputs[k+1].Of, m.Outputs[k+1].By = "l", by
	}
	return m, nil
}

// densityPicture draws the density.
func densityPicture(outputs []*graph.Node) (*viz.Picture, error) {
	m, err := densityModel(outputs)
	if err != nil {
		return nil, err
	}
	return viz.NewFromModel(m, viz.WithFolding(false))
}

// comparePicture draws the density after the compiler's passes, with what they changed marked or as it is then.
func comparePicture(before, after []*graph.Node, marked bool) (*viz.Picture, error) {
	old, err := densityModel(before)
	if err != nil {
		return nil, err
	}
	now, err := densityModel(after)
	if err != nil {
		return nil, err
	}
	m, err := viz.Compare(old, now)
	if err != nil {
		return nil, err
	}
	if !marked {
		m = m.Keep(func(i int) bool { return m.Nodes[i].Change != viz.Removed })
		for i := range m.Nodes {
			m.Nodes[i].Change, m.Nodes[i].Former = viz.Unchanged, nil
		}
	}
	return viz.NewFromModel(m, viz.WithFolding(false))
}

// scopeColours groups the operators of a graph by their scope, bytesOf gives each the size of its value.
func scopeColours(outputs []*graph.Node) (groups map[*graph.Node]string, bytes map[*graph.Node]float64) {
	groups, bytes = map[*graph.Node]string{}, map[*graph.Node]float64{}
	g := outputs[0].Graph()
	for id := range g.Len() {
		n := g.Node(id)
		groups[n] = n.ScopePath()
		bytes[n] = float64(n.Shape().Size() * n.DType().Size())
	}
	return groups, bytes
}

// optimized returns what the passes of the compiler make of a graph.
func optimized(outputs []*graph.Node) ([]*graph.Node, error) {
	var text bytes.Buffer
	if err := compile.Explain(&text, outputs...); err != nil {
		return nil, err
	}
	parts := strings.Split(text.String(), "== ")
	for i := len(parts) - 1; i >= 0; i-- {
		if rest, found := strings.CutPrefix(parts[i], "after "); found {
			_, body, _ := strings.Cut(rest, "\n")
			_, nodes, err := graph.Parse([]byte(body), "model.go")
			return nodes, err
		}
	}
	return nil, errors.New("no pass changed the graph")
}
