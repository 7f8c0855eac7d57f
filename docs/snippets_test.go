package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/eager"
	"github.com/adjoint-go/adjoint/compile/gosource"
	"github.com/adjoint-go/adjoint/compile/gradcheck"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/graph/onnx"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// TestSnippets holds that every block of Go in these pages stands, line by line, in an example of this file, which go test runs.
func TestSnippets(t *testing.T) {
	source := lines(t, "snippets_test.go")
	for _, page := range []string{"../README.md", "CONCEPTS.md", "HOWTO.md", "MIGRATION.md"} {
		blocks := strings.Split(readPage(t, page), "```go\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s has no Go", page)
		}
		for _, b := range blocks {
			code, _, _ := strings.Cut(b, "```")
			if !strings.Contains(source, flush(code)) {
				t.Errorf("%s: no example of snippets_test.go has\n%s", page, code)
			}
		}
	}
}

// flush returns the lines that are not empty without their indentation.
func flush(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString("\n" + line)
		}
	}
	return b.String() + "\n"
}

func lines(t *testing.T, file string) string { return flush(readPage(t, file)) }

func readPage(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func nodes(n ...*graph.Node) []*graph.Node { return n }

func Example_tour() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")

	dz, err := compile.Gradient(z, x1, x2) // nodes like any other: differentiate them again
	if err != nil {
		log.Fatal(err) // every mistake so far, each with your file and line
	}
	p, err := compile.Compile(z, dz[0], dz[1]) // one program for value and gradient
	if err != nil {
		log.Fatal(err)
	}
	m := vm.NewMachine(p) // one machine for each goroutine
	out, err := m.Call(3.0, 4.0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0], out[1], out[2]) // 37 10 11
	// Output: 37 10 11
}

func Example_views() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	m := vm.NewMachine(must(compile.Compile(z)))
	a, b, y := m.Float64("x1"), m.Float64("x2"), m.Float64("z") // the machine's own memory
	for i := range 3 {
		a[0], b[0] = float64(i), 1
		if err := m.Step(); err != nil { // allocates nothing after the first time
			log.Fatal(err)
		}
		fmt.Println(y[0])
	}
	// Output:
	// 1
	// 3
	// 7
}

func Example_function() {
	distance := compile.Function(func(x, y *graph.Node) *graph.Node {
		return graph.Sum(graph.Square(graph.Sub(x, y)))
	})
	r, err := distance.ValueAndGrad(0).Call([]float64{1, 2}, []float64{0, 0})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r[0], r[1]) // 5 [2 4]
	// Output: 5 [2 4]
}

func Example_second() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Sin(x).Named("y")
	first := must(compile.Gradient(y, x))
	second := must(compile.Gradient(first[0], x)) // of a derivative, as of any node
	p := must(compile.Compile(y, first[0], second[0]))
	out := must(vm.NewMachine(p).Call(math.Pi / 2))
	fmt.Printf("%.0f %.0f %.0f\n", out[0].Item(), out[1].Item(), out[2].Item()) // 1 0 -1
	// Output: 1 0 -1
}

func Example_mistakes() {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 3), g.Input("b", graph.Float64, 4)
	_, err := compile.Compile(graph.Add(a, b))
	var mistake *graph.Error
	fmt.Println(errors.As(err, &mistake)) // true: with the line of graph.Add above
	// Output: true
}

func Example_memory() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	p := must(compile.Compile(graph.Sum(graph.Exp(x))))
	m := vm.NewMachine(p, vm.WithMemoryLimit(1000))
	_, err := m.Call(make([]float64, 1000))
	fmt.Println(p.MemoryBytes() > 8000, errors.Is(err, vm.ErrMemoryLimit)) // true true
	// Output: true true
}

func Example_jacobian() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := graph.Mul(x, graph.Roll(x, 1, 0))
	jacobian := must(compile.Jacobian(y, x))                                          // f64[3×3]
	hessian := must(compile.Hessian(graph.Sum(y), x))                                 // f64[3×3]
	product := must(compile.HVP(graph.Sum(y), nodes(x), nodes(graph.FullLike(x, 1)))) // without the matrix
	p := must(compile.Compile(jacobian, hessian, product[0]))
	for _, v := range must(vm.NewMachine(p).Call([]float64{1, 2, 3})) {
		fmt.Println(v)
	}
	// Output:
	// [[3 0 1]
	//  [2 1 0]
	//  [0 3 2]]
	// [[0 1 1]
	//  [1 0 1]
	//  [1 1 0]]
	// [2 2 2]
}

func Example_sparse() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	a, b := graph.Slice(x, graph.Range{Limit: 999}), graph.Slice(x, graph.Range{Start: 1, Limit: 1000})
	chain := graph.Sum(graph.Square(b.Sub(graph.Square(a))).Mul(100).Add(graph.Square(a.Sub(1))))
	h := must(compile.SparseHessian(chain, x))
	fmt.Println(h.NonZeros(), h.Colors) // 2998 entries by 3 products; h.Values is a node, h.CSR() a matrix
	// Output: 2998 3
}

func Example_batch() {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 2), g.Input("w", graph.Float64, 2)
	d := must(compile.Gradient(graph.Exp(graph.Sum(graph.Mul(w, x))), x)) // for one x
	xs := g.Input("xs", graph.Float64, 3, 2)
	all := must(compile.Batch(d, nodes(x), nodes(xs))) // for three, as one program
	p := must(compile.Compile(all...))
	out := must(vm.NewMachine(p).Call(map[string]any{
		"w": []float64{1, 2}, "xs": [][]float64{{0, 0}, {2, -1}, {-2, 1}},
	}))
	fmt.Println(out[0])
	// Output:
	// [[1 2]
	//  [1 2]
	//  [1 2]]
}

func Example_leastSquares() {
	x, y := []float64{0, 1, 2, 3}, []float64{2.0, 1.2, 0.75, 0.43}
	g := graph.New()
	amount, rate := g.Input("amount", graph.Float64), g.Input("rate", graph.Float64)
	model := amount.Mul(graph.Exp(rate.Mul(graph.Constant(g, x, 4)).Neg()))
	fit := must(optimize.Problem{
		Residuals:  nodes(graph.Constant(g, y, 4).Sub(model)),
		Parameters: nodes(amount, rate),
	}.Solve(context.Background(), optimize.Values{"amount": {1}, "rate": {1}}, optimize.Options{}))
	e := must(fit.StandardErrors())
	fmt.Printf("amount %.2f ± %.2f, rate %.2f ± %.2f\n", fit.X["amount"][0], e["amount"][0], fit.X["rate"][0], e["rate"][0])
	// Output:
	// amount 2.00 ± 0.02, rate 0.50 ± 0.01
}

func Example_leastSquaresInShards() {
	g := graph.New()
	x, y, weight := g.Input("x", graph.Float64, 2), g.Input("y", graph.Float64, 2), g.Input("weight", graph.Float64, 2)
	amount, rate := g.Input("amount", graph.Float64), g.Input("rate", graph.Float64)
	model := graph.Mul(graph.Like(x, 1).Mul(amount), graph.Exp(x.Mul(rate).Neg()))
	gram := must(optimize.GramMatrix(weight.Mul(y.Sub(model)), amount, rate))
	job := shard.Job{Program: must(compile.Compile(gram)), Rows: []string{"x", "y"}, Weight: "weight"}
	source := must(shard.Arrays(map[string]any{"x": []float64{0, 1, 2, 3}, "y": []float64{2.0, 1.2, 0.75, 0.43}}))
	pool := must(shard.NewPool(job, source, shard.Options{Shards: 2}))
	fit := must(optimize.MinimizeSquares(context.Background(), optimize.Squares{
		Evaluate:   shard.GramMatrix(pool.Sum),
		Parameters: []string{"amount", "rate"},
		Residuals:  source.Rows(),
	}, optimize.Values{"amount": {1}, "rate": {1}}, optimize.Options{}))
	e := must(fit.StandardErrors())
	fmt.Printf("amount %.2f ± %.2f, rate %.2f ± %.2f\n", fit.X["amount"][0], e["amount"][0], fit.X["rate"][0], e["rate"][0])
	// Output:
	// amount 2.00 ± 0.02, rate 0.50 ± 0.01
}

// A model is a function of nodes; its parameters have names.
func network(s *nn.Scope, x *graph.Node) *graph.Node {
	h := graph.Tanh(nn.Linear(s.In("hidden"), x, 8))
	return nn.Linear(s.In("out"), h, 2)
}

func Example_train() {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("adjoint-docs-%d.safetensors", os.Getpid()))
	defer os.Remove(file)
	points, class := []float32{0, 0, 0, 1, 1, 0, 1, 1}, []int64{0, 1, 1, 0}

	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Float32, 4, 2), g.Input("y", graph.Int64, 4) // batches of 4
	loss := nn.Classification(network(s, x), y, 0)
	t := must(train.New(s, loss, train.Config{Optimizer: train.Adam{}, Rate: train.Constant(0.05), Seed: 1}))
	for range 200 {
		if err := errors.Join(t.Set("x", points), t.Set("y", class)); err != nil {
			log.Fatal(err)
		}
		must(t.Step())
	}
	if err := t.Values().Save(file); err != nil { // .npz or .safetensors
		log.Fatal(err)
	}

	g = graph.New()
	one := g.Input("x", graph.Float32, 1, 2) // a batch of 1
	p := must(compile.Compile(graph.Argmax(network(nn.New(g, graph.Float32), one), 1)))
	m := vm.NewMachine(p)
	if err := must(train.Load(file)).Fill(m); err != nil {
		log.Fatal(err)
	}
	copy(m.Float32("x"), []float32{1, 0})
	if err := m.Step(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(m.OutputView(0))) // [1]
	// Output: [1]
}

func Example_loop() {
	g := graph.New()
	x0, r := g.Input("x0", graph.Float64), g.Input("r", graph.Float64)
	final, path := graph.Scan(100000, nodes(x0), nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		x := c[0].Add(r.Mul(c[0]).Mul(c[0].Neg().Add(1)).Mul(0x1p-10)) // r comes from outside
		return nodes(x), nodes(x)                                      // what the next step gets, what is stacked
	})
	d := must(compile.Gradient(final[0], x0, r))
	config := compile.Config{Checkpoints: compile.Checkpoints{States: 300}} // keep 300 states, compute the others again
	p := must(config.Compile(final[0], d[0], d[1]))
	out := must(vm.NewMachine(p).Call(0.1, 2.0))
	fmt.Println(path[0].Type(), out[0])
	// Output:
	// f64[100000] 0.9999999999999716
}

func Example_ode() {
	g := graph.New()
	growth := g.Input("growth", graph.Float64)
	lotkaVolterra := func(_ *graph.Node, y []*graph.Node) []*graph.Node {
		met := y[0].Mul(y[1])
		return nodes(growth.Mul(y[0]).Sub(met), met.Sub(y[1]))
	}
	times := graph.Constant(g, []float64{1, 2, 5}, 3)
	s := ode.Solve(lotkaVolterra, g.Const(0), times, nodes(g.Const(2), g.Const(1)), ode.Options{RTol: 1e-10, ATol: 1e-10})
	d := must(compile.Gradient(graph.Index(s.Y[1], 2), growth))
	out := must(vm.NewMachine(must(compile.Compile(s.Y[1], d[0]))).Call(1.5))
	fmt.Printf("%.6f %.6f\n", out[0].Float64s(), out[1].Item())
	// Output:
	// [2.735754 2.261381 0.721865] 0.690242
}

func Example_implicit() {
	g := graph.New()
	a := g.Input("a", graph.Float64)
	y := must(implicit.Root(func(y *graph.Node) *graph.Node { return graph.Cos(y).Sub(a.Mul(y)) }, g.Const(1), implicit.Options{}))
	d := must(compile.Gradient(y, a)) // by the implicit function theorem, not through the solver's steps
	out := must(vm.NewMachine(must(compile.Compile(y, d[0]))).Call(1.0))
	fmt.Printf("%.6f %.6f\n", out[0].Item(), out[1].Item())
	// Output:
	// 0.739085 -0.441611
}

func Example_operator() {
	softplus := must(graph.CustomJVP("user_log1pexp", 1,
		func(in []*graph.Node) *graph.Node { return graph.Log(graph.Exp(in[0]).Add(1)) },
		func(in []*graph.Node, y *graph.Node, tangents []*graph.Node) *graph.Node {
			return graph.Sigmoid(in[0]).Mul(tangents[0]) // better numbers than what follows from the definition
		}))
	g := graph.New()
	x := g.Input("x", graph.Float64)
	d := must(compile.Gradient(graph.Call(softplus, x), x))
	fmt.Println(must(vm.NewMachine(must(compile.Compile(d...))).Call(1000.0))[0]) // 1
	// Output: 1
}

func Example_check() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	report := must(gradcheck.Check(nodes(graph.Sin(x)), nodes(x), map[string]any{"x": 0.5}, gradcheck.Options{}))
	fmt.Println(report.Err()) // <nil>: derivatives agree with differences
	// Output: <nil>
}

func Example_nan() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	cost := graph.Sum(graph.Sqrt(x.Sub(1)).Named("root"))
	m := vm.NewMachine(must(compile.Compile(cost)), vm.WithNaNWatch())
	_, err := m.Call([]float64{2, 0, 1}) // run: first NaN in sqrt root (file.go:3)
	var found *vm.NaNError
	fmt.Println(errors.As(err, &found))

	t := must(compile.TraceValues(map[string]any{"x": []float64{2, 0, 1}}, cost)) // every node, as the graph states it
	for _, n := range t.NonFinite() {
		fmt.Println(n.Name()) // root: where the first NaN or infinity began
	}
	// Output:
	// true
	// root
}

func Example_slow() {
	g := graph.New()
	x, a := g.Input("x", graph.Float64, 64, 64), g.Input("a", graph.Float64, 64, 64)
	y := graph.Sum(graph.MatMul(x, a))
	for _, r := range must(compile.Report(y)) { // what is slow by the way it is written
		fmt.Println(r.What, r.Way)
	}
	m := vm.NewMachine(must(compile.Compile(y)))
	must(m.Call(make([]float64, 64*64), make([]float64, 64*64)))
	profile := must(m.Profile(context.Background(), 20)) // where the time goes
	for _, t := range profile.ByOperator() {
		fmt.Fprintln(io.Discard, t.Name, t.Time)
	}
	// Output:
}

func Example_draw() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Sin(x1).Mul(x2).Named("z")
	var w bytes.Buffer
	if err := viz.SVG(&w, nodes(z), viz.WithTitle("z = sin(x1)·x2")); err != nil { // PNG, PDF, HTML, DOT, TikZ, … likewise
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(w.String(), "<svg"))
	// Output: true
}

func Example_onnx() {
	var file bytes.Buffer
	{
		g := graph.New()
		x, w := g.Input("x", graph.Float64, 3), g.Input("w", graph.Float64, 3)
		y := graph.Square(graph.Sum(graph.Mul(x, w))).Named("y")
		weights := must(graph.NewLiteral(w.Type(), make([]byte, 24)))
		if err := onnx.Write(&file, nodes(y), onnx.WriteOptions{Values: map[string]*graph.Literal{"w": weights}}); err != nil {
			log.Fatal(err)
		}
	}
	m := must(onnx.Read(&file)) // or ReadFile
	g := graph.New()
	r := must(m.Build(g, onnx.Options{Trainable: onnx.Floats})) // Dims: map[string]int{"batch": 8} binds extents that are open
	d := must(compile.Gradient(r.Outputs[0], r.Parameters...))
	p := must(compile.Compile(r.Outputs[0], d[0]))
	out := must(vm.NewMachine(p).Call(map[string]any{"x": []float64{1, 2, 3}, "w": []float64{1, 0, 1}}))
	fmt.Println(out[0], out[1]) // 16 [8 16 24]
	// Output: 16 [8 16 24]
}

func Example_source() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Square(x1).Add(x1.Mul(x2)).Named("z")
	d := must(compile.Gradient(z, x1, x2))
	p := must(compile.Config{Names: []string{"z", "dx1", "dx2"}}.Compile(z, d[0], d[1]))
	source := must(gosource.Config{Package: "energy", Func: "Energy"}.Generate(p))
	fmt.Println(strings.Contains(string(source), "func Energy(x1, x2 float64) (z, dx1, dx2 float64) {"))
	x := g.Input("x", graph.Float64, 1000)
	energy := must(compile.Compile(graph.Sum(graph.Exp(x))))
	for _, f := range must(gosource.Config{Package: "energy", Func: "Exponential"}.GenerateAssembly(energy, "exponential")) {
		fmt.Print(f.Name, " ")
	}
	// Output: true
	// exponential.go exponential_amd64.go exponential_amd64.s exponential_arm64.go exponential_arm64.s exponential_generic.go
}

func Example_saved() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	p := must(compile.Compile(graph.Exp(x)))
	data := must(p.MarshalBinary())
	again := must(vm.Decode(data)) // verified; needs package vm alone
	fmt.Println(must(vm.NewMachine(again).Call(0.0))[0])
	// Output: 1
}

func Example_eager() {
	x := eager.Ones(2, 2).RequiresGrad()
	out := x.Add(2).Square().Mul(3).Mean()
	if err := out.Backward(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(out)      // 27
	fmt.Println(x.Grad()) // 4.5 in every cell
	// Output:
	// 27
	// [[4.5 4.5]
	//  [4.5 4.5]]
}

func Example_kinks() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	for _, y := range nodes(graph.Abs(x), graph.Relu(x), graph.Max(x, g.Const(0)), graph.Sqrt(x), graph.Sqrt(graph.Square(x)),
		graph.Where(x.Greater(0), graph.Log(x), x)) {
		d := must(compile.Gradient(y, x))
		fmt.Println(y.Op().Name, must(vm.NewMachine(must(compile.Compile(d...))).Call(0.0))[0])
	}
	// Output:
	// abs 0
	// relu 0
	// max 0.5
	// sqrt +Inf
	// sqrt 0
	// where 1
}
