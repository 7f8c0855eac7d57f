// Package agreement compares values and derivatives with those of JAX and PyTorch. Their results are in testdata/vectors.jsonl, made by
// internal/bench/python/vectors.py; docs/AGREEMENT.md is made from the comparison.
package agreement

import (
	"github.com/adjoint-go/adjoint/graph"
)

// node and nodes keep the table short.
type (
	node  = *graph.Node
	nodes = []*graph.Node
)

// cases gives for each name of the vectors the operator that it is filed under and how the results are built from the operands.
var cases = map[string]struct {
	op    string
	build func(x nodes) nodes
}{}

func add(name, op string, build func(x nodes) nodes) {
	if _, ok := cases[name]; ok {
		panic("BUG: case " + name + " is given twice")
	}
	if graph.LookupOp(op) == nil {
		panic("BUG: case " + name + " is of the unknown operator " + op)
	}
	cases[name] = struct {
		op    string
		build func(x nodes) nodes
	}{op, build}
}

// one, two and three are cases of functions with one result and as many operands; the name is the operator's.
func one(name string, f func(node) node) {
	add(name, name, func(x nodes) nodes { return nodes{f(x[0])} })
}

func two(name string, f func(a, b node) node) {
	add(name, name, func(x nodes) nodes { return nodes{f(x[0], x[1])} })
}

func three(name string, f func(a, b, c node) node) {
	add(name, name, func(x nodes) nodes { return nodes{f(x[0], x[1], x[2])} })
}

// of is a case under another name than the operator's.
func of(name, op string, f func(x nodes) node) {
	add(name, op, func(x nodes) nodes { return nodes{f(x)} })
}

func init() {
	for name, f := range map[string]func(node) node{
		"abs": graph.Abs, "neg": graph.Neg, "sign": graph.Sign, "square": graph.Square, "reciprocal": graph.Reciprocal, "sqrt": graph.Sqrt,
		"rsqrt": graph.Rsqrt, "cbrt": graph.Cbrt, "exp": graph.Exp, "exp2": graph.Exp2, "expm1": graph.Expm1, "log": graph.Log, "log2": graph.Log2,
		"log10": graph.Log10, "log1p": graph.Log1p, "sin": graph.Sin, "cos": graph.Cos, "tan": graph.Tan, "asin": graph.Asin, "acos": graph.Acos,
		"atan": graph.Atan, "sinh": graph.Sinh, "cosh": graph.Cosh, "tanh": graph.Tanh, "asinh": graph.Asinh, "acosh": graph.Acosh,
		"atanh": graph.Atanh, "sigmoid": graph.Sigmoid, "softplus": graph.Softplus, "log_sigmoid": graph.LogSigmoid, "relu": graph.Relu,
		"gelu": graph.Gelu, "silu": graph.Silu, "logit": graph.Logit, "erf": graph.Erf, "erfc": graph.Erfc, "erfinv": graph.Erfinv,
		"lgamma": graph.Lgamma, "digamma": graph.Digamma, "sinc": graph.Sinc, "bessel_i0e": graph.BesselI0e, "bessel_i1e": graph.BesselI1e,
		"floor": graph.Floor, "ceil": graph.Ceil, "trunc": graph.Trunc, "round": graph.Round, "inv": graph.Inv, "det": graph.Det, "cholesky": graph.Cholesky,
		"expm": graph.Expm, "trace": graph.Trace,
		"elu":        func(x node) node { return graph.Elu(x, 0.7) },
		"leaky_relu": func(x node) node { return graph.LeakyRelu(x, 0.1) },
		"polygamma":  func(x node) node { return graph.Polygamma(2, x) },
		"bessel_i":   func(x node) node { return graph.BesselI(0, x) }, "bessel_k": func(x node) node { return graph.BesselK(0, x) },
		"bessel_ke": func(x node) node { return graph.BesselKe(1, x) }, "erfcx": graph.Erfcx, "log_ndtr": graph.LogNdtr, "ndtri": graph.Ndtri,
		"zeta": func(x node) node { return graph.Zeta(graph.Like(x, 2.5), x) }, "pinv": graph.Pinv,
		"reduce_sum": func(x node) node { return graph.ReduceSum(x, []int{0, 2}) }, "reduce_mean": func(x node) node { return graph.ReduceMean(x, []int{1}) },
		"reduce_max": func(x node) node { return graph.ReduceMax(x, []int{2}) }, "reduce_min": func(x node) node { return graph.ReduceMin(x, []int{0}) },
		"reduce_prod": func(x node) node { return graph.ReduceProd(x, []int{1}) }, "reduce_var": func(x node) node { return graph.ReduceVar(x, []int{2}, 1) },
		"reduce_std": func(x node) node { return graph.ReduceStd(x, []int{0, 1}, 0) }, "reduce_l1": func(x node) node { return graph.ReduceL1(x, []int{2}) },
		"reduce_l2": func(x node) node { return graph.ReduceL2(x, []int{1, 2}) }, "reduce_linf": func(x node) node { return graph.ReduceLInf(x, []int{1}) },
		"logsumexp": func(x node) node { return graph.LogSumExp(x, []int{2}) }, "softmax": func(x node) node { return graph.Softmax(x, 1) },
		"log_softmax": func(x node) node { return graph.LogSoftmax(x, 2) }, "argmax": func(x node) node { return graph.Argmax(x, 1) },
		"argmin": func(x node) node { return graph.Argmin(x, 2) }, "argsort": func(x node) node { return graph.Argsort(x, 1) },
		"count_nonzero": func(x node) node { return graph.CountNonzero(graph.Greater(x, graph.Like(x, 0)), []int{1}) },
		"cumsum":        func(x node) node { return graph.Cumsum(x, 1) }, "cumprod": func(x node) node { return graph.Cumprod(x, 2) },
		"cummax": func(x node) node { return graph.Cummax(x, 2) }, "cummin": func(x node) node { return graph.Cummin(x, 1) },
		"cumlogsumexp": func(x node) node { return graph.CumLogSumExp(x, 2) }, "sort": func(x node) node { return graph.Sort(x, 2) },
		"top_k":   func(x node) node { v, _ := graph.TopK(x, 2, 2); return v },
		"reshape": func(x node) node { return graph.Reshape(x, 6, 4) }, "transpose": func(x node) node { return graph.Transpose(x, 2, 0, 1) },
		"broadcast_to": func(x node) node { return graph.BroadcastTo(x, 3, 2, 4) }, "pad": func(x node) node { return graph.Pad(x, []int{1, 2}, []int{0, 1}, 0.5) },
		"slice": func(x node) node {
			return graph.Slice(x, graph.Range{Limit: graph.All}, graph.Range{Start: 2, Limit: 0, Step: -1}, graph.Range{Limit: graph.All, Step: 2})
		},
		"reverse": func(x node) node { return graph.Flip(x, 0, 2) }, "roll": func(x node) node { return graph.Roll(x, 3, 2) },
		"tile": func(x node) node { return graph.Tile(x, 2, 1, 2) }, "repeat": func(x node) node { return graph.Repeat(x, 3, 1) },
		"diag": func(x node) node { return graph.Diag(x, 1) }, "diag_part": func(x node) node { return graph.DiagPart(x, -1) },
		"tril": func(x node) node { return graph.Tril(x, -1) }, "triu": func(x node) node { return graph.Triu(x, 1) },
		"one_hot": func(x node) node { return graph.OneHot(x, graph.Float64, 4, 1) },
		"slogdet": func(x node) node { _, l := graph.SLogDet(x); return l },
		"ifft":    func(x node) node { return graph.IFFT(x, 1) }, "rfft": func(x node) node { return graph.RFFT(x, 1) },
		"irfft": func(x node) node { return graph.IRFFT(x, 7, 1) },
	} {
		one(name, f)
	}
	for name, f := range map[string]func(a, b node) node{
		"add": graph.Add, "sub": graph.Sub, "mul": graph.Mul, "div": graph.Div, "pow": graph.Pow, "max": graph.Max, "min": graph.Min, "atan2": graph.Atan2,
		"hypot": graph.Hypot, "mod": graph.Mod, "remainder": graph.Remainder, "copysign": graph.Copysign, "xlogy": graph.Xlogy, "xlog1py": graph.Xlog1py,
		"logaddexp": graph.LogAddExp, "igamma": graph.IGamma, "igammac": graph.IGammaC, "ldexp": graph.Ldexp, "nextafter": graph.NextAfter,
		"bitwise_and": graph.BitwiseAnd, "bitwise_or": graph.BitwiseOr, "bitwise_xor": graph.BitwiseXor, "gcd": graph.Gcd, "shift_left": graph.ShiftLeft, "shift_right": graph.ShiftRight,
		"matmul": graph.MatMul, "solve": graph.Solve, "lstsq": graph.LstSq, "mse": graph.MSE,
		"outer":       func(a, b node) node { return graph.Outer(graph.Reshape(a, 12), graph.Reshape(b, 8)) },
		"kron":        func(a, b node) node { return graph.Kron(graph.Reshape(a, 3, 4), b) },
		"segment_sum": func(x, s node) node { return graph.SegmentSum(x, s, 3) }, "segment_max": func(x, s node) node { return graph.SegmentMax(x, s, 3) },
		"segment_min": func(x, s node) node { return graph.SegmentMin(x, s, 3) }, "segment_prod": func(x, s node) node { return graph.SegmentProd(x, s, 3) },
		"linear_recurrence": func(a, b node) node { return graph.LinearRecurrence(a, b, 0) },
		"searchsorted":      func(s, v node) node { return graph.Searchsorted(s, v, false) },
		"concat":            func(x, y node) node { return graph.Concat(1, x, y) },
		"gather":            func(x, i node) node { return graph.Gather(x, i, 1) }, "take_along_axis": func(x, i node) node { return graph.TakeAlongAxis(x, i, 1) },
		"dynamic_slice":    func(x, i node) node { return graph.DynamicSlice(x, i, 2, 2) },
		"dot_general":      func(a, b node) node { return graph.DotGeneral(a, b, []int{2}, []int{1}, []int{0}, []int{0}) },
		"triangular_solve": func(a, b node) node { return graph.TriangularSolve(a, b) },
		"rms_norm":         func(x, s node) node { return graph.RMSNorm(x, s, []int{2}, 1e-5) },
		"cross_entropy":    func(x, c node) node { return graph.CrossEntropy(x, c, 1) },
		"huber":            func(x, y node) node { return graph.Huber(x, y, 0.8) },
		"softmax_cross_entropy": func(x, p node) node {
			return graph.SoftmaxCrossEntropy(x, p, 1)
		},
		"sigmoid_cross_entropy": graph.SigmoidCrossEntropy,
		"csr_matmul": func(v, x node) node {
			return graph.CSRFromCOO(3, 4, []int{0, 0, 1, 2, 2}, []int{1, 3, 0, 2, 3}, v).MatMul(x)
		},
		"csr_solve": func(v, b node) node {
			return graph.CSRFromCOO(3, 3, []int{0, 0, 1, 1, 2}, []int{0, 2, 0, 1, 2}, v).Solve(b)
		},
	} {
		two(name, f)
	}
	for name, f := range map[string]func(a, b, c node) node{
		"fma": graph.FMA, "lerp": graph.Lerp, "clip": graph.Clip, "where": graph.Where, "interp": graph.Interp,
		"betainc":              func(a, b, x node) node { return graph.BetaInc(graph.StopGradient(a), graph.StopGradient(b), x) },
		"dynamic_update_slice": graph.DynamicUpdateSlice,
		"einsum":               func(a, b, c node) node { return graph.Einsum("bij,jk,ik->bk", a, b, c) },
		"scatter_set":          func(x, u, i node) node { return graph.ScatterSet(x, i, u, 0) },
		"scatter_max":          func(x, u, i node) node { return graph.ScatterMax(x, i, u, 0) },
		"scatter_min":          func(x, u, i node) node { return graph.ScatterMin(x, i, u, 0) },
		"scatter_add":          func(x, u, i node) node { return graph.ScatterAddTo(x, i, u, 0) },
		"layer_norm":           func(x, s, b node) node { return graph.LayerNorm(x, s, b, []int{2}, 1e-5) },
		"attention":            func(q, k, v node) node { return graph.Attention(q, k, v, graph.AttentionOptions{}) },
	} {
		three(name, f)
	}
	of("scatter_multiply", "scatter_mul", func(x nodes) node { return graph.ScatterMul(x[0], x[2], x[1], 0) })
	of("bessel_i1", "bessel_i", func(x nodes) node { return graph.BesselI(1, x[0]) })
	of("selu", "elu", func(x nodes) node { return graph.Selu(x[0]) })
	of("gelu_tanh", "gelu", func(x nodes) node { return graph.GeluTanh(x[0]) })
	of("equal", "eq", func(x nodes) node { return graph.Equal(x[0], x[1]) })
	of("less", "lt", func(x nodes) node { return graph.Less(x[0], x[1]) })
	of("cumsum_reverse", "cumsum", func(x nodes) node { return graph.Cumsum(x[0], 1, graph.Reverse) })
	of("stack", "concat", func(x nodes) node { return graph.Stack(1, x[0], x[1]) })
	for _, mode := range []string{"edge", "reflect", "symmetric", "wrap"} {
		of("pad_"+mode, "pad_mode", func(x nodes) node { return graph.PadMode(x[0], []int{1, 2}, []int{1, 1}, mode) })
	}
	add("lu", "lu", func(x nodes) nodes { l, u, _ := graph.LU(x[0]); return nodes{l, u} })
	add("qr", "qr", func(x nodes) nodes {
		q, r := graph.QR(x[0])
		sign := graph.Sign(graph.DiagPart(r, 0))
		return nodes{graph.Mul(q, sign), graph.Mul(r, graph.ExpandDims(sign, 1))}
	})
	add("eigh", "eigh", func(x nodes) nodes {
		w, v := graph.Eigh(graph.Mul(graph.Like(x[0], 0.5), graph.Add(x[0], graph.Transpose(x[0]))))
		return nodes{w, graph.Square(v)}
	})
	for _, matrix := range []string{"pair", "pairs", "real"} {
		add("eig_values_"+matrix, "eig", func(x nodes) nodes { w, _ := graph.Eig(x[0]); return nodes{w.Pairs()} })
		add("eig_sizes_"+matrix, "eig", func(x nodes) nodes { _, v := graph.Eig(x[0]); return nodes{v.Mul(v.Conj()).Re} })
		add("eig_projectors_"+matrix, "eig", func(x nodes) nodes {
			_, v := graph.Eig(x[0])
			row := func(z graph.Complex, axis int) graph.Complex {
				return graph.Complex{Re: graph.ExpandDims(z.Re, axis), Im: graph.ExpandDims(z.Im, axis)}
			}
			return nodes{row(v, 1).Mul(row(v.Conj(), 0)).Pairs()}
		})
		add("eig_both_"+matrix, "eig", func(x nodes) nodes {
			w, v := graph.Eig(x[0])
			n := w.Re.Shape()[0]
			factors := graph.Add(graph.Iota(w.Re.Graph(), w.Re.DType(), 0, n), graph.Like(w.Re, 1))
			h := w.Scale(graph.Like(w.Re, 0.25)).Exp().Scale(factors)
			return nodes{v.Mul(h).MatMul(inverse(v)).Pairs()}
		})
	}
	add("svd", "svd", func(x nodes) nodes { u, s, vt := graph.SVD(x[0]); return nodes{graph.Square(u), s, graph.Square(vt)} })
	for _, ord := range []string{"fro", "nuc", "2"} {
		of("matrix_norm_"+ord, "matrix_norm", func(x nodes) node { return graph.MatrixNorm(x[0], ord) })
	}
	of("tridiagonal_solve", "tridiagonal_solve", func(x nodes) node { return graph.TridiagonalSolve(x[0], x[1], x[2], x[3]) })
	of("conv_1d", "conv", func(x nodes) node {
		return graph.Conv(x[0], x[1], graph.Window{Strides: []int{2}, Padding: []int{1, 1}, Dilation: []int{2}})
	})
	of("conv_2d", "conv", func(x nodes) node {
		return graph.Conv(x[0], x[1], graph.Window{Strides: []int{1, 2}, Padding: []int{1, 1, 0, 0}})
	})
	of("conv_groups", "conv", func(x nodes) node {
		return graph.Conv(x[0], x[1], graph.Window{Padding: []int{1, 1, 1, 1}, Groups: 2})
	})
	of("conv_3d", "conv", func(x nodes) node { return graph.Conv(x[0], x[1], graph.Window{}) })
	of("conv_transpose_1d", "conv_input_grad", func(x nodes) node {
		return graph.ConvTranspose(x[0], x[1], graph.Window{Strides: []int{2}, Padding: []int{1, 1}}, 1)
	})
	of("conv_transpose_2d", "conv_input_grad", func(x nodes) node {
		return graph.ConvTranspose(x[0], x[1], graph.Window{Strides: []int{2, 2}, Dilation: []int{2, 2}, Groups: 2})
	})
	of("max_pool", "max_pool", func(x nodes) node {
		v, _ := graph.MaxPool(x[0], []int{2, 3}, graph.Window{Strides: []int{2, 1}, Padding: []int{1, 1, 1, 1}})
		return v
	})
	of("avg_pool", "avg_pool", func(x nodes) node {
		return graph.AvgPool(x[0], []int{2, 3}, graph.Window{Strides: []int{2, 2}, Padding: []int{1, 1, 1, 1}}, false)
	})
	of("avg_pool_padding", "avg_pool", func(x nodes) node {
		return graph.AvgPool(x[0], []int{3, 3}, graph.Window{Strides: []int{2, 2}, Padding: []int{1, 1, 1, 1}}, true)
	})
	of("resize_linear", "resize", func(x nodes) node { return graph.Resize(x[0], "linear", []int{7, 3}) })
	of("resize_corners", "resize", func(x nodes) node { return graph.Resize(x[0], "linear", []int{7, 9}, graph.AlignCorners) })
	of("resize_nearest", "resize", func(x nodes) node { return graph.Resize(x[0], "nearest", []int{7, 3}) })
	of("batch_norm", "batch_norm", func(x nodes) node { return graph.BatchNorm(x[0], x[1], x[2], x[3], x[4], 1, 1e-5) })
	of("batch_norm_training", "batch_norm", func(x nodes) node {
		y, _, _ := graph.BatchNormTraining(x[0], x[1], x[2], 1, 1e-5)
		return y
	})
	of("attention_causal", "attention", func(x nodes) node {
		return graph.Attention(x[0], x[1], x[2], graph.AttentionOptions{Causal: true, Scale: 0.3})
	})
	of("fft", "fft", func(x nodes) node { return graph.FFT(x[0], 1) })
	of("fft_2d", "fft", func(x nodes) node { return graph.FFT(x[0]) })
	of("csr_sampled_matmul", "csr_sampled_matmul", func(x nodes) node {
		m := graph.CSRFromCOO(3, 4, []int{0, 0, 1, 2, 2}, []int{1, 3, 0, 2, 3}, graph.BroadcastTo(graph.Like(x[0], 1), 5))
		return m.SampledMatMul(x[0], x[1]).Values
	})
}

// inverse is that of a complex matrix, by its real form [[a, −b], [b, a]].
func inverse(z graph.Complex) graph.Complex {
	n := z.Re.Shape()[0]
	real := graph.Concat(0, graph.Concat(1, z.Re, graph.Neg(z.Im)), graph.Concat(1, z.Im, z.Re))
	columns := graph.Slice(graph.Inv(real), graph.Range{Limit: graph.All}, graph.Range{Limit: n})
	parts := graph.Split(columns, 0, n, n)
	return graph.Complex{Re: parts[0], Im: parts[1]}
}
