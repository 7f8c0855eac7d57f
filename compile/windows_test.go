package compile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/cpu"
	nativecode "github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// stencilCase is a sum of parts of arrays of one to four dimensions, at random distances that may be larger than the array, in both directions, with some operations between them, and its gradient; often
// as the step of a loop whose carries change places.
func stencilCase(d graph.DType) func(seed uint64) (*fuzzCase, error) {
	return func(seed uint64) (*fuzzCase, error) {
		r := rand.New(rand.NewPCG(seed, 17))
		g := graph.New()
		s := make(graph.Shape, 1+r.IntN(4))
		most := []int{3000, 70, 17, 9}[len(s)-1]
		for k := range s {
			s[k] = 1 + r.IntN(most)
		}
		if r.IntN(4) == 0 {
			s[len(s)-1] = 1 + r.IntN(5)
		}
		u, c, p := g.Input("u", d, s...), g.Input("c", d, s...), g.Input("p", d, s[len(s)-1])
		at := testkit.Point{u: testkit.Spread(u.Type(), -1, 1, int(seed)), c: testkit.Spread(c.Type(), -0.5, 0.5, int(seed)+1), p: testkit.Spread(p.Type(), 0.5, 1, int(seed)+2)}
		stencil := func(x *graph.Node) *graph.Node {
			var sum *graph.Node
			for range 1 + r.IntN(6) {
				term := shifted(r, x)
				switch r.IntN(4) {
				case 0:
					term = graph.Mul(term, shifted(r, c))
				case 1:
					term = graph.Mul(term, p)
				case 2:
					term = graph.Mul(term, graph.Like(x, 0.25))
				}
				if sum == nil {
					sum = term
				} else {
					sum = graph.Add(sum, term)
				}
			}
			return graph.Mul(sum, graph.Like(x, 0.3))
		}
		y := inside(r, stencil(u), u)
		if r.IntN(2) == 0 {
			final, _ := graph.Scan(1+r.IntN(6), []*graph.Node{y, u}, nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{inside(r, graph.Add(stencil(carry[0]), graph.Mul(c, carry[1])), carry[0]), carry[0]}, nil
			})
			y = graph.Add(final[0], graph.Mul(final[1], graph.Like(y, 0.5)))
		}
		return withGradient(graph.ReduceSum(graph.Mul(y, graph.Tanh(y)), nil), at, y)
	}
}

// inside is often y without some elements at its ends, with zeros or elements of x in their place.
func inside(r *rand.Rand, y, x *graph.Node) *graph.Node {
	kind := r.IntN(6)
	if kind > 2 {
		return y
	}
	var part []graph.Range
	var low, high []int
	var begin []int64
	for _, e := range y.Shape() {
		first := r.IntN(2) * r.IntN(min(3, e))
		limit := max(e-r.IntN(2), first+1)
		part = append(part, graph.Range{Start: first, Limit: limit})
		low, high, begin = append(low, first), append(high, e-limit), append(begin, int64(first))
	}
	z := graph.Sub(graph.Slice(y, part...), graph.Mul(graph.Slice(x, part...), graph.Like(x, 0.5)))
	switch kind {
	case 0:
		return graph.Pad(z, low, high, 0)
	case 1:
		return graph.DynamicUpdateSlice(x, z, graph.Constant(y.Graph(), begin, len(begin)))
	}
	last := len(part) - 1
	rows := part[:last]
	pieces := []*graph.Node{graph.Slice(x, append(slices.Clone(rows), graph.Range{Limit: low[last]})...), z,
		graph.Slice(x, append(slices.Clone(rows), graph.Range{Start: y.Shape()[last] - high[last], Limit: y.Shape()[last]})...)}
	z = graph.Concat(last, pieces...)
	low[last], high[last] = 0, 0
	return graph.Pad(z, low, high, 0)
}

// shifted is x moved by some elements along each dimension, with zeros or other elements of it from beyond its ends, backwards in some dimensions.
func shifted(r *rand.Rand, x *graph.Node) *graph.Node {
	if r.IntN(3) == 0 { // elements from the other end
		low, high := make([]int, len(x.Shape())), make([]int, len(x.Shape()))
		for range 1 + r.IntN(2) {
			axis := r.IntN(len(low))
			x = graph.Roll(x, r.IntN(7)-3, axis)
			low[axis] = min(r.IntN(3), x.Shape()[axis]-1)
			high[axis] = low[axis]
		}
		if r.IntN(2) == 0 {
			return x
		}
		var part []graph.Range
		for d, e := range x.Shape() {
			start := r.IntN(2*low[d] + 1)
			part = append(part, graph.Range{Start: start, Limit: start + e})
		}
		return graph.Slice(graph.PadMode(x, low, high, []string{"wrap", "reflect", "edge", "symmetric"}[r.IntN(4)]), part...)
	}
	var low, high []int
	var part []graph.Range
	for _, e := range x.Shape() {
		by := r.IntN(7) - 3
		if r.IntN(8) == 0 {
			by *= e
		}
		wide := max(by, -by)
		low, high = append(low, wide), append(high, wide)
		if r.IntN(6) == 0 {
			limit := wide + by - 1
			if limit < 0 {
				limit = graph.All
			}
			part = append(part, graph.Range{Start: wide + by + e - 1, Limit: limit, Step: -1})
		} else {
			part = append(part, graph.Range{Start: wide + by, Limit: wide + by + e})
		}
	}
	return graph.Slice(graph.Pad(x, low, high, 0), part...)
}

// TestStencilIsOneLoop looks at the program of a step of a wave equation: one loop reads all neighbours where they lie, with nothing copied between steps, and the step of its reverse sweep is nothing but loops as well.
func TestStencilIsOneLoop(t *testing.T) {
	g := graph.New()
	const n = 40
	u0, k := g.Input("u0", graph.Float64, n, n), g.Input("k", graph.Float64, n, n)
	final, _ := graph.Scan(7, []*graph.Node{u0, u0}, nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
		u := carry[0]
		p := graph.Pad(u, []int{1, 1}, []int{1, 1}, 0)
		part := func(i, j int) *graph.Node {
			return graph.Slice(p, graph.Range{Start: i, Limit: i + n}, graph.Range{Start: j, Limit: j + n})
		}
		l := graph.Sub(graph.Add(graph.Add(part(0, 1), part(2, 1)), graph.Add(part(1, 0), part(1, 2))), graph.Mul(u, graph.Like(u, 4)))
		return []*graph.Node{graph.Add(graph.Sub(graph.Mul(u, graph.Like(u, 2)), carry[1]), graph.Mul(k, l)), u}, nil
	})
	cost := graph.ReduceSum(graph.Square(final[0]), nil)
	d := grad(t, cost, u0, k)
	p := must[*vm.Program](t)(compile.Compile(cost, d[0], d[1]))
	code := p.Code()
	if len(code.Blocks) != 2 {
		t.Fatalf("%d blocks", len(code.Blocks))
	}
	for b, loops := range []int{1, 3} { // backwards, the adjoint times k has an array of its own, and the adjoint of k is added up apart
		for i := range code.Blocks[b].Instrs {
			if in := &code.Blocks[b].Instrs[i]; in.Op != vm.OpLoop {
				t.Errorf("block %d has the instruction %v %s", b, in.Op, in.Kernel)
			}
		}
		if got := len(code.Blocks[b].Instrs); got != loops {
			t.Errorf("block %d has %d loops and should have %d:\n%v", b, got, loops, p)
		}
	}
	windows := 0
	for _, a := range code.Blocks[0].Instrs[0].Loop.In {
		if a.Window != nil {
			windows++
		}
	}
	if windows != 4 {
		t.Errorf("%d windows", windows)
	}
}

// TestDifferenceAlongRows: parts that lie next to one another, and so are views, need no copy of the padded array either.
func TestDifferenceAlongRows(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 50, 60)
	d := graph.Differences{Accuracy: 4}
	y := graph.Mul(d.Staggered(x, 0, true), d.Derivative(x, 0, 2))
	back := grad(t, graph.Sum(graph.Square(y)), x)[0]
	p := must[*vm.Program](t)(compile.Compile(y, back))
	for _, in := range p.Code().Instrs {
		if in.Op != vm.OpLoop {
			t.Errorf("%v %s in\n%v", in.Op, in.Kernel, p)
		}
	}
}

// TestStencilOverRows: machine code reads windows where they lie, in rows of any length, with elements of either size and a factor for each row, and gives the bits of blocks.
func TestStencilOverRows(t *testing.T) {
	for _, d := range []graph.DType{graph.Float32, graph.Float64} {
		for _, columns := range []int{3, 16, 37, 240} {
			g := graph.New()
			x, rows := g.Input("x", d, 40, columns), g.Input("rows", d, 40, 1)
			l := graph.Differences{Accuracy: 4}.Laplacian(x)
			if columns >= 16 { // otherwise copied
				l = graph.Add(graph.Add(l, graph.Differences{Boundary: graph.PeriodicBoundary}.Laplacian(x)), graph.Roll(graph.Roll(x, columns/2-1, 1), 7, 0))
			}
			y := graph.Mul(rows, graph.Add(l, graph.Pad(graph.Slice(rows, graph.Range{Start: 1, Limit: 38}), []int{2, 0}, []int{1, 0}, 0)))
			p := must[*vm.Program](t)(compile.Compile(y.Named("y")))
			for _, in := range p.Code().Instrs {
				if in.Op != vm.OpLoop {
					t.Errorf("%v, %d columns: %v %s is no loop", d, columns, in.Op, in.Kernel)
				}
			}
			at := testkit.Point{x: testkit.Spread(x.Type(), -1, 1, 1), rows: testkit.Spread(rows.Type(), 0.5, 1, 2)}
			native := vm.NewMachine(p, vm.WithNativeAhead())
			got := must[[]ref.Value](t)(testkit.Run(native, at))
			want := must[[]ref.Value](t)(testkit.Run(vm.NewMachine(p, vm.WithoutNative()), at))
			if !slices.Equal(got[0].F, want[0].F) {
				t.Errorf("%v, %d columns: other bits than those of blocks", d, columns)
			}
			if level := nativecode.BestLevel(); level != cpu.Portable && !strings.Contains(native.MachineCode(), "loop over rows") {
				t.Errorf("%v, %d columns: no code over rows with %v:\n%s", d, columns, level, native.MachineCode())
			}
		}
	}
}

// TestFlushSubnormal: with fast-math, sums and products of subnormal numbers are 0, whatever runs them; without, they are what they are.
func TestFlushSubnormal(t *testing.T) {
	for _, d := range []graph.DType{graph.Float32, graph.Float64} {
		g := graph.New()
		const n = 3000
		x, y := g.Input("x", d, n), g.Input("y", d, n)
		sum := graph.Add(graph.Mul(graph.Slice(graph.Pad(x, []int{1}, []int{0}, 0), graph.Range{Limit: n}), y), graph.Neg(x))
		product := graph.Mul(x, y)
		least := map[graph.DType]float64{graph.Float32: 0x1p-126, graph.Float64: 0x1p-1022}[d]
		at := testkit.Point{x: ref.New(x.Type()), y: ref.New(y.Type())}
		for i := range n {
			at[x].F[i], at[y].F[i] = least*float64(i%9-4)/4, []float64{0.5, -1, 3}[i%3]
		}
		for _, fast := range []bool{false, true} {
			p := must[*vm.Program](t)(compile.Config{FastMath: fast}.Compile(sum, product))
			var first []ref.Value
			for name, options := range map[string][]vm.Option{"blocks": {vm.WithoutNative()}, "native": {vm.WithNativeAhead()}} {
				m := vm.NewMachine(p, options...)
				if err := testkit.Set(m, at); err != nil {
					t.Fatal(err)
				}
				out := must[[]ref.Value](t)(testkit.Run(m, at))
				if first == nil {
					first = out
				}
				for k := range out {
					if err := testkit.SameBits(out[k], first[k]); err != nil {
						t.Errorf("%v, %s: %v", d, name, err)
					}
				}
				for i := range n {
					want := at[x].F[i] * at[y].F[i]
					if small := func(v float64) bool { return v < least && v > -least }; fast && (small(at[x].F[i]) || small(want)) {
						want = 0
					}
					if d == graph.Float32 {
						want = float64(float32(want))
					}
					if got := out[1].F[i]; got != want {
						t.Fatalf("%v, fast-math %v, %s: element %d is %v instead of %v", d, fast, name, i, got, want)
					}
				}
			}
			if has := strings.Contains(fmt.Sprint(p), "flushing"); has != fast {
				t.Errorf("%v, fast-math %v: a loop flushes: %v", d, fast, has)
			}
		}
	}
}

// TestFlushExponentials has quotients and exponentials, and matrix products, of operands and to results that are subnormal: the same bits whatever runs them, no subnormal number with fast-math.
func TestFlushExponentials(t *testing.T) {
	for _, d := range []graph.DType{graph.Float32, graph.Float64} {
		const n = 1 << 15
		least := map[graph.DType]float64{graph.Float32: 0x1p-126, graph.Float64: 0x1p-1022}[d]
		low, high := math.Log(least)*1.1, math.Log(least)*0.98
		g := graph.New()
		x, y := g.Input("x", d, n), g.Input("y", d, n)
		outputs := []*graph.Node{graph.Exp(x), graph.Sigmoid(x), graph.Tanh(y), graph.Exp(y), graph.Sigmoid(y), graph.Div(y, g.Scalar(d, 3)), graph.Mul(graph.Abs(graph.Tanh(x)), graph.Exp(x)),
			graph.MatMul(graph.Reshape(y, 128, 256), graph.Reshape(graph.Tanh(x), 256, 128))}
		at := testkit.Point{x: ref.New(x.Type()), y: ref.New(y.Type())}
		for i := range n {
			at[x].F[i] = low + (high-low)*float64(i)/n
			at[y].F[i] = math.Ldexp(float64(i%2000-1000)/500, 60-i%400) * least
			if d == graph.Float32 {
				at[x].F[i], at[y].F[i] = float64(float32(at[x].F[i])), float64(float32(at[y].F[i]))
			}
		}
		for _, fast := range []bool{false, true} {
			p := must[*vm.Program](t)(compile.Config{FastMath: fast}.Compile(outputs...))
			var first []ref.Value
			for name, options := range map[string][]vm.Option{"blocks": {vm.WithoutNative()}, "native": {vm.WithNativeAhead()}, "threads": {vm.WithNativeAhead(), vm.WithThreads(3)}} {
				out := must[[]ref.Value](t)(testkit.Run(vm.NewMachine(p, options...), at))
				if first == nil {
					first = out
				}
				for k := range out {
					if err := testkit.SameBits(out[k], first[k]); err != nil {
						t.Errorf("%v, fast-math %v, %s, output %d: %v", d, fast, name, k, err)
					}
				}
			}
			for k := range outputs {
				some := false
				for _, v := range first[k].F {
					some = some || v != 0 && math.Abs(v) < least
				}
				if some == fast && k != 3 && k != 4 {
					t.Errorf("%v, fast-math %v, output %d: subnormal numbers: %v", d, fast, k, some)
				}
			}
		}
	}
}

// TestHandedOn has loops whose large carries change places in several ways, with values at each step of some, against the interpreter.
func TestHandedOn(t *testing.T) {
	for name, step := range map[string]func(a, b, c *graph.Node) []*graph.Node{
		"three levels": func(a, b, c *graph.Node) []*graph.Node { return []*graph.Node{graph.Sub(graph.Mul(a, c), b), a, b} },
		"circle":       func(a, b, c *graph.Node) []*graph.Node { return []*graph.Node{b, c, a} },
		"exchange":     func(a, b, c *graph.Node) []*graph.Node { return []*graph.Node{b, a, graph.Mul(c, a)} },
		"two of one":   func(a, b, c *graph.Node) []*graph.Node { return []*graph.Node{graph.Add(a, graph.Mul(b, c)), a, a} },
		"stays":        func(a, b, c *graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(a, b), b, graph.Sin(c)} },
	} {
		for _, size := range []int{5, 1500} {
			for _, length := range []int{1, 2, 5} {
				g := graph.New()
				in := make([]*graph.Node, 3)
				at := testkit.Point{}
				for k := range in {
					in[k] = g.Input(string(rune('a'+k)), graph.Float64, size)
					at[in[k]] = testkit.Spread(in[k].Type(), 0.5, 1, k)
				}
				final, ys := graph.Scan(length, in, nil, func(x, _ []*graph.Node) (next, ys []*graph.Node) {
					next = step(x[0], x[1], x[2])
					return next, []*graph.Node{x[0], next[1], graph.Mul(next[0], x[2])}
				})
				cost := graph.ReduceSum(graph.Mul(final[0], graph.Add(final[1], final[2])), nil)
				for _, y := range ys {
					cost = graph.Add(cost, graph.ReduceSum(graph.Sin(y), nil))
				}
				outputs := append(append([]*graph.Node{cost}, grad(t, cost, in...)...), append(ys, final...)...)
				want := must[[]ref.Value](t)(ref.Eval(at, outputs...))
				for _, c := range []compile.Config{{}, {Checkpoints: compile.Checkpoints{States: 2}}} {
					if c.Checkpoints.States > 0 && length < 3 {
						continue
					}
					got := must[[]ref.Value](t)(testkit.CompileAndRun(c, at, outputs...))
					for k := range want {
						if err := testkit.Close(got[k], want[k], 1e-12); err != nil {
							t.Errorf("%s, %d elements, %d steps, %+v: output %d: %v", name, size, length, c.Checkpoints, k, err)
						}
					}
				}
			}
		}
	}
}
