package compile_test

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// line returns "file:n" of the caller, n lines further down.
func line(down int) string {
	_, file, n, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file[strings.LastIndex(file, "/")+1:], n+down)
}

// The programs whose steps must not allocate: scalar code, a loop with a reduction, whole-tensor kernels.
func stepPrograms(t testing.TB) map[string]*vm.Program {
	programs := map[string]*vm.Program{}
	add := func(name string, outputs ...*graph.Node) {
		programs[name] = must[*vm.Program](t)(testkit.Compile(compile.Config{}, outputs...))
	}
	{
		g := graph.New()
		x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
		z := graph.AddN(graph.Square(x1), graph.Square(x2), graph.Mul(x1, x2))
		add("scalar code", append(grad(t, z, x1, x2), z)...)
	}
	{
		g := graph.New()
		x := g.Input("x", graph.Float64, 3, 2000)
		y := graph.Sum(graph.ReduceMax(graph.Mul(graph.Sin(x), graph.Exp(graph.Neg(graph.Square(x)))), []int{1}))
		add("loops", append(grad(t, y, x), y)...)
	}
	{
		g := graph.New()
		x, w := g.Input("x", graph.Float64, 8, 16), g.Input("w", graph.Float64, 16, 4)
		idx := graph.Constant(g, []int64{3, 0, -1}, 3)
		y := graph.Sum(graph.Square(graph.Gather(graph.Transpose(graph.Softmax(graph.MatMul(x, w), 1)), idx, 0)))
		add("kernels", append(grad(t, y, x, w), y)...)
	}
	{
		g := graph.New()
		x, k := g.Input("x", graph.Float64, 5), g.Input("k", graph.Int64, 5)
		y := graph.Cast(graph.Mod(k, graph.Add(graph.Abs(k), graph.Like(k, 1))), graph.Float64)
		add("integer division", graph.Sum(graph.Mul(x, y)))
	}
	return programs
}

func TestStepAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	for name, p := range stepPrograms(t) {
		m := vm.NewMachine(p)
		for i, s := range p.Inputs() {
			if s.DType == graph.Int64 {
				m.Int64(s.Name)
				continue
			}
			for k := range m.Float64(s.Name) {
				m.Float64(s.Name)[k] = float64(i+k) / 7
			}
		}
		step := func() {
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
		}
		step()
		// Runs over the point at which scalar code is compiled: its memory is allocated once.
		for range 100 {
			step()
		}
		if n := testing.AllocsPerRun(50, step); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 800), g.Input("w", graph.Float64)
	y := graph.Mul(w, graph.Sum(graph.Square(x)))
	m := vm.NewMachine(must[*vm.Program](t)(compile.Compile(y)))
	args := []any{tensor.New(tensor.WithShape(800), tensor.Of(tensor.Float64)), 2.5}
	run := func() {
		if _, err := m.Run(args...); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		run()
	}
	if n := testing.AllocsPerRun(50, run); n != 0 {
		t.Errorf("%v allocations a run", n)
	}
}

// Machines in several goroutines run one program, past the point where it compiles its scalar code.
func TestMachinesShareAProgram(t *testing.T) {
	for name, p := range stepPrograms(t) {
		var wg sync.WaitGroup
		results := make([][]float64, 8)
		for k := range results {
			wg.Go(func() {
				m := vm.NewMachine(p)
				for _, s := range p.Inputs() {
					if s.DType == graph.Float64 {
						for i, v := 0, m.Float64(s.Name); i < len(v); i++ {
							v[i] = math.Sin(float64(i + 1))
						}
					} else {
						for i, v := 0, m.Int64(s.Name); i < len(v); i++ {
							v[i] = int64(3 * i)
						}
					}
				}
				for range 120 {
					if err := m.Step(); err != nil {
						t.Error(err)
						return
					}
				}
				for i := range p.Outputs() {
					results[k] = append(results[k], m.OutputFloat64(i)...)
				}
			})
		}
		wg.Wait()
		for k := range results {
			for i, v := range results[k] {
				if math.Float64bits(v) != math.Float64bits(results[0][i]) {
					t.Errorf("%s: machine %d gives %v at %d, another one %v", name, k, v, i, results[0][i])
					break
				}
			}
		}
	}
}

func TestNaNWatchNamesTheFirstNode(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []int
		at    []float64
		build func(x *graph.Node) (y *graph.Node, where string)
		op    string
	}{
		{"scalar", nil, []float64{-1}, func(x *graph.Node) (*graph.Node, string) {
			y := graph.Sqrt(x)
			return graph.Exp(graph.Add(y, x)), line(-1)
		}, "sqrt"},
		{"scalar over its operand", nil, []float64{0}, func(x *graph.Node) (*graph.Node, string) {
			inf := graph.Div(graph.Like(x, 1), x)
			d := graph.Sub(inf, graph.Div(graph.Like(x, 2), x))
			return graph.Sin(graph.Mul(d, d)), line(-1)
		}, "sub"},
		{"array", []int{3}, []float64{1, 0, -2}, func(x *graph.Node) (*graph.Node, string) {
			y := graph.Log(x)
			return graph.Cos(graph.Mul(y, x)), line(-1)
		}, "log"},
		{"array over its operand", []int{2}, []float64{1, inf}, func(x *graph.Node) (*graph.Node, string) {
			return graph.Exp(graph.Sin(graph.Square(x))), line(0)
		}, "sin"},
		{"reduction", []int{2}, []float64{inf, -inf}, func(x *graph.Node) (*graph.Node, string) {
			return graph.Exp(graph.Sum(x)), line(0)
		}, "reduce_sum"},
		{"kernel", []int{1, 2}, []float64{inf, 1}, func(x *graph.Node) (*graph.Node, string) {
			w := graph.Constant(x.Graph(), []float64{1, 0, 2, 3}, 2, 2)
			y := graph.MatMul(x, w)
			return graph.Exp(y), line(-1)
		}, "matmul"},
		{"NaN from outside", nil, []float64{nan}, func(x *graph.Node) (*graph.Node, string) {
			return graph.Exp(x), ""
		}, ""},
		{"no NaN", []int{2}, []float64{1, 2}, func(x *graph.Node) (*graph.Node, string) {
			return graph.Where(graph.Greater(x, graph.Like(x, 0)), graph.Log(x), x), ""
		}, ""},
	} {
		for cname, cfg := range configs {
			g := graph.New()
			x := g.Input("x", graph.Float64, c.shape...)
			y, where := c.build(x)
			m := vm.NewMachine(must[*vm.Program](t)(testkit.Compile(cfg, y)), vm.WithNaNWatch())
			for range 3 {
				_, err := testkit.Run(m, point(x, c.at))
				if c.op == "" {
					if err != nil {
						t.Errorf("%s, %s: %v", c.name, cname, err)
					}
					continue
				}
				var first *vm.NaNError
				if !errors.As(err, &first) || !strings.HasPrefix(first.Where, c.op+" ") || !strings.Contains(first.Where, where) {
					t.Errorf("%s, %s: %v, want %s at %s", c.name, cname, err, c.op, where)
				}
			}
		}
	}
}

// Infinities are watched for where that is asked for; one that comes in is none that is made.
func TestInfWatch(t *testing.T) {
	for name, cfg := range configs {
		for _, shape := range [][]int{nil, {5}, {40, 40}} {
			g := graph.New()
			x := g.Input("x", graph.Float64, shape...)
			e := graph.Exp(x)
			where := line(-1)
			y := graph.Sum(graph.Div(g.Const(1), graph.Add(g.Const(1), e)))
			p := must[*vm.Program](t)(testkit.Compile(cfg, y))
			at := func(v float64) testkit.Point { return point(x, slices.Repeat([]float64{v}, x.Shape().Size())) }
			for _, c := range []struct {
				v    float64
				opt  vm.Option
				fail bool
			}{{3, vm.WithInfWatch(), false}, {1000, vm.WithInfWatch(), true}, {1000, vm.WithNaNWatch(), false}, {math.Inf(1), vm.WithInfWatch(), false}, {math.NaN(), vm.WithInfWatch(), false}} {
				_, err := testkit.Run(vm.NewMachine(p, c.opt), at(c.v))
				var first *vm.NaNError
				if found := errors.As(err, &first); found != c.fail || found && (!strings.HasPrefix(first.Where, "exp ") || !strings.Contains(first.Where, where) || !strings.Contains(err.Error(), "infinity")) {
					t.Errorf("%s, %v at %v: %v", name, shape, c.v, err)
				}
			}
		}
	}
}

func TestRuntimeErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *graph.Graph) (*graph.Node, testkit.Point, string)
		want  []string
	}{
		{"gather", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			x, k := g.Input("x", graph.Float64, 3, 2), g.Input("k", graph.Int64, 2)
			return graph.Gather(x, k, 0), point(x, []float64{1, 2, 3, 4, 5, 6}, k, []float64{0, 3}), line(0)
		}, []string{"gather", "f64[3×2], i64[2] → f64[2×2]", "3", "out of range"}},
		{"negative index", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			x, k := g.Input("x", graph.Float64, 3), g.Input("k", graph.Int32)
			return graph.Gather(x, k, 0), point(x, []float64{1, 2, 3}, k, -4), line(0)
		}, []string{"gather", "-4", "out of range"}},
		{"scatter_add", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			x, k := g.Input("x", graph.Float64, 2), g.Input("k", graph.Int64, 2)
			return graph.ScatterAdd(k, x, 0, 3), point(x, []float64{1, 2}, k, []float64{0, 7}), line(0)
		}, []string{"scatter_add", "f64[3]", "7", "out of range"}},
		{"integer division of scalars", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			a, b := g.Input("a", graph.Int64), g.Input("b", graph.Int64)
			return graph.Div(a, b).Named("quotient"), point(a, 1, b, 0), line(0)
		}, []string{"div quotient", "i64, i64 → i64", "division by zero"}},
		{"integer modulus of arrays", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			a, b := g.Input("a", graph.Int32, 3), g.Input("b", graph.Int32, 3)
			return graph.Neg(graph.Mod(graph.Neg(a), b)), point(a, []float64{1, 2, 3}, b, []float64{1, 0, 2}), line(0)
		}, []string{"mod", "[3]", "division by zero"}},
		{"integer remainder by a constant", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			a := g.Input("a", graph.Int64, 2)
			return graph.Remainder(a, graph.Like(a, 0)), point(a, []float64{1, 2}), line(0)
		}, []string{"remainder", "division by zero"}},
		{"constants", func(g *graph.Graph) (*graph.Node, testkit.Point, string) {
			return graph.Div(g.Scalar(graph.Int64, 1), g.Scalar(graph.Int64, 0)), nil, line(0)
		}, []string{"div", "division by zero"}},
	} {
		for cname, cfg := range configs {
			for _, opts := range [][]vm.Option{nil, {vm.WithNaNWatch()}} {
				y, at, where := c.build(graph.New())
				m := vm.NewMachine(must[*vm.Program](t)(testkit.Compile(cfg, y)), opts...)
				for range 2 {
					_, err := testkit.Run(m, at)
					if err == nil {
						t.Errorf("%s, %s: no error", c.name, cname)
						continue
					}
					for _, w := range append(c.want, where) {
						if !strings.Contains(err.Error(), w) {
							t.Errorf("%s, %s, watch %v: %q lacks %q", c.name, cname, opts != nil, err, w)
						}
					}
				}
			}
		}
	}
}

// A machine works on after an error.
func TestRunAfterError(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Int64), g.Input("b", graph.Int64)
	m := vm.NewMachine(must[*vm.Program](t)(compile.Compile(graph.Div(a, b))))
	if _, err := testkit.Run(m, point(a, 7, b, 0)); !errors.Is(err, vm.ErrDivideByZero) {
		t.Errorf("%v", err)
	}
	if v, err := testkit.Run(m, point(a, 7, b, 2)); err != nil || v[0].I[0] != 3 {
		t.Errorf("%v, %v", v, err)
	}
}

func TestRunArguments(t *testing.T) {
	g := graph.New()
	x, s := g.Input("x", graph.Float64, 2, 3), g.Input("s", graph.Float32)
	y := graph.Mul(graph.Cast(s, graph.Float64), graph.ReduceSum(x, []int{0}))
	p := must[*vm.Program](t)(testkit.Compile(compile.Config{}, y))
	good := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
	for _, args := range [][]any{
		{good, float32(2)}, {map[string]any{"x": good, "s": float32(2)}},
	} {
		out, err := vm.NewMachine(p).Run(args...)
		if err != nil || fmt.Sprint(out[0].Data()) != "[10 14 18]" {
			t.Errorf("%v, %v", out, err)
		}
	}
	// A transposed view is not in row-major order: it is copied.
	wide := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float64{1, 4, 2, 5, 3, 6}))
	if err := wide.T(); err != nil {
		t.Fatal(err)
	}
	if out, err := vm.NewMachine(p).Run(wide, float32(2)); err != nil || fmt.Sprint(out[0].Data()) != "[10 14 18]" {
		t.Errorf("a transposed tensor: %v, %v", out, err)
	}
	// So is a slice of a larger tensor.
	big := tensor.New(tensor.WithShape(2, 5), tensor.WithBacking([]float64{9, 1, 2, 3, 9, 9, 4, 5, 6, 9}))
	part, err := big.Slice(nil, tensor.S(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := vm.NewMachine(p).Run(part, float32(2)); err != nil || fmt.Sprint(out[0].Data()) != "[10 14 18]" {
		t.Errorf("a sliced tensor: %v, %v", out, err)
	}
	for _, c := range []struct {
		args []any
		want string
	}{
		{[]any{good}, "1 values for 2 inputs (x, s)"},
		{[]any{good, 1e300}, `input "s" is f32: 1e+300 (element 0) is no float32`},
		{[]any{good, true}, `input "s" is f32: got values of bool`},
		{[]any{1.0, float32(2)}, `input "x" is f64[2×3]: got float64`},
		{[]any{map[string]any{"x": good}}, `input "s" has no value`},
		{[]any{map[string]any{"x": good, "z": 1.0}}, `no input is named "z"`},
		{[]any{tensor.New(tensor.WithShape(3, 2), tensor.Of(tensor.Float64)), float32(1)}, `input "x" is f64[2×3]: got a tensor of float64 with shape [3 2]`},
		{[]any{tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float32)), float32(1)}, "float32"},
		{[]any{(*tensor.Dense)(nil), float32(1)}, "nil tensor"},
	} {
		if _, err := vm.NewMachine(p).Run(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Run(%v) = %v, want %q", c.args, err, c.want)
		}
	}
}

// Large inputs are read where they lie, whatever tensor they are bound to next.
func TestRebinding(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	m := vm.NewMachine(must[*vm.Program](t)(testkit.Compile(compile.Config{}, graph.Sum(x), graph.ReduceMax(x, nil), x)))
	for k := range 3 {
		v := make([]float64, 1000)
		for i := range v {
			v[i] = float64(k + 1)
		}
		out, err := m.Run(tensor.New(tensor.WithShape(1000), tensor.WithBacking(v)))
		if err != nil {
			t.Fatal(err)
		}
		if s, top, last := out[0].Data().(float64), out[1].Data().(float64), out[2].Data().([]float64)[999]; s != 1000*float64(k+1) || top != float64(k+1) || last != float64(k+1) {
			t.Errorf("run %d: sum %v, max %v, copy %v", k, s, top, last)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	y := graph.Transpose(graph.Reshape(graph.Sin(x), 10, 100))
	if _, err := (compile.Config{MemoryLimit: 1000}).Compile(y); !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("Compile: %v", err)
	}
	p := must[*vm.Program](t)(compile.Compile(y))
	if _, err := vm.NewMachine(p, vm.WithMemoryLimit(1000)).Run(tensor.New(tensor.WithShape(1000), tensor.Of(tensor.Float64))); !errors.Is(err, vm.ErrMemoryLimit) {
		t.Errorf("Run: %v", err)
	}
	if p.ArenaBytes() < 16000 || p.MemoryBytes() < p.ArenaBytes() {
		t.Errorf("the arena has %d bytes of %d", p.ArenaBytes(), p.MemoryBytes())
	}
}

func TestMachineString(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	p, err := compile.Compile(graph.Sin(graph.MatMul(x, g.Input("w", graph.Float64, 2, 3))).Named("y"), graph.Sum(x))
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`[0-9]+( instructions| bytes|$)|[0-9]+ (native|portable|kernel|blocks)`).ReplaceAllString(vm.NewMachine(p).String(), "N$1")
	if want := regexp.MustCompile(`^machine \(x f64\[2\], w f64\[2×3\] → y f64\[3\], f64\): N instructions(, N)+; N bytes, threads: N$`); !want.MatchString(got) {
		t.Error(got)
	}
	if s := vm.NewMachine(p, vm.WithMemoryLimit(10)).String(); !strings.Contains(s, "cannot run: ") || !strings.Contains(s, "memory limit exceeded") {
		t.Error(s)
	}
	if s := vm.NewMachine(nil).String() + (*vm.Machine)(nil).String(); s != "machine without a programnil" {
		t.Error(s)
	}
}
