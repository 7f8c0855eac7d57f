package native

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// lowering turns micro-code into low-level code.
type lowering struct {
	isa.Generator
	shared     map[lowKey]int32   // loops: values by what computes them
	magnitudes map[int32]int32    // loops: of absolute values, what they are those of
	negative   map[int32]bool     // loops: values whose sign bit is set
	copies     map[int32]int32    // loops: of values that are the same as earlier ones, these
	constIDs   map[constKey]int32 // values of constants within the block of code in hand
	functions  []*def.Func        // complete forms that a guard may call
	functionOf map[*def.Func]int
	fastOf     map[definedKey]definedForms
	part       uint8 // of the iteration
	unit       int32
	vector     bool // vector code within scalar code
}

func kindOf(t dtype.DType) isa.Kind {
	switch t {
	case dtype.Float64, dtype.Int64:
		return isa.Kind64
	case dtype.Bool:
		return isa.KindMask
	}
	return isa.Kind32
}

func elemOf(t dtype.DType) isa.Elem {
	switch t {
	case dtype.Float64:
		return isa.F64
	case dtype.Float32:
		return isa.F32
	case dtype.Int64:
		return isa.I64
	}
	return isa.I32
}

// lowKey identifies a low-level instruction by what it computes.
type lowKey struct {
	op      isa.Op
	typ     isa.Elem
	imm     uint8
	a, b, c int32
}

// constKey is a constant's bits and kind.
type constKey struct {
	bits uint64
	kind isa.Kind
}

// put appends a low-level instruction. A dst of none makes a value of kind k. In loops an
// instruction that was there before is shared: sine and cosine of one argument have most of theirs in common.
func (g *lowering) put(op isa.Op, t isa.Elem, imm uint8, dst int32, k isa.Kind, a, b, c int32) int32 {
	if g.vector {
		k = isa.KindVector
	}
	if g.shared != nil && !g.readsPinned(a, b, c) {
		key := lowKey{op, t, imm, a, b, c}
		if isa.Commutes[op] && b < a {
			key.a, key.b = b, a
		}
		if v, ok := g.shared[key]; ok && op != isa.Mov && op != isa.Gather {
			if dst == isa.None {
				return v
			}
			if !g.Vals[dst].Pinned {
				g.copies[dst] = v
			}
			op, imm, a, b, c = isa.Mov, 0, v, isa.None, isa.None
		} else {
			if dst == isa.None {
				dst = g.NewValue(k)
			}
			if !g.Vals[dst].Pinned {
				g.shared[key] = dst
			}
		}
	}
	if dst == isa.None {
		dst = g.NewValue(k)
	}
	g.Code = append(g.Code, isa.Instr{Op: op, Type: t, Imm: imm, Dst: dst, A: a, B: b, C: c, Part: g.part, Unit: g.unit, Vector: g.vector})
	return dst
}

// readsPinned reports whether an operand is an accumulator, whose value changes.
func (g *lowering) readsPinned(operands ...int32) bool {
	for _, v := range operands {
		if v != isa.None && g.Vals[v].Pinned {
			return true
		}
	}
	return false
}

// op2 appends an operation with two operands whose result has the operands' type.
func (g *lowering) op2(op isa.Op, t isa.Elem, dst, a, b int32) int32 {
	return g.put(op, t, 0, dst, t.Kind(), a, b, isa.None)
}

func (g *lowering) op1(op isa.Op, t isa.Elem, dst, a int32) int32 {
	return g.put(op, t, 0, dst, t.Kind(), a, isa.None, isa.None)
}

func (g *lowering) compare(t isa.Elem, predicate uint8, dst, a, b int32) int32 {
	return g.put(isa.Cmp, t, predicate, dst, isa.KindMask, a, b, isa.None)
}

func (g *lowering) maskOp(op isa.Op, dst, a, b int32) int32 {
	return g.put(op, isa.F64, 0, dst, isa.KindMask, a, b, isa.None)
}

// blend appends m ? x : y.
func (g *lowering) blend(t isa.Elem, dst, m, x, y int32) int32 {
	return g.put(isa.Blend, t, 0, dst, t.Kind(), m, x, y)
}

func (g *lowering) maskz(t isa.Elem, dst, m, x int32) int32 {
	return g.put(isa.Maskz, t, 0, dst, t.Kind(), m, x, isa.None)
}

// fixZero appends x, but +0 where the mask m is set and y is ±0.
func (g *lowering) fixZero(t isa.Elem, dst, x, m, y int32) int32 {
	v := g.put(isa.FixZero, t, 0, dst, t.Kind(), x, m, y)
	if last := &g.Code[len(g.Code)-1]; last.Op == isa.FixZero {
		last.Extra = g.Consts.Place(isa.ZeroToZero, t.Kind())
	}
	return v
}

// fixZeros appends x, but +0 where the rare mask m is set and y or z is ±0.
func (g *lowering) fixZeros(t isa.Elem, dst, x, m, y, z int32) {
	g.Code = append(g.Code,
		isa.Instr{Op: isa.FixZeros, Type: t, Dst: dst, A: x, B: m, C: y, Extra: z, Part: g.part, Unit: g.unit},
		isa.Instr{Op: isa.Hold, Type: t, Dst: isa.None, A: z, B: isa.None, C: isa.None, Unit: g.unit})
}

// constant returns the value of a constant with the given bits.
func (g *lowering) constant(bits uint64, k isa.Kind) int32 {
	if g.vector {
		k = isa.KindVector
	}
	key := constKey{bits, k}
	if v, ok := g.constIDs[key]; ok {
		return v
	}
	v := g.NewValue(k)
	val := &g.Vals[v]
	val.Home, val.Disp, val.Stored = isa.SpaceConst, g.Consts.Place(bits, k), true
	g.constIDs[key] = v
	return v
}

// float returns the value of a float constant of type t.
func (g *lowering) float(t isa.Elem, x float64) int32 {
	if t.Size64() {
		return g.constant(math.Float64bits(x), isa.Kind64)
	}
	return g.constant(uint64(math.Float32bits(float32(x))), isa.Kind32)
}

// Integer returns the value of an integer constant of t's width.
func (g *lowering) integer(t isa.Elem, x int64) int32 {
	if t.Size64() {
		return g.constant(uint64(x), isa.Kind64)
	}
	return g.constant(uint64(uint32(x)), isa.Kind32)
}

func (g *lowering) signBit(t isa.Elem) int32 {
	if t.Size64() {
		return g.constant(1<<63, isa.Kind64)
	}
	return g.constant(1<<31, isa.Kind32)
}

func (g *lowering) notSignBit(t isa.Elem) int32 {
	if t.Size64() {
		return g.constant(1<<63-1, isa.Kind64)
	}
	return g.constant(1<<31-1, isa.Kind32)
}

// lower appends the low-level code of one micro-instruction. It reports false, having
// appended nothing, for an operation without a native form.
func (g *lowering) lower(in *micro.Instr, dst, a, b, c int32) bool {
	a, b, c = g.first(a), g.first(b), g.first(c)
	switch in.Type {
	case dtype.Float64, dtype.Float32:
		return g.lowerFloat(in, elemOf(in.Type), dst, a, b, c)
	case dtype.Int64, dtype.Int32:
		return g.lowerInt(in, elemOf(in.Type), dst, a, b, c)
	case dtype.Bool:
		return g.lowerBool(in, dst, a, b, c)
	}
	return false
}

// first returns the first value that is the same as v.
func (g *lowering) first(v int32) int32 {
	if f, ok := g.copies[v]; ok {
		return f
	}
	return v
}

var (
	arithmetic = [micro.Count]isa.Op{micro.Add: isa.Add, micro.Sub: isa.Sub, micro.Mul: isa.Mul, micro.Div: isa.Div}
	fusedOps   = [micro.Count]isa.Op{micro.FMA: isa.FMA, micro.FMS: isa.FMS, micro.FNMA: isa.FNMA}
)

func (g *lowering) lowerFloat(in *micro.Instr, t isa.Elem, dst, a, b, c int32) bool {
	switch in.Op {
	case micro.Mov:
		g.op1(isa.Mov, t, dst, a)
	case micro.Add, micro.Sub, micro.Mul, micro.Div:
		g.op2(arithmetic[in.Op], t, dst, a, b)
	case micro.FMA, micro.FMS, micro.FNMA:
		g.put(fusedOps[in.Op], t, 0, dst, t.Kind(), a, b, c)
	case micro.Neg:
		if x, ok := g.magnitudes[a]; ok { // as the definition of sigmoid has it, with which e^−|x| then shares what it computes
			g.op2(isa.Or, t, dst, x, g.signBit(t))
			g.negative[dst] = true
			break
		}
		g.op2(isa.Xor, t, dst, a, g.signBit(t))
	case micro.Abs:
		g.op2(isa.And, t, dst, a, g.notSignBit(t))
		if g.shared != nil && !g.readsPinned(a, dst) {
			g.magnitudes[dst] = a
		}
	case micro.Min:
		if g.Machine.Has(isa.Minimum, t) {
			g.op2(isa.Minimum, t, dst, a, b)
			break
		}
		// Both orders: the OR joins −0 with +0 and keeps a NaN.
		g.op2(isa.Or, t, dst, g.op2(isa.Min, t, isa.None, a, b), g.op2(isa.Min, t, isa.None, b, a))
	case micro.Max:
		if g.Machine.Has(isa.Maximum, t) {
			g.op2(isa.Maximum, t, dst, a, b)
			break
		}
		x := g.op2(isa.Max, t, isa.None, a, b)
		y := g.op2(isa.Max, t, isa.None, b, a)
		both := g.op2(isa.And, t, isa.None, x, y)
		nan := g.compare(t, isa.CmpUnordered, isa.None, a, b)
		g.blend(t, dst, nan, g.float(t, math.NaN()), both)
	case micro.Sign:
		one := g.op2(isa.Or, t, isa.None, g.op2(isa.And, t, isa.None, a, g.signBit(t)), g.float(t, 1))
		g.blend(t, dst, g.compare(t, isa.CmpEqualOrNaN, isa.None, a, g.float(t, 0)), a, one)
	case micro.MulNoNan:
		product := g.op2(isa.Mul, t, isa.None, a, b)
		if g.Machine.Has(isa.FixZero, t) && !g.vector {
			nan := g.compare(t, isa.CmpUnordered, isa.None, product, product)
			if g.Mode == isa.ModeMasked {
				g.fixZeros(t, dst, product, nan, a, b)
				break
			}
			g.fixZero(t, dst, g.fixZero(t, isa.None, product, nan, a), nan, b)
			break
		}
		zero := g.float(t, 0)
		nonzero := g.maskOp(isa.MAnd, isa.None, g.compare(t, isa.CmpNotEqual, isa.None, a, zero), g.compare(t, isa.CmpNotEqual, isa.None, b, zero))
		g.maskz(t, dst, g.maskOp(isa.MOr, isa.None, nonzero, g.compare(t, isa.CmpOrdered, isa.None, product, product)), product)
	case micro.Copysign:
		size := g.op2(isa.And, t, isa.None, a, g.notSignBit(t))
		g.op2(isa.Or, t, dst, size, g.op2(isa.And, t, isa.None, b, g.signBit(t)))
	case micro.BitwiseOr:
		g.op2(isa.Or, t, dst, a, b)
	case micro.Floor:
		g.put(isa.Round, t, isa.RoundFloor, dst, t.Kind(), a, isa.None, isa.None)
	case micro.Ceil:
		g.put(isa.Round, t, isa.RoundCeil, dst, t.Kind(), a, isa.None, isa.None)
	case micro.Trunc:
		g.put(isa.Round, t, isa.RoundTrunc, dst, t.Kind(), a, isa.None, isa.None)
	case micro.Round:
		g.put(isa.Round, t, isa.RoundEven, dst, t.Kind(), a, isa.None, isa.None)
	case micro.Sqrt:
		g.op1(isa.Sqrt, t, dst, a)
	case micro.Eq:
		g.compare(t, isa.CmpEqual, dst, a, b)
	case micro.Ne:
		g.compare(t, isa.CmpNotEqual, dst, a, b)
	case micro.Lt:
		g.compare(t, isa.CmpLess, dst, a, b)
	case micro.Le:
		g.compare(t, isa.CmpLessEqual, dst, a, b)
	case micro.Gt:
		g.compare(t, isa.CmpGreater, dst, a, b)
	case micro.Ge:
		g.compare(t, isa.CmpGreaterEqual, dst, a, b)
	case micro.IsNaN:
		g.compare(t, isa.CmpUnordered, dst, a, a)
	case micro.IsFinite:
		g.compare(t, isa.CmpLess, dst, g.op2(isa.And, t, isa.None, a, g.notSignBit(t)), g.float(t, math.Inf(1)))
	case micro.Select:
		g.blend(t, dst, a, b, c)
	case micro.Cast:
		return g.lowerFloatCast(in.To, t, dst, a)
	default:
		return g.lowerDefined(in, dst, a, b, c)
	}
	return true
}

func (g *lowering) lowerFloatCast(to dtype.DType, t isa.Elem, dst, a int32) bool {
	switch {
	case to == dtype.Bool:
		g.compare(t, isa.CmpNotEqual, dst, a, g.float(t, 0))
	case to.IsFloat() && elemOf(to) == t:
		g.op1(isa.Mov, t, dst, a)
	case to == dtype.Float32:
		g.put(isa.CvtF64F32, t, 0, dst, isa.Kind32, a, isa.None, isa.None)
	case to == dtype.Float64:
		g.put(isa.CvtF32F64, t, 0, dst, isa.Kind64, a, isa.None, isa.None)
	case to == dtype.Int32:
		// The bounds are exact in float64, so clamping first makes the conversion saturate.
		if t == isa.F32 {
			a = g.put(isa.CvtF32F64, t, 0, isa.None, isa.Kind64, a, isa.None, isa.None)
		}
		low := g.op2(isa.Max, isa.F64, isa.None, a, g.float(isa.F64, -1<<31))
		x := g.put(isa.CvtF64I32, isa.F64, 0, isa.None, isa.Kind32, g.op2(isa.Min, isa.F64, isa.None, low, g.float(isa.F64, 1<<31-1)), isa.None, isa.None)
		g.maskz(isa.I32, dst, g.compare(isa.F64, isa.CmpOrdered, isa.None, a, a), x)
	case to == dtype.Int64:
		op := isa.CvtF64I64
		if t == isa.F32 {
			op = isa.CvtF32I64
		}
		if g.Mode != isa.ModeScalar && !g.Machine.Has(op, t) {
			return false
		}
		x := g.put(op, t, 0, isa.None, isa.Kind64, a, isa.None, isa.None)
		high := g.compare(t, isa.CmpGreaterEqual, isa.None, a, g.float(t, 1<<63))
		x = g.blend(isa.I64, isa.None, high, g.integer(isa.I64, math.MaxInt64), x)
		g.maskz(isa.I64, dst, g.compare(t, isa.CmpOrdered, isa.None, a, a), x)
	default:
		return false
	}
	return true
}

func (g *lowering) lowerInt(in *micro.Instr, t isa.Elem, dst, a, b, c int32) bool {
	zero := func() int32 { return g.integer(t, 0) }
	greater := func(dst, x, y int32) int32 { return g.put(isa.IGt, t, 0, dst, isa.KindMask, x, y, isa.None) }
	equal := func(dst, x, y int32) int32 { return g.put(isa.IEq, t, 0, dst, isa.KindMask, x, y, isa.None) }
	not := func(dst, m int32) int32 { return g.maskOp(isa.MNot, dst, m, isa.None) }
	switch in.Op {
	case micro.Mov:
		g.op1(isa.Mov, t, dst, a)
	case micro.Add:
		g.op2(isa.IAdd, t, dst, a, b)
	case micro.Sub:
		g.op2(isa.ISub, t, dst, a, b)
	case micro.Mul:
		if g.Machine.Has(isa.IMul, t) {
			g.op2(isa.IMul, t, dst, a, b)
			break
		}
		// 64 bits from products of 32: the high half gets both cross products.
		high := func(x int32) int32 { return g.put(isa.Shr, isa.I64, 32, isa.None, isa.Kind64, x, isa.None, isa.None) }
		cross := g.op2(isa.IAdd, t, isa.None, g.op2(isa.MulU32, t, isa.None, high(a), b), g.op2(isa.MulU32, t, isa.None, a, high(b)))
		low := g.op2(isa.MulU32, t, isa.None, a, b)
		g.op2(isa.IAdd, t, dst, low, g.put(isa.Shl, isa.I64, 32, isa.None, isa.Kind64, cross, isa.None, isa.None))
	case micro.Neg:
		g.op2(isa.ISub, t, dst, zero(), a)
	case micro.Abs:
		g.blend(t, dst, greater(isa.None, zero(), a), g.op2(isa.ISub, t, isa.None, zero(), a), a)
	case micro.Min:
		g.blend(t, dst, greater(isa.None, a, b), b, a)
	case micro.Max:
		g.blend(t, dst, greater(isa.None, a, b), a, b)
	case micro.Sign:
		x := g.maskz(t, isa.None, greater(isa.None, a, zero()), g.integer(t, 1))
		g.blend(t, dst, greater(isa.None, zero(), a), g.integer(t, -1), x)
	case micro.Eq:
		equal(dst, a, b)
	case micro.Ne:
		not(dst, equal(isa.None, a, b))
	case micro.Gt:
		greater(dst, a, b)
	case micro.Lt:
		greater(dst, b, a)
	case micro.Le:
		not(dst, greater(isa.None, a, b))
	case micro.Ge:
		not(dst, greater(isa.None, b, a))
	case micro.Select:
		g.blend(t, dst, a, b, c)
	case micro.Cast:
		return g.lowerIntCast(in.To, t, dst, a)
	default:
		return g.lowerDefined(in, dst, a, b, c)
	}
	return true
}

func (g *lowering) lowerIntCast(to dtype.DType, t isa.Elem, dst, a int32) bool {
	op := isa.Mov
	switch {
	case to == dtype.Bool:
		g.maskOp(isa.MNot, dst, g.put(isa.IEq, t, 0, isa.None, isa.KindMask, a, g.integer(t, 0), isa.None), isa.None)
		return true
	case to.IsInt() && elemOf(to) == t:
	case t == isa.I32 && to == dtype.Int64:
		op = isa.CvtI32I64
	case t == isa.I64 && to == dtype.Int32:
		op = isa.CvtI64I32
	case t == isa.I32 && to == dtype.Float64:
		op = isa.CvtI32F64
	case t == isa.I32 && to == dtype.Float32:
		op = isa.CvtI32F32
	case t == isa.I64 && to == dtype.Float64:
		op = isa.CvtI64F64
	case t == isa.I64 && to == dtype.Float32:
		op = isa.CvtI64F32
	default:
		return false
	}
	if op != isa.Mov && g.Mode != isa.ModeScalar && !g.Machine.Has(op, t) {
		return false
	}
	g.put(op, t, 0, dst, kindOf(to), a, isa.None, isa.None)
	return true
}

func (g *lowering) lowerBool(in *micro.Instr, dst, a, b, c int32) bool {
	switch in.Op {
	case micro.Mov:
		g.put(isa.Mov, isa.F64, 0, dst, isa.KindMask, a, isa.None, isa.None)
	case micro.And:
		g.maskOp(isa.MAnd, dst, a, b)
	case micro.Or:
		g.maskOp(isa.MOr, dst, a, b)
	case micro.Xor, micro.Ne:
		g.maskOp(isa.MXor, dst, a, b)
	case micro.Not:
		g.maskOp(isa.MNot, dst, a, isa.None)
	case micro.Eq:
		g.maskOp(isa.MNot, dst, g.maskOp(isa.MXor, isa.None, a, b), isa.None)
	case micro.Select:
		g.maskOp(isa.MXor, dst, c, g.maskOp(isa.MAnd, isa.None, a, g.maskOp(isa.MXor, isa.None, b, c)))
	case micro.Cast:
		switch in.To {
		case dtype.Bool:
			g.put(isa.Mov, isa.F64, 0, dst, isa.KindMask, a, isa.None, isa.None)
		case dtype.Float64, dtype.Float32:
			t := elemOf(in.To)
			g.maskz(t, dst, a, g.float(t, 1))
		case dtype.Int64, dtype.Int32:
			t := elemOf(in.To)
			g.maskz(t, dst, a, g.integer(t, 1))
		default:
			return false
		}
	default:
		return false
	}
	return true
}
