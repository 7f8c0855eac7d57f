package command

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/programview"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// model describes what is to be drawn.
func (d *draw) model(ctx context.Context, p *progress, s *source.Source) (*viz.Model, error) {
	if s.Program != nil {
		if d.atGiven || d.mode != viz.NoGradients || d.stages != graphOnly {
			return nil, fmt.Errorf("%s is a compiled program: --at, --grad and --opt need a graph", s.Name)
		}
		m, places, err := programview.Describe(s.Program, math.MaxInt)
		if err != nil {
			return nil, err
		}
		return m, d.annotateProgram(ctx, m, s.Program, places, nil)
	}
	x, err := d.examine(ctx, p, s)
	if err != nil {
		return nil, err
	}
	var before, after *viz.Model
	if d.stages != programOnly {
		if before, err = d.before(ctx, x); err != nil {
			return nil, err
		}
	}
	if d.stages != graphOnly {
		p.enter("compiling")
		if after, err = d.after(ctx, x); err != nil {
			return nil, err
		}
	}
	switch {
	case before == nil:
		return after, nil
	case after == nil:
		return before, nil
	}
	return beside(before, after), nil
}

// examined is a graph with all that is to be shown of it.
type examined struct {
	*source.Source
	at          point.Point
	known       bool // the point is given, or there is only one
	wrt         []*graph.Node
	derivatives []evaluate.Derivative
	values      map[*graph.Node]*viz.Value // nil without a point
	adjoints    map[*graph.Node]*viz.Value
	partials    map[viz.Edge]*viz.Value
}

// examine differentiates and evaluates the graph as the flags say.
func (d *draw) examine(ctx context.Context, p *progress, s *source.Source) (*examined, error) {
	x := &examined{Source: s}
	nodes := evaluate.Reachable(s.Outputs...)
	inputs := evaluate.Inputs(nodes)
	at, err := point.Parse(d.at, s.Graph.Inputs())
	if err != nil {
		return nil, err
	}
	x.at = at
	if d.atGiven {
		if err := complete(at, inputs); err != nil {
			return nil, err
		}
	}
	if d.mode != viz.NoGradients {
		p.enter("differentiating %d nodes", len(nodes))
		if x.wrt, err = variables(d.grad, d.wrt, s, inputs); err != nil {
			return nil, err
		}
	}
	if d.mode == viz.Split {
		if x.derivatives, err = evaluate.Derivatives(s.Outputs, x.wrt); err != nil {
			return nil, err
		}
		nodes = evaluate.Reachable(x.results()...)
	}
	// Without inputs there is one point only.
	if d.atGiven || len(inputs) == 0 {
		x.known = true
		p.enter("evaluating %d nodes", len(nodes))
		if err := x.evaluate(ctx, d.mode, nodes, at); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// differentiateSplit appends the gradient as a graph of its own, by the nodes of these names or by all of the inputs that are floats.
func (x *examined) differentiateSplit(names []string, inputs []*graph.Node) (err error) {
	if x.wrt, err = variables("split", names, x.Source, inputs); err != nil {
		return err
	}
	x.derivatives, err = evaluate.Derivatives(x.Outputs, x.wrt)
	return err
}

// hideLines drops the places in the source of an expression of one line, which tell nothing.
func (x *examined) hideLines(m *viz.Model) {
	for i := range m.Nodes {
		if x.OneLine {
			m.Nodes[i].Source = ""
		}
	}
}

// results returns the outputs and the derivatives.
func (x *examined) results() []*graph.Node {
	list := slices.Clone(x.Outputs)
	for _, d := range x.derivatives {
		list = append(list, d.Node)
	}
	return list
}

// evaluate computes the nodes and, for an overlay, adjoints and partials.
func (x *examined) evaluate(ctx context.Context, mode viz.GradientMode, nodes []*graph.Node, at point.Point) (err error) {
	if mode != viz.Overlay {
		x.values, err = evaluate.Values(ctx, nodes, at)
		return err
	}
	active := evaluate.Active(nodes, x.wrt)
	isActive := make(map[*graph.Node]bool, len(active))
	for _, n := range active {
		isActive[n] = true
	}
	// Inputs that no output depends on are among wrt only where they are asked for.
	for _, n := range x.wrt {
		if !isActive[n] {
			active = append(active, n)
		}
	}
	adjoints, err := evaluate.Adjoints(x.Outputs, active)
	if err != nil {
		return err
	}
	if x.values, err = evaluate.Values(ctx, append(slices.Clone(nodes), adjoints...), at); err != nil {
		return err
	}
	x.adjoints = make(map[*graph.Node]*viz.Value, len(active))
	for i, n := range active {
		x.adjoints[n] = x.values[adjoints[i]]
	}
	x.partials, err = evaluate.Partials(ctx, nodes, active, x.values)
	return err
}

// before describes the graph as it is given.
func (d *draw) before(ctx context.Context, x *examined) (*viz.Model, error) {
	m, err := d.describe(x)
	if err != nil {
		return nil, err
	}
	x.hideLines(m)
	return m, d.annotateGraph(ctx, m, x.results(), x.at)
}

// describe returns the model of the graph.
func (d *draw) describe(x *examined) (*viz.Model, error) {
	var list []*graph.Node
	for _, x := range x.derivatives {
		list = append(list, x.Node)
	}
	m, err := viz.Describe(x.Outputs, viz.WithGradients(d.mode), viz.WithRespectTo(x.wrt...), viz.WithGradientOutputs(list...), viz.WithBodies(math.MaxInt),
		viz.WithValues(x.values), viz.WithAdjoints(x.adjoints), viz.WithPartials(x.partials))
	if err == nil {
		evaluate.Label(m, x.derivatives)
	}
	return m, err
}

// after describes the compiled program, with the values of its inputs and outputs.
func (d *draw) after(ctx context.Context, x *examined) (*viz.Model, error) {
	results := x.results()
	p, err := compile.Compile(results...)
	if err != nil {
		return nil, err
	}
	m, places, err := programview.Describe(p, math.MaxInt)
	if err != nil {
		return nil, err
	}
	evaluate.Label(m, x.derivatives)
	given, err := d.describe(x)
	if err != nil {
		return nil, err
	}
	m.CallAs(given)
	x.hideLines(m)
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Op == "input" {
			n.Value = x.values[x.Graph.Lookup(n.Name)]
		}
	}
	for k, o := range m.Outputs {
		m.Nodes[o.Node].Value = x.values[results[k]]
	}
	return m, d.annotateProgram(ctx, m, p, places, x.at)
}

// beside returns one model of two, each in a scope of its own.
func beside(before, after *viz.Model) *viz.Model {
	m := &viz.Model{HeatTitle: before.HeatTitle, CategoryTitle: before.CategoryTitle}
	add := func(name string, from *viz.Model) {
		first, id := len(m.Nodes), 0
		for _, n := range m.Nodes {
			id = max(id, n.ID+1)
		}
		for _, n := range from.Nodes {
			n.ID += id
			n.Inputs = slices.Clone(n.Inputs)
			for k := range n.Inputs {
				n.Inputs[k] += first
			}
			scope := name
			if n.Gradient {
				scope += ", gradient"
			}
			if n.Scope != "" {
				scope += "/" + n.Scope
			}
			n.Scope = scope
			m.Nodes = append(m.Nodes, n)
		}
		for _, o := range from.Outputs {
			o.Node += first
			m.Outputs = append(m.Outputs, o)
		}
	}
	add("before", before)
	add("after", after)
	return m
}

// complete reports inputs that the point lacks.
func complete(p point.Point, inputs []*graph.Node) error {
	var missing []*graph.Node
	for _, n := range inputs {
		if p[n] == nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("--at gives no value for %s", point.Names(missing))
	}
	return nil
}

// variables returns the nodes to differentiate by: those that --wrt names, else all inputs that are floats.
func variables(grad string, names []string, s *source.Source, inputs []*graph.Node) ([]*graph.Node, error) {
	var wrt []*graph.Node
	for _, name := range names {
		n, err := s.Node(name)
		if err != nil {
			return nil, fmt.Errorf("--wrt: %w", err)
		}
		if !n.DType().IsFloat() {
			return nil, fmt.Errorf("--wrt: %s is %v, and only floats have derivatives", name, n.Type())
		}
		if slices.Contains(wrt, n) {
			return nil, fmt.Errorf("--wrt: %s is given twice", name)
		}
		wrt = append(wrt, n)
	}
	if len(names) == 0 {
		for _, n := range inputs {
			if n.DType().IsFloat() {
				wrt = append(wrt, n)
			}
		}
	}
	if len(wrt) == 0 {
		return nil, fmt.Errorf("--grad %s: the graph has no input that is a float to differentiate by", grad)
	}
	if !slices.ContainsFunc(s.Outputs, func(n *graph.Node) bool { return n.DType().IsFloat() }) {
		return nil, fmt.Errorf("--grad %s: no output is a float, so there is nothing to differentiate", grad)
	}
	return wrt, nil
}
