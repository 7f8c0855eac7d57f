package compile_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// refEval evaluates by the definitions.
func refEval(t *testing.T, in map[*graph.Node]ref.Value, out ...*graph.Node) []ref.Value {
	t.Helper()
	v, err := ref.Eval(in, out...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLoopDerivativesByDefinition(t *testing.T) {
	for _, name := range []string{"scan", "while", "switch", "checkpoint", "call"} {
		op := graph.LookupOp(name)
		for k, s := range op.Samples {
			g := graph.New()
			var in []*graph.Node
			values := map[*graph.Node]ref.Value{}
			seed := 0.3
			for i, si := range s.In {
				n := g.Input(string(rune('a'+i)), si.Type.DType, si.Type.Shape...)
				in = append(in, n)
				v := make([]float64, n.Shape().Size())
				for j := range v {
					seed = math.Mod(seed*7.13+0.31, 1)
					v[j] = si.Lo + (si.Hi-si.Lo)*seed
				}
				values[n] = ref.Of(si.Type, v...)
			}
			y := graph.ReduceSum(graph.Square(s.Build(in)), nil)
			if err := g.Err(); err != nil {
				t.Fatal(name, k, err)
			}
			grad, err := compile.Gradient(y, in...)
			if err != nil {
				t.Fatal(name, k, err)
			}
			var ones []*graph.Node
			for i, n := range in {
				ones = append(ones, graph.Constant(g, values[n].F, n.Shape()...))
				_ = i
			}
			dot, err := compile.JVP([]*graph.Node{y}, in, ones)
			if err != nil {
				t.Fatal(name, k, err)
			}
			sum := graph.Like(y, 0)
			for i := range in {
				sum = graph.Add(sum, graph.ReduceSum(graph.Mul(grad[i], ones[i]), nil))
			}
			// Second order: forward over reverse and reverse over reverse, forward over forward.
			fr, err := compile.JVP([]*graph.Node{sum}, in, ones)
			if err != nil {
				t.Fatal(name, k, err)
			}
			rr, err := compile.Gradient(sum, in...)
			if err != nil {
				t.Fatal(name, k, err)
			}
			rrs := graph.Like(y, 0)
			for i := range in {
				rrs = graph.Add(rrs, graph.ReduceSum(graph.Mul(rr[i], ones[i]), nil))
			}
			ff, err := compile.JVP(dot, in, ones)
			if err != nil {
				t.Fatal(name, k, err)
			}
			out := refEval(t, values, y, sum, dot[0], fr[0], rrs, ff[0])
			// difference
			h := 1e-5
			at := func(e float64) float64 {
				moved := map[*graph.Node]ref.Value{}
				for n, v := range values {
					w := ref.New(v.Type)
					for j := range v.F {
						w.F[j] = v.F[j] * (1 + e)
					}
					moved[n] = w
				}
				return refEval(t, moved, y)[0].F[0]
			}
			d1 := (at(h) - at(-h)) / (2 * h)
			d2 := (at(1e-4) - 2*at(0) + at(-1e-4)) / 1e-8
			t.Log(name, k, d1, d2, out[0].F, out[1].F, out[2].F, out[3].F, out[4].F, out[5].F)
			for i, want := range []float64{d1, d1, d2, d2, d2} {
				if got := out[1+i].F[0]; math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
					t.Errorf("%s %d: derivative %d is %v, differences %v", name, k, i, got, want)
				}
			}
		}
	}
}

// What a branch's function computes from outside alone belongs to the branch: it is not run, and has no part in derivatives, where the branch is not taken. Here
// √x at 0 has the derivative +Inf, and 1/0 is the run's error.
func TestBranchHoldsWhatItsFunctionMakes(t *testing.T) {
	g := graph.New()
	x, k := g.Input("x", graph.Float64), g.Input("k", graph.Int64)
	y := graph.Cond(graph.Greater(x, graph.Like(x, 0)), nil,
		func([]*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Sqrt(x), graph.Div(graph.Like(k, 12), k)}
		},
		func([]*graph.Node) []*graph.Node { return []*graph.Node{graph.Like(x, 7), k} })
	d, err := compile.Gradient(y[0], x)
	if err != nil {
		t.Fatal(err)
	}
	dot, err := compile.JVP(y[:1], []*graph.Node{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x    float64
		k    int64
		want []float64
	}{{0, 0, []float64{7, 0, 0, 0}}, {-1, 0, []float64{7, 0, 0, 0}}, {4, 3, []float64{2, 4, 0.25, 0.25}}} {
		at := testkit.Point{x: ref.Of(x.Type(), c.x), k: {Type: k.Type(), I: []int64{c.k}}}
		for _, config := range []compile.Config{{}, {Unoptimized: true}} {
			got, err := testkit.CompileAndRun(config, at, y[0], graph.Cast(y[1], graph.Float64), d[0], dot[0])
			if err != nil {
				t.Fatalf("x = %v, k = %v: %v", c.x, c.k, err)
			}
			for i, v := range got {
				if v.F[0] != c.want[i] {
					t.Errorf("x = %v, k = %v: output %d is %v, want %v", c.x, c.k, i, v.F[0], c.want[i])
				}
			}
		}
	}
}

// A loop that starts from values of the outermost graph alone lies in the body that makes it, of which it may use the values.
func TestLoopWithinABodyOfOuterOperands(t *testing.T) {
	g := graph.New()
	x, zero := g.Input("x", graph.Float64), g.Const(0)
	outer, _ := graph.Scan(3, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		inner, _ := graph.Scan(4, []*graph.Node{zero}, nil, func(d, _ []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Add(d[0], c[0])}, nil
		})
		return inner, nil
	})
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	if got := refEval(t, testkit.Point{x: ref.Of(x.Type(), 1.5)}, outer[0])[0].F[0]; got != 1.5*64 {
		t.Errorf("x·4³ = %v", got)
	}
}

// The tangent of a loop without carries whose values at each step have none is nothing.
func TestTangentOfAMapWithoutOne(t *testing.T) {
	g := graph.New()
	xs := g.Input("xs", graph.Float64, 3)
	ys := graph.Map([]*graph.Node{xs}, func(x []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.StopGradient(graph.Square(x[0])), graph.Cast(graph.Less(x[0], graph.Like(x[0], 0)), graph.Float64)}
	})
	dots, err := compile.JVP(ys, []*graph.Node{xs}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Taylor(2, ys, []*graph.Node{xs}, [][]*graph.Node{{xs}})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range refEval(t, testkit.Point{xs: ref.Of(xs.Type(), 1, -2, 3)}, append(dots, append(c[1], c[2]...)...)...) {
		for _, d := range v.F {
			if d != 0 {
				t.Errorf("derivative %d is %v", i, v.F)
			}
		}
	}
}

// Derivatives taken while a body is built, by the body's nodes and by nodes from around it, are those taken outside.
func TestDerivativesInsideBodies(t *testing.T) {
	kinds := map[string]func(y *graph.Node, wrt *graph.Node) ([]*graph.Node, error){
		"gradient": func(y, x *graph.Node) ([]*graph.Node, error) { return compile.Gradient(graph.ReduceSum(y, nil), x) },
		"strict": func(y, x *graph.Node) ([]*graph.Node, error) {
			return compile.GradientStrict(graph.ReduceSum(y, nil), x)
		},
		"vjp": func(y, x *graph.Node) ([]*graph.Node, error) {
			return compile.VJP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{x})
		},
		"jvp": func(y, x *graph.Node) ([]*graph.Node, error) {
			return compile.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{x})
		},
		"hvp": func(y, x *graph.Node) ([]*graph.Node, error) {
			return compile.HVP(graph.ReduceSum(y, nil), []*graph.Node{x}, []*graph.Node{x})
		},
		"gauss-newton": func(y, x *graph.Node) ([]*graph.Node, error) {
			return compile.GaussNewton([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{x})
		},
		"jacobian": func(y, x *graph.Node) ([]*graph.Node, error) {
			j, err := compile.Jacobian(y, x)
			return []*graph.Node{j}, err
		},
		"hessian": func(y, x *graph.Node) ([]*graph.Node, error) {
			h, err := compile.Hessian(graph.ReduceSum(y, nil), x)
			return []*graph.Node{h}, err
		},
		"sparse jacobian": func(y, x *graph.Node) ([]*graph.Node, error) {
			m, err := compile.SparseJacobian(y, x)
			if err != nil {
				return nil, err
			}
			return []*graph.Node{m.Values}, nil
		},
		"sparse hessian": func(y, x *graph.Node) ([]*graph.Node, error) {
			m, err := compile.SparseHessian(graph.ReduceSum(y, nil), x)
			if err != nil {
				return nil, err
			}
			return []*graph.Node{m.Values}, nil
		},
		"taylor": func(y, x *graph.Node) ([]*graph.Node, error) {
			c, err := compile.Taylor(2, []*graph.Node{y}, []*graph.Node{x}, [][]*graph.Node{{x}})
			if err != nil {
				return nil, err
			}
			return c[2], nil
		},
		"directional": func(y, x *graph.Node) ([]*graph.Node, error) {
			c, err := compile.Directional(2, []*graph.Node{y}, []*graph.Node{x}, []*graph.Node{x})
			if err != nil {
				return nil, err
			}
			return c[1], nil
		},
		"batch": func(y, x *graph.Node) ([]*graph.Node, error) {
			return compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{graph.Stack(0, x, graph.Sin(x))})
		},
	}
	// Sparse in x and in w.
	f := func(x, w *graph.Node) *graph.Node { return graph.Mul(graph.Sin(graph.Mul(x, w)), graph.Square(x)) }
	for kind, derive := range kinds {
		g := graph.New()
		x, w := g.Input("x", graph.Float64, 3), g.Input("w", graph.Float64, 3)
		at := testkit.Point{x: ref.Of(x.Type(), 0.5, -1.25, 2), w: ref.Of(w.Type(), 1.5, 0.75, -0.25)}
		for by, of := range map[string]func(x, w *graph.Node) *graph.Node{
			"the body's": func(x, w *graph.Node) *graph.Node { return x },
			"outer":      func(x, w *graph.Node) *graph.Node { return w },
		} {
			want, err := derive(f(x, w), of(x, w))
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			var got []*graph.Node
			inBody := func(args []*graph.Node) []*graph.Node {
				d, err := derive(f(args[0], w), of(args[0], w))
				if err != nil {
					t.Fatalf("%s, in a body, by the %s node: %v", kind, by, err)
				}
				return d
			}
			// In a checkpoint, and two bodies deep.
			got = append(got, graph.Checkpoint([]*graph.Node{x}, inBody)[0])
			_, ys := graph.Scan(1, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				return c, graph.Checkpoint(c, inBody)
			})
			got = append(got, graph.Reshape(ys[0], want[0].Shape()...))
			values := refEval(t, at, append(got, want[0])...)
			for i := range got {
				if err := testkit.Close(values[i], values[2], 0); err != nil {
					t.Errorf("%s, %d deep, by the %s node: %v", kind, i+1, by, err)
				}
			}
		}
	}
}

// A derivative by a node from outside would leave out what reaches the body through other nodes from outside.
func TestHiddenDependenceIsRefused(t *testing.T) {
	g := graph.New()
	w := g.Input("w", graph.Float64)
	u := graph.Sin(w)
	stopped := graph.StopGradient(u)
	graph.Checkpoint([]*graph.Node{w}, func(a []*graph.Node) []*graph.Node {
		if _, err := compile.Gradient(graph.Mul(a[0], stopped), w); err != nil {
			t.Errorf("without a derivative outside: %v", err)
		}
		cost := graph.Mul(graph.Mul(a[0], u), w)
		_, err := compile.Gradient(cost, w)
		if err == nil || !strings.Contains(err.Error(), "which depends on") || !strings.Contains(err.Error(), "loops_test.go:") {
			t.Errorf("gradient: %v", err)
		}
		if _, err = compile.JacobianPattern(cost, w); err == nil {
			t.Error("the pattern leaves out what is hidden")
		}
		if _, err = compile.Batch([]*graph.Node{cost}, []*graph.Node{w}, []*graph.Node{graph.Stack(0, w, w)}); err == nil {
			t.Error("the batch leaves out what is hidden")
		}
		return graph.Checkpoint(a, func(b []*graph.Node) []*graph.Node {
			if _, err := compile.Gradient(graph.Mul(b[0], u), w); err == nil || !strings.Contains(err.Error(), "which depends on") {
				t.Errorf("two bodies deep: %v", err)
			}
			d, err := compile.Gradient(graph.Mul(b[0], w), u)
			if err != nil {
				t.Error(err)
			}
			return d
		})
	})
	if err := g.Err(); err != nil {
		t.Error(err)
	}
}

// Nodes of a body that are taken out of it have no derivatives and no batch, and what is wrong says so with a line.
func TestNodesOfBodiesAreRefused(t *testing.T) {
	for _, closed := range []string{"the body of the scan made at ", "a body"} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		var in, out *graph.Node
		y, _ := graph.Scan(3, list{x}, nil, func(c, _ list) (next, ys list) {
			in, out = c[0], graph.Sin(c[0])
			return list{out}, nil
		})
		if closed == "a body" {
			loop, _, _ := graph.ResultOf(y[0])
			b := graph.Bodies(loop)[0]
			in, out = b.Params()[0], b.Results()[0]
		}
		for name, f := range map[string]func(y, x *graph.Node) error{
			"gradient":        func(y, x *graph.Node) error { _, err := compile.Gradient(y, x); return err },
			"strict gradient": func(y, x *graph.Node) error { _, err := compile.GradientStrict(y, x); return err },
			"JVP":             func(y, x *graph.Node) error { _, err := compile.JVP(list{y}, list{x}, nil); return err },
			"VJP":             func(y, x *graph.Node) error { _, err := compile.VJP(list{y}, list{x}, nil); return err },
			"Jacobian":        func(y, x *graph.Node) error { _, err := compile.Jacobian(y, x); return err },
			"Hessian":         func(y, x *graph.Node) error { _, err := compile.Hessian(y, x); return err },
			"HVP":             func(y, x *graph.Node) error { _, err := compile.HVP(y, list{x}, list{x}); return err },
			"sparse Jacobian": func(y, x *graph.Node) error { _, err := compile.SparseJacobian(y, x); return err },
			"sparse Hessian":  func(y, x *graph.Node) error { _, err := compile.SparseHessian(y, x); return err },
			"Taylor":          func(y, x *graph.Node) error { _, err := compile.Taylor(2, list{y}, list{x}, []list{{x}}); return err },
			"batch": func(y, x *graph.Node) error {
				_, err := compile.Batch(list{y}, list{x}, list{graph.New().Input("b", graph.Float64, 3)})
				return err
			},
		} {
			if err := f(out, in); err == nil || name != "batch" && !strings.Contains(err.Error(), closed) || !strings.Contains(err.Error(), "loops_test.go:") {
				t.Errorf("%s of nodes of %s: %v", name, closed, err)
			}
			if err := f(y[0], in); err == nil || !strings.Contains(err.Error(), "different graphs") || !strings.Contains(err.Error(), "loops_test.go:") {
				t.Errorf("%s by a node of %s: %v", name, closed, err)
			}
		}
		if err := g.Err(); err != nil {
			t.Errorf("on record: %v", err)
		}
	}
}
