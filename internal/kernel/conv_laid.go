package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convLaid is how convolutions go, and their gradients for the input without strides, whose rows of positions are so short that vectors of neighbours would be empty in large part: what each tap of a channel reads
// is laid out for all positions of some images, and the filters are multiplied with that as a matrix.
type convLaid struct {
	sources, results int    // channels of a group
	source, result   [3]int // extents of planes that are read, and of results
	lengths          [2]int // elements of these
	shift, padded    [3]int // of planes with padding, from which taps read: index of the first element, and extents
	plane            int    // elements of one, 0 if there is no padding
	stride           [3]int
	reads            []int // where each tap reads, from where a position is
	together         int   // images of a product
	columns          int   // of a product,
	lead             int   // and the distance of its rows, which no power of 2 divides much
	resultsItem      int   // of an item
	phase            int
	first, images    int // of the phase
	turned, laid     int // bytes of turned filters and of what is laid out
	panels           int // of filters that are kept, of a group; 0 if they are read where they lie
	width            int // of a panel
	lines            *gemm.Rows
}

const (
	layingFilters = iota
	layingColumns
	multiplyingColumns
)

const (
	laidBytes    = 4 << 20 // of what is laid out at once
	laidChannels = 8       // of an item that copies
	leastLaid    = 8       // results from which laying out is shared by enough
	leastPanels  = 4       // panels of filters that are kept: each is an item
	keptAhead    = 64      // terms of packed filters that are fetched ahead
	keptColumns  = 256     // that these are multiplied with at most: terms lie so far apart
)

// newConvLaid returns nil where another way is better: rows, or what is done if there are none.
func newConvLaid(g *convGeometry, d dtype.DType, which int, rows *convRows, product *gemm.Plan) *convLaid {
	q := &convLaid{sources: g.chans, results: g.filters, source: g.in, result: g.out, lengths: [2]int{g.ins, g.outs}, stride: g.stride}
	switch {
	case which == convOfFilters || which == convOfInput && g.stride != [3]int{1, 1, 1}:
		return nil
	case which == convOfInput:
		q.sources, q.results, q.source, q.result, q.lengths = g.filters, g.chans, g.out, g.in, [2]int{g.outs, g.ins}
	}
	terms, positions := q.sources*g.taps, q.lengths[1]
	image := g.groups * terms * positions * d.Size()
	q.together = evenly(g.images, max(1, laidBytes/max(1, image)))
	if q.results < leastLaid || image > laidBytes || d == dtype.Float32 && terms > gemm.Segment {
		return nil
	}
	if rows != nil {
		// Cycles of a term: a vector takes one for each result, whose filter is read, and what is laid out takes some.
		filters, laying := q.results/2, q.together*(40+5*q.result[0]*q.result[1])
		if 3*(vectorCycles(q.results, q.together*positions, product)+laying+filters) > 2*(q.together*rows.cycles(q.results, product)+filters) {
			return nil
		}
	}
	q.columns = q.together * positions
	lanes := product.Width() / 2
	q.lead = ceil(q.columns, lanes)*lanes + lanes
	units := ceil(q.results, product.Height())
	q.resultsItem = min(q.results, evenly(units, max(1, units*g.groups/convItems))*product.Height())
	q.setReads(g, which)
	q.laid = scratchSize(g.groups*terms*q.lead, d.Size())
	if which == convOfInput {
		q.turned = scratchSize(g.groups*g.chans*g.filters*g.taps, d.Size())
	}
	return q
}

// vectorCycles is the time of a term of so many positions of results, in cycles of a vector. The last vector of an odd number of them is a tile of its own, which waits for its sums if there are few rows.
func vectorCycles(results, positions int, product *gemm.Plan) int {
	const wait = 5 // cycles, in each of which two vectors are multiplied
	lanes, height := product.Width()/2, product.Height()
	vectors := ceil(positions, lanes)
	return results * (vectors/2*2*height + vectors%2*max(height, 2*wait)) / height
}

// cycles is that of the positions of an image.
func (r *convRows) cycles(results int, product *gemm.Plan) int {
	if r.packed != nil {
		return vectorCycles(results, r.rows*r.width, product) + r.blocks*ceil(r.rows*r.width, product.Width())*r.packed.cycles(r.blocks)
	}
	if r.joined {
		return r.parts * vectorCycles(results, (r.rowsItem-1)*r.padded[2]+r.width, product)
	}
	return r.rows * r.pieces() * vectorCycles(results, r.colsItem, product)
}

// newConvKept returns how a convolution goes whose filters are constants, nil where another way is better: they are packed once, so that they are read as they lie in memory and have all lanes of vectors, however
// few positions there are.
func newConvKept(g *convGeometry, d dtype.DType, which int, rows *convRows, product *gemm.Plan) *convLaid {
	q := newConvLaid(g, d, which, nil, product)
	if q == nil || which != convForward || q.columns > keptColumns {
		return nil
	}
	if q.width, q.panels = product.Width(), ceil(q.results, product.Width()); q.panels*g.groups < leastPanels {
		return nil
	}
	// Cycles of a term, as above.
	const wait = 5
	tiles := ceil(q.columns, product.Height())
	filters, laying := q.results/2, q.together*(40+5*q.result[0]*q.result[1])
	kept, other := 2*q.panels*tiles*max(wait, ceil(q.columns, tiles))+filters+laying, vectorCycles(q.results, q.columns, product)+filters+laying
	if rows != nil {
		other = min(other, q.together*rows.cycles(q.results, product)+filters)
	}
	if 11*kept > 10*other {
		return nil
	}
	q.lines = gemm.NewRows(d, cpu.Best())
	return q
}

// keptBytes is the memory of packed filters.
func (p *convPlan) keptBytes() int {
	if p.kept == nil {
		return 0
	}
	return scratchSize(p.groups*p.kept.panels*p.kept.width*p.chans*p.taps, p.size)
}

// keepFilters packs the filters.
func keepFilters[T float](p *convPlan, to, filters []T) {
	q, terms := p.kept, p.chans*p.taps
	scratch := make([]byte, p.product.Each())
	for group := range p.groups {
		p.product.Panels(scratch, address(to[group*q.panels*q.width*terms:]), address(filters[group*q.results*terms:]), q.results, terms, terms)
	}
}

// multiplyKept computes the results of a panel of filters for all images of the phase.
func multiplyKept[T float](p *convPlan, worker, item int) {
	q, c, work := p.now, p.call, p.call.Workers[worker]
	group, first, terms, positions := item/q.panels, item%q.panels*q.width, q.sources*p.taps, q.lengths[1]
	results := min(q.width, q.results-first)
	filters := part[T](c.Kept, 0, p.keptBytes())[item*q.width*terms:]
	laid := part[T](c.Work, q.turned, q.laid)[group*terms*q.lead:]
	sums := take[T](&work, q.columns*q.width)
	piece := gemm.Piece{ARow: 1, AStep: q.lead, BRow: q.width, C: address(sums), CRow: q.width, M: q.images * positions, N: results, Ahead: keptAhead * q.width}
	for k := 0; k < terms; k += gemm.Chain {
		piece.A, piece.B, piece.K, piece.Add = address(laid[k*q.lead:]), address(filters[k*q.width:]), min(gemm.Chain, terms-k), k > 0
		p.product.Piece(work, &piece)
	}
	for n := range q.images {
		at := (((q.first+n)*p.groups+group)*q.results + first) * positions
		q.lines.Transpose((*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(work))), address(data[T](&c.Out[0])[at:]), positions, address(sums[n*positions*q.width:]), q.width, positions, results)
		if c.Then != nil {
			c.Then.Finish(worker, at, results, positions, positions)
		}
	}
}

// setReads finds where taps read: tap k of a dimension reads element p·stride + k·dilation − low for position p, and for the gradient p + low − k·dilation.
func (q *convLaid) setReads(g *convGeometry, which int) {
	var at [3][]int
	for i := range 3 {
		least, most := 0, 0
		for k := range g.window[i] {
			off := k*g.dilation[i] - g.low[i]
			if which == convOfInput {
				off = -off
			}
			at[i] = append(at[i], off)
			if k == 0 {
				least, most = off, off
			}
			least, most = min(least, off), max(most, off)
		}
		q.shift[i] = max(0, -least)
		q.padded[i] = max(q.source[i], (q.result[i]-1)*q.stride[i]+most+1) + q.shift[i]
	}
	if q.padded != q.source {
		q.plane = q.padded[0] * q.padded[1] * q.padded[2]
	}
	for _, z := range at[0] {
		for _, y := range at[1] {
			for _, x := range at[2] {
				q.reads = append(q.reads, ((z+q.shift[0])*q.padded[1]+y+q.shift[1])*q.padded[2]+x+q.shift[2])
			}
		}
	}
}

func (q *convLaid) workspace() int { return q.turned + q.laid }

// each is the scratch of a goroutine besides that of products.
func (q *convLaid) each(size int) int {
	return max(scratchSize(q.plane, size), scratchSize(q.resultsItem*q.lead, size), scratchSize(q.columns*q.width, size)+scratchSize(int(unsafe.Sizeof(gemm.Scratch{})), 1))
}

// stateBytes bounds the memory of a plan's laid columns.
func (q *convLaid) stateBytes() int64 {
	return int64(unsafe.Sizeof(convLaid{})) + int64(unsafe.Sizeof(gemm.Rows{})) + 16*int64(len(q.reads)) + 64
}

// runLaid runs the convolution, some images at a time.
func (p *convPlan) runLaid(c *Call, q *convLaid) {
	p.call, p.now = c, q
	if q.turned > 0 {
		q.phase = layingFilters
		c.Parallel(p, p.groups*q.items(p.chans))
	}
	for q.first = 0; q.first < p.images; q.first += q.together {
		q.images = min(q.together, p.images-q.first)
		q.phase = layingColumns
		c.Parallel(p, p.groups*q.items(q.sources))
		q.phase = multiplyingColumns
		if q.panels > 0 {
			c.Parallel(p, p.groups*q.panels)
		} else {
			c.Parallel(p, p.groups*ceil(q.results, q.resultsItem))
		}
	}
	p.call, p.now = nil, nil
}

// items is the number of items that copy so many channels.
func (q *convLaid) items(channels int) int { return ceil(channels, laidChannels) }

// laidItem runs an item of a phase.
func laidItem[T float](p *convPlan, worker, item int) {
	q := p.now
	switch q.phase {
	case layingFilters:
		first, group, terms := item%q.items(p.chans)*laidChannels, item/q.items(p.chans), p.filters*p.taps
		w, to := data[T](&p.call.In[1])[group*p.filters*p.chans*p.taps:], part[T](p.call.Work, 0, q.turned)[group*p.chans*terms:]
		for f := 0; f < p.filters; f += filterLines {
			for ch := first; ch < min(first+laidChannels, p.chans); ch++ {
				p.product.CopyLines(p.call.Workers[worker], address(to[ch*terms+f*p.taps:]), p.taps, address(w[(f*p.chans+ch)*p.taps:]), p.chans*p.taps, p.taps, min(filterLines, p.filters-f))
			}
		}
	case layingColumns:
		first, group := item%q.items(q.sources)*laidChannels, item/q.items(q.sources)
		for ch := first; ch < min(first+laidChannels, q.sources); ch++ {
			for n := range q.images {
				layColumns[T](p, worker, n, group, ch)
			}
		}
	case multiplyingColumns:
		if q.panels > 0 {
			multiplyKept[T](p, worker, item)
		} else {
			multiplyColumns[T](p, worker, item)
		}
	}
}

// multiplyColumns computes some results of a group for all images of the phase.
func multiplyColumns[T float](p *convPlan, worker, item int) {
	q, c, work := p.now, p.call, p.call.Workers[worker]
	blocks := ceil(q.results, q.resultsItem)
	group, first, terms, positions := item/blocks, item%blocks*q.resultsItem, q.sources*p.taps, q.lengths[1]
	results := min(q.resultsItem, q.results-first)
	filters := data[T](&c.In[1])
	if q.turned > 0 {
		filters = part[T](c.Work, 0, q.turned)
	}
	filters = filters[(group*q.results+first)*terms:]
	laid := part[T](c.Work, q.turned, q.laid)[group*terms*q.lead:]
	sums := take[T](&work, q.resultsItem*q.lead)
	piece := gemm.Piece{ARow: terms, BRow: q.lead, C: address(sums), CRow: q.lead, M: results, N: q.images * positions}
	for k := 0; k < terms; k += gemm.Chain {
		piece.A, piece.B, piece.K, piece.Add = address(filters[k:]), address(laid[k*q.lead:]), min(gemm.Chain, terms-k), k > 0
		p.product.Piece(work, &piece)
	}
	for n := range q.images {
		at := (((q.first+n)*p.groups+group)*q.results + first) * positions
		p.product.CopyLines(work, address(data[T](&c.Out[0])[at:]), positions, address(sums[n*positions:]), q.lead, positions, results)
		if c.Then != nil {
			c.Then.Finish(worker, at, results, positions, positions)
		}
	}
}

// layColumns lays out what the taps of a channel of a group of an image read.
func layColumns[T float](p *convPlan, worker, image, group, ch int) {
	q, work := p.now, p.call.Workers[worker]
	padded := take[T](&work, q.plane)
	plane := ((q.first+image)*p.groups+group)*q.sources + ch
	from := data[T](&p.call.In[0])[plane*q.lengths[0]:][:q.lengths[0]]
	laid := part[T](p.call.Work, q.turned, q.laid)[(group*q.sources+ch)*p.taps*q.lead+image*q.lengths[1]:]
	area, width, lines := q.padded[1]*q.padded[2], q.result[2], q.result[1]
	if q.plane > 0 {
		clear(padded)
		for d := range q.source[0] {
			p.product.CopyLines(work, address(padded[(d+q.shift[0])*area+q.shift[1]*q.padded[2]+q.shift[2]:]), q.padded[2], address(from[d*q.source[1]*q.source[2]:]), q.source[2], q.source[2], q.source[1])
		}
		from = padded
	}
	for t, reads := range q.reads {
		for d := range q.result[0] {
			to, at, down := laid[t*q.lead+d*width*lines:], from[reads+d*q.stride[0]*area:], q.stride[1]*q.padded[2]
			switch q.stride[2] {
			case 1:
				p.product.CopyLines(work, address(to), width, address(at), down, width, lines)
			case 2:
				p.product.EverySecond(work, address(to), width, address(at), down, width, lines)
			default:
				for i := range lines {
					copyEvery(to[i*width:][:width], at[i*down:], q.stride[2])
				}
			}
		}
	}
}
