package jet

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// elements are the elementwise operators whose expansion is no definition at every point, or that have none.
var elements = map[string]func(n *graph.Node, x []Number) Number{}

// unary defines an operator of one operand by its Taylor coefficients; they follow graph's documented conventions at kinks.
func unary(name string, f func(x float64) series) {
	elements[name] = func(_ *graph.Node, x []Number) Number { return x[0].compose(f(x[0][0])) }
}

// reference evaluates an operator's value.
func reference(op string, attrs graph.Attrs, x ...float64) float64 {
	g, at := graph.New(), map[*graph.Node]ref.Value{}
	in := make([]*graph.Node, len(x))
	for i, v := range x {
		in[i] = g.Input(fmt.Sprintf("x%d", i), graph.Float64)
		at[in[i]] = ref.Of(in[i].Type(), v)
	}
	out, err := ref.Eval(at, g.Apply(graph.LookupOp(op), in, attrs))
	if err != nil {
		return math.NaN()
	}
	return out[0].F[0]
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func nans() series {
	var s series
	for i := range s {
		s[i] = math.NaN()
	}
	return s
}

func init() {
	unary("neg", func(x float64) series { return series{-x, -1} })
	unary("identity", variable)
	unary("copy", variable)
	unary("cast", variable)
	unary("abs", func(x float64) series { return series{math.Abs(x), sign(x)} })
	unary("square", func(x float64) series { return series{x * x, 2 * x, 1} })
	unary("reciprocal", func(x float64) series { return power(x, -1) })
	unary("sqrt", func(x float64) series { return power(x, 0.5) })
	unary("rsqrt", func(x float64) series { return power(x, -0.5) })
	unary("cbrt", func(x float64) series {
		s := power(math.Abs(x), 1./3)
		if x < 0 {
			for j := range s {
				s[j] *= float64(2*(j%2) - 1)
			}
		}
		return s
	})
	unary("exp", exponential)
	unary("exp2", func(x float64) series {
		s := exponential(x * math.Ln2)
		for j, k := 0, 1.0; j < len(s); j++ {
			s[j] *= k
			k *= math.Ln2
		}
		return s
	})
	unary("expm1", func(x float64) series { s := exponential(x); s[0] = math.Expm1(x); return s })
	unary("log", logarithm)
	unary("log2", func(x float64) series { s := logarithm(x).scale(1 / math.Ln2); s[0] = math.Log2(x); return s })
	unary("log10", func(x float64) series { s := logarithm(x).scale(1 / math.Ln10); s[0] = math.Log10(x); return s })
	unary("log1p", func(x float64) series {
		if x < -1 {
			return nans()
		}
		return power(1+x, -1).integral(math.Log1p(x))
	})
	unary("sin", func(x float64) series { return circular(math.Sin(x), math.Cos(x), -1) })
	unary("cos", func(x float64) series { return circular(math.Cos(x), -math.Sin(x), -1) })
	unary("sinh", func(x float64) series { return circular(math.Sinh(x), math.Cosh(x), 1) })
	unary("cosh", func(x float64) series { return circular(math.Cosh(x), math.Sinh(x), 1) })
	unary("tan", func(x float64) series {
		return ode(math.Tan(x), func(y series) series { return y.mul(y).plus(1) })
	})
	unary("tanh", func(x float64) series {
		// tanh x = 2σ(2x) − 1, without cancellation in the derivatives.
		s := sigmoid(2 * x)
		for j, k := 0, 2.0; j < len(s); j++ {
			s[j] *= k
			k *= 2
		}
		s[0] = math.Tanh(x)
		return s
	})
	// 1 ± x² as series at x.
	onePlus := func(x, k float64) series { return series{1 + float64(k*x*x), 2 * k * x, k} }
	at := func(f func(float64) series, s series) series { return f(s[0]).of(s) }
	pow := func(c float64) func(float64) series { return func(x float64) series { return power(x, c) } }
	unary("asin", func(x float64) series { return at(pow(-0.5), onePlus(x, -1)).integral(math.Asin(x)) })
	unary("acos", func(x float64) series { return at(pow(-0.5), onePlus(x, -1)).scale(-1).integral(math.Acos(x)) })
	unary("atan", func(x float64) series { return at(pow(-1), onePlus(x, 1)).integral(math.Atan(x)) })
	unary("atan_derivative", func(x float64) series { return at(pow(-1), onePlus(x, 1)) })
	unary("asinh", func(x float64) series { return at(pow(-0.5), onePlus(x, 1)).integral(math.Asinh(x)) })
	unary("acosh", func(x float64) series {
		if x < 1 {
			return nans()
		}
		return at(pow(-0.5), series{(x - 1) * (x + 1), 2 * x, 1}).integral(math.Acosh(x))
	})
	unary("atanh", func(x float64) series {
		if math.Abs(x) > 1 {
			return nans()
		}
		return at(pow(-1), onePlus(x, -1)).integral(math.Atanh(x))
	})
	unary("sigmoid", sigmoid)
	unary("sigmoid_derivative", func(x float64) series {
		s := sigmoid(-x)
		for j := 1; j < len(s); j += 2 {
			s[j] = -s[j]
		}
		return sigmoid(x).mul(s)
	})
	unary("softplus", func(x float64) series { return sigmoid(x).integral(reference("softplus", nil, x)) })
	unary("log_sigmoid", func(x float64) series {
		s := sigmoid(-x)
		for j := 1; j < len(s); j += 2 {
			s[j] = -s[j]
		}
		return s.integral(-reference("softplus", nil, -x))
	})
	unary("logit", func(x float64) series {
		return at(pow(-1), series{x * (1 - x), 1 - 2*x, -1}).integral(reference("logit", nil, x))
	})
	unary("erf", func(x float64) series { return gauss(x, 2/math.Sqrt(math.Pi)).integral(math.Erf(x)) })
	unary("erfc", func(x float64) series { return gauss(x, -2/math.Sqrt(math.Pi)).integral(math.Erfc(x)) })
	unary("erfinv", func(x float64) series {
		return ode(math.Erfinv(x), func(y series) series {
			sq := y.mul(y)
			return exponential(sq[0]).of(sq).scale(math.Sqrt(math.Pi) / 2)
		})
	})
	polygammas := func(n int, x float64) (s series) {
		factorial := 1.0
		for j := range s {
			s[j] = reference("polygamma", nil, float64(n+j), x) / factorial
			factorial *= float64(j + 1)
		}
		return s
	}
	unary("digamma", func(x float64) series { return polygammas(0, x) })
	unary("lgamma", func(x float64) series { v, _ := math.Lgamma(x); return polygammas(0, x).integral(v) })
	elements["polygamma"] = func(_ *graph.Node, x []Number) Number {
		return x[1].compose(polygammas(int(x[0][0]), x[1][0]))
	}
	unary("relu", func(x float64) series {
		switch {
		case x > 0:
			return series{x, 1}
		case x <= 0:
			return series{}
		}
		return nans()
	})
	elements["leaky_relu"] = func(n *graph.Node, x []Number) Number {
		if x[0][0] > 0 {
			return x[0]
		}
		return x[0].scale(n.Attrs().Float("alpha"))
	}
	elements["elu"] = func(n *graph.Node, x []Number) Number {
		if x[0][0] > 0 {
			return x[0]
		}
		s := exponential(x[0][0])
		s[0] = math.Expm1(x[0][0])
		return x[0].compose(s.scale(n.Attrs().Float("alpha")))
	}
	unary("silu", func(x float64) series { return variable(x).mul(sigmoid(x)) })
	elements["gelu"] = func(n *graph.Node, x []Number) Number {
		v := x[0][0]
		if n.Attrs().Bool("tanh") {
			const k = 2 * 0.7978845608028654
			cube := variable(v).mul(variable(v)).mul(variable(v))
			u := cube.scale(k * 0.044715)
			u[0] += float64(k * v)
			u[1] += k
			return x[0].compose(variable(v).mul(at(sigmoid, u)))
		}
		sq := variable(v).mul(variable(v)).scale(-0.5)
		cdf := exponential(sq[0]).of(sq).scale(1 / math.Sqrt(2*math.Pi)).integral(math.Erfc(-v/math.Sqrt2) / 2)
		return x[0].compose(variable(v).mul(cdf))
	}
	elements["sinc"] = func(n *graph.Node, x []Number) Number {
		k, v := n.Attrs().Int("order"), x[0][0]
		s := sinc(k, v)
		if k == 0 && v != 0 && v == math.Trunc(v) {
			s[0] = 0
		}
		return x[0].compose(s)
	}
	unary("bessel_i0e", func(x float64) series { return besselI(0, x) })
	unary("bessel_i1e", func(x float64) series { return besselI(1, x) })

	elements["add"] = func(_ *graph.Node, x []Number) Number { return x[0].add(x[1]) }
	elements["sub"] = func(_ *graph.Node, x []Number) Number { return x[0].sub(x[1]) }
	product := func(_ *graph.Node, x []Number) Number {
		c := x[0].mul(x[1])
		c[0] = x[0][0] * x[1][0]
		return c
	}
	elements["mul"] = product
	elements["mul_no_nan"] = func(_ *graph.Node, x []Number) Number { return x[0].mul(x[1]) }
	elements["fma"] = func(_ *graph.Node, x []Number) Number { return product(nil, x).add(x[2]) }
	elements["div"] = func(_ *graph.Node, x []Number) Number { return x[0].div(x[1]) }
	elements["lerp"] = func(_ *graph.Node, x []Number) Number { return x[0].add(product(nil, []Number{x[2], x[1].sub(x[0])})) }
	elements["where"] = func(_ *graph.Node, x []Number) Number {
		if x[0][0] != 0 {
			return x[1]
		}
		return x[2]
	}
	// The quotient is whole, and constant between its steps.
	whole := func(op string) func(n *graph.Node, x []Number) Number {
		return func(_ *graph.Node, x []Number) Number {
			r := reference(op, nil, x[0][0], x[1][0])
			c := x[0].sub(x[1].scale(math.Round((x[0][0] - r) / x[1][0])))
			c[0] = r
			return c
		}
	}
	elements["mod"], elements["remainder"] = whole("mod"), whole("remainder")
	elements["pow"] = func(n *graph.Node, x []Number) Number {
		a, b := x[0][0], x[1][0]
		moving := false
		for _, c := range x[1][1:] {
			moving = moving || c != 0
		}
		var c Number
		switch {
		case !moving:
			c = x[0].compose(power(a, b))
		case a == 0 && b > 0:
			c = x[0].nan() // not smooth
		default:
			c = x[0].compose(logarithm(a)).mul(x[1])
			c = c.compose(exponential(c[0]))
		}
		c[0] = math.Pow(a, b)
		return c
	}
	extremum := func(less bool) func(_ *graph.Node, x []Number) Number {
		return func(_ *graph.Node, x []Number) Number {
			a, b := x[0], x[1]
			switch {
			case a[0] == b[0]:
				c := a.add(b).scale(0.5)
				c[0] = a[0]
				return c
			case isNaN(a[0]) || isNaN(b[0]):
				return a.nan()
			case (a[0] < b[0]) == less:
				return a
			}
			return b
		}
	}
	elements["min"], elements["max"] = extremum(true), extremum(false)
	elements["clip"] = func(_ *graph.Node, x []Number) Number {
		v, low, high := x[0][0], x[1][0], x[2][0]
		switch {
		case low <= v && v <= high:
			return x[0]
		case v < low && low <= high:
			return x[1]
		}
		return x[2]
	}
	elements["copysign"] = func(_ *graph.Node, x []Number) Number {
		s := math.Copysign(1, x[1][0])
		c := x[0].compose(series{math.Abs(x[0][0]), sign(x[0][0])}).scale(s)
		return c
	}
	elements["hypot"] = func(_ *graph.Node, x []Number) Number {
		r := math.Hypot(x[0][0], x[1][0])
		if r == 0 {
			return x[0].of(0)
		}
		sq := x[0].mul(x[0]).add(x[1].mul(x[1]))
		c := sq.compose(power(sq[0], 0.5))
		c[0] = r
		return c
	}
	elements["atan2"] = func(_ *graph.Node, x []Number) Number {
		// The angle from the point itself: the arcus tangent of a number whose value is 0.
		y0, x0 := x[0][0], x[1][0]
		across, along := x[0].scale(x0).sub(x[1].scale(y0)), x[1].scale(x0).add(x[0].scale(y0))
		across[0] = 0
		c := across.div(along)
		c = c.compose(at(pow(-1), onePlus(0, 1)).integral(0))
		c[0] = math.Atan2(y0, x0)
		return c
	}
	xlog := func(name string, log func(Number) Number) {
		elements[name] = func(_ *graph.Node, x []Number) Number {
			c := x[0].mul(log(x[1]))
			c[0] = reference(name, nil, x[0][0], x[1][0])
			return c
		}
	}
	xlog("xlogy", func(y Number) Number { return y.compose(logarithm(y[0])) })
	xlog("xlog1py", func(y Number) Number {
		if y[0] < -1 {
			return y.compose(nans())
		}
		return y.compose(power(1+y[0], -1).integral(math.Log1p(y[0])))
	})
	elements["logaddexp"] = func(_ *graph.Node, x []Number) Number {
		// x + softplus(y − x)
		d := x[1].sub(x[0])
		c := x[0].add(d.compose(sigmoid(d[0]).integral(0)))
		c[0] = reference("logaddexp", nil, x[0][0], x[1][0])
		return c
	}
	elements["huber"] = func(n *graph.Node, x []Number) Number {
		d, delta := x[0].sub(x[1]), n.Attrs().Float("delta")
		if math.Abs(d[0]) <= delta {
			return d.mul(d).scale(0.5)
		}
		return d.scale(sign(d[0])).sub(d.of(delta / 2)).scale(delta)
	}
	elements["sigmoid_cross_entropy"] = func(_ *graph.Node, x []Number) Number {
		v := x[0][0]
		// softplus(x) − p·x
		c := x[0].compose(sigmoid(v).integral(0)).sub(product(nil, []Number{x[0], x[1]}))
		c[0] = reference("sigmoid_cross_entropy", nil, v, x[1][0])
		return c
	}
}

// sinc has the coefficients of derivative k of sin(πx)/(πx): the power series Σ (−1)ʲ(πx)^(2j)/(2j+1)!, differentiated term by term, which at |x| ≤ 3
// cancels three digits.
func sinc(k int, x float64) (s series) {
	if x-x != 0 {
		return nans()
	}
	if math.Abs(x) > 3 && k == 0 {
		// sin(πx) without the rounding of πx, over πx.
		whole := math.RoundToEven(x)
		r := math.Pi * (x - whole)
		sgn := 1 - 2*math.Mod(math.Abs(whole), 2)
		s = circular(sgn*math.Sin(r), sgn*math.Cos(r), -1)
		for j, p := 0, 1.0; j < len(s); j++ {
			s[j] *= p
			p *= math.Pi
		}
		return s.mul(power(x, -1)).scale(1 / math.Pi)
	}
	factorial := 1.0
	for i := range s {
		if i > 0 {
			factorial *= float64(i)
		}
		d, c := k+i, 1.0 // c is (−1)ʲπ^(2j)/(2j+1)!
		for j := range 40 {
			if 2*j >= d {
				falling := 1.0
				for m := range d {
					falling *= float64(2*j - m)
				}
				s[i] += c * falling * math.Pow(x, float64(2*j-d)) / factorial
			}
			c *= -math.Pi * math.Pi / float64((2*j+2)*(2*j+3))
		}
	}
	return s
}

// besselI is e^(−|x|)·I_n(x) for n 0 or 1 by the differential equation x²y″ + xy′ − (x² + n²)y = 0 and, at 0, the power series; sign(0) is 0.
func besselI(n int, x float64) series {
	var y series
	if x == 0 {
		if n == 0 {
			y = series{1, 0, 1. / 4, 0, 1. / 64}
		} else {
			y = series{0, 1. / 2, 0, 1. / 16, 0}
		}
		return y
	}
	i0, i1 := reference("bessel_i0e", nil, x), reference("bessel_i1e", nil, x)
	y = series{i0, i1}
	if n == 1 {
		y = series{i1, i0 - i1/x}
	}
	// The coefficients of t^k in the equation at x + t.
	v := float64(n * n)
	get := func(k int) float64 {
		if k < 0 {
			return 0
		}
		return y[k]
	}
	for k := 0; k+2 < len(y); k++ {
		f := float64(k)
		// x²(k+2)(k+1)y_(k+2) + 2x(k+1)k·y_(k+1) + k(k−1)y_k + x(k+1)y_(k+1) + k·y_k − (x² + n²)y_k − 2x·y_(k−1) − y_(k−2) = 0
		rest := float64(2*x*(f+1)*f*get(k+1)) + float64(f*(f-1)*get(k)) + float64(x*(f+1)*get(k+1)) + float64(f*get(k)) - float64((float64(x*x)+v)*get(k)) - float64(2*x*get(k-1)) - get(k-2)
		y[k+2] = -rest / (x * x * (f + 2) * (f + 1))
	}
	// I_n = y·e^|x| and the scaled function is y·e^(−s·t) here.
	s := -sign(x)
	e := series{1}
	for j := 1; j < len(e); j++ {
		e[j] = e[j-1] * s / float64(j)
	}
	return y.mul(e)
}
