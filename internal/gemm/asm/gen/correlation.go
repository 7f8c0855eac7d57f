package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// maxTaps is the most taps of a correlation's kernel.
const maxTaps = 6

// maxFilters is the most filters of a correlation's kernel: chains, a vector of each filter and one of a tap are in registers.
func (s isa) maxFilters() int {
	if s.registers == 32 {
		return 4
	}
	return 2
}

func correlationName(s isa, e element, filters, taps int) string {
	return fmt.Sprintf("correlate%s%sx%dx%d", e.name, s.name, filters, taps)
}

// correlations emits the kernels of correlations.
func (w *writer) correlations() {
	for f := 1; f <= w.maxFilters(); f++ {
		for t := 1; t <= maxTaps; t++ {
			w.correlation(f, t)
		}
	}
	w.widen()
}

// correlation emits sums of products by position. Where a vector is shorter than a group of positions, its parts are computed one after the other.
func (w *writer) correlation(filters, taps int) {
	w.Function(correlationName(w.isa, w.element, filters, taps))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(c *byte)")
	w.Load(w.Param("c"), reg.RDI)
	var c asm.Correlation
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	a, b, rows, groups := reg.RAX, reg.RSI, reg.RDX, reg.RCX
	offsets := []reg.GPPhysical{reg.R10, reg.R11, reg.R12, reg.R13, reg.R15, reg.RBX}
	w.emit("MOVQ", at(unsafe.Offsetof(c.AFilter)), reg.R8)
	w.emit("LEAQ", operand.Mem{Base: reg.R8, Index: reg.R8, Scale: 2}, reg.R9)
	acc := func(f, t int) reg.Register { return w.vec(f*taps + t) }
	x := w.vec(filters * taps)
	y := func(f int) reg.Register { return w.vec(filters*taps + 1 + f) }
	for part := range asm.LineBytes / w.bytes {
		label := func(name string) string { return fmt.Sprintf("%s%d", name, part) }
		w.emit("MOVQ", at(unsafe.Offsetof(c.Last)), reg.RAX)
		if n := w.lanesOf(); !w.wide() {
			// elements of this part: at least 0, at most a vector
			w.emit("SUBQ", operand.I8(int8(part*n)), reg.RAX)
			w.emit("MOVQ", operand.I32(0), reg.RBX)
			w.emit("CMPQ", reg.RAX, operand.I8(0))
			w.emit("CMOVQLT", reg.RBX, reg.RAX)
			w.emit("MOVQ", operand.I32(int32(n)), reg.RBX)
			w.emit("CMPQ", reg.RAX, reg.RBX)
			w.emit("CMOVQGT", reg.RBX, reg.RAX)
		}
		w.loadMask(reg.RAX, reg.RBX)
		w.emit("MOVQ", at(unsafe.Offsetof(c.Taps)), reg.RAX)
		for t := range taps {
			w.emit("MOVQ", mem(reg.RAX, 8*t), offsets[t])
		}
		w.emit("MOVQ", at(unsafe.Offsetof(c.A)), a)
		w.emit("MOVQ", at(unsafe.Offsetof(c.B)), b)
		for i := range filters * taps {
			w.zero(w.vec(i))
		}
		w.emit("MOVQ", at(unsafe.Offsetof(c.Slices)), rows)
		w.emit("MOVQ", rows, at(unsafe.Offsetof(c.Left)))
		group := func(last bool) {
			for f := range filters {
				m := operand.Mem{Base: a, Disp: part * w.bytes}
				switch f {
				case 1, 2:
					m.Index, m.Scale = reg.R8, uint8(f)
				case 3:
					m.Index, m.Scale = reg.R9, 1
				}
				w.load(m, last, y(f))
			}
			for t := range taps {
				w.load(operand.Mem{Base: b, Index: offsets[t], Scale: 1, Disp: part * w.bytes}, last, x)
				for f := range filters {
					w.emit("VFMADD231P"+w.suffix, x, y(f), acc(f, t))
				}
			}
			w.emit("ADDQ", operand.I8(asm.LineBytes), a)
			w.emit("ADDQ", operand.I8(asm.LineBytes), b)
		}
		w.Label(label("slice"))
		w.emit("MOVQ", at(unsafe.Offsetof(c.Rows)), rows)
		w.Label(label("row"))
		w.emit("MOVQ", at(unsafe.Offsetof(c.N)), groups)
		w.emit("DECQ", groups)
		w.emit("JZ", operand.LabelRef(label("last")))
		w.Label(label("group"))
		group(false)
		w.emit("DECQ", groups)
		w.emit("JNZ", operand.LabelRef(label("group")))
		w.Label(label("last"))
		group(true)
		w.emit("ADDQ", at(unsafe.Offsetof(c.ASkip)), a)
		w.emit("ADDQ", at(unsafe.Offsetof(c.BSkip)), b)
		w.emit("DECQ", rows)
		w.emit("JNZ", operand.LabelRef(label("row")))
		w.emit("ADDQ", at(unsafe.Offsetof(c.ASliceSkip)), a)
		w.emit("ADDQ", at(unsafe.Offsetof(c.BSliceSkip)), b)
		w.emit("DECQ", at(unsafe.Offsetof(c.Left)))
		w.emit("JNZ", operand.LabelRef(label("slice")))
		w.emit("MOVQ", at(unsafe.Offsetof(c.To)), a)
		for i := range filters * taps {
			w.store(w.vec(i), false, mem(a, i*asm.LineBytes+part*w.bytes))
		}
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func widenName(s isa, e element) string { return "Widen" + e.name + s.name }

// widen emits the addition of elements to float64 sums, LineBytes of elements at a time.
func (w *writer) widen() {
	w.Function(widenName(w.isa, w.element))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(l *byte)")
	w.Load(w.Param("l"), reg.RDI)
	var l asm.Lanes
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(l.From))), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(l.N))), reg.RCX)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(l.To))), reg.RDI)
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	w.Label("line")
	sums := asm.LineBytes / w.size * 8 / w.bytes // vectors of sums
	for i := range sums {
		r := w.vec(i)
		if w.size == 8 {
			w.emit("VMOVUPD", mem(reg.RSI, i*w.bytes), r)
		} else {
			w.emit("VCVTPS2PD", mem(reg.RSI, i*w.bytes/2), r)
		}
		w.emit("VADDPD", mem(reg.RDI, i*w.bytes), r, r)
		w.emit("VMOVUPD", r, mem(reg.RDI, i*w.bytes))
	}
	w.emit("ADDQ", operand.I8(asm.LineBytes), reg.RSI)
	w.emit("ADDQ", operand.I32(int32(sums*w.bytes)), reg.RDI)
	w.emit("SUBQ", operand.I8(int8(asm.LineBytes/w.size)), reg.RCX)
	w.emit("JNZ", operand.LabelRef("line"))
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func correlationStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			for f := 1; f <= s.maxFilters(); f++ {
				for t := 1; t <= maxTaps; t++ {
					w("//go:noescape\nfunc %s(c *Correlation)\n", correlationName(s, e, f, t))
				}
			}
			w("// Correlate%s%s holds kernels by filters and taps.", e.name, s.name)
			w("var Correlate%s%s = [][%d]func(c *Correlation){", e.name, s.name, maxTaps+1)
			for f := 1; f <= s.maxFilters(); f++ {
				w("%d: {", f)
				for t := 1; t <= maxTaps; t++ {
					w("%d: %s,", t, correlationName(s, e, f, t))
				}
				w("},")
			}
			w("}\n")
			w("// %s adds N elements, a multiple of those of LineBytes, to float64 sums.", widenName(s, e))
			w("//\n//go:noescape\nfunc %s(l *Lanes)\n", widenName(s, e))
		}
	}
}
