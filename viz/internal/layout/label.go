package layout

import (
	"math"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// index finds what lies near a rectangle: a grid of cells that hold the
// segments of edges and the boxes of nodes and labels.
type index struct {
	segments [][2]geom.Point
	owners   []int32 // per segment: its bundle
	boxes    []geom.Rect
	cells    map[[2]int32][]int32 // segment k as k, box k as ^k
}

const cellSize = 48

func newIndex() *index { return &index{cells: map[[2]int32][]int32{}} }

func (x *index) each(r geom.Rect, visit func(cell [2]int32) bool) bool {
	x0, x1 := int32(math.Floor(r.Min.X/cellSize)), int32(math.Floor(r.Max.X/cellSize))
	y0, y1 := int32(math.Floor(r.Min.Y/cellSize)), int32(math.Floor(r.Max.Y/cellSize))
	for i := x0; i <= x1; i++ {
		for j := y0; j <= y1; j++ {
			if !visit([2]int32{i, j}) {
				return false
			}
		}
	}
	return true
}

func (x *index) addBox(r geom.Rect) {
	k := int32(len(x.boxes))
	x.boxes = append(x.boxes, r)
	x.each(r, func(cell [2]int32) bool {
		x.cells[cell] = append(x.cells[cell], ^k)
		return true
	})
}

func (x *index) addPath(p geom.Path, owner int32) {
	points := p.Flatten(0.5)
	for i := 0; i+1 < len(points); i++ {
		a, b := points[i], points[i+1]
		k := int32(len(x.segments))
		x.segments = append(x.segments, [2]geom.Point{a, b})
		x.owners = append(x.owners, owner)
		// Long segments are entered piece by piece, so that they fill few cells.
		pieces := int(math.Ceil(b.Sub(a).Len() / cellSize))
		last := [2]int32{math.MaxInt32, 0}
		for q := 0; q < max(pieces, 1); q++ {
			f, t := float64(q)/float64(max(pieces, 1)), float64(q+1)/float64(max(pieces, 1))
			c, d := geom.Lerp(a, b, f), geom.Lerp(a, b, t)
			r := geom.Rect{Min: c, Max: c}.Union(geom.Rect{Min: d, Max: d})
			x.each(r, func(cell [2]int32) bool {
				if cell != last {
					x.cells[cell] = append(x.cells[cell], k)
					last = cell
				}
				return true
			})
		}
	}
}

// clear reports whether nothing in the index meets the rectangle; the segments
// of the bundle except do not count.
func (x *index) clear(r geom.Rect, except int32) bool {
	return x.each(r, func(cell [2]int32) bool {
		for _, k := range x.cells[cell] {
			if k < 0 {
				if x.boxes[^k].Overlaps(r) {
					return false
				}
			} else if s := x.segments[k]; x.owners[k] != except && r.MeetsSegment(s[0], s[1]) {
				return false
			}
		}
		return true
	})
}

// placeLabels sets the centre of every label and returns the bundles whose
// labels found no room.
func (p *plan) placeLabels() []int {
	x := newIndex()
	for i := range p.graph.Nodes {
		x.addBox(around(p.centre(i), p.su[i], p.sv[i]))
	}
	for c := range p.graph.Clusters {
		if r, has := p.titleBox(c); has {
			x.addBox(r)
		}
	}
	for i := range p.bundles {
		for _, e := range p.bundles[i].strands {
			x.addPath(p.routes[e].Path, int32(i))
		}
	}
	var failed []int
	// Labels in slots first: their places are certain.
	for pass := 0; pass < 2; pass++ {
		for i := range p.bundles {
			b := &p.bundles[i]
			if !b.labelled || b.slotted != (pass == 0) {
				continue
			}
			if pass == 0 {
				p.slotLabels(b, x)
				continue
			}
			for k, e := range b.strands {
				w, h := p.labelSize(int(e))
				if w == 0 {
					continue
				}
				if !p.besideStrand(i, k, int(e), w, h, x) {
					failed = append(failed, i)
					break
				}
			}
		}
	}
	return failed
}

func around(c geom.Point, u, v float64) geom.Rect { return geom.Around(c, u, v) }

// titleBox returns where the title of a cluster is drawn, in (u, v).
func (p *plan) titleBox(c int) (geom.Rect, bool) {
	t := p.graph.Clusters[c]
	if t.TitleW == 0 || !p.options.Direction.Horizontal() {
		return geom.Rect{}, false
	}
	// Titles stand in the room that titleV keeps at the low side.
	left, right := p.clusterU(c, false), p.clusterU(c, true)
	return geom.Rect{Min: geom.Point{X: left, Y: p.clusterLow[c]}, Max: geom.Point{X: right, Y: p.clusterLow[c] + t.TitleH}}, true
}

func (p *plan) labelSize(e int) (u, v float64) {
	u, v = p.graph.Edges[e].LabelW, p.graph.Edges[e].LabelH
	if !p.options.Direction.Horizontal() {
		u, v = v, u
	}
	return u, v
}

// slotLabels stacks the labels of a bundle in their slot, under the strands.
func (p *plan) slotLabels(b *bundle, x *index) {
	item := int32(-1)
	for _, i := range b.items {
		if p.items[i].kind == labelItem {
			item = i
		}
	}
	at := p.slotBase(item) + p.thickness(b)/2
	l := p.items[item].layer
	middle := (p.colLeft[l] + p.colRight[l]) / 2
	for _, e := range b.strands {
		w, h := p.labelSize(int(e))
		if w == 0 {
			continue
		}
		at += labelClearance
		p.routes[e].Label = geom.Point{X: middle, Y: at + h/2}
		x.addBox(around(p.routes[e].Label, w, h))
		at += h
	}
}

// besideStrand looks for room for a label beside its strand, nearest to the
// middle of the strand first.
func (p *plan) besideStrand(index, k, e int, w, h float64, x *index) bool {
	b := &p.bundles[index]
	path := p.routes[e].Path
	if len(path) == 0 {
		return false
	}
	// The outer side of the strand, then the other one when it is alone.
	sides := []float64{1, -1}
	if len(b.strands) > 1 {
		sides = sides[:1]
		if k < len(b.strands)/2 {
			sides[0] = -1
		}
	}
	l := b.labelLayer
	left, right := p.colLeft[l], p.colRight[l]
	if p.isLabel[l] && l > 0 && l+1 < len(p.colLeft) {
		left, right = (left+p.colRight[l-1])/2, (right+p.colLeft[l+1])/2
	}
	points := path.Flatten(0.5)
	if points[0].X > points[len(points)-1].X {
		for i, j := 0, len(points)-1; i < j; i, j = i+1, j-1 {
			points[i], points[j] = points[j], points[i]
		}
	}
	// Wide margins to strangers first.
	for _, margin := range []float64{8, 4, 1.5} {
		for _, t := range []float64{0.5, 0.44, 0.56, 0.38, 0.62, 0.31, 0.69, 0.24, 0.76, 0.16, 0.84, 0.05, 0.95} {
			q, direction, found := at(points, left+(right-left)*t)
			if !found {
				continue
			}
			for _, side := range sides {
				normal := direction.Normal().Mul(side)
				reach := math.Abs(normal.X)*w/2 + math.Abs(normal.Y)*h/2
				for _, extra := range []float64{0, 3, 7} {
					centre := q.Add(normal.Mul(reach + labelClearance + extra))
					if x.clear(around(centre, w+2*margin, h+2*margin), int32(index)) && x.clear(around(centre, w+3, h+1), -1) {
						p.routes[e].Label = centre
						x.addBox(around(centre, w+4, h+2))
						return true
					}
				}
			}
		}
	}
	return false
}

// at returns the point of a polyline that grows in u, and its direction there.
func at(points []geom.Point, u float64) (q, direction geom.Point, found bool) {
	for i := 0; i+1 < len(points); i++ {
		a, b := points[i], points[i+1]
		if a.X <= u && u <= b.X && b.X > a.X {
			return geom.Lerp(a, b, (u-a.X)/(b.X-a.X)), b.Sub(a).Unit(), true
		}
	}
	return q, direction, false
}
