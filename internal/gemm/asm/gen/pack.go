package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns emits the packing of two vectors of columns of rows of B.
func (w *writer) columns() {
	w.Function("Columns" + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(c *byte)")
	w.Load(w.Param("c"), reg.RDI)
	w.emit("MOVQ", mem(reg.RDI, cols.last), reg.RAX)
	w.loadMask(reg.RAX, reg.RBX)
	w.emit("MOVQ", mem(reg.RDI, cols.from), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, cols.step), reg.R8)
	w.emit("MOVQ", mem(reg.RDI, cols.k), reg.RCX)
	w.emit("MOVQ", mem(reg.RDI, cols.row), reg.R9)
	w.emit("MOVQ", mem(reg.RDI, cols.to), reg.RDI)
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	w.Label("row")
	w.load(mem(reg.RSI, 0), false, w.vec(0))
	w.load(mem(reg.RSI, w.bytes), true, w.vec(1))
	w.store(w.vec(0), false, mem(reg.RDI, 0))
	w.store(w.vec(1), false, mem(reg.RDI, w.bytes))
	w.emit("ADDQ", reg.R8, reg.RSI)
	w.emit("ADDQ", reg.R9, reg.RDI)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("row"))
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// transposed emits the packing of a vector of columns that are contiguous: 16 bytes of each at a time, of which registers are
// put together so that transposing within 16-byte lanes is enough.
func (w *writer) transposed() {
	w.Function("Transposed" + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(c *byte)")
	w.Load(w.Param("c"), reg.RDI)
	group := 16 / w.size // columns that are transposed together, and rows that come out
	w.emit("MOVQ", mem(reg.RDI, cols.from), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, cols.step), reg.RAX)
	w.emit("MOVQ", mem(reg.RDI, cols.k), reg.RCX)
	w.emit("MOVQ", mem(reg.RDI, cols.row), reg.R9)
	w.emit("MOVQ", mem(reg.RDI, cols.to), reg.RDI)
	column := []reg.GPPhysical{reg.RSI, reg.R8, reg.R10, reg.R11}[:group]
	for i := 1; i < group; i++ {
		w.emit("LEAQ", operand.Mem{Base: column[i-1], Index: reg.RAX, Scale: 1}, column[i])
	}
	w.emit("IMUL3Q", operand.U8(uint8(group)), reg.RAX, reg.R12) // from lane to lane
	if w.wide() {
		w.emit("LEAQ", operand.Mem{Base: reg.R12, Index: reg.R12, Scale: 2}, reg.R13)
	}
	w.emit("LEAQ", operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.RBX)
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	w.Label("rows")
	for i, c := range column {
		r := w.vec(i)
		x := low128(r)
		w.emit("VMOVUPS", operand.Mem{Base: c}, x)
		if w.wide() {
			w.emit("VINSERTF32X4", operand.U8(1), operand.Mem{Base: c, Index: reg.R12, Scale: 1}, r, r)
			w.emit("VINSERTF32X4", operand.U8(2), operand.Mem{Base: c, Index: reg.R12, Scale: 2}, r, r)
			w.emit("VINSERTF32X4", operand.U8(3), operand.Mem{Base: c, Index: reg.R13, Scale: 1}, r, r)
		} else {
			w.emit("VINSERTF128", operand.U8(1), operand.Mem{Base: c, Index: reg.R12, Scale: 1}, r, r)
		}
		w.emit("ADDQ", operand.U8(16), c)
	}
	var out []reg.Register
	if group == 2 {
		w.emit("VUNPCKLPD", w.vec(1), w.vec(0), w.vec(2))
		w.emit("VUNPCKHPD", w.vec(1), w.vec(0), w.vec(3))
		out = []reg.Register{w.vec(2), w.vec(3)}
	} else {
		w.emit("VUNPCKLPS", w.vec(1), w.vec(0), w.vec(4))
		w.emit("VUNPCKHPS", w.vec(1), w.vec(0), w.vec(5))
		w.emit("VUNPCKLPS", w.vec(3), w.vec(2), w.vec(6))
		w.emit("VUNPCKHPS", w.vec(3), w.vec(2), w.vec(7))
		w.emit("VUNPCKLPD", w.vec(6), w.vec(4), w.vec(0))
		w.emit("VUNPCKHPD", w.vec(6), w.vec(4), w.vec(1))
		w.emit("VUNPCKLPD", w.vec(7), w.vec(5), w.vec(2))
		w.emit("VUNPCKHPD", w.vec(7), w.vec(5), w.vec(3))
		out = []reg.Register{w.vec(0), w.vec(1), w.vec(2), w.vec(3)}
	}
	for i, r := range out {
		to := operand.Mem{Base: reg.RDI}
		switch i {
		case 1, 2:
			to.Index, to.Scale = reg.R9, uint8(i)
		case 3:
			to.Index, to.Scale = reg.RBX, 1
		}
		w.store(r, false, to)
	}
	w.emit("LEAQ", operand.Mem{Base: reg.RDI, Index: reg.R9, Scale: uint8(group)}, reg.RDI)
	w.emit("SUBQ", operand.U8(uint8(group)), reg.RCX)
	w.emit("JNZ", operand.LabelRef("rows"))
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
}
