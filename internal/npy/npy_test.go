package npy_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/npy"
)

func TestHeaders(t *testing.T) {
	for _, d := range []dtype.DType{dtype.Float64, dtype.Float32, dtype.Int64, dtype.Int32, dtype.Bool} {
		for _, shape := range [][]int{{}, {3}, {2, 0, 5}, slices.Repeat([]int{1}, 32)} {
			b := npy.Append(nil, d, shape)
			r := bytes.NewReader(append(b, 7))
			h, err := npy.Read(r)
			if err != nil || h.DType != d || !slices.Equal(h.Shape, shape) || h.Fortran || h.Order != binary.LittleEndian || h.Length != int64(len(b)) || r.Len() != 1 || len(b)%64 != 0 {
				t.Errorf("%v %v: %+v, %d bytes, %d left, %v", d, shape, h, len(b), r.Len(), err)
			}
			size := d.Size()
			for _, n := range shape {
				size *= n
			}
			if h.Bytes() != size {
				t.Errorf("%v %v has %d bytes", d, shape, h.Bytes())
			}
			for n := range len(b) {
				if _, err := npy.Read(bytes.NewReader(b[:n])); err == nil {
					t.Fatalf("%v %v: %d bytes of the header are enough", d, shape, n)
				}
			}
		}
	}
	for _, c := range []struct{ header, want string }{
		{"{'descr': '>i4', 'fortran_order': True, 'shape': (2L, 3L), }", ""}, // Python 2
		{"{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", ""},
		{"{'descr': '<c16', 'fortran_order': False, 'shape': (4,), }", "not supported"},
		{"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4,), }", "plain array"},
		{"{'descr': '<f8', 'fortran_order': 1, 'shape': (4,), }", "plain array"},
		{"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", "plain array"},
		{"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "malformed"},
		{"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }", "malformed"},
		{"", "plain array"},
	} {
		b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(c.header)))
		h, err := npy.Read(strings.NewReader(string(b) + c.header))
		if c.want == "" && (err != nil || len(h.Shape) == 0) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %+v, %v", c.header, h, err)
		}
	}
	long := binary.LittleEndian.AppendUint32([]byte("\x93NUMPY\x02\x00"), 1<<31)
	if _, err := npy.Read(bytes.NewReader(long)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Error(err)
	}
}

func TestDecode(t *testing.T) {
	for _, want := range []any{[]float64{1, -2.5}, []float32{1, -2.5}, []int64{1, -1 << 40}, []int32{1, -7}, []bool{true, false}} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			var b bytes.Buffer
			if err := binary.Write(&b, order, want); err != nil {
				t.Fatal(err)
			}
			d := map[string]dtype.DType{"[]float64": dtype.Float64, "[]float32": dtype.Float32, "[]int64": dtype.Int64, "[]int32": dtype.Int32, "[]bool": dtype.Bool}[typeName(want)]
			got := npy.Allocate(d, 2)
			if err := npy.Decode(got, b.Bytes(), order); err != nil || text(got) != text(want) {
				t.Errorf("%v %v: %v", order, got, err)
			}
		}
	}
	if err := npy.Decode(make([]bool, 2), []byte{1, 2}, binary.LittleEndian); err == nil {
		t.Error("a bool of 2")
	}
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }

func text(v any) string { return fmt.Sprintf("%T%v", v, v) }
