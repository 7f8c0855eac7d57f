package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

// A concat of which most is one piece, such as an array with elements from its other end before and behind it, need not be stored for loops: its pieces, with zeros around each, are windows, and what a loop
// reads is their overlay. Of slices of it, those pieces are left that are not all zeros there: one or two.

var (
	opOverlay = graph.LookupOp("overlay")
	opPad     = graph.LookupOp("pad")
)

// Bounds of what is overlaid: pieces, elements, and elements of the last axis.
const (
	mostOverlaid  = 4
	leastOverlaid = 1 << 7
	leastRow      = 16
)

// overlaid reports whether a node is a concat that becomes an overlay, or a part of one.
func (u *useCounts) overlaid(n *graph.Node) bool {
	u.findMoved()
	switch {
	case u.stored[n.ID()]:
		return false
	case isPart(n):
		return u.overlaid(n.Input(0))
	}
	return overlays(n)
}

// findMoved finds the nodes that something else reads than loops, through parts and concats that become overlays.
func (u *useCounts) findMoved() {
	if u.stored != nil {
		return
	}
	u.stored = make([]bool, u.g.Len())
	for _, o := range u.outputs {
		u.stored[o.ID()] = true
	}
	for i := u.g.Len() - 1; i >= 0; i-- {
		n := u.g.Node(i)
		if u.count[i] == 0 || n.Op().Micro != "" && !n.Type().IsScalar() || !u.stored[i] && (isPart(n) || overlays(n)) {
			continue
		}
		for k := range n.Inputs() {
			u.stored[n.InputID(k)] = true
		}
	}
}

// isPart reports whether a node is a part of one operand with zeros around it.
func isPart(n *graph.Node) bool {
	return n.Op().Part != nil && len(n.Inputs()) == 1 && n.Op().Part(n) != nil
}

// overlays reports whether a node is a concat that is worth an overlay.
func overlays(n *graph.Node) bool {
	s := n.Shape()
	if n.Op().Name != "concat" || len(n.Inputs()) > mostOverlaid || n.DType() == graph.Bool || s.Size() < leastOverlaid || s[len(s)-1] < leastRow {
		return false
	}
	return slices.ContainsFunc(n.Inputs(), func(piece *graph.Node) bool {
		return 2*piece.Shape().Size() > s.Size()
	})
}

// overlay is the overlay of arrays, the last one if there is one alone.
func overlay(leaves []*graph.Node) *graph.Node {
	all := leaves[0]
	for _, x := range leaves[1:] {
		all = all.Graph().Apply(opOverlay, []*graph.Node{all, x}, nil)
	}
	return all
}

// partsOfOverlay applies an operator that shows a part of its operand to the operands of an overlay, or to what is none, and leaves out parts that are all zeros, if there are others.
func partsOfOverlay(g *graph.Graph, op *graph.Op, attrs attr.List, x *graph.Node) []*graph.Node {
	if x.Op() == opOverlay {
		parts := append(partsOfOverlay(g, op, attrs, x.Input(0)), partsOfOverlay(g, op, attrs, x.Input(1))...)
		if some := slices.DeleteFunc(slices.Clone(parts), allZeros); len(some) > 0 {
			return some
		}
		return parts[:1]
	}
	return []*graph.Node{g.Apply(op, []*graph.Node{x}, attrs)}
}

// allZeros reports whether a part of an array, or a part of such a part, shows nothing of it.
func allZeros(n *graph.Node) bool {
	w := windowOf(n)
	for d := range w.Lo {
		if w.Hi[d] <= w.Lo[d] {
			return true
		}
	}
	return false
}

// windowOf is the window that a part of an array, or a part of such a part, is.
func windowOf(n *graph.Node) *window {
	part := n.Op().Part(n)
	if in := n.Input(0); isPart(in) {
		return through(part, windowOf(in))
	}
	return &window{int32(n.InputID(0)), *part}
}
