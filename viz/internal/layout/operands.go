package layout

import (
	"math"
	"slices"
)

// Some nodes tell their operands apart: an edge says by Edge.Operand which operand it brings. Orders keep such edges in the order of their
// operands as long as that costs no crossing. At the nodes where it would, the ends of the edges are marked.

// operandList is the bundles that bring a node's operands, by their first operand.
type operandList struct {
	node    int32
	bundles []int32
	// tangled lists can be in no order: one bundle brings operands on both sides of another's.
	tangled bool
}

// operandLists finds the nodes whose operands are told apart.
func (p *plan) operandLists() []operandList {
	type span struct{ first, last int }
	spans := make(map[int32]span)
	arriving := make([][]int32, len(p.graph.Nodes))
	for i := range p.bundles {
		b := &p.bundles[i]
		s := span{math.MaxInt, 0}
		for _, e := range b.strands {
			if k := p.graph.Edges[e].Operand; k > 0 && !p.graph.Edges[e].Reverse {
				s = span{min(s.first, k), max(s.last, k)}
			}
		}
		if s.last > 0 {
			spans[int32(i)] = s
			arriving[b.high] = append(arriving[b.high], int32(i))
		}
	}
	var lists []operandList
	for node, bundles := range arriving {
		if len(bundles) < 2 {
			continue
		}
		slices.SortFunc(bundles, func(a, b int32) int { return spans[a].first - spans[b].first })
		list := operandList{node: int32(node), bundles: bundles}
		lanes := 0
		for k, b := range bundles {
			list.tangled = list.tangled || k > 0 && spans[bundles[k-1]].last > spans[b].first
			if p.bundles[b].express {
				lanes++
			}
		}
		list.tangled = list.tangled || lanes > 1
		lists = append(lists, list)
	}
	return lists
}

// arrival is the position, in the layer before its high node, at which a bundle passes; lanes pass last.
func (p *plan) arrival(bundle int32) int32 {
	b := &p.bundles[bundle]
	if b.express {
		return math.MaxInt32
	}
	return p.items[b.items[len(b.items)-2]].pos
}

// twistWindow bounds the operands that each one is compared with; orders are right if neighbours are.
const twistWindow = 32

// twists counts the pairs of operands that arrive in the wrong order.
func (p *plan) twists(list *operandList) int {
	count := 0
	for k, b := range list.bundles {
		for _, a := range list.bundles[max(0, k-twistWindow):k] {
			if p.arrival(a) > p.arrival(b) {
				count++
			}
		}
	}
	return count
}

func (o *orderer) allTwists() int {
	count := 0
	for i := range o.lists {
		count += o.twists(&o.lists[i])
	}
	return count
}

// untwistEffort bounds the items that untwist looks at.
const untwistEffort = 4_000_000

// untwist brings operands into their order where that adds no crossing: it exchanges what hangs on one operand alone with what hangs on
// another, and neighbours.
func (o *orderer) untwist() {
	effort := untwistEffort
	for round, again := 0, true; again && round < 8; round++ {
		again = false
		for i := range o.lists {
			list := &o.lists[i]
			for k := 1; k < len(list.bundles) && effort > 0; k++ {
				for j := k - 1; j >= max(0, k-twistWindow); j-- {
					a, b := list.bundles[j], list.bundles[k]
					if o.arrival(a) > o.arrival(b) && !o.bundles[a].express && !o.bundles[b].express && o.exchange(a, b, &effort) {
						again = true
					}
				}
			}
		}
	}
}

// hanging returns the items that lead nowhere but into the bundle, by layer.
func (o *orderer) hanging(bundle int32) map[int32][]int32 {
	items := o.bundles[bundle].items
	found := map[int32][]int32{}
	met := map[int32]int{}
	stack := []int32{items[len(items)-2]}
	if len(o.down[stack[0]]) != 1 {
		return found
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		found[o.items[i].layer] = append(found[o.items[i].layer], i)
		for _, up := range o.up[i] {
			if met[up.to]++; met[up.to] == len(o.down[up.to]) {
				stack = append(stack, up.to)
			}
		}
	}
	return found
}

// exchange puts what hangs on bundle a before what hangs on bundle b, in the places that both have, and takes that back if it costs a
// crossing or the order of other operands.
func (o *orderer) exchange(a, b int32, effort *int) bool {
	before, after := o.hanging(a), o.hanging(b)
	first, last := len(o.layers), -1
	saved := map[int][]int32{}
	both := true
	for l, items := range before {
		other := after[l]
		if len(other) == 0 {
			continue
		}
		cluster := o.items[items[0]].cluster
		for _, i := range append(slices.Clone(items), other...) {
			both = both && o.items[i].cluster == cluster
		}
		saved[int(l)] = slices.Clone(o.layers[l])
		first, last = min(first, int(l)), max(last, int(l))
	}
	if !both || last < 0 {
		return false
	}
	count := func() (crossings, twists int) {
		for l := max(0, first-1); l <= last && l+1 < len(o.layers); l++ {
			*effort -= len(o.layers[l])
			crossings += o.crossingsBelow(l)
		}
		*effort -= len(o.lists)
		return crossings, o.allTwists()
	}
	crossings, twists := count()
	position := func(x, y int32) int { return int(o.items[x].pos - o.items[y].pos) }
	for l := range saved {
		x, y := slices.Clone(before[int32(l)]), slices.Clone(after[int32(l)])
		slices.SortFunc(x, position)
		slices.SortFunc(y, position)
		all := append(x, y...)
		places := slices.Clone(all)
		slices.SortFunc(places, position)
		var at []int32
		for _, i := range places {
			at = append(at, o.items[i].pos)
		}
		for k, i := range all {
			o.layers[l][at[k]] = i
		}
		o.indexLayer(l)
	}
	if c, t := count(); c <= crossings && t < twists {
		return true
	}
	for l, layer := range saved {
		copy(o.layers[l], layer)
		o.indexLayer(l)
	}
	return false
}

// mark decides at which nodes the operands are marked, and makes room for that.
func (p *plan) mark() {
	p.marked, p.operandsOf = make([]bool, len(p.graph.Nodes)), make([][]int32, len(p.graph.Nodes))
	for i := range p.graph.Nodes {
		p.marked[i] = p.graph.Nodes[i].AlwaysMarked
	}
	for i := range p.lists {
		list := &p.lists[i]
		if list.tangled || p.twists(list) > 0 {
			p.marked[list.node] = true
			continue
		}
		p.operandsOf[list.node] = list.bundles
		for _, b := range list.bundles {
			p.bundles[b].inOrder = true
		}
	}
	room := make([]float64, len(p.graph.Nodes))
	for i := range p.bundles {
		b := &p.bundles[i]
		if p.marked[b.high] {
			room[b.high] += math.Max(p.markV(b)+markGap, p.portThickness(b)+portGap)
		}
	}
	for i := range p.graph.Nodes {
		if p.marked[i] {
			p.su[i] += p.graph.Nodes[i].MarkU
			grown := math.Max(p.sv[i], room[i]+1.8*p.graph.Nodes[i].Radius)
			p.items[i].size += grown - p.sv[i]
			p.sv[i] = grown
		}
	}
}

// markGap is the distance between marks.
const markGap = 2

// markV is the room along v that the marks of a bundle need.
func (p *plan) markV(b *bundle) float64 {
	v := 0.0
	for _, e := range b.strands {
		v = math.Max(v, p.graph.Edges[e].MarkV)
	}
	return v + p.portThickness(b)
}
