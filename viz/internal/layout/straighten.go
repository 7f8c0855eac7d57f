package layout

import "math"

// crooked is the offset up to which a link is made straight.
const crooked = 12

// straighten moves items by small amounts so that links that are almost
// straight become straight. An item follows its heaviest link, from the first
// layer to the last, as far as its neighbours and the borders of clusters allow.
func (p *plan) straighten() {
	for l := range p.layers {
		for _, i := range p.layers[l] {
			best, weight := int32(-1), 0.0
			for _, n := range p.up[i] {
				d := math.Abs(p.items[n.to].v - p.items[i].v)
				if w := n.weight / (1 + d/crooked); w > weight {
					best, weight = n.to, w
				}
			}
			if best < 0 {
				continue
			}
			d := p.items[best].v - p.items[i].v
			if d == 0 || math.Abs(d) > crooked {
				continue
			}
			if p.canMove(i, d) {
				p.items[i].v += d
			}
		}
	}
	// Sources follow what they feed.
	for l := len(p.layers) - 1; l >= 0; l-- {
		for _, i := range p.layers[l] {
			if len(p.up[i]) > 0 || len(p.down[i]) != 1 {
				continue
			}
			d := p.items[p.down[i][0].to].v - p.items[i].v
			if d != 0 && math.Abs(d) <= crooked && p.canMove(i, d) {
				p.items[i].v += d
			}
		}
	}
}

// canMove reports whether an item can move by d and keep its distances.
func (p *plan) canMove(i int32, d float64) bool {
	it := &p.items[i]
	layer := p.layers[it.layer]
	other := it.pos - 1
	if d > 0 {
		other = it.pos + 1
	}
	if other >= 0 && int(other) < len(layer) {
		a, b := layer[other], i
		if d > 0 {
			a, b = b, a
		}
		if p.items[b].v-p.items[a].v-p.apart(a, b) < math.Abs(d) {
			return false
		}
	}
	if it.cluster < 0 {
		// A foreign cluster that is in the layer has an item there, which apart
		// kept at a distance; its border may be nearer.
		return p.clearOfClusters(i, d)
	}
	c := int(it.cluster)
	return p.clearOfClusters(i, d) && p.grow(c, it.v+d-it.size/2-p.options.Padding-p.titleV(c), it.v+d+it.size/2+p.options.Padding)
}

// grow makes a cluster, and those around it, cover a range along v, and reports
// whether nothing stands in the way of that.
func (p *plan) grow(c int, low, high float64) bool {
	low, high = math.Min(low, p.clusterLow[c]), math.Max(high, p.clusterHigh[c])
	if low == p.clusterLow[c] && high == p.clusterHigh[c] {
		return true
	}
	if len(p.items) > 5000 {
		return false // looking for what stands in the way takes long
	}
	gap := p.options.EdgeGap - 1e-6
	for l := p.clusterFirst[c]; l <= p.clusterLast[c]; l++ {
		for _, i := range p.layers[l] {
			it := &p.items[i]
			if it.cluster >= 0 && p.common(c, int(it.cluster)) == c {
				continue
			}
			if it.v+it.size/2+gap > low && it.v-it.size/2-gap < high {
				return false
			}
		}
	}
	for k := range p.graph.Clusters {
		common := p.common(c, k)
		if common == c || common == k || p.clusterFirst[k] > p.clusterLast[c] || p.clusterLast[k] < p.clusterFirst[c] {
			continue
		}
		if p.clusterHigh[k]+gap > low && p.clusterLow[k]-gap < high {
			return false
		}
	}
	if parent := p.graph.Clusters[c].Parent; parent >= 0 &&
		!p.grow(parent, low-p.options.Padding-p.titleV(parent), high+p.options.Padding) {
		return false
	}
	p.clusterLow[c], p.clusterHigh[c] = low, high
	return true
}

// clearOfClusters reports whether an item that moves by d stays clear of the
// clusters that it is not in.
func (p *plan) clearOfClusters(i int32, d float64) bool {
	it := &p.items[i]
	l := int(it.layer)
	for c := range p.graph.Clusters {
		if l < p.clusterFirst[c] || l > p.clusterLast[c] || it.cluster >= 0 && p.common(c, int(it.cluster)) == c {
			continue
		}
		gap := p.options.EdgeGap - 1e-6
		if it.v+d+it.size/2+gap > p.clusterLow[c] && it.v+d-it.size/2-gap < p.clusterHigh[c] {
			return false
		}
	}
	return true
}
