package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// Options say how a model becomes part of a graph. The zero value builds a model whose extents are all given, for inference.
type Options struct {
	// Inputs are nodes of the graph, for inputs by name; the others become inputs of the graph that are called as in the model. A constant may decide shapes.
	Inputs map[string]*graph.Node
	// Dims binds the symbols of open extents, such as "batch"; "" stands for all that have none. Shapes in Inputs bind them too.
	Dims map[string]int
	// Trainable chooses the initialisers that become inputs of the graph instead of constants (see Floats); nil: none. Result has them with their values.
	Trainable func(name string, t graph.Type) bool
	// Outputs are the names of what is to be computed, values within the model among them; nil: the model's outputs.
	Outputs []string
	// LoopLimit bounds the steps of loops whose number of steps is not known before the run (see graph.While); 0 is graph.NoLimit.
	LoopLimit int
}

// Floats chooses the initialisers of floating-point numbers that are no scalars: weights.
func Floats(_ string, t graph.Type) bool { return t.DType.IsFloat() && !t.IsScalar() }

// Result is a model as part of a graph.
type Result struct {
	// Inputs are the model's inputs, given or made, and Outputs what it computes, in the order of the model or of Options.Outputs.
	Inputs, Outputs []*graph.Node
	// InputNames and OutputNames are what the model calls them.
	InputNames, OutputNames []string
	// Parameters are the initialisers that became inputs, in the order of the model, and Values what the model gives them.
	Parameters []*graph.Node
	Values     []*graph.Literal
}

// Error is a mistake of a model, or an operator that cannot be expressed.
type Error struct {
	Model string // the file's name
	Node  int    // the node's index in its graph
	Name  string // the node's name, which may be ""
	Op    string // its operator, with the domain where that is not the standard's
	Opset int    // version of the domain's operators that the model asks for
	Err   error
}

// Error returns "file: node 3 "name" (Op, opset 17): reason".
func (e *Error) Error() string {
	return fmt.Sprintf("%s: node %d %q (%s, opset %d): %v", e.Model, e.Node, e.Name, e.Op, e.Opset, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// NotConstantError is the reason where a value that decides a shape depends on inputs.
type NotConstantError struct {
	What   string   // the operand
	Inputs []string // the inputs that it depends on, by the names of their nodes
}

// Error names the operand and the inputs that are to be constants.
func (e *NotConstantError) Error() string {
	if len(e.Inputs) == 0 {
		return e.What + " has to be a constant, and is computed in a loop or branch"
	}
	return fmt.Sprintf("%s has to be a constant, and depends on %s: Options.Inputs takes constants for inputs", e.What, strings.Join(e.Inputs, ", "))
}

const (
	// maxErrors bounds what is reported of one model.
	maxErrors = 20
	// maxSteps bounds the nodes that are converted, those of functions and unrolled loops as often as they are used.
	maxSteps = 1 << 20
)

// builder is one call of Build.
type builder struct {
	m     *Model
	o     Options
	g     *graph.Graph // where nodes are made: that of a loop's body while it is converted
	root  *graph.Graph
	errs  []error
	steps int
	depth int
	// folding builds are within a graph of their own, to be evaluated.
	folding bool
	r       *Result
}

// scope maps the names of a graph to values.
type scope struct {
	outer  *scope
	values map[string]value
	// opsets, attributes and function are of the function whose nodes these are; opsets are the model's outside of functions.
	opsets     map[string]int
	attributes map[string]*pb.AttributeProto
	in         string
}

func (s *scope) lookup(name string) (value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return value{}, false
}

// child is a scope for a graph within.
func (s *scope) child() *scope {
	return &scope{outer: s, values: map[string]value{}, opsets: s.opsets, attributes: s.attributes, in: s.in}
}

// Build adds the model to a graph. Errors are *Error, joined; those of the graph's own operators are mistakes of the graph too.
func (m *Model) Build(g *graph.Graph, o Options) (*Result, error) {
	if m == nil || m.p == nil {
		return nil, errors.New("onnx: no model: read one")
	}
	if g == nil {
		return nil, errors.New("onnx: the graph is nil")
	}
	b := &builder{m: m, o: o, g: g, root: g, r: &Result{}}
	s := &scope{values: map[string]value{}, opsets: m.opsets}
	b.inputs(s)
	if err := b.err(); err != nil {
		return nil, err
	}
	b.initialisers(s, m.p.GetGraph())
	names := o.Outputs
	if names == nil {
		for _, v := range m.p.GetGraph().GetOutput() {
			names = append(names, v.GetName())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: has no outputs", m.name)
	}
	b.nodes(s, m.p.GetGraph().GetNode(), names)
	for _, name := range names {
		v, ok := s.lookup(name)
		switch {
		case !ok:
			b.fail(fmt.Errorf("no node makes the output %q", name))
		case v.bad:
		case v.seq != nil:
			b.fail(fmt.Errorf("the output %q is a sequence: arrays are what can be returned", name))
		default:
			n := b.here(v.node)
			if graph.CheckName(name) == nil && g.Lookup(name) == nil && !n.IsInput() {
				n = n.Named(name)
			}
			b.r.Outputs, b.r.OutputNames = append(b.r.Outputs, n), append(b.r.OutputNames, name)
		}
	}
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.r, nil
}

func (b *builder) err() error { return errors.Join(b.errs...) }

// fail records a mistake that is not one node's.
func (b *builder) fail(err error) {
	if len(b.errs) < maxErrors {
		b.errs = append(b.errs, fmt.Errorf("%s: %w", b.m.name, err))
	}
}

// here returns the node in the graph where nodes are made: constants of the model are in a graph of their own.
func (b *builder) here(n *graph.Node) *graph.Node {
	if n.Valid() && n.Graph() == b.m.graph {
		return b.root.Literal(n.Literal())
	}
	return n
}

// inputs gives the model's inputs a value.
func (b *builder) inputs(s *scope) {
	dims := map[string]int{}
	for k, v := range b.o.Dims {
		dims[k] = v
	}
	known := map[string]bool{}
	for _, in := range b.m.p.GetGraph().GetInput() {
		name := in.GetName()
		known[name] = true
		n, given := b.o.Inputs[name]
		if !given {
			continue
		}
		x := infoOf(in)
		if !n.Valid() || n.Graph() != b.g {
			b.fail(fmt.Errorf("the node for the input %q is no valid node of the graph", name))
			continue
		}
		if n.DType() != x.DType || x.Ranked && len(x.Dims) != n.Shape().Rank() {
			b.fail(fmt.Errorf("the node for the input %q is %v: the model needs %s", name, n.Type(), x))
			continue
		}
		for i, d := range x.Dims {
			e := n.Shape()[i]
			if old, bound := dims[d.Symbol]; d.Size > 0 && d.Size != e || d.Symbol != "" && bound && old != e {
				b.fail(fmt.Errorf("the node for the input %q is %v: the model needs %s", name, n.Type(), x))
				break
			}
			if d.Symbol != "" {
				dims[d.Symbol] = e
			}
		}
	}
	for name := range b.o.Inputs {
		if !known[name] {
			b.fail(fmt.Errorf("the model has no input %q", name))
		}
	}
	for _, in := range b.m.p.GetGraph().GetInput() {
		x := infoOf(in)
		n := b.o.Inputs[x.Name]
		if _, ok := b.m.tensors[x.Name]; ok && n == nil {
			continue
		}
		if n == nil {
			n = b.input(x, dims)
		}
		if !n.Valid() {
			continue
		}
		b.r.Inputs, b.r.InputNames = append(b.r.Inputs, n), append(b.r.InputNames, x.Name)
		s.values[x.Name] = value{node: n, kind: kind(in.GetType().GetTensorType().GetElemType())}
	}
}

// String returns the type as FLOAT[batch×3].
func (x ValueInfo) String() string {
	if !x.Ranked {
		return x.Kind
	}
	parts := make([]string, len(x.Dims))
	for i, d := range x.Dims {
		switch {
		case d.Size > 0:
			parts[i] = fmt.Sprint(d.Size)
		case d.Symbol != "":
			parts[i] = d.Symbol
		default:
			parts[i] = "?"
		}
	}
	return x.Kind + "[" + strings.Join(parts, "×") + "]"
}

// input makes an input of the graph; nil after a mistake.
func (b *builder) input(x ValueInfo, dims map[string]int) *graph.Node {
	if x.DType == 0 {
		b.fail(fmt.Errorf("the input %q is of type %s, which has no counterpart here", x.Name, x.Kind))
		return nil
	}
	if !x.Ranked {
		b.fail(fmt.Errorf("the model does not say which shape the input %q has: Options.Inputs takes a node for it", x.Name))
		return nil
	}
	shape := make([]int, len(x.Dims))
	for i, d := range x.Dims {
		shape[i] = d.Size
		if e, ok := dims[d.Symbol]; d.Size == 0 && ok {
			shape[i] = e
		}
		if shape[i] <= 0 {
			b.fail(fmt.Errorf("extent %d of the input %q, %s, is open: Options.Dims binds symbols, Options.Inputs takes a node", i, x.Name, x))
			return nil
		}
	}
	n := b.g.Input(b.free(x.Name), x.DType, shape...)
	if !n.Valid() {
		b.fail(fmt.Errorf("input %q: %w", x.Name, b.g.Err()))
		return nil
	}
	return n
}

// free returns a name that the graph takes, as near to the model's as possible.
func (b *builder) free(name string) string {
	clean := strings.Map(func(r rune) rune {
		if graph.CheckName(string(r)) != nil {
			return '_'
		}
		return r
	}, name)
	if len(clean) > 150 {
		clean = clean[:150]
	}
	if graph.CheckName(clean) != nil {
		clean = "input"
	}
	for k, base := 1, clean; b.root.Lookup(clean) != nil; k++ {
		clean = fmt.Sprintf("%s.%d", base, k)
	}
	return clean
}

// initialisers gives names their constants, or inputs where they are trained.
func (b *builder) initialisers(s *scope, p *pb.GraphProto) {
	for _, t := range p.GetInitializer() {
		name := t.GetName()
		if _, given := s.values[name]; given {
			continue
		}
		v := b.m.tensors[name]
		if v.node != nil && b.o.Trainable != nil && b.o.Trainable(name, v.node.Type()) {
			n := b.g.Input(b.free(name), v.node.DType(), v.node.Shape()...)
			if !n.Valid() {
				b.fail(fmt.Errorf("initialiser %q: %w", name, b.g.Err()))
				continue
			}
			b.r.Parameters, b.r.Values = append(b.r.Parameters, n), append(b.r.Values, v.node.Literal())
			v.node = n
		}
		s.values[name] = v
	}
	for _, t := range p.GetSparseInitializer() {
		v, err := sparse(b.m.graph, t)
		if err != nil {
			b.fail(fmt.Errorf("sparse initialiser %q: %w", t.GetValues().GetName(), err))
			v.bad = true
		}
		s.values[t.GetValues().GetName()] = v
	}
}

// nodes converts the nodes that the outputs need, in their order.
func (b *builder) nodes(s *scope, nodes []*pb.NodeProto, outputs []string) {
	needed := map[string]bool{}
	for _, name := range outputs {
		needed[name] = true
	}
	keep := make([]bool, len(nodes))
	for i, n := range slices.Backward(nodes) {
		for _, o := range n.GetOutput() {
			if o != "" && needed[o] {
				keep[i] = true
			}
		}
		if keep[i] {
			uses(n, func(name string) { needed[name] = true })
		}
	}
	for i, n := range nodes {
		if keep[i] && len(b.errs) < maxErrors {
			b.node(s, i, n)
		}
	}
}

// uses calls f with all names that a node can read, those that its subgraphs take from outside among them.
func uses(n *pb.NodeProto, f func(name string)) {
	for _, in := range n.GetInput() {
		f(in)
	}
	for _, a := range n.GetAttribute() {
		for _, g := range append(a.GetGraphs()[:len(a.GetGraphs()):len(a.GetGraphs())], a.GetG()) {
			for _, m := range g.GetNode() {
				uses(m, f)
			}
			for _, o := range g.GetOutput() {
				f(o.GetName())
			}
		}
	}
}

// node converts one node and gives its outputs their values, bad ones after a mistake.
func (b *builder) node(s *scope, index int, p *pb.NodeProto) {
	results, err := b.results(s, index, p)
	if err == nil && len(results) < len(p.GetOutput()) {
		for _, o := range p.GetOutput()[len(results):] {
			if o != "" {
				err = fmt.Errorf("has %d results, not %d", len(results), len(p.GetOutput()))
			}
		}
	}
	if err != nil && err != errBefore && len(b.errs) < maxErrors {
		op := p.GetOpType()
		if d := domain(p.GetDomain()); d != "" {
			op = d + "." + op
		}
		var inner *Error
		if !errors.As(err, &inner) || s.in == "" {
			err = &Error{b.m.name + s.in, index, p.GetName(), op, s.opsets[domain(p.GetDomain())], err}
		}
		b.errs = append(b.errs, err)
	}
	for i, o := range p.GetOutput() {
		if o == "" {
			continue
		}
		if _, taken := s.values[o]; taken {
			b.fail(fmt.Errorf("two nodes make %q", o))
			continue
		}
		if err != nil {
			s.values[o] = value{bad: true}
		} else {
			s.values[o] = results[i]
		}
	}
}

// errBefore stands for a mistake that is on record.
var errBefore = errors.New("a mistake before")

// results converts one node.
func (b *builder) results(s *scope, index int, p *pb.NodeProto) ([]value, error) {
	if b.steps++; b.steps > maxSteps {
		if b.steps == maxSteps+1 {
			return nil, fmt.Errorf("the model has more than %d nodes, those of functions and unrolled loops counted as often as they are used", maxSteps)
		}
		return nil, errBefore
	}
	c := &call{b: b, s: s, p: p}
	for _, name := range p.GetInput() {
		v := value{}
		if name != "" {
			var ok bool
			if v, ok = s.lookup(name); !ok {
				return nil, fmt.Errorf("takes %q, which nothing before it makes", name)
			}
			if v.bad {
				return nil, errBefore
			}
		}
		c.in = append(c.in, v)
	}
	if err := c.readAttributes(); err != nil {
		return nil, err
	}
	d := domain(p.GetDomain())
	if f := b.m.functions[functionKey{p.GetDomain(), p.GetOpType(), p.GetOverload()}]; f != nil {
		return b.function(c, f)
	}
	op := operators[opKey{d, p.GetOpType()}]
	if op == nil {
		return nil, errors.New("the operator is neither of the standard nor a function of the model")
	}
	opset := s.opsets[d]
	if opset == 0 {
		return nil, fmt.Errorf("the model does not say which version of the domain %q it uses", p.GetDomain())
	}
	if c.version = op.versionAt(opset); c.version == 0 {
		return nil, fmt.Errorf("the operator came with opset %d", op.since[0])
	}
	if d == "" && opset < oldestOpset && slices.ContainsFunc(op.since, func(v int) bool { return v > opset && v <= oldestOpset }) {
		return nil, fmt.Errorf("the operator changed up to opset %d, the oldest that is read", oldestOpset)
	}
	if op.in == nil {
		return nil, errors.New(op.why)
	}
	c.op = op
	pos := graph.Position{File: b.m.name + s.in + "(" + cmp.Or(p.GetName(), p.GetOpType()) + ")", Line: index + 1}
	if results, ok := b.fold(c, pos); ok {
		return results, nil
	}
	return c.convert(pos)
}

// function converts the body of a function of the model.
func (b *builder) function(c *call, f *pb.FunctionProto) ([]value, error) {
	if b.depth++; b.depth > maxNesting {
		b.depth--
		return nil, fmt.Errorf("functions are nested more than %d deep", maxNesting)
	}
	defer func() { b.depth-- }()
	if len(c.in) > len(f.GetInput()) {
		return nil, fmt.Errorf("the function %q takes %d operands, not %d", f.GetName(), len(f.GetInput()), len(c.in))
	}
	opsets, err := versions(f.GetOpsetImport())
	if err != nil {
		return nil, err
	}
	for d, v := range c.s.opsets {
		if opsets[d] == 0 {
			opsets[d] = v
		}
	}
	s := &scope{values: map[string]value{}, opsets: opsets, attributes: map[string]*pb.AttributeProto{}, in: c.s.in + "/" + f.GetName()}
	for i, name := range f.GetInput() {
		v := value{}
		if i < len(c.in) {
			v = c.in[i]
		}
		s.values[name] = v
	}
	for _, a := range f.GetAttributeProto() {
		s.attributes[a.GetName()] = a
	}
	for name, a := range c.attributes {
		s.attributes[name] = a
	}
	before := len(b.errs)
	b.nodes(s, f.GetNode(), f.GetOutput())
	var results []value
	for _, o := range f.GetOutput() {
		v, ok := s.lookup(o)
		if !ok && len(b.errs) == before {
			return nil, fmt.Errorf("the function %q does not make its result %q", f.GetName(), o)
		}
		results = append(results, v)
	}
	if len(b.errs) > before {
		return nil, errBefore
	}
	return results, nil
}

// block converts a subgraph, which may use all values around it, with the given values of its inputs.
func (b *builder) block(s *scope, p *pb.GraphProto, in []value) ([]value, error) {
	if b.depth++; b.depth > maxNesting {
		b.depth--
		return nil, fmt.Errorf("subgraphs are nested more than %d deep", maxNesting)
	}
	defer func() { b.depth-- }()
	if len(in) != len(p.GetInput()) {
		return nil, fmt.Errorf("the subgraph %q takes %d values, not %d", p.GetName(), len(p.GetInput()), len(in))
	}
	inner := s.child()
	for i, v := range p.GetInput() {
		inner.values[v.GetName()] = in[i]
	}
	for _, t := range p.GetInitializer() {
		v, err := tensor(b.m.graph, t, nil)
		if err != nil {
			return nil, fmt.Errorf("initialiser %q: %w", t.GetName(), err)
		}
		inner.values[t.GetName()] = v
	}
	names := make([]string, len(p.GetOutput()))
	for i, o := range p.GetOutput() {
		names[i] = o.GetName()
	}
	before := len(b.errs)
	b.nodes(inner, p.GetNode(), names)
	results := make([]value, len(names))
	for i, name := range names {
		v, ok := inner.lookup(name)
		if !ok && len(b.errs) == before {
			return nil, fmt.Errorf("the subgraph %q does not make its result %q", p.GetName(), name)
		}
		if v.node != nil {
			v.node = b.here(v.node)
		}
		results[i] = v
	}
	if len(b.errs) > before {
		return nil, errBefore
	}
	return results, nil
}
