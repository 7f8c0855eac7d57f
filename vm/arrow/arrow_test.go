package arrow_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	apache "github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/arrow"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// written is a file of batches with 3, 1 and 4 rows.
func written(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := arrow.NewWriter(&b)
	from := 0
	for _, n := range []int{3, 1, 4} {
		x, y, label, k, ok := make([]float64, 4*n), make([]float32, n), make([]int64, n), make([]int32, 2*n), make([]bool, n)
		for i := range x {
			x[i] = float64(4*from + i)
		}
		for i := range n {
			y[i], label[i], ok[i] = float32(from+i)/2, int64(from+i)<<40, (from+i)%3 == 0
			k[2*i], k[2*i+1] = int32(from+i), -1
		}
		err := w.Append(map[string]any{"x": vm.Array{Shape: []int{n, 2, 2}, Data: x}, "y": y, "label": label, "k": vm.Array{Shape: []int{n, 2}, Data: k}, "ok": ok})
		if err != nil {
			t.Fatal(err)
		}
		from += n
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func save(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRoundTrip(t *testing.T) {
	table, err := arrow.Open(save(t, "rows.arrow", written(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if c := table.Columns(); table.Rows() != 8 || fmt.Sprint(c) != "[k label ok x y]" {
		t.Fatal(table.Rows(), c)
	}
	got, err := table.At([]int{5, 0, 5, 3})
	if err != nil {
		t.Fatal(err)
	}
	if x := got["x"].([]float64); fmt.Sprint(x) != "[20 21 22 23 0 1 2 3 20 21 22 23 12 13 14 15]" {
		t.Error(x)
	}
	for name, want := range map[string]string{"y": "[2.5 0 2.5 1.5]", "label": fmt.Sprint([]int64{5 << 40, 0, 5 << 40, 3 << 40}), "ok": "[false true false true]", "k": "[5 -1 0 -1 5 -1 3 -1]"} {
		if a := fmt.Sprint(got[name]); a != want {
			t.Errorf("%s: %s, want %s", name, a, want)
		}
	}
	all := vm.Array{Shape: []int{6, 2, 2}, Data: make([]float64, 24)} // as a source, over three batches
	if err := table.Read(context.Background(), 2, map[string]vm.Array{"x": all}); err != nil {
		t.Fatal(err)
	}
	for i, v := range all.Float64s() {
		if v != float64(8+i) {
			t.Fatal(all)
		}
	}
	for _, bad := range []func() error{
		func() error { _, err := table.At([]int{8}); return err },
		func() error { _, err := table.At(nil); return err },
		func() error { _, err := table.At([]int{1}, "z"); return err },
		func() error { return table.Read(context.Background(), 7, map[string]vm.Array{"x": all}) },
		func() error { return table.Read(context.Background(), 0, map[string]vm.Array{"y": all}) },
	} {
		if bad() == nil {
			t.Error("a mistake is no error")
		}
	}
}

// TestTypes reads columns that other programs write, from a file and from a stream.
func TestTypes(t *testing.T) {
	u := memory.DefaultAllocator
	fields := []apache.Field{}
	for _, c := range []struct {
		name string
		t    apache.DataType
	}{{"u8", apache.PrimitiveTypes.Uint8}, {"i8", apache.PrimitiveTypes.Int8}, {"u16", apache.PrimitiveTypes.Uint16}, {"i16", apache.PrimitiveTypes.Int16}, {"u32", apache.PrimitiveTypes.Uint32}, {"u64", apache.PrimitiveTypes.Uint64}, {"big", apache.PrimitiveTypes.Uint64}, {"f16", apache.FixedWidthTypes.Float16}, {"text", apache.BinaryTypes.String}, {"null", apache.PrimitiveTypes.Float64}} {
		fields = append(fields, apache.Field{Name: c.name, Type: c.t, Nullable: true})
	}
	schema := apache.NewSchema(fields, nil)
	b := array.NewRecordBuilder(u, schema)
	b.Field(0).(*array.Uint8Builder).AppendValues([]uint8{255, 1}, nil)
	b.Field(1).(*array.Int8Builder).AppendValues([]int8{-128, 1}, nil)
	b.Field(2).(*array.Uint16Builder).AppendValues([]uint16{65535, 1}, nil)
	b.Field(3).(*array.Int16Builder).AppendValues([]int16{-32768, 1}, nil)
	b.Field(4).(*array.Uint32Builder).AppendValues([]uint32{1<<32 - 1, 1}, nil)
	b.Field(5).(*array.Uint64Builder).AppendValues([]uint64{1<<63 - 1, 1}, nil)
	b.Field(6).(*array.Uint64Builder).AppendValues([]uint64{1 << 63, 1}, nil)
	b.Field(7).(*array.Float16Builder).AppendValues([]float16.Num{float16.New(1.5), float16.New(-2)}, nil)
	b.Field(8).(*array.StringBuilder).AppendValues([]string{"a", "b"}, nil)
	b.Field(9).(*array.Float64Builder).AppendValues([]float64{1, 2}, []bool{true, false})
	batch := b.NewRecordBatch()
	var file, stream bytes.Buffer
	f, err := ipc.NewFileWriter(&file, ipc.WithSchema(schema), ipc.WithZstd())
	if err != nil {
		t.Fatal(err)
	}
	s := ipc.NewWriter(&stream, ipc.WithSchema(schema), ipc.WithLZ4())
	for _, w := range []interface {
		Write(apache.RecordBatch) error
		Close() error
	}{f, s} {
		for range 2 {
			if err := w.Write(batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fromFile, err := arrow.Open(save(t, "rows.feather", file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer fromFile.Close()
	fromStreamFile, err := arrow.Open(save(t, "rows.arrows", stream.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	fromStream, err := arrow.Read(&stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*arrow.Table{fromFile, fromStreamFile, fromStream} {
		got, err := table.At([]int{0, 3})
		if err != nil || table.Rows() != 4 {
			t.Fatal(table.Rows(), err)
		}
		for name, want := range map[string]string{"u8": "[]int32[255 1]", "i8": "[]int32[-128 1]", "u16": "[]int32[65535 1]", "i16": "[]int32[-32768 1]", "u32": "[]int64[4294967295 1]", "u64": "[]int64[9223372036854775807 1]", "f16": "[]float32[1.5 -2]"} {
			if a := got[name]; fmt.Sprintf("%T%v", a, a) != want {
				t.Errorf("%s: %T%v, want %s", name, a, a, want)
			}
		}
		for name, want := range map[string]string{"big": "9223372036854775808 is no int64", "text": "elements of type utf8", "null": "it has nulls"} {
			if _, err := table.At([]int{0}, name); err == nil || !strings.Contains(err.Error(), want) || got[name] != nil {
				t.Errorf("%s: %v, %v", name, err, got[name])
			}
		}
	}
}

// TestPyArrow reads files that testdata/make.py has pyarrow write.
func TestPyArrow(t *testing.T) {
	for _, name := range []string{"rows.feather", "rows.arrows", "rows.parquet"} {
		open := arrow.Open
		if strings.HasSuffix(name, ".parquet") {
			open = arrow.OpenParquet
		}
		table, err := open(filepath.Join("testdata", name))
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := table.At([]int{6, 1})
		if err != nil || table.Rows() != 7 {
			t.Errorf("%s: %d rows, %v", name, table.Rows(), err)
			continue
		}
		for c, want := range map[string]string{"x": "[18 19 20 3 4 5]", "y": "[3 0.5]", "i": "[-6 -1]", "b": "[true false]"} {
			if a := fmt.Sprint(got[c]); a != want {
				t.Errorf("%s: %s is %s, want %s", name, c, a, want)
			}
		}
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestParquet(t *testing.T) {
	schema := apache.NewSchema([]apache.Field{{Name: "x", Type: apache.FixedSizeListOfNonNullable(2, apache.PrimitiveTypes.Float64)}}, nil)
	path := filepath.Join(t.TempDir(), "rows.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	list := b.Field(0).(*array.FixedSizeListBuilder)
	for i := range 5 {
		list.Append(true)
		list.ValueBuilder().(*array.Float64Builder).AppendValues([]float64{float64(i), -1}, nil)
	}
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	source, err := shard.Open("parquet:" + path)
	if err != nil {
		t.Fatal(err)
	}
	x := vm.Array{Shape: []int{2, 2}, Data: make([]float64, 4)}
	if err := source.Read(context.Background(), 3, map[string]vm.Array{"x": x}); err != nil || fmt.Sprint(x.Data) != "[3 -1 4 -1]" {
		t.Error(x, err)
	}
	if _, err := shard.Open("parquet:" + save(t, "none.parquet", []byte("PAR1 nothing PAR1"))); err == nil {
		t.Error("a file that is none is opened")
	}
}

// TestDamaged changes bytes of files and streams of either format: none may panic, or take much memory.
func TestDamaged(t *testing.T) {
	file := written(t)
	schema := apache.NewSchema([]apache.Field{{Name: "x", Type: apache.FixedSizeListOfNonNullable(2, apache.PrimitiveTypes.Float64)}, {Name: "b", Type: apache.FixedWidthTypes.Boolean}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range 9 {
		b.Field(0).(*array.FixedSizeListBuilder).Append(true)
		b.Field(0).(*array.FixedSizeListBuilder).ValueBuilder().(*array.Float64Builder).AppendValues([]float64{float64(i), 1}, nil)
		b.Field(1).(*array.BooleanBuilder).Append(i > 3)
	}
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(schema), ipc.WithZstd())
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(filepath.Join("testdata", "rows.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	files := [][]byte{file, stream.Bytes(), rows}
	n := 4000
	if testing.Short() {
		n = 1000
	}
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	read, refused := 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for k := range n {
		data := bytes.Clone(files[k%len(files)])
		for range 1 + r.IntN(4) {
			switch i := r.IntN(len(data)); r.IntN(3) {
			case 0:
				data[i] = byte(r.Uint32())
			case 1:
				data[i] ^= 1 << r.IntN(8)
			default: // a number
				for j := i &^ 3; j < min(len(data), i&^3+4); j++ {
					data[j] = [2]byte{0xff, 0x7f}[r.IntN(2)]
				}
			}
		}
		if r.IntN(8) == 0 {
			data = data[:r.IntN(len(data))]
		}
		path := filepath.Join(dir, "damaged")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		open := arrow.Open
		if k%len(files) == 2 {
			open = arrow.OpenParquet
		}
		table, err := open(path)
		if err == nil && table.Rows() > 0 {
			_, err = table.At([]int{0, table.Rows() - 1})
		}
		table.Close()
		if err != nil {
			refused++
		} else {
			read++
		}
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / uint64(n); per > 4<<20 {
		t.Errorf("%d bytes are allocated for a file of %d to %d", per, len(file), len(rows))
	}
	if read < n/20 || refused < n/20 {
		t.Errorf("%d are read, %d refused", read, refused)
	}
	t.Logf("%d files: %d are read, %d refused", n, read, refused)
}

// TestStoredSchema changes each byte of the schema of Arrow that a Parquet file has stored, among them the number of bytes that follow it: what asks for much memory is refused.
func TestStoredSchema(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "rows.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("/////[A-Za-z0-9+/]{100,}=*").FindIndex(data)
	if text == nil {
		t.Fatal("the file has no schema of Arrow")
	}
	schema, err := base64.StdEncoding.DecodeString(string(data[text[0]:text[1]]))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "damaged.parquet")
	refused := 0
	var before, after runtime.MemStats
	for i := range schema {
		changed, other := bytes.Clone(data), bytes.Clone(schema)
		other[i] ^= 0x58
		base64.StdEncoding.Encode(changed[text[0]:text[1]], other)
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&before)
		table, err := arrow.OpenParquet(path)
		runtime.ReadMemStats(&after)
		if err != nil {
			refused++
		}
		table.Close()
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<26 {
			t.Errorf("%d bytes are allocated where byte %d is changed", n, i)
		}
	}
	if refused == 0 || refused == len(schema) {
		t.Errorf("%d of %d are refused", refused, len(schema))
	}
}

func TestWriterMistakes(t *testing.T) {
	w := arrow.NewWriter(&bytes.Buffer{})
	for _, c := range []map[string]any{nil, {"x": 1.0}, {"x": []float64{1}, "y": []float64{1, 2}}, {"x": "text"}} {
		if w.Append(c) == nil {
			t.Errorf("%v is written", c)
		}
	}
	if w.Close() == nil {
		t.Error("a file without columns is closed")
	}
	if err := w.Append(map[string]any{"x": []float64{1}}); err != nil {
		t.Fatal(err)
	}
	if w.Append(map[string]any{"y": []float64{1}}) == nil {
		t.Error("a batch of other columns is written")
	}
	var none *arrow.Writer
	if none.Append(nil) == nil || none.Close() == nil || (&arrow.Writer{}).Append(map[string]any{"x": []float64{1}}) == nil {
		t.Error("no writer writes")
	}
	var table *arrow.Table
	if _, err := table.At([]int{0}); err == nil || table.Rows() != 0 || table.Columns() != nil || table.Close() != nil {
		t.Error("no table has rows")
	}
}

// A model is trained on the rows of a file.
func Example() {
	err := func() error {
		dir, err := os.MkdirTemp("", "arrow")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		f, err := os.Create(filepath.Join(dir, "samples.arrow"))
		if err != nil {
			return err
		}
		w := arrow.NewWriter(f)
		for n := range 4 {
			x, y := make([]float64, 16), make([]float64, 16)
			for i := range x {
				x[i] = float64(16*n+i)/32 - 1
				y[i] = 3*x[i] - 0.5
			}
			if err := w.Append(map[string]any{"x": vm.Array{Shape: []int{16, 1}, Data: x}, "y": vm.Array{Shape: []int{16, 1}, Data: y}}); err != nil {
				return err
			}
		}
		if err := errors.Join(w.Close(), f.Close()); err != nil {
			return err
		}

		samples, err := arrow.Open(f.Name())
		if err != nil {
			return err
		}
		defer samples.Close()
		const batch = 8
		g := graph.New()
		s := nn.New(g, graph.Float64)
		x, y := g.Input("x", graph.Float64, batch, 1), g.Input("y", graph.Float64, batch, 1)
		t, err := train.New(s, graph.MSE(nn.Linear(s, x, 1), y), train.Config{Optimizer: train.SGD{}, Rate: train.Constant(0.5)})
		if err != nil {
			return err
		}
		loader := &train.Loader{Examples: samples.Rows(), Batch: batch, Seed: 1, Load: func(rows []int, _ *rand.Rand) (train.Batch, error) { return samples.At(rows) }}
		if err := t.Fit(context.Background(), 40, loader.Epoch); err != nil {
			return err
		}
		v := t.Values()
		fmt.Printf("%d samples: %.3f %.3f\n", samples.Rows(), v["weight"].Item(), v["bias"].Item())
		return nil
	}()
	if err != nil {
		fmt.Println(err)
	}
	// Output: 64 samples: 3.000 -0.500
}
