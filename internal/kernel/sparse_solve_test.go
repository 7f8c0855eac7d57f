package kernel

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// sparseCase is a matrix in compressed rows.
type sparseCase struct {
	rows, cols []int64
	values     []float64
}

// sparse makes the matrix of those entries that are not 0.
func sparse(dense [][]float64) sparseCase {
	c := sparseCase{rows: []int64{0}}
	for _, row := range dense {
		for j, v := range row {
			if v != 0 {
				c.cols, c.values = append(c.cols, int64(j)), append(c.values, v)
			}
		}
		c.rows = append(c.rows, int64(len(c.cols)))
	}
	return c
}

func square(n int) [][]float64 {
	d := make([][]float64, n)
	for i := range d {
		d[i] = make([]float64, n)
	}
	return d
}

func (s sparseCase) call(t *testing.T, state any, b []float64, transposed bool) ([]float64, *sparseLU, error) {
	t.Helper()
	n := len(s.rows) - 1
	shape := sh(n, len(b)/n)
	in := []Tensor{newTensor(Type{dtype.Int64, sh(n + 1)}), newTensor(Type{dtype.Int64, sh(len(s.cols))}), newTensor(Type{dtype.Float64, sh(len(s.cols))}), newTensor(Type{dtype.Float64, shape})}
	copy(in[0].I64, s.rows)
	copy(in[1].I64, s.cols)
	copy(in[2].F64, s.values)
	copy(in[3].F64, b)
	f, _ := state.(*sparseLU)
	if f == nil {
		f = newSparseLU(n, len(s.cols))
	}
	out := newTensor(Type{dtype.Float64, shape})
	err := csrSolve[float64](&Call{In: in, Out: []Tensor{out}, State: f, Attrs: attrs(attr.B("transpose", transposed)), Work: alignedBytes(scratchOfSupernodes())})
	return out.F64, f, err
}

// gauss solves with complete rows as pivots, refined once in twice the precision of its residual.
func gauss(a [][]float64, b []float64, transposed bool) []float64 {
	n := len(a)
	m, matrix := square(n), square(n)
	for i := range n {
		for j := range n {
			if matrix[i][j] = a[i][j]; transposed {
				matrix[i][j] = a[j][i]
			}
		}
	}
	solve := func(b []float64) []float64 {
		x := append([]float64{}, b...)
		for i := range m {
			copy(m[i], matrix[i])
		}
		for k := range n {
			p := k
			for i := k + 1; i < n; i++ {
				if math.Abs(m[i][k]) > math.Abs(m[p][k]) {
					p = i
				}
			}
			m[k], m[p] = m[p], m[k]
			x[k], x[p] = x[p], x[k]
			for i := k + 1; i < n; i++ {
				f := m[i][k] / m[k][k]
				if f == 0 {
					continue
				}
				for j := k; j < n; j++ {
					m[i][j] -= f * m[k][j]
				}
				x[i] -= f * x[k]
			}
		}
		for k := n - 1; k >= 0; k-- {
			for j := k + 1; j < n; j++ {
				x[k] -= m[k][j] * x[j]
			}
			x[k] /= m[k][k]
		}
		return x
	}
	x := solve(b)
	r := make([]float64, n)
	for i := range n {
		sum, low := b[i], 0.0
		for j := range n {
			p := matrix[i][j] * x[j]
			low -= math.FMA(matrix[i][j], x[j], -p)
			s := sum - p
			v := s - sum
			low += (sum - (s - v)) + (-p - v)
			sum = s
		}
		r[i] = sum + low
	}
	for i, d := range solve(r) {
		x[i] += d
	}
	return x
}

// The ways that decompositions go.
const (
	exchanged = iota
	unsymmetric
	symmetric
)

// TestSparseSolveWays compares solutions by each way, of several right-hand sides and transposed, with those of the dense matrix.
func TestSparseSolveWays(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	laplace := func(n int, skew float64) [][]float64 { // five points on a grid of n by n
		d := square(n * n)
		for i := range n {
			for j := range n {
				k := i*n + j
				d[k][k] = 4 + r.Float64()
				if j > 0 {
					d[k][k-1], d[k-1][k] = -1-skew, -1
				}
				if i > 0 {
					d[k][k-n], d[k-n][k] = -1, -1+skew
				}
			}
		}
		return d
	}
	random := func(n, each int, sym bool) [][]float64 {
		d := square(n)
		for i := range n {
			d[i][i] += 3 + 2*float64(each)
			for range each {
				j, v := r.IntN(n), r.NormFloat64()
				if j == i {
					continue
				}
				if d[i][j] = v; sym {
					d[j][i] = v
				}
			}
		}
		return d
	}
	tridiagonal := func(n int, upper, lower float64) [][]float64 {
		d := square(n)
		for i := range n {
			d[i][i] = 2.5
			if i > 0 {
				d[i-1][i], d[i][i-1] = upper, lower
			}
		}
		return d
	}
	permuted := func(d [][]float64) [][]float64 {
		p := r.Perm(len(d))
		e := square(len(d))
		for i := range d {
			e[p[i]] = d[i]
		}
		return e
	}
	scaled := func(d [][]float64, rows, cols bool) [][]float64 {
		for i := range d {
			for j := range d {
				if rows {
					d[i][j] *= math.Ldexp(1, 7*(i%9)-28)
				}
				if cols {
					d[i][j] *= math.Ldexp(1, 7*(j%9)-28)
				}
			}
		}
		return d
	}
	tree := func(n int) [][]float64 { // a path with branches: chains that meet
		d := square(n)
		for i := range n {
			d[i][i] = 4
			if p := i * 2 / 3; i > 0 {
				d[i][p], d[p][i] = -1, -1
			}
		}
		return d
	}
	arrow := func(n int) [][]float64 {
		d := square(n)
		for i := range n {
			d[i][i] = float64(n)
			d[i][0], d[0][i] = 1, 1
		}
		d[0][0] = float64(n)
		return d
	}
	indefinite := laplace(6, 0)
	for i := range indefinite {
		indefinite[i][i] = 5 - 9*float64(i%2)
	}
	zeros := tridiagonal(20, 1, 1)
	for i := range zeros {
		zeros[i][i] = 0
	}
	missing := random(30, 3, false)
	missing[4][4], missing[17][17] = 0, 0
	for _, c := range []struct {
		name string
		d    [][]float64
		way  int
	}{
		{"1 by 1", [][]float64{{-3}}, unsymmetric}, {"1 by 1, positive", [][]float64{{3}}, symmetric}, {"diagonal", random(9, 0, true), symmetric},
		{"grid", laplace(13, 0), symmetric}, {"grid, skew", laplace(13, 0.25), unsymmetric}, {"grid, indefinite", indefinite, unsymmetric},
		{"random, symmetric", random(90, 3, true), symmetric}, {"random", random(90, 3, false), unsymmetric}, {"full", random(40, 200, true), symmetric}, {"full, unsymmetric", random(40, 200, false), unsymmetric},
		{"path", tridiagonal(50, -1, -1), symmetric}, {"path, skew", tridiagonal(50, -1, 0.5), unsymmetric}, {"upper", tridiagonal(12, 1, 0), unsymmetric}, {"tree", tree(70), symmetric}, {"arrow", arrow(25), symmetric},
		{"permuted", permuted(random(60, 2, false)), exchanged}, {"no diagonal", zeros, exchanged}, {"entries of the diagonal missing", missing, exchanged},
		{"scaled on both sides", scaled(laplace(9, 0), true, true), symmetric}, {"rows scaled", scaled(random(50, 2, false), true, false), exchanged}, {"columns scaled", scaled(random(50, 2, false), false, true), unsymmetric},
	} {
		s := sparse(c.d)
		n := len(c.d)
		var state any
		for _, transposed := range []bool{false, true} {
			for _, k := range []int{1, 2, 11} {
				b := make([]float64, n*k)
				for i := range b {
					b[i] = r.NormFloat64()
				}
				x, f, err := s.call(t, state, b, transposed)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				state = f
				if way := map[bool]int{false: exchanged, true: unsymmetric}[f.direct]; f.direct && f.super.symmetric && c.way != symmetric || way != min(c.way, unsymmetric) || c.way == symmetric && !f.super.symmetric {
					t.Fatalf("%s: decomposed another way", c.name)
				}
				for j := range k {
					column := make([]float64, n)
					for i := range column {
						column[i] = b[i*k+j]
					}
					want := gauss(c.d, column, transposed)
					for i, w := range want {
						size := math.Abs(w)
						for q := range want { // elements of widely different sizes are each accurate only if their equations are scaled alike
							if !strings.Contains(c.name, "scaled") {
								size = max(size, math.Abs(want[q]))
							}
						}
						if !(math.Abs(x[i*k+j]-w) <= 1e-12*size+1e-300) {
							t.Fatalf("%s, transposed %v, %d columns: element %d of column %d is %v, want %v", c.name, transposed, k, i, j, x[i*k+j], w)
						}
					}
				}
			}
		}
	}
}

// TestSparseSolveAgain gives one state matrices of several ways and patterns in turns: the bits are those of a new state.
func TestSparseSolveAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n = 30
	make := func(sym, positive, other bool) sparseCase {
		d := square(n)
		for i := range n {
			d[i][i] = 6
			if !positive && i%3 == 0 {
				d[i][i] = 0.01
			}
			p := (i + 1) % n
			if other {
				p = (i + 7) % n
			}
			v := r.Float64()
			if d[i][p], d[p][i] = v, v; !sym {
				d[p][i] = -2 * v
			}
		}
		return sparse(d)
	}
	b := randomTensor(r, dtype.Float64, n, 3).F64
	var state any
	for round := range 24 {
		s := make(round%2 == 0, round%4 < 3, round%5 == 0)
		x, f, err := s.call(t, state, b, round%3 == 0)
		if err != nil {
			t.Fatal(err)
		}
		state = f
		want, _, err := s.call(t, nil, b, round%3 == 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if math.Float64bits(x[i]) != math.Float64bits(w) {
				t.Fatalf("round %d: element %d is %v, with a new state %v", round, i, x[i], w)
			}
		}
	}
}

// Solutions with a matrix and its transpose share a decomposition, whichever way that goes.
func TestSparseSolveShares(t *testing.T) {
	d := square(5)
	for i := range d {
		d[i][i], d[i][(i+2)%5] = 3, 1+float64(i)/8
	}
	for _, corner := range []float64{3, 0} { // with and without exchanges
		d[0][0] = corner
		s := sparse(d)
		b := []float64{1, 2, 3, 4, 5}
		var state any
		for k, want := range []int{1, 1, 1, 2, 2} {
			if k == 3 {
				s.values[0] += 0.25
			}
			_, f, err := s.call(t, state, b, k%2 == 1)
			if err != nil {
				t.Fatal(err)
			}
			if state = f; f.decompositions != want {
				t.Errorf("%d decompositions behind call %d, want %d", f.decompositions, k, want)
			}
		}
	}
}

// A matrix that is singular but for rounding has no solution unless the right-hand side has none of what is missing.
func TestSparseSolveNearlySingular(t *testing.T) {
	const n = 40
	d := square(n) // differences with free ends
	for i := range n - 1 {
		w := 1 + 0.37*float64(i%7)
		d[i][i], d[i+1][i+1] = d[i][i]+w, d[i+1][i+1]+w
		d[i][i+1], d[i+1][i] = -w, -w
	}
	s := sparse(d)
	b := make([]float64, n)
	b[0] = 1
	_, _, err := s.call(t, nil, b, false)
	if err == nil || !strings.Contains(err.Error(), "singular") {
		t.Fatalf("the error is %v", err)
	}
	s.values[0] *= 2 // one end is held
	if x, _, err := s.call(t, nil, b, false); err != nil || !(math.Abs(x[0]-x[n-1]) < 1e-9*math.Abs(x[0])) {
		t.Fatalf("%v, %v", x, err)
	}
	s.values[3] = math.NaN()
	if _, _, err := s.call(t, nil, b, false); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Fatalf("the error is %v", err)
	}
}

// TestSupernodes checks the structure for grids and paths: blocks hold all entries, and a path is one chain.
func TestSupernodes(t *testing.T) {
	path := sparseCase{rows: []int64{0}}
	const n = 200
	for i := range n {
		for j := max(0, i-1); j <= min(n-1, i+1); j++ {
			path.cols = append(path.cols, int64(j))
		}
		path.rows = append(path.rows, int64(len(path.cols)))
	}
	var m minDegree
	order := m.order(path.rows, path.cols, func(int) {})
	f := analyse(path.rows, path.cols, order, func(int) {}, func(int64) error { return nil })
	if most := f.chain[0]; most < n-5 {
		t.Errorf("a path of %d has a chain of %d", n, most)
	}
	if len(f.pairs) != 2*n-1 {
		t.Errorf("%d pairs", len(f.pairs))
	}
	lists := grid(20)
	rows, cols := []int64{0}, []int64{}
	for i, list := range lists {
		for _, j := range append(list, i) {
			cols = append(cols, int64(j))
		}
		rows = append(rows, int64(len(cols)))
	}
	order = m.order(rows, cols, func(int) {})
	f = analyse(rows, cols, order, func(int) {}, func(int64) error { return nil })
	stored := 0
	for s := range len(f.first) - 1 {
		w := int(f.first[s+1] - f.first[s])
		stored += w*(w-1)/2 + w*(f.rowBegin[s+1]-f.rowBegin[s])
	}
	if needed := fill(lists, f.sequence); stored < needed || float64(stored) > 1.3*float64(needed) {
		t.Errorf("blocks store %d entries, the factor has %d", stored, needed)
	}
	if len(f.first) > 400/2 {
		t.Errorf("%d supernodes", len(f.first)-1)
	}
}
