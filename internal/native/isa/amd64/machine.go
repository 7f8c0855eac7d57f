// Package amd64 makes machine code of amd64 from low-level code, and names its instructions again.
package amd64

import (
	"encoding/binary"
	"slices"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// machine is amd64: VEX scalar instructions in scalar code, AVX2 or AVX-512 in vector code.
type machine struct {
	*isa.Generator
	avx512 bool // EVEX instructions in scalar code too
}

// New returns the instruction set for a generator at the level AVX2 or AVX512.
func New(g *isa.Generator, level cpu.Level) isa.Machine {
	if level == cpu.AVX512 {
		g.MiddleReach = 127 * 8
	}
	return machine{g, level == cpu.AVX512}
}

// evexReach holds the operations that scalar code can do with registers 16 to 31 as well.
var evexReach = [isa.OpCount]bool{isa.Mov: true, isa.Add: true, isa.Sub: true, isa.Mul: true, isa.Div: true, isa.Min: true, isa.Max: true,
	isa.FMA: true, isa.FMS: true, isa.FNMA: true, isa.FNMS: true, isa.Sqrt: true, isa.And: true, isa.Andn: true, isa.Or: true, isa.Xor: true, isa.StoreLanes: true, isa.Broadcast: true}

// StoreAt writes register r, which holds a value of kind k, to memory. In the arena a mask is
// a byte.
func (g machine) StoreAt(k isa.Kind, home isa.Space, r uint8, p isa.Mem) {
	switch {
	case g.ScalarKind(k) && k == isa.KindMask && home == isa.SpaceArena:
		g.rrr(vmovdFromXmm, isa.Len128, r, 0, regAX)
		g.aluImm(4, regAX, 1)
		g.movStoreByte(p, regAX)
	case g.ScalarKind(k) && k == isa.Kind32:
		g.op3Mem(vmovssStore, isa.Len128, r, 0, p)
	case g.ScalarKind(k):
		g.op3Mem(vmovsdStore, isa.Len128, r, 0, p)
	case k == isa.KindMask && g.Mode == isa.ModeMasked:
		g.rrm(kmovwStore, isa.Len128, r, 0, p)
	case k == isa.KindVector || g.Mode == isa.ModeMasked && k == isa.Kind64:
		g.evexRRM(vmovupdStore, g.Len64, r, 0, p, evexBits{})
	case g.Mode == isa.ModeMasked:
		g.evexRRM(vmovupsStore, g.Len32, r, 0, p, evexBits{})
	default:
		g.rrm(vmovupsStore, g.LenOf(k), r, 0, p)
	}
}

// Load reads a value from its home into register r.
func (g machine) Load(v *isa.Value, r uint8) {
	if v.Home == isa.SpaceNone || !v.Stored {
		panic("BUG: load of a value that is not in memory")
	}
	p := g.AddressOf(v)
	switch {
	case g.ScalarKind(v.Kind) && v.Kind == isa.KindMask && v.Home == isa.SpaceArena:
		g.rrm(vpbroadcastb, isa.Len128, r, 0, p)
		g.rrm(vpcmpeqb, isa.Len128, r, r, isa.At(isa.BaseConst, g.Consts.ByteOnes()))
	case v.Kind == isa.KindMask && v.Home == isa.SpaceArray:
		g.loadMaskBytes(v, r, p)
	case v.Home == isa.SpaceArray && g.Mode == isa.ModeVector && (g.Edge || v.Repeat):
		g.loadEdge(v, r, p)
	case v.Home == isa.SpaceArray && g.Tail && g.TailTable != nil:
		g.rrm(vmovupsLoad, g.LenOf(v.Kind), r, 0, g.tailMask(v.Kind, v.Part))
		g.loadMasked(v.Kind, r, r, p)
	case v.Home == isa.SpaceArray && g.Mode == isa.ModeMasked && (g.Tail || v.Repeat):
		m, l := vmovupdLoad, g.Len64
		switch {
		case v.Kind == isa.Kind32 && v.Repeat:
			m, l = vbroadcastss, g.Len32
		case v.Kind == isa.Kind32:
			m, l = vmovupsLoad, g.Len32
		case v.Repeat:
			m = vbroadcastsd
		}
		e := evexBits{}
		switch {
		case g.Tail && v.Span > 0:
			g.LoadMask(isa.SpanMask, isa.At(isa.RegSpans, 2*int32(v.Span)))
			e = evexBits{mask: isa.SpanMask, zero: true}
		case g.Tail && !v.Repeat:
			e = evexBits{mask: g.TailMasks[v.Part], zero: true}
		}
		g.evexRRM(m, l, r, 0, p, e)
	default:
		g.LoadFrom(v.Kind, p, r)
	}
}

// loadEdge reads a vector of a row without EVEX.
func (g machine) loadEdge(v *isa.Value, r uint8, p isa.Mem) {
	broadcast, and, l := vbroadcastsd, vandpd, g.Len64
	if v.Kind == isa.Kind32 {
		broadcast, and, l = vbroadcastss, vandps, g.Len32
	}
	masked := g.Edge && (v.Span > 0 || g.Rest > 0 && !v.Repeat)
	switch {
	case v.Repeat && v.Reads == 0:
		g.rrr(vxorps, l, r, r, r) // the element may not be there
	case v.Repeat:
		g.rrm(broadcast, l, r, 0, p)
		if masked {
			g.rrr(and, l, r, r, g.edgeMask(v.Kind, v.Span))
		}
	case masked:
		g.loadMasked(v.Kind, r, g.edgeMask(v.Kind, v.Span), p)
	default:
		g.rrm(vmovupsLoad, l, r, 0, p)
	}
}

// AppendSpan appends a mask of 16 bits, or one of 32 bits for each element.
func (g machine) AppendSpan(b []byte, from, to int) []byte {
	lanes := int(g.Lanes)
	mask := uint16(1<<min(max(to, 0), lanes)-1) &^ uint16(1<<min(max(from, 0), lanes)-1)
	if g.Mode == isa.ModeMasked {
		return binary.LittleEndian.AppendUint16(b, mask)
	}
	for lane := range lanes {
		b = binary.LittleEndian.AppendUint32(b, -uint32(mask>>lane&1))
	}
	return b
}

// edgeMask loads the mask of a span of columns, of which memory has 32 bits an element.
func (g machine) edgeMask(k isa.Kind, span uint8) uint8 {
	t, p := g.Temporary(k), isa.At(isa.RegSpans, g.MaskBytes*int32(span))
	if k == isa.Kind64 {
		g.rrm(vpmovsxdq, g.Len64, t, 0, p)
	} else {
		g.rrm(vmovupsLoad, g.Len32, t, 0, p)
	}
	return t
}

// LoadFrom reads a value as StoreAt leaves it outside of the arena and of arrays.
func (g machine) LoadFrom(k isa.Kind, p isa.Mem, r uint8) {
	switch {
	case g.ScalarKind(k) && k == isa.Kind32:
		g.op3Mem(vmovssLoad, isa.Len128, r, 0, p)
	case g.ScalarKind(k):
		g.op3Mem(vmovsdLoad, isa.Len128, r, 0, p)
	case k == isa.KindMask && g.Mode == isa.ModeMasked:
		g.rrm(kmovwLoad, isa.Len128, r, 0, p)
	case k == isa.KindVector || g.Mode == isa.ModeMasked && k == isa.Kind64:
		g.evexRRM(vmovupdLoad, g.Len64, r, 0, p, evexBits{})
	case g.Mode == isa.ModeMasked:
		g.evexRRM(vmovupsLoad, g.Len32, r, 0, p, evexBits{})
	default:
		g.rrm(vmovupsLoad, g.LenOf(k), r, 0, p)
	}
}

// CopyRegister copies a whole register.
func (g machine) CopyRegister(k isa.Kind, dst, src uint8) {
	switch {
	case dst == src:
	case k == isa.KindMask && g.Mode == isa.ModeMasked:
		g.rrr(korw, isa.Len128, dst, src, src)
	case k == isa.KindVector || g.Mode == isa.ModeMasked && k == isa.Kind64:
		g.evexRRR(vmovapd, g.Len64, dst, 0, src, evexBits{})
	case g.Mode == isa.ModeMasked:
		g.evexRRR(vmovaps, g.Len32, dst, 0, src, evexBits{})
	case g.ScalarKind(k):
		g.op3(vmovaps, isa.Len128, dst, 0, src)
	default:
		g.rrr(vmovaps, g.LenOf(k), dst, 0, src)
	}
}

// rowOf returns the form and the vector length for an instruction, and whether the form is a scalar one.
func (g machine) rowOf(in *isa.Instr) (m mnem, l uint8, scalarForm bool) {
	row := &ops[in.Op].rows[in.Type]
	l = g.Len32
	if in.Type.Size64() {
		l = g.Len64
	}
	switch g.Mode {
	case isa.ModeScalar:
		if row.scalar != noForm {
			return row.scalar, isa.Len128, true
		}
		return row.vex, isa.Len128, false
	case isa.ModeVector:
		return row.vex, l, false
	}
	return row.evex, l, false
}

// op3 appends reg, vvvv, rm with the prefix of the mode.
func (g machine) op3(m mnem, l, reg, v, rm uint8) {
	if forms[m].vexW < 0 || (reg|v|rm) >= 16 || g.Mode == isa.ModeMasked && forms[m].evexW >= 0 {
		g.evexRRR(m, l, reg, v, rm, evexBits{})
		return
	}
	g.rrr(m, l, reg, v, rm)
}

func (g machine) op3Mem(m mnem, l, reg, v uint8, p isa.Mem) {
	if forms[m].vexW < 0 || (reg|v) >= 16 || g.evexIsShorter(&forms[m], p) || g.Mode == isa.ModeMasked && forms[m].evexW >= 0 {
		g.evexRRM(m, l, reg, v, p, evexBits{})
		return
	}
	g.rrm(m, l, reg, v, p)
}

// evexIsShorter reports whether a scalar in memory is reached by a displacement of one byte in units of its size, which EVEX has, but not by one in bytes:
// the instruction has 7 bytes where VEX takes 8 or 9.
func (g machine) evexIsShorter(f *form, p isa.Mem) bool {
	if !g.avx512 || f.evexW < 0 || p.Disp >= -128 && p.Disp <= 127 {
		return false
	}
	unit := int32(f.memBytes(16))
	return unit < 16 && p.Disp%unit == 0 && p.Disp/unit >= -128 && p.Disp/unit <= 127
}

// memoryOperand reports whether an instruction may take v from memory as an operand of
// bytes width (0: a whole vector).
func (g machine) memoryOperand(v int32, scalarForm bool) bool {
	val := &g.Vals[v]
	if val.Reg != isa.NoRegister || !val.Stored || val.Kind == isa.KindMask {
		return false
	}
	switch g.Mode {
	case isa.ModeScalar:
		// A packed form reads 16 bytes, of which only constants are sure to exist.
		return scalarForm || val.Home == isa.SpaceConst
	default:
		return val.Home != isa.SpaceNone && !((g.Tail || val.Repeat) && val.Home == isa.SpaceArray)
	}
}

// wantsRegister reports whether an operand that could come from memory should be loaded:
// it is used again and a register is free.
func (g machine) wantsRegister(v, next int32) bool {
	return next != isa.Never && g.FileOf(g.Vals[v].Kind).Free != 0
}

// rmOperand resolves the operand that may lie in memory.
func (g machine) rmOperand(v, next int32, scalarForm bool) isa.Operand {
	if g.memoryOperand(v, scalarForm) && !g.wantsRegister(v, next) {
		return isa.Operand{Reg: isa.NoRegister, Memory: g.AddressOf(&g.Vals[v])}
	}
	return isa.Operand{Reg: g.InRegister(v)}
}

// op3rm appends reg, vvvv and an operand of either kind.
func (g machine) op3rm(m mnem, l, reg, v uint8, o isa.Operand) {
	if o.Reg == isa.NoRegister {
		g.op3Mem(m, l, reg, v, o.Memory)
		return
	}
	g.op3(m, l, reg, v, o.Reg)
}

func (g machine) Emit(in *isa.Instr, u *isa.NextUses) {
	info := &ops[in.Op]
	switch info.shape {
	case emitBinary:
		g.emitBinary(in, u, isa.Commutes[in.Op])
	case emitFused:
		g.emitFused(in, u)
	case emitUnary:
		g.emitUnary(in, u)
	case emitCompare:
		g.emitCompare(in, u)
	case emitBlend:
		g.emitBlend(in, u)
	case emitMaskz:
		g.emitMaskz(in, u)
	case emitFixZero:
		g.emitFixZero(in, u)
	case emitShift:
		g.emitShift(in, u)
	case emitMaskNot:
		g.emitMaskNot(in, u)
	default:
		g.emitOther(in, u)
	}
}

func (g machine) emitBinary(in *isa.Instr, u *isa.NextUses, commute bool) {
	m, l, scalarForm := g.rowOf(in)
	a, b, ua, ub := in.A, in.B, u.A, u.B
	if commute && g.Vals[a].Reg == isa.NoRegister && (g.Vals[b].Reg != isa.NoRegister || ub < ua) {
		a, b, ub = b, a, ua
	}
	ra := g.InRegister(a)
	o := g.rmOperand(b, ub, scalarForm)
	if commute && g.Mode != isa.ModeMasked && o.Reg != isa.NoRegister && o.Reg >= 8 && ra < 8 {
		ra, o.Reg = o.Reg, ra // the shorter prefix
	}
	g.AdvanceAll(in, u)
	g.op3rm(m, l, g.Define(in.Dst, u.Dst), ra, o)
}

// emitFused chooses the operand that the result overwrites: one that dies in a register, else
// one that must be loaded anyway, else a copy; and the form that lets another operand stay in memory.
func (g machine) emitFused(in *isa.Instr, u *isa.NextUses) {
	m, l, scalarForm := g.rowOf(in)
	ids := [3]int32{in.A, in.B, in.C}
	next := [3]int32{u.A, u.B, u.C}
	victim, absent := -1, -1
	for k, v := range ids {
		if g.Vals[v].Reg == isa.NoRegister {
			if absent < 0 || next[k] == isa.Never {
				absent = k
			}
		} else if next[k] == isa.Never && !g.Vals[v].Pinned {
			victim = k
		}
	}
	copied := false
	if victim < 0 {
		victim, copied = 2, true
		if absent >= 0 {
			victim = absent
		}
	}
	// The operand that may come from memory: any but the victim.
	fromMemory := -1
	for k, v := range ids {
		if k != victim && v != ids[victim] && g.memoryOperand(v, scalarForm) && !g.wantsRegister(v, next[k]) {
			if fromMemory >= 0 && ids[fromMemory] == v {
				fromMemory = -1 // both multiplicands: load it
				break
			}
			fromMemory = k
		}
	}
	var ops [3]isa.Operand
	for k, v := range ids {
		if k != fromMemory && (k != victim || !copied) {
			ops[k] = isa.Operand{Reg: g.InRegister(v)}
		}
	}
	if copied && g.Vals[ids[victim]].Reg != isa.NoRegister {
		ops[victim].Reg = g.InRegister(ids[victim])
	}
	var dst uint8
	if copied {
		file := g.FileOf(g.Vals[in.Dst].Kind)
		loaded := g.Vals[ids[victim]].Reg == isa.NoRegister
		dst = g.Take(file)
		file.Lock |= 1 << dst
		if loaded {
			g.Load(&g.Vals[ids[victim]], dst)
		} else {
			g.CopyRegister(g.Vals[in.Dst].Kind, dst, ops[victim].Reg)
		}
		if fromMemory >= 0 {
			ops[fromMemory] = isa.Operand{Reg: isa.NoRegister, Memory: g.AddressOf(&g.Vals[ids[fromMemory]])}
		}
		g.AdvanceAll(in, u)
		g.Vals[in.Dst].Next = u.Dst
		g.Own(file, dst, in.Dst)
	} else {
		dst = ops[victim].Reg
		if fromMemory >= 0 {
			ops[fromMemory] = isa.Operand{Reg: isa.NoRegister, Memory: g.AddressOf(&g.Vals[ids[fromMemory]])}
		}
		g.AdvanceAll(in, u)
		file := g.FileOf(g.Vals[in.Dst].Kind)
		file.Free &^= 1 << dst
		g.Vals[in.Dst].Next = u.Dst
		g.Own(file, dst, in.Dst)
	}
	// m is the 132 form, m+1 is 213, m+2 is 231.
	switch {
	case victim == 2:
		x, y := 0, 1
		if fromMemory == 0 || ops[1].Reg != isa.NoRegister && ops[1].Reg >= 8 && fromMemory != 1 {
			x, y = 1, 0
		}
		g.op3rm(m+2, l, dst, ops[x].Reg, ops[y])
	case fromMemory == 1-victim:
		g.op3rm(m, l, dst, ops[2].Reg, ops[1-victim])
	default:
		g.op3rm(m+1, l, dst, ops[1-victim].Reg, ops[2])
	}
}

func (g machine) emitUnary(in *isa.Instr, u *isa.NextUses) {
	m, l, scalarForm := g.rowOf(in)
	if scalarForm && forms[m].shape == shapeRVM {
		// The upper lanes come from vvvv: taking them from the operand itself avoids
		// waiting for an unrelated register.
		r := g.InRegister(in.A)
		g.AdvanceAll(in, u)
		g.op3(m, isa.Len128, g.Define(in.Dst, u.Dst), r, r)
	} else {
		if in.Op == isa.CvtI32F64 || in.Op == isa.CvtF32F64 || in.Op == isa.CvtI32I64 {
			l = g.Len64
		}
		o := g.rmOperand(in.A, u.A, scalarForm)
		if g.Mode != isa.ModeScalar && o.Reg == isa.NoRegister && in.Op == isa.CvtF64F32 {
			o = isa.Operand{Reg: g.InRegister(in.A)} // sizes of the two sides differ
		}
		g.AdvanceAll(in, u)
		g.op3rm(m, l, g.Define(in.Dst, u.Dst), 0, o)
	}
	if in.Op == isa.Round {
		g.Buf = append(g.Buf, in.Imm)
	}
}

func (g machine) emitCompare(in *isa.Instr, u *isa.NextUses) {
	m, l, scalarForm := g.rowOf(in)
	ra := g.InRegister(in.A)
	o := g.rmOperand(in.B, u.B, scalarForm)
	g.AdvanceAll(in, u)
	dst := g.Define(in.Dst, u.Dst)
	g.op3rm(m, l, dst, ra, o)
	if in.Op == isa.Cmp {
		g.Buf = append(g.Buf, in.Imm)
	}
	if g.Mode == isa.ModeScalar && !in.Type.Size64() {
		g.rrr(vmovsldup, isa.Len128, dst, 0, dst) // a mask has 64 bits
	}
	if g.Mode == isa.ModeVector && !in.Type.Size64() && g.Len32 != g.Len64 {
		g.rrr(vpmovsxdq, g.Len64, dst, 0, dst)
	}
}

func (g machine) emitBlend(in *isa.Instr, u *isa.NextUses) {
	m, l, _ := g.rowOf(in)
	rm := g.InRegister(in.A)
	rc := g.InRegister(in.C)
	o := g.rmOperand(in.B, u.B, false)
	if g.Mode == isa.ModeVector && !in.Type.Size64() && g.Len32 != g.Len64 {
		rm = g.narrowMask(rm)
	}
	g.AdvanceAll(in, u)
	dst := g.Define(in.Dst, u.Dst)
	if g.Mode == isa.ModeMasked {
		if o.Reg == isa.NoRegister {
			g.evexRRM(m, l, dst, rc, o.Memory, evexBits{mask: rm})
		} else {
			g.evexRRR(m, l, dst, rc, o.Reg, evexBits{mask: rm})
		}
		return
	}
	g.op3rm(m, l, dst, rc, o)
	g.Buf = append(g.Buf, rm<<4)
}

func (g machine) emitMaskz(in *isa.Instr, u *isa.NextUses) {
	m, l, _ := g.rowOf(in)
	rm := g.InRegister(in.A)
	if g.Mode == isa.ModeMasked {
		o := g.rmOperand(in.B, u.B, false)
		g.AdvanceAll(in, u)
		dst := g.Define(in.Dst, u.Dst)
		move := vmovupdLoad
		if !in.Type.Size64() {
			move = vmovupsLoad
		}
		if o.Reg == isa.NoRegister {
			g.evexRRM(move, l, dst, 0, o.Memory, evexBits{mask: rm, zero: true})
		} else {
			g.evexRRR(move, l, dst, 0, o.Reg, evexBits{mask: rm, zero: true})
		}
		return
	}
	o := g.rmOperand(in.B, u.B, false)
	if g.Mode == isa.ModeVector && !in.Type.Size64() && g.Len32 != g.Len64 {
		rm = g.narrowMask(rm)
	}
	g.AdvanceAll(in, u)
	g.op3rm(m, l, g.Define(in.Dst, u.Dst), rm, o)
}

// emitFixZero overwrites A where it dies, else a copy of it.
func (g machine) emitFixZero(in *isa.Instr, u *isa.NextUses) {
	m, l, _ := g.rowOf(in)
	rm, rc, dst := g.InRegister(in.B), g.InRegister(in.C), g.InRegister(in.A)
	if u.A != isa.Never || g.Vals[in.A].Pinned || in.A == in.C {
		from, kind := dst, g.Vals[in.Dst].Kind
		dst = g.Take(g.FileOf(kind))
		g.CopyRegister(kind, dst, from)
	}
	g.TakeOver(in, u, dst)
	g.evexRRM(m, l, dst, rc, isa.At(isa.BaseConst, in.Extra), evexBits{mask: rm})
	g.Buf = append(g.Buf, 0)
}

// emitFixZeros tests the mask, for both products where two have it, before either is a result. The results keep their registers on both ways.
func (g machine) emitFixZeros(in *isa.Instr, u *isa.NextUses) {
	if in.Imm == isa.Joined {
		g.takeJoined(in, u)
		return
	}
	m, l := ops[isa.FixZero].rows[in.Type].evex, g.Len32
	if in.Type.Size64() {
		l = g.Len64
	}
	cmp := ops[isa.Cmp].rows[in.Type].evex
	mask := g.InRegister(in.B)
	type product struct{ x, y, z uint8 }
	var products []product
	g.EachJoined(func(in *isa.Instr, u *isa.NextUses) {
		y, z := g.InRegister(in.C), g.InRegister(in.Extra)
		x := g.Guarded(in, u)
		g.Files[isa.FileVector].Lock |= 1 << x
		products = append(products, product{x, y, z})
		g.JoinedIn = append(g.JoinedIn, x)
	})
	g.rrr(g.kortest(), isa.Len128, mask, 0, mask)
	table := g.Consts.Place(isa.ZeroToZero, in.Type.Kind())
	g.Unlikely(g.Jump(isa.CondNotEqual), func() {
		for _, p := range products {
			if len(products) > 1 { // the mask is that of either
				g.evexRRR(cmp, l, mask, p.x, p.x, evexBits{})
				g.Buf = append(g.Buf, isa.CmpUnordered)
			}
			for _, r := range []uint8{p.y, p.z} {
				g.evexRRM(m, l, p.x, r, isa.At(isa.BaseConst, table), evexBits{mask: mask})
				g.Buf = append(g.Buf, 0)
			}
		}
	})
	g.takeJoined(in, u)
}

// takeJoined makes the next product of a test a result.
func (g machine) takeJoined(in *isa.Instr, u *isa.NextUses) {
	x := g.JoinedIn[0]
	g.JoinedIn = g.JoinedIn[1:]
	g.TakeOver(in, u, x)
}

func (g machine) emitShift(in *isa.Instr, u *isa.NextUses) {
	m, l, _ := g.rowOf(in)
	r := g.InRegister(in.A)
	g.AdvanceAll(in, u)
	dst := g.Define(in.Dst, u.Dst)
	g.op3(m, l, forms[m].ext, dst, r)
	g.Buf = append(g.Buf, in.Imm)
}

func (g machine) emitMaskNot(in *isa.Instr, u *isa.NextUses) {
	r := g.InRegister(in.A)
	if g.Mode == isa.ModeMasked {
		g.AdvanceAll(in, u)
		g.rrr(knotw, isa.Len128, g.Define(in.Dst, u.Dst), 0, r)
		return
	}
	g.AdvanceAll(in, u)
	l := g.Len64
	if g.Mode == isa.ModeScalar {
		l = isa.Len128
	}
	g.rrm(vxorps, l, g.Define(in.Dst, u.Dst), r, isa.At(isa.BaseConst, g.Consts.AllOnes()))
}

func (g machine) emitOther(in *isa.Instr, u *isa.NextUses) {
	switch in.Op {
	case isa.Gather:
		g.emitGather(in, u)
		return
	case isa.FixZeros:
		g.emitFixZeros(in, u)
		return
	case isa.StoreLanes:
		r := g.InRegister(in.A)
		g.StoreAt(isa.KindVector, isa.Space(in.Imm), r, g.AddressOf(&isa.Value{Home: isa.Space(in.Imm), Disp: in.Extra}))
		g.AdvanceAll(in, u)
		return
	case isa.Broadcast:
		// The operand is a scalar and its memory eight bytes wide.
		val := &g.Vals[in.A]
		o := isa.Operand{Reg: val.Reg}
		if val.Reg == isa.NoRegister {
			o.Memory = g.AddressOf(val)
		}
		g.AdvanceAll(in, u)
		g.op3rm(vbroadcastsd, g.Len64, g.Define(in.Dst, u.Dst), 0, o)
		return
	case isa.Store, isa.Merge, isa.Fold:
		g.emitVector(in, u)
		return
	}
	r := g.InRegister(in.A)
	g.AdvanceAll(in, u)
	dst := g.Define(in.Dst, u.Dst)
	if g.Mode == isa.ModeMasked {
		m, l, _ := g.rowOf(in)
		switch in.Op {
		case isa.CvtF32I64:
			g.evexRRR(m, g.Len64, dst, 0, r, evexBits{})
		case isa.CvtI64I32:
			g.evexRRR(m, g.Len64, r, 0, dst, evexBits{}) // the destination is the rm operand
		default:
			g.evexRRR(m, l, dst, 0, r, evexBits{})
		}
		return
	}
	if g.Mode == isa.ModeScalar {
		switch in.Op {
		case isa.CvtI64F64, isa.CvtI64F32:
			m := vcvtsi2sd
			if in.Op == isa.CvtI64F32 {
				m = vcvtsi2ss
			}
			g.rrr(vmovqFromXmm, isa.Len128, r, 0, regAX)
			g.rrr(m, isa.Len128, dst, r, regAX)
			return
		case isa.CvtF64I64, isa.CvtF32I64:
			m := vcvttsd2si
			if in.Op == isa.CvtF32I64 {
				m = vcvttss2si
			}
			g.rrr(m, isa.Len128, regAX, 0, r)
			g.rrr(vmovqToXmm, isa.Len128, dst, 0, regAX)
			return
		case isa.CvtI64I32:
			g.CopyRegister(isa.Kind64, dst, r) // the low half is what counts
			return
		}
	}
	panic("BUG: low-level operation " + ops[in.Op].name + " has no machine code in this mode")
}

// Has reports whether the generator's mode has a machine instruction for op.
func (g machine) Has(op isa.Op, t isa.Elem) bool {
	row := ops[op].rows[t]
	switch g.Mode {
	case isa.ModeScalar:
		if row.scalar != noForm {
			return forms[row.scalar].vexW >= 0 || g.avx512
		}
		return row.vex != noForm
	case isa.ModeVector:
		return row.vex != noForm
	}
	return row.evex != noForm
}

// JumpIfAny jumps if a guard is true in some lane.
func (g machine) JumpIfAny(guard uint8, in *isa.Instr) int {
	switch {
	case g.Mode == isa.ModeMasked && g.Tail:
		// Lanes beyond the end must not call the complete form.
		spare := g.Temporary(isa.KindMask)
		g.rrr(kandw, isa.Len128, spare, guard, g.TailMasks[in.Part])
		g.rrr(g.kortest(), isa.Len128, spare, 0, spare)
	case g.Mode == isa.ModeMasked:
		g.rrr(g.kortest(), isa.Len128, guard, 0, guard)
	case g.Mode == isa.ModeVector:
		if g.Tail && g.TailTable != nil {
			k := isa.Kind64
			if g.Lanes == 8 {
				k = isa.Kind32
			}
			spare := g.Temporary(isa.KindMask)
			g.rrm(vandps, g.maskLen(), spare, guard, g.tailMask(k, in.Part))
			guard = spare
		}
		g.rrr(vmovmskps, g.maskLen(), regBX, 0, guard)
		g.testReg32(regBX)
	default:
		g.rrr(vmovdFromXmm, isa.Len128, guard, 0, regAX)
		g.testReg32(regAX)
	}
	return g.Jump(isa.CondNotEqual)
}

// kortest tests as many mask bits as there are lanes; those above hold anything.
func (g machine) kortest() mnem {
	if g.Lanes == 8 {
		return kortestb
	}
	return kortestw
}

// maskLen is the length of mask vectors without EVEX.
func (g machine) maskLen() uint8 {
	if g.Mode == isa.ModeScalar {
		return isa.Len128
	}
	return max(g.Len64, g.Len32)
}

// emitGather reads a table at the lanes' indices.
func (g machine) emitGather(in *isa.Instr, u *isa.NextUses) {
	index := g.InRegister(in.A)
	wide := in.Type.Size64()
	m, l, scale := vgatherqpd, g.Len64, uint8(3)
	if !wide {
		m, l, scale = vgatherdps, g.Len32, 2
	}
	p := isa.Mem{Base: isa.BaseConst, Index: regAX, Scale: scale, Disp: in.Extra}
	if g.Mode == isa.ModeScalar {
		g.AdvanceAll(in, u)
		dst := g.Define(in.Dst, u.Dst)
		if wide {
			g.rrr(vmovqFromXmm, isa.Len128, index, 0, regAX)
			g.rrm(vmovsdLoad, isa.Len128, dst, 0, p)
		} else {
			g.rrr(vmovdFromXmm, isa.Len128, index, 0, regAX)
			g.rrm(vmovssLoad, isa.Len128, dst, 0, p)
		}
		return
	}
	// The processor wants index, mask and result in different registers.
	mask := g.Temporary(isa.KindMask)
	dst := g.Define(in.Dst, u.Dst)
	p.Index = index
	if g.Mode == isa.ModeMasked {
		g.rrr(kxnorw, isa.Len128, mask, mask, mask)
		g.evexRRM(m, l, dst, index&16, p, evexBits{mask: mask})
	} else {
		g.rrr(vpcmpeqd, l, mask, mask, mask)
		g.rrm(m, l, dst, mask, p)
	}
	g.AdvanceAll(in, u)
}

// Leave returns to the caller, after vector instructions if vectors is true.
func (g machine) Leave(vectors bool) {
	if vectors {
		g.vzeroupper()
	}
	g.ret()
}

func (g machine) SlowUnderflow() bool { return true }

func (g machine) Registers(code []isa.Instr, longer bool) uint32 {
	if !g.avx512 || !longer || slices.ContainsFunc(code, func(in isa.Instr) bool { return !evexReach[in.Op] }) {
		return 0xFFFF
	}
	return 0xFFFFFFFF
}

func (g machine) VectorCode() (isa.Mode, uint8) {
	if g.avx512 {
		return isa.ModeMasked, isa.Len512
	}
	return isa.ModeVector, isa.Len256
}

func (g machine) Pairs() bool { return false }

func (g machine) MasksInMemory() bool { return !g.avx512 }

func (g machine) LoadMask(r uint8, p isa.Mem) { g.rrm(kmovwLoad, isa.Len128, r, 0, p) }

func (g machine) AddMemory(r uint8, p isa.Mem) { g.rexMem(1, r, p, 0x03) }
func (g machine) StoreReg(p isa.Mem, r uint8)  { g.rexMem(1, r, p, 0x89) }

func (g machine) CallBody(target int) { g.Patch(g.Call(), target) }

func (g machine) ArrayPointer(array int) uint8 {
	g.LoadReg(regCX, isa.At(isa.RegTable, 8*int32(array)))
	return regCX
}

func (g machine) JumpIfFalse(p isa.Mem) int {
	g.cmpByte(p, 0)
	return g.Jump(isa.CondEqual)
}

// NextStep compares with the step after the last, which lies on the stack.
func (g machine) NextStep(by int32, top int) {
	g.AddImm(isa.RegStep, by)
	g.LoadReg(regAX, isa.At(regSP, 8))
	g.rexReg(0x39, regAX, isa.RegStep)
	g.Patch(g.Jump(isa.CondNotEqual), top)
}

// ArrayOperand addresses an array at the current element. Arrays beyond the base registers
// get their pointer loaded first.
func (g machine) ArrayOperand(array uint8, disp int32) isa.Mem {
	base := uint8(regBX)
	switch {
	case g.Near(int(array)):
		base, disp = g.BaseReg, disp+g.ArrayNear[array]
	case int(array) < len(g.ArrayRegs):
		base = g.ArrayRegs[array]
	default:
		g.LoadReg(regBX, isa.At(isa.BaseArena, 8*int32(array)))
	}
	if g.ArrayFixed[array] {
		return isa.At(base, disp)
	}
	return isa.Mem{Base: base, Index: isa.RegIndex, Scale: g.ArrayScale[array], Disp: disp}
}
