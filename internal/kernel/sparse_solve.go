package kernel

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name: "csr_solve",
		Doc: "X with A·X = B (Aᵀ·X = B if transpose) for a sparse square matrix A, whose entries are operand 2, and B (operand 3: n or n×k), by sparse decomposition " +
			"with rows and columns in an order of approximate minimum degree. Order and supernodes are found once for a pattern. The pivots are the diagonal: of a matrix that is symmetric bit for bit, A = L·D·Lᵀ where all are positive; else A = L·U where each is at least a tenth " +
			"of the largest candidate. Where that fails, rows are exchanged (Gilbert and Peierls, Sparse partial pivoting in time proportional to arithmetic operations, SIAM J. Sci. Stat. Comput. 9, 1988), " +
			"with the diagonal as pivot where it is at least a tenth of the largest candidate. Computed in float64. A matrix that is singular, also but for rounding where the solution's residual is more than a tenth of the right-hand side, or has NaN, is an error. " +
			"A run whose factors have more entries than those of all earlier runs allocates; more than the machine may have are an error." + csrNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 4, 1, option("transpose", attr.Bool)); err != nil {
				return err
			}
			if err := firstOf(checkPattern(in), wantShape("the entries", in[2].Shape, in[1].Shape)); err != nil {
				return err
			}
			n, b := in[0].Shape[0]-1, in[3].Shape
			if len(b) < 1 || len(b) > 2 || b[0] != n {
				return fmt.Errorf("operand 3 has shape %v, needs %d rows", b, n)
			}
			return firstOf(checkAmong(floatSet, in[2]), checkDType(in[2].DType, in[3], out[0]), wantShape("result", out[0].Shape, b))
		},
		Prepare: func(in, out []Type, a attr.List) any { return newSparseLU(in[0].Shape[0]-1, in[1].Size()) },
		Share:   func(in, _ []Type, _ attr.List) string { return fmt.Sprint(in[0].Shape[0], in[1].Shape[0]) },
		Work: func(in, out []Type, a attr.List) float64 { // of a matrix that fills in completely
			n := float64(in[0].Shape[0])
			return float64(n*n*n) + float64(2*n*float64(out[0].Size()))
		},
		Workspace: func(in, out []Type, a attr.List) int { return scratchOfSupernodes() },
		KeptBytes: func(_, _ []Type, _ attr.List, constant []bool) int {
			if constant[0] && constant[1] {
				return 8
			}
			return 0
		},
		Keep:       func(c *Call, _ []bool) { *keptPattern(c) = 0 },
		StateBytes: func(in, out []Type, a attr.List) int64 { return 12*8*int64(in[0].Shape[0]) + 16*int64(in[1].Size()) },
		Run:        func(c *Call) error { return pickFloat(c.Out[0].DType, csrSolve[float64], csrSolve[float32])(c) },
	})
}

// sparseLU holds P·M = L·U, where column k of M is row sequence[k] of the matrix. Column j of L (unit diagonal
// not stored) has the entries lBegin[j] to lBegin[j+1], column k of U (diagonal apart) uBegin[k] to uBegin[k+1].
type sparseLU struct {
	n              int
	lBegin, uBegin []int
	lRow, uRow     []int
	lVal, uVal     []float64
	diag           []float64
	place          []int // place[i] is the row of P·M that row i of M becomes, −1 while it has none
	x, column      []float64
	mark           []int // mark[i] = k+1: row i is in the pattern of column k
	order          []int // pattern of a column, from the end, in topological order
	stack, next    []int // depth-first search: rows, and their next entry
	// sequence is the order of the rows for the pattern rows, cols; it is not known while ordered is false. values are those that were decomposed, if factored is true.
	sequence   []int
	rows, cols []int64
	values     []float64
	ordered    bool
	factored   bool
	// super decomposes without exchanging rows, nil where that cannot be; direct says that it has.
	super  *supernodes
	direct bool
	// pattern is the number of the pattern, which calls keep for which the pattern is constant; it begins at 1.
	pattern uint64
	// decompositions counts those that were begun.
	decompositions int
	held           int64 // bytes of super and of what finds it
	// weakest is the smallest pivot against the largest entry of its row of M, if that is as small as rounding; weakRow is its row.
	weakest float64
	weakRow int
}

// keptPattern is the number of the pattern that a call has, whose pattern is constant; 0 before it is known.
func keptPattern(c *Call) *uint64 { return (*uint64)(unsafe.Pointer(unsafe.SliceData(c.Kept))) }

// hold changes the bytes that are held for super by so many.
func (f *sparseLU) hold(c *Call, bytes int64) error {
	err := c.Reserve(bytes)
	if err == nil {
		f.held += bytes
	}
	return err
}

func newSparseLU(n, entries int) *sparseLU {
	return &sparseLU{n: n, rows: make([]int64, n+1), cols: make([]int64, entries), values: make([]float64, entries), sequence: make([]int, n), lBegin: make([]int, n+1), uBegin: make([]int, n+1), diag: make([]float64, n), place: make([]int, n),
		x: make([]float64, n), column: make([]float64, n), mark: make([]int, n), order: make([]int, n), stack: make([]int, n), next: make([]int, n)}
}

// Reset lets the next run begin anew after one that has ended in the middle; it keeps the memory.
func (f *sparseLU) Reset() { f.ordered, f.factored = false, false }

// reach puts row i and the rows that it changes in column k at the front of the order, unless they are
// there, and returns the new front.
func (f *sparseLU) reach(i, k, front int) int {
	if f.mark[i] == k+1 {
		return front
	}
	f.mark[i] = k + 1
	f.stack[0], f.next[0] = i, f.firstEntry(i)
	for depth := 0; depth >= 0; {
		row := f.stack[depth]
		down := false
		if j := f.place[row]; j >= 0 {
			for p := f.next[depth]; p < f.lBegin[j+1]; p++ {
				if r := f.lRow[p]; f.mark[r] != k+1 {
					f.mark[r] = k + 1
					f.next[depth] = p + 1
					depth++
					f.stack[depth], f.next[depth] = r, f.firstEntry(r)
					down = true
					break
				}
			}
		}
		if !down {
			front--
			f.order[front] = row
			depth--
		}
	}
	return front
}

func (f *sparseLU) firstEntry(i int) int {
	if j := f.place[i]; j >= 0 {
		return f.lBegin[j]
	}
	return 0
}

// entryBytes is the size of an entry of a factor.
const entryBytes = 16

// room makes room in the factors for n more entries each.
func (f *sparseLU) room(c *Call, n int) error {
	for _, x := range [2]struct {
		rows *[]int
		vals *[]float64
	}{{&f.lRow, &f.lVal}, {&f.uRow, &f.uVal}} {
		length, before := len(*x.rows), cap(*x.rows)
		if need := length + n; need > before {
			size := max(need, 2*before, 64)
			if err := c.Reserve(entryBytes * int64(size)); err != nil {
				if size = need; c.Reserve(entryBytes*int64(size)) != nil {
					return err
				}
			}
			rows, vals := make([]int, length, size), make([]float64, length, size)
			copy(rows, *x.rows)
			copy(vals, *x.vals)
			*x.rows, *x.vals = rows, vals
			if err := c.Reserve(-entryBytes * int64(before)); err != nil {
				return err
			}
		}
	}
	return nil
}

// samePattern reports whether the pattern is that of the run before.
func (f *sparseLU) samePattern(c *Call, rows, cols []int64) bool {
	if c.Kept != nil && f.pattern > 0 && *keptPattern(c) == f.pattern {
		return f.ordered
	}
	same := f.ordered && slices.Equal(f.rows, rows) && slices.Equal(f.cols, cols)
	if same && c.Kept != nil {
		*keptPattern(c) = f.pattern
	}
	return same
}

// findSequence orders the rows, and finds the supernodes.
func (f *sparseLU) findSequence(c *Call, rows, cols []int64) error {
	f.ordered, f.super = false, nil
	if err := checkEntries(rows, cols, f.n); err != nil {
		return err
	}
	if err := f.hold(c, -f.held); err != nil {
		return err
	}
	const each, entry = 160, 32
	if err := f.hold(c, each*int64(f.n)+entry*int64(len(cols))); err != nil {
		return err
	}
	var m minDegree
	copy(f.sequence, m.order(rows, cols, c.Poll))
	copy(f.rows, rows)
	copy(f.cols, cols)
	super := analyse(rows, cols, f.sequence, c.Poll, func(bytes int64) error { return f.hold(c, bytes) })
	bytes := int64(0)
	if super != nil {
		bytes = super.bytes()
	}
	if err := f.hold(c, bytes-f.held); err != nil { // then without it
		super = nil
		if err := f.hold(c, -f.held); err != nil {
			return err
		}
	}
	f.super, f.ordered = super, true
	f.pattern++
	if c.Kept != nil {
		*keptPattern(c) = f.pattern
	}
	return nil
}

// sameValues reports whether the values are, bit for bit, those that were decomposed.
func sameValues[T float](f *sparseLU, values []T) bool {
	if v, ok := any(values).([]float64); ok { // by its bytes
		return bytes.Equal(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 8*len(v)), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f.values))), 8*len(v)))
	}
	for i, v := range values {
		if math.Float64bits(float64(v)) != math.Float64bits(f.values[i]) {
			return false
		}
	}
	return true
}

// factorSparse decomposes the matrix, if it is not the one that was decomposed last, by this call or by another one of the machine, such as that of a derivative.
func factorSparse[T float](c *Call, f *sparseLU, rows, cols []int64, values []T) error {
	same := f.samePattern(c, rows, cols)
	if same && f.factored && sameValues(f, values) {
		return nil
	}
	f.factored = false
	f.decompositions++
	if !same {
		if err := f.findSequence(c, rows, cols); err != nil {
			return err
		}
	}
	f.direct = f.super != nil && factorDirectly(c, f, values)
	if !f.direct {
		if err := factorExchanging(c, f, rows, cols, values); err != nil {
			return err
		}
	}
	if v, ok := any(values).([]float64); ok {
		copy(f.values, v)
	} else {
		for i, v := range values {
			f.values[i] = float64(v)
		}
	}
	f.factored = true
	return nil
}

// factorDirectly decomposes the matrix with the diagonal as pivots, if that can be done, and there is memory for it.
func factorDirectly[T float](c *Call, f *sparseLU, values []T) bool {
	if f.hold(c, f.super.needs(false)) != nil {
		return false
	}
	f.super.prepare(false)
	if assembleSymmetric(f.super, values) && f.super.factor(c) {
		return true
	}
	if f.hold(c, f.super.needs(true)) != nil {
		return false
	}
	f.super.prepare(true)
	assemble(f.super, values)
	return f.super.factor(c)
}

// factorExchanging decomposes the matrix column by column, with pivots from any row.
func factorExchanging[T float](c *Call, f *sparseLU, rows, cols []int64, values []T) error {
	f.lRow, f.lVal, f.uRow, f.uVal = f.lRow[:0], f.lVal[:0], f.uRow[:0], f.uVal[:0]
	clear(f.mark)
	for i := range f.place {
		f.place[i] = -1
	}
	f.weakest = rounding
	for k, row := range f.sequence {
		front := f.n
		for e := rows[row]; e < rows[row+1]; e++ {
			front = f.reach(int(cols[e]), k, front)
		}
		pattern := f.order[front:]
		if err := f.room(c, len(pattern)); err != nil {
			return err
		}
		for _, i := range pattern {
			f.x[i] = 0
		}
		whole := 0.0
		for e := rows[row]; e < rows[row+1]; e++ {
			f.x[cols[e]] += float64(values[e])
			whole = max(whole, math.Abs(float64(values[e])))
		}
		pivot, largest := -1, 0.0
		for _, i := range pattern {
			j := f.place[i]
			if j < 0 {
				continue
			}
			v := f.x[i]
			f.uRow, f.uVal = append(f.uRow, j), append(f.uVal, v)
			for p := f.lBegin[j]; p < f.lBegin[j+1]; p++ {
				f.x[f.lRow[p]] -= float64(f.lVal[p] * v)
			}
			c.Poll(f.lBegin[j+1] - f.lBegin[j])
		}
		for _, i := range pattern {
			if a := math.Abs(f.x[i]); f.place[i] < 0 && (a > largest || a == largest && a > 0 && i < pivot) {
				pivot, largest = i, a
			}
		}
		if pivot < 0 {
			return fmt.Errorf("the matrix is singular or has NaN: there is no pivot for row %d", row)
		}
		if f.mark[row] == k+1 && f.place[row] < 0 && math.Abs(f.x[row]) >= 0.1*largest {
			pivot = row
		}
		f.place[pivot], f.diag[k] = k, f.x[pivot]
		if part := math.Abs(f.x[pivot]) / whole; part < f.weakest {
			f.weakest, f.weakRow = part, row
		}
		for _, i := range pattern {
			if f.place[i] < 0 {
				f.lRow, f.lVal = append(f.lRow, i), append(f.lVal, f.x[i]/f.diag[k])
			}
		}
		f.lBegin[k+1], f.uBegin[k+1] = len(f.lRow), len(f.uRow)
	}
	for p, i := range f.lRow {
		f.lRow[p] = f.place[i]
	}
	return nil
}

// solveTransposed replaces b by the solution with the matrix's transpose, M with its columns in another order.
func (f *sparseLU) solveTransposed(b []float64) {
	c := f.x
	for i, v := range b {
		c[f.place[i]] = v
	}
	for j := range f.n {
		for p := f.lBegin[j]; p < f.lBegin[j+1]; p++ {
			c[f.lRow[p]] -= float64(f.lVal[p] * c[j])
		}
	}
	for k := f.n - 1; k >= 0; k-- {
		c[k] /= f.diag[k]
		for p := f.uBegin[k]; p < f.uBegin[k+1]; p++ {
			c[f.uRow[p]] -= float64(f.uVal[p] * c[k])
		}
	}
	for k, row := range f.sequence {
		b[row] = c[k]
	}
}

// solve replaces b by the solution with the matrix, whose factors, with its rows in another order, are Uᵀ·Lᵀ·P.
func (f *sparseLU) solve(b []float64) {
	c := f.x
	for k, row := range f.sequence {
		s := b[row]
		for p := f.uBegin[k]; p < f.uBegin[k+1]; p++ {
			s -= float64(f.uVal[p] * c[f.uRow[p]])
		}
		c[k] = s / f.diag[k]
	}
	for j := f.n - 1; j >= 0; j-- {
		for p := f.lBegin[j]; p < f.lBegin[j+1]; p++ {
			c[j] -= float64(f.lVal[p] * c[f.lRow[p]])
		}
	}
	for i := range b {
		b[i] = c[f.place[i]]
	}
}

func csrSolve[T float](c *Call) error {
	f, rows, cols := c.State.(*sparseLU), c.In[0].I64, c.In[1].I64
	b, x := data[T](&c.In[3]), data[T](&c.Out[0])
	if err := factorSparse(c, f, rows, cols, data[T](&c.In[2])); err != nil {
		return err
	}
	k, transposed := len(b)/f.n, c.Attrs.Bool("transpose")
	if f.direct {
		return f.solveDirectly(c, k, transposed, func(j int, y []float64) {
			for i, row := range f.sequence {
				y[i] = float64(b[row*k+j])
			}
		}, func(j int, y []float64) {
			for i, row := range f.sequence {
				x[row*k+j] = T(y[i])
			}
		})
	}
	for j := range k {
		c.Poll(len(f.lVal) + len(f.uVal))
		for i := range f.n {
			f.column[i] = float64(b[i*k+j])
		}
		if transposed {
			f.solveTransposed(f.column)
		} else {
			f.solve(f.column)
		}
		for i, v := range f.column {
			x[i*k+j] = T(v)
		}
		if f.weakest < rounding {
			if part := residual(f, b[j:], k, transposed); !(part <= 0.1) {
				return fmt.Errorf("the matrix is singular but for rounding: the pivot for row %d is %.2g of its largest entry, and the residual %.2g of the right-hand side", f.weakRow, f.weakest, part)
			}
		}
	}
	return nil
}

// solveDirectly solves for k right-hand sides, some at a time; get and put bring one into the order of the sequence and back.
func (f *sparseLU) solveDirectly(c *Call, k int, transposed bool, get, put func(j int, y []float64)) error {
	most := min(k, solveColumns)
	if err := f.super.prepareColumns(func(bytes int64) error { return f.hold(c, bytes) }, most); err != nil {
		return err
	}
	for from := 0; from < k; from += most {
		count := min(most, k-from)
		column := func(j int) []float64 { return f.super.columns[j*f.n : (j+1)*f.n] }
		for j := range count {
			get(from+j, column(j))
		}
		f.super.solve(c, f.super.columns, count, transposed)
		for j := range count {
			put(from+j, column(j))
		}
	}
	return nil
}

// residual is the norm of b − A·x over that of b, of whose elements each k-th counts, for the matrix that is decomposed and the solution in column.
func residual[T float](f *sparseLU, b []T, k int, transposed bool) float64 {
	r := f.x
	size := 0.0
	for i := range r {
		r[i] = float64(b[i*k])
		size = max(size, math.Abs(r[i]))
	}
	for i := range f.n {
		for e := f.rows[i]; e < f.rows[i+1]; e++ {
			to, from := i, int(f.cols[e])
			if transposed {
				to, from = from, to
			}
			r[to] -= float64(f.values[e] * f.column[from])
		}
	}
	most := 0.0
	for _, v := range r {
		most = max(most, math.Abs(v))
	}
	if most == 0 {
		return 0
	}
	return most / size
}
