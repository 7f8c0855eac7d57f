package checkpoint

import "testing"

// runMixed follows a mixed schedule and checks that every action can be done.
func runMixed(t *testing.T, s *Schedule) (forwards int) {
	t.Helper()
	type unit struct {
		step     int
		recorded bool // else a state
	}
	held := make([]unit, s.Slots())
	for i := range held {
		held[i].step = -1
	}
	held[0].step = 0
	s.Reset()
	for left := s.steps; ; {
		a := s.Next()
		if a.Kind != Done && (a.From >= a.To || a.Slot < 0 || a.Slot >= len(held)) {
			t.Fatalf("%d steps, %d slots: %v", s.steps, s.slots, a)
		}
		forwards += a.Forwards()
		if (a.Kind == Advance || a.Kind == Record) && held[a.Source] != (unit{a.From, false}) {
			t.Fatalf("%d steps, %d slots: %v, but slot %d holds %v", s.steps, s.slots, a, a.Source, held[a.Source])
		}
		switch a.Kind {
		case Done:
			if left != 0 {
				t.Fatalf("%d steps, %d slots: %d are not reversed", s.steps, s.slots, left)
			}
			return forwards
		case Advance:
			held[a.Slot] = unit{a.To, false}
		case Record:
			held[s.slots+1] = unit{-1, false} // the state is there on the way
			for i := range a.To - a.From {
				if a.Slot+i > s.slots {
					t.Fatalf("%d steps, %d slots: %v", s.steps, s.slots, a)
				}
				held[a.Slot+i] = unit{a.From + i, true}
			}
		case Reverse:
			if a.To != left {
				t.Fatalf("%d steps, %d slots: %v, with %d left", s.steps, s.slots, a, left)
			}
			for i := range a.To - a.From {
				if held[a.Slot+i] != (unit{a.From + i, true}) {
					t.Fatalf("%d steps, %d slots: %v, but slot %d holds %v", s.steps, s.slots, a, a.Slot+i, held[a.Slot+i])
				}
			}
			left = a.From
		default:
			t.Fatalf("%d steps, %d slots: %v", s.steps, s.slots, a)
		}
	}
}

// Mixed schedules run as many steps forward as Maddison's recurrence says, which tries every place for the next state.
func TestMixed(t *testing.T) {
	m := mixed(1000, 20)
	pairs := 0
	for steps := 1; steps <= 1000; steps++ {
		for units := 1; units <= 20; units++ {
			if formula := int(ForwardsMixed(steps, units)); formula != m[steps][units] {
				t.Errorf("%d steps, %d units: %d steps forward by the formula, %d by the recurrence", steps, units, formula, m[steps][units])
			}
			if steps > 200 && (steps+units)%37 != 0 {
				continue
			}
			s := NewMixed(steps, units)
			if n := runMixed(t, s); n != m[steps][units] {
				t.Errorf("%d steps, %d units: %d steps forward, %d by the recurrence", steps, units, n, m[steps][units])
			}
			pairs++
			at, list := 0, first(s)
			for i, a := range list {
				if a.From != at || (a.Kind == Record) != (i == len(list)-1) {
					t.Errorf("%d steps, %d units: %v at %d", steps, units, a, at)
				}
				at = a.To
			}
			if at != steps {
				t.Errorf("%d steps, %d units: the first run ends at %d", steps, units, at)
			}
		}
	}
	for _, p := range [][2]int{{10000, 50}, {10000, 7}, {100000, 50}, {1000000, 1000}, {1000000, 30}, {3000, 1}, {5, 1000}} {
		if n, formula := runMixed(t, NewMixed(p[0], p[1])), int(ForwardsMixed(p[0], p[1])); n != formula {
			t.Errorf("%d steps, %d units: %d steps forward, formula %d", p[0], p[1], n, formula)
		}
		pairs++
	}
	if pairs < 4000 {
		t.Errorf("only %d pairs", pairs)
	}
	s := NewMixed(10000, 50)
	if n := testing.AllocsPerRun(3, func() {
		s.Reset()
		for s.Next().Kind != Done {
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
