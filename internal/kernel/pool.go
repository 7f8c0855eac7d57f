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

func init() {
	Register(&Kernel{
		Name: "max_pool",
		Doc: "Largest element under each position of a window (result 0; NaN wins) and its int64 row-major index within the spatial dimensions of the operand (result 1; the first of equal ones). " +
			"Operand (N, C, spatial), 1 to 3 spatial dimensions; attributes window, strides, dilation and padding (before and after each spatial dimension in turn; " +
			"never taken; every window has an element); with first_only the indices may be missing. Numeric dtypes.",
		FirstOnly: true,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2, need("window", attr.Ints), need("strides", attr.Ints), need("dilation", attr.Ints), need("padding", attr.Ints), option("first_only", attr.Bool)); err != nil {
				return err
			}
			return firstOf(checkAmong(numericSet, in[0]), checkDType(in[0].DType, out[0]), checkDType(dtype.Int64, out[1]),
				wantShape("result 1", out[1].Shape, out[0].Shape), checkPool(in[0].Shape, out[0].Shape, a))
		},
		Work: poolWork,
		Prepare: func(in, out []Type, a attr.List) any {
			return newPoolGeometry(in[0].Shape, out[0].Shape, a, gemm.PairMaxima, maxPools[in[0].DType])
		},
		StateBytes: func(in, out []Type, a attr.List) int64 { return poolBytes(out[0].Shape) },
		Each: func(in, out []Type, a attr.List) int {
			p, n := newPoolGeometry(in[0].Shape, out[0].Shape, a, gemm.PairMaxima, nil), 0
			if p.pairs && out[0].DType.IsFloat() {
				n = scratchSize(p.perItem*p.outs, 1)
			}
			if p.vectors() && out[0].DType == dtype.Float32 {
				n = max(n, scratchSize(p.taps, int(unsafe.Sizeof(gemm.WindowTap{})))+scratchSize(1, int(unsafe.Sizeof(windowRow{}))))
			}
			return n
		},
		Run: runPool,
	})
	Register(&Kernel{
		Name: "avg_pool",
		Doc: "Mean under each position of a window: the sum in row-major order (float32 in float64) divided by the number of elements, those of the padding included only if count_include_pad. " +
			"Operand (N, C, spatial), 1 to 3 spatial dimensions; attributes window, strides and padding (before and after each spatial dimension in turn; every window has an element). Float dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, avgPoolRules...); err != nil {
				return err
			}
			return firstOf(checkAmong(floatSet, in[0]), checkDType(in[0].DType, out[0]), checkPool(in[0].Shape, out[0].Shape, a))
		},
		Work: poolWork,
		Prepare: func(in, out []Type, a attr.List) any {
			return newPoolGeometry(in[0].Shape, out[0].Shape, a, gemm.PairMeans, avgPools[in[0].DType])
		},
		StateBytes: func(in, out []Type, a attr.List) int64 { return poolBytes(out[0].Shape) },
		Each:       func(in, out []Type, a attr.List) int { return 0 },
		Run:        runPool,
	})
	Register(&Kernel{
		Name: "avg_pool_grad",
		Doc: "The linear transpose of avg_pool, with its attributes: each element of the result's adjoint, divided by the number of elements of its window, " +
			"is added to them in a tensor of the given shape, float32 in float64. Float dtypes.",
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1, append(avgPoolRules, need("shape", attr.Ints))...); err != nil {
				return err
			}
			return firstOf(checkAmong(floatSet, in[0]), checkDType(in[0].DType, out[0]), wantAttrShape(a, "shape", out[0].Shape),
				checkPool(out[0].Shape, in[0].Shape, a))
		},
		Work: poolWork,
		Prepare: func(in, out []Type, a attr.List) any {
			return newPoolGeometry(out[0].Shape, in[0].Shape, a, gemm.PairShares, avgPoolGrads[in[0].DType])
		},
		StateBytes: func(in, out []Type, a attr.List) int64 { return poolBytes(in[0].Shape) },
		Each: func(in, out []Type, a attr.List) int {
			if out[0].DType == dtype.Float64 {
				return 0
			}
			return scratchSize(shape.Size(out[0].Shape[2:]), 8)
		},
		Run: runPool,
	})
}

// poolWork is an operation for each element of each window.
func poolWork(in, out []Type, a attr.List) float64 {
	return float64(shape.Size(a.Ints("window"))) * float64(min(in[0].Size(), out[0].Size()))
}

var avgPoolRules = []attrRule{need("window", attr.Ints), need("strides", attr.Ints), need("padding", attr.Ints), option("count_include_pad", attr.Bool)}

func poolDilation(x []int, a attr.List) []int {
	if a.Has("dilation") {
		return a.Ints("dilation")
	}
	return slices.Repeat([]int{1}, len(x)-2)
}

func checkPool(x, y []int, a attr.List) error {
	if len(x) < 3 || len(x) > 5 || len(y) != len(x) || x[0] != y[0] || x[1] != y[1] {
		return fmt.Errorf("operand %v and result %v do not belong together", x, y)
	}
	window, dilation, padding := a.Ints("window"), poolDilation(x, a), a.Ints("padding")
	if err := checkWindows(x[2:], window, y[2:], a.Ints("strides"), dilation, padding); err != nil {
		return err
	}
	for d, n := range y[2:] {
		if k := shape.WithoutElement(x[2+d], window[d], n, a.Ints("strides")[d], dilation[d], padding[2*d]); k >= 0 {
			return fmt.Errorf("window %d of spatial dimension %d has no element", k, d)
		}
	}
	return nil
}

// poolState is the geometry of a pooling and its number of planes, which are items of a run.
type poolState struct {
	convGeometry
	planes  int
	padded  bool      // elements of the padding count
	pairs   bool      // windows are 2×2 in planes, side by side, and cover the operand
	ranges  [3][]taps // by dimension and index of the result
	whole   [2]int    // from which window of a row, and up to which, all taps lie within it
	perItem int       // planes
	call    *Call     // of a run
	kind    gemm.PairKind
	do      planeFunc
}

// taps are those of a window's taps along a dimension that lie within the operand: first ≤ k < end, at begin + k·dilation.
type taps struct{ begin, first, end int }

// poolItem is the number of elements of an item at least.
const poolItem = 1 << 13

func newPoolGeometry(x, y []int, a attr.List, kind gemm.PairKind, do planeFunc) *poolState {
	p := &poolState{planes: x[0] * x[1], kind: kind, do: do, padded: a.Bool("count_include_pad")}
	p.setSpatial(x[2:], a.Ints("window"), y[2:], a.Ints("strides"), poolDilation(x, a), a.Ints("padding"))
	for dim := range p.ranges {
		p.ranges[dim] = make([]taps, p.out[dim])
		for o := range p.ranges[dim] {
			t := taps{begin: o*p.stride[dim] - p.low[dim], end: p.window[dim]}
			if t.begin < 0 {
				t.first = ceil(-t.begin, p.dilation[dim])
			}
			if t.begin+(t.end-1)*p.dilation[dim] >= p.in[dim] {
				t.end = (p.in[dim]-1-t.begin)/p.dilation[dim] + 1
			}
			p.ranges[dim][o] = t
		}
	}
	whole := func(t taps) bool { return t.first == 0 && t.end == p.window[2] }
	p.whole[0] = max(0, slices.IndexFunc(p.ranges[2], whole))
	for p.whole[1] = p.whole[0]; p.whole[1] < p.out[2] && whole(p.ranges[2][p.whole[1]]); {
		p.whole[1]++
	}
	p.pairs = p.dilation == [3]int{1, 1, 1} && p.window == [3]int{1, 2, 2} && p.stride[1] == 2 && p.stride[2] == 2 && p.low == [3]int{} && p.in == [3]int{1, 2 * p.out[1], 2 * p.out[2]}
	p.perItem = max(1, poolItem/max(1, p.ins, p.outs))
	return p
}

// poolBytes bounds the memory of the tables for a result of a shape.
func poolBytes(y []int) int64 {
	n := int64(unsafe.Sizeof(poolState{}))
	for _, extent := range y[2:] {
		n += int64(extent+1)*int64(unsafe.Sizeof(taps{})) + 64
	}
	return n
}

// planeFunc pools a plane.
type planeFunc = func(p *poolState, worker, plane int)

var (
	maxPools     = map[dtype.DType]planeFunc{dtype.Float64: maxPool[float64], dtype.Float32: maxPoolVectors, dtype.Int64: maxPool[int64], dtype.Int32: maxPool[int32]}
	avgPools     = map[dtype.DType]planeFunc{dtype.Float64: avgPool[float64], dtype.Float32: avgPool[float32]}
	avgPoolGrads = map[dtype.DType]planeFunc{dtype.Float64: avgPoolGrad[float64], dtype.Float32: avgPoolGrad[float32]}
)

func runPool(c *Call) error {
	p := c.State.(*poolState)
	p.call = c
	c.Parallel(p, ceil(p.planes, p.perItem))
	p.call = nil
	return nil
}

// Do implements pool.Task.
func (p *poolState) Do(worker, item int) {
	first, end := item*p.perItem, min(p.planes, (item+1)*p.perItem)
	switch d := p.call.Out[0].DType; {
	case !p.pairs:
	case d == dtype.Float64:
		pairsItem[float64](p, worker, first, end)
		return
	case d == dtype.Float32:
		pairsItem[float32](p, worker, first, end)
		return
	}
	for n := first; n < end; n++ {
		p.do(p, worker, n)
	}
}

// pairsItem pools planes whose windows are pairs.
func pairsItem[T float](p *poolState, worker, first, end int) {
	c, rows := p.call, (end-first)*p.out[1]
	in, out := data[T](&c.In[0]), data[T](&c.Out[0])
	d := c.Out[0].DType
	switch p.kind {
	case gemm.PairShares:
		gemm.Pairs(p.kind, d, cpu.Best(), address(in[first*p.outs:end*p.outs]), address(out[first*p.ins:end*p.ins]), nil, rows, p.out[2])
		return
	case gemm.PairMeans:
		gemm.Pairs(p.kind, d, cpu.Best(), address(out[first*p.outs:end*p.outs]), address(in[first*p.ins:end*p.ins]), nil, rows, p.out[2])
		return
	}
	which := c.Workers[worker][:(end-first)*p.outs]
	gemm.Pairs(p.kind, d, cpu.Best(), address(out[first*p.outs:end*p.outs]), address(in[first*p.ins:end*p.ins]), which, rows, p.out[2])
	if c.Attrs.Bool("first_only") {
		return
	}
	to := c.Out[1].I64[first*p.outs : end*p.outs]
	for row := range rows {
		at := row % p.out[1] * 2 * p.in[2]
		line := to[:p.out[2]]
		for k, w := range which[:len(line)] {
			line[k] = int64(at + int(w>>1)*p.in[2] + int(w&1))
			at += 2
		}
		to, which = to[p.out[2]:], which[p.out[2]:]
	}
}

// count returns how many elements a mean is taken over.
func (p *poolState) count(d, h, w taps) int {
	if p.padded {
		return p.taps
	}
	return (d.end - d.first) * (h.end - h.first) * (w.end - w.first)
}

func maxPool[T number](p *poolState, _, n int) {
	c := p.call
	plane := data[T](&c.In[0])[n*p.ins : (n+1)*p.ins]
	dst, idx := data[T](&c.Out[0])[n*p.outs:(n+1)*p.outs], c.Out[1].I64[n*p.outs:(n+1)*p.outs]
	for _, d := range p.ranges[0] {
		for _, h := range p.ranges[1] {
			maxWindows(p, plane, dst, idx, d, h, 0, p.out[2])
			dst, idx = dst[p.out[2]:], idx[p.out[2]:]
		}
	}
}

// maxWindows finds the maxima of the windows from ≤ o < to of a row.
func maxWindows[T number](p *poolState, plane, dst []T, idx []int64, d, h taps, from, to int) {
	step := p.dilation[2]
	for o := from; o < to; o++ {
		w := p.ranges[2][o]
		first := w.begin + w.first*step
		at := p.firstOf(d, h) + first
		best := plane[at]
		for i := d.first; i < d.end; i++ {
			for j := h.first; j < h.end; j++ {
				k := ((d.begin+i*p.dilation[0])*p.in[1]+h.begin+j*p.dilation[1])*p.in[2] + first
				for range w.end - w.first {
					if v := plane[k]; v > best || v != v && best == best {
						best, at = v, k
					}
					k += step
				}
			}
		}
		dst[o], idx[o] = best, int64(at)
	}
}

// firstOf is where the first row of elements of a row of windows begins.
func (p *poolState) firstOf(d, h taps) int {
	return ((d.begin+d.first*p.dilation[0])*p.in[1] + h.begin + h.first*p.dilation[1]) * p.in[2]
}

// vectors reports whether maxima of float32 elements go by vectors, if the processor has them.
func (p *poolState) vectors() bool {
	const mostTaps, least = 1 << 10, 3
	return p.stride[2] <= 2 && p.whole[1]-p.whole[0] >= least && p.taps <= mostTaps && p.ins < 1<<31-1
}

// windowRow is maxima of a row of fewer windows than WindowMaxima takes: those behind them are of whatever lies behind the row.
type windowRow struct {
	values  [gemm.LeastWindows]float32
	indices [gemm.LeastWindows]int64
}

// maxPoolVectors is maxPool of float32 elements.
func maxPoolVectors(p *poolState, worker, n int) {
	c := p.call
	if !p.vectors() || cpu.Best() < cpu.AVX2 {
		maxPool[float32](p, worker, n)
		return
	}
	plane, dst, idx := c.In[0].F32[n*p.ins:(n+1)*p.ins], c.Out[0].F32[n*p.outs:(n+1)*p.outs], c.Out[1].I64[n*p.outs:(n+1)*p.outs]
	work := c.Workers[worker]
	list := unsafe.Slice((*gemm.WindowTap)(unsafe.Pointer(unsafe.SliceData(work))), p.taps)
	short := (*windowRow)(unsafe.Pointer(unsafe.SliceData(work[scratchSize(p.taps, int(unsafe.Sizeof(gemm.WindowTap{}))):])))
	var rows [2]int // that the list is for
	lo, hi := p.whole[0], p.whole[1]
	var windows []gemm.WindowTap
	for _, d := range p.ranges[0] {
		for _, h := range p.ranges[1] {
			if now := [2]int{d.end - d.first, h.end - h.first}; now != rows {
				rows, windows = now, list[:0]
				for i := range rows[0] {
					for j := range rows[1] {
						for k := range p.window[2] {
							at := int64((i*p.dilation[0]*p.in[1]+j*p.dilation[1])*p.in[2] + k*p.dilation[2])
							windows = append(windows, gemm.WindowTap{Bytes: 4 * at, Index: at})
						}
					}
				}
			}
			at := p.firstOf(d, h) + p.ranges[2][lo].begin
			switch {
			case hi-lo >= gemm.LeastWindows:
				gemm.WindowMaxima(cpu.Best(), dst[lo:hi], idx[lo:hi], address(plane[at:]), windows, p.stride[2], at)
			case n*p.ins+at+int(windows[len(windows)-1].Index)+(gemm.LeastWindows-1)*p.stride[2] < len(c.In[0].F32):
				gemm.WindowMaxima(cpu.Best(), short.values[:], short.indices[:], address(plane[at:]), windows, p.stride[2], at)
				copy(dst[lo:hi], short.values[:])
				copy(idx[lo:hi], short.indices[:])
			default:
				maxWindows(p, plane, dst, idx, d, h, lo, hi)
			}
			maxWindows(p, plane, dst, idx, d, h, 0, lo)
			maxWindows(p, plane, dst, idx, d, h, hi, p.out[2])
			dst, idx = dst[p.out[2]:], idx[p.out[2]:]
		}
	}
}

func avgPool[T float](p *poolState, _, n int) {
	c := p.call
	plane := data[T](&c.In[0])[n*p.ins : (n+1)*p.ins]
	dst := data[T](&c.Out[0])[n*p.outs : (n+1)*p.outs]
	o := 0
	for _, d := range p.ranges[0] {
		for _, h := range p.ranges[1] {
			for _, w := range p.ranges[2] {
				sum := 0.0
				for i := d.begin + d.first; i < d.begin+d.end; i++ {
					for j := h.begin + h.first; j < h.begin+h.end; j++ {
						row := (i*p.in[1]+j)*p.in[2] + w.begin
						for _, v := range plane[row+w.first : row+w.end] {
							sum += float64(v)
						}
					}
				}
				dst[o] = T(sum / float64(p.count(d, h, w)))
				o++
			}
		}
	}
}

func avgPoolGrad[T float](p *poolState, worker, n int) {
	c := p.call
	gy, gx := data[T](&c.In[0])[n*p.outs:(n+1)*p.outs], data[T](&c.Out[0])[n*p.ins:(n+1)*p.ins]
	plane, double := any(gx).([]float64)
	if !double {
		work := c.Workers[worker]
		plane = take[float64](&work, p.ins)
	}
	clear(plane)
	o := 0
	for _, d := range p.ranges[0] {
		for _, h := range p.ranges[1] {
			for _, w := range p.ranges[2] {
				share := float64(gy[o]) / float64(p.count(d, h, w))
				o++
				for i := d.begin + d.first; i < d.begin+d.end; i++ {
					for j := h.begin + h.first; j < h.begin+h.end; j++ {
						row := (i*p.in[1]+j)*p.in[2] + w.begin
						to := plane[row+w.first : row+w.end]
						for k := range to {
							to[k] += share
						}
					}
				}
			}
		}
	}
	if !double {
		for i, v := range plane {
			gx[i] = T(v)
		}
	}
}
