package point

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/npy"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// readNPY reads an array of exactly the given type, row-major. Its size is taken
// from the type and not from the file.
func readNPY(r io.Reader, t graph.Type) ([]uint64, error) {
	b := bufio.NewReader(r)
	h, err := npy.Read(b)
	if err != nil {
		return nil, err
	}
	switch {
	case h.DType != t.DType:
		return nil, fmt.Errorf("the array is %v, the input is %v", h.DType, t)
	case !t.Shape.Equal(h.Shape):
		return nil, fmt.Errorf("the array has shape %v, the input is %v", graph.Shape(h.Shape), t)
	case t.Shape.Size() > maxElements:
		return nil, fmt.Errorf("the array has %d elements, more than the %d that can be evaluated here", t.Shape.Size(), maxElements)
	}
	values, err := npyElements(b, t, h.Order)
	if err != nil {
		return nil, err
	}
	if h.Fortran {
		values = rowMajor(values, t.Shape)
	}
	return values, nil
}

// npyElements reads the elements in the order of the file. Memory grows with what
// the file holds, not with what its header claims.
func npyElements(r io.Reader, t graph.Type, order binary.ByteOrder) ([]uint64, error) {
	var values []uint64
	size := t.DType.Size()
	buf := make([]byte, 8192*size)
	for left := t.Shape.Size(); left > 0; {
		part := buf[:min(left, 8192)*size]
		if n, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("the file holds %d of %d elements", len(values)+n/size, t.Shape.Size())
		}
		for i := 0; i < len(part); i += size {
			switch size {
			case 8:
				values = append(values, order.Uint64(part[i:]))
			case 4:
				values = append(values, uint64(order.Uint32(part[i:])))
			default:
				// Memory of bools holds 0 or 1 only.
				values = append(values, uint64(min(part[i], 1)))
			}
		}
		left -= len(part) / size
	}
	if n, _ := r.Read(buf[:1]); n > 0 {
		return nil, fmt.Errorf("the file goes on after %d elements", t.Shape.Size())
	}
	return values, nil
}

// rowMajor reorders elements whose first index varies fastest.
func rowMajor(values []uint64, extents graph.Shape) []uint64 {
	out, strides := make([]uint64, len(values)), shape.Strides(extents)
	for i, v := range values {
		at := 0
		for d, n := range extents {
			at += i % n * strides[d]
			i /= n
		}
		out[at] = v
	}
	return out
}
