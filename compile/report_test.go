package compile_test

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// userPlain is a user's operator without rules for batches and patterns.
var userPlain = userOp(graph.Op{Name: "user_plain", JVP: func(_ *graph.Node, dot []*graph.Node) []*graph.Node { return []*graph.Node{graph.Flip(dot[0], 0)} },
	Expand: func(n *graph.Node) *graph.Node { return graph.Flip(n.Input(0), 0) }})

// Each kind of remark is made about the line that it is about, and not about what is as fast as it can be.
func TestReport(t *testing.T) {
	g := graph.New()
	m, v, s, k := g.Input("m", graph.Float64, 100, 200), g.Input("v", graph.Float64, 200), g.Input("s", graph.Float64), g.Input("k", graph.Int64)
	for _, c := range []struct {
		name string
		want string // the kind, and a part of the remark; "" for none
		node *graph.Node
	}{
		{"elementwise", "", graph.Add(m, v)},
		{"scalars", "", graph.Exp(graph.Mul(s, s))},
		{"product with a transposed operand", "", graph.MatMul(m, graph.Transpose(m))},
		{"a part that is a view", "", graph.Exp(graph.Slice(m, graph.Range{Start: 10, Limit: 20}))},
		{"transpose", "moves: transpose(f64[100×200]) copies 160000 bytes; matmul", graph.Cumsum(graph.Transpose(m), 0)},
		{"columns", "moves: slice(f64[100×200]) copies 80000 bytes", graph.Cumsum(graph.Slice(m, graph.Range{Limit: graph.All}, graph.Range{Limit: 100}), 0)},
		{"sort", "plain: argsort(f64[100×200])", graph.Argsort(m, 1)},
		{"sort of few", "", graph.Argsort(v, 0)},
		{"division of integers", "portable: div of int64 keeps scalar code", graph.Add(graph.Div(k, graph.Like(k, 3)), k)},
		{"way out of a division of integers", "use floats", graph.Add(graph.Div(k, graph.Like(k, 7)), k)},
		{"common divisor", "how long it takes depends on the numbers", graph.Add(graph.Gcd(k, graph.Like(k, 12)), k)},
		{"long function", "leave it out of the loop or graph: how long it takes", graph.Add(graph.Lgamma(s), s)},
		{"short", "short: a loop over an array of 4 elements", graph.ReduceSum(graph.Mul(m, graph.ReduceSum(graph.Exp(graph.Slice(v, graph.Range{Limit: 4})), nil)), nil)},
		{"without rules", "dense: user_plain(f64[200]) has no pattern rule", g.Apply(userPlain, []*graph.Node{v}, nil)},
		{"without a batch rule", "unrolled: conv_filter_grad(", filterGradients(t, g)},
		{"a while loop that repeats a product", "repeated: matmul(f64[100×200], f64[200×1]) is the same in each step", whileProduct(m, v)},
		{"a loop whose product is made in front of it", "", scanProduct(m, v)},
	} {
		if c.node == nil || g.Err() != nil {
			t.Fatalf("%s: %v", c.name, g.Err())
		}
		remarks, err := compile.Report(c.node)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		found := c.want == "" && len(remarks) == 0
		for _, r := range remarks {
			found = found || c.want != "" && strings.Contains(r.String(), c.want) && strings.Contains(r.Where.File, "report_test.go") && r.Where.Line > 0
		}
		if !found {
			t.Errorf("%s: %v, want %q", c.name, remarks, c.want)
		}
	}
}

// whileProduct adds the same product in each step, of which there may be none.
func whileProduct(m, v *graph.Node) *graph.Node {
	final, _ := graph.While(1000, []*graph.Node{graph.Zeros(m.Graph(), graph.Float64, 100)},
		func(c []*graph.Node) *graph.Node { return graph.ReduceSum(c[0], nil).Less(1e3) },
		func(c []*graph.Node) []*graph.Node { return []*graph.Node{graph.Add(c[0], graph.MatMul(m, v))} })
	return final[0]
}

// scanProduct adds it in each of several steps.
func scanProduct(m, v *graph.Node) *graph.Node {
	final, _ := graph.Scan(1000, []*graph.Node{graph.Zeros(m.Graph(), graph.Float64, 100)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		return []*graph.Node{graph.Add(graph.Tanh(c[0]), graph.MatMul(m, v))}, nil
	})
	return final[0]
}

// filterGradients are gradients of convolutions by their filters, one for each element of a batch of arrays.
func filterGradients(t *testing.T, g *graph.Graph) *graph.Node {
	x, w := g.Input("x", graph.Float64, 1, 1, 8, 8), g.Input("w", graph.Float64, 1, 1, 3, 3)
	grad, err := compile.Gradient(graph.ReduceSum(graph.Square(graph.Conv(x, w, graph.Window{})), nil), w)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := compile.Batch(grad, []*graph.Node{x}, []*graph.Node{g.Input("xs", graph.Float64, 5, 1, 1, 8, 8)})
	if err != nil {
		t.Fatal(err)
	}
	return batch[0]
}
