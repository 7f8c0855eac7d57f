package kernel

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/shape"
)

const convNote = " Attributes: strides and dilation (one entry per spatial dimension), padding (before and after each spatial dimension in turn, with zeros), groups, winograd (optional: float32 with 3×3 filters, strides and dilation 1 may go by Winograd's F(4×4, 3×3), " +
	"with errors of some 2e-5 of the largest element; infinities and NaN then reach all elements of a tile). " +
	"1 to 3 spatial dimensions, NCHW and OIHW order. Each element is a sum of products as those of matmul, "

var convRules = []attrRule{need("strides", attr.Ints), need("dilation", attr.Ints), need("padding", attr.Ints), need("groups", attr.Int), option("winograd", attr.Bool)}

func init() {
	registerConv(convForward, &Kernel{
		Name: "conv",
		Doc: "Convolution (cross-correlation, as in neural networks) of operand 0 (N, C, spatial) with filters (operand 1: O, C/groups, spatial)." + convNote +
			"in ascending (channel, filter position); elements of the padding take part as zeros, of many small images not at all. Float dtypes.",
		Finishes: func(in, out []Type, a attr.List) bool { return true },
		Run:      func(c *Call) error { return pickFloat(c.Out[0].DType, conv[float64], conv[float32])(c) },
	})
	registerConv(convOfInput, &Kernel{
		Name: "conv_input_grad",
		Doc: "The linear transpose of conv in its operand 0: from the result's adjoint (operand 0) and the filters (operand 1) to a tensor of the given shape." + convNote +
			"in ascending (filter, filter position); positions that the stride skips count as terms and add nothing (as zeros where the strides' product, each at most the extent, is above 64, or float32 has more than 16384 terms); so does what lies outside of the result of many small images. Float dtypes.",
		Finishes: func(in, out []Type, a attr.List) bool { return true },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, convInputGrad[float64], convInputGrad[float32])(c)
		},
	})
	registerConv(convOfFilters, &Kernel{
		Name: "conv_filter_grad",
		Doc: "The linear transpose of conv in its filters: from operand 0 of conv (operand 0) and the result's adjoint (operand 1) to filters of the given shape." + convNote +
			"in ascending (image, position of the adjoint), a new chain after as many whole rows of the adjoint as have 256 positions, after 256 positions of a longer one, and after the images whose input with padding takes 4 MiB. " +
			"Of fewer than 12 filters in a group, or 768 pairs of a filter and a tap of a channel (4 filters where there are fewer than 256 positions in all images), and where rows fill half a vector of 64 bytes, positions of a row, modulo 16 (float32) or 8, are chains of their own over rows of 128 times so many positions, which are added in float64; of fewer than 8 filters otherwise a chain ends with an image or 512 positions. " +
			"Of 4 to 56 filters for at least 32 images (float32) or 16, if these are small, images, modulo 16 or 8, are chains of their own over up to 128 positions, which are added in float64. Elements of the padding take part as zeros. Float dtypes.",
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, convFilterGrad[float64], convFilterGrad[float32])(c)
		},
	})
}

// registerConv registers the kernel that computes the result, or the gradient for the input or the filters, of convolutions.
func registerConv(which int, k *Kernel) {
	plan := func(in, out []Type, a attr.List) *convPlan {
		x, w, y := convRoles(which, in, out)
		return newConvPlan(x.Shape, w.Shape, y.Shape, out[0].DType, a, which)
	}
	rules := convRules
	if which != convForward {
		rules = append(slices.Clone(rules), need("shape", attr.Ints))
	}
	k.Check = func(in, out []Type, a attr.List) error {
		if err := checkCall(in, out, a, 2, 1, rules...); err != nil {
			return err
		}
		if which != convForward {
			if err := wantAttrShape(a, "shape", out[0].Shape); err != nil {
				return err
			}
		}
		x, w, y := convRoles(which, in, out)
		return checkConv(x, w, y, a)
	}
	k.Workspace = func(in, out []Type, a attr.List) int { return plan(in, out, a).workspace() }
	k.Each = func(in, out []Type, a attr.List) int { return plan(in, out, a).each() }
	k.Prepare = func(in, out []Type, a attr.List) any { return plan(in, out, a) }
	k.StateBytes = func(in, out []Type, a attr.List) int64 { return plan(in, out, a).stateBytes() }
	if which == convForward {
		k.KeptBytes = func(in, out []Type, a attr.List, constant []bool) int {
			if !constant[1] {
				return 0
			}
			return plan(in, out, a).keptBytes()
		}
		k.Keep = func(c *Call, constant []bool) {
			p := c.State.(*convPlan)
			if c.In[1].DType == dtype.Float32 {
				keepFilters(p, part[float32](c.Kept, 0, len(c.Kept)), c.In[1].F32)
			} else {
				keepFilters(p, part[float64](c.Kept, 0, len(c.Kept)), c.In[1].F64)
			}
		}
	}
	k.Work = func(in, out []Type, a attr.List) float64 {
		x, w, y := convRoles(which, in, out)
		return newConvGeometry(x.Shape, w.Shape, y.Shape, a).work(which)
	}
	Register(k)
}

// convRoles returns a convolution's input, filters and result, one of which a kernel computes from the others.
func convRoles(which int, in, out []Type) (x, w, y Type) {
	switch which {
	case convOfInput:
		return out[0], in[1], in[0]
	case convOfFilters:
		return in[0], out[0], in[1]
	}
	return in[0], in[1], out[0]
}

// checkConv checks the types of a convolution's input, filters and result, in whichever role they are.
func checkConv(x, w, y Type, a attr.List) error {
	r := len(x.Shape)
	if r < 3 || r > 5 || len(w.Shape) != r || len(y.Shape) != r {
		return fmt.Errorf("ranks %d, %d and %d: need 3 to 5, all the same", r, len(w.Shape), len(y.Shape))
	}
	if err := firstOf(checkAmong(floatSet, x), checkDType(x.DType, w, y)); err != nil {
		return err
	}
	g := a.Int("groups")
	if g < 1 || x.Shape[1]%g != 0 || w.Shape[0]%g != 0 || w.Shape[1] != x.Shape[1]/g {
		return fmt.Errorf("%d channels and filters %v in %d groups", x.Shape[1], w.Shape, g)
	}
	if x.Shape[0] != y.Shape[0] || w.Shape[0] != y.Shape[1] {
		return fmt.Errorf("input %v and filters %v do not give %v", x.Shape, w.Shape, y.Shape)
	}
	return checkWindows(x.Shape[2:], w.Shape[2:], y.Shape[2:], a.Ints("strides"), a.Ints("dilation"), a.Ints("padding"))
}

// checkWindows checks the spatial extents of input, window and result and how they belong together.
func checkWindows(in, window, out, strides, dilation, padding []int) error {
	d := len(in)
	if len(window) != d || len(strides) != d || len(dilation) != d || len(padding) != 2*d {
		return fmt.Errorf("window, strides and dilation need %d entries, padding %d", d, 2*d)
	}
	for i, n := range in {
		k, s, l, lo, hi := window[i], strides[i], dilation[i], padding[2*i], padding[2*i+1]
		for _, v := range []int{k, s, l} {
			if v < 1 || v > maxElements {
				return fmt.Errorf("window %d, stride %d, dilation %d of spatial dimension %d", k, s, l, i)
			}
		}
		if lo < 0 || lo > maxElements || hi < 0 || hi > maxElements {
			return fmt.Errorf("padding %d, %d of spatial dimension %d", lo, hi, i)
		}
		padded := n + lo + hi
		if k > 1 && l > (padded-1)/(k-1) {
			return fmt.Errorf("a window of %d with dilation %d does not fit into %d", k, l, padded)
		}
		if want := (padded-(k-1)*l-1)/s + 1; out[i] != want {
			return fmt.Errorf("spatial dimension %d of the result is %d, needs %d", i, out[i], want)
		}
	}
	return nil
}

// convGeometry describes a convolution with three spatial dimensions; missing ones have extent 1.
type convGeometry struct {
	images, groups        int
	chans, filters        int // of one group
	in, out, window       [3]int
	stride, dilation, low [3]int
	ins, outs, taps       int // elements of one channel of input, result, filter
}

func newConvGeometry(x, w, y []int, a attr.List) *convGeometry {
	g := &convGeometry{images: x[0], groups: a.Int("groups")}
	g.chans, g.filters = x[1]/g.groups, w[0]/g.groups
	g.setSpatial(x[2:], w[2:], y[2:], a.Ints("strides"), a.Ints("dilation"), a.Ints("padding"))
	return g
}

// work is the number of operations, two for each product of an element and a weight: elements of the padding are multiplied, and for the
// gradient for the input, each of whose elements all taps reach, the positions that the stride skips count.
func (g *convGeometry) work(which int) float64 {
	positions := g.outs
	if which == convOfInput {
		positions = max(g.ins, g.outs)
	}
	return 2 * float64(g.images*g.groups*g.chans*g.filters) * float64(g.taps) * float64(positions)
}

func (g *convGeometry) setSpatial(in, window, out, strides, dilation, padding []int) {
	for i := range 3 {
		g.in[i], g.out[i], g.window[i], g.stride[i], g.dilation[i] = 1, 1, 1, 1, 1
	}
	lead := 3 - len(in)
	for i := range in {
		j := lead + i
		g.in[j], g.out[j], g.window[j] = in[i], out[i], window[i]
		g.stride[j], g.dilation[j], g.low[j] = strides[i], dilation[i], padding[2*i]
	}
	g.ins, g.outs, g.taps = shape.Size(g.in[:]), shape.Size(g.out[:]), shape.Size(g.window[:])
}

// block returns the number of positions for which columns of depth k are laid out at once.
func (g *convGeometry) block(positions, k int) int {
	return min(positions, max(16, min(512, 1<<16/k)))
}

// Which tensor a convolution computes.
const (
	convForward = iota
	convOfInput
	convOfFilters
)

// convPlan cuts a convolution into items, each a product of filters, or an adjoint, with the columns that are laid out for a block of
// positions.
type convPlan struct {
	convGeometry
	which     int
	size      int // of an element
	pointwise *convPointwise
	rows      *convRows // nil if the columns are laid out
	laid      *convLaid
	kept      *convLaid // instead of laid or rows where the filters are kept
	now       *convLaid // of a run, nil for other ways
	beside    *convImages
	imageSums *convImageSums
	winograd  *convWinograd
	k         int // rows of the columns
	width     int // columns of a block
	blocks    int // of an image and group
	sliced    int // channels of a block of filters
	product   *gemm.Plan
	colBytes  int
	sums      int // bytes
	parts     int // of the images, for filters
	perPart   int
	shared    int // bytes of the parts' sums
	do        func(p *convPlan, worker, item int)
	doLaid    func(p *convPlan, worker, item int)
	call      *Call // of a run
}

// Do implements pool.Task.
func (p *convPlan) Do(worker, item int) {
	if p.now != nil {
		p.doLaid(p, worker, item)
		return
	}
	p.do(p, worker, item)
}

func (p *convPlan) run(c *Call, items int) {
	switch {
	case p.winograd != nil:
		p.runWinograd(c)
		return
	case p.kept != nil && len(c.Kept) > 0:
		p.runLaid(c, p.kept)
		return
	case p.rows != nil:
		p.runRows(c)
		return
	case p.laid != nil:
		p.runLaid(c, p.laid)
		return
	case p.beside != nil:
		p.runImages(c)
		return
	}
	p.call = c
	c.Parallel(p, items)
	p.call = nil
}

func newConvPlan(x, w, y []int, d dtype.DType, a attr.List, which int) *convPlan {
	p := &convPlan{convGeometry: *newConvGeometry(x, w, y, a), which: which, size: d.Size()}
	if p.pointwise = newConvPointwise(&p.convGeometry, d, which); p.pointwise != nil {
		p.do = pointwiseItem[float64]
		if d == dtype.Float32 {
			p.do = pointwiseItem[float32]
		}
		return p
	}
	m, positions := p.filters, p.outs
	p.k = p.chans * p.taps
	if which == convOfInput {
		m, positions, p.k = p.chans, p.ins, p.filters*p.taps
	}
	p.width = p.block(positions, p.k)
	p.blocks = ceil(positions, p.width)
	p.colBytes = scratchSize(p.k*p.width, d.Size())
	product := gemm.Product{DType: d, M: m, N: p.width, K: p.k, A: gemm.Strides{Row: p.k, Col: 1}, B: gemm.Strides{Row: p.width, Col: 1}, CRow: positions, Block: true}
	if which == convOfFilters {
		// The items are blocks of channels, which go through all images.
		p.sliced = min(p.chans, max(1, 64/p.taps))
		p.blocks = ceil(p.chans, p.sliced)
		k := p.sliced * p.taps
		p.width = p.block(p.outs, k)
		p.colBytes = scratchSize(k*p.width, d.Size())
		product = gemm.Product{DType: d, M: p.filters, N: k, K: p.width, A: gemm.Strides{Row: p.outs, Col: 1}, B: gemm.Strides{Row: 1, Col: p.width}, CRow: k, Block: true}
		// Where these are few, they go through some images each, whose sums are added at last.
		p.parts = min(p.images, max(1, 16/(p.groups*p.blocks)))
		p.perPart = ceil(p.images, p.parts)
		p.parts = ceil(p.images, p.perPart)
		p.sums = scratchSize(p.filters*k, d.Size())
		p.shared = p.groups * p.blocks * p.parts * scratchSize(p.filters*k, 8)
	}
	p.product = gemm.NewPlan(product, cpu.Best())
	if a.Bool("winograd") {
		if p.winograd = newConvWinograd(&p.convGeometry, d, which); p.winograd != nil {
			p.winograd.setProduct(&p.convGeometry, p.product)
			p.do = winogradItem
			return p
		}
	}
	p.do = [...]func(p *convPlan, worker, item int){convForward: convItem[float64], convOfInput: convInputItem[float64], convOfFilters: convFilterItem[float64]}[which]
	if d == dtype.Float32 {
		p.do = [...]func(p *convPlan, worker, item int){convForward: convItem[float32], convOfInput: convInputItem[float32], convOfFilters: convFilterItem[float32]}[which]
	}
	if p.beside = newConvImages(&p.convGeometry, d, which, p.product); p.beside != nil {
		p.do = imagesItem[float64]
		if d == dtype.Float32 {
			p.do = imagesItem[float32]
		}
		return p
	}
	if which == convOfFilters {
		p.imageSums = newConvImageSums(&p.convGeometry, d)
	}
	if p.imageSums != nil {
		p.do = imageSumsItem[float64]
		if d == dtype.Float32 {
			p.do = imageSumsItem[float32]
		}
		return p
	}
	p.rows = newConvRows(&p.convGeometry, d, which, p.product)
	p.doLaid = laidItem[float64]
	if d == dtype.Float32 {
		p.doLaid = laidItem[float32]
	}
	p.kept = newConvKept(&p.convGeometry, d, which, p.rows, p.product)
	if p.laid = newConvLaid(&p.convGeometry, d, which, p.rows, p.product); p.laid != nil {
		p.rows = nil
	}
	if p.rows != nil {
		p.do = rowsItem[float64]
		if d == dtype.Float32 {
			p.do = rowsItem[float32]
		}
	}
	return p
}

// workspace is the scratch that all goroutines share, and each that of one.
func (p *convPlan) workspace() int {
	if p.kept != nil {
		return max(p.kept.workspace(), p.workspaceBesides())
	}
	return p.workspaceBesides()
}

// workspaceBesides is workspace of calls that keep nothing.
func (p *convPlan) workspaceBesides() int {
	switch {
	case p.pointwise != nil:
		return p.pointwise.bytes + p.pointwise.product.Shared()
	case p.winograd != nil:
		return p.winograd.workspace(&p.convGeometry)
	case p.rows != nil:
		return p.rows.workspace()
	case p.laid != nil:
		return p.laid.workspace()
	case p.beside != nil:
		return p.beside.workspace()
	case p.imageSums != nil:
		return p.imageSums.workspace()
	case p.which == convOfInput:
		return scratchSize(p.groups*p.chans*p.k, p.size)
	}
	return p.shared
}

func (p *convPlan) each() int {
	if p.kept != nil {
		return max(p.kept.each(p.size)+p.product.Each(), p.eachBesides())
	}
	return p.eachBesides()
}

// eachBesides is each of calls that keep nothing.
func (p *convPlan) eachBesides() int {
	if p.pointwise != nil {
		return p.pointwise.product.Each()
	}
	if p.winograd != nil {
		return p.winograd.each() + p.product.Each()
	}
	if p.rows != nil {
		return p.rows.each() + p.product.Each()
	}
	if p.laid != nil {
		return p.laid.each(p.size) + p.product.Each()
	}
	if p.beside != nil {
		return p.beside.each(p.size) + p.product.Each()
	}
	if p.imageSums != nil {
		return p.imageSums.each(&p.convGeometry)
	}
	return p.colBytes + p.sums + p.product.Each()
}

func (p *convPlan) stateBytes() int64 {
	n := int64(unsafe.Sizeof(convPlan{})) + int64(unsafe.Sizeof(convWinograd{})) + int64(unsafe.Sizeof(convPointwise{})) + gemm.StateBytes(gemm.Product{Batch: make([]gemm.Dim, 2)})
	if p.rows != nil {
		n += p.rows.stateBytes()
	}
	for _, q := range []*convLaid{p.laid, p.kept} {
		if q != nil {
			n += q.stateBytes()
		}
	}
	if p.beside != nil {
		n += p.beside.stateBytes()
	}
	if p.imageSums != nil {
		n += p.imageSums.stateBytes()
	}
	return n
}

// columns lays out some channels of the input under each filter tap: col[(channel, tap), p − p0] for the result's positions p0 ≤ p < p1. Its rows are lead
// elements apart.
func columns[T float](g *convGeometry, col, x []T, first, chans, p0, p1, lead int) {
	width, at := p1-p0, 0
	d0, h0, w0 := p0/(g.out[1]*g.out[2]), p0/g.out[2]%g.out[1], p0%g.out[2]
	for c := first; c < first+chans; c++ {
		plane := x[c*g.ins : (c+1)*g.ins]
		for kd := range g.window[0] {
			for kh := range g.window[1] {
				for kw := range g.window[2] {
					row := col[at : at+width]
					at += lead
					od, oh, ow := d0, h0, w0
					for len(row) > 0 {
						n := min(g.out[2]-ow, len(row))
						d := od*g.stride[0] - g.low[0] + kd*g.dilation[0]
						h := oh*g.stride[1] - g.low[1] + kh*g.dilation[1]
						w := ow*g.stride[2] - g.low[2] + kw*g.dilation[2]
						to := row[:n]
						row, ow = row[n:], 0
						if oh++; oh == g.out[1] {
							od, oh = od+1, 0
						}
						if d < 0 || d >= g.in[0] || h < 0 || h >= g.in[1] {
							clear(to)
							continue
						}
						line := plane[(d*g.in[1]+h)*g.in[2]:][:g.in[2]]
						if g.stride[2] == 1 { // to[j] = line[w+j]
							lo := min(max(0, -w), len(to))
							hi := max(lo, min(len(to), len(line)-w))
							clear(to[:lo])
							if lo < hi {
								copy(to[lo:hi], line[w+lo:])
							}
							clear(to[hi:])
							continue
						}
						for j := range to {
							if w >= 0 && w < len(line) {
								to[j] = line[w]
							} else {
								to[j] = 0
							}
							w += g.stride[2]
						}
					}
				}
			}
		}
	}
}

func conv[T float](c *Call) error {
	p := c.State.(*convPlan)
	if p.pointwise != nil {
		runPointwise[T](p, c)
		return nil
	}
	p.run(c, p.images*p.groups*p.blocks)
	return nil
}

func convItem[T float](p *convPlan, worker, item int) {
	c, work := p.call, p.call.Workers[worker]
	x, w, y := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	plane, at := item/p.blocks, item%p.blocks*p.width // an image and group
	width := min(p.width, p.outs-at)
	col := take[T](&work, p.k*p.width)
	columns(&p.convGeometry, col, x[plane*p.chans*p.ins:], 0, p.chans, at, at+width, p.width)
	filters := w[plane%p.groups*p.filters*p.k:]
	p.product.Block(work, address(filters), address(col), address(y[plane*p.filters*p.outs+at:]), width, p.k)
	if c.Then != nil {
		c.Then.Finish(worker, plane*p.filters*p.outs+at, p.filters, width, p.outs)
	}
}

func convFilterGrad[T float](c *Call) error {
	p := c.State.(*convPlan)
	if p.imageSums != nil {
		runImageSums[T](p, c)
		return nil
	}
	p.run(c, p.groups*p.blocks*p.parts)
	switch {
	case p.rows != nil && p.rows.correlation != nil:
		sumsResult(&p.rows.correlation.convSums, correlationSums(p, c), data[T](&c.Out[0]))
		return nil
	case p.rows != nil || p.winograd != nil:
		return nil
	}
	gw := data[T](&c.Out[0])
	for item := range p.groups * p.blocks {
		q, first := item/p.blocks, item%p.blocks*p.sliced
		k, most := min(p.sliced, p.chans-first)*p.taps, p.sliced*p.taps
		sums := p.partSums(c.Work, item*p.parts)
		for n := 1; n < p.parts; n++ {
			for i, v := range p.partSums(c.Work, item*p.parts+n) {
				sums[i] += v
			}
		}
		for f := range p.filters {
			to := gw[((q*p.filters+f)*p.chans+first)*p.taps:][:k]
			for i, v := range sums[f*most:][:k] {
				to[i] = T(v)
			}
		}
	}
	return nil
}

// partSums is the shared scratch of a part of the gradient of filters.
func (p *convPlan) partSums(work []byte, part int) []float64 {
	n := p.filters * p.sliced * p.taps
	at := part * scratchSize(n, 8)
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(work[at:]))), n)
}

func convFilterItem[T float](p *convPlan, worker, item int) {
	c, work := p.call, p.call.Workers[worker]
	x, gy := data[T](&c.In[0]), data[T](&c.In[1])
	block, images := item/p.parts, item%p.parts*p.perPart
	q, first := block/p.blocks, block%p.blocks*p.sliced
	chans := min(p.sliced, p.chans-first)
	k, most := chans*p.taps, p.sliced*p.taps
	sums, part, col := p.partSums(c.Work, item), take[T](&work, p.filters*most), take[T](&work, most*p.width)
	clear(sums)
	for n := images; n < min(p.images, images+p.perPart); n++ {
		image, adjoint := x[(n*p.groups+q)*p.chans*p.ins:], gy[(n*p.groups+q)*p.filters*p.outs:]
		for at := 0; at < p.outs; at += p.width {
			width := min(p.width, p.outs-at)
			columns(&p.convGeometry, col, image, first, chans, at, at+width, p.width)
			p.product.Block(work, address(adjoint[at:]), address(col), address(part), k, width)
			for i, v := range part {
				sums[i] += float64(v)
			}
		}
	}
}

// adjointColumns lays out, under each filter tap, the result's adjoint that the input's positions p0 ≤ p < p1 took part in.
func adjointColumns[T float](g *convGeometry, col, gy []T, p0, p1, lead int) {
	width, at := p1-p0, 0
	for c := range g.filters {
		plane := gy[c*g.outs : (c+1)*g.outs]
		for kd := range g.window[0] {
			for kh := range g.window[1] {
				for kw := range g.window[2] {
					row := col[at : at+width]
					at += lead
					for p := p0; p < p1; {
						id, ih, iw := p/(g.in[1]*g.in[2]), p/g.in[2]%g.in[1], p%g.in[2]
						n := min(g.in[2]-iw, p1-p)
						to := row[p-p0 : p-p0+n]
						p += n
						d, okD := g.source(0, id, kd)
						h, okH := g.source(1, ih, kh)
						if !okD || !okH {
							clear(to)
							continue
						}
						line := plane[(d*g.out[1]+h)*g.out[2]:][:g.out[2]]
						for j := range to {
							if w, ok := g.source(2, iw+j, kw); ok {
								to[j] = line[w]
							} else {
								to[j] = 0
							}
						}
					}
				}
			}
		}
	}
}

// source returns the result's index along a dimension at which tap k reads input index i.
func (g *convGeometry) source(dim, i, k int) (int, bool) {
	o := i + g.low[dim] - k*g.dilation[dim]
	if o < 0 || o%g.stride[dim] != 0 {
		return 0, false
	}
	o /= g.stride[dim]
	return o, o < g.out[dim]
}

func convInputGrad[T float](c *Call) error {
	p, work := c.State.(*convPlan), c.Work
	if p.pointwise != nil {
		runPointwise[T](p, c)
		return nil
	}
	if p.winograd != nil || p.rows != nil || p.laid != nil || p.beside != nil {
		p.run(c, 0)
		return nil
	}
	// turned holds the filters as (group, channel, filter, tap).
	w := data[T](&c.In[1])
	turned := take[T](&work, len(w))
	for q := range p.groups {
		for f := range p.filters {
			for ch := range p.chans {
				copy(turned[((q*p.chans+ch)*p.filters+f)*p.taps:][:p.taps], w[((q*p.filters+f)*p.chans+ch)*p.taps:])
			}
		}
	}
	p.run(c, p.images*p.groups*p.blocks)
	return nil
}

func convInputItem[T float](p *convPlan, worker, item int) {
	c, shared, work := p.call, p.call.Work, p.call.Workers[worker]
	gy, gx := data[T](&c.In[0]), data[T](&c.Out[0])
	turned := take[T](&shared, p.groups*p.chans*p.k)
	plane, at := item/p.blocks, item%p.blocks*p.width
	width := min(p.width, p.ins-at)
	col := take[T](&work, p.k*p.width)
	adjointColumns(&p.convGeometry, col, gy[plane*p.filters*p.outs:], at, at+width, p.width)
	p.product.Block(work, address(turned[plane%p.groups*p.chans*p.k:]), address(col), address(gx[plane*p.chans*p.ins+at:]), width, p.k)
	if c.Then != nil {
		c.Then.Finish(worker, plane*p.chans*p.ins+at, p.chans, width, p.ins)
	}
}
