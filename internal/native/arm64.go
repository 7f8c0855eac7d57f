package native

import (
	"encoding/binary"
	"math"

	"github.com/adjoint-go/adjoint/internal/native/isa/arm64"
)

// arm is arm64 with the instructions on vector registers that every processor of it has. Operands are in registers. In scalar code masks are all
// bits of 64; for vector code see neon.go.
type arm struct{ *generator }

// Registers beside those that every machine has.
const (
	armLink     = 4  // where a call keeps the way back
	armBodyLink = 5  // and that of a loop's body
	armLast     = 20 // of a loop around scalar code: the step after the last
	armTemp     = 16
	armPointer  = 17
	armReturn   = 30
	armSpare    = 31 // vector register for one instruction's use
)

func (g arm) word(w uint32) { g.buf = binary.LittleEndian.AppendUint32(g.buf, w) }

// arrangement returns the one of values of type t: scalar integers of 32 bits have vector instructions alone.
func (g arm) arrangement(t elem) arm64.Arrangement {
	switch {
	case g.mode == modeScalar:
	case t.size64():
		return arm64.D2
	case g.halves():
		return arm64.S2
	default:
		return arm64.S4
	}
	switch t {
	case tF32:
		return arm64.S
	case tI32:
		return arm64.S2
	}
	return arm64.D
}

// armPlain are the operations that are one instruction on A and B, or on A alone.
var armPlain = [lowOpCount]arm64.Family{
	lAdd: arm64.Fadd, lSub: arm64.Fsub, lMul: arm64.Fmul, lDiv: arm64.Fdiv, lMinimum: arm64.Fmin, lMaximum: arm64.Fmax, lSqrt: arm64.Fsqrt,
	lIAdd: arm64.Add, lISub: arm64.Sub,
}

// armBits are those on all bits.
var armBits = [lowOpCount]arm64.Family{
	lAnd: arm64.And, lOr: arm64.Orr, lXor: arm64.Eor, lMAnd: arm64.And, lMOr: arm64.Orr, lMXor: arm64.Eor, lMNot: arm64.Not,
}

var armFused = [lowOpCount]arm64.Family{lFMA: arm64.Fmadd, lFMS: arm64.Fnmsub, lFNMA: arm64.Fmsub, lFNMS: arm64.Fnmadd}

var armShifts = [lowOpCount]arm64.Family{lShl: arm64.Shl, lShr: arm64.Ushr, lSar: arm64.Sshr}

var armIntegerCompares = [lowOpCount]arm64.Family{lIEq: arm64.Cmeq, lIGt: arm64.Cmgt, lTest: arm64.Cmtst}

var armRounds = map[uint8]arm64.Family{roundEven: arm64.Frintn, roundFloor: arm64.Frintm, roundCeil: arm64.Frintp, roundTrunc: arm64.Frintz}

// armCompares are the predicates that one comparison answers, of B and A if swapped, whose answer may have to be inverted.
var armCompares = map[uint8]struct {
	family           arm64.Family
	swapped, inverse bool
}{
	cmpEqual:        {arm64.Fcmeq, false, false},
	cmpNotEqual:     {arm64.Fcmeq, false, true},
	cmpLess:         {arm64.Fcmgt, true, false},
	cmpLessEqual:    {arm64.Fcmge, true, false},
	cmpGreater:      {arm64.Fcmgt, false, false},
	cmpGreaterEqual: {arm64.Fcmge, false, false},
}

// armMissing are the operations that only other machines have.
var armMissing = [lowOpCount]bool{lScalef: true, lFixZero: true, lFixZeros: true}

func (g arm) has(op lowOp, t elem) bool { return !armMissing[op] }

func (g arm) registers() (every, some uint32) { return 1<<armSpare - 1, 1<<armSpare - 1 }

// access appends a load or store of register r: with a distance, or with an index.
func (g arm) access(plain, indexed arm64.Op, r uint8, p mem) {
	if p.index != noReg {
		g.word(indexed.R3(r, p.base, p.index))
		return
	}
	if !plain.Reaches(p.disp) {
		low := p.disp & 0xFFF
		if !plain.Reaches(low) {
			low = 0
		}
		g.lea(armTemp, at(p.base, p.disp-low))
		p = at(armTemp, low)
	}
	g.word(plain.At(r, p.base, p.disp))
}

// lea computes base + disp in r, which is not base where that takes a constant.
func (g arm) lea(r uint8, p mem) {
	add, add12, d := arm64.AddImm, arm64.AddImm12, p.disp
	if d < 0 {
		add, add12, d = arm64.SubImm, arm64.SubImm12, -d
	}
	if d < 1<<24 {
		if d >= 1<<12 {
			g.word(add12.At(r, p.base, d>>12))
			p.base = r
		}
		if d&0xFFF != 0 || d < 1<<12 {
			g.word(add.At(r, p.base, d&0xFFF))
		}
		return
	}
	x := uint64(int64(p.disp))
	g.word(arm64.Movz.Wide(r, uint16(x), 0))
	for half := uint8(1); half < 4; half++ {
		if part := uint16(x >> (16 * half)); part != 0 {
			g.word(arm64.Movk.Wide(r, part, half))
		}
	}
	g.word(arm64.AddX.R3(r, p.base, r))
}

func (g arm) storeAt(k valueKind, home space, r uint8, p mem) {
	switch {
	case g.mode != modeScalar && (k != kind32 || !g.halves()):
		g.access(arm64.StrQ, 0, r, p)
	case g.mode != modeScalar:
		g.access(arm64.StrD, 0, r, p)
	case k == kindMask && home == spaceArena:
		g.word(arm64.FmovWS.R2(armPointer, r))
		g.word(arm64.AndOne.R2(armPointer, armPointer))
		g.access(arm64.StrB, 0, armPointer, p)
	case k == kind32:
		g.access(arm64.StrS, arm64.StrSX, r, p)
	default:
		g.access(arm64.StrD, arm64.StrDX, r, p)
	}
}

func (g arm) load(v *value, r uint8) {
	if v.home == spaceNone || !v.stored {
		panic("BUG: load of a value that is not in memory")
	}
	p := g.addressOf(v)
	if v.kind == kindMask && v.home == spaceArray {
		g.loadMask(r, p)
		return
	}
	if v.home == spaceArray && g.loadPair(v, r, p) {
		return
	}
	if v.kind == kindMask && v.home == spaceArena {
		g.access(arm64.LdrB, 0, r, p)
		g.word(arm64.Neg[arm64.D].R2(r, r))
		return
	}
	g.loadFrom(v.kind, p, r)
}

func (g arm) loadFrom(k valueKind, p mem, r uint8) {
	switch {
	case g.mode != modeScalar && (k != kind32 || !g.halves()):
		g.access(arm64.LdrQ, 0, r, p)
	case g.mode != modeScalar:
		g.access(arm64.LdrD, 0, r, p)
	case k == kind32:
		g.access(arm64.LdrS, arm64.LdrSX, r, p)
	default:
		g.access(arm64.LdrD, arm64.LdrDX, r, p)
	}
}

func (g arm) copyRegister(_ valueKind, dst, src uint8) {
	switch {
	case dst == src:
	case g.mode != modeScalar:
		g.word(arm64.Orr[arm64.B16].R3(dst, src, src))
	default:
		g.word(arm64.Fmov[arm64.D].R2(dst, src))
	}
}

// operands returns the registers of the operands and, after moving them on, that of the result, which may be one of them.
func (g arm) operands(in *lowIns, u *nextUses) (dst, a, b, c uint8) {
	a = g.inRegister(in.a)
	if in.b >= 0 {
		b = g.inRegister(in.b)
	}
	if in.c >= 0 {
		c = g.inRegister(in.c)
	}
	g.advanceAll(in, u)
	return g.define(in.dst, u.dst), a, b, c
}

func (g arm) emit(in *lowIns, u *nextUses) {
	vector := g.mode != modeScalar
	switch in.op {
	case lStore, lMerge, lFold:
		g.emitVector(in, u)
		return
	case lBlend:
		g.emitBlend(in, u)
		return
	case lFMA, lFMS, lFNMA, lFNMS:
		if vector {
			g.emitFused(in, u)
			return
		}
	}
	dst, a, b, c := g.operands(in, u)
	at := g.arrangement(in.typ)
	switch in.op {
	case lAdd, lSub, lMul, lDiv, lMinimum, lMaximum, lIAdd, lISub:
		g.word(armPlain[in.op][at].R3(dst, a, b))
	case lSqrt:
		g.word(arm64.Fsqrt[at].R2(dst, a))
	case lRound:
		g.word(armRounds[in.imm][at].R2(dst, a))
	case lMaskz:
		g.word(arm64.And[g.whole()].R3(dst, g.narrow(in.typ, a), b))
	case lAnd, lOr, lXor, lMAnd, lMOr, lMXor:
		g.word(armBits[in.op][g.whole()].R3(dst, a, b))
	case lAndn:
		g.word(arm64.Bic[g.whole()].R3(dst, b, a))
	case lMNot:
		g.word(arm64.Not[g.whole()].R2(dst, a))
	case lFMA, lFMS, lFNMA, lFNMS:
		g.word(armFused[in.op][at].R4(dst, a, b, c))
	case lMin, lMax:
		g.choose(in, dst, a, b)
	case lCmp:
		g.compareFloats(in, at, dst, a, b)
	case lIEq, lIGt, lTest:
		g.word(armIntegerCompares[in.op][at].R3(dst, a, b))
		g.widen(in.typ, dst)
	case lShl, lShr, lSar:
		g.word(armShifts[in.op][at].Shift(dst, a, in.imm))
	case lIMul:
		switch {
		case in.typ == tI32:
			g.word(arm64.Mul[at].R3(dst, a, b))
			return
		case vector:
			g.multiplyVector(dst, a, b)
			return
		}
		g.word(arm64.FmovXD.R2(armTemp, a))
		g.word(arm64.FmovXD.R2(armPointer, b))
		g.word(arm64.MulX.R3(armTemp, armTemp, armPointer))
		g.word(arm64.FmovDX.R2(dst, armTemp))
	case lMulU32:
		if vector {
			g.word(arm64.XtnS2.R2(armSpare, a))
			g.word(arm64.XtnS2.R2(dst, b))
			a, b = armSpare, dst
		}
		g.word(arm64.UmullD2.R3(dst, a, b))
	case lGather:
		if vector {
			g.gatherVector(in, dst, a)
		} else {
			g.gather(in, dst, a)
		}
	default:
		if vector {
			g.convertVector(in.op, dst, a)
		} else {
			g.convert(in.op, dst, a)
		}
	}
}

// limits reports whether a value is a constant other than 0 and NaN: the minimum or maximum with it is then that of IEEE 754.
func (g arm) limits(v int32, t elem) bool {
	val := &g.vals[v]
	if val.home != spaceConst {
		return false
	}
	data := g.consts.data[val.disp+g.consts.bias:]
	x := float64(math.Float32frombits(binary.LittleEndian.Uint32(data)))
	if t == tF64 {
		x = math.Float64frombits(binary.LittleEndian.Uint64(data))
	}
	return x != 0 && !math.IsNaN(x)
}

// choose is the minimum or maximum that returns B where a comparison is false.
func (g arm) choose(in *lowIns, dst, a, b uint8) {
	if g.limits(in.a, in.typ) {
		op := lMinimum
		if in.op == lMax {
			op = lMaximum
		}
		g.word(armPlain[op][g.arrangement(in.typ)].R3(dst, a, b))
		return
	}
	if g.mode != modeScalar {
		greater, t := arm64.Fcmgt, g.arrangement(in.typ)
		if in.op == lMax {
			g.word(greater[t].R3(armSpare, a, b))
		} else {
			g.word(greater[t].R3(armSpare, b, a))
		}
		switch dst {
		case a:
			g.word(arm64.Bif[arm64.B16].R3(dst, b, armSpare))
		default:
			g.copyRegister(kind64, dst, b)
			g.word(arm64.Bit[arm64.B16].R3(dst, a, armSpare))
		}
		return
	}
	less, greater := arm64.FcselDMi, arm64.FcselDGt
	test := arm64.FcmpD
	if in.typ == tF32 {
		less, greater, test = arm64.FcselSMi, arm64.FcselSGt, arm64.FcmpS
	}
	g.word(test.R3(0, a, b))
	if in.op == lMin {
		g.word(less.R3(dst, a, b))
	} else {
		g.word(greater.R3(dst, a, b))
	}
}

func (g arm) compareFloats(in *lowIns, at arm64.Arrangement, dst, a, b uint8) {
	c, one := armCompares[in.imm]
	inverse := c.inverse
	switch {
	case one && c.swapped:
		g.word(c.family[at].R3(dst, b, a))
	case one:
		g.word(c.family[at].R3(dst, a, b))
	case in.imm == cmpEqualOrNaN: // neither less nor greater
		g.word(arm64.Fcmgt[at].R3(armSpare, a, b))
		g.word(arm64.Fcmgt[at].R3(dst, b, a))
		g.word(arm64.Orr[g.whole()].R3(dst, dst, armSpare))
		inverse = true
	default: // each equal to itself
		inverse = in.imm == cmpUnordered
		if a == b {
			g.word(arm64.Fcmeq[at].R3(dst, a, a))
			break
		}
		g.word(arm64.Fcmeq[at].R3(armSpare, a, a))
		g.word(arm64.Fcmeq[at].R3(dst, b, b))
		g.word(arm64.And[g.whole()].R3(dst, dst, armSpare))
	}
	if inverse {
		g.word(arm64.Not[g.whole()].R2(dst, dst))
	}
	g.widen(in.typ, dst)
}

// widen makes a mask of what a comparison of elements of type t gives.
func (g arm) widen(t elem, r uint8) {
	switch {
	case t.size64():
	case g.mode == modeScalar:
		g.word(arm64.DupS2.R2(r, r))
	case g.halves():
		g.word(arm64.SxtlD2S2.R2(r, r))
	}
}

// narrow returns a register with the mask for elements of type t.
func (g arm) narrow(t elem, mask uint8) uint8 {
	if t.size64() || !g.halves() {
		return mask
	}
	g.word(arm64.XtnS2.R2(armSpare, mask))
	return armSpare
}

// emitBlend overwrites an operand that dies, else a copy of the mask.
func (g arm) emitBlend(in *lowIns, u *nextUses) {
	m, x, y := g.inRegister(in.a), g.inRegister(in.b), g.inRegister(in.c)
	dies := func(v, next int32) bool { return next == never && !g.vals[v].pinned }
	mask, at, result := g.narrow(in.typ, m), g.whole(), &g.vals[in.dst]
	if result.pinned {
		g.advanceAll(in, u)
		dst := g.define(in.dst, u.dst)
		switch dst {
		case x:
			g.word(arm64.Bif[at].R3(dst, y, mask))
		default:
			g.copyRegister(kindMask, dst, y)
			g.word(arm64.Bit[at].R3(dst, x, mask))
		}
		return
	}
	var dst uint8
	switch {
	case x == y:
		dst = g.take(g.fileOf(result.kind))
		g.copyRegister(kindMask, dst, x)
	case dies(in.c, u.c):
		dst = y
		g.word(arm64.Bit[at].R3(dst, x, mask))
	case dies(in.b, u.b):
		dst = x
		g.word(arm64.Bif[at].R3(dst, y, mask))
	case dies(in.a, u.a) && mask == m:
		dst = m
		g.word(arm64.Bsl[at].R3(dst, x, y))
	default:
		dst = g.take(g.fileOf(result.kind))
		g.copyRegister(kindMask, dst, y)
		g.word(arm64.Bit[at].R3(dst, x, mask))
	}
	g.takeOver(in, u, dst)
}

func (g arm) gather(in *lowIns, dst, index uint8) {
	g.word(arm64.FmovXD.R2(armTemp, index))
	g.lea(armPointer, at(baseConst, in.extra))
	if in.typ.size64() {
		g.word(arm64.LdrDX.R3(dst, armPointer, armTemp))
		return
	}
	g.word(arm64.FmovWS.R2(armTemp, index))
	g.word(arm64.LdrSX.R3(dst, armPointer, armTemp))
}

func (g arm) convert(op lowOp, dst, a uint8) {
	switch op {
	case lCvtF64F32:
		g.word(arm64.FcvtSD.R2(dst, a))
	case lCvtF32F64:
		g.word(arm64.FcvtDS.R2(dst, a))
	case lCvtI32F64:
		g.word(arm64.SxtlD2S2.R2(dst, a))
		g.word(arm64.Scvtf[arm64.D].R2(dst, dst))
	case lCvtI32F32:
		g.word(arm64.Scvtf[arm64.S].R2(dst, a))
	case lCvtI64F64:
		g.word(arm64.Scvtf[arm64.D].R2(dst, a))
	case lCvtI64F32:
		g.word(arm64.FmovXD.R2(armTemp, a))
		g.word(arm64.ScvtfSX.R2(dst, armTemp))
	case lCvtF64I32, lCvtF64I64:
		g.word(arm64.Fcvtzs[arm64.D].R2(dst, a))
	case lCvtF32I64:
		g.word(arm64.FcvtDS.R2(dst, a))
		g.word(arm64.Fcvtzs[arm64.D].R2(dst, dst))
	case lCvtI32I64:
		g.word(arm64.SxtlD2S2.R2(dst, a))
	case lCvtI64I32:
		g.copyRegister(kind64, dst, a) // the low half is what counts
	default:
		panic("BUG: a low-level operation has no machine code on arm64")
	}
}

// nearCode is the length of low-level code over which a jump on a condition reaches: in vector code stubs follow the code for whole iterations and for the
// rest, and each instruction takes 20 words at most.
const nearCode = 1 << 20 / (3 * 80)

func (g arm) jumpIfAny(mask uint8, _ *lowIns) int {
	if g.mode != modeScalar {
		narrow := arm64.XtnH4
		if g.lanes == 2 {
			narrow = arm64.XtnS2
		}
		g.word(narrow.R2(armSpare, mask))
		mask = armSpare
		if len(g.code) <= nearCode {
			g.word(arm64.FmovXD.R2(armTemp, mask))
			g.word(arm64.CbnzX.To(armTemp, 0))
			return len(g.buf) - 4
		}
	}
	g.word(arm64.FmovXD.R2(armTemp, mask))
	g.word(arm64.CbzX.To(armTemp, 8)) // reaches less far than what follows
	return g.jumpAlways()
}

func (g arm) jumpAlways() int {
	g.word(arm64.B.To(0, 0))
	return len(g.buf) - 4
}

func (g arm) call() int {
	g.word(arm64.MovX.R3(armLink, 0, armReturn))
	g.word(arm64.Bl.To(0, 0))
	g.word(arm64.MovX.R3(armReturn, 0, armLink))
	return len(g.buf) - 8
}

// patch makes the jump at place go to target.
func (g arm) patch(place, target int) {
	o, register := arm64.B, uint8(0)
	switch w := binary.LittleEndian.Uint32(g.buf[place:]); {
	case w == arm64.Bl.Word():
		o = arm64.Bl
	case w != arm64.B.Word():
		o, register = arm64.CbnzX, uint8(w&31)
	}
	binary.LittleEndian.PutUint32(g.buf[place:], o.To(register, target-place))
}

func (g arm) align(n int) {
	for len(g.buf)&(n-1) != 0 {
		g.word(arm64.Nop.Word())
	}
}

func (g arm) leave(bool) { g.word(arm64.Ret.Word()) }

func (g arm) callBody(target int) {
	g.word(arm64.MovX.R3(armBodyLink, 0, armReturn))
	g.word(arm64.Bl.To(0, target-len(g.buf)))
	g.word(arm64.MovX.R3(armReturn, 0, armBodyLink))
}

func (g arm) arrayPointer(array int) uint8 {
	g.access(arm64.LdrX, 0, armPointer, at(regTable, 8*int32(array)))
	return armPointer
}

func (g arm) jumpIfFalse(p mem) int {
	g.access(arm64.Ldrb, 0, armTemp, p)
	g.word(arm64.CbnzW.To(armTemp, 8))
	return g.jumpAlways()
}

func (g arm) nextStep(by int32, top int) {
	add := arm64.AddImm
	if by < 0 {
		add, by = arm64.SubImm, -by
	}
	g.word(add.At(regStep, regStep, by))
	g.word(arm64.CmpX.R3(0, regStep, armLast))
	g.word(arm64.Beq.To(0, 8))
	g.word(arm64.B.To(0, top-len(g.buf)))
}
