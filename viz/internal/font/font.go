// Package font measures text and yields glyph outlines of the typefaces that
// the drawings use: STIX Two Text, upright and italic, with STIX Two Math for
// the symbols that the text faces lack.
//
// All lengths are in thousandths of an em unless a size is given; y grows
// downwards, as in the drawings.
package font

import (
	"sync"

	"github.com/go-fonts/stix/stix2mathregular"
	"github.com/go-fonts/stix/stix2textitalic"
	"github.com/go-fonts/stix/stix2textregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Face names one of the typefaces.
type Face uint8

// The typefaces.
const (
	Regular Face = iota
	Italic
	Math
	faceCount
)

// UnitsPerEm is the number of outline units in one em, for every face.
const UnitsPerEm = 1000

// Ascent and Descent are the heights, in thousandths of an em, that a line of
// text keeps above and below its baseline.
const (
	Ascent  = 762
	Descent = 238
)

// Family returns the CSS family name under which the subset of a face is
// embedded.
func (f Face) Family() string {
	switch f {
	case Italic:
		return "Adjoint Text Italic"
	case Math:
		return "Adjoint Math"
	}
	return "Adjoint Text"
}

// PostScript returns the PostScript name of the subset of a face.
func (f Face) PostScript() string {
	switch f {
	case Italic:
		return "AdjointText-Italic"
	case Math:
		return "AdjointMath-Regular"
	}
	return "AdjointText-Regular"
}

// SegmentKind says how a segment of an outline continues from the last point.
type SegmentKind uint8

// The kinds of segments and the number of points each uses: 1, 1 and 3.
const (
	Move SegmentKind = iota
	Line
	Cubic
)

// Segment is one piece of a glyph's outline.
type Segment struct {
	Kind SegmentKind
	P    [3][2]int16
}

// Glyph is the outline of one character in one face.
type Glyph struct {
	Face     Face
	Rune     rune
	Missing  bool // no face has the character; the outline is that of an empty box
	Advance  int
	Segments []Segment
	// The bounding box of the outline; zero when the outline is empty.
	MinX, MinY, MaxX, MaxY int
}

type glyphKey struct {
	italic bool
	r      rune
}

var (
	parseOnce sync.Once
	parsed    [faceCount]*sfnt.Font

	glyphMutex sync.RWMutex
	glyphs     = map[glyphKey]*Glyph{}
	buffer     sfnt.Buffer
)

func parse() {
	for face, data := range [faceCount][]byte{stix2textregular.TTF, stix2textitalic.TTF, stix2mathregular.TTF} {
		f, err := sfnt.Parse(data)
		if err != nil {
			panic("BUG: embedded typeface does not parse: " + err.Error())
		}
		parsed[face] = f
	}
}

// Lookup returns the glyph that draws r, from the italic face when italic is
// set and the face has it. A character that no face has yields a glyph with
// Missing set. The result is shared and must not be changed.
func Lookup(r rune, italic bool) *Glyph {
	key := glyphKey{italic, r}
	glyphMutex.RLock()
	g := glyphs[key]
	glyphMutex.RUnlock()
	if g != nil {
		return g
	}
	parseOnce.Do(parse)
	glyphMutex.Lock()
	defer glyphMutex.Unlock()
	if g := glyphs[key]; g != nil {
		return g
	}
	g = load(r, italic)
	glyphs[key] = g
	return g
}

func load(r rune, italic bool) *Glyph {
	order := []Face{Regular, Math}
	if italic {
		order = []Face{Italic, Regular, Math}
	}
	g := &Glyph{Rune: r, Face: order[0], Missing: true}
	var index sfnt.GlyphIndex
	for _, face := range order {
		i, err := parsed[face].GlyphIndex(&buffer, r)
		if err == nil && i != 0 {
			g.Face, g.Missing, index = face, false, i
			break
		}
	}
	f := parsed[g.Face]
	advance, err := f.GlyphAdvance(&buffer, index, fixed.I(UnitsPerEm), font.HintingNone)
	if err == nil {
		g.Advance = advance.Round()
	}
	if g.Missing && wide(r) {
		g.Advance = UnitsPerEm // what readers with other typefaces need for it
	}
	segments, err := f.LoadGlyph(&buffer, index, fixed.I(UnitsPerEm), nil)
	if err != nil {
		return g
	}
	for _, s := range segments {
		var o Segment
		points := 1
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			o.Kind = Move
		case sfnt.SegmentOpLineTo:
			o.Kind = Line
		case sfnt.SegmentOpCubeTo:
			o.Kind, points = Cubic, 3
		default:
			panic("BUG: quadratic segment in a PostScript outline")
		}
		for i := 0; i < points; i++ {
			o.P[i] = [2]int16{int16(s.Args[i].X.Round()), int16(s.Args[i].Y.Round())}
		}
		g.Segments = append(g.Segments, o)
	}
	first := true
	for _, s := range g.Segments {
		points := 1
		if s.Kind == Cubic {
			points = 3
		}
		for _, p := range s.P[:points] {
			x, y := int(p[0]), int(p[1])
			if first {
				g.MinX, g.MaxX, g.MinY, g.MaxY, first = x, x, y, y, false
				continue
			}
			g.MinX, g.MaxX = min(g.MinX, x), max(g.MaxX, x)
			g.MinY, g.MaxY = min(g.MinY, y), max(g.MaxY, y)
		}
	}
	return g
}

// wide reports whether a character is usually drawn in a square: those of East
// Asian scripts and pictures.
func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115F || r >= 0x2E80 && r <= 0xD7FF || r >= 0xF900 && r <= 0xFAFF || r >= 0xFE30 && r <= 0xFE6F ||
		r >= 0xFF00 && r <= 0xFF60 || r >= 0x1F300
}

// Width returns the advance of a text at a font size, in the unit of the size.
// Pairs are not kerned, so that the width is the same in every painter.
func Width(text string, size float64, italic bool) float64 {
	total := 0
	for _, r := range text {
		total += Lookup(r, italic).Advance
	}
	return float64(total) * size / UnitsPerEm
}

// Extent returns how far the ink of a text reaches above and below its
// baseline at a font size; both are zero for a text without ink.
func Extent(text string, size float64, italic bool) (above, below float64) {
	for _, r := range text {
		g := Lookup(r, italic)
		if len(g.Segments) == 0 {
			continue
		}
		above = max(above, -float64(g.MinY)*size/UnitsPerEm)
		below = max(below, float64(g.MaxY)*size/UnitsPerEm)
	}
	return above, below
}
