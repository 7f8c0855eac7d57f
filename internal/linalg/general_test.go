package linalg

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// generalKinds make n×n matrices.
var generalKinds = map[string]func(r *rand.Rand, n int) []float64{
	"random":    func(r *rand.Rand, n int) []float64 { return random[float64](r, n*n) },
	"symmetric": symmetricRandom,
	"huge":      func(r *rand.Rand, n int) []float64 { return scaled(random[float64](r, n*n), 0x1p1018) },
	"tiny":      func(r *rand.Rand, n int) []float64 { return scaled(random[float64](r, n*n), 0x1p-1000) },
	"zero":      func(r *rand.Rand, n int) []float64 { return make([]float64, n*n) },
	"unit":      func(r *rand.Rand, n int) []float64 { return kinds["unit"](r, n) },
	"skew": func(r *rand.Rand, n int) []float64 {
		a := symmetricRandom(r, n)
		for i := range n {
			a[i*(n+1)] = 0
			for j := range i {
				a[i*n+j] = -a[i*n+j]
			}
		}
		return a
	},
	"Jordan block": func(_ *rand.Rand, n int) []float64 {
		a := make([]float64, n*n)
		for i := range n {
			if a[i*(n+1)] = 2; i > 0 {
				a[(i-1)*n+i] = 1
			}
		}
		return a
	},
	"lower triangle": func(r *rand.Rand, n int) []float64 {
		a := random[float64](r, n*n)
		for i := range n {
			clear(a[i*n+i+1 : (i+1)*n])
		}
		return a
	},
	"circulant": func(_ *rand.Rand, n int) []float64 { // without exceptional shifts nothing would happen
		a := make([]float64, n*n)
		for i := range n {
			a[i*n+(i+1)%n] = 1
		}
		return a
	},
	"isolated rows and columns": func(r *rand.Rand, n int) []float64 {
		a := random[float64](r, n*n)
		for i := range n {
			for j := range n {
				if p, q := i*7%max(n, 1), j*7%max(n, 1); p > q && (p > 2*n/3 || q < n/3) && n%7 != 0 {
					a[i*n+j] = 0
				}
			}
		}
		return a
	},
	"equal rows": func(r *rand.Rand, n int) []float64 {
		row := random[float64](r, n)
		a := make([]float64, n*n)
		for i := range n {
			copy(a[i*n:], row)
		}
		return a
	},
}

// decomposed decomposes one matrix.
func decomposed(t *testing.T, what string, n int, a []float64) (w []complex128, v func(i, j int) complex128) {
	t.Helper()
	e := everywhere(t, what, func() Operands[float64] {
		return Operands[float64]{A: a, X: make([]float64, 2*n), Y: make([]float64, 2*n*n)}
	}, func(l cpu.Level) *Plan[float64] { return NewEigenGeneral(1, n, l) }, -1)
	w = make([]complex128, n)
	for i := range w {
		w[i] = complex(e.X[2*i], e.X[2*i+1])
	}
	return w, func(i, j int) complex128 { return complex(e.Y[2*(i*n+j)], e.Y[2*(i*n+j)+1]) }
}

// TestEigenGeneral: |A·v − λ·v| ≤ 8·n·ε·|A| for every vector of norm 1, values in order, conjugate pairs, and the largest element real.
func TestEigenGeneral(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 1))
	for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 9, 17, 33, 90} {
		for kind, create := range generalKinds {
			if n > 33 && kind != "random" && kind != "circulant" {
				continue
			}
			a := create(r, n)
			what := fmt.Sprintf("%s %d", kind, n)
			w, v := decomposed(t, what, n, a)
			by := largestPower(a)
			whole := norm(a, by)
			for j := range n {
				off, length, largest, first := 0.0, 0.0, 0.0, -1
				for i := range n {
					s := complex128(0)
					for k := range n {
						s += complex(a[i*n+k]*by, 0) * v(k, j)
					}
					s -= complex(real(w[j])*by, imag(w[j])*by) * v(i, j)
					off += real(s)*real(s) + imag(s)*imag(s)
					length += real(v(i, j))*real(v(i, j)) + imag(v(i, j))*imag(v(i, j))
					if size := cmplx.Abs(v(i, j)); size > largest*(1+0x1p-20) {
						largest, first = size, i
					}
				}
				if d := math.Sqrt(off); !(d <= 8*float64(n)*epsilon[float64]()*whole) {
					t.Fatalf("%s: A·v − λ·v is %.3g of A for value %d", what, d/whole, j)
				}
				if !(math.Abs(length-1) <= float64(n+4)*epsilon[float64]()) {
					t.Fatalf("%s: the norm of vector %d is off by %.3g", what, j, length-1)
				}
				if p := v(first, j); real(p) <= 0 || imag(p) != 0 {
					t.Fatalf("%s: the largest element of vector %d is %v", what, j, p)
				}
				if j > 0 && (real(w[j]) < real(w[j-1]) || real(w[j]) == real(w[j-1]) && math.Abs(imag(w[j])) < math.Abs(imag(w[j-1]))) {
					t.Fatalf("%s: values %v and %v", what, w[j-1], w[j])
				}
			}
			for j := 0; j < n; j++ {
				if imag(w[j]) == 0 {
					continue
				}
				if imag(w[j]) < 0 || j+1 == n || w[j+1] != cmplx.Conj(w[j]) {
					t.Fatalf("%s: value %d is %v without its conjugate", what, j, w[j])
				}
				for i := range n {
					if v(i, j+1) != cmplx.Conj(v(i, j)) {
						t.Fatalf("%s: vectors %d and %d are not conjugate", what, j, j+1)
					}
				}
				j++
			}
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, n := range []int{1, 2, 40} {
			a := random[float64](r, 3*n*n)
			a[n*n+(n-1)*n] = bad
			everywhere(t, "not finite", func() Operands[float64] {
				return Operands[float64]{A: a, X: make([]float64, 6*n), Y: make([]float64, 6*n*n)}
			}, func(l cpu.Level) *Plan[float64] { return NewEigenGeneral(3, n, l) }, 1)
		}
	}
}

// TestKnownGeneralEigenvalues has matrices whose eigenvalues have a closed form: circulant ones, the discrete Fourier transform of their row, and tridiagonal Toeplitz ones, a + 2√(b·c)·cos(kπ/(n+1)) (Smith, Numerical
// Solution of Partial Differential Equations, 1985), here with b·c < 0, and scaled so that only balancing finds them.
func TestKnownGeneralEigenvalues(t *testing.T) {
	near := func(what string, w, want []complex128, bound float64) {
		t.Helper()
		used := make([]bool, len(want))
		for _, x := range w {
			best := -1
			for i, y := range want {
				if !used[i] && (best < 0 || cmplx.Abs(x-y) < cmplx.Abs(x-want[best])) {
					best = i
				}
			}
			used[best] = true
			if d := cmplx.Abs(x - want[best]); d > bound {
				t.Errorf("%s: %v is off by %.3g", what, x, d)
			}
		}
	}
	for _, n := range []int{1, 2, 5, 16, 43} {
		circulant, toeplitz := make([]float64, n*n), make([]float64, n*n)
		row := make([]float64, n)
		for j := range row {
			row[j] = math.Sin(float64(3*j + 1))
		}
		for i := range n {
			for j := range n {
				circulant[i*n+(i+j)%n] = row[j]
			}
			toeplitz[i*(n+1)] = 1
			if i > 0 {
				toeplitz[i*n+i-1], toeplitz[(i-1)*n+i] = -3, 2
			}
		}
		var transform, chain []complex128
		for k := range n {
			s := complex128(0)
			for j, x := range row {
				s += complex(x, 0) * cmplx.Rect(1, 2*math.Pi*float64(j*k%n)/float64(n))
			}
			transform = append(transform, s)
			chain = append(chain, complex(1, 2*math.Sqrt(6)*math.Cos(float64(k+1)*math.Pi/float64(n+1))))
		}
		bound := 8 * float64(n) * epsilon[float64]()
		w, _ := decomposed(t, "circulant", n, circulant)
		near(fmt.Sprintf("circulant %d", n), w, transform, bound*norm(row, 1)*math.Sqrt(float64(n)))
		for i := range n {
			for j := range n {
				toeplitz[i*n+j] = math.Ldexp(toeplitz[i*n+j], i*37%n-j*37%n)
			}
		}
		w, _ = decomposed(t, "tridiagonal", n, toeplitz)
		near(fmt.Sprintf("tridiagonal %d", n), w, chain, bound*6*math.Pow(1.5, float64(n)/2)) // the condition of the vectors
	}
	// The companion matrix of (x − 1)(x − 2)(x − 3)(x² + 1).
	w, _ := decomposed(t, "companion", 5, []float64{6, -12, 12, -11, 6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0})
	near("companion", w, []complex128{1, 2, 3, 1i, -1i}, 1e-13)
}

// TestEigenGeneralBatches compares batches with their matrices one by one.
func TestEigenGeneralBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 1))
	const count = 37
	for _, n := range []int{1, 2, 3, 8, 9, 33} {
		a := random[float64](r, count*n*n)
		all := everywhere(t, "batch", func() Operands[float64] {
			return Operands[float64]{A: a, X: make([]float64, 2*count*n), Y: make([]float64, 2*count*n*n)}
		}, func(l cpu.Level) *Plan[float64] { return NewEigenGeneral(count, n, l) }, -1)
		for i := range count {
			one := Operands[float64]{A: a[i*n*n : (i+1)*n*n], X: make([]float64, 2*n), Y: make([]float64, 2*n*n)}
			p := NewEigenGeneral(1, n, cpu.Supported())
			p.Run(crowd(1), one, memory(p.Work()).used, [][]byte{memory(p.Each()).used})
			equalBits(t, "batch", all.part(i, count).X, one.X)
			equalBits(t, "batch", all.part(i, count).Y, one.Y)
		}
	}
}
