package vm

import (
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/moves"
	"github.com/adjoint-go/adjoint/internal/native"
)

// leastMoved is the size in bytes of values of a scan that are not copied between its steps where all that reads and writes them are loops whose pointers can be moved on.
var leastMoved int64 = 32

// leastChained is the number of steps of a scan for which that is worth its while.
var leastChained = 64

// stepsInChain is the number of steps between two times that operands are bound anew. Each instruction looks at the context.
const stepsInChain = 1024

const (
	// leastAsked is the size in bytes of results written by a scan from which on to ask for their lines is worth its while: they leave the second-level cache many times over.
	leastAsked = 8 << 20
	// stepsAhead is how many steps ahead elements of results are asked for.
	stepsAhead = 3
)

// movedLoops reports which instructions of a body are loops that will be single calls of machine code, whose pointers can be moved on.
func movedLoops(p *Program, b *Block) []bool {
	list := make([]bool, len(b.Instrs))
	for i := range b.Instrs {
		if in := &b.Instrs[i]; in.Op == OpLoop {
			x := newLoop(p, in, 1)
			list[i] = x.hasCode() && x.rowwise == nil && x.oneCall() && x.piecesBytes() == 0 && !(x.reduces() && x.elements > lanes)
		}
	}
	if !slices.Contains(list, true) {
		return nil
	}
	return list
}

// even reports whether a window lies, from step number from on until the last, as far from where it lay in the step before as in every other step, and how far
// in elements.
func (p *buffers) even(k int) (by, from int, ok bool) {
	for range p.windows {
		switch w := &p.windows[k]; {
		case w.x >= 0, w.direct >= 0, w.ahead >= 0:
			return 1, from, true
		case w.next < 0 || w.next == k:
			return 0, from, true
		default:
			k = w.next
			from++
		}
	}
	return 0, 0, false
}

// moves reports whether all that moves with a window can be moved on from step to step.
func (p *buffers) moves(k int) bool {
	w := &p.windows[k]
	by, _, ok := p.even(k)
	return ok && w.space == 0 && len(w.scalars) == 0 && (by == 0 || !slices.ContainsFunc(w.uses, func(u pointerUse) bool { return !p.moving[u.instr] }))
}

// fixUneven fixes small windows if they cannot be moved on with all others, and reports whether there were any.
func (p *buffers) fixUneven() bool {
	if p.moving == nil {
		return false
	}
	small, large := false, false // are there small ones, and large ones that cannot be moved on
	fixed := false
	for k := range p.windows {
		switch w := &p.windows[k]; {
		case w.fixed:
		case w.n >= leastBuffer:
			large = large || !p.moves(k)
		case !p.moves(k):
			w.fixed, fixed = true, true
		default:
			small = true
		}
	}
	if !small || !large {
		return fixed
	}
	for k := range p.windows {
		if w := &p.windows[k]; w.n < leastBuffer {
			w.fixed = true
		}
	}
	return true
}

// chain moves the pointers of loops on between the steps of a scan, from one step on until the last but one. To bind each operand anew takes longer than to copy small values.
type chain struct {
	r     *bufferRun
	from  int     // the first step
	by    []int64 // by window: bytes from step to step
	loops []*loop
	moved [][]uintptr  // by loop and pointer of its machine code: bytes from step to step
	steps []moves.Step // the same for the tables of machine code; nil as long as some of the loops are not machine code
	ask   []moves.Item // elements of results that are written in their place
	asked []int        // by item: the number of the result
}

// newChain returns nil if not all windows can be moved on, or if all are large, which are bound in no time beside what a step takes.
func newChain(r *bufferRun, length int, reverse bool) *chain {
	if !slices.ContainsFunc(r.active, func(k int) bool { return r.windows[k].n < leastBuffer }) {
		return nil
	}
	bytes := int64(0)
	c := &chain{r: r, from: 1, by: make([]int64, len(r.windows))}
	at := make([]int, len(r.f.exec))
	for _, k := range r.active {
		w := &r.windows[k]
		if !r.moves(k) {
			return nil
		}
		by, from, _ := r.even(k)
		c.from = max(c.from, from)
		if by == 0 {
			continue
		}
		if y := max(w.direct, w.ahead); y >= 0 && w.n < leastBuffer {
			c.asked, c.ask = append(c.asked, y), append(c.ask, moves.Item{Bytes: w.n})
			bytes += int64(length) * w.n
		}
		if c.by[k] = w.n; reverse {
			c.by[k] = -w.n
		}
		for _, u := range w.uses {
			if at[u.instr] == 0 {
				x := r.f.exec[u.instr].(*loop)
				c.loops, c.moved = append(c.loops, x), append(c.moved, make([]uintptr, 2*(len(x.inPtr)+len(x.outPtr))))
				at[u.instr] = len(c.loops)
			}
			pointer := u.operand
			if x := c.loops[at[u.instr]-1]; x.reduces() && pointer == len(x.inPtr)+len(x.outPtr)-1 {
				pointer = native.ResultPointer(pointer)
			}
			c.moved[at[u.instr]-1][pointer] = uintptr(c.by[k])
		}
	}
	if bytes < leastAsked {
		c.ask, c.asked = nil, nil
	}
	return c
}

// ready reports whether all loops are machine code.
func (c *chain) ready() bool {
	if c.steps != nil {
		return true
	}
	for _, x := range c.loops {
		if !x.pointed {
			return false
		}
	}
	c.steps = []moves.Step{}
	for k, x := range c.loops {
		table := x.workers[0].work.Pointers()
		for at := 0; at < len(c.moved[k]); at += 4 {
			s := moves.Step{At: (*[4]unsafe.Pointer)(unsafe.Pointer(&table[at]))}
			if copy(s.By[:], c.moved[k][at:]); s.By != [4]uintptr{} {
				c.steps = append(c.steps, s)
			}
		}
	}
	return true
}

// runChain makes the steps [from, to) but what follows the body in the last one, which it returns with an error of that step. There is a step behind them, so no pointer leaves its array.
func (x *scanCall) runChain(from, to int) (int, error) {
	c, body := x.chain, &x.callees[0]
	for k, y := range c.asked {
		c.ask[k].Dst = c.r.ys[y]
	}
	i := from
	for ; ; i++ {
		moves.Ask(c.ask, x.element(i+stepsAhead))
		if err := body.run(); err != nil {
			return i, err
		}
		if i == to-1 {
			break
		}
		t := x.element(i)
		x.ys.store(t)
		for _, p := range c.r.copied {
			n := c.r.windows[p.window].n
			move(unsafe.Add(c.r.ys[p.result], int64(t)*n), unsafe.Add(c.r.cur[p.window], int64(i-from)*c.by[p.window]), n)
		}
		x.next.run()
		moves.Pointers(c.steps)
		x.xs.load(x.element(i+1), x.element(i+2))
	}
	for _, k := range c.r.active {
		c.r.cur[k] = unsafe.Add(c.r.cur[k], int64(i-from)*c.by[k])
		c.r.at[k] = nil // whoever binds it next does so
	}
	return i, nil
}

// stay tells the loops of a frame, which are no machine code yet, which of their operands are not bound to other memory: those in no window.
func (r *bufferRun) stay(f *frame) {
	for i, e := range f.exec {
		if x, ok := e.(*loop); ok && x.code == nil {
			x.stays = slices.Repeat([]bool{true}, len(x.inPtr)+len(x.outPtr))
			if r == nil {
				continue
			}
			for _, k := range r.active {
				for _, u := range r.windows[k].uses {
					if u.instr == i {
						x.stays[u.operand] = false
					}
				}
			}
		}
	}
}
