package native

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// Steps is the machine code of a loop around a micro.Straight: in each step elements of arrays are loaded into the arena, the code runs, and values of the
// arena are stored to arrays and moved to where the next step expects them.
type Steps struct {
	*Straight
	entry int // offset of the loop
	loop  StepLoop
}

// StepCopy copies element t of an array to the arena, or from it.
type StepCopy struct {
	Array int   // index into the pointers that Run gets
	At    int64 // offset in the arena
	Bytes int   // of an element, 4 or 8
}

// StepMove copies within the arena; with the flags from or to temporary memory.
type StepMove struct {
	Dst, Src         int64
	DstTemp, SrcTemp bool
	Bytes            int // 4 or 8
}

// StepLoop says what is done around the code, in this order.
type StepLoop struct {
	Arrays  int
	Loads   []StepCopy
	Stores  []StepCopy
	Moves   []StepMove // one after the other
	Reverse bool       // steps count down
	// Test ends the loop behind the stores of the step that makes the bool at TestAt in the arena false.
	Test   bool
	TestAt int64
}

// maxTemp bounds the temporary memory and the table of pointers, so that displacements reach them.
const maxTemp = 1 << 30

// CompileSteps compiles the loop. Code of more than DefaultChunk instructions is an error, as machine code cannot be preempted; for the other errors see
// CompileStraight.
func CompileSteps(s *micro.Straight, l *StepLoop, o StraightOptions) (*Steps, error) {
	if len(s.Code) > DefaultChunk || l.Arrays > maxTemp/8 {
		return nil, fmt.Errorf("native: a loop around %d instructions with %d arrays", len(s.Code), l.Arrays)
	}
	inArena := func(at int64, bytes int) bool { return at >= 0 && at <= int64(o.ArenaBytes-bytes) }
	for _, list := range [2][]StepCopy{l.Loads, l.Stores} {
		for _, c := range list {
			if c.Array < 0 || c.Array >= l.Arrays || c.Bytes != 4 && c.Bytes != 8 || !inArena(c.At, c.Bytes) {
				return nil, fmt.Errorf("native: a step copies %d bytes at %d", c.Bytes, c.At)
			}
		}
	}
	if l.Test && !inArena(l.TestAt, 1) {
		return nil, fmt.Errorf("native: a step tests a byte at %d", l.TestAt)
	}
	x := &Steps{loop: *l}
	for _, m := range l.Moves {
		ok := func(at int64, temp bool) bool {
			return temp && at >= 0 && at < maxTemp || !temp && inArena(at, m.Bytes)
		}
		if m.Bytes != 4 && m.Bytes != 8 || !ok(m.Dst, m.DstTemp) || !ok(m.Src, m.SrcTemp) {
			return nil, fmt.Errorf("native: a step moves %d bytes from %d to %d", m.Bytes, m.Src, m.Dst)
		}
	}
	o.Chunk = DefaultChunk
	var err error
	x.Straight, err = compileStraight(s, o, func(c *straightCompiler) { x.entry = c.loop(l) })
	if err != nil {
		return nil, err
	}
	return x, nil
}

// stepPlace is a place that a loop copies from or to.
type stepPlace struct {
	array int // −1 for the arena, or l.Arrays for temporary memory
	at    int64
}

// loop appends the loop and returns where it begins.
func (c *straightCompiler) loop(l *StepLoop) int {
	c.Machine.Align(16)
	top := len(c.Buf)
	b := batch{c: c, arrays: l.Arrays}
	arena := func(at int64) stepPlace { return stepPlace{-1, at} }
	place := func(at int64, temp bool) stepPlace {
		if temp {
			return stepPlace{l.Arrays, at}
		}
		return arena(at)
	}
	for _, p := range l.Loads {
		b.copy(arena(p.At), stepPlace{array: p.Array}, p.Bytes)
	}
	b.flush()
	c.Machine.CallBody(0)
	for _, p := range l.Stores {
		b.copy(stepPlace{array: p.Array}, arena(p.At), p.Bytes)
	}
	exit := 0
	if l.Test {
		b.flush()
		exit = c.Machine.JumpIfFalse(isa.At(isa.BaseArena, int32(l.TestAt)-c.Bias))
	}
	for _, m := range l.Moves {
		b.copy(place(m.Dst, m.DstTemp), place(m.Src, m.SrcTemp), m.Bytes)
	}
	b.flush()
	step := int32(1)
	if l.Reverse {
		step = -1
	}
	c.Machine.NextStep(step, top)
	if l.Test {
		c.Machine.Patch(exit, len(c.Buf))
	}
	c.Machine.Leave(false)
	return top
}

// batch collects copies whose sources are all loaded before the first is stored, as far as registers reach.
type batch struct {
	c       *straightCompiler
	arrays  int
	sources []batchSource // by register
	stores  []batchStore
}

type batchSource struct {
	from  stepPlace
	bytes int
}

type batchStore struct {
	to       stepPlace
	register uint8
	bytes    int
}

func (b *batch) copy(dst, src stepPlace, bytes int) {
	if slices.ContainsFunc(b.stores, func(s batchStore) bool { return s.to == src }) {
		b.flush()
	}
	k := slices.Index(b.sources, batchSource{src, bytes})
	if k < 0 {
		if len(b.sources) == 16 {
			b.flush()
		}
		k = len(b.sources)
		b.sources = append(b.sources, batchSource{src, bytes})
		b.c.Machine.LoadFrom(kindOfBytes(bytes), b.address(src, bytes), uint8(k))
	}
	b.stores = append(b.stores, batchStore{dst, uint8(k), bytes})
}

func (b *batch) flush() {
	for _, s := range b.stores {
		b.c.Machine.StoreAt(kindOfBytes(s.bytes), isa.SpaceFixed, s.register, b.address(s.to, s.bytes))
	}
	b.sources, b.stores = b.sources[:0], b.stores[:0]
}

// address makes the memory operand of a place.
func (b *batch) address(p stepPlace, bytes int) isa.Mem {
	if p.array < 0 {
		return isa.At(isa.BaseArena, int32(p.at)-b.c.Bias)
	}
	r := b.c.Machine.ArrayPointer(p.array)
	if p.array == b.arrays {
		return isa.At(r, int32(p.at))
	}
	return isa.Mem{Base: r, Index: isa.RegStep, Scale: uint8(bits.TrailingZeros(uint(bytes)))}
}

func kindOfBytes(n int) isa.Kind {
	if n == 4 {
		return isa.Kind32
	}
	return isa.Kind64
}

// Run makes the steps from, from+1 … to−1, or with Reverse from, from−1 … to+1; there must be one at least, and no more than take some 20 µs. It returns to, or the step
// that made the test false. The table holds
// the pointers of the arrays, each of which has the elements of the steps, and then that of the temporary memory. For the rest see Straight.Run.
func (x *Steps) Run(arena unsafe.Pointer, arenaBytes int, scratch []byte, table []unsafe.Pointer, from, to int) (end int) {
	if arenaBytes < x.arenaBytes || len(table) != x.loop.Arrays+1 || from == to {
		panic("BUG: a native loop is run over other memory than it was made for")
	}
	raceArena(arena, x.arenaBytes)
	x.raceArrays(table, from, to)
	var block [scratchBytes]byte
	slots := unsafe.Pointer(&block[0])
	if x.scratch != 0 {
		if x.ScratchBytes() == 0 {
			scratch = block[:]
		}
		slots = x.slotsIn(scratch)
	}
	end = callSteps(unsafe.Pointer(&x.pages.code[x.entry]), arena, unsafe.Pointer(&x.consts[0]), slots, unsafe.Pointer(&table[0]), from, to)
	runtime.KeepAlive(x.pages)
	runtime.KeepAlive(table)
	return end
}

// raceArrays tells the race detector what the run reads and writes.
func (x *Steps) raceArrays(table []unsafe.Pointer, from, to int) {
	if from > to {
		from, to = to+1, from+1
	}
	for _, c := range x.loop.Loads {
		raceRead(unsafe.Add(table[c.Array], from*c.Bytes), (to-from)*c.Bytes)
	}
	for _, c := range x.loop.Stores {
		raceArena(unsafe.Add(table[c.Array], from*c.Bytes), (to-from)*c.Bytes)
	}
}

// Listing is Straight.Listing, with the loop behind the code: register 14 is the table of pointers and 15 the step.
func (x *Steps) Listing() string { return x.Straight.Listing() }

// StepsMemory is StraightMemory for the loop around s.
func StepsMemory(s *micro.Straight, l *StepLoop, arenaBytes int64) (code, making int64) {
	const copyCode = 32
	code, making = StraightMemory(s, arenaBytes)
	more := copyCode * int64(len(l.Loads)+len(l.Stores)+len(l.Moves))
	return code + more + 8*int64(l.Arrays), making + bufferMaking*more + 64*int64(len(l.Loads)+len(l.Stores)+len(l.Moves))
}
