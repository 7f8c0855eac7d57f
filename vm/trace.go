package vm

import (
	"fmt"
	"unsafe"
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

// watchInstr runs an instruction and looks at every value, so that the node is known exactly.
func (m *Machine) watchInstr(i int, e executor) error {
	k, err := e.watch(m)
	if err != nil {
		return m.runtimeError(i, err)
	}
	if k < 0 {
		return nil
	}
	where := ""
	if in := &m.p.code.Instrs[i]; k < len(in.Nodes) {
		where = m.p.code.Debug.Where(in.Nodes[k])
	}
	return &NaNError{i, where}
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
