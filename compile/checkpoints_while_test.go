package compile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// whileCases are costs with a while loop of as many steps as the int64 input n says, whose gradient reads all of its states, by name.
var whileCases = map[string]func(g *graph.Graph, limit int, n *graph.Node) (cost *graph.Node, wrt []*graph.Node){
	"scalars": func(g *graph.Graph, limit int, n *graph.Node) (*graph.Node, []*graph.Node) {
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
		final, _ := counting(limit, n, []*graph.Node{x, g.Const(0)}, func(c []*graph.Node) []*graph.Node {
			h := graph.Tanh(graph.Mul(c[0], w))
			return []*graph.Node{h, graph.Add(c[1], graph.Square(h))}
		})
		return graph.Mul(final[0], final[1]), []*graph.Node{x, w}
	},
	"arrays": func(g *graph.Graph, limit int, n *graph.Node) (*graph.Node, []*graph.Node) {
		x, w := g.Input("x", graph.Float64, 70, 10), g.Input("w", graph.Float64, 70, 10)
		final, steps := counting(limit, n, []*graph.Node{x, w}, func(c []*graph.Node) []*graph.Node { // carries change places
			return []*graph.Node{c[1], graph.Sin(graph.Add(graph.Mul(c[0], w), graph.Mul(graph.Cumsum(c[1], 0), g.Const(0.01))))}
		})
		return graph.Mul(graph.Sum(graph.Square(final[0])), graph.Cast(steps, graph.Float64)), []*graph.Node{x, w}
	},
	"float32": func(g *graph.Graph, limit int, n *graph.Node) (*graph.Node, []*graph.Node) {
		x, w := g.Input("x", graph.Float32, 3), g.Input("w", graph.Float32)
		final, _ := counting(limit, n, []*graph.Node{x}, func(c []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Tanh(graph.Add(graph.Mul(graph.Roll(c[0], 1, 0), w), c[0]))}
		})
		return graph.Cast(graph.Sum(graph.Square(final[0])), graph.Float64), []*graph.Node{x, w}
	},
	"in a scan": func(g *graph.Graph, limit int, n *graph.Node) (*graph.Node, []*graph.Node) {
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
		final, _ := graph.Scan(3, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			inner, _ := counting(limit, n, c, func(c []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Add(graph.Sin(graph.Mul(c[0], w)), graph.Mul(x, g.Const(0.1)))}
			})
			return inner, nil
		})
		return graph.Square(final[0]), []*graph.Node{x, w}
	},
	"a scan in it, and a loop that is linear": func(g *graph.Graph, limit int, n *graph.Node) (*graph.Node, []*graph.Node) {
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64, 5)
		final, _ := counting(limit, n, []*graph.Node{x}, func(c []*graph.Node) []*graph.Node {
			inner, _ := graph.Scan(5, c, []*graph.Node{w}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Cos(graph.Mul(c[0], e[0]))}, nil
			})
			return inner
		})
		linear, _ := counting(limit, n, final, func(c []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(c[0], g.Const(0.99))} })
		return linear[0], []*graph.Node{x, w}
	},
}

// counting is a while loop of n steps, none if it is negative.
func counting(limit int, n *graph.Node, init []*graph.Node, body func(c []*graph.Node) []*graph.Node) (final []*graph.Node, steps *graph.Node) {
	k := len(init)
	zero := graph.Like(n, 0)
	final, steps = graph.While(limit, append(init[:k:k], zero), func(c []*graph.Node) *graph.Node { return graph.Less(c[k], n) }, func(c []*graph.Node) []*graph.Node {
		return append(body(c[:k:k]), graph.Add(c[k], graph.Like(c[k], 1)))
	})
	return final[:k], steps
}

// bitsOfSteps runs a program of cases and returns the bits of all outputs for each number of steps.
func bitsOfSteps(t *testing.T, p *vm.Program, steps []int, opts ...vm.Option) (all [][]uint64) {
	t.Helper()
	m := vm.NewMachine(p, opts...)
	for _, s := range p.Inputs() {
		for i := range s.Size() {
			v := math.Sin(float64(3*i+len(s.Name))) * 0.75
			switch s.DType {
			case graph.Float32:
				m.Float32(s.Name)[i] = float32(v)
			case graph.Float64:
				m.Float64(s.Name)[i] = v
			}
		}
	}
	for _, n := range steps {
		m.Int64("n")[0] = int64(n)
		outs, err := m.Run()
		if err != nil {
			t.Fatalf("%d steps: %v", n, err)
		}
		var bits []uint64
		for _, out := range outs {
			switch d := out.Data().(type) {
			case []float64:
				for _, v := range d {
					bits = append(bits, math.Float64bits(v))
				}
			case []float32:
				for _, v := range d {
					bits = append(bits, uint64(math.Float32bits(v)))
				}
			case float64:
				bits = append(bits, math.Float64bits(d))
			case float32:
				bits = append(bits, uint64(math.Float32bits(d)))
			}
		}
		all = append(all, bits)
	}
	return all
}

// huge is a limit that memory is not made for.
const huge = math.MaxInt / 8

// Gradients of while loops have the same bits whatever states are kept, and whether there is a limit.
func TestCheckpointsOfWhile(t *testing.T) {
	steps := []int{40, 0, 1, 2, 3, 7, 8, 9, 33, 100, -1, 5}
	runs, sweeps := 0, 0
	for name, build := range whileCases {
		compiled := func(limit int, c compile.Checkpoints) *vm.Program {
			g := graph.New()
			cost, wrt := build(g, limit, g.Input("n", graph.Int64))
			return must[*vm.Program](t)(compile.Config{Checkpoints: c}.Compile(append(grad(t, cost, wrt...), cost)...))
		}
		want := bitsOfSteps(t, compiled(100, compile.Checkpoints{}), steps, vm.WithoutNative(), vm.WithThreads(1))
		for _, c := range []compile.Checkpoints{{States: 1}, {States: 2}, {States: 3}, {States: 8}, {States: 60}, {States: 1000}, {Bytes: 1}, {Bytes: 200}, {Bytes: 40000}, {Every: 1}, {Every: 4}, {Every: 15}} {
			for _, limit := range []int{100, 5000, huge, graph.NoLimit} {
				if c.Every > 0 && limit > 5000 || c.Every > 0 && limit == graph.NoLimit {
					continue // as many states as the limit has multiples
				}
				p := compiled(limit, c)
				if strings.Contains(p.String(), " counted online snapshots") {
					sweeps++
				}
				options := [][]vm.Option{{vm.WithNativeAhead()}, {vm.WithoutNative(), vm.WithThreads(1)}, {vm.WithThreads(3)}}
				if testing.Short() {
					options = options[:1]
				}
				for _, opts := range options {
					for k, got := range bitsOfSteps(t, p, steps, opts...) {
						runs++
						if len(got) < 2 || !slices.Equal(got, want[k]) {
							t.Errorf("%s, limit %d, %+v, %d steps: other bits than with all states kept", name, limit, c, steps[k])
						}
					}
				}
			}
		}
	}
	t.Logf("%d runs of %d programs with sweeps", runs, sweeps)
	least := 6000
	if testing.Short() {
		least /= 3
	}
	if runs < least || sweeps < 150 {
		t.Errorf("%d runs, %d programs with sweeps", runs, sweeps)
	}
}

// The memory of a gradient with checkpoints does not depend on the limit, and its runs allocate nothing.
func TestMemoryOfWhileCheckpoints(t *testing.T) {
	for name, build := range whileCases {
		var arena, memory int64
		for _, limit := range []int{10, 1000, huge, graph.NoLimit} {
			g := graph.New()
			cost, wrt := build(g, limit, g.Input("n", graph.Int64))
			p := must[*vm.Program](t)(compile.Config{Checkpoints: compile.Checkpoints{States: 4}, Disable: []string{"unroll"}}.Compile(append(grad(t, cost, wrt...), cost)...))
			m := vm.NewMachine(p, vm.WithoutNative(), vm.WithThreads(1))
			if arena == 0 {
				arena, memory = p.ArenaBytes(), m.MemoryBytes()
			} else if p.ArenaBytes() != arena || m.MemoryBytes() != memory {
				t.Errorf("%s: %d bytes and %d in all with the limit %d, %d and %d with another one", name, p.ArenaBytes(), m.MemoryBytes(), limit, arena, memory)
			}
			m.Int64("n")[0] = 9
			for _, s := range p.Inputs() {
				switch s.DType {
				case graph.Float32:
					m.Float32(s.Name)
				case graph.Float64:
					m.Float64(s.Name)
				}
			}
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			if allocated := testing.AllocsPerRun(3, func() { _ = m.Step() }); allocated != 0 {
				t.Errorf("%s, limit %d: %v allocations", name, limit, allocated)
			}
		}
	}
}

// What a loop without a limit cannot do is refused with the loop's line and what to do about it; a limit that is exceeded is an error of the run.
func TestLimitsOfWhile(t *testing.T) {
	_, _, line, _ := runtime.Caller(0)
	build := func(limit int) (g *graph.Graph, x, y, steps *graph.Node) {
		g = graph.New()
		x = g.Input("x", graph.Float64)
		final, steps := graph.While(limit, []*graph.Node{x}, func(c []*graph.Node) *graph.Node { return graph.Less(c[0], g.Const(100)) }, func(c []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Add(graph.Sin(c[0]), graph.Mul(c[0], g.Const(1.5)))}
		})
		return g, x, final[0], steps
	}
	at := fmt.Sprintf("checkpoints_while_test.go:%d", line+4)
	for name, c := range map[string]struct {
		config compile.Config
		of     func(g *graph.Graph, x, y *graph.Node) []*graph.Node
		want   string
	}{
		"gradient":    {compile.Config{}, func(_ *graph.Graph, x, y *graph.Node) []*graph.Node { return grad(t, y, x) }, "or set Config.Checkpoints"},
		"unoptimised": {compile.Config{Unoptimized: true}, func(_ *graph.Graph, x, y *graph.Node) []*graph.Node { return grad(t, y, x) }, "or set Config.Checkpoints"},
		"every":       {compile.Config{Checkpoints: compile.Checkpoints{Every: 10}}, func(_ *graph.Graph, x, y *graph.Node) []*graph.Node { return grad(t, y, x) }, "States or Bytes"},
		"values of a body": {compile.Config{Checkpoints: compile.Checkpoints{States: 3}}, func(_ *graph.Graph, _, y *graph.Node) []*graph.Node {
			loop, _, _ := graph.ResultOf(y)
			return []*graph.Node{graph.Sum(graph.EachStep(loop, graph.Bodies(loop)[1].Results()[0]))}
		}, "read otherwise"},
	} {
		for _, limit := range []int{graph.NoLimit, huge} {
			g, x, y, _ := build(limit)
			_, err := c.config.Compile(c.of(g, x, y)...)
			var user *graph.Error
			if !errors.As(err, &user) || !strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), "while: has no limit below 2^31") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, limit %d: %v", name, limit, err)
			}
		}
	}
	for _, limit := range []int{5, 11, 12, 1000, huge, graph.NoLimit} { // from 1 it takes 11 steps
		_, x, y, steps := build(limit)
		for _, c := range []compile.Config{{Checkpoints: compile.Checkpoints{States: 3}}, {}} {
			outputs := append(must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{graph.Like(x, 1)})), graph.Cast(steps, graph.Float64))
			if c.Checkpoints.States > 0 {
				outputs = append(outputs, grad(t, y, x)...)
			}
			m := vm.NewMachine(must[*vm.Program](t)(c.Compile(outputs...)))
			m.Float64("x")[0] = 1
			err := m.Step()
			if limit == 5 {
				if !errors.Is(err, vm.ErrStepLimit) || !strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), "after 5") {
					t.Errorf("limit %d: %v", limit, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := m.OutputFloat64(1)[0]; got != 11 {
				t.Errorf("limit %d: %v steps", limit, got)
			}
			if c.Checkpoints.States > 0 && math.Abs(m.OutputFloat64(0)[0]-m.OutputFloat64(2)[0]) > 1e-12*math.Abs(m.OutputFloat64(0)[0]) {
				t.Errorf("limit %d: %v forward, %v in reverse", limit, m.OutputFloat64(0)[0], m.OutputFloat64(2)[0])
			}
		}
	}
	// It goes on for ever, until it is told to stop; a bound for the work refuses it before.
	_, _, y, _ := build(graph.NoLimit)
	p := must[*vm.Program](t)(compile.Compile(y))
	m := vm.NewMachine(p)
	m.Float64("x")[0] = math.Inf(-1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := m.StepContext(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := vm.NewMachine(p, vm.WithWorkLimit(1e18)).Step(); !errors.Is(err, vm.ErrWorkLimit) {
		t.Error(err)
	}
}

// The reverse sweep of a loop without a limit can be written, read and compiled.
func TestSweepsOfWhileAsText(t *testing.T) {
	found, compiled := 0, 0
	random := rand.New(rand.NewPCG(3, 4))
	numbers := regexp.MustCompile(`=-?[0-9]+`)
	for name, build := range whileCases {
		g := graph.New()
		cost, wrt := build(g, graph.NoLimit, g.Input("n", graph.Int64))
		stages, err := compile.Config{Checkpoints: compile.Checkpoints{States: 4}}.Stages(append(grad(t, cost, wrt...), cost)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range stages {
			if s.Pass != "checkpoints" {
				continue
			}
			var outputs []*graph.Node
			for _, k := range s.Outputs {
				outputs = append(outputs, s.Nodes[k].Node)
			}
			var text bytes.Buffer
			if err := graph.Format(&text, outputs...); err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text.Bytes(), []byte("reverse_sweep")) {
				continue // in a body
			}
			found++
			for range 400 { // one number is another one
				at := numbers.FindAllIndex(text.Bytes(), -1)
				k := at[random.IntN(len(at))]
				changed := slices.Concat(text.Bytes()[:k[0]+1], []byte([]string{"0", "1", "2", "5", "-1", "1023", "1024", "4611686018427387904", "9223372036854775807"}[random.IntN(9)]), text.Bytes()[k[1]:])
				_, outputs, err := graph.Parse(changed, "sweep.cg")
				if err == nil {
					compiled++
					_, err = compile.Compile(outputs...)
				}
				if err != nil && strings.Contains(err.Error(), "internal") {
					t.Errorf("%s: %s: %v", name, changed, err)
				}
			}
			_, again, err := graph.Parse(text.Bytes(), "sweep.cg")
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []compile.Config{{}, {Unoptimized: true}, {Checkpoints: compile.Checkpoints{States: 2}}} {
				p, err := c.Compile(again...)
				if err != nil {
					t.Errorf("%s: %+v: %v", name, c, err)
					continue
				}
				q, err := vm.ParseText(p.Text())
				if err != nil || q.String() != p.String() {
					t.Errorf("%s: as a program's text: %v", name, err)
				}
				data, err := p.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				if r, err := vm.Decode(data); err != nil || r.String() != p.String() {
					t.Errorf("%s: encoded: %v", name, err)
				}
			}
		}
	}
	if found < 3 || compiled < 100 {
		t.Errorf("%d graphs with sweeps, %d with another number are graphs", found, compiled)
	}
}

// Products with the Hessian, Jacobians, batches of gradients and gradients of batches, whose elements do numbers of steps of their own, need no limit either, and memory for few states.
func TestDerivativesWithoutLimit(t *testing.T) {
	for name, of := range map[string]func(x, w, xs, y *graph.Node) ([]*graph.Node, error){
		"Hessian-vector product": func(x, w, _, y *graph.Node) ([]*graph.Node, error) {
			return compile.HVP(y, []*graph.Node{x, w}, []*graph.Node{graph.Like(x, 1), graph.Like(x, 2)})
		},
		"batch of a gradient": func(x, w, xs, y *graph.Node) ([]*graph.Node, error) {
			return compile.Batch(grad(t, y, x, w), []*graph.Node{x}, []*graph.Node{xs})
		},
		"batch of a Hessian-vector product": func(x, w, xs, y *graph.Node) ([]*graph.Node, error) {
			return compile.Batch(must[[]*graph.Node](t)(compile.HVP(y, []*graph.Node{x, w}, []*graph.Node{graph.Like(x, 1), graph.Like(x, 2)})), []*graph.Node{x}, []*graph.Node{xs})
		},
		"Hessian-vector product of a batch": func(x, w, xs, y *graph.Node) ([]*graph.Node, error) {
			b := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{xs}))
			return compile.HVP(graph.Sum(graph.Square(b[0])), []*graph.Node{xs, w}, []*graph.Node{graph.BroadcastTo(graph.Like(xs, 1), 4), graph.Like(w, 2)})
		},
		"gradient of a batch": func(x, w, xs, y *graph.Node) ([]*graph.Node, error) {
			b := must[[]*graph.Node](t)(compile.Batch([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{xs}))
			return compile.Gradient(graph.Sum(graph.Square(b[0])), xs, w)
		},
		"Jacobian": func(x, _, _, y *graph.Node) ([]*graph.Node, error) {
			j, err := compile.Jacobian(graph.Stack(0, y, graph.Square(y)), x)
			return []*graph.Node{j}, err
		},
	} {
		var want []float64
		var arena int64
		for _, limit := range []int{2000, huge, graph.NoLimit} {
			c := compile.Config{}
			if limit != 2000 {
				c.Checkpoints.States = 3
			}
			g := graph.New()
			x, w, xs := g.Input("x", graph.Float64), g.Input("w", graph.Float64), g.Input("xs", graph.Float64, 4)
			final, _ := graph.While(limit, []*graph.Node{x}, func(c []*graph.Node) *graph.Node { return graph.Less(c[0], g.Const(100)) }, func(c []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Add(graph.Sin(graph.Mul(w, c[0])), graph.Mul(c[0], g.Const(1.5)))}
			})
			outputs := must[[]*graph.Node](t)(of(x, w, xs, final[0]))
			p, err := c.Compile(outputs...)
			if err != nil {
				t.Errorf("%s, limit %d: %v", name, limit, err)
				continue
			}
			m := vm.NewMachine(p)
			for _, in := range p.Inputs() {
				for i := range m.Float64(in.Name) {
					m.Float64(in.Name)[i] = 1.2 + float64(i)*0.4
				}
			}
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			var got []float64
			for i := range p.Outputs() {
				got = append(got, m.OutputFloat64(i)...)
			}
			switch {
			case want == nil:
				want, arena = got, p.ArenaBytes()
			case !slices.Equal(got, want):
				t.Errorf("%s, limit %d: %v, with all states kept %v", name, limit, got, want)
			case p.ArenaBytes() > max(2048, arena/5): // a Jacobian by tangents keeps nothing in any case
				t.Errorf("%s, limit %d: %d bytes of %d", name, limit, p.ArenaBytes(), arena)
			}
		}
	}
}
