package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convCorrelation is how gradients of filters go where filters or channels are too few for products: sums of products by position, a lane for each position
// of a row. An item has the sums of all filters with some channels of a group, over chunks of positions that stay in the cache.
type convCorrelation struct {
	*gemm.Correlator
	images, rows, width int // of a chunk
	chans, blocks       int // channels of an item; items of a group's channels
	parts               int // of the chunks, each of which has sums of its own
	sums                int // bytes of the sums of all parts
}

// From so many filters, and pairs of a filter and a tap of a channel, products are better.
const (
	manyResults = 12
	manyPairs   = 768
	// Of fewer positions to add up the sums by position are most of the work, except for a few filters.
	manyPositions = 256
	leastResults  = 4
)

const (
	correlationChain = 128 // groups of positions that are chained, if they are in one chunk
	correlationItems = 8   // at least, for many workers
)

// newConvCorrelation returns nil where products are better.
func newConvCorrelation(g *convGeometry, r *convRows, d dtype.DType) *convCorrelation {
	c := &convCorrelation{Correlator: gemm.NewCorrelator(d, cpu.Best())}
	groups := (r.width + c.Lanes() - 1) / c.Lanes()
	few := r.results < manyResults || r.sources*g.taps*r.results < manyPairs
	if g.images*g.outs < manyPositions {
		few = r.results < leastResults
	}
	if 2*r.width < groups*c.Lanes() || !few {
		return nil
	}
	c.width = min(r.width, correlationChain*c.Lanes())
	c.rows = min(r.result[1], max(1, correlationChain/groups))
	c.images = max(1, correlationChain/(groups*c.rows))
	c.chans = min(r.sources, max(1, g.groups*r.sources/32))
	c.blocks = (r.sources + c.chans - 1) / c.chans
	c.parts = max(1, min(correlationItems/(g.groups*c.blocks), c.chunks(r, g.images)))
	c.sums = scratchSize(c.parts*g.groups*r.results*r.sources*g.taps, 8)
	return c
}

// chunks is the number of chunks of so many images.
func (c *convCorrelation) chunks(r *convRows, images int) int {
	ceil := func(n, unit int) int { return (n + unit - 1) / unit }
	return ceil(images, c.images) * r.result[0] * ceil(r.result[1], c.rows) * ceil(r.width, c.width)
}

// laneSums is the number of sums of an item.
func (c *convCorrelation) laneSums(r *convRows, taps int) int {
	return r.results * c.chans * taps * c.Lanes()
}

// partOf returns the sums of a part and group, by filter, channel and tap.
func (c *convCorrelation) partOf(p *convPlan, work []byte, number, group int) []float64 {
	n := p.rows.results * p.rows.sources * p.taps
	all := part[float64](work, p.rows.offsetInScratch.sums, c.sums)
	return all[(number*p.groups+group)*n:][:n]
}

// correlateItem adds the images of the phase to the sums of an item.
func correlateItem[T float](p *convPlan, worker, item int) {
	r, work := p.rows, p.call.Workers[worker]
	c := r.correlation
	part, block, q := item%c.parts, item/c.parts%c.blocks, item/c.parts/c.blocks
	first := block * c.chans
	table := r.kinds[0].table[first*p.taps : min(r.sources, first+c.chans)*p.taps]
	lanes := take[float64](&work, c.laneSums(r, p.taps))
	clear(lanes)
	one := gemm.Correlation{AFilter: p.outs, ARow: r.width, ASlice: p.groups * r.results * p.outs, BRow: r.padded[2], BSlice: p.groups * r.sources * r.plane}
	gy := data[T](&p.call.In[1])[(r.first*p.groups+q)*r.results*p.outs:]
	x := rowsSource[T](p, &p.call.In[0], q)
	at, from, to := 0, c.chunks(r, r.images)*part/c.parts, c.chunks(r, r.images)*(part+1)/c.parts
	for n := 0; n < r.images; n += c.images {
		one.Slices = min(c.images, r.images-n)
		for depth := range r.result[0] {
			for row := 0; row < r.result[1]; row += c.rows {
				one.Rows = min(c.rows, r.result[1]-row)
				for col := 0; col < r.width; col += c.width {
					if at++; at <= from || at > to {
						continue
					}
					one.Width = min(c.width, r.width-col)
					line := depth*r.result[1] + row
					one.A = address(gy[n*one.ASlice+line*r.width+col:])
					one.B = address(x[n*one.BSlice+r.rowStart(line)+col:])
					c.chunk(&one, work, lanes, table, r.results)
				}
			}
		}
	}
	sums := c.partOf(p, p.call.Work, part, q)
	c.eachTile(r.results, len(table), func(f, filters, t, taps int) {
		for i := range filters {
			for j := range taps {
				var part [4]float64 // additions that do not wait for one another
				for at := 0; at < c.Lanes(); at += len(part) {
					for k, v := range lanes[at : at+len(part)] {
						part[k] += v
					}
				}
				s := part[0] + part[1] + (part[2] + part[3])
				lanes = lanes[c.Lanes():]
				to := &sums[(f+i)*r.sources*p.taps+first*p.taps+t+j]
				if r.first > 0 {
					s += *to
				}
				*to = s
			}
		}
	})
}

// eachTile calls f for the tiles of filters and taps.
func (c *convCorrelation) eachTile(filters, taps int, f func(f, filters, t, taps int)) {
	nf, nt := (filters+c.Filters()-1)/c.Filters(), (taps+gemm.CorrelationTaps-1)/gemm.CorrelationTaps
	for i := range nf {
		f0, f1 := filters*i/nf, filters*(i+1)/nf
		for j := range nt {
			t0, t1 := taps*j/nt, taps*(j+1)/nt
			f(f0, f1-f0, t0, t1-t0)
		}
	}
}

// chunk adds a chunk to the sums of an item.
func (c *convCorrelation) chunk(one *gemm.Correlation, work []byte, lanes []float64, table []int64, filters int) {
	a := one.A
	c.eachTile(filters, len(table), func(f, filters, t, taps int) {
		one.Filters, one.Taps, one.Sums = filters, table[t:t+taps], lanes
		one.A = unsafe.Add(a, f*one.AFilter*c.Size())
		c.Add(work, one)
		lanes = lanes[filters*taps*c.Lanes():]
	})
}

// correlationResult adds up the sums of all parts.
func correlationResult[T float](p *convPlan, call *Call) {
	c := p.rows.correlation
	out := data[T](&call.Out[0])
	for q := range p.groups {
		to := out[q*p.rows.results*p.rows.sources*p.taps:]
		sums := c.partOf(p, call.Work, 0, q)
		for part := 1; part < c.parts; part++ {
			for i, v := range c.partOf(p, call.Work, part, q) {
				sums[i] += v
			}
		}
		for i, v := range sums {
			to[i] = T(v)
		}
	}
}
