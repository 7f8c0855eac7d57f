package native

import (
	"runtime"
	"strings"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/native/isa"
	"github.com/adjoint-go/adjoint/internal/native/isa/amd64"
	"github.com/adjoint-go/adjoint/internal/native/isa/arm64"
)

// architecture is what the compilers know of a processor's kind.
type architecture struct {
	least       cpu.Level // what code needs
	machine     func(g *isa.Generator, level cpu.Level) isa.Machine
	listing     func(code []byte) string // one line an instruction: offset, bytes, text
	bias, reach int32                    // of a generator of scalar code
}

var (
	x86Architecture = architecture{cpu.AVX2, amd64.New, amd64.Listing, 128, 127}
	armArchitecture = architecture{cpu.NEON, arm64.New, arm64.Listing, 0, 32760}
)

// architectureOf returns the one that has vector instructions of a level.
func architectureOf(level cpu.Level) *architecture {
	if level == cpu.NEON {
		return &armArchitecture
	}
	return &x86Architecture
}

// onARM puts arm64's registers of the same uses into a text about amd64's.
var onARM = strings.NewReplacer("rdi", "x7", "rsi", "x6", "rdx", "x2", "rax: element, ", "", "rcx", "x1", "r14", "x14", "r15", "x15", ", each + 128", "")

// Registers returns a text about the registers of amd64 that is true of this processor's.
func Registers(text string) string {
	if host == &armArchitecture {
		return onARM.Replace(text)
	}
	return text
}

// host is the architecture of this processor.
var host = map[bool]*architecture{true: &armArchitecture, false: &x86Architecture}[runtime.GOARCH == "arm64"]
