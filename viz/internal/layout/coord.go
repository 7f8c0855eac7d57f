package layout

import "math"

// place computes v for every item, the boxes of clusters along v, and the
// columns along u.
func (p *plan) place() {
	p.packLayers()
	c := &coordinates{plan: p, desired: make([]float64, len(p.items)), weight: make([]float64, len(p.items))}
	rounds, polish := 6, 40
	switch {
	case len(p.items) > 60000:
		rounds, polish = 3, 4
	case len(p.items) > 12000:
		rounds, polish = 4, 10
	}
	for k := 0; k < rounds; k++ {
		c.sweep(true, false, false)
		c.sweep(false, true, false)
	}
	for k := 0; k < polish; k++ {
		c.pass(k%2 == 0, false)
	}
	for k := 0; k < polish/2; k++ {
		c.pass(k%2 == 0, true)
	}
	p.clusterLow = make([]float64, len(p.graph.Clusters))
	p.clusterHigh = make([]float64, len(p.graph.Clusters))
	if len(p.graph.Clusters) > 0 {
		rounds := polish / 2
		if len(p.items) < 1500 {
			rounds = 4 * polish
		}
		c.separateClusters(rounds)
	}
	p.straighten()
	p.closeUp()
	p.columns()
}

// gap returns the distance between the borders of neighbours in a layer.
func (p *plan) gap(a, b int32) float64 {
	x, y := &p.items[a], &p.items[b]
	switch {
	case x.kind == nodeItem && y.kind == nodeItem:
		return p.options.NodeGap
	case x.kind == dummyItem && y.kind == dummyItem:
		return p.options.EdgeGap
	case x.kind == nodeItem || y.kind == nodeItem:
		return (p.options.NodeGap + p.options.EdgeGap) / 2
	}
	return p.options.EdgeGap
}

// apart returns the least distance between the centres of neighbours.
func (p *plan) apart(a, b int32) float64 {
	d := (p.items[a].size+p.items[b].size)/2 + p.gap(a, b)
	if len(p.graph.Clusters) > 0 {
		// Room for the borders that lie between them.
		borders := 0
		x, y := int(p.items[a].cluster), int(p.items[b].cluster)
		common := p.common(x, y)
		for ; x != common; x = p.graph.Clusters[x].Parent {
			borders++
		}
		for ; y != common; y = p.graph.Clusters[y].Parent {
			borders++
			d += p.titleV(y)
		}
		d += float64(borders) * p.options.Padding
	}
	return d
}

// titleV returns the room along v that a cluster's title takes at its low side.
func (p *plan) titleV(c int) float64 {
	if p.options.Direction.Horizontal() {
		return p.graph.Clusters[c].TitleH
	}
	return 0
}

// packLayers sets every layer tightly about v = 0.
func (p *plan) packLayers() {
	for _, layer := range p.layers {
		at := 0.0
		for k, i := range layer {
			if k > 0 {
				at += p.apart(layer[k-1], i)
			}
			p.items[i].v = at
		}
		for _, i := range layer {
			p.items[i].v -= at / 2
		}
	}
}

type coordinates struct {
	*plan
	desired, weight []float64
	offset          []float64
	blocks          []block
}

// block is a run of items that stand as close as they may.
type block struct {
	sum, weight float64
	count       int
}

// sweep pulls every layer to its neighbours on one side.
func (c *coordinates) sweep(up, down, straight bool) {
	n := len(c.layers)
	for k := 0; k < n; k++ {
		l := k
		if down {
			l = n - 1 - k
		}
		c.pull(l, up, down, straight)
	}
}

// pass pulls every layer to its neighbours on both sides, which walks down to
// the optimum of the quadratic program.
func (c *coordinates) pass(forwards, straight bool) {
	n := len(c.layers)
	for k := 0; k < n; k++ {
		l := k
		if !forwards {
			l = n - 1 - k
		}
		c.pull(l, true, true, straight)
	}
}

// straightness is the offset below which a link counts as straight when links
// are reweighted.
const straightness = 3

// want sets the position that an item's neighbours ask for and its weight.
func (c *coordinates) want(i int32, up, down, straight bool) {
	sum, weight := 0.0, 0.0
	v := c.items[i].v
	take := func(links []link) {
		for _, n := range links {
			w := n.weight
			if straight {
				w /= math.Max(math.Abs(c.items[n.to].v-v), straightness)
			}
			sum += w * c.items[n.to].v
			weight += w
		}
	}
	if up {
		take(c.up[i])
	}
	if down {
		take(c.down[i])
	}
	if weight == 0 {
		c.desired[i], c.weight[i] = v, 1e-3
		return
	}
	c.desired[i], c.weight[i] = sum/weight, weight
}

// pull moves the items of a layer as close to where they want to be as the
// distances allow: isotonic regression by pooling adjacent violators.
func (c *coordinates) pull(l int, up, down, straight bool) {
	layer := c.layers[l]
	if len(layer) == 0 {
		return
	}
	if cap(c.offset) < len(layer) {
		c.offset = make([]float64, len(layer))
	}
	offset := c.offset[:len(layer)]
	blocks := c.blocks[:0]
	for k, i := range layer {
		c.want(i, up, down, straight)
		offset[k] = 0
		if k > 0 {
			offset[k] = offset[k-1] + c.apart(layer[k-1], i)
		}
		blocks = append(blocks, block{(c.desired[i] - offset[k]) * c.weight[i], c.weight[i], 1})
		for len(blocks) > 1 {
			a, b := &blocks[len(blocks)-2], &blocks[len(blocks)-1]
			if a.sum/a.weight <= b.sum/b.weight {
				break
			}
			a.sum += b.sum
			a.weight += b.weight
			a.count += b.count
			blocks = blocks[:len(blocks)-1]
		}
	}
	k := 0
	for _, b := range blocks {
		at := b.sum / b.weight
		for ; b.count > 0; b.count-- {
			c.items[layer[k]].v = at + offset[k]
			k++
		}
	}
	c.blocks = blocks
}

// columns sets the extent of every layer along u. The space between layers
// grows where edges have far to go across.
func (p *plan) columns() {
	n := len(p.layers)
	p.colLeft, p.colRight = make([]float64, n), make([]float64, n)
	at := 0.0
	for l := 0; l < n; l++ {
		width := 0.0
		for _, i := range p.layers[l] {
			switch it := &p.items[i]; it.kind {
			case nodeItem:
				width = math.Max(width, p.su[i])
			case labelItem:
				width = math.Max(width, p.bundles[it.bundle].labelU)
			}
		}
		if l > 0 {
			at += p.columnGap(l)
		}
		p.colLeft[l] = at
		at += width
		p.colRight[l] = at
	}
}

// columnGap returns the space between layer l−1 and layer l.
func (p *plan) columnGap(l int) float64 {
	gap := p.options.RankGap
	if p.isLabel[l] || p.isLabel[l-1] {
		gap *= 0.58
	}
	// The steepest edges decide, up to a limit.
	far := 0.0
	for _, i := range p.layers[l] {
		for _, n := range p.up[i] {
			far = math.Max(far, math.Abs(p.items[n.to].v-p.items[i].v))
		}
	}
	gap = math.Max(gap, math.Min(far/4, 2.5*p.options.RankGap))
	return gap + p.borderRoom(l)
}

// borderRoom returns the space that borders and titles of clusters take
// between layer l−1 and layer l.
func (p *plan) borderRoom(l int) float64 {
	before, after := 0.0, 0.0
	for c := range p.graph.Clusters {
		if p.clusterLast[c] == l-1 {
			before = math.Max(before, p.endRoom(c, true))
		}
		if p.clusterFirst[c] == l {
			after = math.Max(after, p.endRoom(c, false))
		}
	}
	return before + after
}

// endRoom returns how far the border of a cluster lies outside the column of
// its last layer, or of its first layer: clusters inside it that end in the
// same layer come first.
func (p *plan) endRoom(c int, last bool) float64 {
	inner := 0.0
	for k := c + 1; k < len(p.graph.Clusters); k++ {
		if p.graph.Clusters[k].Parent != c {
			continue
		}
		if last && p.clusterLast[k] == p.clusterLast[c] || !last && p.clusterFirst[k] == p.clusterFirst[c] {
			inner = math.Max(inner, p.endRoom(k, last))
		}
	}
	room := inner + p.options.Padding
	d := p.options.Direction
	if d == TopToBottom && !last || d == BottomToTop && last {
		room += p.graph.Clusters[c].TitleH
	}
	return room
}

// clusterU returns the border of a cluster along u.
func (p *plan) clusterU(c int, high bool) float64 {
	if high {
		return p.colRight[p.clusterLast[c]] + p.endRoom(c, true)
	}
	return p.colLeft[p.clusterFirst[c]] - p.endRoom(c, false)
}
