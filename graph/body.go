package graph

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Body is a function of values: a graph of its own whose inputs are the parameters. Loops, branches and checkpoints hold bodies as an attribute. A Body does
// not change and may be shared; two that print alike are equal.
type Body struct {
	g       *Graph // holds the parameters, in order, and what the results depend on, numbered as Format does
	params  []*Node
	results []*Node
	text    []byte
	hash    [32]byte
}

// ready returns b, or a body of nothing for nil and the zero Body.
func (b *Body) ready() *Body {
	if b == nil || b.g == nil {
		return &Body{g: &Graph{names: map[string]*Node{}, scopes: []string{""}, positions: []Position{{}}, closed: "a body"}}
	}
	return b
}

// maxBodyDepth bounds bodies within bodies.
const maxBodyDepth = 64

// NewBody makes a body of nodes of one graph: params are some of its inputs, of which the results may depend on no others. The graph is not changed, and
// may grow on. It is an error if there is no result, if a node is not valid or has several results, or if a parameter is no input or stands there twice.
func NewBody(params, results []*Node) (*Body, error) {
	if len(results) == 0 {
		return nil, errors.New("the body has no results")
	}
	g := results[0].Graph()
	if err := g.Err(); err != nil {
		return nil, err
	}
	to := New()
	image := map[*Node]*Node{}
	to.positions = slices.Clone(g.ready().positions)
	to.callers, to.posIndex = nil, nil
	b := &Body{g: to}
	for i, p := range params {
		if !p.IsInput() || p.g != g || image[p] != nil {
			return nil, fmt.Errorf("parameter %d is no input of the graph of the results, or stands twice", i)
		}
		to.fixedPosition = p.pos
		m := to.newNode(to.kindOf(opInput, p.typ), nil)
		m.addName(fmt.Sprintf("@%d", i))
		to.inputs = append(to.inputs, m)
		image[p] = m
		b.params = append(b.params, m)
	}
	for i, r := range results {
		switch {
		case !r.Valid() || r.g != g:
			return nil, fmt.Errorf("result %d is invalid or belongs to another graph", i)
		case r.extra.results != nil:
			return nil, fmt.Errorf("result %d has %d results: take one with Result", i, len(r.extra.results))
		}
		if err := to.copyInto(image, r); err != nil {
			return nil, err
		}
		b.results = append(b.results, image[r])
	}
	to.fixedPosition, to.scope, to.origin = 0, 0, -1
	to.closed = "a body"
	for _, n := range to.nodes.all() {
		for _, inner := range Bodies(n) {
			if inner.Depth() >= maxBodyDepth {
				return nil, fmt.Errorf("more than %d bodies within one another", maxBodyDepth)
			}
		}
	}
	text, err := appendBody(nil, b)
	if err != nil {
		return nil, err
	}
	b.text, b.hash = text, sha256.Sum256(text)
	return b, nil
}

type copyFrame struct {
	n    *Node
	next int // operand to look at
}

// copyInto copies what n depends on, in the order in which a walk from n completes the nodes, from n's graph; image maps what is there already.
func (to *Graph) copyInto(image map[*Node]*Node, n *Node) error {
	stack := []copyFrame{{n, 0}}
	var in []*Node
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		n := top.n
		if image[n] != nil {
			stack = stack[:len(stack)-1]
			continue
		}
		if top.next < len(n.Inputs()) {
			o := n.Input(top.next)
			top.next++
			if image[o] == nil {
				stack = append(stack, copyFrame{o, 0})
			}
			continue
		}
		stack = stack[:len(stack)-1]
		if n.IsInput() {
			return fmt.Errorf("the results depend on the input %v, which is no parameter", n)
		}
		in = in[:0]
		for _, o := range n.Inputs() {
			in = append(in, image[o])
		}
		m := to.copyOf(n, in, n.pos)
		for _, name := range n.Names() {
			if to.names[name] == nil {
				m.addName(name)
			}
		}
		image[n] = m
	}
	return nil
}

// copyOf copies a node of another graph onto new inputs, at a position of this graph, or returns the equal node that is there.
func (to *Graph) copyOf(n *Node, in []*Node, pos int32) *Node {
	old := to.fixedPosition
	defer func() { to.fixedPosition = old }()
	to.fixedPosition = pos
	to.SetScope(n.ScopePath())
	if n.op == opConst {
		return to.literal(n.extra.lit)
	}
	if n.op != opPlaceholder {
		if m := to.find(n.op, in, n.extra.attrs, nil); m != nil {
			return m
		}
	}
	m := to.adopt(n, in)
	if n.op != opPlaceholder {
		to.remember(m)
	}
	return m
}

// Depth returns how many bodies lie within one another, this one included.
func (b *Body) Depth() int {
	most := 0
	b = b.ready()
	for _, n := range b.g.nodes.all() {
		for _, inner := range Bodies(n) {
			most = max(most, inner.Depth())
		}
	}
	return most + 1
}

// Graph returns the body's graph, to be read: nothing can be added to it. Its inputs are the parameters.
func (b *Body) Graph() *Graph { return b.ready().g }

// Params returns the parameters, in order. The slice is not to be modified.
func (b *Body) Params() []*Node { return b.ready().params }

// Results returns the results, in order. The slice is not to be modified.
func (b *Body) Results() []*Node { return b.ready().results }

// Hash implements attr.Function: it is that of the text.
func (b *Body) Hash() [32]byte { return b.ready().hash }

// Text returns the body's text form: that of Format without its first line. It is not to be modified.
func (b *Body) Text() []byte { return b.ready().text }

// Open returns a copy of the body's graph that may be appended to, with the images of the parameters and results. The nodes have the same IDs.
func (b *Body) Open() (g *Graph, params, results []*Node) {
	b = b.ready()
	g = New()
	g.positions = slices.Clone(b.g.positions)
	for i, p := range g.positions {
		g.posIndex[p] = int32(i)
	}
	image := make([]*Node, b.g.nodes.len())
	var in []*Node
	for i, n := range b.g.nodes.all() {
		if n.op == opInput {
			g.fixedPosition = n.pos
			m := g.newNode(g.kindOf(opInput, n.typ), nil)
			m.addName(n.extra.name)
			g.inputs = append(g.inputs, m)
			image[i] = m
			continue
		}
		in = in[:0]
		for _, o := range n.Inputs() {
			in = append(in, image[o.id])
		}
		m := g.copyOf(n, in, n.pos)
		if m.extra.name == "" {
			for _, name := range n.Names() {
				m.addName(name)
			}
		}
		image[i] = m
	}
	g.fixedPosition, g.scope, g.origin = -1, 0, -1
	return g, imagesOf(image, b.params), imagesOf(image, b.results)
}

func imagesOf(image, of []*Node) []*Node {
	out := make([]*Node, len(of))
	for i, n := range of {
		out[i] = image[n.id]
	}
	return out
}

// Inline copies the body's nodes into the graph of the arguments, which stand for the parameters, and returns the results. Copies carry their own
// positions. There must be as many arguments as parameters, of their types; a body without parameters cannot be inlined so.
func (b *Body) Inline(in []*Node) []*Node {
	all, _ := b.InlineAll(in)
	return imagesOf(all, b.ready().results)
}

// InlineAll is Inline that returns the images of all nodes of the body, by their IDs. The error says what is wrong with the arguments; it is recorded
// in their graph too.
func (b *Body) InlineAll(in []*Node) ([]*Node, error) {
	b = b.ready()
	g := graphOf(in...)
	image := make([]*Node, b.g.nodes.len())
	fail := func(err error) ([]*Node, error) {
		bad := g.Fail("inline", err)
		for i := range image {
			image[i] = bad
		}
		return image, err
	}
	if len(in) != len(b.params) {
		return fail(fmt.Errorf("%d arguments for %d parameters", len(in), len(b.params)))
	}
	for i, p := range b.params {
		if !in[i].Valid() {
			return fail(fmt.Errorf("argument %d is invalid", i))
		}
		if !in[i].typ.Equal(*p.typ) {
			return fail(fmt.Errorf("argument %d is %v for a parameter of type %v", i, in[i].typ, p.typ))
		}
		image[p.id] = in[i]
	}
	scope, pos := g.scope, g.fixedPosition
	defer func() { g.scope, g.fixedPosition = scope, pos }()
	prefix := g.scopes[scope]
	for i, n := range b.g.nodes.all() {
		if image[i] != nil {
			continue
		}
		if g.posIndex != nil {
			g.fixedPosition = g.enter(b.g.positions[n.pos])
		}
		path := n.ScopePath()
		if prefix != "" && path != "" {
			path = prefix + "/" + path
		} else {
			path = prefix + path
		}
		g.SetScope(path)
		if n.op == opConst {
			image[i] = g.literal(n.extra.lit)
			continue
		}
		image[i] = g.Apply(n.op, imagesOf(image, n.Inputs()), n.extra.attrs)
	}
	return image, nil
}

// bodiesAttr is the attribute of operators that have bodies.
var bodiesAttr = AttrSpec{Key: "bodies", Kind: attr.Functions, Doc: "the functions that it runs"}

// Bodies returns the bodies of a node, in order; nil for nodes of other operators. What works on all of a graph finds by it what lies within.
func Bodies(n *Node) []*Body {
	if !n.Valid() || len(n.extra.attrs) == 0 {
		return nil
	}
	return bodiesOf(n.extra.attrs)
}

func bodiesOf(a attr.List) []*Body {
	var bodies []*Body
	for _, f := range a.Functions("bodies") {
		b, ok := f.(*Body)
		if !ok || b == nil {
			return nil
		}
		bodies = append(bodies, b)
	}
	return bodies
}

// bodyBuilder collects what a body under construction takes from around it.
type bodyBuilder struct {
	outer  *Graph
	op     string
	takes  []*Node // nodes of outer
	params []*Node // what stands for them
	by     map[*Node]*Node
}

// child returns a graph for a body of an operator, whose nodes may take nodes of g, and of what encloses g, as operands.
func (g *Graph) child(op string) *Graph {
	c := New()
	c.level, c.deriving = g.level+1, g.deriving
	c.build = &bodyBuilder{outer: g, op: op, by: map[*Node]*Node{}}
	if g.fixedPosition >= 0 {
		c.fixedPosition = c.enter(g.positions[g.fixedPosition])
	}
	if c.level > maxBodyDepth {
		g.Fail(op, fmt.Errorf("more than %d bodies within one another", maxBodyDepth))
	}
	return c
}

// Enter makes nodes of operands of g, and of what encloses it, be added to g until leave is called, whatever body is under construction: for what
// transforms graphs. Without it they are added to the innermost body under construction, so that a branch holds all that its function builds.
func (g *Graph) Enter() (leave func()) {
	g = g.ready()
	var old []*Graph
	to := (*Graph)(nil)
	for a := g; a != nil; a = a.outer() {
		old = append(old, a.inner)
		if a.inner = to; to == nil {
			to = g
		}
	}
	return func() {
		for a := g; a != nil; a = a.outer() {
			a.inner, old = old[0], old[1:]
		}
	}
}

// outer returns the graph around the body under construction g, nil for others.
func (g *Graph) outer() *Graph {
	if g.build == nil {
		return nil
	}
	return g.build.outer
}

// InBody reports whether g is a body that a function of the user's builds or has built.
func (g *Graph) InBody() bool { return g != nil && g.build != nil }

// Captured returns the nodes that the body under construction g takes from the graph around it, and the parameters that stand for them; nothing for other graphs. The slices
// are not to be modified.
func (g *Graph) Captured() (outer, params []*Node) {
	if g == nil || g.build == nil {
		return nil, nil
	}
	return g.build.takes, g.build.params
}

// root returns the graph that a body under construction lies in at last, g itself for others.
func (g *Graph) root() *Graph {
	for g.build != nil {
		g = g.build.outer
	}
	return g
}

// Local returns the node of g that stands for n: n itself, or for a node of a graph that encloses the body under construction g the parameter
// through which the body gets its value. Constants without a shape are copied, and arrays without elements are constants. The error goes on from the name of the node.
func (g *Graph) Local(n *Node) (*Node, error) {
	g = g.ready()
	switch {
	case n != nil && n.kind == nil:
		return nil, errors.New("was made by no graph")
	case n == nil || n.g == g || !n.Valid() && n.g.root() == g.root():
		return n, nil
	case !n.Valid() && len(n.g.root().errs) > 0: // a mistake among values that belong to no graph, which would be lost with theirs
		return nil, fmt.Errorf("is invalid: %w", n.g.root().errs[0])
	case !n.Valid() || n.g.closed == "" && n.g.root() != g.root():
		return nil, errors.New("belongs to another graph")
	case n.g.closed != "":
		return nil, fmt.Errorf("belongs to %s: return it from there", n.g.closed)
	case n.g.level >= g.level:
		return nil, fmt.Errorf("belongs to the body of a %s, which is not around this one: return it from there", n.g.build.op)
	case n.extra.results != nil:
		return nil, fmt.Errorf("has %d results: take one with Result", len(n.extra.results))
	}
	if isEmpty(n) && g.closed == "" {
		return g.nothing(*n.typ), nil
	}
	if n.op == opConst && n.typ.IsScalar() && g.closed == "" {
		return g.literal(n.extra.lit), nil
	}
	m, err := g.build.outer.Local(n)
	if err != nil {
		return nil, err
	}
	if p := g.build.by[m]; p != nil {
		return p, nil
	}
	if g.closed != "" {
		return nil, fmt.Errorf("is outside of %s, which is built", g.closed)
	}
	p := g.newNode(g.kindOf(opInput, m.typ), nil)
	if p.Valid() {
		g.inputs = append(g.inputs, p)
		g.build.by[m] = p
		g.build.takes, g.build.params = append(g.build.takes, m), append(g.build.params, p)
	}
	return p, nil
}

// parameter adds an input to a body under construction.
func (g *Graph) parameter(t Type) *Node {
	p := g.newNode(g.kindOf(opInput, &t), nil)
	g.inputs = append(g.inputs, p)
	return p
}

// Closure returns f as a Body, made for parameters of the types of like (JAX's closure_convert): its parameters are what f takes from around it, which is returned too, and then those. If there is a mistake in f, it is on record, and ok is false.
func Closure(like []*Node, f func(params []*Node) []*Node) (body *Body, captured []*Node, ok bool) {
	const op = "closure"
	g, in, ok := operandsOfLoop(op, like)
	if ok && f == nil {
		g.Fail(op, errors.New("needs a function"))
		ok = false
	}
	if !ok {
		return nil, nil, false
	}
	if i := slices.IndexFunc(in[0], isEmpty); i >= 0 {
		g.Fail(op, fmt.Errorf("operand %d is %v: needs an element", i, in[0][i].typ))
		return nil, nil, false
	}
	bodies, captured, ok := g.seal(op, g.trace(op, typesOf(in[0]), f))
	if !ok {
		return nil, nil, false
	}
	return bodies[0].(*Body), captured, true
}
