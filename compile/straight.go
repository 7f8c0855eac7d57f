package compile

import (
	"fmt"
	"slices"
)

// straightCode is the order and the temporaries of one instruction of scalar code.
type straightCode struct {
	order []int32 // node IDs
	slot  []int32 // by position in order: the temporary that holds the value, −1 if it lies in memory of its own
	temps int     // temporaries in use at most
}

// straightScheduler orders scalar code so that few values are alive at a time: depth first from the values that are
// needed afterwards, into the deepest operand first; and a node whose operands are all there is taken as soon as it is the last reader of one of
// them.
type straightScheduler struct {
	local []int32 // by node ID: 1 + index among the instruction's nodes; 0 outside
	nodes []straightNode
	edges []int32    // indices of operands within the instruction, node by node
	reads []int32    // indices of readers, node by node
	free  [9][]int32 // free temporaries by bytes of the value: a cell has one size throughout
	ready []int32
	stack []straightFrame
	code  straightCode
}

// straightNode is what the scheduler knows of a node; all of it lies on one cache line.
type straightNode struct {
	edges   int32 // end of its operands in edges, where those of the next node begin
	reads   int32 // end of its readers in reads
	depth   int32 // longest way from a node without operands in the instruction
	left    int32 // operands that are not computed yet
	readers int32 // reads that are still to come
	slot    int32 // temporary that holds the value, −1 for none
	size    uint8 // bytes of the value
	temp    bool  // the value lies in a temporary
	done    bool
}

type straightFrame struct{ node, next int32 }

func (s *straightScheduler) schedule(m *memoryPlanner, x *instruction) straightCode {
	n := len(x.nodes)
	s.link(m, x)
	s.code = straightCode{order: make([]int32, 0, n), slot: make([]int32, 0, n)}
	for size := range s.free {
		s.free[size] = s.free[size][:0]
	}
	// Shallow roots first, but the pieces of an array in its order: an unrolled gradient has its forward half far from its
	// backward half, and this joins them.
	var roots []int32
	for i, id := range x.nodes {
		if m.wanted(id) {
			roots = append(roots, int32(i))
		}
	}
	slices.SortStableFunc(roots, func(a, b int32) int { return int(s.nodes[a].depth - s.nodes[b].depth) })
	for _, root := range roots {
		if !s.nodes[root].done {
			s.descend(x, root)
		}
	}
	return s.code
}

// link numbers the instruction's nodes and connects them.
func (s *straightScheduler) link(m *memoryPlanner, x *instruction) {
	if s.local == nil {
		s.local = make([]int32, m.g.Len())
	}
	for i, id := range x.nodes {
		s.local[id] = int32(i) + 1
	}
	s.nodes, s.edges = make([]straightNode, len(x.nodes)), s.edges[:0]
	for i, id := range x.nodes {
		begin := len(s.edges)
		for _, r := range m.inRoots(id) {
			if j := s.local[r] - 1; j >= 0 && !(len(s.edges) > begin && s.edges[len(s.edges)-1] == j) {
				s.edges = append(s.edges, j)
				s.nodes[j].readers++
			}
		}
		y := &s.nodes[i]
		if in := s.edges[begin:]; len(in) <= 3 {
			s.deepestFirst(in)
		}
		for _, j := range s.edges[begin:] {
			y.depth = max(y.depth, s.nodes[j].depth+1)
		}
		y.edges, y.left = int32(len(s.edges)), int32(len(s.edges)-begin)
		y.size, y.slot = uint8(m.dtype[id].Size()), -1
		y.temp = m.class[id] == classScalar && !m.place[id].known
	}
	for _, id := range x.nodes {
		s.local[id] = 0
	}
	// While the readers are entered, reads is where the next one goes.
	s.reads = make([]int32, len(s.edges))
	end := int32(0)
	for i := range s.nodes {
		s.nodes[i].reads = end
		end += s.nodes[i].readers
	}
	for i := range s.nodes {
		for _, j := range s.operands(int32(i)) {
			s.reads[s.nodes[j].reads] = int32(i)
			s.nodes[j].reads++
		}
	}
}

func (s *straightScheduler) operands(i int32) []int32 {
	if i == 0 {
		return s.edges[:s.nodes[0].edges]
	}
	return s.edges[s.nodes[i-1].edges:s.nodes[i].edges]
}

func (s *straightScheduler) readersOf(i int32) []int32 {
	if i == 0 {
		return s.reads[:s.nodes[0].reads]
	}
	return s.reads[s.nodes[i-1].reads:s.nodes[i].reads]
}

// descend emits what a node depends on and the node.
func (s *straightScheduler) descend(x *instruction, root int32) {
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
				s.stack = append(s.stack, straightFrame{j, 0})
			}
			continue
		}
		s.emit(x, f.node)
		for len(s.ready) > 0 {
			i := s.ready[len(s.ready)-1]
			s.ready = s.ready[:len(s.ready)-1]
			if !s.nodes[i].done && s.lastReader(i) {
				s.emit(x, i)
			}
		}
		s.stack = s.stack[:len(s.stack)-1]
	}
}

// emit appends a node to the code and gives it a temporary.
func (s *straightScheduler) emit(x *instruction, i int32) {
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
			y.slot = int32(s.code.temps)
			s.code.temps++
		}
	}
	s.code.order, s.code.slot = append(s.code.order, x.nodes[i]), append(s.code.slot, y.slot)
	for _, r := range s.readersOf(i) {
		s.nodes[r].left--
		if s.nodes[r].left == 0 {
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

// lastReader reports whether the node is the only one left to read one of its operands.
func (s *straightScheduler) lastReader(i int32) bool {
	for _, j := range s.operands(i) {
		if s.nodes[j].readers == 1 {
			return true
		}
	}
	return false
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
