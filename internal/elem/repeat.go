package elem

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// RepeatFunc writes n copies each of runs elements that lie step bytes apart; n and runs are positive.
type RepeatFunc func(dst, src unsafe.Pointer, n, runs, step int)

// Repeat returns the function for elements of 1, 4 or 8 bytes.
func Repeat(size int, level cpu.Level) RepeatFunc {
	if f := simdRepeat(size, level); f != nil {
		return f
	}
	switch size {
	case 8:
		return repeat[uint64]
	case 4:
		return repeat[uint32]
	}
	return repeat[uint8]
}

func repeat[T uint64 | uint32 | uint8](dst, src unsafe.Pointer, n, runs, step int) {
	for to := unsafe.Slice((*T)(dst), n*runs); len(to) > 0; to, src = to[n:], unsafe.Add(src, step) {
		v := *(*T)(src)
		run := to[:n]
		for i := range run {
			run[i] = v
		}
	}
}
