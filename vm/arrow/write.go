package arrow

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/adjoint-go/adjoint/vm"
)

// Writer writes a file of Arrow's IPC format, such as predictions beside their samples.
type Writer struct {
	to     io.Writer
	schema *arrow.Schema
	file   *ipc.FileWriter
}

// NewWriter returns a writer of a file.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Append writes a batch of rows: arrays as vm.ArrayOf takes them, whose first axes count the rows and whose further axes become lists of a fixed size. Columns are in ascending order of their names. All batches have the columns and types of the first one.
func (w *Writer) Append(columns map[string]any) error {
	if w == nil || w.to == nil {
		return errors.New("arrow: a writer is made by NewWriter")
	}
	if len(columns) == 0 {
		return errors.New("arrow: no columns")
	}
	names := slices.Sorted(maps.Keys(columns))
	var fields []arrow.Field
	var all []arrow.Array
	rows := -1
	for _, name := range names {
		a, err := vm.ArrayOf(columns[name])
		switch {
		case err != nil:
			return fmt.Errorf("arrow: column %q: %w", name, err)
		case len(a.Shape) == 0:
			return fmt.Errorf("arrow: column %q is a scalar, it has no rows", name)
		case rows >= 0 && a.Shape[0] != rows:
			return fmt.Errorf("arrow: column %q has %d rows, others have %d", name, a.Shape[0], rows)
		}
		rows = a.Shape[0]
		data, err := dataOf(a)
		if err != nil {
			return fmt.Errorf("arrow: column %q: %w", name, err)
		}
		fields = append(fields, arrow.Field{Name: name, Type: data.DataType()})
		all = append(all, array.MakeFromData(data))
	}
	schema := arrow.NewSchema(fields, nil)
	if w.file == nil {
		f, err := ipc.NewFileWriter(w.to, ipc.WithSchema(schema))
		if err != nil {
			return fmt.Errorf("arrow: %w", err)
		}
		w.schema, w.file = schema, f
	}
	if !schema.Equal(w.schema) {
		return fmt.Errorf("arrow: a batch of %v, the first one has %v", schema, w.schema)
	}
	b := array.NewRecordBatch(schema, all, int64(rows))
	defer b.Release()
	if err := w.file.Write(b); err != nil {
		return fmt.Errorf("arrow: %w", err)
	}
	return nil
}

// Close writes the end of the file, which without it cannot be read. A file without batches has no columns, and is an error.
func (w *Writer) Close() error {
	if w == nil || w.file == nil {
		return errors.New("arrow: nothing has been written")
	}
	return w.file.Close()
}

// dataOf returns an array as Arrow has it; numbers are not copied.
func dataOf(a vm.Array) (arrow.ArrayData, error) {
	n := a.Type().Size()
	var data arrow.ArrayData
	switch v := a.Data.(type) {
	case []float64:
		data = numbers(arrow.PrimitiveTypes.Float64, v)
	case []float32:
		data = numbers(arrow.PrimitiveTypes.Float32, v)
	case []int64:
		data = numbers(arrow.PrimitiveTypes.Int64, v)
	case []int32:
		data = numbers(arrow.PrimitiveTypes.Int32, v)
	case []bool:
		bits := make([]byte, bitutil.BytesForBits(int64(n)))
		for i, b := range v {
			bitutil.SetBitTo(bits, i, b)
		}
		data = array.NewData(arrow.FixedWidthTypes.Boolean, n, []*memory.Buffer{nil, memory.NewBufferBytes(bits)}, nil, 0, 0)
	default:
		return nil, fmt.Errorf("elements %T", a.Data)
	}
	for i := len(a.Shape) - 1; i > 0; i-- {
		width := a.Shape[i]
		if width > 1<<31-1 {
			return nil, fmt.Errorf("lists of %d", width)
		}
		n = 1
		for _, e := range a.Shape[:i] {
			n *= e
		}
		data = array.NewData(arrow.FixedSizeListOfNonNullable(int32(width), data.DataType()), n, []*memory.Buffer{nil}, []arrow.ArrayData{data}, 0, 0)
	}
	return data, nil
}

func numbers[T float64 | float32 | int64 | int32](t arrow.DataType, v []T) arrow.ArrayData {
	var zero T
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
	return array.NewData(t, len(v), []*memory.Buffer{nil, memory.NewBufferBytes(bytes)}, nil, 0, 0)
}
