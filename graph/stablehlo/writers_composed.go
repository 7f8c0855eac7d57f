package stablehlo

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// unwritten are the operators of graphs that StableHLO and CHLO cannot express, by the reason.
var unwritten = map[string]string{}

func init() {
	for reason, names := range map[string]string{
		"StableHLO has no factorisation of matrices but Cholesky's: frameworks call LAPACK":      "cofactor cofactor_derivative det eig eigh expm inv lstsq lu lyapunov nuclear_norm pinv polar_factor qr slogdet solve svd tridiagonal_solve",
		"neither StableHLO nor CHLO has this special function":                                   "bessel_i bessel_i0e bessel_i0e_derivative bessel_j bessel_k bessel_ke bessel_y betainc betainc_derivative erfcx igamma igamma_derivative igammac log_ndtr ndtri",
		"its generator of random numbers is not StableHLO's: draw them outside and hand them in": "dropout random_bernoulli random_bits random_categorical random_fold_in random_gamma random_gumbel random_normal random_split random_uniform",
		"StableHLO has no sparse matrices":                                                       "csr_matmul csr_sampled_matmul csr_solve",
		"the compiler makes it":                                                                  "overlay",
		"StableHLO has no errors of a run":                                                       "require",
		"there is no rule for it: its search and its weights would be a program of their own":    "interp",
	} {
		for name := range words(names) {
			unwritten[name] = reason
		}
	}
	for name, f := range map[string]func(w *writer, n *graph.Node) val{
		"fft": fourier("FFT"), "ifft": fourier("IFFT"),
		"rfft": func(w *writer, n *graph.Node) val {
			x, axis := w.Of(n.Input(0))[0], n.Attrs().Int("axis")
			length := x.t.Shape[axis]
			x = w.swapped(x, axis, len(x.t.Shape)-1)
			s := slices.Clone(x.t.Shape)
			s[len(s)-1] = length/2 + 1
			y := val{w.fresh(), graph.Type{DType: x.t.DType, Shape: s}}
			w.line("%s = stablehlo.fft %s, type = RFFT, length = [%d] : (%s) -> %s", y.name, x.name, length, typeText(x.t), complexText(y.t))
			return w.swapped(w.pair(y), axis, len(s)-1)
		},
		"irfft": func(w *writer, n *graph.Node) val {
			x, axis, length := w.Of(n.Input(0))[0], n.Attrs().Int("axis"), n.Attrs().Int("n")
			last := len(x.t.Shape) - 2
			c := w.complex(w.swapped(x, axis, last))
			s := slices.Clone(c.t.Shape)
			s[last] = length
			y := val{w.fresh(), graph.Type{DType: c.t.DType, Shape: s}}
			w.line("%s = stablehlo.fft %s, type = IRFFT, length = [%d] : (%s) -> %s", y.name, c.name, length, complexText(c.t), typeText(y.t))
			return w.swapped(y, axis, last)
		},
		"ldexp": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			return w.scaled(x[0], w.choose(w.compare("LT", x[1], w.like(x[1], 0)), w.do("ceil", x[1]), w.do("floor", x[1])))
		},
		"exponent": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)[0]
			a := w.do("abs", x)
			none := w.do("or", w.compare("EQ", a, w.like(a, 0)), w.do("not", w.put(graph.Type{DType: graph.Bool, Shape: a.t.Shape}, "is_finite", "", a)))
			a = w.choose(none, w.like(a, 1), a)
			e := w.do("floor", w.do("divide", w.do("log", a), w.like(a, math.Ln2))) // or one off
			r := w.scaled(a, w.do("negate", e))
			one := w.like(a, 1)
			e = w.choose(w.compare("GE", r, w.like(r, 2)), w.do("add", e, one), w.choose(w.compare("LT", r, one), w.do("subtract", e, one), e))
			return w.choose(none, w.like(a, 0), w.do("add", e, one))
		},
		"gcd": func(w *writer, n *graph.Node) val { // Euclid's
			x := w.fitted(n)
			zero := func(w *writer, v val) val { return w.compare("EQ", v, w.like(v, 0)) }
			r := w.loop(x, func(w *writer, carry []val) val {
				return w.reduce("or", w.do("not", zero(w, carry[1])), 0, others(len(n.Shape()), 0, 0))
			}, func(w *writer, carry []val) []val {
				end := zero(w, carry[1])
				rest := w.do("remainder", carry[0], w.choose(end, w.like(carry[1], 1), carry[1]))
				return []val{w.choose(end, carry[0], carry[1]), w.choose(end, carry[1], rest)}
			})
			return w.do("abs", r[0])
		},
		"searchsorted": func(w *writer, n *graph.Node) val { // counts the elements before each
			in := w.Of(n.Inputs()...)
			sorted, x := in[0], in[1]
			rank, last := len(x.t.Shape), len(sorted.t.Shape)-1
			s := append(slices.Clone(x.t.Shape), sorted.t.Shape[last])
			a, b := w.spread(sorted, s, append(others(last, 0, 0), rank)...), w.spread(x, s, others(rank, 0, 0)...)
			missing := w.compare("NE", b, b) // NaNs are the largest
			before := w.do("or", w.compare("LT", a, b), w.do("and", missing, w.compare("EQ", a, a)))
			if n.Attrs().Bool("right") {
				before = w.do("or", w.compare("LE", a, b), missing)
			}
			return w.reduce("add", w.convert(before, graph.Int64), 0, []int{rank})
		},
		"linear_recurrence": writeRecurrence,
		"cumlogsumexp": func(w *writer, n *graph.Node) val { // of all elements before each, in a square
			a, x := n.Attrs(), w.Of(n.Input(0))[0]
			axis, rank := a.Int("axis"), n.Shape().Rank()
			s := slices.Insert(slices.Clone(n.Shape()), axis+1, n.Shape()[axis])
			direction := "GE"
			switch {
			case a.Bool("reverse") && a.Bool("exclusive"):
				direction = "LT"
			case a.Bool("reverse"):
				direction = "LE"
			case a.Bool("exclusive"):
				direction = "GT"
			}
			all := w.spread(x, s, others(rank+1, axis, axis+1)...)
			all = w.choose(w.compare(direction, w.iota(graph.Int64, s, axis), w.iota(graph.Int64, s, axis+1)), all, w.like(all, math.Inf(-1)))
			most := w.reduce("maximum", all, math.Inf(-1), []int{axis + 1})
			most = w.choose(w.put(graph.Type{DType: graph.Bool, Shape: most.t.Shape}, "is_finite", "", most), most, w.like(most, 0))
			sum := w.reduce("add", w.do("exponential", w.do("subtract", all, w.spread(most, s, others(rank+1, axis+1, axis+2)...))), 0, []int{axis + 1})
			return w.do("add", most, w.do("log", sum))
		},
	} {
		writers[name] = func(w *writer, n *graph.Node) []val { return []val{f(w, n)} }
	}
}

// scaled returns x·2ᵏ for whole k, in three factors none of which is beyond the numbers.
func (w *writer) scaled(x, k val) val {
	most := 2200.0
	if x.t.DType == graph.Float32 {
		most = 300
	}
	k = w.put(k.t, "clamp", "", w.number(graph.Type{DType: k.t.DType}, -most), k, w.number(graph.Type{DType: k.t.DType}, most))
	third := w.do("floor", w.do("divide", k, w.like(k, 3)))
	two := w.like(k, 2)
	x = w.do("multiply", x, w.do("power", two, third))
	x = w.do("multiply", x, w.do("power", two, third))
	return w.do("multiply", x, w.do("power", two, w.do("subtract", k, w.do("add", third, third))))
}

// complexText is the type of complex numbers of a type's parts.
func complexText(t graph.Type) string {
	element := elementNames[t.DType]
	text := typeText(t)
	return text[:len(text)-len(element)-1] + "complex<" + element + ">>"
}

// complex makes complex numbers of pairs along the last dimension. The value's type is that of the parts.
func (w *writer) complex(x val) val {
	last := len(x.t.Shape) - 1
	var parts [2]val
	for k := range parts {
		parts[k] = w.reshape(w.cut(x, last, k, k+1), x.t.Shape[:last])
	}
	r := val{w.fresh(), parts[0].t}
	w.line("%s = stablehlo.complex %s, %s : %s", r.name, parts[0].name, parts[1].name, complexText(r.t))
	return r
}

// pair takes complex numbers apart.
func (w *writer) pair(x val) val {
	s := append(slices.Clone(x.t.Shape), 1)
	var parts []val
	for _, op := range []string{"real", "imag"} {
		p := val{w.fresh(), x.t}
		w.line("%s = stablehlo.%s %s : (%s) -> %s", p.name, op, x.name, complexText(x.t), typeText(x.t))
		parts = append(parts, w.reshape(p, s))
	}
	s = slices.Clone(s)
	s[len(s)-1] = 2
	return w.put(graph.Type{DType: x.t.DType, Shape: s}, "concatenate", fmt.Sprintf(", dim = %d", len(s)-1), parts...)
}

// swapped exchanges two dimensions.
func (w *writer) swapped(x val, a, b int) val {
	if a == b {
		return x
	}
	perm := others(len(x.t.Shape), 0, 0)
	perm[a], perm[b] = b, a
	return w.transpose(x, perm...)
}

// fourier writes a transform of pairs, of one axis after another.
func fourier(kind string) func(w *writer, n *graph.Node) val {
	return func(w *writer, n *graph.Node) val {
		x := w.Of(n.Input(0))[0]
		last := len(x.t.Shape) - 2
		for _, axis := range n.Attrs().Ints("axes") {
			c := w.complex(w.swapped(x, axis, last))
			y := val{w.fresh(), c.t}
			w.line("%s = stablehlo.fft %s, type = %s, length = [%d] : (%s) -> %s", y.name, c.name, kind, c.t.Shape[last], complexText(c.t), complexText(c.t))
			x = w.swapped(w.pair(y), axis, last)
		}
		return x
	}
}

// writeRecurrence goes along the axis in a loop.
func writeRecurrence(w *writer, n *graph.Node) val {
	in, axis, reverse := w.Of(n.Inputs()...), n.Attrs().Int("axis"), n.Attrs().Bool("reverse")
	if n.Shape().Size() == 0 {
		return in[1]
	}
	a, b := w.swapped(in[0], axis, 0), w.swapped(in[1], axis, 0)
	s := slices.Clone(b.t.Shape)
	s[0] = 1
	row := graph.Type{DType: b.t.DType, Shape: s}
	index := graph.Type{DType: graph.Int64, Shape: graph.Shape{}}
	length := b.t.Shape[0]
	r := w.loop([]val{w.number(index, 0), w.number(row, 0), w.number(b.t, 0)}, func(w *writer, carry []val) val {
		return w.compare("LT", carry[0], w.number(index, float64(length)))
	}, func(w *writer, carry []val) []val {
		at, zero := carry[0], w.number(index, 0)
		if reverse {
			at = w.do("subtract", w.number(index, float64(length-1)), at)
		}
		starts := append([]val{at}, slices.Repeat([]val{zero}, len(s)-1)...)
		take := func(x val) val {
			return w.put(row, "dynamic_slice", ", sizes = "+list(s), append([]val{x}, starts...)...)
		}
		first := w.compare("EQ", carry[0], zero)
		y := take(b)
		y = w.choose(first, y, w.do("add", w.do("multiply", take(a), carry[1]), y))
		return []val{w.do("add", carry[0], w.number(index, 1)), y, w.put(b.t, "dynamic_update_slice", "", append([]val{carry[2], y}, starts...)...)}
	})
	return w.swapped(r[2], 0, axis)
}
