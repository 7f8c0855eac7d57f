package elem

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// castBlock returns the conversion from t to to; nil unless both are valid.
func castBlock(t, to dtype.DType) Block {
	if !t.Valid() || !to.Valid() {
		return nil
	}
	if t == to {
		return portableMov(t)
	}
	switch t {
	case dtype.Bool:
		return castFromBool(to)
	case dtype.Int32:
		return castFromInt[int32](to)
	case dtype.Int64:
		return castFromInt[int64](to)
	case dtype.Float32:
		return castFromFloat[float32](to)
	}
	return castFromFloat[float64](to)
}

func portableMov(t dtype.DType) Block {
	switch t.Size() {
	case 1:
		return movBlock[uint8]
	case 4:
		return movBlock[uint32]
	}
	return movBlock[uint64]
}

func castFromBool(to dtype.DType) Block {
	switch to {
	case dtype.Int32:
		return map1(func(x uint8) int32 { return int32(x) })
	case dtype.Int64:
		return map1(func(x uint8) int64 { return int64(x) })
	case dtype.Float32:
		return map1(func(x uint8) float32 { return float32(x) })
	}
	return map1(func(x uint8) float64 { return float64(x) })
}

func convertBlock[T, R Number](dst, a, _, _ unsafe.Pointer, n int) {
	d, x := slice[R](dst, n), slice[T](a, n)
	for i := range d {
		d[i] = R(x[i])
	}
}

func castFromInt[T Integer](to dtype.DType) Block {
	switch to {
	case dtype.Bool:
		return map1(func(x T) uint8 { return bit(x != 0) })
	case dtype.Int32:
		return convertBlock[T, int32] // wraps
	case dtype.Int64:
		return convertBlock[T, int64]
	case dtype.Float32:
		return convertBlock[T, float32]
	}
	return convertBlock[T, float64]
}

func castFromFloat[T Float](to dtype.DType) Block {
	switch to {
	case dtype.Bool:
		return map1(func(x T) uint8 { return bit(x != 0) })
	case dtype.Int32:
		return map1(func(x T) int32 { return dtype.FloatToInt32(float64(x)) })
	case dtype.Int64:
		return map1(func(x T) int64 { return dtype.FloatToInt64(float64(x)) })
	case dtype.Float32:
		return convertBlock[T, float32]
	}
	return convertBlock[T, float64]
}
