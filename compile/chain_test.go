package compile

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// chain builds Σ exp(−x²)·sin x + x/(1+x²).
func chain(g *graph.Graph, n int) (x, y *graph.Node) {
	x = g.Input("x", graph.Float64, n)
	one := g.Const(1)
	y = graph.Sum(graph.Add(
		graph.Mul(graph.Exp(graph.Neg(graph.Square(x))), graph.Sin(x)),
		graph.Div(x, graph.Add(one, graph.Square(x)))))
	return x, y
}

func TestChain(t *testing.T) {
	const n = 1337
	g := graph.New()
	x, y := chain(g, n)
	dx, err := Gradient(y, x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Config{Verify: true}.Compile(y, dx[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p)
	if len(p.Code().Instrs) != 1 {
		t.Errorf("%d instructions, want one loop for value and gradient", len(p.Code().Instrs))
	}
	in := make([]float64, n)
	for i := range in {
		in[i] = -4 + 8*float64(i)/(n-1)
	}
	out, err := vm.NewMachine(p).Run(tensor.New(tensor.WithShape(n), tensor.WithBacking(in)))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, v := range in {
		e, s, d := math.Exp(-v*v), math.Sin(v), 1+v*v
		sum += e*s + v/d
		want := -2*v*e*s + e*math.Cos(v) + (1-v*v)/(d*d)
		if got := out[1].Data().([]float64)[i]; math.Abs(got-want) > 1e-14 {
			t.Fatalf("gradient[%d] = %v, want %v", i, got, want)
		}
	}
	if got := out[0].Data().(float64); math.Abs(got-sum) > 1e-11 {
		t.Errorf("sum = %v, want %v", got, sum)
	}
}

// TestChainMemory holds that value and gradient of an elementwise chain need no memory for intermediates that grows
// with the arrays.
func TestChainMemory(t *testing.T) {
	beyond := func(n int) int64 {
		x, y := chain(graph.New(), n)
		dx, err := Gradient(y, x)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(y, dx[0])
		if err != nil {
			t.Fatal(err)
		}
		return p.ArenaBytes() - 8*int64(n)
	}
	small, large := beyond(1024), beyond(1<<20)
	if small != large || large > 1024 {
		t.Errorf("%d bytes beyond the gradient for 1024 elements, %d for 1048576", small, large)
	}
}
