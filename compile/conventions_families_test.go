package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

func ints(x *graph.Node, v ...int64) *graph.Node { return graph.Constant(x.Graph(), v, len(v)) }

func floats(x *graph.Node, v ...float64) *graph.Node { return graph.Constant(x.Graph(), v, len(v)) }

// firstTimes weighs the elements, so that a shared adjoint shows.
func firstTimes(x *graph.Node, w ...float64) *graph.Node { return graph.Mul(x, floats(x, w...)) }

func init() {
	type vec = []float64
	type node = *graph.Node
	pi2 := math.Pi * math.Pi
	conventions = append(conventions, []struct {
		name                     string
		f                        func(x *graph.Node) *graph.Node
		at, value, first, second []float64
	}{
		{"clip at its bounds", func(x node) node { return graph.Clip(x, graph.Like(x, -1), graph.Like(x, 1)) },
			vec{-2, -1, 0, 1, 2}, vec{-1, -1, 0, 1, 1}, vec{0, 1, 1, 1, 0}, vec{0, 0, 0, 0, 0}},
		{"clip by its bounds at them", func(x node) node { return graph.Clip(graph.Like(x, 2), graph.Index(x, 0), graph.Index(x, 1)) },
			vec{2, 2}, vec{2}, vec{0, 0}, vec{0, 0}},
		{"clip with crossed bounds", func(x node) node { return graph.Clip(graph.Index(x, 0), graph.Index(x, 1), graph.Index(x, 2)) },
			vec{0, 3, 1}, vec{1}, vec{0, 0, 1}, vec{0, 0, 0}},
		{"elu at 0", func(x node) node { return graph.Elu(x, 0.5) }, vec{0, 2}, vec{0, 2}, vec{0.5, 1}, vec{0.5, 0}},
		{"leaky_relu at 0", func(x node) node { return graph.LeakyRelu(x, 0.1) }, vec{0, 2}, vec{0, 2}, vec{0.1, 1}, vec{0, 0}},
		{"gelu at infinity", graph.Gelu, vec{-inf, inf}, vec{0, inf}, vec{0, 1}, nil},
		{"gelu by tanh at infinity", graph.GeluTanh, vec{-inf, inf}, vec{0, inf}, vec{0, 1}, nil},
		{"silu at infinity", graph.Silu, vec{-inf, inf}, vec{0, inf}, vec{0, 1}, nil},
		{"sinc at 0", graph.Sinc, vec{0}, vec{1}, vec{0}, vec{-pi2 / 3}},
		{"i0e at 0", graph.BesselI0e, vec{0}, vec{1}, vec{0}, vec{0.5}},
		{"i1e at 0", graph.BesselI1e, vec{0}, vec{0}, vec{0.5}, vec{0}},
		{"xlogy at 0, 0", func(x node) node { return graph.Xlogy(graph.Index(x, 0), graph.Index(x, 1)) }, vec{0, 0}, vec{0}, vec{-inf, 0}, nil},
		{"xlogy at 0, 2", func(x node) node { return graph.Xlogy(graph.Index(x, 0), graph.Index(x, 1)) },
			vec{0, 2}, vec{0}, vec{math.Ln2, 0}, vec{0.5, 0.5}},
		{"xlog1py at 0, −1", func(x node) node { return graph.Xlog1py(graph.Index(x, 0), graph.Index(x, 1)) }, vec{0, -1}, vec{0}, vec{-inf, 0}, nil},
		{"logaddexp of −Inf", func(x node) node { return graph.LogAddExp(graph.Index(x, 0), graph.Index(x, 1)) }, vec{-inf, -inf}, vec{-inf}, vec{0, 0}, vec{0, 0}},
		{"logaddexp at a tie", func(x node) node { return graph.LogAddExp(graph.Index(x, 0), graph.Index(x, 1)) },
			vec{1, 1}, vec{1 + math.Ln2}, vec{0.5, 0.5}, vec{0, 0}},
		{"norm at 0", func(x node) node { return graph.ReduceL2(x, nil) }, vec{0, 0}, vec{0}, vec{0, 0}, vec{0, 0}},
		{"1-norm at 0", func(x node) node { return graph.ReduceL1(x, nil) }, vec{0, -3}, vec{3}, vec{0, -1}, vec{0, 0}},
		{"max norm at a tie", func(x node) node { return graph.ReduceLInf(x, nil) }, vec{-2, 1, 2}, vec{2}, vec{-0.5, 0, 0.5}, vec{0, 0, 0}},
		{"standard deviation of equal numbers", func(x node) node { return graph.ReduceStd(x, nil, 1) }, vec{2, 2, 2}, vec{0}, vec{0, 0, 0}, vec{0, 0, 0}},
		{"cumprod with a zero", func(x node) node { return firstTimes(graph.Cumprod(x, 0), 1, 10, 100) },
			vec{2, 0, 3}, vec{2, 0, 0}, vec{1, 20 + 600, 0}, vec{10 + 300, 10 + 300 + 200, 200}},
		{"cumprod with two zeros", func(x node) node { return firstTimes(graph.Cumprod(x, 0), 1, 10, 100) },
			vec{0, 0, 3}, vec{0, 0, 0}, vec{1, 0, 0}, vec{10 + 300, 10 + 300, 0}},
		{"cummax at ties", func(x node) node { return firstTimes(graph.Cummax(x, 0), 1, 2, 6, 8) },
			vec{1, 1, 0, 1}, vec{1, 2, 6, 8}, vec{1 + 1 + 3 + 8./3, 1 + 3 + 8./3, 0, 8. / 3}, vec{0, 0, 0, 0}},
		{"cummin at ties, reverse and exclusive", func(x node) node {
			return graph.Mul(graph.Slice(graph.Cummin(x, 0, graph.Reverse, graph.Exclusive), graph.Range{Start: 0, Limit: 2}), floats(x, 4, 6))
		}, vec{5, 1, 1}, vec{4, 6}, vec{0, 2, 8}, vec{0, 0, 0}},
		{"cumlogsumexp of −Inf", func(x node) node { return graph.CumLogSumExp(x, 0) }, vec{-inf, -inf}, vec{-inf, -inf}, vec{0, 0}, vec{0, 0}},
		{"segment_max at a tie", func(x node) node { return firstTimes(graph.SegmentMax(x, ints(x, 0, 0, 1), 2), 4, 1) },
			vec{2, 2, 1}, vec{8, 1}, vec{2, 2, 1}, vec{0, 0, 0}},
		{"segment_prod with zeros", func(x node) node { return graph.SegmentProd(x, ints(x, 0, 1, 0, 0), 2) },
			vec{2, 5, 0, 3}, vec{0, 5}, vec{0, 1, 6, 0}, vec{3, 0, 5, 2}},
		{"scatter_max at a tie", func(x node) node {
			return graph.ScatterMax(graph.Slice(x, graph.Range{Limit: 1}), ints(x, 0, 0), graph.Slice(x, graph.Range{Start: 1, Limit: 3}), 0)
		}, vec{2, 2, 2}, vec{2}, vec{1. / 3, 1. / 3, 1. / 3}, vec{0, 0, 0}},
		{"scatter_set at an index given twice", func(x node) node {
			return graph.ScatterSet(graph.Slice(x, graph.Range{Limit: 2}), ints(x, 0, 0), graph.Slice(x, graph.Range{Start: 2, Limit: 4}), 0)
		}, vec{1, 2, 3, 4}, vec{4, 2}, vec{0, 1, 0, 1}, vec{0, 0, 0, 0}},
		{"scatter_mul by zeros", func(x node) node {
			return graph.ScatterMul(graph.Slice(x, graph.Range{Limit: 1}), ints(x, 0, 0), graph.Slice(x, graph.Range{Start: 1, Limit: 3}), 0)
		}, vec{5, 0, 0}, vec{0}, vec{0, 0, 0}, vec{0, 5, 5}},
		{"sort keeps the order of equal elements", func(x node) node { return firstTimes(graph.Sort(x, 0), 1, 2, 4) },
			vec{3, 1, 3}, vec{1, 6, 12}, vec{2, 1, 4}, vec{0, 0, 0}},
		{"interp at its abscissae and outside", func(x node) node { return graph.Interp(x, floats(x, 0, 1, 3), floats(x, 0, 2, -2)) },
			vec{-1, 0, 1, 3, 4}, vec{0, 0, 2, -2, -2}, vec{0, 2, -2, -2, 0}, vec{0, 0, 0, 0, 0}},
		{"attention without a key", func(x node) node {
			m := graph.Constant(x.Graph(), []bool{false, false}, 1, 2)
			k := graph.Constant(x.Graph(), []float64{1, 2}, 2, 1)
			return graph.Attention(graph.Reshape(x, 1, 1), k, k, graph.AttentionOptions{Mask: m})
		}, vec{3}, vec{0}, vec{0}, vec{0}},
		{"cross entropy of an impossible class", func(x node) node {
			return graph.SoftmaxCrossEntropy(x, floats(x, 0, 1), 0)
		}, vec{-inf, 2}, vec{0}, vec{0, 0}, vec{0, 0}},
		{"huber at its threshold", func(x node) node { return graph.Huber(x, graph.Like(x, 0), 1) }, vec{-1, 0, 1, 3}, vec{0.5, 0, 0.5, 2.5}, vec{-1, 0, 1, 1}, vec{1, 1, 1, 0}},
	}...)
}

// Derivatives of sinc at 0: (−1)ᵏ π²ᵏ/(2k+1) for even orders, 0 for odd ones.
func TestSincDerivatives(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	d := []*graph.Node{graph.Sinc(x)}
	for range 6 {
		d = append(d, grad(t, d[len(d)-1], x)[0])
	}
	p := math.Pi
	expect(t, point(x, 0.0), 1e-14, one(1, 0, -p*p/3, 0, math.Pow(p, 4)/5, 0, -math.Pow(p, 6)/7), d...)
}

// The implicit derivative of a gamma sample y: with P(a, y) = u fixed, y moves as the quantile does.
func TestGammaDerivative(t *testing.T) {
	const n = 5
	g := graph.New()
	a, y := g.Input("a", graph.Float64, n), g.Input("y", graph.Float64, n)
	sample := graph.RandomGamma(graph.RandomKey(g, 7), a)
	d := grad(t, graph.Sum(sample), a)[0]
	shapes := []float64{0.3, 0.9, 1.5, 4, 30}
	at := point(a, shapes, y, make([]float64, n))
	got := must[[][]float64](t)(runOutputs(compile.Config{}, at, sample, d))
	quantile := func(a, u, guess float64) float64 {
		lo, hi := guess/2, guess*2
		for range 200 {
			mid := (lo + hi) / 2
			if ref.IncompleteGamma(a, mid) < u {
				lo = mid
			} else {
				hi = mid
			}
		}
		return (lo + hi) / 2
	}
	for i, s := range shapes {
		v := got[0][i]
		u := ref.IncompleteGamma(s, v)
		h := 1e-4 * s
		want := (quantile(s+h, u, v) - quantile(s-h, u, v)) / (2 * h)
		if math.Abs(got[1][i]-want) > 1e-5*want {
			t.Errorf("a = %v: derivative %v, the quantile's is %v", s, got[1][i], want)
		}
	}
}

// Moments of what is drawn, within five standard errors, and independence of the keys that come of one.
func TestRandomMoments(t *testing.T) {
	const n = 40000
	g := graph.New()
	keys := graph.RandomSplit(graph.RandomKey(g, 42), 8)
	folded := graph.RandomFoldIn(keys[0], g.Scalar(graph.Int32, 3))
	a := graph.BroadcastTo(g.Const(2.5), n)
	b := graph.BroadcastTo(g.Const(1.5), n)
	p := graph.BroadcastTo(g.Const(0.3), n)
	logits := graph.BroadcastTo(graph.Constant(g, []float64{0, math.Ln2, math.Log(5)}, 3), n, 3)
	normal := graph.RandomNormal(keys[1], graph.Float64, n)
	other := graph.RandomNormal(folded, graph.Float64, n)
	type moment struct {
		name           string
		x              *graph.Node
		mean, variance float64
	}
	list := []moment{
		{"uniform", graph.RandomUniform(keys[0], graph.Float64, n), 0.5, 1. / 12},
		{"normal", normal, 0, 1},
		{"normal, float32", graph.Cast(graph.RandomNormal(keys[1], graph.Float32, n), graph.Float64), 0, 1},
		{"squared normal", graph.Square(normal), 1, 2},
		{"product of normals of two keys", graph.Mul(normal, other), 0, 1},
		{"gumbel", graph.RandomGumbel(keys[2], graph.Float64, n), 0.5772156649015329, math.Pi * math.Pi / 6},
		{"exponential", graph.RandomExponential(keys[3], graph.Float64, n), 1, 1},
		{"gamma", graph.RandomGamma(keys[4], a), 2.5, 2.5},
		{"beta", graph.RandomBeta(keys[5], a, b), 2.5 / 4, 2.5 * 1.5 / (16 * 5)},
		{"bernoulli", graph.Cast(graph.RandomBernoulli(keys[6], p), graph.Float64), 0.3, 0.3 * 0.7},
		{"categorical", graph.Cast(graph.RandomCategorical(keys[7], logits, 1), graph.Float64), 12. / 8, 22./8 - 2.25},
		{"dropout", graph.Dropout(keys[6], a, 0.2), 2.5, 2.5 * 2.5 * 0.2 / 0.8},
	}
	var outputs []*graph.Node
	for _, m := range list {
		outputs = append(outputs, graph.Mean(m.x))
	}
	got := must[[][]float64](t)(runOutputs(compile.Config{}, testkit.Point{}, outputs...))
	for i, m := range list {
		if e := math.Abs(got[i][0]-m.mean) / math.Sqrt(m.variance/n); !(e < 5) {
			t.Errorf("%s: mean %v, want %v: %.1f standard errors away", m.name, got[i][0], m.mean, e)
		}
	}
}

// A key decides all numbers: programs of one key agree whatever the number of threads, those of another key do not.
func TestRandomKeys(t *testing.T) {
	draw := func(seed float64) []float64 {
		g := graph.New()
		key := g.Input("key", graph.Int64, 2)
		x := graph.RandomNormal(key, graph.Float64, 5000)
		m := vm.NewMachine(must[*vm.Program](t)(testkit.Compile(compile.Config{}, x)))
		return must[[]ref.Value](t)(testkit.Run(m, point(key, []float64{seed, 0})))[0].F
	}
	a, b, c := draw(1), draw(1), draw(2)
	same := 0
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("element %d is %v and %v for one key", i, a[i], b[i])
		}
		if a[i] == c[i] {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d of %d elements are equal for two keys", same, len(a))
	}
}

// Values of NumPy's documentation of interp, and what makes a cubic spline natural.
func TestInterpolationValues(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 5)
	y := graph.Interp(x, floats(x, 1, 2, 3), floats(x, 3, 2, 0))
	expect(t, point(x, []float64{0, 1, 1.5, 2.72, 3.14}), 1e-14, [][]float64{{3, 3, 2.5, 0.56, 0}}, y)

	c := graph.BSplineCoefficients(floats(x, 0, 1, 4, 2, 3), 0)
	// The spline takes its values, and its second derivative is 0 at the ends.
	s := graph.BSpline(x, c, -1, 3)
	d := grad(t, graph.Sum(s), x)[0]
	d2 := grad(t, graph.Sum(d), x)[0]
	ends := graph.Mul(d2, floats(x, 1, 0, 0, 0, 1))
	out := must[[][]float64](t)(runOutputs(compile.Config{}, point(x, []float64{-1, 0, 1, 2, 3}), s, ends))
	for i, want := range []float64{0, 1, 4, 2, 3} {
		if math.Abs(out[0][i]-want) > 1e-14 || math.Abs(out[1][i]) > 1e-13 {
			t.Errorf("knot %d: value %v, want %v; second derivative %v", i, out[0][i], want, out[1][i])
		}
	}
}

// Derivatives of high order by the parameters of the incomplete gamma and beta functions, against Cauchy's formula.
func TestParameterDerivatives(t *testing.T) {
	g := graph.New()
	a, b, x := g.Input("a", graph.Float64, 4), g.Input("b", graph.Float64, 4), g.Input("x", graph.Float64, 4)
	at := point(a, []float64{1.3, 1.3, 4, 12}, b, []float64{1.2, 3, 2, 2.5}, x, []float64{0.2, 0.7, 0.9, 0.4})
	var outputs []*graph.Node
	for k := range 6 {
		outputs = append(outputs, graph.CallWith(graph.LookupOp("igamma_derivative"), []graph.Attr{graph.IntAttr("order", k)}, a, x))
		attrs := []graph.Attr{graph.IntAttr("order_a", k/2), graph.IntAttr("order_b", k-k/2)}
		outputs = append(outputs, graph.CallWith(graph.LookupOp("betainc_derivative"), attrs, a, b, x))
	}
	want := must[[]ref.Value](t)(ref.Eval(at, outputs...))
	got := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, at, outputs...))
	for i := range outputs {
		if err := testkit.Close(got[i], want[i], 1e-9); err != nil {
			t.Errorf("%s of order %d: %v", outputs[i].Op().Name, i/2, err)
		}
	}
}
