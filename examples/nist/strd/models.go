package strd

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

type node = graph.Node

// Short names, so that models look like their formulas.
var (
	add, sub, mul, div = graph.Add, graph.Sub, graph.Mul, graph.Div
	exp, neg, pow      = graph.Exp, graph.Neg, graph.Pow
)

func number(v float64, like *node) *node { return graph.Like(like, v) }

// polynomial is c[0] + c[1]·x + c[2]·x² + …
func polynomial(x *node, c ...*node) *node {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = add(c[i], mul(x, y))
	}
	return y
}

// saturation is b1·(1 − e^(−b2·x)).
func saturation(b, x []*node) *node {
	return mul(b[0], neg(graph.Expm1(neg(mul(b[1], x[0])))))
}

func chwirut(b, x []*node) *node { return div(exp(neg(mul(b[0], x[0]))), add(b[1], mul(b[2], x[0]))) }

func lanczos(b, x []*node) *node {
	term := func(i int) *node { return mul(b[i], exp(neg(mul(b[i+1], x[0])))) }
	return graph.AddN(term(0), term(2), term(4))
}

func gauss(b, x []*node) *node {
	peak := func(i int) *node {
		return mul(b[i], exp(neg(graph.Square(div(sub(x[0], b[i+1]), b[i+2])))))
	}
	return graph.AddN(mul(b[0], exp(neg(mul(b[1], x[0])))), peak(2), peak(5))
}

func cubics(b, x []*node) *node {
	return div(polynomial(x[0], b[:4]...), polynomial(x[0], number(1, b[0]), b[4], b[5], b[6]))
}

// models are by the names of the data sets. The formulas stand in the files.
var models = map[string]func(b, x []*node) *node{
	"Misra1a":  saturation,
	"BoxBOD":   saturation,
	"Chwirut1": chwirut,
	"Chwirut2": chwirut,
	"Lanczos1": lanczos,
	"Lanczos2": lanczos,
	"Lanczos3": lanczos,
	"Gauss1":   gauss,
	"Gauss2":   gauss,
	"Gauss3":   gauss,
	"Hahn1":    cubics,
	"Thurber":  cubics,
	"DanWood":  func(b, x []*node) *node { return mul(b[0], pow(x[0], b[1])) },
	"Misra1b": func(b, x []*node) *node {
		u := add(number(1, b[0]), mul(b[1], mul(number(0.5, b[0]), x[0])))
		return mul(b[0], sub(number(1, b[0]), graph.Reciprocal(graph.Square(u))))
	},
	"Misra1c": func(b, x []*node) *node {
		u := add(number(1, b[0]), mul(number(2, b[0]), mul(b[1], x[0])))
		return mul(b[0], sub(number(1, b[0]), graph.Rsqrt(u)))
	},
	"Misra1d": func(b, x []*node) *node {
		u := mul(b[1], x[0])
		return mul(b[0], div(u, add(number(1, b[0]), u)))
	},
	"Kirby2": func(b, x []*node) *node {
		return div(polynomial(x[0], b[:3]...), polynomial(x[0], number(1, b[0]), b[3], b[4]))
	},
	"Nelson": func(b, x []*node) *node { return sub(b[0], mul(mul(b[1], x[0]), exp(neg(mul(b[2], x[1]))))) },
	"MGH17": func(b, x []*node) *node {
		return graph.AddN(b[0], mul(b[1], exp(neg(mul(x[0], b[3])))), mul(b[2], exp(neg(mul(x[0], b[4])))))
	},
	"Roszman1": func(b, x []*node) *node {
		angle := graph.Atan(div(b[2], sub(x[0], b[3])))
		return sub(sub(b[0], mul(b[1], x[0])), div(angle, number(math.Pi, b[0])))
	},
	"ENSO": func(b, x []*node) *node {
		cycle := func(period, cosine, sine *node) *node {
			angle := div(mul(number(2*math.Pi, b[0]), x[0]), period)
			return add(mul(cosine, graph.Cos(angle)), mul(sine, graph.Sin(angle)))
		}
		return graph.AddN(b[0], cycle(number(12, b[0]), b[1], b[2]), cycle(b[3], b[4], b[5]), cycle(b[6], b[7], b[8]))
	},
	"MGH09": func(b, x []*node) *node {
		square := graph.Square(x[0])
		return div(mul(b[0], add(square, mul(x[0], b[1]))), graph.AddN(square, mul(x[0], b[2]), b[3]))
	},
	"Rat42": func(b, x []*node) *node {
		return div(b[0], add(number(1, b[0]), exp(sub(b[1], mul(b[2], x[0])))))
	},
	"MGH10": func(b, x []*node) *node { return mul(b[0], exp(div(b[1], add(x[0], b[2])))) },
	"Eckerle4": func(b, x []*node) *node {
		z := graph.Square(div(sub(x[0], b[2]), b[1]))
		return mul(div(b[0], b[1]), exp(mul(number(-0.5, b[0]), z)))
	},
	"Rat43": func(b, x []*node) *node {
		u := add(number(1, b[0]), exp(sub(b[1], mul(b[2], x[0]))))
		return div(b[0], pow(u, graph.Reciprocal(b[3])))
	},
	"Bennett5": func(b, x []*node) *node {
		return mul(b[0], pow(add(b[1], x[0]), neg(graph.Reciprocal(b[2]))))
	},
}
