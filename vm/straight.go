package vm

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// straight runs OpStraight.
type straight struct {
	s    *micro.Straight
	call []elem.Block // for each instruction that the switch does not know
	int  bool         // has integer divisions, which can trap

	p    *Program
	b    *Block
	runs int
	code *native.Straight // nil until the code is worth compiling, or for ever if it cannot be
}

func newStraight(p *Program, b *Block, s *micro.Straight) *straight {
	x := &straight{p: p, b: b, s: s}
	for i := range s.Code {
		if c := &s.Code[i]; c.Traps() {
			x.int = true
		}
	}
	return x
}

func (x *straight) called(i int) bool {
	c := &x.s.Code[i]
	return c.Type != dtype.Float64 || !inSwitch[c.Op]
}

func (x *straight) need(n *needs) {
	n.add(int64(unsafe.Sizeof(*x)))
	for i := range x.s.Code {
		if x.called(i) {
			n.add(int64(len(x.s.Code)) * int64(unsafe.Sizeof(elem.Block(nil))))
			break
		}
	}
	if !x.int {
		code, making := native.StraightMemory(x.s, x.b.ArenaBytes)
		n.addCode(code, making)
	}
}

func (x *straight) prepare(f *frame) {
	for i, c := range x.s.Code {
		if x.called(i) {
			if x.call == nil {
				x.call = make([]elem.Block, len(x.s.Code))
			}
			x.call[i] = elem.BlockKernel(c.Op, c.Type, c.To, cpu.Portable)
		}
	}
	if f.m.ahead {
		x.compile(f)
	}
}

// inSwitch lists the float64 operations that the portable loop does without a call.
var inSwitch = [micro.Count]bool{
	micro.Mov: true, micro.Add: true, micro.Sub: true, micro.Mul: true, micro.Div: true, micro.FMA: true,
	micro.FMS: true, micro.FNMA: true, micro.Neg: true, micro.Abs: true, micro.Sqrt: true, micro.MulNoNan: true,
}

func (x *straight) bind(int, unsafe.Pointer) { panic("BUG: straight code has no operands") }

func (x *straight) run(f *frame) error {
	if x.code != nil {
		x.code.Run(f.base, int(x.b.ArenaBytes), f.m.spill)
		return nil
	}
	return x.runCold(f)
}

// runCold is run before the code is compiled.
func (x *straight) runCold(f *frame) error {
	if x.runs++; x.runs == tierUp {
		x.compile(f)
	}
	if x.int {
		if err := x.checkDivisors(f.base); err != nil {
			return err
		}
	}
	for from := 0; from < len(x.s.Code); from += portablePiece {
		if from > 0 && f.m.cancelled() {
			return f.m.ctx.Err()
		}
		x.runPortable(f.base, from, min(from+portablePiece, len(x.s.Code)))
	}
	return nil
}

// portablePiece is the number of instructions between two looks at the context.
const portablePiece = 1 << 15

// compile switches to native code if there is any.
func (x *straight) compile(f *frame) {
	m := f.m
	if m.noNative || x.int || x.code != nil {
		return
	}
	if x.code = x.p.nativeStraight(x.b, x.s); x.code != nil && x.code.ScratchBytes() > len(m.spill) {
		m.spill = make([]byte, x.code.ScratchBytes())
	}
}

func (x *straight) kind() Executor {
	if x.code != nil {
		return ExecutorNative
	}
	return ExecutorPortable
}

func (x *straight) alone() *native.Straight { return x.code }

func (x *straight) codeBytes() int {
	if x.code == nil {
		return 0
	}
	return x.code.CodeBytes()
}

func (x *straight) types(at *microError) string {
	if at == nil {
		return ""
	}
	return instrText(x.s.Code[at.index], nil)
}

func (x *straight) listing() string {
	if x.code == nil {
		return ""
	}
	return native.Registers("scalar code; rdi, rsi, rdx: arena, constants and scratch memory, each + 128\n") + x.code.Listing()
}

// watch runs one micro-instruction at a time.
func (x *straight) watch(f *frame) (int, error) {
	for k, c := range x.s.Code {
		// The result may overwrite an operand, so the operands are looked at first.
		cell := func(c uint32) unsafe.Pointer { return unsafe.Add(f.base, uintptr(c)*4) }
		fresh := true
		ops := c.Operands()
		for o := range c.Op.Arity() {
			fresh = fresh && !f.m.isNaN(cell(ops[o]), c.OperandType(o), 1)
		}
		if x.divisorIsZero(f.base, k) {
			return -1, &microError{k, ErrDivideByZero}
		}
		x.runPortable(f.base, k, k+1)
		if fresh && f.m.isNaN(cell(c.Dst), c.Result(), 1) {
			return k, nil
		}
	}
	return -1, nil
}

// checkDivisors runs the code instruction by instruction and reports a division by zero: only code with
// integer divisions pays for it.
func (x *straight) checkDivisors(base unsafe.Pointer) error {
	for i := range x.s.Code {
		if x.divisorIsZero(base, i) {
			return &microError{i, ErrDivideByZero}
		}
		x.runPortable(base, i, i+1)
	}
	return nil
}

// divisorIsZero reports whether instruction i is an integer division whose divisor is 0 now.
//
//go:nocheckptr
func (x *straight) divisorIsZero(base unsafe.Pointer, i int) bool {
	c := &x.s.Code[i]
	if !c.Traps() {
		return false
	}
	if c.Type == dtype.Int64 {
		return *(*int64)(unsafe.Add(base, uintptr(c.B)*4)) == 0
	}
	return *(*int32)(unsafe.Add(base, uintptr(c.B)*4)) == 0
}

// runPortable is the reference executor of instructions [from, to). The verifier has checked every cell.
//
//go:nocheckptr
func (x *straight) runPortable(base unsafe.Pointer, from, to int) {
	f64 := func(c uint32) *float64 { return (*float64)(unsafe.Add(base, uintptr(c)*4)) }
	for i := from; i < to; i++ {
		c := &x.s.Code[i]
		if c.Type != dtype.Float64 {
			x.callBlock(base, i)
			continue
		}
		switch c.Op {
		case micro.Mov:
			*f64(c.Dst) = *f64(c.A)
		case micro.Add:
			*f64(c.Dst) = *f64(c.A) + *f64(c.B)
		case micro.Sub:
			*f64(c.Dst) = *f64(c.A) - *f64(c.B)
		case micro.Mul:
			*f64(c.Dst) = *f64(c.A) * *f64(c.B)
		case micro.Div:
			*f64(c.Dst) = *f64(c.A) / *f64(c.B)
		case micro.FMA:
			*f64(c.Dst) = math.FMA(*f64(c.A), *f64(c.B), *f64(c.C))
		case micro.FMS:
			*f64(c.Dst) = math.FMA(*f64(c.A), *f64(c.B), -*f64(c.C))
		case micro.FNMA:
			*f64(c.Dst) = math.FMA(-*f64(c.A), *f64(c.B), *f64(c.C))
		case micro.Neg:
			*f64(c.Dst) = -*f64(c.A)
		case micro.Abs:
			*f64(c.Dst) = math.Abs(*f64(c.A))
		case micro.Sqrt:
			*f64(c.Dst) = math.Sqrt(*f64(c.A))
		case micro.MulNoNan:
			a, b := *f64(c.A), *f64(c.B)
			p := a * b
			if p != p && (a == 0 || b == 0) {
				p = 0
			}
			*f64(c.Dst) = p
		default:
			x.callBlock(base, i)
		}
	}
}

//go:nocheckptr
func (x *straight) callBlock(base unsafe.Pointer, i int) {
	c := &x.s.Code[i]
	x.call[i](unsafe.Add(base, uintptr(c.Dst)*4), unsafe.Add(base, uintptr(c.A)*4),
		unsafe.Add(base, uintptr(c.B)*4), unsafe.Add(base, uintptr(c.C)*4), 1)
}
