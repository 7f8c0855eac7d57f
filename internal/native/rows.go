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

// RowInput says where code over rows finds an input. Inputs whose rows lie at a constant distance share a stream, that is a pointer that goes on from row to row.
type RowInput struct {
	Stream int
	Shift  int  // where column 0 lies behind the stream's pointer, in elements
	Repeat bool // one element for the whole row
	Lo, Hi int  // the columns that are read; the others are 0
}

// Rows is the machine code of a loop over rows, which reads windows of arrays: vectors that lie within the columns of all inputs are loaded as they are, those at the edges
// under masks. It may be run by several goroutines at once.
type Rows struct {
	pages   *codePages
	consts  []byte
	fixed   int // bytes of scratch before the spill slots
	scratch int
	streams int
	arrays  []loopArray // streams, then outputs; scalar are those of inputs that repeat an element
	columns int
	lanes   int // elements of a vector
	first   int // vectors at the left edge
	last    int // and at the right one begin with this number
	vectors int // of a row
	masks   []byte
	edge    int // bytes of the masks of a vector at an edge
}

// RowWork is what a run of Rows needs besides the code. No two runs may use it at once.
type RowWork struct {
	table   []uintptr // pointers of streams and outputs, their steps in bytes, then what the constants below name
	scratch []byte
}

// The entries of the table behind pointers and steps.
const (
	rowCount    = iota
	rowLeft     // vectors at the left edge
	rowInterior // vectors between the edges
	rowRight
	rowLeftMasks // addresses
	rowRightMasks
	rowEntries
)

// CompileRows compiles a loop without a reduction for rows of so many columns. Of l it takes the code, the constants and the types; inputs say where operands lie, and streams is the
// number of their pointers; the inputs of one stream repeat an element all or none. Arrays of bool are not supported.
func CompileRows(l *micro.Loop, columns, streams int, inputs []RowInput) (*Rows, error) {
	av := detect()
	if !av.ok {
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, av.reason)
	}
	line := *l
	line.Dims = []int{columns}
	line.In, line.Out = make([]micro.Access, len(l.In)), make([]micro.Access, len(l.Out))
	for k, a := range l.In {
		line.In[k] = micro.Access{Type: a.Type, Strides: []int{1}}
	}
	for k, a := range l.Out {
		line.Out[k] = micro.Access{Type: a.Type, Strides: []int{1}}
	}
	c := newLoopCompiler(&line, av.level)
	if err := c.check(); err != nil {
		return nil, err
	}
	arrays := make([]loopArray, streams, streams+len(l.Out))
	for k, a := range l.In {
		arrays[inputs[k].Stream] = loopArray{t: a.Type, scalar: inputs[k].Repeat}
	}
	arrays = append(arrays, c.arrays[len(l.In):]...)
	for _, a := range arrays {
		if a.t == dtype.Bool {
			return nil, fmt.Errorf("native: rows of bool")
		}
	}
	c.arrays, c.inputs, c.outputs = arrays, inputs, streams
	c.choose(1)
	out := &Rows{streams: streams, arrays: arrays, columns: columns, lanes: int(c.Lanes)}
	c.Rest = uint8(columns % int(c.Lanes))
	spans := c.cut(out)
	if err := c.compileRows(spans); err != nil {
		return nil, err
	}
	pages, err := newCodePages(c.Buf)
	if err != nil {
		return nil, err
	}
	out.pages, out.consts = pages, c.Consts.Sealed()
	out.fixed = c.FixedBytes()
	out.scratch = out.fixed + int(c.SlotTop)
	return out, nil
}

// cut finds the edges and makes their masks. Between them each input is read as it is in the middle of the row: everywhere or nowhere. It returns the span of each input, where 0 is the whole row.
func (c *loopCompiler) cut(r *Rows) (spans []uint8) {
	list := [][2]int{{0, r.columns}}
	number := map[[2]int]uint8{list[0]: 0}
	spans, c.absent = make([]uint8, len(c.inputs)), make([]bool, len(c.inputs))
	lo, hi, middle := 0, r.columns, r.columns/2
	for k, in := range c.inputs {
		key := [2]int{in.Lo, in.Hi}
		if _, ok := number[key]; !ok {
			number[key] = uint8(len(list))
			list = append(list, key)
		}
		spans[k] = number[key]
		switch {
		case in.Lo <= middle && middle < in.Hi:
			lo, hi = max(lo, in.Lo), min(hi, in.Hi)
			continue
		case in.Lo < in.Hi && in.Hi <= middle:
			lo = max(lo, in.Hi)
		case in.Lo < in.Hi:
			hi = min(hi, in.Lo)
		}
		c.absent[k] = true
	}
	r.vectors = (r.columns + r.lanes - 1) / r.lanes
	r.first = min((lo+r.lanes-1)/r.lanes, r.vectors)
	r.last = max(hi/r.lanes, r.first)
	for v := range r.vectors {
		if v >= r.first && v < r.last {
			continue
		}
		start := len(r.masks)
		for _, s := range list {
			r.masks = c.Machine.AppendSpan(r.masks, s[0]-v*r.lanes, s[1]-v*r.lanes)
		}
		r.edge = len(r.masks) - start
	}
	c.MaskBytes = int32(r.edge / len(list))
	return spans
}

// nothingOr returns the operand of a bitwise or whose other one is an input of which nothing is read, isa.None if there is none.
func (c *loopCompiler) nothingOr(in *micro.Instr, a, b int32) int32 {
	if c.inputs == nil || in.Op != micro.BitwiseOr {
		return isa.None
	}
	switch c.constant(0, kindOf(in.Type)) {
	case a:
		return b
	case b:
		return a
	}
	return isa.None
}

// rowInput makes the value of input k.
func (c *loopCompiler) rowInput(k, part int) int32 {
	in := &c.inputs[k]
	t := c.arrays[in.Stream].t
	if !c.Edge && c.absent[k] {
		return c.constant(0, kindOf(t))
	}
	v := c.NewValue(kindOf(t))
	val := &c.Vals[v]
	val.Stored, val.Home, val.Array, val.Part, val.Repeat, val.Span = true, isa.SpaceArray, uint8(in.Stream), uint8(part), in.Repeat, c.spans[k]
	val.Reads = uint8(min(max(in.Hi-in.Lo, 0), 255))
	val.Disp = int32(in.Shift * t.Size())
	if !in.Repeat {
		val.Disp += int32(part) * int32(c.Lanes) * int32(t.Size())
	}
	return v
}

// compileRows emits the loop over rows, in each of which vectors at the left edge, between the edges and at the right one follow one another.
func (c *loopCompiler) compileRows(spans []uint8) error {
	c.spans = spans
	m := c.Machine
	all := uint8(0)
	for _, s := range spans {
		all = max(all, s)
	}
	n := len(c.arrays)
	entry := func(k int) isa.Mem { return isa.At(isa.BaseArena, 8*int32(2*n+k)) }
	c.begin()
	m.StartArrays(0)
	top := len(c.Buf)
	m.LoadReg(isa.RegSpans, entry(rowLeftMasks))
	m.LoadReg(isa.RegLeft, entry(rowLeft))
	m.Clear(isa.RegPhase)
	edge := len(c.Buf)
	m.CmpImm(isa.RegLeft, 0)
	none := m.Jump(isa.CondEqual)
	m.Align(32)
	vector := len(c.Buf)
	if err := c.edgeBody(); err != nil {
		return err
	}
	m.NextElements(int32(c.Lanes))
	m.AddImm(isa.RegSpans, c.MaskBytes*int32(all+1))
	m.SubImm(isa.RegLeft, 1)
	m.Patch(m.Jump(isa.CondNotEqual), vector)
	m.Patch(none, len(c.Buf))
	m.CmpImm(isa.RegPhase, 0)
	done := m.Jump(isa.CondNotEqual)
	m.AddImm(isa.RegPhase, 1)
	m.LoadReg(isa.RegLeft, entry(rowInterior))
	m.CmpImm(isa.RegLeft, 0)
	empty := m.Jump(isa.CondEqual)
	m.Align(32)
	vector = len(c.Buf)
	if err := c.emitBody(); err != nil {
		return err
	}
	m.NextElements(int32(c.Lanes))
	m.SubImm(isa.RegLeft, 1)
	m.Patch(m.Jump(isa.CondNotEqual), vector)
	m.Patch(empty, len(c.Buf))
	m.LoadReg(isa.RegSpans, entry(rowRightMasks))
	m.LoadReg(isa.RegLeft, entry(rowRight))
	m.Patch(m.JumpAlways(), edge)
	m.Patch(done, len(c.Buf))
	c.nextRow(entry(rowCount), top)
	c.end()
	return nil
}

// edgeBody emits the code of a vector at an edge.
func (c *loopCompiler) edgeBody() error {
	masks := c.Files[isa.FileMask].All
	const whole = 7
	c.Tail, c.Edge = true, true
	if c.Mode == isa.ModeMasked {
		c.Files[isa.FileMask].All &^= 1<<whole | 1<<isa.SpanMask
		c.TailMasks[0] = whole
		c.Machine.LoadMask(whole, isa.At(isa.RegSpans, 0))
	}
	err := c.emitBody()
	c.Tail, c.Edge = false, false
	c.Files[isa.FileMask].All = masks
	return err
}

// NewWork returns the memory for runs of the code.
func (r *Rows) NewWork() *RowWork {
	return &RowWork{table: cpu.Apart[uintptr](2*len(r.arrays) + rowEntries), scratch: make([]byte, r.scratch+2*64)}
}

// Vectors returns how many vectors a row is cut into, each of which but the last has the same number of elements.
func (r *Rows) Vectors() (n, elements int) { return r.vectors, r.lanes }

// Run computes the vectors [from, to) of so many rows. Addresses and steps, in bytes from row to row, are those of the streams and then of the outputs at column 0; an address may lie
// outside of its array, whose elements alone are read. The caller keeps the arrays alive.
func (r *Rows) Run(from, to, rows int, addresses []uintptr, steps []int, w *RowWork) {
	n := len(r.arrays)
	if len(addresses) != n || len(steps) != n || from < 0 || to > r.vectors {
		panic("BUG: rows of a native loop with the wrong arrays")
	}
	if rows <= 0 || from >= to {
		return
	}
	t := w.table
	copy(t, addresses)
	for k, s := range steps {
		t[n+k] = uintptr(s)
		if a := &r.arrays[k]; !a.scalar {
			t[k] += uintptr(from * r.lanes * a.t.Size())
		}
	}
	left, interior := min(to, r.first)-from, min(to, r.last)-max(from, r.first)
	right := to - max(from, r.last)
	left, interior, right = max(left, 0), max(interior, 0), max(right, 0)
	t[2*n+rowCount] = uintptr(rows)
	t[2*n+rowLeft], t[2*n+rowInterior], t[2*n+rowRight] = uintptr(left), uintptr(interior), uintptr(right)
	t[2*n+rowLeftMasks] = r.maskAddress(from)
	t[2*n+rowRightMasks] = r.maskAddress(max(from-(r.last-r.first), r.first))
	callLoop(unsafe.Pointer(&r.pages.code[0]), unsafe.Pointer(&t[0]), unsafe.Pointer(&r.consts[0]), unsafe.Pointer(&w.scratch[r.fixed]), 0)
	runtime.KeepAlive(r)
	runtime.KeepAlive(w)
}

// maskAddress is where the masks of a vector at an edge lie, counted without those between the edges.
func (r *Rows) maskAddress(edge int) uintptr {
	if len(r.masks) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&r.masks[0])) + uintptr(r.edge*edge)
}

// CodeBytes returns the size of the machine code.
func (r *Rows) CodeBytes() int { return len(r.pages.code) }

// Listing returns the code as text, as that of a Loop.
func (r *Rows) Listing() string { return r.pages.listing() }

// Close frees the code at once.
func (r *Rows) Close() { r.pages.close() }
