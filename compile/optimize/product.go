package optimize

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// product multiplies a matrix, whose rows follow one another, with a vector.
type product struct {
	plan    *gemm.Plan
	shared  []byte
	scratch [][]byte
}

// newProduct multiplies matrices of so many rows and columns with vectors.
func newProduct(rows, columns int) *product {
	return productOf(gemm.Product{M: rows, N: 1, K: columns, A: gemm.Strides{Row: columns, Col: 1}, B: gemm.Strides{Row: 1, Col: 1}, CRow: 1})
}

// newTransposedProduct multiplies vectors with the rows of such matrices.
func newTransposedProduct(rows, columns int) *product {
	return productOf(gemm.Product{M: 1, N: columns, K: rows, A: gemm.Strides{Row: rows, Col: 1}, B: gemm.Strides{Row: columns, Col: 1}, CRow: columns})
}

func productOf(sizes gemm.Product) *product {
	sizes.DType = dtype.Float64
	p := &product{plan: gemm.NewPlan(sizes, cpu.Best())}
	p.shared, p.scratch = aligned(p.plan.Shared()), [][]byte{aligned(p.plan.Each())}
	return p
}

// run writes a·b, of which the matrix is a, or b if it is that of newTransposedProduct.
func (p *product) run(a, b, to []float64) {
	p.plan.Run(gemm.Serial{}, unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), unsafe.Pointer(&to[0]), p.shared, p.scratch)
}

// aligned returns memory that begins at a multiple of 64.
func aligned(bytes int) []byte {
	b := make([]byte, bytes+63)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[skip : skip+bytes]
}
