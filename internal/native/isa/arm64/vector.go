package arm64

import (
	"encoding/binary"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Vector code on arm64: registers of 128 bits, of which a loop that has elements of 8 bytes uses the lower half for those of 4. A mask is all
// bits of an element, as wide as the loop's widest. Each array's pointer moves on with the elements.

// halves reports whether a vector of elements of 4 bytes has 64 bits.
func (g machine) halves() bool { return g.Mode != isa.ModeScalar && g.Len32 != g.Len64 }

// whole is the arrangement of the bits of a register.
func (g machine) whole() Arrangement {
	if g.Mode == isa.ModeScalar {
		return B8
	}
	return B16
}

func (g machine) VectorFiles() (vectors, masks uint32) { return 1<<vecSpare - 1, 0 }

func (g machine) PointerRegisters() []uint8 {
	return []uint8{8, 9, 10, 11, 12, 13, 19, 20, 21, 22, 23, 24, 25, 26}
}

func (g machine) StartArrays(offset int32) {
	for k, r := range g.ArrayRegs {
		g.LoadReg(r, isa.At(isa.BaseArena, offset+8*int32(k)))
	}
	if len(g.ArrayScale) > len(g.ArrayRegs) {
		if offset != 0 {
			g.AddImm(isa.BaseArena, offset)
		}
		g.Clear(isa.RegIndex)
	}
}

func (g machine) NextElements(n int32) {
	for k, r := range g.ArrayRegs {
		if !g.ArrayFixed[k] {
			g.AddImm(r, n<<g.ArrayScale[k])
		}
	}
	if len(g.ArrayScale) > len(g.ArrayRegs) {
		g.AddImm(isa.RegIndex, n)
	}
}

func (g machine) NextRow(array int, step isa.Mem) {
	r, place := uint8(isa.RegTemp), isa.At(isa.BaseArena, 8*int32(array))
	if array < len(g.ArrayRegs) {
		r = g.ArrayRegs[array]
	}
	if array == len(g.ArrayRegs) {
		g.Clear(isa.RegIndex)
	}
	g.LoadReg(r, place)
	g.AddMemory(r, step)
	g.StoreReg(place, r)
}

func (g machine) ArrayOperand(array uint8, disp int32) isa.Mem {
	if int(array) < len(g.ArrayRegs) {
		return isa.At(g.ArrayRegs[array], disp)
	}
	g.LoadReg(regPointer, isa.At(isa.BaseArena, 8*int32(array)))
	if !g.ArrayFixed[array] {
		g.word(AddXl.Shifted(regPointer, regPointer, isa.RegIndex, g.ArrayScale[array]))
	}
	return isa.At(regPointer, disp)
}

func (g machine) Repeat(k isa.Kind, p, to isa.Mem) {
	g.Lea(regScratch, p)
	switch {
	case k == isa.KindMask:
		g.word(Ld1r[B16].R2(vecSpare, regScratch))
		g.word(Cmtst[B16].R3(vecSpare, vecSpare, vecSpare))
	case k == isa.Kind64:
		g.word(Ld1r[D2].R2(vecSpare, regScratch))
	default:
		g.word(Ld1r[g.arrangement(isa.F32)].R2(vecSpare, regScratch))
	}
	g.StoreAt(k, isa.SpaceFixed, vecSpare, to)
}

func (g machine) StoreFirst(k isa.Kind, r uint8, p isa.Mem) {
	if k == isa.Kind32 {
		g.access(StrS, 0, r, p)
		return
	}
	g.access(StrD, 0, r, p)
}

func (g machine) MasksInMemory() bool { return false }

func (g machine) TailMask(k isa.Kind, r, left uint8, element int, size, disp int32) {
	scale := uint8(2)
	if size == 8 {
		scale = 3
	}
	g.Lea(regScratch, isa.At(isa.BaseConst, disp+size*int32(element)))
	g.word(SubXl.Shifted(regScratch, regScratch, left, scale))
	g.LoadFrom(k, isa.At(regScratch, 0), r)
}

func (g machine) Flush(bool) { panic("BUG: flushing on arm64") }

// The parts of what loads at the edges of a row need: where each byte of the vector stands in what is read instead, for elements of 8 and of 4 bytes, that read's distance in elements, and whether the last elements are not read.
const (
	spanWide   = 0
	spanNarrow = 16
	spanShift  = 32
	spanPart   = 40
)

// AppendSpan finds the nearest whole vector within the elements that are read, or all of them where these are fewer: there are no loads under masks.
func (g machine) AppendSpan(b []byte, from, to int) []byte {
	lanes := int(g.Lanes)
	shift := max(min(max(0, from), to-lanes), from)
	for _, size := range []int{8, 4} {
		for k := range 16 {
			place := byte(0xFF) // which is none
			if lane := k / size; lane < lanes && from <= lane && lane < to {
				place = byte(k - shift*size)
			}
			b = append(b, place)
		}
	}
	part := uint64(0)
	if to < lanes {
		part = 1
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(shift)), part)
}

// loadRow reads a vector of a row.
func (g machine) loadRow(v *isa.Value, r uint8, p isa.Mem) {
	at, scale, places := D2, uint8(3), int32(spanWide)
	if v.Kind == isa.Kind32 {
		at, scale, places = g.arrangement(isa.F32), 2, spanNarrow
	}
	masked := g.Edge && (v.Span > 0 || g.Rest > 0 && !v.Repeat)
	span := g.MaskBytes * int32(v.Span)
	switch {
	case masked && v.Reads == 0: // an element that repeats may not be there
		g.word(MoviD2.Word() | uint32(r))
		return
	case v.Repeat:
		g.Lea(regScratch, p)
		g.word(Ld1r[at].R2(r, regScratch))
	case masked:
		g.LoadReg(isa.RegTemp, isa.At(isa.RegSpans, span+spanShift))
		g.Lea(regScratch, p)
		g.word(AddXl.Shifted(regScratch, regScratch, isa.RegTemp, scale))
		g.loadColumns(v, r, isa.At(regScratch, 0))
	default:
		g.LoadFrom(v.Kind, p, r)
	}
	if masked {
		g.access(LdrQ, 0, vecSpare, isa.At(isa.RegSpans, span+places))
		g.word(Tbl[B16].R3(r, r, vecSpare))
	}
}

// loadColumns reads a vector, or all columns that are read if these are fewer.
func (g machine) loadColumns(v *isa.Value, r uint8, p isa.Mem) {
	switch {
	case v.Reads >= g.Lanes:
		g.LoadFrom(v.Kind, p, r)
	case v.Reads == 1 && v.Kind == isa.Kind32:
		g.access(LdrS, 0, r, p)
	default:
		g.access(LdrD, 0, r, p)
	}
	if v.Reads == 3 && g.Lanes == 4 {
		g.Lea(regScratch, isa.At(p.Base, p.Disp+8))
		g.word(Ld1S[2].R2(r, regScratch))
	}
}

// storeRow writes a vector of a row, of the last one only the elements that the row has: its reads alone lie elsewhere.
func (g machine) storeRow(k isa.Kind, r uint8, p isa.Mem) {
	if !g.Edge || g.Rest == 0 {
		g.StoreAt(k, isa.SpaceArray, r, p)
		return
	}
	g.LoadReg(regScratch, isa.At(isa.RegSpans, spanPart))
	last := len(g.Buf)
	g.word(CbnzX.To(regScratch, 0))
	g.StoreAt(k, isa.SpaceArray, r, p)
	whole := g.JumpAlways()
	g.Patch(last, len(g.Buf))
	wide := k == isa.Kind64
	switch {
	case wide || g.Rest >= 2:
		g.access(StrD, 0, r, p)
	default:
		g.access(StrS, 0, r, p)
	}
	if g.Rest == 3 {
		g.word(MovDD1.R2(vecSpare, r))
		g.access(StrS, 0, vecSpare, isa.At(p.Base, p.Disp+8))
	}
	g.Patch(whole, len(g.Buf))
}

func (g machine) LoadMask(uint8, isa.Mem) { panic("BUG: a register of masks on arm64") }

func (g machine) Clear(r uint8)              { g.word(Movz.Wide(r, 0, 0)) }
func (g machine) MoveReg(dst, src uint8)     { g.word(MovX.R3(dst, 0, src)) }
func (g machine) SubReg(dst, src uint8)      { g.word(SubX.R3(dst, dst, src)) }
func (g machine) AddImm(r uint8, n int32)    { g.Lea(r, isa.At(r, n)) }
func (g machine) SubImm(r uint8, n int32)    { g.word(SubsImm.At(r, r, n)) }
func (g machine) CmpImm(r uint8, n int32)    { g.word(CmpImm.At(0, r, n)) }
func (g machine) LoadReg(r uint8, p isa.Mem) { g.access(LdrX, 0, r, p) }

func (g machine) StoreReg(p isa.Mem, r uint8) {
	g.access(StrX, 0, r, p)
}

func (g machine) AddMemory(r uint8, p isa.Mem) {
	g.LoadReg(regScratch, p)
	g.word(AddX.R3(r, r, regScratch))
}

// conditionOps are the jumps on conditions and on their contraries.
var conditionOps = map[uint8][2]Op{
	isa.CondEqual: {Beq, Bne}, isa.CondNotEqual: {Bne, Beq}, isa.CondLess: {Blt, Bge}, isa.CondGreaterEqual: {Bge, Blt},
	isa.CondGreater: {Bgt, Ble}, isa.CondLessOrEqual: {Ble, Bgt},
}

// Jump is a jump to anywhere, over which the contrary condition jumps.
func (g machine) Jump(cond uint8) int {
	g.word(conditionOps[cond][1].To(0, 8))
	return g.JumpAlways()
}

func (g machine) JumpBack(cond uint8, target int) {
	if distance := target - len(g.Buf); Near(distance) {
		g.word(conditionOps[cond][0].To(0, distance))
		return
	}
	g.Patch(g.Jump(cond), target)
}

// loadTruths reads the bytes of a vector of an array of bool.
func (g machine) loadTruths(r uint8, p isa.Mem) {
	if g.Lanes == 2 {
		g.access(LdrH, 0, r, p)
	} else {
		g.access(LdrS, 0, r, p)
	}
	g.word(UxtlH8.R2(r, r))
	g.word(UxtlS4.R2(r, r))
	if g.Lanes == 2 {
		g.word(UxtlD2.R2(r, r))
		g.word(Neg[D2].R2(r, r))
		return
	}
	g.word(Neg[S4].R2(r, r))
}

// storeTruths writes them.
func (g machine) storeTruths(r uint8, p isa.Mem) {
	from := r
	if g.Lanes == 2 {
		g.word(XtnS2.R2(vecSpare, from))
		from = vecSpare
	}
	g.word(XtnH4.R2(vecSpare, from))
	g.word(XtnB8.R2(vecSpare, vecSpare))
	g.word(SignB8.R2(vecSpare, vecSpare))
	if g.Lanes == 2 {
		g.access(StrH, 0, vecSpare, p)
	} else {
		g.access(StrS, 0, vecSpare, p)
	}
}

// emitVector emits the operations that only loops have.
func (g machine) emitVector(in *isa.Instr, u *isa.NextUses) {
	r := g.InRegister(in.A)
	switch in.Op {
	case isa.Store:
		k, p := g.Vals[in.A].Kind, g.ArrayOperand(in.Imm, in.Extra)
		switch {
		case k == isa.KindMask:
			g.storeTruths(r, p)
		case g.Edge:
			g.storeRow(k, r, p)
		case !g.storeBehind(r, p):
			g.StoreAt(k, isa.SpaceArray, r, p)
		}
		g.AdvanceAll(in, u)
	case isa.Merge:
		g.word(Bit[B16].R3(g.Vals[in.C].Reg, r, g.TailMasks[in.Part]))
		g.AdvanceAll(in, u)
	case isa.Fold:
		g.AdvanceAll(in, u)
		dst := g.Define(in.Dst, u.Dst)
		if in.Imm == isa.FoldHalf128 {
			g.word(MovDD1.R2(dst, r))
		} else {
			g.word(MovSS1.R2(dst, r))
		}
	}
}

// storeBehind makes a pair of the store before, if that is of the vector before in memory.
func (g machine) storeBehind(r uint8, p isa.Mem) bool {
	before := len(g.Buf) - 4
	if p.Disp%32 != 16 || p.Disp >= PairReach {
		return false
	}
	w := binary.LittleEndian.Uint32(g.Buf[before:])
	first := uint8(w & 31)
	if w != StrQ.At(first, p.Base, p.Disp-16) {
		return false
	}
	binary.LittleEndian.PutUint32(g.Buf[before:], StpQ.Pair(first, r, p.Base, p.Disp-16))
	return true
}

// loadPair loads a vector of an array with the one behind it, where a register is free for that.
func (g machine) loadPair(v *isa.Value, r uint8, p isa.Mem) bool {
	pair, ok := g.Behind[isa.ArrayPart{Array: v.Array, Part: v.Part}]
	if !ok || p.Disp%16 != 0 || p.Disp >= PairReach {
		return false
	}
	second := &g.Vals[pair]
	file := g.FileOf(v.Kind)
	if second.Reg != isa.NoRegister || second.Next == isa.Never || file.Free == 0 {
		return false
	}
	other := g.Take(file)
	g.Own(file, other, pair)
	g.word(LdpQ.Pair(r, other, p.Base, p.Disp))
	return true
}

// emitFused overwrites C where it dies, else a copy of it: vectors have no other form.
func (g machine) emitFused(in *isa.Instr, u *isa.NextUses) {
	a, b, c := g.InRegister(in.A), g.InRegister(in.B), isa.NoRegister
	t, negate := g.arrangement(in.Type), in.Op == isa.FMS || in.Op == isa.FNMS
	if v := &g.Vals[in.C]; v.Reg != isa.NoRegister || v.Home != isa.SpaceConst || negate {
		c = g.InRegister(in.C)
	}
	dst := c
	if c == isa.NoRegister || u.C != isa.Never || negate && (in.C == in.A || in.C == in.B) || g.Vals[in.C].Pinned {
		dst = g.Take(g.FileOf(g.Vals[in.Dst].Kind))
		switch v := &g.Vals[in.C]; {
		case negate:
		case v.Home == isa.SpaceConst: // a load takes no unit for vectors
			g.Load(v, dst)
		default:
			g.CopyRegister(isa.Kind64, dst, c)
		}
	}
	if negate {
		g.word(Fneg[t].R2(dst, c))
	}
	fused := Fmla
	if in.Op == isa.FNMA || in.Op == isa.FNMS {
		fused = Fmls
	}
	g.word(fused[t].R3(dst, a, b))
	g.TakeOver(in, u, dst)
}

// gatherVector reads a table at the lanes' indices.
func (g machine) gatherVector(in *isa.Instr, dst, index uint8) {
	g.Lea(regPointer, isa.At(isa.BaseConst, in.Extra))
	if in.Type.Size64() {
		g.word(FmovXD.R2(regScratch, index))
		g.word(LdrDX.R3(vecSpare, regPointer, regScratch))
		g.word(MovXD1.R2(regScratch, index))
		g.word(AddXl.Shifted(regScratch, regPointer, regScratch, 3))
		g.word(Ld1D1.R2(vecSpare, regScratch))
	} else {
		g.word(MovWS[0].R2(regScratch, index))
		g.word(LdrSX.R3(vecSpare, regPointer, regScratch))
		lanes := 4
		if g.halves() {
			lanes = 2
		}
		for k := 1; k < lanes; k++ {
			g.word(MovWS[k].R2(regScratch, index))
			g.word(AddXl.Shifted(regScratch, regPointer, regScratch, 2))
			g.word(Ld1S[k].R2(vecSpare, regScratch))
		}
	}
	g.CopyRegister(isa.Kind64, dst, vecSpare)
}

// multiplyVector multiplies elements of 8 bytes, for which there is no vector instruction.
func (g machine) multiplyVector(dst, a, b uint8) {
	g.word(FmovXD.R2(regScratch, a))
	g.word(FmovXD.R2(regPointer, b))
	g.word(MulX.R3(regScratch, regScratch, regPointer))
	g.word(MovXD1.R2(regPointer, a))
	g.word(MovXD1.R2(isa.RegTemp, b))
	g.word(MulX.R3(regPointer, regPointer, isa.RegTemp))
	g.word(FmovDX.R2(dst, regScratch))
	g.word(MovD1X.R2(dst, regPointer))
}

func (g machine) convertVector(op isa.Op, dst, a uint8) {
	switch op {
	case isa.CvtF64F32:
		g.word(FcvtnS2.R2(dst, a))
	case isa.CvtF32F64:
		g.word(FcvtlD2.R2(dst, a))
	case isa.CvtI32F64:
		g.word(SxtlD2S2.R2(dst, a))
		g.word(Scvtf[D2].R2(dst, dst))
	case isa.CvtI32F32:
		g.word(Scvtf[g.arrangement(isa.F32)].R2(dst, a))
	case isa.CvtI64F64:
		g.word(Scvtf[D2].R2(dst, a))
	case isa.CvtI64F32: // vectors would round twice
		g.word(FmovXD.R2(regScratch, a))
		g.word(MovXD1.R2(regPointer, a))
		g.word(ScvtfSX.R2(dst, regScratch))
		g.word(ScvtfSX.R2(vecSpare, regPointer))
		g.word(MovS1S.R2(dst, vecSpare))
	case isa.CvtF64I64:
		g.word(Fcvtzs[D2].R2(dst, a))
	case isa.CvtF64I32:
		g.word(Fcvtzs[D2].R2(dst, a))
		g.word(XtnS2.R2(dst, dst))
	case isa.CvtF32I64:
		g.word(FcvtlD2.R2(dst, a))
		g.word(Fcvtzs[D2].R2(dst, dst))
	case isa.CvtI32I64:
		g.word(SxtlD2S2.R2(dst, a))
	case isa.CvtI64I32:
		g.word(XtnS2.R2(dst, a))
	default:
		panic("BUG: a low-level operation has no vector code on arm64")
	}
}
