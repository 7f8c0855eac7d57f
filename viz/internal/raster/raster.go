// Package raster paints drawings into images with exact coverage of pixels.
package raster

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"

	drawing "github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/font"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// MaxPixels bounds the size of an image, so that a huge drawing is refused and
// does not exhaust the memory.
const MaxPixels = 120_000_000

// Paint renders a drawing with scale pixels per unit. With transparent set the
// background stays clear. It returns an error for an image above MaxPixels.
func Paint(d *drawing.Drawing, scale float64, theme *drawing.Theme, transparent bool) (*image.RGBA, error) {
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("raster: scale %v is not positive", scale)
	}
	w, h := math.Ceil(d.W*scale), math.Ceil(d.H*scale)
	if w*h > MaxPixels {
		return nil, fmt.Errorf("raster: an image of %.0f×%.0f pixels is too large; a scale of %.3g fits, or use SVG",
			w, h, math.Sqrt(MaxPixels/(d.W*d.H))*0.99)
	}
	p := &painter{scale: scale, theme: theme, image: image.NewRGBA(image.Rect(0, 0, int(w), int(h)))}
	if !transparent {
		draw.Draw(p.image, p.image.Bounds(), image.NewUniform(p.colour(scene.Background)), image.Point{}, draw.Src)
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		for k := range g.Shapes {
			p.shape(&g.Shapes[k])
		}
		for k := range g.Texts {
			p.text(&g.Texts[k])
		}
	}
	return p.image, nil
}

type painter struct {
	image      *image.RGBA
	scale      float64
	theme      *drawing.Theme
	rasterizer vector.Rasterizer
	points     []geom.Point // for reuse
}

func (p *painter) colour(r scene.Role) color.RGBA {
	c := p.theme[r]
	return color.RGBA{c[0], c[1], c[2], 255}
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

// fill paints the area enclosed by outlines; areas enclosed twice in opposite
// senses stay clear.
func (p *painter) fill(outlines []outline, role scene.Role, opacity float64) {
	bounds := geom.Rect{Min: geom.Point{X: math.Inf(1), Y: math.Inf(1)}, Max: geom.Point{X: math.Inf(-1), Y: math.Inf(-1)}}
	for i := range outlines {
		cover := func(q geom.Point) { bounds = bounds.Union(geom.Rect{Min: q, Max: q}) }
		cover(outlines[i].start)
		for _, s := range outlines[i].parts {
			if s.cubic {
				cover(s.b)
				cover(s.c)
			}
			cover(s.d)
		}
	}
	area := image.Rect(int(math.Floor(bounds.Min.X)), int(math.Floor(bounds.Min.Y)), int(math.Ceil(bounds.Max.X))+1, int(math.Ceil(bounds.Max.Y))+1)
	visible := area.Intersect(p.image.Bounds())
	if visible.Empty() {
		return
	}
	if !area.In(p.image.Bounds()) && area.Dx()*area.Dy() > MaxPixels {
		return
	}
	r := &p.rasterizer
	r.Reset(area.Dx(), area.Dy())
	x := func(q geom.Point) (float32, float32) {
		return float32(q.X - float64(area.Min.X)), float32(q.Y - float64(area.Min.Y))
	}
	for i := range outlines {
		at := outlines[i].start
		r.MoveTo(x(at))
		for _, s := range outlines[i].parts {
			if s.cubic {
				// The rasterizer's own curves are too coarse for small letters.
				p.points = geom.Cubic{at, s.b, s.c, s.d}.Flatten(p.points[:0], 0.04)
				for _, q := range p.points {
					r.LineTo(x(q))
				}
			} else {
				r.LineTo(x(s.d))
			}
			at = s.d
		}
		r.ClosePath()
	}
	c := p.colour(role)
	if opacity > 0 && opacity < 1 {
		s := func(v uint8) uint8 { return uint8(math.Round(float64(v) * opacity)) }
		c = color.RGBA{s(c.R), s(c.G), s(c.B), s(255)}
	}
	if area.In(p.image.Bounds()) {
		r.Draw(p.image, area, image.NewUniform(c), image.Point{})
		return
	}
	// The rasterizer cannot clip; what sticks out is cut by a mask.
	mask := image.NewAlpha(area)
	r.Draw(mask, area, image.Opaque, image.Point{})
	draw.DrawMask(p.image, visible, image.NewUniform(c), image.Point{}, mask, visible.Min, draw.Over)
}

func (p *painter) at(q geom.Point) geom.Point { return q.Mul(p.scale) }

func (p *painter) shape(s *drawing.Shape) {
	switch s.Kind {
	case drawing.CurveShape:
		if s.Stroke != scene.None {
			p.strokeLine(s.Path.Map(p.at).Flatten(0.08), false, s)
		}
	case drawing.PolygonShape:
		o := outline{start: p.at(s.Points[0])}
		for _, q := range s.Points[1:] {
			o.line(p.at(q))
		}
		p.fill([]outline{o}, s.Fill, s.Opacity)
	case drawing.RectShape, drawing.CircleShape:
		if s.Fill != scene.None {
			p.fill([]outline{p.closed(s, 0, false)}, s.Fill, s.Opacity)
		}
		if s.Stroke != scene.None && s.Width > 0 {
			if s.Dash == nil {
				p.fill([]outline{p.closed(s, s.Width/2, false), p.closed(s, -s.Width/2, true)}, s.Stroke, s.Opacity)
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
			p.strokeLine(points, true, s)
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

// strokeLine paints a polyline in pixels with the stroke of a shape.
func (p *painter) strokeLine(points []geom.Point, closed bool, s *drawing.Shape) {
	half := s.Width * p.scale / 2
	if s.Dash == nil {
		if o, ok := ribbon(points, half); ok {
			p.fill([]outline{o}, s.Stroke, s.Opacity)
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
		p.fill(outlines, s.Stroke, s.Opacity)
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

func (p *painter) text(t *drawing.Text) {
	var outlines []outline
	x := t.At.X
	em := t.Size / font.UnitsPerEm
	for _, r := range t.Text {
		g := font.Lookup(r, t.Italic)
		place := func(q [2]int16) geom.Point {
			return p.at(geom.Point{X: x + float64(q[0])*em, Y: t.At.Y + float64(q[1])*em})
		}
		for _, s := range g.Segments {
			switch s.Kind {
			case font.Move:
				outlines = append(outlines, outline{start: place(s.P[0])})
			case font.Line:
				outlines[len(outlines)-1].line(place(s.P[0]))
			case font.Cubic:
				outlines[len(outlines)-1].curve(place(s.P[0]), place(s.P[1]), place(s.P[2]))
			}
		}
		x += float64(g.Advance) * em
	}
	if len(outlines) > 0 {
		p.fill(outlines, t.Colour, 0)
	}
}
