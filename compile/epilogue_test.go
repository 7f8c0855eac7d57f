package compile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/vm"
)

// epiloguesOf counts the kernels with an epilogue in a program and its blocks.
func epiloguesOf(p *vm.Program) int {
	n := 0
	count := func(list []vm.Instr) {
		for i := range list {
			if list[i].Op == vm.OpEpilogue {
				n++
			}
		}
	}
	c := p.Code()
	count(c.Instrs)
	for k := range c.Blocks {
		count(c.Blocks[k].Instrs)
	}
	return n
}

// TestEpilogues has products that are joined with the loop behind them, and products that must not be.
func TestEpilogues(t *testing.T) {
	type inputs struct{ a, b, c, row, col, s *graph.Node }
	for _, test := range []struct {
		name  string
		want  int
		build func(x inputs) []*graph.Node
	}{
		{"bias and relu", 1, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.Relu(graph.Add(graph.MatMul(x.a, x.b), x.row))}
		}},
		{"column bias and tanh", 1, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.Tanh(graph.Add(graph.MatMul(x.a, x.b), x.col))}
		}},
		{"C + A·B", 1, func(x inputs) []*graph.Node { return []*graph.Node{graph.Add(x.c, graph.MatMul(x.a, x.b))} }},
		{"C − s·A·B", 1, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.Sub(x.c, graph.Mul(x.s, graph.MatMul(x.a, x.b)))}
		}},
		{"the product is an output too", 1, func(x inputs) []*graph.Node {
			p := graph.MatMul(x.a, x.b)
			return []*graph.Node{p, graph.Sigmoid(p)}
		}},
		{"another dtype", 1, func(x inputs) []*graph.Node { return []*graph.Node{graph.Greater(graph.MatMul(x.a, x.b), x.c)} }},
		{"reshaped", 1, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.Exp(graph.Reshape(graph.MatMul(x.a, x.b), -1))}
		}},
		{"two products, of which the loop waits for one", 1, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.MatMul(x.a, x.b), graph.MatMul(x.a, graph.Tanh(x.b)))}
		}},
		{"a reduction of a result", 1, func(x inputs) []*graph.Node {
			y := graph.Relu(graph.MatMul(x.a, x.b))
			return []*graph.Node{y, graph.ReduceSum(y, []int{1})}
		}},
		{"in a loop", 2, func(x inputs) []*graph.Node {
			square := graph.MatMul(graph.Transpose(x.c), x.c)
			final, _ := graph.Scan(3, []*graph.Node{graph.Tanh(square)}, nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Tanh(graph.MatMul(carry[0], square))}, nil
			})
			return final
		}},
		{"convolution", 1, func(x inputs) []*graph.Node {
			y := graph.Conv(graph.Reshape(x.a, 1, 1, 6, 5), graph.Reshape(x.c, 6, 1, 7, 1), graph.Window{Padding: []int{3, 3, 0, 0}})
			return []*graph.Node{graph.Relu(graph.Add(y, graph.Reshape(x.col, 6, 1, 1)))}
		}},
		{"only a reduction", 0, func(x inputs) []*graph.Node { return []*graph.Node{graph.Sum(graph.Square(graph.MatMul(x.a, x.b)))} }},
		{"minus its own mean", 0, func(x inputs) []*graph.Node {
			p := graph.MatMul(x.a, x.b)
			return []*graph.Node{graph.Sub(p, graph.ReduceMean(p, []int{1}, graph.KeepDims))}
		}},
		{"broadcast", 0, func(x inputs) []*graph.Node {
			p := graph.MatMul(x.a, x.b)
			return []*graph.Node{graph.Add(p, graph.Reshape(p, 6, 1, 7))}
		}},
		{"factors 0 win", 1, func(x inputs) []*graph.Node {
			attrs := attr.Make(attr.B("no_nan", true), attr.B("transpose_a", false), attr.B("transpose_b", false))
			return []*graph.Node{graph.Relu(x.a.Graph().Apply(graph.LookupOp("matmul"), []*graph.Node{x.a, x.b}, attrs))}
		}},
		{"the first rows", 0, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.Relu(graph.Slice(graph.MatMul(x.a, x.b), graph.Range{Limit: 3}))}
		}},
		{"no elementwise reader", 0, func(x inputs) []*graph.Node {
			return []*graph.Node{graph.MatMul(graph.MatMul(x.a, x.b), graph.Transpose(x.c))}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := graph.New()
			x := inputs{g.Input("a", graph.Float64, 6, 5), g.Input("b", graph.Float64, 5, 7), g.Input("c", graph.Float64, 6, 7),
				g.Input("row", graph.Float64, 7), g.Input("col", graph.Float64, 6, 1), g.Input("s", graph.Float64)}
			outputs := test.build(x)
			p, err := Compile(outputs...)
			if err != nil {
				t.Fatal(err)
			}
			if n := epiloguesOf(p); n != test.want {
				t.Errorf("%d epilogues, want %d:\n%v", n, test.want, p)
			}
			separate, err := Config{Disable: []string{"epilogue"}}.Compile(outputs...)
			if err != nil {
				t.Fatal(err)
			}
			if n := epiloguesOf(separate); n != 0 {
				t.Errorf("%d epilogues where they are disabled", n)
			}
			r := rand.New(rand.NewPCG(1, 2))
			samePrograms(t, r, p, separate)
		})
	}
}

// samePrograms holds that programs have the same bits with every executor on random inputs, and reports whether they do.
func samePrograms(t *testing.T, r *rand.Rand, programs ...*vm.Program) bool {
	t.Helper()
	var in []any
	for _, s := range programs[0].Inputs() {
		n := s.Size()
		v64, v32 := make([]float64, n), make([]float32, n)
		for i := range n {
			v64[i] = r.NormFloat64()
			v32[i] = float32(v64[i])
		}
		switch {
		case len(s.Shape) == 0 && s.DType == graph.Float64:
			in = append(in, v64[0])
		case len(s.Shape) == 0:
			in = append(in, v32[0])
		case s.DType == graph.Float64:
			in = append(in, tensor.New(tensor.WithShape(s.Shape...), tensor.WithBacking(v64)))
		default:
			in = append(in, tensor.New(tensor.WithShape(s.Shape...), tensor.WithBacking(v32)))
		}
	}
	var want string
	for _, p := range programs {
		sameBits(t, p, in...)
		out, err := vm.NewMachine(p).Run(in...)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, o := range out {
			switch d := o.Data().(type) {
			case []float64:
				for _, v := range d {
					fmt.Fprintf(&b, "%x ", math.Float64bits(v))
				}
			case []float32:
				for _, v := range d {
					fmt.Fprintf(&b, "%x ", math.Float32bits(v))
				}
			default:
				fmt.Fprint(&b, d)
			}
		}
		if want == "" {
			want = b.String()
		} else if b.String() != want {
			t.Errorf("the program\n%v\nhas other bits than\n%v", p, programs[0])
			return false
		}
	}
	return true
}

// TestRandomEpilogues compares random products with random elementwise functions behind them, joined and separate, of shapes that go through all ways of multiplying.
func TestRandomEpilogues(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	joined := 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 11))
		d := [2]graph.DType{graph.Float64, graph.Float32}[seed%2]
		g := graph.New()
		size := func() int {
			return [...]int{1, 2, 7, 13, 30, 31, 64, 100, 129, 300}[r.IntN(10)]
		}
		m, n, k := size(), size(), size()
		if r.IntN(12) == 0 {
			k = 17000
			m, n = min(m, 13), min(n, 40)
		}
		if r.IntN(8) == 0 {
			m, n, k = 300, 640, 300 // B is packed for all
		}
		var p *graph.Node
		shape := []int{m, n}
		switch {
		case r.IntN(4) == 0:
			c, o, h, w, f := 1+r.IntN(9), 1+r.IntN(12), 1+r.IntN(20), 1+r.IntN(40), 1+2*r.IntN(2)
			window := graph.Window{Padding: []int{f / 2, f / 2, f / 2, f / 2}, Strides: []int{1 + r.IntN(2), 1 + r.IntN(2)}}
			if r.IntN(2) == 0 { // as large as it must be for transformed tiles
				c, o, h, w, f, window = 16, 17, 4+r.IntN(8), 4+r.IntN(80), 3, graph.Window{Winograd: true}
			}
			p = graph.Conv(g.Input("x", d, 2, c, h, w), g.Input("w", d, o, c, f, f), window)
			shape = p.Shape()
		default:
			a, b := []int{m, k}, []int{k, n}
			if m*n*k < 1<<16 && r.IntN(3) == 0 {
				a = append([]int{3}, a...)
				shape = append([]int{3}, shape...)
			}
			x, y := g.Input("x", d, a...), g.Input("w", d, b...)
			if r.IntN(3) == 0 {
				y = graph.Transpose(g.Input("t", d, n, k))
			}
			p = graph.MatMul(x, y)
		}
		// Operands of the shapes that broadcast to the product's.
		operand := func() *graph.Node {
			s := append([]int{}, shape...)
			for i := range s {
				if r.IntN(3) == 0 {
					s[i] = 1
				}
			}
			if r.IntN(2) == 0 {
				s = s[r.IntN(len(s)+1):]
			}
			return g.Input(fmt.Sprintf("e%d", g.Len()), d, s...)
		}
		y := p
		outputs := []*graph.Node{}
		for range 1 + r.IntN(5) {
			switch r.IntN(7) {
			case 0:
				y = graph.Add(y, operand())
			case 1:
				y = graph.Sub(operand(), y)
			case 2:
				y = graph.Mul(y, operand())
			case 3:
				y = graph.Tanh(y)
			case 4:
				y = graph.Relu(y)
			case 5:
				y = graph.Add(y, graph.Sin(p))
			case 6:
				outputs = append(outputs, graph.Less(y, operand()))
			}
			if r.IntN(4) == 0 {
				outputs = append(outputs, y)
			}
		}
		outputs = append(outputs, y)
		if r.IntN(4) == 0 {
			outputs = append(outputs, p)
		}
		if r.IntN(4) == 0 {
			outputs = append(outputs, graph.ReduceSum(y, []int{len(shape) - 1}))
		}
		one, err := Compile(outputs...)
		if err != nil {
			t.Fatal(err)
		}
		separate, err := Config{Disable: []string{"epilogue"}}.Compile(outputs...)
		if err != nil {
			t.Fatal(err)
		}
		joined += epiloguesOf(one)
		if !samePrograms(t, r, one, separate) {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d of %d programs have epilogues", joined, seeds)
	if 2*joined < int(seeds) {
		t.Errorf("only %d of %d programs have epilogues", joined, seeds)
	}
}
