package tutorial

import (
	"fmt"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 5. What the compiler does

Between a graph and a machine stands a compiler. It changes *how* values are computed and never *what* they are beyond rounding, unless you allow it to. This tutorial follows one function through it: what is
rewritten, how loops are fused, where values lie in memory, and what each line of the program says.

The function has things to find, on purpose: a sum with 0, a product with 1, a product that is written twice.

$$y = \sum_i \big((x_i w_i + 0) \cdot 1 - 2 \sin(x_i w_i)\big)$$
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func build() (y, x, w *graph.Node) {
	g := graph.New()
	x, w = g.Input("x", graph.Float64, 1000), g.Input("w", graph.Float64, 1000)
	y = graph.Sum(x.Mul(w).Add(0).Mul(1).Sub(graph.Sin(x.Mul(w)).Mul(2))).Named("y")
	return y, x, w
}

func Example_given() {
	y, _, _ := build()
	show.Graph([]*graph.Node{y}, viz.WithFolding(false))
	fmt.Println("nodes:", y.Graph().Len())
	// Output:
	// nodes: 12
}

/*
The product $x w$ is one node, although the code has written it twice: constructors return a node that is there already if operator and operands are equal. So the
graph has no common subexpressions to eliminate.

## The passes

A pass takes what the pass before it left. `compile.Passes` lists them in order, with what each does. Most leave this graph alone, since it has no loops, matrix products or scalars to care for.
`Stages` compiles and keeps what each pass left; here for the function together with its gradient, and only the passes that changed something:
*/

func Example_passes() {
	y, x, w := build()
	dy := must(compile.Gradient(y, x, w))
	before := 0
	for _, s := range must(compile.Config{}.Stages(y, dy[0], dy[1])) {
		operations := 0
		for _, n := range s.Nodes {
			if !n.Node.IsInput() && !n.Node.IsConst() {
				operations++
			}
		}
		if operations != before || len(s.Rewrites) > 0 {
			name := s.Pass
			if name == "" {
				name = "given"
			}
			fmt.Printf("%-9s %2d operations", name, operations)
			for _, r := range s.Rewrites {
				fmt.Printf("  %s %d×", r.Name, r.Count)
			}
			fmt.Println()
		}
		before = operations
	}
	// Output:
	// given     15 operations
	// rewrite   11 operations  broadcast-operand 2×  fold 1×  mul-one 1×  order-operands 2×
	// contract   9 operations  contract 2×
}

/*
Read the middle line: `mul-one` has removed $v \cdot 1$; `fold` has computed what depends on constants alone, for the gradient brings products of constants with it; `broadcast-operand` has left out copies of a number into an array,
since operations broadcast; `order-operands` has put operands of commutative operators into an order, so that equal things are recognised. In the last line, `contract` has joined a product and a sum into one operation that rounds once (a *fused multiply-add*).

## What it does not do

$v + 0$ is still there. Is the compiler blind? No: for $v = -0$, $v + 0$ is $+0$, a different number, and $1/v$ would tell. Rewrites are *exact* or change results by rounding only. With `FastMath` you allow the rest, such as
$v + 0 \to v$, $v \cdot 0 \to 0$ (wrong for infinite $v$) and other orders of sums:
*/

func Example_fastMath() {
	y, _, _ := build()
	listing := func(c compile.Config) string {
		return must(c.Compile(y)).WithoutDebug().String()
	}
	fmt.Println("additions of 0, exact:   ", strings.Count(listing(compile.Config{}), "= add.f64"))
	fmt.Println("additions of 0, FastMath:", strings.Count(listing(compile.Config{FastMath: true}), "= add.f64"))
	// Output:
	// additions of 0, exact:    1
	// additions of 0, FastMath: 0
}

/*
## Fusion

Each operation of the graph is a loop over 1000 elements. Run one by one, each loop would read its operands from memory and write its result there, and memory is slow. This is the program without rewrites and fusion (of the function alone):
*/

func Example_unoptimized() {
	y, _, _ := build()
	p := must(compile.Config{Unoptimized: true}.Compile(y)).WithoutDebug()
	fmt.Print(p)
	// Output:
	// arena 24064 bytes, constants 0 bytes at 0
	// input  x            f64[1000]    in0+0
	// input  w            f64[1000]    in1+0
	// output y            f64          @0
	//    0  LOOP  over [1000]  r0=f64in0+0[1]  r1=f64in1+0[1]
	//       r2 = mul.f64 r0, r1
	//       @64 ← r2
	//    1  LOOP  over [1000]  r0=f64@64[1]  r1=f64(0)
	//       r2 = add.f64 r0, r1
	//       @8064 ← r2
	//    2  LOOP  over [1000]  r0=f64@8064[1]  r1=f64(1)
	//       r2 = mul.f64 r0, r1
	//       @16064 ← r2
	//    3  LOOP  over [1000]  r0=f64@64[1]
	//       r1 = sin.f64 r0
	//       @8064 ← r1
	//    4  LOOP  over [1000]  r0=f64@8064[1]  r1=f64(2)
	//       r2 = mul.f64 r0, r1
	//       @64 ← r2
	//    5  LOOP  over [1000]  r0=f64@16064[1]  r1=f64@64[1]
	//       r2 = sub.f64 r0, r1
	//       @8064 ← r2
	//    6  LOOP  over [1000]  r0=f64@8064[1]
	//       @0 ← reduce_sum r0 over 1 dimensions
}

/*
and this is the optimised one, of the function *and its gradient*:
*/

func Example_fused() {
	y, x, w := build()
	dy := must(compile.Gradient(y, x, w))
	fmt.Print(must(compile.Compile(y, dy[0], dy[1])).WithoutDebug())
	// Output:
	// arena 16064 bytes, constants 0 bytes at 0
	// input  x            f64[1000]    in0+0
	// input  w            f64[1000]    in1+0
	// output y            f64          @0
	// output -            f64[1000]    @64
	// output -            f64[1000]    @8064
	//    0  LOOP  over [1000]  r0=f64in0+0[1]  r1=f64in1+0[1]  r2=f64(0)  r3=f64(2)  r4=f64(-2)  r5=f64(1)
	//       r6 = mul.f64 r0, r1
	//       r7 = add.f64 r6, r2
	//       r8 = sin.f64 r6
	//       r7 = fnma.f64 r8, r3, r7
	//       r6 = cos.f64 r6
	//       r6 = fma.f64 r4, r6, r5
	//       r8 = mul.f64 r1, r6
	//       r6 = mul.f64 r0, r6
	//       @64 ← r8
	//       @8064 ← r6
	//       @0 ← reduce_sum r7 over 1 dimensions
}

/*
One loop computes everything. Line by line:

| line | meaning |
|---|---|
| `arena 16064 bytes, constants 0 bytes` | the memory of one machine for values: two gradients of 8000 bytes, and 8 for $y$ in a line of 64 |
| `input x f64[1000] in0+0` | the first input, read where the caller has it, without a copy |
| `output - f64 @0` | an output lies at byte 0 of the arena |
| `LOOP over [1000]` | for each of 1000 elements … |
| `r0=f64in0+0[1]` | … register 0 is the element of input 0, with stride 1 |
| `r2=f64(0)`, `r3=f64(2)` | constants in registers |
| `r6 = mul.f64 r0, r1` | $x w$, once |
| `r7 = add.f64 r6, r2` | the sum with 0 |
| `r8 = sin.f64 r6` | $\sin(x w)$ |
| `r7 = fnma.f64 r8, r3, r7` | $r_7 - r_8 \cdot 2$, rounded once |
| `r6 = cos.f64 r6` | the gradient begins: $\cos(x w)$ |
| `r6 = fma.f64 r4, r6, r5` | $-2\cos(x w) + 1$, the adjoint of the product |
| `r8 = mul.f64 r1, r6` | times $w$: $\partial y/\partial x$ |
| `r6 = mul.f64 r0, r6` | times $x$: $\partial y/\partial w$ |
| `@64 ← r8` | stored as an output |
| `@0 ← reduce_sum r7` | the loop ends in a sum |

Inputs are read once, outputs written once, and everything between stays in registers or in the nearest cache. A machine runs such a loop in blocks of a few hundred elements by SIMD kernels, in machine code that it
makes itself, or by a portable loop. All of them give the same bits.

## Scalars

A graph of scalars becomes straight code. This is the formula of [tutorial 1](01-computational-graphs.ipynb), $z = x_1^2 + x_2^2 + x_1 x_2$, with its gradient:
*/

func Example_scalars() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := x1.Mul(x1).Add(x2.Mul(x2)).Add(x1.Mul(x2)).Named("z")
	dz := must(compile.Gradient(z, x1, x2))
	p := must(compile.Compile(z, dz[0], dz[1])).WithoutDebug()
	fmt.Print(p)
	fmt.Println(must(vm.NewMachine(p).Call(3.0, 4.0)))
	// Output:
	// arena 128 bytes, constants 0 bytes at 64
	// input  x1           f64          @0
	// input  x2           f64          @8
	// output z            f64          @64
	// output -            f64          @72
	// output -            f64          @80
	//    0  STRAIGHT  6 micro-instructions, temporaries c22…c24
	//       t0 = add.f64 x1, x2
	//       c20 = add.f64 x2, t0
	//       c18 = add.f64 x1, t0
	//       t0 = mul.f64 x2, x2
	//       t0 = fma.f64 x1, x1, t0
	//       z = fma.f64 x1, x2, t0
	// [37 10 11]
}

/*
Six operations for the value and both derivatives. The derivatives are $x_1 + (x_1 + x_2)$ and $x_2 + (x_1 + x_2)$, and the sum in brackets is computed once.

## Memory

All values of a run lie in one *arena*, whose size is known before the run. A value's place is used again as soon as nobody needs the value. To see it, take a chain of matrix products, where little can be fused:
*/

func products() []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64, 64, 64)
	h := x
	for range 6 {
		h = graph.Tanh(graph.MatMul(h, x))
	}
	return []*graph.Node{graph.Sum(h).Named("y")}
}

func Example_memory() {
	outputs := products()
	p := must(compile.Compile(outputs...))
	fmt.Println("one matrix:", 64*64*8, "bytes")
	fmt.Println("arena:     ", p.ArenaBytes(), "bytes for", 6, "products")
	show.PNG(must(viz.NewMemoryChart(p, viz.WithScale(1))).PNG)
	// Output:
	// one matrix: 32768 bytes
	// arena:      65600 bytes for 6 products
}

/*
Two matrices are enough: while one is read, the other is written. And with the gradient? Reverse mode needs the values of the forward sweep again, so they cannot be overwritten:
*/

func Example_memoryOfGradient() {
	outputs := products()
	x := outputs[0].Graph().Lookup("x")
	dy := must(compile.Gradient(outputs[0], x))
	p := must(compile.Compile(outputs[0], dy[0]))
	fmt.Println("arena with gradient:", p.ArenaBytes(), "bytes")
	show.PNG(must(viz.NewMemoryChart(p, viz.WithScale(1))).PNG)
	// Output:
	// arena with gradient: 393280 bytes
}

/*
The hill is the shape of every reverse sweep: values pile up going forward, and are used up going backward. [Tutorial 7](07-loops-and-checkpointing.ipynb) is about making it lower.

## Programs are things

A program can be saved, loaded by a process that has no compiler in it, and printed. It is verified when it is loaded, since a file may hold anything:
*/

func Example_saved() {
	y, _, _ := build()
	p := must(compile.Compile(y)).WithoutDebug()
	data := must(p.MarshalBinary())
	q := must(vm.Decode(data))
	fmt.Println("the same program:", q.String() == p.String())
	data[len(data)/2] ^= 1
	_, err := vm.Decode(data)
	fmt.Println("one bit changed:", err != nil)
	// Output:
	// the same program: true
	// one bit changed: true
}

/*
## What to remember

- Rewrites are exact, or change rounding; `FastMath` allows more.
- Elementwise operations fuse into loops that read and write once; function and gradient share one loop.
- Memory is planned before the run, and reused.
- `compile.Explain(os.Stdout, y)` prints all of this for your graph; `cgviz passes --gradient -o passes.html 'x*w + sin(x*w)'` draws it as a page with a slider.

**Try it:** which of the operations of `build` survive if you compile the gradient *without* the value?

Next: [fit a curve, train a network](06-fit-and-train.ipynb).
*/
