package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opCSRMatMul, opCSRSampledMatMul, opCSRSolve *Op

const csrLayout = " The m×n matrix is in compressed sparse rows: operand 0 holds m+1 row boundaries and operand 1 the column of each entry (both int64). " +
	"Boundaries and columns out of range are runtime errors."

func init() {
	opCSRMatMul = Register(&Op{
		Name: "csr_matmul", OfNothing: ofNothing(0), Accuracy: accuracyInOrder + ", xᵢ the products", Pattern: csrPatternOf(false), OperandNames: []string{"rows", "columns", "entries", "x"}, Family: FamilySparse, MinArity: 4, MaxArity: 4, Kernel: "csr_matmul", Batch: batchCSR,
		Attrs: []AttrSpec{
			{Key: "columns", Kind: attr.Int, Doc: "number of columns, n"},
			{Key: "transpose", Kind: attr.Bool, Doc: "use the matrix transposed"},
		},
		Doc: "The product of a sparse matrix, whose entries are operand 2, or of its transpose, with operand 3, a vector [n] or a matrix [n×k] (m for the transpose). " +
			"Entries at the same place add up." + csrLayout,
		Formula: "–, –, csr_sampled_matmul(ct, x) (of (x, ct) if transposed), Aᵀ·ct",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			m, err := csrPattern(in)
			if err != nil {
				return Type{}, err
			}
			n := a.Int("columns")
			if n < 1 || n > MaxElements {
				return Type{}, fmt.Errorf("the matrix has %d columns", n)
			}
			if a.Bool("transpose") {
				m, n = n, m
			}
			x := in[3].typ
			if err := csrEntries(in, x); err != nil {
				return Type{}, err
			}
			if len(x.Shape) < 1 || len(x.Shape) > 2 || x.Shape[0] != n {
				return Type{}, fmt.Errorf("the right operand is %v: needs %d rows and rank 1 or 2", x, n)
			}
			return Type{x.DType, append(Shape{m}, x.Shape[1:]...)}, nil
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			transpose := n.extra.attrs.Bool("transpose")
			switch {
			case i == 2 && transpose:
				return apply4(opCSRSampledMatMul, n.Input(0), n.Input(1), n.Input(3), ct)
			case i == 2:
				return apply4(opCSRSampledMatMul, n.Input(0), n.Input(1), ct, n.Input(3))
			case i == 3:
				return csrMatMul(n.Input(0), n.Input(1), n.Input(2), ct, n.extra.attrs.Int("columns"), !transpose)
			}
			return nil
		},
		Samples: []Sample{
			csrSample(attr.Make(attr.I("columns", 4), attr.B("transpose", false)), Shape{5}, Shape{4}), csrSample(attr.Make(attr.I("columns", 4), attr.B("transpose", false)), Shape{5}, Shape{4, 2}),
			csrSample(attr.Make(attr.I("columns", 4), attr.B("transpose", true)), Shape{5}, Shape{3, 2}),
		},
	})
	opCSRSampledMatMul = Register(&Op{
		Name: "csr_sampled_matmul", Accuracy: accuracyInOrder + ", xᵢ the products", Pattern: csrPatternOf(true), OperandNames: []string{"rows", "columns", "A", "B"}, Family: FamilySparse, MinArity: 4, MaxArity: 4, Kernel: "csr_sampled_matmul",
		Doc: "The elements of A·Bᵀ at the places of a sparse matrix, in the order of its entries: for row i and column j the sum over k of A[i,k]·B[j,k]. A is operand 2, [m×k] or " +
			"[m], B operand 3, [n×k] or [n]." + csrLayout,
		Formula: "–, –, S·B, Sᵀ·A with the adjoint as entries of S",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			m, err := csrPattern(in)
			if err != nil {
				return Type{}, err
			}
			x, y := in[2].typ, in[3].typ
			if x.DType != y.DType || !x.DType.IsFloat() {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same of %v", x.DType, y.DType, Floats)
			}
			r := len(x.Shape)
			if r < 1 || r > 2 || len(y.Shape) != r || x.Shape[0] != m || !x.Shape[1:].Equal(y.Shape[1:]) {
				return Type{}, fmt.Errorf("operands are %v and %v for %d rows: need [m×k] and [n×k], or [m] and [n]", x, y, m)
			}
			return Type{x.DType, in[1].typ.Shape}, nil
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			columns := n.Input(3).typ.Shape[0]
			switch i {
			case 2:
				return csrMatMul(n.Input(0), n.Input(1), ct, n.Input(3), columns, false)
			case 3:
				return csrMatMul(n.Input(0), n.Input(1), ct, n.Input(2), columns, true)
			}
			return nil
		},
		Samples: []Sample{csrSample(nil, Shape{3}, Shape{4}), csrSample(nil, Shape{3, 2}, Shape{4, 2})},
	})
	opCSRSolve = Register(&Op{
		Name: "csr_solve", Pattern: Columns, Symbol: "\\", OperandNames: []string{"rows", "columns", "entries", "B"}, Family: FamilySparse, MinArity: 4, MaxArity: 4, Kernel: "csr_solve", Batch: batchCSR,
		Attrs: []AttrSpec{{Key: "transpose", Kind: attr.Bool, Doc: "solve with the matrix transposed"}},
		Doc: "X with A·X = B (Aᵀ·X = B if transposed) for a sparse square matrix A, whose entries are operand 2, and B, operand 3, a vector [n] or a matrix [n×k], by sparse " +
			"decomposition in an order of rows that keeps it sparse: L·D·Lᵀ of a symmetric positive definite matrix, else L·U. A singular matrix is a runtime error." + csrLayout,
		Formula: "–, –, −csr_sampled_matmul(B̄, X) (of (X, B̄) if transposed), B̄ = A⁻ᵀ·X̄", Source: giles + ", §2.3.1, at the places of the entries",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			n, err := csrPattern(in)
			if err != nil {
				return Type{}, err
			}
			b := in[3].typ
			if err := csrEntries(in, b); err != nil {
				return Type{}, err
			}
			if len(b.Shape) < 1 || len(b.Shape) > 2 || b.Shape[0] != n {
				return Type{}, fmt.Errorf("the right-hand side is %v: needs %d rows and rank 1 or 2", b, n)
			}
			return *b, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			transpose := n.extra.attrs.Bool("transpose")
			b := csrSolve(n.Input(0), n.Input(1), n.Input(2), ct[0], !transpose)
			left, right := b, n
			if transpose {
				left, right = n, b
			}
			return []*Node{nil, nil, Neg(apply4(opCSRSampledMatMul, n.Input(0), n.Input(1), left, right)), b}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			transpose := n.extra.attrs.Bool("transpose")
			right := dot[3]
			if dot[2] != nil {
				right = minus(right, csrMatMul(n.Input(0), n.Input(1), dot[2], n, n.typ.Shape[0], transpose))
			}
			return []*Node{csrSolve(n.Input(0), n.Input(1), n.Input(2), right, transpose)}
		},
		Samples: []Sample{csrSolveSample(false, Shape{4}), csrSolveSample(true, Shape{4}), csrSolveSample(false, Shape{4, 2})},
	})
}

// csrSample has the pattern of a 3×4 matrix with an empty row.
func csrSample(attrs attr.List, a, b Shape) Sample {
	return Sample{Attrs: attrs, In: []SampleInput{
		{Type: Type{Int64, Shape{4}}, Values: []float64{0, 3, 3, 5}, Constant: true}, {Type: Type{Int64, Shape{5}}, Values: []float64{0, 3, 1, 2, 3}, Constant: true},
		{Type: Type{Float64, a}}, {Type: Type{Float64, b}},
	}}
}

func csrSolveSample(transpose bool, b Shape) Sample {
	return Sample{Attrs: attr.Make(attr.B("transpose", transpose)), In: []SampleInput{
		{Type: Type{Int64, Shape{5}}, Values: []float64{0, 2, 4, 7, 9}, Constant: true}, {Type: Type{Int64, Shape{9}}, Values: []float64{0, 2, 0, 1, 1, 2, 3, 3, 0}, Constant: true},
		{Type: Type{Float64, Shape{9}}, Values: []float64{3, -0.5, 1, 2.5, 0.75, -4, 0.25, 2, -0.75}}, {Type: Type{Float64, b}},
	}}
}

// csrPattern checks the operands that every sparse operator has and returns the number of rows.
func csrPattern(in []*Node) (rows int, err error) {
	start, column := in[0].typ, in[1].typ
	if start.DType != Int64 || column.DType != Int64 || len(start.Shape) != 1 || len(column.Shape) != 1 || start.Shape[0] < 2 {
		return 0, fmt.Errorf("row boundaries and columns are %v and %v: need int64 vectors, the first of at least 2", start, column)
	}
	return start.Shape[0] - 1, nil
}

// csrEntries checks the entries' type.
func csrEntries(in []*Node, other *Type) error {
	v := in[2].typ
	if !v.Shape.Equal(in[1].typ.Shape) || v.DType != other.DType || !v.DType.IsFloat() {
		return fmt.Errorf("the entries are %v for %d columns and the other operand %v: need one for each and the same of %v", v, in[1].typ.Shape[0], other, Floats)
	}
	return nil
}

func csrMatMul(start, column, values, x *Node, columns int, transpose bool) *Node {
	return applyAll(opCSRMatMul, []*Node{start, column, values, x}, attr.I("columns", columns), attr.B("transpose", transpose))
}

func csrSolve(start, column, values, b *Node, transpose bool) *Node {
	return applyAll(opCSRSolve, []*Node{start, column, values, b}, attr.B("transpose", transpose))
}

// CSR is a sparse matrix in compressed rows whose places are fixed and whose entries are a value of the graph.
type CSR struct {
	Rows, Columns int
	Start         []int64 // Rows + 1 boundaries: entries Start[r] to Start[r+1] belong to row r
	Column        []int64 // of each entry
	Values        *Node   // a float vector, an entry for each column; invalid after a mistake
}

// NewCSR returns the matrix with the given row boundaries (rows + 1 of them), columns and entries, a float vector. Patterns that are not
// those of a rows×columns matrix are mistakes on record in the graph.
func NewCSR(rows, columns int, start, column []int64, values *Node) *CSR {
	m := &CSR{rows, columns, slices.Clone(start), slices.Clone(column), values}
	m.Values = m.entries()
	return m
}

// entries returns the matrix's entries, an invalid node if it is none.
func (m *CSR) entries() *Node {
	if m == nil {
		return New().Fail("csr", errors.New("the matrix is nil"))
	}
	if m.Values.Valid() {
		if err := m.check(); err != nil {
			return m.Values.g.Fail("csr", err)
		}
	}
	return m.Values
}

// check reports what is not a matrix: the fields are the user's to set.
func (m *CSR) check() error {
	n := len(m.Column)
	if m.Rows < 1 || m.Columns < 1 || len(m.Start) != m.Rows+1 || n < 1 {
		return fmt.Errorf("a %d×%d matrix with %d row boundaries and %d entries", m.Rows, m.Columns, len(m.Start), n)
	}
	if v := m.Values.typ; !v.DType.IsFloat() || !v.Shape.Equal(Shape{n}) {
		return fmt.Errorf("the entries are %v: need a vector of %d of %v", v, n, Floats)
	}
	if m.Start[0] != 0 || m.Start[m.Rows] != int64(n) || !slices.IsSorted(m.Start) {
		return fmt.Errorf("the row boundaries do not ascend from 0 to %d", n)
	}
	for e, c := range m.Column {
		if c < 0 || c >= int64(m.Columns) {
			return fmt.Errorf("column %d (entry %d) is out of range for %d columns", c, e, m.Columns)
		}
	}
	return nil
}

// CSRFromCOO returns the matrix whose entry k, element k of the float vector values, is at row i[k] and column j[k]. Entries may come in any order;
// those at the same place add up. Indices out of range are mistakes on record in the graph.
func CSRFromCOO(rows, columns int, i, j []int, values *Node) *CSR {
	m := &CSR{Rows: rows, Columns: columns, Values: values}
	if !values.Valid() {
		return m
	}
	fail := func(format string, args ...any) *CSR {
		m.Values = values.g.Fail("csr", fmt.Errorf(format, args...))
		return m
	}
	if rows < 1 || columns < 1 || len(i) != len(j) || len(i) < 1 || !values.typ.DType.IsFloat() || !values.typ.Shape.Equal(Shape{len(i)}) {
		return fail("a %d×%d matrix with %d row indices, %d column indices and entries of type %v", rows, columns, len(i), len(j), values.typ)
	}
	order := make([]int, len(i))
	for k := range order {
		if i[k] < 0 || i[k] >= rows || j[k] < 0 || j[k] >= columns {
			return fail("entry %d at (%d, %d) is outside of the %d×%d matrix", k, i[k], j[k], rows, columns)
		}
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if i[a] != i[b] {
			return i[a] - i[b]
		}
		return j[a] - j[b]
	})
	place := make([]int64, len(i))
	m.Start = make([]int64, rows+1)
	for at, k := range order {
		if at == 0 || i[k] != i[order[at-1]] || j[k] != j[order[at-1]] {
			m.Column = append(m.Column, int64(j[k]))
			m.Start[i[k]+1]++
		}
		place[k] = int64(len(m.Column) - 1)
	}
	for r := range rows {
		m.Start[r+1] += m.Start[r]
	}
	sorted := slices.IsSorted(place) && len(m.Column) == len(i)
	if !sorted {
		m.Values = ScatterAdd(Constant(values.g, place, len(place)), values, 0, len(m.Column))
	}
	return m
}

// places are the row boundaries and columns as constants.
func (m *CSR) places() (start, column *Node) {
	g := m.Values.g
	return Constant(g, m.Start, len(m.Start)), Constant(g, m.Column, len(m.Column))
}

// MatMul returns the product with x, a vector [Columns] or a matrix [Columns×k].
func (m *CSR) MatMul(x *Node) *Node { return m.product(x, false) }

// TransposedMatMul returns the product of the transposed matrix with x, [Rows] or [Rows×k].
func (m *CSR) TransposedMatMul(x *Node) *Node { return m.product(x, true) }

func (m *CSR) product(x *Node, transpose bool) *Node {
	if values := m.entries(); !values.Valid() {
		return apply2(opMul, values, x)
	}
	start, column := m.places()
	return csrMatMul(start, column, m.Values, x, m.Columns, transpose)
}

// Solve returns X with A·X = b for a square matrix and b [n] or [n×k]. A singular matrix is a runtime error.
func (m *CSR) Solve(b *Node) *Node { return m.solve(b, false) }

// TransposedSolve returns X with Aᵀ·X = b.
func (m *CSR) TransposedSolve(b *Node) *Node { return m.solve(b, true) }

func (m *CSR) solve(b *Node, transpose bool) *Node {
	if values := m.entries(); !values.Valid() {
		return apply2(opMul, values, b)
	}
	if m.Rows != m.Columns {
		return m.Values.g.Fail("csr_solve", fmt.Errorf("the matrix is %d×%d, not square", m.Rows, m.Columns))
	}
	start, column := m.places()
	return csrSolve(start, column, m.Values, b, transpose)
}

// SampledMatMul returns the matrix with the same places whose entries are the elements of A·Bᵀ there, for a [Rows×k] and b [Columns×k], or vectors.
func (m *CSR) SampledMatMul(a, b *Node) *CSR {
	if values := m.entries(); !values.Valid() {
		return &CSR{Values: values}
	}
	start, column := m.places()
	values := apply4(opCSRSampledMatMul, start, column, a, b)
	if values.Valid() && b.typ.Shape[0] != m.Columns {
		values = values.g.Fail("csr_sampled_matmul", fmt.Errorf("the second operand is %v: needs %d rows", b.typ, m.Columns))
	}
	return &CSR{m.Rows, m.Columns, m.Start, m.Column, values}
}

// Transposed returns the transposed matrix.
func (m *CSR) Transposed() *CSR {
	if values := m.entries(); !values.Valid() {
		return &CSR{Values: values}
	}
	i, j := make([]int, 0, len(m.Column)), make([]int, 0, len(m.Column))
	for r := range m.Rows {
		for e := m.Start[r]; e < m.Start[r+1]; e++ {
			i, j = append(i, int(m.Column[e])), append(j, r)
		}
	}
	return CSRFromCOO(m.Columns, m.Rows, i, j, m.Values)
}

// Dense returns the matrix [Rows×Columns] with all its zeros.
func (m *CSR) Dense() *Node {
	if values := m.entries(); !values.Valid() {
		return values
	}
	flat := make([]int64, len(m.Column))
	for r := range m.Rows {
		for e := m.Start[r]; e < m.Start[r+1]; e++ {
			flat[e] = int64(r)*int64(m.Columns) + m.Column[e]
		}
	}
	return Reshape(ScatterAdd(Constant(m.Values.g, flat, len(flat)), m.Values, 0, m.Rows*m.Columns), m.Rows, m.Columns)
}

// batchCSR puts the columns beside the matrix next to one another: [b, rows] or [b, rows, k] becomes [rows, b·k].
func batchCSR(b *Batch, n *Node) *Node {
	x := n.Input(3)
	if b.Has(n.Input(0)) || b.Has(n.Input(1)) || b.Has(n.Input(2)) {
		return nil
	}
	rows, k := x.typ.Shape[0], x.typ.Shape[1:].Size()
	columns := Reshape(Transpose(Reshape(b.Of(x), b.Size, rows, k), 1, 0, 2), rows, b.Size*k)
	y := b.Graph.Apply(n.op, []*Node{n.Input(0), n.Input(1), n.Input(2), columns}, n.extra.attrs)
	return b.unfold(n, Transpose(Reshape(y, n.typ.Shape[0], b.Size, k), 1, 0, 2))
}
