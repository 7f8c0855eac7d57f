package vm

import (
	"cmp"
	"slices"
	"unsafe"
)

// leastMirrored is the size in bytes of values of which a loop copies the elements that scalar code reads, instead of all.
var leastMirrored int64 = 16 << 10

// leastBuffer is the size in bytes of values for which a loop exchanges buffers instead of copying. Below it, copies are some 20 ns a step faster.
var leastBuffer int64 = 4096

// mostAccesses bounds the work of finding windows.
const mostAccesses = 1 << 22

// window is where a large value of a loop's body lies: a range of the frame of which every use is an operand that lies in it as a whole, so that all can
// be bound to other memory; or the space of a carry.
type window struct {
	lo, n   int64
	space   int // input + 1 if the window is its space, else 0
	uses    []pointerUse
	fixed   bool // something reaches into it that cannot be bound to other memory
	written bool
	first   int    // the instruction that writes first, none if it is not written
	scalars []span // what scalar code reads, where it lies in the frame: these are copied there before each step
	last    int    // the instruction of the last of it
	apart   bool   // the place in the frame is for scalars alone, and no buffer

	x, in, out int   // the element of xs, and the carry before and behind the step, that lie here; −1 for none
	ys         []int // and elements of results behind the carries, by number
	output     bool  // an output of the body lies here

	// What the window is bound to: element t of a result; the element behind it, which is the next step's; else the buffer that the window next had before.
	direct, ahead int // the number of the result behind the carries, or −1
	next          int // window, or −1 to stay
}

// span is a range of a window.
type span struct{ lo, hi int64 }

// buffers says how a loop hands large values from step to step without copying. Elements of xs are read, and those of ys written, in their place; a carry's buffer
// becomes that of its next value, and what is free then takes the place of the outputs.
type buffers struct {
	captured, carries int

	windows []window
	carried []bool // by carry: it goes with its buffer
	outputs []int  // by output of the body: its window, or −1
	inputs  []int  // by input
	extra   int64  // bytes of buffers outside of the frame

	least  int64  // bytes of the smallest values that are bound
	moving []bool // by instruction of the body: operands of less than leastBuffer may be bound (see movedLoops)
}

// planBuffers finds the windows of the body of a scan or while loop, of which the outputs in stores are stored at every step, that are bound to other memory; none if there are no large values, or none of which all
// uses can be bound. Values below leastBuffer are bound only where moving says that instructions can do with it, nil for none.
func planBuffers(c *Code, call *Call, stores []int, moving []bool) *buffers {
	p := &buffers{least: leastBuffer, moving: moving}
	if moving != nil {
		p.least = leastMoved
	}
	var b *Block
	if s := call.Scan; s != nil {
		p.captured, p.carries, b = s.Captured, s.Carries, &c.Blocks[s.Body]
	} else {
		p.captured, p.carries, b = call.While.Captured, call.While.Carries, &c.Blocks[call.While.Body]
	}
	p.carried, p.outputs, p.inputs = make([]bool, p.carries), make([]int, len(b.Outputs)), make([]int, len(b.Inputs))
	p.collect(b, stores)
	if len(p.windows) == 0 || !p.findUses(c, b) {
		return nil
	}
	for {
		p.choose(b, call.While != nil || call.keepsStates())
		if !slices.ContainsFunc(p.windows, func(w window) bool { return !w.fixed }) {
			return nil
		}
		p.link()
		if !p.fixUneven() {
			return p
		}
	}
}

// planTest finds the windows of the condition of a while loop in whose place the carries that go with their buffers in the body can be read; nil if there are none.
func planTest(c *Code, w *While, body *buffers) *buffers {
	if body == nil {
		return nil
	}
	b := &c.Blocks[w.Cond]
	p := &buffers{captured: w.Captured, carries: w.Carries, inputs: make([]int, len(b.Inputs)), outputs: []int{-1}}
	for i := range b.Inputs {
		in, carry := &b.Inputs[i], i-w.Captured
		if p.inputs[i] = -1; carry >= 0 && body.carried[carry] && in.Used && in.Space == 0 {
			p.inputs[i] = len(p.windows)
			p.windows = append(p.windows, window{lo: in.Offset, n: bytesOf(in.Type), x: -1, in: carry, out: -1, direct: -1, ahead: -1, next: -1})
		}
	}
	if len(p.windows) == 0 || !p.findUses(c, b) {
		return nil
	}
	for k := range p.windows {
		p.windows[k].fixed = p.windows[k].fixed || p.windows[k].written
	}
	p.drop(p.inputs)
	return p
}

// collect makes a window of each range of a large input or output that may be bound.
func (p *buffers) collect(b *Block, stores []int) {
	at := map[[2]int64]int{}
	add := func(w window) int {
		if w.n < p.least {
			return -1
		}
		key := [2]int64{w.lo, w.n}
		k, ok := at[key]
		if !ok {
			w.x, w.in, w.out, w.direct, w.ahead, w.next = -1, -1, -1, -1, -1, -1
			k = len(p.windows)
			at[key] = k
			p.windows = append(p.windows, w)
		}
		return k
	}
	for i := range b.Inputs {
		in := &b.Inputs[i]
		p.inputs[i] = -1
		carry := i - p.captured
		switch n := bytesOf(in.Type); {
		case carry < 0 || !in.Used || carry >= p.carries && in.Space != 0:
			continue
		case in.Space != 0:
			p.inputs[i] = add(window{lo: -int64(i) - 1, n: n, space: i + 1})
		default:
			p.inputs[i] = add(window{lo: in.Offset, n: n})
		}
		if k := p.inputs[i]; k >= 0 && carry < p.carries {
			p.windows[k].in = carry
		} else if k >= 0 {
			p.windows[k].x = i
		}
	}
	for i := range b.Outputs {
		k := add(window{lo: b.Outputs[i].Offset, n: bytesOf(b.Outputs[i].Type)})
		if k >= 0 {
			p.windows[k].output = true
		}
		switch p.outputs[i] = k; {
		case k < 0 || i >= p.carries:
		case p.windows[k].out >= 0:
			p.windows[k].fixed = true // two carries have one value
		default:
			p.windows[k].out = i
		}
	}
	for k, i := range stores {
		if w := p.outputs[i]; w >= 0 {
			p.windows[w].ys = append(p.windows[w].ys, k)
		}
	}
}

// findUses fills the uses of windows, and marks those that something else reaches into. It reports whether that was worth its while.
func (p *buffers) findUses(c *Code, b *Block) bool {
	order := make([]int, 0, len(p.windows))
	for k := range p.windows {
		if p.windows[k].space == 0 {
			order = append(order, k)
		}
	}
	slices.SortFunc(order, func(i, k int) int { return cmp.Compare(p.windows[i].lo, p.windows[k].lo) })
	for i, longest := 1, 0; i < len(order); i++ { // longest reaches farthest of those before
		w, l := &p.windows[order[i]], &p.windows[order[longest]]
		if w.lo < l.lo+l.n {
			w.fixed, l.fixed = true, true
		}
		if w.lo+w.n > l.lo+l.n {
			longest = i
		}
	}
	order = slices.DeleteFunc(order, func(k int) bool { return p.windows[k].fixed })
	accesses, at := 0, -1 // at the instruction
	touch := func(lo, hi int64, use *pointerUse, write bool) {
		if accesses++; lo >= hi {
			return
		}
		first, _ := slices.BinarySearchFunc(order, lo, func(k int, at int64) int {
			if p.windows[k].lo+p.windows[k].n <= at {
				return -1
			}
			return 1
		})
		for _, k := range order[first:] {
			w := &p.windows[k]
			if w.lo >= hi {
				break
			}
			accesses++
			switch {
			case w.lo > lo || hi > w.lo+w.n || use == nil && (write || at < 0):
				w.fixed = true
			case use == nil:
				w.scalars, w.last = append(w.scalars, span{lo - w.lo, hi - w.lo}), at
			default:
				if write && !w.written {
					w.written, w.first = true, at
				}
				w.uses = append(w.uses, pointerUse{use.instr, use.operand, lo - w.lo})
			}
		}
	}
	slot := func(s *Slot, window int) {
		if s.Space == 0 && window < 0 {
			touch(s.Offset, s.Offset+bytesOf(s.Type), nil, false)
		}
	}
	for i := range b.Inputs {
		slot(&b.Inputs[i], p.inputs[i])
	}
	for i := range b.Outputs {
		slot(&b.Outputs[i], p.outputs[i])
	}
	touch(b.ConstOffset, b.ConstOffset+int64(len(b.Const)), nil, false)
	for i := range b.Instrs {
		in := &b.Instrs[i]
		if accesses > mostAccesses {
			return false
		}
		at = i
		in.op().fixed(c, in, func(lo, hi int64, write bool) { touch(lo, hi, nil, write) })
		k := 0
		for _, list := range [2][]Operand{in.In, in.Out} {
			for _, o := range list {
				if o.Space == 0 {
					touch(o.Offset, o.Offset+bytesOf(o.Type), &pointerUse{instr: i, operand: k}, k >= len(in.In))
				}
				k++
			}
		}
	}
	for k := range p.windows {
		if w := &p.windows[k]; len(w.scalars) > 0 {
			w.mergeScalars()
		}
	}
	return true
}

// mergeScalars fixes a window of which scalar code reads much, or what the body has computed.
func (w *window) mergeScalars() {
	slices.SortFunc(w.scalars, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	merged, bytes := w.scalars[:0], int64(0)
	for _, s := range w.scalars {
		if k := len(merged) - 1; k >= 0 && s.lo <= merged[k].hi {
			merged[k].hi = max(merged[k].hi, s.hi)
		} else {
			merged = append(merged, s)
		}
	}
	for _, s := range merged {
		bytes += s.hi - s.lo
	}
	w.scalars = merged
	w.fixed = w.fixed || w.n < leastMirrored || 4*bytes > w.n || w.in < 0 && w.x < 0 || w.out >= 0 || w.written && w.first <= w.last
}

// choose fixes the windows that are not worth binding, or cannot be because others are fixed. With keep, carries that the body does not use are copied from where they lie.
func (p *buffers) choose(b *Block, keep bool) {
	for k := range p.windows {
		w := &p.windows[k]
		if w.x >= 0 && (w.written || w.out >= 0) {
			w.fixed = true // the elements of xs are not the body's to write, nor to give on
		}
		if w.n < leastBuffer && (w.x >= 0 || w.space != 0 || slices.ContainsFunc(w.uses, func(u pointerUse) bool { return !p.moving[u.instr] })) {
			w.fixed = true
		}
	}
	for again := true; again; {
		again = false
		for c := range p.carries {
			if !b.Inputs[p.captured+c].Used {
				if k := p.outputs[c]; keep && k >= 0 && !p.windows[k].fixed {
					p.windows[k].fixed, again = true, true
				}
				continue
			}
			in, out := p.inputs[p.captured+c], p.outputs[c]
			p.carried[c] = in >= 0 && out >= 0 && !p.windows[in].fixed && !p.windows[out].fixed
			for _, k := range [2]int{in, out} {
				if !p.carried[c] && k >= 0 && !p.windows[k].fixed {
					p.windows[k].fixed, again = true, true
				}
			}
		}
	}
	for k := range p.windows {
		w := &p.windows[k]
		if w.x < 0 && w.in < 0 && len(w.ys) == 0 && (w.out < 0 || !p.carried[w.out]) {
			w.fixed = true
		}
	}
	p.drop(p.inputs)
	p.drop(p.outputs)
}

// drop takes fixed windows from a list.
func (p *buffers) drop(list []int) {
	for i, k := range list {
		if k >= 0 && p.windows[k].fixed {
			list[i] = -1
		}
	}
}

// link says where the memory of each window comes from.
func (p *buffers) link() {
	p.extra = 0
	for k := range p.windows {
		w := &p.windows[k]
		w.direct, w.ahead, w.next = -1, -1, -1
		if w.fixed {
			continue
		}
		if w.apart = w.in >= 0 && len(w.scalars) > 0; w.space != 0 || w.apart {
			p.extra += heapBytes(w.n)
		}
		if w.in >= 0 {
			w.next = p.outputs[w.in]
			continue
		}
		// The buffer will go through some carries. That of the last of them is free, and what is written in one of them must not be a result already.
		var ys []int // of the first
		written := 0 // the place in the row of the last that is written
		place := 0
		for c := w.out; c >= 0 && p.carried[c]; c = p.windows[w.next].out {
			w.next = p.inputs[p.captured+c]
			through := &p.windows[w.next]
			if place++; place == 1 {
				ys = through.ys
			}
			if through.written {
				written = place
			}
		}
		switch {
		case w.x >= 0:
		case len(w.ys) > 0 && written == 0:
			w.direct = w.ys[0]
		case len(w.ys) == 0 && len(ys) > 0 && written <= 1:
			w.ahead = ys[0]
		}
	}
}

// bufferRun is a plan at work in a frame.
type bufferRun struct {
	*buffers
	f        *frame
	args, ys []unsafe.Pointer // of the inputs of the body, and of its outputs that are stored
	active   []int            // windows that are bound
	mirrored []int            // of them those that scalar code reads
	own      []unsafe.Pointer
	cur      []unsafe.Pointer // buffers of the step
	old      []unsafe.Pointer
	at       []unsafe.Pointer // what the uses are bound to
	copied   []copyOfWindow   // at every step
	first    []copyOfWindow   // at the first step only
}

// copyOfWindow is a result behind the carries to which a window's value is copied.
type copyOfWindow struct{ result, window int }

func (p *buffers) need() int64 {
	if p == nil {
		return 0
	}
	uses := 0
	for k := range p.windows {
		uses += len(p.windows[k].uses) + len(p.windows[k].scalars)
	}
	return p.extra + heapBytes(int64(uses)*4*int64(unsafe.Sizeof(pointerUse{}))) +
		int64(len(p.windows))*(2*int64(unsafe.Sizeof(window{}))+5*32+64) + int64(len(p.inputs)+len(p.outputs))*64 + 512
}

// start makes what a run of the plan needs in the frame. args and ys say where a run has the inputs of the body, and what it stores at every step.
func (p *buffers) start(f *frame, args, ys []unsafe.Pointer) *bufferRun {
	n := len(p.windows)
	r := &bufferRun{buffers: p, f: f, args: args, ys: ys, own: make([]unsafe.Pointer, n), cur: make([]unsafe.Pointer, n), old: make([]unsafe.Pointer, n), at: make([]unsafe.Pointer, n)}
	for k := range p.windows {
		w := &p.windows[k]
		switch {
		case w.fixed:
			continue
		case w.space != 0:
			r.own[k] = unsafe.Pointer(unsafe.SliceData(alignedBytes(w.n)))
		case w.apart:
			r.own[k] = unsafe.Pointer(unsafe.SliceData(alignedBytes(w.n)))
			r.at[k] = unsafe.Add(f.base, w.lo)
		default:
			r.own[k] = unsafe.Add(f.base, w.lo)
			r.at[k] = r.own[k]
		}
		r.active = append(r.active, k)
		if len(w.scalars) > 0 {
			r.mirrored = append(r.mirrored, k)
		}
		for j, y := range w.ys {
			ahead := j == 0 && w.in >= 0 && p.windows[p.outputs[w.in]].ahead == y
			switch {
			case ahead:
				r.first = append(r.first, copyOfWindow{y, k})
			case w.direct != y:
				r.copied = append(r.copied, copyOfWindow{y, k})
			}
		}
	}
	return r
}

func (r *bufferRun) bind(k int, p unsafe.Pointer) {
	if r.at[k] == p {
		return
	}
	r.at[k] = p
	w := &r.windows[k]
	if w.space != 0 {
		r.f.bind(w.space-1, p)
		return
	}
	for _, u := range w.uses {
		r.f.exec[u.instr].bind(u.operand, unsafe.Add(p, u.offset))
	}
}

// begin binds the windows for a run, whose carries have been copied to the arena, if they lie there.
func (r *bufferRun) begin() {
	copy(r.cur, r.own)
	for _, k := range r.active {
		switch w := &r.windows[k]; {
		case w.space != 0: // stays where it is for the first step
			r.at[k] = r.args[w.space-1]
			r.f.bind(w.space-1, r.at[k])
		case w.staysFirst(): // likewise
			r.bind(k, r.args[r.captured+w.in])
		default:
			if w.apart {
				move(r.own[k], unsafe.Add(r.f.base, w.lo), w.n)
			}
			r.bind(k, r.own[k])
		}
	}
}

// staysFirst reports whether a carry is read where the loop's operand lies at the first step: nothing writes there, and it is neither an output nor read in the frame.
func (w *window) staysFirst() bool {
	return w.in >= 0 && !w.written && !w.output && len(w.scalars) == 0
}

// copies reports whether input i is copied to the frame for the first step.
func (r *bufferRun) copies(i int) bool {
	return r == nil || r.inputs[i] < 0 || !r.windows[r.inputs[i]].staysFirst()
}

// before binds what changes with the element t; next is the one of the step behind, −1 for none.
func (r *bufferRun) before(t, next int) {
	for _, k := range r.active {
		w := &r.windows[k]
		switch {
		case w.x >= 0:
			r.cur[k] = unsafe.Add(r.args[w.x], int64(t)*w.n)
		case w.direct >= 0:
			r.cur[k] = unsafe.Add(r.ys[w.direct], int64(t)*w.n)
		case w.ahead >= 0 && next >= 0:
			r.cur[k] = unsafe.Add(r.ys[w.ahead], int64(next)*w.n)
		case w.ahead >= 0:
			r.cur[k] = r.own[k]
		default:
			continue
		}
		r.bind(k, r.cur[k])
	}
	r.mirror()
}

// mirror copies what scalar code reads to where it reads it.
func (r *bufferRun) mirror() {
	for _, k := range r.mirrored {
		w := &r.windows[k]
		place := unsafe.Add(r.f.base, w.lo)
		if r.at[k] == place {
			continue
		}
		for _, s := range w.scalars {
			move(unsafe.Add(place, s.lo), unsafe.Add(r.at[k], s.lo), s.hi-s.lo)
		}
	}
}

// store copies the ys that are not in their place.
func (r *bufferRun) store(t int, first bool) {
	list := r.copied
	for {
		for _, c := range list {
			n := r.windows[c.window].n
			move(unsafe.Add(r.ys[c.result], int64(t)*n), r.cur[c.window], n)
		}
		if !first {
			return
		}
		list, first = r.first, false
	}
}

// value returns where the output of the body lies that has a window.
func (r *bufferRun) value(output int) unsafe.Pointer { return r.cur[r.outputs[output]] }

// carry returns where a carry lies that goes with its buffer, between two steps.
func (r *bufferRun) carry(c int) unsafe.Pointer { return r.cur[r.inputs[r.captured+c]] }

// between hands the buffers on.
func (r *bufferRun) between() {
	copy(r.old, r.cur)
	for _, k := range r.active {
		if w := &r.windows[k]; w.next >= 0 && w.direct < 0 && w.ahead < 0 {
			r.cur[k] = r.old[w.next]
			r.bind(k, r.cur[k])
		}
	}
}
