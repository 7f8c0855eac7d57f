package vm

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/micro"
)

// NaNError is what a machine with a NaN watch returns: the first node that produced a NaN.
type NaNError struct {
	Instr int
	Where string // operator, name and the user's file:line
}

// Error names the node.
func (e *NaNError) Error() string {
	if e.Where == "" {
		return fmt.Sprintf("run: instruction %d produced a NaN", e.Instr)
	}
	return "run: first NaN in " + e.Where
}

// stepWatching runs the program and looks at every value. Straight code runs one micro-instruction at a
// time and loops look at every element, so that the node is known exactly.
func (m *Machine) stepWatching(ctx context.Context) error {
	for i, e := range m.exec {
		if err := ctx.Err(); err != nil {
			return err
		}
		in := &m.p.code.Instrs[i]
		where := func(k int) string {
			if k < len(in.Nodes) {
				return m.p.code.Debug.Where(in.Nodes[k])
			}
			return ""
		}
		switch x := e.(type) {
		case *straight:
			for k, c := range x.s.Code {
				// The result may overwrite an operand, so the operands are looked at first.
				cell := func(c uint32) unsafe.Pointer { return unsafe.Add(m.base, uintptr(c)*4) }
				fresh := true
				ops := c.Operands()
				for o := range c.Op.Arity() {
					fresh = fresh && !isNaN(cell(ops[o]), c.OperandType(o), 1)
				}
				if x.divisorIsZero(m.base, k) {
					return m.runtimeError(i, &microError{k, ErrDivideByZero})
				}
				x.runPortable(m.base, 0, k, k+1)
				if fresh && isNaN(cell(c.Dst), c.Result(), 1) {
					return &NaNError{i, where(k)}
				}
			}
		case *loop:
			x.watch = func(k int) { x.firstNaN = min(x.firstNaN, k) }
			x.firstNaN = len(x.l.Code)
			err := e.run(m)
			x.watch = nil
			if err != nil {
				return m.runtimeError(i, err)
			}
			if x.firstNaN < len(x.l.Code) {
				return &NaNError{i, where(x.firstNaN)}
			}
			if x.l.Reduce != micro.NoReduce {
				k := len(in.Out) - 1
				if isNaN(x.outPtr[k], in.Out[k].DType, in.Out[k].Size()) && !m.anyNaN(in.In) {
					return &NaNError{i, where(len(x.l.Code))}
				}
			}
		default:
			old := m.anyNaN(in.In) // the result may overwrite an operand
			if err := e.run(m); err != nil {
				return m.runtimeError(i, err)
			}
			if !old && m.anyNaN(in.Out) {
				return &NaNError{i, where(0)}
			}
		}
	}
	return nil
}

func (m *Machine) anyNaN(list []Operand) bool {
	for _, o := range list {
		base := m.base
		if o.Space != 0 {
			base = m.spaces[o.Space-1]
		}
		if isNaN(unsafe.Add(base, o.Offset), o.DType, o.Size()) {
			return true
		}
	}
	return false
}
