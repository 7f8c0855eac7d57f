package compile_test

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// The incomplete gamma and beta functions and their derivatives, from the smallest parameters to the largest: programs and the
// reference interpreter, which takes other ways, against values from mpmath (internal/elem/testdata/incomplete.py).
func TestIncompleteAtAllSizes(t *testing.T) {
	f := must[*os.File](t)(os.Open("../internal/elem/testdata/incomplete.txt"))
	defer f.Close()
	// Rows of the same function and orders make one graph.
	rows, lines := map[string][][]float64{}, 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		fields := strings.Fields(s.Text())
		orders := 2
		if fields[0] == "betainc" {
			orders = 3
		}
		var row []float64
		for _, v := range fields[1+orders:] {
			row = append(row, must[float64](t)(strconv.ParseFloat(v, 64)))
		}
		key := strings.Join(fields[:1+orders], " ")
		rows[key] = append(rows[key], row)
	}
	if lines < 1500 {
		t.Fatalf("%d values", lines)
	}
	for key, of := range rows {
		fields := strings.Fields(key)
		keys := map[string][]string{"igamma": {"order", "order_x"}, "betainc": {"order_a", "order_b", "order_x"}}[fields[0]]
		g := graph.New()
		var attrs []graph.Attr
		var inputs []*graph.Node
		var values []any
		for i, k := range keys {
			attrs = append(attrs, graph.IntAttr(k, must[int](t)(strconv.Atoi(fields[1+i]))))
			column := make([]float64, len(of))
			for r := range of {
				column[r] = of[r][i]
			}
			inputs = append(inputs, g.Input(k, graph.Float64, len(of)))
			values = append(values, inputs[i], column)
		}
		const every = 23 // the reference takes milliseconds for some
		var few []*graph.Node
		for _, in := range inputs {
			few = append(few, graph.Slice(in, graph.Range{Limit: graph.All, Step: every}))
		}
		y := graph.CallWith(graph.LookupOp(fields[0]+"_derivative"), attrs, inputs...)
		at := point(values...)
		got := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, y))[0].F
		slow := must[[]ref.Value](t)(ref.Eval(at, graph.CallWith(y.Op(), attrs, few...)))[0].F
		for r, row := range of {
			want := row[len(row)-1]
			if math.Abs(want) < 1e-100 {
				continue // TestIncomplete has them
			}
			if e := math.Abs(got[r]/want - 1); !(e < 1e-12) {
				t.Errorf("%s at %v: got %v, want %v", key, row[:len(row)-1], got[r], want)
			}
			if r%every > 0 || math.Abs(want) < 1e-30 {
				continue
			}
			if e := math.Abs(slow[r/every]/want - 1); !(e < 1e-6) {
				t.Errorf("%s at %v: the reference gives %v, want %v", key, row[:len(row)-1], slow[r/every], want)
			}
		}
	}
}

// Derivatives of special functions by x in every mode, at the ends of their domains and far out, where formulas cancel or meet 0·Inf.
func TestSpecialAtTheEnds(t *testing.T) {
	inf := math.Inf(1)
	gamma := func(a float64) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node { return graph.IGamma(graph.Like(x, a), x) }
	}
	beta := func(a, b float64) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node { return graph.BetaInc(graph.Like(x, a), graph.Like(x, b), x) }
	}
	for _, c := range []struct {
		what        string
		f           func(x *graph.Node) *graph.Node
		x           float64
		first, next float64
	}{
		{"P(2, x), density x·e^(−x)", gamma(2), 0, 0, 1},
		{"P(1, x), density e^(−x)", gamma(1), 0, 1, -1},
		{"P(½, x)", gamma(0.5), 0, inf, -inf},
		{"P(3, x)", gamma(3), inf, 0, 0},
		{"P(10¹⁵, x) at its median", gamma(1e15), 1e15, 1 / math.Sqrt(2*math.Pi*1e15), -1e-15 / math.Sqrt(2*math.Pi*1e15)},
		{"I_x(2, 2), density 6x(1−x)", beta(2, 2), 0, 0, 6},
		{"I_x(2, 2), density 6x(1−x)", beta(2, 2), 1, 0, -6},
		{"I_x(1, 3), density 3(1−x)²", beta(1, 3), 0, 3, -6},
		{"I_x(1, 1)", beta(1, 1), 1, 1, 0},
		// √(2/π)·10¹⁵ and 0: the density of two parameters 10³⁰ at ½ is a normal one with σ = 1/√(8·10³⁰).
		{"I_x(10³⁰, 10³⁰)", beta(1e30, 1e30), 0.5, 2e15 / math.Sqrt(math.Pi), 0},
		// −½·(2π)^(−½)·x^(−3/2) and ¾·(2π)^(−½)·x^(−5/2) up to the relative size of 1/x (DLMF 10.40.1).
		{"i0e", graph.BesselI0e, 1e16, -0.5e-24 / math.Sqrt(2*math.Pi), 0.75e-40 / math.Sqrt(2*math.Pi)},
		{"i1e", graph.BesselI1e, 1e16, -0.5e-24 / math.Sqrt(2*math.Pi), 0.75e-40 / math.Sqrt(2*math.Pi)},
		{"i0e", graph.BesselI0e, -1e16, 0.5e-24 / math.Sqrt(2*math.Pi), 0.75e-40 / math.Sqrt(2*math.Pi)},
		{"i0e", graph.BesselI0e, inf, 0, 0},
		{"i1e", graph.BesselI1e, -inf, 0, 0},
		{"i0e, at the kink that of I₀", graph.BesselI0e, 0, 0, 0.5},
		{"i1e, at the kink that of I₁", graph.BesselI1e, 0, 0.5, 0},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		y := c.f(x)
		dot := graph.Like(x, 1)
		tangent := func(y *graph.Node) *graph.Node {
			return must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{dot}))[0]
		}
		gradient := func(y *graph.Node) *graph.Node { return must[[]*graph.Node](t)(compile.Gradient(y, x))[0] }
		outputs := []*graph.Node{gradient(y), tangent(y), gradient(gradient(y)), tangent(gradient(y)), gradient(tangent(y)), tangent(tangent(y))}
		for k, v := range must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, point(x, c.x), outputs...)) {
			want := c.first
			if k > 1 {
				want = c.next
			}
			if got := v.F[0]; got != want && !(math.Abs(got-want) <= 1e-14*math.Abs(want)) {
				t.Errorf("%s at %v, derivative %d: %v, want %v", c.what, c.x, k, got, want)
			}
		}
	}
}
