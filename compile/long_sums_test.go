package compile_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// TestLongSums holds the error of every operator that adds many elements against its Op.Accuracy, in float32 with millions of terms of one sign, and of
// operators and derivatives that are made of them. The truth is a compensated sum in float64.
func TestLongSums(t *testing.T) {
	const n = 1 << 22
	// Mostly 1/10 as a float32, for which the roundings of one chain all go the same way for long, with others in between.
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(float32(0.1))
		if i%64 == 5 {
			_, f := math.Modf(float64(i) * math.Phi)
			v[i] = float64(float32(0.05 + f/10))
		}
	}
	sum := func(terms int, f func(i int) float64) float64 { // Neumaier's
		s, c := 0.0, 0.0
		for i := range terms {
			x := f(i)
			u := s + x
			if math.Abs(s) >= math.Abs(x) {
				c += s - u + x
			} else {
				c += x - u + s
			}
			s = u
		}
		return s + c
	}
	plain := func(terms int) float64 { return sum(terms, func(i int) float64 { return v[i] }) }
	squares := func(terms int) float64 { return sum(terms, func(i int) float64 { return v[i] * v[i] }) }
	type node = *graph.Node
	gradient := func(cost, x node) node { return must[[]node](t)(compile.Gradient(cost, x))[0] }
	reshaped := func(x node, shape ...int) node { return graph.Reshape(x, shape...) }
	zeros := func(x node, terms int) node { return graph.Constant(x.Graph(), make([]int64, terms), terms) }
	ones := func(x node, shape ...int) node { // that no pass can know
		return graph.BroadcastTo(graph.Max(graph.Slice(x, graph.Range{Limit: 1}), graph.Like(x, 1)), shape...)
	}
	all := func(k int) []int64 { // 0 … k−1
		s := make([]int64, k)
		for i := range s {
			s[i] = int64(i)
		}
		return s
	}
	// The bound is relative to the sum, in units of 2⁻²⁴; where several elements come out, the last is looked at.
	const products, inOrder, tree = 322, 1.1, 72 + 22
	nearOne := func(x node) node {
		return graph.Add(graph.Mul(graph.Ceil(x), graph.Like(x, 0x1p-20)), graph.Like(x, 1))
	}
	product := math.Exp(sum(n, func(i int) float64 { return math.Log1p(math.Ceil(v[i]) * 0x1p-20) }))
	tested := map[string]bool{}
	for _, c := range []struct {
		what  string
		terms int
		f     func(x node) node
		want  float64
		bound float64
	}{
		{"reduce_sum", n, func(x node) node { return graph.Sum(x) }, plain(n), tree},
		{"reduce_sum of columns", n, func(x node) node { return graph.ReduceSum(reshaped(x, n/2, 2), []int{0}) }, sum(n/2, func(i int) float64 { return v[2*i+1] }), tree},
		{"reduce_mean", n, func(x node) node { return graph.Mean(x) }, plain(n) / n, tree + 2},
		{"2-norm", n, func(x node) node { return graph.ReduceL2(x, nil) }, math.Sqrt(squares(n)), tree},
		{"variance", n, func(x node) node { return graph.ReduceVar(x, nil, 0) }, squares(n)/n - plain(n)/n*plain(n)/n, 20 * tree},
		{"logsumexp", n, func(x node) node { return graph.LogSumExp(x, nil) }, math.Log(sum(n, func(i int) float64 { return math.Exp(v[i]) })), tree},
		{"mean squared error", n, func(x node) node { return graph.MSE(x, graph.Mul(x, graph.Like(x, 2))) }, squares(n) / n, tree + 2},
		{"reduce_prod", n, func(x node) node { // of neighbours of 1
			return graph.ReduceProd(nearOne(x), nil)
		}, product, n},
		{"matmul", n, func(x node) node { return graph.MatMul(reshaped(x, 1, n), reshaped(x, n, 1)) }, squares(n), products},
		{"matmul of three columns", n, func(x node) node {
			return graph.MatMul(reshaped(graph.Slice(x, graph.Range{Limit: n / 2}), 1, n/2), graph.BroadcastTo(reshaped(graph.Slice(x, graph.Range{Limit: n / 2}), n/2, 1), n/2, 3))
		}, squares(n / 2), products},
		{"einsum", n, func(x node) node {
			return graph.Einsum("ij,ij->", reshaped(x, 1<<11, 1<<11), reshaped(x, 1<<11, 1<<11))
		}, squares(n), products},
		{"conv", n, func(x node) node {
			return graph.Conv(reshaped(x, 1, 4, n/4), reshaped(x, 1, 4, n/4), graph.Window{})
		}, squares(n), products},
		{"gradient of filters", n, func(x node) node {
			w := ones(x, 1, 1, 1)
			return gradient(graph.Sum(graph.Mul(graph.Conv(reshaped(x, 4, 1, n/4), w, graph.Window{}), reshaped(x, 4, 1, n/4))), w)
		}, squares(n), products},
		{"gradient of the input of conv", n, func(x node) node {
			y := ones(x, 1, 1, 1)
			return gradient(graph.Sum(graph.Mul(graph.Conv(y, reshaped(x, n, 1, 1), graph.Window{}), reshaped(x, 1, n, 1))), y)
		}, squares(n), products},
		{"cumsum", n, func(x node) node { return graph.Cumsum(x, 0) }, plain(n), inOrder},
		{"cumsum of columns", n, func(x node) node { return graph.Cumsum(reshaped(x, n/2, 2), 0) }, sum(n/2, func(i int) float64 { return v[2*i+1] }), inOrder},
		{"cumsum, exclusive", n, func(x node) node { return graph.Cumsum(x, 0, graph.Exclusive) }, plain(n - 1), inOrder},
		{"gradient of cumsum", n, func(x node) node {
			y := ones(x, n)
			return graph.Slice(gradient(graph.Sum(graph.Mul(graph.Cumsum(y, 0), x)), y), graph.Range{Limit: 1})
		}, plain(n), inOrder},
		{"cumprod", n, func(x node) node {
			return graph.Cumprod(nearOne(x), 0)
		}, product, inOrder},
		{"cumlogsumexp", n, func(x node) node { return graph.CumLogSumExp(x, 0) }, math.Log(sum(n, func(i int) float64 { return math.Exp(v[i]) })), 2},
		{"linear_recurrence", n, func(x node) node { return graph.LinearRecurrence(ones(x, n), x, 0) }, plain(n), inOrder},
		{"linear_recurrence of columns", n, func(x node) node {
			return graph.LinearRecurrence(ones(x, n/2, 2), reshaped(x, n/2, 2), 0)
		}, sum(n/2, func(i int) float64 { return v[2*i+1] }), inOrder},
		{"scatter_add", n, func(x node) node { return graph.ScatterAdd(zeros(x, n), x, 0, 1) }, plain(n), inOrder},
		{"scatter_add of long parts", n, func(x node) node { return graph.ScatterAdd(zeros(x, n/16), reshaped(x, n/16, 16), 0, 1, 16) },
			sum(n/16, func(i int) float64 { return v[16*i+15] }), inOrder},
		{"scatter_add_to", 256, func(x node) node {
			first, others := graph.Slice(x, graph.Range{Limit: 1}), graph.Slice(x, graph.Range{Start: 1, Limit: 256})
			return x.Graph().Apply(graph.LookupOp("scatter_add_to"), []node{first, zeros(x, 255), others}, attr.Make(attr.I("axis", 0)))
		}, plain(256), 256},
		{"scatter_add of few", 256, func(x node) node { return graph.ScatterAdd(zeros(x, 256), x, 0, 1) }, plain(256), 256},
		{"gradient of gather", n, func(x node) node {
			table := ones(x, 1)
			return gradient(graph.Sum(graph.Mul(graph.Gather(table, zeros(x, n), 0), x)), table)
		}, plain(n), inOrder},
		{"segment_sum", n, func(x node) node { return graph.SegmentSum(x, zeros(x, n), 1) }, plain(n), inOrder},
		{"segment_prod", n, func(x node) node {
			return graph.SegmentProd(nearOne(x), zeros(x, n), 1)
		}, product, n},
		{"scatter_along_axis_add", n, func(x node) node {
			return graph.ScatterAlongAxisAdd(reshaped(zeros(x, n), n/2, 2), reshaped(x, n/2, 2), 0, 1, 2)
		}, sum(n/2, func(i int) float64 { return v[2*i+1] }), inOrder},
		{"csr_matmul", n, func(x node) node { return graph.NewCSR(1, n, []int64{0, n}, all(n), x).MatMul(x) }, squares(n), inOrder},
		{"csr_matmul, transposed", n, func(x node) node {
			return graph.NewCSR(n, 1, append(all(n), n), make([]int64, n), x).TransposedMatMul(x)
		}, squares(n), inOrder},
		{"csr_sampled_matmul", n, func(x node) node {
			return graph.NewCSR(1, 1, []int64{0, 1}, []int64{0}, ones(x, 1)).SampledMatMul(reshaped(x, 1, n), reshaped(x, 1, n)).Values
		}, squares(n), inOrder},
		{"avg_pool", n, func(x node) node {
			return graph.AvgPool(reshaped(x, 1, 1, 1<<11, 1<<11), []int{1 << 11, 1 << 11}, graph.Window{}, false)
		}, plain(n) / n, inOrder + 1},
		{"gradient of avg_pool", 1 << 12, func(x node) node { // the elements in the middle belong to all windows
			y := reshaped(x, 1, 1, 1<<12)
			return graph.Slice(gradient(graph.Sum(graph.Mul(graph.AvgPool(y, []int{1 << 11}, graph.Window{Strides: []int{1}}, false), reshaped(graph.Slice(x, graph.Range{Limit: 1<<11 + 1}), 1, 1, 1<<11+1))), y),
				graph.Range{Limit: graph.All}, graph.Range{Limit: graph.All}, graph.Range{Start: 1<<11 - 1, Limit: 1 << 11})
		}, plain(1<<11) / (1 << 11), inOrder + 1},
		{"gradient of resize", n, func(x node) node {
			y := ones(x, 1, 1, 1)
			return gradient(graph.Sum(graph.Mul(graph.Resize(y, "nearest", []int{n}), reshaped(x, 1, 1, n))), y)
		}, plain(n), tree},
		{"slice_transpose", 1 << 10, func(x node) node {
			var pieces []node
			for i := range 1 << 10 {
				pieces = append(pieces, graph.Slice(x, graph.Range{Start: i, Limit: i + 1}))
			}
			return graph.SliceTranspose(graph.Shape{1}, make([]int, 1<<10), slices.Repeat([]int{1}, 1<<10), pieces...)
		}, plain(1 << 10), 1 << 10},
		{"gradient of a bias", n, func(x node) node {
			b := ones(x, 1)
			return gradient(graph.Sum(graph.Mul(graph.Add(x, b), x)), b)
		}, plain(n), tree},
		{"fft, element 0", n, func(x node) node { return graph.Slice(graph.FFT(graph.Stack(1, x, x), 0), graph.Range{Limit: 1}) }, plain(n), 8 * 23},
		{"ifft, element 0", n, func(x node) node { return graph.Slice(graph.IFFT(graph.Stack(1, x, x), 0), graph.Range{Limit: 1}) }, plain(n) / n, 8 * 23},
		{"rfft, element 0", n, func(x node) node { return graph.Slice(graph.RFFT(x, 0), graph.Range{Limit: 1}, graph.Range{Limit: 1}) }, plain(n), 8 * 23},
		{"irfft, element 0", n/2 + 1, func(x node) node { return graph.Slice(graph.IRFFT(graph.Stack(1, x, x), n, 0), graph.Range{Limit: 1}) },
			(2*plain(n/2+1) - v[0] - v[n/2]) / n, 8 * 23},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float32, c.terms)
		y := c.f(x)
		if err := g.Err(); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		for i := range g.Len() {
			tested[g.Node(i).Op().Name] = true
		}
		p, err := testkit.CompileAndRun(compile.Config{}, point(x, v[:c.terms]), y)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		got := p[0].F[len(p[0].F)-1]
		if e := math.Abs(got/c.want-1) * (1 << 24); !(e <= c.bound) {
			t.Errorf("%s: %v, want %v: error %.4g u, stated %.4g u", c.what, got, c.want, e, c.bound)
		} else {
			t.Logf("%s: error %.3g u, stated %.4g u", c.what, e, c.bound)
		}
	}
	for _, op := range graph.Ops() { // those that state no accuracy are in testdata/choices.txt
		if op.Accuracy != "" && op.Family != graph.FamilyUser && !tested[op.Name] {
			t.Errorf("%s states an accuracy that no case tests", op.Name)
		}
	}
}
