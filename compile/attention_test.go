package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// plainAttention is the definition, with all scores in memory.
func plainAttention(q, k, v, mask *graph.Node, causal bool) *graph.Node {
	r := q.Shape().Rank()
	l, s, d := q.Shape()[r-2], k.Shape()[r-2], q.Shape()[r-1]
	perm := make([]int, r)
	for i := range perm {
		perm[i] = i
	}
	perm[r-2], perm[r-1] = r-1, r-2
	scores := graph.Mul(graph.MatMul(q, graph.Transpose(k, perm...)), graph.Like(q, 1/math.Sqrt(float64(d))))
	if causal {
		seen := graph.LessEqual(graph.Iota(q.Graph(), graph.Int64, 1, l, s), graph.Add(graph.Iota(q.Graph(), graph.Int64, 0, l, s), q.Graph().Scalar(graph.Int64, float64(s-l))))
		scores = graph.Where(seen, scores, graph.Like(scores, math.Inf(-1)))
	}
	if mask != nil {
		scores = graph.Where(mask, scores, graph.Like(scores, math.Inf(-1)))
	}
	return graph.MatMul(graph.Softmax(scores, r-1), v)
}

// TestLongAttention compares attention that goes through blocks of keys with its definition: values, gradients, a tangent and gradients of gradients, with a last block
// that is shorter, and queries that see nothing.
func TestLongAttention(t *testing.T) {
	const l, s, d, e = 1030, 1100, 3, 2
	for _, c := range []struct {
		name         string
		causal       bool
		mask         []int // its shape
		l, s, orders int
	}{
		{"plain", false, nil, l, s, 2}, {"causal", true, nil, s, l, 1}, {"mask of keys", false, []int{s}, l, s, 1}, {"mask of queries", false, []int{l, 1}, l, s, 1},
		{"causal with a mask", true, []int{2, l, s}, l, s, 0}, {"whole blocks", false, nil, 1025, 1024, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want [][]float64
			for k, attention := range []func(q, k, v, mask *graph.Node) *graph.Node{
				func(q, k, v, mask *graph.Node) *graph.Node { return plainAttention(q, k, v, mask, c.causal) },
				func(q, k, v, mask *graph.Node) *graph.Node {
					return graph.Attention(q, k, v, graph.AttentionOptions{Mask: mask, Causal: c.causal})
				},
			} {
				g := graph.New()
				batch := []int{}
				if len(c.mask) == 3 {
					batch = []int{2}
				}
				q, key, v := g.Input("q", graph.Float64, append(batch, c.l, d)...), g.Input("k", graph.Float64, append(batch, c.s, d)...), g.Input("v", graph.Float64, append(batch, c.s, e)...)
				var mask *graph.Node
				if c.mask != nil {
					n := graph.Shape(c.mask).Size()
					seen := make([]bool, n)
					for i := range seen {
						seen[i] = i%7 != 3 && i%300 > 20
					}
					mask = graph.Constant(g, seen, c.mask...)
				}
				y := attention(q, key, v, mask)
				outputs := []*graph.Node{y}
				list := []*graph.Node{q, key, v}
				if c.orders > 0 {
					first := grad(t, graph.Sum(graph.Sin(y)), list...)
					outputs = append(outputs, first...)
					outputs = append(outputs, must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, list, nil))...)
					if c.orders > 1 {
						outputs = append(outputs, grad(t, graph.Add(graph.Sum(graph.Square(first[0])), graph.Sum(graph.Mul(first[1], first[1]))), list...)...)
					}
				}
				at := testkit.Point{}
				for i, x := range list {
					at[x] = testkit.Spread(x.Type(), -2, 2, 3*i+1)
				}
				for _, in := range g.Inputs() { // tangents
					if _, ok := at[in]; !ok {
						at[in] = testkit.Spread(in.Type(), -1, 1, 5)
					}
				}
				got := must[[][]float64](t)(runOutputs(compile.Config{}, at, outputs...))
				if k == 0 {
					want = got
					continue
				}
				for o := range want {
					largest := 0.0
					for _, w := range want[o] {
						largest = max(largest, math.Abs(w))
					}
					for i, w := range want[o] {
						if !(math.Abs(got[o][i]-w) <= 1e-12*largest) {
							t.Fatalf("output %d[%d] is %v, want %v", o, i, got[o][i], w)
						}
					}
				}
			}
		})
	}
}

// TestMemoryOfLongAttention holds that neither attention nor its gradient has all scores in memory.
func TestMemoryOfLongAttention(t *testing.T) {
	const d = 16
	for _, n := range []int{2048, 8192} {
		g := graph.New()
		q, k, v := g.Input("q", graph.Float32, n, d), g.Input("k", graph.Float32, n, d), g.Input("v", graph.Float32, n, d)
		y := graph.Attention(q, k, v, graph.AttentionOptions{Causal: true})
		scores := int64(n) * int64(n) * 4
		for what, outputs := range map[string][]*graph.Node{"value": {y}, "gradients": grad(t, graph.Sum(y), q, k, v)} {
			p := must[*vm.Program](t)(compile.Compile(outputs...))
			bytes := p.MemoryBytes(vm.WithThreads(1), vm.WithoutNative())
			t.Logf("%s of %d queries and keys: %d bytes, all scores take %d", what, n, bytes, scores)
			if bytes > int64(n)*512*4*5 {
				t.Errorf("%s of %d queries and keys: %d bytes, more than the scores of five blocks", what, n, bytes)
			}
		}
	}
}
