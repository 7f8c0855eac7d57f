package evaluate

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

func TestReachable(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	a := graph.Sin(x)
	b := graph.Mul(a, y)
	graph.Cos(y)
	for _, c := range []struct{ from, want []*graph.Node }{
		{nil, nil}, {[]*graph.Node{x}, []*graph.Node{x}}, {[]*graph.Node{a}, []*graph.Node{x, a}},
		{[]*graph.Node{b, a, b}, []*graph.Node{x, y, a, b}},
	} {
		got := Reachable(c.from...)
		if len(got) != len(c.want) {
			t.Errorf("%v: %v", c.from, got)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v: %v, want %v", c.from, got, c.want)
			}
		}
	}
}

// TestLocalPartials checks the partials of operators with different forms of derivatives,
// where the operands depend on each other.
func TestLocalPartials(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Square(x)
	k := g.Input("k", graph.Int64)
	nodes := map[string]*graph.Node{
		"mul":       graph.Mul(x, y),
		"square":    graph.Mul(y, y),
		"atan2":     graph.Atan2(y, x),
		"where":     graph.Where(graph.Less(x, y), x, y),
		"reshape":   graph.Reshape(x, 1),
		"stop":      graph.StopGradient(y),
		"floor":     graph.Floor(y),
		"cast":      graph.Cast(y, graph.Float32),
		"logsumexp": graph.LogSumExp(y, nil),
		"int":       graph.Add(k, k),
		"half":      graph.Mul(graph.Cast(x, graph.Float32), g.Scalar(graph.Float32, 0.5)),
	}
	var outputs []*graph.Node
	for _, n := range nodes {
		outputs = append(outputs, n)
	}
	all := Reachable(outputs...)
	at := point.Point{x: {math.Float64bits(3)}, k: {7}}
	values, err := Values(context.Background(), all, at)
	if err != nil {
		t.Fatal(err)
	}
	partials, err := Partials(context.Background(), all, Active(all, []*graph.Node{x}), values)
	if err != nil {
		t.Fatal(err)
	}
	want := map[viz.Edge]float64{
		{Node: y, Operand: 0}:                      6,
		{Node: nodes["mul"], Operand: 0}:           9,
		{Node: nodes["mul"], Operand: 1}:           3,
		{Node: nodes["square"], Operand: 0}:        9,
		{Node: nodes["square"], Operand: 1}:        9,
		{Node: nodes["atan2"], Operand: 0}:         3. / 90,
		{Node: nodes["atan2"], Operand: 1}:         -9. / 90,
		{Node: nodes["where"], Operand: 1}:         1,
		{Node: nodes["where"], Operand: 2}:         0,
		{Node: nodes["cast"], Operand: 0}:          1,
		{Node: nodes["half"], Operand: 0}:          0.5,
		{Node: nodes["half"].Input(0), Operand: 0}: 1,
	}
	for e, w := range want {
		got := partials[e]
		if got == nil || !got.IsScalar() || math.Abs(got.Data[0]-w) > 1e-12 {
			t.Errorf("%s, operand %d: %v, want %v", e.Node.Op().Name, e.Operand, got, w)
		}
	}
	for _, name := range []string{"reshape", "stop", "floor", "int"} {
		if p := partials[viz.Edge{Node: nodes[name]}]; p != nil {
			t.Errorf("%s has the partial %v", name, p)
		}
	}
}

func TestValuesOfManyTypes(t *testing.T) {
	g := graph.New()
	f, n, k, ok := g.Input("f", graph.Float32, 2), g.Input("n", graph.Int64), g.Input("k", graph.Int32), g.Input("ok", graph.Bool, 2)
	outputs := []*graph.Node{graph.Neg(f), graph.Neg(n), graph.Neg(k), graph.LogicalNot(ok), f, ok}
	minus7 := int32(-7)
	at := point.Point{
		f: {uint64(math.Float32bits(1.5)), uint64(math.Float32bits(float32(math.Inf(1))))},
		n: {uint64(1 << 40)}, k: {uint64(uint32(minus7))}, ok: {1, 0},
	}
	values, err := Values(context.Background(), outputs, at)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{-1.5, math.Inf(-1)}, {-1 << 40}, {7}, {0, 1}, {1.5, math.Inf(1)}, {1, 0}} {
		got := values[outputs[i]]
		if len(got.Data) != len(want) || !outputs[i].Shape().Equal(got.Shape) {
			t.Errorf("output %d: %v", i, got)
			continue
		}
		for j := range want {
			if got.Data[j] != want[j] {
				t.Errorf("output %d: %v, want %v", i, got.Data, want)
			}
		}
	}
}

func TestValuesFail(t *testing.T) {
	g := graph.New()
	n := g.Input("n", graph.Int64)
	x := g.Input("x", graph.Float64, 1<<20, 1<<12)
	at := point.Point{n: {0}}
	if _, err := Values(context.Background(), []*graph.Node{graph.Div(n, n)}, at); !errors.Is(err, vm.ErrDivideByZero) {
		t.Errorf("division by zero: %v", err)
	}
	if _, err := Values(context.Background(), []*graph.Node{graph.Neg(x)}, point.Point{}); !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("32 GiB: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Values(ctx, []*graph.Node{graph.Neg(n)}, at); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Adjoints([]*graph.Node{n}, []*graph.Node{n}); err == nil || !strings.Contains(err.Error(), "nothing to differentiate") {
		t.Errorf("an integer: %v", err)
	}
}

// TestSeveralOutputs checks that adjoints are those of the sum of the outputs.
func TestSeveralOutputs(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	n := g.Input("n", graph.Int64)
	outputs := []*graph.Node{graph.Square(x), graph.Sum(x), n}
	d, err := Adjoints(outputs, []*graph.Node{x})
	if err != nil {
		t.Fatal(err)
	}
	at := point.Point{x: {math.Float64bits(3), math.Float64bits(4)}}
	values, err := Values(context.Background(), d, at)
	if err != nil {
		t.Fatal(err)
	}
	if got := values[d[0]].Data; got[0] != 7 || got[1] != 9 {
		t.Errorf("%v, want [7 9]", got)
	}
}
