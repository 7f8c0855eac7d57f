package arrow

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// elements appends those of an array to what is there of a column.
func elements(before any, p arrow.Array, from, to int) (any, error) {
	switch a := p.(type) {
	case *array.Float64:
		return joined(before, a.Float64Values()[from:to]), nil
	case *array.Float32:
		return joined(before, a.Float32Values()[from:to]), nil
	case *array.Float16:
		var v []float32
		for _, x := range a.Values()[from:to] {
			v = append(v, x.Float32())
		}
		return joined(before, v), nil
	case *array.Int64:
		return joined(before, a.Int64Values()[from:to]), nil
	case *array.Int32:
		return joined(before, a.Int32Values()[from:to]), nil
	case *array.Int16:
		return wider[int32](before, a.Int16Values()[from:to]), nil
	case *array.Int8:
		return wider[int32](before, a.Int8Values()[from:to]), nil
	case *array.Uint8:
		return wider[int32](before, a.Uint8Values()[from:to]), nil
	case *array.Uint16:
		return wider[int32](before, a.Uint16Values()[from:to]), nil
	case *array.Uint32:
		return wider[int64](before, a.Uint32Values()[from:to]), nil
	case *array.Uint64:
		for _, v := range a.Uint64Values()[from:to] {
			if v > math.MaxInt64 {
				return nil, fmt.Errorf("the number %d is no int64", v)
			}
		}
		return wider[int64](before, a.Uint64Values()[from:to]), nil
	case *array.Boolean:
		if b := a.Data().Buffers()[1]; to < from || to > 0 && (b == nil || a.Offset()+to > 8*b.Len()) {
			return nil, fmt.Errorf("%d bools are not there", to)
		}
		v := make([]bool, to-from)
		for i := range v {
			v[i] = a.Value(from + i)
		}
		return joined(before, v), nil
	}
	return nil, fmt.Errorf("elements of type %v", p.DataType())
}

func joined[T any](before any, more []T) []T {
	v, _ := before.([]T)
	return append(v, more...)
}

func wider[T int32 | int64, S int8 | int16 | uint8 | uint16 | uint32 | uint64](before any, more []S) []T {
	v := make([]T, len(more))
	for i, x := range more {
		v[i] = T(x)
	}
	return joined(before, v)
}

// limited allocates at most a number of bytes, and panics instead of more: readers turn that into an error.
type limited struct{ left int }

// Allocate implements memory.Allocator.
func (l *limited) Allocate(size int) []byte {
	if size < 0 || size > l.left {
		panic(fmt.Sprintf("%d bytes where %d are left", size, l.left))
	}
	l.left -= size
	return make([]byte, size)
}

// Reallocate implements memory.Allocator.
func (l *limited) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	c := l.Allocate(size)
	copy(c, b)
	return c
}

// Free implements memory.Allocator.
func (l *limited) Free([]byte) {}
