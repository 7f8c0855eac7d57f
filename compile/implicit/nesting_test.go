package implicit_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/continuous"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/compile/stiff"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// nestings are what users ask for of x as a function of the vector theta: the value, both modes, both over both, products with the Hessian, whole Jacobians and Hessians, dense and sparse, batches of gradients and gradients of batches, third derivatives by three ways.
func nestings(t *testing.T, x, theta *node) nodes {
	t.Helper()
	one := func(list nodes, err error) *node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	matrix := func(m *compile.SparseMatrix, err error) *node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		csr := m.CSR()
		eye := graph.Cast(graph.Equal(graph.Iota(x.Graph(), graph.Int64, 0, csr.Columns, 1), graph.Iota(x.Graph(), graph.Int64, 1, 1, csr.Columns)), graph.Float64)
		return csr.MatMul(eye)
	}
	got := must(t)
	cost := func(x *node) *node { return graph.Sum(graph.Add(graph.Sin(x), graph.Square(x))) }
	wrt := nodes{theta}
	along := nodes{graph.StopGradient(graph.Cos(theta))}
	y := cost(x)
	d := one(compile.Gradient(y, wrt...))
	dot := one(compile.JVP(nodes{y}, wrt, along))
	many := graph.Stack(0, theta, graph.Mul(theta, graph.Like(theta, 1.25)))
	batch := func(n *node) *node { return one(compile.Batch(nodes{n}, wrt, nodes{many})) }
	flat := graph.Reshape(x, x.Shape().Size())
	hessian, hvp := got(compile.Hessian(y, theta)), one(compile.HVP(y, wrt, along))
	taylor, err := compile.Taylor(3, nodes{y}, wrt, []nodes{along})
	if err != nil {
		t.Fatal(err)
	}
	return nodes{x, d, dot,
		one(compile.JVP(nodes{d}, wrt, along)),
		one(compile.Gradient(dot, wrt...)),
		one(compile.JVP(nodes{dot}, wrt, along)),
		one(compile.Gradient(graph.Sum(graph.Mul(d, along[0])), wrt...)),
		hvp, hessian,
		got(compile.Jacobian(x, theta)),
		matrix(compile.SparseJacobian(flat, theta)),
		batch(d),
		one(compile.Gradient(cost(batch(x)), wrt...)),
		one(compile.Gradient(cost(batch(d)), wrt...)),
		one(compile.Gradient(cost(hvp), wrt...)),
		one(compile.JVP(nodes{hessian}, wrt, along)),
		batch(hessian),
		batch(batch(d)),
		matrix(compile.SparseHessian(y, theta)),
		taylor[2][0], taylor[3][0],
	}
}

// Every solver against a closed form, or its steps written out, in every nesting.
func TestNestings(t *testing.T) {
	const a, b = 0.6, 1.1 // of theta
	type nested struct {
		name  string
		tol   float64
		build func(g *graph.Graph, theta, p, q *node) (got, want *node, err error)
	}
	third := func(x *node) *node { return graph.Pow(x, graph.Like(x, 1.0/3)) }
	cube := func(theta *node) func(x *node) *node {
		return func(x *node) *node { return graph.Sub(graph.Mul(x, graph.Square(x)), theta) }
	}
	babylon := func(theta *node) func(x *node) *node {
		return func(x *node) *node { return graph.Mul(graph.Like(x, 0.5), graph.Add(x, graph.Div(theta, x))) }
	}
	lanes := implicit.Options{Lanes: 1}
	cases := []nested{
		{"RootBracketed", 1e-11, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			x, err := implicit.RootBracketed(cube(theta), graph.FullLike(theta, 0), graph.FullLike(theta, 9), lanes)
			return x, third(theta), err
		}},
		{"Root, scalars", 1e-11, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			x, err := implicit.Root(cube(theta), graph.FullLike(theta, 2), lanes)
			return x, third(theta), err
		}},
		{"Root, a vector", 1e-10, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			x, err := implicit.Root(func(x *node) *node {
				u, v := graph.Index(x, 0), graph.Index(x, 1)
				return graph.Stack(0, graph.Sub(graph.Log(u), p), graph.Sub(graph.Mul(v, graph.Square(v)), graph.Mul(u, q)))
			}, graph.FullLike(theta, 1), implicit.Options{})
			return x, graph.Stack(0, graph.Exp(p), third(graph.Mul(graph.Exp(p), q))), err
		}},
		{"a solver of the user's", 1e-11, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			final, _ := graph.While(50, nodes{graph.FullLike(theta, 1), graph.FullLike(theta, 2)}, func(c []*node) *node {
				return graph.ReduceAny(graph.Greater(graph.Abs(graph.Sub(c[0], c[1])), graph.Like(c[0], 1e-9)), nil)
			},
				func(c []*node) []*node { return nodes{babylon(theta)(c[0]), c[0]} })
			return graph.Implicit(babylon(theta)(final[0]), func(x *node) *node { return graph.Sub(graph.Square(x), theta) }, graph.ImplicitOptions{}), graph.Sqrt(theta), nil
		}},
		{"FixedPoint", 1e-11, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			x, err := implicit.FixedPoint(babylon(theta), graph.FullLike(theta, 1), implicit.Options{})
			return x, graph.Sqrt(theta), err
		}},
		{"Minimize", 1e-9, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			x, err := implicit.Minimize(func(x *node) *node { return graph.Sum(graph.Mul(x, graph.Sub(graph.Log(x), graph.Log(theta)))) }, graph.FullLike(theta, 0.3), implicit.Options{})
			return x, graph.Mul(theta, graph.Like(theta, 1/math.E)), err
		}},
		{"Quadrature", 1e-10, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			x, err := implicit.Quadrature(func(x *node) *node { return graph.Exp(graph.Mul(q, x)) }, g.Const(0), p, implicit.Options{})
			return x, graph.Div(graph.Sub(graph.Exp(graph.Mul(p, q)), g.Const(1)), q), err
		}},
		{"continuous adjoint", 1e-5, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			s, err := continuous.Solve(func(t *node, y []*node) []*node { return nodes{graph.Mul(q, graph.Mul(y[0], graph.Cos(t)))} }, g.Const(0), p, nodes{q}, continuous.Options{Options: ode.Options{RTol: 1e-9, ATol: 1e-11, Limit: 40}})
			if err != nil {
				return nil, nil, err
			}
			return s.Y[0], graph.Mul(q, graph.Exp(graph.Mul(q, graph.Sin(p)))), nil
		}},
	}
	// Linear systems: symmetric and positive definite, dense by each method and sparse, against the dense inverse by elimination.
	system := func(g *graph.Graph, p, q *node) (matrix, rhs *node) {
		c := g.Const
		return graph.Reshape(graph.Stack(0, graph.Add(c(2), graph.Square(p)), c(1), c(0), c(1), c(3), q, c(0), q, c(4)), 3, 3), graph.Stack(0, p, c(1), graph.Sin(q))
	}
	thomas := func(g *graph.Graph, p, q, rhs *node) *node {
		d0 := graph.Add(g.Const(2), graph.Square(p))
		w1 := graph.Reciprocal(d0)
		d1, r1 := graph.Sub(g.Const(3), w1), graph.Sub(graph.Index(rhs, 1), graph.Mul(w1, graph.Index(rhs, 0)))
		w2 := graph.Div(q, d1)
		x2 := graph.Div(graph.Sub(graph.Index(rhs, 2), graph.Mul(w2, r1)), graph.Sub(g.Const(4), graph.Mul(w2, q)))
		x1 := graph.Div(graph.Sub(r1, graph.Mul(q, x2)), d1)
		return graph.Stack(0, graph.Div(graph.Sub(graph.Index(rhs, 0), x1), d0), x1, x2)
	}
	for _, method := range []graph.LinearMethod{graph.ConjugateGradient, graph.GMRES, graph.BiCGSTAB} {
		for _, preconditioned := range []bool{false, true} {
			cases = append(cases, nested{fmt.Sprintf("%s, preconditioned %v", method, preconditioned), 1e-8, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
				m, rhs := system(g, p, q)
				o := graph.ImplicitOptions{Method: method}
				if preconditioned {
					o.Precondition = func(r *node) *node { return graph.Div(r, graph.DiagPart(m, 0)) }
				}
				return graph.LinearSolve(func(x *node) *node { return graph.MatMul(m, x) }, rhs, o), thomas(g, p, q, rhs), nil
			}})
		}
	}
	cases = append(cases, nested{"dense LU", 1e-10, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
		m, rhs := system(g, p, q)
		return graph.Solve(m, rhs), thomas(g, p, q, rhs), nil
	}}, nested{"sparse LU", 1e-10, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
		_, rhs := system(g, p, q)
		values := graph.Stack(0, graph.Add(g.Const(2), graph.Square(p)), g.Const(1), g.Const(1), g.Const(3), q, q, g.Const(4))
		return graph.CSRFromCOO(3, 3, []int{0, 0, 1, 1, 1, 2, 2}, []int{0, 1, 0, 1, 2, 1, 2}, values).Solve(rhs), thomas(g, p, q, rhs), nil
	}})
	for _, method := range []graph.LinearMethod{graph.Direct, graph.Sparse, graph.GMRES} {
		cases = append(cases, nested{"Root by " + string(method), 1e-8, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			m, rhs := system(g, p, q)
			x, err := implicit.Root(func(x *node) *node { return graph.Sub(graph.MatMul(m, x), rhs) }, graph.FullLike(rhs, 0), implicit.Options{Method: method})
			return x, thomas(g, p, q, rhs), err
		}})
	}
	// Fixed steps of y′ = p·y: the polynomial in p·h that the method is.
	for _, m := range []struct {
		method ode.Method
		c      []float64
	}{{ode.Euler, []float64{1, 1}}, {ode.Midpoint, []float64{1, 1, 0.5}}, {ode.Heun, []float64{1, 1, 0.5}}, {ode.RK4, []float64{1, 1, 0.5, 1. / 6, 1. / 24}}, {ode.DormandPrince5, []float64{1, 1, 0.5, 1. / 6, 1. / 24, 1. / 120, 1. / 600}}} {
		cases = append(cases, nested{string(m.method) + ", steps", 1e-11, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			const steps = 3
			s := ode.Solve(func(_ *node, y []*node) []*node { return nodes{graph.Mul(p, y[0])} }, g.Const(0), g.Const(1), nodes{q}, ode.Options{Method: m.method, Steps: steps})
			z, factor := graph.Mul(p, g.Const(1./steps)), g.Const(0)
			for k := len(m.c) - 1; k >= 0; k-- {
				factor = graph.Add(graph.Mul(factor, z), g.Const(m.c[k]))
			}
			want := q
			for range steps {
				want = graph.Mul(want, factor)
			}
			return s.Y[0], want, nil
		}})
	}
	// Symplectic steps of a pendulum, written out.
	for _, m := range []struct {
		method ode.Method
		parts  []float64
	}{{ode.SymplecticEuler, nil}, {ode.Leapfrog, []float64{1}}, {ode.ForestRuth, []float64{1 / (2 - math.Cbrt(2)), 1 - 2/(2-math.Cbrt(2)), 1 / (2 - math.Cbrt(2))}}} {
		cases = append(cases, nested{string(m.method), 1e-11, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			const steps = 2
			velocity := func(_ *node, v []*node) []*node { return v }
			force := func(_ *node, x []*node) []*node { return nodes{graph.Neg(graph.Sin(x[0]))} }
			x, v := ode.SolveSeparable(velocity, force, g.Const(0), g.Const(1), nodes{p}, nodes{q}, ode.Options{Method: m.method, Steps: steps})
			a, b := p, q
			kick := func(h float64) { b = graph.Sub(b, graph.Mul(g.Const(h), graph.Sin(a))) }
			drift := func(h float64) { a = graph.Add(a, graph.Mul(g.Const(h), b)) }
			for range steps {
				if m.parts == nil {
					kick(1. / steps)
					drift(1. / steps)
				}
				for _, part := range m.parts {
					kick(part / 2 / steps)
					drift(part / steps)
					kick(part / 2 / steps)
				}
			}
			return graph.Stack(0, x[0], v[0]), graph.Stack(0, a, b), nil
		}})
	}
	// Steps that the method chooses, to two times or interpolated there, and until an event: y = e^(p·sin t) from 0, which passes q at asin(ln q/p).
	for _, method := range []ode.Method{ode.DormandPrince5, ode.Tsit5, ode.DOP853, ode.Rodas4} {
		for _, interpolate := range []bool{false, true} {
			tol, o := 1e-6, ode.Options{Method: method, Limit: 64, RTol: 1e-9, ATol: 1e-9, Interpolate: interpolate}
			if method == ode.Rodas4 {
				tol, o.RTol, o.ATol = 1e-4, 1e-6, 1e-6
			}
			if interpolate { // whose second derivatives by the times are of lower order
				tol *= 1000
			}
			cases = append(cases, nested{fmt.Sprintf("%s, interpolated %v", method, interpolate), tol, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
				times := graph.Stack(0, graph.Mul(g.Const(0.5), q), q)
				rate := func(t, y *node) *node { return graph.Mul(p, graph.Mul(y, graph.Cos(t))) }
				want := graph.Exp(graph.Mul(p, graph.Sin(times)))
				if method == ode.Rodas4 {
					s, err := stiff.Solve(rate, g.Const(0), times, graph.Constant(g, []float64{1}, 1), o)
					if err != nil {
						return nil, nil, err
					}
					return graph.Reshape(s.Y[0], 2), want, nil
				}
				return ode.Solve(func(t *node, y []*node) []*node { return nodes{rate(t, y[0])} }, g.Const(0), times, nodes{g.Const(1)}, o).Y[0], want, nil
			}})
		}
		if method == ode.Rodas4 {
			continue
		}
		cases = append(cases, nested{string(method) + ", until an event", 1e-6, func(g *graph.Graph, theta, p, q *node) (*node, *node, error) {
			level := graph.Add(g.Const(0.1), q)
			at, y := ode.SolveUntil(func(t *node, y []*node) []*node { return nodes{graph.Mul(p, graph.Mul(y[0], graph.Cos(t)))} }, func(_ *node, y []*node) *node { return graph.Sub(y[0], level) },
				g.Const(0), g.Const(10), nodes{g.Const(1)}, ode.Options{Method: method, RTol: 1e-10, ATol: 1e-10, Limit: 60})
			return graph.Stack(0, at, y[0]), graph.Stack(0, graph.Asin(graph.Div(graph.Log(level), p)), level), nil
		}})
	}
	names := map[string]bool{}
	for k, c := range cases {
		if names[c.name] {
			t.Errorf("%q twice", c.name)
		}
		names[c.name] = true
		if testing.Short() && k%3 > 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			theta := g.Input("theta", graph.Float64, 2)
			got, want, err := c.build(g, theta, graph.Index(theta, 0), graph.Index(theta, 1))
			if err == nil {
				err = g.Err()
			}
			if err != nil {
				t.Fatal(err)
			}
			list, truth := nestings(t, got, theta), nestings(t, want, theta)
			values, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{theta: ref.Of(theta.Type(), a, b)}, slices.Concat(list, truth)...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range list {
				if err := testkit.CloseTo(values[i], values[len(list)+i], c.tol, c.tol); err != nil {
					t.Errorf("nesting %d: %v", i, err)
				}
			}
		})
	}
}
