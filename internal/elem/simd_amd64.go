package elem

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/asm"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// simdName returns the name of the kernel that serves an operation.
func simdName(op micro.Op, t, to dtype.DType) string {
	switch {
	case op == micro.Cast && t == dtype.Bool && to.IsFloat():
		return "cast_bool_" + to.Short()
	case op == micro.Cast && to == dtype.Bool && t.IsFloat():
		return "cast_to_bool_" + t.Short()
	case op == micro.Cast:
		return ""
	case op == micro.Select && t == dtype.Int64:
		return "select_f64" // moves bits
	case op == micro.Select && t == dtype.Int32:
		return "select_f32"
	}
	return op.String() + "_" + t.Short()
}

// simdBlock returns the kernel of exactly this level, nil if it has none.
func simdBlock(op micro.Op, t, to dtype.DType, level cpu.Level) Block {
	name := simdName(op, t, to)
	switch level {
	case cpu.AVX2:
		return asm.BlocksAVX2[name]
	case cpu.AVX512:
		return asm.BlocksAVX512[name]
	}
	return nil
}

func simdSinCos(t dtype.DType, level cpu.Level) PairBlock {
	switch {
	case level == cpu.AVX2 && t == dtype.Float64:
		return asm.SincosF64AVX2
	case level == cpu.AVX2 && t == dtype.Float32:
		return asm.SincosF32AVX2
	case level == cpu.AVX512 && t == dtype.Float64:
		return asm.SincosF64AVX512
	case level == cpu.AVX512 && t == dtype.Float32:
		return asm.SincosF32AVX512
	}
	return nil
}

func simdBesideDivision(op micro.Op, t dtype.DType, level cpu.Level) DivisionBlock {
	name := op.String() + "_" + t.Short()
	if op == micro.Sin {
		name = "sincos_" + t.Short()
	}
	switch level {
	case cpu.AVX2:
		return asm.BesideDivisionAVX2[name]
	case cpu.AVX512:
		return asm.BesideDivisionAVX512[name]
	}
	return nil
}

func simdReduce(kind micro.ReduceKind, t dtype.DType, level cpu.Level) ReduceFunc {
	names := [...]string{micro.ReduceSum: "sum_", micro.ReduceProd: "prod_", micro.ReduceMax: "max_", micro.ReduceMin: "min_"}
	if kind == micro.NoReduce || int(kind) >= len(names) {
		return nil
	}
	name := names[kind] + t.Short()
	switch level {
	case cpu.AVX2:
		return asm.ReductionsAVX2[name]
	case cpu.AVX512:
		return asm.ReductionsAVX512[name]
	}
	return nil
}

func simdSumOf(op micro.Op, t dtype.DType, level cpu.Level) SumFunc {
	name := op.String() + "_" + t.Short()
	switch level {
	case cpu.AVX2:
		return asm.SumsAVX2[name]
	case cpu.AVX512:
		return asm.SumsAVX512[name]
	}
	return nil
}

func simdRepeat(size int, level cpu.Level) RepeatFunc {
	switch {
	case level == cpu.AVX2 && size == 8:
		return asm.RepeatF64AVX2
	case level == cpu.AVX2 && size == 4:
		return asm.RepeatF32AVX2
	case level == cpu.AVX512 && size == 8:
		return asm.RepeatF64AVX512
	case level == cpu.AVX512 && size == 4:
		return asm.RepeatF32AVX512
	}
	return nil
}

func simdAddWidened(level cpu.Level) AddWidenedFunc {
	switch level {
	case cpu.AVX2:
		return asm.AddWidenedAVX2
	case cpu.AVX512:
		return asm.AddWidenedAVX512
	}
	return nil
}
