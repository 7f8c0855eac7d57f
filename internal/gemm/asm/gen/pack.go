package main

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// copiedAhead is how far ahead rows are fetched that are copied side by side: some panels.
const copiedAhead = 256

// columns emits the packing of one or two vectors of columns of rows of B, of which the last is narrower. With AVX2 no mask is needed: parts of a row that overlap are copied instead, since stores under a
// mask take some processors ten times as long.
func (w *writer) columns(name string, vectors int) {
	w.Function(name + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(c *byte)")
	w.Load(w.Param("c"), reg.RDI)
	w.emit("MOVQ", mem(reg.RDI, cols.last), reg.RAX)
	if w.wide() {
		w.loadMask(reg.RAX, reg.RBX)
	}
	w.emit("MOVQ", mem(reg.RDI, cols.from), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, cols.step), reg.R8)
	w.emit("MOVQ", mem(reg.RDI, cols.k), reg.RCX)
	w.emit("MOVQ", mem(reg.RDI, cols.row), reg.R9)
	w.emit("MOVQ", mem(reg.RDI, cols.to), reg.RDI)
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	rows := func(label string, copyRow func()) {
		w.Label(label)
		if vectors > 1 {
			for at := 0; at < vectors*w.bytes; at += 64 {
				w.emit("PREFETCHT0", mem(reg.RSI, copiedAhead+at))
			}
		}
		copyRow()
		w.emit("ADDQ", reg.R8, reg.RSI)
		w.emit("ADDQ", reg.R9, reg.RDI)
		w.emit("DECQ", reg.RCX)
		w.emit("JNZ", operand.LabelRef(label))
	}
	if w.wide() {
		rows("row", func() {
			for i := range vectors {
				w.load(mem(reg.RSI, i*w.bytes), i == vectors-1, w.vec(i))
			}
			for i := range vectors {
				w.store(w.vec(i), i == vectors-1, mem(reg.RDI, i*w.bytes))
			}
		})
	} else {
		w.emit("SHLQ", operand.U8(bits.TrailingZeros(uint(w.size))), reg.RAX) // bytes
		for bytes := w.bytes; bytes >= w.size; bytes /= 2 {
			label, next := fmt.Sprintf("row%d", bytes), fmt.Sprintf("below%d", bytes)
			move, part := map[int]string{4: "VMOVSS", 8: "VMOVSD", 16: "VMOVUPS", 32: "VMOVUPS"}[bytes], w.vec
			if bytes < w.bytes {
				part = func(i int) reg.Register { return low128(w.vec(i)) }
			}
			if vectors == 1 && bytes > w.size {
				w.emit("CMPQ", reg.RAX, operand.U8(uint8(bytes)))
				w.emit("JLT", operand.LabelRef(next))
			}
			// The first bytes of a row, and its last ones.
			last := operand.Mem{Index: reg.RAX, Scale: 1, Disp: (vectors-1)*w.bytes - bytes}
			rows(label, func() {
				from, to := last, last
				from.Base, to.Base = reg.RSI, reg.RDI
				w.emit(move, mem(reg.RSI, 0), part(0))
				w.emit(move, from, part(1))
				w.emit(move, part(0), mem(reg.RDI, 0))
				w.emit(move, part(1), to)
			})
			if vectors > 1 {
				break
			}
			if bytes > w.size {
				w.emit("JMP", operand.LabelRef("end"))
				w.Label(next)
			}
		}
	}
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// blocks emits the copying of blocks of lines.
func (w *writer) blocks() {
	w.Function("Blocks" + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(b *byte)")
	w.Load(w.Param("b"), reg.RDI)
	var b asm.Blocks
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	w.emit("MOVQ", at(unsafe.Offsetof(b.To)), reg.RDX)
	w.emit("MOVQ", at(unsafe.Offsetof(b.ToLine)), reg.R9)
	w.emit("MOVQ", at(unsafe.Offsetof(b.From)), reg.RSI)
	w.emit("MOVQ", at(unsafe.Offsetof(b.FromLine)), reg.R8)
	w.emit("MOVQ", at(unsafe.Offsetof(b.At)), reg.R10)
	w.emit("MOVQ", at(unsafe.Offsetof(b.Blocks)), reg.RCX)
	w.emit("MOVQ", at(unsafe.Offsetof(b.Last)), reg.RAX)
	if w.wide() {
		w.loadMask(reg.RAX, reg.RBX)
	}
	from, to := operand.Mem{Base: reg.R12, Index: reg.RAX, Scale: 1}, operand.Mem{Base: reg.R13, Index: reg.RAX, Scale: 1}
	w.Label("block")
	w.emit("MOVQ", mem(reg.R10, 0), reg.R12)
	w.emit("ADDQ", reg.RSI, reg.R12)
	w.emit("ADDQ", operand.I8(8), reg.R10)
	w.emit("MOVQ", reg.RDX, reg.R13)
	w.emit("ADDQ", at(unsafe.Offsetof(b.ToBlock)), reg.RDX)
	w.emit("MOVQ", at(unsafe.Offsetof(b.Lines)), reg.R11)
	w.Label("line")
	w.emit("XORL", reg.EAX, reg.EAX)
	w.emit("MOVQ", at(unsafe.Offsetof(b.N)), reg.RBX)
	w.emit("TESTQ", reg.RBX, reg.RBX)
	w.emit("JZ", operand.LabelRef("last"))
	w.Label("whole")
	w.emit("VMOVUPS", from, w.vec(0))
	w.emit("VMOVUPS", w.vec(0), to)
	w.emit("ADDQ", operand.I8(int8(w.bytes)), reg.RAX)
	w.emit("DECQ", reg.RBX)
	w.emit("JNZ", operand.LabelRef("whole"))
	w.Label("last")
	if w.wide() {
		w.load(from, true, w.vec(1))
		w.store(w.vec(1), true, to)
	} else {
		w.emit("MOVQ", at(unsafe.Offsetof(b.Last)), reg.RAX)
		w.emit("VMOVUPS", from, w.vec(1))
		w.emit("VMOVUPS", w.vec(1), to)
	}
	w.emit("ADDQ", reg.R8, reg.R12)
	w.emit("ADDQ", reg.R9, reg.R13)
	w.emit("DECQ", reg.R11)
	w.emit("JNZ", operand.LabelRef("line"))
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("block"))
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// transposed emits the packing of a vector of columns that are contiguous: 16 bytes of each at a time, of which registers are
// put together so that transposing within 16-byte lanes is enough. With AVX-512 whole lines of the cache are taken at once as long as there are some: columns that lie a
// multiple of 4096 bytes apart drive each other's lines out.
func (w *writer) transposed() {
	w.Function("Transposed" + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(c *byte)")
	w.Load(w.Param("c"), reg.RDI)
	group := 16 / w.size // columns that are transposed together, and rows that come out
	w.emit("MOVQ", mem(reg.RDI, cols.k), reg.RCX)
	w.emit("MOVQ", mem(reg.RDI, cols.row), reg.R9)
	column := w.rowsOfLanes(mem(reg.RDI, cols.from), mem(reg.RDI, cols.step), group)
	w.emit("MOVQ", mem(reg.RDI, cols.to), reg.RDI)
	w.emit("LEAQ", operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.RBX)
	steps := []int{1}
	if w.wide() {
		steps = []int{4, 1}
	}
	for _, step := range steps {
		name := map[int]string{1: "rows", 4: "lines"}[step]
		w.emit("SUBQ", operand.U8(uint8(group*step)), reg.RCX)
		w.emit("JLT", operand.LabelRef("after_"+name))
		w.Label(name)
		for i, c := range column {
			for lane := range w.bytes / 16 {
				at := operand.Mem{Base: c}
				switch lane {
				case 1, 2:
					at.Index, at.Scale = reg.R12, uint8(lane)
				case 3:
					at.Index, at.Scale = reg.R13, 1
				}
				if step > 1 {
					ahead := at
					ahead.Disp = prefetchAhead
					w.emit("PREFETCHT0", ahead)
				}
				for s := range step {
					r := w.vec(s*group + i)
					at.Disp = 16 * s
					w.loadLane(at, lane, r)
				}
			}
			w.emit("ADDQ", operand.U8(uint8(16*step)), c)
		}
		for s := range step {
			in := make([]reg.Register, group)
			for i := range in {
				in[i] = w.vec(s*group + i)
			}
			w.transposeLanes(in, step*group)
			w.emit("LEAQ", operand.Mem{Base: reg.RDI, Index: reg.R9, Scale: uint8(group)}, reg.RDI)
		}
		w.emit("SUBQ", operand.U8(uint8(group*step)), reg.RCX)
		w.emit("JGE", operand.LabelRef(name))
		w.Label("after_" + name)
		w.emit("ADDQ", operand.U8(uint8(group*step)), reg.RCX)
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// prefetchAhead is how many bytes ahead a column is fetched.
const prefetchAhead = 512

// loadLane reads 16 bytes into a lane of a register; the first lane clears the others.
func (w *writer) loadLane(from operand.Mem, lane int, to reg.Register) {
	switch {
	case lane == 0:
		w.emit("VMOVUPS", from, low128(to))
	case w.wide():
		w.emit("VINSERTF32X4", operand.U8(uint8(lane)), from, to, to)
	default:
		w.emit("VINSERTF128", operand.U8(uint8(lane)), from, to, to)
	}
}

// transposeGroup transposes within 16-byte lanes and returns the rows that come out. Registers from spare on are free.
func (w *writer) transposeGroup(in []reg.Register, spare int) []reg.Register {
	tmp := func(i int) reg.Register { return w.vec(spare + i) }
	if len(in) == 2 {
		w.emit("VUNPCKLPD", in[1], in[0], tmp(0))
		w.emit("VUNPCKHPD", in[1], in[0], tmp(1))
		return []reg.Register{tmp(0), tmp(1)}
	}
	w.emit("VUNPCKLPS", in[1], in[0], tmp(0))
	w.emit("VUNPCKHPS", in[1], in[0], tmp(1))
	w.emit("VUNPCKLPS", in[3], in[2], tmp(2))
	w.emit("VUNPCKHPS", in[3], in[2], tmp(3))
	w.emit("VUNPCKLPD", tmp(2), tmp(0), in[0])
	w.emit("VUNPCKHPD", tmp(2), tmp(0), in[1])
	w.emit("VUNPCKLPD", tmp(3), tmp(1), in[2])
	w.emit("VUNPCKHPD", tmp(3), tmp(1), in[3])
	return in
}

// transposeLanes transposes within 16-byte lanes and stores the rows that come out. Registers from spare on are free.
func (w *writer) transposeLanes(in []reg.Register, spare int) {
	for i, r := range w.transposeGroup(in, spare) {
		to := operand.Mem{Base: reg.RDI}
		switch i {
		case 1, 2:
			to.Index, to.Scale = reg.R9, uint8(i)
		case 3:
			to.Index, to.Scale = reg.RBX, 1
		}
		w.store(r, false, to)
	}
}
