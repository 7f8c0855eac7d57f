// Package raster paints drawings as PNG with exact coverage of pixels.
//
// An image is painted in bands of a few rows, so that memory depends on its width alone. Pixels are indices into a
// palette that grows with the blends that occur: a drawing has few colours.
package raster

import (
	"fmt"
	"image"
	"image/draw"
	"io"
	"math"

	"golang.org/x/image/vector"

	drawing "github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/font"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Bounds of an image: what other programs open without trouble.
const (
	MaxPixels = 64_000_000
	MaxSide   = 32_767
)

// Fit returns the scale, or the largest below it whose image stays in the bounds.
func Fit(d *drawing.Drawing, scale float64) float64 {
	area := math.Max(d.W, 1) * math.Max(d.H, 1)
	if d.W*scale <= MaxSide && d.H*scale <= MaxSide && math.Ceil(d.W*scale)*math.Ceil(d.H*scale) <= MaxPixels {
		return scale
	}
	// A little less, since sides are rounded up.
	return 0.998 * min(scale, math.Sqrt(MaxPixels/area), MaxSide/math.Max(d.W, d.H))
}

// Paint writes a drawing as PNG with scale pixels per unit. With transparent set the background stays clear. A scale
// that Fit would lower is an error.
func Paint(w io.Writer, d *drawing.Drawing, scale float64, theme *drawing.Theme, transparent bool) error {
	if !(scale > 0) || math.IsInf(scale, 0) {
		return fmt.Errorf("raster: scale %v is not positive", scale)
	}
	if fit := Fit(d, scale); fit < scale {
		return fmt.Errorf("raster: an image of %.0f×%.0f pixels is too large; a scale of %.3g fits", math.Ceil(d.W*scale), math.Ceil(d.H*scale), fit)
	}
	p := &painter{scale: scale, width: max(1, int(math.Ceil(d.W*scale))), palette: newPalette(d, theme, transparent), glyphs: map[glyphKey]*glyph{}, begun: map[place][]area{}}
	height := max(1, int(math.Ceil(d.H*scale)))
	p.pixels = make([]uint8, p.width*min(bandRows, height))
	bands := p.sort(d, height)
	file := newEncoder(p.width, height)
	for b, parts := range bands {
		p.top = b * bandRows
		p.rows = min(bandRows, height-p.top)
		p.pixels = p.pixels[:p.width*p.rows]
		clear(p.pixels) // to the background, the palette's first colour
		for _, at := range parts {
			g := &d.Groups[at.group]
			if int(at.index) >= len(g.Shapes) {
				p.text(&g.Texts[int(at.index)-len(g.Shapes)])
				continue
			}
			p.areas(at, &g.Shapes[at.index])
		}
		file.rows(p.pixels)
	}
	return file.finish(w, p.palette.colours)
}

// bandRows is the height of a band in pixels.
const bandRows = 64

// place names a shape of a group or, behind these, a text.
type place struct{ group, index int32 }

// sort lists for every band what may be seen in it, in painting order.
func (p *painter) sort(d *drawing.Drawing, height int) [][]place {
	bands := make([][]place, (height+bandRows-1)/bandRows)
	add := func(at place, top, bottom float64) {
		const air = 2 // pixels
		first, last := math.Floor((top*p.scale-air)/bandRows), math.Floor((bottom*p.scale+air)/bandRows)
		for b := int(max(first, 0)); b <= int(min(last, float64(len(bands)-1))); b++ {
			bands[b] = append(bands[b], at)
		}
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		for k := range g.Shapes {
			s := &g.Shapes[k]
			r := s.Rect
			switch s.Kind {
			case drawing.CurveShape:
				r = s.Path.Bounds()
			case drawing.PolygonShape:
				r = geom.Rect{Min: s.Points[0], Max: s.Points[0]}
				for _, q := range s.Points {
					r = r.Union(geom.Rect{Min: q, Max: q})
				}
			}
			add(place{int32(i), int32(k)}, r.Min.Y-s.Width, r.Max.Y+s.Width)
		}
		for k := range g.Texts {
			t := &g.Texts[k]
			above, below := font.Extent(t.Text, t.Size, t.Italic)
			add(place{int32(i), int32(len(g.Shapes) + k)}, t.At.Y-above, t.At.Y+below)
		}
	}
	return bands
}

type painter struct {
	scale      float64
	width      int
	top, rows  int     // of the band
	pixels     []uint8 // of the band
	palette    *palette
	rasterizer vector.Rasterizer
	glyphs     map[glyphKey]*glyph
	glyphBytes int
	begun      map[place][]area // shapes that reach into the next band
	// For reuse.
	points   []geom.Point
	segments [][2]geom.Point
	mask     []uint8
}

// outline is a closed or open chain of cubics and lines, in pixels.
type outline struct {
	start geom.Point
	parts []part
}

type part struct {
	cubic   bool
	b, c, d geom.Point
}

func (o *outline) line(q geom.Point) { o.parts = append(o.parts, part{d: q}) }

func (o *outline) curve(b, c, d geom.Point) {
	o.parts = append(o.parts, part{cubic: true, b: b, c: c, d: d})
}

// area is what polygons enclose in a colour; what they enclose twice in opposite senses stays clear.
type area struct {
	polygons [][]geom.Point
	bottom   float64
	role     scene.Role
	opacity  float64
}

// areas paints the part of a shape that lies in the band.
func (p *painter) areas(at place, s *drawing.Shape) {
	list, known := p.begun[at]
	if !known {
		p.shape(s, func(outlines []outline, role scene.Role) {
			a := area{polygons: p.flatten(outlines), bottom: math.Inf(-1), role: role, opacity: s.Opacity}
			for _, polygon := range a.polygons {
				for _, q := range polygon {
					a.bottom = math.Max(a.bottom, q.Y)
				}
			}
			list = append(list, a)
		})
	}
	below := false
	for i := range list {
		a := &list[i]
		mask, where := p.cover(a.polygons, image.Rect(0, p.top, p.width, p.top+p.rows))
		p.blend(mask, where, a.role, a.opacity)
		below = below || a.bottom > float64(p.top+p.rows)
	}
	if below && !known {
		p.begun[at] = list
	} else if !below && known {
		delete(p.begun, at)
	}
}

// flatten returns outlines as closed polygons.
func (p *painter) flatten(outlines []outline) [][]geom.Point {
	polygons := make([][]geom.Point, 0, len(outlines))
	for i := range outlines {
		at := outlines[i].start
		p.points = append(p.points[:0], at)
		for _, s := range outlines[i].parts {
			if s.cubic {
				// The rasterizer's own curves are too coarse for small letters.
				p.points = geom.Cubic{at, s.b, s.c, s.d}.Flatten(p.points, 0.04)
			} else if s.d != at {
				p.points = append(p.points, s.d)
			}
			at = s.d
		}
		polygons = append(polygons, append([]geom.Point(nil), p.points...))
	}
	return polygons
}

// cover returns how far polygons cover the pixels of an area, or of the part of it that holds them. The slice is valid
// until the next call.
func (p *painter) cover(polygons [][]geom.Point, within image.Rectangle) ([]uint8, image.Rectangle) {
	low, high := float64(within.Min.Y), float64(within.Max.Y)
	minX, maxX := math.Inf(1), math.Inf(-1)
	minY, maxY := high, low
	p.segments = p.segments[:0]
	line := func(a, b geom.Point) {
		if a.Y == b.Y || math.Max(a.Y, b.Y) <= low || math.Min(a.Y, b.Y) >= high {
			return
		}
		// What lies above or below covers nothing.
		cut := func(q geom.Point) geom.Point {
			if y := math.Min(math.Max(q.Y, low), high); y != q.Y {
				return geom.Point{X: a.X + (b.X-a.X)*(y-a.Y)/(b.Y-a.Y), Y: y}
			}
			return q
		}
		c, d := cut(a), cut(b)
		minX, maxX = math.Min(minX, math.Min(c.X, d.X)), math.Max(maxX, math.Max(c.X, d.X))
		minY, maxY = math.Min(minY, math.Min(c.Y, d.Y)), math.Max(maxY, math.Max(c.Y, d.Y))
		p.segments = append(p.segments, [2]geom.Point{c, d})
	}
	for _, polygon := range polygons {
		at := polygon[len(polygon)-1]
		for _, q := range polygon {
			line(at, q)
			at = q
		}
	}
	if len(p.segments) == 0 {
		return nil, image.Rectangle{}
	}
	area := image.Rect(int(math.Max(math.Floor(minX), float64(within.Min.X))), int(math.Floor(minY)),
		int(math.Min(math.Floor(maxX)+1, float64(within.Max.X))), int(math.Ceil(maxY))).Intersect(within)
	if area.Empty() {
		return nil, area
	}
	r := &p.rasterizer
	r.Reset(area.Dx(), area.Dy())
	r.DrawOp = draw.Src
	for _, s := range p.segments {
		r.MoveTo(float32(s[0].X-float64(area.Min.X)), float32(s[0].Y-float64(area.Min.Y)))
		r.LineTo(float32(s[1].X-float64(area.Min.X)), float32(s[1].Y-float64(area.Min.Y)))
	}
	if n := area.Dx() * area.Dy(); cap(p.mask) < n {
		p.mask = make([]uint8, n)
	}
	mask := p.mask[:area.Dx()*area.Dy()]
	r.Draw(&image.Alpha{Pix: mask, Stride: area.Dx(), Rect: area.Sub(area.Min)}, area.Sub(area.Min), image.Opaque, image.Point{})
	return mask, area
}

// blend paints a colour where a mask covers the band.
func (p *painter) blend(mask []uint8, area image.Rectangle, role scene.Role, opacity float64) {
	seen := area.Intersect(image.Rect(0, p.top, p.width, p.top+p.rows))
	if seen.Empty() {
		return
	}
	pen := p.palette.pen(role, opacity)
	for y := seen.Min.Y; y < seen.Max.Y; y++ {
		covered := mask[(y-area.Min.Y)*area.Dx()+seen.Min.X-area.Min.X:][:seen.Dx()]
		row := p.pixels[(y-p.top)*p.width+seen.Min.X:][:seen.Dx()]
		for x, c := range covered {
			if c < 255/(2*levels) {
				continue
			}
			row[x] = pen.over(row[x], c)
		}
	}
}

func (p *painter) at(q geom.Point) geom.Point { return q.Mul(p.scale) }

// shape hands the outlines of a shape and the colours that fill them to a function.
func (p *painter) shape(s *drawing.Shape, fill func([]outline, scene.Role)) {
	switch s.Kind {
	case drawing.CurveShape:
		if s.Stroke != scene.None {
			p.strokeLine(s.Path.Map(p.at).Flatten(0.08), false, s, fill)
		}
	case drawing.PolygonShape:
		o := outline{start: p.at(s.Points[0])}
		for _, q := range s.Points[1:] {
			o.line(p.at(q))
		}
		fill([]outline{o}, s.Fill)
	case drawing.RectShape, drawing.CircleShape:
		if s.Fill != scene.None {
			fill([]outline{p.closed(s, 0, false)}, s.Fill)
		}
		if s.Stroke != scene.None && s.Width > 0 {
			if s.Dash == nil {
				fill([]outline{p.closed(s, s.Width/2, false), p.closed(s, -s.Width/2, true)}, s.Stroke)
				return
			}
			o := p.closed(s, 0, false)
			points := []geom.Point{o.start}
			from := o.start
			for _, q := range o.parts {
				if q.cubic {
					points = geom.Cubic{from, q.b, q.c, q.d}.Flatten(points, 0.08)
				} else if q.d != from {
					points = append(points, q.d)
				}
				from = q.d
			}
			p.strokeLine(points, true, s, fill)
		}
	}
}

// arcHandle is the handle of a cubic that follows a quarter of a unit circle.
const arcHandle = 0.5522847498

// closed returns the outline of a rectangle or ellipse grown by a distance.
func (p *painter) closed(s *drawing.Shape, grow float64, reversed bool) outline {
	r := s.Rect.Inset(-grow)
	rx, ry := r.W()/2, r.H()/2
	if s.Kind == drawing.RectShape {
		rx = math.Max(0, math.Min(s.Radius+grow, math.Min(rx, ry)))
		if s.Radius == 0 {
			rx = 0
		}
		ry = rx
	}
	a, b := p.at(r.Min), p.at(r.Max)
	rx, ry = rx*p.scale, ry*p.scale
	hx, hy := rx*arcHandle, ry*arcHandle
	pt := func(x, y float64) geom.Point { return geom.Point{X: x, Y: y} }
	o := outline{start: pt(a.X+rx, a.Y)}
	o.line(pt(b.X-rx, a.Y))
	o.curve(pt(b.X-rx+hx, a.Y), pt(b.X, a.Y+ry-hy), pt(b.X, a.Y+ry))
	o.line(pt(b.X, b.Y-ry))
	o.curve(pt(b.X, b.Y-ry+hy), pt(b.X-rx+hx, b.Y), pt(b.X-rx, b.Y))
	o.line(pt(a.X+rx, b.Y))
	o.curve(pt(a.X+rx-hx, b.Y), pt(a.X, b.Y-ry+hy), pt(a.X, b.Y-ry))
	o.line(pt(a.X, a.Y+ry))
	o.curve(pt(a.X, a.Y+ry-hy), pt(a.X+rx-hx, a.Y), pt(a.X+rx, a.Y))
	if !reversed {
		return o
	}
	points := []geom.Point{o.start}
	for _, q := range o.parts {
		points = append(points, q.d)
	}
	back := outline{start: points[len(points)-1]}
	for i := len(o.parts) - 1; i >= 0; i-- {
		if q := o.parts[i]; q.cubic {
			back.curve(q.c, q.b, points[i])
		} else {
			back.line(points[i])
		}
	}
	return back
}

// strokeLine hands on a polyline in pixels with the stroke of a shape.
func (p *painter) strokeLine(points []geom.Point, closed bool, s *drawing.Shape, fill func([]outline, scene.Role)) {
	half := s.Width * p.scale / 2
	if s.Dash == nil {
		if o, ok := ribbon(points, half); ok {
			fill([]outline{o}, s.Stroke)
		}
		return
	}
	var outlines []outline
	for _, piece := range dashes(points, s.Dash, p.scale, closed) {
		if o, ok := ribbon(piece, half); ok {
			outlines = append(outlines, o)
		}
	}
	if len(outlines) > 0 {
		fill(outlines, s.Stroke)
	}
}

// ribbon returns the outline of a polyline of the given half width with flat
// ends. Turns must be gentle, as those of flattened curves are.
func ribbon(points []geom.Point, half float64) (outline, bool) {
	var line []geom.Point
	for _, q := range points {
		if n := len(line); n == 0 || q.Sub(line[n-1]).Len() > 1e-6 {
			line = append(line, q)
		}
	}
	n := len(line)
	if n < 2 {
		return outline{}, false
	}
	normals := make([]geom.Point, n)
	for i := range line {
		var a, b geom.Point
		if i > 0 {
			a = line[i].Sub(line[i-1]).Unit()
		}
		if i+1 < n {
			b = line[i+1].Sub(line[i]).Unit()
		}
		switch {
		case i == 0:
			normals[i] = b.Normal()
		case i == n-1:
			normals[i] = a.Normal()
		default:
			m := a.Add(b).Unit().Normal()
			// A mitre, blunted where the turn is sharp.
			c := math.Max(m.X*a.Normal().X+m.Y*a.Normal().Y, 0.5)
			normals[i] = m.Mul(1 / c)
		}
	}
	o := outline{start: line[0].Add(normals[0].Mul(half))}
	for i := 1; i < n; i++ {
		o.line(line[i].Add(normals[i].Mul(half)))
	}
	for i := n - 1; i >= 0; i-- {
		o.line(line[i].Sub(normals[i].Mul(half)))
	}
	return o, true
}

// dashes cuts a polyline into the pieces that a dash pattern paints. On a
// closed line the pattern is stretched to fit a whole number of times.
func dashes(points []geom.Point, pattern []float64, scale float64, closed bool) [][]geom.Point {
	period, total := 0.0, 0.0
	for _, d := range pattern {
		period += d * scale
	}
	for i := 0; i+1 < len(points); i++ {
		total += points[i+1].Sub(points[i]).Len()
	}
	stretch := 1.0
	if closed && total > period {
		stretch = total / (math.Round(total/period) * period)
	}
	var pieces [][]geom.Point
	var piece []geom.Point
	k, left := 0, pattern[0]*scale*stretch
	on := true
	if len(points) > 0 {
		piece = []geom.Point{points[0]}
	}
	for i := 0; i+1 < len(points); i++ {
		a, b := points[i], points[i+1]
		length := b.Sub(a).Len()
		for length > left {
			m := geom.Lerp(a, b, left/length)
			if on {
				pieces = append(pieces, append(piece, m))
				piece = nil
			} else {
				piece = []geom.Point{m}
			}
			on = !on
			length -= left
			a = m
			k = (k + 1) % len(pattern)
			left = pattern[k] * scale * stretch
		}
		left -= length
		if on {
			piece = append(piece, b)
		}
	}
	if on && len(piece) > 1 {
		pieces = append(pieces, piece)
	}
	return pieces
}

// glyphKey names a glyph at a size in pixels and at a place within a pixel.
type glyphKey struct {
	r      rune
	italic bool
	size   float64
	x, y   uint8
}

// phases is the number of places within a pixel, along each axis, that glyphs are painted at.
const phases = 4

// glyph is how far a glyph covers the pixels around its origin.
type glyph struct {
	mask []uint8
	area image.Rectangle
}

// mostGlyphBytes bounds the masks that are kept.
const mostGlyphBytes = 16 << 20

func (p *painter) text(t *drawing.Text) {
	x, y := t.At.X*p.scale, math.Round(t.At.Y*p.scale*phases)
	size := t.Size * p.scale
	for _, r := range t.Text {
		g := font.Lookup(r, t.Italic)
		if len(g.Segments) > 0 {
			at := math.Round(x * phases)
			left, top := int(math.Floor(at/phases)), int(math.Floor(y/phases))
			m := p.glyph(g, glyphKey{r, t.Italic, size, uint8(at - float64(left)*phases), uint8(y - float64(top)*phases)})
			p.blend(m.mask, m.area.Add(image.Point{X: left, Y: top}), t.Colour, 0)
		}
		x += float64(g.Advance) * size / font.UnitsPerEm
	}
}

func (p *painter) glyph(g *font.Glyph, key glyphKey) *glyph {
	if m := p.glyphs[key]; m != nil {
		return m
	}
	em := key.size / font.UnitsPerEm
	at := func(q [2]int16) geom.Point {
		return geom.Point{X: float64(key.x)/phases + float64(q[0])*em, Y: float64(key.y)/phases + float64(q[1])*em}
	}
	var outlines []outline
	for _, s := range g.Segments {
		switch s.Kind {
		case font.Move:
			outlines = append(outlines, outline{start: at(s.P[0])})
		case font.Line:
			outlines[len(outlines)-1].line(at(s.P[0]))
		case font.Cubic:
			outlines[len(outlines)-1].curve(at(s.P[0]), at(s.P[1]), at(s.P[2]))
		}
	}
	reach := int(math.Ceil(4*key.size)) + 2 // more than any glyph has
	mask, area := p.cover(p.flatten(outlines), image.Rect(-reach, -reach, reach, reach))
	m := &glyph{append([]uint8(nil), mask...), area}
	if p.glyphBytes += len(mask); p.glyphBytes > mostGlyphBytes {
		clear(p.glyphs)
		p.glyphBytes = len(mask)
	}
	p.glyphs[key] = m
	return m
}
