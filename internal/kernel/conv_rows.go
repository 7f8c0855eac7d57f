package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convRows is how convolutions with strides 1 go: products whose columns are the positions of a row of the result. The elements under a filter tap are then contiguous
// too, in planes with their padding, so they are read where they lie: a table says how far each tap of each channel is from where the row begins.
type convRows struct {
	which           int
	source, padded  [3]int // extents of a plane that is read, and with its padding
	shift           [3]int // padded index − source index
	result          [3]int // the positions
	sources         int    // channels that are read, of a group
	results         int    // channels that are computed, of a group; for filters those of the adjoint
	plane, length   int    // elements of a padded plane, and of one that is read
	rows, width     int    // of positions
	copied          bool   // there is padding
	table           []int64
	size            int
	together        int // images of a phase
	padChannels     int // of an item
	rowsItem        int // of an item
	joined          int // elements of a channel of results of an item whose rows are computed as one, with what lies between them; 0 if rows are computed one by one
	parts           int // items of an image and group
	panels, ld      int // of the adjoint, packed; elements of a row of sums
	chansItem       int // channels of an item for filters
	padBytes        int
	packBytes       int
	sumBytes        int // of sums of chains; of their float64 sums twice that for float32
	phase           int
	first, images   int // of the phase
	turned          int // bytes of turned filters
	chainsOfRow     int
	correlation     *convCorrelation // nil for others
	offsetInScratch struct{ turned, pad, pack, acc, sums int }
}

const (
	padding = iota
	computing
)

// Sizes of pieces of work: bytes of planes with padding at a time, and multiply-adds of an item.
const (
	convPhaseBytes = 4 << 20
	convItemWork   = 8 << 20
	// chains are added in float32 as many times as in a product
	chainsOfSums = gemm.Segment / gemm.Chain
)

// newConvRows returns nil where another way is better: where rows are so short, also several together, that vectors stay half empty.
func newConvRows(g *convGeometry, d dtype.DType, which int, product *gemm.Plan) *convRows {
	if g.stride != [3]int{1, 1, 1} {
		return nil
	}
	r := &convRows{which: which, size: d.Size()}
	r.source, r.result, r.sources, r.results, r.shift = g.in, g.out, g.chans, g.filters, g.low
	if which == convOfInput {
		r.source, r.result, r.sources, r.results = g.out, g.in, g.filters, g.chans
		for i := range 3 {
			r.shift[i] = (g.window[i]-1)*g.dilation[i] - g.low[i]
		}
	}
	r.plane, r.length, r.width, r.rows = 1, 1, r.result[2], r.result[0]*r.result[1]
	for i := range 3 {
		r.padded[i] = r.result[i] + (g.window[i]-1)*g.dilation[i]
		r.copied = r.copied || r.shift[i] != 0 || r.padded[i] != r.source[i]
		r.plane *= r.padded[i]
		r.length *= r.source[i]
	}
	width := product.Width()
	lanes := width / 2
	switch {
	case which == convOfFilters:
		if r.correlation = newConvCorrelation(g, r, d); r.correlation == nil && (r.width < 16 || r.sources < 8 || r.results < 8) {
			return nil
		}
	case d == dtype.Float32 && r.sources*g.taps > gemm.Segment:
		return nil
	default:
		work := r.results * r.sources * g.taps * r.width
		r.rowsItem = max(1, min(r.rows, convItemWork/max(1, work)))
		r.joinRows(product, lanes, work, r.sources*g.taps)
		short := 2*r.width < (r.width+lanes-1)/lanes*lanes
		if short && (r.joined == 0 || 2*r.rowsItem*r.width < r.joined) {
			return nil
		}
		r.parts = (r.rows + r.rowsItem - 1) / r.rowsItem
	}
	for c := range r.sources {
		for kd := range g.window[0] {
			for kh := range g.window[1] {
				for kw := range g.window[2] {
					at := [3]int{kd * g.dilation[0], kh * g.dilation[1], kw * g.dilation[2]}
					if which == convOfInput {
						for i := range at {
							at[i] = (g.window[i]-1)*g.dilation[i] - at[i]
						}
					}
					r.table = append(r.table, int64(((at[0]*r.padded[1]+at[1])*r.padded[2]+at[2]+c*r.plane)*r.size))
				}
			}
		}
		if which == convOfFilters && r.correlation == nil {
			break // the taps of one channel
		}
	}
	image := g.groups * r.sources * r.plane * r.size
	r.together = max(1, min(g.images, convPhaseBytes/max(1, image)))
	if r.copied {
		r.padBytes = scratchSize(r.together*image, 1)
		r.padChannels = max(1, 1<<14/r.plane)
	}
	at := 0
	take := func(bytes int) int { at += bytes; return at - bytes }
	if which == convOfInput {
		r.turned = scratchSize(g.groups*g.chans*g.filters*g.taps, r.size)
	}
	r.offsetInScratch.turned, r.offsetInScratch.pad = take(r.turned), take(r.padBytes)
	if which != convOfFilters {
		return r
	}
	if r.correlation != nil {
		r.offsetInScratch.sums = take(r.correlation.sums)
		return r
	}
	r.panels = (r.results + width - 1) / width
	r.ld = r.panels * width
	r.chainsOfRow = (r.width + gemm.Chain - 1) / gemm.Chain
	r.packBytes = scratchSize(r.together*g.groups*g.outs*r.ld, r.size)
	r.sumBytes = scratchSize(g.groups*g.taps*g.chans*r.ld, r.size)
	r.offsetInScratch.pack, r.offsetInScratch.acc = take(r.packBytes), take(r.sumBytes)
	if d == dtype.Float32 {
		r.offsetInScratch.sums = take(2 * r.sumBytes)
	}
	r.parts = min((r.sources+7)/8, (16+g.taps*g.groups-1)/(g.taps*g.groups))
	r.chansItem = (r.sources + r.parts - 1) / r.parts
	r.parts = (r.sources + r.chansItem - 1) / r.chansItem
	return r
}

// joinRows lets rows of one plane that follow one another be computed as one, if that is faster, as vectors are filled better or more of them are computed at once. The elements between rows, which belong to
// no position, are left out when they are copied to the result.
func (r *convRows) joinRows(product *gemm.Plan, lanes, work, terms int) {
	if r.result[0] > 1 || r.width > 8*lanes {
		return
	}
	rows := max(1, min(r.rows, 2*convItemWork/max(1, work), 1<<15/(r.results*r.padded[2])))
	together := (rows-1)*r.padded[2] + r.width
	const copying = 10 // cycles for a row of a result
	if product.PieceTime(r.results, together, terms)+rows*r.results*(copying+r.width/8) < rows*product.PieceTime(r.results, r.width, terms) {
		r.rowsItem, r.joined = rows, (together+lanes-1)/lanes*lanes
	}
}

// each is the scratch of a goroutine besides that of products.
func (r *convRows) each(taps int) int {
	if r.correlation != nil {
		return scratchSize(r.correlation.laneSums(r, taps), 8) + r.correlation.Each()
	}
	return scratchSize(r.results*r.joined, r.size)
}

// workspace is the scratch that all goroutines share.
func (r *convRows) workspace() int {
	n := r.turned + r.padBytes + r.packBytes + r.sumBytes
	if r.correlation != nil {
		n += r.correlation.sums
	}
	if r.sumBytes > 0 && r.size == 4 {
		n += 2 * r.sumBytes
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
		if items := r.padItems(p) + r.images*p.groups*r.panels; items > 0 {
			c.Parallel(p, items)
		}
		r.phase = computing
		if r.correlation != nil {
			c.Parallel(p, p.groups*r.correlation.blocks*r.correlation.parts)
		} else if p.which == convOfFilters {
			c.Parallel(p, p.groups*p.taps*r.parts)
		} else {
			c.Parallel(p, r.images*p.groups*r.parts)
		}
	}
	p.call = nil
}

// padItems is the number of items of channels that are padded.
func (r *convRows) padItems(p *convPlan) int {
	if !r.copied {
		return 0
	}
	return (r.images*p.groups*r.sources + r.padChannels - 1) / r.padChannels
}

// rowsItem runs an item of either phase.
func rowsItem[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	switch {
	case r.phase == padding:
		padOrPack[T](p, worker, item)
	case r.correlation != nil:
		correlateItem[T](p, worker, item)
	case p.which == convOfFilters:
		filterRows[T](p, worker, item)
	default:
		plane := item / r.parts // of the images and groups of the phase
		lo := item % r.parts * r.rowsItem
		hi := min(r.rows, lo+r.rowsItem)
		k := r.sources * p.taps
		w := data[T](&c.In[1])
		if p.which == convOfInput {
			w = part[T](c.Work, r.offsetInScratch.turned, r.turned)
		}
		outs := r.rows * r.width
		from := rowsSource[T](p, &c.In[0], plane)
		to := data[T](&c.Out[0])[(r.first*p.groups+plane)*r.results*outs:]
		piece := gemm.Piece{ARow: k, CRow: outs, M: r.results, N: r.width}
		filters := w[plane%p.groups*r.results*k:]
		work := c.Workers[worker]
		joined := take[T](&work, r.results*r.joined)
		for at := 0; at < k; at += gemm.Chain {
			piece.K = min(gemm.Chain, k-at)
			piece.Table, piece.A, piece.Add = r.table[at:at+piece.K], address(filters[at:]), at > 0
			if r.joined > 0 {
				piece.B, piece.C = address(from[r.rowStart(lo):]), address(joined)
				piece.CRow, piece.N = r.joined, (hi-lo-1)*r.padded[2]+r.width
				p.product.Piece(work, &piece)
				continue
			}
			for row := lo; row < hi; row++ {
				piece.B = address(from[r.rowStart(row):])
				piece.C = address(to[row*r.width:])
				p.product.Piece(work, &piece)
			}
		}
		if r.joined > 0 {
			for ch := range r.results {
				at, row := ch*r.joined, to[ch*outs+lo*r.width:]
				for i := 0; i < (hi-lo)*r.width; i += r.width {
					copy(row[i:i+r.width], joined[at:])
					at += r.padded[2]
				}
			}
		}
		if c.Then != nil {
			c.Then.Finish(worker, (r.first*p.groups+plane)*r.results*outs+lo*r.width, r.results, (hi-lo)*r.width, outs)
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

// padOrPack copies channels with padding, or packs a panel of the adjoint.
func padOrPack[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	if n := r.padItems(p); item >= n {
		item -= n
		plane, panel := item/r.panels, item%r.panels
		width := r.ld / r.panels
		gy := data[T](&c.In[1])[((r.first*p.groups+plane)*r.results+panel*width)*p.outs:]
		to := part[T](c.Work, r.offsetInScratch.pack, r.packBytes)[(plane*r.panels+panel)*width*p.outs:]
		p.product.Panels(c.Workers[worker], address(to), address(gy), min(width, r.results-panel*width), p.outs, p.outs)
		return
	}
	first := item * r.padChannels
	last := min(first+r.padChannels, r.images*p.groups*r.sources)
	x := data[T](&c.In[0])[r.first*p.groups*r.sources*r.length:]
	pad := part[T](c.Work, r.offsetInScratch.pad, r.padBytes)
	for ch := first; ch < last; ch++ {
		to, from := pad[ch*r.plane:(ch+1)*r.plane], x[ch*r.length:(ch+1)*r.length]
		for d := range r.padded[0] {
			for h := range r.padded[1] {
				line := to[:r.padded[2]]
				to = to[r.padded[2]:]
				sd, sh := d-r.shift[0], h-r.shift[1]
				if sd < 0 || sd >= r.source[0] || sh < 0 || sh >= r.source[1] {
					clear(line)
					continue
				}
				// line[i] = source[i − shift]
				lo := min(max(0, r.shift[2]), len(line))
				hi := max(lo, min(len(line), r.source[2]+r.shift[2]))
				clear(line[:lo])
				if lo < hi {
					copy(line[lo:hi], from[(sd*r.source[1]+sh)*r.source[2]+lo-r.shift[2]:])
				}
				clear(line[hi:])
			}
		}
	}
}

// filterRows adds the images of the phase to the gradient of one tap of some channels: products of the input's rows with the packed adjoint. Every row of
// positions is a chain.
func filterRows[T float](p *convPlan, worker, item int) {
	r, c := p.rows, p.call
	ch := item % r.parts * r.chansItem
	chans := min(r.chansItem, r.sources-ch)
	tap := item / r.parts % p.taps
	q := item / r.parts / p.taps
	width := r.ld / r.panels
	at := ((q*p.taps+tap)*p.chans + ch) * r.ld
	acc := part[T](c.Work, r.offsetInScratch.acc, r.sumBytes)[at : at+chans*r.ld]
	single := r.size == 4
	var sums []float64
	if single {
		sums = part[float64](c.Work, r.offsetInScratch.sums, 2*r.sumBytes)[at : at+chans*r.ld]
		if r.first == 0 {
			clear(sums)
		}
	}
	x := &c.In[0]
	packed := part[T](c.Work, r.offsetInScratch.pack, r.packBytes)
	piece := gemm.Piece{ARow: r.plane, BRow: width, CRow: r.ld, M: chans}
	all := p.images * r.rows * r.chainsOfRow
	chain := r.first * r.rows * r.chainsOfRow
	for n := range r.images {
		plane := n*p.groups + q
		from := rowsSource[T](p, x, plane)[ch*r.plane+int(r.table[tap])/r.size:]
		adjoint := packed[plane*r.panels*width*p.outs:]
		for row := range r.rows {
			for k := 0; k < r.width; k += gemm.Chain {
				piece.K = min(gemm.Chain, r.width-k)
				piece.A = address(from[r.rowStart(row)+k:])
				piece.Add = chain > 0 && !(single && chain%chainsOfSums == 0)
				for panel := range r.panels {
					piece.B = address(adjoint[(panel*p.outs+row*r.width+k)*width:])
					piece.C, piece.N = address(acc[panel*width:]), min(width, r.results-panel*width)
					p.product.Piece(c.Workers[worker], &piece)
				}
				if chain++; single && (chain%chainsOfSums == 0 || chain == all) {
					for i, v := range acc {
						sums[i] += float64(v)
					}
				}
			}
		}
	}
	if chain < all {
		return
	}
	gw := data[T](&c.Out[0])
	for f := range r.results {
		for k := range chans {
			to := &gw[((q*r.results+f)*p.chans+ch+k)*p.taps+tap]
			if single {
				*to = T(sums[k*r.ld+f])
			} else {
				*to = acc[k*r.ld+f]
			}
		}
	}
}
