package beam

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

func init() {
	for scheme, open := range map[string]func(string) (shard.Source, error){"arrow": Arrow, "parquet": Parquet} {
		if err := shard.Register(scheme, open); err != nil {
			panic("BUG: " + err.Error())
		}
	}
}

// columns is a source of a table whose rows come in groups: record batches, or row groups.
type columns struct {
	ends []int // of the groups, in rows
	load func(group int) (map[string]vm.Array, error)

	mutex  sync.Mutex
	groups []loaded // the last ones that were read, last first
}

type loaded struct {
	group  int
	values map[string]vm.Array
}

// kept is how many groups stay in memory.
const kept = 4

// Rows returns their number.
func (c *columns) Rows() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

func (c *columns) group(k int) (map[string]vm.Array, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for i, g := range c.groups {
		if g.group == k {
			copy(c.groups[1:i+1], c.groups[:i])
			c.groups[0] = g
			return g.values, nil
		}
	}
	v, err := c.load(k)
	if err != nil {
		return nil, err
	}
	c.groups = append([]loaded{{k, v}}, c.groups[:min(len(c.groups), kept-1)]...)
	return v, nil
}

// Read copies rows.
func (c *columns) Read(ctx context.Context, from int, into map[string]vm.Array) error {
	for name, to := range into {
		n := to.Shape[0]
		if from < 0 || n > c.Rows()-from {
			return fmt.Errorf("%d rows from %d on, of %d", n, from, c.Rows())
		}
		for at := 0; at < n; {
			k := sort.SearchInts(c.ends, from+at+1)
			values, err := c.group(k)
			if err != nil {
				return err
			}
			s, err := shard.Arrays(map[string]any{name: values[name]})
			if err != nil {
				return fmt.Errorf("column %q: %w", name, err)
			}
			first := from + at - c.ends[k] + s.Rows()
			rows := min(n-at, s.Rows()-first)
			part, err := shard.RowsOf(to, at, at+rows)
			if err != nil {
				return err
			}
			if err := s.Read(ctx, first, map[string]vm.Array{name: part}); err != nil {
				return err
			}
			at += rows
		}
	}
	return nil
}

// Arrow opens a file of Arrow's IPC format as a source. Its columns are the inputs of the same names: float64, float32, int64, int32 and bool, or lists of a fixed size of them, without nulls. Every batch is read once to count the rows; later they are read where they are needed.
func Arrow(path string) (shard.Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := ipc.NewFileReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	c := &columns{}
	c.load = func(k int) (map[string]vm.Array, error) {
		b, err := r.RecordBatchAt(k)
		if err != nil {
			return nil, err
		}
		defer b.Release()
		values := map[string]vm.Array{}
		for i, field := range b.Schema().Fields() {
			if values[field.Name], err = arrayOf(int(b.NumRows()), b.Column(i)); err != nil {
				return nil, fmt.Errorf("column %q: %w", field.Name, err)
			}
		}
		return values, nil
	}
	for k := range r.NumRecords() {
		b, err := r.RecordBatchAt(k)
		if err != nil {
			return nil, err
		}
		c.ends = append(c.ends, c.Rows()+int(b.NumRows()))
		b.Release()
	}
	return c, nil
}

// Parquet opens a Parquet file as a source, with columns as Arrow has them. Row groups are read where they are needed.
func Parquet(path string) (shard.Source, error) {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, err
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		f.Close()
		return nil, err
	}
	all := make([]int, f.MetaData().Schema.NumColumns())
	for i := range all {
		all[i] = i
	}
	c := &columns{}
	c.load = func(k int) (map[string]vm.Array, error) {
		t, err := r.ReadRowGroups(context.Background(), all, []int{k})
		if err != nil {
			return nil, err
		}
		defer t.Release()
		values := map[string]vm.Array{}
		for i := range int(t.NumCols()) {
			name := t.Column(i).Name()
			if values[name], err = arrayOf(int(t.NumRows()), t.Column(i).Data().Chunks()...); err != nil {
				return nil, fmt.Errorf("column %q: %w", name, err)
			}
		}
		return values, nil
	}
	for k := range f.NumRowGroups() {
		c.ends = append(c.ends, c.Rows()+int(f.RowGroup(k).NumRows()))
	}
	return c, nil
}

// arrayOf copies a column, which may be in pieces.
func arrayOf(rows int, pieces ...arrow.Array) (vm.Array, error) {
	out := vm.Array{Shape: []int{rows}}
	for _, p := range pieces {
		if p.NullN() > 0 {
			return vm.Array{}, errors.New("it has nulls")
		}
		from, to := 0, p.Len()
		if l, ok := p.(*array.FixedSizeList); ok {
			width := int(l.DataType().(*arrow.FixedSizeListType).Len())
			out.Shape = []int{rows, width}
			from, to = l.Offset()*width, (l.Offset()+l.Len())*width
			if p = l.ListValues(); p.NullN() > 0 {
				return vm.Array{}, errors.New("it has nulls")
			}
		}
		switch a := p.(type) {
		case *array.Float64:
			out.Data = joined(out.Data, a.Float64Values()[from:to])
		case *array.Float32:
			out.Data = joined(out.Data, a.Float32Values()[from:to])
		case *array.Int64:
			out.Data = joined(out.Data, a.Int64Values()[from:to])
		case *array.Int32:
			out.Data = joined(out.Data, a.Int32Values()[from:to])
		case *array.Boolean:
			v := make([]bool, to-from)
			for i := range v {
				v[i] = a.Value(from + i)
			}
			out.Data = joined(out.Data, v)
		default:
			return vm.Array{}, fmt.Errorf("elements of type %v", p.DataType())
		}
	}
	return vm.ArrayOf(out)
}

func joined[T any](before any, more []T) []T {
	v, _ := before.([]T)
	return append(v, more...)
}
