package compile_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// clippedDouble doubles, with a derivative of its own: 3, so that it is told from that of the function.
var clippedDouble, _ = graph.CustomVJP("user_double_in_loops", 1,
	func(in []*graph.Node) *graph.Node { return graph.Add(in[0], in[0]) },
	func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(graph.Like(ct, 3), ct)}
	})

// loopedTriple has a loop in its function, and another one in its derivative.
var loopedTriple, _ = graph.CustomJVP("user_triple_by_loops", 1,
	func(in []*graph.Node) *graph.Node {
		sum, _ := graph.Scan(3, list{graph.Mul(in[0], graph.Like(in[0], 0))}, nil, func(c, _ list) (next, ys list) { return list{graph.Add(c[0], in[0])}, nil })
		return sum[0]
	},
	func(in []*graph.Node, _ *graph.Node, dot []*graph.Node) *graph.Node {
		sum, _ := graph.Scan(5, list{graph.Mul(dot[0], graph.Like(dot[0], 0))}, nil, func(c, _ list) (next, ys list) { return list{graph.Add(c[0], dot[0])}, nil })
		return sum[0] // 5 for the same reason
	})

// Operators of a user keep their derivatives in bodies, to every order and in batches; their own rules may have loops.
func TestUsersOperatorsInBodies(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	final, ys := graph.Scan(3, list{x}, nil, func(c, _ list) (next, ys list) {
		y := graph.Call(clippedDouble, c[0])
		return list{y}, graph.Checkpoint(list{y}, func(a list) list { return list{graph.Call(loopedTriple, graph.Square(a[0]))} })
	})
	sum := graph.ReduceSum(ys[0], nil)
	dx, err := compile.Gradient(final[0], x)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := compile.Gradient(sum, x)
	if err != nil {
		t.Fatal(err)
	}
	dots, err := compile.JVP(list{final[0], sum}, list{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dds, err := compile.Gradient(ds[0], x)
	if err != nil {
		t.Fatal(err)
	}
	lanes := graph.Constant(g, []float64{1, 2}, 2)
	batched, err := compile.Batch(list{final[0], sum, dx[0], ds[0], dds[0]}, list{x}, list{lanes})
	if err != nil {
		t.Fatal(err)
	}
	got, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1)}, append(append(list{}, dots...), batched...)...)
	if err != nil {
		t.Fatal(err)
	}
	// y_t = 2ᵗx with the derivative 3ᵗ; Σ 3y_t² with the derivative Σ 5·2y_t·3ᵗ, and again Σ 10·3ᵗ·3ᵗ.
	for i, want := range [][]float64{{27}, {10 * (6 + 36 + 216)}, {8, 16}, {3 * (4 + 16 + 64), 12 * (4 + 16 + 64)}, {27, 27}, {10 * (6 + 36 + 216), 20 * (6 + 36 + 216)}, {10 * (9 + 81 + 729), 10 * (9 + 81 + 729)}} {
		for k, w := range want {
			if got[i].F[k] != w {
				t.Errorf("output %d is %v, want %v", i, got[i].F, want)
				break
			}
		}
	}
}

// A walk through a table: the index is a carry, the table is captured.
func TestIndicesAsCarries(t *testing.T) {
	g := graph.New()
	table := g.Input("table", graph.Float64, 5)
	next := graph.Constant(g, []int64{2, 0, 4, 1, 3}, 5)
	at := testkit.Point{table: ref.Of(table.Type(), 1, 2, 3, 4, 5)}
	// 0, 2, 4, 3, 1: the product of all but the last, weighted.
	final, ys := graph.Scan(4, list{g.Scalar(graph.Int64, 0), g.Const(1)}, nil, func(c, _ list) (n, ys list) {
		v := graph.Reshape(graph.Gather(table, graph.Reshape(c[0], 1), 0))
		p := graph.Mul(c[1], v)
		return list{graph.Reshape(graph.Gather(next, graph.Reshape(c[0], 1), 0)), p}, list{c[0], v}
	})
	d, err := compile.Gradient(final[1], table)
	if err != nil {
		t.Fatal(err)
	}
	h, err := compile.Hessian(final[1], table)
	if err != nil {
		t.Fatal(err)
	}
	got, err := testkit.CompileAndRun(compile.Config{}, at, graph.Cast(ys[0], graph.Float64), ys[1], final[1], d[0], h, graph.Cast(final[0], graph.Float64))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{0, 2, 4, 3}, {1, 3, 5, 4}, {60}, {60, 0, 20, 15, 12}, {
		0, 0, 20, 15, 12,
		0, 0, 0, 0, 0,
		20, 0, 0, 5, 4,
		15, 0, 5, 0, 3,
		12, 0, 4, 3, 0}, {1}} {
		for k, w := range want {
			if got[i].F[k] != w {
				t.Errorf("output %d is %v, want %v", i, got[i].F, want)
				break
			}
		}
	}
}

// Keys of random numbers as carries: each step has numbers of its own, those of the keys drawn without a loop.
func TestRandomKeysAsCarries(t *testing.T) {
	g := graph.New()
	key := graph.RandomKey(g, 7)
	x := g.Input("x", graph.Float64)
	final, ys := graph.Scan(4, list{key, x}, nil, func(c, _ list) (next, ys list) {
		keys := graph.RandomSplit(c[0], 2)
		noise := graph.RandomNormal(keys[1], graph.Float64, 3)
		return list{keys[0], graph.Add(graph.Mul(c[1], graph.Like(c[1], 0.5)), graph.ReduceSum(graph.Mul(noise, c[1]), nil))}, list{noise}
	})
	k, y := key, x
	var each list
	for range 4 {
		keys := graph.RandomSplit(k, 2)
		noise := graph.RandomNormal(keys[1], graph.Float64, 3)
		k, y = keys[0], graph.Add(graph.Mul(y, graph.Like(y, 0.5)), graph.ReduceSum(graph.Mul(noise, y), nil))
		each = append(each, noise)
	}
	dl, err := compile.Gradient(final[1], x)
	if err != nil {
		t.Fatal(err)
	}
	dp, err := compile.Gradient(y, x)
	if err != nil {
		t.Fatal(err)
	}
	got, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), 1.5)}, ys[0], final[1], dl[0], graph.Stack(0, each...), y, dp[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := testkit.CloseTo(got[i], got[3+i], 1e-13, 0); err != nil {
			t.Errorf("output %d: %v", i, err)
		}
	}
	if v := got[0].F; v[0] == v[3] || v[3] == v[6] {
		t.Errorf("steps share their numbers: %v", v)
	}
}
