package kernel

import (
	"math"
	"math/cmplx"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// naiveDFT transforms lines of n complex numbers, inner apart, by the defining sum.
func naiveDFT(x []complex128, n, inner int, inverse bool) []complex128 {
	y := make([]complex128, len(x))
	for e := range x {
		o, k, j := e/(n*inner), e/inner%n, e%inner
		for i := range n {
			angle := -2 * math.Pi * float64(i*k%n) / float64(n)
			if inverse {
				angle = -angle
			}
			y[e] += x[(o*n+i)*inner+j] * cmplx.Exp(complex(0, angle))
		}
		if inverse {
			y[e] /= complex(float64(n), 0)
		}
	}
	return y
}

func pairs(z []complex128) []float64 {
	var x []float64
	for _, c := range z {
		x = append(x, real(c), imag(c))
	}
	return x
}

func complexes(x []float64) []complex128 {
	z := make([]complex128, len(x)/2)
	for i := range z {
		z[i] = complex(x[2*i], x[2*i+1])
	}
	return z
}

func fftCases() []kernelCase {
	var cs []kernelCase
	for _, s := range []struct{ shape, axes []int }{
		{sh(1), sh(0)}, {sh(2), sh(0)}, {sh(3), sh(0)}, {sh(8), sh(0)}, {sh(7, 2), sh(0)}, {sh(2, 30), sh(1)},
		{sh(2, 53, 3), sh(1)}, {sh(118), sh(0)}, {sh(4, 6), sh(0, 1)}, {sh(3, 59, 59), sh(2, 1)}, {sh(3, 4), sh()}, {sh(), sh()},
	} {
		extents := append(slices.Clone(s.shape), 2)
		x := spread(uint64(shape.Size(extents)), shape.Size(extents))
		for _, inverse := range []bool{false, true} {
			z := complexes(x)
			for _, axis := range s.axes {
				_, n, inner := shape.Split(s.shape, axis)
				z = naiveDFT(z, n, inner, inverse)
			}
			name := "fft"
			if inverse {
				name = "ifft"
			}
			cs = append(cs, kernelCase{name: name, what: Type{dtype.Float64, s.shape}.text(), dtypes: floatDTypes, attrs: attrs(attr.L("axes", s.axes)),
				in: []arg{v(extents, x...)}, out: []arg{v(extents, pairs(z)...)}, tol: 1e-13})
		}
	}
	for _, s := range []struct {
		shape []int
		axis  int
	}{{sh(1), 0}, {sh(2), 0}, {sh(5), 0}, {sh(3, 8), 1}, {sh(2, 61, 3), 1}, {sh(6, 2), 0}} {
		_, n, inner := shape.Split(s.shape, s.axis)
		x := spread(uint64(n), shape.Size(s.shape))
		z := make([]complex128, len(x))
		for i, r := range x {
			z[i] = complex(r, 0)
		}
		full := naiveDFT(z, n, inner, false)
		var half []complex128
		for e, c := range full {
			if e/inner%n <= n/2 {
				half = append(half, c)
			}
		}
		complexShape := append(shape.Replaced(s.shape, s.axis, n/2+1), 2)
		what := Type{dtype.Float64, s.shape}.text()
		cs = append(cs,
			kernelCase{name: "rfft", what: what, dtypes: floatDTypes, attrs: attrs(attr.I("axis", s.axis)),
				in: []arg{v(s.shape, x...)}, out: []arg{v(complexShape, pairs(half)...)}, tol: 1e-13},
			kernelCase{name: "irfft", what: what, dtypes: floatDTypes, attrs: attrs(attr.I("axis", s.axis), attr.I("n", n)),
				in: []arg{v(complexShape, pairs(half)...)}, out: []arg{v(s.shape, x...)}, tol: 1e-13})
	}
	return cs
}

var _ = addCases(fftCases()...)

var _ = addCases(
	// NumPy: irfft([1+5j, 2+1j, 3+7j], 4): the imaginary parts of the first and last do not count.
	kernelCase{name: "irfft", what: "ignored parts", dtypes: floatDTypes, attrs: attrs(attr.I("axis", 0), attr.I("n", 4)),
		in: []arg{v(sh(3, 2), 1, 5, 2, 1, 3, 7)}, out: []arg{v(sh(4), 2, -1, 0, 0)}, tol: 1e-15},
)
