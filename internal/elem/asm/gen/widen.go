package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// writeAddWidened emits the kernel that adds n float32 to as many float64.
func (f *file) writeAddWidened() {
	b := def.NewBuilder("add_widened", micro.Invalid, dtype.Float64, 1)
	fn := &function{file: f, kernel: kernel{f: b.Finish(b.Arg(0))}, wide: true}
	fn.ctx.Function("AddWidened" + f.level.suffix())
	fn.ctx.SignatureExpr("func(dst, a uintptr, n int)")
	fn.ctx.Load(fn.ctx.Param("dst"), reg.RDI)
	fn.ctx.Load(fn.ctx.Param("a"), reg.RSI)
	fn.ctx.Load(fn.ctx.Param("n"), reg.RCX)
	bytes := f.level.bytes()
	to, from := operand.Mem{Base: reg.RDI}, operand.Mem{Base: reg.RSI}
	fn.emit("SUBQ", operand.U8(uint8(bytes/8)), reg.RCX)
	fn.emit("JLT", operand.LabelRef("rest"))
	fn.ctx.Label("loop")
	fn.emit("VCVTPS2PD", from, fn.vec(0))
	fn.emit("VADDPD", to, fn.vec(0), fn.vec(0))
	fn.emit("VMOVUPD", fn.vec(0), to)
	fn.emit("ADDQ", operand.U8(uint8(bytes)), reg.RDI)
	fn.emit("ADDQ", operand.U8(uint8(bytes/2)), reg.RSI)
	fn.emit("SUBQ", operand.U8(uint8(bytes/8)), reg.RCX)
	fn.emit("JGE", operand.LabelRef("loop"))
	fn.ctx.Label("rest")
	fn.emit("ADDQ", operand.U8(uint8(bytes/8)), reg.RCX)
	fn.emit("JZ", operand.LabelRef("done"))
	fn.ctx.Label("one")
	fn.emit("VCVTSS2SD", from, reg.X0, reg.X0)
	fn.emit("VADDSD", to, reg.X0, reg.X0)
	fn.emit("VMOVSD", reg.X0, to)
	fn.emit("ADDQ", operand.U8(8), reg.RDI)
	fn.emit("ADDQ", operand.U8(4), reg.RSI)
	fn.emit("DECQ", reg.RCX)
	fn.emit("JNZ", operand.LabelRef("one"))
	fn.ctx.Label("done")
	fn.emit("VZEROUPPER")
	fn.emit("RET")
}
