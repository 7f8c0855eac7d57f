package compile_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// agree compares all ways to compile with the interpreter.
func agree(t *testing.T, at testkit.Point, outputs ...*graph.Node) {
	t.Helper()
	want, err := ref.Eval(at, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range configs {
		p, err := testkit.Compile(c, outputs...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := vm.NewMachine(p)
		for run := range 3 {
			got, err := testkit.Run(m, at)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			for i := range want {
				bound := 1e-12
				if outputs[i].DType() == graph.Float32 {
					bound = 2e-5
				}
				if err := testkit.Close(got[i], want[i], bound); err != nil {
					t.Errorf("%s, run %d, output %d (%s): %v", name, run, i, outputs[i].Op().Name, err)
				}
			}
		}
	}
}

// fillPoint gives every input of the graph a value.
func fillPoint(g *graph.Graph) testkit.Point {
	at := testkit.Point{}
	for i, x := range g.Inputs() {
		v := ref.New(x.Type())
		for k := range v.Len() {
			switch {
			case v.F != nil:
				v.F[k] = float64(float32(math.Sin(float64(3*k+i+1)) * 1.5))
			case v.I != nil:
				v.I[k] = int64((7*k+3*i)%23 - 11)
			default:
				v.B[k] = (k+i)%3 == 0
			}
		}
		at[x] = v
	}
	return at
}

// Outputs that are inputs, constants, views, or one another.
func TestOutputs(t *testing.T) {
	for _, size := range []int{6, 6000} {
		g := graph.New()
		x, s, b := g.Input("x", graph.Float64, 2, size/2), g.Input("s", graph.Float64), g.Input("b", graph.Bool, 3)
		g.Input("unused", graph.Int32, 5)
		y := graph.Sin(x)
		c := graph.Constant(g, []float64{1, 2, 3}, 3)
		agree(t, fillPoint(g), x, x, s, b, y, y, c, c, g.Const(2), g.Const(2), graph.Reshape(x, size), graph.Reshape(y, size), graph.Index(x, 1), graph.Index(y, 1),
			graph.Index(y, 0, 2), graph.Index(x, 1, 1), graph.Slice(y, graph.Range{Start: 1, Limit: 2}), graph.Identity(y), graph.StopGradient(x), graph.Transpose(y), graph.Transpose(graph.Transpose(y)),
			graph.BroadcastTo(s, 2, 2), graph.BroadcastTo(c, 1, 3), graph.Index(b, 1), graph.Reshape(b, 3, 1), graph.Slice(b, graph.Range{Start: 1, Limit: 3}),
			graph.ExpandDims(s, 0), graph.Index(graph.Constant(g, []bool{true, false}, 2), 1), graph.Copy(x), graph.Copy(y))
	}
}

// Values pass through every dtype within one loop and within scalar code.
func TestMixedDTypes(t *testing.T) {
	for _, shape := range [][]int{{}, {7}, {1500}, {3, 700}} {
		g := graph.New()
		x, f := g.Input("x", graph.Float64, shape...), g.Input("f", graph.Float32, shape...)
		i, k, b := g.Input("i", graph.Int64, shape...), g.Input("k", graph.Int32, shape...), g.Input("b", graph.Bool, shape...)
		y := graph.Mul(x, graph.Cast(graph.Add(graph.Cast(graph.Mul(i, i), graph.Float32), f), graph.Float64))
		c := graph.LogicalOr(graph.Less(y, x), graph.LogicalAnd(b, graph.NotEqual(graph.Cast(k, graph.Int64), i)))
		z := graph.Where(c, graph.Cast(k, graph.Float32), graph.Cast(c, graph.Float32))
		w := graph.Cast(graph.Add(graph.Cast(z, graph.Int64), graph.Mod(i, graph.Add(graph.Abs(i), graph.Like(i, 2)))), graph.Int32)
		u := graph.Where(graph.LogicalXor(c, b), graph.Mul(w, k), graph.Max(w, graph.Neg(k)))
		outs := []*graph.Node{y, c, z, w, u, graph.Cast(u, graph.Bool), graph.Cast(u, graph.Float64), graph.Equal(b, c)}
		if len(shape) > 0 {
			outs = append(outs, graph.Sum(u), graph.ReduceMax(w, []int{-1}), graph.ReduceMin(i, nil), graph.ReduceProd(graph.Cast(c, graph.Int32), []int{0}),
				graph.ReduceAny(c, []int{-1}), graph.ReduceAll(graph.LogicalNot(c), nil), graph.Argmax(k, -1), graph.Argmin(z, 0), graph.Sum(graph.Cast(c, graph.Int64)))
		}
		agree(t, fillPoint(g), outs...)
	}
}

// Reductions of every kind over every set of dimensions, with extents of 1 and more than a block.
func TestReductions(t *testing.T) {
	for _, shape := range []graph.Shape{{5}, {1}, {3, 4}, {1, 4}, {4, 1}, {2, 3, 4}, {2, 1, 3}, {1, 1, 1}, {3, 1030}, {1030, 3}, {2, 515, 2}, {1200, 1}, {1, 1200}} {
		g := graph.New()
		x, k := g.Input("x", graph.Float64, shape...), g.Input("k", graph.Int32, shape...)
		var outs []*graph.Node
		for set := 1; set < 1<<len(shape); set++ {
			var axes []int
			for d := range shape {
				if set>>d&1 != 0 {
					axes = append(axes, d)
				}
			}
			y := graph.Mul(x, x)
			small := graph.Add(g.Const(1), graph.Mul(g.Const(1e-4), x))
			for _, f := range []func(*graph.Node, []int, ...graph.ReduceOption) *graph.Node{graph.ReduceSum, graph.ReduceMean, graph.ReduceMax, graph.ReduceMin, graph.LogSumExp} {
				outs = append(outs, f(x, axes), f(y, axes, graph.KeepDims))
			}
			outs = append(outs, graph.ReduceProd(small, axes), graph.ReduceSum(k, axes), graph.ReduceMax(graph.Mul(k, k), axes, graph.KeepDims), graph.ReduceProd(k, axes))
		}
		agree(t, fillPoint(g), outs...)
	}
}

// A loop with more operations than one instruction takes, and values used far apart.
func TestLongLoops(t *testing.T) {
	for _, shape := range [][]int{{}, {1100}} {
		g := graph.New()
		x := g.Input("x", graph.Float64, shape...)
		all := []*graph.Node{x}
		y := x
		for i := range 700 {
			y = graph.Sin(graph.Add(y, graph.Mul(g.Const(0.01), all[i/3])))
			all = append(all, y)
		}
		d := grad(t, graph.Sum(y), x)
		agree(t, fillPoint(g), y, all[350], d[0])
	}
}

// Broadcasting along every dimension, in loops and of stored values.
func TestBroadcasting(t *testing.T) {
	g := graph.New()
	a, b, c, d := g.Input("a", graph.Float64, 4, 1, 3), g.Input("b", graph.Float64, 5, 1), g.Input("c", graph.Float64, 3), g.Input("d", graph.Float64)
	wide, row := g.Input("wide", graph.Float64, 3, 900), g.Input("row", graph.Float64, 900)
	col := g.Input("col", graph.Float64, 3, 1)
	y := graph.Add(graph.Mul(a, b), graph.Sub(c, d))
	s := graph.Mul(graph.ReduceSum(y, []int{0, 2}, graph.KeepDims), y)
	w := graph.Mul(graph.Sub(wide, graph.ReduceMean(wide, []int{1}, graph.KeepDims)), graph.Add(row, col))
	cost := graph.Add(graph.Sum(graph.Sin(s)), graph.Sum(graph.Square(graph.ReduceSum(w, []int{0}))))
	agree(t, fillPoint(g), append(grad(t, cost, a, b, c, d, wide, row, col), y, s, w, cost, graph.BroadcastTo(b, 4, 5, 3), graph.BroadcastTo(graph.Sin(c), 4, 5, 3))...)
}

// Elements of arrays in scalar code, and arrays made of scalars.
func TestElementsAndAssembly(t *testing.T) {
	for _, n := range []int{3, 40, 700} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		f := g.Input("f", graph.Float32, n)
		b := g.Input("b", graph.Bool, n)
		var pieces, narrow []*graph.Node
		var indices, some []int
		cost := g.Const(0)
		for i := range n {
			p := graph.Mul(graph.Index(x, i), graph.Sin(graph.Index(x, (i+1)%n)))
			pieces, indices = append(pieces, p), append(indices, n-1-i)
			if i%2 == 0 {
				narrow, some = append(narrow, graph.Mul(graph.Index(f, i), graph.Index(f, 0))), append(some, i)
				cost = graph.Add(cost, graph.Where(graph.LogicalNot(graph.Index(b, i)), p, graph.Like(p, 0)))
			}
			cost = graph.Add(cost, graph.Square(p))
		}
		y := graph.IndexTranspose(graph.Shape{n}, indices, pieces...)
		half := graph.IndexTranspose(graph.Shape{n}, some, narrow...)
		sparse := graph.IndexTranspose(graph.Shape{2, n}, []int{1, 2, 0, 1}, pieces[0], pieces[1])
		cost = graph.Add(cost, graph.Sum(graph.Mul(y, x)))
		agree(t, fillPoint(g), append(grad(t, cost, x), cost, y, half, sparse, pieces[1], graph.Index(y, 1), graph.Sum(half), graph.Exp(y), graph.Stack(0, pieces[0], pieces[2]))...)
	}
}

// The memory plan reuses the memory of dead values, whatever kind of instruction reads them last.
func TestMemoryIsReused(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 100, 100)
	y := x
	for range 20 {
		y = graph.Transpose(graph.Sin(graph.MatMul(y, graph.Softmax(y, 1))))
	}
	p := must[*vm.Program](t)(testkit.Compile(compile.Config{}, y))
	if most := int64(8 * 80000); p.ArenaBytes() > most {
		t.Errorf("an arena of %d bytes for values of 80000 bytes each", p.ArenaBytes())
	}
	agree(t, fillPoint(g), y)
}

// An operator with several results, some of which nobody reads.
func init() {
	graph.Register(&graph.Op{
		Name: "test_top_k", Doc: "The largest elements along the last axis and their indices.", Family: graph.FamilyUser, MinArity: 1, MaxArity: 1, Kernel: "top_k",
		Attrs: []graph.AttrSpec{{Key: "axis", Kind: attr.Int}, {Key: "k", Kind: attr.Int}},
		InferMany: func(in []*graph.Node, a attr.List) ([]graph.Type, error) {
			s := append(graph.Shape{}, in[0].Shape()...)
			if len(s) == 0 || a.Int("k") > s[len(s)-1] {
				return nil, fmt.Errorf("k is %d", a.Int("k"))
			}
			s[len(s)-1] = a.Int("k")
			return []graph.Type{{DType: in[0].DType(), Shape: s}, {DType: graph.Int64, Shape: s}}, nil
		},
		VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
			if ct[0] == nil {
				return []*graph.Node{nil}
			}
			// One-dimensional operands only.
			return []*graph.Node{graph.ScatterAdd(graph.Result(n, 1), ct[0], 0, n.Input(0).Shape()...)}
		},
		JVP: func(n *graph.Node, dot []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Gather(dot[0], graph.Result(n, 1), 0), nil}
		},
		Samples: []graph.Sample{{NoDifferences: "of this test only"}},
	})
}

func TestSeveralResults(t *testing.T) {
	for _, n := range []int{5, 900} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		top := g.Apply(graph.LookupOp("test_top_k"), []*graph.Node{graph.Mul(x, x)}, attr.Make(attr.I("axis", 0), attr.I("k", 2)))
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		values, indices := graph.Result(top, 0), graph.Result(top, 1)
		cost := graph.Sum(graph.Mul(values, graph.Sin(values)))
		dx := grad(t, cost, x)[0]
		ddx := grad(t, graph.Sum(dx), x)[0]
		jvp := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{cost}, []*graph.Node{x}, nil))[0]
		fwd := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{dx}, []*graph.Node{x}, nil))[0]
		at := make([]float64, n)
		for i := range at {
			at[i] = float64(i) / float64(n)
		}
		a, b := at[n-1], at[n-2]
		slope := func(x float64) float64 { return 2 * x * (math.Sin(x*x) + x*x*math.Cos(x*x)) }
		bend := func(x float64) float64 {
			v := x * x
			return 2*(math.Sin(v)+v*math.Cos(v)) + 4*v*(2*math.Cos(v)-v*math.Sin(v))
		}
		d, dd := make([]float64, n), make([]float64, n)
		d[n-1], d[n-2], dd[n-1], dd[n-2] = slope(a), slope(b), bend(a), bend(b)
		expect(t, point(x, at), 1e-13, [][]float64{{a * a, b * b}, {float64(n - 1), float64(n - 2)}, d, dd, {slope(a) + slope(b)}, dd}, values, indices, dx, ddx, jvp, fwd)
		// Only the second result, only the first.
		expect(t, point(x, at), 1e-13, [][]float64{{float64(n - 1), float64(n - 2)}}, indices)
		expect(t, point(x, at), 1e-13, [][]float64{{a*a + b*b}}, graph.Sum(values))
	}
}

// Loops over few elements are joined though they have no data in common; over many, or of other dimensions, or where one needs another's
// element that is not its own, they are not.
func TestBriefLoops(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  int
	}{{[]int{40}, 1}, {[]int{1024}, 1}, {[]int{5, 8}, 1}, {[]int{1025}, 12}, {[]int{30, 50}, 12}} {
		g := graph.New()
		var outputs []*graph.Node
		for i := range 12 {
			a, b := g.Input(fmt.Sprintf("a%d", i), graph.Float64, c.shape...), g.Input(fmt.Sprintf("b%d", i), graph.Float64, c.shape...)
			outputs = append(outputs, graph.Sin(graph.Add(a, b)))
		}
		if got := countLoops(t, outputs...); got != c.want {
			t.Errorf("%v: %d loops, want %d", c.shape, got, c.want)
		}
		agree(t, fillPoint(g), outputs...)
	}
	g := graph.New()
	a, b, c := g.Input("a", graph.Float64, 40), g.Input("b", graph.Float64, 41), g.Input("c", graph.Float64, 40)
	turned := graph.Flip(graph.Exp(a), 0)
	outputs := []*graph.Node{graph.Sin(a), graph.Sin(b), graph.Mul(turned, c), graph.Sum(graph.Mul(c, c)), graph.Add(c, graph.Sum(a))}
	if got := countLoops(t, outputs...); got < 3 {
		t.Errorf("%d loops", got)
	}
	agree(t, fillPoint(g), outputs...)
}

func countLoops(t *testing.T, outputs ...*graph.Node) int {
	t.Helper()
	p, err := compile.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, in := range p.Code().Instrs {
		if in.Op == vm.OpLoop {
			n++
		}
	}
	return n
}
