package viz

import (
	"math/rand"
	"strconv"

	"github.com/adjoint-go/adjoint/graph"
)

// perceptron builds a classifier with two hidden layers in scopes and its loss.
func perceptron() []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float32, 64, 784)
	labels := g.Input("t", graph.Float32, 64, 10)
	h := x
	sizes := []int{784, 128, 64, 10}
	g.Scope("mlp", func() {
		for l := 1; l < len(sizes); l++ {
			g.Scope("layer"+strconv.Itoa(l), func() {
				w := g.Input("W"+strconv.Itoa(l), graph.Float32, sizes[l-1], sizes[l])
				b := g.Input("b"+strconv.Itoa(l), graph.Float32, sizes[l])
				h = graph.Add(graph.MatMul(h, w), b)
				if l+1 < len(sizes) {
					h = graph.Relu(h).Named("h" + strconv.Itoa(l))
				}
			})
		}
	})
	var loss *graph.Node
	g.Scope("loss", func() {
		p := graph.LogSoftmax(h, 1)
		loss = graph.Neg(graph.Mean(graph.Mul(p, labels))).Named("loss")
	})
	return []*graph.Node{loss}
}

// lstm builds one step of a long short-term memory cell.
func lstm() []*graph.Node {
	g := graph.New()
	x, h, c := g.Input("x_t", graph.Float32, 32), g.Input("h_prev", graph.Float32, 16), g.Input("c_prev", graph.Float32, 16)
	gate := func(name string, f func(*graph.Node) *graph.Node) *graph.Node {
		var out *graph.Node
		g.Scope(name, func() {
			w := g.Input("W_"+name, graph.Float32, 32, 16)
			u := g.Input("U_"+name, graph.Float32, 16, 16)
			b := g.Input("b_"+name, graph.Float32, 16)
			out = f(graph.Add(graph.Add(graph.MatMul(x, w), graph.MatMul(h, u)), b))
		})
		return out
	}
	i, f, o := gate("in", graph.Sigmoid), gate("forget", graph.Sigmoid), gate("out", graph.Sigmoid)
	n := gate("cand", graph.Tanh)
	next := graph.Add(graph.Mul(f, c), graph.Mul(i, n)).Named("c_t")
	hidden := graph.Mul(o, graph.Tanh(next)).Named("h_t")
	return []*graph.Node{next, hidden}
}

// scalars builds a random graph of scalar operators with about n nodes.
func scalars(n int) []*graph.Node {
	r := rand.New(rand.NewSource(5))
	g := graph.New()
	var nodes []*graph.Node
	for i := 0; i < 8; i++ {
		nodes = append(nodes, g.Input("x"+strconv.Itoa(i+1), graph.Float64))
	}
	pick := func() *graph.Node { return nodes[max(0, len(nodes)-1-r.Intn(12))] }
	for g.Len() < n {
		a, b := pick(), pick()
		var m *graph.Node
		switch r.Intn(9) {
		case 0:
			m = graph.Sin(a)
		case 1:
			m = graph.Exp(a)
		case 2:
			m = graph.Square(a)
		case 3, 4:
			m = graph.Mul(a, b)
		case 5:
			m = graph.Sub(a, b)
		case 6:
			m = graph.Mul(g.Const(float64(1+r.Intn(9))), a)
		default:
			m = graph.Add(a, b)
		}
		nodes = append(nodes, m)
	}
	used := map[*graph.Node]bool{}
	for _, m := range nodes {
		for _, in := range m.Inputs() {
			used[in] = true
		}
	}
	var sum *graph.Node
	for _, m := range nodes {
		if !used[m] {
			if sum == nil {
				sum = m
			} else {
				sum = graph.Add(sum, m)
			}
		}
	}
	return []*graph.Node{sum.Named("y")}
}
