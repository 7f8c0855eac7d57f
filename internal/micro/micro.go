// Package micro defines the micro-code of elementwise work: one instruction set
// that every executor (portable loop, SIMD blocks, lanes, native code) runs with
// the same bits as the result.
//
// Two containers hold micro-code. A Loop applies its code to every element of an
// iteration space (arrays). A Straight runs its code once over scalar cells of
// the arena (unrolled scalar graphs). Both use Instr.
package micro

import "github.com/adjoint-go/adjoint/internal/dtype"

// Instr is one micro-instruction: Dst = Op(A, B, C), elementwise.
//
// In a Loop the operands are register numbers (see Loop). In a Straight they are
// cells: byte offsets into the arena divided by 4. Operands that the operation
// does not have are 0 and not read.
type Instr struct {
	Op   Op
	Type dtype.DType // of the operands A (and B, C); for Select of B and C, whose A is Bool
	To   dtype.DType // of the result when it differs by the instruction and not by the operation: Cast only; else 0
	_    uint8
	Dst  uint32
	A    uint32
	B    uint32
	C    uint32
}

// Result returns the dtype of the value that the instruction writes.
func (i Instr) Result() dtype.DType {
	switch {
	case i.Op == Cast:
		return i.To
	case i.Op < opCount && infos[i.Op].Bool:
		return dtype.Bool
	}
	return i.Type
}

// OperandType returns the dtype of operand k (0 = A, 1 = B, 2 = C).
func (i Instr) OperandType(k int) dtype.DType {
	if i.Op == Select && k == 0 {
		return dtype.Bool
	}
	return i.Type
}

// Traps reports whether the instruction raises a trap where operand B is 0.
func (i Instr) Traps() bool { return i.Type.IsInt() && i.Op.Info().Traps }

// Operands returns A, B and C as an array; only the first Op.Arity() entries mean something.
func (i Instr) Operands() [3]uint32 { return [3]uint32{i.A, i.B, i.C} }

// Const is a constant register: an element's bits in the low bytes.
type Const struct {
	Type dtype.DType
	Bits uint64
}

// Access says how a Loop walks one array: the element stride for each dimension
// of the iteration space, innermost last. Stride 0 repeats the element
// (broadcasting).
type Access struct {
	Type    dtype.DType
	Strides []int
	Window  *Window // of an input; nil if index 0 is element 0 and everything is read
}

// Window is a part of an array, with zeros around it, that a Loop reads without copying it: element Offset, which need not lie in the array, is the one at
// index 0 of every dimension. Indices outside of [Lo[d], Hi[d]) in a dimension d read nothing and give 0, or false.
type Window struct {
	Offset int
	Lo, Hi []int // by dimension, within the iteration space
}

// ReduceKind is the reduction at the tail of a Loop.
type ReduceKind uint8

// The reductions. The order of additions is fixed by the shapes alone (see Loop.Reduce).
const (
	NoReduce ReduceKind = iota
	ReduceSum
	ReduceProd
	ReduceMax // NaN wins
	ReduceMin // NaN wins
)

// ReduceBy returns the reduction that combines elements by the operation; NoReduce if there is none.
func ReduceBy(op Op) ReduceKind {
	switch op {
	case Add:
		return ReduceSum
	case Mul:
		return ReduceProd
	case Max:
		return ReduceMax
	case Min:
		return ReduceMin
	}
	return NoReduce
}

// Op returns the operation that combines two elements; k is not NoReduce.
func (k ReduceKind) Op() Op {
	return [...]Op{ReduceSum: Add, ReduceProd: Mul, ReduceMax: Max, ReduceMin: Min}[k]
}

// Loop is a micro-program that is applied to every element of an iteration space.
//
// Registers are numbered: [0,len(In)) are the inputs, the next len(Consts) the
// constants, the next Temps the temporaries. Only temporaries are written. A
// temporary may hold values of different dtypes at different times.
//
// Rules, which the verifier of package vm checks, so that executors need not:
//
//   - A register is read with the dtype that was written to it last, and not before it was written.
//   - A result takes the register of one of its operands only if their elements have the same size: executors go
//     through a block in order.
//   - Out k stores register OutRegs[k] at each element through Out[k]. It is dense and row-major over Dims (over
//     the dimensions that are not reduced for the output of a reduction) and fills its array. Strides
//     of dimensions with extent 1 are not looked at.
//   - Outputs have no windows and do not overlap one another. An output overlaps an input only exactly in place: same buffer, offset, dtype
//     and strides, no window, and not the output of a reduction. So an executor may store block by block after it has
//     loaded the same block, and blocks may run in any order.
//   - The bits of a Const beyond the size of its dtype are 0; those of a bool are 0 or 1.
//
// With Reduce ≠ NoReduce the last output is a reduction of its register over the
// innermost ReduceDims dimensions of Dims: its Strides are 0 there.
//
// Order of a sum: an inner run of n elements is cut into blocks of BlockLanes
// elements. Within a block, W accumulators (W = 8 for 8-byte and 16 for
// 4-byte types) start at the identity, and element i is added to accumulator i mod W in ascending
// order; the accumulators are then folded in halves (a[j] += a[j+W/2], …). The
// block results of a run are combined pairwise by PairwiseSum order. Prod, Max and Min
// use the same tree.
type Loop struct {
	Dims       []int // iteration space, innermost last; all ≥ 1
	In         []Access
	Consts     []Const
	Temps      int
	Code       []Instr
	Out        []Access
	OutRegs    []uint32
	Reduce     ReduceKind
	ReduceDims int
	Flush      bool // see Flushes
}

// Flushes reports whether a loop may be one with Flush: the operands and results of its sums, products, quotients and exponentials (Exp, Tanh and Sigmoid) that are subnormal, that is smaller than the least normal number of their dtype, are then 0 of their
// sign, as the processors' modes FTZ and DAZ have it. Calculations with subnormal numbers take these some fifty times as long as others.
func (l *Loop) Flushes() bool {
	any := false
	for i := range l.Code {
		c := &l.Code[i]
		if any = any || c.Flushes(); !c.Flushes() && c.Op != Mov && c.Op != Neg && c.Op != Abs {
			return false
		}
	}
	return any && l.Reduce == NoReduce
}

// Flushes reports whether the operation flushes its operands and its result in a loop with Flush.
func (i *Instr) Flushes() bool {
	switch i.Op {
	case Add, Sub, Mul, FMA, FMS, FNMA, Div, Exp, Tanh, Sigmoid:
		return i.Type.IsFloat()
	}
	return false
}

// BlockLanes is the number of elements of a block: with it the live buffers of
// usual programs stay within 32 KB of L1 cache, and reductions are cut at it.
const BlockLanes = 512

// Straight is a micro-program that runs once, over scalar cells of the arena.
//
// A cell is the byte offset into the arena divided by 4; 8-byte values lie at even
// cells and take two, a Bool takes the first byte of its cell. Every operand, constants included,
// is a cell. Cells in [TempLo, TempHi), both even, are temporaries of this program: reused by liveness and dead at its end.
//
// Rules, which the verifier of package vm checks, so that an executor may keep every value in a register until it is
// dead or stored:
//
//   - Within the program every cell has one size, 1, 4 or 8 bytes, whether it is a constant, an input, a temporary or a
//     result; no two values overlap in part. A temporary may hold another dtype of the same size later.
//   - A cell that was written is read with the dtype of the last write. Other cells are read with one dtype.
//   - A temporary is written before it is read.
//   - Any other cell is written at most once, and not after it was read. It is visible afterwards.
//   - Constants and inputs are not written.
type Straight struct {
	Code           []Instr
	TempLo, TempHi uint32
}
