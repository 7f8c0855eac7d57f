// Package native compiles micro-code into machine code for amd64 and arm64 and runs it, without cgo.
//
// Compilers know no machine: they make low-level code, to which package isa gives registers, and packages isa/amd64 and isa/arm64 have the machine code of it.
// CompileStraight makes scalar code from a micro.Straight, CompileSteps a loop around it, CompileLoop vector
// code (AVX-512, AVX2 or NEON) from a micro.Loop, CompileRows a loop over rows around vector code. Results have the bits of the portable functions
// in package elem; only the sign and payload of a NaN are not part of that promise.
//
// Code lies in pages of its own that are first written and then made executable, on Linux and macOS, for amd64 on Windows too. Where the
// system refuses that, on other platforms, and on amd64 without AVX2 and FMA,
// Available reports why not and the compilers return ErrUnavailable; the caller then keeps
// to its portable loop.
//
// Environment, read once: ADJOINT_NATIVE=off and ADJOINT_SIMD=off turn native code off,
// ADJOINT_SIMD=avx2 keeps it to VEX instructions on 256-bit registers.
package native

import (
	"errors"
	"fmt"
	"sync"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/switches"
)

// ErrUnavailable is wrapped by the errors of the compilers where native code cannot run.
var ErrUnavailable = errors.New("native code is not available")

// ErrUnsupported is the error of a compiler for an operation without a native form.
type ErrUnsupported struct {
	Op       micro.Op
	Type, To dtype.DType // as in micro.Instr
	Instr    int         // index into the micro-code
}

// Error names the operation and where it stands.
func (e *ErrUnsupported) Error() string {
	to := ""
	if e.To != dtype.Invalid {
		to = " to " + e.To.String()
	}
	return fmt.Sprintf("native: instruction %d: no machine code for %s of %s%s", e.Instr, e.Op, e.Type, to)
}

type availability struct {
	ok     bool
	reason string
	level  cpu.Level
}

var detect = sync.OnceValue(func() availability {
	return detectWith(switches.Get(), host.least, cpu.Supported(), probe)
})

// detectWith finds what can be had where machine code needs the least level and the processor supports another.
func detectWith(s switches.Values, least, supported cpu.Level, probe func() error) availability {
	switch {
	case !s.Native:
		return availability{reason: "switched off by ADJOINT_NATIVE=off"}
	case supported < least:
		return availability{reason: "the processor lacks AVX2, FMA or BMI2"}
	case s.SIMD == cpu.Portable.String():
		return availability{reason: "switched off by ADJOINT_SIMD=off"}
	}
	if err := probe(); err != nil {
		return availability{reason: "executable memory refused: " + err.Error()}
	}
	return availability{ok: true, level: cpu.Capped(supported, s.SIMD)}
}

// Available reports whether native code can run here, and if not, why.
func Available() (ok bool, reason string) {
	a := detect()
	return a.ok, a.reason
}

// BestLevel returns the best instruction set that vector code may use; Portable where there is none.
func BestLevel() cpu.Level { return detect().level }
