package viz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// largestConstant is the number of elements above which a constant is shown by
// its type alone.
const largestConstant = 16

// Describe returns the model of what the outputs depend on, and of the gradient
// given by WithGradientOutputs in Split mode. It returns the graph's errors.
func Describe(outputs []*graph.Node, options ...Option) (*Model, error) {
	return describe(outputs, collect(options))
}

func describe(outputs []*graph.Node, s *settings) (*Model, error) {
	m := &Model{}
	if s.heat != nil {
		m.HeatTitle = s.heatTitle
		if m.HeatTitle == "" {
			m.HeatTitle = "heat"
		}
	}
	if s.categories != nil {
		m.CategoryTitle = s.categoryTitle
		if m.CategoryTitle == "" {
			m.CategoryTitle = "group"
		}
	}
	var gradients []*graph.Node
	if s.gradients == Split {
		gradients = s.gradientOutputs
	}
	for _, list := range [][]*graph.Node{outputs, gradients} {
		for _, n := range list {
			if !n.Valid() {
				if n != nil && n.Graph() != nil && n.Graph().Err() != nil {
					return nil, n.Graph().Err()
				}
				return nil, errInvalid
			}
		}
	}
	primal := reachable(outputs)
	wanted := reachable(append(append([]*graph.Node(nil), outputs...), gradients...))
	interest := map[*graph.Node]bool{}
	for _, n := range s.wrt {
		interest[n] = true
	}
	d := &describer{model: m, settings: s, interest: interest, ids: map[*graph.Node]int{}, measures: map[[32]byte]measure{}}
	for n := range wanted {
		d.next = max(d.next, n.Graph().Len())
	}
	index := make(map[*graph.Node]int, len(wanted))
	d.nodes(sorted(wanted), &place{index: index, steps: map[*graph.Node]map[*graph.Node]int{}, gradient: func(n *graph.Node) bool { return !primal[n] }})
	for _, n := range outputs {
		m.Outputs = append(m.Outputs, Output{Node: index[n], Name: n.Name()})
	}
	for k, n := range gradients {
		o := Output{Node: index[n], Of: "y", By: "x"}
		if len(outputs) > 0 {
			o.Of = OutputNames(outputs)[0]
		}
		if k < len(s.wrt) && s.wrt[k].Name() != "" {
			o.By = s.wrt[k].Name()
		}
		m.Outputs = append(m.Outputs, o)
	}
	if len(outputs) > 0 {
		m.automatic = newAutomatic(graphNames(outputs[0].Graph()))
		m.callAll()
		if s.reference != nil {
			m.CallAs(s.reference.model)
		}
	}
	return reduce(m, s, d.ids)
}

// reduce applies the options that leave nodes out. Indices change with every step, so that nodes are followed by their IDs.
func reduce(m *Model, s *settings, ids map[*graph.Node]int) (*Model, error) {
	at := func(m *Model, n *graph.Node) (int, error) {
		if id, found := ids[n]; found {
			for i := range m.Nodes {
				if m.Nodes[i].ID == id {
					return i, nil
				}
			}
		}
		return 0, fmt.Errorf("viz: node %v is not part of the drawing", n)
	}
	if s.path[0] != nil || s.path[1] != nil {
		from, err := at(m, s.path[0])
		if err != nil {
			return nil, err
		}
		to, err := at(m, s.path[1])
		if err != nil {
			return nil, err
		}
		m = m.Path(from, to)
		if len(m.Nodes) == 0 {
			return nil, fmt.Errorf("viz: no path leads from %v to %v", s.path[0], s.path[1])
		}
	}
	if len(s.focus) > 0 {
		var centres []int
		for _, n := range s.focus {
			i, err := at(m, n)
			if err != nil {
				return nil, err
			}
			centres = append(centres, i)
		}
		m = m.Focus(s.radius, centres...)
	}
	if s.depth < 0 {
		m = m.CloseBodies(s.bodies, s.expanded)
	}
	if s.depth >= 0 || len(s.collapsed) > 0 {
		m = m.CollapseExcept(s.depth, s.collapsed, s.expanded)
	}
	if s.limit > 0 {
		m, _ = m.Limit(s.limit)
	}
	return m, nil
}

func describeNode(n *graph.Node, s *settings, index map[*graph.Node]int, interest map[*graph.Node]bool, gradient bool) Node {
	op := n.Op()
	o := Node{ID: n.ID(), Op: op.Name, Name: n.Name(), DType: n.DType().String(), Type: n.Type().String(),
		Shape: n.Shape(), Formula: op.Formula, Scope: n.ScopePath(), Value: s.values[n], Adjoint: s.adjoints[n], Gradient: gradient,
		Notes: s.notes[n], Heat: s.heat[n], Category: s.categories[n], Change: s.changes[n]}
	if names := n.Names(); len(names) > 1 {
		o.Notes = append(slices.Clone(o.Notes), Note{"also named", strings.Join(names[1:], ", ")})
	}
	o.Origin = o.ID
	if n.Origin() >= 0 {
		o.Origin = n.Origin()
	}
	if op.Name == "each_step" {
		o.Symbol = "each step"
	}
	if op.Name == "result" {
		o.Symbol = ResultName(n.Inputs()[0].Op().Name, n.Attrs().Int("index"))
		if loop := n.Inputs()[0]; loop.Op().Name == "while" && n.Attrs().Int("index") == loop.Attrs().Int("carries") {
			o.Symbol = "steps"
		}
	}
	if types := n.Results(); types != nil {
		list := make([]string, len(types))
		for i, t := range types {
			list[i] = t.String()
		}
		o.DType, o.Type = "", "("+strings.Join(list, ", ")+")"
	}
	if p := n.Position(); p.File != "" {
		o.Source = p.String()
	}
	attributes := n.Attrs()
	for _, b := range graph.Bodies(n) {
		o.bodies += fmt.Sprintf("%x ", b.Hash())
	}
	if o.bodies != "" { // the operands of bodies say what they are
		o.bodies += attributes.String()
		attributes = slices.DeleteFunc(slices.Clone(attributes), func(a attr.Named) bool { return a.Key == "bodies" || a.Key == "captured" || a.Key == "carries" })
	}
	if len(attributes) > 0 && !n.IsInput() && !n.IsConst() {
		o.Attributes = attributes.String()
	}
	for k, in := range n.Inputs() {
		o.Inputs = append(o.Inputs, index[in])
		if p := s.partials[Edge{n, k}]; p != nil {
			for len(o.Partials) < k {
				o.Partials = append(o.Partials, nil)
			}
			o.Partials = append(o.Partials, p)
		}
	}
	if n.IsConst() {
		if l := n.Literal(); l != nil && n.Shape().Size() <= largestConstant {
			v := &Value{Shape: n.Shape()}
			for i := 0; i < n.Shape().Size(); i++ {
				v.Data = append(v.Data, l.Float(i))
			}
			o.Constant = v
		}
	}
	float := n.DType().IsFloat() || slices.ContainsFunc(n.Results(), func(t graph.Type) bool { return t.DType.IsFloat() })
	o.Inert = !float || op.NoDerivative != "" && !n.IsInput()
	o.Variable = interest[n] && !n.IsInput()
	if n.IsInput() && len(interest) > 0 && !interest[n] {
		o.Inert = true
	}
	return o
}

// ResultName returns what drawings call a result, counted from 0, of an operator or kernel that has several.
func ResultName(operator string, index int) string {
	if op := graph.LookupOp(operator); op != nil && index >= 0 && index < len(op.ResultNames) {
		return op.ResultNames[index]
	}
	return "result " + strconv.Itoa(index)
}

// reachable returns the nodes that the given nodes depend on, with themselves.
func reachable(from []*graph.Node) map[*graph.Node]bool {
	seen := map[*graph.Node]bool{}
	stack := append([]*graph.Node(nil), from...)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		stack = append(stack, n.Inputs()...)
	}
	return seen
}
