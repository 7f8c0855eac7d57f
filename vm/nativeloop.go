package vm

import (
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
)

// nativeLoop is the machine code of a whole loop around scalar code.
type nativeLoop struct {
	loop   *native.Steps // nil until it is worth compiling, or for ever if it cannot be
	tried  bool
	table  []unsafe.Pointer // of loop
	atOnce int              // steps between two returns from machine code
}

// pieceTime is the time in nanoseconds that machine code, which cannot be preempted, takes at most, roughly.
const pieceTime = 20e3

// compile makes machine code of the loop l around s, which is nil if there can be none, for an arena of so many bytes. It reports whether it has just been made; key names the
// loop in the program.
func (x *nativeLoop) compile(m *Machine, key any, s *micro.Straight, l *native.StepLoop, arenaBytes int64) bool {
	if m.noNative {
		return false
	}
	x.tried = true
	if l == nil {
		return false
	}
	if x.loop = m.p.nativeSteps(arenaBytes, key, s, l); x.loop == nil {
		return false
	}
	x.table = make([]unsafe.Pointer, l.Arrays+1)
	cost := 5.0
	for i := range s.Code {
		cost += 1 + 6*s.Code[i].Op.Info().Cost // an element in a vector takes about a sixth of a scalar
	}
	x.atOnce = max(1, int(pieceTime/cost))
	if need := x.loop.ScratchBytes(); need > len(m.spill) {
		m.spill = make([]byte, need)
	}
	return true
}

// loop adds the memory of the loop.
func (n *needs) loop(s *micro.Straight, l *native.StepLoop, arenaBytes int64) {
	if l != nil {
		code, making := native.StepsMemory(s, l, arenaBytes)
		n.addCode(code, making)
		n.addRuns(heapBytes(8 * int64(l.Arrays+1)))
	}
}

func (x *nativeLoop) kind() Executor {
	if x.loop != nil {
		return ExecutorNative
	}
	return ExecutorFrames
}

func (x *nativeLoop) listing(c *caller) string {
	if x.loop == nil {
		return c.listing()
	}
	return native.Registers("loop around scalar code; rdi, rsi, rdx: frame, constants and scratch memory, each + 128; r14: pointers to xs and ys; r15: step\n") + x.loop.Listing()
}

func (x *nativeLoop) codeBytes() int {
	if x.loop == nil {
		return 0
	}
	return x.loop.CodeBytes()
}
