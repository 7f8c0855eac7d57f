package elem

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestRepeat compares copies of elements that are neighbours, or lie apart, with those made one by one, and looks at what lies beside them.
func TestRepeat(t *testing.T) {
	for _, level := range cpu.Levels() {
		testRepeat[uint64](t, level)
		testRepeat[uint32](t, level)
		testRepeat[uint8](t, level)
	}
}

func testRepeat[T uint64 | uint32 | uint8](t *testing.T, level cpu.Level) {
	size := int(unsafe.Sizeof(T(0)))
	f := Repeat(size, level)
	for n := 1; n <= 35; n++ {
		for runs := 1; runs <= 40; runs++ {
			for apart := 0; apart <= 2; apart++ {
				src := make([]T, runs*max(1, apart))
				for i := range src {
					src[i] = T(3*i + 1)
				}
				got, want := slices.Repeat([]T{99}, n*runs+2), slices.Repeat([]T{99}, n*runs+2)
				for i := range n * runs {
					want[1+i] = src[i/n*apart]
				}
				f(unsafe.Pointer(&got[1]), unsafe.Pointer(&src[0]), n, runs, apart*size)
				if !slices.Equal(got, want) {
					t.Fatalf("%v, %d bytes: %d copies of %d elements %d apart: %v, want %v", level, size, n, runs, apart, got, want)
				}
			}
		}
	}
}
