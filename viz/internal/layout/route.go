package layout

import (
	"math"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// clearance is the distance kept between an edge and a foreign node.
const clearance = 6

// strip is the free room of a bundle in a column: between left and right along
// u it keeps between low and high along v.
type strip struct {
	left, right, low, high float64
	pinned                 bool // low equals high, and the edge runs level
}

// route draws every edge. At first labels go wherever there is room beside
// their edge. Where that fails, the labels of that gap take the slots that the
// layers keep for them, and all edges through the gap pass between the slots.
func (p *plan) route() {
	p.routes = make([]Route, len(p.graph.Edges))
	p.findSolids()
	p.portOf = p.ports()
	p.routeExpress()
	labels := false
	for i := range p.bundles {
		p.routeBundle(i)
		labels = labels || p.bundles[i].labelled
	}
	if !labels {
		return
	}
	const rounds = 6
	for round := 0; ; round++ {
		failed := p.placeLabels()
		if len(failed) == 0 {
			return
		}
		for _, b := range failed {
			p.bundles[b].slotted = true
		}
		if round >= rounds {
			for i := range p.bundles {
				p.bundles[i].slotted = p.bundles[i].labelled
			}
		}
		if round > rounds {
			return
		}
		for i := range p.bundles {
			if b := &p.bundles[i]; b.slotted {
				p.anySlot[b.labelLayer] = true
			}
		}
		p.findSolids()
		for i := range p.bundles {
			p.bundles[i].strips, p.bundles[i].bends = nil, false
			p.routeBundle(i)
		}
	}
}

// obstacle reports whether an item must be passed at a distance, and its border
// on the given side.
func (p *plan) solid(i int32) bool {
	it := &p.items[i]
	return it.kind == nodeItem || it.kind == labelItem && p.bundles[it.bundle].slotted
}

// findSolids notes for every item the nearest one on either side of it in its
// layer that must be passed at a distance, −1 for none.
func (p *plan) findSolids() {
	if p.solidBelow == nil {
		p.solidBelow, p.solidAbove = make([]int32, len(p.items)), make([]int32, len(p.items))
	}
	for _, layer := range p.layers {
		last := int32(-1)
		for _, i := range layer {
			p.solidBelow[i] = last
			if p.solid(i) {
				last = i
			}
		}
		last = -1
		for k := len(layer) - 1; k >= 0; k-- {
			p.solidAbove[layer[k]] = last
			if p.solid(layer[k]) {
				last = layer[k]
			}
		}
	}
}

// free returns the room along v that an item has between its neighbours. Other
// edges limit it only when apart is set.
func (p *plan) free(i int32, half float64, apart bool) (low, high float64) {
	it := &p.items[i]
	layer := p.layers[it.layer]
	low, high = math.Inf(-1), math.Inf(1)
	other := int32(-1)
	if apart {
		if it.pos > 0 {
			other = layer[it.pos-1]
		}
	} else {
		other = p.solidBelow[i]
	}
	if other >= 0 {
		o := &p.items[other]
		if p.solid(other) {
			low = o.v + o.size/2 + clearance + half
		} else {
			low = (o.v+o.size/2+it.v-it.size/2)/2 + half
		}
	}
	p.bordersBelow(&low, i, other, half)
	other = -1
	if apart {
		if int(it.pos)+1 < len(layer) {
			other = layer[it.pos+1]
		}
	} else {
		other = p.solidAbove[i]
	}
	if other >= 0 {
		o := &p.items[other]
		if p.solid(other) {
			high = o.v - o.size/2 - clearance - half
		} else {
			high = (o.v-o.size/2+it.v+it.size/2)/2 - half
		}
	}
	p.bordersAbove(&high, i, other, half)
	// Rounding must not leave an item outside of its own room.
	low, high = math.Min(low, it.v), math.Max(high, it.v)
	return low, high
}

// bordersBelow raises low over the borders of clusters between item i and its
// neighbour on the low side.
func (p *plan) bordersBelow(low *float64, i, other int32, half float64) {
	if len(p.graph.Clusters) == 0 {
		return
	}
	own, common, c := int(p.items[i].cluster), -1, -1
	if other >= 0 {
		c = int(p.items[other].cluster)
		common = p.common(own, c)
	}
	for ; c != common; c = p.graph.Clusters[c].Parent {
		*low = math.Max(*low, p.clusterHigh[c]+half+2)
	}
	for ; own != common; own = p.graph.Clusters[own].Parent {
		*low = math.Max(*low, p.clusterLow[own]+p.titleV(own)+half+2)
	}
}

func (p *plan) bordersAbove(high *float64, i, other int32, half float64) {
	if len(p.graph.Clusters) == 0 {
		return
	}
	own, common, c := int(p.items[i].cluster), -1, -1
	if other >= 0 {
		c = int(p.items[other].cluster)
		common = p.common(own, c)
	}
	for ; c != common; c = p.graph.Clusters[c].Parent {
		*high = math.Min(*high, p.clusterLow[c]-half-2)
	}
	for ; own != common; own = p.graph.Clusters[own].Parent {
		*high = math.Min(*high, p.clusterHigh[own]-half-2)
	}
}

// slotBase returns where the middle of a bundle's strands runs through its
// label's slot; the labels follow on the high side.
func (p *plan) slotBase(i int32) float64 {
	it := &p.items[i]
	return it.v - it.size/2 + 1 + p.thickness(&p.bundles[it.bundle])/2
}

// strips returns the rooms along a bundle, from its low node to its high node.
// With apart set they keep it away from other edges, else only from nodes.
func (p *plan) strips(b *bundle, apart bool) []strip {
	strips := make([]strip, 0, len(b.items))
	half := p.thickness(b) / 2
	last := len(b.items) - 1
	for k, i := range b.items {
		l := p.items[i].layer
		s := strip{left: p.colLeft[l], right: p.colRight[l]}
		switch {
		case k == 0:
			s.left = p.centre(b.low).X
		case k == last:
			s.right = p.centre(b.high).X
		case p.isLabel[l] && !p.anySlot[l]:
			continue
		}
		if p.items[i].kind == labelItem && b.slotted {
			s.low = p.slotBase(i)
			s.high, s.pinned = s.low, true
		} else {
			s.low, s.high = p.free(i, half, apart)
		}
		strips = append(strips, s)
	}
	return strips
}

type portal struct {
	u, low, high float64
	pinned       bool
}

type corner struct {
	geom.Point
	pinned bool
}

// shortest returns the shortest path from a to b through the strips.
func (p *plan) shortest(a, b geom.Point, strips []strip) []corner {
	portals := p.portals[:0]
	for k, s := range strips {
		if k > 0 {
			portals = append(portals, portal{s.left, s.low, s.high, s.pinned})
		}
		if k < len(strips)-1 {
			portals = append(portals, portal{s.right, s.low, s.high, s.pinned})
		}
	}
	portals = append(portals, portal{u: b.X, low: b.Y, high: b.Y})
	p.portals = portals
	path := []corner{{Point: a}}
	apex := a
	start := 0
	for start < len(portals) {
		lowSlope, highSlope := math.Inf(-1), math.Inf(1)
		lowAt, highAt := -1, -1
		turn, turnLow := -1, false
		k := start
		for ; k < len(portals); k++ {
			g := portals[k]
			du := g.u - apex.X
			if du < 1e-9 {
				continue
			}
			l, h := (g.low-apex.Y)/du, (g.high-apex.Y)/du
			if l > highSlope {
				turn, turnLow = highAt, false
				break
			}
			if h < lowSlope {
				turn, turnLow = lowAt, true
				break
			}
			if l >= lowSlope {
				lowSlope, lowAt = l, k
			}
			if h <= highSlope {
				highSlope, highAt = h, k
			}
		}
		if turn < 0 {
			break
		}
		g := portals[turn]
		apex = geom.Point{X: g.u, Y: g.high}
		if turnLow {
			apex.Y = g.low
		}
		path = append(path, corner{apex, g.pinned})
		start = turn + 1
	}
	if last := path[len(path)-1]; last.X < b.X || len(path) == 1 {
		path = append(path, corner{Point: b})
	}
	return path
}

// base returns the line along which a bundle runs from a to z, and its strips.
// A free line of sight is best; other edges keep their distance only from
// edges that have to bend.
func (p *plan) base(b *bundle, a, z geom.Point) ([]strip, []corner) {
	if b.strips == nil {
		b.strips = p.strips(b, false)
	}
	line := p.shortest(a, z, b.strips)
	if len(line) > 2 && !b.bends {
		b.strips, b.bends = p.strips(b, true), true
		line = p.shortest(a, z, b.strips)
	}
	return b.strips, line
}

// routeBundle draws the strands of a bundle side by side.
func (p *plan) routeBundle(index int) {
	b := &p.bundles[index]
	if b.express {
		return
	}
	port := p.portOf[index]
	a, z := p.touch(b.low, port[0], 0), p.touch(b.high, port[1], 1)
	strips, base := p.base(b, a, z)
	for k, e := range b.strands {
		offset := (float64(k) - float64(len(b.strands)-1)/2) * p.options.LensGap
		path := p.strand(b, base, strips, offset, port)
		path = p.leave(path, b.low)
		path = p.leave(path.Reversed(), b.high).Reversed()
		if p.graph.Edges[e].Reverse {
			path = path.Reversed()
		}
		p.routes[e].Path = path
	}
}

// strand returns the curve along a base line at an offset, as round as the
// strips allow.
func (p *plan) strand(b *bundle, base []corner, strips []strip, offset float64, port [2]float64) geom.Path {
	n := len(base)
	shifted := make([]geom.Point, n)
	tangents := make([]geom.Point, n)
	for i, c := range base {
		var t geom.Point
		switch {
		case c.pinned:
			t = geom.Point{X: 1}
		case i == 0:
			t = base[1].Sub(c.Point).Unit()
		case i == n-1:
			t = c.Sub(base[i-1].Point).Unit()
		default:
			t = c.Sub(base[i-1].Point).Unit().Add(base[i+1].Sub(c.Point).Unit()).Unit()
		}
		tangents[i] = t
		// Along v, so that the strips hold all strands however steep they are.
		shifted[i] = c.Add(geom.Point{Y: offset})
	}
	// The strands of a bundle touch a node side by side, but not beyond it.
	share := func(node int) float64 {
		reach := p.reach(node)
		return math.Max(-reach, math.Min(reach, offset*portLens))
	}
	shifted[0] = p.touch(b.low, port[0]+share(b.low), 0)
	shifted[n-1] = p.touch(b.high, port[1]+share(b.high), 1)
	if n == 2 {
		return p.arc(shifted[0], shifted[1], base, strips, offset)
	}
	path := make(geom.Path, 0, n-1)
	for i := 0; i+1 < n; i++ {
		a, z := shifted[i], shifted[i+1]
		chord := z.Sub(a)
		if base[i].pinned && base[i+1].pinned && math.Abs(base[i].Y-base[i+1].Y) < 1e-9 {
			path = append(path, geom.Straight(a, z))
			continue
		}
		// Long pieces are straight in their middle.
		handle := math.Min(chord.Len()/3, 90)
		if base[i].pinned || base[i+1].pinned {
			handle = chord.Len() * 0.4
		}
		var c geom.Cubic
		for try := 0; try < 4; try++ {
			// Short enough for the curve to grow in u all the way.
			start := math.Min(handle, 0.6*chord.X/math.Max(tangents[i].X, 1e-9))
			end := math.Min(handle, 0.6*chord.X/math.Max(tangents[i+1].X, 1e-9))
			c = geom.Cubic{a, a.Add(tangents[i].Mul(start)), z.Sub(tangents[i+1].Mul(end)), z}
			if inStrips(c, strips, offset, clearance-1) {
				break
			}
			handle /= 2
			if try == 3 {
				path = append(path, along(a, z, base[i].Point, base[i+1].Point, strips, offset)...)
			}
		}
		if len(path) == 0 || path[len(path)-1][3] != z {
			path = append(path, c)
		}
	}
	return path
}

// along returns straight pieces beside a straight base line, from a to z, with
// a corner at every border of a strip on the way. The base line keeps within
// the strips, and so do these pieces.
func along(a, z, base, baseEnd geom.Point, strips []strip, offset float64) geom.Path {
	var path geom.Path
	at := a
	to := func(u float64) {
		if u <= at.X+1 || u >= z.X-1 || u <= base.X || u >= baseEnd.X {
			return
		}
		q := geom.Lerp(base, baseEnd, (u-base.X)/(baseEnd.X-base.X))
		q.Y += offset
		path = append(path, geom.Straight(at, q))
		at = q
	}
	for _, s := range strips {
		to(s.left)
		to(s.right)
	}
	return append(path, geom.Straight(at, z))
}

// arc returns the curve of an edge with a free line of sight: straight when it
// is alone, bent outwards beside a partner.
func (p *plan) arc(a, z geom.Point, base []corner, strips []strip, offset float64) geom.Path {
	chord := z.Sub(a)
	if offset == 0 {
		return geom.Path{geom.Straight(a, z)}
	}
	bulge := math.Min(0.05*chord.Len(), 14) * 4 / 3
	if offset < 0 {
		bulge = -bulge
	}
	normal := chord.Unit().Normal()
	for try := 0; try < 4; try++ {
		out := normal.Mul(bulge)
		c := geom.Cubic{a, geom.Lerp(a, z, 0.3).Add(out), geom.Lerp(a, z, 0.7).Add(out), z}
		if inStrips(c, strips, offset, clearance-1) {
			return geom.Path{c}
		}
		bulge /= 2
	}
	if c := geom.Straight(a, z); inStrips(c, strips, offset, clearance-1) {
		return geom.Path{c}
	}
	return along(a, z, base[0].Point, base[1].Point, strips, offset)
}

// inStrips reports whether a curve that grows in u, beside its base line by the
// offset, keeps within the strips, give or take the slack.
func inStrips(c geom.Cubic, strips []strip, offset, slack float64) bool {
	samples := int(math.Max(16, math.Min(400, c[3].Sub(c[0]).Len()/6)))
	k := 0
	for i := 1; i < samples; i++ {
		q := c.At(float64(i) / float64(samples))
		for k < len(strips) && strips[k].right < q.X {
			k++
		}
		if k == len(strips) {
			return true
		}
		if s := &strips[k]; q.X >= s.left && (q.Y-offset < s.low-slack || q.Y-offset > s.high+slack) {
			return false
		}
	}
	return true
}

// leave cuts the start of a path up to where it leaves a node for good: a steep
// edge may cut through the rim of a circle first.
func (p *plan) leave(path geom.Path, node int) geom.Path {
	const samples = 24
	centre := p.centre(node)
	size := p.su[node] + p.sv[node]
	for i := min(len(path), 2) - 1; i >= 0; i-- {
		// Only the part of a long curve that is near the node.
		part := math.Min(1, 2*size/math.Max(path[i][3].Sub(path[i][0]).Len(), 1e-9))
		for k := samples - 1; k >= 1; k-- {
			if !p.inside(node, path[i].At(part*float64(k)/samples).Sub(centre)) {
				continue
			}
			low, high := part*float64(k)/samples, part*float64(k+1)/samples
			for n := 0; n < 30; n++ {
				if t := (low + high) / 2; p.inside(node, path[i].At(t).Sub(centre)) {
					low = t
				} else {
					high = t
				}
			}
			_, rest := path[i].Split(high)
			return append(geom.Path{rest}, path[i+1:]...)
		}
	}
	return path
}

// inside reports whether a point, relative to a node's centre, lies in it.
func (p *plan) inside(node int, q geom.Point) bool {
	x, y := math.Abs(q.X), math.Abs(q.Y)
	a, b := p.su[node]/2, p.sv[node]/2
	if x >= a || y >= b {
		return false
	}
	if p.graph.Nodes[node].Shape == Circle {
		return (x/a)*(x/a)+(y/b)*(y/b) < 1
	}
	r := math.Min(p.graph.Nodes[node].Radius, math.Min(a, b))
	if x > a-r && y > b-r {
		return math.Hypot(x-(a-r), y-(b-r)) < r
	}
	return true
}
