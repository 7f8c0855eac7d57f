package evaluate

import (
	"context"
	"maps"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// Derivative is the node that computes the derivative of an output by an input.
type Derivative struct {
	Node   *graph.Node
	Of, By string
}

// Derivatives appends the gradients of all outputs that are floats to the graph. Of a
// tensor the sum of its elements is differentiated.
func Derivatives(outputs, wrt []*graph.Node) ([]Derivative, error) {
	var list []Derivative
	names := viz.OutputNames(outputs)
	for k, o := range outputs {
		if !o.DType().IsFloat() {
			continue
		}
		nodes, err := compile.VJP([]*graph.Node{o}, wrt, nil)
		if err != nil {
			return nil, err
		}
		for i, n := range nodes {
			list = append(list, Derivative{n, names[k], wrt[i].Name()})
		}
	}
	return list, nil
}

// Label says in a model, whose last outputs the derivatives are, which these are.
func Label(m *viz.Model, derivatives []Derivative) {
	first := len(m.Outputs) - len(derivatives)
	for i, d := range derivatives {
		o := &m.Outputs[first+i]
		o.Of, o.By = d.Of, d.By
	}
}

// Stages computes the nodes of all stages. Each stage has a graph of its own or shares that of the stage before.
func Stages(ctx context.Context, stages []compile.Stage, at point.Point, values map[*graph.Node]*viz.Value) error {
	byName := map[string][]uint64{}
	for n, bits := range at {
		byName[n.Name()] = bits
	}
	for i := range stages {
		var nodes []*graph.Node
		here := point.Point{}
		for _, n := range stages[i].Nodes {
			if values[n.Node] == nil {
				nodes = append(nodes, n.Node)
			}
			if bits, given := byName[n.Node.Name()]; given && n.Node.IsInput() {
				here[n.Node] = bits
			}
		}
		some, err := Values(ctx, nodes, here)
		if err != nil {
			return err
		}
		maps.Copy(values, some)
	}
	return nil
}
