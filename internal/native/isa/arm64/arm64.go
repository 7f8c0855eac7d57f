// Package arm64 encodes the machine instructions of arm64 that generated code uses, and names them again. Names, fields and encodings are
// those of the Arm Architecture Reference Manual.
package arm64

import (
	"fmt"
	"strings"
)

// Op is a machine instruction with its arrangement of elements; 0 is none.
type Op uint16

// form is one row of the table: the word with all fields zero, and the operands in the order of the assembler's text.
type form struct {
	name     string
	word     uint32
	operands []operand
}

// An operand is a class and the place of its field.
//
//	b h s d q w x          registers of that size
//	8b 16b 2s 4s 2d …      vectors; s[0], d[1] and so on one of their elements, {s}[1] as the target of a load, {2d} all of them
//	m8 m16 m32 m64 m128    memory at a register and an unsigned distance in units of that size, without a place; [x]:n without a distance
//	[x]±                   the same with a signed distance of 9 bits in bytes
//	i32 i64 [x,x]          memory at a register and another, whose unit is that size or a byte
//	p128                   the same for two registers, with 7 bits
//	#imm #wide #lsl #shr   a plain number of 12 bits; one of 16 bits with its half-word; distances of shifts
//	#12                    a plain number of 12 bits shifted left by 12
//	x<<                    register m, shifted left
//	=0                     the number 0.0
//	to19 to26              a distance in instructions, with the condition for b.cond
type operand struct {
	class string
	place uint // of a register's field
}

// Places of register fields.
const (
	placeD = 0
	placeN = 5
	placeA = 10
	placeM = 16
)

var forms = []form{{}}

// op adds a form. Operands are written class:field, such as d:n.
func op(name string, word uint32, operands ...string) Op {
	f := form{name: name, word: word}
	for _, o := range operands {
		p := operand{class: o}
		if n := len(o) - 2; n > 0 && o[n] == ':' {
			p.class = o[:n]
			p.place = map[byte]uint{'d': placeD, 'n': placeN, 'a': placeA, 'm': placeM}[o[n+1]]
		}
		f.operands = append(f.operands, p)
	}
	forms = append(forms, f)
	return Op(len(forms) - 1)
}

// Arrangement is the shape of the operands of an instruction that exists for several.
type Arrangement uint8

// The arrangements.
const (
	S   Arrangement = iota // a float32
	D                      // a float64 or 64 bits
	S2                     // two elements of 32 bits
	S4                     // four
	D2                     // two of 64 bits
	B8                     // 64 bits
	B16                    // 128 bits
	arrangements
)

var arrangementNames = [arrangements]string{"s", "d", "2s", "4s", "2d", "8b", "16b"}

// Family holds the forms of an instruction by arrangement.
type Family [arrangements]Op

// family adds the forms of words that are not 0. Operands have the arrangement where they have no class.
func family(name string, words map[Arrangement]uint32, fields ...string) (f Family) {
	for a := range arrangements {
		w, ok := words[a]
		if !ok {
			continue
		}
		var operands []string
		for _, field := range fields {
			if len(field) == 1 {
				field = arrangementNames[a] + ":" + field
			}
			field = strings.Replace(field, "{}", "{"+arrangementNames[a]+"}", 1)
			operands = append(operands, field)
		}
		f[a] = op(name, w, operands...)
	}
	return f
}

const (
	quad   = 1 << 30 // vectors of 128 bits
	double = 1 << 22 // 64 bits instead of 32
)

// floats are the words of an instruction on floats from those of its scalar and its vector form; 0 is none.
func floats(scalar, vector uint32) map[Arrangement]uint32 {
	m := map[Arrangement]uint32{}
	if scalar != 0 {
		m[S], m[D] = scalar, scalar|double
	}
	if vector != 0 {
		m[S2], m[S4], m[D2] = vector, vector|quad, vector|quad|double
	}
	return m
}

// integers are the words of an instruction on integers: its scalar form for 64 bits, and its vector form for bytes.
func integers(scalar, vector uint32) map[Arrangement]uint32 {
	m := map[Arrangement]uint32{S2: vector | 2<<22, S4: vector | 2<<22 | quad, B16: vector | quad}
	if scalar != 0 {
		m[D], m[D2] = scalar, vector|3<<22|quad
	}
	return m
}

func bits(vector uint32) map[Arrangement]uint32 {
	return map[Arrangement]uint32{B8: vector, B16: vector | quad}
}

// shifts are the words of a shift by a number, whose scalar form is for 64 bits.
func shifts(scalar, vector uint32) map[Arrangement]uint32 {
	return map[Arrangement]uint32{D: scalar | double, S2: vector, S4: vector | quad, D2: vector | quad | double}
}

// Floating-point instructions.
var (
	Fadd   = family("fadd", floats(0x1E202800, 0x0E20D400), "d", "n", "m")
	Fsub   = family("fsub", floats(0x1E203800, 0x0EA0D400), "d", "n", "m")
	Fmul   = family("fmul", floats(0x1E200800, 0x2E20DC00), "d", "n", "m")
	Fdiv   = family("fdiv", floats(0x1E201800, 0x2E20FC00), "d", "n", "m")
	Fmin   = family("fmin", floats(0x1E205800, 0x0EA0F400), "d", "n", "m")
	Fmax   = family("fmax", floats(0x1E204800, 0x0E20F400), "d", "n", "m")
	Fmadd  = family("fmadd", floats(0x1F000000, 0), "d", "n", "m", "a")  // a + n·m
	Fmsub  = family("fmsub", floats(0x1F008000, 0), "d", "n", "m", "a")  // a − n·m
	Fnmadd = family("fnmadd", floats(0x1F200000, 0), "d", "n", "m", "a") // −a − n·m
	Fnmsub = family("fnmsub", floats(0x1F208000, 0), "d", "n", "m", "a") // n·m − a
	Fmla   = family("fmla", floats(0, 0x0E20CC00), "d", "n", "m")        // d + n·m
	Fmls   = family("fmls", floats(0, 0x0EA0CC00), "d", "n", "m")        // d − n·m
	// FmlaElement is d + n·m with the first element of m.
	FmlaElement = Family{S4: op("fmla", 0x4F801000, "4s:d", "4s:n", "s[0]:m"), D2: op("fmla", 0x4FC01000, "2d:d", "2d:n", "d[0]:m")}

	Fneg   = family("fneg", floats(0x1E214000, 0x2EA0F800), "d", "n")
	Fsqrt  = family("fsqrt", floats(0x1E21C000, 0x2EA1F800), "d", "n")
	Frintn = family("frintn", floats(0x1E244000, 0x0E218800), "d", "n")
	Frintm = family("frintm", floats(0x1E254000, 0x0E219800), "d", "n")
	Frintp = family("frintp", floats(0x1E24C000, 0x0EA18800), "d", "n")
	Frintz = family("frintz", floats(0x1E25C000, 0x0EA19800), "d", "n")
	Fcmeq  = family("fcmeq", floats(0x5E20E400, 0x0E20E400), "d", "n", "m")
	Fcmge  = family("fcmge", floats(0x7E20E400, 0x2E20E400), "d", "n", "m")
	Fcmgt  = family("fcmgt", floats(0x7EA0E400, 0x2EA0E400), "d", "n", "m")
	Scvtf  = family("scvtf", floats(0x5E21D800, 0x0E21D800), "d", "n")
	Fcvtzs = family("fcvtzs", floats(0x5EA1B800, 0x0EA1B800), "d", "n")
	Fmov   = family("fmov", floats(0x1E204000, 0), "d", "n")

	FcvtDS   = op("fcvt", 0x1E22C000, "d:d", "s:n")
	FcvtSD   = op("fcvt", 0x1E624000, "s:d", "d:n")
	ScvtfSX  = op("scvtf", 0x9E220000, "s:d", "x:n")
	FmovXD   = op("fmov", 0x9E660000, "x:d", "d:n")
	FmovDX   = op("fmov", 0x9E670000, "d:d", "x:n")
	FmovWS   = op("fmov", 0x1E260000, "w:d", "s:n")
	SxtlD2S2 = op("sxtl", 0x0F20A400, "2d:d", "2s:n")
	UmullD2  = op("umull", 0x2EA0C000, "2d:d", "2s:n", "2s:m")
	MoviD2   = op("movi", 0x6F00E400, "2d:d", "#0")
	DupS2    = op("dup", 0x0E040400, "2s:d", "s[0]:n")
	FcvtnS2  = op("fcvtn", 0x0E616800, "2s:d", "2d:n")
	FcvtlD2  = op("fcvtl", 0x0E617800, "2d:d", "2s:n")
	XtnS2    = op("xtn", 0x0EA12800, "2s:d", "2d:n")
	XtnH4    = op("xtn", 0x0E612800, "4h:d", "4s:n")
	XtnB8    = op("xtn", 0x0E212800, "8b:d", "8h:n")
	UxtlH8   = op("uxtl", 0x2F08A400, "8h:d", "8b:n")
	UxtlS4   = op("uxtl", 0x2F10A400, "4s:d", "4h:n")
	UxtlD2   = op("uxtl", 0x2F20A400, "2d:d", "2s:n")
	SignB8   = op("ushr", 0x2F090400, "8b:d", "8b:n", "#7")
	MovDD1   = op("mov", 0x5E180400, "d:d", "d[1]:n")
	MovSS1   = op("mov", 0x5E0C0400, "s:d", "s[1]:n")
	MovD1D   = op("mov", 0x6E180400, "d[1]:d", "d[0]:n")
	MovS1S   = op("mov", 0x6E0C0400, "s[1]:d", "s[0]:n")
	MovD1X   = op("mov", 0x4E181C00, "d[1]:d", "x:n")
	MovXD1   = op("mov", 0x4E183C00, "x:d", "d[1]:n")

	// MovWS moves an element to a general register.
	MovWS = [4]Op{op("mov", 0x0E043C00, "w:d", "s[0]:n"), op("mov", 0x0E0C3C00, "w:d", "s[1]:n"), op("mov", 0x0E143C00, "w:d", "s[2]:n"), op("mov", 0x0E1C3C00, "w:d", "s[3]:n")}
)

// Instructions on integers and bits.
var (
	Add   = family("add", integers(0x5EE08400, 0x0E208400), "d", "n", "m")
	Sub   = family("sub", integers(0x7EE08400, 0x2E208400), "d", "n", "m")
	Mul   = family("mul", integers(0, 0x0E209C00), "d", "n", "m")
	Neg   = family("neg", integers(0x7EE0B800, 0x2E20B800), "d", "n")
	Cmeq  = family("cmeq", integers(0x7EE08C00, 0x2E208C00), "d", "n", "m")
	Cmgt  = family("cmgt", integers(0x5EE03400, 0x0E203400), "d", "n", "m")
	Cmtst = family("cmtst", integers(0x5EE08C00, 0x0E208C00), "d", "n", "m")
	And   = family("and", bits(0x0E201C00), "d", "n", "m")
	Bic   = family("bic", bits(0x0E601C00), "d", "n", "m") // n and not m
	Orr   = family("orr", bits(0x0EA01C00), "d", "n", "m")
	Eor   = family("eor", bits(0x2E201C00), "d", "n", "m")
	Bsl   = family("bsl", bits(0x2E601C00), "d", "n", "m")                           // d ? n : m
	Bit   = family("bit", bits(0x2EA01C00), "d", "n", "m")                           // m ? n : d
	Bif   = family("bif", bits(0x2EE01C00), "d", "n", "m")                           // m ? d : n
	Tbl   = family("tbl", map[Arrangement]uint32{B16: 0x4E000000}, "d", "{}:n", "m") // bytes of n, 0 where m is none of its places
	Not   = family("mvn", bits(0x2E205800), "d", "n")
	Shl   = family("shl", shifts(0x5F005400, 0x0F005400), "d", "n", "#lsl")
	Ushr  = family("ushr", shifts(0x7F000400, 0x2F000400), "d", "n", "#shr")
	Sshr  = family("sshr", shifts(0x5F000400, 0x0F000400), "d", "n", "#shr")
)

// Instructions on memory.
var (
	LdrD  = op("ldr", 0xFD400000, "d:d", "m64")
	LdrS  = op("ldr", 0xBD400000, "s:d", "m32")
	LdrB  = op("ldr", 0x3D400000, "b:d", "m8")
	LdrX  = op("ldr", 0xF9400000, "x:d", "m64")
	StrX  = op("str", 0xF9000000, "x:d", "m64")
	StrD  = op("str", 0xFD000000, "d:d", "m64")
	StrS  = op("str", 0xBD000000, "s:d", "m32")
	StrB  = op("strb", 0x39000000, "w:d", "m8")
	Ldrb  = op("ldrb", 0x39400000, "w:d", "m8")
	LdrDX = op("ldr", 0xFC607800, "d:d", "i64")
	LdrSX = op("ldr", 0xBC607800, "s:d", "i32")
	StrDX = op("str", 0xFC207800, "d:d", "i64")
	StrSX = op("str", 0xBC207800, "s:d", "i32")
	LdrDO = op("ldr", 0xFC606800, "d:d", "[x,x]")
	LdrSO = op("ldr", 0xBC606800, "s:d", "[x,x]")
	LdrQ  = op("ldr", 0x3DC00000, "q:d", "m128")
	LdurQ = op("ldur", 0x3CC00000, "q:d", "[x]±")
	LdurD = op("ldur", 0xFC400000, "d:d", "[x]±")
	StrQ  = op("str", 0x3D800000, "q:d", "m128")
	LdpQ  = op("ldp", 0xAD400000, "q:d", "q:a", "p128")
	StpQ  = op("stp", 0xAD000000, "q:d", "q:a", "p128")
	LdrH  = op("ldr", 0x7D400000, "h:d", "m16")
	StrH  = op("str", 0x7D000000, "h:d", "m16")

	// Ld1 loads an element, and Ld1r all from one place.
	Ld1S  = [4]Op{op("ld1", 0x0D408000, "{s}[0]:d", "[x]:n"), op("ld1", 0x0D409000, "{s}[1]:d", "[x]:n"), op("ld1", 0x4D408000, "{s}[2]:d", "[x]:n"), op("ld1", 0x4D409000, "{s}[3]:d", "[x]:n")}
	Ld1D1 = op("ld1", 0x4D408400, "{d}[1]:d", "[x]:n")
	Ld1r  = family("ld1r", map[Arrangement]uint32{S2: 0x0D40C800, S4: 0x4D40C800, D2: 0x4D40CC00, B16: 0x4D40C000}, "{}:d", "[x]:n")
)

// General registers and jumps.
var (
	AddImm   = op("add", 0x91000000, "x:d", "x:n", "#imm")
	AddImm12 = op("add", 0x91400000, "x:d", "x:n", "#12")
	SubImm   = op("sub", 0xD1000000, "x:d", "x:n", "#imm")
	SubImm12 = op("sub", 0xD1400000, "x:d", "x:n", "#12")
	AddX     = op("add", 0x8B000000, "x:d", "x:n", "x:m")
	AddXl    = op("add", 0x8B000000, "x:d", "x:n", "x<<")
	SubX     = op("sub", 0xCB000000, "x:d", "x:n", "x:m")
	SubXl    = op("sub", 0xCB000000, "x:d", "x:n", "x<<")
	CmpImm   = op("cmp", 0xF100001F, "x:n", "#imm")
	SubsImm  = op("subs", 0xF1000000, "x:d", "x:n", "#imm")
	MulX     = op("mul", 0x9B007C00, "x:d", "x:n", "x:m")
	AndOne   = op("and", 0x12000000, "w:d", "w:n", "#one")
	MovX     = op("mov", 0xAA0003E0, "x:d", "x:m")
	MvnX     = op("mvn", 0xAA2003E0, "x:d", "x:m")
	Movz     = op("movz", 0xD2800000, "x:d", "#wide")
	Movk     = op("movk", 0xF2800000, "x:d", "#wide")
	CmpX     = op("cmp", 0xEB00001F, "x:n", "x:m")
	FcmpD    = op("fcmp", 0x1E602000, "d:n", "d:m")
	FcmpS    = op("fcmp", 0x1E202000, "s:n", "s:m")
	FcselDMi = op("fcsel", 0x1E604C00, "d:d", "d:n", "d:m", "mi")
	FcselSMi = op("fcsel", 0x1E204C00, "s:d", "s:n", "s:m", "mi")
	FcselDGt = op("fcsel", 0x1E60CC00, "d:d", "d:n", "d:m", "gt")
	FcselSGt = op("fcsel", 0x1E20CC00, "s:d", "s:n", "s:m", "gt")
	B        = op("b", 0x14000000, "to26")
	Bl       = op("bl", 0x94000000, "to26")
	Beq      = op("b.eq", 0x54000000, "to19")
	Bne      = op("b.ne", 0x54000001, "to19")
	Bge      = op("b.ge", 0x5400000A, "to19")
	Blt      = op("b.lt", 0x5400000B, "to19")
	Bgt      = op("b.gt", 0x5400000C, "to19")
	Ble      = op("b.le", 0x5400000D, "to19")
	CbzX     = op("cbz", 0xB4000000, "x:d", "to19")
	CbnzW    = op("cbnz", 0x35000000, "w:d", "to19")
	CbnzX    = op("cbnz", 0xB5000000, "x:d", "to19")
	Ret      = op("ret", 0xD65F03C0)
	Nop      = op("nop", 0xD503201F)
)

// Word returns an instruction without operands.
func (o Op) Word() uint32 {
	if o == 0 {
		panic("BUG: machine instruction without a form")
	}
	return forms[o].word
}

// R2 returns an instruction on the registers d and n.
func (o Op) R2(d, n uint8) uint32 { return o.Word() | uint32(d) | uint32(n)<<placeN }

// R3 returns an instruction on the registers d, n and m.
func (o Op) R3(d, n, m uint8) uint32 { return o.R2(d, n) | uint32(m)<<placeM }

// R4 returns an instruction on the registers d, n, m and a.
func (o Op) R4(d, n, m, a uint8) uint32 { return o.R3(d, n, m) | uint32(a)<<placeA }

// At returns a load or store of register d at n and a distance in bytes, which Reaches has allowed, or with a plain number of 12 bits.
func (o Op) At(d, n uint8, distance int32) uint32 {
	return o.R2(d, n) | uint32(distance)/o.unit()<<10
}

// Reaches reports whether At can have the distance.
func (o Op) Reaches(distance int32) bool {
	u := int32(o.unit())
	return distance >= 0 && distance%u == 0 && distance/u < 1<<12
}

// Unscaled returns a load of register d at n and a distance in bytes between −UnscaledReach and UnscaledReach − 1.
func (o Op) Unscaled(d, n uint8, distance int32) uint32 {
	return o.R2(d, n) | uint32(distance)&0x1FF<<12
}

// UnscaledReach bounds the distances of Unscaled.
const UnscaledReach = 256

// unit is what distances of memory operands count.
func (o Op) unit() uint32 {
	f := &forms[o]
	switch f.operands[len(f.operands)-1].class {
	case "m16":
		return 2
	case "m32":
		return 4
	case "m64":
		return 8
	case "m128":
		return 16
	}
	return 1
}

// Pair returns a load or store of the registers d and a at n and a distance in bytes, which is a multiple of 16 below PairReach.
func (o Op) Pair(d, a, n uint8, distance int32) uint32 {
	return o.R2(d, n) | uint32(a)<<placeA | uint32(distance)/16<<15
}

// PairReach bounds the distances of Pair.
const PairReach = 64 * 16

// Shifted returns an instruction on d, n and m shifted left.
func (o Op) Shifted(d, n, m, distance uint8) uint32 { return o.R3(d, n, m) | uint32(distance)<<10 }

// Shift returns a shift of n by distance.
func (o Op) Shift(d, n, distance uint8) uint32 {
	f := &forms[o]
	size := uint32(32)
	if c := f.operands[0].class; c == "d" || c == "2d" {
		size = 64
	}
	at := size + uint32(distance)
	if f.operands[2].class == "#shr" {
		at = 2*size - uint32(distance)
	}
	return o.R2(d, n) | at<<16
}

// Wide returns a move of 16 bits to the half-word that is given.
func (o Op) Wide(d uint8, x uint16, half uint8) uint32 {
	return o.R2(d, 0) | uint32(half)<<21 | uint32(x)<<5
}

// Near reports whether a jump on a condition reaches a distance.
func Near(distance int) bool { return distance >= -1<<20 && distance < 1<<20 }

// To returns a jump by a distance in bytes; for those that test a register, of d.
func (o Op) To(d uint8, distance int) uint32 {
	f := &forms[o]
	n := uint32(distance / 4)
	if f.operands[len(f.operands)-1].class == "to26" {
		if distance < -1<<27 || distance >= 1<<27 {
			panic(fmt.Sprintf("BUG: a jump by %d bytes", distance))
		}
		return o.Word() | n&(1<<26-1)
	}
	if !Near(distance) {
		panic(fmt.Sprintf("BUG: a jump by %d bytes", distance))
	}
	return o.R2(d, 0) | n&(1<<19-1)<<5
}
