package byhand

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/internal/bench/dag"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
)

func TestSwitchLoop(t *testing.T) {
	g := dag.Random(5000)
	item, err := switchLoop(g)
	if err != nil {
		t.Fatal(err)
	}
	value, gradient := g.Evaluate(g.InputValues())
	for i, want := range []float64{value, inputs.SumOfSquares(gradient)} {
		if got := item.Check[i]; math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("checksum %d: %v, want %v", i, got, want)
		}
	}
}

func TestByHand(t *testing.T) {
	for work, want := range map[string][]float64{
		"seed":           {37, 10, 11},
		"chain":          {0, 379502.9845778248},
		"rosenbrock1000": {26689.809152107333, 40521473.726340115}, // CasADi 3.8.2
	} {
		for _, e := range Go() {
			if e.Work != work {
				continue
			}
			item, err := e.Prepare()
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if math.Abs(item.Check[i]-want[i]) > 1e-9*max(1, math.Abs(want[i])) {
					t.Errorf("%s: checksum %v, want %v", work, item.Check, want)
				}
			}
		}
	}
}
