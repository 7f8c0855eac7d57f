package testkit

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// Inputs that users of NumPy and PyTorch bring. Values are those of NumPy 2 and PyTorch 2.
func TestInputsOfOtherSystems(t *testing.T) {
	type node = *graph.Node
	inf := math.Inf(1)
	g := graph.New()
	f64 := func(shape []int, v ...float64) node { return graph.Constant(g, v, shape...) }
	i64 := func(shape []int, v ...int) node { return graph.Constant(g, v, shape...) }
	bools := graph.Constant(g, []bool{true, false, true}, 3)
	counting := i64([]int{2, 3}, 0, 1, 2, 3, 4, 5)
	image := f64([]int{1, 1, 3, 4}, 1, -2, 3, 4, 5, -6, 7, 8, 9, -10, 11, 12)
	logits := f64([]int{2, 4}, 1, -2, 3, 0.5, 4, 0, -1, 2)
	weights := f64([]int{4}, 0.5, 1, 2, 3)
	scalar := g.Const(3)
	pool := func(size []int, w graph.Window) func(k int) node {
		return func(k int) node {
			v, i := graph.MaxPool(image, size, w)
			return []node{v, i}[k]
		}
	}
	loss := func(labels node, o graph.CrossEntropyOptions) node {
		v, _ := graph.CrossEntropyWith(logits, labels, -1, o)
		return v
	}
	smooth, counts := graph.CrossEntropyWith(logits, i64([]int{2}, 3, -1), 1, graph.CrossEntropyOptions{Ignore: []int64{-1}, Weights: weights, Smoothing: 0.1})
	top, at := graph.TopK(scalar, 1, 0)
	largest, places := graph.MaxPool(f64([]int{1, 4}, 1, 3, 2, 5), []int{2}, graph.Window{})
	filters := f64([]int{2, 1, 2}, 1, -1, 2, 1)
	ceil, dilated := pool([]int{2, 2}, graph.Window{Ceil: true}), pool([]int{2, 2}, graph.Window{Strides: []int{1, 1}, Padding: []int{1, 1, 1, 1}, Dilation: []int{2, 2}})
	for _, c := range []struct {
		name  string
		n     node
		shape []int
		want  []float64
	}{
		{"sum of a scalar", graph.ReduceSum(scalar, []int{0}), nil, []float64{3}},
		{"kept mean of a scalar", graph.ReduceMean(scalar, []int{-1}, graph.KeepDims), nil, []float64{3}},
		{"argmax of a scalar", graph.Argmax(scalar, -1), nil, []float64{0}},
		{"softmax of a scalar", graph.Softmax(scalar, 0), nil, []float64{1}},
		{"cumsum of a scalar", graph.Cumsum(scalar, -1), nil, []float64{3}},
		{"sort of a scalar", graph.Sort(scalar, 0), nil, []float64{3}},
		{"top of a scalar", top, nil, []float64{3}},
		{"place of a scalar", at, nil, []float64{0}},
		{"roll of a scalar", graph.Roll(scalar, 2, -1), nil, []float64{3}},
		{"flip of a scalar", graph.Flip(scalar, 0), nil, []float64{3}},
		{"repeated scalar", graph.Repeat(scalar, 2, 0), []int{2}, []float64{3, 3}},
		{"taken from a scalar", graph.Gather(scalar, i64([]int{2}, 0, -1), 0), []int{2}, []float64{3, 3}},
		{"median of a scalar", graph.Median(scalar, 0, graph.KeepDims), nil, []float64{3}},
		{"iota", graph.Iota(g, graph.Int64, -1, 2, 2), []int{2, 2}, []float64{0, 1, 0, 1}},
		{"scatter_add", graph.ScatterAdd(i64([]int{1}, 2), f64([]int{1, 1}, 5), -1, 1, 3), []int{1, 3}, []float64{0, 0, 5}},
		{"scatter_along_axis_add", graph.ScatterAlongAxisAdd(i64([]int{1, 1}, 2), f64([]int{1, 1}, 5), -1, 1, 3), []int{1, 3}, []float64{0, 0, 5}},
		{"dot_general", graph.DotGeneral(counting, counting, []int{-1}, []int{-1}, []int{-2}, []int{-2}), []int{2}, []float64{5, 50}},
		{"integer matmul", graph.MatMul(counting, i64([]int{3, 1}, 1, -1, 2)), []int{2, 1}, []float64{3, 9}},
		{"integer einsum", graph.Einsum("ij,j->i", counting, i64([]int{3}, 1, 2, 3)), []int{2}, []float64{8, 26}},
		{"einsum of extents 1", graph.Einsum("ij,ij->i", f64([]int{1, 3}, 1, 2, 3), f64([]int{2, 1}, 2, 5)), []int{2}, []float64{12, 30}},
		{"mean of integers", graph.ReduceMean(counting, []int{0}), []int{3}, []float64{1.5, 2.5, 3.5}},
		{"deviation of integers", graph.ReduceStd(counting, []int{1}, 0), []int{2}, []float64{0.816496580927726, 0.816496580927726}},
		{"median of integers", graph.Median(counting, 1), []int{2}, []float64{1, 4}},
		{"norm of integers", graph.ReduceL2(counting, nil), nil, []float64{7.416198487095663}},
		{"logsumexp of integers", graph.LogSumExp(i64([]int{3}, 1, 2, 3), nil), nil, []float64{3.4076059644443806}},
		{"sum of bools", graph.Sum(bools), nil, []float64{2}},
		{"product of bools", graph.ReduceProd(bools, nil), nil, []float64{0}},
		{"largest bool", graph.ReduceMax(graph.Constant(g, []bool{true, false, false, false}, 2, 2), []int{1}), []int{2}, []float64{1, 0}},
		{"least bool", graph.ReduceMin(bools, nil), nil, []float64{0}},
		{"mean of bools", graph.Mean(bools), nil, []float64{2. / 3}},
		{"cumsum of bools", graph.Cumsum(bools, 0), []int{3}, []float64{1, 1, 2}},
		{"argmax of bools", graph.Argmin(bools, 0), nil, []float64{1}},
		{"variance of one", graph.ReduceVar(f64([]int{2}, 1, 2), nil, 2), nil, []float64{math.NaN()}},
		{"deviation of one", graph.ReduceStd(f64([]int{1}, 1), nil, 1), nil, []float64{math.NaN()}},
		{"max_pool, ceil", ceil(0), []int{1, 1, 2, 2}, []float64{5, 8, 9, 12}},
		{"places of max_pool, ceil", ceil(1), []int{1, 1, 2, 2}, []float64{4, 7, 8, 11}},
		{"max_pool, dilation and padding", dilated(0), []int{1, 1, 3, 4}, []float64{-6, 7, 8, 7, -2, 11, 12, 11, -6, 7, 8, 7}},
		{"places of max_pool, dilation and padding", dilated(1), []int{1, 1, 3, 4}, []float64{5, 6, 7, 6, 1, 10, 11, 10, 5, 6, 7, 6}},
		{"avg_pool, ceil", graph.AvgPool(image, []int{2, 2}, graph.Window{Ceil: true}, true), []int{1, 1, 2, 2}, []float64{-0.5, 5.5, -0.5, 11.5}},
		{"avg_pool, ceil, padding counts", graph.AvgPool(image, []int{2, 3}, graph.Window{Strides: []int{2, 2}, Padding: []int{1, 1, 1, 1}, Ceil: true}, true), []int{1, 1, 2, 3}, []float64{-1. / 6, 5. / 6, 1, -1. / 3, 11. / 3, 5}},
		{"avg_pool, ceil, padding", graph.AvgPool(image, []int{2, 3}, graph.Window{Strides: []int{2, 2}, Padding: []int{1, 1, 1, 1}, Ceil: true}, false), []int{1, 1, 2, 3}, []float64{-0.5, 5. / 3, 4, -0.5, 11. / 3, 10}},
		{"max_pool without a batch", largest, []int{1, 2}, []float64{3, 5}},
		{"places of max_pool without a batch", places, []int{1, 2}, []float64{1, 3}},
		{"avg_pool without a batch", graph.AvgPool(f64([]int{1, 4}, 1, 3, 2, 5), []int{2}, graph.Window{}, false), []int{1, 2}, []float64{2, 3.5}},
		{"conv without a batch", graph.Conv(f64([]int{1, 4}, 1, 2, 3, 4), filters, graph.Window{}), []int{2, 3}, []float64{-1, -1, -1, 4, 7, 10}},
		{"transposed conv without a batch", graph.ConvTranspose(f64([]int{2, 2}, 1, 2, 3, 4), filters, graph.Window{Strides: []int{2}}), []int{1, 4}, []float64{7, 2, 10, 2}},
		{"negative pad before", graph.Pad(f64([]int{4}, 1, 2, 3, 4), []int{-1}, []int{2}, 9), []int{5}, []float64{2, 3, 4, 9, 9}},
		{"negative pad behind", graph.Pad(f64([]int{4}, 1, 2, 3, 4), []int{2}, []int{-1}, 0), []int{5}, []float64{0, 0, 1, 2, 3}},
		{"clip from below", graph.Clip(counting, i64(nil, 2), nil), []int{2, 3}, []float64{2, 2, 2, 3, 4, 5}},
		{"clip from above", graph.Clip(scalar, nil, g.Const(2)), nil, []float64{2}},
		{"integers divided as in Python", graph.FloorDivide(i64([]int{4}, -7, 7, -7, 6), i64([]int{4}, 2, 2, -2, -3)), []int{4}, []float64{-4, 3, 3, -2}},
		{"counted numbers", graph.Bincount(i64([]int{5}, 2, 0, 2, 3, 2), nil, 5), []int{5}, []float64{1, 0, 3, 1, 0}},
		{"norm of zeros", graph.ReduceLp(graph.Zeros(g, graph.Float64, 2), 3, nil), nil, []float64{0}},
		{"take_along_axis", graph.TakeAlongAxis(f64([]int{1, 3}, 10, 20, 30), i64([]int{2, 2}, 0, 2, 1, 1), 1), []int{2, 2}, []float64{10, 30, 20, 20}},
		{"attention", graph.Attention(f64([]int{1, 2, 2}, 1, 2, 0, 1), f64([]int{2, 3, 2}, 1, 0, 0, 1, 1, 1, 2, 1, 1, 0, 0, 1), f64([]int{3, 1}, 1, 2, 4), graph.AttentionOptions{Mask: f64([]int{2, 3}, 0, -1, -inf, 1, 2, 3)}),
			[]int{2, 2, 1}, []float64{1.427295707204463, 3.347593919760738, 1.0422363284547735, 3.416138183614801}},
		{"ignored labels", loss(i64([]int{2}, 2, -100), graph.CrossEntropyOptions{Ignore: []int64{-100}}), []int{2}, []float64{0.20225344767935172, 0}},
		{"two ignored labels", loss(i64([]int{2}, -1, -100), graph.CrossEntropyOptions{Ignore: []int64{-100, -1}}), []int{2}, []float64{0, 0}},
		{"labels from the end", loss(i64([]int{2}, -2, -3), graph.CrossEntropyOptions{FromEnd: true}), []int{2}, []float64{0.20225344767935172, 4.1487551809444}},
		{"weighted classes", loss(i64([]int{2}, 3, 1), graph.CrossEntropyOptions{Weights: weights}), []int{2}, []float64{8.106760343038054, 4.1487551809444}},
		{"smoothed labels", loss(i64([]int{2}, 3, 1), graph.CrossEntropyOptions{Weights: weights, Smoothing: 0.1}), []int{2}, []float64{7.666450493982144, 4.258052379753425}},
		{"mean of weighted losses", graph.Div(graph.Sum(smooth), graph.Sum(counts)), nil, []float64{2.555483497994048}},
	} {
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal([]int(c.n.Shape()), c.shape) {
			t.Errorf("%s: shape %v, want %v", c.name, c.n.Shape(), c.shape)
			continue
		}
		want := ref.New(c.n.Type())
		for i, v := range c.want {
			switch {
			case want.F != nil:
				want.F[i] = v
			case want.I != nil:
				want.I[i] = int64(v)
			default:
				want.B[i] = v != 0
			}
		}
		interpreted, err := ref.Eval(nil, c.n)
		if err == nil {
			err = Close(interpreted[0], want, 1e-14)
		}
		if err != nil {
			t.Errorf("%s, interpreted: %v", c.name, err)
		}
		for _, config := range []compile.Config{{}, {Unoptimized: true}} {
			got, err := CompileAndRun(config, nil, c.n)
			if err == nil {
				err = Close(got[0], want, 1e-14)
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// A label that is no class is no other one either.
func TestLabelsThatAreNoClass(t *testing.T) {
	for _, label := range []int64{-1, 3} {
		g := graph.New()
		x, c := g.Input("x", graph.Float64, 2, 3), g.Input("c", graph.Int64, 2)
		loss := graph.Sum(graph.CrossEntropy(x, c, 1))
		d, err := compile.Gradient(loss, x)
		if err != nil {
			t.Fatal(err)
		}
		at := Point{x: Spread(x.Type(), -1, 1, 0), c: ref.Of(c.Type(), 1, float64(label))}
		for _, n := range []*graph.Node{loss, d[0]} {
			if _, err := CompileAndRun(compile.Config{}, at, n); err == nil {
				t.Errorf("the label %d of 3 classes is no error", label)
			}
		}
	}
}

// Operands of a dtype that an operator does not take, or of several, are taken, or the mistake says which cast helps.
func TestMistakesOfDTypesNameTheCast(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" {
			continue
		}
		for _, s := range op.Samples {
			if s.Build != nil {
				continue
			}
			var float []int
			for i, in := range s.In {
				if in.Type.DType == graph.Float64 {
					float = append(float, i)
				}
			}
			changes := [][]int{float}
			if len(float) > 1 {
				for _, i := range float {
					changes = append(changes, []int{i})
				}
			}
			for _, changed := range changes {
				for _, d := range []graph.DType{graph.Bool, graph.Int32, graph.Int64, graph.Float32} {
					g := graph.New()
					var in []*graph.Node
					for i, si := range s.In {
						typ := si.Type
						if slices.Contains(changed, i) {
							typ.DType = d
						}
						in = append(in, g.Input(fmt.Sprintf("x%d", i), typ.DType, typ.Shape...))
					}
					g.Apply(op, in, s.Attrs)
					if err := g.Err(); err != nil && !strings.Contains(err.Error(), "cast") {
						t.Errorf("%s with %v as operands %d: %v", op.Name, d, changed, err)
					}
					checked++
				}
			}
		}
	}
	atLeast(t, 3000, checked, "(operator, sample, operands, dtype) checked")
}
