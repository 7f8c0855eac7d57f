package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/kernel"
)

// moves lists operators that put elements of their float operands, or zero, into each place of the result.
var moves = map[string]bool{
	"gather": true, "take_along_axis": true, "dynamic_slice": true, "dynamic_update_slice": true, "scatter_set": true,
	"pad": true, "diag": true, "diag_part": true, "tril": true, "triu": true,
}

// combines lists operators that combine the elements of one operand by place: the operand with the places and the operand with the elements.
var combines = map[string]struct{ places, elements int }{
	"scatter_add": {0, 1}, "scatter_mul": {1, 2}, "scatter_max": {1, 2}, "scatter_min": {1, 2}, "scatter_along_axis_add": {0, 1},
	"segment_sum": {1, 0}, "segment_prod": {1, 0}, "segment_max": {1, 0}, "segment_min": {1, 0},
}

// movedSets handles operators in moves. The operator's kernel, run on the numbers of the elements, says which comes where. That needs
// constant indices: else it reports false.
func movedSets(n *graph.Node, sets *nodeSets, out *setBuilder) bool {
	from := sourcesOf(n, sets.constants)
	if from == nil {
		return false
	}
	for _, k := range from {
		var set []int32
		for _, in := range n.Inputs() {
			if !in.DType().IsFloat() {
				continue
			}
			if size := in.Shape().Size(); k >= size {
				k -= size
				continue
			}
			if x := sets.get(in); k >= 0 && x != nil {
				set = x[k]
			}
			break
		}
		out.add(set)
	}
	return true
}

// sourcesOf returns, for each element of a node whose operator is in moves, the number of the operands' element that it shows, counted
// through all float operands, −1 for none. It is nil if the places are not constant or out of range.
func sourcesOf(n *graph.Node, constants *constants) []int {
	k := kernel.Lookup(n.Op().Kernel)
	if k == nil || !n.DType().IsFloat() {
		return nil
	}
	attrs := slices.Clone(n.Attrs())
	for i := range attrs {
		if attrs[i].Key == "value" {
			attrs[i] = attr.F("value", 0)
		}
	}
	result := kernel.Type{DType: graph.Float64, Shape: n.Shape()}
	c := &kernel.Call{Out: []kernel.Tensor{{Type: result, F64: make([]float64, n.Shape().Size())}}, Attrs: attrs}
	var types []kernel.Type
	number := 0
	for _, in := range n.Inputs() {
		t := kernel.Tensor{Type: kernel.Type{DType: in.DType(), Shape: in.Shape()}}
		size := in.Shape().Size()
		var lit *graph.Literal
		if !in.DType().IsFloat() {
			if lit = constants.value(in); lit == nil {
				return nil
			}
		}
		switch {
		case in.DType().IsFloat():
			t.DType, t.F64 = graph.Float64, make([]float64, size)
			for i := range t.F64 {
				number++
				t.F64[i] = float64(number)
			}
		case in.DType() == graph.Int64:
			t.I64 = make([]int64, size)
			for i := range t.I64 {
				t.I64[i] = int64(lit.Bits(i))
			}
		case in.DType() == graph.Int32:
			t.I32 = make([]int32, size)
			for i := range t.I32 {
				t.I32[i] = int32(lit.Bits(i))
			}
		default:
			return nil
		}
		c.In, types = append(c.In, t), append(types, t.Type)
	}
	if k.Check(types, []kernel.Type{result}, attrs) != nil {
		return nil
	}
	if k.Workspace != nil {
		c.Work = make([]byte, k.Workspace(types, []kernel.Type{result}, attrs))
	}
	if k.Prepare != nil {
		c.State = k.Prepare(types, []kernel.Type{result}, attrs)
	}
	if k.Run(c) != nil {
		return nil
	}
	from := make([]int, len(c.Out[0].F64))
	for i, v := range c.Out[0].F64 {
		from[i] = int(v) - 1
	}
	return from
}

// combinedSets handles operators in combines: taking elements of the result from the same places is an operator in moves, which says
// where each element goes. It reports false if the places are not constant.
func combinedSets(n *graph.Node, sets *nodeSets, out *setBuilder) bool {
	at := combines[n.Op().Name]
	places, elements := n.Input(at.places), n.Input(at.elements)
	result := n.Graph().Placeholder(n.DType(), n.Shape()...)
	var back *graph.Node
	switch {
	case n.Op().Name == "scatter_along_axis_add":
		back = graph.TakeAlongAxis(result, places, n.Attrs().Int("axis"))
	case n.Attrs().Has("axis"):
		back = graph.Gather(result, places, n.Attrs().Int("axis"))
	default:
		back = graph.Gather(result, places, 0)
	}
	to := sourcesOf(back, sets.constants)
	if to == nil {
		return false
	}
	parts := make([][][]int32, n.Shape().Size())
	if x := sets.get(elements); x != nil {
		for i, k := range to {
			parts[k] = append(parts[k], x[i])
		}
	}
	if first := n.Input(0); first != places && first != elements { // what the elements are combined with
		if x := sets.get(first); x != nil {
			for i := range parts {
				parts[i] = append(parts[i], x[i])
			}
		}
	}
	for _, p := range parts {
		out.addUnion(p...)
	}
	return true
}

// expandedSets propagates through the expansion of an operator whose derivative is that of the expansion.
func expandedSets(n *graph.Node, sets *nodeSets, out *setBuilder) error {
	e := n.Op().Expand(n)
	list, index := between(n.Graph(), []*graph.Node{e}, uniq(n.Inputs()), true)
	inner := &nodeSets{index: index, of: make([]indexSets, len(list)), unions: sets.unions, constants: sets.constants}
	for k, node := range list {
		if slices.Contains(n.Inputs(), node) {
			inner.of[k] = sets.get(node)
			continue
		}
		if !slices.ContainsFunc(node.Inputs(), func(in *graph.Node) bool { return inner.get(in) != nil }) {
			continue
		}
		var err error
		if inner.of[k], err = propagate(node, inner); err != nil {
			return err
		}
	}
	if out.sets = inner.get(e); out.sets == nil {
		out.sets = make(indexSets, n.Shape().Size())
	}
	return nil
}
