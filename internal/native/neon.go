package native

import (
	"encoding/binary"

	"github.com/adjoint-go/adjoint/internal/native/isa/arm64"
)

// Vector code on arm64: registers of 128 bits, of which a loop that has elements of 8 bytes uses the lower half for those of 4. A mask is all
// bits of an element, as wide as the loop's widest. Each array's pointer moves on with the elements.

// halves reports whether a vector of elements of 4 bytes has 64 bits.
func (g arm) halves() bool { return g.mode != modeScalar && g.len32 != g.len64 }

// whole is the arrangement of the bits of a register.
func (g arm) whole() arm64.Arrangement {
	if g.mode == modeScalar {
		return arm64.B8
	}
	return arm64.B16
}

func (g arm) vectorFiles() (vectors, masks uint32) { return 1<<armSpare - 1, 0 }

func (g arm) pointerRegisters() []uint8 {
	return []uint8{8, 9, 10, 11, 12, 13, 19, 20, 21, 22, 23, 24, 25, 26}
}

func (g arm) startArrays(offset int32) {
	for k, r := range g.arrayRegs {
		g.loadReg(r, at(baseArena, offset+8*int32(k)))
	}
	if len(g.arrayScale) > len(g.arrayRegs) {
		if offset != 0 {
			g.addImm(baseArena, offset)
		}
		g.clear(regIndex)
	}
}

func (g arm) nextElements(n int32) {
	for k, r := range g.arrayRegs {
		if !g.arrayFixed[k] {
			g.addImm(r, n<<g.arrayScale[k])
		}
	}
	if len(g.arrayScale) > len(g.arrayRegs) {
		g.addImm(regIndex, n)
	}
}

func (g arm) arrayOperand(array uint8, disp int32) mem {
	if int(array) < len(g.arrayRegs) {
		return at(g.arrayRegs[array], disp)
	}
	g.loadReg(armPointer, at(baseArena, 8*int32(array)))
	if !g.arrayFixed[array] {
		g.word(arm64.AddXl.Shifted(armPointer, armPointer, regIndex, g.arrayScale[array]))
	}
	return at(armPointer, disp)
}

func (g arm) repeat(k valueKind, p, to mem) {
	g.lea(armTemp, p)
	switch {
	case k == kindMask:
		g.word(arm64.Ld1r[arm64.B16].R2(armSpare, armTemp))
		g.word(arm64.Cmtst[arm64.B16].R3(armSpare, armSpare, armSpare))
	case k == kind64:
		g.word(arm64.Ld1r[arm64.D2].R2(armSpare, armTemp))
	default:
		g.word(arm64.Ld1r[g.arrangement(tF32)].R2(armSpare, armTemp))
	}
	g.storeAt(k, spaceFixed, armSpare, to)
}

func (g arm) storeFirst(k valueKind, r uint8, p mem) {
	if k == kind32 {
		g.access(arm64.StrS, 0, r, p)
		return
	}
	g.access(arm64.StrD, 0, r, p)
}

func (g arm) tailMask(k valueKind, r, left uint8, element int, size, disp int32) {
	scale := uint8(2)
	if size == 8 {
		scale = 3
	}
	g.lea(armTemp, at(baseConst, disp+size*int32(element)))
	g.word(arm64.SubXl.Shifted(armTemp, armTemp, left, scale))
	g.loadFrom(k, at(armTemp, 0), r)
}

func (g arm) flush(bool, int32) { panic("BUG: flushing on arm64") }

func (g arm) clear(r uint8)           { g.word(arm64.Movz.Wide(r, 0, 0)) }
func (g arm) moveReg(dst, src uint8)  { g.word(arm64.MovX.R3(dst, 0, src)) }
func (g arm) subReg(dst, src uint8)   { g.word(arm64.SubX.R3(dst, dst, src)) }
func (g arm) addImm(r uint8, n int32) { g.lea(r, at(r, n)) }
func (g arm) subImm(r uint8, n int32) { g.word(arm64.SubsImm.At(r, r, n)) }
func (g arm) cmpImm(r uint8, n int32) { g.word(arm64.CmpImm.At(0, r, n)) }
func (g arm) loadReg(r uint8, p mem)  { g.access(arm64.LdrX, 0, r, p) }

// armConditions are the jumps on conditions and on their contraries.
var armConditions = map[uint8][2]arm64.Op{
	condEqual: {arm64.Beq, arm64.Bne}, condNotEqual: {arm64.Bne, arm64.Beq}, condLess: {arm64.Blt, arm64.Bge}, condGreaterEqual: {arm64.Bge, arm64.Blt},
	condGreater: {arm64.Bgt, arm64.Ble}, condLessOrEqual: {arm64.Ble, arm64.Bgt},
}

// jump is a jump to anywhere, over which the contrary condition jumps.
func (g arm) jump(cond uint8) int {
	g.word(armConditions[cond][1].To(0, 8))
	return g.jumpAlways()
}

func (g arm) jumpBack(cond uint8, target int) {
	if distance := target - len(g.buf); arm64.Near(distance) {
		g.word(armConditions[cond][0].To(0, distance))
		return
	}
	g.patch(g.jump(cond), target)
}

// loadMask reads the bytes of a vector of an array of bool.
func (g arm) loadMask(r uint8, p mem) {
	if g.lanes == 2 {
		g.access(arm64.LdrH, 0, r, p)
	} else {
		g.access(arm64.LdrS, 0, r, p)
	}
	g.word(arm64.UxtlH8.R2(r, r))
	g.word(arm64.UxtlS4.R2(r, r))
	if g.lanes == 2 {
		g.word(arm64.UxtlD2.R2(r, r))
		g.word(arm64.Neg[arm64.D2].R2(r, r))
		return
	}
	g.word(arm64.Neg[arm64.S4].R2(r, r))
}

// storeMask writes them.
func (g arm) storeMask(r uint8, p mem) {
	from := r
	if g.lanes == 2 {
		g.word(arm64.XtnS2.R2(armSpare, from))
		from = armSpare
	}
	g.word(arm64.XtnH4.R2(armSpare, from))
	g.word(arm64.XtnB8.R2(armSpare, armSpare))
	g.word(arm64.SignB8.R2(armSpare, armSpare))
	if g.lanes == 2 {
		g.access(arm64.StrH, 0, armSpare, p)
	} else {
		g.access(arm64.StrS, 0, armSpare, p)
	}
}

// emitVector emits the operations that only loops have.
func (g arm) emitVector(in *lowIns, u *nextUses) {
	r := g.inRegister(in.a)
	switch in.op {
	case lStore:
		k, p := g.vals[in.a].kind, g.arrayOperand(in.imm, in.extra)
		switch {
		case k == kindMask:
			g.storeMask(r, p)
		case !g.storeBehind(r, p):
			g.storeAt(k, spaceArray, r, p)
		}
		g.advanceAll(in, u)
	case lMerge:
		g.word(arm64.Bit[arm64.B16].R3(g.vals[in.c].reg, r, g.tailMasks[in.part]))
		g.advanceAll(in, u)
	case lFold:
		g.advanceAll(in, u)
		dst := g.define(in.dst, u.dst)
		if in.imm == foldHalf128 {
			g.word(arm64.MovDD1.R2(dst, r))
		} else {
			g.word(arm64.MovSS1.R2(dst, r))
		}
	}
}

// storeBehind makes a pair of the store before, if that is of the vector before in memory.
func (g arm) storeBehind(r uint8, p mem) bool {
	before := len(g.buf) - 4
	if p.disp%32 != 16 || p.disp >= arm64.PairReach {
		return false
	}
	w := binary.LittleEndian.Uint32(g.buf[before:])
	first := uint8(w & 31)
	if w != arm64.StrQ.At(first, p.base, p.disp-16) {
		return false
	}
	binary.LittleEndian.PutUint32(g.buf[before:], arm64.StpQ.Pair(first, r, p.base, p.disp-16))
	return true
}

// loadPair loads a vector of an array with the one behind it, where a register is free for that.
func (g arm) loadPair(v *value, r uint8, p mem) bool {
	pair, ok := g.behind[arrayPart{v.array, v.part}]
	if !ok || p.disp%16 != 0 || p.disp >= arm64.PairReach {
		return false
	}
	second := &g.vals[pair]
	file := g.fileOf(v.kind)
	if second.reg != noRegister || second.next == never || file.free == 0 {
		return false
	}
	other := g.take(file)
	g.own(file, other, pair)
	g.word(arm64.LdpQ.Pair(r, other, p.base, p.disp))
	return true
}

// emitFused overwrites C where it dies, else a copy of it: vectors have no other form.
func (g arm) emitFused(in *lowIns, u *nextUses) {
	a, b, c := g.inRegister(in.a), g.inRegister(in.b), noRegister
	t, negate := g.arrangement(in.typ), in.op == lFMS || in.op == lFNMS
	if v := &g.vals[in.c]; v.reg != noRegister || v.home != spaceConst || negate {
		c = g.inRegister(in.c)
	}
	dst := c
	if c == noRegister || u.c != never || in.c == in.a || in.c == in.b || g.vals[in.c].pinned {
		dst = g.take(g.fileOf(g.vals[in.dst].kind))
		switch v := &g.vals[in.c]; {
		case negate:
		case v.home == spaceConst: // a load takes no unit for vectors
			g.load(v, dst)
		default:
			g.copyRegister(kind64, dst, c)
		}
	}
	if negate {
		g.word(arm64.Fneg[t].R2(dst, c))
	}
	fused := arm64.Fmla
	if in.op == lFNMA || in.op == lFNMS {
		fused = arm64.Fmls
	}
	g.word(fused[t].R3(dst, a, b))
	g.takeOver(in, u, dst)
}

// gatherVector reads a table at the lanes' indices.
func (g arm) gatherVector(in *lowIns, dst, index uint8) {
	g.lea(armPointer, at(baseConst, in.extra))
	if in.typ.size64() {
		g.word(arm64.FmovXD.R2(armTemp, index))
		g.word(arm64.LdrDX.R3(armSpare, armPointer, armTemp))
		g.word(arm64.MovXD1.R2(armTemp, index))
		g.word(arm64.AddXl.Shifted(armTemp, armPointer, armTemp, 3))
		g.word(arm64.Ld1D1.R2(armSpare, armTemp))
	} else {
		g.word(arm64.MovWS[0].R2(armTemp, index))
		g.word(arm64.LdrSX.R3(armSpare, armPointer, armTemp))
		lanes := 4
		if g.halves() {
			lanes = 2
		}
		for k := 1; k < lanes; k++ {
			g.word(arm64.MovWS[k].R2(armTemp, index))
			g.word(arm64.AddXl.Shifted(armTemp, armPointer, armTemp, 2))
			g.word(arm64.Ld1S[k].R2(armSpare, armTemp))
		}
	}
	g.copyRegister(kind64, dst, armSpare)
}

// multiplyVector multiplies elements of 8 bytes, for which there is no vector instruction.
func (g arm) multiplyVector(dst, a, b uint8) {
	g.word(arm64.FmovXD.R2(armTemp, a))
	g.word(arm64.FmovXD.R2(armPointer, b))
	g.word(arm64.MulX.R3(armTemp, armTemp, armPointer))
	g.word(arm64.MovXD1.R2(armPointer, a))
	g.word(arm64.MovXD1.R2(regTemp, b))
	g.word(arm64.MulX.R3(armPointer, armPointer, regTemp))
	g.word(arm64.FmovDX.R2(dst, armTemp))
	g.word(arm64.MovD1X.R2(dst, armPointer))
}

func (g arm) convertVector(op lowOp, dst, a uint8) {
	switch op {
	case lCvtF64F32:
		g.word(arm64.FcvtnS2.R2(dst, a))
	case lCvtF32F64:
		g.word(arm64.FcvtlD2.R2(dst, a))
	case lCvtI32F64:
		g.word(arm64.SxtlD2S2.R2(dst, a))
		g.word(arm64.Scvtf[arm64.D2].R2(dst, dst))
	case lCvtI32F32:
		g.word(arm64.Scvtf[g.arrangement(tF32)].R2(dst, a))
	case lCvtI64F64:
		g.word(arm64.Scvtf[arm64.D2].R2(dst, a))
	case lCvtI64F32: // vectors would round twice
		g.word(arm64.FmovXD.R2(armTemp, a))
		g.word(arm64.MovXD1.R2(armPointer, a))
		g.word(arm64.ScvtfSX.R2(dst, armTemp))
		g.word(arm64.ScvtfSX.R2(armSpare, armPointer))
		g.word(arm64.MovS1S.R2(dst, armSpare))
	case lCvtF64I64:
		g.word(arm64.Fcvtzs[arm64.D2].R2(dst, a))
	case lCvtF64I32:
		g.word(arm64.Fcvtzs[arm64.D2].R2(dst, a))
		g.word(arm64.XtnS2.R2(dst, dst))
	case lCvtF32I64:
		g.word(arm64.FcvtlD2.R2(dst, a))
		g.word(arm64.Fcvtzs[arm64.D2].R2(dst, dst))
	case lCvtI32I64:
		g.word(arm64.SxtlD2S2.R2(dst, a))
	case lCvtI64I32:
		g.word(arm64.XtnS2.R2(dst, a))
	default:
		panic("BUG: a low-level operation has no vector code on arm64")
	}
}
