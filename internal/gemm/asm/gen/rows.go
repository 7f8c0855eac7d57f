package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// substituteRows is the most rows of a triangular kernel.
const substituteRows = 8

// rotateVectors are the widths of rotated rows, in vectors.
var rotateVectors = []int{1, 4}

func substituteName(s isa, e element, rows int, unit bool) string {
	kind := "substitute"
	if unit {
		kind = "substituteUnit"
	}
	return fmt.Sprintf("%s%s%sx%d", kind, e.name, s.name, rows)
}

func rotateName(s isa, e element, vectors int) string {
	return fmt.Sprintf("Rotate%s%sx%d", e.name, s.name, vectors)
}

func rotateTwiceName(s isa, e element) string { return fmt.Sprintf("RotateTwice%s%s", e.name, s.name) }

func lanesName(s isa, e element, rounded bool) string {
	kind := "Lanes"
	if rounded {
		kind = "RoundedLanes"
	}
	return kind + e.name + s.name
}

// decompositions emits the kernels of decompositions.
func (w *writer) decompositions() {
	for rows := 1; rows <= substituteRows; rows++ {
		w.substitute(rows, false)
		w.substitute(rows, true)
	}
	for _, v := range rotateVectors {
		w.rotate(v)
	}
	w.rotateTwice()
	w.lanes(false)
	w.lanes(true)
}

func decompositionStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			for _, unit := range []bool{false, true} {
				for rows := 1; rows <= substituteRows; rows++ {
					w("//go:noescape\nfunc %s(r *Rows)\n", substituteName(s, e, rows, unit))
				}
				kind := "Substitute"
				if unit {
					kind = "SubstituteUnit"
				}
				w("// %s%s%s holds kernels that solve triangular equations, by rows.", kind, e.name, s.name)
				w("var %s%s%s = [%d]func(r *Rows){", kind, e.name, s.name, substituteRows+1)
				for rows := 1; rows <= substituteRows; rows++ {
					w("%d: %s,", rows, substituteName(s, e, rows, unit))
				}
				w("}\n")
			}
			for _, v := range rotateVectors {
				w("// %s rotates rows of %d vectors.", rotateName(s, e, v), v)
				w("//\n//go:noescape\nfunc %s(r *Rotations)\n", rotateName(s, e, v))
			}
			w("// %s rotates rows of 4 vectors by two sweeps, the second one row behind the first.", rotateTwiceName(s, e))
			w("//\n//go:noescape\nfunc %s(r *Rotations)\n", rotateTwiceName(s, e))
			w("// %s computes chains in lanes.", lanesName(s, e, false))
			w("//\n//go:noescape\nfunc %s(l *Lanes)\n", lanesName(s, e, false))
			w("// %s computes chains in lanes, whose products are rounded.", lanesName(s, e, true))
			w("//\n//go:noescape\nfunc %s(l *Lanes)\n", lanesName(s, e, true))
		}
	}
}

// lanesOf is the number of elements of a vector.
func (w *writer) lanesOf() int { return w.bytes / w.size }

// substitute emits the solution of triangular equations: a vector of right-hand sides at a time, all its rows in registers.
func (w *writer) substitute(rows int, unit bool) {
	w.Function(substituteName(w.isa, w.element, rows, unit))
	w.last = nil // never whole
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(r *byte)")
	w.Load(w.Param("r"), reg.RDI)
	var r asm.Rows
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.X))), regA)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.XRow))), rowMultiples[0])
	for i := 1; 2*i+1 < rows; i++ {
		w.emit("LEAQ", operand.Mem{Base: rowMultiples[i-1], Index: rowMultiples[0], Scale: 2}, rowMultiples[i])
	}
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.T))), reg.RDX)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.N))), reg.RCX)
	next := 0
	coefficient := func(i, k int) reg.Register {
		v := w.vec(rows + next)
		next = (next + 1) % 4
		w.emit(w.broadcast, mem(reg.RDX, (i*substituteRows+k)*w.size), v)
		return v
	}
	solve := func(last bool) {
		for i := range rows {
			w.load(rowA(i), last, w.vec(i))
		}
		for k := range rows {
			if !unit {
				w.emit(w.packed("VDIV"), coefficient(k, k), w.vec(k), w.vec(k))
			}
			for i := k + 1; i < rows; i++ {
				w.emit("VFNMADD231P"+w.suffix, coefficient(i, k), w.vec(k), w.vec(i))
			}
		}
		for i := range rows {
			w.store(w.vec(i), last, rowA(i))
		}
	}
	w.Label("whole")
	w.emit("CMPQ", reg.RCX, operand.I8(int8(w.lanesOf())))
	w.emit("JLT", operand.LabelRef("part"))
	solve(false)
	w.emit("ADDQ", operand.I8(int8(w.bytes)), regA)
	w.emit("SUBQ", operand.I8(int8(w.lanesOf())), reg.RCX)
	w.emit("JMP", operand.LabelRef("whole"))
	w.Label("part")
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	w.loadMask(reg.RCX, reg.RAX)
	solve(true)
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// rotate emits rotations: the row that goes on stays in registers.
func (w *writer) rotate(vectors int) {
	w.Function(rotateName(w.isa, w.element, vectors))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(r *byte)")
	w.Load(w.Param("r"), reg.RDI)
	var r asm.Rotations
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.X))), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.XRow))), reg.R8)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.C))), reg.R9)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.S))), reg.R10)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.N))), reg.RCX)
	c, s, y := w.vec(14), w.vec(13), w.vec(12)
	x := func(v int) reg.Register { return w.vec(v) }
	u := func(v int) reg.Register { return w.vec(vectors + v) }
	t := w.vec(11)
	for v := range vectors {
		w.load(mem(reg.RSI, v*w.bytes), false, x(v))
	}
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	w.Label("rotation")
	w.emit(w.broadcast, mem(reg.R9, 0), c)
	w.emit(w.broadcast, mem(reg.R10, 0), s)
	for v := range vectors {
		w.load(operand.Mem{Base: reg.RSI, Index: reg.R8, Scale: 1, Disp: v * w.bytes}, false, y)
		w.emit(w.packed("VMUL"), s, y, t)
		w.emit(w.packed("VMUL"), s, x(v), u(v))
		w.emit("VFMADD231P"+w.suffix, c, x(v), t)
		w.emit("VFMSUB231P"+w.suffix, c, y, u(v))
		w.store(t, false, mem(reg.RSI, v*w.bytes))
		w.emit(w.packed("VMOVA"), u(v), x(v))
	}
	w.emit("ADDQ", operand.I8(int8(w.size)), reg.R9)
	w.emit("ADDQ", operand.I8(int8(w.size)), reg.R10)
	w.emit("ADDQ", reg.R8, reg.RSI)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("rotation"))
	w.Label("end")
	for v := range vectors {
		w.store(x(v), false, mem(reg.RSI, v*w.bytes))
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// rotateTwice emits rotations of two sweeps: the rows that go on stay in registers, and a row is loaded and stored once.
func (w *writer) rotateTwice() {
	const vectors = 4
	w.Function(rotateTwiceName(w.isa, w.element))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(r *byte)")
	w.Load(w.Param("r"), reg.RDI)
	var r asm.Rotations
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.X))), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.XRow))), reg.R8)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.C))), reg.R9)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.S))), reg.R10)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.C2))), reg.R11)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.S2))), reg.R12)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(r.N))), reg.RCX)
	c, s, c2, s2 := w.vec(15), w.vec(14), w.vec(13), w.vec(12)
	x := func(v int) reg.Register { return w.vec(v) }     // of the first sweep
	z := func(v int) reg.Register { return w.vec(4 + v) } // of the second
	y, t, u := w.vec(8), w.vec(9), w.vec(10)
	// turn leaves c·a + s·y in t, and c·y − s·a in a.
	turn := func(a, y, t, c, s reg.Register) {
		w.emit(w.packed("VMUL"), s, y, t)
		w.emit(w.packed("VMUL"), s, a, u)
		w.emit("VFMADD231P"+w.suffix, c, a, t)
		w.emit("VFMSUB231P"+w.suffix, c, y, u)
		w.emit(w.packed("VMOVA"), u, a)
	}
	next := func(v int) operand.Mem {
		return operand.Mem{Base: reg.RSI, Index: reg.R8, Scale: 1, Disp: v * w.bytes}
	}
	first := func() {
		w.emit(w.broadcast, mem(reg.R9, 0), c)
		w.emit(w.broadcast, mem(reg.R10, 0), s)
		w.emit("ADDQ", operand.I8(int8(w.size)), reg.R9)
		w.emit("ADDQ", operand.I8(int8(w.size)), reg.R10)
	}
	first()
	for v := range vectors {
		w.load(mem(reg.RSI, v*w.bytes), false, x(v))
		w.load(next(v), false, y)
		turn(x(v), y, z(v), c, s)
	}
	w.Label("rotation")
	w.emit("TESTQ", reg.RCX, reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	first()
	w.emit(w.broadcast, mem(reg.R11, 0), c2)
	w.emit(w.broadcast, mem(reg.R12, 0), s2)
	w.emit("ADDQ", operand.I8(int8(w.size)), reg.R11)
	w.emit("ADDQ", operand.I8(int8(w.size)), reg.R12)
	w.emit("MOVQ", reg.RSI, reg.RAX)
	w.emit("ADDQ", reg.R8, reg.RSI)
	for v := range vectors {
		w.load(next(v), false, y)
		turn(x(v), y, t, c, s)
		turn(z(v), t, y, c2, s2)
		w.store(y, false, mem(reg.RAX, v*w.bytes))
	}
	w.emit("DECQ", reg.RCX)
	w.emit("JMP", operand.LabelRef("rotation"))
	w.Label("end")
	for v := range vectors {
		w.store(z(v), false, mem(reg.RSI, v*w.bytes))
		w.store(x(v), false, next(v))
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// lanes emits chains in lanes, four vectors at a time, then one.
func (w *writer) lanes(rounded bool) {
	w.Function(lanesName(w.isa, w.element, rounded))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(l *byte)")
	w.Load(w.Param("l"), reg.RDI)
	var l asm.Lanes
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	w.emit("MOVQ", at(unsafe.Offsetof(l.From)), reg.RSI)
	w.emit("MOVQ", at(unsafe.Offsetof(l.A)), reg.R8)
	w.emit("MOVQ", at(unsafe.Offsetof(l.B)), reg.R9)
	w.emit("MOVQ", at(unsafe.Offsetof(l.AStep)), reg.R10)
	w.emit("MOVQ", at(unsafe.Offsetof(l.BStep)), reg.R11)
	w.emit("MOVQ", at(unsafe.Offsetof(l.D)), reg.R12)
	w.emit("MOVQ", at(unsafe.Offsetof(l.N)), reg.RCX)
	w.emit("MOVQ", at(unsafe.Offsetof(l.K)), reg.R13)
	w.emit("MOVQ", at(unsafe.Offsetof(l.Mode)), reg.RBX)
	w.emit("MOVQ", at(unsafe.Offsetof(l.To)), reg.RDI)
	for _, vectors := range []int{4, 1} {
		label := func(name string) string { return fmt.Sprintf("%s%d", name, vectors) }
		w.Label(label("group"))
		w.emit("CMPQ", reg.RCX, operand.U32(uint32(vectors*w.lanesOf())))
		w.emit("JLT", operand.LabelRef(label("after")))
		for v := range vectors {
			w.load(mem(reg.RSI, v*w.bytes), false, w.vec(v))
		}
		w.emit("MOVQ", reg.R8, reg.RAX)
		w.emit("MOVQ", reg.R9, reg.RDX)
		w.emit("MOVQ", reg.R13, reg.R15)
		w.emit("TESTQ", reg.R15, reg.R15)
		w.emit("JZ", operand.LabelRef(label("finish")))
		w.Label(label("term"))
		for v := range vectors {
			w.load(mem(reg.RAX, v*w.bytes), false, w.vec(4+v))
		}
		for v := range vectors {
			if rounded {
				w.emit(w.packed("VMUL"), mem(reg.RDX, v*w.bytes), w.vec(4+v), w.vec(4+v))
				w.emit(w.packed("VSUB"), w.vec(4+v), w.vec(v), w.vec(v))
			} else {
				w.emit("VFNMADD231P"+w.suffix, mem(reg.RDX, v*w.bytes), w.vec(4+v), w.vec(v))
			}
		}
		w.emit("ADDQ", reg.R10, reg.RAX)
		w.emit("ADDQ", reg.R11, reg.RDX)
		w.emit("DECQ", reg.R15)
		w.emit("JNZ", operand.LabelRef(label("term")))
		w.Label(label("finish"))
		w.emit("CMPQ", reg.RBX, operand.I8(asm.Divide))
		w.emit("JLT", operand.LabelRef(label("store")))
		w.emit("JEQ", operand.LabelRef(label("divide")))
		for v := range vectors {
			w.emit(w.packed("VSQRT"), w.vec(v), w.vec(v))
		}
		w.emit("JMP", operand.LabelRef(label("store")))
		w.Label(label("divide"))
		for v := range vectors {
			w.emit(w.packed("VDIV"), mem(reg.R12, v*w.bytes), w.vec(v), w.vec(v))
		}
		w.Label(label("store"))
		for v := range vectors {
			w.store(w.vec(v), false, mem(reg.RDI, v*w.bytes))
		}
		for _, r := range []reg.GPPhysical{reg.RSI, reg.R8, reg.R9, reg.R12, reg.RDI} {
			w.emit("ADDQ", operand.U32(uint32(vectors*w.bytes)), r)
		}
		w.emit("SUBQ", operand.U32(uint32(vectors*w.lanesOf())), reg.RCX)
		w.emit("JMP", operand.LabelRef(label("group")))
		w.Label(label("after"))
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}
