package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convKept is how convolutions of small planes to many channels go whose filters are constants: products of what the taps read, a row for each position, with the filters as columns, which are packed once.
// Vectors hold filters, so that none is partly empty at the end of a row or plane, and the filters, which are most of what is read, are read in their order.
type convKept struct {
	product  *gemm.Plan // of a block of positions
	lines    *gemm.Rows
	packed   bool
	terms    int
	images   int // of a block
	rows     int // positions of a block
	blocks   int
	lead     int     // elements from position to position of what is laid out
	filters  int     // of an item
	parts    int     // items of a block
	channels int     // of an item that lays out
	layItems int     // of a block
	together int     // blocks of a phase
	bytes    int     // of what is laid out in a phase
	first    int     // block of the phase
	reads    []int32 // by position and tap, the element of a channel that is read, −1 in the padding
	laying   bool
}

const (
	keptFilters   = 256           // filters at least: laying out takes as long as the products of some thirty
	keptPlane     = 100           // positions of an image at most
	keptPositions = 200           // of a block
	keptColumns   = 32            // filters of an item at least: a multiple of the width of every tile
	keptItems     = 16            // items, of
	keptWork      = convItemLeast // multiply-adds at least
)

// newConvKept returns nil where another way is better.
func newConvKept(g *convGeometry, d dtype.DType) *convKept {
	q := &convKept{terms: g.chans * g.taps}
	if g.groups > 1 || g.images*g.outs == 0 || g.outs > keptPlane || g.filters < keptFilters || q.terms < gemm.Chain/4 || d == dtype.Float32 && q.terms > gemm.Segment {
		return nil
	}
	q.images = evenly(g.images, keptPositions/g.outs)
	q.rows = q.images * g.outs
	q.blocks = (g.images + q.images - 1) / q.images
	line := 64 / d.Size()
	q.lead = ((q.terms+line-1)/line | 1) * line // lines of the cache that lie an odd number of them apart do not meet in few sets
	most := max(1, q.rows*q.terms*g.filters/keptWork)
	units := (g.filters + keptColumns - 1) / keptColumns
	q.filters = evenly(units, max(1, units/max(1, min((keptItems+q.blocks-1)/q.blocks, most)))) * keptColumns
	q.parts = (g.filters + q.filters - 1) / q.filters
	q.product = gemm.NewPlan(gemm.Product{DType: d, M: q.rows, N: g.filters, K: q.terms, A: gemm.Strides{Row: q.lead, Col: 1}, B: gemm.Strides{Row: 1, Col: q.terms}, CRow: q.filters, Block: true}, cpu.Best())
	q.lines = gemm.NewRows(d, cpu.Best())
	q.channels = max(1, 1<<14/(q.rows*g.taps))
	q.layItems = (g.chans + q.channels - 1) / q.channels
	each := q.rows * q.lead * d.Size()
	q.together = max(1, min(q.blocks, convPhaseBytes/each))
	q.bytes = scratchSize(q.together*each, 1)
	q.setReads(g)
	return q
}

func (q *convKept) each(size int) int {
	return scratchSize(q.rows*q.filters, size) + scratchSize(int(unsafe.Sizeof(gemm.Scratch{})), 1) + q.product.Each()
}

// convKeptBytes is the memory for the packed filters, 0 if that is not how the convolution goes.
func convKeptBytes(in, out []Type, a attr.List, constant []bool) int {
	if p := forwardPlan(in, out, a); constant[1] && p.kept != nil {
		n, _ := p.kept.product.PrepackBytes()
		return n
	}
	return 0
}

// keepConv packs the filters.
func keepConv(c *Call, constant []bool) {
	if p := c.State.(*convPlan); constant[1] && p.kept != nil {
		p.kept.product.Prepack(addressOf(&c.In[1]), c.Kept)
		p.kept.packed = true
	}
}

// runKept runs the convolution in phases: what the taps read at some blocks of positions is laid out, then multiplied.
func runKept[T float](p *convPlan, c *Call) {
	q := p.kept
	p.call = c
	for q.first = 0; q.first < q.blocks; q.first += q.together {
		n := min(q.together, q.blocks-q.first)
		q.laying = true
		c.Parallel((*keptTask[T])(p), n*q.layItems)
		q.laying = false
		c.Parallel((*keptTask[T])(p), n*q.parts)
	}
	p.call = nil
}

// keptTask is the plan as a pool.Task of items of either phase.
type keptTask[T float] convPlan

// Do implements pool.Task.
func (t *keptTask[T]) Do(worker, item int) {
	p := (*convPlan)(t)
	q, c := p.kept, p.call
	items := q.parts
	if q.laying {
		items = q.layItems
	}
	number, item := item/items, item%items
	block := q.first + number
	image := block * q.images
	images := min(q.images, p.images-image)
	laid := part[T](c.Work, 0, q.bytes)[number*q.rows*q.lead:]
	if q.laying {
		first := item * q.channels
		chans := min(q.channels, p.chans-first)
		for i := range images {
			x := data[T](&c.In[0])[((image+i)*p.chans+first)*p.ins:][:chans*p.ins]
			for at := range p.outs {
				layReads(laid[(i*p.outs+at)*q.lead+first*p.taps:][:chans*p.taps], x, p.ins, q.reads[at*p.taps:][:p.taps])
			}
		}
		return
	}
	work, first := c.Workers[worker], item*q.filters
	n := min(q.filters, p.filters-first)
	products := take[T](&work, q.rows*q.filters)
	scratch := (*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(take[int64](&work, int(unsafe.Sizeof(gemm.Scratch{})+7)/8))))
	q.product.Columns(work, address(laid), address(products), images*p.outs, first, n)
	for i := range images {
		place := ((image+i)*p.filters + first) * p.outs
		q.lines.Transpose(scratch, address(data[T](&c.Out[0])[place:]), p.outs, address(products[i*p.outs*q.filters:]), q.filters, p.outs, n)
		if c.Then != nil {
			c.Then.Finish(worker, place, n, p.outs, p.outs)
		}
	}
}

// setReads lists what the taps read of a channel.
func (q *convKept) setReads(g *convGeometry) {
	q.reads = make([]int32, 0, g.taps*g.outs)
	for o := range g.outs {
		for tap := range g.taps {
			k := [3]int{tap / (g.window[1] * g.window[2]), tap / g.window[2] % g.window[1], tap % g.window[2]}
			read, inside := 0, true
			for i, n := range [3]int{o / (g.out[1] * g.out[2]), o / g.out[2] % g.out[1], o % g.out[2]} {
				at := n*g.stride[i] - g.low[i] + k[i]*g.dilation[i]
				read, inside = read*g.in[i]+at, inside && at >= 0 && at < g.in[i]
			}
			if !inside {
				read = -1
			}
			q.reads = append(q.reads, int32(read))
		}
	}
}

// layReads lays out the elements of channels that are read at a position, zeros in the padding.
func layReads[T float](row, channels []T, size int, reads []int32) {
	for len(row) > 0 {
		to, channel := row[:len(reads)], channels[:size]
		for i, at := range reads {
			var v T
			if at >= 0 {
				v = channel[at]
			}
			to[i] = v
		}
		row, channels = row[len(reads):], channels[size:]
	}
}
