package compile_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gradcheck"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

func registered(op *graph.Op, err error) *graph.Op {
	if err != nil {
		panic(err)
	}
	return op
}

// straightThrough rounds, with the derivative of the identity (Bengio, Léonard and Courville, arXiv:1308.3432).
var straightThrough = registered(graph.CustomVJP("user_straight_through", 1,
	func(in []*graph.Node) *graph.Node { return graph.Round(in[0]) },
	func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node { return []*graph.Node{ct} }))

// log1pexp is the example of JAX's documentation of custom derivatives: ln(1 + eˣ) with the derivative 1 − 1/(1 + eˣ).
var log1pexp = registered(graph.CustomJVP("user_log1pexp", 1,
	func(in []*graph.Node) *graph.Node {
		return graph.Log(graph.Add(graph.Like(in[0], 1), graph.Exp(in[0])))
	},
	func(in []*graph.Node, _ *graph.Node, dot []*graph.Node) *graph.Node {
		one := graph.Like(in[0], 1)
		return graph.Mul(graph.Sub(one, graph.Reciprocal(graph.Add(one, graph.Exp(in[0])))), dot[0])
	}))

// customMatVec is factor·A·x by a Go kernel.
var customMatVec = registered(graph.RegisterUser(graph.Op{
	Name: "user_matvec", MinArity: 2, MaxArity: 2, Kernel: "user_matvec",
	Attrs: []graph.AttrSpec{{Key: "factor", Kind: graph.AttrFloat, Doc: "multiplies the result"}},
	Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) {
		a, x := in[0].Shape(), in[1].Shape()
		if len(a) != 2 || len(x) != 1 || a[1] != x[0] {
			return graph.Type{}, fmt.Errorf("no product of %v and %v", a, x)
		}
		return graph.Type{DType: graph.Float64, Shape: graph.Shape{a[0]}}, nil
	},
	VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
		c := graph.Mul(ct[0], graph.Like(ct[0], n.Attrs().Float("factor")))
		a, x := n.Input(0), n.Input(1)
		return []*graph.Node{graph.Mul(graph.ExpandDims(c, 1), graph.ExpandDims(x, 0)), graph.MatMul(graph.Transpose(a), c)}
	},
}))

func init() {
	err := vm.RegisterKernel(vm.Kernel{
		Name: "user_matvec",
		Check: func(in, out []vm.Type, _ vm.Attrs) error {
			if len(in) != 2 || len(out) != 1 || len(in[0].Shape) != 2 || len(in[1].Shape) != 1 || len(out[0].Shape) != 1 {
				return errors.New("needs a matrix, a vector and a result")
			}
			for _, t := range append(in, out...) {
				if t.DType != graph.Float64 {
					return errors.New("needs float64")
				}
			}
			if in[0].Shape[1] != in[1].Shape[0] || in[0].Shape[0] != out[0].Shape[0] {
				return errors.New("extents differ")
			}
			return nil
		},
		Run: func(in, out []vm.Tensor, a vm.Attrs) error {
			a0, x, y := in[0].F64, in[1].F64, out[0].F64
			for i := range y {
				y[i] = 0
				for j, v := range x {
					y[i] += a.Float("factor") * a0[i*len(x)+j] * v
				}
				switch {
				case math.IsInf(y[i], 0):
					panic("infinite")
				case math.IsNaN(y[i]):
					return errors.New("not a number")
				}
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
}

func TestCustomVJP(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := graph.Sum(graph.Square(graph.Call(straightThrough, x)))
	d := grad(t, y, x)[0]
	jvp := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil))[0]
	d2 := grad(t, graph.Sum(d), x)[0]
	// d/dx round(x)² = 2·round(x) and 2 with the identity's derivative.
	expect(t, point(x, []float64{1.4, -2.6, 0.5}), 0, [][]float64{{10}, {2, -6, 0}, {-4}, {2, 2, 2}}, y, d, jvp, d2)
}

func TestCustomJVP(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Call(log1pexp, x)
	d := grad(t, y, x)[0]
	d2 := grad(t, d, x)[0]
	// The plain derivative is Inf/Inf at 1000.
	e := math.Exp(0.5)
	s := e / (1 + e)
	expect(t, point(x, 0.5), 1e-14, one(math.Log(1+e), s, s*(1-s)), y, d, d2)
	expect(t, point(x, 1000.0), 0, one(math.Inf(1), 1), y, d)

	report, err := gradcheck.Check([]*graph.Node{y}, []*graph.Node{x}, map[string]any{"x": -0.7}, gradcheck.Options{})
	if err != nil || report.Err() != nil {
		t.Error(err, report)
	}
}

func TestUserKernel(t *testing.T) {
	g := graph.New()
	a, x := g.Input("a", graph.Float64, 2, 3), g.Input("x", graph.Float64, 3)
	y := graph.CallWith(customMatVec, []graph.Attr{graph.FloatAttr("factor", 2)}, a, x)
	j := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{a, x}, nil))[0]
	d := grad(t, graph.Sum(y), a, x)
	p := must[*vm.Program](t)(testkit.Compile(compile.Config{}, y, d[0], d[1], j))
	p = must[*vm.Program](t)(vm.Decode(must[[]byte](t)(p.MarshalBinary())))
	m := vm.NewMachine(p)
	at := point(a, []float64{1, 2, 3, 4, 5, 6}, x, []float64{1, 0, -1})
	got := must[[][]float64](t)(func() ([][]float64, error) {
		vs, err := testkit.Run(m, at)
		var out [][]float64
		for _, v := range vs {
			out = append(out, v.F)
		}
		return out, err
	}())
	want := [][]float64{{-4, -4}, {2, 0, -2, 2, 0, -2}, {10, 14, 18}, {12, 30}}
	for i, w := range want {
		for k, v := range w {
			if got[i][k] != v {
				t.Errorf("output %d = %v, want %v", i, got[i], w)
				break
			}
		}
	}
	for bad, text := range map[float64]string{math.Inf(1): "panicked: infinite", math.NaN(): "not a number"} {
		_, err := testkit.Run(m, point(a, []float64{bad, 2, 3, 4, 5, 6}, x, []float64{1, 0, -1}))
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "custom_test.go:") {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}

func TestCustomMistakes(t *testing.T) {
	id := func(in []*graph.Node) *graph.Node { return graph.Neg(in[0]) }
	back := func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node { return []*graph.Node{ct} }
	for _, c := range []struct {
		text string
		err  error
	}{
		{"is not \"user_\"", second(graph.CustomVJP("relu6", 1, id, back))},
		{"is not \"user_\"", second(graph.CustomVJP("user_Relu", 1, id, back))},
		{"registered twice", second(graph.CustomVJP("user_straight_through", 1, id, back))},
		{"neither VJP nor JVP", second(graph.CustomVJP("user_a", 1, id, nil))},
		{"no forward function", second(graph.CustomVJP("user_a", 1, nil, back))},
		{"takes from 0 to 0 operands", second(graph.CustomVJP("user_a", 0, id, back))},
		{"one form of derivative", second(graph.RegisterUser(graph.Op{Name: "user_a", MinArity: 1, MaxArity: 1, Elementwise: true, DTypes: graph.Floats, Expand: func(n *graph.Node) *graph.Node { return n.Input(0) }}))},
		{"does not begin with", second(graph.RegisterUser(graph.Op{Name: "user_a", MinArity: 1, MaxArity: 1, Kernel: "matmul"}))},
		{"does not begin with", vm.RegisterKernel(vm.Kernel{Name: "matmul"})},
		{"no check or no run", vm.RegisterKernel(vm.Kernel{Name: "user_a"})},
		{"registered twice", vm.RegisterKernel(vm.Kernel{Name: "user_matvec", Check: func(_, _ []vm.Type, _ vm.Attrs) error { return nil },
			Run: func(_, _ []vm.Tensor, _ vm.Attrs) error { return nil }})},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("error %v, want %q", c.err, c.text)
		}
	}
	wrongShape := registered(graph.CustomVJP("user_wrong_shape", 1, id,
		func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node { return []*graph.Node{graph.Sum(ct)} }))
	wrongCount := registered(graph.CustomVJP("user_wrong_count", 1, id,
		func(_ []*graph.Node, _, _ *graph.Node) []*graph.Node { return nil }))
	for op, text := range map[*graph.Op]string{wrongShape: "its VJP gives an adjoint f64 at place 0, which is f64[3]", wrongCount: "its VJP gives 0 nodes, not 1"} {
		g := graph.New()
		x := g.Input("x", graph.Float64, 3)
		y := graph.Sum(graph.Call(op, x))
		for _, err := range []error{second(compile.Gradient(y, x)), second(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil))} {
			if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "custom_test.go:") {
				t.Errorf("error %v, want %q", err, text)
			}
		}
	}
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	graph.Call(customMatVec, x)
	graph.CallWith(customMatVec, nil, x, x)
	graph.CallWith(customMatVec, []graph.Attr{graph.FloatAttr("factor", 1), graph.FloatAttr("factor", 1)}, x, x)
	graph.Call(nil, x)
	for _, text := range []string{"takes 2 operands, not 1", "attribute factor is missing", "repeated attribute factor", "the operator is nil"} {
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want %q", err, text)
		}
	}
}

// Mistakes in the functions of a user's operator, panics included, are errors that name it and the line that applied it.
func TestMistakesOfUserFunctions(t *testing.T) {
	infer := func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil }
	expand := func(n *graph.Node) *graph.Node { return graph.Neg(n.Input(0)) }
	back := func(_ *graph.Node, ct []*graph.Node) []*graph.Node { return ct }
	other := graph.New().Input("other", graph.Float64)
	count := 0
	for text, op := range map[string]graph.Op{
		"its type rule panicked: runtime error: index out of range": {Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[1].Type(), nil }, Expand: expand, VJP: back},
		"its expansion panicked: mistake":                           {Infer: infer, Expand: func(*graph.Node) *graph.Node { panic("mistake") }, VJP: back},
		"its expansion gives no node":                               {Infer: infer, Expand: func(*graph.Node) *graph.Node { return nil }, VJP: back},
		"its expansion gives f64[2] for a node of type f64":         {Infer: infer, Expand: func(n *graph.Node) *graph.Node { return graph.BroadcastTo(n.Input(0), 2) }, VJP: back},
		"its VJP panicked: mistake":                                 {Infer: infer, Expand: expand, VJP: func(*graph.Node, []*graph.Node) []*graph.Node { panic("mistake") }},
		"its VJP gives 2 nodes, not 1":                              {Infer: infer, Expand: expand, VJP: func(_ *graph.Node, ct []*graph.Node) []*graph.Node { return append(ct, ct...) }},
		"its VJP gives an adjoint from another graph":               {Infer: infer, Expand: expand, VJP: func(*graph.Node, []*graph.Node) []*graph.Node { return []*graph.Node{other} }},
		"its JVP panicked: mistake":                                 {Infer: infer, Expand: expand, JVP: func(*graph.Node, []*graph.Node) []*graph.Node { panic("mistake") }},
		"its JVP gives a tangent bool at place 0, which is f64": {Infer: infer, Expand: expand, JVP: func(n *graph.Node, _ []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Equal(n, n)}
		}},
		"its transpose panicked: mistake": {Infer: infer, Expand: expand, Transpose: func(*graph.Node, int, *graph.Node) *graph.Node { panic("mistake") }},
		"its partial panicked: mistake":   {Elementwise: true, DTypes: graph.Floats, Expand: expand, Partial: func(*graph.Node, int) *graph.Node { panic("mistake") }},
	} {
		op.Name, op.MinArity, op.MaxArity = fmt.Sprintf("user_mistaken%d", count), 1, 1
		count++
		registeredOp := registered(graph.RegisterUser(op))
		g := graph.New()
		x := g.Input("x", graph.Float64)
		y := graph.Call(registeredOp, x)
		err := g.Err()
		if err == nil {
			d, e := compile.Gradient(y, x)
			if err = e; err == nil {
				_, err = compile.Compile(append(d, y)...)
			}
		}
		if err == nil || !strings.Contains(err.Error(), op.Name+": "+text) || !strings.Contains(err.Error(), "custom_test.go:") {
			t.Errorf("error %v, want %q", err, text)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Errorf("%q is called an internal error: %v", text, err)
		}
	}
	_, err := graph.CustomVJP("user_mistaken_forward", 1, func(in []*graph.Node) *graph.Node { return in[3] }, func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node { return nil })
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	graph.Call(graph.LookupOp("user_mistaken_forward"), g.Input("x", graph.Float64))
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "its forward function panicked: runtime error: index out of range") {
		t.Errorf("error %v", err)
	}
}

// A check that panics refuses the program.
func TestPanickingCheck(t *testing.T) {
	err := vm.RegisterKernel(vm.Kernel{Name: "user_panicking", Check: func(in, _ []vm.Type, _ vm.Attrs) error { return fmt.Errorf("%d", in[7].Shape[0]) },
		Run: func(_, _ []vm.Tensor, _ vm.Attrs) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	y := graph.Call(registered(graph.RegisterUser(graph.Op{Name: "user_panicking", MinArity: 1, MaxArity: 1, Kernel: "user_panicking", NoDerivative: "never runs",
		Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil }})), g.Input("x", graph.Float64))
	if _, err := compile.Compile(y); err == nil || !strings.Contains(err.Error(), "the check of kernel user_panicking panicked") {
		t.Errorf("error %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
