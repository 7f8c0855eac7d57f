package gemm

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// Part is rows of positions that lie at the same distance from one another: that of the first one in bytes, and their number.
type Part = asm.Part

// Sliding describes a piece of the gradient of filters: rows of C are taps, in lines of neighbouring ones, and its terms the positions of rows, over which the taps slide. Strides are in elements, besides those of Lines and Parts, which are bytes
// from A.
type Sliding struct {
	A     unsafe.Pointer
	Lines []int64 // where the first tap of each line is
	Taps  int     // of a line
	Parts []Part  // of the positions, at most Chain in all
	Cols  int     // positions of a row
	Row   int     // from row to row
	B     unsafe.Pointer
	C     unsafe.Pointer
	CRow  int
	N     int // columns of a panel, Width at most
	Add   bool
}

// SlideLines is the number of lines of neighbouring taps that a tile takes; 0 if Slide takes no lines of so many taps.
func (x *Plan) SlideLines(taps int) int {
	if taps >= len(x.kernels.slides) || x.kernels.slides[taps][1][1] == nil {
		return 0
	}
	return min(x.kernels.rows/taps, len(x.kernels.slides[taps])-1)
}

// Slide computes a piece of the plan's dtype on the calling goroutine, with scratch of Each bytes and the bits of a Piece. Tables must not lie on the stack.
func (x *Plan) Slide(scratch []byte, p *Sliding) {
	w, _ := workerIn(scratch)
	s, vectors := &w.slide, 1
	if p.N > x.lanes {
		vectors = 2
	}
	s.A, s.Parts, s.N, s.Cols, s.Skip = uintptr(p.A), uintptr(unsafe.Pointer(unsafe.SliceData(p.Parts))), len(p.Parts), p.Cols, uintptr((p.Row-p.Cols)*x.size)
	s.B, s.C, s.CRow, s.Last, s.Mode = uintptr(p.B), uintptr(p.C), uintptr(p.CRow*x.size), p.N-(vectors-1)*x.lanes, asm.Set
	if p.Add {
		s.Mode = asm.Add
	}
	most := x.SlideLines(p.Taps)
	for lines := p.Lines; len(lines) > 0; {
		n := ceil(len(lines), ceil(len(lines), most))
		s.Lines = uintptr(unsafe.Pointer(unsafe.SliceData(lines)))
		x.kernels.slides[p.Taps][n][vectors](s)
		s.C, lines = add(s.C, n*p.Taps*p.CRow*x.size), lines[n:]
	}
	runtime.KeepAlive(p)
}
