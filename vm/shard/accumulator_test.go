package shard

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// exactly is the sum by big.Float, rounded once.
func exactly(terms []float64, single bool) float64 {
	sum := new(big.Float).SetPrec(2400)
	for _, x := range terms {
		sum.Add(sum, big.NewFloat(x))
	}
	if single {
		v, _ := sum.Float32()
		return float64(v)
	}
	v, _ := sum.Float64()
	return v
}

func sumOf(d dtype.DType, terms []float64) *accumulator {
	a := newAccumulator("", vm.Type{DType: d})
	for _, x := range terms {
		a.count()
		a.addFloat(0, x)
	}
	return a
}

func TestExactSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cases := [][]float64{
		{1e308, 1e308, -1e308, -1e308, 3},     // beyond the range on the way
		{1e308, 1e308},                        // and at the end
		{1, 0x1p-53}, {1, 0x1p-53, 0x1p-1074}, // a tie, and just above it
		{1 + 0x1p-52, 0x1p-53}, {-1, -0x1p-53, 0}, // a tie to even
		{0x1p-1074, 0x1p-1074, -0x1p-1073}, {math.Copysign(0, -1)},
		{math.MaxFloat64, 0x1p970}, {math.MaxFloat64, 0x1p969}, // to the next power of two, or not
		{math.MaxFloat32, 0x1p103}, {0x1p-149, 0x1p-150, -0x1p-200}, {0x1p-150}, {0x1p-150, 0x1p-1000},
		{1 + 0x1p-24, 0x1p-60}, {1 + 0x1p-24, -0x1p-60}, // twice rounded these would be ties
	}
	for range 300 {
		terms := make([]float64, 1+r.IntN(40))
		wide := r.IntN(2) == 0
		for i := range terms {
			for terms[i] = math.NaN(); terms[i]-terms[i] != 0; {
				if terms[i] = r.NormFloat64(); wide {
					terms[i] = math.Float64frombits(r.Uint64())
				}
			}
			if i > 0 && r.IntN(4) == 0 {
				terms[i] = -terms[i-1]
			}
		}
		cases = append(cases, terms)
	}
	for _, terms := range cases {
		if got, want := sumOf(dtype.Float64, terms).float(0, 53, -1074), exactly(terms, false); got != want {
			t.Fatalf("the sum of %v is %v: want %v", terms, got, want)
		}
		if got, want := sumOf(dtype.Float32, terms).float(0, 24, -149), exactly(terms, true); got != want {
			t.Fatalf("the float32 sum of %v is %v: want %v", terms, got, want)
		}
		a := sumOf(dtype.Float64, terms[:len(terms)/2])
		a.merge(sumOf(dtype.Float64, terms[len(terms)/2:]))
		if got, want := a.float(0, 53, -1074), exactly(terms, false); got != want {
			t.Fatalf("the merged sum of %v is %v: want %v", terms, got, want)
		}
	}
}

// Digits are carried long before they overflow.
func TestManyAdds(t *testing.T) {
	a := newAccumulator("", vm.Type{DType: dtype.Float64})
	want := new(big.Float).SetPrec(2400)
	for i := range 50 {
		a.adds = mostAdds - i%2 // as if there had been as many
		a.count()
		a.addFloat(0, math.MaxFloat64)
		a.addFloat(0, -0x1.fffffffffffffp-1000)
		want.Add(want, big.NewFloat(math.MaxFloat64))
		want.Sub(want, big.NewFloat(0x1.fffffffffffffp-1000))
	}
	for range 49 {
		a.addFloat(0, -math.MaxFloat64)
		want.Sub(want, big.NewFloat(math.MaxFloat64))
	}
	if v, _ := want.Float64(); a.float(0, 53, -1074) != v {
		t.Errorf("got %v, want %v", a.float(0, 53, -1074), v)
	}
}

func TestSpecialValues(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		terms []float64
		want  float64
	}{{[]float64{inf, 1}, inf}, {[]float64{-inf, 1e308}, -inf}, {[]float64{inf, -inf}, math.NaN()}, {[]float64{1, math.NaN(), inf}, math.NaN()}} {
		if got := sumOf(dtype.Float64, c.terms).float(0, 53, -1074); got != c.want && !(got != got && c.want != c.want) {
			t.Errorf("the sum of %v is %v: want %v", c.terms, got, c.want)
		}
	}
	if v := sumOf(dtype.Float64, []float64{math.Copysign(0, -1)}).float(0, 53, -1074); math.Signbit(v) {
		t.Error("the sum of -0 is -0")
	}
}

func TestIntegerSums(t *testing.T) {
	for _, c := range []struct {
		terms []int64
		want  int64
		ok    bool
	}{
		{[]int64{1, 2, -7}, -4, true}, {[]int64{math.MaxInt64, 1, -1}, math.MaxInt64, true}, {[]int64{math.MaxInt64, 1}, 0, false},
		{[]int64{math.MinInt64}, math.MinInt64, true}, {[]int64{math.MinInt64, -1}, 0, false}, {[]int64{1 << 40, -1 << 40}, 0, true}, {[]int64{1<<46 + 12345}, 1<<46 + 12345, true},
		{[]int64{math.MaxInt64, math.MaxInt64, math.MaxInt64}, 0, false},
	} {
		a := newAccumulator("", vm.Type{DType: dtype.Int64})
		for _, x := range c.terms {
			a.addInt(0, x)
		}
		if got, ok := a.integer(0); ok != c.ok || ok && got != c.want {
			t.Errorf("the sum of %v is %v, %v: want %v, %v", c.terms, got, ok, c.want, c.ok)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	a := newAccumulator("", vm.Type{DType: dtype.Float64, Shape: []int{1000}})
	v := make([]float64, 1000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range v {
		v[i] = r.NormFloat64()
	}
	for b.Loop() {
		a.addArray(vm.Array{Shape: []int{1000}, Data: v})
	}
}
