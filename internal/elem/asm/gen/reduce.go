package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// reduction is a kernel that folds n elements to one, in the order of micro.Loop: 64
// bytes of accumulators, then halves.
type reduction struct {
	name     string
	t        dtype.DType
	identity uint64
	extremum bool // NaN is noted apart and wins at the end
	greatest bool
	combine  string // instruction stem
	of       string // that of an operation on two arrays, of whose results the sum is
}

func reductions() []reduction {
	var list []reduction
	for _, t := range []dtype.DType{dtype.Float64, dtype.Float32} {
		bits := func(v float64) uint64 {
			if t == dtype.Float64 {
				return math.Float64bits(v)
			}
			return uint64(math.Float32bits(float32(v)))
		}
		suffix := map[dtype.DType]string{dtype.Float64: "F64", dtype.Float32: "F32"}[t]
		list = append(list,
			reduction{"ReduceSum" + suffix, t, bits(0), false, false, "VADDP", ""},
			reduction{"ReduceProd" + suffix, t, bits(1), false, false, "VMULP", ""},
			reduction{"ReduceMax" + suffix, t, bits(math.Inf(-1)), true, true, "VMAXP", ""},
			reduction{"ReduceMin" + suffix, t, bits(math.Inf(1)), true, false, "VMINP", ""},
			reduction{"SumAdd" + suffix, t, bits(0), false, false, "VADDP", "VADDP"},
			reduction{"SumSub" + suffix, t, bits(0), false, false, "VADDP", "VSUBP"},
			reduction{"SumMul" + suffix, t, bits(0), false, false, "VADDP", "VMULP"})
	}
	return list
}

// signature is the function's type, with pointers of the given type.
func (r *reduction) signature(pointer string) string {
	if r.of != "" {
		return "(a, b " + pointer + ", n int) uint64"
	}
	return "(a " + pointer + ", n int) uint64"
}

// writeReduction emits the kernel. Vector registers: 0 and 1 accumulators (1 for AVX2
// only), 2 and 3 elements, 4 the identity, 5 and 6 NaNs seen and scratch, 7 to 9 scratch.
func (f *file) writeReduction(r reduction) {
	b := def.NewBuilder("reduce", micro.Invalid, r.t, 1)
	fn := &function{file: f, kernel: kernel{name: r.name, f: b.Finish(b.Arg(0))}, wide: r.t == dtype.Float64}
	fn.ctx.Function(r.name + f.level.suffix())
	fn.ctx.SignatureExpr("func" + r.signature("uintptr"))
	fn.ctx.Load(fn.ctx.Param("a"), reg.RSI)
	if r.of != "" {
		fn.ctx.Load(fn.ctx.Param("b"), reg.RDI)
	}
	fn.ctx.Load(fn.ctx.Param("n"), reg.RCX)
	size := fn.elementBytes()
	perRound := 64 / size
	vectors := 64 / f.level.bytes()
	fn.loadConst(r.identity, 4)
	for v := range vectors {
		fn.emit(fn.op("VMOVUP"), fn.vec(4), fn.vec(v))
	}
	if r.extremum {
		if f.level == avx512 {
			fn.emit("KXORW", reg.K2, reg.K2, reg.K2)
		} else {
			fn.emit("VPXOR", reg.Y5, reg.Y5, reg.Y5)
		}
	}
	fn.emit("SUBQ", operand.U8(uint8(perRound)), reg.RCX)
	fn.emit("JLT", operand.LabelRef("rest"))
	fn.ctx.Label("loop")
	for v := range vectors {
		fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.RSI, Disp: v * f.level.bytes()}, fn.vec(2+v))
		if r.of != "" {
			fn.emit(fn.op(r.of), operand.Mem{Base: reg.RDI, Disp: v * f.level.bytes()}, fn.vec(2+v), fn.vec(2+v))
		}
		fn.accumulate(r, v, 2+v)
	}
	fn.emit("ADDQ", operand.U8(64), reg.RSI)
	if r.of != "" {
		fn.emit("ADDQ", operand.U8(64), reg.RDI)
	}
	fn.emit("SUBQ", operand.U8(uint8(perRound)), reg.RCX)
	fn.emit("JGE", operand.LabelRef("loop"))
	fn.ctx.Label("rest")
	fn.emit("ADDQ", operand.U8(uint8(perRound)), reg.RCX)
	fn.emit("JZ", operand.LabelRef("fold"))
	// The missing lanes are identities, which change no accumulator.
	if f.level == avx512 {
		fn.emit("MOVQ", operand.I32(-1), reg.RAX)
		fn.emit("BZHIQ", reg.RCX, reg.RAX, reg.RAX)
		fn.emit("KMOVW", reg.EAX, reg.K1)
		fn.emit(fn.op("VMOVUP"), fn.vec(4), fn.vec(2))
		fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.RSI}, reg.K1, fn.vec(2))
		if r.of != "" { // of missing lanes, which are 0, too
			fn.emit(fn.op("VMOVUP")+"_Z", operand.Mem{Base: reg.RDI}, reg.K1, fn.vec(3))
			fn.emit(fn.op(r.of), fn.vec(3), fn.vec(2), fn.vec(2))
		}
		fn.accumulate(r, 0, 2)
	} else {
		fn.emit("LEAQ", fn.window(), reg.R11)
		fn.emit("NEGQ", reg.RCX)
		for v := range vectors {
			fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.R11, Disp: 64 + 32*v, Index: reg.RCX, Scale: uint8(size)}, fn.vec(7))
			fn.emit(fn.op("VMASKMOVP"), operand.Mem{Base: reg.RSI, Disp: 32 * v}, fn.vec(7), fn.vec(2))
			if r.of != "" {
				fn.emit(fn.op("VMASKMOVP"), operand.Mem{Base: reg.RDI, Disp: 32 * v}, fn.vec(7), fn.vec(3))
				fn.emit(fn.op(r.of), fn.vec(3), fn.vec(2), fn.vec(2))
			}
			fn.emit(fn.op("VBLENDVP"), fn.vec(7), fn.vec(2), fn.vec(4), fn.vec(2))
			fn.accumulate(r, v, 2)
		}
	}
	fn.ctx.Label("fold")
	// Halves: vectors, then the parts of one.
	y := &function{file: &file{level: avx2, ctx: f.ctx, pool: f.pool, tables: f.tables}, kernel: fn.kernel, wide: fn.wide}
	if f.level == avx512 {
		fn.emit("VEXTRACTF64X4", operand.U8(1), reg.Z0, reg.Y1)
	}
	if r.extremum && f.level == avx512 {
		fn.emit("KORTESTW", reg.K2, reg.K2)
		fn.emit("JNZ", operand.LabelRef("nan"))
	} else if r.extremum {
		fn.emit(fn.op("VMOVMSKP"), reg.Y5, reg.EAX)
		fn.emit("TESTL", reg.EAX, reg.EAX)
		fn.emit("JNZ", operand.LabelRef("nan"))
	}
	y.combineHalves(r, 0, 1)
	y.emit("VEXTRACTF128", operand.U8(1), reg.Y0, reg.X1)
	y.combineHalves(r, 0, 1)
	for lanes := 16 / size; lanes > 1; lanes /= 2 {
		// Move the upper half of the remaining lanes down.
		if lanes*size == 16 {
			y.emit("VPSHUFD", operand.U8(0x0e), reg.X0, reg.X1)
		} else {
			y.emit("VPSHUFD", operand.U8(0x01), reg.X0, reg.X1)
		}
		y.combineHalves(r, 0, 1)
	}
	if fn.wide {
		fn.emit("VMOVQ", reg.X0, reg.RAX)
	} else {
		fn.emit("VMOVD", reg.X0, reg.EAX)
	}
	fn.ctx.Store(reg.RAX, fn.ctx.ReturnIndex(0))
	fn.emit("VZEROUPPER")
	fn.emit("RET")
	if r.extremum {
		fn.ctx.Label("nan")
		nan := uint64(0x7ff8000000000001)
		if !fn.wide {
			nan = 0x7fc00000
		}
		fn.emit("MOVQ", operand.U64(nan), reg.RAX)
		fn.ctx.Store(reg.RAX, fn.ctx.ReturnIndex(0))
		fn.emit("VZEROUPPER")
		fn.emit("RET")
	}
}

// accumulate folds the elements in register x into accumulator acc.
func (fn *function) accumulate(r reduction, acc, x int) {
	if !r.extremum {
		fn.emit(fn.op(r.combine), fn.vec(x), fn.vec(acc), fn.vec(acc))
		return
	}
	if fn.level == avx512 {
		// VRANGE orders −0 below +0 and gives the number when the other is NaN.
		mode := uint8(0x04)
		if r.greatest {
			mode = 0x05
		}
		fn.emit(fn.op("VCMPP"), operand.U8(0x03), fn.vec(x), fn.vec(x), reg.K1)
		fn.emit("KORW", reg.K1, reg.K2, reg.K2)
		fn.emit(fn.op("VRANGEP"), operand.U8(mode), fn.vec(x), fn.vec(acc), fn.vec(acc))
		return
	}
	fn.emit(fn.op("VCMPP"), operand.U8(0x03), fn.vec(x), fn.vec(x), fn.vec(6))
	fn.emit("VPOR", fn.vec(6), fn.vec(5), fn.vec(5))
	fn.combineHalves(r, acc, x)
}

// combineHalves is acc = acc op x without NaN (AVX2 registers).
func (fn *function) combineHalves(r reduction, acc, x int) {
	if !r.extremum {
		fn.emit(fn.op(r.combine), fn.vec(x), fn.vec(acc), fn.vec(acc))
		return
	}
	// Equal operands are equal bits or zeros: and gives +0, or gives −0.
	logic := "VPOR"
	if r.greatest {
		logic = "VPAND"
	}
	fn.emit(fn.op("VCMPP"), operand.U8(0x00), fn.vec(x), fn.vec(acc), fn.vec(7))
	fn.emit(logic, fn.vec(x), fn.vec(acc), fn.vec(8))
	fn.emit(fn.op(r.combine), fn.vec(acc), fn.vec(x), fn.vec(9))
	fn.emit(fn.op("VBLENDVP"), fn.vec(7), fn.vec(8), fn.vec(9), fn.vec(acc))
}
