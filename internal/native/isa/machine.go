package isa

// Machine is an instruction set: what turns low-level code whose operands are known into machine code. Registers that the
// allocator and the calling convention name have the same numbers on every machine.
type Machine interface {
	// Has reports whether there is machine code for op in the generator's mode.
	Has(op Op, t Elem) bool
	// SlowUnderflow reports whether results that underflow take much longer than others.
	SlowUnderflow() bool
	// Emit appends the machine code of one instruction: it asks for its operands' registers, moves them on and defines the result.
	Emit(in *Instr, u *NextUses)
	// Load reads a value from its home into register r.
	Load(v *Value, r uint8)
	// LoadFrom reads a value as StoreAt leaves it outside of the arena and of arrays.
	LoadFrom(k Kind, p Mem, r uint8)
	// StoreAt writes register r, which holds a value of kind k, to memory. In the arena a mask is a byte.
	StoreAt(k Kind, home Space, r uint8, p Mem)
	// CopyRegister copies a whole register.
	CopyRegister(k Kind, dst, src uint8)
	// Registers returns those that all of scalar code can use, those too that make instructions longer if longer is true.
	Registers(code []Instr, longer bool) uint32

	// Jumps return the place to patch.
	JumpIfAny(mask uint8, in *Instr) int // if the mask of a Guard is true in some lane, or that of a GuardAll false
	JumpAlways() int
	Call() int // of a function, which keeps all registers
	Patch(place, target int)
	Align(n int)
	Leave(vectors bool) // returns to the caller, after vector instructions if vectors is true

	Lea(r uint8, p Mem) // the address

	// The loop around scalar code.
	CallBody(target int)
	ArrayPointer(array int) uint8 // the register that it loads the pointer to
	JumpIfFalse(p Mem) int        // if a byte is 0
	NextStep(by int32, top int)   // goes on to top until the last step is made

	// Vector code.
	VectorCode() (m Mode, length uint8)   // the longest vectors
	Pairs() bool                          // whether two vectors that lie one behind the other are one load or store
	VectorFiles() (vectors, masks uint32) // registers
	PointerRegisters() []uint8            // for the pointers of the first arrays
	StartArrays(offset int32)             // loads the pointers from the table at an offset: the current element is the first
	NextElements(n int32)                 // moves the current element on
	NextRow(array int, step Mem)          // moves an array's pointer from where a row began to where the next one begins
	ArrayOperand(array uint8, disp int32) Mem
	Repeat(k Kind, p, to Mem)                                            // stores the vector of an element
	StoreFirst(k Kind, r uint8, p Mem)                                   // stores the first element of register r
	TailMask(k Kind, r uint8, left uint8, element int, size, disp int32) // loads the vector of a table from an element on, left elements before
	LoadMask(r uint8, p Mem)                                             // loads a mask register
	MasksInMemory() bool                                                 // whether the last elements of arrays but those of truth values are read and written under masks that TailTable names
	AppendSpan(b []byte, from, to int) []byte                            // appends what loads at the edges of a row need where the elements [from, to) of a vector are read, which go beyond the vector as they do in the row
	Flush(on bool)                                                       // whether results and operands that are subnormal become 0

	// General registers in the loops around vector code. SubImm and CmpImm are followed by a jump.
	Clear(r uint8)
	MoveReg(dst, src uint8)
	SubReg(dst, src uint8)
	AddImm(r uint8, n int32)
	SubImm(r uint8, n int32)
	CmpImm(r uint8, n int32)
	LoadReg(r uint8, p Mem)
	StoreReg(p Mem, r uint8)
	AddMemory(r uint8, p Mem)
	Jump(cond uint8) int // returns the place to patch
	JumpBack(cond uint8, target int)
}

// Conditions of jumps, numbered as amd64 does.
const (
	CondEqual        uint8 = 0x4
	CondNotEqual     uint8 = 0x5
	CondGreaterEqual uint8 = 0xD
	CondLess         uint8 = 0xC
	CondLessOrEqual  uint8 = 0xE
	CondGreater      uint8 = 0xF
)

// Registers of code over rows besides those of loops.
const (
	RegSpans = RegResult // masks of the vector at an edge
	RegPhase = RegInner  // 0 at the left edge, 1 at the right one
	SpanMask = 6
)

// Mem is a memory operand: base + index·scale + disp.
type Mem struct {
	Base  uint8
	Index uint8 // NoRegister for none
	Scale uint8 // 0..3, log2 of the factor
	Disp  int32
}

// At returns the memory operand at a distance from a register.
func At(base uint8, disp int32) Mem { return Mem{Base: base, Index: NoRegister, Disp: disp} }

// General registers by their use.
const (
	BaseArena   = 7
	BaseConst   = 6
	BaseScratch = 2
	RegTable    = 14 // of a loop around scalar code: the table of pointers
	RegStep     = 15
)

// General registers of vector code.
const (
	RegIndex  = 0  // current element
	RegLeft   = 1  // elements left
	RegTemp   = 3  // pointers beyond the base registers, tests
	RegInner  = 15 // elements left of a block
	RegResult = 14 // where the next block's result goes
)
