package amd64

import (
	"encoding/binary"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Numbers of the general registers that generated code uses by name.
const (
	regAX = 0
	regCX = 1
	regDX = 2
	regBX = 3
	regSP = 4
	regBP = 5
	regSI = 6
	regDI = 7
)

// evexBits are what EVEX adds: a write mask, zeroing, and an embedded broadcast of memory operands.
type evexBits struct {
	mask  uint8 // k register, 0 for none
	zero  bool
	bcast bool
}

// rrr appends a VEX instruction with registers only, in the order reg, vvvv, rm of the encoding.
func (a machine) rrr(m mnem, l, reg, v, rm uint8) {
	a.vex(&forms[m], l, reg, v, rm>>3&1, 0)
	a.Buf = append(a.Buf, 0xC0|reg&7<<3|rm&7)
}

// rrrImm is rrr with an immediate byte.
func (a machine) rrrImm(m mnem, l, reg, v, rm, imm uint8) {
	a.rrr(m, l, reg, v, rm)
	a.Buf = append(a.Buf, imm)
}

// rrm appends a VEX instruction whose rm operand is memory.
func (a machine) rrm(m mnem, l, reg, v uint8, p isa.Mem) {
	x := uint8(0)
	if p.Index != isa.NoRegister {
		x = p.Index >> 3 & 1
	}
	a.vex(&forms[m], l, reg, v, p.Base>>3&1, x)
	a.modrm(reg, p, 1)
}

// vex appends a VEX prefix and the opcode; the two-byte prefix where it suffices.
func (a machine) vex(f *form, l, reg, v, b, x uint8) {
	if f.vexL >= 0 {
		l = uint8(f.vexL)
	}
	w := uint8(f.vexW) & 1
	tail := (^v&15)<<3 | l<<2 | f.pp
	if b == 0 && x == 0 && w == 0 && f.mm == 1 {
		a.Buf = append(a.Buf, 0xC5, (^reg>>3&1)<<7|tail, f.op)
		return
	}
	a.Buf = append(a.Buf, 0xC4, (^reg>>3&1)<<7|(x^1)<<6|(b^1)<<5|f.mm, w<<7|tail, f.op)
}

// evexRRR appends an EVEX instruction with registers only.
func (a machine) evexRRR(m mnem, l, reg, v, rm uint8, e evexBits) {
	f := &forms[m]
	a.evex(f, l, reg, v, rm>>3&1, rm>>4&1, e)
	a.Buf = append(a.Buf, 0xC0|reg&7<<3|rm&7)
}

func (a machine) evexRRRImm(m mnem, l, reg, v, rm uint8, e evexBits, imm uint8) {
	a.evexRRR(m, l, reg, v, rm, e)
	a.Buf = append(a.Buf, imm)
}

// evexRRM appends an EVEX instruction whose rm operand is memory.
func (a machine) evexRRM(m mnem, l, reg, v uint8, p isa.Mem, e evexBits) {
	f := &forms[m]
	x := uint8(0)
	if p.Index != isa.NoRegister {
		x = p.Index >> 3 & 1
	}
	a.evex(f, l, reg, v, p.Base>>3&1, x, e)
	unit := f.memBytes(16 << l)
	if e.bcast {
		unit = int(f.bcast)
	}
	a.modrm(reg, p, int32(unit))
}

// evex appends the four-byte prefix and the opcode. x is bit 4 of an rm register, or bit 3
// of an index register.
func (a machine) evex(f *form, l, reg, v, b, x uint8, e evexBits) {
	p0 := (^reg>>3&1)<<7 | (x^1)<<6 | (b^1)<<5 | (^reg>>4&1)<<4 | f.mm
	p1 := uint8(f.evexW)&1<<7 | (^v&15)<<3 | 4 | f.pp
	p2 := l<<5 | (^v>>4&1)<<3 | e.mask
	if e.zero {
		p2 |= 0x80
	}
	if e.bcast {
		p2 |= 0x10
	}
	a.Buf = append(a.Buf, 0x62, p0, p1, p2, f.op)
}

// modrm appends ModRM, SIB and displacement of a memory operand. unit is the factor of a
// compressed disp8 (1 without EVEX).
func (a machine) modrm(reg uint8, p isa.Mem, unit int32) {
	mod := uint8(2)
	d8 := p.Disp
	if unit != 1 && p.Disp%unit == 0 {
		d8 = p.Disp / unit
	} else if unit != 1 {
		d8 = 1 << 20
	}
	switch {
	case p.Disp == 0 && p.Base&7 != regBP:
		mod = 0
	case d8 >= -128 && d8 <= 127:
		mod = 1
	}
	if p.Index == isa.NoRegister && p.Base&7 != regSP {
		a.Buf = append(a.Buf, mod<<6|reg&7<<3|p.Base&7)
	} else {
		index := uint8(4)
		if p.Index != isa.NoRegister {
			index = p.Index & 7
		}
		a.Buf = append(a.Buf, mod<<6|reg&7<<3|4, p.Scale<<6|index<<3|p.Base&7)
	}
	switch mod {
	case 1:
		a.Buf = append(a.Buf, uint8(d8))
	case 2:
		a.Buf = binary.LittleEndian.AppendUint32(a.Buf, uint32(p.Disp))
	}
}

// Instructions on general registers; all of 64 bits unless the name says otherwise.

func (a machine) rexMem(w, reg uint8, p isa.Mem, op ...uint8) {
	rex := 0x40 | w<<3 | reg>>3&1<<2 | p.Base>>3&1
	if p.Index != isa.NoRegister {
		rex |= p.Index >> 3 & 1 << 1
	}
	if rex != 0x40 {
		a.Buf = append(a.Buf, rex)
	}
	a.Buf = append(a.Buf, op...)
	a.modrm(reg, p, 1)
}

func (a machine) LoadReg(reg uint8, p isa.Mem) { a.rexMem(1, reg, p, 0x8B) }
func (a machine) Lea(reg uint8, p isa.Mem)     { a.rexMem(1, reg, p, 0x8D) }

func (a machine) ldmxcsr(p isa.Mem) { a.rexMem(0, 2, p, 0x0F, 0xAE) }

func (a machine) rexReg(op, reg, rm uint8) {
	a.Buf = append(a.Buf, 0x48|reg>>3&1<<2|rm>>3&1, op, 0xC0|reg&7<<3|rm&7)
}

func (a machine) MoveReg(dst, src uint8) { a.rexReg(0x89, src, dst) }
func (a machine) SubReg(dst, src uint8)  { a.rexReg(0x29, src, dst) }
func (a machine) Clear(r uint8)          { a.rexReg(0x31, r, r) }

// aluImm appends an operation of group 1 with an immediate: ext 0 add, 5 sub, 7 cmp, 4 and.
func (a machine) aluImm(ext, reg uint8, imm int32) {
	op := uint8(0x81)
	if imm >= -128 && imm <= 127 {
		op = 0x83
	}
	a.rexReg(op, ext, reg)
	if op == 0x83 {
		a.Buf = append(a.Buf, uint8(imm))
		return
	}
	a.Buf = binary.LittleEndian.AppendUint32(a.Buf, uint32(imm))
}

func (a machine) AddImm(reg uint8, imm int32) { a.aluImm(0, reg, imm) }
func (a machine) SubImm(reg uint8, imm int32) { a.aluImm(5, reg, imm) }
func (a machine) CmpImm(reg uint8, imm int32) { a.aluImm(7, reg, imm) }

func (a machine) cmpByte(p isa.Mem, imm uint8) {
	a.rexMem(0, 7, p, 0x80)
	a.Buf = append(a.Buf, imm)
}

// Conditions of jumps beside those of every machine.
const (
	condBelow        uint8 = 0x2
	condAboveOrEqual uint8 = 0x3
)

// Jump appends a conditional jump with a 32-bit distance and returns the place to patch.
func (a machine) Jump(cond uint8) int {
	a.Buf = append(a.Buf, 0x0F, 0x80|cond, 0, 0, 0, 0)
	return len(a.Buf)
}

func (a machine) JumpBack(cond uint8, target int) { a.Patch(a.Jump(cond), target) }

// JumpAlways appends an unconditional jump and returns the place to patch.
func (a machine) JumpAlways() int {
	a.Buf = append(a.Buf, 0xE9, 0, 0, 0, 0)
	return len(a.Buf)
}

// Call appends a near call and returns the place to patch.
func (a machine) Call() int {
	a.Buf = append(a.Buf, 0xE8, 0, 0, 0, 0)
	return len(a.Buf)
}

// Patch makes the jump or call that ends at place go to target.
func (a machine) Patch(place, target int) {
	binary.LittleEndian.PutUint32(a.Buf[place-4:], uint32(int32(target-place)))
}

func (a machine) ret()        { a.Buf = append(a.Buf, 0xC3) }
func (a machine) vzeroupper() { a.Buf = append(a.Buf, 0xC5, 0xF8, 0x77) }

// Align pads with long no-operations up to a multiple of n, a power of two.
func (a machine) Align(n int) {
	for len(a.Buf)&(n-1) != 0 {
		a.Buf = append(a.Buf, 0x90)
	}
}

// movStoreByte stores the low byte of AX, CX, DX or BX.
func (a machine) movStoreByte(p isa.Mem, reg uint8) { a.rexMem(0, reg, p, 0x88) }

// testReg32 sets the flags by the low 32 bits of a register below 8.
func (a machine) testReg32(reg uint8) { a.Buf = append(a.Buf, 0x85, 0xC0|reg<<3|reg) }
