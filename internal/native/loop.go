package native

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native/isa"
)

// LoopOptions are the options of CompileLoop.
type LoopOptions struct {
	// Level is the instruction set; 0 is the best there is. A level above it is an error.
	Level cpu.Level
	// Unroll is the number of vectors of an iteration, 0 for the compiler's choice; 1, 2 or 4.
	Unroll int
	// Overlaid lists by output the inputs in whose place it lies, element for element; nil if each may lie in the place of any.
	Overlaid [][]int
	// Rows asks for code that goes through rows by itself, for RunRows. It runs everything else as other code does, but takes longer to begin.
	Rows bool
	// Offsets is where arrays lie in memory that has all of them, for those that lie there in every run: code that has masks then addresses them all from one register. It has an entry for each input and output, Anywhere for
	// those of which that is not known; nil for none.
	Offsets []int64
}

// Anywhere is the offset of arrays that runs may put anywhere.
const Anywhere = math.MinInt64

// maxArrays bounds inputs plus outputs of a loop.
const maxArrays = 256

// loopCompiler is the state of CompileLoop.
type loopCompiler struct {
	lowering
	loop    *micro.Loop
	level   cpu.Level
	unroll  int
	adapt   bool        // unroll is for loops whose instructions do not wait for one another
	padded  bool        // the last elements are read and written where Run copies them to
	arrays  []loopArray // inputs, then outputs, as Run gets them; a reduction's result is not among them
	regType []dtype.DType
	accs    []int32 // accumulators
	reduced dtype.DType
	inputs  []RowInput // of code over rows; the first of arrays are then streams
	spans   []uint8    // of inputs
	absent  []bool     // inputs of which nothing is read between the edges
	outputs int        // where the outputs begin in arrays
	rowwise bool       // the code goes through rows of an ordinary loop
}

// loopArray is an input or output.
type loopArray struct {
	t      dtype.DType
	scalar bool  // one element for the whole loop
	slot   int32 // scalar: where its vector lies in the scratch block
}

func newLoopCompiler(l *micro.Loop, level cpu.Level) *loopCompiler {
	c := &loopCompiler{loop: l, level: level}
	c.Machine = architectureOf(level).machine(&c.Generator, level)
	return c
}

// CompileLoop compiles the innermost dimension of l: each input has stride 1 or 0 there (0 repeats one
// element), each output stride 1, and the result of a reduction stride 0. Other dimensions
// and the sizes are the caller's; Run gets base pointers and a length. An operation without
// a native form gives *ErrUnsupported.
func CompileLoop(l *micro.Loop, o LoopOptions) (*Loop, error) {
	av := detect()
	if !av.ok {
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, av.reason)
	}
	level := o.Level
	if level == 0 {
		level = av.level
	}
	if level > av.level || architectureOf(level) != host {
		return nil, fmt.Errorf("%w: %s on a processor or setting of %s", ErrUnavailable, level, av.level)
	}
	c, err := compileFor(l, level, o)
	if err != nil {
		return nil, err
	}
	pages, err := newCodePages(c.Buf)
	if err != nil {
		return nil, err
	}
	out := &Loop{pages: pages, consts: c.Consts.Sealed(), fixed: c.FixedBytes(), scratch: c.FixedBytes() + int(c.SlotTop),
		arrays: c.arrays, inputs: len(l.In), reduce: l.Reduce, step: int(c.Lanes) * c.unroll, level: level, unroll: c.unroll, overlaid: o.Overlaid, padded: c.padded, rowwise: c.rowwise}
	if l.Reduce != micro.NoReduce {
		out.reduceSize = c.reduced.Size()
	}
	if len(c.functions) == 0 && c.SlotTop == 0 {
		out.scratch = 0
	}
	return out, nil
}

// LoopCode is what CompileLoop makes for an instruction set, for a file rather than for this process. It is called as Loop.Listing says, with a table that has the pointers of the arrays, as many again to copies of
// their ends, and that of a reduction's results.
type LoopCode struct {
	Instructions []Instruction
	Constants    []byte
	Fixed, Slots int  // bytes of scratch memory before the address that the code is given, and from there on
	Step         int  // elements of an iteration
	Padded       bool // the last elements, which do not fill an iteration, are read and written where the ends are copied to
}

// Instruction is one of machine code.
type Instruction struct {
	Offset int
	Bytes  []byte
	Text   string
}

// CodeOfLoop returns the code for an instruction set, which this processor need not have.
func CodeOfLoop(l *micro.Loop, level cpu.Level) (*LoopCode, error) {
	c, err := compileFor(l, level, LoopOptions{})
	if err != nil {
		return nil, err
	}
	out := &LoopCode{Constants: c.Consts.Sealed(), Slots: int(c.SlotTop), Step: int(c.Lanes) * c.unroll, Padded: c.padded}
	if len(c.functions) > 0 {
		out.Fixed = c.FixedBytes()
	}
	for line := range strings.Lines(architectureOf(level).listing(c.Buf)) {
		fields := strings.Fields(line)
		offset, err := strconv.ParseInt(fields[0], 16, 64)
		if err != nil || len(fields) < 3 {
			panic("BUG: machine code that cannot be read: " + line)
		}
		out.Instructions = append(out.Instructions, Instruction{Offset: int(offset), Text: strings.Join(fields[2:], " ")})
	}
	for k := range out.Instructions {
		end := len(c.Buf)
		if k+1 < len(out.Instructions) {
			end = out.Instructions[k+1].Offset
		}
		out.Instructions[k].Bytes = c.Buf[out.Instructions[k].Offset:end]
	}
	return out, nil
}

// LoopText returns the text of that code, and the number of elements of an iteration.
func LoopText(l *micro.Loop, level cpu.Level) (text string, step int, err error) {
	c, err := compileFor(l, level, LoopOptions{})
	if err != nil {
		return "", 0, err
	}
	return architectureOf(level).listing(c.Buf), int(c.Lanes) * c.unroll, nil
}

// compileFor makes the code for an instruction set, whatever that of the options is.
func compileFor(l *micro.Loop, level cpu.Level, o LoopOptions) (*loopCompiler, error) {
	c := newLoopCompiler(l, level)
	if err := c.check(); err != nil {
		return nil, err
	}
	c.choose(o.Unroll)
	c.overlaid(o.Overlaid)
	if c.rowwise = o.Rows && l.Reduce == micro.NoReduce && !c.padded; !c.rowwise {
		c.near(o.Offsets)
	}
	return c, c.compile()
}

// overlaid notes for each array which others lie in its place.
func (c *loopCompiler) overlaid(list [][]int) {
	if list == nil {
		return
	}
	c.Overlaid = make([][]uint8, len(c.arrays))
	for k, inputs := range list[:len(c.arrays)-c.outputs] {
		for _, i := range inputs {
			c.Overlaid[c.outputs+k] = append(c.Overlaid[c.outputs+k], uint8(i))
		}
	}
}

// near notes where arrays lie from the first whose offset is known.
func (c *loopCompiler) near(offsets []int64) {
	first := slices.IndexFunc(offsets, func(at int64) bool { return at != Anywhere })
	if c.Mode != isa.ModeMasked || first < 0 {
		return
	}
	for _, at := range offsets[:len(c.arrays)] {
		by := int32(isa.Far)
		if d := at - offsets[first]; at != Anywhere && d > -mostNear && d < mostNear {
			by = int32(d)
		}
		c.ArrayNear = append(c.ArrayNear, by)
	}
}

// mostNear bounds distances in bytes, so that displacements reach.
const mostNear = 1 << 29

func innerStride(a micro.Access, dims int) int {
	if dims == 0 || len(a.Strides) == 0 {
		return 1
	}
	return a.Strides[len(a.Strides)-1]
}

// check verifies registers, types and strides, and fills arrays.
func (c *loopCompiler) check() error {
	l := c.loop
	if l.Flush && c.level == cpu.NEON {
		return fmt.Errorf("%w: arm64 finds before rounding whether a result is subnormal, and flushing is defined by the rounded one", ErrUnavailable)
	}
	first := len(l.In) + len(l.Consts)
	if l.Temps < 0 || l.Temps > 1<<20 || len(l.In)+len(l.Out) > maxArrays || len(l.OutRegs) != len(l.Out) {
		return fmt.Errorf("native: loop with %d inputs, %d outputs, %d output registers and %d temporaries", len(l.In), len(l.Out), len(l.OutRegs), l.Temps)
	}
	c.regType = make([]dtype.DType, first+l.Temps)
	for k, a := range l.In {
		if !a.Type.Valid() {
			return fmt.Errorf("native: input %d has type %s", k, a.Type)
		}
		s := innerStride(a, len(l.Dims))
		if s != 0 && s != 1 {
			return fmt.Errorf("native: input %d has stride %d", k, s)
		}
		c.regType[k] = a.Type
		c.arrays = append(c.arrays, loopArray{t: a.Type, scalar: s == 0})
	}
	for k, x := range l.Consts {
		if !x.Type.Valid() {
			return fmt.Errorf("native: constant %d has type %s", k, x.Type)
		}
		c.regType[len(l.In)+k] = x.Type
	}
	for i, in := range l.Code {
		if in.Op == micro.Invalid || int(in.Op) >= micro.Count || !in.Type.Valid() || in.Op == micro.Cast && !in.To.Valid() {
			return &ErrUnsupported{Op: in.Op, Type: in.Type, To: in.To, Instr: i}
		}
		ops := in.Operands()
		for k := 0; k < in.Op.Arity(); k++ {
			if int64(ops[k]) >= int64(len(c.regType)) || c.regType[ops[k]] != in.OperandType(k) {
				return fmt.Errorf("native: instruction %d (%s): operand %d is register %d, which holds no %s", i, in.Op, k, ops[k], in.OperandType(k))
			}
		}
		if int64(in.Dst) >= int64(len(c.regType)) || int(in.Dst) < first {
			return fmt.Errorf("native: instruction %d (%s): writes register %d", i, in.Op, in.Dst)
		}
		c.regType[in.Dst] = in.Result()
	}
	for k, r := range l.OutRegs {
		last := l.Reduce != micro.NoReduce && k == len(l.Out)-1
		if int64(r) >= int64(len(c.regType)) || c.regType[r] != l.Out[k].Type || !l.Out[k].Type.Valid() {
			return fmt.Errorf("native: output %d is register %d, which holds no %s", k, r, l.Out[k].Type)
		}
		if last {
			c.reduced = l.Out[k].Type
			if c.reduced == dtype.Bool || l.Reduce > micro.ReduceMin {
				return fmt.Errorf("native: reduction %d of %s", l.Reduce, c.reduced)
			}
			continue
		}
		if s := innerStride(l.Out[k], len(l.Dims)); s != 1 {
			return fmt.Errorf("native: output %d has stride %d", k, s)
		}
		c.arrays = append(c.arrays, loopArray{t: l.Out[k].Type})
	}
	c.outputs = len(l.In)
	if l.Reduce != micro.NoReduce && len(l.Out) == 0 {
		return fmt.Errorf("native: reduction without an output")
	}
	return nil
}

// choose sets mode, vector lengths and unrolling.
func (c *loopCompiler) choose(unroll int) {
	wide, narrow := false, false
	see := func(t dtype.DType) {
		switch t.Size() {
		case 8:
			wide = true
		case 4:
			narrow = true
		}
	}
	for _, a := range c.arrays {
		see(a.t)
	}
	for _, x := range c.loop.Consts {
		see(x.Type)
	}
	for _, in := range c.loop.Code {
		see(in.Type)
		see(in.Result())
		if in.Op == micro.Cast && in.Type == dtype.Float32 && in.To.IsInt() {
			wide = true // goes by way of float64
		}
	}
	mode, length := c.Machine.VectorCode()
	c.Mode, c.Len64, c.Len32, c.Lanes, c.SlotBytes = mode, length, length, 4<<length, 16<<length
	if wide {
		c.Lanes /= 2
		if narrow {
			c.Len32--
		}
	}
	c.unroll = unroll
	if c.unroll == 0 {
		c.unroll = 1
		if len(c.loop.Code) <= 4 {
			c.unroll = 2
		}
		if length == isa.Len128 { // short vectors
			c.unroll *= 2
		}
	}
	if n := c.accumulators(); c.unroll < n {
		c.unroll = n
	}
	c.adapt = unroll == 0
	c.padded = mode == isa.ModeVector && !(c.Machine.MasksInMemory() && !slices.ContainsFunc(c.arrays, func(a loopArray) bool { return a.t == dtype.Bool && !a.scalar }))
}

const (
	leastAdapted = 16   // low-level instructions from which on it matters whether they wait
	mostUnrolled = 4096 // bounds those of an iteration
	unrolledPace = 1.5  // about how many a cycle processors with many registers execute; more for short ones, but four vectors of long ones do not stay in registers
)

// adaptUnroll unrolls further where instructions wait for one another: the chains of several vectors run beside one another.
func (c *loopCompiler) adaptUnroll() error {
	least := c.unroll
	c.unroll = 1
	if err := c.lowerBody(); err != nil {
		return err
	}
	length, chain := len(c.Code), c.LongestChain()
	if c.unroll = least; length < leastAdapted {
		return nil
	}
	vectors := math.MaxInt32
	if d := c.loop.Dims; len(d) > 0 {
		vectors = (d[len(d)-1] + int(c.Lanes) - 1) / int(c.Lanes)
	}
	best := math.MaxFloat64
	most, pace := bits.OnesCount32(c.Files[isa.FileVector].All)/8, unrolledPace
	if c.ByUnits() {
		most, pace = 4, float64(isa.UnitPace)
	}
	for u := least; u <= max(least, most); u *= 2 {
		// A chain takes a third longer than its latencies: what is in it does not always come first.
		time := math.Ceil(float64(vectors)/float64(u)) * max(float64(u*length)/pace, float64(chain)*4/3)
		if u == least || time < 0.9*best && u*length <= mostUnrolled {
			best, c.unroll = time, u
		}
	}
	return nil
}

// begin prepares registers and the constant block.
func (c *loopCompiler) begin() {
	c.Consts = isa.NewConstants(max(16, int(c.SlotBytes)), 0)
	c.constIDs = map[constKey]int32{}
	c.Buf = make([]byte, 0, 4096)
	c.Files[isa.FileVector].All, c.Files[isa.FileMask].All = c.Machine.VectorFiles()
	c.Saved[isa.FileVector], c.Saved[isa.FileMask] = c.Files[isa.FileVector].All, c.Files[isa.FileMask].All
	bases := c.Machine.PointerRegisters()
	if c.ArrayNear != nil {
		c.BaseReg, bases = bases[0], bases[1:]
	}
	c.ArrayRegs = bases[:min(len(bases), len(c.arrays))]
	for k := range c.arrays {
		c.ArrayScale = append(c.ArrayScale, map[int]uint8{1: 0, 4: 2, 8: 3}[c.arrays[k].t.Size()])
		c.ArrayFixed = append(c.ArrayFixed, c.arrays[k].scalar)
	}
	c.reserveAccumulators()
	c.ResetRegisters()
	if c.loop.Flush {
		c.Machine.Flush(true)
	}
}

// end returns from the code and appends what lies behind it.
func (c *loopCompiler) end() {
	if c.loop.Flush {
		c.Machine.Flush(false)
	}
	c.Machine.Leave(true)
	c.Tail, c.shared, c.magnitudes, c.negative, c.copies = false, nil, nil, nil, nil
	c.EmitStubs()
	c.part = 0
	c.emitFunctions()
}

func (c *loopCompiler) compile() error {
	c.begin()
	c.Machine.StartArrays(0)
	row := len(c.Buf)
	c.broadcastScalars()
	if c.adapt {
		if err := c.adaptUnroll(); err != nil {
			return err
		}
	}
	switch {
	case c.rowwise:
		if err := c.emitRows(row); err != nil {
			return err
		}
	case c.loop.Reduce == micro.NoReduce:
		if err := c.all(isa.RegLeft); err != nil {
			return err
		}
	default:
		if err := c.emitBlocks(); err != nil {
			return err
		}
	}
	c.end()
	return nil
}

// What the table has behind the pointers of code that goes through rows: the bytes from row to row of each array, and behind these:
const (
	loopRows    = iota
	loopColumns // elements of a row
	loopEntries
)

// emitRows emits the loop over the elements of a row, and that over rows. Each row begins at top, where scalars are broadcast, which another row may find elsewhere.
func (c *loopCompiler) emitRows(top int) error {
	m, n := c.Machine, len(c.arrays)
	entry := func(k int) isa.Mem { return isa.At(isa.BaseArena, 8*int32(2*n+k)) }
	m.LoadReg(isa.RegLeft, entry(loopColumns))
	if err := c.iterations(isa.RegLeft); err != nil {
		return err
	}
	if err := c.rest(isa.RegLeft); err != nil {
		return err
	}
	c.nextRow(entry(loopRows), top)
	return nil
}

// nextRow goes on to the next row, whose code begins at top, while there are more: left holds their number, and the table has the bytes from row to row behind the pointers.
func (c *loopCompiler) nextRow(left isa.Mem, top int) {
	m, n := c.Machine, len(c.arrays)
	for k := range n {
		m.NextRow(k, isa.At(isa.BaseArena, 8*int32(n+k)))
	}
	m.LoadReg(isa.RegTemp, left)
	m.SubImm(isa.RegTemp, 1)
	m.StoreReg(left, isa.RegTemp)
	m.CmpImm(isa.RegTemp, 0)
	m.Patch(m.Jump(isa.CondNotEqual), top)
}

// broadcastScalars writes a vector of each scalar input to the scratch block.
func (c *loopCompiler) broadcastScalars() {
	for k := range c.arrays {
		a := &c.arrays[k]
		if !a.scalar {
			continue
		}
		a.slot = c.SlotBase + c.SlotTop
		c.SlotTop += c.SlotBytes
		c.Machine.Repeat(kindOf(a.t), c.Machine.ArrayOperand(uint8(k), 0), isa.At(isa.BaseScratch, a.slot))
	}
}

// beginCode empties the low-level code and makes the values of the accumulators.
func (c *loopCompiler) beginCode() {
	c.Vals, c.Code, c.accs = c.Vals[:0], c.Code[:0], c.accs[:0]
	clear(c.constIDs)
	c.shared, c.magnitudes, c.negative, c.copies = map[lowKey]int32{}, map[int32]int32{}, map[int32]bool{}, map[int32]int32{}
	c.ResetRegisters()
	for k := range c.accumulators() {
		v := c.NewValue(kindOf(c.reduced))
		c.Vals[v].Reg, c.Vals[v].Pinned = c.accRegister(k), true
		c.accs = append(c.accs, v)
	}
}

// finishCode allocates and emits.
func (c *loopCompiler) finishCode() {
	c.FindNextUses()
	c.Generate()
}

// pairedCode is the length of a loop up to which two vectors are loaded and stored at once where the processor can: others do not wait for memory.
const pairedCode = 8

// emitBody emits one iteration.
func (c *loopCompiler) emitBody() error {
	if err := c.lowerBody(); err != nil {
		return err
	}
	if !c.pairs() {
		c.Schedule()
	}
	c.finishCode()
	return nil
}

// pairs reports whether two vectors are loaded and stored at once.
func (c *loopCompiler) pairs() bool {
	return c.Machine.Pairs() && c.unroll%2 == 0 && len(c.loop.Code) <= pairedCode
}

// lowerBody makes the low-level code of one iteration.
func (c *loopCompiler) lowerBody() error {
	c.beginCode()
	l := c.loop
	pairs := c.pairs()
	var stores []isa.Instr
	c.Behind = map[isa.ArrayPart]int32{}
	for part := range c.unroll {
		c.part = uint8(part)
		first := len(c.Code)
		regs := make([]int32, len(c.regType))
		for k := range l.In {
			if c.inputs != nil {
				regs[k] = c.rowInput(k, part)
				continue
			}
			a := &c.arrays[k]
			if a.scalar && part > 0 {
				continue
			}
			v := c.NewValue(kindOf(a.t))
			val := &c.Vals[v]
			val.Stored = true
			if a.scalar {
				val.Home, val.Disp = isa.SpaceFixed, a.slot
			} else {
				val.Home, val.Array, val.Part = isa.SpaceArray, uint8(k), uint8(part)
				val.Disp = int32(part) * int32(c.Lanes) * int32(a.t.Size())
				if pairs && part%2 == 1 && int(c.Lanes)*a.t.Size() == 16 {
					c.Behind[isa.ArrayPart{Array: uint8(k), Part: c.part - 1}] = v
				}
			}
			regs[k] = v
		}
		if part > 0 && c.inputs == nil {
			for k := range l.In {
				if c.arrays[k].scalar {
					regs[k] = c.scalarValue(k)
				}
			}
		}
		for k, x := range l.Consts {
			bits := x.Bits
			switch x.Type.Size() {
			case 1:
				if bits &= 1; bits != 0 {
					bits = ^uint64(0)
				}
			case 4:
				bits &= 0xFFFFFFFF
			}
			regs[len(l.In)+k] = c.constant(bits, kindOf(x.Type))
		}
		for i := range l.Code {
			in := &l.Code[i]
			var v [3]int32
			ops := in.Operands()
			for k := range v {
				v[k] = isa.None
				if k < in.Op.Arity() {
					v[k] = regs[ops[k]]
				}
			}
			if x := c.nothingOr(in, v[0], v[1]); x != isa.None {
				regs[in.Dst] = x
				continue
			}
			dst := c.NewValue(kindOf(in.Result()))
			c.unit = int32(part)*c.units() + int32(i)
			if !c.lower(in, dst, v[0], v[1], v[2]) {
				return &ErrUnsupported{Op: in.Op, Type: in.Type, To: in.To, Instr: i}
			}
			regs[in.Dst] = dst
		}
		c.unit = int32(part)*c.units() + int32(len(l.Code))
		outs := len(l.Out)
		if l.Reduce != micro.NoReduce {
			outs--
			c.accumulate(part, regs[l.OutRegs[outs]])
		}
		// An output may lie in an input's place: all inputs are read before the first store.
		for _, r := range l.OutRegs[:outs] {
			if val := &c.Vals[regs[r]]; val.Home == isa.SpaceArray && outs > 1 {
				t := elemOf(c.regType[r])
				kind := val.Kind
				regs[r] = c.put(isa.Mov, t, 0, isa.None, kind, regs[r], isa.None, isa.None)
			}
		}
		for k, r := range l.OutRegs[:outs] {
			disp := int32(part) * int32(c.Lanes) * int32(l.Out[k].Type.Size())
			stores = append(stores, isa.Instr{Op: isa.Store, Type: elemOf(l.Out[k].Type), Imm: uint8(c.outputs + k), Dst: isa.None, A: regs[r], B: isa.None, C: isa.None,
				Extra: disp, Part: c.part, Unit: c.unit})
		}
		switch {
		case c.Overlaid != nil && !pairs:
			c.storeEarly(first, stores)
			stores = stores[:0]
		case !pairs || part%2 == 1:
			slices.SortStableFunc(stores, func(a, b isa.Instr) int { return cmp.Compare(a.Imm, b.Imm) })
			c.Code = append(c.Code, stores...)
			stores = stores[:0]
		}
	}
	c.DropUnread()
	c.joinFixes()
	return nil
}

// storeEarly puts stores among the code from first on, each behind the instruction that makes what it stores; those to the place of an input come last.
func (c *loopCompiler) storeEarly(first int, stores []isa.Instr) {
	code := slices.Clone(c.Code[first:])
	made := map[int32]int{}
	for i, in := range code {
		made[in.Dst] = i
	}
	behind := map[int][]isa.Instr{}
	for _, s := range stores {
		i, ok := made[s.A]
		if len(c.Overlaid[s.Imm]) > 0 || !ok {
			i = len(code) - 1
		}
		if i >= 0 {
			s.Unit = code[i].Unit
		}
		behind[i] = append(behind[i], s)
	}
	c.Code = append(c.Code[:first], behind[-1]...)
	for i, in := range code {
		c.Code = append(append(c.Code, in), behind[i]...)
	}
}

// scalarValue returns the value of scalar input k, made by the first part.
func (c *loopCompiler) scalarValue(k int) int32 {
	for v := range c.Vals {
		if c.Vals[v].Home == isa.SpaceFixed && c.Vals[v].Disp == c.arrays[k].slot {
			return int32(v)
		}
	}
	panic("BUG: scalar input without a value")
}

// iterations emits: while left ≥ step { body }; left then holds what remains.
func (c *loopCompiler) iterations(left uint8) error {
	step := int32(c.Lanes) * int32(c.unroll)
	c.Machine.SubImm(left, step)
	out := c.Machine.Jump(isa.CondLess)
	c.Machine.Align(32)
	top := len(c.Buf)
	if err := c.emitBody(); err != nil {
		return err
	}
	c.Machine.NextElements(step)
	c.Machine.SubImm(left, step)
	c.Machine.JumpBack(isa.CondGreaterEqual, top)
	c.Machine.Patch(out, len(c.Buf))
	c.Machine.AddImm(left, step)
	return nil
}

// rest emits the code for the elements that do not fill an iteration, and leaves index and
// base registers as they were.
func (c *loopCompiler) rest(left uint8) error {
	c.Machine.CmpImm(left, 0)
	skip := c.Machine.Jump(isa.CondEqual)
	c.Tail = true
	vector := c.Files[isa.FileVector].All
	masks := c.Files[isa.FileMask].All
	c.setTailMasks(left)
	switch {
	case c.padded:
		// Run has copied the last elements to padded buffers.
		c.Machine.StartArrays(8 * int32(len(c.arrays)))
	case c.Mode == isa.ModeVector:
		c.Machine.Clear(isa.RegTemp)
		c.Machine.SubReg(isa.RegTemp, left)
		c.Machine.MoveReg(left, isa.RegTemp)
		c.TailLeft, c.TailTable = left, c.placeTailMasks()
	}
	err := c.emitBody()
	c.Tail, c.TailTable = false, nil
	c.Files[isa.FileVector].All, c.Files[isa.FileMask].All = vector, masks
	c.Machine.Patch(skip, len(c.Buf))
	return err
}

// A loop of a few iterations is short if the last one is not full, and its code is long: then the code for the elements that do not fill an iteration is that of all. Instructions that are executed once a run are
// as many to fetch and to decode as they are long, and what a step of a loop around consists of should fit the processor's caches of decoded instructions.
const (
	shortLoop = 4
	shortCode = 64 // instructions of the loop from which on it is long
)

// short reports whether all iterations are done under masks.
func (c *loopCompiler) short() bool {
	step, d := int(c.Lanes)*c.unroll, c.loop.Dims
	return c.Mode == isa.ModeMasked && len(c.loop.Code) >= shortCode && len(d) > 0 && d[len(d)-1] < shortLoop*step && d[len(d)-1]%step != 0
}

// masked emits: do { body of the elements that are left, of one iteration at most } while there are more.
func (c *loopCompiler) masked(left uint8) error {
	step := int32(c.Lanes) * int32(c.unroll)
	m := c.Machine
	m.Align(32)
	top := len(c.Buf)
	m.MoveReg(isa.RegTemp, left)
	m.CmpImm(isa.RegTemp, step)
	few := m.Jump(isa.CondLessOrEqual)
	m.Clear(isa.RegTemp)
	m.AddImm(isa.RegTemp, step)
	m.Patch(few, len(c.Buf))
	c.Tail = true
	masks := c.Files[isa.FileMask].All
	c.setTailMasks(isa.RegTemp)
	if err := c.emitBody(); err != nil {
		return err
	}
	c.Tail = false
	c.Files[isa.FileMask].All = masks
	m.NextElements(step)
	m.SubImm(left, step)
	m.JumpBack(isa.CondGreater, top)
	return nil
}

// all emits the iterations over what is left, which is not nothing.
func (c *loopCompiler) all(left uint8) error {
	if c.short() {
		return c.masked(left)
	}
	if err := c.iterations(left); err != nil {
		return err
	}
	return c.rest(left)
}

// setTailMasks makes a mask for each part of the elements left: a register of masks where there are such, else a vector for
// the accumulators.
func (c *loopCompiler) setTailMasks(left uint8) {
	total := int(c.Lanes) * c.unroll
	if c.Mode == isa.ModeMasked {
		scale := uint8(1) // an entry of the table has two bytes a part
		for n := 1; n < c.unroll; n *= 2 {
			scale++
		}
		var table []uint64
		for n := range total + 1 {
			for part := range 1 << (scale - 1) {
				in := min(max(n-part*int(c.Lanes), 0), int(c.Lanes))
				table = append(table, 1<<in-1)
			}
		}
		disp := c.Consts.PlaceWords(table)
		for part := range c.unroll {
			k := 7 - uint8(part)
			c.Files[isa.FileMask].All &^= 1 << k
			c.TailMasks[part] = k
			c.Machine.LoadMask(k, isa.Mem{Base: isa.BaseConst, Index: left, Scale: scale, Disp: disp + 2*int32(part)})
		}
		return
	}
	n := c.accumulators()
	if n == 0 {
		return
	}
	size := int32(c.reduced.Size())
	disp := c.placeTailMask(size)
	for part := range c.unroll {
		r := c.accRegister(n + part)
		c.Files[isa.FileVector].All &^= 1 << r
		c.TailMasks[part] = r
		c.Machine.TailMask(kindOf(c.reduced), r, left, total+part*int(c.Lanes), size, disp)
	}
}

// placeTailMask places the masks of as many elements as an iteration has, and of as many more without.
func (c *loopCompiler) placeTailMask(size int32) int32 {
	total := int(c.Lanes) * c.unroll
	var table []uint64
	for k := range 2 * total {
		x := uint64(0)
		if k < total {
			x = ^uint64(0)
		}
		table = append(table, x)
	}
	return c.Consts.PlaceTable(table, int(size))
}

// placeTailMasks returns a TailTable.
func (c *loopCompiler) placeTailMasks() map[isa.Kind]int32 {
	total := int32(c.Lanes) * int32(c.unroll)
	return map[isa.Kind]int32{isa.Kind64: c.placeTailMask(8) + 8*total, isa.Kind32: c.placeTailMask(4) + 4*total}
}

// emitBlocks emits the loop over the blocks of a reduction.
func (c *loopCompiler) emitBlocks() error {
	result := int32(len(c.arrays)) // behind both sets of pointers
	m := c.Machine
	m.LoadReg(isa.RegResult, isa.At(isa.BaseArena, 8*2*result))
	top := len(c.Buf)
	m.MoveReg(isa.RegInner, isa.RegLeft)
	m.CmpImm(isa.RegInner, micro.BlockLanes)
	short := m.Jump(isa.CondLessOrEqual)
	m.Clear(isa.RegInner)
	m.AddImm(isa.RegInner, micro.BlockLanes)
	m.Patch(short, len(c.Buf))
	m.SubReg(isa.RegLeft, isa.RegInner)
	c.startAccumulators()
	if err := c.all(isa.RegInner); err != nil {
		return err
	}
	c.emitFold()
	m.AddImm(isa.RegResult, int32(c.reduced.Size()))
	m.CmpImm(isa.RegLeft, 0)
	m.JumpBack(isa.CondGreater, top)
	return nil
}
