package limits

import "testing"

func TestTriad(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 31, 64, 1000} {
		a, b, c := make([]float64, n+1), make([]float64, n), make([]float64, n)
		for i := range b {
			b[i], c[i] = float64(i), float64(2*i+1)
		}
		a[n] = -1
		triad(a[:n], b, c, 3)
		for i := range b {
			if want := b[i] + 3*c[i]; a[i] != want {
				t.Fatalf("n = %d: a[%d] = %v, want %v", n, i, a[i], want)
			}
		}
		if a[n] != -1 {
			t.Fatalf("n = %d: written beyond the end", n)
		}
	}
}

func TestFMALoopRuns(t *testing.T) {
	for _, dtype := range []string{"float64", "float32"} {
		loop, flops := fmaLoop(dtype)
		if loop == nil {
			t.Skip("no loop for this CPU")
		}
		if flops <= 0 {
			t.Errorf("%s: %d operations per step", dtype, flops)
		}
		loop(10)
	}
}

func TestBest(t *testing.T) {
	r := Result{Times: []float64{2, 1, 4}, Units: 8}
	if got := r.Best(); got != 8 {
		t.Errorf("best rate %v, want 8", got)
	}
}
