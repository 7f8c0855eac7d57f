package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// handedOn reports whether an input is a carry of a loop that a step gives out as it is: its memory then becomes that of another carry, without a copy.
func (u *unit) handedOn(in *graph.Node) bool {
	k := slices.Index(u.g.Inputs(), in)
	return k >= u.carries[0] && k < u.carries[1] && slices.Contains(u.outputs, in)
}

// materializeOutputs is the pass that copies outputs which are inputs, constants or views of them. A body's inputs in its arena are copies already.
func materializeOutputs(u *unit) error {
	wrap := map[*graph.Node]bool{}
	for _, o := range u.outputs {
		r := o
		for _, ok := viewOf(r); ok; _, ok = viewOf(r) {
			r = r.Input(0)
		}
		if r.IsConst() || r.IsInput() && !(u.site >= 0 && resident(r)) && !u.handedOn(o) {
			wrap[o] = true
		}
	}
	for k, o := range u.outputs {
		if wrap[o] {
			restore := u.g.AtNode(o)
			u.outputs[k] = graph.Copy(o)
			restore()
		}
	}
	return u.g.Err()
}
