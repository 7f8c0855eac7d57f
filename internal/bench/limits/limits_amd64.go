package limits

import "github.com/adjoint-go/adjoint/internal/cpu"

// The loops of limits_amd64.s run 12 independent fused multiply-adds per step.
//
//go:noescape
func fma512d(steps int64)

//go:noescape
func fma512s(steps int64)

//go:noescape
func fma256d(steps int64)

//go:noescape
func fma256s(steps int64)

// triad256 works on n elements, a multiple of 8.
//
//go:noescape
func triad256(a, b, c *float64, n int64, s float64)

// fmaLoop returns the widest loop that the CPU has and its floating-point operations per step, nil if it has none.
func fmaLoop(dtype string) (loop func(steps int64), flops int) {
	switch level := cpu.Supported(); {
	case level == cpu.AVX512 && dtype == "float64":
		return fma512d, 2 * 12 * 8
	case level == cpu.AVX512:
		return fma512s, 2 * 12 * 16
	case level == cpu.AVX2 && dtype == "float64":
		return fma256d, 2 * 12 * 4
	case level == cpu.AVX2:
		return fma256s, 2 * 12 * 8
	}
	return nil, 0
}

// triad sets a[i] = b[i] + s·c[i]. The slices have the same length.
func triad(a, b, c []float64, s float64) {
	n := 0
	if cpu.Supported() >= cpu.AVX2 && len(a) >= 8 && len(b) >= len(a) && len(c) >= len(a) {
		n = len(a) &^ 7
		triad256(&a[0], &b[0], &c[0], int64(n), s)
	}
	triadGeneric(a[n:], b[n:], c[n:], s)
}
