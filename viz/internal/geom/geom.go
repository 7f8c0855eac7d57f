// Package geom holds the plane geometry that layout and painters share: points,
// rectangles and cubic Bézier curves. The y axis points down.
package geom

import "math"

// Point is a point or a vector.
type Point struct{ X, Y float64 }

// Add returns p + q.
func (p Point) Add(q Point) Point { return Point{p.X + q.X, p.Y + q.Y} }

// Sub returns p − q.
func (p Point) Sub(q Point) Point { return Point{p.X - q.X, p.Y - q.Y} }

// Mul returns s·p.
func (p Point) Mul(s float64) Point { return Point{p.X * s, p.Y * s} }

// Len returns the Euclidean length of p.
func (p Point) Len() float64 { return math.Hypot(p.X, p.Y) }

// Unit returns p scaled to length 1, or the zero vector for the zero vector.
func (p Point) Unit() Point {
	if n := p.Len(); n > 0 {
		return p.Mul(1 / n)
	}
	return Point{}
}

// Normal returns p turned by a quarter, from the x axis towards the y axis.
func (p Point) Normal() Point { return Point{-p.Y, p.X} }

// Lerp returns the point at the fraction t of the way from p to q.
func Lerp(p, q Point, t float64) Point {
	return Point{p.X + (q.X-p.X)*t, p.Y + (q.Y-p.Y)*t}
}

// Rect is an axis-parallel rectangle. The zero value is the empty rectangle at
// the origin.
type Rect struct{ Min, Max Point }

// Around returns the rectangle of the given size about a centre.
func Around(centre Point, w, h float64) Rect {
	return Rect{Point{centre.X - w/2, centre.Y - h/2}, Point{centre.X + w/2, centre.Y + h/2}}
}

// W returns the width.
func (r Rect) W() float64 { return r.Max.X - r.Min.X }

// H returns the height.
func (r Rect) H() float64 { return r.Max.Y - r.Min.Y }

// Centre returns the midpoint.
func (r Rect) Centre() Point { return Lerp(r.Min, r.Max, 0.5) }

// Inset returns the rectangle shrunk by d on every side; a negative d grows it.
func (r Rect) Inset(d float64) Rect {
	return Rect{Point{r.Min.X + d, r.Min.Y + d}, Point{r.Max.X - d, r.Max.Y - d}}
}

// Union returns the smallest rectangle that holds both.
func (r Rect) Union(o Rect) Rect {
	return Rect{
		Point{math.Min(r.Min.X, o.Min.X), math.Min(r.Min.Y, o.Min.Y)},
		Point{math.Max(r.Max.X, o.Max.X), math.Max(r.Max.Y, o.Max.Y)},
	}
}

// Contains reports whether p lies in the rectangle or on its border.
func (r Rect) Contains(p Point) bool {
	return p.X >= r.Min.X && p.X <= r.Max.X && p.Y >= r.Min.Y && p.Y <= r.Max.Y
}

// Holds reports whether o lies inside r.
func (r Rect) Holds(o Rect) bool { return r.Contains(o.Min) && r.Contains(o.Max) }

// Overlaps reports whether the interiors meet.
func (r Rect) Overlaps(o Rect) bool {
	return r.Min.X < o.Max.X && o.Min.X < r.Max.X && r.Min.Y < o.Max.Y && o.Min.Y < r.Max.Y
}

// MeetsSegment reports whether the segment from a to b meets the interior of
// the rectangle (Liang and Barsky's clipping).
func (r Rect) MeetsSegment(a, b Point) bool {
	low, high := 0.0, 1.0
	clip := func(start, delta, lo, hi float64) bool {
		if delta == 0 {
			return start > lo && start < hi
		}
		t0, t1 := (lo-start)/delta, (hi-start)/delta
		if t0 > t1 {
			t0, t1 = t1, t0
		}
		low, high = math.Max(low, t0), math.Min(high, t1)
		return low < high
	}
	return clip(a.X, b.X-a.X, r.Min.X, r.Max.X) && clip(a.Y, b.Y-a.Y, r.Min.Y, r.Max.Y)
}

// Cubic is a cubic Bézier curve by its control points.
type Cubic [4]Point

// At returns the point at parameter t.
func (c Cubic) At(t float64) Point {
	s := 1 - t
	return c[0].Mul(s * s * s).Add(c[1].Mul(3 * s * s * t)).Add(c[2].Mul(3 * s * t * t)).Add(c[3].Mul(t * t * t))
}

// Tangent returns the derivative at parameter t; where it vanishes, the chord.
func (c Cubic) Tangent(t float64) Point {
	s := 1 - t
	d := c[1].Sub(c[0]).Mul(3 * s * s).Add(c[2].Sub(c[1]).Mul(6 * s * t)).Add(c[3].Sub(c[2]).Mul(3 * t * t))
	if d.Len() < 1e-9 {
		return c[3].Sub(c[0])
	}
	return d
}

// Split cuts the curve at parameter t (de Casteljau).
func (c Cubic) Split(t float64) (left, right Cubic) {
	ab, bc, cd := Lerp(c[0], c[1], t), Lerp(c[1], c[2], t), Lerp(c[2], c[3], t)
	abc, bcd := Lerp(ab, bc, t), Lerp(bc, cd, t)
	m := Lerp(abc, bcd, t)
	return Cubic{c[0], ab, abc, m}, Cubic{m, bcd, cd, c[3]}
}

// Straight returns the cubic that runs evenly along a segment.
func Straight(a, b Point) Cubic { return Cubic{a, Lerp(a, b, 1.0/3), Lerp(a, b, 2.0/3), b} }

// Flatten appends the points of a polyline along the curve, without its first
// point, that strays from it by about tolerance at most.
func (c Cubic) Flatten(to []Point, tolerance float64) []Point {
	// The second differences bound the distance from the chord.
	d := math.Max(c[0].Sub(c[1].Mul(2)).Add(c[2]).Len(), c[1].Sub(c[2].Mul(2)).Add(c[3]).Len())
	n := int(math.Ceil(math.Sqrt(0.75 * d / tolerance)))
	if n < 1 {
		n = 1
	}
	for i := 1; i < n; i++ {
		to = append(to, c.At(float64(i)/float64(n)))
	}
	return append(to, c[3])
}

// Path is a chain of cubics, each starting where the one before ended.
type Path []Cubic

// Flatten returns a polyline along the path.
func (p Path) Flatten(tolerance float64) []Point {
	if len(p) == 0 {
		return nil
	}
	points := []Point{p[0][0]}
	for _, c := range p {
		points = c.Flatten(points, tolerance)
	}
	return points
}

// Reversed returns the path walked from its end.
func (p Path) Reversed() Path {
	r := make(Path, len(p))
	for i, c := range p {
		r[len(p)-1-i] = Cubic{c[3], c[2], c[1], c[0]}
	}
	return r
}

// Map returns the path with f applied to every control point.
func (p Path) Map(f func(Point) Point) Path {
	r := make(Path, len(p))
	for i, c := range p {
		for k := range c {
			r[i][k] = f(c[k])
		}
	}
	return r
}

// Bounds returns a rectangle that holds the control points, hence the path.
func (p Path) Bounds() Rect {
	if len(p) == 0 {
		return Rect{}
	}
	r := Rect{p[0][0], p[0][0]}
	for _, c := range p {
		for _, q := range c {
			r = r.Union(Rect{q, q})
		}
	}
	return r
}

// TrimEnd cuts the part of the path that lies within distance d of its end, as
// an arrow head covers it, and returns the rest. A path that is shorter than d
// is cut to a tenth of its last curve.
func (p Path) TrimEnd(d float64) Path {
	if len(p) == 0 || d <= 0 {
		return p
	}
	end := p[len(p)-1][3]
	for i := len(p) - 1; i >= 0; i-- {
		if p[i][0].Sub(end).Len() < d && i > 0 {
			continue
		}
		low, high := 0.0, 1.0
		for k := 0; k < 30; k++ {
			t := (low + high) / 2
			if p[i].At(t).Sub(end).Len() > d {
				low = t
			} else {
				high = t
			}
		}
		left, _ := p[i].Split(math.Max(low, 0.1))
		r := append(Path(nil), p[:i]...)
		return append(r, left)
	}
	return p
}
