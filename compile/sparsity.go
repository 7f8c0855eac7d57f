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
func (p *Pattern) NonZeros() int {
	if p == nil {
		return 0
	}
	return len(p.Cols)
}

// Row returns the columns of row i, which are not to be modified. It panics if there is no row i.
func (p *Pattern) Row(i int) []int32 {
	if p == nil {
		p = &Pattern{} // has none
	}
	return p.Cols[p.Start[i]:p.Start[i+1]]
}

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
// too few: operators without a rule count as dense. It may have no entries: where output does not depend on wrt, or only through what has no derivative.
// Indices and factors that are computed from constants alone count as the constants that they are.
func JacobianPattern(output, wrt *graph.Node) (p *Pattern, err error) {
	g, err := commonGraph("sparsity", []*graph.Node{output, wrt})
	if err != nil {
		return nil, err
	}
	defer recoverBug("sparsity", &err)
	list, index := between(g, []*graph.Node{output}, []*graph.Node{wrt}, false)
	n := wrt.Shape().Size()
	if max(n, output.Shape().Size()) > maxPattern {
		return nil, tooLarge(output)
	}
	sets := &nodeSets{index: index, of: make([]indexSets, len(list)), unions: newUnions(n), constants: newConstants()}
	// The last reader of a node's sets frees them.
	last := make([]int32, len(list))
	for k, n := range list {
		for _, in := range n.Inputs() {
			if i, ok := index.get(in); ok {
				last[i] = int32(k)
			}
		}
	}
	for k, node := range list {
		if node == wrt {
			for i := range n {
				sets.of[k] = append(sets.of[k], sets.full[i:i+1])
			}
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
	p = &Pattern{Rows: output.Shape().Size(), Columns: n, Start: make([]int, output.Shape().Size()+1)}
	entries := 0
	for i, set := range sets.get(output) {
		entries += len(set)
		p.Start[i+1] = entries
	}
	if entries > maxPattern {
		return nil, tooLarge(output)
	}
	p.Cols = make([]int32, 0, entries)
	for _, set := range sets.get(output) {
		p.Cols = append(p.Cols, set...)
	}
	return p, nil
}

func tooLarge(n *graph.Node) error {
	return userError(n, "sparsity", fmt.Errorf("the pattern has more than %d entries", maxPattern))
}

// indexSets holds one ascending set for each element of a node. Sets are shared among elements and nodes and not modified, so that a
// dense pattern takes the memory of one row until it is written out.
type indexSets [][]int32

// nodeSets holds the index sets of the nodes of a sweep, nil for those that depend on nothing.
type nodeSets struct {
	index nodeIndex
	of    []indexSets
	*unions
	*constants
}

func (s *nodeSets) get(n *graph.Node) indexSets {
	if i, ok := s.index.get(n); ok {
		return s.of[i]
	}
	return nil
}

// unions makes sets of numbers below a bound.
type unions struct {
	full   []int32 // all of them
	seen   []bool  // by number, false between calls
	items  []int32 // memory of sets to come
	made   int     // items of the sets made for a node
	single indexSets
	parts  [][]int32
}

func newUnions(n int) *unions {
	u := &unions{full: make([]int32, n), seen: make([]bool, n)}
	for i := range u.full {
		u.full[i] = int32(i)
	}
	return u
}

// reserve makes room for a set of so many items, with which the caller extends u.items.
func (u *unions) reserve(n int) {
	if n > cap(u.items)-len(u.items) {
		u.items = make([]int32, 0, max(2048, n))
	}
}

// scalar returns the sets of a scalar. Scalars are many and small: theirs come from slabs.
func (u *unions) scalar(set []int32) indexSets {
	if len(u.single) == cap(u.single) {
		u.single = make(indexSets, 0, 512)
	}
	k := len(u.single)
	u.single = append(u.single, set)
	return u.single[k : k+1 : k+1]
}

func sameSet(a, b []int32) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// union returns the union of ascending sets: one of them if it holds the others.
func (u *unions) union(sets ...[]int32) []int32 {
	var one []int32 // the largest
	rest := u.parts[:0]
	for _, x := range sets {
		switch {
		case len(x) == 0 || sameSet(x, one) || len(rest) > 0 && sameSet(x, rest[len(rest)-1]):
		case len(x) > len(one):
			if len(one) > 0 {
				rest = append(rest, one)
			}
			one = x
		default:
			rest = append(rest, x)
		}
	}
	u.parts = rest[:0]
	switch {
	case len(rest) == 0 || len(one) == len(u.full):
		return one
	case len(rest) == 1:
		if subset(rest[0], one) {
			return one
		}
		u.reserve(len(one) + len(rest[0]))
		k := len(u.items)
		u.items = mergeInto(u.items, one, rest[0])
		return u.finished(k)
	}
	for _, x := range one {
		u.seen[x] = true
	}
	size := len(one)
	for _, r := range rest {
		for _, x := range r {
			if !u.seen[x] {
				u.seen[x] = true
				size++
			}
		}
		if size == len(u.full) {
			break
		}
	}
	if size == len(one) || size == len(u.full) {
		clearSeen(u.seen, one, rest)
		if size == len(one) {
			return one
		}
		return u.full
	}
	u.reserve(size)
	k := len(u.items)
	for _, r := range append(rest, one) {
		for _, x := range r {
			if u.seen[x] {
				u.seen[x] = false
				u.items = append(u.items, x)
			}
		}
	}
	slices.Sort(u.items[k:])
	return u.finished(k)
}

func clearSeen(seen []bool, one []int32, rest [][]int32) {
	for _, x := range one {
		seen[x] = false
	}
	for _, r := range rest {
		for _, x := range r {
			seen[x] = false
		}
	}
}

// finished returns what was appended to u.items from k on.
func (u *unions) finished(k int) []int32 {
	if len(u.items)-k == len(u.full) {
		u.items = u.items[:k]
		return u.full
	}
	u.made += len(u.items) - k
	return u.items[k:len(u.items):len(u.items)]
}

// elementwiseScalar returns the set of an elementwise scalar: the union of those of its operands.
func (s *nodeSets) elementwiseScalar(n *graph.Node) indexSets {
	var one indexSets
	for _, in := range n.Inputs() {
		x := s.get(in)
		switch {
		case x == nil || len(one) > 0 && sameSet(x[0], one[0]):
		case one == nil:
			one = x
		default:
			switch u := s.union(one[0], x[0]); {
			case sameSet(u, x[0]):
				one = x
			case !sameSet(u, one[0]):
				one = s.scalar(u)
			}
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

// setBuilder collects the sets of the elements of one node.
type setBuilder struct {
	*unions
	sets indexSets
}

func (b *setBuilder) add(set []int32) { b.sets = append(b.sets, set) }

// addUnion appends the union of ascending sets.
func (b *setBuilder) addUnion(sets ...[]int32) { b.add(b.union(sets...)) }

// maxPattern bounds the entries of a pattern.
const maxPattern = 1 << 28

// propagate returns the sets of a node from those of its operands; operands without sets depend on nothing.
func propagate(n *graph.Node, sets *nodeSets) (indexSets, error) {
	op := n.Op()
	if n.Type().IsScalar() {
		switch {
		case op.Elementwise:
			return sets.elementwiseScalar(n), nil
		case op == opIndex:
			at, _ := op.View(n)
			return sets.scalar(sets.get(n.Input(0))[at]), nil
		}
	}
	size := n.Shape().Size()
	if size > maxPattern {
		return nil, tooLarge(n)
	}
	sets.made = 0
	out := &setBuilder{unions: sets.unions, sets: make(indexSets, 0, size)}
	if err := arraySets(n, sets, out, size); err != nil {
		return nil, err
	}
	if sets.made > maxPattern {
		return nil, tooLarge(n)
	}
	return out.sets, nil
}

// arraySets appends the sets of all elements of a node.
func arraySets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) error {
	op, a := n.Op(), n.Attrs()
	// pick takes the set of one element of operand 0 for each element of the result.
	pick := func(from func(i int) int) error {
		x := sets.get(n.Input(0))
		for i := range size {
			out.add(x[from(i)])
		}
		return nil
	}
	switch {
	case n.Results() != nil: // dense
	case moves[op.Name]:
		if movedSets(n, sets, out) {
			return nil
		}
	case combines[op.Name].places != combines[op.Name].elements:
		if combinedSets(n, sets, out) {
			return nil
		}
	case op.Name == "conv" || op.Name == "conv_input_grad" || op.Name == "conv_filter_grad":
		if convSets(n, sets, out) {
			return nil
		}
	case op.Name == "csr_matmul" || op.Name == "csr_sampled_matmul":
		if csrSets(n, sets, out) {
			return nil
		}
	case op.Elementwise:
		var parts [][]int32
		for i := range size {
			parts = parts[:0]
			for _, in := range n.Inputs() {
				if x := sets.get(in); x != nil {
					parts = append(parts, x[broadcastIndex(i, n.Shape(), in.Shape())])
				}
			}
			out.addUnion(parts...)
		}
		return nil
	case op.Name == "reshape":
		out.sets = sets.get(n.Input(0))
		return nil
	case op.Name == "broadcast_to":
		return pick(func(i int) int { return broadcastIndex(i, n.Shape(), n.Input(0).Shape()) })
	case op.Name == "index":
		first, _ := op.View(n)
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
		placeSets(n, sets, out, size)
		return nil
	case op.Family == graph.FamilyReduce && len(n.Inputs()) == 1 && a.Has("axes"):
		reduceSets(n, sets, out, size)
		return nil
	case op.Name == "softmax" || op.Name == "log_softmax" || op.Family == graph.FamilyScan && a.Has("axis") && len(n.Inputs()) == 1:
		lineSets(n, sets, out, size)
		return nil
	case op.Name == "matmul":
		return matmulSets(n, sets, out, size)
	case op.Expand != nil && !keepsDerivative(op) && (op.ThroughExpand || op.Transpose != nil):
		return expandedSets(n, sets, out)
	}
	denseSets(n, sets, out, size)
	return nil
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
func placeSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	out.sets = out.sets[:size]
	if n.Op() == opIndexTranspose && n.Input(0).Type().IsScalar() {
		place := assembler(n)
		for k, in := range n.Inputs() {
			if x := sets.get(in); x != nil {
				out.sets[place(k)] = x[0]
			}
		}
		return
	}
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
		for i, set := range sets.get(in) {
			j := stridedIndex(i, shape, s, starts, strides)
			out.sets[j] = out.union(out.sets[j], set)
		}
	}
}

// reduceSets unites the sets of the elements that each result is made of.
func reduceSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	x := sets.get(n.Input(0))
	in := n.Input(0).Shape()
	axes := n.Attrs().Ints("axes")
	members := make([][][]int32, size)
	keep := rowStrides(in)
	for i := range in.Size() {
		flat := 0
		for d, e := range in {
			if !slices.Contains(axes, d) {
				flat = flat*e + i/keep[d]%e
			}
		}
		members[flat] = append(members[flat], x[i])
	}
	for _, parts := range members {
		out.addUnion(parts...)
	}
}

// lineSets unites the sets along an axis: every element of a line depends on the whole line.
func lineSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	x, s, axis := sets.get(n.Input(0)), n.Shape(), n.Attrs().Int("axis")
	stride := rowStrides(s)[axis]
	out.sets = out.sets[:size]
	var parts [][]int32
	for first := range size {
		if first/stride%s[axis] != 0 {
			continue
		}
		parts = parts[:0]
		for k := range s[axis] {
			parts = append(parts, x[first+k*stride])
		}
		line := out.union(parts...)
		for k := range s[axis] {
			out.sets[first+k*stride] = line
		}
	}
}

// denseSets lets every element of the result depend on all that any operand depends on.
func denseSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	var parts [][]int32
	for _, in := range n.Inputs() {
		parts = append(parts, sets.get(in)...)
	}
	all := out.union(parts...)
	for range size {
		out.add(all)
	}
}
