package linalg

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/gemm"
)

const (
	// lanesExtent is the largest extent of matrices that are decomposed in lanes, lanesCount the least number of them.
	lanesExtent = 32
	lanesCount  = 8
	// lanesBytes is the memory for a group's matrices: a part of the caches.
	lanesBytes = 128 << 10
	// lanesWork is the number of multiply-adds of an item, about.
	lanesWork = 1 << 16
)

// lanes decomposes a group of small matrices at once, one in each lane: element e of matrix l of a group is at [e·width + l].
type lanes[T Float] struct {
	kit[T]
	width int // lanes of a group
	items int // matrices of an item
	count int // elements of a matrix in lanes, and one
	do    func(x *lanes[T], g *goroutine[T], m []T, o Operands[T], n int) (failed int)
	n, m  int // extents
}

// inLanes reports whether a batch is decomposed in lanes.
func inLanes(count, extent int) bool {
	return count >= lanesCount && extent <= lanesExtent && extent > 0
}

// newLanes makes the plan of a batch in lanes. do decomposes n matrices, whose operands are given, in memory of elements for each.
func newLanes[T Float](k kit[T], count, elements, n, m int, do func(x *lanes[T], g *goroutine[T], memory []T, o Operands[T], n int) int) *Plan[T] {
	x := &lanes[T]{kit: k, count: elements + 1, do: do, n: n, m: m}
	x.width = 4 * k.rows.Lanes()
	for x.width > k.rows.Lanes() && x.width*elements*size[T]() > lanesBytes {
		x.width /= 2
	}
	x.items = x.width * max(1, lanesWork/(x.width*(n*n*(n+3*m)/3+4*elements)))
	return &Plan[T]{count: count, lanes: x}
}

func (x *lanes[T]) each() int { return x.kit.each() + bytes[T](x.count*x.width) }

// group decomposes the matrices from ≤ i < to of a batch, and returns the first one that fails, −1 if there is none.
func (x *lanes[T]) item(number int, o Operands[T], count, item int) int {
	g := x.goroutine(number)
	m := take[T](&g.memory, x.count*x.width)
	for i, end := item*x.items, min(count, (item+1)*x.items); i < end; i += x.width {
		n := min(x.width, end-i)
		part := Operands[T]{span(o.A, i, n, count), span(o.B, i, n, count), span(o.X, i, n, count), span(o.Y, i, n, count), span(o.Z, i, n, count), span(o.Perm, i, n, count)}
		if f := x.do(x, g, m, part, n); f >= 0 {
			return i + f
		}
	}
	return -1
}

// span returns the elements of the matrices i ≤ k < i+n of a batch.
func span[E any](x []E, i, n, count int) []E {
	each := len(x) / count
	return x[i*each : (i+n)*each]
}

// whole rounds a number of lanes up to vectors.
func (x *lanes[T]) whole(n int) int { return ceil(n, x.rows.Lanes()) * x.rows.Lanes() }

// gather puts n matrices of so many elements into lanes, scatter takes them out.
func (x *lanes[T]) gather(g *goroutine[T], m, from []T, elements, n int) {
	x.transpose(g, m, x.width, from, elements, n, elements)
}

func (x *lanes[T]) scatter(g *goroutine[T], to, m []T, elements, n int) {
	x.transpose(g, to, elements, m, x.width, elements, n)
}

// chain sets element to of each lane to itself less the products of k elements from a and b on, steps apart, and finishes it as mode says, dividing by element d.
func (x *lanes[T]) chain(g *goroutine[T], m []T, to, a, aStep, b, bStep, k, n, mode, d int) {
	w := x.width
	p := func(e int) unsafe.Pointer { return at(m, e*w) }
	if k == 0 {
		a, b = to, to
	}
	if mode != gemm.LanesDivide {
		d = to
	}
	x.rows.Chains(g.s, false, p(to), p(to), p(a), aStep*w, p(b), bStep*w, k, n, mode, p(d))
}

// rounded is chain for products that are rounded.
func (x *lanes[T]) rounded(g *goroutine[T], m []T, to, a, aStep, b, bStep, k, n int) {
	w := x.width
	p := func(e int) unsafe.Pointer { return at(m, e*w) }
	if k > 0 {
		x.rows.Chains(g.s, true, p(to), p(to), p(a), aStep*w, p(b), bStep*w, k, n, gemm.LanesKeep, nil)
	}
}

// lane returns element e of the lanes.
func (x *lanes[T]) lane(m []T, e, n int) []T { return m[e*x.width : e*x.width+n] }

// choleskyLanes decomposes symmetric matrices.
func choleskyLanes[T Float](x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	n, w := x.n, x.whole(count)
	x.gather(g, m, o.A, n*n, count)
	for j := range n {
		d := j*n + j
		x.chain(g, m, d, j*n, 1, j*n, 1, j, w, gemm.LanesRoot, d)
		for i := j + 1; i < n; i++ {
			x.chain(g, m, i*n+j, i*n, 1, j*n, 1, j, w, gemm.LanesDivide, d)
		}
		clear(m[(d+1)*x.width : (j*n+n)*x.width])
	}
	failed := count
	for j := range n {
		for l, d := range x.lane(m, j*n+j, count) {
			if !(d > 0) {
				failed = min(failed, l)
			}
		}
	}
	if failed < count {
		return failed
	}
	x.scatter(g, o.X, m, n*n, count)
	return -1
}

// beside are columns beside square matrices in lanes: so many of them, from element at on.
type beside struct{ at, columns int }

// eliminate decomposes rows×n matrices in lanes by partial pivoting, and takes their part off the columns beside. exchanged is told every row that is
// exchanged with the one of the pivot.
func (x *lanes[T]) eliminate(g *goroutine[T], m []T, rows, n int, b beside, count int, exchanged func(lane, pivot, row int)) {
	w := x.whole(count)
	divisors := x.count - 1
	for c := range min(rows, n) {
		for i := c; i < rows; i++ {
			x.rounded(g, m, i*n+c, i*n, 1, c, n, c, w)
		}
		for l := range count {
			row, best := c, abs(m[(c*n+c)*x.width+l])
			for i := c + 1; i < rows; i++ {
				if v := abs(m[(i*n+c)*x.width+l]); v > best {
					row, best = i, v
				}
			}
			if row != c {
				for j := range n {
					x.swap(m, c*n+j, row*n+j, l)
				}
				for j := range b.columns {
					x.swap(m, b.at+c*b.columns+j, b.at+row*b.columns+j, l)
				}
				exchanged(l, c, row)
			}
			pivot := m[(c*n+c)*x.width+l]
			if pivot == 0 {
				pivot = 1 // what is below is 0, or NaN
			}
			m[divisors*x.width+l] = pivot
		}
		for i := c + 1; i < rows; i++ {
			x.chain(g, m, i*n+c, 0, 0, 0, 0, 0, w, gemm.LanesDivide, divisors)
		}
		for j := c + 1; j < min(rows, n); j++ {
			x.rounded(g, m, c*n+j, c*n, 1, j, n, c, w)
		}
		for j := min(rows, n); j < n; j++ {
			x.chain(g, m, c*n+j, c*n, 1, j, n, c, w, gemm.LanesKeep, 0)
		}
		for j := range b.columns {
			x.chain(g, m, b.at+c*b.columns+j, c*n, 1, b.at+j, b.columns, c, w, gemm.LanesKeep, 0)
		}
	}
}

func (x *lanes[T]) swap(m []T, e, f, lane int) {
	p, q := e*x.width+lane, f*x.width+lane
	m[p], m[q] = m[q], m[p]
}

// singular returns the first lane with a zero on the diagonal of U, −1 if there is none.
func (x *lanes[T]) singular(m []T, n, count int) int {
	first := count
	for i := range n {
		for l, d := range x.lane(m, i*(n+1), count) {
			if d == 0 {
				first = min(first, l)
			}
		}
	}
	if first < count {
		return first
	}
	return -1
}

func luLanes[T Float](x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	x.gather(g, m, o.A, x.n*x.m, count)
	for i := range o.Perm {
		o.Perm[i] = int64(i % x.n)
	}
	x.eliminate(g, m, x.n, x.m, beside{}, count, func(lane, pivot, row int) {
		p := o.Perm[lane*x.n : (lane+1)*x.n]
		p[pivot], p[row] = p[row], p[pivot]
	})
	x.scatter(g, o.X, m, x.n*x.m, count)
	return -1
}

func nothing(lane, pivot, row int) {}

func solveLanes[T Float](x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	x.gather(g, m[x.n*x.n*x.width:], o.B, x.n*x.m, count)
	return x.solve(g, m, o, count)
}

func inverseLanes[T Float](x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	unit := m[x.n*x.n*x.width:][:x.n*x.n*x.width]
	clear(unit)
	for i := range x.n {
		for l := range count {
			unit[i*(x.n+1)*x.width+l] = 1
		}
	}
	return x.solve(g, m, o, count)
}

// solve solves A·X = B; B is in its lanes.
func (x *lanes[T]) solve(g *goroutine[T], m []T, o Operands[T], count int) int {
	n, b, w := x.n, beside{x.n * x.n, x.m}, x.whole(count)
	x.gather(g, m, o.A, n*n, count)
	x.eliminate(g, m, n, n, b, count, nothing)
	if f := x.singular(m, n, count); f >= 0 {
		return f
	}
	for i := n - 1; i >= 0; i-- {
		for j := range b.columns {
			x.chain(g, m, b.at+i*b.columns+j, i*n+n-1, -1, b.at+(n-1)*b.columns+j, -b.columns, n-1-i, w, gemm.LanesDivide, i*n+i)
		}
	}
	x.scatter(g, o.X, m[b.at*x.width:], n*x.m, count)
	return -1
}

// mostLanes is the largest width of a group.
const mostLanes = 64

func (x *lanes[T]) determinants(g *goroutine[T], m []T, o Operands[T], count int, result func(lane int, d determinant)) {
	var odd [mostLanes]bool
	x.gather(g, m, o.A, x.n*x.n, count)
	x.eliminate(g, m, x.n, x.n, beside{}, count, func(lane, _, _ int) { odd[lane] = !odd[lane] })
	for l := range count {
		d := newDeterminant()
		for i := range x.n {
			d.pivot(float64(m[i*(x.n+1)*x.width+l]), i == 0 && odd[l])
		}
		result(l, d)
	}
}

func determinantLanes[T Float](x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	x.determinants(g, m, o, count, func(lane int, d determinant) { o.X[lane] = T(d.product()) })
	return -1
}

func logDeterminantLanes[T Float](x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	x.determinants(g, m, o, count, func(lane int, d determinant) { o.X[lane], o.Y[lane] = T(d.sign), T(d.logarithm) })
	return -1
}

func triangularLanes[T Float](lower, transposed, unit bool) func(x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
	mode := gemm.LanesDivide
	if unit {
		mode = gemm.LanesKeep
	}
	return func(x *lanes[T], g *goroutine[T], m []T, o Operands[T], count int) int {
		n, b, w := x.n, beside{x.n * x.n, x.m}, x.whole(count)
		x.gather(g, m, o.A, n*n, count)
		x.gather(g, m[b.at*x.width:], o.B, n*x.m, count)
		row, step := n, 1 // of op(A)
		if transposed {
			row, step = 1, n
		}
		for at := range n {
			i, first, next := at, 0, 1 // the row, the first term, and the way to the next one
			if lower == transposed {
				i, first, next = n-1-at, n-1, -1
			}
			for j := range b.columns {
				x.chain(g, m, b.at+i*b.columns+j, i*row+first*step, next*step, b.at+first*b.columns+j, next*b.columns, at, w, mode, i*n+i)
			}
		}
		x.scatter(g, o.X, m[b.at*x.width:], n*x.m, count)
		return -1
	}
}
