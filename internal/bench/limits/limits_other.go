//go:build !amd64

package limits

// fmaLoop has no loop for this architecture.
func fmaLoop(string) (loop func(steps int64), flops int) { return nil, 0 }

// triad sets a[i] = b[i] + s·c[i]. The slices have the same length.
func triad(a, b, c []float64, s float64) { triadGeneric(a, b, c, s) }
