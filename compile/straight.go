package compile

// straightCode is the order and the temporaries of one instruction of scalar code.
type straightCode struct {
	order []int32 // node IDs
	slot  []int32 // by position in order: the temporary that holds the value, −1 if it lies in memory of its own
	temps int     // temporaries in use at most
}

// straightScheduler orders scalar code so that few values are alive at a time: depth first from the values that are
// needed afterwards; and a node whose operands are all there is taken at once if it is the last reader of one of them.
type straightScheduler struct {
	local   []int32 // by node ID: 1 + index among the instruction's nodes; 0 outside
	left    []int32 // operands that are not computed yet
	readers []int32 // reads that are still to come
	first   []int32 // start of a node's readers in reader
	reader  []int32
	done    []bool
	slotOf  []int32
	free    [9][]int32 // free temporaries by bytes of the value: a cell has one size throughout
}

func (s *straightScheduler) schedule(m *memoryPlanner, k int32, x *instruction) straightCode {
	if s.local == nil {
		s.local = make([]int32, m.g.Len())
	}
	n := len(x.nodes)
	for i, id := range x.nodes {
		s.local[id] = int32(i) + 1
	}
	s.left, s.readers, s.done, s.slotOf = make([]int32, n), make([]int32, n), make([]bool, n), make([]int32, n)
	s.first = make([]int32, n+1)
	edges := 0
	for i, id := range x.nodes {
		for _, in := range m.g.Node(int(id)).Inputs() {
			if j := s.localOf(m, in.ID()); j >= 0 {
				s.left[i]++
				s.first[j+1]++
				edges++
			}
		}
	}
	for j := range n {
		s.readers[j] = s.first[j+1]
		s.first[j+1] += s.first[j]
	}
	s.reader = make([]int32, edges)
	fill := append([]int32(nil), s.first[:n]...)
	for i, id := range x.nodes {
		for _, in := range m.g.Node(int(id)).Inputs() {
			if j := s.localOf(m, in.ID()); j >= 0 {
				s.reader[fill[j]] = int32(i)
				fill[j]++
			}
		}
	}

	code := straightCode{order: make([]int32, 0, n), slot: make([]int32, 0, n)}
	for size := range s.free {
		s.free[size] = s.free[size][:0]
	}
	release := func(j int32) {
		size := m.g.Node(int(x.nodes[j])).DType().Size()
		s.free[size] = append(s.free[size], s.slotOf[j])
	}
	var ready []int32
	emit := func(i int32) {
		s.done[i] = true
		id := x.nodes[i]
		node := m.g.Node(int(id))
		for _, in := range node.Inputs() {
			if j := s.localOf(m, in.ID()); j >= 0 {
				s.readers[j]--
				if s.readers[j] == 0 && s.slotOf[j] >= 0 {
					release(j)
				}
			}
		}
		slot := int32(-1)
		if m.class[id] == classScalar && !m.place[id].known {
			if free := &s.free[node.DType().Size()]; len(*free) > 0 {
				slot = (*free)[len(*free)-1]
				*free = (*free)[:len(*free)-1]
			} else {
				slot = int32(code.temps)
				code.temps++
			}
		}
		s.slotOf[i] = slot
		code.order, code.slot = append(code.order, id), append(code.slot, slot)
		for _, r := range s.reader[s.first[i]:s.first[i+1]] {
			s.left[r]--
			if s.left[r] == 0 {
				ready = append(ready, r)
			}
		}
		if s.readers[i] == 0 && slot >= 0 {
			release(i)
		}
	}
	lastReader := func(i int32) bool {
		for _, in := range m.g.Node(int(x.nodes[i])).Inputs() {
			if j := s.localOf(m, in.ID()); j >= 0 && s.readers[j] == 1 {
				return true
			}
		}
		return false
	}
	settle := func() {
		for len(ready) > 0 {
			i := ready[len(ready)-1]
			ready = ready[:len(ready)-1]
			if !s.done[i] && lastReader(i) {
				emit(i)
			}
		}
	}
	type frame struct {
		i    int32
		next int
	}
	var stack []frame
	for root := range n {
		if s.done[root] || !m.wanted(x.nodes[root]) {
			continue
		}
		stack = append(stack[:0], frame{int32(root), 0})
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if s.done[f.i] {
				stack = stack[:len(stack)-1]
				continue
			}
			in := m.g.Node(int(x.nodes[f.i])).Inputs()
			if f.next < len(in) {
				j := s.localOf(m, in[f.next].ID())
				f.next++
				if j >= 0 && !s.done[j] {
					stack = append(stack, frame{j, 0})
				}
				continue
			}
			emit(f.i)
			settle()
			stack = stack[:len(stack)-1]
		}
	}
	for _, id := range x.nodes {
		s.local[id] = 0
	}
	return code
}

// localOf returns the index of an operand among the instruction's nodes, −1 if it comes from elsewhere.
func (s *straightScheduler) localOf(m *memoryPlanner, id int) int32 { return s.local[m.root[id]] - 1 }

// wanted reports whether a scalar node is needed after its instruction: from these the depth-first order starts.
func (m *memoryPlanner) wanted(id int32) bool {
	return m.class[id] == classAssemble || m.plan.lastUse[id] >= 0
}

// cellOf converts a byte offset in the arena to a cell of scalar code.
func cellOf(offset int64) uint32 {
	if offset%4 != 0 || offset/4 > 1<<32-1 {
		panic("BUG: scalar code addresses cells within 16 GiB of the arena")
	}
	return uint32(offset / 4)
}
