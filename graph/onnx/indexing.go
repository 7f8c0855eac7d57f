package onnx

import (
	"slices"
	"sort"

	"github.com/adjoint-go/adjoint/graph"
)

// indexing are operators that move elements to and from places that values name, and sort them.
var indexing = []operator{
	{name: "ArgMax", in: arg(graph.Argmax)},
	{name: "ArgMin", in: arg(graph.Argmin)},
	{name: "Compress", in: compress, why: "the condition has to be constant"},
	{name: "Gather", in: func(c *call) []value {
		r := c.out(graph.Gather(c.x(0), c.x(1), c.int("axis", 0)))
		r[0].kind = c.in[0].kind
		return r
	}},
	{name: "GatherElements", in: func(c *call) []value {
		x, i := c.x(0), c.x(1)
		axis := c.axis(c.int("axis", 0), x.Shape().Rank())
		r := c.out(c.takeAlong(x, i, axis))
		r[0].kind = c.in[0].kind
		return r
	}},
	{name: "GatherND", in: gatherND},
	{name: "NonMaxSuppression", in: suppress, why: "of constants: the number of results depends on values"},
	{name: "NonZero", in: nonZero, why: "of constants: the number of results depends on values"},
	{name: "OneHot", in: func(c *call) []value {
		i, v := c.x(0), c.x(2)
		depth := int(c.scalarOf(1, "the depth", 0))
		if depth < 1 {
			c.fail("a depth of %d", depth)
		}
		axis := c.axis(c.int("axis", -1), i.Shape().Rank()+1)
		if i.DType().IsFloat() {
			i = graph.Cast(i, graph.Int64)
		}
		n := graph.Like(i, float64(depth))
		i = graph.ExpandDims(graph.Where(graph.Less(i, graph.Like(i, 0)), graph.Add(i, n), i), axis)
		s := slices.Clone(i.Shape())
		s[axis] = depth
		hot := graph.Equal(i, graph.Iota(c.g(), i.DType(), axis, s...))
		return c.as(c.in[2].kind, graph.Where(hot, graph.Index(v, 1), graph.Index(v, 0)))
	}},
	{name: "Scatter", in: scatterElements},
	{name: "ScatterElements", in: scatterElements},
	{name: "ScatterND", in: scatterND},
	{name: "TensorScatter", in: tensorScatter},
	{name: "TopK", in: topK},
	{name: "Unique", in: unique, why: "of constants: the number of results depends on values"},
}

func arg(f func(x *graph.Node, axis int, opts ...graph.ReduceOption) *graph.Node) func(c *call) []value {
	return func(c *call) []value {
		x := c.x(0)
		s := x.Shape()
		axis := c.axis(c.int("axis", 0), max(1, len(s)))
		if len(s) == 0 {
			return c.as(kindInt64, graph.Constant(c.g(), []int{0}))
		}
		var opts []graph.ReduceOption
		if c.bool("keepdims", true) {
			opts = append(opts, graph.KeepDims)
		}
		if c.bool("select_last_index", false) {
			i := f(graph.Flip(x, axis), axis, opts...)
			return c.as(kindInt64, graph.Sub(graph.Like(i, float64(s[axis]-1)), i))
		}
		return c.as(kindInt64, f(x, axis, opts...))
	}
}

// takeAlong is TakeAlongAxis of indices whose other extents may be smaller than those of x.
func (c *call) takeAlong(x, i *graph.Node, axis int) *graph.Node {
	s, t := x.Shape(), i.Shape()
	if len(s) != len(t) {
		c.fail("indices %v for %v", i.Type(), x.Type())
	}
	ranges := make([]graph.Range, len(s))
	for k := range s {
		ranges[k].Limit = graph.All
		if k != axis {
			if t[k] > s[k] {
				c.fail("indices %v for %v", i.Type(), x.Type())
			}
			ranges[k].Limit = t[k]
		}
	}
	return graph.TakeAlongAxis(graph.Slice(x, ranges...), i, axis)
}

func gatherND(c *call) []value {
	x, i := c.x(0), c.x(1)
	s, t := x.Shape(), i.Shape()
	b := c.int("batch_dims", 0)
	if len(t) == 0 || b < 0 || b >= len(t) || b > len(s) || !s[:min(b, len(s))].Equal(t[:b]) {
		c.fail("indices %v for %v with %d batch dimensions", i.Type(), x.Type(), b)
	}
	one := slices.Clone(t)
	one[len(t)-1] = 1
	at := make([]*graph.Node, 0, b+1) // batches are numbered
	for d := range b {
		at = append(at, graph.Iota(c.g(), i.DType(), d, one...))
	}
	r := c.out(graph.GatherND(x, graph.Concat(-1, append(at, i)...)))
	r[0].kind = c.in[0].kind
	return r
}

// combined returns how updates are combined with x.
func (c *call) combined() func(x, indices, updates *graph.Node, axis int) *graph.Node {
	how := c.string("reduction", "none")
	f := map[string]func(x, indices, updates *graph.Node, axis int) *graph.Node{"": graph.ScatterSet, "none": graph.ScatterSet, "add": graph.ScatterAddTo, "mul": graph.ScatterMul, "max": graph.ScatterMax, "min": graph.ScatterMin}[how]
	if f == nil || c.x(0).DType() == graph.Bool && how != "none" && how != "" {
		c.fail("the reduction %q of %v", how, c.x(0).DType())
	}
	return f
}

func scatterElements(c *call) []value {
	x := c.x(0)
	c.need(x, 1)
	r := c.out(graph.ScatterAlongAxis(x, c.x(1), c.x(2), c.axis(c.int("axis", 0), x.Shape().Rank()), c.combined()))
	r[0].kind = c.in[0].kind
	return r
}

func scatterND(c *call) []value {
	x, i, u := c.x(0), c.x(1), c.x(2)
	r := c.out(x)
	if !i.Shape().Empty() {
		r = c.out(graph.ScatterND(x, i, u, c.combined()))
	}
	r[0].kind = c.in[0].kind
	return r
}

// tensorScatter writes new entries into a cache behind those that are there.
func tensorScatter(c *call) []value {
	x, u := c.x(0), c.x(1)
	s, t := x.Shape(), u.Shape()
	axis := c.axis(c.int("axis", -2), len(s))
	if axis == 0 || len(t) != len(s) {
		c.fail("axis %d of %v, update %v", axis, x.Type(), u.Type())
	}
	batch := s[0]
	var first *graph.Node
	if c.has(2) {
		first = c.x(2)
	} else {
		first = graph.Zeros(c.g(), graph.Int64, batch)
	}
	shape := make([]int, len(s))
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = batch
	at := graph.Add(graph.Reshape(first, shape...), graph.Iota(c.g(), first.DType(), axis, t...))
	if c.string("mode", "linear") == "circular" {
		at = graph.Mod(at, graph.Like(at, float64(s[axis])))
	}
	var flat *graph.Node
	for k, e := range s {
		j := graph.Iota(c.g(), at.DType(), k, t...)
		if k == axis {
			j = at
		}
		if flat == nil {
			flat = j
		} else {
			flat = graph.Add(graph.Mul(flat, graph.Like(flat, float64(e))), j)
		}
	}
	y := graph.ScatterSet(graph.Reshape(x, s.Size()), graph.Reshape(flat, t.Size()), graph.Reshape(u, t.Size()), 0)
	return c.out(graph.Reshape(y, s...))
}

func topK(c *call) []value {
	x := c.x(0)
	c.need(x, 1)
	axis := c.axis(c.int("axis", -1), x.Shape().Rank())
	k := c.int("k", 0)
	if c.version >= 10 {
		k = int(c.scalarOf(1, "the number of elements", 0))
	}
	var opts []graph.SortOption
	if !c.bool("largest", true) {
		opts = append(opts, graph.Smallest)
	}
	v, i := graph.TopK(x, k, axis, opts...)
	return []value{{node: v, kind: c.in[0].kind}, {node: i, kind: kindInt64}}
}

// compress takes elements that known booleans choose.
func compress(c *call) []value {
	x := c.x(0)
	l := c.literal(1, "the condition")
	if l.Type().DType != graph.Bool || l.Type().Shape.Rank() != 1 {
		c.fail("the condition is %v: needs a vector of booleans", l.Type())
	}
	axis := 0
	if c.hasAttr("axis") {
		axis = c.axis(c.int("axis", 0), x.Shape().Rank())
	} else {
		x = graph.Reshape(x, x.Shape().Size())
	}
	var at []int
	for i := range l.Type().Shape.Size() {
		if l.Bits(i) != 0 {
			at = append(at, i)
		}
	}
	return []value{{node: graph.Gather(x, graph.Constant(c.g(), at, len(at)), axis), kind: c.in[0].kind}}
}

// nonZero lists where known values are not 0.
func nonZero(c *call) []value {
	l := c.literal(0, "the operand")
	s := l.Type().Shape
	rank := len(s)
	rows := make([][]int, rank)
	n := 0
	index := make([]int, rank)
	for i := range s.Size() {
		if l.Float(i) == 0 {
			continue
		}
		n++
		for k, at := rank-1, i; k >= 0; k-- {
			index[k] = at % s[k]
			at /= s[k]
		}
		for k := range rows {
			rows[k] = append(rows[k], index[k])
		}
	}
	return c.as(kindInt64, graph.Constant(c.g(), slices.Concat(rows...), rank, n))
}

// unique lists the different parts of known values.
func unique(c *call) []value {
	l := c.literal(0, "the operand")
	s := l.Type().Shape
	outer, axis, inner := 1, s.Size(), 1
	if c.hasAttr("axis") {
		a := c.axis(c.int("axis", 0), len(s))
		outer, axis, inner = s[:a].Size(), s[a], s[a+1:].Size()
	}
	part := func(i, k int) float64 { return l.Float((k/inner*axis+i)*inner + k%inner) }
	compare := func(i, j int) int {
		for k := range outer * inner {
			x, y := part(i, k), part(j, k)
			if x < y || y != y && x == x {
				return -1
			}
			if y < x || x != x && y == y {
				return 1
			}
		}
		return 0
	}
	order := make([]int, axis)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return compare(order[a], order[b]) < 0 })
	var first, counts []int
	group := make([]int, axis) // of each part, in ascending order of values
	for k, i := range order {
		if k == 0 || compare(order[k-1], i) != 0 {
			first, counts = append(first, i), append(counts, 0)
		}
		group[i] = len(first) - 1
		counts[len(counts)-1]++
	}
	if !c.bool("sorted", true) { // by first occurrence
		by := make([]int, len(first))
		for i := range by {
			by[i] = i
		}
		sort.Slice(by, func(a, b int) bool { return first[by[a]] < first[by[b]] })
		rank := make([]int, len(by))
		f, n := slices.Clone(first), slices.Clone(counts)
		for k, g := range by {
			rank[g], first[k], counts[k] = k, f[g], n[g]
		}
		for i := range group {
			group[i] = rank[group[i]]
		}
	}
	x := c.x(0)
	if !c.hasAttr("axis") {
		x = graph.Reshape(x, axis)
	}
	a := 0
	if c.hasAttr("axis") {
		a = c.axis(c.int("axis", 0), len(s))
	}
	vector := func(v []int) value {
		return value{node: graph.Constant(c.g(), v, len(v)), kind: kindInt64}
	}
	y := graph.Gather(x, graph.Constant(c.g(), first, len(first)), a)
	return []value{{node: y, kind: c.in[0].kind}, vector(first), vector(group), vector(counts)}
}
