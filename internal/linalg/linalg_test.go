package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
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
	for l := cpu.Portable; l <= cpu.Supported(); l++ {
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

var extents = []int{0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200, 513}

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
	for _, count := range []int{0, 1, 2, 5, 8, 9, 33, 150} {
		for _, n := range []int{1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 70} {
			if count*n > 3000 {
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
