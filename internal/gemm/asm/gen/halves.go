package main

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// halves emits the kernels of lines whose elements belong to two others in turn.
func (w *writer) halves() {
	n := w.lanesOf()
	if w.wide() {
		w.table("even", func(i int) int { return 2 * i })
		w.table("lower", func(i int) int { return i%2*n + i/2 })
		w.table("upper", func(i int) int { return i%2*n + n/2 + i/2 })
	}
	a, b, low, high, out, tmp := w.vec(0), w.vec(1), w.vec(2), w.vec(3), w.vec(4), w.vec(5)
	wide, first, second := mem(reg.R12, 0), mem(reg.R13, 0), mem(reg.R15, 0)
	next := mem(reg.R12, w.bytes)
	w.eachHalves("EverySecond", func() {
		if w.wide() {
			w.loadTable("even", low)
		}
	}, func(last bool) {
		w.loadHalf(wide, last, 0, a)
		w.loadHalf(next, last, 1, b)
		switch {
		case w.wide():
			w.emit("VMOVAPD", low, out)
			w.emit("VPERMI2P"+w.suffix, b, a, out)
		case w.size == 8:
			w.emit("VUNPCKLPD", b, a, tmp)
			w.emit("VPERMPD", operand.U8(0xd8), tmp, out)
		default:
			w.emit("VSHUFPS", operand.U8(0x88), b, a, tmp)
			w.emit("VPERMPD", operand.U8(0xd8), tmp, out)
		}
		w.storeHalf(out, last, 2, first)
	})
	w.eachHalves("Interleave", func() {
		if w.wide() {
			w.loadTable("lower", low)
			w.loadTable("upper", high)
		}
	}, func(last bool) {
		w.loadHalf(first, last, 2, a)
		w.loadHalf(second, last, 3, b)
		if w.wide() {
			for i, index := range []reg.Register{low, high} {
				w.emit("VMOVAPD", index, out)
				w.emit("VPERMI2P"+w.suffix, b, a, out)
				w.storeHalf(out, last, i, []operand.Mem{wide, next}[i])
			}
			return
		}
		w.emit("VUNPCKLP"+w.suffix, b, a, low)
		w.emit("VUNPCKHP"+w.suffix, b, a, high)
		for i, to := range []operand.Mem{wide, next} {
			w.emit("VPERM2F128", operand.U8([]uint8{0x20, 0x31}[i]), high, low, out)
			w.storeHalf(out, last, i, to)
		}
	})
}

// halfMask is the mask of the last vector of those at number: the two of the long line, that of the first half and that of the second.
func (w *writer) halfMask(number int) reg.Register {
	if w.wide() {
		return []reg.Register{reg.K1, reg.K2, reg.K3, reg.K4}[number]
	}
	return w.vec(12 + number)
}

func (w *writer) loadHalf(from operand.Mem, last bool, number int, to reg.Register) {
	switch {
	case !last:
		w.emit(w.packed("VMOVU"), from, to)
	case w.wide():
		w.emit(w.packed("VMOVU")+"_Z", from, w.halfMask(number), to)
	default:
		w.emit(w.packed("VMASKMOV"), from, w.halfMask(number), to)
	}
}

func (w *writer) storeHalf(from reg.Register, last bool, number int, to operand.Mem) {
	switch {
	case !last:
		w.emit(w.packed("VMOVU"), from, to)
	case w.wide():
		w.emit(w.packed("VMOVU"), from, w.halfMask(number), to)
	default:
		w.storeMasked(from, w.halfMask(number), mem(reg.RDI, int(unsafe.Offsetof(asm.Halves{}.Last))+8*number), to)
	}
}

// eachHalves emits a function that goes through lines: body works on two vectors of the long line, at R12, and one of each half, at R13 and R15.
func (w *writer) eachHalves(name string, begin func(), body func(last bool)) {
	w.Function(name + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(h *byte)")
	w.Load(w.Param("h"), reg.RDI)
	var h asm.Halves
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	begin()
	for i := range h.Last {
		w.emit("MOVQ", at(unsafe.Offsetof(h.Last)+uintptr(8*i)), reg.RAX)
		if w.wide() {
			w.emit("MOVQ", operand.I32(-1), reg.RBX)
			w.emit("BZHIQ", reg.RAX, reg.RBX, reg.RBX)
			w.emit("KMOVW", reg.EBX, w.halfMask(i))
			continue
		}
		w.emit("LEAQ", operand.NewDataAddr(operand.NewStaticSymbol("ones_zeros"), 0), reg.RBX)
		w.emit("NEGQ", reg.RAX)
		w.emit(w.packed("VMOVU"), operand.Mem{Base: reg.RBX, Disp: 32, Index: reg.RAX, Scale: uint8(w.size)}, w.halfMask(i))
	}
	lines := []struct {
		at, row   uintptr
		line, now reg.GPPhysical
		step      int
	}{
		{unsafe.Offsetof(h.Wide), unsafe.Offsetof(h.WideRow), reg.RSI, reg.R12, 2 * w.bytes},
		{unsafe.Offsetof(h.First), unsafe.Offsetof(h.HalfRow), reg.RDX, reg.R13, w.bytes},
		{unsafe.Offsetof(h.Second), unsafe.Offsetof(h.HalfRow), reg.R10, reg.R15, w.bytes},
	}
	for _, l := range lines {
		w.emit("MOVQ", at(l.at), l.line)
	}
	w.emit("MOVQ", at(unsafe.Offsetof(h.Lines)), reg.RCX)
	w.Label("line")
	for _, l := range lines {
		w.emit("MOVQ", l.line, l.now)
		w.emit("ADDQ", at(l.row), l.line)
	}
	w.emit("MOVQ", at(unsafe.Offsetof(h.N)), reg.RBX)
	w.emit("TESTQ", reg.RBX, reg.RBX)
	w.emit("JZ", operand.LabelRef("last"))
	w.Label("whole")
	body(false)
	for _, l := range lines {
		w.emit("LEAQ", mem(l.now, l.step), l.now)
	}
	w.emit("DECQ", reg.RBX)
	w.emit("JNZ", operand.LabelRef("whole"))
	w.Label("last")
	body(true)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("line"))
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func halvesStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			for _, f := range []struct{ name, what string }{{"EverySecond", "copies elements 0, 2, … of lines Wide to First"}, {"Interleave", "copies elements of First and Second in turn to lines Wide"}} {
				w("// %s%s%s %s.", f.name, e.name, s.name, f.what)
				w("//\n//go:noescape\nfunc %s%s%s(h *Halves)\n", f.name, e.name, s.name)
			}
		}
	}
}
