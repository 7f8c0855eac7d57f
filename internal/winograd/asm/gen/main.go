// Command gen writes the transforms of package asm with avo, for AVX-512 and AVX2.
//
//	go run ./internal/winograd/asm/gen
package main

import (
	"slices"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/asmgen"
	"github.com/adjoint-go/adjoint/internal/winograd/asm"
)

// files are what is written, and what emits it.
var files = map[string]func(w *writer){
	"transforms_avx512_amd64.s": func(w *writer) {
		for i := range w.registers {
			w.registers[i] = z(i)
		}
		w.constants = [4]operand.Op{two, four, five, eight}
		w.tables()
		w.plane("Input", 6, w.input)
		w.plane("Adjoint", 4, w.adjoint)
		w.output()
	},
	"transforms_avx2_amd64.s": (*writer).narrow,
}

const folder = "internal/winograd/asm"

func main() { asmgen.Main(folder, generate) }

// generate returns the text of each file.
func generate() (map[string][]byte, error) {
	texts := map[string][]byte{}
	for name, emit := range files {
		w := &writer{Context: build.NewContext()}
		emit(w)
		text, err := asmgen.Text(w.Context, folder)
		if err != nil {
			return nil, err
		}
		texts[name] = text
	}
	return texts, nil
}

type writer struct {
	*build.Context
	registers [22]reg.Register // of transforms: up to six they read, six from 14 on they write, and two they work in
	constants [4]operand.Op    // 2, 4, 5 and 8
}

func (w *writer) emit(name string, ops ...operand.Op) { asmgen.Emit(w.Context, name, ops...) }

func z(i int) reg.Register {
	return [...]reg.Register{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}[i]
}

func mem(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// Registers that stay: which elements of two vectors belong to which columns, and the constants 2, 4, 5 and 8.
var (
	first, second          = z(31), z(30)
	two, four, five, eight = z(29), z(28), z(27), z(26)
	move                   asm.Move
)

// tables are the indices of columns 0 and 1, and 2 and 3, of every four elements of two vectors, and the constants.
func (w *writer) tables() {
	w.StaticGlobal("tables")
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	at := 0
	for _, column := range []uint32{0, 1, 2, 3} {
		for tile := range uint32(8) {
			w.AddDatum(at, operand.U32(4*tile+column))
			at += 4
		}
	}
	for _, bits := range []uint32{0x40000000, 0x40800000, 0x40a00000, 0x41000000} { // 2, 4, 5, 8
		w.AddDatum(at, operand.U32(bits))
		at += 4
	}
}

func (w *writer) begin(name string) {
	w.Function(name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(m *byte)")
	w.Load(w.Param("m"), reg.RDI)
	w.emit("LEAQ", operand.NewDataAddr(operand.NewStaticSymbol("tables"), 0), reg.RAX)
	w.emit("VMOVDQU32", mem(reg.RAX, 0), first)
	w.emit("VMOVDQU32", mem(reg.RAX, 64), second)
	for i, r := range []reg.Register{two, four, five, eight} {
		w.emit("VBROADCASTSS", mem(reg.RAX, 128+4*i), r)
	}
	// K1: the tiles.
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Tiles))), reg.RAX)
	w.emit("MOVQ", operand.I32(-1), reg.RBX)
	w.emit("BZHIQ", reg.RAX, reg.RBX, reg.RBX)
	w.emit("KMOVW", reg.EBX, reg.K1)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.From))), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.FromStep))), reg.R8)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.To))), reg.R10)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.ToStep))), reg.R9)
}

// plane emits a transform of tiles of a plane of so many rows and columns to 6×6: first along rows, then along columns. transform takes registers 0 … rows−1 to six.
func (w *writer) plane(name string, rows int, transform func() []reg.Register) {
	w.begin(name + "AVX512")
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Work))), reg.RDX)
	for r := range rows {
		// Every fourth element of 64: vectors 8 and 9, 10 and 11 have the halves of columns 0 and 1, 2 and 3.
		for half := range 2 {
			for pair, index := range []reg.Register{first, second} {
				v := z(8 + 2*pair + half)
				w.emit("VMOVUPS", mem(reg.RSI, 128*half), v)
				w.emit("VPERMT2PS", mem(reg.RSI, 128*half+64), index, v)
			}
		}
		for pair := range 2 {
			lo, hi := z(8+2*pair), z(9+2*pair)
			w.emit("VINSERTF64X4", operand.U8(1), hi.(reg.VecPhysical).AsY(), lo, z(2*pair))
			w.emit("VSHUFF64X2", operand.U8(0xee), hi, lo, z(2*pair+1))
		}
		if rows == 6 { // columns 4 and 5 are 0 and 1 of the next tile
			for c := range 2 {
				w.emit("VMOVSS", mem(reg.RSI, 256+4*c), z(12).(reg.VecPhysical).AsX())
				w.emit("VALIGND", operand.U8(1), z(c), z(12), z(4+c))
			}
		}
		for c, v := range transform() {
			w.emit("VMOVUPS", v, mem(reg.RDX, 64*(6*r+c)))
		}
		w.emit("ADDQ", reg.R8, reg.RSI)
	}
	w.emit("LEAQ", operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.R8)
	w.emit("SHLQ", operand.U8(1), reg.R8) // six matrices on
	for c := range 6 {
		for r := range rows {
			w.emit("VMOVUPS", mem(reg.RDX, 64*(6*r+c)), z(r))
		}
		w.emit("MOVQ", reg.R10, reg.RCX)
		for _, v := range transform() {
			w.emit("VMOVUPS", v, reg.K1, mem(reg.RCX, 0))
			w.emit("ADDQ", reg.R8, reg.RCX)
		}
		w.emit("ADDQ", reg.R9, reg.R10)
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func (w *writer) copy(from, to reg.Register) { w.emit("VMOVAPS", from, to) }

// times emits acc + factor·x, and minus acc − factor·x, of a factor among 2, 4, 5 and 8.
func (w *writer) times(factor int, x, acc reg.Register) {
	w.emit("VFMADD231PS", w.factor(factor), x, acc)
}
func (w *writer) minus(factor int, x, acc reg.Register) {
	w.emit("VFNMADD231PS", w.factor(factor), x, acc)
}

func (w *writer) factor(factor int) operand.Op { return w.constants[slices.Index(factors, factor)] }

var factors = []int{2, 4, 5, 8}

func (w *writer) add(x, y, to reg.Register) { w.emit("VADDPS", y, x, to) }
func (w *writer) sub(x, y, to reg.Register) { w.emit("VSUBPS", y, x, to) }

// input emits Bᵀ·x.
func (w *writer) input() []reg.Register {
	x := w.registers[:6]
	y := w.registers[14:20]
	a, b := w.registers[20], w.registers[21]
	w.copy(x[4], y[0])
	w.minus(5, x[2], y[0])
	w.times(4, x[0], y[0])
	w.copy(x[5], y[5])
	w.minus(5, x[3], y[5])
	w.times(4, x[1], y[5])
	w.copy(x[4], a)
	w.minus(4, x[2], a)
	w.copy(x[3], b)
	w.minus(4, x[1], b)
	w.add(a, b, y[1])
	w.sub(a, b, y[2])
	w.sub(x[4], x[2], y[3])
	w.sub(x[3], x[1], b)
	w.copy(y[3], y[4])
	w.times(2, b, y[3])
	w.minus(2, b, y[4])
	return y
}

// adjoint emits A·x.
func (w *writer) adjoint() []reg.Register {
	x := w.registers[:4]
	y := w.registers[14:20]
	a, b := w.registers[20], w.registers[21]
	w.copy(x[0], y[0])
	w.copy(x[3], y[5])
	w.add(x[0], x[2], a)
	w.add(x[1], x[3], b)
	w.add(a, b, y[1])
	w.sub(a, b, y[2])
	w.copy(x[0], y[3])
	w.times(4, x[2], y[3])
	w.copy(x[1], b)
	w.times(4, x[3], b)
	w.copy(y[3], y[4])
	w.times(2, b, y[3])
	w.minus(2, b, y[4])
	return y
}

// result emits Aᵀ·x, of six registers, in four others; 4 … 7 are scratch.
func (w *writer) result(x [6]reg.Register, y [4]reg.Register) {
	p, q, u, v := w.registers[4], w.registers[5], w.registers[6], w.registers[7]
	w.add(x[1], x[2], p)
	w.sub(x[1], x[2], q)
	w.add(x[3], x[4], u)
	w.sub(x[3], x[4], v)
	w.add(x[0], p, y[0])
	w.add(y[0], u, y[0])
	w.copy(q, y[1])
	w.times(2, v, y[1])
	w.copy(p, y[2])
	w.times(4, u, y[2])
	w.copy(q, y[3])
	w.times(8, v, y[3])
	w.add(y[3], x[5], y[3])
}

// output emits the transform of 6×6 matrices to 4×4 elements of a plane: first along columns, then along rows.
func (w *writer) output() {
	w.begin("OutputAVX512")
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Work))), reg.RDX)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Rows))), reg.RCX)
	// K2 … K5: the columns that are stored of each 16.
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(move.Cols))), reg.RAX)
	w.emit("MOVQ", operand.I32(-1), reg.RBX)
	w.emit("BZHIQ", reg.RAX, reg.RBX, reg.RBX)
	masks := []reg.Register{reg.K2, reg.K3, reg.K4, reg.K5}
	for i, k := range masks {
		if i > 0 {
			w.emit("SHRQ", operand.U8(16), reg.RBX)
		}
		w.emit("KMOVW", reg.EBX, k)
	}
	// R11: six matrices on.
	w.emit("LEAQ", operand.Mem{Base: reg.R8, Index: reg.R8, Scale: 2}, reg.R11)
	w.emit("SHLQ", operand.U8(1), reg.R11)
	x := [6]reg.Register{z(8), z(9), z(10), z(11), z(12), z(13)}
	for c := range 6 {
		w.emit("MOVQ", reg.RSI, reg.RAX)
		for r := range 6 {
			w.emit("VMOVUPS_Z", mem(reg.RAX, 0), reg.K1, x[r])
			w.emit("ADDQ", reg.R11, reg.RAX)
		}
		y := [4]reg.Register{z(14), z(15), z(16), z(17)}
		w.result(x, y)
		for r, v := range y {
			w.emit("VMOVUPS", v, mem(reg.RDX, 64*(6*r+c)))
		}
		w.emit("ADDQ", reg.R8, reg.RSI)
	}
	w.Label("row")
	for c := range 6 {
		w.emit("VMOVUPS", mem(reg.RDX, 64*c), x[c])
	}
	y := [4]reg.Register{z(0), z(1), z(2), z(3)}
	w.result(x, y)
	// Transpose: the four columns of a tile become neighbours, within 16 bytes of each register first.
	t := [8]reg.Register{z(8), z(9), z(10), z(11), z(12), z(13), z(14), z(15)}
	w.emit("VUNPCKLPS", y[1], y[0], t[0])
	w.emit("VUNPCKHPS", y[1], y[0], t[1])
	w.emit("VUNPCKLPS", y[3], y[2], t[2])
	w.emit("VUNPCKHPS", y[3], y[2], t[3])
	w.emit("VUNPCKLPD", t[2], t[0], t[4])
	w.emit("VUNPCKHPD", t[2], t[0], t[5])
	w.emit("VUNPCKLPD", t[3], t[1], t[6])
	w.emit("VUNPCKHPD", t[3], t[1], t[7])
	w.emit("VSHUFF32X4", operand.U8(0x44), t[5], t[4], t[0])
	w.emit("VSHUFF32X4", operand.U8(0x44), t[7], t[6], t[1])
	w.emit("VSHUFF32X4", operand.U8(0xee), t[5], t[4], t[2])
	w.emit("VSHUFF32X4", operand.U8(0xee), t[7], t[6], t[3])
	w.emit("VSHUFF32X4", operand.U8(0x88), t[1], t[0], y[0])
	w.emit("VSHUFF32X4", operand.U8(0xdd), t[1], t[0], y[1])
	w.emit("VSHUFF32X4", operand.U8(0x88), t[3], t[2], y[2])
	w.emit("VSHUFF32X4", operand.U8(0xdd), t[3], t[2], y[3])
	for i, v := range y {
		w.emit("VMOVUPS", v, masks[i], mem(reg.R10, 64*i))
	}
	w.emit("ADDQ", reg.R9, reg.R10)
	w.emit("ADDQ", operand.U32(6*64), reg.RDX)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("row"))
	w.emit("VZEROUPPER")
	w.emit("RET")
}
