package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// elements finds scalars that are equal to elements of arrays.
//
// A derivative of high order is asked for as an element of a gradient that is differentiated again. The gradient's array holds what all elements need,
// most of which have nothing to do with the one: each order would make a multiple of the nodes of the one before, all but few of which are
// zero in the end. So before a sweep such an element is traced to what it is made of, past the operators that put the array together.
type elements struct {
	stop map[*graph.Node]bool // nodes to differentiate by: their elements are taken from them
	of   map[elementKey]*graph.Node
	sums map[*graph.Node]*sum // of nodes whose operators have a graph.SumPattern
	left int                  // elements that may still be looked at
}

type elementKey struct {
	n *graph.Node
	i int
}

// tracedElements bounds the elements that are looked at for one output: an element of an array that comes from very many others stays one.
const tracedElements = 4096

// elementsOfGradients returns the nodes with those that are elements of assembled arrays, as gradients are, replaced by what these elements are
// made of, as far as the nodes wrt and without making more scalars than arrays are worth.
func elementsOfGradients(nodes, wrt []*graph.Node) []*graph.Node {
	part := func(n *graph.Node) bool { return n.Op().View != nil }
	if !slices.ContainsFunc(nodes, func(n *graph.Node) bool { return n.Type().IsScalar() && part(n) }) {
		return nodes
	}
	stop := map[*graph.Node]bool{}
	for _, w := range wrt {
		stop[w] = true
	}
	out := slices.Clone(nodes)
	for k, n := range nodes {
		if !n.Type().IsScalar() || !part(n) {
			continue
		}
		x := n
		for part(x) && !stop[x] {
			x = x.Input(0)
		}
		if !assembled(x, stop) {
			continue
		}
		e := &elements{stop: stop, of: map[elementKey]*graph.Node{}, sums: map[*graph.Node]*sum{}, left: tracedElements}
		restore := n.Graph().AtNode(n)
		if y := e.trace(n, 0); y != nil {
			out[k] = y
		}
		restore()
	}
	return out
}

// maxAssembled bounds the nodes among which assembled looks.
const maxAssembled = 64

// assembled reports whether an array is put together from pieces, or made elementwise from ones that are, without looking behind the nodes of stop.
func assembled(n *graph.Node, stop map[*graph.Node]bool) bool {
	seen := []*graph.Node{n}
	for k := 0; k < len(seen) && k < maxAssembled; k++ {
		switch x := seen[k]; {
		case stop[x]:
		case x.Op().Merge != nil && isSumOfElements(x.Op()):
			return true
		case x.Op().Elementwise || x.Op().View != nil:
			for _, in := range x.Inputs() {
				if !slices.Contains(seen, in) {
					seen = append(seen, in)
				}
			}
		}
	}
	return false
}

// trace returns a scalar equal to element i of the node, nil if it comes from too many.
func (e *elements) trace(n *graph.Node, i int) *graph.Node {
	key := elementKey{n, i}
	if y, ok := e.of[key]; ok {
		return y
	}
	if e.left--; e.left < 0 {
		return nil
	}
	y := e.find(n, i)
	e.of[key] = y
	return y
}

func (e *elements) find(n *graph.Node, i int) *graph.Node {
	if e.stop[n] {
		return elementAt(n, i)
	}
	if op := n.Op(); op.View != nil && !op.Elementwise { // an identity may stop the derivative
		if first, ok := op.View(n); ok {
			return e.trace(n.Input(0), first+i)
		}
	}
	switch op := n.Op(); {
	case n.IsConst() && n.Type().IsScalar():
		return n
	case n.IsConst() && n.IsNumber():
		return constantElement(n, i)
	case op.Elementwise && len(n.Inputs()) > 0:
		in := make([]*graph.Node, len(n.Inputs()))
		for k, x := range n.Inputs() {
			if in[k] = e.trace(x, shape.BroadcastIndex(i, n.Shape(), x.Shape())); in[k] == nil {
				return nil
			}
		}
		return n.Graph().Apply(op, in, n.Attrs())
	case isSumOfElements(op):
		return e.sum(n, i)
	}
	return elementAt(n, i)
}

func isSumOfElements(op *graph.Op) bool {
	_, ok := op.Pattern.(graph.SumPattern)
	return ok
}

// sum takes the elements whose sum an element is.
type sum struct {
	n     *graph.Node
	each  func(i int)
	terms []elementKey
}

func (s *sum) Add(operand, element int) {
	if size := s.n.Input(operand).Shape().Size(); element < 0 || element >= size {
		panic(fmt.Sprintf("element %d of operand %d, which has %d", element, operand, size))
	}
	s.terms = append(s.terms, elementKey{s.n.Input(operand), element})
}

func (s *sum) Product(int, int, int, int) { panic("a product in a sum of elements") }

func (s *sum) Literal(int) *graph.Literal { return nil }

// sum traces the elements whose sum an element is, 0 if there are none.
func (e *elements) sum(n *graph.Node, i int) *graph.Node {
	s := e.sums[n]
	if s == nil {
		s = &sum{n: n}
		s.each = n.Op().Pattern.(graph.SumPattern)(n, s)
		e.sums[n] = s
	}
	if s.each == nil {
		return elementAt(n, i)
	}
	s.terms = s.terms[:0]
	s.each(i)
	var total *graph.Node
	for _, from := range s.terms { // graphs have no cycles: nobody asks for this node again meanwhile
		y := e.trace(from.n, from.i)
		if y == nil {
			return nil
		}
		total = plus(total, y)
	}
	if total == nil {
		return graph.Like(n, 0)
	}
	return total
}

func elementAt(n *graph.Node, i int) *graph.Node { return graph.Index(n, shape.At(i, n.Shape())...) }
