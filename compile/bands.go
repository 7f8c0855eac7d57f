package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Bytes of a matrix product from which on it may go by bands, those of a batch of products or its operands, and those of a band, which stays in a second-level cache or near it: of
// a batch several arrays do, on each of which steps go. The least rows of a band of one matrix, of which the second operand is packed for each.
const (
	leastBanded  = 8 << 20
	leastBatch   = 4 << 20
	bandBytes    = 1 << 20
	batchBytes   = 256 << 10
	leastRows    = 64
	smallestPart = 8 // values are small that have at most this part of the bytes of what is banded
)

// A row that is reduced several times is a band if it has at least so many bytes that loops need not read and write once more: what comes from a larger cache for them takes as long as a step.
const leastRowBytes = 24 << 10

// bands is the pass that computes large matrix products, and what is made of the same rows or the same matrices of a batch before and behind them, by bands: a scan in whose
// body values stay in a cache between those who make and those who read them. A single matrix goes by rows if only something small is made of the product, which is then never
// stored as a whole; a batch goes by its matrices if products read, or reductions follow, what is made in the band. Rows that are reduced and read again, as by a softmax, go one by one.
func bands(u *unit) error {
	if !u.g.Has(func(op *graph.Op) bool { return op == opMatMul || op.Reduction != "" }) {
		return nil
	}
	var uses *useCounts // of the graph as it is, once a node asks for them
	for _, begins := range [...]func(n *graph.Node) bool{largeProduct, manyRows} {
		for id := 0; id < u.g.Len(); id++ {
			n := u.g.Node(id)
			if !begins(n) {
				continue
			}
			if uses == nil {
				uses = usesIn(u.g, u.outputs)
			}
			if uses.count[id] == 0 {
				continue
			}
			b := newBand(u, n, uses)
			if b == nil {
				continue
			}
			b.apply(u)
			if err := u.g.Err(); err != nil {
				return err
			}
			u.fired["bands"]++
			id, uses = -1, nil // from the beginning of the new graph
		}
	}
	return nil
}

// largeProduct reports whether n is a matrix product that may go by bands.
func largeProduct(n *graph.Node) bool {
	if n.Op() != opMatMul || n.Attrs().Bool("transpose_a") && n.Shape().Rank() == 2 {
		return false
	}
	bytes := largest(n)
	return bytes >= leastBanded || bytes >= leastBatch && n.Shape().Rank() > 2
}

// manyRows reports whether n reduces each of many rows to an element, and all of them do not fit into a second-level cache while one does.
func manyRows(n *graph.Node) bool {
	if n.Op().Reduction == "" || n.Shape().Rank() < 2 || n.Shape()[0] < leastRows || n.Shape().Size() != n.Shape()[0] || slices.Contains(n.Attrs().Ints("axes"), 0) {
		return false
	}
	bytes := typeBytes(n.Input(0))
	return bytes >= bandBytes && bytes/n.Shape()[0] <= batchBytes
}

// band is a matrix product and what is made of its rows, or of its matrices if it is a batch; or the first reduction of some rows and what is made of these.
type band struct {
	first  *graph.Node
	member []bool        // by ID
	copied []bool        // by ID: members that others read too, who have them from outside
	stage  []int32       // by ID: 1 if the node depends on a member
	inside []*graph.Node // what bands compute, in the order of IDs
	exits  []*graph.Node // of these, what others read
	large  int           // bytes from which on values are not small
	rows   int           // of a band
}

func typeBytes(n *graph.Node) int { return n.Shape().Size() * n.DType().Size() }

// largest returns the bytes of what a reduction reads, and of a product or of an operand that goes by bands with it, whichever is more.
func largest(product *graph.Node) int {
	if product.Op() != opMatMul {
		return typeBytes(product.Input(0))
	}
	most := typeBytes(product)
	if product.Shape().Rank() > 2 {
		for _, in := range product.Inputs() {
			if goesAlong(in, product) {
				most = max(most, typeBytes(in))
			}
		}
	}
	return most
}

// goesAlong reports whether bands of v, by its first axis, need those of an operand.
func goesAlong(in, v *graph.Node) bool {
	return in.Shape().Rank() == v.Shape().Rank() && in.Shape()[0] == v.Shape()[0]
}

// newBand finds what is computed with a product or a reduction of rows, nil if it is not worth it.
func newBand(u *unit, first *graph.Node, uses *useCounts) *band {
	b := &band{first: first, large: largest(first)/smallestPart + 1, copied: make([]bool, u.g.Len())}
	n := first.Shape()[0]
	needed := u.g.Needed(u.outputs...)
	start := make([]bool, u.g.Len()) // what is a member whatever it reads
	start[first.ID()] = true
	b.grow(u, start, needed)
	if b.ofRows() {
		b.extend(u, start, needed)
		saved := b.saved(u)
		if b.rows = 1; !b.member[first.ID()] || saved < n*leastRowBytes || saved < 4*typeBytes(first.Input(0)) || b.cutsSum(u, uses) {
			return nil
		}
		return b
	}
	if b.batch() {
		b.extend(u, start, needed)
		if !b.member[first.ID()] {
			return nil
		}
		most := 0
		for _, v := range b.inside {
			most = max(most, typeBytes(v))
			for k, in := range v.Inputs() {
				if b.goesThrough(v, k) {
					most = max(most, typeBytes(in))
				}
			}
		}
		for b.rows = max(1, int(batchBytes*int64(n)/int64(most))); n%b.rows != 0; { // large results are not to be put together
			b.rows--
		}
		if bytes := most / n * b.rows; bytes < batchBytes/4 || bytes > 2*bandBytes || n < 4*b.rows || !b.reads() {
			return nil
		}
		return b
	}
	b.rows = int(bandBytes*int64(n)/int64(typeBytes(first))) &^ 7
	if b.rows < leastRows || n < 4*b.rows || slices.ContainsFunc(b.exits, func(v *graph.Node) bool { return !b.small(v) }) {
		return nil
	}
	// A number of rows close to that which all bands have, if there is one.
	for rows := b.rows; rows > b.rows*3/4; rows-- {
		if n%rows == 0 {
			b.rows = rows
			break
		}
	}
	return b
}

// extend adds large values that members alone read, or that are as soon made again as read.
func (b *band) extend(u *unit, start, needed []bool) {
	for refused := make([]bool, u.g.Len()); ; {
		more := false
		for _, v := range b.inside {
			for k, in := range v.Inputs() {
				if id := v.InputID(k); !b.member[id] && !start[id] && !refused[id] && b.stage[id] == 0 && !b.small(in) && goesAlong(in, v) && b.byBands(in) {
					start[id], b.copied[id], more = true, !b.ofRows() && b.spread(in), true
				}
			}
		}
		if !more {
			return
		}
		for more {
			b.grow(u, start, needed)
			more = false
			for _, v := range b.exits {
				if id := v.ID(); v != b.first && start[id] {
					start[id], refused[id], more = false, true, true
				}
			}
		}
	}
}

// grow finds the members: those with which it starts, and what joins them.
func (b *band) grow(u *unit, start, needed []bool) {
	b.member, b.stage, b.inside, b.exits = make([]bool, u.g.Len()), make([]int32, u.g.Len()), nil, nil
	exit := make([]bool, u.g.Len())
	for id := slices.Index(start, true); id < u.g.Len(); id++ {
		v := u.g.Node(id)
		if needed[id] && (start[id] && !b.readsBehind(v) || b.joins(v)) {
			b.member[id] = true
			if !b.copied[id] {
				b.stage[id] = 1
			}
			b.inside = append(b.inside, v)
			continue
		}
		for k := range v.Inputs() {
			of := v.InputID(k)
			b.stage[id] = max(b.stage[id], b.stage[of])
			exit[of] = exit[of] || b.member[of] && needed[id]
		}
	}
	for _, o := range u.outputs {
		exit[o.ID()] = exit[o.ID()] || b.member[o.ID()]
	}
	for _, v := range b.inside {
		if exit[v.ID()] && !b.copied[v.ID()] {
			b.exits = append(b.exits, v)
		}
	}
}

func (b *band) batch() bool { return b.first.Op() == opMatMul && b.first.Shape().Rank() > 2 }

// ofRows reports whether rows are reduced and no product is made.
func (b *band) ofRows() bool { return b.first.Op() != opMatMul }

// saved returns the bytes that loops over whole arrays would read and write between the first time that they meet a value and the last: each reduction of a row begins another loop.
func (b *band) saved(u *unit) int {
	loop := map[*graph.Node]int{} // that makes a member: the number of reductions one after the other before it
	readers := map[*graph.Node][]int{}
	for _, v := range b.inside {
		for k, in := range v.Inputs() {
			of := 0
			if b.member[v.InputID(k)] {
				if of = loop[in]; in.Op().Reduction != "" {
					of++
				}
			}
			loop[v] = max(loop[v], of)
		}
		for k, in := range v.Inputs() {
			if b.goesThrough(v, k) && !b.small(in) && !slices.Contains(readers[in], loop[v]) {
				readers[in] = append(readers[in], loop[v])
			}
		}
	}
	bytes := 0
	for in, loops := range readers {
		again := len(loops) - 1 // times that it is read once more
		if made, ok := loop[in]; ok && !slices.Contains(loops, made) {
			again++
		}
		if bytes += typeBytes(in) * again; again > 0 && b.member[in.ID()] && !slices.Contains(b.exits, in) {
			bytes += typeBytes(in)
		}
	}
	for _, v := range b.exits { // which a loop behind the band might make where it reads them
		if !b.small(v) && !slices.Contains(u.outputs, v) {
			bytes -= 2 * typeBytes(v)
		}
	}
	return bytes
}

// cutsSum reports whether a sum and the product or sum that it alone reads are not both inside or both outside: the product may be joined with the sum, with another rounding.
func (b *band) cutsSum(u *unit, uses *useCounts) bool {
	sums := []string{micro.Add.String(), micro.Sub.String()}
	for id := range u.g.Len() {
		v := u.g.Node(id)
		if uses.count[id] == 0 || !slices.Contains(sums, v.Op().Micro) {
			continue
		}
		for k, in := range v.Inputs() {
			of := v.InputID(k)
			if b.member[id] != b.member[of] && uses.count[of] == 1 && slices.Contains(append(sums, micro.Mul.String()), in.Op().Micro) {
				return true
			}
		}
	}
	return false
}

func (b *band) small(n *graph.Node) bool { return typeBytes(n) < b.large }

// spread reports whether a value is made of smaller ones by arithmetic, such as differences of all pairs: to make it again is then no more than to read it.
func (b *band) spread(n *graph.Node) bool {
	return n.Op().Elementwise && n.Op().Micro != "" && micro.ByName(n.Op().Micro).Info().Flops <= 1 && !slices.ContainsFunc(n.Inputs(), func(in *graph.Node) bool { return !b.small(in) })
}

// reads reports whether something large that is made in a band of matrices is an operand of a product or is reduced in it: elementwise loops alone are joined with products anyway.
func (b *band) reads() bool {
	for _, v := range b.inside {
		for k, in := range v.Inputs() {
			if b.member[v.InputID(k)] && !b.small(in) && !v.Op().Elementwise {
				return true
			}
		}
	}
	return false
}

// readsBehind reports whether v reads what is made outside of members.
func (b *band) readsBehind(v *graph.Node) bool {
	for k := range v.Inputs() {
		if of := v.InputID(k); !b.member[of] && b.stage[of] > 0 {
			return true
		}
	}
	return false
}

// joins reports whether the rows of v are made of the same rows of members, and of what does not depend on the product.
func (b *band) joins(v *graph.Node) bool {
	reads, large := false, false
	for k, in := range v.Inputs() {
		if of := v.InputID(k); b.member[of] {
			reads, large = reads || !b.copied[of], large || !b.small(in) || b.ofRows()
		} else if b.stage[of] > 0 {
			return false
		}
	}
	return reads && (large || b.small(v)) && b.byBands(v)
}

// byBands reports whether an operator can compute each band of v, by its first axis, from that of each member that it reads.
func (b *band) byBands(v *graph.Node) bool {
	op := v.Op()
	if len(v.Results()) > 0 || v.Shape().Rank() == 0 || v.Shape()[0] != b.first.Shape()[0] {
		return false
	}
	switch {
	case op.Elementwise, op == opMatMul && b.batch() && v.Shape().Rank() > 2:
		for k, in := range v.Inputs() {
			if b.member[v.InputID(k)] && !goesAlong(in, v) {
				return false
			}
		}
		return true
	case op.Reduction != "":
		return !slices.Contains(v.Attrs().Ints("axes"), 0)
	}
	return op.AlongAxis && op.Kernel != "" && len(v.Inputs()) == 1 && v.Attrs().Int("axis") > 0
}

// goesThrough reports whether a band needs its rows alone of an operand of v that is no member.
func (b *band) goesThrough(v *graph.Node, k int) bool {
	if v == b.first && !b.batch() && !b.ofRows() {
		return k == 0
	}
	return v.Op().Reduction != "" || goesAlong(v.Input(k), v)
}

// apply puts the bands in the place of the product and of what is made of it.
func (b *band) apply(u *unit) {
	restore := u.g.AtNode(b.first)
	n := b.first.Shape()[0]
	whole := n / b.rows
	var through []*graph.Node
	for _, v := range b.inside {
		for k, in := range v.Inputs() {
			if !b.member[v.InputID(k)] && b.goesThrough(v, k) && !slices.Contains(through, in) {
				through = append(through, in)
			}
		}
	}
	// compute returns the exits for some rows, from those of what is gone through.
	compute := func(rows []*graph.Node) (exits []*graph.Node) {
		made := map[*graph.Node]*graph.Node{}
		for _, v := range b.inside {
			in := make([]*graph.Node, len(v.Inputs()))
			for k, x := range v.Inputs() {
				switch {
				case b.member[v.InputID(k)]:
					in[k] = made[x]
				case b.goesThrough(v, k):
					in[k] = rows[slices.Index(through, x)]
				default:
					in[k] = x
				}
			}
			made[v] = u.g.Apply(v.Op(), in, v.Attrs())
		}
		for _, e := range b.exits {
			exits = append(exits, made[e])
		}
		return exits
	}
	part := func(x *graph.Node, lo, hi int) *graph.Node {
		if lo == 0 && hi == n {
			return x
		}
		ranges := make([]graph.Range, x.Shape().Rank())
		for d, extent := range x.Shape() {
			ranges[d] = graph.Range{Limit: extent}
		}
		ranges[0] = graph.Range{Start: lo, Limit: hi}
		return graph.Slice(x, ranges...)
	}
	var cut, rest []*graph.Node
	for _, x := range through {
		cut = append(cut, graph.Reshape(part(x, 0, whole*b.rows), append([]int{whole, b.rows}, x.Shape()[1:]...)...))
		rest = append(rest, part(x, whole*b.rows, n))
	}
	_, exits := graph.Scan(whole, nil, cut, func(_, rows []*graph.Node) (_, exits []*graph.Node) { return nil, compute(rows) })
	for k, e := range exits {
		exits[k] = graph.Reshape(e, append([]int{whole * b.rows}, b.exits[k].Shape()[1:]...)...)
	}
	if whole*b.rows < n {
		for k, e := range compute(rest) {
			exits[k] = graph.Concat(0, exits[k], e)
		}
	}
	restore()
	// What depends on members comes behind the bands.
	stages := make([]int32, u.g.Len())
	copy(stages, b.stage)
	images := map[*graph.Node]*graph.Node{}
	old := u.g
	g, outputs := old.RebuildInStages(append(slices.Clone(u.outputs), exits...), stages, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
		if k := slices.Index(b.exits, n); k >= 0 {
			return images[exits[k]]
		}
		if slices.Contains(exits, n) {
			images[n] = to.Apply(n.Op(), in, n.Attrs())
			return images[n]
		}
		return nil
	})
	u.g, u.outputs = g.Rebuild(outputs[:len(u.outputs)], nil) // without the product
}
