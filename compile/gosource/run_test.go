package gosource_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gosource"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// generated is a module of generated packages, with a command that calls the function of each with given inputs and prints what it gives.
type generated struct {
	t        *testing.T
	dir      string
	packages []string
	calls    bytes.Buffer
	main     bytes.Buffer
	runs     []expected
	loops    int // in assembly
}

// expected is a call of a package's function.
type expected struct {
	name, what string
	want       []ref.Value
}

func newGenerated(t *testing.T) *generated {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	return &generated{t: t, dir: t.TempDir()}
}

func (m *generated) write(name, text string) {
	m.t.Helper()
	file := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		m.t.Fatal(err)
	}
}

// add generates the program's source, plain and with assembly, and calls with the point.
func (m *generated) add(what string, p *vm.Program, inputs []*graph.Node, at testkit.Point) error {
	want, err := testkit.Run(vm.NewMachine(p), at)
	if err != nil {
		return nil // what fails is for other tests
	}
	name := fmt.Sprint("p", len(m.packages))
	source, err := gosource.Config{Package: name, Func: "Function"}.Generate(p)
	if err != nil {
		return err
	}
	add := func(name string, source []byte) error {
		m.packages = append(m.packages, name)
		return m.call(name, source, p, inputs, at)
	}
	m.write(name+"/"+name+".go", string(source))
	if err := add(name, source); err != nil {
		return err
	}
	m.expect(expected{name, what, want})
	name = fmt.Sprint("p", len(m.packages))
	files, err := gosource.Config{Package: name, Func: "Function"}.GenerateAssembly(p, name)
	if err != nil || len(files) == 1 {
		return err
	}
	for _, f := range files {
		m.write(name+"/"+f.Name, string(f.Text))
		if f.Name == name+"_amd64.go" {
			m.loops += strings.Count(string(f.Text), "//go:noescape") / 2
		}
	}
	if err := add(name, files[0].Text); err != nil {
		return err
	}
	m.expect(expected{name, what + ", assembly", want})
	if runtime.GOARCH != "amd64" {
		return nil
	}
	m.write(name+"/limit.go", "package "+name+"\n\nfunc Limit(some, all bool) {\nfunctionVectors, functionWide = functionVectorInstructions()\nfunctionVectors, functionWide = functionVectors && some, functionWide && all\n}\n")
	fmt.Fprintf(&m.main, "%s.Limit(true, false)\n", name)
	m.expect(expected{name, what + ", assembly with AVX2", want})
	fmt.Fprintf(&m.main, "%s.Limit(false, false)\n", name)
	m.expect(expected{name, what + ", without the instructions", want})
	return nil
}

// expect has the command call a package's function.
func (m *generated) expect(e expected) {
	fmt.Fprintf(&m.main, "call_%s()\n", e.name)
	m.runs = append(m.runs, e)
}

// call writes a function that calls the generated one.
func (m *generated) call(name string, source []byte, p *vm.Program, inputs []*graph.Node, at testkit.Point) error {
	f, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
	if err != nil {
		return err
	}
	var fn *ast.FuncDecl
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && (d.Name.Name == "Function" || d.Name.Name == "Run") {
			fn = d
		}
	}
	expand := func(list *ast.FieldList) (types_ []string) {
		if list == nil {
			return nil
		}
		for _, f := range list.List {
			for range f.Names {
				types_ = append(types_, types.ExprString(f.Type))
			}
		}
		return types_
	}
	args, results := expand(fn.Type.Params), expand(fn.Type.Results)
	b := &m.calls
	fmt.Fprintf(b, "func call_%s() {\n", name)
	var list []string
	for i, t := range args {
		v := fmt.Sprint("a", i)
		list = append(list, v)
		array, isArray := strings.CutPrefix(t, "*")
		if isArray {
			fmt.Fprintf(b, "g%s := newGuarded[%s]()\ndefer g%[1]s.check()\n%[1]s := &g%[1]s.array\n", v, array)
		}
		if i >= len(inputs) {
			continue
		}
		element := t
		if isArray {
			_, element, _ = strings.Cut(array, "]")
			fmt.Fprintf(b, "*%s = %s{", v, array)
		} else {
			fmt.Fprintf(b, "%s := ", v)
		}
		value := at[inputs[i]]
		for k := range value.Len() {
			switch {
			case value.F != nil:
				fmt.Fprintf(b, "%s(math.Float64frombits(%#x))", element, math.Float64bits(value.F[k]))
			case value.I != nil:
				fmt.Fprintf(b, "%s(%d)", element, value.I[k])
			default:
				fmt.Fprint(b, value.B[k])
			}
			if isArray {
				b.WriteString(", ")
			}
		}
		if isArray {
			b.WriteByte('}')
		}
		b.WriteByte('\n')
	}
	function := name + ".Function"
	if fn.Recv != nil {
		fmt.Fprintf(b, "m := %s.NewFunction()\n", name)
		function = "m.Run"
	}
	var to []string
	fails := false
	for i, t := range results {
		if t == "error" {
			to, fails = append(to, "err"), true
			continue
		}
		to = append(to, fmt.Sprint("r", i))
	}
	if len(to) > 0 {
		fmt.Fprintf(b, "%s := ", strings.Join(to, ", "))
	}
	fmt.Fprintf(b, "%s(%s)\n", function, strings.Join(list, ", "))
	if fails {
		fmt.Fprintf(b, "if err != nil { panic(err) }\n")
	}
	next, result := len(inputs), 0
	for k, s := range p.Outputs() {
		v := ""
		updated := slices.IndexFunc(p.Inputs(), func(in vm.Slot) bool { return in.Update == k+1 })
		switch {
		case len(s.Shape) == 0:
			v = fmt.Sprint("r", result)
			result++
		case updated >= 0:
			v = fmt.Sprintf("a%d[:]", updated)
		default:
			v = fmt.Sprintf("a%d[:]", next)
			next++
		}
		fmt.Fprintf(b, "show(%q, %d, %s)\n", name, k, v)
	}
	b.WriteString("}\n\n")
	return nil
}

const showText = `
// guarded is an array between bytes that nobody writes.
type guarded[T any] struct {
	before [64]byte
	array  T
	behind [64]byte
}

func newGuarded[T any]() *guarded[T] {
	g := new(guarded[T])
	for i := range g.before {
		g.before[i], g.behind[i] = 0xA5, 0xA5
	}
	return g
}

func (g *guarded[T]) check() {
	for i := range g.before {
		if g.before[i] != 0xA5 || g.behind[i] != 0xA5 {
			panic("something was written beside an array")
		}
	}
}

func show(name string, k int, v any) {
	fmt.Print(name, " ", k)
	one := func(x float64) {
		if math.IsNaN(x) {
			fmt.Print(" NaN")
			return
		}
		fmt.Printf(" %x", math.Float64bits(x))
	}
	switch v := v.(type) {
	case float64:
		one(v)
	case float32:
		one(float64(v))
	case []float64:
		for _, x := range v {
			one(x)
		}
	case []float32:
		for _, x := range v {
			one(float64(x))
		}
	default:
		fmt.Print(" ", strings.Trim(fmt.Sprint(v), "[]"))
	}
	fmt.Println()
}
`

// run builds the module, runs it, and compares.
func (m *generated) run() {
	t := m.t
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	main := "package main\n\nimport (\n\"fmt\"\n\"math\"\n\"strings\"\n"
	for _, n := range m.packages {
		main += strconv.Quote("generated/"+n) + "\n"
	}
	m.write("main.go", main+")\n"+showText+m.calls.String()+"func main() {\n"+m.main.String()+"}\n")
	m.write("go.mod", "module generated\n\ngo 1.24\n")
	version := regexp.MustCompile(`(?m)^go .*$`).Find(must[[]byte](t)(os.ReadFile(filepath.Join(root, "go.mod"))))
	m.write("go.work", fmt.Sprintf("%s\n\nuse (\n\t.\n\t%q\n)\n", version, root))
	exe := filepath.Join(m.dir, "main.exe")
	build := m.command("build", "-ldflags=-s -w", "-o", exe, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out[:min(len(out), 4000)])
	}
	var errs bytes.Buffer
	cmd := exec.Command(exe)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("generated program: %v\n%s", err, errs.Bytes()[:min(errs.Len(), 4000)])
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	for _, r := range m.runs {
		for k, want := range r.want {
			if len(lines) == 0 {
				t.Fatalf("%s (%s): no output %d", r.what, r.name, k)
			}
			fields := strings.Fields(lines[0])
			lines = lines[1:]
			if len(fields) < 2 || fields[0] != r.name || fields[1] != fmt.Sprint(k) || len(fields) != 2+want.Len() {
				t.Fatalf("%s: output %d is %.200q", r.what, k, fields)
			}
			for e, text := range fields[2:] {
				if got, want := text, elementText(want, e); got != want {
					t.Errorf("%s: output %d, element %d is %s, want %s\n%s", r.what, k, e, got, want, filepath.Join(m.dir, r.name))
					break
				}
			}
		}
	}
}

// mostVetted bounds the packages that go vet reads.
const mostVetted = 24

// vet runs go vet on packages that run has built.
func (m *generated) vet() {
	m.t.Helper()
	args := []string{"vet"}
	for _, n := range m.packages[:min(len(m.packages), mostVetted)] {
		args = append(args, "./"+n)
	}
	if out, err := m.command(args...).CombinedOutput(); err != nil {
		m.t.Errorf("go vet: %v\n%s", err, out[:min(len(out), 4000)])
	}
}

// command is one of the go command in the module, with a workspace that has the project's own: nothing is fetched, and what was built of it is used.
func (m *generated) command(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = m.dir, append(os.Environ(), "GOWORK="+filepath.Join(m.dir, "go.work"))
	return cmd
}

// elementText returns an element as the generated command prints it; every NaN is like any other.
func elementText(v ref.Value, i int) string {
	switch {
	case v.F != nil:
		if math.IsNaN(v.F[i]) {
			return "NaN"
		}
		return fmt.Sprintf("%x", math.Float64bits(v.F[i]))
	case v.I != nil:
		return fmt.Sprint(v.I[i])
	}
	return fmt.Sprint(v.B[i])
}

var families = []struct {
	name   string
	config testkit.RandomConfig
	seeds  int
}{
	{"tensors", testkit.RandomConfig{DType: graph.Float64, Operators: 14, MaxSize: 100, Order: 1}, 16},
	{"wide", testkit.RandomConfig{DType: graph.Float64, Operators: 8, MaxSize: 3000, Order: 1}, 8},
	{"scalars", testkit.RandomConfig{DType: graph.Float64, Operators: 30, Scalars: true, MaxSize: 10, Order: 2}, 16},
	{"float32", testkit.RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 100, Order: 1}, 12},
	{"loops", testkit.RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 60, Order: 1, Control: true}, 16},
	{"loops of scalars", testkit.RandomConfig{DType: graph.Float64, Operators: 8, Scalars: true, MaxSize: 10, Order: 2, Control: true, Long: true}, 16},
	{"float32 loops", testkit.RandomConfig{DType: graph.Float32, Operators: 5, MaxSize: 60, Order: 1, Control: true}, 8},
}

// TestRandomGraphs generates source of random graphs, compiled in several ways, and compares what it gives with machines bit by bit.
func TestRandomGraphs(t *testing.T) {
	m := newGenerated(t)
	configs := []compile.Config{{}, apart, {Unoptimized: true}, {FastMath: true}}
	for _, f := range families {
		seeds := f.seeds
		if testing.Short() {
			seeds = (seeds + 5) / 6
		}
		for seed := range seeds {
			rc, err := testkit.Random(uint64(seed)+100, f.config)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, seed %d", f.name, seed+100)
			p, err := configs[seed%len(configs)].Compile(rc.Outputs...)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if err := m.add(what, p, rc.Graph.Inputs(), rc.At); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	for _, c := range cases {
		p, g := c.build(t)
		at := testkit.Point{}
		for k, n := range g.Inputs() {
			v := ref.Value{Type: n.Type(), F: make([]float64, n.Shape().Size())}
			for i := range v.F {
				v.F[i] = 1.5 + math.Sin(float64(3*k+i))
			}
			at[n] = v
		}
		if err := m.add(c.name, p, g.Inputs(), at); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	m.run()
	if !testing.Short() {
		m.vet()
	}
}

// TestOperations generates a function of every elementwise operator, of special values, and compares bit by bit.
func TestOperations(t *testing.T) {
	m := newGenerated(t)
	values := []float64{0, math.Copysign(0, -1), 1, -1, 0.3, -2.7, 2.5, 3, -0.75, 7, 1e300, -1e-310, 5e-324, math.Inf(1), math.Inf(-1), math.NaN(), 1e5, -3e9, 1e19, 0.999}
	integers := []int64{0, 1, -1, 2, 3, -7, 12, 1 << 30, -1 << 31}
	for _, d := range []graph.DType{graph.Float64, graph.Float32, graph.Int64, graph.Int32, graph.Bool} {
		g, at := graph.New(), testkit.Point{}
		var in [3]*graph.Node
		const n = 200
		for k := range in {
			in[k] = g.Input(fmt.Sprint("x", k), d, n)
			v := ref.New(in[k].Type())
			for i := range n {
				j := (i*(3*k+1) + i/len(values)*(k+5)) % 1009
				switch {
				case v.F != nil:
					v.F[i] = values[j%len(values)]
					if d == graph.Float32 {
						v.F[i] = float64(float32(v.F[i]))
					}
				case v.I != nil:
					if v.I[i] = integers[j%len(integers)]; k > 0 && v.I[i] == 0 {
						v.I[i] = 5 // no division by zero
					}
				default:
					v.B[i] = j>>k&1 != 0
				}
			}
			at[in[k]] = v
		}
		var outputs []*graph.Node
		for _, op := range graph.Ops() {
			if !op.Elementwise || op.Micro == "" || op.Operands != nil || op.DTypes != 0 && op.DTypes&(1<<d) == 0 || op.MaxArity > 3 || len(op.Attrs) > 0 {
				continue
			}
			if micro.ByName(op.Micro).Info().Cost > 20 { // recurrences and series, which may go on for long
				continue
			}
			outputs = append(outputs, g.Apply(op, in[:op.MinArity], nil))
		}
		for _, to := range []graph.DType{graph.Float64, graph.Float32, graph.Int64, graph.Int32, graph.Bool} {
			outputs = append(outputs, graph.Cast(in[0], to))
		}
		outputs = append(outputs, graph.Where(graph.Cast(in[0], graph.Bool), in[1], in[2]))
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		p, err := compile.Compile(outputs...)
		if err != nil {
			t.Fatal(err)
		}
		if len(outputs) < 13 {
			t.Errorf("%d operators of %v", len(outputs), d)
		}
		if err := m.add(d.String(), p, g.Inputs(), at); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
	m.run()
}

// TestSamplesOfOperators generates source of every operator on its first sample, with a product with its Jacobian's transpose, many operators in one function, and compares bit by bit.
func TestSamplesOfOperators(t *testing.T) {
	m := newGenerated(t)
	const together = 24
	g, at, outputs, names := graph.New(), testkit.Point{}, []*graph.Node(nil), []string(nil)
	flush := func() {
		if len(outputs) == 0 {
			return
		}
		p, err := compile.Compile(outputs...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.add(strings.Join(names, ", "), p, g.Inputs(), at); err != nil {
			t.Errorf("%v: %v", names, err)
		}
		g, at, outputs, names = graph.New(), testkit.Point{}, nil, nil
	}
	// add puts a sample into a graph, and returns the values and derivatives; none if the operator has no sample that can stand alone.
	add := func(g *graph.Graph, at testkit.Point, op *graph.Op, d graph.DType) []*graph.Node {
		s := op.Samples[0]
		var in, wrt []*graph.Node
		for i, si := range s.In {
			v := testkit.SampleValue(si, i, d)
			n := g.Input(fmt.Sprintf("%s%d", op.Name, i), v.Type.DType, v.Type.Shape...)
			at[n] = v
			if in = append(in, n); !si.Constant && v.F != nil {
				wrt = append(wrt, n)
			}
		}
		n := testkit.Build(g, op, s, in)
		if g.Err() != nil {
			return nil
		}
		list := []*graph.Node{n}
		if rs := n.Results(); rs != nil {
			list = nil
			for i := range rs {
				list = append(list, graph.Result(n, i))
			}
		}
		if y := list[0]; y.DType().IsFloat() && len(wrt) > 0 {
			if back, err := compile.VJP([]*graph.Node{y}, wrt, []*graph.Node{graph.Like(y, 0.75)}); err == nil {
				list = append(list, back...)
			}
		}
		return list
	}
	for k, op := range graph.Ops() {
		if len(op.Samples) == 0 || testing.Short() && k%8 != 0 {
			continue
		}
		d := []graph.DType{graph.Float64, graph.Float32}[k%2]
		alone := graph.New()
		alonePoint := testkit.Point{}
		list := add(alone, alonePoint, op, d)
		if list == nil {
			continue
		}
		p, err := compile.Compile(list...)
		if err != nil {
			continue // checked elsewhere
		}
		if _, err := testkit.Run(vm.NewMachine(p), alonePoint); err != nil {
			continue
		}
		if _, err := gosource.Generate(p); err != nil {
			t.Errorf("%s: %v", op.Name, err)
			continue
		}
		outputs = append(outputs, add(g, at, op, d)...)
		if names = append(names, op.Name); len(names) == together {
			flush()
		}
	}
	flush()
	m.run()
}

// TestFollowers generates loops of which the second one reads what the first one writes: at the same elements and those before, what lies between them is in variables; otherwise it is in memory.
func TestFollowers(t *testing.T) {
	m := newGenerated(t)
	between := regexp.MustCompile(`(?m)^\s*(f64 \[|f32 \[|var t\d+ \[)`)
	for _, c := range []struct {
		name     string
		dtype    graph.DType
		n, reach int
		together bool
	}{
		{"no blocks", graph.Float64, 300, 1, true},
		{"blocks", graph.Float64, 1500, 1, true},
		{"whole blocks", graph.Float64, 1025, 1, true},
		{"float32", graph.Float32, 700, 1, true},
		{"few", graph.Float64, 20, 1, true},
		{"two before", graph.Float64, 1000, 2, false},
	} {
		g, at := graph.New(), testkit.Point{}
		x := g.Input("x", c.dtype, c.n)
		end := c.n - c.reach
		r := graph.Slice(x, graph.Range{Start: c.reach, Limit: c.n}).Sub(graph.Square(graph.Slice(x, graph.Range{Limit: end})))
		y := graph.Sum(graph.Square(r))
		v := ref.New(x.Type())
		for i := range v.F {
			v.F[i] = float64(float32(1.5 + math.Sin(float64(3*i))))
		}
		at[x] = v
		d := must[[]*graph.Node](t)(compile.Gradient(y, x))
		p := must[*vm.Program](t)(apart.Compile(y, d[0]))
		if source := must[[]byte](t)(gosource.Generate(p)); between.Match(source) == c.together {
			t.Errorf("%s: together is not %v:\n%s", c.name, c.together, source)
		}
		if err := m.add(c.name, p, g.Inputs(), at); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	m.run()
}
