package def

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestExpAtItsEnds compares the forms of exp where it underflows and overflows.
func TestExpAtItsEnds(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		f := Lookup(micro.Exp, typ)
		under := f.LetUnderflow()
		if len(under.Nodes) >= len(f.Nodes) {
			t.Errorf("%s: with masks for underflow %d operations, without %d", typ, len(f.Nodes), len(under.Nodes))
		}
		forms := []*Func{f.ExpandScale(), under, under.ExpandScale()}
		ends := [][2]float64{{-747, -707}, {708, 711}}
		if typ == dtype.Float32 {
			ends = [][2]float64{{-105, -86}, {87, 90}}
		}
		args := []float64{math.Inf(-1), math.Inf(1), math.NaN(), -1e30, 1e30}
		for range 2000 {
			end := ends[rng.Intn(2)]
			args = append(args, end[0]+rng.Float64()*(end[1]-end[0]))
		}
		for _, x := range args {
			bits := math.Float64bits(x)
			if typ == dtype.Float32 {
				bits = uint64(math.Float32bits(float32(x)))
			}
			want, _ := f.Eval(bits)
			for _, g := range forms {
				if got, _ := g.Eval(bits); !slices.Equal(got, want) && !(isNaN(typ, got[0]) && isNaN(typ, want[0])) {
					t.Fatalf("exp(%s %g) = %#x, want %#x", typ, x, got, want)
				}
			}
		}
	}
}
