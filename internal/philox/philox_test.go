package philox

import (
	"encoding/binary"
	"math"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestWords checks the known answers of the authors' library (Random123, kat_vectors, philox4x32 with 10 rounds).
func TestWords(t *testing.T) {
	for _, k := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32}, [2]uint32{math.MaxUint32, math.MaxUint32},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Words(k.counter, k.key); got != k.want {
			t.Errorf("counter %x key %x: %x, want %x", k.counter, k.key, got, k.want)
		}
	}
}

// TestFill has every number of words up to several groups, from blocks whose numbers cross 2³² or not, of each kind, at each level, with guards behind.
func TestFill(t *testing.T) {
	const key, stream = 0x299f31d0a4093822, 0x0370734413198a2e
	for _, kind := range []Kind{Bits, Bits64, Float32, Float64} {
		unit := 4
		if kind == Float64 || kind == Bits64 {
			unit = 8
		}
		for level := cpu.Portable; level <= cpu.Supported(); level++ {
			for _, block := range []uint64{0, 7, 1<<32 - 20, 1 << 32, 5<<32 + 3} {
				for n := 0; n <= 1100; n += unit {
					memory := make([]uint64, n/8+9)
					all := unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), n+8)
					for i := range all {
						all[i] = 0x5a
					}
					Fill(all[:n], kind, key, stream, block, level)
					for _, b := range all[n:] {
						if b != 0x5a {
							t.Fatalf("kind %d, level %v, %d bytes: the byte behind is written", kind, level, n)
						}
					}
					for at := 0; at < n; at += unit {
						w := Block(key, stream, block+uint64(at/16))
						low := uint64(w[at/4%4])
						got := uint64(binary.NativeEndian.Uint32(all[at:]))
						if unit == 8 {
							low |= uint64(w[at/4%4+1]) << 32
							got = binary.NativeEndian.Uint64(all[at:])
						}
						want := low
						switch kind {
						case Float32:
							want = uint64(math.Float32bits(float32(low>>8) / (1 << 24)))
						case Float64:
							want = math.Float64bits(float64(low>>11) / (1 << 53))
						}
						if got != want {
							t.Fatalf("kind %d, level %v, block %d, %d bytes: at %d there is %#x, want %#x", kind, level, block, n, at, got, want)
						}
					}
				}
			}
		}
	}
}
