// Package svg writes drawings as SVG 1.1 with text, embedded typefaces, ids,
// descriptions for those who cannot see them, and a dark mode.
package svg

import (
	"bufio"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/font"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Options say how a drawing is written.
type Options struct {
	Prefix   string      // put before every id, so that drawings can share a page
	Outlines bool        // draw glyphs as shapes; else text in embedded typefaces
	Theme    *draw.Theme // colours to fix; nil for light with a dark mode
	Scale    float64     // of the nominal size; 0 means 1
	// Bare leaves out the style sheet and the details on hovering, which the page around has, and marks the text
	// that a walk through the execution shows late.
	Bare bool
}

type writer struct {
	*bufio.Writer
	options Options
	number  []byte
	glyphs  map[*font.Glyph]string
}

// Write writes a drawing. Equal drawings give equal bytes.
func Write(to io.Writer, d *draw.Drawing, options Options) error {
	w := &writer{Writer: bufio.NewWriterSize(to, 1<<16), options: options}
	scale := options.Scale
	if scale == 0 {
		scale = 1
	}
	w.text(`<svg xmlns="http://www.w3.org/2000/svg" class="adjoint" role="img" xml:space="preserve" width="`)
	w.float(d.W * scale)
	w.text(`" height="`)
	w.float(d.H * scale)
	w.text(`" viewBox="0 0 `)
	w.float(d.W)
	w.text(" ")
	w.float(d.H)
	w.text(`" aria-labelledby="` + w.id("heading") + ` ` + w.id("summary") + "\">\n")
	w.text(`<title id="` + w.id("heading") + `">`)
	heading := d.Title
	if heading == "" {
		heading = "Computational graph"
	}
	w.escape(heading)
	w.text("</title>\n" + `<desc id="` + w.id("summary") + `">`)
	w.escape(d.Summary)
	w.text("</desc>\n")
	if !options.Bare {
		w.style(d)
	}
	if options.Outlines {
		w.defineGlyphs(d)
	}
	w.text(`<rect class="f-bg" width="100%" height="100%"/>` + "\n")
	open := draw.GroupKind(255)
	names := [draw.GroupKinds]string{"clusters", "edges", "nodes", "labels", "title", "legend"}
	for i := range d.Groups {
		g := &d.Groups[i]
		if g.Kind != open {
			if open != 255 {
				w.text("</g>\n")
			}
			open = g.Kind
			w.text(`<g class="` + names[open] + "\">\n")
		}
		w.group(g)
	}
	if open != 255 {
		w.text("</g>\n")
	}
	w.text("</svg>\n")
	return w.Flush()
}

// Output errors stick to the bufio.Writer and come back from Flush.
func (w *writer) text(s string) { _, _ = w.WriteString(s) }

func (w *writer) id(name string) string {
	return w.options.Prefix + name
}

func (w *writer) float(v float64) {
	w.number = strconv.AppendFloat(w.number[:0], v, 'f', 2, 64)
	b := w.number
	if slices.Contains(b, '.') {
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
		if b[len(b)-1] == '.' {
			b = b[:len(b)-1]
		}
	}
	if string(b) == "-0" {
		b = b[1:]
	}
	_, _ = w.Write(b)
}

func (w *writer) attribute(name string, v float64) {
	w.text(" " + name + `="`)
	w.float(v)
	w.text(`"`)
}

// escape writes text for an element or a quoted attribute. Characters that XML
// does not allow become the replacement character.
func (w *writer) escape(s string) { w.text(Escape(s)) }

// Escape returns text in which XML's special characters are escaped and those
// that it does not allow are replaced.
func Escape(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		c := s[i]
		clean = c >= 0x20 && c < 0x7F && c != '&' && c != '<' && c != '>' && c != '"'
	}
	if clean {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0xFFFE || r == 0xFFFF:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hexColour(c draw.RGB) string {
	const digits = "0123456789ABCDEF"
	b := []byte{'#'}
	for _, v := range c {
		b = append(b, digits[v>>4], digits[v&15])
	}
	return string(b)
}

// Variables returns the declarations of a theme's colours as CSS variables.
func Variables(t *draw.Theme) string {
	var b strings.Builder
	for r := scene.Background; int(r) < scene.RoleCount; r++ {
		b.WriteString("--" + r.String() + ":" + hexColour(t[r]) + ";")
	}
	return b.String()
}

// style writes the rules: typefaces, the variables of both themes, and one
// class per role. Each class names a fixed colour first, for readers that do
// not know variables.
func (w *writer) style(d *draw.Drawing) {
	fixed := w.options.Theme != nil
	light := w.options.Theme
	if !fixed {
		light = &draw.Light
	}
	w.text("<style>\n")
	if !w.options.Outlines {
		w.text(Faces(d))
	}
	w.text(".adjoint{" + Variables(light) + "}\n")
	if !fixed {
		w.text("@media (prefers-color-scheme:dark){.adjoint{" + Variables(&draw.Dark) + "}}\n")
	}
	w.text(Rules(light))
	w.text("</style>\n")
}

// Rules returns the rules of one class per role and of text.
func Rules(fallback *draw.Theme) string {
	var b strings.Builder
	for r := scene.Background; int(r) < scene.RoleCount; r++ {
		name, colour := r.String(), hexColour(fallback[r])
		b.WriteString(".adjoint .f-" + name + "{fill:" + colour + ";fill:var(--" + name + ")}")
		b.WriteString(".adjoint .s-" + name + "{stroke:" + colour + ";stroke:var(--" + name + ")}\n")
	}
	b.WriteString(`.adjoint text{font-family:"Adjoint Text","Adjoint Math","STIX Two Text","STIX Two Math","Cambria Math",Times,serif;white-space:pre}` + "\n")
	b.WriteString(`.adjoint .i{font-family:"Adjoint Text Italic","Adjoint Text","Adjoint Math","STIX Two Text","Cambria Math",Times,serif}` + "\n")
	b.WriteString(".adjoint .n{fill:none}.adjoint .node:hover>.outline{stroke-width:2.6}\n")
	return b.String()
}

// Characters returns the characters of drawings by face.
func Characters(drawings ...*draw.Drawing) map[font.Face][]rune {
	type key struct {
		r      rune
		italic bool
	}
	seen := map[key]bool{}
	faces := map[font.Face][]rune{}
	for _, d := range drawings {
		for i := range d.Groups {
			for _, t := range d.Groups[i].Texts {
				for _, r := range t.Text {
					if k := (key{r, t.Italic}); !seen[k] {
						seen[k] = true
						g := font.Lookup(r, t.Italic)
						faces[g.Face] = append(faces[g.Face], r)
					}
				}
			}
		}
	}
	return faces
}

// Faces returns the rules that embed the characters of drawings.
func Faces(drawings ...*draw.Drawing) string {
	return facesOf(Characters(drawings...))
}

// StyleSheet returns the rules of bare drawings, with the characters that drawings may be expected to need.
func StyleSheet() string {
	characters := map[font.Face][]rune{}
	for _, block := range [][2]rune{{0x20, 0x7E}, {0xA0, 0x17F}, {0x300, 0x30C}, {0x370, 0x3FF}, {0x400, 0x45F}, {0x1D40, 0x1D40}, {0x2000, 0x20D7}, {0x2100, 0x214F},
		{0x2150, 0x215E}, {0x2190, 0x21FF}, {0x2200, 0x22FF}, {0x2300, 0x2311}, {0x27E8, 0x27E9}} {
		for r := block[0]; r <= block[1]; r++ {
			for _, italic := range []bool{false, true} {
				if g := font.Lookup(r, italic); !g.Missing && !slices.Contains(characters[g.Face], r) {
					characters[g.Face] = append(characters[g.Face], r)
				}
			}
		}
	}
	return facesOf(characters) + ".adjoint{" + Variables(&draw.Light) + "}\n@media (prefers-color-scheme:dark){.adjoint{" + Variables(&draw.Dark) + "}}\n" + Rules(&draw.Light)
}

func facesOf(characters map[font.Face][]rune) string {
	var b strings.Builder
	for _, face := range []font.Face{font.Regular, font.Italic, font.Math} {
		if len(characters[face]) == 0 {
			continue
		}
		b.WriteString(`@font-face{font-family:"` + face.Family() + `";src:url("data:font/otf;base64,`)
		b.WriteString(base64.StdEncoding.EncodeToString(font.Subset(face, characters[face])))
		b.WriteString("\")}\n")
	}
	return b.String()
}

func (w *writer) group(g *draw.Group) {
	w.text(`<g id="`)
	w.escape(w.id(g.ID))
	w.text(`" class="` + g.Class + `">`)
	if g.Tooltip != "" && !w.options.Bare {
		w.text("<title>")
		w.escape(g.Tooltip)
		w.text("</title>")
	}
	for i := range g.Shapes {
		class := ""
		if i == 0 && g.Kind == draw.NodeGroup {
			class = "outline "
		}
		w.shape(&g.Shapes[i], class)
	}
	if w.options.Outlines {
		w.outlines(g)
	} else {
		w.lines(g)
	}
	w.text("</g>\n")
}

func (w *writer) shape(s *draw.Shape, class string) {
	switch s.Kind {
	case draw.RectShape:
		w.text("<rect")
		w.attribute("x", s.Rect.Min.X)
		w.attribute("y", s.Rect.Min.Y)
		w.attribute("width", s.Rect.W())
		w.attribute("height", s.Rect.H())
		if s.Radius > 0 {
			w.attribute("rx", s.Radius)
		}
	case draw.CircleShape:
		c := s.Rect.Centre()
		if s.Rect.W() == s.Rect.H() {
			w.text("<circle")
			w.attribute("r", s.Rect.W()/2)
		} else {
			w.text("<ellipse")
			w.attribute("rx", s.Rect.W()/2)
			w.attribute("ry", s.Rect.H()/2)
		}
		w.attribute("cx", c.X)
		w.attribute("cy", c.Y)
	case draw.CurveShape:
		w.text(`<path d="`)
		w.path(s.Path)
		w.text(`"`)
	case draw.PolygonShape:
		w.text(`<path d="M`)
		for i, q := range s.Points {
			if i > 0 {
				w.text("L")
			}
			w.point(q)
		}
		w.text(`Z"`)
	}
	w.text(` class="` + class + w.part(s.Part))
	if s.Fill == scene.None {
		w.text("n")
	} else {
		w.text("f-" + s.Fill.String())
	}
	if s.Stroke != scene.None {
		w.text(" s-" + s.Stroke.String())
	}
	w.text(`"`)
	if s.Stroke != scene.None {
		w.attribute("stroke-width", s.Width)
	}
	if s.Dash != nil {
		w.text(` stroke-dasharray="`)
		for i, v := range s.Dash {
			if i > 0 {
				w.text(" ")
			}
			w.float(v)
		}
		w.text(`"`)
	}
	if s.Opacity > 0 && s.Opacity < 1 {
		w.attribute("opacity", s.Opacity)
	}
	w.text("/>")
}

// part returns the class of text that a walk through the execution shows late.
func (w *writer) part(p scene.Part) string {
	if !w.options.Bare {
		return ""
	}
	return [...]string{scene.AlwaysPart: "", scene.ValuePart: "value ", scene.AdjointPart: "adjoint-value "}[p]
}

func (w *writer) point(p geom.Point) {
	w.float(p.X)
	w.text(" ")
	w.float(p.Y)
}

func (w *writer) path(p geom.Path) {
	for i, c := range p {
		if i == 0 {
			w.text("M")
			w.point(c[0])
		}
		w.text("C")
		w.point(c[1])
		w.text(" ")
		w.point(c[2])
		w.text(" ")
		w.point(c[3])
	}
}

// lines writes each line of text as one element, so that it can be selected
// as a whole.
func (w *writer) lines(g *draw.Group) {
	for i := 0; i < len(g.Texts); {
		first := &g.Texts[i]
		last := i + 1
		for last < len(g.Texts) && g.Texts[last].Line == first.Line {
			last++
		}
		if last == i+1 {
			w.run("text", first)
			i = last
			continue
		}
		w.text("<text>")
		for ; i < last; i++ {
			w.run("tspan", &g.Texts[i])
		}
		w.text("</text>")
	}
}

func (w *writer) run(element string, t *draw.Text) {
	w.text("<" + element)
	w.attribute("x", t.At.X)
	w.attribute("y", t.At.Y)
	w.attribute("font-size", t.Size)
	w.text(` class="f-` + t.Colour.String())
	if t.Italic {
		w.text(" i")
	}
	w.text(strings.TrimSuffix(" "+w.part(t.Part), " "))
	w.text(`">`)
	w.escape(t.Text)
	w.text("</" + element + ">")
}

// defineGlyphs writes the outline of every glyph that the drawing uses, once.
func (w *writer) defineGlyphs(d *draw.Drawing) {
	w.glyphs = map[*font.Glyph]string{}
	w.text("<defs>\n")
	for i := range d.Groups {
		for _, t := range d.Groups[i].Texts {
			for _, r := range t.Text {
				g := font.Lookup(r, t.Italic)
				if _, found := w.glyphs[g]; found || len(g.Segments) == 0 {
					continue
				}
				name := w.id("g" + strconv.Itoa(len(w.glyphs)))
				w.glyphs[g] = name
				w.text(`<path id="` + name + `" d="`)
				w.glyph(g)
				w.text("\"/>\n")
			}
		}
	}
	w.text("</defs>\n")
}

func (w *writer) glyph(g *font.Glyph) {
	point := func(p [2]int16) {
		w.text(strconv.Itoa(int(p[0])) + " " + strconv.Itoa(int(p[1])))
	}
	for i, s := range g.Segments {
		switch s.Kind {
		case font.Move:
			if i > 0 {
				w.text("Z")
			}
			w.text("M")
			point(s.P[0])
		case font.Line:
			w.text("L")
			point(s.P[0])
		case font.Cubic:
			w.text("C")
			point(s.P[0])
			w.text(" ")
			point(s.P[1])
			w.text(" ")
			point(s.P[2])
		}
	}
	w.text("Z")
}

// outlines draws text as shapes, with the text itself over them, unseen, so
// that it can still be selected and searched.
func (w *writer) outlines(g *draw.Group) {
	for i := range g.Texts {
		t := &g.Texts[i]
		x, em := 0.0, t.Size/font.UnitsPerEm
		w.text(`<g class="f-` + t.Colour.String() + `" transform="translate(`)
		w.point(t.At)
		w.text(") scale(" + strconv.FormatFloat(em, 'g', 6, 64) + `)">`)
		for _, r := range t.Text {
			glyph := font.Lookup(r, t.Italic)
			if name, found := w.glyphs[glyph]; found {
				w.text(`<use href="#` + name + `"`)
				if x != 0 {
					w.attribute("x", x)
				}
				w.text("/>")
			}
			x += float64(glyph.Advance)
		}
		w.text("</g>")
		w.text("<text")
		w.attribute("x", t.At.X)
		w.attribute("y", t.At.Y)
		w.attribute("font-size", t.Size)
		w.attribute("textLength", t.Width)
		w.text(` fill-opacity="0">`)
		w.escape(t.Text)
		w.text("</text>")
	}
}
