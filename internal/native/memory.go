package native

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Upper bounds of what code takes, in bytes. Operations up to fewBytes are a few machine instructions; the others, which have polynomials and rare
// cases in functions, are counted apart. TestMemoryBounds compares them with what is taken.
const (
	fixedCode      = 4 << 10
	simpleCode     = 64
	richCode       = 1000
	functionCode   = 2 << 10 // once for each operation and dtype
	simpleMaking   = 2000
	richMaking     = 32 << 10
	fixedMaking    = 24 << 10
	functionMaking = 80 << 10
	loopUnrolled   = 6 // copies of the body in a loop's code at most
	loopAccessCode = 256
	pageMaking     = pageCells * 20
	bufferMaking   = 4 // copies of the code while its buffer grows
)

// rich reports whether an operation may be more than a few machine instructions.
func rich(in *micro.Instr) bool {
	switch in.Op {
	case micro.Mov, micro.Add, micro.Sub, micro.Mul, micro.FMA, micro.FMS, micro.FNMA, micro.Neg, micro.Abs, micro.Min, micro.Max, micro.MulNoNan, micro.Select, micro.Sqrt:
		return !in.Type.IsFloat()
	case micro.Div:
		return in.Type.IsInt()
	}
	return !in.Op.Info().Bool
}

// census counts simple and rich instructions, and the different rich ones.
func census(code []micro.Instr) (simple, riches, functions int64) {
	var seen [micro.Count][dtype.Count]bool
	for i := range code {
		in := &code[i]
		switch {
		case !rich(in):
			simple++
		case int(in.Op) < micro.Count && in.Type < dtype.Count && !seen[in.Op][in.Type]:
			seen[in.Op][in.Type] = true
			functions++
			riches++
		default:
			riches++
		}
	}
	return simple, riches, functions
}

// StraightMemory returns the most bytes that the machine code of s takes, its constants and scratch included, and that making it takes besides.
func StraightMemory(s *micro.Straight, arenaBytes int64) (code, making int64) {
	simple, riches, functions := census(s.Code)
	n := simple + riches
	temps := min(int64(s.TempHi-s.TempLo)/2+1, 4*n)
	code = fixedCode + simple*simpleCode + riches*richCode + functions*functionCode + 8*temps
	if code > manyBytes {
		code += hugeBytes
	}
	pages := min(arenaBytes/4/pageCells+1, 4*n)
	making = fixedMaking + min(simple, DefaultChunk)*simpleMaking + min(riches, DefaultChunk)*richMaking + functions*functionMaking +
		bufferMaking*code + arenaBytes/4/pageCells*8 + pages*pageMaking + n + temps/4
	return code, making
}

// manyBytes and hugeBytes are manyPages and hugePage of the systems that have machine code.
const manyBytes, hugeBytes = 512 << 10, 2 << 20

// LoopMemory is StraightMemory for the code of l; runs is the memory for runs by the given number of workers.
func LoopMemory(l *micro.Loop, workers int) (code, runs, making int64) {
	simple, riches, functions := census(l.Code)
	arrays := int64(len(l.In) + len(l.Out))
	code = fixedCode + loopUnrolled*((simple+arrays)*simpleCode+arrays*loopAccessCode+riches*(richCode+functionCode)) + functions*functionCode
	if code > manyBytes {
		code += hugeBytes
	}
	runs = int64(workers) * (4*8*cpu.LineWords + 64 + arrays*(32+endBytes) + 64*int64(len(l.In)+len(l.Consts)+l.Temps) + 4<<10)
	making = fixedMaking + loopUnrolled*((simple+arrays)*simpleMaking+riches*richMaking) + functions*functionMaking + bufferMaking*(code+runs)
	return code, runs, making
}
