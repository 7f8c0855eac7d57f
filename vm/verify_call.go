package vm

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// maxDepth bounds how deep calls are nested in one another.
const maxDepth = 256

// call checks a call against the blocks that it runs, which are verified.
func (v *verifier) call(in *Instr) error {
	c := in.Call
	set := 0
	for _, s := range []bool{c.Scan != nil, c.While != nil, c.Cond != nil, c.Sweep != nil} {
		if s {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("needs exactly one of scan, while, cond and sweep")
	}
	for _, k := range c.callees() {
		if k < 0 || k >= v.number {
			return fmt.Errorf("calls block %d: block %d may call those before it", k, v.number)
		}
		if v.depth = max(v.depth, v.facts[k].depth); v.depth >= maxDepth {
			return fmt.Errorf("calls are nested deeper than %d", maxDepth)
		}
	}
	var err error
	switch {
	case c.Scan != nil:
		err = v.scan(c.Scan, in)
	case c.While != nil:
		err = v.while(c.While, in)
	case c.Sweep != nil:
		err = v.sweep(c.Sweep, in)
	default:
		err = v.cond(c.Cond, in)
	}
	if err != nil {
		return err
	}
	bytes := v.code.FrameBytes(c)
	if c.Frame < 0 || c.Frame%frameAlign != 0 || c.Frame > v.block.ArenaBytes-bytes {
		return fmt.Errorf("frame of %d bytes at offset %d of %d", bytes, c.Frame, v.block.ArenaBytes)
	}
	for what, list := range [2][]Operand{in.In, in.Out} {
		for i, o := range list {
			if o.Space == 0 && o.Offset < c.Frame+bytes && c.Frame < o.Offset+bytesOf(o.Type) {
				return fmt.Errorf("%s %d lies in the frame", [2]string{"operand", "result"}[what], i)
			}
		}
	}
	carries, n := 0, 0 // initial ones
	switch {
	case c.Scan != nil:
		carries, n = c.Scan.first()+c.Scan.Captured, c.Scan.Carries
	case c.While != nil:
		carries, n = c.While.Captured, c.While.Carries
	case c.Sweep != nil:
		_, _, _, carries, _ = c.Sweep.parts(v.code.Blocks)
		n = c.Sweep.Carries
	}
	return checkOverlap(in.In, in.Out, func(i, o int) bool {
		if o < n && i == carries+o {
			return in.In[i].Ref == in.Out[o].Ref
		}
		if c.Sweep == nil {
			return false
		}
		_, snapshots, captured, _, _ := c.Sweep.parts(v.code.Blocks)
		return i >= snapshots && i < captured && o == len(in.Out)-captured+i
	})
}

// callList is a list of values that must have the types of slots.
type callList struct {
	what  string
	types []Type
	slots []Slot
	n     int // of the leading axis that the types have and the slots do not; −1 for none
}

func (l callList) check() error {
	if len(l.types) != len(l.slots) {
		return fmt.Errorf("%d %s, the block has %d", len(l.types), l.what, len(l.slots))
	}
	for i, t := range l.types {
		s := &l.slots[i]
		ok := t.DType == s.DType
		if l.n < 0 {
			ok = ok && slices.Equal(t.Shape, s.Shape)
		} else {
			ok = ok && len(t.Shape) == len(s.Shape)+1 && t.Shape[0] == l.n && slices.Equal(t.Shape[1:], s.Shape)
		}
		if !ok {
			steps := ""
			if l.n >= 0 {
				steps = fmt.Sprintf(" for each of %d steps", l.n)
			}
			return fmt.Errorf("%s %d is %s, the block's %s%s", l.what, i, typeText(t), typeText(s.Type), steps)
		}
	}
	return nil
}

func checkLists(lists ...callList) error {
	for _, l := range lists {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// loopCounts checks the numbers of a loop whose body is given.
func (v *verifier) loopCounts(operands int, in *Instr, body *Block, captured, carries, steps int) error {
	switch {
	case steps < 0:
		return fmt.Errorf("%d steps", steps)
	case captured < 0 || carries < 0 || captured > operands || carries > operands-captured:
		return fmt.Errorf("%d captured values and %d carries of %d operands", captured, carries, operands)
	case captured+carries > len(body.Inputs) || carries > len(body.Outputs) || carries > len(in.Out):
		return fmt.Errorf("%d captured values and %d carries for %d inputs and %d outputs of the block, and %d results", captured, carries, len(body.Inputs), len(body.Outputs), len(in.Out))
	}
	return nil
}

// captured checks that the block leaves its first n inputs, of which each call makes one copy, alone.
func (v *verifier) captured(block, n int) error {
	for i, w := range v.facts[block].overwritten[:n] {
		if w {
			return fmt.Errorf("block %d overwrites its input %d, which is captured", block, i)
		}
	}
	return nil
}

func (v *verifier) scan(s *Scan, in *Instr) error {
	body := &v.code.Blocks[s.Body]
	ins, outs := operandTypes(in.In), operandTypes(in.Out)
	if s.Counted {
		if len(ins) == 0 || ins[0].DType != dtype.Int64 || len(ins[0].Shape) != 0 {
			return fmt.Errorf("the number of steps is not an i64 scalar, operand 0")
		}
		ins = ins[1:]
	}
	if err := v.loopCounts(len(ins), in, body, s.Captured, s.Carries, s.Length); err != nil {
		return err
	}
	if s.Unread && !s.Counted {
		return fmt.Errorf("unread elements without a number of steps")
	}
	first, stored := s.Captured+s.Carries, body.Outputs[s.Carries:]
	if s.Snapshots != nil {
		parts, _ := s.Snapshots.parts(body, s.Carries)
		n, recorded, ys := s.Snapshots.slots(s.Length), len(s.Snapshots.recorded(body, s.Carries)), len(outs)-len(parts)
		if n < 0 || ys < s.Carries || recorded != s.Snapshots.Recorded {
			return fmt.Errorf("snapshots%s of %d steps, in %d results", s.Snapshots.append(nil), s.Length, len(outs))
		}
		if err := checkLists(callList{"results of snapshots", outs[ys:], parts, n}); err != nil {
			return err
		}
		outs, stored = outs[:ys], stored[:len(stored)-recorded]
	}
	if err := checkLists(
		callList{"operands", ins[:first], body.Inputs[:first], -1},
		callList{"operands xs", ins[first:], body.Inputs[first:], s.Length},
		callList{"results", outs[:s.Carries], body.Outputs[:s.Carries], -1},
		callList{"results ys", outs[s.Carries:], stored, s.Length},
		callList{"carries", outs[:s.Carries], body.Inputs[s.Captured:first], -1},
	); err != nil {
		return err
	}
	return v.captured(s.Body, s.Captured)
}

func (v *verifier) while(w *While, in *Instr) error {
	cond, body := &v.code.Blocks[w.Cond], &v.code.Blocks[w.Body]
	if err := v.loopCounts(len(in.In), in, body, w.Captured, w.Carries, w.Limit); err != nil {
		return err
	}
	if len(cond.Outputs) != 1 || cond.Outputs[0].DType != dtype.Bool || len(cond.Outputs[0].Shape) != 0 {
		return fmt.Errorf("block %d has another output than one bool", w.Cond)
	}
	if len(in.Out) <= w.Carries || in.Out[w.Carries].DType != dtype.Int64 || len(in.Out[w.Carries].Shape) != 0 {
		return fmt.Errorf("the number of steps is not an i64 result behind the carries")
	}
	ins, outs := operandTypes(in.In), operandTypes(in.Out)
	if s := w.Snapshots; s != nil {
		n := s.slots(w.Limit)
		if n < 0 || s.Recorded != 0 || len(outs)-w.Carries-1 < w.Carries {
			return fmt.Errorf("snapshots%s of %d steps, in %d results", s.append(nil), w.Limit, len(outs))
		}
		ys := len(outs) - w.Carries
		if err := checkLists(callList{"results of snapshots", outs[ys:], body.Outputs[:w.Carries], n}); err != nil {
			return err
		}
		outs = outs[:ys]
	}
	if err := checkLists(
		callList{"operands", ins, body.Inputs, -1},
		callList{"operands", ins, cond.Inputs, -1},
		callList{"results", outs[:w.Carries], body.Outputs[:w.Carries], -1},
		callList{"results ys", outs[w.Carries+1:], body.Outputs[w.Carries:], w.Limit},
		callList{"carries", outs[:w.Carries], body.Inputs[w.Captured:], -1},
	); err != nil {
		return err
	}
	if err := v.captured(w.Cond, w.Captured); err != nil {
		return err
	}
	return v.captured(w.Body, w.Captured)
}

func (v *verifier) sweep(s *Sweep, in *Instr) error {
	forward, body := &v.code.Blocks[s.Forward], &v.code.Blocks[s.Body]
	slots := s.Schedule.slots(s.Length)
	if s.Counted && (len(in.In) == 0 || in.In[0].DType != dtype.Int64 || len(in.In[0].Shape) != 0) {
		return fmt.Errorf("the number of steps is not an i64 scalar, operand 0")
	}
	if s.Online && !s.Counted {
		return fmt.Errorf("online without a number of steps")
	}
	counts := []int{s.ForwardCaptured, s.States, s.Captured, s.Carries}
	for _, n := range counts {
		if n < 0 || n > len(in.In) {
			return fmt.Errorf("%v captured values and carries of %d operands", counts, len(in.In))
		}
	}
	if slots < 0 || s.States < 1 || s.ForwardCaptured+s.States > len(forward.Inputs) || s.States > len(forward.Outputs) || s.Carries > len(body.Outputs) ||
		s.Captured+s.Carries+len(s.Sources) != len(body.Inputs) {
		return fmt.Errorf("%d steps, %v captured values and carries, %d elements, schedule%s", s.Length, counts, len(s.Sources), s.Schedule.append(nil))
	}
	parts, _ := s.Schedule.parts(forward, s.States)
	read := forward.Outputs[:s.States] // by Body
	if s.Schedule.Recorded > 0 {
		if read = s.Schedule.recorded(forward, s.States); s.Online || read == nil {
			return fmt.Errorf("%d outputs of %d are recorded", s.Schedule.Recorded, len(forward.Outputs))
		}
	}
	elements, snapshots, captured, _, own := s.parts(v.code.Blocks)
	ins, outs := operandTypes(in.In), operandTypes(in.Out)
	if own > len(ins) || len(outs) < s.Carries+len(parts) {
		return fmt.Errorf("%d operands and %d results", len(ins), len(outs))
	}
	var slotsOf []Slot
	first := s.Captured + s.Carries
	for i, k := range s.Sources {
		in := body.Inputs[first+i]
		switch {
		case k < 0:
			slotsOf = append(slotsOf, in)
		case k >= len(read):
			return fmt.Errorf("element %d is value %d of %d", i, k, len(read))
		default:
			if err := checkLists(callList{"states", []Type{read[k].Type}, []Slot{in}, -1}); err != nil {
				return err
			}
		}
	}
	ys := len(outs) - len(parts)
	for k := range parts {
		if in.In[snapshots+k].Ref != in.Out[ys+k].Ref {
			return fmt.Errorf("the snapshots of carry %d are not where the operand is", k)
		}
	}
	if err := checkLists(
		callList{"operands", ins[s.first():elements], forward.Inputs[:s.ForwardCaptured], -1},
		callList{"operands xs", ins[elements:snapshots], forward.Inputs[s.ForwardCaptured+s.States:], s.Length},
		callList{"snapshots", ins[snapshots : snapshots+s.States], forward.Inputs[s.ForwardCaptured : s.ForwardCaptured+s.States], slots},
		callList{"snapshots", ins[snapshots:captured], parts, slots},
		callList{"snapshots", outs[ys:], parts, slots},
		callList{"operands", ins[captured:own], body.Inputs[:first], -1},
		callList{"operands xs", ins[own:], slotsOf, s.Length},
		callList{"results", outs[:s.Carries], body.Outputs[:s.Carries], -1},
		callList{"carries", outs[:s.Carries], body.Inputs[s.Captured:first], -1},
		callList{"results ys", outs[s.Carries:ys], body.Outputs[s.Carries:], s.Length},
	); err != nil {
		return err
	}
	if err := v.captured(s.Forward, s.ForwardCaptured); err != nil {
		return err
	}
	return v.captured(s.Body, s.Captured)
}

func (v *verifier) cond(c *Cond, in *Instr) error {
	if len(in.In) == 0 || len(in.In[0].Shape) != 0 || !in.In[0].DType.IsInt() && in.In[0].DType != dtype.Bool {
		return fmt.Errorf("needs a bool, int32 or int64 scalar as operand 0")
	}
	if len(c.Blocks) == 0 || in.In[0].DType == dtype.Bool && len(c.Blocks) != 2 {
		return fmt.Errorf("chooses among %d blocks by %v", len(c.Blocks), in.In[0].DType)
	}
	ins, outs := operandTypes(in.In[1:]), operandTypes(in.Out)
	checked := map[int]bool{}
	for _, k := range c.Blocks {
		if checked[k] {
			continue
		}
		checked[k] = true
		if err := checkLists(callList{"operands", ins, v.code.Blocks[k].Inputs, -1}, callList{"results", outs, v.code.Blocks[k].Outputs, -1}); err != nil {
			return fmt.Errorf("block %d: %w", k, err)
		}
	}
	return nil
}
