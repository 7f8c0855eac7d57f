package compile_test

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// extremeCase is one operator in one dtype at all its points of testdata/extreme.txt.
type extremeCase struct {
	name    string
	op      *graph.Op
	attrs   graph.Attrs
	dtype   graph.DType
	at      [][]string // the operands' values, point by point
	want    [][]string // what is expected there, "value condition" each
	several bool
}

func extremeCases(t *testing.T) []*extremeCase {
	t.Helper()
	text, err := os.ReadFile("testdata/extreme.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []*extremeCase
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		f := strings.Split(line, "; ")
		var c *extremeCase
		if len(cases) > 0 && cases[len(cases)-1].name == f[0] {
			c = cases[len(cases)-1]
		} else {
			c = newExtremeCase(t, f[0])
			cases = append(cases, c)
		}
		c.at, c.want = append(c.at, strings.Fields(f[1])), append(c.want, f[2:])
	}
	return cases
}

func newExtremeCase(t *testing.T, name string) *extremeCase {
	t.Helper()
	f := strings.Fields(name)
	c := &extremeCase{name: name, op: graph.LookupOp(f[1]), dtype: graph.Float64, several: f[0][0] == 'g'}
	if strings.HasSuffix(f[0], "32") {
		c.dtype = graph.Float32
	}
	if c.op == nil {
		t.Fatalf("%s: no such operator", name)
	}
	for _, a := range f[2:] {
		key, v, _ := strings.Cut(a, "=")
		k := slices.IndexFunc(c.op.Attrs, func(s graph.AttrSpec) bool { return s.Key == key })
		if k < 0 {
			t.Fatalf("%s: no attribute %s", name, key)
		}
		if v == "true" || v == "false" {
			c.attrs = append(c.attrs, graph.BoolAttr(key, v == "true"))
		} else {
			c.attrs = append(c.attrs, graph.FloatAttr(key, parseFloat(t, v)))
		}
	}
	return c
}

func parseFloat(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !strings.Contains(err.Error(), "range") {
		t.Fatal(err)
	}
	return v
}

// agrees compares with an expected "value condition": within a few roundings, times the condition of the function there.
func (c *extremeCase) agrees(t *testing.T, got float64, expected string) bool {
	t.Helper()
	v, condition, _ := strings.Cut(expected, " ")
	if v == "?" {
		return true
	}
	want, eps, tiny := parseFloat(t, v), 0x1p-52, math.SmallestNonzeroFloat64
	if c.dtype == graph.Float32 {
		want, eps, tiny = float64(float32(want)), 0x1p-23, math.SmallestNonzeroFloat32
	}
	bound := eps * (16 + 8*min(parseFloat(t, condition), 1e5)) * math.Abs(want)
	return got == want || want != want && got != got || math.Abs(got-want) <= bound+8*tiny
}

// Values and derivatives up to order 3 of every elementwise operator of one variable, in all nestings of reverse and forward mode and by Taylor
// coefficients, in both float dtypes, against mpmath: at numbers whose squares overflow and underflow, where exponentials vanish or
// overflow, at infinities, and at the edges of the domains. Operators without a row are listed with the reason.
func TestExtreme(t *testing.T) {
	const order = 3
	without := map[string]string{
		"cast": "linear", "stop_gradient": "none", "logical_not": "bool", "is_nan": "bool", "is_finite": "bool",
	}
	covered := map[string]bool{}
	checked := 0
	for _, c := range extremeCases(t) {
		if c.several {
			continue
		}
		covered[c.op.Name] = true
		g := graph.New()
		x := g.Input("x", c.dtype, len(c.at))
		xs := make([]float64, len(c.at))
		for i, s := range c.at {
			xs[i] = parseFloat(t, s[0])
		}
		type derivative struct {
			how   string
			order int
			node  *graph.Node
			scale float64
		}
		all := []derivative{{"", 0, g.Apply(c.op, []*graph.Node{x}, c.attrs), 1}}
		for from, k := 0, 0; k < order; k++ {
			to := len(all)
			for _, d := range all[from:to] {
				r := grad(t, graph.Sum(d.node), x)[0]
				f := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{d.node}, []*graph.Node{x}, nil))[0]
				all = append(all, derivative{d.how + "r", k + 1, r, 1}, derivative{d.how + "f", k + 1, f, 1})
			}
			from = to
		}
		taylor := must[[][]*graph.Node](t)(compile.Taylor(order, []*graph.Node{all[0].node}, []*graph.Node{x}, [][]*graph.Node{{graph.BroadcastTo(graph.Like(x, 1), len(c.at))}}))
		for k, factorial := 1, 1.0; k <= order; k++ {
			factorial *= float64(k)
			all = append(all, derivative{"taylor", k, taylor[k][0], factorial})
		}
		var nodes []*graph.Node
		for _, d := range all {
			nodes = append(nodes, d.node)
		}
		got, err := testkit.CompileAndRun(compile.Config{}, testkit.Point{x: ref.Of(x.Type(), xs...)}, nodes...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for k, d := range all {
			for i := range c.at {
				if v := got[k].F[i] * d.scale; !c.agrees(t, v, c.want[i][d.order]) {
					t.Errorf("%s: derivative %d by %q at %s is %v, want %s", c.name, d.order, d.how, strconv.FormatFloat(xs[i], 'g', -1, 64), v, c.want[i][d.order])
				}
				checked++
			}
		}
	}
	for _, op := range graph.Ops() {
		if op.Elementwise && op.MaxArity == 1 && op.Differentiable() && op.Family != graph.FamilyUser && !covered[op.Name] && without[op.Name] == "" {
			t.Errorf("%s has no row in testdata/extreme.txt", op.Name)
		}
	}
	t.Logf("%d values", checked)
	if checked < 40000 {
		t.Errorf("only %d values were checked", checked)
	}
}

// The same of operators of several variables: the value, its gradient and its Hessian, row by row, in all nestings of the two modes.
func TestExtremeOfSeveral(t *testing.T) {
	checked := 0
	for _, c := range extremeCases(t) {
		if !c.several {
			continue
		}
		g, at := graph.New(), testkit.Point{}
		var in []*graph.Node
		for k := range c.op.MaxArity {
			x := g.Input("x"+strconv.Itoa(k), c.dtype, len(c.at))
			v := ref.New(x.Type())
			for i, p := range c.at {
				v.F[i] = parseFloat(t, p[k])
			}
			in, at[x] = append(in, x), v
		}
		type derivative struct {
			how   string
			index int // among what is expected
			node  *graph.Node
		}
		// by derives by operand i in both modes.
		by := func(d derivative, i, index int) []derivative {
			r := grad(t, graph.Sum(d.node), in[i])[0]
			f := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{d.node}, []*graph.Node{in[i]}, nil))[0]
			return []derivative{{d.how + "r", index, r}, {d.how + "f", index, f}}
		}
		all, n := []derivative{{"", 0, g.Apply(c.op, in, c.attrs)}}, len(in)
		for i := range n {
			for _, d := range by(all[0], i, 1+i) {
				all = append(all, d)
				for j := range n {
					all = append(all, by(d, j, 1+n+i*n+j)...)
				}
			}
		}
		var nodes []*graph.Node
		for _, d := range all {
			nodes = append(nodes, d.node)
		}
		got, err := testkit.CompileAndRun(compile.Config{}, at, nodes...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for k, d := range all {
			for i, p := range c.at {
				if !c.agrees(t, got[k].F[i], c.want[i][d.index]) {
					t.Errorf("%s: part %d by %q at %v is %v, want %s", c.name, d.index, d.how, p, got[k].F[i], c.want[i][d.index])
				}
				checked++
			}
		}
	}
	t.Logf("%d values", checked)
	if checked < 10000 {
		t.Errorf("only %d values were checked", checked)
	}
}

// Norms of (3, 4)·s and the standard deviation of (3, 5)·s, whose squares leave the range of the dtype: values, gradients and Hessians in
// both modes in closed form, for rows and for columns.
func TestExtremeNorms(t *testing.T) {
	rows := func(f func(x *graph.Node, axes []int) *graph.Node) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node { return f(graph.Reshape(x, 1, 2), []int{1}) }
	}
	columns := func(f func(x *graph.Node, axes []int) *graph.Node) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node {
			return f(graph.Reshape(graph.Stack(1, x, x), 2, 2), []int{0})
		}
	}
	l2 := func(x *graph.Node, axes []int) *graph.Node { return graph.ReduceL2(x, axes) }
	std := func(x *graph.Node, axes []int) *graph.Node { return graph.ReduceStd(x, axes, 0) }
	for _, c := range []struct {
		name                 string
		f                    func(x *graph.Node) *graph.Node
		at                   [2]float64
		value, first, second []float64 // for s = 1; the second derivative times s
	}{
		{"reduce_l2", rows(l2), [2]float64{3, 4}, []float64{5}, []float64{0.6, 0.8}, []float64{0.128, -0.096, -0.096, 0.072}},
		{"reduce_l2 of columns", columns(l2), [2]float64{3, 4}, []float64{5, 5}, []float64{1.2, 1.6}, []float64{0.256, -0.192, -0.192, 0.144}},
		{"matrix_norm", rows(func(x *graph.Node, _ []int) *graph.Node { return graph.MatrixNorm(x, "fro") }), [2]float64{3, 4}, []float64{5}, []float64{0.6, 0.8}, []float64{0.128, -0.096, -0.096, 0.072}},
		{"reduce_std", rows(std), [2]float64{3, 5}, []float64{1}, []float64{-0.5, 0.5}, []float64{0, 0, 0, 0}},
		{"reduce_std of columns", columns(std), [2]float64{3, 5}, []float64{1, 1}, []float64{-1, 1}, []float64{0, 0, 0, 0}},
	} {
		for _, s := range []struct {
			dtype graph.DType
			scale float64
		}{{graph.Float64, 1}, {graph.Float64, 0x1p660}, {graph.Float64, 0x1p-660}, {graph.Float64, 0x1p1020}, {graph.Float64, 0x1p-1060}, {graph.Float32, 1}, {graph.Float32, 0x1p100}, {graph.Float32, 0x1p-100}, {graph.Float32, 0x1p124}, {graph.Float32, 0x1p-140}} {
			if strings.Contains(c.name, "std") && (s.scale < 0x1p-1000 || s.dtype == graph.Float32 && s.scale < 0x1p-120) {
				continue // subnormal intermediate values have few digits
			}
			g := graph.New()
			x := g.Input("x", s.dtype, 2)
			y := c.f(x)
			r := grad(t, graph.Sum(y), x)[0]
			units := []*graph.Node{graph.Cast(graph.Constant(g, []float64{1, 0}, 2), s.dtype), graph.Cast(graph.Constant(g, []float64{0, 1}, 2), s.dtype)}
			outputs := []*graph.Node{y, r}
			eps := 0x1p-46
			if s.dtype == graph.Float32 {
				eps = 0x1p-18
			}
			var want [][]float64
			scaled := make([]float64, len(c.value))
			for i, v := range c.value {
				scaled[i] = v * s.scale
			}
			want = append(want, scaled, c.first)
			for k, u := range units {
				jvp := func(of *graph.Node) *graph.Node {
					return must[[]*graph.Node](t)(compile.JVP([]*graph.Node{of}, []*graph.Node{x}, []*graph.Node{u}))[0]
				}
				forward := graph.Sum(jvp(y))
				outputs = append(outputs, forward)
				want = append(want, c.first[k:k+1])
				if limit := map[graph.DType]float64{graph.Float64: 0x1p1000, graph.Float32: 0x1p110}[s.dtype]; s.scale < limit && s.scale > 1/limit {
					row := []float64{c.second[2*k] / s.scale, c.second[2*k+1] / s.scale}
					if s.dtype == graph.Float32 {
						row[0], row[1] = float64(float32(row[0])), float64(float32(row[1]))
					}
					outputs = append(outputs, jvp(r), grad(t, forward, x)[0])
					want = append(want, row, row)
				}
			}
			at := testkit.Point{x: ref.Of(x.Type(), c.at[0]*s.scale, c.at[1]*s.scale)}
			got, err := testkit.CompileAndRun(compile.Config{}, at, outputs...)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			for o, w := range want {
				for i, v := range w {
					// Entries that are 0 by cancellation are small against 1/s.
					absolute := 0.0
					if len(w) == 2 && o > 1 {
						absolute = 1 / s.scale
					}
					if e := got[o].F[i]; !(math.Abs(e-v) <= eps*(math.Abs(v)+absolute)) {
						t.Errorf("%s of %v·%v in %v: output %d[%d] = %v, want %v", c.name, c.at, s.scale, s.dtype, o, i, e, v)
					}
				}
			}
		}
	}
}

// Normalised values do not depend on the scale of the operand, and derivatives of order k go with its −k-th power, where squares overflow or underflow too.
func TestExtremeNormalisations(t *testing.T) {
	count := 0
	for _, d := range []struct {
		dtype  graph.DType
		eps    float64
		scales []float64
	}{
		{graph.Float64, 0x1p-50, []float64{0x1p400, 0x1p660, 0x1p1000, 0x1p-400}},
		{graph.Float32, 0x1p-21, []float64{0x1p30, 0x1p70, 0x1p100, 0x1p-40}},
	} {
		for name, f := range map[string]func(x *graph.Node) *graph.Node{
			"layer_norm": func(x *graph.Node) *graph.Node {
				return graph.LayerNorm(x, graph.Like(x, 1), graph.Like(x, 0), nil, 1e-300)
			},
			"batch_norm": func(x *graph.Node) *graph.Node {
				y, _, _ := graph.BatchNormTraining(graph.Reshape(x, 4, 1), graph.BroadcastTo(graph.Like(x, 1), 1), graph.BroadcastTo(graph.Like(x, 0), 1), 1, 1e-300)
				return graph.Reshape(y, 4)
			},
			"rms_norm":   func(x *graph.Node) *graph.Node { return graph.RMSNorm(x, graph.Like(x, 1), nil, 1e-300) },
			"x/‖x‖":      func(x *graph.Node) *graph.Node { return graph.Div(x, graph.ReduceL2(x, nil)) },
			"x/std":      func(x *graph.Node) *graph.Node { return graph.Div(x, graph.ReduceStd(x, nil, 0)) },
			"similarity": func(x *graph.Node) *graph.Node { return nn.CosineSimilarity(x, graph.Flip(x, 0), 0, 1e-300) },
		} {
			g := graph.New()
			x, w, v := g.Input("x", d.dtype, 4), g.Input("w", d.dtype, 4), g.Input("v", d.dtype, 4)
			y := f(x)
			cost := graph.Sum(graph.Mul(y, graph.Slice(w, graph.Range{Limit: y.Shape().Size()})))
			if y.Type().IsScalar() {
				cost = graph.Mul(y, graph.Index(w, 0))
			}
			r := grad(t, cost, x)[0]
			outputs := []*graph.Node{y, r, must[[]*graph.Node](t)(compile.JVP([]*graph.Node{cost}, []*graph.Node{x}, []*graph.Node{v}))[0],
				must[[]*graph.Node](t)(compile.JVP([]*graph.Node{r}, []*graph.Node{x}, []*graph.Node{v}))[0]}
			at := func(s float64) [][]float64 {
				return must[[][]float64](t)(runOutputs(compile.Config{}, point(x, []float64{s, 2 * s, 6 * s, -s}, w, []float64{1, -2, 3, 1}, v, []float64{1, 3, -1, 2}), outputs...))
			}
			want := at(1)
			for _, s := range d.scales {
				for k, got := range at(s) {
					scale := []float64{1, 1 / s, 1 / s, 1 / s / s}[k]
					if scale < math.SmallestNonzeroFloat32*0x1p30 && d.dtype == graph.Float32 || scale < 0x1p-1000 || math.IsInf(scale, 1) || scale > math.MaxFloat32 && d.dtype == graph.Float32 {
						continue
					}
					size := 0.0
					for _, e := range want[k] {
						size = max(size, math.Abs(e))
					}
					for i, e := range want[k] {
						if count++; !(math.Abs(got[i]/scale-e) <= 32*d.eps*size) {
							t.Errorf("%s in %v at scale %v, output %d[%d]: %v, want %v", name, d.dtype, s, k, i, got[i], e*scale)
						}
					}
				}
			}
		}
	}
	if count < 350 {
		t.Errorf("only %d values", count)
	}
}

// The loss of a class that is nearly certain, and its gradient, keep their digits.
func TestCertainClasses(t *testing.T) {
	for _, c := range []struct {
		dtype graph.DType
		gap   float64
		eps   float64
	}{{graph.Float64, 50, 0x1p-52}, {graph.Float64, 700, 0x1p-52}, {graph.Float32, 20, 0x1p-23}, {graph.Float32, 80, 0x1p-23}} {
		g := graph.New()
		x := g.Input("x", c.dtype, 1, 3)
		loss := graph.CrossEntropy(x, graph.Constant(g, []int64{0}, 1), 1)
		a, b := math.Exp(-c.gap), math.Exp(-c.gap-1)
		d := grad(t, graph.Sum(loss), x)[0]
		expect(t, point(x, []float64{0, -c.gap, -c.gap - 1}), c.gap*c.eps, [][]float64{{math.Log1p(a + b)}, {-(a + b) / (1 + a + b), a / (1 + a + b), b / (1 + a + b)}}, loss, d)
	}
}

// Derivatives of softmax, log_softmax, logsumexp and their kin keep the digits of 1 − p of a nearly certain class, in every nesting of reverse and forward mode. Expected values are
// the products of probabilities that the derivatives are, with 1 − p as the sum of the others.
func TestCertainProbabilities(t *testing.T) {
	for _, c := range []struct {
		dtype graph.DType
		gap   float64
		eps   float64
	}{{graph.Float64, 40, 0x1p-52}, {graph.Float64, 330, 0x1p-52}, {graph.Float32, 20, 0x1p-23}, {graph.Float32, 40, 0x1p-23}} {
		at := []float64{-c.gap - 1, 0, -c.gap}
		sum := 1 + math.Exp(-c.gap) + math.Exp(-c.gap-1)
		var p, other, log [3]float64
		for i := range p {
			p[i] = math.Exp(at[i]) / sum
		}
		for i := range p {
			other[i] = p[(i+1)%3] + p[(i+2)%3]
			log[i] = at[i] - math.Log(sum)
		}
		log[1] = math.Log1p(-other[1])
		// by is ∂(ln p_k)/∂x_i.
		by := func(k, i int) float64 {
			if k == i {
				return other[k]
			}
			return -p[i]
		}
		for name, f := range map[string]struct {
			f     func(x *graph.Node) *graph.Node
			value func(k int) float64
			first func(k, i int) float64
			next  func(k, i, j int) float64
		}{
			"softmax": {func(x *graph.Node) *graph.Node { return graph.Softmax(x, 0) }, func(k int) float64 { return p[k] }, func(k, i int) float64 { return p[k] * by(k, i) },
				func(k, i, j int) float64 { return p[k] * (by(k, i)*by(k, j) - p[i]*by(i, j)) }},
			"log_softmax": {func(x *graph.Node) *graph.Node { return graph.LogSoftmax(x, 0) }, func(k int) float64 { return log[k] }, by, func(k, i, j int) float64 { return -p[i] * by(i, j) }},
			"soft labels": {func(x *graph.Node) *graph.Node {
				labels := graph.Cast(graph.Constant(x.Graph(), []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3), x.DType())
				return graph.SoftmaxCrossEntropy(graph.BroadcastTo(x, 3, 3), labels, 1)
			}, func(k int) float64 { return -log[k] }, func(k, i int) float64 { return -by(k, i) }, func(k, i, j int) float64 { return p[i] * by(i, j) }},
			"logsumexp": {func(x *graph.Node) *graph.Node { return graph.BroadcastTo(graph.LogSumExp(x, nil), 3) }, nil, func(k, i int) float64 { return p[i] }, func(k, i, j int) float64 { return p[i] * by(i, j) }},
		} {
			g := graph.New()
			x := g.Input("x", c.dtype, 3)
			y := f.f(x)
			for k := range 3 {
				z := graph.Index(y, k)
				outputs, want := []*graph.Node{}, [][]float64{}
				if f.value != nil {
					outputs, want = append(outputs, z), append(want, []float64{f.value(k)})
				}
				r := grad(t, z, x)[0]
				for i := range 3 {
					forward := func(y *graph.Node, i int) *graph.Node {
						unit := make([]float64, 3)
						unit[i] = 1
						return must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{graph.Cast(graph.Constant(g, unit, 3), c.dtype)}))[0]
					}
					d := forward(z, i)
					outputs, want = append(outputs, graph.Index(r, i), d), append(want, []float64{f.first(k, i)}, []float64{f.first(k, i)})
					for j := range 3 {
						for _, s := range []*graph.Node{graph.Index(grad(t, graph.Index(r, i), x)[0], j), graph.Index(grad(t, d, x)[0], j), forward(graph.Index(r, i), j), forward(d, j)} {
							outputs, want = append(outputs, s), append(want, []float64{f.next(k, i, j)})
						}
					}
				}
				t.Run(name, func(t *testing.T) { expect(t, point(x, at), c.gap*c.eps, want, outputs...) })
			}
		}
	}
}

// Norms are homogeneous, so that their derivatives of order k at 2ᵉ·x are those at x times 2^(e(1−k)), in every nesting of reverse and forward mode.
func TestNormsOfAllScales(t *testing.T) {
	for _, c := range []struct {
		dtype  graph.DType
		scales []int
		tol    float64
	}{{graph.Float64, []int{-500, -380, -120, 120, 380, 490}, 1e-12}, {graph.Float32, []int{-60, -45, -25, 25, 45, 60}, 1e-4}} {
		for name, norm := range map[string]func(x *graph.Node) *graph.Node{
			"norm": func(x *graph.Node) *graph.Node { return graph.ReduceL2(x, nil) },
			"std":  func(x *graph.Node) *graph.Node { return graph.ReduceStd(x, nil, 0) },
		} {
			g := graph.New()
			x := g.Input("x", c.dtype, 3)
			level, orders, outputs := []*graph.Node{norm(x)}, []int{0}, []*graph.Node{}
			outputs = append(outputs, level...)
			for k := 1; k <= 3; k++ {
				direction := graph.Cast(graph.Constant(g, []float64{1, -0.5 * float64(k), 0.75}, 3), c.dtype)
				var next []*graph.Node
				for _, y := range level {
					next = append(next, graph.Sum(graph.Mul(grad(t, y, x)[0], direction)), must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{direction}))[0])
				}
				for range next {
					orders = append(orders, k)
				}
				level, outputs = next, append(outputs, next...)
			}
			at := []float64{3, -1.25, 0.5}
			unit := must[[][]float64](t)(runOutputs(compile.Config{}, point(x, at), outputs...))
			for _, e := range c.scales {
				var scaled []float64
				for _, v := range at {
					scaled = append(scaled, math.Ldexp(v, e))
				}
				want := make([][]float64, len(unit))
				for i, v := range unit {
					want[i] = []float64{math.Ldexp(v[0], e*(1-orders[i]))}
				}
				t.Run(name, func(t *testing.T) { expect(t, point(x, scaled), c.tol, want, outputs...) })
			}
		}
	}
}

// Derivatives of order 2 to 4 of operators of two variables near the ends of the range of float64, where powers of the radius or of the base leave it and the derivative does
// not, in all nestings of both modes.
func TestNearTheEndOfRange(t *testing.T) {
	ln := math.Log
	for _, c := range []struct {
		name string
		f    func(x, y *graph.Node) *graph.Node
		x, y float64
		by   string
		want float64
	}{
		{"hypot", graph.Hypot, 1e-120, 1e-300, "xx", 1e-240},
		{"hypot", graph.Hypot, 1e-160, 1e-190, "yyy", -3e290},
		{"hypot", graph.Hypot, 1e-300, 1e-160, "xxx", -3e180},
		{"hypot", graph.Hypot, 1e-120, 1e-300, "xxx", -3e-120},
		{"hypot", graph.Hypot, 1e-120, 1e-300, "xxxx", 12},
		{"hypot", graph.Hypot, 1e-120, 1e-190, "xyyy", 9e290},
		{"hypot", graph.Hypot, 1e-190, 1e-160, "xyy", 2e290},
		{"hypot", graph.Hypot, 1e-300, 1e-160, "yyx", 2e180},
		{"hypot", graph.Hypot, 1e-160, 1e-300, "xxy", 2e180},
		{"hypot", graph.Hypot, 1e-120, 1e-300, "yxxx", -6e180},
		{"hypot", graph.Hypot, 1e-300, 1e-120, "xyxx", 9e180},
		{"hypot", graph.Hypot, 1e-160, 1e-300, "xxxx", 12e200},
		{"hypot", graph.Hypot, 1e-160, 1e-120, "yyyy", 1.2e281},
		{"atan2", graph.Atan2, 1e-190, -1e-160, "xx", 2e290},
		{"atan2", graph.Atan2, -1e-160, 1e-300, "yy", -2e180},
		{"atan2", graph.Atan2, 1e-120, 1e-300, "xyy", -6e180},
		{"x^y", graph.Pow, 1e-160, 2, "xxy", 3 + 2*ln(1e-160)},
		{"x^y", graph.Pow, 1e160, 2, "xxy", 3 + 2*ln(1e160)},
		{"x^y", graph.Pow, 1e-300, 2, "yxx", 3 + 2*ln(1e-300)},
		{"x^y", graph.Pow, 1e190, 3, "yxxx", 11 + 6*ln(1e190)},
		{"x^y", graph.Pow, 1e-190, 3, "xxxy", 11 + 6*ln(1e-190)},
		{"x^y", graph.Pow, 1e160, 2, "yxxy", 2 + 6*ln(1e160) + 2*ln(1e160)*ln(1e160)},
		{"x·ln y", graph.Xlogy, 1e-190, 1e-160, "yyy", 2e290},
		{"x·ln y", graph.Xlogy, 1e-300, 1e-120, "yyyy", -6e180},
	} {
		g := graph.New()
		x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
		nodes, hows := []*graph.Node{c.f(x, y)}, []string{""}
		for _, v := range c.by {
			var next []*graph.Node
			var how []string
			by := map[rune]*graph.Node{'x': x, 'y': y}[v]
			for k, n := range nodes {
				next = append(next, grad(t, n, by)[0], must[[]*graph.Node](t)(compile.JVP([]*graph.Node{n}, []*graph.Node{by}, nil))[0])
				how = append(how, hows[k]+"r", hows[k]+"f")
			}
			nodes, hows = next, how
		}
		got, err := testkit.CompileAndRun(compile.Config{}, point(x, c.x, y, c.y), nodes...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for k, v := range got {
			if e := v.Number(0); !(math.Abs(e-c.want) <= 1e-12*math.Abs(c.want)) {
				t.Errorf("%s at (%v, %v), derivative by %s as %s: %v, want %v", c.name, c.x, c.y, c.by, hows[k], e, c.want)
			}
		}
	}
}
