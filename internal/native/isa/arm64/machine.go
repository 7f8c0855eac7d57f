package arm64

import (
	"encoding/binary"
	"math"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// machine is arm64 with the instructions on vector registers that every processor of it has. Operands are in registers. In scalar code masks are all
// bits of 64; for vector code see vector.go.
type machine struct{ *isa.Generator }

// New returns the instruction set for a generator.
func New(g *isa.Generator, _ cpu.Level) isa.Machine { return machine{g} }

// Registers beside those that every machine has.
const (
	regLink     = 4  // where a call keeps the way back
	regBodyLink = 5  // and that of a loop's body
	regLast     = 20 // of a loop around scalar code: the step after the last
	regScratch  = 16
	regPointer  = 17
	regReturn   = 30
	vecSpare    = 31 // vector register for one instruction's use
)

func (g machine) word(w uint32) { g.Buf = binary.LittleEndian.AppendUint32(g.Buf, w) }

// arrangement returns the one of values of type t: scalar integers of 32 bits have vector instructions alone.
func (g machine) arrangement(t isa.Elem) Arrangement {
	switch {
	case g.Mode == isa.ModeScalar:
	case t.Size64():
		return D2
	case g.halves():
		return S2
	default:
		return S4
	}
	switch t {
	case isa.F32:
		return S
	case isa.I32:
		return S2
	}
	return D
}

// plainOps are the operations that are one instruction on A and B, or on A alone.
var plainOps = [isa.OpCount]Family{
	isa.Add: Fadd, isa.Sub: Fsub, isa.Mul: Fmul, isa.Div: Fdiv, isa.Minimum: Fmin, isa.Maximum: Fmax, isa.Sqrt: Fsqrt,
	isa.IAdd: Add, isa.ISub: Sub,
}

// bitOps are those on all bits.
var bitOps = [isa.OpCount]Family{
	isa.And: And, isa.Or: Orr, isa.Xor: Eor, isa.MAnd: And, isa.MOr: Orr, isa.MXor: Eor, isa.MNot: Not,
}

var fusedOps = [isa.OpCount]Family{isa.FMA: Fmadd, isa.FMS: Fnmsub, isa.FNMA: Fmsub, isa.FNMS: Fnmadd}

var shiftOps = [isa.OpCount]Family{isa.Shl: Shl, isa.Shr: Ushr, isa.Sar: Sshr}

var integerCompares = [isa.OpCount]Family{isa.IEq: Cmeq, isa.IGt: Cmgt, isa.Test: Cmtst}

var roundOps = map[uint8]Family{isa.RoundEven: Frintn, isa.RoundFloor: Frintm, isa.RoundCeil: Frintp, isa.RoundTrunc: Frintz}

// floatCompares are the predicates that one comparison answers, of B and A if swapped, whose answer may have to be inverted.
var floatCompares = map[uint8]struct {
	family           Family
	swapped, inverse bool
}{
	isa.CmpEqual:        {Fcmeq, false, false},
	isa.CmpNotEqual:     {Fcmeq, false, true},
	isa.CmpLess:         {Fcmgt, true, false},
	isa.CmpLessEqual:    {Fcmge, true, false},
	isa.CmpGreater:      {Fcmgt, false, false},
	isa.CmpGreaterEqual: {Fcmge, false, false},
}

// missingOps are the operations that only other machines have.
var missingOps = [isa.OpCount]bool{isa.Scalef: true, isa.FixZero: true, isa.FixZeros: true}

func (g machine) Has(op isa.Op, t isa.Elem) bool { return !missingOps[op] }

func (g machine) SlowUnderflow() bool { return false }

func (g machine) Registers([]isa.Instr, bool) uint32 { return 1<<vecSpare - 1 }

func (g machine) VectorCode() (isa.Mode, uint8) { return isa.ModeVector, isa.Len128 }

func (g machine) Pairs() bool { return true }

// unscaledOps are loads at distances that are no multiples of the size.
var unscaledOps = map[Op]Op{LdrQ: LdurQ, LdrD: LdurD}

// access appends a load or store of register r: with a distance, or with an index.
func (g machine) access(plain, indexed Op, r uint8, p isa.Mem) {
	if p.Index != isa.NoRegister {
		g.word(indexed.R3(r, p.Base, p.Index))
		return
	}
	if !plain.Reaches(p.Disp) {
		if o := unscaledOps[plain]; o != 0 && p.Disp >= -UnscaledReach && p.Disp < UnscaledReach {
			g.word(o.Unscaled(r, p.Base, p.Disp))
			return
		}
		low := p.Disp & 0xFFF
		if !plain.Reaches(low) {
			low = 0
		}
		g.Lea(regScratch, isa.At(p.Base, p.Disp-low))
		p = isa.At(regScratch, low)
	}
	g.word(plain.At(r, p.Base, p.Disp))
}

// Lea computes base + disp in r, which is not base where that takes a constant.
func (g machine) Lea(r uint8, p isa.Mem) {
	add, add12, d := AddImm, AddImm12, p.Disp
	if d < 0 {
		add, add12, d = SubImm, SubImm12, -d
	}
	if d < 1<<24 {
		if d >= 1<<12 {
			g.word(add12.At(r, p.Base, d>>12))
			p.Base = r
		}
		if d&0xFFF != 0 || d < 1<<12 {
			g.word(add.At(r, p.Base, d&0xFFF))
		}
		return
	}
	x := uint64(int64(p.Disp))
	g.word(Movz.Wide(r, uint16(x), 0))
	for half := uint8(1); half < 4; half++ {
		if part := uint16(x >> (16 * half)); part != 0 {
			g.word(Movk.Wide(r, part, half))
		}
	}
	g.word(AddX.R3(r, p.Base, r))
}

func (g machine) StoreAt(k isa.Kind, home isa.Space, r uint8, p isa.Mem) {
	switch {
	case g.Mode != isa.ModeScalar && (k != isa.Kind32 || !g.halves()):
		g.access(StrQ, 0, r, p)
	case g.Mode != isa.ModeScalar:
		g.access(StrD, 0, r, p)
	case k == isa.KindMask && home == isa.SpaceArena:
		g.word(FmovWS.R2(regPointer, r))
		g.word(AndOne.R2(regPointer, regPointer))
		g.access(StrB, 0, regPointer, p)
	case k == isa.Kind32:
		g.access(StrS, StrSX, r, p)
	default:
		g.access(StrD, StrDX, r, p)
	}
}

func (g machine) Load(v *isa.Value, r uint8) {
	if v.Home == isa.SpaceNone || !v.Stored {
		panic("BUG: load of a value that is not in memory")
	}
	p := g.AddressOf(v)
	if v.Kind == isa.KindMask && v.Home == isa.SpaceArray {
		g.loadTruths(r, p)
		return
	}
	switch {
	case v.Home == isa.SpaceArray && (g.Edge || v.Repeat):
		g.loadRow(v, r, p)
		return
	case v.Home == isa.SpaceArray && g.loadPair(v, r, p):
		return
	}
	if v.Kind == isa.KindMask && v.Home == isa.SpaceArena {
		g.access(LdrB, 0, r, p)
		g.word(Neg[D].R2(r, r))
		return
	}
	g.LoadFrom(v.Kind, p, r)
}

func (g machine) LoadFrom(k isa.Kind, p isa.Mem, r uint8) {
	switch {
	case g.Mode != isa.ModeScalar && (k != isa.Kind32 || !g.halves()):
		g.access(LdrQ, 0, r, p)
	case g.Mode != isa.ModeScalar:
		g.access(LdrD, 0, r, p)
	case k == isa.Kind32:
		g.access(LdrS, LdrSX, r, p)
	default:
		g.access(LdrD, LdrDX, r, p)
	}
}

func (g machine) CopyRegister(_ isa.Kind, dst, src uint8) {
	switch {
	case dst == src:
	case g.Mode != isa.ModeScalar:
		g.word(Orr[B16].R3(dst, src, src))
	default:
		g.word(Fmov[D].R2(dst, src))
	}
}

// operands returns the registers of the operands and, after moving them on, that of the result, which may be one of them.
func (g machine) operands(in *isa.Instr, u *isa.NextUses) (dst, a, b, c uint8) {
	a = g.InRegister(in.A)
	if in.B >= 0 {
		b = g.InRegister(in.B)
	}
	if in.C >= 0 {
		c = g.InRegister(in.C)
	}
	g.AdvanceAll(in, u)
	return g.Define(in.Dst, u.Dst), a, b, c
}

func (g machine) Emit(in *isa.Instr, u *isa.NextUses) {
	vector := g.Mode != isa.ModeScalar
	switch in.Op {
	case isa.Store, isa.Merge, isa.Fold:
		g.emitVector(in, u)
		return
	case isa.Blend:
		g.emitBlend(in, u)
		return
	case isa.FMA, isa.FMS, isa.FNMA, isa.FNMS:
		if vector {
			g.emitFused(in, u)
			return
		}
	}
	dst, a, b, c := g.operands(in, u)
	at := g.arrangement(in.Type)
	switch in.Op {
	case isa.Add, isa.Sub, isa.Mul, isa.Div, isa.Minimum, isa.Maximum, isa.IAdd, isa.ISub:
		g.word(plainOps[in.Op][at].R3(dst, a, b))
	case isa.Sqrt:
		g.word(Fsqrt[at].R2(dst, a))
	case isa.Round:
		g.word(roundOps[in.Imm][at].R2(dst, a))
	case isa.Maskz:
		g.word(And[g.whole()].R3(dst, g.narrow(in.Type, a), b))
	case isa.And, isa.Or, isa.Xor, isa.MAnd, isa.MOr, isa.MXor:
		g.word(bitOps[in.Op][g.whole()].R3(dst, a, b))
	case isa.Andn:
		g.word(Bic[g.whole()].R3(dst, b, a))
	case isa.MNot:
		g.word(Not[g.whole()].R2(dst, a))
	case isa.FMA, isa.FMS, isa.FNMA, isa.FNMS:
		g.word(fusedOps[in.Op][at].R4(dst, a, b, c))
	case isa.Min, isa.Max:
		g.choose(in, dst, a, b)
	case isa.Cmp:
		g.compareFloats(in, at, dst, a, b)
	case isa.IEq, isa.IGt, isa.Test:
		g.word(integerCompares[in.Op][at].R3(dst, a, b))
		g.widen(in.Type, dst)
	case isa.Shl, isa.Shr, isa.Sar:
		g.word(shiftOps[in.Op][at].Shift(dst, a, in.Imm))
	case isa.IMul:
		switch {
		case in.Type == isa.I32:
			g.word(Mul[at].R3(dst, a, b))
			return
		case vector:
			g.multiplyVector(dst, a, b)
			return
		}
		g.word(FmovXD.R2(regScratch, a))
		g.word(FmovXD.R2(regPointer, b))
		g.word(MulX.R3(regScratch, regScratch, regPointer))
		g.word(FmovDX.R2(dst, regScratch))
	case isa.MulU32:
		if vector {
			g.word(XtnS2.R2(vecSpare, a))
			g.word(XtnS2.R2(dst, b))
			a, b = vecSpare, dst
		}
		g.word(UmullD2.R3(dst, a, b))
	case isa.Gather:
		if vector {
			g.gatherVector(in, dst, a)
		} else {
			g.gather(in, dst, a)
		}
	default:
		if vector {
			g.convertVector(in.Op, dst, a)
		} else {
			g.convert(in.Op, dst, a)
		}
	}
}

// limits reports whether a value is a constant other than 0 and NaN: the minimum or maximum with it is then that of IEEE 754.
func (g machine) limits(v int32, t isa.Elem) bool {
	val := &g.Vals[v]
	if val.Home != isa.SpaceConst {
		return false
	}
	data := g.Consts.At(val.Disp)
	x := float64(math.Float32frombits(binary.LittleEndian.Uint32(data)))
	if t == isa.F64 {
		x = math.Float64frombits(binary.LittleEndian.Uint64(data))
	}
	return x != 0 && !math.IsNaN(x)
}

// choose is the minimum or maximum that returns B where a comparison is false.
func (g machine) choose(in *isa.Instr, dst, a, b uint8) {
	if g.limits(in.A, in.Type) {
		op := isa.Minimum
		if in.Op == isa.Max {
			op = isa.Maximum
		}
		g.word(plainOps[op][g.arrangement(in.Type)].R3(dst, a, b))
		return
	}
	if g.Mode != isa.ModeScalar {
		greater, t := Fcmgt, g.arrangement(in.Type)
		if in.Op == isa.Max {
			g.word(greater[t].R3(vecSpare, a, b))
		} else {
			g.word(greater[t].R3(vecSpare, b, a))
		}
		switch dst {
		case a:
			g.word(Bif[B16].R3(dst, b, vecSpare))
		default:
			g.CopyRegister(isa.Kind64, dst, b)
			g.word(Bit[B16].R3(dst, a, vecSpare))
		}
		return
	}
	less, greater := FcselDMi, FcselDGt
	test := FcmpD
	if in.Type == isa.F32 {
		less, greater, test = FcselSMi, FcselSGt, FcmpS
	}
	g.word(test.R3(0, a, b))
	if in.Op == isa.Min {
		g.word(less.R3(dst, a, b))
	} else {
		g.word(greater.R3(dst, a, b))
	}
}

func (g machine) compareFloats(in *isa.Instr, at Arrangement, dst, a, b uint8) {
	c, one := floatCompares[in.Imm]
	inverse := c.inverse
	switch {
	case one && c.swapped:
		g.word(c.family[at].R3(dst, b, a))
	case one:
		g.word(c.family[at].R3(dst, a, b))
	case in.Imm == isa.CmpEqualOrNaN: // neither less nor greater
		g.word(Fcmgt[at].R3(vecSpare, a, b))
		g.word(Fcmgt[at].R3(dst, b, a))
		g.word(Orr[g.whole()].R3(dst, dst, vecSpare))
		inverse = true
	default: // each equal to itself
		inverse = in.Imm == isa.CmpUnordered
		if a == b {
			g.word(Fcmeq[at].R3(dst, a, a))
			break
		}
		g.word(Fcmeq[at].R3(vecSpare, a, a))
		g.word(Fcmeq[at].R3(dst, b, b))
		g.word(And[g.whole()].R3(dst, dst, vecSpare))
	}
	if inverse {
		g.word(Not[g.whole()].R2(dst, dst))
	}
	g.widen(in.Type, dst)
}

// widen makes a mask of what a comparison of elements of type t gives.
func (g machine) widen(t isa.Elem, r uint8) {
	switch {
	case t.Size64():
	case g.Mode == isa.ModeScalar:
		g.word(DupS2.R2(r, r))
	case g.halves():
		g.word(SxtlD2S2.R2(r, r))
	}
}

// narrow returns a register with the mask for elements of type t.
func (g machine) narrow(t isa.Elem, mask uint8) uint8 {
	if t.Size64() || !g.halves() {
		return mask
	}
	g.word(XtnS2.R2(vecSpare, mask))
	return vecSpare
}

// emitBlend overwrites an operand that dies, else a copy of the mask.
func (g machine) emitBlend(in *isa.Instr, u *isa.NextUses) {
	m, x, y := g.InRegister(in.A), g.InRegister(in.B), g.InRegister(in.C)
	dies := func(v, next int32) bool { return next == isa.Never && !g.Vals[v].Pinned }
	mask, at, result := g.narrow(in.Type, m), g.whole(), &g.Vals[in.Dst]
	if result.Pinned {
		g.AdvanceAll(in, u)
		dst := g.Define(in.Dst, u.Dst)
		switch dst {
		case x:
			g.word(Bif[at].R3(dst, y, mask))
		default:
			g.CopyRegister(isa.KindMask, dst, y)
			g.word(Bit[at].R3(dst, x, mask))
		}
		return
	}
	var dst uint8
	switch {
	case x == y:
		dst = g.Take(g.FileOf(result.Kind))
		g.CopyRegister(isa.KindMask, dst, x)
	case dies(in.C, u.C):
		dst = y
		g.word(Bit[at].R3(dst, x, mask))
	case dies(in.B, u.B):
		dst = x
		g.word(Bif[at].R3(dst, y, mask))
	case dies(in.A, u.A) && mask == m:
		dst = m
		g.word(Bsl[at].R3(dst, x, y))
	default:
		dst = g.Take(g.FileOf(result.Kind))
		g.CopyRegister(isa.KindMask, dst, y)
		g.word(Bit[at].R3(dst, x, mask))
	}
	g.TakeOver(in, u, dst)
}

func (g machine) gather(in *isa.Instr, dst, index uint8) {
	g.word(FmovXD.R2(regScratch, index))
	g.Lea(regPointer, isa.At(isa.BaseConst, in.Extra))
	if in.Type.Size64() {
		g.word(LdrDX.R3(dst, regPointer, regScratch))
		return
	}
	g.word(FmovWS.R2(regScratch, index))
	g.word(LdrSX.R3(dst, regPointer, regScratch))
}

func (g machine) convert(op isa.Op, dst, a uint8) {
	switch op {
	case isa.CvtF64F32:
		g.word(FcvtSD.R2(dst, a))
	case isa.CvtF32F64:
		g.word(FcvtDS.R2(dst, a))
	case isa.CvtI32F64:
		g.word(SxtlD2S2.R2(dst, a))
		g.word(Scvtf[D].R2(dst, dst))
	case isa.CvtI32F32:
		g.word(Scvtf[S].R2(dst, a))
	case isa.CvtI64F64:
		g.word(Scvtf[D].R2(dst, a))
	case isa.CvtI64F32:
		g.word(FmovXD.R2(regScratch, a))
		g.word(ScvtfSX.R2(dst, regScratch))
	case isa.CvtF64I32, isa.CvtF64I64:
		g.word(Fcvtzs[D].R2(dst, a))
	case isa.CvtF32I64:
		g.word(FcvtDS.R2(dst, a))
		g.word(Fcvtzs[D].R2(dst, dst))
	case isa.CvtI32I64:
		g.word(SxtlD2S2.R2(dst, a))
	case isa.CvtI64I32:
		g.CopyRegister(isa.Kind64, dst, a) // the low half is what counts
	default:
		panic("BUG: a low-level operation has no machine code on arm64")
	}
}

// nearCode is the length of low-level code over which a jump on a condition reaches: in vector code stubs follow the code for whole iterations and for the
// rest, and each instruction takes 20 words at most.
const nearCode = 1 << 20 / (3 * 80)

func (g machine) JumpIfAny(mask uint8, in *isa.Instr) int {
	if g.Mode != isa.ModeScalar {
		narrow := XtnH4
		if g.Lanes == 2 {
			narrow = XtnS2
		}
		g.word(narrow.R2(vecSpare, mask))
		mask = vecSpare
	}
	g.word(FmovXD.R2(regScratch, mask))
	if in.Op == isa.GuardAll {
		g.word(MvnX.R3(regScratch, 0, regScratch))
	}
	if g.Mode != isa.ModeScalar && len(g.Code) <= nearCode {
		g.word(CbnzX.To(regScratch, 0))
		return len(g.Buf) - 4
	}
	g.word(CbzX.To(regScratch, 8)) // reaches less far than what follows
	return g.JumpAlways()
}

func (g machine) JumpAlways() int {
	g.word(B.To(0, 0))
	return len(g.Buf) - 4
}

func (g machine) Call() int {
	g.word(MovX.R3(regLink, 0, regReturn))
	g.word(Bl.To(0, 0))
	g.word(MovX.R3(regReturn, 0, regLink))
	return len(g.Buf) - 8
}

// Patch makes the jump at place go to target.
func (g machine) Patch(place, target int) {
	o, register := B, uint8(0)
	switch w := binary.LittleEndian.Uint32(g.Buf[place:]); {
	case w == Bl.Word():
		o = Bl
	case w != B.Word():
		o, register = CbnzX, uint8(w&31)
	}
	binary.LittleEndian.PutUint32(g.Buf[place:], o.To(register, target-place))
}

func (g machine) Align(n int) {
	for len(g.Buf)&(n-1) != 0 {
		g.word(Nop.Word())
	}
}

func (g machine) Leave(bool) { g.word(Ret.Word()) }

func (g machine) CallBody(target int) {
	g.word(MovX.R3(regBodyLink, 0, regReturn))
	g.word(Bl.To(0, target-len(g.Buf)))
	g.word(MovX.R3(regReturn, 0, regBodyLink))
}

func (g machine) ArrayPointer(array int) uint8 {
	g.access(LdrX, 0, regPointer, isa.At(isa.RegTable, 8*int32(array)))
	return regPointer
}

func (g machine) JumpIfFalse(p isa.Mem) int {
	g.access(Ldrb, 0, regScratch, p)
	g.word(CbnzW.To(regScratch, 8))
	return g.JumpAlways()
}

func (g machine) NextStep(by int32, top int) {
	add := AddImm
	if by < 0 {
		add, by = SubImm, -by
	}
	g.word(add.At(isa.RegStep, isa.RegStep, by))
	g.word(CmpX.R3(0, isa.RegStep, regLast))
	g.word(Beq.To(0, 8))
	g.word(B.To(0, top-len(g.Buf)))
}
