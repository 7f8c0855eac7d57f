package nn_test

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
)

// A block of a transformer that normalises first, its parameters, and the gradient by them.
func Example() {
	g := graph.New()
	s := nn.New(g, graph.Float32)
	block := func(s *nn.Scope, x *graph.Node) *graph.Node {
		a := nn.MultiHeadAttention(s.In("attention"), nn.LayerNorm(s.In("norm0"), x, 1), 4, nn.AttentionOptions{Causal: true})
		x = graph.Add(x, nn.Dropout(s.In("dropout"), a, 0.1))
		h := graph.Gelu(nn.Linear(s.In("feed0"), nn.LayerNorm(s.In("norm1"), x, 1), 128))
		return graph.Add(x, nn.Linear(s.In("feed1"), h, 32))
	}
	x := g.Input("x", graph.Float32, 8, 16, 32) // batch, tokens, width
	y := block(s.In("block0"), x)
	d, err := compile.Gradient(graph.Mean(graph.Square(y)), s.Parameters()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range d[:4] {
		fmt.Println(v.Type())
	}
	for _, p := range s.Parameters()[:4] {
		fmt.Println(p.Name(), p.Type())
	}
	// Output:
	// f32[32]
	// f32[32]
	// f32[96×32]
	// f32[96]
	// block0/norm0/weight f32[32]
	// block0/norm0/bias f32[32]
	// block0/attention/in_proj_weight f32[96×32]
	// block0/attention/in_proj_bias f32[96]
}
