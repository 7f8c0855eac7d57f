// Package layout places the nodes, edges, labels and clusters of a directed
// acyclic graph in layers.
//
// The method is that of Sugiyama, Tagawa and Toda (1981). Layers come from the
// network simplex of Gansner, Koutsofios, North and Vo, "A technique for
// drawing directed graphs" (1993); orders from barycentres and transpositions;
// coordinates from quadratic programs solved layer by layer by pooling
// adjacent violators, then reweighted towards straight edges; routes are
// shortest paths in the free strips between neighbours, smoothed. Equal input
// gives equal output, bit for bit.
//
// Inside the package the coordinate u runs along the direction of the edges and
// v across it; the direction of the drawing only decides how (u, v) becomes
// (x, y) at the end.
package layout

import (
	"errors"
	"fmt"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// Shape is the outline of a node, at which edges end.
type Shape uint8

// The shapes of nodes.
const (
	Box    Shape = iota // a rectangle with rounded corners
	Circle              // an ellipse; a circle when width and height are equal
)

// Direction says where the edges of the drawing point.
type Direction uint8

// The directions.
const (
	LeftToRight Direction = iota
	TopToBottom
	RightToLeft
	BottomToTop
)

// Horizontal reports whether edges run along the x axis.
func (d Direction) Horizontal() bool { return d == LeftToRight || d == RightToLeft }

// Node is a node to place.
type Node struct {
	W, H    float64
	Shape   Shape
	Radius  float64 // of a box's corners
	Cluster int     // index of the innermost cluster, −1 for none
	// Hinted nodes had a place in an earlier drawing: Hint is their position
	// across the direction of the edges there. When any node has one, orders
	// keep to the earlier drawing's but for local improvements.
	Hinted bool
	Hint   float64
	Order  int  // among equally good arrangements, nodes stand by growing Order; 0 for no preference
	First  bool // a node without predecessors that belongs in the first layer
	Entry  bool // a node that belongs in the layer of the first such node of its cluster, or behind what leads to it
	// MarkU is what the node grows along the direction of the edges where its operands are marked, as they are with AlwaysMarked.
	MarkU        float64
	AlwaysMarked bool
}

// Edge is an edge to route, drawn from From to To.
type Edge struct {
	From, To int
	// Reverse marks an edge that runs against the layers, such as the adjoint
	// of a forward edge: To stands in an earlier layer than From.
	Reverse        bool
	LabelW, LabelH float64 // size of the label, zero for none
	Weight         int     // how much a straight and short edge matters; 0 means 1
	// Operand is the place, from 1, among the operands of To, where their order matters; else 0. MarkV is the room, across the edge, of the
	// mark that says so.
	Operand int
	MarkV   float64
}

// Cluster is a titled group of nodes, drawn as a box around them.
type Cluster struct {
	Parent         int // index of the enclosing cluster, −1 for none; less than the cluster's own index
	TitleW, TitleH float64
}

// Graph is what is laid out.
type Graph struct {
	Nodes    []Node
	Edges    []Edge
	Clusters []Cluster
}

// Options are the distances of a drawing; zero values take the defaults.
type Options struct {
	Direction Direction
	NodeGap   float64 // between neighbours in a layer (28)
	RankGap   float64 // between layers (54)
	EdgeGap   float64 // between edges that pass side by side (14)
	LensGap   float64 // between an edge and its antiparallel partner (17)
	Padding   float64 // inside a cluster's border (14)
	Wrap      bool    // drawings that are long and narrow fall into rows, as a text does
}

// Route is the drawn course of an edge, from the border of From to that of To.
type Route struct {
	Path  geom.Path
	Label geom.Point // centre of the label, when the edge has one
}

// Result is a finished layout. The top left corner of Bounds is the origin.
type Result struct {
	Nodes     []geom.Point // centres
	Sizes     []geom.Point // widths and heights, with the room for marks
	Marked    []bool       // by node: its operands do not stand in order and need marks
	Across    []float64    // their places across the direction of the edges, before a drawing falls into rows
	Edges     []Route
	Clusters  []geom.Rect
	Bounds    geom.Rect
	Layers    int
	Crossings int // between edges of neighbouring layers; parallel edges count once
}

// ErrCycle is returned for a graph whose edges, reverse ones turned, are cyclic.
var ErrCycle = errors.New("layout: the graph has a cycle")

// Layout places the graph. The graph is not changed.
func Layout(g Graph, options Options) (*Result, error) {
	if err := check(g); err != nil {
		return nil, err
	}
	p := newPlan(g, options)
	if err := p.rank(); err != nil {
		return nil, err
	}
	if options.Wrap {
		p.spread()
	}
	p.expand()
	p.order()
	p.mark()
	p.place()
	p.route()
	if options.Wrap {
		p.wrap()
	}
	return p.result(), nil
}

func check(g Graph) error {
	for i, c := range g.Clusters {
		if c.Parent < -1 || c.Parent >= i {
			return fmt.Errorf("layout: cluster %d lies in cluster %d, which does not stand before it", i, c.Parent)
		}
	}
	for i, n := range g.Nodes {
		if n.Cluster < -1 || n.Cluster >= len(g.Clusters) {
			return fmt.Errorf("layout: node %d lies in cluster %d of %d", i, n.Cluster, len(g.Clusters))
		}
		if !(n.W >= 0 && n.H >= 0) {
			return fmt.Errorf("layout: node %d has size %v×%v", i, n.W, n.H)
		}
	}
	for i, e := range g.Edges {
		if e.From < 0 || e.From >= len(g.Nodes) || e.To < 0 || e.To >= len(g.Nodes) {
			return fmt.Errorf("layout: edge %d joins nodes %d and %d of %d", i, e.From, e.To, len(g.Nodes))
		}
		if e.From == e.To {
			return ErrCycle
		}
	}
	return nil
}

func (o *Options) defaults() {
	set := func(p *float64, v float64) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.NodeGap, 28)
	set(&o.RankGap, 54)
	set(&o.EdgeGap, 14)
	set(&o.LensGap, 17)
	set(&o.Padding, 14)
}

// bundle is all edges between the same two nodes, routed together.
type bundle struct {
	low, high int // nodes; low stands in the earlier layer
	strands   []int32
	weight    int
	length    int // least number of ranks
	labelled  bool
	slotted   bool // its labels lie in their slot
	// The size that the labels need in the (u, v) system, side by side with the
	// strands.
	labelU, labelV float64
	labelLayer     int
	items          []int32 // low, the dummies, high
	cluster        int
	strips         []strip // what base found, until labels move
	express        bool    // runs along a lane beside the drawing
	bends          bool    // strips keep the bundle away from other edges
	inOrder        bool    // arrives in the order of the operands
}

type itemKind uint8

const (
	nodeItem itemKind = iota
	dummyItem
	labelItem
	holderItem // keeps room for a cluster in a layer where it has no member
)

// item is what occupies a place in a layer.
type item struct {
	kind    itemKind
	layer   int32
	pos     int32
	bundle  int32
	cluster int32
	size    float64 // along v
	v       float64
}

// link joins items of neighbouring layers.
type link struct {
	to     int32
	weight float64
}

type plan struct {
	graph   Graph
	options Options
	su, sv  []float64 // sizes of the nodes along u and v

	bundles []bundle
	ranks   []int

	items    []item
	layers   [][]int32
	isLabel  []bool // per layer: holds labels, no nodes
	up, down [][]link
	depth    []int     // per cluster
	order0   []float64 // per cluster: its place among its siblings

	colLeft, colRight []float64
	clusterLow        []float64 // per cluster along v
	clusterHigh       []float64
	clusterFirst      []int // per cluster: its first and last layer
	clusterLast       []int

	anySlot []bool // per layer: it has labels that lie in their slots
	portOf  [][2]float64
	portals []portal // for reuse
	// per item: see findSolids
	solidBelow, solidAbove []int32
	routes                 []Route
	crossings              int

	lists      []operandList
	marked     []bool    // per node
	operandsOf [][]int32 // per node: the bundles that arrive in the order of the operands that they bring
	rows       []row     // of a drawing that is wrapped
	rowOf      func(u float64) int
}

func newPlan(g Graph, options Options) *plan {
	options.defaults()
	p := &plan{graph: g, options: options}
	horizontal := options.Direction.Horizontal()
	for _, n := range g.Nodes {
		u, v := n.W, n.H
		if !horizontal {
			u, v = v, u
		}
		p.su, p.sv = append(p.su, u), append(p.sv, v)
	}
	index := make(map[[2]int]int, len(g.Edges))
	p.bundles = make([]bundle, 0, len(g.Edges))
	for i, e := range g.Edges {
		low, high := e.From, e.To
		if e.Reverse {
			low, high = high, low
		}
		b, found := index[[2]int{low, high}]
		if !found {
			b = len(p.bundles)
			index[[2]int{low, high}] = b
			p.bundles = append(p.bundles, bundle{low: low, high: high, cluster: -1, labelLayer: -1})
		}
		s := &p.bundles[b]
		s.strands = append(s.strands, int32(i))
		s.weight = max(s.weight, e.Weight, 1)
		if e.LabelW > 0 && e.LabelH > 0 {
			u, v := e.LabelW, e.LabelH
			if !horizontal {
				u, v = v, u
			}
			s.labelled = true
			s.labelU = max(s.labelU, u)
			s.labelV += v + labelClearance
		}
	}
	return p
}

// labelClearance is the distance kept between a label and its own edge.
const labelClearance = 4

// thickness is the distance from a bundle's first strand to its last.
func (p *plan) thickness(b *bundle) float64 {
	return float64(len(b.strands)-1) * p.options.LensGap
}

// common returns the innermost cluster that holds both a and b.
func (p *plan) common(a, b int) int {
	for a != b {
		if a < b {
			a, b = b, a
		}
		a = p.graph.Clusters[a].Parent // parents stand before their children
	}
	return a
}

// result turns (u, v) into (x, y) and moves the origin to the corner.
func (p *plan) result() *Result {
	d := p.options.Direction
	turn := func(q geom.Point) geom.Point {
		switch d {
		case TopToBottom:
			return geom.Point{X: q.Y, Y: q.X}
		case RightToLeft:
			return geom.Point{X: -q.X, Y: q.Y}
		case BottomToTop:
			return geom.Point{X: q.Y, Y: -q.X}
		}
		return q
	}
	r := &Result{Layers: len(p.layers), Crossings: p.crossings}
	first := true
	cover := func(rect geom.Rect) {
		if first {
			r.Bounds, first = rect, false
			return
		}
		r.Bounds = r.Bounds.Union(rect)
	}
	r.Marked = p.marked
	for i := range p.graph.Nodes {
		at := p.centre(i)
		r.Across = append(r.Across, at.Y)
		c := turn(p.inRow(at))
		r.Nodes = append(r.Nodes, c)
		size := geom.Point{X: p.su[i], Y: p.sv[i]}
		if !d.Horizontal() {
			size.X, size.Y = size.Y, size.X
		}
		r.Sizes = append(r.Sizes, size)
		cover(geom.Around(c, size.X, size.Y))
	}
	for c := range p.graph.Clusters {
		low, high := p.clusterCorner(c, false), p.clusterCorner(c, true)
		corner := p.inRow(low)
		a, b := turn(corner), turn(corner.Add(high.Sub(low)))
		rect := geom.Rect{Min: a, Max: a}.Union(geom.Rect{Min: b, Max: b})
		r.Clusters = append(r.Clusters, rect)
		cover(rect)
	}
	for i, route := range p.routes {
		e := p.graph.Edges[i]
		o := Route{Path: route.Path.Map(turn), Label: turn(route.Label)}
		r.Edges = append(r.Edges, o)
		if b := o.Path.Bounds(); !r.Bounds.Holds(b) {
			// The control points stick out; the curve itself need not.
			for _, q := range o.Path.Flatten(1) {
				cover(geom.Rect{Min: q, Max: q})
			}
		}
		if e.LabelW > 0 {
			cover(geom.Around(o.Label, e.LabelW, e.LabelH))
		}
	}
	shift := func(q geom.Point) geom.Point { return q.Sub(r.Bounds.Min) }
	for i := range r.Nodes {
		r.Nodes[i] = shift(r.Nodes[i])
	}
	for i := range r.Clusters {
		r.Clusters[i] = geom.Rect{Min: shift(r.Clusters[i].Min), Max: shift(r.Clusters[i].Max)}
	}
	for i := range r.Edges {
		r.Edges[i].Path = r.Edges[i].Path.Map(shift)
		r.Edges[i].Label = shift(r.Edges[i].Label)
	}
	r.Bounds = geom.Rect{Max: r.Bounds.Max.Sub(r.Bounds.Min)}
	return r
}

func (p *plan) centre(node int) geom.Point {
	it := &p.items[node]
	l := it.layer
	return geom.Point{X: (p.colLeft[l] + p.colRight[l]) / 2, Y: it.v}
}

func (p *plan) clusterCorner(c int, high bool) geom.Point {
	if high {
		return geom.Point{X: p.clusterU(c, true), Y: p.clusterHigh[c]}
	}
	return geom.Point{X: p.clusterU(c, false), Y: p.clusterLow[c]}
}
