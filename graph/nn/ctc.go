package nn

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// CTC returns the connectionist temporal classification loss of each sequence (Graves et al., ICML 2006): −ln of the probability that logarithms of probabilities of classes, [T, N, C], give the labels [N, S] (int32 or int64) with blanks and repetitions in between. lengths [N] says how many of the T steps
// each sequence has, counts [N] how many of the S labels; what is beyond them does not matter. blank is the class of the blank. A sequence that is too short for its labels has the loss +Inf and no derivative.
func CTC(logProbs, labels, lengths, counts *graph.Node, blank int) *graph.Node {
	const op = "ctc"
	for _, n := range []*node{logProbs, labels, lengths, counts} {
		if !n.Valid() {
			return graph.Add(logProbs, n)
		}
	}
	g, s, t := logProbs.Graph(), logProbs.Shape(), labels.Shape()
	ints := labels.DType().IsInt() && lengths.DType().IsInt() && counts.DType().IsInt()
	if !logProbs.DType().IsFloat() || !ints || len(s) != 3 || len(t) != 2 || s[0] < 1 || s[1] != t[0] || !lengths.Shape().Equal(t[:1]) || !counts.Shape().Equal(t[:1]) {
		return g.Fail(op, fmt.Errorf("operands are %v, %v, %v and %v: need logarithms [T, N, C], and integers [N, S], [N] and [N]", logProbs.Type(), labels.Type(), lengths.Type(), counts.Type()))
	}
	if blank < 0 || blank >= s[2] {
		return g.Fail(op, fmt.Errorf("the blank %d is none of %d classes", blank, s[2]))
	}
	steps, sequences, long := s[0], s[1], 2*t[1]+1
	column := func(n *node) *node { return graph.ExpandDims(graph.Cast(n, graph.Int64), 1) }
	labels, lengths, counts = graph.Cast(labels, graph.Int64), column(lengths), column(counts)
	labels = graph.Where(graph.Less(graph.Iota(g, graph.Int64, 1, 1, t[1]), counts), labels, graph.Like(labels, float64(blank)))
	// A blank before, between and behind the labels.
	blanks := graph.Full(g, graph.Int64, float64(blank), sequences, t[1], 1)
	path := graph.Concat(1, graph.Full(g, graph.Int64, float64(blank), sequences, 1), graph.Reshape(graph.Concat(2, graph.ExpandDims(labels, 2), blanks), sequences, 2*t[1]))
	never := graph.Like(logProbs, math.Inf(-1))
	behind := func(a *node, k int) *node { // moved k places on
		return graph.Slice(graph.Pad(a, []int{0, k}, []int{0, 0}, math.Inf(-1)), graph.Range{Limit: graph.All}, graph.Range{Limit: long})
	}
	place := graph.Iota(g, graph.Int64, 1, 1, long)
	before := graph.Slice(graph.Pad(path, []int{0, 2}, []int{0, 0}, float64(blank)), graph.Range{Limit: graph.All}, graph.Range{Limit: long})
	jumps := graph.LogicalAnd(graph.NotEqual(path, graph.Like(path, float64(blank))), graph.NotEqual(path, before))
	at := func(row *node) *node { return graph.TakeAlongAxis(row, path, 1) }
	start := graph.Where(graph.Less(place, graph.Like(place, 2)), at(graph.Index(logProbs, 0)), never)
	rest := graph.Slice(logProbs, graph.Range{Start: 1, Limit: graph.All})
	final, _ := graph.Scan(steps-1, []*node{start}, []*node{rest, graph.Add(graph.Iota(g, graph.Int64, 0, steps-1), g.Scalar(graph.Int64, 1))}, func(carry, x []*node) (next, ys []*node) {
		a := carry[0]
		sum := graph.LogAddExp(graph.LogAddExp(a, behind(a, 1)), graph.Where(jumps, behind(a, 2), never))
		return []*node{graph.Where(graph.Less(x[1], lengths), graph.Add(sum, at(x[0])), a)}, nil
	})
	end := graph.Mul(counts, graph.Like(counts, 2))
	last := graph.TakeAlongAxis(final[0], end, 1)
	label := graph.TakeAlongAxis(final[0], graph.Max(graph.Sub(end, graph.Like(end, 1)), graph.Like(end, 0)), 1)
	label = graph.Where(graph.Equal(end, graph.Like(end, 0)), never, label)
	return graph.Reshape(graph.Neg(graph.LogAddExp(last, label)), sequences)
}
