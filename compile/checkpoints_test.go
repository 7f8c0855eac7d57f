package compile_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// loopCases are costs with a scan whose gradient reads all of its states, by name.
var loopCases = map[string]func(g *graph.Graph, steps int) (cost *graph.Node, wrt []*graph.Node){
	"scalars": func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
		final, ys := graph.Scan(steps, []*graph.Node{x, g.Const(0)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			h := graph.Tanh(graph.Mul(c[0], w))
			return []*graph.Node{h, graph.Add(c[1], graph.Square(h))}, []*graph.Node{graph.Sin(h)}
		})
		return graph.Add(graph.Mul(final[0], final[1]), graph.Sum(ys[0])), []*graph.Node{x, w}
	},
	"arrays": func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		x, w, u := g.Input("x", graph.Float64, 700), g.Input("w", graph.Float64, 700), g.Input("u", graph.Float64, steps, 700)
		final, _ := graph.Scan(steps, []*graph.Node{x}, []*graph.Node{u}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Sin(graph.Add(graph.Mul(c[0], w), graph.Mul(graph.Cumsum(e[0], 0), g.Const(0.01))))}, nil
		})
		return graph.Sum(graph.Square(final[0])), []*graph.Node{x, w, u}
	},
	"reverse": func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		x, u := g.Input("x", graph.Float64, 3), g.Input("u", graph.Float64, steps, 3)
		k := g.Scalar(graph.Int64, 0)
		final, ys := graph.Scan(steps, []*graph.Node{x, k}, []*graph.Node{u}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
			y := graph.Sin(graph.Add(graph.Mul(c[0], e[0]), graph.Cast(c[1], graph.Float64)))
			return []*graph.Node{y, graph.Add(c[1], graph.Like(c[1], 1))}, []*graph.Node{graph.Sum(y)}
		}, graph.Reverse)
		return graph.Add(graph.Sum(final[0]), graph.Sum(graph.Square(ys[0]))), []*graph.Node{x, u}
	},
	"float32": func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		x, u := g.Input("x", graph.Float32), g.Input("u", graph.Float32, steps)
		final, _ := graph.Scan(steps, []*graph.Node{x}, []*graph.Node{u}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Tanh(graph.Add(graph.Mul(c[0], e[0]), e[0]))}, nil
		})
		return graph.Cast(graph.Square(final[0]), graph.Float64), []*graph.Node{x, u}
	},
}

func runLoop(t *testing.T, c compile.Config, name string, steps int, opts ...vm.Option) (p *vm.Program, bits []uint64) {
	t.Helper()
	g := graph.New()
	cost, wrt := loopCases[name](g, steps)
	out := append(grad(t, cost, wrt...), cost)
	p, err := c.Compile(out...)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p, opts...)
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
	for range 3 {
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
	}
	outs, err := m.Run()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range p.Outputs() {
		for k := range s.Size() {
			switch d := outs[i].Data().(type) {
			case []float64:
				bits = append(bits, math.Float64bits(d[k]))
			case []float32:
				bits = append(bits, uint64(math.Float32bits(d[k])))
			case float64:
				bits = append(bits, math.Float64bits(d))
			case float32:
				bits = append(bits, uint64(math.Float32bits(d)))
			}
		}
	}
	return p, bits
}

// Results have the same bits whatever states are kept.
func TestCheckpointsChangeNoBit(t *testing.T) {
	sweeps, runs := 0, 0
	for _, name := range []string{"scalars", "arrays", "reverse", "float32"} {
		for _, steps := range []int{1, 2, 3, 10, 37, 200} {
			_, want := runLoop(t, compile.Config{Disable: []string{"unroll"}}, name, steps)
			for _, c := range []compile.Checkpoints{{States: 1}, {States: 2}, {States: 3}, {States: 7}, {States: 1000}, {Every: 1}, {Every: 4}, {Every: 15}, {Every: 1000}, {Bytes: 1}, {Bytes: 200}, {Bytes: 40000}} {
				options := [][]vm.Option{nil, {vm.WithoutNative()}, {vm.WithThreads(1)}}
				if testing.Short() {
					options = options[:1]
				}
				for _, opts := range options {
					p, got := runLoop(t, compile.Config{Checkpoints: c, Disable: []string{"unroll"}}, name, steps, opts...)
					runs++
					for _, in := range p.Code().Instrs {
						if in.Op == vm.OpCall && in.Call.Sweep != nil {
							sweeps++
						}
					}
					if len(got) != len(want) || len(got) == 0 {
						t.Fatalf("%d values of %d", len(got), len(want))
					}
					for i := range got {
						if got[i] != want[i] {
							t.Errorf("%s, %d steps, %+v: value %d is %x, with all states kept %x", name, steps, c, i, got[i], want[i])
							break
						}
					}
				}
			}
		}
	}
	share := 1 // of the three machines of a schedule, one is tried in short runs
	if testing.Short() {
		share = 3
	}
	if runs < 800/share || sweeps < 400/share {
		t.Errorf("%d runs, %d sweeps", runs, sweeps)
	}
}

// With 50 states kept, 1e4 steps on 40 variables take little more than 50 states, a step back, and the inputs and results: nothing grows with the steps. One more state is at hand, and
// the last one of the loop becomes the first adjoint; of scalars, both lie beside one another.
func TestMemoryOfCheckpoints(t *testing.T) {
	const n, kept = 40, 50
	for _, scalars := range []bool{true, false} {
		var all int64
		for _, steps := range []int{10_000, 100_000} {
			g := graph.New()
			x := g.Input("x", graph.Float64, n)
			init := []*graph.Node{x}
			step := func(c []*graph.Node) []*graph.Node { // Lorenz-96 by Euler's method
				rolled := func(k int) *graph.Node { return graph.Roll(c[0], k, 0) }
				d := graph.Add(graph.Sub(graph.Mul(graph.Sub(rolled(-1), rolled(2)), rolled(1)), c[0]), g.Const(8))
				return []*graph.Node{graph.Add(c[0], graph.Mul(g.Const(1e-4), d))}
			}
			if scalars {
				init = nil
				for i := range n {
					init = append(init, graph.Index(x, i))
				}
				step = func(c []*graph.Node) (next []*graph.Node) {
					for i := range n {
						d := graph.Add(graph.Sub(graph.Mul(graph.Sub(c[(i+1)%n], c[(i+n-2)%n]), c[(i+n-1)%n]), c[i]), g.Const(8))
						next = append(next, graph.Add(c[i], graph.Mul(g.Const(1e-4), d)))
					}
					return next
				}
			}
			final, _ := graph.Scan(steps, init, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) { return step(c), nil })
			y := graph.Sum(graph.Square(final[0]))
			for _, f := range final[1:] {
				y = graph.Add(y, graph.Square(f))
			}
			p, err := compile.Config{Checkpoints: compile.Checkpoints{States: kept}}.Compile(append(grad(t, y, x), y)...)
			if err != nil {
				t.Fatal(err)
			}
			back := int64(0)
			for _, b := range p.Code().Blocks {
				back = max(back, b.ArenaBytes)
			}
			least := int64((kept+2)*n*8+8) + back
			if got := p.ArenaBytes(); got > least+least/20 {
				t.Errorf("scalars %v: %d bytes, %d of states, a step, an input and results: more than 5 %% above", scalars, got, least)
			} else {
				t.Logf("scalars %v: %.2f %% above", scalars, 100*float64(got-least)/float64(least))
			}
			if all == 0 {
				all = p.ArenaBytes()
			} else if p.ArenaBytes() != all {
				t.Errorf("scalars %v: %d bytes for %d steps, %d for a tenth", scalars, p.ArenaBytes(), steps, all)
			}
		}
	}
}

// A graph with reverse sweeps, as the passes leave it, can be written, read and compiled.
func TestSweepsAsText(t *testing.T) {
	for name, keep := range map[string]compile.Checkpoints{"arrays": {States: 4}, "gated": {States: 4, Mixed: true}} {
		sweepAsText(t, name, keep)
	}
}

func sweepAsText(t *testing.T, name string, keep compile.Checkpoints) {
	g := graph.New()
	cost, wrt := loopCases[name](g, 30)
	out := append(grad(t, cost, wrt...), cost)
	stages, err := compile.Config{Checkpoints: keep}.Stages(out...)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, s := range stages {
		if s.Pass != "checkpoints" {
			continue
		}
		found = true
		var outputs []*graph.Node
		for _, k := range s.Outputs {
			outputs = append(outputs, s.Nodes[k].Node)
		}
		var text bytes.Buffer
		if err := graph.Format(&text, outputs...); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text.Bytes(), []byte("reverse_sweep")) || bytes.Contains(text.Bytes(), []byte("recorded")) != keep.Mixed {
			t.Fatalf("no sweep in\n%s", &text)
		}
		_, again, err := graph.Parse(text.Bytes(), "sweep.cg")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []compile.Config{{}, {Unoptimized: true}, {Checkpoints: compile.Checkpoints{States: 2}}} {
			p, err := c.Compile(again...)
			if err != nil {
				t.Errorf("%s, %+v: %v", name, c, err)
				continue
			}
			data := must[[]byte](t)(p.MarshalBinary())
			if q, err := vm.ParseText(p.Text()); err != nil || !bytes.Equal(must[[]byte](t)(q.MarshalBinary()), data) {
				t.Errorf("%s: another program from its text: %v", name, err)
			}
			if q, err := vm.Decode(data); err != nil || q.Text() != p.Text() {
				t.Errorf("%s: another program from its bytes: %v", name, err)
			}
		}
	}
	if !found {
		t.Error("no stage of the pass checkpoints")
	}
}

// Sweeps that lie about themselves are refused, or touch nothing but their memory.
func TestSweepsThatLie(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	refused, ran := 0, 0
	programs := map[string]*vm.Program{}
	for name, keep := range map[string]compile.Checkpoints{"scalars": {States: 3}, "arrays": {Every: 4}, "reverse": {States: 2}, "float32": {States: 5}, "gated": {States: 3, Mixed: true}, "reverse recurrent": {States: 4, Mixed: true}} {
		programs[name], _ = runLoop(t, compile.Config{Checkpoints: keep, Disable: []string{"unroll"}}, name, 20)
	}
	for name, limit := range map[string]int{"scalars": graph.NoLimit, "arrays": 1000, "float32": huge} {
		g := graph.New()
		cost, wrt := whileCases[name](g, limit, g.Input("n", graph.Int64))
		programs["while, "+name] = must[*vm.Program](t)(compile.Config{Checkpoints: compile.Checkpoints{States: 3}}.Compile(append(grad(t, cost, wrt...), cost)...))
	}
	for _, name := range []string{"scalars", "float32"} {
		g := graph.New()
		cost, wrt := whileCases[name](g, 30, g.Input("n", graph.Int64))
		programs["twice, "+name] = must[*vm.Program](t)(compile.Config{Checkpoints: compile.Checkpoints{States: 3}}.Compile(twice(t, g, cost, wrt)...))
	}
	for name, p := range programs {
		for range 600 {
			c := p.Code()
			var numbers []*int
			for i := range c.Instrs {
				in := &c.Instrs[i]
				if in.Call == nil {
					continue
				}
				if s := in.Call.Scan; s != nil && s.Snapshots != nil {
					numbers = append(numbers, &s.Snapshots.Slots, &s.Snapshots.Every, &s.Snapshots.Recorded, &s.Length, &s.Carries, &s.Captured)
				}
				if w := in.Call.While; w != nil && w.Snapshots != nil {
					numbers = append(numbers, &w.Snapshots.Slots, &w.Snapshots.Every, &w.Snapshots.Recorded, &w.Limit, &w.Carries, &w.Captured)
				}
				if s := in.Call.Sweep; s != nil {
					if random.IntN(20) == 0 {
						s.Counted = !s.Counted
					}
					if random.IntN(20) == 0 {
						s.Online = !s.Online
					}
					numbers = append(numbers, &s.Forward, &s.Body, &s.Length, &s.ForwardCaptured, &s.States, &s.Captured, &s.Carries, &s.Schedule.Slots, &s.Schedule.Every, &s.Schedule.Recorded)
					for k := range s.Sources {
						numbers = append(numbers, &s.Sources[k])
					}
				}
				for _, list := range [][]vm.Operand{in.In, in.Out} {
					for k := range list {
						if len(list[k].Shape) > 0 {
							numbers = append(numbers, &list[k].Shape[0])
						}
					}
				}
				if random.IntN(8) == 0 {
					in.Call.Frame += int64(random.IntN(5)-2) * 64
				}
			}
			if len(numbers) == 0 {
				t.Fatal(name, ": no sweep")
			}
			for range 1 + random.IntN(2) {
				n := numbers[random.IntN(len(numbers))]
				switch random.IntN(4) {
				case 0:
					*n += random.IntN(5) - 2
				case 1:
					*n = random.IntN(25) - 1
				case 2:
					*n = math.MaxInt - random.IntN(3)
				default:
					*n = -1 - random.IntN(2)
				}
			}
			q, err := vm.NewProgram(c)
			if err != nil {
				refused++
				continue
			}
			ran++
			m := vm.NewMachine(q, vm.WithWorkLimit(1e7), vm.WithMemoryLimit(1<<26))
			for _, s := range q.Inputs() {
				switch s.DType {
				case graph.Float32:
					m.Float32(s.Name)
				case graph.Int64:
					copy(m.Int64(s.Name), []int64{int64(random.IntN(12))}) // there is none if the machine is refused
				default:
					m.Float64(s.Name)
				}
			}
			for range 2 {
				if err := m.Step(); err != nil && bytes.Contains([]byte(err.Error()), []byte("internal error")) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	if refused < 2000 || ran < 30 {
		t.Errorf("%d refused, %d ran", refused, ran)
	}
}

// Snapshots that are read otherwise than by a sweep are values like others.
func TestSnapshotsAsValues(t *testing.T) {
	text := `adjoint graph 1
%0 "x" = input : f64
%1 = scan %0, %0 {bodies=functions[1], captured=0, carries=2, length=9, reverse=false}
  body
    %0 "@0" = input : f64
    %1 "@1" = input : f64
    %2 = const 1 : f64
    %3 = add %0, %2 : f64
    %4 = add %3, %1 : f64
    output %3
    output %4
  end
%2 = snapshots %1 {carry=0, every=0, slots=3}
%3 = snapshots %1 {carry=1, every=0, slots=3}
%4 = result %1 {index=1}
%5 = neg %3
%6 = add %5, %4
%7 = cumsum %2 {axis=0, exclusive=false, reverse=false}
output %6
output %7
output %2
output %5
`
	_, out, err := graph.Parse([]byte(text), "snapshots.cg")
	if err != nil {
		t.Fatal(err)
	}
	var all [2][]float64
	for k, c := range []compile.Config{{}, {Unoptimized: true}} {
		p, err := c.Compile(out...)
		if err != nil {
			t.Fatal(err)
		}
		m := vm.NewMachine(p)
		m.Float64("x")[0] = 0.5
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		for i := range p.Outputs() {
			all[k] = append(all[k], m.OutputFloat64(i)...)
		}
	}
	if !slices.Equal(all[0], all[1]) || len(all[0]) != 16 || all[0][8] != 0.5 || all[0][9] == 0.5 {
		t.Errorf("%v, not optimised %v", all[0], all[1])
	}
}

// Snapshots of some carries alone, and in text what does not belong together.
func TestSnapshotsOfText(t *testing.T) {
	const loop = `adjoint graph 1
%0 "x" = input : f64
%1 = scan %0, %0 {bodies=functions[1], captured=0, carries=2, length=9, reverse=false}
  body
    %0 "@0" = input : f64
    %1 "@1" = input : f64
    %2 = const 1 : f64
    %3 = add %0, %2 : f64
    %4 = add %3, %1 : f64
    output %3
    output %4
  end
`
	back := func(length, slots string, reverse string) string {
		return `%4 = reverse_sweep %2, %3, %0 {bodies=functions[2], captured=0, carries=1, elements=0, every=0, forward=0, length=` + length + `, reverse=` + reverse + `, slots=` + slots + `, sources=[0 1], states=2}
  body
    %0 "@0" = input : f64
    %1 "@1" = input : f64
    %2 = const 1 : f64
    %3 = add %0, %2 : f64
    %4 = add %3, %1 : f64
    output %3
    output %4
  end
  body
    %0 "@0" = input : f64
    %1 "@1" = input : f64
    %2 "@2" = input : f64
    %3 = mul %1, %2 : f64
    %4 = add %3, %0 : f64
    output %4
  end
%5 = result %4 {index=0}
`
	}
	for name, c := range map[string]struct {
		text, want string // an error, "" for none
		values     []float64
	}{
		"one carry":     {"%2 = snapshots %1 {carry=1, every=0, slots=3}\noutput %2\n", "", []float64{0, 10, 28, 36}},
		"the other one": {"%2 = snapshots %1 {carry=0, every=3, slots=0}\n%3 = result %1 {index=0}\noutput %2\noutput %3\n", "", []float64{0, 3, 6, 7, 8, 0, 9}},
		"states and what is recorded": {"%2 = snapshots %1 {carry=0, every=0, recorded=[3], slots=3}\n%3 = snapshots %1 {carry=1, every=0, recorded=[3], slots=3}\noutput %2\noutput %3\n", "",
			[]float64{0, 4, 8, 9, 7, 0, 10, 0, 0, 28}}, // of steps 7 and 8
		"what is recorded has a place of its own": {"%2 = snapshots %1 {carry=2, every=0, recorded=[4 3 4], slots=3}\noutput %2\n", "", []float64{0, 0, 36, 45, 0}},
		"a value that there is not":               {"%2 = snapshots %1 {carry=0, every=0, recorded=[9], slots=3}\noutput %2\n", "no value 9", nil},
		"a place that there is not":               {"%2 = snapshots %1 {carry=2, every=0, recorded=[4 3], slots=3}\noutput %2\n", "no carry 2", nil},
		"recorded at every third step":            {"%2 = snapshots %1 {carry=0, every=3, recorded=[3], slots=3}\noutput %2\n", "at every 3 steps", nil},
		"two schedules":                           {"%2 = snapshots %1 {carry=0, every=0, slots=3}\n%3 = snapshots %1 {carry=1, every=0, slots=4}\noutput %2\noutput %3\n", "by another schedule", nil},
		"a sweep":                                 {"%2 = snapshots %1 {carry=0, every=0, slots=3}\n%3 = snapshots %1 {carry=1, every=0, slots=3}\n" + back("9", "3", "false") + "output %5\n", "", []float64{750}},
		"read twice":                              {"%2 = snapshots %1 {carry=0, every=0, slots=3}\n%3 = snapshots %1 {carry=1, every=0, slots=3}\n" + back("9", "3", "false") + "output %5\noutput %2\n", "read by others too", nil},
		"carries exchanged": {"%2 = snapshots %1 {carry=1, every=0, slots=3}\n%3 = snapshots %1 {carry=0, every=0, slots=3}\n" + back("9", "3", "false") + "output %5\n",
			"what one loop keeps of carry 0", nil},
		"another length":    {"%2 = snapshots %1 {carry=0, every=0, slots=3}\n%3 = snapshots %1 {carry=1, every=0, slots=3}\n" + back("8", "3", "false") + "output %5\n", "another loop", nil},
		"another direction": {"%2 = snapshots %1 {carry=0, every=0, slots=3}\n%3 = snapshots %1 {carry=1, every=0, slots=3}\n" + back("9", "3", "true") + "output %5\n", "another loop", nil},
		"no snapshots":      {"%2 \"k\" = input : f64[4]\n%3 = snapshots %1 {carry=1, every=0, slots=3}\n" + back("9", "3", "false") + "output %5\n", "what one loop keeps of carry 0", nil},
	} {
		_, out, err := graph.Parse([]byte(loop+c.text), "snapshots.cg")
		if err != nil {
			if c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		for _, config := range []compile.Config{{}, {Unoptimized: true}} {
			p, err := config.Compile(out...)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "BUG") {
					t.Errorf("%s: error %v, want %q", name, err, c.want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			m := vm.NewMachine(p)
			m.Float64("x")
			if err := m.Step(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var got []float64
			for i := range p.Outputs() {
				got = append(got, m.OutputFloat64(i)...)
			}
			if !slices.Equal(got, c.values) {
				t.Errorf("%s: %v, want %v", name, got, c.values)
			}
		}
	}
}

// States of carries that the loop gives on without a use, as in delay lines, are kept as they come into each step, also when what comes behind has taken their place.
func TestCheckpointsOfDelays(t *testing.T) {
	const steps = 50
	add := func(c []*graph.Node) *graph.Node { // nothing but the reverse sweep reads c[0]
		return graph.WithVJP(graph.Add(c[3], graph.Sum(c[1])), []*graph.Node{c[3], c[0]}, func(args []*graph.Node, _, ct *graph.Node) []*graph.Node {
			return []*graph.Node{ct, graph.Mul(args[1], ct)}
		})
	}
	next := func(c []*graph.Node) []*graph.Node {
		return []*graph.Node{c[1], c[2], graph.Sin(graph.Sub(c[2], c[2].Mul(0.5))), add(c)} // a difference: its sine is no residual
	}
	scan := func(opts ...graph.ScanOption) func(init []*graph.Node) []*graph.Node {
		return func(init []*graph.Node) []*graph.Node {
			final, _ := graph.Scan(steps, init, nil, func(c, _ []*graph.Node) (_, ys []*graph.Node) { return next(c), nil }, opts...)
			return final
		}
	}
	for name, loop := range map[string]func(init []*graph.Node) []*graph.Node{
		"scan": scan(), "reverse": scan(graph.Reverse),
		"while": func(init []*graph.Node) []*graph.Node {
			k := init[0].Graph().Scalar(graph.Int64, 0)
			final, _ := graph.While(steps, append(init, k), func(c []*graph.Node) *graph.Node {
				return graph.Less(c[4], graph.Like(c[4], steps-1))
			}, func(c []*graph.Node) []*graph.Node {
				return append(next(c), graph.Add(c[4], graph.Like(c[4], 1)))
			})
			return final
		},
	} {
		for _, shape := range [][]int{nil, {3}, {700}} {
			g := graph.New()
			x, y, z := g.Input("x", graph.Float64, shape...), g.Input("y", graph.Float64, shape...), g.Input("z", graph.Float64, shape...)
			final := loop([]*graph.Node{x, y, z, g.Const(0)})
			d := grad(t, graph.Add(final[3], graph.Sum(final[2])), x, y, z)
			var want []uint64
			for _, c := range []compile.Checkpoints{{}, {States: 1}, {States: 5}, {States: 5, Mixed: true}, {Every: 7}} {
				p, err := compile.Config{Checkpoints: c}.Compile(d...)
				if err != nil {
					t.Fatal(err)
				}
				code, unused := p.Code(), 0
				for _, in := range code.Instrs {
					if in.Op != vm.OpCall {
						continue
					}
					if s := in.Call.Scan; s != nil && s.Snapshots != nil && !code.Blocks[s.Body].Inputs[s.Captured].Used {
						unused++
					}
					if w := in.Call.While; w != nil && w.Snapshots != nil && !code.Blocks[w.Body].Inputs[w.Captured].Used {
						unused++
					}
				}
				if keeps := c != (compile.Checkpoints{}); (unused == 1) != keeps {
					t.Errorf("%s of %v, %+v: %d loops keep a carry without a use\n%v", name, shape, c, unused, p)
				}
				for _, options := range [][]vm.Option{{vm.WithoutNative()}, {vm.WithNativeAhead()}} {
					m := vm.NewMachine(p, options...)
					for k, in := range []string{"x", "y", "z"} {
						for i := range m.Float64(in) {
							m.Float64(in)[i] = math.Sin(float64(3*i + k + 1))
						}
					}
					out, err := m.Call()
					if err != nil {
						t.Fatal(err)
					}
					var bits []uint64
					for _, o := range out {
						for _, v := range o.Float64s() {
							bits = append(bits, math.Float64bits(v))
						}
					}
					if want == nil {
						want = bits
					}
					if !slices.Equal(bits, want) {
						t.Errorf("%s of %v, %+v: other bits", name, shape, c)
					}
				}
			}
		}
	}
}
