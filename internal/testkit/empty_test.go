package testkit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// withoutElements are a sample's variants in which an extent of the operands is 0 wherever it occurs, in attributes that are shapes too or in operands alone.
func withoutElements(s graph.Sample) []graph.Sample {
	var extents []int
	for _, in := range s.In {
		extents = append(extents, in.Type.Shape...)
	}
	slices.Sort(extents)
	none := func(shape []int, extent int) []int {
		out := slices.Clone(shape)
		for i, e := range out {
			if e == extent {
				out[i] = 0
			}
		}
		return out
	}
	var all []graph.Sample
	for _, extent := range slices.Compact(extents) {
		for _, attrs := range []bool{true, false} {
			v := s
			v.In, v.Attrs = slices.Clone(s.In), slices.Clone(s.Attrs)
			v.NoDifferences = "no elements to differ in, or few"
			for i := range v.In {
				t := &v.In[i].Type
				if t.Shape = none(t.Shape, extent); t.Shape.Size() == 0 {
					v.In[i].Values, v.In[i].Lo, v.In[i].Hi = nil, 0, 1
				} else if v.In[i].Values != nil && t.Shape.Size() != len(v.In[i].Values) {
					v.In[i].Values = nil
				}
			}
			for i, a := range v.Attrs {
				if attrs && slices.Contains([]string{"shape", "size", "sizes", "limits"}, a.Key) {
					v.Attrs[i] = attr.L(a.Key, none(a.Value.Ints, extent))
				}
			}
			all = append(all, v)
		}
	}
	return all
}

// Operators take operands without elements, or say why not: values, both modes and second derivatives.
func TestOperatorsWithoutElements(t *testing.T) {
	checked, refused := 0, 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for _, s := range op.Samples {
				for _, v := range withoutElements(s) {
					for _, d := range []graph.DType{graph.Float64, graph.Float32} {
						_, err := buildSample(op, v, d, false)
						var mistake *graph.Error
						switch {
						case err == nil:
							CheckOp(t, op, v, d)
							checked++
						case errors.As(err, &mistake):
							refused++
						default:
							t.Errorf("%s: %v", describe(op, v, d), err)
						}
					}
				}
			}
		})
	}
	t.Logf("%d (operator, sample, extent, dtype) refused", refused)
	atLeast(t, 1000, checked, "(operator, sample, extent, dtype) checked")
}

// What has elements though an operand has none. Values are NumPy's, those of logsumexp, losses and scatters PyTorch's.
func TestValuesFromNothing(t *testing.T) {
	type node = *graph.Node
	g := graph.New()
	inf, nan := math.Inf(1), math.NaN()
	x := g.Input("x", graph.Float64, 0, 3)
	v, none := g.Input("v", graph.Float64, 3), g.Input("none", graph.Float64, 0)
	i, b := g.Input("i", graph.Int64, 0), g.Input("b", graph.Bool, 0)
	square := g.Input("square", graph.Float64, 0, 0)
	sign, logdet := graph.SLogDet(square)
	carry, stacked := graph.Scan(0, []node{graph.Sum(v)}, []node{x}, func(c, row []node) (next, ys []node) {
		return []node{graph.Add(c[0], graph.Sum(row[0]))}, []node{row[0]}
	})
	with, each := graph.Scan(2, []node{none, graph.Sum(v)}, []node{graph.Reshape(x, 0, 3)}[:0], func(c, _ []node) (next, ys []node) {
		return []node{graph.Sin(c[0]), graph.Add(c[1], graph.Sum(c[0]))}, []node{c[0], c[1]}
	})
	counted, steps := graph.While(5, []node{none, g.Const(1)}, func(c []node) node { return graph.Less(c[1], g.Const(4)) }, func(c []node) []node {
		return []node{graph.Neg(c[0]), graph.Add(c[1], graph.Add(graph.Sum(none), g.Const(1)))}
	})
	chosen := graph.Cond(graph.Less(graph.Sum(v), g.Const(0)), []node{none, v}, func(a []node) []node { return []node{a[0], graph.Sum(a[1])} }, func(a []node) []node { return []node{graph.Exp(a[0]), graph.Sum(a[0])} })
	kept := graph.Checkpoint([]node{none, v}, func(a []node) []node { return []node{a[0], graph.Sin(a[1])} })
	called := graph.Function([]node{none, v}, func(a []node) []node { return []node{a[0], graph.Sin(a[1]), graph.Add(graph.Sum(a[0]), graph.Sum(v))} })(none, v)
	constant := graph.Function([]node{none}, func(a []node) []node { return []node{a[0], graph.Sum(a[0])} })(none)
	begin := graph.Constant(g, []int{0}, 1)
	one := graph.Ones(g, graph.Float64, 1, 3)
	for _, c := range []struct {
		name  string
		n     node
		shape []int
		want  []float64
	}{
		{"sum", graph.ReduceSum(x, []int{0}), []int{3}, []float64{0, 0, 0}}, {"no sums", graph.ReduceSum(x, []int{1}), []int{0}, nil},
		{"product", graph.ReduceProd(x, nil), nil, []float64{1}}, {"mean", graph.Mean(x), nil, []float64{nan}}, {"variance", graph.ReduceVar(none, nil, 0), nil, []float64{nan}},
		{"deviation", graph.ReduceStd(none, nil, 1), nil, []float64{nan}}, {"norm", graph.ReduceL2(none, nil), nil, []float64{0}}, {"sum of absolute values", graph.ReduceL1(none, nil), nil, []float64{0}},
		{"logsumexp", graph.LogSumExp(none, nil), nil, []float64{-inf}}, {"any", graph.ReduceAny(b, nil), nil, []float64{0}}, {"all", graph.ReduceAll(b, nil), nil, []float64{1}},
		{"count_nonzero", graph.CountNonzero(x, []int{0}), []int{3}, []float64{0, 0, 0}}, {"mse", graph.MSE(none, none), nil, []float64{nan}},
		{"matmul", graph.MatMul(graph.Transpose(x), x), []int{3, 3}, make([]float64, 9)}, {"no rows", graph.MatMul(x, graph.Ones(g, graph.Float64, 3, 2)), []int{0, 2}, nil},
		{"dot", graph.Dot(none, none), nil, []float64{0}}, {"einsum", graph.Einsum("ij,k->jk", x, v), []int{3, 3}, make([]float64, 9)}, {"outer", graph.Outer(v, none), []int{3, 0}, nil},
		{"trace", graph.Trace(square), nil, []float64{0}}, {"det", graph.Det(square), nil, []float64{1}}, {"sign", sign, nil, []float64{1}}, {"logdet", logdet, nil, []float64{0}},
		{"inverse", graph.Inv(square), []int{0, 0}, nil}, {"solve", graph.Solve(square, x), []int{0, 3}, nil}, {"lstsq", graph.LstSq(x, graph.Reshape(none, 0, 1)), []int{3, 1}, make([]float64, 3)},
		{"concat", graph.Concat(0, x, one, x), []int{1, 3}, []float64{1, 1, 1}}, {"concat of nothing", graph.Concat(0, x, x), []int{0, 3}, nil}, {"stack", graph.Stack(0, x, x), []int{2, 0, 3}, nil},
		{"pad", graph.Pad(x, []int{1, 0}, []int{0, 0}, 7), []int{1, 3}, []float64{7, 7, 7}}, {"tile", graph.Tile(v, 0), []int{0}, nil}, {"repeat", graph.Repeat(v, 0, 0), []int{0}, nil},
		{"slice", graph.Slice(v, graph.Range{Start: 2, Limit: 2}), []int{0}, nil}, {"slice beyond", graph.Slice(v, graph.Range{Start: 1, Limit: 9}), []int{2}, []float64{2, 3}},
		{"slice before", graph.Slice(v, graph.Range{Start: -9, Limit: 2}), []int{2}, []float64{1, 2}}, {"slice from the end", graph.Slice(v, graph.Range{Start: 9, Limit: graph.All, Step: -1}), []int{3}, []float64{3, 2, 1}},
		{"slice backwards", graph.Slice(v, graph.Range{Start: 2, Limit: -9, Step: -2}), []int{2}, []float64{3, 1}}, {"slice of crossed limits", graph.Slice(v, graph.Range{Start: 2, Limit: 1}), []int{0}, nil},
		{"arange", graph.Arange(g, graph.Float64, 3, 1, 1), []int{0}, nil}, {"eye", graph.Eye(g, graph.Float64, 0), []int{0, 0}, nil}, {"diag", graph.Diag(none, 1), []int{1, 1}, []float64{0}},
		{"reshape", graph.Reshape(x, 7, 0), []int{7, 0}, nil}, {"broadcast", graph.Mul(x, v), []int{0, 3}, nil}, {"where", graph.Where(b, none, g.Const(1)), []int{0}, nil},
		{"gather", graph.Gather(v, i, 0), []int{0}, nil}, {"take_along_axis", graph.TakeAlongAxis(v, i, 0), []int{0}, nil}, {"searchsorted", graph.Searchsorted(none, v, false), []int{3}, []float64{0, 0, 0}},
		{"scatter_add", graph.ScatterAdd(i, none, 0, 3), []int{3}, []float64{0, 0, 0}}, {"scatter_set", graph.ScatterSet(v, i, none, 0), []int{3}, []float64{1, 2, 3}}, {"scatter_max", graph.ScatterMax(v, i, none, 0), []int{3}, []float64{1, 2, 3}},
		{"dynamic_update_slice", graph.DynamicUpdateSlice(v, none, begin), []int{3}, []float64{1, 2, 3}},
		{"segment_sum", graph.SegmentSum(none, i, 2), []int{2}, []float64{0, 0}}, {"segment_prod", graph.SegmentProd(none, i, 2), []int{2}, []float64{1, 1}}, {"segment_max", graph.SegmentMax(none, i, 2), []int{2}, []float64{-inf, -inf}},
		{"softmax", graph.Softmax(x, 0), []int{0, 3}, nil}, {"cumsum", graph.Cumsum(x, 0), []int{0, 3}, nil}, {"sort", graph.Sort(none, 0), []int{0}, nil}, {"losses", graph.CrossEntropy(x, i, 1), []int{0}, nil},
		{"conv of no channels", graph.Conv(graph.Zeros(g, graph.Float64, 1, 0, 3), graph.Zeros(g, graph.Float64, 2, 0, 2), graph.Window{}), []int{1, 2, 2}, make([]float64, 4)},
		{"conv of no images", graph.Conv(graph.Zeros(g, graph.Float64, 0, 1, 3), graph.Zeros(g, graph.Float64, 2, 1, 2), graph.Window{}), []int{0, 2, 2}, nil},
		{"attention without keys", graph.Attention(one, x, graph.Reshape(none, 0, 1), graph.AttentionOptions{}), []int{1, 1}, []float64{0}},
		{"attention of length 0", graph.Attention(graph.Reshape(none, 1, 0), graph.Zeros(g, graph.Float64, 3, 0), graph.Reshape(v, 3, 1), graph.AttentionOptions{Scale: 1}), []int{1, 1}, []float64{2}},
		{"carry of no steps", carry[0], nil, []float64{6}}, {"values of no steps", stacked[0], []int{0, 3}, nil},
		{"carry without elements", with[0], []int{0}, nil}, {"carry beside it", with[1], nil, []float64{6}}, {"values without elements", each[0], []int{2, 0}, nil}, {"values beside them", each[1], []int{2}, []float64{6, 6}},
		{"while", counted[1], nil, []float64{4}}, {"carry of a while", counted[0], []int{0}, nil}, {"steps of a while", steps, nil, []float64{3}},
		{"branch without elements", chosen[0], []int{0}, nil}, {"branch", chosen[1], nil, []float64{0}}, {"checkpoint", kept[1], []int{3}, []float64{math.Sin(1), math.Sin(2), math.Sin(3)}}, {"checkpoint without elements", kept[0], []int{0}, nil},
		{"call without elements", called[0], []int{0}, nil}, {"call beside it", called[1], []int{3}, []float64{math.Sin(1), math.Sin(2), math.Sin(3)}}, {"call of what has none", called[2], nil, []float64{6}},
		{"constant call", constant[1], nil, []float64{0}}, {"constant call without elements", constant[0], []int{0}, nil},
		{"random", graph.RandomNormal(graph.RandomKey(g, 1), graph.Float64, 0, 2), []int{0, 2}, nil},
	} {
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal([]int(c.n.Shape()), c.shape) {
			t.Errorf("%s: shape %v, want %v", c.name, c.n.Shape(), c.shape)
			continue
		}
		want := ref.Of(c.n.Type(), c.want...)
		at := Point{}
		for _, in := range g.Inputs() {
			at[in] = ref.New(in.Type())
		}
		at[v] = ref.Of(v.Type(), 1, 2, 3)
		got, err := CompileAndRun(compile.Config{}, at, c.n)
		if err == nil {
			err = Close(got[0], want, 1e-14)
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, err := ref.Eval(at, c.n); err != nil || Close(got[0], want, 1e-14) != nil {
			t.Errorf("%s, interpreted: %v, want %v, error %v", c.name, got, want, err)
		}
		if err := TextRoundTrip(g, []node{c.n}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.n.DType().IsFloat() {
			continue
		}
		d, err := compile.Gradient(graph.Sum(c.n), x, v, none)
		if err != nil {
			t.Errorf("%s: gradient: %v", c.name, err)
			continue
		}
		forward, err := compile.JVP([]node{c.n}, []node{x, v, none}, []node{x, v, none})
		if err != nil {
			t.Errorf("%s: forward: %v", c.name, err)
			continue
		}
		if _, err := CompileAndRun(compile.Config{}, at, append(d, forward...)...); err != nil {
			t.Errorf("%s: derivatives: %v", c.name, err)
		}
	}
}

// What has no value without elements is a mistake of the line, not a panic nor a number.
func TestNothingToChooseFrom(t *testing.T) {
	g := graph.New()
	x, i := g.Input("x", graph.Float64, 0), graph.Constant(g, []int{0}, 1)
	for name, f := range map[string]func() *graph.Node{
		"reduce_max": func() *graph.Node { return graph.ReduceMax(x, nil) }, "argmin": func() *graph.Node { return graph.Argmin(x, 0) }, "median": func() *graph.Node { return graph.Median(x, 0) },
		"gather": func() *graph.Node { return graph.Gather(x, i, 0) }, "index": func() *graph.Node { return graph.Index(x, 0) }, "broadcast_to": func() *graph.Node { return graph.BroadcastTo(x, 2) },
		"scatter_set": func() *graph.Node { return graph.ScatterSet(x, i, graph.Ones(g, graph.Float64, 1), 0) }, "top_k": func() *graph.Node { n, _ := graph.TopK(x, 1, 0); return n },
	} {
		before := fmt.Sprint(g.Err())
		if n := f(); n.Valid() || fmt.Sprint(g.Err()) == before {
			t.Errorf("%s of nothing gives %v", name, n.Type())
		}
	}
}

// Derivatives by variables without elements, of outputs without elements, and batches of none.
func TestDerivativesWithoutElements(t *testing.T) {
	g := graph.New()
	x, y, none := g.Input("x", graph.Float64, 2), g.Input("y", graph.Float64), g.Input("none", graph.Float64, 0)
	f := graph.Mul(graph.Add(graph.Sum(graph.Square(none)), y), graph.Sin(x))
	cost := graph.Sum(f)
	at := Point{x: ref.Of(x.Type(), 1, 2), y: ref.Of(y.Type(), 3), none: ref.New(none.Type())}
	run := func(name string, want []graph.Shape, nodes []*graph.Node, err error) {
		t.Helper()
		if err == nil {
			_, err = CompileAndRun(compile.Config{}, at, nodes...)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for k, n := range nodes {
			if !n.Shape().Equal(want[k]) {
				t.Errorf("%s: result %d is %v, want %v", name, k, n.Type(), want[k])
			}
		}
	}
	many := func(n *graph.Node, err error) ([]*graph.Node, error) { return []*graph.Node{n}, err }
	shapes := func(s ...graph.Shape) []graph.Shape { return s }
	n, err := compile.Gradient(cost, none, x)
	run("gradient", shapes(graph.Shape{0}, graph.Shape{2}), n, err)
	n, err = many(compile.Jacobian(f, none))
	run("Jacobian by nothing", shapes(graph.Shape{2, 0}), n, err)
	n, err = many(compile.Jacobian(graph.Mul(none, y), x))
	run("Jacobian of nothing", shapes(graph.Shape{0, 2}), n, err)
	n, err = many(compile.Jacobian(graph.Mul(none, y), none))
	run("Jacobian of nothing by nothing", shapes(graph.Shape{0, 0}), n, err)
	n, err = many(compile.Hessian(cost, none))
	run("Hessian", shapes(graph.Shape{0, 0}), n, err)
	n, err = compile.HVP(cost, []*graph.Node{none, x}, []*graph.Node{none, x})
	run("HVP", shapes(graph.Shape{0}, graph.Shape{2}), n, err)
	rows, ys := g.Input("rows", graph.Float64, 0, 2), g.Input("ys", graph.Float64, 0)
	at[rows], at[ys] = ref.New(rows.Type()), ref.New(ys.Type())
	n, err = compile.Batch([]*graph.Node{f, cost, none}, []*graph.Node{x, y}, []*graph.Node{rows, ys})
	run("batch of none", shapes(graph.Shape{0, 2}, graph.Shape{0}, graph.Shape{0, 0}), n, err)
	two := g.Input("two", graph.Float64, 2, 0)
	at[two] = ref.New(two.Type())
	n, err = compile.Batch([]*graph.Node{f, graph.Exp(none)}, []*graph.Node{none}, []*graph.Node{two})
	run("batch of nothing", shapes(graph.Shape{2, 2}, graph.Shape{2, 0}), n, err)
	if err := g.Err(); err != nil {
		t.Error(err)
	}
}
