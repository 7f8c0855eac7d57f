package linalg

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// householder is the algorithm for reduced decompositions A = Q·R of m×n matrices by Householder reflections.
//
// The reflectors of a panel of columns are found, then applied at once to all columns to the right of it (Schreiber and Van Loan, A storage-efficient WY representation for products of Householder transformations, 1989):
// items are blocks of columns. The first item takes the columns of the next panel and finds its reflectors, while others still work.
type householder struct {
	kit[float64]
	m, n, k, ld, ldv int
	a                []float64
	reflectors
	line   []float64
	j0, j1 int // columns of the step's panel; j1 = 0 before the first, when the operand is read
	result bool
	o      Operands[float64]
}

// NewQR returns the plan for reduced decompositions of m×n matrices: Q is X, with min(m, n) columns, and R is Y.
func NewQR(count, m, n int, level cpu.Level) *Plan[float64] {
	return newPlan(count, max(m, n), func() algorithm[float64] {
		q := &householder{kit: newKit[float64](level), m: m, n: n, k: min(m, n)}
		q.ld, q.ldv = q.leading(n), q.leading(q.k)
		return q
	})
}

func (q *householder) Work() int {
	return bytes[float64](q.m*q.ld) + reflectorsBytes(q.m, q.k, q.ldv, q.leading(q.m)) + bytes[float64](q.m+q.pad)
}

// columnsItem is the number of columns that an item takes.
const columnsItem = reflectorBlock

func (q *householder) Each() int {
	return q.each() + bytes[float64](q.m*q.leading(min(columnsItem, q.k))) + blockScratch
}

func (q *householder) Run(r gemm.Runner, o Operands[float64], work []byte, workers [][]byte) bool {
	if q.k == 0 {
		return true
	}
	q.begin(workers)
	q.o, q.result = o, false
	q.a = take[float64](&work, q.m*q.ld)
	q.reflectors.take(&work, q.m, q.k, q.ldv, q.leading(q.m))
	q.line = take[float64](&work, q.m+q.pad)
	q.j0, q.j1 = 0, 0
	r.Parallel(q, q.items())
	for q.j1 < q.k {
		if q.j0, q.j1 = q.j1, q.next(); q.j1 < q.n {
			r.Parallel(q, q.items())
		}
	}
	q.result = true
	r.Parallel(q, ceil(q.n, columnsItem)+ceil(q.k, columnsItem))
	q.a, q.reflectors, q.line, q.o = nil, reflectors{}, nil, Operands[float64]{}
	q.end()
	return true
}

// next is the end of the panel that begins at j1.
func (q *householder) next() int { return min(q.k, q.j1+reflectorBlock) }

// items is the number of blocks of columns from j1 on, the first being the next panel.
func (q *householder) items() int { return 1 + ceil(q.n-q.next(), columnsItem) }

// Do runs an item: it is a pool.Task.
func (q *householder) Do(number, item int) {
	g := q.goroutine(number)
	if blocks := ceil(q.n, columnsItem); q.result && item < blocks {
		q.upper(item * columnsItem)
		return
	} else if q.result {
		q.orthogonal(g, (item-blocks)*columnsItem)
		return
	}
	lo, hi := q.j1, q.next()
	if item > 0 {
		lo = hi + (item-1)*columnsItem
		hi = min(q.n, lo+columnsItem)
	}
	if lo == hi {
		return
	}
	if q.j1 == 0 {
		for i := range q.m {
			copy(q.a[i*q.ld+lo:i*q.ld+hi], q.o.A[i*q.n+lo:])
		}
	} else {
		q.reflectors.apply(&q.kit, g, q.j0, q.j1, q.j0, q.m, q.a[lo:], q.ld, hi-lo, true)
	}
	if item == 0 {
		q.panel(g, lo, hi)
	}
}

// panel finds the reflectors of the columns lo ≤ j < hi.
func (q *householder) panel(g *goroutine[float64], lo, hi int) {
	for c := lo; c < hi; c++ {
		v := q.line[:q.m-c]
		for i := range v {
			v[i] = q.a[(c+i)*q.ld+c]
		}
		q.a[c*q.ld+c], q.tau[c] = reflector(v)
		q.keep(c, lo, c, v)
		if c+1 == hi || q.tau[c] == 0 {
			continue
		}
		columns := g.small[:hi-c-1]
		clear(columns)
		rest := q.a[c*q.ld+c+1:]
		q.times(g, v, rest, q.ld, columns, len(columns))
		for i, x := range columns {
			columns[i] = -q.tau[c] * x
		}
		q.chain(g, v, 1, columns, 0, rest, q.ld, len(v), len(columns), 1)
	}
	q.combine(&q.kit, g, lo, hi, lo, q.m)
}

// upper writes the columns of R from lo on.
func (q *householder) upper(lo int) {
	hi := min(q.n, lo+columnsItem)
	for i := range q.k {
		row := q.o.Y[i*q.n+lo : i*q.n+hi]
		zeros := min(max(0, i-lo), len(row))
		clear(row[:zeros])
		copy(row[zeros:], q.a[i*q.ld+lo+zeros:])
	}
}

// orthogonal writes the columns of Q from lo on.
func (q *householder) orthogonal(g *goroutine[float64], lo int) {
	columns := min(columnsItem, q.k-lo)
	ld := q.leading(columns)
	x := take[float64](&g.memory, q.m*ld)
	clear(x)
	for i := range columns {
		x[(lo+i)*ld+i] = 1
	}
	for from := (q.k - 1) / reflectorBlock * reflectorBlock; from >= 0; from -= reflectorBlock {
		if from < lo+columns {
			q.reflectors.apply(&q.kit, g, from, min(q.k, from+reflectorBlock), from, q.m, x, ld, columns, false)
		}
	}
	for i := range q.m {
		copy(q.o.X[i*q.k+lo:i*q.k+lo+columns], x[i*ld:])
	}
}
