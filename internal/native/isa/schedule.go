package isa

import (
	"math/bits"
	"slices"
)

// latency holds about how many cycles pass before a result can be used. Processors differ by a cycle or two; only the order of magnitude matters.
var latency = [OpCount]int32{
	Mov: 1, Add: 4, Sub: 4, Mul: 4, Div: 14, Min: 2, Max: 2, Minimum: 2, Maximum: 2, FMA: 4, FMS: 4, FNMA: 4, FNMS: 4, Sqrt: 20, Round: 4,
	And: 1, Andn: 1, Or: 1, Xor: 1, Cmp: 4, Blend: 2, Maskz: 2, FixZero: 4, MAnd: 1, MOr: 1, MXor: 1, MNot: 1,
	IAdd: 1, ISub: 1, IMul: 4, IMin: 1, IMax: 1, IEq: 4, IGt: 4, Shl: 1, Shr: 1, Sar: 1, ShlV: 2, ShrV: 2,
	CvtF64F32: 5, CvtF32F64: 5, CvtI32F64: 5, CvtF64I32: 5, CvtI32F32: 4, CvtF32I32: 4, CvtI64F64: 4, CvtF64I64: 4, CvtI64F32: 5, CvtF32I64: 5, CvtI32I64: 4, CvtI64I32: 4,
	Scalef: 5, MulU32: 4, Test: 4, Gather: 16, Guard: 1, GuardAll: 1, FixZeros: 1, Merge: 2, Fold: 4,
}

// maxParts bounds the vectors of an iteration.
const maxParts = 8

const (
	// scheduled is the length of code from which on it is scheduled: of shorter code the processor's own queues hold several iterations.
	scheduled = 64
	// A value is short-lived if it is last used within so many instructions. Others are the first that registers are taken from.
	shortLife = 64
	// spareRegisters are those that short-lived values leave to others.
	spareRegisters = 8
)

// Of few registers fine interleaving takes all, and values are stored and loaded again. There the order is one of units, each of them an operation on a vector, whose instructions stay together:
// the processor's own queues hold some units, so it suffices that those which follow one another do not wait for one another.
const (
	fewRegisters = 16
	// UnitPace is about how many instructions a cycle such processors execute, of vectors as short as theirs are.
	UnitPace = 2
)

// ByUnits reports whether units are scheduled, not instructions.
func (g *Generator) ByUnits() bool {
	return bits.OnesCount32(g.Files[FileVector].All) <= fewRegisters
}

// scheduler orders units, which are single instructions where there are registers enough. It changes none.
type scheduler struct {
	g      *Generator
	code   []Instr
	pace   int32
	start  []int32               // by unit: its first instruction; the last entry is the end
	unit   []int32               // by instruction
	edges  []edge                // lists of instructions that come after others
	users  []int32               // by instruction: the first edge to those that must come after it, or none
	height []int32               // cycles from the instruction to the end of the longest chain of those that need it
	ready  []int32               // the cycle in which its operands are known
	wait   []int32               // by unit: instructions before it that are not placed
	last   []int32               // by value: the last instruction that uses it
	def    []int32               // by value: the instruction that makes it, none for inputs and constants
	left   []int32               // by value: uses that are not placed
	stores [maxParts][]int32     // by part
	reads  [maxParts]int         // by part: operands in arrays that are not read, if an output may lie in any input's place, so that stores wait for all of their part
	read   map[ArrayPart][]int32 // instructions that read what a store may overwrite, if that is known
	live   [2]int                // short-lived values by file
	limit  [2]int

	placed         []bool
	first          int32   // the first unit that is not placed
	known, unknown minHeap // units that wait for no other: those whose operands are known, by height, and the others, by when they are
}

type edge struct{ to, next int32 }

// Schedule moves instructions up into the time in which those before them wait for operands: a list scheduler (Gibbons and Muchnick, 1986), by the longest chain of instructions that wait for one, and by what registers there
// are. Processors do so too, but no further than their queues reach: some hundred instructions, and the chain of one exponential is twenty.
func (g *Generator) Schedule() {
	if s := g.newScheduler(); len(s.code) >= scheduled {
		s.link()
		s.place()
	}
}

// LongestChain returns how many cycles the longest chain of instructions takes of which each waits for the one before.
func (g *Generator) LongestChain() int {
	s := g.newScheduler()
	s.link()
	longest := int32(0)
	for _, h := range s.height {
		longest = max(longest, h)
	}
	return int(longest)
}

func (g *Generator) newScheduler() *scheduler {
	n, vals := len(g.Code), len(g.Vals)
	numbers := make([]int32, 6*n+1+3*vals)
	cut := func(n int) (list []int32) {
		list, numbers = numbers[:n:n], numbers[n:]
		return list
	}
	s := &scheduler{g: g, code: g.Code, edges: make([]edge, 0, 3*n), users: cut(n), height: cut(n), ready: cut(n), wait: cut(n), last: cut(vals), def: cut(vals), left: cut(vals),
		pace: 1, start: cut(n + 1)[:0], unit: cut(n)}
	units := g.ByUnits()
	for i := range s.code {
		if in := &s.code[i]; i > 0 && (in.joined() || in.Op == Hold && s.code[i-1].Op == FixZeros) { // stays where it is
		} else if !units || i == 0 || in.Unit != s.code[i-1].Unit || in.Op == Store || s.code[i-1].Op == Store {
			s.start = append(s.start, int32(i))
		}
		s.unit[i] = int32(len(s.start) - 1)
	}
	s.start = append(s.start, int32(n))
	if units {
		s.pace, s.limit = UnitPace, [2]int{n, n}
		return s
	}
	for f, spare := range [...]int{FileVector: spareRegisters, FileMask: 1} {
		s.limit[f] = max(bits.OnesCount32(g.Files[f].All)-spare, 2)
	}
	return s
}

// link finds what comes before what.
func (s *scheduler) link() {
	g := s.g
	for v := range s.def {
		s.def[v] = None
	}
	for i := range s.users {
		s.users[i] = None
	}
	var overwritten [256]bool // by array
	if g.Overlaid != nil {
		s.read = map[ArrayPart][]int32{}
		for _, list := range g.Overlaid {
			for _, array := range list {
				overwritten[array] = true
			}
		}
	}
	accumulating := None // the last instruction that reads or writes a value which changes
	for i := range s.code {
		in := &s.code[i]
		after := func(k int32) {
			if k != None {
				s.edges = append(s.edges, edge{int32(i), s.users[k]})
				s.users[k] = int32(len(s.edges) - 1)
				if s.unit[k] != s.unit[i] {
					s.wait[s.unit[i]]++
				}
			}
		}
		pinned := in.Dst != None && g.Vals[in.Dst].Pinned
		for _, v := range [...]int32{in.A, in.B, in.C} {
			if v != None {
				after(s.def[v])
				s.last[v] = int32(i)
				s.left[v]++
				pinned = pinned || g.Vals[v].Pinned
			}
		}
		if v := in.fourth(); v != None {
			after(s.def[v])
		}
		if in.Op == Hold { // for the one before it
			after(int32(i) - 1)
		}
		if pinned {
			after(accumulating)
			accumulating = int32(i)
		}
		switch {
		case in.Op != Store:
			s.eachRead(in, func(v *Value) {
				if s.read == nil {
					s.reads[v.Part]++
				} else if at := (ArrayPart{v.Array, v.Part}); overwritten[v.Array] {
					s.read[at] = append(s.read[at], int32(i))
				}
			})
		case s.read == nil:
			s.stores[in.Part] = append(s.stores[in.Part], s.unit[i])
			s.wait[s.unit[i]]++
		default:
			for _, array := range g.Overlaid[in.Imm] {
				for _, k := range s.read[ArrayPart{array, in.Part}] {
					after(k)
				}
			}
		}
		if in.Dst != None {
			s.def[in.Dst] = int32(i)
		}
	}
	for i := len(s.code) - 1; i >= 0; i-- {
		for e := s.users[i]; e != None; e = s.edges[e].next {
			s.height[i] = max(s.height[i], s.height[s.edges[e].to])
		}
		s.height[i] += latency[s.code[i].Op]
	}
}

// place puts the instructions in their new order.
func (s *scheduler) place() {
	units := len(s.start) - 1
	s.placed = make([]bool, units)
	order := make([]Instr, 0, len(s.code))
	for u := range units {
		if s.wait[u] == 0 {
			s.unknown.push(s.when(int32(u)))
		}
	}
	for part, n := range s.reads {
		if n == 0 && s.read == nil {
			s.release(s.stores[part])
		}
	}
	for len(order) < len(s.code) {
		u := s.choose(int32(len(order)) / s.pace)
		s.placed[u] = true
		for i := s.start[u]; i < s.start[u+1]; i++ {
			s.placeInstr(i, int32(len(order))/s.pace)
			order = append(order, s.code[i])
		}
	}
	copy(s.code, order)
}

// placeInstr notes that an instruction is issued in a cycle.
func (s *scheduler) placeInstr(i, cycle int32) {
	in := &s.code[i]
	done := max(s.ready[i], cycle) + latency[in.Op]
	for e := s.users[i]; e != None; e = s.edges[e].next {
		k := s.edges[e].to
		s.ready[k] = max(s.ready[k], done)
		if s.unit[k] != s.unit[i] {
			s.release(s.unit[k : k+1])
		}
	}
	if in.Op != Store && s.read == nil {
		s.eachRead(in, func(v *Value) {
			if s.reads[v.Part]--; s.reads[v.Part] == 0 {
				s.release(s.stores[v.Part])
			}
		})
	}
	for _, v := range [...]int32{in.A, in.B, in.C} {
		if v == None {
			continue
		}
		if s.left[v]--; s.left[v] == 0 && s.short(v) {
			s.live[s.file(v)]--
		}
	}
	if v := in.Dst; v != None && s.left[v] > 0 && s.short(v) {
		s.live[s.file(v)]++
	}
}

// release lets units wait for one less.
func (s *scheduler) release(list []int32) {
	for _, u := range list {
		if s.wait[u]--; s.wait[u] == 0 {
			s.unknown.push(s.when(u))
		}
	}
}

// Keys of heaps: a unit in the lowest bits, and before it how much waits for it.
const (
	indexBits  = 21
	heightBits = 21
)

func (s *scheduler) rank(u int32) uint64 {
	height := slices.Max(s.height[s.start[u]:s.start[u+1]])
	if s.read != nil && s.code[s.start[u]].Op == Store { // what it stores needs a register no longer
		height = 1<<heightBits - 1
	}
	return uint64(max(1<<heightBits-1-height, 0))<<indexBits | uint64(u)
}

func (s *scheduler) when(u int32) uint64 {
	ready := slices.Max(s.ready[s.start[u]:s.start[u+1]])
	return uint64(ready)<<(indexBits+heightBits) | s.rank(u)
}

// triedAtOnce bounds the units that are looked at for one that takes no register.
const triedAtOnce = 16

// choose returns the unit that comes next: of those that take no register which there is not, the one whose operands are known first, then the one that most waits for; where there is no such, the first of the code.
func (s *scheduler) choose(now int32) int32 {
	for len(s.unknown) > 0 && s.unknown[0]>>(indexBits+heightBits) <= uint64(now) {
		s.known.push(s.unknown.pop() & (1<<(indexBits+heightBits) - 1))
	}
	for _, h := range []*minHeap{&s.known, &s.unknown} {
		var full []uint64
		found := None
		for found == None && len(*h) > 0 && len(full) < triedAtOnce {
			key := h.pop()
			switch u := int32(key & (1<<indexBits - 1)); {
			case s.placed[u]: // as the first of the code
			case s.full(u):
				full = append(full, key)
			default:
				found = u
			}
		}
		for _, key := range full {
			h.push(key)
		}
		if found != None {
			return found
		}
	}
	for s.placed[s.first] {
		s.first++
	}
	return s.first
}

// minHeap is a binary heap of keys.
type minHeap []uint64

func (h *minHeap) push(key uint64) {
	*h = append(*h, key)
	k := *h
	for i := len(k) - 1; i > 0 && k[(i-1)/2] > k[i]; i = (i - 1) / 2 {
		k[i], k[(i-1)/2] = k[(i-1)/2], k[i]
	}
}

func (h *minHeap) pop() uint64 {
	k := *h
	least := k[0]
	last := len(k) - 1
	k[0] = k[last]
	k = k[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && k[child+1] < k[child] {
			child++
		}
		if child >= last || k[i] <= k[child] {
			break
		}
		k[i], k[child] = k[child], k[i]
		i = child
	}
	*h = k
	return least
}

// eachRead calls do with each operand that may be read from an array.
func (s *scheduler) eachRead(in *Instr, do func(v *Value)) {
	for _, v := range [...]int32{in.A, in.B, in.C, in.fourth()} {
		if v != None && s.g.Vals[v].Home == SpaceArray {
			do(&s.g.Vals[v])
		}
	}
}

// full reports whether a unit takes a register more than it gives back where short-lived values have all that they may. Units of several instructions may have all.
func (s *scheduler) full(u int32) bool {
	in := &s.code[s.start[u]]
	if in.Dst == None || !s.short(in.Dst) {
		return false
	}
	f := s.file(in.Dst)
	if s.live[f] < s.limit[f] {
		return false
	}
	for _, v := range [...]int32{in.A, in.B, in.C} {
		if v != None && s.left[v] == 1 && s.short(v) && s.file(v) == f {
			return false
		}
	}
	return true
}

// short reports whether a value is made here and lives shortly.
func (s *scheduler) short(v int32) bool {
	return s.def[v] != None && s.last[v]-s.def[v] <= shortLife
}

func (s *scheduler) file(v int32) int {
	if s.g.FileOf(s.g.Vals[v].Kind) == &s.g.Files[FileMask] {
		return FileMask
	}
	return FileVector
}
