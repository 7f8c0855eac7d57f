package compile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// SparseMatrix is a derivative in compressed sparse rows whose entries are computed by the graph.
type SparseMatrix struct {
	Pattern
	// Values is a vector of the entries in the order of Cols.
	Values *graph.Node
	// Colors is the number of directions of the compressed sweep.
	Colors int
	// Reverse is set if the sweep was in reverse mode (rows were coloured, not columns).
	Reverse bool
}

// CSR returns the matrix for use in the graph: in products, solutions (Newton's method) and their derivatives.
func (m *SparseMatrix) CSR() *graph.CSR {
	start, column := make([]int64, len(m.Start)), make([]int64, len(m.Cols))
	for i, s := range m.Start {
		start[i] = int64(s)
	}
	for e, c := range m.Cols {
		column[e] = int64(c)
	}
	return graph.NewCSR(m.Rows, m.Columns, start, column, m.Values)
}

// SparseJacobian appends the non-zero entries of ∂output/∂wrt, both flattened. Columns (for forward mode) or rows (for
// reverse mode), whichever needs fewer colours, that have no row (column) in common share a direction (Curtis, Powell & Reid 1974; Gebremedhin,
// Manne & Pothen, What color is your Jacobian?, SIAM Review 47 (2005), §3), and all directions run in one batched sweep.
func SparseJacobian(output, wrt *graph.Node) (*SparseMatrix, error) {
	if _, err := checkDerivative("jacobian", []*graph.Node{output}, nil, []*graph.Node{wrt}); err != nil {
		return nil, err
	}
	p, err := JacobianPattern(output, wrt)
	if err == nil {
		err = notEmpty(p, output, "jacobian")
	}
	if err != nil {
		return nil, err
	}
	t := p.transposed()
	columns, nc := colorColumns(t, p)
	rows, nr := colorColumns(p, t)
	m := &SparseMatrix{Pattern: *p}
	if nc <= nr {
		m.Colors = nc
		sweep, err := sweepColors(output, wrt, columns, nc, false)
		if err != nil {
			return nil, err
		}
		m.Values = sweep.pick(p, func(i, j int) (color, element int) { return int(columns[j]), i })
		return m, output.Graph().Err()
	}
	m.Colors, m.Reverse = nr, true
	sweep, err := sweepColors(output, wrt, rows, nr, true)
	if err != nil {
		return nil, err
	}
	m.Values = sweep.pick(p, func(i, j int) (color, element int) { return int(rows[i]), j })
	return m, output.Graph().Err()
}

// notEmpty refuses patterns without entries, since there are no vectors without elements.
func notEmpty(p *Pattern, n *graph.Node, what string) error {
	if p.NonZeros() == 0 {
		return userError(n, what, errors.New("all derivatives are zero: a sparse matrix has no entries"))
	}
	return nil
}

// SparseHessian appends the non-zero entries of the second derivatives of a scalar cost by wrt, flattened. Symmetry lets
// fewer directions do: a star colouring (Coleman & Moré 1984; Gebremedhin, Manne & Pothen 2005, §4) gives every entry
// or its mirror image without elimination. The sweep is forward over reverse.
func SparseHessian(cost, wrt *graph.Node) (*SparseMatrix, error) {
	grad, err := Gradient(cost, wrt)
	if err != nil {
		return nil, err
	}
	p, err := JacobianPattern(grad[0], wrt)
	if err == nil {
		err = notEmpty(p, cost, "hessian")
	}
	if err != nil {
		return nil, err
	}
	p = symmetric(p)
	colors, n := colorStars(p)
	sweep, err := sweepColors(grad[0], wrt, colors, n, false)
	if err != nil {
		return nil, err
	}
	m := &SparseMatrix{Pattern: *p, Colors: n}
	m.Values = sweep.pick(p, func(i, j int) (color, element int) {
		if aloneInRow(p, colors, i, j) {
			return int(colors[j]), i
		}
		if !aloneInRow(p, colors, j, i) {
			panic(fmt.Sprintf("BUG: entry (%d, %d) cannot be recovered from the star colouring", i, j))
		}
		return int(colors[i]), j
	})
	return m, cost.Graph().Err()
}

// aloneInRow reports whether no other column of row i has the colour of column j.
func aloneInRow(p *Pattern, colors []int32, i, j int) bool {
	for _, k := range p.Row(i) {
		if int(k) != j && colors[k] == colors[j] {
			return false
		}
	}
	return true
}

// symmetric returns the pattern united with its transpose.
func symmetric(p *Pattern) *Pattern {
	t := p.transposed()
	s := newIndexSets(p.Rows)
	for i := range p.Rows {
		s.addUnion(p.Row(i), t.Row(i))
	}
	return &Pattern{Rows: p.Rows, Columns: p.Columns, Start: s.start, Cols: s.items}
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
			sweep, err = VJP([]*graph.Node{output}, []*graph.Node{seed}, []*graph.Node{wrt})
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

// mostlyScalars reports whether most nodes between wrt and output are scalars, and there are many.
func mostlyScalars(output, wrt *graph.Node) bool {
	list, _ := between(output.Graph(), []*graph.Node{output}, []*graph.Node{wrt}, false)
	scalars := 0
	for _, n := range list {
		if n.Type().IsScalar() {
			scalars++
		}
	}
	return scalars >= 32 && 2*scalars >= len(list)
}

// pick returns the entries of the pattern as a vector; at says in which colour's direction and at which element they are found.
func (c *compressed) pick(p *Pattern, at func(i, j int) (color, element int)) *graph.Node {
	if c.batch == nil {
		return c.pickSingle(p, at)
	}
	width := c.batch.Shape().Size() / c.batch.Shape()[0]
	index := make([]int64, 0, p.NonZeros())
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			color, element := at(i, int(j))
			index = append(index, int64(color*width+element))
		}
	}
	return graph.Gather(graph.Reshape(c.batch, c.batch.Shape().Size()), graph.Constant(c.batch.Graph(), index, len(index)), 0)
}

// pickSingle joins the entries into a vector, past the vectors of the directions where these are made of scalars.
func (c *compressed) pickSingle(p *Pattern, at func(i, j int) (color, element int)) *graph.Node {
	elements := make([]func(i int) *graph.Node, len(c.single))
	for k, n := range c.single {
		elements[k] = elementsOf(n)
	}
	pieces, indices := make([]*graph.Node, 0, p.NonZeros()), make([]int, p.NonZeros())
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			color, element := at(i, int(j))
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
	if n.Op() == opIndexTranspose && n.Input(0).Type().IsScalar() {
		zero := graph.Like(n, 0)
		all := slices.Repeat([]*graph.Node{zero}, n.Shape().Size())
		place := assembler(n)
		for k, in := range n.Inputs() {
			all[place(k)] = in
		}
		return func(i int) *graph.Node { return all[i] }
	}
	flat := graph.Reshape(n, n.Shape().Size())
	return func(i int) *graph.Node { return elementOfConstant(graph.Index(flat, i)) }
}

// colorColumns gives every column the smallest colour that no column sharing a row with it has, in order of
// descending degree. byColumn lists the rows of each column, byRow the columns of each row.
func colorColumns(byColumn, byRow *Pattern) (colors []int32, n int) {
	order := byDegree(byColumn)
	colors = slices.Repeat([]int32{-1}, byColumn.Rows)
	taken := []int32{} // taken[c] = 1 + the last column that could not have colour c
	for _, j := range order {
		for _, i := range byColumn.Row(int(j)) {
			for _, k := range byRow.Row(int(i)) {
				if c := colors[k]; c >= 0 {
					taken[c] = j + 1
				}
			}
		}
		c := 0
		for c < len(taken) && taken[c] == j+1 {
			c++
		}
		if c == len(taken) {
			taken = append(taken, 0)
		}
		colors[j] = int32(c)
	}
	return colors, max(1, len(taken))
}

// byDegree lists the rows of a pattern from the fullest on; ties keep their order.
func byDegree(p *Pattern) []int32 {
	order := make([]int32, p.Rows)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return len(p.Row(int(b))) - len(p.Row(int(a))) })
	return order
}

// colorStars colours the vertices of a symmetric pattern such that neighbours differ and every path of four vertices has
// at least three colours: algorithm 4.1 of Gebremedhin, Tarafdar, Manne & Pothen, New acyclic and star coloring algorithms
// with application to computing Hessians, SIAM J. Sci. Comput. 29 (2007). Vertices go in their own order, which
// suits the banded matrices of chains.
func colorStars(p *Pattern) (colors []int32, n int) {
	colors = slices.Repeat([]int32{-1}, p.Rows)
	forbidden := []int32{}
	forbid := func(c, v int32) {
		if c >= 0 {
			forbidden[c] = v + 1
		}
	}
	for v := int32(0); int(v) < p.Rows; v++ {
		for _, w := range p.Row(int(v)) {
			if w == v {
				continue
			}
			forbid(colors[w], v)
			for _, x := range p.Row(int(w)) {
				if x == v || x == w || colors[x] < 0 {
					continue
				}
				if colors[w] < 0 {
					forbid(colors[x], v)
					continue
				}
				// The path v − w − x may be extended by a neighbour of x that has w's colour.
				for _, y := range p.Row(int(x)) {
					if y != w && y != x && colors[y] == colors[w] {
						forbid(colors[x], v)
						break
					}
				}
			}
		}
		c := 0
		for c < len(forbidden) && forbidden[c] == v+1 {
			c++
		}
		if c == len(forbidden) {
			forbidden = append(forbidden, 0)
		}
		colors[v] = int32(c)
	}
	return colors, max(1, len(forbidden))
}
