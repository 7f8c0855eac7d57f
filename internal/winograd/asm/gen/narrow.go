package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tilesOfVector is the number of tiles of a vector of AVX2. Of more, up to sixteen, the first eight are transformed, then the last eight: those in the middle are written twice, which costs less than
// stores under masks.
const tilesOfVector = 8

func y(i int) reg.Register {
	return [...]reg.Register{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

func low(r reg.Register) reg.Register { return r.(reg.VecPhysical).AsX() }

// Where the tables have the constants, eight of each, the numbers 0 … 15, and eight elements of ones before eight of zeros.
const (
	numbersAt = 4 * 32
	masksAt   = numbersAt + 64
)

// narrow emits the transforms for AVX2.
func (w *writer) narrow() {
	for i := range w.registers {
		switch {
		case i < 8:
			w.registers[i] = y(i)
		case i >= 14:
			w.registers[i] = y(i - 8)
		}
	}
	for i := range w.constants {
		w.constants[i] = mem(reg.R12, 32*i)
	}
	w.StaticGlobal("narrow")
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, bits := range []uint32{0x40000000, 0x40800000, 0x40a00000, 0x41000000} { // 2, 4, 5, 8
		for lane := range 8 {
			w.AddDatum(32*i+4*lane, operand.U32(bits))
		}
	}
	for i := range 16 {
		w.AddDatum(numbersAt+4*i, operand.U32(i))
	}
	for i := range 16 {
		w.AddDatum(masksAt+4*i, operand.U32([]uint32{1<<32 - 1, 0}[i/8]))
	}
	w.narrowPlane("Input", 6, w.input)
	w.narrowPlane("Adjoint", 4, w.adjoint)
	w.narrowOutput()
}

// beginNarrow loads the fields: SI, R8, R10, R9, DX and R13 are From, FromStep, To, ToStep, Work and Tiles. BX is six times a step.
func (w *writer) beginNarrow(name string, step reg.GPPhysical) {
	w.Function(name + "AVX2")
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(m *byte)")
	w.Load(w.Param("m"), reg.RDI)
	w.emit("LEAQ", operand.NewDataAddr(operand.NewStaticSymbol("narrow"), 0), reg.R12)
	for _, f := range []struct {
		at uintptr
		to reg.Register
	}{{unsafe.Offsetof(move.From), reg.RSI}, {unsafe.Offsetof(move.FromStep), reg.R8}, {unsafe.Offsetof(move.To), reg.R10}, {unsafe.Offsetof(move.ToStep), reg.R9}, {unsafe.Offsetof(move.Work), reg.RDX}, {unsafe.Offsetof(move.Tiles), reg.R13}} {
		w.emit("MOVQ", mem(reg.RDI, int(f.at)), f.to)
	}
	w.emit("LEAQ", operand.Mem{Base: step, Index: step, Scale: 2}, reg.RBX)
	w.emit("SHLQ", operand.U8(1), reg.RBX)
}

// endNarrow goes on at label vector with the last eight tiles if there are some that were not among the first eight: From and To are moved by so many bytes for each tile.
func (w *writer) endNarrow(from, to uint8, more func()) {
	w.emit("SUBQ", operand.U8(tilesOfVector), reg.R13)
	w.emit("JLE", operand.LabelRef("end"))
	for _, p := range []struct {
		at    reg.GPPhysical
		bytes uint8
	}{{reg.RSI, from}, {reg.R10, to}} {
		w.emit("MOVQ", reg.R13, reg.RAX)
		w.emit("SHLQ", operand.U8(p.bytes), reg.RAX)
		w.emit("ADDQ", reg.RAX, p.at)
	}
	more()
	w.emit("MOVQ", operand.U32(tilesOfVector), reg.R13)
	w.emit("JMP", operand.LabelRef("vector"))
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// transposeFours emits the transposition of four registers within 16 bytes; spare registers are four others.
func (w *writer) transposeFours(x, spare, to []reg.Register) {
	w.emit("VUNPCKLPS", x[1], x[0], spare[0])
	w.emit("VUNPCKLPS", x[3], x[2], spare[1])
	w.emit("VUNPCKHPS", x[1], x[0], spare[2])
	w.emit("VUNPCKHPS", x[3], x[2], spare[3])
	for i := range 2 {
		w.emit("VUNPCKLPD", spare[2*i+1], spare[2*i], to[2*i])
		w.emit("VUNPCKHPD", spare[2*i+1], spare[2*i], to[2*i+1])
	}
}

// narrowPlane is plane for AVX2.
func (w *writer) narrowPlane(name string, rows int, transform func() []reg.Register) {
	w.beginNarrow(name, reg.R9)
	w.Label("vector")
	w.emit("MOVQ", reg.RSI, reg.RAX)
	w.emit("MOVQ", reg.RDX, reg.RCX)
	w.emit("MOVQ", operand.U32(rows), reg.R11)
	w.Label("row")
	// Registers 6 … 10 have tiles i and i+4: transposed, columns 0 … 3 of eight tiles. Columns 4 and 5 are 0 and 1 of the next tile, of which nothing else may be there.
	tiles := []reg.Register{y(6), y(7), y(8), y(9), y(10)}
	for i, v := range tiles[:4] {
		w.emit("VMOVUPS", mem(reg.RAX, 16*i), low(v))
		w.emit("VINSERTF128", operand.U8(1), mem(reg.RAX, 16*(i+4)), v, v)
	}
	w.transposeFours(tiles, []reg.Register{y(11), y(12), y(13), y(14)}, w.registers[:4])
	if rows == 6 {
		w.emit("VMOVUPS", mem(reg.RAX, 16*4), low(tiles[4]))
		w.emit("VMOVSD", mem(reg.RAX, 16*8), low(y(11)))
		w.emit("VINSERTF128", operand.U8(1), low(y(11)), tiles[4], tiles[4])
		w.emit("VUNPCKLPS", tiles[2], tiles[1], y(12))
		w.emit("VUNPCKLPS", tiles[4], tiles[3], y(13))
		w.emit("VUNPCKLPD", y(13), y(12), w.registers[4])
		w.emit("VUNPCKHPD", y(13), y(12), w.registers[5])
	}
	for c, v := range transform() {
		w.emit("VMOVUPS", v, mem(reg.RCX, 32*c))
	}
	w.emit("ADDQ", reg.R8, reg.RAX)
	w.emit("ADDQ", operand.U32(32*6), reg.RCX)
	w.emit("DECQ", reg.R11)
	w.emit("JNZ", operand.LabelRef("row"))

	w.emit("MOVQ", reg.RDX, reg.RAX)
	w.emit("MOVQ", reg.R10, reg.R15)
	w.emit("MOVQ", operand.U32(6), reg.RDI)
	// Fewer than eight tiles are stored as the first four, two or one, and as many of the last ones.
	for _, part := range []int{8, 4, 2, 1} {
		next := fmt.Sprintf("below%d", part)
		column := fmt.Sprintf("column%d", part)
		if part > 1 {
			w.emit("CMPQ", reg.R13, operand.U8(uint8(part)))
			w.emit("JLT", operand.LabelRef(next))
		}
		numbers, lasts := y(14), y(15)
		twice := part == 4 || part == 2
		if twice {
			w.emit("LEAQ", operand.Mem{Base: reg.R13, Disp: -part}, reg.R11)
			w.emit("VMOVUPS", operand.Mem{Base: reg.R12, Disp: numbersAt, Index: reg.R11, Scale: 4}, numbers)
		}
		w.Label(column)
		for r := range rows {
			w.emit("VMOVUPS", mem(reg.RAX, 32*6*r), w.registers[r])
		}
		w.emit("MOVQ", reg.R15, reg.RCX)
		for _, v := range transform() {
			store, of := map[int]string{8: "VMOVUPS", 4: "VMOVUPS", 2: "VMOVSD", 1: "VMOVSS"}[part], func(r reg.Register) reg.Register { return r }
			if part < 8 {
				of = low
			}
			w.emit(store, of(v), mem(reg.RCX, 0))
			if twice {
				w.emit("VPERMPS", v, numbers, lasts)
				w.emit(store, of(lasts), operand.Mem{Base: reg.RCX, Index: reg.R11, Scale: 4})
			}
			w.emit("ADDQ", reg.RBX, reg.RCX)
		}
		w.emit("ADDQ", reg.R9, reg.R15)
		w.emit("ADDQ", operand.U8(32), reg.RAX)
		w.emit("DECQ", reg.RDI)
		w.emit("JNZ", operand.LabelRef(column))
		if part > 1 {
			w.emit("JMP", operand.LabelRef("stored"))
			w.Label(next)
		}
	}
	w.Label("stored")
	w.endNarrow(4, 2, func() {})
}

// narrowOutput is output for AVX2.
func (w *writer) narrowOutput() {
	w.beginNarrow("Output", reg.R8)
	cols := reg.R15 // that are stored
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Cols))), cols)
	w.Label("vector")
	mask := y(15)
	w.emit("MOVQ", operand.U32(tilesOfVector), reg.RAX)
	w.emit("CMPQ", reg.R13, reg.RAX)
	w.emit("CMOVQLT", reg.R13, reg.RAX)
	w.emit("NEGQ", reg.RAX)
	w.emit("VMOVUPS", operand.Mem{Base: reg.R12, Disp: masksAt + 32, Index: reg.RAX, Scale: 4}, mask)
	x := [6]reg.Register{y(8), y(9), y(10), y(11), y(12), y(13)}
	out := [4]reg.Register{y(0), y(1), y(2), y(3)}
	w.emit("MOVQ", reg.RSI, reg.R11)
	for c := range 6 {
		w.emit("MOVQ", reg.R11, reg.RAX)
		for r := range 6 {
			w.emit("VMASKMOVPS", mem(reg.RAX, 0), mask, x[r])
			if r < 5 {
				w.emit("ADDQ", reg.RBX, reg.RAX)
			}
		}
		w.result(x, out)
		for r, v := range out {
			w.emit("VMOVUPS", v, mem(reg.RDX, 32*(6*r+c)))
		}
		w.emit("ADDQ", reg.R8, reg.R11)
	}
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Rows))), reg.RCX)
	w.emit("MOVQ", reg.RDX, reg.R11)
	w.emit("MOVQ", reg.R10, reg.RAX)
	w.Label("row")
	for c := range 6 {
		w.emit("VMOVUPS", mem(reg.R11, 32*c), x[c])
	}
	w.result(x, out)
	// Tiles i and i+4 are in register i.
	tiles := []reg.Register{y(4), y(5), y(6), y(7)}
	w.transposeFours(out[:], []reg.Register{x[0], x[1], x[2], x[3]}, tiles)
	w.emit("CMPQ", cols, operand.U8(4*tilesOfVector))
	w.emit("JLT", operand.LabelRef("part"))
	for i := range 4 {
		w.emit("VPERM2F128", operand.U8([]uint8{0x20, 0x31}[i/2]), tiles[2*(i%2)+1], tiles[2*(i%2)], out[i])
		w.emit("VMOVUPS", out[i], mem(reg.RAX, 32*i))
	}
	w.Label("next")
	w.emit("ADDQ", reg.R9, reg.RAX)
	w.emit("ADDQ", operand.U32(32*6), reg.R11)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("row"))
	w.emit("JMP", operand.LabelRef("stored"))
	// Tile by tile; the last one may be narrower.
	w.Label("part")
	w.emit("MOVQ", cols, reg.RDI)
	w.emit("MOVQ", reg.RAX, reg.RSI)
	tile := low(out[0])
	for i := range tilesOfVector {
		if i < 4 {
			w.emit("VMOVAPS", low(tiles[i]), tile)
		} else {
			w.emit("VEXTRACTF128", operand.U8(1), tiles[i-4], tile)
		}
		w.emit("SUBQ", operand.U8(4), reg.RDI)
		w.emit("JLT", operand.LabelRef("narrower"))
		w.emit("VMOVUPS", tile, mem(reg.RSI, 0))
		w.emit("ADDQ", operand.U8(16), reg.RSI)
	}
	w.emit("JMP", operand.LabelRef("next"))
	w.Label("narrower")
	w.emit("TESTQ", operand.U32(2), reg.RDI)
	w.emit("JZ", operand.LabelRef("one"))
	w.emit("VMOVSD", tile, mem(reg.RSI, 0))
	w.emit("VPSRLDQ", operand.U8(8), tile, tile)
	w.emit("ADDQ", operand.U8(8), reg.RSI)
	w.Label("one")
	w.emit("TESTQ", operand.U32(1), reg.RDI)
	w.emit("JZ", operand.LabelRef("next"))
	w.emit("VMOVSS", tile, mem(reg.RSI, 0))
	w.emit("JMP", operand.LabelRef("next"))
	w.Label("stored")
	w.endNarrow(2, 4, func() {
		w.emit("SHLQ", operand.U8(2), reg.R13)
		w.emit("SUBQ", reg.R13, cols)
	})
}
