// Package philox makes random words by Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011): a block of four words
// follows from its number, a stream and a key alone.
package philox

//go:generate go -C ../.. run ./internal/philox/asm/gen

import (
	"math/bits"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/philox/asm"
)

// Words returns the four words of a counter and a key.
func Words(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, c[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}

// Block returns the words of a block: its counter is the lower and the upper half of its number, then those of the stream.
func Block(key, stream, block uint64) [4]uint32 {
	return Words([4]uint32{uint32(block), uint32(block >> 32), uint32(stream), uint32(stream >> 32)}, [2]uint32{uint32(key), uint32(key >> 32)})
}

// Kind is what becomes of words.
type Kind int

// The kinds.
const (
	Bits64  Kind = asm.Bits - 1 // two words are a number, the lower one first
	Bits    Kind = asm.Bits     // they stay as they are
	Float32 Kind = asm.Float32  // the upper 24 bits times 2⁻²⁴
	Float64 Kind = asm.Float64  // the upper 53 bits of two words, the lower one first, times 2⁻⁵³
)

// Fill writes the words of the blocks from block on, or the numbers of a kind that come of them, into dst, which has 4 bytes for each word and may end within a block; for Float64 and Bits64 it ends behind a
// number. All levels give the same bits.
func Fill(dst []byte, kind Kind, key, stream, block uint64, level cpu.Level) {
	const group = 16 * 16 // bytes
	if n := len(dst) / group; n > 0 && min(level, cpu.Supported()) == cpu.AVX512 && block>>32 == (block+16*uint64(n))>>32 {
		if words(&asm.Run{To: uintptr(unsafe.Pointer(unsafe.SliceData(dst))), Groups: n, Block: uint32(block), High: uint32(block >> 32),
			Stream: [2]uint32{uint32(stream), uint32(stream >> 32)}, Key: [2]uint32{uint32(key), uint32(key >> 32)}, Kind: int(kind)}) {
			dst, block = dst[n*group:], block+16*uint64(n)
		}
	}
	for ; len(dst) > 0; block++ {
		w := Block(key, stream, block)
		switch kind {
		case Bits64:
			f := (*[2]uint64)(unsafe.Pointer(&w))
			for i := range f {
				f[i] = uint64(w[2*i]) | uint64(w[2*i+1])<<32
			}
		case Float32:
			f := (*[4]float32)(unsafe.Pointer(&w))
			for i, u := range w {
				f[i] = float32(u>>8) * 0x1p-24
			}
		case Float64:
			f := (*[2]float64)(unsafe.Pointer(&w))
			for i := range f {
				f[i] = float64((uint64(w[2*i])|uint64(w[2*i+1])<<32)>>11) * 0x1p-53
			}
		}
		dst = dst[copy(dst, unsafe.Slice((*byte)(unsafe.Pointer(&w)), 16)):]
	}
}
