package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

const (
	// foldLimit bounds the elements of operands and results of a node that is computed while the graph is built. Larger ones, weights that are transposed for instance,
	// are left to the compiler.
	foldLimit = 1 << 14
	// knownLimit bounds the elements of all nodes that are computed because a shape depends on them.
	knownLimit = 1 << 22
)

// fold computes a node whose operands are all known: what shapes are made of.
func (b *builder) fold(c *call, pos graph.Position) (results []value, ok bool) {
	if b.folding || c.op.random || len(c.in) == 0 {
		return nil, false
	}
	size := 0
	for _, v := range c.in {
		switch {
		case v.missing():
		case !v.constant():
			return nil, false
		default:
			size += v.node.Shape().Size()
		}
	}
	if size > foldLimit {
		return nil, false
	}
	for _, a := range c.attributes {
		if a.GetG() != nil || len(a.GetGraphs()) > 0 {
			return nil, false
		}
	}
	// The node is built in a graph of its own, which is then interpreted.
	scratch := graph.New()
	inner := &builder{m: b.m, o: b.o, g: scratch, root: scratch, folding: true, depth: b.depth, r: &Result{}}
	d := *c
	d.b, d.in = inner, slices.Clone(c.in)
	for i, v := range d.in {
		if v.node != nil {
			d.in[i].node = scratch.Literal(v.node.Literal())
		}
	}
	results, err := d.convert(pos)
	if err != nil || len(results) == 0 {
		return nil, false
	}
	for i, r := range results {
		if r.seq != nil {
			return nil, false
		}
		if r.node == nil {
			continue
		}
		l := evaluate(r.node, foldLimit)
		if l == nil {
			return nil, false
		}
		results[i].node = b.root.Literal(l)
	}
	return results, true
}

// known returns the value of a node that has to be known while the graph is built.
func (b *builder) known(c *call, n *graph.Node, what string) *graph.Literal {
	if n.IsConst() {
		return n.Literal()
	}
	inputs := inputsOf(n)
	if len(inputs) == 0 {
		if l := evaluate(n, knownLimit); l != nil {
			return l
		}
		c.fail("%s has to be known, and takes too much to compute", what)
	}
	var names []string
	for _, in := range inputs {
		if in.Name() != "" {
			names = append(names, in.Name())
		}
	}
	panic(mistake{&NotConstantError{what, names}})
}

// inputsOf returns the inputs that a node depends on.
func inputsOf(n *graph.Node) []*graph.Node {
	needed := n.Graph().Needed(n)
	var all []*graph.Node
	for _, in := range n.Graph().Inputs() {
		if in.ID() < len(needed) && needed[in.ID()] {
			all = append(all, in)
		}
	}
	return all
}

// evaluate computes a node that depends on no input; nil if it does, if its nodes have more elements than the limit, or if it fails.
func evaluate(n *graph.Node, limit int) (l *graph.Literal) {
	if n.IsConst() {
		return n.Literal()
	}
	g := n.Graph()
	for id, needed := range g.Needed(n) {
		if !needed {
			continue
		}
		m := g.Node(id)
		if m.IsInput() || m.Results() == nil && m.Shape().Size() > limit {
			return nil
		}
		for _, t := range m.Results() {
			if t.Shape.Size() > limit {
				return nil
			}
		}
		if len(graph.Bodies(m)) > 0 {
			return nil // a loop's steps have no bound here
		}
	}
	defer func() {
		if recover() != nil { // the interpreter takes programs of tests, which are right
			l = nil
		}
	}()
	x, err := ref.Make(n)
	if err != nil {
		return nil
	}
	out, err := x.Run(nil)
	if err != nil {
		return nil
	}
	return literalOf(out[0])
}

func literalOf(v ref.Value) *graph.Literal {
	d := v.Type.DType
	data := make([]byte, 0, v.Len()*d.Size())
	for i := range v.Len() {
		switch d {
		case graph.Float64:
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v.F[i]))
		case graph.Float32:
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v.F[i])))
		case graph.Int64:
			data = binary.LittleEndian.AppendUint64(data, uint64(v.I[i]))
		case graph.Int32:
			data = binary.LittleEndian.AppendUint32(data, uint32(v.I[i]))
		default:
			b := byte(0)
			if v.B[i] {
				b = 1
			}
			data = append(data, b)
		}
	}
	l, err := graph.NewLiteral(v.Type, data)
	if err != nil {
		panic(fmt.Sprintf("BUG: a computed constant: %v", err))
	}
	return l
}
