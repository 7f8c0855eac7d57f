package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/native"
)

// entryBlock is the number of the block where a run begins.
const entryBlock = -1

// frame is a block at work: its memory, and the executors of its instructions, which are bound to that memory. Each call has frames of its own,
// all of which are made with the machine.
type frame struct {
	m      *Machine
	b      *Block
	number int // in Code.Blocks, or entryBlock
	base   unsafe.Pointer
	spaces []unsafe.Pointer // of inputs in spaces of their own: the memory that they are bound to
	users  [][]pointerUse   // by input, operands to update when it moves
	exec   []executor
	consts []byte // in the byte order of the machine
}

type pointerUse struct {
	instr, operand int
	offset         int64
}

// executor runs one instruction in a frame.
type executor interface {
	// need says what memory it takes: it is called first, before there is any.
	need(n *needs)
	// prepare allocates and takes its parts of the machine's scratch.
	prepare(f *frame)
	// bind binds operand k (inputs first, then outputs) to memory.
	bind(k int, p unsafe.Pointer)
	run(f *frame) error
	// watch is run that returns the micro-instruction that first made a NaN from operands without one, −1 for none.
	watch(f *frame) (int, error)
	// compile switches to machine code if there is any.
	compile(f *frame)
	kind() Executor
	// alone returns the machine code if a run is nothing else than running it over the frame's memory, else nil.
	alone() *native.Straight
	// listing is the machine code, "" for none.
	listing() string
	// codeBytes is the size of the machine code.
	codeBytes() int
	// types returns operands → results for an error, which at places at a micro-instruction if it is not nil.
	types(at *microError) string
}

// newFrame makes a frame that has no memory yet.
func newFrame(m *Machine, b *Block, number int) *frame {
	f := &frame{m: m, b: b, number: number, exec: make([]executor, len(b.Instrs))}
	for i := range b.Instrs {
		in := &b.Instrs[i]
		f.exec[i] = in.op().executor(m.p, b, in, m.threads)
	}
	if m.threads > 1 {
		joinCalls(m, b, f.exec)
	}
	return f
}

// prepare gives the frame its memory, and prepares the executors.
func (f *frame) prepare(base unsafe.Pointer) {
	f.base = base
	f.spaces = make([]unsafe.Pointer, len(f.b.Inputs))
	f.users = make([][]pointerUse, len(f.b.Inputs))
	f.consts = f.b.Const
	if bigEndian && len(f.consts) > 0 {
		f.consts = make([]byte, len(f.b.Const))
		f.b.loadConst(f.consts, binary.NativeEndian)
	}
	for i, e := range f.exec {
		in := &f.b.Instrs[i]
		e.prepare(f)
		k := 0
		for _, list := range [][]Operand{in.In, in.Out} {
			for _, o := range list {
				if o.Space == 0 {
					e.bind(k, unsafe.Add(base, o.Offset))
				} else {
					f.users[o.Space-1] = append(f.users[o.Space-1], pointerUse{i, k, o.Offset})
				}
				k++
			}
		}
	}
}

// loadConst copies the constants to their place.
func (f *frame) loadConst() {
	if len(f.consts) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Add(f.base, f.b.ConstOffset)), len(f.consts)), f.consts)
	}
}

// bind points input i, which has a space of its own, to memory.
func (f *frame) bind(i int, p unsafe.Pointer) {
	if f.spaces[i] == p {
		return
	}
	f.spaces[i] = p
	for _, u := range f.users[i] {
		f.exec[u.instr].bind(u.operand, unsafe.Add(p, u.offset))
	}
}

// run executes the block once.
func (f *frame) run() error {
	m := f.m
	for i, e := range f.exec {
		if m.cancelled() {
			return m.ctx.Err()
		}
		var err error
		switch {
		case m.watch:
			err = f.watchInstr(i, e)
		case m.timer != nil:
			err = m.timer.run(f, i, e)
		default:
			err = e.run(f)
		}
		if err != nil {
			return f.fail(i, err)
		}
	}
	return nil
}

// alone returns the machine code if the block is nothing else.
func (f *frame) alone() *native.Straight {
	if len(f.exec) != 1 {
		return nil
	}
	return f.exec[0].alone()
}

// nativeOnly is alone, but nil while every instruction is to be looked at.
func (f *frame) nativeOnly() *native.Straight {
	if f.m.watch || f.m.timer != nil {
		return nil
	}
	return f.alone()
}

func (f *frame) anyNaN(list []Operand) bool {
	for _, o := range list {
		base := f.base
		if o.Space != 0 {
			base = f.spaces[o.Space-1]
		}
		if f.m.isNaN(unsafe.Add(base, o.Offset), o.DType, o.Size()) {
			return true
		}
	}
	return false
}

// RuntimeError is a failure of an instruction on the given data: what, on which shapes, from which line.
type RuntimeError struct {
	Block int    // the block of the instruction, an index into Code.Blocks; −1 for the program itself
	Instr int    // number of the instruction in the block
	Steps []int  // of the loops around the instruction, the outermost first: the step of each, in a reverse scan the element of xs
	Where string // operator, name and the user's file:line; "" without debug information
	Types string // operands → results
	Err   error
}

// Error returns "where: types: reason".
func (e *RuntimeError) Error() string {
	s := ""
	if e.Where != "" {
		s = e.Where + ": "
	}
	s += stepsText(e.Steps, ": ")
	if e.Types != "" {
		s += e.Types + ": "
	}
	return fmt.Sprintf("run: %s%v", s, e.Err)
}

// stepsText returns "step 3, 17" and what follows, "" for no steps.
func stepsText(steps []int, then string) string {
	if len(steps) == 0 {
		return ""
	}
	s := "step "
	for i, t := range steps {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(t)
	}
	return s + then
}

// Unwrap returns the reason.
func (e *RuntimeError) Unwrap() error { return e.Err }

// fail turns an error of instruction i into one that says where it was; that of an instruction within a call says so already.
func (f *frame) fail(i int, err error) error {
	switch err.(type) {
	case *RuntimeError, *NaNError:
		return err
	}
	in := &f.b.Instrs[i]
	re := &RuntimeError{Block: f.number, Instr: i, Err: err}
	var at *microError
	k := 0
	if errors.As(err, &at) {
		k = at.index
	}
	if k < len(in.Nodes) {
		re.Where = f.m.p.code.Debug.Where(in.Nodes[k])
	}
	re.Types = f.exec[i].types(at)
	return re
}

// atStep adds the step of a loop to the error of an instruction in its body.
func atStep(err error, t int) error {
	switch e := err.(type) {
	case *RuntimeError:
		e.Steps = slices.Insert(e.Steps, 0, t)
	case *NaNError:
		e.Steps = slices.Insert(e.Steps, 0, t)
	}
	return err
}
