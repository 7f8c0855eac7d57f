package gosource_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gosource"
	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/vectors"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// TestAssembly generates loops of all lengths up to a few iterations and blocks, of more than one piece, of several dimensions, with all types, in the body of a loop, with windows and with results of reductions, and compares what
// each instruction set gives with machines bit by bit.
func TestAssembly(t *testing.T) {
	lengths := []int{63, 64, 65, 127, 511, 512, 513, 1000, 1025, 2049}
	for n := range 37 {
		lengths = append(lengths, n+1)
	}
	if testing.Short() {
		lengths = lengths[len(lengths)-20:]
	}
	m := newGenerated(t)
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		g, at := graph.New(), testkit.Point{}
		input := func(name string, shape ...int) *graph.Node {
			x := g.Input(name, d, shape...)
			v := ref.New(x.Type())
			for i := range v.F {
				v.F[i] = float64(float32(math.Sin(float64(7*i+len(name))) + 0.2))
			}
			at[x] = v
			return x
		}
		var outputs []*graph.Node
		all := func(x *graph.Node) {
			y := graph.Add(graph.Exp(x).Mul(2), x)
			positive := graph.Greater(x, graph.Like(x, 0.25))
			whole := graph.Cast(x.Mul(40), graph.Int32)
			outputs = append(outputs, y, graph.Sum(y.Mul(x)), graph.ReduceMax(y, nil), graph.ReduceMin(y.Sub(x), nil), graph.ReduceProd(graph.Cos(x), nil), positive, graph.Where(positive, y, graph.Sin(x)),
				graph.Sum(whole), graph.ReduceMax(graph.Cast(whole, graph.Int64), nil), graph.Sum(x))
		}
		for _, n := range lengths {
			all(input(fmt.Sprint("x", n), n))
		}
		run := func(what string) {
			p := must[*vm.Program](t)(compile.Compile(outputs...))
			if err := m.add(fmt.Sprint(what, " of ", d), p, g.Inputs(), at); err != nil {
				t.Errorf("%s of %v: %v", what, d, err)
			}
			g, at, outputs = graph.New(), testkit.Point{}, nil
		}
		run("lengths")
		// Of several pieces, whose elements are not printed one by one.
		for _, n := range []int{16384, 16385, 40000} {
			x := graph.Cast(graph.Iota(g, graph.Int32, 0, n), d).Mul(input(fmt.Sprint("c", n))).Div(1e4)
			y := graph.Exp(graph.Sin(x)).Mul(x)
			outputs = append(outputs, graph.Sum(y), graph.ReduceMax(y, nil), graph.ReduceProd(graph.Cos(x).Mul(1e-4).Add(1), nil), graph.Sum(graph.Cast(y, graph.Int64)),
				graph.Sum(graph.Slice(y, graph.Range{Start: n - 100, Limit: n})))
		}
		run("pieces")
		x, s, v := input("x", 5, 37), input("s", 5, 1), input("v", 37)
		y := graph.Exp(graph.Mul(x, s)).Add(v)
		final, rows := graph.Scan(6, []*graph.Node{v}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			z := graph.Tanh(c[0].Add(0.1))
			return []*graph.Node{z}, []*graph.Node{graph.Sum(z.Mul(c[0]))}
		})
		padded := graph.Sum(graph.Square(graph.Slice(v, graph.Range{Start: 3, Limit: 37}).Sub(graph.Slice(v, graph.Range{Limit: 34}))))
		outputs = append(outputs, y, graph.ReduceSum(y, []int{1}), graph.ReduceMax(y, []int{1}), graph.ReduceSum(y, []int{0}), graph.Transpose(y), final[0], rows[0], padded)
		outputs = append(outputs, must[[]*graph.Node](t)(compile.Gradient(graph.Sum(y), x, s, v))...)
		outputs = append(outputs, must[[]*graph.Node](t)(compile.Gradient(padded, v))...)
		outputs = append(outputs, must[[]*graph.Node](t)(compile.Gradient(graph.Sum(final[0]), v))...)
		run("dimensions")
		// Arguments that are rare, for which code calls functions of its own, among others that are not.
		z := input("z", 50)
		rare := []float64{1e300, 1e22, -1e-310, 5e-324, math.Inf(1), math.NaN(), math.Copysign(0, -1), -700, 3e5}
		for i, x := range rare {
			at[z].F[5*i+i%2] = x
			if d == graph.Float32 {
				at[z].F[5*i+i%2] = float64(float32(x))
			}
		}
		outputs = append(outputs, graph.Sin(z), graph.Cos(z), graph.Tan(z), graph.Exp(z), graph.Log(graph.Abs(z)), graph.Pow(graph.Abs(z), graph.Like(z, 3.3)), graph.Sum(graph.Sin(graph.Slice(z, graph.Range{Limit: 30}))))
		run("rare arguments")
	}
	if m.loops < 40 {
		t.Errorf("%d loops in assembly", m.loops)
	}
	m.run()
	if !testing.Short() {
		m.vet()
	}
}

// TestAssemblyOnPlatforms vets and builds the sample, which imports nothing, for processors that have its assembly, for others, and without it.
func TestAssemblyOnPlatforms(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	for _, c := range []struct{ processor, tags, files string }{
		{"amd64", "", "vectors.go vectors_amd64.go + vectors_amd64.s"},
		{"amd64", "purego", "vectors.go vectors_generic.go + "},
		{"arm64", "", "vectors.go vectors_arm64.go + vectors_arm64.s"},
		{"arm64", "purego", "vectors.go vectors_generic.go + "},
		{"386", "", "vectors.go vectors_generic.go + "},
		{"riscv64", "", "vectors.go vectors_generic.go + "},
	} {
		for _, args := range [][]string{{"list", "-f", `{{join .GoFiles " "}} + {{join .SFiles " "}}`}, {"vet"}, {"build"}} {
			cmd := exec.Command("go", append(args, "-tags", c.tags, "./internal/samples/vectors")...)
			cmd.Env = append(os.Environ(), "GOARCH="+c.processor, "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("go %s for %s, tags %q: %v\n%s", args[0], c.processor, c.tags, err, out)
			}
			if args[0] == "list" && strings.TrimSuffix(string(out), "\n") != c.files {
				t.Errorf("%s, tags %q: files %q, want %q", c.processor, c.tags, out, c.files)
			}
		}
	}
}

// A call allocates nothing.
func TestAssemblyAllocates(t *testing.T) {
	m, x, dx := vectors.NewVectors(), new([1000]float64), new([1000]float64)
	if n := testing.AllocsPerRun(10, func() { sink += m.Run(x, dx) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// What is in files of assembly, and what is not.
func TestAssemblyFiles(t *testing.T) {
	p, _ := buildSeed(t)
	for _, base := range []string{"", "a/b", "x_test"} {
		if _, err := (gosource.Config{}).GenerateAssembly(p, base); err == nil {
			t.Errorf("files %q are accepted", base)
		}
	}
	if _, err := (gosource.Config{Func: "cpuid"}).GenerateAssembly(p, "seed"); err == nil {
		t.Error("a function with the name of one in assembly is accepted")
	}
	// A program of scalars has no assembly, and is as without it.
	files := must[[]gosource.File](t)(gosource.Config{}.GenerateAssembly(p, "seed"))
	if plain := must[[]byte](t)(gosource.Generate(p)); len(files) != 1 || files[0].Name != "seed.go" || !bytes.Equal(files[0].Text, plain) {
		t.Errorf("%d files of a program of scalars: %s", len(files), files[0].Text)
	}
	g := graph.New()
	x := g.Input("vectors", graph.Float64, 400)
	flushed := must[*vm.Program](t)(compile.Config{FastMath: true}.Compile(graph.Exp(x)))
	for _, f := range must[[]gosource.File](t)(gosource.Config{}.GenerateAssembly(flushed, "f")) {
		switch {
		case strings.Contains(f.Name, "arm64"):
			t.Errorf("%s: flushing subnormal numbers has no code there", f.Name)
		case f.Name == "f_amd64.s" && !strings.Contains(string(f.Text), "ldmxcsr"):
			t.Errorf("subnormal numbers are not flushed:\n%s", f.Text)
		case f.Name == "f_generic.go" && !strings.Contains(string(f.Text), "//go:build !gc || purego || !amd64\n"):
			t.Errorf("%s", f.Text)
		}
	}
	// The code has the scratch memory that it asks for, behind the table of pointers.
	sine := must[*vm.Program](t)(compile.Compile(graph.Sin(x).Mul(g.Input("c", graph.Float64))))
	need := must[*native.LoopCode](t)(native.CodeOfLoop(sine.Code().Instrs[0].Loop, cpu.AVX512))
	for _, f := range must[[]gosource.File](t)(gosource.Config{}.GenerateAssembly(sine, "f")) {
		if f.Name != "f_amd64.s" {
			continue
		}
		frame := regexp.MustCompile(`(?s)loop1AVX512\(SB\), 0, \$(\d+)-.*?LEAQ (\d+)\(SP\), DX`).FindSubmatch(f.Text)
		size, scratch := must[int](t)(strconv.Atoi(string(frame[1]))), must[int](t)(strconv.Atoi(string(frame[2])))
		if need.Fixed == 0 || need.Slots == 0 || scratch-need.Fixed < 3*8 || size-scratch < need.Slots {
			t.Errorf("a frame of %d bytes, scratch memory at %d, for %d bytes before and %d bytes behind", size, scratch, need.Fixed, need.Slots)
		}
	}
	shared := must[*vm.Program](t)(compile.Compile(graph.Exp(x), graph.Exp(g.Input("y", graph.Float64, 408))))
	files = must[[]gosource.File](t)(gosource.Config{}.GenerateAssembly(shared, "f"))
	if n := strings.Count(string(files[0].Text), "loop1("); n != 2 || strings.Contains(string(files[0].Text), "loop2") {
		t.Errorf("%d calls of one code:\n%s", n, files[0].Text)
	}
}
