package vm_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// longPrograms are single instructions that take some hundredths of a second, or some thousandths.
func longPrograms(t *testing.T) map[string]*vm.Program {
	t.Helper()
	side := 512
	if testing.Short() {
		side = 256
	}
	planes := side * side / (128 * 128)
	g := graph.New()
	x := g.Input("x", graph.Float64, side*side)
	square := graph.Reshape(x, planes, 128, 128)
	rows, cols, _ := laplacian(40)
	values := graph.Add(graph.Mul(graph.Slice(x, graph.Range{Start: 0, Limit: len(cols), Step: 1}), g.Const(0.01)), g.Const(1))
	whole := graph.Reshape(x, side, side)
	eye := make([]float64, 128*128)
	for i := range 128 {
		eye[129*i] = 300
	}
	large := make([]float64, side*side)
	for i := range side {
		large[(side+1)*i] = 1000
	}
	definite := graph.Add(whole, graph.Constant(g, large, side, side))
	deep := x
	for range 12 {
		deep = graph.Tanh(graph.Sin(deep))
	}
	long := map[string]*graph.Node{
		"matmul":   graph.Sum(graph.MatMul(square, square)),
		"inv":      graph.Sum(graph.Inv(graph.Add(square, graph.Constant(g, eye, 128, 128)))),
		"cholesky": graph.Sum(graph.Cholesky(definite)),
		"solve":    graph.Sum(graph.Solve(definite, whole)),
		"lu":       luSum(definite),
		"qr":       qrSum(whole),
		"eigh":     eighSum(definite),
		"svd":      svdSum(graph.Slice(whole, graph.Range{Limit: 200}, graph.Range{Limit: 256})),
		"fft":      graph.Sum(graph.Square(graph.RFFT(whole, 1))),
		"sort":     graph.Sum(graph.Mul(graph.Sort(whole, 1), whole)),
		"loop":     deep,
		"sum":      graph.Sum(deep),
		"rows":     graph.ReduceSum(graph.Reshape(deep, side, side), []int{1}),
		"sparse":   graph.Sum(graph.NewCSR(1600, 1600, rows, cols, graph.Mul(values, graph.Constant(g, diagonal(rows, cols), len(cols)))).Solve(graph.Slice(x, graph.Range{Start: 0, Limit: 1600, Step: 1}))),
		"conv":     graph.Sum(graph.Conv(graph.Reshape(x, 1, planes, 128, 128), graph.Reshape(graph.Slice(x, graph.Range{Start: 0, Limit: 16 * planes * 9, Step: 1}), 16, planes, 3, 3), graph.Window{})),
		"columns":  graph.ReduceSum(graph.Reshape(deep, side, side), []int{0}),
	}
	programs := map[string]*vm.Program{}
	for name, y := range long {
		programs[name] = must(compile.Compile(y))
	}
	return programs
}

func luSum(a *graph.Node) *graph.Node {
	l, u, _ := graph.LU(a)
	return graph.Add(graph.Sum(l), graph.Sum(u))
}

func qrSum(a *graph.Node) *graph.Node {
	q, r := graph.QR(a)
	return graph.Add(graph.Sum(graph.Abs(q)), graph.Sum(graph.Abs(r)))
}

func eighSum(a *graph.Node) *graph.Node {
	w, v := graph.Eigh(a)
	return graph.Add(graph.Sum(w), graph.Sum(graph.Abs(v)))
}

func svdSum(a *graph.Node) *graph.Node {
	u, s, vt := graph.SVD(a)
	return graph.Add(graph.Sum(s), graph.Add(graph.Sum(graph.Abs(u)), graph.Sum(graph.Abs(vt))))
}

// diagonal returns 4 for entries of the diagonal and −1 for others.
func diagonal(rows, cols []int64) []float64 {
	v := make([]float64, len(cols))
	for r := range len(rows) - 1 {
		for e := rows[r]; e < rows[r+1]; e++ {
			v[e] = -1
			if int(cols[e]) == r {
				v[e] = 4
			}
		}
	}
	return v
}

// TestCancellation cancels runs at many points in the middle, and runs the same machine to the end afterwards: it must not remember the run that
// was given up.
func TestCancellation(t *testing.T) {
	total := 0
	for name, p := range longPrograms(t) {
		for _, options := range [][]vm.Option{{vm.WithThreads(1)}, {vm.WithThreads(3), vm.WithoutNative()}} {
			m := vm.NewMachine(p, options...)
			for i, v := 0, m.Float64("x"); i < len(v); i++ {
				v[i] = 1 + float64(i*i%31)/64
			}
			start := time.Now()
			if err := m.Step(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			whole := time.Since(start)
			want := append([]float64(nil), m.OutputFloat64(0)...)
			cancelled := 0
			for k := 1; k <= 4; k++ {
				ctx, cancel := context.WithTimeout(t.Context(), whole*time.Duration(k)/8)
				err := m.StepContext(ctx)
				cancel()
				if err == nil {
					continue
				}
				cancelled++
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", name, err)
				}
				if err := m.Step(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for i, v := range m.OutputFloat64(0) {
					if math.Float64bits(v) != math.Float64bits(want[i]) {
						t.Errorf("%s: element %d is %v after a run that was cancelled, %v before", name, i, v, want[i])
						break
					}
				}
			}
			total += cancelled
		}
	}
	t.Logf("%d runs were cancelled", total)
	if total < 20 {
		t.Errorf("only %d runs were cancelled", total)
	}
}

// TestFailedReductionIsForgotten divides by zero in the middle of a sum: the next run must not begin with the sum so far.
func TestFailedReductionIsForgotten(t *testing.T) {
	const n = 5000
	access := []micro.Access{{Type: dtype.Int64, Strides: []int{1}}}
	p := must(vm.NewProgram(&vm.Code{Block: vm.Block{
		Inputs:  []vm.Slot{slot("x", typed(dtype.Int64, n), 0)},
		Outputs: []vm.Slot{slot("y", typed(dtype.Int64), 8*n)},
		Instrs: []vm.Instr{{Op: vm.OpLoop, In: []vm.Operand{operand(typed(dtype.Int64, n), 0)}, Out: []vm.Operand{operand(typed(dtype.Int64), 8*n)},
			Loop: &micro.Loop{Dims: []int{n}, In: access, Consts: []micro.Const{{Type: dtype.Int64, Bits: 60}}, Temps: 1,
				Code: []micro.Instr{{Op: micro.Div, Type: dtype.Int64, Dst: 2, A: 1, B: 0}},
				Out:  []micro.Access{{Type: dtype.Int64, Strides: []int{0}}}, OutRegs: []uint32{2}, Reduce: micro.ReduceSum, ReduceDims: 1}}},
		ArenaBytes: 8*n + 64,
	}}))
	m := vm.NewMachine(p)
	x := m.Int64("x")
	for i := range x {
		x[i] = 4
	}
	for _, bad := range []int{3, 700, n - 1} {
		x[bad] = 0
		if err := m.Step(); !errors.Is(err, vm.ErrDivideByZero) {
			t.Errorf("a zero at %d: %v", bad, err)
		}
		x[bad] = 4
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		if y := m.Int64("y")[0]; y != 15*n {
			t.Errorf("after a zero at %d: %d, want %d", bad, y, 15*n)
		}
	}
}

// TestConcurrentUse runs one machine from several goroutines: they get errors, and nothing worse happens; afterwards it works.
func TestConcurrentUse(t *testing.T) {
	if underRace {
		t.Skip("a race on purpose")
	}
	long := longPrograms(t)
	g := graph.New()
	s := g.Input("x", graph.Float64)
	for range 200 {
		s = graph.Mul(s, graph.Add(s, g.Const(0.5)))
	}
	for name, p := range map[string]*vm.Program{"sum": long["sum"], "matmul": long["matmul"], "scalars": must(compile.Compile(s))} {
		m := vm.NewMachine(p, vm.WithNativeAhead())
		clear(m.Float64("x"))
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		var busy, fine atomic.Int32
		deadline := time.Now().Add(5 * time.Second)
		for (busy.Load() < 3 || fine.Load() < 3) && time.Now().Before(deadline) {
			var all sync.WaitGroup
			for k := range 4 {
				all.Go(func() {
					for range 200 {
						var err error
						switch k {
						case 0:
							_, err = m.Run()
						case 1:
							_, err = m.Profile(t.Context(), 1)
						default:
							err = m.Step()
						}
						switch {
						case err == nil:
							fine.Add(1)
						case strings.Contains(err.Error(), "running already"):
							busy.Add(1)
						default:
							t.Errorf("%s: %v", name, err)
						}
						if name != "scalars" && busy.Load() >= 3 && fine.Load() >= 3 {
							return
						}
					}
				})
			}
			all.Wait()
		}
		t.Logf("%s: %d runs, %d refused", name, fine.Load(), busy.Load())
		if busy.Load() < 3 || fine.Load() < 3 {
			t.Errorf("%s: %d runs, %d refused", name, fine.Load(), busy.Load())
		}
		if err := m.Step(); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}
