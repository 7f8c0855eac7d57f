package point

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// The parts of an .npy header, a Python dictionary on one line
// (numpy.lib.format, "NPY format", versions 1.0 to 3.0).
var (
	npyDescr   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	npyFortran = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([0-9,\sL]*)\)`)
)

// npyTypes are the element types by kind and size of the header's descr.
var npyTypes = map[string]graph.DType{"f8": graph.Float64, "f4": graph.Float32, "i8": graph.Int64, "i4": graph.Int32, "b1": graph.Bool}

// maxHeader bounds an .npy header; NumPy's are some hundreds of bytes.
const maxHeader = 1 << 16

// readNPY reads an array of exactly the given type, row-major. Its size is taken
// from the type and not from the file.
func readNPY(r io.Reader, t graph.Type) ([]uint64, error) {
	b := bufio.NewReader(r)
	header, err := npyHeader(b)
	if err != nil {
		return nil, err
	}
	descr, fortran, extents := npyDescr.FindStringSubmatch(header), npyFortran.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if descr == nil || fortran == nil || extents == nil {
		return nil, errors.New("the header does not give descr, fortran_order and shape of a plain array")
	}
	shape := graph.Shape{}
	for _, part := range strings.Split(extents[1], ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L")
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("the header's shape (%s) is malformed", extents[1])
		}
		shape = append(shape, n)
	}
	order, kind := binary.ByteOrder(binary.LittleEndian), descr[1]
	if kind != "" && strings.IndexByte("<>|=", kind[0]) >= 0 {
		if kind[0] == '>' {
			order = binary.BigEndian
		}
		kind = kind[1:]
	}
	d, known := npyTypes[kind]
	switch {
	case !known:
		return nil, fmt.Errorf("elements of type %q are not supported; save as %v", descr[1], t.DType)
	case d != t.DType:
		return nil, fmt.Errorf("the array is %v, the input is %v", d, t)
	case !shape.Equal(t.Shape):
		return nil, fmt.Errorf("the array has shape %v, the input is %v", shape, t)
	case t.Shape.Size() > maxElements:
		return nil, fmt.Errorf("the array has %d elements, more than the %d that can be evaluated here", t.Shape.Size(), maxElements)
	}
	values, err := npyElements(b, t, order)
	if err != nil {
		return nil, err
	}
	if fortran[1] == "True" {
		values = rowMajor(values, shape)
	}
	return values, nil
}

func npyHeader(b *bufio.Reader) (string, error) {
	start := make([]byte, 8)
	if _, err := io.ReadFull(b, start); err != nil || string(start[:6]) != "\x93NUMPY" {
		return "", errors.New("this is not an .npy file")
	}
	var length uint32
	if start[6] == 1 {
		var short uint16
		if err := binary.Read(b, binary.LittleEndian, &short); err != nil {
			return "", errors.New("the file ends within its header")
		}
		length = uint32(short)
	} else if err := binary.Read(b, binary.LittleEndian, &length); err != nil {
		return "", errors.New("the file ends within its header")
	}
	if length > maxHeader {
		return "", fmt.Errorf("the header has %d bytes, at most %d are allowed", length, maxHeader)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(b, header); err != nil {
		return "", errors.New("the file ends within its header")
	}
	return string(header), nil
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
