package train_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/vm"
)

// values.safetensors is what pip's safetensors 0.8 writes of these.
var savedValues = train.Values{
	"b.weight":   {Shape: []int{2, 2}, Data: []float32{1.5, -2, .25, float32(math.Inf(1))}},
	"a":          {Shape: []int{3}, Data: []int64{1, 2, 3}},
	"mask":       {Shape: []int{3}, Data: []bool{true, false, true}},
	"double":     {Shape: []int{}, Data: []float64{3.25}},
	"i":          {Shape: []int{2, 1}, Data: []int32{7, -8}},
	"quote\"<é":  {Shape: []int{1}, Data: []float64{2}},
	"half.empty": {Shape: []int{0, 3}, Data: []float32{}},
}

// What pip's safetensors writes is read, mapped and written with the same bytes.
func TestSafetensors(t *testing.T) {
	const path = "testdata/values.safetensors"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, metadata, err := train.ReadSafetensors(bytes.NewReader(want), int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, savedValues) || metadata["format"] != "pt" || metadata["a"] != "<b>" || len(metadata) != 2 {
		t.Errorf("read %v, metadata %v", v, metadata)
	}
	var b bytes.Buffer
	if err := savedValues.WriteSafetensors(&b, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	again, metadata, err := train.ReadSafetensors(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || !reflect.DeepEqual(again, savedValues) || metadata["format"] != "pt" {
		t.Errorf("written and read: %v, %v, %v", again, metadata, err)
	}
	body := func(file []byte) []byte { return file[8+binary.LittleEndian.Uint64(file):] }
	if !bytes.Equal(body(b.Bytes()), body(want)) {
		t.Errorf("the elements are written in another order:\n%q\n%q", &b, want)
	}
	f, err := train.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Values, savedValues) || f.Metadata["a"] != "<b>" {
		t.Errorf("mapped: %v, %v", f.Values, f.Metadata)
	}
	f.Values["a"].Data.([]int64)[0] = 9 // in memory alone
	if err := f.Close(); err != nil || f.Close() != nil {
		t.Error(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, want) {
		t.Fatal("writing to a mapped value changed the file")
	}
	saved := filepath.Join(t.TempDir(), "model.safetensors")
	if err := savedValues.Save(saved); err != nil {
		t.Fatal(err)
	}
	if loaded, err := train.Load(saved); err != nil || !reflect.DeepEqual(loaded, savedValues) {
		t.Errorf("saved and loaded: %v, %v", loaded, err)
	}
}

// Dtypes that we have not are read as those that hold their values. narrow.safetensors is written by PyTorch.
func TestSafetensorsOfNarrowTypes(t *testing.T) {
	v, err := train.Load("testdata/narrow.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	want := train.Values{
		"f16":  {Shape: []int{6}, Data: []float32{1.5, -2, 65504, 0x1p-24, float32(math.Inf(1)), float32(math.Copysign(0, -1))}},
		"bf16": {Shape: []int{3}, Data: []float32{1.5, math.Float32frombits(0xff620000), math.Float32frombits(0x10000)}},
		"i8":   {Shape: []int{2}, Data: []int32{-128, 5}},
		"u8":   {Shape: []int{2}, Data: []int32{255, 5}},
		"i16":  {Shape: []int{2}, Data: []int32{-32768, 5}},
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("%v, want %v", v, want)
	}
}

func safetensorsFile(header string, elements int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, elements)...)
}

// Files that contradict themselves are errors, whatever they state.
func TestSafetensorsMistakes(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{``, "no JSON object"},
		{`[]`, "no JSON object"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} {}`, "more than one"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "twice"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "begins at byte 0"},
		{`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "begins at byte 4"},
		{`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "end at byte 4 of 8"},
		{`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, "takes 12 bytes"},
		{`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, "the shape is [-2]"},
		{`{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0,2],"data_offsets":[0,0]}}`, "too large"},
		{`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, "too large"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, "bytes 8 to 0"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99]}}`, "bytes 0 to 99 of 8"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}`, "bytes"},
		{`{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}`, `dtype "F8_E4M3"`},
		{`{"a":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}`, ""},
		{`{"a":7}`, "cannot unmarshal"},
		{`{"__metadata__":{"a":7}}`, "metadata"},
		{`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`, "EOF"},
	} {
		file := safetensorsFile(c.header, 8)
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		f, mapped := train.Open(path)
		_, _, err := train.ReadSafetensors(bytes.NewReader(file), int64(len(file)))
		for _, err := range []error{err, mapped} {
			if c.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.header, err, c.want)
			}
		}
		if mapped == nil {
			f.Close()
		}
	}
	for _, file := range [][]byte{nil, {1, 2}, binary.LittleEndian.AppendUint64(nil, 1<<63), binary.LittleEndian.AppendUint64(nil, 99)} {
		if _, _, err := train.ReadSafetensors(bytes.NewReader(file), int64(len(file))); err == nil {
			t.Errorf("%v is read", file)
		}
	}
	bools := safetensorsFile(`{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}`, 1)
	bools[len(bools)-1] = 2
	large := safetensorsFile(`{"a":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}`, 8)
	large[len(large)-1] = 0x80
	for _, file := range [][]byte{bools, large} {
		if _, _, err := train.ReadSafetensors(bytes.NewReader(file), int64(len(file))); err == nil {
			t.Error("an element that has no counterpart is read")
		}
	}
	var b bytes.Buffer
	for _, v := range []train.Values{{"a": {Shape: []int{2}, Data: []float64{1}}}, {"a": {Data: []int8{1}}}, {"__metadata__": {Data: []float64{1}}}} {
		if err := v.WriteSafetensors(&b, nil); err == nil {
			t.Errorf("%v is written", v)
		}
	}
	if _, err := train.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is opened")
	}
}

// Any bytes are values or an error; values are written and read again.
func FuzzReadSafetensors(f *testing.F) {
	for _, name := range []string{"values", "narrow"} {
		data, err := os.ReadFile("testdata/" + name + ".safetensors")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(safetensorsFile(`{}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, metadata, err := train.ReadSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := v.WriteSafetensors(&b, metadata); err != nil {
			t.Fatal(err)
		}
		again, _, err := train.ReadSafetensors(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil || len(again) != len(v) {
			t.Fatalf("%d values, again %d: %v", len(v), len(again), err)
		}
		for name, a := range v {
			var x, y bytes.Buffer
			_ = binary.Write(&x, binary.LittleEndian, a.Data)
			_ = binary.Write(&y, binary.LittleEndian, again[name].Data)
			if !bytes.Equal(x.Bytes(), y.Bytes()) {
				t.Fatalf("%q: %v, again %v", name, a, again[name])
			}
		}
	})
}

// BenchmarkOpenSafetensors opens a file of 1 GB and reads one element of each page of a tensor.
func BenchmarkOpenSafetensors(b *testing.B) {
	path := filepath.Join(b.TempDir(), "large.safetensors")
	v := train.Values{}
	for i := range 16 {
		v[strings.Repeat("x", i+1)] = vm.Array{Shape: []int{4096, 4096}, Data: make([]float32, 4096*4096)}
	}
	if err := v.Save(path); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(16 * 4096 * 4096 * 4)
	for b.Loop() {
		f, err := train.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// Files of 16 bits hold what is nearest, and half of the bytes.
func TestStorage(t *testing.T) {
	x := make([]float32, 5000)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)) * math.Exp(float64(i%23)-14))
	}
	v := train.Values{
		"w": {Shape: []int{50, 100}, Data: x}, "b": {Shape: []int{3}, Data: []float64{1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, -3}},
		"n": {Data: []int64{1 << 40}}, "mask": {Shape: []int{2}, Data: []bool{true, false}},
	}
	folder := t.TempDir()
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	whole := filepath.Join(folder, "whole.safetensors")
	if err := v.SaveIn(whole, train.AsComputed); err != nil {
		t.Fatal(err)
	}
	for storage, digits := range map[train.Storage]int{train.Float16: 11, train.BFloat16: 8} {
		path := filepath.Join(folder, fmt.Sprint(storage, ".safetensors"))
		if err := v.SaveIn(path, storage); err != nil {
			t.Fatal(err)
		}
		if part := float64(size(path)) / float64(size(whole)); part > 0.52 {
			t.Errorf("the file has %v of the bytes", part)
		}
		got, err := train.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		least := math.Ldexp(1, -25)
		if storage == train.BFloat16 {
			least = 0
		}
		for i, w := range got["w"].Data.([]float32) {
			if d := math.Abs(float64(w) - float64(x[i])); d > max(least, math.Abs(float64(x[i]))*math.Ldexp(1, -digits)) {
				t.Fatalf("storage %v: %v becomes %v", storage, x[i], w)
			}
		}
		want := []float32{1 + 0x1p-10, 1, -3} // the first is above the middle by what a float32 does not hold
		if storage == train.BFloat16 {
			want[0] = 1
		}
		if diff := cmp.Diff(want, got["b"].Data); diff != "" {
			t.Errorf("storage %v: %s", storage, diff)
		}
		if !cmp.Equal(v["n"].Data, got["n"].Data) || !cmp.Equal(v["mask"], got["mask"]) {
			t.Errorf("storage %v: %v", storage, got)
		}
	}
	large := train.Values{"w": {Data: []float32{70000}}}
	for _, err := range []error{large.SaveIn(filepath.Join(folder, "a.safetensors"), train.Float16), v.SaveIn(filepath.Join(folder, "a.npz"), train.Float16), v.SaveIn(whole, 7)} {
		if err == nil {
			t.Error("no error")
		}
	}
	if err := large.SaveIn(filepath.Join(folder, "a.safetensors"), train.BFloat16); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 4 {
		t.Errorf("%d files, %v", len(list), err)
	}
}
