package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// The matrix of these cases is [[0 2 0 1] [0 0 0 0] [3 0 0 4]].
var (
	csrRows = ints(sh(4), 0, 2, 2, 4)
	csrCols = ints(sh(4), 1, 3, 0, 3)
	csrVals = v(sh(4), 2, 1, 3, 4)
	csrSize = attrs(attr.I("columns", 4))
)

var _ = addCases(
	kernelCase{name: "csr_matmul", what: "vector", dtypes: floatDTypes, attrs: csrSize, in: []arg{csrRows, csrCols, csrVals, v(sh(4), 1, 2, 3, 4)}, out: []arg{v(sh(3), 8, 0, 19)}},
	kernelCase{name: "csr_matmul", what: "matrix", dtypes: floatDTypes, attrs: csrSize, in: []arg{csrRows, csrCols, csrVals, v(sh(4, 2), 1, 5, 2, 6, 3, 7, 4, 8)}, out: []arg{v(sh(3, 2), 8, 20, 0, 0, 19, 47)}},
	kernelCase{name: "csr_matmul", what: "transposed", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 4), attr.B("transpose", true)),
		in: []arg{csrRows, csrCols, csrVals, v(sh(3), 1, 2, 3)}, out: []arg{v(sh(4), 9, 2, 0, 13)}},
	kernelCase{name: "csr_matmul", what: "transposed matrix", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 4), attr.B("transpose", true)),
		in: []arg{csrRows, csrCols, csrVals, v(sh(3, 1), 1, 2, 3)}, out: []arg{v(sh(4, 1), 9, 2, 0, 13)}},
	kernelCase{name: "csr_matmul", what: "repeated entry", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 1)),
		in: []arg{ints(sh(2), 0, 2), ints(sh(2), 0, 0), v(sh(2), 3, 4), v(sh(1), 2)}, out: []arg{v(sh(1), 14)}},
	kernelCase{name: "csr_matmul", what: "bad column", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 3)),
		in: []arg{csrRows, csrCols, csrVals, v(sh(3), 1, 2, 3)}, out: []arg{v(sh(3))}, err: "column 3 (entry 1) is out of range for 3 columns"},
	kernelCase{name: "csr_matmul", what: "descending boundaries", dtypes: floatDTypes, attrs: csrSize,
		in: []arg{ints(sh(4), 0, 3, 2, 4), csrCols, csrVals, v(sh(4), 1, 2, 3, 4)}, out: []arg{v(sh(3))}, err: "row boundary 2 (element 2) is out of range"},
	kernelCase{name: "csr_matmul", what: "missing entries", dtypes: floatDTypes, attrs: csrSize,
		in: []arg{ints(sh(4), 0, 1, 2, 3), csrCols, csrVals, v(sh(4), 1, 2, 3, 4)}, out: []arg{v(sh(3))}, err: "the last row boundary is 3, but there are 4 entries"},
	kernelCase{name: "csr_sampled_matmul", what: "matrices", dtypes: floatDTypes,
		in:  []arg{csrRows, csrCols, v(sh(3, 2), 1, 2, 3, 4, 5, 6), v(sh(4, 2), 1, 0, 0, 1, 2, 2, 1, -1)},
		out: []arg{v(sh(4), 2, -1, 5, -1)}},
	kernelCase{name: "csr_sampled_matmul", what: "vectors", dtypes: floatDTypes,
		in:  []arg{csrRows, csrCols, v(sh(3), 1, 2, 3), v(sh(4), 1, 10, 100, 1000)},
		out: []arg{v(sh(4), 10, 1000, 3, 3000)}},
	kernelCase{name: "csr_sampled_matmul", what: "bad column", dtypes: floatDTypes,
		in: []arg{csrRows, csrCols, v(sh(3), 1, 2, 3), v(sh(3), 1, 10, 100)}, out: []arg{v(sh(4))}, err: "column 3"},
)

// [[2 1] [0 4]].
var (
	upperRows = ints(sh(3), 0, 2, 3)
	upperCols = ints(sh(3), 0, 1, 1)
	upperVals = v(sh(3), 2, 1, 4)
)

var _ = addCases(
	kernelCase{name: "csr_solve", what: "upper", dtypes: floatDTypes, tol: 1e-15, in: []arg{upperRows, upperCols, upperVals, v(sh(2), 4, 8)}, out: []arg{v(sh(2), 1, 2)}},
	kernelCase{name: "csr_solve", what: "transposed", dtypes: floatDTypes, tol: 1e-15, attrs: attrs(attr.B("transpose", true)),
		in: []arg{upperRows, upperCols, upperVals, v(sh(2, 2), 2, 4, 9, 6)}, out: []arg{v(sh(2, 2), 1, 2, 2, 1)}},
	kernelCase{name: "csr_solve", what: "exchanged", dtypes: floatDTypes, tol: 1e-15,
		in: []arg{ints(sh(3), 0, 1, 3), ints(sh(3), 1, 0, 1), v(sh(3), 4, 2, 1), v(sh(2), 8, 4)}, out: []arg{v(sh(2), 1, 2)}},
	kernelCase{name: "csr_solve", what: "repeated entry", dtypes: floatDTypes, tol: 1e-15,
		in: []arg{ints(sh(2), 0, 2), ints(sh(2), 0, 0), v(sh(2), 1, 3), v(sh(1), 8)}, out: []arg{v(sh(1), 2)}},
	kernelCase{name: "csr_solve", what: "singular", dtypes: floatDTypes,
		in: []arg{ints(sh(3), 0, 2, 4), ints(sh(4), 0, 1, 0, 1), v(sh(4), 1, 1, 1, 1), v(sh(2), 1, 1)}, out: []arg{v(sh(2))}, err: "there is no pivot for row 1"},
	kernelCase{name: "csr_solve", what: "empty row", dtypes: floatDTypes,
		in: []arg{ints(sh(3), 0, 0, 1), ints(sh(1), 0), v(sh(1), 1), v(sh(2), 1, 1)}, out: []arg{v(sh(2))}, err: "there is no pivot for row 0"},
)

// TestSparseSolve multiplies the solutions of random sparse systems by their matrices, in both directions.
func TestSparseSolve(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{1, 3, 10, 60, 300} {
		for round := range 4 {
			var rows, cols []int64
			var vals []float64
			perm := r.Perm(n)
			rows = append(rows, 0)
			for i := range n {
				// One large entry in each row and column makes the matrix regular wherever it lies.
				cols, vals = append(cols, int64(perm[i])), append(vals, 4+r.Float64())
				for range 3 {
					cols, vals = append(cols, int64(r.IntN(n))), append(vals, r.NormFloat64()/2)
				}
				rows = append(rows, int64(len(cols)))
			}
			in := []Tensor{newTensor(Type{dtype.Int64, sh(n + 1)}), newTensor(Type{dtype.Int64, sh(len(cols))}),
				newTensor(Type{dtype.Float64, sh(len(cols))}), randomTensor(r, dtype.Float64, n, 2)}
			copy(in[0].I64, rows)
			copy(in[1].I64, cols)
			copy(in[2].F64, vals)
			transpose := attr.B("transpose", round%2 == 1)
			x := runNow(t, "csr_solve", attrs(transpose), in, in[3].Type)[0]
			back := runNow(t, "csr_matmul", attrs(transpose, attr.I("columns", n)), []Tensor{in[0], in[1], in[2], x}, in[3].Type)[0]
			scale := 1.0
			for _, v := range x.F64 {
				scale = max(scale, math.Abs(v))
			}
			for i, w := range in[3].F64 {
				if math.Abs(back.F64[i]-w) > 1e-11*scale {
					t.Fatalf("n = %d, round %d: element %d of A·X is %v, want %v", n, round, i, back.F64[i], w)
				}
			}
		}
	}
}
