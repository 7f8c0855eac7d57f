package kernel

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/prefetch"
	"github.com/adjoint-go/adjoint/internal/shape"
)

const (
	// sumChain is the largest number of float32 terms that kernels add one after another in float32.
	sumChain = 256
	sumNote  = " (more than 256 of float32 in float64)"
	// longPart is the extent from which the updates of one index may be collected, and added with SIMD.
	longPart = 16
	// ahead is the number of updates by which those are asked for that are added next: they lie anywhere.
	ahead = 6
)

// scatterPlan sums the parts of updates that have the same index along an axis, in ascending order.
type scatterPlan struct {
	axis, outer, n, inner, m int
	wide                     bool       // sums are float64, results float32
	collected                bool       // the updates of an index are added one after the other, and not as they come
	add                      elem.Block // of the results' dtype
	addWidened               elem.AddWidenedFunc
	perItem                  int // indices
	do                       func(p *scatterPlan, worker, item int)

	// of a run:
	call    *Call
	updates *Tensor
	// The updates of index k are numbers order[first[k]:first[k+1]], ascending.
	first, order []int32
}

// newScatterPlan is for m indices.
func newScatterPlan(out Type, axis, m int) *scatterPlan {
	p := &scatterPlan{axis: axis, m: m, do: scatterers[out.DType]}
	p.outer, p.n, p.inner = shape.Split(out.Shape, axis)
	p.wide = out.DType == dtype.Float32 && m > sumChain
	p.collected = p.inner >= longPart && (p.wide || m >= p.n)
	p.add = elem.BlockKernel(micro.Add, out.DType, out.DType, cpu.Best())
	p.addWidened = elem.AddWidened(cpu.Best())
	p.perItem = max(1, int(min(int64(p.n), reduceItem*int64(p.n)/max(1, int64(p.m+p.n)*int64(p.inner)))))
	return p
}

// work is the Kernel.Workspace.
func (p *scatterPlan) work() int {
	switch {
	case p.collected:
		return scratchSize(p.n+1, 4) + scratchSize(p.m, 4)
	case p.wide:
		return scratchSize(p.n*p.inner, 8)
	}
	return 0
}

// scatterEach is the Kernel.Each: the float64 sums of a block.
func scatterEach([]Type, []Type, attr.List) int { return scratchSize(micro.BlockLanes, 8) }

// scatterSums sets the result to the sums.
func scatterSums[T number](c *Call, p *scatterPlan, updates, indices *Tensor) error {
	dst, from, work := data[T](&c.Out[0]), data[T](updates), c.Work
	if p.collected {
		p.first, p.order = take[int32](&work, p.n+1), take[int32](&work, p.m)
		if bad := p.sort(indices); bad >= 0 {
			return indexError(indexAt(indices, bad), bad, p.n, p.axis)
		}
		p.call, p.updates = c, updates
		c.Parallel(p, p.outer*ceil(p.n, p.perItem))
		p.call, p.updates, p.first, p.order = nil, nil, nil, nil
		return nil
	}
	part, size := p.m*p.inner, p.n*p.inner
	sums := take[float64](&work, len(work)/8)
	clear(dst)
	for o := range p.outer {
		c.Poll(part)
		to := dst[o*size : (o+1)*size]
		if !p.wide {
			if err := addParts(to, from[o*part:(o+1)*part], p.n, p.inner, p.axis, indices); err != nil {
				return err
			}
			continue
		}
		clear(sums)
		if err := addParts(sums[:size], from[o*part:(o+1)*part], p.n, p.inner, p.axis, indices); err != nil {
			return err
		}
		for i, v := range sums[:size] {
			to[i] = T(v)
		}
	}
	return nil
}

// sort finds the updates of each index. It returns the position of the first index out of range, −1 if there is none.
func (p *scatterPlan) sort(indices *Tensor) int {
	clear(p.first)
	for j := range p.m {
		k := resolveIndex(indexAt(indices, j), p.n)
		if k < 0 {
			return j
		}
		p.first[k]++
	}
	end := int32(0)
	for k, count := range p.first {
		end += count
		p.first[k] = end
	}
	for j := p.m - 1; j >= 0; j-- {
		k := resolveIndex(indexAt(indices, j), p.n)
		p.first[k]--
		p.order[p.first[k]] = int32(j)
	}
	return -1
}

var scatterers = map[dtype.DType]func(p *scatterPlan, worker, item int){dtype.Float64: scatterItem[float64], dtype.Float32: scatterItem[float32], dtype.Int64: scatterItem[int64], dtype.Int32: scatterItem[int32]}

// Do implements pool.Task.
func (p *scatterPlan) Do(worker, item int) { p.do(p, worker, item) }

// scatterItem makes the sums of some indices.
func scatterItem[T number](p *scatterPlan, worker, item int) {
	items := ceil(p.n, p.perItem)
	o, begin := item/items, item%items*p.perItem
	end := min(p.n, begin+p.perItem)
	dst, src := data[T](&p.call.Out[0])[o*p.n*p.inner:], data[T](p.updates)[o*p.m*p.inner:]
	clear(dst[begin*p.inner : end*p.inner])
	var sums []float64
	if p.wide {
		work := p.call.Workers[worker]
		sums = take[float64](&work, micro.BlockLanes)
	}
	for k := begin; k < end; k++ {
		first, next := int(p.first[k]), int(p.first[k+1])
		for lo := 0; lo < p.inner && first < next; lo += micro.BlockLanes {
			lanes := min(micro.BlockLanes, p.inner-lo)
			to := unsafe.Pointer(&dst[k*p.inner+lo])
			wide := p.wide && next-first > 1
			if wide {
				clear(sums[:lanes])
			}
			for i := first; i < next; i++ {
				if i+ahead < p.m {
					prefetch.Range(unsafe.Pointer(&src[int(p.order[i+ahead])*p.inner+lo]), lanes*int(unsafe.Sizeof(src[0])))
				}
				from := unsafe.Pointer(&src[int(p.order[i])*p.inner+lo])
				if wide {
					p.addWidened(unsafe.Pointer(&sums[0]), from, lanes)
				} else {
					p.add(to, to, from, nil, lanes)
				}
			}
			if wide {
				for i, v := range sums[:lanes] {
					dst[k*p.inner+lo+i] = T(v)
				}
			}
		}
	}
}
