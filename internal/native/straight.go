package native

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
	"github.com/adjoint-go/adjoint/internal/prefetch"
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
	program *micro.Straight
	named   named   // of the chunk; its values are in Vals
	slots   []int32 // by number of a temporary: where the value lies that outlasted its chunk
	choice  registerChoice

	// lanes
	packCount     int
	noLanes       bool
	lanesFound    laneFinder
	outputs       []int32
	chainLinks    []int32
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
	c.noLanes = o.NoLanes || level != cpu.AVX512
	buf := prefetch.Soon[byte](10*len(s.Code) + 4096)
	var starts []int
	n := newNamer(s, o, c.Bias)
	n.lanes = !c.noLanes
	c.choice.many = len(s.Code) >= manyChunks*o.Chunk
	err := n.eachChunk(func(lo, hi int, x *named) error {
		if lo == 0 {
			c.Buf = buf()[:0]
		}
		c.Machine.Align(16)
		starts = append(starts, len(c.Buf))
		c.named, *x = *x, c.named
		c.named.vals, c.Vals = c.Vals, c.named.vals
		return c.chunk(lo, hi)
	})
	if err != nil {
		return nil, err
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

// registerChoice says whether a chunk uses the registers that make instructions longer. They save memory operands, but cost more than that where most values leave their registers anyway, as in
// graphs without a pattern. Which it is, programs of many chunks learn from their chunks: from time to time one is made the other way.
type registerChoice struct {
	many  bool // chunks; others use all registers
	chunk int
	bytes [2]float64 // for each instruction of the last chunk without and with such registers, 0 before there is one
}

// manyChunks is the length of programs that learn, and probing the number of chunks between those that are made the other way.
const manyChunks, probing = 8, 16

func (r *registerChoice) longer() bool {
	best := r.bytes[0] == 0 || r.bytes[1] <= 1.02*r.bytes[0]
	return best != (r.many && r.chunk%probing == 2)
}

// learn is told the length of a chunk's code.
func (r *registerChoice) learn(longer bool, bytes, instructions int) {
	k := 0
	if longer {
		k = 1
	}
	r.bytes[k] = float64(bytes) / float64(instructions)
}

// chunk compiles the instructions [lo,hi).
func (c *straightCompiler) chunk(lo, hi int) error {
	c.Code = c.Code[:0]
	clear(c.constIDs)
	for _, x := range c.named.carried {
		c.Vals[x.value].Disp = c.slots[x.temp]
	}
	lanes := c.named.chained && c.findLanes(lo)
	if lanes {
		c.findScalarUsers(c.program.Code[lo:hi])
		if err := c.lowerLanes(lo); err != nil {
			return err
		}
	} else {
		for i := lo; i < hi; i++ {
			in, s := &c.program.Code[i], &c.named.ssa[i-lo]
			if !c.lower(in, s.dst, s.a, s.b, s.c) {
				return &ErrUnsupported{Op: in.Op, Type: in.Type, To: in.To, Instr: i}
			}
		}
	}
	end := int32(len(c.Code))
	for _, l := range c.named.lasting {
		c.Vals[l.value].Next = end
	}
	c.FindNextUses()
	longer, begin := lanes || c.choice.longer(), len(c.Buf)
	c.Files[isa.FileVector].All = c.Machine.Registers(c.Code, longer)
	c.ResetRegisters()
	c.MapWindows(hi - lo)
	c.Generate()
	if !lanes {
		c.choice.learn(longer, len(c.Buf)-begin, hi-lo)
	}
	c.choice.chunk++
	for _, l := range c.named.lasting {
		v := &c.Vals[l.value]
		if !v.Stored {
			if v.Reg == isa.NoRegister {
				panic("BUG: live temporary is nowhere")
			}
			c.Store(v)
		}
		for int(l.temp) >= len(c.slots) {
			c.slots = append(c.slots, 0)
		}
		c.slots[l.temp] = v.Disp
	}
	c.Machine.Leave(lanes)
	c.EmitStubs()
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
