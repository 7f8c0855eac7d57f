package kernel

import (
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convImages is how convolutions of many small images go, and their gradients for the input: some images lie side by side, element by element, so that vectors have the same position of several images.
// Short rows then leave none of them empty. Each position is a product of its own, which leaves out the taps that do not reach it.
type convImages struct {
	sources, results int // channels of a group
	result           [3]int
	lengths          [2]int // elements of planes that are read, and of results
	together         int    // images that lie side by side
	blocks           int    // of so many images, in a phase
	channels         int    // of an item that lays images side by side
	rowsItem         int    // of positions, of an item
	resultsItem      int
	index            [3][]reached // by index of a position
	classes          [3]int
	terms            []imagesTerms // by classes of a position's indices
	lines            *gemm.Rows
	turned, laid     int // bytes of turned filters, and of images side by side
	phase            int
	first, images    int // of the phase
}

// reached is what the taps of a dimension read for an index of a position: the first element, and which ones beside it, as all indices of the class.
type reached struct{ first, class int }

// imagesTerms are the terms of the positions of a class, and where the chains end, in which all taps count.
type imagesTerms struct {
	terms []gemm.Term
	ends  []int
}

const (
	turningFilters = iota
	layingImages
	computingImages
)

const (
	imagesTable   = 1 << 16 // terms of all classes at most
	imagesScratch = 1 << 16 // elements of results of an item
	imagesItems   = 8
	imagesResults = 56      // of an item at most,
	imagesLeast   = 4       // and at least, if there are so many
	imagesFew     = 3       // results, of which multiply-adds no longer wait for one another
	imagesChannel = 1 << 14 // elements that an item lays side by side, about
)

// newConvImages returns nil where another way is better, which the shapes alone decide: what a tap reads in the padding is zeros elsewhere, which infinite weights tell from nothing.
func newConvImages(g *convGeometry, d dtype.DType, which int, product *gemm.Plan) *convImages {
	q := &convImages{sources: g.chans, results: g.filters, result: g.out, lengths: [2]int{g.ins, g.outs}, lines: gemm.NewRows(d, cpu.Best())}
	source, apart := g.in, [3]int{1, 1, 1}
	if which == convOfInput {
		q.sources, q.results, q.result, q.lengths = g.filters, g.chans, g.in, [2]int{g.outs, g.ins}
		source, apart = g.out, g.stride
	}
	lanes, terms := 64/d.Size(), q.sources*g.taps
	q.together = 2 * lanes
	if which == convOfFilters || g.images < q.together || q.results < imagesFew || d == dtype.Float32 && terms > gemm.Segment {
		return nil
	}
	block := g.groups * q.sources * q.lengths[0] * q.together * d.Size()
	if q.blocks = min(ceil(g.images, q.together), convPhaseBytes/max(1, block)); q.blocks == 0 {
		return nil
	}
	var taps [3][][]tapOfClass
	entries, reads := q.sources, 1 // of the table, and of all positions of a channel
	for i := range 3 {
		if q.result[i]*g.window[i] > imagesTable {
			return nil
		}
		each := 0
		taps[i] = q.setClasses(g, which, i)
		for _, r := range q.index[i] {
			each += len(taps[i][r.class])
		}
		reads *= each
		each = 0
		for _, class := range taps[i] {
			each += len(class)
		}
		entries *= each
	}
	if entries > imagesTable {
		return nil
	}
	// Cycles, of which a vector takes one for a term: of products with tiles of one or two vectors, of their calls and of laying images side by side, and those of rows.
	whole, rest := g.images/q.together, g.images%q.together
	tenths := 20 * whole // of vectors
	switch {
	case rest > lanes:
		tenths += 20
	case rest > 0:
		tenths += 14
	}
	rows, width, padded := 1, 0, 0
	for i, n := range q.result {
		n = ceil(n, apart[i])
		if rows *= n; i == 2 {
			rows, width, padded = rows/n, n, n+(g.window[2]-1)*g.dilation[2]/apart[2]
		}
	}
	inRows := g.images * min(rows*ceil(width, lanes), ceil((rows-1)*padded+width, lanes))
	calls := 150 * q.lengths[1] * ceil(g.images, q.together) * ceil(terms, gemm.Chain)
	laying := 4 * g.images * (q.sources*q.lengths[0] + q.results*q.lengths[1])
	if q.results*q.sources*reads*tenths+10*calls+laying > 9*inRows*q.results*terms {
		return nil
	}
	q.setTerms(g, source, taps, d.Size())
	q.laid = scratchSize(q.blocks*block, 1)
	if which == convOfInput {
		q.turned = scratchSize(g.groups*g.chans*g.filters*g.taps, d.Size())
	}
	q.channels = max(1, imagesChannel/(q.together*q.lengths[0]))
	// Items have whole planes of few results, if that is enough work: what follows then goes on with long lines.
	parts := min(ceil(imagesItems, ceil(g.images, q.together)*g.groups), q.together*q.results*q.sources*reads/convItemLeast)
	q.resultsItem = min(imagesResults, ceil(q.results, max(1, min(parts, q.results/imagesLeast))))
	q.resultsItem = evenly(q.results, q.resultsItem)
	rows = q.result[0] * q.result[1]
	q.rowsItem = evenly(rows, max(1, min(ceil(rows*ceil(q.results, q.resultsItem), max(1, parts)), imagesScratch/(q.resultsItem*q.result[2]*q.together))))
	return q
}

// tapOfClass is a tap of a dimension, and how far what it reads is from the first element that is read.
type tapOfClass struct{ tap, distance int }

// setClasses finds what indices of a position along a dimension are reached by, and returns the taps of each class.
func (q *convImages) setClasses(g *convGeometry, which, dim int) (classes [][]tapOfClass) {
	for o := range q.result[dim] {
		var taps []tapOfClass
		first := 0
		for k := range g.window[dim] {
			at, ok := o*g.stride[dim]+k*g.dilation[dim]-g.low[dim], true
			if which == convOfInput {
				at, ok = g.source(dim, o, k)
			} else {
				ok = at >= 0 && at < g.in[dim]
			}
			if ok {
				taps = append(taps, tapOfClass{k, at})
			}
		}
		for i := range taps {
			if i == 0 || taps[i].distance < first {
				first = taps[i].distance
			}
		}
		for i := range taps {
			taps[i].distance -= first
		}
		class := slices.IndexFunc(classes, func(c []tapOfClass) bool { return slices.Equal(c, taps) })
		if class < 0 {
			class, classes = len(classes), append(classes, taps)
		}
		q.index[dim] = append(q.index[dim], reached{first, class})
	}
	q.classes[dim] = len(classes)
	return classes
}

// setTerms lists the terms of each class of positions.
func (q *convImages) setTerms(g *convGeometry, source [3]int, taps [3][][]tapOfClass, size int) {
	for _, ds := range taps[0] {
		for _, hs := range taps[1] {
			for _, ws := range taps[2] {
				var t imagesTerms
				chain := 0
				for c := range q.sources {
					for _, d := range ds {
						for _, h := range hs {
							for _, w := range ws {
								k := c*g.taps + (d.tap*g.window[1]+h.tap)*g.window[2] + w.tap
								for ; chain < k/gemm.Chain; chain++ {
									t.ends = append(t.ends, len(t.terms))
								}
								at := c*q.lengths[0] + (d.distance*source[1]+h.distance)*source[2] + w.distance
								t.terms = append(t.terms, gemm.Term{B: int64(at * q.together * size), A: int64(k * size)})
							}
						}
					}
				}
				for ; chain*gemm.Chain < q.sources*g.taps; chain++ {
					t.ends = append(t.ends, len(t.terms))
				}
				q.terms = append(q.terms, t)
			}
		}
	}
}

func (q *convImages) workspace() int { return q.turned + q.laid }

// each is the scratch of a goroutine besides that of products.
func (q *convImages) each(size int) int {
	return scratchSize(q.resultsItem*q.rowsItem*q.result[2]*q.together, size) + scratchSize(int(unsafe.Sizeof(gemm.Scratch{})), 1)
}

// stateBytes bounds the memory of a plan's images.
func (q *convImages) stateBytes() int64 {
	n := int64(unsafe.Sizeof(convImages{})) + int64(unsafe.Sizeof(gemm.Rows{})) + 2*int64(len(q.terms))*int64(unsafe.Sizeof(imagesTerms{})) + 64
	for _, t := range q.terms {
		n += 32*int64(len(t.terms)) + 16*int64(len(t.ends)) + 64
	}
	for _, list := range q.index {
		n += 32*int64(len(list)) + 64
	}
	return n
}

// runImages runs the convolution, some blocks of images at a time.
func (p *convPlan) runImages(c *Call) {
	q := p.beside
	p.call = c
	if q.turned > 0 {
		q.phase = turningFilters
		c.Parallel(p, p.groups*p.chans)
	}
	for q.first = 0; q.first < p.images; q.first += q.blocks * q.together {
		q.images = min(q.blocks*q.together, p.images-q.first)
		q.phase = layingImages
		c.Parallel(p, q.blocksOf()*q.layItems(p))
		q.phase = computingImages
		c.Parallel(p, q.blocksOf()*p.groups*q.items())
	}
	p.call = nil
}

// blocksOf is the number of blocks of the phase.
func (q *convImages) blocksOf() int { return ceil(q.images, q.together) }

// layItems is the number of items that lay a block's images side by side.
func (q *convImages) layItems(p *convPlan) int {
	return ceil(p.groups*q.sources, q.channels)
}

// items is the number of items that compute a group of a block.
func (q *convImages) items() int { return q.resultBlocks() * q.parts() }

func (q *convImages) resultBlocks() int { return ceil(q.results, q.resultsItem) }

func (q *convImages) parts() int {
	return ceil(q.result[0]*q.result[1], q.rowsItem)
}

// imagesItem runs an item of a phase.
func imagesItem[T float](p *convPlan, worker, item int) {
	q, c := p.beside, p.call
	switch work := c.Workers[worker]; q.phase {
	case turningFilters:
		ch, group, terms := item%p.chans, item/p.chans, p.filters*p.taps
		w, to := data[T](&c.In[1])[group*p.filters*p.chans*p.taps:], part[T](c.Work, 0, q.turned)[item*terms:]
		p.product.CopyLines(work, address(to), p.taps, address(w[ch*p.taps:]), p.chans*p.taps, p.taps, p.filters)
	case layingImages:
		block, first := item/q.layItems(p), item%q.layItems(p)*q.channels
		all, images := p.groups*q.sources, min(q.together, q.images-block*q.together)
		channels := min(q.channels, all-first)
		from := data[T](&c.In[0])[((q.first+block*q.together)*all+first)*q.lengths[0]:]
		to := part[T](c.Work, q.turned, q.laid)[(block*all+first)*q.lengths[0]*q.together:]
		q.transpose(work, address(to), q.together, address(from), all*q.lengths[0], images, channels*q.lengths[0])
	case computingImages:
		computeImages[T](p, worker, item)
	}
}

func (q *convImages) transpose(work []byte, to unsafe.Pointer, toRow int, from unsafe.Pointer, fromRow, rows, cols int) {
	q.lines.Transpose((*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(work))), to, toRow, from, fromRow, rows, cols)
}

// computeImages computes some results of a group at some positions, for the images of a block.
func computeImages[T float](p *convPlan, worker, item int) {
	q, c, work := p.beside, p.call, p.call.Workers[worker]
	number, block, group := item%q.items(), item/q.items()/p.groups, item/q.items()%p.groups
	first, terms := number/q.parts()*q.resultsItem, q.sources*p.taps
	results := min(q.resultsItem, q.results-first)
	lo := number % q.parts() * q.rowsItem
	hi := min(lo+q.rowsItem, q.result[0]*q.result[1])
	images, width := min(q.together, q.images-block*q.together), q.result[2]
	positions := (hi - lo) * width
	filters := data[T](&c.In[1])
	if q.turned > 0 {
		filters = part[T](c.Work, 0, q.turned)
	}
	filters = filters[(group*q.results+first)*terms:]
	laid := part[T](c.Work, q.turned, q.laid)[(block*p.groups+group)*q.sources*q.lengths[0]*q.together:]
	sums := take[T](&work, q.resultsItem*q.rowsItem*width*q.together)
	source := p.in
	if p.which == convOfInput {
		source = p.out
	}
	piece := gemm.Piece{A: address(filters), ARow: terms, CRow: positions * q.together, M: results, N: images}
	for chain := range ceil(terms, gemm.Chain) {
		for row := lo; row < hi; row++ {
			d, h := q.index[0][row/q.result[1]], q.index[1][row%q.result[1]]
			at := (d.first*source[1] + h.first) * source[2]
			for i, w := range q.index[2] {
				t, begin := &q.terms[(d.class*q.classes[1]+h.class)*q.classes[2]+w.class], 0
				if chain > 0 {
					begin = t.ends[chain-1]
				}
				to := sums[((row-lo)*width+i)*q.together:]
				if piece.K, piece.Add = t.ends[chain]-begin, begin > 0; piece.K > 0 {
					piece.Table, piece.B, piece.C = t.terms[begin:], address(laid[(at+w.first)*q.together:]), address(to)
					p.product.Piece(work, &piece)
				} else if len(t.terms) == 0 && chain == 0 {
					for k := range results {
						clear(to[k*positions*q.together:][:images])
					}
				}
			}
		}
	}
	for n := range images {
		at := (((q.first+block*q.together+n)*p.groups+group)*q.results+first)*q.lengths[1] + lo*width
		if n == 0 {
			image, to := p.groups*q.results*q.lengths[1], data[T](&c.Out[0])[at:]
			if positions == q.lengths[1] {
				q.transpose(work, address(to), image, address(sums), q.together, results*positions, images)
			} else {
				for k := range results {
					q.transpose(work, address(to[k*q.lengths[1]:]), image, address(sums[k*positions*q.together:]), q.together, positions, images)
				}
			}
		}
		if c.Then != nil {
			c.Then.Finish(worker, at, results, positions, q.lengths[1])
		}
	}
}
