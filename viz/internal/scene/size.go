package scene

import "math"

// Size is the outer size of a node and the place of its text.
type Size struct {
	W, H   float64
	Shape  Shape     // the shape to draw, after wide circles became capsules
	Radius float64   // of a box's corners
	Lines  []float64 // baselines of the lines, relative to the centre
}

// Insets of text from the outline.
const (
	boxPadX     = 11
	boxPadY     = 8
	circlePad   = 9
	boxRadius   = 12
	minBoxW     = 68
	minBoxH     = 46
	minCircle   = 52
	dotDiameter = 30
)

// RingGap is the distance between the two borders of a double circle.
const RingGap = 4

// stack returns the baselines of lines set under each other, centred by their
// ink, and the height of that ink.
func stack(lines []TextLine) (baselines []float64, height float64) {
	if len(lines) == 0 {
		return nil, 0
	}
	y := 0.0
	baselines = make([]float64, len(lines))
	var top, bottom float64
	for i, l := range lines {
		above, below := l.Ink()
		if i == 0 {
			top = -math.Max(above, 0.62*l.Size)
		} else {
			// The distance suits the line that follows; bars get more room.
			d := l.Size*1.2 + 0.06*lines[i-1].Size
			if above > 0.72*l.Size {
				d += above - 0.72*l.Size
			}
			y += d
		}
		baselines[i] = y
		if i == len(lines)-1 {
			bottom = y + math.Min(below, 0.12*l.Size)
		}
	}
	height = bottom - top
	for i := range baselines {
		baselines[i] -= top + height/2
	}
	return baselines, height
}

// Measure returns the size that a node's text asks for.
func (n *Node) Measure() Size {
	baselines, height := stack(n.Lines)
	s := Size{Shape: n.Shape, Lines: baselines}
	width := 0.0
	for _, l := range n.Lines {
		width = math.Max(width, l.Width())
	}
	switch n.Shape {
	case RoundedBox, Capsule:
		pad := 2.0 * boxPadY
		if len(n.Lines) > 2 {
			pad += 5 // such boxes have twice as many edges
		}
		s.W, s.H = math.Max(width+2*boxPadX, minBoxW), math.Max(height+pad, minBoxH)
		s.Radius = math.Min(boxRadius, s.H/3)
		if n.Shape == Capsule {
			s.Radius = s.H / 2
			s.W = math.Max(s.W, width+s.H*0.8)
		}
	case Dot:
		r := radius(n.Lines, baselines) + 5
		s.W = math.Max(2*r, dotDiameter)
		s.H = s.W
		if s.W > 46 {
			s.Shape = Capsule
			s.H = math.Max(height+12, dotDiameter)
			s.W = math.Max(width+s.H*0.7, s.H)
			s.Radius = s.H / 2
		}
	case Circle, DoubleCircle:
		d := 2 * (radius(n.Lines, baselines) + circlePad)
		if n.Shape == DoubleCircle {
			d += 2 * RingGap
		}
		d = math.Max(d, minCircle)
		if d > 118 && width > 1.5*height {
			s.H = math.Max(height+2*circlePad+4, minCircle-6)
			if n.Shape == DoubleCircle {
				s.H += 2 * RingGap
			}
			s.W = width + s.H*0.72
			s.Shape, s.Radius = Capsule, s.H/2
			return s
		}
		s.W, s.H = d, d
	}
	return s
}

// radius returns the radius of the smallest circle about the centre that holds
// the lines.
func radius(lines []TextLine, baselines []float64) float64 {
	r := 0.0
	for i, l := range lines {
		above, below := l.Ink()
		half := l.Width() / 2
		r = math.Max(r, math.Hypot(half, baselines[i]-math.Min(above, 0.7*l.Size)))
		r = math.Max(r, math.Hypot(half, baselines[i]+math.Min(below, 0.2*l.Size)))
	}
	return r
}

// Sizes measures all nodes; nodes with the same key get the same size where
// theirs differ little.
func (s *Scene) Sizes() []Size {
	sizes := make([]Size, len(s.Nodes))
	type group struct{ minW, maxW, minH, maxH float64 }
	groups := map[string]*group{}
	key := func(i int) string {
		return s.Nodes[i].Key + "/" + string(rune('0'+sizes[i].Shape))
	}
	for i := range s.Nodes {
		sizes[i] = s.Nodes[i].Measure()
		if s.Nodes[i].Key == "" {
			continue
		}
		g := groups[key(i)]
		if g == nil {
			g = &group{minW: math.Inf(1), minH: math.Inf(1)}
			groups[key(i)] = g
		}
		g.minW, g.maxW = math.Min(g.minW, sizes[i].W), math.Max(g.maxW, sizes[i].W)
		g.minH, g.maxH = math.Min(g.minH, sizes[i].H), math.Max(g.maxH, sizes[i].H)
	}
	const alike = 1.35
	for i := range s.Nodes {
		if s.Nodes[i].Key == "" {
			continue
		}
		g := groups[key(i)]
		if g.maxW <= alike*g.minW && g.maxH <= alike*g.minH {
			sizes[i].W, sizes[i].H = g.maxW, g.maxH
			if sizes[i].Shape == Capsule {
				sizes[i].Radius = sizes[i].H / 2
			}
		}
	}
	return sizes
}
