package linalg

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// luBlock is the number of columns of a panel.
const luBlock = 32

// factors is the algorithm for P·A = L·U of m×n matrices with more columns beside them, which become those of L⁻¹·P·B.
//
// A panel of columns is decomposed in a copy whose columns are contiguous, then all columns to the right of it are changed: items are blocks of them. The first item takes the columns of the next panel and
// decomposes it, while others still work. The rows of columns to the left are exchanged in the end.
type factors[T Float] struct {
	kit[T]
	m, n, beside int
	ld, ldp      int
	w            []T // the matrix
	panel        []T // columns of the panel, from its first row on
	triangle     []T // of L on the panel's diagonal; every second panel has the other half
	piv          []int64
	j0, j1       int // columns of the step's panel; j1 = 0 before the first, when the operands are read
	phase        luPhase
	zero         bool // U has a zero on its diagonal
	o            Operands[T]
	use          luUse
}

// luUse is what becomes of the factors.
type luUse int

const (
	luFactors     luUse = iota // X and Perm
	luSolve                    // X, for the columns B
	luInverse                  // X
	luDeterminant              // X
	luLogarithm                // X is the sign, Y the logarithm
)

type luPhase int

const (
	luSteps   luPhase = iota
	luResults         // the columns of both factors
	luBack            // the upper triangle is solved for the columns beside
)

// NewLU returns the plan for decompositions A[perm] = L·U of m×n matrices with partial pivoting: X holds U, and L below its diagonal.
func NewLU[T Float](count, m, n int, level cpu.Level) *Plan[T] {
	if inLanes(count, max(m, n)) {
		return newLanes(newKit[T](level), count, m*n, m, n, luLanes[T])
	}
	return newLU[T](count, m, n, 0, luFactors, level)
}

// NewSolve returns the plan for solutions of A·X = B with square A and m right-hand sides, by partial pivoting. Singular matrices fail.
func NewSolve[T Float](count, n, m int, level cpu.Level) *Plan[T] {
	if inLanes(count, n) && m <= 4*lanesExtent {
		return newLanes(newKit[T](level), count, n*(n+m), n, m, solveLanes[T])
	}
	return newLU[T](count, n, n, m, luSolve, level)
}

// NewInverse returns the plan for inverses. Singular matrices fail.
func NewInverse[T Float](count, n int, level cpu.Level) *Plan[T] {
	if inLanes(count, n) {
		return newLanes(newKit[T](level), count, 2*n*n, n, n, inverseLanes[T])
	}
	return newLU[T](count, n, n, n, luInverse, level)
}

// NewDeterminant returns the plan for determinants.
func NewDeterminant[T Float](count, n int, level cpu.Level) *Plan[T] {
	if inLanes(count, n) {
		return newLanes(newKit[T](level), count, n*n, n, 0, determinantLanes[T])
	}
	return newLU[T](count, n, n, 0, luDeterminant, level)
}

// NewLogDeterminant returns the plan for signs and logarithms of the absolute values of determinants.
func NewLogDeterminant[T Float](count, n int, level cpu.Level) *Plan[T] {
	if inLanes(count, n) {
		return newLanes(newKit[T](level), count, n*n, n, 0, logDeterminantLanes[T])
	}
	return newLU[T](count, n, n, 0, luLogarithm, level)
}

func newLU[T Float](count, m, n, beside int, use luUse, level cpu.Level) *Plan[T] {
	return newPlan(count, max(m, n), func() algorithm[T] {
		f := &factors[T]{kit: newKit[T](level), m: m, n: n, beside: beside, use: use}
		f.ld, f.ldp = f.leading(n+beside), f.leading(m)
		return f
	})
}

func (f *factors[T]) Work() int {
	return bytes[T](f.m*f.ld) + bytes[T](f.panelColumns()*f.ldp) + bytes[T](2*luBlock*inner) + bytes[float64](min(f.m, f.n))
}

func (f *factors[T]) Each() int {
	rows := luBlock
	if f.beside > 0 {
		rows = max(rows, f.n)
	}
	return f.each() + bytes[T](rows*f.widest())
}

// panelColumns is the number of columns of a panel at most.
func (f *factors[T]) panelColumns() int { return min(luBlock, f.m, f.n) }

// widest is the distance of rows of what a goroutine keeps of a block of columns.
func (f *factors[T]) widest() int { return f.leading(max(f.chunk, luBlock)) }

func (f *factors[T]) Run(r gemm.Runner, o Operands[T], work []byte, workers [][]byte) bool {
	k := min(f.m, f.n)
	f.begin(workers)
	f.o = o
	f.w, f.panel, f.triangle, f.piv = take[T](&work, f.m*f.ld), take[T](&work, f.panelColumns()*f.ldp), take[T](&work, 2*luBlock*inner), takeIntegers(&work, k)
	f.zero, f.phase = false, luSteps
	f.j0, f.j1 = 0, 0
	r.Parallel(f, f.items())
	for f.j1 < k {
		if f.j0, f.j1 = f.j1, f.next(); f.j1 < f.n+f.beside {
			r.Parallel(f, f.items())
		}
	}
	ok := true
	switch f.use {
	case luFactors:
		f.phase = luResults
		r.Parallel(f, ceil(f.n, luBlock))
		permutation(o.Perm, f.piv)
	case luSolve, luInverse:
		if ok = !f.zero; ok {
			f.phase = luBack
			r.Parallel(f, ceil(f.beside, f.chunk))
		}
	default:
		d := newDeterminant()
		for i, p := range f.piv {
			d.pivot(float64(f.w[i*(f.ld+1)]), int(p) != i)
		}
		if f.use == luDeterminant {
			o.X[0] = T(d.product())
		} else {
			o.X[0], o.Y[0] = T(d.sign), T(d.logarithm)
		}
	}
	f.w, f.panel, f.triangle, f.piv, f.o = nil, nil, nil, nil, Operands[T]{}
	f.end()
	return ok
}

// takeIntegers cuts n integers off the front of scratch.
func takeIntegers(scratch *[]byte, n int) []int64 {
	x := take[float64](scratch, n)
	if n == 0 {
		return nil
	}
	return integers(x)
}

// permutation makes of exchanges of rows the order of rows.
func permutation(perm, piv []int64) {
	for i := range perm {
		perm[i] = int64(i)
	}
	for i, p := range piv {
		perm[i], perm[p] = perm[p], perm[i]
	}
}

// determinant is made of pivots.
type determinant struct {
	value, sign, logarithm float64
	infinite               bool // a pivot is not a number, or infinite
	log                    func(float64) float64
}

func newDeterminant() determinant {
	return determinant{value: 1, sign: 1, log: elem.Unary64(micro.Log)}
}

// pivot takes an element of the diagonal of U, whose row may have been exchanged with another one.
func (d *determinant) pivot(u float64, exchanged bool) {
	d.value *= u
	d.infinite = d.infinite || u-u != 0
	d.logarithm += d.log(math.Abs(u))
	if exchanged {
		d.value = -d.value
	}
	if exchanged != (u < 0) {
		d.sign = -d.sign
	}
	if u == 0 || u != u {
		d.sign = u
	}
}

// product is the determinant; 0 has no sign. It is 0 with a pivot 0 even where the product of the others overflows.
func (d *determinant) product() float64 {
	if d.value == 0 || d.sign == 0 && !d.infinite {
		return 0
	}
	return d.value
}

// items is the number of blocks of columns from j1 on, the first being the next panel.
func (f *factors[T]) items() int { return 1 + ceil(f.n+f.beside-f.next(), f.chunk) }

// next is the end of the panel that begins at j1.
func (f *factors[T]) next() int { return min(f.m, f.n, f.j1+luBlock) }

// Do runs an item: it is a pool.Task.
func (f *factors[T]) Do(number, item int) {
	g := f.goroutine(number)
	switch f.phase {
	case luResults:
		f.result(item * luBlock)
		return
	case luBack:
		f.back(g, item*f.chunk)
		return
	}
	lo, hi := f.j1, f.next()
	if item > 0 {
		lo = hi + (item-1)*f.chunk
		hi = min(f.n+f.beside, lo+f.chunk)
	}
	if f.j1 == 0 {
		f.read(lo, hi)
	} else {
		f.change(g, lo, hi)
	}
	if item == 0 {
		f.decompose(g, lo, hi)
	}
}

// read copies the columns lo ≤ j < hi from the operands.
func (f *factors[T]) read(lo, hi int) {
	for i := range f.m {
		row := f.w[i*f.ld : i*f.ld+f.n+f.beside]
		if lo < f.n {
			copy(row[lo:min(hi, f.n)], f.o.A[i*f.n+lo:])
		}
		from := max(lo, f.n)
		switch {
		case from >= hi:
		case f.use == luInverse:
			clear(row[from:hi])
			if f.n+i >= from && f.n+i < hi {
				row[f.n+i] = 1
			}
		default:
			copy(row[from:hi], f.o.B[i*f.beside+from-f.n:])
		}
	}
}

// exchange swaps rows of the columns lo ≤ j < hi as the pivots i ≤ p < j say.
func (f *factors[T]) exchange(i, j, lo, hi int) {
	for ; i < j; i++ {
		if p := int(f.piv[i]); p != i {
			x, y := f.w[i*f.ld+lo:i*f.ld+hi], f.w[p*f.ld+lo:p*f.ld+hi]
			for k, v := range x {
				x[k], y[k] = y[k], v
			}
		}
	}
}

// triangles returns the triangles of the panel that begins at column j.
func (f *factors[T]) triangles(j int) []T {
	return f.triangle[j/luBlock%2*luBlock*inner:][:luBlock*inner]
}

// change takes the panel's part off the columns lo ≤ j < hi.
func (f *factors[T]) change(g *goroutine[T], lo, hi int) {
	if lo == hi {
		return
	}
	f.exchange(f.j0, f.j1, lo, hi)
	rows, n, ldn := f.j1-f.j0, hi-lo, f.widest()
	memory := g.memory
	negative := take[T](&memory, rows*ldn)
	triangles := f.triangles(f.j0)
	for i := 0; i < rows; i += inner {
		h := min(inner, rows-i)
		x := f.w[(f.j0+i)*f.ld+lo:]
		f.chain(g, f.w[(f.j0+i)*f.ld+f.j0:], f.ld, negative, ldn, x, f.ld, h, n, i)
		f.substitute(g, x, f.ld, triangles[i*inner:], h, n, true)
		for r := range h {
			negate(negative[(i+r)*ldn:(i+r)*ldn+n], x[r*f.ld:])
		}
	}
	f.chain(g, f.w[min(f.j1*f.ld+f.j0, len(f.w)):], f.ld, negative, ldn, f.w[min(f.j1*f.ld+lo, len(f.w)):], f.ld, f.m-f.j1, n, rows)
}

// decompose decomposes the panel of the columns lo ≤ j < hi.
func (f *factors[T]) decompose(g *goroutine[T], lo, hi int) {
	columns, rows, ld := hi-lo, f.m-lo, f.ldp
	if columns == 0 {
		return
	}
	if max(f.m, f.n) <= smallExtent {
		f.decomposeSmall(columns)
		return
	}
	p := f.panel
	f.transpose(g, p, ld, f.w[lo*f.ld+lo:], f.ld, rows, columns)
	triangles := f.triangles(lo)
	small, memory := g.small, g.memory
	turned := take[T](&memory, inner*luBlock)
	for b := 0; b < columns; b += inner {
		end := min(b+inner, columns)
		for c := b; c < end; c++ {
			column := p[c*ld : c*ld+rows]
			for k := b; k < c; k++ {
				u := -column[k]
				small[k-b] = u
				for i := k + 1; i < c; i++ {
					column[i] = fma(u, p[k*ld+i], column[i])
				}
			}
			f.chain(g, small, inner, p[b*ld+c:], ld, column[c:], ld, 1, rows-c, c-b)
			at := c + largest(column[c:])
			f.piv[lo+c] = int64(lo + at)
			if column[at] == 0 {
				f.zero = true
				f.piv[lo+c] = int64(lo + c)
				continue
			}
			for q := 0; at != c && q < columns; q++ {
				p[q*ld+c], p[q*ld+at] = p[q*ld+at], p[q*ld+c]
			}
			small[0] = column[c]
			f.substitute(g, column[min(c+1, rows-1):], 0, small, 1, rows-c-1, false)
		}
		for i := b; i < end; i++ {
			for k := b; k < i; k++ {
				triangles[i*inner+k-b] = p[k*ld+i]
			}
		}
		if end == columns {
			break
		}
		h, others := end-b, columns-end
		f.transpose(g, turned, luBlock, p[end*ld+b:], ld, others, h)
		f.substitute(g, turned, luBlock, triangles[b*inner:], h, others, true)
		f.transpose(g, p[end*ld+b:], ld, turned, luBlock, h, others)
		if end < rows {
			negate(turned, turned)
			f.transpose(g, small, inner, turned, luBlock, h, others)
			f.chain(g, small, inner, p[b*ld+end:], ld, p[end*ld+end:], ld, others, rows-end, h)
		}
	}
	f.transpose(g, f.w[lo*f.ld+lo:], f.ld, p, ld, columns, rows)
}

// smallExtent is the largest extent of matrices whose products are rounded, in the columns that have a pivot: then factors of singular matrices of small whole numbers mostly have a zero on the diagonal, as one expects of them.
const smallExtent = luBlock

// decomposeSmall decomposes a small matrix, which has one panel.
func (f *factors[T]) decomposeSmall(columns int) {
	ld := f.ld
	for c := range columns {
		at := c
		for i := c + 1; i < f.m; i++ {
			if abs(f.w[i*ld+c]) > abs(f.w[at*ld+c]) {
				at = i
			}
		}
		f.piv[c] = int64(at)
		f.exchange(c, c+1, 0, columns)
		d := f.w[c*ld+c]
		if d == 0 {
			f.zero = true
		}
		row := f.w[c*ld+c+1 : c*ld+columns]
		for i := c + 1; i < f.m; i++ {
			if d != 0 {
				f.w[i*ld+c] /= d
			}
			l, to := f.w[i*ld+c], f.w[i*ld+c+1:i*ld+columns]
			for j, v := range row {
				to[j] -= T(l * v)
			}
		}
	}
	triangles := f.triangles(0)
	for i := range columns {
		b := i / inner * inner
		copy(triangles[i*inner:], f.w[i*ld+b:i*ld+i])
	}
}

// largest returns the index of the first element of the largest absolute value; NaN counts only if it is the first one.
func largest[T Float](x []T) int {
	best, at := abs(x[0]), 0
	for i, v := range x {
		if v = abs(v); v > best {
			best, at = v, i
		}
	}
	return at
}

// result writes the columns from lo on.
func (f *factors[T]) result(lo int) {
	hi := min(f.n, lo+luBlock)
	f.exchange(min(hi, len(f.piv)), len(f.piv), lo, hi)
	for i := range f.m {
		copy(f.o.X[i*f.n+lo:i*f.n+hi], f.w[i*f.ld+lo:])
	}
}

// back solves the upper triangle for the columns beside, from lo on, and writes them.
func (f *factors[T]) back(g *goroutine[T], lo int) {
	n := min(f.chunk, f.beside-lo)
	x := f.w[f.n+lo:]
	f.backward(g, f.w, f.ld, x, f.ld, f.n, n, false)
	for i := range f.n {
		copy(f.o.X[i*f.beside+lo:i*f.beside+lo+n], x[i*f.ld:])
	}
}
