package linalg

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// singular is the algorithm for reduced singular value decompositions A = U·S·Vᵀ of m×n matrices. A wide matrix is decomposed as its transposed, with U and V exchanged; below m ≥ n.
//
// Householder reflections from both sides, in blocks, make the matrix bidiagonal (Golub and Van Loan, Matrix Computations, §5.4.8; Dongarra, Sorensen and Hammarling, 1989). Implicit QR sweeps make
// that diagonal; their rotations are collected, and applied to the transposed singular vectors while the next sweeps are found.
type singular struct {
	kit[float64]
	rows, cols  int
	m, n        int
	ld, ldt     int
	ldu, ldz    int
	ldw         int // of x and y
	a           []float64
	left, right reflectors // of columns, and of rows
	x, xt       []float64  // of the step: rows of X, and its negative columns, for A − V·Yᵀ − X·Uᵀ
	y, yt       []float64  // rows of Y, and its negative columns
	line, sum   []float64
	d, e        []float64
	flipped     []float64
	order       []int64
	u, v        []float64 // transposed singular vectors
	qr          bidiagonal
	c0, c1      int
	phase       singularPhase
	o           Operands[float64]
	scale       float64
}

type singularPhase int

const (
	singularUpdate singularPhase = iota
	singularTransform
	singularSweeps
	singularResult
)

// NewSVD returns the plan for reduced singular value decompositions of m×n matrices: U is X, the values, descending, are Y, and Vᵀ is Z. Matrices with NaN or Inf fail.
func NewSVD(count, rows, cols int, level cpu.Level) *Plan[float64] {
	return newPlan(count, sweepsWork*max(rows, cols), func() algorithm[float64] {
		s := &singular{kit: newKit[float64](level), rows: rows, cols: cols, m: max(rows, cols), n: min(rows, cols)}
		s.ld, s.ldt, s.ldw = s.leading(s.n), s.leading(s.m), s.leading(s.stepColumns())
		unit := s.kit.rows.RotateColumns()
		s.ldu, s.ldz = ceil(s.m, unit)*unit+s.pad, ceil(s.n, unit)*unit+s.pad
		return s
	})
}

// stepColumns is the number of reflectors of a step at most.
func (s *singular) stepColumns() int { return min(reflectorBlock, s.n) }

func (s *singular) Work() int {
	return bytes[float64](s.m*s.ld) + reflectorsBytes(s.m, s.n, s.ld, s.ldt) + reflectorsBytes(s.n, s.n, s.ld, s.ld) + bytes[float64](s.m*s.ldw) + bytes[float64](s.n*s.ldw) +
		bytes[float64](s.stepColumns()*s.ldt) + bytes[float64](s.stepColumns()*s.ld) + 2*bytes[float64](s.ldt) + 3*bytes[float64](s.ld) +
		bytes[float64](2*s.n) + bytes[float64](s.n*s.ldu) + bytes[float64](s.n*s.ldz) + 4*rotationsBytes(sweepsCapacity(s.n))
}

func (s *singular) Each() int {
	return s.each() + bytes[float64](s.m*s.leading(min(columnsItem, s.n))) + blockScratch
}

func (s *singular) Run(r gemm.Runner, o Operands[float64], work []byte, workers [][]byte) bool {
	m, n := s.m, s.n
	if n == 0 {
		return true
	}
	s.begin(workers)
	s.o = o
	s.a = take[float64](&work, m*s.ld)
	s.left.take(&work, m, n, s.ld, s.ldt)
	s.right.take(&work, n, n, s.ld, s.ld)
	s.x, s.y = take[float64](&work, m*s.ldw), take[float64](&work, n*s.ldw)
	s.xt, s.yt = take[float64](&work, s.stepColumns()*s.ldt), take[float64](&work, s.stepColumns()*s.ld)
	s.line, s.sum = take[float64](&work, s.ldt), take[float64](&work, s.ldt)
	s.d, s.e = take[float64](&work, s.ld)[:n], take[float64](&work, s.ld)[:n]
	s.flipped = take[float64](&work, 2*n)
	s.order = integers(take[float64](&work, s.ld))[:n]
	s.u, s.v = take[float64](&work, n*s.ldu), take[float64](&work, n*s.ldz)
	s.qr.take(&work, n)
	ok := s.read()
	if ok {
		s.reduce(r)
		s.phase = singularTransform
		r.Parallel(s, 2*ceil(n, columnsItem))
		ok = s.diagonalise(r)
	}
	if ok {
		s.sort()
		s.phase = singularResult
		r.Parallel(s, ceil(n, s.pad))
	}
	s.a, s.x, s.y, s.xt, s.yt, s.line, s.sum, s.d, s.e, s.flipped, s.order, s.u, s.v = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
	s.left, s.right, s.o, s.qr = reflectors{}, reflectors{}, Operands[float64]{}, bidiagonal{}
	s.end()
	return ok
}

// read copies the matrix, or its transposed, scaled by a power of two so that its largest element is about 1. It returns false if there is NaN or Inf.
func (s *singular) read() bool {
	largest := 0.0
	for _, v := range s.o.A {
		if v-v != 0 {
			return false
		}
		largest = max(largest, math.Abs(v))
	}
	if s.rows >= s.cols {
		for i := range s.m {
			copy(s.a[i*s.ld:i*s.ld+s.n], s.o.A[i*s.n:])
		}
	} else {
		s.transpose(s.goroutine(0), s.a, s.ld, s.o.A, s.m, s.n, s.m)
	}
	s.scale = 1
	if largest != 0 && (largest < 0x1p-100 || largest > 0x1p100) {
		_, exponent := math.Frexp(largest)
		s.scale = math.Ldexp(1, exponent-1)
		for i := range s.m {
			row := s.a[i*s.ld : i*s.ld+s.n]
			for j, v := range row {
				row[j] = math.Ldexp(v, 1-exponent)
			}
		}
	}
	return true
}

// Do runs an item: it is a pool.Task.
func (s *singular) Do(number, item int) {
	g := s.goroutine(number)
	m, n := s.m, s.n
	switch s.phase {
	case singularUpdate:
		lo := s.c1 + item*rowsItem
		rows, k := min(rowsItem, m-lo), s.c1-s.c0
		s.chain(g, s.left.v[lo*s.ld+s.c0:], s.ld, s.yt[s.c1:], s.ld, s.a[lo*s.ld+s.c1:], s.ld, rows, n-s.c1, k)
		s.chain(g, s.x[lo*s.ldw:], s.ldw, s.right.vt[s.c0*s.ld+s.c1:], s.ld, s.a[lo*s.ld+s.c1:], s.ld, rows, n-s.c1, k)
	case singularTransform:
		if blocks := ceil(n, columnsItem); item < blocks {
			s.product(g, &s.left, m, n, 0, s.u, s.ldu, item*columnsItem)
		} else {
			s.product(g, &s.right, n, n-1, 1, s.v, s.ldz, (item-blocks)*columnsItem)
		}
	case singularSweeps:
		unit := s.kit.rows.RotateColumns()
		switch blocks := ceil(m, unit); {
		case item == 0:
			s.qr.find()
		case item <= blocks:
			s.qr.appliedLeft.apply(&s.kit, g, s.u[(item-1)*unit:], s.ldu)
		default:
			s.qr.appliedRight.apply(&s.kit, g, s.v[(item-1-blocks)*unit:], s.ldz)
		}
	case singularResult:
		s.result(g, item*s.pad)
	}
}

// reduce makes the matrix upper bidiagonal: column c of the left reflectors begins in row c, row c of the right ones in column c+1.
func (s *singular) reduce(r gemm.Runner) {
	m, n, ld := s.m, s.n, s.ld
	for s.c0 = 0; s.c0 < n; s.c0 = s.c1 {
		s.c1 = min(n, s.c0+reflectorBlock)
		g := s.goroutine(0)
		small := g.small
		for c := s.c0; c < s.c1; c++ {
			before := c - s.c0
			// Column c as the reflectors before change it: A[:, c] − V·Y[c, :]ᵀ − X·U[c, :]ᵀ.
			column := s.line[c:m]
			for i := range column {
				column[i] = s.a[(c+i)*ld+c]
			}
			for q := range before {
				small[q], small[reflectorBlock+q] = s.y[c*s.ldw+q], s.right.v[c*ld+s.c0+q]
			}
			s.chain(g, small, 0, s.left.vt[s.c0*s.ldt+c:], s.ldt, column, 0, 1, m-c, before)
			s.chain(g, small[reflectorBlock:], 0, s.xt[c:], s.ldt, column, 0, 1, m-c, before)
			s.d[c], s.left.tau[c] = reflector(column)
			s.left.keep(c, s.c0, c, column)
			if c+1 == n {
				s.e[c] = 0
				s.right.tau[c] = 0
				break
			}
			// Row c of Y: τ·(Aᵀ·v − Y·Vᵀ·v − U·Xᵀ·v).
			rest := n - c - 1
			sum := s.sum[c+1 : n]
			clear(sum)
			s.times(g, column, s.a[c*ld+c+1:], ld, sum, rest)
			clear(small[:2*reflectorBlock])
			s.chain(g, column, 0, s.left.v[c*ld+s.c0:], ld, small, 0, 1, before, m-c)
			s.chain(g, column, 0, s.x[c*s.ldw:], s.ldw, small[reflectorBlock:], 0, 1, before, m-c)
			s.chain(g, small, 0, s.yt[c+1:], ld, sum, 0, 1, rest, before)
			s.chain(g, small[reflectorBlock:], 0, s.right.vt[s.c0*ld+c+1:], ld, sum, 0, 1, rest, before)
			for i, v := range sum {
				v *= s.left.tau[c]
				s.y[(c+1+i)*s.ldw+before], s.yt[before*ld+c+1+i] = v, -v
			}
			// Row c: A[c, :] − V[c, :]·Yᵀ − X[c, :]·Uᵀ, with this step's V and Y.
			row := s.line[c+1 : n] // the column is kept
			copy(row, s.a[c*ld+c+1:c*ld+n])
			s.chain(g, s.left.v[c*ld+s.c0:], 0, s.yt[c+1:], ld, row, 0, 1, rest, before+1)
			s.chain(g, s.x[c*s.ldw:], 0, s.right.vt[s.c0*ld+c+1:], ld, row, 0, 1, rest, before)
			s.e[c], s.right.tau[c] = reflector(row)
			s.right.keep(c, s.c0+1, c+1, row)
			// Column c of X: τ·(A·u − V·Yᵀ·u − X·Uᵀ·u).
			clear(small[:2*reflectorBlock])
			s.chain(g, row, 0, s.y[(c+1)*s.ldw:], s.ldw, small, 0, 1, before+1, rest)
			s.chain(g, row, 0, s.right.v[(c+1)*ld+s.c0:], ld, small[reflectorBlock:], 0, 1, before, rest)
			out := s.sum[c+1 : m]
			clear(out)
			s.chain(g, s.a[(c+1)*ld+c+1:], ld, row, 1, out, 1, m-c-1, 1, rest)
			s.chain(g, small, 0, s.left.vt[s.c0*s.ldt+c+1:], s.ldt, out, 0, 1, m-c-1, before+1)
			s.chain(g, small[reflectorBlock:], 0, s.xt[c+1:], s.ldt, out, 0, 1, m-c-1, before)
			for i, v := range out {
				v *= s.right.tau[c]
				s.x[(c+1+i)*s.ldw+before], s.xt[before*s.ldt+c+1+i] = v, -v
			}
		}
		s.left.combine(&s.kit, g, s.c0, s.c1, s.c0, m)
		s.right.combine(&s.kit, g, s.c0, min(s.c1, n-1), s.c0+1, n)
		if s.c1 < n {
			s.phase = singularUpdate
			r.Parallel(s, ceil(m-s.c1, rowsItem))
		}
	}
}

// product computes columns of the product of k reflectors, of vectors with m elements that begin shift rows below the diagonal, and stores them as rows of to.
func (s *singular) product(g *goroutine[float64], f *reflectors, m, k, shift int, to []float64, ld, lo int) {
	columns := min(columnsItem, s.n-lo)
	ldx := s.leading(columns)
	x := take[float64](&g.memory, s.m*ldx)
	clear(x)
	for i := range columns {
		x[(lo+i)*ldx+i] = 1
	}
	for from := max(0, k-1) / reflectorBlock * reflectorBlock; from >= 0 && k > 0; from -= reflectorBlock {
		if from+shift < lo+columns {
			f.apply(&s.kit, g, from, min(k, from+reflectorBlock), from+shift, m, x, ldx, columns, false)
		}
	}
	for i := range columns {
		clear(to[(lo+i)*ld+m : (lo+i+1)*ld])
	}
	s.transpose(g, to[lo*ld:], ld, x, ldx, m, columns)
}

// diagonalise makes the bidiagonal matrix diagonal, with positive elements.
func (s *singular) diagonalise(r gemm.Runner) bool {
	unit := s.kit.rows.RotateColumns()
	s.qr.start(s.d, s.e, s.flipped)
	s.phase = singularSweeps
	s.qr.find()
	for s.qr.swap() {
		r.Parallel(s, 1+ceil(s.m, unit)+ceil(s.n, unit))
	}
	return !s.qr.failed
}

// sort finds the order of the singular values, the largest first.
func (s *singular) sort() {
	for i := range s.order {
		s.order[i] = int64(i)
	}
	d := s.d
	slices.SortStableFunc(s.order, func(i, j int64) int {
		switch x, y := math.Abs(d[i]), math.Abs(d[j]); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
}

// result writes the values from lo on, and their vectors.
func (s *singular) result(g *goroutine[float64], lo int) {
	n := min(s.pad, s.n-lo)
	u, v := s.o.X, s.o.Z // n columns each, or rows
	for i := range n {
		from := int(s.order[lo+i])
		value := s.d[from] * s.scale
		s.o.Y[lo+i] = math.Abs(value)
		if math.Signbit(value) {
			negate(s.v[from*s.ldz:from*s.ldz+s.n], s.v[from*s.ldz:])
		}
		if s.rows >= s.cols {
			copy(v[(lo+i)*s.n:(lo+i+1)*s.n], s.v[from*s.ldz:])
		} else {
			copy(v[(lo+i)*s.m:(lo+i+1)*s.m], s.u[from*s.ldu:])
		}
	}
	// The other vectors are columns: rows of a copy are brought together.
	length, source, ld := s.m, s.u, s.ldu
	if s.rows < s.cols {
		length, source, ld = s.n, s.v, s.ldz
	}
	copied := take[float64](&g.memory, n*length)
	for i := range n {
		copy(copied[i*length:(i+1)*length], source[int(s.order[lo+i])*ld:])
	}
	s.transpose(g, u[lo:], s.n, copied, length, n, length)
}
