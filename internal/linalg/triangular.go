package linalg

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// solveBlock is the number of rows that the rows before are taken off at once.
const solveBlock = 64

// integers is the memory of float64 numbers as integers.
func integers(x []float64) []int64 {
	return unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// triangular is the algorithm for op(A)·X = B with triangular A. op(A) is copied, unless it can be read where it is; then items are blocks of columns of X.
type triangular[T Float] struct {
	kit[T]
	n, m              int
	lower, transposed bool // op(A) is lower triangular
	unit              bool
	copied, copying   bool
	ld                int
	a                 []T
	o                 Operands[T]
}

// NewTriangular returns the plan for solutions of op(A)·X = B with triangular A, n×n, and m right-hand sides; op(A) = Aᵀ if transposed. The diagonal counts as ones if unit is set.
func NewTriangular[T Float](count, n, m int, lower, transposed, unit bool, level cpu.Level) *Plan[T] {
	if inLanes(count, n) && m <= 4*lanesExtent {
		return newLanes(newKit[T](level), count, n*(n+m), n, m, triangularLanes[T](lower, transposed, unit))
	}
	return newPlan(count, n, func() algorithm[T] {
		t := &triangular[T]{kit: newKit[T](level), n: n, m: m, lower: lower != transposed, transposed: transposed, unit: unit, ld: n}
		if far := n * size[T](); transposed || m > inner && far%4096 < 256 {
			t.copied, t.ld = true, t.leading(n)
		}
		return t
	})
}

func (t *triangular[T]) Work() int {
	if !t.copied {
		return 0
	}
	return bytes[T](t.n * t.ld)
}

func (t *triangular[T]) Each() int { return t.each() + bytes[T](t.n*t.leading(min(t.chunk, t.m))) }

// copyRows is the number of rows of op(A) that an item copies.
const copyRows = 32

func (t *triangular[T]) Run(r gemm.Runner, o Operands[T], work []byte, workers [][]byte) bool {
	t.begin(workers)
	t.o, t.a = o, o.A
	if t.copied {
		t.a = take[T](&work, t.n*t.ld)
		t.copying = true
		r.Parallel(t, ceil(t.n, copyRows))
		t.copying = false
	}
	r.Parallel(t, ceil(t.m, t.chunk))
	t.o, t.a = Operands[T]{}, nil
	t.end()
	return true
}

// Do runs an item: it is a pool.Task.
func (t *triangular[T]) Do(number, item int) {
	g := t.goroutine(number)
	if t.copying {
		i := item * copyRows
		t.copy(g, i, min(t.n, i+copyRows))
		return
	}
	lo := item * t.chunk
	n := min(t.chunk, t.m-lo)
	for i := range t.n {
		copy(t.o.X[i*t.m+lo:i*t.m+lo+n], t.o.B[i*t.m+lo:])
	}
	x := t.o.X[min(lo, len(t.o.X)):]
	if t.lower {
		t.forward(g, t.a, t.ld, x, t.m, t.n, n, t.unit)
	} else {
		t.backward(g, t.a, t.ld, x, t.m, t.n, n, t.unit)
	}
}

// copy copies the rows lo ≤ i < hi of op(A).
func (t *triangular[T]) copy(g *goroutine[T], lo, hi int) {
	from, to := 0, hi // columns
	if !t.lower {
		from, to = lo, t.n
	}
	if t.transposed {
		t.transpose(g, t.a[lo*t.ld+from:], t.ld, t.o.A[from*t.n+lo:], t.n, to-from, hi-lo)
		return
	}
	for i := lo; i < hi; i++ {
		copy(t.a[i*t.ld+from:i*t.ld+to], t.o.A[i*t.n+from:])
	}
}

// forward replaces columns of X by the solution for the lower triangular n×n matrix a. It keeps a negative copy of them in the goroutine's memory.
func (k *kit[T]) forward(g *goroutine[T], a []T, ld int, x []T, ldx, n, columns int, unit bool) {
	ldn := k.leading(columns)
	negative := take[T](&g.memory, n*ldn)
	triangle := g.small
	for block := 0; block < n; block += solveBlock {
		end := min(n, block+solveBlock)
		k.chain(g, a[block*ld:], ld, negative, ldn, x[block*ldx:], ldx, end-block, columns, block)
		for i := block; i < end; i += inner {
			rows := min(inner, end-i)
			k.chain(g, a[i*ld+block:], ld, negative[block*ldn:], ldn, x[i*ldx:], ldx, rows, columns, i-block)
			for r := range rows {
				copy(triangle[r*inner:], a[(i+r)*ld+i:(i+r)*ld+i+r+1])
			}
			k.substitute(g, x[i*ldx:], ldx, triangle, rows, columns, unit)
			for r := i; r < i+rows; r++ {
				negate(negative[r*ldn:r*ldn+columns], x[r*ldx:])
			}
		}
	}
}

// backward is forward for an upper triangular matrix.
func (k *kit[T]) backward(g *goroutine[T], a []T, ld int, x []T, ldx, n, columns int, unit bool) {
	ldn := k.leading(columns)
	negative := take[T](&g.memory, n*ldn)
	triangle := g.small
	for end := n; end > 0; {
		block := max(0, end-solveBlock)
		if end < n {
			k.chainBack(g, a[block*ld+end:], ld, negative[end*ldn:], ldn, x[block*ldx:], ldx, end-block, columns, n-end)
		}
		for last := end; last > block; {
			i := max(block, last-inner)
			rows := last - i
			if last < end {
				k.chainBack(g, a[i*ld+last:], ld, negative[last*ldn:], ldn, x[i*ldx:], ldx, rows, columns, end-last)
			}
			// The rows upside down are those of a lower triangle.
			for r := range rows {
				for c := range r + 1 {
					triangle[r*inner+c] = a[(last-1-r)*ld+last-1-c]
				}
			}
			k.substitute(g, x[(last-1)*ldx:], -ldx, triangle, rows, columns, unit)
			for r := i; r < last; r++ {
				negate(negative[r*ldn:r*ldn+columns], x[r*ldx:])
			}
			last = i
		}
		end = block
	}
}
