package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// call is a node of a model while it is converted: what converters of operators read.
type call struct {
	b          *builder
	s          *scope
	p          *pb.NodeProto
	op         *operator
	version    int // of the operator: the newest that is not newer than the model's opset
	in         []value
	attributes map[string]*pb.AttributeProto
	pos        graph.Position
}

// mistake is what converters panic with, for convert to return.
type mistake struct{ err error }

// fail ends the conversion of the node.
func (c *call) fail(format string, args ...any) {
	panic(mistake{fmt.Errorf(format, args...)})
}

// readAttributes finds the node's attributes, of which some may be those of the function around it.
func (c *call) readAttributes() error {
	c.attributes = make(map[string]*pb.AttributeProto, len(c.p.GetAttribute()))
	for _, a := range c.p.GetAttribute() {
		name := a.GetName()
		if ref := a.GetRefAttrName(); ref != "" {
			if a = c.s.attributes[ref]; a == nil {
				continue
			}
		}
		if c.attributes[name] != nil {
			return fmt.Errorf("two attributes %s", name)
		}
		c.attributes[name] = a
	}
	return nil
}

// convert runs the operator's converter in the graph of the builder. Nodes carry the position.
func (c *call) convert(pos graph.Position) (results []value, err error) {
	before := countErrors(c.b.root)
	defer func() {
		switch r := recover().(type) {
		case nil:
		case mistake:
			results, err = nil, r.err
		default: // a converter may have gone on with a node that is a mistake, of which nothing is known
			if results, err = nil, newError(c.b.root, before); err == nil {
				panic(r)
			}
		}
	}()
	c.pos = pos
	c.b.g.At(pos, func() { results = c.op.in(c) })
	for i := range results {
		r := &results[i]
		if r.node == nil {
			continue
		}
		if !r.node.Valid() {
			if err := newError(c.b.root, before); err != nil {
				return nil, err
			}
			return nil, errBefore
		}
	}
	return results, nil
}

// countErrors returns the number of mistakes that a graph has on record.
func countErrors(g *graph.Graph) int {
	if joined, ok := g.Err().(interface{ Unwrap() []error }); ok {
		return len(joined.Unwrap())
	}
	return 0
}

// newError returns the first mistake of a graph behind those counted before, without its position.
func newError(g *graph.Graph, before int) error {
	joined, ok := g.Err().(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) <= before {
		return nil
	}
	err := joined.Unwrap()[before]
	var e *graph.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

// g is the graph where nodes are made.
func (c *call) g() *graph.Graph { return c.b.g }

// has reports whether operand i is there.
func (c *call) has(i int) bool { return i < len(c.in) && !c.in[i].missing() }

// arg returns operand i, which must be there.
func (c *call) arg(i int) value {
	if !c.has(i) {
		c.fail("operand %d is missing", i)
	}
	return c.in[i]
}

// x returns operand i, which must be a tensor.
func (c *call) x(i int) *graph.Node {
	v := c.arg(i)
	if v.seq != nil {
		c.fail("operand %d is a sequence, not a tensor", i)
	}
	if v.node == nil {
		c.fail("operand %d is missing", i)
	}
	return c.b.here(v.node)
}

// xs returns all operands.
func (c *call) xs() []*graph.Node {
	if len(c.in) == 0 {
		c.fail("has no operands")
	}
	all := make([]*graph.Node, len(c.in))
	for i := range all {
		all[i] = c.x(i)
	}
	return all
}

// out returns nodes as results. They have the element type of the first operand that is held alike, where that has one of its own.
func (c *call) out(nodes ...*graph.Node) []value {
	results := make([]value, len(nodes))
	for i, n := range nodes {
		if n == nil {
			continue
		}
		k := kindOf(n.DType())
		for _, v := range c.in {
			if v.node != nil && v.kind.dtype() == n.DType() {
				k = v.kind
				break
			}
		}
		results[i] = value{node: n, kind: k}
	}
	return results
}

// as returns a node as the one result, of the given element type.
func (c *call) as(k kind, n *graph.Node) []value { return []value{{node: n, kind: k}} }

// wrap returns integers in the range of the element type: the low bits, as integer arithmetic leaves them.
func wrap(k kind, n *graph.Node) *graph.Node {
	width, signed := k.bits()
	if width == 0 || !n.Valid() {
		return n
	}
	m := math.Ldexp(1, width)
	if !signed {
		return graph.Mod(n, graph.Like(n, m))
	}
	half := graph.Like(n, m/2)
	return graph.Sub(graph.Mod(graph.Add(n, half), graph.Like(n, m)), half)
}

// wrapped is out for arithmetic: narrow integers wrap.
func (c *call) wrapped(n *graph.Node) []value {
	r := c.out(n)
	r[0].node = wrap(r[0].kind, n)
	return r
}

// attribute returns an attribute of the given type, nil if there is none.
func (c *call) attribute(name string, t pb.AttributeProto_AttributeType) *pb.AttributeProto {
	a := c.attributes[name]
	if a != nil && a.GetType() != t && a.GetType() != pb.AttributeProto_UNDEFINED {
		c.fail("attribute %s is of type %v, not %v", name, a.GetType(), t)
	}
	return a
}

func (c *call) hasAttr(name string) bool { return c.attributes[name] != nil }

// int returns an integer attribute.
func (c *call) int(name string, otherwise int) int {
	if a := c.attribute(name, pb.AttributeProto_INT); a != nil {
		return c.toInt(a.GetI(), name)
	}
	return otherwise
}

// toInt narrows an integer of a model.
func (c *call) toInt(v int64, what string) int {
	const most = graph.MaxElements
	if v > math.MaxInt32 && v > int64(most) {
		return most // beyond any extent, as limits of slices are
	}
	if v < -int64(most) {
		return -most
	}
	return int(v)
}

// bool returns an attribute that is 0 or 1.
func (c *call) bool(name string, otherwise bool) bool {
	i := 0
	if otherwise {
		i = 1
	}
	return c.int(name, i) != 0
}

// float returns a floating-point attribute.
func (c *call) float(name string, otherwise float64) float64 {
	if a := c.attribute(name, pb.AttributeProto_FLOAT); a != nil {
		return float64(a.GetF())
	}
	return otherwise
}

// floats returns a list of floating-point numbers, nil if it is missing.
func (c *call) floats(name string) []float64 {
	var all []float64
	for _, v := range c.attribute(name, pb.AttributeProto_FLOATS).GetFloats() {
		all = append(all, float64(v))
	}
	return all
}

// string returns an attribute that is text.
func (c *call) string(name, otherwise string) string {
	if a := c.attribute(name, pb.AttributeProto_STRING); a != nil {
		return string(a.GetS())
	}
	return otherwise
}

// strings returns a list of texts.
func (c *call) strings(name string) []string {
	var all []string
	for _, s := range c.attribute(name, pb.AttributeProto_STRINGS).GetStrings() {
		all = append(all, string(s))
	}
	return all
}

// ints returns a list of integers, nil if it is missing.
func (c *call) ints(name string) []int {
	a := c.attribute(name, pb.AttributeProto_INTS)
	if a == nil {
		return nil
	}
	all := make([]int, len(a.GetInts()))
	for i, v := range a.GetInts() {
		all[i] = c.toInt(v, name)
	}
	return all
}

// kindAttr returns the element type that an attribute names.
func (c *call) kindAttr(name string, otherwise kind) kind {
	k := kind(c.int(name, int(otherwise)))
	if k.dtype() == 0 {
		c.fail("elements of type %v have no counterpart here", k)
	}
	return k
}

// graph returns a subgraph.
func (c *call) graph(name string) *pb.GraphProto {
	a := c.attribute(name, pb.AttributeProto_GRAPH)
	if a.GetG() == nil {
		c.fail("attribute %s is missing", name)
	}
	return a.GetG()
}

// literal returns the value of operand i, which must be known while the graph is built.
func (c *call) literal(i int, what string) *graph.Literal {
	return c.b.known(c, c.x(i), what)
}

// intsOf returns operand i, or the attribute that older versions have instead, as integers; ok is false if neither is there.
func (c *call) intsOf(i int, what string) (all []int, ok bool) {
	if !c.has(i) {
		return nil, false
	}
	l := c.literal(i, what)
	if !l.Type().DType.IsInt() || l.Type().Shape.Rank() > 1 {
		c.fail("%s is %v: needs a vector of integers", what, l.Type())
	}
	all = make([]int, l.Type().Shape.Size())
	for k := range all {
		all[k] = c.toInt(integerAt(l, k), what)
	}
	return all, true
}

// integerAt returns element i of an integer literal.
func integerAt(l *graph.Literal, i int) int64 {
	if l.Type().DType == graph.Int32 {
		return int64(int32(l.Bits(i)))
	}
	return int64(l.Bits(i))
}

// scalarOf returns operand i, one number that is known, or what stands for a missing one.
func (c *call) scalarOf(i int, what string, otherwise float64) float64 {
	if !c.has(i) {
		return otherwise
	}
	l := c.literal(i, what)
	if l.Type().Shape.Size() != 1 {
		c.fail("%s is %v: needs one number", what, l.Type())
	}
	return l.Float(0)
}

// floatsOf returns operand i as numbers that are known.
func (c *call) floatsOf(i int, what string) []float64 {
	if !c.has(i) {
		return nil
	}
	l := c.literal(i, what)
	all := make([]float64, l.Type().Shape.Size())
	for k := range all {
		all[k] = l.Float(k)
	}
	return all
}

// axis normalises an axis of a tensor of the given rank.
func (c *call) axis(a, rank int) int {
	if a < -rank || a >= rank {
		c.fail("axis %d is out of range for rank %d", a, rank)
	}
	if a < 0 {
		a += rank
	}
	return a
}

// matrix makes one dimension of those before the attribute axis, and one of those from it on, which may be none.
func (c *call) matrix(x *graph.Node) *graph.Node {
	s, axis := x.Shape(), c.int("axis", 1)
	if axis != len(s) {
		axis = c.axis(axis, len(s))
	}
	return graph.Reshape(x, s[:axis].Size(), s[axis:].Size())
}

// axes normalises axes and refuses repeated ones.
func (c *call) axes(as []int, rank int) []int {
	out := make([]int, len(as))
	for i, a := range as {
		out[i] = c.axis(a, rank)
		if slices.Contains(out[:i], out[i]) {
			c.fail("axis %d is there twice", a)
		}
	}
	return out
}

// need fails unless the rank is at least so many.
func (c *call) need(x *graph.Node, rank int) {
	if x.Shape().Rank() < rank {
		c.fail("the operand is %v: needs %d dimensions", x.Type(), rank)
	}
}
