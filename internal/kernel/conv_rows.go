package kernel

import (
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convRows is how most convolutions go: products whose columns are neighbouring positions of the result. The elements under a filter tap are then contiguous too, in planes with
// their padding, so they are read where they lie: a table says how far each tap of each channel is from where the positions begin. Planes are split by what their indices leave
// when they are divided by the strides, so that this holds for all strides. Of a gradient of the input, positions are split this way: each kind of them is computed from the
// taps that reach it.
type convRows struct {
	which         int
	source        [3]int   // extents of a plane that is read
	padded        [3]int   // extents of each of the parts that it is split into, with padding
	residues      [3][]int // of the parts
	step, shift   [3]int   // element i of a part is element i·step + residue − shift of the plane
	extents       [3]int   // of a plane of the result
	result        [3]int   // extents of the positions, of those of a kind at most
	apart         [3]int   // distances between positions of a kind
	kinds         []convKind
	sources       int // channels that are read, of a group
	results       int // channels that are computed, of a group; for filters those of the adjoint
	plane, length int // elements of a plane with padding, and of one that is read
	rows, width   int // of positions
	copied        bool
	size          int
	together      int // images of a phase
	padChannels   int // of an item
	turnItems     int
	turnChannels  int     // of an item
	rowsItem      int     // of an item
	colsItem      int     // of a row, of an item
	resultsItem   int     // of an item
	resultsPiece  int     // of a piece of a row
	blocks        int     // of results
	parts         int     // items of an image, group and block; of a group for filters
	filtersFirst  bool    // a block of filters goes through all images before the next one
	inPlace       bool    // filters of the gradient for the input are read where they lie, instead of being turned
	single        bool    // each plane has one filter, which all rows of an item are computed with at once
	planesItem    int     // of an item, if single
	padItem       int     // bytes of planes that an item copies with their padding, if it is the only one that reads them
	pair          int     // kinds that are computed before any is copied to the result: two whose positions alternate in a row
	joined        bool    // rows of an item are computed as one, with what lies between them
	ld            int     // elements of a channel of results that are not computed in place; of a row of sums for filters
	panels        int     // of the adjoint, packed
	tapsItem      int     // taps of channels of an item for filters
	slid          int     // neighbouring taps of a line, if lines slide along rows instead of being laid out; 0 if not
	slides        []int64 // where lines of such taps begin
	padBytes      int
	packBytes     int
	sumBytes      int // of sums of chains, and for float32 of their float64 sums if there are so many
	phase         int
	first, images int  // of the phase
	turned        int  // bytes of turned filters
	sumsStay      bool // between phases
	kept          int  // elements of sums of chains
	rowsChain     int  // rows of positions of a chain,
	chainsOfRow   int  // or chains of a row
	lines         *gemm.Rows
	correlation   *convCorrelation // nil for others
	packed        *convPacked      // nil for others

	offsetInScratch struct{ turned, pad, pack, sums int }
}

// convKind is positions of the result that the same taps reach.
type convKind struct {
	first, result [3]int      // where they begin, and their extents
	taps          []int       // of a filter
	table         []int64     // by channel and tap
	terms         []gemm.Term // the same with where the filters' elements are, unless these are computed
	ends          []int       // of the chains, in which all taps count
	before        int         // terms of the kinds before it
}

const (
	padding = iota
	computing
)

// Sizes of pieces of work.
const (
	convPhaseBytes = 4 << 20  // of planes with padding
	convItemWork   = 16 << 20 // multiply-adds of an item at most,
	convItemLeast  = 1 << 20  // and at least, unless there are
	convItems      = 16       // items
	convPositions  = 256      // of an item, if results can be cut
	convResults    = 24       // of an item at least: what is read for a tile is then read for others
	convTerms      = 64       // of a piece from which it has few results
	convPlanes     = 1 << 13  // elements of planes with padding of an item, if there are several
	convScratch    = 1 << 15  // elements of results that are not computed in place
	convKinds      = 64       // of positions at most
	convTurned     = 1 << 14  // elements of filters that are turned at once, about
	filterLines    = 16       // filters that are turned together: lines of a cache that are read beside one another, and written whole
	// of the gradient of filters
	convFilterTaps  = 56 // rows of products of an item at most,
	convFilterItems = 4  // and items at least, if there are so many tiles
	// chains are added in float32 as many times as in a product
	chainsOfSums = gemm.Segment / gemm.Chain
)

// newConvRows returns nil where another way is better: where rows are so short, also several together, that vectors stay half empty.
func newConvRows(g *convGeometry, d dtype.DType, which int, product *gemm.Plan) *convRows {
	unit := [3]int{1, 1, 1}
	r := &convRows{which: which, size: d.Size(), sources: g.chans, results: g.filters, step: unit, apart: unit}
	if which == convOfInput {
		r.sources, r.results = g.filters, g.chans
	}
	kinds := 1
	for i := range 3 {
		if which == convOfInput {
			kinds = min(kinds*min(g.stride[i], g.in[i], convKinds+1), convKinds+1)
		}
	}
	if kinds > convKinds || which != convOfFilters && d == dtype.Float32 && r.sources*g.taps > gemm.Segment {
		return nil
	}
	g = g.flat()
	offsets := r.setExtents(g)
	r.plane, r.length = 1, 1
	for i := range 3 {
		r.copied = r.copied || r.step[i] != 1 || r.shift[i] != 0 || len(r.residues[i]) != 1 || r.padded[i] != r.source[i]
		r.plane *= r.padded[i] * len(r.residues[i])
		r.length *= r.source[i]
	}
	r.width, r.rows, r.pair = r.result[2], r.result[0]*r.result[1], 1
	if r.apart[2] == 2 && r.extents[2] > 1 {
		r.pair = 2
	}
	lanes := product.Width() / 2
	if which == convOfFilters {
		if r.correlation = newConvCorrelation(g, r, d); r.correlation == nil && r.results < 8 {
			return nil
		}
	} else {
		r.single = r.sources == 1 && r.results == 1 && g.taps <= gemm.Chain && (r.apart == unit || r.result[0] == 1)
		time := r.cut(g, product)
		if r.copied {
			time += r.sources * r.plane / 2
		}
		r.packed = newConvPacked(g, r, offsets, time, product)
		short := 2*r.width < ceil(r.width, lanes)*lanes
		if short && r.packed == nil && !r.single && r.apart == unit && (!r.joined || 2*r.rowsItem*r.width < r.ld) {
			return nil
		}
	}
	// Filters that few positions are multiplied with are not worth turning.
	r.inPlace = which == convOfInput && !r.single && r.packed == nil && g.images*r.rows*r.width <= 2*lanes*lanes
	r.setKinds(g, offsets)
	image := g.groups * r.sources * r.plane * r.size
	r.together = max(1, min(g.images, convPhaseBytes/max(1, image)))
	if r.single {
		r.planesItem = 1
		if r.parts == 1 {
			r.planesItem = evenly(g.groups, max(1, convPlanes/r.plane))
		}
	}
	if r.single && r.copied && r.parts == 1 {
		r.padItem, r.together = scratchSize(r.planesItem*r.plane, r.size), g.images
	} else if r.copied {
		r.padBytes = scratchSize(r.together*image, 1)
		r.padChannels = max(1, 1<<14/r.plane)
	}
	at := 0
	take := func(bytes int) int { at += bytes; return at - bytes }
	if which == convOfInput && !r.inPlace && !(r.single && len(r.kinds) == 1 && len(r.kinds[0].taps) == g.taps) {
		r.turned = scratchSize(g.groups*g.chans*g.filters*g.taps, r.size)
		r.turnChannels = evenly(g.chans, max(1, 512/g.taps, convTurned/(g.filters*g.taps)))
		r.turnItems = g.groups * ceil(g.chans, r.turnChannels)
	}
	r.offsetInScratch.turned, r.offsetInScratch.pad = take(r.turned), take(r.padBytes)
	if which != convOfFilters {
		// Either filters are read again for each image, or images for each block of filters.
		r.filtersFirst = r.blocks*r.sources*r.plane*r.together < r.results*r.sources*g.taps*r.together
		return r
	}
	if r.correlation != nil {
		r.offsetInScratch.sums = take(r.correlation.bytes)
		return r
	}
	r.panels = ceil(r.results, product.Width())
	r.ld = r.panels * product.Width()
	r.rowsChain, r.chainsOfRow = max(1, gemm.Chain/r.width), ceil(r.width, gemm.Chain)
	r.packBytes = scratchSize(r.together*g.groups*g.outs*r.ld, r.size)
	r.offsetInScratch.pack = take(r.packBytes)
	r.lines = gemm.NewRows(d, cpu.Best())
	all := r.sources * g.taps
	height := product.Height()
	if lines := product.SlideLines(g.window[2]); lines > 0 && g.stride[2] == 1 && g.dilation[2] == 1 {
		r.slid, height = g.window[2], lines*g.window[2]
		for at := 0; at < all; at += r.slid {
			r.slides = append(r.slides, r.kinds[0].table[at])
		}
	}
	units := ceil(all, height)
	r.tapsItem = min(all, evenly(units, max(1, min(units/convFilterItems, convFilterTaps/height)))*height)
	r.parts = ceil(all, r.tapsItem)
	// Between phases sums are kept for all items.
	r.kept = r.tapsItem * r.ld
	if r.sumsStay = r.together < g.images; r.sumsStay {
		r.kept = g.groups * all * r.ld
	}
	r.sumBytes = scratchSize(r.kept, r.size)
	if r.chainsOfAll(g.images) > chainsOfSums && r.size == 4 {
		r.sumBytes += scratchSize(r.kept, 8)
	}
	if r.sumsStay {
		r.offsetInScratch.sums = take(r.sumBytes)
	}
	return r
}

// flat is the geometry with dimensions that are only walked through as one.
func (g *convGeometry) flat() *convGeometry {
	f := *g
	walked := func(i int) bool { return f.window[i] == 1 && f.stride[i] == 1 && f.in[i] == f.out[i] }
	for i := 1; i >= 0 && walked(i) && walked(2); i-- {
		f.in[2], f.out[2] = f.in[2]*f.in[i], f.out[2]*f.out[i]
		f.in[i], f.out[i] = 1, 1
	}
	return &f
}

// tapOffset is where a tap of a dimension reads: the residue of the part, or of the positions of the result that it reaches, and the distance from a position's index in that part.
type tapOffset struct{ residue, shift int }

// setExtents sets the extents of planes and positions, and returns the offsets of the taps of each dimension.
func (r *convRows) setExtents(g *convGeometry) (offsets [3][]tapOffset) {
	for i := range 3 {
		stride := g.stride[i]
		if r.which != convOfInput {
			r.source[i], r.extents[i], r.result[i], r.step[i], r.shift[i] = g.in[i], g.out[i], g.out[i], stride, g.low[i]
			most := 0
			for k := range g.window[i] {
				t := tapOffset{k * g.dilation[i] % stride, k * g.dilation[i] / stride}
				offsets[i] = append(offsets[i], t)
				if most = max(most, t.shift); !slices.Contains(r.residues[i], t.residue) {
					r.residues[i] = append(r.residues[i], t.residue)
				}
			}
			r.padded[i] = r.result[i] + most
			continue
		}
		// Position q·stride + residue is reached by tap k from position q + shift of the adjoint, if k·dilation leaves the same as residue + low.
		r.source[i], r.extents[i], r.result[i], r.apart[i], r.residues[i] = g.out[i], g.in[i], ceil(g.in[i], stride), stride, []int{0}
		least, most := 0, 0
		for k := range g.window[i] {
			at := k*g.dilation[i] - g.low[i]
			residue := ((at % stride) + stride) % stride
			t := tapOffset{residue, (residue - at) / stride}
			offsets[i] = append(offsets[i], t)
			if k == 0 {
				least, most = t.shift, t.shift
			}
			least, most = min(least, t.shift), max(most, t.shift)
		}
		r.shift[i] = -least
		r.padded[i] = r.result[i] + most - least
		for k := range offsets[i] {
			offsets[i][k].shift -= least
		}
	}
	return offsets
}

// setKinds lists the kinds of positions, with the taps that reach them.
func (r *convRows) setKinds(g *convGeometry, offsets [3][]tapOffset) {
	before := 0
	for d := range min(r.apart[0], g.in[0]) {
		for h := range min(r.apart[1], g.in[1]) {
			for w := range min(r.apart[2], g.in[2]) {
				k := convKind{first: [3]int{d, h, w}, result: r.result, before: before}
				if r.which == convOfInput {
					for i, first := range k.first {
						k.result[i] = ceil(g.in[i]-first, r.apart[i])
					}
				}
				var reads []int // of the taps, from where a channel's positions begin
				tap := 0
				for _, kd := range offsets[0] {
					for _, kh := range offsets[1] {
						for _, kw := range offsets[2] {
							if r.which != convOfInput || [3]int{kd.residue, kh.residue, kw.residue} == k.first {
								k.taps, reads = append(k.taps, tap), append(reads, r.reads(kd, kh, kw))
							}
							tap++
						}
					}
				}
				chain := 0
				for c := range r.sources {
					for i, at := range reads {
						a := len(k.table)
						if r.inPlace {
							a = c*g.chans*g.taps + k.taps[i]
						}
						if now := (c*g.taps + k.taps[i]) / gemm.Chain; now != chain {
							if chain = now; len(k.table) > 0 {
								k.ends = append(k.ends, len(k.table))
							}
						}
						if r.which != convOfFilters {
							k.terms = append(k.terms, gemm.Term{B: int64((at + c*r.plane) * r.size), A: int64(a * r.size)})
						}
						k.table = append(k.table, int64((at+c*r.plane)*r.size))
					}
				}
				k.ends = append(k.ends, len(k.table))
				before += len(k.table)
				r.kinds = append(r.kinds, k)
			}
		}
	}
}

// reads returns where a tap reads, from where positions of the first part of a channel begin.
func (r *convRows) reads(d, h, w tapOffset) int {
	part := 0
	if r.which != convOfInput {
		part = (slices.Index(r.residues[0], d.residue)*len(r.residues[1])+slices.Index(r.residues[1], h.residue))*len(r.residues[2]) + slices.Index(r.residues[2], w.residue)
	}
	return ((part*r.padded[0]+d.shift)*r.padded[1]+h.shift)*r.padded[2] + w.shift
}

// cut chooses the items: some results at some positions, whose operands stay in a cache while they are used. It returns about how many cycles an image and group take.
func (r *convRows) cut(g *convGeometry, product *gemm.Plan) int {
	terms := max(1, r.sources*g.taps/(r.apart[0]*r.apart[1]*r.apart[2]))
	row := r.sources * g.taps * r.width // multiply-adds for a row of a result
	work := max(convItemLeast, min(convItemWork, g.images*g.groups*r.results*r.rows*row/convItems))
	joins := r.result[0] == 1 && r.width <= 4*product.Width() && !r.single || r.single && r.apart != [3]int{1, 1, 1}
	r.rowsItem, r.resultsItem, r.colsItem = evenly(r.rows, max(1, convPositions/r.width)), r.results, r.width
	if n := work / max(1, r.rowsItem*row); n < r.results {
		units := ceil(r.results, product.Height())
		r.resultsItem = min(r.results, evenly(units, max(1, max(n, convResults)/product.Height()))*product.Height())
	} else {
		most := r.rows
		if joins {
			most = max(1, convScratch/(r.results*r.padded[2]))
		}
		r.rowsItem = evenly(r.rows, max(1, min(most, max(r.rowsItem, work/max(1, r.results*row)))))
	}
	if r.rowsItem == 1 && r.width > convPositions {
		units := ceil(r.width, product.Width())
		most := max(convPositions, work/max(1, r.resultsItem*r.sources*g.taps))
		r.colsItem = min(r.width, evenly(units, most/product.Width())*product.Width())
	}
	r.blocks = ceil(r.results, r.resultsItem)
	r.parts = ceil(r.rows, r.rowsItem) * r.pieces()
	if r.single {
		if r.resultsPiece, r.joined = 1, joins; joins {
			r.ld = r.rowsItem * r.padded[2]
		}
		return 0
	}
	// Rows of one plane that follow one another are computed as one, if that is faster, as vectors are filled better or more of them are computed at once. The elements between
	// rows, which belong to no position, are left out when they are copied to the result.
	together := (r.rowsItem-1)*r.padded[2] + r.width
	copying := r.rowsItem * r.resultsItem * (10 + r.width/8) // cycles
	if r.apart[2] > 1 {
		copying, r.ld = 0, r.colsItem // in either way
	}
	// Few results at a time, so that few lines of memory are written at a time; but a piece should have some work.
	if r.resultsPiece = r.resultsItem; terms >= convTerms {
		r.resultsPiece = min(r.resultsItem, product.Height())
	}
	separate := r.rowsItem * ceil(r.resultsItem, r.resultsPiece) * product.PieceTime(r.resultsPiece, r.width, terms)
	if joined := product.PieceTime(r.resultsItem, together, terms) + copying; joins && r.rowsItem > 1 && joined < separate {
		lanes := product.Width() / 2
		r.joined, r.ld, separate = true, ceil(together, lanes)*lanes, joined
	}
	return separate * r.blocks * r.parts
}

// pieces is the number of items of a row.
func (r *convRows) pieces() int { return ceil(r.width, r.colsItem) }

// each is the scratch of a goroutine besides that of products.
func (r *convRows) each() int {
	switch {
	case r.correlation != nil:
		return r.correlation.each()
	case r.packed != nil:
		return r.packed.each()
	case r.which == convOfFilters:
		n := scratchSize(int(unsafe.Sizeof(gemm.Scratch{})), 1)
		if r.slid > 0 {
			n += scratchSize(r.mostParts(), int(unsafe.Sizeof(gemm.Part{})))
		} else {
			n += scratchSize(r.tapsItem*r.lead(), r.size)
		}
		if !r.sumsStay {
			n += r.sumBytes
		}
		return n
	}
	return r.padItem + scratchSize(r.pair*r.resultsItem*r.ld, r.size)
}

// workspace is the scratch that all goroutines share.
func (r *convRows) workspace() int {
	n := r.turned + r.padBytes + r.packBytes
	if r.sumsStay {
		n += r.sumBytes
	}
	if r.correlation != nil {
		n += r.correlation.bytes
	}
	return n
}

// stateBytes bounds the memory of a plan's rows.
func (r *convRows) stateBytes() int64 {
	n := int64(unsafe.Sizeof(convRows{})) + int64(unsafe.Sizeof(convCorrelation{})) + int64(unsafe.Sizeof(gemm.Correlator{})) + int64(unsafe.Sizeof(gemm.Rows{})) + 2*int64(len(r.kinds))*int64(unsafe.Sizeof(convKind{})) + 64
	for i := range r.kinds {
		k := &r.kinds[i]
		n += 16*int64(len(k.taps)+len(k.table)+len(k.ends)) + 32*int64(len(k.terms)) + 192
	}
	if r.packed != nil {
		n += int64(unsafe.Sizeof(*r.packed)) + 2*int64(len(r.packed.taps))*int64(unsafe.Sizeof(convTap{}))
	}
	n += 16 * int64(len(r.slides))
	for _, list := range r.residues {
		n += 16*int64(len(list)) + 64
	}
	return n
}

// runRows runs the convolution in phases: some images are padded, then computed with.
func (p *convPlan) runRows(c *Call) {
	r := p.rows
	p.call = c
	for r.first = 0; r.first < p.images; r.first += r.together {
		r.images = min(r.together, p.images-r.first)
		r.phase = padding
		items := r.padItems(p) + r.images*p.groups*r.panels
		if r.first == 0 {
			items += r.turnItems
		}
		if items > 0 {
			c.Parallel(p, items)
		}
		r.phase = computing
		if r.correlation != nil {
			c.Parallel(p, r.correlation.items())
		} else if p.which == convOfFilters {
			c.Parallel(p, p.groups*r.parts)
		} else if r.single {
			c.Parallel(p, r.images*r.planeItems(p)*r.parts)
		} else {
			c.Parallel(p, r.images*p.groups*r.blocks*r.parts)
		}
	}
	p.call = nil
}

// padItems is the number of items of channels that are padded.
func (r *convRows) padItems(p *convPlan) int {
	if !r.copied || r.padItem > 0 {
		return 0
	}
	return ceil(r.images*p.groups*r.sources, r.padChannels)
}

// rowsItem runs an item of either phase.
func rowsItem[T float](p *convPlan, worker, item int) {
	r := p.rows
	pads, packs := r.padItems(p), r.images*p.groups*r.panels
	switch {
	case r.phase == padding && item < pads:
		padChannels[T](p, worker, item)
	case r.phase == padding && item < pads+packs:
		packPanel[T](p, worker, item-pads)
	case r.phase == padding:
		turnItem[T](p, worker, item-pads-packs)
	case r.correlation != nil:
		correlateItem[T](p, worker, item)
	case p.which == convOfFilters:
		filterRows[T](p, worker, item)
	case r.single:
		planesItem[T](p, worker, item)
	default:
		positionsItem[T](p, worker, item)
	}
}

// positionsItem computes some results of an image and group at some positions.
func positionsItem[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	number, rest := item%r.parts, item/r.parts
	plane, block := rest/r.blocks, rest%r.blocks // of the images and groups of the phase
	if n := r.images * p.groups; r.filtersFirst {
		plane, block = rest%n, rest/n
	}
	first := block * r.resultsItem
	results := min(r.resultsItem, r.results-first)
	filters := turned[T]{data[T](&c.In[1]), p.groups * r.results, plane%p.groups*r.results + first}
	switch {
	case r.inPlace:
		filters = turned[T]{w: filters.w[(plane%p.groups*p.filters*p.chans+first)*p.taps:]}
	case r.turned > 0:
		filters.w = part[T](c.Work, r.offsetInScratch.turned, r.turned)
	}
	size := r.extents[0] * r.extents[1] * r.extents[2]
	at := ((r.first*p.groups+plane)*r.results + first) * size
	if r.packed != nil {
		packedItem(p, worker, number, plane, results, filters.of(&r.kinds[0]), at)
		return
	}
	from, to := rowsSource[T](p, &c.In[0], plane), data[T](&c.Out[0])[at:]
	x := r.spanOf(number)
	for i := 0; i < len(r.kinds); i += r.pair {
		computeKinds(p, worker, r.kinds[i:i+r.pair], x, results, filters, from, to)
	}
	if c.Then != nil {
		r.eachPart(x, func(off, cols int) { c.Then.Finish(worker, at+off, results, cols, size) })
	}
}

// planeItems is the number of items of an image whose planes have a filter each.
func (r *convRows) planeItems(p *convPlan) int {
	return ceil(p.groups, r.planesItem)
}

// planesItem computes some planes of an image, each with its filter, at some positions.
func planesItem[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	x, rest := r.spanOf(item%r.parts), item/r.parts
	image, first := rest/r.planeItems(p), rest%r.planeItems(p)*r.planesItem
	n, plane := min(r.planesItem, p.groups-first), image*p.groups+first
	work, to := c.Workers[worker][r.padItem:], data[T](&c.Out[0])
	var from []T
	if r.padItem > 0 {
		from = part[T](c.Workers[worker], 0, r.padItem)
		padPlanes(p, work, from, plane, plane+n)
	} else {
		from = rowsSource[T](p, &c.In[0], plane)
	}
	filters := turned[T]{data[T](&c.In[1]), p.groups, first}
	if r.turned > 0 {
		filters.w = part[T](c.Work, r.offsetInScratch.turned, r.turned)
	}
	size := r.extents[0] * r.extents[1] * r.extents[2]
	at := (r.first*p.groups + plane) * size
	if r.joined {
		for i := range n {
			for k := 0; k < len(r.kinds); k += r.pair {
				computeKinds(p, worker, r.kinds[k:k+r.pair], x, 1, filters, from[i*r.plane:], to[at+i*size:])
			}
			filters.first++
		}
	} else {
		k := &r.kinds[0]
		f := gemm.Filters{A: address(filters.of(k)), APlane: p.taps, BRow: r.padded[2], BPlane: r.plane, CRow: r.width, CPlane: size, Taps: k.terms, Planes: n, N: x.right - x.left}
		for row := x.lo; row < x.hi; row += f.Rows {
			f.Rows = min(x.hi-row, r.result[1]-row%r.result[1])
			f.B, f.C = address(from[r.rowStart(row)+x.left:]), address(to[at+row*r.width+x.left:])
			p.product.Filter(work, &f)
		}
	}
	if c.Then != nil {
		r.eachPart(x, func(off, cols int) { c.Then.Finish(worker, at+off, n, cols, size) })
	}
}

// spanOf is the positions of an item with this number of those of a plane.
func (r *convRows) spanOf(number int) span {
	x := span{lo: number / r.pieces() * r.rowsItem, left: number % r.pieces() * r.colsItem}
	x.hi, x.right = min(r.rows, x.lo+r.rowsItem), min(r.width, x.left+r.colsItem)
	return x
}

// span is the positions of an item: rows, which go through the first two dimensions, and columns.
type span struct{ lo, hi, left, right int }

// turned are filters as they are multiplied: by kind, result and term. Of so many results those from first on are meant.
type turned[T float] struct {
	w          []T
	all, first int
}

// of returns the filters of a kind.
func (t turned[T]) of(k *convKind) []T { return t.w[t.all*k.before+t.first*len(k.table):] }

// computeKinds computes the positions of one kind, or of two that alternate: row by row where they lie, or in scratch, of which they are copied.
func computeKinds[T float](p *convPlan, worker int, kinds []convKind, x span, results int, filters turned[T], from, to []T) {
	r, work := p.rows, p.call.Workers[worker][p.rows.padItem:]
	scratch := take[T](&work, r.pair*r.resultsItem*r.ld)
	size := r.extents[0] * r.extents[1] * r.extents[2]
	first := &kinds[0] // its rows are not shorter than those of another
	cols := min(x.right, first.result[2]) - x.left
	together := x.hi - x.lo // rows that are computed before others
	if r.ld > 0 && !r.joined {
		together = 1
	}
	for lo := x.lo; lo < x.hi && cols > 0; lo += together {
		hi := min(x.hi, lo+together)
		if r.joined {
			hi = min(hi, first.result[1])
		}
		all := 0 // columns of all kinds
		for i := range kinds {
			if n := min(x.right, kinds[i].result[2]) - x.left; n > 0 {
				all += n
				computeRows(p, work, &kinds[i], span{lo, hi, x.left, x.left + n}, results, filters.of(&kinds[i]), from, to, scratch[i*r.resultsItem*r.ld:(i+1)*r.resultsItem*r.ld])
			}
		}
		at := r.place(first, lo, x.left)
		if r.ld == 0 || at < 0 {
			continue
		}
		down := r.apart[1] * r.extents[2] // from row to row; there are several in a plane only
		for ch := range results {
			line, place := scratch[ch*r.ld:(ch+1)*r.ld], ch*size+at
			switch {
			case r.apart[2] == 1:
				p.product.CopyLines(work, address(to[place:]), down, address(line), r.padded[2], cols, hi-lo)
			case r.pair == 2:
				p.product.Interleave(work, address(to[place:]), down, address(line), address(scratch[(r.resultsItem+ch)*r.ld:]), r.padded[2], all, hi-lo)
			default:
				for range hi - lo {
					copyApart(to[place:], line[:cols], r.apart[2])
					line, place = line[min(r.padded[2], len(line)):], place+down
				}
			}
		}
	}
}

// computeRows computes rows of positions of a kind where they lie, or in scratch.
func computeRows[T float](p *convPlan, work []byte, k *convKind, x span, results int, filters, from, to, scratch []T) {
	r, begin, size := p.rows, 0, p.rows.extents[0]*p.rows.extents[1]*p.rows.extents[2]
	piece := gemm.Piece{ARow: len(k.table), CRow: r.ld, M: results}
	if r.inPlace {
		piece.ARow = p.taps
	}
	if r.ld == 0 {
		piece.CRow = size
	}
	for _, end := range k.ends {
		piece.K, piece.Add = end-begin, begin > 0
		if piece.K == 0 { // no tap reaches the kind
			clear(scratch)
			for ch := 0; ch < results && r.ld == 0; ch++ {
				for row := x.lo; row < x.hi; row++ {
					if at := r.place(k, row, x.left); at >= 0 {
						clear(to[ch*size+at:][:x.right-x.left])
					}
				}
			}
			return
		}
		if r.single {
			p.product.Filter(work, &gemm.Filters{A: address(filters), B: address(from[r.rowStart(x.lo)+x.left:]), BRow: r.padded[2], C: address(scratch), CRow: r.padded[2],
				Taps: k.terms[begin:end], Planes: 1, Rows: x.hi - x.lo, N: x.right - x.left})
			return
		}
		piece.Table = k.terms[begin:end]
		if r.joined {
			piece.A, piece.B, piece.C, piece.N = address(filters), address(from[r.rowStart(x.lo)+x.left:]), address(scratch), (x.hi-x.lo-1)*r.padded[2]+x.right-x.left
			p.product.Piece(work, &piece)
			begin = end
			continue
		}
		for ch := 0; ch < results; ch += r.resultsPiece {
			piece.A, piece.M, piece.N = address(filters[ch*piece.ARow:]), min(r.resultsPiece, results-ch), x.right-x.left
			for row := x.lo; row < x.hi; row++ {
				if at := r.place(k, row, x.left); at >= 0 {
					piece.B, piece.C = address(from[r.rowStart(row)+x.left:]), address(to[ch*size+at:])
					if r.ld > 0 {
						piece.C = address(scratch[ch*r.ld:])
					}
					p.product.Piece(work, &piece)
				}
			}
		}
		begin = end
	}
}

// copyApart copies elements to places that are apart from one another.
func copyApart[T float](to, from []T, apart int) {
	at := 0
	for _, v := range from {
		to[at] = v
		at += apart
	}
}

// place returns where a row of positions of a kind begins in a channel of the result, at a column; −1 if the kind has no such row.
func (r *convRows) place(k *convKind, row, column int) int {
	d, h := row/r.result[1], row%r.result[1]
	if d >= k.result[0] || h >= k.result[1] {
		return -1
	}
	return ((d*r.apart[0]+k.first[0])*r.extents[1]+h*r.apart[1]+k.first[1])*r.extents[2] + column*r.apart[2] + k.first[2]
}

// eachPart calls f for the parts of a channel of the result that lie at some positions of all kinds.
func (r *convRows) eachPart(x span, f func(at, cols int)) {
	left, right := x.left*r.apart[2], min(x.right*r.apart[2], r.extents[2])
	for d := x.lo / r.result[1]; d*r.result[1] < x.hi; d++ {
		top, bottom := max(0, x.lo-d*r.result[1])*r.apart[1], min(min(r.result[1], x.hi-d*r.result[1])*r.apart[1], r.extents[1])
		for z := d * r.apart[0]; z < min((d+1)*r.apart[0], r.extents[0]); z++ {
			if right-left == r.extents[2] {
				f((z*r.extents[1]+top)*r.extents[2], (bottom-top)*r.extents[2])
				continue
			}
			for y := top; y < bottom; y++ {
				f((z*r.extents[1]+y)*r.extents[2]+left, right-left)
			}
		}
	}
}

// turnItem turns the filters of some channels of a group.
func turnItem[T float](p *convPlan, worker, item int) {
	r := p.rows
	per := ceil(p.chans, r.turnChannels)
	q, first := item/per, item%per*r.turnChannels
	turnFilters(p, worker, turned[T]{part[T](p.call.Work, r.offsetInScratch.turned, r.turned), p.groups * p.chans, q*p.chans + first}, q, first, min(first+r.turnChannels, p.chans))
}

// turnFilters copies the filters of some channels of a group as those of the input's gradient: by kind, channel, filter and tap.
func turnFilters[T float](p *convPlan, worker int, to turned[T], q, first, last int) {
	w, work, apart := data[T](&p.call.In[1]), p.call.Workers[worker], p.chans*p.taps
	for f0 := 0; f0 < p.filters; f0 += filterLines {
		lines := min(filterLines, p.filters-f0)
		for ch := first; ch < last; ch++ {
			from := w[((q*p.filters+f0)*p.chans+ch)*p.taps:]
			for i := range p.rows.kinds {
				k := &p.rows.kinds[i]
				switch n := len(k.taps); n {
				case 0:
				case p.taps:
					p.product.CopyLines(work, address(to.of(k)[(ch-first)*len(k.table)+f0*n:]), n, address(from), apart, n, lines)
				default:
					takeTaps(to.of(k)[(ch-first)*len(k.table)+f0*n:][:lines*n], from, k.taps, apart)
				}
			}
		}
	}
}

// takeTaps copies some taps of filters that lie apart.
func takeTaps[T float](to, from []T, taps []int, apart int) {
	for j, at := range taps {
		for i := j; i < len(to); i += len(taps) {
			to[i] = from[at]
			at += apart
		}
	}
}

// rowStart is where a row of positions begins in a padded plane.
func (r *convRows) rowStart(row int) int {
	return (row/r.result[1]*r.padded[1] + row%r.result[1]) * r.padded[2]
}

// part is a part of shared scratch as elements.
func part[T float](work []byte, at, bytes int) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(work[at:]))), bytes/int(unsafe.Sizeof(zero)))
}

// rowsSource is the planes with padding of an image and group of the phase.
func rowsSource[T float](p *convPlan, x *Tensor, plane int) []T {
	r := p.rows
	if r.copied {
		return part[T](p.call.Work, r.offsetInScratch.pad, r.padBytes)[plane*r.sources*r.plane:]
	}
	return data[T](x)[(r.first*p.groups+plane)*r.sources*r.plane:]
}

// packPanel packs a panel of the adjoint.
func packPanel[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	plane, panel := item/r.panels, item%r.panels
	width := r.ld / r.panels
	gy := data[T](&c.In[1])[((r.first*p.groups+plane)*r.results+panel*width)*p.outs:]
	to := part[T](c.Work, r.offsetInScratch.pack, r.packBytes)[((plane%p.groups*r.panels+panel)*r.together+plane/p.groups)*width*p.outs:]
	p.product.Panels(c.Workers[worker], address(to), address(gy), min(width, r.results-panel*width), p.outs, p.outs)
}

// padChannels copies the channels of an item with their padding.
func padChannels[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	first := item * r.padChannels
	padPlanes(p, c.Workers[worker], part[T](c.Work, r.offsetInScratch.pad, r.padBytes)[first*r.plane:], first, min(first+r.padChannels, r.images*p.groups*r.sources))
}

// padPlanes copies some channels of the phase with their padding, part by part.
func padPlanes[T float](p *convPlan, work []byte, to []T, first, last int) {
	r := p.rows
	x := data[T](&p.call.In[0])[r.first*p.groups*r.sources*r.length:]
	width := r.padded[2]
	for ch := first; ch < last; ch++ {
		from := x[ch*r.length : (ch+1)*r.length]
		clear(to[:r.plane])
		if r.step == [3]int{1, 1, 1} {
			padPlane(p, work, to, from)
			to = to[r.plane:]
			continue
		}
		for _, d := range r.residues[0] {
			for _, h := range r.residues[1] {
				for _, w := range r.residues[2] {
					line, cols, skipped := r.inPlane(2, w)
					top, lines, above := r.inPlane(1, h)
					for i := range r.padded[0] {
						if z := i*r.step[0] + d - r.shift[0]; cols > 0 && lines > 0 && z >= 0 && z < r.source[0] {
							source := from[(z*r.source[1]+top)*r.source[2]+line:]
							copyStepped(p, work, to[above*width+skipped:], source, cols, lines)
						}
						to = to[r.padded[1]*width:]
					}
				}
			}
		}
	}
}

// inPlane returns the first element of a plane that belongs to a part along a dimension, their number, and how many elements of padding the part has before them.
func (r *convRows) inPlane(dim, residue int) (first, n, before int) {
	step, at := r.step[dim], residue-r.shift[dim] // element i of the part is element i·step + at of the plane
	before = min(max(0, (step-1-at)/step), r.padded[dim])
	return at + before*step, min(r.padded[dim], ceil(r.source[dim]-at, step)) - before, before
}

// copyStepped copies some of the elements of lines of a plane, both a step apart, to a part of it.
func copyStepped[T float](p *convPlan, work []byte, to, from []T, cols, lines int) {
	r := p.rows
	step, down := r.step[2], r.step[1]*r.source[2]
	switch step {
	case 1:
		p.product.CopyLines(work, address(to), r.padded[2], address(from), down, cols, lines)
	case 2:
		p.product.EverySecond(work, address(to), r.padded[2], address(from), down, cols, lines)
	default:
		for i := range lines {
			copyEvery(to[i*r.padded[2]:][:cols], from[i*down:], step)
		}
	}
}

// padPlane copies a channel between its padding.
func padPlane[T float](p *convPlan, work []byte, to, from []T) {
	r := p.rows
	var lo, hi [3]int // of the padded plane
	for i, shift := range r.shift {
		lo[i], hi[i] = max(0, shift), min(r.padded[i], r.source[i]+shift)
	}
	width, lines := hi[2]-lo[2], hi[1]-lo[1]
	for d := lo[0]; d < hi[0] && width > 0 && lines > 0; d++ {
		line := to[(d*r.padded[1]+lo[1])*r.padded[2]+lo[2]:]
		source := from[((d-r.shift[0])*r.source[1]+lo[1]-r.shift[1])*r.source[2]+lo[2]-r.shift[2]:]
		p.product.CopyLines(work, address(line), r.padded[2], address(source), r.source[2], width, lines)
	}
}

// copyEvery copies every step-th element.
func copyEvery[T float](to, from []T, step int) {
	at := 0
	for i := range to {
		to[i] = from[at]
		at += step
	}
}

// lead is the distance in elements between rows of products for the gradient of filters.
func (r *convRows) lead() int { return min(r.rowsChain*r.width, gemm.Chain) + 64/r.size }

// chains is the number of chains of so many images of a phase.
func (r *convRows) chains(images int) int {
	return ceil(images*r.rows, r.rowsChain) * r.chainsOfRow
}

// chainsOfAll is that of all images.
func (r *convRows) chainsOfAll(images int) int {
	return images/r.together*r.chains(r.together) + r.chains(images%r.together)
}

// filterRows adds the images of the phase to the gradient of some taps of a group: products of what the taps read, which is laid out for one chain after another, with the packed adjoint.
func filterRows[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	first := item % r.parts * r.tapsItem
	q := item / r.parts
	table := r.kinds[0].table[first:min(first+r.tapsItem, r.sources*p.taps)]
	width := r.ld / r.panels
	work := c.Workers[worker]
	kept, at := work, 0 // of sums
	if r.sumsStay {
		kept, at = c.Work[r.offsetInScratch.sums:], (q*r.sources*p.taps+first)*r.ld
	} else {
		work = work[r.sumBytes:]
	}
	all := r.chainsOfAll(p.images)
	chain := r.first / r.together * r.chains(r.together)
	acc := take[T](&kept, r.kept)[at : at+len(table)*r.ld]
	single := r.size == 4 && all > chainsOfSums
	var sums []float64
	if single {
		sums = take[float64](&kept, r.kept)[at : at+len(table)*r.ld]
		if r.first == 0 {
			clear(sums)
		}
	}
	lead := r.lead()
	var laid []T
	if r.slid == 0 {
		laid = take[T](&work, r.tapsItem*lead)
	}
	adjoint := part[T](c.Work, r.offsetInScratch.pack, r.packBytes)[q*r.panels*r.together*width*p.outs:]
	slide := gemm.Sliding{Taps: r.slid, Row: r.padded[2], CRow: r.ld}
	var parts []gemm.Part
	if r.slid > 0 {
		slide.Lines = r.slides[first/r.slid : (first+len(table))/r.slid]
		slide.A = address(rowsSource[T](p, &c.In[0], q))
		parts = takeParts(&work, r.mostParts())
	}
	piece := gemm.Piece{ARow: lead, BRow: width, CRow: r.ld, M: len(table)}
	for lo := 0; lo < r.images*r.rows; lo += r.rowsChain {
		hi := min(lo+r.rowsChain, r.images*r.rows)
		for k := 0; k < r.width; k += gemm.Chain {
			cols := min(gemm.Chain, r.width-k)
			if r.slid > 0 {
				slide.Parts, slide.Cols = partsOf(parts[:0], r, span{lo, hi, k, k + cols}, p.groups), cols
			} else if p.taps == 1 && r.rowsChain == 1 { // channels lie as they would be laid out
				from := rowsSource[T](p, &c.In[0], lo/r.rows*p.groups+q)
				piece.A, piece.ARow = address(from[first*r.plane+r.rowStart(lo%r.rows)+k:]), r.plane
			} else {
				piece.A = address(laid)
				layTaps(p, work, laid, table, span{lo, hi, k, k + cols}, q)
			}
			piece.K = (hi - lo) * cols
			piece.Add = chain > 0 && !(single && chain%chainsOfSums == 0)
			for panel := range r.panels {
				piece.B = address(adjoint[(panel*r.together*p.outs+lo*r.width+k)*width:])
				piece.C, piece.N = address(acc[panel*width:]), min(width, r.results-panel*width)
				if r.slid > 0 {
					slide.B, slide.C, slide.N, slide.Add = piece.B, piece.C, piece.N, piece.Add
					p.product.Slide(work, &slide)
					continue
				}
				p.product.Piece(work, &piece)
			}
			if chain++; single && (chain%chainsOfSums == 0 || chain == all) {
				for i, v := range acc {
					sums[i] += float64(v)
				}
			}
		}
	}
	if chain < all {
		return
	}
	if single {
		for i, v := range sums {
			acc[i] = T(v)
		}
	}
	gw := data[T](&c.Out[0])[q*r.results*r.sources*p.taps+first:]
	r.lines.Transpose((*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(work))), address(gw), r.sources*p.taps, address(acc), r.ld, len(table), r.results)
}

// mostParts is the most parts of planes that the rows of a chain are.
func (r *convRows) mostParts() int { return r.rowsChain/r.result[1] + 2 }

// partsOf appends the parts of planes of a group that some positions of the phase's images are.
func partsOf(parts []gemm.Part, r *convRows, x span, groups int) []gemm.Part {
	for x.lo < x.hi {
		n, row := x.lo/r.rows, x.lo%r.rows
		lines := min(x.hi-x.lo, r.result[1]-row%r.result[1])
		parts = append(parts, gemm.Part{From: int64((n*groups*r.sources*r.plane + r.rowStart(row) + x.left) * r.size), Rows: int64(lines)})
		x.lo += lines
	}
	return parts
}

// takeParts is take for parts.
func takeParts(w *[]byte, n int) []gemm.Part {
	words := take[int](w, n*int(unsafe.Sizeof(gemm.Part{})/unsafe.Sizeof(0)))
	return unsafe.Slice((*gemm.Part)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

// layTaps lays out what taps of channels of a group read at some positions of the phase's images.
func layTaps[T float](p *convPlan, work []byte, laid []T, table []int64, x span, q int) {
	r := p.rows
	cols, lead := x.right-x.left, r.lead()
	for x.lo < x.hi {
		n, row := x.lo/r.rows, x.lo%r.rows
		lines := min(x.hi-x.lo, r.result[1]-row%r.result[1]) // of a plane
		from := rowsSource[T](p, &p.call.In[0], n*p.groups+q)[r.rowStart(row)+x.left:]
		p.product.CopyBlocks(work, address(laid), lead, cols, address(from), table, r.padded[2], cols, lines)
		laid = laid[lines*cols:]
		x.lo += lines
	}
}
