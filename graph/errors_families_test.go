package graph_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// float adds an input of the shape.
func float(g *graph.Graph, name string, shape ...int) *graph.Node {
	return g.Input(name, graph.Float64, shape...)
}

// Mistakes with matrices, convolutions, Fourier transforms and sparse matrices.
func init() {
	badInput = append(badInput, []struct {
		op, text string
		build    func(g *graph.Graph, in inputs) int
	}{
		{"triangular_solve", "are not square", func(_ *graph.Graph, in inputs) int { graph.TriangularSolve(in.x, in.x); return here() }},
		{"triangular_solve", "no option has the number 9", func(_ *graph.Graph, in inputs) int { graph.TriangularSolve(in.x, in.x, 9); return here() }},
		{"solve", "does not suit the matrices", func(g *graph.Graph, in inputs) int {
			graph.Solve(float(g, "a", 3, 3), in.x)
			return here() - 1
		}},
		{"solve", "do not broadcast", func(g *graph.Graph, _ inputs) int {
			graph.Solve(float(g, "a", 2, 3, 3), float(g, "c", 4, 3, 1))
			return here() - 1
		}},
		{"solve", "are below 2 and 2", func(_ *graph.Graph, in inputs) int { graph.Solve(in.four, in.x); return here() }},
		{"solve", "does not suit", func(g *graph.Graph, _ inputs) int {
			graph.Solve(float(g, "a", 3, 3), g.Input("c", graph.Float32, 3, 1))
			return here() - 1
		}},
		{"inv", "are not square", func(_ *graph.Graph, in inputs) int { graph.Inv(in.x); return here() }},
		{"inv", "the operand is i64[2×3]", func(_ *graph.Graph, in inputs) int { graph.Inv(in.i); return here() }},
		{"det", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.Det(in.four); return here() }},
		{"cofactor", "are not square", func(_ *graph.Graph, in inputs) int { graph.Cofactor(in.x); return here() }},
		{"cofactor_derivative", "the direction is f64[2×3]", func(g *graph.Graph, in inputs) int {
			graph.Call(graph.LookupOp("cofactor_derivative"), float(g, "a", 3, 3), in.x)
			return here() - 1
		}},
		{"slogdet", "are not square", func(_ *graph.Graph, in inputs) int { graph.SLogDet(in.x); return here() }},
		{"expm", "are not square", func(_ *graph.Graph, in inputs) int { graph.Expm(in.x); return here() }},
		{"cholesky", "are not square", func(_ *graph.Graph, in inputs) int { graph.Cholesky(in.x); return here() }},
		{"lu", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.LU(in.four); return here() }},
		{"qr", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.QR(in.four); return here() }},
		{"eigh", "are not square", func(_ *graph.Graph, in inputs) int { graph.Eigh(in.x); return here() }},
		{"svd", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.SVD(in.i); return here() }},
		{"gap_divide", "need the same type", func(_ *graph.Graph, in inputs) int { graph.GapDivide(in.x, in.four); return here() }},
		{"tridiagonal_solve", "the lower diagonal is f64[4]", func(_ *graph.Graph, in inputs) int {
			graph.TridiagonalSolve(in.four, in.four, in.four, in.x)
			return here() - 1
		}},
		{"lstsq", "does not suit the matrices", func(_ *graph.Graph, in inputs) int { graph.LstSq(in.x, in.four); return here() }},
		{"matrix_norm", `no matrix norm is called "3"`, func(_ *graph.Graph, in inputs) int { graph.MatrixNorm(in.x, "3"); return here() }},
		{"trace", "needs rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.Trace(in.four); return here() }},
		{"outer", "operands are float64 and float32", func(_ *graph.Graph, in inputs) int { graph.Outer(in.x, in.f); return here() }},
		{"kron", "need rank 2 or more", func(_ *graph.Graph, in inputs) int { graph.Call(graph.LookupOp("kron"), in.x, in.four); return here() }},
		{"dot_general", "extents 2 and 3", func(_ *graph.Graph, in inputs) int {
			graph.DotGeneral(in.x, in.x, []int{0}, []int{1}, nil, nil)
			return here() - 1
		}},
		{"dot_general", "out of range", func(_ *graph.Graph, in inputs) int {
			graph.DotGeneral(in.x, in.x, []int{2}, []int{-3}, nil, nil)
			return here() - 1
		}},
		{"dot_general", "given twice", func(_ *graph.Graph, in inputs) int {
			graph.DotGeneral(in.x, in.x, []int{0}, []int{0}, []int{0}, []int{1})
			return here() - 1
		}},
		{"dot_general", "has 1 dimensions, contract_b 0", func(_ *graph.Graph, in inputs) int {
			graph.DotGeneral(in.x, in.x, []int{0}, nil, nil, nil)
			return here() - 1
		}},
		{"einsum", "has 2 operands, not 1", func(_ *graph.Graph, in inputs) int { graph.Einsum("ij,jk->ik", in.x); return here() }},
		{"einsum", "names 3 dimensions of operand 0", func(_ *graph.Graph, in inputs) int { graph.Einsum("ijk", in.x); return here() }},
		{"einsum", "dimensions 0 and 1 of operand 0 have the extents 2 and 3", func(_ *graph.Graph, in inputs) int { graph.Einsum("ii", in.x); return here() }},
		{"einsum", "belongs to no operand", func(_ *graph.Graph, in inputs) int { graph.Einsum("ij->ik", in.x); return here() }},
		{"einsum", "twice", func(_ *graph.Graph, in inputs) int { graph.Einsum("ij->ii", in.x); return here() }},
		{"einsum", "is not made of letters", func(_ *graph.Graph, in inputs) int { graph.Einsum("i1", in.x); return here() }},
		{"einsum", "the result's term \"\" lacks the ellipsis", func(_ *graph.Graph, in inputs) int { graph.Einsum("...->", in.x); return here() }},
		{"einsum", "operand 1 is float32", func(_ *graph.Graph, in inputs) int { graph.Einsum("ij,ij", in.x, in.f); return here() }},

		{"conv", "need the same rank, 3 to 5", func(_ *graph.Graph, in inputs) int { graph.Conv(in.x, in.x, graph.Window{}); return here() }},
		{"conv", "3 channels in 1 groups", func(g *graph.Graph, _ inputs) int {
			graph.Conv(float(g, "a", 1, 3, 5), float(g, "w", 2, 2, 2), graph.Window{})
			return here() - 1
		}},
		{"conv", "does not fit into the extent 5", func(g *graph.Graph, _ inputs) int {
			graph.Conv(float(g, "a", 1, 3, 5), float(g, "w", 2, 3, 6), graph.Window{})
			return here() - 1
		}},
		{"conv", "need to be at least 1", func(g *graph.Graph, _ inputs) int {
			graph.Conv(float(g, "a", 1, 3, 5), float(g, "w", 2, 3, 2), graph.Window{Strides: []int{0}})
			return here() - 1
		}},
		{"max_pool", "padding -1, 0", func(g *graph.Graph, _ inputs) int {
			graph.MaxPool(float(g, "a", 1, 3, 5), []int{2}, graph.Window{Padding: []int{-1, 0}})
			return here() - 1
		}},
		{"conv", "need 1 entries each", func(g *graph.Graph, _ inputs) int {
			graph.Conv(float(g, "a", 1, 3, 5), float(g, "w", 2, 3, 2), graph.Window{Strides: []int{1, 1}})
			return here() - 1
		}},
		{"conv_input_grad", "output padding 2 of a stride of 2", func(g *graph.Graph, _ inputs) int {
			graph.ConvTranspose(float(g, "a", 1, 3, 5), float(g, "w", 3, 2, 2), graph.Window{Strides: []int{2}}, 2)
			return here() - 1
		}},
		{"conv_input_grad", "extent below 0", func(g *graph.Graph, _ inputs) int {
			graph.ConvTranspose(float(g, "a", 1, 3, 1), float(g, "w", 3, 2, 2), graph.Window{Padding: []int{3, 3}})
			return here() - 1
		}},
		{"max_pool", "window 0 of spatial dimension 0 has no element but padding", func(g *graph.Graph, _ inputs) int {
			graph.MaxPool(float(g, "a", 1, 3, 5), []int{2}, graph.Window{Padding: []int{2, 0}})
			return here() - 1
		}},
		{"max_pool", "needs rank 3 to 5", func(_ *graph.Graph, in inputs) int { graph.MaxPool(in.x, nil, graph.Window{}); return here() }},
		{"resize", `the mode is "quintic"`, func(g *graph.Graph, _ inputs) int {
			graph.Resize(float(g, "a", 1, 3, 5), "quintic", []int{7})
			return here() - 1
		}},
		{"resize", "as many entries as spatial dimensions", func(g *graph.Graph, _ inputs) int {
			graph.Resize(float(g, "a", 1, 3, 5), "linear", []int{7, 7})
			return here() - 1
		}},
		{"resize", "the mode linear needs float32, float64", func(_ *graph.Graph, in inputs) int {
			graph.ResizeWith(graph.Reshape(in.i, 1, 1, -1), graph.ResizeOptions{Sizes: []int{7}})
			return here() - 1
		}},
		{"resize", "a filter of more than 4096", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 1, 5000), graph.ResizeOptions{Sizes: []int{2}, Antialias: true})
			return here() - 1
		}},
		{"resize", "for 0 axes of f64: need", func(_ *graph.Graph, in inputs) int {
			graph.ResizeWith(graph.Sum(in.x), graph.ResizeOptions{})
			return here() - 1
		}},
		{"resize", `the mode is "area": need linear, nearest or cubic`, func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Mode: "area"})
			return here() - 1
		}},
		{"resize", `the transformation of coordinates is "corners": need half_pixel, `, func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Coordinates: "corners"})
			return here() - 1
		}},
		{"resize", `the rounding is "up"`, func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Rounding: "up"})
			return here() - 1
		}},
		{"resize", `the policy of the aspect ratio is "largest"`, func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{KeepAspectRatio: "largest"})
			return here() - 1
		}},
		{"resize", "axis 3 is out of range", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Axes: []int{3}, Sizes: []int{7}})
			return here() - 1
		}},
		{"resize", "axis -1 is given twice", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Axes: []int{2, -1}, Sizes: []int{7, 7}})
			return here() - 1
		}},
		{"resize", "0 sizes and 0 scales for 1 axes", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{})
			return here() - 1
		}},
		{"resize", "1 sizes and 1 scales", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{7}, Scales: []float64{1.5}})
			return here() - 1
		}},
		{"resize", "2 sizes and 0 scales", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{7, 7}})
			return here() - 1
		}},
		{"resize", "the region has 1 numbers", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{7}, Coordinates: "tf_crop_and_resize", Region: []float64{1}})
			return here() - 1
		}},
		{"resize", "no filter to antialias", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{7}, Mode: "nearest", Antialias: true})
			return here() - 1
		}},
		{"resize", "kept within sizes", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Scales: []float64{2}, KeepAspectRatio: "not_larger"})
			return here() - 1
		}},
		{"resize", "need finite numbers", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Scales: []float64{math.NaN()}})
			return here() - 1
		}},
		{"resize", "need finite numbers", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{7}, Mode: "cubic", CubicSlope: new(math.Inf(1))})
			return here() - 1
		}},
		{"resize", "need finite numbers", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{7}, Coordinates: "tf_crop_and_resize", Region: []float64{0, math.Inf(1)}})
			return here() - 1
		}},
		{"resize", "from 5 elements to 0", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Sizes: []int{0}})
			return here() - 1
		}},
		{"resize", "from 5 elements to 0", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Scales: []float64{-2}})
			return here() - 1
		}},
		{"resize", "from 5 elements to 0", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Axes: []int{1, 2}, Sizes: []int{3, 0}, KeepAspectRatio: "not_smaller"})
			return here() - 1
		}},
		{"resize", "4194304 are the most", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Scales: []float64{1e300}})
			return here() - 1
		}},
		{"resize", "4194304 are the most", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Axes: []int{1, 2}, Sizes: []int{1 << 22, 5}, KeepAspectRatio: "not_smaller"})
			return here() - 1
		}},
		{"resize", "[1 2097152 3495253] has more than", func(g *graph.Graph, _ inputs) int {
			graph.ResizeWith(float(g, "a", 1, 3, 5), graph.ResizeOptions{Axes: []int{1, 2}, Sizes: []int{1 << 21, 5}, KeepAspectRatio: "not_smaller"})
			return here() - 1
		}},

		{"fft", "needs a trailing dimension of extent 2", func(_ *graph.Graph, in inputs) int { graph.FFT(in.x, 0); return here() }},
		{"ifft", "given twice", func(g *graph.Graph, _ inputs) int { graph.IFFT(float(g, "a", 4, 2), 0, -1); return here() }},
		{"rfft", "the operand is int64", func(_ *graph.Graph, in inputs) int { graph.RFFT(in.i, 0); return here() }},
		{"irfft", "4 coefficients do not belong to the length 8", func(g *graph.Graph, _ inputs) int { graph.IRFFT(float(g, "a", 4, 2), 8, 0); return here() }},

		{"csr_matmul", "needs 2 rows", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 2, []int64{0, 2, 4}, []int64{0, 1, 0, 1}, in.four).MatMul(in.four)
			return here() - 1
		}},
		{"csr_matmul", "the other operand f32[2×3]", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 2, []int64{0, 2, 4}, []int64{0, 1, 0, 1}, in.four).TransposedMatMul(in.f)
			return here() - 1
		}},
		{"csr_solve", "2×3, not square", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 3, []int64{0, 2, 4}, []int64{0, 1, 0, 1}, in.four).Solve(in.four)
			return here() - 1
		}},
		{"csr_sampled_matmul", "for 2 rows", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 3, []int64{0, 2, 4}, []int64{0, 1, 0, 1}, in.four).SampledMatMul(in.four, in.four)
			return here() - 1
		}},
		{"csr_sampled_matmul", "needs 4 rows", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 4, []int64{0, 2, 4}, []int64{0, 1, 0, 1}, in.four).SampledMatMul(in.x, in.x)
			return here() - 1
		}},
		{"csr", "do not ascend", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 2, []int64{0, 5, 4}, []int64{0, 1, 0, 1}, in.four)
			return here() - 1
		}},
		{"csr", "column 2 (entry 1) is out of range", func(_ *graph.Graph, in inputs) int {
			graph.NewCSR(2, 2, []int64{0, 2, 4}, []int64{0, 2, 0, 1}, in.four)
			return here() - 1
		}},
		{"csr", "entry 3 at (2, 0) is outside of the 2×2 matrix", func(_ *graph.Graph, in inputs) int {
			graph.CSRFromCOO(2, 2, []int{0, 0, 1, 2}, []int{0, 1, 0, 0}, in.four)
			return here() - 1
		}},
	}...)
}

// The constructors of these families too accept an invalid operand silently.
func TestMistakesInFamiliesAreReportedOnce(t *testing.T) {
	g := graph.New()
	x := float(g, "x", 3)
	bad := graph.Add(x, float(g, "y", 4))
	nodes := []*graph.Node{
		graph.TriangularSolve(bad, x), graph.TriangularSolve(x, bad), graph.Solve(bad, x), graph.Solve(x, bad), graph.LstSq(bad, x), graph.Inv(bad), graph.Det(bad), graph.Expm(bad),
		graph.TridiagonalSolve(x, x, x, bad), graph.TridiagonalSolve(bad, x, x, x), graph.Cholesky(bad), graph.GapDivide(x, bad), graph.Outer(bad, x), graph.Kron(x, bad), graph.Trace(bad),
		graph.MatrixNorm(bad, "9"), graph.DotGeneral(x, bad, nil, nil, nil, nil), graph.Einsum("ij", bad), graph.Conv(bad, x, graph.Window{}), graph.ConvTranspose(x, bad, graph.Window{}),
		graph.AvgPool(bad, nil, graph.Window{}, true), graph.Resize(bad, "", nil), graph.FFT(bad), graph.IFFT(bad, 7), graph.RFFT(bad, 3), graph.IRFFT(bad, 4, 4),
	}
	pair := func(a, b *graph.Node) { nodes = append(nodes, a, b) }
	pair(graph.SLogDet(bad))
	pair(graph.QR(bad))
	pair(graph.Eigh(bad))
	pair(graph.MaxPool(bad, nil, graph.Window{}))
	l, u, p := graph.LU(bad)
	left, s, right := graph.SVD(bad)
	for _, m := range []*graph.CSR{graph.NewCSR(1, 1, nil, nil, bad), graph.CSRFromCOO(0, 0, nil, nil, bad)} {
		nodes = append(nodes, m.MatMul(x), m.TransposedMatMul(x), m.Solve(x), m.TransposedSolve(x), m.SampledMatMul(x, x).Values, m.Transposed().Values, m.Dense())
	}
	for i, y := range append(nodes, l, u, p, left, s, right) {
		if y.Valid() {
			t.Errorf("%d: %v is valid", i, y)
		}
	}
	if err := g.Err(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("Err() = %v, want one mistake", err)
	}
}
