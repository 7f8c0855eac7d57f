// Package native compiles micro-code into machine code for amd64 and runs it, without cgo.
//
// Two compilers share one low-level instruction set, one register allocator and one
// assembler. CompileStraight makes scalar code from a micro.Straight, CompileLoop vector
// code (AVX-512 or AVX2) from a micro.Loop. Results have the bits of the portable functions
// in package kernel; only the sign and payload of a NaN are not part of that promise.
//
// Code lies in pages of its own that are first written and then made executable. Where the
// system refuses that, on other platforms, and on processors without AVX2 and FMA,
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

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/switches"
	"github.com/klauspost/cpuid/v2"
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

// A Level is the instruction set that vector code is compiled for.
type Level uint8

// The levels.
const (
	LevelAuto   Level = iota // the best that the processor and ADJOINT_SIMD allow
	LevelAVX2                // VEX instructions, 256 bits
	LevelAVX512              // EVEX instructions, 512 bits
)

// String returns avx2, avx512 or auto.
func (l Level) String() string { return [...]string{"auto", "avx2", "avx512"}[l] }

type availability struct {
	ok     bool
	reason string
	level  Level
}

var detect = sync.OnceValue(func() availability {
	return detectWith(switches.Get(), &cpuid.CPU, probe)
})

func detectWith(s switches.Values, cpu *cpuid.CPUInfo, probe func() error) availability {
	if !s.Native {
		return availability{reason: "switched off by ADJOINT_NATIVE=off"}
	}
	if s.SIMD == "off" {
		return availability{reason: "switched off by ADJOINT_SIMD=off"}
	}
	if !cpu.Supports(cpuid.AVX, cpuid.AVX2, cpuid.FMA3) {
		return availability{reason: "the processor lacks AVX2 or FMA"}
	}
	if err := probe(); err != nil {
		return availability{reason: "executable memory refused: " + err.Error()}
	}
	level := LevelAVX2
	if s.SIMD != "avx2" && cpu.Supports(cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL) {
		level = LevelAVX512
	}
	return availability{ok: true, level: level}
}

// Available reports whether native code can run here, and if not, why.
func Available() (ok bool, reason string) {
	a := detect()
	return a.ok, a.reason
}

// BestLevel returns the instruction set that LevelAuto stands for.
func BestLevel() Level { return detect().level }
