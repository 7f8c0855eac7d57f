package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// Squares is a sum of squares of residuals that are computed elsewhere: from data on many machines (package vm/shard), say. Of residuals r and their Jacobian J it is told the products of columns, which are sums over the data.
type Squares struct {
	// Evaluate returns the Gram matrix AᵀA of A = [J r] at x, row by row: JᵀJ, with Jᵀr as the last column and row and rᵀr in the corner. It must not keep x. Where the residuals cannot be computed there are NaNs or infinities in it, and the step is shortened;
	// an error ends the solution.
	Evaluate func(ctx context.Context, x map[string][]float64) (gram []float64, err error)
	// Parameters are the names of the parameters in the order of the columns of J.
	Parameters []string
	// Residuals is their number, which only Result.DegreesOfFreedom and what follows from it need.
	Residuals int
	// KnownErrors, Lower and Upper are as in Problem.
	KnownErrors  bool
	Lower, Upper Values
}

// MinimizeSquares finds a minimum of the sum of squares by the Levenberg–Marquardt method, from the start on, which has all elements of each parameter. The result, the options and errors are those of Solver.Solve. Each point is evaluated once.
//
// Steps solve the normal equations by Cholesky's decomposition, which loses twice the digits that the orthogonal decomposition of a Problem loses. That makes steps of badly conditioned problems worse, not the solution: Jᵀr is as it is given.
func MinimizeSquares(ctx context.Context, f Squares, start Values, o Options) (*Result, error) {
	if f.Evaluate == nil {
		return nil, errors.New("optimize: there is no function")
	}
	if f.Residuals < 0 {
		return nil, fmt.Errorf("optimize: %d residuals", f.Residuals)
	}
	g := graph.New()
	p := Problem{Lower: f.Lower, Upper: f.Upper, Method: LevenbergMarquardt, KnownErrors: f.KnownErrors}
	for _, name := range f.Parameters {
		p.Parameters = append(p.Parameters, g.Input(name, graph.Float64, len(start[name])))
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	gram := &program{size: 1}
	s := &Solver{problem: p, values: gram, jacobian: gram, count: f.Residuals}
	if err := s.check(); err != nil {
		return nil, err
	}
	var at []float64
	gram.evaluate = func(ctx context.Context, x []float64) ([][]float64, error) {
		if slices.Equal(at, x) { // the Jacobian is asked for where the residuals were
			return gram.out, nil
		}
		v, err := f.Evaluate(ctx, s.named(x))
		if err != nil {
			return nil, err
		}
		if len(v) != (s.n+1)*(s.n+1) {
			return nil, fmt.Errorf("optimize: the Gram matrix of %d parameters has %d numbers: needs %d", s.n, len(v), (s.n+1)*(s.n+1))
		}
		at = slices.Clone(x)
		return [][]float64{v}, nil
	}
	return s.Solve(ctx, start, o)
}

// GramMatrix returns the matrix that Squares is told, of residuals of any shape with the Jacobian J by wrt, all float64: (n+1)×(n+1) for n elements of wrt. Where rows are cut into shards, residuals are multiplied by the rows' weight.
func GramMatrix(residuals *graph.Node, wrt ...*graph.Node) (*graph.Node, error) {
	var columns []*graph.Node
	m := residuals.Shape().Size()
	for _, x := range wrt {
		j, err := compile.Jacobian(residuals, x)
		if err != nil {
			return nil, err
		}
		columns = append(columns, graph.Reshape(j, m, x.Shape().Size()))
	}
	a := graph.Concat(1, append(columns, graph.Reshape(residuals, m, 1))...)
	gram := graph.MatMul(graph.Transpose(a), a)
	return gram, gram.Graph().Err()
}

// gram is a Jacobian J of which, with the residuals r, the products A = [J r]ᵀ[J r] are known. A vector of residuals is that of its coefficients: of n columns of J, and of r.
type gram struct {
	n      int
	a      []float64
	free   []int
	scale  []float64 // of the free columns
	right  []float64
	factor *square
}

func newGram(n int) *gram { return &gram{n: n, a: make([]float64, (n+1)*(n+1))} }

func (g *gram) set(blocks [][]float64) { copy(g.a, blocks[0]) }

func (g *gram) row(i int) []float64 { return g.a[i*(g.n+1) : (i+1)*(g.n+1)] }

func (g *gram) norms(d []float64) {
	for i := range d {
		d[i] = math.Sqrt(max(0, g.row(i)[i]))
	}
}

func (g *gram) gradient(r, to []float64) {
	for i := range to {
		to[i] = floats.Dot(g.row(i), r)
	}
}

func (g *gram) product(p, y []float64) {
	copy(y, p)
	y[g.n] = 0
}

func (g *gram) square(y []float64) float64 {
	sum := 0.0
	for i, v := range y {
		if v != 0 {
			sum += v * floats.Dot(g.row(i), y)
		}
	}
	return max(0, sum)
}

func (g *gram) begin(free []int, scale, r []float64) {
	g.free, g.scale, g.right = slices.Clone(free), g.scale[:0], g.right[:0]
	for _, i := range free {
		g.scale = append(g.scale, scale[i])
		g.right = append(g.right, -floats.Dot(g.row(i), r)/scale[i])
	}
}

func (g *gram) step(lambda float64, p []float64) bool {
	k := len(g.free)
	g.factor = newSquare(k)
	largest := 0.0
	for a, i := range g.free {
		for b, j := range g.free {
			g.factor.set(a, b, g.row(i)[j]/g.scale[a]/g.scale[b])
		}
		g.factor.set(a, a, g.factor.at(a, a)+lambda)
		largest = max(largest, g.factor.at(a, a))
	}
	if !g.factor.cholesky() {
		return false
	}
	for i := range k {
		if l := g.factor.at(i, i); !(l*l > float64(k)*0x1p-52*largest) { // rounding
			return false
		}
	}
	copy(p, g.right)
	g.forward(p)
	g.backward(p)
	return finite(p[:k])
}

// forward replaces b by L⁻¹·b, backward by L⁻ᵀ·b.
func (g *gram) forward(b []float64) {
	for i := range g.free {
		for j := range i {
			b[i] -= g.factor.at(i, j) * b[j]
		}
		b[i] /= g.factor.at(i, i)
	}
}

func (g *gram) backward(b []float64) {
	for i := len(g.free) - 1; i >= 0; i-- {
		for j := i + 1; j < len(g.free); j++ {
			b[i] -= g.factor.at(j, i) * b[j]
		}
		b[i] /= g.factor.at(i, i)
	}
}

func (g *gram) quadratic(w []float64) float64 {
	v := slices.Clone(w)
	g.forward(v)
	return floats.Dot(v, v)
}

func (g *gram) inverse(k int) [][]float64 {
	c := make([][]float64, k)
	for i := range c {
		c[i] = make([]float64, k)
		c[i][i] = 1
		g.forward(c[i])
		g.backward(c[i])
	}
	return c
}
