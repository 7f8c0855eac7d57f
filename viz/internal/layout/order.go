package layout

import (
	"math"
	"slices"
)

// order finds the order of the items in every layer: barycentre sweeps from
// two starts, with transpositions of neighbours, keeping the best order seen.
func (p *plan) order() {
	p.order0 = make([]float64, len(p.graph.Clusters))
	for c := range p.order0 {
		p.order0[c] = float64(c)
	}
	o := newOrderer(p)
	total := len(p.items)
	sweeps, transpositions := 24, 6
	switch {
	case total > 60000:
		sweeps, transpositions = 4, 0
	case total > 12000:
		sweeps, transpositions = 8, 1
	case total > 3000:
		sweeps, transpositions = 12, 2
	}
	best := int(^uint(0) >> 1)
	var bestOrder [][]int32
	keep := func(count int) {
		if count >= best {
			return
		}
		best = count
		if bestOrder == nil {
			bestOrder = make([][]int32, len(p.layers))
		}
		for l := range p.layers {
			bestOrder[l] = append(bestOrder[l][:0], p.layers[l]...)
		}
	}
	starts := 2
	if total > 12000 {
		starts = 1
	}
	for start := 0; start < starts && best > 0; start++ {
		o.initial(start == 1)
		keep(o.crossings())
		stale := 0
		for sweep := 0; sweep < sweeps && best > 0 && stale < 6; sweep++ {
			if len(p.graph.Clusters) > 0 && sweep < sweeps/2 {
				o.placeClusters()
			}
			o.sweep(sweep%2 == 0, sweep%4 >= 2)
			for k := 0; k < transpositions; k++ {
				if !o.transpose(k%2 == 1) {
					break
				}
			}
			before := best
			keep(o.crossings())
			if best < before {
				stale = 0
			} else {
				stale++
			}
		}
	}
	for l := range p.layers {
		copy(p.layers[l], bestOrder[l])
	}
	o.index()
	p.crossings = best
}

type orderer struct {
	*plan
	key     []float64
	tree    []int // accumulator of the crossing count
	scratch []int32
	lineage [][]int32 // per cluster: from the root to itself
}

func newOrderer(p *plan) *orderer {
	o := &orderer{plan: p, key: make([]float64, len(p.items))}
	for c := range p.graph.Clusters {
		var line []int32
		if parent := p.graph.Clusters[c].Parent; parent >= 0 {
			line = append(line, o.lineage[parent]...)
		}
		o.lineage = append(o.lineage, append(line, int32(c)))
	}
	return o
}

func (o *orderer) index() {
	for l := range o.layers {
		o.indexLayer(l)
	}
}

func (o *orderer) indexLayer(l int) {
	for k, i := range o.layers[l] {
		o.items[i].pos = int32(k)
	}
}

// initial orders the items by a depth-first walk from the first layer, or from
// the last one, so that connected items start out side by side.
func (o *orderer) initial(fromEnd bool) {
	seen := make([]bool, len(o.items))
	count := make([]int32, len(o.layers))
	var visit []int32
	place := func(root int32) {
		visit = append(visit[:0], root)
		for len(visit) > 0 {
			i := visit[len(visit)-1]
			visit = visit[:len(visit)-1]
			if seen[i] {
				continue
			}
			seen[i] = true
			l := o.items[i].layer
			o.items[i].pos = count[l]
			count[l]++
			first, second := o.down[i], o.up[i]
			if fromEnd {
				first, second = second, first
			}
			// The stack turns the order round, so that it is pushed backwards.
			for k := len(second) - 1; k >= 0; k-- {
				visit = append(visit, second[k].to)
			}
			for k := len(first) - 1; k >= 0; k-- {
				visit = append(visit, first[k].to)
			}
		}
	}
	for k := range o.layers {
		l := k
		if fromEnd {
			l = len(o.layers) - 1 - k
		}
		roots := slices.Clone(o.layers[l])
		slices.Sort(roots)
		for _, i := range roots {
			if !seen[i] {
				place(i)
			}
		}
	}
	for l := range o.layers {
		for _, i := range o.layers[l] {
			o.key[i] = float64(o.items[i].pos)
		}
		slices.SortFunc(o.layers[l], func(a, b int32) int { return int(o.items[a].pos - o.items[b].pos) })
		o.indexLayer(l)
		o.arrange(l)
	}
}

// sweep reorders layer after layer by the barycentres of the layer before.
func (o *orderer) sweep(downwards, both bool) {
	count := len(o.layers)
	for k := 0; k < count; k++ {
		l := k
		if !downwards {
			l = count - 1 - k
		}
		for _, i := range o.layers[l] {
			links := o.up[i]
			if !downwards {
				links = o.down[i]
			}
			sum, weight := 0.0, 0.0
			for _, n := range links {
				sum += float64(o.items[n.to].pos)
				weight++
			}
			if both || weight == 0 {
				other := o.down[i]
				if !downwards {
					other = o.up[i]
				}
				if weight == 0 || both && len(links) == 0 {
					// Items that hang on the other side only go where that side wants them.
					for _, n := range other {
						sum += o.relative(n.to, l)
						weight++
					}
				}
			}
			if weight == 0 {
				o.key[i] = float64(o.items[i].pos)
			} else {
				o.key[i] = sum / weight
			}
		}
		o.arrange(l)
	}
}

// relative returns the position of an item scaled to the length of layer l.
func (o *orderer) relative(i int32, l int) float64 {
	it := &o.items[i]
	return (float64(it.pos) + 0.5) * float64(len(o.layers[l])) / float64(len(o.layers[it.layer]))
}

// arrange sorts a layer by the keys; members of a cluster stay together and
// clusters keep their order among their siblings.
func (o *orderer) arrange(l int) {
	layer := o.layers[l]
	if len(o.graph.Clusters) == 0 {
		slices.SortStableFunc(layer, func(a, b int32) int { return compare(o.key[a], o.key[b]) })
	} else {
		o.arrangeGroup(layer, 0)
	}
	o.indexLayer(l)
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

type orderGroup struct {
	cluster int32 // −1 for a single item
	key     float64
	items   []int32
}

func (o *orderer) arrangeGroup(items []int32, depth int) {
	var groups []orderGroup
	at := map[int32]int{}
	for _, i := range items {
		c := o.items[i].cluster
		if c < 0 || len(o.lineage[c]) <= depth {
			groups = append(groups, orderGroup{-1, o.key[i], []int32{i}})
			continue
		}
		c = o.lineage[c][depth]
		g, found := at[c]
		if !found {
			g = len(groups)
			at[c] = g
			groups = append(groups, orderGroup{cluster: c})
		}
		groups[g].items = append(groups[g].items, i)
		groups[g].key += o.key[i]
	}
	for g := range groups {
		groups[g].key /= float64(len(groups[g].items))
	}
	slices.SortStableFunc(groups, func(a, b orderGroup) int { return compare(a.key, b.key) })
	var places []int
	var clusters []orderGroup
	for k, g := range groups {
		if g.cluster >= 0 {
			places = append(places, k)
			clusters = append(clusters, g)
		}
	}
	slices.SortStableFunc(clusters, func(a, b orderGroup) int { return compare(o.order0[a.cluster], o.order0[b.cluster]) })
	for k, place := range places {
		groups[place] = clusters[k]
	}
	sorted := make([]int32, 0, len(items))
	for _, g := range groups {
		if g.cluster >= 0 && len(g.items) > 1 {
			o.arrangeGroup(g.items, depth+1)
		}
		sorted = append(sorted, g.items...)
	}
	copy(items, sorted)
}

// placeClusters orders sibling clusters by where their members stand now. One
// order for all layers keeps the boxes of clusters apart.
func (o *orderer) placeClusters() {
	k := len(o.graph.Clusters)
	sum, count := make([]float64, k), make([]float64, k)
	for i := range o.items {
		it := &o.items[i]
		relative := (float64(it.pos) + 0.5) / float64(len(o.layers[it.layer]))
		for c := int(it.cluster); c >= 0; c = o.graph.Clusters[c].Parent {
			sum[c] += relative
			count[c]++
		}
	}
	for c := range sum {
		// The index breaks ties and keeps the order of clusters that share nothing.
		o.order0[c] = math.Round(sum[c]/math.Max(count[c], 1)*16)/16 + float64(c)*1e-6
	}
}

// crossings counts the crossings of links between neighbouring layers with an
// accumulator tree (Barth, Jünger and Mutzel 2002).
func (o *orderer) crossings() int {
	total := 0
	for l := 0; l+1 < len(o.layers); l++ {
		total += o.crossingsBelow(l)
	}
	return total
}

func (o *orderer) crossingsBelow(l int) int {
	below := len(o.layers[l+1])
	first := 1
	for first < below {
		first *= 2
	}
	if cap(o.tree) < 2*first {
		o.tree = make([]int, 2*first)
	}
	tree := o.tree[:2*first]
	clear(tree)
	count := 0
	for _, i := range o.layers[l] {
		ends := o.scratch[:0]
		for _, n := range o.down[i] {
			ends = append(ends, o.items[n.to].pos)
		}
		slices.Sort(ends)
		o.scratch = ends
		for _, e := range ends {
			at := first + int(e)
			tree[at]++
			for at > 1 {
				if at%2 == 0 {
					count += tree[at+1]
				}
				at /= 2
				tree[at]++
			}
		}
	}
	return count
}

// transpose swaps neighbours where that removes crossings; with even set, also
// where it leaves their number. It reports whether it swapped anything.
func (o *orderer) transpose(backwards bool) bool {
	improved := false
	ends := make([][]int32, 4)
	sortedEnds := func(k int, links []link) []int32 {
		s := ends[k][:0]
		for _, n := range links {
			s = append(s, o.items[n.to].pos)
		}
		slices.Sort(s)
		ends[k] = s
		return s
	}
	for k := range o.layers {
		l := k
		if backwards {
			l = len(o.layers) - 1 - k
		}
		layer := o.layers[l]
		for again := true; again; {
			again = false
			for j := 0; j+1 < len(layer); j++ {
				a, b := layer[j], layer[j+1]
				if o.items[a].cluster != o.items[b].cluster {
					continue
				}
				aUp, aDown := sortedEnds(0, o.up[a]), sortedEnds(1, o.down[a])
				bUp, bDown := sortedEnds(2, o.up[b]), sortedEnds(3, o.down[b])
				keep := inversions(aUp, bUp) + inversions(aDown, bDown)
				if keep == 0 {
					continue
				}
				swap := inversions(bUp, aUp) + inversions(bDown, aDown)
				if swap < keep {
					layer[j], layer[j+1] = b, a
					o.items[a].pos, o.items[b].pos = int32(j+1), int32(j)
					again, improved = true, true
				}
			}
		}
	}
	return improved
}

// inversions counts the pairs in which an element of the sorted list a exceeds
// one of the sorted list b.
func inversions(a, b []int32) int {
	count, j := 0, 0
	for _, x := range a {
		for j < len(b) && b[j] < x {
			j++
		}
		count += j
	}
	return count
}
