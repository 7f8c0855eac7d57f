package scene

import (
	"math"
	"strings"
	"unicode"

	"github.com/adjoint-go/adjoint/viz/internal/font"
)

// Proportions of raised and lowered text, in ems of the base size.
const (
	ScriptScale = 0.68
	superShift  = -0.36
	subShift    = 0.17
	// LineHeight is the distance between baselines of equal lines.
	LineHeight = 1.14
)

// Placed is a run with its place: its baseline starts at (X, Y) relative to the
// start of the line's baseline.
type Placed struct {
	Text   string
	X, Y   float64
	Size   float64
	Italic bool
	Script Script
	Bar    bool
	Colour Role
	Width  float64
	Part   Part
	// The bar over the run, when BarWidth is not zero.
	BarX, BarY, BarWidth, BarThickness float64
}

// Place sets the runs of a line side by side and returns its width. A raised
// run that follows a lowered one, or the reverse, stands over it.
func (l TextLine) Place() ([]Placed, float64) {
	placed := make([]Placed, 0, len(l.Runs))
	x := 0.0
	stackFrom, stackEnd := 0.0, 0.0
	last := Base
	lastItalic := false
	for _, r := range l.Runs {
		p := Placed{Text: r.Text, Size: l.Size, Italic: r.Italic, Script: r.Script, Bar: r.Bar, Colour: r.Colour, Part: r.Part}
		if p.Colour == None {
			p.Colour = l.Colour
		}
		switch r.Script {
		case Super:
			p.Size, p.Y = l.Size*ScriptScale, superShift*l.Size
		case Sub:
			p.Size, p.Y = l.Size*ScriptScale, subShift*l.Size
		}
		p.Width = font.Width(r.Text, p.Size, r.Italic)
		at := x
		if r.Script != Base && last != Base && r.Script != last {
			at = stackFrom
		} else if r.Script != Base {
			stackFrom = x
			stackEnd = x
		}
		if r.Script == Super && lastItalic {
			at += 0.07 * l.Size // the slant of the letter below
		}
		if r.Script == Sub && last == Base && lastItalic {
			at -= 0.01 * l.Size
		}
		p.X = at
		if r.Bar {
			p.bar()
		}
		placed = append(placed, p)
		x = at + p.Width
		if r.Script != Base {
			stackEnd = math.Max(stackEnd, x)
			x = stackEnd
			if last == Base {
				x += 0.02 * l.Size
			}
		} else {
			lastItalic = r.Italic
		}
		last = r.Script
	}
	return placed, x
}

// bar places the bar over the ink of the run.
func (p *Placed) bar() {
	left, right, top, x := math.Inf(1), math.Inf(-1), 0.0, 0.0
	for _, r := range p.Text {
		g := font.Lookup(r, p.Italic)
		if len(g.Segments) > 0 {
			left = math.Min(left, x+float64(g.MinX))
			right = math.Max(right, x+float64(g.MaxX))
			top = math.Max(top, -float64(g.MinY))
		}
		x += float64(g.Advance)
	}
	if right < left {
		return
	}
	em := p.Size / font.UnitsPerEm
	width := (right - left) * em
	slant := 0.0
	if p.Italic {
		slant = 0.06 * p.Size
	}
	const overhang = 0.01
	p.BarX = p.X + left*em - overhang*p.Size + slant
	p.BarWidth = width + 2*overhang*p.Size - slant/2
	p.BarY = p.Y - top*em - 0.105*p.Size
	p.BarThickness = 0.058 * p.Size
}

// Width returns the width of the line.
func (l TextLine) Width() float64 {
	_, w := l.Place()
	return w
}

// Height returns the distance the line takes from line to line.
func (l TextLine) Height() float64 { return l.Size * LineHeight }

// Ink returns how far the line reaches above and below its baseline.
func (l TextLine) Ink() (above, below float64) {
	placed, _ := l.Place()
	for _, p := range placed {
		a, b := font.Extent(p.Text, p.Size, p.Italic)
		above = math.Max(above, a-p.Y)
		below = math.Max(below, b+p.Y)
		if p.BarWidth > 0 {
			above = math.Max(above, -p.BarY+p.BarThickness/2)
		}
	}
	return above, below
}

// Plain returns the text without styles; lowered and raised runs keep their
// place in the order, raised ones in parentheses unless they are one name or number, and a bar becomes a combining macron.
func (l TextLine) Plain() string {
	var b strings.Builder
	for i := 0; i < len(l.Runs); i++ {
		r := l.Runs[i]
		if !r.Bar {
			for r.Script == Super && i+1 < len(l.Runs) && l.Runs[i+1].Script == Super && !l.Runs[i+1].Bar { // one exponent
				i++
				r.Text += l.Runs[i].Text
			}
			b.WriteString(plainScript(r))
			continue
		}
		for _, c := range r.Text {
			b.WriteRune(c)
			b.WriteRune('\u0304')
		}
	}
	return b.String()
}

var superDigits = strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹", "+", "⁺", "−", "⁻", "-", "⁻", "n", "ⁿ", "T", "ᵀ")
var subDigits = strings.NewReplacer("0", "₀", "1", "₁", "2", "₂", "3", "₃", "4", "₄", "5", "₅", "6", "₆", "7", "₇", "8", "₈", "9", "₉", "+", "₊", "−", "₋", "-", "₋")

// plainScript uses the raised and lowered characters of Unicode where all of a
// run has them, else the marks ^ and _.
func plainScript(r Run) string {
	switch r.Script {
	case Super:
		if s := superDigits.Replace(r.Text); allReplaced(r.Text, s) {
			return s
		}
		if strings.ContainsFunc(r.Text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) && c != '.' && c != '_' }) {
			return "^(" + r.Text + ")"
		}
		return "^" + r.Text
	case Sub:
		if s := subDigits.Replace(r.Text); allReplaced(r.Text, s) {
			return s
		}
		return "_" + r.Text
	}
	return r.Text
}

func allReplaced(before, after string) bool {
	a := []rune(after)
	for i, r := range []rune(before) {
		if i >= len(a) || a[i] == r {
			return false
		}
	}
	return true
}

// Empty reports whether the line has no text.
func (l TextLine) Empty() bool { return len(l.Runs) == 0 }
