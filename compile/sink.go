package compile

import (
	"cmp"
	"slices"
)

// sinkLoops is the pass that moves a loop into another one behind it, if that alone reads its results and goes through them in the same order: they then need no memory. The loop has
// waited for nothing but its operands, which are complete before the later loop too.
func sinkLoops(l *lowering) error {
	if l.config.Unoptimized || !slices.ContainsFunc(l.groups, func(x *instruction) bool { return x.kind == classLoop }) {
		return nil
	}
	reader := make([]int32, l.g.Len()) // by root: the only instruction besides its own that reads it; −1 for none
	for i := range reader {
		reader[i] = none
	}
	for _, o := range l.outputs {
		reader[l.root[o.ID()]] = several
	}
	for k, x := range l.groups {
		for _, id := range x.nodes {
			for i, in := range l.in(id) {
				r := l.inRoots(id)[i]
				switch from := l.groupOf[r]; {
				case from < 0 || from == int32(k):
				case l.class[in] == classWindow || l.root[in] != in || x.kind != classLoop || id == x.tail || !l.g.Node(int(in)).Shape().Equal(x.dims):
					reader[r] = several
				case reader[r] == none || reader[r] == int32(k):
					reader[r] = int32(k)
				default:
					reader[r] = several
				}
			}
		}
	}
	moved := make([]int32, len(l.groups)) // by instruction: the one that took it up, itself if none did
	for k := range moved {
		moved[k] = int32(k)
	}
	order := make([]int32, len(l.groups))
	for k := range order {
		order[k] = int32(k)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(l.groups[b].stage, l.groups[a].stage), cmp.Compare(l.groups[b].depth, l.groups[a].depth))
	})
	for _, k := range order {
		x := l.groups[k]
		if x.kind != classLoop || x.tail >= 0 {
			continue
		}
		to, results := none, 0
		for _, id := range x.nodes {
			r := reader[id]
			if r >= 0 {
				r = moved[r] // which comes later, so it has its place
				results++
			}
			switch {
			case r == none:
			case to == none || to == r:
				to = r
			default:
				to = several
			}
		}
		if to < 0 {
			continue
		}
		y := l.groups[to]
		if !y.dims.Equal(x.dims) || len(x.nodes)+len(y.nodes) > maxLoopNodes || y.tail >= 0 && slices.ContainsFunc(x.nodes, l.readsWindow) || !l.sinks(x, y, results) {
			continue
		}
		y.nodes = append(y.nodes, x.nodes...)
		slices.Sort(y.nodes)
		for _, id := range x.nodes {
			l.groupOf[id] = to
		}
		x.nodes, moved[k] = nil, to
		l.fired["sink"]++
	}
	return nil
}

// What stands for no instruction, and for more than one.
const (
	none    = int32(-1)
	several = int32(-2)
)

// mostArrays bounds the arrays that a loop which has taken up another reads.
const mostArrays = 40

// sinks reports whether y may take up x, of which it reads so many results: the loop must not get too many operands, and no more arrays be kept for it than are not stored any more.
func (l *lowering) sinks(x, y *instruction, results int) bool {
	read := map[int32]bool{}
	each := func(x *instruction, f func(root int32)) {
		for _, id := range x.nodes {
			for _, r := range l.inRoots(id) {
				if l.groupOf[r] < 0 || l.groups[l.groupOf[r]] != x {
					f(r)
				}
			}
		}
	}
	each(y, func(r int32) { read[r] = true })
	kept := 0
	each(x, func(r int32) {
		if l.groupOf[r] >= 0 && !read[r] && !l.g.Node(int(r)).Type().IsScalar() {
			kept++
		}
		read[r] = true
	})
	return len(read) <= mostArrays && kept <= results
}

// joinTails is the pass that lets a loop which reads an array anyway make a reduction of it, which would go through the array once more.
func joinTails(l *lowering) error {
	if l.config.Unoptimized {
		return nil
	}
	readers := map[int32][]*instruction{} // by operand of a reduction alone
	alone := func(y *instruction) bool {
		return y.kind == classLoop && !y.joined && len(y.nodes) == 1 && y.nodes[0] == y.tail && l.class[l.in(y.tail)[0]] != classWindow
	}
	for _, y := range l.groups {
		if alone(y) {
			readers[l.in(y.tail)[0]] = nil
		}
	}
	if len(readers) == 0 {
		return nil
	}
	number := map[*instruction]int32{}
	for k, x := range l.groups {
		if x.kind != classLoop || x.joined || x.tail >= 0 || slices.ContainsFunc(x.nodes, l.readsWindow) {
			continue
		}
		number[x] = int32(k)
		for _, id := range x.nodes {
			for _, in := range l.in(id) {
				if list, ok := readers[in]; ok && l.groupOf[l.root[in]] != int32(k) && l.g.Node(int(in)).Shape().Equal(x.dims) {
					readers[in] = append(list, x)
				}
			}
		}
	}
	for _, y := range l.groups {
		if !alone(y) {
			continue
		}
		for _, x := range readers[l.in(y.tail)[0]] {
			if x.tail < 0 && x.stage == y.stage && x.depth <= y.depth && len(x.nodes) < maxLoopNodes {
				x.nodes, x.tail = append(x.nodes, y.tail), y.tail
				l.groupOf[y.tail] = number[x]
				y.nodes = nil
				l.fired["tails"]++
				break
			}
		}
	}
	return nil
}
