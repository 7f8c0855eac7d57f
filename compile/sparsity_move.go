package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/kernel"
)

// movedSets handles operators that move elements. The operator's kernel, run on the numbers of the elements, says which comes where. That needs
// constant indices: else it reports false.
func movedSets(n *graph.Node, sets *nodeSets, out *setBuilder) bool {
	from := sourcesOf(n, sets.constants.value)
	if from == nil {
		return false
	}
	var all []indexSets
	for _, in := range n.Inputs() {
		if in.DType().IsFloat() {
			x := sets.get(in)
			if x == nil {
				x = make(indexSets, in.Shape().Size())
			}
			all = append(all, x)
		}
	}
	x := all[0]
	if len(all) > 1 {
		x = slices.Concat(all...)
	}
	for _, k := range from {
		if k < 0 {
			out.add(nil)
		} else {
			out.add(x[k])
		}
	}
	return true
}

// sourcesOf returns, for each element of a node whose operator moves elements, the number of the operands' element that it shows, counted
// through all float operands, −1 for none. It is nil for other operators, and if the places are out of range or value, which gives those of constants, has none.
func sourcesOf(n *graph.Node, value func(n *graph.Node) *graph.Literal) []int {
	k := kernel.Lookup(n.Op().Kernel)
	if k == nil || n.Op().Pattern != graph.Moves || !n.DType().IsFloat() {
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
			if lit = value(in); lit == nil {
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
		if from[i] = int(v) - 1; from[i] >= number {
			return nil // a user's kernel does more
		}
	}
	return from
}

// combinedSets handles operators that combine elements: the operator that takes elements of the result from the same places says where
// each element goes. It reports false if the places are not constant.
func combinedSets(n *graph.Node, p graph.Combines, sets *nodeSets, out *setBuilder) bool {
	back := p.Take(n, n.Graph().Placeholder(n.DType(), n.Shape()...))
	if !back.Valid() {
		return false
	}
	to := sourcesOf(back, sets.constants.value)
	if to == nil {
		return false
	}
	parts := make([][][]int32, n.Shape().Size())
	if x := sets.get(n.Input(p.Elements)); x != nil {
		for i, k := range to {
			if k >= 0 {
				parts[k] = append(parts[k], x[i])
			}
		}
	}
	if p.Elements != 0 { // operand 0 is what the elements are combined with, or has the places, which have no sets
		if x := sets.get(n.Input(0)); x != nil {
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
	inner := &nodeSets{index: index, of: make([]indexSets, len(list)), unions: sets.unions, constants: sets.constants, steps: stepValues(list)}
	for k, node := range list {
		if slices.Contains(n.Inputs(), node) {
			inner.of[k] = sets.get(node)
			continue
		}
		if !slices.ContainsFunc(node.Inputs(), inner.has) {
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
