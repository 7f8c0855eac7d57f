package vm

import (
	"fmt"
	"slices"
	"sort"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// eventKind says what an instruction does to a piece of the arena.
type eventKind uint8

const (
	eventRead eventKind = iota
	eventReadBool
	eventWrite
	eventWriteBool
	eventKill // the content is undefined from here on
)

// of returns the kind for elements of the dtype.
func (k eventKind) of(d dtype.DType) eventKind {
	if d == dtype.Bool {
		return k + 1
	}
	return k
}

// memoryEvent is an access to the bytes [lo, hi) of the arena by an instruction.
type memoryEvent struct {
	lo, hi int64
	instr  int32
	kind   eventKind
}

// operandEvents records the reads and then the writes of the instruction's operands. In between, a call spoils its frame.
func (v *verifier) operandEvents(in *Instr) {
	for _, o := range in.In {
		if o.Space == 0 {
			v.events = append(v.events, memoryEvent{o.Offset, o.Offset + bytesOf(o.Type), v.at, eventRead.of(o.DType)})
		}
	}
	if in.Call != nil {
		v.events = append(v.events, memoryEvent{in.Call.Frame, in.Call.Frame + v.code.FrameBytes(in.Call), v.at, eventKill})
	}
	for _, o := range in.Out {
		v.events = append(v.events, memoryEvent{o.Offset, o.Offset + bytesOf(o.Type), v.at, eventWrite.of(o.DType)})
	}
}

// checkOverlap reports results that overlap one another, and operands that overlap a result in another way
// than exactly in place where inPlace allows it.
func checkOverlap(in, out []Operand, inPlace func(i, o int) bool) error {
	order := make([]int, len(out))
	for k := range order {
		order[k] = k
	}
	sort.Slice(order, func(a, b int) bool { return out[order[a]].Offset < out[order[b]].Offset })
	end := func(o Operand) int64 { return o.Offset + bytesOf(o.Type) }
	for k := 1; k < len(order); k++ {
		if end(out[order[k-1]]) > out[order[k]].Offset {
			return fmt.Errorf("results %d and %d overlap", order[k-1], order[k])
		}
	}
	for i, a := range in {
		if a.Space != 0 {
			continue
		}
		k := sort.Search(len(order), func(k int) bool { return end(out[order[k]]) > a.Offset })
		if k == len(order) || out[order[k]].Offset >= end(a) {
			continue
		}
		if b := out[order[k]]; b.Ref != a.Ref || bytesOf(b.Type) != bytesOf(a.Type) || !inPlace(i, order[k]) {
			return fmt.Errorf("operand %d and result %d overlap", i, order[k])
		}
	}
	return nil
}

// What is known of a piece of the arena. The bits of a range are those that all its bytes have.
const (
	memDefined uint8 = 1 << iota // holds a value of this run
	memBool                      // of bytes 0 and 1
	memFree                      // may be written: neither a constant nor an input of the program without an update
	memGiven                     // an input that was not written
	memFresh                     // neither a constant nor an input, and not written
	memAll     uint8 = 1<<iota - 1
	memNone    uint8 = 0xff // no pending assignment
)

// checkMemory runs through the events of all instructions in order and checks that reads find values and that
// writes leave constants, and inputs of the program, alone. It returns which inputs in the arena are overwritten.
func (v *verifier) checkMemory() (overwritten []bool, err error) {
	p := v.block
	consts := memoryEvent{p.ConstOffset, p.ConstOffset + int64(len(p.Const)), 0, eventRead}
	bounds := []int64{0, p.ArenaBytes, consts.lo, consts.hi}
	slot := func(s *Slot) (lo, hi int64) { return s.Offset, s.Offset + bytesOf(s.Type) }
	for _, list := range [][]Slot{p.Inputs, p.Outputs} {
		for i := range list {
			if list[i].Space == 0 {
				lo, hi := slot(&list[i])
				bounds = append(bounds, lo, hi)
			}
		}
	}
	for _, e := range v.events {
		bounds = append(bounds, e.lo, e.hi)
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	m := newMemoryTree(bounds)
	m.assign(0, p.ArenaBytes, memFree|memFresh)
	m.assign(consts.lo, consts.hi, memDefined)
	for i := range p.Inputs {
		s := &p.Inputs[i]
		if s.Space != 0 {
			continue
		}
		lo, hi := slot(s)
		if m.all(lo, hi)&memFresh == 0 {
			return nil, fmt.Errorf("input %s overlaps another input or the constants", p.inputName(i))
		}
		state := memGiven
		if v.called() || s.Update > 0 {
			state |= memFree
		}
		if s.Used {
			state |= memDefined
			if s.DType == dtype.Bool {
				state |= memBool
			}
		}
		m.assign(lo, hi, state)
	}
	// bools reports whether the constants from one byte to another are bools. Bytes above 1 are counted up to each page, so that it looks at two pages at the most.
	const page = 4096
	above := make([]int, 1, len(p.Const)/page+2)
	count := 0
	for i, b := range p.Const {
		if b > 1 {
			count++
		}
		if i%page == page-1 {
			above = append(above, count)
		}
	}
	bools := func(lo, hi int64) bool {
		for ; lo < hi && lo%page != 0; lo++ {
			if p.Const[lo] > 1 {
				return false
			}
		}
		for ; lo < hi && hi%page != 0; hi-- {
			if p.Const[hi-1] > 1 {
				return false
			}
		}
		return lo >= hi || above[hi/page] == above[lo/page]
	}
	check := func(e memoryEvent) error {
		state := m.all(e.lo, e.hi)
		switch e.kind {
		case eventRead, eventReadBool:
			if state&memDefined == 0 {
				return fmt.Errorf("reads bytes %d to %d of the arena, which hold no value yet", e.lo, e.hi)
			}
			if e.kind == eventRead || state&memBool != 0 {
				return nil
			}
			if e.lo >= consts.lo && e.hi <= consts.hi && bools(e.lo-consts.lo, e.hi-consts.lo) {
				return nil
			}
			return fmt.Errorf("reads bytes %d to %d of the arena as bool, which hold other values", e.lo, e.hi)
		}
		if e.lo < e.hi && state&memFree == 0 {
			return fmt.Errorf("writes bytes %d to %d of the arena, where an input or a constant lies", e.lo, e.hi)
		}
		switch e.kind {
		case eventWrite:
			m.assign(e.lo, e.hi, memFree|memDefined)
		case eventWriteBool:
			m.assign(e.lo, e.hi, memFree|memDefined|memBool)
		case eventKill:
			m.assign(e.lo, e.hi, memFree)
		}
		return nil
	}
	for _, e := range v.events {
		if err := check(e); err != nil {
			return nil, fmt.Errorf("instruction %d (%v): %w", e.instr, p.Instrs[e.instr].Op, err)
		}
	}
	for i := range p.Outputs {
		s := &p.Outputs[i]
		lo, hi := slot(s)
		if err := check(memoryEvent{lo, hi, 0, eventRead.of(s.DType)}); err != nil {
			return nil, fmt.Errorf("output %d: it %w", i, err)
		}
		if !v.called() && m.all(lo, hi)&memFree == 0 {
			return nil, fmt.Errorf("output %d lies in an input or a constant", i)
		}
	}
	overwritten = make([]bool, len(p.Inputs))
	for i := range p.Inputs {
		if s := &p.Inputs[i]; s.Space == 0 {
			lo, hi := slot(s)
			overwritten[i] = m.all(lo, hi)&memGiven == 0
		}
	}
	return overwritten, nil
}

// memoryTree holds the state of the arena between the bounds: a segment tree with assignment to ranges. Every
// range that it is asked for begins and ends at a bound.
type memoryTree struct {
	bounds  []int64
	and     []uint8 // by tree node: bits that all pieces below have
	pending []uint8 // assigned to all pieces below, memNone if nothing is
}

func newMemoryTree(bounds []int64) *memoryTree {
	size := 1
	for size < len(bounds) {
		size *= 2
	}
	m := &memoryTree{bounds, make([]uint8, 2*size), make([]uint8, 2*size)}
	for i := range m.pending {
		m.pending[i] = memNone
	}
	return m
}

func (m *memoryTree) piece(at int64) int {
	i, found := slices.BinarySearch(m.bounds, at)
	if !found {
		panic("BUG: memory between bounds")
	}
	return i
}

// all returns the bits that every byte of [lo, hi) has: all bits for an empty range.
func (m *memoryTree) all(lo, hi int64) uint8 {
	if lo >= hi {
		return memAll
	}
	return m.visit(1, 0, len(m.and)/2, m.piece(lo), m.piece(hi), memNone)
}

// assign sets the state of the bytes [lo, hi).
func (m *memoryTree) assign(lo, hi int64, state uint8) {
	if lo < hi {
		m.visit(1, 0, len(m.and)/2, m.piece(lo), m.piece(hi), state)
	}
}

// visit looks at the pieces [from, to) below a node that covers [lo, hi), assigns a state unless it is memNone, and
// returns the bits that they have in common.
func (m *memoryTree) visit(node, lo, hi, from, to int, state uint8) uint8 {
	if to <= lo || hi <= from {
		return memAll
	}
	if from <= lo && hi <= to {
		if state != memNone {
			m.and[node], m.pending[node] = state, state
		}
		return m.and[node]
	}
	if s := m.pending[node]; s != memNone {
		for _, child := range [2]int{2 * node, 2*node + 1} {
			m.and[child], m.pending[child] = s, s
		}
		m.pending[node] = memNone
	}
	mid := (lo + hi) / 2
	bits := m.visit(2*node, lo, mid, from, to, state) & m.visit(2*node+1, mid, hi, from, to, state)
	if state != memNone {
		m.and[node] = m.and[2*node] & m.and[2*node+1]
	}
	return bits
}
