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

// Linear systems by every method against the direct solution, with second derivatives in several nestings, alone, in lanes and in a batch.
func TestLinearSolve(t *testing.T) {
	const n = 12
	for _, method := range []graph.LinearMethod{graph.ConjugateGradient, graph.BiCGSTAB, graph.GMRES} {
		t.Run(string(method), func(t *testing.T) {
			g := graph.New()
			a, b := g.Input("a", graph.Float64, n, n), g.Input("b", graph.Float64, n)
			matrix := func() *graph.Node { // regular; symmetric and positive definite for the method that asks for it
				if method == graph.ConjugateGradient {
					return graph.Add(graph.MatMul(a, graph.Transpose(a)), eye(g, n))
				}
				return graph.Add(a, graph.Mul(g.Const(4), eye(g, n)))
			}()
			x := graph.LinearSolve(func(v *graph.Node) *graph.Node { return graph.MatMul(matrix, v) }, b, graph.ImplicitOptions{Method: method})
			direct := graph.Solve(matrix, b)
			at := testkit.Point{a: ref.New(a.Type()), b: ref.New(b.Type())}
			for i := range at[a].F {
				at[a].F[i] = math.Sin(float64(3*i + i*i%7))
			}
			for i := range at[b].F {
				at[b].F[i] = math.Cos(float64(i))
			}
			sameSecondOrder(t, at, x, direct, []*graph.Node{a, b})
			// A preconditioner changes nothing but the number of steps: the diagonal, or in a method for any matrix something that is not symmetric.
			steps := 12
			precondition := func(r *graph.Node) *graph.Node { return graph.Div(r, graph.DiagPart(matrix, 0)) }
			if method != graph.ConjugateGradient {
				lower := graph.Tril(matrix, 0)
				precondition = func(r *graph.Node) *graph.Node { return graph.TriangularSolve(lower, r) }
				steps = 100
			}
			sameSecondOrder(t, at, graph.LinearSolve(func(v *graph.Node) *graph.Node { return graph.MatMul(matrix, v) }, b,
				graph.ImplicitOptions{Method: method, Precondition: precondition, Limit: 3 * steps}), direct, []*graph.Node{a, b})
			exact := graph.LinearSolve(func(v *graph.Node) *graph.Node { return graph.MatMul(matrix, v) }, b,
				graph.ImplicitOptions{Method: method, Precondition: func(r *graph.Node) *graph.Node { return graph.Solve(matrix, r) }, Limit: 3, Tolerance: 1e-11})
			sameSecondOrder(t, at, exact, direct, []*graph.Node{a, b})
			// Lanes of their own, which need different numbers of steps.
			scales := graph.Constant(g, []float64{1, 100, 1e-3}, 3)
			rhs := graph.Mul(graph.Reshape(scales, 3, 1), graph.Stack(0, b, graph.Square(b), graph.Sin(b)))
			lanes := graph.LinearSolve(func(v *graph.Node) *graph.Node {
				return graph.Add(graph.MatMul(v, graph.Transpose(matrix)), graph.Mul(graph.Reshape(graph.Square(scales), 3, 1), v))
			}, rhs, graph.ImplicitOptions{Method: method, Lanes: 1})
			var each []*graph.Node
			for i := range 3 {
				each = append(each, graph.Solve(graph.Add(matrix, graph.Mul(graph.Square(graph.Index(scales, i)), eye(g, n))), graph.Index(rhs, i)))
			}
			sameSecondOrder(t, at, lanes, graph.Stack(0, each...), []*graph.Node{a, b})
			// A batch of right-hand sides and of matrices.
			many := graph.Stack(0, b, graph.Cos(b))
			batched, err := compile.Batch([]*graph.Node{x}, []*graph.Node{b}, []*graph.Node{many})
			if err != nil {
				t.Fatal(err)
			}
			sameSecondOrder(t, at, batched[0], graph.Stack(0, graph.Solve(matrix, b), graph.Solve(matrix, graph.Cos(b))), []*graph.Node{a, b})
			twice := graph.Stack(0, a, graph.Mul(g.Const(0.5), a))
			batched, err = compile.Batch([]*graph.Node{x, direct}, []*graph.Node{a}, []*graph.Node{twice})
			if err != nil {
				t.Fatal(err)
			}
			sameSecondOrder(t, at, batched[0], batched[1], []*graph.Node{a, b})
		})
	}
}

func eye(g *graph.Graph, n int) *graph.Node {
	return graph.Cast(graph.Equal(graph.Iota(g, graph.Int64, 0, n, 1), graph.Iota(g, graph.Int64, 1, 1, n)), graph.Float64)
}

// sameSecondOrder compares x with what it should be: value, gradient, and the product of the Hessian of a weighted sum of squares in all nestings of two modes.
func sameSecondOrder(t *testing.T, at testkit.Point, x, want *graph.Node, wrt []*graph.Node) {
	t.Helper()
	if err := x.Graph().Err(); err != nil {
		t.Fatal(err)
	}
	values := func(x *graph.Node) []*graph.Node {
		g := x.Graph()
		flat := graph.Reshape(x, -1)
		cost := graph.Add(graph.ReduceSum(graph.Mul(graph.Square(flat), graph.Add(graph.Iota(g, graph.Float64, 0, flat.Shape()[0]), g.Const(1))), nil), graph.ReduceSum(flat, nil))
		var dots []*graph.Node
		for _, w := range wrt {
			dots = append(dots, graph.Cos(graph.Mul(g.Const(3), w)))
		}
		d := grad(t, cost, wrt...)
		jvp, err := compile.JVP([]*graph.Node{x, cost}, wrt, dots)
		if err != nil {
			t.Fatal(err)
		}
		forwardOverReverse, err := compile.JVP(d, wrt, dots)
		if err != nil {
			t.Fatal(err)
		}
		forwardOverForward, err := compile.JVP(jvp[1:], wrt, dots)
		if err != nil {
			t.Fatal(err)
		}
		out := append(append(append([]*graph.Node{x, cost}, d...), jvp...), forwardOverReverse...)
		out = append(out, grad(t, jvp[1], wrt...)...)
		return append(out, forwardOverForward...)
	}
	a, b := values(x), values(want)
	got, err := testkit.CompileAndRun(compile.Config{}, at, append(a, b...)...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if err := testkit.CloseTo(got[i], got[len(a)+i], 1e-8, 1e-10); err != nil {
			t.Errorf("output %d of %d: %v", i, len(a), err)
		}
	}
}

// An implicit function that has a closed form: x = ln θ by x ↦ eˣ − θ. All derivatives up to the fourth, forward, reverse and Taylor.
func TestImplicitHighOrder(t *testing.T) {
	g := graph.New()
	theta := g.Input("theta", graph.Float64)
	x := graph.Implicit(graph.Log(theta), func(x *graph.Node) *graph.Node { return graph.Sub(graph.Exp(x), theta) }, graph.ImplicitOptions{})
	at := testkit.Point{theta: ref.Of(theta.Type(), 1.7)}
	var out []*graph.Node
	reverse, forward := x, []*graph.Node{x}
	for range 4 {
		reverse = grad(t, reverse, theta)[0]
		var err error
		if forward, err = compile.JVP(forward, []*graph.Node{theta}, nil); err != nil {
			t.Fatal(err)
		}
		out = append(out, reverse, forward[0])
	}
	series, err := compile.Taylor(4, []*graph.Node{x}, []*graph.Node{theta}, [][]*graph.Node{{g.Const(1)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range series[1:] {
		out = append(out, s...)
	}
	got, err := testkit.CompileAndRun(compile.Config{}, at, out...)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{1 / 1.7, -1 / math.Pow(1.7, 2), 2 / math.Pow(1.7, 3), -6 / math.Pow(1.7, 4)}
	factorial := 1.0
	for k, w := range want {
		factorial *= float64(k + 1)
		for i, v := range []float64{got[2*k].F[0], got[2*k+1].F[0]} {
			if math.Abs(v-w) > 1e-14*math.Abs(w) {
				t.Errorf("derivative %d, mode %d: %v, want %v", k+1, i, v, w)
			}
		}
		if v := got[8+k].F[0]; math.Abs(v*factorial-w) > 1e-14*math.Abs(w) {
			t.Errorf("Taylor coefficient %d: %v, want %v", k+1, v, w/factorial)
		}
	}
}

// Mistakes have the user's line; runs that do not converge name the node, the steps and the residual.
func TestImplicitMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		build func(g *graph.Graph, x *graph.Node) *graph.Node
		want  string
	}{
		"integers": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Implicit(graph.Cast(x, graph.Int64), func(y *graph.Node) *graph.Node { return y }, graph.ImplicitOptions{})
		}, "needs floats"},
		"another shape": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Implicit(x, func(y *graph.Node) *graph.Node { return graph.ReduceSum(y, nil) }, graph.ImplicitOptions{})
		}, "should give one value of the solution's type f64[3]"},
		"lanes": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Implicit(x, func(y *graph.Node) *graph.Node { return y }, graph.ImplicitOptions{Lanes: 2})
		}, "2 dimensions of lanes"},
		"method": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Implicit(x, func(y *graph.Node) *graph.Node { return y }, graph.ImplicitOptions{Method: "magic"})
		}, `no method "magic"`},
		"no function": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Implicit(x, nil, graph.ImplicitOptions{})
		}, "needs a function"},
		"tolerance": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.LinearSolve(func(v *graph.Node) *graph.Node { return v }, x, graph.ImplicitOptions{Tolerance: -1})
		}, "a tolerance of -1"},
		"a node that escapes": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			var inner *graph.Node
			graph.Implicit(x, func(y *graph.Node) *graph.Node { inner = graph.Sin(y); return graph.Sub(inner, x) }, graph.ImplicitOptions{})
			return graph.Add(inner, x)
		}, "belong to the body of the implicit"},
		"a preconditioner to another shape": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.Implicit(x, func(y *graph.Node) *graph.Node { return y }, graph.ImplicitOptions{Precondition: func(r *graph.Node) *graph.Node { return graph.Sum(r) }})
		}, "the preconditioner gives (f64)"},
		"a map to another shape": {func(g *graph.Graph, x *graph.Node) *graph.Node {
			return graph.LinearSolve(func(v *graph.Node) *graph.Node { return graph.Concat(0, v, v) }, x, graph.ImplicitOptions{Method: graph.ConjugateGradient})
		}, "[6]"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			y := c.build(g, g.Input("x", graph.Float64, 3))
			_, err := compile.Compile(y)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "implicit_test.go:") {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	turn := func(v *graph.Node) *graph.Node {
		return graph.Concat(0, graph.Slice(v, graph.Range{Start: 1, Limit: 3}), graph.Slice(v, graph.Range{Limit: 1}))
	}
	for name, c := range map[string]struct {
		y    *graph.Node
		want []string
	}{
		"not definite": {graph.LinearSolve(turn, x, graph.ImplicitOptions{Method: graph.ConjugateGradient, Limit: 7}), []string{"cg does not converge in 7 steps", "residual"}},
		"singular":     {graph.LinearSolve(func(v *graph.Node) *graph.Node { return graph.Mul(g.Const(0), v) }, x, graph.ImplicitOptions{}), []string{"gmres does not converge", "residual"}},
		"NaN":          {graph.LinearSolve(func(v *graph.Node) *graph.Node { return graph.Sqrt(graph.Neg(graph.Exp(v))) }, x, graph.ImplicitOptions{Method: graph.BiCGSTAB}), []string{"bicgstab does not converge", "NaN"}},
	} {
		_, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1, 2, 4)}, c.y)
		for _, w := range append(c.want, "implicit_test.go:", "require") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error is %v, want one with %q", name, err, w)
			}
		}
	}
	nothing := graph.Implicit(x, func(y *graph.Node) *graph.Node { return graph.Sub(x, graph.StopGradient(y)) }, graph.ImplicitOptions{})
	if _, err := compile.Gradient(graph.Sum(nothing), x); err == nil || !strings.Contains(err.Error(), "does not depend on the solution") {
		t.Errorf("the error is %v", err)
	}
}

// A band of 70 unknowns, which direct solutions find to be sparse, and a few that are told so, against solutions of the dense matrix; by its transpose, in lanes, in a batch. The sparse matrix is the one
// of the derivative and of its derivatives.
func TestImplicitSparse(t *testing.T) {
	for _, c := range []struct {
		n      int
		method graph.LinearMethod
		sparse bool
	}{{70, graph.Direct, true}, {6, graph.Sparse, true}, {6, graph.Direct, false}} {
		g := graph.New()
		p := g.Input("p", graph.Float64, 3)
		at := testkit.Point{p: ref.New(p.Type())}
		copy(at[p].F, []float64{0.3, -0.7, 0.4})
		parts := []*graph.Node{graph.Index(p, 0), graph.Index(p, 1), graph.Index(p, 2)} // not made anew in bodies, where a batch would not find them
		part := func(i int) *graph.Node { return parts[i] }
		places := graph.Iota(g, graph.Float64, 0, c.n)
		rhs := graph.Sin(graph.Mul(part(1), places))
		// The matrix is the same as a function of its product and as a matrix.
		apply := func(x *graph.Node) *graph.Node {
			padded := graph.Pad(x, []int{1}, []int{1}, 0)
			shifted := func(start int) *graph.Node { return graph.Slice(padded, graph.Range{Start: start, Limit: start + c.n}) }
			return graph.Add(graph.Mul(graph.Add(g.Const(3), graph.Square(part(0))), x), graph.Add(graph.Mul(part(1), shifted(0)), graph.Mul(part(2), shifted(2))))
		}
		row, column := graph.Iota(g, graph.Int64, 0, c.n, 1), graph.Iota(g, graph.Int64, 1, 1, c.n)
		band := func(k float64, v *graph.Node) *graph.Node {
			return graph.Mul(v, graph.Cast(graph.Equal(graph.Add(row, graph.Like(row, k)), column), graph.Float64))
		}
		matrix := graph.Add(band(0, graph.Add(g.Const(3), graph.Square(part(0)))), graph.Add(band(-1, part(1)), band(1, part(2))))
		want := graph.Solve(matrix, rhs)
		x := graph.Implicit(graph.StopGradient(want), func(x *graph.Node) *graph.Node { return graph.Sub(apply(x), rhs) }, graph.ImplicitOptions{Method: c.method})
		sameSecondOrder(t, at, x, want, []*graph.Node{p})

		// In lanes, with a cube of each element, and a batch of parameters. The solution is that of an iteration.
		cubic := func(x, lane *graph.Node) *graph.Node {
			return graph.Sub(graph.Add(apply(x), graph.Mul(g.Const(0.1), graph.Mul(x, graph.Square(x)))), graph.Mul(lane, rhs))
		}
		iterate := func(lane *graph.Node, implicit bool) *graph.Node {
			x := graph.Mul(lane, graph.Mul(g.Const(0.3), rhs))
			x = fixedSteps(x, func(x *graph.Node) *graph.Node {
				return graph.Sub(x, graph.Solve(graph.Add(matrix, graph.Diag(graph.Mul(g.Const(0.3), graph.Square(x)), 0)), cubic(x, lane)))
			})
			if implicit {
				return graph.Implicit(graph.StopGradient(x), func(x *graph.Node) *graph.Node { return cubic(x, lane) }, graph.ImplicitOptions{Method: c.method})
			}
			return x
		}
		if c.n < 10 {
			sameSecondOrder(t, at, iterate(part(0), true), iterate(part(0), false), []*graph.Node{p})
			lane := part(0)
			batched, err := compile.Batch([]*graph.Node{iterate(lane, true), iterate(lane, false)}, []*graph.Node{lane}, []*graph.Node{graph.Stack(0, part(0), graph.Cos(part(1)))})
			if err != nil {
				t.Fatal(err)
			}
			sameSecondOrder(t, at, batched[0], batched[1], []*graph.Node{p})
		}
		d := grad(t, graph.Sum(graph.Square(x)), p)
		prog, err := compile.Compile(d...)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(prog.String(), "csr_solve") != c.sparse {
			t.Errorf("%d unknowns, %s: sparse is %v", c.n, c.method, !c.sparse)
		}
	}
}

// fixedSteps takes eight steps of an iteration.
func fixedSteps(x *graph.Node, step func(x *graph.Node) *graph.Node) *graph.Node {
	for range 8 {
		x = step(x)
	}
	return x
}

// A sparse matrix ∂f/∂x that is singular fails the run of a derivative: the error names the node, its line and a row without a pivot. The value itself does not ask.
func TestImplicitSingular(t *testing.T) {
	const n = 80
	for _, exactly := range []bool{false, true} {
		g := graph.New()
		rhs := g.Input("rhs", graph.Float64, n)
		weights := graph.Add(graph.Like(rhs, 1), graph.Mul(graph.Like(rhs, 0.37), graph.Iota(g, graph.Float64, 0, n-1)))
		x := graph.Implicit(graph.FullLike(rhs, 0), func(x *graph.Node) *graph.Node { // differences with free ends: a constant may be added
			flow := graph.Mul(weights, graph.Sub(graph.Slice(x, graph.Range{Start: 1, Limit: n}), graph.Slice(x, graph.Range{Limit: n - 1})))
			out := graph.Sub(graph.Pad(flow, []int{0}, []int{1}, 0), graph.Pad(flow, []int{1}, []int{0}, 0))
			if exactly {
				out = graph.Mul(out, graph.Cast(graph.Less(graph.Iota(g, graph.Int64, 0, n), g.Scalar(graph.Int64, n-1)), graph.Float64))
			}
			return graph.Sub(out, rhs)
		}, graph.ImplicitOptions{})
		if _, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{rhs: ref.New(rhs.Type())}, x); err != nil {
			t.Fatal(err)
		}
		d := grad(t, graph.Sum(graph.Mul(graph.Iota(g, graph.Float64, 0, n), x)), rhs)
		_, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{rhs: ref.New(rhs.Type())}, d...)
		for _, want := range []string{"singular", "for row", "csr_solve", "implicit_test.go:"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, want one with %q", err, want)
			}
		}
	}
}
