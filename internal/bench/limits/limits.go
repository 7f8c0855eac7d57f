// Package limits measures what the machine can do at most, to divide by: fused
// multiply-adds per second with every operand in registers, and the bandwidth of
// main memory by the triad of McCalpin's STREAM (a[i] = b[i] + s·c[i], 24 bytes
// counted per element).
package limits

import (
	"runtime"
	"sync"
	"time"
)

// Result is one limit.
type Result struct {
	Work    string    // fma_peak or stream_triad
	DType   string    // float64 or float32
	Threads int       // goroutines at once
	Times   []float64 // seconds of each repetition
	Units   float64   // floating-point operations or bytes of one repetition, all threads together
}

// Best returns the highest rate over the repetitions, in units per second.
func (r Result) Best() float64 {
	best := 0.0
	for _, t := range r.Times {
		best = max(best, r.Units/t)
	}
	return best
}

// Measure measures all limits on one thread and on all that Go uses. It takes about two seconds.
// The peak is left out on CPUs without AVX2 and FMA and on other architectures.
func Measure() []Result {
	var all []Result
	threads := []int{1}
	if n := runtime.GOMAXPROCS(0); n > 1 {
		threads = append(threads, n)
	}
	for _, t := range threads {
		for _, dtype := range []string{"float64", "float32"} {
			if loop, flops := fmaLoop(dtype); loop != nil {
				const steps, calls = 1 << 20, 6
				r := Result{Work: "fma_peak", DType: dtype, Threads: t, Units: float64(flops) * steps * calls * float64(t)}
				r.Times = repeat(t, 7, func(int) {
					for range calls { // short calls: assembly cannot be preempted
						loop(steps)
					}
				})
				all = append(all, r)
			}
		}
	}
	const n = 20_000_000
	a, b, c := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range b {
		b[i], c[i] = float64(i), 1
	}
	for _, t := range threads {
		r := Result{Work: "stream_triad", DType: "float64", Threads: t, Units: 24 * n}
		part := n / t
		r.Times = repeat(t, 9, func(k int) {
			const chunk = 1 << 18
			for lo, end := k*part, (k+1)*part; lo < end; lo += chunk {
				hi := min(lo+chunk, end)
				triad(a[lo:hi], b[lo:hi], c[lo:hi], 3)
			}
		})
		all = append(all, r)
	}
	return all
}

// repeat runs body on the given number of goroutines, several times after one
// that does not count, and returns the seconds of each.
func repeat(threads, times int, body func(thread int)) []float64 {
	var out []float64
	for k := range times + 1 {
		start := time.Now()
		var wg sync.WaitGroup
		for t := 1; t < threads; t++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				body(t)
			}()
		}
		body(0)
		wg.Wait()
		if k > 0 {
			out = append(out, time.Since(start).Seconds())
		}
	}
	return out
}

// triadGeneric sets a[i] = b[i] + s·c[i]. The slices have the same length.
func triadGeneric(a, b, c []float64, s float64) {
	b, c = b[:len(a)], c[:len(a)]
	for i := range a {
		a[i] = b[i] + s*c[i]
	}
}
