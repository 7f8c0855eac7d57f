package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/pool"
)

// crowd runs items on so many goroutines.
type crowd int

func (n crowd) Parallel(task pool.Task, items int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range int(n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < items; i = int(next.Add(1)) - 1 {
				task.Do(w, i)
			}
		})
	}
	wg.Wait()
}

// aligned is memory with odd contents, between guards that check looks at.
type aligned struct{ all, used []byte }

func memory(n int) aligned {
	all := make([]byte, n+3*alignment)
	for i := range all {
		all[i] = 0xff // NaN
	}
	skip := alignment + int(-uintptr(unsafe.Pointer(&all[alignment]))%alignment)
	return aligned{all, all[skip : skip+n : skip+n]}
}

func (a aligned) check(t *testing.T, what string) {
	t.Helper()
	used := uintptr(unsafe.Pointer(unsafe.SliceData(a.used))) - uintptr(unsafe.Pointer(&a.all[0]))
	for i, b := range a.all {
		if (i < int(used) || i >= int(used)+len(a.used)) && b != 0xff {
			t.Fatalf("%s: scratch is exceeded", what)
		}
	}
}

// plan is what all plans have.
type plan interface {
	Work() int
	Each() int
}

// setting is a way of running a plan; all must give the same bits.
type setting struct {
	level   cpu.Level
	workers int
}

// settings begins with the portable one on one goroutine.
func settings() []setting {
	var all []setting
	for _, l := range cpu.Levels() {
		for _, w := range []int{1, 2, 3, 8} {
			if w == 1 || l == cpu.Supported() {
				all = append(all, setting{l, w})
			}
		}
	}
	return all
}

// with calls run with the scratch of the plan, and looks that no more is used.
func with(t *testing.T, what string, s setting, p plan, run func(r gemm.Runner, work []byte, workers [][]byte)) {
	t.Helper()
	work := memory(p.Work())
	var each []aligned
	var workers [][]byte
	for range s.workers {
		each = append(each, memory(p.Each()))
		workers = append(workers, each[len(each)-1].used)
	}
	run(crowd(s.workers), work.used, workers)
	if p.Each() == 0 {
		t.Errorf("%s: no scratch for goroutines", what)
	}
	work.check(t, what)
	for _, e := range each {
		e.check(t, what)
	}
	if s.workers == 1 {
		if n := testing.AllocsPerRun(1, func() { run(gemm.Serial{}, work.used, workers) }); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func equalBits[T Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i, v := range got {
		if w := want[i]; v != w && (v == v || w == w) || math.Signbit(float64(v)) != math.Signbit(float64(w)) && v == v {
			t.Fatalf("%s: element %d is %v, want %v", what, i, v, w)
		}
	}
}

var extents = []int{0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200, 300}

func epsilon[T Float]() float64 {
	if size[T]() == 4 {
		return 0x1p-24
	}
	return 0x1p-53
}

func random[T Float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// backward reports an element of the product of some factors that differs from that of the matrix by more than so many units in the
// last place of the sum of absolute products.
func backward(t *testing.T, what string, m, n, k int, left, right, want func(i, j int) float64, units float64) {
	t.Helper()
	worst := 0.0
	for i := range m {
		for j := range n {
			sum, carry, size := 0.0, 0.0, 0.0
			for q := range k {
				x, y := left(i, q), right(q, j)
				p := x * y
				size += math.Abs(p)
				carry += math.FMA(x, y, -p)
				s := sum + p
				z := s - sum
				carry += (sum - (s - z)) + (p - z)
				sum = s
			}
			d := math.Abs(sum - want(i, j) + carry)
			if !(d <= units*size) {
				t.Fatalf("%s: element (%d, %d) of the product is %v, want %v: off by %.3g of the sum of absolute values, bound %.3g", what, i, j, sum, want(i, j), d/size, units)
			}
			if size > 0 {
				worst = max(worst, d/size)
			}
		}
	}
	if testing.Verbose() && m > 60 {
		t.Logf("%s: %.2g of %.2g", what, worst, units)
	}
}

func TestCholesky(t *testing.T) {
	t.Run("float64", testCholesky[float64])
	t.Run("float32", testCholesky[float32])
}

// testCholesky: |A − L·Lᵀ| ≤ γ(n+1)·|L|·|Lᵀ| in every element (Higham, Accuracy and Stability of Numerical Algorithms, theorem 10.3).
func testCholesky[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range extents {
		for _, kind := range []string{"random", "graded"} {
			if kind == "graded" && n > 200 {
				continue
			}
			// A = G·Gᵀ + unit matrix, with powers of two as scales.
			a := make([]T, n*n)
			g := random[T](r, n*n)
			for i := range n {
				for j := range i + 1 {
					s := 0.0
					for k := range n {
						s += float64(g[i*n+k]) * float64(g[j*n+k])
					}
					if i == j {
						s += 1
					}
					if kind == "graded" {
						e := 400
						if size[T]() == 4 {
							e = 40
						}
						s = math.Ldexp(s, scaleOf(i, n, e)+scaleOf(j, n, e))
					}
					a[i*n+j] = T(s)
					if i != j {
						a[j*n+i] = T(math.NaN()) // not read
					}
				}
			}
			var want []T
			for _, s := range settings() {
				what := fmt.Sprintf("%s %d, %v, %d goroutines", kind, n, s.level, s.workers)
				l := make([]T, n*n)
				p := NewCholesky[T](1, n, s.level)
				with(t, what, s, p, func(r gemm.Runner, work []byte, workers [][]byte) {
					if p.Run(r, Operands[T]{A: a, X: l}, work, workers) >= 0 {
						t.Fatalf("%s: not positive definite", what)
					}
				})
				if want == nil {
					want = l
					element := func(i, j int) float64 { return float64(l[i*n+j]) }
					backward(t, what, n, n, n, element, func(i, j int) float64 { return element(j, i) }, func(i, j int) float64 { return float64(a[max(i, j)*n+min(i, j)]) },
						float64(n+2)*epsilon[T]())
					for i := range n {
						for j := i + 1; j < n; j++ {
							if l[i*n+j] != 0 {
								t.Fatalf("%s: not triangular", what)
							}
						}
					}
				}
				equalBits(t, what, l, want)
			}
			if n < 140 {
				equalBits(t, "by definition", want, choleskyDefined(a, n))
			}
		}
		for _, at := range []int{0, n / 2, n - 1} {
			if n == 0 {
				break
			}
			for _, v := range []float64{-1, 0, math.NaN()} {
				a := make([]T, n*n)
				for i := range n {
					a[i*n+i] = 2
				}
				a[at*(n+1)] = T(v)
				s := setting{cpu.Supported(), 2}
				p := NewCholesky[T](1, n, s.level)
				with(t, "indefinite", s, p, func(r gemm.Runner, work []byte, workers [][]byte) {
					if p.Run(r, Operands[T]{A: a, X: make([]T, n*n)}, work, workers) != 0 {
						t.Errorf("%d: %v on the diagonal is positive definite", n, v)
					}
				})
			}
		}
	}
}

// scaleOf is an exponent from −e to e for one of n rows.
func scaleOf(i, n, e int) int { return (2*i - n + 1) * e / max(1, n) }

// positive returns a batch of positive definite matrices.
func positive[T Float](r *rand.Rand, count, n int) []T {
	var all []T
	for range count {
		g := random[T](r, n*n)
		for i := range n {
			for j := range n {
				s := 0.0
				for k := range n {
					s += float64(g[i*n+k]) * float64(g[j*n+k])
				}
				if i == j {
					s++
				}
				all = append(all, T(s))
			}
		}
	}
	return all
}

func TestBatches(t *testing.T) {
	t.Run("float64", testBatches[float64])
	t.Run("float32", testBatches[float32])
}

// testBatches compares batches with their matrices one by one, and finds the first one that fails.
func testBatches[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for _, count := range []int{0, 1, 2, 8, 33, 100} {
		for _, n := range []int{1, 2, 3, 8, 31, 32, 33, 70} {
			if count*n > 1200 {
				continue
			}
			a := positive[T](r, count, n)
			var want []T
			for _, s := range settings() {
				what := fmt.Sprintf("%d of %d, %v, %d goroutines", count, n, s.level, s.workers)
				l := make([]T, len(a))
				p := NewCholesky[T](count, n, s.level)
				with(t, what, s, p, func(r gemm.Runner, work []byte, workers [][]byte) {
					if f := p.Run(r, Operands[T]{A: a, X: l}, work, workers); f >= 0 {
						t.Fatalf("%s: matrix %d is not positive definite", what, f)
					}
				})
				if want == nil {
					want = l
					for b := range count {
						element := func(i, j int) float64 { return float64(l[(b*n+i)*n+j]) }
						backward(t, what, n, n, n, element, func(i, j int) float64 { return element(j, i) }, func(i, j int) float64 { return float64(a[(b*n+i)*n+j]) }, float64(n+2)*epsilon[T]())
					}
				}
				equalBits(t, what, l, want)
				for b := range count {
					equalBits(t, "by definition", l[b*n*n:(b+1)*n*n], choleskyDefined(a[b*n*n:], n))
				}
				if count > 2 {
					bad := append([]T{}, a...)
					for _, b := range []int{count - 1, 1 + count/2} {
						bad[b*n*n+(n-1)*(n+1)] = -1
						with(t, what, s, p, func(r gemm.Runner, work []byte, workers [][]byte) {
							if f := p.Run(r, Operands[T]{A: bad, X: l}, work, workers); f != b {
								t.Errorf("%s: matrix %d fails, want %d", what, f, b)
							}
						})
					}
				}
			}
		}
	}
}

// everywhere runs a plan in all settings and returns the results of the first one, which all must have.
func everywhere[T Float](t *testing.T, what string, o func() Operands[T], create func(level cpu.Level) *Plan[T], fails int) Operands[T] {
	t.Helper()
	var want Operands[T]
	for i, s := range settings() {
		what := fmt.Sprintf("%s, %v, %d goroutines", what, s.level, s.workers)
		got := o()
		p := create(s.level)
		with(t, what, s, p, func(r gemm.Runner, work []byte, workers [][]byte) {
			if f := p.Run(r, got, work, workers); f != fails {
				t.Fatalf("%s: matrix %d fails, want %d", what, f, fails)
			}
		})
		if fails >= 0 {
			continue
		}
		if i == 0 {
			want = got
		}
		equalBits(t, what, got.X, want.X)
		equalBits(t, what, got.Y, want.Y)
		equalBits(t, what, got.Z, want.Z)
		if !slices.Equal(got.Perm, want.Perm) {
			t.Fatalf("%s: permutation %v, want %v", what, got.Perm, want.Perm)
		}
	}
	return want
}

// columns are numbers of right-hand sides.
var shapesLU = [][3]int{{0, 0, 0}, {1, 1, 1}, {2, 2, 3}, {3, 3, 0}, {3, 1, 0}, {1, 3, 0}, {7, 9, 0}, {8, 8, 1}, {31, 32, 0}, {33, 33, 2}, {64, 40, 0}, {40, 64, 0}, {65, 65, 70}, {100, 100, 1}, {129, 200, 0}, {200, 129, 0}, {256, 256, 1}}

// random matrices with powers of two as scales of rows, up to 2^±e.
func scaledRows[T Float](x []T, rows, columns, e int) []T {
	for i := range rows {
		for j := range columns {
			x[i*columns+j] = T(math.Ldexp(float64(x[i*columns+j]), scaleOf(i, rows, e)))
		}
	}
	return x
}

func TestLU(t *testing.T) {
	t.Run("float64", testLU[float64])
	t.Run("float32", testLU[float32])
}

// testLU: |P·A − L·U| ≤ γ(min(m, n)+2)·|L|·|U| (Higham, theorem 9.3), and |A·x − b| ≤ γ(3n+6)·|L|·|U|·|x| (theorem 9.4), here for the rows of A with the largest sum of absolute values.
func testLU[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for _, count := range []int{1, 2, 20} {
		for _, s := range shapesLU {
			m, n, k := s[0], s[1], min(s[0], s[1])
			if count*m*n > 1<<16 {
				continue
			}
			e := 0
			if count == 1 && size[T]() == 8 {
				e = 200
			}
			a := scaledRows(random[T](r, count*m*n), count*m, n, e)
			what := fmt.Sprintf("%d of %d×%d", count, m, n)
			f := everywhere(t, what, func() Operands[T] {
				return Operands[T]{A: a, X: make([]T, len(a)), Perm: make([]int64, count*m)}
			}, func(l cpu.Level) *Plan[T] { return NewLU[T](count, m, n, l) }, -1)
			for b := range count {
				lu, perm := f.X[b*m*n:], f.Perm[b*m:(b+1)*m]
				lower := func(i, j int) float64 {
					switch {
					case i == j:
						return 1
					case i < j:
						return 0
					}
					if v := math.Abs(float64(lu[i*n+j])); v > 1 {
						t.Fatalf("%s: %v in L", what, v)
					}
					return float64(lu[i*n+j])
				}
				upper := func(i, j int) float64 {
					if i > j {
						return 0
					}
					return float64(lu[i*n+j])
				}
				backward(t, what, m, n, k, lower, upper, func(i, j int) float64 { return float64(a[b*m*n+int(perm[i])*n+j]) }, float64(2*k+3)*epsilon[T]())
			}
			for b := 0; b < count && m*n < 130*130; b++ {
				equalBits(t, what+", by definition", f.X[b*m*n:(b+1)*m*n], luDefined(a[b*m*n:], f.Perm[b*m:], m, n))
			}
			if m != n || n == 0 {
				continue
			}
			for _, columns := range []int{1, s[2], n} {
				right := random[T](r, count*n*columns)
				what := fmt.Sprintf("%s, %d right-hand sides", what, columns)
				x := everywhere(t, what, func() Operands[T] { return Operands[T]{A: a, B: right, X: make([]T, len(right))} },
					func(l cpu.Level) *Plan[T] { return NewSolve[T](count, n, columns, l) }, -1)
				for b := range count {
					residual(t, what, n, columns, a[b*n*n:], x.X[b*n*columns:], func(i, j int) float64 { return float64(right[(b*n+i)*columns+j]) })
				}
			}
			x := everywhere(t, what+", inverse", func() Operands[T] { return Operands[T]{A: a, X: make([]T, len(a))} },
				func(l cpu.Level) *Plan[T] { return NewInverse[T](count, n, l) }, -1)
			for b := range count {
				residual(t, what+", inverse", n, n, a[b*n*n:], x.X[b*n*n:], unit)
			}
			det := everywhere(t, what+", determinant", func() Operands[T] { return Operands[T]{A: a, X: make([]T, count)} },
				func(l cpu.Level) *Plan[T] { return NewDeterminant[T](count, n, l) }, -1)
			logarithm := everywhere(t, what+", determinant", func() Operands[T] { return Operands[T]{A: a, X: make([]T, count), Y: make([]T, count)} },
				func(l cpu.Level) *Plan[T] { return NewLogDeterminant[T](count, n, l) }, -1)
			for b := range count {
				sign, sum := 1.0, 0.0
				for i := range n {
					u := float64(f.X[b*n*n+i*(n+1)])
					sum += math.Log(math.Abs(u))
					sign *= math.Copysign(1, u)
				}
				perm := append([]int64{}, f.Perm[b*n:(b+1)*n]...)
				for i := range perm {
					for int(perm[i]) != i {
						p := perm[i]
						perm[i], perm[p] = perm[p], p
						sign = -sign
					}
				}
				if got := logarithm; float64(got.X[b]) != sign || math.Abs(float64(got.Y[b])-sum) > 1e-5*(1+math.Abs(sum)) {
					t.Errorf("%s: sign and logarithm %v, %v, want %v, %v", what, got.X[b], got.Y[b], sign, sum)
				}
				if v := float64(det.X[b]); e == 0 && n < 30 && math.Abs(v/(sign*math.Exp(sum))-1) > 1e-4 {
					t.Errorf("%s: determinant %v, want %v", what, v, sign*math.Exp(sum))
				}
			}
			// A singular matrix: a row of zeros, and one that makes the last pivot 0.
			for _, b := range []int{0, count - 1} {
				bad := append([]T{}, a...)
				clear(bad[b*n*n+n/2*n : b*n*n+n/2*n+n])
				everywhere(t, what+", singular", func() Operands[T] { return Operands[T]{A: bad, B: make([]T, count*n), X: make([]T, count*n)} },
					func(l cpu.Level) *Plan[T] { return NewSolve[T](count, n, 1, l) }, b)
				everywhere(t, what+", singular", func() Operands[T] { return Operands[T]{A: bad, X: make([]T, count*n*n)} },
					func(l cpu.Level) *Plan[T] { return NewInverse[T](count, n, l) }, b)
				d := everywhere(t, what+", singular", func() Operands[T] { return Operands[T]{A: bad, X: make([]T, count)} },
					func(l cpu.Level) *Plan[T] { return NewDeterminant[T](count, n, l) }, -1)
				if v := float64(d.X[b]); v != 0 || math.Signbit(v) {
					t.Errorf("%s: determinant %v of a singular matrix", what, v)
				}
			}
		}
	}
}

// choleskyDefined, luDefined and triangularDefined are the textbook's: chains in the order of terms.
func choleskyDefined[T Float](a []T, n int) []T {
	l := make([]T, n*n)
	for i := range n {
		for j := range i + 1 {
			s := a[i*n+j]
			for k := range j {
				s = fma(-l[i*n+k], l[j*n+k], s)
			}
			if i == j {
				l[i*n+i] = sqrt(s)
			} else {
				l[i*n+j] = s / l[j*n+j]
			}
		}
	}
	return l
}

// luDefined takes the rows in the order of perm.
func luDefined[T Float](a []T, perm []int64, m, n int) []T {
	f := make([]T, m*n)
	for i := range m {
		for j := range n {
			s := a[int(perm[i])*n+j]
			for k := range min(i, j) {
				if max(m, n) <= smallExtent && j < m {
					s -= T(f[i*n+k] * f[k*n+j])
				} else {
					s = fma(-f[i*n+k], f[k*n+j], s)
				}
			}
			if i > j {
				s /= f[j*n+j]
			}
			f[i*n+j] = s
		}
	}
	return f
}

func triangularDefined[T Float](a, b []T, n, columns int, lower, transposed, unit bool) []T {
	x := make([]T, n*columns)
	op := func(i, k int) T {
		if transposed {
			i, k = k, i
		}
		return a[i*n+k]
	}
	for j := range columns {
		for at := range n {
			row := func(at int) int {
				if lower == transposed {
					return n - 1 - at
				}
				return at
			}
			i := row(at)
			s := b[i*columns+j]
			for k := range at {
				s = fma(-op(i, row(k)), x[row(k)*columns+j], s)
			}
			if !unit {
				s /= op(i, i)
			}
			x[i*columns+j] = s
		}
	}
	return x
}

func unit(i, j int) float64 {
	if i == j {
		return 1
	}
	return 0
}

// residual checks A·X = B by rows, in units of the norm of the row and of the solution: 4·n² units in the last place bound the growth of elements on random
// matrices generously.
func residual[T Float](t *testing.T, what string, n, columns int, a, x []T, want func(i, j int) float64) {
	t.Helper()
	for j := range columns {
		norm := 0.0
		for i := range n {
			norm = max(norm, math.Abs(float64(x[i*columns+j])))
		}
		for i := range n {
			sum, size := 0.0, 0.0
			for k := range n {
				sum = math.FMA(float64(a[i*n+k]), float64(x[k*columns+j]), sum)
				size = max(size, math.Abs(float64(a[i*n+k])))
			}
			bound := float64(4*n*n+10) * epsilon[T]() * (size*norm + math.Abs(want(i, j)))
			if d := math.Abs(sum - want(i, j)); !(d <= bound) {
				t.Fatalf("%s: row %d of A·X is %v in column %d, want %v: off by %.3g, bound %.3g", what, i, sum, j, want(i, j), d, bound)
			}
		}
	}
}

func TestTriangular(t *testing.T) {
	t.Run("float64", testTriangular[float64])
	t.Run("float32", testTriangular[float32])
}

// testTriangular: |op(A)·x − b| ≤ γ(n)·|op(A)|·|x| in every element (Higham, theorem 8.5).
func testTriangular[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for _, count := range []int{1, 3, 20} {
		for _, n := range []int{1, 2, 3, 7, 8, 9, 31, 33, 64, 65, 129, 200, 512} {
			for _, columns := range []int{0, 1, 5, 33, 130} {
				if count*n*(n+columns) > 1<<15 && (n != 512 || count > 1 || columns != 33) {
					continue
				}
				for f := range 8 {
					lower, transposed, one := f&1 != 0, f&2 != 0, f&4 != 0
					a, right := random[T](r, count*n*n), random[T](r, count*n*columns)
					for i := range a {
						row, column := i/n%n, i%n
						switch {
						case row == column && one || row != column && (row > column) != lower:
							a[i] = T(math.NaN()) // not read
						case row == column:
							a[i] += T(math.Copysign(math.Sqrt(float64(n)), float64(a[i])))
						default:
							a[i] /= T(math.Sqrt(float64(n)))
						}
					}
					what := fmt.Sprintf("%d of %d, %d right-hand sides, lower %v, transposed %v, unit %v", count, n, columns, lower, transposed, one)
					x := everywhere(t, what, func() Operands[T] { return Operands[T]{A: a, B: right, X: make([]T, len(right))} },
						func(l cpu.Level) *Plan[T] { return NewTriangular[T](count, n, columns, lower, transposed, one, l) }, -1)
					for b := range count {
						equalBits(t, what+", by definition", x.X[b*n*columns:(b+1)*n*columns], triangularDefined(a[b*n*n:], right[b*n*columns:], n, columns, lower, transposed, one))
						op := func(i, j int) float64 {
							if transposed {
								i, j = j, i
							}
							switch {
							case i == j && one:
								return 1
							case i != j && (i > j) != lower:
								return 0
							}
							return float64(a[b*n*n+i*n+j])
						}
						backward(t, what, n, columns, n, op, func(i, j int) float64 { return float64(x.X[(b*n+i)*columns+j]) },
							func(i, j int) float64 { return float64(right[(b*n+i)*columns+j]) }, float64(n+3)*epsilon[T]())
					}
				}
			}
		}
	}
}

// TestScratch bounds the scratch for two goroutines by the operand: matrices with very many rows and few columns are usual in least squares.
func TestScratch(t *testing.T) {
	for _, s := range [][2]int{{1 << 20, 1}, {1 << 20, 3}, {1, 1 << 20}, {1 << 17, 40}, {40, 1 << 17}, {1000, 1000}} {
		m, n := s[0], s[1]
		for what, c := range map[string]struct {
			p    plan
			most float64
		}{
			"lu": {NewLU[float64](1, m, n, cpu.Supported()), 3}, "qr": {NewQR(1, m, n, cpu.Supported()), 7}, "svd": {NewSVD(1, m, n, cpu.Supported()), 11},
		} {
			if got := float64(c.p.Work()+2*c.p.Each()) / float64(8*m*n); got > c.most {
				t.Errorf("%s of %d×%d: scratch of %.1f times the operand", what, m, n, got)
			}
		}
	}
}
