package work

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

// operand is an input of linear algebra: values of a shape, the last two dimensions being matrices.
type operand struct {
	shape  []int
	values []float64
}

// general matrices hold scattered numbers, right-hand sides others; symmetric ones are (A + Aᵀ)/2, positive ones have n/4 on the diagonal besides.
func general(s ...int) operand { return operand{s, inputs.Scattered(graph.Shape(s).Size(), 0)} }
func right(s ...int) operand   { return operand{s, inputs.Scattered(graph.Shape(s).Size(), 7)} }

func symmetric(s ...int) operand {
	x := general(s...)
	n := s[len(s)-1]
	for at := 0; at < len(x.values); at += n * n {
		a := x.values[at : at+n*n]
		for i := range n {
			for j := range i + 1 {
				v := (a[i*n+j] + a[j*n+i]) / 2
				a[i*n+j], a[j*n+i] = v, v
			}
		}
	}
	return x
}

func positive(s ...int) operand {
	x := symmetric(s...)
	n := s[len(s)-1]
	for i := 0; i < len(x.values); i += n * n {
		for d := range n {
			x.values[i+d*(n+1)] += float64(n) / 4
		}
	}
	return x
}

// decomposition is a workload: its operands, its results, and the checksum.
type decomposition struct {
	name   string
	single bool // exists in float32 too
	in     func() []operand
	build  func(in []*graph.Node) ([]*graph.Node, error)
	check  func(out [][]float64) []float64
}

func one(f func(in []*graph.Node) *graph.Node) func(in []*graph.Node) ([]*graph.Node, error) {
	return func(in []*graph.Node) ([]*graph.Node, error) { return []*graph.Node{f(in)}, nil }
}

func total(out [][]float64) []float64 { return []float64{inputs.Sum(out[0])} }

func squares(out [][]float64) []float64 {
	var sums []float64
	for _, x := range out {
		sums = append(sums, inputs.SumOfSquares(x))
	}
	return sums
}

// powers are the sum of cubed values and that of fourth powers of vectors, which do not depend on signs.
func powers(out [][]float64) []float64 {
	cubes, fourth := 0.0, 0.0
	for _, w := range out[0] {
		cubes += w * w * w
	}
	for _, v := range out[1] {
		fourth += v * v * v * v
	}
	return []float64{cubes, fourth}
}

func cholesky(in []*graph.Node) *graph.Node { return graph.Cholesky(in[0]) }
func solve(in []*graph.Node) *graph.Node    { return graph.Solve(in[0], in[1]) }

func eigh(in []*graph.Node) ([]*graph.Node, error) {
	w, v := graph.Eigh(in[0])
	return []*graph.Node{w, v}, nil
}

func decompositions() []decomposition {
	equations := func(n, m int, batch ...int) func() []operand {
		return func() []operand {
			a := general
			if len(batch) > 0 {
				a = positive
			}
			return []operand{a(append(batch, n, n)...), right(append(batch, n, m)...)}
		}
	}
	just := func(a func(s ...int) operand, s ...int) func() []operand {
		return func() []operand { return []operand{a(s...)} }
	}
	list := []decomposition{
		{"solve512", true, equations(512, 1), one(solve), squares},
		{"solve512.many", false, equations(512, 512), one(solve), squares},
		{"triangular512", false, func() []operand { return []operand{positive(512, 512), right(512, 512)} },
			one(func(in []*graph.Node) *graph.Node { return graph.TriangularSolve(in[0], in[1]) }), squares},
		{"lu512", false, just(general, 512, 512), func(in []*graph.Node) ([]*graph.Node, error) {
			l, u, _ := graph.LU(in[0])
			return []*graph.Node{l, u}, nil
		}, func(out [][]float64) []float64 {
			return []float64{inputs.SumOfSquares(out[0]) - 512 + inputs.SumOfSquares(out[1])} // without the ones on the diagonal
		}},
		{"qr512", false, just(general, 512, 512), func(in []*graph.Node) ([]*graph.Node, error) {
			q, r := graph.QR(in[0])
			return []*graph.Node{q, r}, nil
		}, func(out [][]float64) []float64 {
			sum := 0.0
			for i := range 512 {
				sum += math.Abs(out[1][i*513])
			}
			return []float64{sum, inputs.SumOfSquares(out[0])}
		}},
		{"eigh256", true, just(symmetric, 256, 256), eigh, powers},
		{"svd256", false, just(general, 256, 256), func(in []*graph.Node) ([]*graph.Node, error) {
			u, s, vt := graph.SVD(in[0])
			return []*graph.Node{s, u, vt}, nil
		}, powers},
		{"cholesky8.batch", true, just(positive, 10000, 8, 8), one(cholesky), total},
		{"solve4.batch", false, equations(4, 1, 10000), one(solve), squares},
		{"solve32.batch", false, equations(32, 1, 1000), one(solve), squares},
		{"eigh3.batch", false, just(symmetric, 1000, 3, 3), eigh, powers},
		{"cholesky512.gradient", false, just(positive, 512, 512), func(in []*graph.Node) ([]*graph.Node, error) {
			l := graph.Cholesky(in[0])
			d := graph.Slice(graph.Reshape(l, 512*512), graph.Range{Limit: graph.All, Step: 513})
			return compile.Gradient(graph.Sum(graph.Mul(graph.Log(d), graph.Like(d, 2))), in...)
		}, squares},
		{"logdet512.gradient", false, just(positive, 512, 512), func(in []*graph.Node) ([]*graph.Node, error) {
			_, logarithm := graph.SLogDet(in[0])
			return compile.Gradient(logarithm, in...)
		}, squares},
		{"solve512.gradient", false, func() []operand { return []operand{positive(512, 512), right(512, 1)} }, func(in []*graph.Node) ([]*graph.Node, error) {
			return compile.Gradient(graph.Sum(graph.Square(solve(in))), in...)
		}, squares},
	}
	for _, n := range []int{64, 512, 1024} {
		list = append(list, decomposition{fmt.Sprintf("cholesky%d", n), true, just(positive, n, n), one(cholesky), total})
	}
	return list
}

func init() {
	for _, d := range decompositions() {
		register(d.name, "float64", func() (*protocol.Item, error) { return decompose[float64](d) })
		if d.single {
			register(d.name, "float32", func() (*protocol.Item, error) { return decompose[float32](d) })
		}
	}
}

func decompose[T inputs.Float](d decomposition) (*protocol.Item, error) {
	g := graph.New()
	operands := d.in()
	var in []*graph.Node
	for i, o := range operands {
		in = append(in, g.Input(fmt.Sprintf("a%d", i), dtypeOf[T](), o.shape...))
	}
	out, err := d.build(in)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i] = out[i].Named(fmt.Sprintf("out%d", i))
	}
	m, err := machine(map[string]float64{}, out...)
	if err != nil {
		return nil, err
	}
	for i, o := range operands {
		values := make([]T, len(o.values))
		for k, v := range o.values {
			values[k] = T(v)
		}
		if err := fill(m, in[i].Name(), values); err != nil {
			return nil, err
		}
	}
	return item(m, nil, func() []float64 {
		var results [][]float64
		for _, o := range out {
			var wide []float64
			for _, v := range view[T](m, o.Name()) {
				wide = append(wide, float64(v))
			}
			results = append(results, wide)
		}
		return d.check(results)
	})
}
