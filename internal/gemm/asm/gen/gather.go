package main

import (
	"fmt"
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// gatherFile are kernels of AVX-512 alone: AVX2 has no masks of bits.
const gatherFile = "gather"

// mostRuns is the most runs of a vector that a kernel puts together.
const mostRuns = 4

// gathers emits the packing of what the terms of convolutions read: a vector is loaded from as many places as it has runs, each under a mask.
func (w *writer) gathers() {
	if w.size == 4 {
		w.fetch()
	}
	for runs := 1; runs <= mostRuns; runs++ {
		w.Function(fmt.Sprintf("Gather%s%sx%d", w.element.name, w.isa.name, runs))
		w.Attributes(attr.NOSPLIT)
		w.SignatureExpr("func(p *byte)")
		w.Load(w.Param("p"), reg.RDI)
		var g asm.Gather
		to, from, run, k := reg.RDX, reg.RSI, reg.R8, reg.RCX
		next, first, end := reg.R11, reg.R10, reg.R9
		for _, field := range []struct {
			offset uintptr
			to     reg.Register
		}{{unsafe.Offsetof(g.To), to}, {unsafe.Offsetof(g.From), from}, {unsafe.Offsetof(g.Next), next}, {unsafe.Offsetof(g.First), run}, {unsafe.Offsetof(g.Taps), first}, {unsafe.Offsetof(g.End), end}, {unsafe.Offsetof(g.K), k}} {
			w.emit("MOVQ", mem(reg.RDI, int(field.offset)), field.to)
		}
		w.Label("term")
		size := int(unsafe.Sizeof(asm.Run{}))
		for i := range runs {
			for v := range 2 {
				at, mask := (v*runs+i)*size, []reg.Register{reg.K1, reg.K2}[v]
				w.emit("MOVQ", mem(run, at), reg.RAX)
				w.emit("KMOVW", mem(run, at+int(unsafe.Offsetof(asm.Run{}.Mask))), mask)
				move := w.packed("VMOVU")
				if i == 0 {
					move += "_Z"
				}
				w.emit(move, operand.Mem{Base: from, Index: reg.RAX, Scale: 1}, mask, w.vec(v))
			}
		}
		for v := range 2 {
			w.emit(w.packed("VMOVU"), w.vec(v), mem(to, v*w.bytes))
		}
		w.emit("ADDQ", operand.I32(int32(2*runs*size)), run)
		w.emit("ADDQ", operand.I32(int32(2*w.bytes)), to)
		w.emit("CMPQ", run, end)
		w.emit("JNE", operand.LabelRef("same"))
		w.emit("MOVQ", first, run)
		w.emit("ADDQ", next, from)
		w.Label("same")
		w.emit("DECQ", k)
		w.emit("JNZ", operand.LabelRef("term"))
		w.emit("VZEROUPPER")
		w.emit("RET")
	}
}

// fetch emits the fetching of pieces of 128 bytes, a distance from one another.
func (w *writer) fetch() {
	w.Function("Fetch" + w.isa.name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(p *byte)")
	w.Load(w.Param("p"), reg.RDI)
	var g asm.Gather
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(g.From))), reg.RSI)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(g.Next))), reg.R11)
	w.emit("MOVQ", mem(reg.RDI, int(unsafe.Offsetof(g.K))), reg.RCX)
	w.Label("source")
	w.emit("PREFETCHT1", mem(reg.RSI, 63))
	w.emit("PREFETCHT1", mem(reg.RSI, 127))
	w.emit("ADDQ", reg.R11, reg.RSI)
	w.emit("DECQ", reg.RCX)
	w.emit("JNZ", operand.LabelRef("source"))
	w.emit("RET")
}

func gatherStubs(w func(format string, args ...any)) {
	w("// FetchAVX512 fetches 128 bytes of K sources into the second-level cache.")
	w("//\n//go:noescape\nfunc FetchAVX512(p *Gather)\n")
	for _, e := range elements {
		for runs := 1; runs <= mostRuns; runs++ {
			w("//go:noescape\nfunc Gather%sAVX512x%d(p *Gather)\n", e.name, runs)
		}
		w("// Gathers%sAVX512 packs what the terms of a convolution read, by the number of runs of a vector.", e.name)
		w("var Gathers%sAVX512 = [%d]func(g *Gather){", e.name, mostRuns+1)
		for runs := 1; runs <= mostRuns; runs++ {
			w("%d: Gather%sAVX512x%d,", runs, e.name, runs)
		}
		w("}\n")
	}
}
