package train_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

// largestLiveSet is the most bytes of a block that hold a value which is read later, or is a result, at the instruction where these are most: what no plan for this order of instructions can do without. Values lie at the
// places that the plan gave them; what shares a place counts once.
func largestLiveSet(c *vm.Code, b *vm.Block) int64 {
	type span struct{ lo, hi int64 }
	spans := func(list []vm.Operand) (out []span) {
		for _, o := range list {
			if o.Space == 0 {
				out = append(out, span{o.Offset, o.Offset + int64(o.Size()*o.DType.Size())})
			}
		}
		return out
	}
	var bounds []int64
	note := func(list []span) {
		for _, s := range list {
			bounds = append(bounds, s.lo, s.hi)
		}
	}
	slots := func(list []vm.Slot, used bool) (out []span) {
		for _, s := range list {
			if s.Space == 0 && (s.Used || !used) {
				out = append(out, spans([]vm.Operand{{Type: s.Type, Ref: s.Ref}})...)
			}
		}
		return out
	}
	fixed := append(slots(b.Inputs, false), span{b.ConstOffset, b.ConstOffset + int64(len(b.Const))}) // always there
	outputs := slots(b.Outputs, true)
	note(fixed)
	note(outputs)
	type effect struct{ in, out []span }
	effects := make([]effect, len(b.Instrs))
	for i := range b.Instrs {
		x := &b.Instrs[i]
		e := effect{spans(x.In), spans(x.Out)}
		if s := x.Straight; s != nil { // cells of 4 bytes; those behind the temporaries are results
			for _, m := range s.Code {
				cell := func(k uint32) span { return span{4 * int64(k), 4*int64(k) + 8} }
				e.out = append(e.out, cell(m.Dst))
			}
			e.out = append(e.out, span{4 * int64(s.TempLo), 4 * int64(s.TempHi)})
		}
		if x.Call != nil {
			e.out = append(e.out, span{x.Call.Frame, x.Call.Frame + c.FrameBytes(x.Call)})
		}
		note(e.in)
		note(e.out)
		effects[i] = e
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	live := make([]bool, len(bounds))
	set := func(live []bool, list []span, v bool) {
		for _, s := range list {
			lo, _ := slices.BinarySearch(bounds, s.lo)
			hi, _ := slices.BinarySearch(bounds, s.hi)
			for k := lo; k < hi; k++ {
				live[k] = v
			}
		}
	}
	set(live, outputs, true)
	most := int64(0)
	for i := len(effects) - 1; i >= 0; i-- {
		at := slices.Clone(live)
		set(at, effects[i].out, true)
		set(at, effects[i].in, true)
		set(at, fixed, true)
		sum := int64(0)
		for k, v := range at {
			if v {
				sum += bounds[k+1] - bounds[k]
			}
		}
		most = max(most, sum)
		set(live, effects[i].out, false)
		set(live, effects[i].in, true)
	}
	return most
}

// The memory of a step is stated before it runs, and is at most a tenth more than the largest set of values that are needed at once.
func TestMemory(t *testing.T) {
	for name, f := range map[string]func(s *nn.Scope) *node{
		"lenet": func(s *nn.Scope) *node {
			g := s.Graph()
			h := graph.Tanh(nn.Conv(s.In("conv0"), g.Input("x", graph.Float32, 64, 1, 28, 28), 6, []int{5, 5}, graph.Window{Padding: []int{2, 2, 2, 2}}))
			h = graph.AvgPool(h, []int{2, 2}, graph.Window{}, false)
			h = graph.AvgPool(graph.Tanh(nn.Conv(s.In("conv1"), h, 16, []int{5, 5}, graph.Window{})), []int{2, 2}, graph.Window{}, false)
			h = graph.Tanh(nn.Linear(s.In("a"), nn.Flatten(h), 120))
			h = graph.Tanh(nn.Linear(s.In("b"), h, 84))
			return nn.Classification(nn.Linear(s.In("c"), h, 10), g.Input("y", graph.Int64, 64), 0)
		},
		"transformer": func(s *nn.Scope) *node {
			h := s.Graph().Input("x", graph.Float32, 4, 128, 256)
			for i := range 4 {
				b := s.In(fmt.Sprint("block", i))
				h = graph.Add(h, nn.MultiHeadAttention(b.In("attention"), nn.LayerNorm(b.In("norm0"), h, 1), 4, nn.AttentionOptions{Causal: true}))
				h = graph.Add(h, nn.Linear(b.In("feed1"), graph.GeluTanh(nn.Linear(b.In("feed0"), nn.LayerNorm(b.In("norm1"), h, 1), 1024)), 256))
			}
			return graph.Mean(graph.Square(h))
		},
		"lstm": func(s *nn.Scope) *node {
			y, _, _ := nn.LSTM(s, s.Graph().Input("x", graph.Float32, 200, 32, 64), 128, nn.RecurrentOptions{})
			return graph.Mean(graph.Square(y))
		},
		"vae": func(s *nn.Scope) *node {
			x := s.Graph().Input("x", graph.Float32, 50, 64)
			h := graph.Relu(nn.Linear(s.In("hidden"), x, 128))
			mean, variance := nn.Linear(s.In("mean"), h, 8), nn.Linear(s.In("variance"), h, 8)
			z := graph.Add(mean, graph.Mul(graph.RandomNormal(train.Key(s.Graph(), 1), graph.Float32, 50, 8), graph.Exp(variance)))
			y := nn.Linear(s.In("out"), graph.Relu(nn.Linear(s.In("decoder"), z, 128)), 64)
			return graph.Add(graph.Mean(graph.SigmoidCrossEntropy(y, x)), nn.GaussianKL(mean, variance))
		},
		"mlp": func(s *nn.Scope) *node {
			h := graph.Relu(nn.Linear(s.In("hidden"), s.Graph().Input("x", graph.Float32, 64, 784), 128))
			return nn.Classification(nn.Linear(s.In("out"), h, 10), s.Graph().Input("y", graph.Int64, 64), 0)
		},
		"gru": func(s *nn.Scope) *node {
			y, _ := nn.GRU(s, s.Graph().Input("x", graph.Float32, 100, 32, 64), 128, nn.RecurrentOptions{})
			return graph.Mean(graph.Square(y))
		},
		"normalised convolutions": func(s *nn.Scope) *node {
			in := s.Training(nil)
			h := s.Graph().Input("x", graph.Float32, 32, 3, 24, 24)
			for i, filters := range []int{8, 16, 16} {
				b := in.In(fmt.Sprint("block", i))
				h = graph.Relu(nn.BatchNorm(b.In("norm"), nn.Conv(b.In("conv"), h, filters, []int{3, 3}, graph.Window{Padding: []int{1, 1, 1, 1}})))
				h, _ = graph.MaxPool(h, []int{2, 2}, graph.Window{Strides: []int{2, 2}})
			}
			return nn.Classification(nn.Linear(in.In("out"), nn.Flatten(h), 10), s.Graph().Input("y", graph.Int64, 32), 0)
		},
		"characters": func(s *nn.Scope) *node {
			x := s.Graph().Input("x", graph.Int64, 8, 64)
			h := nn.Embedding(s.In("embedding"), x, 60, 64)
			for i := range 2 {
				b := s.In(fmt.Sprint("block", i))
				h = graph.Add(h, nn.MultiHeadAttention(b.In("attention"), nn.LayerNorm(b.In("norm0"), h, 1), 4, nn.AttentionOptions{Causal: true}))
				h = graph.Add(h, nn.Linear(b.In("feed1"), graph.GeluTanh(nn.Linear(b.In("feed0"), nn.LayerNorm(b.In("norm1"), h, 1), 256)), 64))
			}
			logits := graph.Reshape(nn.Linear(s.In("out"), h, 60), 8*64, 60)
			return nn.Classification(logits, s.Graph().Input("y", graph.Int64, 8*64), 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := nn.New(graph.New(), graph.Float32)
			var before, after runtime.MemStats
			tr, err := train.New(s, f(s), train.Config{Machine: []vm.Option{vm.WithThreads(2), vm.WithoutNative()}})
			if err != nil {
				t.Fatal(err)
			}
			p := tr.Machine().Program()
			c := p.Code()
			least := largestLiveSet(c, &c.Block)
			stated := p.MemoryBytes(vm.WithThreads(2), vm.WithoutNative())
			ratio := float64(p.ArenaBytes()) / float64(least)
			t.Logf("arena %.2f MB, largest live set %.2f MB, ratio %.3f; stated %.2f MB", float64(p.ArenaBytes())/1e6, float64(least)/1e6, ratio, float64(stated)/1e6)
			if ratio > 1.1 {
				t.Errorf("the plan takes %.3f times the largest live set", ratio)
			}
			runtime.GC()
			runtime.ReadMemStats(&before)
			m := vm.NewMachine(p, vm.WithThreads(2), vm.WithoutNative())
			for _, in := range p.Inputs() { // views of all inputs
				switch in.DType {
				case graph.Float32:
					m.Float32(in.Name)
				case graph.Int64:
					m.Int64(in.Name)
				}
			}
			for range 3 {
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			taken := int64(after.HeapAlloc) - int64(before.HeapAlloc)
			bound := stated
			for _, in := range p.Inputs() { // the machine's own copies of large inputs, which Run would bind
				if in.Space != 0 {
					bound += int64(in.Size()*in.DType.Size()) + 1<<15
				}
			}
			t.Logf("taken %.2f MB of %.2f MB", float64(taken)/1e6, float64(bound)/1e6)
			if taken > bound || m.MemoryBytes() > bound {
				t.Errorf("the machine takes %d bytes, and says %d, of %d", taken, m.MemoryBytes(), bound)
			}
			runtime.KeepAlive(m)
		})
	}
}

// With less memory, steps of training compute values once more, and have the same bits.
func TestMemoryLimit(t *testing.T) {
	trainer := func(limit int64) *train.Trainer {
		g := graph.New()
		s := nn.New(g, graph.Float32)
		h := g.Input("x", graph.Float32, 2048, 32)
		in := s.Training(train.Key(g, 1))
		for i := range 6 {
			b := in.In(fmt.Sprint("layer", i))
			h = nn.Dropout(b, graph.Silu(nn.BatchNorm(b.In("norm"), nn.Linear(b.In("linear"), h, 32))), 0.1)
		}
		tr, err := train.New(s, graph.Mean(graph.Square(h)), train.Config{Compile: compile.Config{MemoryLimit: limit, Verify: true}})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 2048*32)
		for i := range x {
			x[i] = float32(i%17) - 8
		}
		if err := tr.Set("x", x); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := tr.Step(); err != nil {
				t.Fatal(err)
			}
		}
		return tr
	}
	whole := trainer(0)
	p := whole.Machine().Program()
	limit := p.MemoryBytes(vm.WithThreads(1), vm.WithoutNative()) - p.ArenaBytes()/4
	part := trainer(limit)
	q := part.Machine().Program()
	if q.ArenaBytes() >= p.ArenaBytes() || q.Work() <= p.Work() {
		t.Errorf("an arena of %d bytes of %d, work %v of %v", q.ArenaBytes(), p.ArenaBytes(), q.Work(), p.Work())
	}
	t.Logf("an arena of %d bytes of %d, work %v of %v", q.ArenaBytes(), p.ArenaBytes(), q.Work(), p.Work())
	if diff := cmp.Diff(whole.State(), part.State()); diff != "" {
		t.Error(diff)
	}
}
