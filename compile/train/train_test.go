package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// quadratic is the cost of testdata/trajectories.py.
func quadratic(s *nn.Scope) *node {
	g := s.Graph()
	p := s.Parameter("p", nn.Values(1.5, -0.7, 0.25), 3)
	cast := func(n *node) *node { return graph.Cast(n, s.DType()) }
	a := cast(graph.Constant(g, []float64{3, 0.5, -0.2, 0.5, 1, 0.3, -0.2, 0.3, 0.4}, 3, 3))
	d := graph.Sub(p, cast(graph.Constant(g, []float64{0.3, -1.2, 2}, 3)))
	return graph.Mul(graph.Like(p, 0.5), graph.Sum(graph.Mul(d, graph.MatMul(a, d))))
}

// reference reads testdata/trajectories.txt: the lines of each case, and of schedules one.
func reference(t *testing.T) map[string][][]float64 {
	t.Helper()
	text, err := os.ReadFile("testdata/trajectories.txt")
	if err != nil {
		t.Fatal(err)
	}
	numbers := func(fields []string) (v []float64) {
		for _, f := range fields {
			x, err := strconv.ParseFloat(f, 64)
			if err != nil {
				t.Fatal(err)
			}
			v = append(v, x)
		}
		return v
	}
	cases, name := map[string][][]float64{}, ""
	for line := range strings.Lines(string(text)) {
		switch f := strings.Fields(line); f[0] {
		case "case":
			name = f[1]
		case "schedule":
			cases["schedule "+f[1]] = [][]float64{numbers(f[2:])}
		default:
			cases[name] = append(cases[name], numbers(f))
		}
	}
	return cases
}

var configs = map[string]train.Config{
	"sgd":                       {Optimizer: train.SGD{}, Rate: train.Constant(0.1)},
	"sgd_decay":                 {Optimizer: train.SGD{WeightDecay: 0.05}, Rate: train.Constant(0.1)},
	"sgd_momentum":              {Optimizer: train.SGD{Momentum: 0.9}, Rate: train.Constant(0.05)},
	"sgd_dampening":             {Optimizer: train.SGD{Momentum: 0.9, Dampening: 0.4, WeightDecay: 0.01}, Rate: train.Constant(0.05)},
	"sgd_nesterov":              {Optimizer: train.SGD{Momentum: 0.9, Nesterov: true}, Rate: train.Constant(0.05)},
	"adam":                      {Rate: train.Constant(0.1)},
	"adam_options":              {Optimizer: train.Adam{Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3, WeightDecay: 0.1}, Rate: train.Constant(0.1)},
	"adam_amsgrad":              {Optimizer: train.Adam{Beta2: 0.6, AMSGrad: true}, Rate: train.Constant(0.3)},
	"adamw":                     {Optimizer: train.AdamW{WeightDecay: 0.1}, Rate: train.Constant(0.1)},
	"adamw_amsgrad":             {Optimizer: train.AdamW{Beta2: 0.6, WeightDecay: 0.1, AMSGrad: true}, Rate: train.Constant(0.3)},
	"rmsprop":                   {Optimizer: train.RMSProp{}, Rate: train.Constant(0.02)},
	"rmsprop_momentum":          {Optimizer: train.RMSProp{Alpha: 0.9, Momentum: 0.7, WeightDecay: 0.1}, Rate: train.Constant(0.02)},
	"rmsprop_centered":          {Optimizer: train.RMSProp{Centered: true, Epsilon: 1e-4}, Rate: train.Constant(0.02)},
	"rmsprop_centered_momentum": {Optimizer: train.RMSProp{Centered: true, Momentum: 0.5}, Rate: train.Constant(0.02)},
	"adagrad":                   {Optimizer: train.Adagrad{}, Rate: train.Constant(0.3)},
	"adagrad_options":           {Optimizer: train.Adagrad{RateDecay: 0.1, WeightDecay: 0.1, Start: 0.5}, Rate: train.Constant(0.3)},
	"lion":                      {Optimizer: train.Lion{}, Rate: train.Constant(0.03)},
	"lion_options":              {Optimizer: train.Lion{Beta1: 0.8, Beta2: 0.9, WeightDecay: 0.2}, Rate: train.Constant(0.03)},
	"clip_norm":                 {Optimizer: train.SGD{}, Rate: train.Constant(0.1), ClipNorm: 0.5},
	"clip_value":                {Optimizer: train.SGD{}, Rate: train.Constant(0.1), ClipValue: 0.3},
	"ema":                       {Optimizer: train.SGD{}, Rate: train.Constant(0.1), Average: train.ExponentialAverage(0.9)},
	"swa":                       {Optimizer: train.SGD{}, Rate: train.Constant(0.1), Average: train.MeanOf(5, 3)},
	"scheduled":                 {Rate: train.Exponential(0.1, 0.9)},
	"schedule staircase":        {Rate: train.Staircase(0.1, 4, 0.5)},
	"schedule exponential":      {Rate: train.Exponential(0.1, 0.9)},
	"schedule linear":           {Rate: train.Linear(0.02, 0.1, 10)},
	"schedule cosine":           {Rate: train.Cosine(0.1, 0.01, 0, 20)},
	"schedule warmup":           {Rate: train.Cosine(0.1, 0.01, 5, 20)},
	"schedule one_cycle":        {Rate: train.OneCycle(0.5, 25)},
}

// Every optimiser, schedule, bound of gradients and average goes PyTorch's way, line by line.
func TestTrajectories(t *testing.T) {
	want := reference(t)
	for name := range want {
		if _, ok := configs[name]; !ok {
			t.Errorf("%s is not tried", name)
		}
	}
	for name, c := range configs {
		for dtype, tolerance := range map[graph.DType]float64{graph.Float64: 1e-12, graph.Float32: 1e-4} {
			if want[name] == nil {
				t.Fatalf("%s has no numbers", name)
			}
			g := graph.New()
			s := nn.New(g, dtype)
			tr, err := train.New(s, quadratic(s), c)
			if err != nil {
				t.Fatal(name, err)
			}
			var got [][]float64
			var rates []float64
			for range max(len(want[name]), len(want[name][0])) {
				if _, err := tr.Step(); err != nil {
					t.Fatal(err)
				}
				got, rates = append(got, floats(tr.Averages()["p"])), append(rates, tr.Rate())
			}
			if strings.HasPrefix(name, "schedule ") {
				got = [][]float64{rates}
			}
			for k, line := range want[name] {
				for i, v := range line {
					if !(math.Abs(got[k][i]-v) <= tolerance) {
						t.Fatalf("%s, %v, step %d: element %d is %v, want %v", name, dtype, k+1, i, got[k][i], v)
					}
				}
			}
		}
	}
}

func floats(a vm.Array) []float64 {
	if v, ok := a.Data.([]float64); ok {
		return v
	}
	var out []float64
	for _, v := range a.Data.([]float32) {
		out = append(out, float64(v))
	}
	return out
}

// small is a model with all that has states: dropout, batch normalisation, averages, momenta.
func small(t *testing.T, seed int64, options ...vm.Option) *train.Trainer {
	t.Helper()
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Float32, 16, 6), g.Input("y", graph.Int64, 16)
	model := func(s *nn.Scope) *node {
		h := nn.BatchNorm(s.In("norm"), nn.Linear(s.In("a"), x, 12))
		return nn.Linear(s.In("b"), nn.Dropout(s, graph.Relu(h), 0.2), 3)
	}
	logits := model(s.Training(train.Key(g, 5)))
	tr, err := train.New(s, nn.Classification(logits, y, 0), train.Config{
		Optimizer: train.AdamW{WeightDecay: 0.01}, Rate: train.Cosine(0.02, 0, 10, 200), ClipNorm: 1, Average: train.ExponentialAverage(0.95), Seed: seed,
		Metrics: map[string]*node{"accuracy": nn.Accuracy(logits, y)}, Machine: options,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// loader has examples of three classes.
func loader(workers int) *train.Loader {
	return &train.Loader{Examples: 100, Batch: 16, Seed: 3, Workers: workers, Load: func(indices []int, r *rand.Rand) (train.Batch, error) {
		var x []float32
		var y []int64
		for _, i := range indices {
			class := i % 3
			for k := range 6 {
				x = append(x, float32(math.Sin(float64(i+k)))+float32(r.NormFloat64()*0.1))
				if k == class {
					x[len(x)-1] += 2
				}
			}
			y = append(y, int64(class))
		}
		if workers > 1 { // out of order
			time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
		}
		return train.Batch{"x": x, "y": y}, nil
	}}
}

// Training learns, and gives the same bits with any number of threads and workers, and when it is saved, written to a file and resumed.
func TestResume(t *testing.T) {
	ctx := context.Background()
	whole := small(t, 1)
	first, last := 0.0, 0.0
	steps, epochs := 0, 0
	err := whole.Fit(ctx, 12, loader(1).Epoch, func(e *train.Event) error {
		if e.End {
			epochs++
			if last = e.Loss; e.Epoch == 0 {
				first = e.Loss
			}
		} else {
			steps++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	accuracy, ok := whole.Metric("accuracy")
	if last > first/3 || accuracy < 0.8 || !ok {
		t.Errorf("the loss went from %v to %v, the accuracy is %v", first, last, accuracy)
	}
	if steps != 72 || epochs != 12 || whole.Steps() != 72 || whole.GradientNorm() <= 0 {
		t.Errorf("%d steps in %d epochs, %d counted, norm %v", steps, epochs, whole.Steps(), whole.GradientNorm())
	}

	threads := small(t, 1, vm.WithThreads(1), vm.WithoutNative())
	if err := threads.Fit(ctx, 12, loader(5).Epoch); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole.State(), threads.State()); diff != "" {
		t.Errorf("another number of threads or workers: %s", diff)
	}

	path := filepath.Join(t.TempDir(), "state.npz")
	half := small(t, 1)
	if err := half.Fit(ctx, 5, loader(2).Epoch); err != nil {
		t.Fatal(err)
	}
	if err := half.State().Save(path); err != nil {
		t.Fatal(err)
	}
	state, err := train.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(half.State(), state); diff != "" {
		t.Errorf("the file: %s", diff)
	}
	other := small(t, 2)
	if err := other.Restore(state); err != nil {
		t.Fatal(err)
	}
	l := loader(2)
	later := func(ctx context.Context, epoch int) iter.Seq2[train.Batch, error] { return l.Epoch(ctx, epoch+5) }
	if err := other.Fit(ctx, 7, later); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole.State(), other.State()); diff != "" {
		t.Errorf("resumed: %s", diff)
	}
	if diff := cmp.Diff(whole.Averages(), other.Averages()); diff != "" || cmp.Equal(whole.Averages(), whole.Values()) {
		t.Errorf("averages: %s", diff)
	}
}

// Everything that training changes lies in the machine's memory, as a program says before it runs, and is updated in place but for scalars.
func TestStepsAreInPlace(t *testing.T) {
	tr := small(t, 1)
	p := tr.Machine().Program()
	for _, s := range p.Inputs() {
		if s.Update > 0 && p.Outputs()[s.Update-1].Ref != s.Ref && len(s.Shape) > 0 {
			t.Errorf("%s is copied", s.Name)
		}
	}
}

// A model that was trained predicts with another size of batch, in evaluation.
func TestPredict(t *testing.T) {
	tr := small(t, 1)
	if err := tr.Fit(context.Background(), 10, loader(1).Epoch); err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x := g.Input("x", graph.Float32, 3, 6)
	h := nn.BatchNorm(s.In("norm"), nn.Linear(s.In("a"), x, 12))
	logits := nn.Linear(s.In("b"), nn.Dropout(s, graph.Relu(h), 0.2), 3)
	p, err := compile.Config{Names: []string{"class"}}.Compile(graph.Argmax(logits, 1))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	if err := tr.Averages().Fill(m); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		m.Float32("x")[i*6+i] = 2
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	if got := m.Int64("class"); !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("the classes are %v", got)
	}
}

// Parts of a batch give the gradient of the whole.
func TestAccumulate(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float64)
	x, y := g.Input("x", graph.Float64, 12, 5), g.Input("y", graph.Float64, 12, 2)
	f := func(b []*node) *node { return graph.MSE(graph.Tanh(nn.Linear(s.In("a"), b[0], 2)), b[1]) }
	loss, gradients, err := train.Accumulate(s, 4, nodes{x, y}, f)
	if err != nil {
		t.Fatal(err)
	}
	whole := f(nodes{x, y})
	want, err := compile.Gradient(whole, s.Parameters()...)
	if err != nil {
		t.Fatal(err)
	}
	both := append(append(nodes{loss}, gradients...), append(nodes{whole}, want...)...)
	p, err := compile.Compile(both...)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for _, in := range g.Inputs() {
		for i := range in.Shape().Size() {
			m.Float64(in.Name())[i] = math.Sin(float64(i) * 1.7)
		}
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	for k := range 3 {
		for i, v := range m.OutputFloat64(k) {
			if w := m.OutputFloat64(k + 3)[i]; math.Abs(v-w) > 1e-15 {
				t.Errorf("output %d, element %d is %v, want %v", k, i, v, w)
			}
		}
	}
	tr, err := train.New(s, loss, train.Config{Gradients: gradients})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "y"} {
		for i := range tr.Machine().Float64(name) {
			tr.Machine().Float64(name)[i] = math.Sin(float64(i))
		}
	}
	before := 0.0
	for k := range 50 {
		if v, err := tr.Step(); err != nil || k > 0 && v >= before {
			t.Fatalf("step %d: the loss goes from %v to %v, %v", k, before, v, err)
		}
		before = tr.Loss()
	}
}

// Fit ends between steps when it is cancelled or stopped, and with the errors of loaders, losses and inputs.
func TestFitEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	tr := small(t, 1)
	err := tr.Fit(ctx, 10, loader(3).Epoch, func(e *train.Event) error {
		if e.Epoch == 1 && e.Step == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || tr.Steps() != 9 {
		t.Errorf("cancelled: %v after %d steps, want 9", err, tr.Steps())
	}
	ctx = context.Background()
	if err := tr.Fit(ctx, 10, loader(3).Epoch, func(e *train.Event) error {
		if e.End {
			return train.ErrStop
		}
		return nil
	}); err != nil || tr.Steps() != 15 {
		t.Errorf("stopped: %v after %d steps, want 15", err, tr.Steps())
	}
	if err := tr.Fit(ctx, 1, func(context.Context, int) iter.Seq2[train.Batch, error] { return nil }); err == nil || !strings.Contains(err.Error(), "no batches of epoch 0") {
		t.Errorf("without batches: %v", err)
	}
	broken := errors.New("no data")
	l := loader(2)
	l.Load = func([]int, *rand.Rand) (train.Batch, error) { return nil, broken }
	if err := tr.Fit(ctx, 1, l.Epoch); !errors.Is(err, broken) {
		t.Errorf("the loader's error is %v", err)
	}
	for want, b := range map[string]train.Batch{
		"no input [z]":     {"z": []float32{1}},
		"input \"x\"":      {"x": []float64{1}},
		"input \"y\"":      {"y": []int64{1}},
		"the loss is NaN":  {"x": slices.Repeat([]float32{float32(math.NaN())}, 96)},
		"index":            {"x": make([]float32, 96), "y": slices.Repeat([]int64{9}, 16)},
		"of type []string": nil,
	} {
		if b == nil {
			if err := (train.Values{"a": {Data: []string{"b"}}}).Write(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, want %q", err, want)
			}
			continue
		}
		tr := small(t, 1)
		tr.Set("x", make([]float32, 96))
		tr.Set("y", make([]int64, 16))
		err := tr.Fit(ctx, 1, func(context.Context, int) iter.Seq2[train.Batch, error] {
			return func(yield func(train.Batch, error) bool) { yield(b, nil) }
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	if err := tr.Restore(train.Values{}); err == nil {
		t.Error("an empty state is taken")
	}
}

func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(s *nn.Scope, loss *node) (*node, train.Config){
		"not a node of the scope's graph": func(s *nn.Scope, loss *node) (*node, train.Config) { return graph.New().Const(1), train.Config{} },
		"2 gradients for 1": func(s *nn.Scope, loss *node) (*node, train.Config) {
			return loss, train.Config{Gradients: nodes{loss, loss}}
		},
		"clipped": func(s *nn.Scope, loss *node) (*node, train.Config) { return loss, train.Config{ClipNorm: -1} },
		"the metric \"m\"": func(s *nn.Scope, loss *node) (*node, train.Config) {
			return loss, train.Config{Metrics: map[string]*node{"m": s.Parameters()[0]}}
		},
		"scalar": func(s *nn.Scope, loss *node) (*node, train.Config) { return s.Parameters()[0], train.Config{} },
	} {
		s := nn.New(graph.New(), graph.Float64)
		loss, c := f(s, quadratic(s))
		if _, err := train.New(s, loss, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	s := nn.New(graph.New(), graph.Float64)
	if _, err := train.New(s, s.Graph().Const(1), train.Config{}); err == nil || !strings.Contains(err.Error(), "no parameters") {
		t.Errorf("the error is %v", err)
	}
}

// Files of values are those that NumPy writes (testdata/values.py), and damaged ones are errors.
func TestValuesFiles(t *testing.T) {
	v, err := train.Load("testdata/values.npz")
	if err != nil {
		t.Fatal(err)
	}
	want := train.Values{
		"a/weight": {Shape: []int{2, 3}, Data: []float32{0, 0.5, 1, 1.5, 2, 2.5}},
		"b":        {Data: []int64{-7}},
		"c":        {Shape: []int{2}, Data: []bool{true, false}},
		"d":        {Shape: []int{1}, Data: []float64{math.Pi}},
		"e":        {Shape: []int{2}, Data: []int32{1, 1 << 30}},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	var b bytes.Buffer
	if err := v.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := train.ReadValues(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 { // no panic, whatever the bytes are
		data := bytes.Clone(b.Bytes())
		for range 1 + r.IntN(4) {
			data[r.IntN(len(data))] = byte(r.Uint32())
		}
		_, _ = train.ReadValues(bytes.NewReader(data), int64(len(data)))
	}
	for k := range b.Len() {
		if _, err := train.ReadValues(bytes.NewReader(b.Bytes()[:k]), int64(k)); err == nil {
			t.Fatalf("the first %d bytes are taken for a file", k)
		}
	}
}

// A loader gives each example once an epoch, in another order in each, and ends when nobody asks any more.
func TestLoader(t *testing.T) {
	l := &train.Loader{Examples: 23, Batch: 5, Seed: 9, Workers: 3, Load: func(indices []int, _ *rand.Rand) (train.Batch, error) {
		return train.Batch{"i": slices.Clone(indices)}, nil
	}}
	collect := func(epoch int) (all []int) {
		for b, err := range l.Epoch(context.Background(), epoch) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b["i"].([]int)...)
		}
		return all
	}
	a, again, b := collect(0), collect(0), collect(1)
	if len(a) != 20 || l.Steps() != 4 || !slices.Equal(a, again) || slices.Equal(a, b) {
		t.Errorf("%v, again %v, then %v", a, again, b)
	}
	seen := slices.Compact(slices.Sorted(slices.Values(a)))
	if len(seen) != 20 {
		t.Errorf("%d different examples", len(seen))
	}
	l.InOrder = true
	if a := collect(0); !slices.IsSorted(a) {
		t.Errorf("in order: %v", a)
	}
	for b, err := range l.Epoch(context.Background(), 0) {
		if err != nil || len(b) != 1 {
			t.Fatal(err)
		}
		break // all goroutines end, or this would hang
	}
	for _, err := range (&train.Loader{Examples: 3, Batch: 5}).Epoch(context.Background(), 0) {
		if err == nil || !strings.Contains(fmt.Sprint(err), "3 examples in batches of 5") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestLoadNoValues(t *testing.T) {
	for _, name := range []string{"some.npz", "some.safetensors"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("hello world\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := train.Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Error(err)
		}
	}
}
