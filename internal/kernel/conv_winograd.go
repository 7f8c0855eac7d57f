package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/winograd"
)

// convWinograd is how convolutions with the attribute winograd go where that helps: products of transformed tiles, 36 small matrices each (package winograd).
type convWinograd struct {
	which            int
	sources, results int    // channels of a group that are read and computed; for filters those of input and adjoint
	in, out          [2]int // extents of planes that are read, and of results; for filters those of input and adjoint
	shift            [2]int // padded index − source index
	tiles            [2]int // of a plane, rows and columns
	transforms       winograd.Transforms
	product          *gemm.Plan

	blockTiles [2]int // tiles of an item, rows and columns
	blocks     [2]int // items of a plane
	line       int    // elements of a row of the plane that is transformed
	most       int    // tiles of an item; for filters of a plane
	offset     struct{ filters, v, w, acc, sums int }
	together   int // images of a phase, for filters
	phase      int
	first      int // image of the phase
	images     int
	width      int // of a panel, for filters
	ld         int // elements of a row of sums, for filters
	chains     int // of an image
}

const (
	transformingFilters = iota
	transformingTiles
	multiplying
	finishingFilters
)

const (
	winogradBytes    = 640 << 10 // of the transformed tiles of an item: they stay in the second-level cache
	winogradChannels = 16        // from which the transforms are worth it
	winogradPlane    = 1 << 16   // elements of a plane at most, for gradients of filters
	filterItems      = 8         // filters of an item
)

// newConvWinograd returns nil where another way is better or possible only.
func newConvWinograd(g *convGeometry, d dtype.DType, which int) *convWinograd {
	one := [3]int{1, 1, 1}
	if d != dtype.Float32 || g.window != [3]int{1, 3, 3} || g.stride != one || g.dilation != one || g.in[0] != 1 || g.out[0] != 1 || g.low[0] != 0 {
		return nil
	}
	r := &convWinograd{which: which, transforms: winograd.Of(cpu.Best())}
	r.sources, r.results = g.chans, g.filters
	for i := range 2 {
		r.in[i], r.out[i], r.shift[i] = g.in[i+1], g.out[i+1], g.low[i+1]
		if which == convOfInput {
			r.in[i], r.out[i], r.shift[i] = g.out[i+1], g.in[i+1], 2-g.low[i+1]
		}
		r.tiles[i] = ceil(r.out[i], winograd.Step)
	}
	if which == convOfInput {
		r.sources, r.results = g.filters, g.chans
	}
	if min(r.sources, r.results) < winogradChannels || min(r.out[0], r.out[1]) < winograd.Step {
		return nil
	}
	if which == convOfFilters {
		return r.forFilters(g)
	}
	room := max(32, winogradBytes/(winograd.Matrices*4*(r.sources+r.results)))
	r.blockTiles[1] = evenly(r.tiles[1], room)
	r.blockTiles[0] = evenly(r.tiles[0], max(1, room/r.blockTiles[1]))
	r.most = r.blockTiles[0] * r.blockTiles[1]
	for i := range 2 {
		r.blocks[i] = ceil(r.tiles[i], r.blockTiles[i])
	}
	r.line = ceil(r.blockTiles[1], winograd.Tiles)*winograd.Tiles*winograd.Step + 16
	return r
}

func (r *convWinograd) forFilters(g *convGeometry) *convWinograd {
	r.most = r.tiles[0] * r.tiles[1]
	r.blockTiles = r.tiles
	r.line = ceil(r.tiles[1], winograd.Tiles)*winograd.Tiles*winograd.Step + 16
	if r.line*(winograd.Step*r.tiles[0]+2) > winogradPlane {
		return nil
	}
	image := winograd.Matrices * g.groups * (r.sources + r.results) * r.most * 4
	r.together = max(1, min(g.images, convPhaseBytes/image))
	r.chains = ceil(r.most, gemm.Chain)
	return r
}

// setProduct is called once the panels' width is known.
func (r *convWinograd) setProduct(g *convGeometry, p *gemm.Plan) {
	r.product, r.width = p, p.Width()
	at := 0
	take := func(n, size int) int {
		at += scratchSize(n, size)
		return at - scratchSize(n, size)
	}
	if r.which != convOfFilters {
		take(winograd.Matrices*g.groups*r.sources*r.results, 4)
		return
	}
	r.ld = ceil(r.sources, r.width) * r.width
	r.offset.v = take(winograd.Matrices*r.together*g.groups*r.sources*r.most, 4)
	r.offset.w = take(winograd.Matrices*r.together*g.groups*r.results*r.most, 4)
	r.offset.acc = take(winograd.Matrices*g.groups*r.results*r.ld, 4)
	r.offset.sums = take(winograd.Matrices*g.groups*r.results*r.ld, 8)
}

// workspace is the scratch that all goroutines share.
func (r *convWinograd) workspace(g *convGeometry) int {
	if r.which != convOfFilters {
		return scratchSize(winograd.Matrices*g.groups*r.sources*r.results, 4)
	}
	return r.offset.sums + scratchSize(winograd.Matrices*g.groups*r.results*r.ld, 8)
}

// planeBytes is the scratch for a plane, behind which a transform may read.
func (r *convWinograd) planeBytes() int {
	return scratchSize(r.line*(winograd.Step*r.blockTiles[0]+2)+winograd.Slack, 4)
}

// each is the scratch of a goroutine besides that of products.
func (r *convWinograd) each() int {
	n := scratchSize(1, int(unsafe.Sizeof(winograd.Move{}))) + winograd.WorkBytes + r.planeBytes()
	if r.which == convOfFilters {
		return n + scratchSize(r.ld*gemm.Chain, 4)
	}
	return n + scratchSize(winograd.Matrices*r.sources*r.most, 4) + scratchSize(winograd.Matrices*r.results*r.most, 4)
}

func (p *convPlan) runWinograd(c *Call) {
	r := p.winograd
	p.call = c
	if p.which != convOfFilters {
		r.phase = transformingFilters
		c.Parallel(p, p.groups*ceil(r.results, filterItems))
		r.phase = multiplying
		c.Parallel(p, p.images*p.groups*r.blocks[0]*r.blocks[1])
		p.call = nil
		return
	}
	for r.first = 0; r.first < p.images; r.first += r.together {
		r.images = min(r.together, p.images-r.first)
		r.phase = transformingTiles
		c.Parallel(p, r.images*p.groups*(r.sources+r.results))
		r.phase = multiplying
		c.Parallel(p, winograd.Matrices*p.groups)
	}
	r.phase = finishingFilters
	c.Parallel(p, p.groups*r.results)
	p.call = nil
}

func winogradItem(p *convPlan, worker, item int) {
	r := p.winograd
	switch {
	case r.phase == transformingFilters:
		p.winogradFilters(item)
	case r.phase == transformingTiles:
		p.winogradTiles(worker, item)
	case r.phase == finishingFilters:
		p.winogradGradient(item)
	case p.which == convOfFilters:
		p.winogradProducts(worker, item)
	default:
		p.winogradBlock(worker, item)
	}
}

// winogradFilters transforms some filters: matrix, group, result, source.
func (p *convPlan) winogradFilters(item int) {
	r, c := p.winograd, p.call
	per := ceil(r.results, filterItems)
	q, first := item/per, item%per*filterItems
	w := c.In[1].F32
	u := part[float32](c.Work, 0, len(c.Work))
	matrix := p.groups * r.results * r.sources
	for k := first; k < min(r.results, first+filterItems); k++ {
		for ch := range r.sources {
			var f [9]float32
			if p.which == convOfInput {
				from := w[((q*p.filters+ch)*p.chans+k)*9:][:9]
				for i := range f {
					f[i] = from[8-i]
				}
			} else {
				copy(f[:], w[((q*p.filters+k)*p.chans+ch)*9:])
			}
			at := (q*r.results+k)*r.sources + ch
			for _, v := range winograd.Filter(&f) {
				u[at] = v
				at += matrix
			}
		}
	}
}

// copyPlane copies rows and columns of a plane, from (y, x) in its padding on, with zeros where there are no elements.
func copyPlane(to, from []float32, line, rows, cols int, extent [2]int, y, x int) {
	lo := min(max(0, -x), cols)
	hi := max(lo, min(cols, extent[1]-x))
	for i := range rows {
		row := to[i*line : i*line+cols]
		if y+i < 0 || y+i >= extent[0] {
			clear(row)
			continue
		}
		clear(row[:lo])
		copy(row[lo:hi], from[(y+i)*extent[1]+max(0, x):])
		clear(row[hi:])
	}
}

// transformPlane transforms tiles of the plane to matrices that are matrix elements apart.
func (r *convWinograd) transformPlane(do func(*winograd.Move), m *winograd.Move, plane, to []float32, rows, cols, matrix int) {
	m.FromStep, m.ToStep = uintptr(4*r.line), uintptr(4*matrix)
	for y := range rows {
		for x := 0; x < cols; x += winograd.Tiles {
			m.Tiles = min(winograd.Tiles, cols-x)
			m.From = uintptr(address(plane[y*winograd.Step*r.line+x*winograd.Step:]))
			m.To = uintptr(address(to[y*cols+x:]))
			do(m)
		}
	}
}

// moveIn takes a Move and its scratch from a goroutine's.
func moveIn(work *[]byte) *winograd.Move {
	m := (*winograd.Move)(unsafe.Pointer(unsafe.SliceData(*work)))
	*work = (*work)[scratchSize(1, int(unsafe.Sizeof(winograd.Move{}))):]
	*m = winograd.Move{Work: uintptr(unsafe.Pointer(unsafe.SliceData(*work)))}
	*work = (*work)[winograd.WorkBytes:]
	return m
}

// winogradBlock computes some tiles of all results of an image and group.
func (p *convPlan) winogradBlock(worker, item int) {
	r, c, work := p.winograd, p.call, p.call.Workers[worker]
	m := moveIn(&work)
	plane := part[float32](work, 0, r.planeBytes())
	work = work[r.planeBytes():]
	v, z := take[float32](&work, winograd.Matrices*r.sources*r.most), take[float32](&work, winograd.Matrices*r.results*r.most)
	u := part[float32](c.Work, 0, len(c.Work))
	image := item / (r.blocks[0] * r.blocks[1]) // and group
	y0, x0 := item/r.blocks[1]%r.blocks[0]*r.blockTiles[0], item%r.blocks[1]*r.blockTiles[1]
	rows, cols := min(r.blockTiles[0], r.tiles[0]-y0), min(r.blockTiles[1], r.tiles[1]-x0)
	n := rows * cols
	if n <= 0 {
		return
	}
	const step = winograd.Step
	for ch := range r.sources {
		from := c.In[0].F32[(image*r.sources+ch)*r.in[0]*r.in[1]:][:r.in[0]*r.in[1]]
		copyPlane(plane, from, r.line, step*rows+2, step*cols+2, r.in, step*y0-r.shift[0], step*x0-r.shift[1])
		r.transformPlane(r.transforms.Input, m, plane, v[ch*n:], rows, cols, r.sources*n)
	}
	piece := gemm.Piece{ARow: r.sources, BRow: n, CRow: n, M: r.results, N: n}
	for e := range winograd.Matrices {
		filters := u[(e*p.groups+image%p.groups)*r.results*r.sources:]
		for at := 0; at < r.sources; at += gemm.Chain {
			piece.K, piece.Add = min(gemm.Chain, r.sources-at), at > 0
			piece.A, piece.B, piece.C = address(filters[at:]), address(v[(e*r.sources+at)*n:]), address(z[e*r.results*n:])
			r.product.Piece(work, &piece)
		}
	}
	m.FromStep, m.ToStep = uintptr(4*r.results*n), uintptr(4*r.out[1])
	outs := r.out[0] * r.out[1]
	for k := range r.results {
		to := c.Out[0].F32[(image*r.results+k)*outs:][:outs]
		for y := range rows {
			m.Rows = min(step, r.out[0]-step*(y0+y))
			for x := 0; x < cols; x += winograd.Tiles {
				m.Tiles = min(winograd.Tiles, cols-x)
				m.Cols = min(step*m.Tiles, r.out[1]-step*(x0+x))
				m.From = uintptr(address(z[k*n+y*cols+x:]))
				m.To = uintptr(address(to[step*(y0+y)*r.out[1]+step*(x0+x):]))
				r.transforms.Output(m)
			}
		}
	}
	if c.Then != nil {
		h, w := min(step*rows, r.out[0]-step*y0), min(step*cols, r.out[1]-step*x0)
		for k := range r.results {
			c.Then.Finish(worker, (image*r.results+k)*outs+step*y0*r.out[1]+step*x0, h, w, r.out[1])
		}
	}
}

// winogradTiles transforms a channel of an image of the phase: of the input, or of the adjoint.
func (p *convPlan) winogradTiles(worker, item int) {
	r, c, work := p.winograd, p.call, p.call.Workers[worker]
	m := moveIn(&work)
	plane := part[float32](work, 0, r.planeBytes())
	image, ch := item/(r.sources+r.results), item%(r.sources+r.results) // image of the phase, and group
	at := r.first*p.groups + image
	all := r.images * p.groups
	const step = winograd.Step
	if ch < r.sources {
		from := c.In[0].F32[(at*r.sources+ch)*r.in[0]*r.in[1]:][:r.in[0]*r.in[1]]
		copyPlane(plane, from, r.line, step*r.tiles[0]+2, step*r.tiles[1]+2, r.in, -r.shift[0], -r.shift[1])
		to := part[float32](c.Work, r.offset.v, r.offset.w-r.offset.v)
		r.transformPlane(r.transforms.Input, m, plane, to[(image*r.sources+ch)*r.most:], r.tiles[0], r.tiles[1], all*r.sources*r.most)
		return
	}
	ch -= r.sources
	from := c.In[1].F32[(at*r.results+ch)*r.out[0]*r.out[1]:][:r.out[0]*r.out[1]]
	copyPlane(plane, from, r.line, step*r.tiles[0], step*r.tiles[1], r.out, 0, 0)
	to := part[float32](c.Work, r.offset.w, r.offset.acc-r.offset.w)
	r.transformPlane(r.transforms.Adjoint, m, plane, to[(image*r.results+ch)*r.most:], r.tiles[0], r.tiles[1], all*r.results*r.most)
}

// winogradProducts adds the images of the phase to one matrix of a group: every image is a chain, or some.
func (p *convPlan) winogradProducts(worker, item int) {
	r, c, work := p.winograd, p.call, p.call.Workers[worker]
	panels := take[float32](&work, r.ld*gemm.Chain)
	e, q := item/p.groups, item%p.groups
	size := r.results * r.ld
	acc := part[float32](c.Work, r.offset.acc, r.offset.sums-r.offset.acc)[item*size:][:size]
	sums := part[float64](c.Work, r.offset.sums, len(c.Work)-r.offset.sums)[item*size:][:size]
	if r.first == 0 {
		clear(sums)
	}
	v := part[float32](c.Work, r.offset.v, r.offset.w-r.offset.v)
	w := part[float32](c.Work, r.offset.w, r.offset.acc-r.offset.w)
	piece := gemm.Piece{ARow: r.most, BRow: r.width, CRow: r.ld, M: r.results}
	chain, all := r.first*r.chains, p.images*r.chains
	for n := range r.images {
		image := (e*r.images+n)*p.groups + q
		from, adjoint := v[image*r.sources*r.most:], w[image*r.results*r.most:]
		for at := 0; at < r.most; at += gemm.Chain {
			piece.K = min(gemm.Chain, r.most-at)
			piece.Add = chain%chainsOfSums != 0
			r.product.Panels(work, address(panels), address(from[at:]), r.sources, piece.K, r.most)
			for j := 0; j < r.sources; j += r.width {
				piece.A, piece.B, piece.C, piece.N = address(adjoint[at:]), address(panels[j*piece.K:]), address(acc[j:]), min(r.width, r.sources-j)
				r.product.Piece(work, &piece)
			}
			if chain++; chain%chainsOfSums == 0 || chain == all {
				for k := range r.results {
					for i, x := range acc[k*r.ld:][:r.sources] {
						sums[k*r.ld+i] += float64(x)
					}
				}
			}
		}
	}
}

// winogradGradient transforms the sums of a filter's gradients back.
func (p *convPlan) winogradGradient(item int) {
	r, c := p.winograd, p.call
	sums := part[float64](c.Work, r.offset.sums, len(c.Work)-r.offset.sums)
	q, k := item/r.results, item%r.results
	for ch := range r.sources {
		var m [winograd.Matrices]float64
		for e := range m {
			m[e] = sums[((e*p.groups+q)*r.results+k)*r.ld+ch]
		}
		w := winograd.FilterGradient(&m)
		copy(c.Out[0].F32[((q*p.filters+k)*p.chans+ch)*9:][:9], w[:])
	}
}
