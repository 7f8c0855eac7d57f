package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// repeats are the kernels that write n copies each of elements that lie step bytes apart.
func repeats() []kernel {
	var list []kernel
	for _, t := range []dtype.DType{dtype.Float64, dtype.Float32} {
		b := def.NewBuilder("repeat", micro.Invalid, t, 1)
		list = append(list, newKernel(b.Finish(b.Arg(0)), t))
	}
	return list
}

// writeRepeat emits a kernel of repeats. Vector register 0 holds the element, 1 the mask of a run's end (AVX2).
func (f *file) writeRepeat(k kernel) {
	fn := &function{file: f, kernel: k, wide: k.f.Width() == 64}
	fn.ctx.Function(k.name + f.level.suffix())
	fn.ctx.SignatureExpr("func(dst, src uintptr, n, runs, step int)")
	for _, p := range []struct {
		name string
		r    reg.Register
	}{{"dst", reg.RDI}, {"src", reg.RSI}, {"n", reg.RCX}, {"runs", reg.RDX}, {"step", reg.R8}} {
		fn.ctx.Load(fn.ctx.Param(p.name), p.r)
	}
	size, lanes := fn.elementBytes(), f.level.bytes()/fn.elementBytes()
	// R9 counts whole vectors, R10 are the elements of the end.
	fn.emit("MOVQ", reg.RCX, reg.R9)
	fn.emit("MOVQ", reg.RCX, reg.R10)
	shift := map[int]uint8{4: 2, 8: 3, 16: 4}[lanes]
	fn.emit("SHRQ", operand.U8(shift), reg.R9)
	fn.emit("ANDQ", operand.U8(uint8(lanes-1)), reg.R10)
	if f.level == avx512 {
		fn.emit("MOVQ", operand.I32(-1), reg.RAX)
		fn.emit("BZHIQ", reg.R10, reg.RAX, reg.RAX)
		fn.emit("KMOVW", reg.EAX, reg.K1)
	} else {
		fn.emit("LEAQ", fn.window(), reg.R11)
		fn.emit("MOVQ", reg.R10, reg.RAX)
		fn.emit("NEGQ", reg.RAX)
		fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.R11, Disp: 64, Index: reg.RAX, Scale: uint8(size)}, fn.vec(1))
	}
	broadcast := "VBROADCASTSS"
	if fn.wide {
		broadcast = "VBROADCASTSD"
	}
	fn.ctx.Label("run")
	fn.emit(broadcast, operand.Mem{Base: reg.RSI}, fn.vec(0))
	fn.emit("ADDQ", reg.R8, reg.RSI)
	fn.emit("MOVQ", reg.R9, reg.RCX)
	fn.emit("TESTQ", reg.RCX, reg.RCX)
	fn.emit("JZ", operand.LabelRef("end"))
	fn.ctx.Label("vector")
	fn.emit(fn.op("VMOVUP"), fn.vec(0), operand.Mem{Base: reg.RDI})
	fn.emit("ADDQ", operand.U8(uint8(f.level.bytes())), reg.RDI)
	fn.emit("DECQ", reg.RCX)
	fn.emit("JNZ", operand.LabelRef("vector"))
	fn.ctx.Label("end")
	fn.emit("TESTQ", reg.R10, reg.R10)
	fn.emit("JZ", operand.LabelRef("next"))
	if f.level == avx512 {
		fn.emit(fn.op("VMOVUP"), fn.vec(0), reg.K1, operand.Mem{Base: reg.RDI})
	} else {
		fn.emit(fn.op("VMASKMOVP"), fn.vec(0), fn.vec(1), operand.Mem{Base: reg.RDI})
	}
	fn.emit("LEAQ", operand.Mem{Base: reg.RDI, Index: reg.R10, Scale: uint8(size)}, reg.RDI)
	fn.ctx.Label("next")
	fn.emit("DECQ", reg.RDX)
	fn.emit("JNZ", operand.LabelRef("run"))
	fn.emit("VZEROUPPER")
	fn.emit("RET")
}
