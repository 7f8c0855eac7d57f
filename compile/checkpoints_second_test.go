package compile_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// twice returns the derivatives of the sum of the squares of the cost's derivatives: reverse sweeps over reverse sweeps.
func twice(t *testing.T, g *graph.Graph, cost *graph.Node, wrt []*graph.Node) []*graph.Node {
	t.Helper()
	sum := g.Const(0)
	for _, d := range grad(t, cost, wrt...) {
		sum = graph.Add(sum, graph.Cast(graph.Sum(graph.Square(d)), graph.Float64))
	}
	return append(grad(t, sum, wrt...), sum)
}

// The states of reverse sweeps, of scans and of while loops, are kept as those of other loops where a reverse sweep over them asks for it.
func TestCheckpointsOfReverseSweeps(t *testing.T) {
	kinds := map[string]int{}
	keeps := []compile.Checkpoints{{States: 1}, {States: 2}, {States: 7}, {States: 1000}, {Every: 1}, {Every: 4}, {Bytes: 200}, {States: 3, Mixed: true}}
	count := func(p *vm.Program) {
		for _, in := range p.Code().Instrs {
			if in.Op != vm.OpCall || in.Call.Sweep == nil {
				continue
			}
			switch s := in.Call.Sweep; {
			case s.Online:
				kinds["online"]++
			case s.Counted:
				kinds["counted"]++
			default:
				kinds["scan"]++
			}
		}
	}
	const limit = 40
	steps := []int{0, 1, 2, 3, 10, 37, limit, 5}
	for name, build := range whileCases {
		var want [][]uint64
		for k, keep := range append([]compile.Checkpoints{{}}, keeps...) {
			g := graph.New()
			cost, wrt := build(g, limit, g.Input("n", graph.Int64))
			p, err := compile.Config{Checkpoints: keep, Verify: true}.Compile(twice(t, g, cost, wrt)...)
			if err != nil {
				t.Fatalf("%s, %+v: %v", name, keep, err)
			}
			count(p)
			for _, opts := range [][]vm.Option{nil, {vm.WithoutNative(), vm.WithThreads(1)}} {
				got := bitsOfSteps(t, p, steps, opts...)
				if want == nil {
					want = got
				}
				for i := range steps {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("%s, %+v, %d steps: other bits than with all states kept", name, keep, steps[i])
					}
				}
			}
			if k == 0 && len(want[4]) == 0 {
				t.Fatal("no values")
			}
		}
	}
	for _, name := range []string{"scalars", "arrays", "reverse", "float32"} {
		var want []float64
		var all int64
		for _, keep := range append([]compile.Checkpoints{{}}, keeps...) {
			g := graph.New()
			cost, wrt := loopCases[name](g, 100)
			p, err := compile.Config{Checkpoints: keep, Verify: true}.Compile(twice(t, g, cost, wrt)...)
			if err != nil {
				t.Fatalf("%s, %+v: %v", name, keep, err)
			}
			count(p)
			m := vm.NewMachine(p)
			for _, s := range p.Inputs() {
				for i := range s.Size() {
					v := math.Sin(float64(3*i+len(s.Name))) * 0.75
					if s.DType == graph.Float32 {
						m.Float32(s.Name)[i] = float32(v)
					} else {
						m.Float64(s.Name)[i] = v
					}
				}
			}
			var got []float64
			for range 2 {
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
			}
			for i, s := range p.Outputs() {
				if s.DType == graph.Float64 {
					got = append(got, m.OutputFloat64(i)...)
				}
			}
			if want == nil {
				want, all = got, p.ArenaBytes()
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %+v: other values than with all states kept", name, keep)
			}
			if keep.States == 2 && p.ArenaBytes() >= all {
				t.Errorf("%s, %+v: %d bytes, %d with all states kept", name, keep, p.ArenaBytes(), all)
			}
		}
	}
	if kinds["online"] < 20 || kinds["scan"] < 10 {
		t.Errorf("sweeps over loops of a kind: %v", kinds)
	}
	t.Log(kinds)
}

// What a while loop stores of each step is not cleared beyond the steps where only its reverse sweep reads it; else it is 0 there, though a longer run was before.
func TestElementsBeyondTheSteps(t *testing.T) {
	for name, c := range map[string]struct {
		outputs func(x, steps *graph.Node) list
		unread  bool
	}{
		"read by the sweep":  {func(x, y *graph.Node) list { return grad(t, y, x) }, true},
		"an output too":      {func(x, y *graph.Node) list { return append(grad(t, y, x), states(y)) }, false},
		"read by others too": {func(x, y *graph.Node) list { return append(grad(t, y, x), graph.Sum(states(y))) }, false},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		final, _ := counting(20, g.Input("n", graph.Int64), list{x}, func(c list) list { return list{graph.Exp(graph.Sin(c[0]))} })
		out := c.outputs(x, final[0])
		p := must[*vm.Program](t)(compile.Compile(out...))
		unread := false
		for _, in := range p.Code().Instrs {
			unread = unread || in.Call != nil && in.Call.While != nil && in.Call.While.Unread
		}
		if unread != c.unread {
			t.Errorf("%s: unread is %v", name, unread)
		}
		again := bitsOfSteps(t, p, []int{20, 3, 17, 0, 5})
		for k, n := range []int{20, 3, 17, 0, 5} {
			if fresh := bitsOfSteps(t, p, []int{n}); !slices.Equal(fresh[0], again[k]) {
				t.Errorf("%s: %d steps behind others have other bits", name, n)
			}
		}
	}
}

// states is what went into each step of the loop that y is a result of.
func states(y *graph.Node) *graph.Node {
	of, _, _ := graph.ResultOf(y)
	bodies := graph.Bodies(of)
	return graph.EachStep(of, bodies[1].Params()[len(bodies[1].Params())-2])
}

// Sweeps in turn over one scan, of which one needs the other's result, each have a run of the scan of their own where few states are kept, so that memory does not grow with the steps. Values at each step that are asked
// for are stored, and the sweeps share them.
func TestSweepsInTurnOverAScan(t *testing.T) {
	for name, c := range map[string]struct {
		of    func(y *graph.Node, ys list, x, w *graph.Node) list
		scans int // with those that keep no states
	}{
		"one after the other": {func(y *graph.Node, _ list, x, w *graph.Node) list {
			d := grad(t, graph.Sum(y), x)
			return append(d, must[list](t)(compile.VJP(list{y}, list{x, w}, d))...)
		}, 2},
		"two at once": {func(y *graph.Node, _ list, x, w *graph.Node) list {
			return append(grad(t, graph.Sum(y), x), grad(t, graph.Sum(graph.Square(y)), w)...)
		}, 1},
		"the gradient times JᵀJ": {func(y *graph.Node, _ list, x, w *graph.Node) list {
			d := grad(t, graph.Sum(graph.Square(y)), x)
			return must[list](t)(compile.VJP(list{y}, list{x}, must[list](t)(compile.JVP(list{y}, list{x}, d))))
		}, 3},
		"states asked for": {func(y *graph.Node, ys list, x, w *graph.Node) list {
			d := grad(t, graph.Sum(y), x)
			return append(append(d, must[list](t)(compile.VJP(list{y}, list{x, w}, d))...), ys...)
		}, 3},
	} {
		build := func(steps int, keep compile.Checkpoints) *vm.Program {
			g := graph.New()
			x, w := g.Input("x", graph.Float64, 40), g.Input("w", graph.Float64)
			final, ys := graph.Scan(steps, list{x}, nil, func(c, _ list) (next, ys list) {
				if name == "states asked for" {
					ys = c
				}
				return list{graph.Sin(graph.Mul(c[0], graph.Add(w, graph.Sum(c[0]))))}, ys
			})
			return must[*vm.Program](t)(compile.Config{Checkpoints: keep}.Compile(c.of(final[0], ys, x, w)...))
		}
		values := func(p *vm.Program) (all []float64) {
			m := vm.NewMachine(p)
			for i := range m.Float64("x") {
				m.Float64("x")[i] = math.Sin(float64(i))
			}
			m.Float64("w")[0] = 0.9
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			for i := range p.Outputs() {
				all = append(all, m.OutputFloat64(i)...)
			}
			return all
		}
		few := build(30, compile.Checkpoints{States: 3})
		if got, want := values(few), values(build(30, compile.Checkpoints{})); !slices.Equal(got, want) {
			t.Errorf("%s: other bits", name)
		}
		scans := 0
		for _, in := range few.Code().Instrs {
			if in.Call != nil && in.Call.Scan != nil {
				scans++
			}
		}
		if scans != c.scans {
			t.Errorf("%s: %d scans, want %d", name, scans, c.scans)
		}
		if short, long := few.ArenaBytes(), build(3000, compile.Checkpoints{States: 3}).ArenaBytes(); name != "states asked for" && long != short {
			t.Errorf("%s: %d bytes for 30 steps and %d for 3000", name, short, long)
		}
	}
}
