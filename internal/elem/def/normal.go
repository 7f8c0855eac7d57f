package def

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// Numerators and denominators of Wichura's approximations of the inverse of erf (algorithm AS 241, 1988), scaled by √2: around the middle, in the tail, and far out.
var quantile64 = [3][2][8]float64{
	{{1.1975323115670912564578e0, 4.7072688112383978012285e1, 6.9706266534389598238465e2, 4.8548868893843886794648e3, 1.6235862515167575384252e4, 2.3782041382114385731252e4, 1.1819493347062294404278e4, 8.8709406962545514830200e2},
		{1.0000000000000000000e0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}},
	{{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
		{1.4142135623730950488016887e0, 2.9036514445419946173133295e0, 2.3707661626024532365971225e0, 9.7547832001787427186894837e-1, 2.0945065210512749128288442e-1, 2.1494160384252876777097297e-2, 7.7441459065157709165577218e-4, 1.4859850019840355905497876e-9}},
	{{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
		{1.414213562373095048801689e0, 8.482908416595164588112026e-1, 1.936480946950659106176712e-1, 2.103693768272068968719679e-2, 1.112800997078859844711555e-3, 2.611088405080593625138020e-5, 2.010321207683943062279931e-7, 2.891024605872965461538222e-15}},
}

// buildNdtri is √2 times the inverse of erf at 2p − 1.
func buildNdtri(b *Builder) *Func {
	p := b.Arg(0)
	q := b.Sub(p, b.K(0.5))
	centre := b.Le(b.Abs(q), b.K(0.425))
	ln, rare := b.log(b.Min(p, b.Sub(b.K(1), p)))
	r := b.Sub(b.Sqrt(b.Neg(ln)), b.K(1.6))
	far := b.Lt(b.K(3.4), r)
	r = b.Select(centre, b.FNMA(q, q, b.K(0.180625)), b.Select(far, b.Sub(r, b.K(3.4)), r))
	var parts [2]Ref
	for k := range parts {
		var c []Ref
		for i := range 8 {
			of := func(place int) Ref { return b.K(quantile64[place][k][i]) }
			c = append(c, b.Select(centre, of(0), b.Select(far, of(2), of(1))))
		}
		parts[k] = b.Horner(r, c)
	}
	factor := b.Select(centre, b.Mul(b.K(2*math.Sqrt2), q), b.orSign(q, b.K(math.Sqrt2)))
	y := b.Div(b.Mul(factor, parts[0]), parts[1])
	end := b.MaskOr(b.Eq(p, b.K(0)), b.Eq(p, b.K(1)))
	outside := b.MaskNot(b.MaskAnd(b.Le(b.K(0), p), b.Le(p, b.K(1))))
	special := b.Select(end, b.orSign(q, b.Inf()), b.Select(outside, b.NaN(), y))
	return b.Finish(b.Select(rare, special, y))
}

func init() { register(micro.Ndtri, 1, buildNdtri) }
