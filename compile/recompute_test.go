package compile_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

// recomputed are models, and which part of their memory they can do with.
var recomputed = map[string]struct {
	loss  func(s *nn.Scope) *graph.Node
	part  float64 // of the arena without a limit
	times float64 // the most work, of that without a limit
}{
	"mlp": {func(s *nn.Scope) *graph.Node {
		h := s.Graph().Input("x", graph.Float32, 2048, 64)
		for i := range 12 {
			h = graph.Tanh(nn.Linear(s.In(fmt.Sprint("layer", i)), h, 64))
		}
		return graph.Mean(graph.Square(h))
	}, 0.5, 1.6},
	"cnn": {func(s *nn.Scope) *graph.Node {
		h := s.Graph().Input("x", graph.Float32, 64, 1, 24, 24)
		for i := range 4 {
			b := s.In(fmt.Sprint("block", i))
			h = nn.Conv(b, h, 8, []int{3, 3}, graph.Window{Padding: []int{1, 1, 1, 1}})
			h = graph.Gelu(nn.GroupNorm(b.In("norm"), h, 2))
		}
		h, _ = graph.MaxPool(h, []int{2, 2}, graph.Window{Strides: []int{2, 2}})
		return nn.Classification(nn.Linear(s.In("out"), nn.Flatten(h), 10), s.Graph().Input("y", graph.Int64, 64), 0)
	}, 0.5, 1.2},
	"transformer": {func(s *nn.Scope) *graph.Node {
		h := s.Graph().Input("x", graph.Float32, 4, 128, 64)
		for i := range 4 {
			b := s.In(fmt.Sprint("block", i))
			h = graph.Add(h, nn.MultiHeadAttention(b.In("attention"), nn.LayerNorm(b.In("norm0"), h, 1), 4, nn.AttentionOptions{Causal: true}))
			h = graph.Add(h, nn.Linear(b.In("feed1"), graph.GeluTanh(nn.Linear(b.In("feed0"), nn.LayerNorm(b.In("norm1"), h, 1), 256)), 64))
		}
		return graph.Mean(graph.Square(h))
	}, 0.5, 1.2},
}

// With a memory limit values are computed once more, and no bit changes. What cannot be kept within is refused, with what was reached.
func TestRecompute(t *testing.T) {
	for name, c := range recomputed {
		t.Run(name, func(t *testing.T) {
			s := nn.New(graph.New(), graph.Float32)
			loss := c.loss(s)
			d, err := compile.Gradient(loss, s.Parameters()...)
			if err != nil {
				t.Fatal(err)
			}
			outputs := append([]*graph.Node{loss}, d...)
			p, err := compile.Compile(outputs...)
			if err != nil {
				t.Fatal(err)
			}
			options := []vm.Option{vm.WithThreads(1), vm.WithoutNative()}
			whole := p.MemoryBytes(options...)
			limit := whole - int64((1-c.part)*float64(p.ArenaBytes()))
			q, err := compile.Config{MemoryLimit: limit, Verify: true}.Compile(outputs...)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("arena %d of %d, memory %d of %d, work %.3f, instructions %d of %d", q.ArenaBytes(), p.ArenaBytes(), q.MemoryBytes(options...), whole, q.Work()/p.Work(), len(q.Code().Instrs), len(p.Code().Instrs))
			if q.MemoryBytes(options...) > limit || q.Work() > c.times*p.Work() || q.Work() < p.Work() {
				t.Errorf("%d bytes of %d, %v times the work", q.MemoryBytes(options...), limit, q.Work()/p.Work())
			}
			if !sameBits(run(t, p), run(t, q)) {
				t.Error("other bits")
			}
			if !testing.Short() {
				fast := compile.Config{FastMath: true}
				if p, err = fast.Compile(outputs...); err != nil {
					t.Fatal(err)
				}
				fast.MemoryLimit, fast.Verify = p.MemoryBytes(options...)*3/4, true
				if q, err = fast.Compile(outputs...); err != nil {
					t.Fatal(err)
				}
				if !sameBits(run(t, p), run(t, q)) {
					t.Error("other bits with fast math")
				}
			}
			_, err = compile.Config{MemoryLimit: limit / 100}.Compile(outputs...)
			var least, most int64
			if _, bad := fmt.Sscanf(err.Error(), "compile: memory limit exceeded: the program needs %d bytes of %d", &least, &most); bad != nil || !errors.Is(err, vm.ErrMemoryLimit) || most != limit/100 || least >= limit {
				t.Error(err)
			}
			if _, err = (compile.Config{MemoryLimit: least + least/10}).Compile(outputs...); err != nil {
				t.Error(err)
			}
			if _, err = (compile.Config{MemoryLimit: limit, Disable: []string{"recompute"}}).Compile(outputs...); !errors.Is(err, vm.ErrMemoryLimit) {
				t.Error(err)
			}
		})
	}
}

// run runs a program on some numbers.
func run(t *testing.T, p *vm.Program) (out []vm.Array) {
	t.Helper()
	inputs := map[string]any{}
	for i, in := range p.Inputs() {
		n := in.Size()
		switch in.DType {
		case graph.Float32:
			v := make([]float32, n)
			for k := range v {
				v[k] = float32(math.Sin(float64(k*(i+1))+float64(i))) / float32(1+i%3)
			}
			inputs[in.Name] = v
		default:
			v := make([]int64, n)
			for k := range v {
				v[k] = int64(k % 7)
			}
			inputs[in.Name] = v
		}
	}
	out, err := vm.NewMachine(p).Call(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameBits(a, b []vm.Array) bool {
	for i := range a {
		x, y := a[i].Float64s(), b[i].Float64s()
		for k := range x {
			if math.Float64bits(x[k]) != math.Float64bits(y[k]) {
				return false
			}
		}
	}
	return len(a) == len(b) && len(a) > 0
}
