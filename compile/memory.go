package compile

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// residentBytes: smaller inputs are copied into the arena, larger ones are read in place unless scalar code
// addresses their elements.
const residentBytes = 4096

// align is the alignment of arrays in the arena, a cache line.
const align = 64

// never is the last use of a value that lives to the end of the run.
const never = math.MaxInt32

// place is where a root lies: a byte offset in the arena or in an input's own space.
type place struct {
	offset int64
	space  uint32
	known  bool
}

// memoryPlan is what the memory pass decides besides the places of the roots.
type memoryPlan struct {
	pos      []int32 // by group: its place in the order
	lastUse  []int32 // by root: the position of its last reader
	consts   []byte
	constAt  int64
	constOff map[int32]int64 // by constant node: offset in consts
	tuples   map[int32][]int32
	scratch  map[[2]int32]int64 // results that nobody reads: by tuple node and index
	again    map[int][]*version // by position in order: the values that are computed once more there
	arena    int64
}

// version is a value that an instruction computes once more: who reads it later finds it there.
type version struct {
	root  int32
	last  int32 // the position of its last reader
	place place
}

// tempRegion is the part of the arena that holds temporaries of scalar code.
type tempRegion struct {
	code   []straightCode // by position in order
	lo, hi int64
}

// planMemory is the pass that fills place and plan.
func planMemory(l *lowering) error {
	m := newMemoryPlanner(l)
	m.finish()
	for _, o := range m.outputs {
		if o.Shape().Empty() {
			m.place[o.ID()] = place{known: true}
		}
	}
	return nil
}

// newMemoryPlanner finds when each value is in use. Where buffers lie is left to finish.
func newMemoryPlanner(l *lowering) *memoryPlanner {
	m := &memoryPlanner{lowering: l, alone: l.config.Unoptimized, packed: map[int32][]int32{}}
	l.place = prefetch.Pages(make([]place, l.g.Len()))
	l.plan = memoryPlan{
		pos: make([]int32, len(l.groups)), lastUse: prefetch.Pages(make([]int32, l.g.Len())),
		constOff: map[int32]int64{}, tuples: map[int32][]int32{}, scratch: map[[2]int32]int64{}, again: map[int][]*version{},
	}
	for i := range l.plan.pos {
		l.plan.pos[i] = -1
	}
	for i, k := range l.order {
		l.plan.pos[k] = int32(i)
	}
	m.concurrentRanges()
	ahead, linked := m.linkAhead()
	m.liveRanges()
	m.placeInputs()
	m.placeConsts()
	m.placeCells()
	linked()
	m.scheduleStraights(ahead)
	m.placeBuffers()
	return m
}

type memoryPlanner struct {
	*lowering
	alone bool

	cellUse     []bool // inputs whose elements scalar code reads
	constSeen   []bool // constants that scalar code reads and that are placed
	top         int64  // end of what has been placed
	born        []int32
	base        int64 // where buffers begin
	buffers     buffers
	becomes     map[int32]int32   // by root: the input that has it as its value after a run, and in whose place it may lie
	overwritten map[int32]bool    // inputs of a loop's body in whose place their next values lie
	packed      map[int32][]int32 // by tuple: its scalars that get one block
	from        []int32           // by position: where the calls begin that may run at once with it, else itself
	until       []int32           // by position: where they end
}

// leastPacked is the number of scalars from which those that an instruction leaves have a block, which is given back after their last use, and not cells.
const leastPacked = 8

// concurrentRanges fills from and until.
func (m *memoryPlanner) concurrentRanges() {
	m.from, m.until = make([]int32, len(m.order)), make([]int32, len(m.order))
	for pos, k := range m.order {
		m.from[pos] = int32(pos)
		if set := m.sets[k]; pos > 0 && set != 0 && set == m.sets[m.order[pos-1]] {
			m.from[pos] = m.from[pos-1]
		}
		for i := m.from[pos]; i <= int32(pos); i++ {
			m.until[i] = int32(pos)
		}
	}
}

// diesAt reports whether the instruction is the last reader of the root, and nothing that may run at once with it reads it.
func (m *memoryPlanner) diesAt(pos int, root int32) bool {
	if m.plan.lastUse[root] != int32(pos) {
		return false
	}
	for i := m.from[pos]; i < m.until[pos]+1; i++ {
		if i == int32(pos) {
			continue
		}
		for _, id := range m.groups[m.order[i]].nodes {
			if slices.Contains(m.inRoots(id), root) {
				return false
			}
		}
	}
	return true
}

// liveRanges finds each root's last reader and which inputs scalar code addresses.
func (m *memoryPlanner) liveRanges() {
	last := m.plan.lastUse
	for i := range last {
		last[i] = -1
	}
	m.cellUse = make([]bool, m.g.Len())
	newest := map[int32]*version{} // by root, of those that have been computed once more
	read := func(r int32, pos int) {
		if v := newest[r]; v != nil {
			v.last = int32(pos)
		} else {
			last[r] = int32(pos)
		}
	}
	for pos, k := range m.order {
		x := m.groups[k]
		for _, r := range x.again {
			m.plan.again[pos] = append(m.plan.again[pos], &version{root: r, last: int32(pos)})
		}
		for i, id := range x.nodes {
			if i+nodesAhead < len(x.nodes) {
				m.groupsAhead(x.nodes[i+nodesAhead])
			}
			for _, r := range m.inRoots(id) {
				if !m.within(k, r) {
					read(r, pos)
				}
				if x.kind == classScalar {
					m.cellUse[r] = true
				}
			}
			if m.class[id] == classTuple {
				m.plan.tuples[id] = slices.Repeat([]int32{-1}, len(m.slots(id)))
			}
		}
		if x.joined && x.again == nil {
			last[x.nodes[0]] = int32(pos) // unless it is read later
		}
		for _, v := range m.plan.again[pos] {
			newest[v.root] = v
		}
	}
	for i, c := range m.class {
		if c == classResult {
			tuple, k := m.slot(int32(i))
			if t := m.plan.tuples[tuple]; t != nil {
				t[k] = int32(i)
			}
		}
	}
	for _, o := range m.outputs {
		last[m.root[o.ID()]] = never
	}
	for r := range m.pieces {
		whole, _ := m.outermost(r)
		last[whole] = max(last[whole], last[r])
	}
	m.becomes, m.overwritten = map[int32]int32{}, map[int32]bool{}
	for i, k := range m.updates {
		if k == 0 {
			continue
		}
		in, o := int32(m.g.Inputs()[i].ID()), m.outputs[k-1]
		r := m.root[o.ID()]
		if _, twice := m.becomes[r]; !twice && last[in] != never && m.offset[o.ID()] == 0 && m.bytes(r) == m.bytes(in) && !o.Type().IsScalar() {
			m.becomes[r] = in
		}
	}
	m.overCarries()
}

// overCarries finds the carries of a loop's body in whose place their next values may lie, and nothing else that the body gives out: a loop computes them, which reads the carry for the last time.
func (m *memoryPlanner) overCarries() {
	if !m.inPlace {
		return
	}
	uses := map[int32]int{}
	for _, o := range m.outputs {
		if !o.Type().IsScalar() {
			uses[m.root[o.ID()]]++
		}
	}
	for i := m.carries[0]; i < m.carries[1]; i++ {
		next := m.outputs[i-m.carries[0]]
		in, r := int32(m.g.Inputs()[i].ID()), m.root[next.ID()]
		if _, twice := m.becomes[r]; uses[r] != 1 || twice || m.class[r] != classLoop || m.offset[next.ID()] != 0 || m.bytes(r) != m.bytes(in) {
			continue
		}
		if k := m.groupOf[r]; m.plan.lastUse[in] == m.plan.pos[k] && m.plainOnly(m.groups[k], in, m.g.Node(int(r))) {
			m.becomes[r] = in
			m.overwritten[in] = true
		}
	}
}

// within reports whether instruction k computes the root itself where it reads it.
func (l *lowering) within(k, root int32) bool {
	if x := l.groups[k]; x.again != nil {
		return slices.Contains(x.nodes, root)
	}
	return l.groupOf[root] == k
}

func (l *lowering) bytes(id int32) int64 {
	t := l.g.Node(int(id)).Type()
	return int64(t.Shape.Size()) * int64(t.DType.Size())
}

// updated reports whether input i has a new value after each run.
func (m *memoryPlanner) updated(i int) bool { return m.updates != nil && m.updates[i] > 0 }

// resident reports whether an input is so small that it is copied into the arena.
func resident(in *graph.Node) bool {
	return int64(in.Shape().Size())*int64(in.DType().Size()) <= residentBytes
}

// placeInputs puts scalar inputs next to one another, then small inputs and those that scalar code reads;
// the others get spaces of their own.
func (m *memoryPlanner) placeInputs() {
	for _, in := range m.g.Inputs() {
		if in.Type().IsScalar() {
			m.place[in.ID()] = place{m.top, 0, true}
			m.top += 8
		}
	}
	for i, in := range m.g.Inputs() {
		id := int32(in.ID())
		switch {
		case in.Type().IsScalar():
		case in.Shape().Empty():
			m.place[id] = place{known: true}
		case m.cellUse[id] || resident(in) || m.updated(i) || m.handedOn(in) || m.overwritten[id]:
			m.top = roundUp(m.top, align)
			m.place[id] = place{m.top, 0, true}
			m.top += m.bytes(id)
		default:
			m.place[id] = place{0, uint32(i) + 1, true}
		}
	}
	m.top = roundUp(m.top, 8)
}

// placeConsts puts into the arena the constants that are read from memory: by scalar code and kernels, and by loops
// unless all elements are equal.
func (m *memoryPlanner) placeConsts() {
	m.constSeen = make([]bool, m.g.Len())
	add := func(id int32) {
		if _, ok := m.plan.constOff[id]; ok {
			return
		}
		a := int64(8)
		if m.bytes(id) > 8 {
			a = align
		}
		for int64(len(m.plan.consts))%a != 0 {
			m.plan.consts = append(m.plan.consts, 0)
		}
		m.plan.constOff[id] = int64(len(m.plan.consts))
		m.plan.consts = append(m.plan.consts, m.g.Node(int(id)).Literal().Bytes()...)
	}
	for _, k := range m.order {
		x := m.groups[k]
		for _, id := range x.nodes {
			for _, r := range m.inRoots(id) {
				if m.class[r] != classConst || x.kind == classScalar && m.constSeen[r] {
					continue
				}
				m.constSeen[r] = x.kind == classScalar
				if _, uniform := m.g.Node(int(r)).Literal().Uniform(); !uniform || x.kind != classLoop || m.class[id] == classReduce || m.class[id] == classKernel {
					add(r)
				}
			}
			for _, in := range m.in(id) {
				if m.windows != nil && m.class[in] == classWindow && m.class[m.root[in]] == classConst {
					add(m.root[in])
				}
			}
			if m.class[id] == classAssemble && leavesZeros(m.g.Node(int(id))) {
				add(m.zeros[m.dtype[id]])
			}
		}
	}
	for len(m.plan.consts)%8 != 0 {
		m.plan.consts = append(m.plan.consts, 0)
	}
	m.top = roundUp(m.top, align)
	m.plan.constAt = m.top
	m.top += int64(len(m.plan.consts))
	for id, off := range m.plan.constOff {
		m.place[id] = place{m.plan.constAt + off, 0, true}
	}
}

// placeCells gives scalars that outlive their instruction cells of their own, the outputs first and in order.
// Pieces that scalar code stores into an array right away lie there instead.
func (m *memoryPlanner) placeCells() {
	cell := func(id int32) {
		if !m.place[id].known {
			m.place[id] = place{m.top, 0, true}
			m.top += 8
		}
	}
	for _, o := range m.outputs {
		if r := m.root[o.ID()]; m.isCell(r) {
			cell(r)
		}
	}
	for _, k := range m.order {
		for _, id := range m.groups[k].nodes {
			if m.class[id] == classAssemble {
				for _, p := range m.in(id) {
					if m.class[p] == classScalar && m.groupOf[p] == k && !m.place[p].known {
						// Where exactly follows when the array is placed.
						m.place[p] = place{known: true}
						m.plan.lastUse[id] = max(m.plan.lastUse[id], m.plan.lastUse[p])
					}
				}
			}
		}
	}
	for pos, k := range m.order {
		for _, id := range m.groups[k].nodes {
			if m.plan.lastUse[id] >= 0 && m.isCell(id) {
				cell(id)
			}
			if m.class[id] == classTuple {
				m.placeScalarResults(pos, id, cell)
			}
		}
	}
}

// placeScalarResults gives those of a tuple their places, by cell or in the places of initial carries. Many that no other call reads last are left for a block of their own where few states of a loop are kept, so that
// memory counts; elsewhere they stay in front, where scalar code reaches them however long the arrays are.
func (m *memoryPlanner) placeScalarResults(pos int, tuple int32, cell func(id int32)) {
	var block []int32
	few := m.g.Node(int(tuple)).Op() == opReverseSweep || slices.ContainsFunc(m.plan.tuples[tuple], func(r int32) bool { return r >= 0 && m.g.Node(int(r)).Op() == opSnapshots })
	for _, r := range m.plan.tuples[tuple] {
		if r < 0 || m.place[r].known || !m.g.Node(int(r)).Type().IsScalar() {
			continue
		}
		last := m.plan.lastUse[r]
		if from := m.initialCarry(pos, r); from >= 0 && m.isCell(from) && m.place[from].known && m.place[from] != (place{known: true}) {
			m.place[r] = m.place[from]
		} else if m.alone || !few || last < 0 || last == never || m.class[m.groups[m.order[last]].nodes[0]] == classTuple {
			cell(r)
		} else {
			block = append(block, r)
		}
	}
	if len(block) < leastPacked {
		for _, r := range block {
			cell(r)
		}
		return
	}
	m.packed[tuple] = block
}

// initialCarry returns the root of what a loop's final carry begins with, if it dies with the loop and nothing else is read there, so that the carry may lie in its place; −1 for others.
func (m *memoryPlanner) initialCarry(pos int, result int32) int32 {
	tuple, k := m.slot(result)
	n := m.g.Node(int(tuple))
	if m.alone {
		return -1
	}
	if op := n.Op(); op != opScan && op != opWhile && op != opReverseSweep || k >= n.Attrs().Int("carries") {
		return -1
	}
	first := n.Attrs().Int("captured")
	switch s := snapshotsOf(n); {
	case s != nil:
		first += slices.Index(n.Inputs(), s[len(s)-1]) + 1
	case n.Attrs().Bool("counted"):
		first++
	}
	in := n.Input(first + k)
	r := m.root[in.ID()]
	for i, other := range n.Inputs() {
		if i != first+k && m.root[other.ID()] == r {
			return -1
		}
	}
	if !m.diesAt(pos, r) || m.class[r] == classInput || m.class[r] == classConst || m.place[r].space != 0 || m.offset[in.ID()] != 0 || m.bytes(r) != m.bytes(result) {
		return -1
	}
	return r
}

// isCell reports whether the root is a computed scalar.
func (l *lowering) isCell(r int32) bool {
	switch l.class[r] {
	case classScalar:
		return true
	case classReduce, classKernel, classResult:
		return l.g.Node(int(r)).Type().IsScalar()
	}
	return false
}

// linkAhead lets the largest instruction of scalar code be linked while the places are found that do not depend on it. The scheduler has it when linked returns.
func (m *memoryPlanner) linkAhead() (ahead *straightScheduler, linked func()) {
	ahead = &straightScheduler{}
	for _, k := range m.order {
		if x := m.groups[k]; x.kind == classScalar && len(x.nodes) >= manyNodes && (ahead.linked == nil || len(x.nodes) > len(ahead.linked.nodes)) {
			ahead.linked = x
		}
	}
	if ahead.linked == nil {
		return ahead, func() {}
	}
	return ahead, alongside(len(ahead.linked.nodes), func() { ahead.link(m.lowering, ahead.linked) })
}

// scheduleStraights orders scalar code, of which one instruction may have been linked ahead, and finds how many temporaries it needs.
func (m *memoryPlanner) scheduleStraights(ahead *straightScheduler) {
	m.temps.code = make([]straightCode, len(m.order))
	m.temps.lo = m.top
	most := int64(0)
	var s straightScheduler
	for pos, k := range m.order {
		if x := m.groups[k]; x.kind == classScalar {
			if x == ahead.linked {
				m.temps.code[pos] = ahead.schedule(m, x)
			} else {
				m.temps.code[pos] = s.schedule(m, x)
			}
			most = max(most, int64(m.temps.code[pos].temps))
		}
	}
	m.top += 8 * most
	m.temps.hi = m.top
}

// placeBuffers walks through the instructions, takes blocks for arrays and gives them back after the last use. Outputs of loops take over the memory of operands that die there. Where the blocks lie is decided
// at last, when all are known.
func (m *memoryPlanner) placeBuffers() {
	m.base = roundUp(m.top, align)
	m.buffers.next = m.base
	first := map[int32]place{} // of roots that have been computed once more
	ends, scratchEnds := make([][]int32, len(m.order)), map[int32][]int64{}
	// diesAfter has the memory of a root given back after an instruction, and after those that may run at once with it.
	diesAfter := func(id, last int32) {
		if last < never {
			end := m.until[last]
			ends[end] = append(ends[end], id)
		}
	}
	var taken map[int32]bool // operands whose memory results have taken over, of calls that may run at once
	for pos, k := range m.order {
		x := m.groups[k]
		m.buffers.pos = int32(pos)
		born := m.born[:0]
		var scratch []int64
		var frame *call
		var snapshots, scalars []int32
		for _, v := range m.plan.again[pos] {
			if _, twice := first[v.root]; !twice {
				first[v.root] = m.place[v.root]
			}
			m.place[v.root], m.plan.lastUse[v.root] = place{}, v.last
			born = append(born, v.root)
		}
		for _, id := range x.nodes {
			switch {
			case x.again != nil:
			case m.class[id] == classTuple:
				n := m.g.Node(int(id))
				slots := len(m.plan.tuples[id]) - len(snapshotsOf(n))
				for i, s := range snapshotsOf(n) {
					m.plan.scratch[[2]int32{id, int32(slots + i)}] = m.place[m.root[s.ID()]].offset
				}
				for i, r := range m.plan.tuples[id][:slots] {
					if r < 0 {
						size := m.resultBytes(id, i)
						off := m.buffers.take(size)
						m.plan.scratch[[2]int32{id, int32(i)}] = off
						scratch = append(scratch, off)
					} else if m.g.Node(int(r)).Op() == opSnapshots {
						snapshots = append(snapshots, r)
					} else {
						born = append(born, r)
					}
				}
				frame, scalars = m.calls[id], m.packed[id]
			case x.kind == classScalar && m.class[id] != classAssemble:
			case m.class[id] == classLoop && m.plan.lastUse[id] < 0:
			default:
				born = append(born, id)
			}
		}
		m.born = born
		for _, block := range [2][]int32{snapshots, scalars} {
			if len(block) == 0 {
				continue
			}
			diesAfter(block[0], m.pack(block))
		}
		if m.from[pos] == int32(pos) {
			taken = map[int32]bool{}
		}
		for _, id := range born {
			if m.place[id].known {
				continue
			}
			if whole, offset := m.outermost(id); whole != id {
				if !m.place[whole].known {
					m.place[whole] = place{m.buffers.take(m.bytes(whole)), 0, true}
					diesAfter(whole, m.plan.lastUse[whole])
				}
				m.place[id] = place{m.place[whole].offset + offset, 0, true}
				continue
			}
			if in, ok := m.becomes[id]; ok && m.plan.lastUse[in] < m.from[pos] && !m.alone {
				m.place[id] = m.place[in]
			} else if r := m.dyingTwin(pos, x, id, taken); r >= 0 && !m.alone {
				m.place[id] = m.place[r]
				taken[r] = true
			} else {
				m.place[id] = place{m.buffers.take(m.bytes(id)), 0, true}
			}
			diesAfter(id, max(m.plan.lastUse[id], int32(pos)))
			if m.class[id] == classAssemble {
				m.placePieces(id, k)
			}
		}
		for _, v := range m.plan.again[pos] {
			v.place = m.place[v.root]
		}
		if frame != nil && frame.frameBytes > 0 { // behind the results, which live longer: so the next frame has its place
			frame.code.Frame = m.buffers.take(frame.frameBytes)
			scratch = append(scratch, frame.code.Frame)
		}
		if end := m.until[pos]; end > int32(pos) {
			scratchEnds[end] = append(scratchEnds[end], scratch...)
			scratch = nil
		}
		for _, b := range append(scratch, scratchEnds[int32(pos)]...) {
			m.buffers.release(b)
		}
		for _, id := range ends[pos] {
			if !taken[id] {
				m.buffers.release(m.place[id].offset)
			}
		}
	}
	for r, p := range first {
		m.place[r] = p
	}
}

// finish decides where the buffers lie.
func (m *memoryPlanner) finish() {
	at, end := m.buffers.layout(m.base)
	for _, list := range m.plan.again {
		for _, v := range list {
			v.place.offset = at(v.place.offset)
		}
	}
	for id := range m.place {
		if p := &m.place[id]; p.known && p.space == 0 {
			p.offset = at(p.offset)
		}
	}
	for k, offset := range m.plan.scratch {
		m.plan.scratch[k] = at(offset)
	}
	for _, c := range m.calls {
		if c.frameBytes > 0 {
			c.code.Frame = at(c.code.Frame)
		}
	}
	m.plan.arena = end
}

// pack places results of a tuple side by side in one block: the snapshots of a scan, which one reverse sweep reads and overwrites, and of scalars are many and short, or scalars. It returns
// the last use of any of them.
func (m *memoryPlanner) pack(results []int32) (end int32) {
	size := int64(0)
	for _, id := range results {
		size += roundUp(m.bytes(id), 8)
		end = max(end, m.plan.lastUse[id])
	}
	off := m.buffers.take(size)
	for _, id := range results {
		m.place[id] = place{off, 0, true}
		off += roundUp(m.bytes(id), 8)
	}
	return end
}

func (m *memoryPlanner) resultBytes(tuple int32, i int) int64 {
	t := m.slots(tuple)[i]
	return int64(t.Shape.Size()) * int64(t.DType.Size())
}

// placePieces gives the scalars that go right into the array their places.
func (m *memoryPlanner) placePieces(id, k int32) {
	size, index := int64(m.dtype[id].Size()), m.places(id)
	for i, p := range m.in(id) {
		if m.class[p] == classScalar && m.groupOf[p] == k && m.place[p] == (place{known: true}) {
			m.place[p].offset = m.place[id].offset + int64(index(i))*size
		}
	}
}

// dyingTwin returns an operand of the instruction whose memory the result may take over: it dies here, has
// the same size, and element i is read before element i is written. −1 if there is none.
func (m *memoryPlanner) dyingTwin(pos int, x *instruction, id int32, taken map[int32]bool) int32 {
	if x.kind == classScalar || m.class[id] == classReduce || x.joined && id == x.nodes[0] {
		return -1
	}
	size := m.bytes(id)
	candidate := func(in *graph.Node) bool {
		r := m.root[in.ID()]
		if x.joined && slices.Contains(m.inRoots(x.nodes[0]), r) {
			return false // other parts of the product are yet to be computed from it
		}
		own, ok := m.becomes[id]
		if m.class[r] == classInput && !(ok && own == r) {
			return false
		}
		return m.diesAt(pos, r) && !taken[r] && m.class[r] != classConst &&
			m.place[r].known && m.place[r].space == 0 && m.bytes(r) == size && m.offset[in.ID()] == 0 && !m.isCell(r) &&
			!m.sharesPieces(r)
	}
	if m.class[id] == classResult {
		if r := m.initialCarry(pos, id); r >= 0 && !taken[r] && m.place[r].known && !m.isCell(r) && !m.sharesPieces(r) {
			return r
		}
		return -1
	}
	if x.kind == classKernel {
		n := m.g.Node(int(id))
		k := kernel.Lookup(n.Op().Kernel)
		if k == nil || m.class[id] == classTuple {
			return -1
		}
		for _, i := range k.InPlace {
			in := n.Input(i)
			uses := 0
			for _, other := range n.Inputs() {
				if m.root[other.ID()] == m.root[in.ID()] {
					uses++
				}
			}
			if uses == 1 && candidate(in) {
				return m.root[in.ID()]
			}
		}
		return -1
	}
	// In a loop every access to the twin must be the plain one.
	if in, ok := m.becomes[id]; ok && candidate(m.g.Node(int(in))) && m.plainOnly(x, in, m.g.Node(int(id))) {
		return in
	}
	nodes := x.nodes
	if x.joined { // the product's own place is in the cache
		product := nodes[0]
		nodes = nodes[1:]
		if candidate(m.g.Node(int(product))) && m.plainOnly(x, product, m.g.Node(int(id))) {
			return product
		}
	}
	for _, node := range nodes {
		for _, i := range m.in(node) {
			if candidate(m.g.Node(int(i))) && m.plainOnly(x, m.root[i], m.g.Node(int(id))) {
				return m.root[i]
			}
		}
	}
	return -1
}

// sharesPieces reports whether scalars or arrays lie inside the array's memory, whose own uses outlive the array's, or the array in memory that others share.
func (m *memoryPlanner) sharesPieces(r int32) bool {
	if _, ok := m.pieces[r]; ok || m.wholes[r] != nil {
		return true
	}
	return m.class[r] == classAssemble || m.class[r] == classResult && m.g.Node(int(r)).Op() == opSnapshots
}

func (m *memoryPlanner) plainOnly(x *instruction, r int32, result *graph.Node) bool {
	for _, node := range x.nodes {
		for _, i := range m.in(node) {
			in := m.g.Node(int(i))
			if m.root[in.ID()] == r && (m.class[i] == classWindow || m.offset[in.ID()] != 0 || !in.Shape().Equal(x.dims) || in.DType() != result.DType()) {
				return false
			}
		}
	}
	return true
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
