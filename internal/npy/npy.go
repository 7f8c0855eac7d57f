// Package npy reads and writes the headers of NumPy's format npy (numpy.lib.format, versions 1.0 to 3.0), for arrays of the dtypes that graphs have.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

const magic = "\x93NUMPY"

// maxHeader bounds a header; NumPy's have some hundreds of bytes.
const maxHeader = 1 << 16

// The parts of a header, a Python dictionary on one line.
var (
	descr   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	fortran = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shape   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([0-9,\sL]*)\)`)
)

// types are the dtypes by kind and size of an element.
var types = map[string]dtype.DType{"f8": dtype.Float64, "f4": dtype.Float32, "i8": dtype.Int64, "i4": dtype.Int32, "b1": dtype.Bool}

// Header says what stands behind it.
type Header struct {
	DType   dtype.DType
	Shape   []int
	Order   binary.ByteOrder
	Fortran bool  // the first index varies fastest
	Length  int64 // bytes of the header: where elements begin
}

// Read reads a header, and not a byte more.
func Read(r io.Reader) (Header, error) {
	start := make([]byte, 12)
	if _, err := io.ReadFull(r, start[:8]); err != nil || string(start[:6]) != magic || start[6] < 1 || start[6] > 3 {
		return Header{}, errors.New("this is not an .npy file")
	}
	n := 10
	if start[6] > 1 {
		n = 12
	}
	if _, err := io.ReadFull(r, start[8:n]); err != nil {
		return Header{}, errors.New("the file ends within its header")
	}
	length := binary.LittleEndian.Uint32(start[8:]) // two bytes are 0 in version 1
	if length > maxHeader {
		return Header{}, fmt.Errorf("the header has %d bytes, at most %d are allowed", length, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, errors.New("the file ends within its header")
	}
	h := Header{Order: binary.LittleEndian, Length: int64(n) + int64(length)}
	d, f, s := descr.FindSubmatch(text), fortran.FindSubmatch(text), shape.FindSubmatch(text)
	if d == nil || f == nil || s == nil {
		return Header{}, errors.New("the header does not give descr, fortran_order and shape of a plain array")
	}
	kind := string(d[1])
	if kind != "" && strings.IndexByte("<>|=", kind[0]) >= 0 {
		if kind[0] == '>' {
			h.Order = binary.BigEndian
		}
		kind = kind[1:]
	}
	var known bool
	if h.DType, known = types[kind]; !known {
		return Header{}, fmt.Errorf("elements of type %q are not supported", d[1])
	}
	h.Fortran = string(f[1]) == "True"
	size := h.DType.Size()
	for part := range strings.SplitSeq(string(s[1]), ",") {
		if part = strings.TrimSuffix(strings.TrimSpace(part), "L"); part == "" {
			continue
		}
		extent, err := strconv.Atoi(part)
		if err != nil || extent > 0 && size > math.MaxInt/extent {
			return Header{}, fmt.Errorf("the header's shape (%s) is malformed", s[1])
		}
		size *= extent
		h.Shape = append(h.Shape, extent)
	}
	return h, nil
}

// Bytes is the size of the elements, which an int holds.
func (h Header) Bytes() int {
	n := h.DType.Size()
	for _, extent := range h.Shape {
		n *= extent
	}
	return n
}

// Append appends the header, of version 1.0, of a little-endian array in row-major order, so that elements begin at a multiple of 64 bytes if it does.
func Append(b []byte, d dtype.DType, shape []int) []byte {
	kind := "<"
	for k, t := range types {
		if t == d {
			kind += k
		}
	}
	if d == dtype.Bool {
		kind = "|b1"
	}
	extents := ""
	for _, n := range shape {
		extents += strconv.Itoa(n) + ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, extents)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	b = append(append(b, magic...), 1, 0)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(text))), text...)
}

// Allocate returns a slice of n elements.
func Allocate(d dtype.DType, n int) any {
	switch d {
	case dtype.Float64:
		return make([]float64, n)
	case dtype.Float32:
		return make([]float32, n)
	case dtype.Int64:
		return make([]int64, n)
	case dtype.Int32:
		return make([]int32, n)
	}
	return make([]bool, n)
}

// Decode reads elements from raw bytes, as many as the slice data has.
func Decode(data any, raw []byte, order binary.ByteOrder) error {
	switch x := data.(type) {
	case []float64:
		for i := range x {
			x[i] = math.Float64frombits(order.Uint64(raw[8*i:]))
		}
	case []float32:
		for i := range x {
			x[i] = math.Float32frombits(order.Uint32(raw[4*i:]))
		}
	case []int64:
		for i := range x {
			x[i] = int64(order.Uint64(raw[8*i:]))
		}
	case []int32:
		for i := range x {
			x[i] = int32(order.Uint32(raw[4*i:]))
		}
	case []bool:
		for i := range x {
			if raw[i] > 1 {
				return errors.New("a bool is neither 0 nor 1")
			}
			x[i] = raw[i] == 1
		}
	}
	return nil
}
