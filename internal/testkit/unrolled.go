package testkit

import (
	"github.com/adjoint-go/adjoint/graph"
)

// Unrolled returns a graph in which the outputs are computed without loops and branches: their bodies stand there once for each step that there can be, and all branches are
// computed, of which where takes the chosen one. The inputs are those of the outputs' graph, with the same names. Steps beyond a while loop's limit are
// left out, not refused.
func Unrolled(outputs ...*graph.Node) (*graph.Graph, []*graph.Node) {
	from := outputs[0].Graph()
	u := &unroller{to: graph.New()}
	image := make([]*graph.Node, from.Len())
	for i := range image {
		if n := from.Node(i); n.IsInput() {
			image[i] = u.to.Input(n.Name(), n.DType(), n.Shape()...)
		}
	}
	u.all(from, image)
	out := make([]*graph.Node, len(outputs))
	for i, o := range outputs {
		out[i] = image[o.ID()]
	}
	return u.to, out
}

type unroller struct{ to *graph.Graph }

// all makes the images of a graph's nodes; those of its inputs are there.
func (u *unroller) all(from *graph.Graph, image []*graph.Node) {
	values := map[*graph.Node][]*graph.Node{}
	for i := range image {
		n := from.Node(i)
		if image[i] != nil {
			continue
		}
		if n.Literal() != nil {
			image[i] = u.to.Literal(n.Literal())
			continue
		}
		if of, k, ok := graph.ResultOf(n); ok && values[of] != nil {
			image[i] = values[of][k]
			continue
		}
		in := make([]*graph.Node, len(n.Inputs()))
		for k, o := range n.Inputs() {
			in[k] = image[o.ID()]
		}
		if len(graph.Bodies(n)) > 0 {
			values[n] = u.bodies(n, in)
		} else {
			image[i] = u.to.Apply(n.Op(), in, n.Attrs())
		}
	}
}

// body returns the images of all nodes of a body.
func (u *unroller) body(b *graph.Body, args []*graph.Node) []*graph.Node {
	image := make([]*graph.Node, b.Graph().Len())
	for i, p := range b.Params() {
		image[p.ID()] = args[i]
	}
	u.all(b.Graph(), image)
	return image
}

func (u *unroller) results(b *graph.Body, args []*graph.Node) []*graph.Node {
	image := u.body(b, args)
	out := make([]*graph.Node, len(b.Results()))
	for i, r := range b.Results() {
		out[i] = image[r.ID()]
	}
	return out
}

func (u *unroller) bodies(n *graph.Node, in []*graph.Node) []*graph.Node {
	a, bodies := n.Attrs(), graph.Bodies(n)
	switch n.Op().Name {
	case "checkpoint", "call":
		return u.results(bodies[0], in)
	case "switch":
		index, out := in[0], u.results(bodies[len(bodies)-1], in[1:])
		if index.DType() == graph.Bool {
			index = graph.Cast(index, graph.Int64)
		}
		for k := len(bodies) - 2; k >= 0; k-- {
			for i, r := range u.results(bodies[k], in[1:]) {
				out[i] = graph.Where(graph.LessEqual(index, graph.Like(index, float64(k))), r, out[i])
			}
		}
		return out
	}
	body, length := bodies[len(bodies)-1], a.Int("length")
	var count *graph.Node
	if a.Bool("counted") {
		count, in = in[0], in[1:]
	}
	captured, carries := a.Int("captured"), a.Int("carries")
	args, c, xs := in[:captured:captured], in[captured:captured+carries], in[captured+carries:]
	isWhile := n.Op().Name == "while"
	if isWhile {
		length = a.Int("limit")
	}
	each := make([][]*graph.Node, body.Graph().Len())
	for v := range each {
		each[v] = make([]*graph.Node, length)
	}
	steps := u.to.Scalar(graph.Int64, 0)
	going := graph.Constant(u.to, []bool{true})
	for step := range length {
		t := step
		if a.Bool("reverse") {
			t = length - 1 - step
		}
		params := append(args, c...)
		for _, x := range xs {
			params = append(params, graph.Index(x, t))
		}
		image := u.body(body, params)
		next := make([]*graph.Node, carries)
		for i := range next {
			next[i] = image[body.Results()[i].ID()]
		}
		if isWhile {
			going = graph.LogicalAnd(going, u.results(bodies[0], append(args, c...))[0])
			steps = graph.Add(steps, graph.Cast(going, graph.Int64))
		} else if count != nil {
			going = graph.Less(u.to.Scalar(graph.Int64, float64(t)), count)
		}
		if isWhile || count != nil {
			for i := range next {
				next[i] = graph.Where(going, next[i], c[i])
			}
		}
		c = next
		for v, y := range image {
			if y != nil && y.Results() == nil && body.Graph().Node(v).Results() == nil {
				if isWhile || count != nil {
					y = graph.Where(going, y, graph.Like(y, 0))
				}
				each[v][t] = y
			}
		}
	}
	out := append([]*graph.Node{}, c...)
	if isWhile {
		out = append(out, steps)
	}
	for _, e := range each {
		if e[0] == nil {
			out = append(out, nil)
		} else {
			out = append(out, graph.Stack(0, e...))
		}
	}
	return out
}
