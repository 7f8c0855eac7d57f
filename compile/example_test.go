package compile_test

import (
	"fmt"
	"regexp"
	"strings"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// evaluate compiles the outputs, runs them at a point and prints a line for each.
func evaluate(at map[string]any, outputs ...*graph.Node) {
	p, err := compile.Compile(outputs...)
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := vm.NewMachine(p).Run(at)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range values {
		fmt.Println(v.Data())
	}
}

// vector is a tensor of one dimension.
func vector(v ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(v))
}

func nodes(n ...*graph.Node) []*graph.Node { return n }

func ExampleGradient() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2))
	dz, _ := compile.Gradient(z, x1, x2)
	evaluate(map[string]any{"x1": 3.0, "x2": 4.0}, z, dz[0], dz[1])
	// Output:
	// 37
	// 10
	// 11
}

// Gradients are nodes: those of a gradient are second derivatives, here ∂²z/∂x1∂x2 and ∂³z/∂x1²∂x2.
func ExampleGradient_mixed() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Mul(graph.Square(x1), graph.Exp(x2))
	d1, _ := compile.Gradient(z, x1)
	d12, _ := compile.Gradient(d1[0], x2)
	d112, _ := compile.Gradient(d12[0], x1)
	evaluate(map[string]any{"x1": 3.0, "x2": 0.0}, d1[0], d12[0], d112[0])
	// Output:
	// 6
	// 6
	// 2
}

// Any node can be differentiated by, not only inputs: the loss is a function of what lies in the middle, too.
func ExampleGradient_intermediate() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	hidden := graph.Mul(g.Const(3), x)
	loss := graph.Sum(graph.Square(hidden))
	d, _ := compile.Gradient(loss, hidden, x)
	evaluate(map[string]any{"x": vector(1, 2)}, d...)
	// Output:
	// [6 12]
	// [18 36]
}

// Costs on one graph share what they have in common, and their gradients do not meet.
func ExampleGradient_severalCosts() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	shared := graph.Square(x)
	a, b := graph.Mul(g.Const(2), shared), graph.Square(shared)
	da, _ := compile.Gradient(a, x)
	db, _ := compile.Gradient(b, x)
	evaluate(map[string]any{"x": 3.0}, da[0], db[0])
	// Output:
	// 12
	// 108
}

// What is behind StopGradient counts as constant: x·stop(x) has the derivative x, not 2x.
func ExampleGradient_stopGradient() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	dx, _ := compile.Gradient(graph.Mul(x, graph.StopGradient(x)), x)
	evaluate(map[string]any{"x": 3.0}, dx[0])
	// Output: 3
}

// A node that the cost does not depend on gets zeros from Gradient; GradientStrict makes that an error.
func ExampleGradientStrict() {
	g := graph.New()
	x, unused := g.Input("x", graph.Float64), g.Input("unused", graph.Float64, 2)
	cost := graph.Sin(x)
	d, _ := compile.Gradient(cost, x, unused)
	evaluate(map[string]any{"x": 0.0}, d...)
	_, err := compile.GradientStrict(cost, x, unused)
	fmt.Println(err != nil)
	// Output:
	// 1
	// [0 0]
	// true
}

// The example of PyTorch's tutorial: Q = 3a³ − b², whose cotangent is [1, 1].
func ExampleVJP() {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 2), g.Input("b", graph.Float64, 2)
	q := graph.Sub(graph.Mul(g.Const(3), graph.Pow(a, g.Const(3))), graph.Square(b))
	d, _ := compile.VJP(nodes(q), nodes(a, b), nodes(graph.Constant(g, []float64{1, 1}, 2)))
	evaluate(map[string]any{"a": vector(2, 3), "b": vector(6, 4)}, d...)
	// Output:
	// [36 81]
	// [-12 -8]
}

func ExampleJVP() {
	g := graph.New()
	x, v := g.Input("x", graph.Float64, 2), g.Input("v", graph.Float64, 2)
	dot, _ := compile.JVP(nodes(graph.Square(x)), nodes(x), nodes(v))
	evaluate(map[string]any{"x": vector(1, 2), "v": vector(10, 100)}, dot...)
	// Output: [20 400]
}

// A wide output has few columns to sweep forward, a narrow one few rows to sweep in reverse; the Jacobian's shape is the output's followed
// by the input's.
func ExampleJacobian() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	a, b := graph.Index(x, 0), graph.Index(x, 1)
	wide := graph.Stack(0, graph.Mul(a, b), graph.Square(a), graph.Square(b)) // forward
	narrow := graph.Mul(a, b)                                                 // reverse
	jw, _ := compile.Jacobian(wide, x)
	jn, _ := compile.Jacobian(narrow, x)
	fmt.Println(jw.Shape(), jn.Shape())
	evaluate(map[string]any{"x": vector(3, 4)}, jw, jn)
	// Output:
	// [3×2] [2]
	// [4 3 6 0 0 8]
	// [4 3]
}

func ExampleHessian() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	h, _ := compile.Hessian(graph.Sum(graph.Pow(x, g.Const(3))), x)
	evaluate(map[string]any{"x": vector(1, 2, 3)}, h)
	// Output: [6 0 0 0 12 0 0 0 18]
}

// The product of the Hessian with a vector costs little more than a gradient, whatever its size.
func ExampleHVP() {
	g := graph.New()
	x, v := g.Input("x", graph.Float64, 3), g.Input("v", graph.Float64, 3)
	hv, _ := compile.HVP(graph.Sum(graph.Pow(x, g.Const(3))), nodes(x), nodes(v))
	evaluate(map[string]any{"x": vector(1, 2, 3), "v": vector(1, 1, 10)}, hv...)
	// Output: [6 12 180]
}

func ExampleGaussNewton() {
	g := graph.New()
	x, v := g.Input("x", graph.Float64, 2), g.Input("v", graph.Float64, 2)
	jtj, _ := compile.GaussNewton(nodes(graph.Square(x)), nodes(x), nodes(v))
	evaluate(map[string]any{"x": vector(1, 2), "v": vector(1, 1)}, jtj...)
	// Output: [4 16]
}

// All derivatives of exp(2t) at t = 0 along a direction.
func ExampleDirectional() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	d, _ := compile.Directional(5, nodes(graph.Exp(x)), nodes(x), nodes(g.Const(2)))
	for _, order := range d {
		evaluate(map[string]any{"x": 0.0}, order[0])
	}
	// Output:
	// 2
	// 4
	// 8
	// 16
	// 32
}

// The series of 1/(1 − x − x²) has Fibonacci's numbers as coefficients.
func ExampleTaylor() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Reciprocal(graph.Sub(g.Const(1), graph.Add(x, graph.Square(x))))
	series, _ := compile.Taylor(8, nodes(y), nodes(x), [][]*graph.Node{{g.Const(1)}})
	var all []*graph.Node
	for _, c := range series {
		all = append(all, c[0])
	}
	evaluate(map[string]any{"x": 0.0}, graph.Stack(0, all...))
	// Output: [1 1 2 3 5 8 13 21 34]
}

// The derivative of differences is banded: two directions give all entries.
func ExampleSparseJacobian() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 5)
	a, b := graph.Slice(x, graph.Range{Limit: 4}), graph.Slice(x, graph.Range{Start: 1, Limit: 5})
	j, _ := compile.SparseJacobian(graph.Sub(graph.Square(b), a), x)
	fmt.Println(j.Rows, j.Columns, j.Colors)
	fmt.Println(j.Start, j.Cols)
	evaluate(map[string]any{"x": vector(1, 2, 3, 4, 5)}, j.Values)
	// Output:
	// 4 5 2
	// [0 2 4 6 8] [0 1 1 2 2 3 3 4]
	// [-1 4 -1 6 -1 8 -1 10]
}

// The Hessian of a chain is tridiagonal: three colours, whatever its length.
func ExampleSparseHessian() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	a, b := graph.Slice(x, graph.Range{Limit: 999}), graph.Slice(x, graph.Range{Start: 1, Limit: 1000})
	rosenbrock := graph.Sum(graph.Add(graph.Mul(g.Const(100), graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(g.Const(1), a))))
	h, _ := compile.SparseHessian(rosenbrock, x)
	fmt.Println(h.NonZeros(), h.Colors)
	// Output: 2998 3
}

// A step of Newton's method for x² = (1, 4, 9) from (2, 2, 2), with a sparse solution of the linear system.
func ExampleSparseMatrix_CSR() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	residual := graph.Sub(graph.Square(x), graph.Constant(g, []float64{1, 4, 9}, 3))
	j, _ := compile.SparseJacobian(residual, x)
	next := graph.Sub(x, j.CSR().Solve(residual))
	evaluate(map[string]any{"x": vector(2, 2, 2)}, next)
	// Output: [1.25 2 3.25]
}

func ExampleJacobianPattern() {
	g := graph.New()
	x := g.Input("x", graph.Float64, 4)
	p, _ := compile.JacobianPattern(graph.Mul(x, graph.Roll(x, 1, 0)), x)
	for i := range p.Rows {
		fmt.Println(p.Row(i))
	}
	// Output:
	// [0 3]
	// [0 1]
	// [1 2]
	// [2 3]
}

// The gradient for each of many points at once.
func ExampleBatch() {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 2), g.Input("w", graph.Float64, 2)
	d, _ := compile.Gradient(graph.Exp(graph.Sum(graph.Mul(w, x))), x)
	xs := g.Input("xs", graph.Float64, 3, 2)
	b, _ := compile.Batch(d, nodes(x), nodes(xs))
	fmt.Println(b[0].Type())
	evaluate(map[string]any{"xs": tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float64{0, 0, 1, -1, -2, 2})), "w": vector(1, 1)}, b...)
	// Output:
	// f64[3×2]
	// [1 1 1 1 1 1]
}

// Derivatives can be taken within the body of a loop, by its own nodes and by those from outside: Newton's method for cos y = a·y, with the derivative of the equation by y, and the
// derivative of the solution by a.
func ExampleGradient_inALoop() {
	g := graph.New()
	a := g.Input("a", graph.Float64)
	residual := func(y *graph.Node) *graph.Node { return graph.Sub(graph.Cos(y), graph.Mul(a, y)) }
	y, _ := graph.While(50, nodes(g.Const(1)),
		func(y []*graph.Node) *graph.Node { return graph.Greater(graph.Abs(residual(y[0])), g.Const(1e-14)) },
		func(y []*graph.Node) []*graph.Node {
			r := residual(y[0])
			slope, err := compile.Gradient(r, y[0])
			if err != nil {
				fmt.Println(err)
				return nil
			}
			return nodes(graph.Sub(y[0], graph.Div(r, slope[0])))
		})
	dy, _ := compile.Gradient(y[0], a)
	implicit := graph.Neg(graph.Div(y[0], graph.Add(graph.Sin(y[0]), a))) // dy/da by the implicit function theorem
	evaluate(map[string]any{"a": 1.0}, graph.Round(graph.Mul(y[0], g.Const(1e9))), graph.Less(graph.Abs(graph.Sub(dy[0], implicit)), g.Const(1e-6)))
	// Output:
	// 7.39085133e+08
	// true
}

// Names of outputs, and a choice of the compiler, are fields of Config.
func ExampleConfig() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	p, err := compile.Config{Names: []string{"y"}, Disable: []string{"fold"}}.Compile(graph.Sqrt(x))
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := vm.NewMachine(p).Call(16)
	fmt.Println(p.Outputs()[0].Name, out[0], err)
	// Output: y 4 <nil>
}

// Mistakes are collected while the graph is built, and returned together, each with its line.
func ExampleCompile_mistakes() {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 3), g.Input("b", graph.Float64, 4)
	_, err := compile.Compile(graph.Exp(graph.Add(a, b)))
	first, _, _ := strings.Cut(err.Error(), "\n") // below stand the lines that led here
	fmt.Println(regexp.MustCompile(`\S*_test.go:\d+`).ReplaceAllString(first, "FILE:LINE"))
	// Output: FILE:LINE: add: shapes [3] and [4] do not broadcast: extents 3 and 4 in dimension 1 from the end
}

// Report says what is slow by the way it is written.
func ExampleReport() {
	g := graph.New()
	n := g.Input("n", graph.Int64)
	x := g.Input("x", graph.Float64)
	remarks, err := compile.Report(graph.Sin(x).Mul(graph.Cast(graph.FloorDivide(n, n.Add(1)), graph.Float64)))
	if err != nil || len(remarks) == 0 {
		fmt.Println(err)
		return
	}
	r := remarks[0]
	fmt.Println(r.What)
	fmt.Println(r.Way)
	// Output:
	// div of int64 keeps scalar code of 16 operations from becoming machine code
	// use floats, or leave it out of the loop or graph
}
