package gemm

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// Rows are the micro-kernels of decompositions, on rows of contiguous elements. All levels give the same bits. Distances are in elements, and may be negative.
type Rows struct {
	double     bool
	size       int
	lanes      int // of a vector, at least; what is cut into lanes is a multiple of it
	portable   bool
	substitute [2]*[9]func(r *asm.Rows) // unit ones second
	rotate1    func(r *asm.Rotations)
	rotate4    func(r *asm.Rotations)
	// of two sweeps
	rotateTwice func(r *asm.Rotations)
	chains      [2]func(l *asm.Lanes) // rounded ones second
	transposed  func(c *asm.Columns)
}

// Scratch is where micro-kernels find their operands: each goroutine has its own. It holds no pointers.
type Scratch struct {
	rows      asm.Rows
	rotations asm.Rotations
	lanes     asm.Lanes
	columns   asm.Columns
}

// TriangleRows is the most rows that Substitute takes, and the distance of rows of its matrix.
const TriangleRows = 8

// NewRows returns the micro-kernels for a dtype.
func NewRows(d dtype.DType, level cpu.Level) *Rows {
	r := &Rows{double: d == dtype.Float64, size: d.Size(), lanes: 4, portable: true}
	r.useVectors(d, min(level, cpu.Supported()))
	return r
}

// Lanes is the number of lanes of a vector.
func (r *Rows) Lanes() int { return r.lanes }

// RotateColumns is the number of columns of the widest rows that Rotate takes at once.
func (r *Rows) RotateColumns() int { return 4 * r.lanes }

// Substitute replaces n right-hand sides in so many rows, at most 8, by the solution of T·X = B. T is lower triangular, with 8 elements from row to row. Row k is divided by the
// element of the diagonal, unless it counts as 1, and its multiples are taken off the rows below, each a fused multiply-add.
func (r *Rows) Substitute(s *Scratch, x unsafe.Pointer, xRow int, t unsafe.Pointer, rows, n int, unit bool) {
	if rows == 0 || n == 0 {
		return
	}
	a := &s.rows
	a.X, a.XRow, a.T, a.N = uintptr(x), uintptr(xRow*r.size), uintptr(t), n
	switch {
	case !r.portable:
		kind := 0
		if unit {
			kind = 1
		}
		r.substitute[kind][rows](a)
	case r.double:
		substitute64(a, rows, unit)
	default:
		substitute32(a, rows, unit)
	}
}

func substitute64(a *asm.Rows, rows int, unit bool) {
	t := unsafe.Slice((*float64)(pointer(a.T)), (rows-1)*TriangleRows+rows)
	for k := range rows {
		x := unsafe.Slice((*float64)(pointer(a.X+uintptr(k)*a.XRow)), a.N)
		if !unit {
			d := t[k*TriangleRows+k]
			for j := range x {
				x[j] /= d
			}
		}
		for i := k + 1; i < rows; i++ {
			y := unsafe.Slice((*float64)(pointer(a.X+uintptr(i)*a.XRow)), a.N)
			f := -t[i*TriangleRows+k]
			for j, v := range x {
				y[j] = math.FMA(f, v, y[j])
			}
		}
	}
}

func substitute32(a *asm.Rows, rows int, unit bool) {
	t := unsafe.Slice((*float32)(pointer(a.T)), (rows-1)*TriangleRows+rows)
	for k := range rows {
		x := unsafe.Slice((*float32)(pointer(a.X+uintptr(k)*a.XRow)), a.N)
		if !unit {
			d := t[k*TriangleRows+k]
			for j := range x {
				x[j] /= d
			}
		}
		for i := k + 1; i < rows; i++ {
			y := unsafe.Slice((*float32)(pointer(a.X+uintptr(i)*a.XRow)), a.N)
			f := -t[i*TriangleRows+k]
			for j, v := range x {
				y[j] = elem.FMA32(f, v, y[j])
			}
		}
	}
}

// Rotate applies n rotations to n+1 neighbouring rows of vectors·Lanes columns, 1 or 4: of rows x and y, the next one, remain c·x + s·y and c·y − s·x, of which the second is the x of
// the next rotation. The products with s are rounded.
func (r *Rows) Rotate(s *Scratch, x unsafe.Pointer, xRow int, c, sin unsafe.Pointer, n, vectors int) {
	a := &s.rotations
	a.X, a.XRow, a.C, a.S, a.N = uintptr(x), uintptr(xRow*r.size), uintptr(c), uintptr(sin), n
	switch {
	case !r.portable && vectors == 4:
		r.rotate4(a)
	case !r.portable:
		r.rotate1(a)
	case r.double:
		rotate64(a, vectors*r.lanes)
	default:
		rotate32(a, vectors*r.lanes)
	}
}

// RotateTwice is Rotate with n+1 rotations, then with n others that begin at the same row, for rows of 4 vectors.
func (r *Rows) RotateTwice(s *Scratch, x unsafe.Pointer, xRow int, c, sin, c2, sin2 unsafe.Pointer, n int) {
	if r.portable {
		r.Rotate(s, x, xRow, c, sin, n+1, 4)
		r.Rotate(s, x, xRow, c2, sin2, n, 4)
		return
	}
	a := &s.rotations
	a.X, a.XRow, a.C, a.S, a.C2, a.S2, a.N = uintptr(x), uintptr(xRow*r.size), uintptr(c), uintptr(sin), uintptr(c2), uintptr(sin2), n
	r.rotateTwice(a)
}

func rotate64(a *asm.Rotations, columns int) {
	if a.N == 0 {
		return
	}
	cs, ss := unsafe.Slice((*float64)(pointer(a.C)), a.N), unsafe.Slice((*float64)(pointer(a.S)), a.N)
	for k, c := range cs {
		s := ss[k]
		x := unsafe.Slice((*float64)(pointer(a.X+uintptr(k)*a.XRow)), columns)
		y := unsafe.Slice((*float64)(pointer(a.X+uintptr(k+1)*a.XRow)), columns)
		for j, v := range x {
			w := y[j]
			x[j], y[j] = math.FMA(c, v, float64(s*w)), math.FMA(c, w, -float64(s*v))
		}
	}
}

func rotate32(a *asm.Rotations, columns int) {
	if a.N == 0 {
		return
	}
	cs, ss := unsafe.Slice((*float32)(pointer(a.C)), a.N), unsafe.Slice((*float32)(pointer(a.S)), a.N)
	for k, c := range cs {
		s := ss[k]
		x := unsafe.Slice((*float32)(pointer(a.X+uintptr(k)*a.XRow)), columns)
		y := unsafe.Slice((*float32)(pointer(a.X+uintptr(k+1)*a.XRow)), columns)
		for j, v := range x {
			w := y[j]
			x[j], y[j] = elem.FMA32(c, v, float32(s*w)), elem.FMA32(c, w, -float32(s*v))
		}
	}
}

// Continue is Piece for a chain that begins at C: C becomes fused multiply-adds to what it is, one term after another. Backward takes the terms from the last to the first: A and B then are
// where the last term is. K may be any number.
func (x *Plan) Continue(scratch []byte, p *Piece, backward bool) {
	if p.K == 0 || p.M == 0 || p.N == 0 {
		return
	}
	w, _ := workerIn(scratch)
	t := tiles{a: uintptr(p.A), aRow: p.ARow * x.size, aStep: x.size, b: uintptr(p.B), bStep: p.BRow * x.size, c: uintptr(p.C), cRow: p.CRow * x.size, mode: asm.Continue}
	if backward {
		t.aStep, t.bStep = -t.aStep, -t.bStep
	}
	for k := 0; k < p.K; k += Chain {
		t.k = min(Chain, p.K-k)
		x.tiles(w, &t, p.M, p.N)
		t.a, t.b = add(t.a, t.k*t.aStep), add(t.b, t.k*t.bStep)
	}
	runtime.KeepAlive(p)
}

// What becomes of chains in lanes.
const (
	LanesKeep   = asm.Keep
	LanesDivide = asm.Divide
	LanesRoot   = asm.Root
)

// Chains computes to = from − Σ a·b over k terms in n lanes, a multiple of Lanes: a chain of fused multiply-adds that begins at from, or of rounded products that are taken off. Then it keeps
// the chains, divides them by d, or takes their square roots.
func (r *Rows) Chains(s *Scratch, rounded bool, to, from, a unsafe.Pointer, aStep int, b unsafe.Pointer, bStep, k, n, mode int, d unsafe.Pointer) {
	l := &s.lanes
	l.To, l.From, l.A, l.B, l.D = uintptr(to), uintptr(from), uintptr(a), uintptr(b), uintptr(d)
	l.AStep, l.BStep, l.K, l.N, l.Mode = uintptr(aStep*r.size), uintptr(bStep*r.size), k, n, mode
	switch {
	case !r.portable && rounded:
		r.chains[1](l)
	case !r.portable:
		r.chains[0](l)
	case r.double:
		chains64(l, rounded)
	default:
		chains32(l, rounded)
	}
}

func chains64(l *asm.Lanes, rounded bool) {
	to, from := unsafe.Slice((*float64)(pointer(l.To)), l.N), unsafe.Slice((*float64)(pointer(l.From)), l.N)
	copy(to, from)
	for k := range l.K {
		a := unsafe.Slice((*float64)(pointer(l.A+uintptr(k)*l.AStep)), l.N)
		b := unsafe.Slice((*float64)(pointer(l.B+uintptr(k)*l.BStep)), l.N)
		for i := range to {
			if rounded {
				to[i] -= float64(a[i] * b[i])
			} else {
				to[i] = math.FMA(-a[i], b[i], to[i])
			}
		}
	}
	switch l.Mode {
	case asm.Divide:
		for i, d := range unsafe.Slice((*float64)(pointer(l.D)), l.N) {
			to[i] /= d
		}
	case asm.Root:
		for i, v := range to {
			to[i] = math.Sqrt(v)
		}
	}
}

func chains32(l *asm.Lanes, rounded bool) {
	to, from := unsafe.Slice((*float32)(pointer(l.To)), l.N), unsafe.Slice((*float32)(pointer(l.From)), l.N)
	copy(to, from)
	for k := range l.K {
		a := unsafe.Slice((*float32)(pointer(l.A+uintptr(k)*l.AStep)), l.N)
		b := unsafe.Slice((*float32)(pointer(l.B+uintptr(k)*l.BStep)), l.N)
		for i := range to {
			if rounded {
				to[i] -= float32(a[i] * b[i])
			} else {
				to[i] = elem.FMA32(-a[i], b[i], to[i])
			}
		}
	}
	switch l.Mode {
	case asm.Divide:
		for i, d := range unsafe.Slice((*float32)(pointer(l.D)), l.N) {
			to[i] /= d
		}
	case asm.Root:
		for i, v := range to {
			to[i] = float32(math.Sqrt(float64(v)))
		}
	}
}

// Transpose writes the transposed of a rows×cols matrix: to[j·toRow + i] = from[i·fromRow + j].
func (r *Rows) Transpose(s *Scratch, to unsafe.Pointer, toRow int, from unsafe.Pointer, fromRow, rows, cols int) {
	i := 0
	if !r.portable {
		whole := cols &^ (16/r.size - 1)
		c := &s.columns
		c.Row, c.Step, c.K = uintptr(toRow*r.size), uintptr(fromRow*r.size), whole
		for whole > 0 && rows >= r.lanes && i < rows {
			i = min(i, rows-r.lanes) // the last rows again, with those before them
			c.To, c.From = add(uintptr(to), i*r.size), add(uintptr(from), i*fromRow*r.size)
			r.transposed(c)
			r.transposeRest(uintptr(to), toRow, uintptr(from), fromRow, i, i+r.lanes, whole, cols)
			i += r.lanes
		}
	}
	r.transposeRest(uintptr(to), toRow, uintptr(from), fromRow, i, rows, 0, cols)
}

// transposeRest is Transpose for the rows i0 ≤ i < i1 and the columns j0 ≤ j < j1.
func (r *Rows) transposeRest(to uintptr, toRow int, from uintptr, fromRow, i0, i1, j0, j1 int) {
	if i0 >= i1 || j0 >= j1 {
		return
	}
	to, from = add(to, (j0*toRow+i0)*r.size), add(from, (i0*fromRow+j0)*r.size)
	if r.double {
		transposeRest((*uint64)(pointer(to)), toRow, (*uint64)(pointer(from)), fromRow, i1-i0, j1-j0)
	} else {
		transposeRest((*uint32)(pointer(to)), toRow, (*uint32)(pointer(from)), fromRow, i1-i0, j1-j0)
	}
}

func transposeRest[T uint32 | uint64](to *T, toRow int, from *T, fromRow, rows, cols int) {
	dst := unsafe.Slice(to, (cols-1)*toRow+rows)
	src := unsafe.Slice(from, (rows-1)*fromRow+cols)
	for i := range rows {
		at := i
		for _, v := range src[i*fromRow : i*fromRow+cols] {
			dst[at] = v
			at += toRow
		}
	}
}
