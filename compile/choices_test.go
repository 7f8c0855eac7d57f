package compile_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Operators that are dense, or of which a batch is expanded or made element by element, are listed in a file, so that a new operator has to choose; so
// are those whose kernel states no accuracy of sums, since it moves, chooses or compares elements, computes from one element or factors a matrix.
func TestChoicesOfOperators(t *testing.T) {
	var lines strings.Builder
	for _, op := range graph.Ops() {
		if op.Family == graph.FamilyUser || op.MaxArity == 0 {
			continue
		}
		var facts []string
		if op.Pattern == graph.Dense {
			facts = append(facts, "dense pattern")
		}
		if !op.Elementwise && !op.AlongAxis && !op.LeadingBatch && op.Batch == nil {
			if op.Expand != nil {
				facts = append(facts, "a batch is expanded")
			} else {
				facts = append(facts, "no batch rule")
			}
		}
		if op.Kernel != "" && op.Accuracy == "" {
			facts = append(facts, "no accuracy of sums")
		}
		if facts != nil {
			fmt.Fprintf(&lines, "%s: %s\n", op.Name, strings.Join(facts, ", "))
		}
	}
	const file = "testdata/choices.txt"
	if *update {
		if err := os.WriteFile(file, []byte(lines.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := lines.String(); got != string(want) {
		t.Errorf("the operators without a pattern, a batch rule or an accuracy are not those of %s (rewritten by -update):\n%s", file, got)
	}
}

// Operators whose pattern is missing or does not suit them are not registered.
func TestPatternsOfRegistration(t *testing.T) {
	same := func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil }
	valid := func() *graph.Op {
		return &graph.Op{Name: "test_unregistered", Doc: "x.", Family: graph.FamilyShape, MinArity: 1, MaxArity: 1, Infer: same, Expand: func(n *graph.Node) *graph.Node { return n.Input(0) },
			Transpose: func(_ *graph.Node, _ int, ct *graph.Node) *graph.Node { return ct }, Samples: []graph.Sample{{}}}
	}
	for want, change := range map[string]func(op *graph.Op){
		"needs a pattern":           func(*graph.Op) {},
		"has an unknown pattern":    func(op *graph.Op) { op.Pattern = graph.CommonPattern(0) },
		"does not act along axes":   func(op *graph.Op) { op.Pattern = graph.Lines },
		"needs a kernel or views":   func(op *graph.Op) { op.Pattern = graph.Moves },
		"has a pattern that is nil": func(op *graph.Op) { op.Pattern = graph.ElementPattern(nil) },
		"of an operand that it lacks": func(op *graph.Op) {
			op.Pattern = graph.Combines{Elements: 1, Take: func(_, r *graph.Node) *graph.Node { return r }}
		},
		"an expansion that it lacks":            func(op *graph.Op) { op.Pattern, op.Expand, op.Kernel = graph.AsExpansion, nil, "gather" },
		"states a pattern that nobody asks for": func(op *graph.Op) { op.Pattern, op.Transpose, op.NoDerivative = graph.Dense, nil, "it is a test" },
	} {
		op := valid()
		change(op)
		func() {
			defer func() {
				if err := fmt.Sprint(recover()); !strings.Contains(err, want) {
					t.Errorf("%s, want %q", err, want)
				}
			}()
			graph.Register(op)
		}()
	}
}

var (
	reversal  = func(n *graph.Node) *graph.Node { return graph.Flip(graph.Square(n.Input(0)), 0) }
	reversals = func(name string, p graph.Pattern) *graph.Op {
		return userOp(graph.Op{Name: name, Pattern: p, Expand: reversal, JVP: func(n *graph.Node, dot []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Flip(graph.Mul(n.Input(0), graph.Mul(dot[0], graph.Like(n, 2))), 0)}
		}})
	}
	reversed = func(n *graph.Node, t graph.Terms) func(i int) {
		last := n.Shape()[0] - 1
		return func(i int) { t.Product(0, last-i, 0, last-i) }
	}
	userReversal  = reversals("user_reversal", graph.ElementPattern(reversed))
	userUnstated  = reversals("user_reversal_unstated", nil)
	userUndecided = reversals("user_reversal_undecided", graph.ElementPattern(func(*graph.Node, graph.Terms) func(int) { return nil }))
	userExpanded  = reversals("user_reversal_expanded", graph.AsExpansion)
	userOutside   = reversals("user_reversal_outside", graph.ElementPattern(func(_ *graph.Node, t graph.Terms) func(i int) { return func(i int) { t.Add(0, i+1) } }))
	userPanics    = reversals("user_reversal_panics", graph.ElementPattern(func(*graph.Node, graph.Terms) func(i int) { panic("no") }))
	userTakes     = reversals("user_reversal_takes", graph.Combines{Take: func(n, result *graph.Node) *graph.Node { return graph.Flip(result, 0) }})
	userTakesSum  = reversals("user_reversal_takes_sum", graph.Combines{Take: func(n, result *graph.Node) *graph.Node { return graph.Add(result, result) }})
	userTakesPart = reversals("user_reversal_takes_part", graph.Combines{Take: func(n, result *graph.Node) *graph.Node { return graph.Index(result, 0) }})
)

// A user's operator has the pattern that it states, and is dense without one; what its pattern does wrong is the operator's mistake.
func TestPatternsOfUsersOperators(t *testing.T) {
	const n = 6
	for _, c := range []struct {
		op      *graph.Op
		entries int
		mistake string
	}{
		{userReversal, n, ""}, {userExpanded, n, ""}, {userTakes, n, ""}, {userUnstated, n * n, ""}, {userUndecided, n * n, ""}, {userTakesSum, n * n, ""},
		{userOutside, 0, "its pattern panicked"}, {userPanics, 0, "its pattern panicked: no"}, {userTakesPart, 0, "its pattern gives a node f64 at place 0"},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		p, err := compile.JacobianPattern(graph.Call(c.op, x), x)
		if c.mistake != "" {
			if err == nil || !strings.Contains(err.Error(), c.mistake) {
				t.Errorf("%s: %v, want %q", c.op.Name, err, c.mistake)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.op.Name, err)
		} else if p.NonZeros() != c.entries || c.entries == n && p.Row(0)[0] != n-1 {
			t.Errorf("%s: %d entries, want %d; the first row is %v", c.op.Name, p.NonZeros(), c.entries, p.Row(0))
		}
	}
}

// A term of a product with a sparse matrix that has a constant 0 as a factor, whichever, is none.
func TestPatternsOfZeroFactors(t *testing.T) {
	g := graph.New()
	x, v := g.Input("x", graph.Float64, 4), graph.Constant(g, []float64{0, 1, 0}, 3)
	places := func(values *graph.Node) *graph.CSR {
		return graph.NewCSR(3, 3, []int64{0, 2, 3, 4}, []int64{0, 1, 0, 2}, values)
	}
	for name, c := range map[string]struct {
		y, wrt  *graph.Node
		entries int
	}{
		"entries of a matrix":        {places(x).MatMul(v), x, 1},
		"entries, transposed":        {places(x).TransposedMatMul(v), x, 1},
		"the right operand":          {places(graph.Constant(g, []float64{1, 0, 0, 2}, 4)).MatMul(graph.Slice(x, graph.Range{Limit: 3})), x, 2},
		"a factor at sampled places": {places(x).SampledMatMul(graph.Slice(x, graph.Range{Limit: 3}), v).Values, x, 1},
	} {
		p, err := compile.JacobianPattern(c.y, c.wrt)
		if err != nil {
			t.Fatal(err)
		}
		if p.NonZeros() != c.entries {
			t.Errorf("%s: %d entries, want %d", name, p.NonZeros(), c.entries)
		}
	}
}
