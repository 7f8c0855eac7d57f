package vm

import (
	"math"
	"sync"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

const lanes = micro.BlockLanes

// loop runs OpLoop. Its iteration space is cut into items by the shapes alone; a worker runs an item
// either in machine code or block by block (see loopWorker).
type loop struct {
	p       *Program
	instr   *Instr
	l       *micro.Loop
	dims    []int   // collapsed, innermost last
	in      [][]int // element strides by collapsed dimension
	out     [][]int
	window  []*micro.Window // by input, over the collapsed dimensions; nil if none has one
	rowwise *stencil        // for machine code, nil if there cannot be any or if there is no window
	inputs  []loopInput     // over a line
	// flat: the innermost dimension is short, so a line is the whole space, or with byRows all that is reduced to one result, of
	// which several are computed at once.
	flat, byRows bool
	isPart       bool // of an epilogue
	// redDims is the number of collapsed dimensions that are reduced: one run of them gives one result.
	redDims int

	inPtr, outPtr []unsafe.Pointer
	stays         []bool // by operand: it is never bound to other memory than at first; nil if that is not known
	pointed       bool   // a run is one call of machine code, whose table holds the pointers
	rowBytes      []int  // by array, inputs first: from line to line, of an epilogue

	rows      int // runs, or lines of the innermost dimension if nothing is reduced
	lines     int // lines of a row
	perItem   int // rows of an item; 0 if the only row is cut into chunks, which may begin and end within lines
	chunk     int // elements of a chunk
	elements  int
	items     int
	cost      float64 // rough nanoseconds for everything, on one processor
	divisions []int32 // indices of integer divisions, which can trap

	runs    int
	scratch int64 // of a goroutine, where that of the loop begins
	code    *native.Loop
	threads int // goroutines that are hired
	workers []loopWorker

	// of blocks, for all workers
	calls  []blockCall
	pairs  [][2]int // of a sine and a cosine of one value
	steps  []blockStep
	consts []byte // a block of each constant

	sumCall int32 // the call that sumOf is done in the place of, −1 for none
	sumOf   elem.SumFunc

	// of a reduction whose only run is cut into chunks: the result of each full chunk, and the state after the last one
	partial []uint64
	last    reducer
	final   reducer

	mu      sync.Mutex
	err     error
	errItem int

	watching bool
	firstNaN int // the first instruction that made one
	m        *Machine
}

// chunkBlocks is the number of blocks of an item: a power of two, so that a chunk's sum is a
// subtree of the whole sum.
const chunkBlocks = 32

// maxChunks bounds the memory for partial results.
const maxChunks = 1024

// Work in nanoseconds from which helpers that are awake are hired, and from which others are woken, which costs 5 µs and more.
const (
	parallelCost = 4e3
	wakeCost     = 20e3
)

func newLoop(p *Program, instr *Instr, threads int) *loop {
	return newLoopBelow(p, instr, threads, flatBelow)
}

// newLoopBelow makes a loop that is flat if its innermost dimension is shorter than below.
func newLoopBelow(p *Program, instr *Instr, threads, below int) *loop {
	l := instr.Loop
	x := &loop{p: p, instr: instr, l: l, threads: 1}
	x.collapse()
	if x.window != nil {
		below = math.MaxInt
		x.rowwise = newStencil(x)
	}
	x.flatten(below)
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
	if x.rows == 1 {
		for elements/x.chunk >= maxChunks {
			x.chunk *= 2
		}
		x.items = (elements + x.chunk - 1) / x.chunk
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
	if items := x.rowItems(); items > 1 && x.cost >= parallelCost {
		x.threads = min(threads, items)
	}
	x.elements = elements
	x.pairs = sinCosPairs(l.Code)
	return x
}

// rowItems is the number of items, or of those that machine code over rows has if there may be any.
func (x *loop) rowItems() int {
	if x.rowwise != nil {
		return x.rowwise.items()
	}
	return x.items
}

func (x *loop) reduces() bool { return x.l.Reduce != micro.NoReduce }

// byValues reports whether machine code leaves the values that are reduced, not the results of their blocks: blocks of what is reduced to a result are not those of lines.
func (x *loop) byValues() bool { return x.byRows || x.redDims > 1 }

// partials is the number of chunks whose results are combined at the end.
func (x *loop) partials() int {
	if x.reduces() && x.perItem == 0 {
		return x.items
	}
	return 0
}

// closureBytes bounds a kernel that is a closure: those of dtypes and operations without SIMD.
const closureBytes = 192

func (x *loop) need(n *needs) {
	accesses, rank := int64(len(x.l.In)+len(x.l.Out)), int64(len(x.l.Dims))
	n.add(heapBytes(int64(unsafe.Sizeof(*x))), accesses*(256+16*8*(rank+1)), heapBytes(8*int64(x.partials())), heapBytes(int64(len(x.l.Consts))*blockBytes))
	n.add(int64(len(x.l.Code)) * int64(unsafe.Sizeof(blockCall{})+closureBytes+unsafe.Sizeof(blockStep{})))
	n.add(int64(x.threads) * (heapBytes(int64(unsafe.Sizeof(loopWorker{}))) + 2*closureBytes + heapBytes(8*int64(2*cpu.LineWords+x.pointers()))))
	n.workers = max(n.workers, x.threads)
	n.worker = max(n.worker, x.scratch+x.workerBytes())
	if x.rowwise != nil {
		x.rowwise.need(n, x.threads)
	}
	if x.hasCode() {
		code, runs, making := native.LoopMemory(x.l, x.threads)
		n.addCode(code, making)
		n.addRuns(runs)
	}
}

func (x *loop) prepare(f *frame) {
	l, m := x.l, f.m
	x.m = m
	x.inPtr, x.outPtr = make([]unsafe.Pointer, len(l.In)), make([]unsafe.Pointer, len(l.Out))
	x.workers = make([]loopWorker, x.threads)
	if x.reduces() {
		t := l.Out[len(l.Out)-1].Type
		x.final.init(l.Reduce, t, nil)
		x.last.init(l.Reduce, t, nil)
		x.partial = make([]uint64, x.partials())
	}
	for i := range x.workers {
		x.workers[i].init(x, m.workers[i][x.scratch:])
	}
	if x.elements >= 4*lanes || m.ahead {
		x.compile(f)
	}
	if x.kind() != ExecutorNative || m.watch {
		x.prepareBlocks()
	}
	if x.threads > 1 {
		m.job.Prepare(x.threads)
	}
}

// hasCode reports whether there may be machine code for the loop.
func (x *loop) hasCode() bool {
	return len(x.divisions) == 0 && !(x.byValues() && len(x.l.Code) == 0)
}

func (x *loop) compile(f *frame) {
	if f.m.noNative || x.kind() == ExecutorNative || !x.hasCode() || x.rowwise != nil && x.rowwise.compile(x) {
		return
	}
	line := *x.l
	line.Dims, line.ReduceDims = x.dims[len(x.dims)-1:], min(x.redDims, 1)
	line.In, line.Out = make([]micro.Access, len(x.l.In)), make([]micro.Access, len(x.l.Out))
	for k, a := range x.l.In {
		line.In[k] = micro.Access{Type: a.Type, Strides: []int{x.inputs[k].stride()}}
	}
	for k, a := range x.l.Out {
		line.Out[k] = micro.Access{Type: a.Type, Strides: []int{1}}
	}
	switch {
	case x.byValues():
		line.Reduce, line.ReduceDims = micro.NoReduce, 0
	case line.Reduce != micro.NoReduce:
		line.Out[len(line.Out)-1].Strides[0] = 0
	}
	if x.code = x.p.nativeLoop(x.l, &line, native.LoopOptions{Overlaid: x.overlaid(), Offsets: x.offsets(), Rows: x.isPart}); x.code != nil {
		for i := range x.workers {
			x.workers[i].work = x.code.NewWork()
		}
		x.pointed = x.canPoint()
		for k := range x.inPtr {
			x.point(k, x.inPtr[k])
		}
		for k := range x.outPtr {
			x.point(len(x.inPtr)+k, x.outPtr[k])
		}
	}
}

// overlaid lists by output the inputs in whose place it lies: those at the same place of the arena, as programs are verified; wherever the memory of a loop's frame is
// bound to, values that lie apart there lie apart. For parts of an epilogue, which are bound to a product's blocks, it is nil.
func (x *loop) overlaid() [][]int {
	if x.isPart {
		return nil
	}
	list := make([][]int, len(x.instr.Out))
	for k, out := range x.instr.Out {
		for i, in := range x.instr.In {
			if in.Ref == out.Ref {
				list[k] = append(list[k], i)
			}
		}
	}
	return list
}

// offsets returns where operands lie that stay in the frame, nil if that is not known.
func (x *loop) offsets() []int64 {
	if x.stays == nil || !x.canPoint() {
		return nil
	}
	list := make([]int64, 0, len(x.stays))
	for _, operands := range [2][]Operand{x.instr.In, x.instr.Out} {
		for _, o := range operands {
			if list = append(list, native.Anywhere); o.Space == 0 && x.stays[len(list)-1] {
				list[len(list)-1] = o.Offset
			}
		}
	}
	return list
}

// canPoint reports whether a run is one call of machine code over arrays that begin where the operands do. Loops over a dozen elements take as long as it takes to
// prepare such a call, so that is done when operands are bound, not at each run.
func (x *loop) canPoint() bool {
	return x.oneCall() && len(x.workers[0].pieces) == 0
}

func (x *loop) oneCall() bool {
	return !x.isPart && x.perItem == 0 && x.items == 1 && x.lines == 1 && x.elements <= native.RunElements
}

// point tells the machine code where operand k lies.
func (x *loop) point(k int, p unsafe.Pointer) {
	if !x.pointed {
		return
	}
	if x.reduces() && k == len(x.inPtr)+len(x.outPtr)-1 && x.elements > lanes {
		p = unsafe.Pointer(&x.workers[0].results[0]) // of several blocks
	}
	x.code.Point(x.workers[0].work, k, p)
}

// overRows reports whether machine code goes through rows.
func (x *loop) overRows() bool { return x.rowwise != nil && x.rowwise.code != nil }

func (x *loop) kind() Executor {
	if x.code != nil || x.overRows() {
		return ExecutorNative
	}
	return ExecutorBlocks
}

func (x *loop) alone() *native.Straight { return nil }

func (x *loop) codeBytes() int {
	switch {
	case x.overRows():
		return x.rowwise.code.CodeBytes()
	case x.code == nil:
		return 0
	}
	return x.code.CodeBytes()
}

func (x *loop) types(at *microError) string {
	if at == nil {
		return ""
	}
	return instrText(x.l.Code[at.index], x.l.Dims)
}

func (x *loop) listing() string {
	switch {
	case x.overRows():
		return native.Registers("loop over rows; rdi: pointers to arrays, their steps, and what a row consists of; rsi: constants, rdx: scratch memory, rax: element, rcx: vectors left, r14: masks\n") + x.rowwise.code.Listing()
	case x.code == nil:
		return ""
	}
	return native.Registers("loop; rdi: pointers to arrays, rsi: constants, rdx: scratch memory, rax: element, rcx: elements left\n") + x.code.Listing()
}

// watch runs blocks, and looks at every element.
func (x *loop) watch(f *frame) (int, error) {
	x.watching, x.firstNaN = true, len(x.l.Code)
	err := x.run(f)
	x.watching = false
	if err != nil {
		return -1, err
	}
	if x.firstNaN < len(x.l.Code) {
		return x.firstNaN, nil
	}
	if x.reduces() {
		k := len(x.l.Out) - 1
		if f.m.isNaN(x.outPtr[k], x.instr.Out[k].DType, x.instr.Out[k].Size()) && !f.anyNaN(x.instr.In) {
			return len(x.l.Code), nil
		}
	}
	return -1, nil
}

// flatBelow is the length of the innermost dimension below which lines are not run one by one: a call of
// machine code costs as much as some hundred elements.
var flatBelow = 1024

// flatten chooses what a line is and how it finds the inputs' elements. Outputs are contiguous.
func (x *loop) flatten(below int) {
	last := len(x.dims) - 1
	kept := len(x.dims) - x.redDims
	x.inputs = make([]loopInput, len(x.l.In))
	if x.dims[last] >= below || last == 0 {
		for k, a := range x.l.In {
			x.inputs[k] = newLoopInput(a, x.dims[last:], x.in[k][last:], x.windowOf(k))
		}
		return
	}
	x.flat, x.byRows = true, x.redDims > 0 && kept > 0
	for k, a := range x.l.In {
		x.inputs[k] = newLoopInput(a, x.dims, x.in[k], x.windowOf(k))
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

// windowOf returns the window of input k, nil if it has none.
func (x *loop) windowOf(k int) *micro.Window {
	if x.window == nil {
		return nil
	}
	return x.window[k]
}

// collapse joins neighbouring dimensions that every access walks as one. Reduced dimensions stay apart
// from the others.
func (x *loop) collapse() {
	l := x.l
	x.in, x.out = make([][]int, len(l.In)), make([][]int, len(l.Out))
	accesses := append(append([]micro.Access{}, l.In...), l.Out...)
	strides := make([][]int, len(accesses))
	for k, a := range l.In {
		if a.Window != nil {
			if x.window == nil {
				x.window = make([]*micro.Window, len(l.In))
			}
			x.window[k] = &micro.Window{Offset: a.Window.Offset}
		}
	}
	firstReduced := len(l.Dims) - l.ReduceDims
	lastReduced := false
	for d, n := range l.Dims {
		if n == 1 {
			continue
		}
		k, reduced := len(x.dims)-1, d >= firstReduced
		join := k >= 0 && reduced == lastReduced
		for a := range accesses {
			w := accesses[a].Window
			join = join && strides[a][k] == n*accesses[a].Strides[d] && (w == nil || w.Lo[d] == 0 && w.Hi[d] == n)
		}
		for a := range accesses {
			if join {
				strides[a][k] = accesses[a].Strides[d]
			} else {
				strides[a] = append(strides[a], accesses[a].Strides[d])
			}
		}
		for i, w := range x.window {
			switch from := l.In[i].Window; {
			case w == nil:
			case join:
				w.Lo[k], w.Hi[k] = w.Lo[k]*n, w.Hi[k]*n
			default:
				w.Lo, w.Hi = append(w.Lo, from.Lo[d]), append(w.Hi, from.Hi[d])
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
	for i, w := range x.window {
		if w == nil {
			continue
		}
		if len(w.Lo) < len(x.dims) { // the dimension of one element that was added
			w.Lo, w.Hi = append(w.Lo, 0), append(w.Hi, 1)
		}
		for d := range l.Dims {
			if from := l.In[i].Window; from.Lo[d] == from.Hi[d] { // of a dimension that may have been left out
				w.Lo[0], w.Hi[0] = 0, 0
			}
		}
	}
}

func (x *loop) bind(k int, p unsafe.Pointer) {
	if k < len(x.inPtr) {
		x.inPtr[k] = p
	} else {
		x.outPtr[k-len(x.inPtr)] = p
	}
	x.point(k, p)
}

func (x *loop) run(f *frame) error {
	x.count(f)
	if x.pointed && !x.watching {
		x.runPointed()
		return nil
	}
	threads := x.threads
	if x.watching {
		threads = 1
	}
	x.err = nil
	items := x.items
	if x.overRows() && !x.watching {
		items = x.rowwise.items()
	}
	if threads == 1 {
		for i := range items {
			x.Do(0, i)
		}
	} else if err := x.m.job.Run(x, items, threads, x.cost >= wakeCost); err != nil {
		x.err = err
	}
	if x.err != nil {
		for i := range x.workers {
			x.workers[i].forget()
		}
		return x.err
	}
	if x.l.Reduce != micro.NoReduce && x.perItem == 0 {
		x.finish()
	}
	return nil
}

// runPointed runs a loop that canPoint accepts.
func (x *loop) runPointed() {
	w := &x.workers[0]
	x.code.RunPointed(x.elements, w.work)
	if x.reduces() && x.elements > lanes {
		w.pushResults(x.elements)
		w.red.store(x.outPtr[len(x.outPtr)-1], 0)
	}
}

// count counts a run, from some number of which on there is machine code.
func (x *loop) count(f *frame) {
	if x.runs++; x.runs == tierUp {
		x.compile(f)
	}
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
	if x.overRows() && !x.watching {
		if err := x.rowwise.do(x, worker, item); err != nil {
			x.fail(item, err)
		}
		return
	}
	w := &x.workers[worker]
	reduces := x.reduces()
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
		for at, end := item*x.chunk, min(x.elements, (item+1)*x.chunk); at < end; {
			lo := at % inner
			n := min(inner-lo, end-at)
			w.seek(at / inner)
			if err := w.line(lo, n); err != nil {
				x.fail(item, err)
				return
			}
			at += n
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

// forget drops what a run that failed has left.
func (w *loopWorker) forget() {
	w.red.blocks, w.red.filled, w.rowDone = 0, 0, 0
	copy(w.reg, w.buf)
}

// fail keeps the error of the first item that failed, whichever thread ran it.
func (x *loop) fail(item int, err error) {
	x.mu.Lock()
	if x.err == nil || item < x.errItem {
		x.err, x.errItem = err, item
	}
	x.mu.Unlock()
}

// isNaN reports a NaN in n elements, or an infinity if the machine watches for these too.
func (m *Machine) isNaN(p unsafe.Pointer, d dtype.DType, n int) bool {
	switch d {
	case dtype.Float64:
		for _, v := range unsafe.Slice((*float64)(p), n) {
			if v != v || m.watchInf && v-v != 0 {
				return true
			}
		}
	case dtype.Float32:
		for _, v := range unsafe.Slice((*float32)(p), n) {
			if v != v || m.watchInf && v-v != 0 {
				return true
			}
		}
	}
	return false
}
