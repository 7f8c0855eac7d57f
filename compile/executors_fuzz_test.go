package compile_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

var (
	fuzzPrograms = flag.Uint64("programs", 6, "programs of each family of TestExecutorsAgree")
	fuzzSeed     = flag.Uint64("seed", 0, "seed of the first of them")
)

// fuzzChild is set in the processes that run the programs, to fuzzBusy in the one in which the collector and the profiler are busy, and every setting is tried.
const (
	fuzzChild = "ADJOINT_TEST_EXECUTORS"
	fuzzBusy  = "busy"
)

// fuzzFamilies are the kinds of programs on which all executors must agree bit by bit. The bound is that of the
// comparison with the interpreter, which evaluates node by node and knows no fused multiply-add.
var fuzzFamilies = []struct {
	name  string
	bound float64
	draw  func(seed uint64) (*fuzzCase, error)
}{
	{"tensors", 1e-8, testkitCase(testkit.RandomConfig{DType: graph.Float64, Operators: 16, MaxSize: 3000, Order: 1})},
	{"second order", 1e-7, testkitCase(testkit.RandomConfig{DType: graph.Float64, Operators: 12, MaxSize: 100, Order: 2})},
	{"scalars", 1e-7, testkitCase(testkit.RandomConfig{DType: graph.Float64, Operators: 60, Scalars: true, MaxSize: 10, Order: 2})},
	{"float32 scalars", 2e-2, testkitCase(testkit.RandomConfig{DType: graph.Float32, Operators: 30, Scalars: true, MaxSize: 10, Order: 1})},
	{"float32", 2e-2, testkitCase(testkit.RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 1000, Order: 1})},
	{"loops", 1e-8, testkitCase(testkit.RandomConfig{DType: graph.Float64, Operators: 8, MaxSize: 3000, Order: 1, Control: true, Long: true})},
	{"loops of scalars", 1e-7, testkitCase(testkit.RandomConfig{DType: graph.Float64, Operators: 12, Scalars: true, MaxSize: 10, Order: 2, Control: true, Long: true})},
	{"irregular", 1e-9, irregularCase},
	{"regular", 1e-9, regularCase},
	{"integers", 0, integerCase},
	{"stencils", 1e-9, stencilCase(graph.Float64)},
	{"float32 stencils", 1e-3, stencilCase(graph.Float32)},
}

type fuzzCase struct {
	outputs []*graph.Node
	at      testkit.Point
}

func testkitCase(c testkit.RandomConfig) func(uint64) (*fuzzCase, error) {
	return func(seed uint64) (*fuzzCase, error) {
		rc, err := testkit.Random(seed, c)
		if err != nil {
			return nil, err
		}
		return &fuzzCase{rc.Outputs, rc.At}, nil
	}
}

// withGradient adds a cost and its gradients.
func withGradient(cost *graph.Node, at testkit.Point, others ...*graph.Node) (*fuzzCase, error) {
	var wrt []*graph.Node
	for x := range at {
		wrt = append(wrt, x)
	}
	slices.SortFunc(wrt, func(a, b *graph.Node) int { return a.ID() - b.ID() })
	d, err := compile.Gradient(cost, wrt...)
	if err != nil {
		return nil, err
	}
	return &fuzzCase{append(append(others, cost), d...), at}, nil
}

// irregularCase is a graph of many scalars without any pattern, halved so that they stay small.
func irregularCase(seed uint64) (*fuzzCase, error) {
	r := rand.New(rand.NewPCG(seed, 3))
	g := graph.New()
	x := g.Input("x", graph.Float64, 3+r.IntN(60))
	at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, int(seed))}
	half := g.Const(0.5)
	var v []*graph.Node
	for i := range x.Shape().Size() {
		v = append(v, graph.Index(x, i))
	}
	near := 1 + r.IntN(2000)
	for range 20 << r.IntN(8) {
		a, b := v[r.IntN(len(v))], v[len(v)-1-r.IntN(min(near, len(v)))]
		switch r.IntN(8) {
		case 0:
			a = graph.Mul(graph.Sin(a), b)
		case 1, 2:
			a = graph.Sub(a, b)
		case 3, 4, 5:
			a = graph.Mul(a, b)
		default:
			a = graph.Add(a, b)
		}
		v = append(v, graph.Mul(half, a))
	}
	cost := v[len(v)-1]
	for range 50 {
		cost = graph.Add(cost, v[r.IntN(len(v))])
	}
	return withGradient(cost, at)
}

// regularCase is one formula of few scalars for many neighbours, in which lanes are found, and something irregular
// between them.
func regularCase(seed uint64) (*fuzzCase, error) {
	r := rand.New(rand.NewPCG(seed, 4))
	g := graph.New()
	n := 4 + r.IntN(300)
	x, y := g.Input("x", graph.Float64, n), g.Input("y", graph.Float64, n)
	at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, int(seed)), y: testkit.Spread(y.Type(), 0.5, 1.5, int(seed)+7)}
	type step struct{ op, a, b int }
	steps := make([]step, 2+r.IntN(10))
	for i := range steps {
		steps[i] = step{r.IntN(8), r.IntN(4 + i), r.IntN(4 + i)}
	}
	var cost *graph.Node
	var rows []*graph.Node
	for i := range n - 1 {
		v := []*graph.Node{graph.Index(x, i), graph.Index(x, i+1), graph.Index(y, i), g.Const(0.75)}
		for _, s := range steps {
			a, b := v[s.a], v[s.b]
			switch s.op {
			case 0, 1:
				a = graph.Mul(a, b)
			case 2:
				a = graph.Sub(a, b)
			case 3:
				a = graph.Div(a, graph.Add(g.Const(2), graph.Mul(b, b)))
			case 4:
				a = graph.Sqrt(graph.Add(g.Const(1), graph.Mul(a, a)))
			case 5:
				a = graph.Neg(graph.Abs(a))
			default:
				a = graph.Add(a, b)
			}
			v = append(v, a)
		}
		last := v[len(v)-1]
		if r.IntN(20) == 0 {
			last = graph.Mul(last, v[r.IntN(len(v))])
		}
		rows = append(rows, last)
		if cost == nil {
			cost = last
		} else {
			cost = graph.Add(cost, last)
		}
	}
	return withGradient(cost, at, graph.Stack(0, rows...))
}

// integerCase computes with integers and truth values, scalars and arrays; divisors are never zero.
func integerCase(seed uint64) (*fuzzCase, error) {
	r := rand.New(rand.NewPCG(seed, 5))
	g := graph.New()
	t := []graph.DType{graph.Int64, graph.Int32}[r.IntN(2)]
	var shape []int
	if r.IntN(2) == 0 {
		shape = []int{1 + r.IntN(1500)}
	}
	at := testkit.Point{}
	var v []*graph.Node
	for i := range 3 {
		x := g.Input(fmt.Sprint("x", i), t, shape...)
		value := ref.Value{Type: x.Type(), I: make([]int64, x.Shape().Size())}
		for k := range value.I {
			value.I[k] = []int64{0, 1, -1, int64(r.IntN(100)), math.MaxInt32, math.MinInt32, int64(int32(r.Uint32()))}[r.IntN(7)]
		}
		at[x] = value
		v = append(v, x)
	}
	outputs := []*graph.Node{}
	for range 10 + r.IntN(40) {
		a, b, c := v[r.IntN(len(v))], v[len(v)-1-r.IntN(min(6, len(v)))], v[r.IntN(len(v))]
		switch r.IntN(9) {
		case 0:
			a = graph.Add(a, b)
		case 1:
			a = graph.Sub(a, b)
		case 2:
			a = graph.Mul(a, b)
		case 3:
			a = graph.Max(a, graph.Neg(b))
		case 4:
			a = graph.Min(a, graph.Abs(b))
		case 5:
			a = graph.Where(graph.Less(a, b), b, c)
		case 6:
			a = graph.Where(graph.LogicalNot(graph.Equal(a, c)), graph.Sign(a), b)
		case 7:
			a = graph.Where(graph.LogicalAnd(graph.LessEqual(a, b), graph.Greater(c, b)), a, c)
		case 8:
			if r.IntN(3) > 0 {
				continue // keeps most programs free of traps, which are portable only
			}
			one := graph.Sub(graph.Add(b, g.Scalar(t, 1)), b)
			a = graph.Div(a, one)
		}
		v = append(v, a)
		if r.IntN(5) == 0 {
			outputs = append(outputs, a, graph.Cast(a, graph.Float64))
		}
	}
	return &fuzzCase{append(outputs, v[len(v)-1]), at}, nil
}

// fuzzOptions are the ways to run a program within one process.
func fuzzOptions() map[string][]vm.Option {
	return map[string][]vm.Option{
		"portable":           {vm.WithoutNative(), vm.WithThreads(1)},
		"portable 3 threads": {vm.WithoutNative(), vm.WithThreads(3)},
		"native":             {vm.WithNativeAhead(), vm.WithThreads(1)},
		"native 2 threads":   {vm.WithNativeAhead(), vm.WithThreads(2)},
		"native 8 threads":   {vm.WithNativeAhead(), vm.WithThreads(8)},
		"tier-up":            nil,
	}
}

// digest is a hash of all bits of the outputs but those of NaN.
func digest(values []ref.Value) uint64 {
	h := fnv.New64a()
	for _, v := range values {
		for i := range v.Type.Shape.Size() {
			switch {
			case v.F != nil && math.IsNaN(v.F[i]):
				fmt.Fprint(h, "NaN")
			case v.F != nil:
				fmt.Fprintf(h, "%x ", math.Float64bits(v.F[i]))
			case v.I != nil:
				fmt.Fprintf(h, "%d ", v.I[i])
			default:
				fmt.Fprint(h, v.B[i])
			}
		}
	}
	return h.Sum64()
}

// fuzzRun runs programs with all options.
type fuzzRun struct {
	t       *testing.T
	oracle  bool
	digests map[string]uint64 // of the outputs of each program
	count   map[string]int    // of the programs that used an executor, for each option
}

func newFuzzRun(t *testing.T, oracle bool) *fuzzRun {
	return &fuzzRun{t: t, oracle: oracle, digests: map[string]uint64{}, count: map[string]int{}}
}

// all draws the programs of every family and runs each one as it is compiled, and without some rewrites and passes.
func (r *fuzzRun) all() {
	for _, f := range fuzzFamilies {
		for seed := *fuzzSeed; seed < *fuzzSeed+*fuzzPrograms; seed++ {
			name := fmt.Sprintf("%s, seed %d", f.name, seed)
			c, err := f.draw(seed)
			if err != nil {
				r.t.Errorf("%s: %v", name, err)
				continue
			}
			r.program(name, f.bound, c, compile.Config{NoDebug: seed%2 == 1})
			r.program(name+", some rewrites off", f.bound, c, compile.Config{NoDebug: seed%2 == 1, Disable: someOff(seed)})
		}
	}
}

func (r *fuzzRun) program(name string, bound float64, c *fuzzCase, config compile.Config) {
	p, err := testkit.Compile(config, c.outputs...)
	if err != nil {
		r.t.Errorf("%s: %v", name, err)
		return
	}
	var first string
	for option, opts := range fuzzOptions() {
		m := vm.NewMachine(p, opts...)
		runs := 2
		if option == "tier-up" {
			runs = 45
		}
		var out []ref.Value
		for range runs {
			if out, err = testkit.Run(m, c.at); err != nil {
				r.t.Errorf("%s, %s: %v", name, option, err)
				break
			}
		}
		if err != nil {
			continue
		}
		used := map[string]bool{}
		for _, e := range m.Executors() {
			used[string(e)] = true
		}
		if r.oracle && option == "native" && used["native"] && strings.Contains(m.MachineCode(), "zmm") { // once: listings took half of the time
			used["native with AVX-512"] = true
		}
		for e := range used {
			r.count[option+": "+e]++
		}
		d := digest(out)
		if first != "" {
			if d != r.digests[name] {
				r.t.Errorf("%s: %s and %s differ", name, first, option)
			}
			continue
		}
		first, r.digests[name] = option, d
		if !r.oracle {
			continue
		}
		want, err := ref.Eval(c.at, c.outputs...)
		if err != nil {
			r.t.Errorf("%s: %v", name, err)
		}
		for i := range want {
			rounding := 0x1p-52
			if out[i].Type.DType == graph.Float32 {
				rounding = 0x1p-23
			}
			if err := testkit.CloseTo(out[i], want[i], bound, 100*rounding); err != nil && testkit.Finite(want[i]) {
				r.t.Errorf("%s, %s: output %d: %v", name, option, i, err)
			}
		}
	}
}

// floors fails if too few programs came to an executor.
func (r *fuzzRun) floors() {
	for _, k := range slices.Sorted(maps.Keys(r.count)) {
		r.t.Logf("%4d of %d programs ran as %s", r.count[k], len(r.digests), k)
	}
	if programs := 2 * len(fuzzFamilies) * int(*fuzzPrograms); len(r.digests) != programs {
		r.t.Errorf("%d programs ran of %d", len(r.digests), programs)
	}
	native, _ := native.Available()
	for option := range fuzzOptions() {
		// Of four programs.
		least := map[string]int{"kernel": 2}
		switch {
		case strings.HasPrefix(option, "portable"):
			least["blocks"], least["portable"] = 2, 3
		case native:
			least["native"] = 3
		}
		for executor, n := range least {
			if k := r.count[option+": "+executor]; 4*k < n*len(r.digests) {
				r.t.Errorf("%s: only %d of %d programs ran as %s", option, k, len(r.digests), executor)
			}
		}
	}
}

// TestExecutorsAgree runs random programs with every executor, 1 to 8 threads and every instruction set, while the collector and
// the profiler are busy, and wants the same bits of all, and the interpreter's values. More of them: -programs, -seed.
func TestExecutorsAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs every instruction set by itself")
	}
	if how := os.Getenv(fuzzChild); how != "" {
		r := newFuzzRun(t, how == fuzzBusy)
		if how == fuzzBusy {
			var profile bytes.Buffer
			if pprof.StartCPUProfile(&profile) == nil {
				defer pprof.StopCPUProfile()
			}
			var stop atomic.Bool
			defer stop.Store(true)
			go func() {
				for !stop.Load() {
					runtime.GC()
				}
			}()
		}
		r.all()
		for name, d := range r.digests {
			fmt.Printf("digest %x %s\n", d, name)
		}
		if how == fuzzBusy {
			r.floors()
		}
		return
	}
	if underRace && *fuzzPrograms > 2 {
		*fuzzPrograms /= 3
	}
	// Processes of their own: instruction sets are chosen as a process begins, and collecting the heap of all tests before this one would take most of the time.
	var digests map[string]string
	for _, level := range []string{"", "off", "avx2", "avx512"} {
		cmd := thisProgram("-test.run=^TestExecutorsAgree$", fmt.Sprintf("-programs=%d", *fuzzPrograms), fmt.Sprintf("-seed=%d", *fuzzSeed))
		how := "plain"
		if level == "" {
			how = fuzzBusy
		}
		cmd.Env = append(os.Environ(), fuzzChild+"="+how)
		if level != "" {
			cmd.Env = append(cmd.Env, "ADJOINT_SIMD="+level)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("ADJOINT_SIMD=%s: %v\n%s", level, err, out)
		}
		found := map[string]string{}
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			if f := strings.SplitN(lines.Text(), " ", 3); len(f) == 3 && f[0] == "digest" {
				found[f[2]] = f[1]
			}
		}
		if digests == nil {
			digests = found
			if want := 2 * len(fuzzFamilies) * int(*fuzzPrograms); len(found) != want {
				t.Errorf("%d programs ran of %d", len(found), want)
			}
		}
		for name, d := range digests {
			if found[name] != d {
				t.Errorf("%s: other bits with ADJOINT_SIMD=%s, or none", name, level)
			}
		}
	}
}

// TestCompareLargeIntegers has integers that are equal as floats. The interpreter once compared them as such.
func TestCompareLargeIntegers(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Int64, 2), g.Input("y", graph.Int64, 2)
	at := testkit.Point{x: {Type: x.Type(), I: []int64{1 << 60, -1 << 62}}, y: {Type: y.Type(), I: []int64{1<<60 + 1, -1<<62 + 1}}}
	outputs := []*graph.Node{graph.Equal(x, y), graph.NotEqual(x, y), graph.Less(x, y), graph.LessEqual(x, y), graph.Greater(x, y), graph.GreaterEqual(x, y)}
	got, err := testkit.CompileAndRun(compile.Config{}, at, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := ref.Eval(at, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []bool{false, true, true, true, false, false} {
		for i := range 2 {
			if got[k].B[i] != want || reference[k].B[i] != want {
				t.Errorf("%s, element %d: machine %v, interpreter %v, want %v", outputs[k].Op().Name, i, got[k].B[i], reference[k].B[i], want)
			}
		}
	}
}
