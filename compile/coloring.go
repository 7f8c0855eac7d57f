package compile

import (
	"math/bits"
	"slices"
)

// colorColumns gives every column the smallest colour that no column sharing a row with it has, in order of
// descending degree. byColumn lists the rows of each column, byRow the columns of each row.
//
// Rows of many entries keep the colours of their columns as bits, so that with n columns no entry costs more than n/64 steps; of a full row no
// two columns share a colour, so there is nothing to find.
func colorColumns(byColumn, byRow *Pattern) (colors []int32, n int) {
	columns := byColumn.Rows
	colors = slices.Repeat([]int32{-1}, columns)
	if byRow.fullestRow() == columns {
		for j := range colors {
			colors[j] = int32(j)
		}
		return colors, columns
	}
	long := longRow(columns)
	taken := make([]bitset, byRow.Rows) // of long rows: the colours of their columns
	var free bitset
	for _, j := range byDegree(byColumn) {
		rows := byColumn.Row(int(j))
		free.fill(n)
		for _, i := range rows {
			if len(byRow.Row(int(i))) >= long {
				free.remove(taken[i])
				continue
			}
			for _, k := range byRow.Row(int(i)) {
				if c := colors[k]; c >= 0 {
					free.clear(int(c))
				}
			}
		}
		c := free.first(n)
		n = max(n, c+1)
		colors[j] = int32(c)
		for _, i := range rows {
			if len(byRow.Row(int(i))) >= long {
				taken[i] = taken[i].with(c)
			}
		}
	}
	return colors, n
}

// longRow is the number of entries from which a row has a bit for each of n colours: these take no more memory than the entries do.
func longRow(n int) int { return max(64, n/64) }

// byDegree lists the rows of a pattern from the fullest on; ties keep their order.
func byDegree(p *Pattern) []int32 {
	order := make([]int32, p.Rows)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return len(p.Row(int(b))) - len(p.Row(int(a))) })
	return order
}

// fullestRow returns the largest number of entries in a row.
func (p *Pattern) fullestRow() int {
	most := 0
	for i := range p.Rows {
		most = max(most, p.Start[i+1]-p.Start[i])
	}
	return most
}

// inBothModes divides the entries among a forward and a reverse sweep, if with a few full rows in reverse mode, or a few full columns in forward mode, and everything
// else in the other mode, no more than half as many directions do; else it returns nil. t is the transposed pattern. Coleman & Verma, The efficient computation of sparse Jacobian matrices using automatic
// differentiation, SIAM J. Sci. Comput. 19 (1998), choose the modes of all rows and columns.
func (p *Pattern) inBothModes(t *Pattern, directions int) (forward, backward *Pattern) {
	rows, byRows := p.apart()
	columns, byColumns := t.apart()
	switch {
	case 2*min(byRows, byColumns) > directions:
		return nil, nil
	case byRows <= byColumns:
		return p.part(func(i, _ int) bool { return !rows[i] }), p.part(func(i, _ int) bool { return rows[i] })
	}
	return p.part(func(_, j int) bool { return columns[j] }), p.part(func(_, j int) bool { return !columns[j] })
}

// apart returns the rows that are best swept on their own, a direction each, and the number of directions with those that the fullest of the other rows takes. If
// there are no such rows the number is larger than any that is needed.
func (p *Pattern) apart() (alone []bool, directions int) {
	order := byDegree(p)
	best := 0
	directions = p.fullestRow()
	for k := 1; k <= len(order); k++ {
		with := k
		if k < len(order) {
			with += len(p.Row(int(order[k])))
		}
		if with < directions {
			best, directions = k, with
		}
	}
	if best == 0 {
		return nil, p.Rows + p.Columns
	}
	alone = make([]bool, p.Rows)
	for _, i := range order[:best] {
		alone[i] = true
	}
	return alone, directions
}

// part returns the pattern of the entries that are in it.
func (p *Pattern) part(in func(i, j int) bool) *Pattern {
	q := &Pattern{Rows: p.Rows, Columns: p.Columns, Start: append(make([]int, 0, p.Rows+1), 0)}
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			if in(i, int(j)) {
				q.Cols = append(q.Cols, j)
			}
		}
		q.Start = append(q.Start, len(q.Cols))
	}
	return q
}

// stars is a star colouring under way. The edges between vertices of two colours form stars: trees with one inner vertex, the hub. Each coloured
// vertex w lists the colours among its neighbours, each with the star that its edges to that colour belong to; they are one star, since w is
// its hub if they are several.
type stars struct {
	p      *Pattern
	colors []int32

	color, star []int32  // the lists, w's from p.Start[w] on
	count       []int32  // their lengths
	leaf        []int32  // in how many stars that have a hub a vertex is a leaf
	listed      []bitset // of vertices with many neighbours: the colours in the list

	hub  []int32    // of each star, −1 while it is a single edge
	edge [][2]int32 // of each star: its first one

	own, ownOf []int32 // by colour: the star in the list of a vertex, and whose: 1 + that vertex

	forbidden []int32 // by colour: 1 + the vertex that must not have it
	taken     int     // how many colours the vertex at hand must not have
}

// colorStars colours the vertices of a symmetric pattern such that neighbours differ and every path of four vertices has
// at least three colours: algorithm 4.5 of Gebremedhin, Tarafdar, Manne & Pothen, New acyclic and star coloring algorithms
// with application to computing Hessians, SIAM J. Sci. Comput. 29 (2007), which looks at the stars of two colours in place of the paths. Vertices go
// in their own order, which suits the banded matrices of chains.
//
// An entry costs at most as many steps as there are colours, less than the sweep in their directions.
func colorStars(p *Pattern) (colors []int32, n int) {
	s := &stars{p: p, colors: slices.Repeat([]int32{-1}, p.Rows), color: make([]int32, len(p.Cols)), star: make([]int32, len(p.Cols)),
		count: make([]int32, p.Rows), leaf: make([]int32, p.Rows), listed: make([]bitset, p.Rows)}
	var first, firstOf []int32 // by colour: a neighbour that has it, and whose neighbour: 1 + that vertex
	for v := range int32(p.Rows) {
		s.taken = 0
		for _, w := range p.Row(int(v)) {
			if c := s.colors[w]; c >= 0 && w != v {
				s.forbid(c, v)
			}
		}
		for _, w := range p.Row(int(v)) {
			c := s.colors[w]
			if c < 0 || w == v {
				continue
			}
			if firstOf[c] == v+1 { // v would be the hub of a star with w and another leaf
				s.forbidAround(first[c], v)
				s.forbidAround(w, v)
				continue
			}
			firstOf[c], first[c] = v+1, w
			s.forbidHubs(w, v)
		}
		c := int32(0)
		for int(c) < len(s.forbidden) && s.forbidden[c] == v+1 {
			c++
		}
		fresh := int(c) == len(s.forbidden)
		if fresh {
			s.forbidden, first, firstOf = append(s.forbidden, 0), append(first, 0), append(firstOf, 0)
			s.own, s.ownOf = append(s.own, 0), append(s.ownOf, 0)
		}
		s.colors[v] = c
		s.join(v, fresh)
	}
	return s.colors, len(s.forbidden)
}

func (s *stars) forbid(c, v int32) {
	if s.forbidden[c] != v+1 {
		s.forbidden[c] = v + 1
		s.taken++
	}
}

// forbidAround keeps v from the colours of w's neighbours.
func (s *stars) forbidAround(w, v int32) {
	from := s.p.Start[w]
	for k := from; k < from+int(s.count[w]) && s.taken < len(s.forbidden); k++ {
		s.forbid(s.color[k], v)
	}
}

// forbidHubs keeps v from the colours of the hubs that w is a leaf of: with another leaf they would be a path of two colours.
func (s *stars) forbidHubs(w, v int32) {
	if s.leaf[w] == 0 {
		return
	}
	from := s.p.Start[w]
	for k := from; k < from+int(s.count[w]) && s.taken < len(s.forbidden); k++ {
		if h := s.hub[s.star[k]]; h >= 0 && h != w {
			s.forbid(s.color[k], v)
		}
	}
}

// join enters the edges between v and its coloured neighbours into stars. No other vertex has a fresh colour.
func (s *stars) join(v int32, fresh bool) {
	c := s.colors[v]
	for _, w := range s.p.Row(int(v)) {
		d := s.colors[w]
		if d < 0 || w == v {
			continue
		}
		star := int32(-1)
		if !fresh {
			star = s.find(w, c)
		}
		if star >= 0 { // w has another neighbour of v's colour
			s.makeHub(star, w)
			s.leaf[v]++
		} else {
			if s.ownOf[d] == v+1 { // v has another neighbour of w's colour
				star = s.own[d]
				s.makeHub(star, v)
				s.leaf[w]++
			} else {
				star = int32(len(s.hub))
				s.hub, s.edge = append(s.hub, -1), append(s.edge, [2]int32{v, w})
			}
			s.enter(w, c, star)
		}
		if s.ownOf[d] != v+1 {
			s.ownOf[d], s.own[d] = v+1, star
			s.enter(v, d, star)
		}
	}
}

// find returns w's star to a colour, −1 for none.
func (s *stars) find(w, c int32) int32 {
	if s.isLong(w) && !s.listed[w].has(int(c)) {
		return -1
	}
	from := s.p.Start[w]
	for k := from; k < from+int(s.count[w]); k++ {
		if s.color[k] == c {
			return s.star[k]
		}
	}
	return -1
}

func (s *stars) enter(w, c, star int32) {
	k := s.p.Start[w] + int(s.count[w])
	s.color[k], s.star[k] = c, star
	s.count[w]++
	if s.isLong(w) {
		s.listed[w] = s.listed[w].with(int(c))
	}
}

func (s *stars) isLong(w int32) bool { return len(s.p.Row(int(w))) >= longRow(s.p.Rows) }

// makeHub gives a star that was a single edge its hub.
func (s *stars) makeHub(star, v int32) {
	if s.hub[star] >= 0 {
		return
	}
	s.hub[star] = v
	for _, w := range s.edge[star] {
		if w != v {
			s.leaf[w]++
		}
	}
}

// bitset holds small numbers.
type bitset []uint64

// fill makes it hold all numbers below n.
func (b *bitset) fill(n int) {
	*b = (*b)[:0]
	for k := 0; k < n; k += 64 {
		*b = append(*b, ^uint64(0))
	}
}

func (b bitset) has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 != 0 }

func (b bitset) clear(i int) { b[i/64] &^= 1 << (i % 64) }

// remove takes out what is in the other one.
func (b bitset) remove(other bitset) {
	for k, w := range other {
		b[k] &^= w
	}
}

// first returns the smallest number below n that it holds, n for none.
func (b bitset) first(n int) int {
	for k, w := range b {
		if w != 0 {
			return min(n, 64*k+bits.TrailingZeros64(w))
		}
	}
	return n
}

// with returns it with a number more.
func (b bitset) with(i int) bitset {
	for len(b) <= i/64 {
		b = append(b, 0)
	}
	b[i/64] |= 1 << (i % 64)
	return b
}
