package work

import (
	"math"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
	"github.com/adjoint-go/adjoint/vm"
)

func init() {
	register("mlp", "float32", func() (*protocol.Item, error) { return mlp(compile.Config{}) })
	register("mlp.separate", "float32", func() (*protocol.Item, error) { return mlp(compile.Config{Disable: []string{"epilogue"}}) })
	register("lenet", "float32", lenet)
	register("transformer", "float32", transformer)
	register("lstm", "float32", func() (*protocol.Item, error) { return recurrent(true) })
	register("gru", "float32", func() (*protocol.Item, error) { return recurrent(false) })
	register("small", "float32", small)
}

// rate is the models' step of gradient descent.
const rate = 0.01

// model is a model in float32: parameters with their start values and fixed data.
type model struct {
	config     compile.Config
	g          *graph.Graph
	parameters []*graph.Node
	start      [][]float32
	data       map[string][]float32
}

func newModel() *model { return &model{g: graph.New(), data: map[string][]float32{}} }

// parameter adds a trained input.
func (m *model) parameter(name string, start []float32, shape ...int) *graph.Node {
	p := m.g.Input(name, graph.Float32, shape...)
	m.parameters = append(m.parameters, p)
	m.start = append(m.start, start)
	return p
}

// input adds an input that stays the same.
func (m *model) input(name string, values []float32, shape ...int) *graph.Node {
	m.data[name] = values
	return m.g.Input(name, graph.Float32, shape...)
}

func (m *model) constant(v float64) *graph.Node { return m.g.Scalar(graph.Float32, v) }

// train prepares steps of gradient descent on the loss, which update the parameters in place.
func (m *model) train(start time.Time, loss *graph.Node) (*protocol.Item, error) {
	info := map[string]float64{"build": time.Since(start).Seconds()}
	start = time.Now()
	gradients, err := compile.Gradient(loss, m.parameters...)
	if err != nil {
		return nil, err
	}
	for i, p := range m.parameters {
		m.config.Updates = append(m.config.Updates, compile.Update{Input: p, Value: graph.Sub(p, graph.Mul(m.constant(rate), gradients[i]))})
	}
	info["gradient"] = time.Since(start).Seconds()
	machine, err := machineBy(m.config, info, loss.Named(valueName))
	if err != nil {
		return nil, err
	}
	for name, values := range m.data {
		if err := fill(machine, name, values); err != nil {
			return nil, err
		}
	}
	for i, p := range m.parameters {
		if err := fill(machine, p.Name(), m.start[i]); err != nil {
			return nil, err
		}
	}
	var check []float64
	for range 3 {
		if err := machine.Step(); err != nil {
			return nil, err
		}
		check = append(check, float64(machine.Float32(valueName)[0]))
	}
	return &protocol.Item{Run: steps(machine), Check: check, Info: info, Profile: func() ([]protocol.Cost, error) { return profile(machine) }}, nil
}

func wave32(n int, scale, freq float64) []float32 { return inputs.Wave[float32](n, scale, freq, 0.1) }

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// crossEntropy is the mean over the rows of logits, whose labels are row number modulo 10.
func (m *model) crossEntropy(logits *graph.Node, rows int) *graph.Node {
	oneHot := make([]float32, rows*10)
	for i := range rows {
		oneHot[i*10+i%10] = 1
	}
	picked := graph.Mul(graph.Constant(m.g, oneHot, rows, 10), graph.LogSoftmax(logits, 1))
	return graph.Mul(m.constant(-1/float64(rows)), graph.Sum(picked))
}

// mlp is 784-128-10 with relu and batch 64.
func mlp(c compile.Config) (*protocol.Item, error) {
	const batch, in, hidden, out = 64, 784, 128, 10
	start := time.Now()
	m := newModel()
	m.config = c
	x := m.input("x", wave32(batch*in, 1, 0.17), batch, in)
	w1 := m.parameter("w1", wave32(in*hidden, 0.05, 0.31), in, hidden)
	b1 := m.parameter("b1", make([]float32, hidden), hidden)
	w2 := m.parameter("w2", wave32(hidden*out, 0.1, 0.53), hidden, out)
	b2 := m.parameter("b2", make([]float32, out), out)
	h := graph.Relu(graph.Add(graph.MatMul(x, w1), b1))
	return m.train(start, m.crossEntropy(graph.Add(graph.MatMul(h, w2), b2), batch))
}

// lenet is LeNet-5 on 28×28 images with tanh, average pooling and batch 64.
func lenet() (*protocol.Item, error) {
	const batch = 64
	start := time.Now()
	m := newModel()
	x := m.input("x", wave32(batch*28*28, 1, 0.13), batch, 1, 28, 28)
	layer := func(x *graph.Node, name string, in, out, padding int, scale, freq float64) *graph.Node {
		k := m.parameter("k"+name, wave32(out*in*25, scale, freq), out, in, 5, 5)
		c := m.parameter("c"+name, make([]float32, out), out)
		y := graph.Conv(x, k, graph.Window{Padding: []int{padding, padding, padding, padding}})
		return graph.AvgPool(graph.Tanh(graph.Add(y, graph.Reshape(c, out, 1, 1))), []int{2, 2}, graph.Window{}, false)
	}
	dense := func(x *graph.Node, name string, in, out int, scale, freq float64) *graph.Node {
		w := m.parameter("w"+name, wave32(in*out, scale, freq), in, out)
		return graph.Add(graph.MatMul(x, w), m.parameter("b"+name, make([]float32, out), out))
	}
	h := layer(layer(x, "1", 1, 6, 2, 0.2, 0.31), "2", 6, 16, 0, 0.1, 0.37)
	h = graph.Tanh(dense(graph.Reshape(h, batch, 400), "1", 400, 120, 0.06, 0.41))
	h = graph.Tanh(dense(h, "2", 120, 84, 0.1, 0.43))
	return m.train(start, m.crossEntropy(dense(h, "3", 84, 10, 0.1, 0.47), batch))
}

// recurrent is an LSTM or a GRU over 1000 steps, batch 32, 64 inputs, 128 units: the mean of its squared outputs, and the norms of the gradients for its parameters.
func recurrent(lstm bool) (*protocol.Item, error) {
	const steps, batch, in, hidden = 1000, 32, 64, 128
	start := time.Now()
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x := g.Input("x", graph.Float32, steps, batch, in)
	var y *graph.Node
	if lstm {
		y, _, _ = nn.LSTM(s, x, hidden, nn.RecurrentOptions{})
	} else {
		y, _ = nn.GRU(s, x, hidden, nn.RecurrentOptions{})
	}
	m, info, err := valueAndGradient(start, graph.Mean(graph.Square(y)), s.Parameters()...)
	if err != nil {
		return nil, err
	}
	for i := range m.Float32("x") {
		t, b, k := i/(batch*in), i/in%batch, i%in
		m.Float32("x")[i] = float32(math.Sin(0.01*float64(t) + 0.3*float64(b) + 0.05*float64(k)))
	}
	for name, f := range map[string]func(i int) float64{
		"weight_ih_l0": func(i int) float64 { return 0.08 * math.Sin(1+1.3*float64(i/in)+0.7*float64(i%in)) },
		"weight_hh_l0": func(i int) float64 { return 0.08 * math.Cos(0.5+0.9*float64(i/hidden)+1.1*float64(i%hidden)) },
		"bias_ih_l0":   func(i int) float64 { return 0.1 * math.Sin(float64(i)) },
		"bias_hh_l0":   func(i int) float64 { return 0.1 * math.Cos(float64(i)) },
	} {
		v := m.Float32(name)
		for i := range v {
			v[i] = float32(f(i))
		}
	}
	return item(m, info, func() []float64 {
		check := []float64{float64(m.Float32(valueName)[0])}
		for _, p := range s.Parameters() {
			sum := 0.0
			for _, v := range m.Float32(gradientName(p.Name())) {
				sum += float64(v) * float64(v)
			}
			check = append(check, math.Sqrt(sum))
		}
		return check
	})
}

// small is 2-64-64-2 with tanh, batch 64 and steps of Adam.
func small() (*protocol.Item, error) {
	const batch = 64
	start := time.Now()
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Float32, batch, 2), g.Input("y", graph.Int64, batch)
	wave := func(scale, freq float64, n int) nn.Option {
		v := make([]float64, n)
		for i, x := range wave32(n, scale, freq) {
			v[i] = float64(x)
		}
		return nn.WeightInit(nn.Values(v...))
	}
	zero := nn.BiasInit(nn.Zeros())
	h := graph.Tanh(nn.Linear(s.In("1"), x, 64, wave(0.5, 0.31, 128), zero))
	h = graph.Tanh(nn.Linear(s.In("2"), h, 64, wave(0.1, 0.37, 4096), zero))
	loss := nn.Classification(nn.Linear(s.In("3"), h, 2, wave(0.1, 0.41, 128), zero), y, 0)
	// Training that has converged has subnormal gradients and moments, which processors take ten times as long over; fast-math takes them as 0, as JAX does.
	t, err := train.New(s, loss, train.Config{Compile: compile.Config{FastMath: true}, Machine: []vm.Option{vm.WithNativeAhead()}})
	if err != nil {
		return nil, err
	}
	info := map[string]float64{"function": time.Since(start).Seconds()}
	m := t.Machine()
	copy(m.Float32("x"), wave32(batch*2, 1, 0.17))
	for i := range m.Int64("y") {
		m.Int64("y")[i] = int64(i % 2)
	}
	var check []float64
	for range 3 {
		loss, err := t.Step()
		if err != nil {
			return nil, err
		}
		check = append(check, loss)
	}
	return &protocol.Item{Run: steps(m), Check: check, Info: info, Profile: func() ([]protocol.Cost, error) { return profile(m) }}, nil
}

// transformer has 4 blocks that normalise first: causal attention with 4 heads, then a layer of
// inner width 1024 with gelu; the loss is the mean of the squared outputs.
func transformer() (*protocol.Item, error) {
	const batch, tokens, width, heads, inner, blocks = 4, 128, 256, 4, 1024, 4
	const head = width / heads
	start := time.Now()
	m := newModel()
	x := m.input("x", wave32(batch*tokens*width, 1, 0.19), batch, tokens, width)

	for i := range blocks {
		name := func(s string) string { return s + string(rune('0'+i)) }
		offset := 0.01 * float64(i)
		g1 := m.parameter(name("g1_"), ones(width), width)
		b1 := m.parameter(name("b1_"), make([]float32, width), width)
		wqkv := m.parameter(name("wqkv_"), wave32(width*3*width, 0.05, 0.31+offset), width, 3*width)
		wo := m.parameter(name("wo_"), wave32(width*width, 0.05, 0.33+offset), width, width)
		g2 := m.parameter(name("g2_"), ones(width), width)
		b2 := m.parameter(name("b2_"), make([]float32, width), width)
		w1 := m.parameter(name("w1_"), wave32(width*inner, 0.05, 0.35+offset), width, inner)
		c1 := m.parameter(name("c1_"), make([]float32, inner), inner)
		w2 := m.parameter(name("w2_"), wave32(inner*width, 0.03, 0.37+offset), inner, width)
		c2 := m.parameter(name("c2_"), make([]float32, width), width)

		h := graph.LayerNorm(x, g1, b1, []int{2}, 1e-5)
		qkv := graph.Transpose(graph.Reshape(graph.MatMul(h, wqkv), batch, tokens, 3, heads, head), 2, 0, 3, 1, 4)
		mixed := graph.Attention(graph.Index(qkv, 0), graph.Index(qkv, 1), graph.Index(qkv, 2), graph.AttentionOptions{Causal: true})
		x = graph.Add(x, graph.MatMul(graph.Reshape(graph.Transpose(mixed, 0, 2, 1, 3), batch, tokens, width), wo))
		h = graph.LayerNorm(x, g2, b2, []int{2}, 1e-5)
		x = graph.Add(x, graph.Add(graph.MatMul(graph.GeluTanh(graph.Add(graph.MatMul(h, w1), c1)), w2), c2))
	}
	return m.train(start, graph.Mean(graph.Square(x)))
}
