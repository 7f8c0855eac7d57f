package compile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

func TestMistakesInDerivatives(t *testing.T) {
	g := graph.New()
	x, v, k := g.Input("x", graph.Float64), g.Input("v", graph.Float64, 3), g.Input("k", graph.Int64)
	y := graph.Sin(x)
	other := graph.New().Input("x", graph.Float64)
	list := func(n ...*graph.Node) []*graph.Node { return n }
	for _, c := range []struct {
		name, text string
		build      func() error
	}{
		{"vector cost", "the cost is f64[3]: needs a scalar", func() error { _, err := compile.Gradient(v, v); return err }},
		{"integer cost", "only floats have derivatives", func() error { _, err := compile.Gradient(k, x); return err }},
		{"by an integer", "only floats have derivatives", func() error { _, err := compile.Gradient(y, x, k); return err }},
		{"by nothing", "needs at least one node", func() error { _, err := compile.Gradient(y); return err }},
		{"nil cost", "nil", func() error { _, err := compile.Gradient(nil, x); return err }},
		{"by nil", "node 1 is nil", func() error { _, err := compile.Gradient(y, nil); return err }},
		{"two graphs", "different graphs", func() error { _, err := compile.Gradient(y, other); return err }},
		{"too many seeds", "2 seeds for 1 nodes", func() error { _, err := compile.VJP(list(y), list(x), list(x, x)); return err }},
		{"seed of another type", "the seed is f64[3] for a node of type f64", func() error { _, err := compile.VJP(list(y), list(x), list(v)); return err }},
		{"seed of another graph", "belongs to another graph", func() error { _, err := compile.JVP(list(y), list(x), list(other)); return err }},
		{"Jacobian of an integer", "only floats have derivatives", func() error { _, err := compile.Jacobian(k, x); return err }},
		{"Hessian of a vector", "needs a scalar", func() error { _, err := compile.Hessian(v, v); return err }},
		{"vector of another type in HVP", "the seed is f64[3] for a node of type f64", func() error { _, err := compile.HVP(y, list(x), list(v)); return err }},
		{"batch of nothing", "0 nodes to replace by 0", func() error { _, err := compile.Batch(list(y), nil, nil); return err }},
		{"batch without a dimension", "needs one new leading dimension", func() error { _, err := compile.Batch(list(y), list(x), list(x)); return err }},
		{"pattern of two graphs", "different graphs", func() error { _, err := compile.JacobianPattern(y, other); return err }},
		{"strict", "does not depend on", func() error { _, err := compile.GradientStrict(y, x, v); return err }},
		{"no outputs", "no outputs", func() error { _, err := compile.Compile(); return err }},
		{"nil output", "node 0 is nil", func() error { _, err := compile.Compile(nil); return err }},
		{"outputs of two graphs", "different graphs", func() error { _, err := compile.Compile(x, other); return err }},
	} {
		err := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s: panic: %v", c.name, r)
				}
			}()
			return c.build()
		}()
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
	if err := g.Err(); err != nil {
		t.Errorf("mistakes in arguments are on the graph: %v", err)
	}
}

// All mistakes made on a graph come back from Gradient and Compile, each with its line.
func TestMistakesOfTheGraph(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	a := graph.Add(x, g.Input("f", graph.Float32)) // line(-1)
	first := line(-1)
	b := graph.Reshape(x, 2) // line(-1)
	second := line(-1)
	_, err1 := compile.Compile(graph.Add(a, b))
	_, err2 := compile.Gradient(graph.Mul(a, b), x)
	_, err3 := compile.JVP([]*graph.Node{a}, []*graph.Node{x}, nil)
	for i, err := range []error{err1, err2, err3} {
		var at *graph.Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), first+": add") || !strings.Contains(err.Error(), second+": reshape") {
			t.Errorf("%d: %v, want %s and %s", i, err, first, second)
		}
	}
}

// Derivative nodes carry the line and scope of the primal.
func TestPositionsOfDerivatives(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	var y *graph.Node
	where := ""
	g.Scope("model", func() {
		y = graph.Tanh(x)
		where = line(-1)
	})
	n := g.Len()
	grad(t, y, x)
	if g.Len() == n {
		t.Fatal("no nodes were made")
	}
	for i := n; i < g.Len(); i++ {
		if d := g.Node(i); !strings.HasSuffix(d.Position().String(), where) || d.ScopePath() != "model" {
			t.Errorf("node %v (%s) is of %v in scope %q, want %s in model", d, d.Op().Name, d.Position(), d.ScopePath(), where)
		}
	}
}
