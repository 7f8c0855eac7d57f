package main

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// Registers of a tile. rowMultiples hold the odd multiples 1, 3, 5, … of A's row stride, from which every row up to 13 is reached by one address.
var (
	regTile      = reg.RDI
	regA         = reg.RSI
	regAStep     = reg.RAX
	regB         = reg.RDX
	regBStep     = reg.RBX
	regK         = reg.RCX
	regC         = reg.R14
	rowMultiples = []reg.GPPhysical{reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13, reg.R15}
)

// rowA returns the address of the element of row r.
func rowA(r int) operand.Mem {
	m := operand.Mem{Base: regA}
	if r == 0 {
		return m
	}
	scale := 1
	for r%2 == 0 {
		r, scale = r/2, 2*scale
	}
	m.Index, m.Scale = rowMultiples[r/2], uint8(scale)
	return m
}

// prefetchFrom is the length of chains from which C is fetched ahead: for shorter ones it costs more than it gives.
const prefetchFrom = 48

// tile emits the micro-kernel of a number of rows and vectors of columns. Accumulators are the first vector registers, then come a row of B and
// the elements of A. In an indexed one a table has the Term of each k.
func (w *writer) tile(rows, vectors int, indexed bool) {
	w.Function(tileName(w.isa, w.element, rows, vectors, indexed))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(t *byte)")
	w.Load(w.Param("t"), regTile)
	acc := func(r, v int) reg.Register { return w.vec(r*vectors + v) }
	b := func(v int) reg.Register { return w.vec(rows*vectors + v) }
	firstA := rows*vectors + vectors
	spare := w.registers - firstA
	if !w.wide() {
		spare-- // the mask
	}
	spare = min(spare, 4)
	eachC := func(f func(r, v int, at operand.Mem, last bool)) {
		w.emit("MOVQ", mem(regTile, tile.c), reg.RSI)
		w.emit("MOVQ", mem(regTile, tile.cRow), reg.R8)
		for r := range rows {
			for v := range vectors {
				f(r, v, mem(reg.RSI, v*w.bytes), v == vectors-1)
			}
			if r < rows-1 {
				w.emit("ADDQ", reg.R8, reg.RSI)
			}
		}
	}
	w.last = mem(regTile, tile.last)
	w.emit("MOVQ", mem(regTile, tile.last), reg.RAX)
	w.loadMask(reg.RAX, reg.RBX)
	w.flush(mem(regTile, tile.flush), false) // first, since what follows waits for it
	w.emit("MOVQ", mem(regTile, tile.k), regK)
	w.emit("CMPQ", mem(regTile, tile.mode), operand.I8(asm.Continue))
	w.emit("JEQ", operand.LabelRef("continue"))
	for i := range rows * vectors {
		w.zero(w.vec(i))
	}
	if vectors == 1 {
		w.emit("CMPQ", regK, operand.I8(prefetchFrom))
		w.emit("JLT", operand.LabelRef("start"))
		eachC(func(r, v int, at operand.Mem, last bool) { w.emit("PREFETCHT1", at) })
	}
	w.emit("JMP", operand.LabelRef("start"))
	w.Label("continue")
	eachC(func(r, v int, at operand.Mem, last bool) { w.load(at, last, acc(r, v)) })
	w.Label("start")
	if !indexed {
		w.emit("MOVQ", mem(regTile, tile.a), regA)
		w.emit("MOVQ", mem(regTile, tile.aStep), regAStep)
	}
	w.emit("MOVQ", mem(regTile, tile.b), regB)
	w.emit("MOVQ", mem(regTile, tile.bStep), regBStep)
	if rows > 1 {
		w.emit("MOVQ", mem(regTile, tile.aRow), rowMultiples[0])
	}
	for i := 1; 2*i+1 < rows; i++ {
		w.emit("LEAQ", operand.Mem{Base: rowMultiples[i-1], Index: rowMultiples[0], Scale: 2}, rowMultiples[i])
	}
	ahead := false
	step := func() {
		row := operand.Mem{Base: regB}
		if indexed {
			row.Index, row.Scale = regAStep, 1
			w.emit("MOVQ", mem(regBStep, int(unsafe.Offsetof(asm.Term{}.B))), regAStep)
			w.emit("MOVQ", mem(regBStep, int(unsafe.Offsetof(asm.Term{}.A))), regA)
			w.emit("ADDQ", mem(regTile, tile.a), regA)
		}
		for v := range vectors {
			row.Disp = v * w.bytes
			w.load(row, v == vectors-1, b(v))
			if ahead && row.Disp%64 == 0 {
				w.emit("PREFETCHT0", operand.Mem{Base: regB, Index: regC, Scale: 1, Disp: row.Disp})
			}
			if row.Disp += vectors * w.bytes; vectors > 2 && !indexed && row.Disp%64 == 0 {
				w.emit("PREFETCHT0", row) // B is read once, from far away: the next tile's columns
			}
		}
		for r := range rows {
			a := w.vec(firstA + r%spare)
			w.emit(w.broadcast, rowA(r), a)
			for v := range vectors {
				w.emit("VFMADD231P"+w.suffix, b(v), a, acc(r, v))
			}
		}
		if indexed {
			w.emit("ADDQ", operand.U8(uint8(unsafe.Sizeof(asm.Term{}))), regBStep)
		} else {
			w.emit("ADDQ", regAStep, regA)
			w.emit("ADDQ", regBStep, regB)
		}
	}
	if vectors > 1 {
		w.fetchC(rows, vectors, step)
	}
	if ahead = vectors == 2 && !indexed; ahead {
		w.emit("MOVQ", mem(regTile, tile.ahead), regC)
	}
	w.emit("SUBQ", operand.I8(2), regK)
	w.emit("JLT", operand.LabelRef("odd"))
	w.Label("pair")
	step()
	step()
	w.emit("SUBQ", operand.I8(2), regK)
	w.emit("JGE", operand.LabelRef("pair"))
	w.Label("odd")
	w.emit("CMPQ", regK, operand.I8(-1))
	w.emit("JNE", operand.LabelRef("done"))
	step()
	w.Label("done")
	w.emit("CMPQ", mem(regTile, tile.mode), operand.I8(asm.Add))
	w.emit("JNE", operand.LabelRef("store"))
	eachC(func(r, v int, at operand.Mem, last bool) { w.addMemory(at, last, w.vec(firstA), acc(r, v)) })
	w.Label("store")
	eachC(func(r, v int, at operand.Mem, last bool) { w.store(acc(r, v), last, at) })
	w.flush(mem(regTile, tile.flush), true)
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// fetchC emits the first terms of a tile, each of which also fetches the lines of a row of C: many of them at once would keep those of A and B waiting. They do not go into the first-level cache, since rows
// may lie at a distance at which more of them than it has ways meet in one set.
func (w *writer) fetchC(rows, vectors int, step func()) {
	w.emit("CMPQ", mem(regTile, tile.mode), operand.I8(asm.Continue))
	w.emit("JEQ", operand.LabelRef("fetched"))
	w.emit("CMPQ", regK, operand.I8(prefetchFrom))
	w.emit("JLT", operand.LabelRef("fetched"))
	w.emit("MOVQ", mem(regTile, tile.c), regC)
	w.emit("SUBQ", operand.I8(rows), regK)
	w.emit("MOVQ", regK, mem(regTile, tile.left))
	w.emit("ADDQ", operand.I8(rows), regK)
	w.Label("fetch")
	step()
	for at := 0; at < vectors*w.bytes; at += 64 {
		w.emit("PREFETCHT1", mem(regC, at))
	}
	w.emit("PREFETCHT1", mem(regC, vectors*w.bytes-1))
	w.emit("ADDQ", mem(regTile, tile.cRow), regC)
	w.emit("DECQ", regK)
	w.emit("CMPQ", regK, mem(regTile, tile.left))
	w.emit("JGT", operand.LabelRef("fetch"))
	w.Label("fetched")
}
