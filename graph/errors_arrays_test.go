package graph_test

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// Mistakes with activations, special functions, scans, segments, sorting, scatters, layouts, interpolation, random numbers and losses.
func init() {
	key := func(g *graph.Graph) *graph.Node { return graph.RandomKey(g, 1) }
	badInput = append(badInput, []struct {
		op, text string
		build    func(g *graph.Graph, in inputs) int
	}{
		{"elu", "need the same dtype, one of float32, float64", func(_ *graph.Graph, in inputs) int { graph.Elu(in.i, 1); return here() }},
		{"clip", "operands are float64 and float32", func(_ *graph.Graph, in inputs) int { graph.Clip(in.x, in.x, in.f); return here() }},
		{"lerp", "do not broadcast", func(_ *graph.Graph, in inputs) int { graph.Lerp(in.x, in.x, in.four); return here() }},
		{"sinc", "the operand is int64", func(_ *graph.Graph, in inputs) int { graph.Sinc(in.i); return here() }},
		{"xlogy", "operands are bool", func(_ *graph.Graph, in inputs) int { graph.Xlogy(in.b, in.b); return here() }},
		{"polygamma", "operands are int64", func(_ *graph.Graph, in inputs) int { graph.Polygamma(1, in.i); return here() }},
		{"betainc", "operands are float64 and float32", func(_ *graph.Graph, in inputs) int { graph.BetaInc(in.x, in.f, in.x); return here() }},

		{"cumprod", "axis 2 is out of range for rank 2", func(_ *graph.Graph, in inputs) int { graph.Cumprod(in.x, 2); return here() }},
		{"cumlogsumexp", "the operand is int64", func(_ *graph.Graph, in inputs) int { graph.CumLogSumExp(in.i, 0); return here() }},
		{"linear_recurrence", "do not broadcast", func(_ *graph.Graph, in inputs) int { graph.LinearRecurrence(in.x, in.four, 0); return here() }},
		{"linear_recurrence", "need the same type", func(_ *graph.Graph, in inputs) int { graph.LinearRecurrence(in.x, in.f, 0); return here() }},
		{"reduce_var", "ddof -1 is below 0", func(_ *graph.Graph, in inputs) int { graph.ReduceVar(in.x, nil, -1); return here() }},
		{"reduce_std", "axis -3 is out of range", func(_ *graph.Graph, in inputs) int { graph.ReduceStd(in.x, []int{-3}, 0); return here() }},
		{"count_nonzero", "axis 1 is given twice", func(_ *graph.Graph, in inputs) int { graph.CountNonzero(in.x, []int{1, 1}); return here() }},
		{"segment_sum", "need int32 or int64 of shape [2]", func(_ *graph.Graph, in inputs) int { graph.SegmentSum(in.x, in.four, 2); return here() }},
		{"segment_max", "-1 segments", func(g *graph.Graph, in inputs) int {
			graph.SegmentMax(in.x, graph.Constant(g, []int64{0, 1}, 2), -1)
			return here() - 1
		}},

		{"sort", "axis -3 is out of range", func(_ *graph.Graph, in inputs) int { graph.Sort(in.x, -3); return here() }},
		{"argsort", "axis 5 is out of range", func(_ *graph.Graph, in inputs) int { graph.Argsort(in.b, 5); return here() }},
		{"top_k", "k = 4 is outside of [0, 3], the extent of axis 1", func(_ *graph.Graph, in inputs) int { graph.TopK(in.x, 4, 1); return here() }},
		{"searchsorted", "need the same dtype", func(_ *graph.Graph, in inputs) int { graph.Searchsorted(in.four, in.f, false); return here() }},
		{"searchsorted", "do not suit the elements", func(_ *graph.Graph, in inputs) int { graph.Searchsorted(in.x, in.four, false); return here() }},
		{"take_along_axis", "the indices are float64", func(_ *graph.Graph, in inputs) int { graph.TakeAlongAxis(in.x, in.x, 0); return here() }},
		{"take_along_axis", "differ in more than axis 0", func(_ *graph.Graph, in inputs) int { graph.TakeAlongAxis(in.four, in.i, 0); return here() }},
		{"scatter_along_axis_add", "need the shape [2×3] of the indices", func(_ *graph.Graph, in inputs) int {
			graph.ScatterAlongAxisAdd(in.i, in.four, 0, 5, 3)
			return here() - 1
		}},
		{"dynamic_slice", "does not fit into the shape [2×3]", func(g *graph.Graph, in inputs) int {
			graph.DynamicSlice(in.x, graph.Constant(g, []int64{0, 0}, 2), 3, 1)
			return here() - 1
		}},
		{"dynamic_slice", "the beginnings are f64[4]", func(_ *graph.Graph, in inputs) int { graph.DynamicSlice(in.x, in.four, 1, 1); return here() }},
		{"dynamic_update_slice", "the update float32", func(_ *graph.Graph, in inputs) int { graph.DynamicUpdateSlice(in.x, in.f, in.i); return here() }},
		{"scatter_set", "the updates are f64[2×3]: need the shape [2×3×3]", func(_ *graph.Graph, in inputs) int {
			graph.ScatterSet(in.x, in.i, in.x, 0)
			return here() - 1
		}},
		{"scatter_max", "axis 7 is out of range", func(_ *graph.Graph, in inputs) int { graph.ScatterMax(in.x, in.i, in.x, 7); return here() }},
		{"scatter_mul", "need the same dtype", func(_ *graph.Graph, in inputs) int { graph.ScatterMul(in.b, in.i, in.b, 0); return here() }},
		{"scatter_add", "axis 2 is out of range", func(_ *graph.Graph, in inputs) int { graph.ScatterAddTo(in.x, in.i, in.x, 2); return here() }},

		{"pad", "need 2 entries each", func(_ *graph.Graph, in inputs) int { graph.Pad(in.x, []int{1}, []int{1}, 0); return here() }},
		{"pad", "0 and -4 take more away from dimension 1 than its extent 3", func(_ *graph.Graph, in inputs) int { graph.Pad(in.x, []int{0, 0}, []int{0, -4}, 0); return here() }},
		{"pad_mode", `no padding mode is named "mirror"`, func(_ *graph.Graph, in inputs) int {
			graph.PadMode(in.x, []int{0, 0}, []int{0, 0}, "mirror")
			return here() - 1
		}},
		{"reverse", "axis 2 is out of range", func(_ *graph.Graph, in inputs) int { graph.Flip(in.x, 2); return here() }},
		{"roll", "axis 5 is out of range", func(_ *graph.Graph, in inputs) int { graph.Roll(in.x, 1, 5); return here() }},
		{"tile", "-1 repetitions of dimension 1", func(_ *graph.Graph, in inputs) int { graph.Tile(in.x, 2, -1); return here() }},
		{"repeat", "-1 repetitions", func(_ *graph.Graph, in inputs) int { graph.Repeat(in.x, -1, 0); return here() }},
		{"diag_part", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.DiagPart(in.four, 3); return here() }},
		{"diag", "needs rank 1 or more", func(g *graph.Graph, _ inputs) int { graph.Diag(g.Const(1), 0); return here() }},
		{"tril", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.Tril(in.four, 0); return here() }},
		{"one_hot", "the indices are float64", func(_ *graph.Graph, in inputs) int { graph.OneHot(in.x, graph.Float64, 3, 0); return here() }},
		{"one_hot", "extent below 0", func(_ *graph.Graph, in inputs) int { graph.OneHot(in.i, graph.Float64, -1, 0); return here() }},
		{"interp", "need two vectors of the same extent", func(_ *graph.Graph, in inputs) int { graph.Interp(in.x, in.x, in.x); return here() }},
		{"bspline", "knots from 1 to 1", func(_ *graph.Graph, in inputs) int { graph.BSpline(in.x, in.four, 1, 1); return here() }},
		{"bspline", "need a vector of 2 or more", func(_ *graph.Graph, in inputs) int { graph.BSpline(in.x, in.x, 0, 1); return here() }},
		{"bspline_coefficients", "the operand is int64", func(_ *graph.Graph, in inputs) int { graph.BSplineCoefficients(in.i, 0); return here() }},

		{"random_normal", "the key is f64[4]: needs i64[2]", func(_ *graph.Graph, in inputs) int { graph.RandomNormal(in.four, graph.Float64, 3); return here() }},
		{"random_uniform", `the dtype is "int64"`, func(g *graph.Graph, _ inputs) int { graph.RandomUniform(key(g), graph.Int64, 3); return here() }},
		{"random_bits", `the dtype is "float32"`, func(g *graph.Graph, _ inputs) int { graph.RandomBits(key(g), graph.Float32, 3); return here() }},
		{"random_gamma", "the shape parameters are i64[2×3]", func(g *graph.Graph, in inputs) int { graph.RandomGamma(key(g), in.i); return here() }},
		{"random_bernoulli", "the probabilities are", func(g *graph.Graph, in inputs) int { graph.RandomBernoulli(key(g), in.b); return here() }},
		{"random_categorical", "axis 2 is out of range", func(g *graph.Graph, in inputs) int { graph.RandomCategorical(key(g), in.x, 2); return here() }},
		{"random_split", "extent below 0", func(g *graph.Graph, _ inputs) int { graph.RandomSplit(key(g), -1); return here() }},
		{"random_fold_in", "needs an int32 or int64 scalar", func(g *graph.Graph, in inputs) int { graph.RandomFoldIn(key(g), in.x); return here() }},
		{"dropout", "rate 1 is outside of [0, 1)", func(g *graph.Graph, in inputs) int { graph.Dropout(key(g), in.x, 1); return here() }},

		{"layer_norm", "epsilon 0 is not above 0", func(_ *graph.Graph, in inputs) int { graph.LayerNorm(in.x, in.x, in.x, nil, 0); return here() }},
		{"layer_norm", "operand 2 is f64[4]: does not broadcast", func(_ *graph.Graph, in inputs) int {
			graph.LayerNorm(in.x, in.x, in.four, nil, 1e-5)
			return here() - 1
		}},
		{"rms_norm", "axis 2 is out of range", func(_ *graph.Graph, in inputs) int { graph.RMSNorm(in.x, in.x, []int{2}, 1e-5); return here() }},
		{"batch_norm", "operand 1 is f64[4]: needs f64[3]", func(_ *graph.Graph, in inputs) int {
			graph.BatchNorm(in.x, in.four, in.four, in.four, in.four, 1, 1e-5)
			return here() - 1
		}},
		{"cross_entropy", "the labels are i64[2×3]: need int32 or int64 of shape [2]", func(_ *graph.Graph, in inputs) int {
			graph.CrossEntropy(in.x, in.i, 1)
			return here() - 1
		}},
		{"softmax_cross_entropy", "do not broadcast", func(_ *graph.Graph, in inputs) int { graph.SoftmaxCrossEntropy(in.x, in.four, 1); return here() }},
		{"mse", "do not broadcast", func(_ *graph.Graph, in inputs) int { graph.MSE(in.x, in.four); return here() }},
		{"huber", "delta 0 is not above 0", func(_ *graph.Graph, in inputs) int { graph.Huber(in.x, in.x, 0); return here() }},
		{"attention", "need […, L, D], […, S, D] and […, S, E]", func(_ *graph.Graph, in inputs) int {
			graph.Attention(in.x, in.four, in.x, graph.AttentionOptions{})
			return here() - 1
		}},
		{"attention", "the mask is i64[2×2]: needs bool or float64", func(g *graph.Graph, in inputs) int {
			graph.Attention(in.x, in.x, in.x, graph.AttentionOptions{Mask: graph.Ones(g, graph.Int64, 2, 2)})
			return here() - 1
		}},
		{"attention", "the mask is bool[2×3]: does not broadcast to [2×2]", func(_ *graph.Graph, in inputs) int {
			graph.Attention(in.x, in.x, in.x, graph.AttentionOptions{Mask: in.b})
			return here() - 1
		}},
	}...)
}

// The constructors of these families accept an invalid operand silently too.
func TestMistakesWithArraysAreReportedOnce(t *testing.T) {
	g := graph.New()
	x := float(g, "x", 3)
	bad := graph.Add(x, float(g, "y", 4))
	key := graph.RandomKey(g, 1)
	nodes := []*graph.Node{
		graph.Elu(bad, 1), graph.Selu(bad), graph.Gelu(bad), graph.Clip(x, bad, x), graph.Lerp(bad, x, x), graph.Sinc(bad), graph.Polygamma(1, bad), graph.IGamma(x, bad), graph.BetaInc(x, x, bad),
		graph.Cumsum(bad, 0), graph.Cumprod(bad, 9), graph.LinearRecurrence(bad, x, 0), graph.LinearRecurrence(x, bad, 0), graph.ReduceVar(bad, nil, 0), graph.ReduceL2(bad, nil),
		graph.CountNonzero(bad, nil), graph.SegmentSum(bad, x, 2), graph.Sort(bad, 0), graph.Argsort(bad, 0), graph.Searchsorted(x, bad, false), graph.TakeAlongAxis(bad, x, 0),
		graph.ScatterAlongAxisAdd(x, bad, 0, 3), graph.DynamicSlice(bad, x, 1), graph.DynamicUpdateSlice(x, bad, x), graph.ScatterSet(x, x, bad, 0), graph.ScatterAddTo(bad, x, x, 0),
		graph.ScatterAddTo(x, x, bad, 0), graph.Pad(bad, nil, nil, 0), graph.PadMode(bad, nil, nil, ""), graph.Flip(bad), graph.Roll(bad, 1, 0), graph.Tile(bad, 2), graph.Repeat(bad, 2, 0),
		graph.Diag(bad, 0), graph.DiagPart(bad, 0), graph.Tril(bad, 0), graph.OneHot(bad, graph.Bool, 2, 0), graph.Interp(bad, x, x), graph.BSpline(x, bad, 0, 1), graph.BSplineCoefficients(bad, 0),
		graph.RandomNormal(bad, graph.Float64, 2), graph.RandomGamma(key, bad), graph.RandomBeta(bad, x, x), graph.RandomBernoulli(key, bad), graph.RandomCategorical(key, bad, 0), graph.RandomFoldIn(bad, x),
		graph.Dropout(key, bad, 0.5), graph.LayerNorm(bad, x, x, nil, 1), graph.RMSNorm(x, bad, nil, 1), graph.BatchNorm(bad, x, x, x, x, 0, 1), graph.CrossEntropy(bad, x, 0),
		graph.SoftmaxCrossEntropy(x, bad, 0), graph.MSE(bad, x), graph.Huber(x, bad, 1), graph.Attention(bad, x, x, graph.AttentionOptions{}), graph.Call(graph.LookupOp("sin"), bad),
	}
	values, indices := graph.TopK(bad, 1, 0)
	y, mean, variance := graph.BatchNormTraining(bad, x, x, 0, 1)
	nodes = append(append(nodes, values, indices, y, mean, variance), graph.RandomSplit(bad, 2)...)
	for i, y := range nodes {
		if y.Valid() {
			t.Errorf("%d: %v is valid", i, y)
		}
	}
	if err := g.Err(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("Err() = %v, want one mistake", err)
	}
}
