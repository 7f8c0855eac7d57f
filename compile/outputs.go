package compile

import "github.com/adjoint-go/adjoint/graph"

// materializeOutputs is the pass that copies outputs which are inputs, constants or views of them. A body's inputs in its arena are copies already.
func materializeOutputs(u *unit) error {
	wrap := map[*graph.Node]bool{}
	for _, o := range u.outputs {
		r := o
		for _, ok := viewOf(r); ok; _, ok = viewOf(r) {
			r = r.Input(0)
		}
		if r.IsConst() || r.IsInput() && !(u.site >= 0 && resident(r)) {
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
