package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// kinds make symmetric n×n matrices.
var kinds = map[string]func(r *rand.Rand, n int) []float64{
	"random": symmetricRandom,
	"graded": func(r *rand.Rand, n int) []float64 {
		a := symmetricRandom(r, n)
		for i := range a {
			a[i] = math.Ldexp(a[i], scaleOf(i/n, n, 240)+scaleOf(i%n, n, 240))
		}
		return a
	},
	"graded the other way": func(r *rand.Rand, n int) []float64 {
		a := symmetricRandom(r, n)
		for i := range a {
			a[i] = math.Ldexp(a[i], -scaleOf(i/n, n, 20)-scaleOf(i%n, n, 20))
		}
		return a
	},
	"huge": func(r *rand.Rand, n int) []float64 { return scaled(symmetricRandom(r, n), 0x1p1018) },
	"tiny": func(r *rand.Rand, n int) []float64 { return scaled(symmetricRandom(r, n), 0x1p-1000) },
	"zero": func(r *rand.Rand, n int) []float64 { return make([]float64, n*n) },
	"unit": func(r *rand.Rand, n int) []float64 {
		a := make([]float64, n*n)
		for i := range n {
			a[i*(n+1)] = 1
		}
		return a
	},
	"rank 2 with all else equal": func(r *rand.Rand, n int) []float64 {
		a, x, y := make([]float64, n*n), random[float64](r, n), random[float64](r, n)
		for i := range n {
			for j := range n {
				a[i*n+j] = x[i]*x[j] - y[i]*y[j]
			}
			a[i*(n+1)] += 3
		}
		return a
	},
	"Wilkinson's, glued": func(r *rand.Rand, n int) []float64 {
		// Pairs of eigenvalues agree to the last digits.
		a := make([]float64, n*n)
		for i := range n {
			a[i*(n+1)] = math.Abs(float64(i%21) - 10)
			if i > 0 {
				b := 1.0
				if i%21 == 0 {
					b = 1e-9
				}
				a[i*n+i-1], a[(i-1)*n+i] = b, b
			}
		}
		return a
	},
}

func symmetricRandom(r *rand.Rand, n int) []float64 {
	a := random[float64](r, n*n)
	for i := range n {
		for j := range i {
			a[j*n+i] = a[i*n+j]
		}
	}
	return a
}

func scaled(a []float64, by float64) []float64 {
	for i := range a {
		a[i] *= by
	}
	return a
}

var spectralExtents = []int{0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 65, 127, 200, 340}

// norm is Frobenius' of a matrix whose numbers are taken by a power of two.
func norm(x []float64, by float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v * by * (v * by)
	}
	return math.Sqrt(s)
}

// largestPower is a power of two near the reciprocal of the largest element, so that squares neither overflow nor vanish.
func largestPower(x []float64) float64 {
	largest := 0.0
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		return 1
	}
	_, e := math.Frexp(largest)
	return math.Ldexp(1, min(-e, 1000))
}

// orthonormal checks the columns of an m×k matrix: |Vᵀ·V − 1| ≤ units of ε in the Frobenius norm.
func orthonormal(t *testing.T, what string, m, k int, v []float64, units float64) {
	t.Helper()
	sum := 0.0
	for i := range k {
		for j := range i + 1 {
			s := -unit(i, j)
			for q := range m {
				s = math.FMA(v[q*k+i], v[q*k+j], s)
			}
			sum += s * s
		}
	}
	if d := math.Sqrt(sum); !(d <= units*epsilon[float64]()) {
		t.Fatalf("%s: the columns are off by %.3g from orthonormal ones, bound %.3g", what, d, units*epsilon[float64]())
	}
}

// TestEigen: |A·V − V·Λ| ≤ 8·n·ε·|A| and |Vᵀ·V − 1| ≤ 8·n·ε in the Frobenius norm, values in order.
func TestEigen(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	for _, n := range spectralExtents {
		for kind, create := range kinds {
			if n > 130 && kind != "random" && kind != "graded" {
				continue
			}
			a := create(r, n)
			lower := append([]float64{}, a...)
			for i := range n {
				for j := i + 1; j < n; j++ {
					lower[i*n+j] = math.NaN() // not read
				}
			}
			what := fmt.Sprintf("%s %d", kind, n)
			e := everywhere(t, what, func() Operands[float64] {
				return Operands[float64]{A: lower, X: make([]float64, n), Y: make([]float64, n*n)}
			}, func(l cpu.Level) *Plan[float64] { return NewEigen(1, n, l) }, -1)
			by := largestPower(a)
			off := 0.0
			for i := range n {
				for j := range n {
					s := 0.0
					for k := range n {
						s = math.FMA(a[i*n+k]*by, e.Y[k*n+j], s)
					}
					s -= e.X[j] * by * e.Y[i*n+j]
					off += s * s
				}
			}
			bound := 8 * float64(n) * epsilon[float64]()
			if d, whole := math.Sqrt(off), norm(a, by); !(d <= bound*whole) {
				t.Fatalf("%s: A·V − V·Λ is %.3g of A, bound %.3g", what, d/whole, bound)
			}
			orthonormal(t, what, n, n, e.Y, 8*float64(n))
			for i := 1; i < n; i++ {
				if e.X[i] < e.X[i-1] {
					t.Fatalf("%s: values %v and %v", what, e.X[i-1], e.X[i])
				}
			}
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, n := range []int{1, 2, 40} {
			a := symmetricRandom(r, 3*n)[:3*n*n]
			a[n*n+(n-1)*n] = bad
			everywhere(t, "not finite", func() Operands[float64] {
				return Operands[float64]{A: a, X: make([]float64, 3*n), Y: make([]float64, 3*n*n)}
			}, func(l cpu.Level) *Plan[float64] { return NewEigen(3, n, l) }, 1)
		}
	}
}

// TestKnownEigenvalues has matrices whose eigenvalues have a closed form: the second difference matrix, 4·sin²(πk/(2n+2)) (Golub and Van Loan, Matrix Computations, §4.8), and min(i, j),
// 1/(4·sin²((2k−1)π/(4n+2))).
func TestKnownEigenvalues(t *testing.T) {
	for _, n := range []int{1, 2, 5, 50, 121} {
		second, least := make([]float64, n*n), make([]float64, n*n)
		for i := range n {
			for j := range n {
				least[i*n+j] = float64(min(i, j) + 1)
			}
			second[i*(n+1)] = 2
			if i > 0 {
				second[i*n+i-1] = -1
			}
		}
		for _, c := range []struct {
			what  string
			a     []float64
			value func(k int) float64
		}{
			{"second differences", second, func(k int) float64 { return 4 * math.Pow(math.Sin(math.Pi*float64(k+1)/float64(2*n+2)), 2) }},
			{"least index", least, func(k int) float64 {
				return 1 / (4 * math.Pow(math.Sin(float64(2*(n-k)-1)*math.Pi/float64(4*n+2)), 2))
			}},
		} {
			s := setting{cpu.Supported(), 1}
			p := NewEigen(1, n, s.level)
			x := make([]float64, n)
			p.Run(crowd(1), Operands[float64]{A: c.a, X: x, Y: make([]float64, n*n)}, memory(p.Work()).used, [][]byte{memory(p.Each()).used})
			for k, v := range x {
				if want := c.value(k); math.Abs(v-want) > 4*float64(n)*epsilon[float64]()*c.value(n-1) {
					t.Errorf("%s, %d: eigenvalue %d is %v, want %v", c.what, n, k, v, want)
				}
			}
		}
	}
}

// TestQR: |A − Q·R| ≤ 4·(m+n)·ε·|A| by columns, |Qᵀ·Q − 1| ≤ 4·(m+n)·ε in the Frobenius norm (Higham, theorem 19.4).
func TestQR(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	for _, s := range [][2]int{{0, 3}, {3, 0}, {1, 1}, {1, 4}, {4, 1}, {2, 2}, {3, 3}, {8, 8}, {31, 33}, {33, 31}, {32, 32}, {65, 64}, {64, 100}, {127, 127}, {200, 90}, {90, 200}, {260, 260}} {
		m, n := s[0], s[1]
		k := min(m, n)
		for _, kind := range []string{"random", "rows of different sizes", "columns of different sizes", "rank 1", "zero", "huge", "tiny"} {
			a := random[float64](r, m*n)
			for i := range a {
				switch kind {
				case "rows of different sizes":
					a[i] = math.Ldexp(a[i], scaleOf(i/n, m, 500))
				case "columns of different sizes":
					a[i] = math.Ldexp(a[i], scaleOf(i%n, n, 500))
				case "rank 1":
					a[i] = float64(1+i/n) * float64(1+i%n)
				case "zero":
					a[i] = 0
				case "huge":
					a[i] = math.Ldexp(a[i], 1010)
				case "tiny":
					a[i] = math.Ldexp(a[i], -1040)
				}
			}
			what := fmt.Sprintf("%s, %d×%d", kind, m, n)
			f := everywhere(t, what, func() Operands[float64] {
				return Operands[float64]{A: a, X: make([]float64, m*k), Y: make([]float64, k*n)}
			}, func(l cpu.Level) *Plan[float64] { return NewQR(1, m, n, l) }, -1)
			orthonormal(t, what, m, k, f.X, 4*float64(m+n))
			for j := range n {
				column := make([]float64, m)
				for i := range m {
					column[i] = a[i*n+j]
				}
				by := largestPower(column)
				off := 0.0
				for i := range m {
					sum := -a[i*n+j] * by
					for q := range min(k, j+1) {
						sum = math.FMA(f.X[i*k+q], f.Y[q*n+j]*by, sum)
					}
					off += sum * sum
				}
				if d, whole := math.Sqrt(off), norm(column, by); !(d <= 4*float64(m+n)*epsilon[float64]()*whole+0x1p-60*by) {
					t.Fatalf("%s: column %d of Q·R is off by %.3g of it", what, j, d/whole)
				}
				for i := j + 1; i < k; i++ {
					if f.Y[i*n+j] != 0 {
						t.Fatalf("%s: R is not triangular", what)
					}
				}
			}
		}
	}
}

// TestSpectralBatches compares batches with their matrices one by one.
func TestSpectralBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 1))
	const count = 37
	for _, n := range []int{1, 2, 3, 8, 9, 33} {
		a := random[float64](r, count*n*n)
		for what, create := range map[string]func(count int) *Plan[float64]{
			"eigh": func(count int) *Plan[float64] { return NewEigen(count, n, cpu.Supported()) },
			"svd":  func(count int) *Plan[float64] { return NewSVD(count, n, n, cpu.Supported()) },
			"qr":   func(count int) *Plan[float64] { return NewQR(count, n, n, cpu.Supported()) },
		} {
			results := func(count int) Operands[float64] {
				return Operands[float64]{A: a[:count*n*n], X: make([]float64, count*n*n), Y: make([]float64, count*n*n), Z: make([]float64, count*n*n)}
			}
			if what == "eigh" || what == "svd" {
				results = func(count int) Operands[float64] {
					o := Operands[float64]{A: a[:count*n*n], X: make([]float64, count*n), Y: make([]float64, count*n*n)}
					if what == "svd" {
						o.X, o.Y, o.Z = o.Y, o.X, make([]float64, count*n*n)
					}
					return o
				}
			}
			all := everywhere(t, what, func() Operands[float64] { return results(count) }, func(cpu.Level) *Plan[float64] { return create(count) }, -1)
			for i := range count {
				one := results(1)
				one.A = a[i*n*n : (i+1)*n*n]
				p := create(1)
				p.Run(crowd(1), one, memory(p.Work()).used, [][]byte{memory(p.Each()).used})
				part := all.part(i, count)
				equalBits(t, what, part.X, one.X)
				equalBits(t, what, part.Y, one.Y)
				if what == "svd" {
					equalBits(t, what, part.Z, one.Z)
				}
			}
		}
	}
}
