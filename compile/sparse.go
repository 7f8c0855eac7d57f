package compile

import (
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

// SparseJacobian appends the non-zero entries of ∂output/∂wrt, both flattened. Columns (for forward mode) or rows (for
// reverse mode), whichever needs fewer colours, that have no row (column) in common share a direction (Curtis, Powell & Reid 1974; Gebremedhin,
// Manne & Pothen, What color is your Jacobian?, SIAM Review 47 (2005), §3), and all directions run in one batched sweep.
func SparseJacobian(output, wrt *graph.Node) (*SparseMatrix, error) {
	if _, err := checkDerivative("jacobian", []*graph.Node{output}, nil, []*graph.Node{wrt}); err != nil {
		return nil, err
	}
	p, err := JacobianPattern(output, wrt)
	if err != nil {
		return nil, err
	}
	t := p.transposed()
	columns, nc := colorColumns(t, p)
	rows, nr := colorColumns(p, t)
	m := &SparseMatrix{Pattern: *p}
	if nc <= nr {
		// The compressed matrix is [colour, row].
		m.Colors = nc
		dense, err := jacobianColumns(output, wrt, seeds(wrt, columns, nc))
		if err != nil {
			return nil, err
		}
		m.Values = pickEntries(dense, p, func(i, j int) int { return int(columns[j])*p.Rows + i })
		return m, output.Graph().Err()
	}
	m.Colors, m.Reverse = nr, true
	dense, err := jacobianRows(output, wrt, seeds(output, rows, nr))
	if err != nil {
		return nil, err
	}
	m.Values = pickEntries(dense, p, func(i, j int) int { return int(rows[i])*p.Columns + j })
	return m, output.Graph().Err()
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
	if err != nil {
		return nil, err
	}
	p = symmetric(p)
	colors, n := colorStars(p)
	dense, err := jacobianColumns(grad[0], wrt, seeds(wrt, colors, n))
	if err != nil {
		return nil, err
	}
	m := &SparseMatrix{Pattern: *p, Colors: n}
	m.Values = pickEntries(dense, p, func(i, j int) int {
		if aloneInRow(p, colors, i, j) {
			return int(colors[j])*p.Rows + i
		}
		if !aloneInRow(p, colors, j, i) {
			panic(fmt.Sprintf("BUG: entry (%d, %d) cannot be recovered from the star colouring", i, j))
		}
		return int(colors[i])*p.Rows + j
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

// pickEntries gathers the entries of the pattern from the flattened compressed matrix.
func pickEntries(dense *graph.Node, p *Pattern, at func(i, j int) int) *graph.Node {
	if p.NonZeros() == 0 {
		return dense.Graph().Fail("jacobian", fmt.Errorf("all derivatives are zero"))
	}
	index := make([]int64, 0, p.NonZeros())
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			index = append(index, int64(at(i, int(j))))
		}
	}
	g := dense.Graph()
	return graph.Gather(graph.Reshape(dense, dense.Shape().Size()), graph.Constant(g, index, len(index)), 0)
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
