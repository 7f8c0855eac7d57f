package arm64

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// fields returns the bits of a word that an operand occupies.
func (p operand) fields() uint32 {
	switch p.class {
	case "m8", "m16", "m32", "m64", "m128", "#imm", "#12":
		mask := uint32(0xFFF << 10)
		if p.class[0] == 'm' {
			mask |= 31 << placeN
		}
		return mask
	case "[x]±":
		return 31<<placeN | 0x1FF<<12
	case "i32", "i64", "[x,x]":
		return 31<<placeN | 31<<placeM
	case "x<<":
		return 31<<placeM | 63<<10
	case "p128":
		return 31<<placeN | 127<<15
	case "#wide":
		return 0x7FFFE0
	case "#lsl", "#shr":
		return 0x3F << 16
	case "to19":
		return (1<<19 - 1) << 5
	case "to26":
		return 1<<26 - 1
	case "mi", "gt", "#one", "#7", "#0":
		return 0
	}
	return 31 << p.place
}

// text returns the operand of an instruction at offset pc.
func (p operand) text(w uint32, pc int) string {
	register := func(place uint) uint32 { return w >> place & 31 }
	signed := func(shift, n uint) int { return int(int32(w<<(32-n-shift))>>(32-n)) * 4 }
	switch p.class {
	case "b", "h", "s", "d", "q", "w", "x":
		return fmt.Sprintf("%s%d", p.class, register(p.place))
	case "m8", "m16", "m32", "m64", "m128":
		unit := map[string]uint32{"m8": 1, "m16": 2, "m32": 4, "m64": 8, "m128": 16}[p.class]
		if at := w >> 10 & 0xFFF * unit; at != 0 {
			return fmt.Sprintf("[x%d, #%d]", register(placeN), at)
		}
		return fmt.Sprintf("[x%d]", register(placeN))
	case "[x]±":
		return fmt.Sprintf("[x%d, #%d]", register(placeN), int32(w<<11)>>23)
	case "i32", "i64":
		return fmt.Sprintf("[x%d, x%d, lsl #%d]", register(placeN), register(placeM), map[string]int{"i32": 2, "i64": 3}[p.class])
	case "#imm":
		return fmt.Sprintf("#%d", w>>10&0xFFF)
	case "#12":
		return fmt.Sprintf("#%d, lsl #12", w>>10&0xFFF)
	case "#one":
		return "#1"
	case "#7", "#0":
		return p.class
	case "[x,x]":
		return fmt.Sprintf("[x%d, x%d]", register(placeN), register(placeM))
	case "[x]":
		return fmt.Sprintf("[x%d]", register(p.place))
	case "p128":
		return fmt.Sprintf("[x%d, #%d]", register(placeN), w>>15&127*16)
	case "x<<":
		return fmt.Sprintf("x%d, lsl #%d", register(placeM), w>>10&63)
	case "#wide":
		return fmt.Sprintf("#%d, lsl #%d", w>>5&0xFFFF, w>>21&3*16)
	case "#lsl", "#shr":
		at, size := int(w>>16&0x7F), 32
		if at >= 64 {
			size = 64
		}
		if p.class == "#lsl" {
			return fmt.Sprintf("#%d", at-size)
		}
		return fmt.Sprintf("#%d", 2*size-at)
	case "to19":
		return fmt.Sprint(pc + signed(5, 19))
	case "to26":
		return fmt.Sprint(pc + signed(0, 26))
	case "mi", "gt":
		return p.class
	}
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(p.class, "{"), "}"); ok {
		return fmt.Sprintf("{v%d.%s}%s", register(p.place), inner, rest)
	}
	return fmt.Sprintf("v%d.%s", register(p.place), p.class)
}

func (f *form) mask() uint32 {
	m := ^uint32(0)
	for _, p := range f.operands {
		m &^= p.fields()
	}
	return m
}

// Text returns the assembler's text of the word at offset pc, the base of jumps, or "" if it is none of this package's.
func Text(w uint32, pc int) string {
	for i := 1; i < len(forms); i++ {
		f := &forms[i]
		if w&f.mask() != f.word {
			continue
		}
		var ops []string
		for _, p := range f.operands {
			ops = append(ops, p.text(w, pc))
		}
		return strings.TrimSpace(f.name + " " + strings.Join(ops, ", "))
	}
	return ""
}

// Listing renders code as one line an instruction: offset, word, text. It stops with a note at the first word that it cannot read.
func Listing(code []byte) string {
	var b strings.Builder
	for pc := 0; pc+4 <= len(code); pc += 4 {
		w := binary.LittleEndian.Uint32(code[pc:])
		text := Text(w, pc)
		if text == "" {
			fmt.Fprintf(&b, "%6x  unreadable\n", pc)
			break
		}
		fmt.Fprintf(&b, "%6x  %08x  %s\n", pc, w, text)
	}
	return b.String()
}
