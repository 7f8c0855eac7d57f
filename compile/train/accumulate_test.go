package train_test

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

// sines are n elements as testdata/accumulate.py has them.
func sines(n int, a float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Sin(a*float64(i) + 0.5)
	}
	return v
}

// Each part of a batch updates the running statistics of a normalisation by batches, in turn, as in PyTorch.
func TestAccumulateStates(t *testing.T) {
	text, err := os.ReadFile("testdata/accumulate.txt")
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	s := nn.New(g, graph.Float64)
	in := s.Training(nil)
	batch := nodes{g.Input("x", graph.Float64, 12, 5), g.Input("y", graph.Float64, 12, 3)}
	loss, gradients, err := train.Accumulate(s, 4, batch, func(b []*node) *node {
		w := in.Parameter("linear", nn.Values(sines(15, 0.7)...), 3, 5)
		return graph.MSE(graph.Tanh(nn.BatchNorm(in.In("norm"), graph.MatMul(b[0], graph.Transpose(w)))), b[1])
	})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := train.New(s, loss, train.Config{Gradients: gradients, Optimizer: train.SGD{Momentum: 0.9}, Rate: train.Constant(0.1)})
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for line := range strings.Lines(string(text)) {
		step := float64(tr.Steps())
		copy(tr.Machine().Float64("x"), sines(60, 1.7+step))
		copy(tr.Machine().Float64("y"), sines(36, 0.9+step))
		loss, err := tr.Step()
		if err != nil {
			t.Fatal(err)
		}
		got := []float64{loss}
		for _, name := range []string{"norm/weight", "norm/bias", "norm/running_mean", "norm/running_var", "linear"} {
			got = append(got, floats(tr.Values()[name])...)
		}
		for i, field := range strings.Fields(line) {
			want, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			if compared++; !(math.Abs(got[i]-want) <= 1e-12) {
				t.Errorf("step %v: number %d is %v, want %v", step, i, got[i], want)
			}
		}
	}
	if compared != 5*28 {
		t.Errorf("%d numbers are compared", compared)
	}
}

// Each part of a batch draws random numbers of its own.
func TestAccumulateDraws(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float64)
	in := s.Training(train.Key(g, 3))
	const n = 1000
	_, gradients, err := train.Accumulate(s, 2, nodes{g.Input("x", graph.Float64, 2, n)}, func(b []*node) *node {
		w := in.Parameter("w", nn.Values(sines(n, 1)...), n)
		return graph.Sum(nn.Dropout(in, graph.Mul(b[0], w), 0.5))
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(gradients...)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for i := range m.Float64("x") {
		m.Float64("x")[i] = 1
	}
	for _, in := range p.Inputs() {
		if in.DType == graph.Int64 {
			m.Int64(in.Name)[0] = 5
		}
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	once := 0
	for _, d := range m.OutputFloat64(0) {
		if d == 1 { // kept in one part, 2, over two parts
			once++
		}
	}
	if once < 400 || once > 600 {
		t.Errorf("%d of %d elements are kept in one part of two: masks are not independent", once, n)
	}
}
