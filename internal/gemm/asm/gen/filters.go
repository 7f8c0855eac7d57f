package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// filters emits the kernel of planes that have a filter each: some rows and one or two vectors of columns have their sums in registers, while all taps are added.
func (w *writer) filters() {
	const rowsAtOnce, vectorsAtOnce = 4, 2
	w.Function("Filters" + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(f *byte)")
	w.Load(w.Param("f"), reg.RDI)
	var f asm.Filters
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	taps, rowB, rowC := reg.RAX, [2]reg.GPPhysical{reg.R8, reg.R9}, [2]reg.GPPhysical{reg.R10, reg.R11} // one row and three rows
	filter, rowsB, rowsC, tap := reg.RSI, reg.RDX, reg.RBX, reg.RCX                                     // tap counts halves of terms
	columnB, columnC, source := reg.R12, reg.R13, reg.R15
	a, loaded := w.vec(rowsAtOnce*vectorsAtOnce), w.vec(rowsAtOnce*vectorsAtOnce+1)
	w.last = at(unsafe.Offsetof(f.Last))
	w.emit("MOVQ", w.last, reg.RAX)
	w.loadMask(reg.RAX, reg.RBX)
	w.emit("MOVQ", at(unsafe.Offsetof(f.Taps)), taps)
	for i, offset := range []uintptr{unsafe.Offsetof(f.BRow), unsafe.Offsetof(f.CRow)} {
		one := [][2]reg.GPPhysical{rowB, rowC}[i]
		w.emit("MOVQ", at(offset), one[0])
		w.emit("LEAQ", operand.Mem{Base: one[0], Index: one[0], Scale: 2}, one[1])
	}
	// row returns the address of a vector in a row behind a base.
	row := func(base reg.Register, one [2]reg.GPPhysical, r, v int) operand.Mem {
		m := operand.Mem{Base: base, Disp: v * w.bytes}
		switch r {
		case 1, 2:
			m.Index, m.Scale = one[0], uint8(r)
		case 3:
			m.Index, m.Scale = one[1], 1
		}
		return m
	}
	tile := func(rows, vectors int, last bool) {
		acc := func(r, v int) reg.Register { return w.vec(r*vectorsAtOnce + v) }
		label := fmt.Sprintf("tap%dx%d_%v", rows, vectors, last)
		for r := range rows {
			for v := range vectors {
				w.zero(acc(r, v))
			}
		}
		w.emit("XORQ", tap, tap)
		w.Label(label)
		w.emit("MOVQ", operand.Mem{Base: taps, Index: tap, Scale: 8}, source)
		w.emit(w.broadcast, operand.Mem{Base: filter, Index: tap, Scale: uint8(w.size / 2)}, a)
		w.emit("ADDQ", columnB, source)
		for r := range rows {
			for v := range vectors {
				from := row(source, rowB, r, v)
				switch {
				case !last:
					w.emit("VFMADD231P"+w.suffix, from, a, acc(r, v))
				case w.wide():
					w.emit("VFMADD231P"+w.suffix, from, a, reg.K1, acc(r, v))
				default:
					w.load(from, last, loaded)
					w.emit("VFMADD231P"+w.suffix, loaded, a, acc(r, v))
				}
			}
		}
		w.emit("ADDQ", operand.U8(2), tap)
		w.emit("CMPQ", tap, at(unsafe.Offsetof(f.K)))
		w.emit("JLT", operand.LabelRef(label))
		for r := range rows {
			for v := range vectors {
				w.store(acc(r, v), last, row(columnC, rowC, r, v))
			}
		}
	}
	left := at(unsafe.Offsetof(f.Left))
	columns := func(rows int) {
		w.emit("MOVQ", rowsB, columnB)
		w.emit("MOVQ", rowsC, columnC)
		w.emit("MOVQ", at(unsafe.Offsetof(f.N)), source)
		w.emit("MOVQ", source, left)
		for vectors := vectorsAtOnce; vectors > 0; vectors-- {
			name := fmt.Sprintf("columns%dx%d", rows, vectors)
			w.Label(name)
			w.emit("SUBQ", operand.I8(int8(vectors)), left)
			w.emit("JLT", operand.LabelRef("after_"+name))
			tile(rows, vectors, false)
			w.emit("ADDQ", operand.I32(int32(vectors*w.bytes)), columnB)
			w.emit("ADDQ", operand.I32(int32(vectors*w.bytes)), columnC)
			w.emit("JMP", operand.LabelRef(name))
			w.Label("after_" + name)
			w.emit("ADDQ", operand.I8(int8(vectors)), left)
		}
		tile(rows, 1, true)
	}
	w.Label("plane")
	w.emit("MOVQ", at(unsafe.Offsetof(f.A)), filter)
	w.emit("MOVQ", at(unsafe.Offsetof(f.B)), rowsB)
	w.emit("MOVQ", at(unsafe.Offsetof(f.C)), rowsC)
	rowsLeft := at(unsafe.Offsetof(f.LeftRows))
	w.emit("MOVQ", at(unsafe.Offsetof(f.Rows)), source)
	w.emit("MOVQ", source, rowsLeft)
	for _, rows := range []int{rowsAtOnce, 1} {
		name := fmt.Sprintf("rows%d", rows)
		w.Label(name)
		w.emit("SUBQ", operand.I8(int8(rows)), rowsLeft)
		w.emit("JLT", operand.LabelRef("after_"+name))
		columns(rows)
		w.emit("LEAQ", operand.Mem{Base: rowsB, Index: rowB[0], Scale: uint8(rows)}, rowsB)
		w.emit("LEAQ", operand.Mem{Base: rowsC, Index: rowC[0], Scale: uint8(rows)}, rowsC)
		w.emit("JMP", operand.LabelRef(name))
		w.Label("after_" + name)
		w.emit("ADDQ", operand.I8(int8(rows)), rowsLeft)
	}
	for _, p := range [][2]uintptr{{unsafe.Offsetof(f.A), unsafe.Offsetof(f.APlane)}, {unsafe.Offsetof(f.B), unsafe.Offsetof(f.BPlane)}, {unsafe.Offsetof(f.C), unsafe.Offsetof(f.CPlane)}} {
		w.emit("MOVQ", at(p[1]), source)
		w.emit("ADDQ", source, at(p[0]))
	}
	w.emit("DECQ", at(unsafe.Offsetof(f.Planes)))
	w.emit("JNZ", operand.LabelRef("plane"))
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func filterStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			w("// Filters%s%s computes planes that have a filter each.", e.name, s.name)
			w("//\n//go:noescape\nfunc Filters%s%s(f *Filters)\n", e.name, s.name)
		}
	}
}
