package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// slideTaps are the numbers of neighbouring taps that have kernels, with any number of lines of taps that a tile has rows for, up to asm.SlideLines.
var slideTaps = []int{3, 5, 7}

func (s isa) eachSlide(f func(taps, lines, vectors int)) {
	for _, taps := range slideTaps {
		for lines := 1; lines <= asm.SlideLines && lines*taps <= s.rows; lines++ {
			for vectors := 1; vectors <= 2; vectors++ {
				f(taps, lines, vectors)
			}
		}
	}
}

func slideName(s isa, e element, taps, lines, vectors int) string {
	return fmt.Sprintf("slide%s%sx%dx%dx%d", e.name, s.name, taps, lines, vectors)
}

func (w *writer) slides() { w.eachSlide(w.slide) }

// slide emits a kernel: elements of neighbouring taps are read at displacements from where their line is.
func (w *writer) slide(taps, lines, vectors int) {
	w.Function(slideName(w.isa, w.element, taps, lines, vectors))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(p *byte)")
	w.Load(w.Param("p"), reg.RDI)
	var s asm.Slide
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	line := [asm.SlideLines]reg.Register{reg.R8, reg.R9, reg.R10, reg.R11}
	place, b, cols, skip, rows, part, parts := reg.RAX, reg.RDX, reg.RCX, reg.RBX, reg.R12, reg.R13, reg.R15
	acc := func(r, v int) reg.Register { return w.vec(r*vectors + v) }
	all := lines * taps
	column, firstA := all*vectors, (all+1)*vectors
	spare := w.registers - firstA
	if !w.wide() {
		spare-- // the mask
	}
	spare = min(spare, 4)
	w.last = at(unsafe.Offsetof(s.Last))
	w.emit("MOVQ", w.last, reg.RAX)
	w.loadMask(reg.RAX, reg.RBX)
	for i := range all * vectors {
		w.zero(w.vec(i))
	}
	w.emit("MOVQ", at(unsafe.Offsetof(s.Lines)), reg.RSI)
	for i := range lines {
		w.emit("MOVQ", mem(reg.RSI, 8*i), line[i])
		w.emit("ADDQ", at(unsafe.Offsetof(s.A)), line[i])
	}
	w.emit("MOVQ", at(unsafe.Offsetof(s.B)), b)
	w.emit("MOVQ", at(unsafe.Offsetof(s.Skip)), skip)
	w.emit("MOVQ", at(unsafe.Offsetof(s.Parts)), part)
	w.emit("MOVQ", at(unsafe.Offsetof(s.N)), parts)
	w.Label("part")
	w.emit("MOVQ", mem(part, int(unsafe.Offsetof(asm.Part{}.From))), place)
	w.emit("MOVQ", mem(part, int(unsafe.Offsetof(asm.Part{}.Rows))), rows)
	w.emit("ADDQ", operand.I8(int8(unsafe.Sizeof(asm.Part{}))), part)
	w.Label("row")
	w.emit("MOVQ", at(unsafe.Offsetof(s.Cols)), cols)
	w.Label("position")
	for v := range vectors {
		w.load(mem(b, v*w.bytes), false, w.vec(column+v))
	}
	for r := range all {
		a := w.vec(firstA + r%spare)
		w.emit(w.broadcast, operand.Mem{Base: line[r/taps], Index: place, Scale: 1, Disp: r % taps * w.size}, a)
		for v := range vectors {
			w.emit("VFMADD231P"+w.suffix, w.vec(column+v), a, acc(r, v))
		}
	}
	w.emit("ADDQ", operand.I8(int8(w.size)), place)
	w.emit("ADDQ", operand.I32(int32(2*w.bytes)), b)
	w.emit("DECQ", cols)
	w.emit("JNZ", operand.LabelRef("position"))
	w.emit("ADDQ", skip, place)
	w.emit("DECQ", rows)
	w.emit("JNZ", operand.LabelRef("row"))
	w.emit("DECQ", parts)
	w.emit("JNZ", operand.LabelRef("part"))
	eachC := func(f func(r, v int, at operand.Mem)) {
		w.emit("MOVQ", at(unsafe.Offsetof(s.C)), reg.RSI)
		w.emit("MOVQ", at(unsafe.Offsetof(s.CRow)), reg.R8)
		for r := range all {
			for v := range vectors {
				f(r, v, mem(reg.RSI, v*w.bytes))
			}
			if r < all-1 {
				w.emit("ADDQ", reg.R8, reg.RSI)
			}
		}
	}
	w.emit("CMPQ", at(unsafe.Offsetof(s.Mode)), operand.I8(asm.Add))
	w.emit("JNE", operand.LabelRef("store"))
	eachC(func(r, v int, at operand.Mem) { w.addMemory(at, v == vectors-1, w.vec(firstA), acc(r, v)) })
	w.Label("store")
	eachC(func(r, v int, at operand.Mem) { w.store(acc(r, v), v == vectors-1, at) })
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func slideStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			s.eachSlide(func(taps, lines, vectors int) {
				w("//go:noescape\nfunc %s(p *Slide)\n", slideName(s, e, taps, lines, vectors))
			})
			w("// Slides%s%s holds the kernels by the number of neighbouring taps, of lines of them, and of vectors; not every one exists.", e.name, s.name)
			w("var Slides%s%s = [%d][%d][3]func(p *Slide){", e.name, s.name, slideTaps[len(slideTaps)-1]+1, asm.SlideLines+1)
			s.eachSlide(func(taps, lines, vectors int) {
				if lines == 1 && vectors == 1 {
					w("%d: {", taps)
				}
				if vectors == 1 {
					w("%d: {1: %s, 2: %s},", lines, slideName(s, e, taps, lines, 1), slideName(s, e, taps, lines, 2))
				}
				if vectors == 2 && (lines == asm.SlideLines || (lines+1)*taps > s.rows) {
					w("},")
				}
			})
			w("}\n")
		}
	}
}
