package gemm

import (
	"runtime"
	"unsafe"
)

// EverySecond copies every second of 2·n − 1 elements of lines to n elements. Distances between lines are in elements.
func (x *Plan) EverySecond(scratch []byte, to unsafe.Pointer, toLine int, from unsafe.Pointer, fromLine, n, lines int) {
	x.halves(scratch, from, fromLine, to, to, toLine, n, 2*n-1, lines, true)
}

// Interleave copies lines that lie at first and second to lines of n elements, which come from either in turn. Distances between lines are in elements.
func (x *Plan) Interleave(scratch []byte, to unsafe.Pointer, toLine int, first, second unsafe.Pointer, fromLine, n, lines int) {
	x.halves(scratch, to, toLine, first, second, fromLine, (n+1)/2, n, lines, false)
}

// halves copies between lines of so many elements and those of their halves, of which the first one has half elements.
func (x *Plan) halves(scratch []byte, wide unsafe.Pointer, wideLine int, first, second unsafe.Pointer, halfLine, half, n, lines int, split bool) {
	switch {
	case half == 0 || lines == 0:
	case x.kernels.portable && x.double:
		halves[uint64](wide, wideLine, first, second, halfLine, half, n, lines, split)
	case x.kernels.portable:
		halves[uint32](wide, wideLine, first, second, halfLine, half, n, lines, split)
	default:
		w, _ := workerIn(scratch)
		h := &w.halves
		h.Wide, h.WideRow, h.First, h.Second, h.HalfRow = uintptr(wide), uintptr(wideLine*x.size), uintptr(first), uintptr(second), uintptr(halfLine*x.size)
		h.Lines, h.N = lines, (half-1)/x.lanes
		rest := n - 2*h.N*x.lanes // of the long line
		h.Last = [4]int{min(rest, x.lanes), max(0, rest-x.lanes), (rest + 1) / 2, rest / 2}
		if split {
			x.kernels.everySecond(h)
		} else {
			x.kernels.interleave(h)
		}
	}
	runtime.KeepAlive(wide)
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
}

// halves is the kernels in Go.
func halves[T uint32 | uint64](wide unsafe.Pointer, wideLine int, first, second unsafe.Pointer, halfLine, half, n, lines int, split bool) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	for i := range lines {
		long := unsafe.Slice((*T)(unsafe.Add(wide, i*wideLine*size)), n)
		a := unsafe.Slice((*T)(unsafe.Add(first, i*halfLine*size)), half)
		if split {
			for j := range a {
				a[j] = long[2*j]
			}
			continue
		}
		b := unsafe.Slice((*T)(unsafe.Add(second, i*halfLine*size)), n/2)
		for j, v := range b {
			long[2*j], long[2*j+1] = a[j], v
		}
		if n%2 == 1 {
			long[n-1] = a[half-1]
		}
	}
}
