package arrow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

func init() {
	for scheme, open := range map[string]func(string) (*Table, error){"arrow": Open, "parquet": OpenParquet} {
		err := shard.Register(scheme, func(name string) (shard.Source, error) { return open(name) })
		if err != nil {
			panic("BUG: " + err.Error())
		}
	}
}

const (
	// maxBatch bounds the bytes that reading one batch of records allocates.
	maxBatch = 1 << 30
	// maxKept bounds the bytes of the groups that stay in memory, but for the last one.
	maxKept = 1 << 30
	// maxColumns bounds the columns of a table.
	maxColumns = 1 << 16
)

// Table is a table whose rows come in groups: batches of records, or row groups. Any number of goroutines may read it at once.
type Table struct {
	names []string
	ends  []int // of the groups, in rows
	load  func(group int) (map[string]column, error)
	close func() error

	mutex sync.Mutex
	kept  []group // those in memory, the last one that was read first
}

// column is a part of one, or why it cannot be read.
type column struct {
	array vm.Array
	err   error
}

type group struct {
	number int
	bytes  int
	values map[string]column
}

// Rows returns their number.
func (t *Table) Rows() int {
	if t == nil || len(t.ends) == 0 {
		return 0
	}
	return t.ends[len(t.ends)-1]
}

// Columns returns the names in the table's order, also of columns that cannot be read.
func (t *Table) Columns() []string {
	if t == nil {
		return nil
	}
	return slices.Clone(t.names)
}

// Close closes the file.
func (t *Table) Close() error {
	if t == nil || t.close == nil {
		return nil
	}
	return t.close()
}

// add appends a group with a number of rows.
func (t *Table) add(rows int64) error {
	if rows < 0 || rows > math.MaxInt-int64(t.Rows()) {
		return fmt.Errorf("a group of %d rows", rows)
	}
	t.ends = append(t.ends, t.Rows()+int(rows))
	return nil
}

func (t *Table) group(k int) (map[string]column, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for i, g := range t.kept {
		if g.number == k {
			copy(t.kept[1:i+1], t.kept[:i])
			t.kept[0] = g
			return g.values, nil
		}
	}
	values, err := t.load(k)
	if err != nil {
		return nil, err
	}
	g := group{number: k, values: values}
	for _, c := range values {
		g.bytes += 8 * c.array.Type().Size() // or less
	}
	t.kept = slices.Insert(t.kept, 0, g)
	bytes := 0
	for i, g := range t.kept {
		if bytes += g.bytes; i > 0 && bytes > maxKept {
			t.kept = slices.Delete(t.kept, i, len(t.kept))
			break
		}
	}
	return values, nil
}

// part returns a column of the group that has a row, and where in it that row is.
func (t *Table) part(name string, row int) (part vm.Array, at int, err error) {
	k := sort.SearchInts(t.ends, row+1)
	values, err := t.group(k)
	if err != nil {
		return vm.Array{}, 0, err
	}
	c, ok := values[name]
	if !ok {
		return vm.Array{}, 0, fmt.Errorf("the table has no column %q", name)
	}
	if c.err != nil {
		return vm.Array{}, 0, fmt.Errorf("column %q: %w", name, c.err)
	}
	return c.array, row - t.ends[k] + c.array.Shape[0], nil
}

// Read copies rows, from one number on and as many as the first axes say, into arrays by the names of columns. It makes a table a shard.Source.
func (t *Table) Read(ctx context.Context, from int, into map[string]vm.Array) error {
	for name, to := range into {
		n := 0
		if len(to.Shape) > 0 {
			n = to.Shape[0]
		}
		if from < 0 || n > t.Rows()-from {
			return fmt.Errorf("%d rows from %d on, of %d", n, from, t.Rows())
		}
		for at := 0; at < n; {
			if err := ctx.Err(); err != nil {
				return err
			}
			part, first, err := t.part(name, from+at)
			if err != nil {
				return err
			}
			rows := min(n-at, part.Shape[0]-first)
			if err := set(to, at, part, first, rows); err != nil {
				return fmt.Errorf("column %q: %w", name, err)
			}
			at += rows
		}
	}
	return nil
}

// At returns the rows of the given numbers, in their order, of the named columns, of all that can be read without names: slices for inputs whose first axis counts the rows, as train.Batch has them. A group that is not in memory any more is read once for each call.
func (t *Table) At(rows []int, columns ...string) (map[string]any, error) {
	for _, r := range rows {
		if r < 0 || r >= t.Rows() {
			return nil, fmt.Errorf("arrow: row %d of %d", r, t.Rows())
		}
	}
	if len(rows) == 0 {
		return nil, errors.New("arrow: no rows")
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, k int) bool { return rows[order[i]] < rows[order[k]] })
	all := len(columns) == 0
	if all {
		columns = t.names
	}
	result := map[string]any{}
	into := map[string]vm.Array{}
	for _, i := range order {
		for _, name := range columns {
			part, at, err := t.part(name, rows[i])
			if err != nil && all {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("arrow: %w", err)
			}
			to, ok := into[name]
			if !ok {
				shape := slices.Clone(part.Shape)
				shape[0] = len(rows)
				if to, err = empty(part.Data, shape); err != nil {
					return nil, fmt.Errorf("arrow: column %q: %w", name, err)
				}
				into[name], result[name] = to, to.Data
			}
			if err := set(to, i, part, at, 1); err != nil {
				return nil, fmt.Errorf("arrow: column %q: %w", name, err)
			}
		}
	}
	if len(result) == 0 {
		return nil, errors.New("arrow: no column has numbers")
	}
	return result, nil
}

// set copies rows of an array into another.
func set(to vm.Array, at int, from vm.Array, first, rows int) error {
	a, err := shard.RowsOf(to, at, at+rows)
	if err != nil {
		return err
	}
	b, err := shard.RowsOf(from, first, first+rows)
	if err != nil {
		return err
	}
	return a.Set(b)
}

// empty returns an array with elements of the type of the data.
func empty(data any, shape []int) (vm.Array, error) {
	n := 1
	for _, e := range shape {
		n *= e
	}
	switch data.(type) {
	case []float64:
		return vm.Array{Shape: shape, Data: make([]float64, n)}, nil
	case []float32:
		return vm.Array{Shape: shape, Data: make([]float32, n)}, nil
	case []int64:
		return vm.Array{Shape: shape, Data: make([]int64, n)}, nil
	case []int32:
		return vm.Array{Shape: shape, Data: make([]int32, n)}, nil
	case []bool:
		return vm.Array{Shape: shape, Data: make([]bool, n)}, nil
	}
	return vm.Array{}, fmt.Errorf("elements %T", data)
}

// recovered turns a panic of the library, which a damaged file may cause, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the file is damaged: %v", r)
	}
}

// Open opens a file of Arrow's IPC format, or one that holds a stream. The batches of a file are read where they are needed, after once that counts their rows; a stream is read as a whole.
func Open(path string) (t *Table, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("arrow: %s: %w", path, errors.Join(err, f.Close()))
		}
	}()
	defer recovered(&err)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	magic := make([]byte, len(ipc.Magic))
	if _, err := f.ReadAt(magic, 0); err == nil && !bytes.Equal(magic, ipc.Magic) {
		if t, err = read(f, info.Size(), bytesFor(info.Size(), maxBatch)); err != nil {
			return nil, err
		}
		return t, f.Close()
	}
	if err := checkFile(f, info.Size()); err != nil {
		return nil, err
	}
	most := bytesFor(info.Size(), maxBatch)
	r, err := ipc.NewFileReader(f, ipc.WithAllocator(&limited{left: most})) // of dictionaries
	if err != nil {
		return nil, err
	}
	t = &Table{close: f.Close}
	if t.names, err = namesOf(r.Schema()); err != nil {
		return nil, err
	}
	batch := func(k int, use func(b arrow.RecordBatch) error) (err error) {
		defer recovered(&err)
		one, err := ipc.NewFileReader(f, ipc.WithAllocator(&limited{left: most}))
		if err != nil {
			return err
		}
		defer one.Close()
		b, err := one.RecordBatchAt(k)
		if err != nil {
			return err
		}
		defer b.Release()
		return use(b)
	}
	t.load = func(k int) (values map[string]column, err error) {
		err = batch(k, func(b arrow.RecordBatch) error { values = columnsOf(b); return nil })
		return values, err
	}
	for k := range r.NumRecords() {
		if err := batch(k, func(b arrow.RecordBatch) error { return t.add(b.NumRows()) }); err != nil {
			return nil, err
		}
	}
	return t, r.Close()
}

// Read reads a stream of Arrow's IPC format to its end.
func Read(r io.Reader) (t *Table, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("arrow: %w", err)
		}
	}()
	defer recovered(&err)
	return read(r, 1<<28, maxBatch)
}

// read reads a stream none of whose messages has more bytes than are given, nor takes more memory.
func read(from io.Reader, most int64, memory int) (*Table, error) {
	allocator := &limited{left: memory}
	from, err := checkStream(from, min(most, 1<<26))
	if err != nil {
		return nil, err
	}
	r, err := streamReader(from, allocator, most)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	t := &Table{}
	if t.names, err = namesOf(r.Schema()); err != nil {
		return nil, err
	}
	var all []map[string]column
	for r.Next() {
		b := r.RecordBatch()
		if err := t.add(b.NumRows()); err != nil {
			return nil, err
		}
		all = append(all, columnsOf(b))
		allocator.left = memory
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	t.load = func(k int) (map[string]column, error) { return all[k], nil }
	return t, nil
}

// bytesFor returns what reading one batch or group of a file may allocate: what its bytes can stand for, compressed well, but no more than a bound.
func bytesFor(size, most int64) int {
	return int(min(1<<26+min(size, 1<<40)<<16, most, math.MaxInt))
}

// OpenParquet opens a Parquet file. Row groups are read where they are needed; one that takes more memory than its bytes can stand for, compressed well, is refused: 64 MiB and 65,536 times the file, but no more than 1 GiB or 64 times the file.
func OpenParquet(path string) (t *Table, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("arrow: %s: %w", path, err)
		}
	}()
	defer recovered(&err)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	most := bytesFor(info.Size(), max(maxBatch, 64*info.Size()))
	allocator := &limited{left: most}
	f, err := file.OpenParquetFile(path, false, file.WithReadProps(parquet.NewReaderProperties(allocator)))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := checkStored(f.MetaData().KeyValueMetadata().FindValue("ARROW:schema")); err != nil {
		return nil, err
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, allocator)
	if err != nil {
		return nil, err
	}
	all := make([]int, f.MetaData().Schema.NumColumns())
	for i := range all {
		all[i] = i
	}
	schema, err := r.Schema()
	if err != nil {
		return nil, err
	}
	t = &Table{close: f.Close}
	if t.names, err = namesOf(schema); err != nil {
		return nil, err
	}
	t.load = func(k int) (values map[string]column, err error) {
		defer recovered(&err)
		allocator.left = most
		groups, err := r.ReadRowGroups(context.Background(), all, []int{k})
		if err != nil {
			return nil, err
		}
		defer groups.Release()
		values = map[string]column{}
		for i := range int(groups.NumCols()) {
			values[groups.Column(i).Name()] = columnOf(int(groups.NumRows()), groups.Column(i).Data().Chunks()...)
		}
		return values, nil
	}
	for k := range f.NumRowGroups() {
		if err := t.add(f.RowGroup(k).NumRows()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func namesOf(s *arrow.Schema) ([]string, error) {
	if n := s.NumFields(); n > maxColumns {
		return nil, fmt.Errorf("%d columns", n)
	}
	seen := map[string]bool{}
	var names []string
	for _, f := range s.Fields() {
		if seen[f.Name] {
			return nil, fmt.Errorf("the column %q is there twice", f.Name)
		}
		seen[f.Name] = true
		names = append(names, f.Name)
	}
	return names, nil
}

func columnsOf(b arrow.RecordBatch) map[string]column {
	values := map[string]column{}
	for i, f := range b.Schema().Fields() {
		values[f.Name] = columnOf(int(b.NumRows()), b.Column(i))
	}
	return values
}

// columnOf copies a column, which may be in pieces.
func columnOf(rows int, pieces ...arrow.Array) (c column) {
	defer recovered(&c.err)
	out := vm.Array{Shape: []int{rows}}
	for _, p := range pieces {
		from, to := 0, p.Len()
		shape := []int{rows}
		for {
			if p.NullN() > 0 {
				return column{err: errors.New("it has nulls")}
			}
			l, ok := p.(*array.FixedSizeList)
			if !ok {
				break
			}
			width := int(l.DataType().(*arrow.FixedSizeListType).Len())
			if from += l.Offset(); width < 0 || to > (math.MaxInt-from)/max(width, 1) {
				return column{err: fmt.Errorf("lists of %d", width)}
			}
			shape = append(shape, width)
			from, to = from*width, (l.Offset()+to)*width
			p = l.ListValues()
		}
		out.Shape = shape
		var err error
		if out.Data, err = elements(out.Data, p, from, to); err != nil {
			return column{err: err}
		}
	}
	c.array, c.err = vm.ArrayOf(out)
	return c
}
