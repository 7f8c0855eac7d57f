package def

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// ln2 in two parts per format; with FMA the first difference x − k·hi is exact.
const (
	ln2Hi64 = 0x1.62e42fefa39efp-1
	ln2Lo64 = 0x1.abc9e3b39803fp-56
	ln2Hi32 = 0x1.62e43p-1
	ln2Lo32 = -0x1.05c61p-29
)

func (b *Builder) ln2() (hi, lo Ref) {
	return b.K2(ln2Hi64, ln2Hi32), b.K2(ln2Lo64, ln2Lo32)
}

// clampExp keeps an exponent between bounds beyond which the result is 0 or infinite; NaN stays.
func (b *Builder) clampExp(x Ref, lo, hi float64) Ref {
	return b.Max(b.K(lo), b.Min(b.K(hi), x))
}

// reduceLn2 returns a whole number k and r = x − k·ln 2 with |r| ≤ ½·ln 2 and a rounding bit.
func (b *Builder) reduceLn2(x Ref) (k, r Ref) {
	hi, lo := b.ln2()
	k = b.RoundEven(b.Mul(x, b.K(math.Log2E)))
	r = b.FNMA(k, hi, x)
	return k, b.FNMA(k, lo, r)
}

func buildExp(b *Builder) *Func {
	x := b.Arg(0)
	if b.wide() {
		x = b.clampExp(x, -746, 710)
	} else {
		x = b.clampExp(x, -104, 89)
	}
	k, r := b.reduceLn2(x)
	q := b.Poly(r, b.Coefficients(expQ64, expQ32))
	p := b.Add(b.FMA(b.Mul(r, r), q, r), b.K(1))
	return b.Finish(b.Scale(p, k))
}

func init() {
	register(micro.Exp, 1, buildExp)
}
