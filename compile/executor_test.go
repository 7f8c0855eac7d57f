package compile

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	nativecode "github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/vm"
)

// ballast is never touched. The collector runs when the heap has grown by several times its size: most tests make many small programs and drop them, and collections of small heaps took half of
// their time.
var ballast []byte

// TestMain lets the thread pool have eight workers, whatever the machine has, and the collector run rarely, unless speed is measured.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		runtime.GOMAXPROCS(max(8, runtime.GOMAXPROCS(0)))
		ballast = make([]byte, 64<<20)
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(400)
		}
	}
	verifyAlways = true
	os.Exit(m.Run())
}

// executors are the ways to run a program that must agree bit for bit.
func executors() map[string][]vm.Option {
	all := map[string][]vm.Option{"blocks": {vm.WithoutNative(), vm.WithThreads(1)}, "native": {vm.WithNativeAhead(), vm.WithThreads(1)}}
	for _, n := range []int{2, 3, 8} {
		all[fmt.Sprintf("blocks, %d threads", n)] = []vm.Option{vm.WithoutNative(), vm.WithThreads(n)}
		all[fmt.Sprintf("native, %d threads", n)] = []vm.Option{vm.WithNativeAhead(), vm.WithThreads(n)}
	}
	return all
}

// sameBits compares all outputs of all executors with those of the first, over several runs.
func sameBits(t *testing.T, p *vm.Program, inputs ...any) {
	t.Helper()
	var want [][]uint64
	collect := func(out []*tensor.Dense) (bits [][]uint64) {
		for _, o := range out {
			var b []uint64
			switch d := o.Data().(type) {
			case float64:
				b = append(b, math.Float64bits(d))
			case []float64:
				for _, v := range d {
					b = append(b, math.Float64bits(v))
				}
			case float32:
				b = append(b, uint64(math.Float32bits(d)))
			case []float32:
				for _, v := range d {
					b = append(b, uint64(math.Float32bits(v)))
				}
			default:
				b = append(b, uint64(len(fmt.Sprint(d))))
			}
			bits = append(bits, b)
		}
		return bits
	}
	for name, opts := range executors() {
		m := vm.NewMachine(p, opts...)
		for run := range 3 {
			out, err := m.Run(inputs...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got := collect(out)
			if want == nil {
				want = got
			}
			for k := range want {
				for i := range want[k] {
					if got[k][i] != want[k][i] {
						t.Fatalf("%s, run %d: output %d[%d] has the bits %#x, elsewhere %#x", name, run, k, i, got[k][i], want[k][i])
					}
				}
			}
		}
	}
}

// TestThreadsAndExecutors runs loops of many lengths and shapes with every executor and 1 to 8 threads.
func TestThreadsAndExecutors(t *testing.T) {
	ramp := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = 4 * math.Sin(0.37*float64(i)+0.1)
		}
		return v
	}
	for _, n := range []int{1, 2, 7, 511, 512, 513, 1025, 16384, 16385, 100003} {
		g := graph.New()
		x, y := chain(g, n)
		dx, err := Gradient(y, x)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(y, dx[0], graph.ReduceMax(x, nil), graph.ReduceProd(graph.Sin(x), nil))
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, p, tensor.New(tensor.WithShape(n), tensor.WithBacking(ramp(n))))
	}
	for _, s := range [][2]int{{3, 5}, {100, 130}, {600, 513}, {2, 40000}, {5000, 3}} {
		g := graph.New()
		x, b := g.Input("x", graph.Float64, s[0], s[1]), g.Input("b", graph.Float64, s[1])
		h := graph.Tanh(graph.Add(x, b))
		rows := graph.ReduceSum(graph.Mul(h, graph.Exp(h)), []int{1})
		y := graph.Sum(graph.Square(rows))
		d, err := Gradient(y, x, b)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(y, rows, d[0], d[1])
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, p, tensor.New(tensor.WithShape(s[0], s[1]), tensor.WithBacking(ramp(s[0]*s[1]))), tensor.New(tensor.WithShape(s[1]), tensor.WithBacking(ramp(s[1]))))
	}
}

// TestLoopsAreNative holds that loops over arrays run as vector code wherever machine code can be had, with the bits of the other executors: arithmetic,
// functions, comparisons, conversions, reductions and their derivatives.
func TestLoopsAreNative(t *testing.T) {
	const n = 1000
	loops, native, code := 0, 0, ""
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		g := graph.New()
		x, y := g.Input("x", d, n), g.Input("y", d, n)
		third := graph.FullLike(x, 1.0/3)
		outs := []*graph.Node{
			graph.Sqrt(graph.Abs(graph.Div(graph.Add(graph.Mul(x, y), third), y))),
			graph.Where(graph.Less(x, y), graph.Exp(x), graph.Sin(y)), graph.Pow(graph.Abs(x), y), graph.Tanh(graph.Mul(x, third)),
			graph.Cast(graph.Round(graph.Mul(x, x)), graph.Int32), graph.Max(graph.Log(graph.Abs(x)), y),
			graph.Sum(graph.Mul(graph.Cos(x), graph.Sigmoid(y))), graph.ReduceMax(graph.Mul(x, y), nil),
		}
		grads, err := Gradient(outs[6], x, y)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(append(outs, grads...)...)
		if err != nil {
			t.Fatal(err)
		}
		var inputs []any
		for k := range 2 {
			if d == graph.Float64 {
				v := make([]float64, n)
				for i := range v {
					v[i] = 3 * math.Sin(0.7*float64(i+k)+float64(k))
				}
				inputs = append(inputs, tensor.New(tensor.WithShape(n), tensor.WithBacking(v)))
				continue
			}
			v := make([]float32, n)
			for i := range v {
				v[i] = float32(3 * math.Sin(0.7*float64(i+k)+float64(k)))
			}
			inputs = append(inputs, tensor.New(tensor.WithShape(n), tensor.WithBacking(v)))
		}
		sameBits(t, p, inputs...)
		m := vm.NewMachine(p, vm.WithNativeAhead())
		for i, e := range m.Executors() {
			if p.Code().Instrs[i].Op == vm.OpLoop {
				loops++
				if e == vm.ExecutorNative {
					native++
				}
			}
		}
		code += m.MachineCode()
	}
	t.Logf("%d of %d loops are native, %d lines of machine code", native, loops, strings.Count(code, "\n"))
	if available, _ := nativecode.Available(); available && (native != loops || loops < 4) || !available && native > 0 {
		t.Errorf("%d of %d loops are native", native, loops)
	}
	if vectors := map[string]string{"arm64": ".2d", "amd64": "ymm"}[runtime.GOARCH]; native > 0 && !strings.Contains(code, vectors) && !strings.Contains(code, "zmm") {
		t.Error("the machine code has no vectors")
	}
}
