package vm

import (
	"strings"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/internal/native"
)

// sweepCall runs a Sweep: it follows the schedule, with scans over parts of the steps.
type sweepCall struct {
	p        *Program
	in       *Instr
	s        *Sweep
	ptr      []unsafe.Pointer // operands, then results
	schedule *checkpoint.Schedule

	advance, fill, back *scanCall // forward, forward with all states stored, or all that is recorded, and the reverse sweep itself

	elements, snapshots, captured, carries, own int     // where the parts of the operands begin
	bytes                                       []int64 // of the parts of a slot
	places                                      []int   // by source: the part of a slot
	kept                                        []int   // outputs of the other body that a Fill or a Record stores
	steps                                       int     // of the run
}

// sweepPart names the machine code of a part of a sweep.
type sweepPart struct {
	s    *Sweep
	part int
}

func newSweep(p *Program, in *Instr) *sweepCall {
	s := in.Call.Sweep
	x := &sweepCall{p: p, in: in, s: s}
	x.elements, x.snapshots, x.captured, x.carries, x.own = s.parts(p.code.Blocks)
	offsets, _ := in.Call.places(p.code.Blocks)
	forward, body := &p.code.Blocks[s.Forward], &p.code.Blocks[s.Body]
	part := func(number int, b *Block, offset int64, scan *Scan, stores []int) *scanCall {
		call := &Instr{Op: OpCall, Call: &Call{Frame: in.Call.Frame + offset, Scan: scan},
			In: make([]Operand, len(b.Inputs)), Out: make([]Operand, scan.Carries+len(stores))}
		for c := range scan.Carries {
			if number == 2 {
				call.Out[c].Offset = in.Out[c].Offset
			} else {
				call.Out[c].Offset = in.In[x.snapshots+c].Offset + x.hand()*x.bytes[c]
			}
		}
		return &scanCall{caller: caller{p: p, in: call}, s: scan, stores: stores, key: sweepPart{s, number}}
	}
	scan := Scan{Body: s.Forward, Length: s.Length, Captured: s.ForwardCaptured, Carries: s.States, Reverse: s.Reverse}
	var kept, ys []int // outputs of the blocks
	slot, places := s.Schedule.parts(forward, s.States)
	x.bytes, x.places = bytesOfAll(slot), places
	for i := range s.Schedule.Recorded {
		kept = append(kept, len(forward.Outputs)-s.Schedule.Recorded+i)
	}
	if kept == nil {
		for c := range s.States {
			x.places = append(x.places, c)
			if s.reads(body, c) {
				kept = append(kept, c)
			}
		}
	}
	x.kept = kept
	x.advance = part(0, forward, offsets[0], &scan, nil)
	x.fill = part(1, forward, offsets[0], &scan, kept)
	for i := s.Carries; i < len(body.Outputs); i++ {
		ys = append(ys, i)
	}
	x.back = part(2, body, offsets[1], &Scan{Body: s.Body, Length: s.Length, Captured: s.Captured, Carries: s.Carries, Reverse: !s.Reverse}, ys)
	return x
}

// reads reports whether the reverse sweep reads a carry of the states.
func (s *Sweep) reads(body *Block, carry int) bool {
	first := s.Captured + s.Carries
	for i, k := range s.Sources {
		if k == carry && body.Inputs[first+i].Used {
			return true
		}
	}
	return false
}

// hand is the slot of the state at hand, the last one.
func (x *sweepCall) hand() int64 { return int64(x.s.Schedule.slots(x.s.Length)) - 1 }

func (x *sweepCall) parts() [3]*scanCall { return [3]*scanCall{x.advance, x.fill, x.back} }

func (x *sweepCall) need(n *needs) {
	n.add(int64(unsafe.Sizeof(*x)), int64(len(x.in.In)+len(x.in.Out)+len(x.bytes))*16, int64(x.s.Schedule.slots(x.s.Length))*int64(unsafe.Sizeof(checkpoint.Action{})))
	for _, p := range x.parts() {
		n.add(int64(len(p.in.In)+len(p.in.Out)) * int64(unsafe.Sizeof(Operand{})))
		p.need(n)
	}
}

func (x *sweepCall) prepare(f *frame) {
	x.ptr = make([]unsafe.Pointer, len(x.in.In)+len(x.in.Out))
	for k, o := range x.in.Out {
		x.ptr[len(x.in.In)+k] = unsafe.Add(f.base, o.Offset)
	}
	x.schedule = x.s.Schedule.of(x.s.Length, x.s.Reverse)
	for _, p := range x.parts() {
		p.prepare(f)
	}
}

func (x *sweepCall) bind(k int, p unsafe.Pointer) { x.ptr[k] = p }

func (x *sweepCall) compile(f *frame) {
	for _, p := range x.parts() {
		p.compile(f)
	}
}

func (x *sweepCall) kind() Executor { return x.back.kind() }

func (x *sweepCall) alone() *native.Straight { return nil }

func (x *sweepCall) listing() string {
	var b strings.Builder
	for _, p := range x.parts() {
		b.WriteString(p.listing())
	}
	return b.String()
}

func (x *sweepCall) codeBytes() int {
	n := 0
	for _, p := range x.parts() {
		n += p.codeBytes()
	}
	return n
}

func (x *sweepCall) types(*microError) string {
	return operandsText(x.in.In) + " → " + operandsText(x.in.Out)
}

func (x *sweepCall) watch(f *frame) (int, error) { return -1, x.run(f) }

func (x *sweepCall) run(f *frame) error {
	s, m := x.s, f.m
	first, begun := !s.Online, false // the other scan has done what comes before the first step back
	if x.steps = s.Length; s.Counted {
		x.steps = counted(x.ptr[0], s.Length)
		x.beyond()
	}
	if s.Online {
		x.resume()
	} else {
		x.schedule.Begin(x.steps)
	}
	for {
		a := x.schedule.Next()
		if first = first && a.Kind != checkpoint.Reverse && a.Kind != checkpoint.Done; first {
			continue
		}
		var err error
		switch a.Kind {
		case checkpoint.Done:
			return nil
		case checkpoint.Advance:
			if err = x.forward(m, x.advance, a.From, a.To-a.From, a.Source); err == nil {
				x.moveState(a.Slot, int(x.hand()))
			}
		case checkpoint.Fill:
			for k, c := range x.kept { // nobody goes on from these states
				x.fill.storeAt(k, x.slot(c, a.Slot+1))
			}
			err = x.forward(m, x.fill, a.From, a.To-1-a.From, a.Slot)
		case checkpoint.Record:
			x.moveState(int(x.hand()), a.Source)
			for k, part := range x.places {
				x.fill.storeAt(k, x.slot(part, a.Slot))
			}
			err = x.forward(m, x.fill, a.From, a.To-a.From, int(x.hand()))
		case checkpoint.Reverse:
			switch {
			case s.Reverse && s.Schedule.Recorded > 0:
				err = x.reverse(m, x.steps-a.To, a.To-a.From, a.Slot, &begun)
			case !s.Reverse:
				err = x.reverse(m, a.From, a.To-a.From, a.Slot, &begun)
			default: // the slots behind the first one are in the order of the elements, which is the opposite
				if n := a.To - a.From - 1; n > 0 {
					err = x.reverse(m, x.steps-a.To, n, a.Slot+1, &begun)
				}
				if err == nil {
					err = x.reverse(m, x.steps-1-a.From, 1, a.Slot, &begun)
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

// resume begins where a While has kept states.
func (x *sweepCall) resume() {
	left, ratio := x.schedule.Resume(x.steps)
	for c := range x.s.States {
		for i := 1; i < left && ratio > 1; i++ {
			move(x.slot(c, i), x.slot(c, i*ratio), x.bytes[c])
		}
	}
}

// beyond sets the elements of ys beyond the steps, and the results where there is no step.
func (x *sweepCall) beyond() {
	s, results, body := x.s, x.ptr[len(x.in.In):], x.back.callees[0].out
	for c := range s.Carries {
		if x.steps == 0 {
			move(results[c], x.ptr[x.carries+c], body[c].n)
		}
	}
	for k, i := range x.back.stores {
		clear(unsafe.Slice((*byte)(unsafe.Add(results[s.Carries+k], int64(x.steps)*body[i].n)), int64(s.Length-x.steps)*body[i].n))
	}
}

// slot returns where a part of a slot, of which the first ones are the carries, is.
func (x *sweepCall) slot(part, slot int) unsafe.Pointer {
	return unsafe.Add(x.ptr[x.snapshots+part], int64(slot)*x.bytes[part])
}

// moveState copies a state from a slot to another one.
func (x *sweepCall) moveState(to, from int) {
	for c := range x.s.States {
		if to != from {
			move(x.slot(c, to), x.slot(c, from), x.bytes[c])
		}
	}
}

// forward runs steps of the other scan from the state in a slot.
func (x *sweepCall) forward(m *Machine, part *scanCall, from, steps, slot int) error {
	s := x.s
	origin := from
	if s.Reverse {
		origin = x.steps - from - steps
	}
	copy(part.args, x.ptr[s.first():x.elements])
	for c := range s.States {
		part.args[s.ForwardCaptured+c] = x.slot(c, slot)
	}
	for k := s.ForwardCaptured + s.States; k < len(part.args); k++ {
		part.args[k] = unsafe.Add(x.ptr[s.first()+k-s.States], int64(origin)*part.callees[0].in[k].n)
	}
	part.steps, part.whole, part.origin = steps, x.steps, origin
	return part.do(m)
}

// reverse makes steps of the sweep, from elements on, whose states begin in a slot.
func (x *sweepCall) reverse(m *Machine, element, steps, slot int, begun *bool) error {
	s, part := x.s, x.back
	results := x.ptr[len(x.in.In):]
	copy(part.args, x.ptr[x.captured:x.own])
	for c := range s.Carries {
		if *begun {
			part.args[s.Captured+c] = results[c]
		}
	}
	*begun = true
	own := x.own
	for i, k := range s.Sources {
		at := s.Captured + s.Carries + i
		if k >= 0 {
			part.args[at] = x.slot(x.places[k], slot)
			continue
		}
		part.args[at] = unsafe.Add(x.ptr[own], int64(element)*part.callees[0].in[at].n)
		own++
	}
	for k, i := range part.stores {
		part.storeAt(k, unsafe.Add(results[s.Carries+k], int64(element)*part.callees[0].out[i].n))
	}
	part.steps, part.whole, part.origin = steps, x.steps, element
	return part.do(m)
}

// storeAt makes the elements of store k go to other memory.
func (x *scanCall) storeAt(k int, p unsafe.Pointer) { x.ptr[len(x.in.In)+x.s.Carries+k] = p }
