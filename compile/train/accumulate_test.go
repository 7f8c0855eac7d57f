package train_test

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
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
