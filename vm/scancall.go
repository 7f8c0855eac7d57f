package vm

import (
	"math"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// scanCall runs a Scan: step by step in a frame, or all steps but the last in machine code if the body is nothing but scalar code.
type scanCall struct {
	caller
	s      *Scan
	args   []unsafe.Pointer // the operands that are the body's inputs
	steps  int              // of the run
	whole  int              // steps of the sweep of which these are a part
	xs, ys copies
	order  []int // inputs of the body that are elements of xs, in the order of xs.eight and xs.other
	bound  []int // xs in spaces of their own, as inputs
	spaces []int // carries in spaces of their own
	next   between
	stops  stops      // where carries are stored
	taken  []bool     // by slot, unless steps are recorded too: carries were stored there in this run; the others hold 0
	record recording  // of the last steps
	stores []int      // outputs of the body whose elements are stored, in the order of the results behind the carries
	stored []int      // the numbers of stores in the order of ys.eight and ys.other
	origin int        // added to the number of a step in errors
	key    any        // of the machine code in the program
	hand   *bufferRun // of values that are not copied, nil if there are none
	chain  *chain     // of steps between which they move on evenly, nil for none
	moving []bool     // by instruction of the body, see movedLoops

	nativeLoop
}

// stepsBetween is the number of short steps between two looks at the context.
const stepsBetween = 64

// stops goes through the steps before which a scan stores its carries for a sweep.
type stops struct {
	schedule     *checkpoint.Schedule // nil to store none
	reverse      bool
	step, slot   int // the next one, never where there is none, and the slot of the snapshots
	record, from int // the first step that is recorded, never for none, and its slot, in reverse that of the last one
	fill         checkpoint.Action
}

const never = math.MaxInt

// begin begins a run of so many steps.
func (s *stops) begin(steps int) {
	s.step, s.record, s.fill = never, never, checkpoint.Action{}
	if s.schedule != nil && steps > 0 {
		s.schedule.Begin(steps)
		s.step, s.slot = 0, 0
	}
}

// next goes on.
func (s *stops) next() {
	for {
		if f := &s.fill; f.Kind == checkpoint.Fill && s.step+1 < f.To {
			s.step++
			if s.slot = f.Slot + s.step - f.From; s.reverse { // in the order of the elements
				s.slot = f.Slot + f.To - s.step
			}
			return
		}
		a := s.schedule.Next()
		switch a.Kind {
		case checkpoint.Advance:
			s.step, s.slot = a.To, a.Slot
			return
		case checkpoint.Fill:
			s.fill, s.step = a, a.From
			continue
		case checkpoint.Record:
			s.record, s.from = a.From, a.Slot
		}
		s.step = never
		return
	}
}

// recording says where a scan with a mixed schedule stores what its last steps need to be reversed.
type recording struct {
	outputs []int // of the body
	parts   []int // by output: the result behind ys
}

// newScan makes the executor of a Scan whose ys are the outputs behind the carries.
func newScan(c caller, s *Scan) *scanCall {
	x := &scanCall{caller: c, s: s, key: s}
	ys := len(x.body().Outputs)
	if s.Snapshots != nil {
		ys -= s.Snapshots.Recorded
		_, x.record.parts = s.Snapshots.parts(x.body(), s.Carries)
		for i := range s.Snapshots.Recorded {
			x.record.outputs = append(x.record.outputs, ys+i)
		}
	}
	for i := s.Carries; i < ys; i++ {
		x.stores = append(x.stores, i)
	}
	if s.Length >= leastChained && !slices.ContainsFunc(x.body().Inputs[s.Captured+s.Carries:], func(in Slot) bool { return in.Used && in.Space != 0 && bytesOf(in.Type) < leastBuffer }) {
		x.moving = movedLoops(c.p, x.body()) // a chain binds no elements
	}
	return x
}

func (x *scanCall) body() *Block { return &x.p.code.Blocks[x.s.Body] }

func (x *scanCall) need(n *needs) {
	x.caller.need(n)
	buffers := planBuffers(&x.p.code, x.in.Call, x.stores, x.moving)
	_, temp, _ := carriesAt(&x.p.code, x.in.Call, x.s.Captured, x.s.Carries, buffers)
	n.add(heapBytes(temp), int64(x.s.Carries)*8, buffers.need())
	if s := x.s.Snapshots; s != nil {
		n.add(int64(s.slots(x.s.Length))*int64(unsafe.Sizeof(checkpoint.Action{})), heapBytes(int64(s.slots(x.s.Length))))
	}
	s, l := x.stepLoop()
	n.loop(s, l, x.body().ArenaBytes)
}

func (x *scanCall) prepare(f *frame) {
	x.caller.prepare(f)
	for k, o := range x.in.Out {
		x.ptr[len(x.in.In)+k] = unsafe.Add(f.base, o.Offset)
	}
	x.args = x.ptr[x.s.first():len(x.in.In)]
	body := &x.callees[0]
	first := x.s.Captured + x.s.Carries
	var buffers *buffers
	if !f.m.watch {
		moving := x.moving
		if f.m.noNative {
			moving = nil
		}
		if buffers = planBuffers(&x.p.code, x.in.Call, x.stores, moving); buffers != nil {
			x.hand = buffers.start(body.frame, x.args, x.ptr[len(x.in.In)+x.s.Carries:])
		}
	}
	if x.key == any(x.s) { // the blocks of a sweep are those of several frames
		x.hand.stay(body.frame)
	}
	for _, eight := range [2]bool{true, false} {
		for i := first; i < len(body.in); i++ {
			if p := &body.in[i]; p.used && !p.space && (p.n == 8) == eight && !(buffers != nil && buffers.inputs[i] >= 0) {
				x.xs.add(p.p, nil, p.n)
				x.order = append(x.order, i)
			}
		}
	}
	for i := first; i < len(body.in); i++ {
		if p := &body.in[i]; p.used && p.space {
			x.bound = append(x.bound, i)
		}
	}
	if x.hand != nil && x.hand.moving != nil && len(x.bound) == 0 {
		x.chain = newChain(x.hand, x.s.Length, x.s.Reverse)
	}
	for _, eight := range [2]bool{true, false} {
		for k, i := range x.stores {
			if p := &body.out[i]; (p.n == 8) == eight && !(buffers != nil && buffers.outputs[i] >= 0) {
				x.ys.add(x.result(x.s.Carries+k), p.p, p.n)
				x.stored = append(x.stored, k)
			}
		}
	}
	if s := x.s.Snapshots; s != nil {
		x.stops.schedule, x.stops.reverse = s.of(x.s.Length, x.s.Reverse), x.s.Reverse
		if s.Recorded == 0 {
			x.taken = make([]bool, s.slots(x.s.Length))
		}
	}
	for c := range x.s.Carries {
		if p := &body.in[x.s.Captured+c]; p.used && p.space && !(buffers != nil && buffers.carried[c]) {
			x.spaces = append(x.spaces, c)
		}
	}
	order, temp, kept := carriesAt(&x.p.code, x.in.Call, x.s.Captured, x.s.Carries, buffers)
	x.next.prepare(&x.caller, order, temp, kept)
	if f.m.ahead {
		x.compileLoop(f.m)
	}
}

// stepLoop returns what machine code does in a step of the scan, and the scalar code inside; nil if the body is something else, or a step copies
// more than scalars of 4 and 8 bytes.
func (x *scanCall) stepLoop() (*micro.Straight, *native.StepLoop) {
	b, s := x.body(), x.s
	if len(b.Instrs) != 1 || b.Instrs[0].Straight == nil {
		return nil, nil
	}
	for i := range b.Instrs[0].Straight.Code {
		if b.Instrs[0].Straight.Code[i].Traps() {
			return nil, nil
		}
	}
	l := &native.StepLoop{Reverse: s.Reverse}
	ok := true
	bytes := func(t Type) int {
		n := bytesOf(t)
		ok = ok && (n == 4 || n == 8)
		return int(min(n, 8))
	}
	first := s.Captured + s.Carries
	for _, eight := range [2]bool{true, false} { // as in prepare
		for i := first; i < len(b.Inputs); i++ {
			if in := &b.Inputs[i]; in.Used && (bytesOf(in.Type) == 8) == eight {
				l.Loads = append(l.Loads, native.StepCopy{Array: l.Arrays, At: in.Offset, Bytes: bytes(in.Type)})
				l.Arrays++
			}
		}
	}
	for i := range b.Inputs {
		ok = ok && !(b.Inputs[i].Used && b.Inputs[i].Space != 0 && i >= s.Captured)
	}
	for _, i := range x.stores {
		l.Stores = append(l.Stores, native.StepCopy{Array: l.Arrays, At: b.Outputs[i].Offset, Bytes: bytes(b.Outputs[i].Type)})
		l.Arrays++
	}
	if !ok {
		return nil, nil
	}
	order, _, _ := carriesAt(&x.p.code, x.in.Call, s.Captured, s.Carries, nil) // scalars have no buffers
	for _, t := range order {
		if t.n != 4 && t.n != 8 {
			return nil, nil
		}
		l.Moves = append(l.Moves, native.StepMove{Dst: t.dst.at, Src: t.src.at, DstTemp: t.dst.area == areaTemp, SrcTemp: t.src.area == areaTemp, Bytes: int(t.n)})
	}
	return b.Instrs[0].Straight, l
}

// compileLoop makes machine code of the loop, if it can be made.
func (x *scanCall) compileLoop(m *Machine) {
	if x.tried {
		return
	}
	if code, l := x.stepLoop(); x.nativeLoop.compile(m, x.key, code, l, x.body().ArenaBytes) && len(x.next.temp) > 0 {
		x.table[l.Arrays] = unsafe.Pointer(&x.next.temp[0])
	}
}

func (x *scanCall) compile(f *frame) {
	x.caller.compile(f)
	x.compileLoop(f.m)
}

func (x *scanCall) kind() Executor { return x.nativeLoop.kind() }

func (x *scanCall) listing() string { return x.nativeLoop.listing(&x.caller) }

func (x *scanCall) codeBytes() int { return x.caller.codeBytes() + x.nativeLoop.codeBytes() }

func (x *scanCall) watch(f *frame) (int, error) { return -1, x.run(f) }

func (x *scanCall) run(f *frame) error {
	s := x.s
	x.steps = s.Length
	if s.Snapshots != nil && s.Snapshots.Recorded > 0 {
		for k := s.Carries + len(x.stores); k < len(x.in.Out); k++ {
			clear(unsafe.Slice((*byte)(x.result(k)), bytesOf(x.in.Out[k].Type)))
		}
	}
	clear(x.taken)
	if s.Counted {
		x.steps = counted(x.ptr[0], s.Length)
		for k, i := range x.stores {
			if s.Unread && !f.m.watch {
				break
			}
			n := x.callees[0].out[i].n
			clear(unsafe.Slice((*byte)(unsafe.Add(x.result(s.Carries+k), int64(x.steps)*n)), int64(s.Length-x.steps)*n))
		}
	}
	if err := x.do(f.m); err != nil {
		return err
	}
	for slot, taken := range x.taken {
		for c := 0; !taken && c < s.Carries; c++ {
			clear(unsafe.Slice((*byte)(x.snapshot(c, slot)), x.callees[0].out[c].n))
		}
	}
	return nil
}

// do makes x.steps steps, on the first elements of xs and ys.
func (x *scanCall) do(m *Machine) error {
	s, body := x.s, &x.callees[0]
	if x.steps == 0 {
		for c := range s.Carries {
			move(x.result(c), x.args[s.Captured+c], body.out[c].n)
		}
		return nil
	}
	body.loadConst()
	for i := range s.Captured + s.Carries {
		if x.hand.copies(i) {
			body.set(i, x.args[i])
		}
	}
	for k, i := range x.order {
		if n := len(x.xs.eight); k < n {
			x.xs.eight[k].Src = x.args[i]
		} else {
			x.xs.other[k-n].Src = x.args[i]
		}
	}
	for k, i := range x.stored {
		if n := len(x.ys.eight); k < n {
			x.ys.eight[k].Dst = x.result(s.Carries + i)
		} else {
			x.ys.other[k-n].Dst = x.result(s.Carries + i)
		}
	}
	stops := &x.stops
	stops.begin(x.steps)
	if x.hand != nil {
		x.hand.begin()
	}
	frames := x.hand != nil || len(x.bound)+len(x.spaces) > 0 || m.watch || m.timer != nil
	for i := 0; i < x.steps; {
		if m.cancelled() {
			return m.ctx.Err()
		}
		var code *native.Straight
		if !frames {
			if code = body.alone(); code != nil && !x.tried && max(x.steps-i, x.whole) > stepsBetween {
				x.compileLoop(m)
			}
		}
		if i == stops.step {
			x.store(i, stops.slot)
			stops.next()
		}
		next := min(x.steps, stops.step)
		if i < stops.record {
			next = min(next, stops.record)
		}
		end := min(next, i+stepsBetween)
		if x.chain != nil && x.chain.steps != nil {
			end = min(next, i+stepsInChain)
		}
		switch {
		case i >= stops.record:
			if err := x.runFrames(i, end); err != nil {
				return err
			}
		case x.loop != nil && !frames && i < x.steps-1:
			for k, i := range x.order {
				x.table[k] = x.args[i]
			}
			for k := range x.stores {
				x.table[len(x.order)+k] = x.result(s.Carries + k)
			}
			end = min(x.steps-1, next, i+x.atOnce)
			x.loop.Run(body.base, int(body.b.ArenaBytes), m.spill, x.table, x.element(i), x.element(end))
		case code != nil:
			x.runNative(m, code, i, end)
		default:
			if err := x.runFrames(i, end); err != nil {
				return err
			}
		}
		i = end
	}
	for c := range s.Carries {
		from := body.out[c].p
		if x.hand != nil && x.hand.outputs[c] >= 0 {
			from = x.hand.value(c)
		}
		move(x.result(c), from, body.out[c].n)
	}
	return nil
}

// snapshot returns where a slot of the snapshots of carry c is.
func (x *scanCall) snapshot(c, slot int) unsafe.Pointer {
	return unsafe.Add(x.result(x.s.Carries+len(x.stores)+c), int64(slot)*x.callees[0].out[c].n)
}

// store stores the carries that go into step i.
func (x *scanCall) store(i, slot int) {
	body := &x.callees[0]
	if x.taken != nil {
		x.taken[slot] = true
	}
	for c := range x.s.Carries {
		var from unsafe.Pointer
		switch in := &body.in[x.s.Captured+c]; {
		case i == 0:
			from = x.args[x.s.Captured+c]
		case x.hand != nil && x.hand.carried[c]:
			from = x.hand.at[x.hand.inputs[x.s.Captured+c]]
		case in.used && in.space:
			from = x.result(c)
		case in.used:
			from = in.p
		default:
			from = x.next.unused(body, c)
		}
		move(x.snapshot(c, slot), from, body.out[c].n)
	}
}

// recordStep stores what reversing step i needs.
func (x *scanCall) recordStep(i int) {
	body, slot := &x.callees[0], x.stops.from+i-x.stops.record
	if x.s.Reverse { // in the order of the elements
		slot = x.stops.from + x.steps - 1 - i
	}
	for k, o := range x.record.outputs {
		from, n := body.out[o].p, body.out[o].n
		if x.hand != nil && x.hand.outputs[o] >= 0 {
			from = x.hand.value(o)
		}
		move(unsafe.Add(x.result(x.s.Carries+len(x.stores)+x.record.parts[k]), int64(slot)*n), from, n)
	}
}

// element returns the element of xs and ys of step i.
func (x *scanCall) element(i int) int {
	if x.s.Reverse {
		return x.steps - 1 - i
	}
	return i
}

// runFrames makes the steps [from, to).
func (x *scanCall) runFrames(from, to int) error {
	s, body := x.s, &x.callees[0]
	for i := from; i < to; i++ {
		t := x.element(i)
		x.xs.load(t, x.element(i+1))
		for _, k := range x.bound {
			body.bind(k, unsafe.Add(x.args[k], int64(t)*body.in[k].n))
		}
		if x.hand != nil {
			next := -1
			if i < x.steps-1 {
				next = x.element(i + 1)
			}
			x.hand.before(t, next)
		}
		var err error
		if end := min(to, x.steps-1, x.stops.record); x.chain != nil && i >= x.chain.from && i+1 < end && x.chain.ready() {
			i, err = x.runChain(i, end)
			t = x.element(i)
		} else {
			err = body.run()
		}
		if err != nil {
			return atStep(err, x.origin+t)
		}
		x.ys.store(t)
		if x.hand != nil {
			x.hand.store(t, i == 0)
		}
		if i >= x.stops.record {
			x.recordStep(i)
		}
		if i == x.steps-1 {
			break
		}
		x.next.run()
		if x.hand != nil {
			x.hand.between()
		}
		if i == 0 {
			for _, c := range x.spaces {
				body.bind(s.Captured+c, x.result(c))
			}
		}
	}
	return nil
}

// runNative is runFrames for a body that is a piece of machine code.
func (x *scanCall) runNative(m *Machine, code *native.Straight, from, to int) {
	base, arena := x.callees[0].base, int(x.callees[0].b.ArenaBytes)
	for i := from; i < to; i++ {
		t := x.element(i)
		x.xs.load(t, x.element(i+1))
		code.Run(base, arena, m.spill)
		x.ys.store(t)
		if i < x.steps-1 {
			x.next.run()
		}
	}
}
