package elem

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestIncomplete compares the incomplete gamma and beta functions and their derivatives, from the smallest parameters to the largest,
// with values from mpmath (testdata/incomplete.py).
func TestIncomplete(t *testing.T) {
	f, err := os.Open("testdata/incomplete.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	worst, counts := map[string]float64{}, map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		v := make([]float64, len(fields)-1)
		for i := range v {
			if v[i], err = strconv.ParseFloat(fields[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		want, v := v[len(v)-1], v[:len(v)-1]
		var got float64
		if fields[0] == "igamma" {
			got = NewJetRing(int(v[0]), 0).IGamma(v[2], v[3], int(v[1]))
		} else {
			got = NewJetRing(int(v[0]), int(v[1])).BetaInc(v[3], v[4], v[5], int(v[2]))
		}
		e := math.Abs(got/want - 1)
		kind := strings.Join(fields[:len(fields)-len(v)/2-1], " ")
		counts[kind]++
		worst[kind] = max(worst[kind], e)
		if !(e < 1e-12) {
			t.Errorf("%s: got %.17g, error %.2g", s.Text(), got, e)
		}
	}
	if len(worst) != 20 {
		t.Errorf("%d functions", len(worst))
	}
	for kind, w := range worst {
		t.Logf("%s: %d values, largest relative error %.2g", kind, counts[kind], w)
	}
}

// TestIncompleteAnywhere takes the functions where nothing is moderate: every value is a probability, tails of both sides add up to 1 and
// the function ascends.
func TestIncompleteAnywhere(t *testing.T) {
	sizes := []float64{5e-324, 1e-300, 1e-10, 0.01, 0.5, 1, 2, 10, 29, 39.99, 41, 1e3, 1e6, 1e10, 1e15, 1e100, 1e300, 1.7e308}
	checked := 0
	probability := func(what string, args []float64, v, before float64) {
		if checked++; !(v >= 0 && v <= 1 && v >= before-1e-15) {
			t.Errorf("%s%v = %v after %v", what, args, v, before)
		}
	}
	for _, a := range sizes {
		before := 0.0
		for _, x := range sizes {
			v := iGamma(a, x)
			probability("P", []float64{a, x}, v, before)
			before = v
		}
		for _, b := range sizes {
			before = 0
			for _, x := range []float64{5e-324, 1e-300, 1e-20, 1e-5, 0.1, 0.5, 0.9, 1 - 1e-9, 1 - 0x1p-53} {
				v := betaInc(a, b, x)
				probability("I", []float64{a, b, x}, v, before)
				before = v
				if other := betaInc(b, a, 1-x); x >= 0.5 && math.Abs(v+other-1) > 4e-15 {
					t.Errorf("I%v = %v, the other tail is %v", []float64{a, b, x}, v, other)
				}
			}
		}
	}
	if checked < 3000 {
		t.Errorf("%d values", checked)
	}
}
