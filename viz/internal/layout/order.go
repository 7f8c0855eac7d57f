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
	p.lists = p.operandLists()
	o := newOrderer(p)
	total := len(p.items)
	starts, sweeps, patience, transpositions, sifts := 8, 60, 16, 10, 10
	switch {
	case total > 60000:
		starts, sweeps, patience, transpositions, sifts = 1, 4, 4, 0, 0
	case total > 12000:
		starts, sweeps, patience, transpositions, sifts = 1, 6, 3, 1, 0
	case total > 3000:
		starts, sweeps, patience, transpositions, sifts = 2, 10, 4, 2, 1
	case total > 1000:
		starts, sweeps, patience, transpositions, sifts = 4, 30, 10, 6, 4
	}
	best, bestTwists := math.MaxInt, math.MaxInt
	var bestOrder [][]int32
	keep := func() bool {
		count, twists := o.crossings(), o.allTwists()
		if count > best || count == best && twists >= bestTwists {
			return false
		}
		best, bestTwists = count, twists
		if bestOrder == nil {
			bestOrder = make([][]int32, len(p.layers))
		}
		for l := range p.layers {
			bestOrder[l] = append(bestOrder[l][:0], p.layers[l]...)
		}
		return true
	}
	recalled := o.recall()
	if recalled {
		starts = 0
		keep()
		for k := 0; k < 4 && o.transpose(k%2 == 1, false); k++ {
			keep()
		}
	}
	for start := 0; start < starts && (best > 0 || bestTwists > 0); start++ {
		o.initial(start%2 == 1)
		o.median = start%4 >= 2
		o.turnAll = start < 4
		keep()
		stale := 0
		for sweep := 0; sweep < sweeps && (best > 0 || bestTwists > 0) && stale < patience; sweep++ {
			if len(p.graph.Clusters) > 0 && sweep < sweeps/2 {
				o.placeClusters()
			}
			o.turnTies = sweep%4 >= 2
			o.sweep(sweep%2 == 0)
			for k := 0; k < transpositions; k++ {
				if !o.transpose(k%2 == 1, o.turnTies) {
					break
				}
			}
			if keep() {
				stale = 0
			} else {
				stale++
			}
		}
		for k := 0; k < sifts && (best > 0 || bestTwists > 0); k++ {
			improved := o.sift(k%2 == 1)
			keep()
			if !improved {
				break
			}
		}
	}
	for l := range p.layers {
		copy(p.layers[l], bestOrder[l])
	}
	o.index()
	p.crossings = best
	if !recalled {
		o.untwist()
	}
	o.mirror()
}

// mirror turns the parts of the drawing that nothing joins over, where more
// operands, or as many and more nodes, then stand in the order that they prefer. That changes no crossing.
func (o *orderer) mirror() {
	part := o.parts()
	balance := map[int32]int{}
	for _, layer := range o.layers {
		for k, i := range layer {
			for _, j := range layer[max(0, k-mirrorWindow):k] {
				if part[i] != part[j] || o.items[i].kind != nodeItem || o.items[j].kind != nodeItem {
					continue
				}
				if a, b := o.graph.Nodes[i].Order, o.graph.Nodes[j].Order; a > 0 && b > 0 {
					balance[part[i]] += compare(float64(a), float64(b))
				}
			}
		}
	}
	for i := range o.lists {
		// Operands count more than all pairs of nodes.
		list := &o.lists[i]
		pairs := 0
		for k := range list.bundles {
			pairs += min(k, twistWindow)
		}
		balance[part[list.node]] += (pairs - 2*o.twists(list)) * len(o.items) * mirrorWindow
	}
	var members []int32
	for l, layer := range o.layers {
		members = members[:0]
		for _, i := range layer {
			if balance[part[i]] < 0 {
				members = append(members, i)
			}
		}
		if len(members) == 0 {
			continue
		}
		// Each part turns over within the places that it has.
		last := map[int32][]int32{}
		for _, i := range members {
			last[part[i]] = append(last[part[i]], i)
		}
		for k, i := range layer {
			if list := last[part[i]]; balance[part[i]] < 0 {
				layer[k] = list[len(list)-1]
				last[part[i]] = list[:len(list)-1]
			}
		}
		o.indexLayer(l)
	}
}

// mirrorWindow bounds the pairs that mirror looks at.
const mirrorWindow = 64

type orderer struct {
	*plan
	key     []float64
	tree    []int // accumulator of the crossing count
	scratch []int32
	movable []int32
	// median sweeps by medians instead of barycentres, and turnTies turns items
	// round that are equal by them.
	median, turnTies bool
	turnAll          bool      // turnTies moves items without links too
	lineage          [][]int32 // per cluster: from the root to itself
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

// recall orders the layers by the hints of an earlier drawing, if there are any.
// New nodes and dummies go where their neighbours are.
func (o *orderer) recall() bool {
	place, known := make([]float64, len(o.items)), make([]bool, len(o.items))
	any := false
	for i := range o.graph.Nodes {
		if n := &o.graph.Nodes[i]; n.Hinted {
			place[i], known[i], any = n.Hint, true, true
		}
	}
	if !any {
		return false
	}
	// Nodes without a hint take the mean of their neighbours, nearest first.
	for again := true; again; {
		again = false
		sum, count := make([]float64, len(o.graph.Nodes)), make([]float64, len(o.graph.Nodes))
		for k := range o.bundles {
			b := &o.bundles[k]
			switch {
			case known[b.low] && !known[b.high]:
				sum[b.high] += place[b.low]
				count[b.high]++
			case known[b.high] && !known[b.low]:
				sum[b.low] += place[b.high]
				count[b.low]++
			}
		}
		for i := range count {
			if count[i] > 0 {
				place[i], known[i], again = sum[i]/count[i], true, true
			}
		}
	}
	for k := range o.bundles {
		b := &o.bundles[k]
		for q, i := range b.items {
			if q > 0 && q < len(b.items)-1 {
				t := float64(q) / float64(len(b.items)-1)
				place[i] = place[b.low]*(1-t) + place[b.high]*t
			}
		}
	}
	for l := range o.layers {
		for _, i := range o.layers[l] {
			o.key[i] = place[i]
		}
		// Keys of arrange are not negative.
		least := 0.0
		for _, i := range o.layers[l] {
			least = min(least, o.key[i])
		}
		for _, i := range o.layers[l] {
			o.key[i] -= least
		}
		o.arrange(l)
	}
	if len(o.graph.Clusters) > 0 {
		o.placeClusters()
		for l := range o.layers {
			o.arrange(l)
		}
	}
	return true
}

// sweep reorders layer after layer by the barycentres, or medians, of the layer
// before. Items that hang on the other side only go where that side wants them.
func (o *orderer) sweep(downwards bool) {
	count := len(o.layers)
	for k := 0; k < count; k++ {
		l := k
		if !downwards {
			l = count - 1 - k
		}
		for _, i := range o.layers[l] {
			links, other := o.up[i], o.down[i]
			if !downwards {
				links, other = other, links
			}
			switch {
			case len(links) > 0 && o.median:
				o.key[i] = o.medianOf(links)
			case len(links) > 0:
				sum := 0.0
				for _, n := range links {
					sum += float64(o.items[n.to].pos)
				}
				o.key[i] = sum / float64(len(links))
			case len(o.graph.Clusters) == 0:
				o.key[i] = -1
			case len(other) > 0:
				sum := 0.0
				for _, n := range other {
					sum += o.relative(n.to, l)
				}
				o.key[i] = sum / float64(len(other))
			default:
				o.key[i] = float64(o.items[i].pos)
			}
		}
		o.arrange(l)
	}
}

// medianOf returns the weighted median of the links' ends (Gansner et al. 1993,
// §3): between the two middle ones it leans to the side that is denser.
func (o *orderer) medianOf(links []link) float64 {
	ends := o.scratch[:0]
	for _, n := range links {
		ends = append(ends, o.items[n.to].pos)
	}
	slices.Sort(ends)
	o.scratch = ends
	m := len(ends) / 2
	switch {
	case len(ends)%2 == 1:
		return float64(ends[m])
	case len(ends) == 2:
		return float64(ends[0]+ends[1]) / 2
	}
	left, right := float64(ends[m-1]-ends[0]), float64(ends[len(ends)-1]-ends[m])
	if left+right == 0 {
		return float64(ends[m-1]+ends[m]) / 2
	}
	return (float64(ends[m-1])*right + float64(ends[m])*left) / (left + right)
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
		if o.turnTies && o.turnAll {
			slices.Reverse(layer)
		}
		movable := o.movable[:0]
		for _, i := range layer {
			if o.key[i] >= 0 {
				movable = append(movable, i)
			}
		}
		if o.turnTies && !o.turnAll {
			slices.Reverse(movable)
		}
		slices.SortStableFunc(movable, func(a, b int32) int { return compare(o.key[a], o.key[b]) })
		k := 0
		for j, i := range layer {
			if o.key[i] >= 0 {
				layer[j] = movable[k]
				k++
			}
		}
		o.movable = movable
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

// ends returns the sorted positions of what an item is linked to above, then
// below it.
func (o *orderer) ends(i int32, above, below []int32) ([]int32, []int32) {
	above, below = above[:0], below[:0]
	for _, n := range o.up[i] {
		above = append(above, o.items[n.to].pos)
	}
	for _, n := range o.down[i] {
		below = append(below, o.items[n.to].pos)
	}
	slices.Sort(above)
	slices.Sort(below)
	return above, below
}

// transpose swaps neighbours where that removes crossings; with even set, also
// where it leaves their number. It reports whether it removed any.
func (o *orderer) transpose(backwards, even bool) bool {
	improved := false
	var aUp, aDown, bUp, bDown []int32
	for k := range o.layers {
		l := k
		if backwards {
			l = len(o.layers) - 1 - k
		}
		layer := o.layers[l]
		for round, again := 0, true; again; round++ {
			again = false
			for j := 0; j+1 < len(layer); j++ {
				a, b := layer[j], layer[j+1]
				if o.items[a].cluster != o.items[b].cluster {
					continue
				}
				aUp, aDown = o.ends(a, aUp, aDown)
				bUp, bDown = o.ends(b, bUp, bDown)
				keep := inversions(aUp, bUp) + inversions(aDown, bDown)
				if keep == 0 {
					continue
				}
				swap := inversions(bUp, aUp) + inversions(bDown, aDown)
				if swap < keep || even && round == 0 && swap == keep {
					layer[j], layer[j+1] = b, a
					o.items[a].pos, o.items[b].pos = int32(j+1), int32(j)
					if swap < keep {
						again, improved = true, true
					}
				}
			}
		}
	}
	return improved
}

// sift moves every item to the place in its layer that has the fewest
// crossings, the others staying in order (Matuszewski, Schönfeld and Molitor
// 1999). Items do not leave the run of their cluster. It reports whether it
// removed crossings.
func (o *orderer) sift(backwards bool) bool {
	improved := false
	type both struct{ up, down []int32 }
	var sorted []both
	for k := range o.layers {
		l := k
		if backwards {
			l = len(o.layers) - 1 - k
		}
		layer := o.layers[l]
		// The neighbouring layers stand still, so that the ends can be kept.
		for len(sorted) < len(layer) {
			sorted = append(sorted, both{})
		}
		for j, i := range layer {
			sorted[j].up, sorted[j].down = o.ends(i, sorted[j].up, sorted[j].down)
		}
		for _, i := range slices.Clone(layer) {
			from := int(o.items[i].pos)
			own := sorted[from]
			best, bestAt := 0, from
			for _, direction := range []int{-1, 1} {
				change := 0
				for j := from + direction; j >= 0 && j < len(layer) && o.items[layer[j]].cluster == o.items[i].cluster; j += direction {
					other := sorted[j]
					before := inversions(own.up, other.up) + inversions(own.down, other.down)
					after := inversions(other.up, own.up) + inversions(other.down, own.down)
					if direction < 0 {
						before, after = after, before
					}
					change += after - before
					if change < best {
						best, bestAt = change, j
					}
				}
			}
			if bestAt == from {
				continue
			}
			improved = true
			step := 1
			if bestAt < from {
				step = -1
			}
			for j := from; j != bestAt; j += step {
				layer[j], sorted[j] = layer[j+step], sorted[j+step]
				o.items[layer[j]].pos = int32(j)
			}
			layer[bestAt], sorted[bestAt] = i, own
			o.items[i].pos = int32(bestAt)
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
