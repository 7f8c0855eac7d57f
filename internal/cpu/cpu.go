// Package cpu says which vector instructions may be used: the one place that asks the processor, for the block kernels and for machine code.
package cpu

import (
	"runtime"
	"sync"

	"golang.org/x/sys/cpu"

	"github.com/adjoint-go/adjoint/internal/switches"
)

// Level is a family of vector instructions. All give the same bits.
type Level uint8

// The levels; on one architecture each has what the one below has.
const (
	Portable Level = iota // Go, on every architecture
	NEON                  // arm64, of which every processor has it
	AVX2                  // amd64 with AVX2, FMA and BMI2
	AVX512                // amd64 with AVX-512 F, DQ, BW and VL
)

// String returns off, avx2 or avx512, the values that ADJOINT_SIMD takes, or neon.
func (l Level) String() string {
	switch l {
	case Portable:
		return "off"
	case NEON:
		return "neon"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	}
	return "unknown"
}

// Supported returns the best level that this processor and operating system support.
func Supported() Level {
	x := &cpu.X86
	switch {
	case runtime.GOARCH == "arm64":
		return NEON
	case runtime.GOARCH != "amd64" || !(x.HasAVX2 && x.HasFMA && x.HasBMI2):
		return Portable
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL:
		return AVX512
	}
	return AVX2
}

// Levels returns those that this processor and operating system support, from Portable on.
func Levels() (list []Level) {
	for l := Portable; l <= Supported(); l++ {
		if l != NEON || runtime.GOARCH == "arm64" {
			list = append(list, l)
		}
	}
	return list
}

var best = sync.OnceValue(func() Level { return Capped(Supported(), switches.Get().SIMD) })

// Best returns the level to use: the best one supported, or a lower one if the environment variable ADJOINT_SIMD (off, avx2, avx512)
// names it. It is read once.
func Best() Level { return best() }

// Capped returns level, or the one that a value of ADJOINT_SIMD names if that is lower.
func Capped(level Level, simd string) Level {
	for l := Portable; l < level; l++ {
		if simd == l.String() {
			return l
		}
	}
	return level
}
