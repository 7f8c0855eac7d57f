package verify

import (
	"math"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// Line is the course of an edge between two nodes, given by any names.
type Line struct {
	From, To string
	Points   []geom.Point
}

// Lines returns the courses of a drawing's edges.
func Lines(d *draw.Drawing) []Line {
	var lines []Line
	for i := range d.Scene.Edges {
		e := &d.Scene.Edges[i]
		lines = append(lines, Line{d.Scene.Nodes[e.From].ID, d.Scene.Nodes[e.To].ID, d.Layout.Edges[i].Path.Flatten(0.5)})
	}
	return lines
}

// Crossings counts the points at which edges without a common node cross.
func Crossings(lines []Line) int {
	boxes := make([]geom.Rect, len(lines))
	for i, l := range lines {
		boxes[i] = bounds(l.Points)
	}
	count := 0
	for i := range lines {
		for k := range lines[:i] {
			a, b := &lines[i], &lines[k]
			if a.From == b.From || a.From == b.To || a.To == b.From || a.To == b.To {
				continue
			}
			if boxes[i].Min.X > boxes[k].Max.X || boxes[k].Min.X > boxes[i].Max.X || boxes[i].Min.Y > boxes[k].Max.Y || boxes[k].Min.Y > boxes[i].Max.Y {
				continue
			}
			for p := 0; p+1 < len(a.Points); p++ {
				for q := 0; q+1 < len(b.Points); q++ {
					if cross(a.Points[p], a.Points[p+1], b.Points[q], b.Points[q+1]) {
						count++
					}
				}
			}
		}
	}
	return count
}

// cross reports whether two segments cross in their insides or at the first
// point of one, so that a crossing at a corner counts once.
func cross(a, b, c, d geom.Point) bool {
	side := func(p, q, r geom.Point) float64 { return (q.X-p.X)*(r.Y-p.Y) - (q.Y-p.Y)*(r.X-p.X) }
	s1, s2 := side(a, b, c), side(a, b, d)
	s3, s4 := side(c, d, a), side(c, d, b)
	different := func(x, y float64) bool { return math.Signbit(x) != math.Signbit(y) }
	return different(s1, s2) && different(s3, s4)
}
