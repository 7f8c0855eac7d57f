package main

import (
	"fmt"
	"math"
	"reflect"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel/def"
)

type level int

const (
	avx2 level = iota
	avx512
)

func (l level) registers() int {
	if l == avx512 {
		return 32
	}
	return 16
}

func (l level) bytes() int {
	if l == avx512 {
		return 64
	}
	return 32
}

// array is the memory form of an argument or result: lanes, or one byte 0 or 1 per lane.
type array int

const (
	lanes array = iota
	bools
)

func (a array) isBool() bool { return a == bools }

// kernel is a block kernel to be written.
type kernel struct {
	name    string // Go name without the level
	f       *def.Func
	inputs  []array
	outputs []array
}

// function emits one kernel: a loop over whole vectors, whose body runs the fast form and leaves
// for the complete form if the guard is true in a lane. What remains at the end is copied
// to a buffer on the stack, run as one more vector, and copied out under a mask.
type function struct {
	*file
	kernel
	wide     bool
	hoisted  map[uint64]int // constants that stay in a register
	reserved []int
	slots    int
	frame    int // bytes of tail buffers below the spill slots
}

var (
	regDst  = []reg.GPPhysical{reg.RDI, reg.R12}
	regSrc  = []reg.GPPhysical{reg.RSI, reg.RDX, reg.R10}
	regN    = reg.RCX
	regI    = reg.RBX
	regOut  = []reg.GPPhysical{reg.R8, reg.R13} // results proper, while regDst points to buffers
	regTail = reg.R9                            // lanes in the buffers, 0 before
)

func (fn *function) emit(name string, ops ...operand.Op) {
	m := reflect.ValueOf(fn.ctx).MethodByName(name)
	if !m.IsValid() {
		panic("BUG: avo has no instruction " + name)
	}
	args := make([]reflect.Value, len(ops))
	for i, o := range ops {
		args[i] = reflect.ValueOf(o)
	}
	m.Call(args)
}

func (fn *function) lanesPerVector() int {
	if fn.wide {
		return fn.level.bytes() / 8
	}
	return fn.level.bytes() / 4
}

func (fn *function) elementBytes() int {
	if fn.wide {
		return 8
	}
	return 4
}

func (fn *function) laneBits(u uint64) uint64 {
	if !fn.wide {
		u &= math.MaxUint32
	}
	return u
}

func (fn *function) newSlot() int {
	fn.slots++
	return fn.slots - 1
}

// The frame holds one buffer of a vector for each input and output, then the spill slots.
func (fn *function) buffer(k int) operand.Mem {
	return operand.Mem{Base: reg.StackPointer, Disp: k * fn.level.bytes()}
}

func (fn *function) slotAddr(s int) operand.Mem {
	return fn.buffer(len(fn.inputs) + len(fn.outputs) + s)
}

func (fn *function) at(base reg.Register, a array) operand.Mem {
	scale := uint8(fn.elementBytes())
	if a.isBool() {
		scale = 1
	}
	return operand.Mem{Base: base, Index: regI, Scale: scale}
}

func (fn *function) argAddr(k int) operand.Mem { return fn.at(regSrc[k], fn.inputs[k]) }

func (fn *function) loadArg(k, i int) {
	if !fn.inputs[k].isBool() {
		fn.emit(fn.op("VMOVUP"), fn.argAddr(k), fn.vec(i))
		return
	}
	name := "VPMOVZXBD"
	if fn.wide {
		name = "VPMOVZXBQ"
	}
	fn.emit(name, fn.argAddr(k), fn.vec(i))
}

// storeResult writes the vector in register i to output k; bools come as lanes 0 or 1.
// Register i may be overwritten.
func (fn *function) storeResult(k, i int) {
	to := fn.at(regDst[k], fn.outputs[k])
	switch {
	case !fn.outputs[k].isBool():
		fn.emit(fn.op("VMOVUP"), fn.vec(i), to)
	case fn.level == avx512 && fn.wide:
		fn.emit("VPMOVQB", fn.vec(i), to)
	case fn.level == avx512:
		fn.emit("VPMOVDB", fn.vec(i), to)
	default:
		// Sign bits to a bit field, bits to bytes.
		fn.emit(fn.intOp("VPSLL"), operand.U8(uint8(8*fn.elementBytes()-1)), fn.vec(i), fn.vec(i))
		fn.emit(fn.op("VMOVMSKP"), fn.vec(i), reg.EAX)
		fn.emit("MOVQ", operand.U64(0x0101010101010101), reg.R11)
		fn.emit("PDEPQ", reg.R11, reg.RAX, reg.RAX)
		if fn.wide {
			fn.emit("MOVL", reg.EAX, to)
		} else {
			fn.emit("MOVQ", reg.RAX, to)
		}
	}
}

func (fn *function) loadConst(bits uint64, i int) {
	if i2, ok := fn.hoisted[bits]; ok {
		fn.emit(fn.op("VMOVUP"), fn.vec(i2), fn.vec(i))
		return
	}
	if bits == 0 {
		fn.emit(fn.logicOp("VPXOR"), fn.vec(i), fn.vec(i), fn.vec(i))
		return
	}
	o, _ := fn.constant(bits)
	if fn.level == avx512 {
		fn.emit(fn.op("VBROADCASTS"), o, fn.vec(i))
		return
	}
	fn.emit(fn.op("VMOVUP"), o, fn.vec(i))
}

// write emits the whole function.
func (fn *function) write() {
	// A trial run tells how many registers the fast body needs; the rest hold constants.
	fast := fn.lowerScale(fn.f.Fast())
	complete := fn.lowerScale(fn.f)
	fn.hoisted = map[uint64]int{}
	trial := &file{level: fn.level, pool: fn.pool, ctx: newContext("trial"), tables: map[string]operand.Mem{}, trial: true}
	probe := &function{file: trial, kernel: fn.kernel, wide: fn.wide}
	trial.ctx.Function("trial")
	pb := newBody(probe, fast)
	pb.run(nil)
	spare := fn.level.registers() - pb.peak - 1
	next := fn.level.registers() - 1
	for _, bits := range constantsByUse(fast) {
		if spare <= 0 {
			break
		}
		fn.hoisted[bits] = next
		next--
		spare--
	}

	fn.ctx.Function(fn.name + fn.level.suffix())
	params := fn.signature()
	fn.ctx.SignatureExpr(params)
	for k := range fn.outputs {
		fn.ctx.Load(fn.ctx.Param(outputNames(len(fn.outputs))[k]), regDst[k])
	}
	for k := range fn.inputs {
		fn.ctx.Load(fn.ctx.Param([]string{"a", "b", "c"}[k]), regSrc[k])
	}
	fn.ctx.Load(fn.ctx.Param("n"), regN)
	hoist := fn.hoisted
	fn.hoisted = nil
	for _, bits := range sortedKeys(hoist) {
		fn.loadConst(bits, hoist[bits])
	}
	fn.hoisted = hoist
	w := fn.lanesPerVector()
	fn.emit("XORL", reg.EBX, reg.EBX)
	fn.emit("XORL", reg.R9L, reg.R9L)
	fn.emit("CMPQ", regN, operand.U8(uint8(w)))
	fn.emit("JLT", operand.LabelRef("rest"))

	fn.ctx.Label("loop")
	fn.runBody(fast, func(b *body) {
		if fn.level == avx512 {
			k := b.k(b.f.Guard)
			fn.emit("KORTEST"+fn.kSuffix(), k, k)
		} else {
			fn.emit(fn.op("VMOVMSKP"), fn.vec(b.use(b.f.Guard)), reg.EAX)
			fn.emit("TESTL", reg.EAX, reg.EAX)
		}
		fn.emit("JNZ", operand.LabelRef("complete"))
	})
	fn.ctx.Label("next")
	fn.emit("LEAQ", operand.Mem{Base: regI, Disp: 2 * w}, reg.RAX)
	fn.emit("ADDQ", operand.U8(uint8(w)), regI)
	fn.emit("CMPQ", reg.RAX, regN)
	fn.emit("JLE", operand.LabelRef("loop"))
	fn.ctx.Label("rest")
	fn.emit("SUBQ", regI, regN)
	fn.emit("JLE", operand.LabelRef("finish"))
	fn.tailIn()
	fn.emit("JMP", operand.LabelRef("loop"))
	fn.ctx.Label("finish")
	fn.emit("TESTQ", regTail, regTail)
	fn.emit("JZ", operand.LabelRef("done"))
	fn.tailOut()
	fn.ctx.Label("done")
	fn.emit("VZEROUPPER")
	fn.emit("RET")
	if fast.Guard != def.None {
		fn.ctx.Label("complete")
		fn.runBody(complete, nil)
		fn.emit("JMP", operand.LabelRef("next"))
	}
	fn.ctx.AllocLocal((len(fn.inputs) + len(fn.outputs) + fn.slots) * fn.level.bytes())
}

func (fn *function) lowerScale(f *def.Func) *def.Func {
	if fn.level == avx512 {
		return f
	}
	return f.ExpandScale()
}

func (fn *function) runBody(f *def.Func, guard func(*body)) {
	b := newBody(fn, f)
	b.run(func() {
		if guard != nil {
			guard(b)
		}
	})
	registers := make([]int, len(f.Results))
	b.at = len(b.order) - 1
	for k, r := range f.Results {
		registers[k] = b.use(r)
	}
	// All loads come before the first store: a result may overwrite an argument.
	for k, i := range registers {
		if fn.outputs[k].isBool() && b.holder[i] == reserved {
			panic("BUG: a constant bool result")
		}
		fn.storeResult(k, i)
	}
}

func outputNames(n int) []string {
	if n == 2 {
		return []string{"sin", "cos"}
	}
	return []string{"dst"}
}

// signature is the function's type for avo; the stubs have unsafe.Pointer instead of uintptr.
func (fn *function) signature() string {
	if len(fn.outputs) == 2 {
		return "func(sin, cos, a uintptr, n int)"
	}
	return "func(dst, a, b, c uintptr, n int)"
}

// tailIn copies the regN (fewer than a vector) remaining lanes of each input to its
// buffer and points the registers to the buffers.
func (fn *function) tailIn() {
	fn.emit("MOVQ", regN, regTail)
	for k := range fn.outputs {
		fn.emit("LEAQ", fn.at(regDst[k], fn.outputs[k]), regOut[k])
	}
	fn.tailMask()
	x := 0
	for k, a := range fn.inputs {
		src := fn.at(regSrc[k], a)
		switch {
		case fn.level == avx512 && a.isBool():
			fn.emit("VMOVDQU8_Z", src, reg.K1, fn.half(x))
			fn.emit("VMOVDQU", fn.half(x), fn.buffer(k))
		case fn.level == avx512:
			fn.emit(fn.op("VMOVUP")+"_Z", src, reg.K1, fn.vec(x))
			fn.emit(fn.op("VMOVUP"), fn.vec(x), fn.buffer(k))
		case a.isBool():
			label := fmt.Sprintf("copy%d", k)
			fn.emit("MOVQ", operand.U32(0), fn.buffer(k))
			fn.emit("LEAQ", src, reg.R11)
			fn.emit("XORL", reg.EAX, reg.EAX)
			fn.ctx.Label(label)
			fn.emit("MOVB", operand.Mem{Base: reg.R11, Index: reg.RAX, Scale: 1}, reg.R15B)
			buf := fn.buffer(k)
			buf.Index, buf.Scale = reg.RAX, 1
			fn.emit("MOVB", reg.R15B, buf)
			fn.emit("INCQ", reg.RAX)
			fn.emit("CMPQ", reg.RAX, regTail)
			fn.emit("JLT", operand.LabelRef(label))
		default:
			fn.emit(fn.op("VMASKMOVP"), src, reg.Y1, reg.Y0)
			fn.emit(fn.op("VMOVUP"), reg.Y0, fn.buffer(k))
		}
	}
	for k := range fn.inputs {
		fn.emit("LEAQ", fn.buffer(k), regSrc[k])
	}
	for k := range fn.outputs {
		fn.emit("LEAQ", fn.buffer(len(fn.inputs)+k), regDst[k])
	}
	fn.emit("XORL", reg.EBX, reg.EBX)
	fn.emit("MOVQ", operand.U32(uint32(fn.lanesPerVector())), regN)
}

// half is the low 128 bits of register i.
func (fn *function) half(i int) reg.Register { return fn.vec(i).AsX() }

// tailMask puts the mask of the first regTail lanes into K1 (AVX-512) or Y1.
func (fn *function) tailMask() {
	if fn.level == avx512 {
		fn.emit("MOVQ", operand.I32(-1), reg.RAX)
		fn.emit("BZHIQ", regTail, reg.RAX, reg.RAX)
		fn.emit("KMOVW", reg.EAX, reg.K1)
		return
	}
	// A window into n ones followed by zeros.
	fn.emit("LEAQ", fn.window(), reg.R11)
	fn.emit("MOVQ", regTail, reg.RAX)
	fn.emit("NEGQ", reg.RAX)
	fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.R11, Disp: fn.level.bytes(), Index: reg.RAX, Scale: uint8(fn.elementBytes())}, reg.Y1)
}

// tailOut copies the lanes of the result buffers to the results.
func (fn *function) tailOut() {
	fn.tailMask()
	for k, a := range fn.outputs {
		buf := fn.buffer(len(fn.inputs) + k)
		to := operand.Mem{Base: regOut[k]}
		switch {
		case fn.level == avx512 && a.isBool():
			fn.emit("VMOVDQU", buf, reg.X0)
			fn.emit("VMOVDQU8", reg.X0, reg.K1, to)
		case fn.level == avx512:
			fn.emit(fn.op("VMOVUP"), buf, reg.Z0)
			fn.emit(fn.op("VMOVUP"), reg.Z0, reg.K1, to)
		case a.isBool():
			label := fmt.Sprintf("copyOut%d", k)
			fn.emit("XORL", reg.EAX, reg.EAX)
			fn.ctx.Label(label)
			buf.Index, buf.Scale = reg.RAX, 1
			fn.emit("MOVB", buf, reg.R15B)
			to.Index, to.Scale = reg.RAX, 1
			fn.emit("MOVB", reg.R15B, to)
			fn.emit("INCQ", reg.RAX)
			fn.emit("CMPQ", reg.RAX, regTail)
			fn.emit("JLT", operand.LabelRef(label))
		default:
			fn.emit(fn.op("VMOVUP"), buf, reg.Y0)
			fn.emit(fn.op("VMASKMOVP"), reg.Y0, reg.Y1, to)
		}
	}
}

// constantsByUse lists a function's constants, those that cost a load of their own first:
// factors and addends that cannot be a memory operand, then the most used.
func constantsByUse(f *def.Func) []uint64 {
	score := map[uint64]int{}
	for _, n := range f.Nodes {
		constants := 0
		for k, r := range n.Operands() {
			if r == def.None || f.Nodes[r].Kind != def.Const {
				continue
			}
			constants++
			s := 2
			switch {
			case constants == 2, k == 0 && (n.Kind == def.Sub || n.Kind == def.Div || n.Kind == def.Min || n.Kind == def.Max || n.Kind >= def.CmpEq && n.Kind <= def.CmpLe),
				n.Kind == def.Select && k == 2:
				s = 5
			}
			score[f.Nodes[r].Imm] += s
		}
	}
	keys := sortedKeys(score)
	// Stable by score, so that the text does not depend on map order.
	for i := 1; i < len(keys); i++ {
		for j := i; j > 0 && score[keys[j]] > score[keys[j-1]]; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

func sortedKeys[V any](m map[uint64]V) []uint64 {
	var keys []uint64
	for k := range m {
		keys = append(keys, k)
	}
	for i := 1; i < len(keys); i++ {
		for j := i; j > 0 && keys[j] < keys[j-1]; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

func newKernel(f *def.Func, t dtype.DType) kernel {
	k := kernel{name: goName(f.Name) + map[dtype.DType]string{dtype.Float64: "F64", dtype.Float32: "F32", dtype.Int64: "I64", dtype.Int32: "I32"}[t], f: f}
	for range f.Args {
		k.inputs = append(k.inputs, lanes)
	}
	for range f.Results {
		k.outputs = append(k.outputs, lanes)
	}
	return k
}
