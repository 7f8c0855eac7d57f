package compile

import (
	"iter"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Small arrays that are put together from scalars, taken apart, or multiplied as matrices cost an instruction each, of which a state of two or a matrix of 4×4 takes more than the arithmetic. Their
// elements become scalars, which are machine code without memory in between.
const (
	smallArray = 16
	// loopsPerCrossing is how many elements of loops become scalars, which cost more each, for one element that needs not go through memory.
	loopsPerCrossing = 16
	// maxScalarized bounds the scalars that arrays become.
	maxScalarized = 1 << 16
)

// smallArrays finds the nodes whose elements become scalars, by ID: among nodes in topological order, connected groups of small arrays with elementwise operators, sums or products in them, that scalars are put into or taken from, or that have several matrix products.
func smallArrays(list iter.Seq[*graph.Node]) map[int]bool {
	group := map[int]int{} // by ID, the ID of another node of the group, or its own
	root := func(id int) int {
		for group[id] != id {
			group[id] = group[group[id]]
			id = group[id]
		}
		return id
	}
	type facts struct {
		products  int // of matrices
		inner     int // operations in them
		crossings int // elements put in or taken out
		loops     int // elements computed by other operators, which a loop would compute too
	}
	of := map[int]*facts{} // of the group whose root has the ID
	work := 0
	for n := range list {
		cost, ok := scalarCandidate(n)
		if !ok {
			continue
		}
		id := n.ID()
		f := &facts{loops: cost}
		if n.Op().Name == "matmul" {
			f.products, f.inner, f.loops = 1, cost, 0
		}
		group[id] = id
		for k, in := range n.Inputs() {
			if _, known := group[n.InputID(k)]; known {
				if r := root(n.InputID(k)); r != id {
					f.products, f.inner, f.crossings, f.loops = f.products+of[r].products, f.inner+of[r].inner, f.crossings+of[r].crossings, f.loops+of[r].loops
					group[r] = id
				}
				if n.Type().IsScalar() && n.Op().View != nil {
					f.crossings++
				}
			} else if in.Type().IsScalar() && !in.IsConst() && !n.Op().Elementwise && !n.Op().Broadcasts {
				f.crossings++
			}
		}
		of[id] = f
		if work += cost; work > maxScalarized {
			return nil
		}
	}
	chosen := map[int]bool{}
	for id := range group {
		f := of[root(id)]
		mixed := f.products > 1 || f.crossings > 0 && f.products+f.loops > 0
		if mixed && f.loops <= loopsPerCrossing*f.crossings+f.inner {
			chosen[id] = true
		}
	}
	return chosen
}

// scalarCandidate reports whether the elements of a node can become scalars, and how many operations they take.
func scalarCandidate(n *graph.Node) (cost int, ok bool) {
	op, size := n.Op(), n.Shape().Size()
	if op.Elementwise && n.Type().IsScalar() { // its operands are scalars too
		return 0, false
	}
	if size > smallArray || len(n.Inputs()) == 0 || n.IsPlaceholder() || op.InferMany != nil {
		return 0, false
	}
	arrays := !n.Type().IsScalar()
	for _, in := range n.Inputs() {
		if in.Shape().Size() > smallArray {
			return 0, false
		}
		arrays = arrays || !in.Type().IsScalar()
	}
	switch {
	case !arrays:
		return 0, false
	case op.View != nil:
		if _, ok := op.View(n); ok {
			return 0, true
		}
	}
	switch {
	case op.Elementwise:
		return size, true
	case isSumOfElements(op):
		return 0, true
	case op.Name == "matmul":
		return size * innerOf(n), n.DType().IsFloat() && len(n.Shape()) == 2
	case op.Name == "reduce_sum":
		return n.Input(0).Shape().Size(), n.DType().IsFloat()
	}
	return 0, sourcesOf(n, (*graph.Node).Literal) != nil
}

// innerOf is the number of products in an element of a matrix product.
func innerOf(n *graph.Node) int {
	a := n.Input(0).Shape()
	if n.Attrs().Bool("transpose_a") {
		return a[len(a)-2]
	}
	return a[len(a)-1]
}

// scalarize is the pass that makes scalars of the elements of small arrays.
func scalarize(u *unit) error {
	chosen := smallArrays(func(yield func(*graph.Node) bool) {
		for id, needed := range u.g.Needed(u.outputs...) { // what else the graph holds changes no program
			if needed && !yield(u.g.Node(id)) {
				return
			}
		}
	})
	if len(chosen) == 0 {
		return nil
	}
	images := &scalarImages{of: map[*graph.Node][]*graph.Node{}, fast: u.config.FastMath}
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		if !chosen[n.ID()] {
			return nil
		}
		u.fired["scalarize"]++
		return images.put(to, n, images.elements(n, in))
	})
	return u.g.Err()
}

// scalarImages are the elements of nodes of the new graph.
type scalarImages struct {
	of   map[*graph.Node][]*graph.Node
	fast bool // with fast-math
}

// get returns the elements of a node.
func (m *scalarImages) get(n *graph.Node) []*graph.Node {
	if n.Type().IsScalar() {
		return []*graph.Node{n}
	}
	e := m.of[n]
	if e == nil {
		e = make([]*graph.Node, n.Shape().Size())
		for i := range e {
			if n.IsConst() {
				e[i] = constantElement(n, i)
			} else {
				e[i] = elementAt(n, i)
			}
		}
		m.of[n] = e
	}
	return e
}

// put returns the node that has the elements.
func (m *scalarImages) put(to *graph.Graph, n *graph.Node, elements []*graph.Node) *graph.Node {
	if n.Type().IsScalar() {
		return elements[0]
	}
	if n.DType() == graph.Bool { // sums have numbers
		image := graph.Reshape(graph.Stack(0, elements...), n.Shape()...)
		m.of[image] = elements
		return image
	}
	indices := make([]int, 0, len(elements)*len(n.Shape()))
	for i := range elements {
		indices = append(indices, shape.At(i, n.Shape())...)
	}
	image := graph.IndexTranspose(n.Shape(), indices, elements...)
	m.of[image] = elements
	return image
}

// elements returns those of a node, for the images of its operands.
func (m *scalarImages) elements(n *graph.Node, in []*graph.Node) []*graph.Node {
	op := n.Op()
	out := make([]*graph.Node, n.Shape().Size())
	if op.View != nil {
		if first, ok := op.View(n); ok {
			return m.get(in[0])[first : first+len(out)]
		}
	}
	switch {
	case op.Elementwise:
		for i := range out {
			operands := make([]*graph.Node, len(in))
			for k, x := range in {
				operands[k] = m.get(x)[shape.BroadcastIndex(i, n.Shape(), x.Shape())]
			}
			out[i] = in[0].Graph().Apply(op, operands, n.Attrs())
		}
	case isSumOfElements(op):
		terms := &sum{n: n}
		each := op.Pattern.(graph.SumPattern)(n, terms)
		for i := range out {
			terms.terms = terms.terms[:0]
			each(i)
			for _, t := range terms.terms {
				out[i] = plus(out[i], m.get(in[slices.Index(n.Inputs(), t.n)])[t.i])
			}
			if out[i] == nil {
				out[i] = in[0].Graph().Scalar(n.DType(), 0)
			}
		}
	case op.Name == "matmul":
		m.product(out, n, in)
	case op.Name == "reduce_sum":
		axes := n.Attrs().Ints("axes")
		for i, x := range m.get(in[0]) {
			at := 0
			for d, k := range shape.At(i, in[0].Shape()) {
				if !slices.Contains(axes, d) {
					at = at*in[0].Shape()[d] + k
				}
			}
			out[at] = plus(out[at], x)
		}
	default:
		var all []*graph.Node
		for _, x := range in {
			if x.DType().IsFloat() {
				all = append(all, m.get(x)...)
			}
		}
		for i, from := range sourcesOf(n, (*graph.Node).Literal) {
			if from < 0 { // what is put around an operand, or nothing
				out[i] = in[0].Graph().Scalar(n.DType(), n.Attrs().Float("value"))
			} else {
				out[i] = all[from]
			}
		}
	}
	return out
}

// product makes the elements of a matrix product, each a chain in ascending order.
func (m *scalarImages) product(out []*graph.Node, n *graph.Node, in []*graph.Node) {
	a, b := m.get(in[0]), m.get(in[1])
	rows, columns, inner := n.Shape()[0], n.Shape()[1], innerOf(n)
	rowA, stepA, columnB, stepB := inner, 1, 1, columns
	if n.Attrs().Bool("transpose_a") {
		rowA, stepA = 1, rows
	}
	if n.Attrs().Bool("transpose_b") {
		columnB, stepB = inner, 1
	}
	zero := in[0].Graph().Scalar(n.DType(), 0)
	next := graph.FMA // as the kernel
	if m.fast {
		next = func(x, y, sum *graph.Node) *graph.Node { return graph.Add(sum, graph.Mul(x, y)) } // what is multiplied by 0 or 1 goes; what is left may be joined again
	}
	if n.Attrs().Bool("no_nan") {
		next = func(x, y, sum *graph.Node) *graph.Node { return graph.Add(sum, graph.MulNoNan(x, y)) }
	}
	for i := range rows {
		for j := range columns {
			e := zero
			for k := range inner {
				e = next(a[i*rowA+k*stepA], b[j*columnB+k*stepB], e)
			}
			out[i*columns+j] = e
		}
	}
}
