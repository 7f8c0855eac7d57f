package linalg

import (
	"sync/atomic"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// choleskyBlock is the number of rows of U = Lᵀ that are computed at once.
const choleskyBlock = 64

// NewCholesky returns the plan for decompositions A = L·Lᵀ of n×n matrices: X is L, with zeros above the diagonal, for the matrix whose lower triangle A holds. One that is not
// positive definite fails.
func NewCholesky[T Float](count, n int, level cpu.Level) *Plan[T] {
	if inLanes(count, n) {
		return newLanes(newKit[T](level), count, n*n, n, 0, choleskyLanes[T])
	}
	return newPlan(count, n, func() algorithm[T] { return newCholesky[T](n, level) })
}

// cholesky is the algorithm for one matrix.
//
// Blocks of rows of U = Lᵀ are computed one after another, from the rows above them: items are blocks of their columns, which solve for themselves. The first item also computes the block
// on the diagonal below, which all items of the next step need. L is kept too, as the left factor of products, and U negated, as their right factor.
type cholesky[T Float] struct {
	kit[T]
	n, ld    int
	src, dst []T
	u, l     []T
	triangle []T // of L on the diagonal, inner×inner
	j0, j1   int // rows of the step; j1 = 0 before the first, when A is read
	out      bool
	failed   atomic.Bool
}

func newCholesky[T Float](n int, level cpu.Level) *cholesky[T] {
	c := &cholesky[T]{kit: newKit[T](level), n: n}
	c.ld = c.leading(n)
	return c
}

func (c *cholesky[T]) Work() int {
	return 2*bytes[T](c.n*c.ld) + bytes[T](ceil(c.n, inner)*inner*inner)
}

func (c *cholesky[T]) Each() int { return c.each() }

// outRows is the number of rows of L that an item writes.
const outRows = 32

func (c *cholesky[T]) Run(r gemm.Runner, o Operands[T], work []byte, workers [][]byte) bool {
	c.begin(workers)
	c.src, c.dst, c.out = o.A, o.X, false
	c.u, c.l, c.triangle = take[T](&work, c.n*c.ld), take[T](&work, c.n*c.ld), take[T](&work, ceil(c.n, inner)*inner*inner)
	c.failed.Store(false)
	c.j0, c.j1 = 0, 0
	for c.j1 < c.n {
		r.Parallel(c, c.items())
		if c.failed.Load() {
			break
		}
		c.j0, c.j1 = c.j1, min(c.n, c.j1+choleskyBlock)
	}
	ok := !c.failed.Load()
	if ok && c.n > choleskyBlock {
		c.out = true
		r.Parallel(c, ceil(c.n, outRows))
	}
	c.src, c.dst, c.u, c.l, c.triangle = nil, nil, nil, nil, nil
	c.end()
	return ok
}

// items is the number of blocks of columns right of the step's rows: the first is as wide as the next step's rows.
func (c *cholesky[T]) items() int {
	return 1 + ceil(max(0, c.n-c.j1-choleskyBlock), c.chunk)
}

// Do runs an item: it is a pool.Task.
func (c *cholesky[T]) Do(number, item int) {
	g := c.goroutine(number)
	if c.out {
		for i := item * outRows; i < min(c.n, (item+1)*outRows); i++ {
			c.write(i)
		}
		return
	}
	lo, hi := c.j1, min(c.n, c.j1+choleskyBlock)
	if item > 0 {
		lo = hi + (item-1)*c.chunk
		hi = min(c.n, lo+c.chunk)
	}
	if c.j1 == 0 {
		c.transpose(g, c.u[lo:], c.ld, c.src[lo*c.n:], c.n, hi-lo, hi)
	} else {
		c.solve(g, lo, hi)
	}
	if item > 0 {
		return
	}
	c.chain(g, c.l[lo*c.ld:], c.ld, c.u[lo:], c.ld, c.u[lo*c.ld+lo:], c.ld, hi-lo, hi-lo, lo)
	if !c.diagonal(g, lo, hi) {
		c.failed.Store(true)
		return
	}
	if c.n <= choleskyBlock {
		for i := range c.n {
			c.write(i)
		}
	}
}

func (c *cholesky[T]) write(i int) {
	row := c.dst[i*c.n : (i+1)*c.n]
	copy(row[:i+1], c.l[i*c.ld:])
	clear(row[i+1:])
}

// solve computes the columns lo ≤ j < hi of the step's rows.
func (c *cholesky[T]) solve(g *goroutine[T], lo, hi int) {
	ld, n := c.ld, hi-lo
	c.chain(g, c.l[c.j0*ld:], ld, c.u[lo:], ld, c.u[c.j0*ld+lo:], ld, c.j1-c.j0, n, c.j0)
	for i := c.j0; i < c.j1; i += inner {
		c.chain(g, c.l[i*ld+c.j0:], ld, c.u[c.j0*ld+lo:], ld, c.u[i*ld+lo:], ld, min(inner, c.j1-i), n, i-c.j0)
		c.finish(g, i, min(inner, c.j1-i), lo, hi)
	}
}

// finish solves for so many rows from i on, which the rows above have been taken off, in the columns lo ≤ j < hi, and copies them to L.
func (c *cholesky[T]) finish(g *goroutine[T], i, rows, lo, hi int) {
	if lo == hi {
		return
	}
	c.substitute(g, c.u[i*c.ld+lo:], c.ld, c.triangle[i*inner:], rows, hi-lo, false)
	c.transpose(g, c.l[lo*c.ld+i:], c.ld, c.u[i*c.ld+lo:], c.ld, rows, hi-lo)
	for r := i; r < i+rows; r++ {
		row := c.u[r*c.ld+lo : r*c.ld+hi]
		negate(row, row)
	}
}

// diagonal decomposes the block of the rows and columns lo ≤ j < hi.
func (c *cholesky[T]) diagonal(g *goroutine[T], lo, hi int) bool {
	ld := c.ld
	for i := lo; i < hi; i += inner {
		rows := min(inner, hi-i)
		c.chain(g, c.l[i*ld+lo:], ld, c.u[lo*ld+i:], ld, c.u[i*ld+i:], ld, rows, hi-i, i-lo)
		t := c.triangle[i*inner:]
		if !choleskySmall(c.u[i*ld+i:], ld, t, rows) {
			return false
		}
		for r := range rows {
			copy(c.l[(i+r)*ld+i:], t[r*inner:r*inner+r+1])
		}
		c.finish(g, i, rows, i+rows, hi)
	}
	return true
}

// choleskySmall sets l, inner elements from row to row, to the factor of the matrix whose upper triangle u holds.
func choleskySmall[T Float](u []T, ld int, l []T, rows int) bool {
	for j := range rows {
		row := l[j*inner : j*inner+j+1]
		s := u[j*ld+j]
		for _, v := range row[:j] {
			s = fma(-v, v, s)
		}
		if !(s > 0) {
			return false
		}
		d := sqrt(s)
		row[j] = d
		for i := j + 1; i < rows; i++ {
			s := u[j*ld+i]
			for k, v := range row[:j] {
				s = fma(-l[i*inner+k], v, s)
			}
			l[i*inner+j] = s / d
		}
	}
	return true
}
