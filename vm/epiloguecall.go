package vm

import (
	"sync/atomic"
	"unsafe"
)

// epilogueCall runs OpEpilogue: a kernel's call that hands each part of its result, when it is complete, to the loop.
type epilogueCall struct {
	kernelCall
	loop    *loop
	stopped atomic.Bool // the loop left elements out
}

func newEpilogueCall(p *Program, b *Block, in *Instr, threads int) *epilogueCall {
	parts := in.Parts()
	c := &epilogueCall{kernelCall: *newKernelCall(b, &parts[0], threads), loop: newLoopBelow(p, &parts[1], threads, flatEpilogue)}
	c.loop.isPart, c.loop.threads = true, max(1, c.threads)
	c.loop.scratch = (c.each() + 63) &^ 63
	return c
}

func (c *epilogueCall) need(n *needs) {
	c.kernelCall.need(n)
	c.loop.need(n)
	n.add(int64(unsafe.Sizeof(*c)), heapBytes(8*int64(len(c.loop.l.In)+len(c.loop.l.Out))))
}

func (c *epilogueCall) prepare(f *frame) {
	c.kernelCall.prepare(f)
	c.loop.prepare(f)
	if x := c.loop; len(x.dims) > 1 {
		d := len(x.dims) - 2
		for k, a := range x.l.In {
			x.rowBytes = append(x.rowBytes, x.in[k][d]*a.Type.Size())
		}
		for k, a := range x.l.Out {
			x.rowBytes = append(x.rowBytes, x.out[k][d]*a.Type.Size())
		}
	}
}

func (c *epilogueCall) compile(f *frame) { c.loop.compile(f) }

func (c *epilogueCall) listing() string { return c.loop.listing() }

func (c *epilogueCall) codeBytes() int { return c.loop.codeBytes() }

// bind takes the operands in the order of the instruction's: the kernel's, the loop's but the first, the kernel's result, the loop's.
func (c *epilogueCall) bind(k int, p unsafe.Pointer) {
	own, inputs := len(c.in.In), len(c.loop.inPtr)
	switch {
	case k < own:
		c.kernelCall.bind(k, p)
	case k < own+inputs-1:
		c.loop.bind(k-own+1, p)
	case k == own+inputs-1:
		c.kernelCall.bind(own, p)
		c.loop.bind(0, p)
	default:
		c.loop.bind(k-own, p)
	}
}

// flatEpilogue is flatBelow for parts of a kernel's result, which are rows of a few dozens of elements: their arrays lie in the cache, so that the calls of rows take longer
// than copying a broadcast row only if rows are still shorter.
const flatEpilogue = 16

// Finish implements kernel.Epilogue.
func (c *epilogueCall) Finish(worker, at, rows, cols, row int) {
	if c.loop.part(worker, at, rows, cols, row) != nil {
		c.stopped.Store(true)
	}
}

func (c *epilogueCall) run(f *frame) error {
	c.loop.count(f)
	c.stopped.Store(false)
	c.call.Then = c
	err := c.kernelCall.run(f)
	c.call.Then = nil
	if err == nil && c.stopped.Load() {
		err = f.m.ctx.Err()
	}
	if err != nil {
		for i := range c.loop.workers {
			c.loop.workers[i].forget()
		}
	}
	return err
}

// watch looks at the kernel's result, and then at the loop.
func (c *epilogueCall) watch(f *frame) (int, error) {
	if k, err := c.kernelCall.watch(f); k >= 0 || err != nil {
		return k, err
	}
	k, err := c.loop.watch(f)
	if k >= 0 {
		k++
	}
	return k, err
}

// part runs rows of cols elements each, row apart from element at on, of a loop without a reduction, as a worker.
func (x *loop) part(worker, at, rows, cols, row int) error {
	w, inner := &x.workers[worker], x.dims[len(x.dims)-1]
	if row == inner && at%inner+cols <= inner {
		return w.lines(at/inner, rows, at%inner, cols)
	}
	if row == cols {
		rows, cols = 1, rows*cols
	}
	if len(x.dims) == 1 && rows > 1 && w.flatRows(at, rows, cols, row) {
		return nil
	}
	for range rows {
		for from, n := at, cols; n > 0; {
			lo := from % inner
			lines, k := 1, min(n, inner-lo)
			if k == inner {
				lines = n / inner
			}
			if err := w.lines(from/inner, lines, lo, k); err != nil {
				return err
			}
			from, n = from+lines*k, n-lines*k
		}
		at += row
	}
	return nil
}

// flatRows runs rows of a loop over one dimension, whose arrays all lie as the kernel's result does, by machine code if that can be.
func (w *loopWorker) flatRows(at, rows, cols, row int) bool {
	x, l := w.x, w.x.l
	var most [16]int
	if x.code == nil || x.watching || len(w.pieces) > 0 || cols > pieceLanes || len(l.In)+len(l.Out) > len(most) || x.m.cancelled() {
		return false
	}
	w.seek(0)
	ptrs, bytes := w.ptrs[:0], most[:len(l.In)+len(l.Out)]
	add := func(p unsafe.Pointer, size int) {
		bytes[len(ptrs)] = row * size
		ptrs = append(ptrs, unsafe.Add(p, at*size))
	}
	for k := range x.inputs {
		if in := &x.inputs[k]; in.form == inputDirect {
			add(w.inBase[k], in.size)
		} else {
			add(w.inBase[k], 0)
		}
	}
	for k := range l.Out {
		add(w.outBase[k], l.Out[k].Type.Size())
	}
	x.code.RunRows(cols, rows, ptrs, bytes, w.work)
	return true
}

// lines runs n elements from position lo of some lines that follow one another.
func (w *loopWorker) lines(line, count, lo, n int) error {
	x, l := w.x, w.x.l
	if x.code == nil || x.watching || len(w.pieces) > 0 || n > pieceLanes || len(x.dims) == 1 {
		for i := range count {
			w.seek(line + i)
			if err := w.line(lo, n); err != nil {
				return err
			}
		}
		return nil
	}
	if x.m.cancelled() {
		return x.m.ctx.Err()
	}
	d := len(x.dims) - 2
	for count > 0 {
		w.seek(line)
		ptrs := w.ptrs[:0]
		for k := range x.inputs {
			p := w.inBase[k]
			if in := &x.inputs[k]; in.form == inputDirect {
				p = unsafe.Add(p, lo*in.size)
			}
			ptrs = append(ptrs, p)
		}
		for k := range l.Out {
			ptrs = append(ptrs, unsafe.Add(w.outBase[k], lo*l.Out[k].Type.Size()))
		}
		together := min(count, x.dims[d]-line%x.dims[d])
		x.code.RunRows(n, together, ptrs, x.rowBytes, w.work)
		line, count = line+together, count-together
	}
	return nil
}
