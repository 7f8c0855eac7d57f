package gemm

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// Filters describes planes that have a filter each: every position is a chain of its elements with those of B that Taps are away. Strides are in elements.
type Filters struct {
	A               unsafe.Pointer // elements of a filter are contiguous
	APlane          int
	B               unsafe.Pointer
	BRow, BPlane    int
	C               unsafe.Pointer
	CRow, CPlane    int
	Taps            []Term // of contiguous elements; at least 1, at most Chain
	Planes, Rows, N int    // N columns, which are contiguous
}

// Filter computes planes of the plan's dtype on the calling goroutine, with scratch of Each bytes: the bits of a Piece for each row. Any number of goroutines may do so at a time.
func (x *Plan) Filter(scratch []byte, f *Filters) {
	if f.Planes == 0 || f.Rows == 0 || f.N == 0 {
		return
	}
	if x.kernels.portable {
		for i := range f.Planes {
			piece := Piece{A: unsafe.Add(f.A, i*f.APlane*x.size), Table: f.Taps, M: 1, N: f.N, K: len(f.Taps)}
			for j := range f.Rows {
				piece.B, piece.C = unsafe.Add(f.B, (i*f.BPlane+j*f.BRow)*x.size), unsafe.Add(f.C, (i*f.CPlane+j*f.CRow)*x.size)
				x.Piece(scratch, &piece)
			}
		}
		return
	}
	w, _ := workerIn(scratch)
	n := (f.N - 1) / x.lanes
	w.planes = asm.Filters{A: uintptr(f.A), APlane: uintptr(f.APlane * x.size), B: uintptr(f.B), BRow: uintptr(f.BRow * x.size), BPlane: uintptr(f.BPlane * x.size),
		C: uintptr(f.C), CRow: uintptr(f.CRow * x.size), CPlane: uintptr(f.CPlane * x.size), Taps: uintptr(unsafe.Pointer(unsafe.SliceData(f.Taps))), K: 2 * len(f.Taps),
		Planes: f.Planes, Rows: f.Rows, N: n, Last: f.N - n*x.lanes}
	x.kernels.filters(&w.planes)
	runtime.KeepAlive(f)
}
