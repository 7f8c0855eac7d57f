package graph

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Nodes that are structurally equal (operator, operands, attributes, literal) are one node. To find an equal one, each node heads
// a chain of the shared nodes of which it is the operand made last. Such an operand is often still in cache, which a slot of a
// hash table as large as the graph is not. What does not fit into a short chain, and what has no operands, is in the table.

// maxChain bounds the chain of a node, so that one used a million times costs no more than others.
const maxChain = 8

// entry is a slot of the table. With the hash beside it most nodes that differ need not be looked at.
type entry struct {
	hash uint32
	node int32 // id+1, 0 empty
}

// lastOperand returns the operand that was made last, nil if there is none.
func lastOperand(inputs []*Node) *Node {
	if len(inputs) == 0 {
		return nil
	}
	last := inputs[0]
	for _, in := range inputs[1:] {
		if in.id > last.id {
			last = in
		}
	}
	return last
}

// find returns the node that is structurally equal, or nil.
func (g *Graph) find(op *Op, inputs []*Node, attrs attr.List, lit *Literal) *Node {
	if last := lastOperand(inputs); last != nil {
		length := 0
		for id := last.users; id != 0; length++ {
			n := g.nodes.at(int(id) - 1)
			if n.equals(op, inputs, attrs, lit) {
				return n
			}
			id = n.next
		}
		if length < maxChain {
			return nil
		}
	}
	if len(g.table) == 0 {
		return nil
	}
	h := uint32(hashOf(op, inputs, attrs, lit))
	mask := uint32(len(g.table) - 1)
	for i := h & mask; g.table[i].node != 0; i = (i + 1) & mask {
		if g.table[i].hash == h {
			if n := g.nodes.at(int(g.table[i].node) - 1); n.equals(op, inputs, attrs, lit) {
				return n
			}
		}
	}
	return nil
}

// equals reports whether the node is the application of the operator to the operands, nodes of its graph.
func (n *Node) equals(op *Op, inputs []*Node, attrs attr.List, lit *Literal) bool {
	if n.op != op || len(n.Inputs()) != len(inputs) {
		return false
	}
	for k, in := range inputs {
		if n.InputID(k) != int(in.id) {
			return false
		}
	}
	if !n.own {
		return len(attrs) == 0 && lit == nil
	}
	return n.extra.attrs.Equal(attrs) && n.extra.lit.equal(lit)
}

// remember makes find know a node.
func (g *Graph) remember(n *Node) {
	if last := lastOperand(n.Inputs()); last != nil {
		length := 0
		for id := last.users; id != 0; length++ {
			id = g.nodes.at(int(id) - 1).next
		}
		if length < maxChain {
			n.next, last.users = last.users, n.id+1
			return
		}
	}
	if 2*(g.used+1) > len(g.table) {
		g.grow(max(64, 2*len(g.table)))
	}
	g.insert(entry{uint32(hashOf(n.op, n.Inputs(), n.extra.attrs, n.extra.lit)), n.id + 1})
	g.used++
}

// grow makes the table larger, to a power of two.
func (g *Graph) grow(size int) {
	old := g.table
	g.table = make([]entry, size)
	for _, e := range old {
		if e.node != 0 {
			g.insert(e)
		}
	}
}

func (g *Graph) insert(e entry) {
	mask := uint32(len(g.table) - 1)
	i := e.hash & mask
	for g.table[i].node != 0 {
		i = (i + 1) & mask
	}
	g.table[i] = e
}

// hashOf mixes what structural equality compares.
func hashOf(op *Op, inputs []*Node, attrs attr.List, lit *Literal) uint64 {
	h := op.hash
	for _, in := range inputs {
		h = (h ^ uint64(uint32(in.id))) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	if len(attrs) > 0 || lit != nil {
		h = hashAttrs(h, attrs, lit)
	}
	return h ^ h>>32
}

func hashAttrs(h uint64, attrs attr.List, lit *Literal) uint64 {
	mix := func(x uint64) {
		h = (h ^ x) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	for _, a := range attrs {
		for i := 0; i < len(a.Key); i++ {
			mix(uint64(a.Key[i]))
		}
		mix(uint64(a.Value.Int))
		mix(math.Float64bits(a.Value.Float))
		for i := 0; i < len(a.Value.String); i++ {
			mix(uint64(a.Value.String[i]))
		}
		for _, v := range a.Value.Ints {
			mix(uint64(v))
		}
		for _, v := range a.Value.Floats {
			mix(math.Float64bits(v))
		}
	}
	if lit != nil {
		mix(uint64(lit.typ.DType))
		for _, d := range lit.typ.Shape {
			mix(uint64(d))
		}
		for _, b := range lit.data[:min(len(lit.data), 256)] {
			mix(uint64(b))
		}
	}
	return h
}
