package compile_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// applied makes the node of a sample, with values that depend on the seed.
func applied(g *graph.Graph, at testkit.Point, op *graph.Op, s graph.Sample, seed int) *graph.Node {
	var in []*graph.Node
	for i, si := range s.In {
		v := testkit.SampleValue(si, i, graph.Float64)
		if !si.Constant {
			v = testkit.Spread(v.Type, -2, 2, seed+i)
		}
		x := g.Input(fmt.Sprintf("x%d_%d", seed, i), v.Type.DType, v.Type.Shape...)
		at[x], in = v, append(in, x)
	}
	return testkit.Build(g, op, s, in)
}

// total is the sum of values that a graph.SumPattern adds.
type total struct {
	operands []ref.Value
	sum      float64
}

func (t *total) Add(operand, element int)   { t.sum += t.operands[operand].F[element] }
func (t *total) Product(_, _, _, _ int)     { panic("a product") }
func (t *total) Literal(int) *graph.Literal { return nil }
func sumsOf(n *graph.Node) (graph.SumPattern, bool) {
	p, ok := n.Op().Pattern.(graph.SumPattern)
	return p, ok
}

// Each element of an operator that states so is the sum of the elements that it says.
func TestSumPatterns(t *testing.T) {
	checked := map[string]bool{}
	for _, op := range graph.Ops() {
		for _, s := range op.Samples {
			if _, ok := op.Pattern.(graph.SumPattern); !ok || op.Family == graph.FamilyUser {
				continue
			}
			g, at := graph.New(), testkit.Point{}
			n := applied(g, at, op, s, 1)
			p, ok := sumsOf(n)
			if !ok {
				continue // expands to another operator
			}
			want := must[[]ref.Value](t)(ref.Eval(at, n))[0]
			terms := &total{}
			for _, in := range n.Inputs() {
				terms.operands = append(terms.operands, must[[]ref.Value](t)(ref.Eval(at, in))[0])
			}
			each := p(n, terms)
			for i, w := range want.F {
				terms.sum = 0
				if each(i); terms.sum != w {
					t.Fatalf("%s: element %d is %v, and the sum of its elements %v", op.Name, i, w, terms.sum)
				}
			}
			checked[op.Name] = true
		}
	}
	if len(checked) < 5 {
		t.Errorf("only %v were checked", checked)
	}
}

// Nodes that are merged have the sum that they had, and are fewer.
func TestMergedSums(t *testing.T) {
	checked, fewer := map[string]bool{}, map[string]bool{}
	for _, op := range graph.Ops() {
		if op.Merge == nil || op.Family == graph.FamilyUser {
			continue
		}
		for _, s := range op.Samples {
			g, at := graph.New(), testkit.Point{}
			var nodes []*graph.Node
			var sum *graph.Node
			for k := range 3 {
				n := applied(g, at, op, s, 10*k)
				if n.Op() == op {
					nodes = append(nodes, n)
				}
			}
			if len(nodes) < 2 {
				continue
			}
			for _, list := range [][]*graph.Node{nodes, op.Merge(slices.Clone(nodes))} {
				s := list[0]
				for _, n := range list[1:] {
					s = graph.Add(s, n)
				}
				if sum == nil {
					sum = s
					continue
				}
				if len(list) < len(nodes) {
					fewer[op.Name] = true
				}
				values := must[[]ref.Value](t)(ref.Eval(at, sum, s))
				if err := testkit.Close(values[1], values[0], 1e-14); err != nil {
					t.Errorf("%s: %v", op.Name, err)
				}
			}
			checked[op.Name] = true
		}
	}
	if len(checked) < 5 || len(fewer) < 3 {
		t.Errorf("only %v were checked, and %v become fewer", checked, fewer)
	}
}

// What users' operators state beside their derivative is used, and what is wrong with it is told.
func TestRecurrencesAndSumsOfUsers(t *testing.T) {
	double := func(n *graph.Node) *graph.Node { return graph.Mul(n.Input(0), graph.Like(n, 2)) }
	infer := func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil }
	back := func(n *graph.Node, _ int, ct *graph.Node) *graph.Node { return graph.Mul(ct, graph.Like(n, 2)) }
	op := func(name string, change func(op *graph.Op)) *graph.Op {
		op := graph.Op{Name: "user_" + name, MinArity: 1, MaxArity: 1, Infer: infer, Expand: double, Transpose: back, JointlyLinear: true}
		change(&op)
		return userOp(op)
	}
	asked := 0
	coefficient := func(c func(n *graph.Node, s graph.Series, k int) (*graph.Node, bool)) func(*graph.Op) {
		return func(op *graph.Op) { op.Taylor = c }
	}
	taylor := func(op *graph.Op) (float64, error) {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		c, err := compile.Taylor(2, []*graph.Node{graph.Square(graph.Call(op, x))}, []*graph.Node{x}, [][]*graph.Node{{g.Const(1)}})
		if err != nil {
			return 0, err
		}
		values, err := testkit.CompileAndRun(compile.Config{}, point(x, 3), c[2][0])
		if err != nil {
			return 0, err
		}
		return values[0].F[0], nil
	}
	twice := op("recurrence", coefficient(func(n *graph.Node, s graph.Series, k int) (*graph.Node, bool) {
		asked++
		c := s.Coefficient(n.Input(0), k)
		if c == nil {
			return nil, true
		}
		return s.Product(n, graph.Like(n, 2), c), s.Changes(n.Input(0))
	}))
	if c, err := taylor(twice); err != nil || c != 4 || asked == 0 { // (2(3+t))²
		t.Errorf("coefficient %v, error %v, asked %d times", c, err, asked)
	}
	unknown := op("recurrence_unknown", coefficient(func(*graph.Node, graph.Series, int) (*graph.Node, bool) { return nil, false }))
	if c, err := taylor(unknown); err != nil || c != 4 {
		t.Errorf("coefficient %v, error %v", c, err)
	}
	for want, c := range map[string]func(*graph.Node, graph.Series, int) (*graph.Node, bool){
		"its recurrence panicked: never":                                     func(*graph.Node, graph.Series, int) (*graph.Node, bool) { panic("never") },
		"its recurrence gives a coefficient f64[2] at place 0, which is f64": func(n *graph.Node, _ graph.Series, _ int) (*graph.Node, bool) { return graph.BroadcastTo(n, 2), true },
	} {
		if _, err := taylor(op(fmt.Sprintf("recurrence_%d", len(want)), coefficient(c))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}

	// Adjoints: each operand gets three, one from each user.
	placed := func(name string, merge func([]*graph.Node) []*graph.Node) error {
		at := op("placed_"+name, func(op *graph.Op) { op.Merge = merge })
		g := graph.New()
		x := g.Input("x", graph.Float64, 3)
		// The adjoint of reshape is what comes in: the operator's own nodes.
		y := graph.Mul(graph.Sum(graph.Call(at, graph.Sin(x))), graph.Sum(graph.Call(at, graph.Cos(x))))
		cts := []*graph.Node{graph.Call(at, x), graph.Call(at, graph.Exp(x))}
		z := graph.Identity(x)
		d, err := compile.VJP([]*graph.Node{z, z}, []*graph.Node{z}, cts)
		if err != nil {
			return err
		}
		values := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, point(x, []float64{1, 2, 3}), d[0], y))
		for i, v := range values[0].F {
			if want := 2*float64(i+1) + 2*math.Exp(float64(i+1)); math.Abs(v-want) > 1e-13*want {
				t.Errorf("%s: element %d is %v, want %v", name, i, v, want)
			}
		}
		return nil
	}
	if err := placed("well", func(nodes []*graph.Node) []*graph.Node {
		var in *graph.Node
		for _, n := range nodes {
			if in == nil {
				in = n.Input(0)
			} else {
				in = graph.Add(in, n.Input(0))
			}
		}
		return []*graph.Node{graph.Call(nodes[0].Op(), in)}
	}); err != nil {
		t.Error(err)
	}
	for want, merge := range map[string]func([]*graph.Node) []*graph.Node{
		"its merging panicked: never": func([]*graph.Node) []*graph.Node { panic("never") },
		"its merging gives no node":   func([]*graph.Node) []*graph.Node { return []*graph.Node{nil} },
		"its merging gives a sum f64": func(nodes []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sum(nodes[0])} },
	} {
		if err := placed(fmt.Sprintf("wrong_%d", len(want)+len(strings.Fields(want))), merge); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}

	// An element of a sum of elements is differentiated without the others.
	folded := op("folded", func(op *graph.Op) {
		op.Pattern = graph.SumPattern(func(_ *graph.Node, t graph.Terms) func(i int) { return func(i int) { t.Add(0, i); t.Add(0, i) } })
	})
	outside := op("folded_outside", func(op *graph.Op) {
		op.Pattern = graph.SumPattern(func(_ *graph.Node, t graph.Terms) func(i int) { return func(i int) { t.Add(0, i+3) } })
	})
	for op, mistake := range map[*graph.Op]string{folded: "", outside: "its pattern panicked"} {
		g := graph.New()
		x := g.Input("x", graph.Float64, 3)
		assembled := graph.IndexTranspose(graph.Shape{3}, []int{0, 1, 2}, graph.Sin(graph.Index(x, 0)), graph.Sin(graph.Index(x, 1)), graph.Sin(graph.Index(x, 2)))
		y := graph.Index(graph.Add(graph.Call(op, assembled), assembled), 1)
		before := g.Len()
		d, err := compile.Gradient(y, x)
		switch {
		case mistake != "":
			if err == nil || !strings.Contains(err.Error(), mistake) {
				t.Errorf("%v, want %q", err, mistake)
			}
		case err != nil:
			t.Error(err)
		default:
			for i := before; i < g.Len(); i++ {
				if n := g.Node(i); n.Op() == op {
					t.Error("the whole array is differentiated")
				}
			}
			expect(t, point(x, []float64{1, 2, 3}), 1e-15, [][]float64{{0, 3 * math.Cos(2), 0}}, d[0])
		}
	}
}
