package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convImageSums is how gradients of filters go for many small images, which lie side by side as those of convImages: sums of products by image. Planes have their padding.
type convImageSums struct {
	convSums
	together       int    // images that lie side by side
	blocks         int    // of so many images, in a phase
	padded         [3]int // extents of a plane with padding
	plane          int
	rows, width    int // positions of a chunk
	table          []int64
	lines          *gemm.Rows
	channels       int // of an item that lays images side by side
	laid, adjoints int // bytes of planes and adjoints side by side
	laying         bool
	first, images  int // of the phase
}

const (
	imagesPositions = 128 // that are chained
	mostResults     = 56  // whose adjoints of a chunk stay in a cache together with the sums
)

// newConvImageSums returns nil where another way is better.
func newConvImageSums(g *convGeometry, d dtype.DType) *convImageSums {
	q := &convImageSums{convSums: newConvSums(g, d), lines: gemm.NewRows(d, cpu.Best()), plane: 1}
	lanes := q.Lanes()
	q.together = 2 * lanes
	for i := range 3 {
		q.padded[i] = max((g.out[i]-1)*g.stride[i]+(g.window[i]-1)*g.dilation[i]+1, g.low[i]+g.in[i])
		if q.plane *= q.padded[i]; q.plane > convPhaseBytes {
			return nil
		}
	}
	sources, results := g.groups*g.chans, g.groups*g.filters
	if sources > convPhaseBytes/q.plane || results > convPhaseBytes/g.outs { // no product overflows
		return nil
	}
	block := (sources*q.plane + results*g.outs) * q.together * d.Size()
	// To lay an element side by side takes as long as six products.
	laying := 6 * (g.chans*g.ins + g.filters*g.outs)
	rest := g.images % q.together
	if g.images < q.together || rest > 0 && rest <= lanes && g.images < 4*q.together || g.taps == 1 || g.filters < leastResults || g.filters > mostResults ||
		g.images*g.outs < manyPositions*lanes || 4*laying > g.filters*g.chans*g.taps*g.outs || block > convPhaseBytes {
		return nil
	}
	q.blocks = min(ceil(g.images, q.together), convPhaseBytes/block)
	q.width = min(g.out[2], imagesPositions)
	q.rows = evenly(g.out[1], max(1, imagesPositions/q.width))
	for c := range g.chans {
		for kd := range g.window[0] {
			for kh := range g.window[1] {
				for kw := range g.window[2] {
					at := ((c*q.padded[0]+kd*g.dilation[0])*q.padded[1]+kh*g.dilation[1])*q.padded[2] + kw*g.dilation[2]
					q.table = append(q.table, int64(at*q.together*d.Size()))
				}
			}
		}
	}
	q.share(q.chunks(g, q.blocks*q.together))
	q.channels = max(1, imagesChannel/(q.together*max(g.ins, g.outs)))
	q.laid, q.adjoints = scratchSize(q.blocks*sources*q.plane*q.together, d.Size()), scratchSize(q.blocks*results*g.outs*q.together, d.Size())
	return q
}

// chunks is the number of chunks of so many images.
func (q *convImageSums) chunks(g *convGeometry, images int) int {
	return ceil(images, q.together) * g.out[0] * ceil(g.out[1], q.rows) * ceil(g.out[2], q.width)
}

func (q *convImageSums) workspace() int { return q.laid + q.adjoints + q.bytes }

// each is the scratch of a goroutine.
func (q *convImageSums) each(g *convGeometry) int {
	return q.convSums.each() + scratchSize(g.ins*q.together, q.Size()) + scratchSize(int(unsafe.Sizeof(gemm.Scratch{})), 1)
}

// stateBytes bounds the memory of the plan's sums.
func (q *convImageSums) stateBytes() int64 {
	return int64(unsafe.Sizeof(convImageSums{})) + int64(unsafe.Sizeof(gemm.Correlator{})) + int64(unsafe.Sizeof(gemm.Rows{})) + 16*int64(len(q.table)) + 64
}

// layItems is the number of items that lay so many channels of a block side by side.
func (q *convImageSums) layItems(channels int) int { return ceil(channels, q.channels) }

func (q *convImageSums) sums(c *Call) []float64 {
	return part[float64](c.Work, q.laid+q.adjoints, q.bytes)
}

// runImageSums computes the gradient, some blocks of images at a time.
func runImageSums[T float](p *convPlan, c *Call) {
	q := p.imageSums
	p.call = c
	for q.first = 0; q.first < p.images; q.first += q.blocks * q.together {
		q.images = min(q.blocks*q.together, p.images-q.first)
		q.laying = true
		c.Parallel(p, ceil(q.images, q.together)*(q.layItems(p.groups*p.chans)+q.layItems(p.groups*p.filters)))
		q.laying = false
		c.Parallel(p, q.items())
	}
	sumsResult(&q.convSums, q.sums(c), data[T](&c.Out[0]))
	p.call = nil
}

// imageSumsItem lays some channels of a block side by side, or adds the images of the phase to the sums of an item.
func imageSumsItem[T float](p *convPlan, worker, item int) {
	q := p.imageSums
	if q.laying {
		sources, results := p.groups*p.chans, p.groups*p.filters
		planes := q.layItems(sources)
		block, number := item/(planes+q.layItems(results)), item%(planes+q.layItems(results))
		if number < planes {
			layPlanes[T](p, worker, block, number*q.channels, min(sources, (number+1)*q.channels))
			return
		}
		first := (number - planes) * q.channels
		to := part[T](p.call.Work, q.laid, q.adjoints)[(block*results+first)*p.outs*q.together:]
		from := data[T](&p.call.In[1])[((q.first+block*q.together)*results+first)*p.outs:]
		q.sideBySide(p.call.Workers[worker], address(to), address(from), results*p.outs, block, min(q.channels, results-first)*p.outs)
		return
	}
	work := p.call.Workers[worker]
	s := q.begin(&work, item, q.chunks(&p.convGeometry, q.images), q.table)
	one := gemm.Correlation{AFilter: p.outs * q.together, ARow: q.together, ASlice: p.out[2] * q.together, BRow: p.stride[2] * q.together, BSlice: p.stride[1] * q.padded[2] * q.together}
	x, gy := part[T](p.call.Work, 0, q.laid), part[T](p.call.Work, q.laid, q.adjoints)
	at := 0
	for n := 0; n < q.images; n += q.together {
		one.Width = min(q.together, q.images-n)
		plane := n/q.together*p.groups + s.group
		for depth := range p.out[0] {
			for row := 0; row < p.out[1]; row += q.rows {
				one.Slices = min(q.rows, p.out[1]-row)
				for col := 0; col < p.out[2]; col += q.width {
					if at++; at <= s.from || at > s.to {
						continue
					}
					one.Rows = min(q.width, p.out[2]-col)
					one.A = address(gy[(plane*p.filters*p.outs+(depth*p.out[1]+row)*p.out[2]+col)*q.together:])
					one.B = address(x[(plane*p.chans*q.plane+(depth*p.stride[0]*q.padded[1]+row*p.stride[1])*q.padded[2]+col*p.stride[2])*q.together:])
					q.chunk(&one, work, s)
				}
			}
		}
	}
	q.addUp(q.sums(p.call), s, q.first == 0)
}

// sideBySide lays so many elements of a block's images side by side, which lie apart from image to image.
func (q *convImageSums) sideBySide(work []byte, to, from unsafe.Pointer, apart, block, n int) {
	q.lines.Transpose((*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(work))), to, q.together, from, apart, min(q.together, q.images-block*q.together), n)
}

// layPlanes lays channels of a block side by side, with their padding.
func layPlanes[T float](p *convPlan, worker, block, first, last int) {
	q, work, channels := p.imageSums, p.call.Workers[worker], p.groups*p.chans
	scratch := take[T](&work, p.ins*q.together)
	for ch := first; ch < last; ch++ {
		to := part[T](p.call.Work, 0, q.laid)[(block*channels+ch)*q.plane*q.together:][:q.plane*q.together]
		from := data[T](&p.call.In[0])[((q.first+block*q.together)*channels+ch)*p.ins:]
		if q.padded == p.in {
			q.sideBySide(work, address(to), address(from), channels*p.ins, block, p.ins)
			continue
		}
		q.sideBySide(work, address(scratch), address(from), channels*p.ins, block, p.ins)
		clear(to)
		for d := range p.in[0] {
			for h := range p.in[1] {
				at := ((d+p.low[0])*q.padded[1]+h+p.low[1])*q.padded[2] + p.low[2]
				copy(to[at*q.together:], scratch[(d*p.in[1]+h)*p.in[2]*q.together:][:p.in[2]*q.together])
			}
		}
	}
}
