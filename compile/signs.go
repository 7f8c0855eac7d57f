package compile

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// signed is a value that a node computes, by the first node that does, or its opposite.
type signed struct {
	of       int32
	negative bool
}

// opposite is −v if negative holds, else v.
func (v signed) opposite(negative bool) signed { return signed{v.of, v.negative != negative} }

// signKey is what is equal in operations on scalars whose results are equal but for their sign.
type signKey struct {
	op       *graph.Op
	operands [2]int32
	bits     uint64 // of a constant without its sign
}

var opSub, opMul, opDiv = graph.LookupOp("sub"), graph.LookupOp("mul"), graph.LookupOp("div")

// signsOf returns for each node of those that are needed which value it computes.
func signsOf(g *graph.Graph, need []bool) (values []signed, shared bool) {
	values = make([]signed, g.Len())
	first := map[signKey]signed{}
	for i := range values {
		n := g.Node(i)
		values[i] = signed{of: int32(i)}
		if !need[i] || !isRealScalar(n) {
			continue
		}
		key := signKey{op: n.Op()}
		negative := false
		switch n.Op() {
		case opNeg:
			values[i] = values[n.InputID(0)].opposite(true)
			continue
		case opMul, opDiv, opAdd, opSub:
			a, b := values[n.InputID(0)], values[n.InputID(1)]
			swap := a.of > b.of
			switch n.Op() {
			case opMul:
				negative = a.negative != b.negative
			case opDiv:
				swap, negative = false, a.negative != b.negative
			default:
				// ±(a + b) or ±(a − b)
				key.op, negative = opAdd, a.negative
				if b = b.opposite(n.Op() == opSub); a.negative != b.negative {
					key.op, negative = opSub, a.negative != swap
				}
			}
			if swap {
				a, b = b, a
			}
			key.operands = [2]int32{a.of, b.of}
		default:
			c, ok := constant(n)
			if !ok || c != c {
				continue
			}
			key.bits, negative = math.Float64bits(math.Abs(c)), math.Signbit(c)
			key.operands[0] = int32(n.DType())
		}
		v, ok := first[key]
		if !ok {
			first[key] = values[i].opposite(negative)
			continue
		}
		values[i] = v.opposite(negative)
		shared = shared || isSignedOperation(n.Op())
	}
	return values, shared
}

func isRealScalar(n *graph.Node) bool { return n.DType().IsFloat() && n.Type().IsScalar() }

func isSignedOperation(op *graph.Op) bool {
	return op == opMul || op == opDiv || op == opAdd || op == opSub
}

// shareSigns is the pass that computes scalars once which are equal but for their sign, such as a·b − c and c + (−a)·b: derivatives of rotations are full of them. Where the opposite of what is
// computed is read, sums become differences and constants change their sign; a negation is left where neither is there. Sums that cancel give a zero of the other sign, so that is for FastMath.
func shareSigns(u *unit) error {
	if !u.config.FastMath {
		return nil
	}
	values, shared := signsOf(u.g, u.g.Needed(u.outputs...))
	if !shared {
		return nil
	}
	output := make([]bool, u.g.Len())
	for _, o := range u.outputs {
		output[o.ID()] = true
	}
	image := make([]*graph.Node, u.g.Len()) // by ID, of a signed operation
	flipped := make([]bool, u.g.Len())      // by ID: the image is the opposite
	u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		id, v := n.ID(), values[n.ID()]
		if v.of != int32(id) && isSignedOperation(n.Op()) {
			u.fired["signs"]++
			image[id], flipped[id] = image[v.of], v.negative != flipped[v.of]
		} else {
			image[id], flipped[id] = withSigns(to, n, in, flipped)
		}
		if flipped[id] && output[id] {
			image[id], flipped[id] = graph.Neg(image[id]), false
		}
		return image[id]
	})
	return u.g.Err()
}

// withSigns makes a node of operands of which those that are flipped are opposites of what they stand for, or it makes its opposite. It returns nil for a copy of the node.
func withSigns(to *graph.Graph, n *graph.Node, in []*graph.Node, flipped []bool) (m *graph.Node, opposite bool) {
	if !isSignedOperation(n.Op()) || !isRealScalar(n) {
		if n.Op() == opNeg && flipped[n.InputID(0)] {
			return in[0], false
		}
		for k := range in {
			if flipped[n.InputID(k)] {
				in[k] = graph.Neg(in[k])
			}
		}
		return nil, false
	}
	a, b := flipped[n.InputID(0)], flipped[n.InputID(1)]
	switch n.Op() {
	case opMul, opDiv:
		if a != b {
			for k := range in {
				if c, ok := constant(in[k]); ok {
					factors := [2]*graph.Node{in[0], in[1]}
					factors[k] = graph.Like(in[k], -c)
					return to.Apply(n.Op(), factors[:], nil), false
				}
			}
		}
		return to.Apply(n.Op(), in, nil), a != b
	case opSub:
		b = !b
	}
	switch {
	case a == b: // ±(x + y)
		return graph.Add(in[0], in[1]), a
	case a:
		return graph.Sub(in[1], in[0]), false
	}
	return graph.Sub(in[0], in[1]), false
}
