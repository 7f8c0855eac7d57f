package graph

import (
	"errors"
	"fmt"
	"slices"
)

// guard makes the functions of a user's operator report what they do wrong, panics included, as mistakes with the operator's name and
// the line that applied it.
func guard(op *Op) {
	name := op.Name
	if infer := op.Infer; infer != nil {
		op.Infer = func(in []*Node, a Attrs) (t Type, err error) {
			defer func() { panicAsError("type rule", recover(), &err) }()
			return infer(in, a)
		}
	}
	if infer := op.InferMany; infer != nil {
		op.InferMany = func(in []*Node, a Attrs) (t []Type, err error) {
			defer func() { panicAsError("type rule", recover(), &err) }()
			return infer(in, a)
		}
	}
	if operands := op.Operands; operands != nil {
		op.Operands = func(in []*Node, a Attrs) (d DType, err error) {
			defer func() { panicAsError("type rule", recover(), &err) }()
			return operands(in, a)
		}
	}
	if expand := op.Expand; expand != nil {
		op.Expand = func(n *Node) (e *Node) {
			defer func() {
				if err := panicAsError("expansion", recover(), nil); err != nil {
					e = n.g.Fail(name, err)
				}
			}()
			if e = expand(n); e == nil || e.op != nil && (e.g != n.g || !e.typ.Equal(*n.typ)) {
				e = n.g.Fail(name, fmt.Errorf("its expansion gives %s for a node of type %v", describeNode(e), n.typ))
			}
			return e
		}
	}
	if partial := op.Partial; partial != nil {
		op.Partial = func(n *Node, i int) (p *Node) {
			defer func() {
				if err := panicAsError("partial", recover(), nil); err != nil {
					n.g.Fail(name, err)
				}
			}()
			if p = partial(n, i); p != nil && p.op == nil {
				return nil // the mistake is on record
			}
			return p
		}
	}
	if transpose := op.Transpose; transpose != nil {
		op.Transpose = func(n *Node, i int, ct *Node) (a *Node) {
			defer func() {
				if err := panicAsError("transpose", recover(), nil); err != nil {
					n.g.Fail(name, err)
				}
			}()
			return checkedList(n, "transpose", "an adjoint", []*Node{transpose(n, i, ct)}, []Type{*n.Input(i).typ})[0]
		}
	}
	op.Pattern = guardPattern(name, op.Pattern)
	if batch := op.Batch; batch != nil {
		op.Batch = func(b *Batch, n *Node) (image *Node) {
			defer func() {
				if err := panicAsError("batch rule", recover(), nil); err != nil {
					b.Graph.Fail(name, err)
					image = nil
				}
			}()
			if image = batch(b, n); image == nil {
				return nil
			}
			return checkedList(n, "batch rule", "the image", []*Node{image}, []Type{{n.typ.DType, b.Shape(n)}})[0]
		}
	}
	if taylor := op.Taylor; taylor != nil {
		op.Taylor = func(n *Node, s Series, k int) (c *Node, known bool) {
			defer func() {
				if err := panicAsError("recurrence", recover(), nil); err != nil {
					n.g.Fail(name, err)
					c, known = nil, true
				}
			}()
			if c, known = taylor(n, s, k); c == nil || !known {
				return nil, known
			}
			return checkedList(n, "recurrence", "a coefficient", []*Node{c}, []Type{*n.typ})[0], true
		}
	}
	if merge := op.Merge; merge != nil {
		op.Merge = func(nodes []*Node) (merged []*Node) {
			n := nodes[0]
			defer func() {
				if err := panicAsError("merging", recover(), nil); err != nil {
					n.g.Fail(name, err)
					merged = nodes
				}
			}()
			merged = merge(slices.Clone(nodes))
			if slices.Contains(checkedList(n, "merging", "a sum", merged, slices.Repeat([]Type{*n.typ}, len(merged))), nil) {
				n.g.Fail(name, errors.New("its merging gives no node, or one that is not valid"))
				return nodes
			}
			return merged
		}
	}
	if vjp := op.VJP; vjp != nil {
		op.VJP = func(n *Node, ct []*Node) (adjoints []*Node) {
			defer func() {
				if err := panicAsError("VJP", recover(), nil); err != nil {
					n.g.Fail(name, err)
					adjoints = make([]*Node, len(n.Inputs()))
				}
			}()
			types := make([]Type, len(n.Inputs()))
			for i, x := range n.Inputs() {
				types[i] = *x.typ
			}
			return checkedList(n, "VJP", "an adjoint", vjp(n, ct), types)
		}
	}
	if jvp := op.JVP; jvp != nil {
		op.JVP = func(n *Node, dot []*Node) (tangents []*Node) {
			types := n.extra.results
			if types == nil {
				types = []Type{*n.typ}
			}
			defer func() {
				if err := panicAsError("JVP", recover(), nil); err != nil {
					n.g.Fail(name, err)
					tangents = make([]*Node, len(types))
				}
			}()
			return checkedList(n, "JVP", "a tangent", jvp(n, dot), types)
		}
	}
}

// guardPattern guards the functions of a pattern; what goes wrong counts as dense.
func guardPattern(name string, p Pattern) Pattern {
	failed := func(n *Node, recovered any) {
		if err := panicAsError("pattern", recovered, nil); err != nil {
			n.g.Fail(name, err)
		}
	}
	switch p := p.(type) {
	case Combines:
		take := p.Take
		if take == nil {
			return p // reported by the check
		}
		p.Take = func(n, result *Node) (taken *Node) {
			defer func() { failed(n, recover()) }()
			return checkedList(n, "pattern", "a node", []*Node{take(n, result)}, []Type{*n.Input(p.Elements).typ})[0]
		}
		return p
	case ElementPattern:
		if p == nil {
			return p
		}
		return guardElements(p, failed)
	case SumPattern:
		if p == nil {
			return p
		}
		return SumPattern(guardElements(ElementPattern(p), failed))
	}
	return p
}

func guardElements(p ElementPattern, failed func(n *Node, recovered any)) ElementPattern {
	return func(n *Node, t Terms) (element func(int)) {
		defer func() { failed(n, recover()) }()
		each := p(n, t)
		if each == nil {
			return nil
		}
		return func(i int) {
			defer func() { failed(n, recover()) }()
			each(i)
		}
	}
}

// panicAsError makes an error of what recover returned, in *to too if that is given; nil for no panic.
func panicAsError(what string, recovered any, to *error) error {
	if recovered == nil {
		return nil
	}
	err := fmt.Errorf("its %s panicked: %v", what, recovered)
	if to != nil {
		*to = err
	}
	return err
}

func describeNode(n *Node) string {
	if n == nil {
		return "no node"
	}
	return n.typ.String()
}

// checkedList checks what a derivative gives, one node (nil for zero) of each type, and returns zeros for what is wrong.
func checkedList(n *Node, what, each string, got []*Node, types []Type) []*Node {
	if len(got) != len(types) {
		n.g.Fail(n.op.Name, fmt.Errorf("its %s gives %d nodes, not %d", what, len(got), len(types)))
		return make([]*Node, len(types))
	}
	out := make([]*Node, len(got))
	for i, x := range got {
		switch {
		case x == nil || x.op == nil:
		case x.g != n.g:
			n.g.Fail(n.op.Name, fmt.Errorf("its %s gives %s from another graph", what, each))
		case !x.typ.Equal(types[i]):
			n.g.Fail(n.op.Name, fmt.Errorf("its %s gives %s %v at place %d, which is %v", what, each, x.typ, i, types[i]))
		default:
			out[i] = x
		}
	}
	return out
}
