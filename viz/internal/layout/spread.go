package layout

import (
	"math"
	"slices"
)

// Banks of a broad layer, as seats of a theatre.
const (
	broadest     = 1500 // layers up to this breadth stay as they are
	leastBreadth = 2.5  // and so do those of drawings that are less stretched
	manyEdges    = 8    // nodes with so many neighbours hold parts together
	fewestParts  = 16
)

// spread divides a layer that is very broad into banks, one behind another, between whose nodes the edges pass: its nodes, with what hangs on them alone, move
// to ranks of their own, and what they lead to moves behind all of them.
func (p *plan) spread() {
	wide, breadth, length := p.broadestRank()
	if breadth < broadest || breadth < leastBreadth*length {
		return
	}
	parts, kind, first, last, passing := p.partsOf(wide)
	if len(parts) < fewestParts {
		return
	}
	depth := last - first + 1
	perRank := length / float64(p.lastRank()+1)
	// far is how far the shape is from that of a page.
	far := func(banks int) float64 {
		most := (len(parts) + banks - 1) / banks
		u := length + float64((banks-1)*depth)*perRank
		v := breadth*float64(most)/float64(len(parts)) + float64(passing*(len(parts)-most)/len(parts))*p.options.EdgeGap
		if !p.options.Direction.Horizontal() {
			u, v = v, u
		}
		return math.Abs(math.Log(u / v / goodAspect))
	}
	banks := 1
	for b := 2; b <= len(parts)/4; b++ {
		if far(b) < far(banks) {
			banks = b
		}
	}
	for k, part := range parts {
		for _, v := range part {
			p.ranks[v] += k * banks / len(parts) * depth
		}
	}
	for v := range p.ranks {
		if kind[v] == behindParts {
			p.ranks[v] += (banks - 1) * depth
		}
	}
}

func (p *plan) lastRank() int { return slices.Max(p.ranks) }

// broadestRank returns the rank of the greatest breadth, its breadth, and the length of the drawing.
func (p *plan) broadestRank() (wide int, breadth, length float64) {
	if len(p.ranks) == 0 {
		return 0, 0, 0
	}
	u, v := make([]float64, p.lastRank()+1), make([]float64, p.lastRank()+1)
	for i, r := range p.ranks {
		u[r] = math.Max(u[r], p.su[i])
		v[r] += p.sv[i] + p.options.NodeGap
	}
	for r := range u {
		length += u[r] + p.options.RankGap
		if v[r] > v[wide] {
			wide = r
		}
	}
	return wide, v[wide], length
}

type partKind uint8

const (
	inPart partKind = iota + 1
	behindParts
)

// partsOf returns the parts that hang together without nodes of many edges and have nodes in a rank, the kinds of all nodes, the first and last rank of the parts, and how many edges lead
// from the parts to what is behind them, or to them if these are more. There are no parts if what is behind one of them leads to another one.
func (p *plan) partsOf(rank int) (parts [][]int, kind []partKind, first, last, passing int) {
	n := len(p.graph.Nodes)
	neighbours := make([][]int, n)
	next := make([][]int, n)
	for i := range p.bundles {
		b := &p.bundles[i]
		neighbours[b.low], neighbours[b.high] = append(neighbours[b.low], b.high), append(neighbours[b.high], b.low)
		next[b.low] = append(next[b.low], b.high)
	}
	kind = make([]partKind, n)
	first = rank
	for v := range n {
		if p.graph.Nodes[v].First {
			return nil, nil, 0, 0, 0
		}
		if p.ranks[v] != rank || kind[v] != 0 || len(neighbours[v]) >= manyEdges {
			continue
		}
		kind[v] = inPart
		part := []int{v}
		for k := 0; k < len(part); k++ {
			first, last = min(first, p.ranks[part[k]]), max(last, p.ranks[part[k]])
			for _, w := range neighbours[part[k]] {
				if kind[w] == 0 && len(neighbours[w]) < manyEdges {
					kind[w] = inPart
					part = append(part, w)
				}
			}
		}
		parts = append(parts, part)
	}
	var behind []int
	into, out := 0, 0
	for i := range p.bundles {
		b := &p.bundles[i]
		switch {
		case kind[b.low] == inPart && kind[b.high] != inPart:
			out++
			if kind[b.high] == 0 {
				kind[b.high] = behindParts
				behind = append(behind, b.high)
			}
		case kind[b.low] != inPart && kind[b.high] == inPart:
			into++
		}
	}
	for k := 0; k < len(behind); k++ {
		for _, w := range next[behind[k]] {
			switch kind[w] {
			case inPart:
				return nil, nil, 0, 0, 0
			case 0:
				kind[w] = behindParts
				behind = append(behind, w)
			}
		}
	}
	// What leads to nothing but what is behind the parts stays beside it.
	order := make([]int, n)
	for v := range order {
		order[v] = v
	}
	slices.SortStableFunc(order, func(a, b int) int { return p.ranks[b] - p.ranks[a] })
	for _, v := range order {
		if kind[v] == 0 && len(next[v]) > 0 && !slices.ContainsFunc(next[v], func(w int) bool { return kind[w] != behindParts }) {
			kind[v] = behindParts
		}
	}
	return parts, kind, first, last, max(into, out)
}
