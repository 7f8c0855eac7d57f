package compile

import (
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
	at   map[*graph.Node]map[int]int // of index_transpose nodes: the operand at a flat index of the leading dimensions, plus 1
	left int                         // elements that may still be looked at
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
	part := func(n *graph.Node) bool { return n.Op() == opIndex || n.Op() == opSlice || n.Op() == opReshape }
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
		e := &elements{stop: stop, of: map[elementKey]*graph.Node{}, at: map[*graph.Node]map[int]int{}, left: tracedElements}
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
		case x.Op() == opIndexTranspose || x.Op() == opSliceTranspose:
			return true
		case x.Op().Elementwise || x.Op() == opReshape || x.Op() == opBroadcastTo:
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
	op, a, s := n.Op(), n.Attrs(), n.Shape()
	if e.stop[n] {
		return elementAt(n, i)
	}
	switch {
	case n.IsConst():
		return constantElement(n, shape.At(i, s))
	case op.Elementwise && len(n.Inputs()) > 0:
		in := make([]*graph.Node, len(n.Inputs()))
		for k, x := range n.Inputs() {
			if in[k] = e.trace(x, shape.BroadcastIndex(i, s, x.Shape())); in[k] == nil {
				return nil
			}
		}
		return n.Graph().Apply(op, in, a)
	case op == opReshape:
		return e.trace(n.Input(0), i)
	case op == opBroadcastTo:
		return e.trace(n.Input(0), shape.BroadcastIndex(i, s, n.Input(0).Shape()))
	case op == opIndex:
		first, _ := op.View(n)
		return e.trace(n.Input(0), first+i)
	case op == opSlice:
		return e.trace(n.Input(0), shape.StridedIndex(i, s, n.Input(0).Shape(), a.Ints("starts"), a.Ints("strides")))
	case op == opConcat:
		axis := a.Int("axis")
		at := shape.At(i, s)
		for _, x := range n.Inputs() {
			if extent := x.Shape()[axis]; at[axis] >= extent {
				at[axis] -= extent
				continue
			}
			return e.trace(x, shape.Index(at, x.Shape()))
		}
	case op == opIndexTranspose:
		m := len(a.Ints("indices")) / len(n.Inputs())
		rest := s[m:].Size()
		k := e.operandAt(n, m, i/rest)
		if k < 0 {
			return graph.Like(n, 0)
		}
		return e.trace(n.Input(k), i%rest)
	case op == opSliceTranspose:
		at, r := shape.At(i, s), len(s)
		var sum *graph.Node
		for k, x := range n.Inputs() {
			from, in := pieceAt(at, x.Shape(), a.Ints("starts")[k*r:(k+1)*r], a.Ints("strides")[k*r:(k+1)*r])
			if !in {
				continue
			}
			y := e.trace(x, from)
			if y == nil {
				return nil
			}
			sum = plus(sum, y)
		}
		if sum == nil {
			sum = graph.Like(n, 0)
		}
		return sum
	}
	return elementAt(n, i)
}

// operandAt returns the operand of an index_transpose at a flat index of the m leading dimensions, −1 for none.
func (e *elements) operandAt(n *graph.Node, m, flat int) int {
	at := e.at[n]
	if at == nil {
		at = map[int]int{}
		indices := n.Attrs().Ints("indices")
		for k := range n.Inputs() {
			at[shape.Index(indices[k*m:(k+1)*m], n.Shape()[:m])] = k + 1
		}
		e.at[n] = at
	}
	return at[flat] - 1
}

// pieceAt returns the flat element of a piece that lies at the indices of the array it is placed into with a start and stride for each dimension,
// and whether there is one.
func pieceAt(at []int, piece graph.Shape, starts, strides []int) (flat int, in bool) {
	for d, e := range piece {
		from := at[d] - starts[d]
		if from%strides[d] != 0 || from/strides[d] < 0 || from/strides[d] >= e {
			return 0, false
		}
		flat = flat*e + from/strides[d]
	}
	return flat, true
}

func elementAt(n *graph.Node, i int) *graph.Node { return graph.Index(n, shape.At(i, n.Shape())...) }
