package vm

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// maxRegisters bounds a loop's registers, each of which takes a block of memory in a machine, and its outputs.
const maxRegisters = 4096

// checkInstr checks the operation's definedness for the dtypes.
func checkInstr(c micro.Instr) error {
	info := c.Op.Info()
	if info.Name == "" {
		return fmt.Errorf("undefined micro-operation %d", c.Op)
	}
	ok := info.Float && c.Type.IsFloat() || info.Int && c.Type.IsInt() || info.Logic && c.Type == dtype.Bool
	if !ok {
		return fmt.Errorf("%v is not defined for %v", c.Op, c.Type)
	}
	if c.Op == micro.Cast && !c.To.Valid() || c.Op != micro.Cast && c.To != dtype.Invalid {
		return fmt.Errorf("%v has the result dtype %v", c.Op, c.To)
	}
	if n := info.Arity; n < 3 && c.C != 0 || n < 2 && c.B != 0 {
		return fmt.Errorf("%v has more than %d operands", c.Op, n)
	}
	return nil
}

// State of a cell within one program of scalar code.
const (
	cellClass   = 3      // mask of the size: 0 not touched
	cell1       = 1      // one byte
	cell4       = 2      // four bytes
	cell8       = 3      // eight bytes, with the next cell
	cellTail    = 1 << 2 // second half of eight bytes
	cellWritten = 1 << 3
	cellRead    = 1 << 4 // read before it was written
	cellDType   = 5      // shift of the dtype of the last write
)

func classOfCell(d dtype.DType) uint8 {
	switch d.Size() {
	case 8:
		return cell8
	case 4:
		return cell4
	}
	return cell1
}

// cellMap holds the states of the cells that a program touches: in a slice if they lie close together, else in
// pages, so that memory grows with the program and not with the arena.
type cellMap struct {
	base  uint32
	flat  []uint8
	pages map[uint32]*[pageCells]uint8
}

const pageCells = 256

func (m *cellMap) reset(code []micro.Instr) {
	lo, hi := uint32(math.MaxUint32), uint32(0)
	for i := range code {
		c := &code[i]
		lo, hi = min(lo, c.Dst), max(hi, c.Dst)
		ops := c.Operands()
		for k := range c.Op.Arity() {
			lo, hi = min(lo, ops[k]), max(hi, ops[k])
		}
	}
	m.base, m.pages = lo, nil
	n := 0
	if len(code) > 0 && int64(hi)-int64(lo) < 16*int64(len(code))+256 {
		n = int(hi-lo) + 2 // and the second half of the last one
	} else {
		m.pages = map[uint32]*[pageCells]uint8{}
	}
	m.flat = slices.Grow(m.flat[:0], n)[:n]
	clear(m.flat)
}

func (m *cellMap) at(c uint32) *uint8 {
	if m.pages == nil {
		return &m.flat[c-m.base]
	}
	p := m.pages[c/pageCells]
	if p == nil {
		p = new([pageCells]uint8)
		m.pages[c/pageCells] = p
	}
	return &p[c%pageCells]
}

// each calls f for every cell that was touched, in ascending order.
func (m *cellMap) each(f func(c uint32, state uint8)) {
	if m.pages == nil {
		for i, s := range m.flat {
			if s != 0 {
				f(m.base+uint32(i), s)
			}
		}
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m.pages)) {
		for i, s := range m.pages[k] {
			if s != 0 {
				f(k*pageCells+uint32(i), s)
			}
		}
	}
}

// claim makes the cell one of the dtype's size and returns its state, or an error if it is of another size.
func (m *cellMap) claim(c uint32, d dtype.DType) (*uint8, error) {
	s, class := m.at(c), classOfCell(d)
	switch {
	case *s&cellClass == class && *s&cellTail == 0:
		return s, nil
	case *s != 0:
		return nil, fmt.Errorf("cell %d as %v overlaps a value of another size", c, d)
	}
	if class == cell8 {
		t := m.at(c + 1)
		if *t != 0 {
			return nil, fmt.Errorf("cell %d as %v overlaps a value of another size", c, d)
		}
		*t = cellTail
	}
	*s = class
	return s, nil
}

// straight checks the rules of micro.Straight and records what the code reads and writes.
func (v *verifier) straight(s *micro.Straight) error {
	cells := min(v.block.ArenaBytes/4, math.MaxUint32)
	if s.TempLo > s.TempHi || s.TempLo%2 != 0 || s.TempHi%2 != 0 || int64(s.TempHi) > cells {
		return fmt.Errorf("temporaries [%d, %d) of %d cells", s.TempLo, s.TempHi, cells)
	}
	m := &v.cells
	m.reset(s.Code)
	isTemp := func(c uint32) bool { return c >= s.TempLo && c < s.TempHi }
	for i, c := range s.Code {
		if err := checkInstr(c); err != nil {
			return fmt.Errorf("micro-instruction %d: %w", i, err)
		}
		ops := c.Operands()
		for k := range c.Op.Arity() {
			if err := v.readCell(ops[k], c.OperandType(k), cells, isTemp(ops[k])); err != nil {
				return fmt.Errorf("micro-instruction %d: operand %d: %w", i, k, err)
			}
		}
		if err := v.writeCell(c.Dst, c.Result(), cells, isTemp(c.Dst)); err != nil {
			return fmt.Errorf("micro-instruction %d: result: %w", i, err)
		}
	}
	v.cellEvents(cellRead, s, eventRead)
	v.events = append(v.events, memoryEvent{4 * int64(s.TempLo), 4 * int64(s.TempHi), v.at, eventKill})
	v.cellEvents(cellWritten, s, eventWrite)
	return nil
}

func (v *verifier) readCell(c uint32, d dtype.DType, cells int64, temp bool) error {
	if err := checkCell(c, d, cells); err != nil {
		return err
	}
	s, err := v.cells.claim(c, d)
	switch {
	case err != nil:
		return err
	case *s&cellWritten != 0:
		if w := dtype.DType(*s >> cellDType); w != d {
			return fmt.Errorf("cell %d holds %v, not %v", c, w, d)
		}
	case temp:
		return fmt.Errorf("temporary %d is read before it is written", c)
	case *s&cellRead != 0:
		if w := dtype.DType(*s >> cellDType); w != d {
			return fmt.Errorf("cell %d is read as %v and as %v", c, w, d)
		}
	default:
		*s |= cellRead | uint8(d)<<cellDType
	}
	return nil
}

func (v *verifier) writeCell(c uint32, d dtype.DType, cells int64, temp bool) error {
	if err := checkCell(c, d, cells); err != nil {
		return err
	}
	s, err := v.cells.claim(c, d)
	switch {
	case err != nil:
		return err
	case temp:
	case *s&cellWritten != 0:
		return fmt.Errorf("cell %d is written again", c)
	case *s&cellRead != 0:
		return fmt.Errorf("cell %d was read before", c)
	}
	*s = *s&cellClass | cellWritten | uint8(d)<<cellDType
	return nil
}

// cellEvents records the cells with the given flag, neighbours of one kind together.
func (v *verifier) cellEvents(flag uint8, s *micro.Straight, kind eventKind) {
	e := memoryEvent{lo: -1, hi: -1, instr: v.at}
	flush := func() {
		if e.lo >= 0 {
			v.events = append(v.events, e)
		}
	}
	v.cells.each(func(c uint32, state uint8) {
		if state&flag == 0 || c >= s.TempLo && c < s.TempHi {
			return
		}
		d := dtype.DType(state >> cellDType)
		lo, k := 4*int64(c), kind.of(d)
		hi := lo + int64(d.Size())
		if lo == e.hi && k == e.kind {
			e.hi = hi
			return
		}
		flush()
		e.lo, e.hi, e.kind = lo, hi, k
	})
	flush()
}

func checkCell(c uint32, d dtype.DType, cells int64) error {
	if d.Size() == 8 {
		if c%2 != 0 || int64(c)+1 >= cells {
			return fmt.Errorf("%v at cell %d of %d", d, c, cells)
		}
	} else if int64(c) >= cells {
		return fmt.Errorf("%v at cell %d of %d", d, c, cells)
	}
	return nil
}

// checkLoop validates a loop against its operands.
func checkLoop(l *micro.Loop, in, out []Operand) error {
	if len(in) != len(l.In) || len(out) != len(l.Out) || len(l.OutRegs) != len(l.Out) {
		return fmt.Errorf("%d inputs and %d outputs for %d and %d accesses", len(in), len(out), len(l.In), len(l.Out))
	}
	if err := checkElements(Type{DType: dtype.Float64, Shape: l.Dims}); err != nil {
		return err
	}
	if len(l.Out) == 0 {
		return fmt.Errorf("a loop without output")
	}
	if l.Temps < 0 || l.Temps > len(l.Code) {
		return fmt.Errorf("%d temporaries for %d micro-instructions", l.Temps, len(l.Code))
	}
	if l.Reduce > micro.ReduceMin || (l.Reduce == micro.NoReduce) != (l.ReduceDims == 0) || l.ReduceDims < 0 || l.ReduceDims > len(l.Dims) {
		return fmt.Errorf("reduction %d over %d of %d dimensions", l.Reduce, l.ReduceDims, len(l.Dims))
	}
	if l.Flush && !l.Flushes() {
		return fmt.Errorf("a loop of other operations than sums and products that flushes subnormal numbers")
	}
	if n := len(l.In) + len(l.Consts) + l.Temps; n > maxRegisters || len(l.Out) > maxRegisters {
		return fmt.Errorf("%d registers and %d outputs, more than %d", n, len(l.Out), maxRegisters)
	}
	for k, a := range l.In {
		if err := checkAccess(a, l.Dims, in[k]); err != nil {
			return fmt.Errorf("input %d: %w", k, err)
		}
	}
	regs := make([]dtype.DType, len(l.In)+len(l.Consts)+l.Temps)
	for k, a := range l.In {
		regs[k] = a.Type
	}
	for k, c := range l.Consts {
		if !c.Type.Valid() {
			return fmt.Errorf("constant %d has no dtype", k)
		}
		if c.Type == dtype.Bool && c.Bits > 1 || c.Type.Size() == 4 && c.Bits > math.MaxUint32 {
			return fmt.Errorf("constant %d: %#x are not the bits of a %v", k, c.Bits, c.Type)
		}
		regs[len(l.In)+k] = c.Type
	}
	firstTemp := uint32(len(l.In) + len(l.Consts))
	for i, c := range l.Code {
		if err := checkInstr(c); err != nil {
			return fmt.Errorf("micro-instruction %d: %w", i, err)
		}
		ops := c.Operands()
		for k := range c.Op.Arity() {
			if int64(ops[k]) >= int64(len(regs)) || regs[ops[k]] != c.OperandType(k) {
				return fmt.Errorf("micro-instruction %d: register %d does not hold %v", i, ops[k], c.OperandType(k))
			}
			if ops[k] == c.Dst && c.OperandType(k).Size() != c.Result().Size() {
				return fmt.Errorf("micro-instruction %d: overwrites its operand with elements of another size", i)
			}
		}
		if c.Dst < firstTemp || int64(c.Dst) >= int64(len(regs)) {
			return fmt.Errorf("micro-instruction %d: writes register %d", i, c.Dst)
		}
		regs[c.Dst] = c.Result()
	}
	for k, a := range l.Out {
		if int64(l.OutRegs[k]) >= int64(len(regs)) || regs[l.OutRegs[k]] != a.Type {
			return fmt.Errorf("output %d: register %d does not hold %v", k, l.OutRegs[k], a.Type)
		}
		reduced := l.Reduce != micro.NoReduce && k == len(l.Out)-1
		if a.Window != nil {
			return fmt.Errorf("output %d has a window", k)
		}
		if err := checkAccess(a, l.Dims, out[k]); err != nil {
			return fmt.Errorf("output %d: %w", k, err)
		}
		if reduced && (a.Type == dtype.Bool) {
			return fmt.Errorf("output %d: reductions of bool are kernels", k)
		}
		// An output is dense and row-major over the dimensions that are not reduced, and fills its array.
		kept := l.Dims
		if reduced {
			kept = l.Dims[:len(l.Dims)-l.ReduceDims]
		}
		strides := append(shape.Strides(kept), make([]int, len(l.Dims)-len(kept))...)
		for d, want := range strides {
			if a.Strides[d] != want && l.Dims[d] > 1 {
				return fmt.Errorf("output %d: stride %d of dimension %d", k, a.Strides[d], d)
			}
		}
		if n := shape.Size(kept); n != out[k].Size() {
			return fmt.Errorf("output %d: the loop writes %d of %d elements", k, n, out[k].Size())
		}
	}
	return nil
}

// checkAccess bounds every element that an access reaches.
func checkAccess(a micro.Access, dims []int, o Operand) error {
	if a.Type != o.DType || len(a.Strides) != len(dims) {
		return fmt.Errorf("access as %v with %d strides to %v over %d dimensions", a.Type, len(a.Strides), typeText(o.Type), len(dims))
	}
	lo, hi := int64(0), int64(0) // 32 dimensions of 2^43 at the most
	w := a.Window
	if w != nil {
		if len(w.Lo) != len(dims) || len(w.Hi) != len(dims) || int64(w.Offset) > maxBytes || int64(w.Offset) < -maxBytes {
			return fmt.Errorf("window %d%v%v over %d dimensions", w.Offset, w.Lo, w.Hi, len(dims))
		}
		lo, hi = int64(w.Offset), int64(w.Offset)
	}
	nothing := false
	for d, s := range a.Strides {
		if int64(s) > maxBytes || int64(s) < -maxBytes {
			return fmt.Errorf("stride %d", s)
		}
		if reach := int64(dims[d]-1) * int64(s); dims[d] > 1 && (reach/int64(dims[d]-1) != int64(s) || reach > maxBytes || reach < -maxBytes) {
			return fmt.Errorf("stride %d", s)
		}
		first, last := 0, dims[d]-1
		if w != nil {
			if first, last = w.Lo[d], w.Hi[d]-1; first < 0 || last < first-1 || last >= dims[d] {
				return fmt.Errorf("window from %d to %d in dimension %d of extent %d", w.Lo[d], w.Hi[d], d, dims[d])
			}
			nothing = nothing || last < first
		}
		if s < 0 {
			first, last = last, first
		}
		lo += int64(first) * int64(s)
		hi += int64(last) * int64(s)
	}
	if nothing {
		return nil
	}
	if lo < 0 || hi >= int64(o.Size()) {
		return fmt.Errorf("reaches elements %d to %d of %d", lo, hi, o.Size())
	}
	return nil
}

// sameWalk reports whether an access visits all elements in the order of the strides.
func sameWalk(dims []int, a micro.Access, strides []int) bool {
	for d, n := range dims {
		if n > 1 && a.Strides[d] != strides[d] {
			return false
		}
	}
	return a.Window == nil
}
