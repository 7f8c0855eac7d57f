package native

import "encoding/binary"

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

// Vector lengths: the L bits of a prefix.
const (
	len128 uint8 = iota
	len256
	len512
)

// rrr appends a VEX instruction with registers only, in the order reg, vvvv, rm of the encoding.
func (a x86) rrr(m mnem, l, reg, v, rm uint8) {
	a.vex(&forms[m], l, reg, v, rm>>3&1, 0)
	a.buf = append(a.buf, 0xC0|reg&7<<3|rm&7)
}

// rrrImm is rrr with an immediate byte.
func (a x86) rrrImm(m mnem, l, reg, v, rm, imm uint8) {
	a.rrr(m, l, reg, v, rm)
	a.buf = append(a.buf, imm)
}

// rrm appends a VEX instruction whose rm operand is memory.
func (a x86) rrm(m mnem, l, reg, v uint8, p mem) {
	x := uint8(0)
	if p.index != noReg {
		x = p.index >> 3 & 1
	}
	a.vex(&forms[m], l, reg, v, p.base>>3&1, x)
	a.modrm(reg, p, 1)
}

// vex appends a VEX prefix and the opcode; the two-byte prefix where it suffices.
func (a x86) vex(f *form, l, reg, v, b, x uint8) {
	if f.vexL >= 0 {
		l = uint8(f.vexL)
	}
	w := uint8(f.vexW) & 1
	tail := (^v&15)<<3 | l<<2 | f.pp
	if b == 0 && x == 0 && w == 0 && f.mm == 1 {
		a.buf = append(a.buf, 0xC5, (^reg>>3&1)<<7|tail, f.op)
		return
	}
	a.buf = append(a.buf, 0xC4, (^reg>>3&1)<<7|(x^1)<<6|(b^1)<<5|f.mm, w<<7|tail, f.op)
}

// evexRRR appends an EVEX instruction with registers only.
func (a x86) evexRRR(m mnem, l, reg, v, rm uint8, e evexBits) {
	f := &forms[m]
	a.evex(f, l, reg, v, rm>>3&1, rm>>4&1, e)
	a.buf = append(a.buf, 0xC0|reg&7<<3|rm&7)
}

func (a x86) evexRRRImm(m mnem, l, reg, v, rm uint8, e evexBits, imm uint8) {
	a.evexRRR(m, l, reg, v, rm, e)
	a.buf = append(a.buf, imm)
}

// evexRRM appends an EVEX instruction whose rm operand is memory.
func (a x86) evexRRM(m mnem, l, reg, v uint8, p mem, e evexBits) {
	f := &forms[m]
	x := uint8(0)
	if p.index != noReg {
		x = p.index >> 3 & 1
	}
	a.evex(f, l, reg, v, p.base>>3&1, x, e)
	unit := f.memBytes(16 << l)
	if e.bcast {
		unit = int(f.bcast)
	}
	a.modrm(reg, p, int32(unit))
}

// evex appends the four-byte prefix and the opcode. x is bit 4 of an rm register, or bit 3
// of an index register.
func (a x86) evex(f *form, l, reg, v, b, x uint8, e evexBits) {
	p0 := (^reg>>3&1)<<7 | (x^1)<<6 | (b^1)<<5 | (^reg>>4&1)<<4 | f.mm
	p1 := uint8(f.evexW)&1<<7 | (^v&15)<<3 | 4 | f.pp
	p2 := l<<5 | (^v>>4&1)<<3 | e.mask
	if e.zero {
		p2 |= 0x80
	}
	if e.bcast {
		p2 |= 0x10
	}
	a.buf = append(a.buf, 0x62, p0, p1, p2, f.op)
}

// modrm appends ModRM, SIB and displacement of a memory operand. unit is the factor of a
// compressed disp8 (1 without EVEX).
func (a x86) modrm(reg uint8, p mem, unit int32) {
	mod := uint8(2)
	d8 := p.disp
	if unit != 1 && p.disp%unit == 0 {
		d8 = p.disp / unit
	} else if unit != 1 {
		d8 = 1 << 20
	}
	switch {
	case p.disp == 0 && p.base&7 != regBP:
		mod = 0
	case d8 >= -128 && d8 <= 127:
		mod = 1
	}
	if p.index == noReg && p.base&7 != regSP {
		a.buf = append(a.buf, mod<<6|reg&7<<3|p.base&7)
	} else {
		index := uint8(4)
		if p.index != noReg {
			index = p.index & 7
		}
		a.buf = append(a.buf, mod<<6|reg&7<<3|4, p.scale<<6|index<<3|p.base&7)
	}
	switch mod {
	case 1:
		a.buf = append(a.buf, uint8(d8))
	case 2:
		a.buf = binary.LittleEndian.AppendUint32(a.buf, uint32(p.disp))
	}
}

// Instructions on general registers; all of 64 bits unless the name says otherwise.

func (a x86) rexMem(w, reg uint8, p mem, op ...uint8) {
	rex := 0x40 | w<<3 | reg>>3&1<<2 | p.base>>3&1
	if p.index != noReg {
		rex |= p.index >> 3 & 1 << 1
	}
	if rex != 0x40 {
		a.buf = append(a.buf, rex)
	}
	a.buf = append(a.buf, op...)
	a.modrm(reg, p, 1)
}

func (a x86) loadReg(reg uint8, p mem)  { a.rexMem(1, reg, p, 0x8B) }
func (a x86) movStore(p mem, reg uint8) { a.rexMem(1, reg, p, 0x89) }
func (a x86) addLoad(reg uint8, p mem)  { a.rexMem(1, reg, p, 0x03) }
func (a x86) lea(reg uint8, p mem)      { a.rexMem(1, reg, p, 0x8D) }

func (a x86) ldmxcsr(p mem) { a.rexMem(0, 2, p, 0x0F, 0xAE) }

func (a x86) rexReg(op, reg, rm uint8) {
	a.buf = append(a.buf, 0x48|reg>>3&1<<2|rm>>3&1, op, 0xC0|reg&7<<3|rm&7)
}

func (a x86) moveReg(dst, src uint8) { a.rexReg(0x89, src, dst) }
func (a x86) subReg(dst, src uint8)  { a.rexReg(0x29, src, dst) }
func (a x86) clear(r uint8)          { a.rexReg(0x31, r, r) }

// aluImm appends an operation of group 1 with an immediate: ext 0 add, 5 sub, 7 cmp, 4 and.
func (a x86) aluImm(ext, reg uint8, imm int32) {
	op := uint8(0x81)
	if imm >= -128 && imm <= 127 {
		op = 0x83
	}
	a.rexReg(op, ext, reg)
	if op == 0x83 {
		a.buf = append(a.buf, uint8(imm))
		return
	}
	a.buf = binary.LittleEndian.AppendUint32(a.buf, uint32(imm))
}

func (a x86) addImm(reg uint8, imm int32) { a.aluImm(0, reg, imm) }
func (a x86) subImm(reg uint8, imm int32) { a.aluImm(5, reg, imm) }
func (a x86) cmpImm(reg uint8, imm int32) { a.aluImm(7, reg, imm) }

func (a x86) cmpByte(p mem, imm uint8) {
	a.rexMem(0, 7, p, 0x80)
	a.buf = append(a.buf, imm)
}

// Conditions of jumps beside those of every machine.
const (
	condBelow        uint8 = 0x2
	condAboveOrEqual uint8 = 0x3
)

// jump appends a conditional jump with a 32-bit distance and returns the place to patch.
func (a x86) jump(cond uint8) int {
	a.buf = append(a.buf, 0x0F, 0x80|cond, 0, 0, 0, 0)
	return len(a.buf)
}

func (a x86) jumpBack(cond uint8, target int) { a.patch(a.jump(cond), target) }

// jumpAlways appends an unconditional jump and returns the place to patch.
func (a x86) jumpAlways() int {
	a.buf = append(a.buf, 0xE9, 0, 0, 0, 0)
	return len(a.buf)
}

// call appends a near call and returns the place to patch.
func (a x86) call() int {
	a.buf = append(a.buf, 0xE8, 0, 0, 0, 0)
	return len(a.buf)
}

// patch makes the jump or call that ends at place go to target.
func (a x86) patch(place, target int) {
	binary.LittleEndian.PutUint32(a.buf[place-4:], uint32(int32(target-place)))
}

func (a x86) ret()        { a.buf = append(a.buf, 0xC3) }
func (a x86) vzeroupper() { a.buf = append(a.buf, 0xC5, 0xF8, 0x77) }

// align pads with long no-operations up to a multiple of n, a power of two.
func (a x86) align(n int) {
	for len(a.buf)&(n-1) != 0 {
		a.buf = append(a.buf, 0x90)
	}
}

// movStoreByte stores the low byte of AX, CX, DX or BX.
func (a x86) movStoreByte(p mem, reg uint8) { a.rexMem(0, reg, p, 0x88) }

// testReg32 sets the flags by the low 32 bits of a register below 8.
func (a x86) testReg32(reg uint8) { a.buf = append(a.buf, 0x85, 0xC0|reg<<3|reg) }
