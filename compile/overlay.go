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
	if u.laid == nil {
		u.findOverlaid()
	}
	return u.laid[n.ID()]
}

// findOverlaid finds the concats that nothing reads but loops, through parts and concats of the same kind, and their parts.
func (u *useCounts) findOverlaid() {
	stored := make([]bool, u.g.Len())
	for _, o := range u.outputs {
		stored[o.ID()] = true
	}
	for i := u.g.Len() - 1; i >= 0; i-- {
		n := u.g.Node(i)
		if u.count[i] == 0 || n.Op().Micro != "" && !n.Type().IsScalar() || !stored[i] && (isPart(n) || overlays(n)) {
			continue
		}
		for k := range n.Inputs() {
			stored[n.InputID(k)] = true
		}
	}
	u.laid = make([]bool, u.g.Len())
	for i := range u.laid {
		n := u.g.Node(i)
		u.laid[i] = u.count[i] > 0 && !stored[i] && (overlays(n) || isPart(n) && u.laid[n.InputID(0)])
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

// A large part of an array that is computed from parts of arrays, and put into zeros, between other pieces or over a part of another array, as schemes with given values at the boundary do, is computed over the
// whole array at once, from these parts with zeros around them; what lies around it is chosen by a mask, of which there is a vector for each axis.

// frame is where a computed piece lies in the array that a node puts it into.
type frame struct {
	piece     int // operand
	low, high []int
}

// framed returns the frame of what a node puts into an array, ok if a loop may well compute it in place: the piece is most of it, used nowhere else, and computed element by element from
// parts of arrays.
func (u *useCounts) framed(n *graph.Node) (f frame, ok bool) {
	s := n.Shape()
	if !n.DType().IsFloat() || s.Size() < leastOverlaid || s[len(s)-1] < leastRow {
		return f, false
	}
	f.low, f.high = make([]int, len(s)), make([]int, len(s))
	switch n.Op().Name {
	case "pad":
		if !isPart(n) {
			return f, false
		}
		copy(f.low, n.Attrs().Ints("low"))
	case "concat":
		if len(n.Inputs()) > mostOverlaid {
			return f, false
		}
		axis := n.Attrs().Int("axis")
		for k, x := range n.Inputs() {
			if x.Shape()[axis] > n.Input(f.piece).Shape()[axis] {
				f.piece = k
			}
		}
		for _, x := range n.Inputs()[:f.piece] {
			f.low[axis] += x.Shape()[axis]
		}
	case "dynamic_update_slice":
		begin := n.Input(2).ShownLiteral()
		f.piece = 1
		if begin == nil || begin.Type().Shape.Size() != len(s) {
			return f, false
		}
		for d, e := range n.Input(1).Shape() {
			f.low[d] = min(max(int(int64(begin.Float(d))), 0), s[d]-e)
		}
	}
	piece := n.Input(f.piece)
	around := false
	for d, e := range piece.Shape() {
		f.high[d] = s[d] - f.low[d] - e
		around = around || e < s[d]
	}
	return f, around && 4*piece.Shape().Size() >= 3*s.Size() && u.ofParts(piece)
}

// mostFramed bounds the nodes that are computed within a frame.
const mostFramed = 64

// privately returns the nodes that a piece is computed from, element by element and for it alone; nil if there are too many, or one that may fail.
func (u *useCounts) privately(piece *graph.Node) map[*graph.Node]bool {
	uses, private := map[*graph.Node]int32{piece: u.count[piece.ID()]}, map[*graph.Node]bool{}
	next := []*graph.Node{piece}
	for len(next) > 0 {
		k := 0 // behind all that read it
		for i, n := range next {
			if n.ID() > next[k].ID() {
				k = i
			}
		}
		n := next[k]
		next = slices.Delete(next, k, k+1)
		if n.Op().Micro == "" || n.Type().IsScalar() || uses[n] != u.count[n.ID()] {
			continue
		}
		private[n] = true
		if len(private) > mostFramed || n.DType().IsInt() {
			return nil
		}
		for _, x := range n.Inputs() {
			if uses[x] == 0 {
				next = append(next, x)
			}
			uses[x]++
		}
	}
	return private
}

// ofParts reports whether a piece with one use is computed element by element from something of which a part of an array is some.
func (u *useCounts) ofParts(piece *graph.Node) bool {
	if !u.once(piece) {
		return false
	}
	for n := range u.privately(piece) {
		if slices.ContainsFunc(n.Inputs(), isPart) {
			return true
		}
	}
	return false
}

// inFrame makes what a term puts into an array in place.
func inFrame(t term) *graph.Node {
	f, _ := t.uses.framed(t.of)
	old := t.of.Input(f.piece)
	w := widening{g: t.g, frame: f, shape: t.typ.Shape, piece: old.Shape(), private: t.uses.privately(old), made: map[*graph.Node]*graph.Node{}}
	inside := w.of(old, t.in[f.piece])
	rest := graph.Like(inside, 0)
	switch t.op.Name {
	case "concat":
		rest = overlay(piecesInPlace(t, f.piece))
	case "dynamic_update_slice":
		rest = t.in[0]
	}
	return graph.BroadcastTo(graph.Where(graph.NotEqual(graph.BroadcastTo(w.mask(t.typ.DType), t.typ.Shape...), graph.Like(inside, 0)), inside, rest), t.typ.Shape...)
}

// piecesInPlace are the operands of a concat but one, each at its place in the result with zeros around it, or what they are the overlays of.
func piecesInPlace(t term, without int) []*graph.Node {
	var leaves []*graph.Node
	axis, before := t.attrs.Int("axis"), 0
	for k, piece := range t.in {
		low, high := make([]int, len(t.typ.Shape)), make([]int, len(t.typ.Shape))
		low[axis], high[axis] = before, t.typ.Shape[axis]-before-piece.Shape()[axis]
		before += piece.Shape()[axis]
		if k != without {
			leaves = append(leaves, partsOfOverlay(t.g, opPad, zerosAround(low, high), piece)...)
		}
	}
	return leaves
}

func zerosAround(low, high []int) attr.List {
	return attr.Make(attr.L("low", low), attr.L("high", high), attr.F("value", 0))
}

// widening computes a piece over the whole array, where it is another one beside the piece.
type widening struct {
	g *graph.Graph
	frame
	shape, piece graph.Shape
	private      map[*graph.Node]bool
	made         map[*graph.Node]*graph.Node
}

// of widens what has become of a node.
func (w *widening) of(old, x *graph.Node) *graph.Node {
	switch made := w.made[old]; {
	case made != nil:
		return made
	case w.private[old] && x.Op() == old.Op() && len(x.Inputs()) == len(old.Inputs()):
		var in []*graph.Node
		for k, operand := range x.Inputs() {
			in = append(in, w.of(old.Input(k), operand))
		}
		w.made[old] = w.g.Apply(x.Op(), in, x.Attrs())
		return w.made[old]
	}
	s := x.Shape()
	low, high := make([]int, len(s)), make([]int, len(s))
	around := false
	for d, e := range s {
		if k := len(w.piece) - len(s) + d; e == w.piece[k] { // not repeated
			low[d], high[d] = w.low[k], w.high[k]
			around = around || low[d] > 0 || high[d] > 0
		}
	}
	if !around {
		return x
	}
	return overlay(partsOfOverlay(w.g, opPad, zerosAround(low, high), x))
}

// mask is 1 where the piece lies and 0 elsewhere, of a shape that is broadcast to the whole: a loop that reads arrays of bool does not run row by row.
func (w *widening) mask(d graph.DType) *graph.Node {
	var mask *graph.Node
	for k, e := range w.shape {
		if w.low[k] == 0 && w.high[k] == 0 {
			continue
		}
		s := slices.Repeat([]int{1}, len(w.shape))
		s[k] = e
		var v *graph.Node
		if d == graph.Float32 {
			v = ones[float32](w.g, e, w.low[k], w.high[k], s)
		} else {
			v = ones[float64](w.g, e, w.low[k], w.high[k], s)
		}
		if mask == nil {
			mask = v
		} else {
			mask = graph.Mul(mask, v)
		}
	}
	return mask
}

// ones is a constant vector, of a shape, with zeros at its ends.
func ones[T float32 | float64](g *graph.Graph, n, low, high int, s []int) *graph.Node {
	v := make([]T, n)
	for i := low; i < n-high; i++ {
		v[i] = 1
	}
	return graph.Constant(g, v, s...)
}
