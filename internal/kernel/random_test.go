package kernel

import (
	"math"
	"math/bits"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/philox"
)

func word(u uint32) float64 { return float64(int32(u)) }

var _ = addCases(
	kernelCase{name: "random_bits", what: "part of a block", dtypes: []dtype.DType{dtype.Int32}, attrs: attrs(attr.L("shape", sh(3))),
		in: []arg{ints(sh(2), 0, 0)}, out: []arg{v(sh(3), word(0x6627e8d5), word(0xe169c58d), word(0xbc57ac4c))}},
	kernelCase{name: "random_bits", what: "a block", dtypes: []dtype.DType{dtype.Int32}, attrs: attrs(attr.L("shape", sh(2, 2)), attr.S("dtype", "int32")),
		in: []arg{ints(sh(2), 0, 0)}, out: []arg{v(sh(2, 2), word(0x6627e8d5), word(0xe169c58d), word(0xbc57ac4c), word(0x9b00dbd8))}},
	kernelCase{name: "random_uniform", what: "f32", dtypes: []dtype.DType{dtype.Float32}, attrs: attrs(attr.L("shape", sh(2))),
		in: []arg{ints(sh(2), 0, 0)}, out: []arg{v(sh(2), 0x6627e8p-24, 0xe169c5p-24)}},
	kernelCase{name: "random_uniform", what: "f64", dtypes: []dtype.DType{dtype.Float64}, attrs: attrs(attr.L("shape", sh(2))),
		in: []arg{ints(sh(2), 0, 0)}, out: []arg{v(sh(2), float64(0xe169c58d6627e8d5>>11)*0x1p-53, float64(0x9b00dbd8bc57ac4c>>11)*0x1p-53)}},
)

var _ = addCases(
	kernelCase{name: "random_gamma", what: "outside", dtypes: floatDTypes, in: []arg{ints(sh(2), 1, 2), v(sh(4), 0, -1, nan, inf)}, out: []arg{v(sh(4), nan, nan, nan, inf)}},
)

// TestGammaMoments checks mean and variance, both equal to the shape parameter, and that the mean of the logarithm is ψ(a).
func TestGammaMoments(t *testing.T) {
	const n = 40000
	key := newTensor(Type{dtype.Int64, sh(2)})
	key.I64[0] = 7
	// ψ(a) from Abramowitz and Stegun, table 6.1 and eq. 6.3.3.
	for a, psi := range map[float64]float64{0.5: -1.9635100260214235, 1: -0.5772156649015329, 4: 1.2561176684318004} {
		alpha := newTensor(Type{dtype.Float64, sh(n)})
		for i := range n {
			alpha.F64[i] = a
		}
		x := runNow(t, "random_gamma", nil, []Tensor{key, alpha}, alpha.Type)[0]
		mean, square, logs := 0.0, 0.0, 0.0
		for _, g := range x.F64 {
			mean += g / n
			square += (g - a) * (g - a) / n
			logs += math.Log(g) / n
		}
		// Five standard deviations; the fourth central moment is 3a² + 6a, the variance of the logarithm ψ′(a) ≤ π²/2 here.
		if e := math.Abs(mean - a); e > 5*math.Sqrt(a/n) {
			t.Errorf("a = %v: mean %v", a, mean)
		}
		if e := math.Abs(square - a); e > 5*math.Sqrt((2*a*a+6*a)/n) {
			t.Errorf("a = %v: variance %v", a, square)
		}
		if e := math.Abs(logs - psi); e > 5*math.Sqrt(math.Pi*math.Pi/2/n) {
			t.Errorf("a = %v: mean of the logarithm %v, want %v", a, logs, psi)
		}
	}
}

// TestRandomLayout checks that elements of all dtypes are cut from the same blocks and that the parts of key and stream reach their words.
func TestRandomLayout(t *testing.T) {
	const n = 40011
	key := newTensor(Type{dtype.Int64, sh(2)})
	key.I64[0], key.I64[1] = 0x299f31d0a4093822, 0x0370734413198a2e
	shape := attrs(attr.L("shape", sh(n)))
	words := runNow(t, "random_bits", shape, []Tensor{key}, Type{dtype.Int32, sh(n)})[0].I32
	long := runNow(t, "random_bits", shape, []Tensor{key}, Type{dtype.Int64, sh(n)})[0].I64
	for i := range n {
		w := philox.Words([4]uint32{uint32(i / 4), 0, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0})
		if uint32(words[i]) != w[i%4] {
			t.Errorf("int32 element %d", i)
		}
		w = philox.Words([4]uint32{uint32(i / 2), 0, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0})
		if u := uint64(long[i]); uint32(u) != w[i%2*2] || uint32(u>>32) != w[i%2*2+1] {
			t.Errorf("int64 element %d", i)
		}
	}
}

// TestUniformMoments checks mean, variance and the balance of the bits of many numbers.
func TestUniformMoments(t *testing.T) {
	const n = 200000
	key := newTensor(Type{dtype.Int64, sh(2)})
	key.I64[0] = 42
	for _, d := range floatDTypes {
		x := runNow(t, "random_uniform", attrs(attr.L("shape", sh(n))), []Tensor{key}, Type{d, sh(n)})[0]
		sum, squares := 0.0, 0.0
		for i := range n {
			u := x.value(i)
			if u < 0 || u >= 1 {
				t.Fatalf("%v outside of [0, 1)", u)
			}
			sum += u
			squares += (u - 0.5) * (u - 0.5)
		}
		// Five standard deviations.
		if e := math.Abs(sum/n - 0.5); e > 5*math.Sqrt(1./12/n) {
			t.Errorf("%v: mean is off by %g", d, e)
		}
		if e := math.Abs(squares/n - 1./12); e > 5*math.Sqrt(1./180/n) {
			t.Errorf("%v: variance is off by %g", d, e)
		}
	}
	ones := 0
	for _, b := range runNow(t, "random_bits", attrs(attr.L("shape", sh(n))), []Tensor{key}, Type{dtype.Int64, sh(n)})[0].I64 {
		ones += bits.OnesCount64(uint64(b))
	}
	if e := math.Abs(float64(ones) - 32*n); e > 5*math.Sqrt(16*n) {
		t.Errorf("%d of %d bits are set", ones, 64*n)
	}
}
