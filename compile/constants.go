package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// constants finds the values of nodes that are computed from constants alone, for analyses that need them before compilation.
type constants struct {
	values map[*graph.Node]*graph.Literal // nil for nodes that depend on inputs or could not be evaluated
	known  map[*graph.Node]bool           // whether a node depends on constants alone
}

func newConstants() *constants {
	return &constants{values: map[*graph.Node]*graph.Literal{}, known: map[*graph.Node]bool{}}
}

// maxEvaluation bounds the memory, in bytes, that the evaluation of a constant expression may take.
const maxEvaluation = 1 << 28

// value returns the value of a node that depends on constants alone; nil for others, and for those whose evaluation fails or takes more
// memory than maxEvaluation.
func (c *constants) value(n *graph.Node) *graph.Literal {
	if n.IsConst() {
		return n.Literal()
	}
	lit, ok := c.values[n]
	if !ok {
		if c.isConstant(n) {
			lit = c.evaluate(n)
		}
		c.values[n] = lit
	}
	return lit
}

// isConstant reports whether a node depends on no input or placeholder.
func (c *constants) isConstant(n *graph.Node) bool {
	unknown := func(m *graph.Node) bool { _, known := c.known[m]; return !known }
	if unknown(n) {
		for _, m := range reach([]*graph.Node{n}, unknown) {
			if unknown(m) {
				c.known[m] = !m.IsInput() && !m.IsPlaceholder() && !slices.ContainsFunc(m.Inputs(), func(in *graph.Node) bool { return !c.known[in] })
			}
		}
	}
	return c.known[n]
}

// evaluate runs the program that computes a node from what is constant, on a graph of its own, so that the cost is that of what the node
// depends on.
func (c *constants) evaluate(n *graph.Node) *graph.Literal {
	g := graph.New()
	image := map[*graph.Node]*graph.Node{}
	for _, m := range reach([]*graph.Node{n}, func(m *graph.Node) bool { return c.values[m] == nil }) {
		lit := c.values[m]
		if m.IsConst() {
			lit = m.Literal()
		}
		if lit != nil {
			image[m] = g.Literal(lit)
			continue
		}
		in := make([]*graph.Node, len(m.Inputs()))
		for k, x := range m.Inputs() {
			in[k] = image[x]
		}
		image[m] = g.Apply(m.Op(), in, m.Attrs())
	}
	size := n.Shape().Size()
	y := graph.Reshape(image[n], size).Named("value")
	p, err := Config{MemoryLimit: maxEvaluation, NoDebug: true}.Compile(y)
	if err != nil {
		return nil
	}
	m := vm.NewMachine(p, vm.WithThreads(1))
	if m.Step() != nil {
		return nil
	}
	var data *graph.Node
	switch shape := n.Shape(); n.DType() {
	case graph.Float64:
		data = graph.Constant(g, slices.Clone(m.Float64("value")), shape...)
	case graph.Float32:
		data = graph.Constant(g, slices.Clone(m.Float32("value")), shape...)
	case graph.Int64:
		data = graph.Constant(g, slices.Clone(m.Int64("value")), shape...)
	case graph.Int32:
		data = graph.Constant(g, slices.Clone(m.Int32("value")), shape...)
	case graph.Bool:
		data = graph.Constant(g, slices.Clone(m.Bool("value")), shape...)
	}
	return data.Literal()
}
