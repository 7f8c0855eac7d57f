package native

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Predicates of CMPSD and the like; none raises a flag that matters here.
const (
	cmpEqual        = 0x00 // false with NaN
	cmpUnordered    = 0x03
	cmpNotEqual     = 0x04 // true with NaN
	cmpOrdered      = 0x07
	cmpEqualOrNaN   = 0x08
	cmpLess         = 0x11
	cmpLessEqual    = 0x12
	cmpGreaterEqual = 0x1D
	cmpGreater      = 0x1E
)

// Rounding modes of ROUNDSD: bit 3 keeps the inexact exception quiet.
const (
	roundEven  = 8
	roundFloor = 9
	roundCeil  = 10
	roundTrunc = 11
)

const none = int32(-1)

func kindOf(t dtype.DType) valueKind {
	switch t {
	case dtype.Float64, dtype.Int64:
		return kind64
	case dtype.Bool:
		return kindMask
	}
	return kind32
}

func elemOf(t dtype.DType) elem {
	switch t {
	case dtype.Float64:
		return tF64
	case dtype.Float32:
		return tF32
	case dtype.Int64:
		return tI64
	}
	return tI32
}

func (e elem) kind() valueKind {
	if e.size64() {
		return kind64
	}
	return kind32
}

// integer returns the integer type of the same width.
func (e elem) integer() elem {
	if e.size64() {
		return tI64
	}
	return tI32
}

// lowKey identifies a low-level instruction by what it computes.
type lowKey struct {
	op      lowOp
	typ     elem
	imm     uint8
	a, b, c int32
}

// put appends a low-level instruction. A dst of none makes a value of kind k. In loops an
// instruction that was there before is shared: sine and cosine of one argument have most of theirs in common.
func (g *generator) put(op lowOp, t elem, imm uint8, dst int32, k valueKind, a, b, c int32) int32 {
	if g.vector {
		k = kindVector
	}
	if g.shared != nil && !g.readsPinned(a, b, c) {
		key := lowKey{op, t, imm, a, b, c}
		if commutes[op] && b < a {
			key.a, key.b = b, a
		}
		if v, ok := g.shared[key]; ok && op != lMov && op != lGather {
			if dst == none {
				return v
			}
			op, imm, a, b, c = lMov, 0, v, none, none
		} else {
			if dst == none {
				dst = g.newValue(k)
			}
			if !g.vals[dst].pinned {
				g.shared[key] = dst
			}
		}
	}
	if dst == none {
		dst = g.newValue(k)
	}
	g.code = append(g.code, lowIns{op: op, typ: t, imm: imm, dst: dst, a: a, b: b, c: c, part: g.part, vector: g.vector})
	return dst
}

// readsPinned reports whether an operand is an accumulator, whose value changes.
func (g *generator) readsPinned(operands ...int32) bool {
	for _, v := range operands {
		if v != none && g.vals[v].pinned {
			return true
		}
	}
	return false
}

// op2 appends an operation with two operands whose result has the operands' type.
func (g *generator) op2(op lowOp, t elem, dst, a, b int32) int32 {
	return g.put(op, t, 0, dst, t.kind(), a, b, none)
}

func (g *generator) op1(op lowOp, t elem, dst, a int32) int32 {
	return g.put(op, t, 0, dst, t.kind(), a, none, none)
}

func (g *generator) compare(t elem, predicate uint8, dst, a, b int32) int32 {
	return g.put(lCmp, t, predicate, dst, kindMask, a, b, none)
}

func (g *generator) maskOp(op lowOp, dst, a, b int32) int32 {
	return g.put(op, tF64, 0, dst, kindMask, a, b, none)
}

// blend appends m ? x : y.
func (g *generator) blend(t elem, dst, m, x, y int32) int32 {
	return g.put(lBlend, t, 0, dst, t.kind(), m, x, y)
}

func (g *generator) maskz(t elem, dst, m, x int32) int32 {
	return g.put(lMaskz, t, 0, dst, t.kind(), m, x, none)
}

// zeroToZero is VFIXUPIMM's table of classes that makes +0 of zeros and leaves what is not: class 2 gets response 8.
const zeroToZero = 0x800

// fixZero appends x, but +0 where the mask m is set and y is ±0.
func (g *generator) fixZero(t elem, dst, x, m, y int32) int32 {
	v := g.put(lFixZero, t, 0, dst, t.kind(), x, m, y)
	if last := &g.code[len(g.code)-1]; last.op == lFixZero {
		last.extra = g.consts.place(constKey{zeroToZero, t.kind()})
	}
	return v
}

// fixZeros appends x, but +0 where the rare mask m is set and y or z is ±0.
func (g *generator) fixZeros(t elem, dst, x, m, y, z int32) {
	g.code = append(g.code,
		lowIns{op: lFixZeros, typ: t, dst: dst, a: x, b: m, c: y, extra: z, part: g.part},
		lowIns{op: lHold, typ: t, dst: none, a: z, b: none, c: none})
}

// constant returns the value of a constant with the given bits.
func (g *generator) constant(bits uint64, k valueKind) int32 {
	if g.vector {
		k = kindVector
	}
	key := constKey{bits, k}
	if v, ok := g.constIDs[key]; ok {
		return v
	}
	v := g.newValue(k)
	val := &g.vals[v]
	val.home, val.disp, val.stored = spaceConst, g.consts.place(key), true
	g.constIDs[key] = v
	return v
}

// float returns the value of a float constant of type t.
func (g *generator) float(t elem, x float64) int32 {
	if t.size64() {
		return g.constant(math.Float64bits(x), kind64)
	}
	return g.constant(uint64(math.Float32bits(float32(x))), kind32)
}

// integer returns the value of an integer constant of t's width.
func (g *generator) integer(t elem, x int64) int32 {
	if t.size64() {
		return g.constant(uint64(x), kind64)
	}
	return g.constant(uint64(uint32(x)), kind32)
}

func (g *generator) signBit(t elem) int32 {
	if t.size64() {
		return g.constant(1<<63, kind64)
	}
	return g.constant(1<<31, kind32)
}

func (g *generator) notSignBit(t elem) int32 {
	if t.size64() {
		return g.constant(1<<63-1, kind64)
	}
	return g.constant(1<<31-1, kind32)
}

// lower appends the low-level code of one micro-instruction. It reports false, having
// appended nothing, for an operation without a native form.
func (g *generator) lower(in *micro.Instr, dst, a, b, c int32) bool {
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

var (
	arithmetic = [micro.Count]lowOp{micro.Add: lAdd, micro.Sub: lSub, micro.Mul: lMul, micro.Div: lDiv}
	fusedOps   = [micro.Count]lowOp{micro.FMA: lFMA, micro.FMS: lFMS, micro.FNMA: lFNMA}
)

func (g *generator) lowerFloat(in *micro.Instr, t elem, dst, a, b, c int32) bool {
	switch in.Op {
	case micro.Mov:
		g.op1(lMov, t, dst, a)
	case micro.Add, micro.Sub, micro.Mul, micro.Div:
		g.op2(arithmetic[in.Op], t, dst, a, b)
	case micro.FMA, micro.FMS, micro.FNMA:
		g.put(fusedOps[in.Op], t, 0, dst, t.kind(), a, b, c)
	case micro.Neg:
		g.op2(lXor, t, dst, a, g.signBit(t))
	case micro.Abs:
		g.op2(lAnd, t, dst, a, g.notSignBit(t))
	case micro.Min:
		if g.isa.has(lMinimum, t) {
			g.op2(lMinimum, t, dst, a, b)
			break
		}
		// Both orders: the OR joins −0 with +0 and keeps a NaN.
		g.op2(lOr, t, dst, g.op2(lMin, t, none, a, b), g.op2(lMin, t, none, b, a))
	case micro.Max:
		if g.isa.has(lMaximum, t) {
			g.op2(lMaximum, t, dst, a, b)
			break
		}
		x := g.op2(lMax, t, none, a, b)
		y := g.op2(lMax, t, none, b, a)
		both := g.op2(lAnd, t, none, x, y)
		nan := g.compare(t, cmpUnordered, none, a, b)
		g.blend(t, dst, nan, g.float(t, math.NaN()), both)
	case micro.Sign:
		one := g.op2(lOr, t, none, g.op2(lAnd, t, none, a, g.signBit(t)), g.float(t, 1))
		g.blend(t, dst, g.compare(t, cmpEqualOrNaN, none, a, g.float(t, 0)), a, one)
	case micro.MulNoNan:
		product := g.op2(lMul, t, none, a, b)
		if g.isa.has(lFixZero, t) && !g.vector {
			nan := g.compare(t, cmpUnordered, none, product, product)
			if g.mode == modeEVEX {
				g.fixZeros(t, dst, product, nan, a, b)
				break
			}
			g.fixZero(t, dst, g.fixZero(t, none, product, nan, a), nan, b)
			break
		}
		zero := g.float(t, 0)
		nonzero := g.maskOp(lMAnd, none, g.compare(t, cmpNotEqual, none, a, zero), g.compare(t, cmpNotEqual, none, b, zero))
		g.maskz(t, dst, g.maskOp(lMOr, none, nonzero, g.compare(t, cmpOrdered, none, product, product)), product)
	case micro.Copysign:
		size := g.op2(lAnd, t, none, a, g.notSignBit(t))
		g.op2(lOr, t, dst, size, g.op2(lAnd, t, none, b, g.signBit(t)))
	case micro.Floor:
		g.put(lRound, t, roundFloor, dst, t.kind(), a, none, none)
	case micro.Ceil:
		g.put(lRound, t, roundCeil, dst, t.kind(), a, none, none)
	case micro.Trunc:
		g.put(lRound, t, roundTrunc, dst, t.kind(), a, none, none)
	case micro.Round:
		g.put(lRound, t, roundEven, dst, t.kind(), a, none, none)
	case micro.Sqrt:
		g.op1(lSqrt, t, dst, a)
	case micro.Eq:
		g.compare(t, cmpEqual, dst, a, b)
	case micro.Ne:
		g.compare(t, cmpNotEqual, dst, a, b)
	case micro.Lt:
		g.compare(t, cmpLess, dst, a, b)
	case micro.Le:
		g.compare(t, cmpLessEqual, dst, a, b)
	case micro.Gt:
		g.compare(t, cmpGreater, dst, a, b)
	case micro.Ge:
		g.compare(t, cmpGreaterEqual, dst, a, b)
	case micro.IsNaN:
		g.compare(t, cmpUnordered, dst, a, a)
	case micro.IsFinite:
		g.compare(t, cmpLess, dst, g.op2(lAnd, t, none, a, g.notSignBit(t)), g.float(t, math.Inf(1)))
	case micro.Select:
		g.blend(t, dst, a, b, c)
	case micro.Cast:
		return g.lowerFloatCast(in.To, t, dst, a)
	default:
		return g.lowerDefined(in, dst, a, b, c)
	}
	return true
}

func (g *generator) lowerFloatCast(to dtype.DType, t elem, dst, a int32) bool {
	switch {
	case to == dtype.Bool:
		g.compare(t, cmpNotEqual, dst, a, g.float(t, 0))
	case to.IsFloat() && elemOf(to) == t:
		g.op1(lMov, t, dst, a)
	case to == dtype.Float32:
		g.put(lCvtF64F32, t, 0, dst, kind32, a, none, none)
	case to == dtype.Float64:
		g.put(lCvtF32F64, t, 0, dst, kind64, a, none, none)
	case to == dtype.Int32:
		// The bounds are exact in float64, so clamping first makes the conversion saturate.
		if t == tF32 {
			a = g.put(lCvtF32F64, t, 0, none, kind64, a, none, none)
		}
		low := g.op2(lMax, tF64, none, a, g.float(tF64, -1<<31))
		x := g.put(lCvtF64I32, tF64, 0, none, kind32, g.op2(lMin, tF64, none, low, g.float(tF64, 1<<31-1)), none, none)
		g.maskz(tI32, dst, g.compare(tF64, cmpOrdered, none, a, a), x)
	case to == dtype.Int64:
		op := lCvtF64I64
		if t == tF32 {
			op = lCvtF32I64
		}
		if g.mode != modeScalar && !g.isa.has(op, t) {
			return false
		}
		x := g.put(op, t, 0, none, kind64, a, none, none)
		high := g.compare(t, cmpGreaterEqual, none, a, g.float(t, 1<<63))
		x = g.blend(tI64, none, high, g.integer(tI64, math.MaxInt64), x)
		g.maskz(tI64, dst, g.compare(t, cmpOrdered, none, a, a), x)
	default:
		return false
	}
	return true
}

func (g *generator) lowerInt(in *micro.Instr, t elem, dst, a, b, c int32) bool {
	zero := func() int32 { return g.integer(t, 0) }
	greater := func(dst, x, y int32) int32 { return g.put(lIGt, t, 0, dst, kindMask, x, y, none) }
	equal := func(dst, x, y int32) int32 { return g.put(lIEq, t, 0, dst, kindMask, x, y, none) }
	not := func(dst, m int32) int32 { return g.maskOp(lMNot, dst, m, none) }
	switch in.Op {
	case micro.Mov:
		g.op1(lMov, t, dst, a)
	case micro.Add:
		g.op2(lIAdd, t, dst, a, b)
	case micro.Sub:
		g.op2(lISub, t, dst, a, b)
	case micro.Mul:
		if g.isa.has(lIMul, t) {
			g.op2(lIMul, t, dst, a, b)
			break
		}
		// 64 bits from products of 32: the high half gets both cross products.
		high := func(x int32) int32 { return g.put(lShr, tI64, 32, none, kind64, x, none, none) }
		cross := g.op2(lIAdd, t, none, g.op2(lMulU32, t, none, high(a), b), g.op2(lMulU32, t, none, a, high(b)))
		low := g.op2(lMulU32, t, none, a, b)
		g.op2(lIAdd, t, dst, low, g.put(lShl, tI64, 32, none, kind64, cross, none, none))
	case micro.Neg:
		g.op2(lISub, t, dst, zero(), a)
	case micro.Abs:
		g.blend(t, dst, greater(none, zero(), a), g.op2(lISub, t, none, zero(), a), a)
	case micro.Min:
		g.blend(t, dst, greater(none, a, b), b, a)
	case micro.Max:
		g.blend(t, dst, greater(none, a, b), a, b)
	case micro.Sign:
		x := g.maskz(t, none, greater(none, a, zero()), g.integer(t, 1))
		g.blend(t, dst, greater(none, zero(), a), g.integer(t, -1), x)
	case micro.Eq:
		equal(dst, a, b)
	case micro.Ne:
		not(dst, equal(none, a, b))
	case micro.Gt:
		greater(dst, a, b)
	case micro.Lt:
		greater(dst, b, a)
	case micro.Le:
		not(dst, greater(none, a, b))
	case micro.Ge:
		not(dst, greater(none, b, a))
	case micro.Select:
		g.blend(t, dst, a, b, c)
	case micro.Cast:
		return g.lowerIntCast(in.To, t, dst, a)
	default:
		return g.lowerDefined(in, dst, a, b, c)
	}
	return true
}

func (g *generator) lowerIntCast(to dtype.DType, t elem, dst, a int32) bool {
	op := lMov
	switch {
	case to == dtype.Bool:
		g.maskOp(lMNot, dst, g.put(lIEq, t, 0, none, kindMask, a, g.integer(t, 0), none), none)
		return true
	case to.IsInt() && elemOf(to) == t:
	case t == tI32 && to == dtype.Int64:
		op = lCvtI32I64
	case t == tI64 && to == dtype.Int32:
		op = lCvtI64I32
	case t == tI32 && to == dtype.Float64:
		op = lCvtI32F64
	case t == tI32 && to == dtype.Float32:
		op = lCvtI32F32
	case t == tI64 && to == dtype.Float64:
		op = lCvtI64F64
	case t == tI64 && to == dtype.Float32:
		op = lCvtI64F32
	default:
		return false
	}
	if op != lMov && g.mode != modeScalar && !g.isa.has(op, t) {
		return false
	}
	g.put(op, t, 0, dst, kindOf(to), a, none, none)
	return true
}

func (g *generator) lowerBool(in *micro.Instr, dst, a, b, c int32) bool {
	switch in.Op {
	case micro.Mov:
		g.put(lMov, tF64, 0, dst, kindMask, a, none, none)
	case micro.And:
		g.maskOp(lMAnd, dst, a, b)
	case micro.Or:
		g.maskOp(lMOr, dst, a, b)
	case micro.Xor, micro.Ne:
		g.maskOp(lMXor, dst, a, b)
	case micro.Not:
		g.maskOp(lMNot, dst, a, none)
	case micro.Eq:
		g.maskOp(lMNot, dst, g.maskOp(lMXor, none, a, b), none)
	case micro.Select:
		g.maskOp(lMXor, dst, c, g.maskOp(lMAnd, none, a, g.maskOp(lMXor, none, b, c)))
	case micro.Cast:
		switch in.To {
		case dtype.Bool:
			g.put(lMov, tF64, 0, dst, kindMask, a, none, none)
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
