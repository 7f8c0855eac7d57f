package compile_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// steps returns u after a number of explicit time steps of a wave on a line, u and v being vectors.
func waveSteps(u, w *graph.Node, steps int) *graph.Node {
	n := u.Shape()[0]
	final, _ := graph.Scan(steps, []*graph.Node{u}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		u := c[0]
		inner := graph.Slice(u, graph.Range{Start: 1, Limit: n - 1})
		left, right := graph.Slice(u, graph.Range{Limit: n - 2}), graph.Slice(u, graph.Range{Start: 2, Limit: n})
		push := graph.Sub(graph.Add(left, right), graph.Mul(graph.Like(inner, 2), inner))
		moved := graph.Add(inner, graph.Mul(graph.Sin(push), graph.Slice(w, graph.Range{Start: 1, Limit: n - 1})))
		return []*graph.Node{graph.Concat(0, graph.Slice(u, graph.Range{Limit: 1}), moved, graph.Slice(u, graph.Range{Start: n - 1, Limit: n}))}, nil
	})
	return final[0]
}

func banded(p *compile.Pattern, half int) bool {
	for i := range p.Rows {
		for _, j := range p.Row(i) {
			if int(j) < i-half || int(j) > i+half {
				return false
			}
		}
	}
	return true
}

func TestPatternsThroughLoops(t *testing.T) {
	const n = 1000
	g := graph.New()
	x, w := g.Input("x", graph.Float64, n), g.Input("w", graph.Float64, n)
	elementwise := func(length int) *graph.Node {
		final, _ := graph.Scan(length, []*graph.Node{x, graph.BroadcastTo(graph.Like(x, 0), n)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Tanh(graph.Mul(c[0], w)), graph.Add(c[1], graph.Square(c[0]))}, nil
		})
		return final[1]
	}
	while, _ := graph.While(1000000, []*graph.Node{x}, func(c []*graph.Node) *graph.Node { return graph.Less(graph.ReduceSum(c[0], nil), g.Const(5)) },
		func(c []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(c[0], w)} })
	branch := graph.Cond(graph.Greater(graph.ReduceSum(x, nil), g.Const(0)), []*graph.Node{x},
		func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Square(a[0])} },
		func(a []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Slice(a[0], graph.Range{Start: n - 1, Limit: graph.All, Step: -1})}
		})[0]
	checkpoint := graph.Checkpoint([]*graph.Node{x}, func(a []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(a[0], w)} })[0]
	mapped := graph.Map([]*graph.Node{x, graph.Slice(x, graph.Range{Start: n - 1, Limit: graph.All, Step: -1})}, func(e []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(e[0], graph.Sin(e[1]))} })[0]
	running := func(opts ...graph.ScanOption) *graph.Node {
		_, ys := graph.Scan(n, []*graph.Node{g.Const(0)}, []*graph.Node{x}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
			s := graph.Add(c[0], e[0])
			return []*graph.Node{s}, []*graph.Node{s}
		}, opts...)
		return ys[0]
	}
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		y       *graph.Node
		entries int
		half    int
	}{
		{"elementwise, few steps", elementwise(5), n, 0},
		{"elementwise, many steps", elementwise(1 << 20), n, 0},
		{"while", while[0], n, 0},
		{"checkpoint", checkpoint, n, 0},
		{"branch", branch, 2 * n, n},
		{"map", mapped, 2 * n, n},
		{"running sum", running(), n * (n + 1) / 2, n},
		{"running sum from the end", running(graph.Reverse), n * (n + 1) / 2, n},
		// Half the bandwidth is the number of steps.
		{"wave, 3 steps", waveSteps(x, w, 3), (n-6)*7 + 2*(1+5+6), 3},
		{"wave, many steps", waveSteps(x, w, 1<<20), (n-2)*n + 2, n},
	} {
		p, err := compile.JacobianPattern(c.y, x)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.name == "wave, many steps" { // all that can be, or more
			if p.NonZeros() < c.entries {
				t.Errorf("%s: %d entries, at least %d", c.name, p.NonZeros(), c.entries)
			}
			continue
		}
		if p.NonZeros() != c.entries || !banded(p, c.half) {
			t.Errorf("%s: %d entries, want %d within %d of the diagonal", c.name, p.NonZeros(), c.entries, c.half)
		}
	}
	m, err := compile.SparseJacobian(elementwise(20), x)
	if err != nil {
		t.Fatal(err)
	}
	if m.Colors != 1 || m.NonZeros() != n {
		t.Errorf("elementwise: %d colours", m.Colors)
	}
	p, err := compile.JacobianPattern(running(), x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if row := p.Row(i); len(row) != i+1 || row[i] != int32(i) {
			t.Fatalf("running sum: row %d is %v", i, row)
		}
	}
}

// The Hessian of a cost behind steps of a wave: few colours, and the values of the dense one.
func TestSparseHessianThroughAScan(t *testing.T) {
	const n = 40
	g := graph.New()
	x, w := g.Input("x", graph.Float64, n), g.Input("w", graph.Float64, n)
	cost := graph.ReduceSum(graph.Square(waveSteps(x, w, 2)), nil)
	m, err := compile.SparseHessian(cost, x)
	if err != nil {
		t.Fatal(err)
	}
	dense, err := compile.Hessian(cost, x)
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Pattern; m.Colors > 15 || !banded(&p, 4) || m.NonZeros() < 9*n-40 {
		t.Errorf("%d colours, %d entries", m.Colors, m.NonZeros())
	}
	at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, 1), w: testkit.Spread(w.Type(), -1, 1, 2)}
	got, err := testkit.CompileAndRun(compile.Config{}, at, m.Values, dense)
	if err != nil {
		t.Fatal(err)
	}
	checkSparse(t, "wave", &m.Pattern, got[0].F, got[1].F, 1e-12)
}

// checkSparse compares the entries of a sparse matrix with a dense one, which is 0 elsewhere.
func checkSparse(t *testing.T, what string, p *compile.Pattern, values, dense []float64, bound float64) {
	t.Helper()
	sum := 0.0
	for _, v := range dense {
		sum = max(sum, math.Abs(v))
	}
	for i := range p.Rows {
		for j := range p.Columns {
			k, ok := slices.BinarySearch(p.Row(i), int32(j))
			want, got := dense[i*p.Columns+j], 0.0
			if ok && values != nil {
				got = values[p.Start[i]+k]
			}
			if values == nil && ok {
				continue
			}
			if math.Abs(got-want) > bound*sum {
				t.Errorf("%s: (%d, %d) is %v, want %v", what, i, j, got, want)
				return
			}
		}
	}
}

// Patterns of random loops hold all entries that are not 0, and no more than those of what stands there without loops.
func TestRandomLoopsSparsity(t *testing.T) {
	loops, entries, twinEntries := 0, 0, 0
	for seed := range 2 * *loopSeeds {
		rc, err := testkit.Random(seed, testkit.RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 60, Order: 1, Control: true})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		loops += rc.Loops
		outputs := append(slices.Clone(rc.Outputs[:1]), rc.Gradient[:1]...)
		g, twins := testkit.Unrolled(outputs...)
		for k, y := range outputs {
			x := rc.Wrt[0]
			p, err := compile.JacobianPattern(y, x)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				continue
			}
			dense, err := compile.Jacobian(y, x)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				continue
			}
			v, err := ref.Eval(rc.At, dense)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				continue
			}
			for i := range p.Rows {
				for j := range p.Columns {
					if _, ok := slices.BinarySearch(p.Row(i), int32(j)); !ok && v[0].F[i*p.Columns+j] != 0 {
						t.Errorf("seed %d: output %d: (%d, %d) is %v, and no entry", seed, k, i, j, v[0].F[i*p.Columns+j])
					}
				}
			}
			twin, err := compile.JacobianPattern(twins[k], g.Lookup(x.Name()))
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				continue
			}
			entries, twinEntries = entries+p.NonZeros(), twinEntries+twin.NonZeros()
			if p.NonZeros() > twin.NonZeros() {
				t.Logf("seed %d: output %d: %d entries, unrolled %d", seed, k, p.NonZeros(), twin.NonZeros())
			}
		}
	}
	t.Logf("%d entries, unrolled %d", entries, twinEntries)
	if loops < int(2**loopSeeds) || entries > twinEntries+twinEntries/10 {
		t.Errorf("%d loops and branches, %d entries, unrolled %d", loops, entries, twinEntries)
	}
}
