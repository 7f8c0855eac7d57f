package gemm

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// RowSum adds rows: each column of the result is a chain of sums in ascending order that begins at 0. That is the product of a row of ones with the rows, which a tile computes in registers.
type RowSum struct {
	kernels kernels
	one     [1]float64 // 1 of the dtype
	size    int
	widest  int
}

// NewRowSum returns nil where there are no vectors, or for other dtypes than Float64 and Float32.
func NewRowSum(d dtype.DType, level cpu.Level) *RowSum {
	if d != dtype.Float64 && d != dtype.Float32 {
		return nil
	}
	s := &RowSum{kernels: kernelsOf(d, level), one: [1]float64{1}, size: d.Size()}
	if s.kernels.portable {
		return nil
	}
	if d == dtype.Float32 {
		*(*float32)(unsafe.Pointer(&s.one)) = 1
	}
	s.widest = s.kernels.widest(1)
	return s
}

// RowSumScratch is the size of what Add needs for itself.
const RowSumScratch = int(unsafe.Sizeof(asm.Tile{}))

// Add sets columns at dst to the sums of rows at src, stride elements apart. Scratch is for this call alone, at a multiple of 8.
func (s *RowSum) Add(dst, src unsafe.Pointer, rows, columns, stride int, scratch []byte) {
	u := (*asm.Tile)(unsafe.Pointer(unsafe.SliceData(scratch[:RowSumScratch])))
	*u = asm.Tile{A: uintptr(unsafe.Pointer(&s.one)), B: uintptr(src), BStep: uintptr(stride * s.size), C: uintptr(dst), K: rows, Mode: asm.Set}
	for columns > 0 {
		width, log := s.kernels.part(columns, s.widest)
		u.Last = width - (1<<log-1)*s.kernels.lanes
		s.kernels.run(u, 1, log, width, false)
		u.B, u.C, columns = add(u.B, width*s.size), add(u.C, width*s.size), columns-width
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
}
