package vm

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/linescan"
)

// callOp is OpCall.
type callOp struct{}

func (callOp) name() string { return "CALL" }

func (callOp) set(in *Instr) bool { return in.Call != nil }

func (callOp) clone(in *Instr) {
	c := in.Call.clone()
	in.Call = &c
}

func (callOp) executor(p *Program, _ *Block, in *Instr, threads int) executor {
	return newCall(p, in, threads)
}

func (callOp) verify(v *verifier, in *Instr) (int, error) { return 1, v.call(in) }

func (callOp) scalars(*Instr, func(int64, dtype.DType)) {}

// fixed are the frame and the results, whose places calls know from the beginning.
func (callOp) fixed(c *Code, in *Instr, touch func(lo, hi int64, write bool)) {
	touch(in.Call.Frame, in.Call.Frame+c.FrameBytes(in.Call), true)
	for _, o := range in.Out {
		touch(o.Offset, o.Offset+bytesOf(o.Type), true)
	}
}

// workspace is that of the blocks, which count for themselves.
func (callOp) workspace(*Instr) int64 { return 0 }

func (callOp) work(in *Instr, blocks []float64) float64 {
	own := float64(len(in.In) + len(in.Out))
	switch c := in.Call; {
	case c.Scan != nil:
		return own + float64(c.Scan.Length)*(blocks[c.Scan.Body]+1)
	case c.While != nil:
		return own + float64(c.While.Limit)*(blocks[c.While.Body]+blocks[c.While.Cond]+1) + blocks[c.While.Cond]
	case c.Sweep != nil:
		s := c.Sweep
		return own + float64(s.Length)*(blocks[s.Body]+1) + s.forwards()*(blocks[s.Forward]+1)
	case c.Cond != nil:
		most := 0.0
		for _, k := range c.Cond.Blocks {
			most = max(most, blocks[k])
		}
		return own + most
	}
	panic("BUG: a call of an unknown kind")
}

// bounded is a number of steps, one if they have no limit.
func bounded(steps int) int {
	if steps == NoLimit {
		return 1
	}
	return steps
}

// forwards returns how many steps are run forward once more, if there are as many as may be.
func (s *Sweep) forwards() float64 {
	n := s.Schedule.slots(s.Length) - 1
	switch {
	case s.Schedule.Recorded > 0:
		return checkpoint.ForwardsMixed(s.Length, s.Schedule.Slots) - float64(s.Length)
	case s.Online:
		return checkpoint.ForwardsOnline(s.Length, n, s.Schedule.Every)
	}
	return checkpoint.Forwards(s.Length, n, s.Schedule.Every) - float64(s.Length-1)
}

// parts counts all that the blocks do: a While as if it went to its limit, or to one step if it has none, a Cond as the block that does most.
func (callOp) parts(in *Instr, blocks []int64, f func(index int, flops int64)) {
	switch c := in.Call; {
	case c.Scan != nil:
		f(0, times(bounded(c.Scan.Length), blocks[c.Scan.Body]))
	case c.While != nil:
		f(0, plus(times(bounded(c.While.Limit), plus(blocks[c.While.Body], blocks[c.While.Cond])), blocks[c.While.Cond]))
	case c.Sweep != nil:
		s := c.Sweep
		again := 1
		if s.Length != NoLimit {
			again = int(min(s.forwards(), math.MaxInt/2))
		}
		f(0, plus(times(bounded(s.Length), blocks[s.Body]), times(again, blocks[s.Forward])))
	case c.Cond != nil:
		most := int64(0)
		for _, k := range c.Cond.Blocks {
			most = max(most, blocks[k])
		}
		f(0, most)
	}
}

// times is n·v, the largest number if that is more; both are not negative.
func times(n int, v int64) int64 {
	if hi, lo := bits.Mul64(uint64(n), uint64(v)); hi == 0 && lo <= math.MaxInt64 {
		return int64(lo)
	}
	return math.MaxInt64
}

// plus is a + b, the largest number if that is more; both are not negative.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (callOp) bytes(*Instr) int64 { return 0 }

func (callOp) describe(in *Instr) (string, string) { return in.Call.Kind(), in.Call.String() }

func (callOp) list(l *lister, in *Instr) {
	fmt.Fprintf(l, "  %s\n", in.Call)
	l.operands(in)
}

// String returns the call in the text form: what it runs and how often.
func (c *Call) String() string {
	var b []byte
	switch {
	case c == nil:
		return "call of nothing"
	case c.Scan != nil:
		s := c.Scan
		b = fmt.Appendf(b, "scan %d length %d captured %d carries %d", s.Body, s.Length, s.Captured, s.Carries)
		if s.Reverse {
			b = append(b, " reverse"...)
		}
		if s.Counted {
			b = append(b, " counted"...)
		}
		if s.Unread {
			b = append(b, " unread"...)
		}
		if s.Snapshots != nil {
			b = s.Snapshots.append(append(b, " snapshots"...))
		}
	case c.While != nil:
		w := c.While
		b = fmt.Appendf(b, "while %d do %d limit %d captured %d carries %d", w.Cond, w.Body, w.Limit, w.Captured, w.Carries)
		if w.Unread {
			b = append(b, " unread"...)
		}
		if w.Snapshots != nil {
			b = w.Snapshots.append(append(b, " snapshots"...))
		}
	case c.Sweep != nil:
		s := c.Sweep
		b = fmt.Appendf(b, "sweep %d forward %d length %d captured %d states %d captured %d carries %d sources %d", s.Body, s.Forward, s.Length, s.ForwardCaptured, s.States,
			s.Captured, s.Carries, len(s.Sources))
		for _, k := range s.Sources {
			if k < 0 {
				b = append(b, " own"...)
			} else {
				b = fmt.Appendf(b, " %d", k)
			}
		}
		if s.Reverse {
			b = append(b, " reverse"...)
		}
		if s.Counted {
			b = append(b, " counted"...)
		}
		if s.Online {
			b = append(b, " online"...)
		}
		b = s.Schedule.append(append(b, " snapshots"...))
	case c.Cond != nil:
		b = append(b, "cond"...)
		for _, k := range c.Cond.Blocks {
			b = fmt.Appendf(b, " %d", k)
		}
	}
	return string(fmt.Appendf(b, " frame @%d", c.Frame))
}

// append appends the schedule in the text form.
func (s *Schedule) append(b []byte) []byte {
	b = fmt.Appendf(b, " %d every %d", s.Slots, s.Every)
	if s.Recorded != 0 {
		b = fmt.Appendf(b, " recorded %d", s.Recorded)
	}
	return b
}

func (callOp) appendText(in *Instr, b []byte) []byte {
	return in.appendNode(in.appendOperands(append(b, in.Call.String()...)), 0)
}

func (callOp) keywords() []string { return []string{"scan", "while", "cond", "sweep"} }

func (callOp) parse(t *textParser, keyword string) error {
	c := &Call{}
	var err error
	number := func(word string, to *int) {
		if err == nil && word != "" && !t.Keyword(word) {
			err = linescan.Errorf(t.Start(), "expected %s", word)
		}
		if err == nil {
			var v int64
			v, err = t.number("a number", math.MaxInt)
			*to = int(v)
		}
	}
	schedule := func(s *Schedule) {
		number("", &s.Slots)
		number("every", &s.Every)
		if err == nil && t.Keyword("recorded") {
			number("", &s.Recorded)
		}
	}
	snapshots := func() *Schedule {
		if err != nil || !t.Keyword("snapshots") {
			return nil
		}
		s := &Schedule{}
		schedule(s)
		return s
	}
	switch keyword {
	case "scan":
		s := &Scan{}
		c.Scan = s
		number("", &s.Body)
		number("length", &s.Length)
		number("captured", &s.Captured)
		number("carries", &s.Carries)
		s.Reverse = err == nil && t.Keyword("reverse")
		s.Counted = err == nil && t.Keyword("counted")
		s.Unread = err == nil && t.Keyword("unread")
		s.Snapshots = snapshots()
	case "sweep":
		s := &Sweep{}
		c.Sweep = s
		number("", &s.Body)
		number("forward", &s.Forward)
		number("length", &s.Length)
		number("captured", &s.ForwardCaptured)
		number("states", &s.States)
		number("captured", &s.Captured)
		number("carries", &s.Carries)
		n := 0
		number("sources", &n)
		for range n {
			k := -1
			if err != nil {
				break
			}
			if !t.Keyword("own") {
				number("", &k)
			}
			s.Sources = append(s.Sources, k)
		}
		s.Reverse = err == nil && t.Keyword("reverse")
		s.Counted = err == nil && t.Keyword("counted")
		s.Online = err == nil && t.Keyword("online")
		if err == nil && !t.Keyword("snapshots") {
			err = linescan.Errorf(t.Start(), "expected snapshots")
		}
		schedule(&s.Schedule)
	case "while":
		w := &While{}
		c.While = w
		number("", &w.Cond)
		number("do", &w.Body)
		number("limit", &w.Limit)
		number("captured", &w.Captured)
		number("carries", &w.Carries)
		w.Unread = err == nil && t.Keyword("unread")
		w.Snapshots = snapshots()
	case "cond":
		c.Cond = &Cond{}
		for err == nil && t.Peek() >= '0' && t.Peek() <= '9' {
			var k int
			number("", &k)
			c.Cond.Blocks = append(c.Cond.Blocks, k)
		}
	}
	if err == nil && !t.Keyword("frame") {
		err = linescan.Errorf(t.Start(), "expected frame")
	}
	if err == nil {
		err = t.Expect("@")
	}
	if err != nil {
		return err
	}
	if c.Frame, err = t.number("the offset", maxBytes); err != nil {
		return err
	}
	return t.operands(&Instr{Op: OpCall, Call: c})
}

func (callOp) encode(e *encoder, in *Instr) {
	c := in.Call
	list := func(numbers ...int) {
		for _, n := range numbers {
			e.uint(uint64(n))
		}
	}
	snapshots := func(s *Schedule) {
		if e.bool(s != nil); s != nil {
			list(s.Slots, s.Every, s.Recorded)
		}
	}
	e.uint(uint64(c.Frame))
	switch {
	case c.Scan != nil:
		e.name(c.Kind())
		list(c.Scan.Body, c.Scan.Length, c.Scan.Captured, c.Scan.Carries)
		e.bool(c.Scan.Reverse)
		e.bool(c.Scan.Counted)
		e.bool(c.Scan.Unread)
		snapshots(c.Scan.Snapshots)
	case c.Sweep != nil:
		s := c.Sweep
		e.name("sweep")
		list(s.Body, s.Forward, s.Length, s.ForwardCaptured, s.States, s.Captured, s.Carries, len(s.Sources))
		for _, k := range s.Sources {
			list(k + 1)
		}
		e.bool(s.Reverse)
		e.bool(s.Counted)
		e.bool(s.Online)
		list(s.Schedule.Slots, s.Schedule.Every, s.Schedule.Recorded)
	case c.While != nil:
		e.name(c.Kind())
		list(c.While.Cond, c.While.Body, c.While.Limit, c.While.Captured, c.While.Carries)
		e.bool(c.While.Unread)
		snapshots(c.While.Snapshots)
	case c.Cond != nil:
		e.name(c.Kind())
		list(len(c.Cond.Blocks))
		list(c.Cond.Blocks...)
	}
}

func (callOp) decode(d *decoder, in *Instr) {
	c := &Call{Frame: int64(d.below(maxBytes))}
	in.Call = c
	list := func(numbers ...*int) {
		for _, n := range numbers {
			*n = int(d.below(math.MaxInt))
		}
	}
	snapshots := func() *Schedule {
		if !d.bool() {
			return nil
		}
		s := &Schedule{}
		list(&s.Slots, &s.Every, &s.Recorded)
		return s
	}
	switch kind := d.name(); kind {
	case "scan":
		s := &Scan{}
		c.Scan = s
		list(&s.Body, &s.Length, &s.Captured, &s.Carries)
		s.Reverse = d.bool()
		s.Counted = d.bool()
		s.Unread = d.bool()
		s.Snapshots = snapshots()
	case "sweep":
		s := &Sweep{}
		c.Sweep = s
		list(&s.Body, &s.Forward, &s.Length, &s.ForwardCaptured, &s.States, &s.Captured, &s.Carries)
		s.Sources = make([]int, d.count(1))
		for i := range s.Sources {
			list(&s.Sources[i])
			s.Sources[i]--
		}
		s.Reverse = d.bool()
		s.Counted = d.bool()
		s.Online = d.bool()
		list(&s.Schedule.Slots, &s.Schedule.Every, &s.Schedule.Recorded)
	case "while":
		w := &While{}
		c.While = w
		list(&w.Cond, &w.Body, &w.Limit, &w.Captured, &w.Carries)
		w.Unread = d.bool()
		w.Snapshots = snapshots()
	case "cond":
		c.Cond = &Cond{Blocks: make([]int, d.count(1))}
		for i := range c.Cond.Blocks {
			list(&c.Cond.Blocks[i])
		}
	default:
		d.fail("this version does not know the call %.40q", kind)
	}
}
