package native

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// The reference: every micro operation on bits, as op.go of package micro defines it.

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func toFloat(t dtype.DType, bits uint64) float64 {
	if t == dtype.Float32 {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// fromFloat rounds to t; for float32 results of +, −, ·, / and √ of float32 operands the
// double rounding is innocuous (Figueroa 1995).
func fromFloat(t dtype.DType, x float64) uint64 {
	if t == dtype.Float32 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

func toInt(t dtype.DType, bits uint64) int64 {
	if t == dtype.Int32 {
		return int64(int32(bits))
	}
	return int64(bits)
}

func fromInt(t dtype.DType, x int64) uint64 {
	if t == dtype.Int32 {
		return uint64(uint32(x))
	}
	return uint64(x)
}

func referenceCompare[T float64 | int64](op micro.Op, x, y T) (uint64, bool) {
	switch op {
	case micro.Eq:
		return truth(x == y), true
	case micro.Ne:
		return truth(x != y), true
	case micro.Lt:
		return truth(x < y), true
	case micro.Le:
		return truth(x <= y), true
	case micro.Gt:
		return truth(x > y), true
	case micro.Ge:
		return truth(x >= y), true
	}
	return 0, false
}

func referenceFloat(in micro.Instr, a, b, c uint64) uint64 {
	t := in.Type
	x, y, z := toFloat(t, a), toFloat(t, b), toFloat(t, c)
	if r, ok := referenceCompare(in.Op, x, y); ok {
		return r
	}
	var r float64
	switch in.Op {
	case micro.Mov:
		return a
	case micro.Add:
		r = x + y
	case micro.Sub:
		r = x - y
	case micro.Mul:
		r = x * y
	case micro.Div:
		r = x / y
	case micro.FMA, micro.FMS, micro.FNMA:
		if in.Op == micro.FMS {
			z = -z
		}
		if in.Op == micro.FNMA {
			x = -x
		}
		if t == dtype.Float32 {
			return uint64(math.Float32bits(def.FMA32(float32(x), float32(y), float32(z))))
		}
		r = math.FMA(x, y, z)
	case micro.Neg:
		r = -x
	case micro.Abs:
		r = math.Abs(x)
	case micro.Min:
		r = min(x, y)
	case micro.Max:
		r = max(x, y)
	case micro.Sign:
		switch {
		case x > 0:
			r = 1
		case x < 0:
			r = -1
		default:
			r = x
		}
	case micro.MulNoNan:
		if r = x * y; r != r && (x == 0 || y == 0) {
			r = 0
		}
	case micro.Copysign:
		r = math.Copysign(x, y)
	case micro.BitwiseOr:
		return a | b
	case micro.Floor:
		r = math.Floor(x)
	case micro.Ceil:
		r = math.Ceil(x)
	case micro.Trunc:
		r = math.Trunc(x)
	case micro.Round:
		r = math.RoundToEven(x)
	case micro.Sqrt:
		r = math.Sqrt(x)
	case micro.IsNaN:
		return truth(x != x)
	case micro.IsFinite:
		return truth(!math.IsInf(x, 0) && x == x)
	case micro.Select:
		if a&0xFF != 0 {
			return b
		}
		return c
	case micro.Cast:
		switch in.To {
		case dtype.Bool:
			return truth(x != 0)
		case dtype.Int32:
			return fromInt(in.To, int64(dtype.FloatToInt32(x)))
		case dtype.Int64:
			return fromInt(in.To, dtype.FloatToInt64(x))
		}
		return fromFloat(in.To, x)
	default:
		return referenceDefined(in, a, b, c)
	}
	return fromFloat(t, r)
}

// referenceDefined evaluates the definition of a function.
func referenceDefined(in micro.Instr, a, b, c uint64) uint64 {
	f := def.Lookup(in.Op, in.Type)
	if f == nil {
		panic(fmt.Sprintf("no reference for %s of %s", in.Op, in.Type))
	}
	args := [3]uint64{a, b, c}
	r, _ := f.Eval(args[:f.Args]...)
	return r[0]
}

func referenceInt(in micro.Instr, a, b, c uint64) uint64 {
	t := in.Type
	x, y := toInt(t, a), toInt(t, b)
	if r, ok := referenceCompare(in.Op, x, y); ok {
		return r
	}
	var r int64
	switch in.Op {
	case micro.Mov:
		r = x
	case micro.Add:
		r = x + y
	case micro.Sub:
		r = x - y
	case micro.Mul:
		r = x * y
	case micro.Neg:
		r = -x
	case micro.Abs:
		if r = x; x < 0 {
			r = -x
		}
	case micro.Min:
		r = min(x, y)
	case micro.Max:
		r = max(x, y)
	case micro.Sign:
		r = int64(truth(x > 0)) - int64(truth(x < 0))
	case micro.BitwiseAnd:
		r = x & y
	case micro.BitwiseOr:
		r = x | y
	case micro.BitwiseXor:
		r = x ^ y
	case micro.ShiftLeft, micro.ShiftRight:
		bits := int64(64)
		if t == dtype.Int32 {
			bits = 32
		}
		switch {
		case in.Op == micro.ShiftRight:
			if r = x >> 63; 0 <= y && y < bits {
				r = x >> y
			}
		case 0 <= y && y < bits:
			r = x << y
		}
	case micro.Select:
		if a&0xFF != 0 {
			return b
		}
		return c
	case micro.Cast:
		switch in.To {
		case dtype.Bool:
			return truth(x != 0)
		case dtype.Float64:
			return math.Float64bits(float64(x))
		case dtype.Float32:
			return uint64(math.Float32bits(float32(x)))
		}
		return fromInt(in.To, x)
	default:
		panic(fmt.Sprintf("no reference for %s of %s", in.Op, in.Type))
	}
	return fromInt(t, r)
}

func referenceBool(in micro.Instr, a, b, c uint64) uint64 {
	a, b, c = a&1, b&1, c&1
	switch in.Op {
	case micro.Mov:
		return a
	case micro.And:
		return a & b
	case micro.Or:
		return a | b
	case micro.Xor, micro.Ne:
		return a ^ b
	case micro.Eq:
		return a ^ b ^ 1
	case micro.Not:
		return a ^ 1
	case micro.Select:
		if a != 0 {
			return b
		}
		return c
	case micro.Cast:
		if in.To.IsFloat() {
			return fromFloat(in.To, float64(a))
		}
		return a
	}
	panic(fmt.Sprintf("no reference for %s of %s", in.Op, in.Type))
}

// reference computes one micro-instruction on bits.
func reference(in micro.Instr, a, b, c uint64) uint64 {
	switch {
	case in.Type.IsFloat():
		return referenceFloat(in, a, b, c)
	case in.Type.IsInt():
		return referenceInt(in, a, b, c)
	}
	return referenceBool(in, a, b, c)
}

func readCell(arena []byte, cell uint32, t dtype.DType) uint64 {
	p := arena[cell*4:]
	switch t.Size() {
	case 8:
		return binary.LittleEndian.Uint64(p)
	case 4:
		return uint64(binary.LittleEndian.Uint32(p))
	}
	return uint64(p[0])
}

func writeCell(arena []byte, cell uint32, t dtype.DType, v uint64) {
	p := arena[cell*4:]
	switch t.Size() {
	case 8:
		binary.LittleEndian.PutUint64(p, v)
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	default:
		p[0] = byte(v)
	}
}

// runReference is the portable loop over a Straight.
func runReference(s *micro.Straight, arena []byte) {
	for _, in := range s.Code {
		var v [3]uint64
		ops := in.Operands()
		for k := 0; k < in.Op.Arity(); k++ {
			v[k] = readCell(arena, ops[k], in.OperandType(k))
		}
		writeCell(arena, in.Dst, in.Result(), reference(in, v[0], v[1], v[2]))
	}
}

// sameBits compares two values; any NaN equals any NaN.
func sameBits(t dtype.DType, x, y uint64) bool {
	if x == y {
		return true
	}
	if !t.IsFloat() {
		return false
	}
	a, b := toFloat(t, x), toFloat(t, y)
	return a != a && b != b
}
