// Package dag makes the irregular scalar graphs of the comparison: random
// directed acyclic graphs without any repetition that an executor could use.
package dag

import "github.com/adjoint-go/adjoint/internal/bench/inputs"

// Sizes are the workloads made of these graphs.
var Sizes = []struct {
	Work  string
	Nodes int
}{{"dag20000", 20_000}, {"dag1000000", 1_000_000}}

// Op is what a node does with its operands.
type Op uint8

// The operations.
const (
	Add Op = iota
	Sub
	Mul
)

// Node is half of A op B. Operands below Graph.Inputs are inputs, operand
// Graph.Inputs+i is node i. Halving keeps every value within [−1, 1] like the inputs.
type Node struct {
	Op   Op
	A, B int
}

// Graph is a graph whose value is the sum of its sinks.
type Graph struct {
	Inputs int
	Nodes  []Node
	Sinks  []int // operands that no node uses, nodes only, ascending
}

// Random returns the graph with the given number of nodes, n > 0, the same on
// every call: n/20 inputs (at least 2), each node's operation and operands drawn
// by a 64-bit linear congruential generator (Knuth's MMIX), one operand from all
// before it and one from the 1000 before it.
func Random(n int) *Graph {
	g := &Graph{Inputs: max(2, n/20), Nodes: make([]Node, n)}
	state := uint64(n)
	below := func(limit int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int((state >> 33) % uint64(limit))
	}
	used := make([]bool, g.Inputs+n)
	for i := range g.Nodes {
		before := g.Inputs + i
		op := Op(below(3))
		a, b := below(before), before-1-below(min(before, 1000))
		g.Nodes[i] = Node{op, a, b}
		used[a], used[b] = true, true
	}
	for k := g.Inputs; k < len(used); k++ {
		if !used[k] {
			g.Sinks = append(g.Sinks, k)
		}
	}
	return g
}

// InputValues returns the point at which value and gradient are taken.
func (g *Graph) InputValues() []float64 { return inputs.Wave[float64](g.Inputs, 1, 0.37, 0.1) }

// Evaluate returns the graph's value and gradient at x, node by node: the
// definition of the workload.
func (g *Graph) Evaluate(x []float64) (value float64, gradient []float64) {
	v := append([]float64(nil), x...)
	for _, n := range g.Nodes {
		switch n.Op {
		case Add:
			v = append(v, 0.5*(v[n.A]+v[n.B]))
		case Sub:
			v = append(v, 0.5*(v[n.A]-v[n.B]))
		case Mul:
			v = append(v, 0.5*(v[n.A]*v[n.B]))
		}
	}
	d := make([]float64, len(v))
	for _, s := range g.Sinks {
		value += v[s]
		d[s] = 1
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		h := 0.5 * d[g.Inputs+i]
		switch n.Op {
		case Add:
			d[n.A] += h
			d[n.B] += h
		case Sub:
			d[n.A] += h
			d[n.B] -= h
		case Mul:
			d[n.A] += h * v[n.B]
			d[n.B] += h * v[n.A]
		}
	}
	return value, d[:g.Inputs]
}
