package compile

import (
	"github.com/adjoint-go/adjoint/graph"
)

// unrolled returns the values of a scan with a known number of steps (see graph.ResultOf), computed without a loop: its steps one after the other, in the graph
// of the operands in. Values at each step are made for those that are asked for.
func unrolled(n *graph.Node, in []*graph.Node, values []int) []*graph.Node {
	l := loopOf(n)
	captured, carries, xs := in[:l.captured:l.captured], in[l.captured:l.captured+l.carries], in[l.captured+l.carries:]
	each := make([][]*graph.Node, len(values))
	for k := range each {
		each[k] = make([]*graph.Node, l.length)
	}
	for step := range l.length {
		t := step
		if n.Attrs().Bool("reverse") {
			t = l.length - 1 - step
		}
		args := append(captured, carries...)
		for _, x := range xs {
			args = append(args, graph.Index(x, t))
		}
		all, err := l.body.InlineAll(args)
		if err != nil {
			panic(refusal{err})
		}
		next := make([]*graph.Node, l.carries)
		for i := range next {
			next[i] = all[l.body.Results()[i].ID()]
		}
		carries = next
		for k, v := range values {
			each[k][t] = all[v]
		}
	}
	out := make([]*graph.Node, len(n.Results())+l.body.Graph().Len())
	copy(out, carries)
	for k, v := range values {
		out[len(n.Results())+v] = graph.Stack(0, each[k]...)
	}
	return out
}
