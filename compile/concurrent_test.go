package compile_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// chain is a loop of so many steps over x, each a function of the one before and of its element of c.
func chain(x, c *graph.Node, opts ...graph.ScanOption) (last, all *graph.Node) {
	final, ys := graph.Scan(c.Shape()[0], []*graph.Node{x}, []*graph.Node{c}, func(carry, xs []*graph.Node) (next, ys []*graph.Node) {
		y := graph.Sin(graph.Add(graph.Mul(carry[0], xs[0]), x))
		return []*graph.Node{y}, []*graph.Node{graph.Div(graph.Sum(y), xs[0])}
	}, opts...)
	return final[0], ys[0]
}

// halve is a loop that goes on until x is small.
func halve(x *graph.Node) *graph.Node {
	final, _ := graph.While(5000, []*graph.Node{x}, func(carry []*graph.Node) *graph.Node {
		return graph.Greater(graph.ReduceMax(graph.Abs(carry[0]), nil), graph.Like(graph.Sum(carry[0]), 1e-3))
	}, func(carry []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(carry[0], graph.Like(carry[0], .95))}
	})
	return final[0]
}

// Calls of loops follow one another where none needs what another computes.
func TestConcurrentCalls(t *testing.T) {
	type nodes = []*graph.Node
	for name, c := range map[string]struct {
		n      int
		config compile.Config
		build  func(x, y, c, d *graph.Node) nodes
		sets   int
	}{
		"two": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(y, d)
			return nodes{graph.Add(a, b)}
		}, 1},
		"what the second needs is made before": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			e := graph.Exp(a)
			b, _ := chain(graph.MatMul(graph.Reshape(y, 1, 1000), graph.Outer(y, y)), d)
			return nodes{graph.Add(e, graph.Reshape(b, 1000))}
		}, 1},
		"gradients": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			a, u := chain(x, c)
			b, v := chain(y, d, graph.Reverse)
			l := graph.Add(graph.Sum(graph.Mul(a, b)), graph.Add(graph.Sum(u), graph.Sum(v)))
			g, err := compile.Gradient(l, x, y, c, d)
			if err != nil {
				panic(err)
			}
			return append(g, l)
		}, 2},
		"swept again": {1000, compile.Config{Checkpoints: compile.Checkpoints{States: 4}}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(y, d)
			l := graph.Sum(graph.Mul(a, b))
			g, err := compile.Gradient(l, x, y, c, d)
			if err != nil {
				panic(err)
			}
			return append(g, l)
		}, 2},
		"while": {3000, compile.Config{}, func(x, y, _, _ *graph.Node) nodes { return nodes{graph.Sub(halve(x), halve(graph.Exp(y)))} }, 1},
		"both read what dies": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			h := graph.Exp(x)
			a, _ := chain(h, c)
			b, _ := chain(h, d, graph.Reverse)
			return nodes{graph.Sub(a, b), y}
		}, 1},
		"in a body": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			final, _ := graph.Scan(3, nodes{x, y}, nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
				a, _ := chain(carry[0], c)
				b, _ := chain(carry[1], d)
				return nodes{b, a}, nil
			})
			return final
		}, 1},
		"one needs the other": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(graph.Mul(a, y), d)
			return nodes{a, b}
		}, 0},
		"through something between": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			_, u := chain(x, c)
			b, _ := chain(y, graph.Slice(graph.Concat(0, graph.Cos(u), d), graph.Range{Limit: 61}))
			return nodes{b}
		}, 0},
		"short": {10, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(y, d)
			return nodes{graph.Add(a, b)}
		}, 0},
		"alone": {1000, compile.Config{}, func(x, _, c, _ *graph.Node) nodes { a, _ := chain(x, c); return nodes{a} }, 0},
		"steps that are shared": {1000, compile.Config{}, func(x, y, c, d *graph.Node) nodes {
			rows := func(x, c *graph.Node) *graph.Node {
				_, ys := graph.Scan(c.Shape()[0], nil, nodes{c}, func(_, xs []*graph.Node) (_, ys []*graph.Node) { return nil, nodes{graph.Sin(graph.Mul(x, xs[0]))} })
				return ys[0]
			}
			return nodes{rows(x, c), rows(y, d)}
		}, 0},
		"within a memory limit": {1000, compile.Config{MemoryLimit: 1 << 30}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(y, d)
			return nodes{graph.Add(a, b)}
		}, 0},
		"disabled": {1000, compile.Config{Disable: []string{"concurrent"}}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(y, d)
			return nodes{graph.Add(a, b)}
		}, 0},
		"unoptimized": {1000, compile.Config{Unoptimized: true}, func(x, y, c, d *graph.Node) nodes {
			a, _ := chain(x, c)
			b, _ := chain(y, d)
			return nodes{graph.Add(a, b)}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			out := c.build(g.Input("x", graph.Float64, c.n), g.Input("y", graph.Float64, c.n), g.Input("c", graph.Float64, 60), g.Input("d", graph.Float64, 61))
			fired, err := compile.Fired(c.config, out...)
			if err != nil || fired["concurrent"] != c.sets {
				t.Fatalf("%d sets of calls, want %d; error %v", fired["concurrent"], c.sets, err)
			}
			c.config.Verify = true
			p, err := c.config.Compile(out...)
			if err != nil {
				t.Fatal(err)
			}
			sameForAllThreads(t, p, map[string][]vm.Option{"": nil, "native": {vm.WithNativeAhead()}, "portable": {vm.WithoutNative()}, "watched": {vm.WithNaNWatch()}})
		})
	}
}

// sameForAllThreads compares the bits of runs by so many goroutines in several modes, and checks that the memory is what was said.
func sameForAllThreads(t *testing.T, p *vm.Program, modes map[string][]vm.Option) {
	t.Helper()
	var want []uint64
	for _, threads := range []int{1, 2, 3, 5} {
		for mode, opts := range modes {
			opts := append(opts, vm.WithThreads(threads))
			m := vm.NewMachine(p, opts...)
			own := int64(0)
			for _, in := range p.Inputs() {
				for i, v := 0, m.Float64(in.Name); i < len(v); i++ {
					v[i] = 1.2 + math.Sin(float64(i+len(in.Name)))/2
				}
				own += int64(8 * in.Size())
			}
			for run := range 3 {
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
				var got []uint64
				for i := range p.Outputs() {
					for _, v := range m.OutputFloat64(i) {
						got = append(got, math.Float64bits(v))
					}
				}
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%d threads, %s, run %d: other results", threads, mode, run)
				}
			}
			if said := p.MemoryBytes(opts...); m.MemoryBytes() > said+2*own {
				t.Errorf("%d threads, %s: %d bytes, more than %d", threads, mode, m.MemoryBytes(), said)
			}
			if mode == "watched" {
				if _, err := m.Profile(context.Background(), 2); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Of calls that run at once each fails as it does alone, the first in order counts, and they can be cancelled.
func TestConcurrentCallsThatFail(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	g := graph.New()
	x := g.Input("x", graph.Float64, 3000)
	c, d := g.Input("c", graph.Int64, 60), g.Input("d", graph.Int64, 61)
	by := func(name string, x, c *graph.Node) *graph.Node {
		final, ys := graph.Scan(c.Shape()[0], []*graph.Node{x}, []*graph.Node{c}, func(carry, xs []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Sin(carry[0])}, []*graph.Node{graph.Div(graph.Like(xs[0], 100), xs[0]).Named(name)}
		})
		return graph.Add(graph.Sum(final[0]), graph.Cast(graph.Sum(ys[0]), graph.Float64))
	}
	p, err := compile.Config{Verify: true}.Compile(by("first", x, c), by("second", graph.Neg(x), d))
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2, 3} {
		m := vm.NewMachine(p, vm.WithThreads(threads))
		for i := range m.Float64("x") {
			m.Float64("x")[i] = math.Sin(float64(i))
		}
		fill := func() {
			for _, name := range []string{"c", "d"} {
				for i := range m.Int64(name) {
					m.Int64(name)[i] = int64(i + 1)
				}
			}
		}
		for _, zero := range []struct {
			c, d int
			want string
		}{{-1, -1, ""}, {17, -1, "first"}, {-1, 23, "second"}, {2, 50, "second"}, {-1, -1, ""}} {
			fill()
			step := 0 // of the loop with more steps, which comes first, if both fail
			if zero.c >= 0 {
				m.Int64("c")[zero.c], step = 0, zero.c
			}
			if zero.d >= 0 {
				m.Int64("d")[zero.d], step = 0, zero.d
			}
			err := m.Step()
			if zero.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			if !errors.Is(err, vm.ErrDivideByZero) || !strings.Contains(err.Error(), zero.want) || !strings.Contains(err.Error(), fmt.Sprintf("step %d:", step)) {
				t.Errorf("%d threads: %v, want %s, step %d", threads, err, zero.want, step)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := m.StepContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%d threads: a cancelled run returns %v", threads, err)
		}
	}
	one, two := p.MemoryBytes(vm.WithThreads(1)), p.MemoryBytes(vm.WithThreads(2))
	if two < one+2*2048 {
		t.Errorf("%d bytes with two threads, %d with one: the calls do not run at once", two, one)
	}
}

// Random graphs of loops that partly depend on one another, with their gradients, give the same bits by any number of goroutines.
func TestConcurrentCallsRandom(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(5))
	count, sets := 30, 0
	if testing.Short() {
		count = 10
	}
	for seed := range count {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		g := graph.New()
		const n = 700
		values := []*graph.Node{g.Input("x", graph.Float64, n), g.Input("y", graph.Float64, n)}
		c, d := g.Input("c", graph.Float64, 40), g.Input("d", graph.Float64, 41)
		pick := func() *graph.Node { return values[min(r.IntN(len(values)), r.IntN(len(values)))] }
		for range 3 + r.IntN(5) {
			switch r.IntN(5) {
			case 0:
				values = append(values, graph.Tanh(graph.Add(pick(), pick())))
			case 1:
				values = append(values, graph.Sin(graph.Add(pick(), graph.Sum(pick()))))
			case 2:
				values = append(values, halve(graph.Add(pick(), pick())))
			default:
				steps := c
				if r.IntN(2) == 0 {
					steps = d
				}
				var opts []graph.ScanOption
				if r.IntN(2) == 0 {
					opts = append(opts, graph.Reverse)
				}
				last, all := chain(pick(), steps, opts...)
				if values = append(values, last); r.IntN(3) == 0 {
					values = append(values, graph.Mul(last, graph.Sum(all)))
				}
			}
		}
		loss := graph.Sum(values[len(values)-1])
		for _, v := range values[2:] {
			if r.IntN(2) == 0 {
				loss = graph.Add(loss, graph.Sum(graph.Square(v)))
			}
		}
		gradients, err := compile.Gradient(loss, values[0], values[1], c, d)
		if err != nil {
			t.Fatal(err)
		}
		config := compile.Config{Checkpoints: compile.Checkpoints{States: 5 * r.IntN(2)}}
		out := append(gradients, loss)
		fired, err := compile.Fired(config, out...)
		if err != nil {
			t.Fatal(err)
		}
		sets += fired["concurrent"]
		config.Verify = true
		p, err := config.Compile(out...)
		if err != nil {
			t.Fatal(err)
		}
		sameForAllThreads(t, p, map[string][]vm.Option{"": nil})
	}
	if sets < count/2 {
		t.Errorf("%d sets of calls in %d graphs", sets, count)
	}
}
