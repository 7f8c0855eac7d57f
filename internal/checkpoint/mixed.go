package checkpoint

import (
	"fmt"
	"math"
)

// Mixed schedules (Maddison, Step-based checkpointing with high-level algorithmic differentiation, J. Comput. Sci. 82, 2024) keep in a unit either a state, or what the reversal of one step
// needs beside the adjoints, which a run forward records on its way: no reversal computes its step again. The fewest steps forward follow from a recurrence there; what
// is here is its solution. A unit that keeps a state has a segment of steps behind it, which is run once more than those that it could record itself: with j units from there
// on, j+1 steps are recorded at once, so that to begin a segment costs one step and j more steps have a place. Segments within segments are run once more for each of these. So as many steps
// as C(s+r, r) are run r times at the most, in segments of which those with the most units are begun first.

// NewMixed returns the mixed schedule with the fewest steps forward that reverses the given number of steps, at least 1, with the given number of units, at least 1, beside one at
// hand for what is recorded, and behind that one for the state at hand.
func NewMixed(steps, units int) *Schedule {
	if steps < 1 || units < 1 {
		panic(fmt.Sprintf("BUG: a mixed schedule of %d steps with %d units", steps, units))
	}
	n := MixedSlots(steps, units) - 2
	s := &Schedule{steps: steps, slots: n, mixed: true, stack: make([]segment, 0, n+1)}
	s.Reset()
	return s
}

// MixedSlots returns the number of slots of NewMixed's schedule, both at hand included; −1 where there is none.
func MixedSlots(steps, units int) int {
	if steps < 1 || steps > math.MaxInt/2 || units < 1 {
		return -1
	}
	return min(units, steps-1) + 2
}

// nextMixed is Next of a mixed schedule.
func (s *Schedule) nextMixed() Action {
	slot := len(s.stack) - 1
	top := &s.stack[slot]
	n, units := top.to-top.from, s.slots-slot
	if s.filled {
		s.filled = false
		a := Action{Reverse, top.from, top.to, 0, slot}
		s.stack = s.stack[:slot]
		return a
	}
	if n <= units+1 {
		a := Action{Record, top.from, top.to, slot, slot}
		if s.hand == top.from {
			a.Source = s.slots + 1
		}
		s.filled, s.hand = true, -1
		return a
	}
	middle, to := top.from+splitMixed(n, units), top.to
	top.to = middle
	s.stack = append(s.stack, segment{middle, to})
	a := Action{Advance, top.from, middle, slot, slot + 1}
	if to-middle <= units {
		a.Slot, s.hand = s.slots+1, middle // it is recorded from there at once
	}
	return a
}

// innermost returns r and the number of steps that are run r times, for n steps of which none is run more often, and one is, with so many units.
func innermost(n, units int) (r int, steps float64) {
	r = repetitions(n, units)
	return r, float64(n) - binomial(units, r-1)
}

// ForwardsMixed returns the number of steps that NewMixed's schedule runs forward, those of the first run included.
func ForwardsMixed(steps, units int) float64 {
	if units = MixedSlots(steps, units) - 2; steps <= units+1 {
		return float64(steps)
	}
	r, left := innermost(steps, units)
	forwards := float64(units)*binomial(units+1, r-2) + binomial(units, r-2) + float64(r)*left
	for j := units; left > 0; j-- { // segments with j units
		segments := min(binomial(r-2, units-j), math.Ceil(left/float64(j)))
		forwards += segments
		left -= segments * float64(j)
	}
	return forwards
}

// splitMixed returns how many of n > units+1 steps lie before the next state that is kept, with so many units, that of the first state among them.
func splitMixed(n, units int) int {
	r, left := innermost(n, units)
	if r == 2 {
		return 1 + min(int(left), units)
	}
	before := binomial(units, r-2)
	for j := units; left > 0; j-- {
		most := float64(j) * binomial(r-3, units-j) // those of the segments with j units that lie before it
		before += min(left, most)
		left -= min(left, float64(j)*binomial(r-2, units-j))
	}
	return int(before)
}

// Places returns, for values of so many bytes that are recorded of a step, in which part of a unit each lies: that of the first carry of as many bytes which no value before it has, or one of its
// own behind those of the carries.
func Places(carries, recorded []int64) (part []int, own int) {
	taken := make([]bool, len(carries))
	for _, bytes := range recorded {
		at := len(carries) + own
		for c, n := range carries {
			if n == bytes && !taken[c] {
				at, taken[c] = c, true
				break
			}
		}
		if at >= len(carries) {
			own++
		}
		part = append(part, at)
	}
	return part, own
}
