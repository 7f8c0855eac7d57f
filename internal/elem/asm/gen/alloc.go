package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/adjoint-go/adjoint/internal/elem/def"
)

// never is the next use of a value that is not used again.
const never = 1 << 30

// body emits one straight-line run of a function's nodes with vector registers
// assigned as it goes: values that do not fit are spilled, the one with the most distant
// next use first.
type body struct {
	*function
	f      *def.Func
	order  []def.Ref
	uses   [][]int // positions in order at which a node is used, ascending
	at     int     // current position
	inReg  []int   // register of a node, -1 if none
	slot   []int   // spill slot of a node, -1 if none
	holder []def.Ref
	pinned []bool // registers that the current instruction needs
	kHold  []def.Ref
	inK    []int

	peak int // the most registers ever in use

	fused    map[def.Ref]fusion
	absorbed map[def.Ref]bool
}

// outOfMasks is the panic of an order that needs more than seven mask registers; masks are not spilled.
type outOfMasks struct{}

const unused = def.Ref(-1)
const reserved = def.Ref(-2)

// schedule orders the nodes that the targets need: depth first, the operand with
// more nodes below it first, guard before results.
func (b *body) schedule() []def.Ref {
	f := b.f
	weight := make([]int, len(f.Nodes))
	for i, n := range f.Nodes {
		w := 1
		for _, r := range n.Operands() {
			if r != def.None {
				w += weight[r]
			}
		}
		weight[i] = min(w, 1<<20)
	}
	done := make([]bool, len(f.Nodes))
	var order []def.Ref
	var visit func(def.Ref)
	visit = func(r def.Ref) {
		if done[r] {
			return
		}
		done[r] = true
		n := f.Nodes[r]
		operands := b.operands(r)
		for i := range operands {
			for j := i + 1; j < len(operands); j++ {
				if weight[operands[j]] > weight[operands[i]] {
					operands[i], operands[j] = operands[j], operands[i]
				}
			}
		}
		for _, o := range operands {
			visit(o)
		}
		if n.Kind != def.Const && n.Kind != def.Arg {
			order = append(order, r)
		}
	}
	if f.Guard != def.None {
		visit(f.Guard)
	}
	for _, r := range f.Results {
		visit(r)
	}
	return order
}

// operands returns the operands of the instruction that computes r.
func (b *body) operands(r def.Ref) []def.Ref {
	if u, ok := b.fused[r]; ok {
		return append([]def.Ref(nil), u.operands...)
	}
	var list []def.Ref
	for _, o := range b.f.Nodes[r].Operands() {
		if o != def.None {
			list = append(list, o)
		}
	}
	return list
}

// plan chooses how a body is ordered: depth first (0), or by listSchedule with a limit of live values.
type plan struct {
	vectors int // per iteration
	limit   int
}

func newBody(fn *function, f *def.Func, limit int) *body {
	n := len(f.Nodes)
	b := &body{function: fn, f: f, uses: make([][]int, n),
		inReg: make([]int, n), slot: make([]int, n), inK: make([]int, n),
		holder: make([]def.Ref, fn.level.registers()), pinned: make([]bool, fn.level.registers()), kHold: make([]def.Ref, 8)}
	b.fused, b.absorbed = fuse(f, fn.level)
	if limit > 0 {
		b.order = b.listSchedule(limit)
	} else {
		b.order = b.schedule()
	}
	for i := range n {
		b.inReg[i], b.slot[i], b.inK[i] = -1, -1, -1
	}
	for i := range b.holder {
		b.holder[i] = unused
	}
	for i := range b.kHold {
		b.kHold[i] = unused
	}
	b.kHold[0] = reserved // K0 as a write mask means no mask
	for _, i := range fn.reserved {
		b.holder[i] = reserved
	}
	for bits, i := range fn.hoisted {
		b.holder[i] = reserved
		for r, node := range f.Nodes {
			if node.Kind == def.Const && node.Imm == bits {
				b.inReg[r] = i
			}
		}
	}
	for p, r := range b.order {
		for _, o := range b.operands(r) {
			b.uses[o] = append(b.uses[o], p)
		}
	}
	end := len(b.order)
	for _, r := range f.Results {
		b.uses[r] = append(b.uses[r], end)
	}
	if f.Guard != def.None {
		for p, r := range b.order {
			if r == f.Guard {
				b.uses[r] = append([]int{p + 1}, b.uses[r]...)
			}
		}
	}
	return b
}

// next returns the first use of r after the current position.
func (b *body) next(r def.Ref) int {
	for _, p := range b.uses[r] {
		if p > b.at {
			return p
		}
	}
	return never
}

// dies reports whether the current instruction is the last to use r.
func (b *body) dies(r def.Ref) bool { return b.next(r) == never }

// alloc returns a free vector register and pins it for this instruction.
func (b *body) alloc() int {
	best, far := -1, -1
	inUse := 0
	for i, h := range b.holder {
		if h != unused || b.pinned[i] {
			inUse++
		}
	}
	b.peak = max(b.peak, inUse+1)
	for i, h := range b.holder {
		if h == unused && !b.pinned[i] {
			b.pinned[i] = true
			return i
		}
	}
	for i, h := range b.holder {
		if b.pinned[i] || h == reserved {
			continue
		}
		d := b.next(h)
		if d > far {
			best, far = i, d
		}
	}
	if best < 0 {
		panic(fmt.Sprintf("BUG: %s: no register to evict", b.name))
	}
	b.evict(best)
	b.pinned[best] = true
	return best
}

func (b *body) evict(i int) {
	r := b.holder[i]
	kind := b.f.Nodes[r].Kind
	if kind != def.Const && kind != def.Arg && b.slot[r] < 0 && b.next(r) != never {
		b.slot[r] = b.newSlot()
		b.emit(b.op("VMOVUP"), b.vec(i), b.slotAddr(b.slot[r]))
	}
	b.inReg[r] = -1
	b.holder[i] = unused
}

// use returns the register of r, loading it first if needed, and pins it.
func (b *body) use(r def.Ref) int {
	if i := b.inReg[r]; i >= 0 {
		b.pinned[i] = true
		return i
	}
	i := b.alloc()
	b.load(r, i)
	b.inReg[r], b.holder[i] = i, r
	return i
}

// load copies r into register i without recording it.
func (b *body) load(r def.Ref, i int) {
	n := b.f.Nodes[r]
	switch {
	case b.inReg[r] >= 0:
		b.emit(b.op("VMOVUP"), b.vec(b.inReg[r]), b.vec(i))
	case n.Kind == def.Const:
		b.loadConst(n.Imm, i)
	case n.Kind == def.Arg:
		b.loadArg(int(n.Imm), i)
	case b.slot[r] >= 0:
		b.emit(b.op("VMOVUP"), b.slotAddr(b.slot[r]), b.vec(i))
	default:
		panic(fmt.Sprintf("BUG: %s: node %d has no value", b.name, r))
	}
}

// source returns an operand for r that an instruction may take from memory, and
// whether it is a broadcast one. What is in a register stays there; an argument that is used again is loaded.
func (b *body) source(r def.Ref) (o operand.Op, broadcast bool) {
	n := b.f.Nodes[r]
	if b.inReg[r] < 0 {
		switch {
		case n.Kind == def.Const:
			return b.constant(n.Imm)
		case n.Kind == def.Arg && b.dies(r) && !b.input(int(n.Imm)).isBool():
			return b.argAddr(int(n.Imm)), false
		case b.slot[r] >= 0 && b.dies(r):
			return b.slotAddr(b.slot[r]), false
		}
	}
	return b.vec(b.use(r)), false
}

// prefersMemory reports whether source would give r from memory.
func (b *body) prefersMemory(r def.Ref) bool {
	n := b.f.Nodes[r]
	return b.inReg[r] < 0 && (n.Kind == def.Const || b.dies(r) && (b.slot[r] >= 0 || n.Kind == def.Arg && !b.input(int(n.Imm)).isBool()))
}

// result returns a register for the value of r. It reuses a register of an operand that dies here.
func (b *body) result(r def.Ref, operands ...def.Ref) int {
	for _, o := range operands {
		if i := b.inReg[o]; i >= 0 && b.holder[i] == o && b.dies(o) {
			b.inReg[o] = -1
			b.inReg[r], b.holder[i] = i, r
			b.pinned[i] = true
			return i
		}
	}
	i := b.alloc()
	b.inReg[r], b.holder[i] = i, r
	return i
}

// destructive returns a register for the value of r that holds o's value now: o's own if it
// dies here, else a copy.
func (b *body) destructive(r, o def.Ref) int {
	if i := b.inReg[o]; i >= 0 && b.holder[i] == o && b.dies(o) {
		b.inReg[o] = -1
		b.inReg[r], b.holder[i] = i, r
		b.pinned[i] = true
		return i
	}
	if i := b.inReg[o]; i >= 0 {
		b.pinned[i] = true
	}
	i := b.alloc()
	b.load(o, i)
	b.inReg[r], b.holder[i] = i, r
	return i
}

// finishInstruction unpins and frees what died.
func (b *body) finishInstruction() {
	for i := range b.pinned {
		b.pinned[i] = false
		if h := b.holder[i]; h >= 0 && b.next(h) == never {
			b.holder[i] = unused
			b.inReg[h] = -1
		}
	}
	for i, h := range b.kHold {
		if h >= 0 && b.next(h) == never {
			b.kHold[i] = unused
			b.inK[h] = -1
		}
	}
}

func (b *body) k(r def.Ref) reg.OpmaskPhysical {
	if b.inK[r] < 0 {
		panic(fmt.Sprintf("BUG: %s: mask %d has no register", b.name, r))
	}
	return opmask(b.inK[r])
}

func (b *body) allocK(r def.Ref) reg.OpmaskPhysical {
	for i, h := range b.kHold {
		if h == unused {
			b.kHold[i], b.inK[r] = r, i
			return opmask(i)
		}
	}
	panic(outOfMasks{})
}
