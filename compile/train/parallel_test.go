package train_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// meeting adds what all ranks bring, and gives it to all.
type meeting struct {
	ranks   int
	mutex   sync.Mutex
	all     *sync.Cond
	arrived int
	total   *shard.Partial
	err     error
}

func (m *meeting) reduce(_ context.Context, _ int64, p *shard.Partial) (*shard.Partial, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.arrived == 0 {
		m.total, m.err = &shard.Partial{}, nil
	}
	if err := m.total.Merge(p); err != nil {
		m.err = err
	}
	total := m.total
	if m.arrived++; m.arrived == m.ranks {
		m.arrived = 0
		m.all.Broadcast()
	} else {
		for m.arrived != 0 && m.total == total {
			m.all.Wait()
		}
	}
	var copied shard.Partial // Values carries digits
	if err := copied.Merge(total); err != nil {
		return nil, err
	}
	return &copied, m.err
}

const parallelBlock = 8

func parallelOn(m *meeting) (*train.Parallel, error) {
	if m.all == nil {
		m.all = sync.NewCond(&m.mutex)
	}
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y, w := g.Input("x", graph.Float32, parallelBlock, 3), g.Input("y", graph.Float32, parallelBlock), g.Input("w", graph.Float32, parallelBlock)
	h := graph.Tanh(nn.Linear(s.In("hidden"), x, 16))
	out := graph.Reshape(nn.Linear(s.In("out"), h, 1), parallelBlock)
	loss := graph.Sum(graph.Mul(w, graph.Square(graph.Sub(out, y))))
	return train.NewParallel(s, loss, train.ParallelConfig{Config: train.Config{Seed: 3, ClipNorm: 1, Rate: train.Constant(0.01)}, Rows: []string{"x", "y"}, Weight: "w", Reduce: m.reduce})
}

// Ranks have the same bits, and so has any number of them.
func TestParallel(t *testing.T) {
	const rows, steps = 60, 30
	source := shard.Generator(rows, func(_ context.Context, from int, into map[string]vm.Array) error {
		x, y := into["x"].Data.([]float32), into["y"].Data.([]float32)
		for i := range y {
			for k := range 3 {
				x[3*i+k] = float32(math.Sin(float64((from + i) * (k + 1))))
			}
			y[i] = x[3*i]*x[3*i+1] + 0.5*x[3*i+2]
		}
		return nil
	})
	var first train.Values
	for _, ranks := range []int{1, 2, 3} {
		m := &meeting{ranks: ranks}
		m.all = sync.NewCond(&m.mutex)
		values, losses := make([]train.Values, ranks), make([][]float64, ranks)
		var all sync.WaitGroup
		for rank, r := range shard.Split(rows, parallelBlock, ranks) {
			p, err := parallelOn(m)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				for range steps {
					loss, err := p.Step(context.Background(), source, r)
					if err != nil {
						t.Error(err)
						return
					}
					losses[rank] = append(losses[rank], loss)
				}
				values[rank] = p.Values()
			})
		}
		all.Wait()
		for rank, v := range values {
			if first == nil {
				first = v
			}
			for name, want := range first {
				a, b := v[name].Data.([]float32), want.Data.([]float32)
				for i := range b {
					if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
						t.Fatalf("%d ranks: rank %d has %v in %s, where one rank has %v", ranks, rank, a[i], name, b[i])
					}
				}
			}
			if l := losses[rank]; !(l[steps-1] < 0.7*l[0]) {
				t.Errorf("the loss goes from %v to %v", l[0], l[steps-1])
			}
		}
	}
}

func TestParallelMistakes(t *testing.T) {
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, extra := g.Input("x", graph.Float32, 4, 3), g.Input("extra", graph.Float32)
	loss := graph.Sum(graph.Mul(extra, nn.Linear(s, x, 1)))
	for want, c := range map[string]train.ParallelConfig{
		"no input has rows": {},
		`input "extra"`:     {Rows: []string{"x"}},
		"neither metrics":   {Config: train.Config{Metrics: map[string]*graph.Node{"a": loss}}, Rows: []string{"x"}},
	} {
		if _, err := train.NewParallel(s, loss, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	g = graph.New()
	s = nn.New(g, graph.Float32)
	x = g.Input("x", graph.Float32, 4, 3)
	y := nn.BatchNorm(s.Training(train.Key(g, 1)), x)
	if _, err := train.NewParallel(s, graph.Sum(y), train.ParallelConfig{Rows: []string{"x"}}); err == nil || !strings.Contains(err.Error(), "updates its state") {
		t.Error(err)
	}
	if _, err := (*train.Parallel)(nil).Step(context.Background(), nil, shard.Range{}); err == nil {
		t.Error("there is no trainer")
	}
}
