package elem

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// shortRun is the longest run that is reduced without a call of the block kernel where that has no vectors; where it has some, it takes less time for any run.
const shortRun = 8

// ReduceRunsFunc reduces consecutive runs of n elements, 1 ≤ n ≤ 512, to one element each.
type ReduceRunsFunc func(dst, src unsafe.Pointer, n, runs int)

// ReduceRuns returns the reduction of many short runs at once, each as ReduceBlock has it. Numeric dtypes.
func ReduceRuns(kind micro.ReduceKind, t dtype.DType, level cpu.Level) ReduceRunsFunc {
	block, path := reduceBlock(kind, t, level)
	short := shortRun
	if path > cpu.Portable {
		short = 0
	}
	switch t {
	case dtype.Float64:
		return runsOf[float64](kind, block, short)
	case dtype.Float32:
		return runsOf[float32](kind, block, short)
	case dtype.Int64:
		return runsOf[int64](kind, block, short)
	}
	return runsOf[int32](kind, block, short)
}

func runsOf[T Number](kind micro.ReduceKind, block ReduceFunc, short int) ReduceRunsFunc {
	return func(dst, src unsafe.Pointer, n, runs int) {
		reduceAll(kind, block, unsafe.Slice((*T)(dst), runs), unsafe.Slice((*T)(src), n*runs), n, short)
	}
}

// reduceAll reduces run k of the n-element runs of src to dst[k], without the block kernel for up to short elements.
func reduceAll[T Number](kind micro.ReduceKind, block ReduceFunc, dst, src []T, n, short int) {
	sum := kind == micro.ReduceSum
	switch {
	case sum && n == 2:
		for k := range dst {
			x := src[2*k : 2*k+2]
			dst[k] = (x[0] + 0) + (x[1] + 0)
		}
	case sum && n == 3:
		for k := range dst {
			x := src[3*k : 3*k+3]
			dst[k] = ((x[0] + 0) + (x[2] + 0)) + (x[1] + 0)
		}
	case sum && n == 4:
		for k := range dst {
			x := src[4*k : 4*k+4]
			dst[k] = ((x[0] + 0) + (x[2] + 0)) + ((x[1] + 0) + (x[3] + 0))
		}
	case kind == micro.ReduceMax && n == 2:
		for k := range dst {
			dst[k] = max(src[2*k], src[2*k+1])
		}
	case kind == micro.ReduceMin && n == 2:
		for k := range dst {
			dst[k] = min(src[2*k], src[2*k+1])
		}
	case n <= short:
		for k := range dst {
			dst[k] = reduceShort(kind, src[k*n:(k+1)*n])
		}
	default:
		for k := range dst {
			dst[k] = FromBits[T](block(unsafe.Pointer(&src[k*n]), n))
		}
	}
}

// reduceShort is the reduction of one block of at most shortRun elements: the accumulators beyond
// them hold the identity, so the first fold of 16 accumulators changes nothing.
func reduceShort[T Number](kind micro.ReduceKind, x []T) T {
	id := Identity[T](kind)
	a := [shortRun]T{id, id, id, id, id, id, id, id}
	if kind == micro.ReduceSum {
		for j, v := range x {
			a[j] += v
		}
		return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
	}
	for j, v := range x {
		a[j] = Combine(kind, id, v)
	}
	for h := shortRun / 2; h > 0; h /= 2 {
		for j := range h {
			a[j] = Combine(kind, a[j], a[j+h])
		}
	}
	return a[0]
}
