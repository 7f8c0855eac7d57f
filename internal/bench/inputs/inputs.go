// Package inputs makes the inputs of the workloads from closed formulas, as python/registry.py does.
package inputs

import "math"

// Float is an element type of the workloads.
type Float interface{ float32 | float64 }

// Wave returns n values scale·sin(freq·i + phase), computed in float64.
func Wave[T Float](n int, scale, freq, phase float64) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(scale * math.Sin(freq*float64(i)+phase))
	}
	return x
}

// Scattered returns n numbers in [−1/2, 1/2) without a pattern: a hash of the index, from start on.
func Scattered(n, start int) []float64 {
	x := make([]float64, n)
	for i := range x {
		h := uint32(start+i) * 0x9E3779B1
		h = (h ^ h>>15) * 0x85EBCA77
		h = (h ^ h>>13) * 0xC2B2AE3D
		x[i] = float64(h^h>>16)/(1<<32) - 0.5
	}
	return x
}

// Linspace returns n values from lo to hi in equal steps.
func Linspace[T Float](lo, hi float64, n int) []T {
	x := make([]T, n)
	step := (hi - lo) / float64(n-1)
	for i := range x {
		x[i] = T(lo + float64(i)*step)
	}
	x[n-1] = T(hi)
	return x
}

// SumOfSquares adds x[i]² in float64.
func SumOfSquares[T Float](x []T) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// Trace returns the trace of an n×n matrix in row-major order.
func Trace[T Float](a []T, n int) float64 {
	s := 0.0
	for i := range n {
		s += float64(a[i*n+i])
	}
	return s
}

// Sum adds the elements in float64.
func Sum[T Float](x []T) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// Parameters σ, ρ, β and start of Lorenz's system.
var (
	AttractorParameters = []float64{10, 28, 8. / 3}
	AttractorStart      = []float64{1, 1.2, 20}
)
