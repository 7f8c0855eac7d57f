package vm

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// tierUp is the number of runs after which scalar code is compiled to machine code: compiling costs about as
// much as 30 to 150 runs of the portable loop.
const tierUp = 40

// nativeCode is the machine code of a program, made at most once and shared by its machines.
type nativeCode struct {
	mu       sync.Mutex
	straight map[*micro.Straight]*native.Straight // nil value: it could not be compiled
	loop     map[loopKey]*native.Loop
	rows     map[*micro.Loop]*native.Rows // of loops with windows
	steps    map[any]*native.Steps        // by scan, or part of a sweep
}

// nativeLoop returns the machine code of one of the program's loops, made from its collapsed form, or nil
// if there is none.
func (p *Program) nativeLoop(l, collapsed *micro.Loop, o native.LoopOptions) *native.Loop {
	if ok, _ := native.Available(); !ok {
		return nil
	}
	p.native.mu.Lock()
	defer p.native.mu.Unlock()
	key := loopKey{l, offsetsKey(o.Offsets)}
	code, ok := p.native.loop[key]
	if !ok {
		var err error
		if code, err = native.CompileLoop(collapsed, o); err != nil {
			code = nil
		}
		if p.native.loop == nil {
			p.native.loop = map[loopKey]*native.Loop{}
		}
		p.native.loop[key] = code
	}
	return code
}

// loopKey names the machine code of a loop that has arrays at known offsets.
type loopKey struct {
	l       *micro.Loop
	offsets string
}

func offsetsKey(offsets []int64) string {
	b := make([]byte, 0, 8*len(offsets))
	for _, at := range offsets {
		b = binary.LittleEndian.AppendUint64(b, uint64(at))
	}
	return string(b)
}

// nativeRows returns the machine code of one of the program's loops with windows, or nil if there is none.
func (p *Program) nativeRows(l *micro.Loop, s *stencil) *native.Rows {
	p.native.mu.Lock()
	defer p.native.mu.Unlock()
	code, ok := p.native.rows[l]
	if !ok {
		var err error
		if code, err = native.CompileRows(l, s.dims[len(s.dims)-1], len(s.streams), s.inputs); err != nil {
			code = nil
		}
		if p.native.rows == nil {
			p.native.rows = map[*micro.Loop]*native.Rows{}
		}
		p.native.rows[l] = code
	}
	return code
}

// nativeStraight returns the machine code of one of the block's instructions, or nil if there is none:
// native code is not available, an operation has no native form, or the arena is too large to address.
func (p *Program) nativeStraight(b *Block, s *micro.Straight) *native.Straight {
	if ok, _ := native.Available(); !ok {
		return nil
	}
	p.native.mu.Lock()
	defer p.native.mu.Unlock()
	code, ok := p.native.straight[s]
	if !ok {
		var err error
		if code, err = native.CompileStraight(s, native.StraightOptions{ArenaBytes: int(b.ArenaBytes)}); err != nil {
			code = nil
		}
		if p.native.straight == nil {
			p.native.straight = map[*micro.Straight]*native.Straight{}
		}
		p.native.straight[s] = code
	}
	return code
}

// nativeSteps returns the machine code of one of the program's loops around scalar code, or nil if there is none.
func (p *Program) nativeSteps(arenaBytes int64, key any, s *micro.Straight, l *native.StepLoop) *native.Steps {
	if ok, _ := native.Available(); !ok {
		return nil
	}
	p.native.mu.Lock()
	defer p.native.mu.Unlock()
	code, ok := p.native.steps[key]
	if !ok {
		var err error
		if code, err = native.CompileSteps(s, l, native.StraightOptions{ArenaBytes: int(arenaBytes)}); err != nil {
			code = nil
		}
		if p.native.steps == nil {
			p.native.steps = map[any]*native.Steps{}
		}
		p.native.steps[key] = code
	}
	return code
}

// Executor says how an instruction is run now.
type Executor string

// The executors.
const (
	ExecutorPortable Executor = "portable" // a loop over micro-instructions in Go
	ExecutorBlocks   Executor = "blocks"   // block kernels, SIMD where the processor has it
	ExecutorNative   Executor = "native"   // machine code made from the micro-code
	ExecutorKernel   Executor = "kernel"   // a whole-tensor kernel
	ExecutorFrames   Executor = "frames"   // blocks run in frames, each instruction by its own executor
)

// Executors returns how each instruction of the program is run at the moment: scalar code moves from the portable
// loop to native code after some runs.
func (m *Machine) Executors() []Executor {
	if m == nil || m.entry == nil {
		return nil
	}
	out := make([]Executor, len(m.entry.exec))
	for i, e := range m.entry.exec {
		out[i] = e.kind()
	}
	return out
}

// MachineCode returns the machine code that the program's instructions run as at the moment, disassembled, in Intel's
// syntax: offset, bytes and text. It is empty where nothing is native.
func (m *Machine) MachineCode() string {
	if m == nil || m.entry == nil {
		return ""
	}
	var b strings.Builder
	for i, e := range m.entry.exec {
		if text := e.listing(); text != "" {
			fmt.Fprintf(&b, "%4d  %s", i, text)
		}
	}
	return b.String()
}

// WithoutNative keeps the machine to the portable loop and block kernels. Results have the same bits.
func WithoutNative() Option { return func(m *Machine) { m.noNative = true } }

// WithNativeAhead compiles scalar code to machine code when the machine is made, not after some runs.
func WithNativeAhead() Option { return func(m *Machine) { m.ahead = true } }
