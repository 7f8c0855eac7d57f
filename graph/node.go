package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Node is one value of a graph: an input, a constant, or the result of an operator.
// Nodes are made by constructors and never change, apart from their name.
//
// It is a cache line, as the nodes of a large graph are met in any order.
type Node struct {
	*kind           // nil in the zero Node only
	few    [2]*Node // the first two operands
	many   *[]*Node // all operands of a node that has more
	id     int32
	pos    int32
	scope  int32    // index in the graph's scopes
	origin int32    // ID in the graph that Rebuild started from, -1 if it was not rebuilt
	first  [2]int32 // IDs of the first two operands: sweeps over large graphs know them without touching the operands
	users  int32    // head of the chain of shared nodes of which this is the operand made last, as ID+1: see share.go
	next   int32    // next in the chain that the node is in, as ID+1
}

// kind is what many nodes have in common: those of an operator and a type share one, unless they have extras.
type kind struct {
	g     *Graph
	op    *Op   // nil after a mistake
	typ   *Type // never nil; shared between kinds where possible
	extra extra
	own   bool // of one node
}

// extra holds what most nodes do not have.
type extra struct {
	attrs   attr.List
	results []Type // of an operator with several results
	lit     *Literal
	name    string
	also    []string // more names
}

var (
	noExtra extra
	noType  Type
)

// kindOf returns the kind of nodes without extras.
func (g *Graph) kindOf(op *Op, typ *Type) *kind {
	slot := &g.recentKinds[(op.hash^uint64(typ.DType))%uint64(len(g.recentKinds))] // a power of two
	if k := *slot; k != nil && k.op == op && k.typ == typ {
		return k
	}
	key := kindKey{op, typ}
	k := g.kinds[key]
	if k == nil {
		k = &kind{g: g, op: op, typ: typ}
		g.kinds[key] = k
		if !slices.Contains(g.operators, op) {
			g.operators = append(g.operators, op)
		}
	}
	*slot = k
	return k
}

type kindKey struct {
	op  *Op
	typ *Type
}

// with returns a kind for one node with extras.
func (k *kind) with(e extra) *kind { return &kind{g: k.g, op: k.op, typ: k.typ, extra: e, own: true} }

// more returns the node's own extra, for writing.
func (n *Node) more() *extra {
	if !n.own {
		n.kind = n.kind.with(n.extra)
	}
	return &n.extra
}

// Valid reports whether the node was made without a mistake. The other methods may be called on any node, nil included: of an
// invalid one they return nothing (zero values), and what is made of it is invalid too.
func (n *Node) Valid() bool { return n != nil && n.kind != nil && n.op != nil }

// Graph returns the graph that the node belongs to, nil if it is nil or was not made by a graph.
func (n *Node) Graph() *Graph {
	if n == nil || n.kind == nil {
		return nil
	}
	return n.g
}

// ID returns the node's number in its graph; every input has a smaller one. It is -1 for an invalid node.
func (n *Node) ID() int {
	if !n.Valid() {
		return -1
	}
	return int(n.id)
}

// Op returns the node's operator, nil for an invalid node.
func (n *Node) Op() *Op {
	if n == nil || n.kind == nil {
		return nil
	}
	return n.op
}

// Inputs returns the operands. The slice is not to be modified.
func (n *Node) Inputs() []*Node {
	switch {
	case n == nil:
		return nil
	case n.many != nil:
		return *n.many
	case n.few[1] != nil:
		return n.few[:]
	case n.few[0] != nil:
		return n.few[:1:1]
	}
	return nil
}

// Input returns operand i. It panics if there is none.
func (n *Node) Input(i int) *Node { return n.Inputs()[i] }

// InputID returns the ID of operand i: Input(i).ID(), which sweeps over large graphs get here without touching the operand. Where there
// is no operand i the result means nothing, or it panics.
func (n *Node) InputID(i int) int {
	if n != nil && i < len(n.first) {
		return int(n.first[i])
	}
	return int(n.Inputs()[i].id)
}

// firstOperands returns the IDs of the operands that stand in the node itself.
func (n *Node) firstOperands() []int32 { return n.first[:min(len(n.Inputs()), len(n.first))] }

// Attrs returns the attributes.
func (n *Node) Attrs() attr.List { return n.facts().attrs }

// Type returns the dtype and shape of the value.
func (n *Node) Type() Type {
	if !n.Valid() {
		return Type{}
	}
	return *n.typ
}

// Results returns the types of an operator's results if it has several, else nil: see Result.
func (n *Node) Results() []Type { return n.facts().results }

// DType returns the element type of the value.
func (n *Node) DType() DType { return n.Type().DType }

// Shape returns the shape of the value. It is not to be modified.
func (n *Node) Shape() Shape { return n.Type().Shape }

// Literal returns a constant's value, nil for any other node.
func (n *Node) Literal() *Literal { return n.facts().lit }

// ShownLiteral returns the value of the constant whose elements, or some of them, the node shows as they are, repeated or in another order: the constant itself, and
// what reshape, broadcast_to, transpose, slice and their like make of it. It is nil for all other nodes.
func (n *Node) ShownLiteral() *Literal {
	for n != nil && n.op != nil && n.op.View != nil {
		n = n.Input(0)
	}
	return n.Literal()
}

// Name returns the node's first name, "" if it has none.
func (n *Node) Name() string { return n.facts().name }

// Names returns all names, in the order in which they were given.
func (n *Node) Names() []string {
	e := n.facts()
	if e.name == "" {
		return nil
	}
	return append([]string{e.name}, e.also...)
}

// facts returns the node's extra, for reading.
func (n *Node) facts() *extra {
	if !n.Valid() {
		return &noExtra
	}
	return &n.extra
}

// ScopePath returns the scopes that the node was made in, as a/b/c.
func (n *Node) ScopePath() string {
	if !n.Valid() {
		return ""
	}
	return n.g.scopes[n.scope]
}

// Position returns the user's line that made the node.
func (n *Node) Position() Position {
	if !n.Valid() {
		return Position{}
	}
	return n.g.positions[n.pos]
}

// Origin returns the ID of the node that this one was made for in the graph that the first Rebuild
// started from, or -1 if the node's graph was not rebuilt.
func (n *Node) Origin() int {
	if !n.Valid() {
		return -1
	}
	return int(n.origin)
}

// IsInput reports whether the node is an input.
func (n *Node) IsInput() bool { return n.Valid() && n.op == opInput }

// IsPlaceholder reports whether the node stands for a value that a transformation puts in its place: see Graph.Placeholder.
func (n *Node) IsPlaceholder() bool { return n.Valid() && n.op == opPlaceholder }

// IsConst reports whether the node is a constant.
func (n *Node) IsConst() bool { return n.Valid() && n.op == opConst }

// IsNumber reports whether the node is, or shows as it is (see ShownLiteral), a constant that a rule of derivatives made, which nobody differentiates by. Rules may read
// the value of such a node; that of another constant is an operand, like any other.
func (n *Node) IsNumber() bool {
	l := n.ShownLiteral()
	return l != nil && l.number
}

// Named gives the node a name, or one more, and returns it. A name belongs to one node of the graph. Equal expressions are one node, so that
// two of them may well give it two names; all are valid wherever a name is asked for.
func (n *Node) Named(name string) *Node {
	if !n.Valid() || n.g.names[name] == n {
		return n
	}
	if err := CheckName(name); err != nil {
		return n.g.Fail("name", err)
	}
	if other := n.g.names[name]; other != nil {
		return n.g.Fail("name", fmt.Errorf("the name %q is taken by the node made at %v", name, other.Position()))
	}
	n.addName(name)
	return n
}

func (n *Node) addName(name string) {
	if e := n.more(); e.name == "" {
		e.name = name
	} else {
		e.also = append(e.also, name)
	}
	n.g.names[name] = n
}

// Twin returns an unshared node without a name that computes what n does (an input's twin is its identity): for those to whom equal
// expressions are not one, as in the drawing of a formula.
func (n *Node) Twin() *Node {
	switch {
	case !n.Valid():
		return n
	case n.IsInput():
		if n = Identity(n); n.extra.name == "" {
			return n
		}
	}
	return n.copy()
}

// copy appends an unshared twin of n.
func (n *Node) copy() *Node {
	k := n.kind
	if k.own {
		k = k.with(k.extra)
		k.extra.name, k.extra.also = "", nil
	}
	return n.g.newNode(k, n.Inputs())
}

// String returns the node as %id, with its name if it has one.
func (n *Node) String() string {
	switch {
	case n == nil:
		return "nil"
	case !n.Valid():
		return "invalid"
	case n.extra.name != "":
		return fmt.Sprintf("%%%d(%s)", n.id, n.extra.name)
	}
	return fmt.Sprintf("%%%d", n.id)
}
