package def

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Eval runs the definition on one lane of each argument and returns the results'
// bits and the guard (false if there is none). It is slow and meant for tests.
func (f *Func) Eval(args ...uint64) (results []uint64, guard bool) {
	v := make([]uint64, len(f.Nodes))
	wide := f.Type == dtype.Float64
	for i, n := range f.Nodes {
		var a, b, c uint64
		if n.A != None {
			a = v[n.A]
		}
		if n.B != None {
			b = v[n.B]
		}
		if n.C != None {
			c = v[n.C]
		}
		switch {
		case n.Kind == Arg:
			v[i] = args[n.Imm]
		case n.Kind == Const:
			v[i] = n.Imm
		case n.Kind == Gather:
			v[i] = f.Tables[n.Imm].Data[a]
		case wide:
			v[i] = eval64(n.Kind, n.Imm, a, b, c)
		default:
			v[i] = eval32(n.Kind, n.Imm, a, b, c)
		}
	}
	for _, r := range f.Results {
		results = append(results, v[r])
	}
	return results, f.Guard != None && v[f.Guard] != 0
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// evalBits does the operations that do not depend on the float format.
func evalBits(k Kind, imm, a, b, c uint64) uint64 {
	switch k {
	case And, MaskAnd:
		return a & b
	case Or, MaskOr:
		return a | b
	case Xor, MaskXor:
		return a ^ b
	case AndNot:
		return ^a & b
	case IAdd:
		return a + b
	case ISub:
		return a - b
	case IMul:
		return a * b
	case MulU32:
		return a & (1<<32 - 1) * (b & (1<<32 - 1))
	case Shl:
		return a << imm
	case Shr:
		return a >> imm
	case Bit:
		return a >> imm & 1
	case MaskNot:
		return a ^ 1
	case Select:
		if a != 0 {
			return b
		}
		return c
	}
	panic("BUG: lane operation " + k.String())
}

func eval64(k Kind, imm, a, b, c uint64) uint64 {
	x, y, z := math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)
	var r float64
	switch k {
	case Add:
		r = x + y
	case Sub:
		r = x - y
	case Mul:
		r = x * y
	case Div:
		r = x / y
	case FMA:
		r = math.FMA(x, y, z)
	case FMS:
		r = math.FMA(x, y, -z)
	case FNMA:
		r = math.FMA(-x, y, z)
	case Sqrt:
		r = math.Sqrt(x)
	case Min:
		if r = y; x < y {
			r = x
		}
	case Max:
		if r = y; x > y {
			r = x
		}
	case RoundEven:
		r = math.RoundToEven(x)
	case Floor:
		r = math.Floor(x)
	case Ceil:
		r = math.Ceil(x)
	case Trunc:
		r = math.Trunc(x)
	case Scale:
		h := math.Floor(y * 0.5)
		r = float64(x*pow2(h)) * pow2(y-h)
	case CmpEq:
		return truth(x == y)
	case CmpNe:
		return truth(x != y)
	case CmpLt:
		return truth(x < y)
	case CmpLe:
		return truth(x <= y)
	default:
		return evalBits(k, imm, a, b, c)
	}
	return math.Float64bits(r)
}

// pow2 returns 2^k for a whole k in the normal range, by an integer shift as the vector code does.
func pow2(k float64) float64 {
	return math.Float64frombits(math.Float64bits(k+(3<<51+1023)) << 52)
}

func pow2Float32(k float32) float32 {
	return math.Float32frombits(math.Float32bits(k+(3<<22+127)) << 23)
}

func eval32(k Kind, imm, a, b, c uint64) uint64 {
	x, y, z := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b)), math.Float32frombits(uint32(c))
	var r float32
	switch k {
	case Add:
		r = x + y
	case Sub:
		r = x - y
	case Mul:
		r = x * y
	case Div:
		r = x / y
	case FMA:
		r = FMA32(x, y, z)
	case FMS:
		r = FMA32(x, y, -z)
	case FNMA:
		r = FMA32(-x, y, z)
	case Sqrt:
		r = float32(math.Sqrt(float64(x)))
	case Min:
		if r = y; x < y {
			r = x
		}
	case Max:
		if r = y; x > y {
			r = x
		}
	case RoundEven:
		r = float32(math.RoundToEven(float64(x)))
	case Floor:
		r = float32(math.Floor(float64(x)))
	case Ceil:
		r = float32(math.Ceil(float64(x)))
	case Trunc:
		r = float32(math.Trunc(float64(x)))
	case Scale:
		h := float32(math.Floor(float64(y * 0.5)))
		r = float32(x*pow2Float32(h)) * pow2Float32(y-h)
	case CmpEq:
		return truth(x == y)
	case CmpNe:
		return truth(x != y)
	case CmpLt:
		return truth(x < y)
	case CmpLe:
		return truth(x <= y)
	default:
		return evalBits(k, imm, a, b, c) & 0xffffffff
	}
	return uint64(math.Float32bits(r))
}

// FMA32 returns x·y + z rounded once to float32. The product is exact in float64;
// rounding the sum to odd keeps what the second rounding needs (Boldo and Melquiond,
// "When double rounding is odd", 2004).
func FMA32(x, y, z float32) float32 {
	p, c := float64(float64(x)*float64(y)), float64(z)
	s := p + c
	// error of the sum (Knuth)
	t := s - p
	e := (p - (s - t)) + (c - t)
	if e != 0 && e == e && math.Float64bits(s)&1 == 0 {
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return float32(s)
}
