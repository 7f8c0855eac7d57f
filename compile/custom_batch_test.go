package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// oddProduct is factor·x·w, with twice its derivative by x, so that a derivative taken elsewhere shows.
var oddProduct = registered(graph.RegisterUser(graph.Op{
	Name: "user_odd_product", MinArity: 2, MaxArity: 2,
	Attrs: []graph.AttrSpec{{Key: "factor", Kind: graph.AttrFloat, Doc: "multiplies the result"}},
	Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) {
		if !in[0].Type().Equal(in[1].Type()) {
			return graph.Type{}, fmt.Errorf("operands are %v and %v", in[0].Type(), in[1].Type())
		}
		return in[0].Type(), nil
	},
	Expand: func(n *graph.Node) *graph.Node {
		return graph.Mul(graph.Like(n, n.Attrs().Float("factor")), graph.Mul(n.Input(0), n.Input(1)))
	},
	VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
		c := graph.Mul(graph.Like(n, n.Attrs().Float("factor")), ct[0])
		return []*graph.Node{graph.Mul(graph.Like(n, 2), graph.Mul(c, n.Input(1))), graph.Mul(c, n.Input(0))}
	},
}))

// Derivatives of users' own are kept by Batch: differentiating what it returns is the same as batching the derivatives, to second order,
// in both modes, and for batches of batches.
func TestBatchKeepsCustomDerivatives(t *testing.T) {
	data := []float64{1.4, -2.6, 0.5, 3.25, -0.75, 0.1, 2.2, -1.1, 0.3, -0.4, 1.75, -3}
	for name, build := range map[string]func(x, w *graph.Node) *graph.Node{
		"VJP": func(x, w *graph.Node) *graph.Node { return graph.Mul(w, graph.Square(graph.Call(straightThrough, x))) },
		"JVP": func(x, w *graph.Node) *graph.Node { return graph.Square(graph.Call(log1pexp, graph.Mul(x, w))) },
		"two operands": func(x, w *graph.Node) *graph.Node {
			return graph.Sin(graph.CallWith(oddProduct, []graph.Attr{graph.FloatAttr("factor", 3)}, x, w))
		},
	} {
		g := graph.New()
		x, w := g.Input("x", graph.Float64, 3), g.Input("w", graph.Float64, 3)
		xs, xss := g.Input("xs", graph.Float64, 4, 3), g.Input("xss", graph.Float64, 2, 2, 3)
		list := func(n ...*graph.Node) []*graph.Node { return n }
		batch := func(y, from, to *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.Batch(list(y), list(from), list(to)))[0]
		}
		all := func(cost, x *graph.Node) []*graph.Node {
			d := grad(t, cost, x, w)
			second := grad(t, graph.Sum(d[0]), x)[0]
			mixed := grad(t, graph.Sum(d[1]), x)[0]
			tangent := must[[]*graph.Node](t)(compile.JVP(list(d[0], d[1]), list(x), nil))
			return append(append(d, second, mixed), tangent...)
		}
		y := graph.Sum(build(x, w))
		var outputs []*graph.Node
		for k, d := range all(y, x) {
			b := batch(d, x, xs)
			if k == 1 || k == 5 { // by w, which all elements of the batch share
				b = graph.ReduceSum(b, []int{0})
			}
			outputs = append(outputs, b)
		}
		n := len(outputs)
		outputs = append(outputs, all(graph.Sum(batch(y, x, xs)), xs)...)
		row := g.Placeholder(graph.Float64, 2, 3)
		outputs = append(outputs, all(graph.Sum(batch(batch(y, x, row), row, xss)), xss)...)
		if err := testkit.TextRoundTrip(g, outputs); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, c := range configs {
			out, err := runOutputs(c, point(xs, data, xss, data, w, []float64{0.7, -1.3, 0.9}), outputs...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for k := range n {
				for i, want := range out[k] {
					for _, got := range []float64{out[n+k][i], out[2*n+k][i]} {
						if !near(got, want, 1e-13) {
							t.Errorf("%s: derivative %d[%d] of the batch is %v, the batch of derivatives has %v", name, k, i, got, want)
						}
					}
				}
			}
		}
	}
}

// A kernel of the user's is applied once for each element of the batch.
func TestBatchOfUserKernel(t *testing.T) {
	g := graph.New()
	a, x := g.Input("a", graph.Float64, 2, 3), g.Input("x", graph.Float64, 3)
	xs := g.Input("xs", graph.Float64, 2, 3)
	y := graph.CallWith(customMatVec, []graph.Attr{graph.FloatAttr("factor", 2)}, a, x)
	b := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{xs}))[0]
	d := grad(t, graph.Sum(b), xs, a)
	at := point(a, []float64{1, 2, 3, 4, 5, 6}, xs, []float64{1, 0, -1, 2, 1, 0})
	expect(t, at, 0, [][]float64{{-4, -4, 8, 26}, {10, 14, 18, 10, 14, 18}, {6, 2, -2, 6, 2, -2}}, b, d[0], d[1])
}

// A batch of an operator without a derivative has none either, whatever its expansion.
func TestBatchWithoutDerivative(t *testing.T) {
	g := graph.New()
	x, xs := g.Input("x", graph.Float64, 3), g.Input("xs", graph.Float64, 2, 3)
	y := graph.Call(registered(graph.RegisterUser(graph.Op{
		Name: "user_frozen", MinArity: 1, MaxArity: 1, NoDerivative: "by definition of the test",
		Infer:  func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil },
		Expand: func(n *graph.Node) *graph.Node { return graph.Square(n.Input(0)) },
	})), x)
	b := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{xs}))[0]
	expect(t, point(xs, []float64{1, 2, 3, 4, 5, 6}), 0, [][]float64{{1, 4, 9, 16, 25, 36}, {0, 0, 0, 0, 0, 0}}, b, grad(t, graph.Sum(b), xs)[0])
}

// A VJP that clips the adjoint is no linear function of it: reverse mode uses it as it is, forward mode cannot be had from it.
func TestNonlinearCustomDerivative(t *testing.T) {
	clip := func(x *graph.Node) *graph.Node { return graph.Clip(x, graph.Like(x, -1), graph.Like(x, 1)) }
	same := func(in []*graph.Node) *graph.Node { return graph.Identity(in[0]) }
	clippedAdjoint := registered(graph.CustomVJP("user_clipped_adjoint", 1, same,
		func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node { return []*graph.Node{clip(ct)} }))
	clippedTangent := registered(graph.CustomJVP("user_clipped_tangent", 1, same,
		func(_ []*graph.Node, _ *graph.Node, dot []*graph.Node) *graph.Node { return clip(dot[0]) }))
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	d := grad(t, graph.Sum(graph.Square(graph.Call(clippedAdjoint, x))), x)[0]
	expect(t, point(x, []float64{0.25, -3, 7}), 0, [][]float64{{0.5, -1, 1}}, d)
	y := graph.Call(clippedAdjoint, x)
	_, err := compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil)
	g = graph.New()
	x = g.Input("x", graph.Float64, 3)
	y = graph.Sum(graph.Call(clippedTangent, x))
	_, other := compile.Gradient(y, x)
	for text, err := range map[string]error{
		"user_clipped_adjoint: its VJP is not linear in the adjoint, so forward mode cannot be derived from it: give a JVP too":  err,
		"user_clipped_tangent: its JVP is not linear in the tangents, so reverse mode cannot be derived from it: give a VJP too": other,
	} {
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "custom_batch_test.go:") {
			t.Errorf("error %v, want %q", err, text)
		}
	}
}

// Text may name batches of operators that do not exist, or of others than users', or without a batch.
func TestMistakesInBatched(t *testing.T) {
	call := func(x *graph.Node, operator, attributes string, operands ...int) *graph.Node {
		items := []graph.Attr{graph.StringAttr("operator", operator), graph.IntsAttr("operands", operands...)}
		if attributes != "" {
			items = append(items, graph.StringAttr("attributes", attributes))
		}
		return graph.CallWith(graph.LookupOp("batched"), items, x)
	}
	for text, build := range map[string]func(x *graph.Node) *graph.Node{
		`is named "user_missing"`:         func(x *graph.Node) *graph.Node { return call(x, "user_missing", "", 0) },
		`is named "sin"`:                  func(x *graph.Node) *graph.Node { return call(x, "sin", "", 0) },
		`is named "user_matvec"`:          func(x *graph.Node) *graph.Node { return call(x, "user_matvec", "", 0) },
		"needs one or more":               func(x *graph.Node) *graph.Node { return call(x, "user_log1pexp", "") },
		"operand 1 has no batch":          func(x *graph.Node) *graph.Node { return call(x, "user_log1pexp", "", 1) },
		"operand 0 has no batch":          func(x *graph.Node) *graph.Node { return call(graph.Sum(x), "user_log1pexp", "", 0) },
		"operands with a batch are [0 0]": func(x *graph.Node) *graph.Node { return call(x, "user_log1pexp", "", 0, 0) },
		"takes 2 operands, not 1":         func(x *graph.Node) *graph.Node { return call(x, "user_odd_product", "{factor=1.0}", 0) },
		"unknown or repeated attribute a": func(x *graph.Node) *graph.Node { return call(x, "user_log1pexp", "{a=1}", 0) },
		"an attribute":                    func(x *graph.Node) *graph.Node { return call(x, "user_log1pexp", "{", 0) },
	} {
		g := graph.New()
		build(g.Input("x", graph.Float64, 2, 3))
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "custom_batch_test.go:") {
			t.Errorf("error %v, want %q", err, text)
		}
	}
}

// Taylor coefficients use the derivatives that users give: those of log1pexp are the ones of the plain function, those of the
// straight-through estimator the ones of the identity.
func TestTaylorOfCustomDerivatives(t *testing.T) {
	const order = 5
	g := graph.New()
	x := g.Input("x", graph.Float64)
	plain := graph.Log(graph.Add(g.Const(1), graph.Exp(x)))
	list := []*graph.Node{graph.Call(log1pexp, x), plain, graph.Call(straightThrough, x)}
	d := must[[][]*graph.Node](t)(compile.Directional(order, list, []*graph.Node{x}, nil))
	for k, row := range d {
		out, err := runOutputs(compile.Config{}, point(x, 0.7), row...)
		if err != nil {
			t.Fatal(err)
		}
		identity := 0.0
		if k == 0 {
			identity = 1
		}
		if !near(out[0][0], out[1][0], 1e-13) || out[2][0] != identity {
			t.Errorf("order %d: %v", k+1, out)
		}
	}
	// So do those of a batch.
	xs := g.Input("xs", graph.Float64, 2)
	for _, y := range []*graph.Node{list[0], graph.Exp(list[2])} {
		batch := func(n *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.Batch([]*graph.Node{n}, []*graph.Node{x}, []*graph.Node{xs}))[0]
		}
		single := must[[][]*graph.Node](t)(compile.Directional(order, []*graph.Node{y}, []*graph.Node{x}, nil))
		many := must[[][]*graph.Node](t)(compile.Directional(order, []*graph.Node{batch(y)}, []*graph.Node{xs}, nil))
		for k := range single {
			equal(t, fmt.Sprintf("batch, order %d", k+1), point(xs, []float64{0.7, -1.2}), many[k], []*graph.Node{batch(single[k][0])})
		}
	}
}
