package stablehlo

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// writers write the operators of graphs. They return the results; nil: expand it.
var writers map[string]func(w *writer, n *graph.Node) []val

// direct are operators that are one operation on operands of the result's shape. Those behind the dialect chlo are CHLO's.
var direct = map[string]string{
	"abs": "abs", "cbrt": "cbrt", "ceil": "ceil", "cos": "cosine", "exp": "exponential", "expm1": "exponential_minus_one", "floor": "floor", "is_finite": "is_finite", "log": "log", "log1p": "log_plus_one",
	"sigmoid": "logistic", "neg": "negate", "round": "round_nearest_even", "sign": "sign", "sin": "sine", "sqrt": "sqrt", "tan": "tan", "tanh": "tanh", "logical_not": "not",
	"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "max": "maximum", "min": "minimum", "pow": "power", "atan2": "atan2", "remainder": "remainder", "logical_and": "and", "logical_or": "or", "logical_xor": "xor",
	"bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "where": "select", "cast": "convert", "rsqrt": "rsqrt",
}

var directCHLO = map[string]string{
	"acos": "acos", "acosh": "acosh", "asin": "asin", "asinh": "asinh", "atan": "atan", "atanh": "atanh", "cosh": "cosh", "sinh": "sinh", "erf": "erf", "erfc": "erfc", "erfinv": "erf_inv", "lgamma": "lgamma",
	"digamma": "digamma", "bessel_i1e": "bessel_i1e", "zeta": "zeta", "polygamma": "polygamma", "nextafter": "next_after",
}

var writtenComparisons = map[string]string{"eq": "EQ", "ne": "NE", "lt": "LT", "le": "LE", "gt": "GT", "ge": "GE"}

// fitted returns the operands broadcast to the result's shape.
func (w *writer) fitted(n *graph.Node) []val {
	all := w.Of(n.Inputs()...)
	for i := range all {
		all[i] = w.fit(all[i], n.Shape())
	}
	return all
}

func init() {
	writers = map[string]func(w *writer, n *graph.Node) []val{
		"top_k": writeTopK, "max_pool": writeMaxPool, "scan": writeScan, "while": writeWhile, "switch": writeSwitch,
	}
	for name, op := range direct {
		writers[name] = func(w *writer, n *graph.Node) []val { return []val{w.put(n.Type(), op, "", w.fitted(n)...)} }
	}
	for name, op := range directCHLO {
		writers[name] = func(w *writer, n *graph.Node) []val { return []val{w.chlo(n.Type(), op, w.fitted(n)...)} }
	}
	for name, direction := range writtenComparisons {
		writers[name] = func(w *writer, n *graph.Node) []val {
			in := w.fitted(n)
			return []val{w.compare(direction, in[0], in[1])}
		}
	}
	for name, f := range map[string]func(w *writer, n *graph.Node) val{
		"stop_gradient": func(w *writer, n *graph.Node) val { return w.Of(n.Input(0))[0] },
		"copy":          func(w *writer, n *graph.Node) val { return w.Of(n.Input(0))[0] },
		"identity":      func(w *writer, n *graph.Node) val { return w.Of(n.Input(0))[0] },
		"is_nan": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)[0]
			return w.compare("NE", x, x)
		},
		"square": func(w *writer, n *graph.Node) val { x := w.fitted(n)[0]; return w.do("multiply", x, x) },
		"exp2":   func(w *writer, n *graph.Node) val { x := w.fitted(n)[0]; return w.do("power", w.like(x, 2), x) },
		"log2": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)[0]
			return w.do("divide", w.do("log", x), w.like(x, math.Ln2))
		},
		"log10": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)[0]
			return w.do("divide", w.do("log", x), w.like(x, math.Ln10))
		},
		"trunc": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)[0]
			return w.choose(w.compare("LT", x, w.like(x, 0)), w.do("ceil", x), w.do("floor", x))
		},
		"softplus": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)[0]
			small := w.do("log_plus_one", w.do("exponential", w.do("negate", w.do("abs", x))))
			return w.do("add", w.do("maximum", x, w.like(x, 0)), small)
		},
		"fma": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			return w.do("add", w.do("multiply", x[0], x[1]), x[2])
		},
		"mul_no_nan": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			zero := w.like(x[0], 0)
			either := w.do("or", w.compare("EQ", x[0], zero), w.compare("EQ", x[1], zero))
			return w.choose(either, zero, w.do("multiply", x[0], x[1]))
		},
		"hypot": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			a, b := w.do("abs", x[0]), w.do("abs", x[1])
			large, small := w.do("maximum", a, b), w.do("minimum", a, b)
			q := w.do("divide", small, large)
			r := w.do("multiply", large, w.do("sqrt", w.do("add", w.like(q, 1), w.do("multiply", q, q))))
			end := w.do("or", w.compare("EQ", large, w.like(large, 0)), w.compare("EQ", large, w.like(large, math.Inf(1))))
			return w.choose(end, large, r)
		},
		"copysign": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			a, zero := w.do("abs", x[0]), w.like(x[0], 0)
			negative := w.do("or", w.compare("LT", x[1], zero), w.compare("LT", w.do("divide", w.like(x[1], 1), x[1]), zero))
			return w.choose(negative, w.do("negate", a), a)
		},
		"mod": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			r, zero := w.do("remainder", x[0], x[1]), w.like(x[0], 0)
			other := w.do("and", w.compare("NE", r, zero), w.do("xor", w.compare("LT", r, zero), w.compare("LT", x[1], zero)))
			return w.choose(other, w.do("add", r, x[1]), r)
		},
		"clip": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			return w.put(n.Type(), "clamp", "", x[1], x[0], x[2])
		},
		"shift_left":  func(w *writer, n *graph.Node) val { return w.shift(n, "shift_left") },
		"shift_right": func(w *writer, n *graph.Node) val { return w.shift(n, "shift_right_arithmetic") },

		"reduce_sum": reduction("add", func(graph.DType) float64 { return 0 }),
		"reduce_max": reduction("maximum", least), "reduce_min": reduction("minimum", most),
		"reduce_any": reduction("or", func(graph.DType) float64 { return 0 }), "reduce_all": reduction("and", func(graph.DType) float64 { return 1 }),
		"argmax": func(w *writer, n *graph.Node) val { return w.extreme(n, "GT", least) },
		"argmin": func(w *writer, n *graph.Node) val { return w.extreme(n, "LT", most) },
		"sort": func(w *writer, n *graph.Node) val {
			return w.sorted(w.Of(n.Input(0))[0], n.Attrs().Int("axis"), n.Attrs().Bool("descending"), false)[0]
		},
		"argsort": func(w *writer, n *graph.Node) val {
			return w.sorted(w.Of(n.Input(0))[0], n.Attrs().Int("axis"), n.Attrs().Bool("descending"), true)[1]
		},
		"cumsum": cumulative("add", func(graph.DType) float64 { return 0 }), "cumprod": cumulative("multiply", func(graph.DType) float64 { return 1 }),
		"cummax": cumulative("maximum", least), "cummin": cumulative("minimum", most),

		"reshape":      func(w *writer, n *graph.Node) val { return w.reshape(w.Of(n.Input(0))[0], n.Shape()) },
		"broadcast_to": func(w *writer, n *graph.Node) val { return w.fit(w.Of(n.Input(0))[0], n.Shape()) },
		"transpose":    func(w *writer, n *graph.Node) val { return w.transpose(w.Of(n.Input(0))[0], n.Attrs().Ints("perm")...) },
		"slice": func(w *writer, n *graph.Node) val {
			a, x := n.Attrs(), w.Of(n.Input(0))[0]
			begin, end, step := slices.Clone(a.Ints("starts")), slices.Clone(a.Ints("limits")), slices.Clone(a.Ints("strides"))
			var back []int
			for i, s := range step {
				switch e := n.Shape()[i]; {
				case e == 0:
					begin[i], end[i], step[i] = 0, 0, 1
				case s < 0:
					begin[i], end[i], step[i] = begin[i]+(e-1)*s, begin[i]+1, -s
					back = append(back, i)
				}
			}
			x = w.slice(x, begin, end, step)
			if len(back) > 0 {
				x = w.put(x.t, "reverse", ", dims = "+list(back), x)
			}
			return x
		},
		"reverse": func(w *writer, n *graph.Node) val {
			return w.put(n.Type(), "reverse", ", dims = "+list(n.Attrs().Ints("axes")), w.Of(n.Input(0))...)
		},
		"concat": func(w *writer, n *graph.Node) val {
			return w.put(n.Type(), "concatenate", fmt.Sprintf(", dim = %d", n.Attrs().Int("axis")), w.Of(n.Inputs()...)...)
		},
		"pad": func(w *writer, n *graph.Node) val {
			a := n.Attrs()
			return w.pad(w.Of(n.Input(0))[0], w.number(graph.Type{DType: n.DType()}, a.Float("value")), a.Ints("low"), a.Ints("high"), make([]int, n.Shape().Rank()))
		},
		"index": func(w *writer, n *graph.Node) val {
			x := w.Of(n.Input(0))[0]
			begin, end := make([]int, len(x.t.Shape)), slices.Clone([]int(x.t.Shape))
			for i, k := range n.Attrs().Ints("indices") {
				begin[i], end[i] = k, k+1
			}
			return w.reshape(w.slice(x, begin, end, slices.Repeat([]int{1}, len(begin))), n.Shape())
		},
		"index_transpose": func(w *writer, n *graph.Node) val {
			at, rank := n.Attrs().Ints("indices"), n.Shape().Rank()
			lead := len(at) / len(n.Inputs())
			return w.placed(n, func(k int) (starts, strides []int) {
				starts = make([]int, rank)
				copy(starts, at[k*lead:(k+1)*lead])
				return starts, slices.Repeat([]int{1}, rank)
			}, lead)
		},
		"slice_transpose": func(w *writer, n *graph.Node) val {
			a, rank := n.Attrs(), n.Shape().Rank()
			return w.placed(n, func(k int) (starts, strides []int) {
				return a.Ints("starts")[k*rank : (k+1)*rank], a.Ints("strides")[k*rank : (k+1)*rank]
			}, 0)
		},
		"iota":   func(w *writer, n *graph.Node) val { return w.iota(n.DType(), n.Shape(), n.Attrs().Int("axis")) },
		"tril":   func(w *writer, n *graph.Node) val { return w.triangle(n, "GE") },
		"triu":   func(w *writer, n *graph.Node) val { return w.triangle(n, "LE") },
		"gather": writeGather, "take_along_axis": writeTakeAlongAxis,
		"scatter_set": scatter(""), "scatter_add_to": scatter("add"), "scatter_mul": scatter("multiply"), "scatter_max": scatter("maximum"), "scatter_min": scatter("minimum"),
		"scatter_add": func(w *writer, n *graph.Node) val {
			return w.scattered(w.number(n.Type(), 0), n.Input(0), n.Input(1), n.Attrs().Int("axis"), "add")
		},
		"scatter_along_axis_add": writeScatterAlongAxisAdd,
		"segment_sum":            segments("add", func(graph.DType) float64 { return 0 }), "segment_prod": segments("multiply", func(graph.DType) float64 { return 1 }),
		"segment_max": segments("maximum", least), "segment_min": segments("minimum", most),
		"diag": writeDiag, "diag_part": writeDiagPart, "norm_of_squares": writeNorm,
		"gap_divide": func(w *writer, n *graph.Node) val {
			x := w.fitted(n)
			return w.choose(w.compare("EQ", x[1], w.like(x[1], 0)), w.like(x[0], 0), w.do("divide", x[0], x[1]))
		},
		"one_hot": func(w *writer, n *graph.Node) val {
			axis, i := n.Attrs().Int("axis"), w.Of(n.Input(0))[0]
			var dims []int
			for d := range n.Shape() {
				if d != axis {
					dims = append(dims, d)
				}
			}
			t := graph.Type{DType: i.t.DType, Shape: n.Shape()}
			return w.convert(w.compare("EQ", w.spread(i, n.Shape(), dims...), w.iota(t.DType, t.Shape, axis)), n.DType())
		},
		"dynamic_slice": func(w *writer, n *graph.Node) val {
			sizes := n.Attrs().Ints("sizes")
			in := append(w.Of(n.Input(0)), w.begin(n.Input(1), n.Shape().Rank())...)
			return w.put(n.Type(), "dynamic_slice", ", sizes = "+list(sizes), in...)
		},
		"dynamic_update_slice": func(w *writer, n *graph.Node) val {
			return w.put(n.Type(), "dynamic_update_slice", "", append(w.Of(n.Input(0), n.Input(1)), w.begin(n.Input(2), n.Shape().Rank())...)...)
		},
		"dot_general": func(w *writer, n *graph.Node) val {
			a, x := n.Attrs(), w.Of(n.Inputs()...)
			return w.dot(n.Type(), x[0], x[1], a.Ints("contract_a"), a.Ints("contract_b"), a.Ints("batch_a"), a.Ints("batch_b"))
		},
		"matmul": writeMatMul,
		"conv": func(w *writer, n *graph.Node) val {
			a, x := n.Attrs(), w.Of(n.Inputs()...)
			return w.convolved(n.Type(), x[0], x[1], a.Ints("strides"), a.Ints("padding"), nil, a.Ints("dilation"), a.Int("groups"), 1, false)
		},
		"cholesky": func(w *writer, n *graph.Node) val {
			l := w.put(n.Type(), "cholesky", ", lower = true", w.Of(n.Input(0))...) // whose other triangle is not defined
			row, column := w.iota(graph.Int64, n.Shape(), n.Shape().Rank()-2), w.iota(graph.Int64, n.Shape(), n.Shape().Rank()-1)
			return w.choose(w.compare("GE", row, column), l, w.like(l, 0))
		},
		"triangular_solve": func(w *writer, n *graph.Node) val {
			a, x := n.Attrs(), w.Of(n.Inputs()...)
			lead := n.Shape()[:n.Shape().Rank()-2]
			for i := range x {
				x[i] = w.fit(x[i], slices.Concat(lead, x[i].t.Shape[len(x[i].t.Shape)-2:]))
			}
			how := "NO_TRANSPOSE"
			if a.Bool("transpose") {
				how = "TRANSPOSE"
			}
			return w.generic([]graph.Type{n.Type()}, "triangular_solve", fmt.Sprintf("left_side = true, lower = %t, transpose_a = #stablehlo<transpose %s>, unit_diagonal = %t", a.Bool("lower"), how, a.Bool("unit")), x)[0]
		},
		"conv_input_grad": writeConvInputGrad, "conv_filter_grad": writeConvFilterGrad,
		"avg_pool": func(w *writer, n *graph.Node) val {
			p := poolOf(n, n.Input(0).Shape())
			return w.do("divide", w.windows("add", w.Of(n.Input(0))[0], 0, p.size, p.strides, p.dilation, p.padding, n.Shape()), w.poolCounts(n, p, n.Input(0).Shape(), n.Shape()))
		},
		"avg_pool_grad": func(w *writer, n *graph.Node) val {
			p, y := poolOf(n, n.Shape()), w.Of(n.Input(0))[0]
			y = w.do("divide", y, w.poolCounts(n, p, n.Shape(), y.t.Shape))
			low, high, inner := make([]int, len(p.size)), make([]int, len(p.size)), make([]int, len(p.size))
			for i, k := range p.size {
				inner[i] = p.strides[i] - 1
				low[i] = k - 1 - p.padding[2*i]
				high[i] = n.Shape()[i] + k - 1 - low[i] - (y.t.Shape[i]-1)*p.strides[i] - 1
			}
			y = w.pad(y, w.number(graph.Type{DType: n.DType()}, 0), low, high, inner)
			one := slices.Repeat([]int{1}, len(p.size))
			return w.windows("add", y, 0, p.size, one, one, make([]int, 2*len(p.size)), n.Shape())
		},
	} {
		writers[name] = func(w *writer, n *graph.Node) []val { return []val{f(w, n)} }
	}
}

// most returns the largest number of a dtype.
func most(d graph.DType) float64 {
	switch d {
	case graph.Int32:
		return math.MaxInt32
	case graph.Int64:
		return math.MaxInt64
	}
	return math.Inf(1)
}

// shift writes a shift: beyond the bits, StableHLO's are the same as those here, but for negative distances.
func (w *writer) shift(n *graph.Node, op string) val {
	x := w.fitted(n)
	bits := float64(8*n.DType().Size() - 1)
	far := w.do("or", w.compare("LT", x[1], w.like(x[1], 0)), w.compare("GT", x[1], w.like(x[1], bits)))
	near := w.do(op, x[0], w.choose(far, w.like(x[1], 0), x[1]))
	beyond := w.like(x[0], 0)
	if op != "shift_left" {
		beyond = w.do(op, x[0], w.like(x[0], bits))
	}
	return w.choose(far, beyond, near)
}

func reduction(op string, start func(d graph.DType) float64) func(w *writer, n *graph.Node) val {
	return func(w *writer, n *graph.Node) val {
		return w.reshape(w.reduce(op, w.Of(n.Input(0))[0], start(n.DType()), n.Attrs().Ints("axes")), n.Shape())
	}
}

func cumulative(op string, start func(d graph.DType) float64) func(w *writer, n *graph.Node) val {
	return func(w *writer, n *graph.Node) val {
		a, x := n.Attrs(), w.Of(n.Input(0))[0]
		axis, rank := a.Int("axis"), n.Shape().Rank()
		e := n.Shape()[axis]
		if n.Shape().Size() == 0 {
			return x
		}
		one, padding := slices.Repeat([]int{1}, rank), make([]int, 2*rank)
		size := slices.Clone(one)
		size[axis] = e
		side := 2 * axis
		if a.Bool("reverse") {
			side++
		}
		padding[side] = e - 1
		y := w.windows(op, x, start(n.DType()), size, one, one, padding, n.Shape())
		if a.Bool("exclusive") {
			low, high := make([]int, rank), make([]int, rank)
			low[axis], high[axis] = 1, -1
			if a.Bool("reverse") {
				low, high = high, low
			}
			y = w.pad(y, w.number(graph.Type{DType: n.DType()}, start(n.DType())), low, high, make([]int, rank))
		}
		return y
	}
}

// extreme writes argmax or argmin as jax does.
func (w *writer) extreme(n *graph.Node, direction string, start func(d graph.DType) float64) val {
	x, axis := w.Of(n.Input(0))[0], n.Attrs().Int("axis")
	s := slices.Delete(slices.Clone([]int(x.t.Shape)), axis, axis+1)
	index, scalar := graph.Type{DType: graph.Int64, Shape: graph.Shape{}}, graph.Type{DType: x.t.DType, Shape: graph.Shape{}}
	if x.t.DType == graph.Bool {
		x, scalar.DType = w.convert(x, graph.Int32), graph.Int32
	}
	in := []val{x, w.iota(graph.Int64, x.t.Shape, axis), w.number(scalar, start(scalar.DType)), w.number(index, 0)}
	r := w.generic([]graph.Type{{DType: x.t.DType, Shape: s}, {DType: graph.Int64, Shape: s}}, "reduce", "dimensions = "+array([]int{axis}), in, func(w *writer) (params, out []val) {
		p := w.params(scalar, index, scalar, index)
		first := w.do("or", w.compare(direction, p[0], p[2]), w.compare("NE", p[0], p[0]))
		same := w.do("and", w.compare("EQ", p[0], p[2]), w.compare("LT", p[1], p[3]))
		either := w.do("or", first, same)
		return p, []val{w.choose(first, p[0], p[2]), w.choose(either, p[1], p[3])}
	})
	return w.reshape(r[1], n.Shape())
}

// sorted sorts along an axis as jax does, zeros equal and NaNs largest, with the indices behind if they are asked for.
func (w *writer) sorted(x val, axis int, descending, indices bool) []val {
	in, results := []val{x}, []graph.Type{x.t}
	if indices {
		i := w.iota(graph.Int64, x.t.Shape, axis)
		in, results = append(in, i), append(results, i.t)
	}
	direction := "LT"
	if descending {
		direction = "GT"
	}
	return w.generic(results, "sort", fmt.Sprintf("dimension = %d : i64, is_stable = true", axis), in, func(w *writer) (params, out []val) {
		for _, v := range in {
			t := graph.Type{DType: v.t.DType, Shape: graph.Shape{}}
			params = append(params, w.params(t, t)...)
		}
		sides := slices.Clone(params[:2])
		if x.t.DType.IsFloat() {
			for k, side := range sides {
				zero := w.compare("EQ", side, w.like(side, 0))
				v := w.choose(zero, w.like(side, 0), side)
				missing := w.compare("NE", side, side)
				nan := "0x7FF8000000000000" // jax's, not Go's
				if x.t.DType == graph.Float32 {
					nan = "0x7FC00000"
				}
				sides[k] = w.choose(missing, w.dense(side.t, nan), v)
			}
			r := val{w.fresh(), graph.Type{DType: graph.Bool, Shape: graph.Shape{}}}
			w.line("%s = stablehlo.compare %s, %s, TOTALORDER : (%s) -> %s", r.name, direction, names(sides), types(sides), typeText(r.t))
			return params, []val{r}
		}
		return params, []val{w.compare(direction, sides[0], sides[1])}
	})
}

func writeTopK(w *writer, n *graph.Node) []val {
	a := n.Attrs()
	axis := a.Int("axis")
	r := w.sorted(w.Of(n.Input(0))[0], axis, !a.Bool("smallest"), true)
	return []val{w.cut(r[0], axis, 0, a.Int("k")), w.cut(r[1], axis, 0, a.Int("k"))}
}

// placed adds up operands that are placed into zeros with strides; lead is the number of dimensions that they lack.
func (w *writer) placed(n *graph.Node, at func(k int) (starts, strides []int), lead int) val {
	s := n.Shape()
	zero := w.number(graph.Type{DType: n.DType()}, 0)
	var sum val
	for k, x := range w.Of(n.Inputs()...) {
		x = w.reshape(x, slices.Concat(slices.Repeat([]int{1}, lead), []int(x.t.Shape)))
		low, strides := at(k)
		low, strides = slices.Clone(low), slices.Clone(strides)
		var back []int
		for i, e := range x.t.Shape {
			if strides[i] < 0 {
				low[i], strides[i], back = low[i]+max(0, e-1)*strides[i], -strides[i], append(back, i)
			}
		}
		if len(back) > 0 {
			x = w.put(x.t, "reverse", ", dims = "+list(back), x)
		}
		high, inner := make([]int, len(s)), make([]int, len(s))
		for i, e := range x.t.Shape {
			inner[i] = strides[i] - 1
			high[i] = s[i] - low[i] - e - max(0, e-1)*inner[i]
		}
		x = w.pad(x, zero, low, high, inner)
		if k == 0 {
			sum = x
		} else {
			sum = w.do("add", sum, x)
		}
	}
	return sum
}

// triangle keeps the elements whose row + k compares with the column.
func (w *writer) triangle(n *graph.Node, direction string) val {
	x, rank := w.Of(n.Input(0))[0], n.Shape().Rank()
	row := w.iota(graph.Int64, n.Shape(), rank-2)
	row = w.do("add", row, w.like(row, float64(n.Attrs().Int("k"))))
	return w.choose(w.compare(direction, row, w.iota(graph.Int64, n.Shape(), rank-1)), x, w.like(x, 0))
}

// normalised counts negative indices from the end.
func (w *writer) normalised(i val, extent int) val {
	return w.choose(w.compare("LT", i, w.like(i, 0)), w.do("add", i, w.like(i, float64(extent))), i)
}

// others returns the numbers below rank without those in [from, to).
func others(rank, from, to int) []int {
	all := []int{}
	for i := range rank {
		if i < from || i >= to {
			all = append(all, i)
		}
	}
	return all
}

func writeGather(w *writer, n *graph.Node) val {
	x, i, axis := w.Of(n.Input(0))[0], w.Of(n.Input(1))[0], n.Attrs().Int("axis")
	sizes := slices.Clone([]int(x.t.Shape))
	sizes[axis] = 1
	lead := len(i.t.Shape)
	attributes := fmt.Sprintf("dimension_numbers = #stablehlo.gather<offset_dims = %s, collapsed_slice_dims = [%d], start_index_map = [%d], index_vector_dim = %d>, indices_are_sorted = false, slice_sizes = %s",
		list(others(n.Shape().Rank(), axis, axis+lead)), axis, axis, lead, array(sizes))
	return w.generic([]graph.Type{n.Type()}, "gather", attributes, []val{x, w.normalised(i, x.t.Shape[axis])})[0]
}

func writeTakeAlongAxis(w *writer, n *graph.Node) val {
	x, i, axis := w.Of(n.Input(0))[0], w.Of(n.Input(1))[0], n.Attrs().Int("axis")
	s := slices.Clone(n.Shape())
	i = w.fit(i, s)
	s[axis] = x.t.Shape[axis]
	x = w.fit(x, s)
	if !n.Attrs().Bool("from_start") {
		i = w.normalised(i, s[axis])
	}
	rank := len(s)
	rest := list(others(rank, axis, axis+1))
	attributes := fmt.Sprintf("dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [%d], operand_batching_dims = %s, start_indices_batching_dims = %s, start_index_map = [%d], index_vector_dim = %d>, indices_are_sorted = false, slice_sizes = %s",
		axis, rest, rest, axis, rank, array(slices.Repeat([]int{1}, rank)))
	return w.generic([]graph.Type{n.Type()}, "gather", attributes, []val{x, i})[0]
}

func scatter(op string) func(w *writer, n *graph.Node) val {
	return func(w *writer, n *graph.Node) val {
		return w.scattered(w.Of(n.Input(0))[0], n.Input(1), n.Input(2), n.Attrs().Int("axis"), op)
	}
}

func segments(op string, start func(d graph.DType) float64) func(w *writer, n *graph.Node) val {
	return func(w *writer, n *graph.Node) val {
		return w.scattered(w.number(n.Type(), start(n.DType())), n.Input(1), n.Input(0), 0, op)
	}
}

// diagonal is where the column is the row + k.
func (w *writer) diagonal(s graph.Shape, k int) val {
	row := w.iota(graph.Int64, s, len(s)-2)
	return w.compare("EQ", w.do("add", row, w.like(row, float64(k))), w.iota(graph.Int64, s, len(s)-1))
}

func writeDiag(w *writer, n *graph.Node) val {
	x, k, s := w.Of(n.Input(0))[0], n.Attrs().Int("k"), n.Shape()
	rank := len(s)
	low, high := make([]int, rank-1), make([]int, rank-1)
	dims := others(rank, rank-2, rank-1) // along columns, which count from 0 below the main diagonal
	if k > 0 {
		dims = others(rank, rank-1, rank) // along rows
	}
	high[rank-2] = s[rank-1] - x.t.Shape[rank-2]
	x = w.spread(w.pad(x, w.number(graph.Type{DType: n.DType()}, 0), low, high, make([]int, rank-1)), s, dims...)
	return w.choose(w.diagonal(s, k), x, w.like(x, 0))
}

func writeDiagPart(w *writer, n *graph.Node) val {
	x, k := w.Of(n.Input(0))[0], n.Attrs().Int("k")
	rank, length := len(x.t.Shape), n.Shape()[n.Shape().Rank()-1]
	if n.DType() == graph.Bool {
		w.Refuse(n, "a diagonal of bools")
	}
	sum := w.reduce("add", w.choose(w.diagonal(x.t.Shape, k), x, w.like(x, 0)), 0, []int{rank - 1})
	from := max(0, -k)
	return w.cut(sum, rank-2, from, from+length)
}

// writeNorm scales by the largest element where the sum of squares has left its range.
func writeNorm(w *writer, n *graph.Node) val {
	x, axes := w.Of(n.Input(0))[0], n.Attrs().Ints("axes")
	s := w.reshape(w.Of(n.Input(1))[0], n.Shape())
	var kept []int
	for i := range x.t.Shape {
		if !slices.Contains(axes, i) {
			kept = append(kept, i)
		}
	}
	largest := w.reduce("maximum", w.do("abs", x), 0, axes)
	q := w.do("divide", x, w.spread(largest, x.t.Shape, kept...))
	scaled := w.do("multiply", largest, w.do("sqrt", w.reduce("add", w.do("multiply", q, q), 0, axes)))
	end := w.do("or", w.compare("EQ", largest, w.like(largest, 0)), w.compare("EQ", largest, w.like(largest, math.Inf(1))))
	scaled = w.reshape(w.choose(end, largest, scaled), n.Shape())
	low, high := 1e-280, 1e300
	if n.DType() == graph.Float32 {
		low, high = 1e-30, 1e37
	}
	in := w.do("and", w.compare("GT", s, w.like(s, low)), w.compare("LT", s, w.like(s, high)))
	return w.choose(in, w.do("sqrt", s), scaled)
}

// update is the region of a scatter; "" replaces.
func update(op string, d graph.DType) func(w *writer) (params, out []val) {
	if op != "" {
		return combine(op, d)
	}
	return func(w *writer) (params, out []val) {
		t := graph.Type{DType: d, Shape: graph.Shape{}}
		params = w.params(t, t)
		return params, params[1:]
	}
}

// scattered combines x along an axis with updates at indices.
func (w *writer) scattered(x val, indices, updates *graph.Node, axis int, op string) val {
	i, u := w.Of(indices)[0], w.Of(updates)[0]
	lead := len(i.t.Shape)
	s := slices.Concat([]int(x.t.Shape[:axis]), []int(i.t.Shape), []int(x.t.Shape[axis+1:]))
	u = w.fit(u, s)
	attributes := fmt.Sprintf("indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = %s, inserted_window_dims = [%d], scatter_dims_to_operand_dims = [%d], index_vector_dim = %d>, unique_indices = false",
		list(others(len(s), axis, axis+lead)), axis, axis, lead)
	return w.generic([]graph.Type{x.t}, "scatter", attributes, []val{x, w.normalised(i, x.t.Shape[axis]), u}, update(op, x.t.DType))[0]
}

func writeScatterAlongAxisAdd(w *writer, n *graph.Node) val {
	in := w.Of(n.Inputs()...)
	axis, rank := n.Attrs().Int("axis"), n.Shape().Rank()
	s := slices.Clone(n.Shape())
	s[axis] = n.Input(0).Shape()[axis]
	rest := list(others(rank, axis, axis+1))
	attributes := fmt.Sprintf("indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [%d], input_batching_dims = %s, scatter_indices_batching_dims = %s, scatter_dims_to_operand_dims = [%d], index_vector_dim = %d>, unique_indices = false",
		axis, rest, rest, axis, rank)
	return w.generic([]graph.Type{n.Type()}, "scatter", attributes, []val{w.number(n.Type(), 0), w.normalised(w.fit(in[0], s), n.Shape()[axis]), w.fit(in[1], s)}, update("add", n.DType()))[0]
}

// begin takes a vector of indices apart.
func (w *writer) begin(n *graph.Node, rank int) []val {
	v := w.Of(n)[0]
	var all []val
	for i := range rank {
		all = append(all, w.reshape(w.cut(v, 0, i, i+1), graph.Shape{}))
	}
	return all
}

func (w *writer) dot(t graph.Type, a, b val, contractA, contractB, batchA, batchB []int) val {
	rest := ""
	if len(batchA) > 0 {
		rest = fmt.Sprintf(", batching_dims = %s x %s", list(batchA), list(batchB))
	}
	return w.put(t, "dot_general", fmt.Sprintf("%s, contracting_dims = %s x %s", rest, list(contractA), list(contractB)), a, b)
}

func writeMatMul(w *writer, n *graph.Node) val {
	if n.Attrs().Bool("no_nan") {
		w.Refuse(n, "a product in which zeros win over infinities")
	}
	x := w.Of(n.Inputs()...)
	a, b := x[0], x[1]
	ta, tb := n.Attrs().Bool("transpose_a") && len(a.t.Shape) > 1, n.Attrs().Bool("transpose_b") && len(b.t.Shape) > 1
	var leadA, leadB graph.Shape
	if len(a.t.Shape) > 2 {
		leadA = a.t.Shape[:len(a.t.Shape)-2]
	}
	if len(b.t.Shape) > 2 {
		leadB = b.t.Shape[:len(b.t.Shape)-2]
	}
	lead, err := graph.BroadcastShapes(leadA, leadB)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	matrix := func(v val) val {
		if len(v.t.Shape) == 1 {
			v = w.fit(v, slices.Concat([]int(lead), []int(v.t.Shape)))
			return v
		}
		return w.fit(v, slices.Concat([]int(lead), []int(v.t.Shape[len(v.t.Shape)-2:])))
	}
	vectorA, vectorB := len(a.t.Shape) == 1, len(b.t.Shape) == 1
	a, b = matrix(a), matrix(b)
	k := len(lead)
	contract := func(vector, last bool) []int {
		if !vector && last {
			return []int{k + 1}
		}
		return []int{k}
	}
	batch := others(k, 0, 0)
	return w.dot(n.Type(), a, b, contract(vectorA, !ta), contract(vectorB, tb), batch, batch)
}

// convolved writes a convolution; back has its result's channels first.
func (w *writer) convolved(t graph.Type, x, k val, strides, padding, base, dilation []int, groups, batchGroups int, back bool) val {
	n := len(strides)
	if len(x.t.Shape) != n+2 {
		panic("BUG: a convolution of " + x.t.String())
	}
	if base == nil {
		base = slices.Repeat([]int{1}, n)
	}
	spatial, pairs := "", ""
	for i := range n {
		spatial += fmt.Sprintf(", %d", i)
		if i > 0 {
			pairs += ", "
		}
		pairs += list(padding[2*i : 2*i+2])
	}
	in, kernel, out := "[b, f"+spatial+"]", "[o, i"+spatial+"]", "[b, f"+spatial+"]"
	if back {
		in, kernel, out = "[f, b"+spatial+"]", "[i, o"+spatial+"]", "[f, b"+spatial+"]"
	}
	r := val{w.fresh(), t}
	w.line("%s = stablehlo.convolution(%s, %s) dim_numbers = %sx%s->%s, window = {stride = %s, pad = [%s], lhs_dilate = %s, rhs_dilate = %s} {batch_group_count = %d : i64, feature_group_count = %d : i64} : (%s) -> %s",
		r.name, x.name, k.name, in, kernel, out, list(strides), pairs, list(base), list(dilation), batchGroups, groups, types([]val{x, k}), typeText(t))
	return r
}

// writeConvInputGrad convolves the adjoint, whose elements are taken apart by the strides, with reversed filters.
func writeConvInputGrad(w *writer, n *graph.Node) val {
	a, in := n.Attrs(), w.Of(n.Inputs()...)
	y, k := in[0], in[1]
	strides, dilation, padding, groups := a.Ints("strides"), a.Ints("dilation"), a.Ints("padding"), a.Int("groups")
	s := k.t.Shape
	var axes, pads []int
	for i := range strides {
		axes = append(axes, 2+i)
		span := dilation[i] * (s[2+i] - 1)
		low := span - padding[2*i]
		pads = append(pads, low, n.Shape()[2+i]+span-((y.t.Shape[2+i]-1)*strides[i]+1)-low)
	}
	k = w.put(k.t, "reverse", ", dims = "+list(axes), k)
	k = w.reshape(k, slices.Concat([]int{groups, s[0] / groups}, s[1:]))
	perm := []int{0, 2, 1}
	for i := range strides {
		perm = append(perm, 3+i)
	}
	k = w.reshape(w.transpose(k, perm...), slices.Concat([]int{groups * s[1], s[0] / groups}, s[2:]))
	return w.convolved(n.Type(), y, k, slices.Repeat([]int{1}, len(strides)), pads, strides, dilation, groups, 1, false)
}

// writeConvFilterGrad convolves the input with the adjoint, channels in the place of the batch.
func writeConvFilterGrad(w *writer, n *graph.Node) val {
	a, in := n.Attrs(), w.Of(n.Inputs()...)
	x, y := in[0], in[1]
	strides, dilation, padding := a.Ints("strides"), a.Ints("dilation"), a.Ints("padding")
	var pads []int
	for i := range strides {
		low := padding[2*i]
		pads = append(pads, low, (n.Shape()[2+i]-1)*dilation[i]+(y.t.Shape[2+i]-1)*strides[i]+1-x.t.Shape[2+i]-low)
	}
	return w.convolved(n.Type(), x, y, dilation, pads, nil, strides, 1, a.Int("groups"), true)
}

// pool is a window over all dimensions, 1 over those that are not spatial.
type pool struct{ size, strides, dilation, padding []int }

func poolOf(n *graph.Node, shape graph.Shape) pool {
	a, rank := n.Attrs(), len(shape)
	full := func(v []int) []int {
		return slices.Concat(slices.Repeat([]int{1}, rank-len(v)), v)
	}
	p := pool{size: full(a.Ints("window")), strides: full(a.Ints("strides")), dilation: full(nil)}
	p.padding = slices.Concat(make([]int, 2*rank-len(a.Ints("padding"))), a.Ints("padding"))
	if n.Op().Name == opMaxPool {
		p.dilation = full(a.Ints("dilation"))
	}
	return p
}

// opMaxPool is the pool whose windows can be dilated.
const opMaxPool = "max_pool"

// poolCounts returns by how much the sum under each window is divided.
func (w *writer) poolCounts(n *graph.Node, p pool, x, y graph.Shape) val {
	t := graph.Type{DType: n.DType(), Shape: y}
	if n.Attrs().Bool("count_include_pad") {
		count := 1
		for _, k := range p.size {
			count *= k
		}
		return w.number(t, float64(count))
	}
	return w.windows("add", w.number(graph.Type{DType: n.DType(), Shape: x}, 1), 0, p.size, p.strides, p.dilation, p.padding, y)
}

// writeMaxPool writes the values as one operation, and the indices, where they are used, by comparing the elements of a window one after another.
func writeMaxPool(w *writer, n *graph.Node) []val {
	x, t := w.Of(n.Input(0))[0], n.Results()[0]
	s := x.t.Shape
	p := poolOf(n, s)
	values := w.windows("maximum", x, math.Inf(-1), p.size, p.strides, p.dilation, p.padding, t.Shape)
	if !w.Taken(n, 1) {
		return []val{values}
	}
	rank, positions := len(s), 1
	for _, k := range p.size {
		positions *= k
	}
	spatial := len(n.Attrs().Ints("window"))
	flat := w.iota(graph.Int64, s, rank-1)
	for i, stride := rank-2, s[rank-1]; i >= rank-spatial; i-- {
		row := w.iota(graph.Int64, s, i)
		flat = w.do("add", flat, w.do("multiply", row, w.like(row, float64(stride))))
		stride *= s[i]
	}
	low, high := make([]int, rank), make([]int, rank)
	for i := range rank {
		low[i], high[i] = p.padding[2*i], max(0, p.padding[2*i+1])
	}
	none := make([]int, rank)
	around := w.pad(x, w.number(graph.Type{DType: x.t.DType}, math.Inf(-1)), low, high, none)
	places := w.pad(flat, w.number(graph.Type{DType: graph.Int64}, -1), low, high, none)
	var best, index val
	for k := range positions {
		begin, end, rest := make([]int, rank), make([]int, rank), k
		for i := rank - 1; i >= 0; i-- {
			begin[i] = rest % p.size[i] * p.dilation[i]
			end[i] = begin[i] + (t.Shape[i]-1)*p.strides[i] + 1
			rest /= p.size[i]
		}
		v, at := w.slice(around, begin, end, p.strides), w.slice(places, begin, end, p.strides)
		if k == 0 {
			best, index = v, at
			continue
		}
		// an element is taken that is larger, or the first NaN, or in the place of padding
		is := w.do("or", w.compare("GT", v, best), w.do("and", w.compare("NE", v, v), w.compare("EQ", best, best)))
		is = w.do("or", is, w.do("and", w.compare("LT", index, w.like(index, 0)), w.compare("GE", at, w.like(at, 0))))
		is = w.do("and", is, w.compare("GE", at, w.like(at, 0)))
		best, index = w.choose(is, v, best), w.choose(is, at, index)
	}
	return []val{values, index}
}

// stack makes room for n values of a type.
func stackOf(t graph.Type, n int) graph.Type {
	return graph.Type{DType: t.DType, Shape: append(graph.Shape{n}, t.Shape...)}
}

// loop writes a while over values, in the form that names them.
func (w *writer) loop(init []val, cond func(w *writer, carry []val) val, body func(w *writer, carry []val) []val) []val {
	carry := make([]val, len(init))
	pairs := ""
	for i, v := range init {
		carry[i] = val{w.fresh(), v.t}
		if i > 0 {
			pairs += ", "
		}
		pairs += carry[i].name + " = " + v.name
	}
	name := w.fresh()
	head := name
	results := make([]val, len(init))
	for i, v := range init {
		results[i] = val{name, v.t}
		if len(init) > 1 {
			results[i].name = fmt.Sprintf("%s#%d", name, i)
		}
	}
	if len(init) > 1 {
		head = fmt.Sprintf("%s:%d", name, len(init))
	}
	w.line("%s = stablehlo.while(%s) : %s", head, pairs, types(init))
	w.line("cond {")
	w.text.WriteString(w.block(func(w *writer) (params, out []val) { return nil, []val{cond(w, carry)} }))
	w.line("} do {")
	w.text.WriteString(w.block(func(w *writer) (params, out []val) { return nil, body(w, carry) }))
	w.line("}")
	return results
}

// writeScan writes a loop of a known number of steps as a while that counts.
func writeScan(w *writer, n *graph.Node) []val {
	a := n.Attrs()
	if a.Bool("counted") {
		w.Refuse(n, "a loop that counts its steps")
	}
	b := graph.Bodies(n)[0]
	captured, carries, length := a.Int("captured"), a.Int("carries"), a.Int("length")
	in := w.Of(n.Inputs()...)
	around, state, xs := in[:captured], in[captured:captured+carries], in[captured+carries:]
	g, _, _ := b.Open()
	ids, place := w.Steps(n)
	index := graph.Type{DType: graph.Int64, Shape: graph.Shape{}}
	init := append([]val{w.number(index, 0)}, state...)
	for _, id := range ids {
		init = append(init, w.number(stackOf(g.Node(id).Type(), length), 0))
	}
	r := w.loop(init, func(w *writer, carry []val) val {
		return w.compare("LT", carry[0], w.number(index, float64(length)))
	}, func(w *writer, carry []val) []val {
		at, zero, one := carry[0], w.number(index, 0), w.number(index, 1)
		if a.Bool("reverse") {
			at = w.do("subtract", w.number(index, float64(length-1)), at)
		}
		args := slices.Concat(around, carry[1:1+carries])
		starts := func(rank int) []val { return append([]val{at}, slices.Repeat([]val{zero}, rank-1)...) }
		for _, x := range xs {
			s := slices.Clone(x.t.Shape)
			s[0] = 1
			e := w.put(graph.Type{DType: x.t.DType, Shape: s}, "dynamic_slice", ", sizes = "+list(s), append([]val{x}, starts(len(s))...)...)
			args = append(args, w.reshape(e, s[1:]))
		}
		out := w.Inline(b, args, carries, ids...)
		next := append([]val{w.do("add", carry[0], one)}, out[:carries]...)
		for k := range ids {
			y, stack := out[carries+k], carry[1+carries+k]
			y = w.reshape(y, append(graph.Shape{1}, y.t.Shape...))
			next = append(next, w.put(stack.t, "dynamic_update_slice", "", append([]val{stack, y}, starts(len(stack.t.Shape))...)...))
		}
		return next
	})
	for t, k := range place {
		w.Set(t, r[1+carries+k])
	}
	return r[1 : 1+carries]
}

func writeWhile(w *writer, n *graph.Node) []val {
	a := n.Attrs()
	if steps, _ := w.Steps(n); len(steps) > 0 {
		w.Refuse(n, "values of every step of a loop whose number of steps is not known")
	}
	bodies := graph.Bodies(n)
	captured := a.Int("captured")
	in := w.Of(n.Inputs()...)
	around, init := in[:captured], in[captured:]
	index := graph.Type{DType: graph.Int64, Shape: graph.Shape{}}
	k := len(init)
	return w.loop(append(slices.Clone(init), w.number(index, 0)), func(w *writer, carry []val) val {
		return w.Inline(bodies[0], slices.Concat(around, carry[:k]), 1)[0]
	}, func(w *writer, carry []val) []val {
		next := w.Inline(bodies[1], slices.Concat(around, carry[:k]), k)
		return append(next, w.do("add", carry[k], w.number(index, 1)))
	})
}

func writeSwitch(w *writer, n *graph.Node) []val {
	bodies := graph.Bodies(n)
	in := w.Of(n.Inputs()...)
	results := n.Results()
	if results == nil {
		results = []graph.Type{n.Type()}
	}
	if len(bodies) == 1 {
		return w.Inline(bodies[0], in[1:], len(results))
	}
	index := in[0]
	if index.t.DType == graph.Int64 { // clamped before it is narrowed
		index = w.put(index.t, "clamp", "", w.like(index, 0), index, w.like(index, float64(len(bodies)-1)))
	}
	index = w.convert(index, graph.Int32)
	index = w.put(index.t, "clamp", "", w.like(index, 0), index, w.like(index, float64(len(bodies)-1)))
	var regions []func(w *writer) (params, out []val)
	for _, b := range bodies {
		regions = append(regions, func(w *writer) (params, out []val) { return nil, w.Inline(b, in[1:], len(results)) })
	}
	return w.generic(results, "case", "", []val{index}, regions...)
}
