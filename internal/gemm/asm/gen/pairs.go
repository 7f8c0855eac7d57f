package main

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// pairsFile is the kind of the kernels of windows, which exist for AVX-512 only.
const pairsFile = "pairs"

// pairs emits the kernels of windows of 2×2 that lie side by side.
func (w *writer) pairs() {
	n := w.lanesOf()
	w.table("even", func(i int) int { return 2 * i })
	w.table("odd", func(i int) int { return 2*i + 1 })
	w.table("lower", func(i int) int { return i / 2 })
	w.table("upper", func(i int) int { return n/2 + i/2 })
	w.pairMeans()
	w.pairShares()
	w.pairMaxima()
}

func (w *writer) tableName(name string) string { return name + w.element.name }

// table is a vector of numbers of lanes.
func (w *writer) table(name string, f func(i int) int) {
	w.StaticGlobal(w.tableName(name))
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range w.lanesOf() {
		if w.size == 8 {
			w.AddDatum(8*i, operand.U64(f(i)))
		} else {
			w.AddDatum(4*i, operand.U32(f(i)))
		}
	}
}

func (w *writer) loadTable(name string, to reg.Register) {
	w.emit("VMOVUPD", operand.NewDataAddr(operand.NewStaticSymbol(w.tableName(name)), 0), to)
}

// constant broadcasts a number, given as its bits.
func (w *writer) constant(bits32 uint32, bits64 uint64, size int, to reg.Register) {
	if size == 8 {
		w.emit("MOVQ", operand.U64(bits64), reg.RAX)
		w.emit("VPBROADCASTQ", reg.RAX, to)
		return
	}
	w.emit("MOVL", operand.U32(bits32), reg.EAX)
	w.emit("VPBROADCASTD", reg.EAX, to)
}

// eachPair begins a function that goes through rows of windows: body works on a vector of windows, whose elements begin at RSI, in the row, and R10, in the next; results at RDX.
// K1 and K2 are the masks of elements, K3 that of windows, of which R11 are left. It must leave these registers, and R8, R9, RCX and RDI, alone.
func (w *writer) eachPair(name string, begin, body func()) {
	w.Function(name + w.element.name + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(p *byte)")
	w.Load(w.Param("p"), reg.RDI)
	var p asm.Pairs
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	n := w.lanesOf()
	begin()
	w.emit("MOVQ", at(unsafe.Offsetof(p.Wide)), reg.RSI)
	w.emit("MOVQ", at(unsafe.Offsetof(p.Narrow)), reg.RDX)
	w.emit("MOVQ", at(unsafe.Offsetof(p.Rows)), reg.RCX)
	w.emit("MOVQ", at(unsafe.Offsetof(p.N)), reg.R8)
	w.emit("MOVQ", reg.R8, reg.R9)
	w.emit("SHLQ", operand.U8(map[int]uint8{4: 3, 8: 4}[w.size]), reg.R9) // bytes of a row of elements
	w.Label("row")
	w.emit("MOVQ", reg.R8, reg.R11)
	w.emit("LEAQ", operand.Mem{Base: reg.RSI, Index: reg.R9, Scale: 1}, reg.R10)
	w.Label("group")
	w.emit("MOVQ", operand.I32(int32(n)), reg.RAX)
	w.emit("CMPQ", reg.R11, reg.RAX)
	w.emit("CMOVQLT", reg.R11, reg.RAX)
	w.emit("MOVQ", operand.I32(-1), reg.RBX)
	w.emit("BZHIQ", reg.RAX, reg.RBX, reg.RBX)
	w.emit("KMOVW", reg.EBX, reg.K3)
	w.emit("ADDQ", reg.RAX, reg.RAX)
	w.emit("MOVQ", operand.I32(-1), reg.RBX)
	w.emit("BZHIQ", reg.RAX, reg.RBX, reg.RBX)
	w.emit("KMOVW", reg.EBX, reg.K1)
	w.emit("SHRQ", operand.U8(uint8(n)), reg.RBX)
	w.emit("KMOVW", reg.EBX, reg.K2)
	body()
	w.emit("ADDQ", operand.I32(128), reg.RSI)
	w.emit("ADDQ", operand.I32(128), reg.R10)
	w.emit("ADDQ", operand.I8(64), reg.RDX)
	w.emit("SUBQ", operand.I8(int8(n)), reg.R11)
	w.emit("JG", operand.LabelRef("group"))
	// The last group may have been narrower: R11 is what it lacks, below 0. The next row begins behind the next one of elements.
	w.emit("SHLQ", operand.U8(map[int]uint8{4: 2, 8: 3}[w.size]), reg.R11)
	w.emit("ADDQ", reg.R11, reg.RDX)
	w.emit("LEAQ", operand.Mem{Base: reg.R10, Index: reg.R11, Scale: 2}, reg.RSI)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("row"))
	w.emit("VZEROUPPER")
	w.emit("RET")
}

// columnsOfPairs loads the elements of a vector of windows: those of their first column and of their second one, in each row.
func (w *writer) columnsOfPairs(even, odd reg.Register, to [4]reg.Register, a, b reg.Register) {
	for row, base := range []reg.GPPhysical{reg.RSI, reg.R10} {
		w.emit(w.packed("VMOVU")+"_Z", mem(base, 0), reg.K1, a)
		w.emit(w.packed("VMOVU")+"_Z", mem(base, 64), reg.K2, b)
		for i, index := range []reg.Register{even, odd} {
			w.emit("VMOVAPD", index, to[2*row+i])
			w.emit("VPERMI2P"+w.suffix, b, a, to[2*row+i])
		}
	}
}

// pairMeans emits the means of windows, added in float64 from 0 on.
func (w *writer) pairMeans() {
	zero, quarter, even, odd := w.vec(31), w.vec(30), w.vec(29), w.vec(28)
	w.eachPair("PairMeans", func() {
		w.loadTable("even", even)
		w.loadTable("odd", odd)
		w.zero(zero)
		w.constant(0, 0x3FD0000000000000, 8, quarter)
	}, func() {
		x := [4]reg.Register{w.vec(2), w.vec(3), w.vec(4), w.vec(5)}
		w.columnsOfPairs(even, odd, x, w.vec(0), w.vec(1))
		if w.size == 8 {
			for i, v := range x {
				w.emit("VADDPD", v, map[bool]reg.Register{true: zero, false: w.vec(6)}[i == 0], w.vec(6))
			}
			w.emit("VMULPD", quarter, w.vec(6), w.vec(6))
			w.emit("VMOVUPD", w.vec(6), reg.K3, mem(reg.RDX, 0))
			return
		}
		half := func(r reg.Register) reg.Register { return r.(reg.VecPhysical).AsY() }
		for h, sum := range []reg.Register{w.vec(6), w.vec(7)} {
			for i, v := range x {
				from := half(v)
				if h == 1 {
					from = half(w.vec(9))
					w.emit("VEXTRACTF64X4", operand.U8(1), v, from)
				}
				w.emit("VCVTPS2PD", from, w.vec(8))
				w.emit("VADDPD", w.vec(8), map[bool]reg.Register{true: zero, false: sum}[i == 0], sum)
			}
			w.emit("VMULPD", quarter, sum, sum)
			w.emit("VCVTPD2PS", sum, half(sum))
		}
		w.emit("VINSERTF64X4", operand.U8(1), half(w.vec(7)), w.vec(6), w.vec(6))
		w.emit("VMOVUPS", w.vec(6), reg.K3, mem(reg.RDX, 0))
	})
}

// pairShares emits the transpose of means: a quarter of an element, not −0, goes to each element of its window.
func (w *writer) pairShares() {
	zero, quarter, lower, upper := w.vec(31), w.vec(30), w.vec(29), w.vec(28)
	w.eachPair("PairShares", func() {
		w.loadTable("lower", lower)
		w.loadTable("upper", upper)
		w.zero(zero)
		w.constant(0x3E800000, 0x3FD0000000000000, w.size, quarter)
	}, func() {
		x, a, b := w.vec(0), w.vec(1), w.vec(2)
		w.emit(w.packed("VMOVU")+"_Z", mem(reg.RDX, 0), reg.K3, x)
		w.emit(w.packed("VMUL"), quarter, x, x)
		w.emit(w.packed("VADD"), zero, x, x)
		w.emit(w.packed("VPERM"), x, lower, a)
		w.emit(w.packed("VPERM"), x, upper, b)
		for _, base := range []reg.GPPhysical{reg.RSI, reg.R10} {
			w.emit(w.packed("VMOVU"), a, reg.K1, mem(base, 0))
			w.emit(w.packed("VMOVU"), b, reg.K2, mem(base, 64))
		}
	})
}

// pairMaxima emits the largest elements of windows, and which of the four each is: 0 and 1 in the row, 2 and 3 in the next. A NaN wins, the first of equal ones does.
func (w *writer) pairMaxima() {
	even, odd := w.vec(31), w.vec(30)
	numbers := [4]reg.Register{nil, w.vec(29), w.vec(28), w.vec(27)}
	w.eachPair("PairMaxima", func() {
		w.loadTable("even", even)
		w.loadTable("odd", odd)
		for i := 1; i < 4; i++ {
			w.constant(uint32(i), 0, 4, numbers[i])
		}
		var p asm.Pairs
		w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(p.Which))), reg.R12)
	}, func() {
		x := [4]reg.Register{w.vec(2), w.vec(3), w.vec(4), w.vec(5)}
		w.columnsOfPairs(even, odd, x, w.vec(0), w.vec(1))
		best, which := x[0], w.vec(6)
		w.zero(which)
		compare := "VCMPP" + w.suffix
		for i := 1; i < 4; i++ {
			const less, unordered, ordered = 1, 3, 7
			w.emit(compare, operand.U8(less), x[i], best, reg.K4) // best < x
			w.emit(compare, operand.U8(unordered), x[i], x[i], reg.K5)
			w.emit(compare, operand.U8(ordered), best, best, reg.K6)
			w.emit("KANDW", reg.K5, reg.K6, reg.K5)
			w.emit("KORW", reg.K4, reg.K5, reg.K4)
			w.emit("VMOVAP"+w.suffix, x[i], reg.K4, best)
			w.emit("VMOVDQA32", numbers[i], reg.K4, which)
		}
		w.emit(w.packed("VMOVU"), best, reg.K3, mem(reg.RDX, 0))
		w.emit("VPMOVDB", which, reg.K3, mem(reg.R12, 0))
		w.emit("LEAQ", operand.Mem{Base: reg.R12, Index: reg.R11, Scale: 1}, reg.RBX)
		w.emit("ADDQ", operand.I8(int8(w.lanesOf())), reg.R12)
		w.emit("CMPQ", reg.R11, operand.I8(int8(w.lanesOf())))
		w.emit("CMOVQLT", reg.RBX, reg.R12)
	})
}

func pairStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		if s.bytes != 64 {
			continue
		}
		for _, e := range elements {
			for _, f := range []struct{ name, what string }{{"PairMeans", "puts the means of windows of Wide into Narrow"}, {"PairShares", "puts quarters of the elements of Narrow into their windows of Wide"},
				{"PairMaxima", "puts the largest elements of windows of Wide into Narrow, and which of a window it is into Which"}} {
				w("// %s%s%s %s.", f.name, e.name, s.name, f.what)
				w("//\n//go:noescape\nfunc %s%s%s(p *Pairs)\n", f.name, e.name, s.name)
			}
		}
	}
}
