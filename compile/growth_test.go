package compile_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// work is what outputs need: nodes, their operands, the numbers in their attributes, and the elements that those which are no views write.
func work(outputs ...*graph.Node) int {
	seen := map[*graph.Node]bool{}
	total := 0
	for stack := slices.Clone(outputs); len(stack) > 0; {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		stack = append(stack, n.Inputs()...)
		total += 1 + len(n.Inputs())
		for _, a := range n.Attrs() {
			total += len(a.Value.Ints)
		}
		switch n.Op().Name {
		case "reshape", "index", "identity", "stop_gradient":
		default:
			for _, t := range append(slices.Clone(n.Results()), n.Type()) {
				total += t.Shape.Size()
			}
		}
	}
	return total
}

// grown is a function of n operands, elements or pieces.
type grown struct {
	name  string
	build func(g *graph.Graph, n int) (y *graph.Node, wrt []*graph.Node)
}

func scalars(g *graph.Graph, n int) []*graph.Node {
	var xs []*graph.Node
	for i := range n {
		xs = append(xs, g.Input(fmt.Sprintf("x%d", i), graph.Float64))
	}
	return xs
}

func vectors(g *graph.Graph, n, size int) []*graph.Node {
	var xs []*graph.Node
	for i := range n {
		xs = append(xs, g.Input(fmt.Sprintf("x%d", i), graph.Float64, size))
	}
	return xs
}

func sumOf(xs []*graph.Node, f func(i int, x *graph.Node) *graph.Node) *graph.Node {
	var s *graph.Node
	for i, x := range xs {
		if y := f(i, x); s == nil {
			s = y
		} else {
			s = graph.Add(s, y)
		}
	}
	return s
}

func sine(_ int, x *graph.Node) *graph.Node { return graph.Sum(graph.Sin(graph.Square(x))) }

var grownFunctions = []grown{
	{name: "stack of scalars", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := scalars(g, n)
		return sine(0, graph.Stack(0, xs...)), xs
	}},
	{name: "stack of vectors, last axis", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := vectors(g, n, 3)
		return sine(0, graph.Stack(-1, xs...)), xs
	}},
	{name: "concat", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := vectors(g, n, 3)
		return sine(0, graph.Concat(0, xs...)), xs
	}},
	{name: "concat of one node", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 3)
		return sine(0, graph.Concat(0, slices.Repeat([]*graph.Node{x}, n)...)), []*graph.Node{x}
	}},
	{name: "split", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 3*n)
		return sumOf(graph.Split(x, 0, slices.Repeat([]int{3}, n)...), sine), []*graph.Node{x}
	}},
	{name: "split of columns", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 2, 3*n)
		return sumOf(graph.Split(x, 1, slices.Repeat([]int{3}, n)...), sine), []*graph.Node{x}
	}},
	{name: "split and concat", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 3*n)
		parts := graph.Split(x, 0, slices.Repeat([]int{3}, n)...)
		slices.Reverse(parts)
		return sine(0, graph.Mul(x, graph.Concat(0, parts...))), []*graph.Node{x}
	}},
	{name: "elements", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, n)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.Index(x, i)
		}
		return sumOf(xs, func(i int, y *graph.Node) *graph.Node { return graph.Mul(graph.Sin(y), xs[(i+1)%n]) }), []*graph.Node{x}
	}},
	{name: "rows", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, n, 3)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.Index(x, i)
		}
		return sumOf(xs, sine), []*graph.Node{x}
	}},
	{name: "elements by gather", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, n)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.Gather(x, graph.Constant(g, []int64{int64(i)}), 0)
		}
		return sumOf(xs, sine), []*graph.Node{x}
	}},
	{name: "pieces by gather", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 2, n+1)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.Gather(x, graph.Constant(g, []int64{int64(i), int64(i + 1)}, 2), 1)
		}
		return sumOf(xs, sine), []*graph.Node{x}
	}},
	{name: "elements along an axis", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 2, n)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.TakeAlongAxis(x, graph.Constant(g, []int64{int64(i), int64(n - 1 - i)}, 2, 1), 1)
		}
		return sumOf(xs, sine), []*graph.Node{x}
	}},
	{name: "overlapping parts by dynamic slices", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x, at := g.Input("x", graph.Float64, 3, n), g.Input("at", graph.Int32, n, 2)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.DynamicSlice(x, graph.Index(at, i), 2, 2)
		}
		return sumOf(xs, sine), []*graph.Node{x}
	}},
	{name: "elements by dynamic slices", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x, at := g.Input("x", graph.Float64, n), g.Input("at", graph.Int64, n)
		xs := make([]*graph.Node, n)
		for i := range xs {
			xs[i] = graph.DynamicSlice(x, graph.Slice(at, graph.Range{Start: i, Limit: i + 1}), 1)
		}
		return sumOf(xs, sine), []*graph.Node{x}
	}},
	{name: "add_n", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := scalars(g, n)
		return graph.Sin(graph.AddN(xs[0], xs[1:]...)), xs
	}},
	{name: "product of many", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := scalars(g, n)
		y := xs[0]
		for _, x := range xs[1:] {
			y = graph.Mul(y, x)
		}
		return y, xs
	}},
	{name: "product of an array", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, n)
		return graph.ReduceProd(x, nil), []*graph.Node{x}
	}},
	{name: "choice of many", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := scalars(g, n)
		k := g.Input("k", graph.Int64)
		y := xs[0]
		for i, x := range xs[1:] {
			y = graph.Where(graph.Equal(k, graph.Like(k, float64(i+1))), graph.Sin(x), y)
		}
		return y, xs
	}},
	{name: "maximum of many", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := scalars(g, n)
		y := xs[0]
		for _, x := range xs[1:] {
			y = graph.Max(y, graph.Square(x))
		}
		return y, xs
	}},
	{name: "chain of matrices", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		var xs []*graph.Node
		y := g.Input("y", graph.Float64, 2, 2)
		for i := range n {
			xs = append(xs, g.Input(fmt.Sprintf("x%d", i), graph.Float64, 2, 2))
			y = graph.Tanh(graph.MatMul(xs[i], y))
		}
		return graph.Sum(y), xs
	}},
	{name: "einsum of many", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		xs := vectors(g, n, 2)
		return graph.Sum(graph.Einsum(strings.TrimSuffix(strings.Repeat("i,", n), ",")+"->i", xs...)), xs
	}},
	{name: "one weight used often", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		w, y := g.Input("w", graph.Float64, 2, 2), g.Input("y", graph.Float64, 2, 1)
		for range n {
			y = graph.Tanh(graph.MatMul(w, y))
		}
		return graph.Sum(y), []*graph.Node{w}
	}},
	{name: "updates of one array", build: func(g *graph.Graph, n int) (*graph.Node, []*graph.Node) {
		x := g.Input("x", graph.Float64, 4)
		y := x
		for i := range n {
			at := graph.Constant(g, []int64{int64(i % 4)}, 1)
			y = graph.ScatterSet(y, at, graph.Sin(graph.Gather(y, at, 0)), 0)
		}
		return graph.Sum(y), []*graph.Node{x}
	}},
}

// ways to differentiate, each of a sum or in one direction, so that what it needs should grow with the function.
var grownDerivatives = []struct {
	name   string
	derive func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error)
}{
	{"gradient", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) { return compile.Gradient(y, wrt...) }},
	{"tangent", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
		return compile.JVP([]*graph.Node{y}, wrt, nil)
	}},
	{"hessian-vector product", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) { return compile.HVP(y, wrt, nil) }},
	{"second tangent", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
		d, err := compile.JVP([]*graph.Node{y}, wrt, nil)
		if err != nil {
			return nil, err
		}
		return compile.JVP(d, wrt, nil)
	}},
	{"gradient of the gradient's norm", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
		d, err := compile.Gradient(y, wrt...)
		if err != nil {
			return nil, err
		}
		return compile.Gradient(sumOf(d, func(_ int, x *graph.Node) *graph.Node { return graph.Sum(graph.Square(x)) }), wrt...)
	}},
	{"third order", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
		for range 2 {
			d, err := compile.Gradient(y, wrt...)
			if err != nil {
				return nil, err
			}
			y = sumOf(d, func(_ int, x *graph.Node) *graph.Node { return graph.Sum(x) })
		}
		return compile.Gradient(y, wrt...)
	}},
	{"taylor coefficients", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
		d, err := compile.Directional(3, []*graph.Node{y}, wrt, nil)
		if err != nil {
			return nil, err
		}
		return slices.Concat(d...), nil
	}},
	{"batch of gradients", func(y *graph.Node, wrt []*graph.Node) ([]*graph.Node, error) {
		d, err := compile.Gradient(y, wrt...)
		if err != nil {
			return nil, err
		}
		to := make([]*graph.Node, len(wrt))
		for i, x := range wrt {
			to[i] = x.Graph().Placeholder(graph.Float64, append([]int{2}, x.Shape()...)...)
		}
		return compile.Batch(d, wrt, to)
	}},
}

// What derivatives of functions of many operands, elements or pieces need grows in proportion to these, not with their square.
func TestLinearGrowth(t *testing.T) {
	const n = 60
	checked := 0
	for _, f := range grownFunctions {
		for _, d := range grownDerivatives {
			count := func(n int) (nodes, total int) {
				g := graph.New()
				y, wrt := f.build(g, n)
				out, err := d.derive(y, wrt)
				if err != nil {
					t.Fatalf("%s of %s: %v", d.name, f.name, err)
				}
				return g.Len(), work(out...)
			}
			n1, w1 := count(n)
			n2, w2 := count(2 * n)
			checked++
			if 2*n2 > 5*n1 || 2*w2 > 5*w1 {
				t.Errorf("%s of %s: %d nodes become %d, work of %d becomes %d when n is doubled", d.name, f.name, n1, n2, w1, w2)
			}
		}
	}
	if checked < 160 {
		t.Errorf("only %d cases", checked)
	}
}

// The functions of which growth is tested have the same derivative in forward and reverse mode.
func TestGrownFunctionsDifferentiate(t *testing.T) {
	for _, f := range grownFunctions {
		g := graph.New()
		y, wrt := f.build(g, 7)
		gradient := grad(t, y, wrt...)
		var v []*graph.Node
		at := point()
		for i, x := range g.Inputs() {
			if x.DType() == graph.Float64 {
				at[x] = testkit.Spread(x.Type(), 0.4, 1.3, i)
			} else {
				at[x] = testkit.Spread(x.Type(), 0, 6, i)
			}
		}
		for i, x := range wrt {
			v = append(v, testkit.Literal(g, testkit.Spread(x.Type(), -1, 1, i+1)))
		}
		tangent := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, wrt, v))[0]
		product := sumOf(gradient, func(i int, d *graph.Node) *graph.Node { return graph.Sum(graph.Mul(d, v[i])) })
		hessian := must[[]*graph.Node](t)(compile.HVP(y, wrt, v))
		second := sumOf(hessian, func(i int, d *graph.Node) *graph.Node { return graph.Sum(graph.Mul(d, v[i])) })
		along := must[[][]*graph.Node](t)(compile.Directional(2, []*graph.Node{y}, wrt, v))[1][0]
		reverse := sumOf(grad(t, product, wrt...), func(i int, d *graph.Node) *graph.Node { return graph.Sum(graph.Mul(d, v[i])) })
		equal(t, f.name, at, []*graph.Node{product, second, reverse}, []*graph.Node{tangent, along, along})
	}
}

// Sweeps over so many operands would take minutes if they took quadratic time.
func TestManyOperands(t *testing.T) {
	if testing.Short() {
		t.Skip("growth is the same with every executor")
	}
	const n = 200_000
	for _, f := range grownFunctions {
		if f.name != "stack of scalars" && f.name != "concat" && f.name != "split" && f.name != "elements by gather" {
			continue
		}
		g := graph.New()
		y, wrt := f.build(g, n)
		if d := grad(t, y, wrt...); len(d) != len(wrt) || g.Len() > 40*n {
			t.Errorf("%s: %d gradients, %d nodes", f.name, len(d), g.Len())
		}
	}
}

// The mixed derivative ∂ⁿ/∂x₁…∂xₙ by n gradients, each of an element of the one before, takes about n² nodes in all, since what an element of a
// gradient has nothing to do with is not differentiated again. Values are those of the factors' derivatives.
func TestMixedDerivativesOfProducts(t *testing.T) {
	vector := func(of func(x *graph.Node) *graph.Node) func(g *graph.Graph, n int) (*graph.Node, []*graph.Node, func(d *graph.Node, i int) *graph.Node) {
		return func(g *graph.Graph, n int) (*graph.Node, []*graph.Node, func(d *graph.Node, i int) *graph.Node) {
			x := g.Input("x", graph.Float64, n)
			return of(x), []*graph.Node{x}, func(d *graph.Node, i int) *graph.Node { return graph.Index(grad(t, d, x)[0], i) }
		}
	}
	elements := func(x *graph.Node) []*graph.Node {
		xs := make([]*graph.Node, x.Shape().Size())
		for i := range xs {
			xs[i] = graph.Index(x, i)
		}
		return xs
	}
	chain := func(xs []*graph.Node) *graph.Node {
		y := xs[0]
		for _, x := range xs[1:] {
			y = graph.Mul(y, x)
		}
		return y
	}
	separate := func(of func(xs []*graph.Node) *graph.Node) func(g *graph.Graph, n int) (*graph.Node, []*graph.Node, func(d *graph.Node, i int) *graph.Node) {
		return func(g *graph.Graph, n int) (*graph.Node, []*graph.Node, func(d *graph.Node, i int) *graph.Node) {
			xs := scalars(g, n)
			return of(xs), xs, func(d *graph.Node, i int) *graph.Node { return grad(t, d, xs[i])[0] }
		}
	}
	product := func(x *graph.Node) *graph.Node { return graph.ReduceProd(x, nil) }
	same, derivative := func(x float64) float64 { return x }, func(float64) float64 { return 1 }
	checked := 0
	for _, c := range []struct {
		name          string
		build         func(g *graph.Graph, n int) (*graph.Node, []*graph.Node, func(d *graph.Node, i int) *graph.Node)
		value, factor func(x float64) float64 // of each factor, and of its derivative
	}{
		{"chain of elements", vector(func(x *graph.Node) *graph.Node { return chain(elements(x)) }), same, derivative},
		{"product of an array", vector(product), same, derivative},
		{"product of sines", vector(func(x *graph.Node) *graph.Node { return product(graph.Sin(x)) }), math.Sin, math.Cos},
		{"product of a matrix", vector(func(x *graph.Node) *graph.Node {
			return product(graph.ReduceProd(graph.Reshape(x, 2, x.Shape().Size()/2), []int{0}))
		}), same, derivative},
		{"product of a stack", vector(func(x *graph.Node) *graph.Node { return product(graph.Stack(0, elements(x)...)) }), same, derivative},
		{"separate factors", separate(chain), same, derivative},
		{"stack of separate factors", separate(func(xs []*graph.Node) *graph.Node { return product(graph.Stack(0, xs...)) }), same, derivative},
		{"stack of logarithms", separate(func(xs []*graph.Node) *graph.Node { return product(graph.Log(graph.Stack(0, xs...))) }), math.Log, func(x float64) float64 { return 1 / x }},
	} {
		count := func(n int) int {
			g := graph.New()
			d, wrt, next := c.build(g, n)
			at, v := point(), make([]float64, n)
			for i := range v {
				v[i] = 1.25 + float64(i)/8
			}
			if len(wrt) == 1 {
				at = point(wrt[0], v)
			} else {
				for i, x := range wrt {
					at[x] = point(x, v[i])[x]
				}
			}
			all, want := []*graph.Node{d}, []float64{1}
			for i := range v {
				want[0] *= c.value(v[i])
			}
			for i := range v {
				d = next(d, i)
				all = append(all, d)
				w := 1.0
				for k := range v {
					if k <= i {
						w *= c.factor(v[k])
					} else {
						w *= c.value(v[k])
					}
				}
				want = append(want, w)
				checked++
			}
			nodes := g.Len()
			expect(t, used(at, all), 1e-13, one(want...), all...)
			return nodes
		}
		if n1, n2 := count(8), count(16); n2 > 5*n1 {
			t.Errorf("%s: %d nodes for 8 factors, %d for 16", c.name, n1, n2)
		}
	}
	if checked < 8*24 {
		t.Errorf("only %d derivatives", checked)
	}
}

// The adjoint of what was broadcast to the rows of a product's operand needs no product of that size: rows are added up first.
func TestRowsAreSummedBeforeProducts(t *testing.T) {
	for name, c := range map[string]struct {
		inner   int
		product int // elements of the products that the derivative adds
	}{
		"rows of the product": {64, 64},     // a row
		"long operand":        {4, 100 * 4}, // to add up its rows would take longer than to add up the product's
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x, w, mu := g.Input("x", graph.Float64, 100, c.inner), g.Input("w", graph.Float64, c.inner, 32), g.Input("mu", graph.Float64, c.inner)
			y := graph.Sum(graph.Tanh(graph.MatMul(graph.Sub(x, mu), w)))
			d, err := compile.Gradient(y, mu)
			if err != nil {
				t.Fatal(err)
			}
			elements, needed := 0, g.Needed(d...)
			for id := range g.Len() {
				if n := g.Node(id); needed[id] && n.Op().Name == "matmul" {
					elements += n.Shape().Size()
				}
			}
			if want := 100*32 + c.product; elements != want {
				t.Errorf("products of %d elements, want %d", elements, want)
			}
			rows, err := compile.Gradient(y, x)
			if err != nil {
				t.Fatal(err)
			}
			p, err := compile.Config{Names: []string{"sum", "terms"}}.Compile(d[0], graph.Neg(graph.ReduceSum(rows[0], []int{0})))
			if err != nil {
				t.Fatal(err)
			}
			m := vm.NewMachine(p)
			for _, name := range []string{"x", "w", "mu"} {
				for i := range m.Float64(name) {
					m.Float64(name)[i] = math.Sin(float64(i*i + len(name)))
				}
			}
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			for i, want := range m.Float64("terms") {
				if got := m.Float64("sum")[i]; math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
					t.Errorf("element %d: %v, want %v", i, got, want)
				}
			}
		})
	}
}
