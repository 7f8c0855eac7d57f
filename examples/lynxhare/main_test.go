package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The fit is that of SciPy's least_squares on DOP853 with tolerances of 1e-12.
func TestRun(t *testing.T) {
	var b strings.Builder
	out := t.TempDir()
	fit, deviations, err := run(context.Background(), &b, out)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]float64{"growth": {0.540159000, 0.05948867}, "hunting": {0.0271653575, 0.00384304}, "death": {0.796386035, 0.08385636}, "feeding": {0.0236946381, 0.00328603},
		"hares": {34.6024241, 2.92940812}, "lynxes": {5.84450617, 0.47930024}}
	for name, v := range want {
		if got := fit.X[name][0]; math.Abs(got-v[0]) > 1e-7*v[0] {
			t.Errorf("%s = %v, want %v", name, got, v[0])
		}
		if got := deviations[name][0]; math.Abs(got-v[1]) > 1e-5*v[1] {
			t.Errorf("standard error of %s = %v, want %v", name, got, v[1])
		}
	}
	if math.Abs(fit.Value-2.018661155194903) > 1e-9 {
		t.Errorf("sum of squares %v", fit.Value)
	}
	for _, name := range []string{"fit.png", "graph.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
