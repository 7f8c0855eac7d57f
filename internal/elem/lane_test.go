package elem

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
)

// TestFMA32 compares fma32 with exact arithmetic, ties and subnormal results included.
func TestFMA32(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	random := func(kind int) float32 {
		switch kind {
		case 0:
			return math.Float32frombits(rng.Uint32())
		case 1: // few bits: sums that are ties
			return float32(rng.Intn(64)-32) * float32(math.Ldexp(1, rng.Intn(60)-30))
		}
		return float32(rng.NormFloat64())
	}
	for i := range 200000 {
		x, y, z := random(i%3), random(i/3%3), random(i/9%3)
		if i%2 == 0 { // cancel or underflow
			z = -x * y * (1 + float32(rng.Intn(5)-2)/(1<<23))
		}
		if i%7 == 0 {
			x, z = x*0x1p-100, z*0x1p-100
		}
		got, slow := fma32(x, y, z), def.FMA32(x, y, z)
		if math.Float32bits(got) != math.Float32bits(slow) && got == got {
			t.Fatalf("fma32(%g, %g, %g) = %g, def has %g", x, y, z, got, slow)
		}
		if x-x != 0 || y-y != 0 || z-z != 0 {
			continue
		}
		exact := new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
		exact.Add(exact, big.NewFloat(float64(z)))
		if want, _ := exact.Float32(); want != got {
			t.Fatalf("fma32(%g, %g, %g) = %g, want %g", x, y, z, got, want)
		}
	}
}

// TestScale compares scale64 and scale32 with exact scaling.
func TestScale(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	for range 20000 {
		p, k := rng.NormFloat64(), float64(rng.Intn(2*2044)-2044)
		if got, want := scale64(p, k), math.Ldexp(p, int(k)); got != want {
			t.Fatalf("scale64(%g, %g) = %g, want %g", p, k, got, want)
		}
		q, j := float32(p), float32(rng.Intn(2*252)-252)
		if got, want := scale32(q, j), float32(math.Ldexp(float64(q), int(j))); got != want {
			t.Fatalf("scale32(%g, %g) = %g, want %g", q, j, got, want)
		}
	}
}

// TestGeneratedGoAgreesWithDefinition runs the definitions themselves, complete, with Scale
// written out and with underflow left to happen, against the generated functions.
func TestGeneratedGoAgreesWithDefinition(t *testing.T) {
	rng := rand.New(rand.NewSource(8))
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		for _, op := range def.Ops() {
			f := def.Lookup(op, typ)
			forms := []*def.Func{f, f.ExpandScale(), f.LetUnderflow(), f.LetUnderflow().ExpandScale()}
			for range 100 {
				a := newGuarded(typ, 2)
				a.fill(rng, edgeValues)
				e := elements([3]*guarded{a}, 1, 0)
				e = append(e, elements([3]*guarded{a}, 1, 1)...)
				var args []uint64
				var got uint64
				switch typ {
				case dtype.Float64:
					x, y := e[0].(float64), e[1].(float64)
					args = []uint64{math.Float64bits(x), math.Float64bits(y)}
					if f.Args == 1 {
						got = math.Float64bits(Unary64(op)(x))
					} else {
						got = math.Float64bits(Binary64(op)(x, y))
					}
				default:
					x, y := e[0].(float32), e[1].(float32)
					args = []uint64{uint64(math.Float32bits(x)), uint64(math.Float32bits(y))}
					if f.Args == 1 {
						got = uint64(math.Float32bits(Unary32(op)(x)))
					} else {
						got = uint64(math.Float32bits(Binary32(op)(x, y)))
					}
				}
				for _, g := range forms {
					want, _ := g.Eval(args[:f.Args]...)
					if got != want[0] && !(isNaNBits(typ, got) && isNaNBits(typ, want[0])) {
						t.Fatalf("%s %s(%v): generated %#x, definition %#x", op, typ, e[:f.Args], got, want[0])
					}
				}
			}
		}
	}
}
