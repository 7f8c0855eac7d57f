package gemm

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// LeastWindows is the number of windows that WindowMaxima takes at least.
const LeastWindows = 8

// WindowTap is an element of a window: its distance from the window's first one in bytes, and what is added to that one's index.
type WindowTap = asm.WindowTap

// WindowMaxima finds the largest element of each of at least LeastWindows windows of float32 elements that begin stride elements apart, and its index: NaN wins, and the first one of equal
// ones. The first window begins at from, which has index first; indices are below 2³¹. It reports false if it has done nothing, as the level has no vectors for it, or not for this stride. The taps
// must not lie on the stack.
func WindowMaxima(level cpu.Level, to []float32, index []int64, from unsafe.Pointer, taps []WindowTap, stride, first int) bool {
	level = min(level, cpu.Supported())
	if level != cpu.AVX2 && level != cpu.AVX512 || stride < 1 || stride > 2 || len(to) < LeastWindows || len(taps) == 0 {
		return false
	}
	a := asm.Windows{From: uintptr(from), To: uintptr(unsafe.Pointer(unsafe.SliceData(to))), Index: uintptr(unsafe.Pointer(unsafe.SliceData(index[:len(to)]))),
		Taps: uintptr(unsafe.Pointer(unsafe.SliceData(taps))), K: len(taps), N: len(to), First: first}
	windowMaxima(stride, &a)
	runtime.KeepAlive(from)
	runtime.KeepAlive(to)
	runtime.KeepAlive(index)
	runtime.KeepAlive(taps)
	return true
}
