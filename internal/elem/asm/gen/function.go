package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/asmgen"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
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
	vectors  int // per iteration
	third    int // the slot of the third result proper
}

var (
	regDst  = []reg.GPPhysical{reg.RDI, reg.R12, reg.R14}
	regSrc  = []reg.GPPhysical{reg.RSI, reg.RDX, reg.R10}
	regN    = reg.RCX
	regI    = reg.RBX
	regOut  = []reg.GPPhysical{reg.R8, reg.R13} // results proper, while regDst points to buffers; that of a third result lies in the frame
	regTail = reg.R9                            // lanes in the buffers, 0 before
)

func (fn *function) emit(name string, ops ...operand.Op) { asmgen.Emit(fn.ctx, name, ops...) }

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

// The frame holds one buffer of an iteration's vectors for each input and output, then
// the spill slots.
func (fn *function) buffer(k int) operand.Mem {
	return operand.Mem{Base: reg.StackPointer, Disp: k * fn.vectors * fn.level.bytes()}
}

func (fn *function) buffers() int { return (len(fn.inputs) + len(fn.outputs)) * fn.vectors }

func (fn *function) slotAddr(s int) operand.Mem {
	return operand.Mem{Base: reg.StackPointer, Disp: (fn.buffers() + s) * fn.level.bytes()}
}

func (fn *function) at(base reg.Register, a array) operand.Mem {
	scale := uint8(fn.elementBytes())
	if a.isBool() {
		scale = 1
	}
	return operand.Mem{Base: base, Index: regI, Scale: scale}
}

// vectorOffset is the distance in memory from an iteration's first vector to its second.
func (fn *function) vectorOffset(a array) int {
	if a.isBool() {
		return fn.lanesPerVector()
	}
	return fn.level.bytes()
}

// input and output k of the second vector of an iteration follow those of the first.
func (fn *function) input(k int) array { return fn.inputs[k%len(fn.inputs)] }

func (fn *function) argAddr(k int) operand.Mem {
	m := fn.at(regSrc[k%len(fn.inputs)], fn.input(k))
	m.Disp = k / len(fn.inputs) * fn.vectorOffset(fn.input(k))
	return m
}

func (fn *function) loadArg(k, i int) {
	if !fn.input(k).isBool() {
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
	out := fn.outputs[k%len(fn.outputs)]
	to := fn.at(regDst[k%len(fn.outputs)], out)
	to.Disp = k / len(fn.outputs) * fn.vectorOffset(out)
	switch {
	case !out.isBool():
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

// try lowers a body without output and returns the registers and spill slots that it takes.
func (fn *function) try(f *def.Func, limit int) (peak, slots int) {
	defer func() {
		if e := recover(); e == (outOfMasks{}) {
			peak, slots = fn.level.registers(), 1<<20
		} else if e != nil {
			panic(e)
		}
	}()
	trial := &file{level: fn.level, pool: fn.pool, ctx: newContext(), tables: map[string]operand.Mem{}, trial: true}
	probe := &function{file: trial, kernel: fn.kernel, wide: fn.wide, hoisted: map[uint64]int{}}
	trial.ctx.Function("trial")
	b := newBody(probe, f, limit)
	b.run(nil)
	for _, r := range f.Results {
		b.use(r)
	}
	return b.peak, probe.slots
}

// choose returns the plan for the loop's body: two vectors an iteration if they need no
// spills, since one vector's chain of operations fills the window of the processor, and two share
// the loop's own instructions. Short bodies of three arguments wait for memory only.
func (fn *function) choose(fast *def.Func) (p plan, peak int) {
	n := fn.level.registers()
	if (len(fast.Nodes) >= 8 || fn.f.Args <= 2) && len(fast.Nodes) < 150 {
		two := twice(fast)
		for _, limit := range []int{n - 6, n - 8, n - 10, n - 12} {
			if peak, slots := fn.try(two, limit); slots == 0 {
				return plan{2, limit}, peak
			}
		}
	}
	p, peak, least := plan{1, 0}, n, 1<<30
	for _, limit := range []int{n - 4, n - 6, n - 8, n - 10, 0} {
		if q, slots := fn.try(fast, limit); slots < least {
			p, peak, least = plan{1, limit}, q, slots
		}
	}
	return p, peak
}

// write emits the whole function.
func (fn *function) write() {
	fast := fn.lowerScale(fn.f.Fast())
	complete := fn.lowerScale(fn.f)
	p, peak := fn.choose(fast)
	fn.vectors = p.vectors
	loop := fast
	if p.vectors == 2 {
		loop = twice(fast)
	}
	// Registers that the body does not need hold constants.
	fn.hoisted = map[uint64]int{}
	spare := fn.level.registers() - peak - 1
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
	fn.ctx.SignatureExpr("func" + fn.signature("uintptr"))
	for k := range fn.outputs {
		fn.ctx.Load(fn.ctx.Param(fn.outputNames()[k]), regDst[k])
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
	w := fn.lanesPerVector() * fn.vectors
	fn.emit("XORL", reg.EBX, reg.EBX)
	fn.emit("XORL", reg.R9L, reg.R9L)
	fn.emit("CMPQ", regN, operand.U8(uint8(w)))
	fn.emit("JLT", operand.LabelRef("rest"))

	fn.ctx.Label("loop")
	fn.runBody(loop, p.limit, func(b *body) {
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
		// The vectors one by one: afterwards regI is where it was.
		fn.ctx.Label("complete")
		if fn.vectors == 2 {
			fn.emit("XORL", reg.R15L, reg.R15L)
			fn.ctx.Label("single")
		}
		_, slotsDepth := fn.try(complete, 0)
		limit := 0
		if _, slotsList := fn.try(complete, fn.level.registers()-8); slotsList < slotsDepth {
			limit = fn.level.registers() - 8
		}
		fn.runBody(complete, limit, nil)
		if fn.vectors == 2 {
			fn.emit("ADDQ", operand.U8(uint8(w/2)), regI)
			fn.emit("XORL", operand.U8(1), reg.R15L)
			fn.emit("JNZ", operand.LabelRef("single"))
			fn.emit("SUBQ", operand.U8(uint8(w)), regI)
		}
		fn.emit("JMP", operand.LabelRef("next"))
	}
	fn.ctx.AllocLocal((fn.buffers() + fn.slots) * fn.level.bytes())
}

func (fn *function) lowerScale(f *def.Func) *def.Func {
	if fn.level == avx512 {
		return f
	}
	return f.ExpandScale()
}

func (fn *function) runBody(f *def.Func, limit int, guard func(*body)) {
	b := newBody(fn, f, limit)
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
		if fn.outputs[k%len(fn.outputs)].isBool() && b.holder[i] == reserved {
			panic("BUG: a constant bool result")
		}
		fn.storeResult(k, i)
	}
}

// besideDivision reports whether the kernel divides its last two arguments beside what it is named by.
func (k *kernel) besideDivision() bool { return len(k.inputs) == 3 && len(k.outputs) > 1 }

func (k *kernel) outputNames() []string {
	switch {
	case k.besideDivision():
		return []string{"dst", "dst2", "dst3"}
	case len(k.outputs) == 2:
		return []string{"sin", "cos"}
	}
	return []string{"dst"}
}

// signature is the function's type for avo, with pointers of type uintptr, or for the stubs, with unsafe.Pointer.
func (k *kernel) signature(pointer string) string {
	switch {
	case k.besideDivision():
		return "(dst, dst2, dst3, a, b, c " + pointer + ", n int)"
	case len(k.outputs) == 2:
		return "(sin, cos, a " + pointer + ", n int)"
	}
	return "(dst, a, b, c " + pointer + ", n int)"
}

// tailIn copies the regN (fewer than an iteration's) remaining lanes of each input to its
// buffer and points the registers to the buffers.
func (fn *function) tailIn() {
	fn.emit("MOVQ", regN, regTail)
	for k := range fn.outputs {
		if k < len(regOut) {
			fn.emit("LEAQ", fn.at(regDst[k], fn.outputs[k]), regOut[k])
			continue
		}
		fn.third = fn.newSlot()
		fn.emit("LEAQ", fn.at(regDst[k], fn.outputs[k]), reg.RAX)
		fn.emit("MOVQ", reg.RAX, fn.slotAddr(fn.third))
	}
	fn.tailMasks()
	for k, a := range fn.inputs {
		fn.emit("LEAQ", fn.at(regSrc[k], a), reg.RAX)
		src := operand.Mem{Base: reg.RAX}
		if a.isBool() && fn.level == avx2 {
			fn.copyBytes(fmt.Sprintf("copyIn%d", k), src, fn.buffer(k))
			continue
		}
		for v := range fn.vectors {
			buf := fn.buffer(k)
			buf.Disp += v * fn.vectorOffset(a)
			src.Disp = v * fn.vectorOffset(a)
			switch {
			case a.isBool():
				fn.emit("VMOVDQU8_Z", src, opmask(1+v), reg.X0)
				fn.emit("VMOVDQU", reg.X0, buf)
			case fn.level == avx512:
				fn.emit(fn.op("VMOVUP")+"_Z", src, opmask(1+v), reg.Z0)
				fn.emit(fn.op("VMOVUP"), reg.Z0, buf)
			default:
				fn.emit(fn.op("VMASKMOVP"), src, fn.vec(1+v), reg.Y0)
				fn.emit(fn.op("VMOVUP"), reg.Y0, buf)
			}
		}
	}
	for k := range fn.inputs {
		fn.emit("LEAQ", fn.buffer(k), regSrc[k])
	}
	for k := range fn.outputs {
		fn.emit("LEAQ", fn.buffer(len(fn.inputs)+k), regDst[k])
	}
	fn.emit("XORL", reg.EBX, reg.EBX)
	fn.emit("MOVQ", operand.U32(uint32(fn.lanesPerVector()*fn.vectors)), regN)
}

// copyBytes copies regTail bytes.
func (fn *function) copyBytes(label string, from, to operand.Mem) {
	fn.emit("XORL", reg.R11L, reg.R11L)
	fn.ctx.Label(label)
	from.Index, from.Scale = reg.R11, 1
	to.Index, to.Scale = reg.R11, 1
	fn.emit("MOVB", from, reg.R15B)
	fn.emit("MOVB", reg.R15B, to)
	fn.emit("INCQ", reg.R11)
	fn.emit("CMPQ", reg.R11, regTail)
	fn.emit("JLT", operand.LabelRef(label))
}

// tailMasks puts the masks of the first regTail lanes into K1 and K2 (AVX-512) or registers 1 and
// 2, one for each vector of an iteration. Hoisted constants lie above.
func (fn *function) tailMasks() {
	if fn.level == avx512 {
		fn.emit("MOVQ", operand.I32(-1), reg.RAX)
		fn.emit("BZHIQ", regTail, reg.RAX, reg.RAX)
		fn.emit("KMOVW", reg.EAX, reg.K1)
		if fn.vectors == 2 {
			fn.emit("SHRL", operand.U8(uint8(fn.lanesPerVector())), reg.EAX)
			fn.emit("KMOVW", reg.EAX, reg.K2)
		}
		return
	}
	// A window into ones followed by zeros.
	fn.emit("LEAQ", fn.window(), reg.R11)
	fn.emit("MOVQ", regTail, reg.RAX)
	fn.emit("NEGQ", reg.RAX)
	for v := range fn.vectors {
		fn.emit(fn.op("VMOVUP"), operand.Mem{Base: reg.R11, Disp: 64 + 32*v, Index: reg.RAX, Scale: uint8(fn.elementBytes())}, fn.vec(1+v))
	}
}

// tailOut copies the lanes of the result buffers to the results.
func (fn *function) tailOut() {
	fn.tailMasks()
	for k, a := range fn.outputs {
		base := reg.GPPhysical(reg.RAX)
		if k < len(regOut) {
			base = regOut[k]
		} else {
			fn.emit("MOVQ", fn.slotAddr(fn.third), reg.RAX)
		}
		to := operand.Mem{Base: base}
		if a.isBool() && fn.level == avx2 {
			fn.copyBytes(fmt.Sprintf("copyOut%d", k), fn.buffer(len(fn.inputs)+k), to)
			continue
		}
		for v := range fn.vectors {
			buf := fn.buffer(len(fn.inputs) + k)
			buf.Disp += v * fn.vectorOffset(a)
			to.Disp = v * fn.vectorOffset(a)
			switch {
			case a.isBool():
				fn.emit("VMOVDQU", buf, reg.X0)
				fn.emit("VMOVDQU8", reg.X0, opmask(1+v), to)
			case fn.level == avx512:
				fn.emit(fn.op("VMOVUP"), buf, reg.Z0)
				fn.emit(fn.op("VMOVUP"), reg.Z0, opmask(1+v), to)
			default:
				fn.emit(fn.op("VMOVUP"), buf, reg.Y0)
				fn.emit(fn.op("VMASKMOVP"), reg.Y0, fn.vec(1+v), to)
			}
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
