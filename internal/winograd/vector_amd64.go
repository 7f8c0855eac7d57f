package winograd

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/winograd/asm"
)

func vectorTransforms(level cpu.Level) (Transforms, bool) {
	if level < cpu.AVX512 {
		return Transforms{}, false
	}
	return Transforms{Input: asm.InputAVX512, Adjoint: asm.AdjointAVX512, Output: asm.OutputAVX512}, true
}
