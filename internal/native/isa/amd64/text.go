package amd64

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// decodeKey identifies a form from the fields of an encoded instruction.
type decodeKey struct {
	evex       bool
	pp, mm, op uint8
	w          int8
	ext        uint8 // opcode extension, 0xFF where the reg field is an operand
}

var decodeTable = func() map[decodeKey]mnem {
	t := map[decodeKey]mnem{}
	for m := range forms {
		f := &forms[m]
		ext := uint8(0xFF)
		if f.shape == shapeVMI {
			ext = f.ext
		}
		for _, evex := range []bool{false, true} {
			w := f.vexW
			if evex {
				w = f.evexW
			}
			if w < 0 {
				continue
			}
			k := decodeKey{evex, f.pp, f.mm, f.op, w, ext}
			if old, ok := t[k]; ok {
				panic(fmt.Sprintf("BUG: machine instructions %s and %s have one encoding", forms[old].name, f.name))
			}
			t[k] = mnem(m)
		}
	}
	return t
}()

var (
	gpr64 = []string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}
	gpr32 = []string{"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"}
	jumps = map[byte]string{condBelow: "jb", condAboveOrEqual: "jae", isa.CondEqual: "je", isa.CondNotEqual: "jne",
		isa.CondGreaterEqual: "jge", isa.CondLess: "jl", isa.CondLessOrEqual: "jle", isa.CondGreater: "jg"}
	memNames = map[int]string{1: "byte", 2: "word", 4: "dword", 8: "qword", 16: "xmmword", 32: "ymmword", 64: "zmmword"}
)

// decode returns the text (Intel syntax) and the length of the instruction at the start of
// code, which must come from the assembler of this package; length 0 for anything else.
// pc is the offset of the instruction, the base of jump targets.
func decode(code []byte, pc int) (text string, n int) {
	defer func() {
		if recover() != nil { // code ends inside of an instruction
			text, n = "", 0
		}
	}()
	switch code[0] {
	case 0xC5:
		if code[1] == 0xF8 && code[2] == 0x77 {
			return "vzeroupper", 3
		}
		p := code[1]
		return decodeVector(code, 2, vectorPrefix{pp: p & 3, mm: 1, l: p >> 2 & 1, v: ^p >> 3 & 15, r: ^p >> 7 & 1 << 3})
	case 0xC4:
		p, q := code[1], code[2]
		return decodeVector(code, 3, vectorPrefix{pp: q & 3, mm: p & 31, l: q >> 2 & 1, v: ^q >> 3 & 15, w: int8(q >> 7),
			r: ^p >> 7 & 1 << 3, x: ^p >> 6 & 1, b: ^p >> 5 & 1})
	case 0x62:
		p0, p1, p2 := code[1], code[2], code[3]
		return decodeVector(code, 4, vectorPrefix{evex: true, pp: p1 & 3, mm: p0 & 7, l: p2 >> 5 & 3,
			v: ^p1>>3&15 | ^p2>>3&1<<4, w: int8(p1 >> 7), r: ^p0>>7&1<<3 | ^p0>>4&1<<4, x: ^p0 >> 6 & 1, b: ^p0 >> 5 & 1,
			mask: p2 & 7, zero: p2&0x80 != 0, bcast: p2&0x10 != 0})
	}
	return decodeGeneral(code, pc)
}

type vectorPrefix struct {
	evex, zero, bcast     bool
	pp, mm, l, v, r, x, b uint8
	mask                  uint8
	w                     int8
}

func decodeVector(code []byte, at int, p vectorPrefix) (string, int) {
	op, modrm := code[at], code[at+1]
	k := decodeKey{p.evex, p.pp, p.mm, op, p.w, modrm >> 3 & 7}
	m, ok := decodeTable[k]
	if !ok {
		k.ext = 0xFF
		if m, ok = decodeTable[k]; !ok {
			return "", 0
		}
	}
	f := &forms[m]
	reg := modrm>>3&7 | p.r
	length := at + 2
	vl := 16 << p.l
	var rmText string
	rmReg := modrm>>6 == 3
	rmNumber := modrm&7 | p.b<<3
	if rmReg && p.evex {
		rmNumber |= p.x << 4
	}
	if !rmReg {
		unit := 1
		if p.evex {
			unit = f.memBytes(vl)
			if p.bcast {
				unit = int(f.bcast)
			}
		}
		var n int
		rmText, n = decodeMem(code[at+1:], p.b, p.x, unit)
		length += n
		size := f.memBytes(vl)
		if p.bcast {
			rmText = fmt.Sprintf("%s ptr %s{1to%d}", memNames[int(f.bcast)], rmText, vl/int(f.bcast))
			if f.kinds[len(f.kinds)-1] == 'h' {
				rmText = rmText[:strings.IndexByte(rmText, '{')] + fmt.Sprintf("{1to%d}", vl/2/int(f.bcast))
			}
		} else {
			rmText = memNames[size] + " ptr " + rmText
		}
	}
	gather := m == vgatherqpd || m == vgatherdps
	if gather {
		index := code[at+2]>>3&7 | p.x<<3 | p.v&16
		if !p.evex {
			index &= 15
		}
		rmText = strings.Replace(rmText, "+"+gpr64[index&15], "+"+registerName('v', index, vl), 1)
	}
	name := func(kind byte, r uint8) string { return registerName(kind, r, vl) }
	rmName := func(kind byte) string {
		if rmReg {
			return name(kind, rmNumber)
		}
		return rmText
	}
	var ops []string
	switch {
	case gather && p.evex:
		ops = []string{name('v', reg), rmText}
	case gather:
		ops = []string{name('v', reg), rmText, name('v', p.v)}
	}
	shape := f.shape
	if gather {
		shape = 0xFF
	}
	switch shape {
	case shapeRVM:
		ops = []string{name(f.kinds[0], reg), name(f.kinds[1], p.v), rmName(f.kinds[2])}
	case shapeRM:
		ops = []string{name(f.kinds[0], reg), rmName(f.kinds[1])}
	case shapeMR:
		ops = []string{rmName(f.kinds[0]), name(f.kinds[1], reg)}
	case shapeMVR:
		ops = []string{rmName(f.kinds[0]), name(f.kinds[1], p.v), name(f.kinds[2], reg)}
	case shapeVMI:
		ops = []string{name(f.kinds[0], p.v), rmName(f.kinds[1])}
	case shapeRVMR:
		ops = []string{name(f.kinds[0], reg), name(f.kinds[1], p.v), rmName(f.kinds[2]), name(f.kinds[3], code[length]>>4)}
		length++
	}
	if f.imm {
		ops = append(ops, fmt.Sprintf("%d", code[length]))
		length++
	}
	if p.mask != 0 {
		ops[0] += fmt.Sprintf("{k%d}", p.mask)
	}
	if p.zero {
		ops[0] += "{z}"
	}
	return f.name + " " + strings.Join(ops, ", "), length
}

func registerName(kind byte, r uint8, vl int) string {
	switch kind {
	case 'k', 'K', 'J':
		return fmt.Sprintf("k%d", r)
	case 'd':
		return gpr32[r]
	case 'r':
		return gpr64[r]
	case 'y':
		vl = 32
	case 'h':
		vl /= 2
	case 'q':
		vl /= 4
	case 'e':
		vl /= 8
	case 'x', 'S', 's', 'w', 'b':
		vl = 16
	}
	if vl <= 16 {
		return fmt.Sprintf("xmm%d", r)
	}
	if vl == 32 {
		return fmt.Sprintf("ymm%d", r)
	}
	return fmt.Sprintf("zmm%d", r)
}

// decodeMem returns the text of the memory operand at the ModRM byte, and the bytes after ModRM.
func decodeMem(code []byte, b, x uint8, unit int) (string, int) {
	modrm := code[0]
	n := 0
	base := modrm&7 | b<<3
	text := ""
	if modrm&7 == regSP {
		sib := code[1]
		n = 1
		base = sib&7 | b<<3
		if index := sib>>3&7 | x<<3; index != 4 {
			text = fmt.Sprintf("+%s*%d", gpr64[index], 1<<(sib>>6))
		}
	}
	text = gpr64[base] + text
	disp := 0
	switch modrm >> 6 {
	case 1:
		disp = int(int8(code[1+n])) * unit
		n++
	case 2:
		disp = int(int32(binary.LittleEndian.Uint32(code[1+n:])))
		n += 4
	}
	if disp != 0 {
		text += fmt.Sprintf("%+d", disp)
	}
	return "[" + text + "]", n
}

func decodeGeneral(code []byte, pc int) (string, int) {
	at := 0
	var rex uint8
	if code[0]&0xF0 == 0x40 {
		rex = code[0]
		at = 1
	}
	b, x, r := rex&1, rex>>1&1, rex>>2&1
	op := code[at]
	switch op {
	case 0xC3:
		return "ret", at + 1
	case 0x90:
		return "nop", at + 1
	case 0xE9, 0xE8:
		target := pc + at + 5 + int(int32(binary.LittleEndian.Uint32(code[at+1:])))
		return fmt.Sprintf("%s %d", map[byte]string{0xE9: "jmp", 0xE8: "call"}[op], target), at + 5
	case 0x0F:
		if code[at+1] == 0xAE {
			text, n := decodeMem(code[at+2:], b, x, 1)
			return "ldmxcsr dword ptr " + text, at + 3 + n
		}
		target := pc + at + 6 + int(int32(binary.LittleEndian.Uint32(code[at+2:])))
		return fmt.Sprintf("%s %d", jumps[code[at+1]&15], target), at + 6
	}
	modrm := code[at+1]
	reg := modrm>>3&7 | r<<3
	rmText, n := gpr64[modrm&7|b<<3], 0
	if modrm>>6 != 3 {
		rmText, n = decodeMem(code[at+1:], b, x, 1)
		switch op {
		case 0x8D:
		case 0x88, 0x80:
			rmText = "byte ptr " + rmText
		default:
			rmText = "qword ptr " + rmText
		}
	}
	length := at + 2 + n
	switch op {
	case 0x88:
		return fmt.Sprintf("mov %s, %s", rmText, []string{"al", "cl", "dl", "bl"}[reg]), length
	case 0x80:
		return fmt.Sprintf("cmp %s, %d", rmText, code[length]), length + 1
	case 0x85:
		return fmt.Sprintf("test %s, %s", gpr32[modrm&7], gpr32[reg]), length
	case 0x8B:
		return fmt.Sprintf("mov %s, %s", gpr64[reg], rmText), length
	case 0x89:
		return fmt.Sprintf("mov %s, %s", rmText, gpr64[reg]), length
	case 0x8D:
		return fmt.Sprintf("lea %s, %s", gpr64[reg], rmText), length
	case 0x01, 0x29, 0x31, 0x39:
		return fmt.Sprintf("%s %s, %s", map[byte]string{1: "add", 0x29: "sub", 0x31: "xor", 0x39: "cmp"}[op], rmText, gpr64[reg]), length
	case 0x81, 0x83:
		imm := int(int8(code[length]))
		length++
		if op == 0x81 {
			imm = int(int32(binary.LittleEndian.Uint32(code[length-1:])))
			length += 3
		}
		return fmt.Sprintf("%s %s, %d", map[uint8]string{0: "add", 4: "and", 5: "sub", 7: "cmp"}[reg&7], rmText, imm), length
	}
	return "", 0
}

// Listing renders code as one line an instruction: offset, bytes, text. It stops with a note
// at the first byte that it cannot read.
func Listing(code []byte) string {
	var b strings.Builder
	for pc := 0; pc < len(code); {
		text, n := decode(code[pc:], pc)
		if n == 0 {
			fmt.Fprintf(&b, "%6x  unreadable\n", pc)
			break
		}
		fmt.Fprintf(&b, "%6x  %-24x %s\n", pc, code[pc:pc+n], text)
		pc += n
	}
	return b.String()
}
