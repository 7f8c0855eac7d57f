package native

// lowOp is an operation of the low-level code: about one machine instruction each, on
// values that are not yet in registers.
type lowOp uint8

// The low-level operations. Float operations are those of the processor: lMin and lMax
// return B when an operand is NaN or both are zero.
const (
	lMov     lowOp = iota // A
	lAdd                  // A + B
	lSub                  // A − B
	lMul                  // A · B
	lDiv                  // A / B
	lMin                  // A < B ? A : B
	lMax                  // A > B ? A : B
	lMinimum              // the smaller one, NaN if an operand is, −0 below +0 (arm64)
	lMaximum              // the greater one
	lFMA                  // A·B + C
	lFMS                  // A·B − C
	lFNMA                 // C − A·B
	lFNMS                 // −A·B − C
	lSqrt                 // √A
	lRound                // A rounded; Imm is the rounding mode of ROUNDSD
	lAnd                  // bits A and B
	lAndn                 // bits (not A) and B
	lOr                   // bits A or B
	lXor                  // bits A xor B
	lCmp                  // mask of a comparison of floats; Imm is the predicate of CMPSD
	lBlend                // A ? B : C, A a mask
	lMaskz                // A ? B : 0, A a mask
	lFixZero              // A, but +0 where the mask B is set and C is ±0; extra is where its table of classes lies in the constant block (AVX-512)
	lMAnd                 // masks A and B
	lMOr                  // masks A or B
	lMXor                 // masks A xor B
	lMNot                 // not A
	lIAdd                 // integers A + B
	lISub                 // A − B
	lIMul                 // A · B, low half
	lIMin                 // the smaller of two signed integers
	lIMax                 // the greater
	lIEq                  // mask A = B
	lIGt                  // mask A > B, signed
	lShl                  // A << Imm
	lShr                  // A >> Imm, zeros enter
	lSar                  // A >> Imm, sign enters
	lShlV                 // A << B, each lane by its own count
	lShrV                 // A >> B, zeros enter
	lCvtF64F32
	lCvtF32F64
	lCvtI32F64
	lCvtF64I32 // truncates; 1<<31 where it does not fit
	lCvtI32F32
	lCvtF32I32
	lCvtI64F64
	lCvtF64I64 // truncates; 1<<63 where it does not fit
	lCvtI64F32
	lCvtF32I64
	lCvtI32I64
	lCvtI64I32  // drops the high half
	lScalef     // A · 2^⌊B⌋ (AVX-512)
	lMulU32     // product of the low halves, unsigned, 64 bits
	lTest       // mask A and B ≠ 0 (AVX-512)
	lGather     // element A of a table
	lGuard      // A, unless the mask B is true somewhere: then the complete function of C
	lFixZeros   // A, but +0 where the mask B is set and C or the value in extra is ±0: one test where it is set nowhere (vector code, AVX-512)
	lHold       // keeps A alive until here
	lStore      // stores A into array imm
	lMerge      // accumulator C becomes A where the tail mask is set
	lStoreLanes // stores the vector A at displacement extra of space imm
	lBroadcast  // the vector of the scalar A
	lFold       // the upper half of A in the place of the lower; imm says of what
	lowOpCount
)

// elem is the element type of a low-level instruction's operands.
type elem uint8

const (
	tF64 elem = iota
	tF32
	tI64
	tI32
	elemCount
)

// size64 reports whether elements have 8 bytes.
func (e elem) size64() bool { return e == tF64 || e == tI64 }

// lowIns is one low-level instruction on value numbers; operands that it lacks are −1.
type lowIns struct {
	op           lowOp
	typ          elem
	imm          uint8
	dst, a, b, c int32
	// lGather: displacement of the table in the constant block. lGuard: the value of the
	// second argument, or none; imm is then the number of the function. lFixZeros: a value. lStore: displacement.
	extra  int32
	part   uint8 // vector code: which of the vectors of an iteration
	vector bool  // scalar code: a vector instruction among scalar ones
}

// commutes holds the operations whose operands A and B may change places.
var commutes = [lowOpCount]bool{lAdd: true, lMul: true, lMinimum: true, lMaximum: true, lFMA: true, lFMS: true, lFNMA: true, lFNMS: true, lAnd: true, lOr: true, lXor: true, lMAnd: true, lMOr: true, lMXor: true, lIAdd: true, lIMul: true, lIMin: true, lIMax: true, lIEq: true, lMulU32: true, lTest: true}

// evexReach holds the operations that scalar code can do with registers 16 to 31 as well.
var evexReach = [lowOpCount]bool{lMov: true, lAdd: true, lSub: true, lMul: true, lDiv: true, lMin: true, lMax: true,
	lFMA: true, lFMS: true, lFNMA: true, lFNMS: true, lSqrt: true, lAnd: true, lAndn: true, lOr: true, lXor: true, lStoreLanes: true, lBroadcast: true}
