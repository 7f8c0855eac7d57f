package ulp

import (
	"bufio"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestVectors compares the kernels with values from mpmath (testdata/vectors.py):
// defined functions within 2 ulp, special functions within a relative bound. It also checks this
// package's own reference against them.
func TestVectors(t *testing.T) {
	f, err := os.Open("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	worst := map[micro.Op]float64{}
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		fields := strings.Fields(s.Text())
		op := micro.ByName(fields[0])
		var args [3]float64
		for k, a := range fields[1 : len(fields)-1] {
			if args[k], err = strconv.ParseFloat(a, 64); err != nil {
				t.Fatal(err)
			}
		}
		want, _, err := big.ParseFloat(fields[len(fields)-1], 10, precision, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		if f := elem.Ternary64(op); f != nil {
			worst[op] = max(worst[op], relative(f(args[0], args[1], args[2]), want))
			continue
		}
		got := call64(op, args[0], args[1])
		exact := unary[op] != nil || binary[op] != nil
		if !exact {
			worst[op] = max(worst[op], relative(got, want))
			continue
		}
		last := max(-1074, exponent(want)-53)
		if e := math.Abs(approx(shift(sub(num(got), want), -last))); e > 2 {
			t.Errorf("%s: %.2f ulp off", s.Text(), e)
		}
		var own *big.Float
		if u := unary[op]; u != nil {
			own = u(num(args[0]))
		} else {
			own = binary[op](num(args[0]), num(args[1]))
		}
		if d := sub(own, want); d.Sign() != 0 && exponent(d) > exponent(want)-78 {
			t.Errorf("%s: the reference of this package gives %s", s.Text(), own.Text('g', 25))
		}
	}
	if lines < 700 {
		t.Errorf("%d vectors", lines)
	}
	bounds := map[micro.Op]float64{micro.Erfinv: 2e-15, micro.Lgamma: 2e-15, micro.Digamma: 1e-14, micro.Polygamma: 3e-14,
		micro.BesselI0e: 2e-15, micro.BesselI1e: 2e-15, micro.BesselI0eDerivative: 1e-14, micro.IGamma: 1e-13, micro.BetaInc: 1e-13,
		micro.BesselJ: 1e-14, micro.BesselY: 1e-14, micro.BesselI: 1e-14, micro.BesselK: 1e-14, micro.BesselKe: 1e-14, micro.Erfcx: 1e-14, micro.Ndtri: 2e-15, micro.Zeta: 1e-14, micro.Igammac: 1e-13}
	for op, w := range worst {
		if bounds[op] == 0 || w > bounds[op] {
			t.Errorf("%s: relative error %.2g, bound %.2g", op, w, bounds[op])
		} else {
			t.Logf("%s: relative error %.2g", op, w)
		}
	}
}

func relative(got float64, want *big.Float) float64 {
	if want.Sign() == 0 {
		return math.Abs(got)
	}
	return math.Abs(approx(quo(sub(num(got), want), want)))
}
