package native

import (
	"sort"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// manyTemps is the number of cells for temporaries from which another order is looked for;
// fewer values fit in the registers, or nearly.
const manyTemps = 64

// scheduler reorders a program.
type scheduler struct {
	s        *micro.Straight
	producer [][3]int32 // by instruction: producer of each operand, none for inputs
	left     []int32    // by instruction: users that have not been emitted
	users    []int32    // by instruction: exclusive or of those users
	level    []int32
	emitted  []bool
	order    []int32
	stack    []int32
	ready    []int32
}

// shortenLives returns a program that computes the same with values that live shorter: depth-first from
// the outputs, the shallow ones first, and whatever uses a value for the last time as soon as it can be computed.
// Unrolled gradients have their forward half far from their backward half; this joins them. It returns s itself where nothing is
// gained, or where s breaks the rules of micro.Straight.
// cells is the size of the arena.
func shortenLives(s *micro.Straight, cells int) *micro.Straight {
	if s.TempHi-s.TempLo < manyTemps {
		return s
	}
	d := &scheduler{s: s}
	roots, ok := d.link(cells)
	if !ok {
		return s
	}
	sort.SliceStable(roots, func(a, b int) bool { return d.level[roots[a]] < d.level[roots[b]] })
	d.order = make([]int32, 0, len(s.Code))
	d.emitted = make([]bool, len(s.Code))
	for _, r := range roots {
		d.descend(r)
	}
	return d.rename()
}

func (d *scheduler) temp(cell uint32) bool { return cell >= d.s.TempLo && cell < d.s.TempHi }

// link finds the producers of all operands and the instructions that write outputs.
func (d *scheduler) link(cells int) (roots []int32, ok bool) {
	code := d.s.Code
	const untouched, input = -1, -2
	writer := make([]int32, cells)
	for i := range writer {
		writer[i] = untouched
	}
	n := len(code)
	d.producer = make([][3]int32, n)
	d.left, d.users, d.level = make([]int32, n), make([]int32, n), make([]int32, n)
	for i := range code {
		in := &code[i]
		p := &d.producer[i]
		*p = [3]int32{none, none, none}
		ops := in.Operands()
		level := int32(0)
		for k := 0; k < in.Op.Arity(); k++ {
			if uint64(ops[k]) >= uint64(cells) {
				return nil, false
			}
			w := writer[ops[k]]
			if w >= 0 {
				if code[w].Result().Size() != in.OperandType(k).Size() {
					return nil, false
				}
				p[k] = w
				if !repeated(p, k) {
					d.left[w]++
					d.users[w] ^= int32(i)
				}
				level = max(level, d.level[w])
				continue
			}
			if d.temp(ops[k]) {
				return nil, false // read before it is written
			}
			writer[ops[k]] = input
		}
		d.level[i] = level + 1
		if uint64(in.Dst) >= uint64(cells) {
			return nil, false
		}
		if !d.temp(in.Dst) {
			if writer[in.Dst] != untouched {
				return nil, false
			}
			roots = append(roots, int32(i))
		}
		writer[in.Dst] = int32(i)
	}
	return roots, true
}

// repeated reports whether operand k is the same value as one before it.
func repeated(p *[3]int32, k int) bool {
	return k > 0 && p[k] == p[0] || k > 1 && p[k] == p[1]
}

// descend emits instruction i after what it needs.
func (d *scheduler) descend(i int32) {
	d.stack = append(d.stack[:0], i)
	for len(d.stack) > 0 {
		i := d.stack[len(d.stack)-1]
		if d.emitted[i] {
			d.stack = d.stack[:len(d.stack)-1]
			continue
		}
		waiting := false
		for _, p := range d.producer[i] {
			if p != none && !d.emitted[p] {
				d.stack = append(d.stack, p)
				waiting = true
			}
		}
		if !waiting {
			d.stack = d.stack[:len(d.stack)-1]
			d.emit(i)
		}
	}
}

// emit appends instruction i, and then the last users of values that have become ready.
func (d *scheduler) emit(i int32) {
	d.ready = append(d.ready[:0], i)
	for len(d.ready) > 0 {
		i := d.ready[len(d.ready)-1]
		d.ready = d.ready[:len(d.ready)-1]
		if d.emitted[i] || !d.isReady(i) {
			continue
		}
		d.emitted[i] = true
		d.order = append(d.order, i)
		for k, p := range d.producer[i] {
			if p != none && !repeated(&d.producer[i], k) {
				d.left[p]--
				d.users[p] ^= i
			}
		}
		d.offer(i)
		for _, p := range d.producer[i] {
			if p != none {
				d.offer(p)
			}
		}
	}
}

// offer queues the only user of a value that is left.
func (d *scheduler) offer(v int32) {
	if d.left[v] == 1 {
		d.ready = append(d.ready, d.users[v])
	}
}

func (d *scheduler) isReady(i int32) bool {
	for _, p := range d.producer[i] {
		if p != none && !d.emitted[p] {
			return false
		}
	}
	return true
}

// rename writes the program in the new order with new cells for the temporaries, within the old range. Dead
// code is dropped.
func (d *scheduler) rename() *micro.Straight {
	s := d.s
	uses := make([]int32, len(s.Code))
	for _, i := range d.order {
		for _, p := range d.producer[i] {
			if p != none {
				uses[p]++
			}
		}
	}
	cell := make([]uint32, len(s.Code))
	var free [9][]uint32 // by size in bytes
	next := uint64(s.TempLo)
	out := &micro.Straight{Code: make([]micro.Instr, 0, len(d.order)), TempLo: s.TempLo, TempHi: s.TempHi}
	release := func(p int32) {
		if uses[p]--; uses[p] == 0 && d.temp(s.Code[p].Dst) {
			size := s.Code[p].Result().Size()
			free[size] = append(free[size], cell[p])
		}
	}
	for _, i := range d.order {
		in := s.Code[i]
		p := d.producer[i]
		for k, x := range p {
			if x == none {
				continue
			}
			switch k {
			case 0:
				in.A = cell[x]
			case 1:
				in.B = cell[x]
			case 2:
				in.C = cell[x]
			}
		}
		for _, x := range p {
			if x != none {
				release(x)
			}
		}
		cell[i] = in.Dst
		if d.temp(in.Dst) {
			size := in.Result().Size()
			if n := len(free[size]); n > 0 {
				cell[i] = free[size][n-1]
				free[size] = free[size][:n-1]
			} else {
				if size == dtype.Float64.Size() {
					next = (next + 1) &^ 1
				}
				cell[i] = uint32(next)
				next += uint64(max(1, size/4))
				if next > uint64(s.TempHi) {
					return s // needs more than before
				}
			}
			in.Dst = cell[i]
		}
		out.Code = append(out.Code, in)
	}
	if used, before := next-uint64(s.TempLo), uint64(s.TempHi-s.TempLo); used*4 > before*3 {
		return s
	}
	out.TempHi = uint32((next + 1) &^ 1)
	return out
}
