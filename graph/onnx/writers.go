package onnx

import (
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// writers write the operators of graphs that are not written as one of ONNX's with the same operands (see operator.out). They return the names of the results; nil: expand it.
var writers = map[string]func(w *writer, n *graph.Node) []string{}

func init() {
	for _, op := range operators {
		if op.out == "" {
			continue
		}
		name := op.name
		writers[op.out] = func(w *writer, n *graph.Node) []string {
			args := make([]any, 0, 3)
			for _, in := range n.Inputs() {
				args = append(args, in)
			}
			return []string{w.put(name, args...)}
		}
	}
	addWriters(writers)
}

// Written lists the operators of graphs that Write has a rule for, in ascending order; others are written by their expansion, if that is made of these.
func Written() []string {
	var all []string
	for name := range writers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// one makes a rule of a function that returns the name of the one result.
func one(f func(w *writer, n *graph.Node) string) func(w *writer, n *graph.Node) []string {
	return func(w *writer, n *graph.Node) []string {
		if name := f(w, n); name != "" {
			return []string{name}
		}
		return nil
	}
}

// reduction writes a reduction whose axes are an operand.
func reduction(op string) func(w *writer, n *graph.Node) []string {
	return one(func(w *writer, n *graph.Node) string {
		return w.put(op, n.Input(0), w.ints(n.Attrs().Ints("axes")...), attrBool("keepdims", n.Attrs().Bool("keepdims")))
	})
}

func along1(op string) func(w *writer, n *graph.Node) []string {
	return one(func(w *writer, n *graph.Node) string {
		return w.put(op, n.Input(0), attrInt("axis", n.Attrs().Int("axis")))
	})
}

// halves separates pairs of padding.
func halves(pairs []int) []int {
	var low, high []int
	for i := 0; i+1 < len(pairs); i += 2 {
		low, high = append(low, pairs[i]), append(high, pairs[i+1])
	}
	return append(low, high...)
}

func (w *writer) reshape(x any, shape graph.Shape) string {
	return w.put("Reshape", x, w.ints(shape...), attrInt("allowzero", 1))
}

func (w *writer) cast(x any, d graph.DType) string {
	return w.put("Cast", x, attrInt("to", int(kindOf(d))))
}

// same returns what a scalar is behind an operator that moves elements: onnxruntime takes no scalars in those.
func (w *writer) same(x any) string { return w.put("Identity", x) }

// slice writes a slice of all dimensions.
func (w *writer) slice(x any, starts, limits, strides []int) string {
	if len(starts) == 0 {
		return w.same(x)
	}
	limits = slices.Clone(limits)
	var axes []int
	for i := range starts {
		axes = append(axes, i)
		if strides[i] < 0 && limits[i] < 0 { // before the first element
			limits[i] = math.MinInt32
		}
	}
	return w.put("Slice", x, w.ints(starts...), w.ints(limits...), w.ints(axes...), w.ints(strides...))
}

func (w *writer) pad(x any, d graph.DType, low, high []int, value float64) string {
	if d == graph.Bool {
		return w.cast(w.pad(w.cast(x, graph.Int32), graph.Int32, low, high, value), graph.Bool)
	}
	if len(low) == 0 {
		return w.same(x)
	}
	return w.put("Pad", x, w.ints(slices.Concat(low, high)...), w.scalar(d, value))
}

// full returns an array of the shape whose elements are all the scalar v.
func (w *writer) full(d graph.DType, v float64, shape graph.Shape) string {
	return w.put("Expand", w.scalar(d, v), w.ints(shape...))
}

// scatterAlong combines updates with x along an axis, at a vector of indices for the lines.
func scatterAlong(reduction string) func(w *writer, n *graph.Node) []string {
	return one(func(w *writer, n *graph.Node) string {
		x, indices, updates := n.Input(0), n.Input(1), n.Input(2)
		return w.scatter(w.name(x), x.Shape(), indices, updates, n.Attrs().Int("axis"), reduction)
	})
}

func (w *writer) scatter(x string, s graph.Shape, indices, updates *graph.Node, axis int, reduction string) string {
	k := indices.Shape().Size()
	t := slices.Clone(s)
	t[axis] = k
	column := slices.Repeat([]int{1}, len(s))
	column[axis] = k
	at := w.put("Expand", w.reshape(indices, column), w.ints(t...))
	return w.put("ScatterElements", x, at, w.reshape(updates, t), attrInt("axis", axis), attrString("reduction", reduction))
}

// letters are the subscripts of dimensions.
func letters(from, n int) string {
	var s []rune
	for i := range n {
		s = append(s, rune('a'+from+i))
	}
	return string(s)
}

// addWriters adds the rules of operators that become several of ONNX's, or have attributes.
func addWriters(m map[string]func(w *writer, n *graph.Node) []string) {
	m["cast"] = one(func(w *writer, n *graph.Node) string { return w.cast(n.Input(0), n.DType()) })
	m["square"] = one(func(w *writer, n *graph.Node) string { return w.put("Mul", n.Input(0), n.Input(0)) })
	m["rsqrt"] = one(func(w *writer, n *graph.Node) string { return w.put("Reciprocal", w.put("Sqrt", n.Input(0))) })
	m["silu"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Mul", n.Input(0), w.put("Sigmoid", n.Input(0)))
	})
	m["gelu"] = one(func(w *writer, n *graph.Node) string {
		how := "none"
		if n.Attrs().Bool("tanh") {
			how = "tanh"
		}
		return w.put("Gelu", n.Input(0), attrString("approximate", how))
	})
	m["elu"] = one(func(w *writer, n *graph.Node) string {
		if a := n.Attrs().Float("alpha"); fits(a) || n.DType() == graph.Float32 {
			return w.put("Elu", n.Input(0), attrFloat("alpha", a))
		}
		return ""
	})
	m["leaky_relu"] = one(func(w *writer, n *graph.Node) string {
		if a := n.Attrs().Float("alpha"); fits(a) || n.DType() == graph.Float32 {
			return w.put("LeakyRelu", n.Input(0), attrFloat("alpha", a))
		}
		return ""
	})
	m["log_sigmoid"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Neg", w.put("Softplus", w.put("Neg", n.Input(0))))
	})
	// tanh(x/2)·(eˣ + 1) keeps the digits of small numbers, as 2·atanh(x/(2 + x)) does
	m["expm1"] = one(func(w *writer, n *graph.Node) string {
		d := n.DType()
		small := w.put("Mul", w.put("Tanh", w.put("Mul", n.Input(0), w.scalar(d, 0.5))), w.put("Add", w.put("Exp", n.Input(0)), w.scalar(d, 1)))
		return w.put("Where", w.put("Less", w.put("Abs", n.Input(0)), w.scalar(d, 1)), small, w.put("Sub", w.put("Exp", n.Input(0)), w.scalar(d, 1)))
	})
	m["log1p"] = one(func(w *writer, n *graph.Node) string {
		d := n.DType()
		two := w.scalar(d, 2)
		near := w.put("Less", w.put("Abs", n.Input(0)), w.scalar(d, 0.5))
		x := w.put("Where", near, n.Input(0), w.scalar(d, 0))
		small := w.put("Mul", two, w.put("Atanh", w.put("Div", x, w.put("Add", two, x))))
		return w.put("Where", near, small, w.put("Log", w.put("Add", w.scalar(d, 1), n.Input(0))))
	})
	m["exp2"] = one(func(w *writer, n *graph.Node) string { return w.put("Pow", w.scalar(n.DType(), 2), n.Input(0)) })
	m["log2"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Mul", w.put("Log", n.Input(0)), w.scalar(n.DType(), 1/math.Ln2))
	})
	m["log10"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Mul", w.put("Log", n.Input(0)), w.scalar(n.DType(), 1/math.Ln10))
	})
	m["trunc"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Mul", w.put("Sign", n.Input(0)), w.put("Floor", w.put("Abs", n.Input(0))))
	})
	m["fma"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Add", w.put("Mul", n.Input(0), n.Input(1)), n.Input(2))
	})
	m["clip"] = one(func(w *writer, n *graph.Node) string {
		if n.Input(1).Type().IsScalar() && n.Input(2).Type().IsScalar() {
			return w.put("Clip", n.Input(0), n.Input(1), n.Input(2))
		}
		return w.put("Min", w.put("Max", n.Input(0), n.Input(1)), n.Input(2))
	})
	m["mod"] = one(func(w *writer, n *graph.Node) string {
		if n.DType().IsInt() {
			return w.put("Mod", n.Input(0), n.Input(1))
		}
		r := w.put("Mod", n.Input(0), n.Input(1), attrInt("fmod", 1)) // has the sign of the first operand
		zero := w.scalar(n.DType(), 0)
		other := w.put("And", w.put("Not", w.put("Equal", r, zero)), w.put("Xor", w.put("Less", r, zero), w.put("Less", n.Input(1), zero)))
		return w.put("Where", other, w.put("Add", r, n.Input(1)), r)
	})
	m["remainder"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Mod", n.Input(0), n.Input(1), attrInt("fmod", 1))
	})
	m["ne"] = one(func(w *writer, n *graph.Node) string { return w.put("Not", w.put("Equal", n.Input(0), n.Input(1))) })
	m["is_finite"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Not", w.put("Or", w.put("IsInf", n.Input(0)), w.put("IsNaN", n.Input(0))))
	})
	m["mul_no_nan"] = one(func(w *writer, n *graph.Node) string {
		zero := w.scalar(n.DType(), 0)
		either := w.put("Or", w.put("Equal", n.Input(0), zero), w.put("Equal", n.Input(1), zero))
		return w.put("Where", either, zero, w.put("Mul", n.Input(0), n.Input(1)))
	})
	for _, name := range []string{"stop_gradient", "copy"} {
		m[name] = one(func(w *writer, n *graph.Node) string { return w.put("Identity", n.Input(0)) })
	}

	for name, op := range map[string]string{"reduce_sum": "ReduceSum", "reduce_prod": "ReduceProd", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin", "reduce_mean": "ReduceMean", "reduce_l1": "ReduceL1", "reduce_l2": "ReduceL2", "logsumexp": "ReduceLogSumExp"} {
		m[name] = reduction(op)
	}
	for name, op := range map[string]string{"reduce_any": "ReduceMax", "reduce_all": "ReduceMin"} {
		m[name] = one(func(w *writer, n *graph.Node) string {
			return w.cast(w.put(op, w.cast(n.Input(0), graph.Int32), w.ints(n.Attrs().Ints("axes")...), attrBool("keepdims", n.Attrs().Bool("keepdims"))), graph.Bool)
		})
	}
	for name, op := range map[string]string{"argmax": "ArgMax", "argmin": "ArgMin"} {
		m[name] = one(func(w *writer, n *graph.Node) string {
			return w.put(op, n.Input(0), attrInt("axis", n.Attrs().Int("axis")), attrBool("keepdims", n.Attrs().Bool("keepdims")))
		})
	}
	m["softmax"], m["log_softmax"] = along1("Softmax"), along1("LogSoftmax")
	m["cumsum"] = one(func(w *writer, n *graph.Node) string {
		return w.put("CumSum", n.Input(0), w.scalar(graph.Int64, float64(n.Attrs().Int("axis"))), attrBool("exclusive", n.Attrs().Bool("exclusive")), attrBool("reverse", n.Attrs().Bool("reverse")))
	})
	m["top_k"] = func(w *writer, n *graph.Node) []string {
		return w.putMany("TopK", 2, n.Input(0), w.ints(n.Attrs().Int("k")), attrInt("axis", n.Attrs().Int("axis")), attrBool("largest", !n.Attrs().Bool("smallest")))
	}
	sorted := func(k int) func(w *writer, n *graph.Node) []string {
		return one(func(w *writer, n *graph.Node) string {
			axis := n.Attrs().Int("axis")
			return w.putMany("TopK", 2, n.Input(0), w.ints(n.Input(0).Shape()[axis]), attrInt("axis", axis), attrBool("largest", n.Attrs().Bool("descending")))[k]
		})
	}
	m["sort"], m["argsort"] = sorted(0), sorted(1)
	m["layer_norm"] = one(func(w *writer, n *graph.Node) string {
		axes, rank := n.Attrs().Ints("axes"), n.Shape().Rank()
		if len(axes) == 0 || axes[0] != rank-len(axes) || !fits(n.Attrs().Float("epsilon")) && n.DType() == graph.Float64 {
			return ""
		}
		return w.put("LayerNormalization", n.Input(0), n.Input(1), n.Input(2), attrInt("axis", axes[0]), attrFloat("epsilon", n.Attrs().Float("epsilon")))
	})
	m["batch_norm"] = one(func(w *writer, n *graph.Node) string {
		if n.Attrs().Int("axis") != 1 || !fits(n.Attrs().Float("epsilon")) && n.DType() == graph.Float64 {
			return ""
		}
		return w.put("BatchNormalization", n.Input(0), n.Input(1), n.Input(2), n.Input(3), n.Input(4), attrFloat("epsilon", n.Attrs().Float("epsilon")))
	})

	inverse := func(w *writer, n *graph.Node, keep bool) string { // 1/√(mean of x² + epsilon)
		x, d := n.Input(0), n.DType()
		mean := w.put("ReduceMean", w.put("Mul", x, x), w.ints(n.Attrs().Ints("axes")...), attrBool("keepdims", keep))
		return w.put("Reciprocal", w.put("Sqrt", w.put("Add", mean, w.scalar(d, n.Attrs().Float("epsilon")))))
	}
	m["reduce_inverse_rms"] = one(func(w *writer, n *graph.Node) string { return inverse(w, n, n.Attrs().Bool("keepdims")) })
	m["unit_rms"] = one(func(w *writer, n *graph.Node) string { return w.put("Mul", n.Input(0), inverse(w, n, true)) })
	m["cbrt"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Mul", w.put("Sign", n.Input(0)), w.put("Pow", w.put("Abs", n.Input(0)), w.scalar(n.DType(), 1.0/3)))
	})
	for name, back := range map[string]bool{"fft": false, "ifft": true} {
		m[name] = one(func(w *writer, n *graph.Node) string {
			y := w.name(n.Input(0))
			for _, a := range n.Attrs().Ints("axes") {
				y = w.put("DFT", y, "", w.scalar(graph.Int64, float64(a)), attrBool("inverse", back))
			}
			return y
		})
	}
	m["rfft"] = one(func(w *writer, n *graph.Node) string {
		x := n.Input(0)
		return w.put("DFT", w.reshape(x, append(slices.Clone(x.Shape()), 1)), "", w.scalar(graph.Int64, float64(n.Attrs().Int("axis"))), attrBool("onesided", true))
	})
	m["dynamic_slice"] = one(func(w *writer, n *graph.Node) string {
		begin, last := w.begin(n, n.Shape())
		return w.put("Slice", n.Input(0), begin, last)
	})

	m["conv"] = one(func(w *writer, n *graph.Node) string {
		a := n.Attrs()
		if n.Input(0).Shape().Rank() != n.Input(1).Shape().Rank() {
			return ""
		}
		return w.put("Conv", n.Input(0), n.Input(1), attrInts("strides", a.Ints("strides")), attrInts("dilations", a.Ints("dilation")), attrInts("pads", halves(a.Ints("padding"))), attrInt("group", a.Int("groups")))
	})
	m["conv_input_grad"] = one(func(w *writer, n *graph.Node) string {
		a, y, k := n.Attrs(), n.Input(0), n.Input(1)
		strides, dilation, padding := a.Ints("strides"), a.Ints("dilation"), a.Ints("padding")
		if n.Shape().Rank() != k.Shape().Rank() {
			return ""
		}
		var extra []int
		for i := range strides {
			full := (y.Shape()[2+i]-1)*strides[i] + dilation[i]*(k.Shape()[2+i]-1) + 1 - padding[2*i] - padding[2*i+1]
			extra = append(extra, n.Shape()[2+i]-full)
		}
		return w.put("ConvTranspose", y, k, attrInts("strides", strides), attrInts("dilations", dilation), attrInts("pads", halves(padding)), attrInts("output_padding", extra), attrInt("group", a.Int("groups")))
	})
	m["conv_filter_grad"] = one(func(w *writer, n *graph.Node) string {
		a, x, y := n.Attrs(), n.Input(0), n.Input(1)
		if a.Int("groups") != 1 || x.Shape().Rank() != n.Shape().Rank() {
			w.Refuse(n, "a gradient by the filters of groups")
		}
		perm := []int{1, 0}
		for i := 2; i < x.Shape().Rank(); i++ {
			perm = append(perm, i)
		}
		turned := func(n *graph.Node) string { return w.put("Transpose", n, attrInts("perm", perm)) }
		r := w.put("Conv", turned(x), turned(y), attrInts("strides", a.Ints("dilation")), attrInts("dilations", a.Ints("strides")), attrInts("pads", halves(a.Ints("padding"))))
		r = w.put("Transpose", r, attrInts("perm", perm))
		s := n.Shape() // strides may leave a rest
		return w.slice(r, make([]int, len(s)), s, slices.Repeat([]int{1}, len(s)))
	})
	m["max_pool"] = func(w *writer, n *graph.Node) []string {
		a, x := n.Attrs(), n.Input(0)
		t := n.Results()[0].Shape
		if x.Shape().Rank() != len(t) || x.Shape().Rank() < 3 {
			return nil
		}
		r := w.putMany("MaxPool", 2, x, attrInts("kernel_shape", a.Ints("window")), attrInts("strides", a.Ints("strides")), attrInts("dilations", a.Ints("dilation")), attrInts("pads", halves(a.Ints("padding"))))
		r[1] = w.put("Mod", r[1], w.scalar(graph.Int64, float64(x.Shape()[2:].Size())))
		return r
	}
	m["avg_pool"] = one(func(w *writer, n *graph.Node) string {
		a := n.Attrs()
		return w.put("AveragePool", n.Input(0), attrInts("kernel_shape", a.Ints("window")), attrInts("strides", a.Ints("strides")), attrInts("pads", halves(a.Ints("padding"))), attrBool("count_include_pad", a.Bool("count_include_pad")))
	})
	m["resize"] = one(func(w *writer, n *graph.Node) string {
		how := "half_pixel"
		if n.Attrs().Bool("align_corners") {
			how = "align_corners"
		}
		mode := n.Attrs().Str("mode")
		if mode != "nearest" && mode != "linear" {
			w.Refuse(n, "the mode %s", mode)
		}
		return w.put("Resize", n.Input(0), "", "", w.ints(n.Shape()...), attrString("mode", mode), attrString("coordinate_transformation_mode", how), attrString("nearest_mode", "round_prefer_ceil"))
	})

	m["broadcast_to"] = one(func(w *writer, n *graph.Node) string { return w.put("Expand", n.Input(0), w.ints(n.Shape()...)) })
	m["concat"] = one(func(w *writer, n *graph.Node) string {
		args := []any{attrInt("axis", n.Attrs().Int("axis"))}
		for _, in := range n.Inputs() {
			args = append(args, in)
		}
		return w.put("Concat", args...)
	})
	m["reshape"] = one(func(w *writer, n *graph.Node) string { return w.reshape(n.Input(0), n.Shape()) })
	m["transpose"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Transpose", n.Input(0), attrInts("perm", n.Attrs().Ints("perm")))
	})
	m["slice"] = one(func(w *writer, n *graph.Node) string {
		a := n.Attrs()
		return w.slice(n.Input(0), a.Ints("starts"), a.Ints("limits"), a.Ints("strides"))
	})
	m["reverse"] = one(func(w *writer, n *graph.Node) string {
		axes := n.Attrs().Ints("axes")
		if len(axes) == 0 {
			return w.same(n.Input(0))
		}
		minus := slices.Repeat([]int{-1}, len(axes))
		return w.put("Slice", n.Input(0), w.ints(minus...), w.ints(slices.Repeat([]int{math.MinInt32}, len(axes))...), w.ints(axes...), w.ints(minus...))
	})
	m["pad"] = one(func(w *writer, n *graph.Node) string {
		a := n.Attrs()
		return w.pad(n.Input(0), n.DType(), a.Ints("low"), a.Ints("high"), a.Float("value"))
	})
	m["pad_mode"] = one(func(w *writer, n *graph.Node) string {
		a := n.Attrs()
		mode := a.Str("mode")
		if mode == "reflect" { // once, in ONNX
			for i, e := range n.Input(0).Shape() {
				if max(a.Ints("low")[i], a.Ints("high")[i]) >= e {
					return ""
				}
			}
		}
		if len(n.Shape()) == 0 {
			return w.same(n.Input(0))
		}
		if mode == "edge" || mode == "reflect" || mode == "wrap" {
			return w.put("Pad", n.Input(0), w.ints(slices.Concat(a.Ints("low"), a.Ints("high"))...), attrString("mode", mode))
		}
		return ""
	})
	m["tile"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Tile", n.Input(0), w.ints(n.Attrs().Ints("reps")...))
	})
	m["repeat"] = one(func(w *writer, n *graph.Node) string {
		s := n.Input(0).Shape()
		axis, times := n.Attrs().Int("axis"), n.Attrs().Int("repeats")
		wide := slices.Insert(slices.Clone(s), axis+1, times)
		thin := slices.Insert(slices.Clone(s), axis+1, 1)
		return w.reshape(w.put("Expand", w.reshape(n.Input(0), thin), w.ints(wide...)), n.Shape())
	})
	m["roll"] = one(func(w *writer, n *graph.Node) string {
		s := n.Shape()
		axis, shift := n.Attrs().Int("axis"), n.Attrs().Int("shift")
		if shift == 0 {
			return w.put("Identity", n.Input(0))
		}
		part := func(from, to int) string {
			return w.put("Slice", n.Input(0), w.ints(from), w.ints(to), w.ints(axis))
		}
		return w.put("Concat", part(s[axis]-shift, s[axis]), part(0, s[axis]-shift), attrInt("axis", axis))
	})
	for name, upper := range map[string]bool{"tril": false, "triu": true} {
		m[name] = one(func(w *writer, n *graph.Node) string {
			return w.put("Trilu", n.Input(0), w.scalar(graph.Int64, float64(n.Attrs().Int("k"))), attrBool("upper", upper))
		})
	}
	m["index"] = one(func(w *writer, n *graph.Node) string {
		s, at := n.Input(0).Shape(), n.Attrs().Ints("indices")
		starts, limits := make([]int, len(s)), slices.Clone(s)
		for i, k := range at {
			starts[i], limits[i] = k, k+1
		}
		return w.reshape(w.slice(n.Input(0), starts, limits, slices.Repeat([]int{1}, len(s))), n.Shape())
	})
	placed := func(w *writer, n *graph.Node, d graph.DType, starts func(k int) []int, lead int) string {
		s := n.Shape()
		var parts []any
		for k, in := range n.Inputs() {
			piece := w.name(in)
			t := slices.Concat(slices.Repeat([]int{1}, lead), []int(in.Shape()))
			if lead > 0 {
				piece = w.reshape(piece, t)
			}
			low := starts(k)
			high := make([]int, len(s))
			for i := range s {
				high[i] = s[i] - low[i] - t[i]
			}
			parts = append(parts, w.pad(piece, d, low, high, 0))
		}
		if len(parts) == 1 {
			return parts[0].(string)
		}
		return w.put("Sum", parts...)
	}
	m["index_transpose"] = one(func(w *writer, n *graph.Node) string {
		if !n.DType().IsFloat() {
			return ""
		}
		at, rank := n.Attrs().Ints("indices"), n.Shape().Rank()
		lead := len(at) / len(n.Inputs())
		return placed(w, n, n.DType(), func(k int) []int {
			low := make([]int, rank)
			copy(low, at[k*lead:(k+1)*lead])
			return low
		}, lead)
	})
	m["slice_transpose"] = one(func(w *writer, n *graph.Node) string {
		a, rank := n.Attrs(), n.Shape().Rank()
		for _, s := range a.Ints("strides") {
			if s != 1 || !n.DType().IsFloat() {
				return w.dilated(n)
			}
		}
		return placed(w, n, n.DType(), func(k int) []int { return a.Ints("starts")[k*rank : (k+1)*rank] }, 0)
	})

	m["gather"] = one(func(w *writer, n *graph.Node) string {
		return w.put("Gather", n.Input(0), n.Input(1), attrInt("axis", n.Attrs().Int("axis")))
	})
	m["take_along_axis"] = one(func(w *writer, n *graph.Node) string {
		x, i, axis := n.Input(0), n.Input(1), n.Attrs().Int("axis")
		full, narrow := slices.Clone(n.Shape()), slices.Clone(n.Shape())
		narrow[axis] = x.Shape()[axis]
		return w.put("GatherElements", w.put("Expand", x, w.ints(narrow...)), w.put("Expand", i, w.ints(full...)), attrInt("axis", axis))
	})
	m["scatter_set"], m["scatter_add_to"], m["scatter_mul"], m["scatter_max"], m["scatter_min"] = scatterAlong("none"), scatterAlong("add"), scatterAlong("mul"), scatterAlong("max"), scatterAlong("min")
	m["scatter_add"] = one(func(w *writer, n *graph.Node) string {
		return w.scatter(w.full(n.DType(), 0, n.Shape()), n.Shape(), n.Input(0), n.Input(1), n.Attrs().Int("axis"), "add")
	})
	m["scatter_along_axis_add"] = one(func(w *writer, n *graph.Node) string {
		return w.put("ScatterElements", w.full(n.DType(), 0, n.Shape()), n.Input(0), n.Input(1), attrInt("axis", n.Attrs().Int("axis")), attrString("reduction", "add"))
	})
	m["one_hot"] = one(func(w *writer, n *graph.Node) string {
		axis, depth, i := n.Attrs().Int("axis"), n.Attrs().Int("depth"), n.Input(0)
		s := slices.Insert(slices.Clone(i.Shape()), axis, 1) // ONNX counts negative indices from the end, this system leaves them out
		row := slices.Repeat([]int{1}, len(s))
		row[axis] = depth
		count := w.cast(w.reshape(w.put("Range", w.scalar(graph.Int64, 0), w.scalar(graph.Int64, float64(depth)), w.scalar(graph.Int64, 1)), row), i.DType())
		return w.cast(w.put("Equal", w.reshape(i, s), count), n.DType())
	})
	m["iota"] = one(func(w *writer, n *graph.Node) string {
		axis := n.Attrs().Int("axis")
		row := slices.Repeat([]int{1}, n.Shape().Rank())
		row[axis] = n.Shape()[axis]
		v := w.put("Range", w.scalar(graph.Int64, 0), w.scalar(graph.Int64, float64(row[axis])), w.scalar(graph.Int64, 1))
		return w.put("Expand", w.reshape(w.cast(v, n.DType()), row), w.ints(n.Shape()...))
	})

	m["matmul"] = one(func(w *writer, n *graph.Node) string {
		if n.Attrs().Bool("no_nan") {
			w.Refuse(n, "a product in which zeros win over infinities")
		}
		side := func(i int, key string) string {
			x := n.Input(i)
			rank := x.Shape().Rank()
			if !n.Attrs().Bool(key) || rank < 2 {
				return w.name(x)
			}
			perm := make([]int, rank)
			for k := range perm {
				perm[k] = k
			}
			perm[rank-2], perm[rank-1] = rank-1, rank-2
			return w.put("Transpose", x, attrInts("perm", perm))
		}
		return w.put("MatMul", side(0, "transpose_a"), side(1, "transpose_b"))
	})
	m["einsum"] = one(func(w *writer, n *graph.Node) string {
		equation := n.Attrs().Str("equation")
		if !sameExtents(equation, n.Inputs()) {
			return ""
		}
		args := []any{attrString("equation", equation)}
		for _, in := range n.Inputs() {
			args = append(args, in)
		}
		return w.put("Einsum", args...)
	})
	m["dot_general"] = one(func(w *writer, n *graph.Node) string {
		a, s, t := n.Attrs(), n.Input(0).Shape(), n.Input(1).Shape()
		if len(s)+len(t) > 26 {
			return ""
		}
		x, y := []byte(letters(0, len(s))), []byte(letters(len(s), len(t)))
		var out, restX, restY []byte
		pair := func(of, with []int) {
			for k, i := range of {
				y[with[k]] = x[i]
			}
		}
		pair(a.Ints("batch_a"), a.Ints("batch_b"))
		pair(a.Ints("contract_a"), a.Ints("contract_b"))
		for _, i := range a.Ints("batch_a") {
			out = append(out, x[i])
		}
		for i := range x {
			if !slices.Contains(a.Ints("batch_a"), i) && !slices.Contains(a.Ints("contract_a"), i) {
				restX = append(restX, x[i])
			}
		}
		for i := range y {
			if !slices.Contains(a.Ints("batch_b"), i) && !slices.Contains(a.Ints("contract_b"), i) {
				restY = append(restY, y[i])
			}
		}
		equation := string(x) + "," + string(y) + "->" + string(out) + string(restX) + string(restY)
		return w.put("Einsum", n.Input(0), n.Input(1), attrString("equation", equation))
	})

	m["scan"], m["while"], m["switch"] = writeScan, writeWhile, writeSwitch
}

// begin returns where a part of the extents in size begins that is moved into range, from the second operand, and where it ends.
func (w *writer) begin(n *graph.Node, size graph.Shape) (begin, end string) {
	s := n.Input(0).Shape()
	most := make([]int, len(s))
	for i, e := range s {
		most[i] = e - size[i]
	}
	begin = w.put("Max", w.put("Min", w.cast(n.Input(1), graph.Int64), w.ints(most...)), w.scalar(graph.Int64, 0))
	return begin, w.put("Add", begin, w.ints(size...))
}

// sameExtents reports whether each letter of an equation stands for one extent, and no dots for dimensions that broadcast.
func sameExtents(equation string, in []*graph.Node) bool {
	operands, _, _ := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	extents := map[rune]int{}
	for i, letters := range strings.Split(operands, ",") {
		if strings.Contains(letters, ".") || i >= len(in) || len(letters) != in[i].Shape().Rank() {
			return false
		}
		for k, r := range letters {
			e := in[i].Shape()[k]
			if old, ok := extents[r]; ok && old != e {
				return false
			}
			extents[r] = e
		}
	}
	return true
}

// dilated writes pieces that lie in zeros with strides: each is scattered to its places, which are known.
func (w *writer) dilated(n *graph.Node) string {
	a, s := n.Attrs(), n.Shape()
	rank, size := len(s), s.Size()
	if !n.DType().IsFloat() || size > 1<<24 {
		w.Refuse(n, "places %d elements with strides", size)
	}
	y := w.full(n.DType(), 0, graph.Shape{size})
	for k, in := range n.Inputs() {
		t := in.Shape()
		at := make([]int, t.Size())
		for i := range at {
			rest, flat, stride := i, 0, 1
			for d := rank - 1; d >= 0; d-- {
				flat += stride * (a.Ints("starts")[k*rank+d] + rest%t[d]*a.Ints("strides")[k*rank+d])
				rest, stride = rest/t[d], stride*s[d]
			}
			at[i] = flat
		}
		y = w.put("ScatterElements", y, w.ints(at...), w.reshape(in, graph.Shape{len(at)}), attrInt("axis", 0), attrString("reduction", "add"))
	}
	return w.reshape(y, s)
}

// bodyNames makes names for the inputs of a body.
func (w *writer) bodyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = w.model.fresh("in")
	}
	return names
}

// writeScan writes a loop of a known number of steps as Scan.
func writeScan(w *writer, n *graph.Node) []string {
	a := n.Attrs()
	if a.Bool("counted") {
		w.Refuse(n, "a loop that counts its steps")
	}
	b := graph.Bodies(n)[0]
	captured, carries, length := a.Int("captured"), a.Int("carries"), a.Int("length")
	names := w.Of(n.Inputs()...)
	around, state := names[:captured], names[captured:]
	values, place := w.Steps(n)
	var dummy []*pb.ValueInfoProto
	inputs := w.bodyNames(len(state))
	if len(state) == carries { // Scan goes through something
		state = append(slices.Clone(state), w.put("Range", w.scalar(graph.Int64, 0), w.scalar(graph.Int64, float64(length)), w.scalar(graph.Int64, 1)))
		dummy = []*pb.ValueInfoProto{declared(w.model.fresh("step"), graph.Type{DType: graph.Int64})}
	}
	body := w.body(b, around, inputs, func(g *graph.Graph, results []*graph.Node) []*graph.Node {
		out := slices.Clone(results[:carries])
		for _, v := range values {
			out = append(out, g.Node(v))
		}
		return out
	}, nil)
	body.Input = append(body.Input, dummy...)
	scanned := len(state) - carries
	args := []any{attrGraph("body", body), attrInt("num_scan_inputs", scanned)}
	if a.Bool("reverse") {
		args = append(args, attrInts("scan_input_directions", slices.Repeat([]int{1}, scanned)))
		if len(values) > 0 {
			args = append(args, attrInts("scan_output_directions", slices.Repeat([]int{1}, len(values))))
		}
	}
	for _, s := range state {
		args = append(args, s)
	}
	r := w.putMany("Scan", carries+len(values), args...)
	for t, k := range place {
		w.Set(t, r[carries+k])
	}
	return r[:carries]
}

// writeWhile writes a loop with a condition as Loop, which asks at the end of a step whether there is another.
func writeWhile(w *writer, n *graph.Node) []string {
	a := n.Attrs()
	bodies := graph.Bodies(n)
	captured, carries := a.Int("captured"), a.Int("carries")
	names := w.Of(n.Inputs()...)
	around, init := names[:captured], names[captured:]
	if steps, _ := w.Steps(n); len(steps) > 0 {
		w.Refuse(n, "values of every step of a loop whose number of steps is not known")
	}
	test := func(in *writer, carry []string) string { // the condition, inlined
		return in.Inline(bodies[0], slices.Concat(around, carry), 1)[0]
	}
	inputs := w.bodyNames(carries + 1) // and the number of steps
	count := inputs[carries]
	var outs []*pb.ValueInfoProto
	body := w.body(bodies[1], around, inputs[:carries], func(g *graph.Graph, results []*graph.Node) []*graph.Node { return results[:carries] },
		func() []*pb.ValueInfoProto {
			return []*pb.ValueInfoProto{declared(w.model.fresh("step"), graph.Type{DType: graph.Int64}), declared(w.model.fresh("go"), graph.Type{DType: graph.Bool})}
		})
	// the condition of the next step, of the body's results
	in := newWriter(w.model)
	var carry []string
	for _, o := range body.Output {
		carry = append(carry, o.GetName())
	}
	on := in.put("Identity", test(in, carry))
	more := in.put("Add", count, w.scalar(graph.Int64, 1))
	body.Node = append(body.Node, in.nodes...)
	body.Input = append(body.Input, declared(count, graph.Type{DType: graph.Int64}))
	outs = append(outs, declared(on, graph.Type{DType: graph.Bool}))
	body.Output = append(append(outs, body.Output...), declared(more, graph.Type{DType: graph.Int64}))
	limit := ""
	if l := a.Int("limit"); l > 0 {
		limit = w.scalar(graph.Int64, float64(l))
	}
	args := []any{limit, test(w, init)}
	for _, name := range init {
		args = append(args, name)
	}
	return w.putMany("Loop", carries+1, append(args, w.scalar(graph.Int64, 0), attrGraph("body", body))...)
}

// writeSwitch writes a choice among two as If, and among more as one If within another.
func writeSwitch(w *writer, n *graph.Node) []string {
	bodies := graph.Bodies(n)
	args := w.Of(n.Inputs()[1:]...)
	results := 1
	if n.Results() != nil {
		results = len(n.Results())
	}
	branch := func(b *graph.Body) *pb.GraphProto {
		return w.body(b, args, nil, func(_ *graph.Graph, r []*graph.Node) []*graph.Node { return r[:results] }, nil)
	}
	index := w.name(n.Input(0))
	if n.Input(0).DType() == graph.Bool {
		if len(bodies) != 2 {
			return w.Inline(bodies[0], args, results)
		}
		return w.putMany("If", results, index, attrGraph("then_branch", branch(bodies[1])), attrGraph("else_branch", branch(bodies[0])))
	}
	if len(bodies) == 1 {
		return w.Inline(bodies[0], args, results)
	}
	last := branch(bodies[len(bodies)-1])
	for k := len(bodies) - 2; k > 0; k-- {
		in := newWriter(w.model)
		r := in.putMany("If", results, in.put("LessOrEqual", index, w.scalar(n.Input(0).DType(), float64(k))), attrGraph("then_branch", branch(bodies[k])), attrGraph("else_branch", last))
		outer := &pb.GraphProto{Name: proto.String(w.model.fresh("body")), Node: in.nodes}
		for i, name := range r {
			outer.Output = append(outer.Output, declared(name, resultType(n, i)))
		}
		last = outer
	}
	return w.putMany("If", results, w.put("LessOrEqual", index, w.scalar(n.Input(0).DType(), 0)), attrGraph("then_branch", branch(bodies[0])), attrGraph("else_branch", last))
}

func resultType(n *graph.Node, i int) graph.Type {
	if n.Results() == nil {
		return n.Type()
	}
	return n.Results()[i]
}
