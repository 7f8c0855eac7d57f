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
	if f.level == avx512 {
		fn.repeatWithin(size, lanes)
	}
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
	fn.ctx.Label("return")
	fn.emit("VZEROUPPER")
	fn.emit("RET")
}

// repeatWithin emits the loop for neighbouring elements of which a vector holds the copies of several, 2, 4 or 8 each: it takes their elements from one vector, as what is stored run by run cannot be loaded
// as vectors before all of it has reached the cache. Whole vectors alone are stored; the other runs are left.
func (fn *function) repeatWithin(size, lanes int) {
	fn.emit("CMPQ", reg.R8, operand.U8(uint8(size)))
	fn.emit("JNE", operand.LabelRef("apart"))
	fn.emit("CMPQ", reg.RCX, operand.U8(uint8(lanes/2)))
	fn.emit("JGT", operand.LabelRef("apart"))
	fn.emit("CMPQ", reg.RCX, operand.U8(2))
	fn.emit("JLT", operand.LabelRef("apart"))
	fn.emit("LEAQ", operand.Mem{Base: reg.RCX, Disp: -1}, reg.RAX)
	fn.emit("TESTQ", reg.RCX, reg.RAX)
	fn.emit("JNZ", operand.LabelRef("apart"))
	fn.emit("TZCNTQ", reg.RCX, reg.RAX)
	fn.emit("VMOVQ", reg.RAX, reg.X3)
	fn.emit("MOVQ", operand.I32(int32(lanes)), reg.R11)
	fn.emit("SHRXQ", reg.RAX, reg.R11, reg.R11) // elements of a vector
	fn.emit("MOVQ", operand.I32(-1), reg.RAX)
	fn.emit("BZHIQ", reg.R11, reg.RAX, reg.RAX)
	fn.emit("KMOVW", reg.EAX, reg.K2)
	shift, permute := "VPSRLD", "VPERMPS"
	if fn.wide {
		shift, permute = "VPSRLQ", "VPERMPD"
	}
	fn.emit("LEAQ", fn.numbers(), reg.RAX)
	fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.RAX}, fn.vec(2))
	fn.emit(shift, reg.X3, fn.vec(2), fn.vec(2))
	fn.ctx.Label("within")
	fn.emit("CMPQ", reg.RDX, reg.R11)
	fn.emit("JLT", operand.LabelRef("left"))
	fn.emit(fn.op("VMOVUP")+"_Z", operand.Mem{Base: reg.RSI}, reg.K2, fn.vec(0))
	fn.emit(permute, fn.vec(0), fn.vec(2), fn.vec(0))
	fn.emit(fn.op("VMOVUP"), fn.vec(0), operand.Mem{Base: reg.RDI})
	fn.emit("LEAQ", operand.Mem{Base: reg.RSI, Index: reg.R11, Scale: uint8(size)}, reg.RSI)
	fn.emit("ADDQ", operand.U8(uint8(size*lanes)), reg.RDI)
	fn.emit("SUBQ", reg.R11, reg.RDX)
	fn.emit("JMP", operand.LabelRef("within"))
	fn.ctx.Label("left")
	fn.emit("TESTQ", reg.RDX, reg.RDX)
	fn.emit("JZ", operand.LabelRef("return"))
	fn.ctx.Label("apart")
}

// numbers returns the address of a vector of 0, 1, 2, …
func (fn *function) numbers() operand.Mem {
	name := "numbers32"
	if fn.wide {
		name = "numbers64"
	}
	if m, ok := fn.tables[name]; ok {
		return m
	}
	m := operand.NewDataAddr(symbol(name), 0)
	fn.tables[name] = m
	list := make([]uint64, 64/fn.elementBytes())
	for i := range list {
		list[i] = uint64(i)
	}
	fn.data = append(fn.data, func() { fn.global(name, list, fn.wide, 1) })
	return m
}
