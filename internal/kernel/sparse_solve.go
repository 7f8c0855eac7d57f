package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name: "csr_solve",
		Doc: "X with A·X = B (Aᵀ·X = B if transpose) for a sparse square matrix A, whose entries are operand 2, and B (operand 3: n or n×k), by sparse LU decomposition " +
			"with rows and columns in an order of approximate minimum degree, found once for a pattern (Gilbert and Peierls, Sparse partial pivoting in time proportional to arithmetic operations, SIAM J. Sci. Stat. Comput. 9, 1988), " +
			"with the diagonal as pivot where it is at least a tenth of the largest candidate. Computed in float64. A singular matrix, or one with NaN, is an error. " +
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
			return n*n*n + 2*n*float64(out[0].Size())
		},
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

// findSequence orders the rows, if the pattern is another one than in the run before.
func (f *sparseLU) findSequence(c *Call, rows, cols []int64) error {
	if f.ordered && slices.Equal(f.rows, rows) && slices.Equal(f.cols, cols) {
		return nil
	}
	bytes := 160*int64(f.n) + 32*int64(len(cols))
	if err := c.Reserve(bytes); err != nil {
		return err
	}
	f.ordered = false
	var m minDegree
	copy(f.sequence, m.order(rows, cols, c.Poll))
	copy(f.rows, rows)
	copy(f.cols, cols)
	f.ordered = true
	return c.Reserve(-bytes)
}

// sameValues reports whether the values are, bit for bit, those that were decomposed.
func sameValues[T float](f *sparseLU, values []T) bool {
	for i, v := range values {
		if math.Float64bits(float64(v)) != math.Float64bits(f.values[i]) {
			return false
		}
	}
	return true
}

// factorSparse decomposes the matrix, if it is not the one that was decomposed last, by this call or by another one of the machine, such as that of a derivative.
func factorSparse[T float](c *Call, f *sparseLU, rows, cols []int64, values []T) error {
	if f.ordered && f.factored && slices.Equal(f.rows, rows) && slices.Equal(f.cols, cols) && sameValues(f, values) {
		return nil
	}
	f.factored = false
	f.lRow, f.lVal, f.uRow, f.uVal = f.lRow[:0], f.lVal[:0], f.uRow[:0], f.uVal[:0]
	clear(f.mark)
	for i := range f.place {
		f.place[i] = -1
	}
	if err := f.findSequence(c, rows, cols); err != nil {
		return err
	}
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
		for e := rows[row]; e < rows[row+1]; e++ {
			f.x[cols[e]] += float64(values[e])
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
	for i, v := range values {
		f.values[i] = float64(v)
	}
	f.factored = true
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
	if err := checkEntries(rows, cols, f.n); err != nil {
		return err
	}
	if err := factorSparse(c, f, rows, cols, data[T](&c.In[2])); err != nil {
		return err
	}
	k := len(b) / f.n
	for j := range k {
		c.Poll(len(f.lVal) + len(f.uVal))
		for i := range f.n {
			f.column[i] = float64(b[i*k+j])
		}
		if c.Attrs.Bool("transpose") {
			f.solveTransposed(f.column)
		} else {
			f.solve(f.column)
		}
		for i, v := range f.column {
			x[i*k+j] = T(v)
		}
	}
	return nil
}
