package testkit

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// composed reads testdata/composed.txt, which composed.py beside it writes: by name the value, and the gradients by each operand of Σ wᵢ·yᵢ, wᵢ = cos(0.7·i).
func composed(t *testing.T) map[string][][]float64 {
	t.Helper()
	text, err := os.ReadFile("testdata/composed.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][][]float64{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, rest, _ := strings.Cut(line, " : ")
		var lists [][]float64
		for _, list := range strings.Split(rest, "|") {
			var numbers []float64
			for _, word := range strings.Fields(list) {
				v, err := strconv.ParseFloat(word, 64)
				if err != nil {
					t.Fatal(err)
				}
				numbers = append(numbers, v)
			}
			lists = append(lists, numbers)
		}
		all[name] = lists
	}
	return all
}

// Functions that are made of several operators: values and gradients of PyTorch 2 and NumPy 2.
func TestComposedFunctions(t *testing.T) {
	type node = *graph.Node
	want := composed(t)
	wave := func(scale, shift float64, shape ...int) ref.Value {
		v := ref.New(graph.Type{DType: graph.Float64, Shape: shape})
		for i := range v.F {
			v.F[i] = scale * math.Sin(1.3*float64(i)+0.5+shift)
		}
		return v
	}
	check := func(name string, tol float64, f func(x []node) node, operands ...ref.Value) {
		t.Helper()
		expected := want[name]
		if expected == nil {
			t.Errorf("there are no values of %s", name)
			return
		}
		delete(want, name)
		g, at := graph.New(), Point{}
		var in []node
		for i, v := range operands {
			x := g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
			at[x], in = v, append(in, x)
		}
		y := f(in)
		if err := g.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		outs := []node{y}
		if len(expected) > 2 || len(expected[1]) > 0 {
			w := make([]float64, y.Shape().Size())
			for i := range w {
				w[i] = math.Cos(0.7 * float64(i))
			}
			d, err := compile.Gradient(graph.Sum(graph.Mul(y, graph.Constant(g, w, y.Shape()...))), in...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			outs = append(outs, d...)
		}
		got, err := CompileAndRun(compile.Config{}, at, outs...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for k, v := range got {
			if len(v.F) != len(expected[k]) {
				if len(expected[k]) != 1 || expected[k][0] != 0 { // PyTorch has no gradient there
					t.Errorf("%s: result %d has %d elements, want %d", name, k, len(v.F), len(expected[k]))
				}
				continue
			}
			if err := Close(v, ref.Of(v.Type, expected[k]...), tol); err != nil {
				t.Errorf("%s: result %d: %v", name, k, err)
			}
		}
	}
	one := func(f func(x node) node) func(x []node) node { return func(x []node) node { return f(x[0]) } }
	x := wave(4, 0, 12)
	for name, f := range map[string]func(x node) node{
		"mish": graph.Mish, "hardsigmoid": graph.HardSigmoid, "hardswish": graph.HardSwish, "tanhshrink": graph.TanhShrink, "softsign": graph.Softsign,
		"softshrink": func(x node) node { return graph.SoftShrink(x, 0.7) }, "hardshrink": func(x node) node { return graph.HardShrink(x, 0.7) }, "celu": func(x node) node { return graph.Celu(x, 1.5) },
		"hardtanh": func(x node) node { return graph.HardTanh(x, -1, 2) }, "glu": func(x node) node { return graph.GLU(x, -1) },
	} {
		tol := 1e-14
		if name == "hardsigmoid" {
			tol = 1e-7 // PyTorch's derivative is a sixth in float32
		}
		check(name, tol, one(f), x)
	}
	check("prelu", 1e-14, func(x []node) node { return graph.PRelu(x[0], graph.Reshape(x[1], 3, 1)) }, wave(2, 0, 2, 3, 4), wave(2, 2, 3))

	image := wave(2, 0, 1, 2, 4, 5)
	resize := func(mode string, h, w int, opts ...graph.ResizeOption) func(x []node) node {
		return one(func(x node) node { return graph.Resize(x, mode, []int{h, w}, opts...) })
	}
	check("resize bicubic 7 3", 1e-13, resize("cubic", 7, 3), image)
	check("resize bicubic 4 8", 1e-13, resize("cubic", 4, 8), image)
	check("resize area 3 2", 1e-13, resize("area", 3, 2), image)
	check("resize area 6 7", 1e-13, resize("area", 6, 7), image)
	check("resize nearest 3 8", 1e-15, resize("nearest_floor", 3, 8), image)
	check("resize corners", 1e-13, resize("cubic", 7, 3, graph.AlignCorners), image)
	check("antialias bilinear 2 3", 1e-13, resize("linear", 2, 3, graph.Antialias), image)
	check("antialias bilinear 6 2", 1e-13, resize("linear", 6, 2, graph.Antialias), image)
	check("antialias bicubic 3 2", 1e-13, resize("cubic", 3, 2, graph.Antialias), image)
	check("antialias bicubic 5 7", 1e-13, resize("cubic", 5, 7, graph.Antialias), image)
	with := func(name string, o graph.ResizeOptions) {
		check("resize with "+name, 1e-13, one(func(x node) node { return graph.ResizeWith(x, o) }), image)
	}
	roundings := []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}
	for _, where := range []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"} {
		for _, mode := range []string{"nearest", "linear", "cubic"} {
			with(where+" "+mode, graph.ResizeOptions{Axes: []int{0, 1, 2, 3}, Scales: []float64{1, 1, 1.625, 0.375}, Mode: mode, Coordinates: where, Rounding: roundings[0]})
		}
		with(where+" slope", graph.ResizeOptions{Axes: []int{-2, 3}, Sizes: []int{7, 3}, Mode: "cubic", Coordinates: where, CubicSlope: new(-0.25), ExcludeOutside: true})
		with(where+" antialias", graph.ResizeOptions{Scales: []float64{0.625, 0.375}, Coordinates: where, Antialias: true})
	}
	for _, rounding := range roundings {
		for _, where := range []string{"half_pixel", "asymmetric"} {
			with(where+" "+rounding, graph.ResizeOptions{Axes: []int{0, 1, 2, 3}, Sizes: []int{1, 3, 8, 10}, Mode: "nearest", Coordinates: where, Rounding: rounding})
		}
	}
	for _, policy := range []string{"not_larger", "not_smaller"} {
		with(policy, graph.ResizeOptions{Axes: []int{3, 2}, Sizes: []int{7, 6}, KeepAspectRatio: policy})
	}
	crop := graph.ResizeOptions{Sizes: []int{5, 1}, Coordinates: "tf_crop_and_resize", Region: []float64{0.25, 0.5, 1.25, 0.75}, Outside: 7.5}
	with("region", crop)
	crop.Sizes, crop.Region, crop.Mode, crop.Outside = []int{4, 6}, []float64{0.75, -0.5, 0, 1}, "cubic", 0
	with("region cubic", crop)
	with("cubic antialias", graph.ResizeOptions{Sizes: []int{3, 2}, Mode: "cubic", Antialias: true, CubicSlope: new(-0.5), ExcludeOutside: true})
	with("scale_factor", graph.ResizeOptions{Scales: []float64{1.7, 0.6}})
	with("nearest-exact", graph.ResizeOptions{Sizes: []int{3, 8}, Mode: "nearest", Coordinates: "tf_half_pixel_for_nn", Rounding: "floor"})
	check("adaptive_avg", 1e-13, one(func(x node) node { return graph.AdaptiveAvgPool(x, 3, 2) }), image)
	check("adaptive_max", 1e-13, one(func(x node) node { return graph.AdaptiveMaxPool(x, 3, 2) }), image)
	grid := wave(1.3, 0.2, 1, 3, 3, 2)
	for mode, name := range map[string]string{"linear": "bilinear", "nearest": "nearest", "cubic": "bicubic"} {
		for _, padding := range []string{"zeros", "border", "reflection"} {
			for corners, word := range map[bool]string{false: "False", true: "True"} {
				check(fmt.Sprintf("grid %s %s %s", name, padding, word), 1e-12, func(x []node) node {
					places, o := x[1], graph.GridSampleOptions{Mode: mode, Padding: padding, AlignCorners: corners}
					if o.Elements = corners && padding == "border"; o.Elements {
						places = graph.Mul(graph.Add(places, graph.Like(places, 1)), graph.Constant(places.Graph(), []float64{2, 1.5}, 2))
					}
					return graph.GridSample(x[0], places, o)
				}, image, grid)
			}
		}
	}
	check("grid 3", 1e-12, func(x []node) node { return graph.GridSample(x[0], x[1], graph.GridSampleOptions{}) }, wave(2, 0, 1, 1, 2, 3, 4), wave(1.1, 0, 1, 2, 1, 2, 3))

	v := wave(2, 0, 2, 4)
	holes := wave(2, 0, 2, 4)
	for i := 1; i < 8; i += 3 {
		holes.F[i] = math.NaN()
	}
	last := []int{1}
	for name, f := range map[string]func(x node) node{
		"nansum": func(x node) node { return graph.NanSum(x, last) }, "nanmean": func(x node) node { return graph.NanMean(x, []int{0}) }, "nanmax": func(x node) node { return graph.NanMax(x, last) },
		"nanmin": func(x node) node { return graph.NanMin(x, last) }, "nanvar": func(x node) node { return graph.NanVar(x, last, 1) }, "nanstd": func(x node) node { return graph.NanStd(x, last, 0) },
		"nanprod": func(x node) node { return graph.NanProd(x, last) }, "nanquantile": func(x node) node { return graph.NanQuantile(x, 0.3, 1) }, "nanmedian": func(x node) node { return graph.NanMedian(x, 0) },
	} {
		check(name, 1e-14, one(f), holes)
	}
	check("diff", 1e-14, one(func(x node) node { return graph.Diff(x, 2, 1) }), v)
	check("trapezoid", 1e-14, one(func(x node) node { return graph.Trapezoid(x, 0.5, -1) }), v)
	check("gradient", 1e-14, one(func(x node) node { return graph.CentralDifferences(x, 0.5, 1) }), v)

	up := wave(2, 1, 2, 3)
	scatter := func(axis int, combine func(x, i, u node, axis int) node, shape []int, indices ...int) func(x []node) node {
		return func(x []node) node {
			return graph.ScatterAlongAxis(x[0], graph.Constant(x[0].Graph(), indices, shape...), x[1], axis, combine)
		}
	}
	check("scatter set", 1e-14, scatter(1, graph.ScatterSet, []int{2, 3}, 0, 3, 1, 2, 1, -4), v, up)
	check("scatter add", 1e-14, scatter(-1, graph.ScatterAddTo, []int{2, 3}, 0, 3, 1, 2, 2, 0), v, up)
	check("scatter mul", 1e-14, scatter(1, graph.ScatterMul, []int{2, 3}, 0, 3, 1, 2, 2, 0), v, up)
	check("scatter max", 1e-14, scatter(1, graph.ScatterMax, []int{2, 3}, 0, 3, 1, 2, 2, 0), v, up)
	check("scatter rows", 1e-14, scatter(0, graph.ScatterAddTo, []int{1, 3}, 0, 1, 1), v, wave(2, 1, 1, 3))
	check("gather_nd", 0x1p-50, one(func(x node) node {
		return graph.GatherND(x, graph.Constant(x.Graph(), []int{0, 3, 1, 0, 1, -1, 1, 2}, 2, 2, 2))
	}), v)
	check("scatter_nd", 1e-14, func(x []node) node {
		return graph.ScatterND(x[0], graph.Constant(x[0].Graph(), []int{0, 3, 1, 0, 1, 0}, 3, 2), x[1], graph.ScatterAddTo)
	}, v, wave(2, 0, 3))

	square := wave(2, 0, 3, 3)
	check("matrix_power", 1e-13, one(func(a node) node { return graph.MatrixPower(a, 5) }), square)
	shifted := wave(2, 0, 3, 3)
	for i := 0; i < 9; i += 4 {
		shifted.F[i] += 3
	}
	check("matrix_power inverse", 1e-12, one(func(a node) node { return graph.MatrixPower(a, -2) }), shifted)
	check("cov", 1e-14, one(func(x node) node { return graph.Cov(x, 1) }), v)
	windows := graph.Window{Strides: []int{2, 1}, Dilation: []int{1, 2}, Padding: []int{1, 1, 2, 2}}
	check("unfold", 0x1p-52, one(func(x node) node { return graph.Unfold(x, []int{2, 3}, windows) }), image)
	check("fold", 1e-14, one(func(y node) node { return graph.Fold(y, []int{4, 5}, []int{2, 3}, windows) }), wave(2, 0, 1, 12, 15))
	vector := func(v ...float64) ref.Value {
		return ref.Of(graph.Type{DType: graph.Float64, Shape: graph.Shape{len(v)}}, v...)
	}
	check("floor_divide", 0x1p-51, func(x []node) node { return graph.FloorDivide(x[0], x[1]) },
		vector(1, 1, -1, 7, -7, 1e300, 0.3, -3, 3, 0), vector(0.1, -0.1, 0.1, 2, 2, 3e-5, 0.1, 0, math.Inf(1), 5))
	check("matrix_rank", 0, func(x []node) node {
		var ranks []node
		for _, a := range x {
			ranks = append(ranks, graph.Cast(graph.MatrixRank(a), graph.Float64))
		}
		return graph.Stack(0, ranks...)
	}, v, ref.Of(graph.Type{DType: graph.Float64, Shape: graph.Shape{3, 3}}, 1, 1, 4, 2, 2, 8, 3, 3, 12), ref.New(graph.Type{DType: graph.Float64, Shape: graph.Shape{2, 2}}))

	whole := func(d graph.DType, v ...float64) ref.Value {
		return ref.Of(graph.Type{DType: d, Shape: graph.Shape{len(v)}}, v...)
	}
	left, right := whole(graph.Int64, 0, 1, -1, 5, -6, 1<<40, -1<<50, 12345), whole(graph.Int64, 3, -1, 7, 12, -18, 1<<41, -1<<10, 0)
	both := func(f func(x, y node) node) func(x []node) node {
		return func(x []node) node { return graph.Cast(f(x[0], x[1]), graph.Float64) }
	}
	for name, f := range map[string]func(x, y node) node{
		"bitwise_and": graph.BitwiseAnd, "bitwise_or": graph.BitwiseOr, "bitwise_xor": graph.BitwiseXor, "gcd": graph.Gcd, "lcm": graph.Lcm,
		"invert": func(x, _ node) node { return graph.BitwiseNot(x) },
	} {
		check(name, 0, both(f), left, right)
	}
	for name, f := range map[string]func(x, y node) node{"left_shift": graph.ShiftLeft, "right_shift": graph.ShiftRight} {
		check(name, 0, both(f), left, whole(graph.Int64, 0, 1, 63, 64, 5, -1, 70, 2))
		for _, d := range []graph.DType{graph.Int32, graph.Int64} {
			check(fmt.Sprintf("%s of %v", name, d), 0, both(f), whole(d, -7, 7, -7, 7, 3), whole(d, 31, 31, 32, 32, 33))
		}
	}
	numbers := []float64{0, 1, -6.5, 5e-324, 1e-310, 1e308, math.Inf(1), 0.5}
	check("nextafter", 0, both(graph.NextAfter), vector(numbers...), vector(append(numbers[7:], numbers[:7]...)...))
	check("frexp", 0, one(func(x node) node {
		m, e := graph.Frexp(x)
		return graph.Stack(0, m, graph.Cast(e, graph.Float64))
	}), vector(numbers...))
	check("ldexp", 0, both(graph.Ldexp), vector(numbers...), whole(graph.Int32, 3, -1074, -1080, 2000, 40, -2100, 5, 1025))
	check("betaincc", 1e-13, func(x []node) node { return graph.BetaIncC(x[0], x[1], x[2]) },
		vector(2, 0.5, 5, 2), vector(3, 40, 1.5, 3), vector(0.999, 0.3, 1-0x1p-30, 1e-9))
	check("log_ndtr", 1e-15, one(graph.LogNdtr), vector(-300, -37.5, -5, -1, -0.999, 0.3, 5, 9))

	composedSignals(check, wave, vector)
	composedComplex(check, wave, vector)
	composedLinalg(check, wave)

	for _, p := range []float64{1.5, 3} {
		check(fmt.Sprintf("norm %v", p), 1e-13, one(func(x node) node { return graph.ReduceLp(x, p, last) }), v)
	}
	check("norm huge", 1e-13, one(func(x node) node { return graph.ReduceLp(graph.Mul(x, graph.Like(x, 1e200)), 3, last) }), v)
	check("cdist", 1e-13, func(x []node) node { return graph.Cdist(x[0], x[1], 1.5) }, v, wave(2, 0, 3, 4))
	check("pdist", 1e-13, one(func(x node) node { return graph.Pdist(x, 1.5) }), wave(2, 0, 4, 3))
	check("hinge embedding", 1e-14, one(func(x node) node {
		return nn.HingeEmbedding(x, graph.Constant(x.Graph(), []float64{1, -1, -1, 1}, 4), 1.2)
	}), wave(2, 0, 4))
	check("multi margin", 1e-14, one(func(x node) node {
		return nn.MultiMargin(x, graph.Constant(x.Graph(), []int64{3, 0}, 2), 0.8)
	}), v)
	check("kthvalue", 1e-15, one(func(x node) node { y, _ := graph.KthValue(x, 2, 1); return y }), v)
	check("bincount", 1e-15, one(func(x node) node {
		return graph.Bincount(graph.Constant(x.Graph(), []int{2, 0, 2, 3, 0, 0, 2, 2}, 2, 4), x, 5)
	}), v)

	check("ctc", 1e-13, one(func(x node) node {
		g := x.Graph()
		return nn.CTC(graph.LogSoftmax(x, 2), graph.Constant(g, []int{1, 2, 2, 3, 1, -7, 9, 2, 2}, 3, 3), graph.Constant(g, []int{6, 5, 6}, 3), graph.Constant(g, []int{3, 2, 0}, 3), 0)
	}), wave(2, 0, 6, 3, 4))
	counts := wave(2, 1, 5)
	for i, c := range counts.F {
		counts.F[i] = math.Abs(c)
	}
	check("poisson", 1e-14, func(x []node) node { return nn.PoissonNLL(x[0], x[1]) }, wave(2, 0, 5), counts)
	signs := func(x node, v ...float64) node { return graph.Constant(x.Graph(), v, len(v)) }
	check("cosine", 1e-12, func(x []node) node { return nn.CosineEmbedding(x[0], x[1], signs(x[0], 1, -1, -1), 0.1) }, wave(2, 0, 3, 4), wave(2, 1, 3, 4))
	check("ranking", 1e-14, func(x []node) node { return nn.MarginRanking(x[0], x[1], signs(x[0], 1, -1, 1, -1), 0.3) }, wave(2, 0, 4), wave(2, 1, 4))
	for name := range want {
		t.Errorf("%s is not compared", name)
	}
}

// Indices that are out of range are errors of the run and reach no other element.
func TestScatteredIndicesOutOfRange(t *testing.T) {
	for _, k := range []int{-3, 2} {
		g := graph.New()
		x, i := g.Input("x", graph.Float64, 2, 3), g.Input("i", graph.Int64, 1, 2)
		at := Point{x: ref.New(x.Type()), i: ref.Of(i.Type(), 0, float64(k))}
		for name, y := range map[string]*graph.Node{
			"along an axis": graph.ScatterAlongAxis(x, i, graph.Ones(g, graph.Float64, 1, 2), 0, graph.ScatterAddTo),
			"parts":         graph.ScatterND(x, graph.Reshape(i, 2, 1), graph.Ones(g, graph.Float64, 2, 3), graph.ScatterSet),
			"gathered":      graph.GatherND(x, graph.Reshape(i, 2, 1)),
		} {
			if _, err := CompileAndRun(compile.Config{}, at, y); err == nil {
				t.Errorf("%s: index %d of 2 is no error", name, k)
			}
		}
	}
}
