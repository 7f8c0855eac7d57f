package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// SparseMatrix is a derivative in compressed sparse rows whose entries are computed by the graph.
type SparseMatrix struct {
	Pattern
	// Values is a vector of the entries in the order of Cols. There are no vectors without elements: of a matrix without entries it is a
	// single zero, which stands for none.
	Values *graph.Node
	// Colors is the number of directions of the compressed sweep, 0 for a matrix without entries; of both sweeps together if there are two.
	Colors int
	// Reverse is set if the sweep was in reverse mode (rows were coloured, not columns), and where there are two sweeps if more directions are those of the reverse one.
	Reverse bool
}

// CSR returns the matrix for use in the graph: in products, solutions (Newton's method) and their derivatives. That of a matrix without
// entries has one, a zero in the first row and column.
func (m *SparseMatrix) CSR() *graph.CSR {
	if m == nil {
		return &graph.CSR{}
	}
	start, column := make([]int64, len(m.Start)), make([]int64, len(m.Cols))
	for i, s := range m.Start {
		start[i] = int64(s)
	}
	for e, c := range m.Cols {
		column[e] = int64(c)
	}
	if m.NonZeros() == 0 {
		column = []int64{0}
		for i := 1; i < len(start); i++ {
			start[i] = 1
		}
	}
	return graph.NewCSR(m.Rows, m.Columns, start, column, m.Values)
}

// SparseJacobian appends the non-zero entries of ∂output/∂wrt, both flattened. Columns (for forward mode) or rows (for
// reverse mode), whichever needs fewer colours, that have no row (column) in common share a direction (Curtis, Powell & Reid 1974; Gebremedhin,
// Manne & Pothen, What color is your Jacobian?, SIAM Review 47 (2005), §3), and all directions run in one batched sweep. Where a few full rows or
// columns would take a direction for each of their entries, they are swept in the other mode (see SparseMatrix.Colors).
func SparseJacobian(output, wrt *graph.Node) (*SparseMatrix, error) {
	leave, err := checkMatrix("jacobian", &output, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	p, err := JacobianPattern(output, wrt)
	if err != nil {
		return nil, err
	}
	return sparseJacobian(output, wrt, p)
}

// sparseJacobian is SparseJacobian for the pattern.
func sparseJacobian(output, wrt *graph.Node, p *Pattern) (m *SparseMatrix, err error) {
	if p.NonZeros() == 0 {
		return emptyMatrix(p, wrt), nil
	}
	m = &SparseMatrix{Pattern: *p}
	if p.full() {
		m.Colors, m.Reverse = min(p.Rows, p.Columns), p.Rows < p.Columns
		m.Values, err = Jacobian(output, wrt)
		return m.flat(), err
	}
	t := p.transposed()
	// No colouring of the columns has fewer colours than the fullest row has entries.
	least, leastReverse := p.fullestRow(), t.fullestRow()
	var columns, rows []int32
	nc, nr := least, leastReverse
	if least <= leastReverse {
		if columns, nc = colorColumns(t, p); nc > nr {
			rows, nr = colorColumns(p, t)
		}
	} else if rows, nr = colorColumns(p, t); nr >= nc {
		columns, nc = colorColumns(t, p)
	}
	if forward, backward := p.inBothModes(t, min(nc, nr)); forward != nil {
		return sweepBoth(output, wrt, p, forward, backward)
	}
	if nc <= nr {
		m.Colors = nc
		sweep, err := sweepColors(output, wrt, columns, nc, false)
		if err != nil {
			return nil, err
		}
		m.Values = sweep.pick(p, func(_, i, j int) (color, element int) { return int(columns[j]), i })
		return m, output.Graph().Err()
	}
	m.Colors, m.Reverse = nr, true
	sweep, err := sweepColors(output, wrt, rows, nr, true)
	if err != nil {
		return nil, err
	}
	m.Values = sweep.pick(p, func(_, i, j int) (color, element int) { return int(rows[i]), j })
	return m, output.Graph().Err()
}

// sweepBoth finds some entries of a Jacobian in forward mode and the others in reverse mode: those of the two patterns, which make up p.
func sweepBoth(output, wrt *graph.Node, p, forward, backward *Pattern) (*SparseMatrix, error) {
	columns, nc := colorEntries(forward.transposed(), forward)
	rows, nr := colorEntries(backward, backward.transposed())
	down, err := sweepColors(output, wrt, columns, nc, false)
	if err != nil {
		return nil, err
	}
	up, err := sweepColors(output, wrt, rows, nr, true)
	if err != nil {
		return nil, err
	}
	defer output.Graph().AtNode(output)()
	values := graph.Concat(0,
		down.pick(forward, func(_, i, j int) (color, element int) { return int(columns[j]), i }),
		up.pick(backward, func(_, i, j int) (color, element int) { return int(rows[i]), j }))
	place, next, nextUp := make([]int64, 0, p.NonZeros()), int64(0), int64(forward.NonZeros())
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			if _, ok := slices.BinarySearch(forward.Row(i), j); ok {
				place, next = append(place, next), next+1
			} else {
				place, nextUp = append(place, nextUp), nextUp+1
			}
		}
	}
	m := &SparseMatrix{Pattern: *p, Colors: nc + nr, Reverse: nr > nc}
	m.Values = graph.Gather(values, graph.Constant(output.Graph(), place, len(place)), 0)
	return m, output.Graph().Err()
}

// colorEntries is colorColumns that leaves columns without entries out of all directions, with −1.
func colorEntries(byColumn, byRow *Pattern) (colors []int32, n int) {
	colors, n = colorColumns(byColumn, byRow)
	for j := range colors {
		if len(byColumn.Row(j)) == 0 {
			colors[j] = -1
		}
	}
	return colors, n
}

// full reports whether every element of a matrix too large to be swept as scalar code is an entry: then it is the dense derivative.
func (p *Pattern) full() bool {
	return min(p.Rows, p.Columns) > maxSingleSweeps && p.NonZeros() == p.Rows*p.Columns
}

// flat makes the dense derivative the vector of the entries of a full matrix.
func (m *SparseMatrix) flat() *SparseMatrix {
	if m.Values == nil {
		return nil
	}
	defer m.Values.Graph().AtNode(m.Values)()
	m.Values = graph.Reshape(m.Values, m.NonZeros())
	return m
}

// emptyMatrix is the derivative of what does not depend on wrt.
func emptyMatrix(p *Pattern, wrt *graph.Node) *SparseMatrix {
	defer wrt.Graph().AtNode(wrt)()
	return &SparseMatrix{Pattern: *p, Values: graph.BroadcastTo(graph.Like(wrt, 0), 1)}
}

// SparseHessian appends the non-zero entries of the second derivatives of a scalar cost by wrt, flattened. Symmetry lets
// fewer directions do: a star colouring (Coleman & Moré 1984; Gebremedhin, Manne & Pothen 2005, §4) gives every entry
// or its mirror image without elimination. The sweep is forward over reverse.
func SparseHessian(cost, wrt *graph.Node) (*SparseMatrix, error) {
	leave, err := checkMatrix("hessian", &cost, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	grad, err := Gradient(cost, wrt)
	if err != nil {
		return nil, err
	}
	p, err := JacobianPattern(grad[0], wrt)
	if err != nil {
		return nil, err
	}
	return sparseHessian(cost, grad[0], wrt, p)
}

// sparseHessian is SparseHessian for the gradient and its pattern.
func sparseHessian(cost, gradient, wrt *graph.Node, p *Pattern) (m *SparseMatrix, err error) {
	if p.NonZeros() == 0 {
		return emptyMatrix(p, wrt), nil
	}
	if p.full() {
		m = &SparseMatrix{Pattern: *p, Colors: p.Columns}
		m.Values, err = Hessian(cost, wrt)
		return m.flat(), err
	}
	p = symmetric(p)
	colors, n := colorStars(p)
	sweep, err := sweepColors(gradient, wrt, colors, n, false)
	if err != nil {
		return nil, err
	}
	m = &SparseMatrix{Pattern: *p, Colors: n}
	alone := aloneInRow(p, colors, n)
	m.Values = sweep.pick(p, func(e, i, j int) (color, element int) {
		if i >= j && alone[e] {
			return int(colors[j]), i
		}
		// The entry below the diagonal serves as its mirror image too: where sweeps are scalar code, no more of each than its column from the diagonal on is computed.
		if k, ok := slices.BinarySearch(p.Row(j), int32(i)); ok && alone[p.Start[j]+k] {
			return int(colors[i]), j
		}
		if !alone[e] {
			panic(fmt.Sprintf("BUG: entry (%d, %d) cannot be recovered from the star colouring", i, j))
		}
		return int(colors[j]), i
	})
	return m, cost.Graph().Err()
}

// aloneInRow reports for each entry whether no other column of its row has its column's colour.
func aloneInRow(p *Pattern, colors []int32, n int) []bool {
	alone, count := make([]bool, p.NonZeros()), make([]int32, n)
	for i := range p.Rows {
		row := p.Row(i)
		for _, j := range row {
			count[colors[j]]++
		}
		for k, j := range row {
			alone[p.Start[i]+k] = count[colors[j]] == 1
		}
		for _, j := range row {
			count[colors[j]] = 0
		}
	}
	return alone
}

// symmetric returns the pattern united with its transpose.
func symmetric(p *Pattern) *Pattern {
	t := p.transposed()
	s := &Pattern{Rows: p.Rows, Columns: p.Columns, Start: append(make([]int, 0, p.Rows+1), 0), Cols: make([]int32, 0, len(p.Cols))}
	for i := range p.Rows {
		s.Cols = mergeInto(s.Cols, p.Row(i), t.Row(i))
		s.Start = append(s.Start, len(s.Cols))
	}
	return s
}

// seeds returns, for each colour, the vector that is 1 at the elements of that colour: [colours]+shape.
func seeds(like *graph.Node, colors []int32, n int) *graph.Node {
	g := like.Graph()
	defer g.AtNode(like)()
	c := graph.Constant(g, colors, append([]int{1}, like.Shape()...)...)
	each := graph.Reshape(graph.Iota(g, graph.Int32, 0, n), append([]int{n}, slices.Repeat([]int{1}, like.Shape().Rank())...)...)
	return graph.Cast(graph.Equal(c, each), like.DType())
}

// compressed holds J·s for the direction s of each colour (sᵀ·J in reverse mode): in one node with the colours as leading dimension,
// or in one node for each.
type compressed struct {
	batch  *graph.Node
	single []*graph.Node
}

// maxSingleSweeps bounds the directions for which a graph of scalars is differentiated one by one.
const maxSingleSweeps = 64

// sweepColors differentiates in the directions of the colours. Arrays are batched; a graph that works on many scalars stays scalar code,
// once for each direction, in which what does not depend on a colour's elements is left out.
func sweepColors(output, wrt *graph.Node, colors []int32, n int, reverse bool) (*compressed, error) {
	seeded := wrt
	if reverse {
		seeded = output
	}
	if n > maxSingleSweeps || !mostlyScalars(output, wrt) {
		sweep := jacobianColumns
		if reverse {
			sweep = jacobianRows
		}
		batch, err := sweep(output, wrt, seeds(seeded, colors, n))
		return &compressed{batch: batch}, err
	}
	c := &compressed{}
	direction := make([]float64, len(colors))
	for color := range n {
		for i, of := range colors {
			direction[i] = 0
			if int(of) == color {
				direction[i] = 1
			}
		}
		seed := vectorLike(seeded, direction)
		var sweep []*graph.Node
		var err error
		if reverse {
			sweep, err = VJP([]*graph.Node{output}, []*graph.Node{wrt}, []*graph.Node{seed})
		} else {
			sweep, err = JVP([]*graph.Node{output}, []*graph.Node{wrt}, []*graph.Node{seed})
		}
		if err != nil {
			return nil, err
		}
		c.single = append(c.single, sweep[0])
	}
	return c, nil
}

// vectorLike returns the constant of the node's type that has the elements.
func vectorLike(n *graph.Node, elements []float64) *graph.Node {
	defer n.Graph().AtNode(n)()
	if n.DType() == graph.Float64 {
		return graph.Constant(n.Graph(), elements, n.Shape()...)
	}
	narrow := make([]float32, len(elements))
	for i, e := range elements {
		narrow[i] = float32(e)
	}
	return graph.Constant(n.Graph(), narrow, n.Shape()...)
}

// mostlyScalars reports whether most nodes between wrt and output are scalars, or arrays that become scalars, and there are many.
func mostlyScalars(output, wrt *graph.Node) bool {
	list, _ := between(output.Graph(), []*graph.Node{output}, []*graph.Node{wrt}, false)
	small := smallArrays(slices.Values(list))
	scalars, elements := 0, 0
	for _, n := range list {
		if n.Type().IsScalar() || small[n.ID()] {
			scalars++
			elements += n.Shape().Size()
		}
	}
	return elements >= 32 && 2*scalars >= len(list)
}

// pick returns the entries of the pattern as a vector; at says in which colour's direction and at which element entry e, at (i, j), is found.
func (c *compressed) pick(p *Pattern, at func(e, i, j int) (color, element int)) *graph.Node {
	if c.batch == nil {
		return c.pickSingle(p, at)
	}
	width := c.batch.Shape().Size() / c.batch.Shape()[0]
	index := make([]int64, 0, p.NonZeros())
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			color, element := at(len(index), i, int(j))
			index = append(index, int64(color*width+element))
		}
	}
	return graph.Gather(graph.Reshape(c.batch, c.batch.Shape().Size()), graph.Constant(c.batch.Graph(), index, len(index)), 0)
}

// pickSingle joins the entries into a vector, past the vectors of the directions where these are made of scalars.
func (c *compressed) pickSingle(p *Pattern, at func(e, i, j int) (color, element int)) *graph.Node {
	elements := make([]func(i int) *graph.Node, len(c.single))
	for k, n := range c.single {
		elements[k] = elementsOf(n)
	}
	pieces, indices := make([]*graph.Node, 0, p.NonZeros()), make([]int, p.NonZeros())
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			color, element := at(len(pieces), i, int(j))
			indices[len(pieces)] = len(pieces)
			pieces = append(pieces, elements[color](element))
		}
	}
	return graph.IndexTranspose(graph.Shape{len(pieces)}, indices, pieces...)
}

// elementsOf returns the function that gives an element of the flattened node.
func elementsOf(n *graph.Node) func(i int) *graph.Node {
	if n.Type().IsScalar() {
		return func(int) *graph.Node { return n }
	}
	if places := n.Op().Places; places != nil && n.Input(0).Type().IsScalar() {
		zero := graph.Like(n, 0)
		all := slices.Repeat([]*graph.Node{zero}, n.Shape().Size())
		place := places(n)
		for k, in := range n.Inputs() {
			all[place(k)] = in
		}
		return func(i int) *graph.Node { return all[i] }
	}
	flat := graph.Reshape(n, n.Shape().Size())
	return func(i int) *graph.Node { return elementOfConstant(graph.Index(flat, i)) }
}
