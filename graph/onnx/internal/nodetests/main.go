// Nodetests runs the tests of single operators that come with the Python package onnx (onnx/backend/test/data/node): each is a model with inputs and outputs.
//
//	go run ./graph/onnx/internal/nodetests -dir …/site-packages/onnx/backend/test/data/node
//
// A test passes if the model is read, built, compiled and run, and each output differs from the expected one by at most 10⁻⁷ + 10⁻³·|expected|, as in ONNX's own runner. Inputs that decide shapes
// become constants. With -update the counts and failures are written to results.txt, which docs/ONNX.md and the test read.
//
// testdata/nodes.zip holds some of these tests (Apache License 2.0), for where the package is not installed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
	"github.com/adjoint-go/adjoint/vm"
)

func main() {
	dir := flag.String("dir", "", "folder of the tests")
	pattern := flag.String("run", "*", "glob of names")
	verbose := flag.Bool("v", false, "print each failure")
	update := flag.String("update", "", "file to write failures to")
	flag.Parse()
	s, err := runAll(os.DirFS(*dir), *pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *verbose {
		for _, name := range slices.Sorted(maps.Keys(s.failed)) {
			fmt.Printf("%-60s %s\n", name, s.failed[name])
		}
	}
	fmt.Print(s)
	if *update != "" {
		if err := os.WriteFile(*update, []byte(s.file()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// summary counts tests. Common ones use f32, f64, i32, i64 and bool in their inputs and outputs, narrow ones other integers, the rest other types.
type summary struct {
	passed, count [3]int
	bound         int // passed with inputs that became constants
	failed        map[string]string
}

var classes = [3]string{"float, double, int32, int64, bool", "other integers too", "float16, bfloat16, strings, sequences, optional, 8-bit floats, 4-bit and 2-bit integers"}

func (s *summary) String() string {
	var b strings.Builder
	for i, name := range classes {
		fmt.Fprintf(&b, "%d of %d: %s\n", s.passed[i], s.count[i], name)
	}
	fmt.Fprintf(&b, "%d of those that pass have inputs that decide shapes and became constants\n", s.bound)
	return b.String()
}

// file is the summary with all failures.
func (s *summary) file() string {
	var b strings.Builder
	b.WriteString(s.String())
	for _, name := range slices.Sorted(maps.Keys(s.failed)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.ReplaceAll(s.failed[name], "\n", " "))
	}
	return b.String()
}

func runAll(dir fs.FS, pattern string) (*summary, error) {
	folders, err := fs.Glob(dir, path.Join(pattern, "model.onnx"))
	if err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		return nil, errors.New("no tests")
	}
	s := &summary{failed: map[string]string{}}
	for _, f := range folders {
		f = path.Dir(f)
		class, bound, err := run(dir, f)
		s.count[class]++
		if err != nil {
			s.failed[f] = err.Error()
			continue
		}
		s.passed[class]++
		if bound {
			s.bound++
		}
	}
	return s, nil
}

// classOf returns the index in classes of a model.
func classOf(m *onnx.Model) int {
	class := 0
	for _, v := range slices.Concat(m.Inputs(), m.Outputs()) {
		switch v.Kind {
		case "FLOAT", "DOUBLE", "INT32", "INT64", "BOOL":
		case "INT8", "INT16", "UINT8", "UINT16", "UINT32", "UINT64":
			class = max(class, 1)
		default:
			class = 2
		}
	}
	return class
}

// run runs all data sets of a test.
func run(dir fs.FS, folder string) (class int, bound bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("PANIC: %v", r)
		}
	}()
	f, err := dir.Open(path.Join(folder, "model.onnx"))
	if err != nil {
		return 2, false, err
	}
	defer f.Close()
	m, err := onnx.Read(f)
	if err != nil {
		return 2, false, err
	}
	class = classOf(m)
	sets, _ := fs.Glob(dir, path.Join(folder, "test_data_set_*"))
	if len(sets) == 0 {
		return class, false, errors.New("has no data")
	}
	for _, set := range sets {
		b, err := runSet(dir, m, set)
		bound = bound || b
		if err != nil {
			return class, bound, err
		}
	}
	return class, bound, nil
}

func readTensor(dir fs.FS, name string) (onnx.Tensor, error) {
	f, err := dir.Open(name)
	if err != nil {
		return onnx.Tensor{}, err
	}
	defer f.Close()
	return onnx.ReadTensor(f)
}

func runSet(dir fs.FS, m *onnx.Model, set string) (bound bool, err error) {
	var inputs, outputs []onnx.Tensor
	for i := range m.Inputs() {
		t, err := readTensor(dir, path.Join(set, fmt.Sprintf("input_%d.pb", i)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return false, err
		}
		inputs = append(inputs, t)
	}
	for i := range m.Outputs() {
		t, err := readTensor(dir, path.Join(set, fmt.Sprintf("output_%d.pb", i)))
		if err != nil {
			return false, err
		}
		outputs = append(outputs, t)
	}
	constant := map[string]bool{}
	for {
		g := graph.New()
		nodes := map[string]*graph.Node{}
		values := map[string]vm.Array{}
		for i, v := range m.Inputs() {
			if i >= len(inputs) {
				break
			}
			t := inputs[i]
			if constant[v.Name] {
				nodes[v.Name] = g.Literal(t.Data)
				continue
			}
			nodes[v.Name] = g.Input(v.Name, t.Type.DType, t.Type.Shape...)
			values[v.Name] = arrayOf(t.Data)
		}
		r, err := m.Build(g, onnx.Options{Inputs: nodes})
		var needs *onnx.NotConstantError
		if errors.As(err, &needs) && len(needs.Inputs) > 0 {
			for _, name := range needs.Inputs {
				if constant[name] {
					return bound, err
				}
				constant[name] = true
			}
			bound = true
			continue
		}
		if err != nil {
			return bound, err
		}
		p, err := compile.Compile(r.Outputs...)
		if err != nil {
			return bound, err
		}
		machine := vm.NewMachine(p)
		got, err := machine.Call(values)
		if err != nil {
			return bound, err
		}
		for i, want := range outputs {
			if err := same(got[i], want); err != nil {
				return bound, fmt.Errorf("output %d: %w", i, err)
			}
		}
		return bound, nil
	}
}

// arrayOf returns a literal as an array.
func arrayOf(l *graph.Literal) vm.Array {
	n := l.Type().Shape.Size()
	a := vm.Array{Shape: l.Type().Shape}
	switch l.Type().DType {
	case graph.Float64:
		v := make([]float64, n)
		for i := range v {
			v[i] = l.Float(i)
		}
		a.Data = v
	case graph.Float32:
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(l.Float(i))
		}
		a.Data = v
	case graph.Int64:
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(l.Bits(i))
		}
		a.Data = v
	case graph.Int32:
		v := make([]int32, n)
		for i := range v {
			v[i] = int32(l.Bits(i))
		}
		a.Data = v
	default:
		v := make([]bool, n)
		for i := range v {
			v[i] = l.Bits(i) != 0
		}
		a.Data = v
	}
	return a
}

// same compares as ONNX's runner does.
func same(got vm.Array, want onnx.Tensor) error {
	if !graph.Shape(got.Shape).Equal(want.Type.Shape) {
		return fmt.Errorf("shape %v, expected %v", graph.Shape(got.Shape), want.Type.Shape)
	}
	w := arrayOf(want.Data)
	if fmt.Sprintf("%T", w.Data) != fmt.Sprintf("%T", got.Data) {
		return fmt.Errorf("elements %T, expected %T", got.Data, w.Data)
	}
	compare := func(a, b []float64) error {
		for i := range a {
			d := math.Abs(a[i] - b[i])
			if a[i] != b[i] && !(a[i] != a[i] && b[i] != b[i]) && !(d <= 1e-7+1e-3*math.Abs(b[i])) {
				return fmt.Errorf("element %d is %v, expected %v", i, a[i], b[i])
			}
		}
		return nil
	}
	switch g := got.Data.(type) {
	case []float64:
		return compare(g, w.Data.([]float64))
	case []float32:
		return compare(widened(g), widened(w.Data.([]float32)))
	case []int64:
		if i := differ(g, w.Data.([]int64)); i >= 0 {
			return fmt.Errorf("element %d is %v, expected %v", i, g[i], w.Data.([]int64)[i])
		}
	case []int32:
		if i := differ(g, w.Data.([]int32)); i >= 0 {
			return fmt.Errorf("element %d is %v, expected %v", i, g[i], w.Data.([]int32)[i])
		}
	case []bool:
		if i := differ(g, w.Data.([]bool)); i >= 0 {
			return fmt.Errorf("element %d is %v, expected %v", i, g[i], w.Data.([]bool)[i])
		}
	}
	return nil
}

func widened(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

func differ[T comparable](a, b []T) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
