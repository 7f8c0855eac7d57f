package stablehlo

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// operations are the rules by name, refused the reasons for those without.
var operations map[string]func(c *call) []*graph.Node

var refused = map[string]string{
	"custom_call":              "a custom call runs code that is not in the text",
	"rng_bit_generator":        "random bits of XLA's generators cannot be reproduced here: draw them outside and hand them in",
	"rng":                      "random numbers of XLA's generators cannot be reproduced here: draw them outside and hand them in",
	"all_reduce":               "it talks to other devices",
	"all_gather":               "it talks to other devices",
	"all_to_all":               "it talks to other devices",
	"collective_permute":       "it talks to other devices",
	"infeed":                   "it talks to the host",
	"outfeed":                  "it talks to the host",
	"send":                     "it talks to other devices",
	"recv":                     "it talks to other devices",
	"dynamic_reshape":          "its shape is known in the run only",
	"dynamic_pad":              "its shape is known in the run only",
	"dynamic_gather":           "its shape is known in the run only",
	"dynamic_iota":             "its shape is known in the run only",
	"real_dynamic_slice":       "its shape is known in the run only",
	"get_dimension_size":       "shapes are static: export with static shapes",
	"set_dimension_size":       "shapes are static: export with static shapes",
	"uniform_quantize":         "quantised numbers are no element type here",
	"uniform_dequantize":       "quantised numbers are no element type here",
	"dynamic_conv":             "its shape is known in the run only",
	"batch_norm_grad":          "there is no operator for it: differentiate batch_norm_training",
	"reduce_precision":         "there is no rounding to fewer bits",
	"after_all":                "tokens order effects, which there are none of here",
	"tuple":                    "tuples are printed as several results",
	"get_tuple_element":        "tuples are printed as several results",
	"partition_id":             "it talks to other devices",
	"replica_id":               "it talks to other devices",
	"reduce_scatter":           "it talks to other devices",
	"collective_broadcast":     "it talks to other devices",
	"dynamic_broadcast_in_dim": "its shape is known in the run only",
}

// ofOne are operations that have one operand and one result of the same shape.
var ofOne = map[string]func(x *graph.Node) *graph.Node{
	"stablehlo.abs": graph.Abs, "stablehlo.cbrt": graph.Cbrt, "stablehlo.ceil": graph.Ceil, "stablehlo.cosine": graph.Cos, "stablehlo.exponential": graph.Exp,
	"stablehlo.exponential_minus_one": graph.Expm1, "stablehlo.floor": graph.Floor, "stablehlo.is_finite": graph.IsFinite, "stablehlo.log": graph.Log,
	"stablehlo.log_plus_one": graph.Log1p, "stablehlo.logistic": graph.Sigmoid, "stablehlo.negate": graph.Neg, "stablehlo.round_nearest_even": graph.Round,
	"stablehlo.round_nearest_afz": awayFromZero, "stablehlo.rsqrt": graph.Rsqrt, "stablehlo.sign": graph.Sign, "stablehlo.sine": graph.Sin, "stablehlo.sqrt": graph.Sqrt,
	"stablehlo.tan": graph.Tan, "stablehlo.tanh": graph.Tanh, "stablehlo.not": byBool(graph.LogicalNot, graph.BitwiseNot), "stablehlo.optimization_barrier": graph.Identity,
	"chlo.acos": graph.Acos, "chlo.acosh": graph.Acosh, "chlo.asin": graph.Asin, "chlo.asinh": graph.Asinh, "chlo.atan": graph.Atan, "chlo.atanh": graph.Atanh,
	"chlo.cosh": graph.Cosh, "chlo.sinh": graph.Sinh, "chlo.tan": graph.Tan, "chlo.erf": graph.Erf, "chlo.erfc": graph.Erfc, "chlo.erf_inv": graph.Erfinv,
	"chlo.lgamma": graph.Lgamma, "chlo.digamma": graph.Digamma, "chlo.square": graph.Square, "chlo.bessel_i1e": graph.BesselI1e, "chlo.is_inf": isInfinite,
}

// ofTwo are operations that have two operands and one result of the same shape.
var ofTwo = map[string]func(x, y *graph.Node) *graph.Node{
	"stablehlo.add": byBool2(graph.LogicalOr, graph.Add), "stablehlo.subtract": graph.Sub, "stablehlo.multiply": byBool2(graph.LogicalAnd, graph.Mul), "stablehlo.divide": graph.Div,
	"stablehlo.maximum": byBool2(graph.LogicalOr, graph.Max), "stablehlo.minimum": byBool2(graph.LogicalAnd, graph.Min), "stablehlo.power": graph.Pow, "stablehlo.remainder": graph.Remainder, "stablehlo.atan2": graph.Atan2,
	"stablehlo.and": byBool2(graph.LogicalAnd, graph.BitwiseAnd), "stablehlo.or": byBool2(graph.LogicalOr, graph.BitwiseOr), "stablehlo.xor": byBool2(graph.LogicalXor, graph.BitwiseXor),
	"stablehlo.shift_left": graph.ShiftLeft, "stablehlo.shift_right_arithmetic": graph.ShiftRight, "chlo.zeta": graph.Zeta, "chlo.polygamma": polygamma, "chlo.next_after": graph.NextAfter,
}

func byBool(logical, other func(x *graph.Node) *graph.Node) func(x *graph.Node) *graph.Node {
	return func(x *graph.Node) *graph.Node {
		if x.DType() == graph.Bool {
			return logical(x)
		}
		return other(x)
	}
}

func byBool2(logical, other func(x, y *graph.Node) *graph.Node) func(x, y *graph.Node) *graph.Node {
	return func(x, y *graph.Node) *graph.Node {
		if x.DType() == graph.Bool {
			return logical(x, y)
		}
		return other(x, y)
	}
}

func awayFromZero(x *graph.Node) *graph.Node {
	a := graph.Abs(x)
	whole := graph.Floor(a)
	up := graph.GreaterEqual(graph.Sub(a, whole), graph.Like(x, 0.5)) // exact, which a + ½ is not
	return graph.Copysign(graph.Where(up, graph.Add(whole, graph.Like(x, 1)), whole), x)
}

// opPolygamma takes the order as an operand, as CHLO's does.
const opPolygamma = "polygamma"

func polygamma(n, x *graph.Node) *graph.Node { return graph.Call(graph.LookupOp(opPolygamma), n, x) }

func isInfinite(x *graph.Node) *graph.Node {
	return graph.Equal(graph.Abs(x), graph.Like(x, math.Inf(1)))
}

var comparisons = map[string]func(x, y *graph.Node) *graph.Node{"EQ": graph.Equal, "NE": graph.NotEqual, "LT": graph.Less, "LE": graph.LessEqual, "GT": graph.Greater, "GE": graph.GreaterEqual}

// reductions are reductions, and how their result is combined with the value that they start from.
var reductions = map[string]func(x *graph.Node, axes []int, opts ...graph.ReduceOption) *graph.Node{
	"add": graph.ReduceSum, "multiply": graph.ReduceProd, "maximum": graph.ReduceMax, "minimum": graph.ReduceMin, "and": graph.ReduceAll, "or": graph.ReduceAny,
}

func init() {
	operations = map[string]func(c *call) []*graph.Node{
		"call": func(c *call) []*graph.Node { return c.inlined("callee") }, "func.call": func(c *call) []*graph.Node { return c.inlined("callee") },
		"stablehlo.composite": func(c *call) []*graph.Node { return c.inlined("decomposition") },
		"stablehlo.while":     (*call).while, "stablehlo.reduce": (*call).reduce, "stablehlo.sort": (*call).sort, "chlo.top_k": (*call).topK,
		"stablehlo.batch_norm_training": func(c *call) []*graph.Node {
			c.need(3)
			x := c.in[0]
			axis := c.axis(x.Shape().Rank(), "feature_index")
			axes := others(x.Shape().Rank(), axis, axis+1)
			mean, variance := graph.ReduceMean(x, axes), graph.ReduceVar(x, axes, 0)
			return []*graph.Node{graph.BatchNorm(x, c.in[1], c.in[2], mean, variance, axis, c.epsilon()), mean, variance}
		},
		"stablehlo.case": func(c *call) []*graph.Node {
			c.need(1)
			last := c.b.g.Scalar(c.in[0].DType(), float64(len(c.op.regions)-1)) // for what is out of range, below too
			return c.branches(graph.Where(graph.Less(c.in[0], graph.Like(c.in[0], 0)), last, c.in[0]))
		},
		"stablehlo.if": func(c *call) []*graph.Node {
			c.need(1)
			c.region(0, 2)
			return c.branches(graph.Cast(graph.LogicalNot(c.in[0]), graph.Int32))
		},
	}
	for name, f := range ofOne {
		operations[name] = func(c *call) []*graph.Node {
			if name != "stablehlo.optimization_barrier" {
				c.need(1)
			}
			var r []*graph.Node
			for _, x := range c.in {
				r = append(r, f(x))
			}
			return r
		}
	}
	for name, f := range ofTwo {
		operations[name] = func(c *call) []*graph.Node {
			c.need(2)
			c.same()
			return []*graph.Node{f(c.in[0], c.in[1])}
		}
	}
	for name, f := range map[string]func(c *call) *graph.Node{
		"constant": func(c *call) *graph.Node {
			l := c.op.attributes["value"].literal
			if l == nil {
				c.fail("no value")
			}
			return c.constant(l)
		},
		"compare": (*call).compare,
		"select": func(c *call) *graph.Node {
			c.need(3)
			if p := c.in[0]; !c.s.lifted && !p.Type().IsScalar() && !p.Shape().Equal(c.in[1].Shape()) {
				c.fail("a condition %v for %v", p.Type(), c.in[1].Type())
			}
			return graph.Where(c.in[0], c.in[1], c.in[2])
		},
		"clamp":   func(c *call) *graph.Node { c.need(3); return graph.Clip(c.in[1], c.in[0], c.in[2]) },
		"complex": (*call).complexPair, "fft": (*call).fft,
		"real":    func(c *call) *graph.Node { return c.part(0) },
		"imag":    func(c *call) *graph.Node { return c.part(1) },
		"convert": (*call).convert, "shift_right_logical": (*call).shiftRightLogical, "bitcast_convert": (*call).bitcast,
		"popcnt":              func(c *call) *graph.Node { return c.countBits(false) },
		"count_leading_zeros": func(c *call) *graph.Node { return c.countBits(true) },
		"iota": func(c *call) *graph.Node {
			t := c.out()
			return graph.Iota(c.b.g, t.DType, c.axis(len(t.Shape), "iota_dimension", "dim"), t.Shape...)
		},
		"reshape":          func(c *call) *graph.Node { c.need(1); return graph.Reshape(c.in[0], c.out().Shape...) },
		"broadcast_in_dim": (*call).broadcast,
		"transpose": func(c *call) *graph.Node {
			c.need(1)
			rank := c.in[0].Shape().Rank()
			perm := c.list("permutation", "dims")
			if len(perm) != rank {
				c.fail("a permutation %v of %d dimensions", perm, rank)
			}
			return graph.Transpose(c.in[0], c.distinct("dims", perm, rank)...)
		},
		"slice": func(c *call) *graph.Node {
			c.need(1)
			rank := c.in[0].Shape().Rank()
			begin, end, step := c.ints("start_indices", rank), c.ints("limit_indices", rank), c.ints("strides", rank)
			var ranges []graph.Range
			for i, e := range c.in[0].Shape() {
				if begin[i] < 0 || end[i] < begin[i] || end[i] > e || step[i] < 1 {
					c.fail("elements %d:%d:%d of %d", begin[i], end[i], step[i], e)
				}
				ranges = append(ranges, graph.Range{Start: begin[i], Limit: end[i], Step: step[i]})
			}
			if rank == 0 {
				return graph.Identity(c.in[0])
			}
			return graph.Slice(c.in[0], ranges...)
		},
		"reverse": func(c *call) *graph.Node {
			c.need(1)
			axes := c.distinct("dims", c.list("dimensions", "dims"), c.in[0].Shape().Rank())
			if len(axes) == 0 {
				return graph.Identity(c.in[0])
			}
			return graph.Flip(c.in[0], axes...)
		},
		"concatenate": func(c *call) *graph.Node {
			if len(c.in) == 0 {
				c.fail("no operands")
			}
			return graph.Concat(c.axis(c.in[0].Shape().Rank(), "dimension", "dim"), c.in...)
		},
		"pad": func(c *call) *graph.Node {
			c.need(2)
			rank := c.in[0].Shape().Rank()
			low, high, inner := c.lists(rank, "edge_padding_low", "low"), c.lists(rank, "edge_padding_high", "high"), c.lists(rank, "interior_padding", "interior")
			return c.pad(c.in[0], c.in[1], low, high, inner)
		},
		"dynamic_slice": func(c *call) *graph.Node {
			if len(c.in) == 0 {
				c.fail("no operands")
			}
			sizes := c.lists(c.in[0].Shape().Rank(), "slice_sizes", "sizes")
			if len(sizes) == 0 {
				return graph.Identity(c.in[0])
			}
			return graph.DynamicSlice(c.in[0], c.begin(c.in[1:], len(sizes)), sizes...)
		},
		"dynamic_update_slice": func(c *call) *graph.Node {
			if len(c.in) < 2 {
				c.fail("%d operands", len(c.in))
			}
			rank := c.in[0].Shape().Rank()
			if rank == 0 {
				return graph.Identity(c.in[1])
			}
			return graph.DynamicUpdateSlice(c.in[0], c.in[1], c.begin(c.in[2:], rank))
		},
		"dot_general": (*call).dotGeneral, "gather": (*call).gather, "scatter": (*call).scatter, "reduce_window": (*call).reduceWindow,
		"cholesky": (*call).cholesky, "triangular_solve": (*call).triangularSolve,
		"batch_norm_inference": func(c *call) *graph.Node {
			c.need(5)
			return graph.BatchNorm(c.in[0], c.in[1], c.in[2], c.in[3], c.in[4], c.axis(c.in[0].Shape().Rank(), "feature_index"), c.epsilon())
		},
		"map": func(c *call) *graph.Node {
			if len(c.in) == 0 {
				c.fail("no operands")
			}
			c.same()
			return graph.BroadcastTo(c.orBad(c.applied(c.region(0, 1), c.in), 1)[0], c.in[0].Shape()...)
		},
		"select_and_scatter": (*call).selectAndScatter, "convolution": (*call).convolution,
	} {
		operations["stablehlo."+name] = func(c *call) []*graph.Node { return []*graph.Node{f(c)} }
	}
	operations["chlo.constant"] = operations["stablehlo.constant"]
}

// epsilon is that of a normalisation.
func (c *call) epsilon() float64 {
	text := c.op.attributes["epsilon"].text
	epsilon, err := strconv.ParseFloat(text, 64)
	if err != nil {
		c.fail("the epsilon %q", text)
	}
	return epsilon
}

// same checks that operands have one type.
func (c *call) same() {
	for _, x := range c.in[1:] {
		if !x.Type().Equal(c.in[0].Type()) && (!c.s.lifted || x.DType() != c.in[0].DType()) {
			c.fail("operands %v and %v", c.in[0].Type(), x.Type())
		}
	}
}

// list returns the list that is called by one name in the generic and by another in the pretty form.
func (c *call) list(generic, pretty string) []int {
	if _, ok := c.op.attributes[generic]; ok {
		return c.ints(generic, -1)
	}
	return c.ints(pretty, -1)
}

func (c *call) lists(n int, generic, pretty string) []int {
	v := c.list(generic, pretty)
	if len(v) != n {
		c.fail("%s has %d numbers where %d are expected", pretty, len(v), n)
	}
	return v
}

func (c *call) compare() *graph.Node {
	c.need(2)
	c.same()
	f := comparisons[direction(c.op)]
	if f == nil {
		c.fail("the direction %q", direction(c.op))
	}
	kind := c.op.attributes["compare_type"].text
	if len(c.op.words) > 1 {
		kind = c.op.words[1]
	}
	x, y := c.in[0], c.in[1]
	if kind == "TOTALORDER" && x.DType().IsFloat() {
		c.fail("the total order of floats outside of sort")
	}
	if x.DType() == graph.Bool {
		x, y = graph.Cast(x, graph.Int32), graph.Cast(y, graph.Int32)
	}
	return f(x, y)
}

func (c *call) broadcast() *graph.Node {
	c.need(1)
	x, t := c.in[0], c.out()
	dims := c.list("broadcast_dimensions", "dims")
	if c.s.lifted {
		return x
	}
	if len(dims) != x.Shape().Rank() {
		c.fail("dims %v for %v", dims, x.Type())
	}
	c.distinct("dims", dims, len(t.Shape))
	if !slices.IsSorted(dims) {
		order := make([]int, len(dims))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, k int) int { return dims[i] - dims[k] })
		x = graph.Transpose(x, order...)
		dims = slices.Sorted(slices.Values(dims))
	}
	s := slices.Repeat([]int{1}, len(t.Shape))
	for i, d := range dims {
		s[d] = x.Shape()[i]
	}
	return graph.BroadcastTo(graph.Reshape(x, s...), t.Shape...)
}

// begin stacks indices that are scalars.
func (c *call) begin(in []*graph.Node, n int) *graph.Node {
	if len(in) != n {
		c.fail("%d indices of %d dimensions", len(in), n)
	}
	var v []*graph.Node
	for _, x := range in {
		if !x.Type().IsScalar() || !x.DType().IsInt() {
			c.fail("an index that is %v", x.Type())
		}
		v = append(v, graph.Cast(x, graph.Int64))
	}
	return graph.Stack(0, v...)
}

// pad puts a value between elements, then around them; negative numbers take elements away.
func (c *call) pad(x, value *graph.Node, low, high, inner []int) *graph.Node {
	if !value.Type().IsScalar() || value.DType() != x.DType() {
		c.fail("%v padded with %v", x.Type(), value.Type())
	}
	for axis := range low {
		s := slices.Clone(x.Shape())
		e := s[axis]
		if inner[axis] < 0 || inner[axis] > graph.MaxElements || low[axis] < -graph.MaxElements || low[axis] > graph.MaxElements || high[axis] < -graph.MaxElements || high[axis] > graph.MaxElements {
			c.fail("padding %d, %d, %d", low[axis], high[axis], inner[axis])
		}
		fill := func(axis, n int, s []int) *graph.Node {
			s = slices.Clone(s)
			s[axis] = n
			return graph.BroadcastTo(value, s...)
		}
		if k := inner[axis]; k > 0 && e > 1 {
			if k > graph.MaxElements/e {
				c.fail("padding %d between %d elements", k, e)
			}
			apart := slices.Insert(slices.Clone(s), axis+1, 1)
			x = graph.Concat(axis+1, graph.Reshape(x, apart...), fill(axis+1, k, apart))
			s[axis] = e * (k + 1)
			x = cut(graph.Reshape(x, s...), axis, 0, (e-1)*(k+1)+1)
			e = (e-1)*(k+1) + 1
			s[axis] = e
		}
		if low[axis] < 0 || high[axis] < 0 {
			from, to := max(0, -low[axis]), e-max(0, -high[axis])
			if to < from {
				c.fail("padding %d, %d of %d elements", low[axis], high[axis], e)
			}
			x = cut(x, axis, from, to)
			s[axis] = to - from
		}
		var parts []*graph.Node
		if low[axis] > 0 {
			parts = append(parts, fill(axis, low[axis], s))
		}
		parts = append(parts, x)
		if high[axis] > 0 {
			parts = append(parts, fill(axis, high[axis], s))
		}
		if len(parts) > 1 {
			x = graph.Concat(axis, parts...)
		}
		if !x.Valid() {
			return x
		}
	}
	return graph.Identity(x)
}

// cut takes a range along an axis.
func cut(x *graph.Node, axis, from, to int) *graph.Node {
	var ranges []graph.Range
	for i, e := range x.Shape() {
		r := graph.Range{Limit: e, Step: 1}
		if i == axis {
			r.Start, r.Limit = from, to
		}
		ranges = append(ranges, r)
	}
	return graph.Slice(x, ranges...)
}

func (c *call) dotGeneral() *graph.Node {
	c.need(2)
	numbers := c.op.attributes["dot_dimension_numbers"].fields
	side := func(generic, pretty string) []int {
		if numbers != nil {
			return numbers[generic].ints()
		}
		return c.op.attributes[pretty].ints()
	}
	return graph.DotGeneral(c.in[0], c.in[1], side("lhs_contracting_dimensions", "contracting_dims"), side("rhs_contracting_dimensions", "contracting_dims of the second"),
		side("lhs_batching_dimensions", "batching_dims"), side("rhs_batching_dimensions", "batching_dims of the second"))
}

// Reducers of argmax and argmin as jax writes them: parameters are value and index of both sides.
const (
	argmaxReducer = "compare.GT(0,2)compare.NE(0,0)or(4,5)compare.EQ(0,2)compare.LT(1,3)and(7,8)or(6,9)select(6,0,2)select(10,1,3)return(11,12)"
	argminReducer = "compare.LT(0,2)compare.NE(0,0)or(4,5)compare.EQ(0,2)compare.LT(1,3)and(7,8)or(6,9)select(6,0,2)select(10,1,3)return(11,12)"
)

func (c *call) reduce() []*graph.Node {
	n := len(c.in) / 2
	if n == 0 || len(c.in) != 2*n {
		c.fail("%d operands", len(c.in))
	}
	axes := c.distinct("dimensions", c.list("dimensions", "dimensions"), c.in[0].Shape().Rank())
	for i := range n {
		if !c.in[i].Shape().Equal(c.in[0].Shape()) || !c.in[n+i].Type().IsScalar() || c.in[n+i].DType() != c.in[i].DType() {
			c.fail("operand %d is %v and starts with %v", i, c.in[i].Type(), c.in[n+i].Type())
		}
	}
	how := ""
	if len(c.op.words) > 1 && c.op.words[0] == "applies" {
		how = strings.TrimPrefix(c.op.words[1], "stablehlo.")
	} else if how = c.combination(c.region(0, 1)); how == "" && n == 2 && len(axes) == 1 && c.in[1].DType().IsInt() {
		if r := c.extreme(c.fingerprint(c.op.regions[0]), axes[0]); r != nil {
			return r
		}
	}
	if how == "" || n > 1 {
		return c.fold(axes)
	}
	x := c.in[0]
	if x.DType() == graph.Bool {
		switch how {
		case "add", "maximum":
			how = "or"
		case "multiply", "minimum":
			how = "and"
		}
	}
	f := reductions[how]
	if f == nil || (how == "and" || how == "or") && x.DType() != graph.Bool {
		c.fail("a reduction by %q of %v", how, x.DType())
	}
	if len(axes) > 0 {
		x = f(x, axes)
	}
	return []*graph.Node{c.started(x, how)}
}

// started combines a reduction with the value that it starts from, unless that changes nothing.
func (c *call) started(x *graph.Node, how string) *graph.Node {
	start := c.in[len(c.in)/2]
	if start.IsConst() && x.DType() != graph.Bool {
		v := start.Literal().Float(0)
		switch {
		case how == "add" && v == 0, how == "multiply" && v == 1, how == "maximum" && v == least(x.DType()), how == "minimum" && v == -least(x.DType()):
			return graph.Identity(x)
		case x.DType().IsInt() && how == "minimum" && start.Literal().Bits(0) == uint64(1)<<(8*x.DType().Size()-1)-1:
			return graph.Identity(x)
		}
	}
	if x.DType() == graph.Bool && start.IsConst() && (start.Literal().Bits(0) != 0) == (how == "and") {
		return graph.Identity(x)
	}
	return ofTwo["stablehlo."+how](x, start)
}

// least returns the least number of a dtype.
func least(d graph.DType) float64 {
	switch d {
	case graph.Int32:
		return math.MinInt32
	case graph.Int64:
		return math.MinInt64
	}
	return math.Inf(-1)
}

// extreme recognises argmax and argmin of an axis along which the second operand counts.
func (c *call) extreme(f string, axis int) []*graph.Node {
	x, i := c.in[0], c.in[1]
	if i.Op().Name != opIota || i.Attrs().Int("axis") != axis || !c.in[3].IsConst() || c.in[3].Literal().Float(0) != 0 || !c.in[2].IsConst() || x.Shape()[axis] == 0 {
		return nil
	}
	v := c.in[2].Literal().Float(0)
	switch {
	case f == argmaxReducer && v == least(x.DType()):
		return []*graph.Node{graph.ReduceMax(x, []int{axis}), graph.Cast(graph.Argmax(x, axis), i.DType())}
	case f == argminReducer && (v == -least(x.DType()) || x.DType().IsInt() && v >= -least(x.DType())-1):
		return []*graph.Node{graph.ReduceMin(x, []int{axis}), graph.Cast(graph.Argmin(x, axis), i.DType())}
	}
	return nil
}

// opIota is the operator whose operand counts.
const opIota = "iota"

// fold reduces with any function, one element after another.
func (c *call) fold(axes []int) []*graph.Node {
	n := len(c.in) / 2
	r := c.region(0, 1)
	shape := c.in[0].Shape()
	var perm, rest []int
	length := 1
	for _, a := range axes {
		perm = append(perm, a)
		length *= shape[a]
	}
	for a, e := range shape {
		if !slices.Contains(axes, a) {
			perm, rest = append(perm, a), append(rest, e)
		}
	}
	var init, xs []*graph.Node
	for i := range n {
		x := c.in[i]
		if len(perm) > 0 {
			x = graph.Transpose(x, perm...)
		}
		xs = append(xs, graph.Reshape(x, append([]int{length}, rest...)...))
		init = append(init, graph.BroadcastTo(c.in[n+i], rest...))
	}
	final, _ := graph.Scan(length, init, xs, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
		next = c.orBad(c.applied(r, slices.Concat(carry, x)), n)
		for i := range next {
			next[i] = graph.BroadcastTo(next[i], rest...) // a constant has no shape
		}
		return next, nil
	})
	return final
}

func (c *call) topK() []*graph.Node {
	c.need(1)
	k, rank := c.op.attributes["k"].number, c.in[0].Shape().Rank()
	if rank == 0 || k < 0 || k > c.in[0].Shape()[rank-1] {
		c.fail("the %d largest of %v", k, c.in[0].Type())
	}
	values, indices := graph.TopK(c.in[0], k, rank-1)
	return []*graph.Node{values, graph.Cast(indices, graph.Int32)}
}

// turned exchanges the last two dimensions.
func turned(x *graph.Node) *graph.Node {
	perm := others(x.Shape().Rank(), 0, 0)
	n := len(perm)
	perm[n-2], perm[n-1] = n-1, n-2
	return graph.Transpose(x, perm...)
}

func (c *call) cholesky() *graph.Node {
	c.need(1)
	a := c.in[0]
	if a.Shape().Rank() < 2 {
		c.fail("%v is no matrix", a.Type())
	}
	lower := c.op.attributes["lower"].isTrue()
	if !lower {
		a = turned(a)
	}
	l := graph.Cholesky(graph.Add(graph.Tril(a, 0), turned(graph.Tril(a, -1)))) // only one triangle counts; graph.Cholesky takes the mean of both
	if lower || !l.Valid() {
		return l
	}
	return turned(l)
}

func (c *call) triangularSolve() *graph.Node {
	c.need(2)
	a, b := c.in[0], c.in[1]
	if a.Shape().Rank() < 2 || b.Shape().Rank() != a.Shape().Rank() {
		c.fail("%v and %v", a.Type(), b.Type())
	}
	transpose := c.op.attributes["transpose_a"].text != "NO_TRANSPOSE"
	left := c.op.attributes["left_side"].isTrue()
	if !left { // X·A = B is Aᵀ·Xᵀ = Bᵀ
		b, transpose = turned(b), !transpose
	}
	var opts []graph.TriangularOption
	if !c.op.attributes["lower"].isTrue() {
		opts = append(opts, graph.UpperTriangle)
	}
	if transpose {
		opts = append(opts, graph.TransposeMatrix)
	}
	if c.op.attributes["unit_diagonal"].isTrue() {
		opts = append(opts, graph.UnitDiagonal)
	}
	x := graph.TriangularSolve(a, b, opts...)
	if left || !x.Valid() {
		return x
	}
	return turned(x)
}
