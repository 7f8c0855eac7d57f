package compile_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// What reverse scans read has the bits that they would compute: without the pass, and with checkpoints, which store nothing but states, gradients and products with a Hessian are the same. The bodies are
// random sums, products and functions of arrays, which round once or twice.
func TestRandomResidualsChangeNoBit(t *testing.T) {
	const steps, n = 7, 11
	stored, once := 0, 0
	for seed := range *loopSeeds {
		r := rand.New(rand.NewPCG(seed, 5))
		g := graph.New()
		h, k, w, xs := g.Input("h", graph.Float64, n), g.Input("k", graph.Float64, n), g.Input("w", graph.Float64, 3, n), g.Input("xs", graph.Float64, steps, n)
		final, _ := graph.Scan(steps, []*graph.Node{h, k}, []*graph.Node{xs}, func(c, x []*graph.Node) (next, ys []*graph.Node) {
			pool := []*graph.Node{c[0], c[1], x[0], graph.Index(w, 0), graph.Index(w, 1), graph.Index(w, 2)}
			pick := func() *graph.Node { return pool[r.IntN(len(pool))] }
			for range 5 + r.IntN(15) {
				var y *graph.Node
				switch r.IntN(10) {
				case 0, 1, 2:
					y = graph.Add(graph.Mul(pick(), pick()), pick())
				case 3:
					y = graph.Add(pick(), pick())
				case 4:
					y = graph.Mul(pick(), pick())
				case 5:
					y = graph.Sub(pick(), graph.Mul(pick(), pick()))
				case 6:
					y = graph.Add(graph.Square(pick()), graph.Mul(pick(), pick().Mul(0.5)))
				case 7:
					y = graph.Sin(pick())
				case 8:
					y = graph.Sigmoid(pick())
				case 9:
					y = graph.Tanh(pick())
				}
				pool = append(pool, y)
			}
			last := len(pool) - 1
			return []*graph.Node{graph.Tanh(pool[last]), graph.Sin(graph.Add(pool[last-1], pool[last-2]))}, nil
		})
		cost := graph.Sum(graph.Mul(final[0], final[1]))
		d := grad(t, cost, h, k, w)
		hvp, err := compile.JVP(d, []*graph.Node{w}, nil)
		if err != nil {
			t.Fatal(err)
		}
		outputs := append(append([]*graph.Node{cost}, d...), hvp...)
		f, err := compile.Fired(compile.Config{}, outputs...)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		stored, once = stored+f["residual"], once+f["round-once"]
		var want [][]float64
		for _, c := range []compile.Config{{}, {Disable: []string{"residuals"}}, {Checkpoints: compile.Checkpoints{States: 2}}, {Checkpoints: compile.Checkpoints{States: 2, Mixed: true}}} {
			p, err := testkit.Compile(c, outputs...)
			if err != nil {
				t.Fatalf("seed %d, %+v: %v", seed, c, err)
			}
			m := vm.NewMachine(p, vm.WithThreads(1))
			values := rand.New(rand.NewPCG(seed, 6))
			for _, in := range p.Inputs() {
				x := m.Float64(in.Name)
				for i := range x {
					x[i] = values.NormFloat64()
				}
			}
			if err := m.Step(); err != nil {
				t.Fatalf("seed %d, %+v: %v", seed, c, err)
			}
			for i := range outputs {
				got := m.OutputFloat64(i)
				if len(want) <= i {
					want = append(want, append([]float64(nil), got...))
				}
				for k := range got {
					if math.Float64bits(got[k]) != math.Float64bits(want[i][k]) {
						t.Errorf("seed %d, %+v: output %d at %d: %v, want %v", seed, c, i, k, got[k], want[i][k])
						break
					}
				}
			}
		}
	}
	t.Logf("%d values stored, %d sums round once", stored, once)
	if stored < int(*loopSeeds) || once < int(*loopSeeds) {
		t.Error("too few")
	}
}
