package checkpoint

import (
	"math"
	"testing"
)

// run follows a schedule and checks that every action can be done.
func run(t *testing.T, s *Schedule) (forwards int) {
	t.Helper()
	state := make([]int, s.Slots()) // in each slot
	for i := range state {
		state[i] = -1
	}
	state[0] = 0
	s.Reset()
	return follow(t, s, s.steps, state)
}

// runOnline does steps without knowing how many there will be, keeps states, and goes back from these.
func runOnline(t *testing.T, s *Schedule, steps int) (forwards int) {
	t.Helper()
	state := make([]int, s.Slots())
	for i := range state {
		state[i] = -1
	}
	k := NewKeeper(s.Slots()-1, s.every)
	k.Reset()
	for step := range steps {
		if step != k.Next {
			continue
		}
		left, slot := k.Keep()
		for i := 1; i < left; i++ {
			state[i] = state[2*i]
		}
		for i := left; left > 0 && i < len(state); i++ {
			state[i] = -1
		}
		if slot >= 0 {
			state[slot] = step
		}
	}
	segments, ratio := s.Resume(steps)
	for i := 1; i < segments; i++ {
		state[i] = state[i*ratio]
	}
	return follow(t, s, steps, state)
}

// follow follows a schedule that has begun, from the states in its slots.
func follow(t *testing.T, s *Schedule, steps int, state []int) (forwards int) {
	t.Helper()
	slots, left := s.slots, steps
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

// tried finds the fewest steps forward by trying every place for the next stored state (Griewank, 1992).
func tried(steps, slots int, known map[[2]int]int) int {
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
		best = min(best, m+tried(steps-m, slots-1, known)+tried(m, slots, known))
	}
	known[key] = best
	return best
}

func TestSchedules(t *testing.T) {
	known := map[[2]int]int{}
	pairs := 0
	for steps := 1; steps <= 60; steps++ {
		for slots := 1; slots <= min(steps+1, 12); slots++ {
			n, want, formula := run(t, New(steps, slots)), tried(steps, slots, known), int(Forwards(steps, slots, 0))
			if n != want || n != formula {
				t.Errorf("%d steps, %d slots: %d steps forward, %d at least, formula %d", steps, slots, n, want, formula)
			}
			apart := New(steps, slots)
			if apart.KeepApart(); run(t, apart) != n {
				t.Errorf("%d steps, %d slots: other steps with the state at hand apart", steps, slots)
			}
			pairs++
		}
	}
	for _, p := range [][2]int{{10, 3}, {100, 5}, {1000, 20}, {1000, 3}, {10000, 50}, {10000, 7}, {100000, 50}, {1000000, 1000}, {1000000, 30}} {
		if n, formula := run(t, New(p[0], p[1])), int(Forwards(p[0], p[1], 0)); n != formula {
			t.Errorf("%d steps, %d slots: %d steps forward, formula %d", p[0], p[1], n, formula)
		}
		pairs++
	}
	// 10 steps with 3 stored states take 15 steps forward: figure 2 of Griewank & Walther.
	if n := run(t, New(10, 3)); n != 15 {
		t.Errorf("10 steps, 3 slots: %d steps forward", n)
	}
	// Steps are reversed many at once, since each action has its price.
	actions, s := 0, New(10000, 50)
	for s.Next().Kind != Done {
		actions++
	}
	if actions > 1500 {
		t.Errorf("%d actions for 10000 steps", actions)
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
			if n, want := run(t, NewEvery(steps, k)), steps-1+(segments-1)*(k-1); n != want || float64(n) != Forwards(steps, 0, k) {
				t.Errorf("%d steps, a state at every %d: %d steps forward, %d by the formula", steps, k, n, want)
			}
		}
	}
}

// first returns the actions before the first step is reversed.
func first(s *Schedule) (list []Action) {
	s.Reset()
	for a := s.Next(); a.Kind != Reverse; a = s.Next() {
		list = append(list, a)
	}
	return list
}

// A schedule for fewer steps than it was made for is the one for these.
func TestFewerSteps(t *testing.T) {
	for _, c := range [][2]*Schedule{{New(100, 4), New(37, 4)}, {New(math.MaxInt/4, 4), New(37, 4)}, {NewEvery(100, 5), NewEvery(37, 5)}, {NewMixed(100, 4), NewMixed(37, 4)}} {
		for c[0].Begin(37); ; {
			a, b := c[0].Next(), c[1].Next()
			if a != b {
				t.Fatalf("%v, not %v", a, b)
			}
			if a.Kind == Done {
				break
			}
		}
		if c[0].Begin(0); c[0].Next().Kind != Done {
			t.Error("no steps have an action")
		}
	}
}

func TestFirstRun(t *testing.T) {
	for _, s := range []*Schedule{New(1, 1), New(2, 1), New(10, 3), New(1000, 20), NewEvery(1000, 30)} {
		at := 0
		for _, a := range first(s) {
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

// A run that does not know its number of steps keeps states from which no more steps are run forward than from the first state alone, which with the run itself is at most
// as many as if it had kept none; they are as many as the formula for the segments says.
func TestOnline(t *testing.T) {
	known := map[[2]int]int{}
	pairs := 0
	check := func(steps, slots int) int {
		t.Helper()
		s := New(math.MaxInt/4, slots)
		n := runOnline(t, s, steps)
		if formula := ForwardsOnline(steps, slots, 0); float64(n) != formula {
			t.Errorf("%d steps, %d slots: %d steps forward, formula %v", steps, slots, n, formula)
		}
		if most := Forwards(max(steps, 1), slots, 0); float64(n) > most {
			t.Errorf("%d steps, %d slots: %d steps forward, %v from the first state alone", steps, slots, n, most)
		}
		pairs++
		return n
	}
	for steps := 0; steps <= 130; steps++ {
		for slots := 1; slots <= 24; slots++ {
			n := check(steps, slots)
			// Segments in front of states at multiples of a power of two, each with the fewest steps forward that trial finds.
			least := math.MaxInt
			for stride := 1; stride < 2*max(1, steps); stride *= 2 {
				sum := 0
				for i := 0; i*stride < steps && i < slots; i++ {
					sum += tried(min(stride, steps-i*stride), slots-i, known)
				}
				if (steps-1)/stride < slots {
					least = min(least, sum)
				}
			}
			if n != least {
				t.Errorf("%d steps, %d slots: %d steps forward, %d at least", steps, slots, n, least)
			}
		}
	}
	for _, p := range [][2]int{{1000, 20}, {1000, 3}, {10000, 50}, {10000, 7}, {100000, 50}, {819200, 50}, {819201, 50}, {1000000, 1000}, {1000000, 30}, {3000, 1}} {
		n := check(p[0], p[1])
		offline := Forwards(p[0], p[1], 0)
		if all := float64(n + p[0] - 1); p[1] > 1 && all > 1.2*offline {
			t.Errorf("%d steps, %d slots: %v steps forward with the first run; %v if their number were known", p[0], p[1], all, offline)
		}
	}
	if pairs < 3000 {
		t.Errorf("only %d pairs", pairs)
	}
	for steps := range 100 {
		for k := 1; k <= 30; k++ {
			s := NewEvery(100, k)
			if n, formula := runOnline(t, s, steps), ForwardsOnline(steps, 0, k); float64(n) != formula {
				t.Errorf("%d steps, a state at every %d: %d steps forward, formula %v", steps, k, n, formula)
			}
		}
	}
}

// mixed returns the fewest steps forward of schedules that keep in a unit either a state or what the reversal of one step needs, by number of steps and of units: the recurrence of
// Maddison (J. Comput. Sci. 82, 2024).
func mixed(steps, units int) [][]int {
	m := make([][]int, steps+1)
	for n := range m {
		m[n] = make([]int, units+1)
	}
	for s := 1; s <= units; s++ {
		for n := 1; n <= steps; n++ {
			switch {
			case n <= s+1:
				m[n][s] = n
			case s == 1:
				m[n][s] = n*(n+1)/2 - 1
			default:
				m[n][s] = 1 + m[n-1][s-1]
				for i := 2; i < n; i++ {
					m[n][s] = min(m[n][s], i+m[i][s]+m[n-i][s-1])
				}
			}
		}
	}
	return m
}

// Schedules that keep states alone run no more steps forward than mixed ones. Their reversal of a step computes from its state what it needs, which mixed ones have from a run forward: if that
// were a whole step each time, they would do at most one more for each step.
func TestAgainstMixed(t *testing.T) {
	m := mixed(1000, 20)
	// From the Python package checkpoint_schedules 1.0.4, mixed_steps_tabulation.
	for _, c := range [][3]int{{1, 1, 1}, {2, 1, 2}, {3, 1, 5}, {4, 2, 6}, {10, 1, 54}, {10, 3, 19}, {20, 4, 46}, {30, 5, 70}, {60, 6, 159}, {100, 1, 5049}, {100, 5, 352}, {100, 10, 237}, {100, 20, 184},
		{250, 8, 839}, {300, 10, 904}, {500, 3, 5075}, {500, 20, 1284}, {700, 15, 2033}, {1000, 2, 29775}, {1000, 5, 6828}, {1000, 10, 3921}, {1000, 20, 2823}} {
		if got := m[c[0]][c[1]]; got != c[2] {
			t.Errorf("%d steps, %d units: the recurrence gives %d steps forward, the package %d", c[0], c[1], got, c[2])
		}
	}
	pairs := 0
	for n := 1; n <= 1000; n++ {
		for s := 1; s <= 20; s++ {
			forwards := int(Forwards(n, s, 0))
			if forwards > m[n][s] || forwards+n < m[n][s] {
				t.Errorf("%d steps, %d slots: %d steps forward, %d in a mixed schedule", n, s, forwards, m[n][s])
			}
			pairs++
		}
	}
	if forwards := Forwards(1000, 20, 0); forwards != 2747 || pairs != 20000 {
		t.Errorf("%v steps forward for 1000 steps and 20 slots; %d pairs", forwards, pairs)
	}
}
