package viz

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
)

// leastForwards is the least number of steps forward that reverses n steps with s states: r·n − C(s+r, r−1) with the smallest r for which C(s+r, s) ≥ n
// (Griewank & Walther, Algorithm 799, ACM TOMS 26, 2000, equation 3).
func leastForwards(n, s int64) int {
	for r := int64(1); ; r++ {
		if new(big.Int).Binomial(s+r, s).Cmp(big.NewInt(n)) >= 0 {
			return int(r*n - new(big.Int).Binomial(s+r, r-1).Int64())
		}
	}
}

// A chart of a schedule shows every step reversed once, as many steps forward as the formulas say, and never more states than are kept.
func TestScheduleChart(t *testing.T) {
	pairs := 0
	for _, n := range []int{1, 2, 3, 10, 57, 200} {
		for _, keep := range []compile.Checkpoints{{}, {States: 1}, {States: 2}, {States: 5}, {States: 20}, {States: 1, Mixed: true}, {States: 5, Mixed: true}, {States: 20, Mixed: true}, {Every: 1}, {Every: 3}, {Every: 14}} {
			pairs++
			var s *checkpoint.Schedule
			states, want := n, n-1
			switch {
			case keep.Every > 0:
				k := min(keep.Every, n)
				parts := (n + k - 1) / k
				s, states = checkpoint.NewEvery(n, keep.Every), parts+k-1
				want = n - 1 + (parts-1)*(k-1)
			case keep.Mixed:
				s, states = checkpoint.NewMixed(n, keep.States), keep.States
				want = int(checkpoint.ForwardsMixed(n, keep.States))
			case keep.States > 0:
				s, states = checkpoint.New(n, keep.States), keep.States
				want = leastForwards(int64(n), int64(min(n, keep.States)))
			default:
				s = checkpoint.New(n, n)
			}
			c := &scheduleChart{settings: collect(nil), steps: n, mixed: keep.Mixed}
			c.follow(s)
			if c.forwards != want {
				t.Errorf("%d steps, %+v: %d steps forward, want %d", n, keep, c.forwards, want)
			}
			reversed := make([]int, n)
			for _, r := range c.runs {
				for step := r.to; step < r.from; step++ {
					reversed[step]++
				}
			}
			for step, times := range reversed {
				if times != 1 {
					t.Errorf("%d steps, %+v: step %d is reversed %d times", n, keep, step, times)
				}
			}
			for time := range c.time {
				held := 0
				for _, k := range c.kept {
					if k.from <= time && time < k.to {
						held++
					}
				}
				if held > min(n, states+1) { // one at hand
					t.Fatalf("%d steps, %+v: %d states are kept at time %d", n, keep, held, time)
				}
			}
			chart, err := NewScheduleChart(n, keep, WithTitle("sweep"))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := chart.SVG(&b); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(b.String(), `class="state"`); got != len(c.kept) {
				t.Errorf("%d states are drawn of %d", got, len(c.kept))
			}
			if got := strings.Count(b.String(), `class="run `); got != len(c.runs) {
				t.Errorf("%d runs are drawn of %d", got, len(c.runs))
			}
		}
	}
	if pairs < 60 {
		t.Errorf("only %d schedules", pairs)
	}
	for _, bad := range []struct {
		steps int
		keep  compile.Checkpoints
	}{{0, compile.Checkpoints{}}, {-1, compile.Checkpoints{}}, {1 << 30, compile.Checkpoints{}}, {5, compile.Checkpoints{States: -1}}, {5, compile.Checkpoints{Bytes: 8}},
		{5, compile.Checkpoints{States: 1, Every: 1}}, {5, compile.Checkpoints{Mixed: true}}, {5, compile.Checkpoints{Mixed: true, Every: 2}}, {40000, compile.Checkpoints{States: 1}}} {
		if c, err := NewScheduleChart(bad.steps, bad.keep); err == nil || c != nil {
			t.Errorf("%d steps, %+v: no error", bad.steps, bad.keep)
		}
	}
}
