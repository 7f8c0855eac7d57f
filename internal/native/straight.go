package native

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// DefaultChunk is the number of micro-instructions between two returns to Go. Generated code
// cannot be preempted, and stopping the world waits for it.
const DefaultChunk = 6000

// StraightOptions are the options of CompileStraight.
type StraightOptions struct {
	// ArenaBytes is the size of the arena; every cell must lie within it.
	ArenaBytes int
	// Level caps the instruction set; 0 is the best there is.
	Level cpu.Level
	// NoLanes keeps vector instructions out of the code.
	NoLanes bool
	// Chunk is the number of micro-instructions in a chunk, DefaultChunk if 0.
	Chunk int
}

// Straight is the machine code of a micro.Straight. It may be run by several goroutines at
// once, each with an arena of its own.
type Straight struct {
	pages      *codePages
	starts     []int // offset of each chunk
	consts     []byte
	scratch    int // bytes
	fixed      int // bytes of it before the spill slots
	arenaBytes int
	packs      int // instructions that do eight lanes
}

// straightCompiler is the state of CompileStraight.
type straightCompiler struct {
	lowering
	program   *micro.Straight
	cells     cellTable
	valueBase int32 // numbers below belong to earlier chunks
	touched   []uint32
	lasting   []lastingValue
	ssa       []ssaInstr // of the chunk

	// lanes
	packCount     int
	noLanes       bool
	lanesFound    laneFinder
	outputs       []int32
	chainLength   []int32
	chainFollow   []int32
	hasScalarUser []bool
	rowPlaces     []int32 // displacements of rows in the scratch block, for every chunk
}

var cellOf = [dtype.Count]uint8{dtype.Bool: cell1, dtype.Int32: cell4, dtype.Float32: cell4, dtype.Int64: cell8, dtype.Float64: cell8}

// maxArena keeps displacements within 32 bits.
const maxArena = 1<<31 - 4096

// CompileStraight compiles s. Every cell is checked against the arena's size and against
// overlap with cells of other sizes; a violation is an error. An operation without a native form
// gives *ErrUnsupported. Compile time is linear.
func CompileStraight(s *micro.Straight, o StraightOptions) (*Straight, error) {
	return compileStraight(s, o, nil)
}

// startScalar prepares for scalar code at a level of this processor's.
func (g *lowering) startScalar(level cpu.Level) {
	g.Mode, g.Bias, g.Reach = isa.ModeScalar, host.bias, host.reach
	g.Machine = host.machine(&g.Generator, level)
	g.Consts, g.constIDs = isa.NewConstants(8, g.Bias), map[constKey]int32{}
}

// compileStraight compiles s, and what after appends behind it.
func compileStraight(s *micro.Straight, o StraightOptions, after func(c *straightCompiler)) (*Straight, error) {
	av := detect()
	if !av.ok {
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, av.reason)
	}
	if o.ArenaBytes < 0 || o.ArenaBytes > maxArena {
		return nil, fmt.Errorf("native: arena of %d bytes", o.ArenaBytes)
	}
	if o.Chunk <= 0 {
		o.Chunk = DefaultChunk
	}
	if s.TempLo > s.TempHi || int64(s.TempHi)*4 > int64(o.ArenaBytes)+3 {
		return nil, fmt.Errorf("native: temporaries [%d,%d) outside of an arena of %d bytes", s.TempLo, s.TempHi, o.ArenaBytes)
	}
	c := &straightCompiler{program: s}
	level := av.level
	if o.Level == cpu.AVX2 {
		level = o.Level
	}
	c.startScalar(level)
	c.Straight, c.Len64, c.Len32 = true, isa.Len512, isa.Len512
	c.SlotBytes, c.SlotBase = 8, -c.Bias
	c.ResetSlots(int32(s.TempLo+1)&^1*4-c.Bias, int32(s.TempHi)*4-c.Bias)
	c.cells = newCellTable(o.ArenaBytes)
	c.valueBase = 1
	c.noLanes = o.NoLanes || level != cpu.AVX512
	c.Buf = make([]byte, 0, 8*len(s.Code)+4096)
	live := c.liveAtChunkEnds(o.Chunk)
	var starts []int
	for lo, k := 0, 0; lo < len(s.Code) || k == 0; lo, k = lo+o.Chunk, k+1 {
		c.Machine.Align(16)
		starts = append(starts, len(c.Buf))
		if err := c.chunk(lo, min(lo+o.Chunk, len(s.Code)), live[k]); err != nil {
			return nil, err
		}
	}
	c.Files[isa.FileVector].All, c.Saved[isa.FileVector] = c.Machine.Registers(nil, false), c.Machine.Registers(nil, true)
	c.ResetSlots(0, 0) // functions have their own
	c.emitFunctions()
	if after != nil {
		after(c)
	}
	slots := int(c.SlotTop)
	scratch := slots
	if len(c.functions) > 0 {
		scratch += c.FixedBytes()
	}
	pages, err := newCodePages(c.Buf)
	if err != nil {
		return nil, err
	}
	return &Straight{pages: pages, starts: starts, consts: c.Consts.Sealed(), scratch: scratch, fixed: scratch - slots, arenaBytes: o.ArenaBytes, packs: c.packCount}, nil
}

// liveAtChunkEnds returns, for each chunk, the temporaries whose value is read after it, as a
// set of their numbers.
func (c *straightCompiler) liveAtChunkEnds(chunk int) [][]uint64 {
	s := c.program
	n := max(1, (len(s.Code)+chunk-1)/chunk)
	out := make([][]uint64, n)
	if n == 1 {
		return out
	}
	var live []uint64
	// place returns where a temporary stands in the set.
	place := func(n uint32) (word int, bit uint64) {
		k := c.cells.number(c.cells.at(n))
		for int(k)/64 >= len(live) {
			live = append(live, 0)
		}
		return int(k) / 64, 1 << (k % 64)
	}
	lo, size := s.TempLo, s.TempHi-s.TempLo
	read := func(n uint32) {
		if n-lo < size {
			word, bit := place(n)
			live[word] |= bit
		}
	}
	for i := len(s.Code) - 1; i >= 0; i-- {
		c.cellsAhead(i - instrsAhead)
		if (i+1)%chunk == 0 && i+1 < len(s.Code) {
			out[i/chunk] = append([]uint64(nil), live...)
		}
		in := &s.Code[i]
		if in.Dst-lo < size {
			word, bit := place(in.Dst)
			live[word] &^= bit
		}
		operands := in.Operands()
		for k := range in.Op.Arity() {
			read(operands[k])
		}
	}
	return out
}

// cellError describes a cell that must not be accessed.
func (c *straightCompiler) cellError(i int, cell uint32, t dtype.DType, what string) error {
	return fmt.Errorf("native: instruction %d (%s): %s cell %d as %s: %s", i, c.program.Code[i].Op, c.program.Code[i].Type, cell, t, what)
}

// checkCell verifies the bounds and alignment of a cell.
func (c *straightCompiler) checkCell(i int, cell uint32, t dtype.DType) error {
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

// read returns the value in a cell.
func (c *straightCompiler) read(i int, cell uint32, t dtype.DType) (int32, error) {
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
	if at.value >= c.valueBase {
		return at.value - c.valueBase, nil
	}
	v := int32(len(c.Vals))
	val := isa.Value{Next: isa.Never, Kind: kindOf(t), Reg: isa.NoRegister, Home: isa.SpaceArena, Disp: int32(cell)*4 - c.Bias, Stored: true}
	if c.isTemp(cell) {
		if !at.inSlot {
			return isa.None, c.cellError(i, cell, t, "a temporary that was not written")
		}
		val.Home, val.Disp = isa.SpaceSlot, at.slot
		c.touched = append(c.touched, cell)
	}
	c.Vals = append(c.Vals, val)
	at.value = v + c.valueBase
	return v, nil
}

func (c *straightCompiler) isTemp(cell uint32) bool {
	return cell-c.program.TempLo < c.program.TempHi-c.program.TempLo
}

// write returns a fresh value for a cell.
func (c *straightCompiler) write(i int, cell uint32, t dtype.DType) (int32, error) {
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
	v := int32(len(c.Vals))
	val := isa.Value{Next: isa.Never, Kind: kindOf(t), Reg: isa.NoRegister}
	if !temp {
		val.Home, val.Disp, val.Output = isa.SpaceArena, int32(cell)*4-c.Bias, true
	}
	c.Vals = append(c.Vals, val)
	at.value = v + c.valueBase
	if temp {
		c.touched = append(c.touched, cell)
	}
	return v, nil
}

// chunk compiles the instructions [lo,hi).
func (c *straightCompiler) chunk(lo, hi int, live []uint64) error {
	c.valueBase += int32(len(c.Vals))
	c.Vals, c.Code, c.touched = c.Vals[:0], c.Code[:0], c.touched[:0]
	clear(c.constIDs)
	c.ssa = c.ssa[:0]
	for i := lo; i < hi; i++ {
		c.cellsAhead(i + instrsAhead)
		if err := c.nameValues(i); err != nil {
			return err
		}
	}
	c.findLasting(live)
	lanes := !c.noLanes && hi-lo >= 4*isa.LaneCount && c.findLanes(lo)
	if lanes {
		c.findScalarUsers(c.program.Code[lo:hi])
		if err := c.lowerLanes(lo); err != nil {
			return err
		}
	} else {
		for i := lo; i < hi; i++ {
			in, s := &c.program.Code[i], &c.ssa[i-lo]
			if !c.lower(in, s.dst, s.a, s.b, s.c) {
				return &ErrUnsupported{Op: in.Op, Type: in.Type, To: in.To, Instr: i}
			}
		}
	}
	end := int32(len(c.Code))
	for _, l := range c.lasting {
		c.Vals[l.value].Next = end
	}
	c.FindNextUses()
	c.Files[isa.FileVector].All = c.Machine.Registers(c.Code, lanes || c.program.TempHi-c.program.TempLo <= fewTemps)
	c.ResetRegisters()
	c.MapWindows(hi - lo)
	c.Generate()
	for _, l := range c.lasting {
		v := &c.Vals[l.value]
		if !v.Stored {
			if v.Reg == isa.NoRegister {
				panic("BUG: live temporary is nowhere")
			}
			c.Store(v)
		}
		at := c.cells.at(l.cell)
		at.slot, at.inSlot = v.Disp, true
	}
	c.Machine.Leave(lanes)
	c.EmitStubs()
	return nil
}

// fewTemps is the number of cells for temporaries up to which registers are used that make instructions longer, which is more than they save where most temporaries leave their registers anyway.
const fewTemps = 128

// lastingValue is a temporary that is read after the chunk.
type lastingValue struct {
	cell  uint32
	value int32
}

// findLasting lists the temporaries of this chunk, or read in it, that are read after it.
func (c *straightCompiler) findLasting(live []uint64) {
	c.lasting = c.lasting[:0]
	if live == nil {
		return
	}
	for _, cell := range c.touched {
		at := c.cells.at(cell)
		if k := c.cells.number(at); int(k)/64 < len(live) && live[k/64]>>(k%64)&1 != 0 {
			live[k/64] &^= 1 << (k % 64) // once
			c.lasting = append(c.lasting, lastingValue{cell, at.value - c.valueBase})
		}
	}
}

// instrsAhead is the number of instructions by which cells are asked for in advance.
const instrsAhead = 12

// cellsAhead asks for the cells of instruction i, if there is one.
func (c *straightCompiler) cellsAhead(i int) {
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
func (c *straightCompiler) nameValues(i int) error {
	in := &c.program.Code[i]
	if !in.Type.Valid() || in.Op == micro.Cast && !in.To.Valid() {
		return &ErrUnsupported{Op: in.Op, Type: in.Type, To: in.To, Instr: i}
	}
	arity := in.Op.Arity()
	var err error
	a, b, d := isa.None, isa.None, isa.None
	if arity > 0 {
		if a, err = c.read(i, in.A, in.OperandType(0)); err != nil {
			return err
		}
	}
	if arity > 1 {
		if b, err = c.read(i, in.B, in.Type); err != nil {
			return err
		}
	}
	if arity > 2 {
		if d, err = c.read(i, in.C, in.Type); err != nil {
			return err
		}
	}
	dst, err := c.write(i, in.Dst, in.Result())
	if err != nil {
		return err
	}
	c.ssa = append(c.ssa, ssaInstr{dst, a, b, d})
	return nil
}

// largeCode is the size from which the next chunk is brought into the cache before it runs: smaller code stays in the
// second-level cache.
const largeCode = 1 << 20

// scratchBytes is the scratch block that Run keeps on its stack.
const scratchBytes = 1024

// ScratchBytes returns the size of the scratch block that Run needs; 0 if it has room for it on its stack.
func (s *Straight) ScratchBytes() int {
	if s.scratch+lineBytes < scratchBytes {
		return 0
	}
	return s.scratch + lineBytes
}

// Run executes the code over the arena, whose size in bytes must be the one compiled for, or more, with ScratchBytes of scratch or more.
// It does not allocate.
func (s *Straight) Run(arena unsafe.Pointer, arenaBytes int, scratch []byte) {
	if arenaBytes < s.arenaBytes {
		panic("BUG: native code run over an arena that is too small")
	}
	raceArena(arena, s.arenaBytes)
	if s.scratch != 0 {
		s.runWithScratch(arena, scratch)
		return
	}
	code := s.pages.code
	if len(s.starts) == 1 {
		callStraight(unsafe.Pointer(&code[0]), arena, unsafe.Pointer(&s.consts[0]), nil)
	} else {
		s.runChunks(arena, nil)
	}
	runtime.KeepAlive(s.pages)
}

func (s *Straight) runWithScratch(arena unsafe.Pointer, scratch []byte) {
	switch need := s.ScratchBytes(); {
	case need == 0:
		var block [scratchBytes]byte
		s.runChunks(arena, s.slotsIn(block[:]))
	case len(scratch) < need:
		panic("BUG: native code run without scratch")
	default:
		s.runChunks(arena, s.slotsIn(scratch))
	}
	runtime.KeepAlive(s.pages)
}

// lineBytes is the size of a cache line: vectors that cross lines cost twice.
const lineBytes = 64

// slotsIn returns where the slots begin in a scratch block: at a cache line, behind what is fixed.
func (s *Straight) slotsIn(block []byte) unsafe.Pointer {
	at := uintptr(unsafe.Pointer(&block[s.fixed]))
	return unsafe.Pointer(&block[s.fixed+int(-at&(lineBytes-1))])
}

func (s *Straight) runChunks(arena, scratch unsafe.Pointer) {
	code := s.pages.code
	consts := unsafe.Pointer(&s.consts[0])
	for k, start := range s.starts {
		if len(code) > largeCode && k+1 < len(s.starts) {
			end := len(code)
			if k+2 < len(s.starts) {
				end = s.starts[k+2]
			}
			touch(code[s.starts[k+1]:end])
		}
		callStraight(unsafe.Pointer(&code[start]), arena, consts, scratch)
	}
}

// touch reads a byte of every cache line. Its result keeps the reads alive.
//
//go:noinline
func touch(code []byte) byte {
	var all byte
	for i := 0; i < len(code); i += 64 {
		all |= code[i]
	}
	return all
}

// CodeBytes returns the size of the machine code.
func (s *Straight) CodeBytes() int { return len(s.pages.code) }

// Chunks returns the number of pieces between which the goroutine can be preempted.
func (s *Straight) Chunks() int { return len(s.starts) }

// Listing returns the code as text, one line an instruction: offset, bytes, Intel syntax.
// On amd64 rdi is the arena, rsi the constant block and rdx the scratch block, each plus 128; on arm64 x7, x6 and x2 are.
func (s *Straight) Listing() string { return s.pages.listing() }

// Close frees the code at once instead of when it is no longer reachable. No Run may be under
// way, and none may follow.
func (s *Straight) Close() { s.pages.close() }

// Supported reports whether CompileStraight and CompileLoop have a native form here for an
// operation, whose types are those of micro.Instr. CompileLoop for AVX2 lacks in
// addition the conversions between Int64 and floats or Int32.
func Supported(op micro.Op, t, to dtype.DType) bool {
	if op == micro.Invalid || int(op) >= micro.Count || !t.Valid() || op == micro.Cast && !to.Valid() {
		return false
	}
	var g lowering
	g.startScalar(host.least)
	in := micro.Instr{Op: op, Type: t, To: to}
	dst := g.NewValue(kindOf(in.Result()))
	var v [3]int32
	for k := range v {
		v[k] = g.NewValue(kindOf(in.OperandType(k)))
	}
	return g.lower(&in, dst, v[0], v[1], v[2])
}
