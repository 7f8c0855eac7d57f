package elem

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestEveryOperationHasBlocks holds that BlockKernel serves exactly the dtypes that Info promises.
func TestEveryOperationHasBlocks(t *testing.T) {
	for op := micro.Op(1); int(op) < micro.Count; op++ {
		info := op.Info()
		for typ := dtype.Invalid; typ < dtype.Count; typ++ {
			want := typ.IsFloat() && info.Float || typ.IsInt() && info.Int || typ == dtype.Bool && info.Logic
			if got := BlockKernel(op, typ, dtype.Float64, cpu.Portable) != nil; got != want {
				t.Errorf("%s on %s: defined = %t, want %t", op, typ, got, want)
			}
		}
	}
}
