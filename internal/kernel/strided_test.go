package kernel

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// TestTransposedInRegisters transposes batches of matrices of many shapes, beside and above the widths of vectors.
func TestTransposedInRegisters(t *testing.T) {
	for _, d := range allDTypes {
		for _, batch := range []int{1, 2} {
			for _, m := range []int{1, 3, 4, 8, 13, 130} {
				for _, n := range []int{1, 4, 7, 8, 17, 33} {
					x := newTensor(Type{d, sh(batch, m, n)})
					for i := range x.Size() {
						x.setValue(i, float64(i*i%251))
					}
					y := runNow(t, "transpose", attrs(attr.L("perm", sh(0, 2, 1))), []Tensor{x}, Type{d, sh(batch, n, m)})[0]
					for i := range x.Size() {
						b, r, c := i/(m*n), i/n%m, i%n
						if got, want := y.value((b*n+c)*m+r), x.value(i); got != want {
							t.Fatalf("%v %d×%d×%d: element (%d, %d, %d) is %v, want %v", d, batch, m, n, b, c, r, got, want)
						}
					}
				}
			}
		}
	}
}
