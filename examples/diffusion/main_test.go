package main

import (
	"math"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var b strings.Builder
	if err := run(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x = 0.50: b = 1.00000000", "x = 0.51: b = 0.99955823"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, b.String())
		}
	}
}

// The differences are exact for the solution 4x(1−x), so the coefficient is 1; 0.9995582304494 is printed by ADCME's page.
func TestFit(t *testing.T) {
	for at, want := range map[int]float64{50: 1, 51: 0.9995582304494} {
		for _, start := range []float64{10, 0.3} {
			b, _, err := fit(101, at, start)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(b-want) > 1e-9 {
				t.Errorf("at point %d from %v: %.14f, want %.14f", at, start, b, want)
			}
		}
	}
}
