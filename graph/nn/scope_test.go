package nn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

// run compiles and runs nodes whose inputs are filled with waves, and returns their values.
func run(t *testing.T, outputs ...*node) [][]float64 {
	t.Helper()
	var names []string
	for i := range outputs {
		names = append(names, fmt.Sprint("output:", i))
	}
	p, err := compile.Config{Names: names}.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for k, in := range outputs[0].Graph().Inputs() {
		if in.DType().IsFloat() {
			set(t, m, in, func(i int) float64 { return 0.5 * math.Sin(1.3*float64(i)+float64(k)) })
		} else {
			set(t, m, in, func(i int) float64 { return float64(i + 1) })
		}
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for i, o := range outputs {
		out = append(out, slices.Clone(get(m, names[i], o.DType())))
	}
	return out
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// Parameters have the names of their scopes, once; a model that is called twice has them once.
func TestScopes(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x := g.Input("x", graph.Float32, 2, 8)
	model := func(s *nn.Scope) *node {
		h := graph.Relu(nn.Linear(s.In("encoder/block0"), x, 4))
		return nn.Linear(s.In("out"), nn.Dropout(s.In("drop"), h, 0.5), 3, nn.NoBias())
	}
	model(s.Training(graph.RandomKey(g, 1)))
	y := model(s)
	var names []string
	for _, p := range s.Parameters() {
		names = append(names, p.Name())
	}
	if want := []string{"encoder/block0/weight", "encoder/block0/bias", "out/weight"}; !slices.Equal(names, want) {
		t.Errorf("the parameters are %v, want %v", names, want)
	}
	if n := len(s.In("encoder").All()); n != 2 {
		t.Errorf("encoder has %d parameters, want 2", n)
	}
	if path := y.ScopePath(); path != "out" {
		t.Errorf("the result lies in the scope %q", path)
	}
	if err := g.Err(); err != nil {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(s *nn.Scope, x *node){
		"use scopes of different names": func(s *nn.Scope, x *node) { nn.Linear(s, nn.Linear(s, x, 3), 3) },
		"in one place and a state":      func(s *nn.Scope, x *node) { s.State("w", nn.Zeros(), 2); s.Parameter("w", nn.Zeros(), 2) },
		"drawn without a key":           func(s *nn.Scope, x *node) { nn.Dropout(s.Training(nil), x, 0.5) },
		"empty part":                    func(s *nn.Scope, x *node) { s.In("a//b") },
		"no initial values":             func(s *nn.Scope, x *node) { s.Parameter("w", nil, 2) },
		"is not a state":                func(s *nn.Scope, x *node) { s.Update(x, x) },
		"body of a loop":                func(s *nn.Scope, x *node) { updateInLoop(s, x) },
		"needs a vector at least":       func(s *nn.Scope, x *node) { nn.Linear(s, graph.Sum(x), 3) },
		"2 channels and 3 filters": func(s *nn.Scope, x *node) {
			nn.Conv(s, graph.Reshape(x, 2, 2, 2), 3, []int{1}, graph.Window{Groups: 2})
		},
		"3 heads": func(s *nn.Scope, x *node) {
			nn.MultiHeadAttention(s, graph.Reshape(x, 1, 2, 4), 3, nn.AttentionOptions{})
		},
		"needs [T, B, I]": func(s *nn.Scope, x *node) { nn.LSTM(s, graph.Sum(x), 3, nn.RecurrentOptions{}) },
		"in 3 groups":     func(s *nn.Scope, x *node) { nn.GroupNorm(s, graph.Reshape(x, 2, 2, 2), 3) },
		"D even": func(s *nn.Scope, x *node) {
			nn.Rotary(graph.Reshape(x, 8, 1), graph.Iota(x.Graph(), graph.Int64, 0, 8), 100)
		},
		"one element, which has no varian": func(s *nn.Scope, x *node) { nn.BatchNorm(s.Training(nil), graph.Reshape(x, 1, 8)) },
		"9 of 8 positions":                 func(s *nn.Scope, x *node) { nn.Positions(s, 9, 8, 2) },
	} {
		g := graph.New()
		f(nn.New(g, graph.Float64), g.Input("x", graph.Float64, 2, 4))
		err := fmt.Sprint(g.Err())
		if !strings.Contains(err, want) || !strings.Contains(err, "scope_test.go") {
			t.Errorf("the error is %q, want %q and this file", err, want)
		}
	}
}

func updateInLoop(s *nn.Scope, x *node) {
	state := s.State("state", nn.Zeros())
	graph.Scan(2, nodes{graph.Sum(x)}, nil, func(c, _ []*node) (next, ys []*node) {
		s.Update(state, graph.Add(c[0], state))
		return c, nil
	})
}

// Decoding token by token with a cache gives what attention to all tokens at once does, with and without positions, in a loop of the graph.
func TestCache(t *testing.T) {
	const batch, tokens, width, heads = 2, 5, 8, 2
	for _, base := range []float64{0, 100} {
		g := graph.New()
		s := nn.New(g, graph.Float64)
		x := g.Input("x", graph.Float64, batch, tokens, width)
		whole := nn.MultiHeadAttention(s, x, heads, nn.AttentionOptions{Causal: true, Rotary: base})
		first := nn.NewCache(s, batch, heads, 7, width)
		rows := graph.Transpose(x, 1, 0, 2) // tokens first
		final, ys := graph.Scan(tokens, nodes{first.Keys, first.Values, first.Length}, nodes{rows}, func(c, x []*node) (next, ys []*node) {
			cache := &nn.Cache{Keys: c[0], Values: c[1], Length: c[2]}
			y := nn.MultiHeadAttention(s, graph.Reshape(x[0], batch, 1, width), heads, nn.AttentionOptions{Cache: cache, Rotary: base})
			return nodes{cache.Keys, cache.Values, cache.Length}, nodes{graph.Reshape(y, batch, width)}
		})
		// Three tokens at once and then two.
		cache := nn.NewCache(s, batch, heads, tokens, width)
		parts := graph.Split(x, 1, 3, 2)
		a := nn.MultiHeadAttention(s, parts[0], heads, nn.AttentionOptions{Cache: cache, Rotary: base})
		b := nn.MultiHeadAttention(s, parts[1], heads, nn.AttentionOptions{Cache: cache, Rotary: base})
		v := run(t, whole, graph.Transpose(ys[0], 1, 0, 2), graph.Concat(1, a, b), graph.Cast(final[2], graph.Float64))
		near(t, "token by token", v[1], v[0], 1e-14)
		near(t, "in two parts", v[2], v[0], 1e-14)
		near(t, "the length", v[3], []float64{tokens}, 0)
	}
}

// Models go into batches, checkpoints and loops, and have derivatives there.
func TestModelsCompose(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float64)
	x := g.Input("x", graph.Float64, 3, 2, 4) // three examples
	block := func(name string, x *node) *node {
		return graph.Add(x, graph.Tanh(nn.LayerNorm(s.In(name+"/norm"), nn.Linear(s.In(name), x, 4), 1)))
	}
	model := func(x *node) *node { return block("b", block("a", x)) }
	plain := model(x)
	recomputed := graph.Checkpoint(nodes{x}, func(in []*node) []*node { return nodes{block("b", block("a", in[0]))} })[0]
	_, looped := graph.Scan(3, nil, nodes{x}, func(_, in []*node) (next, ys []*node) { return nil, nodes{model(in[0])} })
	one := g.Placeholder(graph.Float64, 2, 4)
	batched, err := compile.Batch(nodes{model(one)}, nodes{one}, nodes{x})
	if err != nil {
		t.Fatal(err)
	}
	var outputs nodes
	ways := nodes{plain, recomputed, looped[0], batched[0]}
	for _, y := range ways {
		d, err := compile.Gradient(graph.Sum(graph.Square(y)), s.Parameters()...)
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(append(outputs, y), d...)
	}
	v := run(t, outputs...)
	n := len(outputs) / 4
	for k := 1; k < 4; k++ {
		for i := range n {
			near(t, fmt.Sprint("way ", k, ", output ", i), v[k*n+i], v[i], 1e-12)
		}
	}
}

// Dropout keeps the mean, draws others at each call and in each scope, and the same from the same key.
func TestDropout(t *testing.T) {
	g := graph.New()
	const n = 100_000
	x := graph.BroadcastTo(g.Const(1), n)
	draw := func(seed int64) nodes {
		s := nn.New(g, graph.Float64).Training(graph.RandomKey(g, seed))
		return nodes{nn.Dropout(s.In("a"), x, 0.25), nn.Dropout(s.In("a"), x, 0.25), nn.Dropout(s.In("b"), x, 0.25)}
	}
	v := run(t, append(draw(1), append(draw(1), draw(2)...)...)...)
	for i, d := range v {
		mean := 0.0
		for _, v := range d {
			if v != 0 && math.Abs(v-4./3) > 1e-15 {
				t.Fatalf("an element is %v", v)
			}
			mean += v / n
		}
		if math.Abs(mean-1) > 0.01 {
			t.Errorf("the mean of %d is %v", i, mean)
		}
		for k := range i {
			if same := slices.Equal(d, v[k]); same != (i-k == 3 && i < 6) {
				t.Errorf("draws %d and %d: equal is %v", k, i, same)
			}
		}
	}
	if y := nn.Dropout(nn.New(g, graph.Float64), x, 0.5); y != x {
		t.Error("dropout in evaluation is not its operand")
	}
}

// Initial values have the moments and bounds that their formulas say.
func TestInitializers(t *testing.T) {
	shape := []int{60, 40, 3, 3} // inputs 360, outputs 540
	erf := func(x float64) float64 { return math.Erf(x / math.Sqrt2) }
	phi := math.Exp(-0.5) / math.Sqrt(2*math.Pi)
	for _, c := range []struct {
		name           string
		init           nn.Initializer
		mean, variance float64
		bound          float64
	}{
		{"uniform", nn.Uniform(-1, 3), 1, 16. / 12, 3},
		{"normal", nn.Normal(2, 0.5), 2, 0.25, math.Inf(1)},
		{"truncated normal", nn.TruncatedNormal(0, 1, -1, 1), 0, 1 - 2*phi/erf(1), 1},
		{"Glorot uniform", nn.GlorotUniform(), 0, 2. / 900, math.Sqrt(6. / 900)},
		{"Glorot normal", nn.GlorotNormal(), 0, 2. / 900, math.Inf(1)},
		{"He uniform", nn.HeUniform(), 0, 2. / 360, math.Sqrt(6. / 360)},
		{"He normal", nn.HeNormal(), 0, 2. / 360, math.Inf(1)},
		{"LeCun uniform", nn.LeCunUniform(), 0, 1. / 360, math.Sqrt(3. / 360)},
		{"LeCun normal", nn.LeCunNormal(), 0, 1. / 360, math.Inf(1)},
		{"constant", nn.Constant(2), 2, 0, 2},
		{"ones", nn.Ones(), 1, 0, 1},
		{"zeros", nn.Zeros(), 0, 0, 0},
	} {
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			g := graph.New()
			v := run(t, c.init(graph.RandomKey(g, 7), d, shape))[0]
			mean, variance := 0.0, 0.0
			for _, x := range v {
				mean += x / float64(len(v))
				if math.Abs(x) > c.bound*(1+1e-6) {
					t.Fatalf("%s: %v is out of bounds", c.name, x)
				}
			}
			for _, x := range v {
				variance += (x - mean) * (x - mean) / float64(len(v))
			}
			// Six deviations of the mean, and as much for the variance of a distribution without long tails.
			sigma := math.Sqrt(c.variance / float64(len(v)))
			if math.Abs(mean-c.mean) > 6*sigma+1e-6 || math.Abs(variance/max(c.variance, 1e-300)-1) > 6*math.Sqrt(2/float64(len(v))) && c.variance > 0 {
				t.Errorf("%s: mean %v, variance %v; want %v and %v", c.name, mean, variance, c.mean, c.variance)
			}
		}
	}
	for _, shape := range [][]int{{4, 9}, {9, 4}, {3, 2, 2}} {
		g := graph.New()
		q := nn.Orthogonal(2)(graph.RandomKey(g, 3), graph.Float64, shape)
		m := graph.Reshape(q, shape[0], -1)
		if m.Shape()[0] > m.Shape()[1] {
			m = graph.Transpose(m, 1, 0)
		}
		n := m.Shape()[0]
		want := make([]float64, n*n)
		for i := range n {
			want[i*n+i] = 4
		}
		near(t, "orthogonal", run(t, graph.MatMul(m, graph.Transpose(m, 1, 0)))[0], want, 1e-13)
	}
	g := graph.New()
	near(t, "values", run(t, nn.Values(1, 2, 3, 4)(graph.RandomKey(g, 1), graph.Float32, []int{2, 2}))[0], []float64{1, 2, 3, 4}, 0)
}

// Keys depend on names and seeds.
func TestKeys(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float64)
	s.Parameter("a", nn.Normal(0, 1), 3)
	s.Parameter("b", nn.Normal(0, 1), 3)
	draw := func(k int, seed int64) *node {
		g := graph.New()
		p := s.All()[k]
		return p.Init(p.Key(g, seed), graph.Float64, p.Node.Shape())
	}
	a, again, b, other := run(t, draw(0, 1))[0], run(t, draw(0, 1))[0], run(t, draw(1, 1))[0], run(t, draw(0, 2))[0]
	if !slices.Equal(a, again) || slices.Equal(a, b) || slices.Equal(a, other) {
		t.Errorf("drawn: %v, again %v, by another name %v, from another seed %v", a, again, b, other)
	}
}

func TestPositions(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float64)
	v := run(t, nn.Sinusoidal(s, 3, 4), nn.Flatten(nn.Positions(s, 2, 3, 4)))
	want := []float64{0, 1, 0, 1, math.Sin(1), math.Cos(1), math.Sin(0.01), math.Cos(0.01), math.Sin(2), math.Cos(2), math.Sin(0.02), math.Cos(0.02)}
	near(t, "sinusoidal", v[0], want, 1e-15)
	var rows []float64
	for i := range 8 {
		rows = append(rows, 0.5*math.Sin(1.3*float64(i)))
	}
	near(t, "learned", v[1], rows, 1e-15)
}

// Running statistics take the part of a batch's that Momentum says, with the variance of n elements over n − 1.
func TestMomentum(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float64).Training(nil)
	nn.BatchNorm(s, graph.Constant(g, []float64{1, 10, 2, 20, 6, 30}, 3, 2), nn.Momentum(0.5))
	var next nodes
	for _, name := range []string{"running_mean", "running_var"} {
		next = append(next, s.Updated(s.State(name, nn.Zeros(), 2)))
	}
	v := run(t, next...)
	state := func(k, i int) float64 { return 0.5 * math.Sin(1.3*float64(i)+float64(k)) } // the states are inputs 2 and 3
	near(t, "mean", v[0], []float64{0.5*state(2, 0) + 0.5*3, 0.5*state(2, 1) + 0.5*20}, 1e-14)
	near(t, "variance", v[1], []float64{0.5*state(3, 0) + 0.5*7, 0.5*state(3, 1) + 0.5*100}, 1e-13)
}

// Running statistics and weights of batch normalisation without parameters, and accuracy.
func TestEvaluation(t *testing.T) {
	g := graph.New()
	logits := graph.Constant(g, []float64{1, 2, 0, 5, 1, 1, 0, 0, 3, 1, 4, 2}, 4, 3)
	labels := graph.Constant(g, []int32{1, 0, 0, 1}, 4)
	s := nn.New(g, graph.Float64)
	v := run(t, nn.Accuracy(logits, labels), nn.BatchNorm(s, logits, nn.NoScale(), nn.Epsilon(3)))
	near(t, "accuracy", v[0], []float64{0.75}, 0)
	if len(s.Parameters()) != 0 || len(s.All()) != 2 {
		t.Errorf("%d parameters and %d with states, want 0 and 2", len(s.Parameters()), len(s.All()))
	}
	mean, variance := func(c int) float64 { return 0.5 * math.Sin(1.3*float64(c)) }, func(c int) float64 { return 0.5*math.Sin(1.3*float64(c)+1) + 3 }
	var want []float64
	for i, x := range []float64{1, 2, 0, 5, 1, 1, 0, 0, 3, 1, 4, 2} {
		want = append(want, (x-mean(i%3))/math.Sqrt(variance(i%3)))
	}
	near(t, "batch norm", v[1], want, 1e-14)
}
