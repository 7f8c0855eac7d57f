package linalg

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

const (
	// vectorItem is the number of columns of a product of a vector and a matrix that are worth an item, and vectorParallel the extent from which items are.
	vectorItem     = 64
	vectorParallel = 320
	// rowsItem is the number of rows of products that an item takes.
	rowsItem = 56
	// sweepsKept is the number of sweeps of rotations that are collected before they are applied, about.
	sweepsKept = 24
	// mostSweeps bounds the sweeps for each eigenvalue.
	mostSweeps = 30
)

// eigen is the algorithm for eigenvalues and eigenvectors of symmetric n×n matrices.
//
// Householder reflections, in blocks, make the matrix tridiagonal (Dongarra, Sorensen and Hammarling, Block reduction of matrices to condensed forms for eigenvalue computations, 1989). Implicit QL or QR sweeps make
// that diagonal. Their rotations are collected and applied to the transposed eigenvectors, whose rows are contiguous, while the next sweeps are found (Van Zee, van de Geijn and Quintana-Ortí,
// Restructuring the tridiagonal and bidiagonal QR algorithms for performance, 2014).
type eigen struct {
	kit[float64]
	n, ld, ldz int
	a          []float64 // the symmetric matrix, both triangles
	reflectors
	w, wt  []float64 // of the step: rows, and negative columns
	line   []float64 // a row of the matrix, or a reflector
	sum    []float64
	d, e   []float64
	order  []int64
	z      []float64 // transposed eigenvectors
	ql     sweeps
	c0, c1 int // columns of the step
	column int
	phase  eigenPhase
	o      Operands[float64]
	scale  float64
}

type eigenPhase int

const (
	eigenVector    eigenPhase = iota // a reflector times the matrix
	eigenUpdate                      // the step's reflectors change the rest of the matrix
	eigenTransform                   // the reflectors' product
	eigenSweeps
	eigenResult
)

// NewEigen returns the plan for eigenvalues X, ascending, and eigenvectors, the columns of Y, of symmetric n×n matrices whose lower triangle A holds. Matrices with NaN or Inf fail.
func NewEigen(count, n int, level cpu.Level) *Plan[float64] {
	return newPlan(count, sweepsWork*n, func() algorithm[float64] {
		e := &eigen{kit: newKit[float64](level), n: n}
		e.ld = e.leading(n)
		unit := e.rows.RotateColumns()
		e.ldz = ceil(n, unit)*unit + e.pad
		return e
	})
}

func (e *eigen) Work() int {
	n := e.n
	return bytes[float64](n*e.ld) + reflectorsBytes(n, n, e.ld, e.ld) + bytes[float64](n*e.ldz) + bytes[float64](n*(reflectorBlock+e.pad)) + bytes[float64](reflectorBlock*e.ld) +
		5*bytes[float64](e.ld) + 2*rotationsBytes(sweepsCapacity(n))
}

func (e *eigen) Each() int {
	return e.each() + 2*bytes[float64](rowsItem*(reflectorBlock+e.pad)) + blockScratch
}

func (e *eigen) Run(r gemm.Runner, o Operands[float64], work []byte, workers [][]byte) bool {
	n := e.n
	if n == 0 {
		return true
	}
	e.begin(workers)
	e.o = o
	e.a = take[float64](&work, n*e.ld)
	e.reflectors.take(&work, n, n, e.ld, e.ld)
	e.z = take[float64](&work, n*e.ldz)
	e.w, e.wt = take[float64](&work, n*(reflectorBlock+e.pad)), take[float64](&work, reflectorBlock*e.ld)
	e.line, e.sum, e.d, e.e = take[float64](&work, e.ld), take[float64](&work, e.ld), take[float64](&work, e.ld), take[float64](&work, e.ld)
	e.order = integers(take[float64](&work, e.ld))[:n]
	e.ql.take(&work, n)
	ok := false
	if n <= smallEigen {
		ok = e.small()
	} else if ok = e.read(); ok {
		e.reduce(r)
		e.phase = eigenTransform
		r.Parallel(e, ceil(n, rowsItem))
		ok = e.diagonalise(r)
	}
	if ok && n > smallEigen {
		e.sort()
		e.phase = eigenResult
		r.Parallel(e, ceil(n, e.pad))
	}
	e.a, e.z, e.w, e.wt, e.line, e.sum, e.d, e.e, e.order, e.reflectors, e.o = nil, nil, nil, nil, nil, nil, nil, nil, nil, reflectors{}, Operands[float64]{}
	e.ql.forget()
	e.end()
	return ok
}

// read copies the matrix, scaled by a power of two so that its largest element is about 1. It returns false if there is NaN or Inf.
func (e *eigen) read() bool {
	n, largest := e.n, 0.0
	for i := range n {
		for j, v := range e.o.A[i*n : i*n+i+1] {
			if v-v != 0 {
				return false
			}
			largest = max(largest, math.Abs(v))
			e.a[i*e.ld+j] = v
		}
	}
	e.scale = 1
	if largest != 0 && (largest < 0x1p-100 || largest > 0x1p100) {
		_, exponent := math.Frexp(largest)
		e.scale = math.Ldexp(1, exponent-1)
		for i := range n {
			row := e.a[i*e.ld : i*e.ld+i+1]
			for j, v := range row {
				row[j] = math.Ldexp(v, 1-exponent)
			}
		}
	}
	for i := range n {
		for j := range i {
			e.a[j*e.ld+i] = e.a[i*e.ld+j]
		}
	}
	return true
}

// Do runs an item: it is a pool.Task.
func (e *eigen) Do(number, item int) {
	g := e.goroutine(number)
	n := e.n
	switch e.phase {
	case eigenVector:
		from := e.column + 1
		lo := from + item*vectorItem
		e.times(g, e.line[from:n], e.a[from*e.ld+lo:], e.ld, e.sum[lo:], min(vectorItem, n-lo))
	case eigenUpdate:
		lo := e.c1 + item*rowsItem
		rows, k := min(rowsItem, n-lo), e.c1-e.c0
		e.chain(g, e.v[lo*e.ld+e.c0:], e.ld, e.wt[e.c1:], e.ld, e.a[lo*e.ld+e.c1:], e.ld, rows, n-e.c1, k)
		e.chain(g, e.w[lo*(reflectorBlock+e.pad):], reflectorBlock+e.pad, e.vt[e.c0*e.ld+e.c1:], e.ld, e.a[lo*e.ld+e.c1:], e.ld, rows, n-e.c1, k)
	case eigenTransform:
		e.transform(g, item*rowsItem, min(n, (item+1)*rowsItem))
	case eigenSweeps:
		if item == 0 {
			e.ql.find()
			return
		}
		unit := e.rows.RotateColumns()
		e.ql.applied.apply(&e.kit, g, e.z[(item-1)*unit:], e.ldz)
	case eigenResult:
		lo := item * e.pad
		rows := min(e.pad, n-lo)
		for r := range rows {
			from := int(e.order[lo+r])
			copy(e.a[(lo+r)*e.ld:(lo+r)*e.ld+n], e.z[from*e.ldz:])
			e.o.X[lo+r] = e.d[from] * e.scale
		}
		e.transpose(g, e.o.Y[lo:], n, e.a[lo*e.ld:], e.ld, rows, n)
	}
}

// reduce makes the matrix tridiagonal.
func (e *eigen) reduce(r gemm.Runner) {
	n, ld, ldw := e.n, e.ld, reflectorBlock+e.pad
	for e.c0 = 0; e.c0 < n; e.c0 = e.c1 {
		e.c1 = min(n, e.c0+reflectorBlock)
		g := e.goroutine(0)
		for c := e.c0; c < e.c1; c++ {
			before := c - e.c0
			row := e.line[c:n]
			copy(row, e.a[c*ld+c:c*ld+n])
			e.chain(g, e.v[c*ld+e.c0:], 0, e.wt[c:], ld, row, 0, 1, n-c, before)
			e.chain(g, e.w[c*ldw:], 0, e.vt[e.c0*ld+c:], ld, row, 0, 1, n-c, before)
			e.d[c] = row[0]
			if c == n-1 {
				break
			}
			v := row[1:]
			e.e[c], e.tau[c] = reflector(v)
			e.keep(c, e.c0, c+1, v)
			sum := e.sum[c+1 : n]
			clear(sum)
			if len(v) >= vectorParallel {
				e.phase, e.column = eigenVector, c
				r.Parallel(e, ceil(len(v), vectorItem))
				g = e.goroutine(0)
			} else {
				e.times(g, v, e.a[(c+1)*ld+c+1:], ld, sum, len(v))
			}
			inner := g.small[:2*reflectorBlock]
			clear(inner)
			e.chain(g, v, 0, e.v[(c+1)*ld+e.c0:], ld, inner, 0, 1, before, len(v))
			e.chain(g, v, 0, e.w[(c+1)*ldw:], ldw, inner[reflectorBlock:], 0, 1, before, len(v))
			e.chain(g, inner, 0, e.wt[c+1:], ld, sum, 0, 1, len(v), before)
			e.chain(g, inner[reflectorBlock:], 0, e.vt[e.c0*ld+c+1:], ld, sum, 0, 1, len(v), before)
			tau := e.tau[c]
			half := -0.5 * tau * float64(tau*dot(sum, v))
			for i, s := range sum {
				s = math.FMA(half, v[i], float64(tau*s))
				e.w[(c+1+i)*ldw+before], e.wt[before*ld+c+1+i] = s, -s
			}
		}
		e.combine(&e.kit, g, e.c0, min(e.c1, n-1), e.c0+1, n)
		if e.c1 < n {
			e.phase = eigenUpdate
			r.Parallel(e, ceil(n-e.c1, rowsItem))
		}
	}
}

// transform computes the rows lo ≤ i < hi of the transposed product of all reflectors.
func (e *eigen) transform(g *goroutine[float64], lo, hi int) {
	n, ld, ldb := e.n, e.ld, reflectorBlock+e.pad
	rows := hi - lo
	one, two := take[float64](&g.memory, rowsItem*ldb), take[float64](&g.memory, rowsItem*ldb)
	x := e.z[lo*e.ldz:]
	for i := range rows {
		row := x[i*e.ldz : (i+1)*e.ldz]
		clear(row)
		row[lo+i] = 1
	}
	last := max(0, n-2) / reflectorBlock * reflectorBlock
	for from := last; from >= 0; from -= reflectorBlock {
		k, first := min(reflectorBlock, n-1-from), from+1
		if first >= hi || k <= 0 {
			continue
		}
		clear(one[:rows*ldb])
		clear(two[:rows*ldb])
		e.chain(g, x[first:], e.ldz, e.v[first*ld+from:], ld, one, ldb, rows, k, n-first)
		e.chain(g, one, ldb, e.tt[from*reflectorBlock:], reflectorBlock, two, ldb, rows, k, k)
		e.chain(g, two, ldb, e.vt[from*ld+first:], ld, x[first:], e.ldz, rows, n-first, k)
	}
}

// diagonalise makes the tridiagonal matrix diagonal.
func (e *eigen) diagonalise(r gemm.Runner) bool {
	e.ql.start(e.d[:e.n], e.e[:e.n])
	chunks := ceil(e.n, e.rows.RotateColumns())
	e.phase = eigenSweeps
	e.ql.find()
	for e.ql.swap() {
		r.Parallel(e, 1+chunks)
	}
	return !e.ql.failed
}

// sort finds the order of the eigenvalues.
func (e *eigen) sort() {
	for i := range e.order {
		e.order[i] = int64(i)
	}
	d := e.d
	slices.SortStableFunc(e.order, func(i, j int64) int {
		switch {
		case d[i] < d[j]:
			return -1
		case d[i] > d[j]:
			return 1
		}
		return 0
	})
}
