package isa

import (
	"math"
	"math/bits"
)

// Mode is the kind of code that a generator makes.
type Mode uint8

// The modes.
const (
	ModeScalar Mode = iota // low lanes of vector registers
	ModeVector             // vectors, masks as vectors
	ModeMasked             // vectors, masks in registers of their own
)

// Kind is what a register holds.
type Kind uint8

// The kinds.
const (
	Kind64     Kind = iota // elements of 8 bytes
	Kind32                 // elements of 4 bytes
	KindVector             // scalar code: eight elements of 8 bytes
	KindMask               // truth values: all bits of an element, or a bit of a k register
)

// Space is where a value lies when it is not in a register.
type Space uint8

// The spaces.
const (
	SpaceNone    Space = iota // nowhere yet; a scratch slot on eviction
	SpaceArena                // scalar code: the arena
	SpaceConst                // the constant block
	spaceScratch              // the scratch block
	SpaceSlot                 // scalar code: a slot, whose number is in disp
	SpaceArray                // vector code: an array at the current element
	SpaceFixed                // a reserved place in the scratch block
)

// Never is the next use of a value that is not used again.
const Never = int32(1<<31 - 1)

// What stands for none.
const (
	None       = int32(-1)   // of values
	NoRegister = uint8(0xFF) // of registers
)

// Operand is where an instruction finds an operand: a register, or memory.
type Operand struct {
	Reg    uint8 // NoRegister when in memory
	Memory Mem
}

// Value is a result, an input or a constant of low-level code.
type Value struct {
	Next   int32 // index of the instruction that uses it next
	Disp   int32 // displacement in its space
	Home   Space
	Kind   Kind
	Reg    uint8
	Array  uint8 // SpaceArray: number of the array
	Part   uint8 // SpaceArray: which vector of the iteration
	Span   uint8 // SpaceArray, code over rows: which columns are read; see RowInput
	Repeat bool  // SpaceArray, code over rows: one element for the row
	Reads  uint8 // SpaceArray, code over rows: how many columns are read, 255 of more
	Stored bool  // its home holds it
	Output bool  // to be stored as soon as it is known
	Pinned bool  // stays in its register
}

// ArrayPart names a vector of an iteration.
type ArrayPart struct{ Array, Part uint8 }

// NextUses holds, for an instruction, the use that follows it of each operand and of the result.
type NextUses struct{ Dst, A, B, C int32 }

// RegisterFile is the state of the registers of one kind.
type RegisterFile struct {
	Free, All, Lock uint32
	temporary       uint32 // taken for the instruction being emitted only
	owner           [32]int32
	next            [32]int32
}

// The files of a generator.
const (
	FileVector = 0
	FileMask   = 1
)

// Far is the distance of arrays that may lie anywhere.
const Far = math.MinInt32

// Near reports whether an array is addressed by its distance from BaseReg.
func (g *Generator) Near(array int) bool { return g.ArrayNear != nil && g.ArrayNear[array] != Far }

// Generator turns low-level code into machine code: one pass forward, with the next use of every
// value known, so that the value whose next use is farthest leaves its register first (Belady 1966).
type Generator struct {
	Buf         []byte // the machine code so far
	Machine     Machine
	Bias        int32 // scalar code: base registers are raised by it, so that short displacements reach twice as far
	Reach       int32 // of a short displacement
	MiddleReach int32 // of one of middle length to 8 bytes, on both sides; 0 where there is none
	Mode        Mode
	Len64       uint8 // vector length of values of Kind64
	Len32       uint8
	Vals        []Value
	Code        []Instr
	Overlaid    [][]uint8 // by array that is stored to: those in whose place it lies, element for element; nil if that may be any
	uses        []NextUses
	current     int // the instruction being emitted
	Files       [2]RegisterFile
	SlotBytes   int32 // size of a scratch slot
	SlotFree    []int32
	slotDead    []int32 // freed by the instruction being emitted
	SlotTop     int32   // end of the scratch slots in use so far
	SlotBase    int32   // displacement of the first slot, relative to the biased register
	Consts      Constants
	ArrayRegs   []uint8 // base registers of the first arrays
	ArrayScale  []uint8
	ArrayFixed  []bool  // arrays of one element
	ArrayNear   []int32 // how far behind the pointer in register BaseReg arrays lie, Far if that is not known; nil for none
	BaseReg     uint8
	slots       slotWindows // scalar code
	Straight    bool        // scalar code, in which vector instructions may stand
	vectorSlots []int32     // free scratch slots of a vector, in scalar code
	vectorDead  []int32
	Lanes       uint8               // vector code: elements of a vector
	Tail        bool                // code for the elements that do not fill an iteration
	TailMasks   [8]uint8            // registers of the masks of the parts
	TailLeft    uint8               // masks in memory: the register that holds how many elements are left, negated
	TailTable   map[Kind]int32      // masks in memory: where that of the first part lies behind the constants when no element is left; nil if they are not
	Edge        bool                // code over rows, at the edges of a row
	Rest        uint8               // code over rows: elements of a row's last vector, 0 if it is a whole one
	MaskBytes   int32               // code over rows: of what AppendSpan appends
	Behind      map[ArrayPart]int32 // vectors of arrays that can be loaded with the one before, by array and the part of that one
	JoinedIn    []uint8             // registers of the products that have a test in common and are not results yet
	stubs       []stub
	Saved       [2]uint32 // registers that a complete form must keep
	calls       []functionCall
}

// ResetRegisters frees all registers.
func (g *Generator) ResetRegisters() {
	for f := range g.Files {
		g.Files[f].Free = g.Files[f].All
		g.Files[f].Lock = 0
	}
}

// FileOf returns the file of values of kind k.
func (g *Generator) FileOf(k Kind) *RegisterFile {
	if k == KindMask && g.Mode == ModeMasked && !g.Straight {
		return &g.Files[FileMask]
	}
	return &g.Files[FileVector]
}

// LenOf returns the vector length of values of kind k.
func (g *Generator) LenOf(k Kind) uint8 {
	if k == Kind32 {
		return g.Len32
	}
	return g.Len64
}

// ScalarKind reports whether values of kind k are scalars in the registers and in memory.
func (g *Generator) ScalarKind(k Kind) bool {
	if g.Straight {
		return k != KindVector
	}
	return g.Mode == ModeScalar
}

// NewValue adds a value without a home.
func (g *Generator) NewValue(k Kind) int32 {
	g.Vals = append(g.Vals, Value{Next: Never, Kind: k, Reg: NoRegister})
	return int32(len(g.Vals) - 1)
}

// FindNextUses fills g.uses by one pass backward. The next field of every value must hold
// the use after the last instruction: never, or len(code) for values that live on.
func (g *Generator) FindNextUses() {
	if cap(g.uses) < len(g.Code) {
		g.uses = make([]NextUses, len(g.Code)+len(g.Code)/4)
	}
	g.uses = g.uses[:len(g.Code)]
	vals := g.Vals
	for i := len(g.Code) - 1; i >= 0; i-- {
		in := &g.Code[i]
		u := &g.uses[i]
		if in.Dst >= 0 {
			u.Dst = vals[in.Dst].Next
		}
		a, b, c := in.A, in.B, in.C
		if a >= 0 {
			u.A = vals[a].Next
		}
		if b >= 0 {
			u.B = vals[b].Next
		}
		if c >= 0 {
			u.C = vals[c].Next
		}
		if a >= 0 {
			vals[a].Next = int32(i)
		}
		if b >= 0 {
			vals[b].Next = int32(i)
		}
		if c >= 0 {
			vals[c].Next = int32(i)
		}
	}
}

// DropUnread leaves out instructions that only make a value which nothing reads: lowering learns late that another form of an operation is shorter.
func (g *Generator) DropUnread() {
	read := make([]bool, len(g.Vals))
	end := len(g.Code)
	for i := len(g.Code) - 1; i >= 0; i-- {
		in := &g.Code[i]
		if in.Op < Hold && in.Dst >= 0 && !read[in.Dst] && !g.Vals[in.Dst].Pinned {
			continue
		}
		for _, v := range [4]int32{in.A, in.B, in.C, in.fourth()} {
			if v >= 0 {
				read[v] = true
			}
		}
		end--
		g.Code[end] = g.Code[i]
	}
	g.Code = g.Code[:copy(g.Code, g.Code[end:])]
}

// AddressOf returns the memory operand of a value's home.
func (g *Generator) AddressOf(v *Value) Mem {
	switch v.Home {
	case SpaceArena:
		return At(BaseArena, v.Disp)
	case SpaceSlot:
		return g.slotAddress(v.Disp)
	case SpaceConst:
		return At(BaseConst, v.Disp)
	case spaceScratch, SpaceFixed:
		return At(BaseScratch, v.Disp)
	case SpaceArray:
		return g.Machine.ArrayOperand(v.Array, v.Disp)
	}
	panic("BUG: value without a home used from memory")
}

// InRegister returns the register of v, loading it if need be, and locks it.
func (g *Generator) InRegister(v int32) uint8 {
	val := &g.Vals[v]
	file := g.FileOf(val.Kind)
	if val.Reg == NoRegister {
		r := g.Take(file)
		g.Own(file, r, v)
		file.Lock |= 1 << r // loading may take another
		g.Machine.Load(val, r)
	}
	file.Lock |= 1 << val.Reg
	return val.Reg
}

// Own gives register r of the file, which is not free, to value v.
func (g *Generator) Own(file *RegisterFile, r uint8, v int32) {
	file.owner[r] = v
	file.next[r] = g.Vals[v].Next
	g.Vals[v].Reg = r
}

// Take returns a register that nobody owns, after an eviction if there is none.
func (g *Generator) Take(file *RegisterFile) uint8 {
	if free := file.Free; free != 0 {
		r := uint8(bits.TrailingZeros32(free))
		file.Free &^= 1 << r
		return r
	}
	best, bestNext := NoRegister, int32(-1)
	for set := file.All &^ (file.Lock | file.temporary); set != 0; set &= set - 1 {
		r := uint8(bits.TrailingZeros32(set))
		next := file.next[r]
		if next > bestNext {
			best, bestNext = r, next
		}
	}
	if best == NoRegister {
		panic("BUG: every register is locked")
	}
	v := &g.Vals[file.owner[best]]
	if !v.Stored {
		g.Store(v)
	}
	v.Reg = NoRegister
	return best
}

// Temporary takes a register that is given back after the instruction being emitted.
func (g *Generator) Temporary(k Kind) uint8 {
	file := g.FileOf(k)
	r := g.Take(file)
	file.temporary |= 1 << r
	return r
}

// Store writes an owned value to its home, which it gets now if it has none.
func (g *Generator) Store(v *Value) {
	if v.Home == SpaceNone {
		g.giveHome(v)
	}
	g.Machine.StoreAt(v.Kind, v.Home, v.Reg, g.AddressOf(v))
	v.Stored = true
}

// giveHome reserves memory for a value that has none.
func (g *Generator) giveHome(v *Value) {
	v.Home = spaceScratch
	switch n, m := len(g.vectorSlots), len(g.SlotFree); {
	case v.Kind == KindVector && n > 0:
		v.Disp = g.vectorSlots[n-1]
		g.vectorSlots = g.vectorSlots[:n-1]
	case v.Kind == KindVector:
		v.Disp = g.SlotBase + g.SlotTop
		g.SlotTop += 8 * LaneCount
	case g.Straight:
		v.Home, v.Disp = SpaceSlot, g.newSlot()
	case m > 0:
		v.Disp = g.SlotFree[m-1]
		g.SlotFree = g.SlotFree[:m-1]
	default:
		v.Disp = g.SlotBase + g.SlotTop
		g.SlotTop += g.SlotBytes
	}
}

// release gives up a value's register and its slot.
func (g *Generator) release(v *Value) {
	if v.Reg != NoRegister && !v.Pinned {
		file := g.FileOf(v.Kind)
		file.Free |= 1 << v.Reg
		v.Reg = NoRegister
	}
	if (v.Home == spaceScratch || v.Home == SpaceSlot) && !v.Pinned {
		// An instruction being emitted may still read it.
		if v.Kind == KindVector {
			g.vectorDead = append(g.vectorDead, v.Disp)
		} else {
			g.slotDead = append(g.slotDead, v.Disp)
		}
		v.Home = SpaceNone
	}
}

// advance moves a value on to its next use and releases it when there is none.
func (g *Generator) advance(v int32, next int32) {
	val := &g.Vals[v]
	val.Next = next
	if next == Never {
		g.release(val)
		return
	}
	if val.Reg != NoRegister {
		g.FileOf(val.Kind).next[val.Reg] = next
	}
}

// AdvanceAll moves the operands of an instruction on and unlocks all registers.
func (g *Generator) AdvanceAll(in *Instr, u *NextUses) {
	if in.A >= 0 {
		g.advance(in.A, u.A)
	}
	if in.B >= 0 && in.B != in.A {
		g.advance(in.B, u.B)
	}
	if in.C >= 0 && in.C != in.A && in.C != in.B {
		g.advance(in.C, u.C)
	}
	g.Files[0].Lock, g.Files[1].Lock = 0, 0
}

// Define gives the result of an instruction a register.
func (g *Generator) Define(v int32, next int32) uint8 {
	val := &g.Vals[v]
	file := g.FileOf(val.Kind)
	val.Next = next
	if val.Pinned {
		return val.Reg
	}
	r := g.Take(file)
	g.Own(file, r, v)
	return r
}

// finish stores an output and releases a result without a use.
func (g *Generator) finish(v int32) {
	val := &g.Vals[v]
	if val.Output {
		g.Machine.StoreAt(val.Kind, val.Home, val.Reg, g.AddressOf(val))
		val.Stored = true
	}
	if val.Next == Never && !val.Pinned {
		g.release(val)
	}
}

// Emit appends the machine code of one instruction.
func (g *Generator) emit(in *Instr, u *NextUses) {
	switch in.Op {
	case Mov:
		g.emitMove(in, u)
	case Guard, GuardAll:
		g.emitGuard(in, u)
	case Hold:
		g.AdvanceAll(in, u)
	default:
		g.Machine.Emit(in, u)
	}
	if in.Dst >= 0 {
		g.finish(in.Dst)
	}
}

// emitMove renames a register whose value dies, and stores straight from the operand's register
// when the result is only an output.
func (g *Generator) emitMove(in *Instr, u *NextUses) {
	val := &g.Vals[in.Dst]
	src := g.InRegister(in.A)
	if val.Output && u.Dst == Never {
		g.Machine.StoreAt(val.Kind, val.Home, src, g.AddressOf(val))
		val.Output, val.Stored, val.Next = false, true, Never
		g.AdvanceAll(in, u)
		return
	}
	g.AdvanceAll(in, u)
	file := g.FileOf(val.Kind)
	val.Next = u.Dst
	if file.Free>>src&1 != 0 {
		file.Free &^= 1 << src
		g.Own(file, src, in.Dst)
		return
	}
	dst := g.Take(file)
	g.Own(file, dst, in.Dst)
	g.Machine.CopyRegister(val.Kind, dst, src)
}

// Generate emits all of g.code.
func (g *Generator) Generate() {
	if g.Straight {
		defer func() { g.Mode = ModeScalar }()
	}
	for i := range g.Code {
		if cap(g.Buf)-len(g.Buf) < 256 {
			grown := make([]byte, len(g.Buf), 2*cap(g.Buf)+4096)
			copy(grown, g.Buf)
			g.Buf = grown
		}
		if g.Straight {
			g.Mode = ModeScalar
			if g.Code[i].Vector {
				g.Mode = ModeMasked
			}
		}
		g.current = i
		g.emit(&g.Code[i], &g.uses[i])
		if len(g.vectorDead) > 0 {
			g.vectorSlots = append(g.vectorSlots, g.vectorDead...)
			g.vectorDead = g.vectorDead[:0]
		}
		for f := range g.Files {
			file := &g.Files[f]
			file.Free |= file.temporary
			file.temporary = 0
		}
		if len(g.slotDead) > 0 {
			if g.Straight {
				for _, slot := range g.slotDead {
					g.freeSlot(slot)
				}
			} else {
				g.SlotFree = append(g.SlotFree, g.slotDead...)
			}
			g.slotDead = g.slotDead[:0]
		}
		if g.Straight {
			g.followSlots()
		}
	}
}
