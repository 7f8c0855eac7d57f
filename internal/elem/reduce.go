package elem

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
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
func ReduceBlock(kind micro.ReduceKind, t dtype.DType, level cpu.Level) ReduceFunc {
	f, _ := reduceBlock(kind, t, level)
	return f
}

// ReducePath returns the level whose kernel ReduceBlock returns.
func ReducePath(kind micro.ReduceKind, t dtype.DType, level cpu.Level) cpu.Level {
	_, l := reduceBlock(kind, t, level)
	return l
}

func reduceBlock(kind micro.ReduceKind, t dtype.DType, level cpu.Level) (ReduceFunc, cpu.Level) {
	for l := min(level, cpu.Supported()); l > cpu.Portable; l-- {
		if f := simdReduce(kind, t, l); f != nil {
			return f, l
		}
	}
	switch t {
	case dtype.Int32:
		return portableReduce[int32](kind), cpu.Portable
	case dtype.Int64:
		return portableReduce[int64](kind), cpu.Portable
	case dtype.Float32:
		return portableReduce[float32](kind), cpu.Portable
	case dtype.Float64:
		return portableReduce[float64](kind), cpu.Portable
	}
	return nil, cpu.Portable
}

// SumFunc sums what an operation makes of n elements at a and at b, as ReduceFunc does.
type SumFunc func(a, b unsafe.Pointer, n int) uint64

// SumOf returns the sum of a block of results of Add, Sub or Mul, which need not be stored for it: the bits are those of BlockKernel and ReduceBlock. It returns nil if there is none.
func SumOf(op micro.Op, t dtype.DType, level cpu.Level) SumFunc {
	return simdSumOf(op, t, min(level, cpu.Supported()))
}

// Bits returns the element's bits, in the low bytes.
func Bits[T Number](v T) uint64 {
	if unsafe.Sizeof(v) == 4 {
		return uint64(*(*uint32)(unsafe.Pointer(&v)))
	}
	return *(*uint64)(unsafe.Pointer(&v))
}

func portableReduce[T Number](kind micro.ReduceKind) ReduceFunc {
	switch kind {
	case micro.ReduceSum:
		return func(a unsafe.Pointer, n int) uint64 {
			return reduceTree(slice[T](a, n), Identity[T](kind), func(x, y T) T { return x + y })
		}
	case micro.ReduceProd:
		return func(a unsafe.Pointer, n int) uint64 {
			return reduceTree(slice[T](a, n), Identity[T](kind), func(x, y T) T { return x * y })
		}
	case micro.ReduceMax:
		return func(a unsafe.Pointer, n int) uint64 { return reduceTree(slice[T](a, n), Identity[T](kind), maximum[T]) }
	case micro.ReduceMin:
		return func(a unsafe.Pointer, n int) uint64 { return reduceTree(slice[T](a, n), Identity[T](kind), minimum[T]) }
	}
	return nil
}

func reduceTree[T Number](v []T, identity T, f func(x, y T) T) uint64 {
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
	return Bits(acc[0])
}

// FromBits returns the element whose bits are the low bytes of b.
func FromBits[T Number](b uint64) T {
	var v T
	dtype.Store(unsafe.Pointer(&v), int(unsafe.Sizeof(v)), b)
	return v
}

// Combine returns the reduction of two elements.
func Combine[T Number](kind micro.ReduceKind, a, b T) T {
	switch kind {
	case micro.ReduceSum:
		return a + b
	case micro.ReduceProd:
		return a * b
	case micro.ReduceMax:
		return max(a, b)
	}
	return min(a, b)
}

// Identity returns the element that leaves every other as it is.
func Identity[T Number](kind micro.ReduceKind) T {
	switch kind {
	case micro.ReduceSum:
		return 0
	case micro.ReduceProd:
		return 1
	case micro.ReduceMax:
		return Lowest[T]()
	}
	return Highest[T]()
}

// Lowest returns −Inf or the smallest integer.
func Lowest[T Number]() T {
	var t T
	switch p := any(&t).(type) {
	case *float64:
		*p = math.Inf(-1)
	case *float32:
		*p = float32(math.Inf(-1))
	case *int64:
		*p = math.MinInt64
	case *int32:
		*p = math.MinInt32
	}
	return t
}

// Highest returns +Inf or the largest integer.
func Highest[T Number]() T {
	var t T
	switch p := any(&t).(type) {
	case *float64:
		*p = math.Inf(1)
	case *float32:
		*p = float32(math.Inf(1))
	case *int64:
		*p = math.MaxInt64
	case *int32:
		*p = math.MaxInt32
	}
	return t
}
