package vm

import "fmt"

// NaNError is what a machine with a NaN watch returns: the first node that produced a NaN, or an infinity under WithInfWatch.
type NaNError struct {
	Block int // as in RuntimeError
	Instr int
	Steps []int  // as in RuntimeError
	Where string // operator, name and the user's file:line
	Inf   bool   // infinities were watched for too
}

// Error names the node.
func (e *NaNError) Error() string {
	where := e.Where
	switch {
	case where != "":
	case e.Block >= 0:
		where = fmt.Sprintf("instruction %d of block %d", e.Instr, e.Block)
	default:
		where = fmt.Sprintf("instruction %d", e.Instr)
	}
	if steps := stepsText(e.Steps, ""); steps != "" {
		where += ", " + steps
	}
	if e.Inf {
		return "run: first NaN or infinity in " + where
	}
	return "run: first NaN in " + where
}

// watchInstr runs an instruction and looks at every value, so that the node is known exactly.
func (f *frame) watchInstr(i int, e executor) error {
	k, err := e.watch(f)
	if err != nil {
		return err
	}
	if k < 0 {
		return nil
	}
	where := ""
	if in := &f.b.Instrs[i]; k < len(in.Nodes) {
		where = f.m.p.code.Debug.Where(in.Nodes[k])
	}
	return &NaNError{Block: f.number, Instr: i, Where: where, Inf: f.m.watchInf}
}
