package vm

import (
	"math"
	"sync"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/pool"
)

const lanes = micro.BlockLanes

// loop runs OpLoop. Its iteration space is cut into items by the shapes alone; a worker runs an item
// either in machine code or block by block (see loopWorker).
type loop struct {
	p      *Program
	l      *micro.Loop
	dims   []int   // collapsed, innermost last
	in     [][]int // element strides by collapsed dimension
	out    [][]int
	inputs []loopInput // over a line
	// flat: the innermost dimension is short, so a line is the whole space, or with byRows all that is reduced to one result, of
	// which several are computed at once.
	flat, byRows bool
	// redDims is the number of collapsed dimensions that are reduced: one run of them gives one result.
	redDims int

	inPtr, outPtr []unsafe.Pointer

	rows      int // runs, or lines of the innermost dimension if nothing is reduced
	lines     int // lines of a row
	perItem   int // rows of an item; 0 if the only row is cut into chunks
	chunk     int // elements of a chunk
	items     int
	cost      float64 // rough nanoseconds for everything, on one processor
	divisions []int32 // indices of integer divisions, which can trap

	mayCompile bool
	runs       int
	code       *native.Loop
	workers    []*loopWorker
	job        pool.Job

	// of a reduction whose only run is cut into chunks: the result of each full chunk, and the state after the last one
	partial []uint64
	last    reducer
	final   reducer

	mu      sync.Mutex
	err     error
	errItem int

	watch    func(instr int) // called for each instruction that makes a NaN; nil: not watching
	firstNaN int
}

// chunkBlocks is the number of blocks of an item: a power of two, so that a chunk's sum is a
// subtree of the whole sum.
const chunkBlocks = 32

// maxChunks bounds the memory for partial results.
const maxChunks = 1024

// parallelCost is the work in nanoseconds from which helpers are hired: waking one that sleeps costs 5 µs and more.
const parallelCost = 20e3

func newLoop(p *Program, instr *Instr, threads int, native bool) *loop {
	l := instr.Loop
	x := &loop{p: p, l: l, inPtr: make([]unsafe.Pointer, len(l.In)), outPtr: make([]unsafe.Pointer, len(l.Out)), mayCompile: native}
	x.collapse()
	x.flatten()
	inner := x.dims[len(x.dims)-1]
	x.rows, x.lines = 1, 1
	outer := len(x.dims) - max(1, x.redDims)
	for d, n := range x.dims[:len(x.dims)-1] {
		if d < outer {
			x.rows *= n
		} else {
			x.lines *= n
		}
	}
	elements := inner * x.rows * x.lines
	x.chunk = chunkBlocks * lanes
	if x.rows == 1 && x.lines == 1 {
		for inner/x.chunk >= maxChunks {
			x.chunk *= 2
		}
		x.items = (inner + x.chunk - 1) / x.chunk
	} else {
		x.perItem = max(1, x.chunk/(inner*x.lines))
		x.items = (x.rows + x.perItem - 1) / x.perItem
	}
	for i, c := range l.Code {
		x.cost += c.Op.Info().Cost
		if c.Traps() {
			x.divisions = append(x.divisions, int32(i))
		}
	}
	x.cost = (x.cost + 0.3*float64(len(l.In)+len(l.Out))) * float64(elements)
	if l.Reduce != micro.NoReduce {
		t := l.Out[len(l.Out)-1].Type
		x.final.init(l.Reduce, t)
		x.last.init(l.Reduce, t)
		if x.perItem == 0 {
			x.partial = make([]uint64, x.items)
		}
	}
	x.workers = make([]*loopWorker, max(1, min(threads, pool.Workers())))
	if elements >= 4*lanes {
		x.compile()
	}
	return x
}

// compile switches to machine code if there is any for the loop.
func (x *loop) compile() {
	if !x.mayCompile || len(x.divisions) > 0 || x.redDims > 1 || x.byRows && len(x.l.Code) == 0 {
		return
	}
	line := *x.l
	line.Dims, line.ReduceDims = x.dims[len(x.dims)-1:], x.redDims
	line.In, line.Out = make([]micro.Access, len(x.l.In)), make([]micro.Access, len(x.l.Out))
	for k, a := range x.l.In {
		line.In[k] = micro.Access{Type: a.Type, Strides: []int{x.inputs[k].stride()}}
	}
	for k, a := range x.l.Out {
		line.Out[k] = micro.Access{Type: a.Type, Strides: []int{1}}
	}
	switch {
	case x.byRows:
		line.Reduce, line.ReduceDims = micro.NoReduce, 0
	case line.Reduce != micro.NoReduce:
		line.Out[len(line.Out)-1].Strides[0] = 0
	}
	x.code = x.p.nativeLoop(x.l, &line)
}

// flatBelow is the length of the innermost dimension below which lines are not run one by one: a call of
// machine code costs as much as some hundred elements.
var flatBelow = 1024

// flatten chooses what a line is and how it finds the inputs' elements. Outputs are contiguous.
func (x *loop) flatten() {
	last := len(x.dims) - 1
	kept := len(x.dims) - x.redDims
	x.inputs = make([]loopInput, len(x.l.In))
	if x.dims[last] >= flatBelow || last == 0 {
		for k, a := range x.l.In {
			x.inputs[k] = newLoopInput(a, x.dims[last:], x.in[k][last:])
		}
		return
	}
	x.flat, x.byRows = true, x.redDims > 0 && kept > 0
	for k, a := range x.l.In {
		x.inputs[k] = newLoopInput(a, x.dims, x.in[k])
	}
	rows, line := 1, 1
	for d, n := range x.dims {
		if x.byRows && d < kept {
			rows *= n
		} else {
			line *= n
		}
	}
	x.dims, x.redDims = []int{line}, min(x.redDims, 1)
	if x.byRows {
		x.dims = []int{rows, line}
	}
}

// collapse joins neighbouring dimensions that every access walks as one. Reduced dimensions stay apart
// from the others.
func (x *loop) collapse() {
	l := x.l
	x.in, x.out = make([][]int, len(l.In)), make([][]int, len(l.Out))
	accesses := append(append([]micro.Access{}, l.In...), l.Out...)
	strides := make([][]int, len(accesses))
	firstReduced := len(l.Dims) - l.ReduceDims
	lastReduced := false
	for d, n := range l.Dims {
		if n == 1 {
			continue
		}
		k, reduced := len(x.dims)-1, d >= firstReduced
		join := k >= 0 && reduced == lastReduced
		for a := range accesses {
			join = join && strides[a][k] == n*accesses[a].Strides[d]
		}
		for a := range accesses {
			if join {
				strides[a][k] = accesses[a].Strides[d]
			} else {
				strides[a] = append(strides[a], accesses[a].Strides[d])
			}
		}
		if join {
			x.dims[k] *= n
		} else {
			x.dims = append(x.dims, n)
			if reduced {
				x.redDims++
			}
		}
		lastReduced = reduced
	}
	switch {
	case l.ReduceDims > 0 && x.redDims == 0:
		// Runs of one element.
		x.dims, x.redDims = append(x.dims, 1), 1
		for a := range strides {
			strides[a] = append(strides[a], 0)
		}
	case len(x.dims) == 0:
		x.dims = []int{1}
		for a := range strides {
			strides[a] = []int{1}
		}
	}
	copy(x.in, strides)
	copy(x.out, strides[len(l.In):])
}

func (x *loop) setPointer(k int, p unsafe.Pointer) {
	if k < len(x.inPtr) {
		x.inPtr[k] = p
	} else {
		x.outPtr[k-len(x.inPtr)] = p
	}
}

func (x *loop) run(*Machine) error {
	if x.runs++; x.runs == tierUp && x.code == nil {
		x.compile()
	}
	threads := 1
	if x.items > 1 && x.cost >= parallelCost && x.watch == nil {
		threads = len(x.workers)
	}
	x.err = nil
	if threads == 1 {
		for i := range x.items {
			x.Do(0, i)
		}
	} else if err := x.job.Run(x, x.items, threads); err != nil {
		return err
	}
	if x.err != nil {
		return x.err
	}
	if x.l.Reduce != micro.NoReduce && x.perItem == 0 {
		x.finish()
	}
	return nil
}

// finish combines the results of the chunks, in their order.
func (x *loop) finish() {
	level := 0
	for lanes<<level < x.chunk {
		level++
	}
	for _, v := range x.partial[:x.items-1] {
		x.final.push(v, level)
	}
	x.final.append(&x.last)
	x.final.store(x.outPtr[len(x.outPtr)-1], 0)
}

// Do runs one item: it is a pool.Task.
func (x *loop) Do(worker, item int) {
	w := x.workers[worker]
	if w == nil {
		w = newLoopWorker(x)
		x.workers[worker] = w
	}
	reduces := x.l.Reduce != micro.NoReduce
	inner := x.dims[len(x.dims)-1]
	switch {
	case x.byRows:
		lo, hi := item*x.perItem, min(x.rows, (item+1)*x.perItem)
		w.seek(0)
		w.row = lo
		if err := w.line(lo*inner, (hi-lo)*inner); err != nil {
			x.fail(item, err)
		}
		return
	case x.perItem == 0:
		lo := item * x.chunk
		w.seek(0)
		if err := w.line(lo, min(x.chunk, inner-lo)); err != nil {
			x.fail(item, err)
			return
		}
		if reduces {
			w.red.flush()
			if item == x.items-1 {
				x.last.blocks, x.last.stack = w.red.blocks, w.red.stack
				w.red.blocks = 0
			} else {
				x.partial[item] = w.red.take()
			}
		}
		return
	}
	for row := item * x.perItem; row < min(x.rows, (item+1)*x.perItem); row++ {
		for line := range x.lines {
			w.seek(row*x.lines + line)
			if err := w.line(0, inner); err != nil {
				x.fail(item, err)
				return
			}
		}
		if reduces {
			w.red.store(x.outPtr[len(x.outPtr)-1], row)
		}
	}
}

// fail keeps the error of the first item that failed, whichever thread ran it.
func (x *loop) fail(item int, err error) {
	x.mu.Lock()
	if x.err == nil || item < x.errItem {
		x.err, x.errItem = err, item
	}
	x.mu.Unlock()
}

// isNaN reports a NaN in n elements.
func isNaN(p unsafe.Pointer, d dtype.DType, n int) bool {
	switch d {
	case dtype.Float64:
		for _, v := range unsafe.Slice((*float64)(p), n) {
			if math.IsNaN(v) {
				return true
			}
		}
	case dtype.Float32:
		for _, v := range unsafe.Slice((*float32)(p), n) {
			if v != v {
				return true
			}
		}
	}
	return false
}
