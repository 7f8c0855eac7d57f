package elem

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// AddWidenedFunc adds n float32 at a to as many float64 at dst.
type AddWidenedFunc func(dst, a unsafe.Pointer, n int)

// AddWidened returns the function for a level. Bits are the same at every one, but for the sign and payload of a NaN.
func AddWidened(level cpu.Level) AddWidenedFunc {
	if f := simdAddWidened(min(level, cpu.Supported())); f != nil {
		return f
	}
	return addWidened
}

func addWidened(dst, a unsafe.Pointer, n int) {
	to, from := slice[float64](dst, n), slice[float32](a, n)
	for i, v := range from {
		to[i] += float64(v)
	}
}
