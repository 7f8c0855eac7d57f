package raster

import (
	"image/color"
	"math"

	drawing "github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// levels is the number of steps of coverage that are told apart.
const levels = 16

// palette is the colours of an image. The first is the background; the colours of the theme that the drawing uses
// follow, so that areas have them exactly; then blends, as they occur. When it is full the nearest colour stands for another.
type palette struct {
	colours []color.RGBA // with their alpha multiplied in
	theme   *drawing.Theme
	pens    map[penKey]*pen
}

type penKey struct {
	role    scene.Role
	opacity float64
}

// pen is a colour to paint with.
type pen struct {
	palette *palette
	colour  color.RGBA
	opacity float64
	blends  [256]*[levels + 1]int16 // by what is painted over and coverage: the colour's index, −1 unless known
}

const mostColours = 256

func newPalette(d *drawing.Drawing, theme *drawing.Theme, transparent bool) *palette {
	p := &palette{theme: theme, pens: map[penKey]*pen{}}
	var used [scene.RoleCount]bool
	for i := range d.Groups {
		for k := range d.Groups[i].Shapes {
			used[d.Groups[i].Shapes[k].Fill], used[d.Groups[i].Shapes[k].Stroke] = true, true
		}
		for k := range d.Groups[i].Texts {
			used[d.Groups[i].Texts[k].Colour] = true
		}
	}
	if transparent {
		p.colours = append(p.colours, color.RGBA{})
	} else {
		p.colours = append(p.colours, p.of(scene.Background))
	}
	for r := range used {
		if used[r] && scene.Role(r) != scene.None {
			p.colours = append(p.colours, p.of(scene.Role(r)))
		}
	}
	return p
}

func (p *palette) of(r scene.Role) color.RGBA {
	c := p.theme[r]
	return color.RGBA{c[0], c[1], c[2], 255}
}

// pen returns a role's colour at an opacity; 0 means 1.
func (p *palette) pen(role scene.Role, opacity float64) *pen {
	if opacity <= 0 || opacity > 1 {
		opacity = 1
	}
	key := penKey{role, opacity}
	if p.pens[key] == nil {
		p.pens[key] = &pen{palette: p, colour: p.of(role), opacity: opacity}
	}
	return p.pens[key]
}

// over returns the index of the colour that a pixel gets which is covered so far of 255.
func (k *pen) over(below, covered uint8) uint8 {
	known := k.blends[below]
	if known == nil {
		known = new([levels + 1]int16)
		for i := range known {
			known[i] = -1
		}
		k.blends[below] = known
	}
	level := (int(covered)*levels + 127) / 255
	if known[level] < 0 {
		alpha := k.opacity * float64(level) / levels
		under := k.palette.colours[below]
		mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*alpha + float64(b)*(1-alpha))) }
		known[level] = int16(k.palette.index(color.RGBA{mix(k.colour.R, under.R), mix(k.colour.G, under.G), mix(k.colour.B, under.B), mix(255, under.A)}))
	}
	return uint8(known[level])
}

// index returns the place of a colour or of one that cannot be told from it, and of the nearest when there is no room for more.
func (p *palette) index(c color.RGBA) int {
	const alike = 3 // squared
	nearest, least := 0, math.MaxInt
	for i, o := range p.colours {
		r, g, b, a := int(c.R)-int(o.R), int(c.G)-int(o.G), int(c.B)-int(o.B), int(c.A)-int(o.A)
		if d := r*r + g*g + b*b + a*a; d < least {
			nearest, least = i, d
		}
	}
	if least <= alike || len(p.colours) == mostColours {
		return nearest
	}
	p.colours = append(p.colours, c)
	return len(p.colours) - 1
}
