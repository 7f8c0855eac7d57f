package onnx

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

var dump = flag.String("dump", "", "folder to write the models of TestWrittenOperators to, with inputs and outputs, as ONNX's node tests are laid out")

// results runs a graph.
func results(outputs []*graph.Node, args map[string]any) ([]vm.Array, error) {
	p, err := compile.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	return vm.NewMachine(p).Call(args)
}

// agree reports the first element in which arrays differ by more than the bound, relative to the largest element.
func agree(got, want []vm.Array, bound float64) error {
	for k, w := range want {
		g := got[k]
		if !graph.Shape(g.Shape).Equal(w.Shape) || fmt.Sprintf("%T", g.Data) != fmt.Sprintf("%T", w.Data) {
			return fmt.Errorf("output %d is %T%v, expected %T%v", k, g.Data, g.Shape, w.Data, w.Shape)
		}
		if b, ok := w.Data.([]bool); ok {
			for i := range b {
				if g.Data.([]bool)[i] != b[i] {
					return fmt.Errorf("output %d, element %d is %v", k, i, !b[i])
				}
			}
			continue
		}
		x, y := g.Float64s(), w.Float64s()
		largest := 0.0
		for _, v := range y {
			if !math.IsInf(v, 0) {
				largest = math.Max(largest, math.Abs(v))
			}
		}
		for i := range y {
			if x[i] != y[i] && !(x[i] != x[i] && y[i] != y[i]) && !(math.Abs(x[i]-y[i]) <= bound*(1+largest)) {
				return fmt.Errorf("output %d, element %d is %v, expected %v", k, i, x[i], y[i])
			}
		}
	}
	return nil
}

// sampleGraph builds a sample of an operator and, where there is one, the gradient of the sum of its results.
func sampleGraph(op *graph.Op, s graph.Sample, d graph.DType) (outputs []*graph.Node, args map[string]any, literals map[string]*graph.Literal) {
	g := graph.New()
	args, literals = map[string]any{}, map[string]*graph.Literal{}
	var in, wrt []*graph.Node
	for i, x := range s.In {
		v := testkit.SampleValue(x, i, d)
		if x.Constant {
			in = append(in, testkit.Literal(g, v))
			continue
		}
		name := fmt.Sprintf("x%d", i)
		n := g.Input(name, v.Type.DType, v.Type.Shape...)
		in = append(in, n)
		if v.Type.DType.IsFloat() {
			wrt = append(wrt, n)
		}
		l := literalOf(v)
		literals[name] = l
		args[name] = testkit.ArrayOf(v)
	}
	var y *graph.Node
	if s.Build != nil {
		y = s.Build(in)
	} else if len(in) > 0 {
		y = g.Apply(op, in, s.Attrs)
	}
	if !y.Valid() || g.Err() != nil {
		return nil, nil, nil
	}
	outputs = []*graph.Node{y}
	if y.Results() != nil {
		outputs = nil
		for k := range y.Results() {
			outputs = append(outputs, graph.Result(y, k))
		}
	}
	return append(outputs, testkit.GradientOfOutputs(outputs, wrt)...), args, literals
}

// TestWrittenOperators writes the samples of all operators with their gradients, reads the models back and compares what both compute.
func TestWrittenOperators(t *testing.T) {
	written, refused := map[string]bool{}, map[string]string{}
	models := 0
	for _, op := range graph.Ops() {
		if op.UserDefined() {
			continue
		}
		for i, s := range op.Samples {
			for _, d := range []graph.DType{graph.Float32, graph.Float64} {
				outputs, args, literals := sampleGraph(op, s, d)
				if outputs == nil {
					continue
				}
				name := fmt.Sprintf("%s_%d_%v", op.Name, i, d)
				var b bytes.Buffer
				if err := Write(&b, outputs, WriteOptions{}); err != nil { // perhaps only the gradient cannot be written
					b.Reset()
					n := len(outputs)
					for n > 0 && err != nil {
						b.Reset()
						if n--; n > 0 {
							err = Write(&b, outputs[:n], WriteOptions{})
						}
					}
					if n == 0 {
						refused[op.Name] = "refused"
						continue
					}
					outputs = outputs[:n]
				}
				written[op.Name] = true
				models++
				want, err := results(outputs, args)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				m, err := Read(bytes.NewReader(b.Bytes()))
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				r, err := m.Build(graph.New(), Options{})
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				got, err := results(r.Outputs, args)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				bound := 2e-5
				if d == graph.Float64 {
					bound = 1e-11
				}
				if err := agree(got, want, bound); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if *dump != "" {
					dumpModel(t, name, b.Bytes(), m, literals, want)
				}
			}
		}
	}
	for name := range written {
		delete(refused, name)
	}
	t.Logf("%d models of %d operators; %d operators are not written: %v", models, len(written), len(refused), keysOf(refused))
	if len(written) < 150 {
		t.Errorf("%d operators are written", len(written))
	}
}

func keysOf(m map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

func dumpModel(t *testing.T, name string, data []byte, m *Model, literals map[string]*graph.Literal, want []vm.Array) {
	t.Helper()
	dir := filepath.Join(*dump, name, "test_data_set_0")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(*dump, name, "model.onnx"), data)
	tensor := func(file, name string, l *graph.Literal) {
		data, err := proto.Marshal(toTensor(name, l))
		if err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(dir, file), data)
	}
	for i, in := range m.Inputs() {
		tensor(fmt.Sprintf("input_%d.pb", i), in.Name, literals[in.Name])
	}
	for i, w := range want {
		v := ref.New(graph.Type{DType: map[string]graph.DType{"[]float64": graph.Float64, "[]float32": graph.Float32, "[]int64": graph.Int64, "[]int32": graph.Int32, "[]bool": graph.Bool}[fmt.Sprintf("%T", w.Data)], Shape: w.Shape})
		switch {
		case v.F != nil:
			copy(v.F, w.Float64s())
		case v.B != nil:
			copy(v.B, w.Data.([]bool))
		default:
			for k, x := range w.Float64s() {
				v.I[k] = int64(x)
			}
		}
		tensor(fmt.Sprintf("output_%d.pb", i), m.Outputs()[i].Name, literalOf(v))
	}
}

// TestWrittenFiles has a model with values of its own, names and properties, in one file and with external data.
func TestWrittenFiles(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float32, 2), g.Input("w", graph.Float32, 2, 300)
	y := graph.Tanh(graph.MatMul(x, w))
	v := ref.New(w.Type())
	for i := range v.F {
		v.F[i] = float64(i) / 1024
	}
	o := WriteOptions{Names: []string{"out"}, Values: map[string]*graph.Literal{"w": literalOf(v)}, Metadata: map[string]string{"task": "test", "doc_string": "two numbers"}}
	dir := t.TempDir()
	for _, external := range []bool{false, true} {
		o.External = external
		path := filepath.Join(dir, fmt.Sprint(external)+".onnx")
		if err := WriteFile(path, []*graph.Node{y}, o); err != nil {
			t.Fatal(err)
		}
		m, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if in, out := m.Inputs(), m.Outputs(); len(in) != 1 || in[0].Name != "x" || in[0].String() != "FLOAT[2]" || out[0].Name != "out" || m.Metadata()["task"] != "test" || m.Metadata()["doc_string"] != "two numbers" {
			t.Error(in, out, m.Metadata())
		}
		if name, _ := m.Producer(); m.Opset("") != 20 || m.Opset("nothing") != 0 || name == "" {
			t.Errorf("opsets %d and %d, written by %q", m.Opset(""), m.Opset("nothing"), name)
		}
		got := run(t, m, Options{}, map[string]any{"x": []float64{1, 2}})
		want, err := results([]*graph.Node{y}, map[string]any{"x": []float64{1, 2}, "w": v.F})
		if err != nil {
			t.Fatal(err)
		}
		if err := agree(got, want, 0); err != nil {
			t.Errorf("external %v: %v", external, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "true.onnx")); err != nil || info.Size() > 1000 {
		t.Error(info.Size(), err)
	}
}

// Outputs that are inputs, or given twice, have names of their own.
func TestWrittenOutputsTwice(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	y := graph.Square(x).Named("y")
	outputs := []*graph.Node{x, y, x, y, graph.Neg(x)}
	var b bytes.Buffer
	if err := Write(&b, outputs, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, out := range m.Outputs() {
		names[out.Name] = true
	}
	if len(names) != len(outputs) || names["x"] || !names["y"] {
		t.Errorf("outputs %v", m.Outputs())
	}
	at := map[string]any{"x": []float64{1.5, -2}}
	want, err := results(outputs, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := agree(run(t, m, Options{}, at), want, 0); err != nil {
		t.Error(err)
	}
}

// What moves elements does nothing to a scalar, which onnxruntime refuses in Pad and Slice.
func TestWrittenScalars(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	var b bytes.Buffer
	if err := Write(&b, []*graph.Node{graph.Pad(x, nil, nil, 1), graph.Flip(x), graph.Slice(x), graph.PadMode(x, nil, nil, "edge")}, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.p.Graph.Node {
		if op := n.GetOpType(); op != "Identity" {
			t.Errorf("%s of a scalar", op)
		}
	}
}

func TestUnwritable(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3, 3)
	err := Write(&bytes.Buffer{}, []*graph.Node{graph.Digamma(x)}, WriteOptions{})
	if err == nil || !strings.Contains(err.Error(), "write_test.go:") || !strings.HasSuffix(err.Error(), "digamma: onnx: ONNX has no counterpart") {
		t.Error(err)
	}
	if err := Write(&bytes.Buffer{}, nil, WriteOptions{}); err == nil {
		t.Error("no outputs")
	}
	if err := Write(&bytes.Buffer{}, []*graph.Node{x, x}, WriteOptions{Names: []string{"a", "a"}}); err == nil {
		t.Error("a name twice")
	}
}
