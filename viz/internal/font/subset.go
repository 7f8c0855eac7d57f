package font

import (
	"encoding/binary"
	"sort"
)

// Subset returns an OpenType font file with PostScript outlines that holds
// only the given characters of a face; characters that the face does not have
// are left out. The order and the multiplicity of the characters do not
// matter: equal sets give equal bytes. Kerning and substitutions are left out.
//
// The layout follows "OpenType specification" (Microsoft) and Adobe Technical
// Notes 5176 (Compact Font Format) and 5177 (Type 2 charstrings).
func Subset(face Face, characters []rune) []byte {
	glyphs := SubsetGlyphs(face, characters)
	tables := map[string][]byte{
		"CFF ": compactFont(face, glyphs),
		"OS/2": os2Table(glyphs),
		"cmap": characterMap(glyphs),
		"head": headTable(glyphs),
		"hhea": hheaTable(glyphs),
		"hmtx": hmtxTable(glyphs),
		"maxp": append([]byte{0, 0, 0x50, 0}, u16(len(glyphs))...),
		"name": nameTable(face),
		"post": append([]byte{0, 3, 0, 0}, make([]byte, 28)...),
	}
	return assemble(tables)
}

// SubsetGlyphs returns the glyphs of Subset in the order of their indices: the
// glyph for missing characters, then the characters by code point.
func SubsetGlyphs(face Face, characters []rune) []*Glyph {
	seen := map[rune]bool{}
	var runes []rune
	for _, r := range characters {
		if !seen[r] {
			seen[r] = true
			runes = append(runes, r)
		}
	}
	sort.Slice(runes, func(i, j int) bool { return runes[i] < runes[j] })
	glyphs := []*Glyph{{Face: face, Advance: 500}}
	for _, r := range runes {
		parseOnce.Do(parse)
		g := Lookup(r, face == Italic)
		if g.Face != face || g.Missing {
			continue
		}
		glyphs = append(glyphs, g)
	}
	return glyphs
}

func u16(v int) []byte { return []byte{byte(v >> 8), byte(v)} }

func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// index writes a CFF INDEX with 4-byte offsets.
func index(items ...[]byte) []byte {
	b := u16(len(items))
	if len(items) == 0 {
		return b
	}
	b = append(b, 4)
	offset := uint32(1)
	b = append(b, u32(offset)...)
	for _, item := range items {
		offset += uint32(len(item))
		b = append(b, u32(offset)...)
	}
	for _, item := range items {
		b = append(b, item...)
	}
	return b
}

// number encodes an integer operand of a charstring.
func number(b []byte, v int) []byte {
	switch {
	case v >= -107 && v <= 107:
		return append(b, byte(v+139))
	case v >= 108 && v <= 1131:
		v -= 108
		return append(b, byte(v>>8)+247, byte(v))
	case v >= -1131 && v <= -108:
		v = -v - 108
		return append(b, byte(v>>8)+251, byte(v))
	}
	return append(b, 28, byte(v>>8), byte(v))
}

// charstring encodes an outline. PostScript's y axis points up.
func charstring(g *Glyph) []byte {
	const lineTo, curveTo, endChar, moveTo = 5, 8, 14, 21
	b := number(nil, g.Advance)
	x, y := 0, 0
	delta := func(p [2]int16) {
		px, py := int(p[0]), -int(p[1])
		b = number(b, px-x)
		b = number(b, py-y)
		x, y = px, py
	}
	for _, s := range g.Segments {
		switch s.Kind {
		case Move:
			delta(s.P[0])
			b = append(b, moveTo)
		case Line:
			delta(s.P[0])
			b = append(b, lineTo)
		case Cubic:
			delta(s.P[0])
			delta(s.P[1])
			delta(s.P[2])
			b = append(b, curveTo)
		}
	}
	return append(b, endChar)
}

// CompactFont returns only the CFF table of Subset, as PDF embeds it.
func CompactFont(face Face, glyphs []*Glyph) []byte { return compactFont(face, glyphs) }

func compactFont(face Face, glyphs []*Glyph) []byte {
	const firstCustomString = 391
	charstrings := make([][]byte, len(glyphs))
	names := make([][]byte, 0, len(glyphs))
	for i, g := range glyphs {
		charstrings[i] = charstring(g)
		if i > 0 {
			names = append(names, []byte("g"+hex(g.Rune)))
		}
	}
	header := []byte{1, 0, 4, 4}
	nameIndex := index([]byte(face.PostScript()))
	stringIndex := index(names...)
	globalSubroutines := index()
	charset := []byte{2}
	if len(glyphs) > 1 {
		charset = append(charset, u16(firstCustomString)...)
		charset = append(charset, u16(len(glyphs)-2)...)
	}
	glyphIndex := index(charstrings...)
	private := []byte{139, 20, 139, 21} // default and nominal width 0

	longInteger := func(v int) []byte { return append([]byte{29}, u32(uint32(v))...) }
	dictionary := func(charsetAt, glyphsAt, privateAt int) []byte {
		minX, minY, maxX, maxY := bounds(glyphs)
		return join(
			longInteger(minX), longInteger(minY), longInteger(maxX), longInteger(maxY), []byte{5},
			longInteger(charsetAt), []byte{15},
			longInteger(glyphsAt), []byte{17},
			longInteger(len(private)), longInteger(privateAt), []byte{18})
	}
	before := len(header) + len(nameIndex) + len(index(dictionary(0, 0, 0))) + len(stringIndex) + len(globalSubroutines)
	charsetAt := before
	glyphsAt := charsetAt + len(charset)
	privateAt := glyphsAt + len(glyphIndex)
	return join(header, nameIndex, index(dictionary(charsetAt, glyphsAt, privateAt)), stringIndex,
		globalSubroutines, charset, glyphIndex, private)
}

func hex(r rune) string {
	const digits = "0123456789abcdef"
	s := ""
	for r > 0 {
		s = string(digits[r&15]) + s
		r >>= 4
	}
	return s
}

// bounds returns the union of the glyphs' boxes with y upwards.
func bounds(glyphs []*Glyph) (minX, minY, maxX, maxY int) {
	for _, g := range glyphs {
		minX, maxX = min(minX, g.MinX), max(maxX, g.MaxX)
		minY, maxY = min(minY, -g.MaxY), max(maxY, -g.MinY)
	}
	return
}

func headTable(glyphs []*Glyph) []byte {
	minX, minY, maxX, maxY := bounds(glyphs)
	return join(
		[]byte{0, 1, 0, 0, 0, 1, 0, 0}, make([]byte, 4), []byte{0x5F, 0x0F, 0x3C, 0xF5},
		u16(3), u16(UnitsPerEm),
		make([]byte, 16), // created, modified: the epoch, so that equal subsets are equal files
		u16(minX), u16(minY), u16(maxX), u16(maxY),
		u16(0), u16(8), u16(2), u16(0), u16(0))
}

func hheaTable(glyphs []*Glyph) []byte {
	minX, _, maxX, _ := bounds(glyphs)
	widest := 0
	for _, g := range glyphs {
		widest = max(widest, g.Advance)
	}
	return join([]byte{0, 1, 0, 0}, u16(Ascent), u16(-Descent), u16(250), u16(widest),
		u16(minX), u16(0), u16(maxX), u16(1), u16(0), u16(0), make([]byte, 8), u16(0), u16(len(glyphs)))
}

func hmtxTable(glyphs []*Glyph) []byte {
	var b []byte
	for _, g := range glyphs {
		b = append(b, u16(g.Advance)...)
		b = append(b, u16(g.MinX)...)
	}
	return b
}

func os2Table(glyphs []*Glyph) []byte {
	first, last := rune(0xFFFF), rune(0)
	for _, g := range glyphs[1:] {
		first, last = min(first, g.Rune), max(last, min(g.Rune, 0xFFFF))
	}
	return join(u16(3), u16(500), u16(400), u16(5), u16(0), // version, average width, weight, width, embedding allowed
		u16(650), u16(600), u16(0), u16(75), u16(650), u16(600), u16(0), u16(350), u16(50), u16(300),
		u16(0), make([]byte, 10), make([]byte, 16), []byte("ADJN"), u16(0x40),
		u16(int(min(first, 0xFFFF))), u16(int(last)),
		u16(Ascent), u16(-Descent), u16(250), u16(1047), u16(373),
		make([]byte, 8), u16(473), u16(657), u16(0), u16(32), u16(1))
}

// characterMap writes a format 12 map, and a format 4 map for readers that
// know no other.
func characterMap(glyphs []*Glyph) []byte {
	type group struct{ start, end, glyph int }
	var groups []group
	for i, g := range glyphs {
		if i == 0 {
			continue
		}
		r := int(g.Rune)
		if n := len(groups); n > 0 && groups[n-1].end+1 == r {
			groups[n-1].end = r
			continue
		}
		groups = append(groups, group{r, r, i})
	}
	twelve := join(u16(12), u16(0), u32(uint32(16+12*len(groups))), u32(0), u32(uint32(len(groups))))
	var starts, ends, deltas, ranges []byte
	segments := 0
	for _, g := range groups {
		twelve = join(twelve, u32(uint32(g.start)), u32(uint32(g.end)), u32(uint32(g.glyph)))
		if g.end < 0xFFFF {
			starts = append(starts, u16(g.start)...)
			ends = append(ends, u16(g.end)...)
			deltas = append(deltas, u16(g.glyph-g.start)...)
			ranges = append(ranges, 0, 0)
			segments++
		}
	}
	starts, ends = append(starts, 0xFF, 0xFF), append(ends, 0xFF, 0xFF)
	deltas, ranges = append(deltas, 0, 1), append(ranges, 0, 0)
	segments++
	power, log := 1, 0
	for power*2 <= segments {
		power, log = power*2, log+1
	}
	four := join(u16(4), u16(16+8*segments), u16(0), u16(2*segments), u16(2*power), u16(log), u16(2*(segments-power)),
		ends, u16(0), starts, deltas, ranges)
	head := join(u16(0), u16(2), u16(3), u16(1), u32(20), u16(3), u16(10), u32(uint32(20+len(four))))
	return join(head, four, twelve)
}

func nameTable(face Face) []byte {
	entries := map[int]string{1: face.Family(), 2: "Regular", 4: face.Family(), 6: face.PostScript(),
		13: "SIL Open Font License 1.1; a subset of STIX Two"}
	ids := []int{1, 2, 4, 6, 13}
	var records, text []byte
	for _, id := range ids {
		var encoded []byte
		for _, r := range entries[id] {
			encoded = append(encoded, u16(int(r))...)
		}
		records = join(records, u16(3), u16(1), u16(0x409), u16(id), u16(len(encoded)), u16(len(text)))
		text = append(text, encoded...)
	}
	return join(u16(0), u16(len(ids)), u16(6+len(records)), records, text)
}

func checksum(b []byte) uint32 {
	var sum uint32
	for i := 0; i < len(b); i += 4 {
		var word [4]byte
		copy(word[:], b[i:])
		sum += binary.BigEndian.Uint32(word[:])
	}
	return sum
}

// assemble writes the table directory and sets the check sum of the whole.
func assemble(tables map[string][]byte) []byte {
	var tags []string
	for tag := range tables {
		tags = append(tags, tag)
	}
	sort.Strings(tags)
	n := len(tags)
	power, log := 1, 0
	for power*2 <= n {
		power, log = power*2, log+1
	}
	b := join([]byte("OTTO"), u16(n), u16(16*power), u16(log), u16(16*(n-power)))
	offset := len(b) + 16*n
	headAt := 0
	var body []byte
	for _, tag := range tags {
		data := tables[tag]
		if tag == "head" {
			headAt = offset + len(body)
		}
		b = join(b, []byte(tag), u32(checksum(data)), u32(uint32(offset+len(body))), u32(uint32(len(data))))
		body = append(body, data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	b = append(b, body...)
	binary.BigEndian.PutUint32(b[headAt+8:], 0xB1B0AFBA-checksum(b))
	return b
}
