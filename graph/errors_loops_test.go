package graph_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

type nodes = []*graph.Node

// same is the body of a loop that does nothing.
func same(c, _ nodes) (next, ys nodes) { return c, nil }

// Mistakes with loops and branches, and in their bodies.
func init() {
	type T = struct {
		op, text string
		build    func(g *graph.Graph, in inputs) int
	}
	always := func(c nodes) *graph.Node { return graph.Constant(c[0].Graph(), []bool{true}) }
	keep := func(c nodes) nodes { return c }
	scalar := func(g *graph.Graph) *graph.Node { return float(g, "scalar") }
	badInput = append(badInput, []T{
		{"scan", "a length of -1", func(_ *graph.Graph, in inputs) int { graph.Scan(-1, nodes{in.x}, nil, same); return here() }},
		{"scan", "the body is nil", func(_ *graph.Graph, in inputs) int { graph.Scan(3, nodes{in.x}, nil, nil); return here() }},
		{"scan", "xs[0] is f64[2×3]: its first axis needs the extent 3, the length", func(_ *graph.Graph, in inputs) int { graph.Scan(3, nil, nodes{in.x}, same); return here() }},
		{"scan", "xs[1] is f64: its first axis", func(g *graph.Graph, in inputs) int { graph.Scan(2, nil, nodes{in.x, g.Const(1)}, same); return here() }},
		{"scan", "operand 1 is nil", func(_ *graph.Graph, in inputs) int { graph.Scan(2, nodes{in.x, nil}, nil, same); return here() }},
		{"scan", "operand 0 belongs to another graph", func(g *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.x}, nodes{graph.New().Input("y", graph.Float64, 2)}, same)
			return here() - 1
		}},
		{"mul", "function: needs a function and a parameter", func(_ *graph.Graph, in inputs) int {
			graph.Mul(in.x, graph.Function(nil, func(nodes) nodes { return nodes{in.x} })()[0]) // what has no operands is in no graph
			return here() - 1
		}},
		{"scan", "no option but Reverse", func(_ *graph.Graph, in inputs) int { graph.Scan(2, nodes{in.x}, nil, same, 7); return here() }},
		{"scan", "1 carries go into a step and 2 come out", func(_ *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{c[0], c[0]}, nil })
			return here() - 1
		}},
		{"scan", "1 carries go into a step and 0 come out", func(_ *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { return nil, c })
			return here() - 1
		}},
		{"scan", "carry 0 is f64[4] at the start and f64[8] behind a step", func(_ *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.four}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{graph.Concat(0, c[0], c[0])}, nil })
			return here() - 1
		}},
		{"scan", "carry 1 is f64[4] at the start and f32[4] behind a step", func(_ *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.x, in.four}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{c[0], graph.Cast(c[1], graph.Float32)}, nil })
			return here() - 1
		}},
		{"scan", "carry 0 is f64[4] at the start and f64[8] behind a step", func(_ *graph.Graph, in inputs) int { // without a step
			graph.Scan(0, nodes{in.four}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{graph.Concat(0, c[0], c[0])}, nil })
			return here() - 1
		}},
		{"scan", "result 0 of the body is nil", func(_ *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{nil}, nil })
			return here() - 1
		}},
		{"scan", "result 1 of the body belongs to another graph", func(_ *graph.Graph, in inputs) int {
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { return c, nodes{graph.New().Const(1)} })
			return here() - 1
		}},
		{"scan", "result 0 of the body has 2 results: take one with Result", func(g *graph.Graph, _ inputs) int {
			a := float(g, "a", 3, 3)
			graph.Scan(2, nodes{a}, nil, func(c, _ nodes) (next, ys nodes) {
				q, _ := graph.QR(c[0])
				return nodes{q.Input(0)}, nil
			})
			return here() - 4
		}},
		{"map", "needs a function, and something to go through", func(_ *graph.Graph, in inputs) int { graph.Map(nodes{in.x}, nil); return here() }},
		{"map", "something to go through that has a first axis", func(g *graph.Graph, _ inputs) int { graph.Map(nodes{g.Const(1)}, keep); return here() }},
		{"scan", "the body has no results", func(_ *graph.Graph, in inputs) int {
			graph.Map(nodes{in.x}, func(x nodes) nodes { return nil })
			return here() - 1
		}},

		{"while", "a limit of -1 steps", func(_ *graph.Graph, in inputs) int { graph.While(-1, nodes{in.x}, always, keep); return here() }},
		{"while", "a limit of -3 steps", func(_ *graph.Graph, in inputs) int { graph.While(-3, nodes{in.x}, always, keep); return here() }},
		{"while", "condition or the body is nil", func(_ *graph.Graph, in inputs) int { graph.While(3, nodes{in.x}, nil, keep); return here() }},
		{"while", "condition or the body is nil", func(_ *graph.Graph, in inputs) int { graph.While(3, nodes{in.x}, always, nil); return here() }},
		{"while", "the condition gives 1 values, the first f64[2×3]: needs one bool", func(_ *graph.Graph, in inputs) int {
			graph.While(3, nodes{in.x}, func(c nodes) *graph.Node { return c[0] }, keep)
			return here() - 1
		}},
		{"while", "the condition gives 1 values, the first bool[2×3]: needs one bool", func(_ *graph.Graph, in inputs) int {
			graph.While(3, nodes{in.x}, func(c nodes) *graph.Node { return graph.Less(c[0], c[0]) }, keep)
			return here() - 1
		}},
		{"while", "result 0 of the body is nil", func(_ *graph.Graph, in inputs) int {
			graph.While(3, nodes{in.x}, func(c nodes) *graph.Node { return nil }, keep)
			return here() - 1
		}},
		{"while", "1 carries go into a step and 0 come out", func(_ *graph.Graph, in inputs) int {
			graph.While(3, nodes{in.x}, always, func(c nodes) nodes { return nil })
			return here() - 1
		}},
		{"while", "carry 0 is f64[2×3] at the start and bool[2×3] behind a step", func(_ *graph.Graph, in inputs) int {
			graph.While(3, nodes{in.x}, always, func(c nodes) nodes { return nodes{graph.Less(c[0], c[0])} })
			return here() - 1
		}},
		{"cond", "the choice is f64: needs a bool without a shape", func(g *graph.Graph, in inputs) int { graph.Cond(g.Const(1), nodes{in.x}, keep, keep); return here() }},
		{"cond", "needs a bool without a shape", func(_ *graph.Graph, in inputs) int { graph.Cond(in.b, nodes{in.x}, keep, keep); return here() }},
		{"cond", "needs functions to choose from, none of which is nil", func(g *graph.Graph, in inputs) int {
			graph.Cond(always(nodes{in.x}), nodes{in.x}, keep, nil)
			return here() - 1
		}},
		{"cond", "operand 0 is nil", func(_ *graph.Graph, in inputs) int { graph.Cond(nil, nodes{in.x}, keep, keep); return here() }},
		{"cond", "the function for false returns 1 values and the function for true 2", func(_ *graph.Graph, in inputs) int {
			graph.Cond(always(nodes{in.x}), nodes{in.x, in.x}, keep, func(a nodes) nodes { return a[:1] })
			return here() - 1
		}},
		{"cond", "the function for false gives (f64[2,3]) and the function for true (f64)", func(_ *graph.Graph, in inputs) int {
			graph.Cond(always(nodes{in.x}), nodes{in.x}, func(a nodes) nodes { return nodes{graph.ReduceSum(a[0], nil)} }, keep)
			return here() - 1
		}},
		{"switch", "the choice is bool: needs an integer", func(_ *graph.Graph, in inputs) int {
			graph.Switch(always(nodes{in.x}), nodes{in.x}, keep, keep)
			return here() - 1
		}},
		{"switch", "needs functions to choose from", func(g *graph.Graph, in inputs) int {
			graph.Switch(g.Scalar(graph.Int32, 0), nodes{in.x})
			return here() - 1
		}},
		{"switch", "and one at least", func(g *graph.Graph, in inputs) int {
			graph.Switch(g.Scalar(graph.Int32, 0), nodes{in.x}, func(nodes) nodes { return nil })
			return here() - 1
		}},
		{"checkpoint", "needs a function and an argument", func(_ *graph.Graph, in inputs) int { graph.Checkpoint(nodes{in.x}, nil); return here() }},
		{"checkpoint", "returns nothing", func(_ *graph.Graph, in inputs) int {
			graph.Checkpoint(nodes{in.x}, func(nodes) nodes { return nil })
			return here() - 1
		}},

		{"function", "needs a function and a parameter", func(_ *graph.Graph, in inputs) int { graph.Function(nodes{in.x}, nil)(in.x); return here() }},
		{"function", "returns nothing", func(_ *graph.Graph, in inputs) int {
			graph.Function(nodes{in.x}, func(nodes) nodes { return nil })(in.x)
			return here() - 1
		}},
		{"function", "operand 1 is nil", func(_ *graph.Graph, in inputs) int { graph.Function(nodes{in.x, nil}, keep); return here() }},
		{"call", "takes (f64[2,3]), not (f64[4])", func(_ *graph.Graph, in inputs) int { graph.Function(nodes{in.x}, keep)(in.four); return here() }},
		{"call", "takes (f64[2,3]), not (f64[2,3], f64[4])", func(_ *graph.Graph, in inputs) int {
			graph.Function(nodes{in.x}, keep)(in.x, in.four)
			return here() - 1
		}},
		{"call", "takes (f64[2,3]), not ()", func(_ *graph.Graph, in inputs) int { // with something from outside, so that its graph is known
			graph.Function(nodes{in.x}, func(a nodes) nodes { return nodes{graph.Mul(a[0], in.x)} })()
			return here() - 1
		}},
		{"call", "its operands belong to the body of the scan made at ", func(_ *graph.Graph, in inputs) int { // a function of a loop, outside of it
			var f func(...*graph.Node) nodes
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) {
				f = graph.Function(c, func(a nodes) nodes { return nodes{graph.Mul(a[0], c[0])} })
				return f(c[0]), nil
			})
			f(in.x)
			return here() - 1
		}},
		{"add", "its operands belong to the body of the function made at ", func(_ *graph.Graph, in inputs) int {
			var inner *graph.Node
			graph.Function(nodes{in.x}, func(a nodes) nodes { inner = graph.Sin(a[0]); return a })
			graph.Add(in.x, inner)
			return here() - 1
		}},

		// In bodies, and with their nodes.
		{"input", "a body has no inputs of its own", func(_ *graph.Graph, in inputs) int {
			line := 0
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) {
				c[0].Graph().Input("y", graph.Float64)
				line = here() - 1
				return c, nil
			})
			return line
		}},
		{"add", "its operands belong to the body of the scan made at ", func(_ *graph.Graph, in inputs) int {
			var inner *graph.Node
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { inner = graph.Sin(c[0]); return c, nil })
			graph.Add(in.x, inner)
			return here() - 1
		}},
		{"sin", "its operands belong to the body of the scan made at ", func(_ *graph.Graph, in inputs) int {
			var inner *graph.Node
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { inner = graph.Cos(c[0]); return c, nil })
			graph.Sin(inner)
			return here() - 1
		}},
		{"mul", "belongs to the body of the scan made at ", func(_ *graph.Graph, in inputs) int { // in the body of a later loop
			var inner *graph.Node
			line := 0
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) { inner = graph.Cos(c[0]); return c, nil })
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) {
				graph.Mul(c[0], inner)
				line = here() - 1
				return c, nil
			})
			return line
		}},
		{"mul", "belongs to the body of a cond, which is not around this one", func(_ *graph.Graph, in inputs) int { // in the other branch
			var inner *graph.Node
			line := 0
			graph.Cond(always(nodes{in.x}), nodes{in.x}, func(a nodes) nodes {
				graph.Mul(a[0], inner)
				line = here() - 1
				return a
			}, func(a nodes) nodes { inner = graph.Cos(a[0]); return a })
			return line
		}},
		{"while", "result 0 of the body belongs to the body of a while, which is not around this one", func(_ *graph.Graph, in inputs) int {
			var inner *graph.Node
			graph.While(2, nodes{in.x}, func(c nodes) *graph.Node { inner = graph.Cos(c[0]); return always(c) }, func(c nodes) nodes { return nodes{inner} })
			return here() - 1
		}},
		{"scan", "its operands belong to the body of the checkpoint made at ", func(_ *graph.Graph, in inputs) int {
			var inner *graph.Node
			graph.Checkpoint(nodes{in.x}, func(a nodes) nodes { inner = graph.Cos(a[0]); return a })
			graph.Scan(2, nodes{inner}, nil, same)
			return here() - 1
		}},
		{"add", "do not broadcast", func(_ *graph.Graph, in inputs) int { // three bodies deep
			line := 0
			graph.Scan(2, nodes{in.x}, nil, func(c, _ nodes) (next, ys nodes) {
				out := graph.Cond(always(c), c, func(a nodes) nodes {
					return graph.Checkpoint(a, func(b nodes) nodes {
						line = here() + 1
						return nodes{graph.Add(b[0], in.four)}
					})
				}, keep)
				return out, nil
			})
			return line
		}},
		{"scan", "carry 0 is f64[2×3] at the start and f64 behind a step", func(_ *graph.Graph, in inputs) int { // two bodies deep
			line := 0
			graph.Checkpoint(nodes{in.x}, func(a nodes) nodes {
				line = here() + 1
				out, _ := graph.Scan(2, a, nil, func(c, _ nodes) (next, ys nodes) { return nodes{graph.ReduceSum(c[0], nil)}, nil })
				return out
			})
			return line
		}},
		{"name", `the name "y" is taken`, func(_ *graph.Graph, in inputs) int {
			line := 0
			graph.Checkpoint(nodes{in.x}, func(a nodes) nodes {
				y := graph.Sin(a[0]).Named("y")
				graph.Cos(y).Named("y")
				line = here() - 1
				return a
			})
			return line
		}},
		{"each_step", "the value is not one of the loop's body", func(_ *graph.Graph, in inputs) int {
			final, _ := graph.Scan(2, nodes{in.x}, nil, same)
			graph.EachStep(final[0].Input(0), in.x)
			return here() - 1
		}},
		{"each_step", "the value is not one of the loop's body", func(_ *graph.Graph, in inputs) int { graph.EachStep(in.x, in.x); return here() }},
		{"scan", "more than 64 bodies within one another", func(g *graph.Graph, _ inputs) int {
			var nest func(c, _ nodes) (next, ys nodes)
			depth, line := 0, 0
			nest = func(c, _ nodes) (next, ys nodes) {
				if depth++; depth > 64 {
					return c, nil
				}
				line = here() + 1
				out, _ := graph.Scan(1, c, nil, nest)
				return out, nil
			}
			graph.Scan(1, nodes{scalar(g)}, nil, nest)
			return line
		}},
	}...)
}

// After a panic of the user's function, which passes through, the graph is as before.
func TestPanicInABody(t *testing.T) {
	g := graph.New()
	x := float(g, "x")
	func() {
		defer func() {
			if r := recover(); r != "the user's" {
				t.Errorf("recovered %v", r)
			}
		}()
		graph.Scan(2, nodes{x}, nil, func(c, _ nodes) (next, ys nodes) {
			graph.Checkpoint(c, func(a nodes) nodes { panic("the user's") })
			return c, nil
		})
	}()
	y := graph.Sin(x)
	final, _ := graph.Scan(2, nodes{y}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{graph.Mul(c[0], x)}, nil })
	if y.Graph() != g || !final[0].Valid() || final[0].Graph() != g {
		t.Error("nodes do not go into the graph any more")
	}
	if err := g.Err(); err != nil {
		t.Error(err)
	}
	// And of runtime.Goexit, as a test's FailNow does.
	done := make(chan bool)
	go func() {
		defer close(done)
		graph.Checkpoint(nodes{x}, func(a nodes) nodes { runtime.Goexit(); return a })
	}()
	<-done
	if graph.Cos(x).Graph() != g {
		t.Error("nodes do not go into the graph any more")
	}
}

// Names and scopes of a body are its own.
func TestNamesAndScopesInBodies(t *testing.T) {
	g := graph.New()
	x := float(g, "x")
	body := func(a nodes) nodes {
		var y *graph.Node
		g.Scope("layer", func() { y = graph.Sin(a[0]).Named("x") }) // the name of the outer one
		return nodes{graph.Cos(y).Named("same")}
	}
	var out nodes
	g.Scope("outer", func() {
		out = append(graph.Checkpoint(nodes{x}, body), graph.Checkpoint(nodes{graph.Neg(x)}, body)...)
	})
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	text := formatted(t, out...)
	if strings.Count(text, `"x" = sin %0 : f64 in "layer"`) != 2 || strings.Count(text, `"same" = cos`) != 2 || strings.Count(text, `in "outer"`) < 4 {
		t.Error(text)
	}
	if g.Lookup("same") != nil || g.Lookup("x") != x {
		t.Error("names of bodies are known outside")
	}
	_, again, err := graph.Parse([]byte(text), "x.cg")
	if err != nil || formatted(t, again...) != text {
		t.Errorf("%v\n%s", err, text)
	}
}

// A mistake in front of a loop or branch is one mistake, and what the loop returns can be used: there are as many nodes as without it.
func TestLoopsOfMistakes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	bad := graph.MatMul(x, g.Const(1))
	yes := graph.Constant(g, []bool{true})
	two := func(a nodes) nodes { return nodes{graph.Sin(a[0]), graph.Mul(x, a[0])} }
	step := func(c, e nodes) (next, ys nodes) { return c, nodes{graph.Exp(e[0]), c[0], x} }
	test := func(c nodes) *graph.Node { return graph.Less(graph.Sum(c[0]), g.Const(0)) }
	final, ys := graph.Scan(3, nodes{bad}, nodes{x}, step)
	last, each := graph.Scan(3, nodes{x}, nodes{bad}, step)
	end, steps := graph.While(3, nodes{bad}, test, func(c nodes) nodes { return c })
	for name, c := range map[string]struct {
		got  nodes
		want int
	}{
		"scan":               {append(final, ys...), 4},
		"scan through it":    {append(last, each...), 4},
		"while":              {append(end, steps), 2},
		"map":                {graph.Map(nodes{bad}, two), 2},
		"cond":               {graph.Cond(yes, nodes{bad}, two, two), 2},
		"cond by it":         {graph.Cond(bad, nodes{x}, two, two), 2},
		"switch":             {graph.Switch(bad, nodes{x}, two), 2},
		"checkpoint":         {graph.Checkpoint(nodes{bad}, two), 2},
		"function":           {graph.Function(nodes{bad}, two)(x), 2},
		"call":               {graph.Function(nodes{x}, two)(bad), 2},
		"function of a size": {graph.Function(nodes{bad}, func(a nodes) nodes { return nodes{graph.Index(a[0], a[0].Shape()[0]-1)} })(x), 0},
	} {
		if len(c.got) != c.want {
			t.Errorf("%s returns %d nodes, want %d", name, len(c.got), c.want)
		}
		for _, n := range c.got {
			if n == nil || n.Valid() || graph.Sin(n).Valid() {
				t.Errorf("%s returns %v", name, n)
			}
		}
	}
	if err := g.Err(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("one mistake gives %v", err)
	}
}

// Branches that return other numbers of values give as many invalid nodes as the longest, so that code that reads them goes on.
func TestUnevenBranches(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	one, none := func(a nodes) nodes { return a }, func(nodes) nodes { return nil }
	graph.Sin(graph.Cond(x.Greater(0), nodes{x}, one, none)[0])
	graph.Sin(graph.Cond(x.Less(0), nodes{x}, none, one)[0])
	graph.Sin(graph.Switch(g.Scalar(graph.Int64, 0), nodes{x}, none, none, one)[0])
	if err := g.Err(); err == nil || strings.Count(err.Error(), "needs as many") != 3 {
		t.Error(err)
	}
}
