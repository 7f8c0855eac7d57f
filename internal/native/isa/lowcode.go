// Package isa is what all instruction sets share: low-level code, its registers and memory, and the interface to the machine code of one.
//
// A compiler appends instructions on values to a Generator, which finds the next use of each, gives values registers, and asks the Machine for the code.
package isa

// Op is an operation of the low-level code: about one machine instruction each, on
// values that are not yet in registers.
type Op uint8

// The low-level operations. Float operations are those of the processor: Min and Max
// return B when an operand is NaN or both are zero.
const (
	Mov     Op = iota // A
	Add               // A + B
	Sub               // A − B
	Mul               // A · B
	Div               // A / B
	Min               // A < B ? A : B
	Max               // A > B ? A : B
	Minimum           // the smaller one, NaN if an operand is, −0 below +0 (arm64)
	Maximum           // the greater one
	FMA               // A·B + C
	FMS               // A·B − C
	FNMA              // C − A·B
	FNMS              // −A·B − C
	Sqrt              // √A
	Round             // A rounded; Imm is the rounding mode of ROUNDSD
	And               // bits A and B
	Andn              // bits (not A) and B
	Or                // bits A or B
	Xor               // bits A xor B
	Cmp               // mask of a comparison of floats; Imm is the predicate of CMPSD
	Blend             // A ? B : C, A a mask
	Maskz             // A ? B : 0, A a mask
	FixZero           // A, but +0 where the mask B is set and C is ±0; extra is where its table of classes lies in the constant block (AVX-512)
	MAnd              // masks A and B
	MOr               // masks A or B
	MXor              // masks A xor B
	MNot              // not A
	IAdd              // integers A + B
	ISub              // A − B
	IMul              // A · B, low half
	IMin              // the smaller of two signed integers
	IMax              // the greater
	IEq               // mask A = B
	IGt               // mask A > B, signed
	Shl               // A << Imm
	Shr               // A >> Imm, zeros enter
	Sar               // A >> Imm, sign enters
	ShlV              // A << B, each lane by its own count
	ShrV              // A >> B, zeros enter
	CvtF64F32
	CvtF32F64
	CvtI32F64
	CvtF64I32 // truncates; 1<<31 where it does not fit
	CvtI32F32
	CvtF32I32
	CvtI64F64
	CvtF64I64 // truncates; 1<<63 where it does not fit
	CvtI64F32
	CvtF32I64
	CvtI32I64
	CvtI64I32  // drops the high half
	Scalef     // A · 2^⌊B⌋ (AVX-512)
	MulU32     // product of the low halves, unsigned, 64 bits
	Test       // mask A and B ≠ 0 (AVX-512)
	Gather     // element A of a table
	Guard      // A, unless the mask B is true somewhere: then the complete function of C
	GuardAll   // Guard, unless B is false somewhere (arm64)
	FixZeros   // A, but +0 where the mask B is set and C or the value in extra is ±0: one test where it is set nowhere (vector code, AVX-512); see Joined
	Hold       // keeps A alive until here
	Store      // stores A into array imm
	Merge      // accumulator C becomes A where the tail mask is set
	StoreLanes // stores the vector A at displacement extra of space imm
	Broadcast  // the vector of the scalar A
	Fold       // the upper half of A in the place of the lower; imm says of what
	OpCount
)

// Elem is the element type of a low-level instruction's operands.
type Elem uint8

// The element types.
const (
	F64 Elem = iota
	F32
	I64
	I32
	ElemCount
)

// Size64 reports whether elements have 8 bytes.
func (e Elem) Size64() bool { return e == F64 || e == I64 }

// Kind returns what registers hold of them.
func (e Elem) Kind() Kind {
	if e.Size64() {
		return Kind64
	}
	return Kind32
}

// Integer returns the integer type of the same width.
func (e Elem) Integer() Elem {
	if e.Size64() {
		return I64
	}
	return I32
}

// Bytes returns the size of an element of the kind.
func (k Kind) Bytes() int {
	if k == Kind32 {
		return 4
	}
	return 8
}

// Instr is one low-level instruction on value numbers; operands that it lacks are −1.
type Instr struct {
	Op           Op
	Type         Elem
	Imm          uint8
	Dst, A, B, C int32
	// Gather: displacement of the table in the constant block. Guard: the value of the
	// second argument, or none; imm is then the number of the function. FixZeros: a value. Store: displacement.
	Extra  int32
	Part   uint8 // vector code: which of the vectors of an iteration
	Unit   int32 // vector code: numbers operations and parts, each of which is some instructions
	Vector bool  // scalar code: a vector instruction among scalar ones
}

// fourth returns the value in Extra, none if there is something else.
func (in *Instr) fourth() int32 {
	if in.Op == Guard || in.Op == GuardAll || in.Op == FixZeros {
		return in.Extra
	}
	return None
}

func (in *Instr) joined() bool { return in.Op == FixZeros && in.Imm == Joined }

// Commutes holds the operations whose operands A and B may change places.
var Commutes = [OpCount]bool{Add: true, Mul: true, Minimum: true, Maximum: true, FMA: true, FMS: true, FNMA: true, FNMS: true, And: true, Or: true, Xor: true, MAnd: true, MOr: true, MXor: true, IAdd: true, IMul: true, IMin: true, IMax: true, IEq: true, MulU32: true, Test: true}

// Joined, as imm of FixZeros, says that the test of the FixZeros before it, behind whose Hold it follows at once, is its test too. The mask of both is that of
// either product, and nothing else uses it.
const Joined = 1

// Predicates of CMPSD and the like; none raises a flag that matters here.
const (
	CmpEqual        = 0x00 // false with NaN
	CmpUnordered    = 0x03
	CmpNotEqual     = 0x04 // true with NaN
	CmpOrdered      = 0x07
	CmpEqualOrNaN   = 0x08
	CmpLess         = 0x11
	CmpLessEqual    = 0x12
	CmpGreaterEqual = 0x1D
	CmpGreater      = 0x1E
)

// Rounding modes of ROUNDSD: bit 3 keeps the inexact exception quiet.
const (
	RoundEven  = 8
	RoundFloor = 9
	RoundCeil  = 10
	RoundTrunc = 11
)

// What Fold brings down: the upper 256 bits of 512, 128 of 256, 64 of 128, 32 of 64.
const (
	FoldHalf512 uint8 = iota
	FoldHalf256
	FoldHalf128
	FoldHalf64
)

// Lengths of vectors: 16 bytes shifted left by so many bits.
const (
	Len128 uint8 = iota
	Len256
	Len512
)

// LaneCount is the number of float64 elements of a vector in scalar code.
const LaneCount = 8

// ZeroToZero is VFIXUPIMM's table of classes that makes +0 of zeros and leaves what is not: class 2 gets response 8.
const ZeroToZero = 0x800
