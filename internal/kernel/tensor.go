package kernel

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
)

// anyElement is every element type of a Tensor.
type anyElement interface {
	float64 | float32 | int64 | int32 | bool
}

// data returns the slice of t that holds elements of type T.
func data[T anyElement](t *Tensor) []T {
	var zero T
	switch any(zero).(type) {
	case float64:
		return *any(&t.F64).(*[]T)
	case float32:
		return *any(&t.F32).(*[]T)
	case int64:
		return *any(&t.I64).(*[]T)
	case int32:
		return *any(&t.I32).(*[]T)
	}
	return *any(&t.Bool).(*[]T)
}

// address returns where a slice begins.
func address[T anyElement](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// addressOf returns where the elements of a numeric tensor begin.
func addressOf(t *Tensor) unsafe.Pointer {
	switch t.DType {
	case dtype.Float64:
		return address(t.F64)
	case dtype.Float32:
		return address(t.F32)
	case dtype.Int64:
		return address(t.I64)
	}
	return address(t.I32)
}

type (
	float  = elem.Float
	number = elem.Number
)

type runFunc = func(*Call) error

// pickAny returns the function for dtype d.
func pickAny(d dtype.DType, f64, f32, i64, i32, b runFunc) runFunc {
	switch d {
	case dtype.Float64:
		return f64
	case dtype.Float32:
		return f32
	case dtype.Int64:
		return i64
	case dtype.Int32:
		return i32
	case dtype.Bool:
		return b
	}
	panic("BUG: kernel run with dtype " + d.String())
}

// pickNumeric returns the function for the numeric dtype d.
func pickNumeric(d dtype.DType, f64, f32, i64, i32 runFunc) runFunc {
	return pickAny(d, f64, f32, i64, i32, nil)
}

// pickFloat returns the function for the floating-point dtype d.
func pickFloat(d dtype.DType, f64, f32 runFunc) runFunc {
	return pickAny(d, f64, f32, nil, nil, nil)
}

// indexAt returns element i of an integer tensor.
func indexAt(t *Tensor, i int) int {
	if t.DType == dtype.Int64 {
		return int(max(math.MinInt, min(t.I64[i], math.MaxInt))) // beyond an int's range, which may have 32 bits, it is beyond any extent
	}
	return int(t.I32[i])
}

const scratchAlign = 64

// ceil is n/unit, rounded up.
func ceil(n, unit int) int { return (n + unit - 1) / unit }

// evenly is the size of the parts if n is cut into as few nearly equal parts of at most so many as possible.
func evenly(n, most int) int { return ceil(n, ceil(n, most)) }

// scratchSize returns the bytes that take uses up for n elements of the given size.
func scratchSize(n, size int) int { return (n*size + scratchAlign - 1) &^ (scratchAlign - 1) }

// take cuts n elements of type T off the front of the scratch space w.
func take[T float64 | float32 | int64 | int32 | int](w *[]byte, n int) []T {
	if n == 0 {
		return nil
	}
	var zero T
	bytes := scratchSize(n, int(unsafe.Sizeof(zero)))
	b := (*w)[:bytes:bytes]
	*w = (*w)[bytes:]
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}
