package kernel

import (
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/prefetch"
	"github.com/adjoint-go/adjoint/internal/shape"
)

const reduceOrder = " A contiguous run of reduced elements is cut into blocks of 512; within a block element i goes to accumulator i mod W " +
	"(W = 8 for 8-byte and 16 for 4-byte types), the accumulators are folded in halves, and the results of all blocks are combined pairwise in ascending order. " +
	"Where the last dimension is kept, blocks are 64 consecutive reduced elements, one accumulator each, combined pairwise, and so it is with the results of several runs."

func init() {
	for _, r := range []struct {
		name, doc string
		kind      micro.ReduceKind
	}{
		{"reduce_sum", "Sum over the axes; integers wrap.", micro.ReduceSum},
		{"reduce_prod", "Product over the axes; integers wrap.", micro.ReduceProd},
		{"reduce_max", "Largest element over the axes; NaN if any is NaN, max(−0, +0) = +0.", micro.ReduceMax},
		{"reduce_min", "Smallest element over the axes; NaN if any is NaN, min(−0, +0) = −0.", micro.ReduceMin},
	} {
		Register(&Kernel{
			Name: r.name,
			Doc:  r.doc + " keepdims keeps reduced dimensions with extent 1. Numeric dtypes." + reduceOrder,
			Check: func(in, out []Type, a attr.List) error {
				if err := checkReduce(in, out, a); err != nil {
					return err
				}
				return firstOf(checkAmong(numericSet, in[0]), checkDType(in[0].DType, out[0]))
			},
			Prepare:    func(in, out []Type, a attr.List) any { return newReducePlan(in[0], a.Ints("axes"), r.kind) },
			Each:       func(in, out []Type, a attr.List) int { return newReducePlan(in[0], a.Ints("axes"), r.kind).each },
			StateBytes: func(in, out []Type, a attr.List) int64 { return int64(in[0].Size()) / reduceItem * 8 },
			Run: func(c *Call) error {
				return pickNumeric(c.Out[0].DType, runReduce[float64], runReduce[float32], runReduce[int64], runReduce[int32])(c)
			},
		})
	}
	for _, r := range []struct {
		name, doc string
		kind      micro.ReduceKind
	}{
		{"reduce_any", "Whether any element along the axes is true.", micro.ReduceMax},
		{"reduce_all", "Whether all elements along the axes are true.", micro.ReduceMin},
	} {
		Register(&Kernel{
			Name: r.name,
			Doc:  r.doc + " keepdims keeps reduced dimensions with extent 1. Bool only.",
			Check: func(in, out []Type, a attr.List) error {
				if err := checkReduce(in, out, a); err != nil {
					return err
				}
				return checkDType(dtype.Bool, in[0], out[0])
			},
			Prepare: func(in, out []Type, a attr.List) any { return newReducePlan(in[0], a.Ints("axes"), r.kind) },
			Run:     runReduceBool,
		})
	}
}

func init() {
	Register(&Kernel{
		Name: "norm_of_squares",
		Doc: "√s for s = Σ x² over the axes: operands x, s. Where s is below or above what squares keep their digits in, the norm is summed from x scaled by a power of two, in float64 and in " +
			"ascending order. keepdims keeps reduced dimensions with extent 1. Float dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 2, 1, need("axes", attr.Ints), option("keepdims", attr.Bool)); err != nil {
				return err
			}
			return firstOf(checkReduce(in[:1], out, a), checkAmong(floatSet, in[0]), checkDType(in[0].DType, in[1], out[0]), wantShape("sum", in[1].Shape, out[0].Shape))
		},
		Prepare: func(in, out []Type, a attr.List) any { return newReducePlan(in[0], a.Ints("axes"), micro.ReduceSum) },
		Run: func(c *Call) error {
			if c.Out[0].DType == dtype.Float64 {
				return normOfSquares[float64](c, 0x1p-900, math.MaxFloat64)
			}
			return normOfSquares[float32](c, 0x1p-90, math.MaxFloat32)
		},
	})
}

// normOfSquares trusts sums within [low, high].
func normOfSquares[T float](c *Call, low, high T) error {
	p, dst, x, sums := c.State.(*reducePlan), data[T](&c.Out[0]), data[T](&c.In[0]), data[T](&c.In[1])
	plain := true
	for k, s := range sums {
		dst[k] = T(math.Sqrt(float64(s)))
		plain = plain && !(s >= 0 && s < low || s > high)
	}
	if plain {
		return nil
	}
	columns, run := 1, p.n
	if !p.innerReduced {
		columns, run = p.n, 1
	}
	for o := range p.kept.count {
		for j := range columns {
			k := o*columns + j
			if s := sums[k]; s >= 0 && s < low || s > high {
				dst[k] = scaledNorm(p, x[p.kept.offset+j:], run)
			}
		}
		p.kept.next()
	}
	return nil
}

// scaledNorm is the norm of the runs of one result.
func scaledNorm[T float](p *reducePlan, x []T, run int) T {
	top := 0.0
	for range p.red.count {
		for _, v := range x[p.red.offset : p.red.offset+run] {
			top = max(top, math.Abs(float64(v)))
		}
		p.red.next()
	}
	if top == 0 || top-top != 0 {
		return T(top)
	}
	_, e := math.Frexp(top)
	sum := 0.0
	for range p.red.count {
		for _, v := range x[p.red.offset : p.red.offset+run] {
			scaled := math.Ldexp(float64(v), -e)
			sum += float64(scaled * scaled)
		}
		p.red.next()
	}
	return T(math.Ldexp(math.Sqrt(sum), e))
}

func checkReduce(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 1, 1, need("axes", attr.Ints), option("keepdims", attr.Bool)); err != nil {
		return err
	}
	s, axes := in[0].Shape, a.Ints("axes")
	if err := checkAxes(axes, len(s)); err != nil {
		return err
	}
	return wantShape("result", out[0].Shape, shape.Reduced(s, axes, a.Bool("keepdims")))
}

const (
	rowBlock = 64  // reduced elements per block where the last dimension is kept
	rowTile  = 256 // elements of the last dimension that are reduced at once
	// narrowRow is the extent of a kept last dimension up to which columns are reduced one by one: a call of a block kernel for each
	// row costs more.
	narrowRow = 24
	// reduceItem is the number of elements of an item at least. It is a power of two of blocks.
	reduceItem = 1 << 15
	// leastTile is the number of columns that an item has at least.
	leastTile = 128
	// beside is the number of elements up to which runs that lie beside one another are reduced together, in the order of memory.
	beside = 2048
	// mostLevels is more than log2 of the largest number of blocks.
	mostLevels = 44
)

// reducePlan walks the operand: for each kept index (outer loop) over all reduced indices. The
// innermost dimension, kept or reduced, is a contiguous run of n elements.
type reducePlan struct {
	kind         micro.ReduceKind
	n            int
	innerReduced bool
	copied       bool // no axes: nothing is combined
	together     bool // runs of neighbouring results lie beside one another, and are less than beside
	kept, red    odometer
	block        elem.ReduceFunc
	runs         elem.ReduceRunsFunc
	row          elem.Block
	sum          *gemm.RowSum // of rows that are a constant distance apart, nil if there is none
	levels       int          // of partial results
	tile         int          // columns that are reduced at once
	units        int          // results, columns or tiles
	perItem      int          // units
	pieces       any          // []T of results of pieces of a single run, nil for others
	each         int          // bytes of scratch of a goroutine
	call         *Call
	do           func(p *reducePlan, worker, item int)
}

// Do implements pool.Task.
func (p *reducePlan) Do(worker, item int) { p.do(p, worker, item) }

// odometer steps through the indices of some dimensions in row-major order and keeps their offset.
type odometer struct {
	extents, strides, at []int
	offset, count        int
}

func (o *odometer) push(extent, stride int) {
	o.extents, o.strides, o.at = append(o.extents, extent), append(o.strides, stride), append(o.at, 0)
}

// offsetOf returns the offset of an index, the first being 0.
func (o *odometer) offsetOf(index int) (offset int) {
	for i := len(o.extents) - 1; i >= 0; i-- {
		offset += index % o.extents[i] * o.strides[i]
		index /= o.extents[i]
	}
	return offset
}

// next moves to the next index and returns to the first after the last.
func (o *odometer) next() {
	for i := len(o.at) - 1; i >= 0; i-- {
		o.at[i]++
		o.offset += o.strides[i]
		if o.at[i] < o.extents[i] {
			return
		}
		o.offset -= o.strides[i] * o.extents[i]
		o.at[i] = 0
	}
}

func newReducePlan(in Type, axes []int, kind micro.ReduceKind) *reducePlan {
	type group struct {
		n       int
		reduced bool
	}
	var groups []group
	for d, n := range in.Shape {
		reduced := slices.Contains(axes, d)
		if n == 1 {
			continue
		}
		if k := len(groups) - 1; k >= 0 && groups[k].reduced == reduced {
			groups[k].n *= n
		} else {
			groups = append(groups, group{n, reduced})
		}
	}
	if len(groups) == 0 {
		groups = append(groups, group{1, true})
	}
	p := &reducePlan{kind: kind, copied: len(axes) == 0, block: elem.ReduceBlock(kind, in.DType, cpu.Best()), runs: elem.ReduceRuns(kind, in.DType, cpu.Best()),
		row: elem.BlockKernel(kind.Op(), in.DType, in.DType, cpu.Best())}
	last := len(groups) - 1
	p.n, p.innerReduced = groups[last].n, groups[last].reduced
	extents := make([]int, len(groups))
	for i, g := range groups {
		extents[i] = g.n
	}
	strides := shape.Strides(extents)
	for i, g := range groups[:last] {
		if g.reduced {
			p.red.push(g.n, strides[i])
		} else {
			p.kept.push(g.n, strides[i])
		}
	}
	p.kept.count, p.red.count = shape.Size(p.kept.extents), shape.Size(p.red.extents)
	p.levels = mostLevels
	p.tile = 1
	outs := p.kept.count
	if !p.innerReduced {
		outs *= p.n
		if p.n > narrowRow || len(p.red.strides) != 1 {
			p.levels = 2
			for blocks := p.red.count/rowBlock + 1; blocks > 0; blocks /= 2 {
				p.levels++
			}
			p.tile = max(1, min(rowTile, p.n))
			if kind == micro.ReduceSum && len(p.red.strides) == 1 {
				p.sum = gemm.NewRowSum(in.DType, cpu.Best())
			}
			if p.n < 2*rowTile && p.n >= 2*leastTile && p.n*p.red.count >= 2*reduceItem {
				p.tile = leastTile
			}
		}
	}
	p.units = outs / max(1, p.n) * ceil(p.n, p.tile)
	if p.innerReduced {
		p.units = outs
	}
	p.perItem = p.units
	if total := shape.Size(extents); total > 0 {
		p.perItem = int(min(int64(p.units), max(1, reduceItem*int64(p.units)/int64(total))))
	}
	if p.innerReduced && len(p.red.strides) == 1 && len(p.kept.strides) == 1 && p.n < beside {
		p.together = true
		p.perItem = max(p.perItem, min(p.units, beside/p.n))
		p.tile, p.levels = p.perItem, bits.Len(uint(ceil(p.red.count, rowBlock)))+2
	}
	p.each = scratchSize(p.levels*p.tile, in.DType.Size()) + scratchSize(mostLevels, in.DType.Size()) + scratchSize(len(p.red.at), 8)
	if p.sum != nil {
		p.each += gemm.RowSumScratch
	}
	p.do = reducers[in.DType]
	if p.units == 1 && p.innerReduced && p.red.count == 1 && p.n >= 4*reduceItem {
		n := ceil(p.n, reduceItem)
		switch in.DType {
		case dtype.Float64:
			p.pieces = make([]float64, n)
		case dtype.Float32:
			p.pieces = make([]float32, n)
		case dtype.Int64:
			p.pieces = make([]int64, n)
		case dtype.Int32:
			p.pieces = make([]int32, n)
		}
	}
	return p
}

var reducers = map[dtype.DType]func(p *reducePlan, worker, item int){dtype.Float64: reduceItems[float64], dtype.Float32: reduceItems[float32], dtype.Int64: reduceItems[int64], dtype.Int32: reduceItems[int32]}

func runReduce[T number](c *Call) error {
	p := c.State.(*reducePlan)
	if p.copied {
		copy(data[T](&c.Out[0]), data[T](&c.In[0]))
		return nil
	}
	if p.units == 0 {
		return nil
	}
	p.call = c
	if pieces, ok := p.pieces.([]T); ok {
		c.Parallel(p, len(pieces))
		work := c.Workers[0]
		var t tree[T]
		t.stack, t.kind = take[T](&work, mostLevels), p.kind
		for _, v := range pieces {
			t.push(v)
		}
		data[T](&c.Out[0])[0] = t.result()
	} else {
		c.Parallel(p, ceil(p.units, p.perItem))
	}
	p.call = nil
	return nil
}

// reduceItems computes some units.
func reduceItems[T number](p *reducePlan, worker, item int) {
	c := p.call
	dst, src := data[T](&c.Out[0]), data[T](&c.In[0])
	work := c.Workers[worker]
	stack, blocks := take[T](&work, p.levels*p.tile), take[T](&work, mostLevels)
	red := p.red
	red.at = take[int](&work, len(p.red.at))
	clear(red.at)
	if pieces, ok := p.pieces.([]T); ok {
		first := item * reduceItem
		pieces[item] = reduceRun(p, blocks, src[first:min(p.n, first+reduceItem)])
		return
	}
	first, end := item*p.perItem, min(p.units, (item+1)*p.perItem)
	if p.innerReduced && p.red.count == 1 && p.n <= micro.BlockLanes {
		p.runs(unsafe.Pointer(&dst[first]), unsafe.Pointer(&src[first*p.n]), p.n, end-first) // the run is the only reduced dimension, so the runs follow one another
		return
	}
	if p.together {
		reduceTogether(p, stack, blocks, src[first*p.n:], dst[first:end])
		return
	}
	tiles := 1
	if !p.innerReduced {
		tiles = ceil(p.n, p.tile)
	}
	for u := first; u < end; u++ {
		if c.Host != nil && u > first && c.Host.Cancelled() {
			return
		}
		o, j := u/tiles, u%tiles*p.tile
		from := src[p.kept.offsetOf(o):]
		switch {
		case p.innerReduced:
			dst[o] = reduceRuns(p, &red, stack, blocks, from, p.n)
		case p.n <= narrowRow && len(p.red.strides) == 1:
			dst[u] = reduceColumn(p, stack, from[j:])
		default:
			reduceRows(p, &red, stack, from[j:], dst[o*p.n+j:o*p.n+min(p.n, j+p.tile)], work)
		}
	}
}

// tree combines values pairwise: after value number count, one pair for each trailing 1 bit of count, and the rest at last, the latest ones first.
type tree[T number] struct {
	kind       micro.ReduceKind
	stack      []T
	count, top int
}

func (t *tree[T]) push(v T) {
	for k := t.count; k&1 != 0; k >>= 1 {
		t.top--
		v = elem.Combine(t.kind, t.stack[t.top], v)
	}
	t.stack[t.top] = v
	t.top++
	t.count++
}

func (t *tree[T]) result() T {
	v := t.stack[t.top-1]
	for i := t.top - 2; i >= 0; i-- {
		v = elem.Combine(t.kind, t.stack[i], v)
	}
	return v
}

// rows is a tree whose values are rows of width elements, which lie in the stack.
type rows[T number] struct {
	combine    elem.Block
	stack      []T
	width      int
	count, top int
}

// at returns row k above those that wait.
func (t *rows[T]) at(k int) []T { return t.stack[(t.top+k)*t.width:][:t.width] }

// push adds the row at(0).
func (t *rows[T]) push() {
	for k := t.count; k&1 != 0; k >>= 1 {
		t.top--
		combineRow(t.combine, t.at(0), t.at(1))
	}
	t.top++
	t.count++
}

func (t *rows[T]) result() []T {
	for t.top--; t.top > 0; t.top-- {
		combineRow(t.combine, t.at(-1), t.at(0))
	}
	return t.at(0)
}

// reduceTogether is reduceRuns for neighbouring results, of which the runs of each reduced index lie one behind the other. Those of the next one are asked for meanwhile: processors
// do so for what follows in memory alone.
func reduceTogether[T number](p *reducePlan, stack, blocks, src, dst []T) {
	t := rows[T]{combine: p.row, stack: stack, width: len(dst)}
	size := int(unsafe.Sizeof(src[0]))
	piece := max(1, prefetch.LinesBytes/size/p.n) // of results
	for r := range p.red.count {
		if r%1024 == 1023 && p.call.Host != nil && p.call.Host.Cancelled() {
			return
		}
		from, to := src[r*p.red.strides[0]:], t.at(1)
		for j := 0; j < len(dst); j += piece {
			run, count := from[j*p.n:], min(piece, len(dst)-j)
			if r+1 < p.red.count {
				prefetch.Range(unsafe.Pointer(&run[p.red.strides[0]]), count*p.n*size)
			}
			if p.n <= micro.BlockLanes {
				p.runs(unsafe.Pointer(&to[j]), unsafe.Pointer(&run[0]), p.n, count)
			} else {
				to[j] = reduceRun(p, blocks, run[:p.n])
			}
		}
		if r%rowBlock == 0 {
			setAll(t.at(0), elem.Identity[T](p.kind))
		}
		combineRow(p.row, t.at(0), to)
		if r%rowBlock == rowBlock-1 || r == p.red.count-1 {
			t.push()
		}
	}
	copy(dst, t.result())
}

// reduceRuns reduces the contiguous runs, of n elements each, of one result.
func reduceRuns[T number](p *reducePlan, red *odometer, stack, blocks, src []T, n int) T {
	if red.count == 1 {
		return reduceRun(p, blocks, src[red.offset:red.offset+n])
	}
	t := tree[T]{kind: p.kind, stack: stack}
	for r := 0; r < red.count; r += rowBlock {
		v := elem.Identity[T](p.kind)
		for range min(rowBlock, red.count-r) {
			v = elem.Combine(p.kind, v, reduceRun(p, blocks, src[red.offset:red.offset+n]))
			red.next()
		}
		t.push(v)
	}
	return t.result()
}

// reduceRun reduces a run: blocks first, then pairwise.
func reduceRun[T number](p *reducePlan, stack, run []T) T {
	if len(run) <= micro.BlockLanes {
		return elem.FromBits[T](p.block(unsafe.Pointer(&run[0]), len(run)))
	}
	t := tree[T]{kind: p.kind, stack: stack}
	for b := range slices.Chunk(run, micro.BlockLanes) {
		t.push(elem.FromBits[T](p.block(unsafe.Pointer(&b[0]), len(b))))
	}
	return t.result()
}

// reduceRows reduces len(dst) neighbouring columns over all reduced indices: blocks of rowBlock rows,
// then pairwise. Rest is what is left of the scratch.
func reduceRows[T number](p *reducePlan, red *odometer, stack, src, dst []T, rest []byte) {
	w := len(dst)
	id := elem.Identity[T](p.kind)
	block := func(v []T, rows int) {
		if p.sum != nil && rows > 0 {
			stride := red.strides[0]
			last := red.offset + (rows-1)*stride
			p.sum.Add(unsafe.Pointer(&v[0]), unsafe.Pointer(&src[red.offset : last+w][0]), rows, w, stride, rest)
			red.at[0] += rows
			if red.offset = last + stride; red.at[0] == red.extents[0] {
				red.at[0], red.offset = 0, 0
			}
			return
		}
		setAll(v, id)
		for range rows {
			combineRow(p.row, v, src[red.offset:red.offset+w])
			red.next()
		}
	}
	if red.count <= rowBlock {
		block(dst, red.count)
		return
	}
	t := rows[T]{combine: p.row, stack: stack, width: w}
	for r := 0; r < red.count; r += rowBlock {
		block(t.at(0), min(rowBlock, red.count-r))
		t.push()
	}
	copy(dst, t.result())
}

// reduceColumn is reduceRows for one reduced dimension and a single column, where there are few: four blocks at a time, whose additions do not wait for one another.
func reduceColumn[T number](p *reducePlan, stack, src []T) T {
	rows, stride, id := p.red.count, p.red.strides[0], elem.Identity[T](p.kind)
	t := tree[T]{kind: p.kind, stack: stack}
	r := 0
	for ; r+4*rowBlock <= rows; r += 4 * rowBlock {
		const step = rowBlock
		a, b, c, d := id, id, id, id
		at, next := r*stride, step*stride
		for range rowBlock {
			a = elem.Combine(p.kind, a, src[at])
			b = elem.Combine(p.kind, b, src[at+next])
			c = elem.Combine(p.kind, c, src[at+2*next])
			d = elem.Combine(p.kind, d, src[at+3*next])
			at += stride
		}
		t.push(a)
		t.push(b)
		t.push(c)
		t.push(d)
	}
	for ; r < rows; r += rowBlock {
		a := id
		for i := r; i < min(r+rowBlock, rows); i++ {
			a = elem.Combine(p.kind, a, src[i*stride])
		}
		t.push(a)
	}
	return t.result()
}

func setAll[T any](v []T, to T) {
	for j := range v {
		v[j] = to
	}
}

// combineRow sets a[j] to the reduction of a[j] and b[j].
func combineRow[T number](f elem.Block, a, b []T) {
	b = b[:len(a)]
	f(unsafe.Pointer(&a[0]), unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), nil, len(a))
}

func runReduceBool(c *Call) error {
	p, dst, src := c.State.(*reducePlan), c.Out[0].Bool, c.In[0].Bool
	stop := p.kind == micro.ReduceMax // a true decides any, a false decides all
	for o := range p.kept.count {
		w := 1
		if !p.innerReduced {
			w = p.n
		}
		to := dst[o*w : (o+1)*w]
		setAll(to, !stop)
		for range p.red.count {
			run := src[p.kept.offset+p.red.offset:][:p.n]
			if p.innerReduced {
				if slices.Contains(run, stop) {
					to[0] = stop
				}
			} else {
				for j, v := range run {
					if v == stop {
						to[j] = stop
					}
				}
			}
			p.red.next()
		}
		p.kept.next()
	}
	return nil
}

func init() {
	for _, r := range []struct {
		name, doc string
		largest   bool
	}{
		{"argmax", "Index of the largest element along axis; NaN counts as the largest.", true},
		{"argmin", "Index of the smallest element along axis; NaN counts as the smallest.", false},
	} {
		Register(&Kernel{
			Name: r.name,
			Doc:  r.doc + " The first of equal elements counts. The result is int64; keepdims keeps the axis with extent 1. Numeric dtypes.",
			Check: func(in, out []Type, a attr.List) error {
				if err := checkCall(in, out, a, 1, 1, need("axis", attr.Int), option("keepdims", attr.Bool)); err != nil {
					return err
				}
				axis := a.Int("axis")
				if err := firstOf(checkAmong(numericSet, in[0]), checkDType(dtype.Int64, out[0]), checkAxis(axis, len(in[0].Shape))); err != nil {
					return err
				}
				return wantShape("result", out[0].Shape, shape.Reduced(in[0].Shape, []int{axis}, a.Bool("keepdims")))
			},
			Prepare: func(in, out []Type, a attr.List) any { return newArgPlan(in[0], a.Int("axis"), r.largest) },
			Each:    func(in, out []Type, a attr.List) int { return 0 },
			Run: func(c *Call) error {
				p := c.State.(*argPlan)
				p.call = c
				c.Parallel(p, ceil(c.Out[0].Size(), p.perItem))
				p.call = nil
				return nil
			},
		})
	}
}

// argPlan finds the places of the largest or smallest elements.
type argPlan struct {
	largest  bool
	n, inner int // elements of a line, and their distance
	perItem  int // lines of an item
	reduce   elem.ReduceFunc
	call     *Call // of a run
	do       func(p *argPlan, first, end int)
}

// argPiece is the number of neighbouring elements of which a kernel finds the extreme value, before it is looked for among them.
const argPiece = 128

func newArgPlan(in Type, axis int, largest bool) *argPlan {
	p := &argPlan{largest: largest}
	_, p.n, p.inner = shape.Split(in.Shape, axis)
	p.perItem = max(1, reduceItem/p.n)
	kind := micro.ReduceMin
	if largest {
		kind = micro.ReduceMax
	}
	p.reduce = elem.ReduceBlock(kind, in.DType, cpu.Best())
	p.do = argExtremesOf[in.DType]
	return p
}

var argExtremesOf = map[dtype.DType]func(p *argPlan, first, end int){dtype.Float64: argExtremes[float64], dtype.Float32: argExtremes[float32], dtype.Int64: argExtremes[int64], dtype.Int32: argExtremes[int32]}

// Do implements pool.Task.
func (p *argPlan) Do(_, item int) {
	p.do(p, item*p.perItem, min(p.call.Out[0].Size(), (item+1)*p.perItem))
}

// argExtremes finds the places for some lines.
func argExtremes[T number](p *argPlan, first, end int) {
	src, dst := data[T](&p.call.In[0]), p.call.Out[0].I64
	for o := first; o < end; o++ {
		if p.inner == 1 {
			dst[o] = int64(argLine(p, src[o*p.n:(o+1)*p.n]))
			continue
		}
		base := o/p.inner*p.n*p.inner + o%p.inner
		best, at := src[base], 0
		for i := 1; i < p.n && best == best; i++ {
			if v := src[base+i*p.inner]; v != v || p.beyond(v > best, v < best) {
				best, at = v, i
			}
		}
		dst[o] = int64(at)
	}
}

// beyond chooses the comparison.
func (p *argPlan) beyond(larger, smaller bool) bool {
	return larger && p.largest || smaller && !p.largest
}

// argLine finds the place in a line: the first piece with the extreme value, and the first element there that has it.
func argLine[T number](p *argPlan, line []T) int {
	var best T
	at := -1
	for lo := 0; lo < len(line); lo += argPiece {
		piece := line[lo:min(len(line), lo+argPiece)]
		v := elem.FromBits[T](p.reduce(unsafe.Pointer(&piece[0]), len(piece)))
		if at < 0 || v != v || p.beyond(v > best, v < best) {
			best, at = v, lo
		}
		if best != best {
			break
		}
	}
	for line[at] != best && (best == best || line[at] == line[at]) {
		at++
	}
	return at
}
