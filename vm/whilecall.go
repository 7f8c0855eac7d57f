package vm

import (
	"fmt"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// whileCall runs a While: step by step in two frames, or all steps but the first ones in machine code if both blocks are nothing but scalar code.
type whileCall struct {
	caller
	w      *While
	ys     copies
	bodies []int // carries that the body has in a space of its own, likewise the condition
	conds  []int
	copied []int      // carries that the body has a copy of
	hand   *bufferRun // of large values, nil if there are none
	test   *bufferRun // of those in the condition
	tested []int      // carries that go with their buffers, and which the condition uses
	next   between
	keeper checkpoint.Keeper // of Snapshots
	stores []int             // the outputs of the body that are elements of ys, in the order of the table
	nativeLoop
}

// newWhile makes the executor of a While whose ys are the outputs of the body behind the carries.
func newWhile(c caller, w *While) *whileCall {
	x := &whileCall{caller: c, w: w}
	for i := w.Carries; i < len(c.p.code.Blocks[w.Body].Outputs); i++ {
		x.stores = append(x.stores, i)
	}
	return x
}

func (x *whileCall) need(n *needs) {
	x.caller.need(n)
	buffers := planBuffers(&x.p.code, x.in.Call, x.stores, nil)
	_, temp, _ := carriesAt(&x.p.code, x.in.Call, x.w.Captured, x.w.Carries, buffers)
	n.add(heapBytes(temp), int64(x.w.Carries)*8, buffers.need(), planTest(&x.p.code, x.w, buffers).need(), int64(x.w.Carries)*8)
	s, l := x.stepLoop()
	n.loop(s, l, x.loopBytes())
}

func (x *whileCall) prepare(f *frame) {
	x.caller.prepare(f)
	for k, o := range x.in.Out {
		x.ptr[len(x.in.In)+k] = unsafe.Add(f.base, o.Offset)
	}
	cond, body := &x.callees[0], &x.callees[1]
	var buffers *buffers
	if !f.m.watch {
		if buffers = planBuffers(&x.p.code, x.in.Call, x.stores, nil); buffers != nil {
			x.hand = buffers.start(body.frame, x.ptr[:len(x.in.In)], x.ptr[len(x.in.In)+x.w.Carries+1:])
			if test := planTest(&x.p.code, x.w, buffers); test != nil {
				x.test = test.start(cond.frame, x.ptr[:len(x.in.In)], nil)
			}
		}
	}
	for _, i := range x.stores {
		if buffers == nil || buffers.outputs[i] < 0 {
			x.ys.add(x.result(i+1), body.out[i].p, body.out[i].n)
		}
	}
	for c := range x.w.Carries {
		if buffers != nil && buffers.carried[c] {
			if cond.in[x.w.Captured+c].used {
				x.tested = append(x.tested, c)
			}
			continue
		}
		switch p := &body.in[x.w.Captured+c]; {
		case !p.used:
		case p.space:
			x.bodies = append(x.bodies, c)
		default:
			x.copied = append(x.copied, c)
		}
		if p := &cond.in[x.w.Captured+c]; p.used && p.space {
			x.conds = append(x.conds, c)
		}
	}
	order, temp, kept := carriesAt(&x.p.code, x.in.Call, x.w.Captured, x.w.Carries, buffers)
	x.next.prepare(&x.caller, order, temp, kept)
	if s := x.w.Snapshots; s != nil {
		x.keeper = checkpoint.NewKeeper(s.slots(x.w.Limit)-1, s.Every)
	}
	if f.m.ahead {
		x.compileLoop(f.m)
	}
}

// keep stores the carries that go into a step in the snapshots. Machine code of the whole loop does not set results.
func (x *whileCall) keep(step int, code bool) {
	test, body := &x.callees[0], &x.callees[1]
	left, slot := x.keeper.Keep()
	for c := range x.w.Carries {
		n := body.out[c].n
		for i := 1; i < left; i++ {
			move(x.snapshot(c, i), x.snapshot(c, 2*i), n)
		}
		if slot < 0 {
			continue
		}
		from := x.result(c)
		switch in, tested := &body.in[x.w.Captured+c], &test.in[x.w.Captured+c]; {
		case step == 0:
			from = x.ptr[x.w.Captured+c]
		case x.hand != nil && x.hand.carried[c]:
			from = x.hand.carry(c)
		case in.used && !in.space:
			from = in.p
		case code && tested.used:
			from = tested.p
		case code:
			from = x.next.unused(body, c)
		}
		move(x.snapshot(c, slot), from, n)
	}
}

// snapshot returns where a slot of the snapshots of carry c is.
func (x *whileCall) snapshot(c, slot int) unsafe.Pointer {
	return unsafe.Add(x.result(len(x.callees[1].out)+1+c), int64(slot)*x.callees[1].out[c].n)
}

// loopBytes is the length of the arenas of both blocks, which machine code takes for one.
func (x *whileCall) loopBytes() int64 {
	blocks := x.p.code.Blocks
	offsets, _ := x.in.Call.places(blocks)
	return offsets[1] + blocks[x.w.Body].ArenaBytes
}

// stepLoop returns what machine code does in a step, from behind the condition to behind the next one: the body, and the condition on the next carries, as one piece of scalar
// code in the arenas of both; nil if they are something else, or a step copies more than scalars of 4 and 8 bytes.
func (x *whileCall) stepLoop() (*micro.Straight, *native.StepLoop) {
	w, blocks := x.w, x.p.code.Blocks
	cond, body := &blocks[w.Cond], &blocks[w.Body]
	for _, b := range [2]*Block{cond, body} {
		if len(b.Instrs) != 1 || b.Instrs[0].Straight == nil {
			return nil, nil
		}
		for i := range b.Instrs[0].Straight.Code {
			if b.Instrs[0].Straight.Code[i].Traps() {
				return nil, nil
			}
		}
	}
	offsets, _ := x.in.Call.places(blocks)
	at := offsets[1] // of the body's arena; the condition's is at 0
	l := &native.StepLoop{Test: true, TestAt: cond.Outputs[0].Offset}
	scalar := func(s *Slot) bool {
		n := bytesOf(s.Type)
		return s.Space == 0 && (n == 4 || n == 8) && s.Offset%4 == 0
	}
	test, step := cond.Instrs[0].Straight, body.Instrs[0].Straight
	shift := uint32(at / 4)
	s := &micro.Straight{TempLo: step.TempLo + shift, TempHi: step.TempHi + shift}
	if test.TempHi-test.TempLo > step.TempHi-step.TempLo {
		s.TempLo, s.TempHi = test.TempLo, test.TempHi
	}
	add := func(from *micro.Straight, shift uint32) {
		place := func(cell uint32) uint32 {
			if k := cell - from.TempLo; k < from.TempHi-from.TempLo {
				return s.TempLo + k // the temporaries of the two do not live at the same time
			}
			return cell + shift
		}
		for _, in := range from.Code {
			in.Dst = place(in.Dst)
			for k, cell := range [3]*uint32{&in.A, &in.B, &in.C} {
				if k < in.Op.Arity() {
					*cell = place(*cell)
				}
			}
			s.Code = append(s.Code, in)
		}
	}
	add(step, shift)
	for c := range w.Carries {
		out, in, inTest := &body.Outputs[c], &body.Inputs[w.Captured+c], &cond.Inputs[w.Captured+c]
		if !scalar(out) || in.Used && !scalar(in) || inTest.Used && !scalar(inTest) {
			return nil, nil
		}
		if inTest.Used {
			s.Code = append(s.Code, micro.Instr{Op: micro.Mov, Type: out.DType, Dst: uint32(inTest.Offset / 4), A: uint32((at + out.Offset) / 4)})
		}
	}
	add(test, 0)
	for i := w.Carries; i < len(body.Outputs); i++ {
		out := &body.Outputs[i]
		if !scalar(out) {
			return nil, nil
		}
		l.Stores = append(l.Stores, native.StepCopy{Array: l.Arrays, At: at + out.Offset, Bytes: int(bytesOf(out.Type))})
		l.Arrays++
	}
	for i := range w.Captured {
		if in := &body.Inputs[i]; in.Used && in.Space != 0 {
			return nil, nil
		}
		if in := &cond.Inputs[i]; in.Used && in.Space != 0 {
			return nil, nil
		}
	}
	order, _, _ := carriesAt(&x.p.code, x.in.Call, w.Captured, w.Carries, nil)
	for _, t := range order {
		if t.dst.area != areaBody && t.dst.area != areaTemp {
			continue // the condition has its copies already, and results are taken behind the last step
		}
		place := func(p place) (int64, bool) {
			if p.area == areaTemp {
				return p.at, true
			}
			return at + p.at, false
		}
		m := native.StepMove{Bytes: int(t.n)}
		m.Dst, m.DstTemp = place(t.dst)
		m.Src, m.SrcTemp = place(t.src)
		l.Moves = append(l.Moves, m)
	}
	return s, l
}

// compileLoop makes machine code of the loop, if it can be made.
func (x *whileCall) compileLoop(m *Machine) {
	if x.tried {
		return
	}
	if code, l := x.stepLoop(); x.nativeLoop.compile(m, x.w, code, l, x.loopBytes()) && len(x.next.temp) > 0 {
		x.table[l.Arrays] = unsafe.Pointer(&x.next.temp[0])
	}
}

func (x *whileCall) compile(f *frame) {
	x.caller.compile(f)
	x.compileLoop(f.m)
}

func (x *whileCall) kind() Executor { return x.nativeLoop.kind() }

func (x *whileCall) listing() string { return x.nativeLoop.listing(&x.caller) }

func (x *whileCall) codeBytes() int { return x.caller.codeBytes() + x.nativeLoop.codeBytes() }

func (x *whileCall) watch(f *frame) (int, error) { return -1, x.run(f) }

// shortWhile is the number of steps from which a loop is made machine code as a whole.
const shortWhile = 16

func (x *whileCall) run(f *frame) error {
	w, m, cond, body := x.w, f.m, &x.callees[0], &x.callees[1]
	cond.loadConst()
	body.loadConst()
	for i, p := range x.ptr[:len(x.in.In)] {
		if x.test.copies(i) {
			cond.set(i, p)
		}
		if x.hand.copies(i) {
			body.set(i, p)
		}
	}
	var condCode, bodyCode *native.Straight
	steps := 0
	x.keeper.Reset()
	if x.hand != nil {
		x.hand.begin()
	}
	if x.test != nil {
		x.test.begin()
	}
	for ; ; steps++ {
		if steps%stepsBetween == 0 {
			if m.cancelled() {
				return m.ctx.Err()
			}
			condCode, bodyCode = cond.nativeOnly(), body.nativeOnly()
		}
		if condCode != nil {
			condCode.Run(cond.base, int(cond.b.ArenaBytes), m.spill)
		} else if err := cond.run(); err != nil {
			return atStep(err, steps)
		}
		if !*(*bool)(cond.out[0].p) {
			break
		}
		if condCode != nil && bodyCode != nil && (x.loop != nil || steps == shortWhile) {
			if x.compileLoop(m); x.loop != nil {
				return x.runNative(m, steps)
			}
		}
		if steps == w.Limit {
			return x.endless(steps)
		}
		if steps == x.keeper.Next {
			x.keep(steps, false)
		}
		if x.hand != nil {
			next := -1
			if steps+1 < w.Limit {
				next = steps + 1
			}
			x.hand.before(steps, next)
		}
		if bodyCode != nil {
			bodyCode.Run(body.base, int(body.b.ArenaBytes), m.spill)
		} else if err := body.run(); err != nil {
			return atStep(err, steps)
		}
		x.ys.store(steps)
		if x.hand != nil {
			x.hand.store(steps, steps == 0)
		}
		x.next.run()
		if x.hand != nil {
			x.hand.between()
			x.handOver()
		}
		if steps == 0 {
			for _, c := range x.bodies {
				body.bind(w.Captured+c, x.result(c))
			}
			for _, c := range x.conds {
				cond.bind(w.Captured+c, x.result(c))
			}
		}
	}
	switch {
	case steps == 0:
		for c := range w.Carries {
			move(x.result(c), x.ptr[w.Captured+c], body.out[c].n)
		}
	default:
		for _, c := range x.copied {
			move(x.result(c), body.in[w.Captured+c].p, body.out[c].n)
		}
		for c := range w.Carries {
			if x.hand != nil && x.hand.carried[c] {
				move(x.result(c), x.hand.carry(c), body.out[c].n)
			}
		}
	}
	x.finish(steps)
	return nil
}

// handOver gives the condition the carries that go with their buffers.
func (x *whileCall) handOver() {
	for _, c := range x.tested {
		i, p := x.w.Captured+c, x.hand.carry(c)
		if x.test != nil && x.test.inputs[i] >= 0 {
			x.test.bind(x.test.inputs[i], p)
		} else {
			x.callees[0].set(i, p)
		}
	}
	if x.test != nil {
		x.test.mirror()
	}
}

// endless is the failure of a run whose condition still holds.
func (x *whileCall) endless(steps int) error {
	return fmt.Errorf("%w: after %d the condition still holds", ErrStepLimit, steps)
}

// finish sets the results other than carries.
func (x *whileCall) finish(steps int) {
	*(*int64)(x.result(x.w.Carries)) = int64(steps)
	for k, i := range x.stores {
		if x.w.Unread && !x.callees[0].m.watch {
			break
		}
		n := x.callees[1].out[i].n
		clear(unsafe.Slice((*byte)(unsafe.Add(x.result(x.w.Carries+1+k), int64(steps)*n)), int64(x.w.Limit-steps)*n))
	}
	if s := x.w.Snapshots; s != nil {
		for c := range x.w.Carries {
			clear(unsafe.Slice((*byte)(x.snapshot(c, x.keeper.Kept)), int64(s.slots(x.w.Limit)-x.keeper.Kept)*x.callees[1].out[c].n))
		}
	}
}

// runNative makes the steps from one on for which the condition is known to hold.
func (x *whileCall) runNative(m *Machine, from int) error {
	for k := range x.stores {
		x.table[k] = x.result(x.w.Carries + 1 + k)
	}
	base := x.callees[0].base
	for at := from; ; {
		if m.cancelled() {
			return m.ctx.Err()
		}
		if at == x.w.Limit {
			return x.endless(at)
		}
		if at == x.keeper.Next {
			x.keep(at, true)
		}
		to := min(x.w.Limit, at+x.atOnce, x.keeper.Next)
		if at = x.loop.Run(base, int(x.loopBytes()), m.spill, x.table, at, to); at < to {
			x.finish(at + 1)
			for c := range x.w.Carries {
				move(x.result(c), x.callees[1].out[c].p, x.callees[1].out[c].n)
			}
			return nil
		}
	}
}
