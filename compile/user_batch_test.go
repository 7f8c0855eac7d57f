package compile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Users' operators whose attributes have the names of the system's, and mean something else: the whole operand takes part.

func sameType(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil }

// centred is x flipped along axis, minus the mean of all of x.
func centred(x *graph.Node, axis int) *graph.Node {
	return graph.Sub(graph.Flip(x, axis), graph.ReduceMean(x, nil))
}

// centredBack is the transpose of centred.
func centredBack(ct *graph.Node, axis int) *graph.Node {
	return graph.Sub(graph.Flip(ct, axis), graph.ReduceMean(ct, nil))
}

var axisSpec = []graph.AttrSpec{{Key: "axis", Kind: graph.AttrInt, Doc: "flipped"}}

func userOp(op graph.Op) *graph.Op {
	op.MinArity, op.MaxArity = 1, 1
	if op.Infer == nil && op.InferMany == nil {
		op.Infer = sameType
	}
	return registered(graph.RegisterUser(op))
}

var misnamed = []struct {
	op    *graph.Op
	attrs []graph.Attr
}{
	{userOp(graph.Op{Name: "user_centred", Attrs: axisSpec, ThroughExpand: true,
		Expand: func(n *graph.Node) *graph.Node { return centred(n.Input(0), n.Attrs().Int("axis")) }}), []graph.Attr{graph.IntAttr("axis", 0)}},
	{userOp(graph.Op{Name: "user_centred_vjp", Attrs: axisSpec,
		Expand: func(n *graph.Node) *graph.Node { return centred(n.Input(0), n.Attrs().Int("axis")) },
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Like(n, 2), centredBack(ct[0], n.Attrs().Int("axis")))}
		}}), []graph.Attr{graph.IntAttr("axis", 0)}},
	{userOp(graph.Op{Name: "user_centred_jvp", Attrs: axisSpec,
		Expand: func(n *graph.Node) *graph.Node { return centred(n.Input(0), n.Attrs().Int("axis")) },
		JVP: func(n *graph.Node, dot []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Like(n, 3), centred(dot[0], n.Attrs().Int("axis")))}
		}}), []graph.Attr{graph.IntAttr("axis", 0)}},
	{userOp(graph.Op{Name: "user_centred_transpose", Attrs: axisSpec,
		Expand:    func(n *graph.Node) *graph.Node { return centred(n.Input(0), n.Attrs().Int("axis")) },
		Transpose: func(n *graph.Node, _ int, ct *graph.Node) *graph.Node { return centredBack(ct, n.Attrs().Int("axis")) }}), []graph.Attr{graph.IntAttr("axis", 0)}},
	// Nonsense as a transpose, but the user's: it sees all of the adjoint where the expansion is elementwise.
	{userOp(graph.Op{Name: "user_own_transpose", Attrs: axisSpec, JointlyLinear: true,
		Expand: func(n *graph.Node) *graph.Node { return graph.Mul(graph.Like(n, 2), n.Input(0)) },
		Transpose: func(n *graph.Node, _ int, ct *graph.Node) *graph.Node {
			return graph.Add(ct, graph.ReduceMean(ct, nil))
		}}), []graph.Attr{graph.IntAttr("axis", 0)}},
	{userOp(graph.Op{Name: "user_frozen_centred", Attrs: axisSpec, NoDerivative: "by definition of the test",
		Expand: func(n *graph.Node) *graph.Node { return centred(n.Input(0), n.Attrs().Int("axis")) }}), []graph.Attr{graph.IntAttr("axis", 0)}},
	{userOp(graph.Op{Name: "user_axes", Attrs: []graph.AttrSpec{{Key: "axes", Kind: graph.AttrInts, Doc: "elements to take from the sum"}}, ThroughExpand: true,
		Expand: func(n *graph.Node) *graph.Node {
			y := graph.Square(n.Input(0))
			for _, i := range n.Attrs().Ints("axes") {
				y = graph.Sub(y, graph.Index(n.Input(0), i))
			}
			return graph.Mul(y, graph.Sum(n.Input(0)))
		}}), []graph.Attr{graph.IntsAttr("axes", 0, 2)}},
	{userOp(graph.Op{Name: "user_zeros", Attrs: []graph.AttrSpec{{Key: "no_nan", Kind: graph.AttrBool, Doc: "adds one"}},
		Expand: func(n *graph.Node) *graph.Node {
			if n.Attrs().Bool("no_nan") {
				return graph.Add(n.Input(0), graph.Like(n, 1))
			}
			return graph.Mul(n.Input(0), graph.Like(n, 2))
		},
		Transpose: func(n *graph.Node, _ int, ct *graph.Node) *graph.Node {
			if n.Attrs().Bool("no_nan") {
				return ct
			}
			return graph.Mul(ct, graph.Like(n, 2))
		}}), []graph.Attr{graph.BoolAttr("no_nan", false)}},
	{userOp(graph.Op{Name: "user_kernel_axis", Attrs: axisSpec, Kernel: "user_kernel_axis",
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			return []*graph.Node{centredBack(ct[0], 0)}
		}}), []graph.Attr{graph.IntAttr("axis", 0)}},
	{userOp(graph.Op{Name: "user_two_results", Attrs: axisSpec, Kernel: "user_two_results",
		InferMany: func(in []*graph.Node, _ graph.Attrs) ([]graph.Type, error) {
			return []graph.Type{in[0].Type(), {DType: in[0].DType()}}, nil
		},
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			total := graph.Like(n.Input(0), 0)
			if ct[1] != nil {
				total = ct[1]
			}
			if ct[0] != nil {
				total = graph.Add(total, centredBack(ct[0], 0))
			}
			return []*graph.Node{graph.BroadcastTo(total, n.Input(0).Shape()...)}
		}}), []graph.Attr{graph.IntAttr("axis", 0)}},
}

func init() {
	for _, results := range []int{1, 2} {
		err := vm.RegisterKernel(vm.Kernel{
			Name: map[int]string{1: "user_kernel_axis", 2: "user_two_results"}[results],
			Check: func(in, out []vm.Type, _ vm.Attrs) error {
				if len(in) != 1 || len(out) != results || len(in[0].Shape) != 1 || in[0].DType != graph.Float64 || out[0].DType != graph.Float64 ||
					len(out[0].Shape) != 1 || out[0].Shape[0] != in[0].Shape[0] || results == 2 && (len(out[1].Shape) != 0 || out[1].DType != graph.Float64) {
					return errors.New("needs a vector of float64")
				}
				return nil
			},
			Run: func(in, out []vm.Tensor, _ vm.Attrs) error {
				x, sum := in[0].F64, 0.0
				for _, v := range x {
					sum += v
				}
				for i := range x {
					out[0].F64[i] = x[len(x)-1-i] - sum/float64(len(x))
				}
				if results == 2 {
					out[1].F64[0] = sum
				}
				return nil
			},
		})
		if err != nil {
			panic(err)
		}
	}
}

// A batch of a user's operator is the operator applied to each element, whatever its attributes are called; so are its derivatives, in both modes,
// taken before the batch or of it, and its sparsity.
func TestBatchOfMisnamedAttributes(t *testing.T) {
	const n, size = 3, 4
	data := []float64{1, 2, -0.5, 100, -3, 0.25, 7, 0, 4, 4.5, -1, 6}
	checked := 0
	for _, c := range misnamed {
		g := graph.New()
		x, xs, w := g.Input("x", graph.Float64, size), g.Input("xs", graph.Float64, n, size), g.Input("w", graph.Float64, size)
		apply := func(x *graph.Node) *graph.Node {
			y := graph.CallWith(c.op, c.attrs, x)
			if y.Results() != nil {
				y = graph.Add(graph.Result(y, 0), graph.Result(y, 1))
			}
			return y
		}
		list := func(n ...*graph.Node) []*graph.Node { return n }
		each := func(f func(x *graph.Node) *graph.Node) *graph.Node {
			var rows []*graph.Node
			for i := range n {
				rows = append(rows, f(graph.Index(xs, i)))
			}
			return graph.Stack(0, rows...)
		}
		batch := func(y *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.Batch(list(y), list(x), list(xs)))[0]
		}
		gradient := func(x *graph.Node) *graph.Node {
			return grad(t, graph.Sum(graph.Mul(w, apply(graph.Mul(x, x)))), x)[0]
		}
		tangent := func(x *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.JVP(list(apply(graph.Mul(x, x))), list(x), list(w)))[0]
		}
		got := list(batch(apply(x)), batch(gradient(x)), batch(tangent(x)))
		want := list(each(apply), each(gradient), each(tangent))
		// Derivatives of the batch.
		many := batch(apply(graph.Mul(x, x)))
		got = append(got, grad(t, graph.Sum(graph.Mul(w, many)), xs)[0], must[[]*graph.Node](t)(compile.JVP(list(many), list(xs), list(graph.BroadcastTo(w, n, size))))[0])
		want = append(want, want[1], want[2])
		// Compressed and dense Jacobians.
		y := apply(graph.Mul(x, x))
		j := must[*compile.SparseMatrix](t)(compile.SparseJacobian(y, x))
		got, want = append(got, j.CSR().Dense()), append(want, must[*graph.Node](t)(compile.Jacobian(y, x)))
		equal(t, c.op.Name, point(x, data[:size], xs, data, w, []float64{1, -2, 0.5, 3}), got, want)
		checked += len(got)
	}
	if checked < 60 {
		t.Errorf("only %d values", checked)
	}
	// The values themselves, for one of them.
	g := graph.New()
	x, xs := g.Input("x", graph.Float64, 2), g.Input("xs", graph.Float64, 2, 2)
	b := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{graph.CallWith(misnamed[0].op, misnamed[0].attrs, x)}, []*graph.Node{x}, []*graph.Node{xs}))
	expect(t, point(xs, []float64{1, 3, 100, 200}), 0, [][]float64{{1, -1, 50, -50}}, b...)
}

// Behind a mask, an operator keeps the attributes that the user gave.
func TestMaskedUserOperator(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	for _, c := range misnamed {
		if c.op.Name != "user_zeros" {
			continue
		}
		y := graph.CallWith(c.op, c.attrs, x)
		d := grad(t, graph.Sum(graph.Where(graph.Greater(x, graph.Like(x, 0)), y, graph.Like(x, 5))), x)[0]
		expect(t, point(x, []float64{1, -1, 2}), 0, [][]float64{{2, 0, 2}}, d)
	}
}

// What a batch may do to an operator has to be possible.
func TestStatedBatchRules(t *testing.T) {
	expand := func(n *graph.Node) *graph.Node { return graph.Flip(n.Input(0), n.Attrs().Int("axis")) }
	op := userOp(graph.Op{Name: "user_stated_axis", Attrs: axisSpec, AlongAxis: true, ThroughExpand: true, Expand: expand})
	g := graph.New()
	x, xs := g.Input("x", graph.Float64, 2), g.Input("xs", graph.Float64, 2, 2)
	b := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{graph.CallWith(op, []graph.Attr{graph.IntAttr("axis", 0)}, x)}, []*graph.Node{x}, []*graph.Node{xs}))[0]
	if b.Op() != op || b.Attrs().Int("axis") != 1 {
		t.Errorf("the batch is %s %v", b.Op().Name, b.Attrs())
	}
	expect(t, point(xs, []float64{1, 3, 100, 200}), 0, [][]float64{{3, 1, 200, 100}}, b)
	for i, bad := range []graph.Op{
		{AlongAxis: true, ThroughExpand: true, Expand: expand},
		{AlongAxis: true, ThroughExpand: true, Expand: expand, Attrs: []graph.AttrSpec{{Key: "axis", Kind: graph.AttrString, Doc: "a word"}}},
		{ZeroWins: true, ThroughExpand: true, Expand: expand, Attrs: []graph.AttrSpec{{Key: "no_nan", Kind: graph.AttrBool, Doc: "nothing"}}},
	} {
		bad.Name, bad.MinArity, bad.MaxArity, bad.Infer = fmt.Sprintf("user_bad_batch_%d", i), 1, 1, sameType
		if _, err := graph.RegisterUser(bad); err == nil {
			t.Errorf("operator %d is registered", i)
		}
	}
}

// A user's batch rule is used; one that panics or gives another type is a mistake with the line that applied the operator.
func TestUserBatchRule(t *testing.T) {
	expand := func(n *graph.Node) *graph.Node { return graph.Cumsum(n.Input(0), 0) }
	calls := 0
	rules := map[string]func(b *graph.Batch, n *graph.Node) *graph.Node{
		"": func(b *graph.Batch, n *graph.Node) *graph.Node {
			calls++
			return graph.Cumsum(b.Lift(n.Input(0)), 1)
		},
		"its batch rule gives the image f64[2] at place 0, which is f64[2×2]": func(b *graph.Batch, n *graph.Node) *graph.Node { return n.Input(0) },
		"its batch rule panicked: no rule today":                              func(*graph.Batch, *graph.Node) *graph.Node { panic("no rule today") },
	}
	for want, rule := range rules {
		op := userOp(graph.Op{Name: fmt.Sprintf("user_batch_rule_%d", len(want)), ThroughExpand: true, Expand: expand, Batch: rule})
		g := graph.New()
		x, xs := g.Input("x", graph.Float64, 2), g.Input("xs", graph.Float64, 2, 2)
		b, err := compile.Batch([]*graph.Node{graph.Call(op, x)}, []*graph.Node{x}, []*graph.Node{xs})
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), "user_batch_test.go:") || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", want, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		expect(t, point(xs, []float64{1, 3, 100, 200}), 0, [][]float64{{1, 4, 100, 300}}, b[0])
	}
	if calls != 1 {
		t.Errorf("the rule was called %d times", calls)
	}
	view := func(*graph.Node) (int, bool) { return 1 << 30, true }
	if _, err := graph.RegisterUser(graph.Op{Name: "user_view", MinArity: 1, MaxArity: 1, Infer: sameType, ThroughExpand: true, Expand: expand, View: view}); err == nil {
		t.Error("a user's operator is a view")
	}
}

// Users' operators over one element, whose attributes are integers by other names, or whose operands are several, integers, or of another rank than the result.
var perElement = []struct {
	op    *graph.Op
	attrs []graph.Attr
	// apply gives the operator further operands, which are the same for all elements of a batch.
	apply func(op *graph.Op, attrs []graph.Attr, x *graph.Node) *graph.Node
}{
	{op: userOp(graph.Op{Name: "user_size", Attrs: []graph.AttrSpec{{Key: "size", Kind: graph.AttrInt, Doc: "how many count"}}, ThroughExpand: true,
		Expand: func(n *graph.Node) *graph.Node {
			x := n.Input(0)
			return graph.Mul(x, graph.Sum(graph.Slice(x, graph.Range{Limit: n.Attrs().Int("size")})))
		}}), attrs: []graph.Attr{graph.IntAttr("size", 2)}},
	{op: userOp(graph.Op{Name: "user_k", Attrs: []graph.AttrSpec{{Key: "k", Kind: graph.AttrInt, Doc: "the shift"}},
		Expand: func(n *graph.Node) *graph.Node { return graph.Square(graph.Roll(n.Input(0), n.Attrs().Int("k"), 0)) },
		JVP: func(n *graph.Node, dot []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Like(n, 3), graph.Roll(dot[0], n.Attrs().Int("k"), 0))}
		}}), attrs: []graph.Attr{graph.IntAttr("k", 1)}},
	{op: userOp(graph.Op{Name: "user_reduced", Attrs: axisSpec,
		Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) {
			return graph.Type{DType: in[0].DType()}, nil
		},
		Expand: func(n *graph.Node) *graph.Node { return graph.Sum(graph.Square(n.Input(0))) },
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(ct[0], graph.Sin(n.Input(0)))}
		}}), attrs: []graph.Attr{graph.IntAttr("axis", 0)}},
	{op: registered(graph.CustomVJP("user_weighted", 2, func(in []*graph.Node) *graph.Node { return graph.Mul(in[0], graph.Cumsum(in[1], 0)) },
		func(in []*graph.Node, y, ct *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Like(y, 2), ct), graph.Mul(ct, in[0])}
		})), apply: func(op *graph.Op, _ []graph.Attr, x *graph.Node) *graph.Node {
		return graph.Call(op, x, graph.Constant(x.Graph(), []float64{1, -2, 3, 0.5}, 4))
	}},
	{op: registered(graph.CustomVJP("user_weights_first", 2, func(in []*graph.Node) *graph.Node { return graph.Mul(in[1], graph.Cumsum(in[0], 0)) },
		func(in []*graph.Node, y, ct *graph.Node) []*graph.Node {
			return []*graph.Node{ct, graph.Mul(graph.Sum(ct), in[0])}
		})), apply: func(op *graph.Op, _ []graph.Attr, x *graph.Node) *graph.Node {
		return graph.Call(op, graph.Constant(x.Graph(), []float64{1, -2, 3, 0.5}, 4), x)
	}},
	{op: registered(graph.CustomJVP("user_taken", 2, func(in []*graph.Node) *graph.Node { return graph.Gather(in[0], in[1], 0) },
		func(in []*graph.Node, _ *graph.Node, dot []*graph.Node) *graph.Node {
			return graph.Mul(graph.Gather(dot[0], in[1], 0), graph.Gather(in[0], in[1], 0))
		})), apply: func(op *graph.Op, _ []graph.Attr, x *graph.Node) *graph.Node {
		return graph.Call(op, x, graph.Constant(x.Graph(), []int64{3, 0, 0, 2}, 4))
	}},
}

// Batches of such operators are their elements' one by one, also in a batch of batches and as steps of a scan, and elements have nothing to do with one another in sparse Jacobians.
func TestBatchOfUsersOperators(t *testing.T) {
	const n, size = 3, 4
	data := []float64{1, 2, -0.5, 100, -3, 0.25, 7, 0, 4, 4.5, -1, 6}
	for _, c := range perElement {
		g := graph.New()
		x, xs, w := g.Input("x", graph.Float64, size), g.Input("xs", graph.Float64, n, size), g.Input("w", graph.Float64, size)
		list := func(n ...*graph.Node) []*graph.Node { return n }
		apply := func(x *graph.Node) *graph.Node {
			if c.apply != nil {
				return c.apply(c.op, c.attrs, x)
			}
			return graph.CallWith(c.op, c.attrs, x)
		}
		gradient := func(x *graph.Node) *graph.Node { return grad(t, graph.Sum(graph.Sin(apply(x))), x)[0] }
		tangent := func(x *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.JVP(list(apply(x)), list(x), list(w)))[0]
		}
		each := func(f func(x *graph.Node) *graph.Node) *graph.Node {
			var rows []*graph.Node
			for i := range n {
				rows = append(rows, f(graph.Index(xs, i)))
			}
			return graph.Stack(0, rows...)
		}
		batch := func(y, x, xs *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.Batch(list(y), list(x), list(xs)))[0]
		}
		var got, want []*graph.Node
		for _, f := range []func(x *graph.Node) *graph.Node{apply, gradient, tangent} {
			_, steps := graph.Scan(n, nil, list(xs), func(_, x []*graph.Node) (next, ys []*graph.Node) { return nil, list(f(x[0])) })
			twice := graph.Index(batch(batch(f(x), x, xs), xs, graph.Stack(0, graph.Neg(xs), xs)), 1)
			got, want = append(got, batch(f(x), x, xs), steps[0], twice), append(want, each(f), each(f), each(f))
		}
		many := batch(apply(x), x, xs)
		pattern := must[*compile.Pattern](t)(compile.JacobianPattern(many, xs))
		if most := many.Shape().Size() * size; pattern.NonZeros() > most {
			t.Errorf("%s: the batch's pattern has %d entries, and has blocks of at most %d", c.op.Name, pattern.NonZeros(), most)
		}
		j := must[*compile.SparseMatrix](t)(compile.SparseJacobian(many, xs))
		dense := must[*graph.Node](t)(compile.Jacobian(each(apply), xs))
		got, want = append(got, j.CSR().Dense()), append(want, graph.Reshape(dense, many.Shape().Size(), n*size))
		got = append(got, grad(t, graph.Sum(graph.Sin(many)), xs)[0], must[[]*graph.Node](t)(compile.JVP(list(many), list(xs), list(graph.BroadcastTo(w, n, size))))[0])
		want = append(want, each(gradient), each(tangent))
		equal(t, c.op.Name, point(x, data[:size], xs, data, w, []float64{1, -2, 0.5, 3}), got, want)
	}
}

// Batches of sparse solutions and of implicit functions are blocks in patterns.
func TestPatternsOfBatchesAreBlocks(t *testing.T) {
	const n, size = 5, 3
	g := graph.New()
	x, xs := g.Input("x", graph.Float64, size), g.Input("xs", graph.Float64, n, size)
	m := graph.NewCSR(size, size, []int64{0, 2, 4, 5}, []int64{0, 1, 0, 1, 2}, graph.Constant(g, []float64{4, 1, 1, 3, 2}, 5))
	for name, y := range map[string]*graph.Node{
		"csr_solve":                         m.Solve(graph.Sin(x)),
		"csr_solve of a matrix that varies": graph.NewCSR(size, size, []int64{0, 1, 2, 3}, []int64{0, 1, 2}, graph.Exp(x)).Solve(x),
		"implicit": graph.Implicit(graph.Log(x), func(y *graph.Node) *graph.Node {
			return graph.Sub(graph.Add(graph.Exp(y), graph.Sum(y)), graph.Add(x, graph.Sum(graph.Log(x))))
		}, graph.ImplicitOptions{}),
		"with_vjp": graph.WithVJP(graph.MatMul(graph.Constant(g, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, size, size), graph.Sin(x)), []*graph.Node{x}, func(in []*graph.Node, y, ct *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Sum(graph.Mul(ct, y)), graph.Cos(in[0]))}
		}),
		"a gradient of csr_solve": grad(t, graph.Sum(graph.Square(m.Solve(graph.Sin(x)))), x)[0],
	} {
		many := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{xs}))[0]
		p := must[*compile.Pattern](t)(compile.JacobianPattern(many, xs))
		for i := range p.Rows {
			for _, c := range p.Row(i) {
				if int(c)/size != i/size {
					t.Errorf("%s: element %d of the batch depends on element %d", name, i/size, int(c)/size)
				}
			}
		}
		if p.NonZeros() < n*size {
			t.Errorf("%s: %d entries", name, p.NonZeros())
		}
	}
}

// A value with a vector-Jacobian product of its own depends on its arguments by it, on nothing that it captures, and in batches of batches within each element; sparse derivatives are the dense ones.
func TestPatternsOfWithVJP(t *testing.T) {
	const n, m, size = 3, 2, 2
	g := graph.New()
	x, w, xs := g.Input("x", graph.Float64, size), g.Input("w", graph.Float64, size), g.Input("xs", graph.Float64, n, m, size)
	y := graph.WithVJP(graph.Mul(graph.Sum(graph.Square(x)), w), []*graph.Node{x}, func(in []*graph.Node, _, ct *graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(graph.Sum(graph.Mul(ct, w)), graph.Mul(in[0], g.Const(2)))}
	})
	rows := g.Input("rows", graph.Float64, m, size)
	batch := func(y, from, to *graph.Node) *graph.Node {
		return must[[]*graph.Node](t)(compile.Batch([]*graph.Node{y}, []*graph.Node{from}, []*graph.Node{to}))[0]
	}
	many := batch(batch(y, x, rows), rows, xs)
	s := must[*compile.SparseMatrix](t)(compile.SparseJacobian(many, xs))
	if s.NonZeros() != n*m*size*size {
		t.Errorf("%d entries, want blocks of %d", s.NonZeros(), size*size)
	}
	dense := must[*graph.Node](t)(compile.Jacobian(many, xs))
	equal(t, "Jacobians", point(xs, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, w, []float64{0.5, -3}), []*graph.Node{s.CSR().Dense()}, []*graph.Node{graph.Reshape(dense, n*m*size, n*m*size)})
}
