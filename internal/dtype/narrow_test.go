package dtype

import (
	"math"
	"math/big"
	"testing"
)

// narrow are the two formats.
var narrow = map[string]struct {
	wide  func(uint16) float32
	to    func(float32) uint16
	inf   uint16 // bits of +Inf
	quiet uint16 // the bit of quiet NaN
}{
	"float16":  {Half, ToHalf, 0x7c00, 0x200},
	"bfloat16": {BFloat16, ToBFloat16, 0x7f80, 0x40},
}

// Every number of 16 bits comes back, and what lies between two goes to the nearer one, of equal ones to the even one.
func TestNarrow(t *testing.T) {
	for name, f := range narrow {
		for k := range 1 << 16 {
			bits := uint16(k)
			v := f.wide(bits)
			got := f.to(v)
			if v != v {
				if want := bits | f.quiet; got != want {
					t.Fatalf("%s: NaN %04x becomes %04x, want %04x", name, bits, got, want)
				}
				continue
			}
			if got != bits {
				t.Fatalf("%s: %04x is %v, which becomes %04x", name, bits, v, got)
			}
			if bits&0x7fff >= f.inf-1 || bits>>15 == 1 {
				continue
			}
			next := f.wide(bits + 1)
			even := bits + bits&1
			middle := v + (next-v)/2
			for _, sign := range []float32{1, -1} {
				s := uint16(0)
				if sign < 0 {
					s = 0x8000
				}
				for x, want := range map[float32]uint16{middle: even, math.Nextafter32(middle, next): bits + 1, math.Nextafter32(middle, v): bits} {
					if got := f.to(sign * x); got != want|s {
						t.Fatalf("%s: %v between %v and %v becomes %04x, want %04x", name, sign*x, v, next, got, want|s)
					}
				}
			}
		}
		if f.to(float32(math.Inf(1))) != f.inf || f.to(math.MaxFloat32) != f.inf || f.to(-math.MaxFloat32) != f.inf|0x8000 {
			t.Errorf("%s: the largest float32 is no infinity", name)
		}
	}
	if ToHalf(65519.996) != 0x7bff || ToHalf(65520) != 0x7c00 {
		t.Error("float16 ends elsewhere than at 65520")
	}
}

// A float64 is rounded once.
func TestRoundToOdd(t *testing.T) {
	between := 0
	for _, f := range narrow {
		for k := 1; k < 0x7000; k += 7 {
			v, next := float64(f.wide(uint16(k))), float64(f.wide(uint16(k+1)))
			if next-next != 0 {
				continue
			}
			middle := new(big.Float).SetFloat64(v/2 + next/2)
			for _, x := range []float64{math.Nextafter(v/2+next/2, v), math.Nextafter(v/2+next/2, next)} {
				want := uint16(k)
				if new(big.Float).SetFloat64(x).Cmp(middle) > 0 {
					want++
				}
				between++
				if got := f.to(RoundToOdd(x)); got != want {
					t.Fatalf("%v becomes %04x, want %04x", x, got, want)
				}
				if got := f.to(RoundToOdd(-x)); got != want|0x8000 {
					t.Fatalf("%v becomes %04x, want %04x", -x, got, want|0x8000)
				}
			}
		}
	}
	if between < 10000 {
		t.Errorf("%d numbers", between)
	}
}
