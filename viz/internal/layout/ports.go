package layout

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// portGap is the least distance between edges of different bundles where they
// touch a node, as long as its side is long enough.
const portGap = 9

// portLens is the part of the distance between antiparallel edges that is left
// where they touch a node.
const portLens = 0.7

// ports decides where bundles touch their nodes: as near as possible to the
// line of sight between the centres, in the order of the layers, and apart.
// Port 0 of a bundle is at its low node, port 1 at its high node; the numbers
// are distances along v from the node's centre.
func (p *plan) ports() [][2]float64 {
	ports := make([][2]float64, len(p.bundles))
	leaving := make([][]int32, len(p.graph.Nodes))
	arriving := make([][]int32, len(p.graph.Nodes))
	aims := make([][2]geom.Point, len(p.bundles))
	for i := range p.bundles {
		b := &p.bundles[i]
		leaving[b.low] = append(leaving[b.low], int32(i))
		arriving[b.high] = append(arriving[b.high], int32(i))
		if b.express {
			far := geom.Point{X: 1, Y: 1e4}
			aims[i] = [2]geom.Point{p.centre(b.low).Add(far), p.centre(b.high).Add(far)}
			continue
		}
		_, base := p.base(b, p.centre(b.low), p.centre(b.high))
		aims[i] = [2]geom.Point{base[1].Point, base[len(base)-2].Point}
	}
	for node := range p.graph.Nodes {
		p.side(node, leaving[node], 0, aims, ports)
		p.side(node, arriving[node], 1, aims, ports)
	}
	return ports
}

// portThickness is the thickness of a bundle where it touches a node.
func (p *plan) portThickness(b *bundle) float64 { return p.thickness(b) * portLens }

// side sets the ports of the bundles at one side of a node.
func (p *plan) side(node int, bundles []int32, end int, aims [][2]geom.Point, ports [][2]float64) {
	if len(bundles) == 0 {
		return
	}
	c := p.centre(node)
	// Bundles touch the side in the order of the directions they come from.
	slope := func(i int32) float64 {
		d := aims[i][end].Sub(c)
		return d.Y / math.Max(math.Abs(d.X), 1)
	}
	slices.SortStableFunc(bundles, func(x, y int32) int { return compare(slope(x), slope(y)) })
	if operands := p.operandsOf[node]; end == 1 && len(operands) > 0 {
		k := 0
		for i, b := range bundles {
			if p.bundles[b].inOrder {
				bundles[i] = operands[k]
				k++
			}
		}
	}
	reach := p.reach(node)
	type run struct {
		sum   float64
		count int
	}
	offsets := make([]float64, len(bundles))
	var runs []run
	total := 0.0
	for k, i := range bundles {
		b := &p.bundles[i]
		if k > 0 {
			before := &p.bundles[bundles[k-1]]
			offsets[k] = offsets[k-1] + p.portThickness(b)/2 + p.portThickness(before)/2 + portGap
			if end == 1 && p.marked[node] {
				offsets[k] = offsets[k-1] + math.Max(offsets[k]-offsets[k-1], (p.markV(b)+p.markV(before))/2+markGap)
			}
		}
	}
	// room is what a bundle takes at the side: itself, or its marks.
	room := func(i int32) float64 {
		if end == 1 && p.marked[node] {
			return p.markV(&p.bundles[i])
		}
		return p.portThickness(&p.bundles[i])
	}
	first, last := room(bundles[0])/2, room(bundles[len(bundles)-1])/2
	total = offsets[len(offsets)-1] + first + last
	if total > 2*reach {
		// Too many for the side: they share it evenly.
		scale := 0.0
		if span := offsets[len(offsets)-1]; span > 0 {
			scale = math.Max(0, 2*reach-first-last) / span
		}
		for k, i := range bundles {
			at := -reach + first + offsets[k]*scale
			if first+last >= 2*reach {
				at = 0
			}
			ports[i][end] = at
		}
		return
	}
	for k, i := range bundles {
		direction := aims[i][end].Sub(c)
		direction.X = math.Abs(direction.X)
		wish := 0.0
		if p.graph.Nodes[node].Shape == Circle {
			wish = direction.Unit().Y * p.sv[node] / 2
		} else if direction.X > 0 {
			wish = direction.Y / direction.X * p.su[node] / 2
		}
		half := room(i) / 2
		wish = math.Max(-reach+half, math.Min(reach-half, wish))
		runs = append(runs, run{wish - offsets[k], 1})
		for len(runs) > 1 {
			a, b := &runs[len(runs)-2], &runs[len(runs)-1]
			if a.sum/float64(a.count) <= b.sum/float64(b.count) {
				break
			}
			a.sum += b.sum
			a.count += b.count
			runs = runs[:len(runs)-1]
		}
	}
	k := 0
	for _, r := range runs {
		at := r.sum / float64(r.count)
		for ; r.count > 0; r.count-- {
			ports[bundles[k]][end] = at + offsets[k]
			k++
		}
	}
	// Runs that stick out at an end move inwards; the room is known to suffice.
	low, high := -reach+first, reach-last
	for k := range bundles {
		at := &ports[bundles[k]][end]
		*at = math.Max(*at, low+offsets[k])
		*at = math.Min(*at, high-(offsets[len(offsets)-1]-offsets[k]))
	}
}

// reach returns how far ports may stand from a node's centre.
func (p *plan) reach(node int) float64 {
	half := p.sv[node] / 2
	if p.graph.Nodes[node].Shape == Circle {
		return half * 0.86
	}
	r := math.Min(p.graph.Nodes[node].Radius, math.Min(p.su[node], p.sv[node])/2)
	corner := 0.6
	if p.marked[node] {
		corner = 0.9 // marks keep clear of the corner's curve
	}
	return math.Max(half-corner*r, half*0.5)
}

// touch returns the point of a node's outline at a distance along v from its
// centre, at the end of the bundle's low side (0) or high side (1).
func (p *plan) touch(node int, off float64, end int) geom.Point {
	c := p.centre(node)
	a, b := p.su[node]/2, p.sv[node]/2
	off = math.Max(-b, math.Min(b, off))
	u := a
	if p.graph.Nodes[node].Shape == Circle {
		if b > 0 {
			u = a * math.Sqrt(math.Max(0, 1-(off/b)*(off/b)))
		}
	} else if r := math.Min(p.graph.Nodes[node].Radius, math.Min(a, b)); math.Abs(off) > b-r {
		over := math.Abs(off) - (b - r)
		u = a - r + math.Sqrt(math.Max(0, r*r-over*over))
	}
	if end == 1 {
		u = -u
	}
	return geom.Point{X: c.X + u, Y: c.Y + off}
}
