package vm_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// heap returns the bytes of the heap that are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// fillViews sets all inputs through their views, floats to numbers around 1 and integers to 0.
func fillViews(m *vm.Machine) {
	for _, s := range m.Program().Inputs() {
		switch s.DType {
		case graph.Float64:
			for i, v := 0, m.Float64(s.Name); i < len(v); i++ {
				v[i] = 1 + float64(i*i%31)/32
			}
		case graph.Float32:
			for i, v := 0, m.Float32(s.Name); i < len(v); i++ {
				v[i] = 1 + float32(i*i%31)/32
			}
		case graph.Int64:
			m.Int64(s.Name)
		case graph.Int32:
			m.Int32(s.Name)
		case graph.Bool:
			m.Bool(s.Name)
		}
	}
}

// laplacian returns the pattern and entries of the matrix of a 2D grid, which fills in when it is factored in the order of rows.
func laplacian(n int) (rows, cols []int64, values []float64) {
	rows = []int64{0}
	for i := range n * n {
		for _, d := range []int{-n, -1, 0, 1, n} {
			j := i + d
			if j < 0 || j >= n*n || d == 1 && j%n == 0 || d == -1 && i%n == 0 {
				continue
			}
			v := -1.0
			if d == 0 {
				v = 4
			}
			cols, values = append(cols, int64(j)), append(values, v)
		}
		rows = append(rows, int64(len(cols)))
	}
	return rows, cols, values
}

// largePrograms take most of their memory in something else than operands and results.
func largePrograms(t testing.TB) []namedProgram {
	t.Helper()
	var list []namedProgram
	add := func(name string, outputs ...*graph.Node) {
		t.Helper()
		p, err := compile.Compile(outputs...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, namedProgram{name, p})
	}
	g := graph.New()
	for _, n := range []int{1 << 16, 99991} { // 99991 is a prime
		x := graph.Reshape(g.Input("x"+strings.Repeat("'", n&1), graph.Float64, 2*n), n, 2)
		add("fft", graph.FFT(x, 0))
	}
	z := g.Input("z", graph.Float64, 300)
	add("pad", graph.Pad(z, []int{100000}, []int{50000}, 2))
	rows, cols, values := laplacian(60)
	b := g.Input("b", graph.Float64, 3600)
	entries := g.Input("entries", graph.Float64, len(values))
	add("sparse", graph.NewCSR(3600, 3600, rows, cols, entries).Solve(b))
	y := g.Input("y", graph.Float64, 1<<18)
	sum := y
	for i := range 40 {
		sum = graph.Add(sum, graph.Mul(graph.Sin(graph.Mul(y, g.Const(float64(i+2)))), graph.Cos(graph.Mul(y, g.Const(float64(i+2))))))
	}
	add("loop of many registers", sum, graph.Sum(sum))
	var parts []*graph.Node
	for i := range 60 {
		k := g.Input("k"+strings.Repeat("i", i), graph.Float64, 300+i)
		parts = append(parts, graph.Sum(graph.Exp(graph.Sin(graph.Mul(k, k)))))
	}
	total := parts[0]
	for _, p := range parts[1:] {
		total = graph.Add(total, p)
	}
	add("many small loops", total)
	r := rand.New(rand.NewPCG(1, 2))
	scalars := []*graph.Node{g.Input("s", graph.Float64), g.Input("t", graph.Float64)}
	for range 20000 {
		p, q := scalars[r.IntN(len(scalars))], scalars[r.IntN(len(scalars))]
		scalars = append(scalars, graph.Sub(graph.Mul(p, g.Const(0.5)), q))
	}
	add("scalars", graph.Add(scalars[len(scalars)-1], scalars[len(scalars)-2]))
	eye := make([]float64, 300*300)
	for i := range 300 {
		eye[301*i] = 300
	}
	w := graph.Add(g.Input("w", graph.Float64, 300, 300), graph.Constant(g, eye, 300, 300))
	add("linear algebra", graph.Det(w), graph.Sum(graph.Inv(w)))
	// Sweeps that keep few states, of arrays and of numbers, and one behind a while loop.
	for name, loop := range map[string]func() (cost, x *graph.Node, states int){
		"states of arrays": func() (cost, x *graph.Node, states int) {
			x = graph.New().Input("x", graph.Float64, 900)
			final, _ := graph.Scan(3000, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) { return []*graph.Node{graph.Sin(c[0])}, nil })
			return graph.Sum(final[0]), x, 1000
		},
		"states of numbers": func() (cost, x *graph.Node, states int) {
			x = graph.New().Input("x", graph.Float64)
			final, _ := graph.Scan(100000, []*graph.Node{x, x, x, x, x, x, x, x, x, x, x, x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				for i := range c {
					next = append(next, graph.Sin(graph.Add(c[i], c[(i+1)%len(c)])))
				}
				next[0] = graph.Cos(next[0])
				return next, nil
			})
			return graph.Sum(graph.Stack(0, final...)), x, 50000
		},
		"states of a while loop": func() (cost, x *graph.Node, states int) {
			x = graph.New().Input("x", graph.Float64, 900)
			final, _ := graph.While(graph.NoLimit, []*graph.Node{x}, func(c []*graph.Node) *graph.Node { return graph.Less(graph.Index(c[0], 0), c[0].Graph().Const(1e6)) }, func(c []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Add(graph.Mul(c[0], c[0]), graph.Sin(c[0]))}
			})
			return graph.Sum(final[0]), x, 1000
		},
	} {
		cost, x, states := loop()
		dx, err := compile.Gradient(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		p, err := compile.Config{Checkpoints: compile.Checkpoints{States: states}}.Compile(dx...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.String(), "sweep") {
			t.Fatalf("%s: no sweep", name)
		}
		list = append(list, namedProgram{name, p})
	}
	return append(list, namedProgram{"scan of arrays", must(vm.NewProgram(wave(50000, 20, false)))}, namedProgram{"carries in circles", must(vm.NewProgram(circle(500, 300)))})
}

// TestMemoryBytes compares MemoryBytes with what the process takes for a machine that has run past the point where it makes machine code.
func TestMemoryBytes(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	programs()
	large := largePrograms(t)
	total, near := 0, 0
	for i, p := range append(large, programs()...) {
		for k, options := range [][]vm.Option{{vm.WithThreads(1), vm.WithoutNative()}, {vm.WithThreads(3)}, {vm.WithNaNWatch()}} {
			if i >= len(large) && i%3 != k {
				continue
			}
			var took, says int64
			for attempt := range 3 { // the runtime allocates now and then too
				before := heap()
				m := vm.NewMachine(p.Program, options...)
				if m.MemoryBytes() != p.MemoryBytes(options...) {
					t.Errorf("%s: the machine takes %d bytes, the program says %d", p.name, m.MemoryBytes(), p.MemoryBytes(options...))
				}
				fillViews(m)
				for range 42 {
					if err := m.Step(); err != nil {
						break // operands that the operator refuses
					}
					if i < len(large) && !strings.Contains(p.name, "scalars") {
						break
					}
				}
				took, says = heap()-before+int64(m.CodeBytes()), m.MemoryBytes()
				runtime.KeepAlive(m)
				if took <= says {
					break
				}
				if attempt == 2 {
					t.Errorf("%s, options %d: took %d bytes of %d, code %d", p.name, k, took, says, m.CodeBytes())
				}
			}
			total++
			if i < len(large) && len(options) == 2 {
				if 2*took > says {
					near++
				} else {
					t.Logf("%s: took %d bytes of %d", p.name, took, says)
				}
			}
		}
	}
	t.Logf("%d machines, %d of %d large ones within a factor of 2", total, near, len(large))
	if total < 300 || near < len(large)-1 {
		t.Errorf("%d machines, %d of %d large ones within a factor of 2", total, near, len(large))
	}
}

// TestMemoryLimit holds machines to limits: what is known is refused before it is allocated, what comes later when it comes.
func TestMemoryLimit(t *testing.T) {
	var sparse *vm.Program
	for _, p := range largePrograms(t) {
		need := p.MemoryBytes(vm.WithoutNative())
		less := int64(1)
		if p.name == "sparse" {
			less += 512 // what it keeps of its pattern, which it can do without
		}
		m := vm.NewMachine(p.Program, vm.WithoutNative(), vm.WithMemoryLimit(need-less))
		if err := m.Step(); !errors.Is(err, vm.ErrMemoryLimit) {
			t.Errorf("%s: a byte less than it needs: %v", p.name, err)
		}
		if p.name == "sparse" {
			sparse = p.Program
		}
		// Without room for machine code there is none.
		m = vm.NewMachine(p.Program, vm.WithNativeAhead(), vm.WithMemoryLimit(need))
		if m.CodeBytes() != 0 || m.MemoryBytes() != need {
			t.Errorf("%s: %d bytes of machine code in %d bytes of %d", p.name, m.CodeBytes(), m.MemoryBytes(), need)
		}
	}

	g := graph.New()
	x := g.Input("x", graph.Float64, 1<<27)
	p := must(compile.Compile(graph.Sum(x)))
	m := vm.NewMachine(p, vm.WithMemoryLimit(1<<20))
	if v := m.Float64("x"); v != nil {
		t.Error("a view of 1 GiB under a limit of 1 MiB")
	}
	if err := m.Step(); !errors.Is(err, vm.ErrMemoryLimit) || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("a run without its view: %v", err)
	}
	huge := must(compile.Compile(graph.Sum(g.Input("huge", graph.Float64, graph.MaxElements/2))))
	m = vm.NewMachine(huge)
	if v := m.Float64("huge"); v != nil || !errors.Is(m.Step(), vm.ErrMemoryLimit) {
		t.Error("a view of 4 TiB")
	}
	wide := must(compile.Compile(graph.Exp(graph.Sub(graph.BroadcastTo(g.Input("one", graph.Float64), graph.MaxElements/2), g.Input("huge2", graph.Float64, graph.MaxElements/2)))))
	if err := vm.NewMachine(wide).Step(); !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("an arena of 4 TiB: %v", err)
	}

	// A tensor that must be copied.
	y := graph.New().Input("y", graph.Float64, 1000, 2000)
	p = must(compile.Compile(graph.Sum(y)))
	transposed := tensor.New(tensor.WithShape(2000, 1000), tensor.Of(tensor.Float64))
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	m = vm.NewMachine(p, vm.WithMemoryLimit(p.MemoryBytes()+15999999))
	if _, err := m.Run(transposed); !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("a copy beyond the limit: %v", err)
	}
	m = vm.NewMachine(p, vm.WithMemoryLimit(p.MemoryBytes()+17000000))
	if _, err := m.Run(transposed); err != nil {
		t.Errorf("a copy within the limit: %v", err)
	}

	// Factors fill in.
	_, _, values := laplacian(60)
	for _, room := range []int64{1 << 20, 64 << 20} {
		m = vm.NewMachine(sparse, vm.WithMemoryLimit(sparse.MemoryBytes()+room))
		copy(m.Float64("entries"), values)
		fill := m.Float64("b")
		for i := range fill {
			fill[i] = 1
		}
		start := m.MemoryBytes()
		err := m.Step()
		switch {
		case room == 1<<20 && !errors.Is(err, vm.ErrMemoryLimit):
			t.Errorf("factors beyond the limit: %v", err)
		case room == 64<<20 && err != nil:
			t.Errorf("factors within the limit: %v", err)
		case room == 64<<20 && m.MemoryBytes()-start < 1<<20:
			t.Errorf("factors of %d bytes", m.MemoryBytes()-start)
		}
		if m.MemoryBytes() > sparse.MemoryBytes()+room {
			t.Errorf("%d bytes of at most %d", m.MemoryBytes(), sparse.MemoryBytes()+room)
		}
	}
}

// TestRunsAllocateNothing collects garbage between runs, which empties pools, and looks for objects that a run allocates after the first: there
// are none but in the runs that make machine code, of a block that is called its 40th.
func TestRunsAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	checked := 0
	// allocates returns the first of the machine's runs that allocates, 0 for none.
	allocates := func(m *vm.Machine, runs int) int {
		for run := 2; run <= runs; run++ {
			if run == 3 {
				runtime.GC()
			}
			code := m.CodeBytes()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := m.Step()
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			if after.Mallocs != before.Mallocs && run != 40 && m.CodeBytes() == code {
				return run
			}
		}
		return 0
	}
	for i, p := range append(programs(), largePrograms(t)...) {
		large := i >= len(programs())
		for k, options := range [][]vm.Option{{vm.WithNativeAhead()}, {vm.WithoutNative(), vm.WithThreads(3)}, {}, {vm.WithNaNWatch()}} {
			if !large && i%4 != k {
				continue
			}
			runs := 5
			if len(options) == 0 && (!large || p.name == "scalars") {
				runs = 45
			}
			// The runtime itself allocates now and then: what counts is what happens every time.
			last, err := 0, error(nil)
			for attempt := 0; attempt < 40 && (attempt == 0 || last > 0) && err == nil; attempt++ {
				m := vm.NewMachine(p.Program, options...)
				fillViews(m)
				if err = m.Step(); err == nil {
					last = allocates(m, runs)
				}
			}
			switch {
			case err != nil && large:
				t.Errorf("%s: %v", p.name, err)
			case last > 0:
				t.Errorf("%s, options %d: run %d allocates", p.name, k, last)
			}
		}
	}
	t.Logf("%d runs", checked)
	if checked < 4000 {
		t.Errorf("only %d runs", checked)
	}
}

// The pages of the arena are written to when a machine is made, if that is asked for.
func TestMemoryAhead(t *testing.T) {
	p := must(vm.NewProgram(lorenzScan(10000)))
	if !vm.NewGuardedMachine(p, 0x33, vm.WithMemoryAhead()).Touched() {
		t.Error("pages were not touched")
	}
	if vm.NewGuardedMachine(p, 0x33).Touched() {
		t.Error("pages were touched that nobody asked for")
	}
}
