package gemm

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// maxDots is the most vectors that rows are multiplied with at once, and maxChains the most vectors of chains.
const (
	maxDots   = 4
	maxChains = 16
)

// leastAcross is the terms from which rows of A are multiplied with several columns.
const leastAcross = 32

// useDots reports whether a product goes by rows that are contiguous in k, each of which is multiplied with few vectors: rows of A, or columns of B.
func (x *Plan) useDots() bool {
	p := &x.p
	if x.kernels.dots == nil || p.K*x.size < 16 {
		return false
	}
	// Where rows of B are contiguous, more than one column goes by tiles as fast, unless vectors are long and rows too.
	x.across = p.A.Col == 1 && p.N <= maxDots && p.M >= x.lanes && (p.N == 1 || !x.double && p.K >= leastAcross)
	x.down = p.A.Row == 1 && p.A.Col != 1 && p.N <= maxDots && p.M >= 2*x.lanes
	return x.across || x.down || p.B.Row == 1 && p.M <= maxDots && p.N >= x.lanes
}

// dotsDown computes a region of few columns whose A has contiguous columns: tiles of the transposed product, which use whole vectors.
func (x *Plan) dotsDown(w *worker, r region) {
	p, u := &x.p, &w.tile
	u.Flush, u.Mode, u.Ahead = x.flushing(), asm.Set, 0
	u.ARow, u.AStep, u.BStep, u.C = uintptr(p.B.Col*x.size), uintptr(p.B.Row*x.size), uintptr(p.A.Col*x.size), uintptr(unsafe.Pointer(&w.chains))
	widest := x.kernels.widest(p.N)
	for p.N<<widest > maxChains {
		widest--
	}
	for at := r.i0; at < r.i1; {
		n, log := x.kernels.part(r.i1-at, widest)
		lanes := x.lanes << log
		u.Last, u.CRow = n-lanes+x.lanes, uintptr(lanes*x.size)
		for k, end := r.k0, r.k0+r.kc; k < end; k += Chain {
			u.K = min(Chain, end-k)
			u.A, u.B = x.at(r.b, k, 0, p.B), x.at(r.a, at, k, p.A)
			x.kernels.run(u, p.N, log, n, false)
			x.take(w, x.at(r.c, at, 0, Strides{p.CRow, 1}), Strides{p.CRow, 1}, n, p.N, 0, lanes, r.set && k == r.k0)
		}
		at += n
	}
}

// take is takeChains for the plan's dtype.
func (x *Plan) take(w *worker, c uintptr, to Strides, n, vectors, first, lanes int, set bool) {
	if x.double {
		takeChains[float64](w, c, to, n, vectors, first, lanes, set, x.p.Flush)
	} else {
		takeChains[float32](w, c, to, n, vectors, first, lanes, set, x.p.Flush)
	}
}

// dots computes a region by rows.
func (x *Plan) dots(w *worker, r region) {
	if x.down {
		x.dotsDown(w, r)
		return
	}
	p, d := &x.p, &w.dots
	lo, hi, all, a, rows := r.i0, r.i1, p.M, r.a, p.A
	vectors, b, factors := p.N, r.b, p.B
	to := Strides{p.CRow, 1} // from row to row and from vector to vector
	if !x.across {
		lo, hi, all, a, rows = r.j0, r.j1, p.N, r.b, Strides{p.B.Col, p.B.Row}
		vectors, b, factors = p.M, r.a, Strides{p.A.Col, p.A.Row}
		to = Strides{1, p.CRow}
	}
	d.Flush = x.flushing()
	d.ARow, d.XStep, d.XRow, d.To = uintptr(rows.Row*x.size), uintptr(factors.Row*x.size), uintptr(factors.Col*x.size), uintptr(unsafe.Pointer(&w.chains))
	for at := lo; at < hi; {
		lanes, kernel := x.lanes, vectors
		if vectors == 1 && hi-at > lanes && all >= 2*lanes {
			lanes, kernel = 2*lanes, 0
		}
		// A block that would end behind the last row begins earlier; of rows that it shares with others nothing is taken.
		n, begin := min(lanes, hi-at), min(at, all-lanes)
		for k, end := r.k0, r.k0+r.kc; k < end; k += Chain {
			d.K = min(Chain, end-k)
			d.A, d.X = x.at(a, begin, k, rows), x.at(b, k, 0, factors)
			x.kernels.dots[kernel](d)
			x.take(w, x.at(r.c, at, 0, to), to, n, vectors, at-begin, lanes, r.set && k == r.k0)
		}
		at += n
	}
}

// takeChains puts chains of n rows and of some vectors into C. The chains begin at the first row; those of a vector are so many lanes.
func takeChains[T float32 | float64](w *worker, c uintptr, to Strides, n, vectors, first, lanes int, set, flush bool) {
	chains := unsafe.Slice((*T)(unsafe.Pointer(&w.chains)), vectors*lanes)
	out := unsafe.Slice((*T)(pointer(c)), (n-1)*to.Row+(vectors-1)*to.Col+1)
	for v := range vectors {
		at := v * to.Col
		for _, s := range chains[v*lanes+first:][:n] {
			switch {
			case set:
				out[at] = s
			case flush:
				out[at] = elem.Flush(elem.Flush(out[at]) + s)
			default:
				out[at] += s
			}
			at += to.Row
		}
	}
}
