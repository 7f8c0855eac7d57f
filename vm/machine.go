package vm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/pool"
	"github.com/adjoint-go/adjoint/internal/switches"
	"github.com/adjoint-go/adjoint/internal/sysmem"
)

// ErrMemoryLimit is returned when a program needs more memory than the machine may have.
var ErrMemoryLimit = errors.New("memory limit exceeded")

// ErrWorkLimit is returned when a run of a program may take more operations than the machine may do.
var ErrWorkLimit = errors.New("work limit exceeded")

// Option changes a machine.
type Option func(*Machine)

// WithMemoryLimit bounds the memory of the machine, as MemoryBytes defines it. Without it the limit is the memory of the computer, or of
// the control group that the process runs in. A program that needs more is refused before anything is allocated; what would go beyond the
// limit later is an error; machine code is made only where there is room for it.
func WithMemoryLimit(bytes int64) Option { return func(m *Machine) { m.limit = bytes } }

// WithWorkLimit refuses a program whose run may take more operations (Program.Work): a small file can hold a loop that takes years. Every run of such a
// machine returns ErrWorkLimit.
func WithWorkLimit(operations float64) Option { return func(m *Machine) { m.workLimit = operations } }

// WithMemoryAhead has the system back the machine's memory when the machine is made, not page by page in the first run, which so takes hardly longer than
// those that follow. What kernels allocate later, and memory of callers, is as it was.
func WithMemoryAhead() Option { return func(m *Machine) { m.touch = true } }

// WithNaNWatch makes every run stop with a *NaNError at the first instruction that produces a NaN
// from operands without one. It runs a second, slower loop.
func WithNaNWatch() Option { return func(m *Machine) { m.watch = true } }

// WithInfWatch is WithNaNWatch that stops at the first infinity too, made from operands without one.
func WithInfWatch() Option { return func(m *Machine) { m.watch, m.watchInf = true, true } }

// WithThreads bounds the goroutines that a run may use, the caller's included; at least 1. Without it they are
// as many as processors. Results have the same bits for any number.
func WithThreads(n int) Option { return func(m *Machine) { m.threads = max(1, n) } }

// Machine runs one program. It owns the arena and is for one goroutine at a time; any number of
// machines may run the same program at once.
type Machine struct {
	p     *Program
	limit int64
	// workLimit is 0 for none.
	workLimit float64
	watch     bool
	watchInf  bool
	ahead     bool
	touch     bool // memory is written to when it is made
	noNative  bool
	noKept    bool // no memory for what kernels keep of constants
	// threads is the number of goroutines at most, the caller included.
	threads int
	// allocate, if a test sets it, returns memory at a multiple of 64.
	allocate func(bytes int64) []byte

	needs   needs
	taken   int64  // bytes, as MemoryBytes defines them
	scratch []byte // of kernels, which share it because instructions run one after another
	spill   []byte // of machine code of scalars
	zeros   []byte // where windows are read beside their arrays
	// workers is the scratch of each goroutine.
	workers [][]byte
	job     pool.Job       // of the instruction that runs
	states  map[string]any // that kernel calls share, by name
	timer   *timer         // of Profile, while it times blocks
	of      *Machine       // nil, or the machine of which this one runs a part
	parts   sync.Mutex     // while one of its parts takes memory

	entry  *frame
	bound  []any    // keeps bound tensors alive
	own    [][]byte // the machine's own memory of an external input, made by a view
	set    []bool   // inputs that have a value
	allSet bool
	moves  [][2][]byte      // to inputs from the outputs that they have after a run, where these lie elsewhere
	only   *native.Straight // the whole program, if it is one piece of machine code that needs no scratch of the machine

	outputs shownOutputs
	busy    uint32 // 1 while the machine is in use
	ctx     context.Context
	done    <-chan struct{} // of ctx
	err     error
}

// NewMachine allocates a machine for the program. A program that needs more memory than allowed gives
// a machine whose every run returns ErrMemoryLimit, a nil program, or a switch in the environment with a value that it does not have,
// one whose every run returns an error.
func NewMachine(p *Program, opts ...Option) *Machine {
	m := newMachine(p, opts)
	if p == nil || m.err != nil {
		return m
	}
	m.bound = make([]any, len(p.code.Inputs))
	m.own = make([][]byte, len(p.code.Inputs))
	m.set = make([]bool, len(p.code.Inputs))
	for i := range p.code.Inputs {
		m.set[i] = !p.code.Inputs[i].Used
	}
	m.allocateScratch()
	m.entry.prepare(unsafe.Pointer(unsafe.SliceData(m.touched(m.arena()))))
	m.entry.loadConst()
	for _, s := range p.code.Inputs {
		if s.Update == 0 || p.code.Outputs[s.Update-1].Ref == s.Ref {
			continue
		}
		at := func(r Ref) []byte { return unsafe.Slice((*byte)(unsafe.Add(m.entry.base, r.Offset)), bytesOf(s.Type)) }
		m.moves = append(m.moves, [2][]byte{at(s.Ref), at(p.code.Outputs[s.Update-1].Ref)})
	}
	return m
}

// newMachine makes a machine that knows what memory it needs and has none. Its error says that the program needs too much.
func newMachine(p *Program, opts []Option) *Machine {
	m := &Machine{p: p, limit: defaultLimit(), threads: pool.Workers()}
	for _, o := range opts {
		if o != nil {
			o(m)
		}
	}
	m.limit = min(m.limit, math.MaxInt/2) // what a process can address is less where an int has 32 bits
	if p == nil {
		return m
	}
	if err := switches.Err(); err != nil {
		m.err = fmt.Errorf("run: %w", err)
		return m
	}
	m.threads = min(m.threads, pool.Workers())
	m.entry = newFrame(m, &p.code.Block, entryBlock)
	m.plan()
	return m
}

// arena allocates the memory of the machine. Inputs begin as zeros.
func (m *Machine) arena() []byte {
	c := m.p.code
	if m.allocate != nil {
		return m.allocate(c.ArenaBytes)
	}
	arena := alignedBytes(c.ArenaBytes)
	if sysmem.Garbage {
		for i := range arena {
			arena[i] = 0xff
		}
		for _, s := range c.Inputs {
			if s.Space == 0 {
				clear(arena[s.Offset : s.Offset+bytesOf(s.Type)])
			}
		}
	}
	return arena
}

// alignedBytes allocates n bytes at a multiple of 64.
func alignedBytes(n int64) []byte {
	b := make([]byte, n+64)
	sysmem.PreferHugePages(b)
	off := -int64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & 63
	return b[off : off+n : off+n]
}

// touched returns memory of the machine's own after a byte of each page was written, if that is asked for.
func (m *Machine) touched(b []byte) []byte {
	if m.touch {
		for i := 0; i < len(b); i += os.Getpagesize() {
			b[i] = 0
		}
	}
	return b
}

// Program returns the machine's program, nil if it has none.
func (m *Machine) Program() *Program {
	if m == nil {
		return nil
	}
	return m.p
}

// String says what the machine is in a line: inputs and outputs with their types, instructions by executor, bytes of memory, threads, and the error of one that cannot run.
func (m *Machine) String() string {
	switch {
	case m == nil:
		return "nil"
	case m.p == nil:
		return "machine without a program"
	}
	var b strings.Builder
	b.WriteString("machine")
	for i, slots := range [][]Slot{m.p.code.Inputs, m.p.code.Outputs} {
		b.WriteString([]string{" (", " → "}[i])
		for k, s := range slots {
			if k > 0 {
				b.WriteString(", ")
			}
			if s.Name != "" {
				b.WriteString(s.Name + " ")
			}
			b.WriteString(typeText(s.Type))
		}
	}
	b.WriteByte(')')
	if m.err != nil {
		return fmt.Sprintf("%s that cannot run: %v", &b, m.err)
	}
	by := map[Executor]int{}
	for _, e := range m.Executors() {
		by[e]++
	}
	fmt.Fprintf(&b, ": %d instructions", len(m.p.code.Instrs))
	for _, e := range []Executor{ExecutorNative, ExecutorBlocks, ExecutorPortable, ExecutorKernel, ExecutorFrames} {
		if by[e] > 0 {
			fmt.Fprintf(&b, ", %d %s", by[e], e)
		}
	}
	fmt.Fprintf(&b, "; %d bytes, threads: %d", m.MemoryBytes(), m.threads)
	return b.String()
}

// inputIndex returns the index of the input with the given name, or −1.
func (m *Machine) inputIndex(name string) int {
	for i := range m.p.code.Inputs {
		if m.p.code.Inputs[i].named(name) {
			return i
		}
	}
	return -1
}

// bind points an external input to memory.
func (m *Machine) bind(i int, p unsafe.Pointer, keep any) {
	m.bound[i] = keep
	m.set[i] = true
	m.entry.bind(i, p)
}

// inputMemory returns memory of the machine's own that holds the input between runs.
func (m *Machine) inputMemory(i int) (unsafe.Pointer, error) {
	s := &m.p.code.Inputs[i]
	if s.Space == 0 {
		m.set[i] = true
		return unsafe.Add(m.entry.base, s.Offset), nil
	}
	if m.own[i] == nil {
		if err := m.reserve(heapBytes(bytesOf(s.Type))); err != nil {
			return nil, fmt.Errorf("input %q (%s): %w", s.Name, typeText(s.Type), err)
		}
		m.own[i] = m.touched(alignedBytes(bytesOf(s.Type)))
	}
	p := unsafe.Pointer(unsafe.SliceData(m.own[i]))
	m.bind(i, p, nil)
	return p, nil
}

// view returns the memory of an input or output slot as a slice of T, nil if the machine cannot run.
func view[T float64 | float32 | int64 | int32 | bool](m *Machine, name string) []T {
	if m.unusable() != nil {
		return nil
	}
	if i := m.inputIndex(name); i >= 0 {
		checkView[T]("input "+strconv.Quote(name), &m.p.code.Inputs[i])
		if !m.enter() {
			panic("vm: a view of an input is taken while " + errBusy.Error())
		}
		defer m.leave()
		p, err := m.inputMemory(i)
		if err != nil {
			m.err = fmt.Errorf("run: the view of %w", err)
			return nil
		}
		return unsafe.Slice((*T)(p), m.p.code.Inputs[i].Size())
	}
	for i := range m.p.code.Outputs {
		if s := &m.p.code.Outputs[i]; name != "" && s.named(name) {
			checkView[T]("output "+strconv.Quote(name), s)
			return outputView[T](m, s)
		}
	}
	panic(noSuchName(m, name).Error())
}

func noSuchName(m *Machine, name string) error {
	return fmt.Errorf("vm: no input or output is named %q (inputs: %s; outputs: %s)", name, slotNames(m.p.code.Inputs), slotNames(m.p.code.Outputs))
}

func noSuchOutput(m *Machine, i int) error {
	return fmt.Errorf("vm: there is no output %d: the program has %d", i, len(m.p.code.Outputs))
}

func outputView[T float64 | float32 | int64 | int32 | bool](m *Machine, s *Slot) []T {
	return unsafe.Slice((*T)(unsafe.Add(m.entry.base, s.Offset)), s.Size())
}

// checkView panics if the slot does not hold elements of type T.
func checkView[T float64 | float32 | int64 | int32 | bool](what string, s *Slot) {
	if d := dtypeOf[T](); s.DType != d {
		panic(fmt.Sprintf("vm: %s is %s: it has no view of %v", what, typeText(s.Type), d))
	}
}

// Float64 returns the memory of the float64 input or output with the given name, row-major, without copying:
// fill inputs, call Step, read outputs. The view stays valid as long as the machine. An input that has a
// view keeps its value from run to run, or has the one that the program updates it with (Slot.Update).
//
// It panics if no input or output has the name, or if it has another dtype: Program's Inputs and Outputs say which there are.
// It is nil if the machine cannot run, as Step will say (see NewMachine).
func (m *Machine) Float64(name string) []float64 { return view[float64](m, name) }

// Float32 is Float64 for float32 slots, and panics as it does.
func (m *Machine) Float32(name string) []float32 { return view[float32](m, name) }

// Int64 is Float64 for int64 slots, and panics as it does.
func (m *Machine) Int64(name string) []int64 { return view[int64](m, name) }

// Int32 is Float64 for int32 slots, and panics as it does.
func (m *Machine) Int32(name string) []int32 { return view[int32](m, name) }

// Bool is Float64 for bool slots, and panics as it does.
func (m *Machine) Bool(name string) []bool { return view[bool](m, name) }

// OutputFloat64 returns the memory of float64 output i without copying. It panics if there is no such output or if it has another
// dtype, and is nil if the machine cannot run.
func (m *Machine) OutputFloat64(i int) []float64 {
	if m.unusable() != nil {
		return nil
	}
	if i < 0 || i >= len(m.p.code.Outputs) {
		panic(noSuchOutput(m, i).Error())
	}
	s := &m.p.code.Outputs[i]
	checkView[float64](fmt.Sprintf("output %d", i), s)
	return outputView[float64](m, s)
}

// errNoProgram is what a machine without a program returns.
var errNoProgram = errors.New("run: the machine has no program: NewMachine was given nil (the error of Compile says why) or not called")

// unusable returns the error of every run of a machine that cannot run.
func (m *Machine) unusable() error {
	if m == nil || m.p == nil {
		return errNoProgram
	}
	return m.err
}

// errBusy is returned when a machine is used while it runs.
var errBusy = errors.New("the machine is running already: use one machine for each goroutine")

// enter marks the machine as in use; it fails if it is so already.
func (m *Machine) enter() bool { return atomic.CompareAndSwapUint32(&m.busy, 0, 1) }

func (m *Machine) leave() { atomic.StoreUint32(&m.busy, 0) }

// Step runs the program on what the inputs' views and bound tensors hold. Outputs are read through views.
//
// A machine is for one goroutine at a time. A run that begins while another runs returns an error. For a program that is one
// piece of machine code, which may take less time than an atomic exchange, that is so in nearly every case: two runs that begin within the same few
// nanoseconds may both go ahead, and mix up their values, but nothing else. The race detector reports every such pair.
func (m *Machine) Step() error {
	if m != nil && m.only != nil {
		// On purpose without atomic operations, see above.
		if m.busy != 0 {
			return errBusy
		}
		m.busy = 1
		m.only.Run(m.entry.base, int(m.p.code.ArenaBytes), nil)
		m.busy = 0
		return nil
	}
	return m.StepContext(context.Background())
}

// StepContext is Step that returns the context's error soon after it is cancelled: between two instructions, and within long ones but for
// the factorisation of a single matrix and kernels of users.
func (m *Machine) StepContext(ctx context.Context) error {
	if err := m.unusable(); err != nil {
		return err
	}
	if !m.enter() {
		return errBusy
	}
	defer m.leave()
	return m.step(ctx)
}

// cancelled reports whether the context of the run is done.
func (m *Machine) cancelled() bool {
	if m.done == nil {
		return false
	}
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// setContext sets the context of the run, nil for none.
func (m *Machine) setContext(ctx context.Context) {
	m.ctx, m.done = ctx, nil
	if ctx != nil {
		m.done = ctx.Done()
	}
}

func (m *Machine) forgetContext() { m.ctx, m.done = nil, nil }

// step runs the program; the caller has entered the machine.
func (m *Machine) step(ctx context.Context) error {
	if !m.allSet {
		for i, s := range m.set {
			if !s {
				return fmt.Errorf("input %q has no value", m.p.code.Inputs[i].Name)
			}
		}
		m.allSet = true
	}
	m.setContext(ctx)
	var err error
	if m.needs.workers > 1 {
		err = m.runShared()
	} else {
		err = m.entry.run()
	}
	m.forgetContext()
	if err == nil {
		for _, v := range m.moves {
			copy(v[0], v[1])
		}
	}
	if err == nil && !m.watch && m.moves == nil {
		if code := m.entry.alone(); code != nil && code.ScratchBytes() == 0 {
			m.only = code
		}
	}
	return err
}

// runShared runs the program with helpers.
func (m *Machine) runShared() error {
	pool.Begin()
	defer pool.End()
	return m.entry.run()
}

// instrText returns the operands → result of a micro-instruction over the given dimensions.
func instrText(c micro.Instr, dims []int) string {
	var in []Operand
	for k := range c.Op.Arity() {
		in = append(in, Operand{Type: Type{DType: c.OperandType(k), Shape: dims}})
	}
	return operandsText(in) + " → " + typeText(Type{DType: c.Result(), Shape: dims})
}

func operandsText(list []Operand) string {
	s := ""
	for i, o := range list {
		if i > 0 {
			s += ", "
		}
		s += typeText(o.Type)
	}
	return s
}

// microError is a trap in a micro-instruction.
type microError struct {
	index int
	err   error
}

func (e *microError) Error() string { return e.err.Error() }
func (e *microError) Unwrap() error { return e.err }

// ErrDivideByZero is the trap of an integer division by zero.
var ErrDivideByZero = errors.New("integer division by zero")
