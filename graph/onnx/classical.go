package onnx

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

const (
	classicalDomain = "ai.onnx.ml"
	ofMaps          = "maps have no counterpart here"
)

// classical machine learning, and text as numbers.
var classical = []operator{
	{name: "ArrayFeatureExtractor", domain: classicalDomain, in: func(c *call) []value {
		x, i := c.x(0), c.x(1)
		if x.Shape().Rank() == 1 {
			x = graph.ExpandDims(x, 0)
		}
		return []value{{node: graph.Gather(x, graph.Reshape(i, i.Shape().Size()), -1), kind: c.in[0].kind}}
	}},
	{name: "Binarizer", domain: classicalDomain, in: func(c *call) []value {
		x := c.x(0)
		return c.out(graph.Cast(graph.Greater(x, graph.Like(x, c.float("threshold", 0))), x.DType()))
	}},
	{name: "CastMap", domain: classicalDomain, why: ofMaps},
	{name: "CategoryMapper", domain: classicalDomain, why: noStrings},
	{name: "DictVectorizer", domain: classicalDomain, why: ofMaps},
	{name: "FeatureVectorizer", domain: classicalDomain, in: func(c *call) []value {
		xs := c.xs()
		for i, x := range xs {
			if x.Shape().Rank() == 1 {
				x = graph.ExpandDims(x, 0)
			}
			xs[i] = graph.Cast(x, graph.Float32)
		}
		return c.as(kindFloat, graph.Concat(1, xs...))
	}},
	{name: "Imputer", domain: classicalDomain, in: func(c *call) []value {
		x := c.x(0)
		values, missing := c.floats("imputed_value_floats"), c.float("replaced_value_float", 0)
		if x.DType().IsInt() {
			values, missing = nil, float64(c.int("replaced_value_int64", 0))
			for _, v := range c.ints("imputed_value_int64s") {
				values = append(values, float64(v))
			}
		}
		if len(values) == 0 {
			c.fail("needs imputed values")
		}
		by := graph.Cast(graph.Constant(c.g(), values, len(values)), x.DType())
		if len(values) == 1 {
			by = graph.Reshape(by)
		}
		where := graph.Equal(x, graph.Like(x, missing))
		if missing != missing {
			where = graph.IsNaN(x)
		}
		return c.out(graph.Where(where, by, x))
	}},
	{name: "LabelEncoder", domain: classicalDomain, why: "labels are strings but for few models"},
	{name: "LinearClassifier", domain: classicalDomain, why: "labels are strings but for few models; LinearRegressor has the scores"},
	{name: "LinearRegressor", domain: classicalDomain, in: func(c *call) []value {
		x := c.x(0)
		c.need(x, 2)
		n := c.int("targets", 1)
		w := c.floats("coefficients")
		if n < 1 || len(w) != n*x.Shape()[1] {
			c.fail("%d coefficients for %d targets of %v", len(w), n, x.Type())
		}
		x = graph.Cast(x, graph.Float32)
		y := graph.MatMul(x, graph.Cast(graph.Transpose(graph.Constant(c.g(), w, n, len(w)/n)), x.DType()))
		if b := c.floats("intercepts"); b != nil {
			y = graph.Add(y, graph.Cast(graph.Constant(c.g(), b, len(b)), x.DType()))
		}
		return c.as(kindFloat, c.transformed(y, c.string("post_transform", "NONE")))
	}},
	{name: "Normalizer", domain: classicalDomain, in: func(c *call) []value {
		x := graph.Cast(c.x(0), graph.Float32)
		axis := []int{x.Shape().Rank() - 1}
		var n *graph.Node
		switch how := c.string("norm", "MAX"); how {
		case "MAX":
			n = graph.ReduceMax(graph.Abs(x), axis, graph.KeepDims)
		case "L1":
			n = graph.ReduceL1(x, axis, graph.KeepDims)
		case "L2":
			n = graph.ReduceL2(x, axis, graph.KeepDims)
		default:
			c.fail("the norm %q", how)
		}
		return c.as(kindFloat, graph.Div(x, n))
	}},
	{name: "OneHotEncoder", domain: classicalDomain, in: func(c *call) []value {
		x := c.x(0)
		cats := c.ints("cats_int64s")
		if len(cats) == 0 {
			c.fail(noStrings)
		}
		x = graph.ExpandDims(graph.Cast(x, graph.Int64), x.Shape().Rank())
		return c.as(kindFloat, graph.Cast(graph.Equal(x, graph.Constant(c.g(), cats, len(cats))), graph.Float32))
	}},
	{name: "SVMClassifier", domain: classicalDomain, why: "labels are strings but for few models"},
	{name: "SVMRegressor", domain: classicalDomain, why: "not written: few models have it"},
	{name: "Scaler", domain: classicalDomain, in: func(c *call) []value {
		x := graph.Cast(c.x(0), graph.Float32)
		vector := func(name string, otherwise float64) *graph.Node {
			v := c.floats(name)
			if v == nil {
				v = []float64{otherwise}
			}
			return graph.Cast(graph.Constant(c.g(), v, len(v)), x.DType())
		}
		return c.as(kindFloat, graph.Mul(graph.Sub(x, vector("offset", 0)), vector("scale", 1)))
	}},
	{name: "TfIdfVectorizer", in: tfIdf},
	{name: "TreeEnsemble", domain: classicalDomain, in: treeEnsemble},
	{name: "TreeEnsembleClassifier", domain: classicalDomain, why: "superseded by TreeEnsemble, which is supported; labels are strings but for few models"},
	{name: "TreeEnsembleRegressor", domain: classicalDomain, why: "superseded by TreeEnsemble, which is supported"},
	{name: "ZipMap", domain: classicalDomain, why: ofMaps},
}

// transformed applies what models of this kind do to scores.
func (c *call) transformed(y *graph.Node, how string) *graph.Node {
	switch how {
	case "NONE":
		return y
	case "LOGISTIC":
		return graph.Sigmoid(y)
	case "SOFTMAX":
		return graph.Softmax(y, -1)
	}
	c.fail("post_transform %q", how)
	return nil
}

// tfIdf counts n-grams: sequences of n numbers with equally many left out between them.
func tfIdf(c *call) []value {
	x := c.x(0)
	if len(c.strings("pool_strings")) > 0 || !x.DType().IsInt() {
		c.fail(noStrings)
	}
	s := x.Shape()
	pool, starts, index := c.ints("pool_int64s"), c.ints("ngram_counts"), c.ints("ngram_indexes")
	shortest, longest, skips := c.int("min_gram_length", 1), c.int("max_gram_length", 1), c.int("max_skip_count", 0)
	if len(s) < 1 || len(s) > 2 || len(index) == 0 || shortest < 1 || longest < shortest || skips < 0 || longest > 1<<10 || skips > 1<<20 {
		c.fail("grams of %d to %d with %d skips in %v", shortest, longest, skips, x.Type())
	}
	extent := s[len(s)-1]
	width := slices.Max(index) + 1
	if slices.Min(index) < 0 || width > 1<<26 {
		c.fail("ngram_indexes to %d", width)
	}
	lead := slices.Clone(s[:len(s)-1])
	total := graph.Zeros(c.g(), graph.Float32, append(slices.Clone(lead), width)...)
	at := 0 // grams in pool before those of the length
	for n := 1; n <= len(starts); n++ {
		from, to := starts[n-1], len(pool)
		if n < len(starts) {
			to = starts[n]
		}
		if from < 0 || to > len(pool) || from > to || (to-from)%n != 0 {
			c.fail("ngram_counts %v of %d numbers", starts, len(pool))
		}
		grams := (to - from) / n
		if at+grams > len(index) {
			c.fail("%d ngram_indexes", len(index))
		}
		first := at
		at += grams
		if n < shortest || n > longest || grams == 0 {
			continue
		}
		place := graph.Constant(c.g(), index[first:at], grams)
		for skip := 0; skip <= skips && (n > 1 || skip == 0); skip++ {
			places := extent - (n-1)*(skip+1)
			if places < 1 {
				break
			}
			var all *graph.Node // [lead, places, grams]
			for k := range n {
				part := graph.ExpandDims(along(x, len(s)-1, k*(skip+1), k*(skip+1)+places), len(s))
				want := make([]int, grams)
				for i := range want {
					want[i] = pool[from+i*n+k]
				}
				eq := graph.Equal(part, graph.Cast(graph.Constant(c.g(), want, grams), x.DType()))
				if all == nil {
					all = eq
				} else {
					all = graph.LogicalAnd(all, eq)
				}
			}
			counts := graph.ReduceSum(graph.Cast(all, graph.Float32), []int{len(s) - 1})
			total = graph.ScatterAddTo(total, place, counts, len(s)-1)
		}
	}
	mode := c.string("mode", "TF")
	if mode == "IDF" {
		total = graph.Min(total, graph.Like(total, 1))
	}
	if w := c.floats("weights"); w != nil && mode != "TF" {
		by := slices.Repeat([]float64{1}, width)
		for i, v := range w[:min(len(w), len(index))] {
			by[index[i]] = v
		}
		total = graph.Mul(total, graph.Cast(graph.Constant(c.g(), by, width), graph.Float32))
	}
	return c.as(kindFloat, total)
}

// treeEnsemble is the operator TreeEnsemble.
func treeEnsemble(c *call) []value {
	x := c.x(0)
	c.need(x, 2)
	weights, targets, width := c.numbers("leaf_weights"), c.ints("leaf_targetids"), c.int("n_targets", 1)
	if len(weights) == 0 || len(targets) != len(weights) || width < 1 || width > 1<<20 {
		c.fail("attributes of different lengths")
	}
	g, d, trees := c.g(), x.DType(), c.trees(x, len(weights))
	leaf := trees.walk(c, x)
	w := graph.Gather(graph.Cast(graph.Constant(g, weights, len(weights)), d), leaf, 0)
	for _, t := range targets {
		if t < 0 || t >= width {
			c.fail("target %d of %d", t, width)
		}
	}
	hot := graph.Equal(graph.ExpandDims(graph.Gather(constants(g, targets), leaf, 0), 2), graph.Iota(g, graph.Int64, 0, width)) // [batch, trees, targets]
	spread := func(outside float64) *graph.Node {
		return graph.Where(hot, graph.ExpandDims(w, 2), graph.Like(w, outside))
	}
	var y *graph.Node
	switch c.int("aggregate_function", 1) {
	case 0:
		y = graph.Div(graph.ReduceSum(spread(0), []int{1}), graph.Like(w, float64(len(trees.roots))))
	case 1:
		y = graph.ReduceSum(spread(0), []int{1})
	case 2:
		y = graph.ReduceMin(spread(math.Inf(1)), []int{1})
	case 3:
		y = graph.ReduceMax(spread(math.Inf(-1)), []int{1})
	default:
		c.fail("aggregate_function %d", c.int("aggregate_function", 1))
	}
	post := []string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}
	p := c.int("post_transform", 0)
	if p < 0 || p >= len(post) {
		c.fail("post_transform %d", p)
	}
	return c.out(c.transformed(y, post[p]))
}

// trees are those of TreeEnsemble. Nodes are numbered, leaves behind them; a leaf leads to itself.
type trees struct {
	roots   []int
	nodes   int      // that are no leaves
	next    [2][]int // where each leads to if its condition does not hold, and if it does
	feature []int
	mode    []int // of the condition
	split   []float64
	track   []bool // NaN counts as if the condition held
	// members are the sets, of so many elements at most, to which the features of nodes of mode 6 may belong.
	members []float64
	longest int
}

// numbers returns the elements of a tensor that is an attribute, nil if there is none.
func (c *call) numbers(name string) []float64 {
	a := c.attribute(name, pb.AttributeProto_TENSOR)
	if a == nil {
		return nil
	}
	v, err := tensor(c.b.m.graph, a.GetT(), nil)
	if err != nil || v.node == nil {
		c.fail("attribute %s has no elements", name)
	}
	l := v.node.Literal()
	all := make([]float64, l.Type().Shape.Size())
	for i := range all {
		all[i] = l.Float(i)
	}
	return all
}

// constants is a vector of integers.
func constants(g *graph.Graph, v []int) *graph.Node { return graph.Constant(g, v, len(v)) }

// trees reads the attributes of TreeEnsemble for samples x, but those of its leaves, of which there are so many.
func (c *call) trees(x *graph.Node, leaves int) *trees {
	modes, splits := c.numbers("nodes_modes"), c.numbers("nodes_splits")
	features, yes, no := c.ints("nodes_featureids"), c.ints("nodes_truenodeids"), c.ints("nodes_falsenodeids")
	yesLeaf, noLeaf, nan := c.ints("nodes_trueleafs"), c.ints("nodes_falseleafs"), c.ints("nodes_missing_value_tracks_true")
	roots, n := c.ints("tree_roots"), len(modes)
	if n == 0 || len(roots) == 0 || len(splits) != n || len(features) != n || len(yes) != n || len(no) != n || len(yesLeaf) != n || len(noLeaf) != n || nan != nil && len(nan) != n {
		c.fail("attributes of different lengths")
	}
	all := n + leaves
	t := &trees{roots: roots, nodes: n, next: [2][]int{make([]int, all), make([]int, all)}, feature: make([]int, all), mode: make([]int, all), split: make([]float64, all), track: make([]bool, all)}
	for i := n; i < all; i++ {
		t.next[0][i], t.next[1][i] = i, i
	}
	for i, m := range modes {
		for k, b := range []struct{ to, leaf int }{{no[i], noLeaf[i]}, {yes[i], yesLeaf[i]}} {
			limit := n
			if b.leaf != 0 {
				limit = leaves
			}
			if b.to < 0 || b.to >= limit {
				c.fail("node %d leads to %d of %d", i, b.to, limit)
			}
			if t.next[k][i] = b.to; b.leaf != 0 {
				t.next[k][i] += n
			}
		}
		if t.feature[i] = features[i]; features[i] < 0 || features[i] >= x.Shape()[1] {
			c.fail("feature %d of %v", features[i], x.Type())
		}
		if m != math.Trunc(m) || m < 0 || m > 6 {
			c.fail("the mode %v", m)
		}
		t.mode[i], t.split[i] = int(m), splits[i]
		t.track[i] = nan != nil && nan[i] != 0
	}
	t.setMembers(c)
	return t
}

// setMembers reads the sets, which are separated by NaN and belong to the nodes that ask for them.
func (t *trees) setMembers(c *call) {
	sets := [][]float64{nil}
	for _, v := range c.numbers("membership_values") {
		if last := len(sets) - 1; v == v {
			sets[last] = append(sets[last], v)
			t.longest = max(t.longest, len(sets[last]))
		} else {
			sets = append(sets, nil)
		}
	}
	t.members = slices.Repeat([]float64{math.NaN()}, len(t.mode)*t.longest)
	for i, m := range t.mode {
		if m != 6 {
			continue
		}
		if len(sets) == 0 {
			c.fail("more nodes ask for members than there are sets")
		}
		copy(t.members[i*t.longest:], sets[0])
		sets = sets[1:]
	}
}

// walk returns the leaves, as their numbers, at which samples arrive in each tree: at each step, all samples go from a node of each tree to one of its branches.
func (t *trees) walk(c *call, x *graph.Node) *graph.Node {
	g, d, all, batch := c.g(), x.DType(), len(t.mode), x.Shape()[0]
	at := graph.BroadcastTo(constants(g, t.roots), batch, len(t.roots))
	table := graph.Cast(graph.Constant(g, t.split, all), d)
	nexts := [2]*graph.Node{constants(g, t.next[0]), constants(g, t.next[1])}
	for range t.depth(c) {
		v := graph.TakeAlongAxis(x, graph.Gather(constants(g, t.feature), at, 0), 1) // [batch, trees]
		split := graph.Gather(table, at, 0)
		m := graph.Gather(constants(g, t.mode), at, 0)
		is := func(k int) *graph.Node { return graph.Equal(m, graph.Like(m, float64(k))) }
		taken := graph.LogicalAnd(is(0), graph.LessEqual(v, split))
		for k, f := range []func(x, y *graph.Node) *graph.Node{graph.Less, graph.GreaterEqual, graph.Greater, graph.Equal, graph.NotEqual} {
			taken = graph.LogicalOr(taken, graph.LogicalAnd(is(k+1), f(v, split)))
		}
		if t.longest > 0 {
			rows := graph.Gather(graph.Cast(graph.Constant(g, t.members, all, t.longest), d), at, 0) // [batch, trees, longest]
			in := graph.ReduceAny(graph.Equal(rows, graph.ExpandDims(v, 2)), []int{2})
			taken = graph.LogicalOr(taken, graph.LogicalAnd(is(6), in))
		}
		taken = graph.LogicalOr(taken, graph.LogicalAnd(graph.IsNaN(v), graph.Gather(graph.Constant(g, t.track, all), at, 0)))
		at = graph.Where(taken, graph.Gather(nexts[1], at, 0), graph.Gather(nexts[0], at, 0))
	}
	return graph.Sub(at, graph.Like(at, float64(t.nodes)))
}

// depth returns the longest way from a root to a leaf; a circle is a mistake.
func (t *trees) depth(c *call) int {
	const open = -1
	known := make([]int, t.nodes) // 0: not seen
	var visit func(i, level int) int
	visit = func(i, level int) int {
		if i >= t.nodes {
			return 0
		}
		if known[i] == open || level > 1000 {
			c.fail("a tree of more than 1000 levels, or with a circle")
		}
		if known[i] == 0 {
			known[i] = open
			known[i] = 1 + max(visit(t.next[0][i], level+1), visit(t.next[1][i], level+1))
		}
		return known[i]
	}
	most := 0
	for _, r := range t.roots {
		if r < 0 || r >= t.nodes {
			c.fail("root %d of %d nodes", r, t.nodes)
		}
		most = max(most, visit(r, 0))
	}
	return most
}
