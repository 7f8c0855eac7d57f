package beam_test

import (
	"bytes"
	"context"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/beam"
	"github.com/adjoint-go/adjoint/vm/shard"
)

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	os.Exit(m.Run())
}

const rows, block = 500, 16

func init() {
	err := shard.Register("wave", func(string) (shard.Source, error) {
		return shard.Generator(rows, func(_ context.Context, from int, into map[string]vm.Array) error {
			fill(from, into["x"].Data.([]float64), into["y"].Data.([]float64))
			return nil
		}), nil
	})
	if err != nil {
		panic(err)
	}
}

func fill(from int, x, y []float64) {
	for i := range y {
		x[2*i], x[2*i+1] = math.Sin(float64(from+i)), 1
		y[i] = 3*x[2*i] - 0.5
	}
}

func fit(t *testing.T) shard.Job {
	t.Helper()
	g := graph.New()
	x, y, w, b := g.Input("x", graph.Float64, block, 2), g.Input("y", graph.Float64, block), g.Input("weight", graph.Float64, block), g.Input("b", graph.Float64, 2)
	cost := graph.Sum(graph.Mul(w, graph.Square(graph.Sub(graph.MatMul(x, b), y))))
	d, err := compile.Gradient(cost, b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(cost, d[0])
	if err != nil {
		t.Fatal(err)
	}
	return shard.Job{Program: p, Rows: []string{"x", "y"}, Weight: "weight"}
}

// A pipeline's sum is that of one process, bit for bit, from any of the readers and for any number of shards.
func TestSum(t *testing.T) {
	j := fit(t)
	source, err := shard.Open("wave:")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]any{"b": []float64{1, 2}}
	pool, err := shard.NewPool(j, source, shard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := pool.Sum(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	want, err := sum.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	arrowFile, parquetFile := tables(t)
	for _, c := range []struct {
		source string
		shards int
	}{{"wave:", 1}, {"wave:", 7}, {"arrow:" + arrowFile, 3}, {"parquet:" + parquetFile, 2}} {
		sum, err := beam.Sum(context.Background(), j, c.source, at, beam.Options{Shards: c.shards})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sum.MarshalBinary(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s in %d shards: another sum, %v", c.source, c.shards, err)
		}
	}
}

// tables writes the rows to files, in batches and groups that are no blocks.
func tables(t *testing.T) (arrowFile, parquetFile string) {
	t.Helper()
	dir := t.TempDir()
	arrowFile, parquetFile = filepath.Join(dir, "rows.arrow"), filepath.Join(dir, "rows.parquet")
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.FixedSizeListOfNonNullable(2, arrow.PrimitiveTypes.Float64)}, {Name: "y", Type: arrow.PrimitiveTypes.Float64}}, nil)
	a, err := os.Create(arrowFile)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ipc.NewFileWriter(a, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.Create(parquetFile)
	if err != nil {
		t.Fatal(err)
	}
	q, err := pqarrow.NewFileWriter(schema, p, parquet.NewWriterProperties(), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < rows; from += 150 {
		n := min(150, rows-from)
		x, y := make([]float64, 2*n), make([]float64, n)
		fill(from, x, y)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		list := b.Field(0).(*array.FixedSizeListBuilder)
		for i := range n {
			list.Append(true)
			list.ValueBuilder().(*array.Float64Builder).AppendValues(x[2*i:2*i+2], nil)
		}
		b.Field(1).(*array.Float64Builder).AppendValues(y, nil)
		r := b.NewRecordBatch()
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
		if err := q.Write(r); err != nil {
			t.Fatal(err)
		}
		r.Release()
		b.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return arrowFile, parquetFile
}

// The function of L-BFGS is a pipeline.
func TestOptimize(t *testing.T) {
	j := fit(t)
	f := shard.ValueAndGradient(func(ctx context.Context, b map[string]any) (*shard.Partial, error) {
		return beam.Sum(ctx, j, "wave:", b, beam.Options{Shards: 2})
	}, "b")
	r, err := optimize.Minimize(context.Background(), optimize.Function{Evaluate: f}, optimize.Values{"b": {0, 0}}, optimize.Options{})
	if err != nil || math.Abs(r.X["b"][0]-3) > 1e-6 || math.Abs(r.X["b"][1]+0.5) > 1e-6 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestMap(t *testing.T) {
	g := graph.New()
	x, i := g.Input("x", graph.Float64, 2), g.Input("i", graph.Int64)
	p, err := compile.Compile(graph.Sum(x), graph.RandomUniform(graph.RandomFoldIn(graph.RandomKey(g, 1), i), graph.Float64, 3))
	if err != nil {
		t.Fatal(err)
	}
	arrowFile, _ := tables(t)
	j := shard.MapJob{Program: p, Rows: []string{"x"}, Index: "i"}
	source, err := shard.Open("arrow:" + arrowFile)
	if err != nil {
		t.Fatal(err)
	}
	m, err := shard.NewMapper(j)
	if err != nil {
		t.Fatal(err)
	}
	out, err := beam.Map(context.Background(), j, "arrow:"+arrowFile, beam.Options{Shards: 9})
	if err != nil || len(out) != rows {
		t.Fatal(len(out), err)
	}
	for _, row := range []int{0, 151, rows - 1} {
		want, err := m.Run(context.Background(), source, row)
		if err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if want[k].String() != out[row][k].String() {
				t.Errorf("row %d, output %d: %v, want %v", row, k, out[row][k], want[k])
			}
		}
	}
}

// The error of a worker has the line of the graph.
func TestErrorLine(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64, block, 2), g.Input("y", graph.Float64, block)
	n := graph.Cast(graph.Slice(graph.Mul(y, graph.Like(y, 0)), graph.Range{Start: 0, Limit: 1}), graph.Int64)
	p, err := compile.Compile(graph.Add(graph.Sum(graph.Div(graph.Like(n, 1), n)), graph.Cast(graph.Sum(x), graph.Int64)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = beam.Sum(context.Background(), shard.Job{Program: p, Rows: []string{"x", "y"}}, "wave:", nil, beam.Options{Shards: 2})
	if err == nil || !strings.Contains(err.Error(), "beam_test.go") || !strings.Contains(err.Error(), "rows ") {
		t.Error(err)
	}
	if _, err := beam.Sum(context.Background(), shard.Job{Program: p, Rows: []string{"z"}}, "wave:", nil, beam.Options{}); err == nil || !strings.Contains(err.Error(), `no input "z"`) {
		t.Error(err)
	}
	if _, err := beam.Sum(context.Background(), fit(t), "nothing:", nil, beam.Options{}); err == nil || !strings.Contains(err.Error(), "scheme") {
		t.Error(err)
	}
}
