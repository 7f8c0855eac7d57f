// Package evaluate computes what drawings show of a graph at a point: the value of
// every node, adjoints, and the local partial derivatives on edges.
package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// MemoryLimit bounds, in bytes, the memory of the programs that are run here: all
// values of a graph stay in memory at once.
const MemoryLimit = 4 << 30

// Reachable returns the nodes that the given nodes depend on, with themselves, in
// ascending order of their IDs.
func Reachable(from ...*graph.Node) []*graph.Node {
	if len(from) == 0 {
		return nil
	}
	g := from[0].Graph()
	need := make([]bool, g.Len())
	for _, n := range from {
		need[n.ID()] = true
	}
	var list []*graph.Node
	for id := len(need) - 1; id >= 0; id-- {
		if !need[id] {
			continue
		}
		n := g.Node(id)
		list = append(list, n)
		for _, in := range n.Inputs() {
			need[in.ID()] = true
		}
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// Inputs returns those of the nodes that are inputs.
func Inputs(nodes []*graph.Node) []*graph.Node {
	var inputs []*graph.Node
	for _, n := range nodes {
		if n.IsInput() {
			inputs = append(inputs, n)
		}
	}
	return inputs
}

// Values computes the nodes at the point, which must have the inputs that they
// depend on. Nodes with several results have no value and are left out. The
// nodes are computed as the graph states them, without rewrites.
func Values(ctx context.Context, nodes []*graph.Node, at point.Point) (map[*graph.Node]*viz.Value, error) {
	var wanted, outputs []*graph.Node
	for _, n := range nodes {
		if n.Results() == nil {
			wanted = append(wanted, n)
			// A view of a machine's output has one element type.
			outputs = append(outputs, graph.Cast(n, graph.Float64))
		}
	}
	values := map[*graph.Node]*viz.Value{}
	if len(wanted) == 0 {
		return values, nil
	}
	p, err := compile.Config{Unoptimized: true, MemoryLimit: MemoryLimit}.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p, vm.WithMemoryLimit(MemoryLimit))
	for n, bits := range at {
		fill(m, n, bits)
	}
	if err := m.StepContext(ctx); err != nil {
		return nil, err
	}
	for i, n := range wanted {
		data := m.OutputFloat64(i)
		if data == nil {
			panic(fmt.Sprintf("BUG: output %d of the program is not float64", i))
		}
		values[n] = &viz.Value{Shape: n.Shape(), Data: append([]float64(nil), data...)}
	}
	return values, nil
}

// fill copies an input's elements into the machine.
func fill(m *vm.Machine, n *graph.Node, bits []uint64) {
	switch n.DType() {
	case graph.Float64:
		for i, to := 0, m.Float64(n.Name()); i < len(to); i++ {
			to[i] = math.Float64frombits(bits[i])
		}
	case graph.Float32:
		for i, to := 0, m.Float32(n.Name()); i < len(to); i++ {
			to[i] = math.Float32frombits(uint32(bits[i]))
		}
	case graph.Int64:
		for i, to := 0, m.Int64(n.Name()); i < len(to); i++ {
			to[i] = int64(bits[i])
		}
	case graph.Int32:
		for i, to := 0, m.Int32(n.Name()); i < len(to); i++ {
			to[i] = int32(bits[i])
		}
	case graph.Bool:
		for i, to := 0, m.Bool(n.Name()); i < len(to); i++ {
			to[i] = bits[i] != 0
		}
	default:
		panic(fmt.Sprintf("BUG: input of type %v", n.Type()))
	}
}

// Active returns, of nodes in ascending order, those that an adjoint can reach: the
// floats that depend on one of wrt, and wrt themselves.
func Active(nodes, wrt []*graph.Node) []*graph.Node {
	if len(nodes) == 0 {
		return nil
	}
	active := make([]bool, nodes[0].Graph().Len())
	for _, n := range wrt {
		active[n.ID()] = true
	}
	var list []*graph.Node
	for _, n := range nodes {
		for _, in := range n.Inputs() {
			active[n.ID()] = active[n.ID()] || active[in.ID()]
		}
		if active[n.ID()] && n.DType().IsFloat() && n.Results() == nil {
			list = append(list, n)
		}
	}
	return list
}

// Adjoints appends to the graph, for each of the nodes, the derivative of the sum of
// all elements of the outputs that are floats.
func Adjoints(outputs, nodes []*graph.Node) ([]*graph.Node, error) {
	var costs []*graph.Node
	for _, o := range outputs {
		if o.DType().IsFloat() {
			costs = append(costs, o)
		}
	}
	if len(costs) == 0 || len(nodes) == 0 {
		return nil, fmt.Errorf("there is nothing to differentiate: no output is a float")
	}
	return compile.VJP(costs, nil, nodes)
}

// Partials computes the derivative of each scalar node by each of its operands alone, at the given values of
// the nodes. Only active nodes and operands are considered, and nodes whose operands are all scalars.
func Partials(ctx context.Context, nodes, active []*graph.Node, values map[*graph.Node]*viz.Value) (map[viz.Edge]*viz.Value, error) {
	isActive := make(map[*graph.Node]bool, len(active))
	for _, n := range active {
		isActive[n] = true
	}
	var chosen []*graph.Node
	var known []uint64 // the values of their operands, as float64
	for _, n := range nodes {
		if !isActive[n] || !n.Type().IsScalar() || !n.Op().Differentiable() {
			continue
		}
		have := len(known)
		for _, in := range n.Inputs() {
			if v := values[in]; v != nil && v.IsScalar() {
				known = append(known, math.Float64bits(v.Data[0]))
			}
		}
		if len(known)-have < len(n.Inputs()) || len(n.Inputs()) == 0 {
			known = known[:have]
			continue
		}
		chosen = append(chosen, n)
	}
	if len(chosen) == 0 {
		return nil, nil
	}
	// Every node is applied to operands of its own in a graph apart, so that no derivative goes through
	// the operands, and one sweep finds all derivatives.
	local := graph.New()
	all := local.Input("operands", graph.Float64, len(known))
	next := 0
	var edges []viz.Edge
	var applied, wrt []*graph.Node
	for _, n := range chosen {
		operands := make([]*graph.Node, len(n.Inputs()))
		for k, in := range n.Inputs() {
			operands[k] = graph.Cast(graph.Index(all, next), in.DType())
			next++
			if isActive[in] {
				wrt = append(wrt, operands[k])
				edges = append(edges, viz.Edge{Node: n, Operand: k})
			}
		}
		applied = append(applied, local.Apply(n.Op(), operands, n.Attrs()))
	}
	if len(wrt) == 0 {
		return nil, nil
	}
	derivatives, err := compile.VJP(applied, nil, wrt)
	if err != nil {
		return nil, fmt.Errorf("the local derivatives: %w", err)
	}
	found, err := Values(ctx, derivatives, point.Point{all: known})
	if err != nil {
		return nil, err
	}
	partials := make(map[viz.Edge]*viz.Value, len(edges))
	for i, e := range edges {
		partials[e] = found[derivatives[i]]
	}
	return partials, nil
}
