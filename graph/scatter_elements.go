package graph

import (
	"errors"
	"fmt"
)

// Scatters and gathers whose indices address single elements, or several dimensions at once: those along one flat dimension.

// flatIndex returns the flat index into a shape of elements with the given indices in its dimensions, which broadcast. Negative ones count from the end; where one is out of range the result is the size, which is too.
func flatIndex(s Shape, indices []*Node) *Node {
	var flat, bad *Node
	for d, i := range indices {
		i = Cast(i, Int64)
		extent := Like(i, float64(s[d]))
		i = Where(Less(i, Like(i, 0)), Add(i, extent), i)
		out := LogicalOr(Less(i, Like(i, 0)), GreaterEqual(i, extent))
		if flat == nil {
			flat, bad = i, out
			continue
		}
		flat, bad = Add(Mul(flat, extent), i), LogicalOr(bad, out)
	}
	return Where(bad, Like(flat, float64(s.Size())), flat)
}

// ScatterAlongAxis returns x with elements of its lines along the axis combined with updates: that at indices[i] of a line with update i of the line with the same indices in the other dimensions. combine is ScatterSet, ScatterAddTo,
// ScatterMul, ScatterMax or ScatterMin (PyTorch's scatter and scatter_reduce, ONNX's ScatterElements). Indices and updates have one shape, x's rank, and beside the axis extents up to x's. Negative indices count from the end; one that is out of range is an error of
// the run.
func ScatterAlongAxis(x, indices, updates *Node, axis int, combine func(x, indices, updates *Node, axis int) *Node) *Node {
	const op = "scatter_along_axis"
	if !x.Valid() || !indices.Valid() || !updates.Valid() {
		return Add(Add(x, indices), updates)
	}
	x0 := x
	if x = withOneAxis(x, axis); x != x0 {
		indices, updates = Reshape(indices, indices.typ.Shape.Size()), Reshape(updates, updates.typ.Shape.Size())
	}
	s, t := x.typ.Shape, indices.typ.Shape
	a, err := axisOf(axis, len(s))
	switch {
	case err != nil:
	case combine == nil:
		err = errors.New("needs a function to combine with, such as ScatterSet")
	case !indices.typ.DType.IsInt():
		err = fmt.Errorf("the indices are %v: need int32 or int64", indices.typ)
	case !t.Equal(updates.typ.Shape) || len(t) != len(s):
		err = fmt.Errorf("the operand is %v, the indices %v and the updates %v: need one rank, and one shape of the latter two", x.typ, indices.typ, updates.typ)
	default:
		for d, e := range t {
			if d != a && e > s[d] {
				err = fmt.Errorf("the indices %v reach beyond dimension %d of %v", indices.typ, d, x.typ)
			}
		}
	}
	if err != nil {
		return x.g.Fail(op, err)
	}
	at := make([]*Node, len(s))
	for d := range at {
		if at[d] = indices; d != a && !t.Empty() {
			at[d] = Iota(x.g, Int64, d, t...)
		}
	}
	flat := combine(Reshape(x, s.Size()), Reshape(flatIndex(s, at), t.Size()), Reshape(updates, t.Size()), 0)
	if !flat.Valid() {
		return flat
	}
	return Reshape(flat, x0.typ.Shape...)
}

// partsAt returns x with its first k dimensions as one, and the flat indices into that of indices […, k].
func partsAt(op string, x, indices *Node) (flat, at *Node, err error) {
	s, t := x.typ.Shape, indices.typ.Shape
	if !indices.typ.DType.IsInt() || len(t) < 1 || t[len(t)-1] < 1 || t[len(t)-1] > len(s) {
		return nil, nil, fmt.Errorf("the operand is %v, the indices %v: need int32 or int64, and 1 to %d of them along the last dimension", x.typ, indices.typ, len(s))
	}
	k := t[len(t)-1]
	each := make([]*Node, k)
	for j := range each {
		each[j] = Reshape(sliceAxis(indices, len(t)-1, j, j+1), t[:len(t)-1]...)
	}
	return Reshape(x, append(Shape{s[:k].Size()}, s[k:]...)...), flatIndex(s[:k], each), nil
}

// GatherND returns the parts of x at the indices, of which each row along the last dimension has one for each of the first k dimensions of x (ONNX; NumPy's x[i, j, …] with arrays): of shape indices.Shape[:−1] followed by x.Shape[k:].
// Negative indices count from the end; one that is out of range is an error of the run.
func GatherND(x, indices *Node) *Node {
	const op = "gather_nd"
	if !x.Valid() || !indices.Valid() {
		return Add(x, indices)
	}
	flat, at, err := partsAt(op, x, indices)
	if err != nil {
		return x.g.Fail(op, err)
	}
	return Gather(flat, at, 0)
}

// ScatterND returns x with its parts at the indices, which are those of GatherND, combined with updates, shaped as GatherND's result. combine is ScatterSet, ScatterAddTo, ScatterMul, ScatterMax or ScatterMin (ONNX; PyTorch's index_put).
func ScatterND(x, indices, updates *Node, combine func(x, indices, updates *Node, axis int) *Node) *Node {
	const op = "scatter_nd"
	if !x.Valid() || !indices.Valid() || !updates.Valid() {
		return Add(Add(x, indices), updates)
	}
	flat, at, err := partsAt(op, x, indices)
	if err == nil && combine == nil {
		err = errors.New("needs a function to combine with, such as ScatterSet")
	}
	if err != nil {
		return x.g.Fail(op, err)
	}
	y := combine(flat, at, updates, 0)
	if !y.Valid() {
		return y
	}
	return Reshape(y, x.typ.Shape...)
}
