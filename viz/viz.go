package viz

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/html"
	"github.com/adjoint-go/adjoint/viz/internal/pdf"
	"github.com/adjoint-go/adjoint/viz/internal/raster"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/viz/internal/svg"
	"github.com/adjoint-go/adjoint/viz/internal/tikz"
)

//go:generate go run ./internal/gallery -to ../docs/gallery

var errInvalid = errors.New("viz: an output is not a valid node")

// Picture is a model made ready for painting. Its methods may be called in any
// order and any number of times, but not at the same time.
type Picture struct {
	model    *Model
	settings *settings
	scene    *scene.Scene
	drawing  *draw.Drawing
}

// New prepares a picture of the outputs and of all that they depend on.
func New(outputs []*graph.Node, options ...Option) (*Picture, error) {
	s := collect(options)
	m, err := describe(outputs, s)
	if err != nil {
		return nil, err
	}
	return prepare(m, s)
}

// NewFromModel prepares a picture of a model. Options that name graph nodes have no effect.
func NewFromModel(m *Model, options ...Option) (*Picture, error) {
	return prepare(m, collect(options))
}

func prepare(m *Model, s *settings) (*Picture, error) {
	sc, err := build(m, s)
	if err != nil {
		return nil, err
	}
	if s.reference != nil {
		if err := s.reference.place(sc); err != nil {
			return nil, err
		}
	}
	return &Picture{model: m, settings: s, scene: sc}, nil
}

// place notes in another scene where its nodes stand in this picture.
func (p *Picture) place(other *scene.Scene) error {
	d, err := p.laid()
	if err != nil {
		return err
	}
	other.Direction, other.AnyDirection = p.scene.Direction, false
	at := map[string]float64{}
	for i := range p.scene.Nodes {
		name := p.scene.Nodes[i].MatchOrID()
		if _, found := at[name]; !found {
			at[name] = d.Layout.Across[i]
		}
	}
	for i := range other.Nodes {
		n := &other.Nodes[i]
		n.Place, n.Placed = at[n.MatchOrID()]
	}
	return nil
}

// check reports a picture that New did not make.
func (p *Picture) check() error {
	if p == nil || p.scene == nil {
		return errors.New("viz: the picture is empty: New makes one, or says why not")
	}
	return nil
}

// laid lays the scene out on first use: DOT and JSON do without.
func (p *Picture) laid() (*draw.Drawing, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.drawing == nil {
		d, err := draw.Draw(p.scene)
		if err != nil {
			return nil, err
		}
		p.drawing = d
	}
	return p.drawing, nil
}

// palette returns the colours, nil for those that follow the reader.
func (s *settings) palette() *draw.Theme {
	switch s.style {
	case MonoStyle:
		return &draw.Mono
	case SurfaceWaveStyle:
		return &draw.SurfaceWave
	}
	switch s.theme {
	case LightTheme:
		return &draw.Light
	case DarkTheme:
		return &draw.Dark
	}
	return nil
}

// paper returns the colours of formats that cannot follow the reader.
func (s *settings) paper() *draw.Theme {
	if theme := s.palette(); theme != nil {
		return theme
	}
	return &draw.Light
}

func (s *settings) scaleOr(standard float64) float64 {
	if s.scale == 0 {
		return standard
	}
	return s.scale
}

func (s *settings) writeSVG(w io.Writer, d *draw.Drawing) error {
	return svg.Write(w, d, svg.Options{Prefix: s.prefix, Outlines: s.outlines, Theme: s.palette(), Scale: s.scale, Bare: s.bare})
}

func (s *settings) writePNG(w io.Writer, d *draw.Drawing) error {
	return raster.Paint(w, d, raster.Fit(d, s.scaleOr(2)), s.paper(), s.transparent)
}

// warningsOf returns what a reader of a format that has its own typefaces, or of PNG, does not get to see as it is meant.
func (s *settings) warningsOf(d *draw.Drawing, format string) []string {
	var list []string
	if scale := s.scaleOr(2); format == "png" {
		if fit := raster.Fit(d, scale); fit < scale {
			list = append(list, fmt.Sprintf("an image of %.0f×%.0f pixels is too large: it is drawn at scale %.2g instead of %.3g; SVG, PDF and HTML have no bounds",
				math.Ceil(d.W*scale), math.Ceil(d.H*scale), fit, scale))
		}
	}
	if format == "tikz" || format == "latex" {
		if scale := s.scaleOr(1); tikz.Fit(d, scale) < scale {
			list = append(list, fmt.Sprintf("TeX computes no lengths beyond 5.7 m: the picture is drawn at scale %.2g instead of %.3g", tikz.Fit(d, scale), scale))
		}
		if missing := tikz.Missing(d); len(missing) > 0 {
			list = append(list, fmt.Sprintf("pdfTeX has no %s: it shows their numbers; XeTeX and LuaTeX take them from the document's typeface", few(missing)))
		}
		return list
	}
	if missing := d.MissingGlyphs(); len(missing) > 0 && s.ownGlyphs(format) {
		list = append(list, fmt.Sprintf("the typeface has no %s: boxes stand for them; SVG and HTML take them from the reader's typefaces", few(missing)))
	}
	return list
}

// few returns characters as text, the first of many.
func few(characters []rune) string {
	const most = 12
	text := string(characters[:min(len(characters), most)])
	if len(characters) > most {
		text += fmt.Sprintf(" and %d more", len(characters)-most)
	}
	return text
}

func (s *settings) writePDF(w io.Writer, d *draw.Drawing) error {
	return pdf.Write(w, d, s.scaleOr(1), s.paper())
}

func (s *settings) writeTikZ(w io.Writer, d *draw.Drawing) error {
	return tikz.Write(w, d, tikz.Options{Theme: s.paper(), Scale: s.scaleOr(1), Transparent: s.transparent})
}

func (s *settings) writeLaTeX(w io.Writer, d *draw.Drawing) error {
	return tikz.Write(w, d, tikz.Options{Theme: s.paper(), Scale: s.scaleOr(1), Transparent: s.transparent, Document: true})
}

// SVG writes the picture as SVG.
func (p *Picture) SVG(w io.Writer) error { return p.write(w, (*settings).writeSVG) }

// StyleSheet returns the rules for drawings that are written WithStyleSheet(false): typefaces with the letters of Europe and the signs of mathematics, and colours
// that follow the reader's choice of light and dark.
func StyleSheet() string { return svg.StyleSheet() }

// PNG writes the picture as PNG. One that would have more than 64 million pixels, or a side of more than 32767, gets a
// smaller scale; see Warnings.
func (p *Picture) PNG(w io.Writer) error { return p.write(w, (*settings).writePNG) }

// PDF writes the picture as a PDF of one page.
func (p *Picture) PDF(w io.Writer) error { return p.write(w, (*settings).writePDF) }

// TikZ writes the picture as an environment tikzpicture to \input into a document, whose typeface it takes. The document needs the packages tikz
// and amsmath, and typefaces of any size (fix-cm, lmodern or others): \resizebox{\linewidth}{!}{\input{z.tikz}}.
func (p *Picture) TikZ(w io.Writer) error { return p.write(w, (*settings).writeTikZ) }

// LaTeX writes the picture as TikZ in a LaTeX document of its own, whose page is as large as the picture.
func (p *Picture) LaTeX(w io.Writer) error { return p.write(w, (*settings).writeLaTeX) }

// Warnings says, for a format as Encode knows it, what of the picture cannot be drawn in it as it is meant: an image that
// is too large for its scale, characters that the embedded typeface lacks. It is empty for SVG with its own text, HTML and the formats that describe the graph.
func (p *Picture) Warnings(format string) ([]string, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !p.settings.ownGlyphs(format) {
		return nil, nil
	}
	d, err := p.laid()
	if err != nil {
		return nil, err
	}
	return p.settings.warningsOf(d, format), nil
}

// ownGlyphs reports whether a format draws letters by itself, and does not take those that the typeface lacks from the reader's.
func (s *settings) ownGlyphs(format string) bool {
	return format == "png" || format == "pdf" || format == "tikz" || format == "latex" || format == "svg" && s.outlines
}

func (p *Picture) write(w io.Writer, format func(*settings, io.Writer, *draw.Drawing) error) error {
	d, err := p.laid()
	if err != nil {
		return err
	}
	return format(p.settings, w, d)
}

// HTML writes the picture as one self-contained page with a viewer: pan and
// zoom, search, details on hovering, tracing of dependencies, a walk through
// the execution, and a dark mode. The page loads nothing.
func (p *Picture) HTML(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	whole, shut := p, p.model.shut
	if p.model.whole != nil {
		var err error
		if whole, err = prepare(p.model.whole, p.settings); err != nil {
			return err
		}
	}
	d, err := whole.laid()
	if err != nil {
		return err
	}
	states, err := whole.collapsedStates(shut)
	if err != nil {
		return err
	}
	return html.Write(w, &html.Page{Theme: p.settings.palette(), Views: []html.View{{Drawing: d, States: states, Shut: shut}}})
}

// HTML draws the outputs and all that they depend on as a page with a viewer.
func HTML(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).HTML)
}

// PDF draws the outputs and all that they depend on as PDF.
func PDF(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).PDF)
}

// SVG draws the outputs and all that they depend on as SVG.
func SVG(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).SVG)
}

// PNG draws the outputs and all that they depend on as PNG.
func PNG(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).PNG)
}

// TikZ draws the outputs and all that they depend on as an environment tikzpicture, see Picture.TikZ.
func TikZ(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).TikZ)
}

// LaTeX draws the outputs and all that they depend on as a LaTeX document, see Picture.LaTeX.
func LaTeX(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).LaTeX)
}

func paint(w io.Writer, outputs []*graph.Node, options []Option, format func(*Picture, io.Writer) error) error {
	p, err := New(outputs, options...)
	if err != nil {
		return err
	}
	return format(p, w)
}

// sorted returns nodes by ID, which is a topological order.
func sorted(nodes map[*graph.Node]bool) []*graph.Node {
	list := make([]*graph.Node, 0, len(nodes))
	for n := range nodes {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *graph.Node) int { return a.ID() - b.ID() })
	return list
}
