// Package checkpoint says when a reverse sweep over many steps stores the state of the forward run, restores it, and runs forward again, so that it needs
// memory for few states.
//
// The state at step t is what goes into step t. Reversing step t needs the state at t.
package checkpoint

import (
	"fmt"
	"math"
	"sort"
)

// Kind is what an Action does.
type Kind uint8

// The kinds of actions.
const (
	Done    Kind = iota // all steps are reversed
	Advance             // run forward from the state at From, in slot Source, to that at To, in slot Slot
	Fill                // run forward from the state at From, in slot Slot, and put those at From+1 … To−1 into the slots behind it
	Record              // run forward from the state at From, in slot Source, through step To−1, and put what the reversal of each step needs into Slot, Slot+1, …
	Reverse             // reverse the steps To−1 … From, whose states, or what was recorded of them, are in Slot, Slot+1, …
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
	case Advance, Record:
		return a.To - a.From
	case Fill:
		return a.To - a.From - 1
	}
	return 0
}

// Schedule is a sequence of actions on numbered slots, each of which holds one state, or what was recorded of one step. It begins with the state at step 0 in slot 0. The actions in front of the first Reverse
// are those that a run over all steps does on its way. It holds memory in proportion to the number of slots, and allocates nothing once it is made.
type Schedule struct {
	steps, slots int
	every        int       // 0 for the fewest steps forward
	mixed        bool      // it was made by NewMixed
	apart        bool      // the slot of the state at hand is not filled with others
	stack        []segment // those yet to be reversed, the first step's at the bottom; each one's place is the slot of its first state
	filled       bool      // the states of the top segment, or what was recorded of its steps, are in the slots from its place on
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

// Slots returns the number of slots, those at hand included, of which that of the state is the last one.
func (s *Schedule) Slots() int {
	if s.mixed {
		return s.slots + 2
	}
	return s.slots + 1
}

// Reset begins anew.
func (s *Schedule) Reset() { s.Begin(s.steps) }

// Begin begins anew for so many steps, 0 to those that it was made for.
func (s *Schedule) Begin(steps int) {
	if s.stack, s.filled, s.hand = s.stack[:0], false, -1; steps > 0 {
		s.stack = append(s.stack, segment{0, steps})
	}
}

// Next returns the next action.
func (s *Schedule) Next() Action {
	switch {
	case len(s.stack) == 0:
		return Action{}
	case s.mixed:
		return s.nextMixed()
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

// fits reports whether the states of n steps are all stored at once, where that of the first one is stored and so many slots are free: the slot of the state at hand, which lies behind these, is
// another one.
func (s *Schedule) fits(n, free int) bool {
	if !s.apart {
		free++
	}
	return n-1 <= free && (s.every == 0 || n <= s.every)
}

// KeepApart makes no Fill use the slot of the state at hand, for those who need it on the way. As many steps are run, in more actions.
func (s *Schedule) KeepApart() { s.apart = true }

// Resume begins the schedule for so many steps, 0 to those it was made for and at most math.MaxInt/4, of which a run has kept states as a Keeper does: the state in slot i·ratio, which the caller is to move
// to slot i, is that at the beginning of segment i of those left. The ratio is chosen with which the fewest steps are run forward; the slots between become free.
func (s *Schedule) Resume(steps int) (left, ratio int) {
	s.stack, s.filled, s.hand = s.stack[:0], false, -1
	stride, ratio, _ := resume(steps, s.slots, s.every)
	for from := 0; from < steps; from += stride {
		s.stack = append(s.stack, segment{from, from + min(stride, steps-from)})
	}
	return len(s.stack), ratio
}

// resume returns how far from each other the states are that Resume goes on from, as a number of steps and of slots, and the number of steps that are run forward.
func resume(steps, slots, every int) (stride, ratio int, forwards float64) {
	if every > 0 {
		n, k := float64(steps), float64(every)
		return every, 1, n - math.Ceil(n/k)
	}
	first := 1
	for (steps-1)/first >= slots {
		first *= 2
	}
	stride, ratio, forwards = first, 1, ahead(steps, first, slots)
	for r := 2; first*r < 2*steps; r *= 2 {
		f := ahead(steps, first*r, slots)
		if f >= forwards {
			break // more free slots no longer make up for longer segments
		}
		stride, ratio, forwards = first*r, r, f
	}
	return stride, ratio, forwards
}

// ahead returns the number of steps that are run forward where the states at all multiples of stride are stored.
func ahead(steps, stride, slots int) float64 {
	whole, rest := steps/stride, steps%stride
	sum := 0.0
	if rest > 0 {
		sum = fewest(rest, slots-whole)
	}
	// Segments with as many repetitions are summed at once, by Σ C(s+r, r−1) for s from a to b = C(b+r+1, r) − C(a+r, r).
	for a, b := 0, slots; b > slots-whole; b = a - 1 {
		r := repetitions(stride, b)
		first := slots - whole + 1
		a = first + sort.Search(b-first, func(i int) bool { return binomial(first+i, r) >= float64(stride) })
		sum += float64(r)*float64(stride)*float64(b-a+1) - (binomial(b+1, r) - binomial(a, r))
	}
	return sum
}

// ForwardsOnline returns the number of steps that a schedule with these numbers, as Slots takes them, runs forward after Resume; those of the run that kept states are not included.
func ForwardsOnline(steps, slots, every int) float64 {
	_, _, n := resume(steps, slots, every)
	return n
}

// Keeper says which states a run keeps that does not know how many steps it will do: those at all multiples of a stride, in order, in slots 0, 1, …. The stride is that of the schedule,
// or begins with 1 and doubles whenever there is no slot left. It allocates nothing. The zero Keeper keeps none.
type Keeper struct {
	slots, every, stride int
	Kept                 int // states
	Next                 int // the step that is kept next
}

// NewKeeper returns the keeper with so many slots, that of the state at hand left out, for a run that the Schedule with as many, and the same every, goes on from.
func NewKeeper(slots, every int) Keeper { return Keeper{slots: slots, every: every} }

// Reset begins anew.
func (k *Keeper) Reset() {
	if k.Kept, k.Next, k.stride = 0, 0, max(1, k.every); k.slots == 0 {
		k.Next = math.MaxInt
	}
}

// Keep is called before the step Next. If left is not 0, there is no slot left: the caller first moves the states of slots 2, 4, … to slots 1, 2, …, left − 1. Then, if slot is not
// negative, it stores the state in it.
func (k *Keeper) Keep() (left, slot int) {
	if k.Kept == k.slots {
		left = (k.slots + 1) / 2
		k.Kept, k.stride = left, 2*k.stride
		if k.slots%2 != 0 { // this step is no multiple
			k.Next += k.stride / 2
			return left, -1
		}
	}
	slot = k.Kept
	k.Kept++
	k.Next += k.stride
	return left, slot
}

// binomial returns C(s+r, s).
func binomial(s, r int) float64 {
	if r < 0 {
		return 0
	}
	n := 1.0
	for i := 1; i <= min(s, r) && !math.IsInf(n, 1); i++ {
		n = n * float64(max(s, r)+i) / float64(i)
	}
	return math.Round(n)
}

// repetitions returns the smallest r with C(s+r, s) ≥ n: no step is run forward more often than r times.
func repetitions(n, s int) int {
	lo, hi := -1, 1
	for binomial(s, hi) < float64(n) {
		lo, hi = hi, 2*hi
	}
	for hi-lo > 1 {
		if r := lo + (hi-lo)/2; binomial(s, r) < float64(n) {
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
	return max(1, int(min(binomial(s, r-1), float64(n)-binomial(s-1, r-1))))
}

// Forwards returns the number of steps that a schedule with these numbers, as Slots takes them, runs forward, the first run up to the state at the last step included: of New's r·n − C(s+r, r−1) with the
// smallest r for which C(s+r, s) ≥ n (Griewank & Walther, equation 3), of NewEvery's n − 1 + (⌈n/k⌉ − 1)·(k − 1).
func Forwards(steps, slots, every int) float64 {
	if every > 0 {
		n, k := float64(steps), float64(min(every, steps))
		return n - 1 + (math.Ceil(n/k)-1)*(k-1)
	}
	return fewest(steps, slots)
}

// fewest returns the number of steps forward that take n ≥ 1 steps, with the state at the first one in one of the slots.
func fewest(n, slots int) float64 {
	if slots >= n {
		return float64(n - 1)
	}
	r := repetitions(n, slots)
	return float64(r)*float64(n) - binomial(slots+1, r-1)
}
