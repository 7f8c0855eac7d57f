package elem

import (
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestAddWidened adds any number of elements, and none beside them.
func TestAddWidened(t *testing.T) {
	for level := cpu.Portable; level <= cpu.Supported(); level++ {
		f := AddWidened(level)
		for n := range 40 {
			to, a := make([]float64, n+2), make([]float32, n)
			for i := range to {
				to[i] = float64(i) + 1.0/3
			}
			for i := range a {
				a[i] = 1e-3 * float32(i*i)
			}
			f(unsafe.Pointer(&to[1]), unsafe.Pointer(unsafe.SliceData(a)), n)
			for i, got := range to {
				want := float64(i) + 1.0/3
				if i > 0 && i <= n {
					want += float64(a[i-1])
				}
				if got != want {
					t.Fatalf("level %v, %d elements: element %d is %v, not %v", level, n, i, got, want)
				}
			}
		}
	}
}
