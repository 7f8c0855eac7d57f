// Package pdf writes drawings as PDF 1.7 of one page: vector shapes, and text
// in embedded typefaces that can be selected and searched.
//
// The structure follows ISO 32000-1; the typefaces are embedded as bare CFF
// programs of composite fonts (§9.7), whose character codes are glyph indices.
package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf16"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/font"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// pointsPerUnit makes a unit of the drawing a CSS pixel, 1/96 inch.
const pointsPerUnit = 0.75

// mostUnits is the longest side of a page that readers accept, in units of the page (ISO 32000-1, annex C).
const mostUnits = 14400

// userUnit returns how many points a unit of the page has: 1, or a whole number that keeps large pages in the bounds.
func userUnit(d *draw.Drawing, scale float64) float64 {
	return math.Max(1, math.Ceil(math.Max(d.W, d.H)*scale/mostUnits))
}

// Write writes a drawing at a scale, 1 for its nominal size, in the colours of
// a theme. Equal drawings give equal bytes.
func Write(to io.Writer, d *draw.Drawing, scale float64, theme *draw.Theme) error {
	if !(scale > 0) || math.IsInf(scale, 0) {
		return fmt.Errorf("pdf: scale %v is not positive", scale)
	}
	w := &writer{theme: theme, glyphs: map[font.Face][]*font.Glyph{}, index: map[*font.Glyph]int{}}
	w.collect(d)
	w.paint(d, scale*pointsPerUnit)
	_, err := to.Write(w.file(d, scale*pointsPerUnit))
	return err
}

type writer struct {
	theme   *draw.Theme
	glyphs  map[font.Face][]*font.Glyph
	index   map[*font.Glyph]int
	content bytes.Buffer
	objects [][]byte
	opacity []float64 // graphics states in use
}

var faces = []font.Face{font.Regular, font.Italic, font.Math}

// collect finds the glyphs that the drawing uses.
func (w *writer) collect(d *draw.Drawing) {
	characters := map[font.Face][]rune{}
	for i := range d.Groups {
		for _, t := range d.Groups[i].Texts {
			for _, r := range t.Text {
				g := font.Lookup(r, t.Italic)
				characters[g.Face] = append(characters[g.Face], r)
			}
		}
	}
	for _, face := range faces {
		if len(characters[face]) == 0 {
			continue
		}
		list := font.SubsetGlyphs(face, characters[face])
		w.glyphs[face] = list
		for i, g := range list {
			w.index[g] = i
		}
	}
}

func number(v float64) string {
	s := fmt.Sprintf("%.3f", v)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

func (w *writer) op(name string, values ...float64) {
	for _, v := range values {
		w.content.WriteString(number(v))
		w.content.WriteByte(' ')
	}
	w.content.WriteString(name)
	w.content.WriteByte('\n')
}

func (w *writer) colour(r scene.Role, stroke bool) {
	c := w.theme[r]
	name := "rg"
	if stroke {
		name = "RG"
	}
	w.op(name, float64(c[0])/255, float64(c[1])/255, float64(c[2])/255)
}

func (w *writer) paint(d *draw.Drawing, scale float64) {
	scale /= userUnit(d, scale)
	// The page's y axis points up.
	fmt.Fprintf(&w.content, "%.7f 0 0 %.7f 0 %s cm\n", scale, -scale, number(d.H*scale))
	w.colour(scene.Background, false)
	w.op("re", 0, 0, d.W, d.H)
	w.op("f")
	for i := range d.Groups {
		g := &d.Groups[i]
		for k := range g.Shapes {
			w.shape(&g.Shapes[k])
		}
		for k := range g.Texts {
			w.text(&g.Texts[k])
		}
	}
}

func (w *writer) shape(s *draw.Shape) {
	w.op("q")
	if s.Opacity > 0 && s.Opacity < 1 {
		w.content.WriteString("/G" + fmt.Sprint(w.state(s.Opacity)) + " gs\n")
	}
	fill, stroke := s.Fill != scene.None && s.Kind != draw.CurveShape, s.Stroke != scene.None && s.Width > 0
	if fill {
		w.colour(s.Fill, false)
	}
	if stroke {
		w.colour(s.Stroke, true)
		w.op("w", s.Width)
		if s.Dash != nil {
			w.content.WriteString("[")
			for _, v := range s.Dash {
				w.content.WriteString(number(v) + " ")
			}
			w.content.WriteString("] 0 d\n")
		}
	}
	w.outline(s)
	switch {
	case fill && stroke:
		w.op("B")
	case fill:
		w.op("f")
	case stroke:
		w.op("S")
	default:
		w.op("n")
	}
	w.op("Q")
}

func (w *writer) state(opacity float64) int {
	for i, o := range w.opacity {
		if o == opacity {
			return i
		}
	}
	w.opacity = append(w.opacity, opacity)
	return len(w.opacity) - 1
}

func (w *writer) outline(s *draw.Shape) {
	switch s.Kind {
	case draw.CurveShape:
		for i, c := range s.Path {
			if i == 0 {
				w.op("m", c[0].X, c[0].Y)
			}
			w.curve(c[1], c[2], c[3])
		}
	case draw.PolygonShape:
		for i, q := range s.Points {
			if i == 0 {
				w.op("m", q.X, q.Y)
			} else {
				w.op("l", q.X, q.Y)
			}
		}
		w.op("h")
	case draw.RectShape, draw.CircleShape:
		r := s.Rect
		rx, ry := r.W()/2, r.H()/2
		if s.Kind == draw.RectShape {
			rx = math.Min(s.Radius, math.Min(rx, ry))
			ry = rx
			if rx == 0 {
				w.op("re", r.Min.X, r.Min.Y, r.W(), r.H())
				return
			}
		}
		const handle = 1 - 0.5522847498 // of a quarter of a circle, from its corner
		hx, hy := rx*handle, ry*handle
		a, b := r.Min, r.Max
		pt := func(x, y float64) geom.Point { return geom.Point{X: x, Y: y} }
		w.op("m", a.X+rx, a.Y)
		w.op("l", b.X-rx, a.Y)
		w.curve(pt(b.X-hx, a.Y), pt(b.X, a.Y+hy), pt(b.X, a.Y+ry))
		w.op("l", b.X, b.Y-ry)
		w.curve(pt(b.X, b.Y-hy), pt(b.X-hx, b.Y), pt(b.X-rx, b.Y))
		w.op("l", a.X+rx, b.Y)
		w.curve(pt(a.X+hx, b.Y), pt(a.X, b.Y-hy), pt(a.X, b.Y-ry))
		w.op("l", a.X, a.Y+ry)
		w.curve(pt(a.X, a.Y+hy), pt(a.X+hx, a.Y), pt(a.X+rx, a.Y))
		w.op("h")
	}
}

func (w *writer) curve(b, c, d geom.Point) { w.op("c", b.X, b.Y, c.X, c.Y, d.X, d.Y) }

// text shows a piece of text, one string per face.
func (w *writer) text(t *draw.Text) {
	w.op("BT")
	w.colour(t.Colour, false)
	w.op("Tm", 1, 0, 0, -1, t.At.X, t.At.Y)
	open := false
	var face font.Face
	for _, r := range t.Text {
		g := font.Lookup(r, t.Italic)
		if !open || g.Face != face {
			if open {
				w.content.WriteString("> Tj\n")
			}
			face, open = g.Face, true
			w.content.WriteString(fmt.Sprintf("/F%d %s Tf\n<", face, number(t.Size)))
		}
		w.content.WriteString(fmt.Sprintf("%04X", w.index[g])) // 0, the missing glyph, for what no face has
	}
	if open {
		w.content.WriteString("> Tj\n")
	}
	w.op("ET")
}

// add appends an object and returns its number.
func (w *writer) add(body string) int {
	w.objects = append(w.objects, []byte(body))
	return len(w.objects)
}

func (w *writer) stream(dictionary string, data []byte) int {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(data) // a bytes.Buffer takes everything
	_ = z.Close()
	var b bytes.Buffer
	fmt.Fprintf(&b, "<< %s /Filter /FlateDecode /Length %d >>\nstream\n", dictionary, packed.Len())
	b.Write(packed.Bytes())
	b.WriteString("\nendstream")
	w.objects = append(w.objects, b.Bytes())
	return len(w.objects)
}

// text strings of the document are UTF-16 with a byte order mark.
func textString(s string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String() + ">"
}

func (w *writer) font(face font.Face) int {
	glyphs := w.glyphs[face]
	program := w.stream("/Subtype /CIDFontType0C", font.CompactFont(face, glyphs))
	minX, minY, maxX, maxY := 0, 0, 0, 0
	var widths strings.Builder
	for _, g := range glyphs {
		fmt.Fprintf(&widths, "%d ", g.Advance)
		minX, maxX = min(minX, g.MinX), max(maxX, g.MaxX)
		minY, maxY = min(minY, -g.MaxY), max(maxY, -g.MinY)
	}
	italic := 0
	flags := 4
	if face == font.Italic {
		italic, flags = -12, 4|64
	}
	name := "AAAAAA+" + face.PostScript()
	descriptor := w.add(fmt.Sprintf("<< /Type /FontDescriptor /FontName /%s /Flags %d /FontBBox [%d %d %d %d] /ItalicAngle %d /Ascent %d /Descent %d /CapHeight 657 /StemV 80 /FontFile3 %d 0 R >>",
		name, flags, minX, minY, maxX, maxY, italic, font.Ascent, -font.Descent, program))
	descendant := w.add(fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType0 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /DW 500 /W [0 [%s]] >>",
		name, descriptor, strings.TrimSpace(widths.String())))
	unicode := w.stream("", []byte(toUnicode(glyphs)))
	return w.add(fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /%s-Identity-H /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>",
		name, descendant, unicode))
}

// toUnicode maps glyph indices back to characters, for copying and searching.
func toUnicode(glyphs []*font.Glyph) string {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	const most = 100 // entries in one section
	for start := 1; start < len(glyphs); start += most {
		end := min(start+most, len(glyphs))
		fmt.Fprintf(&b, "%d beginbfchar\n", end-start)
		for i := start; i < end; i++ {
			fmt.Fprintf(&b, "<%04X> <", i)
			for _, u := range utf16.Encode([]rune{glyphs[i].Rune}) {
				fmt.Fprintf(&b, "%04X", u)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.String()
}

// file assembles the document.
func (w *writer) file(d *draw.Drawing, scale float64) []byte {
	fonts := ""
	for _, face := range faces {
		if len(w.glyphs[face]) > 0 {
			fonts += fmt.Sprintf("/F%d %d 0 R ", face, w.font(face))
		}
	}
	states := ""
	for i, o := range w.opacity {
		states += fmt.Sprintf("/G%d << /ca %s /CA %s >> ", i, number(o), number(o))
	}
	content := w.stream("", w.content.Bytes())
	// Catalogue, pages and page refer to each other by numbers known ahead.
	next := len(w.objects) + 1
	page, pages, catalogue := next, next+1, next+2
	unit := ""
	if u := userUnit(d, scale); u > 1 {
		unit = fmt.Sprintf(" /UserUnit %d", int(u))
	}
	w.add(fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s]%s /Contents %d 0 R /Resources << /Font << %s>> /ExtGState << %s>> >> >>",
		pages, number(d.W*scale/userUnit(d, scale)), number(d.H*scale/userUnit(d, scale)), unit, content, fonts, states))
	w.add(fmt.Sprintf("<< /Type /Pages /Kids [%d 0 R] /Count 1 >>", page))
	w.add(fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>", pages))
	title := d.Title
	if title == "" {
		title = "Computational graph"
	}
	information := w.add(fmt.Sprintf("<< /Title %s /Subject %s /Creator (Adjoint) >>", textString(title), textString(d.Summary)))

	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	offsets := make([]int, len(w.objects))
	for i, o := range w.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n", i+1)
		b.Write(o)
		b.WriteString("\nendobj\n")
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(w.objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.objects)+1, catalogue, information, start)
	return b.Bytes()
}
