package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// coefficientOfBodies returns coefficient k of value i of a node with bodies (see graph.ResultOf), nil for zero. All coefficients are made at once, but where a coefficient of a slope is looked for those up to k: the slope's next ones
// may depend on what is looked for.
func (t *taylor) coefficientOfBodies(n *graph.Node, i, k int) *graph.Node {
	if t.bodyOrder[n] < k {
		order := t.order
		if t.slopeDepth > 0 {
			t.order = k
		}
		made := t.order
		if n.Op() == opScan || n.Op() == opWhile {
			l := loopOf(n)
			t.bodies[n] = t.loop(&l)
		} else {
			t.bodies[n] = t.branches(n)
		}
		t.order = order
		t.bodyOrder[n] = made
	}
	all := t.bodies[n]
	if i >= len(all) || all[i] == nil {
		return nil
	}
	return all[i][k-1]
}

// within propagates coefficients through a body: from new parameters, all orders of those of its parameters that change, to results. It returns the parameters'
// coefficients, by parameter and order, and those of the results, nil for zero.
func (t *taylor) within(b *bodyBuilder, changing, results []*graph.Node) (in, out [][]*graph.Node) {
	curve := make([][]*graph.Node, t.order)
	for k := range curve {
		curve[k] = make([]*graph.Node, len(changing))
	}
	in = make([][]*graph.Node, len(changing))
	for i, p := range changing {
		for k := range t.order {
			curve[k][i] = b.input(p.Type())
			in[i] = append(in[i], curve[k][i])
		}
	}
	inner := newTaylor(b.g, t.order, results, changing, curve)
	inner.all()
	for _, r := range results {
		var row []*graph.Node
		for k := range t.order {
			row = append(row, inner.coefficient(r, k+1))
		}
		out = append(out, row)
	}
	return in, out
}

// operandCoefficients returns all coefficients of an operand, zeros among them.
func (t *taylor) operandCoefficients(x *graph.Node) []*graph.Node {
	var row []*graph.Node
	for k := range t.order {
		row = append(row, orZeros(t.coefficient(x, k+1), x))
	}
	return row
}

// loop returns the coefficients of a loop's values: those of a loop whose carries are all coefficients.
func (t *taylor) loop(l *loop) [][]*graph.Node {
	active := newParamSet(len(l.operands))
	for i, o := range l.operands {
		if o.DType().IsFloat() && t.changes(o) {
			active.add(i)
		}
	}
	l.spread(active, dependence(l.body, true))
	b := open(l.body)
	var changing, results []*graph.Node
	var moving []int // carries that change
	for i, p := range b.params {
		if active.has(i) {
			changing = append(changing, p)
			if l.isCarry(i) {
				moving = append(moving, i)
				results = append(results, b.results[i-l.captured])
			}
		}
	}
	values := t.steps[l.n]
	for _, v := range values {
		results = append(results, b.g.Node(v))
	}
	all := make([][]*graph.Node, len(l.n.Results())+l.body.Graph().Len())
	if len(changing) == 0 {
		return all
	}
	in, out := t.within(b, changing, results)
	var carries, xs list
	for i, p := range b.params {
		o := l.operands[i]
		if b.part(l, i).add(p, o); l.isCarry(i) {
			b.out = append(b.out, b.results[i-l.captured])
		}
		if !active.has(i) {
			continue
		}
		row := in[slices.Index(changing, p)]
		for k, c := range t.operandCoefficients(o) {
			switch {
			case l.isCaptured(i):
				b.captured.add(row[k], c)
			case l.isCarry(i):
				carries.add(row[k], c)
			default:
				xs.add(row[k], c)
			}
		}
	}
	b.carries.params, b.carries.operands = append(b.carries.params, carries.params...), append(b.carries.operands, carries.operands...)
	b.xs.params, b.xs.operands = append(b.xs.params, xs.params...), append(b.xs.operands, xs.operands...)
	for j, i := range moving {
		for _, c := range out[j] {
			b.out = append(b.out, orZeros(c, b.params[i]))
		}
	}
	at := make([][]int, len(values)) // among the further results, −1 for zero
	for j := range values {
		for _, c := range out[len(moving)+j] {
			if c == nil {
				at[j] = append(at[j], -1)
				continue
			}
			at[j] = append(at[j], len(b.more))
			b.more = append(b.more, c)
		}
	}
	if len(b.out)+len(b.more) == 0 {
		return all
	}
	n, body := l.with(b)
	for j, i := range moving {
		for k := range t.order {
			all[i-l.captured] = append(all[i-l.captured], graph.Result(n, l.carries+j*t.order+k))
		}
	}
	for j, v := range values {
		row := make([]*graph.Node, t.order)
		for k, m := range at[j] {
			if m >= 0 {
				row[k] = graph.EachStep(n, body.Results()[len(b.out)+m])
			}
		}
		all[len(l.n.Results())+v] = row
	}
	return all
}

// branches returns the coefficients of the results of a switch, checkpoint or call.
func (t *taylor) branches(n *graph.Node) [][]*graph.Node {
	first := branchFirst(n)
	operands := slices.Clone(n.Inputs()[first:])
	var from, results []int
	for i, o := range n.Inputs()[first:] {
		if o.DType().IsFloat() && t.changes(o) {
			from = append(from, i)
			operands = append(operands, t.operandCoefficients(o)...)
		}
	}
	for k, r := range n.Results() {
		if r.DType.IsFloat() {
			results = append(results, k)
		}
	}
	all := make([][]*graph.Node, len(n.Results()))
	if len(from) == 0 || len(results) == 0 {
		return all
	}
	var like []int // the operand whose coefficient each further one is
	for _, i := range from {
		like = append(like, slices.Repeat([]int{i}, t.order)...)
	}
	m := t.derived.branches(n, operands, lanes(n, operands, like), fmt.Sprint(t.order, " coefficients along ", from), func(b *bodyBuilder, extra []*graph.Node) []*graph.Node {
		var changing, of []*graph.Node
		curve := make([][]*graph.Node, t.order)
		for j, i := range from {
			changing = append(changing, b.params[i])
			for k := range curve {
				curve[k] = append(curve[k], extra[j*t.order+k])
			}
		}
		for _, k := range results {
			of = append(of, b.results[k])
		}
		inner := newTaylor(b.g, t.order, of, changing, curve)
		inner.all()
		var out []*graph.Node
		for _, r := range of {
			out = append(out, inner.operandCoefficients(r)...)
		}
		return out
	})
	for j, k := range results {
		for i := range t.order {
			all[k] = append(all[k], graph.Result(m, j*t.order+i))
		}
	}
	return all
}
