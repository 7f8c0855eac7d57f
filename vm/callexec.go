package vm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/moves"
	"github.com/adjoint-go/adjoint/internal/native"
)

// ErrStepLimit is the failure of a While that would need more steps than its limit.
var ErrStepLimit = errors.New("more steps than the limit")

// newCall makes the executor of OpCall.
func newCall(p *Program, in *Instr, threads int) executor {
	c := caller{p: p, in: in}
	switch {
	case in.Call.Scan != nil:
		if parts := partsOf(p, in, threads); parts > 1 {
			return newParallelScan(p, in, parts)
		}
		return newScan(c, in.Call.Scan)
	case in.Call.Sweep != nil:
		return newSweep(p, in)
	case in.Call.While != nil:
		return newWhile(c, in.Call.While)
	}
	return &condCall{caller: c}
}

// caller is what the executors of calls share.
type caller struct {
	p       *Program
	in      *Instr
	ptr     []unsafe.Pointer // operands, then results
	callees []callee
}

// callee is a block that a call runs.
type callee struct {
	*frame
	in, out []port
}

// port is where an input or output of a callee lies.
type port struct {
	p           unsafe.Pointer // in the frame
	n           int64          // bytes
	used, space bool
}

// set gives input i the value at p.
func (c *callee) set(i int, p unsafe.Pointer) {
	switch to := &c.in[i]; {
	case !to.used:
	case to.space:
		c.bind(i, p)
	default:
		move(to.p, p, to.n)
	}
}

const portBytes = int64(unsafe.Sizeof(port{}))

func (c *caller) need(n *needs) {
	n.add(int64(unsafe.Sizeof(scanCall{})+unsafe.Sizeof(whileCall{})), int64(len(c.in.In)+len(c.in.Out))*64)
	for _, k := range c.in.Call.callees() {
		n.addFrame(k)
		b := &c.p.code.Blocks[k]
		n.add(int64(unsafe.Sizeof(callee{})+64), int64(len(b.Inputs)+len(b.Outputs))*4*portBytes)
	}
}

func (c *caller) prepare(f *frame) {
	c.ptr = make([]unsafe.Pointer, len(c.in.In)+len(c.in.Out))
	blocks := c.p.code.Blocks
	list := c.in.Call.callees()
	offsets, _ := c.in.Call.places(blocks)
	c.callees = make([]callee, len(list))
	for i, k := range list {
		b := &blocks[k]
		to := &c.callees[i]
		to.frame = newFrame(f.m, b, k)
		base := unsafe.Add(f.base, c.in.Call.Frame+offsets[i])
		to.frame.prepare(base)
		ports := make([]port, 0, len(b.Inputs)+len(b.Outputs))
		for _, slots := range [2][]Slot{b.Inputs, b.Outputs} {
			for s := range slots {
				at := port{n: bytesOf(slots[s].Type), used: slots[s].Used, space: slots[s].Space != 0}
				if !at.space {
					at.p = unsafe.Add(base, slots[s].Offset)
				}
				ports = append(ports, at)
			}
		}
		to.in, to.out = ports[:len(b.Inputs):len(b.Inputs)], ports[len(b.Inputs):]
	}
}

func (c *caller) bind(k int, p unsafe.Pointer) { c.ptr[k] = p }

// result returns where result k lies.
func (c *caller) result(k int) unsafe.Pointer { return c.ptr[len(c.in.In)+k] }

func (c *caller) compile(*frame) {
	for i := range c.callees {
		for _, e := range c.callees[i].exec {
			e.compile(c.callees[i].frame)
		}
	}
}

func (c *caller) kind() Executor { return ExecutorFrames }

func (c *caller) alone() *native.Straight { return nil }

func (c *caller) listing() string {
	var b strings.Builder
	for i := range c.callees {
		for k, e := range c.callees[i].exec {
			if text := e.listing(); text != "" {
				fmt.Fprintf(&b, "block %d, %d  %s", c.callees[i].number, k, text)
			}
		}
	}
	return b.String()
}

func (c *caller) codeBytes() int {
	n := 0
	for i := range c.callees {
		for _, e := range c.callees[i].exec {
			n += e.codeBytes()
		}
	}
	return n
}

func (c *caller) types(*microError) string {
	return operandsText(c.in.In) + " → " + operandsText(c.in.Out)
}

// mostQuick is the size in bytes up to which elements are copied in a list. A call for each costs nothing beside the copying of larger ones.
const mostQuick = 2048

// copies is a list of copies: those of eight bytes apart, which are most.
type copies struct {
	eight, other []moves.Item
	large        bool // some of other are
}

func (c *copies) add(dst, src unsafe.Pointer, n int64) {
	item := moves.Item{Dst: dst, Src: src, Bytes: n}
	if n == 8 {
		c.eight = append(c.eight, item)
	} else {
		c.other, c.large = append(c.other, item), c.large || n > mostQuick
	}
}

// load copies element t of each source; element next follows it.
func (c *copies) load(t, next int) {
	for k := range c.eight {
		p := &c.eight[k]
		*(*uint64)(p.Dst) = *(*uint64)(unsafe.Add(p.Src, 8*t))
	}
	copyElements(c.other, !c.large, t, 0, next)
}

// store copies to element t of each destination.
func (c *copies) store(t int) {
	for k := range c.eight {
		p := &c.eight[k]
		*(*uint64)(unsafe.Add(p.Dst, 8*t)) = *(*uint64)(p.Src)
	}
	copyElements(c.other, !c.large, 0, t, 0)
}

// copyElements is moves.Elements, but one after the other unless quick is set: none is large, or overlaps what it is copied from.
func copyElements(items []moves.Item, quick bool, from, to, next int) {
	if quick {
		moves.Elements(items, from, to, next)
		return
	}
	for k := range items {
		p := &items[k]
		move(unsafe.Add(p.Dst, int64(to)*p.Bytes), unsafe.Add(p.Src, int64(from)*p.Bytes), p.Bytes)
	}
}

// inOrder is a list of copies that are made one after the other.
type inOrder struct {
	items []moves.Item
	eight bool // all are of eight bytes
	quick bool // see copyElements
}

func (o *inOrder) run() {
	if o.eight {
		for k := range o.items {
			p := &o.items[k]
			*(*uint64)(p.Dst) = *(*uint64)(p.Src)
		}
		return
	}
	copyElements(o.items, o.quick, 0, 0, 0)
}

// between is what a loop does between two steps: it moves the body's outputs to where the next step expects its carries.
type between struct {
	inOrder
	temp []byte
	kept []int64 // see carriesAt
}

// carriesAt plans the moves of a loop's carries. Each goes to the inputs in the arenas of the blocks that use it; also to its result, if a block has it in a space
// of its own, which is bound to the result, or if it is a While's and the body has no copy of it. Those that go with their buffers are left out. For snapshots, carries that no block uses go to temporary memory too, from kept
// on, if a move overwrites the body's output, which may be another carry as it came into the step; kept is −1 for the others.
func carriesAt(code *Code, call *Call, captured, carries int, buffers *buffers) (order []transfer, temp int64, kept []int64) {
	list := call.callees()
	body := &code.Blocks[list[len(list)-1]]
	var moves []transfer
	var unused []int
	for c := range carries {
		if buffers != nil && buffers.carried[c] {
			continue
		}
		out := &body.Outputs[c]
		src, n := place{areaBody, out.Offset}, bytesOf(out.Type)
		toResult := call.While != nil && !body.Inputs[captured+c].Used
		used := false
		for i, k := range list {
			in := &code.Blocks[k].Inputs[captured+c]
			used = used || in.Used
			switch {
			case !in.Used:
			case in.Space != 0:
				toResult = true
			case i == len(list)-1:
				moves = append(moves, transfer{place{areaBody, in.Offset}, src, n})
			default:
				moves = append(moves, transfer{place{areaElse, in.Offset}, src, n})
			}
		}
		if toResult {
			moves = append(moves, transfer{place{areaElse + 1 + area(c), 0}, src, n})
		}
		if !used && call.keepsStates() {
			unused = append(unused, c)
		}
	}
	kept = slices.Repeat([]int64{-1}, carries)
	first := areaElse + 1 + area(carries)
	overwritten := bodyOverlaps(moves)
	for _, c := range unused {
		if t := (transfer{place{first + area(c), 0}, place{areaBody, body.Outputs[c].Offset}, bytesOf(body.Outputs[c].Type)}); len(overwritten(t.src.at, t.n)) > 0 {
			moves = append(moves, t)
		}
	}
	order, temp = sequence(moves)
	for i := range order {
		if to := &order[i].dst; to.area >= first {
			kept[to.area-first] = temp
			*to = place{areaTemp, temp}
			temp += (order[i].n + 7) &^ 7
		}
	}
	return order, temp, kept
}

// keepsStates reports whether a loop stores carries in snapshots.
func (c *Call) keepsStates() bool {
	return c.Scan != nil && c.Scan.Snapshots != nil || c.While != nil && c.While.Snapshots != nil
}

func (b *between) prepare(c *caller, order []transfer, temp int64, kept []int64) {
	b.temp, b.kept = make([]byte, temp), kept
	at := func(p place) unsafe.Pointer {
		switch p.area {
		case areaBody:
			return unsafe.Add(c.callees[len(c.callees)-1].base, p.at)
		case areaTemp:
			return unsafe.Pointer(&b.temp[p.at])
		case areaElse:
			return unsafe.Add(c.callees[0].base, p.at)
		}
		return c.result(int(p.area - areaElse - 1))
	}
	b.items, b.eight, b.quick = make([]moves.Item, len(order)), true, true
	for k, t := range order {
		b.items[k] = moves.Item{Dst: at(t.dst), Src: at(t.src), Bytes: t.n}
		b.eight = b.eight && t.n == 8
		b.quick = b.quick && t.n <= mostQuick && (t.dst.area != t.src.area || t.dst.at+t.n <= t.src.at || t.src.at+t.n <= t.dst.at)
	}
}

// unused returns where a carry lies between two steps that no block uses: where the body left it, unless that is overwritten.
func (b *between) unused(body *callee, carry int) unsafe.Pointer {
	if at := b.kept[carry]; at >= 0 {
		return unsafe.Pointer(&b.temp[at])
	}
	return body.out[carry].p
}

// condCall runs a Cond.
type condCall struct{ caller }

func (x *condCall) watch(f *frame) (int, error) { return -1, x.run(f) }

func (x *condCall) run(f *frame) error {
	k := int64(0)
	switch x.in.In[0].DType {
	case dtype.Int64:
		k = *(*int64)(x.ptr[0])
	case dtype.Int32:
		k = int64(*(*int32)(x.ptr[0]))
	default:
		k = int64(*(*uint8)(x.ptr[0]))
	}
	to := &x.callees[max(0, min(k, int64(len(x.callees)-1)))]
	to.loadConst()
	for i, p := range x.ptr[1:len(x.in.In)] {
		to.set(i, p)
	}
	if err := to.run(); err != nil {
		return err
	}
	for i := range to.out {
		move(x.result(i), to.out[i].p, to.out[i].n)
	}
	return nil
}
