package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// straightCode is the order and the temporaries of one instruction of scalar code.
type straightCode struct {
	nodes []scheduled // beside those of the instruction
	temps int         // temporaries in use at most
}

// scheduled says of a node of scalar code when it is computed, and where it is kept.
type scheduled struct {
	at   int32 // position in the order
	slot int32 // the temporary that holds the value, −1 if it lies in memory of its own
}

// order returns the nodes of the instruction in their order.
func (c straightCode) order(x *instruction) []int32 {
	ids := make([]int32, len(x.nodes))
	for i, n := range c.nodes {
		ids[n.at] = x.nodes[i]
	}
	return ids
}

// straightScheduler orders scalar code so that few values are alive at a time: depth first from the values that are
// needed afterwards, into the deepest operand first; and a node whose operands are all there is taken as soon as it is the last reader of one of
// them. Before all others come the links of chains that go on at the same time.
type straightScheduler struct {
	local   []int32 // by node ID: 1 + index among the instruction's nodes; 0 outside
	nodes   []straightNode
	edges   []int32    // operands of nodes that have many
	late    []lateRead // readers of nodes that have many
	list    []int32    // readers of one of these
	free    [9][]int32 // free temporaries by bytes of the value: a cell has one size throughout
	ready   []int32
	stack   []straightFrame
	temps   int
	next    int32 // position in the order
	weaving bool  // links of chains that go on at the same time are being taken

	linked *instruction // what link was called for ahead of schedule, nil for nothing
}

// straightNode is what the scheduler knows of a node. It is a cache line, as what comes next may lie anywhere. Nodes are named by their indices within the
// instruction.
type straightNode struct {
	in      [3]int32 // operands; of more, the first is where they begin in edges
	reads   [5]int32 // the first readers
	late    int32    // the last one of the other readers in late, 0 for none
	arity   int32    // number of operands
	left    int32    // operands that are not computed yet
	readers int32    // reads that are still to come
	depth   int32    // longest way from a node without operands in the instruction
	scheduled
	count uint8 // of the first readers
	size  uint8 // bytes of the value
	temp  bool  // the value lies in a temporary
	done  bool
}

// lateRead is a link in a ring of readers.
type lateRead struct{ reader, next int32 }

// scheduleAhead is the number of nodes by which the scheduler asks for memory in advance.
const scheduleAhead = 12

type straightFrame struct{ node, next int32 }

func (s *straightScheduler) schedule(m *memoryPlanner, x *instruction) straightCode {
	if s.linked != x {
		s.link(m.lowering, x)
	}
	s.linked = nil
	s.temps, s.next = 0, 0
	for size := range s.free {
		s.free[size] = s.free[size][:0]
	}
	// Shallow roots first, but the pieces of an array in its order: an unrolled gradient has its forward half far from its
	// backward half, and this joins them.
	var woven, roots []int32
	for i, id := range x.nodes {
		if m.isWoven(id) {
			woven = append(woven, int32(i))
		}
		s.nodes[i].temp = m.class[id] == classScalar && !m.place[id].known
		if m.wanted(id) {
			roots = append(roots, int32(i))
		}
	}
	slices.SortStableFunc(woven, func(a, b int32) int { return int(m.woven[x.nodes[a]] - m.woven[x.nodes[b]]) })
	slices.SortStableFunc(roots, func(a, b int32) int { return int(s.nodes[a].depth - s.nodes[b].depth) })
	for k, root := range append(woven, roots...) {
		s.weaving = k < len(woven)
		if !s.nodes[root].done {
			s.descend(root)
		}
	}
	if int(s.next) != len(x.nodes) {
		panic("BUG: scalar code has nodes that nothing needs")
	}
	code := straightCode{nodes: prefetch.Pages(make([]scheduled, len(x.nodes))), temps: s.temps}
	for i := range s.nodes {
		code.nodes[i] = s.nodes[i].scheduled
	}
	return code
}

// link numbers the instruction's nodes and connects them.
func (s *straightScheduler) link(m *lowering, x *instruction) {
	if s.local == nil {
		s.local = prefetch.Pages(make([]int32, m.g.Len()))
	}
	for i, id := range x.nodes {
		s.local[id] = int32(i) + 1
	}
	s.nodes = nil
	if m.linked != nil {
		s.nodes, m.linked = m.linked(), nil
	}
	if len(s.nodes) != len(x.nodes) {
		s.nodes = prefetch.Pages(make([]straightNode, len(x.nodes)))
	}
	s.edges, s.late = s.edges[:0], append(s.late[:0], lateRead{})
	for i, id := range x.nodes {
		if k := i + 2*scheduleAhead; k < len(x.nodes) {
			for _, r := range m.inRoots(x.nodes[k]) {
				prefetch.At(s.local, r)
			}
		}
		if k := i + scheduleAhead; k < len(x.nodes) {
			for _, r := range m.inRoots(x.nodes[k]) {
				prefetch.At(s.nodes, s.local[r]-1)
			}
		}
		y := &s.nodes[i]
		begin, last := len(s.edges), int32(-1)
		for _, r := range m.inRoots(id) {
			if j := s.local[r] - 1; j >= 0 && j != last {
				last = j
				z := &s.nodes[j]
				y.depth = max(y.depth, z.depth+1)
				s.read(z, int32(i))
				switch y.arity++; {
				case y.arity <= 3:
					y.in[y.arity-1] = j
				case y.arity == 4:
					s.edges = append(append(s.edges, y.in[:]...), j)
					y.in[0] = int32(begin)
				default:
					s.edges = append(s.edges, j)
				}
			}
		}
		if y.arity <= 3 {
			s.deepestFirst(y.in[:y.arity])
		}
		y.left = y.arity
		y.size, y.slot = uint8(m.dtype[id].Size()), -1
	}
	for _, id := range x.nodes {
		s.local[id] = 0
	}
}

// read enters a reader of the node.
func (s *straightScheduler) read(y *straightNode, reader int32) {
	y.readers++
	if int(y.count) < len(y.reads) {
		y.reads[y.count] = reader
		y.count++
		return
	}
	k := int32(len(s.late))
	link := lateRead{reader, k}
	if y.late > 0 {
		link.next, s.late[y.late].next = s.late[y.late].next, k
	}
	s.late, y.late = append(s.late, link), k
}

func (s *straightScheduler) operands(i int32) []int32 {
	y := &s.nodes[i]
	if y.arity <= 3 {
		return y.in[:y.arity]
	}
	return s.edges[y.in[0]:][:y.arity]
}

// readersOf returns the node's readers in their order, until the next call.
func (s *straightScheduler) readersOf(i int32) []int32 {
	y := &s.nodes[i]
	if y.late == 0 {
		return y.reads[:y.count]
	}
	s.list = append(s.list[:0], y.reads[:]...)
	for k := s.late[y.late].next; ; k = s.late[k].next {
		s.list = append(s.list, s.late[k].reader)
		if k == y.late {
			return s.list
		}
	}
}

// ahead asks for what is looked at when the node is emitted.
func (s *straightScheduler) ahead(i int32) {
	y := &s.nodes[i]
	if y.arity <= 3 {
		for _, j := range y.in[:y.arity] {
			prefetch.At(s.nodes, j)
		}
	}
	for _, r := range y.reads[:y.count] {
		prefetch.At(s.nodes, r)
	}
}

// descend emits what a node depends on and the node.
func (s *straightScheduler) descend(root int32) {
	s.stack = append(s.stack[:0], straightFrame{root, 0})
	for len(s.stack) > 0 {
		f := &s.stack[len(s.stack)-1]
		if s.nodes[f.node].done {
			s.stack = s.stack[:len(s.stack)-1]
			continue
		}
		if in := s.operands(f.node); int(f.next) < len(in) {
			j := in[f.next]
			f.next++
			if !s.nodes[j].done {
				s.ahead(j)
				s.stack = append(s.stack, straightFrame{j, 0})
			}
			continue
		}
		s.emit(f.node)
		for len(s.ready) > 0 {
			i := s.ready[len(s.ready)-1]
			s.ready = s.ready[:len(s.ready)-1]
			if !s.nodes[i].done && s.lastReader(i) {
				s.emit(i)
			}
		}
		s.stack = s.stack[:len(s.stack)-1]
	}
}

// emit gives a node the next place in the order and a temporary.
func (s *straightScheduler) emit(i int32) {
	y := &s.nodes[i]
	y.done = true
	for _, j := range s.operands(i) {
		z := &s.nodes[j]
		z.readers--
		switch {
		case z.slot < 0:
		case z.readers == 0:
			s.free[z.size] = append(s.free[z.size], z.slot)
		case z.readers == 1:
			s.offerReader(j)
		}
	}
	if y.temp {
		if free := &s.free[y.size]; len(*free) > 0 {
			y.slot = (*free)[len(*free)-1]
			*free = (*free)[:len(*free)-1]
		} else {
			y.slot = int32(s.temps)
			s.temps++
		}
	}
	y.at = s.next
	s.next++
	for _, r := range s.readersOf(i) {
		s.nodes[r].left--
		if s.nodes[r].left == 0 {
			s.ahead(r)
			s.ready = append(s.ready, r)
		}
	}
	if y.readers == 0 && y.slot >= 0 {
		s.free[y.size] = append(s.free[y.size], y.slot)
	}
}

// deepestFirst sorts the operands of a node.
func (s *straightScheduler) deepestFirst(in []int32) {
	for k := 1; k < len(in); k++ {
		for l := k; l > 0 && s.nodes[in[l]].depth > s.nodes[in[l-1]].depth; l-- {
			in[l], in[l-1] = in[l-1], in[l]
		}
	}
}

// offerReader makes the only reader that a value has left ready if all else is there that it needs.
func (s *straightScheduler) offerReader(j int32) {
	for _, r := range s.readersOf(j) {
		if y := &s.nodes[r]; !y.done {
			if y.left == 0 {
				s.ready = append(s.ready, r)
			}
			return
		}
	}
}

// lastReader reports whether the node is the only one left to read one of its operands. Among the links of chains one with two operands has to be that
// of both: its result would take the place of the one that dies, and the sum that it belongs to waits for others.
func (s *straightScheduler) lastReader(i int32) bool {
	in, last := s.operands(i), 0
	for _, j := range in {
		if s.nodes[j].readers == 1 {
			last++
		}
	}
	return last > 1 || last == 1 && !(s.weaving && len(in) == 2)
}

// wanted reports whether a scalar node is needed after its instruction: from these the depth-first order starts.
func (m *memoryPlanner) wanted(id int32) bool {
	return m.class[id] == classAssemble || m.plan.lastUse[id] >= 0
}

// cellOf converts a byte offset in the arena to a cell of the scalar code that computes a node.
func (e *emitter) cellOf(offset int64, id int32) uint32 {
	if offset%4 != 0 {
		panic("BUG: a cell of scalar code is not aligned")
	}
	if offset/4 > 1<<32-1 {
		n := e.g.Node(int(id))
		panic(refusal{userError(n, n.Op().Name, fmt.Errorf("scalar code reaches 16 GiB of memory, and the program's arrays leave this scalar at byte %d", offset))})
	}
	return uint32(offset / 4)
}
