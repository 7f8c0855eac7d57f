package optimize

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// product multiplies a vector by a matrix, along the matrix's rows.
type product struct {
	plan    *gemm.Plan
	shared  []byte
	scratch [][]byte
}

// newProduct is for matrices of k rows and n columns.
func newProduct(n, k int) *product {
	p := &product{plan: gemm.NewPlan(gemm.Product{DType: dtype.Float64, M: 1, N: n, K: k, A: gemm.Strides{Row: k, Col: 1}, B: gemm.Strides{Row: n, Col: 1}, CRow: n}, cpu.Best())}
	p.shared, p.scratch = aligned(p.plan.Shared()), [][]byte{aligned(p.plan.Each())}
	return p
}

// run writes vᵀ·matrix.
func (p *product) run(v, matrix, to []float64) {
	p.plan.Run(gemm.Serial{}, unsafe.Pointer(&v[0]), unsafe.Pointer(&matrix[0]), unsafe.Pointer(&to[0]), p.shared, p.scratch)
}

// aligned returns memory that begins at a multiple of 64.
func aligned(bytes int) []byte {
	b := make([]byte, bytes+63)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[skip : skip+bytes]
}
