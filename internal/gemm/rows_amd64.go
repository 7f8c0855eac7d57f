package gemm

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

func (r *Rows) useVectors(d dtype.DType, level cpu.Level) {
	double := d == dtype.Float64
	switch {
	case level == cpu.AVX512 && double:
		*r = Rows{lanes: 8, substitute: [2]*[9]func(*asm.Rows){&asm.SubstituteF64AVX512, &asm.SubstituteUnitF64AVX512}, rotate1: asm.RotateF64AVX512x1, rotate4: asm.RotateF64AVX512x4, rotateTwice: asm.RotateTwiceF64AVX512,
			chains: [2]func(*asm.Lanes){asm.LanesF64AVX512, asm.RoundedLanesF64AVX512}, transposed: asm.TransposedF64AVX512}
	case level == cpu.AVX512:
		*r = Rows{lanes: 16, substitute: [2]*[9]func(*asm.Rows){&asm.SubstituteF32AVX512, &asm.SubstituteUnitF32AVX512}, rotate1: asm.RotateF32AVX512x1, rotate4: asm.RotateF32AVX512x4, rotateTwice: asm.RotateTwiceF32AVX512,
			chains: [2]func(*asm.Lanes){asm.LanesF32AVX512, asm.RoundedLanesF32AVX512}, transposed: asm.TransposedF32AVX512}
	case level == cpu.AVX2 && double:
		*r = Rows{lanes: 4, substitute: [2]*[9]func(*asm.Rows){&asm.SubstituteF64AVX2, &asm.SubstituteUnitF64AVX2}, rotate1: asm.RotateF64AVX2x1, rotate4: asm.RotateF64AVX2x4, rotateTwice: asm.RotateTwiceF64AVX2,
			chains: [2]func(*asm.Lanes){asm.LanesF64AVX2, asm.RoundedLanesF64AVX2}, transposed: asm.TransposedF64AVX2}
	case level == cpu.AVX2:
		*r = Rows{lanes: 8, substitute: [2]*[9]func(*asm.Rows){&asm.SubstituteF32AVX2, &asm.SubstituteUnitF32AVX2}, rotate1: asm.RotateF32AVX2x1, rotate4: asm.RotateF32AVX2x4, rotateTwice: asm.RotateTwiceF32AVX2,
			chains: [2]func(*asm.Lanes){asm.LanesF32AVX2, asm.RoundedLanesF32AVX2}, transposed: asm.TransposedF32AVX2}
	default:
		return
	}
	r.double, r.size = double, d.Size()
}
