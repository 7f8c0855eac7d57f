package checkpoint

import "testing"

// run follows a schedule and checks that every action can be done.
func run(t *testing.T, s *Schedule) (forwards int) {
	t.Helper()
	steps, slots := s.steps, s.slots
	state := make([]int, s.Slots()) // in each slot
	for i := range state {
		state[i] = -1
	}
	state[0] = 0
	left := steps
	s.Reset()
	for {
		a := s.Next()
		if a.Kind != Done && (a.From >= a.To || a.Slot < 0 || a.Slot >= len(state)) {
			t.Fatalf("%d steps, %d slots: %v", steps, slots, a)
		}
		forwards += a.Forwards()
		switch a.Kind {
		case Done:
			if left != 0 {
				t.Fatalf("%d steps, %d slots: %d are not reversed", steps, slots, left)
			}
			return forwards
		case Advance:
			if state[a.Source] != a.From {
				t.Fatalf("%d steps, %d slots: %v, but slot %d holds %d", steps, slots, a, a.Source, state[a.Source])
			}
			state[a.Slot] = a.To
		case Fill:
			if state[a.Slot] != a.From {
				t.Fatalf("%d steps, %d slots: %v, but slot %d holds %d", steps, slots, a, a.Slot, state[a.Slot])
			}
			for i := range a.To - a.From {
				state[a.Slot+i] = a.From + i
			}
		case Reverse:
			if a.To != left {
				t.Fatalf("%d steps, %d slots: %v, with %d left", steps, slots, a, left)
			}
			for i := range a.To - a.From {
				if state[a.Slot+i] != a.From+i {
					t.Fatalf("%d steps, %d slots: %v, but slot %d holds %d", steps, slots, a, a.Slot+i, state[a.Slot+i])
				}
			}
			left = a.From
		}
	}
}

// fewest finds the fewest steps forward by trying every place for the next stored state (Griewank, 1992).
func fewest(steps, slots int, known map[[2]int]int) int {
	if steps == 1 {
		return 0
	}
	if slots == 1 {
		return steps * (steps - 1) / 2
	}
	key := [2]int{steps, slots}
	if n, ok := known[key]; ok {
		return n
	}
	best := steps * steps
	for m := 1; m < steps; m++ {
		best = min(best, m+fewest(steps-m, slots-1, known)+fewest(m, slots, known))
	}
	known[key] = best
	return best
}

func TestSchedules(t *testing.T) {
	known := map[[2]int]int{}
	pairs := 0
	for steps := 1; steps <= 60; steps++ {
		for slots := 1; slots <= min(steps+1, 12); slots++ {
			n, want, formula := run(t, New(steps, slots)), fewest(steps, slots, known), int(New(steps, slots).Forwards())
			if n != want || n != formula {
				t.Errorf("%d steps, %d slots: %d steps forward, %d at least, formula %d", steps, slots, n, want, formula)
			}
			pairs++
		}
	}
	for _, p := range [][2]int{{10, 3}, {100, 5}, {1000, 20}, {1000, 3}, {10000, 50}, {10000, 7}, {100000, 50}, {1000000, 1000}, {1000000, 30}} {
		if n, formula := run(t, New(p[0], p[1])), int(New(p[0], p[1]).Forwards()); n != formula {
			t.Errorf("%d steps, %d slots: %d steps forward, formula %d", p[0], p[1], n, formula)
		}
		pairs++
	}
	// 10 steps with 3 stored states take 15 steps forward: figure 2 of Griewank & Walther.
	if n := run(t, New(10, 3)); n != 15 {
		t.Errorf("10 steps, 3 slots: %d steps forward", n)
	}
	if pairs < 600 {
		t.Errorf("only %d pairs", pairs)
	}
}

func TestEvery(t *testing.T) {
	for steps := 1; steps <= 60; steps++ {
		for k := 1; k <= steps+1; k++ {
			k := min(k, steps)
			segments := (steps + k - 1) / k
			if n, want := run(t, NewEvery(steps, k)), steps-1+(segments-1)*(k-1); n != want || float64(n) != NewEvery(steps, k).Forwards() {
				t.Errorf("%d steps, a state at every %d: %d steps forward, %d by the formula", steps, k, n, want)
			}
		}
	}
}

func TestFirstRun(t *testing.T) {
	for _, s := range []*Schedule{New(1, 1), New(2, 1), New(10, 3), New(1000, 20), NewEvery(1000, 30)} {
		at := 0
		for _, a := range s.First() {
			if a.From != at {
				t.Errorf("%d steps, %d slots: %v at %d", s.steps, s.slots, a, at)
			}
			at = a.From + a.Forwards()
		}
		if at != s.steps-1 {
			t.Errorf("%d steps, %d slots: the first run ends at %d", s.steps, s.slots, at)
		}
	}
}

func TestScheduleAllocatesNothing(t *testing.T) {
	s := New(10000, 50)
	if n := testing.AllocsPerRun(3, func() {
		s.Reset()
		for s.Next().Kind != Done {
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
