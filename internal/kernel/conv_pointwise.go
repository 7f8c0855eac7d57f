package kernel

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// convPointwise is how convolutions go whose filters have a single tap, and their gradients for the input: each image and group is a product of matrices. With strides or padding, the
// positions that are read are copied first, or those that are reached get their elements at last.
type convPointwise struct {
	product  *gemm.Plan
	copied   bool
	together int // images of a product
	channels int // of an item that copies
	items    int
	bytes    int // of copied planes
	first    int // image of the product
}

// newConvPointwise returns nil for filters with more taps, and for their gradients.
func newConvPointwise(g *convGeometry, d dtype.DType, which int) *convPointwise {
	if g.taps != 1 || which == convOfFilters {
		return nil
	}
	q := &convPointwise{together: g.images, copied: g.low != [3]int{}}
	for i := range 3 {
		q.copied = q.copied || g.in[i] != g.out[i] || g.stride[i] > 1 && g.out[i] > 1
	}
	from, to, filters := g.chans, g.filters, gemm.Strides{Row: g.chans, Col: 1}
	if which == convOfInput {
		from, to, filters = g.filters, g.chans, gemm.Strides{Row: 1, Col: g.chans}
	}
	if q.copied {
		image := g.groups * g.chans * g.outs * d.Size()
		for q.together > 1 && (q.together*image > convPhaseBytes || g.images%q.together != 0) {
			q.together--
		}
		q.bytes = scratchSize(q.together*image, 1)
		q.channels = max(1, 1<<14/max(1, g.outs))
		q.items = ceil(q.together*g.groups*g.chans, q.channels)
	}
	q.product = gemm.NewPlan(gemm.Product{DType: d, M: to, N: g.outs, K: from, A: filters, B: gemm.Strides{Row: g.outs, Col: 1}, CRow: g.outs, Batch: []gemm.Dim{
		{N: q.together, B: g.groups * from * g.outs, C: g.groups * to * g.outs}, {N: g.groups, A: g.chans * g.filters, B: from * g.outs, C: to * g.outs}}}, cpu.Best())
	return q
}

// runPointwise runs the convolution.
func runPointwise[T float](p *convPlan, c *Call) {
	q := p.pointwise
	x, w, y := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	chans, filters := p.groups*p.chans, p.groups*p.filters
	planes, common := part[T](c.Work, 0, q.bytes), c.Work[q.bytes:]
	p.call = c
	for q.first = 0; q.first < p.images; q.first += q.together {
		from, to, then := x, y, gemm.Finisher(nil)
		if p.which == convOfInput {
			from, to = from[q.first*filters*p.outs:], to[q.first*chans*p.ins:]
		} else {
			from, to = from[q.first*chans*p.ins:], to[q.first*filters*p.outs:]
		}
		switch {
		case q.copied && p.which == convOfInput:
			to = planes
		case q.copied:
			c.Parallel(p, q.items)
			from = planes
		}
		if c.Then != nil && !(q.copied && p.which == convOfInput) {
			then = p
		}
		q.product.RunThen(c, address(w), address(from), address(to), common, c.Workers, then)
		if q.copied && p.which == convOfInput {
			c.Parallel(p, q.items)
		}
	}
	p.call = nil
}

// Finish implements gemm.Finisher for pointwise convolutions.
func (p *convPlan) Finish(worker, at, rows, cols int) {
	q, size := p.pointwise, p.filters*p.outs
	if p.which == convOfInput {
		size = p.chans * p.outs
	}
	p.call.Then.Finish(worker, q.first*p.groups*size+at, rows, cols, p.outs)
}

// pointwiseItem copies some channels of the images: the positions that are read from the input, or what they get into its gradient.
func pointwiseItem[T float](p *convPlan, worker, item int) {
	q, c := p.pointwise, p.call
	planes := part[T](c.Work, 0, q.bytes)
	all := p.groups * p.chans
	for ch := item * q.channels; ch < min((item+1)*q.channels, q.together*all); ch++ {
		plane := planes[ch*p.outs : (ch+1)*p.outs]
		at := (q.first*all + ch) * p.ins
		if p.which == convForward {
			copyRead(&p.convGeometry, plane, data[T](&c.In[0])[at:at+p.ins], true)
			continue
		}
		to := data[T](&c.Out[0])[at : at+p.ins]
		clear(to)
		copyRead(&p.convGeometry, plane, to, false)
		if c.Then != nil {
			c.Then.Finish(worker, at, 1, p.ins, p.ins)
		}
	}
}

// copyRead gathers what a filter's only tap reads of a channel for each position of the result, zeros in the padding, or puts it there.
func copyRead[T float](g *convGeometry, positions, channel []T, gather bool) {
	step, low := g.stride[2], g.low[2]
	lo := min(ceil(low, step), g.out[2])
	hi := max(lo, min(ceil(g.in[2]+low, step), g.out[2]))
	for d := range g.out[0] {
		for h := range g.out[1] {
			line := positions[(d*g.out[1]+h)*g.out[2]:][:g.out[2]]
			z, y := d*g.stride[0]-g.low[0], h*g.stride[1]-g.low[1]
			switch inside := z >= 0 && z < g.in[0] && y >= 0 && y < g.in[1] && lo < hi; {
			case !inside && gather:
				clear(line)
				continue
			case !inside:
				continue
			case gather && hi-lo < len(line):
				clear(line[:lo])
				clear(line[hi:])
			}
			at := lo*step - low
			from := channel[(z*g.in[1]+y)*g.in[2]:][:g.in[2]]
			if gather {
				for i := lo; i < hi; i++ {
					line[i] = from[at]
					at += step
				}
				continue
			}
			for _, v := range line[lo:hi] {
				from[at] = v
				at += step
			}
		}
	}
}
