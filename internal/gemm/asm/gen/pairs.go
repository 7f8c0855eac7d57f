package main

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// pairs emits the kernels of windows of 2×2 that lie side by side.
func (w *writer) pairs() {
	if !w.wide() {
		w.narrowPairs()
		return
	}
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
	broadcast, from := "VPBROADCASTD", reg.Register(reg.EAX)
	if size == 8 {
		broadcast, from = "VPBROADCASTQ", reg.RAX
		w.emit("MOVQ", operand.U64(bits64), reg.RAX)
	} else {
		w.emit("MOVL", operand.U32(bits32), reg.EAX)
	}
	if !w.wide() {
		w.emit("VMOVQ", reg.RAX, low128(to))
		from = low128(to)
	}
	w.emit(broadcast, from, to)
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

// narrowPairs emits them for AVX2. Rows of fewer windows than a vector has go on behind their end, where the next row is written later; elsewhere the last vector of a row begins so early that it is whole.
func (w *writer) narrowPairs() {
	n, zero, quarter := w.lanesOf(), w.vec(15), w.vec(14)
	wideAt := func(row reg.Register, i int) operand.Mem {
		return operand.Mem{Base: row, Index: reg.RBX, Scale: 2, Disp: i * w.bytes}
	}
	narrowAt := operand.Mem{Base: reg.RDX, Index: reg.RBX, Scale: 1}
	// Elements in their order are those of the halves of both vectors in turn.
	inOrder := func(r reg.Register) { w.emit("VPERMPD", operand.U8(0b11_01_10_00), r, r) }
	columns := func() (x [4]reg.Register) {
		for row, base := range []reg.GPPhysical{reg.RSI, reg.R10} {
			a, b := w.vec(0), w.vec(1)
			w.emit(w.packed("VMOVU"), wideAt(base, 0), a)
			w.emit(w.packed("VMOVU"), wideAt(base, 1), b)
			for i := range 2 {
				x[2*row+i] = w.vec(2 + 2*row + i)
				if w.size == 8 {
					w.emit([]string{"VUNPCKLPD", "VUNPCKHPD"}[i], b, a, x[2*row+i])
				} else {
					w.emit("VSHUFPS", operand.U8([]uint8{0b10_00_10_00, 0b11_01_11_01}[i]), b, a, x[2*row+i])
				}
			}
		}
		return x
	}
	w.eachNarrowPair("PairMeans", func() {
		w.zero(zero)
		w.constant(0, 0x3FD0000000000000, 8, quarter)
	}, func() {
		x, sums := columns(), []reg.Register{w.vec(6), w.vec(7)}
		if w.size == 8 {
			sums = sums[:1]
		}
		for half, sum := range sums {
			for i, v := range x {
				before := sum
				if i == 0 {
					before = zero
				}
				if w.size == 4 {
					if half == 1 {
						w.emit("VEXTRACTF128", operand.U8(1), v, low128(v))
					}
					w.emit("VCVTPS2PD", low128(v), w.vec(8))
					v = w.vec(8)
				}
				w.emit("VADDPD", v, before, sum)
			}
			w.emit("VMULPD", quarter, sum, sum)
			if w.size == 4 {
				w.emit("VCVTPD2PSY", sum, low128(sum))
			}
		}
		if w.size == 4 {
			w.emit("VINSERTF128", operand.U8(1), low128(sums[1]), sums[0], sums[0])
		}
		inOrder(sums[0])
		w.emit(w.packed("VMOVU"), sums[0], narrowAt)
	})
	w.eachNarrowPair("PairShares", func() {
		w.zero(zero)
		w.constant(0x3E800000, 0x3FD0000000000000, w.size, quarter)
	}, func() {
		x, low, high := w.vec(0), w.vec(1), w.vec(2)
		w.emit(w.packed("VMOVU"), narrowAt, x)
		w.emit(w.packed("VMUL"), quarter, x, x)
		w.emit(w.packed("VADD"), zero, x, x)
		w.emit("VUNPCKLP"+w.suffix, x, x, low)
		w.emit("VUNPCKHP"+w.suffix, x, x, high)
		for i := range 2 {
			w.emit("VPERM2F128", operand.U8([]uint8{0x20, 0x31}[i]), high, low, w.vec(3+i))
		}
		for _, base := range []reg.GPPhysical{reg.RSI, reg.R10} {
			for i := range 2 {
				w.emit(w.packed("VMOVU"), w.vec(3+i), wideAt(base, i))
			}
		}
	})
	numbers := [4]reg.Register{nil, w.vec(15), w.vec(14), w.vec(13)}
	w.eachNarrowPair("PairMaxima", func() {
		for i := 1; i < 4; i++ {
			w.constant(uint32(i), uint64(i), w.size, numbers[i])
		}
		w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(asm.Pairs{}.Which))), reg.R12)
	}, func() {
		x, which, taken, ordered := columns(), w.vec(6), w.vec(7), w.vec(8)
		best := x[0]
		w.zero(which)
		for i := 1; i < 4; i++ {
			w.emit("VCMPP"+w.suffix, operand.U8(0x16), best, x[i], taken) // not x ≤ best
			w.emit("VCMPP"+w.suffix, operand.U8(7), best, best, ordered)
			w.emit(w.packed("VAND"), ordered, taken, taken)
			w.emit("VBLENDVP"+w.suffix, taken, x[i], best, best)
			w.emit("VBLENDVP"+w.suffix, taken, numbers[i], which, which)
		}
		inOrder(best)
		inOrder(which)
		w.emit(w.packed("VMOVU"), best, narrowAt)
		half := low128(taken)
		w.emit("VEXTRACTI128", operand.U8(1), which, half)
		if w.size == 8 {
			w.emit("VSHUFPS", operand.U8(0b10_00_10_00), half, low128(which), low128(which))
			half = low128(which)
		}
		w.emit("VPACKSSDW", half, low128(which), low128(which))
		w.emit("VPACKUSWB", low128(which), low128(which), low128(which))
		w.emit(map[int]string{4: "VMOVD", 8: "VMOVQ"}[n], low128(which), operand.Mem{Base: reg.R12, Index: reg.RAX, Scale: 1})
	})
}

// eachNarrowPair begins a function that goes through rows of windows: body works on a vector of windows from number RAX of the row on, whose elements are RBX bytes behind the row, which begins at RDX,
// and twice as many behind the rows of elements, at RSI and R10; R12 moves on by rows of windows.
func (w *writer) eachNarrowPair(name string, begin, body func()) {
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
	shift := map[int]uint8{4: 2, 8: 3}[w.size]
	w.emit("MOVQ", reg.R8, reg.R9)
	w.emit("SHLQ", operand.U8(shift), reg.R9) // bytes of a row of windows
	w.emit("LEAQ", mem(reg.R8, -n), reg.R11)  // where the last vector begins
	w.Label("row")
	w.emit("LEAQ", operand.Mem{Base: reg.RSI, Index: reg.R9, Scale: 2}, reg.R10)
	w.emit("XORQ", reg.RAX, reg.RAX)
	w.emit("XORQ", reg.RBX, reg.RBX)
	w.Label("group")
	body()
	w.emit("CMPQ", reg.RAX, reg.R11)
	w.emit("JGE", operand.LabelRef("next"))
	w.emit("ADDQ", operand.U8(uint8(n)), reg.RAX)
	w.emit("CMPQ", reg.RAX, reg.R11)
	w.emit("CMOVQGT", reg.R11, reg.RAX)
	w.emit("MOVQ", reg.RAX, reg.RBX)
	w.emit("SHLQ", operand.U8(shift), reg.RBX)
	w.emit("JMP", operand.LabelRef("group"))
	w.Label("next")
	w.emit("LEAQ", operand.Mem{Base: reg.R10, Index: reg.R9, Scale: 2}, reg.RSI)
	w.emit("ADDQ", reg.R9, reg.RDX)
	w.emit("ADDQ", reg.R8, reg.R12)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("row"))
	w.emit("VZEROUPPER")
	w.emit("RET")
}

func pairStubs(w func(format string, args ...any)) {
	for _, s := range sets {
		for _, e := range elements {
			for _, f := range []struct{ name, what string }{{"PairMeans", "puts the means of windows of Wide into Narrow"}, {"PairShares", "puts quarters of the elements of Narrow into their windows of Wide"},
				{"PairMaxima", "puts the largest elements of windows of Wide into Narrow, and which of a window it is into Which"}} {
				w("// %s%s%s %s.", f.name, e.name, s.name, f.what)
				w("//\n//go:noescape\nfunc %s%s%s(p *Pairs)\n", f.name, e.name, s.name)
			}
		}
	}
}
