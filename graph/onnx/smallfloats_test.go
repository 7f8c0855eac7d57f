package onnx

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
	"github.com/adjoint-go/adjoint/vm"
)

// held returns what each format holds of numbers.
func held(t *testing.T, f *smallFloat, x []float32, saturate bool) []float32 {
	t.Helper()
	g := graph.New()
	p, err := compile.Compile(f.hold(g.Input("x", graph.Float32, len(x)), saturate))
	if err != nil {
		t.Fatal(err)
	}
	out, err := vm.NewMachine(p).Call(map[string]any{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Data.([]float32)
}

// TestSmallFloats has every code of each format hold its number, and numbers between two of them the nearer one, of two equally near ones that with an even code.
func TestSmallFloats(t *testing.T) {
	for k, f := range smallFloats {
		var codes, between, want []float32
		for code := range uint64(1) << (f.width - 1) {
			if v := f.value(code); v <= float32(f.most) {
				codes = append(codes, v, -v)
			}
		}
		numbers := slices.Clone(codes)
		slices.Sort(numbers)
		if len(numbers) < 16 || float64(numbers[len(numbers)-1]) != f.most {
			t.Errorf("%v: numbers up to %v, not %v", k, numbers[len(numbers)-1], f.most)
		}
		for i := 0; i+2 < len(codes); i += 2 {
			a, b := codes[i], codes[i+2]
			middle := a + (b-a)/2
			even := a
			if i/2%2 == 1 {
				even = b
			}
			between = append(between, middle, math.Nextafter32(middle, 0), math.Nextafter32(middle, 1e9))
			want = append(want, even, a, b)
		}
		for _, saturate := range []bool{false, true} {
			for i, v := range held(t, f, codes, saturate) {
				if v != codes[i] {
					t.Errorf("%v: %v becomes %v", k, codes[i], v)
				}
			}
			for i, v := range held(t, f, between, saturate) {
				if v != want[i] {
					t.Errorf("%v: %v becomes %v, not %v", k, between[i], v, want[i])
				}
			}
		}
	}
}

// TestPacked has elements of less than a byte in raw data and in fields, and as many bytes as there are elements refused.
func TestPacked(t *testing.T) {
	for _, c := range []struct {
		k    pb.TensorProto_DataType
		data []byte
		want []float64
	}{
		{pb.TensorProto_INT4, []byte{0x81, 0x0f}, []float64{1, -8, -1}},
		{pb.TensorProto_UINT4, []byte{0x81, 0x0f}, []float64{1, 8, 15}},
		{pb.TensorProto_INT2, []byte{0b11_10_01_00, 0b10}, []float64{0, 1, -2, -1, -2}},
		{pb.TensorProto_UINT2, []byte{0b11_10_01_00, 0b10}, []float64{0, 1, 2, 3, 2}},
		{pb.TensorProto_FLOAT4E2M1, []byte{0xf1, 0x05}, []float64{0.5, -6, 3}},
		{pb.TensorProto_FLOAT8E5M2, []byte{0x7c, 0x3c, 0x81}, []float64{math.Inf(1), 1, -0x1p-16}},
	} {
		fields := make([]int32, len(c.data))
		for i, b := range c.data {
			fields[i] = int32(b)
		}
		k, n := int32(c.k), int64(len(c.want))
		for what, p := range map[string]*pb.TensorProto{"raw": {DataType: &k, Dims: []int64{n}, RawData: c.data}, "fields": {DataType: &k, Dims: []int64{n}, Int32Data: fields}} {
			v, err := tensor(graph.New(), p, nil)
			if err != nil {
				t.Errorf("%v, %s: %v", c.k, what, err)
				continue
			}
			for i, w := range c.want {
				if got := v.node.Literal().Float(i); v.node.DType() == graph.Float32 && got != w || v.node.DType() == graph.Int32 && float64(integerAt(v.node.Literal(), i)) != w {
					t.Errorf("%v, %s: element %d is not %v", c.k, what, i, w)
				}
			}
			p.Dims[0] = int64(8*len(c.data)/kind(k).width() + 1)
			if _, err := tensor(graph.New(), p, nil); err == nil || !strings.Contains(err.Error(), "bytes of data") && !strings.Contains(err.Error(), "values of type") {
				t.Errorf("%v, %s, one more: %v", c.k, what, err)
			}
		}
	}
}
