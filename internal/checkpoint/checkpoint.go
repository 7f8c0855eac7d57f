// Package checkpoint says when a reverse sweep over many steps stores the state of the forward run, restores it, and runs forward again, so that it needs
// memory for few states.
//
// The state at step t is what goes into step t. Reversing step t needs the state at t.
package checkpoint

import (
	"fmt"
	"math"
)

// Kind is what an Action does.
type Kind uint8

// The kinds of actions.
const (
	Done    Kind = iota // all steps are reversed
	Advance             // run forward from the state at From, in slot Source, to that at To, in slot Slot
	Fill                // run forward from the state at From, in slot Slot, and put those at From+1 … To−1 into the slots behind it
	Reverse             // reverse the steps To−1 … From, whose states are in Slot, Slot+1, …
)

// Action is one part of a schedule.
type Action struct {
	Kind         Kind
	From, To     int
	Source, Slot int
}

// Forwards returns the number of steps that the action runs forward.
func (a Action) Forwards() int {
	switch a.Kind {
	case Advance:
		return a.To - a.From
	case Fill:
		return a.To - a.From - 1
	}
	return 0
}

// Schedule is a sequence of actions on numbered slots, each of which holds one state. It begins with the state at step 0 in slot 0. The actions in front of the first Reverse
// are those that a run over all steps does on its way. It holds memory in proportion to the number of slots, and allocates nothing once it is made.
type Schedule struct {
	steps, slots int
	every        int       // 0 for the fewest steps forward
	stack        []segment // those yet to be reversed, the first step's at the bottom; each one's place is the slot of its first state
	filled       bool      // the states of the top segment are in the slots from its place on
	hand         int       // the step whose state is in the last slot, −1 for none
}

// segment is the steps [from, to).
type segment struct{ from, to int }

// New returns the schedule that reverses the given number of steps, at least 1, with memory for the given number of states, at least 1, beside that of one more at hand, and the
// fewest steps forward (Griewank & Walther, Algorithm 799: Revolve, ACM TOMS 26, 2000).
func New(steps, slots int) *Schedule {
	if steps < 1 || slots < 1 {
		panic(fmt.Sprintf("BUG: a schedule of %d steps with %d slots", steps, slots))
	}
	return newSchedule(steps, 0, Slots(steps, slots, 0))
}

// NewEvery returns the schedule that stores the state at every k-th step, and, while it reverses the steps from one of these to the next, that at each of
// them: every step is run forward twice at the most, with memory for ⌈steps/k⌉ + k − 1 states.
func NewEvery(steps, k int) *Schedule {
	if steps < 1 || k < 1 {
		panic(fmt.Sprintf("BUG: a schedule of %d steps with a state at every %d", steps, k))
	}
	k = min(k, steps)
	return newSchedule(steps, k, Slots(steps, 0, k))
}

// Slots returns the number of slots, that of the state at hand included, of NewEvery's schedule for every > 0, and of New's for every = 0; −1 where there is no such
// schedule, or it has more slots than an int holds. It takes no memory.
func Slots(steps, slots, every int) int {
	switch {
	case steps < 1 || steps == math.MaxInt || every < 0 || every == 0 && slots < 1:
		return -1
	case every > 0:
		k := min(every, steps)
		if n := (steps-1)/k + 1; n <= math.MaxInt-k {
			return n + k
		}
		return -1
	}
	return min(slots, steps) + 1
}

func newSchedule(steps, every, slots int) *Schedule {
	s := &Schedule{steps: steps, slots: slots - 1, every: every, stack: make([]segment, 0, slots-1)}
	s.Reset()
	return s
}

// Slots returns the number of slots, that of the state at hand, which is the last one, included.
func (s *Schedule) Slots() int { return s.slots + 1 }

// Reset begins anew.
func (s *Schedule) Reset() {
	s.stack, s.filled, s.hand = append(s.stack[:0], segment{0, s.steps}), false, -1
}

// Next returns the next action.
func (s *Schedule) Next() Action {
	if len(s.stack) == 0 {
		return Action{}
	}
	slot := len(s.stack) - 1
	top := &s.stack[slot]
	n, free := top.to-top.from, s.slots-len(s.stack)
	switch {
	case s.filled || n == 1:
		s.filled = false
		a := Action{Reverse, top.from, top.to, 0, slot}
		s.stack = s.stack[:slot]
		return a
	case s.hand == top.to-1:
		s.hand = -1
		top.to--
		return Action{Reverse, top.to, top.to + 1, 0, s.slots}
	case s.fits(n, free):
		s.filled = true
		return Action{Fill, top.from, top.to, 0, slot}
	case free == 0:
		s.hand = top.to - 1
		return Action{Advance, top.from, s.hand, slot, s.slots}
	}
	middle, to := top.from+s.split(n, free+1), top.to
	top.to = middle
	s.stack = append(s.stack, segment{middle, to})
	return Action{Advance, top.from, middle, slot, slot + 1}
}

// fits reports whether the states of n steps are all stored at once, where that of the first one is stored and so many slots are free.
func (s *Schedule) fits(n, free int) bool { return n-1 <= free && (s.every == 0 || n <= s.every) }

// First returns the actions before the first step is reversed, which a run forward over all steps does on its way.
func (s *Schedule) First() []Action {
	s.Reset()
	defer s.Reset()
	var first []Action
	for a := s.Next(); a.Kind != Reverse; a = s.Next() {
		first = append(first, a)
	}
	return first
}

// binomial returns C(s+r, s), at most math.MaxInt/8.
func binomial(s, r int) int {
	if r < 0 {
		return 0
	}
	n := 1.0
	for i := 1; i <= min(s, r); i++ {
		n = n * float64(max(s, r)+i) / float64(i)
		if n > math.MaxInt/8 {
			return math.MaxInt / 8
		}
	}
	return int(math.Round(n))
}

// repetitions returns the smallest r with C(s+r, s) ≥ n: no step is run forward more often than r times.
func repetitions(n, s int) int {
	lo, hi := -1, 1
	for binomial(s, hi) < n {
		lo, hi = hi, 2*hi
	}
	for hi-lo > 1 {
		if r := lo + (hi-lo)/2; binomial(s, r) < n {
			lo = r
		} else {
			hi = r
		}
	}
	return hi
}

// split returns how many of n ≥ 2 steps lie before the next stored state.
func (s *Schedule) split(n, slots int) int {
	if s.every > 0 {
		return s.every
	}
	return split(n, slots)
}

// split returns how many of n ≥ 2 steps lie before the next stored state, with s ≥ 2 slots, that of the first state among them.
func split(n, s int) int {
	r := repetitions(n, s)
	return max(1, min(binomial(s, r-1), n-binomial(s-1, r-1)))
}

// Forwards returns the number of steps that New's schedule runs forward, the first run up to the state at the last step included: r·n − C(s+r, r−1) with the smallest r
// for which C(s+r, s) ≥ n (Griewank & Walther, equation 3). Of NewEvery's it is n − 1 + (⌈n/k⌉ − 1)·(k − 1).
func (s *Schedule) Forwards() float64 {
	n, k := float64(s.steps), float64(s.every)
	if k > 0 {
		return n - 1 + (math.Ceil(n/k)-1)*(k-1)
	}
	r := repetitions(s.steps, s.slots)
	return float64(r)*n - float64(binomial(s.slots+1, r-1))
}
