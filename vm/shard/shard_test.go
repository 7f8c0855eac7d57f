package shard_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

const rows, columns, block = 1000, 3, 32

// logistic is a regression whose outputs are the cost, its gradient, and the number of rows.
func logistic(t testing.TB, d graph.DType) shard.Job {
	t.Helper()
	g := graph.New()
	x, y, w := g.Input("x", d, block, columns), g.Input("y", d, block), g.Input("weight", d, block)
	b := g.Input("b", d, columns)
	cost := graph.Sum(graph.Mul(w, graph.Softplus(graph.Neg(graph.Mul(y, graph.MatMul(x, b))))))
	gradient, err := compile.Gradient(cost, b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(cost, gradient[0], graph.Sum(graph.Cast(w, graph.Int64)))
	if err != nil {
		t.Fatal(err)
	}
	return shard.Job{Program: p, Rows: []string{"x", "y"}, Weight: "weight"}
}

func data(d graph.DType) shard.Source {
	r := rand.New(rand.NewPCG(3, 4))
	x, y := make([]float64, rows*columns), make([]float64, rows)
	for i := range y {
		y[i] = 1
		for k := range columns {
			x[i*columns+k] = r.NormFloat64()
		}
		if x[i*columns]+r.NormFloat64() < 0 {
			y[i] = -1
		}
	}
	values := map[string]any{"x": vm.Array{Shape: []int{rows, columns}, Data: x}, "y": y}
	if d == graph.Float32 {
		single := func(v []float64) []float32 {
			out := make([]float32, len(v))
			for i := range v {
				out[i] = float32(v[i])
			}
			return out
		}
		values = map[string]any{"x": vm.Array{Shape: []int{rows, columns}, Data: single(x)}, "y": single(y)}
	}
	s, err := shard.Arrays(values)
	if err != nil {
		panic(err)
	}
	return s
}

func pool(t testing.TB, j shard.Job, s shard.Source, o shard.Options) *shard.Pool {
	t.Helper()
	p, err := shard.NewPool(j, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The bytes of a sum are the same for any number of workers and of shards.
func TestSameBytes(t *testing.T) {
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		var first []byte
		for _, workers := range []int{1, 2, 7} {
			for _, shards := range []int{1, 5, 32, 1000} {
				p := pool(t, logistic(t, d), data(d), shard.Options{Shards: shards, Workers: workers})
				sum, err := p.Sum(context.Background(), map[string]any{"b": []float64{0.5, -0.25, 0.125}})
				if err != nil {
					t.Fatal(err)
				}
				b, err := sum.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = b
				}
				if !bytes.Equal(b, first) {
					t.Errorf("%v: %d workers and %d shards give other bytes", d, workers, shards)
				}
				v, err := sum.Values()
				if err != nil || v[2].Data.([]int64)[0] != rows || sum.Rows() != rows {
					t.Errorf("%v rows counted, %v, %v", v[2], sum.Rows(), err)
				}
			}
		}
	}
}

// The sum is that of all rows in one block.
func TestAgainstOneBlock(t *testing.T) {
	g := graph.New()
	x, y, b := g.Input("x", graph.Float64, rows, columns), g.Input("y", graph.Float64, rows), g.Input("b", graph.Float64, columns)
	cost := graph.Sum(graph.Softplus(graph.Neg(graph.Mul(y, graph.MatMul(x, b)))))
	d, err := compile.Gradient(cost, b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(cost, d[0])
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]any{"b": []float64{0.5, -0.25, 0.125}}
	values := func(j shard.Job) []vm.Array {
		sum, err := pool(t, j, data(graph.Float64), shard.Options{}).Sum(context.Background(), at)
		if err != nil {
			t.Fatal(err)
		}
		v, err := sum.Values()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	one, many := values(shard.Job{Program: p, Rows: []string{"x", "y"}}), values(logistic(t, graph.Float64))
	for i := range one {
		for k, want := range one[i].Float64s() {
			if got := many[i].Float64s()[k]; math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("output %d: %v, want %v", i, got, want)
			}
		}
	}
}

func TestOptimize(t *testing.T) {
	p := pool(t, logistic(t, graph.Float64), data(graph.Float64), shard.Options{Shards: 4})
	sum := func(ctx context.Context, b map[string]any) (*shard.Partial, error) { return p.Sum(ctx, b) }
	f := shard.ValueAndGradient(sum, "b")
	if _, err := optimize.Minimize(context.Background(), optimize.Function{Evaluate: f}, optimize.Values{"b": make([]float64, columns)}, optimize.Options{}); err == nil || !strings.Contains(err.Error(), "3 outputs") {
		t.Errorf("the count is taken for a derivative: %v", err)
	}
	f = shard.ValueAndGradient(sum, "b", "count") // what is no parameter is not looked at
	r, err := optimize.Minimize(context.Background(), optimize.Function{Evaluate: f}, optimize.Values{"b": make([]float64, columns)}, optimize.Options{})
	if err != nil || r.X["b"][0] < 0.5 || r.Optimality > 1e-6 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A Gauss–Newton step from products that are summed over shards solves a linear fit at once.
func TestGaussNewton(t *testing.T) {
	g := graph.New()
	x, y, b := g.Input("x", graph.Float64, 10, columns), g.Input("y", graph.Float64, 10), g.Input("b", graph.Float64, columns)
	r := graph.Sub(graph.MatMul(x, b), y)
	j, err := compile.Jacobian(r, b)
	if err != nil {
		t.Fatal(err)
	}
	jt := graph.Transpose(j)
	p, err := compile.Compile(graph.MatMul(jt, j), graph.MatMul(jt, r), graph.Sum(graph.Square(r)))
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{1, -2, 3}
	s := shard.Generator(200, func(_ context.Context, from int, into map[string]vm.Array) error {
		x, y := into["x"].Data.([]float64), into["y"].Data.([]float64)
		for i := range y {
			y[i] = 0
			for k := range columns {
				x[i*columns+k] = math.Sin(float64((from+i)*(k+1) + k))
				y[i] += want[k] * x[i*columns+k]
			}
		}
		return nil
	})
	sum, err := pool(t, shard.Job{Program: p, Rows: []string{"x", "y"}, Parameters: map[string]any{"b": []float64{1, 1, 1}}}, s, shard.Options{Shards: 3}).Sum(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := sum.Values()
	if err != nil {
		t.Fatal(err)
	}
	var step mat.VecDense
	if err := step.SolveVec(mat.NewDense(columns, columns, v[0].Float64s()), mat.NewVecDense(columns, v[1].Float64s())); err != nil {
		t.Fatal(err)
	}
	for k, w := range want {
		if got := 1 - step.AtVec(k); math.Abs(got-w) > 1e-12 {
			t.Errorf("b[%d] = %v, want %v", k, got, w)
		}
	}
}

func TestNothingTwice(t *testing.T) {
	j, s := logistic(t, graph.Float64), data(graph.Float64)
	j.Parameters = map[string]any{"b": []float64{1, 2, 3}}
	e, err := shard.NewEvaluator(j)
	if err != nil {
		t.Fatal(err)
	}
	if has, most := e.Machine().MemoryBytes(), j.Program.MemoryBytes(); has > most {
		t.Errorf("the machine takes %d bytes, more than the %d that its program says", has, most)
	}
	parts := []*shard.Partial{}
	for _, r := range shard.Split(rows, block, 3) {
		p, err := e.Sum(context.Background(), s, r)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	var sum shard.Partial
	for _, k := range []int{2, 0} {
		if err := sum.Merge(parts[k]); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := sum.MarshalBinary()
	if err := sum.Merge(parts[0]); !errors.Is(err, shard.ErrOverlap) {
		t.Errorf("a shard was counted twice: %v", err)
	}
	if after, _ := sum.MarshalBinary(); !bytes.Equal(before, after) {
		t.Error("an error changed the sum")
	}
	if err := sum.Complete(rows); err == nil {
		t.Error("a shard is missing, and nothing says so")
	}
	if err := sum.Merge(parts[1]); err != nil || sum.Complete(rows) != nil || len(sum.Ranges()) != 1 {
		t.Error(err, sum.Ranges())
	}
}

func TestSplit(t *testing.T) {
	for _, c := range [][3]int{{1, 1, 1}, {1000, 32, 7}, {64, 32, 7}, {33, 32, 2}, {31, 32, 9}} {
		at := 0
		for _, r := range shard.Split(c[0], c[1], c[2]) {
			if r.From != at || r.From%c[1] != 0 || r.To <= at {
				t.Errorf("%v: %v", c, r)
			}
			at = r.To
		}
		if at != c[0] {
			t.Errorf("%v ends at %d", c, at)
		}
	}
	if shard.Split(0, 1, 1) != nil {
		t.Error("no rows have shards")
	}
}

// A mistake while running has the line of the user's graph, and the rows.
func TestErrorLine(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Int64, 4)
	p, err := compile.Compile(graph.Sum(graph.Div(g.Input("one", graph.Int64), x))) // here
	if err != nil {
		t.Fatal(err)
	}
	s, err := shard.Arrays(map[string]any{"x": []int64{1, 2, 3, 4, 5, 6, 0, 8}})
	if err != nil {
		t.Fatal(err)
	}
	j := shard.Job{Program: p, Rows: []string{"x"}, Parameters: map[string]any{"one": 1}}
	_, err = pool(t, j, s, shard.Options{Shards: 2}).Sum(context.Background(), nil)
	if err == nil || !errors.Is(err, vm.ErrDivideByZero) || !strings.Contains(err.Error(), "shard_test.go") || !strings.Contains(err.Error(), "rows 4 to 8") {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	j := logistic(t, graph.Float64)
	for want, change := range map[string]func(*shard.Job){
		"no program":   func(j *shard.Job) { j.Program = nil },
		"has rows":     func(j *shard.Job) { j.Rows = nil },
		`no input "z"`: func(j *shard.Job) { j.Rows = []string{"z"} },
		"rows, \"x\"":  func(j *shard.Job) { j.Rows = []string{"x", "b"} },
		"the weight":   func(j *shard.Job) { j.Weight = "x" },
		"no parameter": func(j *shard.Job) { j.Parameters = map[string]any{"c": 1} },
	} {
		j := j
		change(&j)
		if _, err := shard.NewEvaluator(j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	j.Weight = ""
	if _, err := pool(t, j, data(graph.Float64), shard.Options{}).Sum(context.Background(), map[string]any{"b": []float64{1, 2, 3}, "weight": make([]float64, block)}); err == nil || !strings.Contains(err.Error(), "needs a weight") {
		t.Error(err)
	}
	if _, err := pool(t, logistic(t, graph.Float64), data(graph.Float64), shard.Options{}).Sum(context.Background(), nil); err == nil {
		t.Error("b has no value")
	}
	if _, err := shard.Open("nothing:at/all"); err == nil || !strings.Contains(err.Error(), "npy") {
		t.Error(err)
	}
	if err := shard.Register("npy", func(string) (shard.Source, error) { return nil, nil }); err == nil {
		t.Error("a scheme is registered twice")
	}
}

func TestJobForm(t *testing.T) {
	j := logistic(t, graph.Float64)
	j.Parameters = map[string]any{"b": []float64{1, math.NaN(), 3}}
	b, err := j.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	back, err := shard.DecodeJob(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.MarshalBinary(); !bytes.Equal(b, again) || back.Weight != "weight" || !slices.Equal(back.Rows, j.Rows) {
		t.Errorf("read back as %+v", back)
	}
	values := map[string]any{"a": 1, "b": []float32{1, 2}, "c": []bool{true, false}, "d": []int32{-1}, "e": vm.Array{Shape: []int{0, 5}, Data: []float64{}}}
	if b, err = shard.EncodeValues(values); err != nil {
		t.Fatal(err)
	}
	v, err := shard.DecodeValues(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := shard.EncodeValues(v); !bytes.Equal(b, again) || shard.Key(b) == shard.Key(b, nil) {
		t.Errorf("read back as %v", v)
	}
}

// sealed puts the right checksum below the bytes, so that damage is found by what reads them.
func sealed(b []byte) []byte {
	if len(b) < 4 {
		return b
	}
	b = b[:len(b)-4]
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func forms(t testing.TB) (partial, values []byte) {
	j := logistic(t, graph.Float64)
	sum, err := pool(t, j, data(graph.Float64), shard.Options{}).Sum(context.Background(), map[string]any{"b": []float64{math.Inf(1), 1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if partial, err = sum.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	if values, err = shard.EncodeValues(map[string]any{"a": []float32{1, 2}, "c": []bool{true, false}}); err != nil {
		t.Fatal(err)
	}
	return partial, values
}

// Bytes that are damaged are an error, or another sum of the same form.
func TestDamage(t *testing.T) {
	partial, values := forms(t)
	if _, err := shard.Decode(partial[:len(partial)-1]); !errors.Is(err, vm.ErrChecksum) {
		t.Error(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		b := slices.Clone(partial)
		if r.IntN(2) == 0 {
			b = slices.Clone(values)
		}
		for range 1 + r.IntN(3) {
			switch at := r.IntN(len(b)); r.IntN(3) {
			case 0:
				b[at] ^= 1 << r.IntN(8)
			case 1:
				b[at] = byte(r.IntN(256))
			default:
				if b = b[:at]; at == 0 {
					b = []byte{0}
				}
			}
		}
		read(t, sealed(b))
	}
}

// read decodes bytes; what is accepted has one form only.
func read(t testing.TB, b []byte) {
	if p, err := shard.Decode(b); err == nil {
		again, err := p.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is read, and written as %x, %v", b, again, err)
		}
		var two shard.Partial
		if two.Merge(p) != nil || p.Rows() > 0 && two.Merge(p) == nil {
			t.Fatalf("%x merges twice", b)
		}
		if again, err := two.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is merged as %x, %v", b, again, err)
		}
		_, _ = p.Values()
	}
	if v, err := shard.DecodeValues(b); err == nil {
		if again, err := shard.EncodeValues(v); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is read, and written as %x, %v", b, again, err)
		}
	}
	_, _ = shard.DecodeJob(b)
}

func FuzzDecode(f *testing.F) {
	partial, values := forms(f)
	f.Add(partial)
	f.Add(values)
	f.Fuzz(func(t *testing.T, b []byte) { read(t, sealed(b)) })
}

func npy(order, kind, shape string, values any) []byte {
	header := "{'descr': '" + order + kind + "', 'fortran_order': False, 'shape': " + shape + ", }"
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	_ = binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	if order == ">" {
		_ = binary.Write(&b, binary.BigEndian, values)
	} else {
		_ = binary.Write(&b, binary.LittleEndian, values)
	}
	return b.Bytes()
}

func TestNPY(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	x := write("x.npy", npy("<", "f8", "(3, 2)", []float64{1, 2, 3, 4, 5, 6}))
	n := write("n.npy", npy(">", "i4", "(3,)", []int32{-1, 2, 1 << 20}))
	s, err := shard.Open("npy:x=" + x + ",n=" + n)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float64, 4), make([]int32, 2)
	if err := s.Read(context.Background(), 1, map[string]vm.Array{"x": {Shape: []int{2, 2}, Data: a}, "n": {Shape: []int{2}, Data: b}}); err != nil || s.Rows() != 3 || !slices.Equal(a, []float64{3, 4, 5, 6}) || !slices.Equal(b, []int32{2, 1 << 20}) {
		t.Error(a, b, s.Rows(), err)
	}
	for want, into := range map[string]vm.Array{
		"of a file of": {Shape: []int{2, 2}, Data: make([]float32, 4)},
		"3 rows from":  {Shape: []int{3, 2}, Data: make([]float64, 6)},
	} {
		if err := s.Read(context.Background(), 1, map[string]vm.Array{"x": into}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	for want, file := range map[string][]byte{
		"not an .npy file":                   []byte("PK"),
		"within its header":                  npy("<", "f8", "(3,)", []float64{})[:20],
		"holds 8 bytes":                      npy("<", "f8", "(3,)", []float64{1}),
		"shape (9999999999999999999999,) is": npy("<", "f8", "(9999999999999999999999,)", []float64{}),
		"shape (1152921504606846976, 16) is": npy("<", "f8", "(1152921504606846976, 16)", []float64{1, 2}),
		"with rows":                          npy("<", "f8", "()", []float64{1}),
		"type \"<c16\" are not":              npy("<", "c16", "(1,)", []float64{1, 2}),
	} {
		if _, err := shard.NPY(map[string]string{"x": write("bad.npy", file)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if _, err := shard.NPY(map[string]string{"x": x, "n": write("n2.npy", npy("<", "i4", "(2,)", []int32{1, 2}))}); err == nil || !strings.Contains(err.Error(), "2 rows") && !strings.Contains(err.Error(), "3 rows") {
		t.Error(err)
	}
}

func TestMapper(t *testing.T) {
	g := graph.New()
	x, i, a := g.Input("x", graph.Float64, 2), g.Input("i", graph.Int64), g.Input("a", graph.Float64)
	noise := graph.RandomUniform(graph.RandomFoldIn(graph.RandomKey(g, 1), i), graph.Float64)
	p, err := compile.Compile(graph.Mul(a, graph.Sum(x)), noise)
	if err != nil {
		t.Fatal(err)
	}
	j := shard.MapJob{Program: p, Rows: []string{"x"}, Index: "i", Parameters: map[string]any{"a": 2}}
	b, err := j.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shard.DecodeJob(b); err == nil {
		t.Error("a job for rows is read as one for sums")
	}
	if j, err = shard.DecodeMapJob(b); err != nil {
		t.Fatal(err)
	}
	s, err := shard.Arrays(map[string]any{"x": [][]float64{{1, 2}, {3, 4}, {5, 6}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := shard.NewMapper(j)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[float64]bool{}
	for _, row := range []int{2, 0, 1, 2} {
		out, err := m.Run(context.Background(), s, row)
		if err != nil || out[0].Item() != float64(2*(4*row+3)) {
			t.Errorf("row %d: %v, %v", row, out, err)
		}
		seen[out[1].Item()] = true
	}
	if m.Machine().Program().Len() != p.Len() {
		t.Error("the mapper's machine runs another program")
	}
	if len(seen) != 3 {
		t.Errorf("random numbers of three rows: %v", seen)
	}
	if _, err := m.Run(context.Background(), s, 3); err == nil {
		t.Error("there is no such row")
	}
	for _, j := range []shard.MapJob{{}, {Program: p, Rows: []string{"y"}}, {Program: p, Index: "a"}} {
		if _, err := shard.NewMapper(j); err == nil {
			t.Errorf("%+v has a mapper", j)
		}
	}
}

// Outputs come back in their order, more than ten of them too, and other values are no outputs.
func TestOutputs(t *testing.T) {
	var out []vm.Array
	for k := range 12 {
		a, err := vm.ArrayOf([]float64{float64(k), 1})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	b, err := shard.EncodeOutputs(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := shard.DecodeOutputs(b)
	if err != nil || len(got) != len(out) {
		t.Fatal(got, err)
	}
	for k, v := range out {
		if got[k].String() != v.String() {
			t.Errorf("output %d is %v, want %v", k, got[k], v)
		}
	}
	if b, err = shard.EncodeValues(map[string]any{"x": 1.0}); err != nil {
		t.Fatal(err)
	}
	if _, err := shard.DecodeOutputs(b); err == nil {
		t.Error("these are no outputs")
	}
	if _, err := shard.DecodeOutputs(b[1:]); err == nil {
		t.Error("these are no values")
	}
}
