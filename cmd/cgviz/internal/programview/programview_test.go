package programview

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// describe compiles the outputs and describes the program.
func describe(t *testing.T, outputs ...*graph.Node) (*vm.Program, *viz.Model) {
	t.Helper()
	p, err := compile.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := Describe(p, 10000)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	return p, m
}

// rebuild builds the graph that a model of elementwise operators shows.
func rebuild(t *testing.T, m *viz.Model) []*graph.Node {
	t.Helper()
	g := graph.New()
	nodes := make([]*graph.Node, len(m.Nodes))
	for i, n := range m.Nodes {
		var in []*graph.Node
		for _, k := range n.Inputs {
			in = append(in, nodes[k])
		}
		switch n.Op {
		case "input":
			nodes[i] = g.Input(n.Name, graph.Float64, n.Shape...)
		case "const":
			nodes[i] = graph.Constant(g, n.Constant.Data, n.Constant.Shape...)
		case "reduce_sum":
			nodes[i] = graph.Sum(in[0])
		default:
			op := graph.LookupOp(n.Op)
			if op == nil {
				t.Fatalf("node %d: there is no operator %q", i, n.Op)
			}
			nodes[i] = g.Apply(op, in, nil)
		}
	}
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	var outputs []*graph.Node
	for _, o := range m.Outputs {
		outputs = append(outputs, nodes[o.Node])
	}
	return outputs
}

// outputs runs a program of the inputs x and y.
func outputs(t *testing.T, p *vm.Program) [][]float64 {
	t.Helper()
	m := vm.NewMachine(p)
	for i, name := range []string{"x", "y"} {
		for k, v := 0, m.Float64(name); k < len(v); k++ {
			v[k] = 0.7 + float64(i) + 0.1*float64(k)
		}
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	var list [][]float64
	for i := range p.Outputs() {
		list = append(list, slices.Clone(m.OutputFloat64(i)))
	}
	return list
}

// TestSameValues checks that the picture of a program, read as a graph, computes what the
// program computes: every operand is found, also where memory is reused.
func TestSameValues(t *testing.T) {
	for name, shape := range map[string][]int{"scalars": nil, "arrays": {2, 3}} {
		g := graph.New()
		x, y := g.Input("x", graph.Float64, shape...), g.Input("y", graph.Float64, shape...)
		z := x
		for k := range 12 {
			u := graph.Mul(graph.Sin(z), graph.Add(y, g.Const(float64(k))))
			z = graph.Add(graph.Tanh(u), graph.Div(z, graph.Exp(graph.Mul(u, x))))
		}
		cost := graph.Sum(z)
		d, err := compile.Gradient(cost, x, y)
		if err != nil {
			t.Fatal(err)
		}
		p, m := describe(t, cost, d[0], d[1], z)
		if len(m.Nodes) < 50 {
			t.Errorf("%s: only %d nodes", name, len(m.Nodes))
		}
		again, err := compile.Compile(rebuild(t, m)...)
		if err != nil {
			t.Fatal(err)
		}
		want, got := outputs(t, p), outputs(t, again)
		for i := range want {
			for k := range want[i] {
				if math.Abs(got[i][k]-want[i][k]) > 1e-12*max(1, math.Abs(want[i][k])) {
					t.Errorf("%s: output %d: %v, want %v", name, i, got[i], want[i])
					break
				}
			}
		}
	}
}

// TestKernels checks calls of kernels, views of parts of arrays, and constants.
func TestKernels(t *testing.T) {
	g := graph.New()
	w := g.Input("w", graph.Float32, 4, 3).Named("w")
	x := g.Input("x", graph.Float32, 3)
	unused := g.Input("unused", graph.Float64)
	h := graph.Tanh(graph.MatMul(w, x))
	table := graph.Constant(g, make([]float32, 100), 100)
	out := graph.Add(graph.Sum(graph.Mul(h, h)), graph.Sum(graph.Slice(table, graph.Range{Start: 10, Limit: 20})))
	_, m := describe(t, out.Named("loss"), graph.Slice(h, graph.Range{Start: 1, Limit: 3}))
	var ops []string
	for _, n := range m.Nodes {
		ops = append(ops, n.Op)
		if n.Name == unused.Name() {
			t.Error("an unused input is drawn")
		}
		if n.Op == "input" && (n.Type != "f32[4×3]" && n.Type != "f32[3]" || n.DType != "float32") {
			t.Errorf("input %s is %s, %s", n.Name, n.Type, n.DType)
		}
	}
	all := strings.Join(ops, " ")
	for _, want := range []string{"matmul", "tanh", "reduce_sum"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s among %s", want, all)
		}
	}
	if len(m.Outputs) != 2 || m.Outputs[0].Name != "loss" {
		t.Errorf("outputs %+v", m.Outputs)
	}
	// Both outputs depend on both inputs.
	for _, o := range m.Outputs {
		need := map[int]bool{o.Node: true}
		inputs := 0
		for i := o.Node; i >= 0; i-- {
			if !need[i] {
				continue
			}
			if m.Nodes[i].Op == "input" {
				inputs++
			}
			for _, in := range m.Nodes[i].Inputs {
				need[in] = true
			}
		}
		if inputs != 2 {
			t.Errorf("output %q depends on %d inputs", o.Name, inputs)
		}
	}
}

// A call is one node, which says what it runs, with one more for each further result.
func TestCalls(t *testing.T) {
	text, err := os.ReadFile("../../../../vm/testdata/sample.text")
	if err != nil {
		t.Fatal(err)
	}
	p, err := vm.ParseText(string(text))
	if err != nil {
		t.Fatal(err)
	}
	m, places, err := Describe(p, 1000)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]string{}
	for i, n := range m.Nodes {
		if at := places[i].Instr; at >= 0 && p.Code().Instrs[at].Op == vm.OpCall {
			calls[n.Op] = fmt.Sprint(n.Attributes, len(n.Inputs))
		}
	}
	want := map[string]string{
		"scan":  "scan 1 length 6 captured 1 carries 1 reverse frame @1923",
		"while": "while 0 do 3 limit 6 captured 1 carries 1 frame @1922", "cond": "cond 2 2 frame @1922",
	}
	if !maps.Equal(calls, want) {
		t.Errorf("%v, want %v", calls, want)
	}
}

func TestLimit(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := x
	for range 200 {
		y = graph.Sin(y)
	}
	p, err := compile.Compile(y)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Describe(p, 100); err == nil || !strings.Contains(err.Error(), "more than the 100 nodes") {
		t.Errorf("error %v", err)
	}
}

func TestMemory(t *testing.T) {
	d := &describer{p: &vm.Code{}, m: &viz.Model{}, written: map[uint32][]write{}, constants: map[constant]int{}}
	bytes := func(n int) vm.Type { return vm.Type{DType: graph.Bool, Shape: []int{n}} }
	at := func(offset int64) vm.Ref { return vm.Ref{Offset: offset} }
	check := func(offset int64, n int, want ...int) {
		t.Helper()
		if got := d.read(at(offset), bytes(n)); !slices.Equal(got, want) {
			t.Errorf("%d bytes at %d: %v, want %v", n, offset, got, want)
		}
	}
	d.write(at(0), 10, 100)
	d.write(at(20), 10, 101)
	check(0, 10, 100)
	check(5, 20, 100, 101)
	d.write(at(3), 4, 102) // in the middle of the first
	check(0, 10, 100, 102, 100)
	check(3, 4, 102)
	check(7, 3, 100)
	d.write(at(5), 20, 103) // over the ends of several
	check(0, 30, 100, 102, 103, 101)
	d.write(at(0), 30, 104)
	check(0, 30, 104)
	if len(d.written[0]) != 1 {
		t.Errorf("%v", d.written[0])
	}
}
