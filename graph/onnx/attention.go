package onnx

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// attention and what goes with it.
var attention = []operator{
	{name: "Attention", in: attend},
	{name: "FlexAttention", domain: "ai.onnx.preview", in: flexAttention},
	{name: "LinearAttention", in: linearAttention},
	{name: "RotaryEmbedding", in: rotaryEmbedding},
}

// heads returns [B, T, H·D] as [B, H, T, D].
func (c *call) heads(x *graph.Node, n int) *graph.Node {
	s := x.Shape()
	if len(s) != 3 || n < 1 || s[2]%n != 0 {
		c.fail("%d heads of %v", n, x.Type())
	}
	return graph.Transpose(graph.Reshape(x, s[0], s[1], n, s[2]/n), 0, 2, 1, 3)
}

// packed is the inverse of heads.
func packed(x *graph.Node) *graph.Node {
	s := x.Shape()
	if len(s) != 4 {
		return x
	}
	return graph.Reshape(graph.Transpose(x, 0, 2, 1, 3), s[0], s[2], s[1]*s[3])
}

// grouped repeats each head of keys and values for the queries that share it.
func (c *call) grouped(x *graph.Node, queries int) *graph.Node {
	n := x.Shape()[1]
	if queries == n {
		return x
	}
	if queries%n != 0 {
		c.fail("%d heads of queries for %d of keys", queries, n)
	}
	return graph.Repeat(x, queries/n, 1)
}

func attend(c *call) []value {
	q, k, v := c.x(0), c.x(1), c.x(2)
	three := q.Shape().Rank() == 3
	if three {
		q, k, v = c.heads(q, c.int("q_num_heads", 0)), c.heads(k, c.int("kv_num_heads", 0)), c.heads(v, c.int("kv_num_heads", 0))
	}
	if q.Shape().Rank() != 4 || k.Shape().Rank() != 4 || v.Shape().Rank() != 4 {
		c.fail("operands %v, %v, %v", q.Type(), k.Type(), v.Type())
	}
	past := 0
	if c.has(4) {
		past = c.x(4).Shape()[2]
		k = graph.Concat(2, c.x(4), k)
	}
	if c.has(5) {
		v = graph.Concat(2, c.x(5), v)
	}
	presentK, presentV := k, v
	queries := q.Shape()[1]
	length, total := q.Shape()[2], k.Shape()[2]
	k, v = c.grouped(k, queries), c.grouped(v, queries)
	scale := c.float("scale", 1/math.Sqrt(float64(q.Shape()[3])))
	root := graph.Like(q, math.Sqrt(scale))
	scores := graph.MatMul(graph.Mul(q, root), graph.Mul(graph.Transpose(k, 0, 1, 3, 2), root))
	raw := scores
	mode := c.int("qk_matmul_output_mode", 0)
	if cap := c.float("softcap", 0); cap > 0 {
		scores = graph.Mul(graph.Tanh(graph.Div(scores, graph.Like(q, cap))), graph.Like(q, cap))
		if mode == 1 || mode == 0 {
			raw = scores
			if mode == 0 {
				raw = graph.MatMul(graph.Mul(q, root), graph.Mul(graph.Transpose(k, 0, 1, 3, 2), root))
			}
		}
	}
	never := graph.Like(q, math.Inf(-1))
	if c.has(3) {
		m := c.x(3)
		short := total - m.Shape()[m.Shape().Rank()-1]
		if short < 0 {
			c.fail("a mask %v for %d keys", m.Type(), total)
		}
		low, high := make([]int, m.Shape().Rank()), make([]int, m.Shape().Rank())
		high[len(high)-1] = short
		if m.DType() == graph.Bool {
			scores = graph.Where(graph.Pad(m, low, high, 0), scores, never)
		} else {
			scores = graph.Add(scores, graph.Pad(m, low, high, math.Inf(-1)))
		}
	}
	if c.bool("is_causal", false) {
		i, j := graph.Iota(c.g(), graph.Int64, 0, length, total), graph.Iota(c.g(), graph.Int64, 1, length, total)
		scores = graph.Where(graph.LessEqual(j, graph.Add(i, graph.Like(i, float64(past)))), scores, never)
	}
	if c.has(6) {
		n := graph.Reshape(c.x(6), q.Shape()[0], 1, 1, 1)
		scores = graph.Where(graph.Less(graph.Iota(c.g(), n.DType(), 3, 1, 1, 1, total), n), scores, never)
	}
	precise := scores
	if c.hasAttr("softmax_precision") {
		precise = graph.Cast(scores, c.kindAttr("softmax_precision", kindFloat).dtype())
	}
	p := graph.Cast(graph.Softmax(precise, 3), q.DType())
	y := graph.MatMul(p, v)
	if three {
		y = packed(y)
	}
	switch mode {
	case 2:
		raw = scores
	case 3:
		raw = p
	}
	return c.out(y, presentK, presentV, raw)
}

func flexAttention(c *call) []value {
	q, k, v := c.x(0), c.x(1), c.x(2)
	c.need(q, 4)
	c.need(k, 4)
	c.need(v, 4)
	queries := q.Shape()[1]
	k, v = c.grouped(k, queries), c.grouped(v, queries)
	scores := graph.Mul(graph.MatMul(q, graph.Transpose(k, 0, 1, 3, 2)), graph.Like(q, c.float("scale", 1/math.Sqrt(float64(q.Shape()[3])))))
	precision := graph.Float32
	if q.DType() == graph.Float64 {
		precision = graph.Float64
	}
	if c.hasAttr("softmax_precision") {
		precision = c.kindAttr("softmax_precision", kindFloat).dtype()
	}
	modify := func(name string, x *graph.Node) *graph.Node {
		if c.attribute(name, pb.AttributeProto_GRAPH) == nil {
			return x
		}
		r := c.inline(c.graph(name), []value{{node: x, kind: kindOf(x.DType())}})
		if len(r) != 1 || r[0].node == nil {
			c.fail("%s has no result", name)
		}
		return r[0].node
	}
	p := modify("prob_mod", graph.Softmax(modify("score_mod", graph.Cast(scores, precision)), 3))
	return c.out(graph.MatMul(graph.Cast(p, q.DType()), v))
}

// linearAttention runs its recurrence over the tokens.
func linearAttention(c *call) []value {
	kvHeads, qHeads := c.int("kv_num_heads", 0), c.int("q_num_heads", 0)
	q, k, v := c.heads(c.x(0), qHeads), c.heads(c.x(1), kvHeads), c.heads(c.x(2), kvHeads)
	s := k.Shape()
	batch, length, dk, dv := s[0], s[2], s[3], v.Shape()[3]
	rule := c.string("update_rule", "gated_delta")
	gated, delta := rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta"
	if !gated && !delta && rule != "linear" {
		c.fail("the update rule %q", rule)
	}
	scale := c.float("scale", 0)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(dk))
	}
	q = graph.Mul(q, graph.Like(q, scale))
	state := graph.BroadcastTo(graph.Like(q, 0), batch, kvHeads, dk, dv)
	if c.has(3) {
		state = c.x(3)
	}
	first := func(x *graph.Node) *graph.Node { return moved(x, 2, 0) } // [B, H, T, …] with T in front
	xs := []*graph.Node{first(q), first(k), first(v)}
	if gated {
		g := c.x(4) // [B, T, H·dk] or [B, T, H]
		if g.Shape().Rank() != 3 {
			c.fail("a decay %v", g.Type())
		}
		each := dk
		if g.Shape()[2] == kvHeads {
			each = 1
		}
		xs = append(xs, graph.Exp(first(graph.Transpose(graph.Reshape(g, batch, length, kvHeads, each), 0, 2, 1, 3))))
	}
	if delta {
		b := c.x(5) // [B, T, H] or [B, T, 1]
		if b.Shape().Rank() != 3 {
			c.fail("beta %v", b.Type())
		}
		b = graph.BroadcastTo(b, batch, length, kvHeads)
		xs = append(xs, graph.Reshape(graph.Transpose(b, 1, 0, 2), length, batch, kvHeads, 1))
	}
	outer := c.b.g
	final, ys := graph.Scan(length, []*graph.Node{state}, xs, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
		c.b.g = x[0].Graph()
		defer func() { c.b.g = outer }()
		m, q, k, v := carry[0], x[0], x[1], x[2]
		rest := x[3:]
		if gated { // each row of the state decays
			m = graph.Mul(m, graph.ExpandDims(rest[0], 3))
			rest = rest[1:]
		}
		if delta {
			seen := graph.Squeeze(graph.MatMul(graph.ExpandDims(k, 2), m), 2)
			v = graph.Mul(rest[0], graph.Sub(v, seen))
		}
		m = graph.Add(m, graph.Mul(graph.ExpandDims(k, 3), graph.ExpandDims(v, 2)))
		y := graph.Squeeze(graph.MatMul(graph.ExpandDims(q, 2), c.grouped(m, qHeads)), 2) // [B, H, dv]
		return []*graph.Node{m}, []*graph.Node{y}
	})
	return c.out(packed(moved(ys[0], 0, 2)), final[0])
}

func rotaryEmbedding(c *call) []value {
	x := c.x(0)
	s := x.Shape()
	// [B, T, H, D]
	switch len(s) {
	case 4:
		x = graph.Transpose(x, 0, 2, 1, 3)
	case 3:
		n := c.int("num_heads", 0)
		if n < 1 || s[2]%n != 0 {
			c.fail("%d heads of %v", n, x.Type())
		}
		x = graph.Reshape(x, s[0], s[1], n, s[2]/n)
	default:
		c.fail("the operand is %v", x.Type())
	}
	t := x.Shape()
	dim := c.int("rotary_embedding_dim", 0)
	if dim == 0 {
		dim = t[3]
	}
	if dim < 2 || dim%2 != 0 || dim > t[3] {
		c.fail("rotates %d of %d elements", dim, t[3])
	}
	table := func(i int) *graph.Node {
		y := c.x(i)
		if c.has(3) {
			y = graph.Gather(y, c.x(3), 0)
		}
		return graph.ExpandDims(y, 2)
	}
	cos, sin := table(1), table(2)
	turned := along(x, 3, 0, dim)
	var a, b *graph.Node
	interleaved := c.bool("interleaved", false)
	if interleaved {
		pairs := graph.Reshape(turned, t[0], t[1], t[2], dim/2, 2)
		a, b = graph.Squeeze(along(pairs, 4, 0, 1), 4), graph.Squeeze(along(pairs, 4, 1, 2), 4)
	} else {
		a, b = along(turned, 3, 0, dim/2), along(turned, 3, dim/2, dim)
	}
	re := graph.Sub(graph.Mul(cos, a), graph.Mul(sin, b))
	im := graph.Add(graph.Mul(sin, a), graph.Mul(cos, b))
	y := graph.Concat(3, re, im)
	if interleaved {
		y = graph.Reshape(graph.Stack(4, re, im), t[0], t[1], t[2], dim)
	}
	if dim < t[3] {
		y = graph.Concat(3, y, along(x, 3, dim, t[3]))
	}
	if len(s) == 3 {
		return c.out(graph.Reshape(y, s...))
	}
	return c.out(graph.Transpose(y, 0, 2, 1, 3))
}
