package surface

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

type node = graph.Node

// Model is a stack of elastic layers, from the surface down, the last of which is the half-space below: thickness (km; that of the half-space is
// not looked at), velocities of P and S waves (km/s) and density (g/cm³), each of shape [layers], or [layers, n] with a column for each of the n
// velocities that are asked for at once.
type Model struct{ Thickness, Vp, Vs, Density *node }

func (m Model) layers() int { return m.Vs.Shape()[0] }

// parts returns the layers above the half-space, as arrays that a scan goes through, and the half-space.
func (m Model) parts() (above []*node, below []*node) {
	n := m.layers() - 1
	for _, v := range []*node{m.Thickness, m.Vp, m.Vs, m.Density} {
		above = append(above, graph.Slice(v, graph.Range{Limit: n}))
		below = append(below, graph.Index(v, n))
	}
	return above, below
}

func sum(a *node, more ...*node) *node {
	for _, b := range more {
		a = graph.Add(a, b)
	}
	return a
}

func product(a *node, more ...*node) *node {
	for _, b := range more {
		a = graph.Mul(a, b)
	}
	return a
}

// times is a multiple of x.
func times(c float64, x *node) *node { return graph.Mul(graph.Like(x, c), x) }

// oneLess is 1 − x.
func oneLess(x *node) *node { return graph.Sub(graph.Like(x, 1), x) }

// slowness2 is 1 − (c/v)², the square of a vertical wave number over the horizontal one.
func slowness2(c, v *node) *node { return oneLess(graph.Square(graph.Div(c, v))) }

// sqrt0 is √x, where x ≥ 0; a half-space has c below its velocities, so rounding alone makes x smaller.
func sqrt0(x *node) *node { return graph.Sqrt(graph.Max(x, graph.Like(x, 0x1p-60))) }

// hyperbolic returns cosh √v and sinh √v/√v, functions of v that have derivatives of every order at v = 0 too (where v < 0 they are
// cos √−v and sin √−v/√−v), both times e^−√v where v > 0, so that they do not overflow, and that factor.
func hyperbolic(v *node) (cosh, sinh, scale *node) {
	const small = 0.25
	size := graph.Abs(v)
	series := graph.Less(size, graph.Like(v, small))
	t := graph.Sqrt(graph.Where(series, graph.Like(v, small), size))
	e := graph.Exp(graph.Neg(t))
	e2 := graph.Square(e)
	half := graph.Div(graph.Like(t, 0.5), t)
	grows := graph.Greater(v, graph.Like(v, 0))
	choose := func(s, g, o *node) *node { return graph.Where(series, s, graph.Where(grows, g, o)) }
	one := graph.Like(v, 1)
	near := graph.Where(series, v, graph.Like(v, 0))
	// Σ v^i/(2i)! and Σ v^i/(2i+1)!, to 1e-18 of them.
	power := func(odd int) *node {
		s := one
		for i := 7; i >= 1; i-- {
			s = graph.Add(one, product(near, s, graph.Like(v, 1/float64((2*i+odd)*(2*i+odd-1)))))
		}
		return s
	}
	cosh = choose(power(0), times(0.5, graph.Add(one, e2)), graph.Cos(t))
	sinh = choose(power(1), graph.Mul(half, graph.Sub(one, e2)), product(times(2, half), graph.Sin(t)))
	return cosh, sinh, choose(one, e, one)
}

// wave is what the equations of a layer say of P or S waves in it: cosh and sinh over a depth of k·h, as functions of slowness2.
type wave struct {
	square *node // slowness2, the square r² of the vertical wave number in units of k
	cosh   *node // cosh(r·k·h)
	over   *node // sinh(r·k·h)/r
	times  *node // r·sinh(r·k·h)
	scale  *node // the factor of all three
}

func newWave(square, kh *node) wave {
	c, s, scale := hyperbolic(graph.Mul(square, graph.Square(kh)))
	over := graph.Mul(s, kh)
	return wave{square, c, over, graph.Mul(square, over), scale}
}

// doubled is the wave over twice the depth.
func (w wave) doubled() wave {
	over := times(2, graph.Mul(w.cosh, w.over))
	scale := graph.Square(w.scale)
	return wave{w.square, graph.Sub(times(2, graph.Square(w.cosh)), scale), over, graph.Mul(w.square, over), scale}
}

// rayleighStart returns the minors of the two solutions that decay in the half-space, in units of powers of k. With stresses in units of ω²/k they are
// those of (stress, stress), (stress, displacement) in three combinations, and (displacement, displacement).
func rayleighStart(c *node, below []*node) []*node {
	vp, vs, density := below[1], below[2], below[3]
	r, s := sqrt0(slowness2(c, vp)), sqrt0(slowness2(c, vs))
	g := times(2, graph.Square(graph.Div(vs, c)))
	g1 := graph.Sub(g, graph.Like(g, 1))
	rs := graph.Mul(r, s)
	e := []*node{
		graph.Mul(graph.Square(density), graph.Sub(graph.Square(g1), product(graph.Square(g), rs))),
		graph.Neg(graph.Mul(density, r)),
		graph.Mul(density, graph.Sub(g1, graph.Mul(g, rs))),
		graph.Mul(density, s),
		oneLess(rs),
	}
	return normalised(e)
}

// normalised divides by the norm.
func normalised(e []*node) []*node {
	squares := graph.Square(e[0])
	for _, v := range e[1:] {
		squares = graph.Add(squares, graph.Square(v))
	}
	factor := graph.Rsqrt(squares)
	out := make([]*node, len(e))
	for i, v := range e {
		out[i] = graph.Mul(v, factor)
	}
	return out
}

// rayleighLayer takes the minors through a layer, upwards. The compound matrix is that of Dunkin, Bull. Seism. Soc. Am. 55 (1965), 335-358, whose products of
// hyperbolic functions do not cancel, in units of powers of k.
func rayleighLayer(e []*node, c *node, p, s wave, vs, density *node) []*node {
	g := times(2, graph.Square(graph.Div(vs, c)))
	g1 := graph.Sub(g, graph.Like(g, 1))
	gg, gg1, mixed := graph.Square(g), graph.Square(g1), graph.Mul(g, g1)
	both := graph.Add(g, g1)
	cc, one := graph.Mul(p.cosh, s.cosh), graph.Mul(p.scale, s.scale)
	less := graph.Sub(one, cc)
	xz, wy := graph.Mul(p.times, s.times), graph.Mul(p.over, s.over)
	wz, xy := graph.Mul(p.over, s.times), graph.Mul(p.times, s.over)
	cpy, cpz := graph.Mul(p.cosh, s.over), graph.Mul(p.cosh, s.times)
	cqw, cqx := graph.Mul(s.cosh, p.over), graph.Mul(s.cosh, p.times)
	combine := func(a, b, c *node) *node { return sum(graph.Mul(a, less), graph.Mul(b, xz), graph.Mul(c, wy)) }
	two := graph.Like(g, 2)

	a11 := graph.Sub(cc, combine(times(2, mixed), gg, gg1))
	a12 := graph.Sub(cpy, cqx)
	a13 := graph.Neg(combine(both, g, g1))
	a14 := graph.Sub(cpz, cqw)
	a15 := graph.Neg(combine(two, graph.Like(g, 1), graph.Like(g, 1)))
	a21 := graph.Sub(graph.Mul(gg, cpz), graph.Mul(gg1, cqw))
	a23 := graph.Sub(graph.Mul(g, cpz), graph.Mul(g1, cqw))
	a41 := graph.Sub(graph.Mul(gg1, cpy), graph.Mul(gg, cqx))
	a43 := graph.Sub(graph.Mul(g1, cpy), graph.Mul(g, cqx))
	a51 := graph.Neg(combine(times(2, graph.Square(mixed)), graph.Square(gg), graph.Square(gg1)))
	a53 := graph.Neg(combine(graph.Mul(mixed, both), graph.Mul(g, gg), graph.Mul(g1, gg1)))
	a33 := graph.Add(one, times(2, graph.Sub(cc, a11)))

	// Minors of stresses are in units of density.
	e1, e2, e3, e4, e5 := graph.Div(e[0], graph.Square(density)), graph.Div(e[1], density), graph.Div(e[2], density), graph.Div(e[3], density), e[4]
	e3x2 := times(-2, e3)
	f1 := sum(graph.Mul(e1, a11), graph.Mul(e2, a21), graph.Mul(e3x2, a53), graph.Mul(e4, a41), graph.Mul(e5, a51))
	f2 := sum(graph.Mul(e1, a12), graph.Mul(e2, cc), graph.Mul(e3x2, a43), graph.Neg(graph.Mul(e4, xy)), graph.Mul(e5, a41))
	f3 := sum(graph.Mul(e1, a13), graph.Mul(e2, a23), graph.Mul(e3, a33), graph.Mul(e4, a43), graph.Mul(e5, a53))
	f4 := sum(graph.Mul(e1, a14), graph.Neg(graph.Mul(e2, wz)), graph.Mul(e3x2, a23), graph.Mul(e4, cc), graph.Mul(e5, a21))
	f5 := sum(graph.Mul(e1, a15), graph.Mul(e2, a14), graph.Mul(e3x2, a13), graph.Mul(e4, a12), graph.Mul(e5, a11))
	return normalised([]*node{graph.Mul(f1, graph.Square(density)), graph.Mul(f2, density), graph.Mul(f3, density), graph.Mul(f4, density), f5})
}

// Rayleigh returns the secular function of Rayleigh waves, 0 where c (km/s, of shape [n]) is the phase velocity of a mode at the angular frequency omega (1/s, of
// shape [n]), between −1 and 1, smooth in everything. c is below the S velocity of the half-space.
func Rayleigh(c, omega *node, m Model) *node {
	above, below := m.parts()
	k := graph.Div(omega, c)
	e, _ := graph.Scan(m.layers()-1, rayleighStart(c, below), above, func(e, x []*node) (next, ys []*node) {
		h, vp, vs, density := x[0], x[1], x[2], x[3]
		kh := graph.Mul(k, h)
		return rayleighLayer(e, c, newWave(slowness2(c, vp), kh), newWave(slowness2(c, vs), kh), vs, density), nil
	}, graph.Reverse)
	return e[0]
}

// Love returns the secular function of Love waves, as Rayleigh does. The recursion is Thomson's and Haskell's, for displacement and stress over k.
func Love(c, omega *node, m Model) *node {
	above, below := m.parts()
	k := graph.Div(omega, c)
	e, _ := graph.Scan(m.layers()-1, loveStart(c, below), above, func(e, x []*node) (next, ys []*node) {
		h, vs, density := x[0], x[2], x[3]
		return loveLayer(e, newWave(slowness2(c, vs), graph.Mul(k, h)), rigidity(vs, density)), nil
	}, graph.Reverse)
	return e[1]
}

func rigidity(vs, density *node) *node { return graph.Mul(density, graph.Square(vs)) }

func loveStart(c *node, below []*node) []*node {
	s := sqrt0(slowness2(c, below[2]))
	return normalised([]*node{graph.FullLike(s, 1), graph.Mul(rigidity(below[2], below[3]), s)})
}

func loveLayer(e []*node, s wave, mu *node) []*node {
	return normalised([]*node{
		graph.Add(graph.Mul(s.cosh, e[0]), graph.Div(graph.Mul(s.over, e[1]), mu)),
		graph.Add(graph.Mul(graph.Mul(s.times, mu), e[0]), graph.Mul(s.cosh, e[1])),
	})
}

// halvings is how often a layer is cut in two to count the modes that it has between rigid walls: layers may be as thick as half a wavelength times 2^halvings.
const halvings = 7

// The number of modes with phase velocities below c is that of negative eigenvalues of the stiffness of all layers together, after Wittrick and Williams,
// Q. J. Mech. Appl. Math. 24 (1971), 263-284: for each layer the number of its own modes between rigid walls, and for each interface, and the surface, the
// number of negative eigenvalues of the stiffness of the layer above it and of everything below. A layer's own modes are counted in the same way after cutting
// it in halves until it has none.

// negative is 1 where x < 0, else 0.
func negative(x *node) *node { return graph.Cast(graph.Less(x, graph.Like(x, 0)), graph.Float64) }

// negative2 is the number of negative eigenvalues of a symmetric matrix, of which the determinant and a diagonal element are given.
func negative2(determinant, diagonal *node) *node {
	d := negative(determinant)
	return graph.Add(d, graph.Mul(times(2, negative(diagonal)), oneLess(d)))
}

// thinEnough fails the run if a layer is too thick for the number of halvings.
func thinEnough(c, omega, h, vs *node) *node {
	vertical := graph.Sqrt(graph.Max(graph.Neg(slowness2(c, vs)), graph.Like(c, 0)))
	depth := product(graph.Div(omega, c), h, vertical)
	depth = graph.Div(depth, graph.Like(depth, math.Pi*math.Exp2(halvings)))
	return graph.Require(c, graph.Less(depth, graph.Like(depth, 1)), "surfacewave: a layer is too thick for its modes to be counted: cut it in two; half wavelengths over the number that may be", depth)
}

// RayleighModes returns the number of modes with phase velocities below c, as Rayleigh takes it.
func RayleighModes(c, omega *node, m Model) *node {
	above, below := m.parts()
	k := graph.Div(omega, c)
	start := rayleighStart(c, below)
	final, _ := graph.Scan(m.layers()-1, append(start, graph.FullLike(c, 0)), above, func(carry, x []*node) (next, ys []*node) {
		e, count := carry[:5], carry[5]
		h, vp, vs, density := x[0], x[1], x[2], x[3]
		kh := graph.Mul(graph.Div(k, graph.Like(k, math.Exp2(halvings))), h)
		c := thinEnough(c, omega, h, vs)
		p, s := newWave(slowness2(c, vp), kh), newWave(slowness2(c, vs), kh)
		for i := halvings; i >= 1; i-- {
			a, b, _ := rayleighStiffness(p, s)
			count = graph.Add(count, times(math.Exp2(float64(i-1)), graph.Add(negative(a), negative(b))))
			p, s = p.doubled(), s.doubled()
		}
		// Kausel and Roësset, Bull. Seism. Soc. Am. 71 (1981), 1743-1761, in units of ω²/k: the layer's stiffness at its lower side and that of all below.
		a, b, ab := rayleighStiffness(p, s)
		g := times(2, graph.Square(graph.Div(vs, c)))
		a, b, ab = graph.Mul(density, a), graph.Mul(density, b), graph.Mul(density, graph.Add(ab, graph.Sub(g, graph.Like(g, 1))))
		a = graph.Sub(a, graph.Div(e[1], e[4]))
		b = graph.Add(b, graph.Div(e[3], e[4]))
		ab = graph.Sub(ab, graph.Div(e[2], e[4]))
		count = graph.Add(count, negative2(graph.Sub(graph.Mul(a, b), graph.Square(ab)), a))
		return append(rayleighLayer(e, c, p, s, vs, density), count), nil
	}, graph.Reverse)
	e := final[:5]
	return graph.Add(final[5], negative2(graph.Neg(graph.Div(e[0], e[4])), graph.Neg(graph.Div(e[1], e[4]))))
}

// rayleighStiffness returns the elements of the stiffness of a layer that does not move above, at its lower side: two on the diagonal, and the part of the one beside it that
// depends on depth, over the density and ω²/k.
func rayleighStiffness(p, s wave) (a, b, ab *node) {
	one, cc := graph.Mul(p.scale, s.scale), graph.Mul(p.cosh, s.cosh)
	squares := graph.Mul(p.square, s.square)
	wy := graph.Mul(p.over, s.over)
	d := graph.Add(times(2, graph.Sub(one, cc)), graph.Mul(graph.Add(graph.Like(wy, 1), squares), wy))
	a = graph.Div(graph.Sub(graph.Mul(p.cosh, s.over), graph.Mul(s.cosh, p.times)), d)
	b = graph.Div(graph.Sub(graph.Mul(s.cosh, p.over), graph.Mul(p.cosh, s.times)), d)
	ab = graph.Div(sum(one, graph.Neg(cc), graph.Mul(squares, wy)), d)
	return a, b, ab
}

// LoveModes returns the number of modes with phase velocities below c, as Love takes it.
func LoveModes(c, omega *node, m Model) *node {
	above, below := m.parts()
	k := graph.Div(omega, c)
	final, _ := graph.Scan(m.layers()-1, append(loveStart(c, below), graph.FullLike(c, 0)), above, func(carry, x []*node) (next, ys []*node) {
		e, count := carry[:2], carry[2]
		h, vs, density := x[0], x[2], x[3]
		mu := rigidity(vs, density)
		s := newWave(slowness2(c, vs), graph.Mul(k, h))
		vertical := graph.Sqrt(graph.Max(graph.Neg(s.square), graph.Like(c, 0)))
		between := graph.Floor(graph.Div(product(k, h, vertical), graph.Like(c, math.Pi)))
		stiffness := graph.Add(graph.Div(graph.Mul(mu, s.cosh), s.over), graph.Div(e[1], e[0]))
		return append(loveLayer(e, s, mu), sum(count, between, negative(stiffness))), nil
	}, graph.Reverse)
	return graph.Add(final[2], negative(graph.Div(final[1], final[0])))
}
