package layout

import "math"

// closeUp moves parts of the drawing that nothing joins next to each other.
// Every part stays as it is; parts that stand between others of one part stay
// where they are.
func (p *plan) closeUp() {
	part := p.parts()
	count := 0
	for _, c := range part {
		count = max(count, int(c)+1)
	}
	if count < 2 {
		return
	}
	// before[a] lists the parts that stand directly under a in some layer, with
	// the room between.
	type gap struct {
		under int32
		room  float64
	}
	gaps := make([][]gap, count)
	for _, layer := range p.layers {
		for k := 1; k < len(layer); k++ {
			a, b := layer[k-1], layer[k]
			if part[a] == part[b] {
				continue
			}
			gaps[part[b]] = append(gaps[part[b]], gap{part[a], p.roomBetween(a, b)})
		}
	}
	shift := make([]float64, count)
	state := make([]uint8, count) // 0 new, 1 in progress, 2 done
	var settle func(c int32) bool
	settle = func(c int32) bool {
		if state[c] != 0 {
			return state[c] == 2
		}
		state[c] = 1
		least := math.Inf(1)
		for _, g := range gaps[c] {
			if !settle(g.under) {
				return false // parts enclose each other
			}
			least = math.Min(least, g.room-shift[g.under])
		}
		if !math.IsInf(least, 1) {
			shift[c] = -least
		}
		state[c] = 2
		return true
	}
	for c := 0; c < count; c++ {
		if !settle(int32(c)) {
			return
		}
	}
	moved := make([]bool, len(p.graph.Clusters))
	for i := range p.items {
		p.items[i].v += shift[part[i]]
		for c := int(p.items[i].cluster); c >= 0 && !moved[c]; c = p.graph.Clusters[c].Parent {
			moved[c] = true
			p.clusterLow[c] += shift[part[i]]
			p.clusterHigh[c] += shift[part[i]]
		}
	}
}

// roomBetween returns how much closer neighbours in a layer could stand,
// looking at them and at the borders of clusters between them.
func (p *plan) roomBetween(a, b int32) float64 {
	x, y := &p.items[a], &p.items[b]
	high, low := x.v+x.size/2, y.v-y.size/2
	gap := p.gap(a, b)
	if len(p.graph.Clusters) > 0 {
		common := p.common(int(x.cluster), int(y.cluster))
		for c := int(x.cluster); c != common; c = p.graph.Clusters[c].Parent {
			high = math.Max(high, p.clusterHigh[c])
		}
		for c := int(y.cluster); c != common; c = p.graph.Clusters[c].Parent {
			low = math.Min(low, p.clusterLow[c])
		}
		if int(x.cluster) != common || int(y.cluster) != common {
			gap = p.options.EdgeGap
		}
	}
	return low - high - gap
}

// parts numbers the items by what joins them: links and shared clusters.
func (p *plan) parts() []int32 {
	parent := make([]int32, len(p.items)+len(p.graph.Clusters))
	for i := range parent {
		parent[i] = int32(i)
	}
	find := func(i int32) int32 {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	union := func(a, b int32) { parent[find(b)] = find(a) }
	clusterBase := int32(len(p.items))
	for i := range p.items {
		for _, n := range p.down[i] {
			union(int32(i), n.to)
		}
		if c := p.items[i].cluster; c >= 0 {
			union(int32(i), clusterBase+c)
		}
	}
	for c := range p.graph.Clusters {
		if up := p.graph.Clusters[c].Parent; up >= 0 {
			union(clusterBase+int32(up), clusterBase+int32(c))
		}
	}
	number := map[int32]int32{}
	out := make([]int32, len(p.items))
	for i := range out {
		root := find(int32(i))
		c, found := number[root]
		if !found {
			c = int32(len(number))
			number[root] = c
		}
		out[i] = c
	}
	return out
}
