package vm

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/kernel"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// straight runs OpStraight.
type straight struct {
	s    *micro.Straight
	call []kernel.Block // for each instruction that the switch does not know
	int  bool           // has integer divisions, which can trap

	p          *Program
	mayCompile bool
	runs       int
	code       *native.Straight // nil until the code is worth compiling, or for ever if it cannot be
}

func newStraight(p *Program, s *micro.Straight, native bool) *straight {
	x := &straight{p: p, s: s, mayCompile: native}
	for i, c := range s.Code {
		if c.Type == dtype.Float64 && inSwitch[c.Op] {
			continue
		}
		if x.call == nil {
			x.call = make([]kernel.Block, len(s.Code))
		}
		x.call[i] = kernel.BlockKernel(c.Op, c.Type, c.To, kernel.Portable)
		if c.Traps() {
			x.int = true
		}
	}
	return x
}

// inSwitch lists the float64 operations that the portable loop does without a call.
var inSwitch = [micro.Count]bool{
	micro.Mov: true, micro.Add: true, micro.Sub: true, micro.Mul: true, micro.Div: true, micro.FMA: true,
	micro.FMS: true, micro.FNMA: true, micro.Neg: true, micro.Abs: true, micro.Sqrt: true, micro.MulNoNan: true,
}

func (x *straight) setPointer(int, unsafe.Pointer) { panic("BUG: straight code has no operands") }

func (x *straight) run(m *Machine) error {
	if x.code != nil {
		x.code.Run(m.base, len(m.arena))
		return nil
	}
	return x.runCold(m)
}

// runCold is run before the code is compiled.
func (x *straight) runCold(m *Machine) error {
	if x.runs++; x.runs == tierUp {
		x.compile()
	}
	if x.int {
		if err := x.checkDivisors(m.base); err != nil {
			return err
		}
	}
	x.runPortable(m.base, len(m.arena), 0, len(x.s.Code))
	return nil
}

// compile switches to native code if there is any.
func (x *straight) compile() {
	if x.mayCompile && !x.int {
		x.code = x.p.nativeStraight(x.s)
	}
}

// checkDivisors runs the code instruction by instruction and reports a division by zero: only code with
// integer divisions pays for it.
func (x *straight) checkDivisors(base unsafe.Pointer) error {
	for i := range x.s.Code {
		if x.divisorIsZero(base, i) {
			return &microError{i, ErrDivideByZero}
		}
		x.runPortable(base, 0, i, i+1)
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
func (x *straight) runPortable(base unsafe.Pointer, _, from, to int) {
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
