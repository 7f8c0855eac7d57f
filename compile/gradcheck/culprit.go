package gradcheck

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// culprit returns the first node between wrt and the outputs whose operator alone, at the values that its operands have
// at the point, fails the check; nil if there is none.
func culprit(outputs, wrt []*graph.Node, point map[string]any, opts Options) (*graph.Node, error) {
	g := outputs[0].Graph()
	depends, needed := map[*graph.Node]bool{}, map[*graph.Node]bool{}
	for _, x := range wrt {
		depends[x] = true
	}
	for _, o := range outputs {
		needed[o] = true
	}
	for i := g.Len() - 1; i >= 0; i-- {
		if n := g.Node(i); needed[n] {
			for _, in := range n.Inputs() {
				needed[in] = true
			}
		}
	}
	for i := range g.Len() {
		n := g.Node(i)
		for _, in := range n.Inputs() {
			depends[n] = depends[n] || depends[in]
		}
		if !needed[n] || !depends[n] || len(n.Inputs()) == 0 || !n.Op().Differentiable() || n.Op().Name == "result" {
			continue
		}
		wrong, err := wrongAlone(n, point, opts)
		if err != nil {
			return nil, err
		}
		if wrong {
			return n, nil
		}
	}
	return nil, nil
}

// wrongAlone checks the node's operator in a graph of its own.
func wrongAlone(n *graph.Node, point map[string]any, opts Options) (bool, error) {
	p, err := compile.Compile(n.Inputs()...)
	if err != nil {
		return false, err
	}
	values, err := vm.NewMachine(p).Call(point)
	if err != nil {
		return false, err
	}
	alone := graph.New()
	at := map[string]any{}
	var operands, wrt, outputs []*graph.Node
	for i, in := range n.Inputs() {
		if in.IsConst() {
			operands = append(operands, alone.Literal(in.Literal()))
			continue
		}
		x := alone.Input(fmt.Sprintf("x%d", i), in.DType(), in.Shape()...)
		at[x.Name()] = values[i]
		operands = append(operands, x)
		if in.DType() == graph.Float64 {
			wrt = append(wrt, x)
		}
	}
	y := alone.Apply(n.Op(), operands, n.Attrs())
	if err := alone.Err(); err != nil {
		return false, err
	}
	results := max(1, len(y.Results()))
	for i := range results {
		if r := graph.Result(y, i); r.DType() == graph.Float64 {
			outputs = append(outputs, r)
		}
	}
	if len(wrt) == 0 || len(outputs) == 0 {
		return false, nil
	}
	report := &Report{}
	if err := check(report, outputs, wrt, at, opts); err != nil {
		return false, err
	}
	return len(report.Failures) > 0, nil
}
