package vm

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// stageBytes is the size of the largest block.
const stageBytes = lanes * 8

// reducer combines the elements of a run in the order that micro.Loop documents: blocks of 512 by a
// block kernel, then pairwise in a binary counter of partial results.
type reducer struct {
	typ    dtype.DType
	reduce func(unsafe.Pointer, int) uint64
	join   elem.Block
	stage  []byte // a block that is not full yet
	filled int
	blocks uint64 // bit k: stack[k] holds the result of 2^k blocks
	stack  [64]uint64
	pair   [3]uint64 // operands and result of combine, here so that they do not escape
}

// init makes an empty reducer; add needs a stage of stageBytes.
func (r *reducer) init(kind micro.ReduceKind, t dtype.DType, stage []byte) {
	*r = reducer{
		typ: t, reduce: elem.ReduceBlock(kind, t, cpu.Best()),
		join:  elem.BlockKernel(kind.Op(), t, dtype.Invalid, cpu.Portable),
		stage: stage,
	}
}

// add takes n ≤ 512 more elements.
func (r *reducer) add(p unsafe.Pointer, n int) {
	if r.filled == 0 && n == lanes {
		r.push(r.reduce(p, n), 0)
		return
	}
	size := r.typ.Size()
	for rest := unsafe.Slice((*byte)(p), n*size); len(rest) > 0; {
		k := copy(r.stage[r.filled*size:lanes*size], rest)
		rest = rest[k:]
		if r.filled += k / size; r.filled == lanes {
			r.flush()
		}
	}
}

// flush ends a block.
func (r *reducer) flush() {
	if r.filled > 0 {
		r.push(r.reduce(unsafe.Pointer(&r.stage[0]), r.filled), 0)
		r.filled = 0
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

// append enters what another reducer holds, which comes after what r holds.
func (r *reducer) append(s *reducer) {
	for level := 63; level >= 0; level-- {
		if s.blocks>>level&1 != 0 {
			r.push(s.stack[level], level)
		}
	}
}

func (r *reducer) combine(a, b uint64) uint64 {
	r.pair = [3]uint64{a, b, 0}
	r.join(unsafe.Pointer(&r.pair[2]), unsafe.Pointer(&r.pair[0]), unsafe.Pointer(&r.pair[1]), nil, 1)
	return r.pair[2]
}

// take ends a run and returns its result.
func (r *reducer) take() uint64 {
	r.flush()
	var v uint64
	first := true
	for level := 0; r.blocks>>level != 0; level++ {
		switch {
		case r.blocks>>level&1 == 0:
		case first:
			v, first = r.stack[level], false
		default:
			v = r.combine(r.stack[level], v)
		}
	}
	r.blocks = 0
	return v
}

// store ends a run and writes its result as element i.
func (r *reducer) store(out unsafe.Pointer, i int) {
	v := r.take()
	if r.typ.Size() == 8 {
		*(*uint64)(unsafe.Add(out, i*8)) = v
	} else {
		*(*uint32)(unsafe.Add(out, i*4)) = uint32(v)
	}
}
