package kernel

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/switches"
)

// Level is a family of elementwise kernels. A higher level falls back to the best
// lower one where it has no kernel of its own; all give the same bits.
type Level uint8

// The levels.
const (
	Portable Level = iota // Go, on every architecture
	AVX2                  // amd64 with AVX2 and FMA
	AVX512                // amd64 with AVX-512 F, DQ, BW and VL
)

// String returns off, avx2 or avx512: the values that ADJOINT_SIMD takes.
func (l Level) String() string {
	switch l {
	case Portable:
		return "off"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	}
	return "unknown"
}

// CPULevel returns the best level that this processor and operating system support.
func CPULevel() Level {
	x := &cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasBMI2):
		return Portable
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL:
		return AVX512
	}
	return AVX2
}

var detected = sync.OnceValue(func() Level {
	best := CPULevel()
	for l := Portable; l < best; l++ {
		if switches.Get().SIMD == l.String() {
			return l
		}
	}
	return best
})

// DetectLevel returns the level to use: the best one supported, or a lower one if
// the environment variable ADJOINT_SIMD (off, avx2, avx512) names it. It is read once.
func DetectLevel() Level { return detected() }

// Block computes dst[i] = op(a[i], b[i], c[i]) for 0 ≤ i < n. All operands are
// contiguous arrays of the element types in their natural layout (a bool is a byte, 0 or
// 1); operands that the operation does not have are ignored. dst may equal a, b or c
// where the element sizes are the same, and overlaps them in no other way. Nothing
// at or beyond n is read or written. n may be 0.
type Block func(dst, a, b, c unsafe.Pointer, n int)

type blockKey struct {
	op    micro.Op
	t, to dtype.DType
}

// BlockKernel returns the kernel of op on operands of dtype t (for Select, of its
// second and third operand) at a level; to is the result's dtype and is read for
// Cast only. It returns nil if the operation is not defined for the dtypes. Bits are
// the same at every level, but for the sign and payload of a NaN.
//
// Division of integers by zero gives 0; the caller raises the trap (see HasZero).
func BlockKernel(op micro.Op, t, to dtype.DType, level Level) Block {
	k, _ := blockKernel(op, t, to, level)
	return k
}

// BlockPath returns the level whose kernel BlockKernel returns for these arguments.
func BlockPath(op micro.Op, t, to dtype.DType, level Level) Level {
	_, l := blockKernel(op, t, to, level)
	return l
}

func blockKernel(op micro.Op, t, to dtype.DType, level Level) (Block, Level) {
	if op != micro.Cast {
		to = dtype.Invalid
	}
	for l := min(level, CPULevel()); l > Portable; l-- {
		if k := simdBlock(op, t, to, l); k != nil {
			return k, l
		}
	}
	return portableBlock(op, t, to), Portable
}

// PairBlock computes sine and cosine of the same operand: sin[i], cos[i] of a[i]
// for 0 ≤ i < n. Either destination may equal a.
type PairBlock func(sin, cos, a unsafe.Pointer, n int)

// SinCosBlock returns the kernel that has the bits of Sin and of Cos; nil unless t is a float.
func SinCosBlock(t dtype.DType, level Level) PairBlock {
	k, _ := sinCosBlock(t, level)
	return k
}

// SinCosPath returns the level whose kernel SinCosBlock returns.
func SinCosPath(t dtype.DType, level Level) Level {
	_, l := sinCosBlock(t, level)
	return l
}

func sinCosBlock(t dtype.DType, level Level) (PairBlock, Level) {
	for l := min(level, CPULevel()); l > Portable; l-- {
		if k := simdSinCos(t, l); k != nil {
			return k, l
		}
	}
	switch t {
	case dtype.Float64:
		return sinCosLoop64, Portable
	case dtype.Float32:
		return sinCosLoop32, Portable
	}
	return nil, Portable
}

func sinCosLoop64(sin, cos, a unsafe.Pointer, n int) {
	s, c := unsafe.Slice((*float64)(sin), n), unsafe.Slice((*float64)(cos), n)
	for i, x := range unsafe.Slice((*float64)(a), n) {
		s[i], c[i] = sincos64(x)
	}
}

func sinCosLoop32(sin, cos, a unsafe.Pointer, n int) {
	s, c := unsafe.Slice((*float32)(sin), n), unsafe.Slice((*float32)(cos), n)
	for i, x := range unsafe.Slice((*float32)(a), n) {
		s[i], c[i] = sincos32(x)
	}
}

// HasZero reports whether one of the n integers of dtype t at p is zero.
func HasZero(t dtype.DType, p unsafe.Pointer, n int) bool {
	switch t {
	case dtype.Int32:
		return hasZero[int32](p, n)
	case dtype.Int64:
		return hasZero[int64](p, n)
	}
	return false
}

func hasZero[T int32 | int64](p unsafe.Pointer, n int) bool {
	for _, v := range unsafe.Slice((*T)(p), n) {
		if v == 0 {
			return true
		}
	}
	return false
}
