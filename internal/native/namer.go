package native

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
	"github.com/adjoint-go/adjoint/internal/prefetch"
)

// namer goes through scalar code ahead of the rest of its compilation, chunk by chunk: it checks the cells, names the values in them, and finds those that are read after their chunk.
// It needs nothing that comes of a chunk later, so that of long code it works on another processor.
type namer struct {
	program   *micro.Straight
	chunk     int // instructions in a chunk
	bias      int32
	lanes     bool // may be found
	cells     cellTable
	valueBase int32 // numbers below belong to earlier chunks
	touched   []uint32
	later     []uint8 // by instruction: see readLater; nil for code of one chunk
	out       *named
}

// named is what the namer says of a chunk.
type named struct {
	vals    []isa.Value
	ssa     []ssaInstr
	lasting []lastingValue // that are read after the chunk
	carried []lastingValue // that earlier chunks have left in slots, which are known when those are compiled
	err     error

	chained  bool    // what follows is filled, because lanes are looked for
	producer []int32 // by value: instruction, or none
	level    []int32 // by instruction: longest way from what the chunk begins with
	length   []int32 // by instruction: the links of its chain in front of it
	follow   []int32 // by instruction: the link after it, or none
	chains   []int32 // the second links of those of eight terms or more
}

// lastingValue is a temporary, by its number, that one chunk leaves to a later one, and its value in the chunk.
type lastingValue struct{ temp, value int32 }

func newNamer(s *micro.Straight, o StraightOptions, bias int32) *namer {
	return &namer{program: s, chunk: o.Chunk, bias: bias, cells: newCellTable(o.ArenaBytes), valueBase: 1}
}

// eachChunk calls use for one chunk after the other, until one is in error. What it is called with is valid until the next call, and may be swapped for another one.
func (c *namer) eachChunk(use func(lo, hi int, x *named) error) error {
	chunks := max(1, (len(c.program.Code)+c.chunk-1)/c.chunk)
	take := func(k int, x *named) error {
		if x.err != nil {
			return x.err
		}
		return use(k*c.chunk, min((k+1)*c.chunk, len(c.program.Code)), x)
	}
	if chunks == 1 {
		x := &named{}
		c.name(0, x)
		return take(0, x)
	}
	c.later = c.readLater()
	var bug any
	stop, empty, full := make(chan struct{}), make(chan *named, 2), make(chan *named, 2)
	empty <- &named{}
	empty <- &named{}
	go func() {
		defer close(full)
		defer func() { bug = recover() }()
		for k := range chunks {
			select {
			case x := <-empty:
				c.name(k*c.chunk, x)
				full <- x
			case <-stop:
				return
			}
		}
	}()
	defer func() {
		close(stop)
		for range full { // until it has ended
		}
	}()
	for k := range chunks {
		x, ok := <-full
		if !ok {
			panic(bug)
		}
		if err := take(k, x); err != nil {
			return err
		}
		empty <- x
	}
	return nil
}

// name fills x with what it says of the chunk that begins at instruction lo.
func (c *namer) name(lo int, x *named) {
	x.vals, x.ssa, x.lasting, x.carried, x.err = x.vals[:0], x.ssa[:0], x.lasting[:0], x.carried[:0], nil
	c.out, c.touched = x, c.touched[:0]
	for i := lo; i < min(lo+c.chunk, len(c.program.Code)); i++ {
		c.cellsAhead(i + instrsAhead)
		if x.err = c.nameValues(i); x.err != nil {
			return
		}
	}
	c.findLasting()
	if x.chained = c.lanes && len(x.ssa) >= 4*isa.LaneCount; x.chained {
		x.findChains(c.program.Code[lo : lo+len(x.ssa)])
	}
	c.valueBase += int32(len(x.vals))
}

// readLater returns for each instruction a set of those of its operands, and 1<<resultBit for its result, that are temporaries whose value is read after it.
func (c *namer) readLater() []uint8 {
	s := c.program
	lo, size := s.TempLo, s.TempHi-s.TempLo
	later := prefetch.Pages(make([]uint8, len(s.Code)))
	live := make([]uint64, size/64+1) // by temporary
	for i := len(s.Code) - 1; i >= 0; i-- {
		in := &s.Code[i]
		if n := in.Dst - lo; n < size {
			later[i] = uint8(live[n/64]>>(n%64)&1) << resultBit
			live[n/64] &^= 1 << (n % 64)
		}
		operands, arity := in.Operands(), in.Op.Arity()
		for k, cell := range operands[:arity] {
			if n := cell - lo; n < size {
				later[i] |= uint8(live[n/64]>>(n%64)&1) << k
			}
		}
		for _, cell := range operands[:arity] {
			if n := cell - lo; n < size {
				live[n/64] |= 1 << (n % 64)
			}
		}
	}
	return later
}

// resultBit stands for an instruction's result in namer.later; operands have their numbers.
const resultBit = 3

// cellError describes a cell that must not be accessed.
func (c *namer) cellError(i int, cell uint32, t dtype.DType, what string) error {
	return fmt.Errorf("native: instruction %d (%s): %s cell %d as %s: %s", i, c.program.Code[i].Op, c.program.Code[i].Type, cell, t, what)
}

// checkCell verifies the bounds and alignment of a cell.
func (c *namer) checkCell(i int, cell uint32, t dtype.DType) error {
	kind := cellOf[t]
	need := uint32(1)
	if kind == cell8 {
		need = 2
		if cell&1 != 0 {
			return c.cellError(i, cell, t, "an 8-byte value at an odd cell")
		}
	}
	if uint64(cell)+uint64(need) > uint64(c.cells.cells) {
		return c.cellError(i, cell, t, "outside of the arena")
	}
	return nil
}

// read returns the value in a cell; later says of a temporary that the value is read after the instruction.
func (c *namer) read(i int, cell uint32, t dtype.DType, later bool) (int32, error) {
	if err := c.checkCell(i, cell, t); err != nil {
		return isa.None, err
	}
	kind, at := cellOf[t], c.cells.at(cell)
	if at.kind != kind {
		if at.kind != cellUnknown {
			return isa.None, c.cellError(i, cell, t, "holds a value of another size")
		}
		if kind == cell8 {
			tail := c.cells.at(cell + 1)
			if tail.kind != cellUnknown {
				return isa.None, c.cellError(i, cell, t, "overlaps another value")
			}
			tail.kind = cell8Tail
		}
		at.kind = kind
	}
	at.later = later
	if at.value >= c.valueBase {
		return at.value - c.valueBase, nil
	}
	v := int32(len(c.out.vals))
	val := isa.Value{Next: isa.Never, Kind: kindOf(t), Reg: isa.NoRegister, Home: isa.SpaceArena, Disp: int32(cell)*4 - c.bias, Stored: true}
	if c.isTemp(cell) {
		if !at.lasts {
			return isa.None, c.cellError(i, cell, t, "a temporary that was not written")
		}
		val.Home, val.Disp = isa.SpaceSlot, 0 // see named.carried
		c.out.carried = append(c.out.carried, lastingValue{c.cells.number(at), v})
		c.touched = append(c.touched, cell)
	}
	c.out.vals = append(c.out.vals, val)
	at.value = v + c.valueBase
	return v, nil
}

func (c *namer) isTemp(cell uint32) bool {
	return cell-c.program.TempLo < c.program.TempHi-c.program.TempLo
}

// write returns a fresh value for a cell; later is that of read.
func (c *namer) write(i int, cell uint32, t dtype.DType, later bool) (int32, error) {
	if err := c.checkCell(i, cell, t); err != nil {
		return isa.None, err
	}
	kind, at := cellOf[t], c.cells.at(cell)
	temp := c.isTemp(cell)
	switch old := at.kind; {
	case old == kind:
	case old == cellUnknown || temp && kind != cell8 && (old == cell4 || old == cell1):
		at.kind = kind
		if kind == cell8 {
			tail := c.cells.at(cell + 1)
			if tail.kind != cellUnknown {
				return isa.None, c.cellError(i, cell, t, "overlaps another value")
			}
			tail.kind = cell8Tail
		}
	default:
		return isa.None, c.cellError(i, cell, t, "holds a value of another size")
	}
	v := int32(len(c.out.vals))
	val := isa.Value{Next: isa.Never, Kind: kindOf(t), Reg: isa.NoRegister}
	if !temp {
		val.Home, val.Disp, val.Output = isa.SpaceArena, int32(cell)*4-c.bias, true
	}
	c.out.vals = append(c.out.vals, val)
	at.value, at.later = v+c.valueBase, later
	if temp {
		c.touched = append(c.touched, cell)
	}
	return v, nil
}

// findLasting lists the temporaries of this chunk, or read in it, that are read after it.
func (c *namer) findLasting() {
	if c.later == nil {
		return
	}
	for _, cell := range c.touched {
		if at := c.cells.at(cell); at.later {
			at.later = false // once
			c.out.lasting = append(c.out.lasting, lastingValue{c.cells.number(at), at.value - c.valueBase})
			at.lasts = true
		}
	}
}

// instrsAhead is the number of instructions by which cells are asked for in advance.
const instrsAhead = 12

// cellsAhead asks for the cells of instruction i, if there is one.
func (c *namer) cellsAhead(i int) {
	if i < 0 || i >= len(c.program.Code) {
		return
	}
	in := &c.program.Code[i]
	c.cells.ahead(in.Dst)
	operands := in.Operands()
	for k := range in.Op.Arity() {
		c.cells.ahead(operands[k])
	}
}

// nameValues checks the cells of instruction i and names the values in them.
func (c *namer) nameValues(i int) error {
	in := &c.program.Code[i]
	if !in.Type.Valid() || in.Op == micro.Cast && !in.To.Valid() {
		return &ErrUnsupported{Op: in.Op, Type: in.Type, To: in.To, Instr: i}
	}
	arity := in.Op.Arity()
	later := uint8(0)
	if c.later != nil {
		later = c.later[i]
	}
	var err error
	a, b, d := isa.None, isa.None, isa.None
	if arity > 0 {
		if a, err = c.read(i, in.A, in.OperandType(0), later&1 != 0); err != nil {
			return err
		}
	}
	if arity > 1 {
		if b, err = c.read(i, in.B, in.Type, later&2 != 0); err != nil {
			return err
		}
	}
	if arity > 2 {
		if d, err = c.read(i, in.C, in.Type, later&4 != 0); err != nil {
			return err
		}
	}
	dst, err := c.write(i, in.Dst, in.Result(), later>>resultBit != 0)
	if err != nil {
		return err
	}
	c.out.ssa = append(c.out.ssa, ssaInstr{dst, a, b, d})
	return nil
}
