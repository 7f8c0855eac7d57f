// Package elem gives every micro-operation its bits. Each transcendental function has one definition (package def), from which gen
// writes portable Go and asm/gen the SIMD block kernels; package native makes machine code of the same definitions.
package elem

//go:generate go -C ../.. run ./internal/elem/gen
//go:generate go -C ../.. run ./internal/elem/asm/gen

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

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
func BlockKernel(op micro.Op, t, to dtype.DType, level cpu.Level) Block {
	k, _ := blockKernel(op, t, to, level)
	return k
}

// BlockPath returns the level whose kernel BlockKernel returns for these arguments.
func BlockPath(op micro.Op, t, to dtype.DType, level cpu.Level) cpu.Level {
	_, l := blockKernel(op, t, to, level)
	return l
}

func blockKernel(op micro.Op, t, to dtype.DType, level cpu.Level) (Block, cpu.Level) {
	if op != micro.Cast {
		to = dtype.Invalid
	}
	if op == micro.BitwiseOr {
		t = bitsOf(t)
	}
	for l := min(level, cpu.Supported()); l > cpu.Portable; l-- {
		if k := simdBlock(op, t, to, l); k != nil {
			return k, l
		}
	}
	return portableBlock(op, t, to), cpu.Portable
}

// bitsOf is the integer type with the bits of a float, other types themselves.
func bitsOf(t dtype.DType) dtype.DType {
	switch t {
	case dtype.Float32:
		return dtype.Int32
	case dtype.Float64:
		return dtype.Int64
	}
	return t
}

// PairBlock computes sine and cosine of the same operand: sin[i], cos[i] of a[i]
// for 0 ≤ i < n. Either destination may equal a.
type PairBlock func(sin, cos, a unsafe.Pointer, n int)

// SinCosBlock returns the kernel that has the bits of Sin and of Cos; nil unless t is a float.
func SinCosBlock(t dtype.DType, level cpu.Level) PairBlock {
	k, _ := sinCosBlock(t, level)
	return k
}

// SinCosPath returns the level whose kernel SinCosBlock returns.
func SinCosPath(t dtype.DType, level cpu.Level) cpu.Level {
	_, l := sinCosBlock(t, level)
	return l
}

func sinCosBlock(t dtype.DType, level cpu.Level) (PairBlock, cpu.Level) {
	for l := min(level, cpu.Supported()); l > cpu.Portable; l-- {
		if k := simdSinCos(t, l); k != nil {
			return k, l
		}
	}
	switch t {
	case dtype.Float64:
		return sinCosLoop64, cpu.Portable
	case dtype.Float32:
		return sinCosLoop32, cpu.Portable
	}
	return nil, cpu.Portable
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

// DivisionBlock computes an operation and, beside it, a division: dst[i] = op(a[i]) and dst2[i] = b[i] / c[i], or with Sin dst[i] = sin a[i], dst2[i] = cos a[i] and
// dst3[i] = b[i] / c[i], for 0 ≤ i < n. Each destination may equal each operand.
type DivisionBlock func(dst, dst2, dst3, a, b, c unsafe.Pointer, n int)

// BesideDivision returns the kernel that has the bits of both on the path that BlockKernel or SinCosBlock takes, nil if there is none.
func BesideDivision(op micro.Op, t dtype.DType, level cpu.Level) DivisionBlock {
	return simdBesideDivision(op, t, min(level, cpu.Supported()))
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
