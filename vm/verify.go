package vm

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// maxRank bounds the dimensions of an array in a program.
const maxRank = 32

// maxBytes bounds the arena and every array (2⁴³ bytes), so that sums of sizes never overflow.
const maxBytes = 1 << 43

// Verify checks everything that running the program relies on: types, ranges, alignment, that micro-code
// reads only what was written, and that kernels accept their operands. A program from compile.Compile
// is verified; Decode verifies.
func (p *Program) Verify() error {
	v := verifier{p: p}
	if p.ArenaBytes < 0 || p.ArenaBytes > maxBytes {
		return fmt.Errorf("program: arena of %d bytes", p.ArenaBytes)
	}
	if p.ConstOffset < 0 || p.ConstOffset%8 != 0 || p.ConstOffset > p.ArenaBytes-int64(len(p.Const)) {
		return fmt.Errorf("program: constants lie outside the arena")
	}
	names := map[string]bool{}
	for i, s := range p.Inputs {
		if s.Name == "" || names[s.Name] {
			return fmt.Errorf("program: input %d has no name of its own", i)
		}
		names[s.Name] = true
		if s.Space != 0 && (s.Space != uint32(i)+1 || s.Offset != 0) {
			return fmt.Errorf("program: input %q lies in a space that is not its own", s.Name)
		}
		if err := v.operand(Operand{s.Type, s.Ref}); err != nil {
			return fmt.Errorf("program: input %q: %w", s.Name, err)
		}
	}
	for i, s := range p.Outputs {
		err := v.operand(Operand{s.Type, s.Ref})
		if err == nil && s.Space != 0 {
			err = fmt.Errorf("an output lies in the arena")
		}
		if err != nil {
			return fmt.Errorf("program: output %d: %w", i, err)
		}
	}
	for i, n := range p.Debug.Nodes {
		for _, s := range []int32{n.Op, n.Name, n.File} {
			if s < 0 || int(s) >= len(p.Debug.Strings) {
				return fmt.Errorf("program: debug node %d names string %d of %d", i, s, len(p.Debug.Strings))
			}
		}
	}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		if err := v.instr(in); err != nil {
			return fmt.Errorf("program: instruction %d (%v): %w", i, in.Op, err)
		}
	}
	return nil
}

type verifier struct {
	p       *Program
	written []uint64 // bit for each cell that the current Straight wrote
}

func checkType(t Type) error {
	if !t.DType.Valid() {
		return fmt.Errorf("invalid dtype %d", t.DType)
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("rank %d", len(t.Shape))
	}
	n := int64(1)
	for _, d := range t.Shape {
		if d < 1 || int64(d) > maxBytes/8/n {
			return fmt.Errorf("shape %v", t.Shape)
		}
		n *= int64(d)
	}
	return nil
}

func (v *verifier) operand(o Operand) error {
	if err := checkType(o.Type); err != nil {
		return err
	}
	size := bytesOf(o.Type)
	room := v.p.ArenaBytes
	if o.Space != 0 {
		if int64(o.Space) > int64(len(v.p.Inputs)) {
			return fmt.Errorf("space %d of %d", o.Space, len(v.p.Inputs))
		}
		s := v.p.Inputs[o.Space-1]
		if s.Space != o.Space {
			return fmt.Errorf("space %d, but input %q lies in the arena", o.Space, s.Name)
		}
		if err := checkType(s.Type); err != nil {
			return err
		}
		room = bytesOf(s.Type)
	}
	if o.Offset < 0 || o.Offset%int64(o.DType.Size()) != 0 || o.Offset > room-size {
		return fmt.Errorf("%d bytes at offset %d of %d", size, o.Offset, room)
	}
	return nil
}

func (v *verifier) instr(in *Instr) error {
	for _, list := range [][]Operand{in.In, in.Out} {
		for k, o := range list {
			if err := v.operand(o); err != nil {
				return fmt.Errorf("operand %d: %w", k, err)
			}
		}
	}
	for _, o := range in.Out {
		if o.Space != 0 {
			return fmt.Errorf("writes to an input")
		}
	}
	for _, n := range in.Nodes {
		if n < -1 || int(n) >= len(v.p.Debug.Nodes) {
			return fmt.Errorf("debug node %d of %d", n, len(v.p.Debug.Nodes))
		}
	}
	set := 0
	for _, s := range []bool{in.Straight != nil, in.Loop != nil, in.Kernel != ""} {
		if s {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("needs exactly one payload")
	}
	want := 1
	var err error
	switch in.Op {
	case OpStraight:
		if in.Straight == nil {
			return fmt.Errorf("has no code")
		}
		want, err = len(in.Straight.Code), v.straight(in.Straight)
	case OpLoop:
		if in.Loop == nil {
			return fmt.Errorf("has no code")
		}
		want, err = len(in.Loop.Code)+1, checkLoop(in.Loop, in.In, in.Out)
	case OpKernel:
		k := kernel.Lookup(in.Kernel)
		if k == nil {
			return fmt.Errorf("unknown kernel %q", in.Kernel)
		}
		if err = checkKernel(k, in); err != nil {
			err = fmt.Errorf("%s: %w", in.Kernel, err)
		}
	default:
		return fmt.Errorf("unknown opcode %d", in.Op)
	}
	if err == nil && len(in.Nodes) != 0 && len(in.Nodes) != want {
		err = fmt.Errorf("%d debug nodes for %d micro-instructions", len(in.Nodes), want)
	}
	return err
}

func operandTypes(list []Operand) []Type {
	ts := make([]Type, len(list))
	for i, o := range list {
		ts[i] = o.Type
	}
	return ts
}

// checkKernel runs the kernel's own check; hostile attributes must not get a panic past it.
func checkKernel(k *kernel.Kernel, in *Instr) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("check failed: %v", r)
		}
	}()
	return k.Check(operandTypes(in.In), operandTypes(in.Out), in.Attrs)
}

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
	return nil
}

func (v *verifier) straight(s *micro.Straight) error {
	cells := v.p.ArenaBytes / 4
	if cells > math.MaxUint32 {
		cells = math.MaxUint32
	}
	if s.TempLo > s.TempHi || int64(s.TempHi) > cells {
		return fmt.Errorf("temporaries [%d, %d) of %d cells", s.TempLo, s.TempHi, cells)
	}
	var lo, hi uint32 = math.MaxUint32, 0
	for _, c := range s.Code {
		lo, hi = min(lo, c.Dst), max(hi, c.Dst)
	}
	if len(s.Code) > 0 && int64(hi) >= cells {
		return fmt.Errorf("writes cell %d of %d", hi, cells)
	}
	n := 0
	if len(s.Code) > 0 {
		n = int(hi-lo)/64 + 1
	}
	if len(v.written) < n {
		v.written = make([]uint64, n)
	} else {
		clear(v.written[:n])
	}
	isTemp := func(c uint32) bool { return c >= s.TempLo && c < s.TempHi }
	wasWritten := func(c uint32) bool {
		return c >= lo && c <= hi && v.written[(c-lo)/64]>>((c-lo)%64)&1 != 0
	}
	for i, c := range s.Code {
		if err := checkInstr(c); err != nil {
			return fmt.Errorf("micro-instruction %d: %w", i, err)
		}
		ops := c.Operands()
		for k := range c.Op.Arity() {
			if err := checkCell(ops[k], c.OperandType(k), cells); err != nil {
				return fmt.Errorf("micro-instruction %d: operand %d: %w", i, k, err)
			}
			if isTemp(ops[k]) && !wasWritten(ops[k]) {
				return fmt.Errorf("micro-instruction %d: reads temporary %d before it is written", i, ops[k])
			}
		}
		r := c.Result()
		if err := checkCell(c.Dst, r, cells); err != nil {
			return fmt.Errorf("micro-instruction %d: result: %w", i, err)
		}
		if isTemp(c.Dst) {
			if r.Size() == 8 && c.Dst+1 >= s.TempHi {
				return fmt.Errorf("micro-instruction %d: temporary %d leaves the temporaries", i, c.Dst)
			}
		} else if wasWritten(c.Dst) {
			return fmt.Errorf("micro-instruction %d: writes cell %d again", i, c.Dst)
		}
		v.written[(c.Dst-lo)/64] |= 1 << ((c.Dst - lo) % 64)
	}
	return nil
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
	if err := checkType(Type{DType: dtype.Float64, Shape: l.Dims}); err != nil {
		return err
	}
	if l.Temps < 0 || l.Temps > len(l.Code) {
		return fmt.Errorf("%d temporaries for %d micro-instructions", l.Temps, len(l.Code))
	}
	if l.Reduce > micro.ReduceMin || (l.Reduce == micro.NoReduce) != (l.ReduceDims == 0) || l.ReduceDims < 0 || l.ReduceDims > len(l.Dims) {
		return fmt.Errorf("reduction %d over %d of %d dimensions", l.Reduce, l.ReduceDims, len(l.Dims))
	}
	if l.Reduce != micro.NoReduce && len(l.Out) == 0 {
		return fmt.Errorf("a reduction without output")
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
		if err := checkAccess(a, l.Dims, out[k]); err != nil {
			return fmt.Errorf("output %d: %w", k, err)
		}
		if reduced && (a.Type == dtype.Bool) {
			return fmt.Errorf("output %d: reductions of bool are kernels", k)
		}
		// An output is dense and row-major over the dimensions that are not reduced.
		stride := 1
		for d := len(l.Dims) - 1; d >= 0; d-- {
			want := stride
			if reduced && d >= len(l.Dims)-l.ReduceDims {
				want = 0
			} else {
				stride *= l.Dims[d]
			}
			if a.Strides[d] != want && l.Dims[d] > 1 {
				return fmt.Errorf("output %d: stride %d of dimension %d", k, a.Strides[d], d)
			}
		}
	}
	return nil
}

// checkAccess bounds every element that an access reaches.
func checkAccess(a micro.Access, dims []int, o Operand) error {
	if a.Type != o.DType || len(a.Strides) != len(dims) {
		return fmt.Errorf("access as %v with %d strides to %v over %d dimensions", a.Type, len(a.Strides), typeText(o.Type), len(dims))
	}
	lo, hi := int64(0), int64(0)
	for d, s := range a.Strides {
		if int64(s) > maxBytes || int64(s) < -maxBytes {
			return fmt.Errorf("stride %d", s)
		}
		if reach := int64(dims[d]-1) * int64(s); dims[d] > 1 && (reach/int64(dims[d]-1) != int64(s) || reach > maxBytes || reach < -maxBytes) {
			return fmt.Errorf("stride %d", s)
		} else if reach > 0 {
			hi += reach
		} else {
			lo += reach
		}
	}
	if lo < 0 || hi >= int64(o.Size()) {
		return fmt.Errorf("reaches elements %d to %d of %d", lo, hi, o.Size())
	}
	return nil
}
