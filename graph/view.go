package graph

// Rules for Op.View.

// whole is the view of operators whose value is their operand's memory.
func whole(*Node) (int, bool) { return 0, true }

// viewOfBroadcast: nothing is repeated.
func viewOfBroadcast(n *Node) (int, bool) {
	return 0, n.typ.Shape.Size() == n.inputs[0].typ.Shape.Size()
}

// viewOfTranspose: the order of all dimensions with extent above 1 stays.
func viewOfTranspose(n *Node) (int, bool) {
	last := -1
	for _, p := range n.extra.attrs.Ints("perm") {
		if n.inputs[0].typ.Shape[p] == 1 {
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
	in, out := n.inputs[0].typ.Shape, n.typ.Shape
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
	s := n.inputs[0].typ.Shape
	for d, i := range n.extra.attrs.Ints("indices") {
		first = first*s[d] + i
	}
	return first * n.typ.Shape.Size(), true
}
