package vm

import (
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// loopWorker runs items of a loop: in machine code if there is any; else in blocks of up to 512 elements of the
// innermost dimension, each micro-instruction one call of a block kernel over buffers that stay in L1.
type loopWorker struct {
	x   *loop
	red reducer

	inBase, outBase []unsafe.Pointer // of the current line
	pieces          []byte           // of strided inputs, one after the other

	// of rows that are reduced several at once
	row        int // the next result
	rowDone    int // elements of it that red has
	reduceRuns elem.ReduceRunsFunc

	// of machine code
	work    *native.LoopWork
	ptrs    []unsafe.Pointer
	results []byte // of the blocks of a piece, or with byValues the values of a piece

	// of blocks
	reg   []unsafe.Pointer // where each register's block lies now
	buf   []unsafe.Pointer // the buffer of each register, and of each pair
	fresh []bool           // of watchBlock

	summed bool   // red has what this block reduces
	flush  []byte // operands without subnormal numbers, a block of each

	_ [cpu.LineWords]uint64
}

// blockCall is a micro-instruction as a call.
type blockCall struct {
	fn           elem.Block
	dst, a, b, c uint32
	direct       int32 // output whose memory the result goes to right away, −1 for none

	// The sine or cosine that comes first computes the other of its operand as well, into a buffer from which the other takes it.
	pair   elem.PairBlock
	cosine bool
	second int32 // of the first: the buffer where to; of the other: from where, and pair is nil; −1 for none

	ahead ahead
}

// blockBytes is the size of a register's block.
const blockBytes = lanes * 8

// The parts of a worker's scratch: blocks of inputs, temporaries and pairs; copies of strided inputs; results of machine code; a reducer's stage.
func (x *loop) blockCount() int {
	n := len(x.l.In) + x.l.Temps + len(x.pairs)
	if x.l.Flush {
		n += 3
	}
	return n
}

func (x *loop) piecesBytes() int {
	strided := 0
	for k := range x.inputs {
		if x.inputs[k].form == inputStrided {
			strided++
		}
	}
	return strided * pieceLanes * 8
}

func (x *loop) resultsBytes() int {
	if x.byValues() {
		return pieceLanes * 8
	}
	return chunkBlocks * 8
}

func (x *loop) workerBytes() int64 {
	return int64(x.blockCount())*blockBytes + int64(x.piecesBytes()+x.resultsBytes()+stageBytes)
}

// pointers is the number of pointers that a worker has.
func (x *loop) pointers() int {
	accesses := len(x.l.In) + len(x.l.Out)
	return 2*accesses + 2*(len(x.l.In)+len(x.l.Consts)+x.l.Temps) + len(x.pairs)
}

// init makes a worker that uses the goroutine's scratch.
func (w *loopWorker) init(x *loop, scratch []byte) {
	l := x.l
	take := func(n int) []byte {
		part := scratch[:n:n]
		scratch = scratch[n:]
		return part
	}
	w.x = x
	registers, accesses := len(l.In)+len(l.Consts)+l.Temps, len(l.In)+len(l.Out)
	pointers := cpu.Apart[unsafe.Pointer](x.pointers())
	of := func(n int) []unsafe.Pointer {
		part := pointers[:n:n]
		pointers = pointers[n:]
		return part
	}
	w.inBase, w.outBase, w.ptrs = of(len(l.In)), of(len(l.Out)), of(accesses)
	blocks := take(x.blockCount() * blockBytes)
	w.pieces, w.results = take(x.piecesBytes()), take(x.resultsBytes())
	if x.reduces() {
		t := l.Out[len(l.Out)-1].Type
		w.red.init(l.Reduce, t, take(stageBytes))
		if x.byRows {
			w.reduceRuns = elem.ReduceRuns(l.Reduce, t, cpu.Best())
		}
	}
	w.reg, w.buf = of(registers), of(registers+len(x.pairs))
	for r := range w.buf {
		if isConst := r >= len(l.In) && r < len(l.In)+len(l.Consts); !isConst {
			w.buf[r] = unsafe.Pointer(unsafe.SliceData(blocks))
			blocks = blocks[blockBytes:]
		}
	}
	copy(w.reg, w.buf)
	w.flush = blocks
}

// prepareBlocks makes the calls and the constants' blocks.
func (x *loop) prepareBlocks() {
	l := x.l
	x.consts = alignedBytes(int64(len(l.Consts)) * blockBytes)
	for k, c := range l.Consts {
		p := unsafe.Pointer(&x.consts[k*blockBytes])
		splat(p, c.Bits, c.Type.Size())
		for i := range x.workers {
			w := &x.workers[i]
			w.buf[len(l.In)+k], w.reg[len(l.In)+k] = p, p
		}
	}
	level := cpu.Best()
	x.calls = make([]blockCall, len(l.Code))
	for i, c := range l.Code {
		x.calls[i] = blockCall{fn: elem.BlockKernel(c.Op, c.Type, c.To, level), dst: c.Dst, a: c.A, b: c.B, c: c.C, direct: -1, second: -1}
	}
	x.pairSinCos(level)
	x.orderCalls(level)
	x.prepareSum(level)
	x.prepareAhead()
	outs := len(l.Out)
	if x.reduces() {
		outs--
	}
	for k := range outs {
		for i := len(l.Code) - 1; i >= 0; i-- {
			if l.Code[i].Dst == l.OutRegs[k] {
				// Only the first output of a register can be written directly.
				if x.calls[i].direct < 0 {
					x.calls[i].direct = int32(k)
				}
				break
			}
		}
	}
	if x.m.watch {
		x.workers[0].fresh = make([]bool, lanes)
	}
}

// sinCosPairs returns the pairs of instructions, the first first, that compute the sine and the cosine of one value.
func sinCosPairs(code []micro.Instr) (pairs [][2]int) {
	type operand struct {
		op       micro.Op
		register uint32
		t        dtype.DType
	}
	open := map[operand]int{} // first of a pair, while the operand keeps its value
	for i := range code {
		c := &code[i]
		if c.Op == micro.Sin || c.Op == micro.Cos {
			other := operand{micro.Sin + micro.Cos - c.Op, c.A, c.Type}
			if first, ok := open[other]; ok {
				pairs = append(pairs, [2]int{first, i})
				delete(open, other)
			} else if _, ok := open[operand{c.Op, c.A, c.Type}]; !ok {
				open[operand{c.Op, c.A, c.Type}] = i
			}
		}
		if len(open) > 0 {
			for _, t := range [...]dtype.DType{dtype.Float64, dtype.Float32} {
				delete(open, operand{micro.Sin, c.Dst, t})
				delete(open, operand{micro.Cos, c.Dst, t})
			}
		}
	}
	return pairs
}

// pairSinCos uses the kernel that has the bits of both for each pair.
func (x *loop) pairSinCos(level cpu.Level) {
	buffer := int32(len(x.l.In) + len(x.l.Consts) + x.l.Temps)
	for _, pair := range x.pairs {
		first, second := &x.calls[pair[0]], &x.calls[pair[1]]
		first.pair, first.cosine = elem.SinCosBlock(x.l.Code[pair[0]].Type, level), x.l.Code[pair[1]].Op == micro.Sin
		first.second, second.second = buffer, buffer
		buffer++
	}
}

// prepareSum finds the call whose results are summed and not read otherwise: of whole blocks they need not be stored.
func (x *loop) prepareSum(level cpu.Level) {
	l := x.l
	x.sumCall = -1
	if l.Reduce != micro.ReduceSum || x.byRows {
		return
	}
	last := len(l.Out) - 1
	r := l.OutRegs[last]
	if slices.Contains(l.OutRegs[:last], r) {
		return
	}
	for i := len(l.Code) - 1; i >= 0; i-- {
		c := &l.Code[i]
		if c.Dst == r {
			if x.sumOf = elem.SumOf(c.Op, c.Type, level); x.sumOf != nil {
				x.sumCall = int32(i)
			}
			return
		}
		operands := c.Operands()
		if slices.Contains(operands[:c.Op.Arity()], r) {
			return
		}
	}
}

// ahead is what a call asks for of the block that follows: a part of an array, inputs first.
type ahead struct {
	array int32
	size  int32 // of an element, 0 for nothing
	from  int32 // bytes
}

// aheadBytes is the size of the arrays from which on they may not lie in a second-level cache.
const aheadBytes = 1 << 20

// prepareAhead has calls ask for the elements of the block that follows, where arrays are large. Else the first call that reads an input and the last, which writes an output, would
// wait for memory that is idle during all others.
func (x *loop) prepareAhead() {
	var parts []ahead
	bytes := 0
	array := func(k int, t dtype.DType) {
		bytes += x.elements * t.Size()
		for from := 0; from < lanes*t.Size(); from += prefetch.LinesBytes {
			parts = append(parts, ahead{int32(k), int32(t.Size()), int32(from)})
		}
	}
	for k, in := range x.l.In {
		if x.inputs[k].form == inputDirect {
			array(k, in.Type)
		}
	}
	for k, out := range x.l.Out {
		if !x.reduces() || k < len(x.l.Out)-1 {
			array(len(x.l.In)+k, out.Type)
		}
	}
	if bytes < aheadBytes || len(parts) > len(x.steps) {
		return
	}
	for i, part := range parts {
		x.calls[x.steps[i*len(x.steps)/len(parts)].call].ahead = part
	}
}

// lookAhead asks for a part of the block that follows the one at position at.
func (w *loopWorker) lookAhead(a ahead, at int) {
	base := uintptr(0)
	if k := int(a.array); k < len(w.inBase) {
		base = uintptr(w.inBase[k])
	} else {
		base = uintptr(w.outBase[k-len(w.inBase)])
	}
	prefetch.Lines(base + uintptr((at+lanes)*int(a.size)+int(a.from)))
}

// seek points the bases to the start of a line of the innermost dimension.
func (w *loopWorker) seek(line int) {
	x := w.x
	if x.flat || len(x.dims) == 1 { // there is one
		copy(w.inBase, x.inPtr)
		copy(w.outBase, x.outPtr)
		return
	}
	for k, st := range x.in {
		w.inBase[k] = unsafe.Add(x.inPtr[k], x.lineOffset(st, line)*x.l.In[k].Type.Size())
	}
	for k, st := range x.out {
		w.outBase[k] = unsafe.Add(x.outPtr[k], x.lineOffset(st, line)*x.l.Out[k].Type.Size())
	}
}

// lineOffset is the element offset of a line.
func (x *loop) lineOffset(strides []int, line int) int {
	if x.flat {
		return 0
	}
	off := 0
	for d := len(x.dims) - 2; d >= 0; d-- {
		off += line % x.dims[d] * strides[d]
		line /= x.dims[d]
	}
	return off
}

// line runs n elements from position lo of the current line.
func (w *loopWorker) line(lo, n int) error {
	if w.x.code != nil && !w.x.watching {
		return w.native(lo, n)
	}
	if k := w.x.rowsInPlace(); k >= 0 {
		if w.x.m.cancelled() {
			return w.x.m.ctx.Err()
		}
		w.takeRows(unsafe.Add(w.inBase[k], lo*w.x.inputs[k].size), n)
		return nil
	}
	for k := range w.x.inputs {
		if in := &w.x.inputs[k]; in.form == inputScalar {
			in.repeat(w.buf[k], w.inBase[k], lanes, 1, 0)
			w.reg[k] = w.buf[k]
		}
	}
	for at := 0; at < n; at += lanes {
		if at%pieceLanes == 0 && w.x.m.cancelled() {
			return w.x.m.ctx.Err()
		}
		if err := w.block(lo+at, min(lanes, n-at)); err != nil {
			return err
		}
	}
	return nil
}

// rowsInPlace returns the input of a loop that does nothing but reduce rows of it that lie one after the other; −1 for others.
func (x *loop) rowsInPlace() int {
	l := x.l
	if !x.byRows || len(l.Code) > 0 || len(l.Out) > 1 || int(l.OutRegs[0]) >= len(l.In) || x.inputs[l.OutRegs[0]].form != inputDirect {
		return -1
	}
	return int(l.OutRegs[0])
}

// pieceLanes is the number of elements that machine code takes at a time of inputs that must be copied, and of values of which
// several runs are reduced at once: they stay in L1.
const pieceLanes = 4 * lanes

// native runs machine code, in pieces whose block results fit the buffer.
func (w *loopWorker) native(lo, n int) error {
	x, l := w.x, w.x.l
	outs := len(l.Out)
	reduces := l.Reduce != micro.NoReduce
	if reduces {
		outs--
	}
	piece := chunkBlocks * lanes
	if x.byValues() || len(w.pieces) > 0 {
		piece = pieceLanes
		if x.byRows && x.dims[1] < pieceLanes {
			piece -= piece % x.dims[1] // whole rows
		}
	}
	for at := lo; at < lo+n; at += piece {
		if x.m.cancelled() {
			return x.m.ctx.Err()
		}
		count := min(piece, lo+n-at)
		ptrs := w.ptrs[:0]
		copied := 0
		for k := range x.inputs {
			switch in := &x.inputs[k]; in.form {
			case inputScalar:
				ptrs = append(ptrs, w.inBase[k])
			case inputDirect:
				ptrs = append(ptrs, unsafe.Add(w.inBase[k], at*in.size))
			default:
				p := unsafe.Pointer(&w.pieces[copied*pieceLanes*8])
				copied++
				in.copy(p, w.inBase[k], at, count)
				ptrs = append(ptrs, p)
			}
		}
		for k := range outs {
			ptrs = append(ptrs, unsafe.Add(w.outBase[k], at*l.Out[k].Type.Size()))
		}
		if reduces {
			ptrs = append(ptrs, unsafe.Pointer(&w.results[0]))
		}
		x.code.Run(count, ptrs, w.work)
		switch {
		case x.byRows:
			w.takeRows(unsafe.Pointer(&w.results[0]), count)
		case x.byValues():
			w.takeValues(unsafe.Pointer(&w.results[0]), count)
		case reduces:
			w.pushResults(count)
		}
	}
	return nil
}

// pushResults reduces the results of the blocks of n elements.
func (w *loopWorker) pushResults(n int) {
	size := w.red.typ.Size()
	for b := 0; b*lanes < n; b++ {
		w.red.push(bitsAt(unsafe.Pointer(&w.results[b*size]), size), 0)
	}
}

// takeValues reduces n values of the current run.
func (w *loopWorker) takeValues(p unsafe.Pointer, n int) {
	for n > 0 {
		k := min(n, lanes)
		w.red.add(p, k)
		p, n = unsafe.Add(p, k*w.red.typ.Size()), n-k
	}
}

// takeRows reduces n values that continue where the values before ended.
func (w *loopWorker) takeRows(p unsafe.Pointer, n int) {
	x := w.x
	run, size, out := x.dims[1], w.red.typ.Size(), x.outPtr[len(x.outPtr)-1]
	for n > 0 {
		if w.rowDone == 0 && run <= lanes && run <= n {
			rows := n / run
			w.reduceRuns(unsafe.Add(out, w.row*size), p, run, rows)
			w.row += rows
			p, n = unsafe.Add(p, rows*run*size), n-rows*run
			continue
		}
		k := min(n, run-w.rowDone, lanes)
		if w.red.filled == 0 && w.rowDone+k == run {
			w.red.push(w.red.reduce(p, k), 0) // the last block of a run, where it lies
		} else {
			w.red.add(p, k)
		}
		p, n = unsafe.Add(p, k*size), n-k
		if w.rowDone += k; w.rowDone == run {
			w.red.store(out, w.row)
			w.row, w.rowDone = w.row+1, 0
		}
	}
}

// block runs n elements from position at of the line.
func (w *loopWorker) block(at, n int) error {
	x, l := w.x, w.x.l
	for k := range x.inputs {
		switch in := &x.inputs[k]; in.form {
		case inputDirect:
			w.reg[k] = unsafe.Add(w.inBase[k], at*in.size)
		case inputStrided:
			in.copy(w.buf[k], w.inBase[k], at, n)
			w.reg[k] = w.buf[k]
		}
	}
	for _, i := range x.divisions {
		if err := w.checkDivisor(int(i), n); err != nil {
			return err
		}
	}
	if x.watching {
		w.watchBlock(n)
	} else {
		w.runCalls(at, n)
	}
	outs := len(x.out)
	if l.Reduce != micro.NoReduce {
		outs--
		switch p := w.reg[l.OutRegs[outs]]; {
		case x.byRows:
			w.takeRows(p, n)
		case w.summed:
			w.summed = false
		default:
			w.red.add(p, n)
		}
	}
	if outs > 1 {
		w.keepInputs(n, l.OutRegs[:outs])
	}
	for k := range outs {
		size := l.Out[k].Type.Size()
		if p := unsafe.Add(w.outBase[k], at*size); p != w.reg[l.OutRegs[k]] {
			copy(unsafe.Slice((*byte)(p), n*size), unsafe.Slice((*byte)(w.reg[l.OutRegs[k]]), n*size))
		}
	}
	// Registers that lay in an output's memory go back to their buffers.
	for r := len(l.In) + len(l.Consts); r < len(w.reg); r++ {
		w.reg[r] = w.buf[r]
	}
	return nil
}

// keepInputs copies inputs that are outputs to their buffers, since another output may lie in their place.
func (w *loopWorker) keepInputs(n int, outs []uint32) {
	for _, r := range outs {
		if int(r) < len(w.inBase) && w.reg[r] != w.buf[r] {
			size := n * w.x.l.In[r].Type.Size()
			copy(unsafe.Slice((*byte)(w.buf[r]), size), unsafe.Slice((*byte)(w.reg[r]), size))
			w.reg[r] = w.buf[r]
		}
	}
}

// runCalls executes the block's micro-instructions.
func (w *loopWorker) runCalls(at, n int) {
	flush := w.x.l.Flush
	for i := range w.x.steps {
		s := &w.x.steps[i]
		c := &w.x.calls[s.call]
		if c.ahead.size > 0 {
			w.lookAhead(c.ahead, at)
		}
		dst := w.buf[c.dst]
		if c.direct >= 0 {
			dst = w.destination(c, at)
		}
		sin, cos := dst, unsafe.Pointer(nil)
		if c.pair != nil {
			if cos = w.buf[c.second]; c.cosine {
				sin, cos = cos, sin
			}
		}
		switch {
		case s.kernel != nil:
			d := &w.x.calls[s.division]
			quotient := w.destination(d, at)
			if c.pair != nil {
				s.kernel(sin, cos, quotient, w.reg[c.a], w.reg[d.a], w.reg[d.b], n)
			} else {
				s.kernel(dst, quotient, nil, w.reg[c.a], w.reg[d.a], w.reg[d.b], n)
			}
			w.reg[d.dst] = quotient
		case c.pair != nil:
			c.pair(sin, cos, w.reg[c.a], n)
		case c.second >= 0:
			dst = w.buf[c.second]
		case flush:
			w.call(int(s.call), dst, n)
		case s.call == w.x.sumCall && n == lanes && w.red.filled == 0:
			w.red.push(w.x.sumOf(w.reg[c.a], w.reg[c.b], n), 0)
			w.summed = true
		default:
			c.fn(dst, w.reg[c.a], w.reg[c.b], w.reg[c.c], n)
		}
		w.reg[c.dst] = dst
	}
}

// destination returns where the result of a call goes: one that is an output to the output's memory unless that is also an input's, which later instructions may still read.
func (w *loopWorker) destination(c *blockCall, at int) unsafe.Pointer {
	if k := c.direct; k >= 0 {
		if p := unsafe.Add(w.outBase[k], at*w.x.l.Out[k].Type.Size()); !w.isInput(p) {
			return p
		}
	}
	return w.buf[c.dst]
}

// call executes micro-instruction i, which is not one of a pair.
func (w *loopWorker) call(i int, dst unsafe.Pointer, n int) {
	c, op := &w.x.calls[i], &w.x.l.Code[i]
	a := [3]unsafe.Pointer{w.reg[c.a], w.reg[c.b], w.reg[c.c]}
	flush := w.x.l.Flush && op.Flushes()
	size := op.Type.Size()
	if flush {
		for k := range op.Op.Arity() {
			p := unsafe.Pointer(&w.flush[k*blockBytes])
			copy(unsafe.Slice((*byte)(p), n*size), unsafe.Slice((*byte)(a[k]), n*size))
			flushSubnormal(p, n, size)
			a[k] = p
		}
	}
	c.fn(dst, a[0], a[1], a[2], n)
	if flush {
		flushSubnormal(dst, n, size)
	}
}

// flushSubnormal makes n floats 0 of their sign where they are subnormal.
func flushSubnormal(p unsafe.Pointer, n, size int) {
	if size == 8 {
		for i, v := range unsafe.Slice((*uint64)(p), n) {
			if v&(0x7ff<<52) == 0 {
				unsafe.Slice((*uint64)(p), n)[i] = v & (1 << 63)
			}
		}
		return
	}
	for i, v := range unsafe.Slice((*uint32)(p), n) {
		if v&(0xff<<23) == 0 {
			unsafe.Slice((*uint32)(p), n)[i] = v & (1 << 31)
		}
	}
}

func (w *loopWorker) isInput(p unsafe.Pointer) bool {
	for k := range w.inBase {
		if w.reg[k] == p {
			return true
		}
	}
	return false
}

// checkDivisor runs the code before the integer division i to see its divisors.
func (w *loopWorker) checkDivisor(i, n int) error {
	for k := range i {
		c := &w.x.calls[k]
		c.fn(w.buf[c.dst], w.reg[c.a], w.reg[c.b], w.reg[c.c], n)
	}
	c := w.x.l.Code[i]
	if elem.HasZero(c.Type, w.reg[c.B], n) {
		return &microError{i, ErrDivideByZero}
	}
	return nil
}

func bitsAt(p unsafe.Pointer, size int) uint64 { return dtype.Load(p, size) }

// splat fills a block with one element.
func splat(p unsafe.Pointer, bits uint64, size int) {
	switch size {
	case 8:
		for i, s := 0, unsafe.Slice((*uint64)(p), lanes); i < lanes; i++ {
			s[i] = bits
		}
	case 4:
		for i, s := 0, unsafe.Slice((*uint32)(p), lanes); i < lanes; i++ {
			s[i] = uint32(bits)
		}
	default:
		for i, s := 0, unsafe.Slice((*byte)(p), lanes); i < lanes; i++ {
			s[i] = byte(bits)
		}
	}
}

// watchBlock runs one block instruction by instruction and reports those that make a NaN from
// operands without one at the same element.
func (w *loopWorker) watchBlock(n int) {
	fresh := w.fresh[:n]
	for i := range w.x.calls {
		c, op := &w.x.calls[i], w.x.l.Code[i]
		ops := op.Operands()
		// The operands may be overwritten by the result, so they are looked at first.
		for j := range fresh {
			fresh[j] = true
			for o := range op.Op.Arity() {
				d := op.OperandType(o)
				fresh[j] = fresh[j] && !w.x.m.isNaN(unsafe.Add(w.reg[ops[o]], j*d.Size()), d, 1)
			}
		}
		w.call(i, w.buf[c.dst], n)
		d := op.Result()
		for j, f := range fresh {
			if f && w.x.m.isNaN(unsafe.Add(w.buf[op.Dst], j*d.Size()), d, 1) {
				w.x.firstNaN = min(w.x.firstNaN, i)
			}
		}
	}
}
