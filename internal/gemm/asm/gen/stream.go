package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

func streamName(s isa, e element, rows int) string {
	return fmt.Sprintf("stream%s%sx%d", e.name, s.name, rows)
}

func (w *writer) streams() {
	for rows := 1; rows <= asm.StreamRows; rows++ {
		w.stream(rows)
	}
}

// stream emits the kernel that adds some terms to chains of so many rows of C, along the rows.
func (w *writer) stream(rows int) {
	w.Function(streamName(w.isa, w.element, rows))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(s *byte)")
	w.Load(w.Param("s"), reg.RDI)
	var s asm.Stream
	field := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	const terms = asm.StreamTerms
	wide := asm.LineBytes / w.bytes // vectors of columns at once: of two lines of each row, which often lie a multiple of 4096 bytes apart, some are gone before they are read
	acc := func(r, v int) reg.Register { return w.vec(r*wide + v) }
	b := func(v int) reg.Register { return w.vec(rows*wide + v) }
	next := (rows + 1) * wide
	registers := w.registers
	if !w.wide() {
		registers-- // the mask
	}
	stay := next+terms*rows <= registers // the elements of A
	element := func(t, r int) operand.Mem {
		return field(unsafe.Offsetof(s.Elements) + uintptr((t*rows+r)*w.size))
	}
	a := func(t, r int) reg.Register {
		if stay {
			return w.vec(next + t*rows + r)
		}
		to := w.vec(next + (t*rows+r)%2)
		w.emit(w.broadcast, element(t, r), to)
		return to
	}
	// reach returns the address of a row behind a base, of which odd are the distances 1, 3, 5, 7 rows.
	reach := func(base reg.Register, row int, odd []reg.GPPhysical) operand.Mem {
		m := operand.Mem{Base: base}
		if row > 0 {
			m.Scale = 1
			for row%2 == 0 {
				row, m.Scale = row/2, 2*m.Scale
			}
			m.Index = odd[row/2]
		}
		return m
	}
	// distances loads a distance and makes its odd multiples that so many rows need.
	distances := func(from uintptr, rows int, odd []reg.GPPhysical) {
		if rows > 1 {
			w.emit("MOVQ", field(from), odd[0])
		}
		for i := 1; 2*i+1 < rows; i++ {
			w.emit("LEAQ", operand.Mem{Base: odd[i-1], Index: odd[0], Scale: 2}, odd[i])
		}
	}
	oddA := []reg.GPPhysical{reg.R8, reg.R9}
	w.last = field(unsafe.Offsetof(s.Last))
	w.emit("MOVQ", w.last, reg.RAX)
	w.loadMask(reg.RAX, reg.RBX)
	w.emit("MOVQ", field(unsafe.Offsetof(s.A)), reg.RSI)
	w.emit("MOVQ", field(unsafe.Offsetof(s.AStep)), reg.RAX)
	distances(unsafe.Offsetof(s.ARow), rows, oddA)
	for t := range terms {
		for r := range rows {
			from := reach(reg.RSI, r, oddA)
			if stay {
				w.emit(w.broadcast, from, a(t, r))
				continue
			}
			w.emit("VMOVS"+w.suffix, from, low128(w.vec(0)))
			w.emit("VMOVS"+w.suffix, low128(w.vec(0)), element(t, r))
		}
		if t+1 < terms {
			w.emit("ADDQ", reg.RAX, reg.RSI)
		}
	}
	oddB, oddTo, oddC := []reg.GPPhysical{reg.RBX, reg.R8, reg.R9, reg.R10}, []reg.GPPhysical{reg.R11, reg.R12}, []reg.GPPhysical{reg.R13, reg.R15}
	distances(unsafe.Offsetof(s.BStep), terms, oddB)
	distances(unsafe.Offsetof(s.ToRow), rows, oddTo)
	distances(unsafe.Offsetof(s.CRow), rows, oddC)
	w.emit("MOVQ", field(unsafe.Offsetof(s.B)), reg.RDX)
	w.emit("MOVQ", field(unsafe.Offsetof(s.To)), reg.RSI)
	w.emit("MOVQ", field(unsafe.Offsetof(s.C)), reg.RAX)
	w.emit("MOVQ", field(unsafe.Offsetof(s.N)), reg.RCX)
	w.flush(field(unsafe.Offsetof(s.Flush)), false)
	// columns takes so many vectors of columns.
	columns := func(vectors int, last, add bool) {
		for r := range rows {
			for v := range vectors {
				from := reach(reg.RSI, r, oddTo)
				from.Disp = v * w.bytes
				w.load(from, last, acc(r, v))
			}
		}
		for t := range terms {
			for v := range vectors {
				from := reach(reg.RDX, t, oddB)
				from.Disp = v * w.bytes
				w.load(from, last, b(v))
			}
			for r := range rows {
				factor := a(t, r)
				for v := range vectors {
					w.emit("VFMADD231P"+w.suffix, b(v), factor, acc(r, v))
				}
			}
		}
		for r := range rows {
			for v := range vectors {
				to := reach(reg.RSI, r, oddTo)
				if add {
					to = reach(reg.RAX, r, oddC)
				}
				to.Disp = v * w.bytes
				if add {
					w.addMemory(to, last, b(0), acc(r, v))
				}
				w.store(acc(r, v), last, to)
			}
		}
		if last {
			return
		}
		pointers := []reg.GPPhysical{reg.RDX, reg.RSI}
		if add {
			pointers = append(pointers, reg.RAX)
		}
		for _, p := range pointers {
			if n := vectors * w.bytes; n < 128 {
				w.emit("ADDQ", operand.I8(int8(n)), p)
			} else {
				w.emit("ADDQ", operand.I32(int32(n)), p)
			}
		}
	}
	all := func(name string, add bool) {
		for vectors := wide; vectors > 0; vectors-- {
			here := fmt.Sprintf("%s%d", name, vectors)
			w.emit("SUBQ", operand.I8(int8(vectors)), reg.RCX)
			w.emit("JLT", operand.LabelRef("after_"+here))
			w.Label(here)
			columns(vectors, false, add)
			w.emit("SUBQ", operand.I8(int8(vectors)), reg.RCX)
			w.emit("JGE", operand.LabelRef(here))
			w.Label("after_" + here)
			w.emit("ADDQ", operand.I8(int8(vectors)), reg.RCX)
		}
		columns(1, true, add)
	}
	w.emit("TESTQ", reg.RAX, reg.RAX)
	w.emit("JNE", operand.LabelRef("add"))
	all("keep", false)
	w.emit("JMP", operand.LabelRef("end"))
	w.Label("add")
	all("add", true)
	w.Label("end")
	w.flush(field(unsafe.Offsetof(s.Flush)), true)
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func streamStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			for rows := 1; rows <= asm.StreamRows; rows++ {
				w("//go:noescape\nfunc %s(s *Stream)\n", streamName(s, e, rows))
			}
			w("// Streams%s%s holds the kernels of long rows by the number of rows of C.", e.name, s.name)
			w("var Streams%s%s = [StreamRows + 1]func(s *Stream){", e.name, s.name)
			for rows := 1; rows <= asm.StreamRows; rows++ {
				w("%d: %s,", rows, streamName(s, e, rows))
			}
			w("}\n")
		}
	}
}
