package gemm

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/native/isa/arm64"
)

// TestNEON holds, on every processor, that the code of arm64's tiles can be read and has all fused multiply-adds, and that it is used where it can run.
func TestNEON(t *testing.T) {
	for d, double := range map[int]bool{0: false, 1: true} {
		code, starts := neonCode(double)
		text := arm64.Listing(code)
		want := 0
		for rows := 1; rows <= neonRows; rows++ {
			want += 2 * rows * (1 + 2 + 3 + 4 + 1)
		}
		if n := strings.Count(text, "fmla"); strings.Contains(text, "unreadable") || n != want || strings.Count(text, "ret") != 2*neonRows*(neonVectors+1) {
			t.Errorf("%d multiply-adds of %d", n, want)
		}
		if starts[1][neonRows-1][neonVectors] == 0 {
			t.Error("no place of the last tile")
		}
		x := NewPlan(form(floats[d], 9, 9, 9, 0, 0), cpu.Best())
		if ok, _ := native.Available(); (cpu.Best() == cpu.NEON && ok) != (x.mr == neonRows && x.kernels.portable) {
			t.Errorf("tiles of %d rows at level %v", x.mr, cpu.Best())
		}
	}
}
