package layout

import "math"

// expand turns ranks into layers: it inserts a layer for labels in every gap
// that needs one, chains of dummies along long bundles, and holders where a
// cluster has a layer without a member.
func (p *plan) expand() {
	n := len(p.graph.Nodes)
	last := 0
	for _, r := range p.ranks {
		last = max(last, r)
	}
	gapLabel := make([]bool, last+1)
	for i := range p.bundles {
		b := &p.bundles[i]
		if b.labelled {
			gapLabel[p.labelGap(b)] = true
		}
	}
	layerOf := make([]int, last+1)
	for r := 0; r <= last; r++ {
		layerOf[r] = len(p.isLabel)
		p.isLabel = append(p.isLabel, false)
		if r < last && gapLabel[r] {
			p.isLabel = append(p.isLabel, true)
		}
	}
	p.layers = make([][]int32, len(p.isLabel))
	p.anySlot = make([]bool, len(p.isLabel))
	p.items = make([]item, 0, 2*n)
	for i, node := range p.graph.Nodes {
		p.add(item{kind: nodeItem, layer: int32(layerOf[p.ranks[i]]), bundle: -1, cluster: int32(node.Cluster), size: p.sv[i]})
	}
	for i := range p.bundles {
		// A bundle of very many edges may be thicker than its nodes; it fans out
		// in the gap to their neighbours, and where that is too small needs more.
		b := &p.bundles[i]
		need := p.thickness(b) - 2*(p.options.NodeGap-clearance) + 2
		for _, node := range []int{b.low, b.high} {
			p.items[node].size = math.Max(p.items[node].size, need)
		}
	}
	p.chooseExpress(layerOf)
	first, final := p.nodeSpans()
	for i := range p.bundles {
		b := &p.bundles[i]
		b.cluster = -1
		if len(p.graph.Clusters) > 0 {
			b.cluster = p.common(p.graph.Nodes[b.low].Cluster, p.graph.Nodes[b.high].Cluster)
		}
		if b.labelled {
			b.labelLayer = layerOf[p.labelGap(b)] + 1
		}
		b.items = append(b.items, int32(b.low))
		thickness := p.thickness(b)
		for l := layerOf[p.ranks[b.low]] + 1; l < layerOf[p.ranks[b.high]] && !b.express; l++ {
			it := item{kind: dummyItem, layer: int32(l), bundle: int32(i), cluster: p.passing(b, l, first, final), size: thickness}
			if l == b.labelLayer {
				it.kind = labelItem
				it.size = thickness + b.labelV + 2
			}
			b.items = append(b.items, p.add(it))
		}
		b.items = append(b.items, int32(b.high))
	}
	p.clusterSpans()
	p.connect()
}

// nodeSpans returns the first and last layer in which each cluster has nodes.
func (p *plan) nodeSpans() (first, last []int) {
	k := len(p.graph.Clusters)
	first, last = make([]int, k), make([]int, k)
	for c := range first {
		first[c], last[c] = len(p.layers), -1
	}
	for i := range p.graph.Nodes {
		l := int(p.items[i].layer)
		for c := p.graph.Nodes[i].Cluster; c >= 0; c = p.graph.Clusters[c].Parent {
			first[c], last[c] = min(first[c], l), max(last[c], l)
		}
	}
	return first, last
}

// passing returns the cluster that a bundle's dummy in layer l lies in: that of
// its low node up to where this ends, that of its high node from where this
// starts, and between them what holds both.
func (p *plan) passing(b *bundle, l int, first, last []int) int32 {
	if len(p.graph.Clusters) == 0 {
		return -1
	}
	low, high := p.graph.Nodes[b.low].Cluster, p.graph.Nodes[b.high].Cluster
	ends := []int{high, low}
	if l-int(p.items[b.low].layer) < int(p.items[b.high].layer)-l {
		ends[0], ends[1] = low, high
	}
	for _, c := range ends {
		for ; c != b.cluster; c = p.graph.Clusters[c].Parent {
			if first[c] <= l && l <= last[c] {
				return int32(c)
			}
		}
	}
	return int32(b.cluster)
}

func (p *plan) add(it item) int32 {
	i := int32(len(p.items))
	p.items = append(p.items, it)
	p.layers[it.layer] = append(p.layers[it.layer], i)
	return i
}

// labelGap returns the rank after which a bundle's labels stand. Adjoint
// labels read best near the node that they belong to, all others in the middle.
func (p *plan) labelGap(b *bundle) int {
	low, high := p.ranks[b.low], p.ranks[b.high]
	return low + (high-low-1)/2
}

// clusterSpans finds the first and last layer of every cluster and adds
// holders, so that each cluster has an item in every layer between them.
func (p *plan) clusterSpans() {
	clusters := p.graph.Clusters
	if len(clusters) == 0 {
		return
	}
	k := len(clusters)
	p.clusterFirst, p.clusterLast, p.depth = make([]int, k), make([]int, k), make([]int, k)
	present := make([][]bool, k)
	for c := range clusters {
		p.clusterFirst[c], p.clusterLast[c] = len(p.layers), -1
		present[c] = make([]bool, len(p.layers))
		if parent := clusters[c].Parent; parent >= 0 {
			p.depth[c] = p.depth[parent] + 1
		}
	}
	mark := func(c int, layer int) {
		for ; c >= 0; c = clusters[c].Parent {
			present[c][layer] = true
			p.clusterFirst[c] = min(p.clusterFirst[c], layer)
			p.clusterLast[c] = max(p.clusterLast[c], layer)
		}
	}
	for i := range p.items {
		mark(int(p.items[i].cluster), int(p.items[i].layer))
	}
	for c := k - 1; c >= 0; c-- { // children first: their holders serve their parents too
		if p.clusterLast[c] < 0 { // an empty cluster gets a box of its own in the first layer
			p.clusterFirst[c], p.clusterLast[c] = 0, 0
			p.add(item{kind: holderItem, layer: 0, bundle: -1, cluster: int32(c), size: 8})
			mark(c, 0)
			continue
		}
		for l := p.clusterFirst[c]; l <= p.clusterLast[c]; l++ {
			if !present[c][l] {
				p.add(item{kind: holderItem, layer: int32(l), bundle: -1, cluster: int32(c), size: 8})
				mark(c, l)
			}
		}
	}
}

// connect fills the links between neighbouring layers. Straightness matters
// more the further a piece is from a node, so that long edges come out straight.
func (p *plan) connect() {
	p.up = make([][]link, len(p.items))
	p.down = make([][]link, len(p.items))
	upCount, downCount := make([]int32, len(p.items)), make([]int32, len(p.items))
	total := 0
	for i := range p.bundles {
		if p.bundles[i].express {
			continue
		}
		items := p.bundles[i].items
		for k := 0; k+1 < len(items); k++ {
			downCount[items[k]]++
			upCount[items[k+1]]++
			total++
		}
	}
	pool := make([]link, 2*total)
	take := func(n int32) []link {
		s := pool[:0:n]
		pool = pool[n:]
		return s
	}
	for i := range p.items {
		p.up[i], p.down[i] = take(upCount[i]), take(downCount[i])
	}
	for i := range p.bundles {
		b := &p.bundles[i]
		if b.express {
			continue
		}
		for k := 0; k+1 < len(b.items); k++ {
			x, y := b.items[k], b.items[k+1]
			w := float64(b.weight)
			xNode, yNode := p.items[x].kind == nodeItem, p.items[y].kind == nodeItem
			switch {
			case !xNode && !yNode:
				w *= 8
			case !xNode || !yNode:
				w *= 2
			}
			p.down[x] = append(p.down[x], link{y, w})
			p.up[y] = append(p.up[y], link{x, w})
		}
	}
}
