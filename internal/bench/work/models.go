package work

import (
	"math"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("mlp", "float32", func() (*protocol.Item, error) { return mlp(compile.Config{}) })
	register("mlp.separate", "float32", func() (*protocol.Item, error) { return mlp(compile.Config{Disable: []string{"epilogue"}}) })
	register("transformer", "float32", transformer)
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
	vm, err := machineBy(m.config, info, loss.Named(valueName))
	if err != nil {
		return nil, err
	}
	for name, values := range m.data {
		if err := fill(vm, name, values); err != nil {
			return nil, err
		}
	}
	for i, p := range m.parameters {
		if err := fill(vm, p.Name(), m.start[i]); err != nil {
			return nil, err
		}
	}
	var check []float64
	for range 3 {
		if err := vm.Step(); err != nil {
			return nil, err
		}
		check = append(check, float64(vm.Float32(valueName)[0]))
	}
	return &protocol.Item{Run: steps(vm), Check: check, Info: info, Profile: func() ([]protocol.Cost, error) { return profile(vm) }}, nil
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

// transformer has 4 blocks that normalise first: causal attention with 4 heads, then a layer of
// inner width 1024 with gelu; the loss is the mean of the squared outputs.
func transformer() (*protocol.Item, error) {
	const batch, tokens, width, heads, inner, blocks = 4, 128, 256, 4, 1024, 4
	const head = width / heads
	start := time.Now()
	m := newModel()
	x := m.input("x", wave32(batch*tokens*width, 1, 0.19), batch, tokens, width)

	causal := make([]bool, tokens*tokens)
	for i := range tokens {
		for j := range i + 1 {
			causal[i*tokens+j] = true
		}
	}
	mask := graph.Constant(m.g, causal, tokens, tokens)
	norm := func(x, gain, shift *graph.Node) *graph.Node {
		centred := graph.Sub(x, graph.ReduceMean(x, []int{2}, graph.KeepDims))
		variance := graph.ReduceMean(graph.Square(centred), []int{2}, graph.KeepDims)
		scaled := graph.Mul(centred, graph.Rsqrt(graph.Add(variance, m.constant(1e-5))))
		return graph.Add(graph.Mul(scaled, gain), shift)
	}
	// The approximation of gelu by tanh (Hendrycks and Gimpel 2016).
	gelu := func(x *graph.Node) *graph.Node {
		cubic := graph.Mul(m.constant(0.044715), graph.Mul(x, graph.Square(x)))
		t := graph.Tanh(graph.Mul(m.constant(math.Sqrt(2/math.Pi)), graph.Add(x, cubic)))
		return graph.Mul(graph.Mul(m.constant(0.5), x), graph.Add(m.constant(1), t))
	}
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

		qkv := graph.Transpose(graph.Reshape(graph.MatMul(norm(x, g1, b1), wqkv), batch, tokens, 3, heads, head), 2, 0, 3, 1, 4)
		q, k, v := graph.Index(qkv, 0), graph.Index(qkv, 1), graph.Index(qkv, 2) // batch×heads×tokens×head
		scores := graph.Mul(graph.MatMul(q, graph.Transpose(k, 0, 1, 3, 2)), m.constant(1/math.Sqrt(head)))
		attention := graph.Softmax(graph.Where(mask, scores, m.constant(math.Inf(-1))), 3)
		mixed := graph.Reshape(graph.Transpose(graph.MatMul(attention, v), 0, 2, 1, 3), batch, tokens, width)
		x = graph.Add(x, graph.MatMul(mixed, wo))
		x = graph.Add(x, graph.Add(graph.MatMul(gelu(graph.Add(graph.MatMul(norm(x, g2, b2), w1), c1)), w2), c2))
	}
	return m.train(start, graph.Mean(graph.Square(x)))
}
