// Package draw turns a scene into a drawing: it lays the scene out and lists
// the shapes and pieces of text, with places, that every painter then draws in
// its own format.
package draw

import (
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/viz/internal/font"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Kind says how the outline of a shape is given.
type Kind uint8

// The kinds of shapes.
const (
	RectShape    Kind = iota // Rect with corners of Radius
	CircleShape              // the ellipse inscribed in Rect
	CurveShape               // Path
	PolygonShape             // Points
)

// Shape is an outline to fill and stroke.
type Shape struct {
	Kind         Kind
	Rect         geom.Rect
	Radius       float64
	Path         geom.Path
	Points       []geom.Point
	Fill, Stroke scene.Role
	Width        float64   // of the stroke
	Dash         []float64 // lengths of dashes and gaps; nil for a solid stroke
	Opacity      float64   // 0 means 1
	Part         scene.Part
	Bar          bool // the bar over a text with Bar, for painters that have none of their own
}

// Text is a piece of text in one style; its baseline starts at At.
type Text struct {
	Text   string
	At     geom.Point
	Size   float64
	Width  float64
	Italic bool
	Script scene.Script // its size and place tell it already
	Bar    bool         // a shape of the group draws it
	Colour scene.Role
	Part   scene.Part
	// Line counts the lines of a group, so that pieces of one line can be told.
	Line int
}

// GroupKind says what a group of shapes shows.
type GroupKind uint8

// The kinds of groups, in the order in which they are painted.
const (
	ClusterGroup GroupKind = iota
	EdgeGroup
	NodeGroup
	LabelGroup
	TitleGroup
	LegendGroup
	GroupKinds int = iota
)

// Group is all that shows one node, edge, label or cluster.
type Group struct {
	Kind    GroupKind
	ID      string
	Class   string
	Tooltip string
	Index   int // of the node, edge or cluster in the scene; −1 for title and legend
	Box     geom.Rect
	Shapes  []Shape
	Texts   []Text
}

// Drawing is a scene with places. Its top left corner is the origin.
type Drawing struct {
	W, H    float64
	Title   string
	Summary string
	Groups  []Group // by kind, in painting order
	Scene   *scene.Scene
	Layout  *layout.Result
	Sizes   []scene.Size
	Offset  geom.Point // of the layout within the drawing

	arriving [][]int   // per node: the edges whose marks are drawn in it
	marks    []float64 // per node: the room that they take
}

// Sizes of strokes and ornaments.
const (
	Margin        = 22.0
	NodeStroke    = 1.6
	EdgeStroke    = 1.5
	arrowLength   = 10.5
	arrowWidth    = 7.4
	titleGap      = 20.0
	legendLine    = 34.0
	legendLeading = 23.0
)

// ReverseDash is the dash pattern of reverse edges.
var ReverseDash = []float64{6, 4.5}

// FormerDash is the dash pattern of edges that were there in an earlier graph.
var FormerDash = []float64{2, 4}

// NextDash is the dash pattern of edges to the next step.
var NextDash = []float64{5, 4}

// GhostDash is the dash pattern of ghosts.
var GhostDash = []float64{4.5, 3.5}

// Draw lays a scene out. Where it may choose the direction, it settles it in the scene.
func Draw(s *scene.Scene) (*Drawing, error) {
	d, err := draw(s)
	if err != nil || !s.AnyDirection {
		return d, err
	}
	s.AnyDirection = false
	// Up to a height that a reader scrolls through, what stands side by side in one drawing does so in the next.
	const high, stretched = 1600, 2.5
	if d.H < high || d.H < stretched*d.W {
		return d, nil
	}
	before := s.Direction
	s.Direction = layout.TopToBottom
	turned, err := draw(s)
	// A window is wider than high.
	const aspect = 1.6
	far := func(d *Drawing) float64 { return math.Abs(math.Log(d.W / d.H / aspect)) }
	if err != nil || far(turned) >= far(d) {
		s.Direction = before
		return d, err
	}
	return turned, nil
}

func draw(s *scene.Scene) (*Drawing, error) {
	sizes := s.Sizes()
	fitPorts(s, sizes)
	g := layout.Graph{}
	for i := range s.Nodes {
		n, size := &s.Nodes[i], &sizes[i]
		shape := layout.Box
		radius := size.Radius
		if size.Shape == scene.Circle || size.Shape == scene.DoubleCircle || size.Shape == scene.Dot {
			shape = layout.Circle
		}
		g.Nodes = append(g.Nodes, layout.Node{W: size.W, H: size.H, Shape: shape, Radius: radius, Cluster: n.Cluster, First: n.First, Entry: n.Entry,
			Order: n.Order, Hinted: n.Placed, Hint: n.Place, AlwaysMarked: n.Marked})
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		o := layout.Edge{From: e.From, To: e.To, Reverse: e.Kind.Back(), Weight: e.Weight}
		if !e.Label.Empty() {
			o.LabelW, o.LabelH = e.Label.Width()+2, labelHeight(e.Label)
		}
		if e.Operand > 0 {
			o.Operand = e.Operand
			u, v := e.Mark.Width()+markInset, labelHeight(e.Mark)
			if !s.Direction.Horizontal() {
				u, v = labelHeight(e.Mark)+markInset, e.Mark.Width()
			}
			o.MarkV = v
			g.Nodes[e.To].MarkU = math.Max(g.Nodes[e.To].MarkU, u)
		}
		g.Edges = append(g.Edges, o)
	}
	for _, c := range s.Clusters {
		o := layout.Cluster{Parent: c.Parent}
		if c.Title != "" {
			t := clusterTitle(c)
			o.TitleW, o.TitleH = t.Width(), t.Height()+2
		}
		g.Clusters = append(g.Clusters, o)
	}
	options := s.Options
	options.Direction = s.Direction
	options.Wrap = s.Wrap
	result, err := layout.Layout(g, options)
	if err != nil {
		return nil, err
	}
	for i := range sizes {
		sizes[i].W, sizes[i].H = result.Sizes[i].X, result.Sizes[i].Y
	}
	d := &Drawing{Scene: s, Layout: result, Sizes: sizes, Summary: s.Summary, Title: s.Title.Plain()}
	d.compose()
	return d, nil
}

// fitPorts lengthens boxes on whose sides many edges end.
func fitPorts(s *scene.Scene, sizes []scene.Size) {
	const room, most = 10, 280
	in, out := make([]int, len(s.Nodes)), make([]int, len(s.Nodes))
	for i := range s.Edges {
		e := &s.Edges[i]
		low, high := e.From, e.To
		if e.Kind.Back() {
			low, high = high, low
		}
		out[low]++
		in[high]++
	}
	for i := range sizes {
		if sizes[i].Shape != scene.RoundedBox {
			continue
		}
		need := math.Min(float64(max(in[i], out[i]))*room+12, most)
		if s.Direction.Horizontal() {
			sizes[i].H = math.Max(sizes[i].H, need)
		} else {
			sizes[i].W = math.Max(sizes[i].W, need)
		}
	}
}

func labelHeight(l scene.TextLine) float64 {
	above, below := l.Ink()
	return math.Max(above, 0.7*l.Size) + math.Max(below, 0.1*l.Size)
}

func clusterTitle(c scene.Cluster) scene.TextLine {
	colour := scene.Ink
	if c.Kind == scene.GradientCluster {
		colour = scene.AdjointText
	}
	return scene.TextLine{Runs: []scene.Run{{Text: c.Title}}, Size: scene.ClusterSize, Colour: colour}
}

// compose adds margins, title and legend and lists the groups.
func (d *Drawing) compose() {
	d.findMarks()
	s := d.Scene
	bounds := d.Layout.Bounds
	w, h := bounds.W(), bounds.H()
	top := 0.0
	titleW := 0.0
	if !s.Title.Empty() {
		titleW = s.Title.Width()
		top = s.Title.Size + titleGap
	}
	legendW, legendH := d.legendSize()
	width := math.Max(math.Max(w, titleW), legendW)
	d.Offset = geom.Point{X: Margin + (width-w)/2, Y: Margin + top}
	height := top + h
	legendAt := geom.Point{}
	if legendH > 0 {
		var inside bool
		if legendAt, inside = d.legendCorner(legendW, legendH); !inside {
			legendAt = geom.Point{X: Margin + width - legendW, Y: Margin + height + 18}
			height += 18 + legendH
		}
	}
	d.W, d.H = math.Ceil(width+2*Margin), math.Ceil(height+2*Margin)

	for i := range s.Clusters {
		d.cluster(i)
	}
	for i := range s.Edges {
		d.edge(i)
	}
	for i := range s.Nodes {
		d.node(i)
	}
	for i := range s.Clusters {
		d.clusterTitle(i)
	}
	for i := range s.Edges {
		d.label(i)
	}
	if !s.Title.Empty() {
		group := Group{Kind: TitleGroup, ID: "title", Class: "title", Index: -1}
		at := geom.Point{X: d.W/2 - titleW/2, Y: Margin + 0.72*s.Title.Size}
		group.text(s.Title, at, 0)
		group.Box = geom.Rect{Min: geom.Point{X: at.X, Y: Margin}, Max: geom.Point{X: at.X + titleW, Y: Margin + s.Title.Size}}
		d.Groups = append(d.Groups, group)
	}
	if legendH > 0 {
		d.legend(legendAt, legendW, legendH)
	}
}

// text appends the pieces of a line whose baseline starts at a point.
func (g *Group) text(l scene.TextLine, at geom.Point, line int) {
	placed, _ := l.Place()
	for _, p := range placed {
		q := at.Add(geom.Point{X: p.X, Y: p.Y})
		g.Texts = append(g.Texts, Text{Text: p.Text, At: q, Size: p.Size, Width: p.Width, Italic: p.Italic, Script: p.Script, Bar: p.Bar, Colour: p.Colour, Part: p.Part, Line: line})
		if p.BarWidth > 0 {
			a := at.Add(geom.Point{X: p.BarX, Y: p.BarY})
			g.Shapes = append(g.Shapes, Shape{Kind: RectShape, Fill: p.Colour, Part: p.Part, Bar: true,
				Rect: geom.Rect{Min: geom.Point{X: a.X, Y: a.Y - p.BarThickness/2}, Max: geom.Point{X: a.X + p.BarWidth, Y: a.Y + p.BarThickness/2}}})
		}
	}
}

// Line appends a line of text of its own whose baseline starts at a point.
func (g *Group) Line(l scene.TextLine, at geom.Point) {
	line := 0
	if n := len(g.Texts); n > 0 {
		line = g.Texts[n-1].Line + 1
	}
	g.text(l, at, line)
}

func (d *Drawing) cluster(i int) {
	c := d.Scene.Clusters[i]
	r := d.Layout.Clusters[i]
	r = geom.Rect{Min: r.Min.Add(d.Offset), Max: r.Max.Add(d.Offset)}
	g := Group{Kind: ClusterGroup, ID: c.ID, Index: i, Box: r, Tooltip: c.Title}
	fill, stroke := scene.ScopeTint, scene.ScopeBorder
	g.Class = "cluster scope"
	switch c.Kind {
	case scene.ForwardCluster:
		fill, stroke, g.Class = scene.ForwardTint, scene.ForwardBorder, "cluster forward"
	case scene.GradientCluster:
		fill, stroke, g.Class = scene.GradientTint, scene.GradientBorder, "cluster gradient"
	}
	g.Shapes = append(g.Shapes, Shape{Kind: RectShape, Rect: r, Radius: 14, Fill: fill, Stroke: stroke, Width: 1.2})
	d.Groups = append(d.Groups, g)
}

// clusterTitle draws the title of a cluster over whatever edge passes there.
func (d *Drawing) clusterTitle(i int) {
	c := d.Scene.Clusters[i]
	if c.Title == "" {
		return
	}
	t := clusterTitle(c)
	// A title that is wider than its box is cut.
	room := d.Layout.Clusters[i].W() - 16
	for text := []rune(c.Title); len(text) > 1 && t.Width() > room; {
		text = text[:len(text)-1]
		t.Runs[0].Text = string(text) + "…"
	}
	at := d.titlePlace(i, t)
	fill := scene.ScopeTint
	switch c.Kind {
	case scene.ForwardCluster:
		fill = scene.ForwardTint
	case scene.GradientCluster:
		fill = scene.GradientTint
	}
	g := Group{Kind: LabelGroup, ID: c.ID + "-title", Class: "cluster-title", Index: -1}
	g.Box = titleBox(at, t)
	g.Shapes = append(g.Shapes, Shape{Kind: RectShape, Rect: g.Box, Radius: 3, Fill: fill, Opacity: 0.85})
	g.text(t, at, 0)
	d.Groups = append(d.Groups, g)
}

func titleBox(at geom.Point, t scene.TextLine) geom.Rect {
	return geom.Rect{Min: geom.Point{X: at.X - 2, Y: at.Y - 0.75*t.Size}, Max: geom.Point{X: at.X + t.Width() + 2, Y: at.Y + 0.28*t.Size}}
}

// titlePlace returns where the title of a cluster starts: in the strip at its top, as far to the left as no edge
// passes through it.
func (d *Drawing) titlePlace(i int, t scene.TextLine) geom.Point {
	const inset, step, air = 10, 6, 3
	c := d.Layout.Clusters[i]
	first := geom.Point{X: c.Min.X + inset, Y: c.Min.Y + 5 + 0.78*t.Size}
	strip := titleBox(first, t)
	strip.Max.X = c.Max.X
	type segment struct{ a, b geom.Point }
	var near []segment
	for k := range d.Layout.Edges {
		path := d.Layout.Edges[k].Path
		if len(path) == 0 || !path.Bounds().Inset(-air).Overlaps(strip) {
			continue
		}
		points := path.Flatten(1)
		for j := 0; j+1 < len(points); j++ {
			if strip.Inset(-air).MeetsSegment(points[j], points[j+1]) {
				near = append(near, segment{points[j], points[j+1]})
			}
		}
	}
	for at := first; at.X+t.Width()+inset <= c.Max.X || at == first; at.X += step {
		box := titleBox(at, t).Inset(-air)
		free := true
		for _, s := range near {
			free = free && !box.MeetsSegment(s.a, s.b)
		}
		if free {
			return at.Add(d.Offset)
		}
	}
	return first.Add(d.Offset)
}

// edgeStyle returns the colour, dashes and class of an edge.
func edgeStyle(kind scene.EdgeKind) (stroke scene.Role, dash []float64, class string) {
	switch kind {
	case scene.Reverse:
		return scene.AdjointLine, ReverseDash, "edge reverse"
	case scene.Gradient:
		return scene.AdjointLine, nil, "edge gradient"
	case scene.Ghost:
		return scene.InputLine, GhostDash, "edge ghost"
	case scene.Former:
		return scene.Muted, FormerDash, "edge former"
	case scene.Next:
		return scene.Line, NextDash, "edge next"
	}
	return scene.Line, nil, "edge forward"
}

func (d *Drawing) edge(i int) {
	e := &d.Scene.Edges[i]
	stroke, dash, class := edgeStyle(e.Kind)
	path := d.Layout.Edges[i].Path.Map(func(p geom.Point) geom.Point { return p.Add(d.Offset) })
	g := Group{Kind: EdgeGroup, ID: e.ID, Class: class, Index: i, Tooltip: e.Tooltip, Box: path.Bounds()}
	g.arrow(path, stroke, dash)
	d.Groups = append(d.Groups, g)
}

// arrow appends a curve with a head at its end.
func (g *Group) arrow(path geom.Path, stroke scene.Role, dash []float64) {
	if len(path) == 0 {
		return
	}
	tip := path[len(path)-1][3]
	cut := path.TrimEnd(arrowLength)
	last := cut[len(cut)-1]
	direction := tip.Sub(last[3]).Unit()
	if direction == (geom.Point{}) {
		direction = last.Tangent(1).Unit()
	}
	back := tip.Sub(direction.Mul(arrowLength))
	side := direction.Normal().Mul(arrowWidth / 2)
	// The line ends inside of the head, so that no gap shows.
	line := path.TrimEnd(arrowLength - 2)
	g.Shapes = append(g.Shapes,
		Shape{Kind: CurveShape, Path: line, Stroke: stroke, Width: EdgeStroke, Dash: dash},
		Shape{Kind: PolygonShape, Points: []geom.Point{tip, back.Add(side), back.Sub(side)}, Fill: stroke})
}

func (d *Drawing) node(i int) {
	n, size := &d.Scene.Nodes[i], &d.Sizes[i]
	c := d.Layout.Nodes[i].Add(d.Offset)
	r := geom.Around(c, size.W, size.H)
	g := Group{Kind: NodeGroup, ID: n.ID, Class: "node " + n.Class, Index: i, Tooltip: n.Tooltip, Box: r}
	shape := Shape{Kind: RectShape, Rect: r, Radius: size.Radius, Fill: n.Fill, Stroke: n.Stroke, Width: NodeStroke}
	if n.Dashed {
		shape.Dash = GhostDash
	}
	if n.Change != scene.Unchanged {
		shape.Stroke = ChangeRole(n.Change)
		shape.Width = 2.4
	}
	if n.Change == scene.Removed {
		shape.Dash = GhostDash
	}
	round := size.Shape == scene.Circle || size.Shape == scene.DoubleCircle || size.Shape == scene.Dot
	if round {
		shape.Kind = CircleShape
	}
	if n.Shape == scene.DoubleCircle {
		outer := shape
		outer.Fill = scene.Background
		g.Shapes = append(g.Shapes, outer)
		shape.Rect = r.Inset(scene.RingGap)
		shape.Radius = math.Max(0, size.Radius-scene.RingGap)
	}
	g.Shapes = append(g.Shapes, shape)
	middle := c
	if d.Layout.Marked[i] {
		middle = middle.Add(d.inwards().Mul(d.marks[i] / 2))
	}
	for k, l := range n.Lines {
		g.text(l, geom.Point{X: middle.X - l.Width()/2, Y: middle.Y + size.Lines[k]}, k)
	}
	for _, e := range d.arriving[i] {
		g.Line(d.Scene.Edges[e].Mark, d.markPlace(e))
	}
	g.badge(n.Change, r)
	d.Groups = append(d.Groups, g)
}

// markInset is the distance between a mark and the border of its node.
const markInset = 4

// inwards is the direction from the border at which operands arrive into a node.
func (d *Drawing) inwards() geom.Point {
	switch d.Scene.Direction {
	case layout.TopToBottom:
		return geom.Point{Y: 1}
	case layout.RightToLeft:
		return geom.Point{X: -1}
	case layout.BottomToTop:
		return geom.Point{Y: -1}
	}
	return geom.Point{X: 1}
}

// findMarks lists, by node, the edges whose marks are drawn, and the room that they take.
func (d *Drawing) findMarks() {
	d.arriving, d.marks = make([][]int, len(d.Scene.Nodes)), make([]float64, len(d.Scene.Nodes))
	for i := range d.Scene.Edges {
		e := &d.Scene.Edges[i]
		if e.Operand == 0 || !d.Layout.Marked[e.To] {
			continue
		}
		d.arriving[e.To] = append(d.arriving[e.To], i)
		room := e.Mark.Width() + markInset
		if !d.Scene.Direction.Horizontal() {
			room = labelHeight(e.Mark) + markInset
		}
		d.marks[e.To] = math.Max(d.marks[e.To], room)
	}
}

// markPlace returns where the text of an edge's mark starts: inside of the node, beside the end of the edge.
func (d *Drawing) markPlace(i int) geom.Point {
	e := &d.Scene.Edges[i]
	path := d.Layout.Edges[i].Path
	if len(path) == 0 {
		return d.Layout.Nodes[e.To].Add(d.Offset)
	}
	end := path[len(path)-1][3].Add(d.Offset)
	w, h := e.Mark.Width(), labelHeight(e.Mark)
	above, _ := e.Mark.Ink()
	half := w / 2
	if !d.Scene.Direction.Horizontal() {
		half = h / 2
	}
	centre := end.Add(d.inwards().Mul(markInset + half))
	return geom.Point{X: centre.X - w/2, Y: centre.Y - h/2 + math.Max(above, 0.7*e.Mark.Size)}
}

func (d *Drawing) label(i int) {
	e := &d.Scene.Edges[i]
	if e.Label.Empty() {
		return
	}
	c := d.Layout.Edges[i].Label.Add(d.Offset)
	w, h := e.Label.Width(), labelHeight(e.Label)
	above, _ := e.Label.Ink()
	g := Group{Kind: LabelGroup, ID: e.ID + "-label", Class: "label", Index: i, Box: geom.Around(c, w, h)}
	g.text(e.Label, geom.Point{X: c.X - w/2, Y: c.Y - h/2 + math.Max(above, 0.7*e.Label.Size)}, 0)
	d.Groups = append(d.Groups, g)
}

func (d *Drawing) legendSize() (w, h float64) {
	for _, e := range d.Scene.Legend {
		w = math.Max(w, legendLine+12+e.Text.Width())
	}
	if n := len(d.Scene.Legend); n > 0 {
		h = float64(n-1)*legendLeading + scene.LegendSize
	}
	return w, h
}

// legendCorner looks for a corner of the drawing in which nothing stands.
func (d *Drawing) legendCorner(w, h float64) (geom.Point, bool) {
	area := geom.Rect{Min: d.Layout.Bounds.Min.Add(d.Offset), Max: d.Layout.Bounds.Max.Add(d.Offset)}
	var taken []geom.Rect
	for i := range d.Layout.Nodes {
		taken = append(taken, geom.Around(d.Layout.Nodes[i].Add(d.Offset), d.Sizes[i].W, d.Sizes[i].H))
	}
	for _, c := range d.Layout.Clusters {
		taken = append(taken, geom.Rect{Min: c.Min.Add(d.Offset), Max: c.Max.Add(d.Offset)})
	}
	for i := range d.Scene.Edges {
		if l := d.Scene.Edges[i].Label; !l.Empty() {
			taken = append(taken, geom.Around(d.Layout.Edges[i].Label.Add(d.Offset), l.Width(), labelHeight(l)))
		}
	}
	const air = 14
	for _, corner := range [][2]bool{{true, true}, {false, true}, {true, false}, {false, false}} {
		at := area.Min
		if corner[0] {
			at.X = area.Max.X - w
		}
		if corner[1] {
			at.Y = area.Max.Y - h
		}
		r := geom.Rect{Min: at, Max: at.Add(geom.Point{X: w, Y: h})}
		wide := r.Inset(-air)
		free := area.Inset(-0.5).Holds(r)
		for _, t := range taken {
			free = free && !t.Overlaps(wide)
		}
		for i := 0; free && i < len(d.Layout.Edges); i++ {
			points := d.Layout.Edges[i].Path.Flatten(1)
			for k := 0; k+1 < len(points) && free; k++ {
				free = !wide.MeetsSegment(points[k].Add(d.Offset), points[k+1].Add(d.Offset))
			}
		}
		if free {
			return at, true
		}
	}
	return geom.Point{}, false
}

func (d *Drawing) legend(at geom.Point, w, h float64) {
	g := Group{Kind: LegendGroup, ID: "legend", Class: "legend", Index: -1,
		Box: geom.Rect{Min: at, Max: at.Add(geom.Point{X: w, Y: h})}}
	y := at.Y + 0.72*scene.LegendSize
	for k, e := range d.Scene.Legend {
		if e.Line {
			stroke, dash, _ := edgeStyle(e.Kind)
			middle := y - 0.24*scene.LegendSize
			a, b := geom.Point{X: at.X, Y: middle}, geom.Point{X: at.X + legendLine, Y: middle}
			if e.Kind == scene.Reverse {
				a, b = b, a
			}
			g.arrow(geom.Path{geom.Straight(a, b)}, stroke, dash)
		}
		if e.Fill != scene.None {
			middle := y - 0.24*scene.LegendSize
			g.Shapes = append(g.Shapes, Shape{Kind: RectShape, Radius: 4, Fill: e.Fill, Stroke: scene.Line, Width: 1,
				Rect: geom.Around(geom.Point{X: at.X + legendLine - 12, Y: middle}, 24, 15)})
		}
		g.text(e.Text, geom.Point{X: at.X + legendLine + 12, Y: y}, k)
		y += legendLeading
	}
	d.Groups = append(d.Groups, g)
}

// MissingGlyphs lists the characters of the drawing that the embedded typefaces lack, in ascending order.
func (d *Drawing) MissingGlyphs() []rune {
	found := map[rune]bool{}
	for i := range d.Groups {
		for k := range d.Groups[i].Texts {
			t := &d.Groups[i].Texts[k]
			for _, r := range t.Text {
				if font.Lookup(r, t.Italic).Missing {
					found[r] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
