package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// dotShapes are the kernels of rows times vectors: how many vectors, and how many blocks of as many rows as a vector has elements. A chain waits four cycles for each
// term, so that a single one would wait most of the time.
var dotShapes = []struct{ vectors, blocks int }{{1, 1}, {1, 2}, {2, 1}, {3, 1}, {4, 1}}

func dotsName(s isa, e element, vectors, blocks int) string {
	return fmt.Sprintf("Dots%s%sx%dx%d", e.name, s.name, vectors, blocks)
}

// dots emits products of rows with vectors: 16 bytes of each row at a time, transposed in registers, so that a vector holds one term of every row.
func (w *writer) dots(vectors, blocks int) {
	w.Function(dotsName(w.isa, w.element, vectors, blocks))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(d *byte)")
	w.Load(w.Param("d"), reg.RDI)
	var d asm.Dots
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	group, lanes := 16/w.size, w.bytes/16
	rows := w.rowsOfLanes(at(unsafe.Offsetof(d.A)), at(unsafe.Offsetof(d.ARow)), group)
	if blocks == 2 && w.wide() { // lanes of the second block are 4 to 7 groups of rows away
		w.emit("LEAQ", operand.Mem{Base: reg.R12, Index: reg.R12, Scale: 4}, reg.R9)
		w.emit("LEAQ", operand.Mem{Base: reg.R13, Index: reg.R12, Scale: 4}, reg.RBX)
	} else if blocks == 2 {
		w.emit("LEAQ", operand.Mem{Base: reg.R12, Index: reg.R12, Scale: 2}, reg.R13)
	}
	w.emit("MOVQ", at(unsafe.Offsetof(d.X)), reg.RDX)
	w.emit("MOVQ", at(unsafe.Offsetof(d.XStep)), reg.R15)
	w.emit("MOVQ", at(unsafe.Offsetof(d.XRow)), reg.RAX)
	w.emit("MOVQ", at(unsafe.Offsetof(d.K)), reg.RCX)
	w.flush(at(unsafe.Offsetof(d.Flush)), false)
	if vectors == 4 {
		w.emit("LEAQ", operand.Mem{Base: reg.RAX, Index: reg.RAX, Scale: 2}, reg.R9)
	}
	x := func(v int) operand.Mem {
		m := operand.Mem{Base: reg.RDX}
		switch v {
		case 1, 2:
			m.Index, m.Scale = reg.RAX, uint8(v)
		case 3:
			m.Index, m.Scale = reg.R9, 1
		}
		return m
	}
	acc := func(v, b int) reg.Register { return w.vec(v*blocks + b) }
	next := vectors * blocks
	factor := [2]reg.Register{w.vec(next), w.vec(next + 1)}
	next += 2
	for i := range vectors * blocks {
		w.zero(w.vec(i))
	}
	// terms adds the terms of the group number s of 16 bytes, from the given one on.
	terms := func(in []reg.Register, b, from, spare int) {
		out := w.transposeGroup(in, spare)
		for i := from; i < group; i++ {
			for v := range vectors {
				w.emit(w.broadcast, x(v), factor[v%2])
				w.emit("VFMADD231P"+w.suffix, factor[v%2], out[i], acc(v, b))
			}
			w.emit("ADDQ", reg.R15, reg.RDX)
		}
	}
	// eachBlock goes back to the same vector's terms for the second block: with two there is one vector, and its distance is not needed.
	eachBlock := func(f func(b int)) {
		if blocks > 1 {
			w.emit("MOVQ", reg.RDX, reg.RAX)
		}
		for b := range blocks {
			if b > 0 {
				w.emit("MOVQ", reg.RAX, reg.RDX)
			}
			f(b)
		}
	}
	load := func(b, step int) [][]reg.Register {
		in := make([][]reg.Register, step)
		for s := range in {
			for i := range group {
				in[s] = append(in[s], w.vec(next+s*group+i))
			}
		}
		for i, row := range rows {
			for lane := range lanes {
				from := operand.Mem{Base: row}
				switch n := b*lanes + lane; n {
				case 1, 2, 4:
					from.Index, from.Scale = reg.R12, uint8(n)
				case 3, 6:
					from.Index, from.Scale = reg.R13, uint8(n/3)
				case 5:
					from.Index, from.Scale = reg.R9, 1
				case 7:
					from.Index, from.Scale = reg.RBX, 1
				}
				for s := range step {
					from.Disp = 16 * s
					w.loadLane(from, lane, in[s][i])
				}
			}
		}
		return in
	}
	steps := []int{1}
	if w.wide() {
		steps = []int{4, 1} // whole lines of the cache as long as there are some, as transposed does
	}
	for _, step := range steps {
		n := group * step
		w.emit("SUBQ", operand.I8(int8(n)), reg.RCX)
		w.emit("JLT", operand.LabelRef(fmt.Sprintf("after%d", step)))
		w.Label(fmt.Sprintf("step%d", step))
		eachBlock(func(b int) {
			for _, in := range load(b, step) {
				terms(in, b, 0, next+step*group)
			}
		})
		for _, row := range rows {
			w.emit("ADDQ", operand.I8(int8(16*step)), row)
		}
		w.emit("SUBQ", operand.I8(int8(n)), reg.RCX)
		w.emit("JGE", operand.LabelRef(fmt.Sprintf("step%d", step)))
		w.Label(fmt.Sprintf("after%d", step))
		w.emit("ADDQ", operand.I8(int8(n)), reg.RCX)
	}
	// What is left is less than 16 bytes of each row: the last 16 bytes are read, and those terms that are done are left out.
	w.emit("JZ", operand.LabelRef("store"))
	for rest := 1; rest < group; rest++ {
		after := fmt.Sprintf("more%d", rest)
		if rest < group-1 {
			w.emit("CMPQ", reg.RCX, operand.I8(int8(rest)))
			w.emit("JNE", operand.LabelRef(after))
		}
		for _, row := range rows {
			w.emit("SUBQ", operand.I8(int8(16-rest*w.size)), row)
		}
		eachBlock(func(b int) { terms(load(b, 1)[0], b, group-rest, next+group) })
		if rest < group-1 {
			w.emit("JMP", operand.LabelRef("store"))
			w.Label(after)
		}
	}
	w.Label("store")
	w.flush(at(unsafe.Offsetof(d.Flush)), true)
	w.emit("MOVQ", at(unsafe.Offsetof(d.To)), reg.RDI)
	for i := range vectors * blocks {
		w.store(w.vec(i), false, mem(reg.RDI, i*w.bytes))
	}
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// rowsOfLanes loads the addresses of the first rows, of which 16 bytes are transposed together, and R12 and R13 with the distances of one and three such groups.
func (w *writer) rowsOfLanes(first, stride operand.Mem, group int) []reg.GPPhysical {
	rows := []reg.GPPhysical{reg.RSI, reg.R8, reg.R10, reg.R11}[:group]
	w.emit("MOVQ", first, reg.RSI)
	w.emit("MOVQ", stride, reg.RAX)
	for i := 1; i < group; i++ {
		w.emit("LEAQ", operand.Mem{Base: rows[i-1], Index: reg.RAX, Scale: 1}, rows[i])
	}
	w.emit("IMUL3Q", operand.U8(uint8(group)), reg.RAX, reg.R12)
	if w.wide() {
		w.emit("LEAQ", operand.Mem{Base: reg.R12, Index: reg.R12, Scale: 2}, reg.R13)
	}
	return rows
}

func dotsStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			for _, d := range dotShapes {
				n := dotsName(s, e, d.vectors, d.blocks)
				w("// %s multiplies %d blocks of rows with vectors: %d.", n, d.blocks, d.vectors)
				w("//\n//go:noescape\nfunc %s(d *Dots)\n", n)
			}
			w("// Dots%s%s holds the kernels that multiply a block of rows, by the number of vectors; the first one two blocks with one.", e.name, s.name)
			w("var Dots%s%s = [...]func(d *Dots){%s, %s, %s, %s, %s}\n", e.name, s.name, dotsName(s, e, 1, 2), dotsName(s, e, 1, 1), dotsName(s, e, 2, 1), dotsName(s, e, 3, 1), dotsName(s, e, 4, 1))
		}
	}
}
