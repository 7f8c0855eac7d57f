package main

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// windowsFile is the kind of the kernels of maxima of windows, which exist for AVX2 and float32 only.
const windowsFile = "windows"

func (w *writer) windows() {
	if w.size == 4 {
		w.windowMaxima(1)
		w.windowMaxima(2)
	}
}

// windowMaxima emits the largest elements of windows that are stride elements apart, and their indices: a NaN wins, the first of equal ones does.
func (w *writer) windowMaxima(stride int) {
	w.Function(windowsName(stride))
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(p *byte)")
	w.Load(w.Param("p"), reg.RDI)
	var p asm.Windows
	at := func(offset uintptr) operand.Mem { return mem(reg.RDI, int(offset)) }
	v, other, best, which, number, taken, ordered, base, step := w.vec(0), w.vec(1), w.vec(2), w.vec(3), w.vec(4), w.vec(5), w.vec(6), w.vec(7), w.vec(8)
	w.emit("MOVQ", at(unsafe.Offsetof(p.From)), reg.RSI)
	w.emit("MOVQ", at(unsafe.Offsetof(p.To)), reg.RDX)
	w.emit("MOVQ", at(unsafe.Offsetof(p.Index)), reg.R8)
	w.emit("MOVQ", at(unsafe.Offsetof(p.N)), reg.RCX)
	w.emit("VPBROADCASTD", at(unsafe.Offsetof(p.First)), base)
	w.emit("VPADDD", operand.NewDataAddr(operand.NewStaticSymbol(windowsTable(stride)), 0), base, base)
	tap := func(load func()) {
		w.emit("MOVQ", mem(reg.R9, 0), reg.R10)
		load()
		w.emit("VPBROADCASTD", mem(reg.R9, 8), number)
		w.emit("VPADDD", base, number, number)
		w.emit("ADDQ", operand.U8(16), reg.R9)
	}
	load := func() {
		element := func(i int) operand.Mem {
			return operand.Mem{Base: reg.RSI, Index: reg.R10, Scale: 1, Disp: 4 * i}
		}
		w.emit("VMOVUPS", element(0), v)
		if stride == 2 { // elements 0, 2, … 14, and nothing behind them
			w.emit("VMOVUPS", element(7), other)
			w.emit("VSHUFPS", operand.U8(0b11_01_10_00), other, v, v)
			w.emit("VPERMPD", operand.U8(0b11_01_10_00), v, v)
		}
	}
	w.Label("group")
	w.emit("MOVQ", at(unsafe.Offsetof(p.Taps)), reg.R9)
	w.emit("MOVQ", at(unsafe.Offsetof(p.K)), reg.RBX)
	tap(load)
	w.emit("VMOVAPS", v, best)
	w.emit("VMOVAPS", number, which)
	w.emit("DECQ", reg.RBX)
	w.emit("JZ", operand.LabelRef("store"))
	w.Label("tap")
	tap(load)
	w.emit("VCMPPS", operand.U8(0x16), best, v, taken) // not v ≤ best
	w.emit("VCMPPS", operand.U8(7), best, best, ordered)
	w.emit("VANDPS", ordered, taken, taken)
	w.emit("VBLENDVPS", taken, v, best, best)
	w.emit("VBLENDVPS", taken, number, which, which)
	w.emit("DECQ", reg.RBX)
	w.emit("JNZ", operand.LabelRef("tap"))
	w.Label("store")
	w.emit("VMOVUPS", best, mem(reg.RDX, 0))
	w.emit("VPMOVSXDQ", low128(which), number)
	w.emit("VMOVDQU", number, mem(reg.R8, 0))
	w.emit("VEXTRACTI128", operand.U8(1), which, low128(which))
	w.emit("VPMOVSXDQ", low128(which), number)
	w.emit("VMOVDQU", number, mem(reg.R8, 32))
	// The last group begins so early that it is whole.
	w.emit("SUBQ", operand.U8(8), reg.RCX)
	w.emit("JZ", operand.LabelRef("end"))
	w.emit("MOVQ", operand.I32(8), reg.RAX)
	w.emit("CMPQ", reg.RCX, reg.RAX)
	w.emit("CMOVQLT", reg.RCX, reg.RAX)
	w.emit("MOVQ", operand.I32(8), reg.R11)
	w.emit("CMPQ", reg.RCX, reg.R11)
	w.emit("CMOVQLT", reg.R11, reg.RCX)
	w.emit("LEAQ", operand.Mem{Base: reg.RDX, Index: reg.RAX, Scale: 4}, reg.RDX)
	w.emit("LEAQ", operand.Mem{Base: reg.R8, Index: reg.RAX, Scale: 8}, reg.R8)
	w.emit("LEAQ", operand.Mem{Base: reg.RSI, Index: reg.RAX, Scale: uint8(4 * stride)}, reg.RSI)
	if stride == 2 {
		w.emit("ADDQ", reg.RAX, reg.RAX)
	}
	w.emit("VMOVQ", reg.RAX, low128(step))
	w.emit("VPBROADCASTD", low128(step), step)
	w.emit("VPADDD", step, base, base)
	w.emit("JMP", operand.LabelRef("group"))
	w.Label("end")
	w.emit("VZEROUPPER")
	w.emit("RET")
	w.StaticGlobal(windowsTable(stride))
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 8 {
		w.AddDatum(4*i, operand.U32(i*stride))
	}
}

func windowsTable(stride int) string { return map[int]string{1: "lanes", 2: "twice"}[stride] }

func windowsName(stride int) string {
	return map[int]string{1: "WindowMaximaF32AVX2", 2: "WindowMaximaByTwosF32AVX2"}[stride]
}

func windowStubs(w func(format string, args ...any)) {
	for stride := 1; stride <= 2; stride++ {
		w("// %s finds the largest elements of windows that are %d apart.", windowsName(stride), stride)
		w("//\n//go:noescape\nfunc %s(p *Windows)\n", windowsName(stride))
	}
}
