// Package evaluate computes what drawings show of a graph at a point: the value of
// every node, adjoints, and the local partial derivatives on edges.
package evaluate

import (
	"context"
	"fmt"
	"math"
	"slices"

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

// Program computes nodes at one point after another, as the graph states them, without rewrites.
type Program struct {
	machine *vm.Machine // nil where there is nothing to compute
	wanted  []*graph.Node
}

// Compile returns the program of the nodes. Those with several results have no value and are left out.
func Compile(nodes []*graph.Node) (*Program, error) {
	p := &Program{}
	var outputs []*graph.Node
	for _, n := range nodes {
		if n.Results() == nil {
			p.wanted = append(p.wanted, n)
			// A view of a machine's output has one element type.
			outputs = append(outputs, graph.Cast(n, graph.Float64))
		}
	}
	if len(outputs) == 0 {
		return p, nil
	}
	code, err := compile.Config{Unoptimized: true, MemoryLimit: MemoryLimit}.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	p.machine = vm.NewMachine(code, vm.WithMemoryLimit(MemoryLimit))
	return p, nil
}

// Values returns the nodes' values at the point, which must have the inputs that they depend on.
func (p *Program) Values(ctx context.Context, at point.Point) (map[*graph.Node]*viz.Value, error) {
	values := map[*graph.Node]*viz.Value{}
	if p.machine == nil {
		return values, nil
	}
	if err := Fill(p.machine, at); err != nil {
		return nil, err
	}
	if err := p.machine.StepContext(ctx); err != nil {
		return nil, err
	}
	for i, n := range p.wanted {
		data := p.machine.OutputFloat64(i)
		if data == nil {
			panic(fmt.Sprintf("BUG: output %d of the program is not float64", i))
		}
		values[n] = &viz.Value{Shape: n.Shape(), Data: append([]float64(nil), data...)}
	}
	return values, nil
}

// Values computes the nodes at the point: see Compile and Program.Values.
func Values(ctx context.Context, nodes []*graph.Node, at point.Point) (map[*graph.Node]*viz.Value, error) {
	p, err := Compile(nodes)
	if err != nil {
		return nil, err
	}
	return p.Values(ctx, at)
}

// Array returns the array whose elements have the given bits.
func Array(t graph.Type, bits []uint64) vm.Array {
	a := vm.Array{Shape: t.Shape}
	switch t.DType {
	case graph.Float64:
		a.Data = converted(bits, math.Float64frombits)
	case graph.Float32:
		a.Data = converted(bits, func(b uint64) float32 { return math.Float32frombits(uint32(b)) })
	case graph.Int64:
		a.Data = converted(bits, func(b uint64) int64 { return int64(b) })
	case graph.Int32:
		a.Data = converted(bits, func(b uint64) int32 { return int32(b) })
	case graph.Bool:
		a.Data = converted(bits, func(b uint64) bool { return b != 0 })
	default:
		panic(fmt.Sprintf("BUG: an array of type %v", t))
	}
	return a
}

func converted[T any](bits []uint64, convert func(uint64) T) []T {
	list := make([]T, len(bits))
	for i, b := range bits {
		list[i] = convert(b)
	}
	return list
}

// Fill sets the machine's inputs: to the point's values, else floats to ½ and others to 0.
func Fill(m *vm.Machine, at point.Point) error {
	values := map[string][]uint64{}
	for n, bits := range at {
		values[n.Name()] = bits
	}
	for _, s := range m.Program().Inputs() {
		if !s.Used {
			continue
		}
		to, err := m.View(s.Name) // which refuses a machine beyond its memory limit
		if err != nil {
			return err
		}
		bits := values[s.Name]
		if bits == nil {
			otherwise := 0.0
			if s.DType.IsFloat() {
				otherwise = 0.5
			}
			bits = slices.Repeat([]uint64{graph.BitsOfFloat(s.DType, otherwise)}, s.Size())
		}
		if err := to.Set(Array(graph.Type{DType: s.DType, Shape: s.Shape}, bits)); err != nil {
			return fmt.Errorf("input %s: %w", s.Name, err)
		}
	}
	return nil
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
	return compile.VJP(costs, nodes, nil)
}

// PartialProgram computes local partial derivatives at one point after another.
type PartialProgram struct {
	*Program
	operands    *graph.Node   // the operands of all nodes, as float64
	from        []*graph.Node // whose values they have
	edges       []viz.Edge
	derivatives []*graph.Node // by edge
}

// CompilePartials returns the program of the derivative of each scalar node by each of its operands alone. Only active nodes and operands are
// considered, and nodes whose operands are all scalars.
func CompilePartials(nodes, active []*graph.Node) (*PartialProgram, error) {
	isActive := make(map[*graph.Node]bool, len(active))
	for _, n := range active {
		isActive[n] = true
	}
	p := &PartialProgram{Program: &Program{}}
	var chosen []*graph.Node
	for _, n := range nodes {
		scalars := n.Type().IsScalar() && len(n.Inputs()) > 0
		for _, in := range n.Inputs() {
			scalars = scalars && in.Results() == nil && in.Type().IsScalar()
		}
		if isActive[n] && scalars && n.Op().Differentiable() {
			chosen = append(chosen, n)
			p.from = append(p.from, n.Inputs()...)
		}
	}
	if len(chosen) == 0 {
		return p, nil
	}
	// Every node is applied to operands of its own in a graph apart, so that no derivative goes through
	// the operands, and one sweep finds all derivatives.
	local := graph.New()
	p.operands = local.Input("operands", graph.Float64, len(p.from))
	next := 0
	var applied, wrt []*graph.Node
	for _, n := range chosen {
		operands := make([]*graph.Node, len(n.Inputs()))
		for k, in := range n.Inputs() {
			operands[k] = graph.Cast(graph.Index(p.operands, next), in.DType())
			next++
			if isActive[in] {
				wrt = append(wrt, operands[k])
				p.edges = append(p.edges, viz.Edge{Node: n, Operand: k})
			}
		}
		applied = append(applied, local.Apply(n.Op(), operands, n.Attrs()))
	}
	if len(wrt) == 0 {
		return p, nil
	}
	var err error
	if p.derivatives, err = compile.VJP(applied, wrt, nil); err != nil {
		return nil, fmt.Errorf("the local derivatives: %w", err)
	}
	p.Program, err = Compile(p.derivatives)
	return p, err
}

// At returns the partials at the given values of all nodes.
func (p *PartialProgram) At(ctx context.Context, values map[*graph.Node]*viz.Value) (map[viz.Edge]*viz.Value, error) {
	known := make([]uint64, len(p.from))
	for i, n := range p.from {
		known[i] = math.Float64bits(values[n].Data[0])
	}
	if p.machine == nil {
		return nil, nil
	}
	found, err := p.Values(ctx, point.Point{p.operands: known})
	if err != nil {
		return nil, err
	}
	partials := make(map[viz.Edge]*viz.Value, len(p.edges))
	for i, e := range p.edges {
		partials[e] = found[p.derivatives[i]]
	}
	return partials, nil
}

// Partials computes the local partial derivatives at the given values of all nodes: see CompilePartials.
func Partials(ctx context.Context, nodes, active []*graph.Node, values map[*graph.Node]*viz.Value) (map[viz.Edge]*viz.Value, error) {
	p, err := CompilePartials(nodes, active)
	if err != nil {
		return nil, err
	}
	return p.At(ctx, values)
}
