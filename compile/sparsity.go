package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
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
	outputs, by := []*graph.Node{output}, []*graph.Node{wrt}
	g, leave, err := commonGraph("sparsity", &outputs, &by)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := hiddenDependence("sparsity", outputs, []*graph.Node{wrt}, smoothlyDepends); err != nil {
		return nil, err
	}
	output, wrt = outputs[0], by[0]
	defer recoverBug("sparsity", &err)
	list, index := between(g, []*graph.Node{output}, []*graph.Node{wrt}, false)
	n := wrt.Shape().Size()
	if max(n, output.Shape().Size()) > maxPattern {
		return nil, tooLarge(output)
	}
	sets := &nodeSets{index: index, of: make([]indexSets, len(list)), unions: newUnions(n), constants: newConstants(), steps: stepValues(list)}
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
		if !slices.ContainsFunc(node.Inputs(), sets.has) {
			continue // a loop or branch on the way passes nothing on
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
	if err := g.Err(); err != nil {
		return nil, err // of a user's expansion or pattern
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
	// Of nodes with bodies: the sets of their values, and what is asked for of the values of loops at each step. See graph.ResultOf.
	values map[*graph.Node][]indexSets
	steps  map[*graph.Node][]int
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
	if len(sets) == 1 {
		return sets[0]
	}
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
	if of, k, ok := graph.ResultOf(n); ok && sets.values[of] != nil {
		return sets.values[of][k], nil
	}
	if op == opImplicit {
		return sets.implicit(n)
	}
	if op.OfBodies {
		values, err := sets.bodies(n)
		sets.keep(n, values)
		return nil, err
	}
	if p, ok := op.Pattern.(graph.OfResults); ok {
		return nil, sets.results(n, p)
	}
	if op.Pattern == graph.Matrices && n.Results() != nil {
		return nil, sets.resultsOfMatrices(n)
	}
	scalar := n.Type().IsScalar()
	if scalar && op.Elementwise {
		return sets.elementwiseScalar(n), nil
	}
	size := n.Shape().Size()
	if op.View != nil {
		if first, ok := op.View(n); ok {
			switch x := sets.get(n.Input(0)); {
			case scalar:
				return sets.scalar(x[first]), nil
			case len(x) == size:
				return x, nil
			default:
				return slices.Clone(x[first : first+size]), nil
			}
		}
	}
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

// keep enters the sets of the results of a node of several.
func (s *nodeSets) keep(n *graph.Node, values []indexSets) {
	if s.values == nil {
		s.values = map[*graph.Node][]indexSets{}
	}
	s.values[n] = values
}

// results finds the sets of the results of an operator of several.
func (s *nodeSets) results(n *graph.Node, p graph.OfResults) error {
	values := make([]indexSets, len(p))
	for k, r := range n.Results() {
		if !r.DType.IsFloat() {
			continue
		}
		size := r.Shape.Size()
		if size > maxPattern {
			return tooLarge(n)
		}
		s.made = 0
		out := &setBuilder{unions: s.unions, sets: make(indexSets, 0, size)}
		done, err := false, error(nil)
		if p[k] != nil {
			done, err = elementSets(n, p[k], s, out, size)
		}
		if err != nil {
			return err
		}
		if !done {
			denseSets(n, s, out, size)
		}
		values[k] = out.sets
	}
	s.keep(n, values)
	return nil
}

// arraySets appends the sets of all elements of a node.
func arraySets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) error {
	op := n.Op()
	if op == opBatched {
		has := n.Attrs().Ints("operands")
		blockSets(n.Inputs(), sets, out, size, n.Shape()[0], func(operand int) bool { return slices.Contains(has, operand) })
		return nil
	}
	if op == opWithVJP { // which has no derivative by what its body captures
		a := n.Attrs()
		blockSets(n.Inputs()[a.Int("captured"):], sets, out, size, n.Shape()[:a.Int("lanes")].Size(), func(int) bool { return true })
		return nil
	}
	switch p := op.Pattern.(type) {
	case nil:
		switch {
		case op.Elementwise:
			elementwiseSets(n, sets, out, size)
			return nil
		case op.ThroughExpand && n.Results() == nil:
			return expandedSets(n, sets, out)
		}
	case graph.CommonPattern:
		switch p {
		case graph.Lines:
			lineSets(n, sets, out, size)
			return nil
		case graph.Matrices:
			matrixSets(n, sets, out, size)
			return nil
		case graph.Columns:
			columnSets(n, sets, out, size)
			return nil
		case graph.Moves:
			if movedSets(n, sets, out) {
				return nil
			}
		case graph.AsExpansion:
			return expandedSets(n, sets, out)
		}
	case graph.Combines:
		if combinedSets(n, p, sets, out) {
			return nil
		}
	case graph.ElementPattern:
		if done, err := elementSets(n, p, sets, out, size); done {
			return err
		}
	case graph.SumPattern:
		if done, err := elementSets(n, graph.ElementPattern(p), sets, out, size); done {
			return err
		}
	}
	denseSets(n, sets, out, size)
	return nil
}

// elementwiseSets unites the sets of the operands' elements, which are broadcast.
func elementwiseSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	var parts [][]int32
	for i := range size {
		parts = parts[:0]
		for _, in := range n.Inputs() {
			if x := sets.get(in); x != nil {
				parts = append(parts, x[shape.BroadcastIndex(i, n.Shape(), in.Shape())])
			}
		}
		out.addUnion(parts...)
	}
}

// lineSets unites the sets along axes: each element of the result depends on the whole line of the operand's elements.
func lineSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	x, in := sets.get(n.Input(0)), n.Input(0).Shape()
	axes := n.Attrs().Ints("axes")
	if !n.Attrs().Has("axes") {
		axes = []int{n.Attrs().Int("axis")}
	}
	of, lines := linesOf(in, axes)
	start := make([]int, lines+1)
	for _, l := range of {
		start[l+1]++
	}
	for l := range lines {
		start[l+1] += start[l]
	}
	parts, fill := make([][]int32, len(x)), slices.Clone(start)
	for i, l := range of {
		parts[fill[l]] = x[i]
		fill[l]++
	}
	union := make(indexSets, lines)
	for l := range union {
		union[l] = out.union(parts[start[l]:start[l+1]]...)
	}
	if size == lines {
		out.sets = union
		return
	}
	of, _ = linesOf(n.Shape(), axes)
	for _, l := range of {
		out.add(union[l])
	}
}

// linesOf numbers the lines along axes, in row-major order of the other dimensions: that of each element, and how many there are.
func linesOf(s graph.Shape, axes []int) (of []int32, lines int) {
	steps := make([]int32, len(s)) // by how much the line's number grows with an index
	lines = 1
	for d := len(s) - 1; d >= 0; d-- {
		if !slices.Contains(axes, d) {
			steps[d] = int32(lines)
			lines *= s[d]
		}
	}
	of = make([]int32, 1, s.Size())
	// The elements of the dimensions behind d, repeated for each index of d.
	for d := len(s) - 1; d >= 0; d-- {
		k := len(of)
		for i := 1; i < s[d]; i++ {
			for _, l := range of[:k] {
				of = append(of, l+int32(i)*steps[d])
			}
		}
	}
	return of, lines
}

// resultsOfMatrices finds the sets of the results of an operator of several that acts on each matrix of a batch.
func (s *nodeSets) resultsOfMatrices(n *graph.Node) error {
	values := make([]indexSets, len(n.Results()))
	for k, r := range n.Results() {
		size := r.Shape.Size()
		if size > maxPattern {
			return tooLarge(n)
		}
		out := &setBuilder{unions: s.unions, sets: make(indexSets, 0, size)}
		matrixSets(n, s, out, size)
		values[k] = out.sets
	}
	s.keep(n, values)
	return nil
}

// matrixSets lets every element of a result depend on all that the elements of the operands at the same index in the batch depend on.
func matrixSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	s := n.Input(len(n.Inputs()) - 1).Shape()
	blockSets(n.Inputs(), sets, out, size, s[:len(s)-2].Size(), func(int) bool { return true })
}

// blockSets lets every element of a result depend on all that the elements of the operands at the same index in the batch depend on, and on all that those without the batch depend on.
func blockSets(operands []*graph.Node, sets *nodeSets, out *setBuilder, size, batch int, has func(operand int) bool) {
	var parts, shared [][]int32
	for i, x := range operands {
		if !has(i) {
			shared = append(shared, sets.get(x)...)
		}
	}
	common := out.union(shared...)
	for k := range batch {
		parts = append(parts[:0], common)
		for i, x := range operands {
			if of := sets.get(x); of != nil && has(i) {
				each := len(of) / batch
				parts = append(parts, of[k*each:(k+1)*each]...)
			}
		}
		all := out.union(parts...)
		for range size / batch {
			out.add(all)
		}
	}
}

// columnSets lets every element of the result depend on all that its column of the last operand depends on, and on all that the other operands depend on.
func columnSets(n *graph.Node, sets *nodeSets, out *setBuilder, size int) {
	last := len(n.Inputs()) - 1
	var shared [][]int32
	for _, x := range n.Inputs()[:last] {
		shared = append(shared, sets.get(x)...)
	}
	common, of := out.union(shared...), sets.get(n.Input(last))
	columns := make(indexSets, size/n.Shape()[0])
	for j := range columns {
		parts := [][]int32{common}
		for i := j; i < len(of); i += len(columns) {
			parts = append(parts, of[i])
		}
		columns[j] = out.union(parts...)
	}
	for range n.Shape()[0] {
		out.sets = append(out.sets, columns...)
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
