package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Pattern is the sparsity of a matrix in compressed rows: row i has the columns Cols[Start[i]:Start[i+1]], ascending.
type Pattern struct {
	Rows, Columns int
	Start         []int
	Cols          []int32
}

// NonZeros returns the number of entries.
func (p *Pattern) NonZeros() int { return len(p.Cols) }

// Row returns the columns of row i. They are not to be modified.
func (p *Pattern) Row(i int) []int32 { return p.Cols[p.Start[i]:p.Start[i+1]] }

// transposed returns the pattern of the transposed matrix.
func (p *Pattern) transposed() *Pattern {
	t := &Pattern{Rows: p.Columns, Columns: p.Rows, Start: make([]int, p.Columns+1), Cols: make([]int32, len(p.Cols))}
	for _, c := range p.Cols {
		t.Start[c+1]++
	}
	for i := range t.Rows {
		t.Start[i+1] += t.Start[i]
	}
	fill := slices.Clone(t.Start[:t.Rows])
	for i := range p.Rows {
		for _, c := range p.Row(i) {
			t.Cols[fill[c]] = int32(i)
			fill[c]++
		}
	}
	return t
}

// JacobianPattern returns which elements of wrt each element of output can depend on, found by propagating index
// sets through the graph (Griewank & Walther, Evaluating Derivatives, 2nd ed., §7.1). The pattern may have entries whose value is always zero, never
// too few: operators without a rule count as dense.
func JacobianPattern(output, wrt *graph.Node) (p *Pattern, err error) {
	g, err := commonGraph("sparsity", []*graph.Node{output, wrt})
	if err != nil {
		return nil, err
	}
	defer recoverBug("sparsity", &err)
	list, index := between(g, []*graph.Node{output}, []*graph.Node{wrt}, false)
	sets := &nodeSets{index: index, of: make([]*indexSets, len(list))}
	// The last reader of a node's sets frees them.
	last := make([]int32, len(list))
	for k, n := range list {
		for _, in := range n.Inputs() {
			if i, ok := index.get(in); ok {
				last[i] = int32(k)
			}
		}
	}
	n := wrt.Shape().Size()
	own := newIndexSets(n)
	for i := range n {
		own.add([]int32{int32(i)})
	}
	for k, node := range list {
		if node == wrt {
			sets.of[k] = own
			continue
		}
		if sets.of[k], err = propagate(node, sets); err != nil {
			return nil, err
		}
		for _, in := range node.Inputs() {
			if i, ok := index.get(in); ok && last[i] == int32(k) && in != output {
				sets.of[i] = nil
			}
		}
	}
	out := sets.get(output)
	if out == nil {
		out = emptySets(output.Shape().Size())
	}
	return &Pattern{Rows: out.len(), Columns: n, Start: out.start, Cols: out.items}, nil
}

// nodeSets holds the index sets of the nodes of a sweep, nil for those that depend on nothing.
type nodeSets struct {
	index nodeIndex
	of    []*indexSets

	// Scalars are many and small: their sets come from slabs.
	sets   []indexSets
	starts []int
	items  []int32
	union  []int32
}

func (s *nodeSets) get(n *graph.Node) *indexSets {
	if i, ok := s.index.get(n); ok {
		return s.of[i]
	}
	return nil
}

// scalar returns the set of a scalar, which holds copies of the items. Sets of one operand are shared, not copied.
func (s *nodeSets) scalar(items []int32) *indexSets {
	if len(s.sets) == cap(s.sets) {
		s.sets, s.starts = make([]indexSets, 0, 512), make([]int, 0, 1024)
	}
	if len(s.items)+len(items) > cap(s.items) {
		s.items = make([]int32, 0, max(2048, len(items)))
	}
	i, k := len(s.items), len(s.starts)
	s.items, s.starts = append(s.items, items...), append(s.starts, 0, len(items))
	s.sets = append(s.sets, indexSets{start: s.starts[k : k+2 : k+2], items: s.items[i:len(s.items):len(s.items)]})
	return &s.sets[len(s.sets)-1]
}

// elementwiseScalar returns the set of an elementwise scalar: the union of those of its operands.
func (s *nodeSets) elementwiseScalar(n *graph.Node) *indexSets {
	var one *indexSets
	for _, in := range n.Inputs() {
		x := s.get(in)
		switch {
		case x == nil || x == one || one != nil && subset(x.items, one.items):
		case one == nil || subset(one.items, x.items):
			one = x
		default:
			s.union = mergeInto(s.union[:0], one.items, x.items)
			one = s.scalar(s.union)
		}
	}
	return one
}

// subset reports whether the ascending list b holds all of the ascending list a.
func subset(a, b []int32) bool {
	if len(a) > len(b) {
		return false
	}
	k := 0
	for _, x := range a {
		for k < len(b) && b[k] < x {
			k++
		}
		if k == len(b) || b[k] != x {
			return false
		}
	}
	return true
}

// mergeInto appends the union of two ascending lists.
func mergeInto(to, a, b []int32) []int32 {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			to, a = append(to, a[0]), a[1:]
		case a[0] > b[0]:
			to, b = append(to, b[0]), b[1:]
		default:
			to, a, b = append(to, a[0]), a[1:], b[1:]
		}
	}
	return append(append(to, a...), b...)
}

// indexSets holds one ascending set for each element of a node.
type indexSets struct {
	start []int
	items []int32
}

func newIndexSets(n int) *indexSets { return &indexSets{start: append(make([]int, 0, n+1), 0)} }

func emptySets(n int) *indexSets { return &indexSets{start: make([]int, n+1)} }

func (s *indexSets) len() int { return len(s.start) - 1 }

func (s *indexSets) of(i int) []int32 { return s.items[s.start[i]:s.start[i+1]] }

func (s *indexSets) add(items []int32) {
	s.items = append(s.items, items...)
	s.start = append(s.start, len(s.items))
}

// addUnion appends the union of ascending sets.
func (s *indexSets) addUnion(sets ...[]int32) {
	switch len(sets) {
	case 0:
	case 1:
		s.items = append(s.items, sets[0]...)
	default:
		from := len(s.items)
		for _, x := range sets {
			s.items = append(s.items, x...)
		}
		part := s.items[from:]
		slices.Sort(part)
		s.items = s.items[:from+len(slices.Compact(part))]
	}
	s.start = append(s.start, len(s.items))
}

// maxPattern bounds the entries of a pattern.
const maxPattern = 1 << 28

// propagate returns the sets of a node from those of its operands; operands without sets depend on nothing.
func propagate(n *graph.Node, sets *nodeSets) (*indexSets, error) {
	op := n.Op()
	if n.Type().IsScalar() {
		switch {
		case op.Elementwise:
			return sets.elementwiseScalar(n), nil
		case op == opIndex:
			at := int(viewOffset(n)) / n.DType().Size()
			return sets.scalar(sets.get(n.Input(0)).of(at)), nil
		}
	}
	size := n.Shape().Size()
	out := newIndexSets(size)
	a := n.Attrs()
	check := func() error {
		if len(out.items) > maxPattern {
			return userError(n, "sparsity", fmt.Errorf("the pattern has more than %d entries", maxPattern))
		}
		return nil
	}
	// pick copies the set of one element of operand 0 for each element of the result.
	pick := func(from func(i int) int) (*indexSets, error) {
		x := sets.get(n.Input(0))
		for i := range size {
			if j := from(i); j >= 0 && x != nil {
				out.addUnion(x.of(j))
			} else {
				out.addUnion()
			}
		}
		return out, check()
	}
	switch {
	case n.Results() != nil:
		return denseSets(n, sets, out, size)
	case moves[op.Name]:
		if moved := movedSets(n, sets, out); moved != nil {
			return moved, check()
		}
	case combines[op.Name].places != combines[op.Name].elements:
		if combined := combinedSets(n, sets, out); combined != nil {
			return combined, check()
		}
	case op.Name == "conv" || op.Name == "conv_input_grad" || op.Name == "conv_filter_grad":
		if conv := convSets(n, sets, out); conv != nil {
			return conv, check()
		}
	case op.Name == "csr_matmul" || op.Name == "csr_sampled_matmul":
		if csr := csrSets(n, sets, out); csr != nil {
			return csr, check()
		}
	case op.Elementwise:
		var parts [][]int32
		for i := range size {
			parts = parts[:0]
			for _, in := range n.Inputs() {
				if x := sets.get(in); x != nil {
					parts = append(parts, x.of(broadcastIndex(i, n.Shape(), in.Shape())))
				}
			}
			out.addUnion(parts...)
		}
		return out, check()
	case op.Name == "reshape":
		return sets.get(n.Input(0)), nil
	case op.Name == "broadcast_to":
		return pick(func(i int) int { return broadcastIndex(i, n.Shape(), n.Input(0).Shape()) })
	case op.Name == "index":
		first := int(viewOffset(n)) / n.DType().Size()
		return pick(func(i int) int { return first + i })
	case op.Name == "slice":
		starts, strides := a.Ints("starts"), a.Ints("strides")
		return pick(func(i int) int { return stridedIndex(i, n.Shape(), n.Input(0).Shape(), starts, strides) })
	case op.Name == "transpose":
		perm := a.Ints("perm")
		in := n.Input(0).Shape()
		strides := rowStrides(in)
		return pick(func(i int) int {
			flat := 0
			for d := len(perm) - 1; d >= 0; d-- {
				flat += i % n.Shape()[d] * strides[perm[d]]
				i /= n.Shape()[d]
			}
			return flat
		})
	case op.Name == "reverse":
		in := n.Input(0).Shape()
		starts, strides := make([]int, len(in)), slices.Repeat([]int{1}, len(in))
		for _, ax := range a.Ints("axes") {
			starts[ax], strides[ax] = in[ax]-1, -1
		}
		return pick(func(i int) int { return stridedIndex(i, in, in, starts, strides) })
	case op.Name == "concat", op.Name == "slice_transpose", op.Name == "index_transpose":
		return placeSets(n, sets, out, size)
	case op.Family == graph.FamilyReduce && len(n.Inputs()) == 1 && a.Has("axes"):
		return reduceSets(n, sets, out, size)
	case op.Name == "softmax" || op.Name == "log_softmax" || op.Family == graph.FamilyScan && a.Has("axis") && len(n.Inputs()) == 1:
		return lineSets(n, sets, out, size)
	case op.Name == "matmul":
		return matmulSets(n, sets, out, size)
	case op.Expand != nil && (op.ThroughExpand || op.Transpose != nil):
		return expandedSets(n, sets)
	}
	return denseSets(n, sets, out, size)
}

func rowStrides(s graph.Shape) []int {
	strides, k := make([]int, len(s)), 1
	for d := len(s) - 1; d >= 0; d-- {
		strides[d] = k
		k *= s[d]
	}
	return strides
}

// stridedIndex is the flat index into the operand of a slice for flat index i of the result.
func stridedIndex(i int, out, in graph.Shape, starts, strides []int) int {
	flat, k := 0, 1
	for d := len(in) - 1; d >= 0; d-- {
		flat += (starts[d] + i%out[d]*strides[d]) * k
		i /= out[d]
		k *= in[d]
	}
	return flat
}

// placeSets handles operators that put their operands' elements into an array.
func placeSets(n *graph.Node, sets *nodeSets, out *indexSets, size int) (*indexSets, error) {
	if n.Op() == opIndexTranspose && n.Input(0).Type().IsScalar() {
		return assembledSets(n, sets, out, size)
	}
	// Each element of the result: the operands' elements that come there.
	type source struct{ operand, element int }
	from := make([][]source, size)
	a, s := n.Attrs(), n.Shape()
	r := len(s)
	at := 0
	for k, in := range n.Inputs() {
		starts, strides := make([]int, r), slices.Repeat([]int{1}, r)
		shape := in.Shape()
		switch n.Op().Name {
		case "concat":
			starts[a.Int("axis")] = at
			at += shape[a.Int("axis")]
		case "slice_transpose":
			starts, strides = a.Ints("starts")[k*r:(k+1)*r], a.Ints("strides")[k*r:(k+1)*r]
		default:
			m := len(a.Ints("indices")) / len(n.Inputs())
			copy(starts, a.Ints("indices")[k*m:(k+1)*m])
			shape = append(slices.Repeat(graph.Shape{1}, m), shape...)
		}
		if sets.get(in) == nil {
			continue
		}
		for i := range shape.Size() {
			j := stridedIndex(i, shape, s, starts, strides)
			from[j] = append(from[j], source{k, i})
		}
	}
	var parts [][]int32
	for _, list := range from {
		parts = parts[:0]
		for _, src := range list {
			parts = append(parts, sets.get(n.Input(src.operand)).of(src.element))
		}
		out.addUnion(parts...)
	}
	return out, nil
}

// assembledSets is placeSets for an array of scalars.
func assembledSets(n *graph.Node, sets *nodeSets, out *indexSets, size int) (*indexSets, error) {
	from, place := make([]*indexSets, size), assembler(n)
	for k, in := range n.Inputs() {
		from[place(k)] = sets.get(in)
	}
	for _, x := range from {
		if x != nil {
			out.add(x.items)
		} else {
			out.add(nil)
		}
	}
	return out, nil
}

// reduceSets unites the sets of the elements that each result is made of.
func reduceSets(n *graph.Node, sets *nodeSets, out *indexSets, size int) (*indexSets, error) {
	x := sets.get(n.Input(0))
	in := n.Input(0).Shape()
	axes := n.Attrs().Ints("axes")
	members := make([][]int32, size)
	keep := rowStrides(in)
	for i := range in.Size() {
		flat := 0
		for d, e := range in {
			if !slices.Contains(axes, d) {
				flat = flat*e + i/keep[d]%e
			}
		}
		members[flat] = append(members[flat], int32(i))
	}
	var parts [][]int32
	for _, list := range members {
		parts = parts[:0]
		for _, i := range list {
			parts = append(parts, x.of(int(i)))
		}
		out.addUnion(parts...)
	}
	return out, nil
}

// lineSets unites the sets along an axis: every element of a line depends on the whole line.
func lineSets(n *graph.Node, sets *nodeSets, out *indexSets, size int) (*indexSets, error) {
	x, s, axis := sets.get(n.Input(0)), n.Shape(), n.Attrs().Int("axis")
	stride := rowStrides(s)[axis]
	var parts [][]int32
	for i := range size {
		first := i - i/stride%s[axis]*stride
		parts = parts[:0]
		for k := range s[axis] {
			parts = append(parts, x.of(first+k*stride))
		}
		out.addUnion(parts...)
	}
	return out, nil
}

// denseSets lets every element of the result depend on all that any operand depends on.
func denseSets(n *graph.Node, sets *nodeSets, out *indexSets, size int) (*indexSets, error) {
	var all []int32
	for _, in := range n.Inputs() {
		if x := sets.get(in); x != nil {
			all = append(all, x.items...)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > 0 && size > maxPattern/len(all) {
		return nil, userError(n, "sparsity", fmt.Errorf("%s counts as dense, and its pattern has more than %d entries", n.Op().Name, maxPattern))
	}
	for range size {
		out.add(all)
	}
	return out, nil
}
