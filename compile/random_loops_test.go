package compile_test

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

var loopSeeds = flag.Uint64("loopseeds", 40, "seeds of the random tests of loops")

// evalTwin evaluates outputs of the graph of unrolled twins at the point of the graph with loops.
func evalTwin(at testkit.Point, g *graph.Graph, outputs ...*graph.Node) ([]ref.Value, error) {
	twin := testkit.Point{}
	for n, v := range at {
		twin[g.Lookup(n.Name())] = v
	}
	return ref.Eval(twin, outputs...)
}

// Values and derivatives of random loops and branches are those of what stands there without loops: unrolled before the derivatives are taken, and after it.
func TestRandomLoopsAgainstUnrolled(t *testing.T) {
	loops, deep := 0, 0
	for seed := range *loopSeeds {
		rc, err := testkit.Random(seed, testkit.RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 60, Order: 2, Control: true})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		loops += rc.Loops
		if rc.Deepest == 3 {
			deep++
		}
		if err := againstUnrolled(rc); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d loops and branches, %d graphs with three in one another", loops, deep)
	if loops < int(2**loopSeeds) || deep < int(*loopSeeds/8) {
		t.Errorf("only %d loops and branches, and %d graphs with three in one another", loops, deep)
	}
}

func againstUnrolled(rc *testkit.RandomCase) error {
	got, err := ref.Eval(rc.At, rc.Outputs...)
	if err != nil {
		return err
	}
	g, after := testkit.Unrolled(rc.Outputs...)
	want, err := evalTwin(rc.At, g, after...)
	if err != nil {
		return fmt.Errorf("unrolled: %w", err)
	}
	for i := range want {
		if err := testkit.CloseTo(got[i], want[i], 1e-9, 1e-13); err != nil {
			return fmt.Errorf("unrolled after the derivatives: output %d: %w", i, err)
		}
	}
	g, before := testkit.Unrolled(rc.Cost)
	var wrt []*graph.Node
	for _, x := range rc.Wrt {
		wrt = append(wrt, g.Lookup(x.Name()))
	}
	grad, err := compile.Gradient(before[0], wrt...)
	if err != nil {
		return err
	}
	var d []*graph.Node
	for i := range wrt {
		d = append(d, g.Lookup(fmt.Sprint("d", i)))
	}
	hvp, err := compile.JVP(grad, wrt, d)
	if err != nil {
		return err
	}
	want, err = evalTwin(rc.At, g, append(append(before, grad...), hvp...)...)
	if err != nil {
		return fmt.Errorf("unrolled: %w", err)
	}
	got, err = ref.Eval(rc.At, append(append([]*graph.Node{rc.Cost}, rc.Gradient...), rc.HVP...)...)
	if err != nil {
		return err
	}
	for i := range want {
		if err := testkit.CloseTo(got[i], want[i], 1e-8, 1e-12); err != nil {
			return fmt.Errorf("unrolled before the derivatives: output %d of 1+%d+%d: %w", i, len(grad), len(hvp), err)
		}
	}
	return nil
}

// laneOf returns a value like v for a lane of a batch: the others are moved a bit.
func laneOf(v ref.Value, lane int) ref.Value {
	w := ref.New(v.Type)
	for i := range w.F {
		w.F[i] = v.F[i] + 0.375*float64(lane)*float64(1-2*(i%2))
	}
	for i := range w.I {
		w.I[i] = (v.I[i]+1+2*int64(lane))%6 - 1
	}
	for i := range w.B {
		w.B[i] = v.B[i] != (lane == 1)
	}
	return w
}

// The batch of a gradient, and the gradient of a batch, of random loops and branches are those of each lane. Lanes take other branches and numbers of steps.
func TestRandomLoopsBatched(t *testing.T) {
	const lanes = 3
	loops, whole := 0, 0
	for seed := range *loopSeeds {
		rc, err := testkit.Random(seed, testkit.RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 60, Order: 1, Control: true})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		loops += rc.Loops
		// Some inputs are batched, in half of the graphs all.
		var from, to []*graph.Node
		at := testkit.Point{}
		perLane := make([]testkit.Point, lanes)
		for l := range perLane {
			perLane[l] = testkit.Point{}
		}
		for i, x := range rc.Graph.Inputs() {
			v := rc.At[x]
			at[x] = v
			keep := seed%2 == 1 && (uint64(i)+seed/2)%3 == 0
			var all ref.Value
			if !keep {
				y := rc.Graph.Input("batch_"+x.Name(), x.DType(), append([]int{lanes}, x.Shape()...)...)
				all = ref.New(y.Type())
				from, to = append(from, x), append(to, y)
				at[y] = all
			}
			for l := range lanes {
				w := v
				if !keep {
					w = laneOf(v, l)
					copy(all.F[min(len(all.F), l*len(w.F)):], w.F)
					copy(all.I[min(len(all.I), l*len(w.I)):], w.I)
					copy(all.B[min(len(all.B), l*len(w.B)):], w.B)
				}
				perLane[l][x] = w
			}
		}
		if seed%2 == 0 {
			whole++
		}
		batched, err := compile.Batch(rc.Outputs, from, to)
		if err != nil {
			t.Errorf("seed %d: batch: %v", seed, err)
			continue
		}
		costs, err := compile.Batch([]*graph.Node{rc.Cost}, from, to)
		if err != nil {
			t.Errorf("seed %d: batch: %v", seed, err)
			continue
		}
		var wrt []*graph.Node
		var which []int
		for i, x := range rc.Wrt {
			for k, f := range from {
				if f == x {
					wrt, which = append(wrt, to[k]), append(which, i)
				}
			}
		}
		var grads []*graph.Node
		if len(wrt) > 0 {
			if grads, err = compile.Gradient(graph.ReduceSum(costs[0], nil), wrt...); err != nil {
				t.Errorf("seed %d: gradient of the batch: %v", seed, err)
				continue
			}
		}
		got, err := ref.Eval(at, append(batched, grads...)...)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		first := len(rc.Outputs) - len(rc.Gradient)
		for l := range lanes {
			want, err := ref.Eval(perLane[l], rc.Outputs...)
			if err != nil {
				t.Errorf("seed %d, lane %d: %v", seed, l, err)
				continue
			}
			for _, i := range which {
				want = append(want, want[first+i])
			}
			for i, w := range want {
				one := ref.New(w.Type)
				for e := range one.F {
					one.F[e] = got[i].F[l*len(one.F)+e]
				}
				if err := testkit.CloseTo(one, w, 1e-9, 1e-12); err != nil {
					t.Errorf("seed %d: lane %d: output %d of %d+%d+%d: %v", seed, l, i, first, len(rc.Gradient), len(which), err)
					break
				}
			}
		}
		if seed%4 == 0 { // compiled too
			for _, c := range []compile.Config{{}, {Unoptimized: true}} {
				run, err := testkit.CompileAndRun(c, at, append(batched, grads...)...)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					continue
				}
				for i := range got {
					if err := testkit.CloseTo(run[i], got[i], 1e-9, 1e-12); err != nil {
						t.Errorf("seed %d: compiled: output %d: %v", seed, i, err)
					}
				}
			}
		}
	}
	if loops < int(2**loopSeeds) || whole < int(*loopSeeds/2) {
		t.Errorf("only %d loops and branches, %d graphs that are batched in all inputs", loops, whole)
	}
}

// Taylor coefficients of random loops and branches, and of their gradients, are those of what stands there without loops.
func TestRandomLoopsTaylor(t *testing.T) {
	const order = 3
	loops := 0
	for seed := range *loopSeeds {
		rc, err := testkit.Random(seed, testkit.RandomConfig{DType: graph.Float64, Operators: 5, MaxSize: 40, Order: 1, Control: true})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		loops += rc.Loops
		outputs := append([]*graph.Node{rc.Cost}, rc.Gradient[:1]...)
		g, twins := testkit.Unrolled(outputs...)
		var values [2][]ref.Value
		for k, side := range []struct {
			g       *graph.Graph
			outputs []*graph.Node
		}{{rc.Graph, outputs}, {g, twins}} {
			at := testkit.Point{}
			for n, v := range rc.At {
				at[side.g.Lookup(n.Name())] = v
			}
			var wrt, direction []*graph.Node
			for i, x := range rc.Wrt {
				wrt = append(wrt, side.g.Lookup(x.Name()))
				v := testkit.Spread(x.Type(), -1, 1, i)
				direction = append(direction, graph.Constant(side.g, v.F, x.Shape()...))
			}
			c, err := compile.Taylor(order, side.outputs, wrt, [][]*graph.Node{direction})
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				continue
			}
			var all []*graph.Node
			for _, row := range c {
				all = append(all, row...)
			}
			if values[k], err = ref.Eval(at, all...); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		for i, want := range values[1] {
			if i < len(values[0]) {
				if err := testkit.CloseTo(values[0][i], want, 1e-8, 1e-11); err != nil {
					t.Errorf("seed %d: coefficient %d of output %d: %v", seed, i/2, i%2, err)
				}
			}
		}
	}
	if loops < int(*loopSeeds) {
		t.Errorf("only %d loops and branches", loops)
	}
}

// Whatever a reverse sweep keeps of the states of random loops, within one another, the results have the same bits.
func TestRandomLoopsCheckpoints(t *testing.T) {
	defer compile.StoreForNothing()()
	sweeps, mixed, endless := 0, 0, 0
	limits := regexp.MustCompile(`limit=[0-9]+`)
	seeds := []uint64{136, 162} // at which a sweep reads states of several loops
	for seed := range *loopSeeds {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		rc, err := testkit.Random(seed, testkit.RandomConfig{DType: graph.Float64, Operators: 14, Scalars: seed%2 == 1, MaxSize: 60, Order: 1, Control: true})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		// Sweeps over sweeps, which read the states of several loops.
		var sum *graph.Node
		for _, d := range rc.Gradient {
			if s := graph.Sum(graph.Sin(d)); sum == nil {
				sum = s
			} else {
				sum = graph.Add(sum, s)
			}
		}
		second, err := compile.Gradient(sum, rc.Wrt...)
		if err != nil {
			t.Fatal(err)
		}
		outputs := append(rc.Outputs, second...)
		first := uint64(0)
		for _, c := range []compile.Checkpoints{{}, {States: 1}, {States: 2}, {Every: 2}, {Every: 3}, {Bytes: 1}, {States: 1, Mixed: true}, {States: 2, Mixed: true}} {
			p, err := testkit.Compile(compile.Config{Checkpoints: c}, outputs...)
			if err != nil {
				t.Errorf("seed %d, %+v: %v", seed, c, err)
				continue
			}
			switch text := p.String(); {
			case c.Mixed && strings.Contains(text, " recorded "):
				mixed++
			case c.States == 1 && strings.Contains(text, "sweep"):
				sweeps++
			}
			for _, options := range [][]vm.Option{{vm.WithoutNative(), vm.WithThreads(1)}, {vm.WithNativeAhead(), vm.WithThreads(3)}} {
				out, err := testkit.Run(vm.NewMachine(p, options...), rc.At)
				if err != nil {
					t.Errorf("seed %d, %+v: %v", seed, c, err)
					continue
				}
				if d := digest(out); first == 0 {
					first = d
				} else if d != first {
					t.Errorf("seed %d, %+v: other bits", seed, c)
				}
			}
		}
		// While loops without a limit.
		var text bytes.Buffer
		if err := graph.Format(&text, rc.Cost); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text.Bytes(), []byte("limit=")) {
			continue
		}
		endless++
		// The same nodes in the same order, since adjoints are added up in it.
		with := func(text []byte) (at testkit.Point, outputs []*graph.Node) {
			g, cost, err := graph.Parse(text, "endless.cg")
			if err != nil {
				t.Fatal(err)
			}
			at = testkit.Point{}
			for n, v := range rc.At {
				if m := g.Lookup(n.Name()); m != nil {
					at[m] = v
				}
			}
			var wrt []*graph.Node
			for _, x := range rc.Wrt {
				if m := g.Lookup(x.Name()); m != nil {
					wrt = append(wrt, m)
				}
			}
			return at, append(grad(t, cost[0], wrt...), cost[0])
		}
		limited, bounded := with(text.Bytes())
		want, err := testkit.CompileAndRun(compile.Config{}, limited, bounded...)
		if err != nil {
			t.Fatal(err)
		}
		at, outputs := with(limits.ReplaceAll(text.Bytes(), []byte("limit=0")))
		exact, err := ref.Eval(at, outputs...)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		for _, c := range []compile.Checkpoints{{States: 1}, {States: 3}} {
			got, err := testkit.CompileAndRun(compile.Config{Checkpoints: c}, at, outputs...)
			if err != nil {
				t.Errorf("seed %d: no limit, %+v: %v", seed, c, err)
				continue
			}
			if digest(got) != digest(want) {
				t.Errorf("seed %d: no limit, %+v: other bits", seed, c)
			}
			for i := range got {
				if err := testkit.CloseTo(got[i], exact[i], 1e-9, 1e-12); err != nil {
					t.Errorf("seed %d: no limit, %+v: output %d: %v", seed, c, i, err)
				}
			}
		}
	}
	t.Logf("%d programs with sweeps that keep few states, %d with mixed ones, %d with loops without a limit", sweeps, mixed, endless)
	if sweeps < int(*loopSeeds/10) || endless < int(*loopSeeds/10) {
		t.Errorf("only %d programs with sweeps that keep few states, %d with loops without a limit", sweeps, endless)
	}
}

// Loops that are joined with one another and reverse scans that read what the loop stored give what they give alone.
func TestRandomLoopsJoined(t *testing.T) {
	defer compile.StoreForNothing()()
	fired := map[string]int{}
	for seed := range *loopSeeds {
		rc, err := testkit.Random(seed, testkit.RandomConfig{DType: graph.Float64, Operators: 8, Scalars: seed%2 == 1, MaxSize: 60, Order: 2, Control: true})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		want, err := ref.Eval(rc.At, rc.Outputs...)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		for _, c := range []compile.Config{{}, {Disable: []string{"join"}}, {Disable: []string{"residuals"}}, {FastMath: true}} {
			p, err := testkit.Compile(c, rc.Outputs...)
			if err != nil {
				t.Errorf("seed %d, %v: %v", seed, c.Disable, err)
				continue
			}
			got, err := testkit.Run(vm.NewMachine(p, vm.WithThreads(1)), rc.At)
			if err != nil {
				t.Errorf("seed %d, %v: %v", seed, c.Disable, err)
				continue
			}
			for i := range want {
				if err := testkit.CloseTo(got[i], want[i], 1e-9, 1e-12); err != nil {
					t.Errorf("seed %d, %v: output %d: %v", seed, c.Disable, i, err)
					break
				}
			}
		}
		f, err := compile.Fired(compile.Config{}, rc.Outputs...)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		for name, n := range f {
			fired[name] += n
		}
	}
	t.Logf("%d loops joined, %d equal carries, %d values stored", fired["join"], fired["equal_carry"], fired["residual"])
	if fired["join"] < int(*loopSeeds/4) || fired["equal_carry"] < int(*loopSeeds/4) || fired["residual"] < int(*loopSeeds/10) {
		t.Errorf("few loops are joined: %v", fired)
	}
}
