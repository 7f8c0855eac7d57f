package layout

import "math"

// separateClusters finds coordinates near the present ones in which every
// cluster is a box that holds its members and nothing else. The constraints
// are distances between pairs of variables: items, and two borders per
// cluster. They are projected onto as Dwyer, Marriott and Stuckey do in "Fast
// node overlap removal" (2005), with splitting of blocks.
func (c *coordinates) separateClusters(rounds int) {
	s := newSeparation(c.plan)
	for round := 0; round <= rounds; round++ {
		for i := range c.items {
			c.want(int32(i), true, true, true)
			s.desired[i] = c.desired[i]
			s.weight[i] = c.weight[i]
			if round == 0 {
				s.desired[i] = c.items[i].v
			} else {
				// A damped step: all items move at once.
				s.desired[i] = (c.items[i].v + c.desired[i]) / 2
			}
		}
		for k := range c.graph.Clusters {
			// Borders follow their members; they have no wish of their own.
			s.desired[s.low(k)], s.desired[s.high(k)] = s.at[s.low(k)], s.at[s.high(k)]
			s.weight[s.low(k)], s.weight[s.high(k)] = 1e-4, 1e-4
		}
		s.solve()
		for i := range c.items {
			c.items[i].v = s.at[i]
		}
	}
	for k := range c.graph.Clusters {
		c.clusterLow[k], c.clusterHigh[k] = s.at[s.low(k)], s.at[s.high(k)]
	}
	c.tightenClusters()
}

// tightenClusters draws every cluster's borders, which hold its members with
// room to spare, close around them.
func (p *plan) tightenClusters() {
	clusters := p.graph.Clusters
	low, high := make([]float64, len(clusters)), make([]float64, len(clusters))
	for k := range clusters {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
	}
	cover := func(k int, from, to float64) {
		low[k] = math.Min(low[k], from-p.options.Padding-p.titleV(k))
		high[k] = math.Max(high[k], to+p.options.Padding)
	}
	for i := range p.items {
		it := &p.items[i]
		if it.cluster >= 0 {
			cover(int(it.cluster), it.v-it.size/2, it.v+it.size/2)
		}
	}
	for k := len(clusters) - 1; k >= 0; k-- {
		if width := p.titleWidthV(k); high[k]-low[k] < width {
			// The title needs more than the members; the old borders have it.
			low[k] = math.Max(p.clusterLow[k], (low[k]+high[k]-width)/2)
			high[k] = math.Min(p.clusterHigh[k], low[k]+width)
			low[k] = math.Min(low[k], high[k]-width)
		}
		if parent := clusters[k].Parent; parent >= 0 {
			cover(parent, low[k], high[k])
		}
	}
	copy(p.clusterLow, low)
	copy(p.clusterHigh, high)
}

// titleWidthV returns the least extent along v that a cluster's title needs.
func (p *plan) titleWidthV(c int) float64 {
	if p.options.Direction.Horizontal() || p.graph.Clusters[c].TitleW == 0 {
		return 0
	}
	return p.graph.Clusters[c].TitleW + 2*p.options.Padding
}

type constraint struct {
	left, right int32 // at[left] + gap ≤ at[right]
	gap         float64
	active      bool
}

type separation struct {
	items           int
	desired, weight []float64
	at              []float64
	constraints     []constraint
	in, out         [][]int32 // per variable
	order           []int32   // variables in topological order

	blockOf  []int32
	position []float64 // per block
	offset   []float64 // per variable, within its block
	members  [][]int32 // per block
	slope    []float64 // per variable, for weakest
	seen     []bool    // per variable, for reach
	walk     []step
}

// step is a variable and the constraint by which a walk came to it.
type step struct{ v, via int32 }

func (s *separation) low(cluster int) int  { return s.items + 2*cluster }
func (s *separation) high(cluster int) int { return s.items + 2*cluster + 1 }

func newSeparation(p *plan) *separation {
	s := &separation{items: len(p.items)}
	n := len(p.items) + 2*len(p.graph.Clusters)
	s.desired, s.weight, s.at = make([]float64, n), make([]float64, n), make([]float64, n)
	s.in, s.out = make([][]int32, n), make([][]int32, n)
	widest := map[[2]int32]int{}
	add := func(left, right int, gap float64) {
		key := [2]int32{int32(left), int32(right)}
		if at, found := widest[key]; found {
			s.constraints[at].gap = math.Max(s.constraints[at].gap, gap)
			return
		}
		widest[key] = len(s.constraints)
		s.out[left] = append(s.out[left], int32(len(s.constraints)))
		s.in[right] = append(s.in[right], int32(len(s.constraints)))
		s.constraints = append(s.constraints, constraint{left: int32(left), right: int32(right), gap: gap})
	}
	clusters := p.graph.Clusters
	padding := p.options.Padding
	// open chains from the border of cluster outer (−1: none) into item i.
	lineage := func(c, until int) []int {
		var line []int
		for ; c != until; c = clusters[c].Parent {
			line = append(line, c)
		}
		return line // innermost first
	}
	for _, layer := range p.layers {
		for k := range layer {
			i := layer[k]
			own := int(p.items[i].cluster)
			half := p.items[i].size / 2
			previous, previousCluster := -1, -1
			if k > 0 {
				previous = int(layer[k-1])
				previousCluster = int(p.items[previous].cluster)
			}
			common := -1
			if k > 0 {
				common = p.common(own, previousCluster)
			}
			// Walk out of the previous item's clusters, then into this one's.
			at, room := previous, 0.0
			if k > 0 {
				room = p.items[previous].size / 2
				for _, c := range lineage(previousCluster, common) {
					add(at, s.high(c), room+padding)
					at, room = s.high(c), 0
				}
			}
			between := 0.0
			if k > 0 {
				between = p.gap(layer[k-1], i)
				if previousCluster != common || own != common {
					between = p.options.EdgeGap
				}
			}
			into := lineage(own, common)
			for q := len(into) - 1; q >= 0; q-- {
				c := into[q]
				if at >= 0 {
					add(at, s.low(c), room+between)
				}
				at, room, between = s.low(c), padding+p.titleV(c), 0
			}
			if at >= 0 {
				add(at, int(i), room+between+half)
			}
			if k == len(layer)-1 {
				at, room = int(i), half
				for _, c := range lineage(own, -1) {
					add(at, s.high(c), room+padding)
					at, room = s.high(c), 0
				}
			}
		}
	}
	for c := range clusters {
		if w := p.titleWidthV(c); w > 0 {
			add(s.low(c), s.high(c), w)
		}
	}
	degree := make([]int, n)
	for v := range degree {
		degree[v] = len(s.in[v])
		if degree[v] == 0 {
			s.order = append(s.order, int32(v))
		}
	}
	for k := 0; k < len(s.order); k++ {
		for _, c := range s.out[s.order[k]] {
			right := s.constraints[c].right
			if degree[right]--; degree[right] == 0 {
				s.order = append(s.order, right)
			}
		}
	}
	if len(s.order) < n {
		panic("BUG: the constraints between clusters are cyclic")
	}
	for i := range p.items {
		s.at[i] = p.items[i].v
	}
	// Borders start where the members are.
	for c := len(clusters) - 1; c >= 0; c-- {
		s.at[s.low(c)], s.at[s.high(c)] = math.Inf(1), math.Inf(-1)
	}
	for i := range p.items {
		for c := int(p.items[i].cluster); c >= 0; c = clusters[c].Parent {
			s.at[s.low(c)] = math.Min(s.at[s.low(c)], p.items[i].v)
			s.at[s.high(c)] = math.Max(s.at[s.high(c)], p.items[i].v)
		}
	}
	s.blockOf, s.offset = make([]int32, n), make([]float64, n)
	s.slope, s.seen = make([]float64, n), make([]bool, n)
	return s
}

func (s *separation) solve() {
	n := len(s.desired)
	s.position, s.members = s.position[:0], s.members[:0]
	for v := 0; v < n; v++ {
		s.blockOf[v] = int32(v)
		s.offset[v] = 0
		s.position = append(s.position, s.desired[v])
		s.members = append(s.members, []int32{int32(v)})
	}
	for c := range s.constraints {
		s.constraints[c].active = false
	}
	s.satisfy()
	for round := 0; round < 12; round++ {
		if !s.split() {
			break
		}
	}
	s.enforce()
}

func (s *separation) value(v int32) float64 { return s.position[s.blockOf[v]] + s.offset[v] }

// satisfy merges blocks until no constraint between blocks is violated.
func (s *separation) satisfy() {
	// Blocks that settle may push others, which a later round sees.
	for round := 0; round < 50; round++ {
		violated := false
		for _, v := range s.order {
			for _, c := range s.in[v] {
				e := &s.constraints[c]
				if s.blockOf[e.left] != s.blockOf[v] && s.value(e.left)+e.gap-s.value(v) > 1e-7 {
					violated = true
					s.settle(s.blockOf[v])
				}
			}
		}
		if !violated {
			return
		}
	}
}

// settle merges a block with blocks to its left until none of its incoming
// constraints is violated.
func (s *separation) settle(b int32) {
	for {
		worst, violation := int32(-1), 1e-7
		for _, v := range s.members[b] {
			for _, c := range s.in[v] {
				e := &s.constraints[c]
				if s.blockOf[e.left] == b {
					continue
				}
				if d := s.value(e.left) + e.gap - s.value(e.right); d > violation {
					worst, violation = c, d
				}
			}
		}
		if worst < 0 {
			return
		}
		b = s.merge(worst)
	}
}

// merge joins the two blocks of a constraint, makes it active and returns the
// block that is left.
func (s *separation) merge(c int32) int32 {
	e := &s.constraints[c]
	e.active = true
	a, b := s.blockOf[e.left], s.blockOf[e.right]
	// Offsets in block a stay; those of b shift by a constant.
	shift := s.offset[e.left] + e.gap - s.offset[e.right]
	if len(s.members[a]) < len(s.members[b]) {
		a, b = b, a
		shift = -shift
	}
	for _, v := range s.members[b] {
		s.blockOf[v] = a
		s.offset[v] += shift
	}
	s.members[a] = append(s.members[a], s.members[b]...)
	s.members[b] = nil
	s.recentre(a)
	return a
}

// recentre moves a block to the weighted mean of what its members ask for.
func (s *separation) recentre(b int32) {
	sum, weight := 0.0, 0.0
	for _, v := range s.members[b] {
		sum += s.weight[v] * (s.desired[v] - s.offset[v])
		weight += s.weight[v]
	}
	s.position[b] = sum / weight
}

// split cuts, in every block, the active constraint with the most negative
// multiplier, and reports whether it cut any.
func (s *separation) split() bool {
	cut := false
	blocks := len(s.members)
	for b := 0; b < blocks; b++ {
		if len(s.members[b]) < 2 {
			continue
		}
		c := s.weakest(int32(b))
		if c < 0 {
			continue
		}
		cut = true
		e := &s.constraints[c]
		e.active = false
		// The part of the right end becomes a block of its own.
		part := s.reach(e.right)
		fresh := int32(len(s.members))
		s.members = append(s.members, part)
		s.position = append(s.position, s.position[b])
		for _, v := range part {
			s.blockOf[v] = fresh
		}
		rest := make([]int32, 0, len(s.members[b])-len(part))
		for _, v := range s.members[b] {
			if s.blockOf[v] == int32(b) {
				rest = append(rest, v)
			}
		}
		s.members[b] = rest
		s.recentre(int32(b))
		s.recentre(fresh)
	}
	if cut {
		s.satisfy()
	}
	return cut
}

// reach returns the variables joined to v by active constraints.
func (s *separation) reach(v int32) []int32 {
	seen := s.seen
	seen[v] = true
	part := []int32{v}
	for k := 0; k < len(part); k++ {
		visit := func(list []int32, right bool) {
			for _, c := range list {
				if e := &s.constraints[c]; e.active {
					w := e.left
					if right {
						w = e.right
					}
					if !seen[w] {
						seen[w] = true
						part = append(part, w)
					}
				}
			}
		}
		visit(s.in[part[k]], false)
		visit(s.out[part[k]], true)
	}
	for _, w := range part {
		seen[w] = false
	}
	return part
}

// weakest returns the active constraint of a block whose multiplier is the
// most negative, or −1. Multipliers come from one walk over the spanning tree
// that the active constraints form.
func (s *separation) weakest(b int32) int32 {
	root := s.members[b][0]
	tree := append(s.walk[:0], step{root, -1})
	slope := s.slope
	for k := 0; k < len(tree); k++ {
		v, via := tree[k].v, tree[k].via
		slope[v] = s.weight[v] * (s.value(v) - s.desired[v])
		for _, c := range s.in[v] {
			if s.constraints[c].active && c != via {
				tree = append(tree, step{s.constraints[c].left, c})
			}
		}
		for _, c := range s.out[v] {
			if s.constraints[c].active && c != via {
				tree = append(tree, step{s.constraints[c].right, c})
			}
		}
	}
	s.walk = tree
	worst, least := int32(-1), -1e-6
	for k := len(tree) - 1; k > 0; k-- {
		v, via := tree[k].v, tree[k].via
		e := &s.constraints[via]
		parent, multiplier := e.left, slope[v]
		if e.left == v {
			parent, multiplier = e.right, -slope[v]
		}
		slope[parent] += slope[v]
		if multiplier < least {
			worst, least = via, multiplier
		}
	}
	return worst
}

// enforce reads the positions out of the blocks and pushes what rounding left
// violated, so that every constraint holds.
func (s *separation) enforce() {
	for _, v := range s.order {
		at := s.value(v)
		for _, c := range s.in[v] {
			e := &s.constraints[c]
			at = math.Max(at, s.at[e.left]+e.gap)
		}
		s.at[v] = at
	}
}
