package gradcheck_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gradcheck"
	"github.com/adjoint-go/adjoint/graph"
)

// Operators with mistakes in their derivatives.
var wrongFirst, wrongSecond, wrongForward *graph.Op

func init() {
	cube := func(name string) *graph.Op {
		return &graph.Op{
			Name: name, Doc: "x³.", Family: graph.FamilyUser, MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: graph.Floats,
			Expand:  func(n *graph.Node) *graph.Node { return graph.Mul(graph.Square(n.Input(0)), n.Input(0)) },
			Samples: []graph.Sample{{In: []graph.SampleInput{{Type: graph.Type{DType: graph.Float64}}}}},
		}
	}
	slope := func(n *graph.Node) *graph.Node {
		return graph.Mul(graph.Like(n, 3), graph.Square(n.Input(0)))
	}
	wrongFirst = cube("wrong_first")
	wrongFirst.Partial = func(n *graph.Node, _ int) *graph.Node { return graph.Mul(graph.Like(n, 3), n.Input(0)) }
	wrongSecond = cube("wrong_second")
	wrongSecond.Partial = func(n *graph.Node, _ int) *graph.Node { return graph.StopGradient(slope(n)) }
	wrongForward = cube("wrong_forward")
	wrongForward.VJP = func(n *graph.Node, ct []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(slope(n), ct[0])}
	}
	wrongForward.JVP = func(n *graph.Node, dot []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Add(dot[0], graph.Mul(slope(n), dot[0]))}
	}
	for _, op := range []*graph.Op{wrongFirst, wrongSecond, wrongForward} {
		graph.Register(op)
	}
}

func dense(shape []int, v ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

// A model with several operators, integers and masks.
func model(odd func(x *graph.Node) *graph.Node) (cost, features, x, w *graph.Node, point map[string]any) {
	g := graph.New()
	x, w = g.Input("x", graph.Float64, 2, 3), g.Input("w", graph.Float64, 3, 2)
	k := g.Input("k", graph.Int64, 2)
	b := g.Input("b", graph.Float64)
	h := graph.Tanh(graph.Add(graph.MatMul(x, w), b))
	h = graph.Where(graph.Greater(x, g.Const(0)), x, graph.Mul(odd(x), graph.ReduceSum(h, []int{1}, graph.KeepDims)))
	features = graph.Gather(h, k, 0)
	cost = graph.LogSumExp(features, nil)
	return cost, features, x, w, map[string]any{
		"x": dense([]int{2, 3}, 0.3, -0.7, 1.1, -0.2, 0.9, -1.3), "w": dense([]int{3, 2}, 0.5, -0.25, 0.75, 1.25, -1, 0.1), "k": tensor.New(tensor.WithShape(2), tensor.WithBacking([]int64{1, 0})), "b": 0.125,
	}
}

func TestRightDerivatives(t *testing.T) {
	cost, features, x, w, point := model(graph.Sin)
	before := cost.Graph().Len()
	report, err := gradcheck.Check([]*graph.Node{cost, features}, []*graph.Node{x, w}, point, gradcheck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	// Reverse: 12 entries; forward: 1 + 6; second order: 12 + 12.
	if report.Checked != 12+7+12+12 {
		t.Errorf("%d checked", report.Checked)
	}
	if cost.Graph().Len() != before {
		t.Error("the graph was changed")
	}
	if got := fmt.Sprint(point["x"].(*tensor.Dense).Data()); got != "[0.3 -0.7 1.1 -0.2 0.9 -1.3]" {
		t.Errorf("the point was changed: %s", got)
	}
}

func TestWrongDerivativesAreNamed(t *testing.T) {
	for _, c := range []struct {
		op   *graph.Op
		mode string
	}{{wrongFirst, "reverse,"}, {wrongSecond, "over reverse,"}, {wrongForward, "forward,"}} {
		where := ""
		cost, _, x, w, point := model(func(x *graph.Node) *graph.Node {
			_, _, n, _ := runtime.Caller(0)
			where = fmt.Sprintf("gradcheck_test.go:%d", n+2)
			return x.Graph().Apply(c.op, []*graph.Node{x}, nil)
		})
		report, err := gradcheck.Check([]*graph.Node{cost}, []*graph.Node{w, x}, point, gradcheck.Options{})
		if err != nil {
			t.Fatal(err)
		}
		text := report.String()
		for _, want := range []string{c.mode, c.op.Name, where, "%0(x)["} {
			if !strings.Contains(text, want) && !(want == "%0(x)[" && c.op == wrongForward) {
				t.Errorf("%s: %q lacks %q", c.op.Name, text, want)
			}
		}
		if report.Err() == nil {
			t.Errorf("%s: no error", c.op.Name)
		}
	}
}

// Derivatives that users give are caught in the mode that uses them, named with their operator, and so are those of their batches.
func TestWrongCustomDerivatives(t *testing.T) {
	forward := func(in []*graph.Node) *graph.Node { return graph.Mul(in[0], in[1]) }
	right := func(in []*graph.Node, _, ct *graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(ct, in[1]), graph.Mul(ct, in[0])}
	}
	for name, c := range map[string]graph.Custom{
		"user_wrong_vjp": {VJP: func(in []*graph.Node, _, ct *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(ct, in[1]), ct}
		}},
		"user_wrong_jvp": {JVP: func(in []*graph.Node, _ *graph.Node, dot []*graph.Node) *graph.Node {
			return graph.Add(graph.Mul(dot[0], in[1]), graph.Mul(dot[1], graph.Neg(in[0])))
		}},
		"user_stopped": {VJP: func(in []*graph.Node, _, ct *graph.Node) []*graph.Node { // wrong at second order alone
			return []*graph.Node{graph.Mul(ct, graph.StopGradient(in[1])), graph.Mul(ct, graph.StopGradient(in[0]))}
		}},
		"user_disagreeing": {VJP: right, JVP: func(_ []*graph.Node, y *graph.Node, dot []*graph.Node) *graph.Node {
			return graph.Mul(y, graph.Add(dot[0], dot[1]))
		}},
	} {
		c.Name, c.Arity, c.Forward = name, 2, forward
		op, err := graph.CustomOp(c)
		if err != nil {
			t.Fatal(err)
		}
		g := graph.New()
		x, w := g.Input("x", graph.Float64, 2), g.Input("w", graph.Float64, 2)
		xs := g.Input("xs", graph.Float64, 3, 2)
		y := graph.Exp(graph.Call(op, graph.Sin(x), w))
		batched, err := compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{xs})
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]any{"x": dense([]int{2}, 0.3, -0.7), "xs": dense([]int{3, 2}, 0.3, -0.7, 1.1, -0.2, 0.9, -1.3), "w": dense([]int{2}, 0.5, 1.25)}
		for _, k := range []struct {
			y, x   *graph.Node
			called string
		}{{y, x, name}, {batched[0], xs, "batched"}} {
			report, err := gradcheck.Check([]*graph.Node{k.y}, []*graph.Node{k.x, w}, at, gradcheck.Options{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if report.Err() == nil {
				t.Errorf("%s, by %v: no error", name, k.x)
			}
			for _, f := range report.Failures {
				if f.Operator == nil || f.Operator.Op().Name != k.called || f.Entry == nil || !strings.Contains(f.String(), "gradcheck_test.go:") || !strings.Contains(f.String(), name) {
					t.Errorf("%s: %v", name, f)
				}
				if name == "user_disagreeing" && !strings.HasPrefix(f.Mode, "forward") || name == "user_stopped" && !strings.HasSuffix(f.Mode, "over reverse") {
					t.Errorf("%s: %v", name, f)
				}
			}
		}
	}
}

// A wrong entry alone is named: the others are right.
func TestEntry(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2, 2)
	y := graph.Sum(graph.Concat(0, graph.Index(x, 0), g.Apply(wrongFirst, []*graph.Node{graph.Index(x, 1)}, nil)))
	report, err := gradcheck.Check([]*graph.Node{y}, []*graph.Node{x}, map[string]any{"x": dense([]int{2, 2}, 1, 2, 1, 3)}, gradcheck.Options{FirstOrder: true})
	if err != nil {
		t.Fatal(err)
	}
	// 3x and 3x² agree at 1.
	for _, f := range report.Failures {
		if f.Mode == "reverse" && (fmt.Sprint(f.Entry) != "[1 1]" || f.Of != x) {
			t.Errorf("%v", f)
		}
	}
	if len(report.Failures) != 2 {
		t.Errorf("%v", report)
	}
}

func TestOptions(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	v := make([]float64, 1000)
	for i := range v {
		v[i] = 1e4 + math.Sin(float64(i))
	}
	y := graph.Sum(graph.Log(x))
	report, err := gradcheck.Check([]*graph.Node{y}, []*graph.Node{x}, map[string]any{"x": dense([]int{1000}, v...)}, gradcheck.Options{FirstOrder: true, MaxEntries: 10})
	if err != nil || report.Err() != nil || report.Checked != 11 {
		t.Errorf("%v, %v", report, err)
	}
}

func TestMistakes(t *testing.T) {
	g := graph.New()
	x, f := g.Input("x", graph.Float64), g.Input("f", graph.Float32)
	y := graph.Sin(x)
	list := func(n ...*graph.Node) []*graph.Node { return n }
	for _, c := range []struct {
		outputs, wrt []*graph.Node
		point        map[string]any
		want         string
	}{
		{nil, list(x), nil, "needs outputs"}, {list(y), nil, nil, "needs outputs"},
		{list(graph.Cast(f, graph.Float64)), list(f), nil, "only float64"},
		{list(graph.Sin(y)), list(y), nil, "is not an input"},
		{list(y), list(graph.New().Input("x", graph.Float64)), nil, "another graph"},
		{list(y), list(x), map[string]any{}, "no value"},
		{list(y), list(x), map[string]any{"x": "1"}, "got a value of type string"},
	} {
		if _, err := gradcheck.Check(c.outputs, c.wrt, c.point, gradcheck.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func ExampleCheck() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	report, err := gradcheck.Check([]*graph.Node{graph.Exp(graph.Sin(x))}, []*graph.Node{x}, map[string]any{"x": 0.5}, gradcheck.Options{})
	fmt.Println(report, err)
	// Output: 4 derivatives checked, 0 wrong <nil>
}
