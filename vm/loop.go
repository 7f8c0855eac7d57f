package vm

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
)

const lanes = micro.BlockLanes

// loop runs OpLoop in blocks of up to 512 elements of the innermost dimension: each micro-instruction is one
// call of a block kernel over buffers that stay in L1.
type loop struct {
	l       *micro.Loop
	dims    []int   // collapsed, innermost last
	in      [][]int // element strides by collapsed dimension
	out     [][]int
	redDims int // collapsed dimensions that are reduced
	inPtr   []unsafe.Pointer
	outPtr  []unsafe.Pointer

	reg   []unsafe.Pointer // where each register's block lies now
	buf   []unsafe.Pointer // the buffer of each register
	mem   []byte
	calls []blockCall
	bad   []int32 // indices of integer divisions, which can trap

	index []int
	red   reducer

	watch    func(instr int) // called for each instruction that makes a NaN; nil: not watching
	firstNaN int
}

type blockCall struct {
	fn           kernel.Block
	dst, a, b, c uint32
}

func newLoop(instr *Instr) *loop {
	l := instr.Loop
	x := &loop{l: l, inPtr: make([]unsafe.Pointer, len(l.In)), outPtr: make([]unsafe.Pointer, len(l.Out))}
	x.collapse()
	nreg := len(l.In) + len(l.Consts) + l.Temps
	x.reg = make([]unsafe.Pointer, nreg)
	x.buf = make([]unsafe.Pointer, nreg)
	x.mem = alignedBytes(int64(nreg) * lanes * 8)
	for r := range nreg {
		x.buf[r] = unsafe.Pointer(&x.mem[r*lanes*8])
		x.reg[r] = x.buf[r]
	}
	for k, c := range l.Consts {
		splat(x.buf[len(l.In)+k], c.Bits, c.Type.Size())
	}
	level := kernel.DetectLevel()
	for i, c := range l.Code {
		x.calls = append(x.calls, blockCall{kernel.BlockKernel(c.Op, c.Type, c.To, level), c.Dst, c.A, c.B, c.C})
		if c.Type.IsInt() && divides(c.Op) {
			x.bad = append(x.bad, int32(i))
		}
	}
	x.index = make([]int, len(x.dims))
	if l.Reduce != micro.NoReduce {
		x.red.init(l.Reduce, l.Out[len(l.Out)-1].Type, level)
	}
	return x
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
	if len(x.dims) == 0 {
		x.dims = []int{1}
		for a := range strides {
			strides[a] = []int{1}
		}
		if l.ReduceDims > 0 {
			x.redDims = 1
		}
	} else if l.ReduceDims > 0 && x.redDims == 0 {
		// Runs of one element.
		x.dims, x.redDims = append(x.dims, 1), 1
		for a := range strides {
			strides[a] = append(strides[a], 0)
		}
	}
	copy(x.in, strides)
	copy(x.out, strides[len(l.In):])
}

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

func (x *loop) setPointer(k int, p unsafe.Pointer) {
	if k < len(x.inPtr) {
		x.inPtr[k] = p
	} else {
		x.outPtr[k-len(x.inPtr)] = p
	}
}

func (x *loop) run(*Machine) error {
	clear(x.index)
	inner := len(x.dims) - 1
	n := x.dims[inner]
	results := 0 // finished reductions
	for {
		for k := range x.in {
			x.broadcast(k, inner)
		}
		for at := 0; at < n; at += lanes {
			if err := x.block(at, min(lanes, n-at)); err != nil {
				return err
			}
		}
		d := inner - 1
		for ; d >= 0; d-- {
			x.index[d]++
			if x.index[d] < x.dims[d] {
				break
			}
			x.index[d] = 0
		}
		// All reduced dimensions have wrapped around: one result is complete.
		if x.redDims > 0 && d < len(x.dims)-x.redDims {
			x.red.store(x.outPtr[len(x.outPtr)-1], results)
			results++
		}
		if d < 0 {
			return nil
		}
	}
}

// offset is the element offset of the current outer index.
func (x *loop) offset(strides []int) int {
	off := 0
	for d, i := range x.index[:len(x.index)-1] {
		off += i * strides[d]
	}
	return off
}

// broadcast fills the block of an input that does not move along the innermost dimension.
func (x *loop) broadcast(k, inner int) {
	if x.in[k][inner] != 0 {
		return
	}
	size := x.l.In[k].Type.Size()
	p := unsafe.Add(x.inPtr[k], x.offset(x.in[k])*size)
	var bits uint64
	switch size {
	case 8:
		bits = *(*uint64)(p)
	case 4:
		bits = uint64(*(*uint32)(p))
	default:
		bits = uint64(*(*byte)(p))
	}
	splat(x.buf[k], bits, size)
	x.reg[k] = x.buf[k]
}

// block runs n elements from position at of the innermost dimension.
func (x *loop) block(at, n int) error {
	l, inner := x.l, len(x.dims)-1
	for k, st := range x.in {
		size := l.In[k].Type.Size()
		switch st[inner] {
		case 0:
		case 1:
			x.reg[k] = unsafe.Add(x.inPtr[k], (x.offset(st)+at)*size)
		default:
			gather(x.buf[k], unsafe.Add(x.inPtr[k], (x.offset(st)+at*st[inner])*size), st[inner]*size, size, n)
			x.reg[k] = x.buf[k]
		}
	}
	for _, i := range x.bad {
		if err := x.checkDivisor(int(i), n); err != nil {
			return err
		}
	}
	if x.watch != nil {
		x.watchBlock(n)
	} else {
		for i := range x.calls {
			c := &x.calls[i]
			c.fn(x.reg[c.dst], x.reg[c.a], x.reg[c.b], x.reg[c.c], n)
		}
	}
	outs := len(x.out)
	if l.Reduce != micro.NoReduce {
		outs--
		x.red.add(x.reg[l.OutRegs[outs]], n)
	}
	for k := range outs {
		size := l.Out[k].Type.Size()
		p := unsafe.Add(x.outPtr[k], (x.offset(x.out[k])+at)*size)
		copy(unsafe.Slice((*byte)(p), n*size), unsafe.Slice((*byte)(x.reg[l.OutRegs[k]]), n*size))
	}
	return nil
}

// checkDivisor runs the code before the integer division i to see its divisors.
func (x *loop) checkDivisor(i, n int) error {
	for k := range i {
		c := &x.calls[k]
		c.fn(x.reg[c.dst], x.reg[c.a], x.reg[c.b], x.reg[c.c], n)
	}
	c := x.l.Code[i]
	for j := range n {
		zero := false
		if c.Type == dtype.Int64 {
			zero = *(*int64)(unsafe.Add(x.reg[c.B], j*8)) == 0
		} else {
			zero = *(*int32)(unsafe.Add(x.reg[c.B], j*4)) == 0
		}
		if zero {
			return &microError{i, ErrDivideByZero}
		}
	}
	return nil
}

// gather copies n elements that lie step bytes apart.
func gather(dst, src unsafe.Pointer, step, size, n int) {
	switch size {
	case 8:
		for i, s := 0, unsafe.Slice((*uint64)(dst), n); i < n; i++ {
			s[i] = *(*uint64)(unsafe.Add(src, i*step))
		}
	case 4:
		for i, s := 0, unsafe.Slice((*uint32)(dst), n); i < n; i++ {
			s[i] = *(*uint32)(unsafe.Add(src, i*step))
		}
	default:
		for i, s := 0, unsafe.Slice((*byte)(dst), n); i < n; i++ {
			s[i] = *(*byte)(unsafe.Add(src, i*step))
		}
	}
}

// reducer combines the elements of a run in the order that micro.Loop documents: blocks of 512 by a
// block kernel, then pairwise in a binary counter of partial results.
type reducer struct {
	kind   micro.ReduceKind
	typ    dtype.DType
	reduce func(unsafe.Pointer, int) uint64
	join   kernel.Block
	stage  []byte // a block that is not full yet
	filled int
	blocks uint64
	stack  [64]uint64
	pair   [3]uint64 // operands and result of combine, here so that they do not escape
}

func (r *reducer) init(kind micro.ReduceKind, t dtype.DType, level kernel.Level) {
	*r = reducer{kind: kind, typ: t, reduce: kernel.ReduceBlock(kind, t, level)}
	op := map[micro.ReduceKind]micro.Op{micro.ReduceSum: micro.Add, micro.ReduceProd: micro.Mul, micro.ReduceMax: micro.Max, micro.ReduceMin: micro.Min}[kind]
	r.join = kernel.BlockKernel(op, t, dtype.Invalid, kernel.Portable)
	r.stage = alignedBytes(lanes * 8)
}

// add takes n ≤ 512 more elements.
func (r *reducer) add(p unsafe.Pointer, n int) {
	if r.filled == 0 && n == lanes {
		r.push(r.reduce(p, n), 0)
		return
	}
	size := r.typ.Size()
	for n > 0 {
		k := min(n, lanes-r.filled)
		copy(r.stage[r.filled*size:(r.filled+k)*size], unsafe.Slice((*byte)(p), k*size))
		p, n = unsafe.Add(p, k*size), n-k
		if r.filled += k; r.filled == lanes {
			r.push(r.reduce(unsafe.Pointer(&r.stage[0]), lanes), 0)
			r.filled = 0
		}
	}
}

// push enters a partial result of 2^level blocks.
func (r *reducer) push(v uint64, level int) {
	for ; r.blocks>>level&1 != 0; level++ {
		v = r.combine(r.stack[level], v)
		r.blocks &^= 1 << level
	}
	r.stack[level] = v
	r.blocks |= 1 << level
}

func (r *reducer) combine(a, b uint64) uint64 {
	r.pair = [3]uint64{a, b, 0}
	r.join(unsafe.Pointer(&r.pair[2]), unsafe.Pointer(&r.pair[0]), unsafe.Pointer(&r.pair[1]), nil, 1)
	return r.pair[2]
}

// store ends a run and writes its result as element i.
func (r *reducer) store(out unsafe.Pointer, i int) {
	if r.filled > 0 {
		r.push(r.reduce(unsafe.Pointer(&r.stage[0]), r.filled), 0)
		r.filled = 0
	}
	var v uint64
	first := true
	for level := range 64 {
		if r.blocks>>level&1 == 0 {
			continue
		}
		if first {
			v, first = r.stack[level], false
		} else {
			v = r.combine(r.stack[level], v)
		}
	}
	r.blocks = 0
	if r.typ.Size() == 8 {
		*(*uint64)(unsafe.Add(out, i*8)) = v
	} else {
		*(*uint32)(unsafe.Add(out, i*4)) = uint32(v)
	}
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
