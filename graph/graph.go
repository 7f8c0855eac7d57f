package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Graph is an append-only DAG of nodes. Make one with New; the zero Graph is empty too. What is asked of a nil graph is recorded as a
// mistake in a graph that the invalid result belongs to.
type Graph struct {
	nodes nodeList
	table []entry // open addressing over the shared nodes that are not in a chain: see share.go
	used  int

	inputs []*Node
	names  map[string]*Node

	scope  int32
	scopes []string // paths; 0 is ""

	errs    []error
	dropped int

	positions     []Position // index 0 is the unknown position
	callers       map[uintptr]int32
	recent        [recentCallers]recentCaller
	posIndex      map[Position]int32
	fixedPosition int32 // -1: take the caller's line
	deriving      bool  // constants are numbers of rules: see Literal
	origin        int32

	rewrite func(Term) *Node // see Rewrite
	depth   int

	build  *bodyBuilder // of a body under construction
	level  int          // bodies around it
	inner  *Graph       // the body under construction within it, to which nodes are added in its place
	closed string       // what the graph belongs to, to which nothing can be added

	parts   partsOf   // of the concat whose derivative was asked for last
	scalars [31]*Node // scalar constants that were asked for last, by their bits

	kinds       map[kindKey]*kind
	recentKinds [32]*kind // in front of kinds
	operators   []*Op     // of the nodes

	operands []*Node // of the applications under way, one behind the other: see apply2
	edgeSlab []*Node // operands of nodes that have many
}

// New returns an empty graph.
func New() *Graph {
	return &Graph{
		names:         map[string]*Node{},
		scopes:        []string{""},
		positions:     []Position{{}},
		callers:       map[uintptr]int32{},
		posIndex:      map[Position]int32{},
		kinds:         map[kindKey]*kind{},
		fixedPosition: -1,
		origin:        -1,
	}
}

// ready returns the graph to work on: g, made like new if it is the zero Graph; for nil a graph whose first mistake is that.
func (g *Graph) ready() *Graph {
	switch {
	case g == nil:
		g = New()
		g.Fail("", errors.New("the graph is nil: make one with graph.New"))
	case g.names == nil:
		*g = *New()
	}
	return g
}

// Len returns the number of nodes.
func (g *Graph) Len() int {
	if g == nil {
		return 0
	}
	return g.nodes.len()
}

// Node returns the node with the given ID. It panics if id < 0 or id ≥ Len.
func (g *Graph) Node(id int) *Node {
	if g == nil {
		g = &Graph{} // has none
	}
	return g.nodes.at(id)
}

// Inputs returns the inputs in the order of their creation. The slice is not to be modified.
func (g *Graph) Inputs() []*Node {
	if g == nil {
		return nil
	}
	return g.inputs
}

// Has reports whether an operator of the graph's nodes, also of those that nothing depends on, is one of those asked for: what has nothing to do in a large graph knows it without a walk over it.
func (g *Graph) Has(is func(op *Op) bool) bool {
	return g != nil && is != nil && slices.ContainsFunc(g.operators, is)
}

// Lookup returns the node with the given name, or nil.
func (g *Graph) Lookup(name string) *Node {
	if g == nil {
		return nil
	}
	return g.names[name]
}

// Input adds an input: a value that each run supplies. Names are unique in a graph,
// non-empty, and have only printable characters without spaces and quotes. No extents mean a scalar.
func (g *Graph) Input(name string, dtype DType, shape ...int) *Node {
	g = g.ready()
	if g.build != nil || g.closed != "" {
		return g.Fail("input", errors.New("a body has no inputs of its own: make them outside and use them here"))
	}
	if err := CheckName(name); err != nil {
		return g.Fail("input", err)
	}
	if g.names[name] != nil {
		return g.Fail("input", fmt.Errorf("the name %q is taken by the node made at %v", name, g.names[name].Position()))
	}
	if !dtype.Valid() {
		return g.Fail("input", fmt.Errorf("input %q has no valid dtype", name))
	}
	s := append(Shape(nil), shape...)
	if err := s.check(); err != nil {
		return g.Fail("input", fmt.Errorf("input %q: %w", name, err))
	}
	n := g.newNode(g.kindOf(opInput, shareType(Type{dtype, s}, nil)), nil)
	n.addName(name)
	g.inputs = append(g.inputs, n)
	return n
}

// CheckName reports what cannot be a name: text forms could not print it.
func CheckName(name string) error {
	if name == "" {
		return fmt.Errorf("a name may not be empty")
	}
	if len(name) > 200 {
		return fmt.Errorf("a name may have 200 bytes at the most")
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) || r == '"' || r == utf8.RuneError }); i >= 0 {
		return fmt.Errorf("the name %q has a space, quote, control or invalid character", name)
	}
	return nil
}

// Scope runs build with the scope name appended (a/b/c); drawings group nodes by scope. A name
// may not contain a slash.
func (g *Graph) Scope(name string, build func()) {
	g = g.ready()
	if g.inner != nil {
		g = g.inner
	}
	if err := CheckName(name); err != nil || strings.Contains(name, "/") {
		if err == nil {
			err = fmt.Errorf("the name %q contains a slash", name)
		}
		g.Fail("scope", err)
	}
	old := g.scope
	if old != 0 {
		name = g.scopes[old] + "/" + name
	}
	g.SetScope(name)
	defer func() { g.scope = old }()
	g.call("scope", build)
}

// SetScope makes later nodes carry the given scope path, "" for none: for parsers and tools that
// restore a graph. User code uses Scope.
func (g *Graph) SetScope(path string) {
	g = g.ready()
	if g.scopes[g.scope] == path {
		return
	}
	g.scope = int32(slices.Index(g.scopes, path))
	if g.scope < 0 {
		g.scope = int32(len(g.scopes))
		g.scopes = append(g.scopes, path)
	}
}

// Closed returns why nothing can be added to the graph: it is a body that is built. It is nil for other graphs.
func (g *Graph) Closed() error {
	if g == nil || g.closed == "" {
		return nil
	}
	return fmt.Errorf("its operands belong to %s: return them from there", g.closed)
}

// newNode appends a node. The inputs are copied.
func (g *Graph) newNode(k *kind, inputs []*Node) *Node {
	if g.closed != "" {
		return g.Fail(k.op.Name, g.Closed())
	}
	if g.nodes.len() >= math.MaxInt32-1 {
		return g.Fail(k.op.Name, fmt.Errorf("a graph holds at most 2^31-2 nodes"))
	}
	n := g.nodes.add()
	n.kind, n.id = k, int32(g.nodes.len()-1)
	n.scope, n.pos, n.origin = g.scope, g.position(), g.origin
	for i := range min(len(inputs), len(n.few)) {
		n.few[i], n.first[i] = inputs[i], inputs[i].id
	}
	if len(inputs) > len(n.few) {
		many := g.copyEdges(inputs)
		n.many = &many
	}
	return n
}

func (g *Graph) copyEdges(in []*Node) []*Node {
	if cap(g.edgeSlab)-len(g.edgeSlab) < len(in) {
		g.edgeSlab = make([]*Node, 0, max(len(in), min(8192, 64+2*g.nodes.len())))
	}
	k := len(g.edgeSlab)
	g.edgeSlab = append(g.edgeSlab, in...)
	return g.edgeSlab[k:len(g.edgeSlab):len(g.edgeSlab)]
}

// Apply adds the operator's node, or returns the equal one that the graph already has. It checks arity,
// dtypes, shapes and attributes and returns an invalid node after a mistake. Operators have
// constructors of their own; Apply serves parsers, rewrites and user-defined operators. While a body is built, of a loop or branch in the graph, the node is added to
// the body.
func (g *Graph) Apply(op *Op, inputs []*Node, attrs attr.List) *Node {
	g = g.ready()
	switch {
	case op == nil:
		return g.Fail("", errors.New("the operator is nil: was it registered?"))
	case op.hash == 0:
		return g.Fail(op.Name, errors.New("the operator is not registered"))
	}
	if g.inner != nil {
		g = g.inner
	}
	for i, in := range inputs {
		switch {
		case in == nil:
			return g.Fail(op.Name, fmt.Errorf("operand %d is nil", i))
		case in.kind == nil:
			return g.Fail(op.Name, fmt.Errorf("operand %d was made by no graph", i))
		case in.g != g:
			if g.closed != "" {
				return g.Fail(op.Name, g.Closed())
			}
			local, err := g.Local(in)
			if err != nil {
				return g.Fail(op.Name, fmt.Errorf("operand %d %w", i, err))
			}
			inputs = slices.Clone(inputs)
			if inputs[i] = local; local.op == nil {
				return local
			}
		case in.op == nil:
			return in // the mistake is on record
		}
	}
	if n := g.find(op, inputs, attrs, nil); n != nil {
		return n
	}
	typ, results := op.commonType(inputs, attrs), []Type(nil)
	if typ == nil {
		t, several, err := op.infer(inputs, attrs)
		if err != nil {
			return g.Fail(op.Name, op.withCast(err, inputs, attrs))
		}
		typ, results = shareType(t, inputs), several
		if op == opResult || typ.Shape.Empty() || slices.ContainsFunc(inputs, isEmpty) {
			if n := g.reduced(op, inputs, (&kind{g: g, op: op, typ: typ}).with(extra{attrs: attrs, results: results})); n != nil {
				return n
			}
		}
	} else if typ.Shape.Empty() {
		return g.nothing(*typ)
	}
	if g.rewrite != nil && results == nil && g.depth < maxRewriteDepth {
		g.depth++
		m := g.rewrite(Term{op, inputs, attrs, *typ})
		g.depth--
		if m != nil {
			if m.op != nil && (m.g != g || m.typ != typ && !m.typ.Equal(*typ)) {
				panic(fmt.Sprintf("BUG: %s of type %v was rewritten to %s of type %v", op.Name, *typ, m.op.Name, *m.typ))
			}
			return m
		}
	}
	k := g.kindOf(op, typ)
	if len(attrs) > 0 || results != nil {
		k = k.with(extra{attrs: attrs, results: results})
	}
	n := g.newNode(k, inputs)
	if n.op != nil {
		g.remember(n)
	}
	return n
}

// shareType returns the type of an operand that equals t, or a new one: most nodes have the type of an operand.
func shareType(t Type, inputs []*Node) *Type {
	for _, in := range inputs {
		if in.typ.DType == t.DType && in.typ.Shape.Equal(t.Shape) {
			return in.typ
		}
	}
	if len(t.Shape) == 0 {
		return &scalarTypes[t.DType]
	}
	own := t
	return &own
}

var scalarTypes = [...]Type{{}, {DType: Bool}, {DType: Int32}, {DType: Int64}, {DType: Float32}, {DType: Float64}}
