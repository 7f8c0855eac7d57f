package ulp

import (
	"os"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/micro"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// TestBounds holds the promise: at most 2 ulp, and below 0.5 ulp in the mean.
func TestBounds(t *testing.T) {
	for i, op := range Ops() {
		for typ, n := range map[dtype.DType]int{dtype.Float64: 400, dtype.Float32: 20000} {
			r := Measure(op, typ, n, int64(100+i))
			if r.Samples < n/10 || r.Worst > 2 || r.Mean > 0.5 {
				t.Errorf("%s %s: worst %.3f ulp at %v, mean %.3f over %d samples", op, typ, r.Worst, r.At, r.Mean, r.Samples)
			}
		}
	}
}

// TestEveryFunctionIsMeasured holds that each transcendental function, by the convention of micro.Info, has an exact reference here or values in
// testdata/vectors.txt, against which TestVectors holds it to a bound.
func TestEveryFunctionIsMeasured(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	values := map[micro.Op]int{}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, " ")
		values[micro.ByName(name)]++
	}
	functions := 0
	for op := micro.Mov; int(op) < micro.Count; op++ {
		if op.Info().Flops < 20 {
			continue
		}
		functions++
		if unary[op] == nil && binary[op] == nil && values[op] < 5 {
			t.Errorf("%s has neither an exact reference nor values", op)
		}
	}
	if functions < 35 {
		t.Errorf("%d functions", functions)
	}
}
