package layout

// rank assigns a rank to every node: along every bundle it grows by one at
// least, and the weighted sum of the bundles' lengths is small.
func (p *plan) rank() error {
	n := len(p.graph.Nodes)
	order, err := p.topological()
	if err != nil {
		return err
	}
	p.ranks = make([]int, n)
	out := make([][]int32, n)
	in := make([][]int32, n)
	for i, b := range p.bundles {
		out[b.low] = append(out[b.low], int32(i))
		in[b.high] = append(in[b.high], int32(i))
	}
	p.lengths(in)
	for _, v := range order {
		for _, b := range in[v] {
			p.ranks[v] = max(p.ranks[v], p.ranks[p.bundles[b].low]+p.bundles[b].length)
		}
	}
	pinned := false
	for i, node := range p.graph.Nodes {
		pinned = pinned || node.First && len(in[i]) == 0
	}
	if pinned {
		// Variables stand at the left, everything else as early as it can,
		// except constants, which go to their user.
		for v, node := range p.graph.Nodes {
			if node.First || len(in[v]) > 0 || len(out[v]) == 0 {
				continue
			}
			p.ranks[v] = int(^uint(0) >> 1)
			for _, b := range out[v] {
				p.ranks[v] = min(p.ranks[v], p.ranks[p.bundles[b].high]-p.bundles[b].length)
			}
		}
		p.enter(in)
		return nil
	}
	p.slide(order, in, out)
	p.simplex(in, out)
	p.normalise(in, out)
	p.enter(in)
	return nil
}

// enter moves the entries of each cluster to the first of them, as far as what leads to them lets them.
func (p *plan) enter(in [][]int32) {
	first := map[int]int{}
	for v, node := range p.graph.Nodes {
		if r, found := first[node.Cluster]; node.Entry && (!found || p.ranks[v] < r) {
			first[node.Cluster] = p.ranks[v]
		}
	}
	for v, node := range p.graph.Nodes {
		if !node.Entry {
			continue
		}
		r := first[node.Cluster]
		for _, b := range in[v] {
			r = max(r, p.ranks[p.bundles[b].low]+p.bundles[b].length)
		}
		p.ranks[v] = min(p.ranks[v], r)
	}
}

// lengths sets the least length of every bundle: 1, but 2 where it enters a
// cluster at a node that also has an operand of its own in there, such as the
// weights of a layer. The operand then does not stand beside the cluster that
// the bundle comes from, and a chain of clusters can lie in one row.
func (p *plan) lengths(in [][]int32) {
	for i := range p.bundles {
		b := &p.bundles[i]
		b.length = 1
		home := p.graph.Nodes[b.high].Cluster
		if home < 0 || p.common(home, p.graph.Nodes[b.low].Cluster) == home {
			continue
		}
		for _, k := range in[b.high] {
			source := p.bundles[k].low
			if p.graph.Nodes[source].Cluster == home && len(in[source]) == 0 {
				b.length = 2
				break
			}
		}
	}
}

// topological returns the nodes in an order that follows the bundles; among
// nodes that are free at the same time, the lowest index comes first.
func (p *plan) topological() ([]int, error) {
	n := len(p.graph.Nodes)
	degree := make([]int, n)
	next := make([][]int32, n)
	for _, b := range p.bundles {
		degree[b.high]++
		next[b.low] = append(next[b.low], int32(b.high))
	}
	order := make([]int, 0, n)
	for i := 0; i < n; i++ {
		if degree[i] == 0 {
			order = append(order, i)
		}
	}
	for at := 0; at < len(order); at++ {
		for _, w := range next[order[at]] {
			if degree[w]--; degree[w] == 0 {
				order = append(order, int(w))
			}
		}
	}
	if len(order) < n {
		return nil, ErrCycle
	}
	return order, nil
}

// slide moves single nodes within the room that their neighbours leave, so
// that heavy bundles become short. It is the start for the simplex, and all
// there is for graphs that are too large for it.
func (p *plan) slide(order []int, in, out [][]int32) {
	for round := 0; round < 8; round++ {
		moved := false
		for k := len(order) - 1; k >= 0; k-- {
			v := order[k]
			balance := 0
			ceiling := int(^uint(0) >> 1)
			for _, b := range out[v] {
				balance += p.bundles[b].weight
				ceiling = min(ceiling, p.ranks[p.bundles[b].high]-p.bundles[b].length)
			}
			for _, b := range in[v] {
				balance -= p.bundles[b].weight
			}
			if balance > 0 && len(out[v]) > 0 && ceiling > p.ranks[v] {
				p.ranks[v] = ceiling
				moved = true
			}
		}
		for _, v := range order {
			balance := 0
			floor := 0
			for _, b := range in[v] {
				balance += p.bundles[b].weight
				floor = max(floor, p.ranks[p.bundles[b].low]+p.bundles[b].length)
			}
			for _, b := range out[v] {
				balance -= p.bundles[b].weight
			}
			if balance > 0 && len(in[v]) > 0 && floor < p.ranks[v] {
				p.ranks[v] = floor
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

// normalise moves every connected component to rank 0.
func (p *plan) normalise(in, out [][]int32) {
	n := len(p.graph.Nodes)
	component := make([]int, n)
	for i := range component {
		component[i] = -1
	}
	for start := range component {
		if component[start] >= 0 {
			continue
		}
		stack := []int{start}
		component[start] = start
		members := []int{}
		lowest := p.ranks[start]
		for len(stack) > 0 {
			v := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			members = append(members, v)
			lowest = min(lowest, p.ranks[v])
			visit := func(w int) {
				if component[w] < 0 {
					component[w] = start
					stack = append(stack, w)
				}
			}
			for _, b := range out[v] {
				visit(p.bundles[b].high)
			}
			for _, b := range in[v] {
				visit(p.bundles[b].low)
			}
		}
		for _, v := range members {
			p.ranks[v] -= lowest
		}
	}
}
