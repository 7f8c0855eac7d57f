package implicit_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// secondOrder are a value and its derivatives in all nestings of two modes.
func secondOrder(t *testing.T, x *node, wrt ...*node) nodes {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cost := graph.ReduceSum(graph.Add(graph.Sin(x), graph.Square(x)), nil)
	var dots nodes
	for _, w := range wrt {
		dots = append(dots, graph.Cos(w))
	}
	d, err := compile.Gradient(cost, wrt...)
	check(err)
	jvp, err := compile.JVP(nodes{x, cost}, wrt, dots)
	check(err)
	a, err := compile.JVP(d, wrt, dots)
	check(err)
	b, err := compile.Gradient(jvp[1], wrt...)
	check(err)
	c, err := compile.JVP(jvp[1:], wrt, dots)
	check(err)
	out := nodes{x, cost}
	for _, list := range []nodes{d, jvp, a, b, c} {
		out = append(out, list...)
	}
	return out
}

func same(t *testing.T, at testkit.Point, tol float64, got, want nodes) {
	t.Helper()
	values, err := testkit.CompileAndRun(compile.Config{}, at, append(got[:len(got):len(got)], want...)...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if err := testkit.CloseTo(values[i], values[len(got)+i], tol, tol); err != nil {
			t.Errorf("value %d of %d: %v", i, len(got), err)
		}
	}
}

func must(t *testing.T) func(x *node, err error) *node {
	return func(x *node, err error) *node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// Roots with closed forms, element by element, by each solver.
func TestScalarRoots(t *testing.T) {
	g := graph.New()
	theta := g.Input("theta", graph.Float64, 5)
	at := testkit.Point{theta: ref.Of(theta.Type(), 0.3, 1, 1.7, 25, 1e3)}
	cube := func(x *node) *node { return graph.Sub(graph.Mul(x, graph.Square(x)), theta) } // x = θ^⅓
	closed := secondOrder(t, graph.Pow(theta, graph.Like(theta, 1.0/3)), theta)
	lanes := implicit.Options{Lanes: 1}
	got := must(t)
	same(t, at, 1e-13, secondOrder(t, got(implicit.Root(cube, graph.FullLike(theta, 2), lanes)), theta), closed)
	same(t, at, 1e-13, secondOrder(t, got(implicit.RootBracketed(cube, graph.FullLike(theta, 0), graph.FullLike(theta, 200), lanes)), theta), closed)
	same(t, at, 1e-13, secondOrder(t, got(implicit.RootBracketed(cube, graph.FullLike(theta, 1e300), graph.FullLike(theta, -3), lanes)), theta), closed)
	babylon := func(x *node) *node { return graph.Mul(graph.Like(x, 0.5), graph.Add(x, graph.Div(theta, x))) } // x = √θ
	same(t, at, 1e-12, secondOrder(t, got(implicit.FixedPoint(babylon, graph.FullLike(theta, 1), lanes)), theta), secondOrder(t, graph.Sqrt(theta), theta))
	// Σ x·ln x − x·ln θ has its minimum at x = θ/e.
	entropy := func(x *node) *node {
		return graph.ReduceSum(graph.Mul(x, graph.Sub(graph.Log(x), graph.Log(theta))), nil)
	}
	same(t, at, 1e-11, secondOrder(t, got(implicit.Minimize(entropy, graph.FullLike(theta, 0.2), lanes)), theta), secondOrder(t, graph.Mul(theta, graph.Like(theta, 1/math.E)), theta))
	// A batch has a problem of its own for each element.
	one := graph.New()
	s := one.Input("s", graph.Float64)
	x := got(implicit.Root(func(x *node) *node { return graph.Sub(graph.Exp(x), s) }, one.Const(0), implicit.Options{}))
	many := graph.Constant(one, []float64{0.5, 3, 40, 2.5e3}, 4)
	batched, err := compile.Batch(nodes{x}, nodes{s}, nodes{graph.Mul(many, s)})
	if err != nil {
		t.Fatal(err)
	}
	same(t, testkit.Point{s: ref.Of(s.Type(), 0.75)}, 1e-12, secondOrder(t, batched[0], s), secondOrder(t, graph.Log(graph.Mul(many, s)), s))
}

// Systems of equations against solutions by elimination, by every method for the linear systems, alone and in lanes.
func TestSystems(t *testing.T) {
	for _, method := range []graph.LinearMethod{graph.Direct, graph.GMRES, graph.BiCGSTAB} {
		g := graph.New()
		a, b := g.Input("a", graph.Float64, 3), g.Input("b", graph.Float64, 3)
		at := testkit.Point{a: ref.Of(a.Type(), 0.5, 0.3, 0.8), b: ref.Of(b.Type(), 1.5, 2, 0.7)}
		// sinh(x₀ + a·x₁) = b, x₁³ = a: the second equation gives x₁, the first one x₀.
		split := func(x *node) (p, q *node) {
			return graph.Slice(x, graph.Range{Limit: graph.All}, graph.Range{Limit: 1}), graph.Slice(x, graph.Range{Limit: graph.All}, graph.Range{Start: 1, Limit: 2})
		}
		column := func(x *node) *node { return graph.Reshape(x, 3, 1) }
		f := func(x *node) *node {
			p, q := split(x)
			return graph.Concat(1, graph.Sub(graph.Sinh(graph.Add(p, graph.Mul(column(a), q))), column(b)), graph.Sub(graph.Mul(q, graph.Square(q)), column(a)))
		}
		root := graph.Pow(a, graph.Like(a, 1.0/3))
		want := secondOrder(t, graph.Stack(1, graph.Sub(graph.Asinh(b), graph.Mul(a, root)), root), a, b)
		start := graph.Constant(g, []float64{1, 1, 2, 0.5, 0.1, 1}, 3, 2)
		for lanes := range 2 { // six unknowns, or three systems of two
			x := must(t)(implicit.Root(f, start, implicit.Options{Lanes: lanes, Method: method}))
			same(t, at, 1e-10, secondOrder(t, x, a, b), want)
		}
	}
}

// A minimum that is given by linear equations: ridge regression; and Rosenbrock's valley, which Newton's method follows.
func TestMinima(t *testing.T) {
	g := graph.New()
	m, y := g.Input("m", graph.Float64, 6, 3), g.Input("y", graph.Float64, 6)
	at := testkit.Point{m: ref.New(m.Type()), y: ref.Of(y.Type(), 1, 2, 0.5, -1, 0.25, 3)}
	for i := range at[m].F {
		at[m].F[i] = math.Sin(float64(i * i))
	}
	f := func(x *node) *node {
		return graph.Add(graph.ReduceSum(graph.Square(graph.Sub(graph.MatMul(m, x), y)), nil), graph.Mul(g.Const(0.1), graph.ReduceSum(graph.Square(x), nil)))
	}
	ridge := graph.Add(graph.MatMul(graph.Transpose(m), m), graph.Mul(g.Const(0.1), graph.Constant(g, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3)))
	want := secondOrder(t, graph.Solve(ridge, graph.MatMul(graph.Transpose(m), y)), m, y)
	for _, method := range []graph.LinearMethod{graph.Direct, graph.ConjugateGradient} {
		x := must(t)(implicit.Minimize(f, graph.Constant(g, []float64{5, 5, 5}, 3), implicit.Options{Method: method}))
		same(t, at, 1e-9, secondOrder(t, x, m, y), want)
	}
	a := g.Input("a", graph.Float64)
	at[a] = ref.Of(a.Type(), 1.25)
	valley := func(x *node) *node {
		p, q := graph.Index(x, 0), graph.Index(x, 1)
		return graph.Add(graph.Square(graph.Sub(a, p)), graph.Mul(g.Const(100), graph.Square(graph.Sub(q, graph.Square(p)))))
	}
	x := must(t)(implicit.Minimize(valley, graph.Constant(g, []float64{-1.2, 1}, 2), implicit.Options{}))
	same(t, at, 1e-8, secondOrder(t, x, a), secondOrder(t, graph.Stack(0, a, graph.Square(a)), a))
}

// Kepler's equation E − e·sin E = M for eccentricities up to 0.99: the residual in extended precision.
func TestKepler(t *testing.T) {
	g := graph.New()
	const n = 400
	mean, ecc := g.Input("m", graph.Float64, n), g.Input("e", graph.Float64, n)
	f := func(x *node) *node { return graph.Sub(graph.Sub(x, graph.Mul(ecc, graph.Sin(x))), mean) }
	at := testkit.Point{mean: ref.New(mean.Type()), ecc: ref.New(ecc.Type())}
	for i := range n {
		at[mean].F[i], at[ecc].F[i] = math.Pi*float64(i)/n, 0.99*float64(i%20)/19
	}
	newton := must(t)(implicit.Root(f, graph.FullLike(mean, math.Pi), implicit.Options{Lanes: 1}))
	bracketed := must(t)(implicit.RootBracketed(f, graph.Sub(mean, ecc), graph.Add(mean, ecc), implicit.Options{}))
	got, err := testkit.CompileAndRun(compile.Config{}, at, newton, bracketed)
	if err != nil {
		t.Fatal(err)
	}
	for k, values := range got {
		for i, x := range values.F {
			// The residual at x by sin's Taylor series in 200 bits.
			big1 := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
			term, sum, square := big1(x), big1(x), new(big.Float).Mul(big1(x), big1(x))
			for j := 1; j < 60; j++ {
				term.Mul(term, square)
				term.Quo(term, big1(-float64(2*j*(2*j+1))))
				sum.Add(sum, term)
			}
			r := new(big.Float).Sub(big1(x), new(big.Float).Mul(big1(at[ecc].F[i]), sum))
			residual, _ := r.Sub(r, big1(at[mean].F[i])).Float64()
			if math.Abs(residual) > 2e-15 {
				t.Errorf("solver %d: residual %v at M = %v, e = %v", k, residual, at[mean].F[i], at[ecc].F[i])
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	identity := func(x *node) *node { return x }
	for name, c := range map[string]struct {
		build func() (*node, error)
		want  string
	}{
		"lanes": {func() (*node, error) { return implicit.Root(identity, x, implicit.Options{Lanes: 3}) }, "3 dimensions of lanes"},
		"limit": {func() (*node, error) { return implicit.FixedPoint(identity, x, implicit.Options{Limit: -1}) }, "a limit of -1"},
		"shape": {func() (*node, error) {
			return implicit.Root(func(x *node) *node { return graph.ReduceSum(x, nil) }, x, implicit.Options{})
		}, "the function gives f64 for f64[2]"},
		"not a scalar": {func() (*node, error) { return implicit.Minimize(identity, x, implicit.Options{}) }, "needs one scalar"},
		"bracket": {func() (*node, error) {
			return implicit.RootBracketed(identity, x, g.Const(1), implicit.Options{})
		}, "the bracket is f64[2] and f64"},
		"no derivative": {func() (*node, error) {
			return implicit.Root(func(x *node) *node { return graph.Floor(x) }, x, implicit.Options{Lanes: 1})
		}, "does not depend on the solution"},
	} {
		if _, err := c.build(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
	must := must(t)
	for name, c := range map[string]struct {
		y    *node
		want []string
	}{
		"no sign change": {must(implicit.RootBracketed(func(x *node) *node { return graph.Add(graph.Square(x), graph.Like(x, 1)) }, x, graph.Add(x, graph.Like(x, 3)), implicit.Options{})),
			[]string{"one sign at both ends of the bracket; the smaller distance from 0: ", "require"}},
		"no root": {must(implicit.Root(func(x *node) *node { return graph.Add(graph.Square(x), graph.Like(x, 1)) }, x, implicit.Options{Lanes: 1})),
			[]string{"root does not converge in 100 steps: the residual: ", "require"}},
		"singular": {must(implicit.Root(func(x *node) *node { return graph.Add(graph.FullLike(x, 1), graph.Mul(graph.Like(x, 0), x)) }, x, implicit.Options{})),
			[]string{"singular"}},
		"iteration that goes away": {must(implicit.FixedPoint(func(x *node) *node { return graph.Add(x, graph.Like(x, 1)) }, x, implicit.Options{Limit: 40})),
			[]string{"fixed_point does not converge in 40 steps: the residual: ", "require"}},
		"no minimum": {must(implicit.Minimize(func(x *node) *node { return graph.ReduceSum(graph.Exp(x), nil) }, x, implicit.Options{Limit: 30})),
			[]string{"minimize does not converge in 30 steps: the residual: ", "require"}},
	} {
		_, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1, 2)}, c.y)
		for _, w := range append(c.want, "implicit_test.go:") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error is %v, want one with %q", name, err, w)
			}
		}
	}
}

// Integrals with closed forms: values, derivatives by parameters and by both ends, in all nestings; a peak that needs many panels; a kink.
func TestQuadrature(t *testing.T) {
	g := graph.New()
	a, b, k := g.Input("a", graph.Float64), g.Input("b", graph.Float64), g.Input("k", graph.Float64)
	at := testkit.Point{a: ref.Of(a.Type(), -0.5), b: ref.Of(b.Type(), 2), k: ref.Of(k.Type(), 3)}
	tight := implicit.Options{Tolerance: 1e-13}
	for name, c := range map[string]struct{ f, primitive func(x *node) *node }{
		"exponential": {func(x *node) *node { return graph.Exp(graph.Neg(graph.Mul(k, x))) }, func(x *node) *node { return graph.Neg(graph.Div(graph.Exp(graph.Neg(graph.Mul(k, x))), k)) }},
		"peak": {func(x *node) *node {
			w := graph.Mul(k, graph.Like(k, 0.02))
			return graph.Div(w, graph.Add(graph.Square(x), graph.Square(w)))
		}, func(x *node) *node { return graph.Atan(graph.Div(x, graph.Mul(k, graph.Like(k, 0.02)))) }},
		"oscillation": {func(x *node) *node { return graph.Cos(graph.Mul(graph.Mul(k, graph.Like(k, 20)), x)) }, func(x *node) *node {
			w := graph.Mul(k, graph.Like(k, 20))
			return graph.Div(graph.Sin(graph.Mul(w, x)), w)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := must(t)(implicit.Quadrature(c.f, a, b, tight))
			same(t, at, 1e-9, secondOrder(t, got, a, b, k), secondOrder(t, graph.Sub(c.primitive(b), c.primitive(a)), a, b, k))
			back := must(t)(implicit.Quadrature(c.f, b, a, tight))
			same(t, at, 1e-12, nodes{back}, nodes{graph.Neg(got)})
		})
	}
	root := must(t)(implicit.Quadrature(func(x *node) *node { return graph.Sqrt(graph.Abs(x)) }, g.Const(-1), b, implicit.Options{Tolerance: 1e-11}))
	same(t, at, 1e-9, nodes{root}, nodes{graph.Mul(g.Const(2.0/3), graph.Add(g.Const(1), graph.Mul(b, graph.Sqrt(b))))})
	batched, err := compile.Batch(nodes{must(t)(implicit.Quadrature(func(x *node) *node { return graph.Exp(graph.Mul(k, x)) }, a, b, tight))}, nodes{k}, nodes{graph.Constant(g, []float64{0.1, 1, 30}, 3)})
	if err != nil {
		t.Fatal(err)
	}
	lanes := graph.Constant(g, []float64{0.1, 1, 30}, 3)
	closed := graph.Div(graph.Sub(graph.Exp(graph.Mul(lanes, b)), graph.Exp(graph.Mul(lanes, a))), lanes)
	same(t, at, 1e-10, nodes{batched[0]}, nodes{closed})
	if _, err := implicit.Quadrature(func(x *node) *node { return graph.ReduceSum(x, nil) }, a, b, tight); err == nil || !strings.Contains(err.Error(), "needs as many values") {
		t.Errorf("the error is %v", err)
	}
	if _, err := implicit.Quadrature(graph.Exp, a, lanes, tight); err == nil || !strings.Contains(err.Error(), "needs scalars of one dtype") {
		t.Errorf("the error is %v", err)
	}
	pole := must(t)(implicit.Quadrature(func(x *node) *node { return graph.Reciprocal(graph.Square(x)) }, g.Const(0), b, implicit.Options{}))
	if _, err := testkit.CompileAndRun(compile.Config{}, at, pole); err == nil || !strings.Contains(err.Error(), "quadrature does not converge with 64 panels") {
		t.Errorf("the error is %v", err)
	}
}
