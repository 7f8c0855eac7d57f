package layout

// simplexWork bounds the steps spent in the network simplex; when it is used
// up, the ranks found so far, which are feasible, stay.
const simplexWork = 12_000_000

// simplexTree is a spanning tree of tight bundles over the whole graph.
type simplexTree struct {
	p       *plan
	in, out [][]int32
	inTree  []bool  // per bundle
	parent  []int32 // per node: the bundle to its parent, −1 at a root
	low     []int32 // per node: the subtree of v is those w with low[v] ≤ lim[w] ≤ lim[v]
	lim     []int32
	post    []int32 // nodes in post-order
	cut     []int   // per node: cut value of the bundle to its parent
	work    int
}

// simplex improves feasible ranks to optimal ones (Gansner et al. 1993, §2.3).
func (p *plan) simplex(in, out [][]int32) {
	n := len(p.graph.Nodes)
	if n < 2 || len(p.bundles) == 0 {
		return
	}
	t := &simplexTree{p: p, in: in, out: out, work: simplexWork,
		inTree: make([]bool, len(p.bundles)), parent: make([]int32, n),
		low: make([]int32, n), lim: make([]int32, n), cut: make([]int, n)}
	if !t.grow() {
		return
	}
	t.number()
	search := 0
	for t.work > 0 {
		leave := -1
		for k := 0; k < n; k++ {
			v := (search + k) % n
			if t.parent[v] >= 0 && t.cut[v] < 0 {
				leave = v
				break
			}
		}
		if leave < 0 {
			return
		}
		search = leave + 1
		t.pivot(leave)
	}
}

func (t *simplexTree) slack(b int32) int {
	e := &t.p.bundles[b]
	return t.p.ranks[e.high] - t.p.ranks[e.low] - e.length
}

// grow builds a spanning forest of tight bundles, one tree per component,
// shifting a tree where it needs a bundle to become tight.
func (t *simplexTree) grow() bool {
	n := len(t.p.graph.Nodes)
	owner := make([]int32, n)
	for i := range owner {
		owner[i] = -1
	}
	for root := 0; root < n; root++ {
		if owner[root] >= 0 {
			continue
		}
		members := []int32{int32(root)}
		owner[root] = int32(root)
		done := 0
		for {
			for ; done < len(members); done++ {
				v := members[done]
				for _, b := range t.out[v] {
					if w := t.p.bundles[b].high; owner[w] < 0 && t.slack(b) == 0 {
						owner[w] = int32(root)
						t.inTree[b] = true
						members = append(members, int32(w))
					}
				}
				for _, b := range t.in[v] {
					if w := t.p.bundles[b].low; owner[w] < 0 && t.slack(b) == 0 {
						owner[w] = int32(root)
						t.inTree[b] = true
						members = append(members, int32(w))
					}
				}
			}
			best, shift := int32(-1), 0
			for _, v := range members {
				t.work -= 1 + len(t.out[v]) + len(t.in[v])
				for _, b := range t.out[v] {
					if owner[t.p.bundles[b].high] < 0 && (best < 0 || t.slack(b) < abs(shift)) {
						best, shift = b, t.slack(b)
					}
				}
				for _, b := range t.in[v] {
					if owner[t.p.bundles[b].low] < 0 && (best < 0 || t.slack(b) < abs(shift)) {
						best, shift = b, -t.slack(b)
					}
				}
			}
			if best < 0 {
				break
			}
			if t.work < 0 {
				return false
			}
			for _, v := range members {
				t.p.ranks[v] += shift
			}
			done = 0 // any member may now touch a tight bundle
		}
	}
	return true
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}

// number walks the trees and sets parents, post-order numbers and cut values.
func (t *simplexTree) number() {
	n := len(t.p.graph.Nodes)
	visited := make([]bool, n)
	t.post = t.post[:0]
	type frame struct {
		v    int32
		next int
	}
	var stack []frame
	for root := 0; root < n; root++ {
		if visited[root] {
			continue
		}
		visited[root] = true
		t.parent[root] = -1
		stack = append(stack, frame{v: int32(root)})
		t.low[root] = int32(len(t.post))
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			outs, ins := t.out[f.v], t.in[f.v]
			descended := false
			for f.next < len(outs)+len(ins) {
				var b int32
				var w int
				if f.next < len(outs) {
					b = outs[f.next]
					w = t.p.bundles[b].high
				} else {
					b = ins[f.next-len(outs)]
					w = t.p.bundles[b].low
				}
				f.next++
				if t.inTree[b] && !visited[w] {
					visited[w] = true
					t.parent[w] = b
					t.low[w] = int32(len(t.post))
					stack = append(stack, frame{v: int32(w)})
					descended = true
					break
				}
			}
			if !descended {
				v := stack[len(stack)-1].v
				t.lim[v] = int32(len(t.post))
				t.post = append(t.post, v)
				stack = stack[:len(stack)-1]
			}
		}
	}
	// The net weight that leaves a subtree is the sum over its nodes of what
	// they send less what they receive: bundles inside cancel.
	for i := range t.cut {
		t.cut[i] = 0
	}
	for i := range t.p.bundles {
		b := &t.p.bundles[i]
		t.cut[b.low] += b.weight
		t.cut[b.high] -= b.weight
	}
	for _, v := range t.post {
		b := t.parent[v]
		if b < 0 {
			continue
		}
		e := &t.p.bundles[b]
		if e.low == int(v) {
			t.cut[e.high] += t.cut[v]
		} else {
			t.cut[e.low] += t.cut[v]
			t.cut[v] = -t.cut[v]
		}
	}
	t.work -= n + len(t.p.bundles)
}

// pivot exchanges the bundle from v to its parent, whose cut value is
// negative, for the bundle of least slack that joins the two parts the other
// way, and moves the subtree of v so that it becomes tight.
func (t *simplexTree) pivot(v int) {
	leave := t.parent[v]
	tailInside := t.p.bundles[leave].low == v
	low, lim := t.low[v], t.lim[v]
	inside := func(w int) bool { return low <= t.lim[w] && t.lim[w] <= lim }
	best, bestSlack := int32(-1), 0
	for _, w := range t.post[low : lim+1] {
		// The entering bundle runs from the head's part to the tail's part.
		list := t.in[w]
		if !tailInside {
			list = t.out[w]
		}
		for _, b := range list {
			e := &t.p.bundles[b]
			other := e.low
			if !tailInside {
				other = e.high
			}
			if inside(other) {
				continue
			}
			if s := t.slack(b); best < 0 || s < bestSlack || s == bestSlack && b < best {
				best, bestSlack = b, s
			}
		}
	}
	if best < 0 {
		panic("BUG: no bundle can enter the tree")
	}
	shift := bestSlack
	if tailInside {
		shift = -bestSlack
	}
	for _, w := range t.post[low : lim+1] {
		t.p.ranks[w] += shift
	}
	t.inTree[leave] = false
	t.inTree[best] = true
	t.number()
}
