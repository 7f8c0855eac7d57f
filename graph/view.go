package graph

import (
	"math"
	"slices"
)

// Rules for Op.View.

// whole is the view of operators whose value is their operand's memory.
func whole(*Node) (int, bool) { return 0, true }

// viewOfBroadcast: nothing is repeated.
func viewOfBroadcast(n *Node) (int, bool) {
	return 0, n.typ.Shape.Size() == n.Input(0).typ.Shape.Size()
}

// viewOfTranspose: the order of all dimensions with extent above 1 stays.
func viewOfTranspose(n *Node) (int, bool) {
	last := -1
	for _, p := range n.extra.attrs.Ints("perm") {
		if n.Input(0).typ.Shape[p] == 1 {
			continue
		}
		if p < last {
			return 0, false
		}
		last = p
	}
	return 0, true
}

// viewOfSlice: the elements lie next to one another.
func viewOfSlice(n *Node) (first int, ok bool) {
	in, out := n.Input(0).typ.Shape, n.typ.Shape
	starts, strides := n.extra.attrs.Ints("starts"), n.extra.attrs.Ints("strides")
	part := false // an outer dimension is wider than 1
	for d := range in {
		first = first*in[d] + starts[d]
		if part && out[d] != in[d] || out[d] > 1 && strides[d] != 1 {
			return 0, false
		}
		part = part || out[d] > 1
	}
	return first, true
}

// viewOfIndex: always.
func viewOfIndex(n *Node) (first int, ok bool) {
	s := n.Input(0).typ.Shape
	for d, i := range n.extra.attrs.Ints("indices") {
		first = first*s[d] + i
	}
	return first * n.typ.Shape.Size(), true
}

// Part says what a node shows of its operand: at index i of a dimension d the operand's index First[d] + i·Step[d] if Lo[d] ≤ i[d] < Hi[d], and 0 (false) where that does not hold
// in every dimension.
type Part struct{ First, Step, Lo, Hi []int }

// Rules for Op.Part.

func newPart(n *Node) *Part {
	s := n.typ.Shape
	return &Part{make([]int, len(s)), slices.Repeat([]int{1}, len(s)), make([]int, len(s)), slices.Clone([]int(s))}
}

func partOfSlice(n *Node) *Part {
	w := newPart(n)
	copy(w.First, n.extra.attrs.Ints("starts"))
	copy(w.Step, n.extra.attrs.Ints("strides"))
	return w
}

// partOfPad: with zeros.
func partOfPad(n *Node) *Part {
	if n.extra.attrs.Float("value") != 0 || math.Signbit(n.extra.attrs.Float("value")) {
		return nil
	}
	w := newPart(n)
	for d, low := range n.extra.attrs.Ints("low") {
		w.First[d], w.Lo[d], w.Hi[d] = -low, low, low+n.Input(0).typ.Shape[d]
	}
	return w
}

// partOfSliceTranspose: of one operand, whose elements lie next to one another.
func partOfSliceTranspose(n *Node) *Part {
	if len(n.Inputs()) != 1 {
		return nil
	}
	w := newPart(n)
	strides := n.extra.attrs.Ints("strides")
	for d, start := range n.extra.attrs.Ints("starts") {
		switch e := n.Input(0).typ.Shape[d]; {
		case strides[d] == 1 || e == 1:
			w.First[d], w.Lo[d], w.Hi[d] = -start, start, start+e
		case strides[d] == -1:
			w.First[d], w.Step[d], w.Lo[d], w.Hi[d] = start, -1, start-e+1, start+1
		default:
			return nil
		}
	}
	return w
}
