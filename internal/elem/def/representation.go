package def

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// scaledUp returns a ≥ 0 times a power of two where a is subnormal, and the power where it is, else 0.
func (b *Builder) scaledUp(a Ref) (scaled, power Ref) {
	least, k, factor := b.Bits(1<<52), 54.0, b.K(1<<54)
	if !b.wide() {
		least, k, factor = b.Bits(1<<23), 25, b.K(1<<25)
	}
	subnormal := b.Lt(a, least)
	return b.Select(subnormal, b.Mul(a, factor), a), b.Select(subnormal, b.K(k), b.K(0))
}

// buildExponent is the exponent field, of which ½ has 0.
func buildExponent(b *Builder) *Func {
	x := b.Arg(0)
	a := b.Abs(x)
	scaled, power := b.scaledUp(a)
	e := b.Sub(b.Add(b.exponentField(scaled), b.K(1)), power)
	none := b.MaskOr(b.Eq(x, b.K(0)), b.MaskNot(b.Lt(a, b.Inf())))
	return b.Finish(b.Select(none, b.K(0), e))
}

// buildLdexp moves the exponent of x to that of the result in two steps, of which only the second may round.
func buildLdexp(b *Builder) *Func {
	x, n := b.Arg(0), b.Arg(1)
	a := b.Abs(x)
	scaled, power := b.scaledUp(a)
	most := b.K2(3000, 600)
	n0 := b.Max(b.Min(b.Trunc(n), most), b.Neg(most))
	field := b.exponentField(scaled)
	e := b.Add(b.Sub(field, power), n0)
	most = b.K2(1100, 170)
	e = b.Max(b.Min(e, most), b.Neg(most))
	_, bias, mantissa := b.formatBits()
	m := b.Or(b.And(scaled, b.Bits(mantissa)), b.Bits(bias<<b.mantissaBits())) // 1 ≤ m < 2
	h := b.Floor(b.Mul(e, b.K(0.5)))
	y := b.Mul(b.Mul(m, b.pow2(h, 0)), b.pow2(b.Sub(e, h), 0))
	same := b.MaskOr(b.Eq(x, b.K(0)), b.MaskNot(b.Lt(a, b.Inf())))
	y = b.Select(same, x, b.Or(y, b.SignOf(x)))
	return b.Finish(b.Select(b.IsNaN(n), b.NaN(), y))
}

// buildNextafter counts the bits of x up or down.
func buildNextafter(b *Builder) *Func {
	x, y := b.Arg(0), b.Arg(1)
	inward := b.MaskXor(b.Lt(x, y), b.Lt(b.K(0), x))
	next := b.Select(inward, b.ISub(x, b.Bits(1)), b.IAdd(x, b.Bits(1)))
	next = b.Select(b.Eq(x, b.K(0)), b.Or(b.SignOf(y), b.Bits(1)), next)
	next = b.Select(b.Eq(x, y), y, next)
	return b.Finish(b.Select(b.MaskOr(b.IsNaN(x), b.IsNaN(y)), b.NaN(), next))
}

func init() {
	register(micro.Exponent, 1, buildExponent)
	register(micro.Ldexp, 2, buildLdexp)
	register(micro.Nextafter, 2, buildNextafter)
}

// integers are the definitions of operations on integers, as bits of lanes.
var integers = map[micro.Op]func(b *Builder, x, y Ref) Ref{
	micro.BitwiseAnd: (*Builder).And,
	micro.BitwiseOr:  (*Builder).Or,
	micro.BitwiseXor: (*Builder).Xor,
	micro.ShiftLeft: func(b *Builder, x, n Ref) Ref {
		return b.shifted(x, n, b.Shl)
	},
	micro.ShiftRight: func(b *Builder, x, n Ref) Ref {
		fill := b.Select(b.Bit(x, b.top()), b.Bits(math.MaxUint64), b.Bits(0))
		return b.Xor(b.shifted(b.Xor(x, fill), n, b.Shr), fill)
	},
}

func (b *Builder) top() int {
	if b.wide() {
		return 63
	}
	return 31
}

// shifted is x shifted by n bits, 0 unless 0 ≤ n < the number of bits: by each power of two that is in n.
func (b *Builder) shifted(x, n Ref, shift func(x Ref, n int) Ref) Ref {
	y := x
	for k := range 6 {
		if 1<<k <= b.top() {
			y = b.Select(b.Bit(n, k), shift(y, 1<<k), y)
		}
	}
	beyond := b.AndNot(b.Bits(uint64(b.top())), n)
	return b.Select(b.Bit(b.Or(beyond, b.ISub(b.Bits(0), beyond)), b.top()), b.Bits(0), y)
}

// Integer returns the definition of an operation on two integers, whose bits are in Float64 or Float32 lanes; nil if it has none. The result is shared and must not be changed.
func Integer(op micro.Op, t dtype.DType) *Func {
	build := integers[op]
	if build == nil {
		return nil
	}
	lane := dtype.Float64
	if t == dtype.Int32 {
		lane = dtype.Float32
	}
	mu.Lock()
	defer mu.Unlock()
	k := key{op, t}
	if built[k] == nil {
		b := NewBuilder(op.String(), op, lane, 2)
		built[k] = b.Finish(build(b, b.Arg(0), b.Arg(1)))
	}
	return built[k]
}

// Integers returns the operations on integers that have a definition, in ascending order.
func Integers() []micro.Op {
	var ops []micro.Op
	for op := micro.Op(1); int(op) < micro.Count; op++ {
		if integers[op] != nil {
			ops = append(ops, op)
		}
	}
	return ops
}
