package native

import (
	"runtime"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native/isa/arm64"
)

// machine is an instruction set: what turns low-level code whose operands are known into machine code. Registers that the
// allocator and the calling convention name have the same numbers on every machine.
type machine interface {
	// has reports whether there is machine code for op in the generator's mode.
	has(op lowOp, t elem) bool
	// emit appends the machine code of one instruction: it asks for its operands' registers, moves them on and defines the result.
	emit(in *lowIns, u *nextUses)
	// load reads a value from its home into register r.
	load(v *value, r uint8)
	// loadFrom reads a value as storeAt leaves it outside of the arena and of arrays.
	loadFrom(k valueKind, p mem, r uint8)
	// storeAt writes register r, which holds a value of kind k, to memory. In the arena a mask is a byte.
	storeAt(k valueKind, home space, r uint8, p mem)
	// copyRegister copies a whole register.
	copyRegister(k valueKind, dst, src uint8)
	// registers returns those that every instruction of scalar code can use, and those that some can.
	registers() (every, some uint32)

	// Jumps return the place to patch.
	jumpIfAny(mask uint8, in *lowIns) int // if a guard is true in some lane
	jumpAlways() int
	call() int // of a function, which keeps all registers
	patch(place, target int)
	align(n int)
	leave(vectors bool) // returns to the caller, after vector instructions if vectors is true

	lea(r uint8, p mem) // the address

	// The loop around scalar code.
	callBody(target int)
	arrayPointer(array int) uint8 // the register that it loads the pointer to
	jumpIfFalse(p mem) int        // if a byte is 0
	nextStep(by int32, top int)   // goes on to top until the last step is made

	// Vector code.
	vectorFiles() (vectors, masks uint32) // registers
	pointerRegisters() []uint8            // for the pointers of the first arrays
	startArrays(offset int32)             // loads the pointers from the table at an offset: the current element is the first
	nextElements(n int32)                 // moves the current element on
	arrayOperand(array uint8, disp int32) mem
	repeat(k valueKind, p, to mem)                                            // stores the vector of an element
	storeFirst(k valueKind, r uint8, p mem)                                   // stores the first element of register r
	tailMask(k valueKind, r uint8, left uint8, element int, size, disp int32) // loads the vector of a table from an element on, left elements before
	flush(on bool, control int32)                                             // what floats do with subnormal numbers; control is where their control words lie

	// General registers in the loops around vector code. subImm and cmpImm are followed by a jump.
	clear(r uint8)
	moveReg(dst, src uint8)
	subReg(dst, src uint8)
	addImm(r uint8, n int32)
	subImm(r uint8, n int32)
	cmpImm(r uint8, n int32)
	loadReg(r uint8, p mem)
	jump(cond uint8) int // returns the place to patch
	jumpBack(cond uint8, target int)
}

// Conditions of jumps, numbered as amd64 does.
const (
	condEqual        uint8 = 0x4
	condNotEqual     uint8 = 0x5
	condGreaterEqual uint8 = 0xD
	condLess         uint8 = 0xC
	condLessOrEqual  uint8 = 0xE
	condGreater      uint8 = 0xF
)

// leastLevel is what code needs; on arm64 every processor has it.
var leastLevel = map[bool]cpu.Level{true: cpu.NEON, false: cpu.AVX2}[runtime.GOARCH == "arm64"]

// setMachine chooses the instruction set of this processor.
func (g *generator) setMachine() {
	if runtime.GOARCH == "arm64" {
		g.isa, g.reach = arm{g}, 32760
		return
	}
	g.isa, g.bias, g.reach = x86{g}, 128, 127
}

// mem is a memory operand: base + index·scale + disp.
type mem struct {
	base  uint8
	index uint8 // noReg for none
	scale uint8 // 0..3, log2 of the factor
	disp  int32
}

func at(base uint8, disp int32) mem { return mem{base: base, index: noReg, disp: disp} }

const noReg = 0xFF

// General registers by their use.
const (
	baseArena   = 7
	baseConst   = 6
	baseScratch = 2
	regTable    = 14 // of a loop around scalar code: the table of pointers
	regStep     = 15
)

// listing renders code as one line an instruction: offset, bytes, text.
func listing(code []byte) string {
	if runtime.GOARCH == "arm64" {
		return arm64.Listing(code)
	}
	return x86Listing(code)
}
