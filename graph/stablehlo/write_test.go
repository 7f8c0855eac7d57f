package stablehlo

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

var dump = flag.String("dump", "", "folder to write the modules of TestWrittenOperators to, with inputs and outputs, for written.py")

// sampleGraph builds a sample of an operator and, where there is one, a gradient of its results.
func sampleGraph(op *graph.Op, s graph.Sample, d graph.DType) (outputs []*graph.Node, args map[string]any) {
	g := graph.New()
	args = map[string]any{}
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
		args[name] = testkit.ArrayOf(v)
	}
	var y *graph.Node
	if s.Build != nil {
		y = s.Build(in)
	} else if len(in) > 0 {
		y = g.Apply(op, in, s.Attrs)
	}
	if !y.Valid() || g.Err() != nil {
		return nil, nil
	}
	outputs = []*graph.Node{y}
	if y.Results() != nil {
		outputs = nil
		for k := range y.Results() {
			outputs = append(outputs, graph.Result(y, k))
		}
	}
	return append(outputs, testkit.GradientOfOutputs(outputs, wrt)...), args
}

// writtenAsFar writes as many of the outputs as can be written.
func writtenAsFar(outputs []*graph.Node) (text string, n int, err error) {
	for n = len(outputs); n > 0; n-- {
		var b bytes.Buffer
		e := Write(&b, outputs[:n], WriteOptions{})
		if e == nil {
			return b.String(), n, err
		}
		err = e
	}
	return "", 0, err
}

// TestWrittenOperators writes the samples of all operators with their gradients, reads the modules back and compares what both compute.
func TestWrittenOperators(t *testing.T) {
	written, refusals := map[string]bool{}, map[string]string{}
	modules, gradients := 0, 0
	for _, op := range graph.Ops() {
		if op.UserDefined() {
			continue
		}
		for i, s := range op.Samples {
			for _, d := range []graph.DType{graph.Float32, graph.Float64} {
				outputs, args := sampleGraph(op, s, d)
				if outputs == nil {
					continue
				}
				name := fmt.Sprintf("%s_%d_%v", op.Name, i, d)
				text, n, err := writtenAsFar(outputs)
				if n == 0 {
					refusals[op.Name] = err.Error()
					continue
				}
				if n < len(outputs) {
					gradients++
				}
				outputs = outputs[:n]
				written[op.Name] = true
				modules++
				want, err := results(outputs, args)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if *dump != "" {
					dumpModule(t, name, text, args, want)
				}
				m, err := Read(strings.NewReader(text))
				if err != nil {
					t.Errorf("%s: %v\n%s", name, err, text)
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
				if err := agree(got, want, 1e-11, 2e-5); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	for name := range written {
		delete(refusals, name)
		if unwritten[name] != "" {
			t.Errorf("%s is written, and has a reason why not", name)
		}
	}
	for name, why := range refusals {
		if unwritten[name] == "" {
			t.Errorf("%s is not written, without a reason: %s", name, why)
		}
	}
	var names []string
	for name := range refusals {
		names = append(names, name)
	}
	slices.Sort(names)
	t.Logf("%d modules of %d operators, %d without their gradient; %d operators are not written: %v", modules, len(written), gradients, len(names), names)
	if len(written) < 202 {
		t.Errorf("only %d operators are written", len(written))
	}
}

// TestSupport has the operators without a rule be those that are refused.
func TestSupport(t *testing.T) {
	known := map[string]bool{}
	for _, s := range Operators() {
		known[s.Name] = true
		if s.OK == (unwritten[s.Name] != "") || !s.OK && s.Note == "" {
			t.Errorf("%+v", s)
		}
	}
	for name := range unwritten {
		if !known[name] || writers[name] != nil {
			t.Errorf("%q is no operator, or is written", name)
		}
	}
	for name := range writers {
		if !known[name] {
			t.Errorf("there is no operator %q", name)
		}
	}
	for name := range refused {
		if operations["stablehlo."+name] != nil {
			t.Errorf("%q is read and refused", name)
		}
	}
}

func TestWriteFile(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x:0", graph.Float32, 2), g.Input("arg0", graph.Float32)
	path := filepath.Join(t.TempDir(), "sum.mlir")
	if err := WriteFile(path, []*graph.Node{graph.Add(x, y)}, WriteOptions{Name: "sum"}); err != nil {
		t.Fatal(err)
	}
	m, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if in := m.Inputs(); len(in) != 2 || in[0].Name == "arg0" || in[1].Name != "arg0" { // a name that is none in MLIR is another one
		t.Errorf("inputs %v", in)
	}
	if err := WriteFile(filepath.Join(path, "in a file"), []*graph.Node{x}, WriteOptions{}); err == nil {
		t.Error("a path through a file is written")
	}
}

func TestUnwritable(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3, 3)
	var b bytes.Buffer
	err := Write(&b, []*graph.Node{graph.Det(x)}, WriteOptions{})
	if err == nil || !strings.Contains(err.Error(), "write_test.go:") || !strings.Contains(err.Error(), "det: stablehlo: StableHLO has no factorisation") || b.Len() > 0 {
		t.Errorf("%v, and %d bytes", err, b.Len())
	}
	if err := Write(&b, nil, WriteOptions{}); err == nil {
		t.Error("no outputs are written")
	}
	if err := Write(&b, []*graph.Node{x}, WriteOptions{Name: "a b"}); err == nil {
		t.Error("a module called \"a b\" is written")
	}
}

func dumpModule(t *testing.T, name, text string, args map[string]any, want []vm.Array) {
	t.Helper()
	type file struct {
		Inputs  map[string]numbers `json:"inputs"`
		Outputs []numbers          `json:"outputs"`
	}
	f := file{Inputs: map[string]numbers{}}
	for k, v := range args {
		f.Inputs[k] = numbersOf(v.(vm.Array))
	}
	for _, v := range want {
		f.Outputs = append(f.Outputs, numbersOf(v))
	}
	data, err := json.Marshal(f)
	err = errors.Join(err, os.WriteFile(filepath.Join(*dump, name+".mlir"), []byte(text), 0o644), os.WriteFile(filepath.Join(*dump, name+".json"), data, 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func numbersOf(a vm.Array) numbers {
	n := numbers{Shape: append([]int{}, a.Shape...), Data: []string{}}
	switch v := a.Data.(type) {
	case []bool:
		n.DType = "bool"
		for _, b := range v {
			if b {
				n.Data = append(n.Data, "1")
			} else {
				n.Data = append(n.Data, "0")
			}
		}
		return n
	case []float64:
		n.DType = "float64"
	case []float32:
		n.DType = "float32"
	case []int64:
		n.DType = "int64"
		for _, i := range v {
			n.Data = append(n.Data, strconv.FormatInt(i, 10))
		}
		return n
	case []int32:
		n.DType = "int32"
	}
	for _, f := range a.Float64s() {
		s := strconv.FormatFloat(f, 'g', -1, 64)
		if math.IsInf(f, 0) || f != f {
			s = strings.ToLower(strings.TrimPrefix(s, "+"))
		}
		n.Data = append(n.Data, s)
	}
	return n
}
