package linalg

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/gemm"
)

const (
	// lanesExtent is the largest extent of matrices that are decomposed in lanes, lanesCount the least number of them. Bits depend on them.
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
	count int // elements of a matrix in lanes
	do    func(x *lanes[T], g *goroutine[T], m []T, o Operands[T], n int) (failed int)
	n, m  int // extents
}

// inLanes reports whether a batch is decomposed in lanes.
func inLanes(count, extent int) bool {
	return count >= lanesCount && extent <= lanesExtent && extent > 0
}

// newLanes makes the plan of a batch in lanes. do decomposes n matrices, whose operands are given, in memory of elements for each.
func newLanes[T Float](k kit[T], count, elements, n, m int, do func(x *lanes[T], g *goroutine[T], memory []T, o Operands[T], n int) int) *Plan[T] {
	x := &lanes[T]{kit: k, count: elements, do: do, n: n, m: m}
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
	x.rows.Chains(g.s, p(to), p(to), p(a), aStep*w, p(b), bStep*w, k, n, mode, p(d))
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
