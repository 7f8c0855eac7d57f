package compile_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// Places and factors that are computed from constants, in whatever way, give the pattern that the same constants give.
func TestPatternsOfConstantExpressions(t *testing.T) {
	const n = 8
	places := []int64{0, 1, 1, 2, 4, 5, 6, 7}
	iota := func(g *graph.Graph) *graph.Node { return graph.Iota(g, graph.Int64, 0, n) }
	like := func(x *graph.Node, v float64) *graph.Node { return graph.Like(x, v) }
	// Each is equal to places.
	expressions := map[string]func(g *graph.Graph) *graph.Node{
		"where": func(g *graph.Graph) *graph.Node {
			i := iota(g)
			middle := graph.LogicalAnd(graph.GreaterEqual(i, like(i, 2)), graph.Less(i, like(i, 4)))
			return graph.Where(middle, graph.Sub(i, like(i, 1)), i)
		},
		"cast of floats": func(g *graph.Graph) *graph.Node {
			x := graph.Constant(g, []float64{0.5, 1.25, 1.75, 2, 4.5, 5.1, 6.9, 7}, n)
			return graph.Cast(graph.Floor(x), graph.Int64)
		},
		"concat": func(g *graph.Graph) *graph.Node {
			low := graph.Reshape(graph.Constant(g, []int64{0, 1, 1, 2}, 2, 2), 4)
			return graph.Concat(0, low, graph.Slice(iota(g), graph.Range{Start: 4, Limit: n}))
		},
		"argsort": func(g *graph.Graph) *graph.Node {
			order := graph.Argsort(graph.Constant(g, []float64{1, 3, 4, 9, 5, 6, 7, 8}, n), 0) // 0 1 2 4 5 6 7 3
			table := graph.Constant(g, []int64{0, 1, 1, 7, 2, 4, 5, 6}, n)
			return graph.Gather(table, order, 0)
		},
		"sort": func(g *graph.Graph) *graph.Node {
			return graph.Sort(graph.Constant(g, []int64{7, 1, 0, 1, 6, 2, 5, 4}, n), 0)
		},
		"running sum": func(g *graph.Graph) *graph.Node {
			return graph.Cumsum(graph.Constant(g, []int64{0, 1, 0, 1, 2, 1, 1, 1}, n), 0)
		},
		"permuted and back": func(g *graph.Graph) *graph.Node {
			m := graph.Transpose(graph.Constant(g, []int64{0, 4, 1, 5, 1, 6, 2, 7}, 4, 2))
			return graph.Reshape(m, n)
		},
		"scattered": func(g *graph.Graph) *graph.Node {
			return graph.ScatterAdd(graph.Sub(like(iota(g), n-1), iota(g)), graph.Constant(g, []int64{7, 6, 5, 4, 2, 1, 1, 0}, n), 0, n)
		},
		"random numbers used up": func(g *graph.Graph) *graph.Node {
			draw := graph.RandomUniform(graph.RandomKey(g, 3), graph.Float64, n)
			return graph.Add(graph.Constant(g, places, n), graph.Cast(draw, graph.Int64)) // draws are below 1
		},
	}
	users := map[string]func(i, x *graph.Node) *graph.Node{
		"gather":      func(i, x *graph.Node) *graph.Node { return graph.Square(graph.Gather(x, i, 0)) },
		"scatter_add": func(i, x *graph.Node) *graph.Node { return graph.ScatterAdd(i, graph.Sin(x), 0, n) },
		"scatter_set": func(i, x *graph.Node) *graph.Node { return graph.ScatterSet(graph.Exp(x), i, graph.Flip(x, 0), 0) },
		"scatter_max": func(i, x *graph.Node) *graph.Node { return graph.ScatterMax(x, i, graph.Flip(x, 0), 0) },
		"take_along_axis": func(i, x *graph.Node) *graph.Node {
			return graph.TakeAlongAxis(graph.Reshape(x, 1, n), graph.Reshape(i, 1, n), 1)
		},
		"scatter_along_axis_add": func(i, x *graph.Node) *graph.Node { return graph.ScatterAlongAxisAdd(i, x, 0, n) },
		"segment_sum":            func(i, x *graph.Node) *graph.Node { return graph.SegmentSum(x, i, n) },
		"dynamic_slice": func(i, x *graph.Node) *graph.Node {
			return graph.DynamicSlice(x, graph.Slice(i, graph.Range{Start: 3, Limit: 4}), 3)
		},
		"dynamic_update_slice": func(i, x *graph.Node) *graph.Node {
			return graph.DynamicUpdateSlice(graph.Square(x), graph.Slice(x, graph.Range{Limit: 3}), graph.Slice(i, graph.Range{Start: 4, Limit: 5}))
		},
		"matmul": func(i, x *graph.Node) *graph.Node {
			selected := graph.Equal(graph.Reshape(i, n, 1), graph.Iota(x.Graph(), graph.Int64, 1, n, n))
			return graph.MatMul(graph.Cast(selected, graph.Float64), x)
		},
		"conv": func(i, x *graph.Node) *graph.Node {
			odd := graph.Cast(graph.Mod(graph.Slice(i, graph.Range{Limit: 3}), like(i, 2)), graph.Float64) // 0 1 1
			return graph.Conv(graph.Reshape(x, 1, 1, n), graph.Reshape(odd, 1, 1, 3), graph.Window{})
		},
		"gather of a gather": func(i, x *graph.Node) *graph.Node {
			return graph.Gather(graph.Gather(x, i, 0), graph.Gather(i, i, 0), 0)
		},
		"inside of an expansion": func(i, x *graph.Node) *graph.Node {
			return graph.Mul(graph.ScatterAddTo(x, i, graph.Square(x), 0), graph.Roll(x, 1, 0))
		},
	}
	checked := 0
	for what, use := range users {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		want := must[*compile.Pattern](t)(compile.JacobianPattern(use(graph.Constant(g, places, n), x), x))
		if want.NonZeros() == 0 || want.NonZeros() >= want.Rows*n/2 {
			t.Errorf("%s: %d entries with a constant", what, want.NonZeros())
		}
		for how, build := range expressions {
			for _, d := range []graph.DType{graph.Int64, graph.Int32} {
				g := graph.New()
				x := g.Input("x", graph.Float64, n)
				i := build(g)
				if d == graph.Int32 {
					i = graph.Cast(graph.Cast(i, graph.Int32), graph.Int64)
				}
				y := use(i, x)
				got := must[*compile.Pattern](t)(compile.JacobianPattern(y, x))
				if !slices.Equal(got.Start, want.Start) || !slices.Equal(got.Cols, want.Cols) {
					t.Errorf("%s by %s: rows %v, columns %v; with a constant %v, %v", what, how, got.Start, got.Cols, want.Start, want.Cols)
				}
				checked++
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d patterns", checked)
	}

	// What depends on an input, fails or needs too much memory is data, not a mistake.
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	i := g.Input("i", graph.Int64, n)
	outside := graph.Gather(graph.Constant(g, places, n), graph.Add(iota(g), graph.Like(i, 3)), 0)
	large := graph.Slice(graph.Cumsum(graph.Iota(g, graph.Int64, 0, 1<<27), 0), graph.Range{Limit: n})
	for what, index := range map[string]*graph.Node{"an input": i, "an input and constants": graph.Mul(i, graph.Like(i, 0)), "an index out of range": outside, "a gigabyte": large} {
		p := must[*compile.Pattern](t)(compile.JacobianPattern(graph.Gather(x, index, 0), x))
		if p.NonZeros() != n*n {
			t.Errorf("%s: %d entries, want all", what, p.NonZeros())
		}
	}
}

// A derivative that is zero everywhere is a sparse matrix without entries: it compiles, runs, and is used in products.
func TestSparseWithoutEntries(t *testing.T) {
	checked := 0
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		for what, build := range map[string]func(g *graph.Graph, x *graph.Node) *graph.Node{
			"constant":    func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Like(x, 7) },
			"other input": func(g *graph.Graph, x *graph.Node) *graph.Node { return g.Input("y", x.DType()) },
			"linear":      func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Sum(graph.Mul(graph.Like(x, 3), x)) },
			"bilinear in another": func(g *graph.Graph, x *graph.Node) *graph.Node {
				return graph.Sum(graph.Mul(g.Input("y", x.DType()), x))
			},
			"stopped":            func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Sum(graph.StopGradient(graph.Exp(x))) },
			"steps":              func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Sum(graph.Round(x)) },
			"relu":               func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Sum(graph.Relu(x)) },
			"linear in a scalar": func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Index(graph.Reshape(x, 4), 2) },
			"linear by products": func(g *graph.Graph, x *graph.Node) *graph.Node {
				return graph.Sum(graph.MatMul(graph.Reshape(x, 2, 2), graph.BroadcastTo(graph.Like(x, 2), 2, 3)))
			},
			"constant by way of integers": func(g *graph.Graph, x *graph.Node) *graph.Node { return graph.Cast(graph.Argmax(x, 0), x.DType()) },
		} {
			g := graph.New()
			x := g.Input("x", d, 4)
			in := []float64{0.5, -1.25, 3, 2}
			cost := build(g, x)
			at := point(x, in)
			if y := g.Lookup("y"); y != nil {
				at = point(x, in, y, 5.0)
			}
			h := must[*compile.SparseMatrix](t)(compile.SparseHessian(cost, x))
			if h.NonZeros() != 0 || h.Rows != 4 || h.Columns != 4 || h.Colors != 0 || len(h.Start) != 5 || len(h.Row(3)) != 0 {
				t.Errorf("%v, %s: %+v", d, what, h)
			}
			// The whole path: the values, the dense matrix, a product, its derivative, and the dense and directional derivatives beside them.
			v := graph.BroadcastTo(graph.Like(x, 2), 4)
			product := h.CSR().MatMul(x)
			zero, zeros := []float64{0}, make([]float64, 4)
			wrt := []*graph.Node{x}
			all := []*graph.Node{h.Values, product, h.CSR().Dense(), grad(t, graph.Sum(product), x)[0], must[*graph.Node](t)(compile.Hessian(cost, x)),
				must[[]*graph.Node](t)(compile.HVP(cost, wrt, []*graph.Node{v}))[0]}
			want := [][]float64{zero, zeros, make([]float64, 16), zeros, make([]float64, 16), zeros}
			expect(t, used(at, all), 0, want, all...)
			checked++

			// The gradient does not depend on x either, so its Jacobian has no entries; nor has that of a scalar that x has no part in.
			gradient := grad(t, cost, x)[0]
			j := must[*compile.SparseMatrix](t)(compile.SparseJacobian(gradient, x))
			second := must[[][]*graph.Node](t)(compile.Directional(2, []*graph.Node{cost}, wrt, []*graph.Node{v}))[1][0]
			newton := must[[]*graph.Node](t)(compile.GaussNewton([]*graph.Node{gradient}, wrt, []*graph.Node{v}))[0]
			if j.NonZeros() != 0 || j.Rows != 4 || j.Columns != 4 {
				t.Errorf("%v, %s: Jacobian of the gradient %+v", d, what, j)
			}
			all = []*graph.Node{j.Values, must[*graph.Node](t)(compile.Jacobian(gradient, x)), second, newton, j.CSR().TransposedMatMul(x)}
			expect(t, used(at, all), 0, [][]float64{zero, make([]float64, 16), zero, zeros, zeros}, all...)
			checked++
		}
	}
	if checked < 40 {
		t.Errorf("only %d matrices", checked)
	}
	// Some rows and columns without entries, and a scalar by a scalar.
	g := graph.New()
	x, s := g.Input("x", graph.Float64, 3), g.Input("s", graph.Float64)
	some := graph.Stack(0, g.Const(2), graph.Square(graph.Index(x, 1)), s)
	j := must[*compile.SparseMatrix](t)(compile.SparseJacobian(some, x))
	if !slices.Equal(j.Start, []int{0, 0, 1, 1}) || !slices.Equal(j.Cols, []int32{1}) {
		t.Errorf("%+v", j)
	}
	scalar := must[*compile.SparseMatrix](t)(compile.SparseJacobian(g.Const(math.Pi), s))
	if scalar.NonZeros() != 0 || scalar.Rows != 1 || scalar.Columns != 1 {
		t.Errorf("%+v", scalar)
	}
	expect(t, point(x, []float64{1, 3, 5}), 0, one(6, 0), j.Values, scalar.Values)
}

// Dense derivatives are asked for as sparse ones too: they cost what the dense ones do, whatever the shape of the pattern.
func TestSparseOfDense(t *testing.T) {
	const n = 1000
	for what, c := range map[string]struct {
		cost            func(x *graph.Node) *graph.Node
		entries, colors int
		second          func(i, j int) float64 // of the cost, at x = (0, 1, 2, …)/n
	}{
		"full": {func(x *graph.Node) *graph.Node { return graph.Square(graph.Sum(x)) }, n * n, n, func(i, j int) float64 { return 2 }},
		"all but one": {func(x *graph.Node) *graph.Node {
			return graph.Add(graph.Square(graph.Sum(graph.Slice(x, graph.Range{Start: 1, Limit: n}))), graph.Sum(graph.Mul(x, graph.Square(x))))
		}, (n-1)*(n-1) + 1, n - 1, func(i, j int) float64 {
			d := 0.0
			if i > 0 && j > 0 {
				d = 2
			}
			if i == j {
				d += 6 * float64(i) / n
			}
			return d
		}},
		"arrow": {func(x *graph.Node) *graph.Node { return graph.Sum(graph.Mul(graph.Index(x, n-1), graph.Square(x))) }, 3*n - 2, 2, func(i, j int) float64 {
			switch d := 0.0; {
			case i == n-1 && j == n-1:
				return 6 * float64(n-1) / n
			case i == j:
				return 2 * float64(n-1) / n
			case i == n-1:
				return 2 * float64(j) / n
			case j == n-1:
				return 2 * float64(i) / n
			default:
				return d
			}
		}},
		"blocks": {func(x *graph.Node) *graph.Node {
			return graph.Sum(graph.Square(graph.ReduceSum(graph.Reshape(x, 10, n/10), []int{1})))
		}, n * n / 10, n / 10, func(i, j int) float64 { return 2 }},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		h := must[*compile.SparseMatrix](t)(compile.SparseHessian(c.cost(x), x))
		if h.NonZeros() != c.entries || h.Colors != c.colors {
			t.Errorf("%s: %d entries, %d colours", what, h.NonZeros(), h.Colors)
		}
		at, want := make([]float64, n), make([]float64, 0, c.entries)
		for i := range n {
			at[i] = float64(i) / n
			for _, j := range h.Row(i) {
				want = append(want, c.second(i, int(j)))
			}
		}
		expect(t, point(x, at), 1e-15, [][]float64{want}, h.Values)
	}
	// A tall and a wide Jacobian.
	for _, shape := range [][2]int{{2000, 1000}, {700, 300}, {300, 700}} {
		g := graph.New()
		x, a := g.Input("x", graph.Float64, shape[1]), g.Input("a", graph.Float64, shape[0], shape[1])
		j := must[*compile.SparseMatrix](t)(compile.SparseJacobian(graph.MatMul(a, x), x))
		if j.NonZeros() != shape[0]*shape[1] || j.Colors != min(shape[0], shape[1]) || j.Reverse != (shape[0] < shape[1]) {
			t.Errorf("%v: %d entries, %d colours, reverse %v", shape, j.NonZeros(), j.Colors, j.Reverse)
		}
		if shape[0] > n {
			continue
		}
		entries := make([]float64, shape[0]*shape[1])
		for k := range entries {
			entries[k] = math.Sin(float64(k))
		}
		expect(t, point(a, entries), 0, [][]float64{entries}, j.Values)
	}
}

// A full row and a full column, or several, take a direction each and do not keep the rest from being compressed, wherever they are.
func TestSparseJacobianOfArrows(t *testing.T) {
	const n = 300
	for _, c := range []struct{ rows, columns, colors int }{{1, 0, 2}, {1, 1, 3}, {3, 1, 5}, {2, 4, 7}, {0, 5, 6}} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		part := func(x *graph.Node, from, to int) *graph.Node {
			return graph.Slice(x, graph.Range{Start: from, Limit: to})
		}
		y := graph.Square(x)
		if c.columns > 0 {
			y = graph.Add(y, graph.Sum(graph.Sin(part(x, 0, c.columns))))
		}
		var pieces []*graph.Node
		for r := range c.rows {
			pieces = append(pieces, graph.Reshape(graph.Sum(graph.Mul(graph.Like(x, float64(r+1)), graph.Exp(x))), 1))
		}
		pieces = append(pieces, part(y, c.rows, n))
		j := must[*compile.SparseMatrix](t)(compile.SparseJacobian(graph.Concat(0, pieces...), x))
		var at, want []float64
		entries := 0
		for i := range n {
			at = append(at, math.Cos(float64(i)))
		}
		for i := range n {
			for k := range n {
				switch {
				case i < c.rows:
					want = append(want, float64(i+1)*math.Exp(at[k]))
				case k < c.columns && i == k:
					want = append(want, math.Cos(at[k])+2*at[i])
				case k < c.columns:
					want = append(want, math.Cos(at[k]))
				case i == k:
					want = append(want, 2*at[i])
				default:
					continue
				}
				entries++
			}
		}
		if j.NonZeros() != entries || j.Colors > c.colors {
			t.Errorf("%d full rows and %d full columns: %d entries, %d directions", c.rows, c.columns, j.NonZeros(), j.Colors)
			continue
		}
		expect(t, point(x, at), 1e-14, [][]float64{want}, j.Values)
	}
}
