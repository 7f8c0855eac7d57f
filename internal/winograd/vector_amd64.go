package winograd

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/winograd/asm"
)

func vectorTransforms(level cpu.Level) (Transforms, bool) {
	switch level {
	case cpu.AVX512:
		return Transforms{Input: asm.InputAVX512, Adjoint: asm.AdjointAVX512, Output: asm.OutputAVX512}, true
	case cpu.AVX2:
		return Transforms{Input: asm.InputAVX2, Adjoint: asm.AdjointAVX2, Output: asm.OutputAVX2}, true
	}
	return Transforms{}, false
}
