package elem

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestRepresentation compares what is defined on bits with Go's math package, at all exponents.
func TestRepresentation(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, -math.MaxFloat64, 0x1p-1022, 0x1p-149, 0x1p-126, math.MaxFloat32, 3000, -3000, 5e9}
	number := func() float64 {
		switch r.IntN(4) {
		case 0:
			return special[r.IntN(len(special))]
		case 1:
			return float64(r.IntN(400) - 200)
		}
		return math.Float64frombits(r.Uint64())
	}
	ldexp := func(x, n float64) float64 {
		if n != n {
			return n
		}
		return math.Ldexp(x, int(max(-9000, min(n, 9000))))
	}
	exponent := func(x float64) float64 {
		if x-x != 0 {
			return 0
		}
		_, e := math.Frexp(x)
		return float64(e)
	}
	same := func(what string, x, y, got, want float64) {
		if math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) {
			t.Fatalf("%s(%v, %v) is %v, want %v", what, x, y, got, want)
		}
	}
	for range 300000 {
		x, y := number(), number()
		n := y
		if r.IntN(3) > 0 {
			n = float64(r.IntN(4400)-2200) + r.Float64()/2
		}
		same("exponent", x, 0, Unary64(micro.Exponent)(x), exponent(x))
		same("ldexp", x, n, Binary64(micro.Ldexp)(x, n), ldexp(x, math.Trunc(n)))
		next := math.Nextafter(x, y)
		if x == y {
			next = y
		}
		same("nextafter", x, y, Binary64(micro.Nextafter)(x, y), next)
		p, q, m := math.Float32frombits(r.Uint32()), float32(y), float32(r.IntN(600)-300)
		if r.IntN(4) == 0 {
			p, m = float32(x), float32(n)
		}
		same("exponent", float64(p), 0, float64(Unary32(micro.Exponent)(p)), exponent(float64(p)))
		same("ldexp", float64(p), float64(m), float64(Binary32(micro.Ldexp)(p, m)), float64(float32(ldexp(float64(p), math.Trunc(float64(m))))))
		near := math.Nextafter32(p, q)
		if p == q {
			near = q
		}
		same("nextafter", float64(p), float64(q), float64(Binary32(micro.Nextafter)(p, q)), float64(near))
	}
}
