package kernel

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// ReduceFunc reduces n elements at a to one and returns its bits in the low bytes.
type ReduceFunc func(a unsafe.Pointer, n int) uint64

// ReduceBlock returns the reduction of one block, in the order that micro.Loop states:
// W accumulators (8 for 8-byte and 16 for 4-byte elements) start at the identity
// (+0; 1; −∞ or the least integer; +∞ or the greatest integer), element i goes to accumulator
// i mod W, and the accumulators are folded in halves. It returns nil unless t is a
// number. Bits are the same at every level, but for the sign and payload of a NaN.
func ReduceBlock(kind micro.ReduceKind, t dtype.DType, level Level) ReduceFunc {
	f, _ := reduceBlock(kind, t, level)
	return f
}

// ReducePath returns the level whose kernel ReduceBlock returns.
func ReducePath(kind micro.ReduceKind, t dtype.DType, level Level) Level {
	_, l := reduceBlock(kind, t, level)
	return l
}

func reduceBlock(kind micro.ReduceKind, t dtype.DType, level Level) (ReduceFunc, Level) {
	for l := min(level, CPULevel()); l > Portable; l-- {
		if f := simdReduce(kind, t, l); f != nil {
			return f, l
		}
	}
	switch t {
	case dtype.Int32:
		return portableReduce[int32](kind, math.MinInt32, math.MaxInt32), Portable
	case dtype.Int64:
		return portableReduce[int64](kind, math.MinInt64, math.MaxInt64), Portable
	case dtype.Float32:
		return portableReduce[float32](kind, float32(math.Inf(-1)), float32(math.Inf(1))), Portable
	case dtype.Float64:
		return portableReduce[float64](kind, math.Inf(-1), math.Inf(1)), Portable
	}
	return nil, Portable
}

func bitsOf[T number](v T) uint64 {
	if unsafe.Sizeof(v) == 4 {
		return uint64(*(*uint32)(unsafe.Pointer(&v)))
	}
	return *(*uint64)(unsafe.Pointer(&v))
}

func portableReduce[T number](kind micro.ReduceKind, least, greatest T) ReduceFunc {
	switch kind {
	case micro.ReduceSum:
		return func(a unsafe.Pointer, n int) uint64 {
			return reduceTree(slice[T](a, n), 0, func(x, y T) T { return x + y })
		}
	case micro.ReduceProd:
		return func(a unsafe.Pointer, n int) uint64 {
			return reduceTree(slice[T](a, n), 1, func(x, y T) T { return x * y })
		}
	case micro.ReduceMax:
		return func(a unsafe.Pointer, n int) uint64 { return reduceTree(slice[T](a, n), least, maximum[T]) }
	case micro.ReduceMin:
		return func(a unsafe.Pointer, n int) uint64 { return reduceTree(slice[T](a, n), greatest, minimum[T]) }
	}
	return nil
}

func reduceTree[T number](v []T, identity T, f func(x, y T) T) uint64 {
	var acc [16]T
	w := 64 / int(unsafe.Sizeof(identity))
	for j := range acc {
		acc[j] = identity
	}
	for i, x := range v {
		j := i & (w - 1)
		acc[j] = f(acc[j], x)
	}
	for half := w / 2; half > 0; half /= 2 {
		for j := 0; j < half; j++ {
			acc[j] = f(acc[j], acc[j+half])
		}
	}
	return bitsOf(acc[0])
}
