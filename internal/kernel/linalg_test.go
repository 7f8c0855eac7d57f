package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

var _ = addCases(
	kernelCase{name: "cholesky", what: "3×3", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(3, 3), 4, nan, nan, 12, 37, nan, -16, -43, 98)}, out: []arg{v(sh(3, 3), 2, 0, 0, 6, 1, 0, -8, 5, 3)}},
	kernelCase{name: "cholesky", what: "batch", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 1, 1), 4, 9)}, out: []arg{v(sh(2, 1, 1), 2, 3)}},
	kernelCase{name: "cholesky", what: "indefinite", dtypes: floatDTypes, in: []arg{v(sh(2, 2, 2, 2), 1, 0, 0, 1, 2, 1, 1, 2, 1, 2, 2, 1, 1, 0, 0, 1)}, out: []arg{v(sh(2, 2, 2, 2))},
		err: "matrix [1 0] of the batch is not positive definite"},
	kernelCase{name: "cholesky", what: "NaN", dtypes: floatDTypes, in: []arg{v(sh(1, 1), nan)}, out: []arg{v(sh(1, 1))}, err: "the matrix is not positive definite"},
	kernelCase{name: "lu", what: "2×2", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2), 1, 2, 4, 2)}, out: []arg{v(sh(2, 2), 4, 2, 0.25, 1.5), ints(sh(2), 1, 0)}},
	kernelCase{name: "lu", what: "3×2", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(3, 2), 1, 1, 2, 4, 0, 1)}, out: []arg{v(sh(3, 2), 2, 4, 0.5, -1, 0, -1), ints(sh(3), 1, 0, 2)}},
	kernelCase{name: "lu", what: "2×3", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(1, 2, 3), 0, 1, 2, 3, 4, 5)}, out: []arg{v(sh(1, 2, 3), 3, 4, 5, 0, 1, 2), ints(sh(1, 2), 1, 0)}},
	kernelCase{name: "lu", what: "singular", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2), 1, 2, 2, 4)}, out: []arg{v(sh(2, 2), 2, 4, 0.5, 0), ints(sh(2), 1, 0)}},
	kernelCase{name: "triangular_solve", what: "lower", dtypes: floatDTypes, tol: 1e-15, attrs: attrs(attr.B("lower", true)),
		in: []arg{v(sh(2, 2), 2, nan, 1, 4), v(sh(2, 2), 2, 4, 5, 10)}, out: []arg{v(sh(2, 2), 1, 2, 1, 2)}},
	kernelCase{name: "triangular_solve", what: "upper transposed", dtypes: floatDTypes, tol: 1e-15, attrs: attrs(attr.B("transpose", true)),
		in: []arg{v(sh(1, 2, 2), 2, 1, nan, 4), v(sh(1, 2, 1), 2, 5)}, out: []arg{v(sh(1, 2, 1), 1, 1)}},
	kernelCase{name: "triangular_solve", what: "unit", dtypes: floatDTypes, tol: 1e-15, attrs: attrs(attr.B("unit", true), attr.B("lower", true)),
		in: []arg{v(sh(2, 2), 0, 0, 3, 0), v(sh(2, 1), 2, 5)}, out: []arg{v(sh(2, 1), 2, -1)}},
	kernelCase{name: "triangular_solve", what: "singular", dtypes: floatDTypes, attrs: attrs(attr.B("lower", true)),
		in: []arg{v(sh(2, 2, 2), 1, 0, 0, 1, 1, 0, 0, 0), v(sh(2, 2, 1), 1, 1, 1, 1)}, out: []arg{v(sh(2, 2, 1))}, err: "matrix [1] of the batch is singular: element 1 of its diagonal is 0"},
	kernelCase{name: "solve", what: "2×2", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2), 0, 2, 3, 1), v(sh(2, 2), 2, 4, 4, 8)}, out: []arg{v(sh(2, 2), 1, 2, 1, 2)}},
	kernelCase{name: "solve", what: "singular", dtypes: floatDTypes, in: []arg{v(sh(2, 2), 1, 2, 2, 4), v(sh(2, 1), 1, 1)}, out: []arg{v(sh(2, 1))}, err: "the matrix is singular"},
	kernelCase{name: "inv", what: "2×2", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2), 4, 7, 2, 6)}, out: []arg{v(sh(2, 2), 0.6, -0.7, -0.2, 0.4)}},
	kernelCase{name: "inv", what: "singular", dtypes: floatDTypes, in: []arg{v(sh(2, 1, 1), 1, 0)}, out: []arg{v(sh(2, 1, 1))}, err: "matrix [1] of the batch is singular"},
	kernelCase{name: "det", what: "batch", dtypes: floatDTypes, tol: 1e-14, in: []arg{v(sh(3, 2, 2), 1, 2, 3, 4, 0, 1, 1, 0, 1, 2, 2, 4)}, out: []arg{v(sh(3), -2, -1, 0)}},
	kernelCase{name: "cofactor", what: "singular", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(3, 2, 2), 1, 2, 2, 4, 0, 0, 0, 0, 0, 1, -1, 0)}, out: []arg{v(sh(3, 2, 2), 4, -2, -2, 1, 0, 0, 0, 0, 0, 1, -1, 0)}},
	kernelCase{name: "cofactor", what: "1×1 and NaN", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(4, 1, 1), 0, -3, nan, inf)}, out: []arg{v(sh(4, 1, 1), 1, 1, nan, nan)}},
	kernelCase{name: "cofactor_derivative", what: "singular", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2, 2), 0, 0, 0, 0, 1, nan, 0, 0), v(sh(2, 2, 2), 1, 2, 3, 4, 1, 2, 3, 4)},
		out: []arg{v(sh(2, 2, 2), 4, -3, -2, 1, nan, nan, nan, nan)}},
	kernelCase{name: "slogdet", what: "batch", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(3, 2, 2), 1, 2, 3, 4, 0, 1, -1, 0, 1, 2, 2, 4)},
		out: []arg{v(sh(3), -1, 1, 0), v(sh(3), math.Ln2, 0, -inf)}},
	kernelCase{name: "tridiagonal_solve", what: "3×3", dtypes: floatDTypes, tol: 1e-15,
		in:  []arg{v(sh(3), nan, 1, 1), v(sh(3), 2, 2, 2), v(sh(3), 1, 1, nan), v(sh(3, 2), 3, 4, 4, 8, 3, 8)},
		out: []arg{v(sh(3, 2), 1, 1, 1, 2, 1, 3)}},
	kernelCase{name: "tridiagonal_solve", what: "1×1", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 1), 0, 0), v(sh(2, 1), 2, 4), v(sh(2, 1), 0, 0), v(sh(2, 1, 1), 1, 1)}, out: []arg{v(sh(2, 1, 1), 0.5, 0.25)}},
	kernelCase{name: "tridiagonal_solve", what: "singular", dtypes: floatDTypes, in: []arg{v(sh(1), 0), v(sh(1), 0), v(sh(1), 0), v(sh(1, 1), 1)}, out: []arg{v(sh(1, 1))}, err: "the matrix is singular"},
	kernelCase{name: "qr", what: "column", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 1), 3, 4)}, out: []arg{v(sh(2, 1), -0.6, -0.8), v(sh(1, 1), -5)}},
	kernelCase{name: "qr", what: "row", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 1, 2), 3, 4, 5, 6)}, out: []arg{v(sh(2, 1, 1), 1, 1), v(sh(2, 1, 2), 3, 4, 5, 6)}},
	kernelCase{name: "eigh", what: "2×2", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(1, 2, 2), 2, nan, 0, 1)}, out: []arg{v(sh(1, 2), 1, 2), v(sh(1, 2, 2), 0, 1, 1, 0)}},
	kernelCase{name: "eigh", what: "NaN", dtypes: floatDTypes, in: []arg{v(sh(1, 1), nan)}, out: []arg{v(sh(1)), v(sh(1, 1))}, err: "the matrix holds NaN or Inf"},
	kernelCase{name: "eig", what: "a rotation", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2), 0, 1, -1, 0)}, out: []arg{v(sh(2, 2), 0, 1, 0, -1),
		v(sh(2, 2, 2), math.Sqrt(0.5), 0, math.Sqrt(0.5), 0, 0, math.Sqrt(0.5), 0, -math.Sqrt(0.5))}},
	kernelCase{name: "eig", what: "a triangle", dtypes: floatDTypes, tol: 1e-15, in: []arg{v(sh(2, 2), 3, 0, 4, 1)}, out: []arg{v(sh(2, 2), 1, 0, 3, 0),
		v(sh(2, 2, 2), 0, 0, math.Sqrt(0.2), 0, 1, 0, 2*math.Sqrt(0.2), 0)}},
	kernelCase{name: "eig", what: "Inf", dtypes: floatDTypes, in: []arg{v(sh(2, 1, 1), 1, inf)}, out: []arg{v(sh(2, 1, 2)), v(sh(2, 1, 1, 2))}, err: "matrix [1] of the batch holds NaN or Inf"},
	kernelCase{name: "svd", what: "Inf", dtypes: floatDTypes, in: []arg{v(sh(2, 1, 1), 1, inf)}, out: []arg{v(sh(2, 1, 1)), v(sh(2, 1)), v(sh(2, 1, 1))}, err: "matrix [1] of the batch holds NaN or Inf"},
)

// runNow runs a kernel on operands and returns its results.
func runNow(t *testing.T, name string, a attr.List, in []Tensor, out ...Type) []Tensor {
	t.Helper()
	k := Lookup(name)
	ti := make([]Type, len(in))
	for i := range in {
		ti[i] = in[i].Type
	}
	if err := k.Check(ti, out, a); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	res := make([]Tensor, len(out))
	for i, o := range out {
		res[i] = newTensor(o)
		poison(&res[i])
	}
	c := prepareCall(k, in, res, a)
	if err := k.Run(c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if n := testing.AllocsPerRun(1, func() { _ = k.Run(c) }); n != 0 {
		t.Errorf("%s: %v allocations per run", name, n)
	}
	for i := range res {
		checkGuard(t, &res[i])
	}
	return res
}

// randomTensor holds standard normal values.
func randomTensor(r *rand.Rand, d dtype.DType, shape ...int) Tensor {
	x := newTensor(Type{d, shape})
	for i := range x.Size() {
		x.setValue(i, r.NormFloat64())
	}
	return x
}

// product2 multiplies two matrices given as functions of row and column.
func product2(k int, a, b func(i, j int) float64) func(i, j int) float64 {
	return func(i, j int) float64 {
		s := 0.0
		for q := range k {
			s += a(i, q) * b(q, j)
		}
		return s
	}
}

func element(t *Tensor, batch, rows, cols int) func(i, j int) float64 {
	return func(i, j int) float64 { return t.value((batch*rows+i)*cols + j) }
}

func transposed(a func(i, j int) float64) func(i, j int) float64 {
	return func(i, j int) float64 { return a(j, i) }
}

func nearMatrix(t *testing.T, what string, m, n int, got, want func(i, j int) float64, tol float64) {
	t.Helper()
	for i := range m {
		for j := range n {
			if d := math.Abs(got(i, j) - want(i, j)); !(d <= tol) {
				t.Fatalf("%s: element (%d, %d) is %v, want %v", what, i, j, got(i, j), want(i, j))
			}
		}
	}
}

func unit(i, j int) float64 {
	if i == j {
		return 1
	}
	return 0
}

func tolerance(d dtype.DType) float64 {
	if d == dtype.Float32 {
		return 2e-5
	}
	return 2e-13
}

func TestFactorisations(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, d := range floatDTypes {
		for _, s := range [][2]int{{1, 1}, {2, 2}, {5, 5}, {7, 3}, {3, 7}, {1, 4}, {4, 1}, {40, 33}, {70, 70}} {
			m, n := s[0], s[1]
			k := min(m, n)
			tol := tolerance(d) * math.Sqrt(float64(m*n))
			x := randomTensor(r, d, 2, m, n)
			name := fmt.Sprintf("%v %d×%d", d, m, n)
			qr := runNow(t, "qr", nil, []Tensor{x}, Type{d, sh(2, m, k)}, Type{d, sh(2, k, n)})
			svd := runNow(t, "svd", nil, []Tensor{x}, Type{d, sh(2, m, k)}, Type{d, sh(2, k)}, Type{d, sh(2, k, n)})
			lu := runNow(t, "lu", nil, []Tensor{x}, x.Type, Type{dtype.Int64, sh(2, m)})
			for b := range 2 {
				a := element(&x, b, m, n)
				q, rr := element(&qr[0], b, m, k), element(&qr[1], b, k, n)
				nearMatrix(t, name+" QR", m, n, product2(k, q, rr), a, tol)
				nearMatrix(t, name+" QᵀQ", k, k, product2(m, transposed(q), q), unit, tol)
				u, vt := element(&svd[0], b, m, k), element(&svd[2], b, k, n)
				scaled := func(i, j int) float64 { return svd[1].value(b*k+i) * vt(i, j) }
				nearMatrix(t, name+" USVᵀ", m, n, product2(k, u, scaled), a, tol)
				nearMatrix(t, name+" UᵀU", k, k, product2(m, transposed(u), u), unit, tol)
				nearMatrix(t, name+" VᵀV", k, k, product2(n, vt, transposed(vt)), unit, tol)
				for i := range k {
					if s := svd[1].value(b*k + i); s < 0 || i > 0 && s > svd[1].value(b*k+i-1) {
						t.Fatalf("%s: singular values are not in descending order", name)
					}
					for j := range i {
						if rr(i, j) != 0 {
							t.Fatalf("%s: R is not upper triangular", name)
						}
					}
				}
				f := element(&lu[0], b, m, n)
				l := func(i, j int) float64 {
					if i > j {
						return f(i, j)
					}
					return unit(i, j)
				}
				up := func(i, j int) float64 {
					if i <= j {
						return f(i, j)
					}
					return 0
				}
				rows := func(i, j int) float64 { return a(int(lu[1].I64[b*m+i]), j) }
				nearMatrix(t, name+" LU", m, n, product2(k, l, up), rows, tol)
			}
		}
	}
}

func TestSymmetricAndSolvers(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	for _, d := range floatDTypes {
		for _, n := range []int{1, 2, 3, 8, 33, 66} {
			tol := tolerance(d) * float64(n) * 10
			x := randomTensor(r, d, 2, n, n)
			sym, pos := newTensor(x.Type), newTensor(x.Type)
			for b := range 2 {
				a := element(&x, b, n, n)
				gram := product2(n, a, transposed(a))
				for i := range n {
					for j := range n {
						sym.setValue((b*n+i)*n+j, a(i, j)+a(j, i))
						pos.setValue((b*n+i)*n+j, gram(i, j)/float64(n)+unit(i, j))
					}
				}
			}
			name := fmt.Sprintf("%v %d", d, n)
			e := runNow(t, "eigh", nil, []Tensor{sym}, Type{d, sh(2, n)}, sym.Type)
			ch := runNow(t, "cholesky", nil, []Tensor{pos}, pos.Type)
			in := runNow(t, "inv", nil, []Tensor{pos}, pos.Type)
			de := runNow(t, "det", nil, []Tensor{pos}, Type{d, sh(2)})
			sl := runNow(t, "slogdet", nil, []Tensor{pos}, Type{d, sh(2)}, Type{d, sh(2)})
			rhs := randomTensor(r, d, 2, n, 3)
			so := runNow(t, "solve", nil, []Tensor{pos, rhs}, rhs.Type)
			for b := range 2 {
				s, vec := element(&sym, b, n, n), element(&e[1], b, n, n)
				scaled := func(i, j int) float64 { return vec(i, j) * e[0].value(b*n+j) }
				nearMatrix(t, name+" VΛVᵀ", n, n, product2(n, scaled, transposed(vec)), s, tol)
				nearMatrix(t, name+" VᵀV", n, n, product2(n, transposed(vec), vec), unit, tol)
				l, p := element(&ch[0], b, n, n), element(&pos, b, n, n)
				nearMatrix(t, name+" LLᵀ", n, n, product2(n, l, transposed(l)), p, tol)
				nearMatrix(t, name+" A·A⁻¹", n, n, product2(n, p, element(&in[0], b, n, n)), unit, tol)
				nearMatrix(t, name+" A·X", n, 3, product2(n, p, element(&so[0], b, n, 3)), element(&rhs, b, n, 3), tol)
				logDet := 0.0
				for i := range n {
					logDet += 2 * math.Log(l(i, i))
				}
				if g := sl[1].value(b); math.Abs(g-logDet) > tol*10 || sl[0].value(b) != 1 {
					t.Errorf("%s: log-determinant %v, want %v", name, g, logDet)
				}
				if g := de[0].value(b); math.Abs(g/math.Exp(logDet)-1) > tol*10 {
					t.Errorf("%s: determinant %v, want %v", name, g, math.Exp(logDet))
				}
			}
			for f := range 8 {
				lower, trans, one := f&1 != 0, f&2 != 0, f&4 != 0
				a := attrs(attr.B("lower", lower), attr.B("transpose", trans), attr.B("unit", one))
				tri := newTensor(pos.Type)
				for i := range tri.Size() {
					tri.setValue(i, pos.value(i)/4)
					if i/n%n == i%n {
						tri.setValue(i, pos.value(i))
					}
				}
				xs := runNow(t, "triangular_solve", a, []Tensor{tri, rhs}, rhs.Type)
				for b := range 2 {
					p := element(&tri, b, n, n)
					op := func(i, j int) float64 {
						if trans {
							i, j = j, i
						}
						if one && i == j {
							return 1
						}
						if i != j && (i > j) != lower {
							return 0
						}
						return p(i, j)
					}
					nearMatrix(t, fmt.Sprintf("%s triangular %d", name, f), n, 3, product2(n, op, element(&xs[0], b, n, 3)), element(&rhs, b, n, 3), tol*10)
				}
			}
		}
	}
}

// TestExtremeScales decomposes matrices whose squares overflow or vanish.
func TestExtremeScales(t *testing.T) {
	for _, scale := range []float64{1e300, 1e-300, math.MaxFloat64 / 4, 0x1p-1074} {
		x := newTensor(Type{dtype.Float64, sh(2, 2)})
		copy(x.F64, []float64{2 * scale, scale, scale, 2 * scale})
		e := runNow(t, "eigh", nil, []Tensor{x}, Type{dtype.Float64, sh(2)}, x.Type)
		s := runNow(t, "svd", nil, []Tensor{x}, x.Type, Type{dtype.Float64, sh(2)}, x.Type)
		if math.Abs(e[0].F64[0]/scale-1) > 1e-14 || math.Abs(e[0].F64[1]/scale-3) > 1e-14 {
			t.Errorf("eigenvalues at scale %g: %v", scale, e[0].F64)
		}
		if math.Abs(s[1].F64[0]/scale-3) > 1e-14 || math.Abs(s[1].F64[1]/scale-1) > 1e-14 {
			t.Errorf("singular values at scale %g: %v", scale, s[1].F64)
		}
	}
}
