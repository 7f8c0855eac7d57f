package stablehlo

import (
	"maps"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// maxPositions bounds the elements of a window that is reduced slice by slice.
const maxPositions = 4096

// places says which elements of an operand an index tensor addresses, as the dimension numbers of gather and scatter do.
type places struct {
	window  []int // dimensions of the result (of the updates) that are offsets within a window
	dropped []int // dimensions of the operand that windows do not have
	batchX  []int // dimensions of the operand that go along with batchI of the indices
	batchI  []int
	mapped  []int // dimension of the operand by component of an index vector
	vector  int   // dimension of the indices that index vectors lie along
	sizes   []int // extents of a window in all dimensions of the operand
}

// check reports dimension numbers that do not fit.
func (c *call) places(shape graph.Shape, indices *graph.Node, resultRank int, p places) places {
	s := indices.Shape()
	if !indices.DType().IsInt() || p.vector < 0 || p.vector > len(s) {
		c.fail("index vectors along dimension %d of %v", p.vector, indices.Type())
	}
	c.distinct("dimensions of windows", p.window, resultRank)
	c.distinct("dimensions of the operand", slices.Concat(p.dropped, p.batchX), len(shape))
	c.distinct("dimensions that are indexed", slices.Concat(p.mapped, p.batchX), len(shape))
	c.distinct("dimensions of the indices", p.batchI, len(s))
	components := 1
	if p.vector < len(s) {
		components = s[p.vector]
	}
	if components != len(p.mapped) || len(p.batchX) != len(p.batchI) || slices.Contains(p.batchI, p.vector) || len(p.sizes) != len(shape) {
		c.fail("%d components for %d dimensions", components, len(p.mapped))
	}
	if len(p.window)+len(p.dropped)+len(p.batchX) != len(shape) || len(p.window)+len(p.batch(s)) != resultRank {
		c.fail("dimensions of windows %v of a result of %d dimensions", p.window, resultRank)
	}
	for d, e := range p.sizes {
		if e < 0 || e > shape[d] || e != 1 && (slices.Contains(p.dropped, d) || slices.Contains(p.batchX, d)) {
			c.fail("a window %v of %v", p.sizes, shape)
		}
	}
	for k, d := range p.batchX {
		if shape[d] != s[p.batchI[k]] {
			c.fail("batches of %d and %d", shape[d], s[p.batchI[k]])
		}
	}
	return p
}

// batch is the shape of the indices without that of the vectors.
func (p places) batch(s graph.Shape) []int {
	b := slices.Clone([]int(s))
	if p.vector < len(b) {
		b = slices.Delete(b, p.vector, p.vector+1)
	}
	return b
}

// starts returns for each component of the index vectors an int64 array of the batch's shape.
func (p places) starts(indices *graph.Node) []*graph.Node {
	i := graph.Cast(indices, graph.Int64)
	s := indices.Shape()
	if p.vector == len(s) {
		return []*graph.Node{i}
	}
	var all []*graph.Node
	for k := range s[p.vector] {
		all = append(all, graph.Reshape(cut(i, p.vector, k, k+1), p.batch(s)...))
	}
	return all
}

// flat returns the row-major index in the operand of every element of the result, given where windows start.
func (p places) flat(g *graph.Graph, shape graph.Shape, indices *graph.Node, starts []*graph.Node, resultRank int) *graph.Node {
	strides := make([]int, len(shape))
	for d, n := len(shape)-1, 1; d >= 0; d-- {
		strides[d] = n
		n *= shape[d]
	}
	batch := p.batch(indices.Shape())
	at := graph.Zeros(g, graph.Int64, batch...)
	scaled := func(x *graph.Node, by int) *graph.Node { return graph.Mul(x, graph.Like(x, float64(by))) }
	for k, d := range p.mapped {
		at = graph.Add(at, scaled(starts[k], strides[d]))
	}
	for k, d := range p.batchX {
		axis := p.batchI[k]
		if p.vector < axis {
			axis--
		}
		at = graph.Add(at, scaled(graph.Iota(g, graph.Int64, axis, batch...), strides[d]))
	}
	spread := slices.Repeat([]int{1}, resultRank)
	var offsets []*graph.Node
	b, w := 0, 0
	kept := p.kept(len(shape))
	for o := range resultRank {
		if !slices.Contains(p.window, o) {
			spread[o] = batch[b]
			b++
		}
	}
	for _, o := range slices.Sorted(slices.Values(p.window)) {
		row := slices.Repeat([]int{1}, resultRank)
		row[o] = p.sizes[kept[w]]
		offsets = append(offsets, scaled(graph.Iota(g, graph.Int64, o, row...), strides[kept[w]]))
		w++
	}
	at = graph.Reshape(at, spread...)
	for _, x := range offsets {
		at = graph.Add(at, x)
	}
	return at
}

// kept returns the dimensions of the operand that windows have.
func (p places) kept(rank int) []int {
	var all []int
	for d := range rank {
		if !slices.Contains(p.dropped, d) && !slices.Contains(p.batchX, d) {
			all = append(all, d)
		}
	}
	return all
}

// bounded moves indices into [0, most].
func bounded(i *graph.Node, most int) *graph.Node {
	return graph.Max(graph.Min(i, graph.Like(i, float64(most))), graph.Like(i, 0))
}

func (c *call) gather() *graph.Node {
	c.need(2)
	x, indices := c.in[0], c.in[1]
	n := c.op.attributes["dimension_numbers"].fields
	shape, t := x.Shape(), c.out()
	p := c.places(shape, indices, len(t.Shape), places{window: n["offset_dims"].ints(), dropped: n["collapsed_slice_dims"].ints(), batchX: n["operand_batching_dims"].ints(),
		batchI: n["start_indices_batching_dims"].ints(), mapped: n["start_index_map"].ints(), vector: n["index_vector_dim"].number, sizes: c.ints("slice_sizes", len(shape))})
	starts := p.starts(indices)
	for k, d := range p.mapped {
		starts[k] = bounded(starts[k], shape[d]-p.sizes[d])
	}
	if len(p.mapped) == 1 && slices.Equal(p.dropped, p.mapped) && len(p.batchX) == 0 && p.whole(shape) {
		axis, lead := p.mapped[0], len(p.batch(indices.Shape()))
		y := graph.Gather(x, starts[0], axis)
		perm, batch, offset := make([]int, len(t.Shape)), 0, 0
		for o := range perm {
			switch {
			case !slices.Contains(p.window, o):
				perm[o] = axis + batch
				batch++
			case offset < axis:
				perm[o] = offset
				offset++
			default:
				perm[o] = offset + lead
				offset++
			}
		}
		if len(perm) < 2 {
			return y
		}
		return graph.Transpose(y, perm...)
	}
	at := p.flat(c.b.g, shape, indices, starts, len(t.Shape))
	return graph.Reshape(graph.Gather(graph.Reshape(x, shape.Size()), graph.BroadcastTo(at, t.Shape...), 0), t.Shape...)
}

// whole reports whether windows are the whole operand but for the dropped dimensions.
func (p places) whole(shape graph.Shape) bool {
	for d, e := range shape {
		if p.sizes[d] != e && !slices.Contains(p.dropped, d) {
			return false
		}
	}
	return true
}

// updates combine an operand with updates at indices along an axis.
var updates = map[string]func(x, indices, updates *graph.Node, axis int) *graph.Node{
	"add": graph.ScatterAddTo, "multiply": graph.ScatterMul, "maximum": graph.ScatterMax, "minimum": graph.ScatterMin,
}

func (c *call) scatter() *graph.Node {
	if len(c.in) != 3 {
		c.fail("%d operands: a scatter of several arrays at once is not supported", len(c.in))
	}
	x, indices, u := c.in[0], c.in[1], c.in[2]
	n := c.op.attributes["scatter_dimension_numbers"].fields
	shape := x.Shape()
	p := places{window: n["update_window_dims"].ints(), dropped: n["inserted_window_dims"].ints(), batchX: n["input_batching_dims"].ints(),
		batchI: n["scatter_indices_batching_dims"].ints(), mapped: n["scatter_dims_to_operand_dims"].ints(), vector: n["index_vector_dim"].number, sizes: slices.Repeat([]int{1}, len(shape))}
	kept := p.kept(len(shape))
	for k, o := range slices.Sorted(slices.Values(p.window)) {
		if k < len(kept) && o >= 0 && o < u.Shape().Rank() {
			p.sizes[kept[k]] = u.Shape()[o]
		}
	}
	p = c.places(shape, indices, u.Shape().Rank(), p)
	r := c.region(0, 1)
	f := updates[c.combination(r)]
	if len(r.params) == 2 && c.fingerprint(r) == "return(1)" {
		f = graph.ScatterSet
	}
	if f == nil {
		c.fail("a combination that is not to add, multiply, replace, or take the larger or smaller")
	}
	starts := p.starts(indices)
	at := p.flat(c.b.g, shape, indices, starts, u.Shape().Rank())
	// a window that is not within the operand is left out: it goes to an element behind the others
	spread := slices.Repeat([]int{1}, u.Shape().Rank())
	b := 0
	for o := range spread {
		if !slices.Contains(p.window, o) {
			spread[o] = p.batch(indices.Shape())[b]
			b++
		}
	}
	size := shape.Size()
	for k, d := range p.mapped {
		i := starts[k]
		within := graph.LogicalAnd(graph.GreaterEqual(i, graph.Like(i, 0)), graph.LessEqual(i, graph.Like(i, float64(shape[d]-p.sizes[d]))))
		at = graph.Where(graph.Reshape(within, spread...), at, graph.Like(at, float64(size)))
	}
	last := graph.BroadcastTo(c.b.g.Scalar(x.DType(), 0), 1)
	flat := graph.Concat(0, graph.Reshape(x, size), last)
	at = graph.Reshape(graph.BroadcastTo(at, u.Shape()...), u.Shape().Size())
	y := f(flat, at, graph.Reshape(u, u.Shape().Size()), 0)
	return graph.Reshape(cut(y, 0, 0, size), shape...)
}

// window is that of reduce_window and select_and_scatter.
type window struct {
	size, strides, dilation, base, low, high []int
}

func (c *call) window(rank int) window {
	w := window{size: c.ints("window_dimensions", rank), strides: c.optional("window_strides", rank, 1), dilation: c.optional("window_dilations", rank, 1), base: c.optional("base_dilations", rank, 1)}
	w.low, w.high = c.padding(rank, "padding")
	for i := range rank {
		if w.size[i] < 1 || w.strides[i] < 1 || w.dilation[i] < 1 || w.base[i] < 1 {
			c.fail("a window %v with strides %v and dilation %v, %v", w.size, w.strides, w.dilation, w.base)
		}
	}
	return w
}

// padding returns the pairs of a list.
func (c *call) padding(rank int, key string) (low, high []int) {
	pairs := c.optional(key, 2*rank, 0)
	for i := range rank {
		low, high = append(low, pairs[2*i]), append(high, pairs[2*i+1])
	}
	return low, high
}

func ones(v []int) bool { return !slices.ContainsFunc(v, func(i int) bool { return i != 1 }) }

// moving returns the dimensions along which windows are more than one element, or move by more than one.
func (w window) moving() []int {
	var all []int
	for i := range w.size {
		if w.size[i] != 1 || w.strides[i] != 1 || w.low[i] != 0 || w.high[i] != 0 {
			all = append(all, i)
		}
	}
	return all
}

// spatial brings the moving dimensions to the end, behind one dimension for the others and one of extent 1, and returns how to come back from a result with the given extents of them.
func spatial(x *graph.Node, moving []int) (y *graph.Node, back func(z *graph.Node) *graph.Node) {
	var rest []int
	for i := range x.Shape() {
		if !slices.Contains(moving, i) {
			rest = append(rest, i)
		}
	}
	perm := slices.Concat(rest, moving)
	lead, tail := 1, []int{}
	var leading []int
	for _, i := range rest {
		lead *= x.Shape()[i]
		leading = append(leading, x.Shape()[i])
	}
	for _, i := range moving {
		tail = append(tail, x.Shape()[i])
	}
	y = graph.Reshape(graph.Transpose(x, perm...), slices.Concat([]int{lead, 1}, tail)...)
	return y, func(z *graph.Node) *graph.Node {
		z = graph.Reshape(z, slices.Concat(leading, z.Shape()[2:])...)
		inverse := make([]int, len(perm))
		for i, k := range perm {
			inverse[k] = i
		}
		return graph.Transpose(z, inverse...)
	}
}

// of returns the window over the moving dimensions as a pool's.
func (w window) of(moving []int) (size []int, p graph.Window) {
	for _, i := range moving {
		size = append(size, w.size[i])
		p.Strides, p.Dilation, p.Padding = append(p.Strides, w.strides[i]), append(p.Dilation, w.dilation[i]), append(p.Padding, w.low[i], w.high[i])
	}
	return size, p
}

// pools reports whether a pool's windows are these: each has an element that is no padding.
func (w window) pools(moving []int) bool {
	if len(moving) < 1 || len(moving) > 3 || !ones(w.base) {
		return false
	}
	for _, i := range moving {
		if w.low[i] < 0 || w.high[i] < 0 || w.dilation[i] != 1 || w.low[i] >= w.size[i] || w.high[i] >= w.size[i] {
			return false
		}
	}
	return true
}

func (c *call) reduceWindow() *graph.Node {
	c.need(2)
	x, start := c.in[0], c.in[1]
	w := c.window(x.Shape().Rank())
	how := c.combination(c.region(0, 1))
	f := ofTwo["stablehlo."+how]
	if f == nil || !start.Type().IsScalar() || start.DType() != x.DType() || !slices.Contains([]string{"add", "multiply", "maximum", "minimum", "and", "or"}, how) {
		c.fail("a window of %v combined by %q from %v", x.Type(), how, start.Type())
	}
	if y := w.cumulative(x, how); y != nil {
		return c.started(y, how)
	}
	moving := w.moving()
	if how == "maximum" && x.DType().IsFloat() && w.pools(moving) {
		y, back := spatial(x, moving)
		size, p := w.of(moving)
		v, _ := graph.MaxPool(y, size, p)
		if !v.Valid() {
			return v
		}
		return c.started(back(v), how)
	}
	positions := 1
	for _, e := range w.size {
		if positions *= e; positions > maxPositions {
			c.fail("a window of %v elements: %d are the most", w.size, maxPositions)
		}
	}
	inner := slices.Clone(w.base)
	for i := range inner {
		inner[i]--
	}
	y := c.pad(x, start, w.low, w.high, inner)
	if !y.Valid() {
		return y
	}
	var sum *graph.Node
	for k := range positions {
		var ranges []graph.Range
		rest := k
		at := make([]int, len(w.size))
		for i := len(w.size) - 1; i >= 0; i-- {
			at[i] = rest % w.size[i] * w.dilation[i]
			rest /= w.size[i]
		}
		for i, e := range y.Shape() {
			span := (w.size[i]-1)*w.dilation[i] + 1
			n := 0
			if e >= span {
				n = (e-span)/w.strides[i] + 1
			}
			end := at[i]
			if n > 0 {
				end += (n-1)*w.strides[i] + 1
			}
			ranges = append(ranges, graph.Range{Start: min(at[i], e), Limit: min(end, e), Step: w.strides[i]})
		}
		part := y
		if len(ranges) > 0 {
			part = graph.Slice(y, ranges...)
		}
		if sum == nil {
			sum = part
		} else {
			sum = f(sum, part)
		}
	}
	return c.started(sum, how)
}

// cumulative recognises windows over all elements before (behind) each one.
func (w window) cumulative(x *graph.Node, how string) *graph.Node {
	f := map[string]func(x *graph.Node, axis int, opts ...graph.ScanOption) *graph.Node{"add": graph.Cumsum, "multiply": graph.Cumprod, "maximum": graph.Cummax, "minimum": graph.Cummin}[how]
	moving := w.moving()
	if f == nil || len(moving) != 1 || !ones(w.strides) || !ones(w.dilation) || !ones(w.base) || x.DType() == graph.Bool {
		return nil
	}
	axis := moving[0]
	n := x.Shape()[axis]
	switch {
	case w.size[axis] != n:
		return nil
	case w.low[axis] == n-1 && w.high[axis] == 0:
		return f(x, axis)
	case w.high[axis] == n-1 && w.low[axis] == 0:
		return f(x, axis, graph.Reverse)
	}
	return nil
}

// selectAndScatter is the gradient of a pool of largest elements.
func (c *call) selectAndScatter() *graph.Node {
	c.need(3)
	x, source, start := c.in[0], c.in[1], c.in[2]
	choice, sum := c.region(0, 2), c.region(1, 2)
	w := c.window(x.Shape().Rank())
	moving := w.moving()
	if c.fingerprint(choice) != "compare.GE(0,1)return(2)" || c.combination(sum) != "add" || !x.DType().IsFloat() || !w.pools(moving) || !start.Type().IsScalar() {
		c.fail("a selection that is not of the largest elements of pools, or that is not added up")
	}
	y, back := spatial(x, moving)
	size, p := w.of(moving)
	_, indices := graph.MaxPool(y, size, p)
	if !indices.Valid() {
		return indices
	}
	u, _ := spatial(source, moving)
	if !u.Shape().Equal(indices.Shape()) {
		c.fail("windows of %v for %v", x.Type(), source.Type())
	}
	lead := y.Shape()[0]
	rows := graph.ScatterAlongAxisAdd(graph.Reshape(indices, lead, indices.Shape().Size()/max(lead, 1)), graph.Reshape(u, lead, u.Shape().Size()/max(lead, 1)), 1, lead, y.Shape().Size()/max(lead, 1))
	r := back(graph.Reshape(rows, y.Shape()...))
	if start.IsConst() && start.Literal().Float(0) == 0 {
		return r
	}
	return graph.Add(r, start)
}

func (c *call) convolution() *graph.Node {
	c.need(2)
	x, k := c.in[0], c.in[1]
	numbers := c.op.attributes["dimension_numbers"].list
	rank := x.Shape().Rank()
	if len(numbers) != 3 || rank < 3 || rank > 5 || k.Shape().Rank() != rank || !x.DType().IsFloat() {
		c.fail("%v with %v", x.Type(), k.Type())
	}
	n := rank - 2
	order := func(a attribute, first, second string) []int {
		perm := slices.Repeat([]int{-1}, rank)
		for i, e := range a.list {
			switch {
			case e.text == first:
				perm[0] = i
			case e.text == second:
				perm[1] = i
			case e.number >= 0 && e.number < n && strings.Trim(e.text, "0123456789") == "":
				perm[2+e.number] = i
			}
		}
		return c.distinct("dim_numbers", perm, rank)
	}
	window := c.op.attributes["window"].fields
	op := *c.op // the model stays as it is
	op.attributes = maps.Clone(op.attributes)
	c.op = &op
	part := func(generic, pretty string, n, value int) []int {
		if a, ok := window[pretty]; ok {
			c.op.attributes[generic] = a
		}
		return c.optional(generic, n, value)
	}
	strides, dilation, base := part("window_strides", "stride", n, 1), part("rhs_dilation", "rhs_dilate", n, 1), part("lhs_dilation", "lhs_dilate", n, 1)
	part("padding", "pad", 2*n, 0)
	low, high := c.padding(n, "padding")
	groups, batches := 1, 1
	if a, ok := c.op.attributes["feature_group_count"]; ok {
		groups = a.number
	}
	if a, ok := c.op.attributes["batch_group_count"]; ok {
		batches = a.number
	}
	x, k = graph.Transpose(x, order(numbers[0], "b", "f")...), graph.Transpose(k, order(numbers[1], "o", "i")...)
	reversal := c.op.attributes["window_reversal"]
	if a, ok := window["reverse"]; ok {
		reversal = a
	}
	var flipped []int
	for i, e := range reversal.list {
		if e.isTrue() && i < n {
			flipped = append(flipped, 2+i)
		}
	}
	if len(flipped) > 0 {
		k = graph.Flip(k, flipped...)
	}
	if batches > 1 { // groups of the batch become groups of channels
		s := x.Shape()
		if groups != 1 || s[0]%batches != 0 {
			c.fail("%d groups of a batch of %d", batches, s[0])
		}
		perm := []int{1, 0}
		for i := range n + 1 {
			perm = append(perm, 2+i)
		}
		x = graph.Transpose(graph.Reshape(x, slices.Concat([]int{batches, s[0] / batches}, s[1:])...), perm...)
		x = graph.Reshape(x, slices.Concat([]int{s[0] / batches, batches * s[1]}, s[2:])...)
		groups = batches
	}
	var before, behind, inner, around []int
	for i := range n {
		if base[i] < 1 {
			c.fail("lhs_dilate %v", base)
		}
		inner = append(inner, base[i]-1)
		before, behind = append(before, min(low[i], 0)), append(behind, min(high[i], 0))
		around = append(around, max(low[i], 0), max(high[i], 0))
	}
	if !ones(base) || slices.Min(before) < 0 || slices.Min(behind) < 0 {
		x = c.pad(x, c.b.g.Scalar(x.DType(), 0), slices.Concat([]int{0, 0}, before), slices.Concat([]int{0, 0}, behind), slices.Concat([]int{0, 0}, inner))
	}
	y := graph.Conv(x, k, graph.Window{Strides: strides, Dilation: dilation, Padding: around, Groups: groups})
	if !y.Valid() {
		return y
	}
	out := order(numbers[2], "b", "f")
	inverse := make([]int, rank)
	for i, k := range out {
		inverse[k] = i
	}
	return graph.Transpose(y, inverse...)
}
