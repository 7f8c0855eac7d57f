package nn

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// AttentionOptions change MultiHeadAttention. The zero value is self-attention of all tokens to all.
type AttentionOptions struct {
	// Keys and Values are what is attended to, [B, S, width]; nil means x itself, and nil Values the Keys.
	Keys, Values *graph.Node
	// Causal lets token i see the tokens up to i only.
	Causal bool
	// Mask is bool and broadcasts to [B, heads, L, S]: a query sees the keys where it is true; nil means all.
	Mask *graph.Node
	// NoBias leaves out the biases.
	NoBias bool
	// Rotary turns queries and keys by their positions (see Rotary) with this base, as 10000; 0 does not.
	Rotary float64
	// Cache holds keys and values of earlier tokens; nil means none. See Cache.
	Cache *Cache
}

// Cache holds the keys and values of tokens that were seen, for decoding token by token: x then holds the tokens at Length and behind it, of which each sees those before it and itself. MultiHeadAttention replaces the nodes by
// those that include x, which the caller carries on: as carries of a loop, or as updated inputs (compile.Config.Updates).
type Cache struct {
	// Keys and Values are [B, heads, capacity, width/heads].
	Keys, Values *graph.Node
	// Length is the number of tokens seen so far, an int32 or int64 scalar. Length and the new tokens are at most the capacity, which is for the caller to see to.
	Length *graph.Node
}

// NewCache returns an empty cache: zeros.
func NewCache(s *Scope, batch, heads, capacity, width int) *Cache {
	s = s.ready()
	if heads < 1 || width%heads != 0 {
		bad := s.fail("attention", "%d heads of the width %d: needs a divisor", heads, width)
		return &Cache{bad, bad, bad}
	}
	zeros := graph.BroadcastTo(s.scalar(0), batch, heads, capacity, width/heads)
	return &Cache{zeros, zeros, s.all.g.Scalar(graph.Int64, 0)}
}

// MultiHeadAttention returns what the tokens x [B, L, width] take from the tokens that they attend to, [B, L, width]: the heads' attention (Vaswani et al. 2017), joined, by an output layer. Without a cache x may lack B, and then the result does.
//
// Parameters: in_proj_weight [3·width, width], Glorot-uniform, and in_proj_bias, zeros, for queries, keys and values, one behind the other; out_proj/weight [width, width], uniform between ∓1/√width, and out_proj/bias, zeros.
func MultiHeadAttention(s *Scope, x *graph.Node, heads int, o AttentionOptions) *graph.Node {
	const layer = "attention"
	s = s.ready()
	if !x.Valid() {
		return x
	}
	if x.Shape().Rank() == 2 && o.Cache == nil {
		of := func(v *node) *node {
			if v.Valid() && v.Shape().Rank() == 2 {
				v = graph.ExpandDims(v, 0)
			}
			return v
		}
		o.Keys, o.Values = of(o.Keys), of(o.Values)
		return withoutBatch(MultiHeadAttention(s, of(x), heads, o), 0)
	}
	if x.Shape().Rank() != 3 || heads < 1 || x.Shape()[2]%max(heads, 1) != 0 {
		return s.fail(layer, "%v with %d heads: needs [B, L, width] and a divisor of the width", x.Type(), heads)
	}
	batch, tokens, width := x.Shape()[0], x.Shape()[1], x.Shape()[2]
	if o.Values == nil {
		o.Values = o.Keys
	}
	if o.Keys == nil && o.Values != nil {
		return s.fail(layer, "values without keys")
	}
	if o.Cache != nil && o.Keys != nil {
		return s.fail(layer, "a cache is for self-attention")
	}
	for _, v := range (nodes{o.Keys, o.Values}) {
		if v == nil {
			continue
		}
		if !v.Valid() {
			return v
		}
		if v.Shape().Rank() != 3 || v.Shape()[0] != batch || v.Shape()[2] != width {
			return s.fail(layer, "keys or values of %v for queries of %v", v.Type(), x.Type())
		}
	}
	mixed := s.group(func() *node {
		w := s.Parameter("in_proj_weight", GlorotUniform(), 3*width, width)
		var b *node
		if !o.NoBias {
			b = s.Parameter("in_proj_bias", Zeros(), 3*width)
		}
		// heads of x by the given thirds of the weights: n of [B, heads, tokens, width/heads]
		project := func(x *node, first, n int) nodes {
			part := func(v *node) *node {
				if n == 3 || !v.Valid() {
					return v
				}
				return graph.Slice(v, graph.Range{Start: first * width, Limit: (first + n) * width})
			}
			y := product(x, part(w))
			if b != nil {
				y = graph.Add(y, part(b))
			}
			y = graph.Transpose(graph.Reshape(y, batch, x.Shape()[1], n, heads, width/heads), 2, 0, 3, 1, 4)
			out := make(nodes, n)
			for i := range out {
				out[i] = graph.Index(y, i)
			}
			return out
		}
		var q, k, v *node
		if o.Keys == nil {
			all := project(x, 0, 3)
			q, k, v = all[0], all[1], all[2]
		} else {
			q, k, v = project(x, 0, 1)[0], project(o.Keys, 1, 1)[0], project(o.Values, 2, 1)[0]
		}
		mask := o.Mask
		var positions *node
		if o.Cache != nil || o.Rotary != 0 {
			positions = graph.Iota(x.Graph(), graph.Int64, 0, tokens)
		}
		if o.Cache != nil {
			positions = graph.Add(positions, graph.Cast(o.Cache.Length, graph.Int64))
		}
		if o.Rotary != 0 {
			q = Rotary(q, positions, o.Rotary)
			if o.Keys == nil {
				k = Rotary(k, positions, o.Rotary)
			} else {
				k = Rotary(k, graph.Iota(x.Graph(), graph.Int64, 0, k.Shape()[2]), o.Rotary)
			}
		}
		if o.Cache != nil {
			var seen *node
			if k, v, seen = o.Cache.add(k, v, positions); mask == nil {
				mask = seen
			} else {
				mask = graph.LogicalAnd(mask, seen)
			}
			o.Causal = false // which the mask says
		}
		y := graph.Attention(q, k, v, graph.AttentionOptions{Mask: mask, Causal: o.Causal})
		return graph.Reshape(graph.Transpose(y, 0, 2, 1, 3), batch, tokens, width)
	})
	options := []Option{BiasInit(Zeros())}
	if o.NoBias {
		options = append(options, NoBias())
	}
	return Linear(s.In("out_proj"), mixed, width, options...)
}

// add writes keys and values of new tokens at the given positions into the cache and returns all, with the mask of those that each new token sees.
func (c *Cache) add(k, v, positions *node) (allKeys, allValues, mask *node) {
	if !k.Valid() || !v.Valid() || !c.Keys.Valid() || !c.Values.Valid() {
		return k, v, graph.Equal(k, v)
	}
	capacity, tokens := 0, k.Shape()[2]
	if c.Keys.Shape().Rank() == 4 {
		capacity = c.Keys.Shape()[2]
	}
	if tokens > capacity {
		bad := k.Graph().Fail("attention", fmt.Errorf("%d tokens and a cache of %v", tokens, c.Keys.Type()))
		return bad, bad, bad
	}
	zero := graph.Like(positions, 0)
	begin := graph.Stack(0, zero, zero, graph.Index(positions, 0), zero)
	c.Keys, c.Values = graph.DynamicUpdateSlice(c.Keys, k, begin), graph.DynamicUpdateSlice(c.Values, v, begin)
	slots := graph.Iota(k.Graph(), graph.Int64, 0, capacity)
	mask = graph.LessEqual(slots, graph.Reshape(positions, -1, 1))
	c.Length = graph.Add(c.Length, graph.Like(c.Length, float64(tokens)))
	return c.Keys, c.Values, mask
}
