package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Bytes of a matrix product from which on it may go by bands, and those of a band, which stays in a second-level cache or near it; the least rows of a band, of which the
// second operand is packed for each.
const (
	leastBanded  = 8 << 20
	bandBytes    = 1 << 20
	leastRows    = 64
	smallestPart = 8 // values are small that have at most this part of the product's bytes
)

// bands is the pass that computes a large matrix product of which only something small is made row by row, such as the place of the smallest element of each, by bands of
// rows: a scan in whose body the product and what is made of it stay in a cache, and are never stored as a whole.
func bands(u *unit) error {
	var uses *useCounts
	for id := 0; id < u.g.Len(); id++ {
		n := u.g.Node(id)
		if n.Op() != opMatMul || typeBytes(n) < leastBanded || n.Shape().Rank() != 2 || n.Attrs().Bool("transpose_a") {
			continue
		}
		if uses == nil {
			uses = usesIn(u.g, u.outputs)
		}
		if uses.count[id] == 0 {
			continue
		}
		b := newBand(u, n)
		if b == nil {
			continue
		}
		b.apply(u)
		if u.g.Err() != nil {
			return u.g.Err()
		}
		u.fired["bands"]++
		id, uses = -1, nil // from the beginning of the new graph
	}
	return nil
}

// band is a matrix product and what is made of its rows.
type band struct {
	product *graph.Node
	stage   []int32       // by ID: 1 if the node depends on the product
	inside  []*graph.Node // what bands compute, in the order of IDs
	exits   []*graph.Node // of these, what others read
	rows    int           // of a band
}

func typeBytes(n *graph.Node) int { return n.Shape().Size() * n.DType().Size() }

// newBand finds what is made of the rows of a product, nil if it is not worth it.
func newBand(u *unit, product *graph.Node) *band {
	b := &band{product: product, stage: make([]int32, u.g.Len())}
	n, columns := product.Shape()[0], product.Shape()[1]
	b.rows = bandBytes / (columns * product.DType().Size()) &^ 7
	if b.rows < leastRows || n < 4*b.rows {
		return nil
	}
	// A number of rows close to that which all bands have, if there is one.
	for rows := b.rows; rows > b.rows*3/4; rows-- {
		if n%rows == 0 {
			b.rows = rows
			break
		}
	}
	member, exit := make([]bool, u.g.Len()), make([]bool, u.g.Len())
	needed := u.g.Needed(u.outputs...)
	for id := product.ID(); id < u.g.Len(); id++ {
		v := u.g.Node(id)
		if !needed[id] {
			continue
		}
		if v == product || b.joins(v, member) {
			member[id], b.stage[id] = true, 1
			b.inside = append(b.inside, v)
			continue
		}
		for k := range v.Inputs() {
			of := v.InputID(k)
			b.stage[id] = max(b.stage[id], b.stage[of])
			exit[of] = exit[of] || member[of]
		}
	}
	for _, o := range u.outputs {
		exit[o.ID()] = exit[o.ID()] || member[o.ID()]
	}
	for _, v := range b.inside {
		if !exit[v.ID()] {
			continue
		}
		if !b.small(v) {
			return nil
		}
		b.exits = append(b.exits, v)
	}
	return b
}

func (b *band) small(n *graph.Node) bool { return typeBytes(n) <= typeBytes(b.product)/smallestPart }

// joins reports whether the rows of v are made of the same rows of members alone, and of what does not depend on the product.
func (b *band) joins(v *graph.Node, member []bool) bool {
	reads, large := false, false
	for k, in := range v.Inputs() {
		if of := v.InputID(k); member[of] {
			reads, large = true, large || !b.small(in)
		} else if b.stage[of] > 0 {
			return false
		}
	}
	if !reads || !large && !b.small(v) {
		return false
	}
	op := v.Op()
	switch {
	case len(v.Results()) > 0:
		return false
	case op.Elementwise:
		for k, in := range v.Inputs() {
			if member[v.InputID(k)] && in.Shape().Rank() != v.Shape().Rank() {
				return false
			}
		}
		return v.Shape()[0] == b.product.Shape()[0]
	case op.Reduction != "":
		return !slices.Contains(v.Attrs().Ints("axes"), 0)
	}
	return op.AlongAxis && op.Kernel != "" && len(v.Inputs()) == 1 && v.Attrs().Int("axis") > 0
}

// goesThrough reports whether a band needs its rows alone of an operand of v that is no member.
func (b *band) goesThrough(v *graph.Node, k int) bool {
	in := v.Input(k)
	if v == b.product {
		return k == 0
	}
	return in.Shape().Rank() == v.Shape().Rank() && in.Shape()[0] == b.product.Shape()[0]
}

// apply puts the bands in the place of the product and of what is made of it.
func (b *band) apply(u *unit) {
	restore := u.g.AtNode(b.product)
	n := b.product.Shape()[0]
	whole := n / b.rows
	member := map[*graph.Node]bool{}
	for _, v := range b.inside {
		member[v] = true
	}
	var through []*graph.Node
	for _, v := range b.inside {
		for k, in := range v.Inputs() {
			if !member[in] && b.goesThrough(v, k) && !slices.Contains(through, in) {
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
				case member[x]:
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
	// What depends on the product comes behind the bands.
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
