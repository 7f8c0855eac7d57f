package layout

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// maxDummies bounds the dummies of long bundles. In a graph that needs more, the
// longest bundles leave the layers: they run along lanes beside the drawing and
// cross it only in the gaps between layers, where no node stands.
const maxDummies = 60_000

// laneGap is the distance between lanes, and laneRadius the radius at which
// edges turn into and out of them.
const (
	laneGap    = 8
	laneRadius = 7
)

// chooseExpress marks the bundles that run along lanes.
func (p *plan) chooseExpress(layerOf []int) {
	total := 0
	span := func(b *bundle) int { return layerOf[p.ranks[b.high]] - layerOf[p.ranks[b.low]] - 1 }
	var long []int
	for i := range p.bundles {
		total += span(&p.bundles[i])
		if !p.bundles[i].labelled && span(&p.bundles[i]) > 8 {
			long = append(long, i)
		}
	}
	if total <= maxDummies {
		return
	}
	slices.SortStableFunc(long, func(a, b int) int { return span(&p.bundles[b]) - span(&p.bundles[a]) })
	for _, i := range long {
		p.bundles[i].express = true
		if total -= span(&p.bundles[i]); total <= maxDummies {
			return
		}
	}
}

// routeExpress draws the bundles that run along lanes. Lanes that are free
// again are used again.
func (p *plan) routeExpress() {
	var list []int
	for i := range p.bundles {
		if p.bundles[i].express {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return
	}
	layer := func(node int) int { return int(p.items[node].layer) }
	slices.SortStableFunc(list, func(a, b int) int { return layer(p.bundles[a].low) - layer(p.bundles[b].low) })
	bottom := math.Inf(-1)
	for i := range p.items {
		bottom = math.Max(bottom, p.items[i].v+p.items[i].size/2)
	}
	for _, high := range p.clusterHigh {
		bottom = math.Max(bottom, high)
	}
	// The gap between layers is shared by all that turn in it.
	turns, turned := make([]int, len(p.layers)+1), make([]int, len(p.layers)+1)
	for _, i := range list {
		turns[layer(p.bundles[i].low)+1]++
		turns[layer(p.bundles[i].high)]++
	}
	turn := func(l int) float64 {
		turned[l]++
		left, right := p.colRight[l-1], p.colLeft[l]
		return left + (right-left)*float64(turned[l])/float64(turns[l]+1)
	}
	var lanes []int // the layer in which each lane becomes free
	for _, i := range list {
		b := &p.bundles[i]
		from, to := layer(b.low), layer(b.high)
		lane := 0
		for lane < len(lanes) && lanes[lane] >= from {
			lane++
		}
		if lane == len(lanes) {
			lanes = append(lanes, 0)
		}
		lanes[lane] = to
		a, z := p.touch(b.low, p.portOf[i][0], 0), p.touch(b.high, p.portOf[i][1], 1)
		v := bottom + 30 + laneGap*float64(lane)
		first, last := turn(from+1), turn(to)
		path := rounded([]geom.Point{a, {X: first, Y: a.Y}, {X: first, Y: v}, {X: last, Y: v}, {X: last, Y: z.Y}, z})
		for _, e := range b.strands {
			if p.graph.Edges[e].Reverse {
				p.routes[e].Path = path.Reversed()
			} else {
				p.routes[e].Path = path
			}
		}
	}
}

// rounded returns a polyline with round corners.
func rounded(points []geom.Point) geom.Path {
	var path geom.Path
	at := points[0]
	for i := 1; i+1 < len(points); i++ {
		before, after := at.Sub(points[i]), points[i+1].Sub(points[i])
		r := math.Min(laneRadius, math.Min(before.Len(), after.Len()/2))
		in, out := points[i].Add(before.Unit().Mul(r)), points[i].Add(after.Unit().Mul(r))
		if in.Sub(at).Len() > 1e-6 {
			path = append(path, geom.Straight(at, in))
		}
		path = append(path, geom.Cubic{in, geom.Lerp(in, points[i], 0.55), geom.Lerp(out, points[i], 0.55), out})
		at = out
	}
	return append(path, geom.Straight(at, points[len(points)-1]))
}
