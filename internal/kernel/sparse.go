package kernel

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

const csrNote = " The sparse m×n matrix in compressed rows: operand 0 holds m+1 row boundaries (int64: entries r to r+1 of row r; first 0, ascending, last the number of entries), " +
	"operand 1 the column of each entry (int64, negative ones are errors). Boundaries and columns out of range are errors. Float dtypes."

func init() {
	Register(&Kernel{
		Name:  "csr_matmul",
		Plain: true,
		Doc: "Product of a sparse matrix, whose entries are operand 2, with a vector or matrix (operand 3: n or n×k; m or m×k if transpose). " +
			"Attribute columns is n. Sums run over the entries in their order, each product rounded; float32 is computed in float64." + csrNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 4, 1, need("columns", attr.Int), option("transpose", attr.Bool)); err != nil {
				return err
			}
			if err := firstOf(checkPattern(in), wantShape("the entries", in[2].Shape, in[1].Shape)); err != nil {
				return err
			}
			m, n, x := in[0].Shape[0]-1, a.Int("columns"), in[3].Shape
			if a.Bool("transpose") {
				m, n = n, m
			}
			if len(x) < 1 || len(x) > 2 || x[0] != n {
				return fmt.Errorf("operand 3 has shape %v, needs %d rows", x, n)
			}
			return firstOf(checkAmong(floatSet, in[2]), checkDType(in[2].DType, in[3], out[0]), wantShape("result", out[0].Shape, shape.Replaced(x, 0, m)))
		},
		Work: func(in, out []Type, a attr.List) float64 {
			columns := 1
			if len(in[3].Shape) == 2 {
				columns = in[3].Shape[1]
			}
			return 2 * float64(in[2].Size()) * float64(columns)
		},
		Workspace: func(in, out []Type, a attr.List) int {
			if out[0].DType == dtype.Float64 {
				return 0
			}
			if a.Bool("transpose") {
				return scratchSize(shape.Size(out[0].Shape), 8)
			}
			return scratchSize(shape.Size(out[0].Shape[1:]), 8)
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, csrMatmul[float64], csrMatmul[float32])(c) },
	})
	Register(&Kernel{
		Name:  "csr_sampled_matmul",
		Plain: true,
		Doc: "The entries of A·Bᵀ at the places of a sparse matrix (sampled dense-dense product): for an entry in row i and column j the sum over k of A[i,k]·B[j,k], " +
			"in ascending k, each product rounded, float32 computed in float64; A is operand 2 (m×k, or m), B operand 3 (n×k, or n)." + csrNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 4, 1); err != nil {
				return err
			}
			if err := checkPattern(in); err != nil {
				return err
			}
			x, y := in[2].Shape, in[3].Shape
			if len(x) < 1 || len(x) > 2 || len(y) != len(x) || x[0] != in[0].Shape[0]-1 || (len(x) == 2 && x[1] != y[1]) {
				return fmt.Errorf("operands 2 and 3 have shapes %v and %v for %d rows", x, y, in[0].Shape[0]-1)
			}
			return firstOf(checkAmong(floatSet, in[2]), checkDType(in[2].DType, in[3], out[0]), wantShape("result", out[0].Shape, in[1].Shape))
		},
		Work: func(in, out []Type, a attr.List) float64 {
			return 2 * float64(out[0].Size()) * float64(in[2].Size()) / float64(in[2].Shape[0])
		},
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, csrSampled[float64], csrSampled[float32])(c)
		},
	})
}

// checkPattern checks the types of row boundaries and columns.
func checkPattern(in []Type) error {
	if len(in[0].Shape) != 1 || in[0].Shape[0] < 2 || len(in[1].Shape) != 1 {
		return fmt.Errorf("row boundaries %v and columns %v need to be vectors, the first of at least 2", in[0].Shape, in[1].Shape)
	}
	return checkDType(dtype.Int64, in[0], in[1])
}

// checkEntries reports row boundaries or columns that are not those of a matrix with n columns.
func checkEntries(rows, cols []int64, n int) error {
	last := int64(0)
	for r, b := range rows {
		if b < last || r == 0 && b != 0 || b > int64(len(cols)) {
			return fmt.Errorf("row boundary %d (element %d) is out of range", b, r)
		}
		last = b
	}
	if last != int64(len(cols)) {
		return fmt.Errorf("the last row boundary is %d, but there are %d entries", last, len(cols))
	}
	for e, c := range cols {
		if c < 0 || c >= int64(n) {
			return fmt.Errorf("column %d (entry %d) is out of range for %d columns", c, e, n)
		}
	}
	return nil
}

func csrMatmul[T float](c *Call) error {
	rows, cols, values := c.In[0].I64, c.In[1].I64, data[T](&c.In[2])
	x, y := data[T](&c.In[3]), data[T](&c.Out[0])
	if err := checkEntries(rows, cols, c.Attrs.Int("columns")); err != nil {
		return err
	}
	k := 1
	if len(c.In[3].Shape) == 2 {
		k = c.In[3].Shape[1]
	}
	transpose, work := c.Attrs.Bool("transpose"), c.Work
	clear(y)
	// Sums of float32 are taken in float64 and written at the end of a row, of all rows of the transpose.
	sums, double := any(y).([]float64)
	if !double {
		if transpose {
			sums = take[float64](&work, len(y))
		} else {
			sums = take[float64](&work, k)
		}
		clear(sums)
	}
	for r := range len(rows) - 1 {
		for e := rows[r]; e < rows[r+1]; e++ {
			v, to, from := float64(values[e]), r, int(cols[e])
			if transpose {
				to, from = from, to
			} else if !double {
				to = 0
			}
			c.Poll(k)
			dst, src := sums[to*k:(to+1)*k], x[from*k:(from+1)*k]
			for j, s := range src {
				dst[j] += float64(v * float64(s))
			}
		}
		if !double && !transpose {
			for j := range sums {
				y[r*k+j], sums[j] = T(sums[j]), 0
			}
		}
	}
	if !double && transpose {
		for i, v := range sums {
			y[i] = T(v)
		}
	}
	return nil
}

// csrOuter is csrSampled for vectors. It checks the pattern on its way.
func csrOuter[T float](rows, cols []int64, a, b, dst []T) error {
	e := int64(0)
	dst = dst[:len(cols)]
	for r, left := range a {
		end := rows[r+1]
		if end < e || end > int64(len(cols)) || rows[r] != e {
			return checkEntries(rows, cols, len(b))
		}
		for ; e < end; e++ {
			k := cols[e]
			if uint64(k) >= uint64(len(b)) {
				return checkEntries(rows, cols, len(b))
			}
			dst[e] = T(float64(left) * float64(b[k]))
		}
	}
	if e != int64(len(cols)) {
		return checkEntries(rows, cols, len(b))
	}
	return nil
}

func csrSampled[T float](c *Call) error {
	rows, cols := c.In[0].I64, c.In[1].I64
	a, b, dst := data[T](&c.In[2]), data[T](&c.In[3]), data[T](&c.Out[0])
	if len(c.In[2].Shape) == 1 {
		c.Poll(len(cols))
		return csrOuter(rows, cols, a, b, dst)
	}
	if err := checkEntries(rows, cols, c.In[3].Shape[0]); err != nil {
		return err
	}
	k := c.In[2].Shape[1]
	for r := range len(rows) - 1 {
		left := a[r*k : (r+1)*k]
		for e := rows[r]; e < rows[r+1]; e++ {
			c.Poll(k)
			right := b[int(cols[e])*k:][:k]
			sum := 0.0
			for j, v := range left {
				sum += float64(float64(v) * float64(right[j]))
			}
			dst[e] = T(sum)
		}
	}
	return nil
}
