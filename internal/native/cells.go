package native

import "github.com/adjoint-go/adjoint/internal/prefetch"

// cell is what the namer knows of a cell of the arena.
type cell struct {
	value int32 // current value, as its number above valueBase
	temp  int32 // of a temporary: its number + 1, 0 while it has none
	kind  uint8 // what lies there
	lasts bool  // a chunk has left a value there to later ones
	later bool  // of a temporary: its value is read after the instruction that was named last
}

// What lies in a cell.
const (
	cellUnknown uint8 = iota
	cell8             // first half of 8 bytes
	cell8Tail         // second half
	cell4
	cell1
)

const pageCells = 64

// cellTable holds the cells that the code names. Pages are made when they are first needed, so that a few scalars in a large arena cost little.
type cellTable struct {
	pages []*[pageCells]cell
	cells int
	temps int32 // numbered so far
}

func newCellTable(arenaBytes int) cellTable {
	n := arenaBytes / 4
	return cellTable{pages: make([]*[pageCells]cell, n/pageCells+1), cells: n}
}

// At returns the cell, which is below t.cells.
func (t *cellTable) at(n uint32) *cell {
	p := t.pages[n/pageCells]
	if p == nil {
		p = new([pageCells]cell)
		t.pages[n/pageCells] = p
	}
	return &p[n%pageCells]
}

// ahead asks for the cell, which may lie outside of the table.
func (t *cellTable) ahead(n uint32) {
	if k := n / pageCells; uint64(k) < uint64(len(t.pages)) && t.pages[k] != nil {
		prefetch.To(&t.pages[k][n%pageCells])
	}
}

// number returns the number of a temporary, counted in the order in which they are asked for.
func (t *cellTable) number(c *cell) int32 {
	if c.temp == 0 {
		t.temps++
		c.temp = t.temps
	}
	return c.temp - 1
}
