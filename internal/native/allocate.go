package native

import (
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/elem/def"
)

// mode is the kind of code that a generator makes.
type mode uint8

const (
	modeScalar mode = iota // low lanes of xmm registers, VEX
	modeVEX                // vectors, masks as vectors: ymm registers, or arm64's
	modeEVEX               // zmm registers, masks in k registers
)

// valueKind is what a register holds.
type valueKind uint8

const (
	kind64     valueKind = iota // elements of 8 bytes
	kind32                      // elements of 4 bytes
	kindVector                  // scalar code: eight elements of 8 bytes
	kindMask                    // truth values: all bits of an element, or a bit of a k register
)

// space is where a value lies when it is not in a register.
type space uint8

const (
	spaceNone    space = iota // nowhere yet; a scratch slot on eviction
	spaceArena                // scalar code: the arena
	spaceConst                // the constant block
	spaceScratch              // the scratch block
	spaceSlot                 // scalar code: a slot, whose number is in disp
	spaceArray                // vector code: an array at the current element
	spaceFixed                // a reserved place in the scratch block
)

// never is the next use of a value that is not used again.
const never = int32(1<<31 - 1)

const noRegister = uint8(0xFF)

// value is a result, an input or a constant of low-level code.
type value struct {
	next   int32 // index of the instruction that uses it next
	disp   int32 // displacement in its space
	home   space
	kind   valueKind
	reg    uint8
	array  uint8 // spaceArray: number of the array
	part   uint8 // spaceArray: which vector of the iteration
	span   uint8 // spaceArray, code over rows: which columns are read; see RowInput
	repeat bool  // spaceArray, code over rows: one element for the row
	absent bool  // spaceArray, code over rows: no column is read
	stored bool  // its home holds it
	output bool  // to be stored as soon as it is known
	pinned bool  // stays in its register
}

// arrayPart names a vector of an iteration.
type arrayPart struct{ array, part uint8 }

// nextUses holds, for an instruction, the use that follows it of each operand and of the result.
type nextUses struct{ dst, a, b, c int32 }

// regFile is the state of the registers of one kind.
type regFile struct {
	free, all, lock uint32
	temporary       uint32 // taken for the instruction being emitted only
	owner           [32]int32
	next            [32]int32
}

const (
	fileVector = 0
	fileMask   = 1
)

// generator turns low-level code into machine code: one pass forward, with the next use of every
// value known, so that the value whose next use is farthest leaves its register first (Belady 1966).
type generator struct {
	buf         []byte // the machine code so far
	isa         machine
	bias        int32 // scalar code: base registers are raised by it, so that short displacements reach twice as far
	reach       int32 // of a short displacement
	mode        mode
	len64       uint8 // vector length of values of kind64
	len32       uint8
	vals        []value
	code        []lowIns
	uses        []nextUses
	files       [2]regFile
	slotBytes   int32 // size of a scratch slot
	slotFree    []int32
	slotDead    []int32 // freed by the instruction being emitted
	slotTop     int32   // end of the scratch slots in use so far
	slotBase    int32   // displacement of the first slot, relative to the biased register
	consts      constBlock
	arrayRegs   []uint8 // base registers of the first arrays
	arrayScale  []uint8
	arrayFixed  []bool      // arrays of one element
	slots       slotWindows // scalar code
	straight    bool        // scalar code, in which vector instructions may stand
	vector      bool        // the code that is being lowered is vector code within scalar code
	vectorSlots []int32     // free scratch slots of a vector, in scalar code
	vectorDead  []int32
	shared      map[lowKey]int32   // loops: values by what computes them
	constIDs    map[constKey]int32 // values of constants within the block of code in hand
	functions   []*def.Func        // complete forms that a guard may call
	functionOf  map[*def.Func]int
	fastOf      map[definedKey]definedForms
	lanes       uint8               // vector code: elements of a vector
	part        uint8               // of the code that is being lowered
	tail        bool                // code for the elements that do not fill an iteration
	tailMasks   [8]uint8            // registers of the masks of the parts
	edge        bool                // code over rows, at the edges of a row
	ragged      bool                // code over rows: a row does not end with a vector
	maskBytes   int32               // code over rows: of a mask
	behind      map[arrayPart]int32 // vectors of arrays that can be loaded with the one before, by array and the part of that one
	stubs       []stub
	saved       [2]uint32 // registers that a complete form must keep
	calls       []functionCall
	evexScalar  bool // scalar code may use EVEX instructions
}

func (g *generator) resetRegisters() {
	for f := range g.files {
		g.files[f].free = g.files[f].all
		g.files[f].lock = 0
	}
}

func (g *generator) fileOf(k valueKind) *regFile {
	if k == kindMask && g.mode == modeEVEX && !g.straight {
		return &g.files[fileMask]
	}
	return &g.files[fileVector]
}

func (g *generator) lenOf(k valueKind) uint8 {
	if k == kind32 {
		return g.len32
	}
	return g.len64
}

// scalarKind reports whether values of kind k are scalars in the registers and in memory.
func (g *generator) scalarKind(k valueKind) bool {
	if g.straight {
		return k != kindVector
	}
	return g.mode == modeScalar
}

// newValue adds a value without a home.
func (g *generator) newValue(k valueKind) int32 {
	g.vals = append(g.vals, value{next: never, kind: k, reg: noRegister})
	return int32(len(g.vals) - 1)
}

// findNextUses fills g.uses by one pass backward. The next field of every value must hold
// the use after the last instruction: never, or len(code) for values that live on.
func (g *generator) findNextUses() {
	if cap(g.uses) < len(g.code) {
		g.uses = make([]nextUses, len(g.code)+len(g.code)/4)
	}
	g.uses = g.uses[:len(g.code)]
	vals := g.vals
	for i := len(g.code) - 1; i >= 0; i-- {
		in := &g.code[i]
		u := &g.uses[i]
		if in.dst >= 0 {
			u.dst = vals[in.dst].next
		}
		a, b, c := in.a, in.b, in.c
		if a >= 0 {
			u.a = vals[a].next
		}
		if b >= 0 {
			u.b = vals[b].next
		}
		if c >= 0 {
			u.c = vals[c].next
		}
		if a >= 0 {
			vals[a].next = int32(i)
		}
		if b >= 0 {
			vals[b].next = int32(i)
		}
		if c >= 0 {
			vals[c].next = int32(i)
		}
	}
}

// addressOf returns the memory operand of a value's home.
func (g *generator) addressOf(v *value) mem {
	switch v.home {
	case spaceArena:
		return at(baseArena, v.disp)
	case spaceSlot:
		return g.slotAddress(v.disp)
	case spaceConst:
		return at(baseConst, v.disp)
	case spaceScratch, spaceFixed:
		return at(baseScratch, v.disp)
	case spaceArray:
		p := g.isa.arrayOperand(v.array, v.disp)
		if v.repeat {
			p.index = noReg
		}
		return p
	}
	panic("BUG: value without a home used from memory")
}

// inRegister returns the register of v, loading it if need be, and locks it.
func (g *generator) inRegister(v int32) uint8 {
	val := &g.vals[v]
	file := g.fileOf(val.kind)
	if val.reg == noRegister {
		r := g.take(file)
		g.own(file, r, v)
		file.lock |= 1 << r // loading may take another
		g.isa.load(val, r)
	}
	file.lock |= 1 << val.reg
	return val.reg
}

func (g *generator) own(file *regFile, r uint8, v int32) {
	file.owner[r] = v
	file.next[r] = g.vals[v].next
	g.vals[v].reg = r
}

// take returns a register that nobody owns, after an eviction if there is none.
func (g *generator) take(file *regFile) uint8 {
	if free := file.free; free != 0 {
		r := uint8(bits.TrailingZeros32(free))
		file.free &^= 1 << r
		return r
	}
	best, bestNext := noRegister, int32(-1)
	for set := file.all &^ (file.lock | file.temporary); set != 0; set &= set - 1 {
		r := uint8(bits.TrailingZeros32(set))
		next := file.next[r]
		if next > bestNext {
			best, bestNext = r, next
		}
	}
	if best == noRegister {
		panic("BUG: every register is locked")
	}
	v := &g.vals[file.owner[best]]
	if !v.stored {
		g.store(v)
	}
	v.reg = noRegister
	return best
}

// temporary takes a register that is given back after the instruction being emitted.
func (g *generator) temporary(k valueKind) uint8 {
	file := g.fileOf(k)
	r := g.take(file)
	file.temporary |= 1 << r
	return r
}

// store writes an owned value to its home, which it gets now if it has none.
func (g *generator) store(v *value) {
	if v.home == spaceNone {
		g.giveHome(v)
	}
	g.isa.storeAt(v.kind, v.home, v.reg, g.addressOf(v))
	v.stored = true
}

// giveHome reserves memory for a value that has none.
func (g *generator) giveHome(v *value) {
	v.home = spaceScratch
	switch n, m := len(g.vectorSlots), len(g.slotFree); {
	case v.kind == kindVector && n > 0:
		v.disp = g.vectorSlots[n-1]
		g.vectorSlots = g.vectorSlots[:n-1]
	case v.kind == kindVector:
		v.disp = g.slotBase + g.slotTop
		g.slotTop += 8 * laneCount
	case g.straight:
		v.home, v.disp = spaceSlot, g.newSlot()
	case m > 0:
		v.disp = g.slotFree[m-1]
		g.slotFree = g.slotFree[:m-1]
	default:
		v.disp = g.slotBase + g.slotTop
		g.slotTop += g.slotBytes
	}
}

// release gives up a value's register and its slot.
func (g *generator) release(v *value) {
	if v.reg != noRegister && !v.pinned {
		file := g.fileOf(v.kind)
		file.free |= 1 << v.reg
		v.reg = noRegister
	}
	if (v.home == spaceScratch || v.home == spaceSlot) && !v.pinned {
		// An instruction being emitted may still read it.
		if v.kind == kindVector {
			g.vectorDead = append(g.vectorDead, v.disp)
		} else {
			g.slotDead = append(g.slotDead, v.disp)
		}
		v.home = spaceNone
	}
}

// advance moves a value on to its next use and releases it when there is none.
func (g *generator) advance(v int32, next int32) {
	val := &g.vals[v]
	val.next = next
	if next == never {
		g.release(val)
		return
	}
	if val.reg != noRegister {
		g.fileOf(val.kind).next[val.reg] = next
	}
}

// advanceAll moves the operands of an instruction on and unlocks all registers.
func (g *generator) advanceAll(in *lowIns, u *nextUses) {
	if in.a >= 0 {
		g.advance(in.a, u.a)
	}
	if in.b >= 0 && in.b != in.a {
		g.advance(in.b, u.b)
	}
	if in.c >= 0 && in.c != in.a && in.c != in.b {
		g.advance(in.c, u.c)
	}
	g.files[0].lock, g.files[1].lock = 0, 0
}

// define gives the result of an instruction a register.
func (g *generator) define(v int32, next int32) uint8 {
	val := &g.vals[v]
	file := g.fileOf(val.kind)
	val.next = next
	if val.pinned {
		return val.reg
	}
	r := g.take(file)
	g.own(file, r, v)
	return r
}

// finish stores an output and releases a result without a use.
func (g *generator) finish(v int32) {
	val := &g.vals[v]
	if val.output {
		g.isa.storeAt(val.kind, val.home, val.reg, g.addressOf(val))
		val.stored = true
	}
	if val.next == never && !val.pinned {
		g.release(val)
	}
}

// emit appends the machine code of one instruction.
func (g *generator) emit(in *lowIns, u *nextUses) {
	switch in.op {
	case lMov:
		g.emitMove(in, u)
	case lGuard:
		g.emitGuard(in, u)
	case lHold:
		g.advanceAll(in, u)
	default:
		g.isa.emit(in, u)
	}
	if in.dst >= 0 {
		g.finish(in.dst)
	}
}

// emitMove renames a register whose value dies, and stores straight from the operand's register
// when the result is only an output.
func (g *generator) emitMove(in *lowIns, u *nextUses) {
	val := &g.vals[in.dst]
	src := g.inRegister(in.a)
	if val.output && u.dst == never {
		g.isa.storeAt(val.kind, val.home, src, g.addressOf(val))
		val.output, val.stored, val.next = false, true, never
		g.advanceAll(in, u)
		return
	}
	g.advanceAll(in, u)
	file := g.fileOf(val.kind)
	val.next = u.dst
	if file.free>>src&1 != 0 {
		file.free &^= 1 << src
		g.own(file, src, in.dst)
		return
	}
	dst := g.take(file)
	g.own(file, dst, in.dst)
	g.isa.copyRegister(val.kind, dst, src)
}

// generate emits all of g.code.
func (g *generator) generate() {
	if g.straight {
		defer func() { g.mode = modeScalar }()
	}
	for i := range g.code {
		if cap(g.buf)-len(g.buf) < 256 {
			grown := make([]byte, len(g.buf), 2*cap(g.buf)+4096)
			copy(grown, g.buf)
			g.buf = grown
		}
		if g.straight {
			g.mode = modeScalar
			if g.code[i].vector {
				g.mode = modeEVEX
			}
		}
		g.emit(&g.code[i], &g.uses[i])
		if len(g.vectorDead) > 0 {
			g.vectorSlots = append(g.vectorSlots, g.vectorDead...)
			g.vectorDead = g.vectorDead[:0]
		}
		for f := range g.files {
			file := &g.files[f]
			file.free |= file.temporary
			file.temporary = 0
		}
		if len(g.slotDead) > 0 {
			if g.straight {
				for _, slot := range g.slotDead {
					g.freeSlot(slot)
				}
			} else {
				g.slotFree = append(g.slotFree, g.slotDead...)
			}
			g.slotDead = g.slotDead[:0]
		}
		if g.straight {
			g.followSlots()
		}
	}
}
