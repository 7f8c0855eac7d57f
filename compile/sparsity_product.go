package compile

import "github.com/adjoint-go/adjoint/graph"

// terms collects the sets of what one element of a node depends on.
type terms struct {
	node     *graph.Node
	sets     *nodeSets
	of       []indexSets      // of the operands
	literals []*graph.Literal // of the operands, as far as known
	known    []bool
	parts    [][]int32
}

func (t *terms) Add(operand, element int) {
	if x := t.of[operand]; x != nil {
		t.parts = append(t.parts, x[element])
	}
}

func (t *terms) Product(a, i, b, j int) {
	if !t.zero(a, i) && !t.zero(b, j) {
		t.Add(a, i)
		t.Add(b, j)
	}
}

// zero reports whether an element of an operand is the constant 0.
func (t *terms) zero(operand, element int) bool {
	lit := t.Literal(operand)
	return lit != nil && lit.Float(element) == 0
}

func (t *terms) Literal(operand int) *graph.Literal {
	if t.known == nil {
		t.literals, t.known = make([]*graph.Literal, len(t.of)), make([]bool, len(t.of))
	}
	if !t.known[operand] {
		t.literals[operand], t.known[operand] = t.sets.value(t.node.Input(operand)), true
	}
	return t.literals[operand]
}

// elementSets handles operators that list what each element depends on. It reports false if the operator counts as dense.
func elementSets(n *graph.Node, p graph.ElementPattern, sets *nodeSets, out *setBuilder, size int) (bool, error) {
	t := &terms{node: n, sets: sets}
	for _, in := range n.Inputs() {
		t.of = append(t.of, sets.get(in))
	}
	element := p(n, t)
	if element == nil {
		return false, nil
	}
	for i := range size {
		t.parts = t.parts[:0]
		element(i)
		out.addUnion(t.parts...)
		if out.made > maxPattern {
			return true, tooLarge(n)
		}
	}
	return true, nil
}
