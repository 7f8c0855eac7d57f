// Package verify checks finished drawings for what a reader would call a flaw:
// things that overlap, stick out or run through each other. Tests use it.
package verify

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// slack is how much things may touch, in units of the drawing.
const slack = 0.75

// Check returns a line for each flaw of a drawing.
func Check(d *draw.Drawing) []string {
	c := &checker{d: d}
	c.collect()
	c.nodes()
	c.text()
	c.edges()
	c.labels()
	c.clusters()
	c.frame()
	return c.flaws
}

type checker struct {
	d      *draw.Drawing
	flaws  []string
	node   []*draw.Group
	edge   []*draw.Group
	label  []*draw.Group
	group  []*draw.Group
	titles []*draw.Group // of clusters
	others []*draw.Group
	lines  [][]geom.Point // per edge group
}

func (c *checker) flaw(format string, arguments ...any) {
	c.flaws = append(c.flaws, fmt.Sprintf(format, arguments...))
}

func (c *checker) collect() {
	for i := range c.d.Groups {
		g := &c.d.Groups[i]
		switch g.Kind {
		case draw.NodeGroup:
			c.node = append(c.node, g)
		case draw.EdgeGroup:
			c.edge = append(c.edge, g)
			var line []geom.Point
			for _, s := range g.Shapes {
				if s.Kind == draw.CurveShape {
					line = append(line, s.Path.Flatten(0.25)...)
				}
				if s.Kind == draw.PolygonShape {
					line = append(line, s.Points[0]) // the tip
				}
			}
			c.lines = append(c.lines, line)
		case draw.LabelGroup:
			if g.Index < 0 {
				c.titles = append(c.titles, g)
			} else {
				c.label = append(c.label, g)
			}
		case draw.ClusterGroup:
			c.group = append(c.group, g)
		default:
			c.others = append(c.others, g)
		}
	}
}

func (c *checker) nodes() {
	for i, a := range c.node {
		for _, b := range c.node[:i] {
			if a.Box.Inset(slack).Overlaps(b.Box) {
				c.flaw("node %s overlaps node %s", a.ID, b.ID)
			}
		}
	}
}

// inner returns the innermost outline of a node, in which its text stands.
func inner(g *draw.Group) draw.Shape {
	best := g.Shapes[0]
	for _, s := range g.Shapes {
		if s.Stroke != scene.None && s.Rect.W() < best.Rect.W() && insideShape(s, g.Box.Centre()) {
			best = s
		}
	}
	return best
}

func insideShape(s draw.Shape, p geom.Point) bool {
	q := p.Sub(s.Rect.Centre())
	x, y, a, b := math.Abs(q.X), math.Abs(q.Y), s.Rect.W()/2, s.Rect.H()/2
	if s.Kind == draw.CircleShape {
		return x*x/(a*a)+y*y/(b*b) <= 1
	}
	if x > a || y > b {
		return false
	}
	r := math.Min(s.Radius, math.Min(a, b))
	if x > a-r && y > b-r {
		return math.Hypot(x-(a-r), y-(b-r)) <= r
	}
	return true
}

func (c *checker) text() {
	for _, g := range c.node {
		outline := inner(g)
		for _, t := range g.Texts {
			// The height of small letters counts: accents may come near the border.
			for _, p := range []geom.Point{
				t.At, {X: t.At.X + t.Width, Y: t.At.Y},
				{X: t.At.X, Y: t.At.Y - 0.47*t.Size}, {X: t.At.X + t.Width, Y: t.At.Y - 0.47*t.Size}} {
				if !insideShape(outline, p) {
					c.flaw("text %q sticks out of node %s", t.Text, g.ID)
					break
				}
			}
		}
	}
}

func (c *checker) edges() {
	s := c.d.Scene
	for k, g := range c.edge {
		e := &s.Edges[g.Index]
		line := c.lines[k]
		if len(line) < 2 {
			c.flaw("edge %s is not drawn", g.ID)
			continue
		}
		reach := bounds(line)
		for _, n := range c.node {
			if !reach.Overlaps(n.Box) {
				continue
			}
			end := n.Index == e.From || n.Index == e.To
			shape := n.Shapes[0]
			shape.Rect = shape.Rect.Inset(1.5)
			shape.Radius = math.Max(0, shape.Radius-1.5)
			if end {
				shape.Rect = shape.Rect.Inset(2)
			}
			if runsThrough(shape, line) {
				if end {
					c.flaw("edge %s runs through its end %s", g.ID, n.ID)
				} else {
					c.flaw("edge %s runs through node %s", g.ID, n.ID)
				}
			}
		}
		for end, node := range map[int]int{0: e.From, len(line) - 1: e.To} {
			shape := c.nodeGroup(node).Shapes[0]
			grown := shape
			grown.Rect = shape.Rect.Inset(-2)
			grown.Radius += 2
			if !insideShape(grown, line[end]) {
				c.flaw("edge %s does not touch node %s", g.ID, s.Nodes[node].ID)
			}
		}
	}
}

func (c *checker) nodeGroup(index int) *draw.Group {
	for _, g := range c.node {
		if g.Index == index {
			return g
		}
	}
	panic("BUG: a node is not drawn")
}

func bounds(line []geom.Point) geom.Rect {
	r := geom.Rect{Min: line[0], Max: line[0]}
	for _, p := range line {
		r = r.Union(geom.Rect{Min: p, Max: p})
	}
	return r
}

// runsThrough reports whether a polyline meets the inside of a shape.
func runsThrough(s draw.Shape, line []geom.Point) bool {
	for i := 0; i+1 < len(line); i++ {
		a, b := line[i], line[i+1]
		if !s.Rect.MeetsSegment(a, b) {
			continue
		}
		n := int(math.Ceil(b.Sub(a).Len()/2)) + 1
		for k := 0; k <= n; k++ {
			if insideShape(s, geom.Lerp(a, b, float64(k)/float64(n))) {
				return true
			}
		}
	}
	return false
}

func (c *checker) labels() {
	for i, l := range c.label {
		for _, o := range c.label[:i] {
			if l.Box.Inset(slack).Overlaps(o.Box) {
				c.flaw("label %s overlaps label %s", l.ID, o.ID)
			}
		}
		for _, n := range c.node {
			if l.Box.Inset(slack).Overlaps(n.Box) {
				c.flaw("label %s overlaps node %s", l.ID, n.ID)
			}
		}
		for k, g := range c.edge {
			box := l.Box.Inset(slack)
			if !bounds(c.lines[k]).Overlaps(box) {
				continue
			}
			for q := 0; q+1 < len(c.lines[k]); q++ {
				if box.MeetsSegment(c.lines[k][q], c.lines[k][q+1]) {
					c.flaw("label %s lies on edge %s", l.ID, g.ID)
					break
				}
			}
		}
	}
}

func (c *checker) clusters() {
	s := c.d.Scene
	within := func(cluster, ancestor int) bool {
		for ; cluster >= 0; cluster = s.Clusters[cluster].Parent {
			if cluster == ancestor {
				return true
			}
		}
		return false
	}
	for _, t := range c.titles {
		for _, n := range c.node {
			if t.Box.Overlaps(n.Box) {
				c.flaw("node %s covers %s", n.ID, t.ID)
			}
		}
		for _, l := range c.label {
			if t.Box.Overlaps(l.Box) {
				c.flaw("label %s covers %s", l.ID, t.ID)
			}
		}
	}
	for i, a := range c.group {
		for _, n := range c.node {
			if within(s.Nodes[n.Index].Cluster, a.Index) {
				if !a.Box.Holds(n.Box) {
					c.flaw("node %s sticks out of cluster %s", n.ID, a.ID)
				}
			} else if a.Box.Inset(slack).Overlaps(n.Box) {
				c.flaw("node %s stands in the foreign cluster %s", n.ID, a.ID)
			}
		}
		for _, b := range c.group[:i] {
			if within(a.Index, b.Index) {
				if !b.Box.Holds(a.Box) {
					c.flaw("cluster %s sticks out of cluster %s", a.ID, b.ID)
				}
			} else if a.Box.Inset(slack).Overlaps(b.Box) {
				c.flaw("cluster %s overlaps cluster %s", a.ID, b.ID)
			}
		}
	}
}

func (c *checker) frame() {
	page := geom.Rect{Max: geom.Point{X: c.d.W, Y: c.d.H}}
	for i := range c.d.Groups {
		g := &c.d.Groups[i]
		if g.Kind == draw.EdgeGroup {
			continue
		}
		if !page.Holds(g.Box) {
			c.flaw("%s sticks out of the page", g.ID)
		}
	}
	for k, g := range c.edge {
		if !page.Holds(bounds(c.lines[k])) {
			c.flaw("edge %s sticks out of the page", g.ID)
		}
	}
	for _, o := range c.others {
		for _, n := range c.node {
			if o.Box.Overlaps(n.Box) {
				c.flaw("the %s overlaps node %s", o.ID, n.ID)
			}
		}
		for k, g := range c.edge {
			for q := 0; q+1 < len(c.lines[k]); q++ {
				if o.Box.MeetsSegment(c.lines[k][q], c.lines[k][q+1]) {
					c.flaw("the %s lies on edge %s", o.ID, g.ID)
					break
				}
			}
		}
	}
}
