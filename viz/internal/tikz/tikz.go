// Package tikz writes drawings as TikZ, with text that TeX sets as mathematics in the typefaces of the document around.
//
// The picture is an environment tikzpicture that needs the packages tikz and amsmath, and typefaces of any size, as
// fix-cm and lmodern have them. What it defines is local to it. A line of text that is wider in the document's typeface
// than the drawing has room for is scaled down.
package tikz

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Options say how a drawing is written.
type Options struct {
	Theme       *draw.Theme
	Scale       float64 // of the nominal size
	Transparent bool    // leave the background clear
	Document    bool    // a document of one page around the picture
}

// pointsPerUnit makes a unit of the drawing a CSS pixel, 1/96 inch.
const pointsPerUnit = 0.75

// longestSide is the longest side, in big points, with which TeX's dimensions, up to 16383.99 pt, still compute.
const longestSide = 16000

// Fit returns the scale, at most the given one, at which TeX can set the drawing.
func Fit(d *draw.Drawing, scale float64) float64 {
	return math.Min(scale, longestSide/(pointsPerUnit*math.Max(d.W, d.H)))
}

// Missing lists the characters of the drawing for which there is no command: XeTeX and LuaTeX take them from the
// document's typeface, others show their number in a box.
func Missing(d *draw.Drawing) []rune {
	var list []rune
	for i := range d.Groups {
		for k := range d.Groups[i].Texts {
			for _, r := range d.Groups[i].Texts[k].Text {
				if _, known := command(r); !known && !slices.Contains(list, r) {
					list = append(list, r)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

type writer struct {
	*bufio.Writer
	options Options
	unit    float64 // big points per unit of the drawing
}

// Write writes a drawing. Equal drawings give equal bytes, ASCII but for comments.
func Write(to io.Writer, d *draw.Drawing, options Options) error {
	w := &writer{Writer: bufio.NewWriterSize(to, 1<<16), options: options, unit: pointsPerUnit * Fit(d, options.Scale)}
	if options.Document {
		w.text("\\RequirePackage{fix-cm} % typefaces of any size\n\\documentclass{article}\n\\usepackage{amsmath,tikz}\n\\DeclareFontShape{OMX}{cmex}{m}{n}{<->cmex10}{}\n\\usepackage[paperwidth=")
		w.text(w.length(d.W) + ",paperheight=" + w.length(d.H) + ",margin=0pt]{geometry}\n")
		w.text("\\pagestyle{empty}\n\\setlength\\parindent{0pt}\n\\setlength\\topskip{0pt}\n\\begin{document}\n")
	}
	w.comment(d.Title)
	w.comment(d.Summary)
	w.text("\\begin{tikzpicture}[x=1bp,y=-1bp,line cap=butt,inner sep=0pt,outer sep=0pt,every node/.style={anchor=base}]\n")
	w.define(d)
	w.text("\\path[use as bounding box")
	if !options.Transparent {
		w.text(",fill=" + colour(scene.Background))
	}
	w.text("] (0,0) rectangle ")
	w.point(geom.Point{X: d.W, Y: d.H})
	w.text(";\n")
	for i := range d.Groups {
		w.group(&d.Groups[i])
	}
	w.text("\\end{tikzpicture}%\n")
	if options.Document {
		w.text("\\end{document}\n")
	}
	return w.Flush()
}

// Output errors stick to the bufio.Writer and come back from Flush.
func (w *writer) text(s string) { _, _ = w.WriteString(s) }

// comment writes one line that TeX skips.
func (w *writer) comment(text string) {
	if text == "" {
		return
	}
	w.text("% " + strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, text) + "\n")
}

func colour(r scene.Role) string { return "adjoint-" + r.String() }

// define writes the colours in use and the commands.
func (w *writer) define(d *draw.Drawing) {
	used := [scene.RoleCount]bool{scene.Background: !w.options.Transparent}
	for i := range d.Groups {
		g := &d.Groups[i]
		for k := range g.Shapes {
			used[g.Shapes[k].Fill], used[g.Shapes[k].Stroke] = true, true
		}
		for k := range g.Texts {
			used[g.Texts[k].Colour] = true
		}
	}
	for r := scene.Background; int(r) < scene.RoleCount; r++ {
		if used[r] {
			w.text("\\definecolor{" + colour(r) + "}{HTML}{")
			const digits = "0123456789ABCDEF"
			for _, v := range w.options.Theme[r] {
				_, _ = w.Write([]byte{digits[v>>4], digits[v&15]})
			}
			w.text("}\n")
		}
	}
	// \adjointline{room}{size}{text}; \adjointcharacter{hexadecimal}{decimal}.
	w.text(`\def\adjointline#1#2#3{\fontsize{#2}{#2}\selectfont\setbox0\hbox{$#3$}\ifdim\wd0>#1\relax\resizebox{#1}{!}{$#3$}\else\box0\fi}` + "\n")
	if len(Missing(d)) > 0 {
		w.text(`\def\adjointcharacter#1#2{\text{\ifdefined\Umathchar\symbol{#2}\else\resizebox{!}{1.6ex}{\fbox{\ttfamily#1}}\fi}}` + "\n")
	}
}

func (w *writer) group(g *draw.Group) {
	w.comment(g.ID)
	for i := range g.Shapes {
		if !g.Shapes[i].Bar {
			w.shape(&g.Shapes[i])
		}
	}
	for i := 0; i < len(g.Texts); {
		last := i + 1
		for last < len(g.Texts) && g.Texts[last].Line == g.Texts[i].Line {
			last++
		}
		w.line(g, g.Texts[i:last])
		i = last
	}
}

func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// length returns a length of the drawing as TeX has it.
func (w *writer) length(v float64) string { return number(v*w.unit) + "bp" }

func (w *writer) point(p geom.Point) {
	w.text("(" + number(p.X*w.unit) + "," + number(p.Y*w.unit) + ")")
}

func (w *writer) shape(s *draw.Shape) {
	var options []string
	if s.Fill != scene.None && s.Kind != draw.CurveShape {
		options = append(options, "fill="+colour(s.Fill))
	}
	if s.Stroke != scene.None && s.Width > 0 {
		options = append(options, "draw="+colour(s.Stroke), "line width="+w.length(s.Width))
		if len(s.Dash) > 0 {
			pattern := "dash pattern="
			for i, v := range s.Dash {
				pattern += [2]string{"on ", " off "}[i%2] + w.length(v)
			}
			options = append(options, pattern)
		}
	}
	if len(options) == 0 {
		return
	}
	if s.Opacity > 0 && s.Opacity < 1 {
		options = append(options, "opacity="+number(s.Opacity))
	}
	if r := math.Min(s.Radius, math.Min(s.Rect.W(), s.Rect.H())/2); s.Kind == draw.RectShape && r > 0 {
		options = append(options, "rounded corners="+w.length(r))
	}
	w.text("\\path[" + strings.Join(options, ",") + "] ")
	switch s.Kind {
	case draw.RectShape:
		w.point(s.Rect.Min)
		w.text(" rectangle ")
		w.point(s.Rect.Max)
	case draw.CircleShape:
		w.point(s.Rect.Centre())
		w.text(" ellipse [x radius=" + w.length(s.Rect.W()/2) + ",y radius=" + w.length(s.Rect.H()/2) + "]")
	case draw.CurveShape:
		for i, c := range s.Path {
			if i == 0 {
				w.point(c[0])
			}
			w.text(" .. controls ")
			w.point(c[1])
			w.text(" and ")
			w.point(c[2])
			w.text(" .. ")
			w.point(c[3])
		}
	case draw.PolygonShape:
		for _, q := range s.Points {
			w.point(q)
			w.text(" -- ")
		}
		w.text("cycle")
	}
	w.text(";\n")
}

// line writes a line of text as one formula.
func (w *writer) line(g *draw.Group, pieces []draw.Text) {
	const slack, share = 4.0, 1.04 // beyond the line's own width, for typefaces that run wider
	var at geom.Point
	left, right, size := math.Inf(1), math.Inf(-1), 0.0
	for i := range pieces {
		p := &pieces[i]
		left, right = math.Min(left, p.At.X), math.Max(right, p.At.X+p.Width)
		full := p.Size
		if p.Script != scene.Base {
			full /= scene.ScriptScale
		}
		size = math.Max(size, full)
		if i == 0 || p.Script == scene.Base {
			at.Y = p.At.Y
		}
	}
	at.X = (left + right) / 2
	anchor := ""
	if g.Kind == draw.LegendGroup || g.Kind == draw.LabelGroup && g.Index < 0 { // text that begins at a line or a border
		at.X, anchor = left, "[anchor=base west]"
	}
	w.text("\\node" + anchor + " at ")
	w.point(at)
	w.text(" {\\adjointline{" + w.length(share*(right-left)+slack) + "}{" + w.length(size) + "}{" + formula(pieces) + "}};\n")
}
