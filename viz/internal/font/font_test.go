package font

import (
	"bytes"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

const needed = "∇∂Σ⊙×·²₁\u0304αβγθσμλφψω−√≤≥≠≈∞→←…⟨⟩∑∏∫∘⊗⊕′abcxyzABC0123456789=()[]{}+-*/.,;:"

func TestEveryNeededCharacterHasAGlyph(t *testing.T) {
	for _, r := range needed {
		for _, italic := range []bool{false, true} {
			g := Lookup(r, italic)
			if g.Missing || len(g.Segments) == 0 {
				t.Errorf("%q (italic %v) has no outline", r, italic)
			}
		}
	}
	if g := Lookup('\U0010FFFD', false); !g.Missing {
		t.Error("a private character is said to be drawn")
	}
}

// A subset is read back by an independent parser: same outlines, same advances.
func TestSubsetReadsBack(t *testing.T) {
	for face := Regular; face < faceCount; face++ {
		data := Subset(face, []rune(needed))
		again := Subset(face, []rune(needed+needed))
		if !bytes.Equal(data, again) {
			t.Fatalf("face %d: the subset depends on repetitions", face)
		}
		f, err := sfnt.Parse(data)
		if err != nil {
			t.Fatalf("face %d: %v", face, err)
		}
		glyphs := SubsetGlyphs(face, []rune(needed))
		if f.NumGlyphs() != len(glyphs) {
			t.Fatalf("face %d: %d glyphs, want %d", face, f.NumGlyphs(), len(glyphs))
		}
		var b sfnt.Buffer
		for i, want := range glyphs {
			if i == 0 {
				continue
			}
			gid, err := f.GlyphIndex(&b, want.Rune)
			if err != nil || int(gid) != i {
				t.Fatalf("face %d: %q maps to glyph %d (%v), want %d", face, want.Rune, gid, err, i)
			}
			advance, err := f.GlyphAdvance(&b, gid, fixed.I(UnitsPerEm), font.HintingNone)
			if err != nil || advance.Round() != want.Advance {
				t.Fatalf("face %d: %q advances %v (%v), want %d", face, want.Rune, advance, err, want.Advance)
			}
			segments, err := f.LoadGlyph(&b, gid, fixed.I(UnitsPerEm), nil)
			if err != nil {
				t.Fatalf("face %d: %q: %v", face, want.Rune, err)
			}
			if len(segments) != len(want.Segments) {
				t.Fatalf("face %d: %q has %d segments, want %d", face, want.Rune, len(segments), len(want.Segments))
			}
			for k, s := range segments {
				if int16(s.Args[0].X.Round()) != want.Segments[k].P[0][0] || int16(s.Args[0].Y.Round()) != want.Segments[k].P[0][1] {
					t.Fatalf("face %d: %q differs at segment %d", face, want.Rune, k)
				}
			}
		}
	}
}

func TestWidthGrowsWithSize(t *testing.T) {
	a, b := Width("v = 19", 10, false), Width("v = 19", 20, false)
	if a <= 0 || b != 2*a {
		t.Fatalf("widths %v and %v", a, b)
	}
	if above, below := Extent("p", 10, false); above <= 0 || below <= 0 {
		t.Fatalf("extent of p: %v, %v", above, below)
	}
}
