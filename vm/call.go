package vm

import (
	"math"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/checkpoint"
)

// Call is what OpCall runs: blocks of the program, in a frame. A frame is memory in the arena of the block that calls, which holds the
// callees' arenas and lives only during the call. Exactly one of Scan, While, Cond and Sweep is set.
//
// Operands, results, and the inputs and outputs of blocks correspond in order, and their types agree. A block's input that lies in the block's
// arena is copied there; one in a space of its own is bound to the memory of the value; one that is not used is skipped. A block may overwrite
// its inputs in the arena, but those that are captured, of which a call makes one copy. Results overlap neither the frame nor operands, but for final
// carries, each of which may lie where its initial value does, and for what a Sweep overwrites. What is said of copies is what programs may rely on: machines make fewer where it makes no difference.
type Call struct {
	// Frame is the offset of the frame in the arena, a multiple of 64. Code.FrameBytes says how long it is.
	Frame int64
	Scan  *Scan
	While *While
	Cond  *Cond
	Sweep *Sweep
}

// Scan runs Blocks[Body] Length times.
//
// Operands are the captured values, the initial carries, and xs, each [Length]+shape. The body's inputs are the captured values, the
// carries, and the elements of xs; its outputs are the next carries and the elements of ys. Results are the final carries and ys, each [Length]+shape. A body
// may give the carries out in each other's places, or where an input lies.
type Scan struct {
	Body              int
	Length            int // 0 only without xs and ys: the results are the initial carries then
	Captured, Carries int
	// Reverse goes from the last element of xs to the first, and writes ys at the same places.
	Reverse bool
	// Counted: operand 0, in front of the captured values, is an int64 scalar, the number of steps that are done: the elements of xs from there on are left out, and
	// 0 in ys. It is clamped to 0 to Length, which may be NoLimit.
	Counted bool
	// Unread, of Counted steps: nobody reads the elements of ys beyond the steps, which keep what lay there.
	Unread bool
	// Snapshots, if it is not nil, adds a result behind ys for each carry, [slots]+shape: the carry as it goes into those steps at which the schedule of a Sweep
	// stores states first. Other slots hold 0. What the schedule records is no element of ys.
	Snapshots *Schedule
}

// Schedule says which states a Sweep stores: see internal/checkpoint. Results that hold states have one slot more, for the state at hand.
type Schedule struct {
	Slots int // states at once, for the fewest steps forward; not looked at with Every
	Every int // if it is not 0, a state at every so many steps, and all in between while these are reversed
	// Recorded, if it is not 0, makes the schedule a mixed one: a slot holds a state, or what the reversal of a step reads, which are as many outputs of the loop's body, the last ones. Each lies
	// where the first carry of its size does that no output before it has; those for which there is none have results of their own behind those of the carries. There
	// is one more slot for them too. Not with Every, nor for a While.
	Recorded int
}

// of returns the schedule for a number of steps; both are verified. A loop in reverse stores states from the end of the slots on, while it has its carries in that at hand.
func (s *Schedule) of(steps int, reverse bool) *checkpoint.Schedule {
	var schedule *checkpoint.Schedule
	switch {
	case s.Recorded > 0:
		return checkpoint.NewMixed(steps, s.Slots)
	case s.Every > 0:
		schedule = checkpoint.NewEvery(steps, s.Every)
	default:
		schedule = checkpoint.New(steps, s.Slots)
	}
	if reverse {
		schedule.KeepApart()
	}
	return schedule
}

// slots returns the number of slots, for what is at hand included, −1 if the schedule is not one.
func (s *Schedule) slots(steps int) int {
	switch {
	case s.Recorded < 0 || s.Recorded > 0 && s.Every != 0:
		return -1
	case s.Recorded > 0:
		return checkpoint.MixedSlots(steps, s.Slots)
	}
	return checkpoint.Slots(steps, s.Slots, s.Every)
}

// recorded returns the outputs of a body with so many carries that are recorded; nil if there are not as many.
func (s *Schedule) recorded(body *Block, carries int) []Slot {
	if s == nil || s.Recorded <= 0 || s.Recorded > len(body.Outputs)-carries {
		return nil
	}
	return body.Outputs[len(body.Outputs)-s.Recorded:]
}

// parts returns what a slot has places for, the carries and what is recorded beside them, and in which of them each recorded output lies.
func (s *Schedule) parts(body *Block, carries int) (parts []Slot, at []int) {
	recorded := s.recorded(body, carries)
	parts = slices.Clone(body.Outputs[:carries])
	at, _ = checkpoint.Places(bytesOfAll(parts), bytesOfAll(recorded))
	for i, part := range at {
		if part >= carries {
			parts = append(parts, recorded[i])
		}
	}
	return parts, at
}

func bytesOfAll(slots []Slot) []int64 {
	bytes := make([]int64, len(slots))
	for i := range slots {
		bytes[i] = bytesOf(slots[i].Type)
	}
	return bytes
}

// Sweep is a scan over the steps of another loop in opposite order, whose body takes the carries that went into each. Few of them are stored, by the other loop's Snapshots;
// Blocks[Forward], that loop's body, computes the others once more.
//
// Operands are the captured values of the other loop, what it goes through, the snapshots of its carries and of what is recorded beside them, which are overwritten; then the captured values of Blocks[Body], its
// initial carries, and the operands among its elements. Results are the final carries, the elements of ys, each [Length]+shape, and the snapshots, each in
// the place of the operand.
type Sweep struct {
	Forward, Body           int
	Length                  int   // the most, or NoLimit, of Counted steps
	ForwardCaptured, States int   // of Forward; States is the number of its carries
	Captured, Carries       int   // of Body
	Sources                 []int // by element of Body: the carry of Forward that it is, with a mixed schedule the number of the recorded output; −1 for an operand
	Reverse                 bool  // the other loop goes from the last elements to the first
	Counted                 bool  // operand 0, in front of all, is an int64 scalar, the number of steps, clamped as in Scan; ys beyond are 0
	Online                  bool  // Counted, and the snapshots are those of a While
	Schedule                Schedule
}

// parts returns where the parts of the operands begin: elements of Forward, snapshots, captured values and carries of Body, its elements, and the end, of so
// many operands. They are not in order if the numbers are wrong.
func (s *Sweep) parts(blocks []Block) (elements, snapshots, captured, carries, own int) {
	elements = s.first() + s.ForwardCaptured
	snapshots = elements + len(blocks[s.Forward].Inputs) - s.ForwardCaptured - s.States
	kept, _ := s.Schedule.parts(&blocks[s.Forward], s.States)
	captured = snapshots + len(kept)
	carries = captured + s.Captured
	return elements, snapshots, captured, carries, carries + s.Carries
}

// first is the number of operands in front of those that are the body's inputs.
func (s *Scan) first() int {
	if s.Counted {
		return 1
	}
	return 0
}

// first is the number of operands in front of the captured values.
func (s *Sweep) first() int {
	if s.Counted {
		return 1
	}
	return 0
}

// While runs Blocks[Body] as long as Blocks[Cond] says true.
//
// Operands are the captured values and the initial carries, which are the inputs of both blocks. Cond has one output, a bool. The outputs of the body
// are the next carries and the elements of ys. Results are the final carries, the number of steps (an int64 scalar), and ys, each [Limit]+shape; what
// lies beyond the steps is 0. A run that needs more than Limit steps fails with ErrStepLimit.
type While struct {
	Cond, Body        int
	Limit             int // 0 only without ys; or NoLimit
	Captured, Carries int
	// Unread: nobody reads the elements of ys beyond the steps, which keep what lay there.
	Unread bool
	// Snapshots, if it is not nil, adds a result behind ys for each carry, [slots]+shape: the carry as it goes into the steps that are multiples of a stride, in order; other slots hold 0.
	// The stride is Every, or the smallest power of two with which all of them have a slot, that for the state at hand left out.
	Snapshots *Schedule
}

// NoLimit stands for a limit where there is none: nobody waits for as many steps.
const NoLimit = math.MaxInt / 4

// counted returns the number of steps to do of a loop that reads it from a value.
func counted(p unsafe.Pointer, length int) int {
	return int(max(0, min(*(*int64)(p), int64(length))))
}

// Cond runs one of Blocks.
//
// Operand 0 names it: a bool, of which false is the first of two blocks and true the second, or an int32 or int64, which is clamped into range. The other
// operands are the inputs of each block, and its outputs are the results.
type Cond struct {
	Blocks []int
}

// frameAlign is the alignment of frames and of the arenas in them.
const frameAlign = 64

// callees returns the blocks that the call runs, and where the arena of each lies in the frame.
func (c *Call) callees() []int {
	switch {
	case c == nil:
	case c.Scan != nil:
		return []int{c.Scan.Body}
	case c.While != nil:
		return []int{c.While.Cond, c.While.Body}
	case c.Cond != nil:
		return c.Cond.Blocks
	case c.Sweep != nil:
		return []int{c.Sweep.Forward, c.Sweep.Body}
	}
	return nil
}

// Kind returns scan, while or cond; "" for a call of nothing.
func (c *Call) Kind() string {
	switch {
	case c == nil:
		return ""
	case c.Scan != nil:
		return "scan"
	case c.While != nil:
		return "while"
	case c.Cond != nil:
		return "cond"
	case c.Sweep != nil:
		return "sweep"
	}
	return ""
}

// places returns the offset in the frame of each callee's arena, and the length of the frame. The two blocks of a While live at the same time, those
// of a Cond or Sweep do not.
func (c *Call) places(blocks []Block) (offsets []int64, bytes int64) {
	list := c.callees()
	offsets = make([]int64, len(list))
	for i, k := range list {
		n := blocks[k].ArenaBytes
		if c.While != nil {
			offsets[i] = bytes
			bytes += (n + frameAlign - 1) &^ (frameAlign - 1)
		} else {
			bytes = max(bytes, n)
		}
	}
	return offsets, bytes
}

// FrameBytes returns the length of the call's frame: the largest arena of the blocks that it runs, for a While the sum of both, each rounded up
// to 64 bytes. It is 0 for a call of nothing, or of blocks that there are not.
func (c *Code) FrameBytes(call *Call) int64 {
	for _, k := range call.callees() {
		if k < 0 || k >= len(c.Blocks) {
			return 0
		}
	}
	_, n := call.places(c.Blocks)
	return n
}

func (c Call) clone() Call {
	if c.Scan != nil {
		s := *c.Scan
		if s.Snapshots != nil {
			of := *s.Snapshots
			s.Snapshots = &of
		}
		c.Scan = &s
	}
	if c.While != nil {
		w := *c.While
		if w.Snapshots != nil {
			of := *w.Snapshots
			w.Snapshots = &of
		}
		c.While = &w
	}
	if c.Sweep != nil {
		s := *c.Sweep
		s.Sources = slices.Clone(s.Sources)
		c.Sweep = &s
	}
	if c.Cond != nil {
		c.Cond = &Cond{Blocks: append([]int(nil), c.Cond.Blocks...)}
	}
	return c
}
