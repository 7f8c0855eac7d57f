package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convSums are the sums of a gradient of filters, lane by lane. An item has those of all filters with some channels of a group, over chunks of positions that stay in the cache.
type convSums struct {
	*gemm.Correlator
	groups, results, sources, taps int // results and sources of a group
	chans, blocks                  int // channels of an item; items of a group's channels
	parts                          int // of the chunks, each of which has sums of its own
	bytes                          int // of the sums of all parts
}

const (
	correlationChain = 128 // groups of positions that are chained, if they are in one chunk
	correlationItems = 8   // at least, for many workers
)

func newConvSums(g *convGeometry, d dtype.DType) convSums {
	c := convSums{Correlator: gemm.NewCorrelator(d, cpu.Best()), groups: g.groups, results: g.filters, sources: g.chans, taps: g.taps}
	c.chans = min(c.sources, max(1, c.groups*c.sources/32))
	c.blocks = ceil(c.sources, c.chans)
	return c
}

// share cuts so many chunks into parts.
func (c *convSums) share(chunks int) {
	c.parts = max(1, min(correlationItems/(c.groups*c.blocks), chunks))
	c.bytes = scratchSize(c.parts*c.groups*c.results*c.sources*c.taps, 8)
}

// items is the number of items.
func (c *convSums) items() int { return c.groups * c.blocks * c.parts }

// each is the scratch of a goroutine.
func (c *convSums) each() int { return scratchSize(c.laneSums(), 8) + c.Each() }

// laneSums is the number of sums of an item.
func (c *convSums) laneSums() int { return c.results * c.chans * c.taps * c.Lanes() }

// sumsItem is the sums of an item while chunks are added to them: those of the chunks number from to to, of so many.
type sumsItem struct {
	group, part, first int
	table              []int64
	lanes              []float64
	from, to           int
}

// begin clears the sums of an item, whose taps are those of its channels in the table.
func (c *convSums) begin(work *[]byte, item, chunks int, table []int64) sumsItem {
	s := sumsItem{part: item % c.parts, first: item / c.parts % c.blocks * c.chans, group: item / c.parts / c.blocks, lanes: take[float64](work, c.laneSums())}
	s.table = table[s.first*c.taps : min(c.sources, s.first+c.chans)*c.taps]
	s.from, s.to = chunks*s.part/c.parts, chunks*(s.part+1)/c.parts
	clear(s.lanes)
	return s
}

// partOf returns the sums of a part and group, by filter, channel and tap.
func (c *convSums) partOf(all []float64, number, group int) []float64 {
	n := c.results * c.sources * c.taps
	return all[(number*c.groups+group)*n:][:n]
}

// addUp adds up the lanes of an item: to what there is, unless it is new.
func (c *convSums) addUp(all []float64, s sumsItem, isNew bool) {
	sums, lanes := c.partOf(all, s.part, s.group), s.lanes
	c.eachTile(c.results, len(s.table), func(f, filters, t, taps int) {
		for i := range filters {
			for j := range taps {
				var part [4]float64 // additions that do not wait for one another
				for at := 0; at < c.Lanes(); at += len(part) {
					for k, v := range lanes[at : at+len(part)] {
						part[k] += v
					}
				}
				s1 := part[0] + part[1] + (part[2] + part[3])
				lanes = lanes[c.Lanes():]
				to := &sums[((f+i)*c.sources+s.first)*c.taps+t+j]
				if !isNew {
					s1 += *to
				}
				*to = s1
			}
		}
	})
}

// eachTile calls f for the tiles of filters and taps.
func (c *convSums) eachTile(filters, taps int, f func(f, filters, t, taps int)) {
	nf, nt := ceil(filters, c.Filters()), ceil(taps, gemm.CorrelationTaps)
	for i := range nf {
		f0, f1 := filters*i/nf, filters*(i+1)/nf
		for j := range nt {
			t0, t1 := taps*j/nt, taps*(j+1)/nt
			f(f0, f1-f0, t0, t1-t0)
		}
	}
}

// chunk adds a chunk to the sums of an item.
func (c *convSums) chunk(one *gemm.Correlation, work []byte, s sumsItem) {
	a, lanes := one.A, s.lanes
	c.eachTile(c.results, len(s.table), func(f, filters, t, taps int) {
		one.Filters, one.Taps, one.Sums = filters, s.table[t:t+taps], lanes
		one.A = unsafe.Add(a, f*one.AFilter*c.Size())
		c.Add(work, one)
		lanes = lanes[filters*taps*c.Lanes():]
	})
}

// sumsResult adds up the sums of all parts.
func sumsResult[T float](c *convSums, all []float64, out []T) {
	for q := range c.groups {
		to := out[q*c.results*c.sources*c.taps:]
		sums := c.partOf(all, 0, q)
		for part := 1; part < c.parts; part++ {
			for i, v := range c.partOf(all, part, q) {
				sums[i] += v
			}
		}
		for i, v := range sums {
			to[i] = T(v)
		}
	}
}

// convCorrelation is how gradients of filters go where filters or channels are too few for products: sums of products by position, a lane for each position
// of a row.
type convCorrelation struct {
	convSums
	images, rows, width int // of a chunk
}

// From so many filters, and pairs of a filter and a tap of a channel, products are better.
const (
	manyResults = 12
	manyPairs   = 768
	// Of fewer positions to add up the sums by position are most of the work, except for a few filters.
	manyPositions = 256
	leastResults  = 4
)

// newConvCorrelation returns nil where products are better.
func newConvCorrelation(g *convGeometry, r *convRows, d dtype.DType) *convCorrelation {
	c := &convCorrelation{convSums: newConvSums(g, d)}
	groups := ceil(r.width, c.Lanes())
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
	c.share(c.chunks(r, g.images))
	return c
}

// chunks is the number of chunks of so many images.
func (c *convCorrelation) chunks(r *convRows, images int) int {
	return ceil(images, c.images) * r.result[0] * ceil(r.result[1], c.rows) * ceil(r.width, c.width)
}

// correlationSums is where the sums of all parts lie.
func correlationSums(p *convPlan, c *Call) []float64 {
	return part[float64](c.Work, p.rows.offsetInScratch.sums, p.rows.correlation.bytes)
}

// correlateItem adds the images of the phase to the sums of an item.
func correlateItem[T float](p *convPlan, worker, item int) {
	r, work := p.rows, p.call.Workers[worker]
	c := r.correlation
	s := c.begin(&work, item, c.chunks(r, r.images), r.kinds[0].table)
	one := gemm.Correlation{AFilter: p.outs, ARow: r.width, ASlice: p.groups * r.results * p.outs, BRow: r.padded[2], BSlice: p.groups * r.sources * r.plane}
	gy := data[T](&p.call.In[1])[(r.first*p.groups+s.group)*r.results*p.outs:]
	x := rowsSource[T](p, &p.call.In[0], s.group)
	at := 0
	for n := 0; n < r.images; n += c.images {
		one.Slices = min(c.images, r.images-n)
		for depth := range r.result[0] {
			for row := 0; row < r.result[1]; row += c.rows {
				one.Rows = min(c.rows, r.result[1]-row)
				for col := 0; col < r.width; col += c.width {
					if at++; at <= s.from || at > s.to {
						continue
					}
					one.Width = min(c.width, r.width-col)
					line := depth*r.result[1] + row
					one.A = address(gy[n*one.ASlice+line*r.width+col:])
					one.B = address(x[n*one.BSlice+r.rowStart(line)+col:])
					c.chunk(&one, work, s)
				}
			}
		}
	}
	c.addUp(correlationSums(p, p.call), s, r.first == 0)
}
